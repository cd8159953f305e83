/*
 * test_deflate.c: what is deflated comes back, damage is found, limits hold.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "base/deflate.h"
#include "support/gen.h"
#include "support/oom.h"

/* Two members of a gzip file: "hello " and "world\n". */
static const uint8_t two_members[] = {
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0xcb, 0x48, 0xcd,
    0xc9, 0xc9, 0x57, 0x00, 0x00, 0xf6, 0xf9, 0x81, 0xed, 0x06, 0x00, 0x00, 0x00,
    0x1f, 0x8b, 0x08, 0x00, 0x00, 0x00, 0x00, 0x00, 0x02, 0x03, 0x2b, 0xcf, 0x2f,
    0xca, 0x49, 0xe1, 0x02, 0x00, 0xa8, 0x61, 0x38, 0xdd, 0x06, 0x00, 0x00, 0x00,
};

static void fill(gen *g, char *data, size_t len)
{
    unsigned letters = 1 + (unsigned)gen_below(g, 256);
    for (size_t i = 0; i < len; i++)
        data[i] = (char)gen_below(g, letters);
}

static void bytes_come_back_at_every_level(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(200, 5000))
    {
        static char data[150000];
        size_t len = gen_len(&g, sizeof data);
        fill(&g, data, len);
        pz__buf packed, back;
        pz__buf_init(&packed, NULL, 2 * sizeof data);
        pz__buf_init(&back, NULL, len);
        assert_int_equal(pz__deflate(&packed, data, len, (int)gen_range(&g, 1, 9)), PZ_OK);
        assert_int_equal(pz__inflate(&back, packed.data, packed.len), PZ_OK);
        assert_int_equal(back.len, len);
        assert_true(len == 0 || memcmp(back.data, data, len) == 0);
        pz__buf_clear(&packed);
        pz__buf_clear(&back);
    }
}

static void results_fit_their_limit_exactly_or_not_at_all(void **state)
{
    (void)state;
    char data[5000];
    gen g = gen_from(5);
    fill(&g, data, sizeof data);
    pz__buf packed, tight, back;
    pz__buf_init(&packed, NULL, 10000);
    pz__buf_text(&packed, "kept");
    assert_int_equal(pz__deflate(&packed, data, sizeof data, 6), PZ_OK);
    size_t len = packed.len - 4;

    for (size_t limit = 0; limit <= len; limit++) {
        pz__buf_init(&tight, NULL, limit);
        assert_int_equal(pz__deflate(&tight, data, sizeof data, 6),
                         limit < len ? PZ_ERR_LIMIT : PZ_OK);
        assert_int_equal(tight.len, limit < len ? 0 : len);
        pz__buf_clear(&tight);
    }
    for (size_t limit = sizeof data - 1; limit <= sizeof data; limit++) {
        pz__buf_init(&back, NULL, limit);
        assert_int_equal(pz__inflate(&back, packed.data + 4, len),
                         limit < sizeof data ? PZ_ERR_LIMIT : PZ_OK);
        assert_int_equal(back.len, limit < sizeof data ? 0 : limit);
        assert_int_equal(back.status, limit < sizeof data ? PZ_ERR_LIMIT : PZ_OK);
        pz__buf_clear(&back);
    }
    assert_memory_equal(packed.data, "kept", 4);
    pz__buf_clear(&packed);
}

static void every_cut_and_every_flipped_bit_is_found(void **state)
{
    (void)state;
    static const char text[] = "the same again, the same again, the same again";
    pz__buf packed, back;
    pz__buf_init(&packed, NULL, 1000);
    pz__buf_init(&back, NULL, 1000);
    assert_int_equal(pz__deflate(&packed, text, sizeof text, 9), PZ_OK);
    for (size_t len = 0; len < packed.len; len++)
        assert_int_equal(pz__inflate(&back, packed.data, len), PZ_ERR_CORRUPT);
    for (size_t bit = 16; bit < packed.len * 8; bit++) {
        packed.data[bit / 8] ^= (char)(1 << bit % 8);
        pz_status status = pz__inflate(&back, packed.data, packed.len);
        assert_true(status == PZ_ERR_CORRUPT || status == PZ_ERR_LIMIT ||
                    (status == PZ_OK && memcmp(back.data, text, sizeof text) == 0));
        packed.data[bit / 8] ^= (char)(1 << bit % 8);
        pz__buf_reset(&back);
    }
    pz__buf_byte(&packed, 0);
    assert_int_equal(pz__inflate(&back, packed.data, packed.len), PZ_ERR_CORRUPT);
    assert_int_equal(back.len, 0);
    assert_int_equal(back.status, PZ_OK);
    pz__buf_clear(&packed);
    pz__buf_clear(&back);
}

static void members_of_a_gzip_file_are_joined(void **state)
{
    (void)state;
    pz__buf back;
    pz__buf_init(&back, NULL, 12);
    assert_int_equal(pz__inflate(&back, two_members, sizeof two_members), PZ_OK);
    assert_int_equal(back.len, 12);
    assert_memory_equal(back.data, "hello world\n", 12);
    pz__buf_reset(&back);
    assert_int_equal(pz__inflate(&back, two_members, sizeof two_members - 1), PZ_ERR_CORRUPT);
    assert_int_equal(back.len, 0);
    pz__buf_clear(&back);
}

static void pieces_of_any_size_give_the_whole(void **state)
{
    (void)state;
    for (size_t in_step = 1; in_step < 20; in_step++)
        for (size_t room = 1; room < 20; room++) {
            pz__inflater *inflater;
            char text[64];
            size_t len = 0, at = 0, written, in_len = 0;
            bool done = false;
            const uint8_t *in = two_members;
            assert_int_equal(pz__inflater_new(&inflater, NULL), PZ_OK);
            for (int step = 0; step < 200 && !(done && at == sizeof two_members); step++) {
                size_t more = sizeof two_members - at < in_step ? sizeof two_members - at : in_step;
                if (in_len == 0) {
                    in_len = more;
                    at += more;
                }
                assert_int_equal(
                    pz__inflater_step(inflater, &in, &in_len, text + len, room, &written, &done),
                    PZ_OK);
                len += written;
            }
            assert_true(done);
            assert_int_equal(len, 12);
            assert_memory_equal(text, "hello world\n", 12);
            pz__inflater_free(inflater);
        }
}

static void damage_stops_the_inflater_for_good(void **state)
{
    (void)state;
    pz__inflater *inflater;
    assert_int_equal(pz__inflater_new(&inflater, NULL), PZ_OK);
    const uint8_t bad[] = {0x12, 0x34, 0x56};
    for (int i = 0; i < 2; i++) {
        const uint8_t *in = bad;
        size_t in_len = sizeof bad, written;
        char out[8];
        bool done;
        assert_int_equal(
            pz__inflater_step(inflater, &in, &in_len, out, sizeof out, &written, &done),
            PZ_ERR_CORRUPT);
        assert_int_equal(written, 0);
        assert_false(done);
    }
    pz__inflater_free(inflater);
    pz__inflater_free(NULL);
}

static pz_status round_trip(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    static char data[100000];
    pz__buf packed, back;
    pz__buf_init(&packed, alloc, sizeof data);
    pz__buf_init(&back, alloc, sizeof data);
    pz_status status = pz__deflate(&packed, data, sizeof data, 6);
    if (status == PZ_OK)
        status = pz__inflate(&back, packed.data, packed.len);
    assert_int_equal(back.len, status == PZ_OK ? sizeof data : 0);
    pz__buf_clear(&packed);
    pz__buf_clear(&back);
    return status;
}

static pz_status step_once(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__inflater *inflater;
    pz_status status = pz__inflater_new(&inflater, alloc);
    if (status != PZ_OK)
        return status;
    const uint8_t *in = two_members;
    size_t in_len = sizeof two_members, written;
    char out[64];
    bool done;
    status = pz__inflater_step(inflater, &in, &in_len, out, 5, &written, &done);
    pz__inflater_free(inflater);
    return status;
}

/* A sink that keeps everything in a buffer, and fails from its nth call on. */
typedef struct kept {
    pz__buf buf;
    size_t calls, fail_at; /* fail_at 0: never */
} kept;

static pz_status keep(void *payload, const void *data, size_t len)
{
    kept *k = payload;
    assert_true(len > 0);
    if (++k->calls == k->fail_at)
        return PZ_ERR_IO;
    pz__buf_put(&k->buf, data, len);
    return k->buf.status;
}

#define RECORDS_MAX 400000u

/* Write [data, data + len) in pieces of 0 to `step` bytes. */
static pz_status write_pieces(pz__gzip *gzip, gen *g, const char *data, size_t len, size_t step)
{
    pz_status status = PZ_OK;
    for (size_t at = 0; at < len && status == PZ_OK;) {
        size_t piece = gen_below(g, step + 1);
        piece = piece < len - at ? piece : len - at;
        status = pz__gzip_write(gzip, data + at, piece);
        at += piece;
    }
    return status;
}

static void records_written_one_by_one_come_back_as_one_text(void **state)
{
    (void)state;
    static char data[RECORDS_MAX];
    GEN_CASES(g, gen_cases_full(40, 1000))
    {
        const size_t len = gen_len(&g, sizeof data);
        fill(&g, data, len);
        pz__gzip *gzip;
        kept packed = {.calls = 0};
        pz__buf back;
        pz__buf_init(&packed.buf, NULL, 2 * sizeof data);
        pz__buf_init(&back, NULL, len);
        assert_int_equal(pz__gzip_new(&gzip, NULL, (int)gen_range(&g, 1, 9), keep, &packed), PZ_OK);
        assert_int_equal(write_pieces(gzip, &g, data, len, gen_len(&g, 200000) + 1), PZ_OK);
        assert_int_equal(pz__gzip_end(gzip), PZ_OK);
        pz__gzip_free(gzip);
        assert_memory_equal(packed.buf.data, "\x1f\x8b\x08\0\0\0\0\0", 8); /* no name, no time */
        assert_int_equal(pz__inflate(&back, packed.buf.data, packed.buf.len), PZ_OK);
        assert_int_equal(back.len, len);
        assert_true(len == 0 || memcmp(back.data, data, len) == 0);
        /* One member, whole: anything less is damage. */
        pz__buf_reset(&back);
        assert_int_equal(pz__inflate(&back, packed.buf.data, packed.buf.len - 1), PZ_ERR_CORRUPT);
        pz__buf_clear(&packed.buf);
        pz__buf_clear(&back);
    }
}

static void one_stream_is_shorter_than_a_stream_for_each_record(void **state)
{
    (void)state;
    static const char record[] = "{\"language\":\"de\",\"currency\":\"EUR\",\"size\":\"M\"}\n";
    kept whole = {.calls = 0}, single = {.calls = 0};
    pz__gzip *gzip;
    pz__buf_init(&whole.buf, NULL, 100000);
    pz__buf_init(&single.buf, NULL, 100000);
    assert_int_equal(pz__gzip_new(&gzip, NULL, 6, keep, &whole), PZ_OK);
    for (int i = 0; i < 100; i++) {
        pz__gzip *alone;
        assert_int_equal(pz__gzip_write(gzip, record, sizeof record - 1), PZ_OK);
        assert_int_equal(pz__gzip_new(&alone, NULL, 6, keep, &single), PZ_OK);
        assert_int_equal(pz__gzip_write(alone, record, sizeof record - 1), PZ_OK);
        assert_int_equal(pz__gzip_end(alone), PZ_OK);
        pz__gzip_free(alone);
    }
    assert_int_equal(whole.calls, 0); /* nothing is flushed between records */
    assert_int_equal(pz__gzip_end(gzip), PZ_OK);
    pz__gzip_free(gzip);
    assert_true(whole.buf.len * 20 < single.buf.len);
    pz__buf_clear(&whole.buf);
    pz__buf_clear(&single.buf);
}

static void a_failing_sink_is_told_and_not_called_again(void **state)
{
    (void)state;
    static char data[RECORDS_MAX]; /* of letters that cannot be packed: several calls of the sink */
    gen g = gen_from(11);
    for (size_t i = 0; i < sizeof data; i++)
        data[i] = (char)gen_below(&g, 256);
    size_t fail_at = 0, calls = 0;
    do {
        pz__gzip *gzip;
        kept k = {.fail_at = ++fail_at};
        pz__buf_init(&k.buf, NULL, 2 * sizeof data);
        assert_int_equal(pz__gzip_new(&gzip, NULL, 1, keep, &k), PZ_OK);
        pz_status status = write_pieces(gzip, &g, data, sizeof data, 30000);
        if (status == PZ_OK)
            status = pz__gzip_end(gzip);
        calls = k.calls;
        const bool has_failed = calls >= fail_at;
        assert_int_equal(status, has_failed ? PZ_ERR_IO : PZ_OK);
        assert_int_equal(calls, has_failed ? fail_at : fail_at - 1);
        /* Whether it failed or ended, that was all. */
        assert_int_equal(pz__gzip_write(gzip, data, 1), has_failed ? PZ_ERR_IO : PZ_ERR_STATE);
        assert_int_equal(pz__gzip_end(gzip), has_failed ? PZ_ERR_IO : PZ_ERR_STATE);
        assert_int_equal(k.calls, calls);
        pz__gzip_free(gzip);
        pz__buf_clear(&k.buf);
    } while (calls >= fail_at);
    assert_true(fail_at > 5);
}

static void levels_out_of_range_are_refused(void **state)
{
    (void)state;
    pz__buf out;
    pz__buf_init(&out, NULL, 100);
    assert_int_equal(pz__deflate(&out, "x", 1, 0), PZ_ERR_ARG);
    assert_int_equal(pz__deflate(&out, "x", 1, 10), PZ_ERR_ARG);
    assert_int_equal(out.status, PZ_OK);
    out.status = PZ_ERR_NOMEM;
    assert_int_equal(pz__deflate(&out, "x", 1, 6), PZ_ERR_NOMEM);
    assert_int_equal(pz__inflate(&out, two_members, sizeof two_members), PZ_ERR_NOMEM);
    pz__buf_clear(&out);
    pz__gzip *gzip = NULL;
    assert_int_equal(pz__gzip_new(&gzip, NULL, 0, keep, NULL), PZ_ERR_ARG);
    assert_int_equal(pz__gzip_new(&gzip, NULL, 10, keep, NULL), PZ_ERR_ARG);
    assert_int_equal(pz__gzip_new(&gzip, NULL, 6, NULL, NULL), PZ_ERR_ARG);
    assert_null(gzip);
    pz__gzip_free(gzip);
}

static pz_status gzip_records(const pz_alloc *alloc, void *payload)
{
    static const char zeros[100000];
    const int *level = payload;
    pz__gzip *gzip;
    kept k = {.calls = 0};
    pz_status status = pz__gzip_new(&gzip, alloc, *level, keep, &k);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&k.buf, alloc, sizeof zeros);
    for (int i = 0; i < 3 && status == PZ_OK; i++)
        status = pz__gzip_write(gzip, zeros, sizeof zeros);
    if (status == PZ_OK)
        status = pz__gzip_end(gzip);
    pz__buf_clear(&k.buf);
    pz__gzip_free(gzip);
    return status;
}

static void exhaustion_leaks_nothing(void **state)
{
    (void)state;
    oom_run(round_trip, NULL);
    oom_run(step_once, NULL);
    for (int level = 1; level <= 9; level += 4)
        assert_true(oom_run(gzip_records, &level) >= 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_come_back_at_every_level),
        cmocka_unit_test(results_fit_their_limit_exactly_or_not_at_all),
        cmocka_unit_test(every_cut_and_every_flipped_bit_is_found),
        cmocka_unit_test(members_of_a_gzip_file_are_joined),
        cmocka_unit_test(pieces_of_any_size_give_the_whole),
        cmocka_unit_test(damage_stops_the_inflater_for_good),
        cmocka_unit_test(records_written_one_by_one_come_back_as_one_text),
        cmocka_unit_test(one_stream_is_shorter_than_a_stream_for_each_record),
        cmocka_unit_test(a_failing_sink_is_told_and_not_called_again),
        cmocka_unit_test(levels_out_of_range_are_refused),
        cmocka_unit_test(exhaustion_leaks_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
