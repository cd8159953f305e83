/*
 * test_files.c: where copies of a store may go, and what stands there while they are made.
 */
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/files.h"
#include "store/kit.h"

typedef struct place {
    char directory[256];
    pz__store *store;
} place;

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    char address[320];
    kit_make_directory(p->directory);
    snprintf(address, sizeof address, "lmdb:%s/store", p->directory);
    assert_ok(pz__store_open(&p->store, address, NULL, &kit_error));
    assert_ok(kit_set(p->store, "k", "v"));
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    place *p = *state;
    pz__store_close(p->store);
    kit_remove_directory(p->directory);
    test_free(p);
    return 0;
}

static const char *within(const place *p, const char *name, char out[400])
{
    snprintf(out, 400, "%s/%s", p->directory, name);
    return out;
}

static void assert_copy(const place *p, const char *name)
{
    char address[400];
    pz__store *copy;
    snprintf(address, sizeof address, "lmdb:%s/%s", p->directory, name);
    assert_ok(pz__store_open(&copy, address, NULL, &kit_error));
    assert_record(copy, "k", "v");
    pz__store_close(copy);
}

/* Tab completion leaves it behind the name of a directory. */
static void a_slash_behind_the_name_of_a_place_changes_nothing(void **state)
{
    const place *p = *state;
    char path[400];
    assert_ok(pz__store_snapshot(p->store, within(p, "new//", path), &kit_error));
    assert_copy(p, "new");
}

/* As the root of a volume is, to which nothing can be renamed. */
static void a_copy_goes_into_an_empty_directory_that_stays_the_same(void **state)
{
    const place *p = *state;
    char path[400], room[400];
    struct stat before, after;
    assert_int_equal(mkdir(within(p, "there", path), 0755), 0);
    assert_int_equal(mkdir(within(p, "there/lost+found", room), 0700), 0);
    assert_int_equal(mkdir(within(p, "there/.partial-of-a-killed-one", room), 0700), 0);
    assert_int_equal(stat(path, &before), 0);
    assert_ok(pz__store_snapshot(p->store, path, &kit_error));
    assert_int_equal(stat(path, &after), 0);
    assert_true(before.st_ino == after.st_ino);
    assert_copy(p, "there");
    assert_int_equal(stat(within(p, "there/data.mdb", room), &after), 0);
    assert_int_equal(after.st_mode & 0777, 0600);
    assert_int_equal(after.st_nlink, 1);
    assert_status(PZ_ERR_STATE, pz__store_snapshot(p->store, path, &kit_error));
    unlink(room);
    unlink(within(p, "there/lock.mdb", room));
    rmdir(within(p, "there/lost+found", room));
    rmdir(within(p, "there/.partial-of-a-killed-one", room));
    assert_int_equal(rmdir(path), 0); /* nothing else is in it */
}

static void a_place_with_something_else_in_it_is_refused(void **state)
{
    const place *p = *state;
    assert_status(PZ_ERR_IO, pz__store_snapshot(p->store, p->directory, &kit_error));
    assert_non_null(strstr(kit_error.message, "is not empty: name a place where nothing is"));
}

/* Told before anything is copied. */
static void a_place_that_is_no_directory_is_refused(void **state)
{
    const place *p = *state;
    char path[400];
    fclose(fopen(within(p, "file", path), "w"));
    assert_status(PZ_ERR_IO, pz__store_snapshot(p->store, path, &kit_error));
    assert_non_null(strstr(kit_error.message, "is a file; a store is a directory"));
    assert_int_equal(symlink("nowhere", within(p, "link", path)), 0);
    assert_status(PZ_ERR_IO, pz__store_snapshot(p->store, path, &kit_error));
    assert_non_null(strstr(kit_error.message, "cannot follow the link"));
}

static void a_copy_replaces_no_store_that_came_meanwhile(void **state)
{
    const place *p = *state;
    char path[400], partial[PZ__PATH_MAX], mine[PZ__PATH_MAX + 16], theirs[400];
    assert_int_equal(mkdir(within(p, "there", path), 0755), 0);
    assert_ok(pz__check_free(path, &kit_error));
    assert_ok(pz__partial_path(partial, path, &kit_error));
    assert_int_equal(mkdir(partial, 0700), 0);
    snprintf(mine, sizeof mine, "%s/data.mdb", partial);
    fclose(fopen(mine, "w"));
    fclose(fopen(within(p, "there/data.mdb", theirs), "w"));
    assert_status(PZ_ERR_IO, pz__take_place(partial, path, &kit_error));
    FILE *filled = fopen(theirs, "w");
    fputs("theirs", filled);
    fclose(filled);
    assert_status(PZ_ERR_STATE, pz__take_place(partial, path, &kit_error));
    assert_non_null(strstr(kit_error.message, "there is a store in"));
    pz__remove_store(partial);
    assert_int_equal(access(theirs, F_OK), 0);
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_slash_behind_the_name_of_a_place_changes_nothing),
        CASE(a_copy_goes_into_an_empty_directory_that_stays_the_same),
        CASE(a_place_with_something_else_in_it_is_refused),
        CASE(a_place_that_is_no_directory_is_refused),
        CASE(a_copy_replaces_no_store_that_came_meanwhile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
