/*
 * memory.c: the store in memory, private to its handle.
 *
 * What is committed is one version: three trees that never change (tree.h) and a count.
 *
 *     records   key                                        -> bytes
 *     index     identifier length (2), identifier, key     -> nothing
 *     streams   name length (1), name, number (8)          -> bytes
 *               and under the number 0, once the newest entry was dropped, its number (8)
 *
 * Lengths and numbers are big-endian, so that one identifier's keys and one stream's entries stand
 * together and in order. A reader takes a reference to the version of the moment, the one thing
 * done under the mutex `looking`, and then reads for as long as it likes. A transaction holds the
 * mutex `writing`, works on a version of its own and, when it commits, puts that one in place of
 * the committed one; aborting forgets it. So a commit cannot fail and cannot be half seen.
 *
 * After a fork the child has a copy of all that was committed then. Nothing is shared, and nothing
 * here is durable.
 */
#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "store/backend.h"
#include "store/lock.h"
#include "store/tree.h"

#define STREAM_KEY_MAX (1u + PZ__STORE_KEY_MAX + 8u)
#define INDEX_KEY_MAX (2u + PZ__STORE_IDENTIFIER_MAX + PZ__STORE_KEY_MAX)

typedef struct version {
    atomic_size_t refs;
    pz__tree *records;
    pz__tree *index;
    pz__tree *streams;
    uint64_t record_count;
} version;

typedef struct memory {
    pz__store base;
    pz_alloc alloc;
    uint8_t writer[16];
    pz__fork_lock looking; /* guards `committed` */
    version *committed;
    pz__fork_lock writing;    /* held by the open transaction */
    _Atomic(pthread_t) owner; /* the thread that holds it, while `owned` */
    _Atomic(pid_t) owned;     /* the process it holds it in; 0 for nobody */
} memory;

typedef struct memory_txn {
    pz__store_txn base;
    pid_t process;
    version *next; /* the transaction's own */
} memory_txn;

static memory *memory_of(pz__store *store)
{
    return (memory *)store;
}

static memory_txn *txn_of(pz__store_txn *txn)
{
    return (memory_txn *)txn;
}

static const pz_alloc *alloc_of(const memory_txn *txn)
{
    return &((const memory *)txn->base.store)->alloc;
}

static pz_status no_memory(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "out of memory in the memory store");
}

/* ---- composed keys ---- */

static size_t put_be(char *to, uint64_t n, unsigned bytes)
{
    for (unsigned i = 0; i < bytes; i++)
        to[i] = (char)(n >> (8 * (bytes - 1 - i)));
    return bytes;
}

static uint64_t get_be64(const char *from)
{
    uint64_t n = 0;
    for (unsigned i = 0; i < 8; i++)
        n = n << 8 | (uint8_t)from[i];
    return n;
}

static pz_str index_key(char room[INDEX_KEY_MAX], pz_str identifier, pz_str key)
{
    size_t len = put_be(room, identifier.len, 2);
    memcpy(room + len, identifier.data, identifier.len);
    len += identifier.len;
    if (key.len)
        memcpy(room + len, key.data, key.len);
    return (pz_str){room, len + key.len};
}

static pz_str stream_key(char room[STREAM_KEY_MAX], pz_str stream, uint64_t number)
{
    size_t len = put_be(room, stream.len, 1);
    memcpy(room + len, stream.data, stream.len);
    len += stream.len;
    return (pz_str){room, len + put_be(room + len, number, 8)};
}

static bool begins_with(pz_str text, pz_str prefix)
{
    return text.len >= prefix.len && memcmp(text.data, prefix.data, prefix.len) == 0;
}

/* ---- versions ---- */

static version *version_ref(memory *m)
{
    pz__fork_lock_take(&m->looking);
    version *v = m->committed;
    atomic_fetch_add(&v->refs, 1);
    pz__fork_lock_give(&m->looking);
    return v;
}

static void version_unref(memory *m, version *v)
{
    if (!v || atomic_fetch_sub(&v->refs, 1) != 1)
        return;
    pz__tree_unref(v->records, &m->alloc);
    pz__tree_unref(v->index, &m->alloc);
    pz__tree_unref(v->streams, &m->alloc);
    pz__mem_free(&m->alloc, v, 1, sizeof *v);
}

/* A version of one's own that begins like `v`, or empty. */
static version *version_new(memory *m, const version *v)
{
    version *made = pz__mem_zero(&m->alloc, 1, sizeof *made);
    if (!made)
        return NULL;
    atomic_init(&made->refs, 1);
    if (!v)
        return made;
    made->records = pz__tree_ref(v->records);
    made->index = pz__tree_ref(v->index);
    made->streams = pz__tree_ref(v->streams);
    made->record_count = v->record_count;
    return made;
}

/* ---- the handle ---- */

static pz_status memory_open(pz__store **out, pz_str where, const pz__store_options *options,
                             pz_error *err)
{
    if (where.len)
        return pz__fail(err, PZ_ERR_ARG, "\"memory:\" takes nothing after the colon, not \"%.*s\"",
                        PZ__STR_ARG(where));
    memory *m = pz__mem_zero(&options->alloc, 1, sizeof *m);
    if (!m)
        return no_memory(err);
    m->alloc = options->alloc;
    m->committed = version_new(m, NULL);
    if (!m->committed) {
        pz__mem_free(&options->alloc, m, 1, sizeof *m);
        return no_memory(err);
    }
    pz__uuid_new(m->writer);
    *out = &m->base;
    return PZ_OK;
}

static void memory_close(pz__store *store)
{
    memory *m = memory_of(store);
    pz_alloc alloc = m->alloc;
    version_unref(m, m->committed);
    pz__mem_free(&alloc, m, 1, sizeof *m);
}

static pz_status memory_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    (void)err;
    memcpy(out, memory_of(store)->writer, 16);
    return PZ_OK;
}

/* ---- reading ---- */

static pz_status memory_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    memory *m = memory_of(store);
    version *v = version_ref(m);
    const pz__leaf *leaf = pz__tree_get(v->records, key);
    if (leaf)
        pz__buf_put(out, pz__leaf_bytes(leaf), leaf->len);
    version_unref(m, v);
    if (!leaf)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the store has no record under this key");
    return pz__filled(out, err);
}

typedef struct found {
    pz_str prefix;
    pz__buf *keys;
    size_t count;
} found;

/* Any status but PZ_OK ends a walk; this one says that it ended where it should. */
#define WALK_DONE PZ_ERR_NOT_FOUND

static pz_status add_found(void *payload, const pz__leaf *leaf)
{
    found *f = payload;
    pz_str key = pz__leaf_key(leaf);
    if (!begins_with(key, f->prefix))
        return WALK_DONE;
    pz__put_found(f->keys, key.data + f->prefix.len, key.len - f->prefix.len);
    f->count++;
    return PZ_OK;
}

static pz_status find_keys(const version *v, pz_str identifier, pz__buf *keys, size_t *count,
                           pz_error *err)
{
    char room[INDEX_KEY_MAX];
    found f = {index_key(room, identifier, (pz_str){NULL, 0}), keys, 0};
    pz__tree_walk(v->index, f.prefix, add_found, &f);
    *count = f.count;
    return pz__filled(keys, err);
}

static pz_status memory_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                               pz_error *err)
{
    version *v = version_ref(memory_of(store));
    pz_status status = find_keys(v, identifier, keys, count, err);
    version_unref(memory_of(store), v);
    return status;
}

typedef struct record_visit {
    pz__iterate_fn fn;
    void *payload;
} record_visit;

static pz_status visit_record(void *payload, const pz__leaf *leaf)
{
    record_visit *visit = payload;
    return visit->fn(visit->payload, pz__leaf_key(leaf), pz__leaf_bytes(leaf), leaf->len);
}

static pz_status memory_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    (void)err;
    version *v = version_ref(memory_of(store));
    pz_status status =
        pz__tree_walk(v->records, (pz_str){NULL, 0}, visit_record, &(record_visit){fn, payload});
    version_unref(memory_of(store), v);
    return status;
}

static pz_status memory_iterate_after(pz__store *store, pz_str after, pz__iterate_fn fn,
                                      void *payload, pz_error *err)
{
    (void)err;
    /* The least key behind `after` is `after` and an octet 0. */
    char room[PZ__STORE_KEY_MAX + 1];
    memcpy(room, after.data, after.len);
    room[after.len] = '\0';
    version *v = version_ref(memory_of(store));
    pz_status status = pz__tree_walk(v->records, (pz_str){room, after.len + 1}, visit_record,
                                     &(record_visit){fn, payload});
    version_unref(memory_of(store), v);
    return status;
}

typedef struct index_visit {
    pz__index_fn fn;
    void *payload;
} index_visit;

static pz_status visit_index(void *payload, const pz__leaf *leaf)
{
    const index_visit *visit = payload;
    const pz_str both = pz__leaf_key(leaf);
    const size_t len = (size_t)(uint8_t)both.data[0] << 8 | (uint8_t)both.data[1];
    return visit->fn(visit->payload, (pz_str){both.data + 2, len},
                     (pz_str){both.data + 2 + len, both.len - 2 - len});
}

static pz_status memory_each_index(pz__store *store, pz__index_fn fn, void *payload, pz_error *err)
{
    (void)err;
    version *v = version_ref(memory_of(store));
    pz_status status =
        pz__tree_walk(v->index, (pz_str){NULL, 0}, visit_index, &(index_visit){fn, payload});
    version_unref(memory_of(store), v);
    return status;
}

/* From one stream to the next by what stands behind the greatest number of its entries. */
static pz_status memory_each_stream(pz__store *store, pz__each_stream_fn fn, void *payload,
                                    pz_error *err)
{
    (void)err;
    char room[STREAM_KEY_MAX];
    pz_status status = PZ_OK;
    version *v = version_ref(memory_of(store));
    const pz__leaf *leaf = pz__tree_at_or_after(v->streams, (pz_str){NULL, 0});
    while (leaf && status == PZ_OK) {
        const pz_str key = pz__leaf_key(leaf), name = {key.data + 1, key.len - 9};
        status = fn(payload, name);
        leaf = pz__tree_at_or_after(v->streams, stream_key(room, name, UINT64_MAX));
    }
    version_unref(memory_of(store), v);
    return status;
}

typedef struct entry_visit {
    pz__stream_fn fn;
    void *payload;
    pz_str prefix;
    pz_status status; /* the function's own, apart from WALK_DONE */
} entry_visit;

static pz_status visit_entry(void *payload, const pz__leaf *leaf)
{
    entry_visit *visit = payload;
    pz_str key = pz__leaf_key(leaf);
    if (!begins_with(key, visit->prefix))
        return WALK_DONE;
    uint64_t number = get_be64(key.data + visit->prefix.len);
    visit->status = visit->fn(visit->payload, number, pz__leaf_bytes(leaf), leaf->len);
    return visit->status;
}

static pz_status memory_read_stream(pz__store *store, pz_str stream, uint64_t from,
                                    pz__stream_fn fn, void *payload, pz_error *err)
{
    (void)err;
    char room[STREAM_KEY_MAX];
    pz_str key = stream_key(room, stream, from ? from : 1);
    entry_visit visit = {fn, payload, {key.data, key.len - 8}, PZ_OK};
    version *v = version_ref(memory_of(store));
    pz__tree_walk(v->streams, key, visit_entry, &visit);
    version_unref(memory_of(store), v);
    return visit.status;
}

static pz_status memory_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                              pz_error *err)
{
    char room[STREAM_KEY_MAX];
    version *v = version_ref(memory_of(store));
    const pz__leaf *leaf =
        number ? pz__tree_get(v->streams, stream_key(room, stream, number)) : NULL;
    if (leaf)
        pz__buf_put(out, pz__leaf_bytes(leaf), leaf->len);
    version_unref(memory_of(store), v);
    if (!leaf)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the stream has no entry of this number");
    return pz__filled(out, err);
}

static pz_status memory_count(pz__store *store, uint64_t *out, pz_error *err)
{
    (void)err;
    version *v = version_ref(memory_of(store));
    *out = v->record_count;
    version_unref(memory_of(store), v);
    return PZ_OK;
}

static pz_status memory_snapshot(pz__store *store, const char *path, pz_error *err)
{
    (void)store;
    return pz__fail(err, PZ_ERR_UNSUPPORTED,
                    "a memory store cannot be copied to \"%s\": open an \"lmdb:\" store", path);
}

/* ---- transactions ---- */

static pz_status memory_begin(pz__store *store, pz__durability durability, pz__store_txn **out,
                              pz_error *err)
{
    memory *m = memory_of(store);
    pid_t self = pz__process();
    (void)durability;
    if (atomic_load(&m->owned) == self && pthread_equal(atomic_load(&m->owner), pthread_self()))
        return pz__fail(err, PZ_ERR_STATE, "this thread has a transaction open on the store");
    memory_txn *txn = pz__mem_zero(&m->alloc, 1, sizeof *txn);
    if (!txn)
        return no_memory(err);
    pz__fork_lock_take(&m->writing);
    txn->next = version_new(m, m->committed);
    if (!txn->next) {
        pz__fork_lock_give(&m->writing);
        pz__mem_free(&m->alloc, txn, 1, sizeof *txn);
        return no_memory(err);
    }
    atomic_store(&m->owner, pthread_self());
    atomic_store(&m->owned, self);
    txn->base.store = store;
    txn->process = self;
    *out = &txn->base;
    return PZ_OK;
}

/* Let the next writer in, unless this is a copy of the transaction in a forked child. */
static void end(memory_txn *txn)
{
    memory *m = memory_of(txn->base.store);
    if (txn->process == pz__process()) {
        atomic_store(&m->owned, 0);
        pz__fork_lock_give(&m->writing);
    }
    pz__mem_free(&m->alloc, txn, 1, sizeof *txn);
}

static void memory_abort(pz__store_txn *base)
{
    memory_txn *txn = txn_of(base);
    version_unref(memory_of(base->store), txn->next);
    end(txn);
}

static pz_status memory_commit(pz__store_txn *base, pz_error *err)
{
    memory_txn *txn = txn_of(base);
    memory *m = memory_of(base->store);
    if (txn->process != pz__process()) {
        memory_abort(base);
        return pz__fail(err, PZ_ERR_STATE, "the transaction belongs to the process that began it");
    }
    pz__fork_lock_take(&m->looking);
    version *old = m->committed;
    m->committed = txn->next;
    pz__fork_lock_give(&m->looking);
    version_unref(m, old);
    end(txn);
    return PZ_OK;
}

static pz_status memory_peek(pz__store_txn *base, pz_str key, const void **bytes, size_t *len,
                             pz_error *err)
{
    (void)err;
    const pz__leaf *leaf = pz__tree_get(txn_of(base)->next->records, key);
    *bytes = leaf ? pz__leaf_bytes(leaf) : NULL;
    *len = leaf ? leaf->len : 0;
    return PZ_OK;
}

static pz_status memory_txn_lookup(pz__store_txn *base, pz_str identifier, pz__buf *keys,
                                   size_t *count, pz_error *err)
{
    return find_keys(txn_of(base)->next, identifier, keys, count, err);
}

/* Take the leaf, if it is one under the prefix, and go no further. */
static pz_status take_first(void *payload, const pz__leaf *leaf)
{
    found *f = payload;
    const pz_str key = pz__leaf_key(leaf);
    if (begins_with(key, f->prefix))
        pz__buf_put(f->keys, key.data + f->count, key.len - f->count);
    return WALK_DONE;
}

static pz_status memory_first_key(pz__store_txn *base, pz_str identifier, pz_str prefix,
                                  pz__buf *key, pz_error *err)
{
    char room[INDEX_KEY_MAX];
    found f = {index_key(room, identifier, prefix), key, 2 + identifier.len};
    pz__tree_walk(txn_of(base)->next->index, f.prefix, take_first, &f);
    return pz__filled(key, err);
}

static pz_status memory_last(pz__store_txn *base, pz_str stream, uint64_t *number, pz_error *err)
{
    (void)err;
    char room[STREAM_KEY_MAX];
    pz_str beyond = stream_key(room, stream, UINT64_MAX);
    const pz__leaf *leaf = pz__tree_before(txn_of(base)->next->streams, beyond);
    pz_str key = leaf ? pz__leaf_key(leaf) : (pz_str){NULL, 0};
    bool own = leaf && begins_with(key, (pz_str){beyond.data, beyond.len - 8});
    *number = own ? get_be64(key.data + key.len - 8) : 0;
    leaf = pz__tree_get(txn_of(base)->next->streams, stream_key(room, stream, 0));
    const uint64_t dropped = leaf && leaf->len == 8 ? get_be64(pz__leaf_bytes(leaf)) : 0;
    *number = dropped > *number ? dropped : *number;
    return PZ_OK;
}

/* Put a changed tree in place of the one it was made from. */
static void replace(memory_txn *txn, pz__tree **place, pz__tree *changed)
{
    pz__tree_unref(*place, alloc_of(txn));
    *place = changed;
}

static pz_status put_into(memory_txn *txn, pz__tree **place, pz_str key, const void *bytes,
                          size_t len, pz_error *err)
{
    pz__tree *changed;
    if (pz__tree_put(&changed, *place, alloc_of(txn), key, bytes, len) != PZ_OK)
        return no_memory(err);
    replace(txn, place, changed);
    return PZ_OK;
}

/* Absent is as good as removed; *was tells. */
static pz_status remove_from(memory_txn *txn, pz__tree **place, pz_str key, bool *was,
                             pz_error *err)
{
    pz__tree *changed;
    pz_status status = pz__tree_remove(&changed, *place, alloc_of(txn), key);
    *was = status == PZ_OK;
    if (status == PZ_ERR_NOT_FOUND)
        return PZ_OK;
    if (status != PZ_OK)
        return no_memory(err);
    replace(txn, place, changed);
    return PZ_OK;
}

static pz_status memory_put(pz__store_txn *base, pz_str key, const void *bytes, size_t len,
                            pz_error *err)
{
    version *v = txn_of(base)->next;
    bool was = pz__tree_get(v->records, key) != NULL;
    pz_status status = put_into(txn_of(base), &v->records, key, bytes, len, err);
    if (status == PZ_OK && !was)
        v->record_count++;
    return status;
}

static pz_status memory_remove(pz__store_txn *base, pz_str key, pz_error *err)
{
    version *v = txn_of(base)->next;
    bool was;
    pz_status status = remove_from(txn_of(base), &v->records, key, &was, err);
    if (was)
        v->record_count--;
    return status;
}

static pz_status memory_index(pz__store_txn *base, pz_str identifier, pz_str key, bool present,
                              pz_error *err)
{
    char room[INDEX_KEY_MAX];
    bool was;
    pz_str composed = index_key(room, identifier, key);
    pz__tree **place = &txn_of(base)->next->index;
    if (present)
        return put_into(txn_of(base), place, composed, NULL, 0, err);
    return remove_from(txn_of(base), place, composed, &was, err);
}

static pz_status memory_append(pz__store_txn *base, pz_str stream, uint64_t number,
                               const void *bytes, size_t len, pz_error *err)
{
    char room[STREAM_KEY_MAX];
    pz_str composed = stream_key(room, stream, number);
    return put_into(txn_of(base), &txn_of(base)->next->streams, composed, bytes, len, err);
}

static pz_status memory_drop(pz__store_txn *base, pz_str stream, uint64_t number, pz_error *err)
{
    char room[STREAM_KEY_MAX], bytes[8];
    pz__tree **place = &txn_of(base)->next->streams;
    uint64_t last;
    bool was;
    pz_status status = memory_last(base, stream, &last, err);
    if (status == PZ_OK)
        status = remove_from(txn_of(base), place, stream_key(room, stream, number), &was, err);
    if (status != PZ_OK || !was || number != last)
        return status;
    put_be(bytes, last, 8);
    return put_into(txn_of(base), place, stream_key(room, stream, 0), bytes, sizeof bytes, err);
}

const pz__backend pz__memory_backend = {
    .scheme = "memory",
    .example = "memory:",
    .plain_max = PZ__PLAIN_MAX_MAPPED,
    .open = memory_open,
    .close = memory_close,
    .writer = memory_writer,
    .get = memory_get,
    .lookup = memory_lookup,
    .iterate = memory_iterate,
    .iterate_after = memory_iterate_after,
    .each_index = memory_each_index,
    .each_stream = memory_each_stream,
    .read_stream = memory_read_stream,
    .entry = memory_entry,
    .count = memory_count,
    .snapshot = memory_snapshot,
    .begin = memory_begin,
    .peek = memory_peek,
    .txn_lookup = memory_txn_lookup,
    .first_key = memory_first_key,
    .last = memory_last,
    .put = memory_put,
    .remove = memory_remove,
    .index = memory_index,
    .append = memory_append,
    .drop = memory_drop,
    .commit = memory_commit,
    .abort = memory_abort,
};
