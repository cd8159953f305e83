/*
 * sealed.c: a store around another, in which everything is sealed and named by pseudonyms.
 *
 * It is one more backend, so that every backend has it: what comes in through the table of
 * backend.h goes on to the inner store's table, changed by the host's hooks
 * (personalize/ext/hooks.h). P is the pseudonym of a letter and the bytes named, S(name, bytes)
 * what `seal` made of bytes:
 *
 *     record   key         ->  bytes   becomes   P('k', key)  ->  S('k' that, key length, key,
 * bytes) index    identifier  ->  key               P('i', identifier)  ->  tag, S('x' that tag,
 * key) entry    stream, n   ->  bytes             P('s', stream), n   ->  S('e' that n, bytes)
 *
 * The name under which something stands is authenticated with it, so nobody can put one customer's
 * bytes in another's place. A record holds its key, since the pseudonym does not tell it and
 * iterating has to. The tag, 16 bytes of P('t', identifier and key), finds an entry of the index
 * again though sealing gives other bytes each time.
 *
 * The mark: under the plain identifier MARK the inner index holds P('m', ...) and a sealed text. It
 * is written with the first transaction that writes, if there are no records yet; a store that has
 * records and no mark was made without hooks and is refused, and a mark that does not fit these
 * hooks is refused. A handle without hooks looks for the mark, too (store.c).
 *
 * Iterating goes in the order of pseudonyms. Buffers are made and freed with each call: a sealed
 * read allocates where the plain one need not.
 *
 * Not here: calling the hooks (seal.c), mark and index (sealed_index.c).
 */
#include "store/sealed.h"

#include "base/error.h"

typedef struct sealed_txn {
    pz__store_txn base;
    pz__store_txn *inner;
    bool marks;     /* it has written the mark */
    pz__buf opened; /* the record that was peeked at */
} sealed_txn;

static pz__sealed *sealed_of(pz__store *store)
{
    return (pz__sealed *)store;
}

static sealed_txn *txn_of(pz__store_txn *txn)
{
    return (sealed_txn *)txn;
}

static pz__sealed *store_of(pz__store_txn *txn)
{
    return sealed_of(txn->store);
}

/* ---- records ---- */

static pz__bytes record_name(const pz__pseudonym *key)
{
    pz__bytes name = pz__bytes_begin('k');
    pz__bytes_add(&name, key->bytes, sizeof key->bytes);
    return name;
}

/* Take the plain text of a record apart. */
static pz_status split_record(const pz__buf *plain, pz_str *key, pz_str *content, pz_error *err)
{
    pz__cursor from;
    pz__cursor_init(&from, plain->data, plain->len);
    key->len = (size_t)pz__cursor_varint(&from);
    key->data = (const char *)pz__cursor_take(&from, key->len);
    *content = (pz_str){(const char *)from.next, pz__cursor_left(&from)};
    if (from.bad)
        return pz__fail(err, PZ_ERR_CORRUPT, "a sealed record does not hold what one holds");
    return PZ_OK;
}

static pz_status open_record(const pz__sealed *s, const pz__pseudonym *name, pz_str from,
                             pz__buf *plain, pz_str *key, pz_str *content, pz_error *err)
{
    const pz__bytes about = record_name(name);
    pz__buf_reset(plain);
    const pz_status status = pz__unseal(s, pz__bytes_text(&about), from, plain, err);
    return status == PZ_OK ? split_record(plain, key, content, err) : status;
}

/* ---- reading ---- */

static pz_status sealed_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    pz__store *inner = sealed_of(store)->inner;
    return inner->backend->writer(inner, out, err);
}

static pz_status sealed_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    pz__pseudonym name;
    pz__buf from, plain;
    pz_str found_key, content;
    pz_status status = pz__sealed_know(s, err);
    if (status == PZ_OK)
        status = pz__hide_name(s, 'k', key, &name, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&from, &store->alloc, PZ__SEALED_MAX);
    pz__buf_init(&plain, &store->alloc, PZ__SEALED_MAX);
    status = s->inner->backend->get(s->inner, pz__pseudonym_text(&name), &from, err);
    if (status == PZ_OK)
        status =
            open_record(s, &name, (pz_str){from.data, from.len}, &plain, &found_key, &content, err);
    if (status == PZ_OK) {
        pz__buf_put(out, content.data, content.len);
        status = pz__filled(out, err);
    }
    pz__buf_clear(&plain);
    pz__buf_clear(&from);
    return status;
}

static pz_status sealed_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                               pz_error *err)
{
    const pz_status status = pz__sealed_know(sealed_of(store), err);
    return status == PZ_OK
               ? pz__sealed_find_keys(sealed_of(store), NULL, identifier, keys, count, err)
               : status;
}

static pz_status sealed_txn_lookup(pz__store_txn *txn, pz_str identifier, pz__buf *keys,
                                   size_t *count, pz_error *err)
{
    return pz__sealed_find_keys(store_of(txn), txn_of(txn)->inner, identifier, keys, count, err);
}

static pz_status sealed_index(pz__store_txn *txn, pz_str identifier, pz_str key, bool present,
                              pz_error *err)
{
    return pz__sealed_set_key(store_of(txn), txn_of(txn)->inner, identifier, key, present, err);
}

/* ---- streams ---- */

static pz__bytes entry_name(const pz__pseudonym *stream, uint64_t number)
{
    pz__bytes name = pz__bytes_begin('e');
    pz__bytes_add(&name, stream->bytes, sizeof stream->bytes);
    for (unsigned i = 0; i < 8; i++)
        name.data[name.len++] = (char)(number >> (56 - 8 * i));
    return name;
}

typedef struct stream_visit {
    const pz__sealed *s;
    pz__pseudonym stream;
    pz__stream_fn fn;
    void *payload;
    pz__buf plain;
    pz_error *err;
} stream_visit;

static pz_status visit_entry(void *payload, uint64_t number, const void *from, size_t len)
{
    stream_visit *v = payload;
    const pz__bytes name = entry_name(&v->stream, number);
    pz__buf_reset(&v->plain);
    const pz_status status =
        pz__unseal(v->s, pz__bytes_text(&name), (pz_str){from, len}, &v->plain, v->err);
    if (status == PZ_ERR_CORRUPT)
        return v->fn(v->payload, number, NULL, 0);
    return status == PZ_OK ? v->fn(v->payload, number, v->plain.data, v->plain.len) : status;
}

static pz_status sealed_read_stream(pz__store *store, pz_str stream, uint64_t from,
                                    pz__stream_fn fn, void *payload, pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    stream_visit v = {.s = s, .fn = fn, .payload = payload, .err = err};
    pz_status status = pz__sealed_know(s, err);
    if (status == PZ_OK)
        status = pz__hide_name(s, 's', stream, &v.stream, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&v.plain, &store->alloc, PZ__SEALED_MAX);
    status = s->inner->backend->read_stream(s->inner, pz__pseudonym_text(&v.stream), from,
                                            visit_entry, &v, err);
    pz__buf_clear(&v.plain);
    return status;
}

static pz_status sealed_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                              pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    pz__pseudonym name;
    pz__buf from, plain;
    pz_status status = pz__sealed_know(s, err);
    if (status == PZ_OK)
        status = pz__hide_name(s, 's', stream, &name, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&from, &store->alloc, PZ__SEALED_MAX);
    pz__buf_init(&plain, &store->alloc, PZ__SEALED_MAX);
    status = s->inner->backend->entry(s->inner, pz__pseudonym_text(&name), number, &from, err);
    if (status == PZ_OK) {
        const pz__bytes about = entry_name(&name, number);
        status = pz__unseal(s, pz__bytes_text(&about), (pz_str){from.data, from.len}, &plain, err);
    }
    if (status == PZ_OK) {
        pz__buf_put(out, plain.data, plain.len);
        status = pz__filled(out, err);
    }
    pz__buf_clear(&plain);
    pz__buf_clear(&from);
    return status;
}

static pz_status sealed_last(pz__store_txn *txn, pz_str stream, uint64_t *number, pz_error *err)
{
    pz__pseudonym name;
    const pz_status status = pz__hide_name(store_of(txn), 's', stream, &name, err);
    *number = 0;
    return status == PZ_OK ? txn_of(txn)->inner->store->backend->last(
                                 txn_of(txn)->inner, pz__pseudonym_text(&name), number, err)
                           : status;
}

static pz_status sealed_append(pz__store_txn *txn, pz_str stream, uint64_t number,
                               const void *content, size_t len, pz_error *err)
{
    pz__sealed *s = store_of(txn);
    pz__pseudonym name;
    pz__buf made;
    pz_status status = pz__hide_name(s, 's', stream, &name, err);
    if (status != PZ_OK)
        return status;
    const pz__bytes about = entry_name(&name, number);
    pz__buf_init(&made, &s->base.alloc, PZ__SEALED_MAX);
    status = pz__seal(s, pz__bytes_text(&about), (pz_str){content, len}, &made, err);
    if (status == PZ_OK)
        status = s->inner->backend->append(txn_of(txn)->inner, pz__pseudonym_text(&name), number,
                                           made.data, made.len, err);
    pz__buf_clear(&made);
    return status;
}

static pz_status sealed_drop(pz__store_txn *txn, pz_str stream, uint64_t number, pz_error *err)
{
    pz__pseudonym name;
    const pz_status status = pz__hide_name(store_of(txn), 's', stream, &name, err);
    return status == PZ_OK ? txn_of(txn)->inner->store->backend->drop(
                                 txn_of(txn)->inner, pz__pseudonym_text(&name), number, err)
                           : status;
}

/* ---- all records ---- */

typedef struct record_visit {
    const pz__sealed *s;
    pz__iterate_fn fn;
    void *payload;
    pz__buf plain;
    pz_str after; /* a pseudonym: what does not stand behind it is passed over */
    pz_error *err;
} record_visit;

static pz_status visit_record(void *payload, pz_str name, const void *from, size_t len)
{
    record_visit *v = payload;
    pz__pseudonym hidden;
    pz_str key, content;
    if (name.len != sizeof hidden.bytes)
        return pz__fail(v->err, PZ_ERR_CORRUPT, "a sealed store holds a record that is not sealed");
    if (v->after.len && pz__str_compare(name, v->after) <= 0)
        return PZ_OK;
    memcpy(hidden.bytes, name.data, name.len);
    const pz_status status =
        open_record(v->s, &hidden, (pz_str){from, len}, &v->plain, &key, &content, v->err);
    if (status == PZ_ERR_CORRUPT)
        return v->fn(v->payload, name, NULL, 0);
    return status == PZ_OK ? v->fn(v->payload, key, content.data, content.len) : status;
}

static pz_status sealed_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    record_visit v = {.s = s, .fn = fn, .payload = payload, .err = err};
    pz_status status = pz__sealed_know(s, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&v.plain, &store->alloc, PZ__SEALED_MAX);
    status = s->inner->backend->iterate(s->inner, visit_record, &v, err);
    pz__buf_clear(&v.plain);
    return status;
}

/* Behind the pseudonym of a key, where the iteration that stopped there would have gone on. */
static pz_status sealed_iterate_after(pz__store *store, pz_str after, pz__iterate_fn fn,
                                      void *payload, pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    record_visit v = {.s = s, .fn = fn, .payload = payload, .err = err};
    pz__pseudonym hidden;
    pz_status status = pz__sealed_know(s, err);
    if (status == PZ_OK)
        status = pz__hide_name(s, 'k', after, &hidden, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&v.plain, &store->alloc, PZ__SEALED_MAX);
    v.after = pz__pseudonym_text(&hidden);
    const pz__backend *inner = s->inner->backend;
    status = inner->iterate_after ? inner->iterate_after(s->inner, v.after, visit_record, &v, err)
                                  : inner->iterate(s->inner, visit_record, &v, err);
    pz__buf_clear(&v.plain);
    return status;
}

static pz_status sealed_stat(pz__store *store, pz__store_stat *out, pz_error *err)
{
    return pz__store_stat_read(sealed_of(store)->inner, out, err);
}

static pz_status sealed_check(pz__store *store, pz_error *err)
{
    return pz__store_check(sealed_of(store)->inner, err);
}

static pz_status sealed_shrink(pz__store *store, pz_error *err)
{
    return pz__store_shrink(sealed_of(store)->inner, err);
}

static pz_status sealed_count(pz__store *store, uint64_t *out, pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    const pz_status status = pz__sealed_know(s, err);
    return status == PZ_OK ? s->inner->backend->count(s->inner, out, err) : status;
}

static pz_status sealed_snapshot(pz__store *store, const char *path, pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    const pz_status status = pz__sealed_know(s, err);
    return status == PZ_OK ? s->inner->backend->snapshot(s->inner, path, err) : status;
}

/* ---- transactions ---- */

static void txn_free(sealed_txn *txn)
{
    pz__buf_clear(&txn->opened);
    pz__mem_free(&txn->base.store->alloc, txn, 1, sizeof *txn);
}

static pz_status sealed_begin(pz__store *store, pz__durability durability, pz__store_txn **out,
                              pz_error *err)
{
    pz__sealed *s = sealed_of(store);
    sealed_txn *txn = pz__mem_zero(&store->alloc, 1, sizeof *txn);
    if (!txn)
        return pz__sealed_no_memory(err);
    txn->base.store = store;
    pz__buf_init(&txn->opened, &store->alloc, PZ__SEALED_MAX);
    pz_status status = s->inner->backend->begin(s->inner, durability, &txn->inner, err);
    if (status == PZ_OK) {
        status = pz__sealed_know_in(s, txn->inner, &txn->marks, err);
        if (status != PZ_OK)
            s->inner->backend->abort(txn->inner);
    }
    if (status != PZ_OK) {
        txn_free(txn);
        return status;
    }
    *out = &txn->base;
    return PZ_OK;
}

static void sealed_abort(pz__store_txn *txn)
{
    pz__store *inner = store_of(txn)->inner;
    inner->backend->abort(txn_of(txn)->inner);
    txn_free(txn_of(txn));
}

static pz_status sealed_commit(pz__store_txn *txn, pz_error *err)
{
    pz__sealed *s = store_of(txn);
    const pz_status status = s->inner->backend->commit(txn_of(txn)->inner, err);
    if (status == PZ_OK && txn_of(txn)->marks)
        atomic_store_explicit(&s->is_known, true, memory_order_release);
    txn_free(txn_of(txn));
    return status;
}

typedef struct sealed_part {
    sealed_txn txn;
    pz__share_fn fn;
    void *payload;
} sealed_part;

static pz_status run_part(void *payload, pz__store_txn *inner)
{
    sealed_part *part = payload;
    sealed_txn *txn = &part->txn;
    txn->inner = inner;
    pz__buf_init(&txn->opened, &txn->base.store->alloc, PZ__SEALED_MAX);
    const pz_status status = part->fn(part->payload, &txn->base);
    inner->wrote = txn->base.wrote;
    pz__buf_clear(&txn->opened);
    return status;
}

static pz_status share_known(pz__sealed *s, pz__share_fn fn, void *payload, pz_error *err)
{
    sealed_part part = {.txn = {.base = {.store = &s->base}}, .fn = fn, .payload = payload};
    return s->inner->backend->share(s->inner, run_part, &part, err);
}

/* Until the mark is known to be there a transaction leads: whether a store has nothing in it, and
 * whether its mark will last, is not to be told among what others have not committed. */
static pz_status sealed_share(pz__store *store, pz__share_fn fn, void *payload, pz_error *err)
{
    pz__store_txn *txn;
    pz__sealed *s = sealed_of(store);
    if (atomic_load_explicit(&s->is_known, memory_order_acquire))
        return share_known(s, fn, payload, err);
    pz_status status = sealed_begin(store, PZ__GROUPED, &txn, err);
    if (status != PZ_OK)
        return status;
    status = fn(payload, txn);
    if (status == PZ_OK && txn->wrote)
        return sealed_commit(txn, err);
    sealed_abort(txn);
    return status;
}

static pz_status sealed_peek(pz__store_txn *base, pz_str key, const void **out, size_t *len,
                             pz_error *err)
{
    sealed_txn *txn = txn_of(base);
    pz__sealed *s = store_of(base);
    pz__pseudonym name;
    pz_str found_key, content;
    const void *from;
    size_t from_len;
    *out = NULL;
    *len = 0;
    pz_status status = pz__hide_name(s, 'k', key, &name, err);
    if (status == PZ_OK)
        status =
            s->inner->backend->peek(txn->inner, pz__pseudonym_text(&name), &from, &from_len, err);
    if (status != PZ_OK || !from)
        return status;
    status =
        open_record(s, &name, (pz_str){from, from_len}, &txn->opened, &found_key, &content, err);
    if (status == PZ_OK) {
        *out = content.data;
        *len = content.len;
    }
    return status;
}

static pz_status sealed_put(pz__store_txn *txn, pz_str key, const void *content, size_t len,
                            pz_error *err)
{
    pz__sealed *s = store_of(txn);
    pz__pseudonym name;
    pz__buf plain, made;
    pz_status status = pz__hide_name(s, 'k', key, &name, err);
    if (status != PZ_OK)
        return status;
    const pz__bytes about = record_name(&name);
    pz__buf_init(&plain, &s->base.alloc, PZ__PLAIN_MAX);
    pz__buf_init(&made, &s->base.alloc, PZ__SEALED_MAX);
    pz__buf_varint(&plain, key.len);
    pz__buf_put(&plain, key.data, key.len);
    pz__buf_put(&plain, content, len);
    status = plain.status == PZ_OK
                 ? pz__seal(s, pz__bytes_text(&about), (pz_str){plain.data, plain.len}, &made, err)
                 : pz__sealed_no_memory(err);
    if (status == PZ_OK)
        status = s->inner->backend->put(txn_of(txn)->inner, pz__pseudonym_text(&name), made.data,
                                        made.len, err);
    pz__buf_clear(&made);
    pz__buf_clear(&plain);
    return status;
}

static pz_status sealed_remove(pz__store_txn *txn, pz_str key, pz_error *err)
{
    pz__sealed *s = store_of(txn);
    pz__pseudonym name;
    const pz_status status = pz__hide_name(s, 'k', key, &name, err);
    return status == PZ_OK
               ? s->inner->backend->remove(txn_of(txn)->inner, pz__pseudonym_text(&name), err)
               : status;
}

static void sealed_close(pz__store *store)
{
    const pz_alloc alloc = store->alloc;
    pz__store_close(sealed_of(store)->inner);
    pz__mem_free(&alloc, store, 1, sizeof(pz__sealed));
}

static const pz__backend sealed_backend = {
    .close = sealed_close,
    .writer = sealed_writer,
    .get = sealed_get,
    .lookup = sealed_lookup,
    .iterate = sealed_iterate,
    .iterate_after = sealed_iterate_after,
    .stat = sealed_stat,
    .check = sealed_check,
    .read_stream = sealed_read_stream,
    .entry = sealed_entry,
    .count = sealed_count,
    .snapshot = sealed_snapshot,
    .begin = sealed_begin,
    .peek = sealed_peek,
    .txn_lookup = sealed_txn_lookup,
    .last = sealed_last,
    .put = sealed_put,
    .remove = sealed_remove,
    .index = sealed_index,
    .append = sealed_append,
    .drop = sealed_drop,
    .commit = sealed_commit,
    .abort = sealed_abort,
};

pz_status pz__store_seal(pz__store **store, const pz_store_hooks *hooks, pz_error *err)
{
    pz__store *inner = *store;
    pz_store_hooks known = {PZ_STORE_HOOKS};
    const bool is_whole = pz__take_sized(&known, sizeof known, hooks) && known.seal && known.open &&
                          known.pseudonym && known.overhead <= PZ_HOOKS_OVERHEAD_MAX;
    pz__sealed *s = is_whole ? pz__mem_zero(&inner->alloc, 1, sizeof *s) : NULL;
    if (!s) {
        pz__store_close(inner);
        *store = NULL;
        return is_whole ? pz__sealed_no_memory(err)
                        : pz__fail(err, PZ_ERR_ARG,
                                   "hooks begin with PZ_STORE_HOOKS, have all three functions and "
                                   "add at most %u bytes",
                                   PZ_HOOKS_OVERHEAD_MAX);
    }
    s->own = sealed_backend;
    s->own.scheme = inner->backend->scheme;
    s->own.shrink = inner->backend->shrink ? sealed_shrink : NULL;
    s->own.share = inner->backend->share ? sealed_share : NULL;
    s->base.backend = &s->own;
    s->base.alloc = inner->alloc;
    s->base.read_only = inner->read_only;
    s->base.can_seek = inner->can_seek;
    s->base.durability = inner->durability;
    s->base.update_tries = inner->backend->update_tries;
    s->base.plain_max = inner->plain_max;
    s->inner = inner;
    s->hooks = known;
    s->base.hooks = &s->hooks;
    atomic_store(&s->base.checked, PZ__STORE_CHECKED);
    *store = &s->base;
    return PZ_OK;
}
