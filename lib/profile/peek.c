/*
 * peek.c: a profile read where it lies, out of bytes that are never taken in.
 *
 * Opening makes a profile without content: of each segment the map of its body, and of the short
 * sections that decide about others (grants, forgettings, retractions, and the ring where something
 * was taken back) the items. Claims, cells and counters stay bytes. Who asks for an attribute gets
 * a binary search through the rows of each segment's directory and the few octets of that run:
 *
 *     bytes -> heads of the segments -> section directory -> row of the attribute -> its run
 *
 * What was read lies in the caller's arena; texts are borrowed from the bytes. The rules of what
 * was erased are those of erase.c, on the same structs, so both forms of a profile give the same
 * answer. Several segments are merged as several profiles of a person are (person.c).
 *
 * Hostile bytes: every length is held against the bounds before it is used, runs end where their
 * row says or are refused, and the number of items is bounded by the octets they take. Order within
 * a run is looked at as well, since the merge relies on it. What nobody asks for is not looked at,
 * so bytes that pz__profile_decode() would refuse may still answer here, with what they say.
 *
 * The profile lives in the arena: its allocator takes from there and frees nothing.
 */
#include "profile/codec.h"

#include "base/hash.h"

#include <string.h>

/* ---- memory ---- */

static void *take_from_arena(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    pz__arena *arena = payload;
    if (new_size == 0)
        return NULL;
    void *made = pz__arena_new(arena, new_size);
    if (made && ptr)
        memcpy(made, ptr, old_size < new_size ? old_size : new_size);
    return made;
}

/* ---- opening ---- */

static pz_status read_list(pz__reader *r, pz__segment *s, pz__section tag,
                           pz_status (*read)(pz__reader *, pz__segment *))
{
    const pz_str bytes = r->body->sections[tag];
    if (!bytes.data)
        return PZ_OK;
    pz__cursor_init(&r->in, bytes.data, bytes.len);
    return read(r, s);
}

static pz__reader reader_of(const pz__segment *s, pz__arena *arena)
{
    return (pz__reader){.body = s->body, .arena = arena, .writer = s->writer};
}

static pz_status open_segment(pz__profile *profile, pz__arena *arena, const pz__segment_head *head,
                              pz_error *err)
{
    pz__segment *s = pz__arena_zero(arena, 1, sizeof *s);
    pz__body *body = pz__arena_new(arena, sizeof *body);
    if (!s || !body)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    s->alloc = profile->alloc;
    s->writer = head->writer;
    s->body = body;
    profile->segments[profile->segment_count++] = s;
    pz__reader r = reader_of(s, arena);
    r.offset = head->offset;
    r.err = err;
    pz_status status = pz__body_open(body, &r, head->body);
    s->sequence = body->sequence;
    s->dropped = body->dropped;
    if (status == PZ_OK)
        status = read_list(&r, s, PZ__SECTION_GRANTS, pz__read_grants);
    if (status == PZ_OK)
        status = read_list(&r, s, PZ__SECTION_FORGETTINGS, pz__read_forgettings);
    if (status == PZ_OK)
        status = read_list(&r, s, PZ__SECTION_RETRACTIONS, pz__read_retractions);
    return status;
}

/* What was taken back may be in the ring of any segment. */
static pz_status open_rings(pz__profile *profile, pz__arena *arena)
{
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        pz__reader r = reader_of(profile->segments[i], arena);
        const pz_status status =
            read_list(&r, profile->segments[i], PZ__SECTION_RING, pz__read_ring);
        if (status != PZ_OK)
            return status;
    }
    return PZ_OK;
}

static pz_status open_segments(pz__profile *profile, pz__arena *arena, const pz__heads *heads,
                               pz_error *err)
{
    bool has_grants = false, has_retractions = false;
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < heads->count && status == PZ_OK; i++) {
        status = open_segment(profile, arena, &heads->list[i], err);
        has_grants |= status == PZ_OK && profile->segments[i]->grant_count;
        has_retractions |= status == PZ_OK && profile->segments[i]->retraction_count;
        profile->has_erasures |= status == PZ_OK && (profile->segments[i]->forgetting_count ||
                                                     profile->segments[i]->retraction_count);
    }
    if (status == PZ_OK && has_retractions)
        status = open_rings(profile, arena);
    if (status == PZ_OK && has_grants)
        status = pz__grants_seal(profile);
    return status;
}

pz_status pz__profile_peek(const pz__profile **out, pz__arena *arena, const void *bytes, size_t len,
                           pz_error *err)
{
    *out = NULL;
    pz__heads heads;
    pz_status status = pz__heads_read(&heads, bytes, len, err);
    if (status != PZ_OK)
        return status;
    pz__profile *profile = pz__arena_zero(arena, 1, sizeof *profile);
    pz__digest_cache *digest = pz__arena_zero(arena, 1, sizeof *digest);
    if (!profile || !digest)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    profile->alloc = (pz_alloc){take_from_arena, arena};
    profile->kind = heads.kind;
    profile->subject_len = heads.subject.len;
    memcpy(profile->subject_bytes, heads.subject.data, heads.subject.len);
    profile->digest = digest;
    profile->bytes = (pz_str){bytes, len};
    status = open_segments(profile, arena, &heads, err);
    if (status == PZ_OK)
        *out = profile;
    return status;
}

pz_status pz__peek_decode(pz__profile **out, const pz__profile *peeked)
{
    const pz__arena *arena = peeked->alloc.payload;
    return pz__profile_decode(out, &arena->alloc, peeked->bytes.data, peeked->bytes.len, NULL);
}

/* ---- one attribute ---- */

/* A run of claims in the arena, in order. */
static pz_status read_claims(const pz__segment *s, uint32_t row, pz_str name, pz__arena *arena,
                             pz__claims *out)
{
    pz_str run;
    if (!pz__run_at(&s->body->directory, row, PZ__COLUMN_CLAIMS, &run))
        return PZ_ERR_CORRUPT;
    const size_t most = run.len / PZ__CLAIM_LEN_MIN;
    uint32_t cap = 0, count = 0;
    pz__claim *list = NULL;
    pz__reader r = reader_of(s, arena);
    pz__cursor_init(&r.in, run.data, run.len);
    while (pz__cursor_left(&r.in) > 0) {
        if (count == cap) {
            const uint32_t grown = cap ? 2 * cap : most < 4 ? (uint32_t)most + 1 : 4;
            pz__claim *moved = pz__arena_array(arena, grown, sizeof *moved);
            if (!moved)
                return PZ_ERR_NOMEM;
            if (count)
                memcpy(moved, list, count * sizeof *moved);
            list = moved;
            cap = grown;
        }
        const pz_status status = pz__read_claim(&r, name, &list[count]);
        if (status != PZ_OK)
            return status;
        if (count == PZ__SEGMENT_CLAIMS_MAX ||
            (count > 0 && pz__claim_compare(&list[count - 1], &list[count]) >= 0))
            return PZ_ERR_CORRUPT;
        count++;
    }
    *out = (pz__claims){list, count};
    return PZ_OK;
}

static pz_status read_cells(const pz__segment *s, uint32_t row, pz_str name, pz__arena *arena,
                            pz__cells *out)
{
    static const pz__cell nothing = {.weight = 0};
    pz_str run;
    if (!pz__run_at(&s->body->directory, row, PZ__COLUMN_CELLS, &run))
        return PZ_ERR_CORRUPT;
    const size_t most = run.len / PZ__CELL_LEN_MIN + 1;
    const uint32_t cap = most < PZ__SEGMENT_CELLS_MAX ? (uint32_t)most : PZ__SEGMENT_CELLS_MAX;
    *out = (pz__cells){NULL, 0};
    if (run.len == 0)
        return PZ_OK;
    pz__cell *list = pz__arena_array(arena, cap, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    pz__reader r = reader_of(s, arena);
    pz__cursor_init(&r.in, run.data, run.len);
    uint32_t count = 0;
    for (; pz__cursor_left(&r.in) > 0; count++) {
        if (count == cap)
            return PZ_ERR_CORRUPT;
        const pz_status status =
            pz__read_cell(&r, name, count ? &list[count - 1] : &nothing, &list[count]);
        if (status != PZ_OK)
            return status;
        if (count > 0 && pz__cell_compare(&list[count - 1], &list[count]) >= 0)
            return PZ_ERR_CORRUPT;
    }
    *out = (pz__cells){list, count};
    return PZ_OK;
}

/* The lists are the arena's own, so what was erased is dropped from them in place. */
static pz__claim *own_claims(pz__claims claims)
{
    return (pz__claim *)(uintptr_t)claims.list;
}

pz_status pz__peek_claims(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                          pz__claims *out)
{
    pz__claims runs[PZ__PROFILE_WRITERS_MAX];
    uint32_t count = 0;
    *out = (pz__claims){NULL, 0};
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *s = profile->segments[i];
        uint32_t row;
        pz_str name; /* as the bytes have it */
        pz_status status = pz__row_find(&s->body->directory, attribute, &row, &name);
        if (status == PZ_ERR_NOT_FOUND)
            continue;
        if (status == PZ_OK)
            status = read_claims(s, row, name, arena, &runs[count]);
        if (status != PZ_OK)
            return status;
        if (profile->has_erasures)
            runs[count].count =
                pz__claims_standing(profile, own_claims(runs[count]), runs[count].count);
        count += runs[count].count > 0;
    }
    return pz__claims_merge(runs, count, arena, out);
}

pz_status pz__peek_cells(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                         pz__cells *out)
{
    pz__cells runs[PZ__PROFILE_WRITERS_MAX];
    uint32_t count = 0;
    *out = (pz__cells){NULL, 0};
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *s = profile->segments[i];
        uint32_t row;
        pz_str name; /* as the bytes have it */
        pz_status status = pz__row_find(&s->body->directory, attribute, &row, &name);
        if (status == PZ_ERR_NOT_FOUND)
            continue;
        if (status == PZ_OK)
            status = read_cells(s, row, name, arena, &runs[count]);
        if (status != PZ_OK)
            return status;
        if (profile->has_erasures)
            runs[count].count = pz__cells_standing(
                profile, s, (pz__cell *)(uintptr_t)runs[count].list, runs[count].count);
        count += runs[count].count > 0;
    }
    return pz__cells_merge(runs, count, arena, out);
}

/* As segment_since() of the view: a segment that gathered nothing keeps every counter. */
static int64_t segment_since(const pz__segment *s, pz_str counter)
{
    const pz__body *body = s->body;
    if (body->cell_count == 0 && !body->sections[PZ__SECTION_EVENTS].data)
        return INT64_MIN;
    uint32_t row;
    pz_str name, run;
    if (pz__row_find(&body->directory, counter, &row, &name) != PZ_OK ||
        !pz__run_at(&body->directory, row, PZ__COLUMN_COUNTER, &run))
        return INT64_MAX;
    pz__cursor in;
    int64_t since_ms;
    pz__cursor_init(&in, run.data, run.len);
    return pz__read_since(&in, &since_ms) ? since_ms : INT64_MAX;
}

int64_t pz__peek_counter_since(const pz__profile *profile, pz_str counter)
{
    int64_t since = INT64_MIN;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const int64_t here = segment_since(profile->segments[i], counter);
        since = here > since ? here : since;
    }
    return since;
}
