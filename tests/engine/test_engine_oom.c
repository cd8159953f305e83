/*
 * test_engine_oom.c: memory runs out at every allocation of the main scenarios in turn.
 *
 * Each scenario must answer PZ_ERR_NOMEM, leave what existed as it was, and leak nothing.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include <personalize.h>

#include "engine/shop.h"
#include "support/oom.h"

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return SHOP_NOW;
}

static pz_status open_engine(pz_engine **out, const pz_alloc *alloc, const char *store)
{
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock,
                                       .store = store};
    return pz_engine_open(out, &options, NULL);
}

static pz_status load(pz_engine *engine)
{
    return pz_engine_load_text(engine, "shop.json", shop_json, sizeof shop_json - 1, NULL, NULL);
}

static pz_status views(pz_pool *pool, pz_value *events, int count)
{
    pz_status status = PZ_OK;
    for (int i = 0; i < count && status == PZ_OK; i++) {
        char text[256];
        pz_value copy;
        snprintf(text, sizeof text,
                 "{\"kind\":\"view\",\"source\":\"web\",\"id\":\"%d\",\"time\":"
                 "\"2026-03-0%dT08:00:00Z\",\"customer\":\"ann\",\"category\":\"garden\"}",
                 i, 1 + i % 9);
        status = pz_value_parse(pool, &copy, text, strlen(text), 0, NULL);
        /* The values borrow from `text`, which goes. */
        if (status == PZ_OK)
            status = pz_pool_copy(pool, &events[i], copy);
    }
    return status;
}

static pz_status ask_everything(pz_context *context, const pz_profile *ann)
{
    const pz_decision *decision;
    pz_value value;
    pz_str text;
    pz_status status = pz_context_begin(context, 0, NULL);
    if (status == PZ_OK)
        status = pz_context_set(context, "country", pz_value_str("DE"), NULL);
    if (status == PZ_OK)
        status = pz_decide(&decision, context, ann, "hero", NULL);
    if (status == PZ_OK)
        status = pz_decision_map(&value, context, decision, NULL);
    if (status == PZ_OK)
        status = pz_decision_bytes(&value, context, decision, NULL);
    if (status == PZ_OK)
        status = pz_explain(&value, context, decision, NULL);
    if (status == PZ_OK)
        status = pz_explain_text(&text, context, decision, NULL);
    if (status == PZ_OK)
        status = pz_inspect(&value, context, ann, "category", NULL);
    if (status == PZ_OK)
        status = pz_segments(&value, context, ann, NULL);
    return status;
}

/* Open, load, observe, choose, ask: all of it. */
static pz_status whole_life(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine = NULL;
    pz_pool *pool = NULL;
    pz_context *context = NULL;
    pz_profile *ann = NULL;
    pz_value events[20];
    pz_str text;
    pz_status status = open_engine(&engine, alloc, payload);
    if (status == PZ_OK)
        status = load(engine);
    if (status == PZ_OK)
        status = pz_pool_new(&pool, alloc);
    if (status == PZ_OK)
        status = views(pool, events, 20);
    if (status == PZ_OK)
        status = pz_observe_many(engine, events, 20, 0, 0, NULL, NULL);
    if (status == PZ_OK)
        status = pz_customer(&ann, engine, "customer", "ann", NULL);
    if (status == PZ_OK)
        status = pz_choose(ann, "language", pz_value_str("de"), NULL, NULL);
    if (status == PZ_OK)
        status = pz_reject(ann, "language", pz_value_str("fr"), NULL, NULL);
    if (status == PZ_OK)
        status = pz_clear(ann, "language", NULL, NULL);
    if (status == PZ_OK)
        status = pz_context_new(&context, engine, NULL);
    if (status == PZ_OK)
        status = ask_everything(context, ann);
    if (status == PZ_OK)
        status = pz_profile_export(ann, pool, &text, 2, NULL);
    pz_context_free(context);
    pz_profile_free(ann);
    pz_pool_free(pool);
    pz_engine_close(engine);
    return status;
}

static void running_out_of_memory_is_an_error_and_nothing_more(void **state)
{
    (void)state;
    char memory[] = "memory:";
    assert_in_range(oom_run(whole_life, memory), 50, 100000);
}

/* A detached profile whose write fails keeps its bytes. */
static pz_status write_detached(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine = NULL;
    pz_profile *ann = NULL;
    pz_pool *pool = NULL;
    pz_value before, after;
    oom *heap = alloc->payload;
    (void)payload;
    const size_t fail_at = heap->fail_at;
    heap->fail_at = 0;
    assert_int_equal(open_engine(&engine, alloc, "memory:"), PZ_OK);
    assert_int_equal(load(engine), PZ_OK);
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&ann, engine, PZ_PERSON, "ann", NULL), PZ_OK);
    assert_int_equal(pz_choose(ann, "age", pz_value_int(40), NULL, NULL), PZ_OK);
    assert_int_equal(pz_reject(ann, "language", pz_value_str("de"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_encode(ann, pool, &before, NULL), PZ_OK);
    heap->fail_at = fail_at ? heap->request_count + fail_at : 0;
    const pz_status status = pz_choose(ann, "language", pz_value_str("de"), NULL, NULL);
    heap->fail_at = 0;
    assert_int_equal(pz_profile_encode(ann, pool, &after, NULL), PZ_OK);
    const bool same = before.len == after.len && !memcmp(before.as.text, after.as.text, after.len);
    assert_int_equal(same, status != PZ_OK);
    pz_profile_free(ann);
    pz_pool_free(pool);
    pz_engine_close(engine);
    return status;
}

static void refused_write_leaves_a_profile_as_it_was(void **state)
{
    (void)state;
    for (size_t n = 1;; n++) {
        oom heap;
        oom_init(&heap);
        heap.fail_at = n;
        const pz_alloc alloc = oom_alloc(&heap);
        const pz_status status = write_detached(&alloc, NULL);
        oom_finish(&heap);
        if (status == PZ_OK)
            break;
        assert_int_equal(status, PZ_ERR_NOMEM);
        assert_in_range(n, 1, 10000);
    }
}

/* An engine goes on with its old catalog when memory runs out while a new one is read. */
static void failed_load_keeps_the_old_catalog(void **state)
{
    (void)state;
    oom heap;
    oom_init(&heap);
    const pz_alloc alloc = oom_alloc(&heap);
    pz_engine *engine;
    char before[33], after[33];
    assert_int_equal(open_engine(&engine, &alloc, "memory:"), PZ_OK);
    assert_int_equal(load(engine), PZ_OK);
    pz_engine_catalog_hash(engine, before);
    static const char other[] = "{\"decisions\": {\"hero\": {\"default\": 1}}}";
    pz_status status = PZ_ERR_NOMEM;
    for (size_t n = 1; status == PZ_ERR_NOMEM; n++) {
        oom_fail(&heap, n, false);
        status = pz_engine_load_text(engine, "other", other, sizeof other - 1, NULL, NULL);
        oom_calm(&heap);
        pz_engine_catalog_hash(engine, after);
        assert_int_equal(strcmp(before, after) == 0, status != PZ_OK);
    }
    assert_int_equal(status, PZ_OK);
    pz_engine_close(engine);
    oom_finish(&heap);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(running_out_of_memory_is_an_error_and_nothing_more),
        cmocka_unit_test(refused_write_leaves_a_profile_as_it_was),
        cmocka_unit_test(failed_load_keeps_the_old_catalog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
