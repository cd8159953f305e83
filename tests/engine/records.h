/*
 * records.h: a shop that keeps decision records, for their tests, and short words.
 */
#ifndef PZ_TESTS_ENGINE_RECORDS_H
#define PZ_TESTS_ENGINE_RECORDS_H

#include <inttypes.h>
#include <stdlib.h>

#include "engine/engine.h"
#include "home.h"

static const char records_json[] =
    "{ \"catalog\": \"shop\",\n"
    "  \"context\": {\"country\": \"string\"},\n"
    "  \"records\": {\"retention\": \"10d\"},\n"
    "  \"attributes\": {\n"
    "    \"language\": {\"type\": \"string\", \"default\": \"en\"},\n"
    "    \"size\": {\"type\": \"string\", \"purpose\": \"ads\"},\n"
    "    \"income\": {\"type\": \"string\", \"purpose\": \"ads\"},\n"
    "    \"category\": {\"type\": \"string\", \"one_of\": [\"garden\", \"home\"],\n"
    "                 \"threshold\": 0.75}},\n"
    "  \"signals\": [{\"on\": \"view\", \"about\": \"category\", \"value\": \"event.category\",\n"
    "                \"weight\": 1}],\n"
    "  \"segments\": {\"viewer\": \"count('view', duration('720h')) >= 2\"},\n"
    "  \"policies\": [{\"id\": \"at-home\", \"when\": \"context.country == 'DE'\",\n"
    "                 \"mask\": [\"behaviour\"]}],\n"
    "  \"decisions\": {\n"
    "    \"greet\": {\"rules\": [{\"id\": \"own\", \"expr\": \"profile.language\"}]},\n"
    "    \"hero\": {\"rules\": [\n"
    "      {\"id\": \"rich\", \"when\": \"profile.income == 'high'\", \"value\": \"gold\"},\n"
    "      {\"id\": \"garden\", \"when\": \"segment.viewer && profile.category == 'garden' && "
    "profile.size == 'm'\", \"value\": \"spring\"}], \"default\": \"generic\"},\n"
    "    \"long\": {\"default\": \"x\"}}}";

static inline void load(home *h, const char *text)
{
    assert_ok(pz_engine_load_text(h->engine, "c", text, strlen(text), NULL, &kit_error));
    assert_ok(pz_context_begin(h->context, 0, &kit_error));
}

static inline int memory_shop(void **state)
{
    in_memory(state);
    load(*state, records_json);
    return 0;
}

static inline int disk_shop(void **state)
{
    on_disk(state);
    load(*state, records_json);
    return 0;
}

static inline const pz_decision *decide(home *h, const pz_profile *profile, const char *name)
{
    const pz_decision *made;
    assert_ok(pz_context_begin(h->context, 0, &kit_error));
    assert_ok(pz_decide(&made, h->context, profile, name, &kit_error));
    return made;
}

static inline uint64_t record(home *h, const pz_profile *profile, const char *name, const char *note)
{
    const pz_record_options options = {PZ_RECORD_OPTIONS, .note = note};
    uint64_t number;
    assert_ok(pz_record(&number, h->context, decide(h, profile, name), &options, &kit_error));
    return number;
}

static inline pz_value made(home *h, const pz_profile *profile, const char *name,
                     const pz_record_options *options)
{
    pz_value map, copy;
    assert_ok(pz_decision_record(&map, h->context, decide(h, profile, name), options, &kit_error));
    assert_ok(pz_pool_copy(h->pool, &copy, map));
    return copy;
}

static inline bool has(pz_value map, const char *name)
{
    bool found;
    pz_value_get(map, name, strlen(name), &found);
    return found;
}

static inline const char *json_of(home *h, pz_value value)
{
    pz_str text;
    assert_ok(pz_value_print(h->pool, &text, value, 0));
    return text.data;
}

/* The notes of the records that a query gives, as "1:a 2:b"; visited and listed they are the same. */
typedef struct listing {
    char text[512];
    uint32_t count;
    pz_status stop;
} listing;

static inline pz_status list_one(void *payload, uint64_t number, pz_value map)
{
    listing *l = payload;
    const size_t used = strlen(l->text);
    const pz_str note = pz_value_text(pz_value_get(map, "note", 4, NULL));
    assert_int_equal(pz_value_get(map, "number", 6, NULL).as.i, number);
    snprintf(l->text + used, sizeof l->text - used, "%s%" PRIu64 ":%.*s", used ? " " : "", number,
             (int)note.len, note.data ? note.data : "");
    l->count++;
    return l->stop;
}

static inline const char *found(home *h, const pz_record_query *query)
{
    static listing l;
    l = (listing){.text = ""};
    assert_ok(pz_each_record(h->engine, query, list_one, &l, &kit_error));
    pz_pool *pool;
    pz_value list;
    listing again = {.text = ""};
    assert_ok(pz_pool_new(&pool, NULL));
    assert_ok(pz_record_list(h->engine, query, pool, &list, &kit_error));
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value record = pz_value_item(list, i);
        list_one(&again, pz_value_get(record, "number", 6, NULL).as.u, record);
    }
    pz_pool_free(pool);
    assert_string_equal(again.text, l.text);
    return l.text;
}

static inline const char *found_of(home *h, const char *subject)
{
    return found(h, &(pz_record_query){PZ_RECORD_QUERY, .subject = subject});
}

#define IN_MEMORY(test) cmocka_unit_test_setup_teardown(test, memory_shop, tear_down)
#define ON_DISK(test) cmocka_unit_test_setup_teardown(test, disk_shop, tear_down)

#endif
