/*
 * lmdb_env.h: an LMDB environment and its transactions, for lmdb.c. Private to the room.
 *
 * Calls that give an `int` give LMDB's own: 0 for success, an errno, or one of LMDB's numbers, of
 * which those that a caller tells apart have names here. pz__env_fail() makes a status of any.
 */
#ifndef PZ_STORE_LMDB_ENV_H
#define PZ_STORE_LMDB_ENV_H

#include <pthread.h>
#include <stdatomic.h>

#include <sys/stat.h>

#include "base/str.h"
#include "store/env_table.h"
#include "store/groups.h"
#include "store/slots.h"
#include "store/store.h"

enum { PZ__MDB_KEY_EXISTS = -30799, PZ__MDB_NOT_FOUND = -30798, PZ__MDB_MAP_FULL = -30792 };

/* Address space to begin with; the file only has what is stored. Halved while the system refuses.
 */
#define PZ__MAP_DEFAULT (sizeof(size_t) > 4 ? (size_t)16 << 30 : (size_t)256 << 20)
#define PZ__MAP_LEAST ((size_t)1 << 20)
#define PZ__MAP_MOST                                                                               \
    (sizeof(size_t) > 4 ? (size_t)1 << (sizeof(size_t) * 8 - 18) : (size_t)1 << 30)

/* Readers of all processes together, and of one. A slot in the lock file takes a cache line. */
#define PZ__READERS_MAX 1024u
#define PZ__READER_BYTES 64u

typedef enum pz__db { PZ__META, PZ__RECORDS, PZ__INDEX, PZ__STREAMS, PZ__DB_COUNT } pz__db;

typedef struct pz__env {
    pz__shared shared; /* guarded by the table */
    struct MDB_env *mdb;
    unsigned databases[PZ__DB_COUNT];
    size_t page_bytes;
    uint8_t writer[16];
    bool never_writes;        /* opened with MDB_RDONLY */
    atomic_bool broken;       /* `mdb` must be opened anew before anything else */
    pthread_mutex_t writing;  /* held by the open write transaction, and to change the map */
    bool is_lazy;             /* MDB_NOSYNC is set; guarded by writing, like the next four */
    bool is_unsynced;         /* lazy commits may not be on the disk */
    bool is_doubtful;         /* and the disk has refused some of them */
    size_t wanted;            /* map size to have before the next write */
    size_t cleared;           /* bytes in use when dead readers were last looked for */
    pz__group group;          /* writers who share a commit */
    _Atomic(pthread_t) owner; /* the thread that writes, while `owned` */
    atomic_bool owned;
    pz__slot slots[PZ__SLOT_COUNT];
} pz__env;

/* How a handle wants its environment. */
typedef struct pz__env_spec {
    const char *path; /* the directory */
    size_t map_bytes;
    bool read_only; /* make nothing */
} pz__env_spec;

/* A status, and a message that says what was being done to what. */
pz_status pz__env_fail(pz_error *err, int rc, const char *doing, const char *path);

/* Open; the databases are made if they are not there and the spec allows it. Dead readers are
 * cleared. Under the table's lock, like closing. */
pz_status pz__env_new(pz__env **out, const pz__env_spec *spec, bool can_write, pz_error *err);
void pz__env_free(pz__env *e);
/* Whether it was opened on the file that was looked at: another process may have put a smaller one
 * in its place meanwhile (lmdb_shrink.c), and the old one is nobody's store any more. */
bool pz__env_is_at(const pz__env *e, const struct stat *data);

/* Begin a transaction that writes, with `writing` held: grown, mended and synced as it has to be.
 * When it has ended, leave. */
pz_status pz__env_begin(pz__env *e, const pz__env_spec *spec, bool is_lazy, struct MDB_txn **out,
                        pz_error *err);

void pz__env_leave(const pz__env *e);

/* One inside another, and the end of both kinds: LMDB's own. */
int pz__env_begin_inside(pz__env *e, struct MDB_txn *outer, struct MDB_txn **out);
int pz__env_commit(struct MDB_txn *txn);
void pz__env_abort(struct MDB_txn *txn);
/* The address space that the store has now. */
size_t pz__env_map_bytes(const pz__env *e);

/* ---- transactions ---- */

/* One that reads through a slot, or one that writes, alone or in a group. */
typedef struct pz__view {
    pz__env *env;
    struct MDB_txn *txn;
    pz__slot *slot; /* of one that reads */
    bool is_grouped;
    bool is_lazy;
} pz__view;

/* Read the newest commit, in a slot of this state (slots.h). */
pz_status pz__view_read(pz__view *out, pz__env *e, int state, const char *path, pz_error *err);
void pz__view_end(pz__view *at);

/* Write, when no other thread or process does. PZ_ERR_STATE if this thread does already. One that
 * is PZ__GROUPED leads its group. Commit and abort end it whatever they return; of a transaction
 * that a fork copied, neither may be called. */
pz_status pz__view_write(pz__view *out, pz__env *e, const pz__env_spec *spec,
                         pz__durability durability, pz_error *err);
pz_status pz__view_commit(pz__view *at, const char *path, pz_error *err);
void pz__view_abort(pz__view *at);

/* What is written in a group, by this thread or, while it waits, by the one that leads. */
typedef struct pz__part {
    /* Writes through `at`; what it wrote is undone unless PZ_OK, and forgotten unless *wrote. */
    pz_status (*write)(struct pz__part *self, bool *wrote);
    pz_error *err; /* of the caller */
    /* The rest belongs to pz__view_share. */
    pz__view at;
    pz__member member;
    const char *path;
    pz_status status;
} pz__part;

/* Do a part; returns when it is committed, or undone. PZ_ERR_STATE if this thread writes already. */
pz_status pz__view_share(pz__part *part, pz__env *e, const pz__env_spec *spec);
/* pz__env_fail for one that writes; where the map is too small, the next one's will be larger. */
pz_status pz__view_fail(const pz__view *at, int rc, const char *doing, const char *path,
                        pz_error *err);

/* ---- what is in the databases: bytes are borrowed until the next write or the end ---- */

int pz__view_get(const pz__view *at, pz__db db, pz_str key, pz_str *value);
/* Replace what is under the key; or add, PZ__MDB_KEY_EXISTS if it (in the index: the pair) is
 * there. */
int pz__view_put(const pz__view *at, pz__db db, pz_str key, pz_str value);
int pz__view_add(const pz__view *at, pz__db db, pz_str key, pz_str value);
/* Remove a key, or of the index the one pair. */
int pz__view_remove(const pz__view *at, pz__db db, pz_str key, const pz_str *value);
int pz__view_count(const pz__view *at, pz__db db, uint64_t *out);
/* Whether the pages hang together (pages.c). PZ_ERR_BUSY: of a newer commit it can be told. */
pz_status pz__view_check(const pz__view *at, const char *path, pz_error *err);
/* How large file and map are. */
int pz__view_stat(const pz__view *at, pz__store_stat *out);

typedef enum pz__step {
    PZ__AT_KEY,      /* the first pair of this key */
    PZ__FROM_KEY,    /* the first pair of this key or a greater one */
    PZ__FROM_PAIR,   /* of the index: the pair of this key and this value, or the key's next */
    PZ__NEXT_OF_KEY, /* the next pair of the same key */
    PZ__NEXT,        /* the next pair; of a new walk the first */
    PZ__PREVIOUS,
    PZ__LAST
} pz__step;

struct MDB_cursor;

/* A walk over a database; it ends before the transaction does. */
int pz__walk_begin(struct MDB_cursor **out, const pz__view *at, pz__db db);
int pz__walk(struct MDB_cursor *walk, pz__step step, pz_str *key, pz_str *value);
void pz__walk_end(struct MDB_cursor *walk);

/* ---- copies ---- */

/* A compacted copy into the empty directory `to`, with a writer id of its own and synced, all but
 * the directory. The reader `at` keeps the map where it is meanwhile. */
int pz__view_copy(const pz__view *at, const char *to);
/* The same of a store that nobody has open, and as it is, writer id and all. Takes no lock. */
int pz__env_copy_alone(const char *from, const char *to);

/* Put such a copy in the place of the store, at one stroke (lmdb_shrink.c). Under the table's lock,
 * while nobody in this process has it open; PZ_ERR_BUSY if somebody in another has. */
pz_status pz__env_shrink(const pz__env_spec *spec, pz_error *err);

#endif
