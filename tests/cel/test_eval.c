/* test_eval.c: what expressions come to: errors, unknowns, absorption, macros, times, limits. */
#include "cel/kit.h"

#include <stdio.h>

static kit k;

static int open_kit(void **state)
{
    (void)state;
    kit_open(&k, NULL);
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    kit_close(&k);
    return 0;
}

static void errors_carry_text_and_place(void **state)
{
    (void)state;
    k.slots[SLOT_AGE] = pz_value_int(0);
    const pz__cel_error *error = kit_error_of(kit_eval(&k, "7 + 1 / profile.age"));
    assert_int_equal(error->status, PZ_ERR_EVAL);
    assert_int_equal(error->offset, 6);
    assert_string_equal(error->message, "divide by zero");
    assert_non_null(strstr(kit_error(kit_eval(&k, "{'a': 1}.b")), "has()"));
    assert_non_null(strstr(kit_error(kit_eval(&k, "[1][1]")), "size()"));
}

static void and_or_absorb_errors(void **state)
{
    (void)state;
    k.slots[SLOT_AGE] = pz_value_int(0);
    assert_true_of(&k, "1 / profile.age > 0 || true");
    assert_true_of(&k, "true || 1 / profile.age > 0");
    assert_false_of(&k, "1 / profile.age > 0 && profile.age == 1");
    assert_false_of(&k, "profile.age == 1 && 1 / profile.age > 0");
    assert_error_of(&k, "1 / profile.age > 0 && profile.age == 0");
    assert_error_of(&k, "1 / profile.age > 0 || profile.age == 1");
    assert_false_of(&k, "(1 / profile.age > 0 || profile.age == 1) && profile.age == 2");
    assert_true_of(&k, "[0, 1].exists(x, 1 / x == 1)");
    assert_false_of(&k, "[0, 1].all(x, 1 / x == 2)");
    assert_error_of(&k, "[0, 1].all(x, 1 / x == 1)");
    assert_error_of(&k, "[0, 1].exists_one(x, 1 / x == 1)");
    assert_error_of(&k, "[0, 1].filter(x, 1 / x == 1).size() == 1");
    assert_error_of(&k, "[0, 1].map(x, 1 / x).size() == 2");
}

static void negation_turns_the_deciding_truth(void **state)
{
    (void)state;
    k.slots[SLOT_ACTIVE] = pz_value_bool(true);
    k.slots[SLOT_AGE] = pz_value_int(20);
    assert_false_of(&k, "!profile.active");
    assert_false_of(&k, "!(profile.age >= 18) || !profile.active");
    assert_true_of(&k, "!(profile.age < 18) && !!profile.active");
    assert_true_of(&k, "profile.age != 18");
    assert_true_of(&k, "18 < profile.age && !(18 > profile.age)");
    k.slots[SLOT_ANYTHING] = pz_value_int(1);
    assert_error_of(&k, "!anything");
    assert_error_of(&k, "anything && true");
    assert_false_of(&k, "anything && false");
}

static void missing_slots_are_unknown(void **state)
{
    (void)state;
    k.slots[SLOT_ACTIVE] = pz_value_bool(true);
    assert_unknown_of(&k, "profile.language == 'de'");
    assert_unknown_of(&k, "profile.language.startsWith('d') && profile.active");
    assert_true_of(&k, "profile.language == 'de' || profile.active");
    assert_false_of(&k, "profile.age > 3 && !profile.active");
    assert_unknown_of(&k, "profile.age + 1 > 3 ? 1 : 2");
    assert_unknown_of(&k, "[profile.age]");
    assert_unknown_of(&k, "{'a': profile.age}");
    assert_unknown_of(&k, "profile.tags.exists(t, t == 'a')");
    assert_unknown_of(&k, "profile.age in [1, 2]");
    assert_int_equal(pz__cel_truth(kit_eval(&k, "profile.age > 1")), PZ__UNKNOWN);
}

static void unknowns_unite(void **state)
{
    (void)state;
    pz_value v = kit_eval(&k, "profile.score > 1.0 && profile.age > 2 && profile.score < 9.0");
    assert_int_equal(v.kind, PZ__V_UNKNOWN);
    const pz__unknowns *set = (const void *)v.as.text;
    assert_int_equal(set->count, 2);
    assert_int_equal(set->slots[0], SLOT_AGE);
    assert_int_equal(set->slots[1], SLOT_SCORE);
}

static void errors_win_in_strict_operations_and_unknowns_in_logic(void **state)
{
    (void)state;
    k.slots[SLOT_ANYTHING] = pz_value_int(0);
    assert_error_of(&k, "profile.age + 1 / int(anything) > 0");
    assert_error_of(&k, "1 / int(anything) + profile.age > 0");
    assert_error_of(&k, "[profile.age, 1 / int(anything)] == []");
    assert_unknown_of(&k, "profile.age > 0 && 1 / int(anything) > 0");
    assert_unknown_of(&k, "1 / int(anything) > 0 || profile.age > 0");
}

static void has_of_a_declared_name_asks_whether_it_is_known(void **state)
{
    (void)state;
    assert_false_of(&k, "has(profile.language)");
    k.slots[SLOT_AGE] = pz_value_int(1);
    assert_true_of(&k, "has(profile.age)");
    assert_true_of(&k, "!has(profile.language) && has(profile.age)");
    k.slots[SLOT_SCORE] = pz__cel_fail(&k.arena, PZ_ERR_EVAL, "broken");
    assert_error_of(&k, "has(profile.score)");
    assert_unknown_of(&k, "has(profile.address.city)");
}

static void a_slot_is_fetched_once_and_only_if_needed(void **state)
{
    (void)state;
    k.fetch_with[SLOT_AGE] = pz_value_int(30);
    k.fetch_with[SLOT_LANGUAGE] = pz_value_str("de");
    assert_true_of(&k, "profile.age > 18 || profile.language == 'en'");
    assert_true_of(&k, "profile.age > 18 && profile.age + 0 == 30");
    assert_int_equal(k.fetched[SLOT_AGE], 1);
    assert_int_equal(k.fetched[SLOT_LANGUAGE], 0);
}

static void a_slot_of_another_kind_is_answered_all_the_same(void **state)
{
    (void)state;
    k.slots[SLOT_AGE] = pz_value_double(18.5);
    assert_true_of(&k, "profile.age > 18 && profile.age < 19");
    assert_false_of(&k, "profile.age == 18 || profile.age in [18, 19]");
    k.slots[SLOT_AGE] = pz_value_uint(18);
    assert_true_of(&k, "profile.age == 18 && profile.age in [17, 18]");
    k.slots[SLOT_AGE] = pz_value_str("18");
    assert_false_of(&k, "profile.age == 18");
    assert_error_of(&k, "profile.age > 17");
    k.slots[SLOT_LANGUAGE] = pz_value_null();
    assert_false_of(&k, "profile.language == 'de' || profile.language in ['de', 'en']");
    assert_error_of(&k, "profile.language.startsWith('d')");
}

static void numbers_compare_exactly_across_kinds(void **state)
{
    (void)state;
    k.slots[SLOT_ANYTHING] = pz_value_int(9007199254740993);
    k.slots[SLOT_OTHER] = pz_value_double(9007199254740992.0);
    assert_true_of(&k, "anything > other && anything != other && !(anything <= other)");
    k.slots[SLOT_ANYTHING] = pz_value_uint(UINT64_MAX);
    k.slots[SLOT_OTHER] = pz_value_double(18446744073709551616.0);
    assert_true_of(&k, "anything < other && anything != other");
    k.slots[SLOT_OTHER] = pz_value_int(-1);
    assert_true_of(&k, "anything > other");
    k.slots[SLOT_ANYTHING] = pz_value_int(INT64_MAX);
    k.slots[SLOT_OTHER] = pz_value_double(9223372036854775808.0);
    assert_true_of(&k, "anything != other && anything >= other"); /* the one exception */
    k.slots[SLOT_OTHER] = pz_value_double(__builtin_nan(""));
    assert_false_of(&k, "anything < other || anything >= other || other == other");
}

static void large_constant_sets_answer_like_small_ones(void **state)
{
    (void)state;
    char source[4096] = "profile.language in ['de'";
    char numbers[4096] = "profile.age in [0";
    for (int i = 1; i < 200; i++) {
        snprintf(source + strlen(source), 32, ", 'name-%d'", i);
        snprintf(numbers + strlen(numbers), 32, ", %d", i * 7);
    }
    strcat(source, "]");
    strcat(numbers, "]");
    const pz__program *texts = kit_compile(&k, source), *ints = kit_compile(&k, numbers);
    for (int i = 0; i < 400; i++) {
        char name[32];
        snprintf(name, sizeof name, "name-%d", i);
        k.slots[SLOT_LANGUAGE] = pz_value_str(name);
        k.slots[SLOT_AGE] = pz_value_int(i);
        assert_int_equal(pz__cel_truth(kit_run(&k, texts)), i > 0 && i < 200);
        assert_int_equal(pz__cel_truth(kit_run(&k, ints)), i % 7 == 0);
    }
}

static void macros_walk_lists_and_maps(void **state)
{
    (void)state;
    assert_true_of(&k, "{'a': 1, 'b': 2}.all(key, key in ['a', 'b'])");
    assert_true_of(&k, "[1, 2, 3].map(x, x > 1, x * 2) == [4, 6]");
    assert_true_of(&k, "[[1, 2], [3]].map(x, x.map(y, y + size(x))) == [[3, 4], [4]]");
    assert_true_of(&k, "[1, 2, 3].filter(x, [2, 3].exists(y, y == x)) == [2, 3]");
    assert_true_of(&k, "size([1, 2, 3].filter(x, x > 1 && x < 9)) == 2");
    assert_true_of(&k, "[1, 2, 2].exists_one(x, x == 1) && ![1, 2, 2].exists_one(x, x == 2)");
    assert_true_of(&k, "[1].all(x, [2].all(x, x == 2) && x == 1)");
    k.slots[SLOT_ANYTHING] = pz_value_int(1);
    assert_error_of(&k, "anything.map(x, x) == []");
    assert_error_of(&k, "anything.all(x, true)");
}

static void fields_are_found_wherever_they_stand(void **state)
{
    (void)state;
    assert_true_of(&k, "[{'a': 1, 'b': 2}, {'b': 3, 'a': 4}, {'c': 0, 'b': 5, 'a': 6}]"
                       ".map(m, m.a * 10 + m.b) == [12, 43, 65]");
    k.slots[SLOT_ORDERS] = kit_eval(&k, "[{'a': 1, 'b': 2}, {'b': 3}, {'b': 4, 'a': 5}]");
    assert_true_of(&k, "profile.orders.map(m, m.b) == [2, 3, 4]");
    assert_error_of(&k, "profile.orders.map(m, m.a) == []");
    assert_true_of(&k, "profile.orders.filter(m, has(m.a) && m.a > 1).size() == 1");
}

static void steps_are_bounded_and_not_absorbed(void **state)
{
    (void)state;
    const char *source = "[1, 2, 3, 4, 5].map(x, x + anything).size() == 5 || true";
    k.slots[SLOT_ANYTHING] = pz_value_int(1);
    k.steps = 5;
    assert_true_of(&k, source);
    k.steps = 4;
    assert_int_equal(kit_error_of(kit_eval(&k, source))->status, PZ_ERR_LIMIT);
    k.steps = 1000;
    assert_error_of(&k, "[1, 2, 3, 4].all(a, [1, 2, 3, 4].all(b, [1, 2, 3, 4].all(c, "
                        "[1, 2, 3, 4].all(d, [1, 2, 3, 4].all(e, a + int(anything) > 0)))))");
}

/* A list that holds the one before twice, forty times over, has 2^40 leaves but few items. */
static void comparing_shared_parts_takes_steps(void **state)
{
    (void)state;
    char source[1024] = "[anything]";
    for (int i = 0; i < 40; i++)
        strcat(source, ".map(x, [x, x])");
    char both[4096];
    snprintf(both, sizeof both, "%s == %s", source, source);
    k.slots[SLOT_ANYTHING] = pz_value_int(1);
    assert_int_equal(kit_error_of(kit_eval(&k, both))->status, PZ_ERR_LIMIT);
}

static void times_add_subtract_and_compare(void **state)
{
    (void)state;
    assert_true_of(&k, "timestamp('2024-02-28T23:59:59.5Z') + duration('36h0.6s') == "
                       "timestamp('2024-03-01T12:00:00.1Z')");
    assert_true_of(&k, "timestamp('2024-03-01T00:00:00Z') - timestamp('2024-02-28T00:00:00.25Z') "
                       "== duration('47h59m59.75s')");
    assert_true_of(&k, "timestamp(0) - duration('1ns') < timestamp(0)");
    assert_true_of(&k, "string(timestamp(0) - duration('1ns')) == "
                       "'1969-12-31T23:59:59.999999999Z'");
    assert_true_of(&k, "timestamp('2024-02-29T10:11:12.345Z').getDayOfYear() == 59 && "
                       "timestamp('2024-02-29T10:11:12.345Z').getMilliseconds() == 345");
    assert_error_of(&k, "timestamp('9999-12-31T23:59:59Z') + duration('1s')");
    assert_error_of(&k, "timestamp('9999-12-31T00:00:00Z') - timestamp('0001-01-01T00:00:00Z')");
}

static void open_environments_look_names_up_when_they_run(void **state)
{
    (void)state;
    const pz__program *program;
    pz__cel_env env = {.closed = false};
    pz__cel_issues issues;
    assert_int_equal(
        pz__cel_compile(&k.arena, &program, PZ__STR("nowhere.x || true"), &env, NULL, &issues),
        PZ_OK);
    assert_int_equal(pz__cel_truth(kit_run(&k, program)), PZ__TRUE);
    assert_int_equal(pz__cel_compile(&k.arena, &program, PZ__STR("nowhere.x"), &env, NULL, &issues),
                     PZ_OK);
    assert_int_equal(kit_run(&k, program).kind, PZ__V_ERROR);
}

static void scalar_rules_allocate_nothing(void **state)
{
    (void)state;
    k.slots[SLOT_LANGUAGE] = pz_value_str("de");
    k.slots[SLOT_AGE] = pz_value_int(30);
    k.slots[SLOT_TAGS] = kit_eval(&k, "['sport', 'music']");
    const pz__program *p = kit_compile(
        &k, "profile.language in ['de', 'fr'] && profile.age >= 18 && profile.age + 1 < 99 && "
            "profile.tags.exists(t, t.startsWith('mu')) && profile.tags.filter(t, t != '').size() "
            "== 2 && (profile.age > 40 ? false : true)");
    assert_non_null(p);
    pz__mark before = pz__arena_mark(&k.arena);
    assert_int_equal(pz__cel_truth(kit_run(&k, p)), PZ__TRUE);
    pz__mark after = pz__arena_mark(&k.arena);
    assert_ptr_equal(before.next, after.next);
}

static void too_few_slots_are_refused(void **state)
{
    (void)state;
    const pz__program *p = kit_compile(&k, "other == 1");
    pz__activation few = {.slots = k.slots, .slot_count = SLOT_OTHER, .arena = &k.arena};
    assert_int_equal(kit_error_of(pz__cel_eval(p, &few))->status, PZ_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, open_kit, close_kit)
        TEST(errors_carry_text_and_place),
        TEST(and_or_absorb_errors),
        TEST(negation_turns_the_deciding_truth),
        TEST(missing_slots_are_unknown),
        TEST(unknowns_unite),
        TEST(errors_win_in_strict_operations_and_unknowns_in_logic),
        TEST(has_of_a_declared_name_asks_whether_it_is_known),
        TEST(a_slot_is_fetched_once_and_only_if_needed),
        TEST(a_slot_of_another_kind_is_answered_all_the_same),
        TEST(numbers_compare_exactly_across_kinds),
        TEST(large_constant_sets_answer_like_small_ones),
        TEST(macros_walk_lists_and_maps),
        TEST(fields_are_found_wherever_they_stand),
        TEST(steps_are_bounded_and_not_absorbed),
        TEST(comparing_shared_parts_takes_steps),
        TEST(times_add_subtract_and_compare),
        TEST(open_environments_look_names_up_when_they_run),
        TEST(scalar_rules_allocate_nothing),
        TEST(too_few_slots_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
