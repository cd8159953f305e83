/*
 * tests.c: the shape of the tests that a catalog carries.
 *
 *     {"name": "a choice wins",
 *      "customer": [["choose", "language", "de"]], "context": {"channel": "web"},
 *      "resolve": {"language": "de"}, "decide": {"home.hero": "generic"}, "segments": ["regular"]}
 *
 * Running them is not work of this room; here every name in them is checked, so that a test cannot
 * pass or fail for being misspelt. null in "resolve", "decide" and "rules" expects no answer.
 */
#include "catalog/build.h"

#include "base/time.h"

/* What the first argument is. */
typedef enum about {
    ATTRIBUTE,
    ANY_ATTRIBUTE, /* or "*" */
    WORD,          /* a purpose, a level, a kind of identifier */
    EVENT,
} about;

typedef struct operation {
    pz_str verb;
    uint32_t arguments; /* between the verb and the object of circumstances */
    about about;
    bool has_value; /* the second is a value of the attribute */
    const char *usage;
} operation;

static const operation operations[] = {
    {{"choose", 6}, 2, ATTRIBUTE, true, "[\"choose\", attribute, value, {...}]"},
    {{"reject", 6}, 2, ATTRIBUTE, true, "[\"reject\", attribute, value, {...}]"},
    {{"clear", 5}, 1, ATTRIBUTE, false, "[\"clear\", attribute, {...}]"},
    {{"edit", 4}, 3, ATTRIBUTE, false, "[\"edit\", attribute, item, what, {...}]"},
    {{"set_mode", 8}, 2, ATTRIBUTE, false, "[\"set_mode\", attribute, \"MANUAL\", {...}]"},
    {{"set_level", 9}, 1, WORD, false, "[\"set_level\", level, {...}]"},
    {{"undo", 4}, 1, ANY_ATTRIBUTE, false, "[\"undo\", attribute or \"*\", {...}]"},
    {{"declare", 7}, 2, ATTRIBUTE, true, "[\"declare\", attribute, value, {...}]"},
    {{"infer", 5}, 2, ATTRIBUTE, true, "[\"infer\", attribute, value, {\"confidence\": 0.9}]"},
    {{"identify", 8}, 2, WORD, false, "[\"identify\", kind, value, {...}]"},
    {{"observe", 7}, 1, EVENT, false, "[\"observe\", event, {...}]"},
    {{"consent", 7}, 2, WORD, false, "[\"consent\", purpose, \"grant\" or \"deny\", {...}]"},
    {{"forget", 6}, 1, ANY_ATTRIBUTE, false, "[\"forget\", attribute or \"*\", {...}]"},
};
#define OPERATION_COUNT (uint32_t)(sizeof operations / sizeof *operations)

/* The design's other verbs. */
static const pz_str later_verbs[] = {
    {"consent_tcf", 11}, {"consent_gpc", 11}, {"retract", 7},      {"merge", 5},  {"link", 4},
    {"unlink", 6},       {"switch", 6},       {"set_account", 11}, {"expire", 6},
};

static const operation *operation_of(pz__build *build, const pz__node *node)
{
    pz_str verb = pz_value_text(node->value), names[OPERATION_COUNT];
    for (uint32_t i = 0; i < OPERATION_COUNT; i++) {
        names[i] = operations[i].verb;
        if (node->value.kind == PZ_STRING && pz__str_equal(names[i], verb))
            return &operations[i];
    }
    for (uint32_t i = 0; i < sizeof later_verbs / sizeof *later_verbs; i++) {
        if (pz__str_equal(later_verbs[i], verb)) {
            pz__mistake_at(build, node, "this version does not know %s yet",
                           pz__quoted(build, verb));
            return NULL;
        }
    }
    pz__mistake(build, node->start, node->end, pz__nearest(verb, names, OPERATION_COUNT),
                "there is no operation %s: there are choose, reject, clear, edit, set_mode, "
                "set_level, undo, declare, infer, identify, observe, consent and forget",
                pz__shown(build, node->value));
    return NULL;
}

static const pz__attribute *attribute_of(pz__build *build, pz_str name, uint32_t start,
                                         uint32_t end)
{
    uint32_t i = pz__names_find(&build->shared->attributes, name);
    if (i != PZ__NAME_NONE)
        return &build->attributes[i];
    pz__mistake(build, start, end, pz__nearest_in(&build->shared->attributes, name),
                "there is no attribute %s", pz__quoted(build, name));
    return NULL;
}

/* A value that must be one of the attribute's; its type reads JSON as the verbs do. */
static void check_value(pz__build *build, const pz__attribute *attribute, const pz__node *node)
{
    const bool is_element = attribute->merge == PZ__MERGE_SET && node->value.kind != PZ_LIST;
    if (build->is_broken[attribute->index])
        return;
    const pz__type *type = is_element ? attribute->type->args[0] : attribute->type;
    pz_value fitted;
    const pz_status status = pz__value_fit(build->scratch, type, node->value, &fitted);
    if (status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    else if (status != PZ_OK)
        fitted = node->value; /* which the check tells about */
    if (is_element)
        pz__check_own_part(build, attribute, fitted, node, "");
    else
        pz__check_own_value(build, attribute, fitted, node, "");
}

/* A member of an event, which may have more of them than the catalog reads: only one that is nearly
 * one that it reads, and that the event lacks, is a slip. */
static void check_event_member(pz__build *build, const pz__event_kind *kind, const pz__node *data,
                               const pz__node *node)
{
    if (pz__is_fixed_member(node->key))
        return;
    const pz__event_member *member = pz__event_member_of(kind, node->key);
    if (member && !pz__type_may_be(member->type, node->value)) {
        pz__warning(build, node->start, node->end,
                    "%s of the event %s is of type %s, not %s: no rule will read it so",
                    pz__quoted(build, node->key), pz__quoted(build, kind->name),
                    pz__type_text(build, member->type), pz__found(build, node->value));
        return;
    }
    if (member)
        return;
    const pz_str meant = pz__nearest_event_member(build, kind, node->key);
    for (uint32_t i = 0; i < data->child_count; i++)
        if (pz__str_equal(data->children[i].key, meant))
            return;
    if (meant.len)
        pz__warning_near(build, node->key_start, node->key_end, meant,
                         "the event %s has no member %s", pz__quoted(build, kind->name),
                         pz__quoted(build, node->key));
}

/* An event, in short form or as a CloudEvent, against the section that says which there are. */
static void check_event(pz__build *build, const pz__node *event)
{
    const bool is_cloud = pz__node_get(event, "specversion") != NULL;
    const pz__node *name = pz__node_get(event, is_cloud ? "type" : "kind");
    const pz__node *data = is_cloud ? pz__node_get(event, "data") : event;
    if (!build->has_events || !name || name->value.kind != PZ_STRING)
        return;
    const pz__event_kind *kind = pz__event_kind_of(build, pz_value_text(name->value));
    if (!kind) {
        pz__mistake(build, name->start, name->end,
                    pz__nearest_event_kind(build, pz_value_text(name->value)),
                    "there is no event %s in \"events\"", pz__shown(build, name->value));
        return;
    }
    for (uint32_t i = 0; data && data->value.kind == PZ_MAP && i < data->child_count; i++)
        check_event_member(build, kind, data, &data->children[i]);
}

static void check_arguments(pz__build *build, const operation *op, const pz__node *arguments)
{
    const pz__node *first = &arguments[0];
    if (first->value.kind != (op->about == EVENT ? PZ_MAP : PZ_STRING)) {
        pz__mistake_at(build, first, "an operation is written so: %s", op->usage);
        return;
    }
    if (op->about == EVENT)
        check_event(build, first);
    if (op->about == EVENT || op->about == WORD ||
        (op->about == ANY_ATTRIBUTE && pz__str_equal(pz_value_text(first->value), PZ__STR("*"))))
        return;
    const pz__attribute *attribute =
        attribute_of(build, pz_value_text(first->value), first->start, first->end);
    if (attribute && op->has_value)
        check_value(build, attribute, &arguments[1]);
}

static void check_operation(pz__build *build, const pz__node *node)
{
    if (node->value.kind != PZ_LIST || node->child_count == 0) {
        pz__mistake_at(build, node,
                       "an operation is a list such as [\"choose\", \"language\", \"de\"], not %s",
                       node->value.kind == PZ_LIST ? "an empty list"
                                                   : pz__found(build, node->value));
        return;
    }
    const operation *op = operation_of(build, &node->children[0]);
    if (!op)
        return;
    uint32_t given = node->child_count - 1;
    bool has_more =
        given == op->arguments + 1 && node->children[op->arguments + 1].value.kind == PZ_MAP;
    if (given == op->arguments || has_more)
        check_arguments(build, op, &node->children[1]);
    else
        pz__mistake_at(build, node, "an operation is written so: %s", op->usage);
}

/* ---- members ---- */

static void check_customer(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++)
        check_operation(build, &node->children[i]);
}

static void check_now(pz__build *build, const pz__node *node)
{
    int64_t ms;
    pz_str text = pz_value_text(node->value);
    if (!pz__rfc3339_parse_ms(text.data, text.len, &ms))
        pz__mistake_at(build, node,
                       "\"now\" must be a time such as \"2026-03-20T12:00:00Z\", not %s",
                       pz__found(build, node->value));
}

static void check_context_key(pz__build *build, const pz__node *node)
{
    const pz__context_key *key = pz__context_key_of(build, node->key);
    pz_value fitted;
    if (key)
        pz__fit(build, node, key->type, "the value of a context key", &fitted);
    else if (build->catalog->context_is_closed)
        pz__mistake(build, node->key_start, node->key_end,
                    pz__nearest_in(&build->shared->context, node->key),
                    "\"context\" declares no key %s", pz__quoted(build, node->key));
}

static void check_context(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        if (pz__str_equal(child->key, PZ__STR("now")))
            check_now(build, child);
        else
            check_context_key(build, child);
    }
}

static void check_resolve(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        const pz__attribute *attribute =
            attribute_of(build, child->key, child->key_start, child->key_end);
        if (attribute && child->value.kind != PZ_NULL)
            check_value(build, attribute, child);
    }
}

static void check_tiers(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        pz_str nearest;
        attribute_of(build, child->key, child->key_start, child->key_end);
        if (!pz__is_tier(pz_value_text(child->value), &nearest))
            pz__mistake(build, child->start, child->end, nearest, "there is no tier %s",
                        pz__shown(build, child->value));
    }
}

static void check_decisions(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        if (pz__names_find(&build->shared->decisions, child->key) == PZ__NAME_NONE)
            pz__mistake(build, child->key_start, child->key_end,
                        pz__nearest_in(&build->shared->decisions, child->key),
                        "there is no decision %s", pz__quoted(build, child->key));
    }
}

static const pz__decision_def *decision_of(const pz__build *build, pz_str name)
{
    uint32_t i = pz__names_find(&build->shared->decisions, name);
    return i == PZ__NAME_NONE ? NULL : &build->catalog->decisions[i];
}

static void check_rules(pz__build *build, void *into, const pz__node *node)
{
    check_decisions(build, into, node);
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        const pz__decision_def *decision = decision_of(build, child->key);
        if (!decision || child->value.kind == PZ_NULL)
            continue;
        pz_str *ids = pz__work(build, decision->rule_count, sizeof *ids);
        bool is_found = false;
        for (uint32_t r = 0; ids && r < decision->rule_count; r++) {
            ids[r] = decision->rules[r].id;
            is_found |= child->value.kind == PZ_STRING &&
                        pz__str_equal(ids[r], pz_value_text(child->value));
        }
        if (ids && !is_found)
            pz__mistake(build, child->start, child->end,
                        pz__nearest(pz_value_text(child->value), ids, decision->rule_count),
                        "%s has no rule %s", pz__quoted(build, child->key),
                        pz__shown(build, child->value));
    }
}

static void check_segments(pz__build *build, void *into, const pz__node *node)
{
    (void)into;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        pz_str name = pz_value_text(child->value);
        bool is_text = child->value.kind == PZ_STRING;
        if (!is_text || pz__names_find(&build->shared->segments, name) == PZ__NAME_NONE)
            pz__mistake(build, child->start, child->end,
                        pz__nearest_in(&build->shared->segments, name), "there is no segment %s",
                        pz__shown(build, child->value));
    }
}

static const pz__member test_members[] = {
    {"name", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the test shows, for people."},
    {"customer", PZ__OPTIONAL, PZ__WANT_LIST, check_customer, "a list of operations",
     "The operations that make the customer, from nothing."},
    {"context", PZ__OPTIONAL, PZ__WANT_OBJECT, check_context, "an object of context keys",
     "The context of the questions; \"now\" is the moment."},
    {"resolve", PZ__OPTIONAL, PZ__WANT_OBJECT, check_resolve, "an object of values by attribute",
     "The answers expected; null: none."},
    {"tiers", PZ__OPTIONAL, PZ__WANT_OBJECT, check_tiers, "an object of tiers by attribute",
     "The tiers that are expected to answer."},
    {"decide", PZ__OPTIONAL, PZ__WANT_OBJECT, check_decisions, "an object of values by decision",
     "The decisions expected; null: none."},
    {"rules", PZ__OPTIONAL, PZ__WANT_OBJECT, check_rules, "an object of rules by decision",
     "The rules that are expected to fire; null: none."},
    {"segments", PZ__OPTIONAL, PZ__WANT_LIST, check_segments, "a list of segments",
     "All segments the customer is expected in, and no others."},
    {"account", PZ__LATER, 0, NULL, "", "The account that the customer belongs to."},
    {"inspect", PZ__LATER, 0, NULL, "", "The layers expected."},
};
const pz__members pz__test_members = PZ__MEMBERS("a test", test_members);

void pz__check_tests(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__TESTS_MAX, "tests"))
        return;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++)
        pz__read_members(build, &node->children[i], &pz__test_members, NULL);
    build->catalog->tests = node;
}
