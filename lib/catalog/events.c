/*
 * events.c: the kinds of event there are, and the members of each with their types.
 *
 *     "events": {"purchase": {"total": {"type": "double", "scale": 100}, "item": "string"}}
 *
 * The section is optional. Where it stands it is complete: a signal or a counter about a kind it
 * does not name is a mistake, and so is reading a member that the kind does not declare. `scale`
 * says how finely a member is added up: a sum keeps round(value * scale) in whole numbers.
 */
#include "catalog/build.h"

#define SCALE_MAX 1000000000

static const pz__member event_members[] = {
    {"type", PZ__REQUIRED, PZ__WANT_TEXT, NULL, "the name of a type such as \"double\"",
     "The type of the member."},
    {"scale", PZ__OPTIONAL, PZ__WANT_INT, NULL, "a whole number such as 100",
     "Sums keep round(value * scale). Whole numbers have 1; a double must declare it to be added "
     "up."},
    {"about", PZ__OPTIONAL, PZ__WANT_TEXT, NULL, "a text", "What the member means, for people."},
};
const pz__members pz__event_members = PZ__MEMBERS("a member of an event", event_members);

const pz__event_kind *pz__event_kind_of(const pz__build *build, pz_str name)
{
    for (uint32_t i = 0; i < build->event_count; i++)
        if (pz__str_equal(build->events[i].name, name))
            return &build->events[i];
    return NULL;
}

pz_str pz__nearest_event_kind(const pz__build *build, pz_str name)
{
    pz_str *names = pz__arena_array(build->scratch, build->event_count, sizeof *names);
    if (!names)
        return (pz_str){NULL, 0};
    for (uint32_t i = 0; i < build->event_count; i++)
        names[i] = build->events[i].name;
    return pz__nearest(name, names, build->event_count);
}

const pz__event_member *pz__event_member_of(const pz__event_kind *kind, pz_str name)
{
    for (uint32_t i = 0; i < kind->member_count; i++)
        if (pz__str_equal(kind->members[i].name, name))
            return &kind->members[i];
    return NULL;
}

pz_str pz__nearest_event_member(const pz__build *build, const pz__event_kind *kind, pz_str name)
{
    pz_str *names = pz__arena_array(build->scratch, kind->member_count, sizeof *names);
    if (!names)
        return (pz_str){NULL, 0};
    for (uint32_t i = 0; i < kind->member_count; i++)
        names[i] = kind->members[i].name;
    return pz__nearest(name, names, kind->member_count);
}

bool pz__type_may_be(const pz__type *type, pz_value value)
{
    switch (type->kind) {
    case PZ__T_BOOL:
        return value.kind == PZ_BOOL;
    case PZ__T_INT:
    case PZ__T_UINT:
    case PZ__T_DOUBLE:
        return value.kind == PZ_INT || value.kind == PZ_UINT || value.kind == PZ_DOUBLE;
    case PZ__T_STRING:
        return value.kind == PZ_STRING;
    default:
        return true;
    }
}

static int64_t read_scale(pz__build *build, const pz__node *node, const pz__type *type)
{
    bool is_number = type->kind == PZ__T_INT || type->kind == PZ__T_UINT ||
                     type->kind == PZ__T_DOUBLE || type->kind == PZ__T_DYN;
    if (!is_number)
        pz__mistake_in_name(build, node, "only numbers have a scale, not values of type %s",
                            pz__type_text(build, type));
    if (node->value.kind == PZ_INT && node->value.as.i >= 1 && node->value.as.i <= SCALE_MAX)
        return node->value.as.i;
    if (PZ__WANT(node->value.kind) & PZ__WANT_INT)
        pz__mistake_at(build, node, "a scale must be from 1 to %d, not %s", SCALE_MAX,
                       pz__shown(build, node->value));
    /* Whatever was meant, sums of a double are doubles: no rule that takes them so is a mistake. */
    return type->kind == PZ__T_DOUBLE ? 100 : 1;
}

/* The scale of a member that declares none. */
static int64_t plain_scale(const pz__type *type)
{
    return type->kind == PZ__T_DOUBLE ? 0 : 1;
}

static void read_member(pz__build *build, pz__event_member *member, const pz__node *node)
{
    *member = (pz__event_member){.name = node->key, .type = &pz__type_dyn, .scale = 1};
    if (!pz__name_check_identifier(build, node, "a member of an event"))
        return;
    if (node->value.kind == PZ_STRING) {
        member->type = pz__read_type(build, node);
        member->scale = plain_scale(member->type);
        return;
    }
    if (node->value.kind != PZ_MAP) {
        pz__mistake_at(build, node,
                       "a member is declared by its type, such as \"string\", or by an object of "
                       "\"type\" and \"scale\", not by %s",
                       pz__found(build, node->value));
        return;
    }
    pz__read_members(build, node, &pz__event_members, NULL);
    const pz__node *type = pz__node_get(node, "type");
    const pz__node *scale = pz__node_get(node, "scale");
    if (type && type->value.kind == PZ_STRING)
        member->type = pz__read_type(build, type);
    member->scale = scale ? read_scale(build, scale, member->type) : plain_scale(member->type);
}

static void read_kind(pz__build *build, pz__event_kind *kind, const pz__node *node)
{
    *kind = (pz__event_kind){.name = node->key};
    pz__name_check(build, node->key, node->key_start, node->key_end, "an event");
    if (node->value.kind != PZ_MAP) {
        pz__mistake_at(build, node, "an event is declared by an object of its members, not by %s",
                       pz__found(build, node->value));
        return;
    }
    pz__event_member *members = pz__keep(build, node->child_count, sizeof *members);
    for (uint32_t i = 0; members && i < node->child_count && !pz__is_stopped(build); i++)
        read_member(build, &members[i], &node->children[i]);
    kind->members = members;
    kind->member_count = members && !pz__is_stopped(build) ? node->child_count : 0;
}

static int compare_names(const void *self, uint32_t a, uint32_t b)
{
    const pz__event_kind *kinds = self;
    return pz__str_compare(kinds[a].name, kinds[b].name);
}

/* The kinds in the order of their names, for whoever asks the compiled catalog. */
static void keep_sorted(pz__build *build)
{
    const uint32_t count = build->event_count;
    uint32_t *order = pz__work(build, count, sizeof *order);
    pz__event_kind *sorted = pz__keep(build, count, sizeof *sorted);
    for (uint32_t i = 0; order && i < count; i++)
        order[i] = i;
    if (!order || !sorted || !pz__sort_numbers(build, order, count, compare_names, build->events))
        return;
    for (uint32_t i = 0; i < count; i++)
        sorted[i] = build->events[order[i]];
    build->catalog->events = sorted;
    build->catalog->event_count = count;
}

void pz__read_events(pz__build *build, const pz__node *node)
{
    build->has_events = true;
    if (!pz__check_count(build, node, PZ__EVENTS_MAX, "events"))
        return;
    build->events = pz__work(build, node->child_count, sizeof *build->events);
    if (!build->events)
        return;
    for (uint32_t i = 0; i < node->child_count && !pz__is_stopped(build); i++)
        read_kind(build, &build->events[build->event_count++], &node->children[i]);
    keep_sorted(build);
}
