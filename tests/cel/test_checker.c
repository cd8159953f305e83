/* test_checker.c: types, names, diagnostics, derived calls. */
#include "cel/kit.h"

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

static void assert_type(const char *source, const char *expected)
{
    const pz__program *program = kit_compile(&k, source);
    if (!program)
        fail_msg("%s: %s", source, k.issues.list[0].message);
    pz__buf text;
    pz__buf_init(&text, NULL, 1024);
    pz__type_print(&text, pz__program_type(program));
    pz__buf_byte(&text, 0);
    assert_string_equal(text.data, expected);
    pz__buf_clear(&text);
}

static void types_are_deduced(void **state)
{
    (void)state;
    assert_type("profile.language", "string");
    assert_type("[1, 2]", "list<int>");
    assert_type("[1, 'a']", "list<dyn>");
    assert_type("[[], [1]]", "list<list<int>>");
    assert_type("[[1], []]", "list<list<int>>");
    assert_type("[dyn(1), 2]", "list<dyn>");
    assert_type("[]", "list<dyn>");
    assert_type("{'a': 1u}", "map<string, uint>");
    assert_type("{}", "map<dyn, dyn>");
    assert_type("{'a': [1]}.a[0]", "int");
    assert_type("profile.tags.map(t, size(t))", "list<int>");
    assert_type("profile.tags.filter(t, t != '')", "list<string>");
    assert_type("profile.address.map(key, key)", "list<string>");
    assert_type("profile.orders[0].total", "dyn");
    assert_type("true ? [] : [1.0]", "list<double>");
    assert_type("profile.since - profile.since", "duration");
    assert_type("profile.since + duration('1h')", "timestamp");
    assert_type("type(1)", "type<int>");
    assert_type("anything + 1", "int");
    assert_type("anything + anything", "dyn");
    assert_type("count('visit') + 1", "int");
}

/* The first mistake of a source. */
static const pz__cel_issue *mistake(const char *source)
{
    if (kit_compile(&k, source))
        fail_msg("%s should not compile", source);
    assert_true(k.issues.count > 0);
    return &k.issues.list[0];
}

static void assert_mistake(const char *source, const char *part)
{
    const pz__cel_issue *issue = mistake(source);
    assert_int_equal(k.status, PZ_ERR_TYPE);
    if (!strstr(issue->message, part))
        fail_msg("%s: '%s' lacks '%s'", source, issue->message, part);
}

static void mistakes_of_type_are_told_with_a_remedy(void **state)
{
    (void)state;
    assert_mistake("profile.age == 'x'", "'==' does not take (int, string); convert");
    assert_mistake("profile.age == null", "not null: ask has(x)");
    assert_mistake("timestamp(0) > '2026-03-01'", "write timestamp('2026-03-01T00:00:00Z')");
    assert_mistake("duration('1h') < '2h'", "write duration('24h')");
    assert_mistake("has(profile.agee)", "unknown name 'profile.agee'");
    assert_mistake("has(profil.age) || has(profile.age)", "unknown name 'profil.age'");
    assert_mistake("profile.score > 1", "'>' does not take (double, int); write 1.0");
    assert_mistake("profile.age + 2.0", "write 2");
    assert_mistake("3 in [1u, 2u]", "does not take (int, list<uint>)");
    assert_mistake("-3 < 1u", "write 1");
    assert_mistake("profile.age + 2.5", "2.0 for a double");
    assert_mistake("profile.age * profile.score", "int(), uint() or double()");
    assert_mistake("not(true)", "'not' is no operator");
    assert_mistake("gold == 'gold'", "a text is written in quotes: 'gold'");
    assert_mistake("profile.age && true", "each side of '&&' must be bool, this is int");
    assert_mistake("profile.age ? 1 : 2", "condition");
    assert_mistake("true ? 1 : 'a'", "one type");
    assert_mistake("profile.age.years", "'.years' needs a map, this is int");
    assert_mistake("profile.age.all(x, true)", "walks over a list or a map, this is int");
    assert_mistake("[1].all(x, x)", "the condition of a macro must be bool");
    assert_mistake("{1.5: 1}", "a key of a map");
    assert_mistake("size(1)", "size() does not take (int)");
    assert_mistake("startsWith('a', 'b')", "value.startsWith");
    assert_mistake("[1].all(x)", "write list.all(x, condition)");
    assert_mistake("nosuch(1)", "unknown function 'nosuch'");
    assert_mistake("Foo{a: 1}", "no message type");
    assert_mistake("-true", "'-' does not take (bool)");
}

static void unknown_names_get_the_nearest_right_one(void **state)
{
    (void)state;
    const pz__cel_issue *issue = mistake("1 == 1 && profile.langauge == 'de'");
    assert_string_equal(issue->message, "unknown name 'profile.langauge'");
    assert_int_equal(issue->start, 10);
    assert_int_equal(issue->end, 26);
    assert_int_equal(issue->suggestion.len, strlen("profile.language"));
    assert_memory_equal(issue->suggestion.data, "profile.language", issue->suggestion.len);
    issue = mistake("profile.adress.city");
    assert_string_equal(issue->message, "unknown name 'profile.adress'");
    assert_memory_equal(issue->suggestion.data, "profile.address", issue->suggestion.len);
    issue = mistake("'a'.startWith('b')");
    assert_memory_equal(issue->suggestion.data, "startsWith", issue->suggestion.len);
    assert_int_equal(mistake("quite.something.else")->suggestion.len, 0);
}

static void all_mistakes_are_told_up_to_a_bound(void **state)
{
    (void)state;
    mistake("nope == 1 || profile.age == 'x' || size(1) > 0");
    assert_int_equal(k.issues.count, 3);
    char source[2000] = "nope";
    for (int i = 0; i < 40; i++)
        strcat(source, " || nope");
    mistake(source);
    assert_int_equal(k.issues.count, PZ__CEL_ISSUES_MAX);
}

/* Each map would double the type of the one before if a map could be a key. */
static void types_do_not_outgrow_the_expression(void **state)
{
    (void)state;
    char source[2048] = "[1]";
    for (int i = 0; i < 60; i++)
        strcat(source, ".map(x, {x: x})");
    mistake(source);
    assert_int_equal(k.status, PZ_ERR_TYPE);
    pz__cel_options options = {.unchecked = true};
    assert_non_null(kit_compile_with(&k, pz_str_of(source), &options));
}

static void one_mistake_is_told_once(void **state)
{
    (void)state;
    mistake("size(nope + 1) > 2 && nope.a.b[0] == [nope][0]");
    assert_int_equal(k.issues.count, 3);
}

static void the_longest_known_name_wins(void **state)
{
    (void)state;
    assert_type("profile.address.city", "string");
    assert_type("[{'language': 1}].all(profile, profile.language == 1)", "bool");
    assert_mistake("profile", "unknown name 'profile'");
}

static void derived_calls_become_slots(void **state)
{
    (void)state;
    uint32_t count;
    const pz__program *p = kit_compile(&k, "count('pur' + 'chase') > count('visit')");
    assert_non_null(p);
    const uint32_t *slots = pz__program_slots(p, &count);
    assert_int_equal(count, 2);
    assert_int_equal(slots[0], SLOT_DERIVED);
    assert_int_equal(slots[1], SLOT_DERIVED + 1);
    const pz__cel_issue *issue = mistake("true || count(profile.age) > 0");
    assert_string_equal(issue->message, "count() takes the kind of an event as text");
    assert_int_equal(issue->start, 14);
    assert_int_equal(issue->end, 25);
}

static void slots_are_listed_once_and_in_order(void **state)
{
    (void)state;
    uint32_t count;
    const uint32_t *slots = pz__program_slots(
        kit_compile(&k, "profile.score > 1.0 || profile.age > 1 && profile.score < 2.0"), &count);
    assert_int_equal(count, 2);
    assert_int_equal(slots[0], SLOT_AGE);
    assert_int_equal(slots[1], SLOT_SCORE);
}

static void the_result_must_be_of_the_expected_type(void **state)
{
    (void)state;
    pz__cel_options options = {.expect = &pz__type_bool};
    assert_null(kit_compile_with(&k, PZ__STR("profile.age"), &options));
    assert_string_equal(k.issues.list[0].message, "the result must be bool, this is int");
    assert_non_null(kit_compile_with(&k, PZ__STR("profile.age > 3"), &options));
    assert_non_null(kit_compile_with(&k, PZ__STR("anything"), &options));
}

static void constants_are_folded(void **state)
{
    (void)state;
    pz_value v;
    assert_true(pz__program_constant(kit_compile(&k, "size('abc') * 2 + [1, 2].size()"), &v));
    assert_int_equal(v.as.i, 8);
    assert_true(pz__program_constant(kit_compile(&k, "[1, 2, 3].exists(x, x > 2)"), &v));
    assert_false(pz__program_constant(kit_compile(&k, "1 / 0"), &v));
    assert_false(pz__program_constant(kit_compile(&k, "profile.age"), &v));
}

static void types_read_as_they_print(void **state)
{
    (void)state;
    static const char *const texts[] = {"int", "list<string>", "map<string, list<dyn>>",
                                        "wrapper<int>", "timestamp"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        const pz__type *type;
        pz__buf text;
        assert_int_equal(pz__type_parse(&k.arena, &type, pz_str_of(texts[i]), NULL), PZ_OK);
        pz__buf_init(&text, NULL, 1024);
        pz__type_print(&text, type);
        pz__buf_byte(&text, 0);
        assert_string_equal(text.data, texts[i]);
        pz__buf_clear(&text);
    }
    const pz__type *type;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__type_parse(&k.arena, &type, PZ__STR("strng"), &err), PZ_ERR_PARSE);
    assert_non_null(strstr(err.message, "did you mean 'string'"));
    assert_int_equal(pz__type_parse(&k.arena, &type, PZ__STR("list<int"), &err), PZ_ERR_PARSE);
    assert_int_equal(pz__type_parse(&k.arena, &type, PZ__STR("int int"), &err), PZ_ERR_PARSE);
}

static void type_depth_is_bounded(void **state)
{
    (void)state;
    char text[256] = "";
    const pz__type *type;
    for (uint32_t i = 1; i < PZ__TYPE_DEPTH_MAX; i++)
        strcat(text, "list<");
    strcat(text, "int");
    for (uint32_t i = 1; i < PZ__TYPE_DEPTH_MAX; i++)
        strcat(text, ">");
    assert_int_equal(pz__type_parse(&k.arena, &type, pz_str_of(text), NULL), PZ_OK);
    char deeper[300] = "list<";
    strcat(deeper, text);
    strcat(deeper, ">");
    assert_int_equal(pz__type_parse(&k.arena, &type, pz_str_of(deeper), NULL), PZ_ERR_LIMIT);
}

static void values_are_held_against_types(void **state)
{
    (void)state;
    const pz__type *type;
    assert_int_equal(pz__type_parse(&k.arena, &type, PZ__STR("map<string, list<int>>"), NULL),
                     PZ_OK);
    assert_true(pz__type_holds(type, kit_eval(&k, "{'a': [1, 2]}")));
    assert_false(pz__type_holds(type, kit_eval(&k, "{'a': [1, 2u]}")));
    assert_false(pz__type_holds(type, kit_eval(&k, "{1: [1]}")));
    assert_false(pz__type_holds(type, pz_value_int(1)));
    assert_true(pz__type_holds(&pz__type_dyn, pz_value_null()));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(types_are_deduced),
        cmocka_unit_test(mistakes_of_type_are_told_with_a_remedy),
        cmocka_unit_test(unknown_names_get_the_nearest_right_one),
        cmocka_unit_test(all_mistakes_are_told_up_to_a_bound),
        cmocka_unit_test(types_do_not_outgrow_the_expression),
        cmocka_unit_test(one_mistake_is_told_once),
        cmocka_unit_test(the_longest_known_name_wins),
        cmocka_unit_test(derived_calls_become_slots),
        cmocka_unit_test(slots_are_listed_once_and_in_order),
        cmocka_unit_test(the_result_must_be_of_the_expected_type),
        cmocka_unit_test(constants_are_folded),
        cmocka_unit_test(types_read_as_they_print),
        cmocka_unit_test(type_depth_is_bounded),
        cmocka_unit_test(values_are_held_against_types),
    };
    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
