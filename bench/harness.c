/*
 * harness.c: how time is taken, and the lines that say so.
 *
 * A case is first run in growing counts until a batch lasts long enough; that also warms it up.
 * Then come rounds: in each, one batch of every case. What slows the machine down for a while
 * slows all cases of a round down alike, so the ratio of a case to the reference is taken within
 * each round, and its median over the rounds is told, not the ratio of two medians.
 *
 * Times are CLOCK_MONOTONIC divided by the operations of a batch: median, least and greatest over
 * the rounds. Allocations are counted by bench.alloc in the timed batches only, on the thread that
 * times. The thread stays on one processor.
 *
 * A line is made as a value and printed by the library's own writer, which knows no locale.
 */
#include "bench.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

typedef struct timing {
    uint64_t count; /* operations of a batch */
    uint64_t requests;
    double ns[BENCH_BATCHES_MAX]; /* for one unit, by round */
} timing;

static _Thread_local uint64_t requests;
static volatile uint64_t sink;
static cpu_set_t allowed;
static bool is_allowed_known;

void *bench_realloc(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    (void)payload;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    requests++;
    return realloc(ptr, new_size);
}

uint64_t bench_requests(void)
{
    return requests;
}

/* ---- processors ---- */

static void know_allowed(void)
{
    if (!is_allowed_known && sched_getaffinity(0, sizeof allowed, &allowed) != 0)
        CPU_SET(0, &allowed);
    is_allowed_known = true;
}

uint32_t bench_processors(void)
{
    know_allowed();
    return (uint32_t)CPU_COUNT(&allowed);
}

void bench_pin(uint32_t index)
{
    know_allowed();
    uint32_t left = index % bench_processors();
    for (int cpu = 0; cpu < CPU_SETSIZE; cpu++) {
        if (!CPU_ISSET(cpu, &allowed) || left-- > 0)
            continue;
        cpu_set_t one;
        CPU_ZERO(&one);
        CPU_SET(cpu, &one);
        if (sched_setaffinity(0, sizeof one, &one) != 0)
            fputs("bench: cannot stay on one processor\n", stderr);
        return;
    }
}

void bench_unpin(void)
{
    know_allowed();
    (void)sched_setaffinity(0, sizeof allowed, &allowed);
}

/* ---- time ---- */

int64_t bench_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000000000 + t.tv_nsec;
}

/* One batch; how long it took. */
static int64_t batch(const bench_case *c, uint64_t count, timing *t)
{
    if (c->prepare)
        c->prepare(c->payload, count);
    const uint64_t before = requests;
    const int64_t start = bench_now_ns();
    sink = sink + c->run(c->payload, count);
    const int64_t end = bench_now_ns();
    t->requests += requests - before;
    return end - start;
}

/* The lesser of two: a batch that was interrupted looks long enough when it is not. */
static int64_t undisturbed(const bench_case *c, uint64_t count, timing *t)
{
    const int64_t first = batch(c, count, t), second = batch(c, count, t);
    return first < second ? first : second;
}

static void warm_up(const bench *b, const bench_case *c, timing *t)
{
    uint64_t count = b->count ? b->count : 1;
    int64_t took = b->batch_ns;
    while (!b->count && (took = undisturbed(c, count, t)) < b->batch_ns / 4 &&
           count < UINT64_C(1) << 40)
        count *= 2;
    if (took < b->batch_ns)
        count = (uint64_t)((double)count * 1.1 * (double)b->batch_ns / (double)(took + 1)) + 1;
    t->count = count;
    batch(c, count, t);
    t->requests = 0;
}

static int compare_doubles(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

static void sorted(double *out, const double *in, uint32_t count)
{
    memcpy(out, in, count * sizeof *out);
    qsort(out, count, sizeof *out, compare_doubles);
}

/* ---- lines ---- */

typedef struct line {
    pz_entry entries[24];
    size_t count;
} line;

static void put(line *l, const char *key, pz_value value)
{
    l->entries[l->count++] = (pz_entry){pz_value_str(key), value};
}

/* Three decimals are more than any clock here can tell. */
static void put_number(line *l, const char *key, double number)
{
    put(l, key, pz_value_double((double)(int64_t)(number * 1000.0 + 0.5) / 1000.0));
}

void bench_report(const pz_entry *entries, size_t count)
{
    pz_pool *pool;
    pz_value map;
    pz_str text;
    bench_must(pz_pool_new(&pool, NULL), NULL, "a pool");
    bench_must(pz_pool_map(pool, &map, entries, count), NULL, "a line");
    bench_must(pz_value_print(pool, &text, map, 0), NULL, "a line");
    puts(text.data);
    fflush(stdout);
    pz_pool_free(pool);
}

static double ratio_of(const timing *t, const timing *reference, uint32_t rounds)
{
    double ratios[BENCH_BATCHES_MAX];
    for (uint32_t i = 0; i < rounds; i++)
        ratios[i] = t->ns[i] / reference->ns[i];
    qsort(ratios, rounds, sizeof *ratios, compare_doubles);
    return ratios[rounds / 2];
}

static void print_case(const bench *b, const char *family, const char *workload,
                       const bench_case *c, const timing *t, const timing *reference)
{
    const double units = (double)t->count * (c->units ? c->units : 1);
    double ns[BENCH_BATCHES_MAX];
    line l = {.count = 0};
    sorted(ns, t->ns, b->batches);
    const double median = ns[b->batches / 2];
    put(&l, "family", pz_value_str(family));
    put(&l, "workload", pz_value_str(workload));
    put(&l, "variant", pz_value_str(c->variant));
    put(&l, "checked", pz_value_int(c->checked));
    put_number(&l, "ns", median);
    put_number(&l, "min_ns", ns[0]);
    put_number(&l, "max_ns", ns[b->batches - 1]);
    put(&l, "per_second", pz_value_int((int64_t)(1e9 / median)));
    put_number(&l, "allocs", (double)t->requests / (units * b->batches));
    if (c->bytes > 0) {
        put_number(&l, "bytes", c->bytes);
        put_number(&l, "mb_s", c->bytes * 1e3 / median);
    }
    if (reference)
        put_number(&l, "of_reference", ratio_of(t, reference, b->batches));
    put(&l, "batches", pz_value_int(b->batches));
    put(&l, "batch_operations", pz_value_int((int64_t)t->count));
    bench_report(l.entries, l.count);
}

void bench_skip(const char *family, const char *workload, const char *why)
{
    line l = {.count = 0};
    put(&l, "family", pz_value_str(family));
    put(&l, "workload", pz_value_str(workload));
    put(&l, "skipped", pz_value_str(why));
    bench_report(l.entries, l.count);
}

static bool is_wanted(const bench *b, const bench_case *c)
{
    return !b->variant || strcmp(c->variant, b->variant) == 0;
}

void bench_compare(const bench *b, const char *family, const char *workload,
                   const bench_case *cases, uint32_t count)
{
    static timing timings[BENCH_CASES_MAX];
    const timing *reference = NULL;
    bench_expect(count <= BENCH_CASES_MAX, "no more cases than there is room for");
    memset(timings, 0, sizeof timings);
    for (uint32_t i = 0; i < count; i++) {
        if (!is_wanted(b, &cases[i]))
            continue;
        warm_up(b, &cases[i], &timings[i]);
        if (strcmp(cases[i].variant, "reference") == 0)
            reference = &timings[i];
    }
    for (uint32_t round = 0; round < b->batches; round++) {
        for (uint32_t i = 0; i < count; i++) {
            timing *t = &timings[i];
            if (!is_wanted(b, &cases[i]))
                continue;
            const double units = (double)t->count * (cases[i].units ? cases[i].units : 1);
            t->ns[round] = (double)batch(&cases[i], t->count, t) / units;
        }
    }
    for (uint32_t i = 0; i < count; i++)
        if (is_wanted(b, &cases[i]))
            print_case(b, family, workload, &cases[i], &timings[i], reference);
}
