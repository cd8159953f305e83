/*
 * context.c: the keys of the context, which is everything a decision depends on beside the
 * customer.
 *
 *     "context": {"country": "string", "premium": {"type": "bool", "default": false}}
 *
 * `channel` is always there and always a string, because claims and masks speak of it. A document
 * with this section allows no other keys than those it names and `channel`; without the section any
 * key may be asked for and has the type dyn. The moment is not a key: rules read it as `now`.
 */
#include "catalog/build.h"

static const pz__member context_members[] = {
    {"type", PZ__REQUIRED, PZ__WANT_TEXT, NULL, "the name of a type such as \"string\"",
     "The type of the key's value."},
    {"default", PZ__OPTIONAL, PZ__WANT_ANY, NULL, "a value", "The value when none is given."},
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the key means, for people."},
};
const pz__members pz__context_members = PZ__MEMBERS("a context key", context_members);

const pz__context_key *pz__context_key_of(const pz__build *build, pz_str name)
{
    uint32_t i = pz__names_find(&build->shared->context, name);
    return i == PZ__NAME_NONE ? NULL : &build->context[i];
}

pz__context_key *pz__context_add(pz__build *build, pz_str name, const pz__type *type)
{
    void *list = build->context;
    if (!pz__more(build, &list, build->context_count, &build->context_cap, sizeof *build->context))
        return NULL;
    build->context = list;
    if (pz__names_put(&build->shared->context, name) == PZ__NAME_NONE) {
        build->is_out_of_memory = true;
        return NULL;
    }
    uint32_t index = build->context_count;
    uint32_t slot = pz__slot_new(build, PZ__USE_CONTEXT, index, name, type, 0);
    if (build->is_out_of_memory)
        return NULL;
    pz__context_key *key = &build->context[build->context_count++];
    *key = (pz__context_key){.name = name, .slot = slot, .type = type};
    return key;
}

static const pz__type *read_key_type(pz__build *build, const pz__node *node)
{
    if (node->value.kind == PZ_STRING)
        return pz__read_type(build, node);
    if (node->value.kind != PZ_MAP) {
        pz__mistake_at(build, node,
                       "a context key is declared by its type, such as \"string\", or by an object "
                       "of \"type\" and \"default\", not by %s",
                       pz__found(build, node->value));
        return &pz__type_dyn;
    }
    pz__read_members(build, node, &pz__context_members, NULL);
    const pz__node *type = pz__node_get(node, "type");
    bool is_text = type && type->value.kind == PZ_STRING;
    return is_text ? pz__read_type(build, type) : &pz__type_dyn;
}

/* The one key that has its type from elsewhere. */
static void check_channel(pz__build *build, const pz__node *node, const pz__type *type)
{
    if (pz__str_equal(node->key, PZ__STR("channel")) && type->kind != PZ__T_STRING)
        pz__mistake_at(build, node, "the context key \"channel\" is always of type string");
}

static void read_key(pz__build *build, const pz__node *node)
{
    if (!pz__name_check_identifier(build, node, "a context key"))
        return;
    if (pz__str_equal(node->key, PZ__STR("now"))) {
        pz__mistake_in_name(build, node,
                            "the moment is no key of the context: rules read it as now");
        return;
    }
    uint32_t errors = build->error_count;
    const pz__type *type = read_key_type(build, node);
    check_channel(build, node, type);
    uint32_t known = pz__names_find(&build->shared->context, node->key);
    pz__context_key *key =
        known == PZ__NAME_NONE ? pz__context_add(build, node->key, type) : &build->context[known];
    const pz__node *fallback = node->value.kind == PZ_MAP ? pz__node_get(node, "default") : NULL;
    if (key && fallback && build->error_count == errors)
        key->has_default = pz__fit_seen(build, fallback, type, "the default", &key->default_value);
}

void pz__read_context(pz__build *build, const pz__node *node)
{
    build->catalog->context_is_closed = true;
    if (!pz__check_count(build, node, PZ__CONTEXT_MAX, "context keys"))
        return;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++)
        read_key(build, &node->children[i]);
}
