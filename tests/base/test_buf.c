/*
 * test_buf.c: bytes written and read back, limits, sticky failures, strict varints.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <inttypes.h>
#include <string.h>

#include "base/buf.h"
#include "support/gen.h"
#include "support/oom.h"

static void numbers_come_back_as_written(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    {
        int64_t n = gen_i64(&g);
        pz__buf buf;
        pz__buf_init(&buf, NULL, 100);
        pz__buf_varint(&buf, (uint64_t)n);
        pz__buf_zigzag(&buf, n);
        pz__buf_be32(&buf, (uint32_t)n);
        pz__buf_be64(&buf, (uint64_t)n);
        pz__buf_byte(&buf, (uint8_t)n);
        assert_int_equal(buf.status, PZ_OK);
        pz__cursor c;
        pz__cursor_init(&c, buf.data, buf.len);
        assert_true(pz__cursor_varint(&c) == (uint64_t)n);
        assert_true(pz__cursor_zigzag(&c) == n);
        assert_true(pz__cursor_be32(&c) == (uint32_t)n);
        assert_true(pz__cursor_be64(&c) == (uint64_t)n);
        assert_int_equal(pz__cursor_byte(&c), (uint8_t)n);
        assert_false(c.bad);
        assert_int_equal(pz__cursor_left(&c), 0);
        pz__buf_clear(&buf);
    }
}

static void varints_have_one_spelling(void **state)
{
    (void)state;
    static const struct {
        const char *bytes;
        size_t len;
        bool is_good;
        uint64_t value;
    } cases[] = {
        {"\x00", 1, true, 0},
        {"\x7f", 1, true, 127},
        {"\x80\x01", 2, true, 128},
        {"\x80\x00", 2, false, 0},
        {"\xff\x80\x00", 3, false, 0},
        {"\x80", 1, false, 0},
        {"", 0, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x01", 10, true, UINT64_MAX},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x02", 10, false, 0},
        {"\xff\xff\xff\xff\xff\xff\xff\xff\xff\x81\x00", 11, false, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        pz__cursor c;
        pz__cursor_init(&c, cases[i].bytes, cases[i].len);
        assert_true(pz__cursor_varint(&c) == cases[i].value);
        assert_int_equal(c.bad, !cases[i].is_good);
    }
}

static void big_endian_bytes_sort_as_numbers(void **state)
{
    (void)state;
    pz__buf buf;
    pz__buf_init(&buf, NULL, 100);
    pz__buf_be64(&buf, 0x0102030405060708u);
    pz__buf_be32(&buf, 0x0a0b0c0du);
    assert_memory_equal(buf.data, "\1\2\3\4\5\6\7\10\12\13\14\15", 12);
    pz__buf_clear(&buf);
}

static void short_reads_give_zero_and_stay_bad(void **state)
{
    (void)state;
    const uint8_t bytes[7] = {1, 2, 3, 4, 5, 6, 7};
    pz__cursor c;
    pz__cursor_init(&c, bytes, sizeof bytes);
    assert_true(pz__cursor_be64(&c) == 0);
    assert_true(c.bad);
    assert_int_equal(pz__cursor_byte(&c), 0);
    assert_null(pz__cursor_take(&c, 0));
    pz__cursor_init(&c, NULL, 0);
    assert_int_equal(pz__cursor_left(&c), 0);
    assert_non_null(pz__cursor_take(&c, 0));
    assert_null(pz__cursor_take(&c, 1));
}

static void limit_is_reached_and_not_passed(void **state)
{
    (void)state;
    pz__buf buf;
    pz__buf_init(&buf, NULL, 5);
    pz__buf_put(&buf, "12345", 5);
    assert_int_equal(buf.status, PZ_OK);
    pz__buf_put(&buf, "", 0);
    assert_int_equal(buf.status, PZ_OK);
    pz__buf_byte(&buf, '6');
    assert_int_equal(buf.status, PZ_ERR_LIMIT);
    assert_int_equal(buf.len, 5);
    pz__buf_reset(&buf);
    pz__buf_format(&buf, "%d", 12345);
    assert_int_equal(buf.status, PZ_OK);
    assert_int_equal(buf.len, 5);
    pz__buf_reset(&buf);
    pz__buf_format(&buf, "%d", 123456);
    assert_int_equal(buf.status, PZ_ERR_LIMIT);
    assert_int_equal(buf.len, 0);
    pz__buf_clear(&buf);
}

static void first_failure_silences_later_writes(void **state)
{
    (void)state;
    pz__buf buf;
    pz__buf_init(&buf, NULL, 3);
    pz__buf_text(&buf, "long");
    pz__buf_text(&buf, "ok");
    pz__buf_format(&buf, "%d", 1);
    assert_null(pz__buf_room(&buf, 0));
    assert_int_equal(buf.len, 0);
    assert_int_equal(buf.status, PZ_ERR_LIMIT);
    pz__buf_clear(&buf);
    assert_int_equal(buf.status, PZ_OK);
    assert_null(pz__buf_room(&buf, SIZE_MAX));
    pz__buf_clear(&buf);
}

static void formatted_text_joins_what_is_there(void **state)
{
    (void)state;
    pz__buf buf;
    pz__buf_init(&buf, NULL, 1000);
    pz__buf_text(&buf, "a=");
    pz__buf_format(&buf, "%d %s %.*s %zu %" PRId64 "%%", -5, "b", 2, "cde", (size_t)7, INT64_MIN);
    pz__buf_byte(&buf, 0);
    assert_string_equal(buf.data, "a=-5 b cd 7 -9223372036854775808%");
    for (int i = 0; i < 50; i++)
        pz__buf_format(&buf, "%d", 1);
    assert_int_equal(buf.len, 34 + 50);
    pz__buf_clear(&buf);
}

static pz_status write_much(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__buf buf;
    pz__buf_init(&buf, alloc, 100000);
    for (int i = 0; i < 1000; i++)
        pz__buf_format(&buf, "%d,", i);
    pz_status status = buf.status;
    pz__buf_clear(&buf);
    return status;
}

static void exhaustion_is_noted_and_leaks_nothing(void **state)
{
    (void)state;
    assert_true(oom_run(write_much, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers_come_back_as_written),
        cmocka_unit_test(varints_have_one_spelling),
        cmocka_unit_test(big_endian_bytes_sort_as_numbers),
        cmocka_unit_test(short_reads_give_zero_and_stay_bad),
        cmocka_unit_test(limit_is_reached_and_not_passed),
        cmocka_unit_test(first_failure_silences_later_writes),
        cmocka_unit_test(formatted_text_joins_what_is_there),
        cmocka_unit_test(exhaustion_is_noted_and_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
