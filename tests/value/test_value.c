/* test_value.c: making values, looking at them, owning them. */
#include "cmocka_all.h"

#include <string.h>

#include "random_value.h"
#include "support/oom.h"

static void constructors_set_kind_and_content(void **state)
{
    (void)state;
    assert_int_equal(pz_value_null().kind, PZ_NULL);
    assert_true(pz_value_bool(true).as.b && pz_value_bool(true).as.u != 0);
    assert_int_equal(pz_value_int(-5).as.i, -5);
    assert_int_equal(pz_value_uint(5).as.u, 5);
    assert_true(pz_value_double(0.5).as.d == 0.5);
    assert_int_equal(pz_value_str("abc").len, 3);
    assert_int_equal(pz_value_str(NULL).kind, PZ_NULL);
    assert_int_equal(pz_value_strn("abc", 2).len, 2);
    assert_int_equal(pz_value_strn(NULL, 0).kind, PZ_STRING);
    assert_int_equal(pz_value_strn("", (size_t)UINT32_MAX + 1).kind, PZ_NULL);
    assert_int_equal(pz_value_bytes("\0\1", 2).kind, PZ_BYTES);
    assert_int_equal(pz_value_duration_ns(-1).as.i, -1);
}

static void times_before_1970_floor(void **state)
{
    (void)state;
    pz_value v = pz_value_time_ms(-1);
    assert_int_equal(v.as.i, -1);
    assert_int_equal(v.len, 999000000);
    v = pz_value_time_ms(1500);
    assert_int_equal(v.as.i, 1);
    assert_int_equal(v.len, 500000000);
    v = pz_value_time_ms(INT64_MIN);
    assert_int_equal(v.as.i, INT64_MIN / 1000 - 1);
}

static void kinds_have_the_names_of_the_rule_language(void **state)
{
    (void)state;
    assert_string_equal(pz_kind_name(PZ_NULL), "null_type");
    assert_string_equal(pz_kind_name(PZ_UINT), "uint");
    assert_string_equal(pz_kind_name(PZ_TIMESTAMP), "google.protobuf.Timestamp");
    assert_string_equal(pz_kind_name(PZ_DURATION), "google.protobuf.Duration");
    assert_string_equal(pz_kind_name(PZ_MAP), "map");
    assert_string_equal(pz_kind_name((pz_kind)11), "?");
}

static void getters_give_null_beyond_the_end(void **state)
{
    (void)state;
    pz_value items[2] = {pz_value_int(1), pz_value_int(2)};
    pz_value list = pz__value_of_items(items, 2);
    assert_int_equal(pz_value_item(list, 1).as.i, 2);
    assert_int_equal(pz_value_item(list, 2).kind, PZ_NULL);
    assert_int_equal(pz_value_item(pz_value_int(1), 0).kind, PZ_NULL);
    assert_int_equal(pz_value_entry(list, 0).key.kind, PZ_NULL);
    assert_null(pz_value_text(list).data);
    assert_int_equal(pz_value_text(pz_value_str("x")).len, 1);
    bool found = true;
    assert_int_equal(pz_value_get(list, "a", 1, &found).kind, PZ_NULL);
    assert_false(found);
}

static void copies_own_everything(void **state)
{
    (void)state;
    pz_pool *from, *to;
    assert_int_equal(pz_pool_new(&from, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&to, NULL), PZ_OK);
    GEN_CASES(g, gen_cases_full(300, 20000))
    {
        pz_value twin, v = random_value(&g, from, 3, false);
        assert_int_equal(pz_pool_copy(to, &twin, v), PZ_OK);
        pz__digest before, after;
        assert_int_equal(pz__value_digest(NULL, v, &before), PZ_OK);
        pz_pool_free(from);
        assert_int_equal(pz_pool_new(&from, NULL), PZ_OK);
        assert_int_equal(pz__value_digest(NULL, twin, &after), PZ_OK);
        assert_memory_equal(&before, &after, sizeof before);
        pz_pool_reset(to);
    }
    pz_pool_free(from);
    pz_pool_free(to);
}

static void text_that_is_no_utf8_is_not_kept(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_value v = pz_value_int(1), item = pz_value_strn("\xff", 1);
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_pool_string(pool, &v, "\xed\xa0\x80", 3), PZ_ERR_PARSE);
    assert_int_equal(v.kind, PZ_NULL);
    assert_int_equal(pz_pool_copy(pool, &v, pz__value_of_items(&item, 1)), PZ_ERR_PARSE);
    assert_int_equal(pz_pool_string(pool, &v, NULL, 1), PZ_ERR_ARG);
    assert_int_equal(pz_pool_string(pool, NULL, "", 0), PZ_ERR_ARG);
    assert_int_equal(pz_pool_string(NULL, &v, "", 0), PZ_ERR_ARG);
    assert_int_equal(pz_pool_new(NULL, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_pool_copy(pool, &v, (pz_value){.kind = 99}), PZ_ERR_ARG);
    pz_pool_free(pool);
    pz_pool_free(NULL);
    pz_pool_reset(NULL);
}

static void value_may_be_wrapped_in_its_own_place(void **state)
{
    (void)state;
    pz_pool *pool;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    pz_value v = pz_value_int(7);
    assert_int_equal(pz_pool_list(pool, &v, &v, 1), PZ_OK);
    assert_int_equal(pz_value_item(v, 0).as.i, 7);
    pz_entry entry = {pz_value_str("a"), pz_value_int(8)};
    assert_int_equal(pz_pool_map(pool, &entry.value, &entry, 1), PZ_OK);
    assert_int_equal(pz_value_get(entry.value, "a", 1, NULL).as.i, 8);
    pz_pool_free(pool);
}

static void nesting_stops_at_its_limit(void **state)
{
    (void)state;
    pz_value levels[PZ_JSON_DEPTH_MAX + 1], v;
    pz_pool *pool;
    pz_str text;
    pz__digest digest;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    levels[0] = pz__value_of_items(NULL, 0);
    for (size_t i = 1; i <= PZ_JSON_DEPTH_MAX; i++)
        levels[i] = pz__value_of_items(&levels[i - 1], 1);
    pz_value deepest = levels[PZ_JSON_DEPTH_MAX - 1], beyond = levels[PZ_JSON_DEPTH_MAX];
    assert_int_equal(pz_pool_copy(pool, &v, deepest), PZ_OK);
    assert_int_equal(pz_pool_copy(pool, &v, beyond), PZ_ERR_LIMIT);
    assert_int_equal(pz_value_print(pool, &text, deepest, 0), PZ_OK);
    assert_int_equal(pz_value_print(pool, &text, beyond, 0), PZ_ERR_LIMIT);
    assert_int_equal(pz__value_digest(NULL, deepest, &digest), PZ_OK);
    assert_int_equal(pz__value_digest(NULL, beyond, &digest), PZ_ERR_LIMIT);
    assert_true(pz_value_equal(deepest, deepest));
    assert_false(pz_value_equal(beyond, beyond));
    assert_int_equal(pz_value_compare(beyond, beyond), 0);
    pz_pool_free(pool);
}

static pz_status make_everything(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz_pool *pool;
    pz_value text, list, map, twin;
    char long_text[5000];
    memset(long_text, 'x', sizeof long_text);
    pz_status status = pz_pool_new(&pool, alloc);
    if (status != PZ_OK)
        return status;
    pz_entry entries[40];
    status = pz_pool_string(pool, &text, long_text, sizeof long_text);
    if (status == PZ_OK)
        status = pz_pool_list(pool, &list, &text, 1);
    for (int i = 0; i < 40; i++)
        entries[i] = (pz_entry){pz_value_int(i), list};
    if (status == PZ_OK)
        status = pz_pool_map(pool, &map, entries, 40);
    if (status == PZ_OK)
        status = pz_pool_copy(pool, &twin, map);
    pz__digest digest;
    if (status == PZ_OK)
        status = pz__value_digest(alloc, twin, &digest);
    pz_pool_free(pool);
    return status;
}

static void making_survives_exhaustion(void **state)
{
    (void)state;
    assert_true(oom_run(make_everything, NULL) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(constructors_set_kind_and_content),
        cmocka_unit_test(times_before_1970_floor),
        cmocka_unit_test(kinds_have_the_names_of_the_rule_language),
        cmocka_unit_test(getters_give_null_beyond_the_end),
        cmocka_unit_test(copies_own_everything),
        cmocka_unit_test(text_that_is_no_utf8_is_not_kept),
        cmocka_unit_test(value_may_be_wrapped_in_its_own_place),
        cmocka_unit_test(nesting_stops_at_its_limit),
        cmocka_unit_test(making_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
