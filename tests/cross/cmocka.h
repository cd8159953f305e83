/*
 * cmocka.h: as much of CMocka as the tests use that are run on a foreign processor, where the
 * library itself is not installed. The first assertion that fails ends the program.
 */
#ifndef PZ_TESTS_CROSS_CMOCKA_H
#define PZ_TESTS_CROSS_CMOCKA_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct CMUnitTest {
    const char *name;
    void (*run)(void **state);
};

#define cross_check(holds)                                                                         \
    do {                                                                                           \
        if (!(holds)) {                                                                            \
            fprintf(stderr, "%s:%d: %s\n", __FILE__, __LINE__, #holds);                            \
            exit(1);                                                                               \
        }                                                                                          \
    } while (0)
#define assert_true(a) cross_check(a)
#define assert_false(a) cross_check(!(a))
#define assert_null(a) cross_check((a) == NULL)
#define assert_non_null(a) cross_check((a) != NULL)
#define assert_ptr_equal(a, b) cross_check((const void *)(a) == (const void *)(b))
#define assert_int_equal(a, b) cross_check((uintmax_t)(a) == (uintmax_t)(b))
#define assert_int_not_equal(a, b) cross_check((uintmax_t)(a) != (uintmax_t)(b))
#define assert_in_range(a, low, high)                                                              \
    cross_check((uintmax_t)(a) >= (uintmax_t)(low) && (uintmax_t)(a) <= (uintmax_t)(high))
#define assert_memory_equal(a, b, len) cross_check(memcmp((a), (b), (len)) == 0)
#define assert_memory_not_equal(a, b, len) cross_check(memcmp((a), (b), (len)) != 0)
#define assert_string_equal(a, b) cross_check(strcmp((a), (b)) == 0)
#define assert_string_not_equal(a, b) cross_check(strcmp((a), (b)) != 0)
#define fail_msg(...)                                                                              \
    do {                                                                                           \
        fprintf(stderr, __VA_ARGS__);                                                              \
        exit(1);                                                                                   \
    } while (0)
#define cmocka_unit_test(test)                                                                     \
    {                                                                                              \
#test, test                                                                                \
    }
#define cmocka_run_group_tests(tests, setup, teardown)                                             \
    cross_run((tests), sizeof(tests) / sizeof((tests)[0]))

static inline int cross_run(const struct CMUnitTest *tests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        void *state = NULL;
        tests[i].run(&state);
        printf("  %s\n", tests[i].name);
    }
    return 0;
}

#endif
