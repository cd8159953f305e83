/* Time zones from bytes: what they say, and that hostile ones are refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "base/zone.h"
#include "support/gen.h"
#include "support/oom.h"

typedef struct file {
    pz__buf bytes;
    pz__arena arena;
    pz__zone zone;
} file;

static void put_counts(pz__buf *out, char version, uint32_t times, uint32_t types)
{
    pz__buf_text(out, "TZif");
    pz__buf_byte(out, (uint8_t)version);
    for (int i = 0; i < 15; i++)
        pz__buf_byte(out, 0);
    pz__buf_be32(out, 0);
    pz__buf_be32(out, 0);
    pz__buf_be32(out, 0);
    pz__buf_be32(out, times);
    pz__buf_be32(out, types);
    pz__buf_be32(out, 4);
}

/* Transitions every thousand seconds from 0, between the offsets 3600 and 7200. */
static void put_block(pz__buf *out, uint32_t times, uint32_t types, bool wide)
{
    for (uint32_t i = 0; i < times; i++) {
        if (wide)
            pz__buf_be64(out, i * 1000);
        else
            pz__buf_be32(out, i * 1000);
    }
    for (uint32_t i = 0; i < times; i++)
        pz__buf_byte(out, (uint8_t)(i % 2));
    for (uint32_t i = 0; i < types; i++) {
        pz__buf_be32(out, 3600 * (i % 2 + 1));
        pz__buf_byte(out, i % 2);
        pz__buf_byte(out, 0);
    }
    pz__buf_put(out, "ABC", 4);
}

static void open_file(file *f, char version, uint32_t times, uint32_t types, const char *rule)
{
    pz__buf_init(&f->bytes, NULL, 1u << 20);
    pz__arena_init(&f->arena, NULL, 0);
    put_counts(&f->bytes, version, version ? 0 : times, version ? 1 : types);
    put_block(&f->bytes, version ? 0 : times, version ? 1 : types, false);
    if (!version)
        return;
    put_counts(&f->bytes, version, times, types);
    put_block(&f->bytes, times, types, true);
    pz__buf_byte(&f->bytes, '\n');
    pz__buf_text(&f->bytes, rule);
    pz__buf_byte(&f->bytes, '\n');
}

static pz_status read_file(file *f)
{
    return pz__zone_read(&f->arena, &f->zone, PZ__STR("Test/Zone"), f->bytes.data, f->bytes.len,
                         NULL);
}

static void close_file(file *f)
{
    pz__buf_clear(&f->bytes);
    pz__arena_clear(&f->arena);
}

static pz_status status_of(char version, uint32_t times, uint32_t types, const char *rule)
{
    file f;
    open_file(&f, version, times, types, rule);
    pz_status status = read_file(&f);
    close_file(&f);
    return status;
}

static void transitions_are_found(void **state)
{
    (void)state;
    static const char versions[] = {0, '2', '3', '4'};
    for (size_t i = 0; i < sizeof versions; i++) {
        file f;
        open_file(&f, versions[i], 3, 2, "");
        assert_int_equal(read_file(&f), PZ_OK);
        assert_int_equal(pz__zone_offset(&f.zone, -1), 3600);
        assert_int_equal(pz__zone_offset(&f.zone, 0), 3600);
        assert_int_equal(pz__zone_offset(&f.zone, 999), 3600);
        assert_int_equal(pz__zone_offset(&f.zone, 1000), 7200);
        assert_int_equal(pz__zone_offset(&f.zone, INT64_C(253402300799)), 3600);
        close_file(&f);
    }
}

/* Offset under a rule with no transitions before it. */
static int32_t ruled(const char *rule, int64_t seconds)
{
    file f;
    open_file(&f, '3', 0, 1, rule);
    assert_int_equal(read_file(&f), PZ_OK);
    int32_t offset = pz__zone_offset(&f.zone, seconds);
    close_file(&f);
    return offset;
}

static void the_rule_holds_later(void **state)
{
    (void)state;
    static const char berlin[] = "CET-1CEST,M3.5.0,M10.5.0/3";
    /* 2060-03-28 and 2060-10-31 are the last Sundays. */
    assert_int_equal(ruled(berlin, INT64_C(2847661199)), 3600);
    assert_int_equal(ruled(berlin, INT64_C(2847661200)), 7200);
    assert_int_equal(ruled(berlin, INT64_C(2866409999)), 7200);
    assert_int_equal(ruled(berlin, INT64_C(2866410000)), 3600);
    /* The south: summer over the new year. 2030-01-01 and 2030-07-01. */
    static const char sydney[] = "AEST-10AEDT,M10.1.0,M4.1.0/3";
    assert_int_equal(ruled(sydney, 1893456000), 39600);
    assert_int_equal(ruled(sydney, 1909094400), 36000);
    assert_int_equal(ruled("<+0545>-5:45", 1893456000), 20700);
    assert_int_equal(ruled("EST5", 1893456000), -18000);
    /* Julian days: J60 is 1 March in leap years as well, 59 is 29 February in them. */
    assert_int_equal(ruled("AAA0BBB,J60/0,J61/0", 1835481600), 3600); /* 2028-03-01 */
    assert_int_equal(ruled("AAA0BBB,59/0,60/0", 1835395200), 3600);   /* 2028-02-29 */
    assert_int_equal(ruled("AAA0BBB,J60/0,J61/0", 1835395200), 0);
    /* Hours beyond a day, before midnight. */
    assert_int_equal(ruled("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", 1909094400), -3600);
}

static void a_bad_rule_is_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {"CE-1",
                                      "CET",
                                      "CET-25",
                                      "CET-1CEST",
                                      "CET-1CEST,M3.5.0",
                                      "CET-1CEST,M13.5.0,M10.5.0",
                                      "CET-1CEST,M3.6.0,M10.5.0",
                                      "CET-1CEST,M3.5.7,M10.5.0",
                                      "CET-1CEST,J0,J5",
                                      "CET-1CEST,366,5",
                                      "CET-1CEST,M3.5.0/168,M10.5.0",
                                      "CET-1CEST,M3.5.0,M10.5.0x",
                                      "<AB",
                                      "<+03>-3:60",
                                      "CET-0001"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_int_equal(status_of('2', 1, 2, bad[i]), PZ_ERR_CORRUPT);
}

static void limits_hold(void **state)
{
    (void)state;
    char rule[PZ__ZONE_FOOTER_MAX + 2] = "";
    assert_int_equal(status_of('2', PZ__ZONE_TRANSITIONS_MAX, 2, ""), PZ_OK);
    assert_int_equal(status_of('2', PZ__ZONE_TRANSITIONS_MAX + 1, 2, ""), PZ_ERR_LIMIT);
    assert_int_equal(status_of('2', 1, PZ__ZONE_TYPES_MAX, ""), PZ_OK);
    assert_int_equal(status_of('2', 1, PZ__ZONE_TYPES_MAX + 1, ""), PZ_ERR_LIMIT);
    memset(rule, 'A', PZ__ZONE_FOOTER_MAX);
    rule[PZ__ZONE_FOOTER_MAX - 1] = '0';
    assert_int_equal(status_of('2', 1, 2, rule), PZ_OK);
    memset(rule, 'A', PZ__ZONE_FOOTER_MAX);
    rule[PZ__ZONE_FOOTER_MAX] = '0';
    assert_int_equal(status_of('2', 1, 2, rule), PZ_ERR_LIMIT);
    file f;
    open_file(&f, '2', 1, 2, "");
    while (f.bytes.len < PZ__ZONE_BYTES_MAX)
        pz__buf_byte(&f.bytes, 0);
    assert_int_equal(read_file(&f), PZ_OK);
    pz__buf_byte(&f.bytes, 0);
    assert_int_equal(read_file(&f), PZ_ERR_LIMIT);
    close_file(&f);
}

static void every_cut_is_refused(void **state)
{
    (void)state;
    for (int version = 0; version <= '2'; version += '2') {
        file f;
        open_file(&f, (char)version, 5, 2, "EST5");
        const size_t len = f.bytes.len;
        for (f.bytes.len = 0; f.bytes.len < len; f.bytes.len++)
            assert_int_equal(read_file(&f), PZ_ERR_CORRUPT);
        close_file(&f);
    }
}

static void hostile_bytes_are_read_safely(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(5000))
    {
        file f;
        open_file(&f, gen_bool(&g) ? '2' : 0, (uint32_t)gen_below(&g, 9), 2,
                  "CET-1CEST,M3.5.0,M10.5.0/3");
        for (uint64_t i = gen_below(&g, 6); i > 0; i--)
            f.bytes.data[gen_below(&g, f.bytes.len)] = (char)gen_u64(&g);
        if (read_file(&f) == PZ_OK) {
            int32_t offset = pz__zone_offset(&f.zone, gen_range(&g, -62135596800, 253402300799));
            assert_in_range(offset + 100000, 100000 + PZ__ZONE_OFFSET_MIN,
                            100000 + PZ__ZONE_OFFSET_MAX);
        }
        close_file(&f);
    }
}

static void names_cannot_leave_the_folder(void **state)
{
    (void)state;
    static const char *const good[] = {"UTC", "Europe/Berlin", "America/Argentina/Buenos_Aires",
                                       "Etc/GMT+1", "US/Central"};
    static const char *const bad[] = {"",    "/etc/passwd", "../x",    "Europe/../x", "a//b",
                                      "a/",  ".x",          "a\nb",    "a b",         "+01:00x",
                                      "a.b", "Europe/.",    "\xc3\xa9"};
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++)
        assert_true(pz__zone_name_ok(pz_str_of(good[i])));
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pz__zone_name_ok(pz_str_of(bad[i])));
    char name[PZ__ZONE_NAME_MAX + 1];
    memset(name, 'a', sizeof name);
    assert_true(pz__zone_name_ok((pz_str){name, PZ__ZONE_NAME_MAX}));
    assert_false(pz__zone_name_ok((pz_str){name, PZ__ZONE_NAME_MAX + 1}));
}

static void fixed_offsets(void **state)
{
    (void)state;
    int32_t offset;
    assert_true(pz__zone_fixed(PZ__STR("02:00"), &offset) && offset == 7200);
    assert_true(pz__zone_fixed(PZ__STR("-05:45"), &offset) && offset == -20700);
    assert_true(pz__zone_fixed(PZ__STR("+23:59"), &offset) && offset == 86340);
    assert_true(pz__zone_fixed(PZ__STR("UTC"), &offset) && offset == 0);
    static const char *const bad[] = {"24:00",  "1:00",  "+02", "02:60",
                                      "+-2:00", "02:0a", "",    "utc"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        assert_false(pz__zone_fixed(pz_str_of(bad[i]), &offset));
}

static pz_status read_and_keep(const pz_alloc *alloc, void *payload)
{
    file *f = payload;
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    pz__zone_set set = {.arena = &arena};
    pz_status status = PZ_OK;
    static const char *const names[] = {"C", "A", "B", "A"};
    for (size_t i = 0; i < 4 && status == PZ_OK; i++) {
        pz__zone *zone = pz__arena_new(&arena, sizeof *zone);
        status = zone ? pz__zone_read(&arena, zone, pz_str_of(names[i]), f->bytes.data,
                                      f->bytes.len, NULL)
                      : PZ_ERR_NOMEM;
        if (status == PZ_OK)
            status = pz__zone_keep(&set, zone);
    }
    if (status == PZ_OK) {
        assert_int_equal(set.count, 3);
        assert_non_null(pz__zone_find(&set, PZ__STR("B")));
        assert_null(pz__zone_find(&set, PZ__STR("D")));
    }
    pz__arena_clear(&arena);
    return status;
}

static void reading_survives_exhaustion(void **state)
{
    (void)state;
    file f;
    open_file(&f, '2', 1000, 2, "EST5");
    oom_run(read_and_keep, &f);
    close_file(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(transitions_are_found),
        cmocka_unit_test(the_rule_holds_later),
        cmocka_unit_test(a_bad_rule_is_refused),
        cmocka_unit_test(limits_hold),
        cmocka_unit_test(every_cut_is_refused),
        cmocka_unit_test(hostile_bytes_are_read_safely),
        cmocka_unit_test(names_cannot_leave_the_folder),
        cmocka_unit_test(fixed_offsets),
        cmocka_unit_test(reading_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
