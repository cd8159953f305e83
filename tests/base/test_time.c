/*
 * test_time.c: the calendar day by day, and the spellings of moments and spans.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/time.h"
#include "support/gen.h"

static bool is_leap(int year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* A calendar that only knows tomorrow walks beside it, through all 3.65 million days. */
static void every_day_follows_its_eve(void **state)
{
    (void)state;
    static const uint32_t lengths[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    pz__civil want = {.year = 1, .month = 1, .day = 1, .weekday = 1};
    for (int64_t s = PZ__TIME_MIN_S; s <= PZ__TIME_MAX_S; s += 86400) {
        pz__civil got = pz__civil_of(s);
        int64_t back;
        if (got.year != want.year || got.month != want.month || got.day != want.day ||
            got.weekday != want.weekday || got.yearday != want.yearday ||
            !pz__civil_seconds(&got, &back) || back != s)
            fail_msg("day at %lld", (long long)s);
        want.weekday = (want.weekday + 1) % 7;
        want.yearday++;
        uint32_t len = lengths[want.month - 1] + (want.month == 2 && is_leap(want.year));
        if (++want.day <= len)
            continue;
        want.day = 1;
        if (++want.month <= 12)
            continue;
        want.month = 1;
        want.yearday = 0;
        want.year++;
    }
    assert_int_equal(want.year, 10000);
}

static void impossible_dates_are_refused(void **state)
{
    (void)state;
    static const pz__civil bad[] = {
        {2023, 2, 29, 0, 0, 0, 0, 0}, {1900, 2, 29, 0, 0, 0, 0, 0}, {2024, 2, 30, 0, 0, 0, 0, 0},
        {0, 1, 1, 0, 0, 0, 0, 0},     {10000, 1, 1, 0, 0, 0, 0, 0}, {2024, 0, 1, 0, 0, 0, 0, 0},
        {2024, 13, 1, 0, 0, 0, 0, 0}, {2024, 4, 31, 0, 0, 0, 0, 0}, {2024, 1, 0, 0, 0, 0, 0, 0},
        {2024, 1, 1, 24, 0, 0, 0, 0}, {2024, 1, 1, 0, 60, 0, 0, 0}, {2024, 1, 1, 0, 0, 60, 0, 0},
    };
    int64_t s;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pz__civil_seconds(&bad[i], &s));
    assert_true(pz__civil_seconds(&(pz__civil){2000, 2, 29, 0, 0, 0, 0, 0}, &s));
}

static void moments_are_read_as_rfc_3339_has_them(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t seconds;
        uint32_t nanos;
    } cases[] = {
        {"1970-01-01T00:00:00Z", 0, 0},
        {"2011-09-01T12:00:00.25Z", 1314878400, 250000000},
        {"2011-09-01T12:00:00+02:00", 1314871200, 0},
        {"2011-09-01T12:00:00.123456789-23:59", 1314964740, 123456789},
        {"2011-09-01T12:00:00-00:00", 1314878400, 0},
        {"0001-01-01T00:00:00Z", PZ__TIME_MIN_S, 0},
        {"9999-12-31T23:59:59.999999999Z", PZ__TIME_MAX_S, 999999999},
        {"1969-12-31T23:59:59.9Z", -1, 900000000},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t seconds;
        uint32_t nanos;
        assert_true(pz__rfc3339_parse(cases[i].text, strlen(cases[i].text), &seconds, &nanos));
        assert_true(seconds == cases[i].seconds);
        assert_int_equal(nanos, cases[i].nanos);
    }
}

static void other_spellings_of_moments_are_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "2011-09-01",
        "2011-09-01T12:00:00",
        "2011-09-01t12:00:00Z",
        "2011-09-01T12:00:00z",
        "2011-09-01 12:00:00Z",
        "2011-09-01T12:00Z",
        "2011-09-01T12:00:60Z",
        "2011-09-01T24:00:00Z",
        "2011-09-01T12:00:00.Z",
        "2011-09-01T12:00:00.1234567890Z",
        "2011-09-01T12:00:00,5Z",
        "2011-09-01T12:00:00+24:00",
        "2011-09-01T12:00:00+02:60",
        "2011-09-01T12:00:00+0200",
        "2011-09-01T12:00:00+02",
        "2011-09-01T12:00:00ZZ",
        "+2011-09-01T12:00:00Z",
        "11-09-01T12:00:00Z",
        "2011-9-1T12:00:00Z",
        "2011-02-29T12:00:00Z",
        "0000-01-01T00:00:00Z",
        "0001-01-01T00:00:00+00:01",
        "9999-12-31T23:59:59-00:01",
        " 2011-09-01T12:00:00Z",
        "2011-09-01T12:00:0\xd9\xa0Z",
    };
    int64_t seconds = 7;
    uint32_t nanos = 7;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pz__rfc3339_parse(bad[i], strlen(bad[i]), &seconds, &nanos));
    assert_false(pz__rfc3339_parse(NULL, 0, &seconds, &nanos));
    assert_int_equal(seconds, 7);
    assert_int_equal(nanos, 7);
}

static void moments_come_back_as_printed(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(5000))
    {
        int64_t s = gen_range(&g, PZ__TIME_MIN_S, PZ__TIME_MAX_S), back;
        static const uint32_t units[] = {1, 10, 1000, 1000000, 100000000};
        uint32_t nanos = (uint32_t)(gen_below(&g, 10) * GEN_CHOICE(&g, units)), back_nanos;
        char text[PZ__RFC3339_MAX];
        size_t len = pz__rfc3339_print(s, nanos, text);
        assert_int_equal(len, strlen(text));
        assert_true(pz__rfc3339_parse(text, len, &back, &back_nanos));
        assert_true(back == s && back_nanos == nanos);
        int64_t ms = s * 1000 + nanos / 1000000, back_ms;
        len = pz__rfc3339_print_ms(ms, text);
        assert_true(pz__rfc3339_parse_ms(text, len, &back_ms));
        assert_true(back_ms == ms);
    }
}

static void milliseconds_before_1970_round_downwards(void **state)
{
    (void)state;
    char text[PZ__RFC3339_MAX];
    pz__rfc3339_print_ms(-1, text);
    assert_string_equal(text, "1969-12-31T23:59:59.999Z");
    int64_t ms;
    assert_true(pz__rfc3339_parse_ms("1969-12-31T23:59:59.9999Z", 25, &ms));
    assert_int_equal(ms, -1);
}

static void moments_out_of_range_print_nothing(void **state)
{
    (void)state;
    char text[PZ__RFC3339_MAX];
    assert_int_equal(pz__rfc3339_print(PZ__TIME_MAX_S + 1, 0, text), 0);
    assert_string_equal(text, "");
    assert_int_equal(pz__rfc3339_print(PZ__TIME_MIN_S - 1, 0, text), 0);
    assert_int_equal(pz__rfc3339_print(0, 1000000000, text), 0);
    assert_int_equal(pz__rfc3339_print_ms(INT64_MAX, text), 0);
    assert_int_equal(pz__rfc3339_print_ms(INT64_MIN, text), 0);
}

typedef struct span_case {
    const char *text;
    int64_t size; /* INT64_MIN + 1 where it is refused */
} span_case;
#define REFUSED (INT64_MIN + 1)

static void durations_are_read_as_cel_has_them(void **state)
{
    (void)state;
    static const span_case cases[] = {
        {"0", 0},
        {"-0", 0},
        {"+0", 0},
        {"0s", 0},
        {"1ns", 1},
        {"1us", 1000},
        {"1ms", 1000000},
        {"1s", 1000000000},
        {"1m", 60000000000},
        {"1h", 3600000000000},
        {"-1.5h", -5400000000000},
        {"1h30m", 5400000000000},
        {".5s", 500000000},
        {"5.s", 5000000000},
        {"1ms1us1ns", 1001001},
        {"1.9ns", 1},
        {"-1.9ns", -1},
        {"0.3333333333333333333333h", 1199999999999},
        {"0.999999999999999999999999s", 999999999},
        {"9223372036854775807ns", INT64_MAX},
        {"-9223372036854775808ns", INT64_MIN},
        {"9223372036854775808ns", REFUSED},
        {"-9223372036854775809ns", REFUSED},
        {"2562047h47m16.854775807s", INT64_MAX},
        {"2562047h47m16.854775808s", REFUSED},
        {"99999999999999999999h", REFUSED},
        {"", REFUSED},
        {"-", REFUSED},
        {"1", REFUSED},
        {"00", REFUSED},
        {".s", REFUSED},
        {"s", REFUSED},
        {"1x", REFUSED},
        {"1h ", REFUSED},
        {" 1h", REFUSED},
        {"1h-1m", REFUSED},
        {"--1h", REFUSED},
        {"1d", REFUSED},
        {"1H", REFUSED},
        {"1..5h", REFUSED},
        {"1e3s", REFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ns = 7;
        bool is_good = pz__duration_parse(cases[i].text, strlen(cases[i].text), &ns);
        assert_int_equal(is_good, cases[i].size != REFUSED);
        assert_true(ns == (is_good ? cases[i].size : 7));
    }
}

static void durations_come_back_as_printed(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(5000))
    {
        int64_t ns = gen_i64(&g), back;
        char text[PZ__DURATION_MAX];
        size_t len = pz__duration_print(ns, text);
        assert_int_equal(len, strlen(text));
        assert_true(len < PZ__DURATION_MAX);
        assert_true(pz__duration_parse(text, len, &back));
        assert_true(back == ns);
    }
    char text[PZ__DURATION_MAX];
    pz__duration_print(60001000000, text);
    assert_string_equal(text, "60.001s");
    pz__duration_print(-1, text);
    assert_string_equal(text, "-0.000000001s");
    pz__duration_print(0, text);
    assert_string_equal(text, "0s");
    pz__duration_print(INT64_MIN, text);
    assert_string_equal(text, "-9223372036.854775808s");
}

static void spans_add_weeks_and_days(void **state)
{
    (void)state;
    static const span_case cases[] = {
        {"30d", INT64_C(2592000000)},
        {"2w", 1209600000},
        {"1w2d3h", 788400000},
        {"1ms", 1},
        {"1.5ms", 1},
        {"2160h", INT64_C(7776000000)},
        {"1d0.5s", 86400500},
        {"0d1s", 1000},
        {"106751991167d", INT64_C(106751991167) * 86400000},
        {"106751991168d", REFUSED},
        {"99999999999999999999d", REFUSED},
        {"1h2d", REFUSED},
        {"0d", REFUSED},
        {"0", REFUSED},
        {"1.5d", REFUSED},
        {"1us", REFUSED},
        {"999us", REFUSED},
        {"-1d", REFUSED},
        {"-1h", REFUSED},
        {"d", REFUSED},
        {"", REFUSED},
        {"1d1", REFUSED},
        {"1", REFUSED},
        {"1y", REFUSED},
        {"1d ", REFUSED},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        int64_t ms = 7;
        bool is_good = pz__span_parse(cases[i].text, strlen(cases[i].text), &ms);
        assert_int_equal(is_good, cases[i].size != REFUSED);
        assert_true(ms == (is_good ? cases[i].size : 7));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_day_follows_its_eve),
        cmocka_unit_test(impossible_dates_are_refused),
        cmocka_unit_test(moments_are_read_as_rfc_3339_has_them),
        cmocka_unit_test(other_spellings_of_moments_are_refused),
        cmocka_unit_test(moments_come_back_as_printed),
        cmocka_unit_test(milliseconds_before_1970_round_downwards),
        cmocka_unit_test(moments_out_of_range_print_nothing),
        cmocka_unit_test(durations_are_read_as_cel_has_them),
        cmocka_unit_test(durations_come_back_as_printed),
        cmocka_unit_test(spans_add_weeks_and_days),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
