/*
 * event.c: reads what happened, from the short form or from a CloudEvents document.
 *
 *     short form                          CloudEvents 1.0
 *     kind      what happened             type
 *     source    who saw it                source
 *     id        unique within the source  id
 *     time      RFC 3339                  time
 *     channel   optional                  channel (an extension attribute), else data.channel
 *     customer  optional                  subject
 *     ...       any other member          data.*, and other extension attributes
 *
 * Both become one map, the event as rules see it: `event.kind`, `event.time` (a timestamp),
 * `event.total`. The fixed members stand first and win over members of `data` with the same name,
 * so that data from outside cannot pass itself off as another kind of event. `data` that is no
 * object becomes `event.data`.
 *
 * A document is CloudEvents iff it has `specversion`. Version 1.0 is read; another one may mean
 * other things by the same names and is refused. Time is optional in CloudEvents, not here: age is
 * what evidence fades by, and this room has no clock to ask.
 *
 * Everything is borrowed from the document or made in the arena.
 */
#include "base/error.h"
#include "base/time.h"
#include "base/utf8.h"
#include "learn/learn.h"

/* Where a fixed member is read from. */
typedef struct spelling {
    const char *kind, *source, *id, *time, *channel, *customer;
} spelling;

static const spelling short_form = {"kind", "source", "id", "time", "channel", "customer"};
static const spelling cloud_events = {"type", "source", "id", "time", "channel", "subject"};

/* Attributes of the CloudEvents envelope that are about the document, not about the event. */
static const char *const envelope_only[] = {"specversion", "datacontenttype", "dataschema", "data",
                                            "data_base64"};

/* The map under construction. The first entry of a name stays. */
typedef struct members {
    pz_entry *list;
    uint32_t count;
} members;

static pz_value member(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

/* A text that must be there and not be empty. */
static pz_status read_text(pz_value document, const char *name, pz_str *out, pz_error *err)
{
    pz_value value = member(document, name);
    if (value.kind == PZ_NULL)
        return pz__fail(err, PZ_ERR_TYPE, "the event has no \"%s\"", name);
    if (value.kind != PZ_STRING || value.len == 0)
        return pz__fail(err, PZ_ERR_TYPE, "\"%s\" of the event must be a text that is not empty",
                        name);
    if (!pz__utf8_valid(value.as.text, value.len))
        return pz__fail(err, PZ_ERR_PARSE, "\"%s\" of the event is not valid UTF-8", name);
    *out = pz_value_text(value);
    return PZ_OK;
}

/* A text that may be missing. */
static pz_status read_optional_text(pz_value document, const char *name, pz_str *out, pz_error *err)
{
    *out = (pz_str){NULL, 0};
    pz_value value = member(document, name);
    if (value.kind == PZ_NULL || (value.kind == PZ_STRING && value.len == 0))
        return PZ_OK;
    return read_text(document, name, out, err);
}

/* RFC 3339 text, or a timestamp where a host handed one in. */
static pz_status read_time(pz_value document, const char *name, int64_t *ms, pz_error *err)
{
    pz_value value = member(document, name);
    if (value.kind == PZ_TIMESTAMP) {
        if (value.as.i < PZ__TIME_MIN_S || value.as.i > PZ__TIME_MAX_S)
            return pz__fail(err, PZ_ERR_PARSE, "\"%s\" of the event is outside the years 1 to 9999",
                            name);
        *ms = value.as.i * 1000 + value.len / 1000000;
        return PZ_OK;
    }
    if (value.kind == PZ_NULL)
        return pz__fail(err, PZ_ERR_TYPE, "the event has no \"%s\"", name);
    if (value.kind != PZ_STRING)
        return pz__fail(err, PZ_ERR_TYPE, "\"%s\" of the event must be RFC 3339 text", name);
    if (!pz__rfc3339_parse_ms(value.as.text, value.len, ms))
        return pz__fail(err, PZ_ERR_PARSE,
                        "\"%s\" of the event must be RFC 3339 like 2026-03-20T12:00:00Z, not "
                        "\"%.*s\"",
                        name, (int)(value.len > 40 ? 40 : value.len), value.as.text);
    return PZ_OK;
}

/* "customer" is a text, a number or a map of identifiers; whoever finds customers judges it. */
static pz_status read_fixed(pz_value document, const spelling *s, pz__event *out, pz_error *err)
{
    pz_status status = read_text(document, s->kind, &out->kind, err);
    if (status == PZ_OK)
        status = read_text(document, s->source, &out->source, err);
    if (status == PZ_OK)
        status = read_text(document, s->id, &out->id, err);
    if (status == PZ_OK)
        status = read_time(document, s->time, &out->time_ms, err);
    if (status == PZ_OK)
        status = read_optional_text(document, s->channel, &out->channel, err);
    out->subject = member(document, s->customer);
    return status;
}

static void put(members *m, pz_value key, pz_value value)
{
    m->list[m->count++] = (pz_entry){key, value};
}

static void put_fixed(members *m, const pz__event *event)
{
    put(m, pz_value_str("kind"), pz__value_of_str(event->kind));
    put(m, pz_value_str("source"), pz__value_of_str(event->source));
    put(m, pz_value_str("id"), pz__value_of_str(event->id));
    put(m, pz_value_str("time"), pz_value_time_ms(event->time_ms));
    if (event->channel.len > 0)
        put(m, pz_value_str("channel"), pz__value_of_str(event->channel));
    if (event->subject.kind != PZ_NULL)
        put(m, pz_value_str("customer"), event->subject);
}
#define FIXED_MAX 6u

/* Whether a name of the envelope says nothing to rules, or was read as a fixed member. */
static bool is_envelope(pz_str name)
{
    for (size_t i = 0; i < sizeof envelope_only / sizeof envelope_only[0]; i++)
        if (pz__str_equal(name, pz_str_of(envelope_only[i])))
            return true;
    return pz__str_equal(name, PZ__STR("type")) || pz__str_equal(name, PZ__STR("subject"));
}

static void put_members(members *m, pz_value map, bool is_cloud_event)
{
    for (uint32_t i = 0; i < map.len; i++) {
        pz_entry entry = pz_value_entry(map, i);
        if (entry.key.kind != PZ_STRING)
            continue;
        if (!is_cloud_event || !is_envelope(pz_value_text(entry.key)))
            put(m, entry.key, entry.value);
    }
}

/* The event as rules see it. */
static pz_status make_data(pz__arena *arena, pz__event *event, pz_value document, pz_value data)
{
    const bool is_cloud_event = member(document, "specversion").kind != PZ_NULL;
    size_t most = FIXED_MAX + 1 + (size_t)document.len + (data.kind == PZ_MAP ? data.len : 0);
    members m = {pz__arena_array(arena, most, sizeof(pz_entry)), 0};
    if (!m.list)
        return PZ_ERR_NOMEM;
    put_fixed(&m, event);
    if (data.kind == PZ_MAP)
        put_members(&m, data, false);
    else if (data.kind != PZ_NULL)
        put(&m, pz_value_str("data"), data);
    put_members(&m, document, is_cloud_event);
    return pz__value_of_entries(arena, &event->data, m.list, m.count, PZ__DUP_FIRST);
}

pz_status pz__event_read(pz__arena *arena, pz__event *out, pz_value document, pz_error *err)
{
    *out = (pz__event){.data = pz_value_null()};
    if (document.kind != PZ_MAP)
        return pz__fail(err, PZ_ERR_TYPE, "an event must be an object");
    const pz_value version = member(document, "specversion");
    const bool is_cloud_event = version.kind != PZ_NULL;
    if (is_cloud_event && !pz__str_equal(pz_value_text(version), PZ__STR("1.0")))
        return pz__fail(err, PZ_ERR_TYPE,
                        "\"specversion\" of the event must be \"1.0\": other versions of "
                        "CloudEvents are not read");

    pz__event event = {0};
    pz_status status =
        read_fixed(document, is_cloud_event ? &cloud_events : &short_form, &event, err);
    if (status != PZ_OK)
        return status;
    const pz_value data = is_cloud_event ? member(document, "data") : pz_value_null();
    if (is_cloud_event && event.channel.len == 0 && data.kind == PZ_MAP) {
        status = read_optional_text(data, "channel", &event.channel, err);
        if (status != PZ_OK)
            return status;
    }
    status = make_data(arena, &event, document, data);
    if (status != PZ_OK)
        return pz__fail(err, status, "out of memory while reading an event");
    *out = event;
    return PZ_OK;
}
