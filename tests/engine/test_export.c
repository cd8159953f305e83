/*
 * test_export.c: everything known, for the person it is about, as the golden files have it.
 *
 * tests/data/verbs/history.jsonl makes a profile by every verb; export.txt and export.json are what
 * is told of it. With PZ_RECORD set they are written anew: a deliberate act.
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

#include "store/kit.h"
#include "support/oom.h"

#define FOLDER PZ_SOURCE_DIR "/tests/data/verbs/"

static char *read_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    char *text = calloc(1, 1 << 16);
    assert_in_range(fread(text, 1, (1 << 16) - 1, file), 1, (1 << 16) - 2);
    fclose(file);
    return text;
}

static pz_status live(pz_profile *me, pz_pool *pool, char *history)
{
    const pz_write defaults = {PZ_WRITE, .writer = "w1"};
    pz_status status = PZ_OK;
    char *rest = history;
    for (char *line; status == PZ_OK && (line = strtok_r(rest, "\n", &rest)) != NULL;) {
        pz_value operation;
        status = pz_value_parse(pool, &operation, line, strlen(line), 0, &kit_error);
        if (status == PZ_OK)
            status = pz_profile_apply(me, operation, &defaults, &kit_error);
    }
    return status;
}

static pz_status make(pz_engine **engine, pz_profile **me, pz_pool **pool, const pz_alloc *alloc)
{
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .catalog = FOLDER "catalog.json",
                                       .alloc = alloc};
    char *history = read_file(FOLDER "history.jsonl");
    pz_status status = pz_engine_open(engine, &options, &kit_error);
    if (status == PZ_OK)
        status = pz_pool_new(pool, alloc);
    if (status == PZ_OK)
        status = pz_profile_new(me, *engine, PZ_PERSON, "me", &kit_error);
    if (status == PZ_OK)
        status = live(*me, *pool, history);
    free(history);
    return status;
}

static void free_all(pz_engine *engine, pz_profile *me, pz_pool *pool)
{
    pz_profile_free(me);
    pz_pool_free(pool);
    pz_engine_close(engine);
}

static void compare(pz_str told, const char *path)
{
    if (getenv("PZ_RECORD")) {
        FILE *file = fopen(path, "wb");
        assert_non_null(file);
        fwrite(told.data, 1, told.len, file);
        fclose(file);
    }
    char *golden = read_file(path), *made = strndup(told.data, told.len);
    assert_string_equal(made, golden);
    free(golden);
    free(made);
}

static void a_profile_is_told_as_recorded(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_profile *me;
    pz_pool *pool;
    pz_str told;
    assert_ok(make(&engine, &me, &pool, NULL));
    assert_ok(pz_profile_export_text(me, pool, &told, &kit_error));
    compare(told, FOLDER "export.txt");
    assert_ok(pz_profile_export(me, pool, &told, 1, &kit_error));
    compare(told, FOLDER "export.json");
    free_all(engine, me, pool);
}

static void a_view_tells_the_same(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_profile *me, *view;
    pz_pool *pool;
    pz_value bytes;
    pz_str told;
    assert_ok(make(&engine, &me, &pool, NULL));
    assert_ok(pz_profile_encode(me, pool, &bytes, &kit_error));
    assert_ok(pz_profile_view(&view, engine, bytes.as.text, bytes.len, &kit_error));
    assert_ok(pz_profile_export_text(view, pool, &told, &kit_error));
    compare(told, FOLDER "export.txt");
    pz_profile_free(view);
    free_all(engine, me, pool);
}

/* Sums are kept in cents; whoever spent 19.99 and 0.02 is not told of 2001. */
static void sums_and_events_are_told_in_the_units_of_the_events(void **state)
{
    static const char catalog[] =
        "{\"events\": {\"buy\": {\"total\": {\"type\": \"double\", \"scale\": 100}}},"
        " \"segments\": {\"spender\": \"sum('buy', 'total') > 50.0\"}}";
    static const char *const events[] = {
        "[\"observe\", {\"kind\": \"buy\", \"source\": \"s\", \"id\": \"1\", \"time\": "
        "\"2026-03-01T00:00:00Z\", \"total\": 19.99}, {\"now\": \"2026-03-02T00:00:00Z\"}]",
        "[\"observe\", {\"kind\": \"buy\", \"source\": \"s\", \"id\": \"2\", \"time\": "
        "\"2026-02-01T00:00:00Z\", \"total\": 0.02}, {\"now\": \"2026-03-02T00:00:00Z\"}]"};
    (void)state;
    pz_engine *engine;
    pz_profile *me;
    pz_pool *pool;
    pz_value operation;
    pz_str told;
    assert_ok(pz_engine_open(&engine, NULL, &kit_error));
    assert_ok(pz_engine_load_text(engine, "c", catalog, sizeof catalog - 1, NULL, &kit_error));
    assert_ok(pz_pool_new(&pool, NULL));
    assert_ok(pz_profile_new(&me, engine, PZ_PERSON, "me", &kit_error));
    for (int i = 0; i < 2; i++) {
        assert_ok(pz_value_parse(pool, &operation, events[i], strlen(events[i]), 0, &kit_error));
        assert_ok(pz_profile_apply(me, operation, NULL, &kit_error));
    }
    assert_ok(pz_profile_export_text(me, pool, &told, &kit_error));
    assert_non_null(strstr(told.data, "sum(buy.total): 20.01,"));
    assert_non_null(strstr(told.data, "2026-03-01 00:00: sum(buy.total) 19.99 (kept by"));
    assert_ok(pz_profile_export(me, pool, &told, 0, &kit_error));
    assert_non_null(strstr(told.data, "\"amount\":1999,\"scale\":100"));
    assert_ok(pz_forget(me, "*", NULL, NULL, &kit_error));
    assert_ok(pz_profile_export_text(me, pool, &told, &kit_error));
    assert_null(strstr(told.data, "sum(buy.total)"));
    assert_null(strstr(told.data, "The last things"));
    free_all(engine, me, pool);
}

/* What was forgotten, and who it was, is in no line. */
static void the_forgotten_is_not_told(void **state)
{
    (void)state;
    char *text = read_file(FOLDER "export.txt"), *json = read_file(FOLDER "export.json");
    assert_null(strstr(text, "30"));
    assert_null(strstr(json, "\"value\": 30"));
    free(text);
    free(json);
}

static pz_status tell(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine = NULL;
    pz_profile *me = NULL;
    pz_pool *pool = NULL;
    pz_str told;
    oom *heap = alloc->payload;
    const size_t fail_at = heap->fail_at;
    (void)payload;
    heap->fail_at = 0;
    assert_ok(make(&engine, &me, &pool, alloc));
    oom_fail(heap, fail_at, heap->is_failing_once);
    if (fail_at == 0)
        oom_calm(heap);
    const pz_status status = pz_profile_export_text(me, pool, &told, NULL);
    oom_calm(heap);
    free_all(engine, me, pool);
    return status;
}

static void telling_survives_want_of_memory(void **state)
{
    (void)state;
    oom heap;
    /* The life before takes thousands of requests; those of telling alone are few. */
    for (size_t nth = 1; nth < 64; nth++) {
        oom_init(&heap);
        heap.fail_at = nth;
        const pz_alloc alloc = oom_alloc(&heap);
        const pz_status status = tell(&alloc, NULL);
        assert_true(status == PZ_OK || status == PZ_ERR_NOMEM);
        if (nth == 1)
            assert_int_equal(status, PZ_ERR_NOMEM);
        oom_finish(&heap);
    }
}

static void an_indent_beyond_reason_is_a_limit(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_profile *me;
    pz_pool *pool;
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(make(&engine, &me, &pool, NULL), PZ_OK);
    assert_int_equal(pz_profile_export(me, pool, &text, UINT32_MAX, &err), PZ_ERR_LIMIT);
    assert_int_equal(err.status, PZ_ERR_LIMIT);
    assert_int_equal(pz_profile_export(me, pool, &text, 8, &err), PZ_OK);
    free_all(engine, me, pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_profile_is_told_as_recorded),
        cmocka_unit_test(a_view_tells_the_same),
        cmocka_unit_test(sums_and_events_are_told_in_the_units_of_the_events),
        cmocka_unit_test(the_forgotten_is_not_told),
        cmocka_unit_test(telling_survives_want_of_memory),
        cmocka_unit_test(an_indent_beyond_reason_is_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
