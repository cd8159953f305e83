/*
 * test_codec.c: one spelling per profile: whatever is accepted encodes to the same bytes again, and
 * damaged bytes are refused without harm.
 */
#include "profile/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Octets before the body's length in a profile of one writer "w" and subject "ann". */
#define HEAD_LEN 12

/* Accepted bytes must come back as they were. True if accepted. */
static bool decodes_to_itself(const void *bytes, size_t len)
{
    pz__profile *p = NULL;
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz__profile_decode(&p, NULL, bytes, len, &err);
    if (status != PZ_OK) {
        assert_null(p);
        assert_true(status == PZ_ERR_CORRUPT || status == PZ_ERR_VERSION || status == PZ_ERR_LIMIT);
        assert_int_equal(err.status, status);
        return false;
    }
    /* A changed segment is encoded from its content, not copied: make it so by a write. */
    pz__buf again = kit_bytes(p);
    assert_int_equal(again.len, len);
    assert_memory_equal(again.data, bytes, len);
    pz__buf_clear(&again);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    pz__profile_free(p);
    return true;
}

static void what_is_written_reads_back(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        pz__profile *p = kit_new(NULL);
        for (uint64_t i = gen_below(&g, 12); i > 0; i--)
            kit_random_write(&g, p, gen_bool(&g) ? "a" : "bb");
        kit_check(p);
        /* Written to after decoding, both ways give the same bytes. */
        pz__profile *q = kit_copy(p);
        gen h = g;
        kit_random_write(&g, p, "a");
        kit_random_write(&h, q, "a");
        kit_assert_same(p, q);
        pz__profile_free(p);
        pz__profile_free(q);
    }
}

static void damaged_bytes_are_refused_or_canonical(void **state)
{
    (void)state;
    size_t accepted = 0, tried = 0;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        pz__profile *p = kit_new(NULL);
        for (int i = 0; i < 6; i++)
            kit_random_write(&g, p, gen_bool(&g) ? "a" : "bb");
        pz__buf bytes = kit_bytes(p);
        for (int i = 0; i < 8; i++, tried++) {
            size_t at = (size_t)gen_below(&g, bytes.len);
            char old = bytes.data[at];
            bytes.data[at] = (char)(gen_bool(&g) ? old + 1 : (int)gen_below(&g, 256));
            accepted += decodes_to_itself(bytes.data, bytes.len);
            bytes.data[at] = old;
            assert_false(decodes_to_itself(bytes.data, (size_t)gen_below(&g, bytes.len)));
        }
        pz__buf_clear(&bytes);
        pz__profile_free(p);
    }
    if (tried > 1000) /* the test means something only if both happen */
        assert_in_range(accepted, tried / 50, tried - tried / 50);
}

/* A confidence that is no number of 65536ths stands as its bits, all others do not. */
static void a_confidence_has_one_spelling(void **state)
{
    (void)state;
    static const struct {
        uint64_t bits;
        bool is_good;
    } spelled[] = {
        {UINT64_C(0x3feccccccccccccd), true},  /* 0.9 */
        {UINT64_C(0x3fefffffffffffff), true},  /* below 1 */
        {UINT64_C(0x0000000000000001), true},  /* above 0 */
        {UINT64_C(0x3fe8000000000000), false}, /* 0.75 */
        {UINT64_C(0x3ff0000000000000), false}, /* 1 */
        {UINT64_C(0x3ff0000000000001), false}, /* above 1 */
        {UINT64_C(0x0000000000000000), false}, {UINT64_C(0x8000000000000000), false},
        {UINT64_C(0xbfeccccccccccccd), false}, {UINT64_C(0x7ff0000000000000), false},
        {UINT64_C(0x7ff8000000000000), false}, {UINT64_C(0xfff0000000000000), false},
    };
    static const char stated[8] = "\x3f\xec\xcc\xcc\xcc\xcc\xcc\xcd"; /* 0.9 */
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("w", KIT_NOW);
    const pz__claim claim = {.attribute = PZ__STR("x"),
                             .slot = PZ__SLOT_INFERRED,
                             .value = pz_value_int(1),
                             .confidence = 0.9};
    assert_int_equal(pz__profile_put(p, &write, &claim, NULL), PZ_OK);
    pz__buf bytes = kit_bytes(p);
    char *at = NULL;
    for (size_t i = 0; i + sizeof stated <= bytes.len; i++)
        if (memcmp(bytes.data + i, stated, sizeof stated) == 0)
            at = bytes.data + i;
    assert_non_null(at);
    assert_memory_equal(at - 3, "\x81\x80\x04", 3); /* 65537 */
    for (size_t i = 0; i < sizeof spelled / sizeof spelled[0]; i++) {
        for (unsigned b = 0; b < 8; b++)
            at[b] = (char)(spelled[i].bits >> (56 - 8 * b));
        assert_int_equal(decodes_to_itself(bytes.data, bytes.len), spelled[i].is_good);
    }
    at[-3] = '\x82'; /* 65538 */
    assert_false(decodes_to_itself(bytes.data, bytes.len));
    pz__buf_clear(&bytes);
    pz__profile_free(p);
}

static void bytes_behind_the_end_are_refused(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL), *q;
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW);
    pz__buf bytes = kit_bytes(p);
    pz__buf_byte(&bytes, 0);
    assert_int_equal(pz__profile_decode(&q, NULL, bytes.data, bytes.len, NULL), PZ_ERR_CORRUPT);
    assert_int_equal(pz__profile_decode(&q, NULL, NULL, 0, NULL), PZ_ERR_CORRUPT);
    pz__buf_clear(&bytes);
    pz__profile_free(p);
}

/* "PZp", version 1, person, "ann", one segment "w" with `len` bytes of body. */
static pz__buf hand_made(const void *body, size_t len)
{
    pz__buf b;
    pz__buf_init(&b, NULL, PZ__PROFILE_BYTES_MAX * 2);
    pz__buf_put(&b,
                "PZp\x01\x00\x03"
                "ann\x01\x01w",
                HEAD_LEN);
    pz__buf_varint(&b, len);
    pz__buf_put(&b, body, len);
    return b;
}

static void another_version_is_refused_as_such(void **state)
{
    (void)state;
    pz__buf b = hand_made("\x01\x00\x00", 3);
    pz__profile *p;
    assert_int_equal(pz__profile_decode(&p, NULL, b.data, b.len, NULL), PZ_OK);
    pz__profile_free(p);
    b.data[3] = 2;
    assert_int_equal(pz__profile_decode(&p, NULL, b.data, b.len, NULL), PZ_ERR_VERSION);
    b.data[3] = 0;
    assert_int_equal(pz__profile_decode(&p, NULL, b.data, b.len, NULL), PZ_ERR_CORRUPT);
    pz__buf_clear(&b);
}

static void unknown_sections_survive(void **state)
{
    (void)state;
    /* sequence 9, dropped 0, two sections: 77 with "future" and 99, which is empty */
    static const char body[] = "\x09\x00\x02\x4d\x06\x63\x00"
                               "future";
    pz__buf b = hand_made(body, sizeof body - 1);
    pz__profile *p, *q = kit_new(NULL);
    assert_int_equal(pz__profile_decode(&p, NULL, b.data, b.len, NULL), PZ_OK);
    assert_int_equal(pz__profile_join(q, p, NULL), PZ_OK);
    kit_assert_same(p, q);
    /* They stay when their own writer, an older program, writes. */
    assert_int_equal(kit_put(q, "w", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW), PZ_OK);
    kit_check(q);
    pz__buf after = kit_bytes(q);
    assert_non_null(memmem(after.data, after.len, body + 3, 4));
    assert_memory_equal(after.data + after.len - 6, "future", 6);
    assert_int_equal(pz__profile_join(p, q, NULL), PZ_OK);
    kit_assert_same(p, q);
    pz__buf_clear(&after);
    pz__buf_clear(&b);
    pz__profile_free(p);
    pz__profile_free(q);
}

static void a_sequence_that_is_used_up_refuses_writes(void **state)
{
    (void)state;
    static const char last[] = "\xff\xff\xff\xff\xff\xff\xff\xff\x7f\x00\x00";
    static const char beyond[] = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01\x00\x00";
    pz__profile *p;
    pz__buf at = hand_made(last, sizeof last - 1), over = hand_made(beyond, sizeof beyond - 1);
    assert_int_equal(pz__profile_decode(&p, NULL, at.data, at.len, NULL), PZ_OK);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW), PZ_ERR_LIMIT);
    kit_check(p);
    pz__profile_free(p);
    assert_int_equal(pz__profile_decode(&p, NULL, over.data, over.len, NULL), PZ_ERR_CORRUPT);
    pz__buf_clear(&at);
    pz__buf_clear(&over);
}

static void sections_are_limited(void **state)
{
    (void)state;
    char body[3 + 2 * (PZ__SEGMENT_SECTIONS_MAX + 1)] = {1, 0, PZ__SEGMENT_SECTIONS_MAX};
    for (unsigned i = 0; i <= PZ__SEGMENT_SECTIONS_MAX; i++)
        body[3 + 2 * i] = (char)(20 + i);
    pz__profile *p;
    pz__buf at = hand_made(body, sizeof body - 2);
    body[2]++;
    pz__buf over = hand_made(body, sizeof body);
    assert_int_equal(pz__profile_decode(&p, NULL, at.data, at.len, NULL), PZ_OK);
    pz__profile_free(p);
    assert_int_equal(pz__profile_decode(&p, NULL, over.data, over.len, NULL), PZ_ERR_LIMIT);
    pz__buf_clear(&at);
    pz__buf_clear(&over);
}

static void whole_profiles_are_limited(void **state)
{
    (void)state;
    static char body[PZ__PROFILE_BYTES_MAX];
    size_t len = PZ__PROFILE_BYTES_MAX - HEAD_LEN - 4; /* head and a length of four octets */
    pz__buf section;
    pz__buf_init(&section, NULL, 16);
    pz__buf_put(&section, "\x01\x00\x01\x4d", 4);
    pz__buf_varint(&section, len - 4 - 4);
    memcpy(body, section.data, section.len);
    pz__profile *p;
    pz__buf at = hand_made(body, len);
    assert_int_equal(at.len, PZ__PROFILE_BYTES_MAX);
    assert_true(decodes_to_itself(at.data, at.len));
    pz__buf_byte(&at, 0);
    assert_int_equal(pz__profile_decode(&p, NULL, at.data, at.len, NULL), PZ_ERR_LIMIT);
    pz__buf_clear(&at);
    pz__buf_clear(&section);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_reads_back),
        cmocka_unit_test(damaged_bytes_are_refused_or_canonical),
        cmocka_unit_test(a_confidence_has_one_spelling),
        cmocka_unit_test(bytes_behind_the_end_are_refused),
        cmocka_unit_test(another_version_is_refused_as_such),
        cmocka_unit_test(unknown_sections_survive),
        cmocka_unit_test(a_sequence_that_is_used_up_refuses_writes),
        cmocka_unit_test(sections_are_limited),
        cmocka_unit_test(whole_profiles_are_limited),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
