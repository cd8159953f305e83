/*
 * lmdb.c: the embedded store, over LMDB (lmdb_env.c, lmdb_write.c).
 *
 * A store is a directory with LMDB's data.mdb and lock.mdb in it, and four databases in those:
 *
 *     meta      "format" -> version (4, big-endian); "writer" -> 16 bytes
 *     records   key -> bytes
 *     index     identifier -> keys, as sorted duplicates
 *     streams   name length (1), name, number (8, big-endian) -> bytes
 *               and under the number 0, once the newest entry was dropped, its number (8)
 *
 * Handles on one file share one environment (env_table.h). A handle opens it at its first use and
 * again when the process id has changed; pz__store_open looks whether it could and lets go, so that
 * nothing is open when a host forks after opening.
 *
 * Not here: how an environment is opened, read, written and grown (there), directories and errno
 * (files.c), what the process has open (env_table.c).
 */
#include <errno.h>
#include <inttypes.h>
#include <stdatomic.h>
#include <stdio.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "store/backend.h"
#include "store/files.h"
#include "store/lmdb_env.h"
#include "store/lock.h"

#define STREAM_KEY_MAX (1u + PZ__STORE_KEY_MAX + 8u)

/* How often a store that is replaced while it is being opened is looked at again. */
#define OPEN_TRIES 8u

/* How often pages are looked at again: a commit's root is there until the next but one. */
#define CHECK_TRIES 64u

typedef struct lmdb {
    pz__store base;
    pz_alloc alloc;
    pz__env_spec spec;
    size_t path_size;       /* with its NUL */
    _Atomic(pz__env *) env; /* NULL before first use; of another process after a fork */
    char path[];
} lmdb;

typedef struct lmdb_txn {
    pz__store_txn base;
    pz__view *at;
    pz__view own; /* of one that was begun */
    pid_t process;
} lmdb_txn;

/* A transaction for one function, which shares its commit with others. */
typedef struct lmdb_part {
    pz__part part;
    lmdb_txn txn;
    pz__share_fn fn;
    void *payload;
} lmdb_part;

static lmdb *lmdb_of(pz__store *store)
{
    return (lmdb *)store;
}

static lmdb_txn *txn_of(pz__store_txn *txn)
{
    return (lmdb_txn *)txn;
}

/* ---- files, and the table ---- */

/* Open what has just been looked at. PZ_ERR_BUSY: it was replaced. */
static pz_status env_open(pz__env **out, const lmdb *s, const struct stat *data, bool can_write,
                          pz_error *err)
{
    pz_status status = PZ_OK;
    if (can_write)
        status = pz__reserve_lock(s->spec.path, (PZ__READERS_MAX + 8) * PZ__READER_BYTES, err);
    if (status == PZ_OK)
        status = pz__env_new(out, &s->spec, can_write, err);
    if (status != PZ_OK && data->st_size == 0)
        pz__empty_store(s->path);
    if (status != PZ_OK || pz__env_is_at(*out, data))
        return status;
    pz__env_free(*out);
    return pz__fail(err, PZ_ERR_BUSY, "\"%s\" was replaced while it was being opened", s->path);
}

/* One look at the files. */
static pz_status env_look(pz__env **out, const lmdb *s, pz_error *err)
{
    struct stat data;
    bool can_write;
    pz_status status = pz__find_store(s->spec.path, s->spec.read_only, &data, &can_write, err);
    if (status != PZ_OK)
        return status;
    pz__env *e = (pz__env *)pz__env_table_find(data.st_dev, data.st_ino);
    if (e && e->never_writes && !s->spec.read_only) {
        pz__env_table_drop(&e->shared);
        return pz__fail(err, PZ_ERR_STATE,
                        "\"%s\" is open in this process without the right to write; close that "
                        "handle first",
                        s->spec.path);
    }
    if (e) {
        *out = e;
        return PZ_OK;
    }
    status = env_open(&e, s, &data, can_write, err);
    if (status != PZ_OK)
        return status;
    pz__env_table_add(&e->shared, data.st_dev, data.st_ino);
    *out = e;
    return PZ_OK;
}

/* Under the table's lock. */
static pz_status env_acquire(pz__env **out, const lmdb *s, pz_error *err)
{
    pz_status status = PZ_ERR_BUSY;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < OPEN_TRIES; tries++)
        status = env_look(out, s, err);
    return status;
}

static void env_release(pz__env *e)
{
    if (pz__env_table_drop(&e->shared))
        pz__env_free(e);
}

static bool is_ours(const pz__env *e)
{
    return e && e->shared.process == pz__process();
}

/* First use, or first use after a fork. */
static pz_status env_reopen(lmdb *s, pz__env **out, pz_error *err)
{
    pz_status status = PZ_OK;
    pz__env_table_lock();
    pz__env *e = atomic_load(&s->env);
    if (!is_ours(e))
        status = env_acquire(&e, s, err);
    if (status == PZ_OK)
        atomic_store(&s->env, e);
    pz__env_table_unlock();
    *out = e;
    return status;
}

static pz_status env_current(lmdb *s, pz__env **out, pz_error *err)
{
    pz__env *e = atomic_load_explicit(&s->env, memory_order_acquire);
    if (!is_ours(e)) {
        pz_status status = env_reopen(s, &e, err);
        if (status != PZ_OK)
            return status;
    }
    *out = e;
    return PZ_OK;
}

/* ---- reading ---- */

/* Begin to read the newest commit. */
static pz_status read_begin(pz__store *store, int state, pz__view *out, pz_error *err)
{
    lmdb *s = lmdb_of(store);
    pz__env *e;
    const pz_status status = env_current(s, &e, err);
    return status == PZ_OK ? pz__view_read(out, e, state, s->path, err) : status;
}

static pz_status fail(pz__store *store, int rc, const char *doing, pz_error *err)
{
    return pz__env_fail(err, rc, doing, lmdb_of(store)->path);
}

static pz_status lmdb_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    pz__view at;
    pz_str value;
    const pz_status status = read_begin(store, PZ__SLOT_READING, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = pz__view_get(&at, PZ__RECORDS, key, &value);
    if (rc == 0)
        pz__buf_put(out, value.data, value.len);
    pz__view_end(&at);
    if (rc == PZ__MDB_NOT_FOUND)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the store has no record under this key");
    return rc ? fail(store, rc, "read", err) : pz__filled(out, err);
}

static int find_keys(const pz__view *at, pz_str identifier, pz__buf *keys, size_t *count)
{
    struct MDB_cursor *walk;
    pz_str found;
    int rc = pz__walk_begin(&walk, at, PZ__INDEX);
    if (rc)
        return rc;
    for (rc = pz__walk(walk, PZ__AT_KEY, &identifier, &found); rc == 0;
         rc = pz__walk(walk, PZ__NEXT_OF_KEY, &identifier, &found)) {
        pz__put_found(keys, found.data, found.len);
        ++*count;
    }
    pz__walk_end(walk);
    return rc == PZ__MDB_NOT_FOUND ? 0 : rc;
}

static pz_status lmdb_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                             pz_error *err)
{
    pz__view at;
    const pz_status status = read_begin(store, PZ__SLOT_READING, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = find_keys(&at, identifier, keys, count);
    pz__view_end(&at);
    return rc ? fail(store, rc, "search", err) : pz__filled(keys, err);
}

/* Two lookups in one transaction. Of several keys the view gives the first, and needs no walk. */
static int find_record(const pz__view *at, pz_str identifier, pz__buf *out, pz__found_key *found)
{
    pz_str key, value;
    int rc = pz__view_get(at, PZ__INDEX, identifier, &key);
    if (rc == 0)
        pz__found_key_set(found, key);
    if (rc == 0)
        rc = pz__view_get(at, PZ__RECORDS, key, &value);
    if (rc == 0)
        pz__buf_put(out, value.data, value.len);
    return rc;
}

static pz_status lmdb_find(pz__store *store, pz_str identifier, pz__buf *out, pz__found_key *key,
                           pz_error *err)
{
    pz__view at;
    const pz_status status = read_begin(store, PZ__SLOT_READING, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = find_record(&at, identifier, out, key);
    pz__view_end(&at);
    if (rc == PZ__MDB_NOT_FOUND)
        return PZ_ERR_NOT_FOUND;
    return rc ? fail(store, rc, "read", err) : pz__filled(out, err);
}

static pz_status lmdb_count(pz__store *store, uint64_t *out, pz_error *err)
{
    pz__view at;
    const pz_status status = read_begin(store, PZ__SLOT_READING, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = pz__view_count(&at, PZ__RECORDS, out);
    pz__view_end(&at);
    return rc ? fail(store, rc, "count", err) : PZ_OK;
}

static pz_status lmdb_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    pz__env *e;
    pz_status status = env_current(lmdb_of(store), &e, err);
    if (status == PZ_OK)
        memcpy(out, e->writer, sizeof e->writer);
    return status;
}

/* The first pair behind `after`. */
static int seek(struct MDB_cursor *walk, pz_str after, pz_str *key, pz_str *value)
{
    *key = after;
    const int rc = pz__walk(walk, after.len ? PZ__FROM_KEY : PZ__NEXT, key, value);
    const bool is_there = rc == 0 && pz__str_equal(*key, after);
    return is_there ? pz__walk(walk, PZ__NEXT, key, value) : rc;
}

static pz_status lmdb_iterate_after(pz__store *store, pz_str after, pz__iterate_fn fn,
                                    void *payload, pz_error *err)
{
    pz__view at;
    struct MDB_cursor *walk;
    pz_str key, value;
    pz_status status = read_begin(store, PZ__SLOT_HELD, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = pz__walk_begin(&walk, &at, PZ__RECORDS);
    if (rc == 0) {
        for (rc = seek(walk, after, &key, &value); rc == 0 && status == PZ_OK;) {
            status = fn(payload, key, value.data, value.len);
            if (status == PZ_OK)
                rc = pz__walk(walk, PZ__NEXT, &key, &value);
        }
        pz__walk_end(walk);
    }
    pz__view_end(&at);
    return status == PZ_OK && rc != PZ__MDB_NOT_FOUND ? fail(store, rc, "read", err) : status;
}

static pz_status lmdb_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    return lmdb_iterate_after(store, (pz_str){NULL, 0}, fn, payload, err);
}

static pz_status lmdb_each_index(pz__store *store, pz__index_fn fn, void *payload, pz_error *err)
{
    pz__view at;
    struct MDB_cursor *walk;
    pz_str identifier = {NULL, 0}, key;
    pz_status status = read_begin(store, PZ__SLOT_HELD, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = pz__walk_begin(&walk, &at, PZ__INDEX);
    if (rc == 0) {
        while (status == PZ_OK && (rc = pz__walk(walk, PZ__NEXT, &identifier, &key)) == 0)
            status = fn(payload, identifier, key);
        pz__walk_end(walk);
    }
    pz__view_end(&at);
    return status == PZ_OK && rc != PZ__MDB_NOT_FOUND ? fail(store, rc, "read", err) : status;
}

/* ---- streams ---- */

static pz_str stream_key(uint8_t room[STREAM_KEY_MAX], pz_str stream, uint64_t number)
{
    room[0] = (uint8_t)stream.len;
    memcpy(room + 1, stream.data, stream.len);
    for (unsigned i = 0; i < 8; i++)
        room[1 + stream.len + i] = (uint8_t)(number >> (56 - 8 * i));
    return (pz_str){(const char *)room, 1 + stream.len + 8};
}

/* Whether a key of the database belongs to the stream that `mine` does; if so, its number. */
static bool same_stream(pz_str key, pz_str mine, uint64_t *number)
{
    if (key.len != mine.len || memcmp(key.data, mine.data, mine.len - 8) != 0)
        return false;
    pz__cursor from;
    pz__cursor_init(&from, key.data + key.len - 8, 8);
    *number = pz__cursor_be64(&from);
    return true;
}

static pz_status lmdb_read_stream(pz__store *store, pz_str stream, uint64_t from, pz__stream_fn fn,
                                  void *payload, pz_error *err)
{
    pz__view at;
    struct MDB_cursor *walk;
    uint8_t room[STREAM_KEY_MAX];
    uint64_t number;
    const pz_str mine = stream_key(room, stream, from ? from : 1);
    pz_str key = mine, value;
    pz_status status = read_begin(store, PZ__SLOT_HELD, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = pz__walk_begin(&walk, &at, PZ__STREAMS);
    if (rc == 0) {
        rc = pz__walk(walk, PZ__FROM_KEY, &key, &value);
        while (rc == 0 && status == PZ_OK && same_stream(key, mine, &number)) {
            status = fn(payload, number, value.data, value.len);
            rc = pz__walk(walk, PZ__NEXT, &key, &value);
        }
        pz__walk_end(walk);
    }
    pz__view_end(&at);
    if (status == PZ_OK && rc && rc != PZ__MDB_NOT_FOUND)
        return fail(store, rc, "read", err);
    return status;
}

static pz_status lmdb_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                            pz_error *err)
{
    pz__view at;
    uint8_t room[STREAM_KEY_MAX];
    pz_str value;
    const pz_status status = read_begin(store, PZ__SLOT_READING, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = number ? pz__view_get(&at, PZ__STREAMS, stream_key(room, stream, number), &value)
                          : PZ__MDB_NOT_FOUND;
    if (rc == 0)
        pz__buf_put(out, value.data, value.len);
    pz__view_end(&at);
    if (rc == PZ__MDB_NOT_FOUND)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the stream has no entry of this number");
    return rc ? fail(store, rc, "read", err) : pz__filled(out, err);
}

/* From one stream to the next by what stands behind the greatest number of its entries. */
static pz_status lmdb_each_stream(pz__store *store, pz__each_stream_fn fn, void *payload,
                                  pz_error *err)
{
    pz__view at;
    struct MDB_cursor *walk;
    uint8_t room[STREAM_KEY_MAX];
    pz_str key = {NULL, 0}, value;
    pz_status status = read_begin(store, PZ__SLOT_HELD, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = pz__walk_begin(&walk, &at, PZ__STREAMS);
    if (rc == 0) {
        rc = pz__walk(walk, PZ__NEXT, &key, &value);
        while (rc == 0 && status == PZ_OK) {
            if (key.len < 10 || (uint8_t)key.data[0] != key.len - 9) {
                status = pz__fail(err, PZ_ERR_CORRUPT,
                                  "the key of a stream's entry in \"%s\" is "
                                  "damaged: restore a snapshot",
                                  lmdb_of(store)->path);
                break;
            }
            const pz_str name = {key.data + 1, key.len - 9};
            status = fn(payload, name);
            key = stream_key(room, name, UINT64_MAX);
            rc = pz__walk(walk, PZ__FROM_KEY, &key, &value);
        }
        pz__walk_end(walk);
    }
    pz__view_end(&at);
    if (status == PZ_OK && rc && rc != PZ__MDB_NOT_FOUND)
        return fail(store, rc, "read", err);
    return status;
}

/* ---- transactions ---- */

static pz_status fail_txn(lmdb_txn *txn, int rc, const char *doing, pz_error *err)
{
    const char *path = lmdb_of(txn->base.store)->path;
    return rc ? pz__view_fail(txn->at, rc, doing, path, err) : PZ_OK;
}

/* The number of a stream's newest entry as it was when that was dropped; 0 if it never was. */
static int dropped_number(const lmdb_txn *txn, pz_str stream, uint64_t *number)
{
    uint8_t room[STREAM_KEY_MAX];
    pz_str value;
    pz__cursor from;
    *number = 0;
    const int rc = pz__view_get(txn->at, PZ__STREAMS, stream_key(room, stream, 0), &value);
    if (rc)
        return rc == PZ__MDB_NOT_FOUND ? 0 : rc;
    pz__cursor_init(&from, value.data, value.len);
    *number = pz__cursor_be64(&from);
    return 0;
}

static pz_status lmdb_last(pz__store_txn *base, pz_str stream, uint64_t *number, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    struct MDB_cursor *walk;
    uint8_t room[STREAM_KEY_MAX];
    const pz_str beyond = stream_key(room, stream, UINT64_MAX);
    pz_str key = beyond, value;
    *number = 0;
    int rc = pz__walk_begin(&walk, txn->at, PZ__STREAMS);
    if (rc)
        return fail_txn(txn, rc, "read", err);
    rc = pz__walk(walk, PZ__FROM_KEY, &key, &value);
    rc = pz__walk(walk, rc == 0 ? PZ__PREVIOUS : PZ__LAST, &key, &value);
    if (rc == 0 && !same_stream(key, beyond, number))
        *number = 0;
    pz__walk_end(walk);
    uint64_t dropped = 0;
    if (rc == 0 || rc == PZ__MDB_NOT_FOUND)
        rc = dropped_number(txn, stream, &dropped);
    *number = dropped > *number ? dropped : *number;
    return fail_txn(txn, rc, "read", err);
}

static pz_status lmdb_begin(pz__store *store, pz__durability durability, pz__store_txn **out,
                            pz_error *err)
{
    lmdb *s = lmdb_of(store);
    pz__env *e;
    pz_status status = env_current(s, &e, err);
    if (status != PZ_OK)
        return status;
    lmdb_txn *txn = pz__mem_zero(&s->alloc, 1, sizeof *txn);
    if (!txn)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory beginning a transaction");
    status = pz__view_write(&txn->own, e, &s->spec, durability, err);
    if (status != PZ_OK) {
        pz__mem_free(&s->alloc, txn, 1, sizeof *txn);
        return status;
    }
    txn->base.store = store;
    txn->at = &txn->own;
    txn->process = pz__process();
    *out = &txn->base;
    return PZ_OK;
}

static pz_status run_part(pz__part *part, bool *wrote)
{
    lmdb_part *p = (lmdb_part *)part;
    p->txn.at = &part->at;
    const pz_status status = p->fn(p->payload, &p->txn.base);
    *wrote = p->txn.base.wrote;
    return status;
}

static pz_status lmdb_share(pz__store *store, pz__share_fn fn, void *payload, pz_error *err)
{
    lmdb *s = lmdb_of(store);
    pz__env *e;
    const pz_status status = env_current(s, &e, err);
    if (status != PZ_OK)
        return status;
    lmdb_part p = {.part = {.write = run_part, .err = err},
                   .txn = {.base = {.store = store}},
                   .fn = fn,
                   .payload = payload};
    return pz__view_share(&p.part, e, &s->spec);
}

static void txn_free(lmdb_txn *txn)
{
    pz__mem_free(&lmdb_of(txn->base.store)->alloc, txn, 1, sizeof *txn);
}

/* In a forked child the transaction is the parent's: only our copy of the struct may go. */
static void lmdb_abort(pz__store_txn *base)
{
    lmdb_txn *txn = txn_of(base);
    if (txn->process == pz__process())
        pz__view_abort(txn->at);
    txn_free(txn);
}

static pz_status lmdb_commit(pz__store_txn *base, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    if (txn->process != pz__process()) {
        txn_free(txn);
        return pz__fail(err, PZ_ERR_STATE, "the transaction belongs to the process that began it");
    }
    const pz_status status = pz__view_commit(txn->at, lmdb_of(base->store)->path, err);
    txn_free(txn);
    return status;
}

static pz_status lmdb_peek(pz__store_txn *base, pz_str key, const void **bytes, size_t *len,
                           pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    pz_str value = {NULL, 0};
    const int rc = pz__view_get(txn->at, PZ__RECORDS, key, &value);
    *bytes = value.data;
    *len = value.len;
    return rc == PZ__MDB_NOT_FOUND ? PZ_OK : fail_txn(txn, rc, "read", err);
}

static pz_status lmdb_txn_lookup(pz__store_txn *base, pz_str identifier, pz__buf *keys,
                                 size_t *count, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    const int rc = find_keys(txn->at, identifier, keys, count);
    return rc ? fail_txn(txn, rc, "search", err) : pz__filled(keys, err);
}

static pz_status lmdb_first_key(pz__store_txn *base, pz_str identifier, pz_str prefix, pz__buf *key,
                                pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    struct MDB_cursor *walk;
    pz_str found = prefix;
    int rc = pz__walk_begin(&walk, txn->at, PZ__INDEX);
    if (rc)
        return fail_txn(txn, rc, "search", err);
    rc = pz__walk(walk, PZ__FROM_PAIR, &identifier, &found);
    if (rc == 0 && found.len >= prefix.len && memcmp(found.data, prefix.data, prefix.len) == 0)
        pz__buf_put(key, found.data, found.len);
    pz__walk_end(walk);
    return rc && rc != PZ__MDB_NOT_FOUND ? fail_txn(txn, rc, "search", err) : pz__filled(key, err);
}

static pz_status lmdb_put(pz__store_txn *base, pz_str key, const void *bytes, size_t len,
                          pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    const int rc = pz__view_put(txn->at, PZ__RECORDS, key, (pz_str){bytes, len});
    return fail_txn(txn, rc, "write to", err);
}

static pz_status lmdb_remove(pz__store_txn *base, pz_str key, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    const int rc = pz__view_remove(txn->at, PZ__RECORDS, key, NULL);
    return rc == PZ__MDB_NOT_FOUND ? PZ_OK : fail_txn(txn, rc, "write to", err);
}

static pz_status lmdb_index(pz__store_txn *base, pz_str identifier, pz_str key, bool present,
                            pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    const int rc = present ? pz__view_add(txn->at, PZ__INDEX, identifier, key)
                           : pz__view_remove(txn->at, PZ__INDEX, identifier, &key);
    const bool was_so = rc == (present ? PZ__MDB_KEY_EXISTS : PZ__MDB_NOT_FOUND);
    return was_so ? PZ_OK : fail_txn(txn, rc, "write to", err);
}

static pz_status lmdb_append(pz__store_txn *base, pz_str stream, uint64_t number, const void *bytes,
                             size_t len, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    uint8_t room[STREAM_KEY_MAX];
    const int rc =
        pz__view_add(txn->at, PZ__STREAMS, stream_key(room, stream, number), (pz_str){bytes, len});
    return fail_txn(txn, rc, "write to", err);
}

static pz_status lmdb_drop(pz__store_txn *base, pz_str stream, uint64_t number, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    uint8_t room[STREAM_KEY_MAX];
    char bytes[8];
    uint64_t last;
    pz_status status = lmdb_last(base, stream, &last, err);
    if (status != PZ_OK)
        return status;
    int rc = pz__view_remove(txn->at, PZ__STREAMS, stream_key(room, stream, number), NULL);
    if (rc == 0 && number == last) {
        for (unsigned i = 0; i < 8; i++)
            bytes[i] = (char)(last >> (56 - 8 * i));
        rc = pz__view_put(txn->at, PZ__STREAMS, stream_key(room, stream, 0),
                          (pz_str){bytes, sizeof bytes});
    }
    return rc == PZ__MDB_NOT_FOUND ? PZ_OK : fail_txn(txn, rc, "write to", err);
}

/* ---- snapshots ---- */

static pz_status copy_into(pz__store *store, const char *path, pz_error *err)
{
    pz__view at;
    const pz_status status = read_begin(store, PZ__SLOT_HELD, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = pz__view_copy(&at, path);
    pz__view_end(&at);
    return rc ? pz__env_fail(err, rc, "copy to", path) : pz__sync_directory(path, err);
}

static pz_status lmdb_snapshot(pz__store *store, const char *path, pz_error *err)
{
    char partial[PZ__PATH_MAX];
    pz_status status = pz__check_free(path, err);
    if (status == PZ_OK)
        status = pz__partial_path(partial, path, err);
    if (status == PZ_OK)
        status = pz__make_directory(partial, err);
    if (status != PZ_OK)
        return status;
    status = copy_into(store, partial, err);
    if (status == PZ_OK)
        status = pz__take_place(partial, path, err);
    if (status != PZ_OK) {
        pz__remove_store(partial);
        return status;
    }
    status = pz__sync_directory(path, err);
    if (status != PZ_OK)
        pz__remove_store(path);
    return status;
}

/* ---- files ---- */

static pz_status lmdb_stat(pz__store *store, pz__store_stat *out, pz_error *err)
{
    pz__view at;
    const pz_status status = read_begin(store, PZ__SLOT_HELD, &at, err);
    if (status != PZ_OK)
        return status;
    const int rc = pz__view_stat(&at, out);
    pz__view_end(&at);
    return rc ? fail(store, rc, "read", err) : PZ_OK;
}

static pz_status lmdb_check(pz__store *store, pz_error *err)
{
    pz_status status = PZ_ERR_BUSY;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < CHECK_TRIES; tries++) {
        pz__view at;
        status = read_begin(store, PZ__SLOT_HELD, &at, err);
        if (status != PZ_OK)
            return status;
        status = pz__view_check(&at, lmdb_of(store)->path, err);
        pz__view_end(&at);
    }
    return status;
}

/* Let go of the environment, if nobody else in this process has it. Under the table's lock. */
static pz_status leave_alone(lmdb *s, pz_error *err)
{
    struct stat data;
    bool can_write;
    pz__env *own = atomic_load(&s->env);
    pz_status status = pz__find_store(s->path, false, &data, &can_write, err);
    if (status != PZ_OK)
        return status;
    pz__env *e = (pz__env *)pz__env_table_find(data.st_dev, data.st_ino);
    if (e) {
        const bool is_shared = e->shared.refs > (e == own ? 2u : 1u);
        pz__env_table_drop(&e->shared);
        if (is_shared)
            return pz__fail(err, PZ_ERR_BUSY,
                            "another handle of this process has \"%s\" open: close it first",
                            s->path);
    }
    if (is_ours(own)) {
        atomic_store(&s->env, NULL);
        env_release(own);
    }
    return PZ_OK;
}

static pz_status lmdb_shrink(pz__store *store, pz_error *err)
{
    lmdb *s = lmdb_of(store);
    pz__env_table_lock();
    pz_status status = leave_alone(s, err);
    if (status == PZ_OK)
        status = pz__env_shrink(&s->spec, err);
    pz__env_table_unlock();
    return status;
}

/* ---- the handle ---- */

static pz_status lmdb_open(pz__store **out, pz_str where, const pz__store_options *options,
                           pz_error *err)
{
    if (where.len == 0 || where.len >= PZ__PATH_MAX)
        return pz__fail(err, PZ_ERR_ARG, "\"lmdb:\" needs the path of a directory");
    if (options->map_bytes > PZ__MAP_MOST)
        return pz__fail(err, PZ_ERR_LIMIT, "a map of %" PRIu64 " bytes is larger than %zu",
                        options->map_bytes, PZ__MAP_MOST);
    size_t path_size = where.len + 1;
    lmdb *s = pz__mem_zero(&options->alloc, 1, sizeof *s + path_size);
    if (!s)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory opening a store");
    s->alloc = options->alloc;
    s->spec.read_only = options->read_only;
    s->spec.map_bytes = options->map_bytes ? (size_t)options->map_bytes : PZ__MAP_DEFAULT;
    s->spec.map_bytes =
        s->spec.map_bytes < PZ__MAP_LEAST ? PZ__MAP_LEAST : s->spec.map_bytes & ~(size_t)0xffff;
    s->path_size = path_size;
    memcpy(s->path, where.data, where.len);
    s->spec.path = s->path;
    pz__env *e;
    pz__env_table_lock();
    pz_status status = env_acquire(&e, s, err);
    if (status == PZ_OK)
        env_release(e);
    pz__env_table_unlock();
    if (status != PZ_OK) {
        pz__mem_free(&options->alloc, s, 1, sizeof *s + path_size);
        return status;
    }
    *out = &s->base;
    return PZ_OK;
}

static void lmdb_close(pz__store *store)
{
    lmdb *s = lmdb_of(store);
    pz_alloc alloc = s->alloc;
    pz__env *e = atomic_load(&s->env);
    if (is_ours(e)) {
        pz__env_table_lock();
        env_release(e);
        pz__env_table_unlock();
    }
    pz__mem_free(&alloc, s, 1, sizeof *s + s->path_size);
}

const pz__backend pz__lmdb_backend = {
    .scheme = "lmdb",
    .example = "lmdb:DIRECTORY",
    .plain_max = PZ__PLAIN_MAX_MAPPED,
    .open = lmdb_open,
    .close = lmdb_close,
    .writer = lmdb_writer,
    .get = lmdb_get,
    .lookup = lmdb_lookup,
    .find = lmdb_find,
    .iterate = lmdb_iterate,
    .iterate_after = lmdb_iterate_after,
    .each_index = lmdb_each_index,
    .each_stream = lmdb_each_stream,
    .stat = lmdb_stat,
    .shrink = lmdb_shrink,
    .check = lmdb_check,
    .read_stream = lmdb_read_stream,
    .entry = lmdb_entry,
    .count = lmdb_count,
    .snapshot = lmdb_snapshot,
    .begin = lmdb_begin,
    .peek = lmdb_peek,
    .txn_lookup = lmdb_txn_lookup,
    .first_key = lmdb_first_key,
    .last = lmdb_last,
    .put = lmdb_put,
    .remove = lmdb_remove,
    .index = lmdb_index,
    .append = lmdb_append,
    .drop = lmdb_drop,
    .share = lmdb_share,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
};
