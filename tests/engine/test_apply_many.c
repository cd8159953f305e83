/*
 * test_apply_many.c: rows of operations: all of a row or nothing, and nothing twice.
 */
#include "home.h"

#include "engine/engine.h"
#include "support/oom.h"

static pz_observed applied(home *h, const char *json, uint32_t flags)
{
    pz_observed result = {.size = sizeof result};
    const pz_value row = parsed(h, json);
    assert_ok(pz_apply_many(h->engine, &row, 1, NULL, flags, &result, &kit_error));
    return result;
}

static pz_value bytes_of(home *h, const char *customer_name)
{
    pz_profile *one = customer(h, "customer", customer_name);
    pz_value bytes;
    assert_ok(pz_profile_encode(one, h->pool, &bytes, &kit_error));
    pz_profile_free(one);
    return bytes;
}

#define ROW                                                                                        \
    "[\"1\", [\"declare\", \"size\", \"L\"], [\"choose\", \"language\", \"de\"],"                  \
    " [\"identify\", \"email\", \"a@b\"], [\"consent\", \"ads\", \"grant\"]]"

static void row_makes_its_customer_and_does_all_of_it(void **state)
{
    home *h = *state;
    const pz_observed result = applied(h, ROW, 0);
    assert_int_equal(result.status, PZ_OK);
    assert_true(result.is_new);
    pz_profile *one = customer(h, "email", "a@b");
    assert_string_equal(answer(h, one, "language"), "de");
    assert_string_equal(answer(h, one, "size"), "L");
    pz_profile_free(one);
}

static void failing_operation_undoes_its_row_and_no_other(void **state)
{
    home *h = *state;
    pz_observed results[3] = {
        {.size = sizeof *results}, {.size = sizeof *results}, {.size = sizeof *results}};
    applied(h, ROW, 0);
    const pz_value before = bytes_of(h, "1");
    const pz_value rows[3] = {
        parsed(h, "[\"1\", [\"declare\", \"size\", \"XL\"], [\"declare\", \"language\", \"xx\"]]"),
        parsed(h, "[\"2\", [\"declare\", \"size\", \"S\"]]"),
        parsed(h, "[\"3\", [\"link\", \"x\"]]"),
    };
    assert_ok(pz_apply_many(h->engine, rows, 3, NULL, 0, results, &kit_error));
    assert_int_equal(results[0].status, PZ_ERR_DOMAIN);
    assert_true(strstr(results[0].message, "xx") != NULL);
    assert_int_equal(results[1].status, PZ_OK);
    assert_int_equal(results[2].status, PZ_ERR_UNSUPPORTED);
    assert_true(pz_value_equal(before, bytes_of(h, "1")));
    pz_profile *three;
    assert_ok(pz_customer(&three, h->engine, "customer", "3", &kit_error));
    assert_false(pz_profile_exists(three));
    pz_profile_free(three);
}

static pz_status flip(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                      pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn;
    pz__buf_put(new_bytes, bytes, len);
    new_bytes->data[len - 1] ^= 1;
    *action = PZ__WRITE;
    return PZ_OK;
}

static pz_status take_away(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                           pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn, (void)bytes, (void)len, (void)new_bytes;
    *action = PZ__REMOVE;
    return PZ_OK;
}

/* Do something to the record of a customer, and give the id. */
static void harm(home *h, const char *name, pz__update_fn how, char id[64])
{
    pz_profile *one = customer(h, "customer", name);
    snprintf(id, 64, "%s", id_of(one));
    pz_profile_free(one);
    assert_ok(pz__store_update(h->engine->store, pz_str_of(id), how, NULL, &kit_error));
}

static void damaged_customer_keeps_nothing_from_the_others(void **state)
{
    home *h = *state;
    char damaged[64], lost[64];
    pz_observed results[4] = {{.size = sizeof *results},
                              {.size = sizeof *results},
                              {.size = sizeof *results},
                              {.size = sizeof *results}};
    applied(h, "[\"bad\", [\"declare\", \"size\", \"S\"]]", 0);
    applied(h, "[\"gone\", [\"declare\", \"size\", \"S\"]]", 0);
    harm(h, "bad", flip, damaged);
    harm(h, "gone", take_away, lost);
    const pz_value rows[4] = {
        parsed(h, "[\"bad\", [\"declare\", \"size\", \"M\"]]"),
        parsed(h, "[\"bad\", [\"declare\", \"size\", \"L\"]]"),
        parsed(h, "[\"gone\", [\"declare\", \"size\", \"L\"]]"),
        parsed(h, "[\"good\", [\"choose\", \"language\", \"de\"]]"),
    };
    assert_ok(pz_apply_many(h->engine, rows, 4, NULL, 0, results, &kit_error));
    for (int i = 0; i < 2; i++) {
        assert_int_equal(results[i].status, PZ_ERR_CORRUPT);
        assert_non_null(strstr(results[i].message, damaged));
    }
    assert_int_equal(results[2].status, PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(results[2].message, lost));
    assert_int_equal(results[3].status, PZ_OK);
    pz_profile *good = customer(h, "customer", "good");
    assert_string_equal(answer(h, good, "language"), "de");
    pz_profile_free(good);
    const pz_value event = parsed(h, "{\"kind\": \"view\", \"source\": \"web\", \"id\": \"1\","
                                     " \"time\": \"2026-03-01T00:00:00Z\", \"customer\": \"bad\"}");
    assert_ok(pz_observe_many(h->engine, &event, 1, 0, 0, results, &kit_error));
    assert_int_equal(results[0].status, PZ_ERR_CORRUPT);
}

static void settled_row_changes_no_octet(void **state)
{
    home *h = *state;
    applied(h, ROW, PZ_APPLY_SETTLED);
    const pz_value before = bytes_of(h, "1");
    h->now_ms += DAY;
    const pz_observed again = applied(h, ROW, PZ_APPLY_SETTLED);
    assert_int_equal(again.status, PZ_OK);
    assert_false(again.is_new);
    assert_true(pz_value_equal(before, bytes_of(h, "1")));
    assert_true(applied(h, ROW, 0).is_new);
    assert_false(pz_value_equal(before, bytes_of(h, "1")));
    assert_true(applied(h, "[\"1\", [\"declare\", \"size\", \"M\"]]", PZ_APPLY_SETTLED).is_new);
}

static void settled_row_that_forgets_evidence_forgets_it(void **state)
{
    home *h = *state;
    for (int i = 0; i < 20; i++) {
        char json[200];
        snprintf(json, sizeof json,
                 "{\"kind\": \"view\", \"source\": \"web\", \"id\": \"%d\", \"category\": "
                 "\"garden\", \"time\": \"2026-03-09T00:00:00Z\", \"customer\": \"1\"}",
                 i);
        const pz_value event = parsed(h, json);
        assert_ok(pz_observe_many(h->engine, &event, 1, 0, 0, NULL, &kit_error));
    }
    pz_profile *one = customer(h, "customer", "1");
    assert_string_equal(answer(h, one, "category"), "garden");
    assert_true(applied(h, "[\"1\", [\"forget\", \"category\"]]", PZ_APPLY_SETTLED).is_new);
    assert_ok(pz_profile_refresh(one, &kit_error));
    assert_string_equal(answer(h, one, "category"), "");
    pz_profile_free(one);
}

static void identifier_of_somebody_else_is_refused(void **state)
{
    home *h = *state;
    applied(h, ROW, 0);
    assert_int_equal(applied(h, "[\"2\", [\"identify\", \"email\", \"a@b\"]]", 0).status,
                     PZ_ERR_SUBJECT);
    assert_int_equal(applied(h, "[\"1\", [\"identify\", \"email\", \"a@b\"]]", 0).status, PZ_OK);
}

static void identifier_that_can_be_none_is_told_what_it_may_be(void **state)
{
    home *h = *state;
    char row[1100];
    for (int len = 320; len <= 960; len += 80) { /* longer ones are none to the store either */
        snprintf(row, sizeof row, "[\"1\", [\"identify\", \"email\", \"%0*d\"]]", len, 7);
        const pz_observed result = applied(h, row, 0);
        assert_int_equal(result.status, len == 320 ? PZ_OK : PZ_ERR_ARG);
        assert_string_equal(result.message, len == 320 ? "" : "an identifier has 1 to 320 bytes");
    }
    assert_string_equal(applied(h, "[\"1\", [\"identify\", \"email\", 7]]", 0).message,
                        "an identifier is text");
}

/* Of a row, not of an event, as whose customer it would be looked for in vain. */
static void row_that_names_no_customer_is_told_how_to(void **state)
{
    home *h = *state;
    const char *const rows[] = {
        "[4711, [\"declare\", \"age\", 5]]",
        "[{\"card\": 4711}, [\"declare\", \"age\", 5]]",
        "[\"\", [\"declare\", \"age\", 5]]",
        "[{\"a\": \"1\", \"b\": \"2\"}, [\"declare\", \"age\", 5]]",
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        const pz_observed result = applied(h, rows[i], 0);
        assert_int_equal(result.status, PZ_ERR_TYPE);
        assert_string_equal(result.message,
                            "a row begins with its customer: text (a number, too, is written as "
                            "text), or {\"email\": \"ann@example.com\"}");
    }
}

static void identifier_of_a_row_that_was_refused_leads_to_one(void **state)
{
    home *h = *state;
    pz_observed results[3] = {
        {.size = sizeof *results}, {.size = sizeof *results}, {.size = sizeof *results}};
    const pz_value rows[3] = {
        parsed(h, "[{\"email\": \"a@b\"}, [\"declare\", \"language\", \"xx\"]]"),
        parsed(h, "[\"1\", [\"identify\", \"email\", \"a@b\"], [\"declare\", \"size\", \"L\"],"
                  " [\"consent\", \"ads\", \"grant\"]]"),
        parsed(h, "[{\"email\": \"a@b\"}, [\"declare\", \"language\", \"de\"]]"),
    };
    assert_ok(pz_apply_many(h->engine, rows, 3, NULL, 0, results, &kit_error));
    assert_int_equal(results[0].status, PZ_ERR_DOMAIN);
    assert_int_equal(results[1].status, PZ_OK);
    assert_int_equal(results[2].status, PZ_OK);
    uint64_t count;
    assert_ok(pz_profile_count(h->engine, &count, &kit_error));
    assert_int_equal(count, 1);
    pz_profile *one = customer(h, "customer", "1");
    assert_string_equal(answer(h, one, "size"), "L");
    assert_string_equal(answer(h, one, "language"), "de");
    pz_profile_free(one);
}

static void identifier_of_the_erased_brings_nothing_old_back(void **state)
{
    home *h = *state;
    uint32_t erased;
    applied(h, ROW, 0);
    pz_profile *one = customer(h, "customer", "1");
    assert_ok(pz_erase(h->engine, id_of(one), NULL, 0, &erased, &kit_error));
    pz_profile_free(one);
    h->now_ms += DAY;
    /* By another name, but under the same address: before or behind it in the row. */
    assert_int_equal(applied(h,
                             "[\"9\", [\"declare\", \"size\", \"L\", {\"at\": "
                             "\"2026-03-01T00:00:00Z\"}], [\"identify\", \"email\", \"a@b\"]]",
                             0)
                         .status,
                     PZ_ERR_LATE);
    assert_int_equal(applied(h,
                             "[\"9\", [\"identify\", \"email\", \"a@b\"],"
                             " [\"declare\", \"size\", \"L\"]]",
                             0)
                         .status,
                     PZ_OK);
    assert_int_equal(applied(h,
                             "[\"9\", [\"declare\", \"size\", \"M\", {\"at\": "
                             "\"2026-03-01T00:00:00Z\"}]]",
                             0)
                         .status,
                     PZ_ERR_LATE);
}

static void what_was_erased_does_not_come_back_by_a_table(void **state)
{
    home *h = *state;
    uint32_t erased;
    applied(h, ROW, 0);
    pz_profile *one = customer(h, "customer", "1");
    assert_ok(pz_erase(h->engine, id_of(one), NULL, 0, &erased, &kit_error));
    pz_profile_free(one);
    h->now_ms += DAY;
    assert_int_equal(applied(h,
                             "[\"1\", [\"declare\", \"size\", \"L\", {\"at\": "
                             "\"2026-03-01T00:00:00Z\"}]]",
                             0)
                         .status,
                     PZ_ERR_LATE);
    assert_int_equal(applied(h, "[\"1\", [\"declare\", \"size\", \"L\"]]", 0).status, PZ_OK);
}

static void arguments_that_are_wrong_are_told(void **state)
{
    home *h = *state;
    const pz_value row = parsed(h, ROW);
    assert_status(PZ_ERR_ARG, pz_apply_many(h->engine, &row, 1, NULL, 64, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_apply_many(NULL, &row, 1, NULL, 0, NULL, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz_apply_many(h->engine, &row, PZ_OBSERVE_MANY_MAX + 1, NULL, 0,
                                              NULL, &kit_error));
    assert_int_equal(applied(h, "{}", 0).status, PZ_ERR_TYPE);
    assert_int_equal(applied(h, "[\"\"]", 0).status, PZ_ERR_TYPE);
}

static pz_status apply(const pz_alloc *alloc, void *payload)
{
    const pz_value *row = payload;
    pz_engine *engine = NULL;
    pz_error err = PZ_ERROR_INIT;
    pz_observed results[2] = {{.size = sizeof *results}, {.size = sizeof *results}};
    const pz_value rows[2] = {*row, *row};
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc};
    pz_status status = pz_engine_open(&engine, &options, &err);
    if (status == PZ_OK)
        status =
            pz_engine_load_text(engine, "home.json", home_json, sizeof home_json - 1, NULL, &err);
    if (status == PZ_OK)
        status = pz_apply_many(engine, rows, 2, NULL, PZ_APPLY_SETTLED, results, &err);
    uint64_t count = 0;
    if (engine && pz_profile_count(engine, &count, NULL) == PZ_OK)
        assert_int_equal(count, status == PZ_OK ? 1 : 0);
    pz_engine_close(engine);
    return status;
}

static void applying_survives_exhaustion(void **state)
{
    home *h = *state;
    pz_value row = parsed(h, ROW);
    oom_run(apply, &row);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)
#define DISK(name) cmocka_unit_test_setup_teardown(name, on_disk, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(row_makes_its_customer_and_does_all_of_it),
        DISK(row_makes_its_customer_and_does_all_of_it),
        TEST(failing_operation_undoes_its_row_and_no_other),
        TEST(damaged_customer_keeps_nothing_from_the_others),
        DISK(damaged_customer_keeps_nothing_from_the_others),
        TEST(settled_row_changes_no_octet),
        TEST(settled_row_that_forgets_evidence_forgets_it),
        TEST(identifier_of_somebody_else_is_refused),
        TEST(identifier_that_can_be_none_is_told_what_it_may_be),
        TEST(row_that_names_no_customer_is_told_how_to),
        TEST(identifier_of_a_row_that_was_refused_leads_to_one),
        DISK(identifier_of_a_row_that_was_refused_leads_to_one),
        TEST(identifier_of_the_erased_brings_nothing_old_back),
        TEST(what_was_erased_does_not_come_back_by_a_table),
        TEST(arguments_that_are_wrong_are_told),
        TEST(applying_survives_exhaustion),
    };
    return cmocka_run_group_tests_name("apply_many", tests, NULL, NULL);
}
