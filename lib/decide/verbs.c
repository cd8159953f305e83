/*
 * verbs.c: writes, checked against the catalog before they touch a profile.
 *
 * The profile room takes any name and any value; here an undeclared attribute is an error that
 * names the nearest right one, and a value outside type or domain is refused. Every verb also
 * notes since when the catalog's counters are kept, so that a window reaching further back is
 * unknown and not zero.
 *
 *     choose   sets the choice, and lifts a rejection of the same value for good
 *     reject   sets a rejection, one register a value
 *     clear    empties the choice and every rejection of the attribute
 *     declare  sets the recorded fact
 *     infer    sets the host's guess for the channel it came from
 *     identify sets an identifier
 *     observe  adds what the catalog's signals and counters make of an event
 */
#include "decide/decide.h"

#include "base/error.h"
#include "base/utf8.h"

typedef struct writer {
    pz__profile *profile;
    pz__arena *scratch;
    const pz__write *write;
    pz_error *err;
} writer;

static pz_status put(writer *w, pz__claim_slot slot, pz_str attribute, pz_str part, pz_value value,
                     uint32_t confidence)
{
    const pz__claim claim = {
        .slot = (uint8_t)slot,
        .attribute = attribute,
        .part = part,
        .value = value,
        .confidence = confidence,
    };
    return pz__profile_put(w->profile, w->write, &claim, w->err);
}

static pz_status put_cleared(writer *w, pz__claim_slot slot, pz_str attribute, pz_str part)
{
    const pz__claim claim = {
        .slot = (uint8_t)slot, .attribute = attribute, .part = part, .is_cleared = true};
    return pz__profile_put(w->profile, w->write, &claim, w->err);
}

static pz_status no_such_attribute(const pz__catalog *catalog, pz_str name, pz_error *err)
{
    const pz_str near = pz__catalog_nearest_attribute(catalog, name);
    if (near.data)
        return pz__fail(err, PZ_ERR_NOT_FOUND,
                        "the catalog declares no attribute '%.*s'; did you mean '%.*s'?",
                        PZ__STR_ARG(name), PZ__STR_ARG(near));
    return pz__fail(err, PZ_ERR_NOT_FOUND,
                    "the catalog declares no attribute '%.*s'; add it to \"attributes\"",
                    PZ__STR_ARG(name));
}

/* Canonical bytes of a value, as the part of a rejection, in the scratch arena. */
static pz_status part_of(writer *w, pz_value value, pz_str *part)
{
    pz__buf buf;
    pz__buf_init(&buf, &w->scratch->alloc, PZ__CLAIM_VALUE_MAX);
    pz__value_encode(&buf, value);
    pz_status status = buf.status;
    const char *copy = status == PZ_OK ? pz__arena_text(w->scratch, buf.data, buf.len) : NULL;
    if (status == PZ_OK && !copy)
        status = PZ_ERR_NOMEM;
    *part = (pz_str){copy, buf.len};
    pz__buf_clear(&buf);
    if (status == PZ_ERR_LIMIT)
        pz__fail(w->err, status, "the value is larger than %u bytes", PZ__CLAIM_VALUE_MAX);
    return status;
}

/* The newest claim of a register over all writers, NULL if nobody has it. */
static const pz__claim *standing(const pz__profile *profile, pz_str attribute, pz__claim_slot slot,
                                 pz_str part)
{
    const pz__claims claims = pz__profile_claims(profile, attribute);
    for (uint32_t i = 0; i < claims.count; i++)
        if (claims.list[i].slot == slot && pz__str_equal(claims.list[i].part, part))
            return &claims.list[i];
    return NULL;
}

static pz_status choose(writer *w, const pz__verb *verb)
{
    pz_str part;
    pz_status status = part_of(w, verb->value, &part);
    if (status == PZ_OK)
        status = pz__profile_seal(w->profile);
    if (status != PZ_OK)
        return status;
    const pz__claim *rejection = standing(w->profile, verb->name, PZ__SLOT_REJECT, part);
    if (rejection && !rejection->is_cleared)
        status = put_cleared(w, PZ__SLOT_REJECT, verb->name, part);
    if (status == PZ_OK)
        status = put(w, PZ__SLOT_CHOICE, verb->name, PZ__STR(""), verb->value, 0);
    return status;
}

static pz_status reject(writer *w, const pz__verb *verb)
{
    pz_str part;
    const pz_status status = part_of(w, verb->value, &part);
    if (status != PZ_OK)
        return status;
    return put(w, PZ__SLOT_REJECT, verb->name, part, verb->value, 0);
}

/* The parts of all rejections in force, copied into scratch: each put changes the view. Claims
 * stand by (slot, part) with the one that counts first, so one pass finds them. */
static pz_status rejected_parts(writer *w, pz_str attribute, pz_str **out, uint32_t *count)
{
    const pz__claims claims = pz__profile_claims(w->profile, attribute);
    pz_str *parts = pz__arena_array(w->scratch, claims.count, sizeof *parts);
    if (!parts)
        return PZ_ERR_NOMEM;
    *out = parts;
    *count = 0;
    for (uint32_t i = 0; i < claims.count; i++) {
        const pz__claim *claim = &claims.list[i];
        const bool is_first = i == 0 || claims.list[i - 1].slot != claim->slot ||
                              !pz__str_equal(claims.list[i - 1].part, claim->part);
        if (claim->slot != PZ__SLOT_REJECT || !is_first || claim->is_cleared)
            continue;
        const char *part = pz__arena_text(w->scratch, claim->part.data, claim->part.len);
        if (!part)
            return PZ_ERR_NOMEM;
        parts[(*count)++] = (pz_str){part, claim->part.len};
    }
    return PZ_OK;
}

static pz_status clear(writer *w, const pz__verb *verb)
{
    pz_str *parts;
    uint32_t count = 0;
    pz_status status = put_cleared(w, PZ__SLOT_CHOICE, verb->name, PZ__STR(""));
    if (status == PZ_OK)
        status = pz__profile_seal(w->profile);
    if (status == PZ_OK)
        status = rejected_parts(w, verb->name, &parts, &count);
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = put_cleared(w, PZ__SLOT_REJECT, verb->name, parts[i]);
    return status;
}

static pz_status infer(writer *w, const pz__verb *verb)
{
    if (!(verb->confidence >= 0.0 && verb->confidence <= 1.0))
        return pz__fail(w->err, PZ_ERR_DOMAIN, "a confidence lies between 0 and 1");
    const uint32_t confidence = (uint32_t)(verb->confidence * 65536.0 + 0.5);
    return put(w, PZ__SLOT_INFERRED, verb->name, w->write->channel, verb->value, confidence);
}

pz_status pz__identifier_check(pz_str kind, pz_str value, pz_error *err)
{
    if (!pz__utf8_valid(kind.data, kind.len) || !pz__utf8_valid(value.data, value.len))
        return pz__fail(err, PZ_ERR_ARG, "an identifier and its kind are UTF-8 text");
    if (kind.len > 0 && memchr(kind.data, PZ__IDENTIFIER_SEPARATOR, kind.len))
        return pz__fail(err, PZ_ERR_ARG,
                        "the kind of an identifier holds no control character 0x1f");
    if (kind.len == 0 || kind.len > PZ__IDENTIFIER_KIND_MAX)
        return pz__fail(err, PZ_ERR_ARG, "the kind of an identifier has 1 to %u bytes",
                        PZ__IDENTIFIER_KIND_MAX);
    if (value.len == 0 || value.len > PZ__IDENTIFIER_VALUE_MAX)
        return pz__fail(err, PZ_ERR_ARG, "an identifier has 1 to %u bytes",
                        PZ__IDENTIFIER_VALUE_MAX);
    return PZ_OK;
}

static pz_status identify(writer *w, const pz__verb *verb)
{
    if (verb->value.kind != PZ_STRING)
        return pz__fail(w->err, PZ_ERR_TYPE, "an identifier is text");
    const pz_str text = pz_value_text(verb->value);
    const pz_status status = pz__identifier_check(verb->name, text, w->err);
    if (status != PZ_OK)
        return status;
    return put(w, PZ__SLOT_IDENTIFIER, verb->name, text, pz_value_bool(true), 0);
}

static pz_status observe(writer *w, pz__verb *verb, const pz__catalog *catalog)
{
    pz__event read;
    pz__observation observation;
    const pz__event *event = verb->event ? verb->event : &read;
    pz_status status = PZ_OK;
    if (!verb->event)
        status = pz__event_read(w->scratch, &read, verb->value, w->err);
    if (status == PZ_OK)
        status = pz__learn_event(w->scratch, catalog, event, &observation, w->err);
    if (status != PZ_OK)
        return status;
    pz__write write = *w->write;
    write.at_ms = event->time_ms;
    write.channel = event->channel;
    if (verb->is_replay)
        write.now_ms = event->time_ms;
    return pz__profile_observe(w->profile, &write, &observation, &verb->is_new, w->err);
}

static bool is_about_attribute(pz__verb_kind kind)
{
    return kind != PZ__VERB_IDENTIFY && kind != PZ__VERB_OBSERVE;
}

/* The value becomes one of the attribute's type where JSON could not say it: text that is a
 * timestamp, a whole number that is a double. */
static pz_status check(pz__verb *verb, const pz__catalog *catalog, pz__arena *scratch,
                       pz_error *err)
{
    if (!is_about_attribute(verb->kind))
        return PZ_OK;
    const pz__attribute *attribute = pz__catalog_attribute(catalog, verb->name);
    if (!attribute)
        return no_such_attribute(catalog, verb->name, err);
    if (verb->kind == PZ__VERB_CLEAR)
        return PZ_OK;
    pz_value fitted;
    const pz_status status = pz__value_fit(scratch, attribute->type, verb->value, &fitted);
    if (status == PZ_ERR_NOMEM)
        return status;
    if (status == PZ_OK)
        verb->value = fitted;
    return pz__attribute_check(attribute, verb->value, err);
}

static pz_status perform(writer *w, pz__verb *verb, const pz__catalog *catalog)
{
    switch (verb->kind) {
    case PZ__VERB_CHOOSE:
        return choose(w, verb);
    case PZ__VERB_REJECT:
        return reject(w, verb);
    case PZ__VERB_CLEAR:
        return clear(w, verb);
    case PZ__VERB_DECLARE:
        return put(w, PZ__SLOT_DECLARED, verb->name, PZ__STR(""), verb->value, 0);
    case PZ__VERB_INFER:
        return infer(w, verb);
    case PZ__VERB_IDENTIFY:
        return identify(w, verb);
    case PZ__VERB_OBSERVE:
        return observe(w, verb, catalog);
    }
    return PZ_ERR_ARG;
}

pz_status pz__verb_apply(pz__verb *verb, const pz__catalog *catalog, pz__profile *profile,
                         pz__arena *scratch, pz_error *err)
{
    writer w = {.profile = profile, .scratch = scratch, .write = &verb->write, .err = err};
    const pz__mark mark = pz__arena_mark(scratch);
    const pz_value given = verb->value;
    verb->is_new = false;
    pz_status status = check(verb, catalog, scratch, err);
    /* An observation brings the names of its counters along. */
    if (status == PZ_OK && verb->kind != PZ__VERB_OBSERVE)
        status = pz__profile_keep_counters(profile, verb->write.writer, catalog->counter_names,
                                           catalog->counter_count, verb->write.now_ms, err);
    if (status == PZ_OK)
        status = perform(&w, verb, catalog);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    /* The fitted value goes with the scratch; a transaction that is run again fits it again. */
    verb->value = given;
    pz__arena_return(scratch, mark);
    return status;
}
