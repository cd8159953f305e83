/*
 * oom.h: an allocator that counts, checks and runs out of memory on demand.
 *
 *     static pz_status scenario(const pz_alloc *alloc, void *payload) { ... free everything ... }
 *     static void parse_survives_exhaustion(void **state) { oom_run(scenario, NULL); }
 *
 * A scenario returns the status of the operation it tries and leaves nothing allocated, whatever
 * that status is. It may assert more, such as inputs that are unchanged after a failure.
 */
#ifndef PZ_TESTS_OOM_H
#define PZ_TESTS_OOM_H

#include <personalize/base.h>

#include <pthread.h>

typedef struct oom_block oom_block;

typedef struct oom {
    pthread_mutex_t mutex;
    size_t request_count; /* allocations and growths asked for so far; frees do not count */
    size_t fail_at;       /* this request (from 1) is refused; 0 refuses none */
    bool is_failing_once; /* refuse only that one, not all after it */
    size_t refused_count;
    size_t live_count, live_bytes, peak_bytes;
    oom_block *blocks; /* every live block, newest first */
} oom;

void oom_init(oom *o);
/* Asserts that nothing is live; prints what is, by the number of the request that made it. */
void oom_finish(oom *o);
/* An allocator over `o`. Every resize moves the block; fresh bytes are 0xA5, freed ones 0xDD. A
 * wrong old size, an overrun of up to 16 bytes or a foreign pointer aborts with a message. Usable
 * from several threads. */
pz_alloc oom_alloc(oom *o);
/* Arms the allocator: the nth request from now on fails, and all after it unless `once`. */
void oom_fail(oom *o, size_t nth, bool once);
/* No failures from here on. */
void oom_calm(oom *o);

typedef pz_status (*oom_scenario)(const pz_alloc *alloc, void *payload);

/*
 * Runs the scenario once in peace: it must return PZ_OK and leave nothing. Then once for each of
 * its requests, refusing that one and all later ones; and once more refusing that one alone. Each
 * time it must return PZ_ERR_NOMEM, or PZ_OK if it can do without, and leave nothing. At least one
 * refusal must show as PZ_ERR_NOMEM. Returns the number of requests of the peaceful run.
 */
size_t oom_run(oom_scenario scenario, void *payload);

/* The same for scenarios that end well in another status than PZ_OK (a refused text, say). */
size_t oom_run_expecting(pz_status peaceful, oom_scenario scenario, void *payload);

#endif
