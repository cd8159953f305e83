/* test_order.c: equality on the number line, and the total order over all values. */
#include "cmocka_all.h"

#include <string.h>

#include "random_value.h"

static double nan_value(void)
{
    volatile double zero = 0;
    return zero / zero;
}

static void numbers_of_all_kinds_share_one_line(void **state)
{
    (void)state;
    assert_true(pz_value_equal(pz_value_int(1), pz_value_uint(1)));
    assert_true(pz_value_equal(pz_value_double(1), pz_value_uint(1)));
    assert_true(pz_value_equal(pz_value_double(-0.0), pz_value_int(0)));
    assert_false(pz_value_equal(pz_value_int(INT64_MAX), pz_value_double(9223372036854775808.0)));
    assert_false(pz_value_equal(pz_value_int(-1), pz_value_uint(UINT64_MAX)));
    assert_false(pz_value_equal(pz_value_int(1), pz_value_bool(true)));
    assert_false(pz_value_equal(pz_value_str("a"), pz_value_bytes("a", 1)));
    pz_value nan = pz_value_double(nan_value());
    assert_false(pz_value_equal(nan, nan));
    assert_false(pz_value_equal(pz__value_of_items(&nan, 1), pz__value_of_items(&nan, 1)));
    assert_int_equal(pz_value_compare(nan, nan), 0);
}

static void the_order_is_the_documented_one(void **state)
{
    (void)state;
    pz_value one = pz_value_int(1);
    pz_value two[2] = {one, one};
    const pz_value rising[] = {
        pz_value_null(),
        pz_value_bool(false),
        pz_value_bool(true),
        pz_value_double(-1e300),
        pz_value_int(INT64_MIN),
        pz_value_int(-1),
        pz_value_int(0),
        pz_value_uint(0),
        pz_value_double(-0.0),
        pz_value_double(0.0),
        pz_value_double(0.5),
        pz_value_int(1),
        pz_value_uint(1),
        pz_value_double(1),
        pz_value_int(INT64_MAX),
        pz_value_double(9223372036854775808.0),
        pz_value_uint(UINT64_MAX),
        pz_value_double(1e300),
        pz_value_double(nan_value()),
        pz_value_str(""),
        pz_value_str("a"),
        pz_value_str("ab"),
        pz_value_str("b"),
        pz_value_bytes("", 0),
        pz_value_bytes("\xff", 1),
        pz_value_time_ms(-1),
        pz_value_time_ms(1),
        pz_value_duration_ns(-1),
        pz_value_duration_ns(1),
        pz__value_of_items(NULL, 0),
        pz__value_of_items(two, 1),
        pz__value_of_items(two, 2),
        (pz_value){.kind = PZ_MAP},
    };
    const size_t count = sizeof rising / sizeof rising[0];
    for (size_t i = 0; i < count; i++)
        for (size_t k = 0; k < count; k++) {
            int order = pz_value_compare(rising[i], rising[k]);
            assert_int_equal((order > 0) - (order < 0), (i > k) - (i < k));
        }
}

static void maps_equal_in_any_order(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_value a, b, c;
    pz_entry entries[2] = {{pz_value_str("x"), pz_value_int(1)},
                           {pz_value_int(2), pz_value_null()}};
    pz_entry turned[2] = {{pz_value_uint(2), pz_value_null()},
                          {pz_value_str("x"), pz_value_uint(1)}};
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    pz_pool_map(pool, &a, entries, 2);
    pz_pool_map(pool, &b, turned, 2);
    pz_pool_map(pool, &c, entries, 1);
    assert_true(pz_value_equal(a, b));
    assert_true(pz_value_compare(a, b) != 0);
    assert_false(pz_value_equal(a, c));
    pz_pool_free(pool);
}

static int sign(int n)
{
    return (n > 0) - (n < 0);
}

static void the_order_is_total_and_agrees_with_the_bytes(void **state)
{
    (void)state;
    pz_pool *pool;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    GEN_CASES(g, gen_cases_full(3000, 200000))
    {
        pz_value v[3];
        pz__digest digest[3];
        for (int i = 0; i < 3; i++) {
            v[i] = random_value(&g, pool, 2, false);
            assert_int_equal(pz__value_digest(NULL, v[i], &digest[i]), PZ_OK);
        }
        for (int i = 0; i < 3; i++) {
            int k = (i + 1) % 3, l = (i + 2) % 3;
            int order = pz_value_compare(v[i], v[k]);
            assert_int_equal(sign(order), -sign(pz_value_compare(v[k], v[i])));
            assert_int_equal(order == 0, memcmp(&digest[i], &digest[k], sizeof digest[i]) == 0);
            if (order <= 0 && pz_value_compare(v[k], v[l]) <= 0)
                assert_true(pz_value_compare(v[i], v[l]) <= 0);
            assert_int_equal(pz_value_equal(v[i], v[k]), pz_value_equal(v[k], v[i]));
        }
        pz_pool_reset(pool);
    }
    pz_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_all_kinds_share_one_line),
        cmocka_unit_test(the_order_is_the_documented_one),
        cmocka_unit_test(maps_equal_in_any_order),
        cmocka_unit_test(the_order_is_total_and_agrees_with_the_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
