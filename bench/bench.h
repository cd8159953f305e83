/*
 * bench.h: what the files of the benchmarks share.
 *
 * A family of workloads is one file. It builds its world, checks every answer against what is
 * expected, and then hands cases to bench_compare(), which times them side by side and prints one
 * JSON object a line. A case that does the same work by hand is called "reference"; the others are
 * told as multiples of it, measured in the same rounds.
 */
#ifndef PZ_BENCH_H
#define PZ_BENCH_H

#include <personalize.h>

#include "base/error.h"
#include "base/mem.h"

/* ---- the run (harness.c) ---- */

typedef struct bench {
    pz_alloc alloc;       /* counts what is asked for; see bench_requests() */
    const char *argument; /* the file or folder named on the command line, or NULL */
    const char *scratch;  /* a folder of this run, removed at its end */
    const char *variant;  /* of the only cases to run, or NULL for all */
    int64_t batch_ns;
    uint64_t count; /* operations of each batch; 0: as many as fill its time */
    uint32_t batches;
    uint32_t profiles; /* of a bulk load; 0: few */
    bool is_quick; /* a trial of the workloads: little data, times that mean nothing */
} bench;

typedef struct bench_case {
    const char *variant;
    /* Does the operation `count` times; what it returns is kept from being optimised away. */
    uint64_t (*run)(void *payload, uint64_t count);
    /* NULL, or makes ready for that, outside the time that is taken. */
    void (*prepare)(void *payload, uint64_t count);
    void *payload;
    uint32_t units;   /* what one operation consists of (events of a batch); 0: 1 */
    uint32_t checked; /* answers that were compared with what is expected */
    double bytes;     /* that one operation reads, writes or keeps; 0: not told */
} bench_case;

/* Greatest number of cases side by side, and of batches of each. */
#define BENCH_CASES_MAX 16u
#define BENCH_BATCHES_MAX 101u

/* Time the cases, one batch of each in turn, and print a line for each. */
void bench_compare(const bench *b, const char *family, const char *workload,
                   const bench_case *cases, uint32_t count);
/* A line of other members than a case has. */
void bench_report(const pz_entry *entries, size_t count);
int64_t bench_now_ns(void);
/* A line that says why something was not measured. */
void bench_skip(const char *family, const char *workload, const char *why);

/* Allocations and growths that this thread asked of bench.alloc so far. */
uint64_t bench_requests(void);
void *bench_realloc(void *payload, void *ptr, size_t old_size, size_t new_size);

/* Keep this thread on one processor, the `index`th of those allowed at the start (wraps around). */
void bench_pin(uint32_t index);
/* Let it, and the threads it makes, run anywhere again. */
void bench_unpin(void);
uint32_t bench_processors(void);

/* ---- helpers (world.c) ---- */

/* End the program with a message. `err` may be NULL. */
_Noreturn void bench_die(const char *what, const pz_error *err);
/* The call went well, or the program ends. */
void bench_must(pz_status status, const pz_error *err, const char *what);
/* The answer is the expected one, or the program ends: nothing wrong is ever timed. */
void bench_expect(bool is_right, const char *what);
/* The bytes of a file, from the C library's heap, with a NUL behind them; NULL if there is none. */
char *bench_read_file(const char *path, size_t *len);
/* Numbers that are the same in every run (splitmix64). */
uint64_t bench_next(uint64_t *state);
uint32_t bench_below(uint64_t *state, uint32_t limit);
/* The moment of all benchmarks, 2026-03-09T12:00:00Z, as number and as the engine's clock. */
#define BENCH_NOW INT64_C(1773057600000)
int64_t bench_clock(void *payload);
/* An engine at that moment, with this catalog in force. `store` NULL: in memory. */
pz_engine *bench_engine(const bench *b, const char *store, uint32_t flags, const char *catalog);
/* "SCRATCH/name", made with malloc. */
char *bench_scratch_path(const bench *b, const char *prefix, const char *name);

/* ---- families ---- */

void bench_json(const bench *b);
void bench_rules(const bench *b);
void bench_resolve(const bench *b);
void bench_decide(const bench *b);
void bench_profile(const bench *b);
void bench_store(const bench *b);
/* The part of `store` that needs Redis. */
void bench_redis(const bench *b);
void bench_open(const bench *b);
void bench_backend(const bench *b);
void bench_bulk(const bench *b);
void bench_observe(const bench *b);
void bench_often(const bench *b);
void bench_pins(const bench *b);

#endif
