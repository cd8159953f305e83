/*
 * test_removed.c: a store in files whose data.mdb goes, or becomes another, while it is open. What
 * is acknowledged is found by whoever opens the store afterwards; where that cannot be, the write
 * is refused.
 */
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/kit.h"

typedef struct place {
    char directory[256];
    char address[320];
    char data[320], other[320];
} place;

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    kit_make_directory(p->directory);
    snprintf(p->address, sizeof p->address, "lmdb:%s/s", p->directory);
    snprintf(p->data, sizeof p->data, "%s/s/data.mdb", p->directory);
    snprintf(p->other, sizeof p->other, "%s/elsewhere.mdb", p->directory);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    kit_remove_directory(((place *)*state)->directory);
    test_free(*state);
    return 0;
}

static pz__store *open_as(const place *p, pz__durability durability)
{
    pz__store *store;
    const pz__store_options options = {.durability = durability};
    assert_ok(pz__store_open(&store, p->address, &options, &kit_error));
    return store;
}

static void refused(pz__store *store)
{
    assert_int_equal(kit_set(store, "k", "new"), PZ_ERR_STATE);
    assert_non_null(strstr(kit_error.message, "was removed or replaced while it was open"));
    assert_record(store, "k", "old");
}

static void a_write_to_a_removed_file_is_refused_however_durable(void **state)
{
    const place *p = *state;
    static const pz__durability all[] = {PZ__DURABLE, PZ__GROUPED, PZ__LAZY};
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        pz__store *store = open_as(p, all[i]);
        assert_ok(kit_set(store, "k", "old"));
        assert_int_equal(unlink(p->data), 0);
        refused(store);
        refused(store);
        pz__store_close(store);
    }
}

static void who_opens_again_writes_where_all_others_do(void **state)
{
    const place *p = *state;
    pz__store *old = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(old, "k", "old"));
    assert_int_equal(unlink(p->data), 0);
    pz__store *fresh = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(fresh, "k", "new"));
    refused(old);
    pz__store_close(old);
    old = open_as(p, PZ__DURABLE);
    assert_record(old, "k", "new");
    assert_ok(kit_set(old, "k", "newer"));
    assert_record(fresh, "k", "newer");
    pz__store_close(old);
    pz__store_close(fresh);
}

static void a_file_that_was_put_in_place_of_an_open_one_gets_the_writes(void **state)
{
    const place *p = *state;
    pz__store *store = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(store, "k", "restored"));
    pz__store_close(store);
    assert_int_equal(rename(p->data, p->other), 0);
    store = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(store, "k", "old"));
    assert_int_equal(rename(p->other, p->data), 0);
    refused(store);
    pz__store_close(store);
    store = open_as(p, PZ__DURABLE);
    assert_record(store, "k", "restored");
    assert_ok(kit_set(store, "k", "new"));
    pz__store_close(store);
}

static void a_file_that_only_got_another_name_is_written_on(void **state)
{
    const place *p = *state;
    pz__store *store = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(store, "k", "old"));
    assert_int_equal(rename(p->data, p->other), 0);
    assert_ok(kit_set(store, "k", "new"));
    assert_int_equal(rename(p->other, p->data), 0);
    pz__store_close(store);
    store = open_as(p, PZ__DURABLE);
    assert_record(store, "k", "new");
    pz__store_close(store);
}

/* What a restore may do: the whole directory aside, with all its names, and another in its place.
 */
static void a_store_that_was_moved_aside_for_another_is_not_written_on(void **state)
{
    const place *p = *state;
    char directory[320], aside[320];
    snprintf(directory, sizeof directory, "%s/s", p->directory);
    snprintf(aside, sizeof aside, "%s/aside", p->directory);
    pz__store *old = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(old, "k", "old"));
    assert_int_equal(rename(directory, aside), 0);
    assert_ok(kit_set(old, "k", "old"));
    pz__store *fresh = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(fresh, "k", "new"));
    refused(old);
    pz__store_close(old);
    assert_record(fresh, "k", "new");
    pz__store_close(fresh);
}

/* A child that has the store open, with two commits in it, until `go` is closed. */
static pid_t hold_open(const place *p, int go[2])
{
    int ready[2];
    char octet = 0;
    assert_int_equal(pipe(go), 0);
    assert_int_equal(pipe(ready), 0);
    const pid_t child = fork();
    if (child == 0) {
        close(go[1]);
        pz__store *store;
        bool is_good = pz__store_open(&store, p->address, NULL, NULL) == PZ_OK &&
                       kit_set(store, "k", "old") == PZ_OK && kit_set(store, "k", "old") == PZ_OK;
        is_good = is_good && write(ready[1], "r", 1) == 1 && read(go[0], &octet, 1) == 0;
        _exit(!is_good);
    }
    close(go[0]);
    close(ready[1]);
    assert_int_equal(read(ready[0], &octet, 1), 1);
    close(ready[0]);
    return child;
}

static void a_file_beside_the_lock_of_another_is_refused_while_that_is_open(void **state)
{
    const place *p = *state;
    int go[2], how;
    pz__store *store = open_as(p, PZ__DURABLE);
    assert_ok(kit_set(store, "k", "restored"));
    pz__store_close(store);
    assert_int_equal(rename(p->data, p->other), 0);
    const pid_t child = hold_open(p, go);
    assert_int_equal(rename(p->other, p->data), 0);
    assert_int_equal(pz__store_open(&store, p->address, NULL, &kit_error), PZ_ERR_BUSY);
    assert_non_null(strstr(kit_error.message, "beside a lock.mdb that others have open"));
    close(go[1]);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_int_equal(how, 0);
    store = open_as(p, PZ__DURABLE);
    assert_record(store, "k", "restored");
    pz__store_close(store);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_write_to_a_removed_file_is_refused_however_durable),
        CASE(who_opens_again_writes_where_all_others_do),
        CASE(a_file_that_was_put_in_place_of_an_open_one_gets_the_writes),
        CASE(a_store_that_was_moved_aside_for_another_is_not_written_on),
        CASE(a_file_beside_the_lock_of_another_is_refused_while_that_is_open),
        CASE(a_file_that_only_got_another_name_is_written_on),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
