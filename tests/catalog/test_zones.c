/*
 * test_zones.c: time zones in the rules of catalogs: where they come from, that they decide, that
 * the digest covers them, and how mistakes are told.
 */
#include "catalog/documents.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/hash.h"
#include "support/oom.h"

/* ---- a source of zones ---- */

/* A row of the source: a zone of one offset without transitions. */
typedef struct place {
    const char *name;
    int32_t offset;
    bool is_broken; /* the file is no compiled zone */
} place;

typedef struct atlas {
    place places[4];
    uint32_t made_up; /* "Made/Up0", "Made/Up1" ... besides; all at UTC */
    uint32_t reads;
} atlas;

static void put_zone_file(pz__buf *out, int32_t offset)
{
    for (int block = 0; block < 2; block++) {
        static const uint32_t counts[] = {0, 0, 0, 0, 1, 4};
        pz__buf_text(out, "TZif2");
        for (int i = 0; i < 15; i++)
            pz__buf_byte(out, 0);
        for (int i = 0; i < 6; i++)
            pz__buf_be32(out, counts[i]);
        pz__buf_be32(out, (uint32_t)offset);
        pz__buf_put(out, "\0\0ABC", 6);
    }
    pz__buf_text(out, "\n\n");
}

static pz_status read_zone(void *self, pz_str name, pz__buf *out)
{
    atlas *a = self;
    a->reads++;
    for (int i = 0; i < 4; i++) {
        const place *one = &a->places[i];
        if (!one->name || !pz__str_equal(pz_str_of(one->name), name))
            continue;
        if (one->is_broken)
            pz__buf_text(out, "not a zone");
        else
            put_zone_file(out, one->offset);
        return out->status;
    }
    if (name.len < 7 || memcmp(name.data, "Made/Up", 7) != 0)
        return PZ_ERR_NOT_FOUND;
    put_zone_file(out, 0);
    return out->status;
}

static pz_status list_zones(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    const atlas *a = self;
    char name[32];
    for (int i = 3; i >= 0; i--)
        if (a->places[i].name)
            put(payload, pz_str_of(a->places[i].name));
    for (uint32_t i = 0; i < a->made_up; i++) {
        int len = snprintf(name, sizeof name, "Made/Up%u", i);
        put(payload, (pz_str){name, (size_t)len});
    }
    return PZ_OK;
}

#define ATLAS                                                                                      \
    {                                                                                              \
        .places = {                                                                                \
            {"Test/East", 7200, false},                                                            \
            {"Test/West", -18000, false},                                                          \
            {"Test/Notes", 0, true},                                                               \
            {"../escape", 0, false}                                                                \
        }                                                                                          \
    }

static pz_status compile(const pz__catalog **out, const pz_alloc *alloc, const char *text, atlas *a,
                         pz_report *report)
{
    const pz__zone_source source = {a, read_zone, list_zones};
    const pz__surroundings around = {.zones = a ? &source : NULL};
    return pz__catalog_compile_with(out, alloc, PZ__STR("z.json"), pz_str_of(text), &around, report,
                                    NULL);
}

static const pz__catalog *sound(const char *text, atlas *a)
{
    pz_report *report;
    const pz__catalog *catalog;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    if (compile(&catalog, NULL, text, a, report) != PZ_OK)
        fail_msg("%s", pz_report_text(report, false));
    pz_report_free(report);
    return catalog;
}

static pz__digest digest_of(const char *text, atlas *a)
{
    const pz__catalog *catalog = sound(text, a);
    pz__digest digest = catalog->digest;
    pz__catalog_unref(catalog);
    return digest;
}

static bool same(pz__digest a, pz__digest b)
{
    return memcmp(a.bytes, b.bytes, sizeof a.bytes) == 0;
}

#define DECIDE(when)                                                                               \
    "{\"decisions\": {\"d\": {\"rules\": [{\"when\": \"" when "\", \"value\": 1}]}}}"
#define EAST DECIDE("now.getHours('Test/East') == 1")
#define WEST DECIDE("now.getHours('Test/West') == 1")
#define PLAIN DECIDE("now.getHours('+02:00') == 1")
#define ANY DECIDE("now.getHours(string(context.zone)) == 1")

/* ---- deciding ---- */

/* The rule at a moment, with context.zone. */
static pz_value ask(const pz__catalog *catalog, int64_t seconds, const char *zone)
{
    pz_value slots[8];
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    assert_true(catalog->slot_count <= 8);
    for (int i = 0; i < 8; i++)
        slots[i] = pz_value_str(zone);
    slots[0] = pz_value_time_ms(seconds * 1000);
    pz__activation activation = {.slots = slots, .slot_count = 8, .arena = &arena};
    pz_value v = pz__cel_eval(catalog->decisions[0].rules[0].when, &activation);
    pz__arena_clear(&arena);
    return v;
}

static bool holds(const pz__catalog *catalog, int64_t seconds, const char *zone)
{
    pz_value v = ask(catalog, seconds, zone);
    return v.kind == PZ_BOOL && v.as.b;
}

static void a_rule_reads_the_clock_of_its_zone(void **state)
{
    (void)state;
    atlas a = ATLAS;
    const pz__catalog *catalog = sound(EAST, &a);
    /* The source is not asked again: what was compiled stays as it was. */
    a.places[0].offset = 0;
    assert_true(holds(catalog, 23 * 3600, ""));
    assert_false(holds(catalog, 3600, ""));
    pz__catalog_unref(catalog);
}

static void a_zone_is_read_once(void **state)
{
    (void)state;
    atlas a = ATLAS;
    pz__catalog_unref(sound(DECIDE("now.getHours('Test/East') == now.getDate('Test/East')"), &a));
    assert_int_equal(a.reads, 1);
}

static void a_computed_zone_may_be_any(void **state)
{
    (void)state;
    atlas a = ATLAS;
    const pz__catalog *catalog = sound(ANY, &a);
    assert_true(holds(catalog, 23 * 3600, "Test/East"));
    assert_true(holds(catalog, 6 * 3600, "Test/West"));
    assert_true(holds(catalog, 3600, "UTC"));
    assert_int_equal(ask(catalog, 0, "Test/Notes").kind, PZ__V_ERROR);
    assert_int_equal(ask(catalog, 0, "../escape").kind, PZ__V_ERROR);
    pz__catalog_unref(catalog);
}

static void signals_know_zones(void **state)
{
    (void)state;
    atlas a = ATLAS;
    static const char text[] =
        "{\"attributes\": {\"owl\": {\"type\": \"bool\", \"threshold\": 0.75}}, \"signals\": "
        "[{\"on\": \"visit\", \"about\": \"owl\", \"weight\": 1, "
        "\"value\": \"timestamp(event.at).getHours('Test/East') < 5\"}]}";
    assert_false(same(digest_of(text, &a), (pz__digest){{0}}));
    assert_int_equal(a.reads, 1);
}

/* ---- the digest ---- */

static void a_catalog_without_zones_has_the_digest_of_its_document(void **state)
{
    (void)state;
    atlas a = ATLAS;
    const pz__catalog *plain = document_sound(PLAIN);
    assert_true(same(digest_of(PLAIN, &a), plain->digest));
    assert_int_equal(a.reads, 0);
    pz__catalog_unref(plain);
}

static void the_digest_covers_the_bytes_of_the_zones_named(void **state)
{
    (void)state;
    atlas a = ATLAS;
    const pz__digest before = digest_of(EAST, &a), any = digest_of(ANY, &a);
    assert_true(same(before, digest_of(EAST, &a)));
    a.places[1].offset = 0;
    assert_true(same(before, digest_of(EAST, &a)));
    assert_false(same(any, digest_of(ANY, &a)));
    a.places[0].offset = 3600;
    assert_false(same(before, digest_of(EAST, &a)));
}

/* The same document and the same bytes, but which of them is which. */
static void the_digest_covers_the_names_of_the_zones(void **state)
{
    (void)state;
    atlas a = {.places = {{"Test/East", 7200, false}}};
    atlas b = {.places = {{"Test/Eastern", 7200, false}}};
    assert_false(same(digest_of(ANY, &a), digest_of(ANY, &b)));
}

static void the_order_of_the_source_does_not_matter(void **state)
{
    (void)state;
    atlas a = {.places = {{"Test/East", 7200, false}, {"Test/West", -18000, false}}};
    atlas b = {.places = {{"Test/West", -18000, false}, {"Test/East", 7200, false}}};
    assert_true(same(digest_of(ANY, &a), digest_of(ANY, &b)));
}

/* ---- mistakes ---- */

static void assert_refused(const char *text, atlas *a, const char *message, const char *suggestion)
{
    pz_report *report;
    const pz__catalog *catalog;
    pz_diagnostic first = {.size = sizeof first};
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    assert_int_equal(compile(&catalog, NULL, text, a, report), PZ_ERR_CATALOG);
    assert_null(catalog);
    assert_int_equal(pz_report_get(report, 0, &first), PZ_OK);
    if (!strstr(first.message, message) || strcmp(first.suggestion, suggestion) != 0)
        fail_msg("%s", pz_report_text(report, false));
    /* The mistake stands on the name in the rule. */
    assert_int_equal(first.line, 1);
    assert_int_equal(first.column, strstr(text, "getHours(") + 9 - text + 1);
    pz_report_free(report);
}

static void mistakes_name_the_zone_and_the_nearest(void **state)
{
    (void)state;
    atlas a = ATLAS;
    assert_refused(DECIDE("now.getHours('Test/Wst') == 1"), &a, "there is no time zone 'Test/Wst'",
                   "Test/West");
    assert_refused(DECIDE("now.getHours('West') == 1"), &a, "there is no time zone 'West'",
                   "Test/West");
    assert_refused(DECIDE("now.getHours('../escape') == 1"), &a,
                   "there is no time zone '../escape'", "");
    assert_refused(DECIDE("now.getHours('Nowhere/Atall') == 1"), &a,
                   "there is no time zone 'Nowhere/Atall'", "");
    assert_refused(DECIDE("now.getHours('Test/Notes') == 1"), &a,
                   "the time zone 'Test/Notes' cannot be read", "");
    assert_refused(EAST, NULL, "there is no time zone 'Test/East'", "");
}

static void zones_are_bounded(void **state)
{
    (void)state;
    atlas a = {.made_up = PZ__CATALOG_ZONES_MAX};
    pz__catalog_unref(sound(ANY, &a));
    a.made_up++;
    assert_refused(ANY, &a, "the time zones cannot be read", "");
}

static pz_status compile_all(const pz_alloc *alloc, void *payload)
{
    atlas a = ATLAS;
    const pz__catalog *catalog;
    a.made_up = 40;
    pz_status status = compile(&catalog, alloc, payload, &a, NULL);
    assert_true((catalog != NULL) == (status == PZ_OK));
    pz__catalog_unref(catalog);
    return status;
}

static void exhausted_memory_is_reported(void **state)
{
    (void)state;
    char east[] = EAST, any[] = ANY;
    assert_true(oom_run(compile_all, east) > 5);
    assert_true(oom_run(compile_all, any) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rule_reads_the_clock_of_its_zone),
        cmocka_unit_test(a_zone_is_read_once),
        cmocka_unit_test(a_computed_zone_may_be_any),
        cmocka_unit_test(signals_know_zones),
        cmocka_unit_test(a_catalog_without_zones_has_the_digest_of_its_document),
        cmocka_unit_test(the_digest_covers_the_bytes_of_the_zones_named),
        cmocka_unit_test(the_digest_covers_the_names_of_the_zones),
        cmocka_unit_test(the_order_of_the_source_does_not_matter),
        cmocka_unit_test(mistakes_name_the_zone_and_the_nearest),
        cmocka_unit_test(zones_are_bounded),
        cmocka_unit_test(exhausted_memory_is_reported),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
