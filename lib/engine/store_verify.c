/*
 * store_verify.c: whether a store is sound.
 *
 * Two walks and a look at each stream:
 *
 *     records   every record decodes (which checks its checksum), is the profile that its key says,
 *               and is led to by an entry of the index for each identifier and each link
 *     index     every entry leads to a record that has, or had, that identifier or link; entries of
 *               the library's own are as it writes them
 *     streams   every decision record decodes, and the index leads to it (store_kept.c)
 *
 * Before them the pages of the files, if there are any: a walk over pages that do not hang together
 * would not come back (store/pages.c).
 *
 * A link's entry has to be there only while the profile it leads back from is: erasing somebody
 * drops those that lead to the erased (erase.c).
 *
 * Others may write meanwhile, and a walk sees record and index at different moments. So what looks
 * wrong is looked at again, each time the one side and then the other: it is a fault only if it is
 * wrong each time.
 */
#include <inttypes.h>

#include "engine/store_work.h"

/* How often something has to be wrong. */
#define LOOKS 3u

#define COPY_ANEW "; copy the store to a new place, which makes the index anew"

typedef struct verifying {
    pz__store *store;
    const pz_alloc *alloc;
    pz__watch *watch;
    pz__arena scratch;
    pz__buf bytes, keys;
    pz_str key; /* of the record that is looked at */
    pz_error *err;
} verifying;

/* Identifiers in messages are for people: kind:value. */
static const char *shown(pz_str identifier, char room[128])
{
    const size_t len = identifier.len < 120 ? identifier.len : 120;
    for (size_t i = 0; i < len; i++) {
        const unsigned char c = (unsigned char)identifier.data[i];
        room[i] = (char)(c == PZ__IDENTIFIER_SEPARATOR ? ':' : c < 0x20 || c >= 0x7f ? '?' : c);
    }
    room[len] = '\0';
    return room[0] == ':' ? room + 1 : room;
}

/* The record under a key, decoded and sealed. PZ_ERR_NOT_FOUND; *why tells of damage. */
static pz_status read_profile(verifying *v, pz_str key, pz__profile **out, pz_error *why)
{
    *out = NULL;
    pz__buf_reset(&v->bytes);
    pz_status status = pz__store_get(v->store, key, &v->bytes, why);
    if (status == PZ_OK)
        status = pz__record_decode(out, v->alloc, v->bytes.data, v->bytes.len, why);
    if (status == PZ_OK)
        status = pz__profile_seal(*out);
    if (status != PZ_OK) {
        pz__profile_free(*out);
        *out = NULL;
    }
    return status;
}

/* An entry that hooks cannot open leads nowhere. */
static pz_status leads_to(verifying *v, pz_str identifier, pz_str key, bool *out)
{
    size_t count = 0;
    *out = false;
    pz__buf_reset(&v->keys);
    const pz_status status = pz__store_lookup(v->store, identifier, &v->keys, &count, v->err);
    pz__cursor from;
    pz__cursor_init(&from, v->keys.data, v->keys.len);
    for (size_t i = 0; status == PZ_OK && i < count && !*out; i++) {
        const size_t len = (size_t)pz__cursor_varint(&from);
        *out = pz__str_equal((pz_str){(const char *)pz__cursor_take(&from, len), len}, key);
    }
    return status == PZ_ERR_CORRUPT ? PZ_OK : status;
}

/* A status that is the record's own, not the store's or the machine's. */
static bool is_of_record(pz_status status)
{
    return status == PZ_ERR_CORRUPT || status == PZ_ERR_VERSION || status == PZ_ERR_LIMIT;
}

static pz_status exists(verifying *v, pz_str key, bool *out)
{
    pz_error ignored = PZ_ERROR_INIT;
    pz__buf_reset(&v->bytes);
    const pz_status status = pz__store_get(v->store, key, &v->bytes, &ignored);
    *out = status == PZ_OK;
    return status == PZ_ERR_NOT_FOUND ? PZ_OK : status;
}

/* ---- records ---- */

/* Whether the index has to lead from an identifier to the key, and does not. */
static pz_status look_for_entry(verifying *v, pz_str identifier, bool is_link, bool *is_wrong)
{
    pz_error ignored = PZ_ERROR_INIT;
    bool is_led, other = true;
    pz__profile *now;
    *is_wrong = false;
    pz_status status = read_profile(v, v->key, &now, &ignored);
    if (status != PZ_OK)
        return status == PZ_ERR_NOT_FOUND || is_of_record(status) ? PZ_OK : status;
    const bool has = pz__index_belongs(now, identifier);
    pz__profile_free(now);
    if (is_link)
        status = exists(v, pz__link_subject(identifier), &other);
    if (status == PZ_OK && has && other) {
        status = leads_to(v, identifier, v->key, &is_led);
        *is_wrong = status == PZ_OK && !is_led;
    }
    return status;
}

static pz_status check_entry(void *payload, pz_str identifier, bool is_link)
{
    verifying *v = payload;
    bool is_led, is_wrong = true;
    char room[128];
    pz_status status = leads_to(v, identifier, v->key, &is_led);
    if (status != PZ_OK || is_led)
        return status;
    for (unsigned look = 0; look < LOOKS && is_wrong && status == PZ_OK; look++)
        status = look_for_entry(v, identifier, is_link, &is_wrong);
    if (status != PZ_OK || !is_wrong)
        return status;
    const pz__fault fault = {PZ_FAULT_UNFINDABLE, v->key, identifier, PZ_ERR_NOT_FOUND};
    return pz__watch_fault(
        v->watch, fault, "profile '%.*s' cannot be found by its %s '%s'" COPY_ANEW,
        PZ__STR_ARG(pz__store_told(v->store, v->key)), is_link ? "link" : "identifier",
        shown(pz__store_told(v->store, identifier), room));
}

static pz_status check_profile(verifying *v, const pz__profile *profile)
{
    const pz_str subject = pz__profile_subject(profile);
    if (!pz__str_equal(subject, v->key))
        return pz__watch_fault(
            v->watch, (pz__fault){PZ_FAULT_MISPLACED, v->key, {NULL, 0}, PZ_ERR_SUBJECT},
            "under the key '%.*s' stands the profile '%.*s'; restore it from a backup",
            PZ__STR_ARG(pz__store_told(v->store, v->key)),
            PZ__STR_ARG(pz__store_told(v->store, subject)));
    return pz__index_each(profile, &v->scratch, check_entry, v);
}

/* Whether a record says that nobody links to it, while the index knows who does. */
static pz_status look_at_mark(verifying *v, bool *is_wrong)
{
    char room[PZ__STORE_IDENTIFIER_MAX];
    size_t count = 0;
    bool is_there;
    *is_wrong = false;
    pz_status status = exists(v, v->key, &is_there);
    if (status != PZ_OK || !is_there || !pz__record_is_alone(v->bytes.data, v->bytes.len))
        return status;
    pz__buf_reset(&v->keys);
    const pz_str back = pz__link_identifier(room, v->key);
    status = pz__store_lookup(v->store, back, &v->keys, &count, v->err);
    *is_wrong = count > 0 || status == PZ_ERR_CORRUPT;
    return *is_wrong ? PZ_OK : status;
}

static pz_status check_mark(verifying *v, pz_str bytes)
{
    bool is_wrong = pz__record_is_alone(bytes.data, bytes.len);
    pz_status status = PZ_OK;
    for (unsigned look = 0; look < LOOKS && is_wrong && status == PZ_OK; look++)
        status = look_at_mark(v, &is_wrong);
    if (status != PZ_OK || !is_wrong)
        return status;
    return pz__watch_fault(v->watch, (pz__fault){PZ_FAULT_MARK, v->key, {NULL, 0}, PZ_ERR_CORRUPT},
                           "profile '%.*s' says that nobody links to it, and somebody "
                           "does" COPY_ANEW,
                           PZ__STR_ARG(pz__store_told(v->store, v->key)));
}

static pz_status check_record(verifying *v, pz_str bytes)
{
    pz_error why = PZ_ERROR_INIT;
    pz__profile *profile = NULL;
    pz_status status = pz__record_decode(&profile, v->alloc, bytes.data, bytes.len, &why);
    if (is_of_record(status))
        return pz__watch_fault(
            v->watch,
            (pz__fault){status == PZ_ERR_VERSION ? PZ_FAULT_VERSION : PZ_FAULT_DAMAGED,
                        v->key,
                        {NULL, 0},
                        status},
            "profile '%.*s': %s", PZ__STR_ARG(pz__store_told(v->store, v->key)), why.message);
    if (status == PZ_OK)
        status = pz__profile_seal(profile);
    if (status == PZ_OK)
        status = check_profile(v, profile);
    if (status == PZ_OK)
        status = check_mark(v, bytes);
    pz__profile_free(profile);
    pz__arena_reset(&v->scratch);
    return status;
}

static pz_status check_records(void *payload, const pz__chunk *chunk)
{
    verifying *v = payload;
    pz__cursor from;
    pz_str bytes;
    pz_status status = PZ_OK;
    pz__cursor_init(&from, chunk->bytes.data, chunk->bytes.len);
    while (status == PZ_OK && pz__chunk_next(&from, &v->key, &bytes)) {
        v->watch->outcome.profiles++;
        status = check_record(v, bytes);
    }
    return status == PZ_OK ? pz__watch_step(v->watch, chunk->count) : status;
}

/* ---- the index ---- */

/* What an entry leads to: not there (DANGLING), without the identifier (STRAY), or 0: all is well.
 */
static pz_status look_at_target(verifying *v, pz_str identifier, pz_str key, int *fault)
{
    pz_error ignored = PZ_ERROR_INIT;
    pz__profile *profile;
    bool is_led;
    pz_status status = read_profile(v, key, &profile, &ignored);
    *fault = 0;
    if (is_of_record(status))
        return PZ_OK; /* told of already */
    if (status == PZ_ERR_NOT_FOUND)
        *fault = PZ_FAULT_DANGLING;
    else if (status == PZ_OK && !pz__index_belongs(profile, identifier))
        *fault = PZ_FAULT_STRAY;
    else if (status != PZ_OK)
        return status;
    pz__profile_free(profile);
    if (*fault == 0)
        return PZ_OK;
    status = leads_to(v, identifier, key, &is_led);
    if (!is_led)
        *fault = 0;
    return status;
}

static pz_status check_target(verifying *v, pz_str identifier, pz_str key)
{
    int kind = PZ_FAULT_DANGLING;
    char room[128];
    pz_status status = PZ_OK;
    for (unsigned look = 0; look < LOOKS && kind && status == PZ_OK; look++)
        status = look_at_target(v, identifier, key, &kind);
    if (status != PZ_OK || !kind)
        return status;
    const pz__fault fault = {(pz_fault_kind)kind, key, identifier, PZ_ERR_NOT_FOUND};
    return pz__watch_fault(v->watch, fault,
                           kind == PZ_FAULT_DANGLING
                               ? "'%s' leads to the profile '%.*s', which is not there" COPY_ANEW
                               : "'%s' leads to the profile '%.*s', which has not got "
                                 "it" COPY_ANEW,
                           shown(identifier, room), PZ__STR_ARG(key));
}

/* What the library notes in the index for itself. Names it does not know are a later version's. */
static pz_status check_own(verifying *v, pz_str identifier, pz_str key)
{
    bool is_good = true;
    char room[128];
    if (!pz__copy_entry(identifier, key, &is_good))
        is_good = pz__erased_entry(identifier, key) != PZ__REMEMBRANCE_BAD;
    if (is_good)
        return PZ_OK;
    return pz__watch_fault(v->watch, (pz__fault){PZ_FAULT_ENTRY, key, identifier, PZ_ERR_CORRUPT},
                           "the store's own note '%s' is not as it is written; restore a backup",
                           shown(identifier, room));
}

static pz_status check_index(void *payload, const pz__chunk *chunk)
{
    verifying *v = payload;
    pz__cursor from;
    pz_str identifier, key;
    pz_status status = PZ_OK;
    pz__cursor_init(&from, chunk->bytes.data, chunk->bytes.len);
    while (status == PZ_OK && pz__chunk_next(&from, &identifier, &key)) {
        v->watch->outcome.entries++;
        const bool is_own =
            identifier.data[0] == PZ__IDENTIFIER_SEPARATOR && !pz__link_subject(identifier).data;
        status = is_own ? check_own(v, identifier, key) : check_target(v, identifier, key);
    }
    return status;
}

/* Entries are few bytes: they are looked at a chunk at a time, inside the walk. */
typedef struct index_walk {
    verifying *v;
    pz__chunk chunk;
} index_walk;

static pz_status work(index_walk *w)
{
    const pz_status status = check_index(w->v, &w->chunk);
    pz__buf_reset(&w->chunk.bytes);
    w->chunk.count = 0;
    return status;
}

static pz_status take_entry(void *payload, pz_str identifier, pz_str key)
{
    index_walk *w = payload;
    const pz_status status = pz__chunk_put(&w->chunk, identifier, key.data, key.len, w->v->err);
    return status == PZ_OK && pz__chunk_is_full(&w->chunk) ? work(w) : status;
}

static pz_status walk_index(verifying *v)
{
    index_walk w = {.v = v};
    pz__chunk_init(&w.chunk, v->alloc);
    pz_status status = pz__store_each_index(v->store, take_entry, &w, v->err);
    if (status == PZ_OK)
        status = work(&w);
    pz__buf_clear(&w.chunk.bytes);
    return status;
}

/* ---- streams ---- */

static pz_status check_stream_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    verifying *v = payload;
    v->watch->outcome.entries++;
    const pz__kept_check check = {v->store, v->alloc, v->watch, &v->scratch, v->err};
    return pz__kept_verify(&check, number, (pz_str){bytes, len});
}

/* ---- all of it ---- */

static pz_status verify(verifying *v)
{
    const pz_str start = {NULL, 0};
    pz_status status = pz__store_check(v->store, v->err);
    if (status == PZ_OK)
        status = pz__store_count(v->store, &v->watch->total, v->err);
    if (status == PZ_OK)
        status = pz__walk_records(v->store, v->alloc, start, check_records, v, v->err);
    if (status == PZ_OK)
        status = walk_index(v);
    return status == PZ_OK ? pz__store_read_stream(v->store, pz__records_stream(), 1,
                                                   check_stream_entry, v, v->err)
                           : status;
}

pz_status pz_store_verify(pz_store *store, const pz_store_watch *given, pz_store_outcome *outcome,
                          pz_error *err)
{
    pz__watch watch;
    if (!store)
        return pz__fail(err, PZ_ERR_ARG, "a store is needed");
    pz_status status = pz__watch_begin(&watch, given, outcome, err);
    if (status != PZ_OK)
        return status;
    verifying v = {.store = store->store, .alloc = &store->alloc, .watch = &watch, .err = err};
    pz__arena_init(&v.scratch, &store->alloc, 0);
    pz__buf_init(&v.bytes, &store->alloc, PZ__STORE_RECORD_MAX);
    pz__buf_init(&v.keys, &store->alloc, PZ__STORE_RECORD_MAX);
    status = verify(&v);
    pz__buf_clear(&v.keys);
    pz__buf_clear(&v.bytes);
    pz__arena_clear(&v.scratch);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    if (status == PZ_OK && watch.outcome.faults > 0)
        status =
            pz__fail(err, PZ_ERR_CORRUPT, "the store has %" PRIu64 " faults", watch.outcome.faults);
    return pz__watch_end(&watch, outcome, status);
}
