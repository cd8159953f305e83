/*
 * test_gate.c: processes that queue to write to an LMDB store, and are killed in the queue.
 *
 * LMDB's mutex forgets its other sleepers when one that it woke is killed before it has run, and a
 * process that was quicker took it meanwhile (lmdb_env.c, the gate). That takes a moment of a few
 * microseconds: without the gate one round in some fifty ended with a writer asleep for ever.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/kit.h"
#include "support/gen.h"

#define WRITERS 8u

typedef struct place {
    char directory[256];
    char address[320];
    atomic_ulong *written; /* by each writer; shared with them */
} place;

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    kit_make_directory(p->directory);
    snprintf(p->address, sizeof p->address, "lmdb:%s/s", p->directory);
    p->written = mmap(NULL, WRITERS * sizeof *p->written, PROT_READ | PROT_WRITE,
                      MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(p->written, MAP_FAILED);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    place *p = *state;
    munmap(p->written, WRITERS * sizeof *p->written);
    kit_remove_directory(p->directory);
    test_free(p);
    return 0;
}

/* Until it is killed, or nobody is there who would. */
static void write_on(const place *p, unsigned which, pid_t parent)
{
    pz__store *store;
    pz__store_txn *txn;
    const pz__store_options lazy = {.durability = PZ__LAZY};
    if (pz__store_open(&store, p->address, &lazy, NULL) != PZ_OK)
        _exit(1);
    while (getppid() == parent) {
        if (pz__store_begin(store, &txn, NULL) != PZ_OK)
            _exit(2);
        pz__store_abort(txn);
        atomic_fetch_add(&p->written[which], 1);
    }
    _exit(0);
}

/* Whether a writer writes once more within ten seconds. */
static bool goes_on(const place *p, unsigned which)
{
    const unsigned long before = atomic_load(&p->written[which]);
    for (unsigned i = 0; i < 100000; i++) {
        if (atomic_load(&p->written[which]) != before)
            return true;
        usleep(100);
    }
    return false;
}

static void end(pid_t child)
{
    int how;
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_true(WIFSIGNALED(how));
}

static void the_last_writer_goes_on_when_all_others_are_killed_in_the_queue(void **state)
{
    const place *p = *state;
    pz__store *store;
    assert_ok(pz__store_open(&store, p->address, NULL, &kit_error));
    pz__store_close(store);
    const pid_t parent = getpid();
    GEN_CASES(g, gen_cases_full(150, 3000))
    {
        pid_t writers[WRITERS];
        for (unsigned i = 0; i < WRITERS; i++) {
            atomic_store(&p->written[i], 0);
            writers[i] = fork();
            assert_true(writers[i] >= 0);
            if (writers[i] == 0)
                write_on(p, i, parent);
        }
        for (unsigned i = 0; i < WRITERS; i++)
            assert_true(goes_on(p, i)); /* all are at it */
        usleep((unsigned)gen_below(&g, 3000));
        for (unsigned i = 1; i < WRITERS; i++)
            kill(writers[i], SIGKILL);
        for (unsigned i = 1; i < WRITERS; i++)
            end(writers[i]);
        const bool is_alive = goes_on(p, 0);
        end(writers[0]);
        if (!is_alive)
            fail_msg("%s: the last writer sleeps", gen_place(&g));
    }
}

/* ---- a circle of locks that is none ---- */

/* Whoever asks last is told that there is a circle; on a machine that stalls that may be we. */
static void lock_byte(int fd, short type)
{
    struct flock lock = {.l_type = type, .l_whence = SEEK_SET, .l_len = 1};
    while (fcntl(fd, F_SETLKW, &lock) != 0) {
        if (errno != EDEADLK)
            _exit(3);
        usleep(1000);
    }
}

static void *open_the_other_soon(void *fd)
{
    usleep(300000);
    lock_byte(*(int *)fd, F_UNLCK);
    return NULL;
}

/* One thread has the other store for itself for a while, as who compacts it has, and one waits at
 * the gate of ours. */
static void wait_and_hold(const char *gate, const char *other)
{
    pthread_t thread;
    int held = open(other, O_RDWR), ours = open(gate, O_RDWR);
    lock_byte(held, F_WRLCK);
    if (pthread_create(&thread, NULL, open_the_other_soon, &held) != 0)
        _exit(4);
    lock_byte(ours, F_WRLCK);
    _exit(pthread_join(thread, NULL) != 0);
}

static void a_store_opens_although_its_locks_seem_to_run_in_a_circle(void **state)
{
    const place *p = *state;
    char address[340], gate[340], other[340];
    pz__store *ours, *theirs;
    pz__store_txn *txn;
    int how;
    snprintf(address, sizeof address, "lmdb:%s/other", p->directory);
    snprintf(gate, sizeof gate, "%s/s/data.mdb", p->directory);
    snprintf(other, sizeof other, "%s/other/lock.mdb", p->directory);
    assert_ok(pz__store_open(&theirs, address, NULL, &kit_error));
    pz__store_close(theirs);
    assert_ok(pz__store_open(&ours, p->address, NULL, &kit_error));
    assert_ok(pz__store_begin(ours, &txn, &kit_error));
    const pid_t child = fork();
    if (child == 0)
        wait_and_hold(gate, other);
    usleep(100000);
    assert_ok(pz__store_open(&theirs, address, NULL, &kit_error));
    assert_ok(kit_set(theirs, "k", "goes on"));
    pz__store_abort(txn);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    pz__store_close(theirs);
    pz__store_close(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_last_writer_goes_on_when_all_others_are_killed_in_the_queue, make_place,
            drop_place),
        cmocka_unit_test_setup_teardown(a_store_opens_although_its_locks_seem_to_run_in_a_circle,
                                        make_place, drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
