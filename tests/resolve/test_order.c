/*
 * test_order.c: the stable sort.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>

#include "resolve/order.h"
#include "support/gen.h"

typedef struct item {
    int key;
    size_t place;
} item;

static int by_key(const void *left, const void *right)
{
    const item *a = left, *b = right;
    return (a->key > b->key) - (a->key < b->key);
}

static void sorting_orders_and_keeps_equal_ones_in_place(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    GEN_CASES(g, gen_cases_full(2000, 100000))
    {
        item items[70];
        const size_t count = gen_len(&g, 70);
        long before = 0, after = 0;
        for (size_t i = 0; i < count; i++) {
            items[i] = (item){(int)gen_below(&g, 12), i};
            before += items[i].key;
        }
        assert_int_equal(pz__sort_stable(&arena, items, count, sizeof *items, by_key), PZ_OK);
        for (size_t i = 0; i < count; i++) {
            after += items[i].key;
            if (i > 0)
                assert_true(
                    items[i - 1].key < items[i].key ||
                    (items[i - 1].key == items[i].key && items[i - 1].place < items[i].place));
        }
        assert_int_equal(before, after);
        pz__arena_reset(&arena);
    }
    pz__arena_clear(&arena);
}

static void what_is_in_order_needs_no_memory(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 1); /* a limit of one byte */
    item items[] = {{1, 0}, {1, 1}, {2, 2}, {9, 3}};
    assert_int_equal(pz__sort_stable(&arena, items, 4, sizeof *items, by_key), PZ_OK);
    items[0].key = 3;
    assert_int_equal(pz__sort_stable(&arena, items, 4, sizeof *items, by_key), PZ_ERR_NOMEM);
    assert_int_equal(items[0].key, 3);
    pz__arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_orders_and_keeps_equal_ones_in_place),
        cmocka_unit_test(what_is_in_order_needs_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
