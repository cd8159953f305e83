/*
 * redis.c: the store on Redis, one server or a cluster: the table of backend.h.
 *
 * Everything is an item (redis_item.h): a record under its key; under an identifier the sorted list
 * of its keys, as a lookup answers it; under a stream the number of its newest entry (8) and, once
 * its oldest was dropped, of the oldest that may be there (8); each entry;
 * and one item of the store itself, which tells its writer id (redis_writer.h).
 *
 * A transaction is optimistic. It remembers every item it has read and what it wants to write, and
 * sends nothing before commit, which checks that all still is as it was read (what was only read as
 * well: so transactions are serializable) and writes. Somebody else's change in between is
 * PZ_ERR_BUSY, and begin then pauses a little, longer each time in a row, so that a caller's few
 * attempts are enough.
 *
 * Which masters there are, and so the writer id, can change while a transaction goes on: it began
 * in an epoch of the client (redis_client.c), and its writes are fenced with that epoch. On a
 * single server it checks the store's own item, too: whoever emptied the server took the writer id
 * with it.
 *
 * Iterating is not over one snapshot: the names of all records are gathered (redis_scan.c), and
 * each record is read, whole, at some moment of the iteration.
 *
 * A fork: the child makes connections of its own (sessions know their process); a transaction
 * belongs to the process that began it.
 */
#include <personalize/redis.h>

#include "base/error.h"
#include "base/hash.h"
#include "store/backend.h"
#include "store/redis_address.h"
#include "store/redis_item.h"
#include "store/redis_keys.h"
#include "store/redis_scan.h"
#include "store/redis_writer.h"

/* Records read at once while iterating, entries while reading a stream. */
#define AT_ONCE 64u
/* Beyond, a value takes the network as long as inflating it would take, and the server's memory. */
#define PLAIN_MAX 4096u

typedef struct redis_txn redis_txn;

typedef struct redis {
    pz__store base;
    pz_alloc alloc;
    bool read_only;
    pz__client client;
    pz__fork_lock looking; /* guards what follows; whole at every instant */
    redis_txn *open;
    pz__redis_writer writer;
    atomic_uint conflicts; /* in a row */
} redis;

typedef struct entry {
    pz__item item;
    struct entry *next; /* of the same bucket */
    pz__buf bytes;      /* what is to be written */
} entry;

#define BUCKETS 256u

struct redis_txn {
    pz__store_txn base;
    redis_txn *next; /* of the open ones */
    pthread_t thread;
    pz__durability durability;
    pid_t process;
    uint64_t epoch;
    pz__arena arena;
    entry **list; /* in the order of first use */
    uint32_t count, cap;
    entry *buckets[BUCKETS];
};

static redis *redis_of(pz__store *store)
{
    return (redis *)store;
}

static redis_txn *txn_of(pz__store_txn *txn)
{
    return (redis_txn *)txn;
}

static pz_status no_memory(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "out of memory in a Redis store");
}

/* ---- the handle ---- */

static pz_status redis_open(pz__store **out, pz_str where, const pz__store_options *options,
                            pz_error *err)
{
    redis *r = pz__mem_zero(&options->alloc, 1, sizeof *r);
    if (!r)
        return no_memory(err);
    r->alloc = options->alloc;
    r->read_only = options->read_only;
    pz__client_init(&r->client, &r->alloc);
    const pz_status status = pz__redis_address(&r->client, where, err);
    if (status != PZ_OK) {
        pz__mem_free(&options->alloc, r, 1, sizeof *r);
        return status;
    }
    *out = &r->base;
    return PZ_OK;
}

static void redis_close(pz__store *store)
{
    redis *r = redis_of(store);
    const pz_alloc alloc = r->alloc;
    pz__client_clear(&r->client);
    memset(r->client.options.password, 0, sizeof r->client.options.password);
    pz__mem_free(&alloc, r, 1, sizeof *r);
}

/* A session; what is written for the store itself is as durable as the handle's default. */
static pz_status take_session(redis *r, pz__session **session, pz_error *err)
{
    const pz_status status = pz__session_take(&r->client, session, err);
    if (status == PZ_OK && r->base.durability == PZ__LAZY)
        (*session)->wait_count = 0;
    return status;
}

/* ---- the writer id ---- */

static pz_status know_writer(redis *r, pz__writer_known *known, pz_error *err)
{
    const pz__writer_asks asks = {r->read_only, r->base.durability == PZ__LAZY};
    const pz_status status = pz__redis_writer_know(&r->writer, &r->client, asks, known, err);
    if (status == PZ_OK)
        atomic_store(&r->base.life, pz__siphash(pz__fixed_key, known->id, sizeof known->id) | 1);
    return status;
}

static pz_status redis_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    pz__writer_known known;
    const pz_status status = know_writer(redis_of(store), &known, err);
    if (status == PZ_OK)
        memcpy(out, known.id, sizeof known.id);
    return status;
}

/* ---- reading ---- */

/* An item by its whole name. */
static pz_status read_named(redis *r, pz_str name, pz__session **session, pz__item *item,
                            pz_error *err)
{
    pz_status status = take_session(r, session, err);
    if (status != PZ_OK)
        return status;
    *item = (pz__item){.name = name};
    status = pz__items_read(*session, item, 1, err);
    item->name = (pz_str){NULL, 0};
    if (status != PZ_OK)
        pz__session_give(*session);
    return status;
}

static pz_status read_one(redis *r, char kind, pz_str name, pz__session **session, pz__item *item,
                          pz_error *err)
{
    char room[PZ__ITEM_NAME_MAX];
    const pz_str full = pz__item_name(room, &r->client, kind, name, name.data, name.len);
    return read_named(r, full, session, item, err);
}

static pz_status redis_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    pz__session *session;
    pz__item item;
    pz_status status = read_one(redis_of(store), PZ__ITEM_RECORD, key, &session, &item, err);
    if (status != PZ_OK)
        return status;
    if (item.exists)
        pz__buf_put(out, item.bytes.data, item.bytes.len);
    pz__session_give(session);
    if (!item.exists)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the store has no record under this key");
    return pz__filled(out, err);
}

static pz_status redis_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                              pz_error *err)
{
    pz__session *session;
    pz__item item;
    pz_status status = read_one(redis_of(store), PZ__ITEM_INDEX, identifier, &session, &item, err);
    if (status != PZ_OK)
        return status;
    status = pz__redis_keys_put(item.bytes, keys, count, err);
    pz__session_give(session);
    return status;
}

static uint64_t number_of(pz_str bytes)
{
    pz__cursor from;
    pz__cursor_init(&from, bytes.data, bytes.len);
    const uint64_t n = pz__cursor_be64(&from);
    return from.bad ? 0 : n;
}

/* The oldest entry that may be there. */
static uint64_t first_of(pz_str head)
{
    const uint64_t first = head.len > 8 ? number_of((pz_str){head.data + 8, head.len - 8}) : 1;
    return first ? first : 1;
}

/* The name of an entry: the stream's, and the number behind it; both in the stream's slot. */
static pz_str entry_name(char room[PZ__ITEM_NAME_MAX], const redis *r, pz_str stream, uint64_t n)
{
    char rest[PZ__STORE_KEY_MAX + 8];
    memcpy(rest, stream.data, stream.len);
    for (unsigned i = 0; i < 8; i++)
        rest[stream.len + i] = (char)(n >> (56 - 8 * i));
    return pz__item_name(room, &r->client, PZ__ITEM_ENTRY, stream, rest, stream.len + 8);
}

/* Entries from..from+count-1, read at once and shown. */
static pz_status show_entries(redis *r, pz_str stream, uint64_t from, size_t count,
                              pz__stream_fn fn, void *payload, pz_error *err)
{
    pz__session *session;
    pz__item items[AT_ONCE];
    char rooms[AT_ONCE][PZ__ITEM_NAME_MAX];
    pz_status status = take_session(r, &session, err);
    if (status != PZ_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        items[i] = (pz__item){.name = entry_name(rooms[i], r, stream, from + i)};
    status = pz__items_read(session, items, count, err);
    for (size_t i = 0; i < count && status == PZ_OK; i++)
        if (items[i].exists)
            status = fn(payload, from + i, items[i].bytes.data, items[i].bytes.len);
    pz__session_give(session);
    return status;
}

static pz_status redis_read_stream(pz__store *store, pz_str stream, uint64_t from, pz__stream_fn fn,
                                   void *payload, pz_error *err)
{
    redis *r = redis_of(store);
    pz__session *session;
    pz__item head;
    pz_status status = read_one(r, PZ__ITEM_STREAM, stream, &session, &head, err);
    if (status != PZ_OK)
        return status;
    const uint64_t last = number_of(head.bytes), first = first_of(head.bytes);
    pz__session_give(session);
    for (uint64_t n = from > first ? from : first; n <= last && status == PZ_OK; n += AT_ONCE) {
        const uint64_t left = last - n + 1;
        status =
            show_entries(r, stream, n, left < AT_ONCE ? (size_t)left : AT_ONCE, fn, payload, err);
    }
    return status;
}

static pz_status redis_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                             pz_error *err)
{
    redis *r = redis_of(store);
    char room[PZ__ITEM_NAME_MAX];
    pz__session *session;
    pz__item item;
    pz_status status = read_named(r, entry_name(room, r, stream, number), &session, &item, err);
    if (status != PZ_OK)
        return status;
    if (item.exists)
        pz__buf_put(out, item.bytes.data, item.bytes.len);
    pz__session_give(session);
    if (!item.exists)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the stream has no entry of this number");
    return pz__filled(out, err);
}

/* ---- everything of a kind ---- */

typedef struct visit {
    char kind;
    pz__iterate_fn fn; /* NULL: count only */
    void *payload;
    uint64_t count;
} visit;

static pz_status show_items(redis *r, const pz_str *keys, size_t count, visit *v, pz_error *err)
{
    pz__session *session;
    pz__item items[AT_ONCE];
    char rooms[AT_ONCE][PZ__ITEM_NAME_MAX];
    pz_status status = take_session(r, &session, err);
    if (status != PZ_OK)
        return status;
    for (size_t i = 0; i < count; i++)
        items[i] = (pz__item){.name = pz__item_name(rooms[i], &r->client, v->kind, keys[i],
                                                    keys[i].data, keys[i].len)};
    status = pz__items_read(session, items, count, err);
    for (size_t i = 0; i < count && status == PZ_OK; i++) {
        if (!items[i].exists)
            continue;
        v->count++;
        if (v->fn)
            status = v->fn(v->payload, keys[i], items[i].bytes.data, items[i].bytes.len);
    }
    pz__session_give(session);
    return status;
}

static pz_status visit_all(redis *r, visit *v, pz_error *err)
{
    pz__redis_names found;
    pz_status status = pz__redis_gather(&r->client, v->kind, &found, err);
    if (status != PZ_OK)
        return status;
    if (!v->fn && !found.any_lock) {
        v->count = found.count;
    } else {
        for (size_t at = 0; at < found.count && status == PZ_OK; at += AT_ONCE) {
            const size_t left = found.count - at;
            status = show_items(r, found.list + at, left < AT_ONCE ? left : AT_ONCE, v, err);
        }
    }
    pz__redis_names_clear(&found);
    return status;
}

typedef struct name_visit {
    pz__index_fn index;
    pz__each_stream_fn stream;
    void *payload;
    pz_error *err;
} name_visit;

/* One identifier and the list of its keys. */
static pz_status show_keys(void *payload, pz_str identifier, const void *bytes, size_t len)
{
    const name_visit *v = payload;
    pz__cursor from;
    pz_status status = PZ_OK;
    pz__cursor_init(&from, bytes, len);
    while (pz__cursor_left(&from) > 0 && status == PZ_OK) {
        const size_t key_len = (size_t)pz__cursor_varint(&from);
        const pz_str key = {(const char *)pz__cursor_take(&from, key_len), key_len};
        if (from.bad)
            return pz__fail(v->err, PZ_ERR_CORRUPT, "an entry of the store's index is damaged");
        status = v->index(v->payload, identifier, key);
    }
    return status;
}

static pz_status redis_each_index(pz__store *store, pz__index_fn fn, void *payload, pz_error *err)
{
    name_visit v = {.index = fn, .payload = payload, .err = err};
    return visit_all(redis_of(store), &(visit){PZ__ITEM_INDEX, show_keys, &v, 0}, err);
}

static pz_status show_stream(void *payload, pz_str stream, const void *bytes, size_t len)
{
    const name_visit *v = payload;
    (void)bytes, (void)len;
    return v->stream(v->payload, stream);
}

static pz_status redis_each_stream(pz__store *store, pz__each_stream_fn fn, void *payload,
                                   pz_error *err)
{
    name_visit v = {.stream = fn, .payload = payload};
    return visit_all(redis_of(store), &(visit){PZ__ITEM_STREAM, show_stream, &v, 0}, err);
}

static pz_status redis_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    return visit_all(redis_of(store), &(visit){PZ__ITEM_RECORD, fn, payload, 0}, err);
}

static pz_status redis_count(pz__store *store, uint64_t *out, pz_error *err)
{
    visit v = {PZ__ITEM_RECORD, NULL, NULL, 0};
    const pz_status status = visit_all(redis_of(store), &v, err);
    *out = status == PZ_OK ? v.count : 0;
    return status;
}

static pz_status redis_snapshot(pz__store *store, const char *path, pz_error *err)
{
    (void)store;
    return pz__fail(err, PZ_ERR_UNSUPPORTED,
                    "a Redis store cannot be copied to \"%s\": let Redis itself write a snapshot "
                    "(BGSAVE)",
                    path);
}

/* ---- transactions ---- */

/* Note the transaction as this thread's; false if the thread has one. */
static bool enter(redis *r, redis_txn *txn)
{
    bool is_first = true;
    pz__fork_lock_take(&r->looking);
    for (const redis_txn *other = r->open; other; other = other->next)
        if (other->process == txn->process && pthread_equal(other->thread, txn->thread))
            is_first = false;
    if (is_first) {
        txn->next = r->open;
        r->open = txn;
    }
    pz__fork_lock_give(&r->looking);
    return is_first;
}

static void leave(redis *r, redis_txn *txn)
{
    pz__fork_lock_take(&r->looking);
    for (redis_txn **at = &r->open; *at; at = &(*at)->next)
        if (*at == txn) {
            *at = txn->next;
            break;
        }
    pz__fork_lock_give(&r->looking);
}

static void txn_free(redis_txn *txn)
{
    const pz_alloc alloc = redis_of(txn->base.store)->alloc;
    for (uint32_t i = 0; i < txn->count; i++)
        pz__buf_clear(&txn->list[i]->bytes);
    pz__mem_free(&alloc, txn->list, txn->cap, sizeof(entry *));
    pz__arena_clear(&txn->arena);
    pz__mem_free(&alloc, txn, 1, sizeof *txn);
}

static entry **bucket_of(redis_txn *txn, pz_str name)
{
    return &txn->buckets[pz__siphash(pz__fixed_key, name.data, name.len) % BUCKETS];
}

/* A new entry for an item, not read yet and assumed absent. */
static pz_status add_entry(redis_txn *txn, pz_str name, entry **out, pz_error *err)
{
    const pz_alloc *alloc = &redis_of(txn->base.store)->alloc;
    if (txn->count == txn->cap) {
        const uint32_t cap = txn->cap ? 2 * txn->cap : 8;
        entry **grown = pz__mem_resize(alloc, txn->list, txn->cap, cap, sizeof(entry *));
        if (!grown)
            return no_memory(err);
        txn->list = grown;
        txn->cap = cap;
    }
    entry *e = pz__arena_zero(&txn->arena, 1, sizeof *e);
    const char *copy = e ? pz__arena_text(&txn->arena, name.data, name.len) : NULL;
    if (!copy)
        return no_memory(err);
    e->item.name = (pz_str){copy, name.len};
    e->item.action = PZ__ITEM_CHECK;
    pz__buf_init(&e->bytes, alloc, SIZE_MAX / 2);
    entry **bucket = bucket_of(txn, name);
    e->next = *bucket;
    *bucket = e;
    txn->list[txn->count++] = e;
    *out = e;
    return PZ_OK;
}

/* The writes are under this writer id, and nothing comes of them where it is another one now. */
static pz_status check_writer(redis_txn *txn, const pz__writer_known *known, pz_error *err)
{
    char room[PZ__ITEM_NAME_MAX];
    entry *e;
    const pz_str name = pz__redis_writer_item(room, &redis_of(txn->base.store)->client);
    const pz_status status = add_entry(txn, name, &e, err);
    if (status != PZ_OK)
        return status;
    e->item.exists = true;
    memcpy(e->item.id, known->item, sizeof e->item.id);
    return PZ_OK;
}

/* Conflicts in a row: pause, longer each time, with the thread's own share of chance. */
static void pause_after_conflicts(redis *r, const redis_txn *txn)
{
    const unsigned conflicts = atomic_load(&r->conflicts);
    if (conflicts == 0)
        return;
    const unsigned doubled = conflicts < 6 ? conflicts : 6;
    const int64_t seed = pz__redis_now() ^ (int64_t)(uintptr_t)txn ^ txn->process;
    const uint64_t chance = pz__siphash(pz__fixed_key, &seed, sizeof seed);
    pz__redis_sleep((int32_t)(chance % (1u << doubled)));
}

static pz_status redis_begin(pz__store *store, pz__durability durability, pz__store_txn **out,
                             pz_error *err)
{
    redis *r = redis_of(store);
    pz__writer_known writer;
    redis_txn *txn = pz__mem_zero(&r->alloc, 1, sizeof *txn);
    if (!txn)
        return no_memory(err);
    pz__arena_init(&txn->arena, &r->alloc, 0);
    txn->base.store = store;
    txn->durability = durability;
    txn->thread = pthread_self();
    txn->process = pz__process();
    pz_status status = PZ_OK;
    if (!enter(r, txn)) {
        txn_free(txn);
        return pz__fail(err, PZ_ERR_STATE, "this thread has a transaction open on the store");
    }
    pause_after_conflicts(r, txn);
    status = know_writer(r, &writer, err);
    txn->epoch = writer.epoch;
    if (status == PZ_OK && !atomic_load(&r->client.is_cluster))
        status = check_writer(txn, &writer, err);
    if (status != PZ_OK) {
        leave(r, txn);
        txn_free(txn);
        return status;
    }
    *out = &txn->base;
    return PZ_OK;
}

static void redis_abort(pz__store_txn *base)
{
    leave(redis_of(base->store), txn_of(base));
    txn_free(txn_of(base));
}

static pz_status redis_commit(pz__store_txn *base, pz_error *err)
{
    redis_txn *txn = txn_of(base);
    redis *r = redis_of(base->store);
    pz__session *session;
    pz_status status = PZ_OK;
    if (txn->process != pz__process()) {
        redis_abort(base);
        return pz__fail(err, PZ_ERR_STATE, "the transaction belongs to the process that began it");
    }
    status = take_session(r, &session, err);
    if (status == PZ_OK) {
        pz__item *items = pz__arena_array(&session->arena, txn->count, sizeof *items);
        for (uint32_t i = 0; items && i < txn->count; i++) {
            items[i] = txn->list[i]->item;
            items[i].new_bytes = (pz_str){txn->list[i]->bytes.data, txn->list[i]->bytes.len};
        }
        session->fence = txn->epoch;
        session->wait_count = txn->durability == PZ__LAZY ? 0 : r->client.options.wait_count;
        status = items ? pz__items_commit(session, items, txn->count, err) : no_memory(err);
        pz__session_give(session);
    }
    if (status == PZ_ERR_BUSY && !atomic_load(&r->client.is_cluster))
        pz__redis_writer_doubt(&r->writer);
    if (status == PZ_ERR_BUSY)
        atomic_fetch_add(&r->conflicts, 1);
    else if (status == PZ_OK && atomic_load(&r->conflicts))
        atomic_store(&r->conflicts, 0);
    redis_abort(base);
    return status;
}

/* ---- inside a transaction ---- */

/* The entry of an item by its whole name, read if the transaction has not yet. */
static pz_status know_named(redis_txn *txn, pz_str full, entry **out, pz_error *err)
{
    redis *r = redis_of(txn->base.store);
    for (entry *e = *bucket_of(txn, full); e; e = e->next)
        if (pz__str_equal(e->item.name, full)) {
            *out = e;
            return PZ_OK;
        }
    pz__session *session;
    pz__item item;
    pz_status status = read_named(r, full, &session, &item, err);
    if (status != PZ_OK)
        return status;
    status = add_entry(txn, full, out, err);
    if (status == PZ_OK) {
        entry *e = *out;
        const char *copy = pz__arena_text(&txn->arena, item.bytes.data, item.bytes.len);
        e->item.exists = item.exists;
        memcpy(e->item.id, item.id, sizeof item.id);
        e->item.bytes = (pz_str){copy, item.bytes.len};
        if (!copy)
            status = no_memory(err);
    }
    pz__session_give(session);
    return status;
}

static pz_status know(redis_txn *txn, char kind, pz_str name, entry **out, pz_error *err)
{
    char room[PZ__ITEM_NAME_MAX];
    const pz__client *client = &redis_of(txn->base.store)->client;
    return know_named(txn, pz__item_name(room, client, kind, name, name.data, name.len), out, err);
}

/* What an item is, as the transaction sees it; false for absent. */
static bool current(const entry *e, pz_str *bytes)
{
    *bytes =
        e->item.action == PZ__ITEM_WRITE ? (pz_str){e->bytes.data, e->bytes.len} : e->item.bytes;
    if (!bytes->data)
        bytes->data = "";
    return e->item.action == PZ__ITEM_WRITE || (e->item.action == PZ__ITEM_CHECK && e->item.exists);
}

static pz_status overwrite(entry *e, pz_str bytes, pz_error *err)
{
    pz__buf_reset(&e->bytes);
    pz__buf_put(&e->bytes, bytes.data, bytes.len);
    e->item.action = PZ__ITEM_WRITE;
    return pz__filled(&e->bytes, err);
}

static pz_status redis_peek(pz__store_txn *base, pz_str key, const void **bytes, size_t *len,
                            pz_error *err)
{
    entry *e;
    pz_str now;
    *bytes = NULL;
    *len = 0;
    const pz_status status = know(txn_of(base), PZ__ITEM_RECORD, key, &e, err);
    if (status != PZ_OK || !current(e, &now))
        return status;
    *bytes = now.data;
    *len = now.len;
    return PZ_OK;
}

static pz_status redis_txn_lookup(pz__store_txn *base, pz_str identifier, pz__buf *keys,
                                  size_t *count, pz_error *err)
{
    entry *e;
    pz_str now;
    const pz_status status = know(txn_of(base), PZ__ITEM_INDEX, identifier, &e, err);
    if (status != PZ_OK || !current(e, &now))
        return status;
    return pz__redis_keys_put(now, keys, count, err);
}

static pz_status redis_first_key(pz__store_txn *base, pz_str identifier, pz_str prefix,
                                 pz__buf *key, pz_error *err)
{
    entry *e;
    pz_str now;
    pz__cursor from;
    const pz_status status = know(txn_of(base), PZ__ITEM_INDEX, identifier, &e, err);
    if (status != PZ_OK || !current(e, &now))
        return status;
    pz__cursor_init(&from, now.data, now.len);
    while (pz__cursor_left(&from) > 0 && !from.bad) {
        const size_t len = (size_t)pz__cursor_varint(&from);
        const uint8_t *found = pz__cursor_take(&from, len);
        if (!found || len < prefix.len || memcmp(found, prefix.data, prefix.len) != 0)
            continue;
        pz__buf_put(key, found, len);
        break;
    }
    return pz__filled(key, err);
}

static pz_status redis_last(pz__store_txn *base, pz_str stream, uint64_t *number, pz_error *err)
{
    entry *e;
    pz_str now;
    *number = 0;
    const pz_status status = know(txn_of(base), PZ__ITEM_STREAM, stream, &e, err);
    if (status == PZ_OK && current(e, &now))
        *number = number_of(now);
    return status;
}

static pz_status redis_put(pz__store_txn *base, pz_str key, const void *bytes, size_t len,
                           pz_error *err)
{
    entry *e;
    const pz_status status = know(txn_of(base), PZ__ITEM_RECORD, key, &e, err);
    return status == PZ_OK ? overwrite(e, (pz_str){bytes, len}, err) : status;
}

static pz_status redis_remove(pz__store_txn *base, pz_str key, pz_error *err)
{
    entry *e;
    pz_str now;
    const pz_status status = know(txn_of(base), PZ__ITEM_RECORD, key, &e, err);
    if (status == PZ_OK && current(e, &now))
        e->item.action = e->item.exists ? PZ__ITEM_DELETE : PZ__ITEM_CHECK;
    return status;
}

static pz_status redis_index(pz__store_txn *base, pz_str identifier, pz_str key, bool present,
                             pz_error *err)
{
    entry *e;
    pz_str now;
    pz__buf changed;
    pz_status status = know(txn_of(base), PZ__ITEM_INDEX, identifier, &e, err);
    if (status != PZ_OK)
        return status;
    if (!current(e, &now))
        now = (pz_str){"", 0};
    pz__buf_init(&changed, &redis_of(base->store)->alloc, PZ__STORE_RECORD_MAX);
    pz__redis_keys_change(&changed, now, key, present);
    status = pz__filled(&changed, err);
    /* What stays as it is need not be written, nor conflict with others. */
    if (status == PZ_OK && !pz__str_equal(now, (pz_str){changed.data, changed.len})) {
        if (changed.len)
            status = overwrite(e, (pz_str){changed.data, changed.len}, err);
        else
            e->item.action = e->item.exists ? PZ__ITEM_DELETE : PZ__ITEM_CHECK;
    }
    pz__buf_clear(&changed);
    return status;
}

static pz_status write_head(entry *head, uint64_t last, uint64_t first, pz_error *err)
{
    char digits[16];
    for (unsigned i = 0; i < 8; i++) {
        digits[i] = (char)(last >> (56 - 8 * i));
        digits[8 + i] = (char)(first >> (56 - 8 * i));
    }
    return overwrite(head, (pz_str){digits, first > 1 ? 16 : 8}, err);
}

static pz_status redis_append(pz__store_txn *base, pz_str stream, uint64_t number,
                              const void *bytes, size_t len, pz_error *err)
{
    redis_txn *txn = txn_of(base);
    char room[PZ__ITEM_NAME_MAX];
    entry *head, *added;
    pz_str now;
    pz_status status = know(txn, PZ__ITEM_STREAM, stream, &head, err);
    if (status == PZ_OK)
        status =
            add_entry(txn, entry_name(room, redis_of(base->store), stream, number), &added, err);
    if (status == PZ_OK)
        status = overwrite(added, (pz_str){bytes, len}, err);
    if (status != PZ_OK)
        return status;
    const uint64_t first = current(head, &now) ? first_of(now) : 1;
    return write_head(head, number, first, err);
}

static pz_status redis_drop(pz__store_txn *base, pz_str stream, uint64_t number, pz_error *err)
{
    redis_txn *txn = txn_of(base);
    char room[PZ__ITEM_NAME_MAX];
    entry *head, *gone;
    pz_str now;
    pz_status status = know(txn, PZ__ITEM_STREAM, stream, &head, err);
    if (status == PZ_OK)
        status =
            know_named(txn, entry_name(room, redis_of(base->store), stream, number), &gone, err);
    if (status != PZ_OK)
        return status;
    if (current(gone, &now))
        gone->item.action = gone->item.exists ? PZ__ITEM_DELETE : PZ__ITEM_CHECK;
    if (!current(head, &now) || number != first_of(now))
        return PZ_OK;
    return write_head(head, number_of(now), number + 1, err);
}

static const pz__backend backend = {
    .scheme = "redis",
    .example = "redis://HOST:PORT",
    .update_tries = 200,
    .plain_max = PLAIN_MAX,
    .open = redis_open,
    .close = redis_close,
    .writer = redis_writer,
    .get = redis_get,
    .lookup = redis_lookup,
    .iterate = redis_iterate,
    .each_index = redis_each_index,
    .each_stream = redis_each_stream,
    .read_stream = redis_read_stream,
    .entry = redis_entry,
    .count = redis_count,
    .snapshot = redis_snapshot,
    .begin = redis_begin,
    .peek = redis_peek,
    .txn_lookup = redis_txn_lookup,
    .first_key = redis_first_key,
    .last = redis_last,
    .put = redis_put,
    .remove = redis_remove,
    .index = redis_index,
    .append = redis_append,
    .drop = redis_drop,
    .commit = redis_commit,
    .abort = redis_abort,
};

static const pz_store_module module = {
    .version = PZ__MODULE_VERSION,
    .backend = &backend,
};

const pz_store_module *pz_redis_module(void)
{
    return &module;
}
