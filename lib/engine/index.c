/*
 * index.c: which entries of the store's index belong to a profile.
 *
 * Two kinds: one for each identifier that is in force, kind 0x1f value, and one for each link the
 * profile has ever held, under a name that begins with the separator and so is no customer's:
 *
 *     0x1f "link" 0x1f (id of the other)
 *
 * Whoever writes profiles keeps them right; whoever copies makes them anew, and whoever verifies
 * holds them against the profiles, both ways. What no customer can be asked by, since another
 * implementation wrote it, needs no entry.
 *
 * Not here: what else stands in the index (erase.c, store_copy.c).
 */
#include "engine/engine.h"

#define LINK_PREFIX "\x1flink\x1f"
#define LINK_PREFIX_LEN (sizeof LINK_PREFIX - 1)

pz_str pz__link_subject(pz_str identifier)
{
    if (identifier.len <= LINK_PREFIX_LEN ||
        memcmp(identifier.data, LINK_PREFIX, LINK_PREFIX_LEN) != 0)
        return (pz_str){NULL, 0};
    return (pz_str){identifier.data + LINK_PREFIX_LEN, identifier.len - LINK_PREFIX_LEN};
}

pz_str pz__link_identifier(char room[PZ__STORE_IDENTIFIER_MAX], pz_str subject)
{
    memcpy(room, LINK_PREFIX, LINK_PREFIX_LEN);
    memcpy(room + LINK_PREFIX_LEN, subject.data, subject.len);
    return (pz_str){room, LINK_PREFIX_LEN + subject.len};
}

static bool is_identifier(const pz__claim *claim)
{
    return claim->slot == PZ__SLOT_IDENTIFIER &&
           pz__identifier_check(claim->attribute, claim->part, NULL) == PZ_OK;
}

static pz_status each_link(const pz__profile *profile, pz__identifier_fn fn, void *payload)
{
    const pz__grants grants = pz__profile_grants(profile, PZ__GRANT_LINK);
    char room[PZ__STORE_IDENTIFIER_MAX];
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < grants.count && status == PZ_OK; i++) {
        const pz_str other = grants.list[i].name;
        if (other.len == 0 || other.len > PZ__SUBJECT_MAX)
            continue;
        status = fn(payload, pz__link_identifier(room, other), true);
    }
    return status;
}

pz_status pz__index_each(const pz__profile *profile, pz__arena *scratch, pz__identifier_fn fn,
                         void *payload)
{
    const pz__claims claims = pz__profile_all_claims(profile);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < claims.count && status == PZ_OK; i++) {
        const pz__claim *claim = &claims.list[i];
        if (claim->is_cleared || !is_identifier(claim))
            continue;
        const pz__mark mark = pz__arena_mark(scratch);
        const pz_str identifier = pz__identifier(scratch, claim->attribute, claim->part);
        status = identifier.data ? fn(payload, identifier, false) : PZ_ERR_NOMEM;
        pz__arena_return(scratch, mark);
    }
    return status == PZ_OK ? each_link(profile, fn, payload) : status;
}

typedef struct indexing {
    pz__store_txn *txn;
    pz_str key;
    pz_error *err;
} indexing;

static pz_status put_entry(void *payload, pz_str identifier, bool is_link)
{
    const indexing *i = payload;
    (void)is_link;
    return pz__store_txn_index(i->txn, identifier, i->key, true, i->err);
}

pz_status pz__index_profile(pz__store_txn *txn, const pz__profile *profile, pz__arena *scratch,
                            pz_error *err)
{
    indexing i = {txn, pz__profile_subject(profile), err};
    const pz_status status = pz__index_each(profile, scratch, put_entry, &i);
    return status == PZ_ERR_NOMEM ? pz__fail(err, status, "out of memory") : status;
}

/* kind 0x1f value, without putting it together. */
static bool spells(pz_str identifier, pz_str kind, pz_str value)
{
    return identifier.len == kind.len + 1 + value.len &&
           memcmp(identifier.data, kind.data, kind.len) == 0 &&
           identifier.data[kind.len] == PZ__IDENTIFIER_SEPARATOR &&
           memcmp(identifier.data + kind.len + 1, value.data, value.len) == 0;
}

bool pz__index_belongs(const pz__profile *profile, pz_str identifier)
{
    const pz_str other = pz__link_subject(identifier);
    if (other.data)
        return pz__profile_find_grant(profile, PZ__GRANT_LINK, other) != NULL;
    const pz__claims claims = pz__profile_all_claims(profile);
    for (uint32_t i = 0; i < claims.count; i++)
        if (is_identifier(&claims.list[i]) &&
            spells(identifier, claims.list[i].attribute, claims.list[i].part))
            return true;
    return false;
}
