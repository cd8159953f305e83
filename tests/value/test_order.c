/* test_order.c: equality on the number line, and the total order over all values. */
#include "cmocka_all.h"

#include <string.h>

#include "random_value.h"
#include "support/oom.h"

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

/* Deep copies of a value, whose maps have their entries in an order of chance. */
static pz_value shuffled(gen *g, pz_pool *pool, pz_value v)
{
    pz_entry entries[20];
    pz_value items[20], out = v;
    if (v.kind == PZ_LIST) {
        for (uint32_t i = 0; i < v.len; i++)
            items[i] = shuffled(g, pool, v.as.items[i]);
        assert_int_equal(pz_pool_list(pool, &out, items, v.len), PZ_OK);
    } else if (v.kind == PZ_MAP) {
        for (uint32_t i = 0; i < v.len; i++) {
            entries[i] = pz_value_entry(v, i);
            entries[i].value = shuffled(g, pool, entries[i].value);
        }
        gen_shuffle(g, entries, v.len, sizeof *entries);
        assert_int_equal(pz_pool_map(pool, &out, entries, v.len), PZ_OK);
    }
    return out;
}

/* As the bytes have them, which stand sorted. */
static void assert_as_decoded(pz_value v, pz_value decoded)
{
    assert_int_equal(v.kind, decoded.kind);
    assert_int_equal(pz_value_compare(v, decoded), 0);
    if (v.kind == PZ_LIST)
        for (uint32_t i = 0; i < v.len; i++)
            assert_as_decoded(v.as.items[i], decoded.as.items[i]);
    if (v.kind != PZ_MAP)
        return;
    for (uint32_t i = 0; i < v.len; i++) {
        const pz_entry entry = pz_value_entry(v, i), other = pz_value_entry(decoded, i);
        assert_as_decoded(entry.key, other.key);
        assert_as_decoded(entry.value, other.value);
        assert_non_null(pz__map_find(v, entry.key));
    }
}

static void sorting_gives_the_order_of_the_bytes_and_keeps_what_has_it(void **state)
{
    (void)state;
    pz_pool *pool;
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, SIZE_MAX);
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    GEN_CASES(g, gen_cases_full(3000, 200000))
    {
        pz_value decoded, v = shuffled(&g, pool, random_value(&g, pool, 3, false));
        pz__arena *arena = pz__pool_arena(pool);
        pz__buf_reset(&bytes);
        pz__value_encode(&bytes, v);
        pz__cursor in;
        pz__cursor_init(&in, bytes.data, bytes.len);
        assert_int_equal(pz__value_decode(arena, &in, &decoded), PZ_OK);
        assert_int_equal(pz__value_sort(arena, &v), PZ_OK);
        assert_as_decoded(v, decoded);
        if (v.kind == PZ_MAP) {
            pz_value map = shuffled(&g, pool, v);
            assert_int_equal(pz_pool_map_sorted(pool, &map, pz_value_entries(map), map.len), PZ_OK);
            for (uint32_t i = 0; i < v.len; i++)
                assert_int_equal(
                    pz_value_compare(pz_value_entry(map, i).key, pz_value_entry(v, i).key), 0);
        }
        const pz_value before = v;
        assert_int_equal(pz__value_sort(arena, &v), PZ_OK);
        assert_memory_equal(&v, &before, sizeof v);
        pz_pool_reset(pool);
    }
    pz__buf_clear(&bytes);
    pz_pool_free(pool);
}

static void a_map_that_cannot_be_made_sorted_is_refused_as_another(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_value out;
    const pz_entry twice[] = {{pz_value_int(2), pz_value_null()},
                              {pz_value_int(1), pz_value_null()},
                              {pz_value_uint(2), pz_value_null()}};
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_pool_map_sorted(pool, &out, twice, 3), PZ_ERR_ARG);
    assert_int_equal(out.kind, PZ_NULL);
    assert_int_equal(pz_pool_map_sorted(pool, NULL, twice, 2), PZ_ERR_ARG);
    assert_int_equal(pz_pool_map_sorted(NULL, &out, twice, 2), PZ_ERR_ARG);
    assert_int_equal(pz_pool_map_sorted(pool, &out, NULL, 0), PZ_OK);
    assert_int_equal(out.kind, PZ_MAP);
    pz_pool_free(pool);
}

static pz_status sort_short_of_memory(const pz_alloc *alloc, void *payload)
{
    const pz_value before = *(const pz_value *)payload;
    pz_value v = before;
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    const pz_status status = pz__value_sort(&arena, &v);
    if (status != PZ_OK)
        assert_memory_equal(&v, &before, sizeof v);
    pz__arena_clear(&arena);
    return status;
}

static void sorting_may_run_out_of_memory_and_of_depth(void **state)
{
    (void)state;
    pz_pool *pool;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    gen g = gen_from(7);
    pz_entry entries[20];
    for (int i = 0; i < 20; i++)
        entries[i] = (pz_entry){pz_value_int(20 - i), pz_value_int(i)};
    pz_value v, deep;
    assert_int_equal(pz_pool_map(pool, &v, entries, 20), PZ_OK);
    entries[19].value = v;
    assert_int_equal(pz_pool_map(pool, &v, entries + 10, 10), PZ_OK);
    deep = v = shuffled(&g, pool, v);
    oom_run(sort_short_of_memory, &v);
    for (int i = 0; i < PZ_JSON_DEPTH_MAX; i++) {
        pz_value *item = pz__arena_new(pz__pool_arena(pool), sizeof *item);
        *item = deep;
        deep = pz__value_of_items(item, 1);
    }
    v = deep;
    assert_int_equal(pz__value_sort(pz__pool_arena(pool), &deep), PZ_ERR_LIMIT);
    assert_memory_equal(&deep, &v, sizeof v);
    pz_pool_free(pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_of_all_kinds_share_one_line),
        cmocka_unit_test(the_order_is_the_documented_one),
        cmocka_unit_test(maps_equal_in_any_order),
        cmocka_unit_test(the_order_is_total_and_agrees_with_the_bytes),
        cmocka_unit_test(sorting_gives_the_order_of_the_bytes_and_keeps_what_has_it),
        cmocka_unit_test(a_map_that_cannot_be_made_sorted_is_refused_as_another),
        cmocka_unit_test(sorting_may_run_out_of_memory_and_of_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
