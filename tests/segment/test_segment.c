/*
 * test_segment.c: which segments match, over an activation made by hand.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "segment/segment.h"
#include "support/oom.h"

static const char text[] =
    "{ \"context\": {\"channel\": {\"type\": \"string\"}, \"age\": {\"type\": \"int\"},\n"
    "               \"odd\": {\"type\": \"dyn\"}},\n"
    "  \"segments\": {\n"
    "    \"adult\": \"context.age >= 18\",\n"
    "    \"broken\": \"context.age / 0 > 1\",\n"
    "    \"everybody\": \"true\",\n"
    "    \"shopper\": \"segment.adult && context.channel == 'web'\",\n"
    "    \"strange\": \"context.odd\"\n"
    "  }\n"
    "}\n";

static const pz__catalog *catalog;

/* A customer: context by hand, segments through the room; counts how often each slot is fetched. */
typedef struct customer {
    pz__arena arena;
    pz_value slots[64];
    unsigned fetched[64];
    pz__activation activation;
    const char *channel; /* NULL: unknown */
    pz_value age, odd;
} customer;

static void fetch(void *self, uint32_t slot)
{
    customer *c = self;
    const pz__slot_info *info = &catalog->slots[slot];
    pz_value value = pz__cel_unknown(&c->arena, slot);
    c->fetched[slot]++;
    if (info->use == PZ__USE_SEGMENT)
        value = pz__segment_value(catalog, info->index, &c->activation);
    else if (pz__str_equal(info->name, PZ__STR("context.channel")) && c->channel)
        value = pz_value_str(c->channel);
    else if (pz__str_equal(info->name, PZ__STR("context.age")) && c->age.kind != PZ_NULL)
        value = c->age;
    else if (pz__str_equal(info->name, PZ__STR("context.odd")) && c->odd.kind != PZ_NULL)
        value = c->odd;
    c->slots[slot] = value;
}

static void customer_init(customer *c, const pz_alloc *alloc)
{
    memset(c, 0, sizeof *c);
    pz__arena_init(&c->arena, alloc, 0);
    assert_true(catalog->slot_count <= 64);
    for (uint32_t i = 0; i < catalog->slot_count; i++)
        c->slots[i].kind = PZ__V_PENDING;
    c->activation = (pz__activation){.slots = c->slots,
                                     .slot_count = catalog->slot_count,
                                     .self = c,
                                     .fetch = fetch,
                                     .arena = &c->arena};
}

static int start(void **state)
{
    (void)state;
    pz_report *report = NULL;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    if (pz__catalog_compile(&catalog, NULL, PZ__STR("c.json"), pz_str_of(text), report, &err))
        fail_msg("%s\n%s", err.message, pz_report_text(report, false));
    pz_report_free(report);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pz__catalog_unref(catalog);
    return 0;
}

static bool is_in(const customer *c, const uint32_t *list, uint32_t count, const char *name)
{
    (void)c;
    const pz__segment_rule *rule = pz__catalog_segment(catalog, pz_str_of(name));
    assert_non_null(rule);
    for (uint32_t i = 0; i < count; i++)
        if (&catalog->segments[list[i]] == rule)
            return true;
    return false;
}

static void only_true_matches(void **state)
{
    (void)state;
    customer c;
    customer_init(&c, NULL);
    c.age = pz_value_int(30);
    c.channel = "web";
    c.odd = pz_value_int(1);
    const uint32_t *list;
    uint32_t count;
    assert_int_equal(pz__segments_match(catalog, &c.activation, &list, &count), PZ_OK);
    assert_int_equal(count, 3);
    assert_true(is_in(&c, list, count, "adult"));
    assert_true(is_in(&c, list, count, "everybody"));
    assert_true(is_in(&c, list, count, "shopper"));
    for (uint32_t i = 1; i < count; i++)
        assert_true(list[i - 1] < list[i]);
    pz__arena_clear(&c.arena);
}

static void what_is_unknown_is_no_match_and_stays_unknown(void **state)
{
    (void)state;
    customer c;
    customer_init(&c, NULL);
    c.channel = "web";
    const uint32_t *list;
    uint32_t count;
    assert_int_equal(pz__segments_match(catalog, &c.activation, &list, &count), PZ_OK);
    assert_int_equal(count, 1);
    const pz__segment_rule *rule = pz__catalog_segment(catalog, PZ__STR("shopper"));
    assert_int_equal(c.slots[rule->slot].kind, PZ__V_UNKNOWN);
    pz__arena_clear(&c.arena);
}

static void a_rule_that_is_no_bool_is_an_error(void **state)
{
    (void)state;
    customer c;
    customer_init(&c, NULL);
    c.odd = pz_value_str("yes");
    const pz__segment_rule *rule = pz__catalog_segment(catalog, PZ__STR("strange"));
    const uint32_t index = (uint32_t)(rule - catalog->segments);
    assert_int_equal(pz__segment_value(catalog, index, &c.activation).kind, PZ__V_ERROR);
    pz__arena_clear(&c.arena);
}

static void no_rule_runs_twice(void **state)
{
    (void)state;
    customer c;
    customer_init(&c, NULL);
    c.age = pz_value_int(30);
    const uint32_t *list;
    uint32_t count;
    assert_int_equal(pz__segments_match(catalog, &c.activation, &list, &count), PZ_OK);
    assert_int_equal(pz__segments_match(catalog, &c.activation, &list, &count), PZ_OK);
    for (uint32_t i = 0; i < catalog->slot_count; i++)
        assert_true(c.fetched[i] <= 1);
    pz__arena_clear(&c.arena);
}

static pz_status match_in(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    customer c;
    customer_init(&c, alloc);
    c.age = pz_value_int(30);
    const uint32_t *list;
    uint32_t count;
    pz_status status = pz__segments_match(catalog, &c.activation, &list, &count);
    pz__arena_clear(&c.arena);
    return status;
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    oom_run(match_in, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_true_matches),
        cmocka_unit_test(what_is_unknown_is_no_match_and_stays_unknown),
        cmocka_unit_test(a_rule_that_is_no_bool_is_an_error),
        cmocka_unit_test(no_rule_runs_twice),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, start, end);
}
