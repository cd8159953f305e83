/*
 * test_many.c: many customers in one call: the same answers as one by one, a line for each, and
 * errors that stay with the customer they are about.
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

static const char more_json[] =
    "{ \"attributes\": {\"language\": {\"type\": \"string\", \"default\": \"en\"},"
    "                   \"score\": {\"type\": \"double\"}},"
    "  \"segments\": {\"german\": \"profile.language == 'de'\"},"
    "  \"decisions\": {\"hero\": {\"rules\": [{\"id\": \"german\", \"when\": \"segment.german\","
    "                                      \"value\": \"hallo\"}], \"default\": \"hello\"},"
    "                \"bare\": {\"default\": 7},"
    "                \"odd\": {\"rules\": [{\"expr\": \"profile.score / 0.0\"}]}}}";

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return SHOP_NOW;
}

typedef struct shop {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
} shop;

static pz_status open_with(shop *s, const pz_alloc *alloc)
{
    *s = (shop){.engine = NULL};
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock};
    pz_status status = pz_engine_open(&s->engine, &options, NULL);
    if (status == PZ_OK)
        status = pz_engine_load_text(s->engine, "m", more_json, sizeof more_json - 1, NULL, NULL);
    if (status == PZ_OK)
        status = pz_context_new(&s->context, s->engine, NULL);
    if (status == PZ_OK)
        status = pz_pool_new(&s->pool, alloc);
    return status == PZ_OK ? pz_context_begin(s->context, 0, NULL) : status;
}

static void close_shop(shop *s)
{
    pz_pool_free(s->pool);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
}

/* A stored customer who speaks `language`; her id in `id`. */
static void keep(shop *s, const char *email, const char *language, char id[65])
{
    pz_profile *p;
    assert_int_equal(pz_customer(&p, s->engine, "email", email, NULL), PZ_OK);
    assert_int_equal(pz_choose(p, "language", pz_value_str(language), NULL, NULL), PZ_OK);
    const pz_str text = pz_profile_id(p);
    memcpy(id, text.data, text.len);
    id[text.len] = '\0';
    pz_profile_free(p);
}

/* Texts one behind the other, as pz_many wants them. */
typedef struct row {
    char text[1024];
    uint64_t ends[8];
    uint32_t count;
} row;

static void put(row *r, const char *text)
{
    const uint64_t at = r->count ? r->ends[r->count - 1] : 0;
    memcpy(r->text + at, text, strlen(text));
    r->ends[r->count++] = at + strlen(text);
}

static const char *const heroes[] = {"hero"};

static pz_many many_of(const row *r, pz_many_by by)
{
    return (pz_many){PZ_MANY,         .by = by,        .count = r->count, .texts = r->text,
                     .ends = r->ends, .kind = "email", .names = heroes,   .name_count = 1};
}

static void ids_identifiers_handles_and_bytes_answer_alike(void **state)
{
    (void)state;
    shop s;
    char ann[65], bob[65], expected[512];
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    keep(&s, "ann@x", "de", ann);
    keep(&s, "bob@x", "fr", bob);
    static const char form[] =
        "{\"customer\":\"%s\",\"decision\":\"hero\",\"value\":\"hallo\",\"reason\":"
        "\"TARGETING_MATCH\",\"rule\":\"german\",\"confidence\":1.0}\n"
        "{\"customer\":\"%s\",\"decision\":\"hero\",\"value\":\"hello\",\"reason\":\"DEFAULT\","
        "\"rule\":\"\",\"confidence\":1.0}\n";
    snprintf(expected, sizeof expected, form, ann, bob);
    row ids = {.count = 0}, emails = {.count = 0};
    put(&ids, ann);
    put(&ids, bob);
    put(&emails, "ann@x");
    put(&emails, "bob@x");
    pz_str text;
    pz_many many = many_of(&ids, PZ_BY_ID);
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    assert_string_equal(text.data, expected);
    assert_int_equal(text.len, strlen(expected));
    pz_profile *handles[2];
    pz_value bytes[2];
    for (int i = 0; i < 2; i++) {
        assert_int_equal(pz_profile_open(&handles[i], s.engine, i ? bob : ann, NULL), PZ_OK);
        assert_int_equal(pz_profile_encode(handles[i], s.pool, &bytes[i], NULL), PZ_OK);
    }
    many = (pz_many){PZ_MANY, .count = 2, .profiles = (const pz_profile *const *)handles,
                     .names = heroes, .name_count = 1};
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    assert_string_equal(text.data, expected);
    row packed = {.count = 2};
    memcpy(packed.text, bytes[0].as.text, bytes[0].len);
    memcpy(packed.text + bytes[0].len, bytes[1].as.text, bytes[1].len);
    packed.ends[0] = bytes[0].len;
    packed.ends[1] = bytes[0].len + bytes[1].len;
    many = many_of(&packed, PZ_BY_BYTES);
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    assert_string_equal(text.data, expected);
    snprintf(expected, sizeof expected, form, "ann@x", "bob@x");
    many = many_of(&emails, PZ_BY_IDENTIFIER);
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    assert_string_equal(text.data, expected);
    for (int i = 0; i < 2; i++)
        pz_profile_free(handles[i]);
    close_shop(&s);
}

static void what_befalls_one_customer_stays_with_that_one(void **state)
{
    (void)state;
    shop s;
    char ann[65], expected[1024], long_id[400];
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    keep(&s, "ann@x", "de", ann);
    memset(long_id, 'x', sizeof long_id);
    long_id[sizeof long_id - 1] = '\0';
    row ids = {.count = 0};
    put(&ids, "nobody");
    put(&ids, ann);
    put(&ids, "");
    put(&ids, long_id);
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    pz_many many = many_of(&ids, PZ_BY_ID);
    assert_int_equal(pz_segments_many(&text, s.context, s.pool, &many, &err), PZ_OK);
    snprintf(expected, sizeof expected,
             "{\"customer\":\"nobody\",\"error\":\"the store holds no profile 'nobody'\","
             "\"status\":\"ERR_NOT_FOUND\"}\n"
             "{\"customer\":\"%s\",\"segments\":[\"german\"]}\n"
             "{\"customer\":\"\",\"error\":",
             ann);
    assert_memory_equal(text.data, expected, strlen(expected));
    unsigned lines = 0;
    for (const char *c = text.data; *c; c++)
        lines += *c == '\n';
    assert_int_equal(lines, 4);
    row bytes = {.count = 0};
    put(&bytes, "nonsense");
    many = many_of(&bytes, PZ_BY_BYTES);
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_OK);
    assert_non_null(strstr(text.data, "{\"customer\":null,\"decision\":\"hero\",\"error\":"));
    assert_non_null(strstr(text.data, "\"status\":\"ERR_CORRUPT\"}\n"));
    row emails = {.count = 0};
    put(&emails, "new@x");
    put(&emails, "");
    many = many_of(&emails, PZ_BY_IDENTIFIER);
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_OK);
    assert_non_null(strstr(text.data, "\"value\":\"hello\""));
    assert_non_null(strstr(text.data, "\"confidence\":1.0,\"is_new\":true}\n{\"customer\":\"\""));
    uint64_t count;
    assert_int_equal(pz_profile_count(s.engine, &count, NULL), PZ_OK);
    assert_int_equal(count, 1);
    close_shop(&s);
}

static void names_and_answers_stand_customer_by_customer(void **state)
{
    (void)state;
    shop s;
    char ann[65], expected[2048];
    static const char *const both[] = {"bare", "hero"};
    static const char *const attributes[] = {"language", "score"};
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    keep(&s, "ann@x", "de", ann);
    row ids = {.count = 0};
    put(&ids, ann);
    pz_str text;
    pz_many many = many_of(&ids, PZ_BY_ID);
    many.names = both;
    many.name_count = 2;
    many.flags = PZ_MANY_ID | PZ_MANY_WHY;
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    const char *second = strchr(text.data, '\n') + 1;
    assert_non_null(strstr(text.data, "\"decision\":\"bare\",\"value\":7,\"reason\":\"STATIC\""));
    assert_non_null(strstr(second, "\"decision\":\"hero\",\"value\":\"hallo\""));
    assert_non_null(strstr(second, "\"why\":\"hero is \\\"hallo\\\": rule 'german' matched"));
    /* The id is the one that a single decision has. */
    pz_profile *p;
    const pz_decision *one;
    pz_str id;
    assert_int_equal(pz_profile_open(&p, s.engine, ann, NULL), PZ_OK);
    assert_int_equal(pz_decide(&one, s.context, p, "hero", NULL), PZ_OK);
    assert_int_equal(pz_decision_id(&id, s.context, one, NULL), PZ_OK);
    snprintf(expected, sizeof expected, "\"id\":\"%s\"", id.data);
    assert_non_null(strstr(second, expected));
    pz_profile_free(p);
    many.names = attributes;
    many.flags = 0;
    assert_int_equal(pz_answer_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    snprintf(expected, sizeof expected,
             "{\"customer\":\"%s\",\"attribute\":\"language\",\"value\":\"de\",\"tier\":\"CHOICE\","
             "\"reason\":\"EXPLICIT\",\"at\":\"2026-03-10T00:00:00Z\"}\n"
             "{\"customer\":\"%s\",\"attribute\":\"score\",\"value\":null,\"tier\":\"NONE\","
             "\"reason\":\"UNRESOLVED\"}\n",
             ann, ann);
    assert_string_equal(text.data, expected);
    close_shop(&s);
}

static void a_value_without_a_word_in_json_is_that_customers_error(void **state)
{
    (void)state;
    shop s;
    static const char *const odd[] = {"odd", "bare"};
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    pz_profile *p;
    assert_int_equal(pz_profile_new(&p, s.engine, PZ_PERSON, "p", NULL), PZ_OK);
    assert_int_equal(pz_declare(p, "score", pz_value_double(0.0), NULL, NULL), PZ_OK);
    const pz_profile *list[] = {p, NULL};
    const pz_many many = {PZ_MANY, .count = 2, .profiles = list, .names = odd, .name_count = 2};
    pz_str text;
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    assert_non_null(strstr(text.data, "{\"customer\":\"p\",\"decision\":\"odd\",\"error\":\"the "
                                      "value is not a finite number"));
    assert_non_null(strstr(text.data, "{\"customer\":null,\"decision\":\"bare\",\"value\":7,"));
    pz_profile_free(p);
    close_shop(&s);
}

static void bad_calls_are_refused_whole(void **state)
{
    (void)state;
    shop s;
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    static const char *const wrong[] = {"heroo"};
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    row r = {.count = 0};
    put(&r, "a");
    put(&r, "b");
    const pz_many good = many_of(&r, PZ_BY_ID);
    pz_many many = good;
#define REFUSES(wanted, call)                                                                      \
    do {                                                                                           \
        many = good;                                                                               \
        call;                                                                                      \
        assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), wanted);           \
        assert_true(err.message[0]);                                                               \
        assert_int_equal(text.len, 0);                                                             \
    } while (0)
    REFUSES(PZ_ERR_NOT_FOUND, many.names = wrong);
    assert_non_null(strstr(err.message, "did you mean 'hero'"));
    REFUSES(PZ_ERR_ARG, many.size = 4);
    REFUSES(PZ_ERR_ARG, many.flags = 4);
    REFUSES(PZ_ERR_ARG, many.by = 4);
    REFUSES(PZ_ERR_ARG, many.by = PZ_BY_HANDLE);
    REFUSES(PZ_ERR_ARG, many.texts = NULL);
    REFUSES(PZ_ERR_ARG, many.names = NULL);
    REFUSES(PZ_ERR_ARG, (many.by = PZ_BY_IDENTIFIER, many.kind = NULL));
    const uint64_t backwards[] = {2, 1};
    REFUSES(PZ_ERR_ARG, many.ends = backwards);
    REFUSES(PZ_ERR_PARSE, many.texts = "\xff\xff");
#undef REFUSES
    many = good;
    assert_int_equal(pz_decide_many(&text, NULL, s.pool, &many, &err), PZ_ERR_ARG);
    assert_int_equal(pz_decide_many(NULL, s.context, s.pool, &many, &err), PZ_ERR_ARG);
    pz_context *fresh;
    assert_int_equal(pz_context_new(&fresh, s.engine, NULL), PZ_OK);
    assert_int_equal(pz_decide_many(&text, fresh, s.pool, &many, &err), PZ_ERR_STATE);
    pz_context_free(fresh);
    shop other;
    pz_profile *stranger;
    assert_int_equal(open_with(&other, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&stranger, other.engine, PZ_PERSON, "s", NULL), PZ_OK);
    const pz_profile *list[] = {stranger};
    many = (pz_many){PZ_MANY, .count = 1, .profiles = list, .names = heroes, .name_count = 1};
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_ERR_ARG);
    pz_profile_free(stranger);
    close_shop(&other);
    close_shop(&s);
}

static void lines_that_are_alike_stand_once_where_numbers_are_wanted(void **state)
{
    (void)state;
    shop s;
    char ann[65], bob[65];
    static const char *const both[] = {"bare", "hero"};
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    keep(&s, "ann@x", "de", ann);
    keep(&s, "bob@x", "fr", bob);
    row ids = {.count = 0};
    put(&ids, ann);
    put(&ids, bob);
    put(&ids, "nobody");
    put(&ids, ann);
    uint32_t numbers[8];
    pz_str text;
    pz_many many = many_of(&ids, PZ_BY_ID);
    many.numbers = numbers;
    assert_int_equal(pz_segments_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    assert_string_equal(text.data, "{\"segments\":[\"german\"]}\n{\"segments\":[]}\n"
                                   "{\"error\":\"the store holds no profile 'nobody'\","
                                   "\"status\":\"ERR_NOT_FOUND\"}\n");
    const uint32_t wanted[] = {0, 1, 2, 0};
    assert_memory_equal(numbers, wanted, sizeof wanted);
    many.names = both;
    many.name_count = 2;
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, NULL), PZ_OK);
    const uint32_t pairs[] = {0, 1, 0, 2, 3, 4, 0, 1};
    assert_memory_equal(numbers, pairs, sizeof pairs);
    assert_memory_equal(text.data, "{\"decision\":\"bare\",\"value\":7,", 29);
    close_shop(&s);
}

static void more_numbers_than_may_be_are_refused(void **state)
{
    (void)state;
    shop s;
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    enum { COUNT = PZ_MANY_MAX, EACH = 8 };
    static const char *names[EACH + 1];
    for (int i = 0; i <= EACH; i++)
        names[i] = "bare";
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    const pz_profile **list = calloc(COUNT, sizeof *list);
    uint32_t *numbers = calloc((size_t)COUNT * (EACH + 1), sizeof *numbers);
    pz_many many = {PZ_MANY,        .count = COUNT,     .profiles = list,
                    .names = names, .name_count = EACH, .numbers = numbers};
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_OK);
    assert_int_equal(numbers[(size_t)COUNT * EACH - 1], 0);
    many.name_count++;
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_ERR_LIMIT);
    free(numbers);
    free(list);
    close_shop(&s);
}

/* Many more answers than one request may hold at once. */
static void a_full_call_is_answered_and_one_more_refused(void **state)
{
    (void)state;
    shop s;
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(open_with(&s, NULL), PZ_OK);
    const pz_profile **list = calloc(PZ_MANY_MAX + 1, sizeof *list);
    pz_many many = {PZ_MANY, .count = PZ_MANY_MAX, .profiles = list, .names = heroes,
                    .name_count = 1};
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_OK);
    const char *line = "{\"customer\":null,\"decision\":\"hero\",\"value\":\"hello\",\"reason\":"
                       "\"DEFAULT\",\"rule\":\"\",\"confidence\":1.0}\n";
    assert_int_equal(text.len, PZ_MANY_MAX * strlen(line));
    assert_string_equal(text.data + text.len - strlen(line), line);
    many.count++;
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_ERR_LIMIT);
    many.count = 0;
    assert_int_equal(pz_decide_many(&text, s.context, s.pool, &many, &err), PZ_OK);
    assert_int_equal(text.len, 0);
    free(list);
    close_shop(&s);
}

static pz_status scenario(const pz_alloc *alloc, void *payload)
{
    shop s;
    pz_str text;
    pz_profile *p = NULL;
    char id[65] = "";
    (void)payload;
    pz_status status = open_with(&s, alloc);
    if (status == PZ_OK)
        status = pz_customer(&p, s.engine, "email", "ann@x", NULL);
    if (status == PZ_OK)
        status = pz_choose(p, "language", pz_value_str("de"), NULL, NULL);
    if (status == PZ_OK) {
        const pz_str whole = pz_profile_id(p);
        memcpy(id, whole.data, whole.len);
    }
    pz_profile_free(p);
    row ids = {.count = 0};
    put(&ids, id);
    put(&ids, "nobody");
    pz_many many = many_of(&ids, PZ_BY_ID);
    many.flags = PZ_MANY_ID | PZ_MANY_WHY;
    if (status == PZ_OK)
        status = pz_decide_many(&text, s.context, s.pool, &many, NULL);
    if (status == PZ_OK)
        assert_non_null(strstr(text.data, "\"value\":\"hallo\""));
    uint32_t numbers[2];
    many.numbers = numbers;
    if (status == PZ_OK)
        status = pz_decide_many(&text, s.context, s.pool, &many, NULL);
    many.numbers = NULL;
    if (status == PZ_OK)
        status = pz_segments_many(&text, s.context, s.pool, &many, NULL);
    if (status == PZ_OK)
        assert_non_null(strstr(text.data, "[\"german\"]}\n{\"customer\":\"nobody\",\"error\":"));
    close_shop(&s);
    return status;
}

static void without_memory_there_is_no_answer(void **state)
{
    (void)state;
    assert_true(oom_run(scenario, NULL) > 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ids_identifiers_handles_and_bytes_answer_alike),
        cmocka_unit_test(what_befalls_one_customer_stays_with_that_one),
        cmocka_unit_test(names_and_answers_stand_customer_by_customer),
        cmocka_unit_test(a_value_without_a_word_in_json_is_that_customers_error),
        cmocka_unit_test(bad_calls_are_refused_whole),
        cmocka_unit_test(lines_that_are_alike_stand_once_where_numbers_are_wanted),
        cmocka_unit_test(more_numbers_than_may_be_are_refused),
        cmocka_unit_test(a_full_call_is_answered_and_one_more_refused),
        cmocka_unit_test(without_memory_there_is_no_answer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
