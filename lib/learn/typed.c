/*
 * typed.c: the members of an event as the types that the catalog declares for them.
 *
 *     "events": {"purchase": {"total": "double", "due": "timestamp"}}
 *     event     {"kind": "purchase", "total": 10,   "due": "2026-04-01T00:00:00Z", ...}
 *        ->     {"kind": "purchase", "total": 10.0, "due": timestamp, ...}
 *
 * JSON has fewer kinds than rules have, and many who write it say 10 for 10.0: what rules see must
 * not depend on that. Members are converted as circumstances and attributes are, and besides a
 * whole double becomes an int or uint, for tables turn a column of whole numbers into doubles where
 * one cell is empty. What does not fit ("12.50" for a double, as every table of texts has it) is
 * refused with its name: a sum that passes over it in silence would be a wrong sum that everybody
 * believes. null is a member that is not there. What the catalog does not declare, and the
 * members that every event has, stay as they came, but for the order in their maps.
 */
#include "learn/learn.h"

#include "base/error.h"

/* Bytes of a type in a message: one that is longer is cut. */
#define TYPE_TEXT_MAX 256u

/* Doubles from here on are beyond int64 and uint64. */
#define INT_END 9223372036854775808.0
#define UINT_END 18446744073709551616.0

/* A whole double as the number that a whole type has for it. */
static pz_value whole(const pz__type *type, pz_value value)
{
    if (value.kind != PZ_DOUBLE)
        return value;
    const double d = value.as.d;
    if (type->kind == PZ__T_INT && d >= -INT_END && d < INT_END && (double)(int64_t)d == d)
        return pz_value_int((int64_t)d);
    if (type->kind == PZ__T_UINT && d >= 0 && d < UINT_END && (double)(uint64_t)d == d)
        return pz_value_uint((uint64_t)d);
    return value;
}

/* Whether fitting has made another value of it. A list or map is always a new one. */
static bool is_changed(pz_value before, pz_value after)
{
    return before.kind != after.kind || after.kind == PZ_LIST || after.kind == PZ_MAP;
}

/* What came, for an error: a text is shown by its kind alone, for it may be anybody's. */
static const char *what(const pz__type *type, pz_value came)
{
    if (came.kind == PZ_STRING && type->kind != PZ__T_LIST && type->kind != PZ__T_MAP)
        return "a text that stands for none";
    if (came.kind == PZ_LIST && type->kind == PZ__T_LIST)
        return "a list with items of another type";
    if (came.kind == PZ_MAP && type->kind == PZ__T_MAP)
        return "a map with keys or values of another type";
    return pz_kind_name((pz_kind)came.kind);
}

static pz_status misfit(const pz_alloc *alloc, const pz__event *event,
                        const pz__event_member *member, pz_value came, pz_error *err)
{
    pz__buf type;
    pz__buf_init(&type, alloc, TYPE_TEXT_MAX);
    pz__type_print(&type, member->type);
    const pz_status status =
        type.status == PZ_ERR_NOMEM
            ? pz__fail(err, type.status, "out of memory")
            : pz__fail(err, PZ_ERR_TYPE,
                       "\"%.*s\" of the event must be of type %.*s, as the catalog declares for "
                       "\"%.*s\", not %s",
                       PZ__STR_ARG(member->name), (int)type.len, type.data ? type.data : "",
                       PZ__STR_ARG(event->kind), what(member->type, came));
    pz__buf_clear(&type);
    return status;
}

/* Append the member to `list` if its type asks for another value than came. */
static pz_status fit_member(pz__arena *arena, const pz__event *event,
                            const pz__event_member *member, pz_entry *list, uint32_t *count,
                            pz_error *err)
{
    if (member->type->kind == PZ__T_DYN || pz__is_fixed_member(member->name))
        return PZ_OK;
    const pz_value came = pz_value_get(event->data, member->name.data, member->name.len, NULL);
    if (came.kind == PZ_NULL)
        return PZ_OK;
    pz_value fitting;
    const pz_status status =
        pz__value_fit(arena, member->type, whole(member->type, came), &fitting);
    if (status == PZ_ERR_TYPE)
        return misfit(&arena->alloc, event, member, came, err);
    if (status == PZ_OK && is_changed(came, fitting))
        list[(*count)++] = (pz_entry){pz__value_of_str(member->name), fitting};
    return status;
}

/* The event with `changed` members in place of what came; `list` has room for all of them. */
static pz_status replace(pz__arena *arena, pz__event *event, pz_entry *list, uint32_t changed)
{
    const pz_value came = event->data;
    for (uint32_t i = 0; i < came.len; i++)
        list[changed + i] = pz_value_entry(came, i);
    return pz__value_of_entries(arena, &event->data, list, changed + came.len, PZ__DUP_FIRST);
}

void pz__event_say_undeclared(const pz__catalog *catalog, pz_str kind, bool is_near, pz_error *note)
{
    pz__near best = {{NULL, 0}, 0};
    for (uint32_t i = 0; is_near && i < catalog->event_count; i++)
        pz__nearer(&best, kind, catalog->events[i].name);
    pz__fail(note, PZ_OK, "the catalog declares no event '%.*s'%s%.*s%s learned from it",
             PZ__STR_ARG(kind), best.name.len ? "; did you mean '" : "", PZ__STR_ARG(best.name),
             best.name.len ? "'? Nothing is" : ": nothing is");
}

static pz_status fit_members(pz__arena *arena, pz__event *event, const pz__event_kind *kind,
                             pz_error *err)
{
    pz_entry *list =
        pz__arena_array(arena, (size_t)kind->member_count + event->data.len, sizeof *list);
    pz_status status = list ? PZ_OK : PZ_ERR_NOMEM;
    uint32_t changed = 0;
    for (uint32_t i = 0; status == PZ_OK && i < kind->member_count; i++)
        status = fit_member(arena, event, &kind->members[i], list, &changed, err);
    if (status == PZ_OK && changed > 0)
        status = replace(arena, event, list, changed);
    return status;
}

/* Whether its maps were brought to order: then it is another list or map. One that is nested too
 * deep stays as it came. */
static pz_status sort_member(pz__arena *arena, pz_value *value, bool *is_sorted)
{
    const pz_value came = *value;
    *is_sorted = false;
    if (came.kind < PZ_LIST)
        return PZ_OK;
    const pz_status status = pz__value_sort(arena, value);
    *is_sorted = status == PZ_OK && value->as.map != came.as.map;
    return status == PZ_ERR_LIMIT ? PZ_OK : status;
}

/* The same event in another spelling is to teach the same: rules see the maps of its members in the
 * order of their keys. */
static pz_status sort_members(pz__arena *arena, pz__event *event)
{
    pz_entry *list = NULL;
    uint32_t changed = 0;
    for (uint32_t i = 0; i < event->data.len; i++) {
        pz_entry entry = pz_value_entry(event->data, i);
        bool is_sorted;
        const pz_status status = sort_member(arena, &entry.value, &is_sorted);
        if (status != PZ_OK)
            return status;
        if (!is_sorted)
            continue;
        if (!list)
            list = pz__arena_array(arena, (size_t)event->data.len * 2, sizeof *list);
        if (!list)
            return PZ_ERR_NOMEM;
        list[changed++] = entry;
    }
    return changed > 0 ? replace(arena, event, list, changed) : PZ_OK;
}

/* The event itself likewise, where a rule may walk through it. */
static pz_status sort_seen(pz__arena *arena, const pz__catalog *catalog, pz__event *event)
{
    uint32_t count;
    const pz__signal *signals = pz__catalog_signals(catalog, event->kind, &count);
    bool sees_order = false;
    for (uint32_t i = 0; i < count; i++)
        sees_order = sees_order || signals[i].sees_order;
    pz_status status = sort_members(arena, event);
    if (status == PZ_OK && sees_order)
        status = pz__value_sort(arena, &event->data);
    return status == PZ_ERR_LIMIT ? PZ_OK : status;
}

pz_status pz__event_fit(pz__arena *arena, const pz__catalog *catalog, pz__event *event,
                        pz_error *err)
{
    const pz__event_kind *kind = pz__catalog_event(catalog, event->kind);
    pz_status status = PZ_OK;
    if (kind && kind->member_count > 0)
        status = fit_members(arena, event, kind, err);
    if (status == PZ_OK)
        status = sort_seen(arena, catalog, event);
    return status == PZ_ERR_NOMEM
               ? pz__fail(err, status, "out of memory while learning from an event")
               : status;
}
