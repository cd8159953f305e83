/*
 * store.h: the door of the store room: bytes under keys, one contract, several backends.
 *
 * A store knows nothing of profiles. It keeps
 *   - records: key -> bytes, changed only by update(), which reads, calls a function and writes in
 *     one transaction, so that no update is ever lost;
 *   - an index: identifier -> keys, changed inside the same transaction as the record it serves;
 *   - streams: bytes under a name, each entry numbered from 1 and never changed, only dropped;
 *   - meta: a few named records of its own (format version, writer id).
 *
 * With hooks a store is sealed: bytes are encrypted and names are pseudonyms, whatever the backend
 * (sealed.c). It is then iterated in the order of pseudonyms. A sealed store opened without hooks, or
 * with others, and a plain one opened with some, is PZ_ERR_STATE at its first use; what cannot be
 * opened is PZ_ERR_CORRUPT.
 *
 * Every backend passes tests/store. Opening happens lazily where a backend holds a descriptor, and
 * again when the process id has changed (a fork). Thread rule: any thread may call any function at
 * any time, a pz__store_txn excepted, which stays with the thread that began it, or in the function
 * that was given it.
 */
#ifndef PZ_STORE_ROOM_H
#define PZ_STORE_ROOM_H

#include "base/buf.h"
#include "base/str.h"

/* Limits that every backend keeps. Identifiers are the bytes "kind" 0x1f "value". */
#define PZ__STORE_KEY_MAX 255u
#define PZ__STORE_IDENTIFIER_MAX 400u
#define PZ__STORE_RECORD_MAX (16u << 20)

typedef struct pz__store pz__store;
typedef struct pz__store_txn pz__store_txn;

/* How far a write must have gone when the call returns; the numbers are those of pz_durability.
 * Memory knows no difference; in Redis the servers' replicas stand for the disk, and lazy waits for
 * none of them. */
typedef enum pz__durability {
    PZ__AS_OPENED, /* as the handle's options say */
    PZ__DURABLE,   /* on the disk, by a sync of its own: survives power loss */
    PZ__GROUPED,   /* the same, by a sync shared with other threads that write now */
    PZ__LAZY       /* with the kernel or in memory: survives kill -9, not power loss, which before
                      the next durable write may cost an LMDB store itself: snapshot it */
} pz__durability;

typedef struct pz__store_options {
    pz_alloc alloc;            /* {NULL, NULL} for the heap */
    pz__durability durability; /* of what does not say for itself; PZ__DURABLE is the default */
    uint64_t map_bytes; /* LMDB: size of the map to begin with; 0 for the default; it grows */
    bool read_only;
    const struct pz_store_module *module; /* NULL, or another backend; see <personalize/redis.h> */
    const struct pz_store_hooks *hooks;   /* NULL, or see <personalize/ext/hooks.h>; copied */
} pz__store_options;

/*
 * Open a store by its address: "memory:" (private to the handle), "lmdb:PATH" (a directory, made
 * with mode 0700 if absent, files 0600; its parent must exist) or, with its module, "redis://...".
 * Looks whether an LMDB store is sound and lets go of it: files are opened, and servers asked, at
 * first use. A read-only handle makes nothing.
 *
 * PZ_ERR_ARG for an address of no known backend (the message lists those of this build) and
 * PZ_ERR_UNSUPPORTED for one that this build was configured without; PZ_ERR_VERSION for a store of
 * another format; PZ_ERR_ARG for hooks that are not whole; PZ_ERR_CORRUPT for files that are no store; PZ_ERR_NOT_FOUND for reading where
 * none is; PZ_ERR_FULL; PZ_ERR_IO.
 */
pz_status pz__store_open(pz__store **out, const char *address, const pz__store_options *options,
                         pz_error *err);
/* Close the handle. NULL is allowed. No transaction may be open. */
void pz__store_close(pz__store *store);

/* The store's own writer id: 16 bytes, a UUID made when the store was made, stable until restored;
 * in Redis until a server that may have lost writes stands in for another. */
pz_status pz__store_writer(pz__store *store, uint8_t out[16], pz_error *err);

/* Append the bytes under `key` to `out`. PZ_ERR_NOT_FOUND if there are none. */
pz_status pz__store_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err);

/*
 * What an update may do, called with the bytes as they are now (NULL, 0 for none; borrowed until it
 * returns). Writes the new bytes into `new_bytes` and sets *action. It may be called again if the
 * backend has to retry, and must then start over. May call pz__store_txn_index and _append on
 * `txn`, nothing else of the store. A status other than PZ_OK is given back and nothing of this
 * update is written, what it indexed and appended included; `err` is left to the function. A longer
 * transaction around it goes on.
 */
typedef enum pz__update_action { PZ__KEEP, PZ__WRITE, PZ__REMOVE } pz__update_action;
typedef pz_status (*pz__update_fn)(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                                   pz__buf *new_bytes, pz__update_action *action);

/* One record read, changed and written back in a transaction of its own, as durable when it returns
 * as the handle was opened; PZ__GROUPED it is one of pz__store_transact's. */
pz_status pz__store_update(pz__store *store, pz_str key, pz__update_fn fn, void *payload,
                           pz_error *err);

/*
 * Many updates as one transaction: all or none, one wait for the disk. The txn sees its own writes.
 * Writers exclude each other while it is open; readers never wait. A thread has one transaction on
 * a store at a time: PZ_ERR_STATE for a second, and for an update beside it.
 *
 * Once the store itself has failed inside a transaction, every call on it gives that status and
 * commit aborts. PZ_ERR_BUSY, from any call and from commit, asks to run the whole transaction
 * again: the map of an LMDB store had to grow; in Redis, where writers do not exclude each other,
 * somebody else changed what this one has read, and so nothing of it happened, or a server was
 * replaced, and the writer id with it. (What runs a function does so by itself.) A map cannot grow
 * while an iteration, a reading of a stream or a snapshot goes on in this process; then begin gives
 * PZ_ERR_BUSY until that has ended.
 */
pz_status pz__store_begin(pz__store *store, pz__store_txn **out, pz_error *err);
/* The same, committed as durably as said. */
pz_status pz__store_begin_as(pz__store *store, pz__durability durability, pz__store_txn **out,
                             pz_error *err);
pz_status pz__store_txn_get(pz__store_txn *txn, pz_str key, pz__buf *out, pz_error *err);
pz_status pz__store_txn_update(pz__store_txn *txn, pz_str key, pz__update_fn fn, void *payload,
                               pz_error *err);
/* Make `key` findable under `identifier` (idempotent), or not any more. */
pz_status pz__store_txn_index(pz__store_txn *txn, pz_str identifier, pz_str key, bool present,
                              pz_error *err);
pz_status pz__store_txn_lookup(pz__store_txn *txn, pz_str identifier, pz__buf *keys, size_t *count,
                               pz_error *err);
/* Append an entry to a stream; *number (may be NULL) gets its number. */
pz_status pz__store_txn_append(pz__store_txn *txn, pz_str stream, const void *bytes, size_t len,
                               uint64_t *number, pz_error *err);
/* Take an entry out of a stream: its bytes are gone, its number is given to no other. One that is
 * not there is as good as taken out. */
pz_status pz__store_txn_drop(pz__store_txn *txn, pz_str stream, uint64_t number, pz_error *err);
/*
 * The same for one function, which writes through the txn it is given, and neither commits nor
 * aborts: all it wrote is committed if it returns PZ_OK, else undone, and its status given back.
 * It is run again, and must then start over, where the store asks for that once it has begun.
 * PZ__GROUPED in LMDB, other threads' functions may be part of the same commit, and one thread calls
 * those of all who wait meanwhile; so it must not ask which thread it is on, nor take what its
 * caller holds. One that was begun leads a group and shares with functions, not with its like.
 */
typedef pz_status (*pz__txn_fn)(void *payload, pz__store_txn *txn);
pz_status pz__store_transact(pz__store *store, pz__durability durability, pz__txn_fn fn,
                             void *payload, pz_error *err);
/* The same, always called on this thread: for what calls the host. */
pz_status pz__store_transact_here(pz__store *store, pz__durability durability, pz__txn_fn fn,
                                  void *payload, pz_error *err);
/* Commit; the txn is gone either way. On failure nothing of it happened. */
pz_status pz__store_commit(pz__store_txn *txn, pz_error *err);
/* Undo all and free the txn. NULL is allowed. */
void pz__store_abort(pz__store_txn *txn);

/* Keys under an identifier, sorted, each appended to `keys` as varint length and octets. *count 0
 * and PZ_OK if there are none. */
pz_status pz__store_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                           pz_error *err);

typedef struct pz__found_key {
    char data[PZ__STORE_KEY_MAX];
    size_t len; /* 0: there is none */
} pz__found_key;
void pz__found_key_set(pz__found_key *out, pz_str key);
/* Append the record of the first key under an identifier to `out`, over one snapshot where the store
 * has them. PZ_ERR_NOT_FOUND if there is none, and *key tells whether there is a key at all: then
 * `err` is left alone. */
pz_status pz__store_find(pz__store *store, pz_str identifier, pz__buf *out, pz__found_key *key,
                         pz_error *err);

/* Called for each record in key order, over one snapshot (Redis has none: each record as it was at
 * some moment of the iteration); another status than PZ_OK stops and is returned. Bytes are
 * borrowed until it returns. What hooks cannot open does not end an iteration, nor the reading of a
 * stream: it is shown as NULL, 0, a record under its pseudonym, since its key is in what is sealed. */
typedef pz_status (*pz__iterate_fn)(void *payload, pz_str key, const void *bytes, size_t len);
pz_status pz__store_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err);
/* Entries of a stream from number `from` on (1 is the first), in order. */
typedef pz_status (*pz__stream_fn)(void *payload, uint64_t number, const void *bytes, size_t len);
pz_status pz__store_read_stream(pz__store *store, pz_str stream, uint64_t from, pz__stream_fn fn,
                                void *payload, pz_error *err);

/* Append the bytes of one entry to `out`, as committed: entries never change, so this may be called
 * while the thread has a transaction open. PZ_ERR_NOT_FOUND if it is not there. */
pz_status pz__store_entry(pz__store *store, pz_str stream, uint64_t number, pz__buf *out,
                          pz_error *err);
/* The same from the first key behind `after` on; {NULL, 0}: all. */
pz_status pz__store_iterate_after(pz__store *store, pz_str after, pz__iterate_fn fn, void *payload,
                                  pz_error *err);
/* Whether starting at a key costs no more than finding it. Redis has to name all keys each time. */
bool pz__store_can_seek(const pz__store *store);
/* Bytes up to which a value is better kept as it is: to fetch them costs less than to inflate them. */
size_t pz__store_plain_max(const pz__store *store);
/* Whether names can be told: those of a sealed store are pseudonyms, its index and streams are not
 * walked (no call is made), and its records stand in no order of keys. */
bool pz__store_has_names(const pz__store *store);
/* Every entry of the index, by identifier and key; as iterating otherwise. */
typedef pz_status (*pz__index_fn)(void *payload, pz_str identifier, pz_str key);
pz_status pz__store_each_index(pz__store *store, pz__index_fn fn, void *payload, pz_error *err);
/* The name of every stream that has entries, each once. */
typedef pz_status (*pz__each_stream_fn)(void *payload, pz_str stream);
pz_status pz__store_each_stream(pz__store *store, pz__each_stream_fn fn, void *payload,
                                pz_error *err);

/* How many records there are. */
pz_status pz__store_count(pz__store *store, uint64_t *out, pz_error *err);

/* Write a consistent copy of the whole store to a new address of the same backend while others
 * write. The copy gets a writer id of its own, and its name only when whole. `path` is an LMDB
 * store's directory, without "lmdb:"; it must be absent or empty: PZ_ERR_STATE where a store is.
 * PZ_ERR_UNSUPPORTED for memory and Redis. */
pz_status pz__store_snapshot(pz__store *store, const char *path, pz_error *err);

/* What a backend can tell of its files; all 0 where it has none. */
typedef struct pz__store_stat {
    uint64_t map_bytes;  /* address space */
    uint64_t used_bytes; /* of the file, pages that may be used again included */
    uint64_t free_bytes; /* of those, pages that may be used again */
    uint64_t file_bytes;
    uint32_t readers, readers_max; /* places in the table of readers that are, and may be, taken */
} pz__store_stat;
pz_status pz__store_stat_read(pz__store *store, pz__store_stat *out, pz_error *err);

/*
 * Whether the pages of the files hang together, so that everything in them may be walked over: all
 * of them are read, while others write. A store whose pages are damaged can end the process that
 * walks. PZ_ERR_CORRUPT names the first that is; PZ_ERR_BUSY if others write too fast to tell.
 */
pz_status pz__store_check(pz__store *store, pz_error *err);

/*
 * Write the files anew, without the pages that are free, and put them in place of the old ones at
 * one stroke. The store stays the same, its writer id too. Nobody else may have it open, no other
 * handle of this process either: PZ_ERR_BUSY, and nothing has changed. Whoever opens it meanwhile
 * waits. PZ_ERR_STATE for a read-only handle; PZ_ERR_UNSUPPORTED where there are no files.
 */
pz_status pz__store_shrink(pz__store *store, pz_error *err);
bool pz__store_has_files(const pz__store *store);

/* The version of how every backend lays out its bytes. */
uint32_t pz__store_format(void);
/* The scheme of its address: "lmdb". */
const char *pz__store_scheme(const pz__store *store);
bool pz__store_is_read_only(const pz__store *store);
/* Those that seal it, NULL if none do; borrowed for as long as it is open. */
const struct pz_store_hooks *pz__store_hooks(const pz__store *store);

/* ---- the backend's side (store/backend.h is private; see there) ---- */

#endif
