/*
 * erase.c: erasing a person from a store, and remembering that.
 *
 * Erasing removes records, index entries and records of decisions. What then must not happen is
 * that a late import or a stale replica brings the person back; so the store remembers whom it
 * erased, and when, without knowing who that was: as keyed hashes of subject ids and identifiers.
 * The key is random and the store's own, so hashes of two stores do not tell that they are about
 * the same person.
 *
 * All of it stands in the store's index, under identifiers that begin with the separator, which no
 * customer can be asked by:
 *
 *     0x1f "erasure-key"                     ->  keys (32)
 *     0x1f "erased" 0x1f hash (16)           ->  moments (8), one for each time
 *     0x1f "erasure-days"                    ->  days (8) on which somebody was erased
 *     0x1f "erased-on" 0x1f day (8) byte (1) ->  hash (16) moment (8); by the hash's first byte
 *
 * Numbers are big-endian, moments biased so that they sort. Days are there to let go of what the
 * horizon has passed; reading ignores it at once. It is let go of a little with each erasure and
 * each batch of events, so no call pays for all of it.
 *
 * A store in which nobody was ever erased has no key, and every write costs one look to see that.
 * One into which others were copied has their keys too, and looks under each: who was hashed is not
 * known any more, so it cannot be hashed anew.
 */
#include "engine/engine.h"

#include <personalize/people.h>

#include "base/hash.h"
#include "base/time.h"
#include "base/uuid.h"

#define DAY_MS INT64_C(86400000)
#define SWEEP_MAX 256u /* remembrances that one call lets go of */

#define KEY_BYTES 32u
#define HASH_BYTES 16u
#define MOMENT_BYTES 8u

#define KEY_NAME                                                                                   \
    PZ__STR("\x1f"                                                                                 \
            "erasure-key")
#define DAYS_NAME                                                                                  \
    PZ__STR("\x1f"                                                                                 \
            "erasure-days")
#define ERASED_PREFIX                                                                              \
    "\x1f"                                                                                         \
    "erased"                                                                                       \
    "\x1f"
#define ON_PREFIX                                                                                  \
    "\x1f"                                                                                         \
    "erased-on"                                                                                    \
    "\x1f"

/* What is hashed begins with what it is. */
enum { OF_SUBJECT = 's', OF_IDENTIFIER = 'i' };

/* ---- names and numbers as bytes ---- */

static void put_be64(char *to, uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        to[i] = (char)(n >> (56 - 8 * i));
}

static uint64_t get_be64(const char *from)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | (uint8_t)from[i];
    return n;
}

static uint64_t biased(int64_t n)
{
    return (uint64_t)n ^ UINT64_C(1) << 63;
}

static int64_t unbiased(uint64_t n)
{
    return (int64_t)(n ^ UINT64_C(1) << 63);
}

static int64_t day_of(int64_t ms)
{
    return ms / DAY_MS - (ms % DAY_MS < 0);
}

/* A name of the store's index, made on the stack. */
typedef struct name {
    char bytes[64];
    size_t len;
} name;

static void add(name *to, const void *bytes, size_t len)
{
    memcpy(to->bytes + to->len, bytes, len);
    to->len += len;
}

static pz_str text_of(const name *from)
{
    return (pz_str){from->bytes, from->len};
}

static name erased_name(pz__digest hash)
{
    name made = {.len = 0};
    add(&made, ERASED_PREFIX, sizeof ERASED_PREFIX - 1);
    add(&made, hash.bytes, HASH_BYTES);
    return made;
}

static name on_name(int64_t day, unsigned first_byte)
{
    name made = {.len = 0};
    add(&made, ON_PREFIX, sizeof ON_PREFIX - 1);
    put_be64(made.bytes + made.len, biased(day));
    made.len += 8;
    made.bytes[made.len++] = (char)first_byte;
    return made;
}

/* Hash then moment. */
static name on_entry(pz__digest hash, int64_t ms)
{
    name made = {.len = 0};
    add(&made, hash.bytes, HASH_BYTES);
    put_be64(made.bytes + made.len, biased(ms));
    made.len += MOMENT_BYTES;
    return made;
}

/* ---- what is remembered ---- */

/* Visit the keys under a name; a list too long to be read is read another time. */
typedef struct listing {
    pz__buf bytes;
    pz__cursor cursor;
    size_t count;
} listing;

static pz_status list(const pz__remembrance *r, pz_str under, listing *out, pz_error *err)
{
    pz__buf_init(&out->bytes, r->alloc, PZ__STORE_RECORD_MAX);
    const pz_status status = pz__store_txn_lookup(r->txn, under, &out->bytes, &out->count, err);
    pz__cursor_init(&out->cursor, out->bytes.data, out->bytes.len);
    return status;
}

static bool next(listing *from, pz_str *out)
{
    if (pz__cursor_left(&from->cursor) == 0)
        return false;
    out->len = (size_t)pz__cursor_varint(&from->cursor);
    out->data = (const char *)pz__cursor_take(&from->cursor, out->len);
    return out->data != NULL;
}

pz_status pz__erased_open(pz__remembrance *out, const pz_alloc *alloc, pz__store_txn *txn,
                          const pz__catalog *catalog, int64_t now_ms, pz_error *err)
{
    listing keys;
    pz_str key;
    *out = (pz__remembrance){
        .alloc = alloc,
        .txn = txn,
        .now_ms = now_ms,
        .horizon_ms = catalog ? catalog->erasure_horizon_ms : PZ__ERASURE_HORIZON_DEFAULT_MS,
    };
    const pz_status status = list(out, KEY_NAME, &keys, err);
    while (status == PZ_OK && out->key_count < PZ__ERASURE_KEYS_MAX && next(&keys, &key))
        if (key.len == KEY_BYTES)
            memcpy(out->keys[out->key_count++], key.data, KEY_BYTES);
    out->has_any = out->key_count > 0;
    pz__buf_clear(&keys.bytes);
    return status;
}

/* Two random UUIDs: 244 random bits. */
static pz_status make_key(pz__remembrance *r, pz_error *err)
{
    if (r->has_any)
        return PZ_OK;
    pz__uuid_new(r->keys[0]);
    pz__uuid_new(r->keys[0] + 16);
    r->has_any = true;
    r->key_count = 1;
    return pz__store_txn_index(r->txn, KEY_NAME, (pz_str){(const char *)r->keys[0], KEY_BYTES},
                               true, err);
}

static pz__digest hash_of(const uint8_t key[KEY_BYTES], char what, pz_str text)
{
    pz__blake2s hash;
    pz__blake2s_init(&hash, key, KEY_BYTES);
    pz__blake2s_put(&hash, &what, 1);
    pz__blake2s_put(&hash, text.data, text.len);
    return pz__blake2s_end(&hash);
}

static pz_status remember(const pz__remembrance *r, char what, pz_str text, pz_error *err)
{
    const pz__digest hash = hash_of(r->keys[0], what, text);
    const int64_t day = day_of(r->now_ms);
    char moment[MOMENT_BYTES], day_bytes[8];
    put_be64(moment, biased(r->now_ms));
    put_be64(day_bytes, biased(day));
    const name erased = erased_name(hash), on = on_name(day, hash.bytes[0]);
    const name entry = on_entry(hash, r->now_ms);
    pz_status status =
        pz__store_txn_index(r->txn, text_of(&erased), (pz_str){moment, sizeof moment}, true, err);
    if (status == PZ_OK)
        status = pz__store_txn_index(r->txn, text_of(&on), text_of(&entry), true, err);
    if (status == PZ_OK)
        status = pz__store_txn_index(r->txn, DAYS_NAME, (pz_str){day_bytes, sizeof day_bytes}, true,
                                     err);
    return status;
}

/* The horizon of a moment has passed. Without overflow: moments lie between the years 1 and 9999.
 */
static bool is_over(const pz__remembrance *r, int64_t ms)
{
    return r->now_ms >= ms && r->now_ms - ms >= r->horizon_ms;
}

/* The greatest moment under one hash that is not over, if it is later than *out. */
static pz_status take_moments(const pz__remembrance *r, pz__digest hash, int64_t *out,
                              pz_error *err)
{
    listing moments;
    pz_str moment;
    const name erased = erased_name(hash);
    const pz_status status = list(r, text_of(&erased), &moments, err);
    while (status == PZ_OK && next(&moments, &moment)) {
        const int64_t ms = moment.len == MOMENT_BYTES ? unbiased(get_be64(moment.data)) : INT64_MIN;
        if (ms > *out && !is_over(r, ms))
            *out = ms;
    }
    pz__buf_clear(&moments.bytes);
    return status;
}

static pz_status when(const pz__remembrance *r, char what, pz_str text, int64_t *out, pz_error *err)
{
    pz_status status = PZ_OK;
    *out = INT64_MIN;
    for (uint32_t i = 0; i < r->key_count && status == PZ_OK; i++)
        status = take_moments(r, hash_of(r->keys[i], what, text), out, err);
    return status;
}

pz_status pz__erased_subject(const pz__remembrance *r, pz_str subject, int64_t *out, pz_error *err)
{
    return when(r, OF_SUBJECT, subject, out, err);
}

pz_status pz__erased_identifier(const pz__remembrance *r, pz_str identifier, int64_t *out,
                                pz_error *err)
{
    return when(r, OF_IDENTIFIER, identifier, out, err);
}

/* Call `fn` with every identifier a profile, sealed, ever had, kind and value in one text. */
typedef pz_status (*identifier_fn)(void *payload, pz_str identifier);

static pz_status each_identifier(const pz__profile *profile, pz__arena *scratch, identifier_fn fn,
                                 void *payload)
{
    const pz__claims claims = pz__profile_all_claims(profile);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < claims.count && status == PZ_OK; i++) {
        const pz__claim *claim = &claims.list[i];
        if (claim->slot != PZ__SLOT_IDENTIFIER ||
            pz__identifier_check(claim->attribute, claim->part, NULL) != PZ_OK)
            continue;
        const pz__mark mark = pz__arena_mark(scratch);
        const pz_str identifier = pz__identifier(scratch, claim->attribute, claim->part);
        status = identifier.data ? fn(payload, identifier) : PZ_ERR_NOMEM;
        pz__arena_return(scratch, mark);
    }
    return status;
}

typedef struct latest {
    const pz__remembrance *r;
    int64_t ms;
    pz_error *err;
} latest;

static pz_status take_later(void *payload, pz_str identifier)
{
    latest *l = payload;
    int64_t ms;
    const pz_status status = pz__erased_identifier(l->r, identifier, &ms, l->err);
    l->ms = ms > l->ms ? ms : l->ms;
    return status;
}

pz_status pz__erased_profile(const pz__remembrance *r, const pz__profile *profile,
                             pz__arena *scratch, int64_t *out, pz_error *err)
{
    latest l = {.r = r, .ms = INT64_MIN, .err = err};
    *out = INT64_MIN;
    if (!r->has_any)
        return PZ_OK;
    pz_status status = pz__erased_subject(r, pz__profile_subject(profile), &l.ms, err);
    if (status == PZ_OK)
        status = each_identifier(profile, scratch, take_later, &l);
    *out = l.ms;
    return status;
}

pz_status pz__erased_refuses(int64_t erased_ms, int64_t at_ms, pz_error *err)
{
    if (erased_ms == INT64_MIN || at_ms > erased_ms)
        return PZ_OK;
    char text[PZ__RFC3339_MAX];
    pz__rfc3339_print_ms(erased_ms, text);
    return pz__fail(err, PZ_ERR_LATE,
                    "this person was erased at %s; nothing from before comes back", text);
}

/* ---- letting go ---- */

/* Let go of what stands under one day and first byte; *left is what may still be let go of. */
static pz_status sweep_list(const pz__remembrance *r, int64_t day, unsigned first_byte,
                            uint32_t *left, pz_error *err)
{
    const name on = on_name(day, first_byte);
    listing entries;
    pz_str entry;
    pz_status status = list(r, text_of(&on), &entries, err);
    while (status == PZ_OK && *left > 0 && next(&entries, &entry)) {
        pz__digest hash;
        --*left;
        if (entry.len == HASH_BYTES + MOMENT_BYTES) {
            memcpy(hash.bytes, entry.data, HASH_BYTES);
            const name erased = erased_name(hash);
            const pz_str moment = {entry.data + HASH_BYTES, MOMENT_BYTES};
            status = pz__store_txn_index(r->txn, text_of(&erased), moment, false, err);
        }
        if (status == PZ_OK)
            status = pz__store_txn_index(r->txn, text_of(&on), entry, false, err);
    }
    pz__buf_clear(&entries.bytes);
    return status;
}

static pz_status sweep_day(const pz__remembrance *r, pz_str day, uint32_t *left, pz_error *err)
{
    const int64_t number = unbiased(get_be64(day.data));
    pz_status status = PZ_OK;
    for (unsigned byte = 0; byte < 256 && *left > 0 && status == PZ_OK; byte++)
        status = sweep_list(r, number, byte, left, err);
    if (status == PZ_OK && *left > 0)
        status = pz__store_txn_index(r->txn, DAYS_NAME, day, false, err);
    return status;
}

pz_status pz__erased_sweep(const pz__remembrance *r, pz_error *err)
{
    listing days;
    pz_str day;
    uint32_t left = SWEEP_MAX;
    if (!r->has_any)
        return PZ_OK;
    pz_status status = list(r, DAYS_NAME, &days, err);
    while (status == PZ_OK && left > 0 && next(&days, &day)) {
        if (day.len != 8 || !is_over(r, (unbiased(get_be64(day.data)) + 1) * DAY_MS))
            break;
        status = sweep_day(r, day, &left, err);
    }
    pz__buf_clear(&days.bytes);
    return status;
}

/* ---- taking over what another store remembers ---- */

/* Keys under a name, as committed. */
static pz_status look(pz__store *store, const pz_alloc *alloc, pz_str under, listing *out,
                      pz_error *err)
{
    pz__buf_init(&out->bytes, alloc, PZ__STORE_RECORD_MAX);
    const pz_status status = pz__store_lookup(store, under, &out->bytes, &out->count, err);
    pz__cursor_init(&out->cursor, out->bytes.data, out->bytes.len);
    return status;
}

/* One day's hashes of one first byte: each stands under itself, too. */
static pz_status take_entries(pz__store_txn *txn, pz_str on, listing *entries, pz_error *err)
{
    pz_str entry;
    pz_status status = PZ_OK;
    while (status == PZ_OK && next(entries, &entry)) {
        pz__digest hash;
        if (entry.len != HASH_BYTES + MOMENT_BYTES)
            continue;
        memcpy(hash.bytes, entry.data, HASH_BYTES);
        const name erased = erased_name(hash);
        const pz_str moment = {entry.data + HASH_BYTES, MOMENT_BYTES};
        status = pz__store_txn_index(txn, text_of(&erased), moment, true, err);
        if (status == PZ_OK)
            status = pz__store_txn_index(txn, on, entry, true, err);
    }
    return status;
}

/* Put what is listed under a name into the other store, as one transaction. */
static pz_status take_list(pz__store *to, pz_str under, listing *from, bool are_entries,
                           pz_error *err)
{
    const listing start = *from;
    pz_status status = PZ_ERR_BUSY;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < PZ__ATTEMPTS_MAX; tries++) {
        pz__store_txn *txn;
        pz_str key;
        *from = start;
        status = pz__store_begin(to, &txn, err);
        if (status != PZ_OK)
            continue;
        if (are_entries)
            status = take_entries(txn, under, from, err);
        while (!are_entries && status == PZ_OK && next(from, &key))
            status = pz__store_txn_index(txn, under, key, true, err);
        if (status == PZ_OK)
            status = pz__store_commit(txn, err);
        else
            pz__store_abort(txn);
    }
    return status;
}

static pz_status copy_day(pz__store *from, pz__store *to, const pz_alloc *alloc, int64_t day,
                          pz_error *err)
{
    pz_status status = PZ_OK;
    for (unsigned byte = 0; byte < 256 && status == PZ_OK; byte++) {
        const name on = on_name(day, byte);
        listing entries;
        status = look(from, alloc, text_of(&on), &entries, err);
        if (status == PZ_OK && entries.count > 0)
            status = take_list(to, text_of(&on), &entries, true, err);
        pz__buf_clear(&entries.bytes);
    }
    return status;
}

/* Whether the other store would know too many keys; a key that it knows is none more. */
static pz_status check_keys(pz__store *to, const pz_alloc *alloc, listing keys, pz_error *err)
{
    listing known;
    pz_str key, other;
    pz_status status = look(to, alloc, KEY_NAME, &known, err);
    size_t count = known.count;
    while (status == PZ_OK && next(&keys, &key)) {
        bool is_known = false;
        pz__cursor_init(&known.cursor, known.bytes.data, known.bytes.len);
        while (!is_known && next(&known, &other))
            is_known = pz__str_equal(key, other);
        count += !is_known;
    }
    pz__buf_clear(&known.bytes);
    if (status == PZ_OK && count > PZ__ERASURE_KEYS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "the target remembers the erasures of %zu stores already and can take "
                        "those of %u: copy into a new store",
                        known.count, PZ__ERASURE_KEYS_MAX);
    return status;
}

pz_status pz__erased_copy(pz__store *from, pz__store *to, const pz_alloc *alloc, pz_error *err)
{
    listing keys, days;
    pz_str day;
    pz_status status = look(from, alloc, KEY_NAME, &keys, err);
    if (status != PZ_OK || keys.count == 0) {
        pz__buf_clear(&keys.bytes);
        return status;
    }
    status = check_keys(to, alloc, keys, err);
    if (status == PZ_OK)
        status = take_list(to, KEY_NAME, &keys, false, err);
    pz__buf_clear(&keys.bytes);
    if (status != PZ_OK)
        return status;
    status = look(from, alloc, DAYS_NAME, &days, err);
    const listing all = days;
    while (status == PZ_OK && next(&days, &day))
        if (day.len == 8)
            status = copy_day(from, to, alloc, unbiased(get_be64(day.data)), err);
    days = all;
    if (status == PZ_OK && days.count > 0)
        status = take_list(to, DAYS_NAME, &days, false, err);
    pz__buf_clear(&days.bytes);
    return status;
}

static bool begins(pz_str text, const char *prefix, size_t len)
{
    return text.len >= len && memcmp(text.data, prefix, len) == 0;
}

pz__remembrance_entry pz__erased_entry(pz_str identifier, pz_str key)
{
    if (pz__str_equal(identifier, KEY_NAME))
        return key.len == KEY_BYTES ? PZ__REMEMBRANCE_AID : PZ__REMEMBRANCE_BAD;
    if (pz__str_equal(identifier, DAYS_NAME))
        return key.len == 8 ? PZ__REMEMBRANCE_AID : PZ__REMEMBRANCE_BAD;
    if (begins(identifier, ERASED_PREFIX, sizeof ERASED_PREFIX - 1))
        return identifier.len == sizeof ERASED_PREFIX - 1 + HASH_BYTES && key.len == MOMENT_BYTES
                   ? PZ__REMEMBRANCE
                   : PZ__REMEMBRANCE_BAD;
    if (begins(identifier, ON_PREFIX, sizeof ON_PREFIX - 1))
        return identifier.len == sizeof ON_PREFIX - 1 + 9 && key.len == HASH_BYTES + MOMENT_BYTES
                   ? PZ__REMEMBRANCE_AID
                   : PZ__REMEMBRANCE_BAD;
    return PZ__NO_REMEMBRANCE;
}

/* ---- erasing ---- */

typedef struct erasure {
    pz_engine *engine;
    const pz__catalog *catalog; /* NULL: none is in force, which is enough for one profile alone */
    bool is_alone;
    pz_str id;
    pz__durability durability;
    pz__write write;
    pz__remembrance memory;
    pz__store_txn *txn;
    pz__arena scratch;
    pz_str key; /* of the profile that is being erased */
    uint32_t count;
    pz_error *err;
} erasure;

static pz_status remove_record(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                               pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload;
    (void)txn;
    (void)bytes;
    (void)len;
    (void)new_bytes;
    *action = PZ__REMOVE;
    return PZ_OK;
}

static pz_status drop_identifier(void *payload, pz_str identifier)
{
    erasure *e = payload;
    const pz_status status = pz__store_txn_index(e->txn, identifier, e->key, false, e->err);
    return status == PZ_OK ? remember(&e->memory, OF_IDENTIFIER, identifier, e->err) : status;
}

static pz_status erase_one(erasure *e, const pz__profile *profile)
{
    bool had_records;
    e->key = pz__profile_subject(profile);
    pz_status status = pz__records_erase(e->engine, e->txn, e->key, &had_records, e->err);
    if (status == PZ_OK)
        status = each_identifier(profile, &e->scratch, drop_identifier, e);
    if (status == PZ_OK)
        status = pz__people_index(e->txn, profile, false, e->err);
    if (status == PZ_OK)
        status = pz__people_unindex(e->txn, e->key, &e->engine->alloc, e->err);
    if (status == PZ_OK)
        status = remember(&e->memory, OF_SUBJECT, e->key, e->err);
    if (status == PZ_OK)
        status = pz__store_txn_update(e->txn, e->key, remove_record, NULL, e->err);
    e->count += status == PZ_OK;
    return status;
}

static pz_status erase_person(erasure *e, const pz__profile *own)
{
    if (e->is_alone)
        return erase_one(e, own);
    pz_profile handle = {.engine = e->engine, .alone = {own}};
    pz__component component;
    pz_status status = pz__people_load(&handle.people, e->engine, e->txn, own, e->err);
    if (status == PZ_OK)
        status = pz__people_see(&handle, e->catalog, e->write.now_ms, &e->scratch, &component);
    for (uint32_t i = 0; status == PZ_OK && i < component.person.count; i++)
        status = erase_one(e, component.person.members[i]);
    pz__people_free(&e->engine->alloc, handle.people);
    return status;
}

static pz_status read_own(erasure *e, pz__profile **out)
{
    pz__buf bytes;
    *out = NULL;
    pz__buf_init(&bytes, &e->engine->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = pz__store_txn_get(e->txn, e->id, &bytes, e->err);
    if (status == PZ_OK)
        status = pz__record_decode(out, &e->engine->alloc, bytes.data, bytes.len, e->err);
    if (status == PZ_OK)
        status = pz__record_belongs(e->engine, pz__profile_subject(*out), e->id, e->err);
    if (status == PZ_OK)
        status = pz__profile_seal(*out);
    pz__buf_clear(&bytes);
    return status;
}

/* Somebody whom the store holds no profile of: there may be records of decisions all the same. */
static pz_status erase_records(erasure *e)
{
    bool had_any;
    pz_status status = pz__records_erase(e->engine, e->txn, e->id, &had_any, e->err);
    if (status == PZ_OK && had_any)
        return remember(&e->memory, OF_SUBJECT, e->id, e->err);
    return status == PZ_OK ? pz__fail(e->err, PZ_ERR_NOT_FOUND, "the store holds no profile '%.*s'",
                                      PZ__STR_ARG(pz__told(e->engine, e->id)))
                           : status;
}

/* One attempt, inside its transaction. */
static pz_status attempt(void *payload, pz__store_txn *txn)
{
    erasure *e = payload;
    pz__profile *own = NULL;
    e->txn = txn;
    e->count = 0;
    pz__arena_reset(&e->scratch);
    pz_status status =
        pz__erased_open(&e->memory, &e->engine->alloc, txn, e->catalog, e->write.now_ms, e->err);
    if (status == PZ_OK)
        status = make_key(&e->memory, e->err);
    if (status == PZ_OK)
        status = read_own(e, &own);
    if (status == PZ_OK)
        status = erase_person(e, own);
    else if (status == PZ_ERR_NOT_FOUND)
        status = erase_records(e);
    if (status == PZ_OK)
        status = pz__erased_sweep(&e->memory, e->err);
    pz__profile_free(own);
    return status;
}

/* A sink is the host's: it is called on the thread that asked. */
static pz_status run(erasure *e)
{
    return (e->engine->has_sink ? pz__store_transact_here : pz__store_transact)(
        e->engine->store, e->durability, attempt, e, e->err);
}

pz_status pz_erase(pz_engine *engine, const char *id, const pz_write *write, uint32_t flags,
                   uint32_t *erased, pz_error *err)
{
    if (erased)
        *erased = 0;
    if (!engine || !id || !id[0])
        return pz__fail(err, PZ_ERR_ARG, "an engine and the id of a profile are needed");
    if (flags & ~(uint32_t)PZ_ERASE_ALONE)
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if (engine->is_read_only)
        return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
    erasure e = {
        .engine = engine, .id = pz_str_of(id), .is_alone = flags & PZ_ERASE_ALONE, .err = err};
    pz_status status = pz__write_read(engine, write, &e.write, &e.durability, err);
    if (status != PZ_OK)
        return status;
    if (!pz__time_is_valid(e.write.now_ms))
        return pz__fail(err, PZ_ERR_TIME, "the erasure lies outside the years 1 to 9999");
    pz__pin pin = pz__pins_take(&engine->pins);
    if (!pin.catalog && !e.is_alone)
        return pz__no_catalog(err);
    e.catalog = pin.catalog;
    pz__arena_init(&e.scratch, &engine->alloc, 0);
    status = run(&e);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    pz__arena_clear(&e.scratch);
    pz__handles_clear(engine); /* spare handles keep bytes of whom they last showed */
    pz__pins_give(&engine->pins, &pin);
    if (erased && status == PZ_OK)
        *erased = e.count;
    return status;
}
