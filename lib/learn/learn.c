/*
 * learn.c: what one event adds to a profile, as the catalog's signals and counters say.
 *
 *     signal   {on: "view", about: "interest", value: "event.item", weight: 1}
 *     event    {kind: "view", item: "roses", ...}
 *        ->    (interest, "roses", FOR, 1024/1024, the event's channel, the attribute's width)
 *
 *     counter  sum(purchase.total), scale 100
 *     event    {kind: "purchase", total: 19.99, ...}
 *        ->    ("sum(purchase.total)", 1999)
 *
 * Rules of signals run over an activation of one slot, the event. A rule that is anything but TRUE,
 * a value that fails or is unknown, or one outside the attribute's domain says nothing: an event
 * from outside is no reason to stop. A list as the value speaks for each of its elements where the
 * attribute is a list itself. A value is stored as the domain spells it (1, not 1.0), so that equal
 * values share cells.
 *
 * The result is data in the arena. Whether the event was seen before, is too old, or lies in the
 * future is the profile's to know; whether the person allows gathering, the caller tells.
 */
#include "learn/learn.h"

#include "base/error.h"

typedef struct learning {
    pz__arena *arena;
    const pz__event *event;
    const pz__gathering *gathering; /* NULL: everything may be gathered */
    pz__contribution *list;         /* PZ__EVENT_CONTRIBUTIONS_MAX of room */
    uint32_t count;
    bool is_full;
    bool is_starved; /* a rule ran out of memory: silence would be a wrong answer */
} learning;

static void add(learning *l, pz_str attribute, pz_value value, int64_t weight, uint8_t width)
{
    if (weight == 0)
        return;
    if (l->count == PZ__EVENT_CONTRIBUTIONS_MAX) {
        l->is_full = true;
        return;
    }
    l->list[l->count++] = (pz__contribution){.attribute = attribute,
                                             .channel = l->event->channel,
                                             .value = value,
                                             .weight = weight,
                                             .width = width,
                                             .side = PZ__FOR};
}

/* ---- signals ---- */

/* Whether anything could ever be answered from this value; *value becomes the domain's spelling. */
static bool is_in_domain(const pz__attribute *attribute, pz_value *value)
{
    if (!attribute->domain) {
        bool is_composed =
            attribute->merge == PZ__MERGE_SET || attribute->merge == PZ__MERGE_LAYOUT;
        return is_composed && value->kind == PZ_STRING;
    }
    uint32_t node = pz__domain_find(attribute->domain, *value);
    if (node == PZ__NODE_NONE || node == 0)
        return false;
    *value = attribute->domain->nodes[node].value;
    return true;
}

static void add_evidence(learning *l, const pz__attribute *attribute, pz_value value,
                         int64_t weight)
{
    if (!is_in_domain(attribute, &value))
        return;
    const pz__gathering *gathering = l->gathering;
    if (gathering && !gathering->allows(gathering->self, attribute))
        return;
    const uint32_t before = l->count;
    const bool is_against = weight < 0;
    const int64_t size = weight == INT64_MIN ? INT64_MAX : is_against ? -weight : weight;
    add(l, attribute->name, value, size, attribute->width);
    if (l->count > before && is_against)
        l->list[before].side = PZ__AGAINST;
}

/* Evaluate, and notice when memory rather than the rule is what failed. */
static pz_value run(learning *l, const pz__program *program, pz__activation *activation)
{
    const pz_value value = pz__cel_eval(program, activation);
    if (value.kind == PZ__V_ERROR) {
        const pz__cel_error *error = (const void *)value.as.text;
        l->is_starved = l->is_starved || error->status == PZ_ERR_NOMEM;
    }
    return value;
}

static bool speaks(learning *l, const pz__signal *signal, pz__activation *activation)
{
    return !signal->when || pz__cel_truth(run(l, signal->when, activation)) == PZ__TRUE;
}

static void follow_signal(learning *l, const pz__catalog *catalog, const pz__signal *signal,
                          pz__activation *activation)
{
    if (!speaks(l, signal, activation))
        return;
    const pz__attribute *attribute = &catalog->attributes[signal->attribute];
    const pz_value value = run(l, signal->value, activation);
    if (value.kind != PZ_LIST || attribute->type->kind != PZ__T_LIST) {
        add_evidence(l, attribute, value, signal->weight);
        return;
    }
    for (uint32_t i = 0; i < value.len && !l->is_full; i++)
        add_evidence(l, attribute, value.as.items[i], signal->weight);
}

static void follow_signals(learning *l, const pz__catalog *catalog)
{
    uint32_t count;
    const pz__signal *signals = pz__catalog_signals(catalog, l->event->kind, &count);
    pz_value slot = l->event->data;
    pz__activation activation = {.slots = &slot, .slot_count = 1, .arena = l->arena};
    for (uint32_t i = 0; i < count && !l->is_full; i++)
        follow_signal(l, catalog, &signals[i], &activation);
}

/* ---- counters ---- */

/* A member by its name, or by a path of names ("order.total"). */
static pz_value member_at(pz_value map, pz_str path)
{
    bool found;
    pz_value whole = pz_value_get(map, path.data, path.len, &found);
    if (found || path.len == 0)
        return whole;
    const char *dot = memchr(path.data, '.', path.len);
    if (!dot)
        return pz_value_null();
    size_t head = (size_t)(dot - path.data);
    pz_value inner = pz_value_get(map, path.data, head, NULL);
    return member_at(inner, (pz_str){dot + 1, path.len - head - 1});
}

/* To the nearest whole number, half to even, clamped. Above 2^52 every double is whole. */
static int64_t round_half_even(double d)
{
    if (d >= 9223372036854775808.0)
        return INT64_MAX;
    if (d < -9223372036854775808.0)
        return INT64_MIN;
    int64_t whole = (int64_t)d; /* towards zero */
    double rest = d - (double)whole;
    if (rest > 0.5 || (rest == 0.5 && whole % 2 != 0))
        return whole + 1;
    if (rest < -0.5 || (rest == -0.5 && whole % 2 != 0))
        return whole - 1;
    return whole;
}

static int64_t multiply_saturating(int64_t a, int64_t b)
{
    int64_t product;
    if (!__builtin_mul_overflow(a, b, &product))
        return product;
    return (a < 0) == (b < 0) ? INT64_MAX : INT64_MIN;
}

/* A number in stored units; 0, which adds nothing, for what is no finite number. */
static int64_t stored_units(pz_value value, int64_t scale)
{
    switch (value.kind) {
    case PZ_INT:
        return multiply_saturating(value.as.i, scale);
    case PZ_UINT:
        return multiply_saturating(value.as.u > INT64_MAX ? INT64_MAX : (int64_t)value.as.u, scale);
    case PZ_DOUBLE:
        return value.as.d - value.as.d == 0.0 ? round_half_even(value.as.d * (double)scale) : 0;
    default:
        return 0;
    }
}

static void follow_counters(learning *l, const pz__catalog *catalog)
{
    for (uint32_t i = 0; i < catalog->counter_count && !l->is_full; i++) {
        const pz__counter *counter = &catalog->counters[i];
        if (!pz__str_equal(counter->kind, l->event->kind))
            continue;
        int64_t weight = 1;
        if (counter->member.len > 0)
            weight = stored_units(member_at(l->event->data, counter->member), counter->scale);
        add(l, counter->name, pz_value_null(), weight, counter->width);
    }
}

pz_status pz__learn_event(pz__arena *arena, const pz__catalog *catalog, const pz__event *event,
                          const pz__gathering *gathering, pz__observation *out, pz_error *err)
{
    pz__event typed = *event;
    const pz_status status = pz__event_fit(arena, catalog, &typed, err);
    if (status != PZ_OK)
        return status;
    *out = (pz__observation){.source = event->source,
                             .id = event->id,
                             .time_ms = event->time_ms,
                             .horizon_ms = catalog->horizon_ms,
                             .counters = catalog->counter_names,
                             .counter_count = catalog->counter_count};
    learning l = {.arena = arena, .event = &typed, .gathering = gathering};
    l.list = pz__arena_array(arena, PZ__EVENT_CONTRIBUTIONS_MAX, sizeof *l.list);
    if (!l.list)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory while learning from an event");
    follow_signals(&l, catalog);
    follow_counters(&l, catalog);
    if (l.is_starved)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory while learning from an event");
    if (l.is_full)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "an event of kind \"%.*s\" adds more than %u pieces of evidence; let its "
                        "signals speak for fewer values",
                        PZ__STR_ARG(event->kind), PZ__EVENT_CONTRIBUTIONS_MAX);
    out->contributions = l.list;
    out->contribution_count = l.count;
    return PZ_OK;
}
