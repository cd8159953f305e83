/*
 * test_uuid.c: random identifiers are of version 4 and differ.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/uuid.h"

static void identifiers_are_random_version_4(void **state)
{
    (void)state;
    uint8_t ids[200][16], all_or[16] = {0}, all_and[16];
    memset(all_and, 0xff, sizeof all_and);
    for (int i = 0; i < 200; i++) {
        pz__uuid_new(ids[i]);
        assert_int_equal(ids[i][6] >> 4, 4);
        assert_int_equal(ids[i][8] >> 6, 2);
        for (int k = 0; k < 16; k++) {
            all_or[k] |= ids[i][k];
            all_and[k] &= ids[i][k];
        }
        for (int j = 0; j < i; j++)
            assert_memory_not_equal(ids[i], ids[j], 16);
    }
    /* Every free bit was once 0 and once 1. */
    for (int k = 0; k < 16; k++) {
        assert_int_equal(all_or[k], k == 6 ? 0x4f : k == 8 ? 0xbf : 0xff);
        assert_int_equal(all_and[k], k == 6 ? 0x40 : k == 8 ? 0x80 : 0);
    }
}

static void identifiers_print_in_lower_case(void **state)
{
    (void)state;
    const uint8_t id[16] = {0x01, 0x23, 0x45, 0x67, 0x89, 0xab, 0x4d, 0xef,
                            0x80, 0x00, 0xaa, 0xbb, 0xcc, 0xdd, 0xee, 0xff};
    char text[37];
    pz__uuid_print(id, text);
    assert_string_equal(text, "01234567-89ab-4def-8000-aabbccddeeff");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(identifiers_are_random_version_4),
        cmocka_unit_test(identifiers_print_in_lower_case),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
