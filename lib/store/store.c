/*
 * store.c: addresses, and everything about the contract that is the same for every backend.
 *
 * An address is "scheme:where"; the table below lists the backends of this build, and a module that
 * the caller hands in adds one (Redis: redis.c and its files, a library of their own). The public
 * calls check limits and state and pass on through the backend's table.
 *
 * An update's function runs while nothing is being written: its calls of index and append are noted
 * in `pending` and carried out after it has returned PZ_OK, together with the record. So a function
 * that fails leaves no trace even inside a longer transaction, which goes on as if it had not been
 * called; and the bytes it was lent cannot move under it. One note is
 *
 *     kind (1)  number (8, appends)  name length (varint)  name  bytes length (varint)  bytes
 *
 * where name and bytes are identifier and key, or stream and entry. The number of an entry is known
 * when it is noted: the newest in the stream, plus those noted for it already.
 *
 * A backend that fails inside a transaction dooms it: every later call on it gives the same status,
 * and commit aborts. PZ_ERR_BUSY from it (the map of an LMDB store had to grow) makes
 * what runs a function start over, a bounded number of times.
 *
 * A sealed store (sealed.c) bears a mark. A handle that was opened without hooks looks for it when
 * it first reads and when it first writes, and refuses; files and servers are asked no earlier.
 *
 * Not here: hooks (sealed.c), memory (memory.c, tree.c), files (lmdb.c, lmdb_env.c, lmdb_write.c,
 * env_table.c, slots.c, files.c).
 */
#include "store/store.h"

#include "base/error.h"
#include "store/backend.h"

/* An LMDB map doubles each time, so this is growth by 2^16: more would not be for want of room. */
#define UPDATE_TRIES 16u

enum { NOTE_INDEX, NOTE_UNINDEX, NOTE_APPEND };

typedef struct note {
    uint8_t kind;
    uint64_t number;
    pz_str name;
    pz_str bytes;
} note;

static const pz__backend *const backends[] = {
    &pz__memory_backend,
#ifdef PZ_WITH_LMDB
    &pz__lmdb_backend,
#endif
};

/* Backends that exist but are not here: left out of this build, or in a library of their own. */
static const struct {
    const char *scheme;
    const char *remedy;
} optional[] = {
    {"lmdb", "configure this build with -DPZ_WITH_LMDB=ON"},
    {"redis", "link libpersonalize-redis and give pz_redis_module() to pz_engine_open()"},
    {"rediss", "TLS is not spoken; put a tunnel in front of the server and name that by redis:"},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

/* ---- what may go in ---- */

static pz_status check_name(pz_str name, size_t most, const char *what, pz_error *err)
{
    if (name.len == 0 || !name.data)
        return pz__fail(err, PZ_ERR_ARG, "%s of the store cannot be empty", what);
    if (name.len > most)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "%s of %zu bytes is longer than the store's limit of %zu", what, name.len,
                        most);
    return PZ_OK;
}

static pz_status check_key(pz_str key, pz_error *err)
{
    return check_name(key, PZ__STORE_KEY_MAX, "a key", err);
}

static pz_status check_identifier(pz_str identifier, pz_error *err)
{
    return check_name(identifier, PZ__STORE_IDENTIFIER_MAX, "an identifier", err);
}

static pz_status check_stream(pz_str stream, pz_error *err)
{
    return check_name(stream, PZ__STORE_KEY_MAX, "a stream's name", err);
}

static pz_status check_record(size_t len, pz_error *err)
{
    if (len > PZ__STORE_RECORD_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "a record of %zu bytes is longer than the store's limit "
                        "of %u",
                        len, PZ__STORE_RECORD_MAX);
    return PZ_OK;
}

/* Calls that an update's function may not make, and calls on a transaction that has failed. */
static pz_status check_txn(const pz__store_txn *txn, pz_error *err)
{
    if (txn->failed != PZ_OK)
        return pz__fail(err, txn->failed, "a write of this transaction has failed (%s): abort it",
                        pz_status_text(txn->failed));
    if (txn->in_update)
        return pz__fail(err, PZ_ERR_STATE,
                        "the function of an update may call index and append only");
    return PZ_OK;
}

/* ---- opening and closing ---- */

static pz_status unknown_address(const char *address, size_t scheme_len, pz_error *err)
{
    pz_str scheme = {address, scheme_len};
    for (size_t i = 0; i < COUNT(optional); i++)
        if (pz__str_equal(scheme, pz_str_of(optional[i].scheme)))
            return pz__fail(err, PZ_ERR_UNSUPPORTED, "there is no \"%s:\" store here: %s",
                            optional[i].scheme, optional[i].remedy);
    char list[128];
    size_t used = 0;
    for (size_t i = 0; i < COUNT(backends); i++) {
        size_t len = strlen(backends[i]->example);
        if (used + len + 3 > sizeof list)
            break;
        memcpy(list + used, i ? ", " : "", i ? 2 : 0);
        used += i ? 2 : 0;
        memcpy(list + used, backends[i]->example, len);
        used += len;
    }
    /* What looks like an address of another kind may hold a password. */
    const bool is_plain = !strchr(address, '@');
    return pz__fail(err, PZ_ERR_ARG,
                    "\"%.*s\" is not the address of a store; this build knows %.*s",
                    (int)(is_plain ? strlen(address) : scheme_len), address, (int)used, list);
}

pz_status pz__store_open_with(pz__store **out, const pz__backend *backend, pz_str where,
                              const pz__store_options *options, pz_error *err)
{
    pz__store_options used = options ? *options : (pz__store_options){0};
    used.alloc = pz__alloc_or_default(&used.alloc);
    if (used.durability == PZ__AS_OPENED)
        used.durability = PZ__DURABLE;
    *out = NULL;
    pz_status status = backend->open(out, where, &used, err);
    if (status != PZ_OK)
        return status;
    (*out)->backend = backend;
    (*out)->alloc = used.alloc;
    (*out)->durability = used.durability;
    (*out)->read_only = used.read_only;
    (*out)->can_seek = backend->iterate_after != NULL;
    (*out)->update_tries = backend->update_tries;
    (*out)->plain_max = backend->plain_max;
    return PZ_OK;
}

/* The same, and with hooks sealed. */
static pz_status open_and_seal(pz__store **out, const pz__backend *backend, pz_str where,
                               const pz__store_options *options, pz_error *err)
{
    const pz_status status = pz__store_open_with(out, backend, where, options, err);
    if (status != PZ_OK || !options || !options->hooks)
        return status;
    return pz__store_seal(out, options->hooks, err);
}

pz_status pz__store_open(pz__store **out, const char *address, const pz__store_options *options,
                         pz_error *err)
{
    if (!out)
        return pz__fail(err, PZ_ERR_ARG, "there is no place to put the store");
    *out = NULL;
    if (!address)
        return pz__fail(err, PZ_ERR_ARG, "a store needs an address");
    const char *colon = strchr(address, ':');
    size_t scheme_len = colon ? (size_t)(colon - address) : strlen(address);
    const pz_str scheme = {address, scheme_len};
    for (size_t i = 0; colon && i < COUNT(backends); i++)
        if (pz__str_equal(scheme, pz_str_of(backends[i]->scheme)))
            return open_and_seal(out, backends[i], pz_str_of(colon + 1), options, err);
    const struct pz_store_module *module = options ? options->module : NULL;
    if (module && module->version != PZ__MODULE_VERSION)
        return pz__fail(err, PZ_ERR_VERSION,
                        "the module of the store and the library are of different versions");
    if (colon && module && pz__str_equal(scheme, pz_str_of(module->backend->scheme)))
        return open_and_seal(out, module->backend, pz_str_of(colon + 1), options, err);
    return unknown_address(address, scheme_len, err);
}

void pz__store_close(pz__store *store)
{
    if (store)
        store->backend->close(store);
}

pz_status pz__store_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    return store->backend->writer(store, out, err);
}

/* ---- marks ---- */

static pz_status refuse_mark(size_t count, pz_error *err)
{
    return count ? pz__fail(err, PZ_ERR_STATE,
                            "the store is sealed: open it with the hooks that it was made with")
                 : PZ_OK;
}

/* Before a store that was opened without hooks is read: it bears no mark. Once is enough. */
static pz_status ready(pz__store *store, pz_error *err)
{
    pz__buf found;
    size_t count = 0;
    if (atomic_load_explicit(&store->checked, memory_order_relaxed) & PZ__STORE_READ)
        return PZ_OK;
    pz__buf_init(&found, &store->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = store->backend->lookup(store, PZ__STORE_MARK, &found, &count, err);
    pz__buf_clear(&found);
    if (status == PZ_OK)
        status = refuse_mark(count, err);
    if (status == PZ_OK)
        atomic_fetch_or(&store->checked, PZ__STORE_READ);
    return status;
}

/* What a transaction saw holds from when it was committed, with something in it: until then
 * somebody else may be the first there, and may seal it. */
static void note_written(pz__store *store, uint64_t life)
{
    atomic_store(&store->written_in, life);
    atomic_fetch_or(&store->checked, PZ__STORE_CHECKED);
}

/* The same when it is first written to, inside the transaction: nobody seals it meanwhile. Again
 * where it has begun anew, since somebody else may have been the first there. */
static pz_status ready_to_write(pz__store_txn *txn, pz_error *err)
{
    pz__store *store = txn->store;
    pz__buf found;
    size_t count = 0;
    const uint64_t life = atomic_load(&store->life);
    if (atomic_load_explicit(&store->checked, memory_order_relaxed) & PZ__STORE_WRITTEN &&
        atomic_load(&store->written_in) == life)
        return PZ_OK;
    pz__buf_init(&found, &store->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = store->backend->txn_lookup(txn, PZ__STORE_MARK, &found, &count, err);
    pz__buf_clear(&found);
    if (status == PZ_OK)
        status = refuse_mark(count, err);
    txn->has_looked = status == PZ_OK;
    txn->life = life;
    return status;
}

/* ---- reading ---- */

pz_status pz__store_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    pz_status status = check_key(key, err);
    if (status == PZ_OK)
        status = ready(store, err);
    return status == PZ_OK ? store->backend->get(store, key, out, err) : status;
}

pz_status pz__store_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                           pz_error *err)
{
    *count = 0;
    pz_status status = check_identifier(identifier, err);
    if (status == PZ_OK)
        status = ready(store, err);
    return status == PZ_OK ? store->backend->lookup(store, identifier, keys, count, err) : status;
}

static pz_str read_text(pz__cursor *from)
{
    size_t len = (size_t)pz__cursor_varint(from);
    return (pz_str){(const char *)pz__cursor_take(from, len), len};
}

/* For backends that have nothing better. */
static pz_status find_in_steps(pz__store *store, pz_str identifier, pz__buf *out,
                               pz__found_key *key, pz_error *err)
{
    pz__buf keys;
    size_t count = 0;
    pz_error why = PZ_ERROR_INIT;
    pz__buf_init(&keys, &store->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = store->backend->lookup(store, identifier, &keys, &count, &why);
    if (status == PZ_OK && count > 0) {
        pz__cursor from;
        pz__cursor_init(&from, keys.data, keys.len);
        const pz_str first = read_text(&from);
        pz__found_key_set(key, first);
        status = store->backend->get(store, first, out, &why);
    } else if (status == PZ_OK) {
        status = PZ_ERR_NOT_FOUND;
    }
    pz__buf_clear(&keys);
    if (status != PZ_OK && status != PZ_ERR_NOT_FOUND)
        pz__fail(err, status, "%s", why.message);
    return status;
}

void pz__found_key_set(pz__found_key *out, pz_str key)
{
    out->len = key.len <= sizeof out->data ? key.len : 0;
    memcpy(out->data, key.data, out->len);
}

pz_status pz__store_find(pz__store *store, pz_str identifier, pz__buf *out, pz__found_key *key,
                         pz_error *err)
{
    key->len = 0;
    pz_status status = check_identifier(identifier, err);
    if (status == PZ_OK)
        status = ready(store, err);
    if (status != PZ_OK)
        return status;
    if (store->backend->find)
        return store->backend->find(store, identifier, out, key, err);
    return find_in_steps(store, identifier, out, key, err);
}

pz_status pz__store_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    const pz_status status = ready(store, err);
    return status == PZ_OK ? store->backend->iterate(store, fn, payload, err) : status;
}

typedef struct later {
    pz_str after;
    pz__iterate_fn fn;
    void *payload;
} later;

static pz_status visit_later(void *payload, pz_str key, const void *bytes, size_t len)
{
    const later *l = payload;
    return pz__str_compare(key, l->after) > 0 ? l->fn(l->payload, key, bytes, len) : PZ_OK;
}

pz_status pz__store_iterate_after(pz__store *store, pz_str after, pz__iterate_fn fn, void *payload,
                                  pz_error *err)
{
    pz_status status = after.len ? check_key(after, err) : PZ_OK;
    if (status == PZ_OK)
        status = ready(store, err);
    if (status != PZ_OK)
        return status;
    if (after.len == 0)
        return store->backend->iterate(store, fn, payload, err);
    if (store->backend->iterate_after)
        return store->backend->iterate_after(store, after, fn, payload, err);
    return store->backend->iterate(store, visit_later, &(later){after, fn, payload}, err);
}

size_t pz__store_plain_max(const pz__store *store)
{
    return store->plain_max;
}

bool pz__store_can_seek(const pz__store *store)
{
    return store->can_seek;
}

bool pz__store_has_names(const pz__store *store)
{
    return store->backend->each_index != NULL;
}

pz_status pz__store_each_index(pz__store *store, pz__index_fn fn, void *payload, pz_error *err)
{
    const pz_status status = ready(store, err);
    if (status != PZ_OK || !pz__store_has_names(store))
        return status;
    return store->backend->each_index(store, fn, payload, err);
}

pz_status pz__store_each_stream(pz__store *store, pz__each_stream_fn fn, void *payload,
                                pz_error *err)
{
    const pz_status status = ready(store, err);
    if (status != PZ_OK || !pz__store_has_names(store))
        return status;
    return store->backend->each_stream(store, fn, payload, err);
}

pz_status pz__store_read_stream(pz__store *store, pz_str stream, uint64_t from, pz__stream_fn fn,
                                void *payload, pz_error *err)
{
    pz_status status = check_stream(stream, err);
    if (status == PZ_OK)
        status = ready(store, err);
    return status == PZ_OK ? store->backend->read_stream(store, stream, from, fn, payload, err)
                           : status;
}

pz_status pz__store_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                          pz_error *err)
{
    pz_status status = check_stream(stream, err);
    if (status == PZ_OK)
        status = ready(store, err);
    return status == PZ_OK ? store->backend->entry(store, stream, number, out, err) : status;
}

pz_status pz__store_count(pz__store *store, uint64_t *out, pz_error *err)
{
    *out = 0;
    const pz_status status = ready(store, err);
    return status == PZ_OK ? store->backend->count(store, out, err) : status;
}

pz_status pz__store_snapshot(pz__store *store, const char *path, pz_error *err)
{
    if (!path || !*path)
        return pz__fail(err, PZ_ERR_ARG, "a snapshot needs a path");
    const pz_status status = ready(store, err);
    return status == PZ_OK ? store->backend->snapshot(store, path, err) : status;
}

/* ---- files, and what else there is to know ---- */

uint32_t pz__store_format(void)
{
    return PZ__STORE_FORMAT;
}

const char *pz__store_scheme(const pz__store *store)
{
    return store->backend->scheme;
}

bool pz__store_is_read_only(const pz__store *store)
{
    return store->read_only;
}

pz_status pz__store_stat_read(pz__store *store, pz__store_stat *out, pz_error *err)
{
    *out = (pz__store_stat){0};
    return store->backend->stat ? store->backend->stat(store, out, err) : PZ_OK;
}

const struct pz_store_hooks *pz__store_hooks(const pz__store *store)
{
    return store->hooks;
}

bool pz__store_has_files(const pz__store *store)
{
    return store->backend->shrink != NULL;
}

pz_status pz__store_check(pz__store *store, pz_error *err)
{
    return store->backend->check ? store->backend->check(store, err) : PZ_OK;
}

pz_status pz__store_shrink(pz__store *store, pz_error *err)
{
    if (store->read_only)
        return pz__fail(err, PZ_ERR_STATE, "the store was opened for reading only");
    if (!store->backend->shrink)
        return pz__fail(err, PZ_ERR_UNSUPPORTED,
                        "a store of \"%s:\" has no files of its own to shrink",
                        pz__store_scheme(store));
    return store->backend->shrink(store, err);
}

/* ---- writing ---- */

pz_status pz__store_begin(pz__store *store, pz__store_txn **out, pz_error *err)
{
    return pz__store_begin_as(store, PZ__AS_OPENED, out, err);
}

pz_status pz__store_begin_as(pz__store *store, pz__durability durability, pz__store_txn **out,
                             pz_error *err)
{
    *out = NULL;
    if (store->read_only)
        return pz__fail(err, PZ_ERR_STATE, "the store was opened for reading only");
    if (durability == PZ__AS_OPENED)
        durability = store->durability;
    pz_status status = store->backend->begin(store, durability, out, err);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&(*out)->pending, &store->alloc, PZ__STORE_PENDING_MAX);
    status = ready_to_write(*out, err);
    if (status != PZ_OK) {
        store->backend->abort(*out);
        *out = NULL;
    }
    return status;
}

/* A function to be run in a transaction of its own. */
typedef struct task {
    pz__txn_fn fn;
    void *payload;
    pz_error *err;
    bool may_again;  /* if PZ_ERR_BUSY comes of it, that was the store's, and it had begun */
    bool has_looked; /* as its transaction, where others commit that */
    uint64_t life;
} task;

static pz_status run_task(task *t, pz__store_txn *txn)
{
    const pz_status status = t->fn(t->payload, txn);
    t->may_again = status == PZ_OK || txn->failed == PZ_ERR_BUSY;
    return status;
}

static pz_status run_shared(void *payload, pz__store_txn *txn)
{
    task *t = payload;
    pz__buf_init(&txn->pending, &txn->store->alloc, PZ__STORE_PENDING_MAX);
    pz_status status = ready_to_write(txn, t->err);
    if (status == PZ_OK)
        status = run_task(t, txn);
    if (status == PZ_OK)
        status = check_txn(txn, t->err);
    t->has_looked = txn->has_looked && txn->wrote;
    t->life = txn->life;
    pz__buf_clear(&txn->pending);
    return status;
}

static pz_status run_here(pz__store *store, pz__durability durability, task *t)
{
    pz__store_txn *txn;
    pz_status status = pz__store_begin_as(store, durability, &txn, t->err);
    if (status != PZ_OK)
        return status;
    status = run_task(t, txn);
    if (status == PZ_OK)
        return pz__store_commit(txn, t->err);
    pz__store_abort(txn);
    return status;
}

static pz_status run(pz__store *store, pz__durability durability, bool may_share, task *t)
{
    const unsigned most = store->update_tries ? store->update_tries : UPDATE_TRIES;
    pz_status status;
    unsigned tries = 0;
    if (durability == PZ__AS_OPENED)
        durability = store->durability;
    may_share =
        may_share && durability == PZ__GROUPED && store->backend->share && !store->read_only;
    do {
        t->may_again = t->has_looked = false;
        status = may_share ? store->backend->share(store, run_shared, t, t->err)
                           : run_here(store, durability, t);
    } while (status == PZ_ERR_BUSY && t->may_again && ++tries < most);
    if (status == PZ_OK && t->has_looked)
        note_written(store, t->life);
    return status;
}

pz_status pz__store_transact(pz__store *store, pz__durability durability, pz__txn_fn fn,
                             void *payload, pz_error *err)
{
    task t = {.fn = fn, .payload = payload, .err = err};
    return run(store, durability, true, &t);
}

pz_status pz__store_transact_here(pz__store *store, pz__durability durability, pz__txn_fn fn,
                                  void *payload, pz_error *err)
{
    task t = {.fn = fn, .payload = payload, .err = err};
    return run(store, durability, false, &t);
}

/* Remember that the backend failed: what is half done must never be committed. */
static pz_status note_backend(pz__store_txn *txn, pz_status status)
{
    if (status != PZ_OK && txn->failed == PZ_OK)
        txn->failed = status;
    return status;
}

static pz_status written(pz__store_txn *txn, pz_status status)
{
    txn->wrote = true;
    return note_backend(txn, status);
}

static void take_note(pz__store_txn *txn, uint8_t kind, uint64_t number, pz_str name, pz_str bytes)
{
    pz__buf *to = &txn->pending;
    pz__buf_byte(to, kind);
    if (kind == NOTE_APPEND)
        pz__buf_be64(to, number);
    pz__buf_varint(to, name.len);
    pz__buf_put(to, name.data, name.len);
    pz__buf_varint(to, bytes.len);
    pz__buf_put(to, bytes.data, bytes.len);
}

static bool next_note(pz__cursor *from, note *out)
{
    if (pz__cursor_left(from) == 0)
        return false;
    out->kind = pz__cursor_byte(from);
    out->number = out->kind == NOTE_APPEND ? pz__cursor_be64(from) : 0;
    out->name = read_text(from);
    out->bytes = read_text(from);
    return !from->bad;
}

static pz_status carry_out(pz__store_txn *txn, const note *n, pz_error *err)
{
    const pz__backend *backend = txn->store->backend;
    if (n->kind == NOTE_APPEND)
        return backend->append(txn, n->name, n->number, n->bytes.data, n->bytes.len, err);
    return backend->index(txn, n->name, n->bytes, n->kind == NOTE_INDEX, err);
}

/* A note is refused as a whole: half of one must not be read back. */
static pz_status note_or_write(pz__store_txn *txn, note n, pz_error *err)
{
    if (!txn->in_update)
        return written(txn, carry_out(txn, &n, err));
    take_note(txn, n.kind, n.number, n.name, n.bytes);
    if (txn->pending.status == PZ_OK)
        return PZ_OK;
    return pz__fail(err, txn->pending.status, "%s: an update asks for too much at once",
                    pz_status_text(txn->pending.status));
}

pz_status pz__store_txn_index(pz__store_txn *txn, pz_str identifier, pz_str key, bool present,
                              pz_error *err)
{
    pz_status status = txn->in_update ? PZ_OK : check_txn(txn, err);
    if (status == PZ_OK)
        status = check_identifier(identifier, err);
    if (status == PZ_OK)
        status = check_key(key, err);
    if (status != PZ_OK)
        return status;
    uint8_t kind = present ? NOTE_INDEX : NOTE_UNINDEX;
    return note_or_write(txn, (note){kind, 0, identifier, key}, err);
}

/* The number that the next entry of a stream gets, counting those only noted. */
static pz_status next_number(pz__store_txn *txn, pz_str stream, uint64_t *number, pz_error *err)
{
    pz_status status = note_backend(txn, txn->store->backend->last(txn, stream, number, err));
    if (status != PZ_OK)
        return status;
    pz__cursor from;
    pz__cursor_init(&from, txn->pending.data, txn->pending.len);
    for (note n; next_note(&from, &n);)
        if (n.kind == NOTE_APPEND && pz__str_equal(n.name, stream))
            *number = n.number;
    ++*number;
    return PZ_OK;
}

pz_status pz__store_txn_append(pz__store_txn *txn, pz_str stream, const void *bytes, size_t len,
                               uint64_t *number, pz_error *err)
{
    uint64_t next;
    pz_status status = txn->in_update ? PZ_OK : check_txn(txn, err);
    if (status == PZ_OK)
        status = check_stream(stream, err);
    if (status == PZ_OK)
        status = check_record(len, err);
    if (status == PZ_OK)
        status = next_number(txn, stream, &next, err);
    if (status == PZ_OK)
        status = note_or_write(txn, (note){NOTE_APPEND, next, stream, {bytes, len}}, err);
    if (status == PZ_OK && number)
        *number = next;
    return status;
}

pz_status pz__store_txn_drop(pz__store_txn *txn, pz_str stream, uint64_t number, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status == PZ_OK)
        status = check_stream(stream, err);
    if (status != PZ_OK || number == 0)
        return status;
    return written(txn, txn->store->backend->drop(txn, stream, number, err));
}

pz_status pz__store_txn_get(pz__store_txn *txn, pz_str key, pz__buf *out, pz_error *err)
{
    const void *bytes;
    size_t len;
    pz_status status = check_txn(txn, err);
    if (status == PZ_OK)
        status = check_key(key, err);
    if (status == PZ_OK)
        status = note_backend(txn, txn->store->backend->peek(txn, key, &bytes, &len, err));
    if (status != PZ_OK)
        return status;
    if (!bytes)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the store has no record under this key");
    pz__buf_put(out, bytes, len);
    return pz__filled(out, err);
}

pz_status pz__store_txn_lookup(pz__store_txn *txn, pz_str identifier, pz__buf *keys, size_t *count,
                               pz_error *err)
{
    *count = 0;
    pz_status status = check_txn(txn, err);
    if (status == PZ_OK)
        status = check_identifier(identifier, err);
    if (status != PZ_OK)
        return status;
    status = txn->store->backend->txn_lookup(txn, identifier, keys, count, err);
    return keys->status == PZ_OK ? note_backend(txn, status) : status;
}

/* Call the function of an update on the bytes as they are. */
static pz_status ask(pz__store_txn *txn, pz_str key, pz__update_fn fn, void *payload,
                     pz__buf *new_bytes, pz__update_action *action, pz_error *err)
{
    const void *bytes;
    size_t len;
    pz_status status = note_backend(txn, txn->store->backend->peek(txn, key, &bytes, &len, err));
    if (status != PZ_OK)
        return status;
    txn->in_update = true;
    status = fn(payload, txn, bytes, bytes ? len : 0, new_bytes, action);
    txn->in_update = false;
    if (txn->failed != PZ_OK)
        return check_txn(txn, err);
    if (status != PZ_OK || (*action != PZ__WRITE && txn->pending.status == PZ_OK))
        return status;
    if (txn->pending.status != PZ_OK)
        return pz__fail(err, txn->pending.status, "%s: an entry of the update's could not be noted",
                        pz_status_text(txn->pending.status));
    if (new_bytes->status == PZ_ERR_LIMIT)
        return check_record((size_t)PZ__STORE_RECORD_MAX + 1, err);
    return pz__filled(new_bytes, err);
}

/* Write what the function decided, then what it noted. */
static pz_status apply(pz__store_txn *txn, pz_str key, const pz__buf *new_bytes,
                       pz__update_action action, pz_error *err)
{
    const pz__backend *backend = txn->store->backend;
    pz_status status = PZ_OK;
    if (action == PZ__WRITE)
        status = written(txn, backend->put(txn, key, new_bytes->data, new_bytes->len, err));
    else if (action == PZ__REMOVE)
        status = written(txn, backend->remove(txn, key, err));
    pz__cursor from;
    pz__cursor_init(&from, txn->pending.data, txn->pending.len);
    for (note n; status == PZ_OK && next_note(&from, &n);)
        status = written(txn, carry_out(txn, &n, err));
    return status;
}

pz_status pz__store_txn_update(pz__store_txn *txn, pz_str key, pz__update_fn fn, void *payload,
                               pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status == PZ_OK)
        status = check_key(key, err);
    if (status != PZ_OK)
        return status;
    pz__buf new_bytes;
    pz__buf_init(&new_bytes, &txn->store->alloc, PZ__STORE_RECORD_MAX);
    pz__update_action action = PZ__KEEP;
    pz__buf_reset(&txn->pending);
    status = ask(txn, key, fn, payload, &new_bytes, &action, err);
    if (status == PZ_OK)
        status = apply(txn, key, &new_bytes, action, err);
    pz__buf_reset(&txn->pending);
    pz__buf_clear(&new_bytes);
    return status;
}

typedef struct single {
    pz_str key;
    pz__update_fn fn;
    void *payload;
    pz_error *err;
} single;

static pz_status update_single(void *payload, pz__store_txn *txn)
{
    const single *u = payload;
    return pz__store_txn_update(txn, u->key, u->fn, u->payload, u->err);
}

pz_status pz__store_update(pz__store *store, pz_str key, pz__update_fn fn, void *payload,
                           pz_error *err)
{
    single u = {.key = key, .fn = fn, .payload = payload, .err = err};
    return pz__store_transact(store, PZ__AS_OPENED, update_single, &u, err);
}

pz_status pz__store_commit(pz__store_txn *txn, pz_error *err)
{
    pz_status status = check_txn(txn, err);
    if (status != PZ_OK || !txn->wrote) {
        pz__store_abort(txn);
        return status;
    }
    pz__buf_clear(&txn->pending);
    pz__store *store = txn->store;
    const bool has_looked = txn->has_looked;
    const uint64_t life = txn->life;
    status = store->backend->commit(txn, err);
    if (status == PZ_OK && has_looked)
        note_written(store, life);
    return status;
}

void pz__store_abort(pz__store_txn *txn)
{
    if (!txn)
        return;
    pz__buf_clear(&txn->pending);
    txn->store->backend->abort(txn);
}
