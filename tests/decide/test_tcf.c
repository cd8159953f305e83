/*
 * test_tcf.c: TC strings are read and written as the framework says.
 *
 * The published examples are those of public decoders of the format, with what they say of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/str.h"
#include "decide/tcf.h"
#include "support/gen.h"

#define EXAMPLE "COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA"
#define EXAMPLE_WITH_VENDORS                                                                       \
    "CLcVDxRMWfGmWAVAHCENAXCkAKDAADnAABRgA5mdfCKZuYJez-NQm0TBMYA4oCAAGQYIAAAAAAEAIAEgAA"
#define PURPOSE(n) (1u << ((n)-1))

static pz_status read_text(const char *text, pz__tcf *out)
{
    pz_error err = PZ_ERROR_INIT;
    return pz__tcf_read(out, pz_str_of(text), &err);
}

static void published_example_is_read(void **state)
{
    (void)state;
    pz__tcf tcf;
    assert_int_equal(read_text(EXAMPLE, &tcf), PZ_OK);
    assert_int_equal(tcf.created_ms, INT64_C(1580058060000)); /* 2020-01-26T17:01:00Z */
    assert_int_equal(tcf.updated_ms, INT64_C(1612285260000)); /* 2021-02-02T17:01:00Z */
    assert_int_equal(tcf.cmp_id, 675);
    assert_int_equal(tcf.cmp_version, 2);
    assert_int_equal(tcf.screen, 1);
    assert_memory_equal(tcf.language, "EN", 2);
    assert_int_equal(tcf.vendor_list_version, 15);
    assert_int_equal(tcf.policy_version, 2);
    assert_false(tcf.is_service_specific);
    assert_memory_equal(tcf.publisher_country, "AA", 2);
}

static void purposes_and_vendors_of_an_example_are_read(void **state)
{
    (void)state;
    pz__tcf tcf;
    assert_int_equal(read_text(EXAMPLE_WITH_VENDORS, &tcf), PZ_OK);
    assert_int_equal(tcf.created_ms / 1000, 1228644257);
    assert_int_equal(tcf.updated_ms / 1000, 1326215413);
    assert_int_equal(tcf.cmp_id, 21);
    assert_int_equal(tcf.cmp_version, 7);
    assert_int_equal(tcf.screen, 2);
    assert_int_equal(tcf.vendor_list_version, 23);
    assert_int_equal(tcf.consents, PURPOSE(1) | PURPOSE(3) | PURPOSE(9) | PURPOSE(10));
}

static void further_segments_change_nothing(void **state)
{
    (void)state;
    pz__tcf alone, followed;
    assert_int_equal(read_text(EXAMPLE_WITH_VENDORS, &alone), PZ_OK);
    assert_int_equal(read_text(EXAMPLE_WITH_VENDORS ".argAC0gAAAAAAAAAAAA", &followed), PZ_OK);
    assert_memory_equal(&alone, &followed, sizeof alone);
}

/* Trailing zeros of the last character aside, every character matters. */
static void a_string_cut_anywhere_is_refused(void **state)
{
    (void)state;
    const char *whole = EXAMPLE_WITH_VENDORS;
    for (size_t len = 0; len + 2 < strlen(whole); len++) {
        pz__tcf tcf;
        pz_error err = PZ_ERROR_INIT;
        assert_int_equal(pz__tcf_read(&tcf, (pz_str){whole, len}, &err), PZ_ERR_PARSE);
        assert_true(strlen(err.message) > 0);
    }
}

static void other_versions_and_characters_are_refused(void **state)
{
    (void)state;
    pz__tcf tcf;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(read_text("BOQ7WlgOQ7WlgABACDENABwAAABJOACgACAAQABA", &tcf), PZ_ERR_PARSE);
    assert_int_equal(pz__tcf_read(&tcf, PZ__STR("COty=bn4"), &err), PZ_ERR_PARSE);
    assert_non_null(strstr(err.message, "character 5"));
}

static void what_is_written_is_read_again(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    {
        const pz__tcf made = {
            .created_ms = gen_range(&g, 0, INT64_C(68719476735)) * 100,
            .updated_ms = gen_range(&g, 0, INT64_C(68719476735)) * 100,
            .cmp_id = (uint16_t)gen_range(&g, 0, 4095),
            .cmp_version = (uint16_t)gen_range(&g, 0, 4095),
            .screen = (uint8_t)gen_range(&g, 0, 63),
            .language = {(char)('A' + gen_range(&g, 0, 25)), (char)('A' + gen_range(&g, 0, 25))},
            .vendor_list_version = (uint16_t)gen_range(&g, 0, 4095),
            .policy_version = (uint8_t)gen_range(&g, 0, 63),
            .is_service_specific = gen_range(&g, 0, 1) == 1,
            .consents = (uint32_t)gen_range(&g, 0, 0xffffff),
            .publisher_country = {'D', 'E'},
        };
        pz__buf text;
        pz__tcf again = {0};
        pz__buf_init(&text, NULL, 4096);
        assert_int_equal(pz__tcf_write(&made, &text), PZ_OK);
        pz_error err = PZ_ERROR_INIT;
        assert_int_equal(pz__tcf_read(&again, (pz_str){text.data, text.len}, &err), PZ_OK);
        assert_int_equal(again.created_ms, made.created_ms);
        assert_int_equal(again.updated_ms, made.updated_ms);
        assert_int_equal(again.cmp_id, made.cmp_id);
        assert_int_equal(again.consents, made.consents);
        assert_memory_equal(again.language, made.language, 2);
        assert_int_equal(again.vendor_list_version, made.vendor_list_version);
        assert_int_equal(again.is_service_specific, made.is_service_specific);
        pz__buf_clear(&text);
    }
}

static void arbitrary_text_is_read_or_refused(void **state)
{
    (void)state;
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.";
    GEN_CASES(g, gen_cases(20000))
    {
        char text[160];
        const size_t len = (size_t)gen_range(&g, 1, (int64_t)sizeof text - 1);
        for (size_t i = 0; i < len; i++)
            text[i] = alphabet[gen_range(&g, 0, (int64_t)sizeof alphabet - 2)];
        text[0] = 'C';
        pz__tcf tcf;
        pz_error err = PZ_ERROR_INIT;
        const pz_status status = pz__tcf_read(&tcf, (pz_str){text, len}, &err);
        assert_true(status == PZ_OK || status == PZ_ERR_PARSE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(published_example_is_read),
        cmocka_unit_test(purposes_and_vendors_of_an_example_are_read),
        cmocka_unit_test(further_segments_change_nothing),
        cmocka_unit_test(a_string_cut_anywhere_is_refused),
        cmocka_unit_test(other_versions_and_characters_are_refused),
        cmocka_unit_test(what_is_written_is_read_again),
        cmocka_unit_test(arbitrary_text_is_read_or_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
