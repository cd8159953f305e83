/*
 * account.c: the accounts above a person.
 *
 * A person says in one register which account it belongs to (a company, a household); the newest
 * claim over all its profiles decides, as it does for every register. An account may belong to an
 * account in turn. Whoever lacks an answer of its own asks the nearest first, so the order is the
 * way up.
 *
 * Data may say anything: a chain that comes back to somebody who is in it already ends there, and
 * so does one that is longer than any company's.
 */
#include "identity/link.h"

/* The account register of one person, "" where nothing is in force. */
static pz_status account_of(const pz__person *person, int64_t now_ms, pz__arena *arena, pz_str *out)
{
    pz__claims claims;
    *out = (pz_str){NULL, 0};
    const pz_status status = pz__person_claims(person, PZ__OF_SUBJECT, arena, &claims);
    for (uint32_t i = 0; status == PZ_OK && i < claims.count; i++) {
        const pz__claim *claim = &claims.list[i];
        if (claim->slot != PZ__SLOT_ACCOUNT)
            continue;
        if (pz__claim_is_live(claim, now_ms))
            *out = pz_value_text(claim->value);
        break;
    }
    return status;
}

pz_str pz__identity_account_named(const pz__profile *profile)
{
    const pz__claim *claim =
        pz__profile_newest(profile, PZ__SLOT_ACCOUNT, PZ__OF_SUBJECT, PZ__STR(""));
    return claim && !claim->is_cleared ? pz_value_text(claim->value) : (pz_str){NULL, 0};
}

static bool is_among(const pz__profile *const *list, uint32_t count, const pz__profile *profile)
{
    for (uint32_t i = 0; i < count; i++)
        if (list[i] == profile)
            return true;
    return false;
}

pz_status pz__identity_accounts(const pz__person *person, const pz__person *known, int64_t now_ms,
                                pz__arena *arena, pz__person *out)
{
    const pz__profile **list =
        pz__arena_array(arena, PZ__ACCOUNTS_MAX, sizeof(const pz__profile *));
    *out = (pz__person){list, 0};
    if (!list)
        return PZ_ERR_NOMEM;
    pz__person below = *person;
    while (out->count < PZ__ACCOUNTS_MAX) {
        pz_str id;
        uint32_t place;
        const pz_status status = account_of(&below, now_ms, arena, &id);
        if (status != PZ_OK)
            return status;
        if (id.len == 0 || !pz__identity_find(known, id, &place) ||
            is_among(list, out->count, known->members[place]) ||
            is_among(person->members, person->count, known->members[place]))
            return PZ_OK;
        list[out->count++] = known->members[place];
        below = (pz__person){known->members + place, 1};
    }
    return PZ_OK;
}
