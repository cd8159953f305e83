/*
 * policies.c: rules with force.
 *
 *     "policies": [
 *       {"when": "context.country == 'DE'", "level": "self-service"},
 *       {"id": "minors", "when": "profile.age < 18", "lock": {"alcohol": false}},
 *       {"id": "cap", "bound": {"discount": {"max": 20}}}
 *     ]
 *
 * A lock fixes the answer to an attribute, a bound limits it, "level" and "mask" leave out source
 * classes. Without "when" a policy always holds. What is locked or bounded is checked against the
 * attribute as its default is.
 *
 * Locks and bounds read answers. What an answer is depends on masks, so the rule of a policy that
 * sets one may read only what does not: context, consents, facts marked "policy_input", and
 * attributes that a policy locks (of which it sees the lock alone). What it may not read is told
 * where the rule names it; circles that remain are told by graph.c.
 */
#include "catalog/build.h"

/* One policy being read. */
typedef struct reading {
    pz__policy *policy;
    pz__effect *effects; /* the policy's */
    const pz__node *id, *when, *lock, *bound, *level, *mask;
} reading;

#define KEEP(member)                                                                               \
    static void keep_##member(pz__build *build, void *into, const pz__node *node)                  \
    {                                                                                              \
        (void)build;                                                                               \
        ((reading *)into)->member = node;                                                          \
    }
KEEP(id)
KEEP(when)
KEEP(lock)
KEEP(bound)
KEEP(level)
KEEP(mask)
#undef KEEP

static const pz__member policy_members[] = {
    {"id", PZ__OPTIONAL, PZ__WANT_TEXT, keep_id, "a text",
     "The policy's name in reasons; its place, such as #1, unless declared."},
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the policy is for, for people."},
    {"when", PZ__OPTIONAL, PZ__WANT_TEXT, keep_when, "a rule", "When it holds; always, if absent."},
    {"lock", PZ__OPTIONAL, PZ__WANT_OBJECT, keep_lock, "an object of values by attribute",
     "The answers it fixes."},
    {"bound", PZ__OPTIONAL, PZ__WANT_OBJECT, keep_bound, "an object of bounds by attribute",
     "The answers it limits."},
    {"level", PZ__OPTIONAL, PZ__WANT_TEXT, keep_level, "a level such as \"self-service\"",
     "The level it demands."},
    {"mask", PZ__OPTIONAL, PZ__WANT_LIST, keep_mask, "a list of source classes",
     "The source classes that it leaves out."},
};
const pz__members pz__policy_members = PZ__MEMBERS("a policy", policy_members);

typedef struct bound_reading {
    const pz__node *min, *max, *one_of;
} bound_reading;

#define KEEP(member)                                                                               \
    static void keep_bound_##member(pz__build *build, void *into, const pz__node *node)            \
    {                                                                                              \
        (void)build;                                                                               \
        ((bound_reading *)into)->member = node;                                                    \
    }
KEEP(min)
KEEP(max)
KEEP(one_of)
#undef KEEP

static const pz__member bound_members[] = {
    {"min", PZ__OPTIONAL, PZ__WANT_ANY, keep_bound_min, "a value",
     "A lower answer is raised to it."},
    {"max", PZ__OPTIONAL, PZ__WANT_ANY, keep_bound_max, "a value",
     "A higher answer is lowered to it."},
    {"one_of", PZ__OPTIONAL, PZ__WANT_LIST, keep_bound_one_of, "a list of values",
     "The only values, or elements, that are answered."},
};
const pz__members pz__bound_members = PZ__MEMBERS("a bound", bound_members);

/* ---- locks and bounds ---- */

/* The attribute that a member of "lock" or "bound" is about; NULL after a mistake. */
static const pz__attribute *attribute_of(pz__build *build, const pz__node *node)
{
    const uint32_t i = pz__names_find(&build->shared->attributes, node->key);
    if (i != PZ__NAME_NONE)
        return &build->attributes[i];
    pz__mistake(build, node->key_start, node->key_end,
                pz__nearest_in(&build->shared->attributes, node->key), "there is no attribute %s",
                pz__quoted(build, node->key));
    return NULL;
}

static void read_lock(pz__build *build, const pz__attribute *attribute, const pz__node *node,
                      pz__effect *effect)
{
    effect->is_lock = true;
    if (pz__fit_seen(build, node, attribute->type, "the lock", &effect->lock))
        pz__check_own_value(build, attribute, effect->lock, node, "");
}

static bool is_composed(const pz__attribute *attribute)
{
    return attribute->merge == PZ__MERGE_SET || attribute->merge == PZ__MERGE_LAYOUT ||
           attribute->merge == PZ__MERGE_RECORD;
}

/* One of "min" and "max". */
static bool read_end(pz__build *build, const pz__attribute *attribute, const pz__node *node,
                     const char *what, pz_value *out)
{
    if (!node)
        return false;
    if (is_composed(attribute) || !pz__is_ordered(attribute->type)) {
        pz__mistake_in_name(build, node,
                            "%s needs an attribute whose values have an order; %s is "
                            "of type %s",
                            what, pz__quoted(build, attribute->name),
                            pz__type_text(build, attribute->type));
        return false;
    }
    return pz__fit(build, node, attribute->type, what, out) &&
           pz__check_own_value(build, attribute, *out, node, "");
}

/* An element of a set or layout, or a value of any other attribute. */
static bool read_choice(pz__build *build, const pz__attribute *attribute, const pz__node *node,
                        pz_value *out)
{
    const pz__type *type = attribute->type;
    if (is_composed(attribute) && type->arg_count == 1)
        type = type->args[0];
    return pz__fit_seen(build, node, type, "a value of \"one_of\"", out) &&
           pz__check_own_part(build, attribute, *out, node, "");
}

static void read_one_of(pz__build *build, const pz__attribute *attribute, const pz__node *node,
                        pz__effect *effect)
{
    if (attribute->merge == PZ__MERGE_RECORD) {
        pz__mistake_in_name(build, node, "a record such as %s has no bound: lock it instead",
                            pz__quoted(build, attribute->name));
        return;
    }
    if (node->child_count == 0)
        pz__mistake_at(build, node, "\"one_of\" is empty: no value could ever be answered");
    if (!pz__check_count(build, node, PZ__DOMAIN_MAX - 1, "values"))
        return;
    pz_value *values = pz__keep(build, node->child_count, sizeof *values);
    for (uint32_t i = 0; values && i < node->child_count && !pz__is_stopped(build); i++)
        if (!read_choice(build, attribute, &node->children[i], &values[i]))
            return;
    effect->has_one_of = true;
    effect->one_of = values;
    effect->one_of_count = node->child_count;
}

static void read_bound(pz__build *build, const pz__attribute *attribute, const pz__node *node,
                       pz__effect *effect)
{
    bound_reading r = {NULL, NULL, NULL};
    pz__read_members(build, node, &pz__bound_members, &r);
    if (pz__is_stopped(build) || node->value.kind != PZ_MAP)
        return;
    if (node->child_count == 0)
        pz__mistake_at(build, node,
                       "this bound limits nothing: it needs \"min\", \"max\" or "
                       "\"one_of\"");
    effect->has_min = read_end(build, attribute, r.min, "\"min\"", &effect->min);
    effect->has_max = read_end(build, attribute, r.max, "\"max\"", &effect->max);
    if (effect->has_min && effect->has_max && pz_value_compare(effect->min, effect->max) > 0)
        pz__mistake_at(build, r.max, "\"max\" is less than \"min\": no value could ever be given");
    if (r.one_of)
        read_one_of(build, attribute, r.one_of, effect);
}

/* The members of "lock" or "bound". */
static void read_effects(pz__build *build, reading *r, const pz__node *object, bool is_lock)
{
    pz__policy *policy = r->policy;
    if (object && object->child_count == 0)
        pz__mistake_at(build, object, "\"%s\" is empty: it names no attribute",
                       is_lock ? "lock" : "bound");
    for (uint32_t i = 0; object && i < object->child_count && !pz__is_stopped(build); i++) {
        const pz__node *node = &object->children[i];
        const pz__attribute *attribute = attribute_of(build, node);
        if (!attribute || build->is_broken[attribute->index])
            continue;
        pz__effect *effect = &r->effects[policy->effect_count++];
        *effect = (pz__effect){.attribute = attribute->index};
        if (is_lock)
            read_lock(build, attribute, node, effect);
        else
            read_bound(build, attribute, node, effect);
    }
}

/* ---- masks ---- */

static void read_masks(pz__build *build, reading *r)
{
    pz__policy *policy = r->policy;
    policy->sets_mask = r->level || r->mask;
    if (r->level) {
        policy->level = pz_value_text(r->level->value);
        policy->masked = pz__read_level(build, r->level);
        if (pz__str_equal(policy->level, PZ__STR("deep")))
            pz__warning(build, r->level->start, r->level->end,
                        "\"deep\" leaves nothing out, and no policy lifts what another side leaves "
                        "out");
    }
    if (r->mask) {
        policy->mask_masked = pz__read_mask(build, r->mask);
        policy->masked |= policy->mask_masked;
    }
    build->catalog->has_mask_policies |= policy->sets_mask;
}

static bool is_locked(const pz__catalog *catalog, uint32_t attribute)
{
    const pz__attribute_effects *effects = catalog->effects ? &catalog->effects[attribute] : NULL;
    for (uint32_t i = 0; effects && i < effects->count; i++)
        if (effects->list[i].effect->is_lock)
            return true;
    return false;
}

static bool continues_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where a rule writes a name; its whole length if it writes it in another way. */
static uint32_t find_mention(pz_str rule, pz_str name)
{
    for (size_t i = 0; i + name.len <= rule.len; i++) {
        const size_t end = i + name.len;
        const bool begins =
            i == 0 || (!continues_name(rule.data[i - 1]) && rule.data[i - 1] != '.');
        if (begins && memcmp(rule.data + i, name.data, name.len) == 0 &&
            (end == rule.len || !continues_name(rule.data[end])))
            return (uint32_t)i;
    }
    return (uint32_t)rule.len;
}

/* Say at its place that a rule which sets a mask may not read a slot. */
static void refuse_slot(pz__build *build, const pz__node *when, const pz__slot_info *slot)
{
    const pz_str rule = pz_value_text(when->value);
    const uint32_t at = find_mention(rule, slot->name);
    uint32_t start = when->start, end = when->end;
    if (at < rule.len) {
        start = pz__place_in_text(build, when, at);
        end = pz__place_in_text(build, when, at + (uint32_t)slot->name.len);
    }
    const char *name = pz__quoted(build, slot->name);
    if (slot->use == PZ__USE_SEGMENT)
        pz__mistake(build, start, end, (pz_str){NULL, 0},
                    "a rule that sets a level or a mask cannot read %s: segments depend on masks",
                    name);
    else
        pz__mistake(build, start, end, (pz_str){NULL, 0},
                    "a rule that sets a level or a mask cannot read %s: the answer depends on "
                    "masks; mark the attribute \"policy_input\" to have its declared fact read",
                    name);
}

/* Whether the rules that set masks read only what no mask changes. */
static void check_inputs(pz__build *build)
{
    const pz__catalog *catalog = build->catalog;
    for (uint32_t p = 0; p < catalog->policy_count && !pz__is_stopped(build); p++) {
        const pz__policy *policy = &catalog->policies[p];
        uint32_t count = 0;
        const uint32_t *slots = NULL;
        if (policy->sets_mask && policy->when)
            slots = pz__program_slots(policy->when, &count);
        for (uint32_t i = 0; i < count && !pz__is_stopped(build); i++) {
            const pz__slot_info *slot = &build->slots[slots[i]];
            const bool is_closed =
                slot->use == PZ__USE_INPUT && !build->attributes[slot->index].is_policy_input &&
                !build->is_broken[slot->index] && !is_locked(catalog, slot->index);
            if (is_closed || slot->use == PZ__USE_SEGMENT)
                refuse_slot(build, build->rule_nodes[p], slot);
        }
    }
}

/* ---- policies ---- */

static void take_id(pz__build *build, reading *r, pz__names *ids, uint32_t index)
{
    if (!r->id) {
        r->policy->id = pz__place_name(build, index);
        return;
    }
    const pz_str id = pz_value_text(r->id->value);
    r->policy->id = id;
    if (!pz__name_check(build, id, r->id->start, r->id->end, "a policy"))
        return;
    if (id.data[0] == '#')
        pz__mistake_at(build, r->id,
                       "the name of a policy cannot begin with #: policies without a name are "
                       "called so by their place");
    if (pz__names_find(ids, id) != PZ__NAME_NONE)
        pz__mistake_at(build, r->id, "two policies are called %s", pz__quoted(build, id));
    else if (pz__names_put(ids, id) == PZ__NAME_NONE)
        build->is_out_of_memory = true;
}

static void take_when(pz__build *build, reading *r)
{
    pz_value constant;
    if (!r->when)
        return;
    const pz__cel_env env = r->policy->sets_mask ? pz__input_env_of(build) : pz__cel_env_of(build);
    r->policy->when = pz__read_rule(build, r->when, &env, &pz__type_bool);
    if (r->policy->when && pz__program_constant(r->policy->when, &constant) &&
        constant.kind == PZ_BOOL && !constant.as.b)
        pz__warning(build, r->when->start, r->when->end, "this policy never holds");
}

static void read_policy(pz__build *build, pz__policy *policy, uint32_t index, const pz__node *node,
                        pz__names *ids)
{
    reading r = {.policy = policy};
    const uint32_t errors = build->error_count;
    pz__read_members(build, node, &pz__policy_members, &r);
    if (pz__is_stopped(build) || node->value.kind != PZ_MAP)
        return;
    build->rule_nodes[index] = r.when;
    take_id(build, &r, ids, index);
    if (!r.lock && !r.bound && !r.level && !r.mask && build->error_count == errors)
        pz__mistake(
            build, node->start, node->start + 1, (pz_str){NULL, 0},
            "this policy does nothing: it needs \"lock\", \"bound\", \"level\" or \"mask\"");
    const size_t most =
        (size_t)(r.lock ? r.lock->child_count : 0) + (r.bound ? r.bound->child_count : 0);
    r.effects = pz__keep(build, most, sizeof *r.effects);
    policy->effects = r.effects;
    if (build->is_out_of_memory)
        return;
    read_effects(build, &r, r.lock, true);
    read_effects(build, &r, r.bound, false);
    read_masks(build, &r);
    take_when(build, &r);
}

/* Collect by attribute what policies do to it: count, divide one list, fill. */
static void index_effects(pz__build *build)
{
    pz__catalog *catalog = build->catalog;
    const uint32_t attributes = catalog->attribute_count;
    uint32_t *next = pz__work(build, attributes, sizeof *next);
    size_t total = 0;
    for (uint32_t p = 0; next && p < catalog->policy_count; p++)
        for (uint32_t i = 0; i < catalog->policies[p].effect_count; i++, total++)
            next[catalog->policies[p].effects[i].attribute]++;
    if (total == 0)
        return;
    pz__attribute_effects *lists = pz__keep(build, attributes, sizeof *lists);
    pz__attribute_effect *all = pz__keep(build, total, sizeof *all);
    if (build->is_out_of_memory)
        return;
    uint32_t first = 0;
    for (uint32_t a = 0; a < attributes; a++) {
        lists[a] = (pz__attribute_effects){all + first, next[a]};
        next[a] = first;
        first += lists[a].count;
    }
    for (uint32_t p = 0; p < catalog->policy_count; p++) {
        const pz__policy *policy = &catalog->policies[p];
        for (uint32_t i = 0; i < policy->effect_count; i++)
            all[next[policy->effects[i].attribute]++] =
                (pz__attribute_effect){p, &policy->effects[i]};
    }
    catalog->effects = lists;
}

void pz__read_policies(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__POLICIES_MAX, "policies"))
        return;
    pz__names ids;
    pz__names_init(&ids, build->scratch);
    const uint32_t attributes = build->catalog->attribute_count;
    pz__policy *policies = pz__keep(build, node->child_count, sizeof *policies);
    build->rule_nodes = pz__work(build, node->child_count, sizeof *build->rule_nodes);
    build->input_slots = pz__work(build, attributes, sizeof *build->input_slots);
    if (build->is_out_of_memory)
        return;
    for (uint32_t i = 0; i < attributes; i++)
        build->input_slots[i] = UINT32_MAX;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++)
        read_policy(build, &policies[i], i, &node->children[i], &ids);
    if (pz__is_stopped(build))
        return;
    build->catalog->policies = policies;
    build->catalog->policy_count = node->child_count;
    index_effects(build);
    if (!pz__is_stopped(build))
        check_inputs(build);
}
