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
 */
#include "engine/engine.h"

/* Scratch of one write; hostile input cannot ask for more. */
#define SCRATCH_MAX (64u << 20)

static const pz_write default_write = {PZ_WRITE};

pz_status pz__write_read(const pz_engine *engine, const pz_write *given, pz__write *out,
                         pz_error *err)
{
    pz_write write = default_write;
    if (given) {
        if (given->size < sizeof(uint32_t) || given->size > sizeof write)
            return pz__fail(err, PZ_ERR_ARG, "begin a pz_write with PZ_WRITE");
        memcpy(&write, given, given->size);
    }
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

/* One verb on its way into a stored profile. */
typedef struct stored_write {
    pz_profile *profile;
    pz__verb *verb;
    const pz__catalog *catalog;
    pz__arena *scratch;
    pz__profile *result; /* owned; what the profile has become */
    pz_error *err;
} stored_write;

static pz_status index_identifier(stored_write *w, pz__store_txn *txn, pz_str kind, pz_str value)
{
    const pz_str identifier = pz__identifier(w->scratch, kind, value);
    if (!identifier.data)
        return pz__fail(w->err, PZ_ERR_NOMEM, "out of memory");
    return pz__store_txn_index(txn, identifier, pz__profile_subject(w->result), true, w->err);
}

/* A new customer is made findable by the identifier it was asked by. */
static pz_status introduce(stored_write *w, pz__store_txn *txn)
{
    if (!w->profile->kind.data)
        return PZ_OK;
    pz__verb identify = {
        .kind = PZ__VERB_IDENTIFY,
        .name = w->profile->kind,
        .value = pz__value_of_str(w->profile->value),
        .write = w->verb->write,
    };
    identify.write.at_ms = identify.write.now_ms;
    identify.write.expires_ms = 0;
    const pz_status status = pz__verb_apply(&identify, w->catalog, w->result, w->scratch, w->err);
    return status == PZ_OK ? index_identifier(w, txn, w->profile->kind, w->profile->value) : status;
}

static pz_status update(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    stored_write *w = payload;
    const pz__profile *state = w->profile->state;
    pz__profile_free(w->result);
    w->result = NULL;
    pz_status status;
    if (bytes)
        status = pz__record_decode(&w->result, &w->profile->engine->alloc, bytes, len, w->err);
    else
        status = pz__profile_new(&w->result, &w->profile->engine->alloc, pz__profile_kind(state),
                                 pz__profile_subject(state), w->err);
    if (status == PZ_OK && !bytes)
        status = introduce(w, txn);
    if (status == PZ_OK)
        status = pz__verb_apply(w->verb, w->catalog, w->result, w->scratch, w->err);
    if (status == PZ_OK && w->verb->kind == PZ__VERB_IDENTIFY)
        status = index_identifier(w, txn, w->verb->name, pz_value_text(w->verb->value));
    if (status == PZ_OK)
        status = pz__record_encode(w->result, new_bytes);
    *action = PZ__WRITE;
    return status;
}

/* The key to write under: the handle's own, or that of a customer made meanwhile. */
static pz_status find_key(stored_write *w, pz__store_txn *txn, pz_str *key)
{
    *key = pz__profile_subject(w->profile->state);
    if (w->profile->exists || !w->profile->kind.data)
        return PZ_OK;
    const pz_str identifier = pz__identifier(w->scratch, w->profile->kind, w->profile->value);
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, &w->scratch->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = identifier.data
                           ? pz__store_txn_lookup(txn, identifier, &keys, &count, w->err)
                           : pz__fail(w->err, PZ_ERR_NOMEM, "out of memory");
    if (status == PZ_OK && count > 0) {
        const pz_str found = pz__first_key(&keys);
        const char *copy = pz__arena_text(w->scratch, found.data, found.len);
        *key = (pz_str){copy, found.len};
        if (!copy)
            status = pz__fail(w->err, PZ_ERR_NOMEM, "out of memory");
    }
    pz__buf_clear(&keys);
    return status;
}

/* One attempt, in a transaction that has been begun and is gone afterwards. */
static pz_status attempt(stored_write *w, pz__store_txn *txn)
{
    pz_str key;
    pz_status status = find_key(w, txn, &key);
    if (status == PZ_OK)
        status = pz__store_txn_update(txn, key, update, w, w->err);
    /* Sealed before the commit: afterwards nothing may fail. */
    if (status == PZ_OK)
        status = pz__profile_seal(w->result);
    if (status != PZ_OK) {
        pz__store_abort(txn);
        return status;
    }
    return pz__store_commit(txn, w->err);
}

static pz_status write_stored(stored_write *w)
{
    pz_engine *engine = w->profile->engine;
    uint8_t writer[16];
    pz_status status = pz__store_writer(engine->store, writer, w->err);
    if (status != PZ_OK)
        return status;
    w->verb->write.writer = (pz_str){(const char *)writer, sizeof writer};
    unsigned attempts = 0;
    do {
        pz__store_txn *txn;
        status = pz__store_begin(engine->store, &txn, w->err);
        if (status != PZ_OK)
            return status;
        status = attempt(w, txn);
    } while (status == PZ_ERR_BUSY && ++attempts < PZ__ATTEMPTS_MAX);
    if (status != PZ_OK)
        return status;
    status = pz__profile_show(w->profile, w->result, w->err);
    w->result = NULL;
    w->profile->exists = true;
    return status;
}

static pz_status write_detached(stored_write *w)
{
    pz_status status = pz__profile_copy(&w->result, w->profile->state);
    if (status == PZ_OK)
        status = pz__verb_apply(w->verb, w->catalog, w->result, w->scratch, w->err);
    if (status == PZ_OK)
        status = pz__profile_show(w->profile, w->result, w->err);
    if (status == PZ_OK) {
        w->result = NULL;
        w->profile->exists = true;
    }
    return status;
}

static pz_status apply(pz_profile *profile, pz__verb *verb, pz_error *err)
{
    pz_engine *engine = profile->engine;
    if (profile->is_stored && engine->is_read_only)
        return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
    pz__pin pin = pz__pins_take(&engine->pins);
    if (!pin.catalog)
        return pz__fail(err, PZ_ERR_STATE, "no catalog is in force; load one first");
    pz__arena scratch;
    pz__arena_init(&scratch, &engine->alloc, SCRATCH_MAX);
    stored_write w = {
        .profile = profile, .verb = verb, .catalog = pin.catalog, .scratch = &scratch, .err = err};
    const pz_status status = profile->is_stored ? write_stored(&w) : write_detached(&w);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    pz__profile_free(w.result);
    pz__arena_clear(&scratch);
    pz__pins_give(&engine->pins, &pin);
    return status;
}

/* A verb about one name, with a value and a confidence where it has them. */
static pz_status say(pz_profile *profile, pz__verb_kind kind, const char *name, pz_value value,
                     double confidence, const pz_write *write, pz_error *err)
{
    if (!profile || !name)
        return pz__fail(err, PZ_ERR_ARG, "a profile and a name are needed");
    pz__verb verb = {
        .kind = kind, .name = pz_str_of(name), .value = value, .confidence = confidence};
    const pz_status status = pz__write_read(profile->engine, write, &verb.write, err);
    return status == PZ_OK ? apply(profile, &verb, err) : status;
}

pz_status pz_choose(pz_profile *profile, const char *attribute, pz_value value,
                    const pz_write *write, pz_error *err)
{
    return say(profile, PZ__VERB_CHOOSE, attribute, value, 0, write, err);
}

pz_status pz_reject(pz_profile *profile, const char *attribute, pz_value value,
                    const pz_write *write, pz_error *err)
{
    return say(profile, PZ__VERB_REJECT, attribute, value, 0, write, err);
}

pz_status pz_clear(pz_profile *profile, const char *attribute, const pz_write *write, pz_error *err)
{
    return say(profile, PZ__VERB_CLEAR, attribute, pz_value_null(), 0, write, err);
}

pz_status pz_declare(pz_profile *profile, const char *attribute, pz_value value,
                     const pz_write *write, pz_error *err)
{
    return say(profile, PZ__VERB_DECLARE, attribute, value, 0, write, err);
}

pz_status pz_infer(pz_profile *profile, const char *attribute, pz_value value, double confidence,
                   const pz_write *write, pz_error *err)
{
    return say(profile, PZ__VERB_INFER, attribute, value, confidence, write, err);
}

pz_status pz_identify(pz_profile *profile, const char *kind, const char *value,
                      const pz_write *write, pz_error *err)
{
    return say(profile, PZ__VERB_IDENTIFY, kind, pz_value_str(value), 0, write, err);
}

pz_status pz_observe(pz_profile *profile, pz_value event, const pz_write *write, bool *is_new,
                     pz_error *err)
{
    if (is_new)
        *is_new = false;
    if (!profile)
        return pz__fail(err, PZ_ERR_ARG, "a profile is needed");
    pz__verb verb = {.kind = PZ__VERB_OBSERVE, .value = event};
    pz_status status = pz__write_read(profile->engine, write, &verb.write, err);
    if (status == PZ_OK)
        status = apply(profile, &verb, err);
    if (is_new)
        *is_new = status == PZ_OK && verb.is_new;
    return status;
}

/* ---- operations as data, and replicas ---- */

static pz_status merge_operations(pz_profile *profile, pz_value operations,
                                  const pz_write *defaults, pz_error *err)
{
    if (profile->is_stored)
        return pz__fail(err, PZ_ERR_STATE, "only detached profiles take \"merge\" as an operation");
    if (operations.kind != PZ_LIST)
        return pz__fail(err, PZ_ERR_TYPE, "the operation is written [\"merge\", [operation, …]]");
    pz__profile *empty;
    pz_profile *other;
    pz_status status =
        pz__profile_new(&empty, &profile->engine->alloc, pz__profile_kind(profile->state),
                        pz__profile_subject(profile->state), err);
    if (status == PZ_OK)
        status = pz__profile_wrap(&other, profile->engine, empty, false, err);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = 0; i < operations.len && status == PZ_OK; i++)
        status = pz_profile_apply(other, pz_value_item(operations, i), defaults, err);
    if (status == PZ_OK)
        status = pz_merge(profile, other, err);
    pz_profile_free(other);
    return status;
}

pz_status pz_profile_apply(pz_profile *profile, pz_value operation, const pz_write *defaults,
                           pz_error *err)
{
    if (!profile)
        return pz__fail(err, PZ_ERR_ARG, "a profile is needed");
    pz__write write;
    pz_status status = pz__write_read(profile->engine, defaults, &write, err);
    if (status != PZ_OK)
        return status;
    if (pz__str_equal(pz_value_text(pz_value_item(operation, 0)), PZ__STR("merge")))
        return merge_operations(profile, pz_value_item(operation, 1), defaults, err);
    pz__verb verb;
    status = pz__verb_read(&verb, operation, &write, err);
    return status == PZ_OK ? apply(profile, &verb, err) : status;
}

typedef struct stored_join {
    pz_profile *profile;
    const pz__profile *other;
    pz__profile *result;
    pz_error *err;
} stored_join;

/* Whatever identifies the other replica finds this profile from now on. */
static pz_status index_all(stored_join *j, pz__store_txn *txn)
{
    const pz__claims claims = pz__profile_all_claims(j->result);
    pz__arena scratch;
    pz__arena_init(&scratch, &j->profile->engine->alloc, SCRATCH_MAX);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < claims.count && status == PZ_OK; i++) {
        const pz__claim *claim = &claims.list[i];
        if (claim->slot != PZ__SLOT_IDENTIFIER || claim->is_cleared)
            continue;
        const pz_str identifier = pz__identifier(&scratch, claim->attribute, claim->part);
        if (!identifier.data)
            status = PZ_ERR_NOMEM;
        else
            status =
                pz__store_txn_index(txn, identifier, pz__profile_subject(j->result), true, j->err);
    }
    pz__arena_clear(&scratch);
    return status;
}

static pz_status join_update(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                             pz__buf *new_bytes, pz__update_action *action)
{
    stored_join *j = payload;
    const pz_alloc *alloc = &j->profile->engine->alloc;
    pz__profile_free(j->result);
    j->result = NULL;
    pz_status status = bytes ? pz__record_decode(&j->result, alloc, bytes, len, j->err)
                             : pz__profile_copy(&j->result, j->profile->state);
    if (status == PZ_OK)
        status = pz__profile_join(j->result, j->other, j->err);
    if (status == PZ_OK)
        status = pz__profile_seal(j->result);
    if (status == PZ_OK)
        status = pz__record_encode(j->result, new_bytes);
    if (status == PZ_OK)
        status = index_all(j, txn);
    *action = PZ__WRITE;
    return status;
}

pz_status pz_merge(pz_profile *profile, const pz_profile *other, pz_error *err)
{
    if (!profile || !other)
        return pz__fail(err, PZ_ERR_ARG, "two profiles are needed");
    stored_join j = {.profile = profile, .other = other->state, .err = err};
    pz_status status;
    if (profile->is_stored) {
        if (profile->engine->is_read_only)
            return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
        status = pz__store_update(profile->engine->store, pz__profile_subject(profile->state),
                                  join_update, &j, err);
    } else {
        status = pz__profile_copy(&j.result, profile->state);
        if (status == PZ_OK)
            status = pz__profile_join(j.result, other->state, err);
    }
    if (status == PZ_OK)
        status = pz__profile_show(profile, j.result, err);
    if (status == PZ_OK) {
        j.result = NULL;
        profile->exists = true;
    } else if (status == PZ_ERR_NOMEM) {
        pz__fail(err, status, "out of memory");
    }
    pz__profile_free(j.result);
    return status;
}
