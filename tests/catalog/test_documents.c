/*
 * test_documents.c: every document of tests/data/catalog gives exactly the report that stands
 * beside it: bad/NAME.json the mistakes in bad/NAME.txt, good/NAME.json the warnings in
 * good/NAME.txt or nothing. PZ_WRITE_REPORTS=1 writes the reports instead, for reading in a diff.
 */
#include "catalog/build.h"
#include "catalog/documents.h"

#include <stdio.h>
#include <stdlib.h>

typedef struct expectation {
    pz_status status;
    size_t failed;
} expectation;

static void check_document(const char *path, const char *name, void *payload)
{
    expectation *expected = payload;
    char beside[512];
    size_t len, expected_len = 0;
    char *text = document_read(path, &len);
    snprintf(beside, sizeof beside, "%.*s.txt", (int)(strlen(path) - 5), path);
    char *report_text = document_read(beside, &expected_len);
    pz_report *report;
    const pz__catalog *catalog;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    pz_status status =
        pz__catalog_compile(&catalog, NULL, pz_str_of(name), (pz_str){text, len}, report, NULL);
    const char *got = pz_report_text(report, false);
    assert_non_null(got);
    if (getenv("PZ_WRITE_REPORTS") && got[0]) {
        FILE *file = fopen(beside, "wb");
        assert_non_null(file);
        fputs(got, file);
        fclose(file);
    } else if (strcmp(got, report_text ? report_text : "") != 0 || status != expected->status) {
        fprintf(stderr, "%s: %s\nexpected:\n%sgot:\n%s", name, pz_status_name(status),
                report_text ? report_text : "", got);
        expected->failed++;
    }
    assert_true((catalog == NULL) == (status != PZ_OK));
    pz__catalog_unref(catalog);
    pz_report_free(report);
    free(report_text);
    free(text);
}

static void every_mistake_is_reported_exactly(void **state)
{
    (void)state;
    expectation expected = {.status = PZ_ERR_CATALOG};
    assert_true(documents_visit("bad", check_document, &expected) >= 200);
    assert_int_equal(expected.failed, 0);
}

static void sound_documents_compile(void **state)
{
    (void)state;
    expectation expected = {.status = PZ_OK};
    assert_true(documents_visit("good", check_document, &expected) >= 10);
    assert_int_equal(expected.failed, 0);
}

/* ---- mistakes in every member ---- */

/* A value that a member cannot have, as JSON. */
static const char *wrong_value(uint32_t wants)
{
    if (!(wants & PZ__WANT(PZ_NULL)))
        return "null";
    return NULL;
}

/* A document in which an object of the sort `object` holds one member. */
static void put_in_place(pz__buf *out, const char *object, const char *member)
{
    static const struct {
        const char *object, *before, *after;
    } places[] = {
        {"the document", "{", "}"},
        {"an attribute", "{\"attributes\": {\"x\": {", "}}}"},
        {"a prior", "{\"attributes\": {\"x\": {\"type\": \"bool\", \"prior\": {", "}}}}"},
        {"a context key", "{\"context\": {\"x\": {", "}}}"},
        {"a member of an event", "{\"events\": {\"e\": {\"x\": {", "}}}}"},
        {"a signal", "{\"signals\": [{", "}]}"},
        {"a segment", "{\"segments\": {\"x\": {", "}}}"},
        {"a decision", "{\"decisions\": {\"x\": {", "}}}"},
        {"a rule", "{\"decisions\": {\"x\": {\"rules\": [{", "}]}}}"},
        {"a test", "{\"tests\": [{", "}]}"},
        {"a purpose", "{\"purposes\": {\"x\": {", "}}}"},
        {"a kind of identifier", "{\"identifiers\": {\"x\": {", "}}}"},
        {"a policy", "{\"policies\": [{", "}]}"},
        {"\"records\"", "{\"records\": {", "}}"},
        {"a bound",
         "{\"attributes\": {\"x\": {\"type\": \"bool\"}}, \"policies\": [{\"bound\": {\"x\": {",
         "}}}]}"},
    };
    for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
        if (strcmp(places[i].object, object) != 0)
            continue;
        pz__buf_format(out, "%s%s%s", places[i].before, member, places[i].after);
        pz__buf_byte(out, '\0');
        return;
    }
    fail_msg("no place for %s", object);
}

static void every_member_refuses_what_it_is_not(void **state)
{
    (void)state;
    uint32_t sorts, tried = 0;
    const pz__members *const *all = pz__catalog_members(&sorts);
    for (uint32_t s = 0; s < sorts; s++) {
        for (uint32_t m = 0; m < all[s]->count; m++) {
            const pz__member *member = &all[s]->list[m];
            char text[256], message[256];
            const char *wrong = wrong_value(member->wants);
            if (!wrong)
                continue;
            pz__buf buf;
            pz__buf_init(&buf, NULL, 4096);
            snprintf(text, sizeof text, "\"%s\": %s", member->name, wrong);
            put_in_place(&buf, all[s]->object, text);
            if (member->need == PZ__LATER)
                snprintf(message, sizeof message, "this version does not know \"%s\" yet",
                         member->name);
            else
                snprintf(message, sizeof message, "\"%s\" must be %s, not null", member->name,
                         member->form);
            assert_true(document_refuses(buf.data, message));
            pz__buf_clear(&buf);
            tried++;
        }
    }
    assert_true(tried > 60);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_reported_exactly),
        cmocka_unit_test(sound_documents_compile),
        cmocka_unit_test(every_member_refuses_what_it_is_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
