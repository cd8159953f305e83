/*
 * store_work.h: what those who look after a store share. Private to the engine room.
 */
#ifndef PZ_ENGINE_STORE_WORK_H
#define PZ_ENGINE_STORE_WORK_H

#include "engine/engine.h"
#include "engine/records.h"

/* Options as the caller gave them (NULL: none), of whatever version. PZ_ERR_ARG. */
pz_status pz__store_options_read(const pz_store_options *given, pz_store_options *out,
                                 pz_error *err);

/* An id or identifier for a message: not told where a store has pseudonyms for them. */
static inline pz_str pz__store_told(const pz__store *store, pz_str name)
{
    return pz__store_hooks(store) ? PZ__STR("(not told)") : name;
}

/* A failure that is the store's or the machine's ends the work; others are one record's own. */
static inline bool pz__ends_work(pz_status status)
{
    return status == PZ_ERR_NOMEM || status == PZ_ERR_IO || status == PZ_ERR_FULL ||
           status == PZ_ERR_BUSY || status == PZ_ERR_STATE;
}

/* A call that is followed: what the caller wants to be told, and what is told at the end. */
typedef struct pz__watch {
    pz_store_watch how;
    pz_store_outcome outcome;
    uint64_t done, total;
} pz__watch;

/* Read what the caller gave (NULL: nothing) and check where the outcome goes. PZ_ERR_ARG. */
pz_status pz__watch_begin(pz__watch *watch, const pz_store_watch *given,
                          const pz_store_outcome *outcome, pz_error *err);
/* So much more is done. */
pz_status pz__watch_step(pz__watch *watch, uint64_t more);
/* Tell of a fault, and count it. */
typedef struct pz__fault {
    pz_fault_kind kind;
    pz_str key, identifier;
    pz_status status;
} pz__fault;
pz_status pz__watch_fault(pz__watch *watch, pz__fault fault, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* Write the outcome down for the caller and give `status` back. */
pz_status pz__watch_end(const pz__watch *watch, pz_store_outcome *outcome, pz_status status);

/* ---- records, some at a time ---- */

/* Records that were read together, some of them long: what is done with them needs no more of the
 * store that they are from. */
#define PZ__CHUNK_RECORDS_MAX 256u
#define PZ__CHUNK_BYTES_MAX (4u << 20)

typedef struct pz__chunk {
    pz__buf bytes; /* key length, key, record length, record; lengths are varints */
    uint32_t count;
} pz__chunk;

void pz__chunk_init(pz__chunk *chunk, const pz_alloc *alloc);
bool pz__chunk_is_full(const pz__chunk *chunk);
pz_status pz__chunk_put(pz__chunk *chunk, pz_str name, const void *bytes, size_t len,
                        pz_error *err);
/* Read them one after the other; false at the end. */
bool pz__chunk_next(pz__cursor *from, pz_str *name, pz_str *bytes);

/* Called with each chunk, which is its own afterwards to be reset by the caller. */
typedef pz_status (*pz__chunk_fn)(void *payload, const pz__chunk *chunk);

/*
 * Read all records behind `after` in chunks. Where the store can seek, none of its snapshots is held
 * while a chunk is worked on, so a long job keeps no free pages from writers, and the store itself
 * may be written to. Each record is as it was at some moment of the walk.
 */
pz_status pz__walk_records(pz__store *store, const pz_alloc *alloc, pz_str after, pz__chunk_fn fn,
                           void *payload, pz_error *err);

/* ---- decision records (store_kept.c) ---- */

typedef struct pz__kept_copy {
    pz__store *to;
    pz__store_txn *txn;
    const pz__remembrance *erased; /* of the target */
    const pz_alloc *alloc;
    pz__arena *scratch;
    pz_error *err;
} pz__kept_copy;
/* Take one over, unless the target has it or erased somebody it is about. PZ_ERR_CORRUPT. */
pz_status pz__kept_take(const pz__kept_copy *copy, pz_str bytes, bool *is_new);

typedef struct pz__kept_check {
    pz__store *store;
    const pz_alloc *alloc;
    pz__watch *watch;
    pz__arena *scratch;
    pz_error *err;
} pz__kept_check;
pz_status pz__kept_verify(const pz__kept_check *check, uint64_t number, pz_str bytes);

/* ---- copying (store_copy.c) ---- */

/* What pz_store_copy() does, for callers that have a watch. */
pz_status pz__store_copy(pz_store *from, pz_store *to, pz__watch *watch, pz_error *err);
/* Whether `to` holds an interrupted copy of the store with this writer id. */
pz_status pz__copy_is_begun(pz__store *to, const pz_alloc *alloc, const uint8_t writer[16],
                            bool *out, pz_error *err);
/* Whether an identifier of the index is a bookmark of a copy; *is_good: with a key as it has. */
bool pz__copy_entry(pz_str identifier, pz_str key, bool *is_good);

#endif
