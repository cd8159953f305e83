/*
 * profile.c: making and ending profiles, and the frame around every write.
 *
 * A profile holds at most 64 segments, as pointers sorted by the writer's bytes. The segment of a
 * writer that has not written before is made for its first write and taken out again if that is
 * refused. Where something was erased since the writer last wrote, or a write has several steps, it
 * works on a copy that takes the segment's place until the write has succeeded:
 *
 *     edit_begin -> the writer's own, a copy of it or a fresh one -> claims.c, events.c ... work
 *                -> edit_end: counted and compacted; or put back as if never begun
 *
 * A change drops what was derived from the content: the digest, the segment's raw bytes and that
 * half of the sealed view (claims or cells) which it touched.
 *
 * The cache of the digest is reached through a pointer, though it lies in the same block, because a
 * profile that threads share is const: whoever asks first fills it, guarded by an atomic.
 *
 * Not here: what writes mean, joining (join.c), the view (view.c).
 */
#include "profile/state.h"

#include "base/hash.h"

#include <string.h>

typedef struct profile_block {
    pz__profile profile;
    pz__digest_cache digest;
} profile_block;

pz_status pz__profile_new(pz__profile **out, const pz_alloc *alloc, pz__subject_kind kind,
                          pz_str subject, pz_error *err)
{
    *out = NULL;
    if (subject.len == 0 || subject.len > PZ__SUBJECT_MAX)
        return pz__fail(err, PZ_ERR_ARG, "a subject id has 1 to %u bytes, not %zu", PZ__SUBJECT_MAX,
                        subject.len);
    if (kind != PZ__PERSON && kind != PZ__ACCOUNT && kind != PZ__DEVICE)
        return pz__fail(err, PZ_ERR_ARG, "%d is no kind of subject", (int)kind);
    pz_alloc own = pz__alloc_or_default(alloc);
    profile_block *block = pz__mem_zero(&own, 1, sizeof *block);
    if (!block)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    pz__profile *profile = &block->profile;
    profile->alloc = own;
    atomic_init(&profile->refs, 1);
    profile->kind = kind;
    memcpy(profile->subject_bytes, subject.data, subject.len);
    profile->subject_len = subject.len;
    profile->erasures = 1;
    profile->digest = &block->digest;
    atomic_init(&profile->digest->state, 0);
    pz__buf_init(&profile->scratch, &own, PZ__CLAIM_VALUE_MAX);
    *out = profile;
    return PZ_OK;
}

static void free_merged(const pz_alloc *alloc, pz__merged *merged, size_t size)
{
    pz__mem_free(alloc, merged->list, merged->cap, size);
    pz__mem_free(alloc, merged->spare, merged->cap, size);
}

bool pz__profile_is_peeked(const pz__profile *profile)
{
    return profile->bytes.data != NULL;
}

pz_status pz__profile_share(pz__profile **out, pz__profile *profile)
{
    *out = profile;
    if (!pz__profile_is_peeked(profile)) {
        atomic_fetch_add_explicit(&profile->refs, 1, memory_order_relaxed);
        return PZ_OK;
    }
    pz_status status = pz__profile_copy(out, profile);
    if (status == PZ_OK)
        status = pz__profile_seal(*out);
    if (status != PZ_OK) {
        pz__profile_free(*out);
        *out = NULL;
    }
    return status;
}

void pz__profile_free(pz__profile *profile)
{
    if (!profile || profile->bytes.data ||
        atomic_fetch_sub_explicit(&profile->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        pz__segment_free(profile->segments[i]);
    pz_alloc alloc = profile->alloc;
    pz__cover_drop(profile);
    free_merged(&alloc, &profile->sealed.merged_claims, sizeof(pz__claim));
    free_merged(&alloc, &profile->sealed.merged_cells, sizeof(pz__cell));
    pz__mem_free(&alloc, profile->waiting, profile->waiting_cap, sizeof *profile->waiting);
    pz__mem_free(&alloc, profile->names, profile->name_cap, sizeof *profile->names);
    pz__mem_free(&alloc, profile->sealed.grants, profile->sealed.grant_cap,
                 sizeof *profile->sealed.grants);
    pz__buf_clear(&profile->scratch);
    pz__mem_free(&alloc, profile, 1, sizeof(profile_block));
}

pz_status pz__profile_copy(pz__profile **out, const pz__profile *profile)
{
    if (profile->bytes.data)
        return pz__peek_decode(out, profile);
    pz_status status =
        pz__profile_new(out, &profile->alloc, profile->kind, pz__profile_subject(profile), NULL);
    for (uint32_t i = 0; i < profile->segment_count && status == PZ_OK; i++) {
        status = pz__segment_copy(&(*out)->segments[i], &profile->alloc, profile->segments[i]);
        if (status == PZ_OK)
            (*out)->segment_count = i + 1;
    }
    if (status != PZ_OK) {
        pz__profile_free(*out);
        *out = NULL;
    }
    return status;
}

pz_str pz__profile_subject(const pz__profile *profile)
{
    return (pz_str){profile->subject_bytes, profile->subject_len};
}

pz__subject_kind pz__profile_kind(const pz__profile *profile)
{
    return profile->kind;
}

uint32_t pz__profile_segment_count(const pz__profile *profile)
{
    return profile->segment_count;
}

pz__segment_info pz__profile_segment(const pz__profile *profile, uint32_t index)
{
    const pz__segment *segment = profile->segments[index];
    return (pz__segment_info){.writer = segment->writer,
                              .sequence = segment->sequence,
                              .dropped = segment->dropped,
                              .claim_count = segment->claim_count,
                              .cell_count = segment->cell_count,
                              .event_count = segment->event_count,
                              .grant_count = segment->grant_count,
                              .forgetting_count = segment->forgetting_count,
                              .retraction_count = segment->retraction_count,
                              .ring_count = segment->ring_count,
                              .history_count = segment->history_count,
                              .unknown_count = segment->unknown_count,
                              .has_floor = segment->has_floor,
                              .floor_ms = segment->floor_ms,
                              .cost = segment->cost};
}

/* ---- the frame of a write ---- */

void pz__profile_changed(pz__profile *profile, unsigned what)
{
    atomic_store_explicit(&profile->digest->state, 0, memory_order_relaxed);
    if (what & PZ__CHANGED_CLAIMS) {
        profile->sealed.has_claims = false;
        profile->sealed.claims = (pz__claims){NULL, 0};
    }
    if (what & PZ__CHANGED_CELLS) {
        profile->sealed.has_cells = false;
        profile->sealed.cells = (pz__cells){NULL, 0};
    }
    if (what & PZ__CHANGED_GRANTS)
        profile->sealed.has_grants = false;
}

bool pz__profile_find(const pz__profile *profile, pz_str writer, uint32_t *index)
{
    uint32_t i = 0;
    int by = -1;
    while (i < profile->segment_count) {
        by = pz__str_compare(profile->segments[i]->writer, writer);
        if (by >= 0)
            break;
        i++;
    }
    *index = i;
    return by == 0;
}

void pz__profile_insert(pz__profile *profile, uint32_t index, pz__segment *segment)
{
    memmove(&profile->segments[index + 1], &profile->segments[index],
            (profile->segment_count - index) * sizeof(pz__segment *));
    profile->segments[index] = segment;
    profile->segment_count++;
}

size_t pz__profile_cost(const pz__profile *profile)
{
    size_t cost = PZ__SUBJECT_MAX + 16;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        cost += profile->segments[i]->cost;
    return cost;
}

/* Put an empty segment of the writer where it belongs. */
static pz_status begin_fresh(pz__profile *profile, pz_str writer, pz__edit *edit, pz_error *err)
{
    if (profile->segment_count == PZ__PROFILE_WRITERS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile has segments of %u writers already",
                        PZ__PROFILE_WRITERS_MAX);
    if (pz__segment_new(&edit->segment, &profile->alloc, writer) != PZ_OK)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    edit->is_fresh = true;
    pz__cover_drop(profile);
    pz__profile_insert(profile, edit->index, edit->segment);
    return PZ_OK;
}

/* With what forgettings cover laid out, where the whole segment has to be looked at. */
static bool is_stale(pz__profile *profile, pz__segment *segment)
{
    if (segment->checked != profile->erasures && !profile->cover)
        pz__cover_make(profile);
    return pz__segment_is_stale(profile, segment);
}

/* Put a copy of the segment in its place, and drop from the copy what was erased. */
static pz_status begin_copy(pz__profile *profile, pz__edit *edit, pz_error *err)
{
    pz__segment *copy;
    const pz_status status = pz__segment_copy(&copy, &profile->alloc, edit->segment);
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory");
    copy->raw = (pz_str){NULL, 0}; /* a write of several steps asks in between how large it is */
    edit->original = edit->segment;
    edit->segment = copy;
    profile->segments[edit->index] = copy;
    pz__cover_drop(profile);
    if (is_stale(profile, copy))
        pz__segment_purge(profile, copy);
    return PZ_OK;
}

pz_status pz__edit_begin(pz__profile *profile, pz_str writer, bool is_whole, pz__edit *edit,
                         pz_error *err)
{
    *edit = (pz__edit){NULL, NULL, 0, false};
    if (writer.len == 0 || writer.len > PZ__WRITER_MAX)
        return pz__fail(err, PZ_ERR_ARG, "a writer id has 1 to %u bytes, not %zu", PZ__WRITER_MAX,
                        writer.len);
    if (!pz__profile_find(profile, writer, &edit->index))
        return begin_fresh(profile, writer, edit, err);
    edit->segment = profile->segments[edit->index];
    if (edit->segment->sequence >= PZ__SEQUENCE_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "this writer's sequence is used up");
    if (is_whole || is_stale(profile, edit->segment))
        return begin_copy(profile, edit, err);
    return PZ_OK;
}

static void take_out(pz__profile *profile, uint32_t index)
{
    profile->segment_count--;
    memmove(&profile->segments[index], &profile->segments[index + 1],
            (profile->segment_count - index) * sizeof(pz__segment *));
}

static void leave_no_trace(pz__profile *profile, const pz__edit *edit)
{
    if (edit->is_fresh)
        take_out(profile, edit->index);
    if (edit->original)
        profile->segments[edit->index] = edit->original;
    if (edit->is_fresh || edit->original)
        pz__segment_free(edit->segment);
}

void pz__edit_end(pz__profile *profile, pz__edit *edit, bool is_changed, unsigned what)
{
    pz__cover_drop(profile);
    if (!is_changed) {
        leave_no_trace(profile, edit);
        return;
    }
    pz__segment *segment = edit->segment;
    segment->sequence++;
    segment->erased = 0;
    segment->raw = (pz_str){NULL, 0};
    if (edit->is_fresh || edit->original)
        what = PZ__CHANGED_ALL;
    pz__segment_free(edit->original);
    const char *block = segment->block;
    pz__segment_compact(segment);
    if (segment->block != block) /* every borrowed text has moved */
        what = PZ__CHANGED_ALL;
    pz__profile_changed(profile, what);
}

pz_status pz__profile_clean(pz__profile *profile, pz_str writer, bool *is_changed, pz_error *err)
{
    pz__edit edit;
    uint32_t index;
    *is_changed = false;
    if (!pz__profile_find(profile, writer, &index))
        return PZ_OK;
    const pz_status status = pz__edit_begin(profile, writer, false, &edit, err);
    if (status != PZ_OK)
        return status;
    *is_changed = edit.original != NULL; /* a copy was made, to drop from it */
    pz__edit_end(profile, &edit, *is_changed, PZ__CHANGED_ALL);
    return PZ_OK;
}

pz_status pz__segments_size(pz__segment *const *list, uint32_t count, const pz_alloc *alloc,
                            size_t *size)
{
    pz__buf made;
    pz__buf_init(&made, alloc, PZ__PROFILE_BYTES_MAX);
    pz_status status = PZ_OK;
    *size = PZ__SUBJECT_MAX + 16;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        size_t len = list[i]->raw.len;
        pz__buf_reset(&made);
        if (!list[i]->raw.data) {
            status = pz__segment_encode(list[i], &made);
            len = made.len;
        }
        *size += len + PZ__WRITER_MAX + 5;
    }
    pz__buf_clear(&made);
    if (status == PZ_OK && *size > PZ__PROFILE_BYTES_MAX)
        status = PZ_ERR_LIMIT;
    return status;
}

/* What replicas hold may have been joined up to the exact size, and be far above it as it is
 * estimated: the customer's own word is held against the exact one. */
static pz_status check_exact(const pz__profile *profile, size_t gain)
{
    size_t size;
    const pz_status status =
        pz__segments_size(profile->segments, profile->segment_count, &profile->alloc, &size);
    return status == PZ_OK && size + gain > PZ__PROFILE_BYTES_MAX ? PZ_ERR_LIMIT : status;
}

pz_status pz__edit_check_size(const pz__profile *profile, size_t gain, size_t loss, bool is_own,
                              pz_error *err)
{
    const uint32_t most = PZ__PROFILE_BYTES_MAX - (is_own ? 0 : PZ__PROFILE_BYTES_OF_CUSTOMER);
    if (gain <= loss || pz__profile_cost(profile) + gain - loss <= most)
        return PZ_OK;
    const pz_status status = is_own ? check_exact(profile, gain) : PZ_ERR_LIMIT;
    if (status == PZ_ERR_LIMIT)
        return pz__fail(err, status, "the profile would exceed %u bytes%s", most,
                        is_own ? "" : "; what is left is for the customer's own words");
    return status == PZ_OK ? PZ_OK : pz__fail(err, status, "out of memory");
}

/* ---- the digest ---- */

static pz_status hash_bytes(const pz__profile *profile, pz__digest *out)
{
    /* Of bytes that are read in place nothing is made: several threads may ask at once. */
    if (profile->bytes.data) {
        *out = pz__content_hash(profile->bytes.data, profile->bytes.len);
        return PZ_OK;
    }
    pz__buf bytes;
    pz__buf_init(&bytes, &profile->alloc, PZ__PROFILE_BYTES_MAX);
    pz_status status = pz__profile_encode(profile, &bytes);
    if (status == PZ_OK)
        *out = pz__content_hash(bytes.data, bytes.len);
    pz__buf_clear(&bytes);
    return status;
}

pz_status pz__profile_digest(const pz__profile *profile, pz__digest *out)
{
    pz__digest_cache *cache = profile->digest;
    if (atomic_load_explicit(&cache->state, memory_order_acquire) == 2) {
        *out = cache->digest;
        return PZ_OK;
    }
    pz_status status = hash_bytes(profile, out);
    int empty = 0;
    if (status == PZ_OK && atomic_compare_exchange_strong(&cache->state, &empty, 1)) {
        cache->digest = *out;
        atomic_store_explicit(&cache->state, 2, memory_order_release);
    }
    return status;
}
