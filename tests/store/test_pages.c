/*
 * test_pages.c: a store of LMDB whose pages are damaged: told, and nobody dies of it.
 *
 * Bits are flipped where pages keep what leads to others. What the check lets through is then
 * walked over in a child, by LMDB, which must come back.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "store/kit.h"
#include "support/gen.h"

#define PAGE 4096u
#define HEAD_BYTES 64u /* of a page: its head and the first offsets of its nodes */

typedef struct place {
    char directory[256];
    char path[300];
    char address[320];
    char data[320];
    char *good; /* the file as it was made */
    size_t len;
} place;

/* Records short and long, some replaced and some gone; an identifier of few and one of many keys.
 */
static void fill(const place *p)
{
    static char text[30000];
    char name[32];
    pz__store *store;
    pz__store_txn *txn;
    const pz__store_options lazy = {.durability = PZ__LAZY};
    memset(text, 'x', sizeof text);
    assert_ok(pz__store_open(&store, p->address, &lazy, &kit_error));
    for (unsigned round = 0; round < 4; round++) {
        assert_ok(pz__store_begin(store, &txn, &kit_error));
        for (unsigned i = round; i < 600; i += round + 1) {
            snprintf(name, sizeof name, "key-%04u", i);
            const size_t len = i % 100 == 0 ? sizeof text - 1 : 50 + (i * round) % 300;
            text[len] = '\0';
            assert_ok(kit_txn_set(txn, name, text));
            text[len] = 'x';
            assert_ok(pz__store_txn_index(txn, i % 3 ? pz_str_of(name) : PZ__STR("many"),
                                          pz_str_of(name), true, &kit_error));
            assert_ok(pz__store_txn_index(txn, i < 8 ? PZ__STR("few") : PZ__STR("more"),
                                          pz_str_of(name), true, &kit_error));
            assert_ok(pz__store_txn_append(txn, PZ__STR("stream"), name, 8, NULL, &kit_error));
        }
        assert_ok(pz__store_commit(txn, &kit_error));
        snprintf(name, sizeof name, "key-%04u", 100 * round + 100);
        assert_ok(kit_unset(store, name));
    }
    assert_ok(pz__store_check(store, &kit_error));
    pz__store_close(store);
}

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    kit_make_directory(p->directory);
    snprintf(p->path, sizeof p->path, "%s/s", p->directory);
    snprintf(p->address, sizeof p->address, "lmdb:%s", p->path);
    snprintf(p->data, sizeof p->data, "%s/data.mdb", p->path);
    fill(p);
    struct stat file;
    const int fd = open(p->data, O_RDONLY);
    assert_int_equal(fstat(fd, &file), 0);
    p->len = (size_t)file.st_size;
    p->good = test_malloc(p->len);
    assert_int_equal(read(fd, p->good, p->len), p->len);
    close(fd);
    *state = p;
    return 0;
}

static int drop_place(void **state)
{
    place *p = *state;
    kit_remove_directory(p->directory);
    test_free(p->good);
    test_free(p);
    return 0;
}

static void write_bytes(const place *p, const char *bytes, size_t len)
{
    const int fd = open(p->data, O_WRONLY | O_TRUNC);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}

static pz_status pass(void *payload, pz_str key, const void *bytes, size_t len)
{
    (void)key, (void)bytes;
    *(uint64_t *)payload += len;
    return PZ_OK;
}

static pz_status pass_pair(void *payload, pz_str identifier, pz_str key)
{
    *(uint64_t *)payload += identifier.len + key.len;
    return PZ_OK;
}

static pz_status pass_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)bytes;
    *(uint64_t *)payload += number + len;
    return PZ_OK;
}

/* Check, and walk over what is sound; the status of the check, as that of a process. */
static int look(const place *p)
{
    pz__store *store;
    uint64_t sum = 0;
    pz_status status =
        pz__store_open(&store, p->address, &(pz__store_options){.read_only = true}, &kit_error);
    if (status != PZ_OK)
        return -(int)status;
    status = pz__store_check(store, &kit_error);
    if (status == PZ_OK) {
        (void)pz__store_iterate(store, pass, &sum, NULL);
        (void)pz__store_each_index(store, pass_pair, &sum, NULL);
        (void)pz__store_read_stream(store, PZ__STR("stream"), 1, pass_entry, &sum, NULL);
    }
    pz__store_close(store);
    return -(int)status;
}

static int look_in_child(const place *p)
{
    int how;
    const pid_t child = fork();
    if (child == 0) {
        alarm(10);
        _exit(look(p));
    }
    assert_int_equal(waitpid(child, &how, 0), child);
    return WIFEXITED(how) ? WEXITSTATUS(how) : 128 + WTERMSIG(how);
}

static void no_flipped_bit_ends_who_looks(void **state)
{
    place *p = *state;
    char *bytes = test_malloc(p->len);
    unsigned looked = 0, told = 0;
    GEN_CASES(g, gen_cases_full(300, 20000))
    {
        memcpy(bytes, p->good, p->len);
        for (uint64_t flips = 1 + gen_below(&g, 3); flips > 0; flips--) {
            const size_t page = (size_t)gen_below(&g, p->len / PAGE);
            const size_t at = (size_t)gen_below(&g, gen_bool(&g) ? HEAD_BYTES : PAGE);
            bytes[page * PAGE + at] ^= (char)(1u << gen_below(&g, 8));
        }
        write_bytes(p, bytes, p->len);
        const int how = look_in_child(p);
        if (how >= 128)
            fail_msg("%s: signal %d", gen_place(&g), how - 128);
        looked++;
        told += how == -PZ_ERR_CORRUPT;
    }
    assert_true(looked < 300 || told > 50);
    test_free(bytes);
}

static void a_file_cut_anywhere_ends_nobody(void **state)
{
    place *p = *state;
    for (size_t len = PAGE; len < p->len; len += 11 * PAGE + 512) {
        write_bytes(p, p->good, len);
        const int how = look_in_child(p);
        /* What is missing near the end may have been free. */
        if (how != -PZ_ERR_CORRUPT && (how != 0 || len < p->len / 2))
            fail_msg("%zu of %zu bytes: %d", len, p->len, how);
    }
}

/* LMDB would divide by no size, and look for its second meta page far beyond the file by another.
 */
static void pages_without_a_size_are_told(void **state)
{
    static const uint32_t sizes[] = {0, PAGE | 1u << 28, 65536};
    place *p = *state;
    for (size_t meta = 0; meta < 2; meta++) {
        memset(p->good + meta * PAGE + 144 + 4, 1, 1); /* the number of its commit: the newer */
        for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
            char name[16], *size = p->good + meta * PAGE + 40;
            memcpy(size, &sizes[i], sizeof sizes[i]);
            write_bytes(p, p->good, p->len);
            assert_int_equal(look_in_child(p), -PZ_ERR_CORRUPT);
            if (meta == 1 || sizes[i] != 65536) { /* LMDB finds no second meta page there */
                snprintf(name, sizeof name, "page %zu", meta);
                assert_int_equal(look(p), -PZ_ERR_CORRUPT);
                assert_non_null(strstr(kit_error.message, name));
                assert_non_null(strstr(kit_error.message, "restore a snapshot"));
            }
            const uint32_t whole = PAGE;
            memcpy(size, &whole, sizeof whole);
        }
        memset(p->good + meta * PAGE + 144 + 4, 0, 1);
    }
}

static void no_number_of_pages_lengthens_the_file_beyond_reason(void **state)
{
    place *p = *state;
    struct stat file;
    for (size_t meta = 0; meta < 2; meta++)
        p->good[meta * PAGE + 136 + 2] ^= 16; /* the last page in use: a million more */
    write_bytes(p, p->good, p->len);
    assert_int_equal(look(p), -PZ_ERR_CORRUPT);
    assert_non_null(strstr(kit_error.message, "restore"));
    assert_int_equal(stat(p->data, &file), 0);
    assert_int_equal(file.st_size, p->len);
}

static pz_status take_out(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                          pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn, (void)bytes, (void)len, (void)new_bytes;
    *action = PZ__REMOVE;
    return PZ_OK;
}

/* Pages at the end that a transaction takes and gives back are never written: here those of values
 * that are long for a while. */
static void give_back_the_end(const place *p, unsigned count)
{
    static char text[14000000];
    const char *const texts[] = {"short", text, NULL, "short"};
    char name[32];
    pz__store *store;
    pz__store_txn *txn;
    memset(text, 'x', sizeof text - 1);
    assert_ok(pz__store_open(&store, p->address, &(pz__store_options){.durability = PZ__LAZY},
                             &kit_error));
    for (unsigned i = 0; i < 4; i++)
        assert_ok(kit_set(store, "key-0001", i % 2 ? "a" : "b"));
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    for (unsigned round = 0; round < 4; round++)
        for (unsigned i = 0; i < count; i++) {
            snprintf(name, sizeof name, "key-%04u", i);
            assert_ok(texts[round]
                          ? kit_txn_set(txn, name, texts[round])
                          : pz__store_txn_update(txn, pz_str_of(name), take_out, NULL, &kit_error));
        }
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_ok(pz__store_check(store, &kit_error));
    pz__store_close(store);
}

static void free_pages_behind_the_end_are_no_damage(void **state)
{
    place *p = *state;
    struct stat before, after;
    pz__store *store;
    give_back_the_end(p, 6);
    assert_int_equal(stat(p->data, &before), 0);
    assert_true(before.st_size < 14000000);
    assert_int_equal(look(p), 0);
    assert_int_equal(chmod(p->data, 0400), 0);
    assert_int_equal(look(p), 0);
    assert_int_equal(chmod(p->data, 0600), 0);
    assert_int_equal(stat(p->data, &after), 0);
    assert_int_equal(after.st_size, before.st_size);
    assert_ok(pz__store_open(&store, p->address, NULL, &kit_error));
    assert_ok(kit_set(store, "key-0002", "goes on"));
    assert_record(store, "key-0003", "short");
    assert_ok(pz__store_check(store, &kit_error));
    pz__store_close(store);
}

static void a_cut_behind_free_pages_is_told(void **state)
{
    place *p = *state;
    struct stat file;
    give_back_the_end(p, 1);
    assert_int_equal(stat(p->data, &file), 0);
    assert_int_equal(truncate(p->data, file.st_size / 2), 0);
    assert_int_equal(look(p), -PZ_ERR_CORRUPT);
}

/* Until it is killed. */
static void write_on(pz__store *store)
{
    for (unsigned i = 0;; i++) {
        char key[32];
        snprintf(key, sizeof key, "key-%04u", i % 900);
        if (i % 3 ? kit_set(store, key, "new") != PZ_OK : kit_unset(store, key) != PZ_OK)
            _exit(1);
    }
}

static void a_store_that_others_write_is_sound(void **state)
{
    place *p = *state;
    pz__store *store;
    const pid_t child = fork();
    assert_ok(pz__store_open(&store, p->address, &(pz__store_options){.durability = PZ__LAZY},
                             &kit_error));
    if (child == 0)
        write_on(store);
    for (unsigned i = 0; i < 60; i++)
        assert_ok(pz__store_check(store, &kit_error));
    int how;
    assert_int_equal(waitpid(child, &how, WNOHANG), 0);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &how, 0), child);
    assert_ok(pz__store_check(store, &kit_error));
    pz__store_close(store);
}

#define CASE(name) cmocka_unit_test_setup_teardown(name, make_place, drop_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        CASE(no_flipped_bit_ends_who_looks),
        CASE(a_file_cut_anywhere_ends_nobody),
        CASE(pages_without_a_size_are_told),
        CASE(no_number_of_pages_lengthens_the_file_beyond_reason),
        CASE(free_pages_behind_the_end_are_no_damage),
        CASE(a_cut_behind_free_pages_is_told),
        CASE(a_store_that_others_write_is_sound),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
