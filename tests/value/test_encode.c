/* test_encode.c: canonical bytes: one spelling, and nothing else is read. */
#include "cmocka_all.h"

#include <string.h>

#include "random_value.h"
#include "support/oom.h"

static void decode_undoes_encode_and_skip_agrees(void **state)
{
    (void)state;
    pz_pool *pool;
    pz__buf bytes, again;
    pz__buf_init(&bytes, NULL, SIZE_MAX);
    pz__buf_init(&again, NULL, SIZE_MAX);
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    GEN_CASES(g, gen_cases_full(3000, 200000))
    {
        pz_value back, v = random_value(&g, pool, 3, false);
        pz__buf_reset(&bytes);
        pz__buf_reset(&again);
        pz__value_encode(&bytes, v);
        pz__cursor in, skipped;
        pz__cursor_init(&in, bytes.data, bytes.len);
        skipped = in;
        assert_int_equal(pz__value_decode(pz__pool_arena(pool), &in, &back), PZ_OK);
        assert_int_equal(pz__cursor_left(&in), 0);
        pz__value_skip(&skipped);
        assert_false(skipped.bad);
        assert_int_equal(pz__cursor_left(&skipped), 0);
        assert_int_equal(pz_value_compare(v, back), 0);
        pz__value_encode(&again, back);
        assert_int_equal(again.len, bytes.len);
        assert_memory_equal(again.data, bytes.data, bytes.len);
        /* Every proper prefix is damage. */
        pz__cursor_init(&in, bytes.data, gen_below(&g, bytes.len));
        skipped = in;
        assert_int_equal(pz__value_decode(pz__pool_arena(pool), &in, &back), PZ_ERR_CORRUPT);
        assert_true(in.bad);
        pz__value_skip(&skipped);
        assert_true(skipped.bad);
        pz_pool_reset(pool);
    }
    pz__buf_clear(&bytes);
    pz__buf_clear(&again);
    pz_pool_free(pool);
}

static pz_status decode(const char *bytes, size_t len)
{
    pz__arena arena;
    pz__cursor in;
    pz_value v;
    pz__arena_init(&arena, NULL, 0);
    pz__cursor_init(&in, bytes, len);
    pz_status status = pz__value_decode(&arena, &in, &v);
    assert_int_equal(in.bad, status == PZ_ERR_CORRUPT);
    pz__arena_clear(&arena);
    return status;
}

#define DECODE(literal) decode(literal, sizeof(literal) - 1)

static void only_the_canonical_spelling_is_read(void **state)
{
    (void)state;
    assert_int_equal(DECODE("\x0a\x02\x02\x02\x00\x05\x01z\x00"), PZ_OK);
    assert_int_equal(DECODE("\x01\x02"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x02\x80\x00"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x0b"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x04\x7f\xf8\x00\x00\x00\x00\x00\x00"), PZ_OK);
    assert_int_equal(DECODE("\x04\xff\xf8\x00\x00\x00\x00\x00\x00"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x05\x01\xff"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x06\x01\xff"), PZ_OK);
    assert_int_equal(DECODE("\x07\x00\xff\x93\xeb\xdc\x03"), PZ_OK);
    assert_int_equal(DECODE("\x07\x00\x80\x94\xeb\xdc\x03"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x0a\x02\x05\x01z\x00\x05\x01y\x00"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x0a\x02\x05\x01z\x00\x05\x01z\x00"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x0a\x02\x02\x02\x00\x03\x01\x00"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x0a\x01\x09\x00\x00"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE("\x09\xff\xff\xff\xff\x0f"), PZ_ERR_CORRUPT);
    assert_int_equal(DECODE(""), PZ_ERR_CORRUPT);
}

static void nesting_is_read_to_its_limit_and_no_deeper(void **state)
{
    (void)state;
    char bytes[2 * PZ_JSON_DEPTH_MAX + 3];
    for (size_t depth = PZ_JSON_DEPTH_MAX; depth <= PZ_JSON_DEPTH_MAX + 1; depth++) {
        for (size_t i = 0; i < depth; i++)
            memcpy(bytes + 2 * i, "\x09\x01", 2);
        bytes[2 * depth] = 0;
        pz_status expected = depth == PZ_JSON_DEPTH_MAX ? PZ_OK : PZ_ERR_CORRUPT;
        assert_int_equal(decode(bytes, 2 * depth + 1), expected);
        pz__cursor in;
        pz__cursor_init(&in, bytes, 2 * depth + 1);
        pz__value_skip(&in);
        assert_int_equal(in.bad, expected != PZ_OK);
    }
}

static void encoding_says_when_it_ran_out(void **state)
{
    (void)state;
    pz__buf small;
    pz__buf_init(&small, NULL, 4);
    pz__value_encode(&small, pz_value_str("long"));
    assert_int_equal(small.status, PZ_ERR_LIMIT);
    pz__buf_clear(&small);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(decode_undoes_encode_and_skip_agrees),
        cmocka_unit_test(only_the_canonical_spelling_is_read),
        cmocka_unit_test(nesting_is_read_to_its_limit_and_no_deeper),
        cmocka_unit_test(encoding_says_when_it_ran_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
