/*
 * store_backup.c: stores made out of others, and stores made smaller.
 *
 * A backup and a restore are the same: a store where none was. What is made has a writer id of its
 * own, since its place is empty: LMDB's snapshot puts a new one in before the copy has its name,
 * and a store that is opened where none is makes one. A place where a store has ever been is
 * refused, an empty one too: it would go on writing under an id whose later states somebody may
 * hold.
 *
 * A sealed store never comes out in the clear by this: without hooks of its own, what is made is
 * sealed with those of the store. A snapshot is bytes as they are, so it is taken only where both
 * are sealed with the same hooks, or neither is.
 *
 * Compacting is done in chunks like copying: what would be written as it stands is passed over,
 * the rest is decoded, cleaned and written in one transaction, from the bytes as they are then.
 */
#include "engine/store_work.h"

#include <string.h>

#include <personalize/ext/hooks.h>

#define LMDB_SCHEME "lmdb:"

/* ---- a store where none is ---- */

static bool is_lmdb(const char *address)
{
    return strncmp(address, LMDB_SCHEME, sizeof LMDB_SCHEME - 1) == 0;
}

/* Whether a store is there: asked by somebody who makes nothing. */
static pz_status look(const char *address, const pz_store_options *options, pz_store **out,
                      bool *exists, pz_error *err)
{
    pz_error why = PZ_ERROR_INIT;
    pz_store_options reading = *options;
    uint8_t writer[16];
    *exists = false;
    reading.flags |= PZ_STORE_READ_ONLY;
    pz_status status = pz_store_open(out, address, &reading, &why);
    if (status == PZ_OK)
        status = pz__store_writer((*out)->store, writer, &why);
    *exists = status == PZ_OK;
    if (status == PZ_OK || status == PZ_ERR_NOT_FOUND)
        return PZ_OK;
    return pz__fail(err, status, "%s", why.message);
}

/* PZ_ERR_STATE unless the place is free, or taken by what this copy has begun. */
static pz_status check_place(pz_store *store, const char *address, const pz_store_options *options,
                             pz_error *err)
{
    pz_store *there = NULL;
    bool exists, is_begun = false;
    uint8_t writer[16];
    uint64_t profiles = 1;
    pz_status status = look(address, options, &there, &exists, err);
    if (status == PZ_OK && exists) {
        status = pz__store_writer(store->store, writer, err);
        if (status == PZ_OK)
            status = pz__copy_is_begun(there->store, &store->alloc, writer, &is_begun, err);
    }
    if (status == PZ_OK && exists && !is_begun)
        status = pz__store_count(there->store, &profiles, err);
    pz_store_close(there);
    if (status == PZ_OK && exists && !is_begun)
        return pz__fail(err, PZ_ERR_STATE,
                        "there is a store already%s; name a place where none is, or copy into it, "
                        "which joins the two",
                        profiles ? ""
                                 : ", without a profile: if a backup that failed left it, "
                                   "remove it");
    return status;
}

static pz_status copy_to(pz_store *store, const char *address, const pz_store_options *options,
                         pz__watch *watch, pz_error *err)
{
    pz_store *to;
    pz_status status = pz_store_open(&to, address, options, err);
    if (status != PZ_OK)
        return status;
    status = pz__store_copy(store, to, watch, err);
    pz_store_close(to);
    return status;
}

/* How many are in a snapshot that was taken while others wrote; as many as before it, if it will
 * not say. */
static uint64_t count_copy(const char *address, const pz_store_options *options, uint64_t before)
{
    pz_store_options reading = *options;
    pz_store *copy;
    uint64_t count = before;
    reading.flags = PZ_STORE_READ_ONLY;
    if (pz_store_open(&copy, address, &reading, NULL) != PZ_OK)
        return before;
    if (pz__store_count(copy->store, &count, NULL) != PZ_OK)
        count = before;
    pz_store_close(copy);
    return count;
}

static pz_status snapshot(pz_store *store, const char *address, const pz_store_options *options,
                          pz__watch *watch, pz_error *err)
{
    pz_status status = pz__store_check(store->store, err);
    if (status == PZ_OK)
        status = pz__store_count(store->store, &watch->total, err);
    if (status == PZ_OK)
        status = pz__store_snapshot(store->store, address + sizeof LMDB_SCHEME - 1, err);
    if (status != PZ_OK)
        return status;
    watch->total = count_copy(address, options, watch->total);
    watch->outcome.is_whole = true;
    watch->outcome.profiles = watch->outcome.added = watch->total;
    return pz__watch_step(watch, watch->total);
}

/* Whether bytes of a store with hooks `a` are what one with hooks `b` would hold. */
static bool are_same_hooks(const pz_store_hooks *a, const pz_store_hooks *b)
{
    if (!a || !b)
        return a == b;
    return a->payload == b->payload && a->seal == b->seal && a->open == b->open &&
           a->pseudonym == b->pseudonym;
}

/* How the other place is opened: sealed as this one, if nothing else is said. */
static pz_status place_options(const pz_store *store, const pz_store_options *given,
                               pz_store_options *out, pz_error *err)
{
    const pz_status status = pz__store_options_read(given, out, err);
    if (status != PZ_OK)
        return status;
    if (!out->hooks)
        out->hooks = pz__store_hooks(store->store);
    if (out->flags & PZ_STORE_READ_ONLY)
        return pz__fail(err, PZ_ERR_ARG, "what is made anew cannot be opened for reading only");
    return PZ_OK;
}

static pz_status make_elsewhere(pz_store *store, const char *address, const pz_store_options *given,
                                const pz_store_watch *how, pz_store_outcome *outcome, pz_error *err)
{
    pz__watch watch;
    pz_store_options options;
    if (!store || !address)
        return pz__fail(err, PZ_ERR_ARG, "a store and an address are needed");
    pz_status status = place_options(store, given, &options, err);
    if (status != PZ_OK)
        return status;
    if (strcmp(address, "memory:") == 0)
        return pz__fail(err, PZ_ERR_ARG,
                        "a store in memory is gone with its handle: name a place that lasts");
    status = pz__watch_begin(&watch, how, outcome, err);
    if (status != PZ_OK)
        return status;
    status = check_place(store, address, &options, err);
    if (status != PZ_OK)
        return pz__watch_end(&watch, outcome, status);
    if (is_lmdb(address) && pz__store_has_files(store->store) &&
        are_same_hooks(pz__store_hooks(store->store), options.hooks))
        status = snapshot(store, address, &options, &watch, err);
    else
        status = copy_to(store, address, &options, &watch, err);
    return pz__watch_end(&watch, outcome, status);
}

pz_status pz_store_backup(pz_store *store, const char *address, const pz_store_options *options,
                          const pz_store_watch *watch, pz_store_outcome *outcome, pz_error *err)
{
    return make_elsewhere(store, address, options, watch, outcome, err);
}

pz_status pz_store_restore(pz_store *backup, const char *address, const pz_store_options *options,
                           const pz_store_watch *watch, pz_store_outcome *outcome, pz_error *err)
{
    return make_elsewhere(backup, address, options, watch, outcome, err);
}

/* ---- smaller ---- */

typedef struct compacting {
    pz__store *store;
    const pz_alloc *alloc;
    pz__watch *watch;
    uint8_t writer[16];
    pz__store_txn *txn;
    bool is_changed; /* of the record that is looked at */
    pz_error why;
    pz_error *err;
} compacting;

/* The record as it would be written: *is_changed tells whether that differs. */
static pz_status rewrite(compacting *c, const void *bytes, size_t len, pz__buf *out)
{
    pz__profile *profile;
    bool is_cleaned;
    const pz_str own = {(const char *)c->writer, sizeof c->writer};
    pz_status status = pz__record_decode(&profile, c->alloc, bytes, len, &c->why);
    if (status == PZ_OK)
        status = pz__profile_clean(profile, own, &is_cleaned, &c->why);
    if (status == PZ_OK)
        status = pz__profile_scrub(profile, &c->why);
    if (status == PZ_OK)
        status = pz__record_encode(profile, pz__record_is_alone(bytes, len),
                                   pz__store_plain_max(c->store), out);
    pz__profile_free(profile);
    c->is_changed =
        status == PZ_OK && !pz__str_equal((pz_str){out->data, out->len}, (pz_str){bytes, len});
    return status;
}

static pz_status update(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    compacting *c = payload;
    (void)txn;
    *action = PZ__KEEP;
    c->is_changed = false;
    if (!bytes)
        return PZ_OK; /* erased meanwhile */
    const pz_status status = rewrite(c, bytes, len, new_bytes);
    if (status == PZ_OK && c->is_changed)
        *action = PZ__WRITE;
    return status;
}

/* Look through a chunk for what would change; does any? */
static pz_status look_through(compacting *c, const pz__chunk *chunk, bool *is_any)
{
    pz__cursor from;
    pz_str key, bytes;
    pz__buf out;
    pz_status status = PZ_OK;
    *is_any = false;
    pz__buf_init(&out, c->alloc, PZ__STORE_RECORD_MAX);
    pz__cursor_init(&from, chunk->bytes.data, chunk->bytes.len);
    while (status == PZ_OK && pz__chunk_next(&from, &key, &bytes)) {
        pz__buf_reset(&out);
        status = rewrite(c, bytes.data, bytes.len, &out);
        *is_any |= c->is_changed;
        c->watch->outcome.profiles++;
        if (status == PZ_OK || pz__ends_work(status))
            continue;
        status = pz__watch_fault(c->watch, (pz__fault){PZ_FAULT_DAMAGED, key, {NULL, 0}, status},
                                 "profile '%.*s': %s", PZ__STR_ARG(pz__store_told(c->store, key)),
                                 c->why.message);
        c->watch->outcome.left_out++;
    }
    pz__buf_clear(&out);
    return status;
}

static pz_status write_chunk(compacting *c, const pz__chunk *chunk)
{
    pz__cursor from;
    pz_str key, bytes;
    uint64_t count = 0;
    pz_status status = pz__store_begin(c->store, &c->txn, c->err);
    if (status != PZ_OK)
        return status;
    status = pz__store_writer(c->store, c->writer, c->err);
    pz__cursor_init(&from, chunk->bytes.data, chunk->bytes.len);
    while (status == PZ_OK && pz__chunk_next(&from, &key, &bytes)) {
        status = pz__store_txn_update(c->txn, key, update, c, c->err);
        if (status != PZ_OK && !pz__ends_work(status))
            status = PZ_OK;
        count += c->is_changed;
    }
    if (status != PZ_OK) {
        pz__store_abort(c->txn);
        return status;
    }
    status = pz__store_commit(c->txn, c->err);
    if (status == PZ_OK)
        c->watch->outcome.rewritten += count;
    return status;
}

static pz_status compact_chunk(void *payload, const pz__chunk *chunk)
{
    compacting *c = payload;
    bool is_any;
    pz_status status = look_through(c, chunk, &is_any);
    if (status == PZ_OK && is_any) {
        status = PZ_ERR_BUSY;
        for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < PZ__ATTEMPTS_MAX; tries++)
            status = write_chunk(c, chunk);
    }
    return status == PZ_OK ? pz__watch_step(c->watch, chunk->count) : status;
}

static pz_status add_bytes(void *payload, pz_str key, const void *bytes, size_t len)
{
    (void)key, (void)bytes;
    *(uint64_t *)payload += len;
    return PZ_OK;
}

/* Bytes of the file; of all records where there is none. */
static pz_status measure(pz__store *store, uint64_t *out, pz_error *err)
{
    pz__store_stat stat;
    const pz_status status = pz__store_stat_read(store, &stat, err);
    *out = stat.file_bytes;
    if (status != PZ_OK || stat.file_bytes > 0)
        return status;
    return pz__store_iterate(store, add_bytes, out, err);
}

static pz_status compact(compacting *c, bool is_borrowed)
{
    pz_store_outcome *outcome = &c->watch->outcome;
    pz_status status = measure(c->store, &outcome->bytes_before, c->err);
    if (status == PZ_OK)
        status = pz__store_count(c->store, &c->watch->total, c->err);
    if (status == PZ_OK)
        status = pz__store_writer(c->store, c->writer, c->err);
    if (status == PZ_OK)
        status = pz__walk_records(c->store, c->alloc, (pz_str){NULL, 0}, compact_chunk, c, c->err);
    if (status == PZ_OK && !is_borrowed && pz__store_has_files(c->store))
        status = pz__store_shrink(c->store, c->err);
    const pz_status measured =
        measure(c->store, &outcome->bytes_after, status == PZ_OK ? c->err : NULL);
    return status == PZ_OK ? measured : status;
}

pz_status pz_store_compact(pz_store *store, const pz_store_watch *how, pz_store_outcome *outcome,
                           pz_error *err)
{
    pz__watch watch;
    if (!store)
        return pz__fail(err, PZ_ERR_ARG, "a store is needed");
    if (pz__store_is_read_only(store->store))
        return pz__fail(err, PZ_ERR_STATE, "the store was opened for reading only");
    if (store->is_borrowed && pz__store_has_files(store->store))
        return pz__fail(err, PZ_ERR_STATE,
                        "the files of an engine's store cannot be replaced under it: close the "
                        "engine and open the store by itself");
    pz_status status = pz__watch_begin(&watch, how, outcome, err);
    if (status != PZ_OK)
        return status;
    compacting c = {.store = store->store,
                    .alloc = &store->alloc,
                    .watch = &watch,
                    .why = PZ_ERROR_INIT,
                    .err = err};
    status = pz__store_check(store->store, err);
    if (status == PZ_OK)
        status = compact(&c, store->is_borrowed);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    return pz__watch_end(&watch, outcome, status);
}
