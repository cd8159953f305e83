/*
 * view.c: what readers see: all segments as one sorted list of claims and one of cells.
 *
 * The arrays of a segment are sorted already. A profile with one segment therefore has its view for
 * nothing; with several, their arrays are copied behind one another as runs and the runs merged
 * pairwise, from one array into its spare and back, until one is left: n log k moves of fixed-size
 * structs whose texts stay where they are.
 *
 *     runs   [ w1 w1 w1 | w2 w2 | w3 w3 w3 w3 ]
 *            [ w1+w2          | w3            ]
 *            [ w1+w2+w3                       ]
 *
 * What was forgotten or taken back since a segment's writer last wrote is left out (erase.c): it is
 * filtered from the copy, before the runs are merged. The one segment is lent only if it holds
 * nothing of the kind.
 *
 * Claims and cells are sealed each on its own: a choice does not make the evidence merge again.
 * Among claims of one register the one that ranks first stands first, so that a reader takes the
 * winner without looking at stamps. Cells that are alike but for their segment stand side by side,
 * in the order of the writers.
 *
 * Reading is a binary search for both ends of an attribute. It writes nothing, so any number of
 * threads may read a sealed profile.
 */
#include "profile/state.h"

#include <assert.h>
#include <string.h>

typedef int (*compare_fn)(const void *a, const void *b);

static int compare_claims(const void *a, const void *b)
{
    int by = pz__claim_compare(a, b);
    return by ? by : pz__claim_rank(b, a);
}

static int compare_cells(const void *a, const void *b)
{
    return pz__cell_compare(a, b);
}

/* Merge two runs of `a_count` and `b_count` items into `out`; of equals, a's goes first. */
static void merge_pair(char *out, const char *a, uint32_t a_count, const char *b, uint32_t b_count,
                       size_t size, compare_fn compare)
{
    while (a_count && b_count) {
        bool is_b = compare(a, b) > 0;
        memcpy(out, is_b ? b : a, size);
        out += size;
        a += is_b ? 0 : size;
        b += is_b ? size : 0;
        a_count -= !is_b;
        b_count -= is_b;
    }
    if (a_count)
        memcpy(out, a, a_count * size);
    if (b_count)
        memcpy(out, b, b_count * size);
}

/* Merge runs of the given lengths, which lie behind one another in merged->list. */
static void merge_runs(pz__merged *merged, uint32_t *runs, uint32_t run_count, size_t size,
                       compare_fn compare)
{
    while (run_count > 1) {
        const char *from = merged->list;
        char *to = merged->spare;
        uint32_t made = 0;
        for (uint32_t i = 0; i < run_count; i += 2) {
            uint32_t a = runs[i], b = i + 1 < run_count ? runs[i + 1] : 0;
            merge_pair(to, from, a, from + a * size, b, size, compare);
            from += (size_t)(a + b) * size;
            to += (size_t)(a + b) * size;
            runs[made++] = a + b;
        }
        run_count = made;
        void *spare = merged->list;
        merged->list = merged->spare;
        merged->spare = spare;
    }
}

/* Both arrays with room for `count` items, contents not kept. */
static bool make_room(const pz_alloc *alloc, pz__merged *merged, uint32_t count, size_t size)
{
    if (count <= merged->cap)
        return true;
    uint32_t cap = count + count / 4 + 8;
    void *list = pz__mem_new(alloc, cap, size), *spare = pz__mem_new(alloc, cap, size);
    if (!list || !spare) {
        pz__mem_free(alloc, list, cap, size);
        pz__mem_free(alloc, spare, cap, size);
        return false;
    }
    pz__mem_free(alloc, merged->list, merged->cap, size);
    pz__mem_free(alloc, merged->spare, merged->cap, size);
    *merged = (pz__merged){list, spare, cap};
    return true;
}

/* One kind of item over all segments. */
typedef struct kind {
    size_t size;
    compare_fn compare;
    bool is_cells;
} kind;

static uint32_t items_of(const pz__segment *segment, const kind *k, const void **list)
{
    *list = k->is_cells ? (const void *)segment->cells : (const void *)segment->claims;
    return k->is_cells ? segment->cell_count : segment->claim_count;
}

/* Of a copy of a segment's items, those that were not erased since. */
static uint32_t keep_standing(const pz__profile *profile, pz__segment *segment, const kind *k,
                              void *list, uint32_t count)
{
    if (!pz__segment_is_stale(profile, segment))
        return count;
    return k->is_cells ? pz__cells_standing(profile, segment, list, count)
                       : pz__claims_standing(profile, list, count);
}

static pz_status merge_segments(const pz__profile *profile, pz__merged *merged, const kind *k,
                                uint32_t *total)
{
    uint32_t runs[PZ__PROFILE_WRITERS_MAX], run_count = 0;
    const void *list;
    *total = 0;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        *total += items_of(profile->segments[i], k, &list);
    if (!make_room(&profile->alloc, merged, *total, k->size))
        return PZ_ERR_NOMEM;
    char *to = merged->list;
    *total = 0;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        uint32_t count = items_of(profile->segments[i], k, &list);
        if (count == 0)
            continue;
        memcpy(to, list, count * k->size);
        count = keep_standing(profile, profile->segments[i], k, to, count);
        to += count * k->size;
        runs[run_count++] = count;
        *total += count;
    }
    merge_runs(merged, runs, run_count, k->size, k->compare);
    return PZ_OK;
}

static pz_status seal_claims(pz__profile *profile)
{
    static const kind claims = {sizeof(pz__claim), compare_claims, false};
    pz__sealed *sealed = &profile->sealed;
    uint32_t total = 0;
    pz_status status = merge_segments(profile, &sealed->merged_claims, &claims, &total);
    sealed->claims = (pz__claims){sealed->merged_claims.list, total};
    return status;
}

static pz_status seal_cells(pz__profile *profile)
{
    static const kind cells = {sizeof(pz__cell), compare_cells, true};
    pz__sealed *sealed = &profile->sealed;
    uint32_t total = 0;
    pz_status status = merge_segments(profile, &sealed->merged_cells, &cells, &total);
    sealed->cells = (pz__cells){sealed->merged_cells.list, total};
    return status;
}

/* Before segments are looked through for what was erased. */
static void lay_out_cover(pz__profile *profile)
{
    bool is_checked = true;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        is_checked &= profile->segments[i]->checked == profile->erasures;
    if (!is_checked && !profile->cover)
        pz__cover_make(profile);
}

pz_status pz__profile_seal(pz__profile *profile)
{
    pz__sealed *sealed = &profile->sealed;
    if (profile->bytes.data) /* its grants are there, and claims are read when asked for */
        return PZ_OK;
    if (!sealed->has_grants) {
        pz_status status = pz__grants_seal(profile);
        if (status != PZ_OK)
            return status;
        sealed->has_grants = true;
    }
    lay_out_cover(profile);
    if (profile->segment_count == 1 && !pz__segment_is_stale(profile, profile->segments[0])) {
        const pz__segment *only = profile->segments[0];
        sealed->claims = (pz__claims){only->claims, only->claim_count};
        sealed->cells = (pz__cells){only->cells, only->cell_count};
        sealed->has_claims = sealed->has_cells = true;
        return PZ_OK;
    }
    if (!sealed->has_claims) {
        pz_status status = seal_claims(profile);
        if (status != PZ_OK)
            return status;
        sealed->has_claims = true;
    }
    if (!sealed->has_cells) {
        pz_status status = seal_cells(profile);
        if (status != PZ_OK)
            return status;
        sealed->has_cells = true;
    }
    return PZ_OK;
}

/* ---- reading ---- */

/* First claim from `low` on whose attribute is at least `name` or, if `is_after`, greater. */
static uint32_t find_claim(const pz__claims *all, uint32_t low, pz_str name, bool is_after)
{
    uint32_t high = all->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(all->list[middle].attribute, name) < (is_after ? 1 : 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t find_cell(const pz__cells *all, uint32_t low, pz_str name, bool is_after)
{
    uint32_t high = all->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(all->list[middle].attribute, name) < (is_after ? 1 : 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

pz__claims pz__profile_claims(const pz__profile *profile, pz_str attribute)
{
    pz__claims all = pz__profile_all_claims(profile);
    uint32_t first = find_claim(&all, 0, attribute, false), end = first;
    /* Most attributes have few claims: walk a little before searching the rest. */
    while (end < all.count && end - first < 4 && pz__str_equal(all.list[end].attribute, attribute))
        end++;
    if (end - first == 4)
        end = find_claim(&all, end, attribute, true);
    return (pz__claims){all.count ? all.list + first : NULL, end - first};
}

pz__cells pz__profile_cells(const pz__profile *profile, pz_str attribute)
{
    pz__cells all = pz__profile_all_cells(profile);
    uint32_t first = find_cell(&all, 0, attribute, false);
    uint32_t end = find_cell(&all, first, attribute, true);
    return (pz__cells){all.count ? all.list + first : NULL, end - first};
}

pz__claims pz__profile_all_claims(const pz__profile *profile)
{
    assert(profile->sealed.has_claims || profile->segment_count == 0);
    return profile->sealed.claims;
}

pz__cells pz__profile_all_cells(const pz__profile *profile)
{
    assert(profile->sealed.has_cells || profile->segment_count == 0);
    return profile->sealed.cells;
}

static int64_t segment_since(const pz__segment *segment, pz_str counter)
{
    uint32_t index;
    if (pz__segment_is_ungathered(segment))
        return INT64_MIN;
    if (!pz__segment_find_counter(segment, counter, &index))
        return INT64_MAX;
    return segment->counters[index].since_ms;
}

int64_t pz__profile_counter_since(const pz__profile *profile, pz_str counter)
{
    int64_t since = INT64_MIN;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        int64_t here = segment_since(profile->segments[i], counter);
        if (here > since)
            since = here;
    }
    return since;
}
