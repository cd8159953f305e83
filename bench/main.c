/*
 * main.c: the table of workloads and the command line.
 *
 *     bench WORKLOAD [ARGUMENT] [--quick] [--batches N] [--batch-ms N] [--count N] [--variant NAME]
 *           [--profiles N]
 *
 * One JSON object a line on standard output; see docs/performance.md for what the members mean.
 * `bench all` runs every workload. What a workload stores goes to a folder made under TMPDIR (or
 * /tmp), which is removed at the end.
 *
 * `bench bulk` keeps its store in DIRECTORY, if it is given one, and leaves it there; a store with
 * that many profiles is taken as it is.
 *
 * --count fixes the operations of a batch and --variant leaves all other cases out, for profilers
 * that count instructions.
 *
 * A run of a workload ends with status 1 and a message if an answer is not the expected one.
 */
#include "bench.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct workload {
    const char *name;
    const char *argument; /* what it may be given; "" for nothing */
    void (*run)(const bench *b);
    const char *about;
} workloads[] = {
    {"json", "FILE", bench_json, "JSON read plain, read with the place of every node, written"},
    {"rules", "FIXTURES_DIR", bench_rules, "single rules over slots and over a map"},
    {"resolve", "", bench_resolve, "one attribute: claims, evidence, a taxonomy, a default"},
    {"decide", "", bench_decide, "a decision of five rules, with and without its reasons"},
    {"profile", "", bench_profile, "profiles of 10, 50 and 500 claims: join, bytes, writes"},
    {"store", "", bench_store, "decisions about customers who are in a store"},
    {"open", "CUSTOMERS", bench_open, "a customer found in LMDB, ready to answer; a page"},
    {"backend", "", bench_backend, "LMDB itself beside the store on it, on the same bytes"},
    {"bulk", "DIRECTORY", bench_bulk, "a store of many profiles: loaded, opened, decided about"},
    {"observe", "", bench_observe, "events taken in batches of 1000"},
    {"often", "", bench_often, "customers of many events: records plain and deflated"},
    {"pins", "", bench_pins, "requests begun while the catalog is swapped"},
};
#define WORKLOAD_COUNT (sizeof workloads / sizeof workloads[0])

static int usage(void)
{
    fputs("usage: bench WORKLOAD [ARGUMENT] [--quick] [--batches N] [--batch-ms N] [--count N] "
          "[--variant NAME] [--profiles N]\n\n",
          stderr);
    for (size_t i = 0; i < WORKLOAD_COUNT; i++)
        fprintf(stderr, "  %-8s %-13s %s\n", workloads[i].name, workloads[i].argument,
                workloads[i].about);
    fputs("  all                    every one of them\n", stderr);
    return 2;
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *walk)
{
    (void)info;
    (void)kind;
    (void)walk;
    return remove(path);
}

/* A whole number of at least `least` and at most `most`; 0 if it is none. */
static uint32_t number_of(const char *text, uint32_t least, uint32_t most)
{
    char *end;
    const unsigned long n = strtoul(text ? text : "", &end, 10);
    return text && *text && !*end && n >= least && n <= most ? (uint32_t)n : 0;
}

/* An option and its value; false if it is none. */
static bool read_option(bench *b, const char *name, const char *value)
{
    const bool is_batches = strcmp(name, "--batches") == 0, is_count = strcmp(name, "--count") == 0;
    if (strcmp(name, "--variant") == 0) {
        b->variant = value;
        return value != NULL;
    }
    const bool is_profiles = strcmp(name, "--profiles") == 0;
    const uint32_t n = number_of(value, 1, is_batches ? BENCH_BATCHES_MAX : 1000000000);
    if (is_batches)
        b->batches = n;
    else if (is_count)
        b->count = n;
    else if (is_profiles)
        b->profiles = n;
    else if (strcmp(name, "--batch-ms") == 0)
        b->batch_ns = (int64_t)n * 1000000;
    else
        return false;
    return n > 0;
}

static bool read_arguments(bench *b, int argc, char **argv)
{
    for (int i = 2; i < argc; i++) {
        if (strcmp(argv[i], "--quick") == 0) {
            b->is_quick = true;
            b->batch_ns = 100000;
            b->batches = 3;
        } else if (argv[i][0] == '-') {
            if (!read_option(b, argv[i], argv[i + 1]))
                return false;
            i++;
        } else if (b->argument) {
            return false;
        } else {
            b->argument = argv[i];
        }
    }
    return true;
}

static uint32_t run(const bench *b, const char *name)
{
    uint32_t found = 0;
    for (size_t i = 0; i < WORKLOAD_COUNT; i++) {
        if (strcmp(name, workloads[i].name) != 0 && strcmp(name, "all") != 0)
            continue;
        bench_pin(bench_processors() - 1);
        workloads[i].run(b);
        found++;
    }
    return found;
}

int main(int argc, char **argv)
{
    bench b = {.alloc = {bench_realloc, NULL}, .batch_ns = 30000000, .batches = 11};
    if (argc < 2 || !read_arguments(&b, argc, argv) || (b.argument && strcmp(argv[1], "all") == 0))
        return usage();
    const char *tmp = getenv("TMPDIR");
    char scratch[4096];
    snprintf(scratch, sizeof scratch, "%s/pz-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
    b.scratch = mkdtemp(scratch);
    if (!b.scratch)
        bench_die("no folder for what is stored can be made; set TMPDIR", NULL);
    const uint32_t found = run(&b, argv[1]);
    nftw(scratch, remove_one, 16, FTW_DEPTH | FTW_PHYS);
    return found ? 0 : usage();
}
