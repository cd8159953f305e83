/*
 * test_report.c: diagnostics in the order of their places, and how they look.
 */
#include "catalog/documents.h"

#include "support/oom.h"

#include <stdio.h>

#define NOTHING ((pz_str){NULL, 0})

static pz_report *new_report(void)
{
    pz_report *report;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    return report;
}

static void diagnostics_stand_in_the_order_of_places(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz_str text = PZ__STR("ab\ncd\nef");
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), text, 6, 8, PZ__STR("c"), "", "third");
    pz__report_add(report, PZ_WARNING, PZ__STR("f"), text, 0, 1, PZ__STR("a"), "x", "first");
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), text, 4, 5, NOTHING, NULL, "second %d", 2);
    pz__report_add(report, PZ_ERROR, PZ__STR("g"), text, 0, 1, NOTHING, NULL, "other file");
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), text, 0, 1, NOTHING, NULL, "first, later");
    static const char *const order[] = {"first", "first, later", "second 2", "third", "other file"};
    assert_int_equal(pz_report_count(report), 5);
    for (uint32_t i = 0; i < 5; i++) {
        pz_diagnostic one = {.size = sizeof one};
        assert_int_equal(pz_report_get(report, i, &one), PZ_OK);
        assert_string_equal(one.message, order[i]);
    }
    pz_diagnostic one = {.size = sizeof one};
    pz_report_get(report, 2, &one);
    assert_int_equal(one.line, 2);
    assert_int_equal(one.column, 2);
    assert_string_equal(one.source, "cd");
    assert_string_equal(one.suggestion, "");
    assert_int_equal(pz_report_get(report, 5, &one), PZ_ERR_NOT_FOUND);
    pz_report_free(report);
}

static void an_older_caller_gets_what_it_knows(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), PZ__STR("x"), 0, 1, NOTHING, NULL, "m");
    struct {
        uint32_t size;
        pz_severity severity;
        const char *file;
        uint32_t guard;
    } old = {.guard = 77};
    pz_diagnostic *seen = (pz_diagnostic *)(void *)&old;
    old.size = offsetof(pz_diagnostic, line);
    assert_int_equal(pz_report_get(report, 0, seen), PZ_OK);
    assert_string_equal(old.file, "f");
    assert_int_equal(old.guard, 77);
    old.size = 0;
    assert_int_equal(pz_report_get(report, 0, seen), PZ_ERR_ARG);
    assert_int_equal(pz_report_get(NULL, 0, seen), PZ_ERR_ARG);
    pz_report_free(report);
}

static void nothing_is_no_text(void **state)
{
    (void)state;
    pz_report *report = new_report();
    assert_string_equal(pz_report_text(report, true), "");
    assert_int_equal(pz__report_status(report), PZ_OK);
    assert_int_equal(pz_report_count(NULL), 0);
    assert_null(pz_report_text(NULL, false));
    pz_report_free(report);
    pz_report_free(NULL);
}

static void warnings_are_no_failure(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz__report_add(report, PZ_WARNING, PZ__STR("f"), PZ__STR("x"), 0, 1, NOTHING, NULL, "m");
    assert_int_equal(pz__report_status(report), PZ_OK);
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), PZ__STR("x"), 0, 1, NOTHING, NULL, "m");
    assert_int_equal(pz__report_status(report), PZ_ERR_CATALOG);
    pz_report_free(report);
}

/* Wide characters take two columns, combining ones none, tabs stay tabs. */
static void the_caret_stands_below_the_place(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz_str text = PZ__STR("\t\xe6\x97\xa5"
                          "e\xcc\x81 bad\xf0\x9f\x98\x80.");
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), text, 8, 15, NOTHING, "good", "m");
    assert_string_equal(pz_report_text(report, false), "f:1:6: error: m\n"
                                                       "  1 | \t\xe6\x97\xa5"
                                                       "e\xcc\x81 bad\xf0\x9f\x98\x80.\n"
                                                       "    | \t    ^~~~~\n"
                                                       "    = did you mean \"good\"?\n"
                                                       "1 error\n");
    pz_report_free(report);
}

static void colours_only_where_asked(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz__report_add(report, PZ_WARNING, PZ__STR("f"), PZ__STR("x"), 0, 1, NOTHING, NULL, "m");
    assert_null(strchr(pz_report_text(report, false), '\x1b'));
    assert_non_null(strstr(pz_report_text(report, true), "\x1b[1;35mwarning:\x1b[0m m"));
    pz_report_free(report);
}

static void a_span_over_lines_is_underlined_to_the_end_of_its_first(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), PZ__STR("a bc\r\nd"), 2, 7, NOTHING, NULL, "m");
    pz_diagnostic one = {.size = sizeof one};
    assert_int_equal(pz_report_get(report, 0, &one), PZ_OK);
    assert_int_equal(one.length, 2);
    assert_string_equal(one.source, "a bc");
    pz_report_free(report);
}

static void bytes_that_are_no_text_are_shown_as_question_marks(void **state)
{
    (void)state;
    pz_report *report = new_report();
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), (pz_str){"a\xff\0z", 4}, 3, 4, NOTHING, NULL,
                   "m");
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), PZ__STR("a"), 900, 901, NOTHING, NULL, "end");
    pz_diagnostic one = {.size = sizeof one};
    assert_int_equal(pz_report_get(report, 0, &one), PZ_OK);
    assert_string_equal(one.source, "a??z");
    pz__report_add(report, PZ_ERROR, PZ__STR("g"), (pz_str){"\x9e", 1}, 0, 1, NOTHING, NULL, "m");
    assert_int_equal(pz_report_get(report, 2, &one), PZ_OK);
    assert_int_equal(one.length, 1);
    pz_report_free(report);
}

static void a_character_is_shown_whole(void **state)
{
    (void)state;
    pz_report *report = new_report();
    /* The mistake is about the first byte of a quotation mark of three. */
    pz__report_add(report, PZ_ERROR, PZ__STR("f"),
                   PZ__STR("a \xe2\x80\x9c"
                           "b"),
                   2, 3, NOTHING, NULL, "m");
    pz_diagnostic one = {.size = sizeof one};
    assert_int_equal(pz_report_get(report, 0, &one), PZ_OK);
    assert_string_equal(one.source, "a \xe2\x80\x9c"
                                    "b");
    assert_int_equal(one.length, 1);
    pz_report_free(report);
}

static void the_hundred_and_first_is_only_counted(void **state)
{
    (void)state;
    pz_report *report = new_report();
    for (uint32_t i = 0; i < PZ__CATALOG_MISTAKES_MAX; i++)
        pz__report_add(report, PZ_ERROR, PZ__STR("f"), PZ__STR("x"), 0, 1, NOTHING, NULL, "m");
    assert_int_equal(pz_report_count(report), PZ__CATALOG_MISTAKES_MAX);
    assert_non_null(strstr(pz_report_text(report, false), "\n100 errors\n"));
    pz__report_add(report, PZ_ERROR, PZ__STR("f"), PZ__STR("x"), 0, 1, NOTHING, NULL, "m");
    assert_int_equal(pz_report_count(report), PZ__CATALOG_MISTAKES_MAX);
    assert_non_null(strstr(pz_report_text(report, false), "\nmore than 100 errors\n"));
    pz_report_free(report);
}

static pz_status fill_report(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz_report *report;
    pz_status status = pz__report_new(&report, alloc);
    if (status)
        return status;
    for (uint32_t i = 0; i < 12; i++)
        pz__report_add(report, PZ_WARNING, PZ__STR("f"), PZ__STR("abc"), i % 3, i % 3 + 1,
                       PZ__STR("p"), "s", "m %u", i);
    status = pz__report_status(report);
    if (!status && !pz_report_text(report, true))
        status = PZ_ERR_NOMEM;
    pz_report_free(report);
    return status;
}

static void a_report_survives_exhaustion(void **state)
{
    (void)state;
    assert_true(oom_run(fill_report, NULL) > 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(diagnostics_stand_in_the_order_of_places),
        cmocka_unit_test(an_older_caller_gets_what_it_knows),
        cmocka_unit_test(nothing_is_no_text),
        cmocka_unit_test(warnings_are_no_failure),
        cmocka_unit_test(the_caret_stands_below_the_place),
        cmocka_unit_test(colours_only_where_asked),
        cmocka_unit_test(a_span_over_lines_is_underlined_to_the_end_of_its_first),
        cmocka_unit_test(bytes_that_are_no_text_are_shown_as_question_marks),
        cmocka_unit_test(a_character_is_shown_whole),
        cmocka_unit_test(the_hundred_and_first_is_only_counted),
        cmocka_unit_test(a_report_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
