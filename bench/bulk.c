/*
 * bulk.c: a store of many profiles, in LMDB.
 *
 *     bench bulk [DIRECTORY] --profiles N
 *
 * N customers are loaded by pz_observe_many(), three events each, 16,384 customers a call, without
 * waiting for the disk; one durable write at the end has all of it on the disk, and its wait is
 * part of the time. A customer with two purchases or more is a regular one. Then, on what was
 * loaded:
 *
 *     open        pz_engine_open() without a catalog and the first pz_profile_open(), best of some
 *     lookup      pz_customer() of any: the times of single calls, median and 99th percentile
 *     decide      as many decisions about customers at random as there are customers, each found,
 *                 decided about and let go, by two threads of this process
 *     sweep       pz_each_profile() over all, and a decision about each, by one
 *
 * and beside LMDB itself, in turns (bench_compare):
 *
 *     get         pz_profile_open() by the id, and free the handle
 *     find        pz_customer() by an identifier, and free the handle
 *     reference   mdb_get of the same record, without a copy
 *     raw_find    two mdb_get: identifier, record
 *
 * Checked: how many profiles there are, and the value of every decision of `decide`.
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

#define EVENTS 3u
#define CUSTOMERS_A_CALL 16384u
#define PROFILES_FEW 10000u
#define SAMPLES 200000u
#define KEYS_MAX 1000000u
#define THREADS 2u

static const char catalog[] =
    "{\"catalog\": \"bulk\", \"context\": {\"channel\": \"string\"},"
    "\"events\": {\"view\": {\"category\": \"string\"}, \"purchase\": {\"category\": \"string\"}},"
    "\"attributes\": {\"category\": {\"type\": \"string\", \"one_of\": [\"garden\", \"home\", "
    "\"toys\", \"books\"], \"half_life\": \"90d\", \"threshold\": 0.75}},"
    "\"signals\": [{\"on\": \"view\", \"about\": \"category\", \"value\": \"event.category\", "
    "\"weight\": 1}],"
    "\"segments\": {\"regular\": \"count('purchase', duration('2160h')) >= 2\"},"
    "\"decisions\": {\"home.hero\": {\"rules\": ["
    "{\"id\": \"garden\", \"when\": \"profile.category == 'garden'\", \"value\": \"spring\"},"
    "{\"id\": \"club\", \"when\": \"segment.regular && context.channel == 'web'\", "
    "\"value\": \"club\"}], \"default\": \"welcome\"}}}";

typedef struct world {
    const bench *b;
    pz_engine *engine;
    const char *path, *address;
    raw *raw;
    uint32_t customers, key_count, turn;
    uint64_t state;
    atomic_uint wrong;
    char (*ids)[40]; /* of some customers, any of them */
    char (*names)[16];
} world;

/* ---- loading ---- */

static pz_value text_of(pz_pool *pool, const char *format, unsigned number)
{
    char text[32];
    pz_value value;
    const int len = snprintf(text, sizeof text, format, number);
    bench_must(pz_pool_string(pool, &value, text, (size_t)len), NULL, "a text");
    return value;
}

static uint32_t purchases_of(uint32_t number)
{
    return number % (EVENTS + 1);
}

static pz_value event_of(pz_pool *pool, uint32_t number, uint32_t i)
{
    static const char *const categories[] = {"garden", "home", "toys", "books"};
    const int64_t ago_ms = (int64_t)(number % 1000 + i * 10000) * 60000;
    const pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str(i < purchases_of(number) ? "purchase" : "view")},
        {pz_value_str("source"), pz_value_str("shop")},
        {pz_value_str("id"), text_of(pool, "e%u", number * EVENTS + i)},
        {pz_value_str("time"), pz_value_time_ms(BENCH_NOW - ago_ms)},
        {pz_value_str("customer"), text_of(pool, "c%u", number)},
        {pz_value_str("category"), pz_value_str(categories[(number + i) % 4])},
    };
    pz_value event;
    bench_must(pz_pool_map(pool, &event, entries, 6), NULL, "an event");
    return event;
}

/* The customers from `first` on, in one call; what the call took. */
static int64_t load_some(world *w, pz_pool *pool, pz_value *events, uint32_t first)
{
    pz_error err = PZ_ERROR_INIT;
    size_t count = 0;
    const uint32_t left = w->customers - first;
    const uint32_t end = first + (left < CUSTOMERS_A_CALL ? left : CUSTOMERS_A_CALL);
    pz_pool_reset(pool);
    for (uint32_t number = first; number < end; number++)
        for (uint32_t i = 0; i < EVENTS; i++)
            events[count++] = event_of(pool, number, i);
    const int64_t start = bench_now_ns();
    bench_must(pz_observe_many(w->engine, events, count, 0, 0, NULL, &err), &err, "events");
    return bench_now_ns() - start;
}

static int64_t load(world *w)
{
    pz_pool *pool;
    pz_profile *first;
    pz_error err = PZ_ERROR_INIT;
    pz_value *events = calloc((size_t)CUSTOMERS_A_CALL * EVENTS, sizeof *events);
    int64_t took = 0;
    bench_expect(events != NULL, "memory");
    bench_must(pz_pool_new(&pool, NULL), NULL, "a pool");
    for (uint32_t number = 0; number < w->customers; number += CUSTOMERS_A_CALL)
        took += load_some(w, pool, events, number);
    pz_pool_free(pool);
    free(events);
    bench_must(pz_customer(&first, w->engine, "customer", "c0", &err), &err, "a customer");
    const pz_write durable = {PZ_WRITE, .durability = PZ_DURABLE};
    const int64_t start = bench_now_ns();
    bench_must(pz_set_mode(first, "category", PZ_MANUAL, &durable, &err), &err, "a mode");
    took += bench_now_ns() - start;
    pz_profile_free(first);
    return took;
}

/* ---- lines ---- */

static void report(const world *w, const char *variant, const pz_entry *more, size_t count)
{
    char workload[16];
    pz_entry entries[12] = {
        {pz_value_str("family"), pz_value_str("bulk")},
        {pz_value_str("workload"), pz_value_null()},
        {pz_value_str("variant"), pz_value_str(variant)},
        {pz_value_str("profiles"), pz_value_int(w->customers)},
    };
    snprintf(workload, sizeof workload, "%u", w->customers);
    entries[1].value = pz_value_str(workload);
    for (size_t i = 0; i < count; i++)
        entries[4 + i] = more[i];
    bench_report(entries, 4 + count);
}

static int64_t rate(uint64_t count, int64_t ns)
{
    return (int64_t)((double)count * 1e9 / (double)(ns + 1));
}

static uint64_t file_bytes(const world *w)
{
    char path[4200];
    struct stat what;
    snprintf(path, sizeof path, "%s/data.mdb", w->path);
    bench_expect(stat(path, &what) == 0, "the store's file");
    return (uint64_t)what.st_size;
}

static void load_or_take(world *w)
{
    uint64_t count = 0;
    bench_must(pz_profile_count(w->engine, &count, NULL), NULL, "counting");
    if (count != w->customers) {
        bench_expect(count == 0, "an empty store, or one of as many profiles");
        const int64_t start = bench_now_ns(), took = load(w);
        const int64_t all = bench_now_ns() - start;
        bench_must(pz_profile_count(w->engine, &count, NULL), NULL, "counting");
        bench_expect(count == w->customers, "a profile for each customer");
        const pz_entry more[] = {
            {pz_value_str("per_second"), pz_value_int(rate(w->customers, took))},
            {pz_value_str("events_per_second"), pz_value_int(rate(w->customers * EVENTS, took))},
            {pz_value_str("seconds"), pz_value_int(took / 1000000000)},
            {pz_value_str("seconds_with_events_made"), pz_value_int(all / 1000000000)},
        };
        report(w, "load", more, 4);
    }
    const pz_entry size[] = {
        {pz_value_str("bytes"), pz_value_int((int64_t)file_bytes(w))},
        {pz_value_str("bytes_per_profile"), pz_value_int((int64_t)file_bytes(w) / w->customers)},
    };
    report(w, "size", size, 2);
}

/* ---- one call at a time ---- */

static int compare_times(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

static void measure_lookup(world *w)
{
    const uint32_t count = w->b->is_quick ? 1000 : SAMPLES;
    int64_t *times = calloc(count, sizeof *times);
    bench_expect(times != NULL, "memory");
    for (uint32_t i = 0; i < count; i++) {
        char name[16];
        pz_profile *profile;
        snprintf(name, sizeof name, "c%u", bench_below(&w->state, w->customers));
        const int64_t start = bench_now_ns();
        bench_must(pz_customer(&profile, w->engine, "customer", name, NULL), NULL, name);
        times[i] = bench_now_ns() - start;
        bench_expect(pz_profile_exists(profile), "a customer who is there");
        pz_profile_free(profile);
    }
    qsort(times, count, sizeof *times, compare_times);
    const pz_entry more[] = {
        {pz_value_str("p50_ns"), pz_value_int(times[count / 2])},
        {pz_value_str("p99_ns"), pz_value_int(times[count - count / 100 - 1])},
        {pz_value_str("samples"), pz_value_int(count)},
    };
    report(w, "lookup", more, 3);
    free(times);
}

static void measure_open(world *w)
{
    int64_t best = INT64_MAX;
    for (int i = 0; i < 7; i++) {
        pz_engine *engine;
        pz_profile *profile;
        pz_error err = PZ_ERROR_INIT;
        const pz_engine_options options = {PZ_ENGINE_OPTIONS, .store = w->address};
        const int64_t start = bench_now_ns();
        bench_must(pz_engine_open(&engine, &options, &err), &err, "opening");
        bench_must(pz_profile_open(&profile, engine, w->ids[0], &err), &err, "a profile");
        const int64_t took = bench_now_ns() - start;
        best = took < best ? took : best;
        pz_profile_free(profile);
        pz_engine_close(engine);
    }
    report(w, "open", &(pz_entry){pz_value_str("ns"), pz_value_int(best)}, 1);
}

/* ---- decisions ---- */

static const char *expected_of(uint32_t number)
{
    return purchases_of(number) >= 2 ? "club" : "welcome";
}

static const char *decide(pz_context *context, const pz_profile *profile)
{
    const pz_decision *decision;
    bench_must(pz_context_begin(context, 0, NULL), NULL, "beginning");
    bench_must(pz_context_set(context, "channel", pz_value_str("web"), NULL), NULL, "channel");
    bench_must(pz_decide(&decision, context, profile, "home.hero", NULL), NULL, "deciding");
    return pz_decision_str(decision, "");
}

typedef struct decider {
    world *w;
    uint64_t state;
    uint32_t count;
} decider;

static void *run_decider(void *payload)
{
    decider *d = payload;
    pz_context *context;
    bench_must(pz_context_new(&context, d->w->engine, NULL), NULL, "a context");
    for (uint32_t i = 0; i < d->count; i++) {
        char name[16];
        pz_profile *profile;
        const uint32_t number = bench_below(&d->state, d->w->customers);
        snprintf(name, sizeof name, "c%u", number);
        bench_must(pz_customer(&profile, d->w->engine, "customer", name, NULL), NULL, name);
        if (strcmp(decide(context, profile), expected_of(number)) != 0)
            atomic_fetch_add(&d->w->wrong, 1);
        pz_profile_free(profile);
    }
    pz_context_free(context);
    return NULL;
}

static void measure_decide(world *w)
{
    pthread_t threads[THREADS];
    decider deciders[THREADS];
    uint32_t count = w->customers > SAMPLES || w->b->is_quick ? w->customers : SAMPLES;
    bench_unpin();
    const int64_t start = bench_now_ns();
    for (uint32_t i = 0; i < THREADS; i++) {
        deciders[i] = (decider){w, bench_next(&w->state), count / THREADS};
        bench_expect(pthread_create(&threads[i], NULL, run_decider, &deciders[i]) == 0, "a thread");
    }
    for (uint32_t i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    const int64_t took = bench_now_ns() - start;
    bench_pin(bench_processors() - 1);
    bench_expect(atomic_load(&w->wrong) == 0, "the right decision for each");
    const pz_entry more[] = {
        {pz_value_str("threads"), pz_value_int(THREADS)},
        {pz_value_str("decisions"), pz_value_int(count / THREADS * THREADS)},
        {pz_value_str("per_second"), pz_value_int(rate(count / THREADS * THREADS, took))},
    };
    report(w, "decide", more, 3);
}

typedef struct sweep {
    pz_context *context;
    uint64_t clubs, count;
} sweep;

static pz_status decide_one(void *payload, const pz_profile *profile)
{
    sweep *s = payload;
    s->clubs += strcmp(decide(s->context, profile), "club") == 0;
    s->count++;
    return PZ_OK;
}

static void measure_sweep(world *w)
{
    sweep s = {.count = 0};
    uint64_t clubs = 0;
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz_context_new(&s.context, w->engine, NULL), NULL, "a context");
    const int64_t start = bench_now_ns();
    bench_must(pz_each_profile(w->engine, decide_one, &s, &err), &err, "visiting");
    const int64_t took = bench_now_ns() - start;
    for (uint32_t i = 0; i < w->customers; i++)
        clubs += purchases_of(i) >= 2;
    bench_expect(s.clubs == clubs && s.count == w->customers, "the right decisions");
    const pz_entry more[] = {{pz_value_str("per_second"), pz_value_int(rate(s.count, took))}};
    report(w, "sweep", more, 1);
    pz_context_free(s.context);
}

/* ---- beside LMDB ---- */

/* Keys are drawn by chance and taken in their order, so that each is at hand: as in a host, which
 * has just read it. */
static uint32_t next(world *w)
{
    w->turn = w->turn + 1 < w->key_count ? w->turn + 1 : 0;
    return w->turn;
}

static uint64_t run_get(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz_profile *profile;
        const char *id = w->ids[next(w)];
        bench_must(pz_profile_open(&profile, w->engine, id, NULL), NULL, id);
        sum += pz_profile_exists(profile);
        pz_profile_free(profile);
    }
    return sum;
}

static uint64_t run_find(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++) {
        pz_profile *profile;
        const char *name = w->names[next(w)];
        bench_must(pz_customer(&profile, w->engine, "customer", name, NULL), NULL, name);
        sum += pz_profile_exists(profile);
        pz_profile_free(profile);
    }
    return sum;
}

static uint64_t run_raw_get(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_get(w->raw, pz_str_of(w->ids[next(w)]));
    return sum;
}

static size_t raw_find_name(world *w, const char *name)
{
    char identifier[40];
    const int len = snprintf(identifier, sizeof identifier, "customer\x1f%s", name);
    return raw_find(w->raw, (pz_str){identifier, (size_t)len});
}

static uint64_t run_raw_find(void *payload, uint64_t count)
{
    world *w = payload;
    uint64_t sum = 0;
    for (uint64_t i = 0; i < count; i++)
        sum += raw_find_name(w, w->names[next(w)]);
    return sum;
}

/* The ids of customers at random; how long their records are on average. */
static double choose_keys(world *w)
{
    uint64_t bytes = 0;
    w->key_count = w->customers < KEYS_MAX ? w->customers : KEYS_MAX;
    w->ids = calloc(w->key_count, sizeof *w->ids);
    w->names = calloc(w->key_count, sizeof *w->names);
    bench_expect(w->ids && w->names, "memory");
    for (uint32_t i = 0; i < w->key_count; i++) {
        pz_profile *profile;
        snprintf(w->names[i], sizeof w->names[i], "c%u", bench_below(&w->state, w->customers));
        bench_must(pz_customer(&profile, w->engine, "customer", w->names[i], NULL), NULL, "a key");
        const pz_str id = pz_profile_id(profile);
        snprintf(w->ids[i], sizeof w->ids[i], "%.*s", (int)id.len, id.data);
        pz_profile_free(profile);
        const size_t len = raw_get(w->raw, pz_str_of(w->ids[i]));
        bench_expect(len > 0 && raw_find_name(w, w->names[i]) == len, "the same record");
        bytes += len;
    }
    return (double)bytes / w->key_count;
}

static void compare(world *w, double bytes)
{
    char workload[16];
    snprintf(workload, sizeof workload, "%u", w->customers);
    const bench_case cases[] = {
        {"get", run_get, NULL, w, .checked = w->key_count, .bytes = bytes},
        {"find", run_find, NULL, w, .checked = w->key_count, .bytes = bytes},
        {"reference", run_raw_get, NULL, w, .checked = w->key_count, .bytes = bytes},
        {"raw_find", run_raw_find, NULL, w, .checked = w->key_count, .bytes = bytes},
    };
    bench_compare(w->b, "bulk", workload, cases, 4);
}

void bench_bulk(const bench *b)
{
    char *own = bench_scratch_path(b, "", "bulk");
    const char *path = b->argument ? b->argument : own;
    char address[4200];
    world w = {.b = b, .path = path, .address = address, .state = 20260309};
    snprintf(address, sizeof address, "lmdb:%s", path);
    w.customers = b->profiles ? b->profiles : b->is_quick ? 500 : PROFILES_FEW;
    w.engine = bench_engine(b, address, PZ_ENGINE_LAZY, catalog);
    load_or_take(&w);
    w.raw = raw_open(path);
    const double bytes = choose_keys(&w);
    measure_lookup(&w);
    measure_decide(&w);
    measure_sweep(&w);
    compare(&w, bytes);
    raw_close(w.raw);
    pz_engine_close(w.engine);
    measure_open(&w);
    free(w.ids);
    free(w.names);
    free(own);
}

#else

void bench_bulk(const bench *b)
{
    (void)b;
    bench_skip("bulk", "lmdb", "this build has no LMDB");
}

#endif
