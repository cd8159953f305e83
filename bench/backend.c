/*
 * backend.c: the store on LMDB beside LMDB itself, on the same bytes.
 *
 * A store has 10,000 records of 1 KiB, each with an identifier. `library` is a call of
 * store/store.h, `reference` the same by hand, in the same file for reading and in a copy of it for
 * writing:
 *
 *     get        a record, by the library copied to a buffer, by hand looked at where it lies
 *     lookup     the key under an identifier
 *     iterate    all records, in order; figures are for one
 *     lazy       a record read, one byte changed, written: in a transaction, without a sync
 *     durable    the same, on the disk before the next begins
 *
 * and of `durable` also `grouped_16`: sixteen threads doing so at the same time, each waiting for
 * the disk, in groups.
 *
 * Checked: what was written is read back, by both.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "engine/engine.h"
#include "raw.h"

#ifdef PZ_WITH_LMDB

#define RECORDS_MAX 10000u
#define RECORD 1024u
#define THREADS 16u
#define ROUNDS 32u /* of each thread, so that making threads does not count */

typedef struct world {
    pz__store *store;
    raw *same, *lazy, *durable;
    uint32_t records;
    uint64_t state;
    char (*keys)[48];
    char (*identifiers)[24];
    pz__buf buf;
} world;

static pz_status change_byte(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                             pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn;
    pz__buf_put(new_bytes, bytes, len);
    if (new_bytes->status == PZ_OK)
        new_bytes->data[len - 1]++;
    *action = PZ__WRITE;
    return PZ_OK;
}

static pz_status write_new(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                           pz__buf *new_bytes, pz__update_action *action)
{
    (void)txn, (void)bytes, (void)len;
    pz__buf_put(new_bytes, payload, RECORD);
    *action = PZ__WRITE;
    return PZ_OK;
}

static void fill(world *w)
{
    pz__store_txn *txn;
    pz_error err = PZ_ERROR_INIT;
    char record[RECORD];
    bench_must(pz__store_begin(w->store, &txn, &err), &err, "a transaction");
    for (uint32_t i = 0; i < w->records; i++) {
        memset(record, (int)i, sizeof record);
        snprintf(w->keys[i], sizeof w->keys[i], "00000000-0000-4000-8000-%06u%06u",
                 bench_below(&w->state, 1000000), i);
        snprintf(w->identifiers[i], sizeof w->identifiers[i], "customer\x1f%u", i);
        bench_must(pz__store_txn_update(txn, pz_str_of(w->keys[i]), write_new, record, &err), &err,
                   "a record");
        bench_must(pz__store_txn_index(txn, pz_str_of(w->identifiers[i]), pz_str_of(w->keys[i]),
                                       true, &err),
                   &err, "an entry");
    }
    bench_must(pz__store_commit(txn, &err), &err, "committing");
}

static pz_str any_key(world *w)
{
    return pz_str_of(w->keys[bench_below(&w->state, w->records)]);
}

/* ---- reading ---- */

static uint64_t run_get(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz__buf_reset(&w->buf);
        bench_must(pz__store_get(w->store, any_key(w), &w->buf, NULL), NULL, "a record");
        sum += w->buf.len;
    }
    return sum;
}

static uint64_t raw_run_get(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_get(w->same, any_key(w));
    return sum;
}

static pz_str any_identifier(world *w)
{
    return pz_str_of(w->identifiers[bench_below(&w->state, w->records)]);
}

static uint64_t run_lookup(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        size_t found;
        pz__buf_reset(&w->buf);
        bench_must(pz__store_lookup(w->store, any_identifier(w), &w->buf, &found, NULL), NULL,
                   "an identifier");
        sum += found;
    }
    return sum;
}

static uint64_t raw_run_lookup(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_lookup(w->same, any_identifier(w));
    return sum;
}

static pz_status add_len(void *payload, pz_str key, const void *bytes, size_t len)
{
    (void)key, (void)bytes;
    *(uint64_t *)payload += len;
    return PZ_OK;
}

static uint64_t run_iterate(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        bench_must(pz__store_iterate(w->store, add_len, &sum, NULL), NULL, "iterating");
    return sum;
}

static uint64_t raw_run_iterate(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_walk(w->same);
    return sum;
}

/* ---- writing ---- */

static pz_status change(void *payload, pz__store_txn *txn)
{
    const pz_str *key = payload;
    return pz__store_txn_update(txn, *key, change_byte, NULL, NULL);
}

static void update(pz__store *store, pz__durability durability, pz_str key)
{
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz__store_transact(store, durability, change, &key, &err), &err, "an update");
}

static uint64_t run_lazy(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        update(w->store, PZ__LAZY, any_key(w));
    return count;
}

static uint64_t run_durable(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        update(w->store, PZ__DURABLE, any_key(w));
    return count;
}

static uint64_t raw_run_lazy(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        raw_rewrite(w->lazy, any_key(w));
    return count;
}

static uint64_t raw_run_durable(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        raw_rewrite(w->durable, any_key(w));
    return count;
}

typedef struct part {
    world *w;
    uint64_t state, count;
} part;

static void *run_part(void *payload)
{
    part *p = payload;
    for (uint64_t i = 0; i < p->count; i++) {
        const char *key = p->w->keys[bench_below(&p->state, p->w->records)];
        update(p->w->store, PZ__GROUPED, pz_str_of(key));
    }
    return NULL;
}

static uint64_t run_grouped(void *payload, uint64_t count)
{
    world *w = payload;
    pthread_t threads[THREADS];
    part parts[THREADS];
    bench_unpin();
    for (uint32_t i = 0; i < THREADS; i++) {
        parts[i] = (part){w, bench_next(&w->state), count * ROUNDS};
        bench_expect(pthread_create(&threads[i], NULL, run_part, &parts[i]) == 0, "a thread");
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    bench_pin(bench_processors() - 1);
    return count;
}

/* ---- the whole ---- */

static raw *copied(const bench *b, const char *path, const char *name, bool is_lazy)
{
    char *to = bench_scratch_path(b, "", name);
    char from[4200], file[4200];
    size_t len;
    snprintf(from, sizeof from, "%s/data.mdb", path);
    snprintf(file, sizeof file, "%s/data.mdb", to);
    bench_expect(mkdir(to, 0700) == 0, "a folder for a copy");
    char *bytes = bench_read_file(from, &len);
    FILE *out = fopen(file, "wb");
    bench_expect(out != NULL, "a file for a copy");
    /* By the page, as LMDB writes: the kernel keeps what was written at once as one large piece, in
     * which every small write is slow. On the disk, so that nothing of it is in the way. */
    setvbuf(out, NULL, _IONBF, 0);
    for (size_t at = 0; bytes && at < len; at += 4096)
        bench_expect(fwrite(bytes + at, 4096, 1, out) == 1, "a page of a copy");
    bench_expect(bytes && fsync(fileno(out)) == 0 && fclose(out) == 0, "a copy");
    raw *r = raw_open_copy(to, is_lazy);
    free(bytes);
    free(to);
    return r;
}

static void check(world *w)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < w->records; i++) {
        const pz_str key = pz_str_of(w->keys[i]);
        pz__buf_reset(&w->buf);
        bench_must(pz__store_get(w->store, key, &w->buf, NULL), NULL, "a record");
        bench_expect(w->buf.len == RECORD && (uint8_t)w->buf.data[0] == (uint8_t)i, "the record");
        bench_expect(raw_get(w->same, key) == RECORD, "the same record by hand");
        bench_expect(raw_lookup(w->same, pz_str_of(w->identifiers[i])) == key.len, "its key");
        sum += RECORD;
    }
    bench_expect(raw_walk(w->same) == sum && run_iterate(w, 1) == sum, "all records");
    for (int i = 1; i < 4; i++) {
        uint8_t before = (uint8_t)w->buf.data[RECORD - 1];
        update(w->store, (pz__durability)i, pz_str_of(w->keys[w->records - 1]));
        pz__buf_reset(&w->buf);
        bench_must(pz__store_get(w->store, pz_str_of(w->keys[w->records - 1]), &w->buf, NULL), NULL,
                   "a record");
        bench_expect((uint8_t)w->buf.data[RECORD - 1] == (uint8_t)(before + 1), "the change");
    }
}

static void run_all(const bench *b, world *w)
{
    const struct {
        const char *name;
        uint64_t (*library)(void *, uint64_t), (*by_hand)(void *, uint64_t);
        uint32_t units;
    } pairs[] = {
        {"get", run_get, raw_run_get, 1},
        {"lookup", run_lookup, raw_run_lookup, 1},
        {"iterate", run_iterate, raw_run_iterate, w->records},
        {"lazy", run_lazy, raw_run_lazy, 1},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        const bench_case cases[] = {
            {"library", pairs[i].library, NULL, w, .units = pairs[i].units, .checked = w->records},
            {"reference", pairs[i].by_hand, NULL, w, .units = pairs[i].units,
             .checked = w->records},
        };
        bench_compare(b, "backend", pairs[i].name, cases, 2);
    }
    const bench_case durable[] = {
        {"library", run_durable, NULL, w, .checked = w->records},
        {"grouped_16", run_grouped, NULL, w, .units = THREADS * ROUNDS, .checked = w->records},
        {"reference", raw_run_durable, NULL, w, .checked = w->records},
    };
    bench_compare(b, "backend", "durable", durable, 3);
}

void bench_backend(const bench *b)
{
    char *path = bench_scratch_path(b, "", "backend"),
         *address = bench_scratch_path(b, "lmdb:", "backend");
    pz_error err = PZ_ERROR_INIT;
    world w = {.records = b->is_quick ? 200 : RECORDS_MAX, .state = 20260309};
    w.keys = calloc(w.records, sizeof *w.keys);
    w.identifiers = calloc(w.records, sizeof *w.identifiers);
    bench_expect(w.keys && w.identifiers, "memory");
    pz__buf_init(&w.buf, NULL, 1 << 20);
    bench_must(pz__store_open(&w.store, address, NULL, &err), &err, "a store");
    fill(&w);
    w.same = raw_open(path);
    w.lazy = copied(b, path, "by-hand-lazy", true);
    w.durable = copied(b, path, "by-hand", false);
    check(&w);
    run_all(b, &w);
    raw_close(w.same);
    raw_close(w.lazy);
    raw_close(w.durable);
    pz__store_close(w.store);
    pz__buf_clear(&w.buf);
    free(w.keys);
    free(w.identifiers);
    free(path);
    free(address);
}

#else

void bench_backend(const bench *b)
{
    (void)b;
    bench_skip("backend", "lmdb", "this build has no LMDB");
}

#endif
