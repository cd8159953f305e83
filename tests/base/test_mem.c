/*
 * test_mem.c: blocks through an allocator, and sizes that overflow.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/mem.h"
#include "support/oom.h"

static void sums_that_overflow_are_refused(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(pz__size_add(SIZE_MAX - 1, 1, &out));
    assert_int_equal(out, SIZE_MAX);
    out = 7;
    assert_false(pz__size_add(SIZE_MAX, 1, &out));
    assert_int_equal(out, 7);
}

static void products_that_overflow_are_refused(void **state)
{
    (void)state;
    size_t out = 7;
    assert_true(pz__size_mul(SIZE_MAX / 2, 2, &out));
    assert_int_equal(out, SIZE_MAX - 1);
    assert_true(pz__size_mul(SIZE_MAX, 0, &out));
    assert_int_equal(out, 0);
    out = 7;
    assert_false(pz__size_mul(SIZE_MAX / 2 + 1, 2, &out));
    assert_int_equal(out, 7);
}

static void missing_allocator_means_the_heap(void **state)
{
    (void)state;
    pz_alloc none = {NULL, NULL};
    pz_alloc a = pz__alloc_or_default(NULL), b = pz__alloc_or_default(&none);
    assert_non_null(a.fn);
    assert_true(a.fn == b.fn);
    char *block = pz__mem_new(&a, 10, 10);
    assert_non_null(block);
    memset(block, 1, 100);
    pz__mem_free(&a, block, 10, 10);
}

static void given_allocator_gets_every_call_and_size(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    int *numbers = pz__mem_zero(&alloc, 4, sizeof *numbers);
    assert_non_null(numbers);
    assert_int_equal(o.live_bytes, 4 * sizeof *numbers);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(numbers[i], 0);
        numbers[i] = i;
    }
    numbers = pz__mem_resize(&alloc, numbers, 4, 9, sizeof *numbers);
    assert_non_null(numbers);
    assert_int_equal(numbers[3], 3);
    assert_int_equal(o.live_bytes, 9 * sizeof *numbers);
    pz__mem_free(&alloc, numbers, 9, sizeof *numbers);
    oom_finish(&o);
}

static void empty_and_impossible_blocks_never_reach_the_allocator(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    assert_null(pz__mem_new(&alloc, 0, 8));
    assert_null(pz__mem_new(&alloc, SIZE_MAX / 2, 3));
    assert_null(pz__mem_zero(&alloc, SIZE_MAX / 2, 3));
    assert_null(pz__mem_resize(&alloc, NULL, 0, SIZE_MAX / 2, 3));
    pz__mem_free(&alloc, NULL, 5, 5);
    assert_int_equal(o.request_count, 0);
    oom_finish(&o);
}

static void failed_growth_keeps_the_block(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    char *block = pz__mem_new(&alloc, 3, 1);
    memcpy(block, "ab", 3);
    oom_fail(&o, 1, true);
    assert_null(pz__mem_resize(&alloc, block, 3, 300, 1));
    assert_string_equal(block, "ab");
    pz__mem_free(&alloc, block, 3, 1);
    oom_finish(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sums_that_overflow_are_refused),
        cmocka_unit_test(products_that_overflow_are_refused),
        cmocka_unit_test(missing_allocator_means_the_heap),
        cmocka_unit_test(given_allocator_gets_every_call_and_size),
        cmocka_unit_test(empty_and_impossible_blocks_never_reach_the_allocator),
        cmocka_unit_test(failed_growth_keeps_the_block),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
