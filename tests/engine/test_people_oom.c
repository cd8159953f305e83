/*
 * test_people_oom.c: memory runs out at every allocation of what people do.
 *
 * A write that failed must not have happened: a handle that shows less than the store holds, or
 * the reverse, is caught by reading again.
 */
#include "home.h"

#include "support/oom.h"

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return NOW;
}

static pz_status open_home(pz_engine **out, const pz_alloc *alloc)
{
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock};
    pz_status status = pz_engine_open(out, &options, NULL);
    if (status != PZ_OK)
        return status;
    status = pz_engine_load_text(*out, "home.json", home_json, sizeof home_json - 1, NULL, NULL);
    if (status != PZ_OK)
        pz_engine_close(*out);
    return status;
}

static pz_status make_customer(pz_profile **out, pz_engine *engine, const char *kind,
                               const char *value)
{
    pz_status status = pz_customer(out, engine, kind, value, NULL);
    if (status == PZ_OK && !pz_profile_exists(*out))
        status = pz_identify(*out, kind, value, NULL, NULL);
    return status;
}

static pz_status ask(pz_engine *engine, const pz_profile *ann)
{
    pz_context *context;
    pz_value out;
    pz_str text;
    pz_status status = pz_context_new(&context, engine, NULL);
    if (status != PZ_OK)
        return status;
    status = pz_context_begin(context, NOW + DAY, NULL);
    if (status == PZ_OK)
        status = pz_resolve_str(&text, context, ann, "language", "");
    if (status == PZ_OK)
        status = pz_person(&out, context, ann, NULL);
    pz_context_free(context);
    return status;
}

/* What is gathered asks all of the person. */
static pz_status gather(pz_engine *engine, pz_profile *ann, pz_profile *app)
{
    static const char event_text[] =
        "{\"kind\": \"taste\", \"source\": \"web\", \"id\": \"1\", \"taste\": \"sweet\", \"time\": "
        "\"2026-03-10T00:00:00Z\", \"customer\": {\"device\": \"app\"}}";
    pz_pool *pool;
    pz_value event;
    if (pz_pool_new(&pool, NULL) != PZ_OK ||
        pz_value_parse(pool, &event, event_text, sizeof event_text - 1, 0, NULL) != PZ_OK)
        fail();
    pz_status status = pz_consent(ann, "ads", true, NULL, NULL);
    if (status == PZ_OK)
        status = pz_observe(app, event, NULL, NULL, NULL);
    if (status == PZ_OK)
        status = pz_observe_many(engine, &event, 1, 0, 0, NULL, NULL);
    pz_pool_free(pool);
    return status;
}

/* Link, look, and see that the handle shows what the store holds. */
static pz_status live(pz_engine *engine, pz_profile *ann, pz_profile *app, pz_profile *team)
{
    pz_status status = pz_choose(app, "language", pz_value_str("de"), NULL, NULL);
    if (status == PZ_OK)
        status = pz_link(ann, id_of(app), 1.0, NULL, NULL);
    if (status == PZ_OK)
        status = pz_set_account(ann, id_of(team), NULL, NULL);
    if (status == PZ_OK)
        status = ask(engine, ann);
    if (status == PZ_OK)
        status = pz_profile_refresh(app, NULL);
    if (status == PZ_OK)
        status = ask(engine, app);
    if (status == PZ_OK)
        status = gather(engine, ann, app);
    if (status == PZ_OK)
        status = pz_identify(app, "card", "1", NULL, NULL);
    return status;
}

static pz_status people(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine;
    pz_profile *ann = NULL, *app = NULL, *team = NULL;
    const bool erases = payload != NULL;
    pz_status status = open_home(&engine, alloc);
    if (status != PZ_OK)
        return status;
    status = make_customer(&ann, engine, "card", "1");
    if (status == PZ_OK)
        status = make_customer(&app, engine, "device", "app");
    if (status == PZ_OK)
        status = make_customer(&team, engine, "account", "team");
    if (status == PZ_OK)
        status = live(engine, ann, app, team);
    if (status == PZ_OK && erases)
        status = pz_erase(engine, id_of(ann), NULL, 0, NULL, NULL);
    pz_profile_free(team);
    pz_profile_free(app);
    pz_profile_free(ann);
    pz_engine_close(engine);
    return status;
}

static void people_survive_exhaustion(void **state)
{
    (void)state;
    oom_run(people, NULL);
}

static void erasing_survives_exhaustion(void **state)
{
    static int yes;
    (void)state;
    oom_run(people, &yes);
}

/* ---- all or nothing ---- */

typedef struct counted {
    oom memory;
    pz_alloc alloc;
    pz_engine *engine;
    pz_profile *ann, *app;
} counted;

static void begin(counted *c)
{
    oom_init(&c->memory);
    c->alloc = oom_alloc(&c->memory);
    assert_ok(open_home(&c->engine, &c->alloc));
    assert_ok(make_customer(&c->ann, c->engine, "card", "1"));
    assert_ok(make_customer(&c->app, c->engine, "device", "app"));
}

static void finish(counted *c)
{
    pz_profile_free(c->app);
    pz_profile_free(c->ann);
    pz_engine_close(c->engine);
    oom_finish(&c->memory);
}

static uint32_t members_of(counted *c, const pz_profile *profile)
{
    pz_context *context;
    pz_value map;
    assert_ok(pz_context_new(&context, c->engine, NULL));
    assert_ok(pz_context_begin(context, NOW + DAY, NULL));
    assert_ok(pz_person(&map, context, profile, NULL));
    const uint32_t count = member(map, "members").len;
    pz_context_free(context);
    return count;
}

static void link_that_failed_was_not_made(void **state)
{
    (void)state;
    for (size_t nth = 1; nth < 10000; nth++) {
        counted c;
        begin(&c);
        oom_fail(&c.memory, nth, true);
        const pz_status status = pz_link(c.ann, id_of(c.app), 1.0, NULL, NULL);
        oom_calm(&c.memory);
        const uint32_t shown = members_of(&c, c.ann);
        assert_int_equal(shown, status == PZ_OK ? 2 : 1);
        assert_ok(pz_profile_refresh(c.ann, NULL));
        assert_int_equal(members_of(&c, c.ann), shown);
        const bool is_done = c.memory.refused_count == 0;
        finish(&c);
        if (is_done)
            return;
    }
    fail();
}

static void erasure_that_failed_erased_nothing(void **state)
{
    (void)state;
    for (size_t nth = 1; nth < 10000; nth++) {
        counted c;
        uint64_t left;
        begin(&c);
        assert_ok(pz_link(c.ann, id_of(c.app), 1.0, NULL, NULL));
        oom_fail(&c.memory, nth, true);
        const pz_status status = pz_erase(c.engine, id_of(c.ann), NULL, 0, NULL, NULL);
        oom_calm(&c.memory);
        assert_ok(pz_profile_count(c.engine, &left, NULL));
        assert_int_equal(left, status == PZ_OK ? 0 : 2);
        const bool is_done = c.memory.refused_count == 0;
        finish(&c);
        if (is_done)
            return;
    }
    fail();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(people_survive_exhaustion),
        cmocka_unit_test(erasing_survives_exhaustion),
        cmocka_unit_test(link_that_failed_was_not_made),
        cmocka_unit_test(erasure_that_failed_erased_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
