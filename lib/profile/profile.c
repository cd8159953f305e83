/*
 * profile.c: making and ending profiles, and the frame around every write.
 *
 * A profile holds at most 64 segments, as pointers sorted by the writer's bytes. The segment of a
 * writer that has not written before is built aside and takes its place when its first write has
 * succeeded, so a refused write leaves no empty segment behind:
 *
 *     open_segment -> the writer's own, or a fresh one -> claims.c or events.c does the work
 *                  -> close_segment: inserted, counted, compacted; or freed as if never made
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

pz__profile *pz__profile_ref(pz__profile *profile)
{
    atomic_fetch_add_explicit(&profile->refs, 1, memory_order_relaxed);
    return profile;
}

void pz__profile_free(pz__profile *profile)
{
    if (!profile || atomic_fetch_sub_explicit(&profile->refs, 1, memory_order_acq_rel) != 1)
        return;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        pz__segment_free(profile->segments[i]);
    pz_alloc alloc = profile->alloc;
    free_merged(&alloc, &profile->sealed.merged_claims, sizeof(pz__claim));
    free_merged(&alloc, &profile->sealed.merged_cells, sizeof(pz__cell));
    pz__mem_free(&alloc, profile->waiting, profile->waiting_cap, sizeof *profile->waiting);
    pz__mem_free(&alloc, profile->names, profile->name_cap, sizeof *profile->names);
    pz__buf_clear(&profile->scratch);
    pz__mem_free(&alloc, profile, 1, sizeof(profile_block));
}

pz_status pz__profile_copy(pz__profile **out, const pz__profile *profile)
{
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
                              .event_count = segment->event_count};
}

/* ---- the frame of a write ---- */

bool pz__time_is_valid(int64_t ms)
{
    return ms >= PZ__TIME_MIN_MS && ms <= PZ__TIME_MAX_MS;
}

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

pz_status pz__profile_open_segment(pz__profile *profile, pz_str writer, pz__segment **out,
                                   uint32_t *index, bool *is_fresh, pz_error *err)
{
    *is_fresh = false;
    if (writer.len == 0 || writer.len > PZ__WRITER_MAX)
        return pz__fail(err, PZ_ERR_ARG, "a writer id has 1 to %u bytes, not %zu", PZ__WRITER_MAX,
                        writer.len);
    if (pz__profile_find(profile, writer, index)) {
        *out = profile->segments[*index];
        if ((*out)->sequence >= PZ__SEQUENCE_MAX)
            return pz__fail(err, PZ_ERR_LIMIT, "this writer's sequence is used up");
        return PZ_OK;
    }
    if (profile->segment_count == PZ__PROFILE_WRITERS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile has segments of %u writers already",
                        PZ__PROFILE_WRITERS_MAX);
    *is_fresh = true;
    if (pz__segment_new(out, &profile->alloc, writer) != PZ_OK)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    return PZ_OK;
}

void pz__profile_close_segment(pz__profile *profile, pz__segment *segment, uint32_t index,
                               bool is_fresh, bool is_changed, unsigned what)
{
    if (!is_changed) {
        if (is_fresh)
            pz__segment_free(segment);
        return;
    }
    segment->sequence++;
    segment->raw = (pz_str){NULL, 0};
    if (is_fresh) {
        pz__profile_insert(profile, index, segment);
        what = PZ__CHANGED_CLAIMS | PZ__CHANGED_CELLS;
    }
    const char *block = segment->block;
    pz__segment_compact(segment);
    if (segment->block != block) /* every borrowed text has moved */
        what = PZ__CHANGED_CLAIMS | PZ__CHANGED_CELLS;
    pz__profile_changed(profile, what);
}

/* ---- the digest ---- */

static pz_status hash_bytes(const pz__profile *profile, pz__digest *out)
{
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
