/*
 * test_str.c: order of texts, interned names, the nearest name.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"
#include "support/gen.h"
#include "support/oom.h"

static void order_is_bytewise_and_prefix_first(void **state)
{
    (void)state;
    static const pz_str ordered[] = {{NULL, 0},     PZ__STR("\0"), PZ__STR("A"),       PZ__STR("a"),
                                     PZ__STR("aa"), PZ__STR("b"),  PZ__STR("\xc3\xa4")};
    for (int i = 0; i < 7; i++)
        for (int j = 0; j < 7; j++) {
            assert_int_equal(pz__str_compare(ordered[i], ordered[j]), (i > j) - (i < j));
            assert_int_equal(pz__str_equal(ordered[i], ordered[j]), i == j);
        }
}

static void names_are_numbered_in_the_order_they_come(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    pz__names names;
    pz__names_init(&names, &arena);
    assert_int_equal(pz__names_find(&names, PZ__STR("x")), PZ__NAME_NONE);
    char text[24];
    for (uint32_t i = 0; i < 5000; i++) {
        size_t len = 0;
        for (uint32_t n = i; n; n >>= 1)
            text[len++] = n & 1 ? 'b' : 'a';
        pz_str name = {text, len};
        assert_int_equal(pz__names_find(&names, name), PZ__NAME_NONE);
        assert_int_equal(pz__names_put(&names, name), i);
        assert_int_equal(pz__names_put(&names, name), i);
        assert_int_equal(pz__names_find(&names, name), i);
        assert_true(pz__str_equal(names.list[i], name));
        assert_true(names.list[i].data != text);
    }
    assert_int_equal(names.count, 5000);
    pz__arena_clear(&arena);
}

static void table_is_full_at_its_limit(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    pz__names names;
    pz__names_init(&names, &arena);
    uint32_t refused = 0;
    for (uint32_t i = 0; i <= PZ__NAMES_MAX; i++)
        refused += pz__names_put(&names, (pz_str){(const char *)&i, sizeof i}) == PZ__NAME_NONE;
    assert_int_equal(refused, 1);
    assert_int_equal(names.count, PZ__NAMES_MAX);
    uint32_t known = 12345;
    assert_int_equal(pz__names_put(&names, (pz_str){(const char *)&known, sizeof known}), known);
    pz__arena_clear(&arena);
}

static pz_status intern_many(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__arena arena;
    pz__names names;
    pz__arena_init(&arena, alloc, 0);
    pz__names_init(&names, &arena);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < 2000 && status == PZ_OK; i++) {
        uint32_t count = names.count;
        pz_str name = {(const char *)&i, sizeof i};
        if (pz__names_put(&names, name) == PZ__NAME_NONE) {
            assert_int_equal(names.count, count);
            assert_int_equal(pz__names_find(&names, name), PZ__NAME_NONE);
            status = PZ_ERR_NOMEM;
        }
    }
    for (uint32_t i = 0; i < names.count; i++)
        assert_int_equal(pz__names_find(&names, (pz_str){(const char *)&i, sizeof i}), i);
    pz__arena_clear(&arena);
    return status;
}

static void exhaustion_leaves_the_names_as_they_were(void **state)
{
    (void)state;
    oom_run(intern_many, NULL);
}

static void nearest_name_is_the_one_that_was_meant(void **state)
{
    (void)state;
    static const pz_str names[] = {PZ__STR("language"), PZ__STR("category"), PZ__STR("toolbar"),
                                   PZ__STR("Country"),  PZ__STR("id"),       PZ__STR("x")};
    static const struct {
        pz_str typed;
        const char *meant;
    } cases[] = {
        {PZ__STR("langauge"), "language"},
        {PZ__STR("LANGUAGE"), NULL},
        {PZ__STR("country"), "Country"},
        {PZ__STR("tolbar"), "toolbar"},
        {PZ__STR("categories"), "category"},
        {PZ__STR("price"), NULL},
        {PZ__STR("di"), "id"},
        {PZ__STR("ID"), "id"},
        {PZ__STR("X"), "x"},
        {PZ__STR("y"), NULL},
        {PZ__STR(""), NULL},
        {PZ__STR("toolbar"), "toolbar"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pz_str nearest = pz__nearest(cases[i].typed, names, 6);
        pz_str meant = pz_str_of(cases[i].meant);
        assert_true(pz__str_equal(nearest, meant));
    }
}

static void ties_go_to_the_first_candidate(void **state)
{
    (void)state;
    static const pz_str names[] = {PZ__STR("abcx"), PZ__STR("abcy"), PZ__STR("ABCD")};
    assert_ptr_equal(pz__nearest(PZ__STR("abcz"), names, 3).data, names[0].data);
    assert_ptr_equal(pz__nearest(PZ__STR("abCD"), names, 3).data, names[2].data);
    assert_null(pz__nearest(PZ__STR("abcz"), names, 0).data);
}

static void names_beyond_the_limit_are_near_to_nothing(void **state)
{
    (void)state;
    char text[PZ__NEAREST_MAX + 1];
    memset(text, 'n', sizeof text);
    pz_str longest = {text, PZ__NEAREST_MAX}, longer = {text, PZ__NEAREST_MAX + 1};
    assert_ptr_equal(pz__nearest(longest, &longest, 1).data, text);
    assert_null(pz__nearest(longest, &longer, 1).data);
    assert_null(pz__nearest(longer, &longest, 1).data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_is_bytewise_and_prefix_first),
        cmocka_unit_test(names_are_numbered_in_the_order_they_come),
        cmocka_unit_test(table_is_full_at_its_limit),
        cmocka_unit_test(exhaustion_leaves_the_names_as_they_were),
        cmocka_unit_test(nearest_name_is_the_one_that_was_meant),
        cmocka_unit_test(ties_go_to_the_first_candidate),
        cmocka_unit_test(names_beyond_the_limit_are_near_to_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
