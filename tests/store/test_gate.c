/*
 * test_gate.c: processes that queue to write to an LMDB store, and are killed in the queue.
 *
 * LMDB's mutex forgets its other sleepers when one that it woke is killed before it has run, and a
 * process that was quicker took it meanwhile (lmdb_env.c, the gate). That takes a moment of a few
 * microseconds: without the gate one round in some fifty ended with a writer asleep for ever.
 */
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

/* Until it is killed. */
static void write_on(const place *p, unsigned which)
{
    pz__store *store;
    pz__store_txn *txn;
    const pz__store_options lazy = {.durability = PZ__LAZY};
    if (pz__store_open(&store, p->address, &lazy, NULL) != PZ_OK)
        _exit(1);
    for (;;) {
        if (pz__store_begin(store, &txn, NULL) != PZ_OK)
            _exit(2);
        pz__store_abort(txn);
        atomic_fetch_add(&p->written[which], 1);
    }
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
    GEN_CASES(g, gen_cases_full(150, 3000))
    {
        pid_t writers[WRITERS];
        for (unsigned i = 0; i < WRITERS; i++) {
            atomic_store(&p->written[i], 0);
            writers[i] = fork();
            if (writers[i] == 0)
                write_on(p, i);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            the_last_writer_goes_on_when_all_others_are_killed_in_the_queue, make_place,
            drop_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
