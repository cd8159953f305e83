/*
 * test_erasure.c: an erased person is gone, and nothing from before comes back.
 */
#include "home.h"

#include <stdlib.h>

#include "engine/engine.h"

static pz_value view(home *h, const char *id, const char *time)
{
    char json[256];
    snprintf(json, sizeof json,
             "{\"kind\":\"view\",\"source\":\"s\",\"id\":\"%s\",\"time\":\"%s\",\"category\":"
             "\"garden\",\"customer\":{\"email\":\"ann@example.com\"}}",
             id, time);
    return parsed(h, json);
}

static pz_status observe_one(home *h, pz_value event)
{
    pz_observed result = {.size = sizeof result};
    assert_ok(pz_observe_many(h->engine, &event, 1, 0, 0, &result, &kit_error));
    return result.status;
}

/* Ann, known by her e-mail and a card, and her phone. */
typedef struct ann {
    pz_profile *self, *phone;
    char id[80], phone_id[80];
} ann;

static ann make_ann(home *h)
{
    ann a = {.self = customer(h, "email", "ann@example.com"),
             .phone = customer(h, "device", "phone-1")};
    assert_ok(pz_identify(a.self, "card", "4711", NULL, &kit_error));
    assert_ok(pz_choose(a.self, "language", pz_value_str("de"), NULL, &kit_error));
    assert_ok(pz_choose(a.phone, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_link(a.phone, id_of(a.self), 1.0, NULL, &kit_error));
    memcpy(a.id, id_of(a.self), sizeof a.id);
    memcpy(a.phone_id, id_of(a.phone), sizeof a.phone_id);
    return a;
}

static void free_ann(ann *a)
{
    pz_profile_free(a->self);
    pz_profile_free(a->phone);
}

static uint32_t erase(home *h, const char *id, uint32_t flags)
{
    uint32_t count = 0;
    assert_ok(pz_erase(h->engine, id, NULL, flags, &count, &kit_error));
    return count;
}

static void assert_unknown(home *h, const char *kind, const char *value)
{
    pz_profile *found;
    assert_ok(pz_customer(&found, h->engine, kind, value, &kit_error));
    assert_false(pz_profile_exists(found));
    pz_profile_free(found);
}

static void whole_person_goes_with_every_identifier(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    pz_profile *bob = customer(h, "card", "1"), *gone;
    assert_int_equal(erase(h, a.id, 0), 2);
    assert_status(PZ_ERR_NOT_FOUND, pz_profile_open(&gone, h->engine, a.id, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND, pz_profile_open(&gone, h->engine, a.phone_id, &kit_error));
    assert_unknown(h, "email", "ann@example.com");
    assert_unknown(h, "card", "4711");
    assert_unknown(h, "device", "phone-1");
    assert_ok(pz_profile_refresh(bob, &kit_error));
    uint64_t left;
    assert_ok(pz_profile_count(h->engine, &left, &kit_error));
    assert_int_equal(left, 1);
    pz_profile_free(bob);
    free_ann(&a);
}

static void one_profile_alone_leaves_the_others(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    assert_int_equal(erase(h, a.id, PZ_ERASE_ALONE), 1);
    assert_ok(pz_profile_refresh(a.phone, &kit_error));
    assert_string_equal(answer(h, a.phone, "language"), "fr");
    assert_int_equal(member_count(h, a.phone), 1);
    free_ann(&a);
}

static void handles_on_the_erased_write_nothing(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    pz_profile *stale = copy_of(h, a.self);
    erase(h, a.id, 0);
    h->now_ms += DAY;
    assert_status(PZ_ERR_NOT_FOUND,
                  pz_choose(a.self, "language", pz_value_str("en"), NULL, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND, pz_merge(a.self, stale, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND, pz_profile_refresh(a.self, &kit_error));
    assert_string_equal(answer(h, a.self, "language"), "de");
    pz_profile_free(stale);
    free_ann(&a);
}

static void what_happened_before_is_refused_and_what_comes_after_taken(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    erase(h, a.id, 0);
    h->now_ms += DAY;
    assert_int_equal(observe_one(h, view(h, "1", "2026-03-09T00:00:00Z")), PZ_ERR_LATE);
    assert_int_equal(observe_one(h, view(h, "2", "2026-03-10T00:00:00Z")), PZ_ERR_LATE);
    assert_unknown(h, "email", "ann@example.com");
    assert_int_equal(observe_one(h, view(h, "3", "2026-03-10T00:00:01Z")), PZ_OK);
    assert_int_equal(observe_one(h, view(h, "4", "2026-03-09T00:00:00Z")), PZ_ERR_LATE);
    pz_profile *again;
    assert_ok(pz_customer(&again, h->engine, "email", "ann@example.com", &kit_error));
    assert_true(pz_profile_exists(again));
    assert_string_not_equal(id_of(again), a.id);
    const pz_write before = {PZ_WRITE, .at_ms = NOW - DAY}, after = {PZ_WRITE, .at_ms = NOW + 1};
    assert_status(PZ_ERR_LATE, pz_declare(again, "size", pz_value_str("m"), &before, &kit_error));
    assert_status(PZ_ERR_LATE,
                  pz_observe(again, view(h, "5", "2026-03-08T00:00:00Z"), NULL, NULL, &kit_error));
    assert_ok(pz_declare(again, "size", pz_value_str("m"), &after, &kit_error));
    pz_profile_free(again);
    free_ann(&a);
}

static void late_first_write_makes_no_customer(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    erase(h, a.id, 0);
    h->now_ms += DAY;
    pz_profile *again;
    const pz_write before = {PZ_WRITE, .at_ms = NOW - DAY};
    assert_ok(pz_customer(&again, h->engine, "card", "4711", &kit_error));
    assert_status(PZ_ERR_LATE, pz_declare(again, "size", pz_value_str("m"), &before, &kit_error));
    assert_non_null(strstr(kit_error.message, "2026-03-10T00:00:00"));
    assert_false(pz_profile_exists(again));
    assert_unknown(h, "card", "4711");
    pz_profile_free(again);
    free_ann(&a);
}

/* The one way for a replica into a store is a handle; one that holds anything old is refused whole.
 */
static void stale_replica_with_an_erased_identifier_is_refused(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    pz_profile *tablet = customer(h, "device", "tablet-1");
    pz_profile *stale = copy_of(h, tablet), *fresh = copy_of(h, tablet);
    const pz_write old = {PZ_WRITE, .writer = "twin", .at_ms = NOW - DAY};
    assert_ok(pz_identify(stale, "email", "ann@example.com", &old, &kit_error));
    erase(h, a.id, 0);
    h->now_ms += DAY;
    assert_status(PZ_ERR_LATE, pz_merge(tablet, stale, &kit_error));
    assert_unknown(h, "email", "ann@example.com");
    /* Nor by way of its bytes. */
    pz_value bytes;
    pz_profile *view;
    assert_ok(pz_profile_encode(stale, h->pool, &bytes, &kit_error));
    assert_ok(pz_profile_view(&view, h->engine, bytes.as.text, bytes.len, &kit_error));
    assert_status(PZ_ERR_LATE, pz_merge(tablet, view, &kit_error));
    assert_unknown(h, "email", "ann@example.com");
    pz_profile_free(view);
    const pz_write now = {PZ_WRITE, .writer = "twin"};
    assert_ok(pz_choose(fresh, "language", pz_value_str("de"), &now, &kit_error));
    assert_ok(pz_merge(tablet, fresh, &kit_error));
    assert_string_equal(answer(h, tablet, "language"), "de");
    pz_profile_free(stale);
    pz_profile_free(fresh);
    pz_profile_free(tablet);
    free_ann(&a);
}

/* ---- what is remembered, and for how long ---- */

static size_t days_remembered(home *h)
{
    pz__buf keys;
    size_t count;
    pz__buf_init(&keys, NULL, 1 << 20);
    assert_ok(pz__store_lookup(h->engine->store,
                               PZ__STR("\x1f"
                                       "erasure-days"),
                               &keys, &count, &kit_error));
    pz__buf_clear(&keys);
    return count;
}

static void remembrance_goes_after_the_horizon(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    erase(h, a.id, 0);
    assert_int_equal(days_remembered(h), 1);
    h->now_ms = NOW + 399 * DAY;
    assert_int_equal(observe_one(h, view(h, "1", "2026-03-10T00:00:00Z")), PZ_ERR_LATE);
    assert_int_equal(days_remembered(h), 1);
    h->now_ms = NOW + 401 * DAY;
    pz_profile *again;
    const pz_write before = {PZ_WRITE, .at_ms = NOW - DAY};
    assert_ok(pz_customer(&again, h->engine, "email", "ann@example.com", &kit_error));
    assert_ok(pz_declare(again, "size", pz_value_str("m"), &before, &kit_error));
    observe_one(h, view(h, "2", "2027-04-14T00:00:00Z"));
    assert_int_equal(days_remembered(h), 0);
    pz_profile_free(again);
    free_ann(&a);
}

static void catalog_says_how_long(void **state)
{
    home *h = *state;
    static const char text[] = "{\"erasure_horizon\": \"10d\", \"attributes\": {\"size\": "
                               "{\"type\": \"string\"}}}";
    assert_ok(pz_engine_load_text(h->engine, "c", text, sizeof text - 1, NULL, &kit_error));
    pz_profile *bob = customer(h, "card", "1");
    const pz_write before = {PZ_WRITE, .at_ms = NOW - DAY};
    erase(h, id_of(bob), 0);
    pz_profile_free(bob);
    assert_ok(pz_customer(&bob, h->engine, "card", "1", &kit_error));
    h->now_ms = NOW + 9 * DAY;
    assert_status(PZ_ERR_LATE, pz_declare(bob, "size", pz_value_str("m"), &before, &kit_error));
    h->now_ms = NOW + 10 * DAY;
    assert_ok(pz_declare(bob, "size", pz_value_str("m"), &before, &kit_error));
    pz_profile_free(bob);
}

/* More than one call lets go of. */
static void many_remembrances_go_bit_by_bit(void **state)
{
    home *h = *state;
    char value[16];
    for (int i = 0; i < 300; i++) {
        snprintf(value, sizeof value, "n%d", i);
        pz_profile *one = customer(h, "card", value);
        assert_int_equal(erase(h, id_of(one), 0), 1);
        pz_profile_free(one);
    }
    h->now_ms = NOW + 402 * DAY;
    for (int i = 0; i < 8 && days_remembered(h) > 0; i++)
        observe_one(h, view(h, "x", "2027-04-15T00:00:00Z"));
    assert_int_equal(days_remembered(h), 0);
}

/* ---- bytes ---- */

typedef struct needle {
    const char *text;
    bool is_found;
} needle;

static bool holds(const void *bytes, size_t len, const char *text)
{
    return memmem(bytes, len, text, strlen(text)) != NULL;
}

static pz_status look(void *payload, pz_str key, const void *bytes, size_t len)
{
    needle *n = payload;
    n->is_found |= holds(key.data, key.len, n->text) || holds(bytes, len, n->text);
    return PZ_OK;
}

static void no_record_holds_the_erased(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    needle n = {"ann@example.com", false};
    assert_ok(pz__store_iterate(h->engine->store, look, &n, &kit_error));
    assert_true(n.is_found);
    erase(h, a.id, 0);
    n.is_found = false;
    assert_ok(pz__store_iterate(h->engine->store, look, &n, &kit_error));
    assert_false(n.is_found);
    free_ann(&a);
}

#ifdef PZ_WITH_LMDB
static bool file_holds(const char *path, const char *text)
{
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, 64u << 20);
    assert_ok(pz__file_read(&bytes, path, &kit_error));
    const bool found = holds(bytes.data, bytes.len, text);
    pz__buf_clear(&bytes);
    return found;
}

/* Pages that LMDB freed may hold old bytes until they are used again; a copy has no such pages. */
static void compacted_copy_of_the_file_holds_nothing_of_the_erased(void **state)
{
    home *h = *state;
    char copy[300], path[320];
    ann a = make_ann(h);
    snprintf(copy, sizeof copy, "%s/before", h->directory);
    assert_ok(pz__store_snapshot(h->engine->store, copy, &kit_error));
    snprintf(path, sizeof path, "%s/data.mdb", copy);
    assert_true(file_holds(path, "ann@example.com"));
    erase(h, a.id, 0);
    snprintf(copy, sizeof copy, "%s/after", h->directory);
    assert_ok(pz__store_snapshot(h->engine->store, copy, &kit_error));
    snprintf(path, sizeof path, "%s/data.mdb", copy);
    assert_false(file_holds(path, "ann@example.com"));
    assert_false(file_holds(path, "4711"));
    assert_false(file_holds(path, a.id));
    assert_false(file_holds(path, a.phone_id));
    free_ann(&a);
}
#endif

static size_t links_to(home *h, const char *id)
{
    char name[96];
    pz__buf keys;
    size_t count;
    snprintf(name, sizeof name,
             "\x1f"
             "link"
             "\x1f%s",
             id);
    pz__buf_init(&keys, NULL, 1 << 20);
    assert_ok(pz__store_lookup(h->engine->store, pz_str_of(name), &keys, &count, &kit_error));
    pz__buf_clear(&keys);
    return count;
}

static void links_of_the_erased_lead_from_nobody(void **state)
{
    home *h = *state;
    ann a = make_ann(h);
    assert_int_equal(links_to(h, a.id), 1);
    assert_int_equal(erase(h, a.phone_id, PZ_ERASE_ALONE), 1);
    assert_int_equal(links_to(h, a.id), 0);
    assert_ok(pz_profile_refresh(a.self, &kit_error));
    assert_string_equal(answer(h, a.self, "language"), "de");
    free_ann(&a);
}

/* ---- refusals ---- */

static void erasing_is_refused_with_the_reason(void **state)
{
    home *h = *state;
    uint32_t count = 7;
    assert_status(PZ_ERR_NOT_FOUND, pz_erase(h->engine, "nobody", NULL, 0, &count, &kit_error));
    assert_int_equal(count, 0);
    assert_status(PZ_ERR_ARG, pz_erase(h->engine, "", NULL, 0, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_erase(h->engine, "x", NULL, 2, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_erase(NULL, "x", NULL, 0, NULL, &kit_error));
    pz_engine *bare;
    assert_ok(pz_engine_open(&bare, NULL, &kit_error));
    assert_status(PZ_ERR_STATE, pz_erase(bare, "x", NULL, 0, NULL, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND, pz_erase(bare, "x", NULL, PZ_ERASE_ALONE, NULL, &kit_error));
    pz_engine_close(bare);
}

#define IN_MEMORY(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)
#ifdef PZ_WITH_LMDB
#define STORED(name)                                                                               \
    IN_MEMORY(name),                                                                               \
    {                                                                                              \
#name " on disk", name, on_disk, tear_down, NULL                                           \
    }
#else
#define STORED(name) IN_MEMORY(name)
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED(whole_person_goes_with_every_identifier),
        STORED(one_profile_alone_leaves_the_others),
        STORED(handles_on_the_erased_write_nothing),
        STORED(what_happened_before_is_refused_and_what_comes_after_taken),
        STORED(late_first_write_makes_no_customer),
        STORED(stale_replica_with_an_erased_identifier_is_refused),
        STORED(remembrance_goes_after_the_horizon),
        IN_MEMORY(catalog_says_how_long),
        IN_MEMORY(many_remembrances_go_bit_by_bit),
        STORED(no_record_holds_the_erased),
        STORED(links_of_the_erased_lead_from_nobody),
#ifdef PZ_WITH_LMDB
        {"compacted_copy_of_the_file_holds_nothing_of_the_erased",
         compacted_copy_of_the_file_holds_nothing_of_the_erased, on_disk, tear_down, NULL},
#endif
        IN_MEMORY(erasing_is_refused_with_the_reason),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
