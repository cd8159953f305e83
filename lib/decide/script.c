/*
 * script.c: operations as data.
 *
 *     ["choose", "language", "de", {"at": "2026-03-02T09:00:00Z", "channel": "web"}]
 *
 * The catalog's tests, the golden cases and hosts that keep histories write operations as JSON
 * lists: a verb, its arguments, and a last map with the circumstances of the write. A table says
 * what each verb takes. Whatever the map does not say comes from the defaults; `now` follows `at`
 * where only that is given, as in a history that is told afterwards.
 */
#include "decide/decide.h"

#include "base/error.h"
#include "base/time.h"

/* Arguments between the verb and the map. */
typedef struct verb_form {
    const char *name;
    pz__verb_kind kind;
    uint32_t arguments;
    const char *usage;
} verb_form;

static const verb_form forms[] = {
    {"choose", PZ__VERB_CHOOSE, 2, "[\"choose\", attribute, value, {…}]"},
    {"reject", PZ__VERB_REJECT, 2, "[\"reject\", attribute, value, {…}]"},
    {"clear", PZ__VERB_CLEAR, 1, "[\"clear\", attribute, {…}]"},
    {"declare", PZ__VERB_DECLARE, 2, "[\"declare\", attribute, value, {…}]"},
    {"infer", PZ__VERB_INFER, 2, "[\"infer\", attribute, value, {\"confidence\": 0.9, …}]"},
    {"identify", PZ__VERB_IDENTIFY, 2, "[\"identify\", kind, value, {…}]"},
    {"observe", PZ__VERB_OBSERVE, 1, "[\"observe\", event, {…}]"},
};
#define FORM_COUNT (sizeof forms / sizeof forms[0])

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
                    "there is no operation '%.*s'; there are choose, reject, clear, declare, "
                    "infer, identify and observe",
                    PZ__STR_ARG(name));
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

static pz_status read_confidence(pz__verb *verb, pz_value meta, pz_error *err)
{
    const pz_value value = pz_value_get(meta, "confidence", strlen("confidence"), NULL);
    if (value.kind == PZ_DOUBLE)
        verb->confidence = value.as.d;
    else if (value.kind == PZ_INT)
        verb->confidence = (double)value.as.i;
    else
        return pz__fail(err, PZ_ERR_TYPE, "infer needs a \"confidence\" between 0 and 1");
    return PZ_OK;
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
    return verb->kind == PZ__VERB_INFER ? read_confidence(verb, meta, err) : PZ_OK;
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

pz_status pz__verb_read(pz__verb *out, pz_value operation, const pz__write *defaults, pz_error *err)
{
    const pz_value name = pz_value_item(operation, 0);
    if (operation.kind != PZ_LIST || name.kind != PZ_STRING)
        return pz__fail(err, PZ_ERR_TYPE, "an operation is a list that begins with its verb");
    const verb_form *form = find_form(pz_value_text(name));
    if (!form)
        return unknown_verb(name, err);
    const uint32_t least = 1 + form->arguments;
    const pz_value meta = pz_value_item(operation, least);
    const bool fits = operation.len == least || (operation.len == least + 1 && meta.kind == PZ_MAP);
    const pz_value first = pz_value_item(operation, 1);
    if (!fits || (form->kind != PZ__VERB_OBSERVE && first.kind != PZ_STRING))
        return pz__fail(err, PZ_ERR_TYPE, "the operation is written %s", form->usage);
    *out = (pz__verb){.kind = form->kind, .write = *defaults};
    if (form->kind == PZ__VERB_OBSERVE) {
        out->value = first;
    } else {
        out->name = pz_value_text(first);
        out->value = form->arguments == 2 ? pz_value_item(operation, 2) : pz_value_null();
    }
    const pz_status status = read_meta(out, meta, err);
    if (status != PZ_OK || form->kind != PZ__VERB_OBSERVE)
        return status;
    return clock_of_event(out, meta, err);
}
