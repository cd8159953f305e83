/*
 * link.c: what two profiles say about being one person, and in which order it counts.
 *
 * A link stands in one profile or in both. Each profile's own word is settled by its causal
 * registers already (profile.h, pz__grant): granted, if a link covers every unlink known there,
 * denied, if an unlink is left uncovered. Between the two profiles the rule is the cautious one:
 * either may bring the link, and either may keep it from standing. A link that expires is
 * judged by the moment that is asked about.
 *
 * Where both profiles hold a link its strength is the greater and its age the older of the two that
 * are in force, so that the order of admission does not depend on which profile is looked at first.
 * Which is older goes by stamp: the claimed time is only told.
 *
 * The sort is a heap sort: in place, n log n whatever the input, and nothing of the C library's.
 */
#include "identity/link.h"

static const char *const fates[] = {
    [PZ__EDGE_STANDS] = "STANDS", [PZ__EDGE_UNLINKED] = "UNLINKED", [PZ__EDGE_LAPSED] = "LAPSED",
    [PZ__EDGE_ABSENT] = "ABSENT", [PZ__EDGE_UNIQUE] = "UNIQUE",     [PZ__EDGE_LIMIT] = "LIMIT",
};

const char *pz__edge_fate_name(pz__edge_fate fate)
{
    return fates[fate];
}

/* ---- one link ---- */

/* A link says who is who, which is so at all times: the time it is claimed for does not bound it.
 */
static bool is_in_force(const pz__grant *side, int64_t now_ms)
{
    return side && side->is_granted && (side->expires_ms == 0 || now_ms < side->expires_ms);
}

static bool is_denied(const pz__grant *side)
{
    return side && side->is_denied;
}

static bool is_granted(const pz__grant *side)
{
    return side && side->is_granted;
}

/* A side that is in force adds its word to the edge. */
static void add_side(pz__edge *edge, const pz__grant *side)
{
    const bool is_first = edge->fate != PZ__EDGE_STANDS;
    edge->at_ms = is_first || side->at_ms < edge->at_ms ? side->at_ms : edge->at_ms;
    edge->stamp = is_first || side->stamp < edge->stamp ? side->stamp : edge->stamp;
    edge->strength = side->strength > edge->strength ? side->strength : edge->strength;
    edge->fate = PZ__EDGE_STANDS;
}

void pz__link_judge(pz__link_sides sides, int64_t now_ms, pz__edge *edge)
{
    edge->at_ms = edge->stamp = 0;
    edge->strength = 0;
    edge->fate = PZ__EDGE_UNLINKED;
    if (is_denied(sides.here) || is_denied(sides.there) ||
        (!is_granted(sides.here) && !is_granted(sides.there)))
        return;
    edge->fate = PZ__EDGE_LAPSED;
    if (is_in_force(sides.here, now_ms))
        add_side(edge, sides.here);
    if (is_in_force(sides.there, now_ms))
        add_side(edge, sides.there);
}

/* ---- order ---- */

int pz__link_order(const pz__link *a, const pz__link *b)
{
    if (a->edge.strength != b->edge.strength)
        return a->edge.strength > b->edge.strength ? -1 : 1;
    if (a->edge.stamp != b->edge.stamp)
        return a->edge.stamp < b->edge.stamp ? -1 : 1;
    const int by = pz__str_compare(a->edge.one, b->edge.one);
    return by ? by : pz__str_compare(a->edge.other, b->edge.other);
}

static void swap_links(pz__link *a, pz__link *b)
{
    const pz__link kept = *a;
    *a = *b;
    *b = kept;
}

/* Let the item at `place` sink in a heap of `count` whose root comes last in the order. */
static void sink(pz__link *list, uint32_t place, uint32_t count,
                 int (*order)(const pz__link *, const pz__link *))
{
    for (uint32_t child = 2 * place + 1; child < count; child = 2 * place + 1) {
        if (child + 1 < count && order(&list[child], &list[child + 1]) < 0)
            child++;
        if (order(&list[place], &list[child]) >= 0)
            return;
        swap_links(&list[place], &list[child]);
        place = child;
    }
}

void pz__links_sort(pz__link *list, uint32_t count,
                    int (*order)(const pz__link *, const pz__link *))
{
    for (uint32_t i = count / 2; i > 0; i--)
        sink(list, i - 1, count, order);
    for (uint32_t end = count; end > 1; end--) {
        swap_links(&list[0], &list[end - 1]);
        sink(list, 0, end - 1, order);
    }
}

/* ---- all links ---- */

bool pz__identity_find(const pz__person *list, pz_str subject, uint32_t *index)
{
    uint32_t low = 0, high = list->count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int by = pz__str_compare(pz__profile_subject(list->members[middle]), subject);
        if (by == 0) {
            *index = middle;
            return true;
        }
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

/* The link that `grant`, of the candidate at `from`, speaks of; false if the other candidate speaks
 * of it too and stands first, so that it is taken there. */
static bool make_link(const pz__person *candidates, uint32_t from, const pz__grant *grant,
                      int64_t now_ms, pz__link *out)
{
    const pz_str own = pz__profile_subject(candidates->members[from]);
    uint32_t to = PZ__NOBODY;
    pz__link_sides sides = {grant, NULL};
    if (pz__str_equal(own, grant->name))
        return false;
    if (pz__identity_find(candidates, grant->name, &to))
        sides.there = pz__profile_find_grant(candidates->members[to], PZ__GRANT_LINK, own);
    else
        to = PZ__NOBODY;
    if (sides.there && to < from)
        return false;
    const bool is_first = pz__str_compare(own, grant->name) < 0;
    *out = (pz__link){
        .one = from,
        .other = to,
        .edge = {.one = is_first ? own : grant->name, .other = is_first ? grant->name : own}};
    pz__link_judge(sides, now_ms, &out->edge);
    if (out->edge.fate == PZ__EDGE_STANDS && to == PZ__NOBODY)
        out->edge.fate = PZ__EDGE_ABSENT;
    return true;
}

pz_status pz__links_collect(const pz__person *candidates, int64_t now_ms, pz__arena *arena,
                            pz__link **out, uint32_t *count)
{
    size_t total = 0;
    *out = NULL;
    *count = 0;
    for (uint32_t i = 0; i < candidates->count; i++)
        total += pz__profile_grants(candidates->members[i], PZ__GRANT_LINK).count;
    if (total == 0)
        return PZ_OK;
    pz__link *list = pz__arena_array(arena, total, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < candidates->count; i++) {
        const pz__grants grants = pz__profile_grants(candidates->members[i], PZ__GRANT_LINK);
        for (uint32_t k = 0; k < grants.count; k++)
            if (make_link(candidates, i, &grants.list[k], now_ms, &list[*count]))
                ++*count;
    }
    pz__links_sort(list, *count, pz__link_order);
    *out = list;
    return PZ_OK;
}
