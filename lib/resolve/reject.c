/*
 * reject.c: "not this value": which values somebody has ruled out.
 *
 * A rejection is a register of its own per value (slot REJECT, the value's canonical bytes as its
 * part). Three things speak against it, each by being written later (pz__moment_order):
 *
 *     - the register was emptied: the value was chosen by a writer who knew that it was rejected,
 *       which lasts whatever becomes of the choice;
 *     - a choice of that very value stands in any writer's segment, in force or not, or stood there
 *       and is noted (slot LIFT);
 *     - the attribute was cleared: the register with an empty part, or an emptied choice.
 *
 * In a taxonomy a rejected node takes its subtree along, save a node that was itself chosen (or
 * whose own rejection was lifted) after the ancestor was rejected; ancestors stay answerable. The
 * nodes stand in preorder, so one walk carries the newest rejection on the path to each node:
 *
 *     strikes[n] = the later of (live rejection of n, strikes[parent of n])
 *     n is rejected iff strikes[n] is after lifts[n]
 *
 * A rejection that has expired, or whose claimed time is still to come, rules nothing out. The
 * account's rejections do not bind the person: it is for the callers to hold each party's claims
 * against its own choices alone.
 *
 * Not here: writing these registers; see docs/preferences.md for who writes what.
 */
#include "resolve/reject.h"

#include "base/buf.h"

static pz__moment later(pz__moment a, pz__moment b)
{
    return pz__is_after(b, a) ? b : a;
}

/* First claim of a slot that is not less than `slot`. Claims are sorted by slot first. */
static uint32_t lower_bound(pz__claims claims, unsigned slot)
{
    uint32_t low = 0, high = claims.count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (claims.list[middle].slot < slot)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Most attributes have so few claims that they are walked along. */
#define FEW 8u

static inline pz__claims few_of_slot(pz__claims claims, uint8_t slot)
{
    uint32_t low = 0;
    while (low < claims.count && claims.list[low].slot < slot)
        low++;
    uint32_t high = low;
    while (high < claims.count && claims.list[high].slot == slot)
        high++;
    return (pz__claims){high > low ? claims.list + low : NULL, high - low};
}

pz__claims pz__claims_of_slot(pz__claims claims, pz__claim_slot slot)
{
    if (claims.count <= FEW)
        return few_of_slot(claims, (uint8_t)slot);
    uint32_t low = lower_bound(claims, (unsigned)slot);
    uint32_t high = low;
    if (low < claims.count && claims.list[low].slot == (uint8_t)slot)
        high = lower_bound(claims, (unsigned)slot + 1);
    return (pz__claims){high > low ? claims.list + low : NULL, high - low};
}

/* Claim i is the one that ranks first in its register. */
static bool is_first(pz__claims claims, uint32_t i)
{
    return i == 0 || !pz__str_equal(claims.list[i - 1].part, claims.list[i].part);
}

/* In force, and not lifted by a clearing. Choices of the value are the caller's to weigh. */
static bool is_standing(const pz__rejections *r, const pz__claim *claim)
{
    return !claim->is_cleared && claim->at_ms <= r->now_ms &&
           (claim->expires_ms == 0 || r->now_ms < claim->expires_ms) &&
           pz__is_after(pz__moment_of(claim), r->cleared);
}

/* The newest clearing of the whole attribute. Of a set a choice with a part is one element's. */
static pz__moment newest_clearing(const pz__rejections *r)
{
    pz__moment newest = PZ__MOMENT_NEVER;
    for (uint32_t i = 0; i < r->choices.count; i++)
        if (r->choices.list[i].is_cleared && r->choices.list[i].part.len == 0)
            newest = later(newest, pz__moment_of(&r->choices.list[i]));
    if (r->rejects.count == 0)
        return newest;
    /* The register with the empty part stands first. */
    const pz__claim *first = &r->rejects.list[0];
    if (first->part.len == 0 && first->is_cleared)
        newest = later(newest, pz__moment_of(first));
    return newest;
}

/* The node a register is about: of its value, or of its part where it was emptied. */
static pz_status node_of_register(const pz__view *view, const pz__domain *domain,
                                  const pz__claim *claim, uint32_t *node)
{
    pz_value value = claim->value;
    *node = PZ__NODE_NONE;
    if (claim->is_cleared) {
        pz__cursor in;
        pz__cursor_init(&in, claim->part.data, claim->part.len);
        pz_status status = pz__value_decode(view->arena, &in, &value);
        if (status == PZ_ERR_NOMEM)
            return status;
        if (status != PZ_OK)
            return PZ_OK; /* damaged or foreign: about no value of this domain */
    }
    *node = pz__domain_find(domain, value);
    return PZ_OK;
}

static void take_chosen(const pz__rejections *r, pz__claims chosen, pz__moment *lifts)
{
    for (uint32_t i = 0; i < chosen.count; i++) {
        const pz__claim *choice = &chosen.list[i];
        const uint32_t node =
            choice->is_cleared ? PZ__NODE_NONE : pz__domain_find(r->domain, choice->value);
        if (node != PZ__NODE_NONE)
            lifts[node] = later(lifts[node], pz__moment_of(choice));
    }
}

/* When each node was last welcomed: chosen, or its rejection emptied. */
static pz_status find_lifts(const pz__view *view, const pz__rejections *r, pz__moment *lifts)
{
    take_chosen(r, r->choices, lifts);
    take_chosen(r, r->lifts, lifts);
    for (uint32_t i = 0; i < r->rejects.count; i++) {
        const pz__claim *claim = &r->rejects.list[i];
        if (!claim->is_cleared || claim->part.len == 0 || !is_first(r->rejects, i))
            continue;
        uint32_t node;
        pz_status status = node_of_register(view, r->domain, claim, &node);
        if (status != PZ_OK)
            return status;
        if (node != PZ__NODE_NONE)
            lifts[node] = later(lifts[node], pz__moment_of(claim));
    }
    return PZ_OK;
}

/* The later of two rejections; NULL is none. */
static const pz__claim *later_strike(const pz__claim *a, const pz__claim *b)
{
    if (!a || !b)
        return a ? a : b;
    return pz__is_after(pz__moment_of(b), pz__moment_of(a)) ? b : a;
}

/* The rejections of the nodes themselves, then carried down to their subtrees. What a node's own
 * welcome undoes is undone here, so that `strikes` alone decides. */
static void find_strikes(const pz__rejections *r, const pz__moment *lifts,
                         const pz__claim **strikes)
{
    for (uint32_t i = 0; i < r->rejects.count; i++) {
        const pz__claim *claim = &r->rejects.list[i];
        if (!is_first(r->rejects, i) || !is_standing(r, claim))
            continue;
        uint32_t node = pz__domain_find(r->domain, claim->value);
        if (node != PZ__NODE_NONE && pz__is_after(pz__moment_of(claim), lifts[node]))
            strikes[node] = later_strike(strikes[node], claim);
    }
    for (uint32_t n = 1; n < r->domain->count; n++)
        strikes[n] = later_strike(strikes[n], strikes[r->domain->nodes[n].parent]);
}

static pz_status map_domain(const pz__view *view, pz__rejections *r)
{
    uint32_t count = r->domain->count;
    pz__moment *lifts = pz__arena_array(view->arena, count, sizeof *lifts);
    const pz__claim **strikes = pz__arena_zero(view->arena, count, sizeof(const pz__claim *));
    if (!lifts || !strikes)
        return PZ_ERR_NOMEM;
    for (uint32_t n = 0; n < count; n++)
        lifts[n] = PZ__MOMENT_NEVER;
    pz_status status = find_lifts(view, r, lifts);
    if (status != PZ_OK)
        return status;
    find_strikes(r, lifts, strikes);
    for (uint32_t n = 0; n < count; n++)
        if (strikes[n] && !pz__is_after(pz__moment_of(strikes[n]), lifts[n]))
            strikes[n] = NULL;
    r->strikes = strikes;
    return PZ_OK;
}

/* Whether a value outside any domain was chosen after the moment. */
static bool is_among_after(pz__claims chosen, pz_value value, pz__moment moment)
{
    for (uint32_t i = 0; i < chosen.count; i++) {
        const pz__claim *choice = &chosen.list[i];
        if (!choice->is_cleared && pz_value_equal(choice->value, value) &&
            pz__is_after(pz__moment_of(choice), moment))
            return true;
    }
    return false;
}

static int compare_values(const void *left, const void *right)
{
    return pz_value_compare(*(const pz_value *)left, *(const pz_value *)right);
}

/* Without a domain: the values that are rejected, in order. */
static pz_status list_values(const pz__view *view, pz__rejections *r)
{
    pz_value *values = pz__arena_array(view->arena, r->rejects.count, sizeof *values);
    if (!values)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < r->rejects.count; i++) {
        const pz__claim *claim = &r->rejects.list[i];
        if (is_first(r->rejects, i) && is_standing(r, claim) &&
            !is_among_after(r->choices, claim->value, pz__moment_of(claim)) &&
            !is_among_after(r->lifts, claim->value, pz__moment_of(claim)))
            values[r->value_count++] = claim->value;
    }
    r->values = values;
    return pz__sort_stable(view->arena, values, r->value_count, sizeof *values, compare_values);
}

pz_status pz__rejections_read(const pz__view *view, const pz__attribute *attribute,
                              pz__claims claims, pz__rejections *out)
{
    *out = (pz__rejections){.domain = attribute->domain, .now_ms = view->now_ms};
    out->rejects = pz__claims_of_slot(claims, PZ__SLOT_REJECT);
    if (out->rejects.count == 0)
        return PZ_OK;
    out->choices = pz__claims_of_slot(claims, PZ__SLOT_CHOICE);
    out->lifts = pz__claims_of_slot(claims, PZ__SLOT_LIFT);
    out->cleared = newest_clearing(out);
    return out->domain ? map_domain(view, out) : list_values(view, out);
}

bool pz__rejects_node(const pz__rejections *rejections, uint32_t node)
{
    return rejections->strikes && rejections->strikes[node];
}

/* Numbers of the three kinds that are equal stand side by side, the others alone. */
static bool is_equal_near(const pz__rejections *r, uint32_t place, pz_value value)
{
    const uint32_t first = place > 2 ? place - 2 : 0;
    for (uint32_t i = first; i < r->value_count && i < place + 3; i++)
        if (pz_value_equal(r->values[i], value))
            return true;
    return false;
}

bool pz__rejects_value(const pz__rejections *rejections, pz_value value)
{
    if (rejections->domain) {
        if (!rejections->strikes)
            return false;
        const uint32_t node = pz__domain_find(rejections->domain, value);
        return node != PZ__NODE_NONE && pz__rejects_node(rejections, node);
    }
    uint32_t low = 0, high = rejections->value_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (pz_value_compare(rejections->values[middle], value) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return is_equal_near(rejections, low, value);
}
