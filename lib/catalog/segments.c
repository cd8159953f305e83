/*
 * segments.c: named rules about a customer.
 *
 *     "segments": {"regular": "count('purchase', duration('2160h')) >= 3",
 *                  "vip": {"when": "segment.regular && profile.spend > 1000", "about": "..."}}
 *
 * All segments are declared before the first is compiled, so that one may name another wherever it
 * stands; the circles this allows are refused afterwards (graph.c).
 */
#include "catalog/build.h"

static void keep_rule(pz__build *build, void *into, const pz__node *node)
{
    (void)build;
    *(const pz__node **)into = node;
}

static const pz__member segment_members[] = {
    {"when", PZ__REQUIRED, PZ__WANT_TEXT, keep_rule, "a rule",
     "Customers for whom this is true are in the segment."},
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the segment means, for people."},
};
const pz__members pz__segment_members = PZ__MEMBERS("a segment", segment_members);

/* The node of the rule, or NULL after a mistake. */
static const pz__node *rule_of(pz__build *build, const pz__node *node)
{
    if (node->value.kind == PZ_STRING)
        return node;
    if (node->value.kind != PZ_MAP) {
        pz__mistake_at(build, node,
                       "a segment must be a rule, or an object of \"when\" and "
                       "\"about\", not %s",
                       pz__found(build, node->value));
        return NULL;
    }
    const pz__node *rule = NULL;
    pz__read_members(build, node, &pz__segment_members, &rule);
    return rule;
}

void pz__declare_segments(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__SEGMENTS_MAX, "segments"))
        return;
    build->segments = pz__keep(build, node->child_count, sizeof *build->segments);
    build->segment_nodes = pz__work(build, node->child_count, sizeof *build->segment_nodes);
    build->catalog->segments = build->segments;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &node->children[i];
        if (pz__names_find(&build->shared->segments, child->key) != PZ__NAME_NONE)
            continue;
        pz__name_check_identifier(build, child, "a segment");
        uint32_t index = build->catalog->segment_count;
        uint32_t slot = pz__slot_new(build, PZ__USE_SEGMENT, index, child->key, &pz__type_bool, 0);
        if (pz__names_put(&build->shared->segments, child->key) == PZ__NAME_NONE)
            build->is_out_of_memory = true;
        if (build->is_out_of_memory)
            return;
        build->segments[index] = (pz__segment_rule){.name = child->key, .slot = slot};
        build->segment_nodes[index] = child;
        build->catalog->segment_count++;
    }
}

void pz__compile_segments(pz__build *build)
{
    pz__cel_env env = pz__cel_env_of(build);
    for (uint32_t i = 0; i < build->catalog->segment_count && !pz__is_stopped(build); i++) {
        const pz__node *rule = rule_of(build, build->segment_nodes[i]);
        if (rule)
            build->segments[i].program = pz__read_rule(build, rule, &env, &pz__type_bool);
    }
}
