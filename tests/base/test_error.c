/*
 * test_error.c: names of statuses, messages that fit, places in a text.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/error.h"
#include "base/utf8.h"

static void every_status_has_its_name_and_text(void **state)
{
    (void)state;
    assert_string_equal(pz_status_name(PZ_OK), "OK");
    assert_string_equal(pz_status_name(PZ_ERR_LATE), "ERR_LATE");
    assert_string_equal(pz_status_name((pz_status)-999), "ERR_?");
    assert_string_equal(pz_status_text(PZ_ERR_NOMEM), "out of memory");
    assert_non_null(pz_status_text((pz_status)-999));
}

static void failing_fills_the_error_and_gives_the_status(void **state)
{
    (void)state;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__fail_at(&err, PZ_ERR_PARSE, 3, 4, "no %s", "way"), PZ_ERR_PARSE);
    assert_int_equal(err.status, PZ_ERR_PARSE);
    assert_int_equal(err.line, 3);
    assert_int_equal(err.column, 4);
    assert_string_equal(err.message, "no way");
    assert_int_equal(pz__fail(&err, PZ_ERR_LATE, "%d", 5), PZ_ERR_LATE);
    assert_int_equal(err.line, 0);
    assert_int_equal(err.column, 0);
    assert_int_equal(pz__fail(NULL, PZ_ERR_LATE, "%d", 5), PZ_ERR_LATE);
}

static void message_may_quote_itself(void **state)
{
    (void)state;
    pz_error err = PZ_ERROR_INIT;
    pz__fail(&err, PZ_ERR_IO, "inner");
    pz__fail(&err, PZ_ERR_IO, "outer: %s", err.message);
    assert_string_equal(err.message, "outer: inner");
}

/* For every length around the cut and every width of character. */
static void long_message_is_cut_between_characters(void **state)
{
    (void)state;
    static const char *const characters[] = {"x", "\xc3\xa4", "\xe2\x82\xac", "\xf0\x9f\x8c\xb9"};
    for (size_t c = 0; c < 4; c++) {
        size_t width = strlen(characters[c]);
        for (size_t lead = PZ_ERROR_MESSAGE_MAX - 8; lead < PZ_ERROR_MESSAGE_MAX; lead++) {
            char text[2 * PZ_ERROR_MESSAGE_MAX] = "";
            memset(text, 'a', lead);
            for (size_t i = 0; i < 4; i++)
                memcpy(text + lead + i * width, characters[c], width);
            pz_error err = PZ_ERROR_INIT;
            pz__fail(&err, PZ_ERR_PARSE, "%s", text);
            size_t len = strlen(err.message);
            size_t room = PZ_ERROR_MESSAGE_MAX - 1;
            size_t fitting = (room - lead) / width;
            size_t wanted = lead + (fitting < 4 ? fitting : 4) * width;
            assert_int_equal(len, wanted);
            assert_true(pz__utf8_valid(err.message, len));
        }
    }
}

static void bad_bytes_become_question_marks(void **state)
{
    (void)state;
    pz_error err = PZ_ERROR_INIT;
    pz__fail(&err, PZ_ERR_PARSE, "%s", "a\xff\xc3z\xc3\xa4\xed\xa0\x80");
    assert_string_equal(err.message, "a??z\xc3\xa4???");
}

static void places_count_lines_and_code_points(void **state)
{
    (void)state;
    static const char text[] = "a\xc3\xa4z\nb\r\nc\rd";
    static const struct {
        size_t offset;
        uint32_t line, column;
    } cases[] = {{0, 1, 1}, {1, 1, 2},  {3, 1, 3},  {5, 2, 1}, {6, 2, 2},
                 {8, 3, 1}, {10, 4, 1}, {11, 4, 2}, {99, 4, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        uint32_t line, column;
        pz__locate(text, sizeof text - 1, cases[i].offset, &line, &column);
        assert_int_equal(line, cases[i].line);
        assert_int_equal(column, cases[i].column);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_status_has_its_name_and_text),
        cmocka_unit_test(failing_fills_the_error_and_gives_the_status),
        cmocka_unit_test(message_may_quote_itself),
        cmocka_unit_test(long_message_is_cut_between_characters),
        cmocka_unit_test(bad_bytes_become_question_marks),
        cmocka_unit_test(places_count_lines_and_code_points),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
