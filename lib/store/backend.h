/*
 * backend.h: the backend's side of the store room. Private to the room and to its tests.
 *
 * A backend is a constant table of functions. It moves bytes; what they may be and when they may
 * move is decided once, in store.c: limits, read-only handles, what an update's function may call,
 * transactions that have failed, retries. A backend may therefore assume that every key, identifier
 * and record it is given is within its limit, that writes come only from inside its transaction, on
 * the thread that began it, and that nothing follows a write that failed but abort.
 *
 * Handle and transaction of a backend begin with the two structs below; open() and begin() fill in
 * nothing of them but what is said there.
 */
#ifndef PZ_STORE_BACKEND_H
#define PZ_STORE_BACKEND_H

#include <stdatomic.h>

#include "base/error.h"
#include "store/store.h"

/* Bumped when bytes that an older library could read change meaning. */
#define PZ__STORE_FORMAT 1u

/* Bytes of index and append calls that one update's function may leave behind. */
#define PZ__STORE_PENDING_MAX (64u << 20)

/* What a shared transaction is for. After PZ_OK, `wrote` of the base says whether there is anything
 * to commit. */
typedef pz_status (*pz__share_fn)(void *payload, pz__store_txn *txn);

typedef struct pz__backend {
    const char *scheme;  /* "memory" */
    const char *example; /* how its addresses look: "lmdb:DIRECTORY" */
    unsigned update_tries; /* how often PZ_ERR_BUSY makes an update start over; 0 for the usual */
    size_t plain_max;      /* bytes up to which fetching a value costs less than inflating it */

    /* `where` is what follows the colon. `out->backend` and the rest of the base are filled by
     * store.c afterwards, `alloc` before: a handle is made with it. */
    pz_status (*open)(pz__store **out, pz_str where, const pz__store_options *options,
                      pz_error *err);
    void (*close)(pz__store *store);
    pz_status (*writer)(pz__store *store, uint8_t out[16], pz_error *err);

    /* Reading what is committed, from any thread. */
    pz_status (*get)(pz__store *store, pz_str key, pz__buf *out, pz_error *err);
    pz_status (*lookup)(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                        pz_error *err);
    /* May be NULL: then get and lookup do it. */
    pz_status (*find)(pz__store *store, pz_str identifier, pz__buf *out, pz__found_key *key,
                      pz_error *err);
    pz_status (*iterate)(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err);
    pz_status (*read_stream)(pz__store *store, pz_str stream, uint64_t from, pz__stream_fn fn,
                             void *payload, pz_error *err);
    /* One entry, while the thread has a transaction open as well. */
    pz_status (*entry)(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                       pz_error *err);
    /* NULL where starting at a key is no cheaper than passing over those before it. */
    pz_status (*iterate_after)(pz__store *store, pz_str after, pz__iterate_fn fn, void *payload,
                               pz_error *err);
    pz_status (*each_index)(pz__store *store, pz__index_fn fn, void *payload, pz_error *err);
    pz_status (*each_stream)(pz__store *store, pz__each_stream_fn fn, void *payload, pz_error *err);
    pz_status (*count)(pz__store *store, uint64_t *out, pz_error *err);
    /* NULL where there are no files. */
    pz_status (*stat)(pz__store *store, pz__store_stat *out, pz_error *err);
    pz_status (*shrink)(pz__store *store, pz_error *err);
    /* NULL where nothing is read that a disk could have changed unnoticed. */
    pz_status (*check)(pz__store *store, pz_error *err);
    pz_status (*snapshot)(pz__store *store, const char *path, pz_error *err);

    /* Waits for other writers. PZ_ERR_STATE if this thread has a transaction open already.
     * `durability` is never PZ__AS_OPENED. */
    pz_status (*begin)(pz__store *store, pz__durability durability, pz__store_txn **out,
                       pz_error *err);
    /* Borrow a record until the next write of the transaction; NULL if there is none, and a pointer
     * to nothing for one of no bytes. */
    pz_status (*peek)(pz__store_txn *txn, pz_str key, const void **bytes, size_t *len,
                      pz_error *err);
    pz_status (*txn_lookup)(pz__store_txn *txn, pz_str identifier, pz__buf *keys, size_t *count,
                            pz_error *err);
    /* Append the first key under an identifier that begins with `prefix`; nothing if there is none.
     * Only sealed stores ask, and only others are asked. */
    pz_status (*first_key)(pz__store_txn *txn, pz_str identifier, pz_str prefix, pz__buf *key,
                           pz_error *err);
    /* The number of the newest entry that a stream ever had, 0 if it never had any. */
    pz_status (*last)(pz__store_txn *txn, pz_str stream, uint64_t *number, pz_error *err);

    /* The writes. PZ_ERR_BUSY, here and from commit, means: abort, and the same work done again in
     * a new transaction may succeed. */
    pz_status (*put)(pz__store_txn *txn, pz_str key, const void *bytes, size_t len, pz_error *err);
    pz_status (*remove)(pz__store_txn *txn, pz_str key, pz_error *err);
    pz_status (*index)(pz__store_txn *txn, pz_str identifier, pz_str key, bool present,
                       pz_error *err);
    pz_status (*append)(pz__store_txn *txn, pz_str stream, uint64_t number, const void *bytes,
                        size_t len, pz_error *err);
    pz_status (*drop)(pz__store_txn *txn, pz_str stream, uint64_t number, pz_error *err);

    /* NULL where there is nothing to share. A PZ__GROUPED transaction for one function, called on this
     * thread or, while it waits, on another that writes; committed with theirs. */
    pz_status (*share)(pz__store *store, pz__share_fn fn, void *payload, pz_error *err);

    /* Both free the transaction, whatever they return. */
    pz_status (*commit)(pz__store_txn *txn, pz_error *err);
    void (*abort)(pz__store_txn *txn);
} pz__backend;

/* The `plain_max` of backends that hand values out where they are. Inflating takes forty times as long
 * as a checksum over the plain value, whatever its size; beyond, the room counts. */
#define PZ__PLAIN_MAX_MAPPED (256u << 10)

/* The identifier under which a sealed store bears its mark (sealed.c). */
#define PZ__STORE_MARK                                                                             \
    PZ__STR("\x1f"                                                                                 \
            "sealed")

/* What is known of a store that a handle without hooks has open: that it bore no mark when it was
 * first read, first written to. */
enum { PZ__STORE_READ = 1, PZ__STORE_WRITTEN = 2, PZ__STORE_CHECKED = 3 };

struct pz__store {
    const pz__backend *backend;
    pz_alloc alloc;
    pz__durability durability; /* of transactions that do not say */
    bool read_only;
    bool can_seek;         /* an iteration may begin anywhere without going through what is before */
    unsigned update_tries; /* the backend's */
    atomic_uint checked;   /* PZ__STORE_* bits */
    const struct pz_store_hooks *hooks; /* of a sealed store; NULL: it is none */
    /* Another one: what was there may be gone, its mark as well. Changed by begin(), in backends to
     * which that may happen. */
    _Atomic uint64_t life;
    _Atomic uint64_t written_in; /* the life of which PZ__STORE_WRITTEN tells */
    size_t plain_max;            /* the backend's */
};

struct pz__store_txn {
    pz__store *store; /* set by begin() */
    pz_status failed; /* the backend's first failure; all that is left is to abort */
    bool in_update;   /* the function of an update is running */
    bool wrote;       /* a commit has something to do */
    bool has_looked;  /* it has seen that there is no mark, in this life of the store */
    uint64_t life;
    pz__buf pending;  /* what that function asked for, see store.c */
};

extern const pz__backend pz__memory_backend;
#ifdef PZ_WITH_LMDB
extern const pz__backend pz__lmdb_backend;
#endif

/* A backend in a library of its own. Library and module share the structs of this header, so both
 * have to be of one version. */
#define PZ__MODULE_VERSION                                                                         \
    ((uint32_t)PZ_VERSION_MAJOR << 16 | PZ_VERSION_MINOR << 8 | PZ_VERSION_PATCH)
struct pz_store_module {
    uint32_t version;
    const pz__backend *backend;
};

/* What pz__store_open does once it has found the backend; tests bring backends of their own. */
pz_status pz__store_open_with(pz__store **out, const pz__backend *backend, pz_str where,
                              const pz__store_options *options, pz_error *err);

/* Put a sealed store around one that is open, which it then owns; on failure that is closed. */
struct pz_store_hooks;
pz_status pz__store_seal(pz__store **store, const struct pz_store_hooks *hooks, pz_error *err);

/* Append one key to the answer of a lookup. */
static inline void pz__put_found(pz__buf *keys, const void *key, size_t len)
{
    pz__buf_varint(keys, len);
    pz__buf_put(keys, key, len);
}

/* What became of a buffer that a read filled, as the status of that read. */
static inline pz_status pz__filled(const pz__buf *buf, pz_error *err)
{
    if (buf->status == PZ_OK)
        return PZ_OK;
    return pz__fail(err, buf->status, "%s: the answer of the store does not fit",
                    pz_status_text(buf->status));
}

#endif
