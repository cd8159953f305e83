/*
 * failing.c: passes every operation on through the inner store's table, until it is told not to.
 *
 * Proof that the table is the whole of what the room knows of a backend: this one is made outside
 * of the room and passes the same contract.
 */
#include "store/failing.h"

#include <stdatomic.h>

#include "base/error.h"

typedef struct failing {
    pz__store base;
    pz__store *inner;
    pz_alloc alloc;
    atomic_size_t asked;
    atomic_size_t fail_at; /* 0 for never */
    atomic_bool once;
    pz_status status;
} failing;

typedef struct failing_txn {
    pz__store_txn base;
    pz__store_txn *inner;
} failing_txn;

static failing *failing_of(pz__store *store)
{
    return (failing *)store;
}

static pz__store *inner_of(pz__store *store)
{
    return failing_of(store)->inner;
}

static pz__store_txn *inner_txn(pz__store_txn *txn)
{
    return ((failing_txn *)txn)->inner;
}

static pz_status check(pz__store *store, pz_error *err)
{
    failing *f = failing_of(store);
    size_t asked = atomic_fetch_add(&f->asked, 1) + 1;
    size_t at = atomic_load(&f->fail_at);
    if (at == 0 || asked < at || (asked > at && atomic_load(&f->once)))
        return PZ_OK;
    return pz__fail(err, f->status, "operation %zu was told to fail", asked);
}

static pz_status check_txn(pz__store_txn *txn, pz_error *err)
{
    return check(txn->store, err);
}

static pz_status failing_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->writer(inner_of(store), out, err);
}

static pz_status failing_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->get(inner_of(store), key, out, err);
}

static pz_status failing_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                                pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->lookup(inner_of(store), identifier, keys, count, err);
}

static pz_status failing_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->iterate(inner_of(store), fn, payload, err);
}

static pz_status failing_iterate_after(pz__store *store, pz_str after, pz__iterate_fn fn,
                                       void *payload, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return pz__store_iterate_after(inner_of(store), after, fn, payload, err);
}

static pz_status failing_each_index(pz__store *store, pz__index_fn fn, void *payload, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return pz__store_each_index(inner_of(store), fn, payload, err);
}

static pz_status failing_each_stream(pz__store *store, pz__each_stream_fn fn, void *payload,
                                     pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return pz__store_each_stream(inner_of(store), fn, payload, err);
}

static pz_status failing_read_stream(pz__store *store, pz_str stream, uint64_t from,
                                     pz__stream_fn fn, void *payload, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->read_stream(inner_of(store), stream, from, fn, payload, err);
}

static pz_status failing_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                               pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->entry(inner_of(store), stream, number, out, err);
}

static pz_status failing_count(pz__store *store, uint64_t *out, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->count(inner_of(store), out, err);
}

static pz_status failing_snapshot(pz__store *store, const char *path, pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    return inner_of(store)->backend->snapshot(inner_of(store), path, err);
}

static pz_status failing_peek(pz__store_txn *txn, pz_str key, const void **bytes, size_t *len,
                              pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->peek(inner_txn(txn), key, bytes, len, err);
}

static pz_status failing_txn_lookup(pz__store_txn *txn, pz_str identifier, pz__buf *keys,
                                    size_t *count, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->txn_lookup(inner_txn(txn), identifier, keys, count, err);
}

static pz_status failing_first_key(pz__store_txn *txn, pz_str identifier, pz_str prefix,
                                   pz__buf *key, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->first_key(inner_txn(txn), identifier, prefix, key, err);
}

static pz_status failing_last(pz__store_txn *txn, pz_str stream, uint64_t *number, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->last(inner_txn(txn), stream, number, err);
}

static pz_status failing_put(pz__store_txn *txn, pz_str key, const void *bytes, size_t len,
                             pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->put(inner_txn(txn), key, bytes, len, err);
}

static pz_status failing_remove(pz__store_txn *txn, pz_str key, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->remove(inner_txn(txn), key, err);
}

static pz_status failing_index(pz__store_txn *txn, pz_str identifier, pz_str key, bool present,
                               pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->index(inner_txn(txn), identifier, key, present, err);
}

static pz_status failing_append(pz__store_txn *txn, pz_str stream, uint64_t number,
                                const void *bytes, size_t len, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->append(inner_txn(txn), stream, number, bytes, len, err);
}

static pz_status failing_drop(pz__store_txn *txn, pz_str stream, uint64_t number, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK)
        return status;
    return inner_txn(txn)->store->backend->drop(inner_txn(txn), stream, number, err);
}

static pz_status failing_begin(pz__store *store, pz__durability durability, pz__store_txn **out,
                               pz_error *err)
{
    pz_status status = check(store, err);
    if (status != PZ_OK)
        return status;
    failing_txn *txn = pz__mem_zero(&store->alloc, 1, sizeof *txn);
    if (!txn)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    status = inner_of(store)->backend->begin(inner_of(store), durability, &txn->inner, err);
    if (status != PZ_OK) {
        pz__mem_free(&store->alloc, txn, 1, sizeof *txn);
        return status;
    }
    txn->base.store = store;
    *out = &txn->base;
    return PZ_OK;
}

static void failing_abort(pz__store_txn *txn)
{
    inner_txn(txn)->store->backend->abort(inner_txn(txn));
    pz__mem_free(&txn->store->alloc, txn, 1, sizeof(failing_txn));
}

static pz_status failing_commit(pz__store_txn *txn, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK) {
        failing_abort(txn);
        return status;
    }
    status = inner_txn(txn)->store->backend->commit(inner_txn(txn), err);
    pz__mem_free(&txn->store->alloc, txn, 1, sizeof(failing_txn));
    return status;
}

static pz_status failing_backend_open(pz__store **out, pz_str where,
                                      const pz__store_options *options, pz_error *err)
{
    failing *f = pz__mem_zero(&options->alloc, 1, sizeof *f);
    if (!f)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    f->alloc = options->alloc;
    pz_status status = pz__store_open(&f->inner, where.data, options, err);
    if (status != PZ_OK) {
        pz__mem_free(&options->alloc, f, 1, sizeof *f);
        return status;
    }
    *out = &f->base;
    return PZ_OK;
}

static void failing_close(pz__store *store)
{
    failing *f = failing_of(store);
    pz_alloc alloc = f->alloc;
    pz__store_close(f->inner);
    pz__mem_free(&alloc, f, 1, sizeof *f);
}

static const pz__backend failing_backend = {
    .scheme = "failing",
    .example = "failing:ADDRESS",
    .update_tries = 200, /* the most that a store behind it asks for: Redis */
    .open = failing_backend_open,
    .close = failing_close,
    .begin = failing_begin,
    .commit = failing_commit,
    .abort = failing_abort,
    .writer = failing_writer,
    .get = failing_get,
    .lookup = failing_lookup,
    .iterate = failing_iterate,
    .iterate_after = failing_iterate_after,
    .each_index = failing_each_index,
    .each_stream = failing_each_stream,
    .read_stream = failing_read_stream,
    .entry = failing_entry,
    .count = failing_count,
    .snapshot = failing_snapshot,
    .peek = failing_peek,
    .txn_lookup = failing_txn_lookup,
    .first_key = failing_first_key,
    .last = failing_last,
    .put = failing_put,
    .remove = failing_remove,
    .index = failing_index,
    .append = failing_append,
    .drop = failing_drop,
};

pz_status failing_open(pz__store **out, const char *inner, const pz__store_options *options,
                       pz_error *err)
{
    const pz_status status =
        pz__store_open_with(out, &failing_backend, pz_str_of(inner), options, err);
    if (status == PZ_OK)
        (*out)->update_tries = inner_of(*out)->update_tries;
    return status;
}

void failing_arm(pz__store *store, size_t nth, bool once, pz_status status)
{
    failing *f = failing_of(store);
    atomic_store(&f->asked, 0);
    f->status = status;
    atomic_store(&f->once, once);
    atomic_store(&f->fail_at, nth);
}

size_t failing_asked(const pz__store *store)
{
    return atomic_load(&((const failing *)store)->asked);
}
