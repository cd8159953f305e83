/*
 * gen.h: seeded, deterministic test data.
 *
 * A property test draws everything from a `gen`. The same seed gives the same data on every
 * machine, so a failure is replayed by the line that the failing program prints:
 *
 *     GEN_CASES(g, gen_cases(2000)) {
 *         int64_t x = gen_range(&g, -5, 5);
 *         ...
 *     }
 *
 * Environment: PZ_SEED (default 1) changes every case; PZ_CASES=N sets the number of cases of every
 * loop; PZ_CASE=K runs only case K; PZ_FULL=1 asks for the long run, which PZ_FULL_CASES=N bounds.
 */
#ifndef PZ_TESTS_GEN_H
#define PZ_TESTS_GEN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef struct gen {
    uint64_t state[4];    /* xoshiro256** */
    uint64_t case_number; /* which case of the loop this is, from 0 */
    uint64_t case_count;
    const char *loop; /* the test function, for the message */
} gen;

/* True if PZ_FULL=1: tests run their long form. */
bool gen_is_full(void);
/* PZ_SEED, or 1. */
uint64_t gen_seed(void);
/* How many cases: `quick`; a million with PZ_FULL=1; PZ_CASES where it is set. */
size_t gen_cases(size_t quick);
/* The same for costly cases: `full` instead of a million. */
size_t gen_cases_full(size_t quick, size_t full);

/* A loop over `count` cases; each case has its own stream, so one case replays alone. A loop that a
 * failed assertion leaves is reported on stderr with the seed and the case. Leave it by `break`
 * only through GEN_STOP. */
#define GEN_CASES(g, count)                                                                        \
    for (gen g = gen_loop_start(__func__, (count)); gen_loop_more(&g); gen_loop_next(&g))
/* Says that the loop ended on purpose: `{ GEN_STOP(g); break; }`. */
#define GEN_STOP(g) gen_loop_end(&(g))

gen gen_loop_start(const char *loop, size_t count);
bool gen_loop_more(gen *g);
void gen_loop_next(gen *g);
void gen_loop_end(gen *g);

/* A stream of its own, outside a loop. */
gen gen_from(uint64_t seed);
/* "PZ_SEED=1 PZ_CASE=17", for messages; lives until the next call. */
const char *gen_place(const gen *g);

uint64_t gen_u64(gen *g);
/* 0 to bound - 1, every number equally likely. bound 0 gives 0. */
uint64_t gen_below(gen *g, uint64_t bound);
/* low to high, both included. */
int64_t gen_range(gen *g, int64_t low, int64_t high);
/* True `of` times in `out_of`. */
bool gen_chance(gen *g, unsigned of, unsigned out_of);
static inline bool gen_bool(gen *g)
{
    return gen_chance(g, 1, 2);
}
/* Any integer; half of the time an edge: 0, 1, -1, powers of two and their neighbours, the ends. */
int64_t gen_i64(gen *g);
/* In [0, 1). */
double gen_unit(gen *g);
/* Any finite double, edges (zeroes, subnormals, integers, the largest) often. */
double gen_double(gen *g);

/* An element of an array: GEN_CHOICE(&g, names). */
#define GEN_CHOICE(g, array) ((array)[gen_below((g), sizeof(array) / sizeof((array)[0]))])
/* Fisher-Yates over `count` elements of `size` bytes (at most 256). */
void gen_shuffle(gen *g, void *base, size_t count, size_t size);

void gen_bytes(gen *g, void *out, size_t len);
/* A length from 0 to max, short ones more often. */
size_t gen_len(gen *g, size_t max);

/* Texts: valid UTF-8 of at most `max_chars` characters; NUL-terminated (the length does not count
 * the NUL). `out` must hold 4 * max_chars + 1 bytes. */
/* Characters of all planes, controls, combining marks and U+0000 (so use the length). */
size_t gen_text(gen *g, char *out, size_t max_chars);
/* Printable ASCII. */
size_t gen_ascii(gen *g, char *out, size_t max_chars);
/* [a-z][a-z0-9_]*, never empty; max_chars at least 1. */
size_t gen_name(gen *g, char *out, size_t max_chars);
/* One code point that is no surrogate. */
uint32_t gen_char(gen *g);

#endif
