/*
 * person.c: several profiles seen as one person, without copying them.
 *
 * Each sealed profile has its claims and cells sorted, so what a person says about an attribute is
 * a merge of a few short runs. One member's run is lent as it stands, which is the case of nearly
 * every question; with more, the runs are merged into the arena, fixed-size structs whose texts
 * stay in the profiles they belong to.
 *
 * Within one register claims are ordered by (stamp, writer, subject), recorded facts by the claimed
 * time first. Members stand by subject id, and the merge takes the later member first where the
 * rest is equal, so the subject needs no comparison of its own.
 *
 * Consent is not merged but asked of each: one member in whose profile a denial stands uncovered
 * denies for the whole person.
 */
#include "profile/state.h"

#include <string.h>

static int order_claims(const pz__claim *a, const pz__claim *b)
{
    const int by = pz__claim_compare(a, b);
    return by ? by : pz__claim_rank(b, a);
}

/* Merge the first `count` of `list`, in order, with `more`, of a later member, in order. There is
 * room behind the list: the greater ends are taken first, from the back. */
static void merge_claims(pz__claim *list, uint32_t count, pz__claims more)
{
    uint32_t left = count, right = more.count;
    for (uint32_t to = count + more.count; right > 0; to--) {
        const bool is_old = left > 0 && order_claims(&list[left - 1], &more.list[right - 1]) >= 0;
        list[to - 1] = is_old ? list[--left] : more.list[--right];
    }
}

static void merge_cells(pz__cell *list, uint32_t count, pz__cells more)
{
    uint32_t left = count, right = more.count;
    for (uint32_t to = count + more.count; right > 0; to--) {
        const bool is_old =
            left > 0 && pz__cell_compare(&list[left - 1], &more.list[right - 1]) > 0;
        list[to - 1] = is_old ? list[--left] : more.list[--right];
    }
}

pz_status pz__person_claims(const pz__person *person, pz_str attribute, pz__arena *arena,
                            pz__claims *out)
{
    *out = (pz__claims){NULL, 0};
    if (person->count == 1)
        *out = pz__profile_claims(person->members[0], attribute);
    if (person->count <= 1)
        return PZ_OK;
    uint32_t total = 0;
    for (uint32_t i = 0; i < person->count; i++)
        total += pz__profile_claims(person->members[i], attribute).count;
    pz__claim *list = pz__arena_array(arena, total, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < person->count; i++) {
        const pz__claims more = pz__profile_claims(person->members[i], attribute);
        merge_claims(list, count, more);
        count += more.count;
    }
    *out = (pz__claims){list, count};
    return PZ_OK;
}

pz_status pz__person_cells(const pz__person *person, pz_str attribute, pz__arena *arena,
                           pz__cells *out)
{
    *out = (pz__cells){NULL, 0};
    if (person->count == 1)
        *out = pz__profile_cells(person->members[0], attribute);
    if (person->count <= 1)
        return PZ_OK;
    uint32_t total = 0;
    for (uint32_t i = 0; i < person->count; i++)
        total += pz__profile_cells(person->members[i], attribute).count;
    pz__cell *list = pz__arena_array(arena, total, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < person->count; i++) {
        const pz__cells more = pz__profile_cells(person->members[i], attribute);
        merge_cells(list, count, more);
        count += more.count;
    }
    *out = (pz__cells){list, count};
    return PZ_OK;
}

int64_t pz__person_counter_since(const pz__person *person, pz_str counter)
{
    int64_t since = INT64_MIN;
    for (uint32_t i = 0; i < person->count; i++) {
        const int64_t here = pz__profile_counter_since(person->members[i], counter);
        since = here > since ? here : since;
    }
    return since;
}
