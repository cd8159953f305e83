/*
 * test_docs.c: docs/catalog.md says nothing that is not so.
 *
 * Every ```json block behind a line "<!-- catalog -->" is compiled and must be sound, without a
 * warning; every member that a table of the room knows stands in the text as `name`.
 */
#include "catalog/build.h"
#include "catalog/documents.h"

#include <stdio.h>
#include <stdlib.h>

#define MARK "<!-- catalog -->\n```json\n"
#define FENCE "\n```\n"

static char *read_docs(void)
{
    size_t len;
    char *text = document_read(PZ_SOURCE_DIR "/docs/catalog.md", &len);
    assert_non_null(text);
    return text;
}

static void every_example_compiles(void **state)
{
    (void)state;
    char *text = read_docs();
    size_t count = 0;
    for (const char *at = text; (at = strstr(at, MARK)) != NULL; count++) {
        pz_report *report;
        const pz__catalog *catalog;
        at += strlen(MARK);
        const char *end = strstr(at, FENCE);
        assert_non_null(end);
        assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
        pz_status status = pz__catalog_compile(&catalog, NULL, PZ__STR("docs/catalog.md"),
                                               (pz_str){at, (size_t)(end - at)}, report, NULL);
        if (pz_report_count(report))
            fprintf(stderr, "%s", pz_report_text(report, false));
        assert_int_equal(status, PZ_OK);
        assert_int_equal(pz_report_count(report), 0);
        pz__catalog_unref(catalog);
        pz_report_free(report);
    }
    assert_true(count >= 9);
    free(text);
}

static void every_member_is_documented(void **state)
{
    (void)state;
    char *text = read_docs();
    uint32_t sorts;
    const pz__members *const *all = pz__catalog_members(&sorts);
    for (uint32_t s = 0; s < sorts; s++) {
        for (uint32_t m = 0; m < all[s]->count; m++) {
            const pz__member *member = &all[s]->list[m];
            char quoted[64], used[64];
            assert_true(member->about[0] != '\0');
            if (member->need == PZ__LATER)
                continue;
            snprintf(quoted, sizeof quoted, "`%s`", member->name);
            snprintf(used, sizeof used, "\"%s\":", member->name);
            if (!strstr(text, quoted) || !strstr(text, used))
                fail_msg("%s: %s is not in docs/catalog.md", all[s]->object, member->name);
        }
    }
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_example_compiles),
        cmocka_unit_test(every_member_is_documented),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
