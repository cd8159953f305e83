/*
 * test_typed.c: members of events as the types that the catalog declares.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <string.h>

#include "learn/learn.h"
#include "support/oom.h"

#define HEAD                                                                                       \
    "{\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", \"time\": \"2026-03-18T08:00:00Z\", "

static pz__arena arena;
static const pz__catalog *shop;

static const char shop_text[] =
    "{ \"events\": {\n"
    "    \"visit\": {\"total\": \"string\"},\n"
    "    \"buy\": {\"total\": {\"type\": \"double\", \"scale\": 100}, \"due\": \"timestamp\",\n"
    "            \"gap\": \"duration\", \"count\": \"uint\", \"pieces\": \"int\", \"seal\": "
    "\"bytes\",\n"
    "            \"prices\": \"list<double>\", \"any\": \"dyn\", \"customer\": \"string\"},\n"
    "    \"ask\": {}},\n"
    "  \"attributes\": {\"big\": {\"type\": \"bool\", \"threshold\": 0.75}},\n"
    "  \"signals\": [{\"on\": \"buy\", \"about\": \"big\", \"value\": \"event.total * 2.0 > "
    "20.0\",\n"
    "               \"weight\": 1}] }";

static const pz__catalog *compile(const char *text)
{
    const pz__catalog *catalog = NULL;
    pz_error err = PZ_ERROR_INIT;
    if (pz__catalog_compile(&catalog, NULL, PZ__STR("shop.json"), pz_str_of(text), NULL, &err))
        fail_msg("%s", err.message);
    return catalog;
}

static int start(void **state)
{
    (void)state;
    pz__arena_init(&arena, NULL, 0);
    shop = compile(shop_text);
    return 0;
}

static int stop(void **state)
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
    assert_int_equal(pz__json_read(&arena, &document, text, strlen(text), 0, NULL), PZ_OK);
    assert_int_equal(pz__event_read(&arena, &event, document, NULL), PZ_OK);
    return event;
}

static pz_value fitted(const char *text, const char *member)
{
    pz__event event = event_of(text);
    pz_error err = PZ_ERROR_INIT;
    if (pz__event_fit(&arena, shop, &event, &err) != PZ_OK)
        fail_msg("%s", err.message);
    return pz_value_get(event.data, member, strlen(member), NULL);
}

static void members_become_what_is_declared(void **state)
{
    (void)state;
    assert_int_equal(fitted(HEAD "\"total\": 10}", "total").kind, PZ_DOUBLE);
    const pz_value due = fitted(HEAD "\"due\": \"1970-01-02T00:00:00Z\"}", "due");
    assert_int_equal(due.kind, PZ_TIMESTAMP);
    assert_int_equal(due.as.i, 86400);
    assert_int_equal(fitted(HEAD "\"gap\": \"1h30m\"}", "gap").kind, PZ_DURATION);
    assert_int_equal(fitted(HEAD "\"count\": 3}", "count").kind, PZ_UINT);
    assert_int_equal(fitted(HEAD "\"seal\": \"YWJj\"}", "seal").kind, PZ_BYTES);
    assert_int_equal(fitted(HEAD "\"prices\": [1, 2.5]}", "prices").as.items[0].kind, PZ_DOUBLE);
}

static void a_whole_double_is_a_whole_number(void **state)
{
    (void)state;
    const pz_value pieces = fitted(HEAD "\"pieces\": -3.0}", "pieces");
    assert_int_equal(pieces.kind, PZ_INT);
    assert_int_equal(pieces.as.i, -3);
    assert_int_equal(fitted(HEAD "\"count\": 1e19}", "count").kind, PZ_UINT);
}

static void the_rest_stays_as_it_came(void **state)
{
    (void)state;
    const char *text = HEAD "\"total\": 1, \"other\": 7, \"any\": 7, \"due\": null, "
                            "\"customer\": {\"card\": \"4711\"}}";
    assert_int_equal(fitted(text, "other").kind, PZ_INT);
    assert_int_equal(fitted(text, "any").kind, PZ_INT);
    assert_int_equal(fitted(text, "due").kind, PZ_NULL);
    assert_int_equal(fitted(text, "customer").kind, PZ_MAP);
    assert_int_equal(fitted(text, "time").kind, PZ_TIMESTAMP);
    const char *unknown = "{\"kind\": \"chat\", \"source\": \"s\", \"id\": \"1\", "
                          "\"time\": \"2026-03-18T08:00:00Z\", \"total\": 1}";
    assert_int_equal(fitted(unknown, "total").kind, PZ_INT);
}

static void what_does_not_fit_is_named(void **state)
{
    (void)state;
    static const struct {
        const char *event, *told;
    } bad[] = {
        {HEAD "\"pieces\": 2.5}", "\"pieces\" of the event must be of type int, "},
        {HEAD "\"pieces\": 1e19}", "not double"},
        {HEAD "\"count\": -1}", "not int"},
        {HEAD "\"due\": \"tomorrow\"}", "not a text that stands for none"},
        {HEAD "\"prices\": [\"1\"]}",
         "list<double>, as the catalog declares for \"buy\", not a list "
         "with items of another type"},
        {HEAD "\"prices\": \"1\"}", "not string"},
        {HEAD "\"total\": true}", "not bool"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        pz__event event = event_of(bad[i].event);
        pz_error err = PZ_ERROR_INIT;
        assert_int_equal(pz__event_fit(&arena, shop, &event, &err), PZ_ERR_TYPE);
        if (!strstr(err.message, bad[i].told))
            fail_msg("%s", err.message);
    }
}

/* The value that the one signal speaks for. */
static bool says_big(const char *text)
{
    const pz__event event = event_of(text);
    pz__observation out;
    assert_int_equal(pz__learn_event(&arena, shop, &event, NULL, &out, NULL), PZ_OK);
    assert_int_equal(out.contribution_count, 1);
    assert_int_equal(out.contributions[0].value.kind, PZ_BOOL);
    return out.contributions[0].value.as.b;
}

static void ten_and_ten_point_nought_say_the_same(void **state)
{
    (void)state;
    assert_true(says_big(HEAD "\"total\": 11.0}"));
    assert_true(says_big(HEAD "\"total\": 11}"));
    assert_false(says_big(HEAD "\"total\": 9}"));
}

static pz_status fit_in(const pz_alloc *alloc, void *payload)
{
    pz__event event = *(const pz__event *)payload;
    pz__arena own;
    pz__arena_init(&own, alloc, 0);
    const pz_status status = pz__event_fit(&own, shop, &event, NULL);
    pz__arena_clear(&own);
    return status;
}

static void memory_that_runs_out_is_told(void **state)
{
    (void)state;
    pz__event bad = event_of(HEAD "\"total\": \"12.50\"}");
    oom_run_expecting(PZ_ERR_TYPE, fit_in, &bad);
    pz__event event = event_of(HEAD "\"total\": 1, \"seal\": \"YWJj\", \"prices\": [1, 2]}");
    oom_run(fit_in, &event);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_become_what_is_declared),
        cmocka_unit_test(a_whole_double_is_a_whole_number),
        cmocka_unit_test(the_rest_stays_as_it_came),
        cmocka_unit_test(what_does_not_fit_is_named),
        cmocka_unit_test(ten_and_ten_point_nought_say_the_same),
        cmocka_unit_test(memory_that_runs_out_is_told),
    };
    return cmocka_run_group_tests(tests, start, stop);
}
