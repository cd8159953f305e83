/*
 * test_special.c: special functions against values of 20 digits, and their bits against one digest
 * that every compiler, optimization and machine must reproduce.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <float.h>

#include "base/hash.h"
#include "base/special.h"
#include "support/gen.h"
#include "table.h"

static double absolute(double x)
{
    return x < 0 ? -x : x;
}

/* Distance of neighbouring doubles at x > 0. */
static double ulp_at(double x)
{
    uint64_t bits;
    x = absolute(x);
    memcpy(&bits, &x, sizeof bits);
    bits++;
    double next;
    memcpy(&next, &bits, sizeof next);
    return next - x;
}

static const struct function {
    const char *name;
    double (*call)(double);
    double ulps; /* greatest error in units of the last place; 0: judged as lgamma is */
} functions[] = {
    {"exp2", pz__exp2, 2},   {"exp", pz__exp, 2},       {"log", pz__log, 2},
    {"sqrt", pz__sqrt, 0.5}, {"lgamma", pz__lgamma, 0},
};

static void functions_of_one_number_keep_their_promise(void **state)
{
    (void)state;
    table t;
    table_open(&t, "special");
    while (table_next(&t)) {
        const struct function *f = functions;
        while (strcmp(f->name, t.fields[0]) != 0)
            f++;
        double x = table_number(&t, 1), want = table_number(&t, 2), got = f->call(x);
        double size = absolute(want) > 1 ? absolute(want) : 1;
        double allowed = f->ulps > 0 ? f->ulps * ulp_at(want) : 1e-13 * size;
        if (!(absolute(got - want) <= allowed))
            fail_msg("%s(%a) = %.17g, not %s", f->name, x, got, t.fields[2]);
    }
    assert_int_equal(t.number, 316);
}

static void ends_of_the_range_are_exact(void **state)
{
    (void)state;
    const double infinity = 1e308 * 10, nan = infinity - infinity;
    assert_true(pz__exp2(0) == 1 && pz__exp2(10) == 1024 && pz__exp2(-1022) == DBL_MIN);
    assert_true(pz__exp2(-1074) == 0x1p-1074 && pz__exp2(-1074.5) == 0);
    assert_true(pz__exp2(1023) == 0x1p1023 && pz__exp2(1024) == infinity);
    assert_true(pz__exp2(-infinity) == 0 && pz__exp2(infinity) == infinity);
    assert_true(pz__exp(0) == 1 && pz__exp(710) == infinity && pz__exp(-746) == 0);
    assert_true(pz__exp(infinity) == infinity && pz__exp(-infinity) == 0);
    assert_true(pz__log(1) == 0 && pz__log(0) == -infinity && pz__log(infinity) == infinity);
    assert_true(pz__log(-0.0) == -infinity && pz__sqrt(infinity) == infinity);
    assert_true(pz__sqrt(0) == 0 && pz__sqrt(4) == 2 && pz__sqrt(0x1p-1074) == 0x1p-537);
    assert_true(pz__lgamma(0) == infinity && pz__lgamma(infinity) == infinity);
    const double bad[] = {pz__exp2(nan), pz__exp(nan), pz__log(nan),    pz__log(-1),
                          pz__sqrt(nan), pz__sqrt(-1), pz__lgamma(nan), pz__lgamma(-0.5)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(bad[i] != bad[i]);
}

/* The nearest double to the root of x: half a unit less squares to less than x, half a unit more to
 * more. In whole numbers of 108 bits. */
static void roots_are_correctly_rounded(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(20000))
    {
        double x = 1 + 3 * gen_unit(&g), r = pz__sqrt(x);
        typedef unsigned __int128 wide;
        wide square = (wide)(uint64_t)(x * 0x1p52) << 54;
        wide twice = (wide)(uint64_t)(r * 0x1p52) * 2;
        assert_true((twice - 1) * (twice - 1) < square && square < (twice + 1) * (twice + 1));
        assert_true(pz__sqrt(x * 0x1p-1000) == r * 0x1p-500);
        assert_true(pz__sqrt(x * 0x1p1000) == r * 0x1p500);
    }
}

static void beta_is_accurate_to_a_trillionth(void **state)
{
    (void)state;
    table t;
    table_open(&t, "beta");
    while (table_next(&t)) {
        double a = table_number(&t, 0), b = table_number(&t, 1), x = table_number(&t, 2);
        double below = pz__beta_inc(a, b, x), above = pz__beta_above(a, b, x);
        double want_below = table_number(&t, 3), want_above = table_number(&t, 4);
        if (!(absolute(below - want_below) <= 1e-13) || !(absolute(above - want_above) <= 1e-13))
            fail_msg("beta(%a, %a, %a) = %.17g, %.17g", a, b, x, below, above);
        /* Small answers keep their digits. */
        if (!(absolute(above - want_above) <= 1e-11 * want_above) && want_above > 0)
            fail_msg("above(%a, %a, %a) = %.17g, not %.17g", a, b, x, above, want_above);
    }
    assert_int_equal(t.number, 320);
}

static void both_sides_of_beta_make_one(void **state)
{
    (void)state;
    static const double sizes[] = {5e-324, 1e-100, 1e-20, 1e-6, 0.1,  0.5,   1,     2,      10,
                                   1000,   2999,   3001,  1e6,  1e12, 1e100, 1e200, 1.7e308};
    static const double places[] = {5e-324, 1e-100, 1e-16, 1e-6,           0.1,
                                    0.5,    0.9,    0.999, 1 - DBL_EPSILON};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++)
        for (size_t j = 0; j < sizeof sizes / sizeof sizes[0]; j++) {
            double before = 0;
            for (size_t k = 0; k < sizeof places / sizeof places[0]; k++) {
                double below = pz__beta_inc(sizes[i], sizes[j], places[k]);
                double above = pz__beta_above(sizes[i], sizes[j], places[k]);
                assert_true(below >= 0 && below <= 1 && above >= 0 && above <= 1);
                assert_true(absolute(below + above - 1) < 1e-13);
                assert_true(below > before - 1e-13);
                before = below;
            }
        }
}

static void missing_evidence_is_decided_without_a_sum(void **state)
{
    (void)state;
    assert_true(pz__beta_above(0, 1, 0.5) == 0 && pz__beta_above(0, 0, 0.5) == 0);
    assert_true(pz__beta_above(1, 0, 0.5) == 1 && pz__beta_above(1, 0, 1) == 0);
    assert_true(pz__beta_above(2, 3, 0) == 1 && pz__beta_above(2, 3, 1) == 0);
    assert_true(pz__beta_inc(2, 3, 0) == 0 && pz__beta_inc(2, 3, 1) == 1);
    const double infinity = 1e308 * 10;
    const double bad[] = {pz__beta_inc(0, 1, 0.5),        pz__beta_inc(1, -1, 0.5),
                          pz__beta_inc(1, 1, 1.5),        pz__beta_above(-1, 1, 0.5),
                          pz__beta_inc(infinity, 1, 0.5), pz__beta_quantile(1, 1, 0)};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_true(bad[i] != bad[i]);
}

static void quantile_is_where_the_probability_lies(void **state)
{
    (void)state;
    assert_true(absolute(pz__beta_quantile(1, 1, 0.05) - 0.05) < 1e-12);
    assert_true(absolute(pz__beta_quantile(1, 2, 0.19) - 0.1) < 1e-12);
    assert_true(absolute(pz__beta_quantile(5e8, 5e8, 0.5) - 0.5) < 1e-12);
    assert_true(pz__beta_quantile(1e-6, 1, 0.05) < 1e-12);
    GEN_CASES(g, gen_cases_full(300, 20000))
    {
        double a = pz__exp2(gen_unit(&g) * 12 - 2), b = pz__exp2(gen_unit(&g) * 12 - 2);
        double q = 0.001 + 0.998 * gen_unit(&g);
        double x = pz__beta_quantile(a, b, q);
        double low = x - 1e-12, high = x + 1e-12;
        assert_true(low <= 0 || pz__beta_inc(a, b, low) <= q + 1e-13);
        assert_true(high >= 1 || pz__beta_inc(a, b, high) >= q - 1e-13);
    }
}

/* The rule of the design: at a threshold of 0.75 about ten agreeing observations under a weak
 * prior. */
static void ten_agreeing_observations_pass_three_quarters(void **state)
{
    (void)state;
    assert_true(pz__beta_above(10.5, 0.5, 0.75) >= 0.95);
    assert_true(pz__beta_above(5.5, 0.5, 0.75) < 0.95);
}

static void put_number(pz__blake2s *hash, double x)
{
    uint64_t bits;
    uint8_t bytes[8];
    memcpy(&bits, &x, sizeof bits);
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(bits >> (8 * i));
    pz__blake2s_put(hash, bytes, sizeof bytes);
}

/* Any change of this digest changes decisions: it may only come with a new version of what is
 * stored and must be the same for every compiler. */
static void bits_are_the_same_everywhere(void **state)
{
    (void)state;
    gen g = gen_from(2024);
    pz__blake2s hash;
    pz__blake2s_init(&hash, NULL, 0);
    for (int i = 0; i < 5000; i++) {
        double u = gen_unit(&g), v = gen_unit(&g), x = gen_unit(&g);
        double wide = (u - 0.5) * 2100;
        put_number(&hash, pz__exp2(wide));
        put_number(&hash, pz__exp(wide * 0.7));
        double a = pz__exp2(u * 50 - 20), b = pz__exp2(v * 50 - 20);
        put_number(&hash, pz__log(a));
        put_number(&hash, pz__sqrt(b));
        put_number(&hash, pz__lgamma(a));
        put_number(&hash, pz__beta_inc(a, b, x));
        put_number(&hash, pz__beta_above(a, b, a / (a + b)));
        put_number(&hash, pz__beta_above(a / 1024, 1 / (1 + b), x));
        if (i % 50 == 0)
            put_number(&hash, pz__beta_quantile(a, b, x));
    }
    char hex[33];
    pz__digest_hex(pz__blake2s_end(&hash), hex);
    assert_string_equal(hex, "0c985b604bdf15a6e91388d302f48446");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_of_one_number_keep_their_promise),
        cmocka_unit_test(ends_of_the_range_are_exact),
        cmocka_unit_test(roots_are_correctly_rounded),
        cmocka_unit_test(beta_is_accurate_to_a_trillionth),
        cmocka_unit_test(both_sides_of_beta_make_one),
        cmocka_unit_test(missing_evidence_is_decided_without_a_sum),
        cmocka_unit_test(quantile_is_where_the_probability_lies),
        cmocka_unit_test(ten_agreeing_observations_pass_three_quarters),
        cmocka_unit_test(bits_are_the_same_everywhere),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
