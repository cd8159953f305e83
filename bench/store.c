/*
 * store.c: decisions about customers who are in a store.
 *
 * 10,000 customers of shop.c stand in a store, in memory and in LMDB. Each operation is about one
 * of them, at random:
 *
 *     lookup     pz_customer() by an identifier, and free the handle: found, read, decoded, sealed
 *     decide     lookup, begin, channel, decide, free: a request of a program that keeps nothing
 *     open       begin, channel, decide with the handle of that customer kept open
 *     reference  mdb_get of the same record by its key in a copy of the same store: found, not read
 *     raw_find   the same by the identifier: two mdb_get in one transaction
 *
 * The records are written by the store itself in one transaction, from detached profiles.
 *
 * Checked: the decision for 500 customers, each way, and that the raw gets find every record.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "engine/engine.h"
#include "raw.h"
#include "shop.h"

#define CUSTOMERS_MAX 10000u
#define CHECKED 500u

typedef struct world {
    pz_engine *engine;
    pz_context *context;
    raw *copy; /* NULL for a store in memory */
    uint32_t customers;
    uint64_t state; /* of the random numbers */
    uint64_t bytes; /* of all records */
    pz_profile *open[CUSTOMERS_MAX];
    pz_str keys[CUSTOMERS_MAX], identifiers[CUSTOMERS_MAX];
    pz__arena arena;
} world;

/* ---- filling the store ---- */

static pz_status write_new(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                           pz__buf *new_bytes, pz__update_action *action)
{
    const pz_profile *profile = payload;
    (void)txn, (void)bytes, (void)len;
    const pz_status status =
        pz__record_encode(profile->state, true, PZ__STORE_RECORD_MAX, new_bytes);
    *action = PZ__WRITE;
    return status;
}

static void put_customer(world *w, pz__store_txn *txn, uint32_t number)
{
    char name[16];
    pz__buf record;
    pz_error err = PZ_ERROR_INIT;
    pz_profile *profile = shop_profile(w->engine, number);
    const pz_str id = pz_profile_id(profile);
    pz__buf_init(&record, NULL, PZ__STORE_RECORD_MAX);
    bench_must(pz__record_encode(profile->state, true, PZ__STORE_RECORD_MAX, &record), NULL,
               "encoding");
    snprintf(name, sizeof name, "c%u", number);
    w->keys[number] = (pz_str){pz__arena_text(&w->arena, id.data, id.len), id.len};
    w->identifiers[number] = pz__identifier(&w->arena, PZ__STR("customer"), pz_str_of(name));
    bench_must(pz__store_txn_update(txn, id, write_new, profile, &err), &err, "a record");
    bench_must(pz__store_txn_index(txn, w->identifiers[number], id, true, &err), &err, "an entry");
    w->bytes += record.len;
    pz__buf_clear(&record);
    pz_profile_free(profile);
}

static void fill(world *w)
{
    pz__store_txn *txn;
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz__store_begin(w->engine->store, &txn, &err), &err, "a transaction");
    for (uint32_t i = 0; i < w->customers; i++)
        put_customer(w, txn, i);
    bench_must(pz__store_commit(txn, &err), &err, "committing");
    for (uint32_t i = 0; i < w->customers; i++) {
        char name[16];
        snprintf(name, sizeof name, "c%u", i);
        bench_must(pz_customer(&w->open[i], w->engine, "customer", name, &err), &err, name);
    }
}

/* ---- running ---- */

static uint32_t any(world *w)
{
    return bench_below(&w->state, w->customers);
}

static pz_profile *look_up(world *w, uint32_t number)
{
    char name[16];
    pz_profile *profile;
    snprintf(name, sizeof name, "c%u", number);
    bench_must(pz_customer(&profile, w->engine, "customer", name, NULL), NULL, name);
    return profile;
}

static const char *decide(world *w, const pz_profile *profile)
{
    const pz_decision *decision;
    bench_must(pz_context_begin(w->context, 0, NULL), NULL, "beginning");
    bench_must(pz_context_set(w->context, "channel", pz_value_str("web"), NULL), NULL, "channel");
    bench_must(pz_decide(&decision, w->context, profile, SHOP_DECISION, NULL), NULL, "deciding");
    return pz_decision_str(decision, "");
}

static uint64_t run_lookup(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz_profile *profile = look_up(w, any(w));
        sum += pz_profile_exists(profile);
        pz_profile_free(profile);
    }
    return sum;
}

static uint64_t run_decide(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz_profile *profile = look_up(w, any(w));
        sum += (uint64_t)decide(w, profile)[0];
        pz_profile_free(profile);
    }
    return sum;
}

static uint64_t run_open(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += (uint64_t)decide(w, w->open[any(w)])[0];
    return sum;
}

static uint64_t run_get(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_get(w->copy, w->keys[any(w)]);
    return sum;
}

static uint64_t run_find(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_find(w->copy, w->identifiers[any(w)]);
    return sum;
}

static uint32_t check(world *w)
{
    const uint32_t checked = w->customers < CHECKED ? w->customers : CHECKED;
    for (uint32_t i = 0; i < checked; i++) {
        const uint32_t number = any(w);
        const shop_facts facts = shop_facts_of(number);
        const char *expected = shop_expected(&facts);
        pz_profile *profile = look_up(w, number);
        bench_expect(strcmp(decide(w, profile), expected) == 0, expected);
        bench_expect(strcmp(decide(w, w->open[number]), expected) == 0, expected);
        pz_profile_free(profile);
    }
    uint64_t bytes = 0;
    for (uint32_t i = 0; w->copy && i < w->customers; i++) {
        bytes += raw_get(w->copy, w->keys[i]);
        bench_expect(raw_find(w->copy, w->identifiers[i]) > 0, "a record for each identifier");
    }
    bench_expect(!w->copy || bytes == w->bytes, "the same records in the copy");
    return checked;
}

/* A copy of the store's file. All that it was told is in it: nobody writes meanwhile. */
static raw *copied(const bench *b, const char *path)
{
    const size_t size = strlen(path) + sizeof "/data.mdb";
    char *from = malloc(size), *to = bench_scratch_path(b, "", "data.mdb");
    size_t len;
    bench_expect(from != NULL, "memory for a path");
    snprintf(from, size, "%s/data.mdb", path);
    char *bytes = bench_read_file(from, &len);
    FILE *file = fopen(to, "wb");
    bench_expect(bytes && file && fwrite(bytes, 1, len, file) == len && fclose(file) == 0,
                 "a copy of the store");
    free(bytes);
    free(from);
    free(to);
    return raw_open(b->scratch);
}

static void bench_one(const bench *b, const char *name, const char *address)
{
    world *w = calloc(1, sizeof *w);
    bench_expect(w != NULL, "memory");
    w->customers = b->is_quick ? 200 : CUSTOMERS_MAX;
    w->engine = bench_engine(b, address, PZ_ENGINE_LAZY, shop_catalog);
    pz__arena_init(&w->arena, NULL, 0);
    bench_must(pz_context_new(&w->context, w->engine, NULL), NULL, "a context");
    fill(w);
    if (address)
        w->copy = copied(b, address + strlen("lmdb:"));
    const uint32_t checked = check(w);
    const double bytes = (double)w->bytes / w->customers;
    const bench_case cases[] = {
        {"open", run_open, NULL, w, .checked = checked, .bytes = bytes},
        {"lookup", run_lookup, NULL, w, .checked = checked, .bytes = bytes},
        {"decide", run_decide, NULL, w, .checked = checked, .bytes = bytes},
        {"reference", run_get, NULL, w, .checked = w->customers, .bytes = bytes},
        {"raw_find", run_find, NULL, w, .checked = w->customers, .bytes = bytes},
    };
    bench_compare(b, "store", name, cases, w->copy ? 5 : 3);
    for (uint32_t i = 0; i < w->customers; i++)
        pz_profile_free(w->open[i]);
    if (w->copy)
        raw_close(w->copy);
    pz_context_free(w->context);
    pz_engine_close(w->engine);
    pz__arena_clear(&w->arena);
    free(w);
}

void bench_store(const bench *b)
{
    bench_one(b, "memory", NULL);
#ifdef PZ_WITH_LMDB
    char *address = bench_scratch_path(b, "lmdb:", "customers");
    bench_one(b, "lmdb", address);
    free(address);
#else
    bench_skip("store", "lmdb", "this build has no LMDB");
#endif
#ifdef PZ_WITH_REDIS
    bench_redis(b);
#else
    bench_skip("store", "redis", "this build has no hiredis");
#endif
}
