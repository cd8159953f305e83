/*
 * test_killed.c: processes that observe events of the same profiles and are killed with kill -9.
 *
 * Eight processes share one store and a thousand customers. Each, with one thread or four that
 * share commits, takes a customer by chance, opens the stored profile by its identifier and
 * observes one event; which of them is killed, and when, is left to chance as well, and another
 * begins in its place and does what is left. Afterwards the counter of each profile, read back by a
 * rule, is exactly the number of updates acknowledged for it, plus at most one for each thread that
 * was killed while it was at it; and each identifier finds one profile, of which there are as many
 * as customers, so that no killed creation left half of one.
 *
 * PZ_UPDATES sets how many updates each process makes: else some hundred, or 4,000 with PZ_FULL=1
 * (which PZ_FULL_CASES bounds); where each waits for the disk alone, 50 or 1,000.
 */
#include <inttypes.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "engine/home.h"
#include "support/gen.h"
#ifdef PZ_WITH_REDIS
#include <personalize/redis.h>

#include "store/servers.h"

static servers cluster;
#endif

#define PROCESSES 8u
#define THREADS_MAX 4u
#define CUSTOMERS 1000u
#define KILLS 200u

static const char visits_json[] =
    "{\"catalog\": \"visits\","
    " \"attributes\": {\"language\": {\"type\": \"string\", \"default\": \"en\"}},"
    " \"decisions\": {\"visits\": {\"rules\": [{\"id\": \"all\", \"expr\": \"count('visit')\"}]}},"
    " \"identifiers\": {\"customer\": {\"unique\": true}}}";

/* Outlives the processes. */
typedef struct shared {
    atomic_uint acknowledged[CUSTOMERS];
    atomic_uint unknown[CUSTOMERS];
    atomic_uint in_flight[PROCESSES][THREADS_MAX]; /* customer + 1 */
    atomic_int left[PROCESSES];                    /* updates that nobody has begun */
    atomic_uint busy;                              /* told to try again, and did */
    atomic_uint failures;                          /* told that it is not known, or failed */
} shared;

typedef struct crowd {
    shared *s;
    char address[512];
    uint32_t flags;
    unsigned threads; /* of each process */
    pid_t processes[PROCESSES];
    unsigned kills, starts;
} crowd;

static int64_t standing_clock(void *payload)
{
    (void)payload;
    return NOW;
}

typedef struct worker {
    crowd *crowd;
    pz_engine *engine;
    uint32_t process, thread;
    unsigned life;
    pz_error err;
    pthread_t id;
} worker;

static pz_status open_engine(pz_engine **out, const char *address, uint32_t flags)
{
    pz_engine_options options = {PZ_ENGINE_OPTIONS, .store = address, .flags = flags,
                                 .clock = standing_clock};
#ifdef PZ_WITH_REDIS
    options.module = pz_redis_module();
#endif
    pz_status status = pz_engine_open(out, &options, &kit_error);
    if (status != PZ_OK)
        return status;
    return pz_engine_load_text(*out, "visits.json", visits_json, sizeof visits_json - 1, NULL,
                               &kit_error);
}

static pz_status visit(worker *w, pz_pool *pool, unsigned customer, const char *event_id)
{
    char name[16], json[160];
    pz_value event;
    pz_profile *profile;
    bool is_new;
    snprintf(name, sizeof name, "c%u", customer);
    const int len = snprintf(json, sizeof json,
                             "{\"kind\":\"visit\",\"source\":\"s\",\"id\":\"%s\","
                             "\"time\":\"2026-03-09T08:00:00Z\"}",
                             event_id);
    pz_pool_reset(pool);
    pz_status status = pz_value_parse(pool, &event, json, (size_t)len, 0, &w->err);
    if (status == PZ_OK)
        status = pz_customer(&profile, w->engine, "customer", name, &w->err);
    if (status != PZ_OK)
        return status;
    status = pz_observe(profile, event, NULL, &is_new, &w->err);
    pz_profile_free(profile);
    return status;
}

/* ---- processes ---- */

static bool update_one(worker *w, pz_pool *pool, unsigned customer, unsigned n)
{
    shared *s = w->crowd->s;
    char id[48];
    pz_status status;
    snprintf(id, sizeof id, "%u-%u-%u", w->life, w->thread, n);
    /* Said before it is begun: what a kill takes is counted as unknown once too often, not too
     * seldom. */
    atomic_store(&s->in_flight[w->process][w->thread], customer + 1);
    const bool is_mine = atomic_fetch_sub(&s->left[w->process], 1) > 0;
    while (is_mine && (status = visit(w, pool, customer, id)) == PZ_ERR_BUSY)
        atomic_fetch_add(&s->busy, 1);
    if (is_mine && status == PZ_OK) {
        atomic_fetch_add(&s->acknowledged[customer], 1);
    } else if (is_mine) {
        atomic_fetch_add(&s->unknown[customer], 1);
        if (atomic_fetch_add(&s->failures, 1) < 3)
            fprintf(stderr, "    (told: %s)\n", w->err.message);
    }
    atomic_store(&s->in_flight[w->process][w->thread], 0);
    return is_mine;
}

static void *update_many(void *payload)
{
    worker *w = payload;
    pz_pool *pool;
    unsigned n = 0, seed = w->life * 1009 + w->process * THREADS_MAX + w->thread;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        _exit(1);
    while (update_one(w, pool, (unsigned)rand_r(&seed) % CUSTOMERS, n))
        n++;
    pz_pool_free(pool);
    return NULL;
}

static void work(crowd *c, uint32_t which, unsigned life)
{
    worker workers[THREADS_MAX];
    pz_engine *engine;
    if (open_engine(&engine, c->address, c->flags) != PZ_OK) {
        fprintf(stderr, "    (no store: %s)\n", kit_error.message);
        _exit(1);
    }
    for (unsigned i = 0; i < c->threads; i++) {
        workers[i] = (worker){c, engine, which, i, life, PZ_ERROR_INIT, 0};
        if (pthread_create(&workers[i].id, NULL, update_many, &workers[i]) != 0)
            _exit(1);
    }
    for (unsigned i = 0; i < c->threads; i++)
        pthread_join(workers[i].id, NULL);
    pz_engine_close(engine);
    _exit(0);
}

static void start_one(crowd *c, uint32_t which)
{
    const pid_t parent = getpid();
    const unsigned life = ++c->starts;
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        if (getppid() == parent)
            work(c, which, life);
        _exit(1);
    }
    c->processes[which] = child;
}

/* What was in flight may have been carried out or not. */
static void kill_one(crowd *c, uint32_t which)
{
    kill(c->processes[which], SIGKILL);
    waitpid(c->processes[which], NULL, 0);
    for (unsigned i = 0; i < c->threads; i++) {
        const unsigned customer = atomic_exchange(&c->s->in_flight[which][i], 0);
        if (customer)
            atomic_fetch_add(&c->s->unknown[customer - 1], 1);
    }
    c->kills++;
    start_one(c, which);
}

static uint64_t all_left(const crowd *c)
{
    uint64_t left = 0;
    for (uint32_t i = 0; i < PROCESSES; i++) {
        const int of_process = atomic_load(&c->s->left[i]);
        left += of_process > 0 ? (uint64_t)of_process : 0;
    }
    return left;
}

/* Kill one each time that about a KILLSth of all has been done, so that processes get on with it
 * also where they are slow to begin. */
static void kill_now_and_then(crowd *c, uint64_t all)
{
    unsigned seed = 11;
    for (uint64_t left = all; left > 0;) {
        const uint64_t step = (uint64_t)rand_r(&seed) % (2 * all / KILLS + 1);
        const uint64_t next = left > step ? left - step : 0;
        for (int i = 0; i < 30000 && left > next; i++, left = all_left(c))
            nanosleep(&(struct timespec){0, 1000 * (long)(rand_r(&seed) % 1000)}, NULL);
        if (left > 0)
            kill_one(c, (uint32_t)rand_r(&seed) % PROCESSES);
    }
}

/* ---- the reckoning ---- */

typedef struct reckoning {
    uint64_t acknowledged, unknown, found, lost, surplus;
} reckoning;

static int64_t visits_of(pz_engine *engine, pz_context *context, unsigned customer)
{
    char name[16];
    pz_profile *profile;
    const pz_decision *decision;
    snprintf(name, sizeof name, "c%u", customer);
    assert_ok(pz_customer(&profile, engine, "customer", name, &kit_error));
    assert_ok(pz_context_begin(context, NOW, &kit_error));
    assert_ok(pz_decide(&decision, context, profile, "visits", &kit_error));
    const pz_value value = pz_decision_value(decision);
    assert_int_equal(value.kind, PZ_INT);
    const int64_t count = pz_profile_exists(profile) ? value.as.i : 0;
    pz_profile_free(profile);
    return count;
}

static reckoning reckon(const crowd *c)
{
    reckoning r = {0};
    pz_engine *engine;
    pz_context *context;
    uint64_t profiles = 0, expected = 0;
    assert_ok(open_engine(&engine, c->address, c->flags));
    assert_ok(pz_context_new(&context, engine, &kit_error));
    for (unsigned i = 0; i < CUSTOMERS; i++) {
        const uint64_t acknowledged = atomic_load(&c->s->acknowledged[i]);
        const uint64_t unknown = atomic_load(&c->s->unknown[i]);
        const uint64_t found = (uint64_t)visits_of(engine, context, i);
        r.acknowledged += acknowledged;
        r.unknown += unknown;
        r.found += found;
        r.lost += found < acknowledged ? acknowledged - found : 0;
        r.surplus += found > acknowledged + unknown ? found - acknowledged - unknown : 0;
        expected += found > 0;
    }
    assert_ok(pz_profile_count(engine, &profiles, &kit_error));
    assert_int_equal(profiles, expected); /* none that no identifier finds */
    pz_context_free(context);
    pz_engine_close(engine);
    return r;
}

static double seconds_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static unsigned updates_each(unsigned quick, unsigned full)
{
    const char *text = getenv("PZ_UPDATES");
    if (text && *text)
        return (unsigned)strtoul(text, NULL, 10);
    return (unsigned)gen_cases_full(quick, full);
}

/* Let the crowd count while its processes are killed, and compare. */
static void count_and_kill(const char *what, const char *address, uint32_t flags, unsigned threads,
                           unsigned updates)
{
    crowd c = {.flags = flags, .threads = threads};
    snprintf(c.address, sizeof c.address, "%s", address);
    c.s = mmap(NULL, sizeof *c.s, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(c.s != MAP_FAILED);
    const double began = seconds_now();
    for (uint32_t i = 0; i < PROCESSES; i++) {
        atomic_store(&c.s->left[i], (int)updates);
        start_one(&c, i);
    }
    kill_now_and_then(&c, (uint64_t)PROCESSES * updates);
    for (uint32_t i = 0; i < PROCESSES; i++)
        waitpid(c.processes[i], NULL, 0);
    const double took = seconds_now() - began;
    const reckoning r = reckon(&c);
    printf("    %-14s %u processes x %u updates of %u profiles: acknowledged %" PRIu64
           "  counted %" PRIu64 "  lost %" PRIu64 "  surplus %" PRIu64 "  kills %u (%" PRIu64
           " in flight)  busy %u  %.1f s\n",
           what, PROCESSES, updates, CUSTOMERS, r.acknowledged, r.found, r.lost, r.surplus, c.kills,
           r.unknown, atomic_load(&c.s->busy), took);
    fflush(stdout);
    const unsigned failures = atomic_load(&c.s->failures);
    munmap(c.s, sizeof *c.s);
    assert_int_equal(failures, 0);
    assert_int_equal(r.lost, 0);
    assert_int_equal(r.surplus, 0);
    assert_true(r.unknown <= (uint64_t)c.kills * threads);
    assert_true(r.found - r.acknowledged <= (uint64_t)c.kills * threads);
    assert_true(c.kills > 0);
    assert_true(r.acknowledged + r.unknown >= (uint64_t)PROCESSES * updates);
}

#ifdef PZ_WITH_LMDB
static void counters_in_lmdb_are_exact(uint32_t flags, const char *what, unsigned threads,
                                       unsigned updates)
{
    char directory[256], address[300];
    kit_make_directory(directory);
    snprintf(address, sizeof address, "lmdb:%s/s", directory);
    count_and_kill(what, address, flags, threads, updates);
    kit_remove_directory(directory);
}

static void lmdb_counts_exactly_what_was_acknowledged(void **state)
{
    (void)state;
    counters_in_lmdb_are_exact(0, "lmdb", 1, updates_each(50, 1000));
}

static void threads_that_share_commits_count_exactly_what_was_acknowledged(void **state)
{
    (void)state;
    counters_in_lmdb_are_exact(PZ_ENGINE_GROUPED, "lmdb grouped", THREADS_MAX,
                               updates_each(200, 4000));
}

static void lazy_lmdb_counts_exactly_what_was_acknowledged(void **state)
{
    (void)state;
    counters_in_lmdb_are_exact(PZ_ENGINE_LAZY, "lmdb lazy", 1, updates_each(2000, 4000));
}
#endif

#ifdef PZ_WITH_REDIS
static void a_cluster_counts_exactly_what_was_acknowledged(void **state)
{
    (void)state;
    char address[400];
    if (!servers_are_there())
        skip();
    servers_start_cluster(&cluster, 60000); /* busy for long is not dead */
    servers_address(&cluster, "?prefix=visits:&deadline_ms=60000", address);
    count_and_kill("cluster", address, 0, 1, updates_each(400, 4000));
    servers_stop(&cluster);
}
#endif

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
#ifdef PZ_WITH_LMDB
        cmocka_unit_test(lmdb_counts_exactly_what_was_acknowledged),
        cmocka_unit_test(threads_that_share_commits_count_exactly_what_was_acknowledged),
        cmocka_unit_test(lazy_lmdb_counts_exactly_what_was_acknowledged),
#endif
#ifdef PZ_WITH_REDIS
        cmocka_unit_test(a_cluster_counts_exactly_what_was_acknowledged),
#endif
        {NULL, NULL, NULL, NULL, NULL},
    };
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return _cmocka_run_group_tests("killed", tests, sizeof tests / sizeof tests[0] - 1, NULL, NULL);
}
