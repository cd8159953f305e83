/*
 * raw.c: see raw.h. The only file of the benchmarks that includes lmdb.h.
 *
 * Reading uses one transaction that is reset and renewed, as the library does, and hands nothing
 * out: the bytes are looked at where they lie in the map. That is the least that anything which
 * keeps its records in LMDB can cost.
 */
#include "raw.h"

#ifdef PZ_WITH_LMDB

#include <lmdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct raw {
    MDB_env *env;
    MDB_txn *reader;
    MDB_dbi records, index;
    size_t len;
    char *scratch;
};

static void must(int rc)
{
    if (rc)
        bench_die(mdb_strerror(rc), NULL);
}

static raw *opened(const char *path, unsigned flags)
{
    raw *r = calloc(1, sizeof *r);
    bench_expect(r != NULL, "memory");
    must(mdb_env_create(&r->env));
    must(mdb_env_set_maxdbs(r->env, 8));
    if (!(flags & MDB_RDONLY)) /* a reader's map is as large as the file says */
        must(mdb_env_set_mapsize(r->env, (size_t)4 << 30));
    must(mdb_env_open(r->env, path, flags | MDB_NOTLS, 0600));
    return r;
}

/* Of a store of the library's. */
static raw *opened_store(const char *path, unsigned flags)
{
    raw *r = opened(path, flags);
    must(mdb_txn_begin(r->env, NULL, MDB_RDONLY, &r->reader));
    must(mdb_dbi_open(r->reader, "records", 0, &r->records));
    must(mdb_dbi_open(r->reader, "index", MDB_DUPSORT, &r->index));
    must(mdb_txn_commit(r->reader));
    must(mdb_txn_begin(r->env, NULL, MDB_RDONLY, &r->reader));
    mdb_txn_reset(r->reader);
    return r;
}

raw *raw_open(const char *path)
{
    return opened_store(path, MDB_RDONLY | MDB_NOLOCK);
}

raw *raw_open_copy(const char *path, bool is_lazy)
{
    return opened_store(path, is_lazy ? MDB_NOSYNC : 0);
}

static void put_number(raw *r, MDB_txn *txn, uint32_t number)
{
    MDB_val key = {sizeof number, &number}, value = {r->len, r->scratch};
    must(mdb_put(txn, r->records, &key, &value, 0));
}

raw *raw_new(const char *path, bool is_lazy, uint32_t count, size_t len)
{
    MDB_txn *txn;
    bench_expect(mkdir(path, 0700) == 0, "a folder for LMDB");
    raw *r = opened(path, is_lazy ? MDB_NOSYNC : 0);
    r->len = len;
    r->scratch = calloc(1, len);
    bench_expect(r->scratch != NULL, "memory");
    must(mdb_txn_begin(r->env, NULL, 0, &txn));
    must(mdb_dbi_open(txn, "records", MDB_CREATE | MDB_INTEGERKEY, &r->records));
    for (uint32_t i = 0; i < count; i++)
        put_number(r, txn, i);
    must(mdb_txn_commit(txn));
    return r;
}

void raw_close(raw *r)
{
    if (r->reader)
        mdb_txn_abort(r->reader);
    mdb_env_close(r->env);
    free(r->scratch);
    free(r);
}

static size_t get(raw *r, MDB_val key)
{
    MDB_val value;
    if (mdb_get(r->reader, r->records, &key, &value))
        return 0;
    return value.mv_size + ((const unsigned char *)value.mv_data)[0] * 0u;
}

size_t raw_get(raw *r, pz_str key)
{
    must(mdb_txn_renew(r->reader));
    const size_t len = get(r, (MDB_val){key.len, (void *)(uintptr_t)key.data});
    mdb_txn_reset(r->reader);
    return len;
}

size_t raw_lookup(raw *r, pz_str identifier)
{
    MDB_val name = {identifier.len, (void *)(uintptr_t)identifier.data}, key;
    must(mdb_txn_renew(r->reader));
    const size_t len = mdb_get(r->reader, r->index, &name, &key) == 0 ? key.mv_size : 0;
    mdb_txn_reset(r->reader);
    return len;
}

size_t raw_find(raw *r, pz_str identifier)
{
    MDB_val name = {identifier.len, (void *)(uintptr_t)identifier.data}, key;
    must(mdb_txn_renew(r->reader));
    const size_t len = mdb_get(r->reader, r->index, &name, &key) == 0 ? get(r, key) : 0;
    mdb_txn_reset(r->reader);
    return len;
}

uint64_t raw_walk(raw *r)
{
    MDB_cursor *walk;
    MDB_val key, value;
    uint64_t bytes = 0;
    must(mdb_txn_renew(r->reader));
    must(mdb_cursor_open(r->reader, r->records, &walk));
    while (mdb_cursor_get(walk, &key, &value, MDB_NEXT) == 0)
        bytes += value.mv_size;
    mdb_cursor_close(walk);
    mdb_txn_reset(r->reader);
    return bytes;
}

void raw_rewrite(raw *r, pz_str key)
{
    MDB_txn *txn;
    MDB_val name = {key.len, (void *)(uintptr_t)key.data}, value;
    must(mdb_txn_begin(r->env, NULL, 0, &txn));
    must(mdb_get(txn, r->records, &name, &value));
    if (value.mv_size > r->len) {
        r->scratch = realloc(r->scratch, value.mv_size);
        bench_expect(r->scratch != NULL, "memory");
        r->len = value.mv_size;
    }
    memcpy(r->scratch, value.mv_data, value.mv_size);
    r->scratch[value.mv_size - 1]++;
    value.mv_data = r->scratch;
    must(mdb_put(txn, r->records, &name, &value, 0));
    must(mdb_txn_commit(txn));
}

void raw_update(raw *r, const uint32_t *numbers, uint32_t count)
{
    MDB_txn *txn;
    must(mdb_txn_begin(r->env, NULL, 0, &txn));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = numbers[i];
        MDB_val key = {sizeof number, &number}, value;
        must(mdb_get(txn, r->records, &key, &value));
        memcpy(r->scratch, value.mv_data, r->len);
        r->scratch[number % r->len]++;
        put_number(r, txn, number);
    }
    must(mdb_txn_commit(txn));
}

#else

static const char absent[] = "this build has no LMDB";

raw *raw_open(const char *path)
{
    (void)path;
    return NULL;
}

raw *raw_new(const char *path, bool is_lazy, uint32_t count, size_t len)
{
    (void)path, (void)is_lazy, (void)count, (void)len;
    return NULL;
}

void raw_close(raw *r)
{
    (void)r;
}

raw *raw_open_copy(const char *path, bool is_lazy)
{
    (void)path, (void)is_lazy;
    return NULL;
}

size_t raw_lookup(raw *r, pz_str identifier)
{
    (void)r, (void)identifier;
    bench_die(absent, NULL);
}

uint64_t raw_walk(raw *r)
{
    (void)r;
    bench_die(absent, NULL);
}

void raw_rewrite(raw *r, pz_str key)
{
    (void)r, (void)key;
    bench_die(absent, NULL);
}

size_t raw_get(raw *r, pz_str key)
{
    (void)r, (void)key;
    bench_die(absent, NULL);
}

size_t raw_find(raw *r, pz_str identifier)
{
    (void)r, (void)identifier;
    bench_die(absent, NULL);
}

void raw_update(raw *r, const uint32_t *numbers, uint32_t count)
{
    (void)r, (void)numbers, (void)count;
    bench_die(absent, NULL);
}

#endif
