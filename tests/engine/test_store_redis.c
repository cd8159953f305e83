/*
 * test_store_redis.c: stores between LMDB, a Redis server and a cluster, all of them real.
 */
#include "home.h"

#include <stdlib.h>

#include <personalize/redis.h>

#include "store/servers.h"

static servers one, cluster;

static int start(void **state)
{
    (void)state;
    if (!servers_are_there())
        return 0;
    servers_start_one(&one);
    servers_start_cluster(&cluster, 5000);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (servers_are_there()) {
        servers_stop(&one);
        servers_stop(&cluster);
    }
    return 0;
}

static pz_store *open_prefixed(const servers *s, const char *prefix)
{
    char address[400], more[60];
    pz_store *store;
    const pz_store_options options = {PZ_STORE_OPTIONS, .module = pz_redis_module()};
    snprintf(more, sizeof more, "?prefix=%s", prefix);
    servers_address(s, more, address);
    assert_ok(pz_store_open(&store, address, &options, &kit_error));
    return store;
}

static void fill(home *h, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        char name[20];
        snprintf(name, sizeof name, "c%04u", i);
        pz_profile *made = customer(h, "email", name);
        assert_ok(pz_choose(made, "language", pz_value_str("de"), NULL, &kit_error));
        pz_profile_free(made);
    }
}

static pz_store_outcome copied(pz_store *from, pz_store *to)
{
    pz_store_outcome outcome = {.size = sizeof outcome};
    assert_ok(pz_store_copy(from, to, NULL, &outcome, &kit_error));
    return outcome;
}

static pz_store_info info_of(pz_store *store)
{
    pz_store_info info = {.size = sizeof info};
    assert_ok(pz_store_info_read(store, &info, &kit_error));
    return info;
}

static void round_trip(home *h, const servers *s)
{
    if (!servers_are_there())
        skip();
    fill(h, 300);
    pz_store *here = pz_engine_store(h->engine), *there = open_prefixed(s, "trip:");
    assert_int_equal(copied(here, there).added, 300);
    assert_ok(pz_store_verify(there, NULL, NULL, &kit_error));
    const pz_store_info a = info_of(here), b = info_of(there);
    assert_string_equal(b.backend, "redis");
    assert_int_equal(a.identifiers, b.identifiers);
    assert_int_equal(a.bytes, b.bytes);
    assert_string_not_equal(a.writer, b.writer);
    assert_int_equal(copied(here, there).unchanged, 300);
    char address[300];
    pz_store *back;
    pz_store_outcome outcome = {.size = sizeof outcome};
    snprintf(address, sizeof address, "lmdb:%s/back", h->directory);
    assert_ok(pz_store_backup(there, address, NULL, NULL, &outcome, &kit_error));
    assert_false(outcome.is_whole);
    assert_ok(pz_store_open(&back, address, NULL, &kit_error));
    assert_ok(pz_store_verify(back, NULL, NULL, &kit_error));
    assert_int_equal(copied(here, back).unchanged, 300);
    outcome.size = sizeof outcome;
    assert_ok(pz_store_compact(there, NULL, &outcome, &kit_error));
    assert_int_equal(outcome.rewritten, 0);
    pz_store_close(back);
    pz_store_close(there);
}

static void server_and_back_is_the_same(void **state)
{
    round_trip(*state, &one);
}

static void cluster_and_back_is_the_same(void **state)
{
    round_trip(*state, &cluster);
}

static void restore_goes_where_no_store_was(void **state)
{
    home *h = *state;
    char address[400];
    const pz_store_options options = {PZ_STORE_OPTIONS, .module = pz_redis_module()};
    if (!servers_are_there())
        skip();
    fill(h, 5);
    servers_address(&one, "?prefix=restored:", address);
    pz_store *backup = pz_engine_store(h->engine);
    assert_ok(pz_store_restore(backup, address, &options, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_STATE,
                  pz_store_restore(backup, address, &options, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_UNSUPPORTED,
                  pz_store_restore(backup, address, NULL, NULL, NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "libpersonalize-redis"));
}

static void fault_in_redis_is_found(void **state)
{
    (void)state;
    char reply[100];
    home h = {.directory = ""};
    if (!servers_are_there())
        skip();
    home_open(&h, "memory:");
    fill(&h, 3);
    pz_store *there = open_prefixed(&one, "fault:");
    copied(pz_engine_store(h.engine), there);
    pz_profile *gone = customer(&h, "email", "c0001");
    /* A record taken out behind the library's back: its identifier leads nowhere. */
    const char *command =
        "EVAL \"local n = 0 for _, k in ipairs(redis.call('keys', 'fault:r*')) do "
        "if n == 0 then n = redis.call('del', k) end end return n\" 0";
    assert_true(server_ask(&one.list[0], command, reply, sizeof reply));
    assert_string_equal(reply, ":1");
    pz_store_outcome outcome = {.size = sizeof outcome};
    assert_status(PZ_ERR_CORRUPT, pz_store_verify(there, NULL, &outcome, &kit_error));
    assert_int_equal(outcome.faults, 1);
    assert_int_equal(outcome.profiles, 2);
    pz_profile_free(gone);
    pz_store_close(there);
    home_close(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(server_and_back_is_the_same, on_disk, tear_down),
        cmocka_unit_test_setup_teardown(cluster_and_back_is_the_same, on_disk, tear_down),
        cmocka_unit_test_setup_teardown(restore_goes_where_no_store_was, on_disk, tear_down),
        cmocka_unit_test(fault_in_redis_is_found),
    };
    return cmocka_run_group_tests_name("store_redis", tests, start, stop);
}
