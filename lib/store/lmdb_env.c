/*
 * lmdb_env.c: an environment of LMDB, opened, read, grown and copied. The only file that includes
 * lmdb.h; what it knows of stores is the four databases and two records of `meta`.
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
 * When writing the meta page fails, LMDB puts the old one back and refuses everything from then on.
 * The next transaction then closes its environment and opens it again under the same conditions as
 * a change of the map: what it finds is the last state that was acknowledged.
 *
 * Processes of different pid namespaces must not share a store, nor may it lie on a network file
 * system: LMDB's liveness check and locks hold on one kernel only.
 *
 * Not here: transactions that write (lmdb_write.c), what the databases mean (lmdb.c), the slots
 * (slots.c), directories and errno (files.c), what the process has open (env_table.c).
 */
#include "store/lmdb_env.h"

#include <errno.h>
#include <fcntl.h>
#include <lmdb.h>
#include <sched.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/error.h"
#include "base/uuid.h"
#include "store/backend.h"
#include "store/files.h"
#include "store/pages.h"

_Static_assert(PZ__MDB_KEY_EXISTS == MDB_KEYEXIST && PZ__MDB_NOT_FOUND == MDB_NOTFOUND &&
                   PZ__MDB_MAP_FULL == MDB_MAP_FULL,
               "LMDB's numbers");

static const struct {
    const char *name;
    unsigned flags;
} databases[PZ__DB_COUNT] = {
    [PZ__META] = {"meta", 0},
    [PZ__RECORDS] = {"records", 0},
    [PZ__INDEX] = {"index", MDB_DUPSORT},
    [PZ__STREAMS] = {"streams", 0},
};

/* How often the pages of an opening are looked at again, each time those of a newer commit. */
#define LOOKS_MAX 64u
#define GROWN_MOST ((size_t)4 << 20)      /* bytes, until dead readers are looked for again */
#define LENGTHENED_MOST ((off_t)64 << 20) /* bytes, and as many as there are */

#define COUNT(array) (sizeof(array) / sizeof(array)[0])

static MDB_val val_of(pz_str text)
{
    union {
        const char *from;
        void *to;
    } cast = {text.data};
    return (MDB_val){text.len, cast.to};
}

static pz_str str_of(MDB_val value)
{
    return (pz_str){value.mv_data, value.mv_size};
}

/* How often, and how far apart, an opening that met a circle of locks is tried: five seconds. */
#define CIRCLES_MAX 5000u
#define CIRCLE_US 1000u

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
    {MDB_PANIC, PZ_ERR_BUSY,
     "a failure of the disk makes it open again, and an iteration in this process is in the way: "
     "try again after that"},
    {MDB_READERS_FULL, PZ_ERR_BUSY, "too many readers at once"},
    {MDB_MAP_FULL, PZ_ERR_FULL, "its map cannot grow further"},
    {MDB_MAP_RESIZED, PZ_ERR_BUSY,
     "another process grew it while an iteration runs in this one: try again after that"},
    {EDEADLK, PZ_ERR_BUSY, "another process works on it alone, or opens it: try again"},
    {MDB_TXN_FULL, PZ_ERR_LIMIT, "the transaction is too large: commit more often"},
};

pz_status pz__env_fail(pz_error *err, int rc, const char *doing, const char *path)
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

/* ---- the gate ---- */

/*
 * Processes that write queue here, and not at LMDB's mutex. That one is a robust mutex between
 * processes, which can forget who sleeps on it: it wakes one sleeper, another process takes it
 * meanwhile without knowing of the others, and the woken one is killed before it could tell. A lock
 * of the kernel's on the file does not: it ends with the process that holds it, and wakes all. Of
 * the threads of one process `writing` lets one in.
 *
 * Only against sleeping for ever: where the lock cannot be had (a network's file system, a circle
 * that the kernel sees among locks of other threads), LMDB's mutex still lets one write at a time.
 * Such a circle may also be told to another thread, which opens a store: see open_mdb().
 * A process that closes a descriptor of its own on the file opens the gate early, likewise.
 */
static void move_gate(const pz__env *e, short type)
{
    struct flock gate = {.l_type = type, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    mdb_filehandle_t fd;
    if (mdb_env_get_fd(e->mdb, &fd) == 0)
        while (fcntl(fd, F_SETLKW, &gate) != 0 && errno == EINTR)
            ;
}

void pz__env_leave(const pz__env *e)
{
    move_gate(e, F_UNLCK);
}

/* ---- opening an environment ---- */

static int open_databases(pz__env *e, MDB_txn *txn, unsigned create)
{
    int rc = 0;
    for (size_t i = 0; rc == 0 && i < COUNT(databases); i++)
        rc = mdb_dbi_open(txn, databases[i].name, databases[i].flags | create, &e->databases[i]);
    return rc;
}

/* The databases of an environment that had them before. */
static int find_databases(pz__env *e)
{
    MDB_txn *txn;
    int rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &txn);
    if (rc)
        return rc;
    rc = open_databases(e, txn, 0);
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int put_meta(pz__env *e, MDB_txn *txn, const char *name, const void *bytes, size_t len)
{
    MDB_val key = val_of(pz_str_of(name)), value = val_of((pz_str){bytes, len});
    return mdb_put(txn, e->databases[PZ__META], &key, &value, 0);
}

static int put_writer(pz__env *e, MDB_txn *txn)
{
    pz__uuid_new(e->writer);
    return put_meta(e, txn, "writer", e->writer, sizeof e->writer);
}

/* Make the databases, unless another process has done so since we looked. */
static int make_databases_inside(pz__env *e)
{
    static const uint8_t format[4] = {0, 0, 0, PZ__STORE_FORMAT};
    MDB_txn *txn;
    MDB_val key = val_of(PZ__STR("writer")), value;
    int rc = mdb_txn_begin(e->mdb, NULL, 0, &txn);
    if (rc)
        return rc;
    rc = open_databases(e, txn, MDB_CREATE);
    if (rc == 0 && mdb_get(txn, e->databases[PZ__META], &key, &value) == MDB_NOTFOUND) {
        rc = put_meta(e, txn, "format", format, sizeof format);
        if (rc == 0)
            rc = put_writer(e, txn);
    }
    if (rc == 0)
        return mdb_txn_commit(txn);
    mdb_txn_abort(txn);
    return rc;
}

static int make_databases(pz__env *e)
{
    move_gate(e, F_WRLCK);
    const int rc = make_databases_inside(e);
    pz__env_leave(e);
    return rc;
}

static pz_status check_meta(pz__env *e, MDB_txn *txn, const char *path, pz_error *err)
{
    MDB_val format, writer, key = val_of(PZ__STR("format"));
    int rc = mdb_get(txn, e->databases[PZ__META], &key, &format);
    key = val_of(PZ__STR("writer"));
    if (rc == 0)
        rc = mdb_get(txn, e->databases[PZ__META], &key, &writer);
    if (rc == 0 && (format.mv_size != 4 || writer.mv_size != sizeof e->writer))
        rc = MDB_CORRUPTED;
    if (rc)
        return pz__env_fail(err, rc, "open", path);
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

/* Whether the pages of what a transaction reads hang together. */
static pz_status check_pages(MDB_env *mdb, MDB_txn *txn, pz__pages_depth depth, const char *path,
                             pz_error *err)
{
    int fd;
    mdb_env_get_fd(mdb, &fd);
    return pz__pages_check(fd, mdb_txn_id(txn), depth, path, err);
}

/* A reader whose pages have been looked at. */
static pz_status begin_checked(pz__env *e, pz__pages_depth depth, const char *path, MDB_txn **out,
                               pz_error *err)
{
    pz_status status = PZ_ERR_BUSY;
    for (unsigned tries = 0; status == PZ_ERR_BUSY && tries < LOOKS_MAX; tries++) {
        const int rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, out);
        if (rc)
            return pz__env_fail(err, rc, "open", path);
        status = check_pages(e->mdb, *out, depth, path, err);
        if (status != PZ_OK)
            mdb_txn_abort(*out);
    }
    return status;
}

/* Open the databases by reading, so that opening waits for no writer; make them if they are not. */
static pz_status load(pz__env *e, const pz__env_spec *spec, bool may_make, pz_error *err)
{
    MDB_txn *txn;
    pz_status status = begin_checked(e, PZ__PAGES_OPENING, spec->path, &txn, err);
    if (status != PZ_OK)
        return status;
    int rc = open_databases(e, txn, 0);
    if (rc == MDB_NOTFOUND && is_fresh(txn)) {
        mdb_txn_abort(txn);
        if (!may_make)
            return pz__fail(err, PZ_ERR_NOT_FOUND, "there is no store in \"%s\" yet", spec->path);
        rc = make_databases(e);
        return rc ? pz__env_fail(err, rc, "make", spec->path) : load(e, spec, false, err);
    }
    status = rc ? pz__env_fail(err, rc, "open", spec->path) : check_meta(e, txn, spec->path, err);
    /* Committing, not aborting, is what keeps the handles of the databases. */
    if (status == PZ_OK && (rc = mdb_txn_commit(txn)) != 0)
        return pz__env_fail(err, rc, "open", spec->path);
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
        rc = mdb_env_set_maxreaders(mdb, PZ__READERS_MAX);
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

/* The kernel sees circles among the file locks of processes, not of threads: one that waits at the
 * gate of another store may close a circle that is none. LMDB's lock at opening is held for a
 * moment, and for the length of a compaction. */
static int open_mdb(MDB_env **out, const char *path, unsigned flags, size_t map_bytes)
{
    int rc;
    unsigned tries = 0;
    while ((rc = open_mdb_sized(out, path, flags, map_bytes)) == ENOMEM || rc == EDEADLK) {
        if (rc == EDEADLK && ++tries < CIRCLES_MAX)
            usleep(CIRCLE_US);
        else if (rc == ENOMEM && map_bytes > PZ__MAP_LEAST)
            map_bytes /= 2;
        else
            break;
    }
    return rc;
}

static void close_mdb(pz__env *e)
{
    for (size_t i = 0; i < PZ__SLOT_COUNT; i++) {
        mdb_txn_abort(e->slots[i].txn);
        e->slots[i].txn = NULL;
    }
    mdb_env_close(e->mdb);
    e->mdb = NULL;
}

void pz__env_free(pz__env *e)
{
    pz_alloc heap = pz__alloc_or_default(NULL);
    close_mdb(e);
    pz__group_clear(&e->group);
    pthread_mutex_destroy(&e->writing);
    pz__mem_free(&heap, e, 1, sizeof *e);
}

bool pz__env_is_at(const pz__env *e, const struct stat *data)
{
    struct stat opened;
    int fd;
    mdb_env_get_fd(e->mdb, &fd);
    return fstat(fd, &opened) == 0 && opened.st_dev == data->st_dev &&
           opened.st_ino == data->st_ino;
}

/*
 * A file that was cut short would kill the process with SIGBUS when the map is read beyond its end.
 * It is lengthened first: what is missing then reads as zeros, which LMDB refuses as corrupt, and
 * the checksums of the records do. posix_fallocate never shortens, so a writer elsewhere is safe.
 * Where more is missing than there is, the number of pages is what the disk damaged.
 */
static pz_status lengthen(const struct stat *file, off_t whole, const char *path, pz_error *err)
{
    char data[PZ__PATH_MAX];
    const off_t missing = whole - file->st_size;
    int own = -1;
    if (missing <= file->st_size + LENGTHENED_MOST &&
        pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, NULL) == PZ_OK)
        own = open(data, O_RDWR | O_CLOEXEC);
    const int rc = own < 0 ? EINVAL : posix_fallocate(own, file->st_size, missing);
    if (own >= 0)
        close(own);
    if (rc == ENOSPC)
        return pz__env_fail(err, rc, "open", path);
    if (rc == 0)
        return PZ_OK;
    return pz__fail(err, PZ_ERR_CORRUPT,
                    "the store in \"%s\" was cut short; restore it from a backup", path);
}

/* That no page in use is missing. A file that is short of free ones was not cut. */
static pz_status make_whole(pz__env *e, const char *path, pz_error *err)
{
    MDB_envinfo info;
    MDB_stat stat;
    MDB_txn *txn;
    struct stat file;
    int fd;
    mdb_env_info(e->mdb, &info);
    mdb_env_stat(e->mdb, &stat);
    mdb_env_get_fd(e->mdb, &fd);
    const off_t whole = (off_t)(info.me_last_pgno + 1) * stat.ms_psize;
    if (fstat(fd, &file) != 0 || file.st_size >= whole)
        return PZ_OK;
    const pz_status status = begin_checked(e, PZ__PAGES_END, path, &txn, err);
    if (status == PZ_OK)
        mdb_txn_abort(txn);
    return status == PZ_ERR_CORRUPT ? lengthen(&file, whole, path, err) : status;
}

/* Environments outlive the handle that opened them and its allocator: they come from the heap. */
pz_status pz__env_new(pz__env **out, const pz__env_spec *spec, bool can_write, pz_error *err)
{
    pz_alloc heap = pz__alloc_or_default(NULL);
    MDB_stat stat;
    int dead;
    pz_status status = pz__pages_look(spec->path, err);
    if (status != PZ_OK)
        return status;
    pz__env *e = pz__mem_zero(&heap, 1, sizeof *e);
    if (!e)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory opening \"%s\"", spec->path);
    int rc = open_mdb(&e->mdb, spec->path, can_write ? 0 : MDB_RDONLY, spec->map_bytes);
    if (rc) {
        pz__mem_free(&heap, e, 1, sizeof *e);
        return pz__env_fail(err, rc, "open", spec->path);
    }
    pthread_mutex_init(&e->writing, NULL);
    pz__group_init(&e->group);
    e->never_writes = !can_write;
    mdb_reader_check(e->mdb, &dead);
    status = make_whole(e, spec->path, err);
    if (status == PZ_OK)
        status = load(e, spec, can_write && !spec->read_only, err);
    if (status != PZ_OK) {
        pz__env_free(e);
        return status;
    }
    mdb_env_stat(e->mdb, &stat);
    e->page_bytes = stat.ms_psize;
    *out = e;
    return PZ_OK;
}

/* ---- the map ---- */

/* Give the map another size, or for 0 the one that another process gave it. With `writing` held and
 * no write transaction open. MDB_MAP_RESIZED if an iteration forbids it. */
static int remap(pz__env *e, size_t bytes)
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

/* Open an environment again that LMDB has given up, with `writing` held and no write transaction
 * open. MDB_PANIC if an iteration forbids it, or what opening met. */
static int mend(pz__env *e, const char *path)
{
    MDB_envinfo before = {.me_mapsize = PZ__MAP_DEFAULT};
    if (!pz__slots_close(e->slots))
        return MDB_PANIC;
    atomic_store(&e->broken, true);
    pz__env_table_lock();
    if (e->mdb)
        mdb_env_info(e->mdb, &before);
    close_mdb(e);
    int rc = open_mdb(&e->mdb, path, e->never_writes ? MDB_RDONLY : 0, before.me_mapsize);
    if (rc == 0 && (rc = find_databases(e)) != 0)
        close_mdb(e);
    pz__env_table_unlock();
    e->is_lazy = false;
    if (rc == 0)
        atomic_store(&e->broken, false);
    pz__slots_open(e->slots);
    return rc;
}

static bool is_given_up(pz__env *e)
{
    MDB_txn *probe;
    if (atomic_load(&e->broken))
        return true;
    const int rc = mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &probe);
    if (rc == 0)
        mdb_txn_abort(probe);
    return rc == MDB_PANIC;
}

/* A reader cannot read on: another process has written beyond our map (MDB_MAP_RESIZED), or the
 * environment has to be opened again. This is the one place where a reader may wait for writers:
 * for one of this process that is about to do the same. */
static int adopt(pz__env *e, int why, const char *path)
{
    if (pthread_mutex_trylock(&e->writing) != 0) {
        sched_yield();
        return 0;
    }
    int rc = 0;
    if (is_given_up(e))
        rc = mend(e, path);
    else if (why == MDB_MAP_RESIZED)
        rc = remap(e, 0);
    pthread_mutex_unlock(&e->writing);
    return rc;
}

/* Pages that a killed reader might still read are not used again, so the file grows instead: who
 * makes it grow looks for such. */
static void clear_dead(pz__env *e, size_t used)
{
    int dead;
    if (used < e->cleared) /* it was compacted */
        e->cleared = used;
    if (used < e->cleared + GROWN_MOST)
        return;
    mdb_reader_check(e->mdb, &dead);
    e->cleared = used;
}

/* Before a write: have what the last one lacked, and an eighth to spare if that is to be had. */
static pz_status make_room(pz__env *e, const pz__env_spec *spec, pz_error *err)
{
    MDB_envinfo info;
    int dead;
    mdb_env_info(e->mdb, &info);
    size_t used = (info.me_last_pgno + 1) * e->page_bytes;
    clear_dead(e, used);
    bool is_short = used > info.me_mapsize - info.me_mapsize / 8 && info.me_mapsize < PZ__MAP_MOST;
    bool must = e->wanted > info.me_mapsize;
    if (!must && !is_short)
        return PZ_OK;
    mdb_reader_check(e->mdb, &dead);
    int rc = remap(e, must ? e->wanted : info.me_mapsize * 2);
    must = must || atomic_load(&e->broken); /* not even the map we had is to be had again */
    if (rc && must && rc != MDB_MAP_RESIZED)
        return pz__fail(err, PZ_ERR_FULL, "cannot grow \"%s\": the system gives no address space",
                        spec->path);
    if (rc && must)
        return pz__fail(err, PZ_ERR_BUSY,
                        "\"%s\" has to grow, and cannot while an iteration runs "
                        "in this process: try again after that",
                        spec->path);
    e->wanted = 0;
    return PZ_OK;
}

/* ---- reading ---- */

static int renew(pz__env *e, pz__slot *at)
{
    if (atomic_load_explicit(&e->broken, memory_order_relaxed))
        return MDB_PANIC;
    if (!at->txn)
        return mdb_txn_begin(e->mdb, NULL, MDB_RDONLY, &at->txn);
    int rc = mdb_txn_renew(at->txn);
    if (rc && rc != MDB_MAP_RESIZED && rc != MDB_PANIC) {
        mdb_txn_abort(at->txn);
        at->txn = NULL;
    }
    return rc;
}

pz_status pz__view_read(pz__view *out, pz__env *e, int state, const char *path, pz_error *err)
{
    int dead;
    bool checked = false;
    for (;;) {
        pz__slot *at = pz__slot_take(e->slots, state);
        if (!at)
            return pz__env_fail(err, MDB_READERS_FULL, "read", path);
        int rc = renew(e, at);
        if (rc == 0) {
            *out = (pz__view){.env = e, .txn = at->txn, .slot = at};
            return PZ_OK;
        }
        pz__slot_give(at);
        if (rc == MDB_MAP_RESIZED || rc == MDB_PANIC) {
            rc = adopt(e, rc, path);
        } else if (rc == MDB_READERS_FULL && !checked) {
            checked = true;
            rc = mdb_reader_check(e->mdb, &dead);
        }
        if (rc)
            return pz__env_fail(err, rc, "read", path);
    }
}

void pz__view_end(pz__view *at)
{
    mdb_txn_reset(at->txn);
    pz__slot_give(at->slot);
}

/* ---- beginning to write ---- */

/* Before a transaction that promises more than lazy ones do. */
static pz_status sync_lazy(pz__env *e, const char *path, pz_error *err)
{
    if (e->is_unsynced && !e->is_doubtful) {
        const int rc = mdb_env_sync(e->mdb, 1);
        if (rc == 0) {
            e->is_unsynced = false;
            return PZ_OK;
        }
        e->is_doubtful = true;
    }
    if (!e->is_doubtful)
        return PZ_OK;
    return pz__fail(err, PZ_ERR_IO,
                    "cannot write to \"%s\": the disk refused what lazy writes left to it, and "
                    "nothing here is certain to be on it; snapshot the store elsewhere and go on "
                    "with the copy",
                    path);
}

static int try_begin(pz__env *e, bool is_lazy, MDB_txn **out)
{
    int rc = e->is_lazy == is_lazy ? 0 : mdb_env_set_flags(e->mdb, MDB_NOSYNC, is_lazy);
    if (rc)
        return rc;
    e->is_lazy = is_lazy;
    move_gate(e, F_WRLCK);
    rc = mdb_txn_begin(e->mdb, NULL, 0, out);
    if (rc)
        pz__env_leave(e);
    return rc;
}

/* Which file a path, or with "" a descriptor, leads to. Its times are not asked for: a file system
 * that was asked for those gives the next write one of its own, and the sync has to write that. */
static bool identify(int fd, const char *path, struct statx *out)
{
    return statx(fd, path, path[0] ? 0 : AT_EMPTY_PATH, STATX_INO | STATX_NLINK, out) == 0;
}

static bool is_same_file(const struct statx *a, const struct statx *b)
{
    return a->stx_ino == b->stx_ino && a->stx_dev_major == b->stx_dev_major &&
           a->stx_dev_minor == b->stx_dev_minor;
}

/* A file without a name goes with the last process that has it open, and what is written there with
 * it: nobody who opens the store now would find that. Nor if it has another name only, with a
 * restored one in its place. A path that begins elsewhere may lead elsewhere by now, and one that
 * leads nowhere is of a file that was only moved. */
static pz_status refuse_removed(const pz__env *e, const char *path, pz_error *err)
{
    char data[PZ__PATH_MAX];
    struct statx file, there;
    int fd;
    mdb_env_get_fd(e->mdb, &fd);
    if (!identify(fd, "", &file))
        return PZ_OK;
    const bool is_elsewhere = path[0] == '/' &&
                              pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, NULL) == PZ_OK &&
                              identify(AT_FDCWD, data, &there) && !is_same_file(&file, &there);
    if (file.stx_nlink > 0 && !is_elsewhere)
        return PZ_OK;
    return pz__fail(
        err, PZ_ERR_STATE,
        "cannot write to \"%s\": its data.mdb was removed or replaced while it was open; "
        "close every engine on it and open the store again",
        path);
}

pz_status pz__env_begin(pz__env *e, const pz__env_spec *spec, bool is_lazy, struct MDB_txn **out,
                        pz_error *err)
{
    int rc = atomic_load(&e->broken) ? mend(e, spec->path) : 0;
    if (rc)
        return pz__env_fail(err, rc, "write to", spec->path);
    pz_status status = refuse_removed(e, spec->path, err);
    if (status == PZ_OK)
        status = make_room(e, spec, err);
    if (status == PZ_OK && !is_lazy)
        status = sync_lazy(e, spec->path, err);
    if (status != PZ_OK)
        return status;
    while ((rc = try_begin(e, is_lazy, out)) == MDB_MAP_RESIZED || rc == MDB_PANIC) {
        rc = rc == MDB_PANIC ? mend(e, spec->path) : remap(e, 0);
        if (rc)
            break;
    }
    return rc ? pz__env_fail(err, rc, "write to", spec->path) : PZ_OK;
}

int pz__env_begin_inside(pz__env *e, struct MDB_txn *outer, struct MDB_txn **out)
{
    return mdb_txn_begin(e->mdb, outer, 0, out);
}

int pz__env_commit(struct MDB_txn *txn)
{
    return mdb_txn_commit(txn);
}

void pz__env_abort(struct MDB_txn *txn)
{
    mdb_txn_abort(txn);
}

size_t pz__env_map_bytes(const pz__env *e)
{
    MDB_envinfo info;
    mdb_env_info(e->mdb, &info);
    return info.me_mapsize;
}

/* ---- what is in the databases ---- */

int pz__view_get(const pz__view *at, pz__db db, pz_str key, pz_str *value)
{
    MDB_val k = val_of(key), v;
    const int rc = mdb_get(at->txn, at->env->databases[db], &k, &v);
    if (rc == 0)
        *value = str_of(v);
    return rc;
}

static int put(const pz__view *at, pz__db db, pz_str key, pz_str value, unsigned flags)
{
    MDB_val k = val_of(key), v = val_of(value);
    return mdb_put(at->txn, at->env->databases[db], &k, &v, flags);
}

int pz__view_put(const pz__view *at, pz__db db, pz_str key, pz_str value)
{
    return put(at, db, key, value, 0);
}

int pz__view_add(const pz__view *at, pz__db db, pz_str key, pz_str value)
{
    return put(at, db, key, value, db == PZ__INDEX ? MDB_NODUPDATA : MDB_NOOVERWRITE);
}

int pz__view_remove(const pz__view *at, pz__db db, pz_str key, const pz_str *value)
{
    MDB_val k = val_of(key), v = val_of(value ? *value : (pz_str){NULL, 0});
    return mdb_del(at->txn, at->env->databases[db], &k, value ? &v : NULL);
}

int pz__view_count(const pz__view *at, pz__db db, uint64_t *out)
{
    MDB_stat stat;
    const int rc = mdb_stat(at->txn, at->env->databases[db], &stat);
    if (rc == 0)
        *out = stat.ms_entries;
    return rc;
}

/* Pages that may be used again: LMDB lists them in its database 0. */
static int count_free(MDB_txn *txn, uint64_t *pages)
{
    MDB_cursor *cursor;
    MDB_val key, value;
    size_t count;
    *pages = 0;
    int rc = mdb_cursor_open(txn, 0, &cursor);
    if (rc)
        return rc;
    while ((rc = mdb_cursor_get(cursor, &key, &value, MDB_NEXT)) == 0) {
        memcpy(&count, value.mv_data, sizeof count);
        *pages += count;
    }
    mdb_cursor_close(cursor);
    return rc == MDB_NOTFOUND ? 0 : rc;
}

pz_status pz__view_check(const pz__view *at, const char *path, pz_error *err)
{
    return check_pages(at->env->mdb, at->txn, PZ__PAGES_ALL, path, err);
}

int pz__view_stat(const pz__view *at, pz__store_stat *out)
{
    MDB_envinfo info;
    struct stat file;
    uint64_t pages;
    int fd, rc = count_free(at->txn, &pages);
    mdb_env_info(at->env->mdb, &info);
    mdb_env_get_fd(at->env->mdb, &fd);
    *out = (pz__store_stat){
        .map_bytes = info.me_mapsize,
        .used_bytes = (uint64_t)(info.me_last_pgno + 1) * at->env->page_bytes,
        .free_bytes = pages * at->env->page_bytes,
        .file_bytes = fstat(fd, &file) == 0 ? (uint64_t)file.st_size : 0,
        .readers = info.me_numreaders,
        .readers_max = info.me_maxreaders,
    };
    return rc;
}

int pz__walk_begin(struct MDB_cursor **out, const pz__view *at, pz__db db)
{
    return mdb_cursor_open(at->txn, at->env->databases[db], out);
}

int pz__walk(struct MDB_cursor *walk, pz__step step, pz_str *key, pz_str *value)
{
    static const MDB_cursor_op operations[] = {
        [PZ__AT_KEY] = MDB_SET,
        [PZ__FROM_KEY] = MDB_SET_RANGE,
        [PZ__NEXT_OF_KEY] = MDB_NEXT_DUP,
        [PZ__FROM_PAIR] = MDB_GET_BOTH_RANGE,
        [PZ__NEXT] = MDB_NEXT,
        [PZ__PREVIOUS] = MDB_PREV,
        [PZ__LAST] = MDB_LAST,
    };
    MDB_val k = val_of(*key), v = {0, NULL};
    if (step == PZ__FROM_PAIR)
        v = val_of(*value);
    const int rc = mdb_cursor_get(walk, &k, &v, operations[step]);
    if (rc == 0) {
        *key = str_of(k);
        *value = str_of(v);
    }
    return rc;
}

void pz__walk_end(struct MDB_cursor *walk)
{
    mdb_cursor_close(walk);
}

/* ---- copies ---- */

/* A writer id for the copy. The commit also syncs all that was copied. */
static int name_copy(const char *path)
{
    pz__env copy = {.mdb = NULL};
    MDB_txn *txn;
    /* A compacted copy has no free page, and a map too small for it is made just large enough. */
    int rc = open_mdb(&copy.mdb, path, 0, PZ__MAP_DEFAULT);
    if (rc)
        return rc;
    rc = mdb_txn_begin(copy.mdb, NULL, 0, &txn);
    if (rc == 0) {
        rc = mdb_dbi_open(txn, "meta", 0, &copy.databases[PZ__META]);
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

/* LMDB copies in a read transaction of its own. */
static int copy_used(MDB_env *mdb, const char *to, char data[PZ__PATH_MAX])
{
    if (pz__join_path(data, pz_str_of(to), PZ__DATA_FILE, NULL) != PZ_OK)
        return ENAMETOOLONG;
    const int rc = mdb_env_copy2(mdb, to, MDB_CP_COMPACT);
    return rc == 0 && chmod(data, PZ__FILE_MODE) != 0 ? errno : rc;
}

int pz__view_copy(const pz__view *at, const char *to)
{
    char data[PZ__PATH_MAX];
    const int rc = copy_used(at->env->mdb, to, data); /* the slot keeps the map where it is */
    return rc ? rc : name_copy(to);
}

static int sync_file(const char *path)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return errno;
    const int rc = fsync(fd) != 0 ? errno : 0;
    close(fd);
    return rc;
}

int pz__env_copy_alone(const char *from, const char *to)
{
    MDB_env *mdb;
    char data[PZ__PATH_MAX];
    int rc = open_mdb(&mdb, from, MDB_RDONLY | MDB_NOLOCK, PZ__MAP_LEAST);
    if (rc)
        return rc;
    rc = copy_used(mdb, to, data);
    mdb_env_close(mdb);
    return rc ? rc : sync_file(data);
}
