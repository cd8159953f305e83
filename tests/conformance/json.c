/*
 * json.c: files that a JSON reader must accept (y_), must refuse (n_), or may do either with (i_).
 *
 * What this library chose for the i_ files is the table below; the reasons are in docs/json.md.
 * Both readers, with and without spans, have to agree on every file. A file whose name begins
 * otherwise (those of transform/) is skipped: what is made of those is asserted by the tests of the
 * room.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"
#include "value/value.h"

static const struct {
    const char *name;
    bool is_accepted;
} choices[] = {
    {"i_number_double_huge_neg_exp.json", true},
    {"i_number_huge_exp.json", false},
    {"i_number_neg_int_huge_exp.json", false},
    {"i_number_pos_double_huge_exp.json", false},
    {"i_number_real_neg_overflow.json", false},
    {"i_number_real_pos_overflow.json", false},
    {"i_number_real_underflow.json", true},
    {"i_number_too_big_neg_int.json", true},
    {"i_number_too_big_pos_int.json", true},
    {"i_number_very_big_negative_int.json", true},
    {"i_object_key_lone_2nd_surrogate.json", false},
    {"i_string_1st_surrogate_but_2nd_missing.json", false},
    {"i_string_1st_valid_surrogate_2nd_invalid.json", false},
    {"i_string_UTF-16LE_with_BOM.json", false},
    {"i_string_UTF-8_invalid_sequence.json", false},
    {"i_string_UTF8_surrogate_U+D800.json", false},
    {"i_string_incomplete_surrogate_and_escape_valid.json", false},
    {"i_string_incomplete_surrogate_pair.json", false},
    {"i_string_incomplete_surrogates_escape_valid.json", false},
    {"i_string_invalid_lonely_surrogate.json", false},
    {"i_string_invalid_surrogate.json", false},
    {"i_string_invalid_utf-8.json", false},
    {"i_string_inverted_surrogates_U+1D11E.json", false},
    {"i_string_iso_latin_1.json", false},
    {"i_string_lone_second_surrogate.json", false},
    {"i_string_lone_utf8_continuation_byte.json", false},
    {"i_string_not_in_unicode_range.json", false},
    {"i_string_overlong_sequence_2_bytes.json", false},
    {"i_string_overlong_sequence_6_bytes.json", false},
    {"i_string_overlong_sequence_6_bytes_null.json", false},
    {"i_string_truncated-utf-8.json", false},
    {"i_string_utf16BE_no_BOM.json", false},
    {"i_string_utf16LE_no_BOM.json", false},
    {"i_structure_500_nested_arrays.json", true},
    {"i_structure_UTF-8_BOM_empty_object.json", false},
};

typedef enum expectation { ACCEPT, REFUSE, UNKNOWN } expectation;

static expectation expectation_of(const char *name)
{
    if (strncmp(name, "y_", 2) == 0)
        return ACCEPT;
    if (strncmp(name, "n_", 2) == 0)
        return REFUSE;
    for (size_t i = 0; i < sizeof choices / sizeof choices[0]; i++)
        if (strcmp(name, choices[i].name) == 0)
            return choices[i].is_accepted ? ACCEPT : REFUSE;
    return UNKNOWN;
}

/* What both readers say; -1 if they disagree or a refusal has no place. */
static int is_accepted(const char *text, size_t len)
{
    pz__arena arena;
    pz_value value;
    pz__node node;
    pz_error plain = PZ_ERROR_INIT, spanned = PZ_ERROR_INIT;
    pz__arena_init(&arena, NULL, 0);
    pz_status with = pz__json_read_node(&arena, &node, text, len, 0, &spanned);
    pz_status without = pz__json_read(&arena, &value, text, len, 0, &plain);
    int answer = with == PZ_OK;
    if (with != without || strcmp(plain.message, spanned.message) != 0)
        answer = -1;
    else if (with != PZ_OK && (plain.line == 0 || plain.column == 0))
        answer = -1;
    else if (with == PZ_OK && pz_value_compare(node.value, value) != 0)
        answer = -1;
    pz__arena_clear(&arena);
    return answer;
}

void suite_json(const char *path, counts *result)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;
    expectation expected = expectation_of(name);
    if (expected == UNKNOWN) {
        result->skipped++;
        return;
    }
    size_t len;
    char *text = suite_read_file(path, &len);
    int answer = text ? is_accepted(text, len) : -1;
    free(text);
    if (answer == (expected == ACCEPT)) {
        result->passed++;
        return;
    }
    result->failed++;
    printf("%s: expected to be %s, %s\n", name, expected == ACCEPT ? "accepted" : "refused",
           answer < 0 ? "and the readers disagree" : "and is not");
}
