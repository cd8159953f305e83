/*
 * load.c: see load.h.
 */
#include "store/load.h"

#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <personalize/redis.h>

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static pz_status add_one(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                         pz__buf *new_bytes, pz__update_action *action)
{
    const unsigned key = *(const unsigned *)payload;
    char name[16], identifier[16];
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++)
        n = n * 10 + (uint64_t)(((const char *)bytes)[i] - '0');
    n++;
    pz__buf_format(new_bytes, "%" PRIu64, n);
    *action = PZ__WRITE;
    if (key % 2)
        return PZ_OK;
    snprintf(name, sizeof name, "k%u", key);
    snprintf(identifier, sizeof identifier, "id%u", key);
    return pz__store_txn_index(txn, pz_str_of(identifier), pz_str_of(name), n % 2, NULL);
}

static void note_success(load_shared *s)
{
    const long long now = now_ms(), before = atomic_exchange(&s->last_ms, now);
    long long longest = atomic_load(&s->longest_ms);
    while (now - before > longest &&
           !atomic_compare_exchange_weak(&s->longest_ms, &longest, now - before)) {
    }
}

static void work(load *l, uint32_t which, unsigned seed)
{
    load_shared *s = l->shared;
    pz__store *store;
    pz_error err = PZ_ERROR_INIT;
    const pz__store_options options = {.module = pz_redis_module()};
    if (pz__store_open(&store, l->address, &options, &err) != PZ_OK)
        _exit(1);
    while (!atomic_load(&s->stop)) {
        unsigned left = atomic_load(&s->left);
        if (left == 0)
            break;
        if (!atomic_compare_exchange_weak(&s->left, &left, left - 1))
            continue;
        char name[16];
        unsigned key = (unsigned)rand_r(&seed) % LOAD_KEYS;
        snprintf(name, sizeof name, "k%u", key);
        atomic_store(&s->in_flight[which], key + 1);
        const pz_status status = pz__store_update(store, pz_str_of(name), add_one, &key, &err);
        if (status == PZ_OK) {
            atomic_fetch_add(&s->acknowledged[key], 1);
            note_success(s);
        } else {
            atomic_fetch_add(&s->failures, 1);
            if (atomic_load(&s->failures) <= 3)
                fprintf(stderr, "    (told: %s)\n", err.message);
            if (status != PZ_ERR_BUSY)
                atomic_fetch_add(&s->unknown[key], 1);
        }
        atomic_store(&s->in_flight[which], 0);
    }
    pz__store_close(store);
    _exit(0);
}

static void start_one(load *l, uint32_t which, unsigned seed)
{
    const pid_t parent = getpid();
    const pid_t child = fork();
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            work(l, which, seed);
        _exit(1);
    }
    l->processes[which] = child;
}

void load_start(load *l, const char *address, uint32_t processes, unsigned updates)
{
    memset(l, 0, sizeof *l);
    l->shared =
        mmap(NULL, sizeof *l->shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(l->shared != MAP_FAILED);
    snprintf(l->address, sizeof l->address, "%s", address);
    l->count = processes;
    atomic_store(&l->shared->left, updates);
    atomic_store(&l->shared->last_ms, now_ms());
    for (uint32_t i = 0; i < processes; i++)
        start_one(l, i, i + 1);
}

void load_kill(load *l, uint32_t which)
{
    kill(l->processes[which], SIGKILL);
    waitpid(l->processes[which], NULL, 0);
    const unsigned key = atomic_exchange(&l->shared->in_flight[which], 0);
    if (key)
        atomic_fetch_add(&l->shared->unknown[key - 1], 1);
    start_one(l, which, ++l->kills * 131 + which);
}

void load_finish(load *l, bool now)
{
    if (now)
        atomic_store(&l->shared->stop, true);
    for (uint32_t i = 0; i < l->count; i++)
        waitpid(l->processes[i], NULL, 0);
}

/* What cannot be read is not lost: the test fails for that. */
static uint64_t number_of(pz__store *store, const char *name)
{
    char text[32];
    const pz_status status = kit_get(store, name, text, sizeof text);
    if (status != PZ_ERR_NOT_FOUND)
        assert_ok(status);
    return status == PZ_OK ? strtoull(text, NULL, 10) : 0;
}

load_result load_reckon(load *l)
{
    load_result result = {.longest_s = (double)atomic_load(&l->shared->longest_ms) / 1000};
    pz__store *store;
    const pz__store_options options = {.module = pz_redis_module()};
    assert_ok(pz__store_open(&store, l->address, &options, &kit_error));
    for (unsigned key = 0; key < LOAD_KEYS; key++) {
        char name[16], identifier[16], found[256];
        snprintf(name, sizeof name, "k%u", key);
        snprintf(identifier, sizeof identifier, "id%u", key);
        const uint64_t n = number_of(store, name);
        const uint64_t acknowledged = atomic_load(&l->shared->acknowledged[key]);
        const uint64_t unknown = atomic_load(&l->shared->unknown[key]);
        result.acknowledged += acknowledged;
        result.unknown += unknown;
        result.lost += n < acknowledged ? acknowledged - n : 0;
        result.surplus += n > acknowledged + unknown ? n - acknowledged - unknown : 0;
        kit_lookup(store, identifier, found);
        if (key % 2 == 0 && strcmp(found, n % 2 ? name : "") != 0)
            result.torn++;
    }
    pz__store_close(store);
    munmap(l->shared, sizeof *l->shared);
    return result;
}
