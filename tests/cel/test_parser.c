/* test_parser.c: grammar, spans of mistakes, limits, memory. */
#include "cel/kit.h"

#include <stdlib.h>

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

static void precedence_and_associativity(void **state)
{
    (void)state;
    assert_int_equal(kit_eval(&k, "2 + 3 * 4 - 6 / 2 % 2").as.i, 13);
    assert_int_equal(kit_eval(&k, "10 - 3 - 2").as.i, 5);
    assert_true_of(&k, "1 < 2 == true && !false || false");
    assert_int_equal(kit_eval(&k, "false ? 1 : true ? 2 : 3").as.i, 2);
    assert_int_equal(kit_eval(&k, "--5").as.i, 5);
    assert_int_equal(kit_eval(&k, "-[1, 2][1]").as.i, -2);
    assert_true_of(&k, "!!true");
}

static void only_collections_take_a_trailing_comma(void **state)
{
    (void)state;
    assert_int_equal(kit_eval(&k, "size([1, 2,])").as.i, 2);
    assert_int_equal(kit_eval(&k, "size({'a': 1,})").as.i, 1);
    assert_int_equal(kit_eval(&k, "size([,])").as.i, 0);
    assert_int_equal(kit_eval(&k, "size({,})").as.i, 0);
    assert_int_equal(kit_eval(&k, "google.protobuf.Int32Value{,}").as.i, 0);
    assert_null(kit_compile(&k, "size(,)"));
    assert_null(kit_compile(&k, "[,,]"));
    assert_null(kit_compile(&k, "[, 1]"));
    assert_null(kit_compile(&k, "size([1],)"));
    assert_non_null(strstr(k.issues.list[0].message, "comma"));
}

/* Source, the place of its mistake, and a part of the message. */
static void mistakes_have_their_place(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        uint32_t start, end;
        const char *part;
    } cases[] = {
        {"1 +", 3, 3, "a value"},
        {"(1", 2, 2, "closes the '('"},
        {"[1 2]", 3, 4, "closes the list"},
        {"{'a' 1}", 5, 6, "':'"},
        {"f(1,)", 3, 4, "comma"},
        {"a.", 2, 2, "field name"},
        {"for + 1", 0, 3, "reserved word"},
        {"true ? 1", 8, 8, "':'"},
        {"1 1", 2, 3, "operator or the end"},
        {"[1].all(1 + 2, true)", 8, 13, "plain word"},
        {"has(profile)", 4, 11, "field"},
        {"a = b", 2, 3, "'=='"},
        {"'\\q'", 1, 4, "escape"},
        {"a.?b(1)", 4, 5, "operator or the end"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_null(kit_compile(&k, cases[i].source));
        assert_int_equal(k.status, PZ_ERR_PARSE);
        assert_int_equal(k.issues.count, 1);
        assert_non_null(strstr(k.issues.list[0].message, cases[i].part));
        assert_int_equal(k.issues.list[0].start, cases[i].start);
        assert_int_equal(k.issues.list[0].end, cases[i].end);
    }
}

/* `count` times `open`, then `middle`, then `count` times `close`. */
static char *nested(const char *open, const char *middle, const char *close, size_t count)
{
    char *text = malloc(count * (strlen(open) + strlen(close)) + strlen(middle) + 1), *at = text;
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, open);
    at = stpcpy(at, middle);
    for (size_t i = 0; i < count; i++)
        at = stpcpy(at, close);
    return text;
}

static void assert_depth_limit(const char *open, const char *middle, const char *close, size_t most)
{
    char *text = nested(open, middle, close, most);
    if (!kit_compile(&k, text))
        fail_msg("%zu of '%s%s': %s", most, open, close, k.issues.list[0].message);
    free(text);
    text = nested(open, middle, close, most + 1);
    assert_null(kit_compile(&k, text));
    assert_int_equal(k.status, PZ_ERR_LIMIT);
    free(text);
}

static void nesting_is_bounded(void **state)
{
    (void)state;
    const uint32_t most = PZ__CEL_DEPTH_MAX;
    assert_depth_limit("(", "1", ")", most - 1);
    assert_depth_limit("[", "1", "]", most - 1);
    assert_depth_limit("!", "true", "", most - 1);
    assert_depth_limit("", "1", " + 1", most - 1);
    assert_depth_limit("", "anything", ".a", most - 1);
    assert_depth_limit("", "anything", "[0]", most - 1);
    assert_depth_limit("true ? 1 : ", "1", "", most - 1);
}

static void runs_of_and_or_do_not_nest(void **state)
{
    (void)state;
    char *text = nested("", "false", " || anything == 1", 3000);
    assert_non_null(kit_compile(&k, text));
    free(text);
}

static void source_size_is_bounded(void **state)
{
    (void)state;
    char *text = malloc(PZ__CEL_SOURCE_MAX + 1);
    memset(text, ' ', PZ__CEL_SOURCE_MAX + 1);
    text[0] = '1';
    assert_non_null(kit_compile_with(&k, (pz_str){text, PZ__CEL_SOURCE_MAX}, NULL));
    assert_null(kit_compile_with(&k, (pz_str){text, PZ__CEL_SOURCE_MAX + 1}, NULL));
    assert_int_equal(k.status, PZ_ERR_LIMIT);
    free(text);
}

static void source_must_be_utf8(void **state)
{
    (void)state;
    assert_null(kit_compile(&k, "'\xff'"));
    assert_int_equal(k.status, PZ_ERR_PARSE);
    assert_int_equal(k.issues.list[0].start, 1);
}

static void macros_can_be_switched_off(void **state)
{
    (void)state;
    pz__cel_options options = {.no_macros = true};
    assert_null(kit_compile_with(&k, PZ__STR("[1].all(x, x > 0)"), &options));
    assert_non_null(kit_compile(&k, "[1].all(x, x > 0)"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(precedence_and_associativity),
        cmocka_unit_test(only_collections_take_a_trailing_comma),
        cmocka_unit_test(mistakes_have_their_place),
        cmocka_unit_test(nesting_is_bounded),
        cmocka_unit_test(runs_of_and_or_do_not_nest),
        cmocka_unit_test(source_size_is_bounded),
        cmocka_unit_test(source_must_be_utf8),
        cmocka_unit_test(macros_can_be_switched_off),
    };
    return cmocka_run_group_tests(tests, open_kit, close_kit);
}
