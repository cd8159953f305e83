/*
 * test_hooks.c: an engine whose store is sealed by hooks, over every kind of store: it answers as
 * any other, nothing that tells about anybody is in the files of LMDB or of a Redis server, and no
 * message names anybody.
 */
#include "records.h"

#include <ftw.h>

#include "store/toy.h"
#include "support/oom.h"
#ifdef PZ_WITH_REDIS
#include <personalize/redis.h>

#include "store/servers.h"
#endif

typedef struct vault {
    home h;
    toy keys;
    char address[400];
} vault;

static vault v;

static pz_status open_vault(pz_engine **out, const pz_store_hooks *hooks, const pz_alloc *alloc)
{
    const pz_engine_options options = {
        PZ_ENGINE_OPTIONS,           .store = v.address,    .alloc = alloc,
        .clock = home_clock,         .clock_payload = &v.h, .hooks = hooks,
#ifdef PZ_WITH_REDIS
        .module = pz_redis_module(),
#endif
    };
    return pz_engine_open(out, &options, &kit_error);
}

static void make_vault(const char *address)
{
    snprintf(v.address, sizeof v.address, "%s", address);
    toy_init(&v.keys, 5);
    v.h.now_ms = NOW;
    const pz_store_hooks hooks = toy_hooks(&v.keys);
    assert_ok(open_vault(&v.h.engine, &hooks, NULL));
    assert_ok(pz_context_new(&v.h.context, v.h.engine, &kit_error));
    assert_ok(pz_pool_new(&v.h.pool, NULL));
    load(&v.h, records_json);
}

static int memory_vault(void **state)
{
    v.h.directory[0] = '\0';
    make_vault("memory:");
    *state = &v.h;
    return 0;
}

#ifdef PZ_WITH_LMDB
static int disk_vault(void **state)
{
    char address[300];
    kit_make_directory(v.h.directory);
    snprintf(address, sizeof address, "lmdb:%s/store", v.h.directory);
    make_vault(address);
    *state = &v.h;
    return 0;
}
#endif

/* Everything that a store can hold about somebody, and somebody who was erased. */
static void live_a_little(home *h)
{
    pz_profile *ann = customer(h, "email", "ann@example.com");
    pz_profile *phone = customer(h, "device", "needle-phone");
    pz_profile *bob = customer(h, "email", "bob@example.com");
    assert_ok(pz_choose(ann, "language", pz_value_str("needle-language"), NULL, &kit_error));
    assert_ok(pz_identify(ann, "card", "needle-card", NULL, &kit_error));
    assert_ok(pz_link(ann, id_of(phone), 1.0, NULL, &kit_error));
    record(h, ann, "greet", "needle-note");
    assert_ok(pz_choose(bob, "language", pz_value_str("needle-bob"), NULL, &kit_error));
    record(h, bob, "greet", "needle-gone");
    assert_ok(pz_erase(h->engine, id_of(bob), NULL, 0, NULL, &kit_error));
    pz_profile_free(bob);
    pz_profile_free(phone);
    pz_profile_free(ann);
}

static const char *const telling[] = {"ann@example", "bob@example", "needle", "language",
                                      "greet",       "email",       "PZr",    "PZd"};

static void a_sealed_engine_answers_as_any_other(void **state)
{
    home *h = *state;
    live_a_little(h);
    pz_profile *ann, *phone;
    uint64_t count;
    assert_ok(pz_customer(&ann, h->engine, "card", "needle-card", &kit_error));
    assert_true(pz_profile_exists(ann));
    assert_string_equal(answer(h, ann, "language"), "needle-language");
    assert_ok(pz_customer(&phone, h->engine, "device", "needle-phone", &kit_error));
    assert_string_equal(answer(h, phone, "language"), "needle-language"); /* over the link back */
    assert_ok(pz_profile_count(h->engine, &count, &kit_error));
    assert_int_equal(count, 2);
    assert_string_equal(found_of(h, id_of(ann)), "1:needle-note");
    assert_string_equal(found(h, NULL), "1:needle-note");
    const pz_write before = {PZ_WRITE, .at_ms = NOW - DAY};
    pz_profile *bob;
    assert_ok(pz_customer(&bob, h->engine, "email", "bob@example.com", &kit_error));
    assert_false(pz_profile_exists(bob));
    assert_status(PZ_ERR_LATE, pz_choose(bob, "language", pz_value_str("x"), &before, &kit_error));
    pz_profile_free(bob);
    pz_profile_free(phone);
    pz_profile_free(ann);
}

static pz_status name_profile(void *payload, const pz_profile *profile)
{
    uint32_t *seen = payload;
    assert_int_equal(pz_profile_id(profile).len, 36);
    ++*seen;
    return PZ_OK;
}

static void everybody_is_visited_by_their_own_ids(void **state)
{
    home *h = *state;
    uint32_t seen = 0;
    live_a_little(h);
    assert_ok(pz_each_profile(h->engine, name_profile, &seen, &kit_error));
    assert_int_equal(seen, 2);
}

static void deciding_with_a_handle_calls_no_hook(void **state)
{
    home *h = *state;
    live_a_little(h);
    pz_profile *ann = customer(h, "card", "needle-card");
    toy_arm(&v.keys, 0, PZ_OK);
    for (int i = 0; i < 10; i++)
        decide(h, ann, i % 2 ? "hero" : "greet");
    assert_int_equal(atomic_load(&v.keys.asked), 0);
    pz_profile_free(ann);
}

static void messages_name_nobody(void **state)
{
    home *h = *state;
    live_a_little(h);
    pz_profile *ann = customer(h, "card", "needle-card"), *other;
    pz_profile *bob = customer(h, "card", "needle-other");
    char id[80];
    memcpy(id, id_of(ann), sizeof id);
    assert_status(PZ_ERR_NOT_FOUND, pz_profile_open(&other, h->engine, "needle-id", &kit_error));
    assert_null(strstr(kit_error.message, "needle"));
    assert_status(PZ_ERR_NOT_FOUND, pz_erase(h->engine, "needle-id", NULL, 0, NULL, &kit_error));
    assert_null(strstr(kit_error.message, "needle"));
    assert_status(PZ_ERR_SUBJECT, pz_identify(bob, "card", "needle-card", NULL, &kit_error));
    assert_null(strstr(kit_error.message, "needle"));
    assert_null(strstr(kit_error.message, id));
    assert_ok(pz_erase(h->engine, id, NULL, PZ_ERASE_ALONE, NULL, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND,
                  pz_choose(ann, "language", pz_value_str("x"), NULL, &kit_error));
    assert_null(strstr(kit_error.message, id));
    pz_profile_free(bob);
    pz_profile_free(ann);
}

static void a_failing_hook_changes_nothing(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    for (size_t n = 1;; n++) {
        toy_arm(&v.keys, n, PZ_ERR_IO);
        const pz_status status = pz_choose(ann, "language", pz_value_str("fr"), NULL, &kit_error);
        const bool was_asked = atomic_load(&v.keys.asked) >= n;
        toy_arm(&v.keys, 0, PZ_OK);
        assert_int_equal(status, was_asked ? PZ_ERR_IO : PZ_OK);
        assert_ok(pz_profile_refresh(ann, &kit_error));
        assert_string_equal(answer(h, ann, "language"), was_asked ? "de" : "fr");
        if (!was_asked)
            break;
    }
    pz_profile_free(ann);
}

static void recording_goes_on_over_what_cannot_be_opened(void **state)
{
    home *h = *state;
    uint64_t removed;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    v.keys.key = v.keys.known = 2;
    record(h, ann, "greet", "of a later key");
    v.keys.key = v.keys.known = 1; /* of a process that was not given it */
    for (unsigned i = 0; i < 40; i++)
        record(h, NULL, "greet", "kept");
    h->now_ms += 20 * DAY;
    assert_ok(pz_records_expire(h->engine, 0, &removed, &kit_error));
    assert_int_equal(removed, 40);
    v.keys.known = 2;
    assert_string_equal(found(h, NULL), "1:of a later key");
    assert_ok(pz_records_expire(h->engine, 0, &removed, &kit_error));
    assert_int_equal(removed, 1);
    pz_profile_free(ann);
}

static pz_status use_vault(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz_engine *engine;
    pz_profile *ann = NULL;
    const pz_store_hooks hooks = toy_hooks(&v.keys);
    pz_status status = open_vault(&engine, &hooks, alloc);
    if (status != PZ_OK)
        return status;
    status = pz_engine_load_text(engine, "c", records_json, sizeof records_json - 1, NULL, NULL);
    if (status == PZ_OK)
        status = pz_customer(&ann, engine, "card", "1", NULL);
    if (status == PZ_OK)
        status = pz_choose(ann, "language", pz_value_str("de"), NULL, NULL);
    if (status == PZ_OK)
        status = pz_profile_refresh(ann, NULL);
    if (status == PZ_OK)
        status = pz_erase(engine, id_of(ann), NULL, 0, NULL, NULL);
    pz_profile_free(ann);
    pz_engine_close(engine);
    return status;
}

static void exhaustion_changes_nothing(void **state)
{
    (void)state;
    oom_run(use_vault, NULL);
}

/* ---- files ---- */

static size_t files, bytes_read;

static int search(const char *path, const struct stat *info, int type, struct FTW *place)
{
    (void)info, (void)place;
    pz__buf bytes;
    if (type != FTW_F)
        return 0;
    pz__buf_init(&bytes, NULL, 64u << 20);
    assert_ok(pz__file_read(&bytes, path, &kit_error));
    for (size_t i = 0; i < sizeof telling / sizeof *telling; i++)
        if (memmem(bytes.data, bytes.len, telling[i], strlen(telling[i])))
            fail_msg("'%s' stands in %s", telling[i], path);
    files++;
    bytes_read += bytes.len;
    pz__buf_clear(&bytes);
    return 0;
}

static void assert_nothing_in(const char *directory)
{
    files = bytes_read = 0;
    assert_int_equal(nftw(directory, search, 8, FTW_PHYS), 0);
    assert_true(files > 0 && bytes_read > 1000);
}

#ifdef PZ_WITH_LMDB
static void no_file_of_lmdb_tells_anything(void **state)
{
    home *h = *state;
    live_a_little(h);
    assert_nothing_in(h->directory);
}

static void other_hooks_and_none_are_refused(void **state)
{
    home *h = *state;
    pz_engine *other;
    pz_profile *found;
    toy others;
    toy_init(&others, 6);
    const pz_store_hooks hooks = toy_hooks(&others);
    live_a_little(h);
    for (int i = 0; i < 2; i++) {
        assert_ok(open_vault(&other, i ? &hooks : NULL, NULL));
        assert_status(PZ_ERR_STATE,
                      pz_customer(&found, other, "email", "ann@example.com", &kit_error));
        assert_non_null(strstr(kit_error.message, i ? "other keys" : "is sealed"));
        assert_null(strstr(kit_error.message, "ann"));
        pz_engine_close(other);
    }
}
#endif

#ifdef PZ_WITH_REDIS
static servers alone;

/* A password in the address, so that every message can be searched for it. */
static int redis_vault(void **state)
{
    char address[400], reply[256];
    *state = NULL;
    if (!servers_are_there())
        return 0;
    servers_start_one(&alone);
    servers_address(&alone, "", address);
    make_vault(address);
    assert_true(server_ask(&alone.list[0], "PING", reply, sizeof reply));
    *state = &v.h;
    return 0;
}

static int drop_redis(void **state)
{
    if (!*state)
        return 0;
    home_close(*state);
    servers_stop(&alone);
    return 0;
}

static void no_file_of_redis_tells_anything(void **state)
{
    char reply[256];
    if (!*state)
        skip();
    live_a_little(*state);
    assert_true(server_ask(&alone.list[0], "SAVE", reply, sizeof reply));
    assert_nothing_in(alone.list[0].directory);
}

static void a_sealed_engine_on_redis_answers_as_any_other(void **state)
{
    if (!*state)
        skip();
    a_sealed_engine_answers_as_any_other(state);
}
#endif

/* ---- addresses ---- */

static void no_message_repeats_a_password(void **state)
{
    (void)state;
    static const char *const wrong[] = {
        "redis://user:hunter2@127.0.0.1:1/0?timeout_ms=50&deadline_ms=100",
        "redis://user:hunter2@127.0.0.1:x",
        "redis://user:hunter2@127.0.0.1:1?nope=1",
        "redis://user:hunter2@127.0.0.1:1?wait=99999",
        "redis://user:hunter2@",
        "rediss://user:hunter2@host",
        "postgres://user:hunter2@host/db",
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        pz_engine *engine = NULL;
        pz_profile *found = NULL;
        snprintf(v.address, sizeof v.address, "%s", wrong[i]);
        pz_status status = open_vault(&engine, NULL, NULL);
        if (status == PZ_OK)
            status = pz_customer(&found, engine, "email", "ann@example.com", &kit_error);
        assert_int_not_equal(status, PZ_OK);
        assert_null(strstr(kit_error.message, "hunter2"));
        pz_engine_close(engine);
    }
}

#define IN_VAULT(test) cmocka_unit_test_setup_teardown(test, memory_vault, tear_down)
#define ON_DISK_VAULT(test) cmocka_unit_test_setup_teardown(test, disk_vault, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_VAULT(a_sealed_engine_answers_as_any_other),
        IN_VAULT(everybody_is_visited_by_their_own_ids),
        IN_VAULT(deciding_with_a_handle_calls_no_hook),
        IN_VAULT(messages_name_nobody),
        IN_VAULT(a_failing_hook_changes_nothing),
        IN_VAULT(recording_goes_on_over_what_cannot_be_opened),
        IN_VAULT(exhaustion_changes_nothing),
#ifdef PZ_WITH_LMDB
        ON_DISK_VAULT(a_sealed_engine_answers_as_any_other),
        ON_DISK_VAULT(no_file_of_lmdb_tells_anything),
        ON_DISK_VAULT(other_hooks_and_none_are_refused),
#endif
#ifdef PZ_WITH_REDIS
        cmocka_unit_test_setup_teardown(a_sealed_engine_on_redis_answers_as_any_other, redis_vault,
                                        drop_redis),
        cmocka_unit_test_setup_teardown(no_file_of_redis_tells_anything, redis_vault, drop_redis),
#endif
        cmocka_unit_test(no_message_repeats_a_password),
    };
    return cmocka_run_group_tests_name("hooks", tests, NULL, NULL);
}
