/*
 * person.c: several profiles seen as one person, without copying them.
 *
 * Each sealed profile has its claims and cells sorted, so what a person says about an attribute is
 * a merge of a few short runs. One member's run is lent as it stands, which is the case of nearly
 * every question; with more, the runs are merged into the arena, fixed-size structs whose texts
 * stay in the profiles they belong to.
 *
 * A member is either decoded or read where its bytes lie (peek.c); then its run is read into the
 * arena first.
 *
 * Within one register claims are ordered by (stamp, writer, subject), recorded facts by the claimed
 * time first. Members stand by subject id, so the place of a member stands for it: claims that are
 * put together bear it, and what is compared across registers later has it at hand.
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

/* Merge the first `count` of `list`, in order, with `more`, of another member, in order. There is
 * room behind the list: the greater ends are taken first, from the back. */
static void merge_claims(pz__claim *list, uint32_t count, pz__claims more, uint8_t member)
{
    uint32_t left = count, to = count + more.count;
    for (uint32_t right = more.count; right > 0; right--) {
        pz__claim next = more.list[right - 1];
        next.member = member;
        while (left > 0 && order_claims(&list[left - 1], &next) > 0)
            list[--to] = list[--left];
        list[--to] = next;
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

pz_status pz__claims_merge(const pz__claims *runs, const uint8_t *members, uint32_t count,
                           pz__arena *arena, pz__claims *out)
{
    *out = count ? runs[0] : (pz__claims){NULL, 0};
    if (count <= 1)
        return PZ_OK;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += runs[i].count;
    pz__claim *list = pz__arena_array(arena, total, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t made = 0;
    for (uint32_t i = 0; i < count; i++) {
        merge_claims(list, made, runs[i], members ? members[i] : 0);
        made += runs[i].count;
    }
    *out = (pz__claims){list, made};
    return PZ_OK;
}

pz_status pz__cells_merge(const pz__cells *runs, uint32_t count, pz__arena *arena, pz__cells *out)
{
    *out = count ? runs[0] : (pz__cells){NULL, 0};
    if (count <= 1)
        return PZ_OK;
    size_t total = 0;
    for (uint32_t i = 0; i < count; i++)
        total += runs[i].count;
    pz__cell *list = pz__arena_array(arena, total, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t made = 0;
    for (uint32_t i = 0; i < count; i++) {
        merge_cells(list, made, runs[i]);
        made += runs[i].count;
    }
    *out = (pz__cells){list, made};
    return PZ_OK;
}

/* ---- one member, decoded or in place ---- */

static pz_status member_claims(const pz__profile *member, pz_str attribute, pz__arena *arena,
                               pz__claims *out)
{
    if (member->bytes.data)
        return pz__peek_claims(member, attribute, arena, out);
    *out = pz__profile_claims(member, attribute);
    return PZ_OK;
}

static pz_status member_cells(const pz__profile *member, pz_str attribute, pz__arena *arena,
                              pz__cells *out)
{
    if (member->bytes.data)
        return pz__peek_cells(member, attribute, arena, out);
    *out = pz__profile_cells(member, attribute);
    return PZ_OK;
}

static int64_t member_since(const pz__profile *member, pz_str counter)
{
    return member->bytes.data ? pz__peek_counter_since(member, counter)
                              : pz__profile_counter_since(member, counter);
}

/* ---- all members ---- */

pz_status pz__person_claims(const pz__person *person, pz_str attribute, pz__arena *arena,
                            pz__claims *out)
{
    pz__claims runs[PZ__PERSON_MEMBERS_MAX];
    uint8_t members[PZ__PERSON_MEMBERS_MAX];
    uint32_t count = 0;
    *out = (pz__claims){NULL, 0};
    if (person->count == 1)
        return member_claims(person->members[0], attribute, arena, out);
    for (uint32_t i = 0; i < person->count; i++) {
        const pz_status status = member_claims(person->members[i], attribute, arena, &runs[count]);
        if (status != PZ_OK)
            return status;
        members[count] = (uint8_t)i;
        count += runs[count].count > 0;
    }
    return pz__claims_merge(runs, members, count, arena, out);
}

pz_status pz__person_cells(const pz__person *person, pz_str attribute, pz__arena *arena,
                           pz__cells *out)
{
    pz__cells runs[PZ__PERSON_MEMBERS_MAX];
    uint32_t count = 0;
    *out = (pz__cells){NULL, 0};
    if (person->count == 1)
        return member_cells(person->members[0], attribute, arena, out);
    for (uint32_t i = 0; i < person->count; i++) {
        const pz_status status = member_cells(person->members[i], attribute, arena, &runs[count]);
        if (status != PZ_OK)
            return status;
        count += runs[count].count > 0;
    }
    return pz__cells_merge(runs, count, arena, out);
}

int64_t pz__person_counter_since(const pz__person *person, pz_str counter)
{
    int64_t since = INT64_MIN;
    for (uint32_t i = 0; i < person->count; i++) {
        const int64_t here = member_since(person->members[i], counter);
        since = here > since ? here : since;
    }
    return since;
}
