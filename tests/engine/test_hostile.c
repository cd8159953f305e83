/*
 * test_hostile.c: callers who hand in what no careful caller would.
 *
 * Colliding identifiers, text that is no UTF-8, values nested too deep, times that no calendar
 * holds, structs that were not initialized: each must be refused with the documented status, and
 * leave everything as it was. Every test runs over an allocator that counts and checks.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include <personalize.h>

#include "engine/shop.h"
#include "support/oom.h"

/* A catalog whose context takes anything, so that anything reaches a decision. */
static const char open_json[] =
    "{ \"catalog\": \"open\",\n"
    "  \"context\": {\"given\": \"dyn\", \"items\": \"list<dyn>\"},\n"
    "  \"attributes\": {\"language\": {\"type\": \"string\", \"default\": \"en\"}},\n"
    "  \"decisions\": {\n"
    "    \"echo\": {\"rules\": [{\"id\": \"own\", \"when\": \"context.given == context.given\",\n"
    "              \"value\": \"x\"}], \"default\": \"none\"}\n"
    "  }\n"
    "}\n";

typedef struct shop {
    oom heap;
    pz_alloc alloc;
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
} shop;

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return SHOP_NOW;
}

static int open_shop(void **state)
{
    shop *s = calloc(1, sizeof *s);
    oom_init(&s->heap);
    s->alloc = oom_alloc(&s->heap);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = &s->alloc, .clock = fixed_clock};
    assert_int_equal(pz_engine_open(&s->engine, &options, NULL), PZ_OK);
    assert_int_equal(
        pz_engine_load_text(s->engine, "shop.json", shop_json, sizeof shop_json - 1, NULL, NULL),
        PZ_OK);
    assert_int_equal(pz_context_new(&s->context, s->engine, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&s->pool, &s->alloc), PZ_OK);
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
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

static void use_open_catalog(shop *s)
{
    pz_error err = PZ_ERROR_INIT;
    if (pz_engine_load_text(s->engine, "open.json", open_json, sizeof open_json - 1, NULL, &err))
        fail_msg("%s", err.message);
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
}

/* A list in a list in a list ..., `depth` levels, in the pool. */
static pz_value nested(shop *s, unsigned depth)
{
    pz_value value = pz_value_int(1);
    for (unsigned i = 0; i < depth; i++)
        assert_int_equal(pz_pool_list(s->pool, &value, &value, 1), PZ_OK);
    return value;
}

static uint64_t stored(shop *s)
{
    uint64_t count;
    assert_int_equal(pz_profile_count(s->engine, &count, NULL), PZ_OK);
    return count;
}

/* ---- identifiers ---- */

static void identifiers_that_differ_never_meet(void **state)
{
    shop *s = *state;
    pz_profile *one = NULL, *two = NULL;
    /* The same bytes when kind and value are put together around a separator of 0x1f. */
    if (pz_customer(&one, s->engine, "a\x1f", "b", NULL) == PZ_OK)
        assert_int_equal(pz_choose(one, "age", pz_value_int(1), NULL, NULL), PZ_OK);
    if (pz_customer(&two, s->engine, "a",
                    "\x1f"
                    "b",
                    NULL) == PZ_OK)
        assert_false(pz_profile_exists(two));
    pz_profile_free(one);
    pz_profile_free(two);
}

static void identifiers_are_text(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    assert_int_equal(pz_customer(&ann, s->engine, "email", "\xff\xfe", NULL), PZ_ERR_ARG);
    assert_null(ann);
    assert_int_equal(pz_customer(&ann, s->engine, "\xc3", "ann", NULL), PZ_ERR_ARG);
    assert_int_equal(pz_customer(&ann, s->engine, "email", "ann", NULL), PZ_OK);
    assert_int_equal(pz_identify(ann, "card", "\xff", NULL, NULL), PZ_ERR_ARG);
    pz_profile_free(ann);
}

static void batch_makes_no_customer_whom_nobody_can_find(void **state)
{
    shop *s = *state;
    pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str("view")},
        {pz_value_str("source"), pz_value_str("web")},
        {pz_value_str("id"), pz_value_str("1")},
        {pz_value_str("time"), pz_value_str("2026-03-09T08:00:00Z")},
        {pz_value_str("category"), pz_value_str("home")},
        {pz_value_str("customer"), pz_value_str("\xff\xfe")},
    };
    pz_value event;
    pz_observed result = {.size = sizeof result};
    assert_int_equal(pz_pool_map(s->pool, &event, entries, 6), PZ_OK);
    assert_int_equal(pz_observe_many(s->engine, &event, 1, 0, 0, &result, NULL), PZ_OK);
    assert_int_not_equal(result.status, PZ_OK);
    assert_true(result.message[0] != '\0');
    assert_int_equal(stored(s), 0);
}

/* What is handed in as a value carries its length; pz_customer() takes texts that end with NUL. */
static void identifier_with_nul_is_given_to_nobody(void **state)
{
    shop *s = *state;
    const pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str("view")},
        {pz_value_str("source"), pz_value_str("web")},
        {pz_value_str("id"), pz_value_str("1")},
        {pz_value_str("time"), pz_value_str("2026-03-09T08:00:00Z")},
        {pz_value_str("category"), pz_value_str("home")},
        {pz_value_str("customer"), pz_value_strn("a\0b", 3)},
    };
    const pz_value identify[] = {pz_value_str("identify"), pz_value_str("email"),
                                 pz_value_strn("a\0b", 3)};
    pz_value event, operation, row[2] = {pz_value_strn("a\0b", 3)}, wrong;
    pz_observed result = {.size = sizeof result};
    assert_int_equal(pz_pool_map(s->pool, &event, entries, 6), PZ_OK);
    assert_int_equal(pz_observe_many(s->engine, &event, 1, 0, 0, &result, NULL), PZ_OK);
    assert_int_equal(result.status, PZ_ERR_ARG);
    assert_non_null(strstr(result.message, "NUL"));
    assert_int_equal(pz_pool_list(s->pool, &operation, identify, 3), PZ_OK);
    for (int i = 0; i < 2; i++) { /* whom the row is about, then what it says */
        row[1] = operation;
        assert_int_equal(pz_pool_list(s->pool, &wrong, row, 2), PZ_OK);
        assert_int_equal(pz_apply_many(s->engine, &wrong, 1, NULL, 0, &result, NULL), PZ_OK);
        assert_int_equal(result.status, PZ_ERR_ARG);
        row[0] = pz_value_str("a");
    }
    assert_int_equal(stored(s), 0);
}

/* ---- circumstances and expressions ---- */

static void circumstance_that_cannot_be_kept_says_why(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    use_open_catalog(s);
    assert_int_equal(pz_context_set(s->context, "given", nested(s, 2000), &err), PZ_ERR_LIMIT);
    assert_null(strstr(err.message, "memory"));
    assert_int_equal(pz_context_set(s->context, "given", pz_value_str("\xff"), &err), PZ_ERR_PARSE);
    assert_null(strstr(err.message, "memory"));
}

static void deepest_circumstance_can_be_told_or_says_why(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    const pz_decision *echo;
    pz_value out;
    pz_str text;
    use_open_catalog(s);
    for (unsigned depth = 500; depth < 512; depth++) {
        pz_pool_reset(s->pool);
        assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
        const pz_status status = pz_context_set(s->context, "given", nested(s, depth), &err);
        if (status != PZ_OK) {
            assert_int_equal(status, PZ_ERR_LIMIT);
            continue;
        }
        assert_int_equal(pz_decide(&echo, s->context, NULL, "echo", NULL), PZ_OK);
        assert_int_equal(pz_decision_map(&out, s->context, echo, NULL), PZ_OK);
        const pz_status bytes = pz_decision_bytes(&out, s->context, echo, &err);
        assert_true(bytes == PZ_OK || bytes == PZ_ERR_LIMIT);
        if (bytes != PZ_OK)
            assert_null(strstr(err.message, "memory"));
        assert_int_not_equal(pz_explain_text(&text, s->context, echo, NULL), PZ_ERR_NOMEM);
    }
}

static void explanation_of_a_huge_value_is_cut_or_says_why(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    const pz_decision *echo;
    pz_str text;
    const size_t len = 2u << 20;
    char *huge = malloc(len);
    memset(huge, 'x', len);
    use_open_catalog(s);
    assert_int_equal(pz_context_set(s->context, "given", pz_value_strn(huge, len), &err), PZ_OK);
    free(huge);
    assert_int_equal(pz_decide(&echo, s->context, NULL, "echo", NULL), PZ_OK);
    const pz_status status = pz_explain_text(&text, s->context, echo, &err);
    if (status != PZ_OK) {
        assert_int_equal(status, PZ_ERR_LIMIT);
        assert_null(strstr(err.message, "memory"));
    }
}

static void types_inside_a_result_are_no_lack_of_memory(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    pz_value out;
    const char *const source = "[type(1), {'a': type('x')}]";
    const pz_status status = pz_eval(&out, s->pool, source, strlen(source), pz_value_null(), &err);
    if (status != PZ_OK) {
        assert_int_equal(status, PZ_ERR_EVAL);
        assert_null(strstr(err.message, "memory"));
    }
}

/* A profile that counted one "v", in the bucket 2^52 + 432617 of 4,096 s: far beyond all time, but
 * its beginning in 64 bits is a day of February 2026. */
static void a_bucket_beyond_all_time_is_no_last_event(void **state)
{
    static const char hex[] =
        "505a700100017801056c6f63616c6b010006010b020d040c050206170a1f010108636f756e74"
        "2876295101080b01636f756e74287629010b0cd2e7b480808080100201000280f08eeb946748"
        "d5b7cc5169b4df39af02f9bfe187ac0180f08eeb946748d5b7cc5169b4df39af02f9bfe187ac"
        "01010b0cf0e83402";
    static const char catalog[] =
        "{\"decisions\": {\"seen\": {\"rules\": [{\"when\": \"last('v') < now\", \"value\": "
        "\"yes\"}], \"default\": \"no\"}}}";
    shop *s = *state;
    char bytes[sizeof hex / 2];
    pz_profile *ann;
    const pz_decision *seen;
    for (size_t i = 0; i < sizeof bytes; i++) {
        const char octet[3] = {hex[2 * i], hex[2 * i + 1], '\0'};
        bytes[i] = (char)strtoul(octet, NULL, 16);
    }
    assert_int_equal(pz_engine_load_text(s->engine, "c", catalog, sizeof catalog - 1, NULL, NULL),
                     PZ_OK);
    assert_int_equal(pz_profile_decode(&ann, s->engine, bytes, sizeof bytes, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    assert_int_equal(pz_decide(&seen, s->context, ann, "seen", NULL), PZ_OK);
    assert_string_equal(pz_decision_str(seen, ""), "no");
    pz_profile_free(ann);
}

/* ---- operations as data ---- */

static void operation_at_a_time_beyond_any_calendar_is_refused(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    static const int64_t seconds[] = {
        INT64_MAX,    INT64_MIN,   INT64_MAX / 1000 + 1, INT64_MIN / 1000 - 1,
        253402300800, -62135596801};
    for (size_t i = 0; i < sizeof seconds / sizeof seconds[0]; i++) {
        const pz_value at = {.kind = PZ_TIMESTAMP, .as.i = seconds[i]};
        const pz_entry entry = {pz_value_str("at"), at};
        pz_value items[4] = {pz_value_str("choose"), pz_value_str("age"), pz_value_int(1)};
        pz_value operation;
        assert_int_equal(pz_pool_map(s->pool, &items[3], &entry, 1), PZ_OK);
        assert_int_equal(pz_pool_list(s->pool, &operation, items, 4), PZ_OK);
        const pz_status status = pz_profile_apply(ann, operation, NULL, NULL);
        assert_true(status == PZ_ERR_TYPE || status == PZ_ERR_TIME);
        assert_false(pz_profile_exists(ann));
    }
    pz_profile_free(ann);
}

static void merges_inside_merges_end_at_a_limit(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_error err = PZ_ERROR_INIT;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    pz_value operation = json(s, "[\"choose\", \"age\", 3]");
    for (unsigned i = 0; i < 200000; i++) {
        pz_value items[2] = {pz_value_str("merge")};
        assert_int_equal(pz_pool_list(s->pool, &items[1], &operation, 1), PZ_OK);
        assert_int_equal(pz_pool_list(s->pool, &operation, items, 2), PZ_OK);
        if (i == 2)
            assert_int_equal(pz_profile_apply(ann, operation, NULL, &err), PZ_OK);
    }
    assert_int_equal(pz_profile_apply(ann, operation, NULL, &err), PZ_ERR_LIMIT);
    pz_profile_free(ann);
}

static void operation_with_a_member_of_another_type_is_refused(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    static const char *const operations[] = {
        "[\"choose\", \"age\", 1, {\"channel\": 5}]",
        "[\"choose\", \"age\", 1, {\"who\": [\"ann\"]}]",
        "[\"choose\", \"age\", 1, {\"writer\": true}]",
        "[\"merge\", [], {}, 1]",
    };
    for (size_t i = 0; i < sizeof operations / sizeof operations[0]; i++)
        assert_int_equal(pz_profile_apply(ann, json(s, operations[i]), NULL, NULL), PZ_ERR_TYPE);
    assert_false(pz_profile_exists(ann));
    pz_profile_free(ann);
}

/* As many values as a writer can reject. Clearing them one look at a time would take minutes. */
static void clearing_thousands_of_rejections_is_quick(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_pool *pool;
    pz_value operation;
    use_open_catalog(s);
    assert_int_equal(pz_pool_new(&pool, &s->alloc), PZ_OK);
    assert_int_equal(pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL), PZ_OK);
    for (int i = 0; i < 1000; i++) {
        char text[64];
        snprintf(text, sizeof text, "[\"reject\", \"language\", \"%d\"]", i);
        assert_int_equal(pz_value_parse(pool, &operation, text, strlen(text), 0, NULL), PZ_OK);
        assert_int_equal(pz_profile_apply(ann, operation, NULL, NULL), PZ_OK);
    }
    const clock_t start = clock();
    assert_int_equal(pz_clear(ann, "language", NULL, NULL), PZ_OK);
    assert_true(clock() - start < CLOCKS_PER_SEC);
    pz_value layers;
    assert_int_equal(pz_inspect(&layers, s->context, ann, "language", NULL), PZ_OK);
    assert_int_equal(layers.len, 1);
    pz_profile_free(ann);
    pz_pool_free(pool);
}

/* ---- structs ---- */

static void write_with_an_unknown_flag_is_refused(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    const pz_write write = {PZ_WRITE, .flags = 4};
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    assert_int_equal(pz_choose(ann, "age", pz_value_int(1), &write, NULL), PZ_ERR_ARG);
    pz_profile_free(ann);
}

static void a_flag_of_another_version_is_named(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    pz_value value;
    assert_int_equal(pz_value_parse(s->pool, &value, "1", 1, 1u << 31, &err), PZ_ERR_ARG);
    assert_non_null(strstr(err.message, "flag"));
    assert_int_equal(pz_observe_many(s->engine, &value, 1, 0, 1u << 31, NULL, &err), PZ_ERR_ARG);
    assert_non_null(strstr(err.message, "flag"));
}

static void a_circumstance_of_another_type_is_named_by_its_kind(void **state)
{
    shop *s = *state;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    assert_int_equal(pz_context_set(s->context, "channel", pz_value_int(1), &err), PZ_ERR_TYPE);
    assert_non_null(strstr(err.message, "was given int"));
}

static void results_without_their_size_are_refused_before_anything_is_done(void **state)
{
    shop *s = *state;
    pz_value event = json(s, "{\"kind\":\"view\",\"source\":\"w\",\"id\":\"1\",\"time\":"
                             "\"2026-03-09T08:00:00Z\",\"customer\":\"ann\"}");
    pz_observed result = {0};
    assert_int_equal(pz_observe_many(s->engine, &event, 1, 0, 0, &result, NULL), PZ_ERR_ARG);
    assert_int_equal(stored(s), 0);
}

static void negative_skew_is_refused(void **state)
{
    (void)state;
    pz_engine *engine;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .skew_ms = -1};
    assert_int_equal(pz_engine_open(&engine, &options, NULL), PZ_ERR_ARG);
    assert_null(engine);
}

static void writes_at_the_ends_of_time_are_refused(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL);
    static const int64_t times[] = {INT64_MIN, INT64_MAX, INT64_MIN + 1, INT64_MAX - 1};
    static const int64_t edges[] = {-62135596800000, 253402300799999, -1, 1};
    for (size_t i = 0; i < 4; i++)
        for (size_t k = 0; k < 4; k++) {
            const pz_write write = {PZ_WRITE, .at_ms = times[i], .now_ms = times[k]};
            const pz_write lasting = {PZ_WRITE, .expires_ms = times[i]};
            assert_int_equal(pz_choose(ann, "age", pz_value_int(1), &write, NULL), PZ_ERR_TIME);
            pz_choose(ann, "age", pz_value_int(1), &lasting, NULL);
            assert_int_equal(pz_context_begin(s->context, times[i], NULL), PZ_ERR_TIME);
            assert_int_equal(pz_context_begin(s->context, edges[i], NULL), PZ_OK);
            pz_value layers;
            assert_int_equal(pz_inspect(&layers, s->context, ann, "age", NULL), PZ_OK);
            const pz_decision *hero;
            pz_str text;
            assert_int_equal(pz_decide(&hero, s->context, ann, "hero", NULL), PZ_OK);
            assert_int_equal(pz_decision_map(&layers, s->context, hero, NULL), PZ_OK);
            assert_int_equal(pz_explain_text(&text, s->context, hero, NULL), PZ_OK);
        }
    pz_profile_free(ann);
}

/* ---- handles ---- */

static void refreshing_sees_a_customer_made_elsewhere(void **state)
{
    shop *s = *state;
    pz_profile *one, *two;
    pz_customer(&one, s->engine, "customer", "ann", NULL);
    pz_customer(&two, s->engine, "customer", "ann", NULL);
    assert_int_equal(pz_choose(one, "age", pz_value_int(40), NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_refresh(two, NULL), PZ_OK);
    assert_true(pz_profile_exists(two));
    int64_t age;
    assert_int_equal(pz_resolve_int(&age, s->context, two, "age", 0), PZ_OK);
    assert_int_equal(age, 40);
    pz_profile_free(one);
    pz_profile_free(two);
}

static void customer_begun_by_a_merge_is_found_again(void **state)
{
    shop *s = *state;
    pz_profile *ann, *replica, *again;
    char id[65];
    pz_customer(&ann, s->engine, "email", "ann@example.com", NULL);
    const pz_str own = pz_profile_id(ann);
    snprintf(id, sizeof id, "%.*s", (int)own.len, own.data);
    pz_profile_new(&replica, s->engine, PZ_PERSON, id, NULL);
    pz_choose(replica, "age", pz_value_int(40), NULL, NULL);
    assert_int_equal(pz_merge(ann, replica, NULL), PZ_OK);
    pz_customer(&again, s->engine, "email", "ann@example.com", NULL);
    assert_true(pz_profile_exists(again));
    pz_profile_free(again);
    pz_profile_free(replica);
    pz_profile_free(ann);
}

static pz_status write_while_visiting(void *payload, const pz_profile *profile)
{
    shop *s = payload;
    pz_profile *other;
    (void)profile;
    assert_int_equal(pz_customer(&other, s->engine, "customer", "zoe", NULL), PZ_OK);
    assert_int_equal(pz_choose(other, "age", pz_value_int(1), NULL, NULL), PZ_OK);
    pz_profile_free(other);
    return PZ_OK;
}

static void visitors_may_write(void **state)
{
    shop *s = *state;
    write_while_visiting(s, NULL);
    assert_int_equal(pz_each_profile(s->engine, write_while_visiting, s, NULL), PZ_OK);
}

/* ---- batches ---- */

static void refused_event_of_a_replay_leaves_no_trace(void **state)
{
    shop *s = *state;
    pz_profile *ann;
    pz_customer(&ann, s->engine, "customer", "ann", NULL);
    pz_choose(ann, "age", pz_value_int(40), NULL, NULL);
    /* A counter that is new to this profile: since when it is kept is noted at the next write. */
    static const char more[] =
        "{\"catalog\": \"shop\", \"attributes\": {\"age\": {\"type\": \"int\"}},\n"
        " \"signals\": [],\n"
        " \"segments\": {\"regular\": \"count('buy', duration('720h')) >= 3\"}}";
    assert_int_equal(pz_engine_load_text(s->engine, "shop.json", more, sizeof more - 1, NULL, NULL),
                     PZ_OK);
    const char *const good = "{\"kind\":\"buy\",\"source\":\"w\",\"id\":\"1\",\"time\":"
                             "\"2026-03-09T08:00:00Z\",\"customer\":\"ann\"}";
    char longest[200]; /* no channel has so long a name */
    memset(longest, 'x', sizeof longest);
    const pz_entry channel[] = {
        {pz_value_str("kind"), pz_value_str("buy")},
        {pz_value_str("source"), pz_value_str("w")},
        {pz_value_str("id"), pz_value_str("3")},
        {pz_value_str("time"), pz_value_str("2001-03-09T08:00:00Z")},
        {pz_value_str("customer"), pz_value_str("ann")},
        {pz_value_str("channel"), pz_value_strn(longest, sizeof longest)},
    };
    pz_value events[2];
    pz_observed results[2] = {{.size = sizeof results[0]}, {.size = sizeof results[0]}};
    assert_int_equal(pz_pool_map(s->pool, &events[0], channel, 6), PZ_OK);
    events[1] = json(s, good);
    assert_int_equal(pz_observe_many(s->engine, events, 2, 0, PZ_OBSERVE_REPLAY, results, NULL),
                     PZ_OK);
    assert_int_equal(results[0].status, PZ_ERR_LIMIT);
    assert_int_equal(results[1].status, PZ_OK);
    pz_profile_refresh(ann, NULL);
    pz_str text;
    assert_int_equal(pz_profile_export(ann, s->pool, &text, 1, NULL), PZ_OK);
    assert_null(strstr(text.data, "2001-"));
    pz_profile_free(ann);
}

/* ---- what a decision says about itself ---- */

static void decision_says_of_a_segment_it_read_whether_the_customer_is_in_it(void **state)
{
    shop *s = *state;
    const pz_decision *hero;
    pz_profile *ann;
    pz_value map;
    uint32_t found = 0;
    assert_int_equal(pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL), PZ_OK);
    assert_int_equal(pz_decide(&hero, s->context, ann, "hero", NULL), PZ_OK);
    assert_int_equal(pz_decision_map(&map, s->context, hero, NULL), PZ_OK);
    const pz_value uses = pz_value_get(map, "uses", 4, NULL);
    for (uint32_t i = 0; i < uses.len; i++) {
        const pz_value use = pz_value_item(uses, i);
        if (!pz_value_equal(pz_value_get(use, "name", 4, NULL), pz_value_str("segment.regular")))
            continue;
        found++;
        assert_true(pz_value_equal(pz_value_get(use, "value", 5, NULL), pz_value_bool(false)));
    }
    assert_int_equal(found, 1);
    pz_profile_free(ann);
}

/* Whatever is wrong with a value is said, by every verb that takes one. */
static void value_too_long_to_keep_is_told_of(void **state)
{
    static const char catalog[] =
        "{\"catalog\": \"long\", \"attributes\": {"
        "\"note\": {\"type\": \"string\"},"
        "\"tags\": {\"type\": \"list<string>\", \"merge\": \"set\"},"
        "\"card\": {\"type\": \"map<string, dyn>\", \"merge\": \"record\"}}}";
    shop *s = *state;
    pz_profile *ann;
    char text[5000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    const pz_value value = pz_value_str(text);
    assert_int_equal(
        pz_engine_load_text(s->engine, "long", catalog, sizeof catalog - 1, NULL, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&ann, s->engine, PZ_PERSON, "ann", NULL), PZ_OK);
    for (int i = 0; i < 5; i++) {
        pz_error err = PZ_ERROR_INIT;
        const pz_status status = i == 0   ? pz_choose(ann, "note", value, NULL, &err)
                                 : i == 1 ? pz_reject(ann, "note", value, NULL, &err)
                                 : i == 2 ? pz_declare(ann, "note", value, NULL, &err)
                                 : i == 3 ? pz_choose(ann, "tags", value, NULL, &err)
                                          : pz_clear_member(ann, "card", text, NULL, &err);
        assert_int_equal(status, PZ_ERR_LIMIT);
        assert_int_equal(err.status, PZ_ERR_LIMIT);
        assert_non_null(strstr(err.message, "4096 bytes"));
    }
    pz_profile_free(ann);
}

/* Two contexts of one engine count their circumstances alike; the second is about another moment
 * and another catalog. */
static void decision_is_told_of_by_its_own_context_alone(void **state)
{
    shop *s = *state;
    const pz_decision *hero;
    pz_context *other;
    pz_value v;
    pz_str text;
    uint64_t number = 0;
    assert_int_equal(pz_decide(&hero, s->context, NULL, "hero", NULL), PZ_OK);
    for (int is_other_catalog = 0; is_other_catalog < 2; is_other_catalog++) {
        static const char open[] = "{\"catalog\": \"open\"}";
        if (is_other_catalog)
            assert_int_equal(
                pz_engine_load_text(s->engine, "open", open, sizeof open - 1, NULL, NULL), PZ_OK);
        assert_int_equal(pz_context_new(&other, s->engine, NULL), PZ_OK);
        assert_int_equal(pz_context_begin(other, SHOP_NOW - SHOP_DAY, NULL), PZ_OK);
        assert_int_equal(pz_decision_id(&text, other, hero, NULL), PZ_ERR_ARG);
        assert_int_equal(pz_decision_map(&v, other, hero, NULL), PZ_ERR_ARG);
        assert_int_equal(pz_decision_bytes(&v, other, hero, NULL), PZ_ERR_ARG);
        assert_int_equal(pz_explain(&v, other, hero, NULL), PZ_ERR_ARG);
        assert_int_equal(pz_explain_text(&text, other, hero, NULL), PZ_ERR_ARG);
        assert_int_equal(pz_decision_record(&v, other, hero, NULL, NULL), PZ_ERR_ARG);
        assert_int_equal(pz_record(&number, other, hero, NULL, NULL), PZ_ERR_ARG);
        pz_context_free(other);
    }
    assert_int_equal(pz_record(&number, s->context, hero, NULL, NULL), PZ_OK);
    assert_int_equal(number, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define CASE(name) cmocka_unit_test_setup_teardown(name, open_shop, close_shop)
        CASE(identifiers_that_differ_never_meet),
        CASE(identifiers_are_text),
        CASE(identifier_with_nul_is_given_to_nobody),
        CASE(batch_makes_no_customer_whom_nobody_can_find),
        CASE(circumstance_that_cannot_be_kept_says_why),
        CASE(deepest_circumstance_can_be_told_or_says_why),
        CASE(explanation_of_a_huge_value_is_cut_or_says_why),
        CASE(types_inside_a_result_are_no_lack_of_memory),
        CASE(operation_at_a_time_beyond_any_calendar_is_refused),
        CASE(operation_with_a_member_of_another_type_is_refused),
        CASE(clearing_thousands_of_rejections_is_quick),
        CASE(write_with_an_unknown_flag_is_refused),
        CASE(a_flag_of_another_version_is_named),
        CASE(a_circumstance_of_another_type_is_named_by_its_kind),
        CASE(results_without_their_size_are_refused_before_anything_is_done),
        CASE(negative_skew_is_refused),
        CASE(a_bucket_beyond_all_time_is_no_last_event),
        CASE(writes_at_the_ends_of_time_are_refused),
        CASE(refreshing_sees_a_customer_made_elsewhere),
        CASE(customer_begun_by_a_merge_is_found_again),
        CASE(visitors_may_write),
        CASE(refused_event_of_a_replay_leaves_no_trace),
        CASE(decision_says_of_a_segment_it_read_whether_the_customer_is_in_it),
        CASE(value_too_long_to_keep_is_told_of),
        CASE(decision_is_told_of_by_its_own_context_alone),
        CASE(merges_inside_merges_end_at_a_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
