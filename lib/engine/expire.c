/*
 * expire.c: dropping what the catalog's retention has ended, from one profile or from all.
 *
 * Readers leave out what a retention has ended from the moment on at which it ends; the bytes are
 * rid of it by this (decide/verbs_care.c says how). All profiles are gone through in chunks, of
 * which nothing is held while one is worked on: each profile is looked at as it was read, and only
 * one that has something to drop is opened and written, in a transaction of its own. So a store in
 * which little has ended is left alone, and others go on writing meanwhile.
 */
#include "engine/store_work.h"

#include <string.h>

pz_status pz_expire(pz_profile *profile, const char *attribute, const pz_write *write,
                    uint32_t *count, pz_error *err)
{
    if (count)
        *count = 0;
    if (!profile)
        return pz__fail(err, PZ_ERR_ARG, "a profile is needed");
    pz__verb verb = {.kind = PZ__VERB_EXPIRE, .name = pz_str_of(attribute ? attribute : "*")};
    pz__durability durability;
    pz_status status = pz__write_read(profile->engine, write, &verb.write, &durability, err);
    if (status == PZ_OK)
        status = pz__apply(profile, &verb, durability, err);
    if (status == PZ_OK && count)
        *count = verb.count;
    return status;
}

/* ---- all of them ---- */

typedef struct expiring {
    pz_engine *engine;
    const pz_write *write;
    pz__write when; /* as read once: one moment for all */
    pz__watch *watch;
    pz_error why;
    pz_error *err;
} expiring;

/* Whether the record, as it was read, has something to drop. */
static pz_status look(expiring *e, pz_str bytes, bool *is_any)
{
    pz__profile *profile;
    *is_any = false;
    pz_status status =
        pz__record_decode(&profile, &e->engine->alloc, bytes.data, bytes.len, &e->why);
    pz__pin pin = pz__pins_take(&e->engine->pins);
    if (status == PZ_OK && !pin.catalog)
        status = pz__no_catalog(&e->why);
    if (status == PZ_OK)
        *is_any = pz__has_expired(pin.catalog, profile, e->when.now_ms);
    if (pin.catalog)
        pz__pins_give(&e->engine->pins, &pin);
    pz__profile_free(profile);
    return status;
}

/* Somebody may have erased it since it was read. */
static pz_status expire_one(expiring *e, pz_str key)
{
    char id[PZ__SUBJECT_MAX + 1];
    pz_profile *profile;
    uint32_t count = 0;
    memcpy(id, key.data, key.len);
    id[key.len] = '\0';
    pz_status status = pz_profile_open(&profile, e->engine, id, &e->why);
    if (status == PZ_OK)
        status = pz_expire(profile, NULL, e->write, &count, &e->why);
    pz_profile_free(profile);
    e->watch->outcome.rewritten += count > 0;
    return status == PZ_ERR_NOT_FOUND ? PZ_OK : status;
}

static pz_status tell(expiring *e, pz_str key, pz_status status)
{
    e->watch->outcome.left_out++;
    return pz__watch_fault(e->watch, (pz__fault){PZ_FAULT_DAMAGED, key, {NULL, 0}, status},
                           "profile '%.*s': %s", PZ__STR_ARG(pz__store_told(e->engine->store, key)),
                           e->why.message);
}

static pz_status expire_chunk(void *payload, const pz__chunk *chunk)
{
    expiring *e = payload;
    pz__cursor from;
    pz_str key, bytes;
    pz_status status = PZ_OK;
    pz__cursor_init(&from, chunk->bytes.data, chunk->bytes.len);
    while (status == PZ_OK && pz__chunk_next(&from, &key, &bytes)) {
        bool is_any;
        e->watch->outcome.profiles++;
        status = key.len <= PZ__SUBJECT_MAX ? look(e, bytes, &is_any) : PZ_ERR_CORRUPT;
        if (status == PZ_OK && is_any)
            status = expire_one(e, key);
        if (pz__ends_work(status))
            pz__fail(e->err, status, "%s", e->why.message);
        else if (status != PZ_OK)
            status = tell(e, key, status);
    }
    return status == PZ_OK ? pz__watch_step(e->watch, chunk->count) : status;
}

pz_status pz_expire_all(pz_engine *engine, const pz_write *write, const pz_store_watch *how,
                        pz_store_outcome *outcome, pz_error *err)
{
    pz__watch watch;
    pz__durability durability;
    if (!engine)
        return pz__fail(err, PZ_ERR_ARG, "an engine is needed");
    if (engine->is_read_only)
        return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
    expiring e = {
        .engine = engine, .write = write, .watch = &watch, .why = PZ_ERROR_INIT, .err = err};
    pz_status status = pz__watch_begin(&watch, how, outcome, err);
    if (status == PZ_OK)
        status = pz__write_read(engine, write, &e.when, &durability, err);
    if (status != PZ_OK)
        return status;
    status = pz__store_count(engine->store, &watch.total, err);
    if (status == PZ_OK)
        status = pz__walk_records(engine->store, &engine->alloc, (pz_str){NULL, 0}, expire_chunk,
                                  &e, err);
    return pz__watch_end(&watch, outcome, status);
}
