/*
 * test_expire.c: what a retention has ended leaves the bytes, and nothing else does.
 */
#include "home.h"
#include "looking.h"

#include "profile/profile.h"

#include "support/gen.h"
#include "support/oom.h"

static const char expire_json[] =
    "{ \"catalog\": \"short\",\n"
    "  \"attributes\": {\n"
    "    \"city\": {\"type\": \"string\", \"retention\": \"30d\"},\n"
    "    \"job\": {\"type\": \"string\"},\n"
    "    \"wish\": {\"type\": \"string\", \"threshold\": 0.5, \"retention\": \"5d\"},\n"
    "    \"taste\": {\"type\": \"string\", \"one_of\": [\"bitter\", \"sweet\",\n"
    "              \"token000.\", \"token001.\", \"token002.\", \"token003.\",\n"
    "              \"token004.\", \"token005.\", \"token006.\", \"token007.\",\n"
    "              \"token008.\", \"token009.\", \"token010.\", \"token011.\"], \"threshold\": "
    "0.55, \"min_evidence\": 1,\n"
    "              \"half_life\": \"20d\", \"retention\": \"10d\"}},\n"
    "  \"signals\": [{\"on\": \"taste\", \"about\": \"taste\", \"value\": \"event.taste\", "
    "\"weight\": 1}],\n"
    "  \"segments\": {\"taster\": \"count('taste', duration('720h')) >= 2\"}}";

static void load(pz_engine *engine)
{
    assert_ok(pz_engine_load_text(engine, "short.json", expire_json, sizeof expire_json - 1, NULL,
                                  &kit_error));
}

static void observe(home *h, pz_profile *profile, const char *id, const char *taste, int64_t at_ms)
{
    char json[200];
    snprintf(
        json, sizeof json,
        "[\"observe\", {\"kind\": \"taste\", \"source\": \"s\", \"id\": \"%s\", \"time\": %lld,"
        " \"taste\": \"%s\"}]",
        id, (long long)at_ms, taste);
    const pz_write write = {PZ_WRITE, .at_ms = at_ms, .now_ms = at_ms};
    pz_value operation = parsed(h, json);
    /* The time as a timestamp. */
    pz_entry members[5];
    const pz_value event = pz_value_item(operation, 1);
    for (uint32_t i = 0; i < event.len; i++) {
        members[i] = pz_value_entry(event, i);
        if (members[i].value.kind == PZ_INT)
            members[i].value = pz_value_time_ms(at_ms);
    }
    pz_value made;
    assert_ok(pz_pool_map(h->pool, &made, members, event.len));
    bool is_new;
    assert_ok(pz_observe(profile, made, &write, &is_new, &kit_error));
}

static bool bytes_hold(home *h, const pz_profile *profile, const char *text)
{
    pz_value bytes;
    assert_ok(pz_profile_encode(profile, h->pool, &bytes, &kit_error));
    return memmem(bytes.as.text, bytes.len, text, strlen(text)) != NULL;
}

static pz_profile *make_customer(home *h)
{
    pz_profile *one = customer(h, "email", "ann");
    const pz_write now = when(NOW, NULL), later = when(NOW + 35 * DAY, NULL);
    assert_ok(pz_declare(one, "city", pz_value_str("declared"), &now, &kit_error));
    assert_ok(pz_declare(one, "job", pz_value_str("employed"), &now, &kit_error));
    assert_ok(pz_infer(one, "city", pz_value_str("inferred"), 0.9, &now, &kit_error));
    assert_ok(pz_infer(one, "wish", pz_value_str("wished"), 0.9, &now, &kit_error));
    assert_ok(pz_choose(one, "wish", pz_value_str("chosen"), &now, &kit_error));
    observe(h, one, "1", "bitter", NOW);
    observe(h, one, "2", "sweet", NOW + 35 * DAY);
    assert_ok(pz_infer(one, "wish", pz_value_str("recent"), 0.9, &later, &kit_error));
    return one;
}

static void what_a_retention_has_ended_leaves_the_bytes(void **state)
{
    home *h = *state;
    load(h->engine);
    pz_profile *one = make_customer(h);
    h->now_ms = NOW + 35 * DAY;
    uint32_t count;
    assert_true(bytes_hold(h, one, "declared") && bytes_hold(h, one, "bitter"));
    assert_ok(pz_expire(one, "job", NULL, &count, &kit_error));
    assert_int_equal(count, 0);
    assert_ok(pz_expire(one, "taste", NULL, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_false(bytes_hold(h, one, "bitter"));
    assert_ok(pz_expire(one, NULL, NULL, &count, &kit_error));
    assert_int_equal(count, 1);
    /* An inferred wish on the same channel had replaced the older one. */
    static const char *const gone[] = {"declared", "inferred", "bitter", "wished"};
    static const char *const kept[] = {"employed", "chosen", "sweet", "recent"};
    for (int i = 0; i < 4; i++) {
        assert_false(bytes_hold(h, one, gone[i]));
        assert_true(bytes_hold(h, one, kept[i]));
    }
    assert_status(PZ_ERR_NOT_FOUND, pz_expire(one, "town", NULL, &count, &kit_error));
    pz_profile_free(one);
}

static void where_nothing_has_ended_nothing_is_written(void **state)
{
    home *h = *state;
    load(h->engine);
    pz_profile *one = make_customer(h), *nobody;
    h->now_ms = NOW + 35 * DAY;
    uint32_t count = 7;
    pz_store_outcome outcome = {.size = sizeof outcome};
    assert_ok(pz_expire(one, NULL, NULL, &count, &kit_error));
    pz__buf before, after;
    pz_store *store = pz_engine_store(h->engine);
    read_raw(store, id_of(one), &before);
    assert_ok(pz_expire(one, NULL, NULL, &count, &kit_error));
    assert_int_equal(count, 0);
    assert_ok(pz_profile_apply(one, parsed(h, "[\"expire\", \"*\"]"), NULL, &kit_error));
    assert_ok(pz_expire_all(h->engine, NULL, NULL, &outcome, &kit_error));
    assert_int_equal(outcome.profiles, 1);
    assert_int_equal(outcome.rewritten, 0);
    read_raw(store, id_of(one), &after);
    assert_true(pz__str_equal((pz_str){before.data, before.len}, (pz_str){after.data, after.len}));
    pz__buf_clear(&before);
    pz__buf_clear(&after);
    assert_ok(pz_customer(&nobody, h->engine, "email", "nobody", &kit_error));
    assert_ok(pz_expire(nobody, NULL, NULL, &count, &kit_error));
    assert_false(pz_profile_exists(nobody));
    uint64_t profiles;
    assert_ok(pz_profile_count(h->engine, &profiles, &kit_error));
    assert_int_equal(profiles, 1);
    pz_profile_free(nobody);
    pz_profile_free(one);
}

static void a_row_tells_whether_something_had_ended(void **state)
{
    home *h = *state;
    load(h->engine);
    pz_profile_free(make_customer(h));
    h->now_ms = NOW + 35 * DAY;
    const pz_value row = parsed(h, "[{\"email\": \"ann\"}, [\"expire\", \"taste\"]]");
    pz_observed result = {.size = sizeof result};
    for (int i = 0; i < 2; i++) {
        assert_ok(pz_apply_many(h->engine, &row, 1, NULL, PZ_APPLY_SETTLED, &result, &kit_error));
        assert_int_equal(result.status, PZ_OK);
        assert_int_equal(result.is_new, i == 0);
    }
}

/* A store of 300, every third with something that is over, one of them damaged. */
static void all_profiles_are_gone_through(void **state)
{
    home *h = *state;
    load(h->engine);
    pz_store *store = pz_engine_store(h->engine);
    for (int i = 0; i < 300; i++) {
        char name[16];
        snprintf(name, sizeof name, "n%03d", i);
        pz_profile *one = customer(h, "email", name);
        const pz_write write = when(i % 3 == 0 ? NOW : NOW + 35 * DAY, NULL);
        assert_ok(pz_declare(one, "city", pz_value_str("somewhere"), &write, &kit_error));
        if (i == 150)
            put_raw(store, id_of(one), PZ__STR("PZr\x02\x00 damaged"));
        pz_profile_free(one);
    }
    h->now_ms = NOW + 35 * DAY;
    faults found = {.count = 0};
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = note_fault, .payload = &found};
    pz_store_outcome outcome = {.size = sizeof outcome};
    assert_ok(pz_expire_all(h->engine, NULL, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.profiles, 300);
    assert_int_equal(outcome.rewritten, 99);
    assert_int_equal(outcome.left_out, 1);
    assert_int_equal(found.count, 1);
    assert_ok(pz_expire_all(h->engine, NULL, NULL, &outcome, &kit_error));
    assert_int_equal(outcome.rewritten, 0);
    assert_status(PZ_ERR_ARG, pz_expire_all(NULL, NULL, NULL, NULL, &kit_error));
}

/* ---- however much has ended ---- */

#define ROOM ((int)PZ__SEGMENT_FORGETTINGS_MAX)
#define MANY (ROOM + 44)
#define AT_MOST (ROOM - (int)PZ__SEGMENT_FORGETTINGS_OF_CUSTOMER)

static void load_many(pz_engine *engine)
{
    static char json[(PZ__SEGMENT_FORGETTINGS_MAX + 64) * 96];
    size_t len = (size_t)snprintf(json, sizeof json,
                                  "{\"catalog\": \"many\", \"attributes\": {\"own\": "
                                  "{\"type\": \"string\"}");
    for (int i = 0; i < MANY; i++)
        len += (size_t)snprintf(
            json + len, sizeof json - len,
            ",\"a%d\": {\"type\": \"string\", \"retention\": \"9d\", \"purpose\": \"ads\"}", i);
    len += (size_t)snprintf(json + len, sizeof json - len,
                            "}, \"purposes\": {\"ads\": {\"on_deny\": \"erase\"}}}");
    assert_ok(pz_engine_load_text(engine, "many.json", json, len, NULL, &kit_error));
}

static void what_has_ended_leaves_room_for_what_customers_forget(void **state)
{
    home *h = *state;
    load_many(h->engine);
    pz_profile *one = customer(h, "email", "ann");
    char name[8];
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "a%d", i);
        assert_ok(pz_declare(one, name, pz_value_str("some"), NULL, &kit_error));
    }
    h->now_ms = NOW + 10 * DAY;
    uint32_t count;
    assert_ok(pz_expire(one, NULL, NULL, &count, &kit_error));
    assert_int_equal(count, AT_MOST);
    assert_status(PZ_ERR_LIMIT, pz_expire(one, NULL, NULL, &count, &kit_error));
    assert_non_null(strstr(kit_error.message, "forget all attributes up to a moment"));
    assert_int_equal(count, 0);
    /* What has ended of the same attributes once more takes no more room. */
    assert_ok(pz_declare(one, "a0", pz_value_str("again"), NULL, &kit_error));
    h->now_ms = NOW + 20 * DAY;
    assert_ok(pz_expire(one, NULL, NULL, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_false(bytes_hold(h, one, "again"));
    for (int i = 0; i < 63; i++) {
        snprintf(name, sizeof name, "a%d", MANY - 1 - i);
        assert_ok(pz_forget(one, name, NULL, NULL, &kit_error));
    }
    assert_ok(pz_set_mode(one, "own", PZ_OFF, NULL, &kit_error));
    /* The way out that the error names. */
    const pz_span until = {INT64_MIN, NOW + 11 * DAY};
    assert_ok(pz_forget(one, NULL, &until, NULL, &kit_error));
    assert_false(bytes_hold(h, one, "some"));
    assert_ok(pz_expire(one, NULL, NULL, &count, &kit_error));
    pz_profile_free(one);
}

/* What is there goes first; with more than there is room for, the denial masks the rest. */
static void a_denial_that_erases_is_never_refused_for_want_of_room(void **state)
{
    home *h = *state;
    load_many(h->engine);
    pz_profile *one = customer(h, "email", "ann");
    char name[8];
    for (int i = MANY - ROOM; i < MANY; i++) {
        snprintf(name, sizeof name, "a%d", i);
        assert_ok(pz_declare(one, name, pz_value_str("some"), NULL, &kit_error));
    }
    assert_ok(pz_consent(one, "ads", true, NULL, &kit_error));
    assert_string_equal(answer_at(h, one, name, NOW), "some");
    assert_ok(pz_consent(one, "ads", false, NULL, &kit_error));
    assert_false(bytes_hold(h, one, "some"));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "a%d", i);
        assert_ok(pz_declare(one, name, pz_value_str("more"), NULL, &kit_error));
    }
    assert_ok(pz_consent(one, "ads", false, NULL, &kit_error));
    for (int i = 0; i < MANY; i++) {
        snprintf(name, sizeof name, "a%d", i);
        assert_string_equal(answer_at(h, one, name, NOW), "");
    }
    pz_profile_free(one);
}

/* ---- answers stay as they are ---- */

#define DAYS 60

typedef struct said {
    char token[12];
    int64_t at_ms;
    int64_t kept_ms; /* how long; 0: for good */
} said;

static void answers_of(home *h, const pz_profile *profile, int64_t now_ms, char out[256])
{
    static const char *const names[] = {"city", "job", "taste", "wish"};
    size_t len = 0;
    assert_ok(pz_context_begin(h->context, now_ms, &kit_error));
    for (int i = 0; i < 4; i++) {
        pz_resolution answer = {PZ_RESOLUTION};
        assert_ok(pz_resolve(&answer, h->context, profile, names[i], &kit_error));
        const pz_str text = pz_value_text(answer.value);
        len += (size_t)snprintf(out + len, 256 - len, "%.*s %a;", (int)text.len,
                                text.data ? text.data : "", answer.confidence);
    }
    bool is_taster = false;
    pz_value list;
    assert_ok(pz_segments(&list, h->context, profile, &kit_error));
    is_taster = list.len > 0;
    snprintf(out + len, 256 - len, "%d", is_taster);
}

static void say_something(gen *g, home *h, pz_profile *one, said *s, int n)
{
    snprintf(s->token, sizeof s->token, "token%03d.", n);
    s->at_ms = NOW + (int64_t)gen_below(g, DAYS * DAY);
    const pz_write write = when(s->at_ms, NULL);
    char id[8];
    snprintf(id, sizeof id, "%d", n);
    switch (gen_below(g, 5)) {
    case 0:
        s->kept_ms = 30 * DAY;
        assert_ok(pz_declare(one, "city", pz_value_str(s->token), &write, &kit_error));
        break;
    case 1:
        s->kept_ms = 0;
        assert_ok(pz_declare(one, "job", pz_value_str(s->token), &write, &kit_error));
        break;
    case 2:
        s->kept_ms = 0;
        assert_ok(pz_choose(one, "city", pz_value_str(s->token), &write, &kit_error));
        break;
    case 3: { /* of several writers, and who has the last word may speak of an earlier moment */
        const pz_write others = when(s->at_ms, gen_bool(g) ? "model-a" : "model-b");
        s->kept_ms = 5 * DAY;
        assert_ok(pz_infer(one, "wish", pz_value_str(s->token), 0.9, &others, &kit_error));
        break;
    }
    default:
        s->kept_ms = 10 * DAY;
        observe(h, one, id, s->token, s->at_ms);
        break;
    }
}

/* A guess that is over stays as long as it may hide one that is not, which was said before it. */
static bool may_hide(const said *all, int count, const said *one, int64_t now_ms)
{
    bool may = false;
    for (int i = 0; i < count && one->kept_ms == 5 * DAY; i++)
        may |= all[i].kept_ms == 5 * DAY && all[i].at_ms + all[i].kept_ms > now_ms;
    return may;
}

static void expiring_changes_no_answer_and_leaves_nothing_that_is_over(void **state)
{
    home *h = *state;
    load(h->engine);
    GEN_CASES(g, gen_cases_full(300, 20000))
    {
        said all[12];
        pz_profile *one = detached(h, "ann");
        const int count = (int)gen_range(&g, 1, 12);
        for (int i = 0; i < count; i++)
            say_something(&g, h, one, &all[i], i);
        const int64_t now_ms = NOW + (int64_t)gen_below(&g, 2 * DAYS * DAY);
        char before[6][256], after[256];
        bool held[12];
        for (int i = 0; i < 6; i++)
            answers_of(h, one, now_ms + i * 7 * DAY, before[i]);
        for (int i = 0; i < count; i++)
            held[i] = bytes_hold(h, one, all[i].token);
        const pz_write write = when(now_ms, NULL);
        assert_ok(pz_expire(one, NULL, &write, NULL, &kit_error));
        for (int i = 0; i < 6; i++) {
            answers_of(h, one, now_ms + i * 7 * DAY, after);
            assert_string_equal(after, before[i]);
        }
        for (int i = 0; i < count; i++) {
            /* A bucket of evidence is as old as its beginning, at most 65536 s before. */
            const int64_t slack = all[i].kept_ms == 10 * DAY ? 65536 * INT64_C(1000) : 0;
            const bool is_over = all[i].kept_ms && all[i].at_ms + all[i].kept_ms <= now_ms;
            const bool may_be_over =
                all[i].kept_ms && all[i].at_ms - slack + all[i].kept_ms <= now_ms;
            if (is_over && !may_hide(all, count, &all[i], now_ms))
                assert_false(bytes_hold(h, one, all[i].token));
            else if (!may_be_over)
                assert_int_equal(bytes_hold(h, one, all[i].token), held[i]);
        }
        pz_profile_free(one);
        pz_pool_reset(h->pool);
    }
}

/* ---- out of memory ---- */

static pz_status expire_everything(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine;
    (void)payload;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc};
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz_engine_open(&engine, &options, &err);
    if (status != PZ_OK)
        return status;
    pz_profile *one = NULL;
    status =
        pz_engine_load_text(engine, "short.json", expire_json, sizeof expire_json - 1, NULL, &err);
    if (status == PZ_OK)
        status = pz_customer(&one, engine, "email", "ann", &err);
    const pz_write then = when(NOW, NULL), now = when(NOW + 35 * DAY, NULL);
    if (status == PZ_OK)
        status = pz_declare(one, "city", pz_value_str("declared"), &then, &err);
    pz_store_outcome outcome = {.size = sizeof outcome};
    if (status == PZ_OK)
        status = pz_expire_all(engine, &now, NULL, &outcome, &err);
    if (status == PZ_OK)
        assert_int_equal(outcome.rewritten, 1);
    pz_profile_free(one);
    pz_engine_close(engine);
    return status;
}

static void expiring_survives_exhaustion(void **state)
{
    (void)state;
    oom_run(expire_everything, NULL);
}

#define MEMORY(test) cmocka_unit_test_setup_teardown(test, in_memory, tear_down)
#define DISK(test) cmocka_unit_test_setup_teardown(test, on_disk, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        MEMORY(what_a_retention_has_ended_leaves_the_bytes),
        DISK(what_a_retention_has_ended_leaves_the_bytes),
        DISK(where_nothing_has_ended_nothing_is_written),
        MEMORY(a_row_tells_whether_something_had_ended),
        MEMORY(all_profiles_are_gone_through),
        DISK(all_profiles_are_gone_through),
        MEMORY(what_has_ended_leaves_room_for_what_customers_forget),
        MEMORY(a_denial_that_erases_is_never_refused_for_want_of_room),
        MEMORY(expiring_changes_no_answer_and_leaves_nothing_that_is_over),
        cmocka_unit_test(expiring_survives_exhaustion),
    };
    return cmocka_run_group_tests_name("expire", tests, NULL, NULL);
}
