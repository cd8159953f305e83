/*
 * test_lmdb.c: what a store in files promises beyond the contract: processes, forks, kill -9, full
 * disks, growth, wrong files, copies.
 *
 * Children report by their exit status and leave with _exit, so that no test runs on in them.
 */
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/kit.h"

typedef struct place {
    char directory[256];
    char path[300];
    char address[320];
} place;

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    kit_make_directory(p->directory);
    snprintf(p->path, sizeof p->path, "%s/s", p->directory);
    snprintf(p->address, sizeof p->address, "lmdb:%s", p->path);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    kit_remove_directory(((place *)*state)->directory);
    test_free(*state);
    return 0;
}

static pz__store *open_at(const char *address, const pz__store_options *options)
{
    pz__store *store;
    assert_ok(pz__store_open(&store, address, options, &kit_error));
    return store;
}

static pz__store *open_lazy(void **state)
{
    const place *p = *state;
    return open_at(p->address, &(pz__store_options){.durability = PZ__LAZY});
}

/* Wait for a child; its exit status, or 128 and the signal that ended it. */
static int wait_for(pid_t child)
{
    int how;
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

/* ---- files ---- */

static unsigned mode_of(const char *path, const char *name)
{
    char full[600];
    struct stat what;
    snprintf(full, sizeof full, "%s%s", path, name);
    assert_int_equal(stat(full, &what), 0);
    return (unsigned)what.st_mode & 0777;
}

static void a_store_is_readable_by_its_owner_only(void **state)
{
    place *p = *state;
    pz__store *store = open_lazy(state);
    assert_ok(kit_set(store, "k", "v"));
    assert_int_equal(mode_of(p->path, ""), 0700);
    assert_int_equal(mode_of(p->path, "/data.mdb"), 0600);
    assert_int_equal(mode_of(p->path, "/lock.mdb"), 0600);
    pz__store_close(store);
}

static void what_was_committed_is_there_after_reopening(void **state)
{
    uint8_t before[16], after[16];
    char text[256];
    pz__store *store = open_at(((place *)*state)->address, NULL);
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(pz__store_writer(store, before, &kit_error));
    pz__store_close(store);
    store = open_lazy(state);
    assert_record(store, "k", "v");
    kit_lookup(store, "id", text);
    assert_ok(pz__store_writer(store, after, &kit_error));
    assert_memory_equal(before, after, 16);
    pz__store_close(store);
}

static size_t open_descriptors(void)
{
    size_t count = 0;
    for (int fd = 0; fd < 256; fd++)
        count += fcntl(fd, F_GETFD) >= 0;
    return count;
}

static void a_handle_holds_nothing_before_its_first_use_or_after_closing(void **state)
{
    size_t before = open_descriptors();
    pz__store *store = open_lazy(state);
    assert_int_equal(open_descriptors(), before);
    assert_ok(kit_set(store, "k", "v"));
    assert_true(open_descriptors() > before);
    pz__store *other = open_lazy(state);
    size_t shared = open_descriptors();
    assert_record(other, "k", "v");
    assert_int_equal(open_descriptors(), shared); /* one environment for both */
    pz__store_close(store);
    assert_record(other, "k", "v");
    pz__store_close(other);
    assert_int_equal(open_descriptors(), before);
}

static void write_file(const char *path, const char *bytes, size_t len)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, len, file), len);
    fclose(file);
}

static void garbage_is_corrupt_and_stays_as_it_is(void **state)
{
    place *p = *state;
    char path[400], garbage[9000];
    pz__store *store;
    struct stat what;
    memset(garbage, 'g', sizeof garbage);
    mkdir(p->path, 0700);
    snprintf(path, sizeof path, "%s/data.mdb", p->path);
    write_file(path, garbage, sizeof garbage);
    assert_status(PZ_ERR_CORRUPT, pz__store_open(&store, p->address, NULL, &kit_error));
    assert_null(store);
    assert_non_null(strstr(kit_error.message, p->path));
    stat(path, &what);
    assert_int_equal(what.st_size, sizeof garbage);
}

/* Change the four bytes behind the one "format" in the file: format 1 becomes format 9. */
static void forge_format(const char *path)
{
    static const char key[] = "format\0\0\0\1";
    char bytes[65536];
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    size_t len = fread(bytes, 1, sizeof bytes, file), changed = 0;
    for (size_t i = 0; i + 10 <= len; i++)
        if (memcmp(bytes + i, key, 10) == 0) {
            fseek(file, (long)i + 9, SEEK_SET);
            fputc(9, file);
            changed++;
        }
    fclose(file);
    assert_true(changed > 0);
}

static void another_format_is_refused_with_the_remedy(void **state)
{
    place *p = *state;
    char path[400];
    pz__store *store = open_at(p->address, NULL);
    pz__store_close(store);
    snprintf(path, sizeof path, "%s/data.mdb", p->path);
    forge_format(path);
    assert_status(PZ_ERR_VERSION, pz__store_open(&store, p->address, NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "format 9"));
    assert_non_null(strstr(kit_error.message, "export"));
}

static void paths_that_cannot_be_are_told(void **state)
{
    place *p = *state;
    char address[420], path[400];
    pz__store *store;
    snprintf(address, sizeof address, "lmdb:%s/no/such/parent", p->directory);
    assert_status(PZ_ERR_IO, pz__store_open(&store, address, NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "no/such/parent"));
    assert_non_null(strstr(kit_error.message, "No such file or directory"));
    snprintf(path, sizeof path, "%s/file", p->directory);
    write_file(path, "x", 1);
    snprintf(address, sizeof address, "lmdb:%s", path);
    assert_status(PZ_ERR_IO, pz__store_open(&store, address, NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "is a file"));
    assert_status(
        PZ_ERR_NOT_FOUND,
        pz__store_open(&store, p->address, &(pz__store_options){.read_only = true}, &kit_error));
    assert_int_equal(access(p->path, F_OK), -1); /* reading makes nothing */
}

/* ---- processes ---- */

#define PROCESSES 4
#define INCREMENTS 100

static int increment_many(pz__store *store)
{
    for (int i = 0; i < INCREMENTS; i++)
        if (kit_increment(store, "counter") != PZ_OK)
            return 1;
    return 0;
}

static void wait_for_all(pid_t children[PROCESSES])
{
    for (int i = 0; i < PROCESSES; i++)
        assert_int_equal(wait_for(children[i]), 0);
}

static void processes_that_open_for_themselves_lose_nothing(void **state)
{
    place *p = *state;
    pid_t children[PROCESSES];
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0) {
            pz__store *own;
            if (pz__store_open(&own, p->address, &(pz__store_options){.durability = PZ__LAZY},
                               NULL) != PZ_OK)
                _exit(2);
            int failed = increment_many(own);
            pz__store_close(own);
            _exit(failed);
        }
    wait_for_all(children);
    pz__store *store = open_lazy(state);
    assert_int_equal(kit_number(store, "counter"), PROCESSES * INCREMENTS);
    pz__store_close(store);
}

static void processes_that_inherit_a_used_handle_lose_nothing(void **state)
{
    pid_t children[PROCESSES];
    pz__store *store = open_lazy(state);
    assert_ok(kit_increment(store, "counter"));
    for (int i = 0; i < PROCESSES; i++)
        if ((children[i] = fork()) == 0) {
            int failed = increment_many(store);
            pz__store_close(store);
            _exit(failed);
        }
    assert_int_equal(increment_many(store), 0);
    wait_for_all(children);
    assert_int_equal(kit_number(store, "counter"), 1 + (PROCESSES + 1) * INCREMENTS);
    pz__store_close(store);
}

static atomic_bool stop_busy;

static void *keep_busy(void *payload)
{
    while (!atomic_load(&stop_busy)) {
        kit_increment(payload, "busy");
        kit_number(payload, "busy");
    }
    return NULL;
}

/* The locks that other threads held at the fork do not exist for the child. */
/* The sanitizers' allocators hold locks that a fork does not release: the child of a process whose
 * threads are busy waits for them for ever, whatever the library does. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define FORK_IS_SAFE false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define FORK_IS_SAFE false
#else
#define FORK_IS_SAFE true
#endif
#else
#define FORK_IS_SAFE true
#endif

static void a_fork_amid_busy_threads_leaves_a_child_that_works(void **state)
{
    if (!FORK_IS_SAFE) {
        print_message("skipped: a sanitizer's child may wait for its parent's threads\n");
        skip();
    }
    pthread_t threads[4];
    pz__store *store = open_lazy(state), *memory = open_at("memory:", NULL);
    pz__store *grouped =
        open_at(((place *)*state)->address, &(pz__store_options){.durability = PZ__GROUPED});
    atomic_store(&stop_busy, false);
    pthread_create(&threads[0], NULL, keep_busy, store);
    pthread_create(&threads[1], NULL, keep_busy, memory);
    pthread_create(&threads[2], NULL, keep_busy, grouped);
    pthread_create(&threads[3], NULL, keep_busy, grouped);
    for (int i = 0; i < 40; i++) {
        pid_t child = fork();
        if (child == 0) {
            alarm(20);
            int failed = kit_increment(store, "child") != PZ_OK;
            failed += kit_increment(memory, "child") != PZ_OK;
            failed += kit_increment(grouped, "child") != PZ_OK;
            pz__store_close(grouped);
            pz__store_close(store);
            pz__store_close(memory);
            _exit(failed);
        }
        assert_int_equal(wait_for(child), 0);
    }
    atomic_store(&stop_busy, true);
    for (int i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(kit_number(store, "child"), 2 * 40);
    assert_int_equal(kit_number(memory, "child"), 0);
    pz__store_close(grouped);
    pz__store_close(store);
    pz__store_close(memory);
}

static void a_child_cannot_end_its_parents_transaction(void **state)
{
    pz__store *store = open_lazy(state);
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(kit_txn_set(txn, "k", "parent"));
    pid_t child = fork();
    if (child == 0)
        _exit(pz__store_commit(txn, NULL) != PZ_ERR_STATE);
    assert_int_equal(wait_for(child), 0);
    child = fork();
    if (child == 0) {
        pz__store_abort(txn);
        _exit(0);
    }
    assert_int_equal(wait_for(child), 0);
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_record(store, "k", "parent");
    pz__store_close(store);
}

static void a_killed_writer_leaves_the_last_commit(void **state)
{
    pz__store *store = open_lazy(state);
    assert_ok(kit_set(store, "k", "committed"));
    pid_t child = fork();
    if (child == 0) {
        pz__store_txn *txn;
        if (pz__store_begin(store, &txn, NULL) != PZ_OK || kit_txn_set(txn, "k", "half") != PZ_OK)
            _exit(1);
        kill(getpid(), SIGKILL); /* with LMDB's writer mutex held */
    }
    assert_int_equal(wait_for(child), 128 + SIGKILL);
    assert_record(store, "k", "committed");
    alarm(20); /* the mutex of the dead must not keep us */
    assert_ok(kit_set(store, "k", "next"));
    alarm(0);
    assert_record(store, "k", "next");
    pz__store_close(store);
}

static void write_pairs(pz__store *store)
{
    for (int n = 0;; n++) {
        pz__store_txn *txn;
        char text[16];
        snprintf(text, sizeof text, "%d", n);
        if (pz__store_begin(store, &txn, NULL) != PZ_OK)
            _exit(1);
        kit_txn_set(txn, "one", text);
        kit_txn_set(txn, "two", text);
        pz__store_commit(txn, NULL);
    }
}

/* Each child writes a pair of records in one transaction for ever; wherever it is killed, they are
 * the same afterwards. */
static void a_kill_at_any_moment_leaves_whole_transactions(void **state)
{
    pz__store *store = open_lazy(state);
    for (int i = 0; i < 25; i++) {
        pid_t child = fork();
        if (child == 0)
            write_pairs(store);
        usleep(500 + 731 * (unsigned)i % 4000);
        kill(child, SIGKILL);
        assert_int_equal(wait_for(child), 128 + SIGKILL);
        char one[32], two[32];
        pz_status status = kit_get(store, "one", one, sizeof one);
        assert_int_equal(status, kit_get(store, "two", two, sizeof two));
        assert_string_equal(one, two);
        assert_ok(kit_increment(store, "alive"));
    }
    pz__store_close(store);
}

static void *read_once(void *payload)
{
    return kit_number(payload, "n") == 1 ? NULL : payload;
}

/* More of them than LMDB's table has readers: a slot belongs to no thread. */
static void threads_that_come_and_go_use_up_no_readers(void **state)
{
    pz__store *store = open_lazy(state);
    void *failed;
    assert_ok(kit_increment(store, "n"));
    for (int i = 0; i < 1500; i++) {
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, read_once, store), 0);
        pthread_join(thread, &failed);
        assert_null(failed);
    }
    pz__store_close(store);
}

/* ---- growth ---- */

#define LITTLE (1u << 20)

static pz__store *open_little(void **state)
{
    return open_at(((place *)*state)->address,
                   &(pz__store_options){.durability = PZ__LAZY, .map_bytes = LITTLE});
}

static char bulk[400000];

static pz_status set_bulk(pz__store *store, const char *key)
{
    return kit_set_bytes(store, pz_str_of(key), (pz_str){bulk, sizeof bulk});
}

static size_t size_of(pz__store *store, const char *key)
{
    pz__buf out;
    pz__buf_init(&out, NULL, sizeof bulk);
    assert_ok(pz__store_get(store, pz_str_of(key), &out, &kit_error));
    size_t len = out.len;
    pz__buf_clear(&out);
    return len;
}

static void the_map_grows_for_updates_and_for_other_processes(void **state)
{
    pz__store *store = open_little(state);
    char key[16];
    assert_ok(kit_set(store, "k", "v"));
    pid_t child = fork();
    if (child == 0) {
        for (int i = 0; i < 40; i++) {
            snprintf(key, sizeof key, "c%d", i);
            if (set_bulk(store, key) != PZ_OK)
                _exit(1);
        }
        _exit(0);
    }
    assert_int_equal(wait_for(child), 0);
    assert_int_equal(size_of(store, "c39"), sizeof bulk); /* a reader adopts the child's map */
    for (int i = 0; i < 40; i++) {
        snprintf(key, sizeof key, "p%d", i);
        assert_ok(set_bulk(store, key));
    }
    assert_int_equal(size_of(store, "p39"), sizeof bulk);
    assert_record(store, "k", "v");
    pz__store_close(store);
}

static void a_transaction_that_outgrows_the_map_succeeds_when_run_again(void **state)
{
    pz__store *store = open_little(state);
    pz_status status = PZ_ERR_BUSY;
    int tries = 0;
    for (; status == PZ_ERR_BUSY && tries < 10; tries++) {
        pz__store_txn *txn;
        status = PZ_OK;
        assert_ok(pz__store_begin(store, &txn, &kit_error));
        for (int i = 0; i < 20 && status == PZ_OK; i++) {
            char key[16];
            snprintf(key, sizeof key, "%d", i);
            status = pz__store_txn_append(txn, PZ__STR("s"), bulk, sizeof bulk, NULL, &kit_error);
        }
        if (status == PZ_OK) {
            status = pz__store_commit(txn, &kit_error);
        } else {
            assert_int_equal(pz__store_commit(txn, &kit_error), status);
        }
    }
    assert_ok(status);
    assert_true(tries > 1);
    pz__store_close(store);
}

static pz_status die(void *payload, pz_str key, const void *bytes, size_t len)
{
    (void)payload, (void)key, (void)bytes, (void)len;
    kill(getpid(), SIGKILL);
    return PZ_OK;
}

/* What a dead reader saw would be kept for ever, and nothing be written over. */
static void write_over_a_killed_reader(void **state, bool stays_open, int times)
{
    place *p = *state;
    char path[400];
    struct stat what;
    pz__store *store = open_lazy(state);
    assert_ok(set_bulk(store, "k"));
    if (!stays_open)
        pz__store_close(store);
    pid_t child = fork();
    if (child == 0) {
        pz__store *own = open_lazy(state);
        pz__store_iterate(own, die, NULL, NULL);
        _exit(1);
    }
    assert_int_equal(wait_for(child), 128 + SIGKILL);
    store = stays_open ? store : open_lazy(state);
    for (int i = 0; i < times; i++)
        assert_ok(set_bulk(store, "k"));
    pz__store_close(store);
    snprintf(path, sizeof path, "%s/data.mdb", p->path);
    assert_int_equal(stat(path, &what), 0);
    assert_true(what.st_size < (off_t)(times * 2 / 5 * sizeof bulk));
}

static void a_reader_that_was_killed_is_cleared_at_opening(void **state)
{
    write_over_a_killed_reader(state, false, 20);
}

static void a_reader_that_was_killed_is_cleared_by_who_writes(void **state)
{
    write_over_a_killed_reader(state, true, 60);
}

static pz_status write_while_iterating(void *payload, pz_str key, const void *bytes, size_t len)
{
    (void)key, (void)bytes, (void)len;
    char name[8];
    pz_status status = PZ_OK;
    for (int i = 0; i < 10 && status == PZ_OK; i++) {
        snprintf(name, sizeof name, "w%d", i);
        status = set_bulk(payload, name);
    }
    return status;
}

static void growth_does_not_wait_for_an_iteration(void **state)
{
    pz__store *store = open_little(state);
    assert_ok(kit_set(store, "k", "v"));
    alarm(20);
    assert_status(PZ_ERR_BUSY, pz__store_iterate(store, write_while_iterating, store, &kit_error));
    alarm(0);
    assert_ok(write_while_iterating(store, PZ__STR("k"), NULL, 0));
    pz__store_close(store);
}

/* Threads that read and write while the map moves under them. */
static void *read_and_write(void *payload)
{
    char key[32];
    for (int i = 0; i < 30; i++) {
        snprintf(key, sizeof key, "%p-%d", (void *)&key, i);
        if (kit_set_bytes(payload, pz_str_of(key), (pz_str){bulk, 60000}) != PZ_OK)
            return payload;
        for (int j = 0; j < 20; j++)
            if (size_of(payload, key) != 60000)
                return payload;
    }
    return NULL;
}

static void growth_amid_threads_loses_nothing(void **state)
{
    pz__store *store = open_little(state);
    pthread_t threads[6];
    void *failed;
    uint64_t count;
    for (int i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, read_and_write, store);
    for (int i = 0; i < 6; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 6 * 30);
    pz__store_close(store);
}

/* ---- a full disk ---- */

/* Fill until it fails; all that was told to be stored is there, and nothing else. */
static pz_status fill(pz__store *store)
{
    pz_status status = PZ_OK;
    uint64_t count, stored = 0;
    char key[32];
    while (status == PZ_OK && stored < 100) {
        snprintf(key, sizeof key, "%d", (int)stored);
        status = set_bulk(store, key);
        stored += status == PZ_OK;
    }
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, stored);
    for (uint64_t i = 0; i < stored; i++) {
        snprintf(key, sizeof key, "%d", (int)i);
        assert_int_equal(size_of(store, key), sizeof bulk);
    }
    return status;
}

static void a_file_that_may_not_grow_is_full(void **state)
{
    struct rlimit before, tight;
    pz__store *store = open_lazy(state);
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(kit_unset(store, "k"));
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before);
    tight = before;
    tight.rlim_cur = 3 << 20;
    setrlimit(RLIMIT_FSIZE, &tight);
    pz_status status = fill(store);
    setrlimit(RLIMIT_FSIZE, &before);
    signal(SIGXFSZ, SIG_DFL);
    assert_int_equal(status, PZ_ERR_FULL);
    assert_ok(set_bulk(store, "later")); /* and it goes on when there is room again */
    pz__store_close(store);
}

static void fill_a_disk(const place *p, pz__durability durability)
{
    char address[400];
    const pz__store_options options = {.durability = durability};
    snprintf(address, sizeof address, "%s/s", p->address);
    pz__store *store = open_at(address, &options);
    pz_status status = fill(store);
    pz__store_close(store);
    store = open_at(address, &options);
    uint64_t count = 0;
    pz_status counted = pz__store_count(store, &count, &kit_error);
    pz__store_close(store);
    umount2(p->path, MNT_DETACH);
    assert_int_equal(status, PZ_ERR_FULL);
    assert_int_equal(counted, PZ_OK);
    assert_true(count > 0);
}

static void a_full_disk_is_told_and_harms_nothing(void **state)
{
    place *p = *state;
    static const pz__durability every[] = {PZ__DURABLE, PZ__GROUPED, PZ__LAZY};
    mkdir(p->path, 0700);
    for (size_t i = 0; i < 3; i++) {
        if (mount("tmpfs", p->path, "tmpfs", 0, "size=4m") != 0)
            skip();
        fill_a_disk(p, every[i]);
    }
}

static void opening_on_a_full_disk_is_refused(void **state)
{
    place *p = *state;
    mkdir(p->path, 0700);
    if (mount("tmpfs", p->path, "tmpfs", 0, "size=64k") != 0)
        skip();
    char path[400], address[400];
    snprintf(path, sizeof path, "%s/ballast", p->path);
    int fd = open(path, O_WRONLY | O_CREAT, 0600);
    while (write(fd, bulk, 4096) > 0) {
    }
    close(fd);
    snprintf(address, sizeof address, "%s/s", p->address);
    pz__store *store;
    pz_status status = pz__store_open(&store, address, NULL, &kit_error);
    umount2(p->path, MNT_DETACH);
    assert_int_equal(status, PZ_ERR_FULL);
    assert_null(store);
}

/* ---- snapshots ---- */

static void a_snapshot_is_a_whole_store_with_a_writer_of_its_own(void **state)
{
    place *p = *state;
    char path[400], address[420];
    uint8_t own[16], copied[16];
    pz__store *store = open_lazy(state);
    snprintf(path, sizeof path, "%s/copy", p->directory);
    snprintf(address, sizeof address, "lmdb:%s", path);
    assert_ok(kit_set(store, "a", "1"));
    assert_ok(pz__store_snapshot(store, path, &kit_error));
    assert_ok(kit_set(store, "a", "2"));
    pz__store *copy = open_at(address, NULL);
    assert_record(copy, "a", "1");
    assert_ok(pz__store_writer(store, own, &kit_error));
    assert_ok(pz__store_writer(copy, copied, &kit_error));
    assert_memory_not_equal(own, copied, 16);
    assert_int_equal(mode_of(path, "/data.mdb"), 0600);
    assert_ok(kit_set(copy, "b", "1"));
    assert_no_record(store, "b");
    assert_status(PZ_ERR_STATE, pz__store_snapshot(store, path, &kit_error)); /* not over a store */
    pz__store_close(copy);
    pz__store_close(store);
}

static void a_snapshot_of_a_store_larger_than_the_least_map_succeeds(void **state)
{
    place *p = *state;
    char path[400], address[420], key[16], value[4000];
    pz__store *store = open_lazy(state);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 600; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_ok(kit_set(store, key, value));
    }
    assert_ok(kit_set(store, "last", "there"));
    snprintf(path, sizeof path, "%s/copy", p->directory);
    snprintf(address, sizeof address, "lmdb:%s", path);
    assert_ok(pz__store_snapshot(store, path, &kit_error));
    pz__store *copy = open_at(address, NULL);
    assert_record(copy, "last", "there");
    pz__store_close(copy);
    pz__store_close(store);
}

static void a_snapshot_that_fails_leaves_no_directory(void **state)
{
    place *p = *state;
    char path[400];
    pz__store *store = open_lazy(state);
    snprintf(path, sizeof path, "%s/no/copy", p->directory);
    assert_status(PZ_ERR_IO, pz__store_snapshot(store, path, &kit_error));
    snprintf(path, sizeof path, "%s/full", p->directory);
    mkdir(path, 0700);
    strcat(path, "/x");
    mkdir(path, 0700);
    path[strlen(path) - 2] = '\0';
    assert_status(PZ_ERR_IO, pz__store_snapshot(store, path, &kit_error));
    rmdir(strcat(path, "/x"));
    path[strlen(path) - 2] = '\0';
    rmdir(path);
    kit_remove_directory(p->path);
    pz__store_close(store);
    assert_int_equal(rmdir(p->directory), 0); /* nothing else is in it */
}

static void *write_for_a_while(void *payload)
{
    for (int i = 0; i < 300; i++)
        kit_increment(payload, "counter");
    return NULL;
}

static void a_snapshot_is_taken_while_others_write(void **state)
{
    place *p = *state;
    pthread_t thread;
    char path[400], address[420];
    pz__store *store = open_lazy(state);
    assert_ok(set_bulk(store, "bulk"));
    pthread_create(&thread, NULL, write_for_a_while, store);
    for (int i = 0; i < 3; i++) {
        snprintf(path, sizeof path, "%s/copy%d", p->directory, i);
        snprintf(address, sizeof address, "lmdb:%s", path);
        assert_ok(pz__store_snapshot(store, path, &kit_error));
        pz__store *copy = open_at(address, NULL);
        assert_int_equal(size_of(copy, "bulk"), sizeof bulk);
        pz__store_close(copy);
    }
    pthread_join(thread, NULL);
    assert_int_equal(kit_number(store, "counter"), 300);
    pz__store_close(store);
}

/* ---- read-only ---- */

static void a_file_without_the_right_to_write_can_be_read(void **state)
{
    place *p = *state;
    pz__store *store = open_at(p->address, NULL), *reader, *writer;
    assert_ok(kit_set(store, "k", "v"));
    pz__store_close(store);
    if (mount(p->path, p->path, NULL, MS_BIND, NULL) != 0)
        skip();
    mount(NULL, p->path, NULL, MS_BIND | MS_REMOUNT | MS_RDONLY, NULL);
    pz_status status =
        pz__store_open(&reader, p->address, &(pz__store_options){.read_only = true}, &kit_error);
    char text[16] = "";
    pz_status got = status == PZ_OK ? kit_get(reader, "k", text, sizeof text) : status;
    pz_status refused = pz__store_open(&writer, p->address, NULL, NULL);
    pz__store_close(reader);
    umount2(p->path, MNT_DETACH);
    assert_ok(got);
    assert_string_equal(text, "v");
    assert_int_equal(refused, PZ_ERR_IO);
}

/* Read everything in a store that was cut short; 0 unless the process dies of it. */
static int read_what_is_left(const char *address)
{
    const pid_t child = fork();
    if (child == 0) {
        pz__store *store;
        pz__buf value;
        char key[16];
        pz__buf_init(&value, NULL, 1 << 20);
        if (pz__store_open(&store, address, NULL, NULL) == PZ_OK) {
            for (int i = 0; i < 400; i++) {
                snprintf(key, sizeof key, "key%d", i);
                pz__buf_reset(&value);
                pz__store_get(store, pz_str_of(key), &value, NULL);
            }
            kit_set(store, "new", "value");
            pz__store_close(store);
        }
        _exit(0);
    }
    return wait_for(child);
}

static void a_file_cut_short_kills_no_reader(void **state)
{
    place *p = *state;
    char path[400], copy[400], command[900], value[1000], key[16];
    struct stat what;
    pz__store *store = open_lazy(state);
    memset(value, 'v', sizeof value - 1);
    value[sizeof value - 1] = '\0';
    for (int i = 0; i < 400; i++) {
        snprintf(key, sizeof key, "key%d", i);
        assert_ok(kit_set(store, key, value));
    }
    pz__store_close(store);
    snprintf(path, sizeof path, "%s/data.mdb", p->path);
    snprintf(copy, sizeof copy, "%s/whole", p->directory);
    snprintf(command, sizeof command, "cp '%s' '%s'", path, copy);
    assert_int_equal(system(command), 0);
    stat(path, &what);
    snprintf(command, sizeof command, "cp '%s' '%s'", copy, path);
    for (off_t len = what.st_size - 1; len > 8192; len -= what.st_size / 25) {
        assert_int_equal(system(command), 0);
        assert_int_equal(truncate(path, len), 0);
        assert_int_equal(read_what_is_left(p->address), 0);
    }
}

#define CASE(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(a_store_is_readable_by_its_owner_only),
        CASE(what_was_committed_is_there_after_reopening),
        CASE(a_handle_holds_nothing_before_its_first_use_or_after_closing),
        CASE(garbage_is_corrupt_and_stays_as_it_is),
        CASE(a_file_cut_short_kills_no_reader),
        CASE(another_format_is_refused_with_the_remedy),
        CASE(paths_that_cannot_be_are_told),
        CASE(processes_that_open_for_themselves_lose_nothing),
        CASE(processes_that_inherit_a_used_handle_lose_nothing),
        CASE(a_fork_amid_busy_threads_leaves_a_child_that_works),
        CASE(a_child_cannot_end_its_parents_transaction),
        CASE(a_killed_writer_leaves_the_last_commit),
        CASE(a_kill_at_any_moment_leaves_whole_transactions),
        CASE(threads_that_come_and_go_use_up_no_readers),
        CASE(a_reader_that_was_killed_is_cleared_at_opening),
        CASE(a_reader_that_was_killed_is_cleared_by_who_writes),
        CASE(the_map_grows_for_updates_and_for_other_processes),
        CASE(a_transaction_that_outgrows_the_map_succeeds_when_run_again),
        CASE(growth_does_not_wait_for_an_iteration),
        CASE(growth_amid_threads_loses_nothing),
        CASE(a_file_that_may_not_grow_is_full),
        CASE(a_full_disk_is_told_and_harms_nothing),
        CASE(opening_on_a_full_disk_is_refused),
        CASE(a_snapshot_is_a_whole_store_with_a_writer_of_its_own),
        CASE(a_snapshot_of_a_store_larger_than_the_least_map_succeeds),
        CASE(a_snapshot_that_fails_leaves_no_directory),
        CASE(a_snapshot_is_taken_while_others_write),
        CASE(a_file_without_the_right_to_write_can_be_read),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
