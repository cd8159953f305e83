/*
 * test_learn.c: what events add, through catalogs as people write them.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "learn/learn.h"
#include "support/oom.h"

#define TIME "\"time\": \"2026-03-18T08:00:00Z\""

static pz__arena arena;
static const pz__catalog *shop;

static const char shop_text[] =
    "{ \"attributes\": {\n"
    "    \"language\": {\"type\": \"string\", \"one_of\": [\"de\", \"en\", \"fr\"],\n"
    "                 \"threshold\": 0.75, \"half_life\": \"32d\"},\n"
    "    \"tracked\": {\"type\": \"string\", \"one_of\": [\"de\"], \"threshold\": 0.75,\n"
    "                \"purpose\": \"ads\"},\n"
    "    \"stars\": {\"type\": \"int\", \"one_of\": [1, 2, 3], \"threshold\": 0.75}\n"
    "  },\n"
    "  \"signals\": [\n"
    "    {\"on\": \"view\", \"about\": \"language\", \"value\": \"event.item\", \"weight\": 1},\n"
    "    {\"on\": \"view\", \"about\": \"tracked\", \"value\": \"event.item\", \"weight\": 1},\n"
    "    {\"on\": \"buy\", \"about\": \"language\", \"value\": \"event.item\", \"weight\": 5},\n"
    "    {\"on\": \"dislike\", \"about\": \"language\", \"value\": \"event.item\",\n"
    "     \"weight\": -2.25},\n"
    "    {\"on\": \"buy\", \"about\": \"stars\", \"value\": \"event.stars\", \"weight\": 1,\n"
    "     \"when\": \"event.total > 10.0\"}\n"
    "  ],\n"
    "  \"events\": {\"view\": {\"item\": \"string\"}, \"dislike\": {\"item\": \"string\"},\n"
    "              \"buy\": {\"total\": {\"type\": \"double\", \"scale\": 100},\n"
    "              \"item\": \"string\", \"stars\": \"dyn\"}},\n"
    "  \"segments\": {\n"
    "    \"often\": \"count('buy', duration('160h')) > 3\",\n"
    "    \"much\": \"sum('buy', 'total', duration('160h')) > 100.0\"\n"
    "  }\n"
    "}\n";

static const pz__catalog *compile(const char *text)
{
    const pz__catalog *catalog = NULL;
    pz_report *report = NULL;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    if (pz__catalog_compile(&catalog, NULL, PZ__STR("shop.json"), pz_str_of(text), report, &err))
        fail_msg("%s\n%s", err.message, pz_report_text(report, false));
    pz_report_free(report);
    return catalog;
}

static int start(void **state)
{
    (void)state;
    pz__arena_init(&arena, NULL, 0);
    shop = compile(shop_text);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pz__catalog_unref(shop);
    pz__arena_clear(&arena);
    return 0;
}

static pz__event event_of(const char *text)
{
    pz_value document;
    pz__event event;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__json_read(&arena, &document, text, strlen(text), 0, NULL), PZ_OK);
    if (pz__event_read(&arena, &event, document, &err) != PZ_OK)
        fail_msg("%s", err.message);
    return event;
}

/* As if no purpose were granted. */
static bool is_without_purpose(void *self, const pz__attribute *attribute)
{
    (void)self;
    return attribute->purpose.len == 0;
}

static pz__observation learn(const char *text)
{
    const pz__gathering rules = {NULL, is_without_purpose};
    const pz__event event = event_of(text);
    pz__observation out;
    pz_error err = PZ_ERROR_INIT;
    if (pz__learn_event(&arena, shop, &event, &rules, &out, &err) != PZ_OK)
        fail_msg("%s", err.message);
    return out;
}

/* The contribution to one attribute or counter; NULL if there is none. */
static const pz__contribution *to(const pz__observation *o, const char *name)
{
    for (uint32_t i = 0; i < o->contribution_count; i++)
        if (pz__str_equal(o->contributions[i].attribute, pz_str_of(name)))
            return &o->contributions[i];
    return NULL;
}

static const pz__contribution *starting(const pz__observation *o, const char *prefix)
{
    for (uint32_t i = 0; i < o->contribution_count; i++)
        if (o->contributions[i].attribute.len >= strlen(prefix) &&
            memcmp(o->contributions[i].attribute.data, prefix, strlen(prefix)) == 0)
            return &o->contributions[i];
    return NULL;
}

static void a_signal_turns_an_event_into_evidence(void **state)
{
    (void)state;
    const pz__observation o = learn("{\"kind\": \"view\", \"source\": \"s\", \"id\": \"1\", " TIME
                                    ", \"channel\": \"web\", \"item\": \"de\"}");
    assert_int_equal(o.contribution_count, 1);
    const pz__contribution *c = to(&o, "language");
    assert_non_null(c);
    assert_true(pz_value_equal(c->value, pz_value_str("de")));
    assert_true(pz__str_equal(c->channel, PZ__STR("web")));
    assert_int_equal(c->weight, 1024);
    assert_int_equal(c->side, PZ__FOR);
    assert_int_equal(c->width, pz__catalog_attribute(shop, PZ__STR("language"))->width);
    assert_true(pz__str_equal(o.source, PZ__STR("s")) && pz__str_equal(o.id, PZ__STR("1")));
    assert_true(o.horizon_ms == PZ__HORIZON_DEFAULT_MS);
    assert_int_equal(o.counter_count, shop->counter_count);
}

static void what_may_not_be_gathered_is_not_and_the_rest_is(void **state)
{
    (void)state;
    const char *text =
        "{\"kind\": \"view\", \"source\": \"s\", \"id\": \"1\", " TIME ", \"item\": \"de\"}";
    pz__observation o = learn(text);
    assert_null(to(&o, "tracked"));
    assert_non_null(to(&o, "language"));
    const pz__event event = event_of(text);
    assert_int_equal(pz__learn_event(&arena, shop, &event, NULL, &o, NULL), PZ_OK);
    assert_non_null(to(&o, "tracked"));
}

static void negative_weight_is_weight_against(void **state)
{
    (void)state;
    const pz__observation o = learn(
        "{\"kind\": \"dislike\", \"source\": \"s\", \"id\": \"1\", " TIME ", \"item\": \"de\"}");
    const pz__contribution *c = to(&o, "language");
    assert_non_null(c);
    assert_int_equal(c->weight, 2304);
    assert_int_equal(c->side, PZ__AGAINST);
}

static void a_value_outside_the_domain_is_dropped(void **state)
{
    (void)state;
    const pz__observation o =
        learn("{\"kind\": \"view\", \"source\": \"s\", \"id\": \"1\", " TIME ", \"item\": \"it\"}");
    assert_int_equal(o.contribution_count, 0);
}

static void a_value_that_fails_says_nothing(void **state)
{
    (void)state;
    const pz__observation o =
        learn("{\"kind\": \"view\", \"source\": \"s\", \"id\": \"1\", " TIME "}");
    assert_int_equal(o.contribution_count, 0);
}

static void a_signal_speaks_only_when_its_rule_is_true(void **state)
{
    (void)state;
    pz__observation o = learn("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
                              ", \"stars\": 3, \"total\": 11.5}");
    assert_non_null(to(&o, "stars"));
    o = learn("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
              ", \"stars\": 3, \"total\": 10}");
    assert_null(to(&o, "stars"));
    o = learn("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME ", \"stars\": 3}");
    assert_null(to(&o, "stars"));
}

static void equal_numbers_are_stored_as_the_domain_spells_them(void **state)
{
    (void)state;
    const pz__observation o = learn("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
                                    ", \"stars\": 3.0, \"total\": 99}");
    const pz__contribution *c = to(&o, "stars");
    assert_non_null(c);
    assert_int_equal(c->value.kind, PZ_INT);
    assert_int_equal(c->value.as.i, 3);
}

static void counters_count_and_add(void **state)
{
    (void)state;
    const pz__observation o = learn("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
                                    ", \"channel\": \"app\", \"total\": 19.99}");
    const pz__contribution *count = starting(&o, "count(");
    const pz__contribution *sum = starting(&o, "sum(");
    assert_non_null(count);
    assert_non_null(sum);
    assert_int_equal(count->weight, 1);
    assert_int_equal(count->value.kind, PZ_NULL);
    assert_true(pz__str_equal(count->channel, PZ__STR("app")));
    int64_t scale = 0;
    for (uint32_t i = 0; i < shop->counter_count; i++)
        if (shop->counters[i].member.len > 0)
            scale = shop->counters[i].scale;
    assert_true(scale > 0);
    const double expected = 19.99 * (double)scale;
    assert_true((double)sum->weight > expected - 0.51 && (double)sum->weight < expected + 0.51);
}

static void a_member_that_is_missing_adds_nothing(void **state)
{
    (void)state;
    const pz__observation o =
        learn("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME "}");
    assert_non_null(starting(&o, "count("));
    assert_null(starting(&o, "sum("));
}

static void a_member_of_another_type_is_refused(void **state)
{
    (void)state;
    const pz__event event = event_of("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
                                     ", \"total\": \"12.50\"}");
    pz__observation o;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__learn_event(&arena, shop, &event, NULL, &o, &err), PZ_ERR_TYPE);
    assert_string_equal(err.message,
                        "\"total\" of the event must be of type double, as the catalog "
                        "declares for \"buy\", not a text that stands for none");
}

/* ---- sums, with a catalog made by hand ---- */

static int64_t sum_of(const char *total, int64_t scale)
{
    const pz__counter counter = {.name = PZ__STR("sum(buy.order.total)"),
                                 .kind = PZ__STR("buy"),
                                 .member = PZ__STR("order.total"),
                                 .scale = scale,
                                 .width = 12};
    pz__catalog catalog = *shop;
    catalog.counters = &counter;
    catalog.counter_names = &counter.name;
    catalog.counter_count = 1;
    char text[256];
    snprintf(text, sizeof text,
             "{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
             ", \"order\": {\"total\": %s}}",
             total);
    const pz__event event = event_of(text);
    pz__observation o;
    assert_int_equal(pz__learn_event(&arena, &catalog, &event, NULL, &o, NULL), PZ_OK);
    const pz__contribution *c = to(&o, "sum(buy.order.total)");
    return c ? c->weight : 0;
}

static void sums_round_half_to_even_and_saturate(void **state)
{
    (void)state;
    assert_true(sum_of("2.5", 1) == 2 && sum_of("3.5", 1) == 4);
    assert_true(sum_of("-2.5", 1) == -2 && sum_of("-3.5", 1) == -4);
    assert_true(sum_of("2.500001", 1) == 3 && sum_of("-0.4", 1) == 0);
    assert_true(sum_of("0.29", 100) == 29);
    assert_true(sum_of("7", 100) == 700);
    assert_true(sum_of("9223372036854775807", 100) == INT64_MAX);
    assert_true(sum_of("-9223372036854775807", 100) == INT64_MIN);
    assert_true(sum_of("18446744073709551615", 1) == INT64_MAX);
    assert_true(sum_of("1e300", 100) == INT64_MAX && sum_of("-1e300", 100) == INT64_MIN);
    assert_true(sum_of("1.7e308", 1000) == INT64_MAX && sum_of("-1.7e308", 1000) == INT64_MIN);
    assert_true(sum_of("null", 1) == 0 && sum_of("true", 1) == 0);
}

static void an_event_adds_at_most_so_much(void **state)
{
    (void)state;
    static pz__counter counters[PZ__EVENT_CONTRIBUTIONS_MAX + 1];
    static pz_str names[PZ__EVENT_CONTRIBUTIONS_MAX + 1];
    static char texts[PZ__EVENT_CONTRIBUTIONS_MAX + 1][16];
    for (uint32_t i = 0; i <= PZ__EVENT_CONTRIBUTIONS_MAX; i++) {
        snprintf(texts[i], sizeof texts[i], "count(%05u)", i);
        names[i] = pz_str_of(texts[i]);
        counters[i] = (pz__counter){.name = names[i], .kind = PZ__STR("k"), .width = 12};
    }
    pz__catalog catalog = *shop;
    catalog.counters = counters;
    catalog.counter_names = names;
    catalog.counter_count = PZ__EVENT_CONTRIBUTIONS_MAX;
    const pz__event event = {.kind = PZ__STR("k"), .source = PZ__STR("s"), .id = PZ__STR("1")};
    pz__observation o;
    assert_int_equal(pz__learn_event(&arena, &catalog, &event, NULL, &o, NULL), PZ_OK);
    assert_int_equal(o.contribution_count, PZ__EVENT_CONTRIBUTIONS_MAX);
    catalog.counter_count++;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__learn_event(&arena, &catalog, &event, NULL, &o, &err), PZ_ERR_LIMIT);
    assert_int_equal(o.contribution_count, 0);
}

static pz_status learn_in(const pz_alloc *alloc, void *payload)
{
    pz__arena own;
    pz__arena_init(&own, alloc, 0);
    pz__observation out;
    pz_status status = pz__learn_event(&own, shop, payload, NULL, &out, NULL);
    pz__arena_clear(&own);
    return status;
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    pz__event event = event_of("{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", " TIME
                               ", \"item\": \"de\", \"stars\": 2, \"total\": 12}");
    oom_run(learn_in, &event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signal_turns_an_event_into_evidence),
        cmocka_unit_test(what_may_not_be_gathered_is_not_and_the_rest_is),
        cmocka_unit_test(negative_weight_is_weight_against),
        cmocka_unit_test(a_value_outside_the_domain_is_dropped),
        cmocka_unit_test(a_value_that_fails_says_nothing),
        cmocka_unit_test(a_signal_speaks_only_when_its_rule_is_true),
        cmocka_unit_test(equal_numbers_are_stored_as_the_domain_spells_them),
        cmocka_unit_test(counters_count_and_add),
        cmocka_unit_test(a_member_that_is_missing_adds_nothing),
        cmocka_unit_test(a_member_of_another_type_is_refused),
        cmocka_unit_test(sums_round_half_to_even_and_saturate),
        cmocka_unit_test(an_event_adds_at_most_so_much),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, start, end);
}
