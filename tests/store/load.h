/*
 * load.h: processes that count in a shared store while a test does harm to its servers, and the
 * reckoning afterwards.
 *
 * Each update adds one to the counter of a key. Every other key is also put under, or taken from, an
 * identifier of its own, which lives on another server, so that the counter is odd exactly when the
 * identifier finds it. What was acknowledged is counted in memory that outlives the processes.
 */
#ifndef PZ_TESTS_STORE_LOAD_H
#define PZ_TESTS_STORE_LOAD_H

#include <stdatomic.h>

#include "store/servers.h"

#define LOAD_KEYS 64u
#define LOAD_PROCESSES 8u

typedef struct load_shared {
    atomic_uint acknowledged[LOAD_KEYS];
    atomic_uint unknown[LOAD_KEYS]; /* failed without being able to tell, or killed in flight */
    atomic_uint in_flight[LOAD_PROCESSES]; /* key + 1 */
    atomic_uint failures;
    atomic_uint left; /* updates still to be begun; counts down */
    atomic_llong last_ms; /* of the newest acknowledgement */
    atomic_llong longest_ms; /* without one */
    atomic_bool stop;
} load_shared;

typedef struct load {
    load_shared *shared;
    char address[400];
    pid_t processes[LOAD_PROCESSES];
    uint32_t count;
    unsigned kills;
} load;

/* Start processes that update until `updates` are done or they are stopped. */
void load_start(load *l, const char *address, uint32_t processes, unsigned updates);
/* kill -9 one of them and start another in its place. */
void load_kill(load *l, uint32_t which);
/* Let them finish, or stop them now. */
void load_finish(load *l, bool now);

typedef struct load_result {
    uint64_t acknowledged, unknown, lost, surplus;
    unsigned torn; /* keys whose identifier does not say what the counter says */
    double longest_s;
} load_result;

/* Compare with what the store holds: lost updates were acknowledged and are missing; a surplus is
 * more than acknowledged and unknown together. Frees the load. */
load_result load_reckon(load *l);

#endif
