/*
 * test_view.c: a profile that answers from its bytes, through the public API: the same answers and
 * decisions as the decoded one, nothing asked of the heap once warm, and a copy of its own from the
 * first write on.
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

#include "engine/shop.h"
#include "support/oom.h"

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return SHOP_NOW;
}

typedef struct shop {
    oom heap;
    pz_alloc alloc;
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    pz_profile *decoded, *view;
    pz_value bytes;
} shop;

static pz_value view_of(pz_pool *pool, int number)
{
    char text[256];
    pz_value value;
    snprintf(text, sizeof text,
             "{\"kind\":\"view\",\"source\":\"web\",\"id\":\"%d\",\"time\":"
             "\"2026-03-0%dT08:00:00Z\",\"customer\":\"ann\",\"category\":\"garden\"}",
             number, 1 + number % 9);
    assert_int_equal(pz_value_parse(pool, &value, text, strlen(text), 0, NULL), PZ_OK);
    return value;
}

static int open_shop(void **state)
{
    shop *s = calloc(1, sizeof *s);
    pz_error err = PZ_ERROR_INIT;
    oom_init(&s->heap);
    s->alloc = oom_alloc(&s->heap);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = &s->alloc, .clock = fixed_clock};
    assert_int_equal(pz_engine_open(&s->engine, &options, &err), PZ_OK);
    assert_int_equal(
        pz_engine_load_text(s->engine, "shop.json", shop_json, sizeof shop_json - 1, NULL, &err),
        PZ_OK);
    assert_int_equal(pz_context_new(&s->context, s->engine, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&s->pool, &s->alloc), PZ_OK);
    assert_int_equal(pz_profile_new(&s->decoded, s->engine, PZ_PERSON, "ann", NULL), PZ_OK);
    assert_int_equal(pz_choose(s->decoded, "language", pz_value_str("de"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_declare(s->decoded, "age", pz_value_int(33), NULL, NULL), PZ_OK);
    for (int i = 0; i < 12; i++)
        assert_int_equal(pz_observe(s->decoded, view_of(s->pool, i), NULL, NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_encode(s->decoded, s->pool, &s->bytes, NULL), PZ_OK);
    assert_int_equal(pz_profile_view(&s->view, s->engine, s->bytes.as.text, s->bytes.len, &err),
                     PZ_OK);
    *state = s;
    return 0;
}

static int close_shop(void **state)
{
    shop *s = *state;
    pz_profile_free(s->view);
    pz_profile_free(s->decoded);
    pz_pool_free(s->pool);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
    oom_finish(&s->heap);
    free(s);
    return 0;
}

static void ask(shop *s, const pz_profile *profile, const char *attribute, pz_resolution *out)
{
    *out = (pz_resolution){PZ_RESOLUTION};
    assert_int_equal(pz_resolve(out, s->context, profile, attribute, NULL), PZ_OK);
}

static void a_view_answers_as_the_profile_does(void **state)
{
    static const char *const attributes[] = {"language", "category", "age", "member"};
    shop *s = *state;
    assert_true(pz_profile_exists(s->view));
    assert_true(pz_profile_id(s->view).len == 3);
    for (size_t i = 0; i < 4; i++) {
        pz_resolution mine, other;
        assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
        ask(s, s->decoded, attributes[i], &mine);
        ask(s, s->view, attributes[i], &other);
        assert_true(pz_value_equal(mine.value, other.value));
        assert_string_equal(mine.tier, other.tier);
    }
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    assert_int_equal(pz_context_set(s->context, "country", pz_value_str("DE"), NULL), PZ_OK);
    const pz_decision *a, *b;
    assert_int_equal(pz_decide(&a, s->context, s->decoded, "hero", NULL), PZ_OK);
    assert_int_equal(pz_decide(&b, s->context, s->view, "hero", NULL), PZ_OK);
    assert_string_equal(pz_decision_str(a, "?"), "adult");
    assert_string_equal(pz_decision_str(b, "?"), "adult");
}

static void an_answer_from_a_view_asks_for_no_memory(void **state)
{
    shop *s = *state;
    pz_resolution answer;
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
        ask(s, s->view, "category", &answer);
        ask(s, s->view, "language", &answer);
    }
    oom_fail(&s->heap, 1, false);
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    ask(s, s->view, "category", &answer);
    ask(s, s->view, "language", &answer);
    oom_calm(&s->heap);
    assert_string_equal(answer.tier, "CHOICE");
}

static void writing_to_a_view_makes_it_its_own(void **state)
{
    shop *s = *state;
    char *bytes = malloc(s->bytes.len);
    memcpy(bytes, s->bytes.as.text, s->bytes.len);
    pz_profile *view;
    assert_int_equal(pz_profile_view(&view, s->engine, bytes, s->bytes.len, NULL), PZ_OK);
    assert_int_equal(pz_choose(view, "language", pz_value_str("fr"), NULL, NULL), PZ_OK);
    assert_memory_equal(bytes, s->bytes.as.text, s->bytes.len);
    memset(bytes, 0, s->bytes.len);
    pz_resolution answer;
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    ask(s, view, "language", &answer);
    assert_true(pz_value_equal(answer.value, pz_value_str("fr")));
    ask(s, view, "age", &answer);
    assert_true(pz_value_equal(answer.value, pz_value_int(33)));
    pz_profile_free(view);
    free(bytes);
}

static void a_view_is_exported_encoded_and_merged(void **state)
{
    shop *s = *state;
    pz_value bytes;
    pz_str mine, other;
    assert_int_equal(pz_profile_encode(s->view, s->pool, &bytes, NULL), PZ_OK);
    assert_true(pz_value_equal(bytes, s->bytes));
    assert_int_equal(pz_profile_export(s->decoded, s->pool, &mine, 2, NULL), PZ_OK);
    assert_int_equal(pz_profile_export(s->view, s->pool, &other, 2, NULL), PZ_OK);
    assert_int_equal(mine.len, other.len);
    assert_memory_equal(mine.data, other.data, mine.len);
    pz_profile *empty;
    assert_int_equal(pz_profile_new(&empty, s->engine, PZ_PERSON, "ann", NULL), PZ_OK);
    assert_int_equal(pz_merge(empty, s->view, NULL), PZ_OK);
    assert_int_equal(pz_profile_encode(empty, s->pool, &bytes, NULL), PZ_OK);
    assert_true(pz_value_equal(bytes, s->bytes));
    pz_profile_free(empty);
}

static void bytes_that_are_no_profile_are_refused(void **state)
{
    shop *s = *state;
    pz_profile *view = s->view;
    assert_int_equal(pz_profile_view(&view, s->engine, "nonsense", 8, NULL), PZ_ERR_CORRUPT);
    assert_null(view);
    assert_int_equal(pz_profile_view(&view, s->engine, NULL, 0, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_profile_view(&view, s->engine, s->bytes.as.text, s->bytes.len - 1, NULL),
                     PZ_ERR_CORRUPT);
    assert_null(view);
}

/* What is read from bytes is made in the context's memory and must outlast the next answer. */
static void a_list_out_of_a_view_stays_while_others_are_asked(void **state)
{
    static const char catalog[] =
        "{\"attributes\": {\"sizes\": {\"type\": \"list<int>\"}, \"tags\": "
        "{\"type\": \"list<int>\"}, \"age\": {\"type\": \"int\"}}}";
    shop *s = *state;
    pz_profile *ann, *view;
    pz_value bytes;
    pz_resolution sizes, tags;
    const pz_value some[] = {pz_value_int(38), pz_value_int(40)};
    const pz_value more[] = {pz_value_int(1), pz_value_int(2), pz_value_int(3)};
    pz_value list;
    assert_int_equal(
        pz_engine_load_text(s->engine, "c.json", catalog, sizeof catalog - 1, NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&ann, s->engine, PZ_PERSON, "bob", NULL), PZ_OK);
    assert_int_equal(pz_pool_list(s->pool, &list, some, 2), PZ_OK);
    assert_int_equal(pz_choose(ann, "sizes", list, NULL, NULL), PZ_OK);
    assert_int_equal(pz_pool_list(s->pool, &list, more, 3), PZ_OK);
    assert_int_equal(pz_choose(ann, "tags", list, NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_encode(ann, s->pool, &bytes, NULL), PZ_OK);
    assert_int_equal(pz_profile_view(&view, s->engine, bytes.as.text, bytes.len, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    ask(s, view, "sizes", &sizes);
    ask(s, view, "tags", &tags);
    ask(s, view, "age", &(pz_resolution){PZ_RESOLUTION});
    assert_int_equal(sizes.value.len, 2);
    assert_int_equal(pz_value_item(sizes.value, 0).as.i, 38);
    assert_int_equal(pz_value_item(sizes.value, 1).as.i, 40);
    assert_int_equal(tags.value.len, 3);
    assert_int_equal(pz_value_item(tags.value, 2).as.i, 3);
    pz_profile_free(view);
    pz_profile_free(ann);
}

static void a_view_may_be_the_account(void **state)
{
    shop *s = *state;
    pz_resolution answer;
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    assert_int_equal(pz_context_account(s->context, s->view, NULL), PZ_OK);
    ask(s, NULL, "language", &answer);
    assert_true(pz_value_equal(answer.value, pz_value_str("de")));
    assert_string_equal(answer.tier, "ACCOUNT_CHOICE");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_view_answers_as_the_profile_does),
        TEST(an_answer_from_a_view_asks_for_no_memory),
        TEST(writing_to_a_view_makes_it_its_own),
        TEST(a_view_is_exported_encoded_and_merged),
        TEST(bytes_that_are_no_profile_are_refused),
        TEST(a_view_may_be_the_account),
        TEST(a_list_out_of_a_view_stays_while_others_are_asked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
