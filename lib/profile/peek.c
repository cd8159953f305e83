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

#include <stddef.h>
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

/* A segment and its map. */
typedef struct opened {
    pz__segment segment;
    pz__body body;
} opened;

/* The profile and what belongs to it, in one piece; of several segments the first. */
typedef struct whole {
    pz__profile profile;
    pz__digest_cache digest;
    opened first;
} whole;

/* To zeros, by the C library: a size that is known here would become a string instruction, which
 * takes longer to begin than so little takes to clear. */
static inline void clear(void *from, size_t size)
{
    __asm__("" : "+r"(size));
    memset(from, 0, size);
}

static inline pz__reader reader_of(const pz__segment *s, pz__arena *arena)
{
    return (pz__reader){.body = s->body, .arena = arena, .writer = s->writer};
}

/* Sections that decide about others. */
#define CAUSES                                                                                     \
    (1u << PZ__SECTION_GRANTS | 1u << PZ__SECTION_FORGETTINGS | 1u << PZ__SECTION_RETRACTIONS)

static pz_status read_list(pz__reader *r, pz__segment *s, pz__section tag,
                           pz_status (*read)(pz__reader *, pz__segment *))
{
    const pz_str bytes = pz__section_of(r->body, tag);
    if (!bytes.data)
        return PZ_OK;
    pz__read_over(&r->in, bytes);
    return read(r, s);
}

static pz_status read_causes(pz__reader *r, pz__segment *s)
{
    pz_status status = read_list(r, s, PZ__SECTION_GRANTS, pz__read_grants);
    if (status == PZ_OK)
        status = read_list(r, s, PZ__SECTION_FORGETTINGS, pz__read_forgettings);
    if (status == PZ_OK)
        status = read_list(r, s, PZ__SECTION_RETRACTIONS, pz__read_retractions);
    return status;
}

/* `o->segment` is cleared already. */
static inline pz_status open_segment(pz__profile *profile, opened *o, pz__arena *arena,
                                     const pz__segment_head *head, pz_error *err)
{
    pz__segment *s = &o->segment;
    s->alloc = profile->alloc;
    s->writer = head->writer;
    s->body = &o->body;
    o->body.unknown = NULL;
    profile->segments[profile->segment_count++] = s;
    pz__reader r;
    r.used = NULL;
    r.arena = arena;
    r.writer = head->writer;
    r.offset = head->offset;
    r.err = err;
    const pz_status status = pz__body_open(&o->body, &r, head->body);
    s->sequence = o->body.sequence;
    s->dropped = o->body.dropped;
    return status == PZ_OK && (o->body.present & CAUSES) ? read_causes(&r, s) : status;
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

/* What the segments' causes come to together. */
static pz_status gather_causes(pz__profile *profile, pz__arena *arena)
{
    bool has_grants = false, has_retractions = false;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *s = profile->segments[i];
        has_grants |= s->grant_count > 0;
        profile->forgetting_count += s->forgetting_count;
        has_retractions |= s->retraction_count > 0;
    }
    profile->has_erasures = profile->forgetting_count || has_retractions;
    pz_status status = has_retractions ? open_rings(profile, arena) : PZ_OK;
    if (status == PZ_OK && has_grants)
        status = pz__grants_seal(profile);
    return status;
}

/* The segments but the first. */
static pz_status open_others(pz__profile *profile, pz__arena *arena, const pz__heads *heads,
                             uint32_t *present, pz_error *err)
{
    opened *list = pz__arena_array(arena, heads->count - 1, sizeof *list);
    if (!list)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    for (uint32_t i = 1; i < heads->count; i++) {
        opened *o = &list[i - 1];
        clear(&o->segment, sizeof o->segment);
        const pz_status status = open_segment(profile, o, arena, &heads->list[i], err);
        if (status != PZ_OK)
            return status;
        *present |= o->body.present;
    }
    return PZ_OK;
}

static inline pz_status open_segments(whole *made, pz__arena *arena, const pz__heads *heads,
                                      pz_error *err)
{
    if (heads->count == 0)
        return PZ_OK;
    pz_status status = open_segment(&made->profile, &made->first, arena, &heads->list[0], err);
    uint32_t present = made->first.body.present;
    if (status == PZ_OK && heads->count > 1)
        status = open_others(&made->profile, arena, heads, &present, err);
    if (status == PZ_OK && (present & CAUSES))
        status = gather_causes(&made->profile, arena);
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
    whole *made = pz__arena_new(arena, sizeof *made);
    if (!made)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    pz__profile *profile = &made->profile;
    /* All but the two long arrays and the map, of which no more is read than is written. */
    clear(&profile->segment_count,
          offsetof(whole, first.body) - offsetof(whole, profile.segment_count));
    profile->alloc = (pz_alloc){take_from_arena, arena};
    atomic_init(&profile->refs, 0);
    profile->kind = heads.kind;
    profile->subject_len = heads.subject.len;
    memcpy(profile->subject_bytes, heads.subject.data, heads.subject.len);
    profile->digest = &made->digest;
    profile->bytes = (pz_str){bytes, len};
    status = open_segments(made, arena, &heads, err);
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

/* Most attributes have few claims. */
#define CLAIMS_FIRST 4u

/* Room for one claim more; the old list stays where it is, the arena frees nothing. */
static pz__claim *grow_claims(pz__arena *arena, const pz__claim *list, uint32_t *cap)
{
    const uint32_t count = *cap;
    pz__claim *moved = pz__arena_array(arena, 2 * (size_t)count, sizeof *moved);
    if (moved)
        memcpy(moved, list, count * sizeof *moved);
    *cap = 2 * count;
    return moved;
}

/* A run of claims in the arena, in order. */
static pz_status read_claims(const pz__segment *s, uint32_t row, pz_str name, pz__arena *arena,
                             pz__claims *out)
{
    pz_str run;
    *out = (pz__claims){NULL, 0};
    if (!pz__run_at(&s->body->directory, row, PZ__COLUMN_CLAIMS, &run))
        return PZ_ERR_CORRUPT;
    if (run.len == 0)
        return PZ_OK;
    const size_t most = run.len / PZ__CLAIM_LEN_MIN + 1;
    uint32_t cap = most < CLAIMS_FIRST ? (uint32_t)most : CLAIMS_FIRST, count = 0;
    pz__claim *list = pz__arena_new(arena, cap * sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    pz__reader r = reader_of(s, arena);
    pz__read_over(&r.in, run);
    for (; r.in.next < r.in.end; count++) {
        if (count == cap)
            list = grow_claims(arena, list, &cap);
        if (!list)
            return PZ_ERR_NOMEM;
        const pz_status status = pz__read_claim(&r, name, &list[count]);
        if (status != PZ_OK)
            return status;
        if (count == PZ__SEGMENT_CLAIMS_MAX ||
            (count > 0 && pz__claim_compare(&list[count - 1], &list[count]) >= 0))
            return PZ_ERR_CORRUPT;
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

/*
 * What one attribute has to stand against. Each of its items is held against the forgettings; where
 * both are many their cover is laid out for the while (cover.c), by a stand-in, since the profile
 * may be read by several threads. Its memory is the arena's, which returns to the mark: what was
 * read lies before that and is filtered in place.
 */
typedef struct shade {
    pz__profile stand_in;
    pz__mark mark;
} shade;

/* Laying out one forgetting costs about as much as looking at it for so many items. */
#define COVERED_MIN 64u

static const pz__profile *lay_out(shade *s, const pz__profile *profile, pz__arena *arena,
                                  size_t item_count)
{
    s->mark = pz__arena_mark(arena);
    if (profile->forgetting_count < COVERED_MIN / 2 || item_count < COVERED_MIN)
        return profile;
    memset(&s->stand_in, 0, sizeof s->stand_in);
    s->stand_in.alloc = (pz_alloc){take_from_arena, arena};
    s->stand_in.segment_count = profile->segment_count;
    memcpy(s->stand_in.segments, profile->segments,
           profile->segment_count * sizeof *profile->segments);
    pz__cover_make(&s->stand_in);
    return &s->stand_in;
}

static __attribute__((noinline)) void keep_claims(const pz__profile *profile, pz__arena *arena,
                                                  pz__claims *runs, uint32_t count)
{
    shade s;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += runs[i].count;
    const pz__profile *shading = lay_out(&s, profile, arena, total);
    for (uint32_t i = 0; i < count; i++)
        runs[i].count =
            pz__claims_standing(shading, (pz__claim *)(uintptr_t)runs[i].list, runs[i].count);
    pz__arena_return(arena, s.mark);
}

static __attribute__((noinline)) void keep_cells(const pz__profile *profile, pz__arena *arena,
                                                 pz__cells *runs, pz__segment *const *of,
                                                 uint32_t count)
{
    shade s;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += runs[i].count;
    const pz__profile *shading = lay_out(&s, profile, arena, total);
    for (uint32_t i = 0; i < count; i++)
        runs[i].count =
            pz__cells_standing(shading, of[i], (pz__cell *)(uintptr_t)runs[i].list, runs[i].count);
    pz__arena_return(arena, s.mark);
}

/* What one segment says of an attribute. */
static inline pz_status claims_of(const pz__segment *s, pz_str attribute, pz__arena *arena,
                                  pz__claims *out)
{
    uint32_t row;
    pz_str name; /* as the bytes have it */
    const pz_status status = pz__row_find(&s->body->directory, attribute, &row, &name);
    *out = (pz__claims){NULL, 0};
    if (status != PZ_OK)
        return status == PZ_ERR_NOT_FOUND ? PZ_OK : status;
    return read_claims(s, row, name, arena, out);
}

static inline pz_status cells_of(const pz__segment *s, pz_str attribute, pz__arena *arena,
                                 pz__cells *out)
{
    uint32_t row;
    pz_str name;
    *out = (pz__cells){NULL, 0};
    if (s->body->cell_count == 0)
        return PZ_OK;
    const pz_status status = pz__row_find(&s->body->directory, attribute, &row, &name);
    if (status != PZ_OK)
        return status == PZ_ERR_NOT_FOUND ? PZ_OK : status;
    return read_cells(s, row, name, arena, out);
}

static pz_status merge_claims(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                              pz__claims *out)
{
    pz__claims runs[PZ__PROFILE_WRITERS_MAX];
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz_status status = claims_of(profile->segments[i], attribute, arena, &runs[count]);
        if (status != PZ_OK)
            return status;
        count += runs[count].count > 0;
    }
    if (profile->has_erasures && count > 0)
        keep_claims(profile, arena, runs, count);
    for (uint32_t i = 0; i < count; i++)
        if (runs[i].count > 0)
            runs[kept++] = runs[i];
    return pz__claims_merge(runs, NULL, kept, arena, out);
}

static pz_status merge_cells(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                             pz__cells *out)
{
    pz__cells runs[PZ__PROFILE_WRITERS_MAX];
    pz__segment *of[PZ__PROFILE_WRITERS_MAX];
    uint32_t count = 0, kept = 0;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz_status status = cells_of(profile->segments[i], attribute, arena, &runs[count]);
        if (status != PZ_OK)
            return status;
        of[count] = profile->segments[i];
        count += runs[count].count > 0;
    }
    if (profile->has_erasures && count > 0)
        keep_cells(profile, arena, runs, of, count);
    for (uint32_t i = 0; i < count; i++)
        if (runs[i].count > 0)
            runs[kept++] = runs[i];
    return pz__cells_merge(runs, kept, arena, out);
}

/* Most profiles have one segment: nothing is merged then. */
pz_status pz__peek_claims(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                          pz__claims *out)
{
    if (profile->segment_count != 1)
        return merge_claims(profile, attribute, arena, out);
    const pz_status status = claims_of(profile->segments[0], attribute, arena, out);
    if (profile->has_erasures && status == PZ_OK)
        keep_claims(profile, arena, out, 1);
    return status;
}

pz_status pz__peek_cells(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                         pz__cells *out)
{
    if (profile->segment_count != 1)
        return merge_cells(profile, attribute, arena, out);
    const pz_status status = cells_of(profile->segments[0], attribute, arena, out);
    if (profile->has_erasures && status == PZ_OK)
        keep_cells(profile, arena, out, profile->segments, 1);
    return status;
}

bool pz__profile_mentions_itself(const pz__profile *profile)
{
    pz_str first;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        /* The empty name is less than any other. */
        const pz__directory *d = &profile->segments[i]->body->directory;
        if (d->count > 0 && (!pz__run_at(d, 0, PZ__COLUMN_NAME, &first) || first.len == 0))
            return true;
    }
    return false;
}

/* As segment_since() of the view: a segment that gathered nothing keeps every counter. */
static int64_t segment_since(const pz__segment *s, pz_str counter)
{
    const pz__body *body = s->body;
    if (body->cell_count == 0 && !pz__section_of(body, PZ__SECTION_EVENTS).data)
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
