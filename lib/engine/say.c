/*
 * say.c: the public verbs, one call each.
 *
 * A call reads its pz_write, puts its arguments into a verb and has it carried out. What the
 * arguments must be is the verb's to say (decide/verbs.c), so that operations given as data meet
 * the same checks; here only pointers are looked at.
 */
#include "engine/engine.h"

static pz_status say(pz_profile *profile, pz__verb *verb, const pz_write *write, pz_error *err)
{
    if (!profile)
        return pz__fail(err, PZ_ERR_ARG, "a profile is needed");
    pz__durability durability;
    const pz_status status = pz__write_read(profile->engine, write, &verb->write, &durability, err);
    return status == PZ_OK ? pz__apply(profile, verb, durability, err) : status;
}

static pz_status unnamed(pz_error *err)
{
    return pz__fail(err, PZ_ERR_ARG, "a profile and a name are needed");
}

/* A verb about one name, with a value where it has one. */
static pz_status say_of(pz_profile *profile, pz__verb_kind kind, const char *name, pz_value value,
                        const pz_write *write, pz_error *err)
{
    if (!name)
        return unnamed(err);
    pz__verb verb = {.kind = kind, .name = pz_str_of(name), .value = value};
    return say(profile, &verb, write, err);
}

/* ---- the customer's own ---- */

pz_status pz_choose(pz_profile *profile, const char *attribute, pz_value value,
                    const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_CHOOSE, attribute, value, write, err);
}

pz_status pz_reject(pz_profile *profile, const char *attribute, pz_value value,
                    const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_REJECT, attribute, value, write, err);
}

pz_status pz_clear(pz_profile *profile, const char *attribute, const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_CLEAR, attribute, pz_value_null(), write, err);
}

pz_status pz_clear_member(pz_profile *profile, const char *attribute, const char *member,
                          const pz_write *write, pz_error *err)
{
    if (!attribute || !member)
        return unnamed(err);
    pz__verb verb = {.kind = PZ__VERB_CLEAR,
                     .name = pz_str_of(attribute),
                     .part = pz_str_of(member),
                     .is_of_member = true};
    return say(profile, &verb, write, err);
}

pz_status pz_edit(pz_profile *profile, const char *attribute, const char *item, pz_value what,
                  const pz_write *write, pz_error *err)
{
    if (!attribute || !item)
        return unnamed(err);
    pz__verb verb = {.kind = PZ__VERB_EDIT,
                     .name = pz_str_of(attribute),
                     .part = pz_str_of(item),
                     .value = what};
    return say(profile, &verb, write, err);
}

pz_status pz_set_mode(pz_profile *profile, const char *attribute, pz_mode mode,
                      const pz_write *write, pz_error *err)
{
    static const char *const words[] = {
        [PZ_AUTO] = "AUTO", [PZ_MANUAL] = "MANUAL", [PZ_OFF] = "OFF"};
    if ((unsigned)mode >= sizeof words / sizeof words[0])
        return pz__fail(err, PZ_ERR_ARG, "%d is no mode", (int)mode);
    return say_of(profile, PZ__VERB_SET_MODE, attribute, pz_value_str(words[mode]), write, err);
}

pz_status pz_set_level(pz_profile *profile, const char *level, const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_SET_LEVEL, level, pz_value_null(), write, err);
}

pz_status pz_undo(pz_profile *profile, const char *attribute, const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_UNDO, attribute ? attribute : "*", pz_value_null(), write, err);
}

/* ---- what is recorded, guessed, observed ---- */

pz_status pz_declare(pz_profile *profile, const char *attribute, pz_value value,
                     const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_DECLARE, attribute, value, write, err);
}

pz_status pz_infer(pz_profile *profile, const char *attribute, pz_value value, double confidence,
                   const pz_write *write, pz_error *err)
{
    if (!attribute)
        return unnamed(err);
    pz__verb verb = {.kind = PZ__VERB_INFER,
                     .name = pz_str_of(attribute),
                     .value = value,
                     .confidence = confidence};
    return say(profile, &verb, write, err);
}

pz_status pz_identify(pz_profile *profile, const char *kind, const char *value,
                      const pz_write *write, pz_error *err)
{
    if (!value)
        return pz__fail(err, PZ_ERR_ARG, "the value of an identifier is needed");
    return say_of(profile, PZ__VERB_IDENTIFY, kind, pz_value_str(value), write, err);
}

pz_status pz_observe(pz_profile *profile, pz_value event, const pz_write *write, bool *is_new,
                     pz_error *err)
{
    pz__verb verb = {.kind = PZ__VERB_OBSERVE, .value = event};
    const pz_status status = say(profile, &verb, write, err);
    if (is_new)
        *is_new = status == PZ_OK && verb.is_new;
    return status;
}

/* ---- consent, other people, forgetting ---- */

pz_status pz_consent(pz_profile *profile, const char *purpose, bool is_granted,
                     const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_CONSENT, purpose, pz_value_bool(is_granted), write, err);
}

static pz_status signal_consent(pz_profile *profile, pz__verb *verb, const pz_write *write,
                                uint32_t *changed, pz_error *err)
{
    const pz_status status = say(profile, verb, write, err);
    if (changed)
        *changed = status == PZ_OK ? verb->count : 0;
    return status;
}

pz_status pz_consent_tcf(pz_profile *profile, const char *tc_string, const pz_write *write,
                         uint32_t *changed, pz_error *err)
{
    pz__verb verb = {.kind = PZ__VERB_CONSENT_TCF,
                     .value = pz_value_str(tc_string ? tc_string : "")};
    return signal_consent(profile, &verb, write, changed, err);
}

pz_status pz_consent_gpc(pz_profile *profile, bool is_on, const pz_write *write, uint32_t *changed,
                         pz_error *err)
{
    pz__verb verb = {.kind = PZ__VERB_CONSENT_GPC, .value = pz_value_bool(is_on)};
    return signal_consent(profile, &verb, write, changed, err);
}

pz_status pz_link(pz_profile *profile, const char *other, double strength, const pz_write *write,
                  pz_error *err)
{
    if (!other)
        return unnamed(err);
    pz__verb verb = {.kind = PZ__VERB_LINK, .name = pz_str_of(other), .strength = strength};
    return say(profile, &verb, write, err);
}

pz_status pz_unlink(pz_profile *profile, const char *other, const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_UNLINK, other, pz_value_null(), write, err);
}

pz_status pz_switch(pz_profile *profile, const char *other, const pz_write *write, pz_error *err)
{
    return say_of(profile, PZ__VERB_SWITCH, other, pz_value_null(), write, err);
}

pz_status pz_set_account(pz_profile *profile, const char *account, const pz_write *write,
                         pz_error *err)
{
    return say_of(profile, PZ__VERB_SET_ACCOUNT, account ? account : "", pz_value_null(), write,
                  err);
}

static pz_status check_span(const pz_span *span, pz_error *err)
{
    if (!span || span->from_ms < span->to_ms)
        return PZ_OK;
    return pz__fail(err, PZ_ERR_ARG, "the span of time ends before it begins");
}

pz_status pz_forget(pz_profile *profile, const char *attribute, const pz_span *span,
                    const pz_write *write, pz_error *err)
{
    pz__verb verb = {.kind = PZ__VERB_FORGET,
                     .name = pz_str_of(attribute ? attribute : "*"),
                     .from_ms = span ? span->from_ms : 0,
                     .to_ms = span ? span->to_ms : 0};
    const pz_status status = check_span(span, err);
    return status == PZ_OK ? say(profile, &verb, write, err) : status;
}

pz_status pz_retract(pz_profile *profile, const char *source, const char *id, const pz_write *write,
                     pz_error *err)
{
    if (!source || !id || !id[0])
        return pz__fail(err, PZ_ERR_ARG, "the source and the id of an event are needed");
    pz__verb verb = {.kind = PZ__VERB_RETRACT, .source = pz_str_of(source), .id = pz_str_of(id)};
    return say(profile, &verb, write, err);
}

pz_status pz_retract_all(pz_profile *profile, const char *attribute, const pz_span *span,
                         const pz_write *write, uint32_t *count, pz_error *err)
{
    pz__verb verb = {.kind = PZ__VERB_RETRACT,
                     .name = pz_str_of(attribute ? attribute : "*"),
                     .from_ms = span ? span->from_ms : 0,
                     .to_ms = span ? span->to_ms : 0};
    pz_status status = check_span(span, err);
    if (status == PZ_OK)
        status = say(profile, &verb, write, err);
    if (count)
        *count = status == PZ_OK ? verb.count : 0;
    return status;
}
