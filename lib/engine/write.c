/*
 * write.c: the verbs on profiles, each a whole or nothing.
 *
 * A verb on a detached profile works on a copy that takes the state's place when all went well. A
 * verb on a stored profile is one transaction: the bytes as they are now are read, decoded,
 * changed, encoded and written, whatever the handle showed before; then the handle shows the
 * result. Two processes that write one profile therefore never lose each other's work.
 *
 * The first write of a new customer looks the identifier up again inside its transaction: if
 * another process has made the customer meanwhile, it writes to that one.
 *
 * Not here: the public calls, one for each verb (say.c).
 */
#include "engine/engine.h"

/* Scratch of one write; hostile input cannot ask for more. */
#define SCRATCH_MAX (64u << 20)

/* Merges inside merges, as operations; replicas of replicas go no deeper. */
#define MERGE_DEPTH_MAX 16u

static const pz_write default_write = {PZ_WRITE};

/* A caller's number is the store's. */
_Static_assert((int)PZ_DURABILITY_DEFAULT == (int)PZ__AS_OPENED &&
                   (int)PZ_DURABLE == (int)PZ__DURABLE && (int)PZ_GROUPED == (int)PZ__GROUPED &&
                   (int)PZ_LAZY == (int)PZ__LAZY,
               "durability has the same numbers on both sides");

pz_status pz__write_read(const pz_engine *engine, const pz_write *given, pz__write *out,
                         pz__durability *durability, pz_error *err)
{
    pz_write write = default_write;
    if (given) {
        if (!pz__take_sized(&write, sizeof write, given))
            return pz__fail(err, PZ_ERR_ARG, "begin a pz_write with PZ_WRITE");
    }
    if (write.flags)
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if ((uint32_t)write.durability > PZ_LAZY)
        return pz__fail(err, PZ_ERR_ARG, "the durability of a write is one of pz_durability");
    *durability = (pz__durability)write.durability;
    const int64_t now_ms = pz__engine_now(engine, write.now_ms);
    *out = (pz__write){
        .writer = write.writer ? pz_str_of(write.writer) : PZ__STR("local"),
        .channel = pz_str_of(write.channel),
        .who = pz_str_of(write.who),
        .now_ms = now_ms,
        .at_ms = write.at_ms ? write.at_ms : now_ms,
        .expires_ms = write.expires_ms,
        .skew_ms = engine->skew_ms,
    };
    return PZ_OK;
}

/* One change on its way into a profile: a verb, or another replica that is joined in. */
typedef struct change {
    pz_profile *profile;
    pz__verb *verb; /* NULL: `other` is joined in */
    const pz__profile *other;
    pz__durability durability;
    pz__write *write; /* the verb's own; of a join, who notes a new customer's identifier */
    const pz__catalog *catalog; /* NULL: none is in force, which only joins can do without */
    pz__arena *scratch;
    pz_str key;           /* that is written under */
    pz__profile *result;  /* owned; what the profile has become */
    pz__people *people;   /* owned; whom it is to be seen with, where that changed */
    pz__profile *own;     /* owned; as it stood before the verb, */
    pz__people *around;   /* owned; among whom the verb has to ask; NULL: it stood alone */
    bool is_alone;        /* nobody links to the profile, as far as asked */
    bool is_among_others; /* it did */
    pz_error *err;
} change;

static pz_status index_identifier(change *c, pz__store_txn *txn, pz_str kind, pz_str value)
{
    const pz_str identifier = pz__identifier(c->scratch, kind, value);
    if (!identifier.data)
        return pz__fail(c->err, PZ_ERR_NOMEM, "out of memory");
    return pz__store_txn_index(txn, identifier, pz__profile_subject(c->result), true, c->err);
}

/* A new customer is made findable by the identifier it was asked by. */
static pz_status introduce(change *c, pz__store_txn *txn)
{
    if (!c->profile->kind.data)
        return PZ_OK;
    if (!c->catalog)
        return pz__no_catalog(c->err);
    pz__verb identify = {
        .kind = PZ__VERB_IDENTIFY,
        .name = c->profile->kind,
        .value = pz__value_of_str(c->profile->value),
        .write = *c->write,
    };
    identify.write.at_ms = identify.write.now_ms;
    identify.write.expires_ms = 0;
    const pz_status status = pz__verb_apply(&identify, c->catalog, c->result, c->scratch, c->err);
    return status == PZ_OK ? index_identifier(c, txn, c->profile->kind, c->profile->value) : status;
}

static pz_status perform(change *c)
{
    if (c->verb)
        return pz__verb_apply(c->verb, c->catalog, c->result, c->scratch, c->err);
    const pz_status status = pz__profile_join(c->result, c->other, c->err);
    return status == PZ_OK ? pz__profile_scrub(c->result, c->err) : status;
}

/* Seen with those who are one person with it, now: any of them may have refused. */
static pz_status perform_among(change *c, const pz__people *people)
{
    pz_status status = PZ_OK;
    if (c->verb)
        status = pz__people_tell(people, c->catalog, pz__profile_subject(c->result), c->scratch,
                                 c->verb, c->err);
    if (status == PZ_OK)
        status = perform(c);
    if (c->verb)
        c->verb->person = (pz__person){NULL, 0};
    return status;
}

/* Whatever identifies the other replica finds this profile from now on. */
static pz_status index_joined(change *c, pz__store_txn *txn)
{
    const pz_status status = pz__profile_seal(c->result);
    return status == PZ_OK ? pz__index_profile(txn, c->result, c->scratch, c->err) : status;
}

static pz_status index_links(change *c, pz__store_txn *txn)
{
    const pz_status status = pz__profile_seal(c->result);
    return status == PZ_OK ? pz__people_index(txn, c->result, true, c->err) : status;
}

/* The index entries that the change calls for. */
static pz_status index_changed(change *c, pz__store_txn *txn)
{
    if (!c->verb)
        return index_joined(c, txn);
    if (c->verb->kind == PZ__VERB_LINK)
        return index_links(c, txn);
    if (c->verb->kind != PZ__VERB_IDENTIFY)
        return PZ_OK;
    return index_identifier(c, txn, c->verb->name, pz_value_text(c->verb->value));
}

static pz_status read_own(change *c, const void *bytes, size_t len)
{
    const pz_engine *engine = c->profile->engine;
    const pz_status status = pz__record_decode(&c->result, &engine->alloc, bytes, len, c->err);
    return status == PZ_OK
               ? pz__record_belongs(engine, pz__profile_subject(c->result), c->key, c->err)
               : status;
}

static pz_status update(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    change *c = payload;
    const pz__profile *state = c->profile->state;
    const pz_alloc *alloc = &c->profile->engine->alloc;
    pz__profile_free(c->result);
    c->result = NULL;
    pz_status status;
    if (bytes)
        status = read_own(c, bytes, len);
    else if (c->profile->exists)
        return pz__fail(c->err, PZ_ERR_NOT_FOUND, "the profile '%.*s' is no longer in the store",
                        PZ__STR_ARG(pz__told(c->profile->engine, pz__profile_subject(state))));
    else
        status = pz__profile_new(&c->result, alloc, pz__profile_kind(state),
                                 pz__profile_subject(state), c->err);
    if (status == PZ_OK && !bytes)
        status = introduce(c, txn);
    if (status == PZ_OK)
        status = perform_among(c, c->around);
    if (status == PZ_OK)
        status = index_changed(c, txn);
    if (status == PZ_OK)
        status =
            pz__record_encode(c->result, c->is_alone || (bytes && pz__record_is_alone(bytes, len)),
                              pz__store_plain_max(c->profile->engine->store), new_bytes);
    const bool is_idle = bytes && c->verb && c->verb->kind == PZ__VERB_EXPIRE && !c->verb->count;
    *action = is_idle ? PZ__KEEP : PZ__WRITE;
    return status;
}

/* The key to write under: the handle's own, or that of a customer made meanwhile. */
static pz_status find_key(change *c, pz__store_txn *txn, pz_str *key)
{
    *key = pz__profile_subject(c->profile->state);
    if (c->profile->exists || !c->profile->kind.data)
        return PZ_OK;
    const pz_str identifier = pz__identifier(c->scratch, c->profile->kind, c->profile->value);
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, &c->scratch->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = identifier.data
                           ? pz__store_txn_lookup(txn, identifier, &keys, &count, c->err)
                           : pz__fail(c->err, PZ_ERR_NOMEM, "out of memory");
    if (status == PZ_OK && count > 0) {
        const pz_str found = pz__first_key(&keys);
        const char *copy = pz__arena_text(c->scratch, found.data, found.len);
        *key = (pz_str){copy, found.len};
        if (!copy)
            status = pz__fail(c->err, PZ_ERR_NOMEM, "out of memory");
    }
    pz__buf_clear(&keys);
    return status;
}

/* When it happened, as the verb claims: of an event, when the event says. */
static pz_status claimed_time(change *c, int64_t *out)
{
    *out = c->verb->write.at_ms;
    if (c->verb->kind != PZ__VERB_OBSERVE)
        return PZ_OK;
    pz__event event;
    const pz_status status = pz__event_read(c->scratch, &event, c->verb->value, c->err);
    if (status == PZ_OK)
        *out = event.time_ms;
    return status;
}

/* Nothing from before an erasure comes back: neither late writes nor stale replicas. */
static pz_status check_erased(change *c, pz__store_txn *txn)
{
    pz__remembrance memory;
    int64_t erased_ms, oldest_ms;
    pz_status status = pz__erased_open(&memory, &c->profile->engine->alloc, txn, c->catalog,
                                       c->write->now_ms, c->err);
    if (status != PZ_OK || !memory.has_any)
        return status;
    status = pz__erased_profile(&memory, c->result, c->scratch, &erased_ms, c->err);
    if (status != PZ_OK || erased_ms == INT64_MIN)
        return status;
    oldest_ms = c->verb ? 0 : pz__profile_oldest(c->other);
    if (c->verb)
        status = claimed_time(c, &oldest_ms);
    return status == PZ_OK ? pz__erased_refuses(erased_ms, oldest_ms, c->err) : status;
}

/* Read whom the result is to be seen with, if the change made that other people. */
static pz_status read_people(change *c, pz__store_txn *txn)
{
    pz_engine *engine = c->profile->engine;
    pz__people_free(&engine->alloc, c->people);
    c->people = NULL;
    c->is_among_others = pz__people_differ(c->profile->state, c->result);
    return c->is_among_others ? pz__people_load(&c->people, engine, txn, c->result, c->err) : PZ_OK;
}

/* What an identifier that is being taken must not lead to. */
static pz_status check_identifier(change *c, pz__store_txn *txn, pz_str key)
{
    if (!c->verb || c->verb->kind != PZ__VERB_IDENTIFY)
        return PZ_OK;
    return pz__people_claim(c->profile, key, txn, c->catalog, c->scratch, c->verb, c->err);
}

/* Whether anybody links to a customer that is being made; the records of others say so. */
static pz_status look_back(change *c, pz__store_txn *txn, pz_str key)
{
    bool is_linked = true;
    if (c->profile->exists)
        return PZ_OK;
    const pz_status status = pz__people_look_back(txn, key, &c->scratch->alloc, &is_linked, c->err);
    c->is_alone = !is_linked;
    return status;
}

/* The records of those whom the result links to are to say so. */
static pz_status mark_linked(const change *c, pz__store_txn *txn)
{
    if (!c->verb)
        return pz__people_mark_all(txn, c->result, c->err);
    return c->verb->kind == PZ__VERB_LINK ? pz__people_mark(txn, c->verb->name, c->err) : PZ_OK;
}

static void forget_others(change *c)
{
    pz__people_free(&c->profile->engine->alloc, c->around);
    pz__profile_free(c->own);
    c->around = NULL;
    c->own = NULL;
}

/* Decode the profile in these bytes if others may belong to it, which most have none of. */
static pz_status decode_linked(change *c, const pz__buf *bytes, pz__buf *inflated)
{
    const pz__profile *peeked;
    pz__record record;
    pz_status status = pz__record_open(&record, bytes->data, bytes->len, inflated, c->err);
    if (status == PZ_OK)
        status =
            pz__profile_peek(&peeked, c->scratch, record.content.data, record.content.len, c->err);
    if (status != PZ_OK ||
        (record.is_alone && pz__profile_grants(peeked, PZ__GRANT_LINK).count == 0))
        return status;
    return pz__profile_decode(&c->own, &c->profile->engine->alloc, record.content.data,
                              record.content.len, c->err);
}

/* Whom a verb that gathers has to ask, read ahead: in the update itself nothing else may be. */
static pz_status look_around(change *c, pz__store_txn *txn, pz_str key)
{
    pz_engine *engine = c->profile->engine;
    pz_error none = PZ_ERROR_INIT;
    pz__buf bytes, inflated;
    if (!c->verb || !pz__people_matter(c->verb))
        return PZ_OK;
    pz__buf_init(&bytes, &engine->alloc, PZ__STORE_RECORD_MAX);
    pz__buf_init(&inflated, &engine->alloc, PZ__PROFILE_BYTES_MAX);
    pz_status status = pz__store_txn_get(txn, key, &bytes, &none);
    if (status == PZ_OK)
        status = decode_linked(c, &bytes, &inflated);
    else if (status != PZ_ERR_NOT_FOUND)
        pz__fail(c->err, status, "%s", none.message);
    else if (c->is_alone || c->profile->exists)
        status = PZ_OK;
    else
        status = pz__profile_new(&c->own, &engine->alloc, pz__profile_kind(c->profile->state), key,
                                 c->err);
    if (status == PZ_OK && c->own)
        status = pz__people_ask(&c->around, engine, txn, c->own, c->verb, false, c->err);
    pz__buf_clear(&inflated);
    pz__buf_clear(&bytes);
    return status;
}

/* One attempt, inside its transaction. */
static pz_status attempt(void *payload, pz__store_txn *txn)
{
    change *c = payload;
    uint8_t writer[16];
    pz_str key = {NULL, 0};
    c->write->writer = (pz_str){(const char *)writer, sizeof writer};
    c->is_alone = false;
    forget_others(c);
    pz__arena_reset(c->scratch);
    /* Asked inside: a store may have changed it since the last attempt, and only now is told when
     * it changes again. */
    pz_status status = pz__store_writer(c->profile->engine->store, writer, c->err);
    if (status == PZ_OK)
        status = find_key(c, txn, &key);
    if (status == PZ_OK)
        status = look_back(c, txn, key);
    if (status == PZ_OK)
        status = check_identifier(c, txn, key);
    if (status == PZ_OK)
        status = look_around(c, txn, key);
    c->key = key;
    if (status == PZ_OK)
        status = pz__store_txn_update(txn, key, update, c, c->err);
    /* Sealed, and its people found, before the commit: afterwards nothing may fail. */
    if (status == PZ_OK)
        status = pz__profile_seal(c->result);
    if (status == PZ_OK)
        status = mark_linked(c, txn);
    if (status == PZ_OK)
        status = check_erased(c, txn);
    if (status == PZ_OK)
        status = read_people(c, txn);
    c->write->writer = (pz_str){NULL, 0};
    return status;
}

static pz_status write_stored(change *c)
{
    return pz__store_transact(c->profile->engine->store, c->durability, attempt, c, c->err);
}

static pz_status write_detached(change *c)
{
    const pz_status status = pz__profile_copy(&c->result, c->profile->state);
    return status == PZ_OK ? perform_among(c, c->profile->people) : status;
}

/* Carry the change out and show what the profile has become. */
static pz_status carry_out(change *c)
{
    pz_profile *profile = c->profile;
    pz__arena scratch;
    pz__arena_init(&scratch, &profile->engine->alloc, SCRATCH_MAX);
    c->scratch = &scratch;
    pz_status status = profile->is_stored ? write_stored(c) : write_detached(c);
    if (status == PZ_OK)
        status =
            pz__profile_show(profile, c->result, c->is_among_others ? &c->people : NULL, c->err);
    if (status == PZ_OK) {
        c->result = NULL;
        c->people = NULL;
        profile->exists = true;
    } else if (status == PZ_ERR_NOMEM) {
        pz__fail(c->err, status, "out of memory");
    }
    pz__people_free(&profile->engine->alloc, c->people);
    forget_others(c);
    pz__profile_free(c->result);
    pz__arena_clear(&scratch);
    c->scratch = NULL;
    return status;
}

static pz_status read_only(pz_error *err)
{
    return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
}

pz_status pz__apply(pz_profile *profile, pz__verb *verb, pz__durability durability, pz_error *err)
{
    pz_engine *engine = profile->engine;
    if (profile->is_stored && engine->is_read_only)
        return read_only(err);
    /* A customer nobody has written is not made by it. */
    if (profile->is_stored && !profile->exists && verb->kind == PZ__VERB_EXPIRE)
        return PZ_OK;
    pz__pin pin = pz__pins_take(&engine->pins);
    if (!pin.catalog)
        return pz__no_catalog(err);
    change c = {.profile = profile,
                .verb = verb,
                .durability = durability,
                .write = &verb->write,
                .catalog = pin.catalog,
                .err = err};
    const pz_status status = carry_out(&c);
    pz__pins_give(&engine->pins, &pin);
    return status;
}

/* ---- operations as data, and replicas ---- */

static pz_status apply_operation(pz_profile *profile, pz_value operation, const pz_write *defaults,
                                 unsigned depth, pz_error *err);

/* ["merge", [operation, …]]: the operations make a replica, which is then joined in. */
static pz_status merge_operations(pz_profile *profile, pz_value operation, const pz_write *defaults,
                                  unsigned depth, pz_error *err)
{
    const pz_value operations = pz_value_item(operation, 1);
    if (profile->is_stored)
        return pz__fail(err, PZ_ERR_STATE, "only detached profiles take \"merge\" as an operation");
    if (operation.len != 2 || operations.kind != PZ_LIST)
        return pz__fail(err, PZ_ERR_TYPE, "the operation is written [\"merge\", [operation, …]]");
    if (depth == MERGE_DEPTH_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "merges stand inside each other more than %u deep",
                        MERGE_DEPTH_MAX);
    pz__profile *empty;
    pz_profile *other;
    pz_status status =
        pz__profile_new(&empty, &profile->engine->alloc, pz__profile_kind(profile->state),
                        pz__profile_subject(profile->state), err);
    if (status == PZ_OK)
        status =
            pz__profile_wrap(&other, profile->engine, empty, (pz__standing){false, false}, err);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = 0; i < operations.len && status == PZ_OK; i++)
        status = apply_operation(other, pz_value_item(operations, i), defaults, depth + 1, err);
    if (status == PZ_OK)
        status = pz_merge(profile, other, err);
    pz_profile_free(other);
    return status;
}

static pz_status apply_operation(pz_profile *profile, pz_value operation, const pz_write *defaults,
                                 unsigned depth, pz_error *err)
{
    if (pz__str_equal(pz_value_text(pz_value_item(operation, 0)), PZ__STR("merge")))
        return merge_operations(profile, operation, defaults, depth, err);
    pz__write write = {0};
    pz__verb verb = {0};
    pz__durability durability;
    pz_status status = pz__write_read(profile->engine, defaults, &write, &durability, err);
    if (status == PZ_OK)
        status = pz__verb_read(&verb, operation, &write, err);
    /* A moment that comes as data is no clock to trust: from the future, it would move the stamps
     * of the store's segment there for good. */
    if (status == PZ_OK && profile->is_stored && verb.write.now_ms > write.now_ms &&
        (uint64_t)verb.write.now_ms - (uint64_t)write.now_ms > (uint64_t)profile->engine->skew_ms)
        status =
            pz__fail(err, PZ_ERR_TIME, "the operation's time lies beyond now and the allowed skew");
    return status == PZ_OK ? pz__apply(profile, &verb, durability, err) : status;
}

pz_status pz_profile_apply(pz_profile *profile, pz_value operation, const pz_write *defaults,
                           pz_error *err)
{
    if (!profile)
        return pz__fail(err, PZ_ERR_ARG, "a profile is needed");
    return apply_operation(profile, operation, defaults, 0, err);
}

pz_status pz_merge(pz_profile *profile, const pz_profile *other, pz_error *err)
{
    if (!profile || !other)
        return pz__fail(err, PZ_ERR_ARG, "two profiles are needed");
    pz_engine *engine = profile->engine;
    if (profile->is_stored && engine->is_read_only)
        return read_only(err);
    pz__write write;
    pz__durability durability;
    pz_status status = pz__write_read(engine, NULL, &write, &durability, err);
    if (status != PZ_OK)
        return status;
    pz__pin pin = pz__pins_take(&engine->pins);
    change c = {.profile = profile,
                .other = other->state,
                .durability = durability,
                .write = &write,
                .catalog = pin.catalog,
                .err = err};
    status = carry_out(&c);
    pz__pins_give(&engine->pins, &pin);
    return status;
}
