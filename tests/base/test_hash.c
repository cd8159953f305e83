/*
 * test_hash.c: both hashes against published and independently computed values.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "support/gen.h"
#include "table.h"

/* From the reference implementation of the authors: key 00 01 .. 0f, input 00 01 .. of each length.
 */
static void siphash_gives_the_published_vectors(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t hash;
    } vectors[] = {
        {0, UINT64_C(0x726fdb47dd0e0e31)},  {1, UINT64_C(0x74f839c593dc67fd)},
        {7, UINT64_C(0xab0200f58b01d137)},  {8, UINT64_C(0x93f5f5799a932462)},
        {15, UINT64_C(0xa129ca6149be45e5)}, {63, UINT64_C(0x958a324ceb064572)},
    };
    const pz__key128 key = {UINT64_C(0x0706050403020100), UINT64_C(0x0f0e0d0c0b0a0908)};
    uint8_t input[64];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
        assert_true(pz__siphash(key, input, vectors[i].len) == vectors[i].hash);
}

static void siphash_depends_on_both_halves_of_the_key(void **state)
{
    (void)state;
    const pz__key128 key = pz__fixed_key;
    uint64_t hash = pz__siphash(key, "a", 1);
    assert_true(hash != pz__siphash((pz__key128){key.k0 ^ 1, key.k1}, "a", 1));
    assert_true(hash != pz__siphash((pz__key128){key.k0, key.k1 ^ 1}, "a", 1));
    assert_true(hash != pz__siphash(key, "a", 0));
    assert_true(pz__siphash(key, NULL, 0) == pz__siphash(key, "", 0));
}

/* From a reading of checksum.c in another language: octets 0, 1, 2 and so on. */
static void checksum_gives_the_reference_sums(void **state)
{
    (void)state;
    static const struct {
        size_t len;
        uint64_t sum;
    } sums[] = {
        {0, UINT64_C(0xf67210c9cb52dbc1)},   {1, UINT64_C(0x512a8d0ef08c5436)},
        {15, UINT64_C(0xc785cb3968f39123)},  {16, UINT64_C(0xd9f19bed6db6fc58)},
        {17, UINT64_C(0x4bc0fda2d9b4c50f)},  {63, UINT64_C(0x3a9d0a99eb9bc054)},
        {64, UINT64_C(0x87dd8f03da16f232)},  {65, UINT64_C(0xb25dba1b1bb8ea72)},
        {128, UINT64_C(0x753687061fb266d6)}, {200, UINT64_C(0xaddab0109b161522)},
    };
    uint8_t input[200];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = (uint8_t)i;
    for (size_t i = 0; i < sizeof sums / sizeof sums[0]; i++)
        assert_true(pz__checksum(input, sums[i].len) == sums[i].sum);
    assert_true(pz__checksum(NULL, 0) == sums[0].sum);
}

static void checksum_notices_every_flip_and_every_cut(void **state)
{
    (void)state;
    uint8_t input[300] = {0};
    for (size_t len = 0; len <= sizeof input; len += len < 100 ? 1 : 50) {
        const uint64_t sum = pz__checksum(input, len);
        for (size_t bit = 0; bit < 8 * len; bit++) {
            input[bit / 8] ^= (uint8_t)(1 << bit % 8);
            assert_true(pz__checksum(input, len) != sum);
            input[bit / 8] ^= (uint8_t)(1 << bit % 8);
        }
        for (size_t less = 0; less < len; less++)
            assert_true(pz__checksum(input, less) != sum);
    }
}

static uint8_t input_byte(size_t i)
{
    return (uint8_t)(7 * i + 3);
}

static void blake2s_gives_the_reference_digests(void **state)
{
    (void)state;
    static uint8_t input[65537];
    for (size_t i = 0; i < sizeof input; i++)
        input[i] = input_byte(i);
    uint8_t key[32];
    for (size_t i = 0; i < sizeof key; i++)
        key[i] = (uint8_t)(i + 1);
    table t;
    table_open(&t, "hashes");
    while (table_next(&t)) {
        size_t len = (size_t)table_number(&t, 0), key_len = (size_t)table_number(&t, 1);
        pz__blake2s hash;
        pz__blake2s_init(&hash, key, key_len);
        pz__blake2s_put(&hash, input, len);
        char hex[33];
        pz__digest_hex(pz__blake2s_end(&hash), hex);
        assert_string_equal(hex, t.fields[2]);
        if (key_len == 0) {
            pz__digest_hex(pz__content_hash(input, len), hex);
            assert_string_equal(hex, t.fields[2]);
        }
    }
    assert_int_equal(t.number, 324);
}

static void blake2s_does_not_see_how_input_is_cut(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(500))
    {
        uint8_t input[400];
        size_t len = gen_below(&g, sizeof input + 1), at = 0;
        gen_bytes(&g, input, len);
        pz__blake2s hash;
        pz__blake2s_init(&hash, NULL, 0);
        while (at < len) {
            size_t step = 1 + gen_below(&g, len - at);
            pz__blake2s_put(&hash, input + at, step);
            pz__blake2s_put(&hash, NULL, 0);
            at += step;
        }
        pz__digest cut = pz__blake2s_end(&hash), whole = pz__content_hash(input, len);
        assert_memory_equal(cut.bytes, whole.bytes, sizeof cut.bytes);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(siphash_gives_the_published_vectors),
        cmocka_unit_test(siphash_depends_on_both_halves_of_the_key),
        cmocka_unit_test(checksum_gives_the_reference_sums),
        cmocka_unit_test(checksum_notices_every_flip_and_every_cut),
        cmocka_unit_test(blake2s_gives_the_reference_digests),
        cmocka_unit_test(blake2s_does_not_see_how_input_is_cut),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
