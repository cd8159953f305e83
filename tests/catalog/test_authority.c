/*
 * test_authority.c: the catalogs of the conformance cases of authority.
 *
 * All compile: their merge laws, policies, levels and purposes are known. The data lies outside the
 * repository; where it is absent the test says so and is skipped.
 */
#include "catalog/documents.h"

#include <stdio.h>
#include <stdlib.h>

/* Compile the catalog of one case; false, and the report, if it is refused. */
static bool is_sound(pz_str text)
{
    pz_report *report;
    const pz__catalog *catalog;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    pz_status status =
        pz__catalog_compile(&catalog, NULL, PZ__STR("case.json"), text, report, NULL);
    if (status != PZ_OK)
        fprintf(stderr, "%s", pz_report_text(report, false));
    pz__catalog_unref(catalog);
    pz_report_free(report);
    return status == PZ_OK;
}

/* Every case of a file of lines; the number of cases, 0 if the file is absent. */
static size_t try_file(const char *name)
{
    const char *folder = getenv("PZ_SHARED_DIR");
    char path[1024];
    size_t len, count = 0, failed = 0;
    snprintf(path, sizeof path, "%s/conformance/authority/%s",
             folder ? folder : PZ_SOURCE_DIR "/../shared", name);
    char *text = document_read(path, &len);
    for (char *line = text; line && *line; count++) {
        char *end = strchr(line, '\n');
        size_t line_len = end ? (size_t)(end - line) : strlen(line);
        pz__arena arena;
        pz__node root;
        pz__arena_init(&arena, NULL, 0);
        assert_int_equal(pz__json_read_node(&arena, &root, line, line_len, 0, NULL), PZ_OK);
        const pz__node *catalog = pz__node_get(&root, "catalog");
        assert_non_null(catalog);
        pz_str source = {line + catalog->start, catalog->end - catalog->start};
        failed += !is_sound(source);
        pz__arena_clear(&arena);
        line += line_len + (end != NULL);
    }
    free(text);
    assert_int_equal(failed, 0);
    return count;
}

static void catalogs_of_the_cases_compile(void **state)
{
    (void)state;
    const size_t count = try_file("sentences.jsonl") + try_file("histories.jsonl");
    if (count == 0) {
        fprintf(stderr, "skipped: the conformance cases of authority are not there\n");
        skip();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(catalogs_of_the_cases_compile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
