/*
 * test_hosts.c: functions of the host in a catalog's rules: checked when the catalog is loaded,
 * called when a question is asked, and never taken for pure.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "support/oom.h"

/* What the functions below answer, and how often they were asked. */
typedef struct host {
    bool is_open;
    unsigned calls;
} host;

static pz_status open_now(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                          pz_value *out, pz_error *err)
{
    host *h = payload;
    (void)pool;
    h->calls++;
    if (count != 1 || args[0].len == 0) {
        strcpy(err->message, "which shop is meant?");
        return PZ_ERR_DOMAIN;
    }
    *out = pz_value_bool(h->is_open);
    return PZ_OK;
}

static pz_status shout(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                       pz_value *out, pz_error *err)
{
    char text[64];
    (void)payload;
    (void)count;
    (void)err;
    const size_t len = args[0].len < 63 ? args[0].len : 63;
    memcpy(text, args[0].as.text, len);
    text[len] = '!';
    return pz_pool_string(pool, out, text, len + 1);
}

static pz_status wrong_type(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                            pz_value *out, pz_error *err)
{
    (void)payload;
    (void)pool;
    (void)args;
    (void)count;
    (void)err;
    *out = pz_value_int(1);
    return PZ_OK;
}

static host the_host;
static const pz_function functions[] = {
    {"shop.open", "(string) -> bool", open_now, &the_host},
    {"shout", "string.() -> string", shout, NULL},
    {"lies", "() -> bool", wrong_type, NULL},
    {"one", "() -> double", wrong_type, NULL},
};

static const char shop_json[] =
    "{ \"attributes\": {\"town\": {\"type\": \"string\", \"default\": \"Bonn\"},\n"
    "                   \"limit\": {\"type\": \"int\", \"default\": 1}},\n"
    "  \"segments\": {\"served\": \"shop.open(profile.town)\"},\n"
    "  \"decisions\": {\n"
    "    \"pure\": {\"rules\": [{\"id\": \"a\", \"when\": \"profile.town == 'Bonn'\", \"value\": "
    "1},\n"
    "                           {\"id\": \"b\", \"when\": \"segment.served\", \"value\": 2}]},\n"
    "    \"door\": {\"rules\": [{\"id\": \"open\", \"when\": \"segment.served\", \"value\": "
    "\"in\"}],\n"
    "              \"default\": \"out\"},\n"
    "    \"sign\": {\"rules\": [{\"id\": \"loud\", \"expr\": \"profile.town.shout()\"}]},\n"
    "    \"lie\": {\"rules\": [{\"id\": \"lies\", \"when\": \"lies()\", \"value\": 1}],\n"
    "             \"default\": 0},\n"
    "    \"half\": {\"type\": \"double\", \"rules\": [{\"id\": \"one\", \"expr\": \"one() / "
    "2.0\"}]}}}";

static pz_status open_with(pz_engine **engine, const pz_alloc *alloc, const char *text,
                           pz_error *err)
{
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .functions = functions,
                                       .function_count = 4};
    pz_status status = pz_engine_open(engine, &options, err);
    if (status == PZ_OK)
        status = pz_engine_load_text(*engine, "shop.json", text, strlen(text), NULL, err);
    return status;
}

static const pz_decision *decide(pz_context *context, const char *name)
{
    const pz_decision *decision;
    pz_error err = PZ_ERROR_INIT;
    if (pz_decide(&decision, context, NULL, name, &err) != PZ_OK)
        fail_msg("%s", err.message);
    return decision;
}

static void rules_call_them_and_the_decision_says_so(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_context *context;
    pz_error err = PZ_ERROR_INIT;
    pz_value map;
    pz_str text;
    bool found;
    if (open_with(&engine, NULL, shop_json, &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz_context_new(&context, engine, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(context, 0, NULL), PZ_OK);
    the_host = (host){.is_open = true};
    const pz_decision *door = decide(context, "door");
    assert_string_equal(pz_decision_str(door, ""), "in");
    assert_int_equal(the_host.calls, 1);
    assert_true(pz_decision_is_impure(door));
    assert_int_equal(pz_decision_map(&map, context, door, NULL), PZ_OK);
    assert_true(pz_value_get(map, "impure", 6, &found).as.b);
    assert_int_equal(pz_decision_record(&map, context, door, NULL, NULL), PZ_OK);
    assert_true(pz_value_get(map, "impure", 6, &found).as.b);
    assert_int_equal(pz_explain_text(&text, context, door, NULL), PZ_OK);
    assert_non_null(strstr(text.data, "The host's own functions had a say"));
    the_host.is_open = false;
    assert_string_equal(pz_decision_str(decide(context, "door"), ""), "out");
    assert_string_equal(pz_decision_str(decide(context, "sign"), ""), "Bonn!");
    assert_true(pz_decision_is_impure(decide(context, "sign")));
    /* A rule behind the one that fired was not tried. */
    const pz_decision *pure = decide(context, "pure");
    assert_false(pz_decision_is_impure(pure));
    assert_int_equal(pz_decision_map(&map, context, pure, NULL), PZ_OK);
    pz_value_get(map, "impure", 6, &found);
    assert_false(found);
    assert_int_equal(pz_decision_record(&map, context, pure, NULL, NULL), PZ_OK);
    pz_value_get(map, "impure", 6, &found);
    assert_false(found);
    assert_false(pz_decision_is_impure(NULL));
    pz_context_free(context);
    pz_engine_close(engine);
}

static void what_a_function_refuses_is_the_rules_error(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    pz_profile *nowhere;
    pz_str text;
    const pz_decision *decision;
    assert_int_equal(open_with(&engine, NULL, shop_json, NULL), PZ_OK);
    assert_int_equal(pz_context_new(&context, engine, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&nowhere, engine, PZ_PERSON, "n", NULL), PZ_OK);
    assert_int_equal(pz_choose(nowhere, "town", pz_value_str(""), NULL, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(context, 0, NULL), PZ_OK); /* the choice has been made */
    assert_int_equal(pz_decide(&decision, context, nowhere, "door", NULL), PZ_OK);
    assert_string_equal(pz_decision_reason(decision), "ERROR");
    assert_string_equal(pz_decision_str(decision, ""), "out");
    assert_int_equal(pz_explain_text(&text, context, decision, NULL), PZ_OK);
    assert_non_null(strstr(text.data, "which shop is meant?"));
    assert_int_equal(pz_decide(&decision, context, nowhere, "lie", NULL), PZ_OK);
    assert_int_equal(pz_explain_text(&text, context, decision, NULL), PZ_OK);
    assert_non_null(strstr(text.data, "of another type than declared"));
    const char *const names[] = {"door"};
    const pz_profile *const list[] = {nowhere};
    const pz_many many = {PZ_MANY, .count = 1, .profiles = list, .names = names, .name_count = 1};
    assert_int_equal(pz_decide_many(&text, context, pool, &many, NULL), PZ_OK);
    assert_non_null(strstr(text.data, "\"impure\":true}"));
    pz_profile_free(nowhere);
    pz_pool_free(pool);
    pz_context_free(context);
    pz_engine_close(engine);
}

static void a_whole_number_is_a_double_where_one_is_declared(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_context *context;
    assert_int_equal(open_with(&engine, NULL, shop_json, NULL), PZ_OK);
    assert_int_equal(pz_context_new(&context, engine, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(context, 0, NULL), PZ_OK);
    const pz_decision *half = decide(context, "half");
    assert_string_equal(pz_decision_rule(half), "one");
    assert_true(pz_decision_value(half).as.d == 0.5);
    pz_context_free(context);
    pz_engine_close(engine);
}

static void refuses(const char *text, const char *part)
{
    pz_engine *engine = NULL;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(open_with(&engine, NULL, text, &err), PZ_ERR_CATALOG);
    if (!strstr(err.message, part))
        fail_msg("%s", err.message);
    pz_engine_close(engine);
}

static void declared_types_are_checked_when_a_catalog_is_loaded(void **state)
{
    (void)state;
    refuses("{\"segments\": {\"s\": \"shop.open(5)\"}}", "shop.open() does not take (int)");
    refuses("{\"segments\": {\"s\": \"'x'.shout()\"}}", "string");
    refuses("{\"segments\": {\"s\": \"liars()\"}}", "unknown function 'liars'");
    /* What sets a mask, and what is stored, asks no host. */
    refuses("{\"policies\": [{\"when\": \"lies()\", \"level\": \"basic\"}]}", "unknown function");
    refuses("{\"attributes\": {\"a\": {\"type\": \"bool\"}}, \"signals\": [{\"on\": \"v\","
            "\"about\": \"a\", \"value\": \"lies()\", \"weight\": 1}]}",
            "unknown function");
}

static void a_policy_that_asks_the_host_makes_every_answer_impure(void **state)
{
    (void)state;
    static const char direct[] =
        "{\"attributes\": {\"a\": {\"type\": \"int\", \"default\": 1}}, \"policies\": [{\"when\":"
        "\"shop.open('x')\", \"lock\": {\"a\": 2}}], \"decisions\": {\"d\": {\"rules\": [{\"expr\":"
        "\"profile.a\"}]}}}";
    static const char by_segment[] =
        "{\"attributes\": {\"a\": {\"type\": \"int\", \"default\": 1}}, \"segments\": {\"s\":"
        "\"shop.open('x')\", \"t\": \"segment.s\"}, \"policies\": [{\"when\":"
        "\"segment.t\", \"lock\": {\"a\": 2}}], \"decisions\": {\"d\": {\"rules\": [{\"expr\":"
        "\"profile.a\"}]}}}";
    const char *const both[] = {direct, by_segment};
    for (int i = 0; i < 2; i++) {
        pz_engine *engine;
        pz_context *context;
        pz_error err = PZ_ERROR_INIT;
        if (open_with(&engine, NULL, both[i], &err) != PZ_OK)
            fail_msg("%s", err.message);
        assert_int_equal(pz_context_new(&context, engine, NULL), PZ_OK);
        assert_int_equal(pz_context_begin(context, 0, NULL), PZ_OK);
        the_host = (host){.is_open = true};
        const pz_decision *d = decide(context, "d");
        assert_int_equal(pz_decision_value(d).as.i, 2);
        assert_true(pz_decision_is_impure(d));
        pz_context_free(context);
        pz_engine_close(engine);
    }
}

static void bad_declarations_open_no_engine(void **state)
{
    (void)state;
    static const pz_function bad[][1] = {
        {{"f", "int", open_now, NULL}},           {{"f", "(nonsense) -> int", open_now, NULL}},
        {{"f", "() -> int", NULL, NULL}},         {{"", "() -> int", open_now, NULL}},
        {{NULL, "() -> int", open_now, NULL}},    {{"f", NULL, open_now, NULL}},
        {{"count", "() -> int", open_now, NULL}}, {{"tier", "() -> int", open_now, NULL}},
    };
    pz_engine *engine;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        pz_error err = PZ_ERROR_INIT;
        const pz_engine_options options = {PZ_ENGINE_OPTIONS, .functions = bad[i],
                                           .function_count = 1};
        assert_int_not_equal(pz_engine_open(&engine, &options, &err), PZ_OK);
        assert_null(engine);
        assert_true(err.message[0]);
    }
    const pz_engine_options none = {PZ_ENGINE_OPTIONS, .function_count = 1};
    assert_int_equal(pz_engine_open(&engine, &none, NULL), PZ_ERR_ARG);
}

static void there_may_be_as_many_as_of_a_program_and_no_more(void **state)
{
    (void)state;
    static pz_function list[PZ_PROGRAM_FUNCTIONS_MAX + 1];
    static char names[PZ_PROGRAM_FUNCTIONS_MAX + 1][8];
    for (int i = 0; i <= PZ_PROGRAM_FUNCTIONS_MAX; i++) {
        snprintf(names[i], sizeof names[i], "f%d", i);
        list[i] = (pz_function){names[i], "() -> bool", wrong_type, NULL};
    }
    pz_engine *engine;
    pz_engine_options options = {PZ_ENGINE_OPTIONS, .functions = list,
                                 .function_count = PZ_PROGRAM_FUNCTIONS_MAX};
    assert_int_equal(pz_engine_open(&engine, &options, NULL), PZ_OK);
    pz_engine_close(engine);
    options.function_count++;
    assert_int_equal(pz_engine_open(&engine, &options, NULL), PZ_ERR_LIMIT);
}

static pz_status scenario(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz_engine *engine = NULL;
    pz_context *context = NULL;
    const pz_decision *decision;
    the_host = (host){.is_open = true};
    pz_status status = open_with(&engine, alloc, shop_json, NULL);
    if (status == PZ_OK)
        status = pz_context_new(&context, engine, NULL);
    if (status == PZ_OK)
        status = pz_context_begin(context, 0, NULL);
    if (status == PZ_OK)
        status = pz_decide(&decision, context, NULL, "sign", NULL);
    if (status == PZ_OK)
        assert_string_equal(pz_decision_str(decision, ""), "Bonn!");
    pz_context_free(context);
    pz_engine_close(engine);
    return status;
}

static void without_memory_nothing_is_left_behind(void **state)
{
    (void)state;
    assert_true(oom_run(scenario, NULL) > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_call_them_and_the_decision_says_so),
        cmocka_unit_test(what_a_function_refuses_is_the_rules_error),
        cmocka_unit_test(a_whole_number_is_a_double_where_one_is_declared),
        cmocka_unit_test(declared_types_are_checked_when_a_catalog_is_loaded),
        cmocka_unit_test(a_policy_that_asks_the_host_makes_every_answer_impure),
        cmocka_unit_test(bad_declarations_open_no_engine),
        cmocka_unit_test(there_may_be_as_many_as_of_a_program_and_no_more),
        cmocka_unit_test(without_memory_nothing_is_left_behind),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
