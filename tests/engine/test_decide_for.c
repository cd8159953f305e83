/*
 * test_decide_for.c: a decision about a customer who is known by name alone: the same answer as by
 * a handle, one reading of the store for a request, nothing written and, once warm, nothing
 * allocated.
 */
#include "home.h"

#include "support/oom.h"

static const char *greeting(home *h, const char *kind, const char *value)
{
    const pz_decision *decision;
    assert_ok(pz_decide_for(&decision, h->context, kind, value, "greet", &kit_error));
    return pz_decision_str(decision, "-");
}

static void begin(home *h)
{
    assert_ok(pz_context_begin(h->context, h->now_ms + DAY, &kit_error));
}

static void make(home *h, const char *card, const char *language)
{
    pz_profile *made = customer(h, "card", card);
    assert_ok(pz_choose(made, "language", pz_value_str(language), NULL, &kit_error));
    pz_profile_free(made);
}

static void a_customer_is_decided_about_by_name_and_by_id(void **state)
{
    home *h = *state;
    make(h, "1", "de");
    make(h, "2", "fr");
    pz_profile *ann = customer(h, "card", "1");
    begin(h);
    assert_string_equal(greeting(h, "card", "1"), "de");
    assert_string_equal(greeting(h, "card", "2"), "fr");
    assert_string_equal(greeting(h, "card", "1"), "de");
    assert_string_equal(greeting(h, NULL, id_of(ann)), "de");
    pz_profile_free(ann);
}

static void its_reasons_and_its_id_are_those_of_a_handle(void **state)
{
    home *h = *state;
    make(h, "1", "de");
    pz_profile *ann = customer(h, "card", "1");
    const pz_decision *one, *other;
    pz_value mine, hers;
    pz_str id, same, text;
    begin(h);
    assert_ok(pz_decide_for(&one, h->context, "card", "1", "greet", &kit_error));
    assert_ok(pz_decide(&other, h->context, ann, "greet", &kit_error));
    assert_ok(pz_explain(&mine, h->context, one, &kit_error));
    assert_ok(pz_explain(&hers, h->context, other, &kit_error));
    assert_true(pz_value_equal(mine, hers));
    assert_ok(pz_decision_id(&id, h->context, one, &kit_error));
    assert_ok(pz_decision_id(&same, h->context, other, &kit_error));
    assert_memory_equal(id.data, same.data, 32);
    assert_ok(pz_explain_text(&text, h->context, one, &kit_error));
    assert_non_null(strstr(text.data, "chose"));
    assert_string_equal(pz_decision_rule(one), "own");
    pz_profile_free(ann);
}

static void whom_nobody_knows_is_nobody_and_is_not_made(void **state)
{
    home *h = *state;
    uint64_t count;
    begin(h);
    assert_string_equal(greeting(h, "card", "9"), "en");
    assert_string_equal(greeting(h, NULL, "no-such-id"), "en");
    assert_string_equal(greeting(h, "card", NULL), "en");
    assert_string_equal(greeting(h, NULL, NULL), "en");
    assert_ok(pz_profile_count(h->engine, &count, &kit_error));
    assert_int_equal(count, 0);
}

static void a_request_sees_a_customer_as_first_read_and_the_next_anew(void **state)
{
    home *h = *state;
    make(h, "1", "de");
    begin(h);
    assert_string_equal(greeting(h, "card", "1"), "de");
    make(h, "1", "fr");
    assert_string_equal(greeting(h, "card", "1"), "de");
    begin(h);
    assert_string_equal(greeting(h, "card", "1"), "fr");
}

static void links_count_from_either_side(void **state)
{
    home *h = *state;
    make(h, "1", "de");
    pz_profile *app = customer(h, "device", "app"), *ann = customer(h, "card", "1");
    begin(h);
    assert_string_equal(greeting(h, "device", "app"), "en");
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    begin(h);
    assert_string_equal(greeting(h, "device", "app"), "de");
    assert_ok(pz_unlink(ann, id_of(app), NULL, &kit_error));
    begin(h);
    assert_string_equal(greeting(h, "device", "app"), "en");
    pz_profile_free(app);
    pz_profile_free(ann);
}

/* The link is there before the first write of the one that it leads to. */
static void a_link_to_a_customer_who_is_not_stored_yet_counts_later(void **state)
{
    home *h = *state;
    make(h, "1", "de");
    pz_profile *ann = customer(h, "card", "1"), *app;
    assert_ok(pz_customer(&app, h->engine, "device", "app", &kit_error));
    assert_false(pz_profile_exists(app));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_declare(app, "size", pz_value_str("m"), NULL, &kit_error));
    begin(h);
    assert_string_equal(greeting(h, "device", "app"), "de");
    pz_profile_free(app);
    pz_profile_free(ann);
}

static void accounts_that_the_bytes_name_answer(void **state)
{
    home *h = *state;
    make(h, "team", "fr");
    pz_profile *team = customer(h, "card", "team"), *ann = customer(h, "card", "1");
    assert_ok(pz_set_account(ann, id_of(team), NULL, &kit_error));
    begin(h);
    assert_string_equal(greeting(h, "card", "1"), "fr");
    assert_ok(pz_set_account(ann, NULL, NULL, &kit_error));
    begin(h);
    assert_string_equal(greeting(h, "card", "1"), "en");
    pz_profile_free(team);
    pz_profile_free(ann);
}

static void a_request_asks_about_so_many_and_no_more(void **state)
{
    home *h = *state;
    const pz_decision *decision;
    char card[16];
    begin(h);
    for (unsigned i = 0; i < PZ_DECIDE_FOR_MAX; i++) {
        snprintf(card, sizeof card, "%u", i);
        greeting(h, "card", card);
    }
    assert_status(PZ_ERR_LIMIT,
                  pz_decide_for(&decision, h->context, "card", "beyond", "greet", &kit_error));
    assert_null(decision);
    assert_string_equal(greeting(h, "card", "0"), "en");
    begin(h);
    assert_string_equal(greeting(h, "card", "beyond"), "en");
}

static void what_cannot_be_asked_is_refused(void **state)
{
    home *h = *state;
    const pz_decision *decision;
    pz_context *context;
    char text[400];
    memset(text, 'x', sizeof text);
    text[321] = '\0';
    begin(h);
    assert_status(PZ_ERR_ARG,
                  pz_decide_for(&decision, h->context, "card", text, "greet", &kit_error));
    assert_status(PZ_ERR_ARG,
                  pz_decide_for(&decision, h->context, "card", "", "greet", &kit_error));
    assert_status(PZ_ERR_ARG,
                  pz_decide_for(&decision, h->context, "card", "\xff", "greet", &kit_error));
    assert_status(PZ_ERR_ARG, pz_decide_for(&decision, h->context, "", "1", "greet", &kit_error));
    assert_status(PZ_ERR_NOT_FOUND,
                  pz_decide_for(&decision, h->context, "card", "1", "great", &kit_error));
    assert_status(PZ_ERR_ARG, pz_decide_for(NULL, h->context, "card", "1", "greet", &kit_error));
    assert_status(PZ_ERR_ARG, pz_decide_for(&decision, NULL, "card", "1", "greet", &kit_error));
    assert_status(PZ_ERR_ARG, pz_decide_for(&decision, h->context, "card", "1", NULL, &kit_error));
    text[321] = 'x';
    text[320] = '\0';
    assert_string_equal(greeting(h, "card", text), "en");
    assert_ok(pz_context_new(&context, h->engine, &kit_error));
    assert_status(PZ_ERR_STATE,
                  pz_decide_for(&decision, context, "card", "1", "greet", &kit_error));
    pz_context_free(context);
}

/* ---- memory ---- */

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return NOW;
}

static pz_status open_engine(pz_engine **out, const pz_alloc *alloc, const char *store)
{
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock,
                                       .store = store};
    pz_status status = pz_engine_open(out, &options, NULL);
    if (status != PZ_OK)
        return status;
    status = pz_engine_load_text(*out, "home.json", home_json, sizeof home_json - 1, NULL, NULL);
    if (status != PZ_OK)
        pz_engine_close(*out);
    return status;
}

static pz_status write_one(pz_engine *engine)
{
    pz_profile *ann;
    pz_status status = pz_customer(&ann, engine, "card", "1", NULL);
    if (status != PZ_OK)
        return status;
    status = pz_choose(ann, "language", pz_value_str("de"), NULL, NULL);
    pz_profile_free(ann);
    return status;
}

static pz_status ask(pz_engine *engine)
{
    pz_context *context;
    const pz_decision *decision = NULL;
    pz_status status = pz_context_new(&context, engine, NULL);
    if (status != PZ_OK)
        return status;
    status = pz_context_begin(context, 0, NULL);
    if (status == PZ_OK)
        status = pz_decide_for(&decision, context, "card", "1", "greet", NULL);
    assert_true(status == PZ_OK || !decision);
    if (status == PZ_OK)
        status = pz_decide_for(&decision, context, "card", "2", "greet", NULL);
    pz_context_free(context);
    return status;
}

static pz_status scenario(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine;
    pz_status status = open_engine(&engine, alloc, payload);
    if (status != PZ_OK)
        return status;
    status = write_one(engine);
    if (status == PZ_OK)
        status = ask(engine);
    pz_engine_close(engine);
    return status;
}

static void it_survives_exhaustion(void **state)
{
    (void)state;
    char memory[] = "memory:";
    oom_run(scenario, memory);
}

#ifdef PZ_WITH_LMDB
static void once_warm_it_allocates_nothing(void **state)
{
    (void)state;
    char directory[256], address[300];
    oom heap;
    pz_engine *engine;
    pz_context *context;
    const pz_decision *decision;
    kit_make_directory(directory);
    snprintf(address, sizeof address, "lmdb:%s/store", directory);
    oom_init(&heap);
    const pz_alloc alloc = oom_alloc(&heap);
    assert_ok(open_engine(&engine, &alloc, address));
    assert_ok(write_one(engine));
    assert_ok(pz_context_new(&context, engine, NULL));
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            oom_fail(&heap, 1, false);
        assert_ok(pz_context_begin(context, 0, NULL));
        assert_ok(pz_decide_for(&decision, context, "card", "1", "greet", NULL));
        assert_string_equal(pz_decision_str(decision, "-"), "de");
        assert_ok(pz_decide_for(&decision, context, "card", "9", "greet", NULL));
        assert_string_equal(pz_decision_str(decision, "-"), "en");
    }
    oom_calm(&heap);
    pz_context_free(context);
    pz_engine_close(engine);
    oom_finish(&heap);
    kit_remove_directory(directory);
}

/* Opening a handle and freeing it, likewise. */
static void a_handle_is_recycled(void **state)
{
    (void)state;
    char directory[256], address[300];
    oom heap;
    pz_engine *engine;
    pz_profile *ann;
    kit_make_directory(directory);
    snprintf(address, sizeof address, "lmdb:%s/store", directory);
    oom_init(&heap);
    const pz_alloc alloc = oom_alloc(&heap);
    assert_ok(open_engine(&engine, &alloc, address));
    assert_ok(write_one(engine));
    for (int i = 0; i < 4; i++) {
        if (i == 2)
            oom_fail(&heap, 1, false);
        assert_ok(pz_customer(&ann, engine, "card", "1", NULL));
        assert_true(pz_profile_exists(ann));
        pz_profile_free(ann);
    }
    oom_calm(&heap);
    pz_engine_close(engine);
    oom_finish(&heap);
    kit_remove_directory(directory);
}
#define DISK(name) cmocka_unit_test_setup_teardown(name, on_disk, tear_down)
#define ON_DISK(name) , DISK(name)
#else
#define ON_DISK(name)
#endif

#define BOTH(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down) ON_DISK(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BOTH(a_customer_is_decided_about_by_name_and_by_id),
        BOTH(its_reasons_and_its_id_are_those_of_a_handle),
        BOTH(whom_nobody_knows_is_nobody_and_is_not_made),
        BOTH(a_request_sees_a_customer_as_first_read_and_the_next_anew),
        BOTH(links_count_from_either_side),
        BOTH(a_link_to_a_customer_who_is_not_stored_yet_counts_later),
        BOTH(accounts_that_the_bytes_name_answer),
        BOTH(a_request_asks_about_so_many_and_no_more),
        BOTH(what_cannot_be_asked_is_refused),
        cmocka_unit_test(it_survives_exhaustion),
#ifdef PZ_WITH_LMDB
        cmocka_unit_test(once_warm_it_allocates_nothing),
        cmocka_unit_test(a_handle_is_recycled),
#endif
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
