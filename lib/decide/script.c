/*
 * script.c: operations as data.
 *
 *     ["choose", "language", "de", {"at": "2026-03-02T09:00:00Z", "channel": "web"}]
 *
 * The catalog's tests, the golden cases and hosts that keep histories write operations as JSON
 * lists: a verb, its arguments, and a last map with the circumstances of the write. A table says
 * what each verb takes. Whatever the map does not say comes from the defaults; `now` follows `at`
 * where only that is given, as in a history that is told afterwards. A member of the map that the
 * verb does not know is refused: of a misspelt "expires" would become a grant for good, and of a
 * misspelt "from" a forgetting of everything.
 */
#include "decide/decide.h"

#include "base/error.h"
#include "base/time.h"

/* What the arguments between the verb and the map become. */
typedef enum argument {
    NOTHING,
    NAME,  /* text: attribute, purpose, level, other profile, kind */
    PART,  /* text: item of a layout */
    VALUE, /* anything */
    WORD,  /* "grant" or "deny" */
    EVENT, /* {"source", "id"}, or {"about", "from", "to"} */
} argument;

#define ARGUMENTS_MAX 3u
#define OWN_MAX 2u

typedef struct verb_form {
    const char *name;
    pz__verb_kind kind;
    argument arguments[ARGUMENTS_MAX];
    const char *usage;
    const char *own[OWN_MAX]; /* circumstances that only this verb reads */
} verb_form;

static const verb_form forms[] = {
    {"choose", PZ__VERB_CHOOSE, {NAME, VALUE}, "[\"choose\", attribute, value, {…}]"},
    {"reject", PZ__VERB_REJECT, {NAME, VALUE}, "[\"reject\", attribute, value, {…}]"},
    {"clear", PZ__VERB_CLEAR, {NAME}, "[\"clear\", attribute, {\"member\": name, …}]", {"member"}},
    {"edit", PZ__VERB_EDIT, {NAME, PART, VALUE}, "[\"edit\", attribute, item, what, {…}]"},
    {"set_mode", PZ__VERB_SET_MODE, {NAME, VALUE}, "[\"set_mode\", attribute, \"MANUAL\", {…}]"},
    {"set_level", PZ__VERB_SET_LEVEL, {NAME}, "[\"set_level\", level, {…}]"},
    {"undo", PZ__VERB_UNDO, {NAME}, "[\"undo\", attribute or \"*\", {…}]"},
    {"declare", PZ__VERB_DECLARE, {NAME, VALUE}, "[\"declare\", attribute, value, {…}]"},
    {"infer",
     PZ__VERB_INFER,
     {NAME, VALUE},
     "[\"infer\", attribute, value, {\"confidence\": 0.9, …}]",
     {"confidence"}},
    {"identify", PZ__VERB_IDENTIFY, {NAME, VALUE}, "[\"identify\", kind, value, {…}]"},
    {"observe", PZ__VERB_OBSERVE, {VALUE}, "[\"observe\", event, {…}]"},
    {"consent",
     PZ__VERB_CONSENT,
     {NAME, WORD},
     "[\"consent\", purpose, \"grant\" or \"deny\", {…}]"},
    {"consent_tcf", PZ__VERB_CONSENT_TCF, {VALUE}, "[\"consent_tcf\", TC string, {…}]"},
    {"consent_gpc", PZ__VERB_CONSENT_GPC, {VALUE}, "[\"consent_gpc\", true or false, {…}]"},
    {"link", PZ__VERB_LINK, {NAME}, "[\"link\", id, {\"strength\": 0.9, …}]", {"strength"}},
    {"unlink", PZ__VERB_UNLINK, {NAME}, "[\"unlink\", id, {…}]"},
    {"switch", PZ__VERB_SWITCH, {NAME}, "[\"switch\", id, {…}]"},
    {"set_account", PZ__VERB_SET_ACCOUNT, {NAME}, "[\"set_account\", id or \"\", {…}]"},
    {"forget",
     PZ__VERB_FORGET,
     {NAME},
     "[\"forget\", attribute or \"*\", {\"from\": time, \"to\": time, …}]",
     {"from", "to"}},
    {"expire", PZ__VERB_EXPIRE, {NAME}, "[\"expire\", attribute or \"*\", {…}]"},
    {"retract",
     PZ__VERB_RETRACT,
     {EVENT},
     "[\"retract\", {\"source\": …, \"id\": …} or {\"about\": attribute, \"from\": time, \"to\": "
     "time}, {…}]"},
};
#define FORM_COUNT (sizeof forms / sizeof forms[0])

static const char *const circumstances[] = {"at", "now", "expires", "channel", "who", "writer"};
#define CIRCUMSTANCE_COUNT (sizeof circumstances / sizeof circumstances[0])

static const char *const event_members[] = {"source", "id", "about", "from", "to"};
#define EVENT_MEMBER_COUNT (sizeof event_members / sizeof event_members[0])

static const verb_form *find_form(pz_str name)
{
    for (size_t i = 0; i < FORM_COUNT; i++)
        if (pz__str_equal(name, pz_str_of(forms[i].name)))
            return &forms[i];
    return NULL;
}

static pz_status unknown_verb(pz_value verb, pz_error *err)
{
    pz_str names[FORM_COUNT];
    for (size_t i = 0; i < FORM_COUNT; i++)
        names[i] = pz_str_of(forms[i].name);
    const pz_str name = pz_value_text(verb);
    const pz_str near = pz__nearest(name, names, FORM_COUNT);
    if (near.data)
        return pz__fail(err, PZ_ERR_TYPE, "there is no operation '%.*s'; did you mean '%.*s'?",
                        PZ__STR_ARG(name), PZ__STR_ARG(near));
    return pz__fail(err, PZ_ERR_TYPE,
                    "there is no operation '%.*s'; there are choose, reject, clear, edit, "
                    "set_mode, set_level, undo, declare, infer, identify, observe, consent, "
                    "consent_tcf, consent_gpc, link, unlink, switch, set_account, forget, "
                    "expire and retract",
                    PZ__STR_ARG(name));
}

/* Whether a map has no members but those named. */
static pz_status only_members(const char *verb, pz_value map, const pz_str *names, size_t count,
                              pz_error *err)
{
    for (uint32_t i = 0; i < map.len; i++) {
        const pz_str name = pz_value_text(pz_value_entry(map, i).key);
        size_t at = 0;
        while (at < count && !pz__str_equal(name, names[at]))
            at++;
        if (at < count)
            continue;
        const pz_str near = pz__nearest(name, names, count);
        if (near.data)
            return pz__fail(err, PZ_ERR_TYPE,
                            "\"%s\" does not know \"%.*s\"; did you mean \"%.*s\"?", verb,
                            PZ__STR_ARG(name), PZ__STR_ARG(near));
        return pz__fail(err, PZ_ERR_TYPE,
                        "\"%s\" does not know \"%.*s\"; remove it, or see docs/verbs.md for what "
                        "it knows",
                        verb, PZ__STR_ARG(name));
    }
    return PZ_OK;
}

static pz_status only_circumstances(const verb_form *form, pz_value meta, pz_error *err)
{
    pz_str names[CIRCUMSTANCE_COUNT + OWN_MAX];
    size_t count = 0;
    for (; count < CIRCUMSTANCE_COUNT; count++)
        names[count] = pz_str_of(circumstances[count]);
    for (size_t i = 0; i < OWN_MAX && form->own[i]; i++)
        names[count++] = pz_str_of(form->own[i]);
    return only_members(form->name, meta, names, count, err);
}

static pz_status only_event_members(pz_value map, pz_error *err)
{
    pz_str names[EVENT_MEMBER_COUNT];
    for (size_t i = 0; i < EVENT_MEMBER_COUNT; i++)
        names[i] = pz_str_of(event_members[i]);
    return only_members("retract", map, names, EVENT_MEMBER_COUNT, err);
}

static pz_status read_time(pz_value meta, const char *name, int64_t *ms, bool *found, pz_error *err)
{
    const pz_value value = pz_value_get(meta, name, strlen(name), found);
    if (!*found)
        return PZ_OK;
    if (value.kind == PZ_TIMESTAMP) {
        if (value.as.i < PZ__TIME_MIN_S || value.as.i > PZ__TIME_MAX_S)
            return pz__fail(err, PZ_ERR_TYPE, "\"%s\" lies outside the years 1 to 9999", name);
        *ms = value.as.i * 1000 + (int64_t)(value.len / 1000000u);
        return PZ_OK;
    }
    const pz_str text = pz_value_text(value);
    if (!pz__rfc3339_parse_ms(text.data, text.len, ms))
        return pz__fail(err, PZ_ERR_TYPE,
                        "\"%s\" is a time such as \"2026-03-02T09:00:00Z\", not '%.*s'", name,
                        PZ__STR_ARG(text));
    return PZ_OK;
}

static pz_status read_text(pz_value meta, const char *name, pz_str *out, pz_error *err)
{
    bool found;
    const pz_value value = pz_value_get(meta, name, strlen(name), &found);
    if (!found || value.kind == PZ_NULL)
        return PZ_OK;
    if (value.kind != PZ_STRING)
        return pz__fail(err, PZ_ERR_TYPE, "\"%s\" is text", name);
    *out = pz_value_text(value);
    return PZ_OK;
}

/* A number of the map; `fallback` if it is not there. */
static pz_status read_number(pz_value meta, const char *name, double fallback, double *out,
                             pz_error *err)
{
    bool found;
    const pz_value value = pz_value_get(meta, name, strlen(name), &found);
    *out = fallback;
    if (!found)
        return PZ_OK;
    if (value.kind == PZ_DOUBLE)
        *out = value.as.d;
    else if (value.kind == PZ_INT)
        *out = (double)value.as.i;
    else
        return pz__fail(err, PZ_ERR_TYPE, "\"%s\" is a number between 0 and 1", name);
    return PZ_OK;
}

static pz_status read_confidence(pz__verb *verb, pz_value meta, pz_error *err)
{
    const pz_status status = read_number(meta, "confidence", -1.0, &verb->confidence, err);
    if (status == PZ_OK && verb->confidence == -1.0)
        return pz__fail(err, PZ_ERR_TYPE, "infer needs a \"confidence\" between 0 and 1");
    return status;
}

/* [from, to) of a map; where only one is given the other end is open. */
static pz_status read_span(pz__verb *verb, pz_value map, pz_error *err)
{
    bool has_from, has_to;
    pz_status status = read_time(map, "from", &verb->from_ms, &has_from, err);
    if (status == PZ_OK)
        status = read_time(map, "to", &verb->to_ms, &has_to, err);
    if (status != PZ_OK)
        return status;
    if (has_from && has_to && verb->from_ms >= verb->to_ms)
        return pz__fail(err, PZ_ERR_ARG, "the span of time ends before it begins");
    if (has_from && !has_to)
        verb->to_ms = INT64_MAX;
    if (has_to && !has_from)
        verb->from_ms = INT64_MIN;
    return PZ_OK;
}

/* A member may have the empty name: to give it is not to leave it out. */
static pz_status read_member(pz__verb *verb, pz_value meta, pz_error *err)
{
    bool found;
    const pz_value value = pz_value_get(meta, "member", 6, &found);
    verb->is_of_member = found && value.kind != PZ_NULL;
    return read_text(meta, "member", &verb->part, err);
}

/* What only some verbs read from the map. */
static pz_status read_extras(pz__verb *verb, pz_value meta, pz_error *err)
{
    switch (verb->kind) {
    case PZ__VERB_INFER:
        return read_confidence(verb, meta, err);
    case PZ__VERB_CLEAR:
        return read_member(verb, meta, err);
    case PZ__VERB_LINK:
        return read_number(meta, "strength", 1.0, &verb->strength, err);
    case PZ__VERB_FORGET:
        return read_span(verb, meta, err);
    default:
        return PZ_OK;
    }
}

static pz_status read_meta(pz__verb *verb, pz_value meta, pz_error *err)
{
    bool has_at, has_now, has_expires;
    pz_status status = read_time(meta, "at", &verb->write.at_ms, &has_at, err);
    if (status == PZ_OK)
        status = read_time(meta, "now", &verb->write.now_ms, &has_now, err);
    if (status == PZ_OK)
        status = read_time(meta, "expires", &verb->write.expires_ms, &has_expires, err);
    if (status != PZ_OK)
        return status;
    if (has_at && !has_now)
        verb->write.now_ms = verb->write.at_ms;
    if (has_now && !has_at)
        verb->write.at_ms = verb->write.now_ms;
    status = read_text(meta, "channel", &verb->write.channel, err);
    if (status == PZ_OK)
        status = read_text(meta, "who", &verb->write.who, err);
    if (status == PZ_OK)
        status = read_text(meta, "writer", &verb->write.writer, err);
    if (status != PZ_OK)
        return status;
    return read_extras(verb, meta, err);
}

/* An event that is observed without a clock of its own: its time serves. */
static pz_status clock_of_event(pz__verb *verb, pz_value meta, pz_error *err)
{
    bool has_now, has_at, has_time;
    pz_value_get(meta, "now", 3, &has_now);
    pz_value_get(meta, "at", 2, &has_at);
    if (has_now || has_at)
        return PZ_OK;
    return read_time(verb->value, "time", &verb->write.now_ms, &has_time, err);
}

/* ---- arguments ---- */

/* Which events are taken back: one, or all about an attribute within a span. */
static pz_status read_event(pz__verb *verb, pz_value map, pz_error *err)
{
    pz_status status = only_event_members(map, err);
    if (status == PZ_OK)
        status = read_text(map, "source", &verb->source, err);
    if (status == PZ_OK)
        status = read_text(map, "id", &verb->id, err);
    if (status == PZ_OK)
        status = read_text(map, "about", &verb->name, err);
    if (status == PZ_OK)
        status = read_span(verb, map, err);
    if (status != PZ_OK)
        return status;
    const bool is_one = verb->id.len > 0;
    const bool has_span = verb->from_ms != verb->to_ms;
    if (is_one == (verb->name.len > 0 || has_span))
        return pz__fail(err, PZ_ERR_TYPE,
                        "what is retracted is one event by \"source\" and \"id\", or all that is "
                        "\"about\" an attribute or lies between \"from\" and \"to\"");
    return PZ_OK;
}

static pz_status read_word(pz__verb *verb, pz_value value, pz_error *err)
{
    const pz_str word = pz_value_text(value);
    const bool is_grant = pz__str_equal(word, PZ__STR("grant"));
    if (!is_grant && !pz__str_equal(word, PZ__STR("deny")))
        return pz__fail(err, PZ_ERR_TYPE, "consent is \"grant\" or \"deny\", not '%.*s'",
                        PZ__STR_ARG(word));
    verb->value = pz_value_bool(is_grant);
    return PZ_OK;
}

static pz_status misshapen(const verb_form *form, pz_error *err)
{
    return pz__fail(err, PZ_ERR_TYPE, "the operation is written %s", form->usage);
}

static pz_status read_argument(pz__verb *verb, const verb_form *form, argument kind, pz_value value,
                               pz_error *err)
{
    if ((kind == NAME || kind == PART) && value.kind != PZ_STRING)
        return misshapen(form, err);
    switch (kind) {
    case NAME:
        verb->name = pz_value_text(value);
        return PZ_OK;
    case PART:
        verb->part = pz_value_text(value);
        return PZ_OK;
    case VALUE:
        verb->value = value;
        return PZ_OK;
    case WORD:
        return read_word(verb, value, err);
    case EVENT:
        return value.kind == PZ_MAP ? read_event(verb, value, err) : misshapen(form, err);
    case NOTHING:
        break;
    }
    return PZ_OK;
}

pz_status pz__verb_read(pz__verb *out, pz_value operation, const pz__write *defaults, pz_error *err)
{
    const pz_value name = pz_value_item(operation, 0);
    if (operation.kind != PZ_LIST || name.kind != PZ_STRING)
        return pz__fail(err, PZ_ERR_TYPE, "an operation is a list that begins with its verb");
    const verb_form *form = find_form(pz_value_text(name));
    if (!form)
        return unknown_verb(name, err);
    uint32_t count = 0;
    while (count < ARGUMENTS_MAX && form->arguments[count] != NOTHING)
        count++;
    const pz_value meta = pz_value_item(operation, 1 + count);
    if (operation.len != 1 + count && (operation.len != 2 + count || meta.kind != PZ_MAP))
        return misshapen(form, err);
    *out = (pz__verb){.kind = form->kind, .write = *defaults};
    pz_status status = only_circumstances(form, meta, err);
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = read_argument(out, form, form->arguments[i], pz_value_item(operation, 1 + i), err);
    if (status == PZ_OK)
        status = read_meta(out, meta, err);
    if (status != PZ_OK || form->kind != PZ__VERB_OBSERVE)
        return status;
    return clock_of_event(out, meta, err);
}
