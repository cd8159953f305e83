/*
 * people.c: whom a handle's profile may have to be seen with, found in the store.
 *
 * Which profiles are one person depends on the catalog (unique identifiers) and on the moment
 * (links that expire), so it is worked out when a question is asked (identity). What that needs is
 * kept sealed in the handle, so that asking reads no store:
 *
 *     candidates   the own profile, and those that links lead to, nearest first
 *     accounts     those that candidates name, and the accounts above these
 *
 * A link may stand in the other profile alone. Therefore every profile that links has entries in
 * the store's index, under identifiers that begin with the separator and so are no customer's:
 *
 *     0x1f "link" 0x1f (id of the other)  ->  key of the profile that holds the link
 *
 * Finding goes breadth first: the links of one profile strongest first, then those that lead back
 * to it. A profile that is reached over no link that might stand leads no further. What lies beyond
 * PZ__CANDIDATES_MAX is not read, and pz_person() says so. Each profile is as it stood when it was
 * read. A profile that the store does not hold is passed over.
 *
 * Profiles are shared, not copied: whoever holds a share may free it in any order.
 */
#include "engine/engine.h"

/* Some link, in force at some time or other, may join the two. */
static bool may_join(const pz__profile *a, const pz__profile *b)
{
    const pz__grant *here = pz__profile_find_grant(a, PZ__GRANT_LINK, pz__profile_subject(b));
    const pz__grant *there = pz__profile_find_grant(b, PZ__GRANT_LINK, pz__profile_subject(a));
    if ((here && here->is_denied) || (there && there->is_denied))
        return false;
    return (here && here->is_granted) || (there && there->is_granted);
}

/* ---- the list ---- */

void pz__people_free(const pz_alloc *alloc, pz__people *people)
{
    if (!people)
        return;
    for (uint32_t i = 0; i < people->share_count; i++)
        pz__profile_free(people->shares[i]);
    pz__mem_free(alloc, people, 1, sizeof *people);
}

/* Put a profile into a list by subject id; one that stands there already is replaced. */
static void put(const pz__profile **list, uint32_t *count, const pz__profile *profile)
{
    uint32_t place;
    const pz__person found = {list, *count};
    if (!pz__identity_find(&found, pz__profile_subject(profile), &place)) {
        memmove(list + place + 1, list + place, (*count - place) * sizeof *list);
        ++*count;
    }
    list[place] = profile;
}

static void put_candidate(pz__people *people, const pz__profile *profile)
{
    put(people->candidates, &people->candidate_count, profile);
    put(people->known, &people->known_count, profile);
}

void pz__people_own(pz__people *people, const pz__profile *state)
{
    if (people)
        put_candidate(people, state);
}

pz_status pz__people_share(pz__people *people, pz__profile *state)
{
    uint32_t place;
    const pz__person all = {people->known, people->known_count};
    if (pz__identity_find(&all, pz__profile_subject(state), &place))
        return PZ_ERR_ARG;
    pz__profile *share;
    const pz_status status = pz__profile_share(&share, state);
    if (status != PZ_OK)
        return status;
    people->shares[people->share_count++] = share;
    put_candidate(people, share);
    return PZ_OK;
}

static const pz__profile *known(const pz__people *people, pz_str subject)
{
    uint32_t place;
    const pz__person all = {people->known, people->known_count};
    return pz__identity_find(&all, subject, &place) ? people->known[place] : NULL;
}

/* ---- finding ---- */

/* Candidates in the order in which they were found, and whether a link reaches them. */
typedef struct finder {
    pz_engine *engine;
    pz__store_txn *txn; /* NULL: what is committed */
    pz__people *people;
    const pz__profile *found[PZ__CANDIDATES_MAX];
    bool is_reached[PZ__CANDIDATES_MAX], is_followed[PZ__CANDIDATES_MAX];
    uint32_t count;
    pz__buf bytes;
    pz_error *err;
} finder;

/* Read and seal one profile; *out stays NULL if the store does not hold it. */
static pz_status read_profile(finder *f, pz_str key, pz__profile **out)
{
    pz_error why = PZ_ERROR_INIT;
    *out = NULL;
    pz__buf_reset(&f->bytes);
    pz_status status = f->txn ? pz__store_txn_get(f->txn, key, &f->bytes, &why)
                              : pz__store_get(f->engine->store, key, &f->bytes, &why);
    if (status == PZ_ERR_NOT_FOUND)
        return PZ_OK;
    if (status == PZ_OK)
        status = pz__record_decode(out, &f->engine->alloc, f->bytes.data, f->bytes.len, &why);
    if (status == PZ_OK)
        status = pz__record_belongs(f->engine, pz__profile_subject(*out), key, &why);
    if (status == PZ_OK)
        status = pz__profile_seal(*out);
    if (status == PZ_OK)
        return PZ_OK;
    pz__profile_free(*out);
    *out = NULL;
    return pz__fail(f->err, status, "profile '%.*s', which is linked: %s",
                    PZ__STR_ARG(pz__told(f->engine, key)),
                    why.message[0] ? why.message : pz_status_text(status));
}

static void keep(finder *f, pz__profile *profile)
{
    f->people->shares[f->people->share_count++] = profile;
}

/* Where a candidate stands among those found; f->count if it is not. */
static uint32_t find_candidate(const finder *f, pz_str subject)
{
    uint32_t i = 0;
    while (i < f->count && !pz__str_equal(pz__profile_subject(f->found[i]), subject))
        i++;
    return i;
}

/* Take the candidate `id`, which a link leads to from `from`, if the store holds it. */
static pz_status take_candidate(finder *f, const pz__profile *from, pz_str id)
{
    uint32_t place = find_candidate(f, id);
    if (place == PZ__CANDIDATES_MAX) {
        f->people->is_cut = true;
        return PZ_OK;
    }
    if (place == f->count) {
        pz__profile *read;
        const pz_status status = read_profile(f, id, &read);
        if (status != PZ_OK || !read)
            return status;
        keep(f, read);
        f->found[f->count] = read;
        f->is_reached[f->count++] = false;
        put_candidate(f->people, read);
    }
    if (may_join(from, f->found[place]))
        f->is_reached[place] = true;
    return PZ_OK;
}

/* Strongest first, then the older, then by id. */
static bool is_before(const pz__grant *a, const pz__grant *b)
{
    if (a->strength != b->strength)
        return a->strength > b->strength;
    if (a->at_ms != b->at_ms)
        return a->at_ms < b->at_ms;
    return pz__str_compare(a->name, b->name) < 0;
}

/* The links that a profile holds, at most as many as there can be candidates, the first in order.
 */
static uint32_t nearest(const pz__profile *profile, const pz__grant *out[PZ__CANDIDATES_MAX],
                        bool *is_cut)
{
    const pz__grants grants = pz__profile_grants(profile, PZ__GRANT_LINK);
    uint32_t count = 0;
    for (uint32_t i = 0; i < grants.count; i++) {
        const pz__grant *grant = &grants.list[i];
        if (grant->is_denied || !grant->is_granted)
            continue;
        uint32_t place = count;
        while (place > 0 && is_before(grant, out[place - 1]))
            place--;
        *is_cut |= count == PZ__CANDIDATES_MAX;
        if (place == PZ__CANDIDATES_MAX)
            continue;
        count += count < PZ__CANDIDATES_MAX;
        memmove(out + place + 1, out + place, (count - 1 - place) * sizeof *out);
        out[place] = grant;
    }
    return count;
}

static pz_status follow_links(finder *f, const pz__profile *from)
{
    const pz__grant *links[PZ__CANDIDATES_MAX];
    const uint32_t count = nearest(from, links, &f->people->is_cut);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = take_candidate(f, from, links[i]->name);
    return status;
}

#define LINK_PREFIX "\x1flink\x1f"
#define LINK_ROOM (sizeof LINK_PREFIX - 1 + PZ__SUBJECT_MAX)

/* The identifier under which those stand who link to `subject`. */
static pz_str link_identifier(char room[LINK_ROOM], pz_str subject)
{
    memcpy(room, LINK_PREFIX, sizeof LINK_PREFIX - 1);
    memcpy(room + sizeof LINK_PREFIX - 1, subject.data, subject.len);
    return (pz_str){room, sizeof LINK_PREFIX - 1 + subject.len};
}

/* The links that lead to a profile from others, by their ids. */
static pz_status follow_back(finder *f, const pz__profile *from)
{
    char room[LINK_ROOM];
    const pz_str identifier = link_identifier(room, pz__profile_subject(from));
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, &f->engine->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = f->txn
                           ? pz__store_txn_lookup(f->txn, identifier, &keys, &count, f->err)
                           : pz__store_lookup(f->engine->store, identifier, &keys, &count, f->err);
    pz__cursor cursor;
    pz__cursor_init(&cursor, keys.data, keys.len);
    for (size_t i = 0; i < count && status == PZ_OK && f->count < PZ__CANDIDATES_MAX; i++) {
        const size_t len = (size_t)pz__cursor_varint(&cursor);
        const pz_str key = {(const char *)pz__cursor_take(&cursor, len), len};
        status = take_candidate(f, from, key);
    }
    if (status == PZ_OK && pz__cursor_left(&cursor) > 0)
        f->people->is_cut = true;
    pz__buf_clear(&keys);
    return status;
}

/* The account that a profile names, the one above it, and so on. */
static pz_status climb(finder *f, const pz__profile *from)
{
    for (uint32_t i = 0; i < PZ__ACCOUNTS_MAX; i++) {
        const pz_str id = pz__identity_account_named(from);
        if (id.len == 0)
            return PZ_OK;
        const pz__profile *here = known(f->people, id);
        if (!here && f->people->known_count - f->people->candidate_count == PZ__ACCOUNTS_KEPT_MAX) {
            f->people->is_cut = true;
            return PZ_OK;
        }
        pz__profile *read = NULL;
        const pz_status status = here ? PZ_OK : read_profile(f, id, &read);
        if (status != PZ_OK || (!here && !read))
            return status;
        if (read) {
            keep(f, read);
            put(f->people->known, &f->people->known_count, read);
            here = read;
        }
        from = here;
    }
    return PZ_OK;
}

/* The first candidate that is reached and was not followed; one found early may be reached late. */
static uint32_t to_follow(const finder *f)
{
    uint32_t i = 0;
    while (i < f->count && (f->is_followed[i] || !f->is_reached[i]))
        i++;
    return i;
}

static pz_status find(finder *f, const pz__profile *own)
{
    pz_status status = PZ_OK;
    f->found[f->count] = own;
    f->is_reached[f->count++] = true;
    put_candidate(f->people, own);
    for (uint32_t next = 0; next < f->count && status == PZ_OK; next = to_follow(f)) {
        f->is_followed[next] = true;
        status = follow_links(f, f->found[next]);
        if (status == PZ_OK)
            status = follow_back(f, f->found[next]);
    }
    for (uint32_t i = 0; i < f->count && status == PZ_OK; i++)
        status = climb(f, f->found[i]);
    return status;
}

pz_status pz__people_load(pz__people **out, pz_engine *engine, pz__store_txn *txn,
                          const pz__profile *own, pz_error *err)
{
    *out = NULL;
    pz__people *people = pz__mem_zero(&engine->alloc, 1, sizeof *people);
    if (!people)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    finder f = {.engine = engine, .txn = txn, .people = people, .err = err};
    pz__buf_init(&f.bytes, &engine->alloc, PZ__STORE_RECORD_MAX);
    const pz_status status = find(&f, own);
    pz__buf_clear(&f.bytes);
    if (status == PZ_OK && (people->known_count > 1 || people->is_cut)) {
        *out = people;
        return PZ_OK;
    }
    pz__people_free(&engine->alloc, people);
    return status;
}

/* ---- what a write changes ---- */

static bool is_account_alike(const pz__profile *a, const pz__profile *b)
{
    return pz__str_equal(pz__identity_account_named(a), pz__identity_account_named(b));
}

/* Of one that was read in place only this is known: nobody linked to it, nor it to anybody, and it
 * named no account. */
static bool is_among_others(const pz__profile *profile)
{
    return pz__profile_grants(profile, PZ__GRANT_LINK).count > 0 ||
           pz__identity_account_named(profile).len > 0;
}

bool pz__people_differ(const pz__profile *before, const pz__profile *after)
{
    if (pz__profile_is_peeked(before))
        return is_among_others(after);
    const pz__grants a = pz__profile_grants(before, PZ__GRANT_LINK);
    const pz__grants b = pz__profile_grants(after, PZ__GRANT_LINK);
    if (a.count != b.count || !is_account_alike(before, after) ||
        !pz__str_equal(pz__profile_subject(before), pz__profile_subject(after)))
        return true;
    for (uint32_t i = 0; i < a.count; i++)
        if (!pz__str_equal(a.list[i].name, b.list[i].name) ||
            a.list[i].is_granted != b.list[i].is_granted ||
            a.list[i].is_denied != b.list[i].is_denied)
            return true;
    return false;
}

pz_status pz__people_index(pz__store_txn *txn, const pz__profile *state, bool present,
                           pz_error *err)
{
    const pz__grants grants = pz__profile_grants(state, PZ__GRANT_LINK);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < grants.count && status == PZ_OK; i++) {
        char room[LINK_ROOM];
        if (grants.list[i].name.len == 0 || grants.list[i].name.len > PZ__SUBJECT_MAX)
            continue;
        status = pz__store_txn_index(txn, link_identifier(room, grants.list[i].name),
                                     pz__profile_subject(state), present, err);
    }
    return status;
}

pz_status pz__people_look_back(pz__store_txn *txn, pz_str key, const pz_alloc *alloc,
                               bool *is_linked, pz_error *err)
{
    char room[LINK_ROOM];
    pz__buf keys;
    size_t count = 0;
    *is_linked = true;
    if (key.len > PZ__SUBJECT_MAX)
        return PZ_OK;
    pz__buf_init(&keys, alloc, PZ__STORE_RECORD_MAX);
    const pz_status status =
        pz__store_txn_lookup(txn, link_identifier(room, key), &keys, &count, err);
    pz__buf_clear(&keys);
    *is_linked = count > 0;
    return status;
}

static pz_status unmark(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn;
    *action = PZ__KEEP;
    if (!bytes || !pz__record_is_alone(bytes, len))
        return PZ_OK;
    pz__record_linked(bytes, len, new_bytes);
    *action = PZ__WRITE;
    return PZ_OK;
}

pz_status pz__people_mark(pz__store_txn *txn, pz_str subject, pz_error *err)
{
    if (subject.len == 0 || subject.len > PZ__SUBJECT_MAX)
        return PZ_OK;
    return pz__store_txn_update(txn, subject, unmark, NULL, err);
}

pz_status pz__people_mark_all(pz__store_txn *txn, const pz__profile *state, pz_error *err)
{
    const pz__grants grants = pz__profile_grants(state, PZ__GRANT_LINK);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < grants.count && status == PZ_OK; i++)
        status = pz__people_mark(txn, grants.list[i].name, err);
    return status;
}

pz_status pz__people_unindex(pz__store_txn *txn, pz_str subject, const pz_alloc *alloc,
                             pz_error *err)
{
    char room[LINK_ROOM];
    const pz_str identifier = link_identifier(room, subject);
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, alloc, PZ__STORE_RECORD_MAX);
    pz_status status = pz__store_txn_lookup(txn, identifier, &keys, &count, err);
    pz__cursor cursor;
    pz__cursor_init(&cursor, keys.data, keys.len);
    for (size_t i = 0; i < count && status == PZ_OK; i++) {
        const size_t len = (size_t)pz__cursor_varint(&cursor);
        const pz_str key = {(const char *)pz__cursor_take(&cursor, len), len};
        status = pz__store_txn_index(txn, identifier, key, false, err);
    }
    pz__buf_clear(&keys);
    return status;
}

/* ---- seeing ---- */

pz_status pz__people_among(const pz__people *people, pz_str own_id, const pz__catalog *catalog,
                           int64_t now_ms, pz__arena *arena, pz__component *out)
{
    const pz__person candidates = {people->candidates, people->candidate_count};
    const pz__identity_rules rules = {
        .unique = catalog->unique_identifiers,
        .unique_count = catalog->unique_identifier_count,
        .now_ms = now_ms,
    };
    uint32_t own = 0;
    pz__identity_find(&candidates, own_id, &own);
    return pz__identity_component(&candidates, own, &rules, arena, out);
}

pz_status pz__people_see(const pz_profile *profile, const pz__catalog *catalog, int64_t now_ms,
                         pz__arena *arena, pz__component *out)
{
    *out = (pz__component){.person = {profile->alone, 1}};
    const pz__people *people = profile->people;
    if (!people || people->candidate_count <= 1)
        return PZ_OK;
    return pz__people_among(people, pz__profile_subject(profile->alone[0]), catalog, now_ms, arena,
                            out);
}

/* ---- whom a verb has to ask ---- */

bool pz__people_matter(const pz__verb *verb)
{
    return verb->kind == PZ__VERB_OBSERVE || verb->kind == PZ__VERB_INFER;
}

pz_status pz__people_tell(const pz__people *people, const pz__catalog *catalog, pz_str own_id,
                          pz__arena *arena, pz__verb *verb, pz_error *err)
{
    verb->person = (pz__person){NULL, 0};
    if (!pz__people_matter(verb) || !people || people->candidate_count <= 1)
        return PZ_OK;
    pz__component component;
    const pz_status status =
        pz__people_among(people, own_id, catalog, verb->write.now_ms, arena, &component);
    if (status != PZ_OK)
        return pz__fail(err, status, "%s", pz_status_text(status));
    verb->person = component.person;
    return PZ_OK;
}

pz_status pz__people_ask(pz__people **out, pz_engine *engine, pz__store_txn *txn, pz__profile *own,
                         const pz__verb *verb, bool is_alone, pz_error *err)
{
    *out = NULL;
    if (!pz__people_matter(verb) || (is_alone && !pz__profile_has_links(own)))
        return PZ_OK;
    const pz_status status = pz__profile_seal(own);
    return status == PZ_OK ? pz__people_load(out, engine, txn, own, err) : status;
}

pz_status pz__people_accounts(const pz_profile *profile, const pz__person *person, int64_t now_ms,
                              pz__arena *arena, pz__person *out)
{
    *out = (pz__person){NULL, 0};
    const pz__people *people = profile->people;
    if (!people)
        return PZ_OK;
    const pz__person all = {people->known, people->known_count};
    return pz__identity_accounts(person, &all, now_ms, arena, out);
}
