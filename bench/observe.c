/*
 * observe.c: events taken in batches of 1000 by pz_observe_many().
 *
 * An event is a view of a category (one signal) or a purchase (a counter), of one of 10,000
 * customers at random. One batch is one transaction: each event finds its customer, reads, changes
 * and writes the profile. Figures are for one event; the events themselves are made beforehand.
 * Profiles grow while this goes on, as they do in a shop; `bytes` is their mean size at the start.
 *
 *     library    the batch, in memory, in LMDB without waiting for the disk, in LMDB durable
 *     repeat     a batch that was seen before: everything is found and nothing changes
 *     reference  (LMDB) 1000 records of 1 KiB read and written in one transaction, by hand
 *
 * Checked: every event of the first batches is taken as new, and none of them when told again.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "raw.h"

#define BATCH 1000u
#define CUSTOMERS_MAX 10000u

typedef struct world {
    pz_engine *engine;
    raw *by_hand;
    uint32_t customers;
    uint64_t state;
    uint64_t next_id;
    pz_pool *pool;
    pz_value *events; /* of one timed run */
    uint64_t batch_count;
    pz_value *repeated;
    pz_pool *repeated_pool;
    pz_observed results[BATCH];
} world;

static const char catalog[] =
    "{\"events\": {\"view\": {\"category\": \"string\"}, \"purchase\": {\"category\": \"string\"}},"
    "\"attributes\": {\"category\": {\"type\": \"string\", \"one_of\": [\"garden\", \"home\", "
    "\"toys\", \"books\"], \"half_life\": \"90d\", \"threshold\": 0.75}},"
    "\"signals\": [{\"on\": \"view\", \"about\": \"category\", \"value\": \"event.category\", "
    "\"weight\": 1}],"
    "\"segments\": {\"regular\": \"count('purchase', duration('2160h')) >= 3\"}}";

static pz_value text_of(pz_pool *pool, const char *format, unsigned number)
{
    char text[32];
    pz_value value;
    const int len = snprintf(text, sizeof text, format, number);
    bench_must(pz_pool_string(pool, &value, text, (size_t)len), NULL, "a text");
    return value;
}

static pz_value event_of(world *w, pz_pool *pool)
{
    static const char *const categories[] = {"garden", "home", "toys", "books"};
    const uint32_t customer = bench_below(&w->state, w->customers);
    const bool is_view = bench_below(&w->state, 10) > 0;
    const int64_t ago_ms = (int64_t)bench_below(&w->state, 20 * 86400) * 1000;
    const pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str(is_view ? "view" : "purchase")},
        {pz_value_str("source"), pz_value_str("shop")},
        {pz_value_str("id"), text_of(pool, "event-%08u", (unsigned)w->next_id++)},
        {pz_value_str("time"), pz_value_time_ms(BENCH_NOW - ago_ms)},
        {pz_value_str("customer"), text_of(pool, "c%u", customer)},
        {pz_value_str("category"), pz_value_str(categories[bench_below(&w->state, 4)])},
    };
    pz_value event;
    bench_must(pz_pool_map(pool, &event, entries, 6), NULL, "an event");
    return event;
}

static void make_events(world *w, pz_pool *pool, pz_value *events, uint64_t count)
{
    for (uint64_t i = 0; i < count; i++)
        events[i] = event_of(w, pool);
}

/* New events for `count` batches. */
static void prepare(void *payload, uint64_t count)
{
    world *w = payload;
    pz_pool_reset(w->pool);
    if (count > w->batch_count) {
        w->events = realloc(w->events, count * BATCH * sizeof *w->events);
        bench_expect(w->events != NULL, "memory for events");
        w->batch_count = count;
    }
    make_events(w, w->pool, w->events, count * BATCH);
}

static void take(world *w, const pz_value *events, pz_observed *results)
{
    pz_error err = PZ_ERROR_INIT;
    bench_must(pz_observe_many(w->engine, events, BATCH, 0, 0, results, &err), &err, "a batch");
}

static uint64_t run_new(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        take(w, w->events + i * BATCH, NULL);
    return count;
}

static uint64_t run_repeat(void *payload, uint64_t count)
{
    world *w = payload;
    for (uint64_t i = 0; i < count; i++)
        take(w, w->repeated, NULL);
    return count;
}

static uint64_t run_by_hand(void *payload, uint64_t count)
{
    world *w = payload;
    uint32_t numbers[BATCH];
    for (uint64_t i = 0; i < count; i++) {
        for (uint32_t k = 0; k < BATCH; k++)
            numbers[k] = bench_below(&w->state, w->customers);
        raw_update(w->by_hand, numbers, BATCH);
    }
    return count;
}

static void check_batch(world *w, const pz_value *events, bool is_new)
{
    for (uint32_t i = 0; i < BATCH; i++)
        w->results[i].size = sizeof w->results[i];
    take(w, events, w->results);
    for (uint32_t i = 0; i < BATCH; i++)
        bench_expect(w->results[i].status == PZ_OK && w->results[i].is_new == is_new,
                     is_new ? "a new event" : "a repeat");
}

/* Two events a customer to begin with. Returns the mean bytes of a profile. */
static pz_status add_bytes(void *payload, const pz_profile *profile)
{
    pz_pool *pool;
    pz_value bytes;
    bench_must(pz_pool_new(&pool, NULL), NULL, "a pool");
    bench_must(pz_profile_encode(profile, pool, &bytes, NULL), NULL, "encoding");
    *(uint64_t *)payload += bytes.len;
    pz_pool_free(pool);
    return PZ_OK;
}

static double fill(world *w, uint32_t *checked)
{
    const uint32_t batches = w->customers * 2 / BATCH + 1;
    for (uint32_t i = 0; i < batches; i++) {
        prepare(w, 1);
        check_batch(w, w->events, true);
    }
    make_events(w, w->repeated_pool, w->repeated, BATCH);
    check_batch(w, w->repeated, true);
    check_batch(w, w->repeated, false);
    *checked = (batches + 2) * BATCH;
    uint64_t bytes = 0, count;
    bench_must(pz_each_profile(w->engine, add_bytes, &bytes, NULL), NULL, "visiting");
    bench_must(pz_profile_count(w->engine, &count, NULL), NULL, "counting");
    return (double)bytes / (double)count;
}

static void bench_one(const bench *b, const char *name, const char *address, uint32_t flags)
{
    world *w = calloc(1, sizeof *w);
    bench_expect(w != NULL, "memory");
    uint32_t checked;
    w->customers = b->is_quick ? 200 : CUSTOMERS_MAX;
    w->engine = bench_engine(b, address, flags, catalog);
    w->repeated = calloc(BATCH, sizeof *w->repeated);
    bench_must(pz_pool_new(&w->pool, NULL), NULL, "a pool");
    bench_must(pz_pool_new(&w->repeated_pool, NULL), NULL, "a pool");
    bench_expect(w->repeated != NULL, "memory");
    const double bytes = fill(w, &checked);
    if (address) {
        char *path = bench_scratch_path(b, "", flags & PZ_ENGINE_LAZY ? "raw-lazy" : "raw-durable");
        w->by_hand = raw_new(path, flags & PZ_ENGINE_LAZY, w->customers, 1024);
        free(path);
    }
    const bench_case cases[] = {
        {"repeat", run_repeat, NULL, w, .units = BATCH, .checked = BATCH, .bytes = bytes},
        {"library", run_new, prepare, w, .units = BATCH, .checked = checked, .bytes = bytes},
        {"reference", run_by_hand, NULL, w, .units = BATCH, .checked = checked, .bytes = 1024},
    };
    bench_compare(b, "observe", name, cases, w->by_hand ? 3 : 2);
    if (w->by_hand)
        raw_close(w->by_hand);
    pz_engine_close(w->engine);
    pz_pool_free(w->pool);
    pz_pool_free(w->repeated_pool);
    free(w->events);
    free(w->repeated);
    free(w);
}

void bench_observe(const bench *b)
{
    bench_one(b, "memory", NULL, 0);
#ifdef PZ_WITH_LMDB
    char *lazy = bench_scratch_path(b, "lmdb:", "lazy");
    char *durable = bench_scratch_path(b, "lmdb:", "durable");
    bench_one(b, "lmdb_lazy", lazy, PZ_ENGINE_LAZY);
    bench_one(b, "lmdb_durable", durable, 0);
    free(lazy);
    free(durable);
#else
    bench_skip("observe", "lmdb", "this build has no LMDB");
#endif
}
