/*
 * lmdb.c: the embedded store. The only file that includes lmdb.h.
 *
 * A store is a directory with LMDB's data.mdb and lock.mdb in it, and four databases in those:
 *
 *     meta      "format" -> version (4, big-endian); "writer" -> 16 bytes
 *     records   key -> bytes
 *     index     identifier -> keys, as sorted duplicates
 *     streams   name length (1), name, number (8, big-endian) -> bytes
 *
 * Handles on one file share one environment (env_table.h). A handle opens it at its first use and
 * again when the process id has changed; pz__store_open looks whether it could and lets go, so that
 * nothing is open when a host forks after opening.
 *
 * Reading goes through `slots`: read transactions that have been reset, each in LMDB's table of
 * readers for good, renewed by whichever thread takes the slot. Taking one is a compare-and-swap
 * and allocates nothing once warm. A slot that runs the caller's code (iterate, read_stream,
 * snapshot) is HELD, others are READING and will be free at once.
 *
 * Writing is one thread at a time in this process by `writing`, and one process at a time by LMDB's
 * robust mutex in lock.mdb, which a killed writer does not keep. The map may only change while no
 * transaction of this process is active: whoever changes it has `writing`, outside a transaction,
 * and closes every slot. It cannot wait for a HELD slot, whose owner may be waiting for it or be
 * itself, so growing then ends in PZ_ERR_BUSY; the map is grown an eighth before it is full to make
 * that rare, and begins with far more address space than most stores will ever fill.
 *
 * PZ__LAZY sets MDB_NOSYNC for the commit: a power loss may then cost more than the last commits,
 * for LMDB reuses pages in the belief that the disk has seen its order of writes. What it may cost
 * is the store. Processes of different pid namespaces must not share one, nor may it lie on a
 * network file system: LMDB's liveness check and locks hold on one kernel only.
 *
 * The file is as long as it is because all that calls LMDB is here. Not here: the slots (slots.c),
 * directories and errno (files.c), what the process has open (env_table.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <lmdb.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "store/backend.h"
#include "store/env_table.h"
#include "store/files.h"
#include "store/lock.h"
#include "store/slots.h"

/* Address space to begin with; the file only has what is stored. Halved while the system refuses.
 */
#define MAP_DEFAULT (sizeof(size_t) > 4 ? (size_t)16 << 30 : (size_t)256 << 20)
#define MAP_LEAST ((size_t)1 << 20)
#define MAP_MOST (sizeof(size_t) > 4 ? (size_t)1 << (sizeof(size_t) * 8 - 18) : (size_t)1 << 30)

/* Readers of all processes together, and of one. A slot in the lock file takes a cache line. */
#define READERS_MAX 1024u
#define READER_BYTES 64u

#define STREAM_KEY_MAX (1u + PZ__STORE_KEY_MAX + 8u)

typedef struct env {
    pz__shared shared; /* guarded by the table */
    MDB_env *mdb;
    MDB_dbi meta, records, index, streams;
    size_t page_bytes;
    uint8_t writer[16];
    bool never_writes;        /* opened with MDB_RDONLY */
    atomic_bool broken;       /* the map is lost */
    pthread_mutex_t writing;  /* held by the open write transaction, and to change the map */
    bool is_lazy;             /* MDB_NOSYNC is set; guarded by writing */
    size_t wanted;            /* map size to have before the next write; guarded by writing */
    _Atomic(pthread_t) owner; /* the thread that has `writing`, while `owned` */
    atomic_bool owned;
    pz__slot slots[PZ__SLOT_COUNT];
} env;

typedef struct lmdb {
    pz__store base;
    pz_alloc alloc;
    pz__durability durability;
    size_t map_bytes;
    bool read_only;
    size_t path_size;   /* with its NUL */
    _Atomic(env *) env; /* NULL before first use; of another process after a fork */
    char path[];
} lmdb;

typedef struct lmdb_txn {
    pz__store_txn base;
    env *env;
    MDB_txn *mdb;
    pid_t process;
} lmdb_txn;

static const struct {
    const char *name;
    unsigned flags;
    size_t place;
} databases[] = {
    {"meta", 0, offsetof(env, meta)},
    {"records", 0, offsetof(env, records)},
    {"index", MDB_DUPSORT, offsetof(env, index)},
    {"streams", 0, offsetof(env, streams)},
};

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static lmdb *lmdb_of(pz__store *store)
{
    return (lmdb *)store;
}

static lmdb_txn *txn_of(pz__store_txn *txn)
{
    return (lmdb_txn *)txn;
}

static MDB_val val_of(pz_str text)
{
    union {
        const char *from;
        void *to;
    } cast = {text.data};
    return (MDB_val){text.len, cast.to};
}

/* ---- what went wrong ---- */

static const struct {
    int code;
    pz_status status;
    const char *text;
} meanings[] = {
    {MDB_INVALID, PZ_ERR_CORRUPT, "it is not a store: restore a snapshot or choose another path"},
    {MDB_CORRUPTED, PZ_ERR_CORRUPT, "its pages are damaged: restore a snapshot"},
    {MDB_PAGE_NOTFOUND, PZ_ERR_CORRUPT, "a page is missing: restore a snapshot"},
    {MDB_INCOMPATIBLE, PZ_ERR_CORRUPT, "it is an LMDB environment of something else"},
    {MDB_NOTFOUND, PZ_ERR_CORRUPT, "it is an LMDB environment of something else"},
    {MDB_VERSION_MISMATCH, PZ_ERR_VERSION,
     "another version of LMDB has it: copy it with that version's mdb_copy"},
    {MDB_PANIC, PZ_ERR_IO,
     "an earlier failure left it unusable: close every handle on it and open it again"},
    {MDB_READERS_FULL, PZ_ERR_BUSY, "too many readers at once"},
    {MDB_MAP_FULL, PZ_ERR_FULL, "its map cannot grow further"},
    {MDB_MAP_RESIZED, PZ_ERR_BUSY,
     "another process grew it while an iteration runs in this one: try again after that"},
    {MDB_TXN_FULL, PZ_ERR_LIMIT, "the transaction is too large: commit more often"},
};

static pz_status fail(pz_error *err, int rc, const char *doing, const char *path)
{
    for (size_t i = 0; i < COUNT(meanings); i++)
        if (meanings[i].code == rc)
            return pz__fail(err, meanings[i].status, "cannot %s \"%s\": %s", doing, path,
                            meanings[i].text);
    if (rc == EIO && pz__is_disk_full(path))
        rc = ENOSPC;
    if (rc > 0)
        return pz__fail_errno(err, rc, doing, path);
    return pz__fail(err, PZ_ERR_IO, "cannot %s \"%s\": %s", doing, path, mdb_strerror(rc));
}

static pz_status fail_txn(lmdb_txn *txn, int rc, const char *doing, pz_error *err)
{
    if (rc == 0)
        return PZ_OK;
    const char *path = lmdb_of(txn->base.store)->path;
    MDB_envinfo info;
    mdb_env_info(txn->env->mdb, &info);
    if (rc != MDB_MAP_FULL || info.me_mapsize >= MAP_MOST)
        return fail(err, rc, doing, path);
    txn->env->wanted = info.me_mapsize * 2;
    return pz__fail(err, PZ_ERR_BUSY,
                    "cannot %s \"%s\": its map has to grow; run the transaction "
                    "again",
                    doing, path);
}

/* ---- opening an environment ---- */

static MDB_dbi *dbi_place(env *e, size_t i)
{
    return (MDB_dbi *)(void *)((char *)e + databases[i].place);
}

static int open_databases(env *e, MDB_txn *txn, unsigned create)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(databases); i++)
        rc = mdb_dbi_open(txn, databases[i].name, databases[i].flags | create, dbi_place(e, i));
    return rc;
}

static int put_meta(env *e, MDB_txn *txn, const char *name, const void *bytes, size_t len)
{
    MDB_val key = val_of(pz_str_of(name)), value = val_of((pz_str){bytes, len});
    return mdb_put(txn, e->meta, &key, &value, 0);
}

static int put_writer(env *e, MDB_txn *txn)
{
    pz__uuid_new(e->writer);
    return put_meta(e, txn, "writer", e->writer, sizeof e->writer);
}

/* Make the databases, unless another process has done so since we looked. */
static int make_databases(env *e)
{
    static const uint8_t format[4] = {0, 0, 0, PZ__STORE_FORMAT};
    MDB_txn *txn;
    MDB_val key = val_of(PZ__STR("writer")), value;
    int rc = mdb_txn_begin(e->mdb, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = open_databases(e, txn, MDB_CREATE);
    if (rc == 0 && mdb_get(txn, e->meta, &key, &value) == MDB_NOTFOUND) {
        rc = put_meta(e, txn, "format", format, sizeof format);
        if (rc == 0)
            rc = put_writer(e, txn);
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static pz_status check_meta(env *e, MDB_txn *txn, const char *path, pz_error *err)
{
    MDB_val format, writer, key = val_of(PZ__STR("format"));
    int rc = mdb_get(txn, e->meta, &key, &format);
    key = val_of(PZ__STR("writer"));
    if (rc == 0)
        rc = mdb_get(txn, e->meta, &key, &writer);
    if (rc == 0 && (format.mv_size != 4 || writer.mv_size != sizeof e->writer))
        rc = MDB_CORRUPTED;
    if (rc)
        return fail(err, rc, "open", path);
    pz__cursor from;
    pz__cursor_init(&from, format.mv_data, format.mv_size);
    uint32_t version = pz__cursor_be32(&from);
    if (version != PZ__STORE_FORMAT)
        return pz__fail(err, PZ_ERR_VERSION,
                        "\"%s\" has format %u and this library reads %u: export it with the "
                        "library that wrote it, and import it with this one",
                        path, version, PZ__STORE_FORMAT);
    memcpy(e->writer, writer.mv_data, sizeof e->writer);
    return PZ_OK;
}

/* Whether nothing has ever been stored in the environment. */
static bool is_fresh(MDB_txn *txn)
{
    MDB_dbi main_db;
    MDB_stat stat;
    return mdb_dbi_open(txn, NULL, 0, &main_db) == 0 && mdb_stat(txn, main_db, &stat) == 0 &&
           stat.ms_entries == 0;
}

/* Open the databases by reading, so that opening waits for no writer; make them if they are not. */
static pz_status load(env *e, const lmdb *s, bool may_make, pz_error *err)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
    if (rc)
        return fail(err, rc, "open", s->path);
    rc = open_databases(e, txn, 0);
    if (rc == MDB_NOTFOUND && is_fresh(txn)) {
        mdb_txn_abort(txn);
        if (!may_make)
            return pz__fail(err, PZ_ERR_NOT_FOUND, "there is no store in \"%s\" yet", s->path);
        rc = make_databases(e);
        return rc ? fail(err, rc, "make", s->path) : load(e, s, false, err);
    }
    pz_status status = rc ? fail(err, rc, "open", s->path) : check_meta(e, txn, s->path, err);
    /* Committing, not aborting, is what keeps the handles of the databases. */
    if (status == PZ_OK && (rc = mdb_txn_commit(txn)) != 0)
        return fail(err, rc, "open", s->path);
    if (status != PZ_OK)
        mdb_txn_abort(txn);
    return status;
}

static int open_mdb_sized(MDB_env **out, const char *path, unsigned flags, size_t map_bytes)
{
    MDB_env *mdb;
    int rc = mdb_env_create(&mdb);
    if (rc)
        return rc;
    rc = mdb_env_set_maxdbs(mdb, COUNT(databases));
    if (rc == 0)
        rc = mdb_env_set_maxreaders(mdb, READERS_MAX);
    if (rc == 0)
        rc = mdb_env_set_mapsize(mdb, map_bytes);
    if (rc == 0)
        rc = mdb_env_open(mdb, path, flags | MDB_NOTLS, PZ__FILE_MODE);
    if (rc == 0) {
        *out = mdb;
        return 0;
    }
    mdb_env_close(mdb);
    return rc;
}

static int open_mdb(MDB_env **out, const char *path, unsigned flags, size_t map_bytes)
{
    int rc;
    while ((rc = open_mdb_sized(out, path, flags, map_bytes)) == ENOMEM && map_bytes > MAP_LEAST)
        map_bytes /= 2;
    return rc;
}

static void env_free(env *e)
{
    pz_alloc heap = pz__alloc_or_default(NULL);
    for (size_t i = 0; i < PZ__SLOT_COUNT; i++)
        mdb_txn_abort(e->slots[i].txn);
    mdb_env_close(e->mdb);
    pthread_mutex_destroy(&e->writing);
    pz__mem_free(&heap, e, 1, sizeof *e);
}

/*
 * A file that was cut short would kill the process with SIGBUS when the map is read beyond its end.
 * It is lengthened first: what is missing then reads as zeros, which LMDB refuses as corrupt, and
 * the checksums of the records do. posix_fallocate never shortens, so a writer elsewhere is safe.
 */
static pz_status make_whole(env *e, const lmdb *s, pz_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    struct stat file;
    char path[PATH_MAX];
    int fd;
    mdb_env_info(e->mdb, &info);
    mdb_env_stat(e->mdb, &stat);
    mdb_env_get_fd(e->mdb, &fd);
    const off_t whole = (off_t)(info.me_last_pgno + 1) * stat.ms_psize;
    if (fstat(fd, &file) != 0 || file.st_size >= whole)
        return PZ_OK;
    snprintf(path, sizeof path, "%s/data.mdb", s->path);
    const int own = open(path, O_RDWR | O_CLOEXEC);
    int rc = own < 0 ? errno : posix_fallocate(own, file.st_size, whole - file.st_size);
    if (own >= 0)
        close(own);
    if (rc == ENOSPC)
        return fail(err, rc, "open", s->path);
    if (rc == 0)
        return PZ_OK;
    return pz__fail(err, PZ_ERR_CORRUPT,
                    "the store in \"%s\" was cut short; restore it from a backup", s->path);
}

/* Environments outlive the handle that opened them and its allocator: they come from the heap. */
static pz_status env_new(env **out, const lmdb *s, bool can_write, pz_error *err)
{
    pz_alloc heap = pz__alloc_or_default(NULL);
    MDB_stat stat;
    int dead;
    env *e = pz__mem_zero(&heap, 1, sizeof *e);
    if (!e)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory opening \"%s\"", s->path);
    int rc = open_mdb(&e->mdb, s->path, can_write ? 0 : MDB_RDONLY, s->map_bytes);
    if (rc) {
        pz__mem_free(&heap, e, 1, sizeof *e);
        return fail(err, rc, "open", s->path);
    }
    pthread_mutex_init(&e->writing, NULL);
    e->never_writes = !can_write;
    mdb_reader_check(e->mdb, &dead);
    pz_status status = make_whole(e, s, err);
    if (status == PZ_OK)
        status = load(e, s, can_write && !s->read_only, err);
    if (status != PZ_OK) {
        env_free(e);
        return status;
    }
    mdb_env_stat(e->mdb, &stat);
    e->page_bytes = stat.ms_psize;
    *out = e;
    return PZ_OK;
}

/* ---- files, and the table ---- */

/* Under the table's lock. */
static pz_status env_acquire(env **out, const lmdb *s, pz_error *err)
{
    struct stat data;
    bool can_write;
    pz_status status = pz__find_store(s->path, s->read_only, &data, &can_write, err);
    if (status != PZ_OK)
        return status;
    env *e = (env *)pz__env_table_find(data.st_dev, data.st_ino);
    if (e && e->never_writes && !s->read_only) {
        pz__env_table_drop(&e->shared);
        return pz__fail(err, PZ_ERR_STATE,
                        "\"%s\" is open in this process without the right to write; close that "
                        "handle first",
                        s->path);
    }
    if (e) {
        *out = e;
        return PZ_OK;
    }
    if (can_write)
        status = pz__reserve_lock(s->path, (READERS_MAX + 8) * READER_BYTES, err);
    if (status == PZ_OK)
        status = env_new(&e, s, can_write, err);
    if (status != PZ_OK)
        return status;
    pz__env_table_add(&e->shared, data.st_dev, data.st_ino);
    *out = e;
    return PZ_OK;
}

static void env_release(env *e)
{
    if (pz__env_table_drop(&e->shared))
        env_free(e);
}

static bool is_ours(const env *e)
{
    return e && e->shared.process == pz__process();
}

/* First use, or first use after a fork. */
static pz_status env_reopen(lmdb *s, env **out, pz_error *err)
{
    pz_status status = PZ_OK;
    pz__env_table_lock();
    env *e = atomic_load(&s->env);
    if (!is_ours(e))
        status = env_acquire(&e, s, err);
    if (status == PZ_OK)
        atomic_store(&s->env, e);
    pz__env_table_unlock();
    *out = e;
    return status;
}

static pz_status env_current(lmdb *s, env **out, pz_error *err)
{
    env *e = atomic_load_explicit(&s->env, memory_order_acquire);
    if (!is_ours(e)) {
        pz_status status = env_reopen(s, &e, err);
        if (status != PZ_OK)
            return status;
    }
    *out = e;
    if (atomic_load_explicit(&e->broken, memory_order_relaxed))
        return fail(err, MDB_PANIC, "use", s->path);
    return PZ_OK;
}

/* ---- the map ---- */

/* Give the map another size, or for 0 the one that another process gave it. With `writing` held and
 * no write transaction open. MDB_MAP_RESIZED if an iteration forbids it. */
static int remap(env *e, size_t bytes)
{
    MDB_envinfo before;
    mdb_env_info(e->mdb, &before);
    if (!pz__slots_close(e->slots))
        return MDB_MAP_RESIZED;
    int rc = mdb_env_set_mapsize(e->mdb, bytes);
    if (rc && mdb_env_set_mapsize(e->mdb, before.me_mapsize) != 0)
        atomic_store(&e->broken, true);
    pz__slots_open(e->slots);
    return rc;
}

/* A reader found that another process has written beyond our map. This is the one place where a
 * reader may wait for writers: for one of this process that is about to adopt the map as well. */
static int adopt_map(env *e)
{
    if (pthread_mutex_trylock(&e->writing) != 0) {
        sched_yield();
        return 0;
    }
    int rc = remap(e, 0);
    pthread_mutex_unlock(&e->writing);
    return rc;
}

/* Before a write: have what the last one lacked, and an eighth to spare if that is to be had. */
static pz_status make_room(env *e, const lmdb *s, pz_error *err)
{
    MDB_envinfo info;
    int dead;
    mdb_env_info(e->mdb, &info);
    size_t used = (info.me_last_pgno + 1) * e->page_bytes;
    bool is_short = used > info.me_mapsize - info.me_mapsize / 8 && info.me_mapsize < MAP_MOST;
    bool must = e->wanted > info.me_mapsize;
    if (!must && !is_short)
        return PZ_OK;
    mdb_reader_check(e->mdb, &dead);
    int rc = remap(e, must ? e->wanted : info.me_mapsize * 2);
    if (rc && must && rc != MDB_MAP_RESIZED)
        return pz__fail(err, PZ_ERR_FULL, "cannot grow \"%s\": the system gives no address space",
                        s->path);
    if (rc && must)
        return pz__fail(err, PZ_ERR_BUSY,
                        "\"%s\" has to grow, and cannot while an iteration runs "
                        "in this process: try again after that",
                        s->path);
    e->wanted = 0;
    return PZ_OK;
}

/* ---- reading ---- */

static int renew(env *e, pz__slot *at)
{
    if (!at->txn)
        return mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &at->txn);
    int rc = mdb_txn_renew(at->txn);
    if (rc && rc != MDB_MAP_RESIZED) {
        mdb_txn_abort(at->txn);
        at->txn = NULL;
    }
    return rc;
}

/* Begin to read the newest commit. */
static pz_status read_begin(lmdb *s, int state, env **out, pz__slot **at, pz_error *err)
{
    env *e;
    int dead;
    bool checked = false;
    pz_status status = env_current(s, &e, err);
    if (status != PZ_OK)
        return status;
    for (;;) {
        *out = e;
        *at = pz__slot_take(e->slots, state);
        if (!*at)
            return fail(err, MDB_READERS_FULL, "read", s->path);
        int rc = renew(e, *at);
        if (rc == 0)
            return PZ_OK;
        pz__slot_give(*at);
        if (rc == MDB_MAP_RESIZED) {
            rc = adopt_map(e);
        } else if (rc == MDB_READERS_FULL && !checked) {
            checked = true;
            rc = mdb_reader_check(e->mdb, &dead);
        }
        if (rc)
            return fail(err, rc, "read", s->path);
    }
}

static void read_end(pz__slot *at)
{
    mdb_txn_reset(at->txn);
    pz__slot_give(at);
}

static pz_status lmdb_get(pz__store *store, pz_str key, pz__buf *out, pz_error *err)
{
    env *e;
    pz__slot *at;
    MDB_val k = val_of(key), value;
    pz_status status = read_begin(lmdb_of(store), PZ__SLOT_READING, &e, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = mdb_get(at->txn, e->records, &k, &value);
    if (rc == 0)
        pz__buf_put(out, value.mv_data, value.mv_size);
    read_end(at);
    if (rc == MDB_NOTFOUND)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "the store has no record under this key");
    return rc ? fail(err, rc, "read", lmdb_of(store)->path) : pz__filled(out, err);
}

static pz_status find_keys(env *e, MDB_txn *txn, const char *path, pz_str identifier, pz__buf *keys,
                           size_t *count, pz_error *err)
{
    MDB_cursor *cursor;
    MDB_val k = val_of(identifier), found;
    int rc = mdb_cursor_open(txn, e->index, &cursor);
    if (rc)
        return fail(err, rc, "search", path);
    for (rc = mdb_cursor_get(cursor, &k, &found, MDB_SET); rc == 0;
         rc = mdb_cursor_get(cursor, &k, &found, MDB_NEXT_DUP)) {
        pz__put_found(keys, found.mv_data, found.mv_size);
        ++*count;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? pz__filled(keys, err) : fail(err, rc, "search", path);
}

static pz_status lmdb_lookup(pz__store *store, pz_str identifier, pz__buf *keys, size_t *count,
                             pz_error *err)
{
    env *e;
    pz__slot *at;
    pz_status status = read_begin(lmdb_of(store), PZ__SLOT_READING, &e, &at, err);
    if (status != PZ_OK)
        return status;
    status = find_keys(e, at->txn, lmdb_of(store)->path, identifier, keys, count, err);
    read_end(at);
    return status;
}

static pz_status lmdb_count(pz__store *store, uint64_t *out, pz_error *err)
{
    env *e;
    pz__slot *at;
    MDB_stat stat;
    pz_status status = read_begin(lmdb_of(store), PZ__SLOT_READING, &e, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = mdb_stat(at->txn, e->records, &stat);
    read_end(at);
    if (rc)
        return fail(err, rc, "count", lmdb_of(store)->path);
    *out = stat.ms_entries;
    return PZ_OK;
}

static pz_status lmdb_writer(pz__store *store, uint8_t out[16], pz_error *err)
{
    env *e;
    pz_status status = env_current(lmdb_of(store), &e, err);
    if (status == PZ_OK)
        memcpy(out, e->writer, sizeof e->writer);
    return status;
}

static pz_status lmdb_iterate(pz__store *store, pz__iterate_fn fn, void *payload, pz_error *err)
{
    env *e;
    pz__slot *at;
    MDB_cursor *cursor;
    MDB_val key, value;
    pz_status status = read_begin(lmdb_of(store), PZ__SLOT_HELD, &e, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = mdb_cursor_open(at->txn, e->records, &cursor);
    if (rc == 0) {
        while (status == PZ_OK && (rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0)
            status = fn(payload, (pz_str){key.mv_data, key.mv_size}, value.mv_data, value.mv_size);
        mdb_cursor_close(cursor);
    }
    read_end(at);
    if (status == PZ_OK && rc != MDB_NOTFOUND)
        return fail(err, rc, "read", lmdb_of(store)->path);
    return status;
}

/* ---- streams ---- */

static MDB_val stream_key(uint8_t room[STREAM_KEY_MAX], pz_str stream, uint64_t number)
{
    room[0] = (uint8_t)stream.len;
    memcpy(room + 1, stream.data, stream.len);
    for (unsigned i = 0; i < 8; i++)
        room[1 + stream.len + i] = (uint8_t)(number >> (56 - 8 * i));
    return (MDB_val){1 + stream.len + 8, room};
}

/* Whether a key of the database belongs to the stream that `mine` does; if so, its number. */
static bool same_stream(const MDB_val *key, const MDB_val *mine, uint64_t *number)
{
    if (key->mv_size != mine->mv_size ||
        memcmp(key->mv_data, mine->mv_data, mine->mv_size - 8) != 0)
        return false;
    pz__cursor from;
    pz__cursor_init(&from, (const char *)key->mv_data + key->mv_size - 8, 8);
    *number = pz__cursor_be64(&from);
    return true;
}

static pz_status lmdb_read_stream(pz__store *store, pz_str stream, uint64_t from, pz__stream_fn fn,
                                  void *payload, pz_error *err)
{
    env *e;
    pz__slot *at;
    MDB_cursor *cursor;
    uint8_t room[STREAM_KEY_MAX];
    uint64_t number;
    MDB_val mine = stream_key(room, stream, from), key = mine, value;
    pz_status status = read_begin(lmdb_of(store), PZ__SLOT_HELD, &e, &at, err);
    if (status != PZ_OK)
        return status;
    int rc = mdb_cursor_open(at->txn, e->streams, &cursor);
    if (rc == 0) {
        rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
        while (rc == 0 && status == PZ_OK && same_stream(&key, &mine, &number)) {
            status = fn(payload, number, value.mv_data, value.mv_size);
            rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT);
        }
        mdb_cursor_close(cursor);
    }
    read_end(at);
    if (status == PZ_OK && rc && rc != MDB_NOTFOUND)
        return fail(err, rc, "read", lmdb_of(store)->path);
    return status;
}

static pz_status lmdb_last(pz__store_txn *base, pz_str stream, uint64_t *number, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    MDB_cursor *cursor;
    uint8_t room[STREAM_KEY_MAX];
    MDB_val beyond = stream_key(room, stream, UINT64_MAX), key = beyond, value;
    *number = 0;
    int rc = mdb_cursor_open(txn->mdb, txn->env->streams, &cursor);
    if (rc)
        return fail_txn(txn, rc, "read", err);
    rc = mdb_cursor_get(cursor, &key, &value, MDB_SET_RANGE);
    rc = mdb_cursor_get(cursor, &key, &value, rc == 0 ? MDB_PREV : MDB_LAST);
    if (rc == 0 && !same_stream(&key, &beyond, number))
        *number = 0;
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? PZ_OK : fail_txn(txn, rc, "read", err);
}

/* ---- transactions ---- */

/* Take `writing`, unless it is this thread that has it. */
static pz_status take_writing(env *e, pz_error *err)
{
    if (atomic_load(&e->owned) && pthread_equal(atomic_load(&e->owner), pthread_self()))
        return pz__fail(err, PZ_ERR_STATE, "this thread has a transaction open on the store");
    pthread_mutex_lock(&e->writing);
    atomic_store(&e->owner, pthread_self());
    atomic_store(&e->owned, true);
    return PZ_OK;
}

static void give_writing(env *e)
{
    atomic_store(&e->owned, false);
    pthread_mutex_unlock(&e->writing);
}

static pz_status begin_mdb(env *e, const lmdb *s, MDB_txn **out, pz_error *err)
{
    bool lazy = s->durability == PZ__LAZY;
    int rc = 0;
    pz_status status = make_room(e, s, err);
    if (status != PZ_OK)
        return status;
    if (e->is_lazy != lazy)
        rc = mdb_env_set_flags(e->mdb, MDB_NOSYNC, lazy);
    if (rc == 0)
        e->is_lazy = lazy;
    while (rc == 0 && (rc = mdb_txn_begin(e->mdb, NULL, 0, out)) != 0) {
        if (rc != MDB_MAP_RESIZED)
            break;
        rc = remap(e, 0);
    }
    return rc ? fail(err, rc, "write to", s->path) : PZ_OK;
}

static pz_status lmdb_begin(pz__store *store, pz__store_txn **out, pz_error *err)
{
    lmdb *s = lmdb_of(store);
    env *e;
    pz_status status = env_current(s, &e, err);
    if (status != PZ_OK)
        return status;
    lmdb_txn *txn = pz__mem_zero(&s->alloc, 1, sizeof *txn);
    if (!txn)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory beginning a transaction");
    status = take_writing(e, err);
    if (status == PZ_OK) {
        status = begin_mdb(e, s, &txn->mdb, err);
        if (status != PZ_OK)
            give_writing(e);
    }
    if (status != PZ_OK) {
        pz__mem_free(&s->alloc, txn, 1, sizeof *txn);
        return status;
    }
    txn->base.store = store;
    txn->env = e;
    txn->process = pz__process();
    *out = &txn->base;
    return PZ_OK;
}

static void txn_free(lmdb_txn *txn)
{
    pz__mem_free(&lmdb_of(txn->base.store)->alloc, txn, 1, sizeof *txn);
}

/* In a forked child the transaction is the parent's: only our copy of the struct may go. */
static void lmdb_abort(pz__store_txn *base)
{
    lmdb_txn *txn = txn_of(base);
    if (txn->process == pz__process()) {
        mdb_txn_abort(txn->mdb);
        give_writing(txn->env);
    }
    txn_free(txn);
}

static pz_status lmdb_commit(pz__store_txn *base, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    if (txn->process != pz__process()) {
        txn_free(txn);
        return pz__fail(err, PZ_ERR_STATE, "the transaction belongs to the process that began it");
    }
    pz_status status = fail_txn(txn, mdb_txn_commit(txn->mdb), "commit to", err);
    give_writing(txn->env);
    txn_free(txn);
    return status;
}

static pz_status lmdb_peek(pz__store_txn *base, pz_str key, const void **bytes, size_t *len,
                           pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    MDB_val k = val_of(key), value = {0, NULL};
    int rc = mdb_get(txn->mdb, txn->env->records, &k, &value);
    *bytes = rc == 0 ? value.mv_data : NULL;
    *len = rc == 0 ? value.mv_size : 0;
    return rc == MDB_NOTFOUND ? PZ_OK : fail_txn(txn, rc, "read", err);
}

static pz_status lmdb_txn_lookup(pz__store_txn *base, pz_str identifier, pz__buf *keys,
                                 size_t *count, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    return find_keys(txn->env, txn->mdb, lmdb_of(base->store)->path, identifier, keys, count, err);
}

static pz_status lmdb_put(pz__store_txn *base, pz_str key, const void *bytes, size_t len,
                          pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    MDB_val k = val_of(key), value = val_of((pz_str){bytes, len});
    return fail_txn(txn, mdb_put(txn->mdb, txn->env->records, &k, &value, 0), "write to", err);
}

static pz_status lmdb_remove(pz__store_txn *base, pz_str key, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    MDB_val k = val_of(key);
    int rc = mdb_del(txn->mdb, txn->env->records, &k, NULL);
    return rc == MDB_NOTFOUND ? PZ_OK : fail_txn(txn, rc, "write to", err);
}

static pz_status lmdb_index(pz__store_txn *base, pz_str identifier, pz_str key, bool present,
                            pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    MDB_val k = val_of(identifier), value = val_of(key);
    int rc = present ? mdb_put(txn->mdb, txn->env->index, &k, &value, MDB_NODUPDATA)
                     : mdb_del(txn->mdb, txn->env->index, &k, &value);
    bool was_so = rc == (present ? MDB_KEYEXIST : MDB_NOTFOUND);
    return was_so ? PZ_OK : fail_txn(txn, rc, "write to", err);
}

static pz_status lmdb_append(pz__store_txn *base, pz_str stream, uint64_t number, const void *bytes,
                             size_t len, pz_error *err)
{
    lmdb_txn *txn = txn_of(base);
    uint8_t room[STREAM_KEY_MAX];
    MDB_val k = stream_key(room, stream, number), value = val_of((pz_str){bytes, len});
    int rc = mdb_put(txn->mdb, txn->env->streams, &k, &value, MDB_NOOVERWRITE);
    return fail_txn(txn, rc, "write to", err);
}

/* ---- snapshots ---- */

/* A writer id for the copy. The commit also syncs all that was copied. */
static int name_copy(const char *path)
{
    env copy = {.mdb = NULL};
    MDB_txn *txn;
    /* A compacted copy has no free page, and a map too small for it is made just large enough. */
    int rc = open_mdb(&copy.mdb, path, 0, MAP_DEFAULT);
    if (rc)
        return rc;
    rc = mdb_txn_begin(copy.mdb, NULL, 0, &txn);
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "meta", 0, &copy.meta);
        if (rc == 0)
            rc = put_writer(&copy, txn);
        if (rc == 0)
            rc = mdb_txn_commit(txn);
        else
            mdb_txn_abort(txn);
    }
    mdb_env_close(copy.mdb);
    return rc;
}

static pz_status copy_into(lmdb *s, const char *path, pz_error *err)
{
    env *e;
    pz__slot *at;
    char data[PZ__PATH_MAX];
    pz_status status = pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, err);
    if (status == PZ_OK)
        status = read_begin(s, PZ__SLOT_HELD, &e, &at, err);
    if (status != PZ_OK)
        return status;
    /* LMDB copies in a read transaction of its own; the slot keeps the map where it is. */
    int rc = mdb_env_copy2(e->mdb, path, MDB_CP_COMPACT);
    read_end(at);
    if (rc == 0 && chmod(data, PZ__FILE_MODE) != 0)
        rc = errno;
    if (rc == 0)
        rc = name_copy(path);
    return rc ? fail(err, rc, "copy to", path) : pz__sync_directory(path, err);
}

static pz_status lmdb_snapshot(pz__store *store, const char *path, pz_error *err)
{
    char partial[PZ__PATH_MAX], data[PZ__PATH_MAX];
    pz_status status = pz__partial_path(partial, path, err);
    if (status == PZ_OK)
        status = pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, err);
    if (status != PZ_OK)
        return status;
    if (access(data, F_OK) == 0)
        return pz__fail(err, PZ_ERR_STATE, "there is a store in \"%s\" already", path);
    status = pz__make_directory(partial, err);
    if (status != PZ_OK)
        return status;
    status = copy_into(lmdb_of(store), partial, err);
    if (status == PZ_OK && rename(partial, path) != 0)
        status = fail(err, errno, "rename the copy to", path);
    if (status != PZ_OK) {
        pz__remove_store(partial);
        return status;
    }
    return pz__sync_directory(path, err);
}

/* ---- the handle ---- */

static pz_status lmdb_open(pz__store **out, pz_str where, const pz__store_options *options,
                           pz_error *err)
{
    if (where.len == 0 || where.len >= PZ__PATH_MAX)
        return pz__fail(err, PZ_ERR_ARG, "\"lmdb:\" needs the path of a directory");
    if (options->map_bytes > MAP_MOST)
        return pz__fail(err, PZ_ERR_LIMIT, "a map of %" PRIu64 " bytes is larger than %zu",
                        options->map_bytes, MAP_MOST);
    size_t path_size = where.len + 1;
    lmdb *s = pz__mem_zero(&options->alloc, 1, sizeof *s + path_size);
    if (!s)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory opening a store");
    s->alloc = options->alloc;
    s->durability = options->durability;
    s->read_only = options->read_only;
    s->map_bytes = options->map_bytes ? (size_t)options->map_bytes : MAP_DEFAULT;
    s->map_bytes = s->map_bytes < MAP_LEAST ? MAP_LEAST : s->map_bytes & ~(size_t)0xffff;
    s->path_size = path_size;
    memcpy(s->path, where.data, where.len);
    env *e;
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
    env *e = atomic_load(&s->env);
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
    .open = lmdb_open,
    .close = lmdb_close,
    .writer = lmdb_writer,
    .get = lmdb_get,
    .lookup = lmdb_lookup,
    .iterate = lmdb_iterate,
    .read_stream = lmdb_read_stream,
    .count = lmdb_count,
    .snapshot = lmdb_snapshot,
    .begin = lmdb_begin,
    .peek = lmdb_peek,
    .txn_lookup = lmdb_txn_lookup,
    .last = lmdb_last,
    .put = lmdb_put,
    .remove = lmdb_remove,
    .index = lmdb_index,
    .append = lmdb_append,
    .commit = lmdb_commit,
    .abort = lmdb_abort,
};
