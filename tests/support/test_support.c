/*
 * test_support.c: the helpers that other tests trust are themselves tested.
 *
 * Streams are checked against known numbers, so that a change of the generator is noticed; the
 * allocator is given one scenario that behaves and four that do not. Misbehaving scenarios run in a
 * child process, because they abort or fail the test.
 */
#include "support/gen.h"
#include "support/oom.h"

#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void a_stream_repeats(void **state)
{
    (void)state;
    gen a = gen_from(7), b = gen_from(7), c = gen_from(8);
    bool is_different = false;
    for (int i = 0; i < 100; i++) {
        uint64_t x = gen_u64(&a);
        assert_true(x == gen_u64(&b));
        is_different |= x != gen_u64(&c);
    }
    assert_true(is_different);
}

static void ranges_keep_their_ends(void **state)
{
    (void)state;
    bool is_low_seen = false, is_high_seen = false;
    GEN_CASES(g, gen_cases_full(1000, 1000))
    {
        int64_t x = gen_range(&g, -3, 3);
        assert_in_range(x + 3, 0, 6);
        is_low_seen |= x == -3;
        is_high_seen |= x == 3;
        gen_range(&g, INT64_MIN, INT64_MAX);
        double u = gen_unit(&g);
        assert_true(u >= 0 && u < 1);
        double d = gen_double(&g);
        assert_true(d - d == 0);
    }
    if (!getenv("PZ_CASES") && !getenv("PZ_CASE"))
        assert_true(is_low_seen && is_high_seen);
}

static void a_shuffle_keeps_every_element(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(200, 200))
    {
        int deck[20], sum = 0;
        for (int i = 0; i < 20; i++)
            deck[i] = 1 << i;
        gen_shuffle(&g, deck, 20, sizeof deck[0]);
        for (int i = 0; i < 20; i++)
            sum |= deck[i];
        assert_int_equal(sum, (1 << 20) - 1);
    }
}

static void texts_fit_and_end(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(500, 500))
    {
        char text[4 * 30 + 1], name[31];
        size_t len = gen_text(&g, text, 30);
        assert_true(len <= 120);
        assert_int_equal(text[len], 0);
        len = gen_name(&g, name, 30);
        assert_int_equal(strlen(name), len);
        assert_in_range(len, 1, 30);
    }
}

typedef struct two_blocks {
    bool is_leaking, is_lying, is_overrunning, is_ignoring;
} two_blocks;

static pz_status make_two_blocks(const pz_alloc *alloc, void *payload)
{
    const two_blocks *how = payload;
    pz_status status = PZ_ERR_NOMEM;
    char *a = pz__mem_new(alloc, 10, 1), *b = NULL;
    if (!a)
        return how->is_ignoring ? PZ_OK : status;
    char *grown = pz__mem_resize(alloc, a, 10, 40, 1);
    size_t a_len = grown ? 40 : 10;
    if (grown)
        a = grown;
    if (!grown)
        goto done;
    b = pz__mem_zero(alloc, 3, 8);
    if (!b)
        goto done;
    if (how->is_overrunning)
        b[24] = 1;
    status = PZ_OK;
done:
    pz__mem_free(alloc, b, how->is_lying ? 4 : 3, 8);
    if (!(how->is_leaking && status))
        pz__mem_free(alloc, a, a_len, 1);
    return how->is_ignoring ? PZ_OK : status;
}

static void a_careful_scenario_passes(void **state)
{
    (void)state;
    two_blocks how = {0};
    assert_int_equal(oom_run(make_two_blocks, &how), 3);
}

/* The exit status of a program whose only test runs the scenario; the child is silent. */
static int run_in_child(two_blocks *how, void (*test)(void **state))
{
    fflush(NULL);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        if (!freopen("/dev/null", "w", stdout) || !freopen("/dev/null", "w", stderr))
            _exit(0);
        const struct CMUnitTest tests[] = {cmocka_unit_test_prestate(test, how)};
        _exit(cmocka_run_group_tests(tests, NULL, NULL) != 0);
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return status;
}

static void scenario_test(void **state)
{
    oom_run(make_two_blocks, *state);
}

static void careless_scenarios_fail(void **state)
{
    (void)state;
    two_blocks kinds[] = {
        {.is_leaking = true}, {.is_lying = true}, {.is_overrunning = true}, {.is_ignoring = true}};
    two_blocks careful = {0};
    assert_int_equal(run_in_child(&careful, scenario_test), 0);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        assert_int_not_equal(run_in_child(&kinds[i], scenario_test), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stream_repeats),
        cmocka_unit_test(ranges_keep_their_ends),
        cmocka_unit_test(a_shuffle_keeps_every_element),
        cmocka_unit_test(texts_fit_and_end),
        cmocka_unit_test(a_careful_scenario_passes),
        cmocka_unit_test(careless_scenarios_fail),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
