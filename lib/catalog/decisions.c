/*
 * decisions.c: named decisions, each an ordered list of rules and what holds when none fires.
 *
 *     "decisions": {"home.hero": {"rules": [{"when": "segment.regular", "value": "spring"}],
 *                                 "default": "generic"}}
 *
 * A rule gives a value or computes one ("expr"). The first rule that is true answers; a rule
 * without "when" always is, so whatever stands behind it can never fire, which is warned of; nor
 * can a rule whose condition an earlier one has, letter for letter. A rule without "id" is called
 * by its place, "#1"; declared ids therefore do not begin with '#'.
 */
#include "catalog/build.h"

typedef struct reading {
    pz__decision_def *decision;
    const pz__node *node;
    const pz__node *type, *rules, *fallback;
    pz__names ids;
    pz__names conditions; /* "when" as it is written, and the first rule that has it */
    uint32_t *first;
} reading;

typedef struct rule_reading {
    pz__rule *rule;
    const pz__node *when, *value, *expr, *id;
} rule_reading;

#define KEEP(reading_type, member)                                                                 \
    static void keep_##member(pz__build *build, void *into, const pz__node *node)                  \
    {                                                                                              \
        (void)build;                                                                               \
        ((reading_type *)into)->member = node;                                                     \
    }
KEEP(reading, type)
KEEP(reading, rules)
KEEP(reading, fallback)
KEEP(rule_reading, when)
KEEP(rule_reading, value)
KEEP(rule_reading, expr)
KEEP(rule_reading, id)
#undef KEEP

static void keep_because(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    ((rule_reading *)into)->rule->because = pz_value_text(node->value);
}

static const pz__member decision_members[] = {
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What is decided, for people."},
    {"type", PZ__OPTIONAL, PZ__WANT_TEXT, keep_type, "the name of a type such as \"string\"",
     "The type of what is decided; dyn unless declared."},
    {"rules", PZ__OPTIONAL, PZ__WANT_LIST, keep_rules, "a list of rules",
     "The rules, the first that is true answers."},
    {"default", PZ__OPTIONAL, PZ__WANT_ANY, keep_fallback, "a value",
     "What is decided when no rule is true."},
};
const pz__members pz__decision_members = PZ__MEMBERS("a decision", decision_members);

static const pz__member rule_members[] = {
    {"id", PZ__OPTIONAL, PZ__WANT_TEXT, keep_id, "a text",
     "The rule's name in reasons; its place, such as #1, unless declared."},
    {"when", PZ__OPTIONAL, PZ__WANT_TEXT, keep_when, "a rule", "When it fires; always, if absent."},
    {"value", PZ__OPTIONAL, PZ__WANT_ANY, keep_value, "a value", "What it decides."},
    {"expr", PZ__OPTIONAL, PZ__WANT_TEXT, keep_expr, "a rule for the value",
     "What it decides, computed."},
    {"because", PZ__OPTIONAL, PZ__WANT_TEXT, keep_because, "a text",
     "Why, in the author's plain words."},
    {"weight", PZ__LATER, 0, NULL, "", "Shares of several values."},
    {"offer", PZ__LATER, 0, NULL, "", "An offer of the catalog."},
};
const pz__members pz__rule_members = PZ__MEMBERS("a rule", rule_members);

static bool take_id(pz__build *build, reading *r, rule_reading *rr, uint32_t index)
{
    if (!rr->id) {
        rr->rule->id = pz__place_name(build, index);
        return !build->is_out_of_memory;
    }
    pz_str id = pz_value_text(rr->id->value);
    rr->rule->id = id;
    if (!pz__name_check(build, id, rr->id->start, rr->id->end, "a rule"))
        return false;
    if (id.data[0] == '#')
        pz__mistake_at(build, rr->id,
                       "the name of a rule cannot begin with #: rules without a "
                       "name are called so by their place");
    if (pz__names_find(&r->ids, id) != PZ__NAME_NONE)
        pz__mistake_at(build, rr->id, "two rules of this decision are called %s",
                       pz__quoted(build, id));
    else if (pz__names_put(&r->ids, id) == PZ__NAME_NONE)
        build->is_out_of_memory = true;
    return true;
}

/* Whether hosts have values of the type: those of some types only rules can hold. */
static bool is_for_hosts(const pz__type *type)
{
    switch (type->kind) {
    case PZ__T_TYPE:
    case PZ__T_OPAQUE:
        return false;
    case PZ__T_LIST:
    case PZ__T_MAP:
        for (uint32_t i = 0; i < type->arg_count; i++)
            if (!is_for_hosts(type->args[i]))
                return false;
        return true;
    default:
        return true;
    }
}

static void check_computed(pz__build *build, const pz__node *expr, const pz__program *program)
{
    const pz__type *type = program ? pz__program_type(program) : NULL;
    if (!type || is_for_hosts(type))
        return;
    const bool is_optional = type->kind == PZ__T_OPAQUE && type->arg_count == 1;
    pz__mistake_at(build, expr, "a rule decides on a value that a host can hold, and %s is none%s",
                   pz__type_text(build, type),
                   is_optional ? ": say what holds without it, as in (...).orValue('none')" : "");
}

/* Exactly one of "value" and "expr". */
static void take_value(pz__build *build, reading *r, rule_reading *rr, const pz__node *node,
                       const pz__cel_env *env)
{
    const pz__type *type = r->decision->type;
    if (rr->value && rr->expr)
        pz__mistake_in_name(build, rr->expr,
                            "\"value\" and \"expr\" both say what the rule decides: keep one");
    if (!rr->value && !rr->expr)
        pz__mistake(build, node->start, node->start + 1, (pz_str){NULL, 0},
                    "a rule needs \"value\" or \"expr\": what it decides");
    if (rr->value)
        rr->rule->has_value =
            pz__fit(build, rr->value, type, "what the rule decides", &rr->rule->value);
    if (rr->expr)
        rr->rule->expr = pz__read_rule(build, rr->expr, env, type->kind == PZ__T_DYN ? NULL : type);
    if (rr->expr)
        check_computed(build, rr->expr, rr->rule->expr);
}

/* True if the rule fires whatever the customer. One that computes its value does not where that is
 * unknown: the next one answers. */
static bool is_unconditional(pz__build *build, const rule_reading *rr)
{
    pz_value constant;
    if (!rr->when)
        return !rr->expr;
    if (!rr->rule->when || !pz__program_constant(rr->rule->when, &constant))
        return false;
    if (constant.kind == PZ_BOOL && !constant.as.b)
        pz__warning(build, rr->when->start, rr->when->end, "this rule can never fire");
    return constant.kind == PZ_BOOL && constant.as.b && !rr->expr;
}

/* Read a rule; true if it is unconditional. */
static bool read_rule(pz__build *build, reading *r, uint32_t index, pz__rule *rule)
{
    const pz__node *node = &r->rules->children[index];
    pz__cel_env env = pz__cel_env_of(build);
    rule_reading rr = {.rule = rule};
    pz__read_members(build, node, &pz__rule_members, &rr);
    if (pz__is_stopped(build) || node->value.kind != PZ_MAP || !take_id(build, r, &rr, index))
        return false;
    if (rr.when)
        rule->when = pz__read_rule(build, rr.when, &env, &pz__type_bool);
    take_value(build, r, &rr, node, &env);
    bool has_bad_when = pz__node_get(node, "when") && !rule->when;
    return !has_bad_when && is_unconditional(build, &rr);
}

/* A rule fires before another of the same condition is asked. */
static void warn_of_repeated(pz__build *build, reading *r, uint32_t index, const pz__rule *rules)
{
    const pz__node *when = pz__node_get(&r->rules->children[index], "when");
    if (!when || when->value.kind != PZ_STRING || !rules[index].when)
        return;
    const pz_str condition = pz_value_text(when->value);
    uint32_t number = pz__names_find(&r->conditions, condition);
    if (number != PZ__NAME_NONE) {
        pz__warning(build, when->start, when->end,
                    "this rule can never fire: %s before it has the same condition",
                    pz__quoted(build, rules[r->first[number]].id));
        return;
    }
    if (rules[index].expr)
        return; /* behind a computed value another may answer */
    number = pz__names_put(&r->conditions, condition);
    if (number == PZ__NAME_NONE)
        build->is_out_of_memory = true;
    else
        r->first[number] = index;
}

static void read_rules(pz__build *build, reading *r)
{
    const pz__node *list = r->rules;
    if (!pz__check_count(build, list, PZ__RULES_MAX, "rules"))
        return;
    pz__rule *rules = pz__keep(build, list->child_count, sizeof *rules);
    r->first = pz__work(build, list->child_count, sizeof *r->first);
    uint32_t always = UINT32_MAX;
    for (uint32_t i = 0; rules && r->first && i < list->child_count && !pz__is_stopped(build);
         i++) {
        bool is_always = read_rule(build, r, i, &rules[i]);
        if (always != UINT32_MAX && i == always + 1)
            pz__warning(build, list->children[i].start, list->children[i].start + 1,
                        "this rule can never fire: %s before it has no condition",
                        pz__quoted(build, rules[always].id));
        if (is_always && always == UINT32_MAX)
            always = i;
        if (always == UINT32_MAX && !pz__is_stopped(build))
            warn_of_repeated(build, r, i, rules);
    }
    r->decision->rules = rules;
    r->decision->rule_count = rules ? list->child_count : 0;
}

static void read_decision(pz__build *build, pz__decision_def *decision, const pz__node *node)
{
    reading r = {.decision = decision, .node = node};
    pz__names_init(&r.ids, build->scratch);
    pz__names_init(&r.conditions, build->scratch);
    pz__read_members(build, node, &pz__decision_members, &r);
    if (pz__is_stopped(build) || node->value.kind != PZ_MAP)
        return;
    if (r.type)
        decision->type = pz__read_type(build, r.type);
    if (!r.rules && !r.fallback && !pz__node_get(node, "rules"))
        pz__mistake_in_name(build, node,
                            "this decision decides nothing: it needs \"rules\" or \"default\"");
    if (r.rules)
        read_rules(build, &r);
    if (r.fallback)
        decision->has_default =
            pz__fit(build, r.fallback, decision->type, "the default", &decision->default_value);
}

void pz__read_decisions(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__DECISIONS_MAX, "decisions"))
        return;
    pz__decision_def *decisions = pz__keep(build, node->child_count, sizeof *decisions);
    build->catalog->decisions = decisions;
    for (uint32_t i = 0; decisions && i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        if (pz__names_find(&build->shared->decisions, child->key) != PZ__NAME_NONE)
            continue;
        if (pz__names_put(&build->shared->decisions, child->key) == PZ__NAME_NONE) {
            build->is_out_of_memory = true;
            return;
        }
        uint32_t index = build->catalog->decision_count++;
        decisions[index] =
            (pz__decision_def){.name = child->key, .index = index, .type = &pz__type_dyn};
        pz__name_check(build, child->key, child->key_start, child->key_end, "a decision");
        read_decision(build, &decisions[index], child);
    }
}
