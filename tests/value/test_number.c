/* test_number.c: numbers to text and back, and comparisons across kinds. */
#include "cmocka_all.h"

#include <stdio.h>
#include <string.h>

#include "base/number.h"
#include "support/gen.h"

static uint64_t bits_of(double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    return bits;
}

static double of_bits(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

static uint64_t hex(const char *text)
{
    uint64_t n = 0;
    for (; *text && *text != '\n' && *text != ' '; text++)
        n = n << 4 | (uint64_t)(*text <= '9' ? *text - '0' : *text - 'a' + 10);
    return n;
}

typedef void (*line_fn)(char *first, char *second);

static void each_line(const char *path, line_fn check)
{
    char line[4096];
    FILE *file = fopen(path, "r");
    size_t count = 0;
    assert_non_null(file);
    while (fgets(line, sizeof line, file)) {
        char *space = strchr(line, ' ');
        if (line[0] == '#' || !space)
            continue;
        *space = '\0';
        space[1 + strcspn(space + 1, "\n")] = '\0';
        check(line, space + 1);
        count++;
    }
    fclose(file);
    assert_true(count > 20);
}

static void check_parsed(char *text, char *expected)
{
    double d;
    assert_true(pz__double_parse(text, strlen(text), &d));
    assert_int_equal(bits_of(d), hex(expected));
}

static void hard_cases_read_exactly(void **state)
{
    (void)state;
    each_line(PZ_TEST_DATA "/doubles.txt", check_parsed);
}

static void check_printed(char *given, char *expected)
{
    char text[PZ__DOUBLE_TEXT_MAX];
    size_t len = pz__double_print(of_bits(hex(given)), text);
    assert_string_equal(text, expected);
    assert_int_equal(len, strlen(expected));
}

static void hard_cases_print_as_published(void **state)
{
    (void)state;
    each_line(PZ_TEST_DATA "/printed.txt", check_printed);
}

/* digits with a decimal exponent; true if that reads as `d`. */
static bool reads_as(uint64_t digits, int exponent, double d)
{
    char text[64];
    double back;
    int len = snprintf(text, sizeof text, "%llue%d", (unsigned long long)digits, exponent);
    return pz__double_parse(text, (size_t)len, &back) && bits_of(back) == bits_of(d);
}

/* The digits of printed text as one number without trailing zeros, and its exponent. */
static uint64_t digits_of(const char *text, int *exponent)
{
    uint64_t digits = 0;
    int point = 0, is_fraction = 0, zeros = 0;
    const char *p = text;
    for (; *p && *p != 'e'; p++) {
        if (*p == '.') {
            is_fraction = 1;
            continue;
        }
        point -= is_fraction;
        zeros++;
        if (*p == '0' && (digits || is_fraction))
            continue;
        for (; zeros > 1 && digits; zeros--)
            digits *= 10;
        digits = digits * 10 + (uint64_t)(*p - '0');
        zeros = 0;
    }
    int64_t written = 0;
    if (*p == 'e')
        pz__int_parse(p + 1, strlen(p + 1), &written);
    *exponent = point + zeros + (int)written;
    return digits;
}

static void doubles_survive_and_none_shorter_does(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(100000))
    {
        double d = of_bits(gen_u64(&g) & (gen_chance(&g, 1, 8) ? UINT64_C(0x000fffffffffffff)
                                                               : UINT64_C(0x7fffffffffffffff)));
        if (d - d != 0 || d == 0)
            continue;
        char text[PZ__DOUBLE_TEXT_MAX];
        double back;
        size_t len = pz__double_print(d, text);
        assert_true(len < sizeof text);
        assert_true(pz__double_parse(text, len, &back));
        assert_int_equal(bits_of(back), bits_of(d));
        if (g.case_number % 8)
            continue;
        int exponent;
        uint64_t digits = digits_of(text, &exponent);
        assert_true(reads_as(digits, exponent, d));
        assert_false(digits >= 10 && reads_as(digits / 10, exponent + 1, d));
        assert_false(digits >= 10 && reads_as(digits / 10 + 1, exponent + 1, d));
    }
}

static void what_is_no_number_is_refused(void **state)
{
    (void)state;
    static const char *const texts[] = {"",   "-",  "+1",  ".5",  "1.",  "1e",  "1e+", "e5",
                                        " 1", "1 ", "0x1", "nan", "inf", "1,5", "--1", "1e5.0"};
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        double d = 7;
        assert_false(pz__double_parse(texts[i], strlen(texts[i]), &d));
        assert_true(d == 0);
    }
}

static void taken_apart_digits_read_the_same(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(20000))
    {
        uint64_t digits = gen_u64(&g) % UINT64_C(10000000000000000000) >> gen_below(&g, 64);
        int64_t exponent = gen_range(&g, -360, 330);
        char text[64];
        int len = snprintf(text, sizeof text, "-%llue%lld", (unsigned long long)digits,
                           (long long)exponent);
        double whole, parts;
        assert_true(pz__double_parse(text, (size_t)len, &whole));
        if (pz__double_of_digits(true, digits, exponent, &parts))
            assert_int_equal(bits_of(whole), bits_of(parts));
    }
}

static void whole_numbers_stop_at_their_limits(void **state)
{
    (void)state;
    int64_t i;
    uint64_t u;
    char text[21];
    assert_true(pz__int_parse("9223372036854775807", 19, &i) && i == INT64_MAX);
    assert_false(pz__int_parse("9223372036854775808", 19, &i));
    assert_true(pz__int_parse("-9223372036854775808", 20, &i) && i == INT64_MIN);
    assert_false(pz__int_parse("-9223372036854775809", 20, &i));
    assert_true(pz__uint_parse("18446744073709551615", 20, &u) && u == UINT64_MAX);
    assert_false(pz__uint_parse("18446744073709551616", 20, &u));
    assert_false(pz__int_parse("", 0, &i) || pz__int_parse("-", 1, &i) ||
                 pz__int_parse("1x", 2, &i) || pz__uint_parse("-1", 2, &u));
    assert_int_equal(pz__int_print(INT64_MIN, text), 20);
    assert_string_equal(text, "-9223372036854775808");
    assert_int_equal(pz__uint_print(UINT64_MAX, text), 20);
    assert_string_equal(text, "18446744073709551615");
    GEN_CASES(g, gen_cases(2000))
    {
        int64_t n = gen_i64(&g);
        size_t len = pz__int_print(n, text);
        assert_true(pz__int_parse(text, len, &i) && i == n);
    }
}

static void unlike_numbers_compare_exactly(void **state)
{
    (void)state;
    assert_true(pz__compare_int_double(INT64_MAX, 9223372036854775808.0) < 0);
    assert_true(pz__compare_int_double(INT64_MIN, -9223372036854775808.0) == 0);
    assert_true(pz__compare_int_double(9007199254740993, 9007199254740992.0) > 0);
    assert_true(pz__compare_int_double(-1, -1.5) > 0);
    assert_true(pz__compare_int_double(-2, -1.5) < 0);
    assert_true(pz__compare_int_double(0, 0.5) < 0);
    assert_true(pz__compare_int_double(0, -0.5) > 0);
    assert_true(pz__compare_uint_double(UINT64_MAX, 18446744073709551616.0) < 0);
    assert_true(pz__compare_uint_double(0, -1e-300) > 0);
    assert_true(pz__compare_uint_double(0, -0.0) == 0);
    assert_int_equal(pz__compare_int_double(0, of_bits(UINT64_C(0x7ff8) << 48)), PZ__UNORDERED);
    assert_int_equal(pz__compare_uint_double(0, of_bits(UINT64_C(0x7ff8) << 48)), PZ__UNORDERED);
    assert_true(pz__compare_int_uint(-1, 0) < 0);
    assert_true(pz__compare_int_uint(INT64_MAX, UINT64_C(1) << 63) < 0);
    assert_true(pz__compare_int_uint(5, 5) == 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hard_cases_read_exactly),
        cmocka_unit_test(hard_cases_print_as_published),
        cmocka_unit_test(doubles_survive_and_none_shorter_does),
        cmocka_unit_test(what_is_no_number_is_refused),
        cmocka_unit_test(taken_apart_digits_read_the_same),
        cmocka_unit_test(whole_numbers_stop_at_their_limits),
        cmocka_unit_test(unlike_numbers_compare_exactly),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
