/*
 * verbs_signal.c: consent that comes as a signal: TC strings and Global Privacy Control.
 *
 * The catalog maps its purposes to those of the Transparency and Consent Framework. A TC string
 * then says of each mapped purpose yes or no, as of the moment the string was last updated:
 *
 *     granted  iff every purpose of the framework that is mapped to it has consent
 *     denied   otherwise
 *
 * A string arrives with every page, so one that says nothing newer than what is known changes
 * nothing: no denial is counted twice, and an old string from another device does not undo a newer
 * denial. The same purpose may be granted and denied by other means; the newest word of either
 * kind is what a string is compared with.
 *
 * Global Privacy Control (the header Sec-GPC: 1) denies the purposes that the catalog marks. Its
 * absence says nothing and changes nothing.
 */
#include "decide/tcf.h"
#include "decide/verbs.h"

static uint32_t bits_of(const pz__purpose *purpose)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < purpose->tcf_count; i++)
        bits |= 1u << (purpose->tcf[i] - 1);
    return bits;
}

/* When the profile last heard about a purpose; INT64_MIN if never. */
static int64_t last_word(const pz__grant *grant)
{
    if (!grant)
        return INT64_MIN;
    const int64_t granted = grant->is_granted ? grant->at_ms : INT64_MIN;
    const int64_t denied = grant->denied_at_ms ? grant->denied_at_ms : INT64_MIN;
    return granted > denied ? granted : denied;
}

static pz_status consent(pz__writer *w, pz_str purpose, bool is_granted, pz__verb *verb)
{
    pz__verb one = {.kind = PZ__VERB_CONSENT,
                    .name = purpose,
                    .value = pz_value_bool(is_granted),
                    .write = *w->write};
    verb->count++;
    return pz__do_consent(w, &one);
}

pz_status pz__do_tcf(pz__writer *w, pz__verb *verb)
{
    pz__tcf tcf;
    if (verb->value.kind != PZ_STRING)
        return pz__fail(w->err, PZ_ERR_TYPE, "a TC string is text");
    pz_status status = pz__tcf_read(&tcf, pz_value_text(verb->value), w->err);
    if (status != PZ_OK)
        return status;
    pz__write write = *w->write;
    write.at_ms = tcf.updated_ms;
    pz__writer then = *w;
    then.write = &write;
    for (uint32_t i = 0; i < w->catalog->purpose_count && status == PZ_OK; i++) {
        const pz__purpose *purpose = &w->catalog->purposes[i];
        const uint32_t bits = bits_of(purpose);
        if (bits == 0)
            continue;
        status = pz__profile_seal(w->profile);
        if (status != PZ_OK)
            return status;
        const pz__grant *known =
            pz__profile_find_grant(w->profile, PZ__GRANT_PURPOSE, purpose->name);
        if (tcf.updated_ms > last_word(known))
            status = consent(&then, purpose->name, (tcf.consents & bits) == bits, verb);
    }
    return status;
}

pz_status pz__do_gpc(pz__writer *w, pz__verb *verb)
{
    if (verb->value.kind != PZ_BOOL)
        return pz__fail(w->err, PZ_ERR_TYPE, "Global Privacy Control is on (true) or off (false)");
    pz_status status = PZ_OK;
    for (uint32_t i = 0; verb->value.as.b && i < w->catalog->purpose_count; i++) {
        const pz__purpose *purpose = &w->catalog->purposes[i];
        if (!purpose->is_denied_by_gpc)
            continue;
        status = pz__profile_seal(w->profile);
        if (status != PZ_OK)
            return status;
        const pz__grant *known =
            pz__profile_find_grant(w->profile, PZ__GRANT_PURPOSE, purpose->name);
        if (!known || !known->is_denied)
            status = consent(w, purpose->name, false, verb);
        if (status != PZ_OK)
            return status;
    }
    return status;
}

/* What the members said last of the purposes of a string, and when any of them said it. */
static void note_words(const pz__person *person, pz_str purpose, int64_t *created, int64_t *updated)
{
    for (uint32_t i = 0; i < person->count; i++) {
        const int64_t word =
            last_word(pz__profile_find_grant(person->members[i], PZ__GRANT_PURPOSE, purpose));
        *created = word != INT64_MIN && word < *created ? word : *created;
        *updated = word > *updated ? word : *updated;
    }
}

pz_status pz__tcf_of_person(const pz__catalog *catalog, const pz__person *person, int64_t now_ms,
                            pz__tcf *tcf)
{
    uint32_t granted = 0, withheld = 0;
    int64_t created = INT64_MAX, updated = 0;
    for (uint32_t i = 0; i < catalog->purpose_count; i++) {
        const pz__purpose *purpose = &catalog->purposes[i];
        const bool is_granted = pz__person_grants(person, purpose->name, now_ms);
        *(is_granted ? &granted : &withheld) |= bits_of(purpose);
        if (bits_of(purpose))
            note_words(person, purpose->name, &created, &updated);
    }
    if (updated == 0)
        return PZ_ERR_NOT_FOUND;
    tcf->consents = granted & ~withheld;
    tcf->created_ms = created < 0 ? 0 : created;
    tcf->updated_ms = updated;
    return PZ_OK;
}
