/*
 * test_engine.c: the public API end to end: handles, writes, questions, catalogs in force.
 *
 * Every test runs over an allocator that counts and checks, so each is also a test for leaks. The
 * stores are in memory unless a test is about several handles on one LMDB store.
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
    return *(int64_t *)payload;
}

typedef struct shop {
    oom heap;
    pz_alloc alloc;
    int64_t now;
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    char directory[64];
} shop;

static void begin(shop *s)
{
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
}

static int open_shop(void **state)
{
    shop *s = calloc(1, sizeof *s);
    oom_init(&s->heap);
    s->alloc = oom_alloc(&s->heap);
    s->now = SHOP_NOW;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = &s->alloc, .clock = fixed_clock,
                                       .clock_payload = &s->now};
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz_engine_open(&s->engine, &options, &err), PZ_OK);
    assert_int_equal(
        pz_engine_load_text(s->engine, "shop.json", shop_json, sizeof shop_json - 1, NULL, &err),
        PZ_OK);
    assert_int_equal(pz_context_new(&s->context, s->engine, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&s->pool, &s->alloc), PZ_OK);
    begin(s);
    *state = s;
    return 0;
}

static int close_shop(void **state)
{
    shop *s = *state;
    pz_pool_free(s->pool);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
    oom_finish(&s->heap);
    free(s);
    return 0;
}

static pz_value json(shop *s, const char *text)
{
    pz_value value;
    pz_error err = PZ_ERROR_INIT;
    if (pz_value_parse(s->pool, &value, text, strlen(text), 0, &err) != PZ_OK)
        fail_msg("%s in %s", err.message, text);
    return value;
}

static pz_value view(shop *s, int number, const char *category)
{
    char text[256];
    snprintf(
        text, sizeof text,
        "{\"kind\":\"view\",\"source\":\"web\",\"id\":\"%d\",\"time\":\"2026-03-0%dT08:00:00Z\","
        "\"customer\":\"ann\",\"category\":\"%s\"}",
        number, 1 + number % 9, category);
    return json(s, text);
}

static void see_views(shop *s, pz_profile *profile, int count)
{
    for (int i = 0; i < count; i++)
        assert_int_equal(pz_observe(profile, view(s, i, "garden"), NULL, NULL, NULL), PZ_OK);
}

static const char *tier_of(shop *s, const pz_profile *profile, const char *attribute)
{
    pz_resolution answer = {PZ_RESOLUTION};
    assert_int_equal(pz_resolve(&answer, s->context, profile, attribute, NULL), PZ_OK);
    return answer.tier;
}

/* ---- choices and guesses ---- */

static void choice_stands_above_what_was_learned(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    assert_int_equal(pz_customer(&ann, s->engine, "customer", "ann", NULL), PZ_OK);
    see_views(s, ann, 20);
    pz_str text;
    assert_string_equal(tier_of(s, ann, "category"), "INFERRED");
    assert_int_equal(pz_choose(ann, "category", pz_value_str("home"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_resolve_str(&text, s->context, ann, "category", "?"), PZ_OK);
    assert_memory_equal(text.data, "home", 4);
    assert_string_equal(tier_of(s, ann, "category"), "CHOICE");
    assert_int_equal(pz_clear(ann, "category", NULL, NULL), PZ_OK);
    assert_int_equal(pz_resolve_str(&text, s->context, ann, "category", "?"), PZ_OK);
    assert_memory_equal(text.data, "garden", 6);
    assert_string_equal(tier_of(s, ann, "category"), "INFERRED");
    pz_profile_free(ann);
}

static void choosing_lifts_the_rejection_for_good(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    assert_int_equal(pz_declare(ann, "language", pz_value_str("de"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_reject(ann, "language", pz_value_str("de"), NULL, NULL), PZ_OK);
    assert_string_equal(tier_of(s, ann, "language"), "DEFAULT");
    assert_int_equal(pz_choose(ann, "language", pz_value_str("de"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_choose(ann, "language", pz_value_str("fr"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_clear(ann, "language", NULL, NULL), PZ_OK);
    assert_string_equal(tier_of(s, ann, "language"), "DECLARED");
    pz_profile_free(ann);
}

static void clearing_lifts_every_rejection(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    pz_declare(ann, "language", pz_value_str("de"), NULL, NULL);
    pz_reject(ann, "language", pz_value_str("de"), NULL, NULL);
    pz_reject(ann, "language", pz_value_str("en"), NULL, NULL);
    pz_resolution answer = {PZ_RESOLUTION};
    assert_int_equal(pz_resolve(&answer, s->context, ann, "language", NULL), PZ_OK);
    assert_false(answer.is_resolved);
    assert_int_equal(pz_clear(ann, "language", NULL, NULL), PZ_OK);
    assert_string_equal(tier_of(s, ann, "language"), "DECLARED");
    pz_profile_free(ann);
}

static void typed_calls_never_fail_silently(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    int64_t age;
    bool member;
    double number;
    assert_int_equal(pz_resolve_int(&age, s->context, ann, "age", 7), PZ_ERR_NOT_FOUND);
    assert_int_equal(age, 7);
    assert_int_equal(pz_choose(ann, "age", pz_value_int(40), NULL, NULL), PZ_OK);
    assert_int_equal(pz_resolve_int(&age, s->context, ann, "age", 7), PZ_OK);
    assert_int_equal(age, 40);
    assert_int_equal(pz_resolve_bool(&member, s->context, ann, "age", true), PZ_ERR_TYPE);
    assert_true(member);
    assert_int_equal(pz_resolve_double(&number, s->context, ann, "nothing", 1.5), PZ_ERR_NOT_FOUND);
    assert_true(number == 1.5);
    pz_profile_free(ann);
}

static void bad_writes_are_refused_and_change_nothing(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_error err = PZ_ERROR_INIT;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    pz_choose(ann, "age", pz_value_int(40), NULL, NULL);
    pz_value before, after;
    assert_int_equal(pz_profile_encode(ann, s->pool, &before, NULL), PZ_OK);
    assert_int_equal(pz_choose(ann, "langage", pz_value_str("de"), NULL, &err), PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'language'"));
    assert_int_equal(pz_choose(ann, "language", pz_value_str("dee"), NULL, &err), PZ_ERR_DOMAIN);
    assert_int_equal(pz_choose(ann, "age", pz_value_str("old"), NULL, &err), PZ_ERR_TYPE);
    assert_int_equal(pz_choose(ann, "age", pz_value_int(151), NULL, &err), PZ_ERR_DOMAIN);
    assert_int_equal(pz_choose(ann, "age", pz_value_null(), NULL, &err), PZ_ERR_TYPE);
    const pz_write tomorrow = {PZ_WRITE, .at_ms = SHOP_NOW + SHOP_DAY};
    assert_int_equal(pz_choose(ann, "age", pz_value_int(41), &tomorrow, &err), PZ_ERR_TIME);
    assert_int_equal(pz_infer(ann, "language", pz_value_str("de"), 1.5, NULL, &err), PZ_ERR_DOMAIN);
    assert_int_equal(pz_observe(ann, json(s, "{\"kind\":\"view\"}"), NULL, NULL, &err),
                     PZ_ERR_TYPE);
    assert_int_equal(pz_profile_encode(ann, s->pool, &after, NULL), PZ_OK);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.as.text, after.as.text, before.len);
    pz_profile_free(ann);
}

/* ---- customers of the store ---- */

static void customer_is_found_by_every_identifier(void **state)
{
    shop *s = *state;
    pz_profile *ann, *again;
    pz_customer(&ann, s->engine, "email", "ann@example.com", NULL);
    assert_false(pz_profile_exists(ann));
    assert_int_equal(pz_identify(ann, "card", "4711", NULL, NULL), PZ_OK);
    assert_true(pz_profile_exists(ann));
    pz_customer(&again, s->engine, "card", "4711", NULL);
    assert_true(pz_profile_exists(again));
    const pz_str a = pz_profile_id(ann), b = pz_profile_id(again);
    assert_int_equal(a.len, b.len);
    assert_memory_equal(a.data, b.data, a.len);
    pz_profile_free(ann);
    pz_profile_free(again);
}

static void one_customer_made_by_two_handles_is_one_customer(void **state)
{
    shop *s = *state;
    pz_profile *one, *two;
    uint64_t count;
    pz_customer(&one, s->engine, "customer", "ann", NULL);
    pz_customer(&two, s->engine, "customer", "ann", NULL);
    assert_int_equal(pz_choose(one, "language", pz_value_str("de"), NULL, NULL), PZ_OK);
    assert_int_equal(pz_choose(two, "age", pz_value_int(40), NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_count(s->engine, &count, NULL), PZ_OK);
    assert_int_equal(count, 1);
    assert_string_equal(tier_of(s, two, "language"), "CHOICE");
    assert_string_equal(tier_of(s, one, "age"), "NONE");
    assert_int_equal(pz_profile_refresh(one, NULL), PZ_OK);
    assert_string_equal(tier_of(s, one, "age"), "CHOICE");
    pz_profile_free(one);
    pz_profile_free(two);
}

static void batch_keeps_two_identifiers_of_one_customer_together(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_customer(&ann, s->engine, "email", "ann@example.com", NULL);
    pz_identify(ann, "card", "4711", NULL, NULL);
    const pz_value events[] = {
        json(s,
             "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"1\",\"time\":\"2026-03-09T08:00:00Z\","
             "\"customer\":{\"email\":\"ann@example.com\"},\"category\":\"home\"}"),
        json(s,
             "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"2\",\"time\":\"2026-03-09T08:01:00Z\","
             "\"customer\":{\"card\":\"4711\"},\"category\":\"home\"}"),
        json(s,
             "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"3\",\"time\":\"2026-03-09T08:02:00Z\","
             "\"customer\":{\"email\":\"ann@example.com\"},\"category\":\"home\"}"),
    };
    assert_int_equal(pz_observe_many(s->engine, events, 3, 0, 0, NULL, NULL), PZ_OK);
    pz_profile_refresh(ann, NULL);
    pz_value segments;
    assert_int_equal(pz_segments(&segments, s->context, ann, NULL), PZ_OK);
    assert_int_equal(segments.len, 1);
    pz_profile_free(ann);
}

static void batch_reports_bad_events_and_applies_the_others(void **state)
{
    shop *s = *state;
    const pz_value events[] = {
        view(s, 1, "garden"),
        json(s, "{\"kind\":\"view\",\"source\":\"w\"}"),
        view(s, 1, "garden"),
        json(s,
             "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"9\",\"time\":\"2026-03-09T08:00:00Z\"}"),
        json(s,
             "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"9\",\"time\":\"2029-03-09T08:00:00Z\","
             "\"customer\":\"bob\"}"),
        json(s,
             "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"9\",\"time\":\"2020-03-09T08:00:00Z\","
             "\"customer\":\"bob\"}"),
        json(s, "[1]"),
    };
    pz_observed results[7];
    for (size_t i = 0; i < 7; i++)
        results[i] = (pz_observed){.size = sizeof(pz_observed)};
    assert_int_equal(pz_observe_many(s->engine, events, 7, 0, 0, results, NULL), PZ_OK);
    const pz_status expected[] = {PZ_OK,       PZ_ERR_TYPE, PZ_OK,      PZ_ERR_TYPE,
                                  PZ_ERR_TIME, PZ_ERR_LATE, PZ_ERR_TYPE};
    for (size_t i = 0; i < 7; i++) {
        assert_int_equal(results[i].status, expected[i]);
        assert_int_equal(results[i].message[0] == '\0', expected[i] == PZ_OK);
    }
    assert_true(results[0].is_new);
    assert_false(results[2].is_new);
    uint64_t count;
    pz_profile_count(s->engine, &count, NULL);
    assert_int_equal(count, 1);
}

static pz_value of_kind(shop *s, const char *kind, int id)
{
    char text[512];
    snprintf(text, sizeof text,
             "{\"kind\":\"%s\",\"source\":\"w\",\"id\":\"%d\",\"customer\":\"bob\","
             "\"time\":\"2026-03-09T08:00:00Z\"}",
             kind, id);
    return json(s, text);
}

/* From an event of such a kind nothing is learned, and whoever misspelt it would never know. */
static void event_of_a_kind_that_is_not_declared_is_taken_and_said(void **state)
{
    shop *s = *state;
    pz_observed results[8];
    pz_value events[8];
    const char *const kinds[] = {"purchase", "purchse", "visit",   "zzz",
                                 "",         "purchse", "purchse", "purchse"};
    for (int pass = 0; pass < 2; pass++) {
        for (int i = 0; i < 8; i++) {
            events[i] = of_kind(s, kinds[i], i);
            results[i] = (pz_observed){.size = sizeof(pz_observed)};
        }
        assert_int_equal(pz_observe_many(s->engine, events, 8, 0, 0, results, NULL), PZ_OK);
        for (int i = 0; i < 8; i++)
            assert_int_equal(results[i].status, i == 4 ? PZ_ERR_TYPE : PZ_OK);
        for (int i = 0; pass == 0 && i < 8; i++)
            assert_int_equal(results[i].message[0] != 0, i == 4);
        if (pass == 0) {
            const char *catalog = "{\"events\": {\"purchase\": {}, \"visit\": {}}}";
            assert_int_equal(
                pz_engine_load_text(s->engine, "shop.json", catalog, strlen(catalog), NULL, NULL),
                PZ_OK);
        }
    }
    assert_string_equal(results[0].message, "");
    assert_string_equal(results[2].message, "");
    assert_string_equal(results[1].message, "the catalog declares no event 'purchse'; did you mean "
                                            "'purchase'? Nothing is learned from it");
    assert_string_equal(results[3].message,
                        "the catalog declares no event 'zzz': nothing is learned from it");
    /* The nearest is looked for in a few events of a call, for each takes a look at all kinds. */
    assert_non_null(strstr(results[6].message, "did you mean"));
    assert_string_equal(results[7].message,
                        "the catalog declares no event 'purchse': nothing is learned from it");
}

static pz_status count_one(void *payload, const pz_profile *profile)
{
    assert_true(pz_profile_exists(profile));
    ++*(int *)payload;
    return PZ_OK;
}

static void every_profile_is_visited_once(void **state)
{
    shop *s = *state;
    char name[8];
    for (int i = 0; i < 10; i++) {
        pz_profile *p;
        snprintf(name, sizeof name, "c%d", i);
        pz_customer(&p, s->engine, "customer", name, NULL);
        assert_int_equal(pz_choose(p, "age", pz_value_int(i), NULL, NULL), PZ_OK);
        pz_profile_free(p);
    }
    int seen = 0;
    assert_int_equal(pz_each_profile(s->engine, count_one, &seen, NULL), PZ_OK);
    assert_int_equal(seen, 10);
}

static pz_status compare_id(void *payload, const pz_profile *profile)
{
    pz_value **next = payload;
    const pz_str id = pz_profile_id(profile), listed = pz_value_text(*(*next)++);
    assert_int_equal(listed.len, id.len);
    assert_memory_equal(listed.data, id.data, id.len);
    return PZ_OK;
}

static void ids_are_listed_as_profiles_are_visited(void **state)
{
    shop *s = *state;
    char name[8];
    pz_value list;
    assert_int_equal(pz_profile_ids(s->engine, s->pool, &list, NULL), PZ_OK);
    assert_int_equal(list.kind, PZ_LIST);
    assert_int_equal(list.len, 0);
    for (int i = 0; i < 10; i++) {
        pz_profile *p;
        snprintf(name, sizeof name, "c%d", i);
        pz_customer(&p, s->engine, "customer", name, NULL);
        assert_int_equal(pz_choose(p, "age", pz_value_int(i), NULL, NULL), PZ_OK);
        pz_profile_free(p);
    }
    assert_int_equal(pz_profile_ids(s->engine, s->pool, &list, NULL), PZ_OK);
    assert_int_equal(list.len, 10);
    pz_value ids[10], *next = ids;
    for (uint32_t i = 0; i < 10; i++)
        ids[i] = pz_value_item(list, i);
    assert_int_equal(pz_each_profile(s->engine, compare_id, &next, NULL), PZ_OK);
    assert_int_equal(pz_profile_ids(s->engine, NULL, &list, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_profile_ids(NULL, s->pool, &list, NULL), PZ_ERR_ARG);
}

/* ---- replicas ---- */

static void merged_replicas_have_the_same_bytes_either_way(void **state)
{
    shop *s = *state;
    pz_profile *a, *b, *c;
    pz_profile_new(&a, s->engine, PZ_PERSON, "ann", NULL);
    pz_profile_new(&b, s->engine, PZ_PERSON, "ann", NULL);
    pz_profile_new(&c, s->engine, PZ_PERSON, "bob", NULL);
    const pz_write here = {PZ_WRITE, .writer = "here"}, there = {PZ_WRITE, .writer = "there"};
    pz_choose(a, "language", pz_value_str("de"), &here, NULL);
    pz_choose(b, "age", pz_value_int(40), &there, NULL);
    pz_profile *a_then_b;
    pz_value bytes, ab, ba;
    pz_profile_encode(a, s->pool, &bytes, NULL);
    assert_int_equal(pz_profile_decode(&a_then_b, s->engine, bytes.as.text, bytes.len, NULL),
                     PZ_OK);
    assert_int_equal(pz_merge(a_then_b, b, NULL), PZ_OK);
    assert_int_equal(pz_merge(b, a, NULL), PZ_OK);
    pz_profile_encode(a_then_b, s->pool, &ab, NULL);
    pz_profile_encode(b, s->pool, &ba, NULL);
    assert_int_equal(ab.len, ba.len);
    assert_memory_equal(ab.as.text, ba.as.text, ab.len);
    assert_int_equal(pz_merge(a, c, NULL), PZ_ERR_SUBJECT);
    pz_profile_free(a);
    pz_profile_free(b);
    pz_profile_free(c);
    pz_profile_free(a_then_b);
}

/* ---- decisions ---- */

static void first_rule_that_is_true_decides(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    const pz_decision *decision;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    assert_int_equal(pz_decide(&decision, s->context, ann, "hero", NULL), PZ_OK);
    assert_string_equal(pz_decision_str(decision, "?"), "generic");
    assert_string_equal(pz_decision_reason(decision), "DEFAULT");
    see_views(s, ann, 20);
    assert_int_equal(pz_decide(&decision, s->context, ann, "hero", NULL), PZ_OK);
    assert_string_equal(pz_decision_str(decision, "?"), "spring");
    assert_string_equal(pz_decision_rule(decision), "garden");
    assert_true(pz_decision_confidence(decision) < 1.0);
    pz_decided read = {PZ_DECIDED};
    assert_int_equal(pz_decision_read(&read, decision), PZ_OK);
    assert_int_equal(read.value.len, strlen("spring"));
    assert_memory_equal(read.value.as.text, "spring", read.value.len);
    assert_string_equal(read.reason, "TARGETING_MATCH");
    assert_string_equal(read.rule, "garden");
    assert_true(read.confidence == pz_decision_confidence(decision));
    read.size--;
    assert_int_equal(pz_decision_read(&read, decision), PZ_ERR_ARG);
    pz_choose(ann, "age", pz_value_int(18), NULL, NULL);
    pz_context_set(s->context, "country", pz_value_str("DE"), NULL);
    assert_int_equal(pz_decide(&decision, s->context, ann, "hero", NULL), PZ_OK);
    assert_string_equal(pz_decision_str(decision, "?"), "adult");
    assert_true(pz_decision_confidence(decision) == 1.0);
    assert_int_equal(pz_decide(&decision, s->context, NULL, "hero", NULL), PZ_OK);
    assert_string_equal(pz_decision_str(decision, "?"), "generic");
    pz_profile_free(ann);
}

static void unknown_is_reported_and_fires_nothing(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    const pz_decision *decision;
    pz_value map;
    bool found;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    pz_context_set(s->context, "country", pz_value_str("DE"), NULL);
    pz_decide(&decision, s->context, ann, "hero", NULL);
    assert_int_equal(pz_decision_map(&map, s->context, decision, NULL), PZ_OK);
    const pz_value unknown = pz_value_get(map, "unknown", 7, &found);
    assert_true(found);
    assert_int_equal(unknown.len, 1);
    assert_string_equal(pz_value_item(unknown, 0).as.text, "profile.age");
    pz_profile_free(ann);
}

static pz_value decision_bytes(shop *s, const pz_profile *profile, const char *name)
{
    const pz_decision *decision;
    pz_value bytes, kept;
    assert_int_equal(pz_decide(&decision, s->context, profile, name, NULL), PZ_OK);
    assert_int_equal(pz_decision_bytes(&bytes, s->context, decision, NULL), PZ_OK);
    assert_int_equal(pz_pool_copy(s->pool, &kept, bytes), PZ_OK);
    return kept;
}

static void what_was_asked_before_changes_no_decision(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    see_views(s, ann, 20);
    const pz_value fresh = decision_bytes(s, ann, "hero");
    begin(s);
    pz_resolution answer = {PZ_RESOLUTION};
    pz_value ignored;
    const pz_decision *other;
    pz_resolve(&answer, s->context, ann, "category", NULL);
    pz_segments(&ignored, s->context, ann, NULL);
    pz_decide(&other, s->context, ann, "speak", NULL);
    pz_decide(&other, s->context, NULL, "hero", NULL);
    const pz_value later = decision_bytes(s, ann, "hero");
    assert_int_equal(fresh.len, later.len);
    assert_memory_equal(fresh.as.text, later.as.text, fresh.len);
    pz_profile_free(ann);
}

static const char *told_of_hero(shop *s, const pz_profile *customer)
{
    const pz_decision *decision;
    pz_str text;
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    assert_int_equal(pz_decide(&decision, s->context, customer, "hero", NULL), PZ_OK);
    assert_int_equal(pz_explain_text(&text, s->context, decision, NULL), PZ_OK);
    return text.data;
}

/* A "no" of the customer is told as one, never as evidence that more of would help. */
static void sentences_tell_what_was_left_out_and_why(void **state)
{
    static const char wish[] =
        "which behaviour speaks for: the customer does not want it to count.";
    static const char no[] = "\"garden\", which behaviour speaks for: the customer ruled this";
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    see_views(s, ann, 5);
    assert_non_null(strstr(told_of_hero(s, ann), "does not suffice to say more: \"garden\" leads"));
    assert_int_equal(pz_set_mode(ann, "category", PZ_MANUAL, NULL, NULL), PZ_OK);
    assert_null(strstr(told_of_hero(s, ann), "does not suffice"));
    assert_non_null(strstr(told_of_hero(s, ann), wish));
    assert_int_equal(pz_set_mode(ann, "category", PZ_AUTO, NULL, NULL), PZ_OK);
    assert_int_equal(pz_reject(ann, "category", pz_value_str("garden"), NULL, NULL), PZ_OK);
    assert_null(strstr(told_of_hero(s, ann), "does not suffice"));
    assert_non_null(strstr(told_of_hero(s, ann), no));
    pz_declare(ann, "category", pz_value_str("garden"), NULL, NULL);
    assert_non_null(strstr(told_of_hero(s, ann), "Left out: \"garden\", which was recorded"));
    pz_profile_free(ann);
}

static void explaining_changes_no_answer_and_names_every_rule(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    const pz_decision *decision;
    pz_value explained, layers;
    pz_str text;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    see_views(s, ann, 20);
    pz_choose(ann, "category", pz_value_str("home"), NULL, NULL);
    const pz_value before = decision_bytes(s, ann, "hero");
    pz_decide(&decision, s->context, ann, "hero", NULL);
    assert_int_equal(pz_explain(&explained, s->context, decision, NULL), PZ_OK);
    assert_int_equal(pz_explain_text(&text, s->context, decision, NULL), PZ_OK);
    assert_non_null(strstr(text.data, "That overrides \"garden\", which was inferred"));
    assert_int_equal(pz_value_get(explained, "rules", 5, NULL).len, 2);
    layers = pz_value_get(pz_value_get(explained, "layers", 6, NULL), "category", 8, NULL);
    assert_int_equal(layers.len, 2);
    const pz_value after = decision_bytes(s, ann, "hero");
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.as.text, after.as.text, before.len);
    pz_profile_free(ann);
}

static void decision_is_stale_after_another_circumstance(void **state)
{
    shop *s = *state;
    const pz_decision *decision;
    pz_value map;
    pz_decide(&decision, s->context, NULL, "hero", NULL);
    pz_context_set(s->context, "country", pz_value_str("FR"), NULL);
    assert_int_equal(pz_decision_map(&map, s->context, decision, NULL), PZ_ERR_STATE);
}

static void decision_goes_back_to_its_own_customer(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    const pz_decision *hers, *nobodys;
    pz_value before, after;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    pz_choose(ann, "language", pz_value_str("fr"), NULL, NULL);
    pz_decide(&hers, s->context, ann, "speak", NULL);
    assert_int_equal(pz_decision_bytes(&before, s->context, hers, NULL), PZ_OK);
    pz_decide(&nobodys, s->context, NULL, "speak", NULL);
    assert_string_equal(pz_decision_str(nobodys, "?"), "en");
    assert_int_equal(pz_decision_bytes(&after, s->context, hers, NULL), PZ_OK);
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.as.text, after.as.text, before.len);
    pz_profile_free(ann);
}

static void warm_decisions_allocate_nothing(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    const pz_decision *decision;
    pz_customer(&ann, s->engine, "customer", "ann", NULL);
    see_views(s, ann, 20);
    size_t after_warming = 0;
    for (int i = 0; i < 1000; i++) {
        if (i == 3)
            after_warming = s->heap.request_count;
        begin(s);
        pz_context_set(s->context, "country", pz_value_str("DE"), NULL);
        assert_int_equal(pz_decide(&decision, s->context, ann, "hero", NULL), PZ_OK);
        assert_int_equal(pz_decide(&decision, s->context, ann, "speak", NULL), PZ_OK);
    }
    assert_int_equal(s->heap.request_count, after_warming);
    pz_profile_free(ann);
}

static void unknown_names_are_answered_with_the_nearest(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    const pz_decision *decision;
    pz_resolution answer = {PZ_RESOLUTION};
    assert_int_equal(pz_decide(&decision, s->context, NULL, "heroo", &err), PZ_ERR_NOT_FOUND);
    assert_null(decision);
    assert_non_null(strstr(err.message, "did you mean 'hero'"));
    assert_int_equal(pz_resolve(&answer, s->context, NULL, "langauge", &err), PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'language'"));
    assert_int_equal(pz_context_set(s->context, "contry", pz_value_str("DE"), &err),
                     PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'country'"));
    assert_int_equal(pz_context_set(s->context, "country", pz_value_int(1), &err), PZ_ERR_TYPE);
    assert_string_equal(err.message, "context key 'country' is declared string, and was given int");
}

/* ---- catalogs in force ---- */

static void broken_catalog_is_refused_and_the_old_one_stays(void **state)
{
    shop *s = *state;
    static const char broken[] = "{\"attributes\": {\"a\": {\"type\": \"strin\"}}}";
    char before[33], after[33];
    pz_report *report;
    pz_error err = PZ_ERROR_INIT;
    pz_engine_catalog_hash(s->engine, before);
    assert_int_equal(
        pz_engine_load_text(s->engine, "broken.json", broken, sizeof broken - 1, &report, &err),
        PZ_ERR_CATALOG);
    assert_int_not_equal(pz_report_count(report), 0);
    pz_diagnostic first = {.size = sizeof first};
    assert_int_equal(pz_report_get(report, 0, &first), PZ_OK);
    assert_int_equal(first.line, 1);
    assert_non_null(strstr(pz_report_text(report, false), "broken.json:1:"));
    pz_report_free(report);
    pz_engine_catalog_hash(s->engine, after);
    assert_string_equal(before, after);
}

static void contexts_keep_their_catalog_until_they_begin_anew(void **state)
{
    shop *s = *state;
    static const char other[] = "{\"decisions\": {\"hero\": {\"default\": \"new\"}}}";
    const pz_decision *decision;
    assert_int_equal(pz_engine_load_text(s->engine, "other", other, sizeof other - 1, NULL, NULL),
                     PZ_OK);
    pz_decide(&decision, s->context, NULL, "hero", NULL);
    assert_string_equal(pz_decision_str(decision, "?"), "generic");
    begin(s);
    pz_decide(&decision, s->context, NULL, "hero", NULL);
    assert_string_equal(pz_decision_str(decision, "?"), "new");
    assert_string_equal(pz_decision_reason(decision), "STATIC");
}

/* Microseconds taken for milliseconds would make every claim look as if it had run out. */
static void a_moment_outside_the_years_is_refused(void **state)
{
    shop *s = *state;
    static const int64_t edges[] = {-62135596800000, 253402300799999},
                         beyond[] = {-62135596800001, 253402300800000, INT64_MIN, INT64_MAX,
                                     1796034600000000};
    const pz_decision *decision;
    pz_error err = PZ_ERROR_INIT;
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        assert_int_equal(pz_context_begin(s->context, edges[i], NULL), PZ_OK);
        assert_int_equal(pz_decide(&decision, s->context, NULL, "hero", NULL), PZ_OK);
    }
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        assert_int_equal(pz_context_begin(s->context, beyond[i], &err), PZ_ERR_TIME);
        assert_non_null(strstr(err.message, "milliseconds"));
        assert_int_equal(pz_decide(&decision, s->context, NULL, "hero", NULL), PZ_ERR_STATE);
    }
}

static void too_many_held_catalogs_are_refused(void **state)
{
    shop *s = *state;
    pz_context *holders[64];
    size_t held = 0;
    pz_status status = PZ_OK;
    while (held < 64 && status == PZ_OK) {
        pz_context_new(&holders[held], s->engine, NULL);
        pz_context_begin(holders[held++], 0, NULL);
        status =
            pz_engine_load_text(s->engine, "shop", shop_json, sizeof shop_json - 1, NULL, NULL);
    }
    assert_int_equal(status, PZ_ERR_BUSY);
    for (size_t i = 0; i < held; i++)
        pz_context_free(holders[i]);
    assert_int_equal(
        pz_engine_load_text(s->engine, "shop", shop_json, sizeof shop_json - 1, NULL, NULL), PZ_OK);
}

/* ---- types that JSON cannot say ---- */

static void text_becomes_the_declared_timestamp_and_whole_numbers_doubles(void **state)
{
    shop *s = *state;
    static const char typed[] =
        "{\"context\": {\"weight\": \"double\"}, \"attributes\": {\"born\": {\"type\": "
        "\"timestamp\"}, \"size\": {\"type\": \"double\"}},"
        "\"decisions\": {\"sum\": {\"rules\": [{\"expr\": \"profile.size + context.weight\"}]}}}";
    pz_error err = PZ_ERROR_INIT;
    pz_profile *ann;
    pz_resolution answer = {PZ_RESOLUTION};
    const pz_decision *decision;
    assert_int_equal(pz_engine_load_text(s->engine, "typed", typed, sizeof typed - 1, NULL, &err),
                     PZ_OK);
    begin(s);
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    assert_int_equal(pz_declare(ann, "born", pz_value_str("1990-05-06T00:00:00Z"), NULL, NULL),
                     PZ_OK);
    assert_int_equal(pz_resolve(&answer, s->context, ann, "born", NULL), PZ_OK);
    assert_int_equal(answer.value.kind, PZ_TIMESTAMP);
    assert_int_equal(pz_declare(ann, "born", pz_value_str("in May"), NULL, NULL), PZ_ERR_TYPE);
    assert_int_equal(pz_declare(ann, "size", pz_value_int(3), NULL, NULL), PZ_OK);
    assert_int_equal(pz_context_set(s->context, "weight", pz_value_int(2), NULL), PZ_OK);
    pz_decide(&decision, s->context, ann, "sum", NULL);
    assert_true(pz_value_equal(pz_decision_value(decision), pz_value_double(5.0)));
    assert_int_equal(pz_decision_value(decision).kind, PZ_DOUBLE);
    pz_profile_free(ann);
}

/* ---- misuse ---- */

static void time_that_comes_as_data_moves_no_stamp_into_the_future(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_error err = PZ_ERROR_INIT;
    pz_customer(&ann, s->engine, "customer", "ann", NULL);
    const pz_value late =
        json(s, "[\"choose\", \"language\", \"de\", {\"at\": \"2999-01-01T00:00:00Z\"}]");
    assert_int_equal(pz_profile_apply(ann, late, NULL, &err), PZ_ERR_TIME);
    assert_false(pz_profile_exists(ann));
    pz_profile_free(ann);
}

static void profile_of_another_engine_is_refused(void **state)
{
    shop *s = *state;
    pz_engine *other;
    pz_profile *bob;
    const pz_decision *decision;
    assert_int_equal(pz_engine_open(&other, NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&bob, other, PZ_PERSON, "bob", NULL), PZ_OK);
    assert_int_equal(pz_decide(&decision, s->context, bob, "hero", NULL), PZ_ERR_ARG);
    assert_int_equal(pz_context_account(s->context, bob, NULL), PZ_ERR_ARG);
    pz_profile_free(bob);
    assert_int_equal(pz_profile_new(&bob, other, PZ_PERSON, "\xff", NULL), PZ_ERR_ARG);
    pz_engine_close(other);
}

static void misuse_is_an_error_never_a_crash(void **state)
{
    shop *s = *state;
    pz_engine *engine;
    pz_profile *profile;
    pz_context *context;
    const pz_decision *decision;
    pz_resolution answer = {0};
    pz_value value;
    struct {
        pz_engine_options known;
        uint64_t beyond;
    } later = {{PZ_ENGINE_OPTIONS}, 1};
    later.known.size = sizeof later;
    assert_int_equal(pz_engine_open(NULL, NULL, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_engine_open(&engine, &later.known, NULL), PZ_ERR_ARG);
    later.beyond = 0;
    assert_int_equal(pz_engine_open(&engine, &later.known, NULL), PZ_OK);
    assert_int_equal(pz_context_new(&context, engine, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(context, 0, NULL), PZ_ERR_STATE);
    assert_int_equal(pz_context_set(context, "a", pz_value_int(1), NULL), PZ_ERR_STATE);
    assert_int_equal(pz_decide(&decision, context, NULL, "hero", NULL), PZ_ERR_STATE);
    assert_int_equal(pz_profile_new(&profile, engine, PZ_PERSON, "", NULL), PZ_ERR_ARG);
    assert_int_equal(pz_profile_new(&profile, engine, PZ_PERSON, "p", NULL), PZ_OK);
    assert_int_equal(pz_choose(profile, "a", pz_value_int(1), NULL, NULL), PZ_ERR_STATE);
    pz_profile_free(profile);
    assert_int_equal(pz_profile_open(&profile, s->engine, "nobody", NULL), PZ_ERR_NOT_FOUND);
    assert_null(profile);
    assert_int_equal(pz_resolve(&answer, s->context, NULL, "age", NULL), PZ_ERR_ARG);
    assert_int_equal(pz_eval(&value, s->pool, "1 +", 3, pz_value_null(), NULL), PZ_ERR_PARSE);
    assert_int_equal(pz_profile_decode(&profile, s->engine, "junk", 4, NULL), PZ_ERR_CORRUPT);
    pz_context_free(context);
    pz_context_free(NULL);
    pz_profile_free(NULL);
    pz_engine_close(engine);
    pz_engine_close(NULL);
    pz_report_free(NULL);
    assert_string_equal(pz_decision_str(NULL, "fallback"), "fallback");
}

static void operations_can_be_given_as_data(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_error err = PZ_ERROR_INIT;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    assert_int_equal(pz_profile_apply(ann,
                                      json(s, "[\"choose\", \"language\", \"de\", {\"at\": "
                                              "\"2026-03-01T00:00:00Z\", \"channel\": \"web\"}]"),
                                      NULL, &err),
                     PZ_OK);
    assert_int_equal(
        pz_profile_apply(ann,
                         json(s, "[\"merge\", [[\"declare\", \"age\", 40, {\"writer\": "
                                 "\"w2\", \"at\": \"2026-03-01T00:00:00Z\"}]]]"),
                         NULL, &err),
        PZ_OK);
    assert_string_equal(tier_of(s, ann, "age"), "DECLARED");
    assert_int_equal(
        pz_profile_apply(ann, json(s, "[\"chose\", \"language\", \"de\"]"), NULL, &err),
        PZ_ERR_TYPE);
    assert_non_null(strstr(err.message, "did you mean 'choose'"));
    assert_int_equal(pz_profile_apply(ann, json(s, "[\"choose\", \"language\"]"), NULL, &err),
                     PZ_ERR_TYPE);
    assert_int_equal(pz_profile_apply(ann, json(s, "{}"), NULL, &err), PZ_ERR_TYPE);
    pz_profile_free(ann);
}

#define SHOP_TEST(f) cmocka_unit_test_setup_teardown(f, open_shop, close_shop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SHOP_TEST(choice_stands_above_what_was_learned),
        SHOP_TEST(choosing_lifts_the_rejection_for_good),
        SHOP_TEST(clearing_lifts_every_rejection),
        SHOP_TEST(typed_calls_never_fail_silently),
        SHOP_TEST(bad_writes_are_refused_and_change_nothing),
        SHOP_TEST(customer_is_found_by_every_identifier),
        SHOP_TEST(one_customer_made_by_two_handles_is_one_customer),
        SHOP_TEST(batch_keeps_two_identifiers_of_one_customer_together),
        SHOP_TEST(batch_reports_bad_events_and_applies_the_others),
        SHOP_TEST(event_of_a_kind_that_is_not_declared_is_taken_and_said),
        SHOP_TEST(every_profile_is_visited_once),
        SHOP_TEST(ids_are_listed_as_profiles_are_visited),
        SHOP_TEST(merged_replicas_have_the_same_bytes_either_way),
        SHOP_TEST(first_rule_that_is_true_decides),
        SHOP_TEST(unknown_is_reported_and_fires_nothing),
        SHOP_TEST(what_was_asked_before_changes_no_decision),
        SHOP_TEST(explaining_changes_no_answer_and_names_every_rule),
        SHOP_TEST(sentences_tell_what_was_left_out_and_why),
        SHOP_TEST(decision_is_stale_after_another_circumstance),
        SHOP_TEST(decision_goes_back_to_its_own_customer),
        SHOP_TEST(warm_decisions_allocate_nothing),
        SHOP_TEST(unknown_names_are_answered_with_the_nearest),
        SHOP_TEST(broken_catalog_is_refused_and_the_old_one_stays),
        SHOP_TEST(contexts_keep_their_catalog_until_they_begin_anew),
        SHOP_TEST(a_moment_outside_the_years_is_refused),
        SHOP_TEST(too_many_held_catalogs_are_refused),
        SHOP_TEST(text_becomes_the_declared_timestamp_and_whole_numbers_doubles),
        SHOP_TEST(time_that_comes_as_data_moves_no_stamp_into_the_future),
        SHOP_TEST(profile_of_another_engine_is_refused),
        SHOP_TEST(misuse_is_an_error_never_a_crash),
        SHOP_TEST(operations_can_be_given_as_data),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
