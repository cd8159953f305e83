/*
 * test_utf8.c: which bytes are UTF-8, against a reading of the grammar of RFC 3629.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/utf8.h"
#include "support/gen.h"

static void every_scalar_value_comes_back(void **state)
{
    (void)state;
    for (uint32_t c = 0; c <= 0x10ffff; c++) {
        char bytes[4];
        size_t len = pz__utf8_encode(c, bytes), read;
        bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
        assert_int_equal(pz__utf8_valid(bytes, len), !is_surrogate);
        if (is_surrogate)
            continue;
        assert_int_equal(pz__utf8_decode(bytes, len, &read), c);
        assert_int_equal(read, len);
        assert_int_equal(pz__utf8_count(bytes, len), 1);
        for (size_t cut = 1; cut < len; cut++)
            assert_int_equal(pz__utf8_first_bad(bytes, cut), 0);
    }
}

static void ill_formed_sequences_are_found(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t first_bad;
    } cases[] = {
        {"\x80", 0},
        {"a\xc0\x80", 1},
        {"\xc1\xbf", 0},
        {"\xe0\x9f\xbf", 0},
        {"\xed\xa0\x80", 0},
        {"\xf0\x8f\xbf\xbf", 0},
        {"\xf4\x90\x80\x80", 0},
        {"\xf5\x80\x80\x80", 0},
        {"12345678901\xff", 11},
        {"\xe2\x82", 0},
        {"12345678\xe2\x82x", 8},
        {"\xe2\x82\xac\xac", 3},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t len = strlen(cases[i].bytes);
        assert_int_equal(pz__utf8_first_bad(cases[i].bytes, len), cases[i].first_bad);
        assert_false(pz__utf8_valid(cases[i].bytes, len));
    }
}

/* Decodes by the arithmetic of the encoding alone: read the number, encode it, compare. */
static size_t first_bad_by_encoding(const char *text, size_t len)
{
    size_t i = 0;
    while (i < len) {
        unsigned char lead = (unsigned char)text[i];
        size_t n = lead < 0x80 ? 1 : lead < 0xc0 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
        if (n == 0 || n > len - i)
            return i;
        uint32_t c = n == 1 ? lead : lead & (0x7fu >> n);
        for (size_t k = 1; k < n; k++)
            c = c << 6 | ((unsigned char)text[i + k] & 0x3f);
        char again[4];
        if (c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || pz__utf8_encode(c, again) != n ||
            memcmp(again, text + i, n) != 0)
            return i;
        i += n;
    }
    return len;
}

static void random_bytes_are_judged_as_by_encoding(void **state)
{
    (void)state;
    static const unsigned char edges[] = {0x41, 0x7f, 0x80, 0x8f, 0x90, 0x9f, 0xa0, 0xbf,
                                          0xc0, 0xc1, 0xc2, 0xdf, 0xe0, 0xe1, 0xec, 0xed,
                                          0xee, 0xef, 0xf0, 0xf1, 0xf3, 0xf4, 0xf5, 0xff};
    GEN_CASES(g, gen_cases(20000))
    {
        char text[24];
        size_t len = gen_below(&g, sizeof text + 1);
        for (size_t i = 0; i < len; i++)
            text[i] = gen_chance(&g, 1, 2) ? 'a' : (char)GEN_CHOICE(&g, edges);
        assert_int_equal(pz__utf8_first_bad(text, len), first_bad_by_encoding(text, len));
    }
}

static void text_is_counted_in_code_points(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(500))
    {
        char text[4 * 40 + 1];
        size_t len = gen_text(&g, text, 40), count = 0, step;
        assert_true(pz__utf8_valid(text, len));
        for (size_t i = 0; i < len; i += step, count++)
            pz__utf8_decode(text + i, len - i, &step);
        assert_int_equal(pz__utf8_count(text, len), count);
    }
}

static void walk_over_bad_bytes_stays_inside(void **state)
{
    (void)state;
    size_t len;
    assert_int_equal(pz__utf8_decode("\xf0\x9f", 2, &len), PZ__UTF8_REPLACEMENT);
    assert_int_equal(len, 1);
    assert_int_equal(pz__utf8_decode("\x80", 1, &len), PZ__UTF8_REPLACEMENT);
    assert_int_equal(len, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_scalar_value_comes_back),
        cmocka_unit_test(ill_formed_sequences_are_found),
        cmocka_unit_test(random_bytes_are_judged_as_by_encoding),
        cmocka_unit_test(text_is_counted_in_code_points),
        cmocka_unit_test(walk_over_bad_bytes_stays_inside),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
