/*
 * test_faults.c: LMDB stores on a disk that fails, and on one that loses power (faults.c).
 *
 * One scenario of opening, updates, threads, growth and a snapshot runs again and again; each run
 * lets the nth call of a kind fail, until a run has fewer than n. Whatever was acknowledged is
 * there afterwards, whatever was refused is not, every failure reached a caller with a status that
 * fits, and the handle goes on working.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/faults.h"
#include "store/kit.h"
#include "store/toy.h"

#define MAP_LITTLE (1u << 20)
#define KEYS 40
#define THREADS 4

static char bulk[300000];

typedef enum told { NOT_ASKED, ACKNOWLEDGED, REFUSED } told;

typedef struct run {
    char directory[256];
    char path[300], address[320], copy[320];
    pz__durability durability;
    told told[KEYS];
    unsigned refusals;
} run;

static run *run_new(pz__durability durability)
{
    run *r = test_calloc(1, sizeof *r);
    kit_make_directory(r->directory);
    snprintf(r->path, sizeof r->path, "%s/s", r->directory);
    snprintf(r->address, sizeof r->address, "lmdb:%s", r->path);
    snprintf(r->copy, sizeof r->copy, "%s/copy", r->directory);
    r->durability = durability;
    return r;
}

static void run_free(run *r)
{
    faults_watch(NULL);
    kit_remove_directory(r->directory);
    test_free(r);
}

/* Statuses that a failure of the disk may have. A map that the system refuses has its own. */
static bool fits(pz_status status, fault_kind kind, int how)
{
    if (kind == FAULT_MAP)
        return status == PZ_ERR_FULL || status == PZ_ERR_NOMEM || status == PZ_ERR_BUSY ||
               status == PZ_ERR_IO;
    if (how == FAULT_SHORT)
        return status == PZ_ERR_FULL || status == PZ_ERR_IO;
    if (how == ENOSPC)
        return status == PZ_ERR_FULL;
    return status == PZ_ERR_IO;
}

typedef struct fault {
    fault_kind kind;
    int how;
} fault;

static void note_status(run *r, const fault *f, pz_status status, const char *what)
{
    if (status == PZ_OK)
        return;
    r->refusals++;
    if (!fits(status, f->kind, f->how)) {
        print_error("%s: %s: %s\n", what, pz_status_name(status), kit_error.message);
        fail();
    }
    assert_true(strlen(kit_error.message) > 0);
}

static pz__store *try_open(run *r, const fault *f)
{
    pz__store *store = NULL;
    const pz__store_options options = {.durability = r->durability, .map_bytes = MAP_LITTLE};
    note_status(r, f, pz__store_open(&store, r->address, &options, &kit_error), "open");
    return store;
}

static pz_status write_one(pz__store *store, int number)
{
    char key[16];
    snprintf(key, sizeof key, "k%d", number);
    const size_t len = number % 5 == 4 ? sizeof bulk : 100;
    return kit_set_bytes(store, pz_str_of(key), (pz_str){bulk, len});
}

static void try_write(run *r, const fault *f, pz__store *store, int number)
{
    const pz_status status = write_one(store, number);
    note_status(r, f, status, "write");
    r->told[number] = status == PZ_OK ? ACKNOWLEDGED : REFUSED;
}

typedef struct part {
    pz__store *store;
    int number;
    pz_status status;
} part;

static pz_status put_text(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                          pz__buf *new_bytes, pz__update_action *action)
{
    (void)txn, (void)bytes, (void)len;
    pz__buf_put(new_bytes, payload, 100);
    *action = PZ__WRITE;
    return PZ_OK;
}

/* kit_error is not for threads. */
static void *write_part(void *payload)
{
    part *p = payload;
    char key[16];
    snprintf(key, sizeof key, "k%d", p->number);
    p->status = pz__store_update(p->store, pz_str_of(key), put_text, bulk, NULL);
    return NULL;
}

static void try_threads(run *r, const fault *f, pz__store *store, int first)
{
    pthread_t threads[THREADS];
    part parts[THREADS];
    for (int i = 0; i < THREADS; i++) {
        parts[i] = (part){store, first + i, PZ_OK};
        pthread_create(&threads[i], NULL, write_part, &parts[i]);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        pz__fail(&kit_error, PZ_ERR_IO, "of a thread");
        note_status(r, f, parts[i].status, "a thread's write");
        r->told[first + i] = parts[i].status == PZ_OK ? ACKNOWLEDGED : REFUSED;
    }
}

static bool is_there(pz__store *store, int number)
{
    char key[16];
    pz__buf out;
    snprintf(key, sizeof key, "k%d", number);
    pz__buf_init(&out, NULL, sizeof bulk);
    const pz_status status = pz__store_get(store, pz_str_of(key), &out, &kit_error);
    pz__buf_clear(&out);
    if (status != PZ_ERR_NOT_FOUND)
        assert_ok(status);
    return status == PZ_OK;
}

static void check_told(const run *r, pz__store *store)
{
    uint64_t count, expected = 0;
    for (int i = 0; i < KEYS; i++) {
        assert_int_equal(is_there(store, i), r->told[i] == ACKNOWLEDGED);
        expected += r->told[i] == ACKNOWLEDGED;
    }
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, expected);
}

/* A failure is over: nothing is refused any more, by the same handle and after opening again. */
static void check_afterwards(run *r, pz__store *store)
{
    const fault none = {FAULT_WRITE, 0};
    const unsigned before = r->refusals;
    faults_disarm();
    if (!store)
        store = try_open(r, &none);
    for (int i = 0; i < KEYS; i++)
        if (r->told[i] == REFUSED && i % 2)
            try_write(r, &none, store, i);
    assert_int_equal(r->refusals, before);
    check_told(r, store);
    pz__store_close(store);
    store = try_open(r, &none);
    check_told(r, store);
    pz__store_close(store);
}

/* The copy is whole. */
static void check_copy(const run *r)
{
    char address[340];
    pz__store *copy;
    snprintf(address, sizeof address, "lmdb:%s", r->copy);
    faults_pause(true);
    assert_ok(pz__store_open(&copy, address, NULL, &kit_error));
    check_told(r, copy);
    pz__store_close(copy);
    faults_pause(false);
}

static void try_everything(run *r, const fault *f)
{
    pz__store *store = try_open(r, f);
    for (int i = 0; store && i < 12; i++)
        try_write(r, f, store, i);
    if (store) {
        try_threads(r, f, store, 20);
        const pz_status status = pz__store_snapshot(store, r->copy, &kit_error);
        note_status(r, f, status, "snapshot");
        assert_int_equal(access(r->copy, F_OK) == 0, status == PZ_OK);
        if (status == PZ_OK)
            check_copy(r);
        try_write(r, f, store, 30);
    }
    /* The same handle reads what it was told was written. */
    if (store)
        for (int i = 0; i < KEYS; i++)
            if (r->told[i] == ACKNOWLEDGED)
                assert_true(is_there(store, i));
    check_afterwards(r, store);
}

/* Let the nth call fail, for every n that the scenario reaches; the greatest of those. Of failures
 * that last, the quick run tries every fourth. */
static uint64_t fail_each(pz__durability durability, fault f, bool lasts, bool must_tell)
{
    const uint64_t step = lasts && !getenv("PZ_FULL") ? 4 : 1;
    for (uint64_t n = 1;; n += step) {
        run *r = run_new(durability);
        faults_watch(r->directory);
        faults_arm(f.kind, n, f.how, lasts);
        try_everything(r, &f);
        const bool hit = faults_hit();
        if (must_tell && hit && r->refusals == 0) {
            print_error("call %u of kind %d failed, and nobody was told\n", (unsigned)n, f.kind);
            fail();
        }
        assert_true(hit || r->refusals == 0);
        run_free(r);
        if (!hit)
            return n - step;
    }
}

static const pz__durability every[] = {PZ__DURABLE, PZ__GROUPED, PZ__LAZY};
static const char *const names[] = {"", "durable", "grouped", "lazy"};

static void fail_in_every_way(fault_kind kind, const int *hows, size_t count, bool must_tell)
{
    for (size_t i = 0; i < 3; i++)
        for (size_t h = 0; h < count; h++) {
            const fault f = {kind, hows[h]};
            /* Who is told of a short write may write the rest. */
            const bool tells = must_tell && hows[h] != FAULT_SHORT;
            const uint64_t once = fail_each(every[i], f, false, tells);
            const uint64_t on = fail_each(every[i], f, true, tells);
            print_message("%s, kind %d, errno %d: calls up to %u once, up to %u for good\n",
                          names[every[i]], kind, hows[h], (unsigned)once, (unsigned)on);
            assert_true(once > 0);
        }
}

static void a_write_that_fails_is_told_and_harms_nothing(void **state)
{
    (void)state;
    fail_in_every_way(FAULT_WRITE, (const int[]){EIO, ENOSPC, FAULT_SHORT}, 3, true);
}

static void a_sync_that_fails_is_told_and_harms_nothing(void **state)
{
    (void)state;
    fail_in_every_way(FAULT_SYNC, (const int[]){EIO, ENOSPC}, 2, true);
}

static void a_file_that_cannot_grow_is_told_and_harms_nothing(void **state)
{
    (void)state;
    fail_in_every_way(FAULT_SIZE, (const int[]){EIO, ENOSPC}, 2, true);
}

/* Growing the map ahead of need is no more than a try, so not every failure is one. */
static void a_map_that_is_refused_harms_nothing(void **state)
{
    (void)state;
    fail_in_every_way(FAULT_MAP, (const int[]){ENOMEM}, 1, false);
}

/* ---- syncs ---- */

static uint64_t syncs_of(pz__durability durability, unsigned updates)
{
    run *r = run_new(durability);
    pz__store *store;
    assert_ok(pz__store_open(&store, r->address, &(pz__store_options){.durability = durability},
                             &kit_error));
    assert_ok(kit_set(store, "k", "v"));
    faults_watch(r->directory);
    for (unsigned i = 0; i < updates; i++)
        assert_ok(kit_increment(store, "n"));
    const uint64_t syncs = faults_count(FAULT_SYNC);
    pz__store_close(store);
    run_free(r);
    return syncs;
}

static void each_durable_write_of_one_thread_syncs_and_no_lazy_one_does(void **state)
{
    (void)state;
    assert_int_equal(syncs_of(PZ__DURABLE, 10), 10);
    assert_int_equal(syncs_of(PZ__GROUPED, 10), 10);
    assert_int_equal(syncs_of(PZ__LAZY, 10), 0);
}

#define MANY 16
#define ROUNDS 50

static void *increment_many(void *payload)
{
    for (int i = 0; i < ROUNDS; i++)
        if (kit_increment(payload, "n") != PZ_OK)
            return payload;
    return NULL;
}

static void threads_share_syncs(void **state)
{
    (void)state;
    run *r = run_new(PZ__GROUPED);
    pz__store *store;
    pthread_t threads[MANY];
    void *failed;
    assert_ok(pz__store_open(&store, r->address, &(pz__store_options){.durability = PZ__GROUPED},
                             &kit_error));
    faults_watch(r->directory);
    faults_slow_syncs(1000);
    for (int i = 0; i < MANY; i++)
        pthread_create(&threads[i], NULL, increment_many, store);
    for (int i = 0; i < MANY; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    faults_slow_syncs(0);
    const uint64_t syncs = faults_count(FAULT_SYNC);
    print_message("%u grouped updates of %u threads: %u syncs\n", MANY * ROUNDS, MANY,
                  (unsigned)syncs);
    assert_int_equal(kit_number(store, "n"), MANY * ROUNDS);
    assert_true(syncs < MANY * ROUNDS / 2);
    pz__store_close(store);
    run_free(r);
}

static pz_status set_as(pz__store *store, pz__durability durability, const char *key)
{
    pz__store_txn *txn;
    pz_status status = pz__store_begin_as(store, durability, &txn, &kit_error);
    if (status != PZ_OK)
        return status;
    status = kit_txn_set(txn, key, "v");
    if (status == PZ_OK)
        return pz__store_commit(txn, &kit_error);
    pz__store_abort(txn);
    return status;
}

static void each_transaction_is_as_durable_as_it_says(void **state)
{
    (void)state;
    run *r = run_new(PZ__LAZY);
    pz__store *store;
    assert_ok(pz__store_open(&store, r->address, &(pz__store_options){.durability = PZ__LAZY},
                             &kit_error));
    assert_ok(set_as(store, PZ__AS_OPENED, "a"));
    faults_watch(r->directory);
    assert_ok(set_as(store, PZ__AS_OPENED, "b"));
    assert_ok(set_as(store, PZ__LAZY, "c"));
    assert_int_equal(faults_count(FAULT_SYNC), 0);
    assert_ok(set_as(store, PZ__DURABLE, "d")); /* what was lazy, and itself */
    assert_int_equal(faults_count(FAULT_SYNC), 2);
    assert_ok(set_as(store, PZ__GROUPED, "e"));
    assert_int_equal(faults_count(FAULT_SYNC), 3);
    pz__store_close(store);
    run_free(r);
}

static void after_the_disk_refused_lazy_writes_none_is_called_durable(void **state)
{
    (void)state;
    run *r = run_new(PZ__LAZY);
    pz__store *store;
    char address[340];
    assert_ok(pz__store_open(&store, r->address, &(pz__store_options){.durability = PZ__LAZY},
                             &kit_error));
    assert_ok(set_as(store, PZ__LAZY, "a"));
    faults_watch(r->directory);
    faults_arm(FAULT_SYNC, 1, EIO, false);
    assert_status(PZ_ERR_IO, set_as(store, PZ__DURABLE, "b"));
    assert_status(PZ_ERR_IO, set_as(store, PZ__GROUPED, "b"));
    assert_non_null(strstr(kit_error.message, "snapshot the store"));
    assert_ok(set_as(store, PZ__LAZY, "c"));
    assert_ok(pz__store_snapshot(store, r->copy, &kit_error));
    pz__store_close(store);
    snprintf(address, sizeof address, "lmdb:%s", r->copy);
    assert_ok(pz__store_open(&store, address, NULL, &kit_error));
    assert_record(store, "a", "v");
    assert_record(store, "c", "v");
    assert_ok(set_as(store, PZ__DURABLE, "b"));
    pz__store_close(store);
    run_free(r);
}

/* ---- groups ---- */

static pz_status refuse(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn, (void)bytes, (void)len, (void)new_bytes, (void)action;
    return PZ_ERR_DOMAIN;
}

/* Every third transaction writes and takes it back, every third is refused before it writes. */
static void *write_and_take_back(void *payload)
{
    pz__store *store = payload;
    for (int i = 0; i < 3 * ROUNDS; i++) {
        pz__store_txn *txn;
        if (pz__store_begin(store, &txn, NULL) != PZ_OK)
            return payload;
        pz_status status = PZ_OK;
        if (i % 3 == 2)
            status = pz__store_txn_update(txn, PZ__STR("other"), refuse, NULL, NULL);
        else
            status = pz__store_txn_append(txn, i % 3 ? PZ__STR("undone") : PZ__STR("done"), "x", 1,
                                          NULL, NULL);
        if (status != (i % 3 == 2 ? PZ_ERR_DOMAIN : PZ_OK))
            return payload;
        if (i % 3 == 0 && pz__store_commit(txn, NULL) != PZ_OK)
            return payload;
        if (i % 3)
            pz__store_abort(txn);
    }
    return NULL;
}

static pz_status count_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)bytes, (void)len;
    *(uint64_t *)payload = number;
    return PZ_OK;
}

static void what_one_takes_back_leaves_the_others_of_its_group(void **state)
{
    (void)state;
    run *r = run_new(PZ__GROUPED);
    pz__store *store;
    pthread_t threads[8];
    void *failed;
    uint64_t done = 0, undone = 0;
    assert_ok(pz__store_open(&store, r->address, &(pz__store_options){.durability = PZ__GROUPED},
                             &kit_error));
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, write_and_take_back, store);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_ok(pz__store_read_stream(store, PZ__STR("done"), 1, count_entry, &done, &kit_error));
    assert_ok(pz__store_read_stream(store, PZ__STR("undone"), 1, count_entry, &undone, &kit_error));
    assert_int_equal(done, 8 * ROUNDS);
    assert_int_equal(undone, 0);
    pz__store_close(store);
    run_free(r);
}

/* A store with threads that are to meet in one group: a transaction that is open keeps the first
 * from beginning, and the others queue behind it. Where one comes too late it only leads another
 * group. */
typedef struct meeting {
    run *r;
    pz__store *store, *gate;
    pz__store_txn *txn;
    toy key;
    pz_store_hooks hooks;
} meeting;

typedef struct guest {
    pz__store *store;
    pz_status status;
    pthread_t thread;
} guest;

static void meet(meeting *m, bool is_sealed)
{
    m->r = run_new(PZ__GROUPED);
    toy_init(&m->key, 7);
    m->hooks = toy_hooks(&m->key);
    pz__store_options options = {.durability = PZ__GROUPED, .hooks = is_sealed ? &m->hooks : NULL};
    assert_ok(pz__store_open(&m->store, m->r->address, &options, &kit_error));
    options.durability = PZ__LAZY;
    assert_ok(pz__store_open(&m->gate, m->r->address, &options, &kit_error));
    assert_ok(pz__store_begin(m->gate, &m->txn, &kit_error));
}

static void *make_once(void *payload);

static void invite(guest *g, pz__store *store)
{
    *g = (guest){.store = store, .status = PZ_ERR_TEST};
    assert_int_equal(pthread_create(&g->thread, NULL, make_once, g), 0);
    usleep(30000);
}

static void open_gate(meeting *m)
{
    pz__store_abort(m->txn);
    pz__store_close(m->gate);
}

static pz_status write_if_absent(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                                 pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn, (void)len;
    *action = bytes ? PZ__KEEP : PZ__WRITE;
    if (!bytes)
        pz__buf_put(new_bytes, "v", 1);
    return PZ_OK;
}

static void *make_once(void *payload)
{
    guest *g = payload;
    g->status = pz__store_update(g->store, PZ__STR("once"), write_if_absent, NULL, NULL);
    return NULL;
}

static void who_only_saw_what_its_group_then_lost_is_told(bool is_sealed)
{
    meeting m;
    guest first, second;
    meet(&m, is_sealed);
    faults_watch(m.r->directory);
    invite(&first, m.store);
    invite(&second, m.store);
    faults_arm(FAULT_SYNC, 1, EIO, true);
    open_gate(&m);
    pthread_join(first.thread, NULL);
    pthread_join(second.thread, NULL);
    faults_disarm();
    assert_int_equal(first.status, PZ_ERR_IO);
    assert_int_equal(second.status, PZ_ERR_IO);
    assert_no_record(m.store, "once");
    assert_ok(kit_set(m.store, "later", "v"));
    pz__store_close(m.store);
    const pz__store_options options = {.hooks = is_sealed ? &m.hooks : NULL};
    assert_ok(pz__store_open(&m.store, m.r->address, &options, &kit_error));
    assert_record(m.store, "later", "v");
    pz__store_close(m.store);
    run_free(m.r);
}

static void who_writes_nothing_is_told_when_its_group_is_lost(void **state)
{
    (void)state;
    who_only_saw_what_its_group_then_lost_is_told(false);
}

static void a_mark_that_was_lost_with_its_group_is_written_again(void **state)
{
    (void)state;
    who_only_saw_what_its_group_then_lost_is_told(true);
}

static void a_group_leaves_a_store_sealed_or_plain_and_never_both(void **state)
{
    (void)state;
    for (unsigned sealed_first = 0; sealed_first < 2; sealed_first++) {
        meeting m;
        guest first, second;
        pz__store *plain;
        uint64_t records = 0;
        meet(&m, true);
        assert_ok(pz__store_open(&plain, m.r->address,
                                 &(pz__store_options){.durability = PZ__GROUPED}, &kit_error));
        invite(&first, sealed_first ? m.store : plain);
        invite(&second, sealed_first ? plain : m.store);
        open_gate(&m);
        pthread_join(first.thread, NULL);
        pthread_join(second.thread, NULL);
        const guest *sealer = sealed_first ? &first : &second,
                    *other = sealed_first ? &second : &first;
        assert_true((sealer->status == PZ_OK && other->status == PZ_ERR_STATE) ||
                    (sealer->status == PZ_ERR_STATE && other->status == PZ_OK));
        assert_ok(pz__store_count(sealer->status == PZ_OK ? m.store : plain, &records, &kit_error));
        assert_int_equal(records, 1);
        pz__store_close(plain);
        pz__store_close(m.store);
        run_free(m.r);
    }
}

static void *write_bulk(void *payload)
{
    char key[32];
    for (int i = 0; i < 10; i++) {
        snprintf(key, sizeof key, "%p-%d", (void *)&key, i);
        const pz_str bytes = {bulk, 100000};
        pz_status status = PZ_ERR_BUSY;
        while (status == PZ_ERR_BUSY) /* another member's growth may be in the way */
            status = kit_set_bytes(payload, pz_str_of(key), bytes);
        if (status != PZ_OK)
            return payload;
    }
    return NULL;
}

static void a_map_that_grows_under_groups_loses_nothing(void **state)
{
    (void)state;
    run *r = run_new(PZ__GROUPED);
    pz__store *store;
    pthread_t threads[8];
    void *failed;
    uint64_t count;
    const pz__store_options options = {.durability = PZ__GROUPED, .map_bytes = MAP_LITTLE};
    assert_ok(pz__store_open(&store, r->address, &options, &kit_error));
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, write_bulk, store);
    for (int i = 0; i < 8; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 8 * 10);
    pz__store_close(store);
    run_free(r);
}

typedef struct killed {
    pz__store *store;
    atomic_uint acknowledged[8]; /* of each thread; the parent reads them */
    atomic_uint next;
} killed;

static void *increment_for_ever(void *payload)
{
    killed *k = payload;
    const unsigned own = atomic_fetch_add(&k->next, 1);
    char key[16];
    snprintf(key, sizeof key, "t%u", own);
    while (kit_increment(k->store, key) == PZ_OK)
        atomic_fetch_add(&k->acknowledged[own], 1);
    return NULL;
}

static void write_in_groups(killed *k, const char *address)
{
    pthread_t threads[8];
    if (pz__store_open(&k->store, address, &(pz__store_options){.durability = PZ__GROUPED}, NULL) !=
        PZ_OK)
        _exit(1);
    for (int i = 0; i < 8; i++)
        pthread_create(&threads[i], NULL, increment_for_ever, k);
    for (int i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
    _exit(1);
}

static void a_killed_group_loses_nothing_that_was_acknowledged(void **state)
{
    (void)state;
    run *r = run_new(PZ__GROUPED);
    killed *k = mmap(NULL, sizeof *k, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    pz__store *store;
    uint64_t acknowledged = 0;
    assert_true(k != MAP_FAILED);
    for (unsigned i = 0; i < 12; i++) {
        atomic_store(&k->next, 0);
        const pid_t child = fork();
        if (child == 0)
            write_in_groups(k, r->address);
        usleep(5000 + 3001 * i);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        assert_ok(pz__store_open(&store, r->address, NULL, &kit_error));
        for (unsigned t = 0; t < 8; t++) {
            char key[16];
            snprintf(key, sizeof key, "t%u", t);
            const unsigned known = atomic_load(&k->acknowledged[t]);
            const uint64_t there = kit_number(store, key);
            /* A killed process may have written what it had no time to acknowledge. */
            assert_true(there >= known && there <= known + 1);
            atomic_store(&k->acknowledged[t], (unsigned)there);
            acknowledged += known;
        }
        pz__store_close(store);
    }
    assert_true(acknowledged > 0);
    munmap(k, sizeof *k);
    run_free(r);
}

/* ---- power ---- */

typedef struct acknowledgement {
    size_t place;
    uint64_t number; /* of the thread's updates: as many are acknowledged */
    int thread;
} acknowledgement;

#define WRITERS 4
#define UPDATES 40
#define LOSSES 150

typedef struct power {
    pz__store *store;
    pz__durability durability;
    atomic_uint count;
    acknowledgement all[WRITERS * UPDATES];
} power;

typedef struct writer {
    power *p;
    int thread;
} writer;

/* Some hundred bytes besides, so that pages are freed and used again. */
static pz_status write_number(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                              pz__buf *new_bytes, pz__update_action *action)
{
    (void)txn, (void)bytes, (void)len;
    const uint64_t number = *(const uint64_t *)payload;
    pz__buf_put(new_bytes, &number, sizeof number);
    pz__buf_put(new_bytes, bulk, (size_t)(number * 977 % 9000));
    *action = PZ__WRITE;
    return PZ_OK;
}

static void *write_numbers(void *payload)
{
    writer *w = payload;
    char key[16];
    snprintf(key, sizeof key, "w%d", w->thread);
    for (uint64_t n = 1; n <= UPDATES; n++) {
        if (pz__store_update(w->p->store, pz_str_of(key), write_number, &n, NULL) != PZ_OK)
            return payload;
        const unsigned at = atomic_fetch_add(&w->p->count, 1);
        w->p->all[at] = (acknowledgement){faults_place(), n, w->thread};
    }
    return NULL;
}

static void write_under_record(power *p, run *r)
{
    pthread_t threads[WRITERS];
    writer writers[WRITERS];
    void *failed;
    faults_watch(r->directory);
    faults_record();
    assert_ok(pz__store_open(&p->store, r->address,
                             &(pz__store_options){.durability = p->durability}, &kit_error));
    for (int i = 0; i < WRITERS; i++) {
        writers[i] = (writer){p, i};
        pthread_create(&threads[i], NULL, write_numbers, &writers[i]);
    }
    for (int i = 0; i < WRITERS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    pz__store_close(p->store);
    faults_watch(NULL);
}

static uint64_t number_of(pz__store *store, int thread)
{
    char key[16];
    pz__buf out;
    uint64_t number = 0;
    snprintf(key, sizeof key, "w%d", thread);
    pz__buf_init(&out, NULL, 1 << 20);
    const pz_status status = pz__store_get(store, pz_str_of(key), &out, &kit_error);
    if (status == PZ_OK)
        memcpy(&number, out.data, sizeof number);
    else
        assert_int_equal(status, PZ_ERR_NOT_FOUND);
    if (number)
        assert_int_equal(out.len, sizeof number + (size_t)(number * 977 % 9000));
    pz__buf_clear(&out);
    return number;
}

/* Open what is left after a loss at `place`: all that was acknowledged before is there. */
static void check_loss(const power *p, const run *r, size_t place, uint64_t *chance)
{
    char path[400], data[420], address[420];
    pz__store *store;
    snprintf(path, sizeof path, "%s/after", r->directory);
    snprintf(data, sizeof data, "%s/data.mdb", path);
    snprintf(address, sizeof address, "lmdb:%s", path);
    assert_int_equal(mkdir(path, 0700), 0);
    assert_true(faults_lose_power(place, chance, data));
    assert_ok(pz__store_open(&store, address, NULL, &kit_error));
    for (unsigned i = 0; i < p->count; i++)
        if (p->all[i].place <= place)
            assert_true(number_of(store, p->all[i].thread) >= p->all[i].number);
    assert_ok(kit_set(store, "after", "it goes on"));
    pz__store_close(store);
    kit_remove_directory(path);
}

static void lose_power_often(pz__durability durability)
{
    run *r = run_new(durability);
    power p = {.durability = durability};
    uint64_t chance = 20260309;
    write_under_record(&p, r);
    const size_t end = faults_place(), first = p.all[0].place;
    assert_true(end > first);
    for (unsigned i = 0; i < LOSSES; i++)
        check_loss(&p, r, first + (end - first) * i / (LOSSES - 1), &chance);
    faults_forget();
    run_free(r);
}

static void an_acknowledged_durable_write_survives_a_loss_of_power(void **state)
{
    (void)state;
    lose_power_often(PZ__DURABLE);
}

static void an_acknowledged_grouped_write_survives_a_loss_of_power(void **state)
{
    (void)state;
    lose_power_often(PZ__GROUPED);
}

int main(void)
{
    /* What this disk does is made up; where there is one in memory, the tests need not wait. */
    if (access("/dev/shm", W_OK) == 0)
        setenv("TMPDIR", "/dev/shm", 0);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_write_that_fails_is_told_and_harms_nothing),
        cmocka_unit_test(a_sync_that_fails_is_told_and_harms_nothing),
        cmocka_unit_test(a_file_that_cannot_grow_is_told_and_harms_nothing),
        cmocka_unit_test(a_map_that_is_refused_harms_nothing),
        cmocka_unit_test(each_durable_write_of_one_thread_syncs_and_no_lazy_one_does),
        cmocka_unit_test(threads_share_syncs),
        cmocka_unit_test(each_transaction_is_as_durable_as_it_says),
        cmocka_unit_test(after_the_disk_refused_lazy_writes_none_is_called_durable),
        cmocka_unit_test(what_one_takes_back_leaves_the_others_of_its_group),
        cmocka_unit_test(who_writes_nothing_is_told_when_its_group_is_lost),
        cmocka_unit_test(a_mark_that_was_lost_with_its_group_is_written_again),
        cmocka_unit_test(a_group_leaves_a_store_sealed_or_plain_and_never_both),
        cmocka_unit_test(a_map_that_grows_under_groups_loses_nothing),
        cmocka_unit_test(a_killed_group_loses_nothing_that_was_acknowledged),
        cmocka_unit_test(an_acknowledged_durable_write_survives_a_loss_of_power),
        cmocka_unit_test(an_acknowledged_grouped_write_survives_a_loss_of_power),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
