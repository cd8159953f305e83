/*
 * test_event.c: events from the short form and from CloudEvents documents.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <cmocka.h>
#include <stdio.h>
#include <string.h>

#include "learn/learn.h"
#include "support/oom.h"

static pz__arena arena;

static int start(void **state)
{
    (void)state;
    pz__arena_init(&arena, NULL, 0);
    return 0;
}

static int end(void **state)
{
    (void)state;
    pz__arena_clear(&arena);
    return 0;
}

static pz_value json(const char *text)
{
    pz_value value;
    assert_int_equal(pz__json_read(&arena, &value, text, strlen(text), 0, NULL), PZ_OK);
    return value;
}

static pz__event read_ok(const char *text)
{
    pz__event event;
    pz_error err = PZ_ERROR_INIT;
    if (pz__event_read(&arena, &event, json(text), &err) != PZ_OK)
        fail_msg("%s: %s", text, err.message);
    return event;
}

static void refuse(const char *text, pz_status status, const char *named)
{
    pz__event event;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__event_read(&arena, &event, json(text), &err), status);
    assert_non_null(strstr(err.message, named));
}

static pz_value get(const pz__event *event, const char *name)
{
    return pz_value_get(event->data, name, strlen(name), NULL);
}

static bool is_text(pz_str text, const char *expected)
{
    return pz__str_equal(text, pz_str_of(expected));
}

static void the_short_form_is_read(void **state)
{
    (void)state;
    const pz__event e = read_ok("{\"kind\": \"view\", \"source\": \"shop\", \"id\": \"7\", "
                                "\"time\": \"2026-03-18T08:00:00.25Z\", \"channel\": \"web\", "
                                "\"customer\": \"ann\", \"item\": \"de\", \"price\": 3}");
    assert_true(is_text(e.kind, "view") && is_text(e.source, "shop") && is_text(e.id, "7"));
    assert_true(is_text(e.channel, "web"));
    assert_true(is_text(pz_value_text(e.subject), "ann"));
    assert_true(e.time_ms == INT64_C(1773820800250));
    assert_true(is_text(pz_value_text(get(&e, "item")), "de"));
    assert_true(get(&e, "price").as.i == 3);
    assert_int_equal(get(&e, "time").kind, PZ_TIMESTAMP);
    assert_true(is_text(pz_value_text(get(&e, "kind")), "view"));
    assert_int_equal(e.data.len, 8);
}

static void channel_and_customer_may_be_missing(void **state)
{
    (void)state;
    const pz__event e = read_ok("{\"kind\": \"view\", \"source\": \"shop\", \"id\": \"7\", "
                                "\"time\": \"2026-03-18T08:00:00Z\"}");
    assert_int_equal(e.channel.len, 0);
    assert_int_equal(e.subject.kind, PZ_NULL);
    assert_int_equal(e.data.len, 4);
}

static void a_cloud_event_becomes_the_same_event(void **state)
{
    (void)state;
    const pz__event e = read_ok(
        "{\"specversion\": \"1.0\", \"type\": \"view\", \"source\": \"/shop\", \"id\": \"7\", "
        "\"time\": \"2026-03-18T08:00:00Z\", \"subject\": \"ann\", \"region\": \"EU\", "
        "\"datacontenttype\": \"application/json\", "
        "\"data\": {\"item\": \"de\", \"channel\": \"app\", \"kind\": \"buy\"}}");
    assert_true(is_text(e.kind, "view") && is_text(e.source, "/shop"));
    assert_true(is_text(e.channel, "app"));
    assert_true(is_text(pz_value_text(e.subject), "ann"));
    assert_true(is_text(pz_value_text(get(&e, "item")), "de"));
    assert_true(is_text(pz_value_text(get(&e, "region")), "EU"));
    assert_true(is_text(pz_value_text(get(&e, "customer")), "ann"));
    bool found;
    pz_value_get(e.data, "specversion", 11, &found);
    assert_false(found);
    pz_value_get(e.data, "datacontenttype", 15, &found);
    assert_false(found);
}

static void data_cannot_pass_itself_off_as_another_kind(void **state)
{
    (void)state;
    const pz__event e = read_ok(
        "{\"specversion\": \"1.0\", \"type\": \"view\", \"source\": \"s\", \"id\": \"7\", "
        "\"time\": \"2026-03-18T08:00:00Z\", \"data\": {\"kind\": \"purchase\", \"id\": \"8\"}}");
    assert_true(is_text(pz_value_text(get(&e, "kind")), "view"));
    assert_true(is_text(pz_value_text(get(&e, "id")), "7"));
}

static void the_envelopes_channel_stands_before_that_of_data(void **state)
{
    (void)state;
    const pz__event e = read_ok(
        "{\"specversion\": \"1.0\", \"type\": \"view\", \"source\": \"s\", \"id\": \"7\", "
        "\"time\": \"2026-03-18T08:00:00Z\", \"channel\": \"web\", \"data\": {\"channel\": 3}}");
    assert_true(is_text(e.channel, "web"));
}

static void data_that_is_no_object_is_kept_whole(void **state)
{
    (void)state;
    const pz__event e =
        read_ok("{\"specversion\": \"1.0\", \"type\": \"view\", \"source\": \"s\", \"id\": \"7\", "
                "\"time\": \"2026-03-18T08:00:00Z\", \"data\": [1, 2]}");
    assert_int_equal(get(&e, "data").kind, PZ_LIST);
}

static void a_host_may_hand_in_a_timestamp(void **state)
{
    (void)state;
    pz_entry entries[] = {{pz_value_str("kind"), pz_value_str("view")},
                          {pz_value_str("source"), pz_value_str("shop")},
                          {pz_value_str("id"), pz_value_str("1")},
                          {pz_value_str("time"), pz_value_time_ms(1234567)}};
    pz_value document;
    assert_int_equal(pz__value_of_entries(&arena, &document, entries, 4, PZ__DUP_REFUSE), PZ_OK);
    pz__event e;
    assert_int_equal(pz__event_read(&arena, &e, document, NULL), PZ_OK);
    assert_true(e.time_ms == 1234567);
}

static void what_is_missing_or_wrong_is_named(void **state)
{
    (void)state;
    refuse("[]", PZ_ERR_TYPE, "object");
    refuse("{\"source\": \"s\", \"id\": \"1\", \"time\": \"2026-03-18T08:00:00Z\"}", PZ_ERR_TYPE,
           "\"kind\"");
    refuse("{\"kind\": \"\", \"source\": \"s\", \"id\": \"1\"}", PZ_ERR_TYPE, "\"kind\"");
    refuse("{\"kind\": \"k\", \"source\": 4, \"id\": \"1\"}", PZ_ERR_TYPE, "\"source\"");
    refuse("{\"kind\": \"k\", \"source\": \"s\", \"time\": \"2026-03-18T08:00:00Z\"}", PZ_ERR_TYPE,
           "\"id\"");
    refuse("{\"kind\": \"k\", \"source\": \"s\", \"id\": \"1\"}", PZ_ERR_TYPE, "\"time\"");
    refuse("{\"kind\": \"k\", \"source\": \"s\", \"id\": \"1\", \"time\": 17}", PZ_ERR_TYPE,
           "\"time\"");
    refuse("{\"kind\": \"k\", \"source\": \"s\", \"id\": \"1\", \"time\": \"yesterday\"}",
           PZ_ERR_PARSE, "yesterday");
    refuse("{\"kind\": \"k\", \"source\": \"s\", \"id\": \"1\", \"time\": "
           "\"2026-03-18T08:00:00Z\", \"channel\": []}",
           PZ_ERR_TYPE, "\"channel\"");
    refuse("{\"specversion\": \"1.0\", \"source\": \"s\", \"id\": \"1\"}", PZ_ERR_TYPE, "\"type\"");
    refuse("{\"specversion\": \"0.3\", \"type\": \"t\"}", PZ_ERR_TYPE, "specversion");
}

static pz_status read_in(const pz_alloc *alloc, void *payload)
{
    pz__arena own;
    pz__arena_init(&own, alloc, 0);
    pz__event event;
    const pz_value *document = payload;
    pz_status status = pz__event_read(&own, &event, *document, NULL);
    pz__arena_clear(&own);
    return status;
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    char text[4096];
    size_t len = (size_t)snprintf(text, sizeof text,
                                  "{\"kind\": \"k\", \"source\": \"s\", \"id\": \"1\", \"time\": "
                                  "\"2026-03-18T08:00:00Z\"");
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof text - len, ", \"member%d\": %d", i, i);
    snprintf(text + len, sizeof text - len, "}");
    pz_value document = json(text);
    oom_run(read_in, &document);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_short_form_is_read),
        cmocka_unit_test(channel_and_customer_may_be_missing),
        cmocka_unit_test(a_cloud_event_becomes_the_same_event),
        cmocka_unit_test(data_cannot_pass_itself_off_as_another_kind),
        cmocka_unit_test(the_envelopes_channel_stands_before_that_of_data),
        cmocka_unit_test(data_that_is_no_object_is_kept_whole),
        cmocka_unit_test(a_host_may_hand_in_a_timestamp),
        cmocka_unit_test(what_is_missing_or_wrong_is_named),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, start, end);
}
