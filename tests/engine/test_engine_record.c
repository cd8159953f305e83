/* test_engine_record.c: a damaged stored record is an error, whichever bit was flipped. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "engine/engine.h"
#include "engine/shop.h"

/* Of a store that fetches from afar. */
#define PLAIN_MAX 4096u

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
    assert_int_equal(pz__record_encode(profile, false, PLAIN_MAX, &first), PZ_OK);
    assert_int_equal(pz__record_decode(&read, NULL, first.data, first.len, NULL), PZ_OK);
    assert_int_equal(pz__record_encode(read, false, PLAIN_MAX, &second), PZ_OK);
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
    assert_int_equal(pz__record_encode(profile, false, PLAIN_MAX, &bytes), PZ_OK);
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

/* The record of a profile whose bytes are a little more than `len`. */
static pz__buf record_of(size_t len, size_t *plain)
{
    pz__profile *profile = make_profile();
    pz__buf record, bytes;
    pz__buf_init(&record, NULL, 1 << 20);
    pz__buf_init(&bytes, NULL, 1 << 20);
    for (int i = 0; bytes.len <= len; i++) {
        char name[24];
        snprintf(name, sizeof name, "preference%d", i);
        const pz__write write = {.writer = PZ__STR("w"), .now_ms = SHOP_NOW, .at_ms = SHOP_NOW};
        const pz__claim claim = {.slot = PZ__SLOT_CHOICE,
                                 .attribute = pz_str_of(name),
                                 .value = pz_value_str("as it was said")};
        assert_int_equal(pz__profile_put(profile, &write, &claim, NULL), PZ_OK);
        pz__buf_reset(&bytes);
        assert_int_equal(pz__profile_encode(profile, &bytes), PZ_OK);
    }
    *plain = bytes.len;
    assert_int_equal(pz__record_encode(profile, false, PLAIN_MAX, &record), PZ_OK);
    pz__buf_clear(&bytes);
    pz__profile_free(profile);
    return record;
}

static void long_records_are_deflated_and_short_ones_are_not(void **state)
{
    (void)state;
    size_t plain;
    pz__buf shorter = record_of(3000, &plain);
    assert_int_equal(shorter.data[4], 0);
    assert_int_equal(shorter.len, plain + 13);
    pz__buf longer = record_of(4096, &plain);
    assert_int_equal(longer.data[4], 1);
    assert_in_range(longer.len, 1, plain / 2 + 13);
    pz__profile *read;
    pz__buf again;
    pz__buf_init(&again, NULL, 1 << 20);
    assert_int_equal(pz__record_decode(&read, NULL, longer.data, longer.len, NULL), PZ_OK);
    assert_int_equal(pz__profile_encode(read, &again), PZ_OK);
    assert_int_equal(again.len, plain);
    pz__profile_free(read);
    pz__buf_clear(&again);
    pz__buf_clear(&shorter);
    pz__buf_clear(&longer);
}

/* A record whose checksum holds over a content that somebody made up. */
static pz_status decode_made_up(const void *content, size_t len)
{
    pz__buf record;
    pz__profile *read;
    pz__buf_init(&record, NULL, 1 << 20);
    pz__buf_put(&record, "PZr\x01\x01", 5);
    pz__buf_be64(&record, pz__siphash(pz__fixed_key, content, len));
    pz__buf_put(&record, content, len);
    const pz_status status = pz__record_decode(&read, NULL, record.data, record.len, NULL);
    assert_null(read);
    pz__buf_clear(&record);
    return status;
}

static void a_deflated_record_that_lies_is_refused(void **state)
{
    (void)state;
    size_t plain;
    pz__buf record = record_of(5000, &plain), content;
    pz__buf_init(&content, NULL, 1 << 20);
    pz__buf_varint(&content, plain + 1);
    pz__buf_put(&content, record.data + 15, record.len - 15);
    assert_int_equal(decode_made_up(content.data, content.len), PZ_ERR_CORRUPT);
    pz__buf_reset(&content);
    pz__buf_varint(&content, plain - 1);
    pz__buf_put(&content, record.data + 15, record.len - 15);
    assert_int_equal(decode_made_up(content.data, content.len), PZ_ERR_CORRUPT);
    assert_int_equal(decode_made_up(record.data + 13, record.len - 14), PZ_ERR_CORRUPT);
    assert_int_equal(decode_made_up("\x00", 1), PZ_ERR_CORRUPT);
    assert_int_equal(decode_made_up("\xff\xff\xff\xff\x7f", 5), PZ_ERR_CORRUPT);
    pz__buf_clear(&content);
    pz__buf_clear(&record);
}

/* As it was written before there was a second one. */
static void an_envelope_of_the_first_version_is_read(void **state)
{
    (void)state;
    pz__profile *profile = make_profile(), *read;
    pz__buf bytes, record, again;
    pz__buf_init(&bytes, NULL, 1 << 20);
    pz__buf_init(&record, NULL, 1 << 20);
    pz__buf_init(&again, NULL, 1 << 20);
    assert_int_equal(pz__profile_encode(profile, &bytes), PZ_OK);
    pz__buf_put(&record, "PZr\x01\x00", 5);
    pz__buf_be64(&record, pz__siphash(pz__fixed_key, bytes.data, bytes.len));
    pz__buf_put(&record, bytes.data, bytes.len);
    assert_int_equal(pz__record_decode(&read, NULL, record.data, record.len, NULL), PZ_OK);
    assert_int_equal(pz__profile_encode(read, &again), PZ_OK);
    assert_int_equal(again.len, bytes.len);
    assert_memory_equal(again.data, bytes.data, bytes.len);
    assert_false(pz__record_is_alone(record.data, record.len));
    pz__profile_free(read);
    record.data[4] = 2; /* a mark that the first version does not know */
    assert_int_equal(pz__record_decode(&read, NULL, record.data, record.len, NULL), PZ_ERR_VERSION);
    pz__profile_free(profile);
    pz__buf_clear(&bytes);
    pz__buf_clear(&record);
    pz__buf_clear(&again);
}

static void the_mark_of_being_alone_is_kept_and_taken(void **state)
{
    (void)state;
    pz__profile *profile = make_profile();
    pz__buf alone, linked, taken, room;
    pz__record record;
    pz__buf_init(&alone, NULL, 1 << 20);
    pz__buf_init(&linked, NULL, 1 << 20);
    pz__buf_init(&taken, NULL, 1 << 20);
    pz__buf_init(&room, NULL, 1 << 20);
    assert_int_equal(pz__record_encode(profile, true, PLAIN_MAX, &alone), PZ_OK);
    assert_int_equal(pz__record_encode(profile, false, PLAIN_MAX, &linked), PZ_OK);
    assert_int_equal(pz__record_open(&record, alone.data, alone.len, &room, NULL), PZ_OK);
    assert_true(record.is_alone);
    assert_true(pz__record_is_alone(alone.data, alone.len));
    assert_int_equal(pz__record_open(&record, linked.data, linked.len, &room, NULL), PZ_OK);
    assert_false(record.is_alone);
    assert_false(pz__record_is_alone(linked.data, linked.len));
    pz__record_linked(alone.data, alone.len, &taken);
    assert_int_equal(taken.len, linked.len);
    assert_memory_equal(taken.data, linked.data, linked.len);
    alone.data[4] = 4;
    assert_int_equal(pz__record_open(&record, alone.data, alone.len, &room, NULL), PZ_ERR_VERSION);
    pz__profile_free(profile);
    pz__buf_clear(&alone);
    pz__buf_clear(&linked);
    pz__buf_clear(&taken);
    pz__buf_clear(&room);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(record_reads_back_as_it_was),
        cmocka_unit_test(every_flipped_bit_and_every_cut_is_noticed),
        cmocka_unit_test(long_records_are_deflated_and_short_ones_are_not),
        cmocka_unit_test(a_deflated_record_that_lies_is_refused),
        cmocka_unit_test(an_envelope_of_the_first_version_is_read),
        cmocka_unit_test(the_mark_of_being_alone_is_kept_and_taken),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
