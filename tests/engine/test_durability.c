/*
 * test_durability.c: how durable a write is, said through the public calls.
 *
 * The syncs of the store's files are counted by tests/store/faults.c.
 */
#include "engine/home.h"
#include "store/faults.h"

typedef struct place {
    char directory[256];
    char address[300];
} place;

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    kit_make_directory(p->directory);
    snprintf(p->address, sizeof p->address, "lmdb:%s/s", p->directory);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    place *p = *state;
    faults_watch(NULL);
    kit_remove_directory(p->directory);
    test_free(p);
    return 0;
}

static pz_engine *open_engine(const place *p, uint32_t flags)
{
    pz_engine *engine;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .store = p->address, .flags = flags};
    assert_ok(pz_engine_open(&engine, &options, &kit_error));
    assert_ok(pz_engine_load_text(engine, "home.json", home_json, sizeof home_json - 1, NULL,
                                  &kit_error));
    return engine;
}

/* Syncs of one choice, after the store has been made. */
static uint64_t syncs_of(const place *p, pz_engine *engine, const pz_write *write)
{
    pz_profile *ann;
    assert_ok(pz_customer(&ann, engine, "email", "ann@example.com", &kit_error));
    faults_watch(p->directory);
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), write, &kit_error));
    const uint64_t syncs = faults_count(FAULT_SYNC);
    faults_watch(NULL);
    pz_profile_free(ann);
    return syncs;
}

static const pz_write durable = {PZ_WRITE, .durability = PZ_DURABLE};
static const pz_write grouped = {PZ_WRITE, .durability = PZ_GROUPED};
static const pz_write lazy = {PZ_WRITE, .durability = PZ_LAZY};

static void a_write_is_as_durable_as_it_says(void **state)
{
    pz_engine *engine = open_engine(*state, 0);
    assert_int_equal(syncs_of(*state, engine, NULL), 1);
    assert_int_equal(syncs_of(*state, engine, &durable), 1);
    assert_int_equal(syncs_of(*state, engine, &grouped), 1);
    assert_int_equal(syncs_of(*state, engine, &lazy), 0);
    assert_int_equal(syncs_of(*state, engine, &durable), 2); /* the lazy one, and its own */
    pz_engine_close(engine);
}

static void what_a_write_does_not_say_the_engine_says(void **state)
{
    pz_engine *engine = open_engine(*state, PZ_ENGINE_LAZY);
    assert_int_equal(syncs_of(*state, engine, NULL), 0);
    assert_int_equal(syncs_of(*state, engine, &grouped), 2);
    pz_engine_close(engine);
    engine = open_engine(*state, PZ_ENGINE_GROUPED);
    assert_int_equal(syncs_of(*state, engine, NULL), 1);
    assert_int_equal(syncs_of(*state, engine, &lazy), 0);
    pz_engine_close(engine);
}

static void a_program_of_before_durability_is_served(void **state)
{
    pz_engine *engine = open_engine(*state, 0);
    pz_write older = {PZ_WRITE, .durability = PZ_LAZY};
    older.size = (uint32_t)offsetof(pz_write, durability); /* it does not know the member */
    assert_int_equal(syncs_of(*state, engine, &older), 1);
    pz_engine_close(engine);
}

static void a_durability_that_is_none_is_refused(void **state)
{
    pz_engine *engine = open_engine(*state, 0);
    pz_profile *ann;
    pz_write write = {PZ_WRITE};
    const int none = PZ_LAZY + 1;
    memcpy(&write.durability, &none, sizeof none);
    assert_ok(pz_customer(&ann, engine, "email", "ann@example.com", &kit_error));
    assert_status(PZ_ERR_ARG, pz_choose(ann, "language", pz_value_str("de"), &write, &kit_error));
    assert_false(pz_profile_exists(ann));
    pz_profile_free(ann);
    pz_engine_close(engine);
    const pz_engine_options both = {PZ_ENGINE_OPTIONS, .flags = PZ_ENGINE_LAZY | PZ_ENGINE_GROUPED};
    assert_status(PZ_ERR_ARG, pz_engine_open(&engine, &both, &kit_error));
}

static uint64_t syncs_of_events(const place *p, pz_engine *engine, uint32_t flags)
{
    char json[256];
    const int len = snprintf(json, sizeof json,
                             "{\"customer\": \"c1\", \"kind\": \"view\", \"source\": \"shop\", "
                             "\"id\": \"%u\", \"time\": \"2026-03-10T00:00:00Z\", "
                             "\"category\": \"garden\"}",
                             flags);
    pz_pool *pool;
    pz_value event;
    assert_ok(pz_pool_new(&pool, NULL));
    assert_ok(pz_value_parse(pool, &event, json, (size_t)len, 0, &kit_error));
    pz_observed seen = {.size = sizeof seen};
    faults_watch(p->directory);
    assert_ok(pz_observe_many(engine, &event, 1, NOW, flags, &seen, &kit_error));
    const uint64_t syncs = faults_count(FAULT_SYNC);
    faults_watch(NULL);
    assert_ok(seen.status);
    pz_pool_free(pool);
    return syncs;
}

static void events_are_as_durable_as_the_call_says(void **state)
{
    pz_engine *engine = open_engine(*state, PZ_ENGINE_LAZY);
    assert_int_equal(syncs_of_events(*state, engine, 0), 0);
    assert_int_equal(syncs_of_events(*state, engine, PZ_OBSERVE_DURABLE), 2);
    assert_int_equal(syncs_of_events(*state, engine, PZ_OBSERVE_GROUPED | PZ_OBSERVE_REPLAY), 1);
    assert_int_equal(syncs_of_events(*state, engine, PZ_OBSERVE_LAZY), 0);
    assert_status(PZ_ERR_ARG,
                  pz_observe_many(engine, NULL, 0, NOW, PZ_OBSERVE_LAZY | PZ_OBSERVE_DURABLE, NULL,
                                  &kit_error));
    pz_engine_close(engine);
}

static void an_erasure_is_as_durable_as_it_says(void **state)
{
    const place *p = *state;
    pz_engine *engine = open_engine(p, PZ_ENGINE_LAZY);
    pz_profile *ann;
    char id[65];
    assert_ok(pz_customer(&ann, engine, "email", "ann@example.com", &kit_error));
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), &durable, &kit_error));
    const pz_str text = pz_profile_id(ann);
    snprintf(id, sizeof id, "%.*s", (int)text.len, text.data);
    faults_watch(p->directory);
    assert_ok(pz_erase(engine, id, &durable, 0, NULL, &kit_error));
    assert_int_equal(faults_count(FAULT_SYNC), 1);
    pz_profile_free(ann);
    pz_engine_close(engine);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_write_is_as_durable_as_it_says),
        CASE(what_a_write_does_not_say_the_engine_says),
        CASE(a_program_of_before_durability_is_served),
        CASE(a_durability_that_is_none_is_refused),
        CASE(events_are_as_durable_as_the_call_says),
        CASE(an_erasure_is_as_durable_as_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
