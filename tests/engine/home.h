/*
 * home.h: a household for the tests of people: a catalog, engines over each store, short words.
 */
#ifndef PZ_TESTS_ENGINE_HOME_H
#define PZ_TESTS_ENGINE_HOME_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "store/kit.h"

#define NOW INT64_C(1773100800000) /* 2026-03-10 */
#define DAY INT64_C(86400000)

static const char home_json[] =
    "{ \"catalog\": \"home\",\n"
    "  \"attributes\": {\n"
    "    \"language\": {\"type\": \"string\", \"one_of\": [\"en\", \"de\", \"fr\"],\n"
    "                 \"default\": \"en\"},\n"
    "    \"size\": {\"type\": \"string\", \"purpose\": \"ads\"},\n"
    "    \"category\": {\"type\": \"string\", \"one_of\": [\"garden\", \"home\"],\n"
    "                 \"threshold\": 0.75},\n"
    "    \"taste\": {\"type\": \"string\", \"one_of\": [\"sweet\", \"sour\", \"salty\"],\n"
    "              \"threshold\": 0.75, \"purpose\": \"ads\"}},\n"
    "  \"signals\": [{\"on\": \"view\", \"about\": \"category\", \"value\": \"event.category\", \"weight\": 1},\n"
    "              {\"on\": \"taste\", \"about\": \"taste\", \"value\": \"event.taste\", \"weight\": 1}],\n"
    "  \"segments\": {\"viewer\": \"count('view', duration('720h')) >= 2\"},\n"
    "  \"decisions\": {\"greet\": {\"rules\": [{\"id\": \"own\", \"expr\": \"profile.language\"}]}},\n"
    "  \"purposes\": {\"ads\": {\"tcf\": [3]}},\n"
    "  \"identifiers\": {\"card\": {\"unique\": true}}}";

typedef struct home {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    int64_t now_ms;
    char directory[256]; /* "" for a store in memory */
} home;

static inline int64_t home_clock(void *payload)
{
    return ((const home *)payload)->now_ms;
}

static inline void home_open(home *h, const char *store)
{
    h->now_ms = NOW;
    const pz_engine_options options = {
        PZ_ENGINE_OPTIONS, .store = store, .clock = home_clock, .clock_payload = h};
    assert_ok(pz_engine_open(&h->engine, &options, &kit_error));
    assert_ok(pz_engine_load_text(h->engine, "home.json", home_json, sizeof home_json - 1, NULL,
                                  &kit_error));
    assert_ok(pz_context_new(&h->context, h->engine, &kit_error));
    assert_ok(pz_pool_new(&h->pool, NULL));
}

static inline void home_close(home *h)
{
    pz_pool_free(h->pool);
    pz_context_free(h->context);
    pz_engine_close(h->engine);
}

static inline int in_memory(void **state)
{
    static home h;
    h.directory[0] = '\0';
    home_open(&h, "memory:");
    *state = &h;
    return 0;
}

static inline int on_disk(void **state)
{
    static home h;
    char address[300];
    kit_make_directory(h.directory);
    snprintf(address, sizeof address, "lmdb:%s/store", h.directory);
    home_open(&h, address);
    *state = &h;
    return 0;
}

static inline int tear_down(void **state)
{
    home *h = *state;
    home_close(h);
    if (h->directory[0])
        kit_remove_directory(h->directory);
    return 0;
}

static inline pz_profile *detached(home *h, const char *id)
{
    pz_profile *made;
    assert_ok(pz_profile_new(&made, h->engine, PZ_PERSON, id, &kit_error));
    return made;
}

/* A stored customer who has been written once. */
static inline pz_profile *customer(home *h, const char *kind, const char *value)
{
    pz_profile *made;
    assert_ok(pz_customer(&made, h->engine, kind, value, &kit_error));
    if (!pz_profile_exists(made))
        assert_ok(pz_identify(made, kind, value, NULL, &kit_error));
    return made;
}

/* The id as text; four at a time. */
static inline const char *id_of(const pz_profile *profile)
{
    static char texts[4][80];
    static unsigned next;
    char *text = texts[next++ % 4];
    const pz_str id = pz_profile_id(profile);
    memcpy(text, id.data, id.len);
    text[id.len] = '\0';
    return text;
}

static inline pz_write when(int64_t at_ms, const char *writer)
{
    return (pz_write){PZ_WRITE, .at_ms = at_ms, .now_ms = at_ms, .writer = writer};
}

/* The answer as text at a moment, "" where there is none. */
static inline const char *answer_at(home *h, const pz_profile *profile, const char *attribute,
                                    int64_t now_ms)
{
    static char texts[4][64];
    static unsigned next;
    char *text = texts[next++ % 4];
    pz_str found;
    assert_ok(pz_context_begin(h->context, now_ms, &kit_error));
    pz_resolve_str(&found, h->context, profile, attribute, "");
    memcpy(text, found.data, found.len);
    text[found.len] = '\0';
    return text;
}

static inline const char *answer(home *h, const pz_profile *profile, const char *attribute)
{
    return answer_at(h, profile, attribute, h->now_ms + DAY);
}

static inline pz_value person(home *h, const pz_profile *profile)
{
    pz_value map;
    assert_ok(pz_context_begin(h->context, h->now_ms + DAY, &kit_error));
    assert_ok(pz_person(&map, h->context, profile, &kit_error));
    return map;
}

static inline pz_value member(pz_value map, const char *name)
{
    bool found;
    const pz_value value = pz_value_get(map, name, strlen(name), &found);
    assert_true(found);
    return value;
}

static inline uint32_t member_count(home *h, const pz_profile *profile)
{
    return member(person(h, profile), "members").len;
}

static inline const char *text_of(pz_value value)
{
    static char text[256];
    const pz_str found = pz_value_text(value);
    memcpy(text, found.data, found.len);
    text[found.len] = '\0';
    return text;
}

static inline bool is_text(pz_value value, const char *expected)
{
    const pz_str found = pz_value_text(value);
    return found.len == strlen(expected) && memcmp(found.data, expected, found.len) == 0;
}

static inline pz_profile *copy_of(home *h, const pz_profile *profile)
{
    pz_value bytes;
    pz_profile *copy;
    assert_ok(pz_profile_encode(profile, h->pool, &bytes, &kit_error));
    assert_ok(pz_profile_decode(&copy, h->engine, bytes.as.text, bytes.len, &kit_error));
    return copy;
}

static inline pz_value parsed(home *h, const char *json)
{
    pz_value value, copy;
    assert_ok(pz_value_parse(h->pool, &value, json, strlen(json), 0, &kit_error));
    assert_ok(pz_pool_copy(h->pool, &copy, value));
    return copy;
}

#endif
