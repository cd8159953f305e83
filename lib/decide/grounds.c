/*
 * grounds.c: the policies that bear on a decision, and what their rules read.
 *
 * A decision's uses are what its rules read. Beneath them stand the policies that made the answers
 * what they are, and what those read in turn: the closure of the same graph that the compiler
 * checked for circles (catalog/graph.c), walked from the uses. All of it is named whether or not a
 * policy holds, since one that does not hold bears on the answer by that.
 *
 *     use or slot           leads to
 *     profile.NAME, ...     the policies on the attribute, and those that set masks
 *     policy input          the policies that lock the attribute
 *     count, sum, last      the policies that set masks
 *     segment.NAME          what its rule names
 *     policy                what its rule names
 *
 * So a profile cut to the attributes that an explanation names decides the same.
 */
#include "decide/decide.h"

#include "decide/fields.h"
#include "decide/policies.h"

typedef struct closure {
    const pz__catalog *catalog;
    bool *slots;    /* by slot: visited */
    bool *policies; /* by policy: bears on the decision */
    bool has_masks; /* the policies that set masks are in */
} closure;

static void visit_slot(closure *c, uint32_t slot);

static void visit_program(closure *c, const pz__program *program)
{
    uint32_t count = 0;
    const uint32_t *slots = program ? pz__program_slots(program, &count) : NULL;
    for (uint32_t i = 0; i < count; i++)
        visit_slot(c, slots[i]);
}

static void visit_policy(closure *c, uint32_t policy)
{
    if (c->policies[policy])
        return;
    c->policies[policy] = true;
    visit_program(c, c->catalog->policies[policy].when);
}

static void visit_masks(closure *c)
{
    if (c->has_masks)
        return;
    c->has_masks = true;
    for (uint32_t i = 0; i < c->catalog->policy_count; i++)
        if (c->catalog->policies[i].sets_mask)
            visit_policy(c, i);
}

static void visit_effects(closure *c, uint32_t attribute, bool only_locks)
{
    if (!c->catalog->effects)
        return;
    const pz__attribute_effects *effects = &c->catalog->effects[attribute];
    for (uint32_t i = 0; i < effects->count; i++)
        if (!only_locks || effects->list[i].effect->is_lock)
            visit_policy(c, effects->list[i].policy);
}

/* No deeper than the longest chain that the compiler allows. */
static void visit_slot(closure *c, uint32_t slot)
{
    const pz__slot_info *info = &c->catalog->slots[slot];
    if (c->slots[slot])
        return;
    c->slots[slot] = true;
    switch (info->use) {
    case PZ__USE_ATTRIBUTE:
    case PZ__USE_CONFIDENCE:
    case PZ__USE_TIER:
        visit_effects(c, info->index, false);
        visit_masks(c);
        return;
    case PZ__USE_INPUT:
        visit_effects(c, info->index, true);
        return;
    case PZ__USE_COUNT:
    case PZ__USE_SUM:
    case PZ__USE_LAST:
        visit_masks(c);
        return;
    case PZ__USE_SEGMENT:
        visit_program(c, c->catalog->segments[info->index].program);
        return;
    case PZ__USE_CONTEXT:
    case PZ__USE_NOW:
    case PZ__USE_CONSENT:
        return;
    }
}

/* ---- as maps ---- */

static pz_status read_map(pz__request *request, uint32_t slot, pz_value *out)
{
    const pz_value value = pz__policy_slot(request, slot);
    pz__fields fields;
    pz__fields_init(&fields, &request->arena);
    pz__fields_put_text(&fields, "name", request->catalog->slots[slot].name);
    if (value.kind <= PZ_MAP)
        pz__fields_put(&fields, "value", value);
    return pz__fields_end(&fields, out);
}

/* The slots a program may read, those of the segments that it reads included. */
static void mark_reads(const pz__catalog *catalog, const pz__program *program, bool *marked)
{
    uint32_t count = 0;
    const uint32_t *slots = program ? pz__program_slots(program, &count) : NULL;
    for (uint32_t i = 0; i < count; i++) {
        const pz__slot_info *info = &catalog->slots[slots[i]];
        if (marked[slots[i]])
            continue;
        marked[slots[i]] = true;
        if (info->use == PZ__USE_SEGMENT)
            mark_reads(catalog, catalog->segments[info->index].program, marked);
    }
}

/* What a policy's rule may read, with what it reads there. */
static pz_status reads_list(pz__request *request, const pz__program *when, pz_value *out)
{
    const pz__catalog *catalog = request->catalog;
    bool *marked = pz__arena_zero(&request->arena, catalog->slot_count, sizeof *marked);
    pz_value *items = pz__arena_array(&request->arena, catalog->slot_count, sizeof *items);
    uint32_t count = 0;
    if (!marked || !items)
        return PZ_ERR_NOMEM;
    mark_reads(catalog, when, marked);
    for (uint32_t slot = 0; slot < catalog->slot_count; slot++) {
        if (!marked[slot])
            continue;
        const pz_status status = read_map(request, slot, &items[count++]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, count);
    return PZ_OK;
}

static pz_status policy_map(pz__request *request, uint32_t index, pz_value *out)
{
    static const char *const truths[] = {
        [PZ__FALSE] = "FALSE",
        [PZ__TRUE] = "TRUE",
        [PZ__UNKNOWN] = "UNKNOWN",
        [PZ__ERROR] = "ERROR",
    };
    const pz__policy *policy = &request->catalog->policies[index];
    pz__fields fields;
    pz__fields_init(&fields, &request->arena);
    pz__fields_put_text(&fields, "policy", policy->id);
    if (policy->when) {
        pz_value reads;
        const pz_status status = reads_list(request, policy->when, &reads);
        if (status != PZ_OK)
            return status;
        pz__fields_put_text(&fields, "when", pz__program_source(policy->when));
        pz__fields_put(&fields, "uses", reads);
    }
    pz__fields_put(&fields, "came_to", pz_value_str(truths[pz__policy_truth(request, index)]));
    return pz__fields_end(&fields, out);
}

pz_status pz__policies_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    const pz__catalog *catalog = request->catalog;
    *out = pz__value_of_items(NULL, 0);
    if (catalog->policy_count == 0)
        return PZ_OK;
    closure c = {
        .catalog = catalog,
        .slots = pz__arena_zero(&request->arena, catalog->slot_count, sizeof *c.slots),
        .policies = pz__arena_zero(&request->arena, catalog->policy_count, sizeof *c.policies),
    };
    pz_value *items = pz__arena_array(&request->arena, catalog->policy_count, sizeof *items);
    if (!c.slots || !c.policies || !items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < decision->use_count; i++)
        visit_slot(&c, decision->uses[i].slot);
    uint32_t count = 0;
    for (uint32_t i = 0; i < catalog->policy_count; i++) {
        if (!c.policies[i])
            continue;
        const pz_status status = policy_map(request, i, &items[count++]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, count);
    return request->status;
}
