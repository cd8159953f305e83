/*
 * world.c: the little that every family needs to build its world.
 *
 * All worlds are made from fixed seeds and a fixed moment, so that two runs measure the same work.
 * A call that fails, or an answer that is not the expected one, ends the program: a benchmark of
 * wrong answers is worth nothing.
 *
 * Engines are made here with the counting allocator, so that a line can say how many allocations an
 * operation asked for.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bench_die(const char *what, const pz_error *err)
{
    fprintf(stderr, "bench: %s", what);
    if (err && err->message[0])
        fprintf(stderr, ": %u:%u: %s", err->line, err->column, err->message);
    fputc('\n', stderr);
    exit(1);
}

void bench_must(pz_status status, const pz_error *err, const char *what)
{
    if (status == PZ_OK)
        return;
    fprintf(stderr, "bench: %s\n", pz_status_text(status));
    bench_die(what, err);
}

void bench_expect(bool is_right, const char *what)
{
    if (!is_right) {
        fputs("bench: not as expected: ", stderr);
        bench_die(what, NULL);
    }
}

char *bench_read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t cap = 1 << 16, used = 0, got;
    char *text = malloc(cap);
    while (text && (got = fread(text + used, 1, cap - used - 1, file)) > 0) {
        used += got;
        if (used + 1 == cap)
            text = realloc(text, cap *= 2);
    }
    fclose(file);
    bench_expect(text != NULL, "memory for a file");
    text[used] = '\0';
    *len = used;
    return text;
}

uint64_t bench_next(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

uint32_t bench_below(uint64_t *state, uint32_t limit)
{
    return (uint32_t)((bench_next(state) >> 32) * limit >> 32);
}

int64_t bench_clock(void *payload)
{
    (void)payload;
    return BENCH_NOW;
}

pz_engine *bench_engine(const bench *b, const char *store, uint32_t flags, const char *catalog)
{
    pz_engine *engine;
    pz_error err = PZ_ERROR_INIT;
    pz_report *report = NULL;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .flags = flags, .store = store,
                                       .alloc = &b->alloc, .clock = bench_clock};
    bench_must(pz_engine_open(&engine, &options, &err), &err, "an engine");
    const pz_status status =
        pz_engine_load_text(engine, "bench", catalog, strlen(catalog), &report, &err);
    if (report)
        fputs(pz_report_text(report, false), stderr);
    pz_report_free(report);
    bench_must(status, &err, "a catalog");
    return engine;
}

char *bench_scratch_path(const bench *b, const char *prefix, const char *name)
{
    const size_t size = strlen(prefix) + strlen(b->scratch) + strlen(name) + 2;
    char *path = malloc(size);
    bench_expect(path != NULL, "memory for a path");
    snprintf(path, size, "%s%s/%s", prefix, b->scratch, name);
    return path;
}
