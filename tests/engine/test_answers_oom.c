/*
 * test_answers_oom.c: when memory runs out an answer fails; it never comes out different.
 *
 * An attribute that could not be resolved looks unknown to a rule, and a test that could not be run
 * looks passed. So each scenario compares what it is told with what it is told in peace, at every
 * allocation in turn. The domain is large enough for resolving to need memory of its own.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "support/oom.h"

#define NOW INT64_C(1773100800000) /* 2026-03-10T00:00:00Z */
#define VALUES 300

static char catalog[65536];

static void write_catalog(void)
{
    size_t at =
        (size_t)snprintf(catalog, sizeof catalog,
                         "{\"catalog\": \"shop\", \"attributes\": {\"category\": {\"type\": "
                         "\"string\", \"threshold\": 0.75, \"one_of\": [\"garden\"");
    for (int i = 0; i < VALUES; i++)
        at += (size_t)snprintf(catalog + at, sizeof catalog - at, ", \"c%d\"", i);
    snprintf(
        catalog + at, sizeof catalog - at,
        "]}},\n"
        "\"signals\": [{\"on\": \"view\", \"about\": \"category\", \"value\": "
        "\"event.category\", \"weight\": 1}],\n"
        "\"segments\": {\"green\": \"profile.category == 'garden'\"},\n"
        "\"decisions\": {\"hero\": {\"rules\": [\n"
        "  {\"id\": \"other\", \"when\": \"profile.category == 'c1'\", \"value\": \"c1\"},\n"
        "  {\"id\": \"green\", \"when\": \"segment.green\", \"value\": \"spring\"}],\n"
        "  \"default\": \"generic\"}},\n"
        "\"tests\": [{\"name\": \"nobody is green\", \"customer\": [[\"declare\", \"category\","
        "\"garden\"]], \"resolve\": {\"category\": \"c7\"}, \"decide\": {\"hero\": \"c1\"},"
        "\"segments\": []}]}\n");
}

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return NOW;
}

typedef struct asked {
    bool is_peaceful;
    char segments[64], explained[8192], told[8192];
    uint32_t failed;
} asked;

static pz_status see_views(pz_profile *ann)
{
    pz_pool *pool;
    pz_status status = pz_pool_new(&pool, NULL);
    for (int i = 0; i < 40 && status == PZ_OK; i++) {
        char text[200];
        pz_value event;
        snprintf(text, sizeof text,
                 "{\"kind\":\"view\",\"source\":\"web\",\"id\":\"%d\",\"time\":"
                 "\"2026-03-0%dT08:00:00Z\",\"category\":\"garden\"}",
                 i, 1 + i % 9);
        status = pz_value_parse(pool, &event, text, strlen(text), 0, NULL);
        if (status == PZ_OK)
            status = pz_observe(ann, event, NULL, NULL, NULL);
    }
    pz_pool_free(pool);
    return status;
}

/* The text of an answer is the same as in peace. */
static void compare(asked *a, char *kept, size_t room, const char *text)
{
    if (a->is_peaceful)
        snprintf(kept, room, "%s", text);
    else
        assert_string_equal(kept, text);
}

static pz_status print(asked *a, char *kept, size_t room, pz_value value)
{
    pz_pool *pool;
    pz_str text;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_value_print(pool, &text, value, 0), PZ_OK);
    compare(a, kept, room, text.data);
    pz_pool_free(pool);
    return PZ_OK;
}

static pz_status ask(asked *a, pz_context *context, const pz_profile *ann)
{
    const pz_decision *hero;
    pz_value value;
    pz_str text;
    pz_status status = pz_context_begin(context, 0, NULL);
    if (status == PZ_OK)
        status = pz_segments(&value, context, ann, NULL);
    if (status == PZ_OK)
        status = print(a, a->segments, sizeof a->segments, value);
    if (status == PZ_OK)
        status = pz_decide(&hero, context, ann, "hero", NULL);
    if (status == PZ_OK)
        status = pz_context_begin(context, 0, NULL);
    if (status == PZ_OK)
        status = pz_decide(&hero, context, ann, "hero", NULL);
    if (status == PZ_OK)
        assert_string_equal(pz_decision_rule(hero), "green");
    if (status == PZ_OK)
        status = pz_explain(&value, context, hero, NULL);
    if (status == PZ_OK)
        status = print(a, a->explained, sizeof a->explained, value);
    if (status == PZ_OK)
        status = pz_explain_text(&text, context, hero, NULL);
    if (status == PZ_OK)
        compare(a, a->told, sizeof a->told, text.data);
    return status;
}

static pz_status test(pz_engine *engine)
{
    uint32_t passed, failed;
    const pz_status status = pz_engine_test(engine, NULL, &passed, &failed, NULL);
    if (status == PZ_ERR_NOMEM)
        return status;
    assert_int_equal(status, PZ_ERR_TEST);
    assert_int_equal(passed, 0);
    assert_int_equal(failed, 1);
    return PZ_OK;
}

static pz_status scenario(const pz_alloc *alloc, void *payload)
{
    asked *a = payload;
    pz_engine *engine = NULL;
    pz_profile *ann = NULL;
    pz_context *context = NULL;
    pz_error err = PZ_ERROR_INIT;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock};
    pz_status status = pz_engine_open(&engine, &options, NULL);
    if (status == PZ_OK)
        status = pz_engine_load_text(engine, "c", catalog, strlen(catalog), NULL, &err);
    if (status != PZ_OK && status != PZ_ERR_NOMEM)
        fail_msg("%s", err.message);
    if (status == PZ_OK)
        status = pz_profile_new(&ann, engine, PZ_PERSON, "ann", NULL);
    if (status == PZ_OK)
        status = see_views(ann);
    if (status == PZ_OK)
        status = pz_context_new(&context, engine, NULL);
    if (status == PZ_OK)
        status = ask(a, context, ann);
    if (status == PZ_OK)
        status = test(engine);
    pz_context_free(context);
    pz_profile_free(ann);
    pz_engine_close(engine);
    a->is_peaceful = false;
    return status;
}

static void answers_fail_or_stay_the_same(void **state)
{
    (void)state;
    asked a = {.is_peaceful = true};
    write_catalog();
    assert_true(oom_run(scenario, &a) > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(answers_fail_or_stay_the_same),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
