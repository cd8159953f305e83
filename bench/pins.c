/*
 * pins.c: many requests begun on one engine while its catalog is swapped.
 *
 * Beginning a request pins the catalog in force. All that threads share of it is one word, which is
 * read; it is written only when the catalog has changed since the context last began. One and two
 * threads begin requests as fast as they can, each on its own processor if there are as many, with
 * the catalog at rest and with another thread that compiles one and puts it in force every
 * millisecond (on one of the same processors: what it takes is part of the figure). Times are for
 * one request of one thread, so two threads that did not disturb each other at all would show the
 * same figure as one.
 *
 * The reference is one atomic addition to a word that the same threads share.
 *
 * Checked: a decision of the first catalog and of the second gives its own answer, and every
 * request that is begun finds a catalog.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

typedef struct world {
    pz_engine *engine;
    atomic_bool is_over;
    atomic_uint_fast64_t shared, failures;
    uint64_t swaps;
} world;

typedef struct job {
    world *w;
    uint32_t threads;
    bool is_reference;
    uint32_t units; /* requests of one operation: so many that making the threads is lost in them */
} job;

typedef struct seat {
    job *j;
    uint32_t index;
    uint64_t count;
} seat;

static void put_in_force(world *w, uint64_t number)
{
    char text[200];
    const int len = snprintf(text, sizeof text,
                             "{\"attributes\": {\"age\": {\"type\": \"int\"}}, \"decisions\": "
                             "{\"which\": {\"rules\": [{\"when\": \"profile.age > 1\", \"value\": "
                             "-1}], \"default\": %u}}}",
                             (unsigned)(number % 2));
    bench_must(pz_engine_load_text(w->engine, "swap", text, (size_t)len, NULL, NULL), NULL,
               "a catalog");
}

static void *swap_all_the_time(void *payload)
{
    world *w = payload;
    const struct timespec pause = {0, 1000000};
    while (!atomic_load(&w->is_over)) {
        put_in_force(w, w->swaps++);
        nanosleep(&pause, NULL);
    }
    return NULL;
}

static void *sit(void *payload)
{
    const seat *s = payload;
    world *w = s->j->w;
    pz_context *context;
    bench_pin(s->index);
    for (uint64_t i = 0; s->j->is_reference && i < s->count; i++)
        atomic_fetch_add(&w->shared, 1);
    if (s->j->is_reference)
        return NULL;
    bench_must(pz_context_new(&context, w->engine, NULL), NULL, "a context");
    for (uint64_t i = 0; i < s->count; i++)
        if (pz_context_begin(context, 0, NULL) != PZ_OK)
            atomic_fetch_add(&w->failures, 1);
    pz_context_free(context);
    return NULL;
}

static uint64_t run(void *payload, uint64_t count)
{
    job *j = payload;
    pthread_t other;
    seat first = {j, 0, count * j->units}, second = {j, 1, count * j->units};
    if (j->threads == 2)
        bench_expect(pthread_create(&other, NULL, sit, &second) == 0, "a thread");
    sit(&first);
    if (j->threads == 2)
        pthread_join(other, NULL);
    bench_unpin();
    return count;
}

static void check(world *w)
{
    pz_context *context;
    bench_must(pz_context_new(&context, w->engine, NULL), NULL, "a context");
    for (uint64_t i = 0; i < 4; i++) {
        const pz_decision *decision;
        put_in_force(w, i);
        bench_must(pz_context_begin(context, 0, NULL), NULL, "beginning");
        bench_must(pz_decide(&decision, context, NULL, "which", NULL), NULL, "deciding");
        const pz_value value = pz_decision_value(decision);
        bench_expect(value.kind == PZ_INT && value.as.i == (int64_t)(i % 2), "its own answer");
    }
    pz_context_free(context);
}

static void compare(const bench *b, world *w, uint32_t threads, bool is_swapping)
{
    static const char *const names[2][2] = {{"one_thread", "one_thread_swapping"},
                                            {"two_threads", "two_threads_swapping"}};
    const uint32_t units = b->is_quick ? 1000 : 100000;
    job atomic = {w, threads, true, units}, begin = {w, threads, false, units};
    pthread_t swapper;
    atomic_store(&w->is_over, false);
    if (is_swapping)
        bench_expect(pthread_create(&swapper, NULL, swap_all_the_time, w) == 0, "a thread");
    const bench_case cases[] = {
        {"reference", run, NULL, &atomic, .units = units, .checked = 4},
        {"begin", run, NULL, &begin, .units = units, .checked = 4},
    };
    bench_compare(b, "pins", names[threads - 1][is_swapping], cases, 2);
    atomic_store(&w->is_over, true);
    if (is_swapping)
        pthread_join(swapper, NULL);
    bench_expect(atomic_load(&w->failures) == 0, "a catalog for every request");
}

void bench_pins(const bench *b)
{
    world w = {.swaps = 0};
    bench_unpin();
    w.engine = bench_engine(b, NULL, 0, "{}");
    check(&w);
    for (uint32_t threads = 1; threads <= 2; threads++)
        for (int is_swapping = 0; is_swapping <= 1; is_swapping++)
            compare(b, &w, threads, is_swapping);
    pz_engine_close(w.engine);
}
