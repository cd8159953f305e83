/* test_engine_record.c: a damaged stored record is an error, whichever bit was flipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/shop.h"

static pz__profile *make_profile(void)
{
    pz__profile *profile;
    assert_int_equal(pz__profile_new(&profile, NULL, PZ__PERSON, PZ__STR("ann"), NULL), PZ_OK);
    const pz__write write = {.writer = PZ__STR("w"),
                             .now_ms = SHOP_NOW,
                             .at_ms = SHOP_NOW,
                             .skew_ms = PZ__SKEW_DEFAULT_MS};
    const pz__claim claim = {
        .slot = PZ__SLOT_CHOICE, .attribute = PZ__STR("nickname"), .value = pz_value_str("Annie")};
    assert_int_equal(pz__profile_put(profile, &write, &claim, NULL), PZ_OK);
    return profile;
}

static void record_reads_back_as_it_was(void **state)
{
    (void)state;
    pz__profile *profile = make_profile(), *read;
    pz__buf first, second;
    pz__buf_init(&first, NULL, 1 << 20);
    pz__buf_init(&second, NULL, 1 << 20);
    assert_int_equal(pz__record_encode(profile, &first), PZ_OK);
    assert_int_equal(pz__record_decode(&read, NULL, first.data, first.len, NULL), PZ_OK);
    assert_int_equal(pz__record_encode(read, &second), PZ_OK);
    assert_int_equal(first.len, second.len);
    assert_memory_equal(first.data, second.data, first.len);
    pz__profile_free(profile);
    pz__profile_free(read);
    pz__buf_clear(&first);
    pz__buf_clear(&second);
}

static void every_flipped_bit_and_every_cut_is_noticed(void **state)
{
    (void)state;
    pz__profile *profile = make_profile(), *read;
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, 1 << 20);
    assert_int_equal(pz__record_encode(profile, &bytes), PZ_OK);
    for (size_t bit = 0; bit < bytes.len * 8; bit++) {
        pz_error err = PZ_ERROR_INIT;
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
        const pz_status status = pz__record_decode(&read, NULL, bytes.data, bytes.len, &err);
        assert_true(status == PZ_ERR_CORRUPT || status == PZ_ERR_VERSION);
        assert_null(read);
        assert_int_not_equal(err.message[0], '\0');
        bytes.data[bit / 8] ^= (char)(1 << bit % 8);
    }
    for (size_t len = 0; len < bytes.len; len++)
        assert_int_equal(pz__record_decode(&read, NULL, bytes.data, len, NULL), PZ_ERR_CORRUPT);
    pz__profile_free(profile);
    pz__buf_clear(&bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_reads_back_as_it_was),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_noticed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
