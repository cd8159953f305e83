/*
 * signals.c: what an event says about a customer.
 *
 *     {"on": "purchase", "about": "category", "value": "event.item.category", "weight": 5}
 *
 * The rules of a signal see one name, `event`, and nothing of the customer: evidence must not
 * depend on what was inferred from earlier evidence, or the order of a log would matter. The event
 * is a map whose members are only known at run time, so member names are checked here, against the
 * "events" section, by listening to which names the compiler asks for.
 *
 * Signals are sorted by kind, then by place, so that those of one event are a range.
 */
#include "catalog/build.h"

/* Members that every event has. */
static const pz_str fixed_members[] = {{"kind", 4}, {"source", 6},  {"id", 2},
                                       {"time", 4}, {"channel", 7}, {"customer", 8}};

#define UNKNOWN_MEMBERS_MAX 8u

/* The environment of one signal's rules. */
typedef struct hearing {
    pz__build *build;
    const pz__event_kind *kind; /* NULL: members are not known */
    pz_str unknown[UNKNOWN_MEMBERS_MAX];
    uint32_t unknown_count;
} hearing;

typedef struct reading {
    pz__signal signal;
    const pz__node *node, *on, *about, *value, *when, *weight;
} reading;

#define KEEP(member)                                                                               \
    static void keep_##member(pz__build *build, void *into, const pz__node *node)                  \
    {                                                                                              \
        (void)build;                                                                               \
        ((reading *)into)->member = node;                                                          \
    }
KEEP(on)
KEEP(about)
KEEP(value)
KEEP(when)
KEEP(weight)
#undef KEEP

static const pz__member signal_members[] = {
    {"on", PZ__REQUIRED, PZ__WANT_TEXT, keep_on, "the kind of an event",
     "The kind of event that gives the signal."},
    {"about", PZ__REQUIRED, PZ__WANT_TEXT, keep_about, "the name of an attribute",
     "The attribute that the event says something about."},
    {"value", PZ__REQUIRED, PZ__WANT_TEXT, keep_value, "a rule over event, such as \"event.item\"",
     "A rule for the value it speaks for."},
    {"weight", PZ__REQUIRED, PZ__WANT_NUMBER, keep_weight, "a number other than 0",
     "How much it counts; negative: against the value."},
    {"when", PZ__OPTIONAL, PZ__WANT_TEXT, keep_when, "a rule over event",
     "The signal speaks only where this is true."},
};
const pz__members pz__signal_members = PZ__MEMBERS("a signal", signal_members);

/* ---- names ---- */

/* "item" of "event.item.category"; empty if the name is another. */
static pz_str member_of(pz_str name)
{
    const pz_str prefix = PZ__STR("event.");
    if (name.len <= prefix.len || memcmp(name.data, prefix.data, prefix.len) != 0)
        return (pz_str){NULL, 0};
    pz_str member = {name.data + prefix.len, name.len - prefix.len};
    const char *dot = memchr(member.data, '.', member.len);
    if (dot)
        member.len = (size_t)(dot - member.data);
    return member;
}

bool pz__is_fixed_member(pz_str name)
{
    for (uint32_t i = 0; i < sizeof fixed_members / sizeof *fixed_members; i++)
        if (pz__str_equal(fixed_members[i], name))
            return true;
    return false;
}

static bool is_known_member(const pz__event_kind *kind, pz_str name)
{
    return pz__is_fixed_member(name) || pz__event_member_of(kind, name) != NULL;
}

/* Remember a member that the kind does not declare. */
static void hear_member(hearing *h, pz_str name)
{
    if (!h->kind || is_known_member(h->kind, name) || h->unknown_count == UNKNOWN_MEMBERS_MAX)
        return;
    for (uint32_t i = 0; i < h->unknown_count; i++)
        if (pz__str_equal(h->unknown[i], name))
            return;
    char *copy = pz__arena_text(h->build->scratch, name.data, name.len);
    if (copy)
        h->unknown[h->unknown_count++] = (pz_str){copy, name.len};
    else
        h->build->is_out_of_memory = true;
}

static pz_status find_event(void *self, pz_str name, pz__slot *out)
{
    static const pz__type *const parts[] = {&pz__type_string, &pz__type_dyn};
    static const pz__type event_type = {.kind = PZ__T_MAP, .arg_count = 2, .args = parts};
    hearing *h = self;
    if (pz__str_equal(name, PZ__STR("event"))) {
        *out = (pz__slot){.index = PZ__EVENT_SLOT, .type = &event_type};
        return PZ_OK;
    }
    pz_str member = member_of(name);
    if (member.len)
        hear_member(h, member);
    return h->build->is_out_of_memory ? PZ_ERR_NOMEM : PZ_ERR_NOT_FOUND;
}

/* event.NAME is compared with what a member of its type never is: events come as they are, so this
 * is false, or an error, and the signal never speaks. */
static void compared_member(void *self, const pz__compared *comparison)
{
    const hearing *h = self;
    pz__build *build = h->build;
    const pz__event_member *member =
        h->kind && comparison->field.len ? pz__event_member_of(h->kind, comparison->field) : NULL;
    if (!member || pz__type_may_be(member->type, comparison->constant) ||
        pz__is_warned_enough(build))
        return;
    pz__warning(build, pz__place_in_text(build, build->rule, comparison->start),
                pz__place_in_text(build, build->rule, comparison->end),
                "never %s: %s of the event %s is of type %s, not %s",
                comparison->relation == PZ__TO_EQUAL ? "equal" : "true",
                pz__quoted(build, member->name), pz__quoted(build, h->kind->name),
                pz__type_text(build, member->type), pz__found(build, comparison->constant));
}

static void suggest_event(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    (void)self;
    put(payload, PZ__STR("event"));
}

/* ---- rules ---- */

static bool continues_name(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_';
}

/* Where "event.NAME" stands in a rule, as an offset to NAME; 0 if it is written in another way. */
static uint32_t find_mention(pz_str rule, pz_str member)
{
    const pz_str prefix = PZ__STR("event.");
    size_t need = prefix.len + member.len;
    for (size_t i = 0; i + need <= rule.len; i++) {
        size_t end = i + need;
        if (memcmp(rule.data + i, prefix.data, prefix.len) == 0 &&
            memcmp(rule.data + i + prefix.len, member.data, member.len) == 0 &&
            (end == rule.len || !continues_name(rule.data[end])))
            return (uint32_t)(i + prefix.len);
    }
    return 0;
}

static void tell_unknown_members(const hearing *h, const pz__node *node)
{
    pz__build *build = h->build;
    for (uint32_t i = 0; i < h->unknown_count && !pz__is_stopped(build); i++) {
        pz_str name = h->unknown[i];
        uint32_t start = node->start, end = node->end;
        uint32_t at = find_mention(pz_value_text(node->value), name);
        if (at) {
            start = pz__place_in_text(build, node, at);
            end = pz__place_in_text(build, node, at + (uint32_t)name.len);
        }
        pz__mistake(build, start, end, pz__nearest_event_member(build, h->kind, name),
                    "the event %s has no member %s", pz__quoted(build, h->kind->name),
                    pz__quoted(build, name));
    }
}

static pz_status need_zone(void *self, pz_str name)
{
    const hearing *h = self;
    return pz__need_zone(h->build, name);
}

static void suggest_zones(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    const hearing *h = self;
    pz__suggest_zones(h->build, put, payload);
}

static const pz__program *read_event_rule(pz__build *build, const pz__node *node,
                                          const pz__event_kind *kind, const pz__type *expect)
{
    if (!node)
        return NULL;
    hearing h = {.build = build, .kind = kind};
    pz__cel_env env = {.self = &h,
                       .strict_texts = true,
                       .find = find_event,
                       .compared = compared_member,
                       .suggest = suggest_event,
                       .closed = true,
                       .zones = &build->shared->zones,
                       .need_zone = need_zone,
                       .suggest_zones = suggest_zones};
    const pz__program *program = pz__read_rule(build, node, &env, expect);
    if (program)
        tell_unknown_members(&h, node);
    return program;
}

static size_t skip(pz_str text, size_t at, bool (*is_skipped)(char c))
{
    while (at < text.len && is_skipped(text.data[at]))
        at++;
    return at;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == '\f';
}

/* Whether a rule does anything with the event but ask for members by name, such as event.map():
 * rather once too often. */
static bool takes_whole_event(const pz__node *node)
{
    const pz_str name = PZ__STR("event"), rule = node ? pz_value_text(node->value) : PZ__STR("");
    for (size_t i = 0; i + name.len <= rule.len; i++) {
        if (memcmp(rule.data + i, name.data, name.len) != 0)
            continue;
        size_t at = skip(rule, i + name.len, is_space);
        if (at == rule.len || rule.data[at] != '.')
            return true;
        const size_t member = skip(rule, at + 1, is_space),
                     end = skip(rule, member, continues_name);
        at = skip(rule, end, is_space);
        if (end == member || (at < rule.len && (rule.data[at] == '(' || rule.data[at] == '/')))
            return true;
    }
    return false;
}

static bool is_number_type(const pz__type *type)
{
    return type->kind == PZ__T_INT || type->kind == PZ__T_UINT || type->kind == PZ__T_DOUBLE;
}

/* Whether a signal's value may be one element as well as the whole. */
static bool is_of_elements(const pz__attribute *attribute)
{
    return attribute->merge == PZ__MERGE_SET || attribute->merge == PZ__MERGE_LAYOUT;
}

/* The type of one value that a signal may speak for. */
static const pz__type *type_spoken(const pz__attribute *attribute)
{
    const bool has_items = is_of_elements(attribute) && attribute->type->kind == PZ__T_LIST;
    return has_items ? attribute->type->args[0] : attribute->type;
}

/* A value that is just a member of the event: its declared type must be the attribute's. */
static void check_member_type(pz__build *build, const pz__attribute *attribute,
                              const pz__node *node, const pz__event_kind *kind)
{
    pz_str name = member_of(pz_value_text(node->value));
    const pz__event_member *member = kind && name.len ? pz__event_member_of(kind, name) : NULL;
    bool is_whole = member && pz_value_text(node->value).len == name.len + strlen("event.");
    const pz__type *type = type_spoken(attribute);
    if (!is_whole || member->type->kind == PZ__T_DYN || type->kind == PZ__T_DYN)
        return;
    bool fits = member->type->kind == type->kind || member->type->kind == attribute->type->kind ||
                (is_number_type(member->type) && is_number_type(type));
    if (!fits)
        pz__mistake_at(build, node, "%s is of type %s, the attribute %s of type %s",
                       pz__quoted(build, pz_value_text(node->value)),
                       pz__type_text(build, member->type), pz__quoted(build, attribute->name),
                       pz__type_text(build, attribute->type));
}

/* A value that is a constant must be one of the attribute. */
static void check_constant(pz__build *build, const pz__attribute *attribute, const pz__node *node,
                           const pz__program *program)
{
    pz_value constant;
    if (!pz__program_constant(program, &constant) || constant.kind > PZ_MAP)
        return;
    if (is_of_elements(attribute) && constant.kind != PZ_LIST)
        pz__check_own_part(build, attribute, constant, node, "");
    else
        pz__check_own_value(build, attribute, constant, node, "");
}

/* ---- signals ---- */

static const pz__attribute *find_attribute(pz__build *build, const reading *r)
{
    pz_str name = pz_value_text(r->about->value);
    uint32_t i = pz__names_find(&build->shared->attributes, name);
    if (i != PZ__NAME_NONE)
        return &build->attributes[i];
    pz__mistake(build, r->about->start, r->about->end,
                pz__nearest_in(&build->shared->attributes, name), "there is no attribute %s",
                pz__quoted(build, name));
    return NULL;
}

static const pz__event_kind *find_kind(pz__build *build, const reading *r)
{
    pz_str name = pz_value_text(r->on->value);
    pz__name_check(build, name, r->on->start, r->on->end, "an event");
    const pz__event_kind *kind = pz__event_kind_of(build, name);
    if (!kind && build->has_events)
        pz__mistake(build, r->on->start, r->on->end, pz__nearest_event_kind(build, name),
                    "there is no event %s in \"events\"", pz__quoted(build, name));
    return kind;
}

static void check_weight(pz__build *build, reading *r)
{
    int64_t weight = 0;
    const pz__node *node = r->weight;
    if (!pz__weight_of(node->value, &weight) || weight == 0)
        pz__mistake_at(build, node,
                       "a weight must be a number other than 0, at least 1/1024 and at most "
                       "1000000000 either way, not %s",
                       pz__shown(build, node->value));
    r->signal.weight = weight;
}

/* Whether evidence about this attribute can ever answer. */
static void check_target(pz__build *build, const reading *r, const pz__attribute *attribute)
{
    if (attribute->merge == PZ__MERGE_LAYOUT) {
        if (!attribute->is_ranked)
            pz__warning(build, r->about->start, r->about->end,
                        "this gathers evidence about %s that is never used: the layout is not "
                        "\"ranked\"",
                        pz__quoted(build, attribute->name));
    } else if (!attribute->domain && attribute->merge != PZ__MERGE_SET)
        pz__mistake_at(build, r->about,
                       "nothing can be inferred about %s from events: declare its values by "
                       "\"one_of\" or \"taxonomy\", or make it a bool",
                       pz__quoted(build, attribute->name));
    else if (attribute->threshold == 0)
        pz__warning(build, r->about->start, r->about->end,
                    "this gathers evidence about %s but never asserts anything: the attribute has "
                    "no \"threshold\"",
                    pz__quoted(build, attribute->name));
}

static void read_signal(pz__build *build, reading *r, const pz__node *node)
{
    *r = (reading){.node = node};
    pz__read_members(build, node, &pz__signal_members, r);
    if (pz__is_stopped(build) || node->value.kind != PZ_MAP)
        return;
    const pz__attribute *attribute = r->about ? find_attribute(build, r) : NULL;
    const pz__event_kind *kind = r->on ? find_kind(build, r) : NULL;
    bool is_sound = attribute && !build->is_broken[attribute->index];
    if (r->weight)
        check_weight(build, r);
    if (is_sound)
        check_target(build, r, attribute);
    const pz__type *expect = is_sound && !is_of_elements(attribute) ? attribute->type : NULL;
    r->signal.on = r->on ? pz_value_text(r->on->value) : (pz_str){NULL, 0};
    r->signal.attribute = attribute ? attribute->index : 0;
    r->signal.when = read_event_rule(build, r->when, kind, &pz__type_bool);
    r->signal.value = read_event_rule(build, r->value, kind, expect);
    r->signal.sees_order = takes_whole_event(r->when) || takes_whole_event(r->value);
    if (is_sound && r->signal.value) {
        check_member_type(build, attribute, r->value, kind);
        check_constant(build, attribute, r->value, r->signal.value);
    }
}

static int compare_kinds(const void *self, uint32_t a, uint32_t b)
{
    const reading *list = self;
    return pz__str_compare(list[a].signal.on, list[b].signal.on);
}

void pz__read_signals(pz__build *build, const pz__node *node)
{
    if (!pz__check_count(build, node, PZ__SIGNALS_MAX, "signals"))
        return;
    uint32_t count = node->child_count;
    reading *list = pz__work(build, count, sizeof *list);
    uint32_t *order = pz__work(build, count, sizeof *order);
    pz__signal *signals = pz__keep(build, count, sizeof *signals);
    if (build->is_out_of_memory)
        return;
    for (uint32_t i = 0; i < count && !pz__is_stopped(build); i++) {
        read_signal(build, &list[i], &node->children[i]);
        order[i] = i;
    }
    if (pz__is_stopped(build) || !pz__sort_numbers(build, order, count, compare_kinds, list))
        return;
    for (uint32_t i = 0; i < count; i++)
        signals[i] = list[order[i]].signal;
    build->catalog->signals = signals;
    build->catalog->signal_count = count;
}
