/*
 * test_order.c: the stable sort, and the order of what was said.
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

static void equal_stamps_fall_to_the_writer_then_to_the_member(void **state)
{
    (void)state;
    const pz__moment first = {5, PZ__STR("a"), 1};
    const pz__moment later[] = {
        {6, PZ__STR("a"), 0}, {5, PZ__STR("b"), 0}, {5, PZ__STR("aa"), 0}, {5, PZ__STR("a"), 2}};
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++) {
        assert_true(pz__is_after(later[i], first));
        assert_false(pz__is_after(first, later[i]));
        assert_true(pz__is_after(later[i], PZ__MOMENT_NEVER));
    }
    assert_false(pz__is_after(first, first));
}

static pz__profile *profile_that_says(const char *subject, pz__claim_slot slot)
{
    pz__profile *made;
    const pz__claim claim = {
        .attribute = PZ__STR("x"), .slot = (uint8_t)slot, .value = pz_value_str("de")};
    const pz__write write = {.writer = PZ__STR("w1"), .at_ms = 1000, .now_ms = 1000};
    assert_int_equal(pz__profile_new(&made, NULL, PZ__PERSON, pz_str_of(subject), NULL), PZ_OK);
    assert_int_equal(pz__profile_put(made, &write, &claim, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(made), PZ_OK);
    return made;
}

static void claims_of_different_registers_are_ordered_by_their_member(void **state)
{
    (void)state;
    static const pz__claim_slot slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_REJECT};
    for (size_t i = 0; i < 2; i++) { /* the choice in the lesser profile, then in the greater */
        pz__profile *a = profile_that_says("a", slots[i]),
                    *b = profile_that_says("b", slots[1 - i]);
        const pz__profile *members[] = {a, b};
        const pz__person person = {members, 2};
        pz__arena arena;
        pz__arena_init(&arena, NULL, 0);
        pz__claims claims;
        assert_int_equal(pz__person_claims(&person, PZ__STR("x"), &arena, &claims), PZ_OK);
        assert_int_equal(claims.count, 2);
        const pz__moment choice = pz__moment_of(&claims.list[0]);
        const pz__moment rejection = pz__moment_of(&claims.list[1]);
        assert_int_equal(choice.stamp, rejection.stamp);
        assert_int_equal(pz__is_after(rejection, choice), i == 0);
        assert_int_equal(pz__is_after(choice, rejection), i == 1);
        pz__arena_clear(&arena);
        pz__profile_free(a);
        pz__profile_free(b);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sorting_orders_and_keeps_equal_ones_in_place),
        cmocka_unit_test(what_is_in_order_needs_no_memory),
        cmocka_unit_test(equal_stamps_fall_to_the_writer_then_to_the_member),
        cmocka_unit_test(claims_of_different_registers_are_ordered_by_their_member),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
