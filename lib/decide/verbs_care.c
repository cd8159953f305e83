/*
 * verbs_care.c: consent, other people's profiles, and forgetting.
 *
 *     consent      grants or denies a purpose. A denial masks at once; where the catalog says
 *                  "on_deny": "erase", what was gathered, guessed and recorded for the purpose goes
 *     link         this profile and another are one person
 *     unlink       they are not; beats a link that was made without knowing of it
 *     switch       somebody else uses this device from now on: noted, and never a link
 *     set_account  the account the person belongs to
 *     forget       an attribute or everything, ever or within a span of time
 *     retract      an event never happened
 */
#include "base/time.h"
#include "base/utf8.h"
#include "decide/verbs.h"

/* ---- consent ---- */

static pz_status check_name(pz__writer *w, pz_str name, const char *what)
{
    if (name.len > 0 && name.len <= PZ__NAME_MAX)
        return PZ_OK;
    return pz__fail(w->err, PZ_ERR_ARG, "%s has 1 to %u bytes", what, PZ__NAME_MAX);
}

static bool erases(const pz__catalog *catalog, pz_str purpose)
{
    for (uint32_t i = 0; i < catalog->purpose_count; i++)
        if (pz__str_equal(catalog->purposes[i].name, purpose))
            return catalog->purposes[i].erases_on_deny;
    return false;
}

/* Append those of the purpose of which the profile holds something, or of which it holds nothing.
 */
static void add_of_purpose(pz__writer *w, pz_str purpose, bool is_held, pz__forgetting *list,
                           uint32_t *count)
{
    for (uint32_t i = 0; i < w->catalog->attribute_count; i++) {
        const pz__attribute *attribute = &w->catalog->attributes[i];
        if (pz__str_equal(attribute->purpose, purpose) &&
            pz__profile_has_older(w->profile, attribute->name, INT64_MAX) == is_held)
            list[(*count)++] =
                (pz__forgetting){attribute->name, INT64_MIN, INT64_MAX, PZ__FORGET_FACTS};
    }
}

/* A denial is never refused for want of room to erase: it masks what is left. So what is there goes
 * first, and what others may have gathered meanwhile after that. */
static pz_status erase_purpose(pz__writer *w, pz_str purpose)
{
    pz_error why = PZ_ERROR_INIT;
    uint32_t count = 0, made;
    pz__forgetting *list = pz__arena_array(w->scratch, w->catalog->attribute_count, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    add_of_purpose(w, purpose, true, list, &count);
    add_of_purpose(w, purpose, false, list, &count);
    w->has_forgotten = true;
    const pz_status status =
        pz__profile_forget_many(w->profile, w->write, list, count, true, &made, &why);
    if (status == PZ_OK || (status == PZ_ERR_LIMIT && made == 0))
        return PZ_OK;
    return pz__fail(w->err, status, "%s", why.message);
}

pz_status pz__do_consent(pz__writer *w, pz__verb *verb)
{
    pz_status status = check_name(w, verb->name, "the name of a purpose");
    if (status != PZ_OK)
        return status;
    if (verb->value.kind != PZ_BOOL)
        return pz__fail(w->err, PZ_ERR_TYPE, "consent is \"grant\" or \"deny\"");
    if (verb->value.as.b)
        return pz__profile_grant(w->profile, w->write, PZ__GRANT_PURPOSE, verb->name, 0, w->err);
    status = pz__profile_deny(w->profile, w->write, PZ__GRANT_PURPOSE, verb->name, w->err);
    if (status == PZ_OK && erases(w->catalog, verb->name))
        status = erase_purpose(w, verb->name);
    return status;
}

/* ---- other profiles ---- */

static pz_status check_other(pz__writer *w, pz_str other)
{
    if (other.len == 0 || other.len > PZ__SUBJECT_MAX)
        return pz__fail(w->err, PZ_ERR_ARG, "the id of a profile has 1 to %u bytes",
                        PZ__SUBJECT_MAX);
    if (!pz__utf8_valid(other.data, other.len))
        return pz__fail(w->err, PZ_ERR_ARG, "the id of a profile is UTF-8 text");
    if (pz__str_equal(other, pz__profile_subject(w->profile)))
        return pz__fail(w->err, PZ_ERR_ARG, "that is this profile's own id");
    return PZ_OK;
}

pz_status pz__do_link(pz__writer *w, pz__verb *verb)
{
    const pz_status status = check_other(w, verb->name);
    if (status != PZ_OK)
        return status;
    if (!(verb->strength > 0.0 && verb->strength <= 1.0))
        return pz__fail(w->err, PZ_ERR_DOMAIN, "the strength of a link is above 0 and at most 1");
    const uint32_t units = (uint32_t)(verb->strength * 65536.0 + 0.5);
    return pz__profile_grant(w->profile, w->write, PZ__GRANT_LINK, verb->name, units ? units : 1,
                             w->err);
}

pz_status pz__do_unlink(pz__writer *w, pz__verb *verb)
{
    const pz_status status = check_other(w, verb->name);
    if (status != PZ_OK)
        return status;
    return pz__profile_deny(w->profile, w->write, PZ__GRANT_LINK, verb->name, w->err);
}

static pz_status put_of_subject(pz__writer *w, pz__claim_slot slot, pz_str part, pz_value value)
{
    const pz__claim claim = {
        .slot = (uint8_t)slot, .attribute = PZ__OF_SUBJECT, .part = part, .value = value};
    return pz__profile_put(w->profile, w->write, &claim, w->err);
}

pz_status pz__do_switch(pz__writer *w, pz__verb *verb)
{
    const pz_status status = check_other(w, verb->name);
    if (status != PZ_OK)
        return status;
    return put_of_subject(w, PZ__SLOT_SWITCH, verb->name, pz_value_bool(true));
}

pz_status pz__do_set_account(pz__writer *w, pz__verb *verb)
{
    if (verb->name.len == 0) {
        const pz__claim none = {
            .slot = PZ__SLOT_ACCOUNT, .attribute = PZ__OF_SUBJECT, .is_cleared = true};
        return pz__profile_put(w->profile, w->write, &none, w->err);
    }
    const pz_status status = check_other(w, verb->name);
    if (status != PZ_OK)
        return status;
    return put_of_subject(w, PZ__SLOT_ACCOUNT, PZ__STR(""), pz__value_of_str(verb->name));
}

/* ---- forgetting ---- */

static bool is_any(pz_str name)
{
    return name.len == 0 || pz__str_equal(name, PZ__STR("*"));
}

static pz_status check_span(pz__writer *w, const pz__verb *verb, int64_t *from, int64_t *to)
{
    const bool is_ever = verb->from_ms == verb->to_ms;
    *from = is_ever ? INT64_MIN : verb->from_ms;
    *to = is_ever ? INT64_MAX : verb->to_ms;
    if (*from < *to)
        return PZ_OK;
    return pz__fail(w->err, PZ_ERR_ARG, "the span of time ends before it begins");
}

pz_status pz__do_forget(pz__writer *w, pz__verb *verb)
{
    pz__forgetting all = {is_any(verb->name) ? PZ__STR("*") : verb->name, 0, 0, PZ__FORGET_ALL};
    const pz_status status = check_span(w, verb, &all.from_ms, &all.to_ms);
    return status == PZ_OK ? pz__forget(w, &all) : status;
}

/* The last moment up to which what the attribute's retention has ended is to be dropped; INT64_MIN:
 * there is nothing. */
static int64_t ended_until(const pz__attribute *attribute, pz__profile *profile, int64_t now_ms)
{
    if (attribute->retention_ms <= 0 || now_ms < INT64_MIN + attribute->retention_ms)
        return INT64_MIN;
    const int64_t over_ms = now_ms - attribute->retention_ms;
    if (!pz__time_is_valid(over_ms) || !pz__profile_has_older(profile, attribute->name, over_ms))
        return INT64_MIN;
    const int64_t until_ms = pz__profile_unbared_until(profile, attribute->name, over_ms);
    const bool is_any =
        until_ms == over_ms ||
        (pz__time_is_valid(until_ms) && pz__profile_has_older(profile, attribute->name, until_ms));
    return is_any ? until_ms : INT64_MIN;
}

bool pz__has_expired(const pz__catalog *catalog, pz__profile *profile, int64_t now_ms)
{
    for (uint32_t i = 0; i < catalog->attribute_count; i++)
        if (ended_until(&catalog->attributes[i], profile, now_ms) != INT64_MIN)
            return true;
    return false;
}

/* A span that ends behind the last moment whose retention is over takes exactly that: it touches a
 * bucket from its beginning on. Choices stay, whenever they were made. */
pz_status pz__do_expire(pz__writer *w, pz__verb *verb)
{
    const int64_t now_ms = w->write->now_ms;
    uint32_t count = 0;
    pz__forgetting *list = pz__arena_array(w->scratch, w->catalog->attribute_count, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < w->catalog->attribute_count; i++) {
        const pz__attribute *attribute = &w->catalog->attributes[i];
        const bool is_meant = is_any(verb->name) || pz__str_equal(verb->name, attribute->name);
        const int64_t until_ms = is_meant ? ended_until(attribute, w->profile, now_ms) : INT64_MIN;
        if (until_ms != INT64_MIN)
            list[count++] =
                (pz__forgetting){attribute->name, INT64_MIN, until_ms + 1, PZ__FORGET_FACTS};
    }
    if (count == 0)
        return PZ_OK;
    w->has_forgotten = true;
    return pz__profile_forget_many(w->profile, w->write, list, count, false, &verb->count, w->err);
}

pz_status pz__do_retract(pz__writer *w, pz__verb *verb)
{
    pz__retraction retraction = {.source = verb->source,
                                 .id = verb->id,
                                 .attribute = is_any(verb->name) ? PZ__STR("") : verb->name};
    const pz_status status = check_span(w, verb, &retraction.from_ms, &retraction.to_ms);
    if (status != PZ_OK)
        return status;
    return pz__profile_retract(w->profile, w->write, &retraction, &verb->count, w->err);
}
