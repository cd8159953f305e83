/*
 * test_cluster.c: what becomes of acknowledged updates when a Redis Cluster comes to harm.
 *
 * Six real servers, processes that count (load.h), and a test that kills, stops or moves what they
 * count on. Each test prints a line: acknowledged, unknown, lost, seconds without a success. With
 * one confirming replica nothing acknowledged may be missing; with none, what is missing is
 * printed. PZ_FULL=1 makes the counting long (100,000 updates, or PZ_FULL_CASES).
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <personalize/redis.h>

#include "store/load.h"
#include "store/redis_item.h"
#include "support/gen.h"

static servers cluster;

static void sleep_ms(int ms)
{
    nanosleep(&(struct timespec){ms / 1000, (long)(ms % 1000) * 1000000}, NULL);
}

static int start_cluster(void **state)
{
    (void)state;
    servers_start_cluster(&cluster, 1000);
    return 0;
}

static int stop_cluster(void **state)
{
    (void)state;
    servers_stop(&cluster);
    return 0;
}

static load_result report(const char *what, load *l)
{
    const unsigned failures = atomic_load(&l->shared->failures), kills = l->kills;
    const load_result r = load_reckon(l);
    printf("    %-32s acknowledged %6llu  failed %4u  unknown %3llu  lost %3llu  surplus %llu  "
           "torn %u  kills %u  longest silence %.1f s\n",
           what, (unsigned long long)r.acknowledged, failures, (unsigned long long)r.unknown,
           (unsigned long long)r.lost, (unsigned long long)r.surplus, r.torn, kills, r.longest_s);
    fflush(stdout);
    return r;
}

static void assert_exact(load_result r)
{
    assert_true(r.acknowledged > 0);
    assert_int_equal(r.lost, 0);
    assert_int_equal(r.surplus, 0);
    assert_int_equal(r.torn, 0);
}

static void begin(load *l, const char *more, uint32_t processes, unsigned updates)
{
    char address[400];
    if (!servers_wait(&cluster, 3, 60))
        fail_msg("the cluster is not well before the test");
    servers_address(&cluster, more, address);
    load_start(l, address, processes, updates);
}

/* The master of slot 0, whoever that is by now. */
static uint32_t a_master(void)
{
    const int owner = servers_owner(&cluster, 0, SERVERS_MAX);
    assert_true(owner >= 0);
    return (uint32_t)owner;
}

/* Wait until a replica has taken over from the master of slot 0. */
static void wait_for_another_than(uint32_t victim)
{
    int owner = -1;
    for (int i = 0; i < 1200 && (owner < 0 || owner == (int)victim); i++, sleep_ms(50))
        owner = servers_owner(&cluster, 0, victim);
    assert_true(owner >= 0 && owner != (int)victim);
}

static void be_well_again(void)
{
    if (!servers_wait(&cluster, 3, 60))
        fail_msg("the cluster does not come to itself");
}

static void killed_processes_leave_exact_counters(void **state)
{
    (void)state;
    load l;
    unsigned seed = 7;
    begin(&l, "?prefix=kill:", LOAD_PROCESSES, (unsigned)gen_cases_full(6000, 100000));
    for (int i = 0; i < 2000 && atomic_load(&l.shared->left) > 0; i++) {
        sleep_ms(40 + (int)(rand_r(&seed) % 60));
        load_kill(&l, (uint32_t)rand_r(&seed) % LOAD_PROCESSES);
    }
    load_finish(&l, false);
    assert_exact(report("processes killed (-9)", &l));
}

static void a_slot_moves_under_load(void **state)
{
    (void)state;
    load l;
    pz__client *client = test_calloc(1, sizeof *client);
    snprintf(client->options.prefix, sizeof client->options.prefix, "move:");
    begin(&l, "?prefix=move:&wait=1&deadline_ms=20000", 4, 1u << 30);
    servers_set_node_timeout(&cluster, 60000); /* masters stay what they are, however busy */
    sleep_ms(300);
    /* The slots of some of the counters. */
    for (unsigned key = 0; key < 24; key += 2) {
        char room[PZ__ITEM_NAME_MAX], name[8];
        const int len = snprintf(name, sizeof name, "k%u", key);
        const pz_str text = {name, (size_t)len};
        const uint16_t slot =
            pz__redis_slot(pz__item_name(room, client, PZ__ITEM_RECORD, text, name, (size_t)len));
        /* Only then does the new owner's claim get a number above all others. */
        be_well_again();
        const int from = servers_owner(&cluster, slot, SERVERS_MAX);
        const int to = servers_owner(&cluster, (uint16_t)((slot + 5461) % 16384), SERVERS_MAX);
        assert_true(from >= 0 && to >= 0 && from != to);
        assert_true(servers_move_slot(&cluster, slot, (uint32_t)from, (uint32_t)to));
    }
    be_well_again();
    load_finish(&l, true);
    servers_set_node_timeout(&cluster, cluster.node_timeout_ms);
    test_free(client);
    assert_exact(report("slots moved, wait=1", &l));
}

static void a_killed_master_loses_nothing_confirmed(void **state)
{
    (void)state;
    load l;
    begin(&l, "?prefix=wait1:&wait=1&deadline_ms=20000", 4, 1u << 30);
    sleep_ms(700);
    const uint32_t victim = a_master();
    server_kill(&cluster.list[victim]);
    wait_for_another_than(victim);
    sleep_ms(1000);
    server_restart(&cluster, victim);
    be_well_again();
    sleep_ms(500);
    load_finish(&l, true);
    assert_exact(report("master killed, wait=1", &l));
}

static void a_killed_master_without_confirmation_is_measured(void **state)
{
    (void)state;
    load l;
    begin(&l, "?prefix=wait0:", 4, 1u << 30);
    sleep_ms(700);
    const uint32_t victim = a_master();
    server_kill(&cluster.list[victim]);
    wait_for_another_than(victim);
    sleep_ms(1000);
    server_restart(&cluster, victim);
    be_well_again();
    sleep_ms(500);
    load_finish(&l, true);
    const load_result r = report("master killed, wait=0", &l);
    assert_true(r.acknowledged > 0);
    assert_int_equal(r.surplus, 0);
}

static void a_master_that_hangs_is_replaced(void **state)
{
    (void)state;
    load l;
    begin(&l, "?prefix=hang:&wait=1&timeout_ms=500&deadline_ms=20000", 4, 1u << 30);
    sleep_ms(700);
    const uint32_t victim = a_master();
    kill(cluster.list[victim].process, SIGSTOP);
    wait_for_another_than(victim);
    sleep_ms(1000);
    kill(cluster.list[victim].process, SIGCONT);
    be_well_again();
    sleep_ms(500);
    load_finish(&l, true);
    assert_exact(report("master stopped (SIGSTOP), wait=1", &l));
}

/* Its first look shows the dead master as one; that is not what it goes on asking. */
static void a_process_may_begin_while_a_master_is_dead(void **state)
{
    (void)state;
    pz__store *store;
    char address[400];
    const pz__store_options options = {.module = pz_redis_module()};
    be_well_again();
    servers_address(&cluster, "?prefix=begin:&deadline_ms=30000", address);
    const uint32_t victim = a_master();
    server_kill(&cluster.list[victim]);
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    for (unsigned i = 0; i < 12; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        assert_ok(kit_set(store, key, "v"));
        assert_record(store, key, "v");
    }
    pz__store_close(store);
    wait_for_another_than(victim);
    server_restart(&cluster, victim);
    be_well_again();
}

static void the_writer_changes_when_a_master_does(void **state)
{
    (void)state;
    pz__store *store;
    uint8_t before[16], after[16];
    char address[400];
    const pz__store_options options = {.module = pz_redis_module()};
    be_well_again();
    servers_address(&cluster, "?prefix=writer:&wait=1&deadline_ms=30000", address);
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(pz__store_writer(store, before, &kit_error));
    const uint32_t victim = a_master();
    server_kill(&cluster.list[victim]);
    wait_for_another_than(victim);
    server_restart(&cluster, victim);
    be_well_again();
    for (unsigned i = 0; i < 30; i++) { /* one of them meets the new master */
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        assert_ok(kit_set(store, key, "v"));
    }
    assert_ok(pz__store_writer(store, after, &kit_error));
    assert_memory_not_equal(before, after, 16);
    assert_ok(pz__store_writer(store, before, &kit_error));
    assert_memory_equal(before, after, 16);
    pz__store_close(store);
}

static void the_writer_changes_when_the_cluster_was_emptied(void **state)
{
    (void)state;
    pz__store *store;
    uint8_t before[16], after[16];
    char address[400], out[64];
    const pz__store_options options = {.module = pz_redis_module()};
    be_well_again();
    servers_address(&cluster, "?prefix=emptied:&deadline_ms=30000", address);
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(pz__store_writer(store, before, &kit_error));
    for (uint32_t i = 0; i < cluster.count; i++) /* replicas refuse, and are emptied by theirs */
        server_ask(&cluster.list[i], "FLUSHALL", out, sizeof out);
    sleep_ms(1100);
    assert_ok(kit_set(store, "k", "w"));
    assert_ok(pz__store_writer(store, after, &kit_error));
    assert_memory_not_equal(before, after, 16);
    pz__store_close(store);
}

/* Make a replica of the master of slot 0 the master. Such an attempt may run out of its own time.
 */
static void hand_over_to(uint32_t heir)
{
    char out[256];
    be_well_again();
    const uint32_t before = a_master();
    int owner = (int)before;
    for (int tries = 0; tries < 10 && owner != (int)heir; tries++) {
        assert_true(server_ask(&cluster.list[heir], "CLUSTER FAILOVER", out, sizeof out));
        for (int i = 0; i < 120 && owner != (int)heir; i++, sleep_ms(50))
            owner = servers_owner(&cluster, 0, before);
    }
    be_well_again();
    assert_int_equal(a_master(), heir);
}

static uint32_t replica_of(uint32_t master)
{
    char out[2048], port[24];
    snprintf(port, sizeof port, "master_port:%u\r", cluster.list[master].port);
    for (uint32_t i = 0; i < cluster.count; i++)
        if (server_ask(&cluster.list[i], "INFO replication", out, sizeof out) && strstr(out, port))
            return i;
    fail_msg("nobody replicates server %u", master);
    return 0;
}

/* It has been replaced and is the master again, and its connections have all held: what its
 * stand-in lost meanwhile, a store that slept through it cannot know. */
static void the_writer_changes_for_who_slept_through_two_failovers(void **state)
{
    (void)state;
    pz__store *store;
    uint8_t before[16], after[16];
    char address[400];
    const pz__store_options options = {.module = pz_redis_module()};
    be_well_again();
    servers_address(&cluster, "?prefix=slept:&wait=1&deadline_ms=30000", address);
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    for (unsigned i = 0; i < 30; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        assert_ok(kit_set(store, key, "v"));
    }
    assert_ok(pz__store_writer(store, before, &kit_error));
    const uint32_t master = a_master();
    hand_over_to(replica_of(master));
    hand_over_to(master);
    for (unsigned i = 0; i < 30; i++) { /* one of them meets the master of slot 0 */
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        assert_ok(kit_set(store, key, "w"));
    }
    assert_ok(pz__store_writer(store, after, &kit_error));
    assert_memory_not_equal(before, after, 16);
    pz__store_close(store);
}

/* A replica becomes a master of its own and takes over a slot, while a store lies idle. */
static uint32_t make_a_new_master(uint16_t slot)
{
    char out[4096], command[64];
    const int from = servers_owner(&cluster, slot, SERVERS_MAX);
    assert_true(from >= 0);
    const uint32_t fresh = replica_of((uint32_t)from);
    assert_true(server_ask(&cluster.list[fresh], "CLUSTER RESET SOFT", out, sizeof out));
    snprintf(command, sizeof command, "CLUSTER MEET 127.0.0.1 %u", cluster.list[from].port);
    assert_true(server_ask(&cluster.list[fresh], command, out, sizeof out));
    /* It has to know who owns what before it can import a slot. */
    for (int i = 0, known = 0; i < 1200 && known < 20; i++, sleep_ms(50)) {
        snprintf(command, sizeof command, ":%u@", cluster.list[fresh].port);
        for (uint32_t j = 0; j < cluster.count; j++) {
            const bool is_told = server_ask(&cluster.list[j], "CLUSTER NODES", out, sizeof out);
            const char *line = is_told ? strstr(out, command) : NULL;
            const char *is_master = line ? strstr(line, "master") : NULL;
            const bool is_ok = is_master && is_master < line + strcspn(line, "\n") &&
                               server_ask(&cluster.list[j], "CLUSTER INFO", out, sizeof out) &&
                               strstr(out, "cluster_state:ok") &&
                               strstr(out, "cluster_slots_ok:16384");
            known = is_ok ? known + 1 : 0;
        }
    }
    assert_true(servers_move_slot(&cluster, slot, (uint32_t)from, fresh));
    return fresh;
}

static void a_master_that_is_new_is_counted_too(void **state)
{
    (void)state;
    pz__store *store;
    pz__client *client = test_calloc(1, sizeof *client);
    char address[400], room[PZ__ITEM_NAME_MAX];
    uint64_t count;
    const pz__store_options options = {.module = pz_redis_module()};
    be_well_again();
    servers_address(&cluster, "?prefix=fresh:&deadline_ms=30000", address);
    assert_ok(pz__store_open(&store, address, &options, &kit_error));
    for (unsigned i = 0; i < 30; i++) {
        char key[8];
        snprintf(key, sizeof key, "k%u", i);
        assert_ok(kit_set(store, key, "v"));
    }
    snprintf(client->options.prefix, sizeof client->options.prefix, "fresh:");
    const pz_str key = PZ__STR("k0");
    make_a_new_master(
        pz__redis_slot(pz__item_name(room, client, PZ__ITEM_RECORD, key, key.data, key.len)));
    if (!servers_wait(&cluster, 2, 60))
        fail_msg("the cluster does not come to itself");
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 30);
    assert_record(store, "k0", "v");
    pz__store_close(store);
    test_free(client);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(killed_processes_leave_exact_counters),
        cmocka_unit_test(a_slot_moves_under_load),
        cmocka_unit_test(a_killed_master_loses_nothing_confirmed),
        cmocka_unit_test(a_killed_master_without_confirmation_is_measured),
        cmocka_unit_test(a_master_that_hangs_is_replaced),
        cmocka_unit_test(a_process_may_begin_while_a_master_is_dead),
        cmocka_unit_test(the_writer_changes_when_a_master_does),
        cmocka_unit_test(the_writer_changes_when_the_cluster_was_emptied),
        cmocka_unit_test(the_writer_changes_for_who_slept_through_two_failovers),
        cmocka_unit_test(a_master_that_is_new_is_counted_too), /* changes the cluster: the last */
    };
    if (!servers_are_there())
        return 0;
    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, start_cluster, stop_cluster);
}
