/*
 * test_sealed.c: what a sealed store promises beside the contract: nothing in the clear, nothing
 * exchanged, no other keys, and hooks that fail.
 */
#include <stdio.h>

#include "store/failing.h"
#include "store/kit.h"
#include "store/toy.h"
#include "support/oom.h"

typedef struct place {
    char directory[256];
    char address[300];
    toy keys;
    pz_store_hooks hooks;
} place;

static int make_place(void **state)
{
    static place p;
    kit_make_directory(p.directory);
#ifdef PZ_WITH_LMDB
    snprintf(p.address, sizeof p.address, "lmdb:%s/s", p.directory);
#else
    snprintf(p.address, sizeof p.address, "memory:");
#endif
    toy_init(&p.keys, 7);
    p.hooks = toy_hooks(&p.keys);
    *state = &p;
    return 0;
}

static int drop_place(void **state)
{
    kit_remove_directory(((place *)*state)->directory);
    return 0;
}

static pz_status open_with(place *p, const pz_store_hooks *hooks, pz__store **out)
{
    return pz__store_open(out, p->address, &(pz__store_options){.hooks = hooks}, &kit_error);
}

/* Sealed around a store in memory, which the test can reach. */
static pz__store *seal_memory(place *p, pz__store **inner)
{
    pz__store *store;
    assert_ok(pz__store_open(inner, "memory:", NULL, &kit_error));
    store = *inner;
    assert_ok(pz__store_seal(&store, &p->hooks, &kit_error));
    return store;
}

/* A record, an entry of the index and one of a stream, all of them telling. */
static pz_status tell_all(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                          pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)bytes, (void)len;
    pz__buf_text(new_bytes, "needle record");
    *action = PZ__WRITE;
    pz_status status =
        pz__store_txn_index(txn, PZ__STR("needle-identifier"), PZ__STR("needle-key"), true, NULL);
    if (status == PZ_OK)
        status =
            pz__store_txn_append(txn, PZ__STR("needle-stream"), "needle entry", 12, NULL, NULL);
    return status;
}

static pz_status write_needles(pz__store *store)
{
    return pz__store_update(store, PZ__STR("needle-key"), tell_all, NULL, &kit_error);
}

/* ---- nothing in the clear ---- */

static bool holds(const void *bytes, size_t len)
{
    return memmem(bytes, len, "needle", 6) != NULL;
}

static pz_status look(void *payload, pz_str key, const void *bytes, size_t len)
{
    ++*(size_t *)payload;
    assert_false(holds(key.data, key.len));
    assert_false(holds(bytes, len));
    assert_int_equal(key.len, PZ_HOOKS_PSEUDONYM_BYTES);
    return PZ_OK;
}

static pz_status never(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)payload, (void)number, (void)bytes, (void)len;
    fail();
    return PZ_OK;
}

static void assert_nothing_under_plain_names(pz__store *inner)
{
    pz__buf keys;
    size_t count = 0;
    pz__buf_init(&keys, NULL, 1000);
    assert_ok(
        inner->backend->lookup(inner, PZ__STR("needle-identifier"), &keys, &count, &kit_error));
    assert_int_equal(count, 0);
    assert_ok(
        inner->backend->read_stream(inner, PZ__STR("needle-stream"), 1, never, NULL, &kit_error));
    pz__buf_clear(&keys);
}

static void the_inner_store_holds_no_name_and_no_byte(void **state)
{
    pz__store *inner, *store = seal_memory(*state, &inner);
    char text[256];
    size_t seen = 0;
    assert_ok(write_needles(store));
    assert_ok(inner->backend->iterate(inner, look, &seen, &kit_error));
    assert_int_equal(seen, 1);
    assert_nothing_under_plain_names(inner);
    kit_lookup(store, "needle-identifier", text);
    assert_string_equal(text, "needle-key");
    pz__store_close(store);
}

#ifdef PZ_WITH_LMDB
static void no_file_of_the_store_holds_them(void **state)
{
    place *p = *state;
    pz__store *store;
    char path[300];
    static char bytes[1 << 20];
    assert_ok(open_with(p, &p->hooks, &store));
    assert_ok(write_needles(store));
    assert_ok(write_needles(store));
    pz__store_close(store);
    snprintf(path, sizeof path, "%s/s/data.mdb", p->directory);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t len = fread(bytes, 1, sizeof bytes, file);
    assert_true(len > 4096 && len < sizeof bytes);
    fclose(file);
    assert_false(holds(bytes, len));
}

/* ---- whose it is ---- */

static void a_sealed_store_is_refused_without_hooks_and_with_others(void **state)
{
    place *p = *state;
    pz__store *store, *plain, *other;
    toy others;
    char text[64];
    toy_init(&others, 8);
    const pz_store_hooks other_hooks = toy_hooks(&others);
    assert_ok(open_with(p, &p->hooks, &store));
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(open_with(p, NULL, &plain));
    assert_ok(open_with(p, &other_hooks, &other));
    assert_status(PZ_ERR_STATE, kit_get(plain, "k", text, sizeof text));
    assert_status(PZ_ERR_STATE, kit_set(plain, "k", "w"));
    assert_non_null(strstr(kit_error.message, "is sealed"));
    assert_status(PZ_ERR_STATE, kit_get(other, "k", text, sizeof text));
    assert_status(PZ_ERR_STATE, kit_set(other, "k", "w"));
    assert_non_null(strstr(kit_error.message, "other keys"));
    uint64_t count;
    assert_status(PZ_ERR_STATE, pz__store_count(other, &count, &kit_error));
    assert_record(store, "k", "v");
    pz__store_close(plain);
    pz__store_close(other);
    pz__store_close(store);
}

static void a_store_made_without_hooks_is_refused_with_some(void **state)
{
    place *p = *state;
    pz__store *store, *plain;
    char text[64];
    assert_ok(open_with(p, NULL, &plain));
    assert_ok(kit_set(plain, "k", "v"));
    assert_ok(open_with(p, &p->hooks, &store));
    assert_status(PZ_ERR_STATE, kit_get(store, "k", text, sizeof text));
    assert_status(PZ_ERR_STATE, kit_set(store, "k", "w"));
    assert_non_null(strstr(kit_error.message, "made without hooks"));
    assert_record(plain, "k", "v");
    pz__store_close(store);
    pz__store_close(plain);
}

/* Two handles on an empty store: whoever writes first says what it is. */
static void an_empty_store_is_whose_it_is_first(void **state)
{
    place *p = *state;
    pz__store *store, *plain;
    char text[64];
    assert_ok(open_with(p, NULL, &plain));
    assert_ok(open_with(p, &p->hooks, &store));
    assert_status(PZ_ERR_NOT_FOUND, kit_get(plain, "k", text, sizeof text));
    assert_status(PZ_ERR_NOT_FOUND, kit_get(store, "k", text, sizeof text));
    assert_ok(kit_set(store, "k", "v"));
    assert_status(PZ_ERR_STATE, kit_set(plain, "k", "w"));
    assert_record(store, "k", "v");
    pz__store_close(store);
    pz__store_close(plain);
}

static pz_status refuse(void *payload, pz__store_txn *txn)
{
    (void)txn;
    return *(pz_status *)payload;
}

/* A transaction of which nothing came does not tell whose a store is. */
static void an_aborted_transaction_takes_no_store(void **state)
{
    static const pz__durability ways[] = {PZ__DURABLE, PZ__GROUPED};
    static const pz_status ends[] = {PZ_ERR_ARG, PZ_OK};
    place *p = *state;
    pz__store *store, *plain;
    pz__store_txn *txn;
    assert_ok(open_with(p, NULL, &plain));
    assert_ok(pz__store_begin(plain, &txn, &kit_error));
    assert_ok(kit_txn_set(txn, "k", "w"));
    pz__store_abort(txn);
    for (size_t i = 0; i < 4; i++) {
        pz_status end = ends[i / 2];
        assert_status(end, pz__store_transact(plain, ways[i % 2], refuse, &end, &kit_error));
    }
    assert_ok(open_with(p, &p->hooks, &store));
    assert_ok(kit_set(store, "k", "v"));
    assert_status(PZ_ERR_STATE, kit_set(plain, "l", "w"));
    assert_non_null(strstr(kit_error.message, "is sealed"));
    assert_record(store, "k", "v");
    pz__store_close(store);
    pz__store_close(plain);
}
#endif

static void hooks_that_are_not_whole_are_refused(void **state)
{
    place *p = *state;
    pz__store *store;
    for (int i = 0; i < 5; i++) {
        pz_store_hooks hooks = p->hooks;
        if (i == 0)
            hooks.size = 8;
        if (i == 1)
            hooks.seal = NULL;
        if (i == 2)
            hooks.open = NULL;
        if (i == 3)
            hooks.pseudonym = NULL;
        if (i == 4)
            hooks.overhead = PZ_HOOKS_OVERHEAD_MAX + 1;
        assert_status(PZ_ERR_ARG, open_with(p, &hooks, &store));
        assert_null(store);
    }
    p->hooks.overhead = PZ_HOOKS_OVERHEAD_MAX;
    assert_ok(open_with(p, &p->hooks, &store));
    assert_ok(kit_set(store, "k", "v"));
    pz__store_close(store);
}

/* ---- what is changed behind its back ---- */

typedef struct stolen {
    char keys[2][PZ_HOOKS_PSEUDONYM_BYTES];
    char bytes[2][256];
    size_t len[2], count;
} stolen;

static pz_status steal(void *payload, pz_str key, const void *bytes, size_t len)
{
    stolen *s = payload;
    assert_true(s->count < 2 && len <= sizeof s->bytes[0]);
    memcpy(s->keys[s->count], key.data, key.len);
    memcpy(s->bytes[s->count], bytes, len);
    s->len[s->count++] = len;
    return PZ_OK;
}

/* What cannot be opened is shown as nothing, and the others follow. */
static pz_status count_opened(void *payload, pz_str key, const void *bytes, size_t len)
{
    if (!bytes) {
        assert_int_equal(key.len, PZ_HOOKS_PSEUDONYM_BYTES);
        assert_int_equal(len, 0);
    }
    *(size_t *)payload += bytes != NULL;
    return PZ_OK;
}

static void put_inner(pz__store *inner, const char *key, const void *bytes, size_t len)
{
    pz__store_txn *txn;
    assert_ok(inner->backend->begin(inner, PZ__DURABLE, &txn, &kit_error));
    assert_ok(
        inner->backend->put(txn, (pz_str){key, PZ_HOOKS_PSEUDONYM_BYTES}, bytes, len, &kit_error));
    assert_ok(inner->backend->commit(txn, &kit_error));
}

static void bytes_of_another_place_and_changed_ones_do_not_open(void **state)
{
    pz__store *inner, *store = seal_memory(*state, &inner);
    stolen s = {.count = 0};
    char text[64];
    assert_ok(kit_set(store, "a", "of a"));
    assert_ok(kit_set(store, "b", "of b"));
    assert_ok(inner->backend->iterate(inner, steal, &s, &kit_error));
    put_inner(inner, s.keys[0], s.bytes[1], s.len[1]);
    put_inner(inner, s.keys[1], s.bytes[0], s.len[0]);
    assert_status(PZ_ERR_CORRUPT, kit_get(store, "a", text, sizeof text));
    assert_status(PZ_ERR_CORRUPT, kit_get(store, "b", text, sizeof text));
    assert_status(PZ_ERR_CORRUPT, kit_set(store, "b", "over it"));
    put_inner(inner, s.keys[1], s.bytes[1], s.len[1]);
    for (size_t at = 0; at < s.len[0]; at++) {
        s.bytes[0][at] ^= 1;
        put_inner(inner, s.keys[0], s.bytes[0], s.len[0]);
        s.bytes[0][at] ^= 1;
        size_t opened = 0;
        assert_ok(pz__store_iterate(store, count_opened, &opened, &kit_error));
        assert_int_equal(opened, 1);
    }
    put_inner(inner, s.keys[0], s.bytes[0], s.len[0]);
    assert_record(store, "a", "of a");
    assert_record(store, "b", "of b");
    pz__store_close(store);
}

/* ---- keys that change ---- */

static void what_an_older_key_sealed_is_read_and_written_anew(void **state)
{
    place *p = *state;
    pz__store *inner, *store = seal_memory(p, &inner);
    char text[256];
    assert_ok(write_needles(store));
    p->keys.key = p->keys.known = 2;
    assert_record(store, "needle-key", "needle record");
    assert_ok(write_needles(store)); /* idempotent though the same entry would be other bytes */
    kit_lookup(store, "needle-identifier", text);
    assert_string_equal(text, "needle-key");
    kit_stream(store, "needle-stream", 1, text);
    assert_string_equal(text, "1=needle entry 2=needle entry");
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("needle-identifier"), PZ__STR("needle-key"), false,
                                  &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    kit_lookup(store, "needle-identifier", text);
    assert_string_equal(text, "");
    p->keys.known = 1; /* somebody with the old key alone */
    assert_status(PZ_ERR_CORRUPT, kit_get(store, "needle-key", text, sizeof text));
    assert_non_null(strstr(kit_error.message, "key"));
    pz__store_close(store);
}

/* ---- hooks and stores that fail ---- */

static bool has_needles(pz__store *store)
{
    char record[64], key[256], entry[256];
    const bool has = kit_get(store, "needle-key", record, sizeof record) == PZ_OK;
    kit_lookup(store, "needle-identifier", key);
    kit_stream(store, "needle-stream", 1, entry);
    assert_int_equal(has, key[0] != '\0');
    assert_int_equal(has, entry[0] != '\0');
    return has;
}

static void a_failing_hook_leaves_all_or_nothing(void **state)
{
    place *p = *state;
    static const struct {
        pz_status given, told;
    } cases[] = {{PZ_ERR_IO, PZ_ERR_IO},    {PZ_ERR_NOMEM, PZ_ERR_NOMEM},
                 {PZ_ERR_BUSY, PZ_ERR_IO},  {PZ_ERR_NOT_FOUND, PZ_ERR_IO},
                 {PZ_ERR_STATE, PZ_ERR_IO}, {(pz_status)5, PZ_ERR_IO}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        size_t failures = 0;
        for (size_t n = 1;; n++) {
            pz__store *inner, *store = seal_memory(p, &inner);
            toy_arm(&p->keys, n, cases[c].given);
            const pz_status status = write_needles(store);
            const bool was_asked = atomic_load(&p->keys.asked) >= n;
            toy_arm(&p->keys, 0, PZ_OK);
            assert_int_equal(status, was_asked ? cases[c].told : PZ_OK);
            assert_int_equal(has_needles(store), !was_asked);
            pz__store_close(store);
            if (!was_asked)
                break;
            failures++;
        }
        assert_true(failures >= 8);
    }
}

static void a_failing_hook_makes_reading_fail(void **state)
{
    place *p = *state;
    pz__store *inner, *store = seal_memory(p, &inner);
    char text[64];
    size_t seen = 0, count;
    pz__buf out;
    pz__buf_init(&out, NULL, 1000);
    assert_ok(write_needles(store));
    toy_arm(&p->keys, 1, PZ_ERR_NOT_FOUND);
    assert_status(PZ_ERR_IO, kit_get(store, "needle-key", text, sizeof text));
    assert_non_null(strstr(kit_error.message, "hook"));
    assert_status(PZ_ERR_IO,
                  pz__store_lookup(store, PZ__STR("needle-identifier"), &out, &count, &kit_error));
    assert_status(PZ_ERR_IO, pz__store_entry(store, PZ__STR("needle-stream"), 1, &out, &kit_error));
    assert_status(PZ_ERR_IO, pz__store_iterate(store, look, &seen, &kit_error));
    toy_arm(&p->keys, 0, PZ_OK);
    p->keys.lies = true;
    assert_status(PZ_ERR_IO, kit_get(store, "needle-key", text, sizeof text));
    assert_status(PZ_ERR_IO, kit_set(store, "k", "v"));
    pz__buf_clear(&out);
    pz__store_close(store);
}

static void a_failure_of_the_store_within_leaves_all_or_nothing(void **state)
{
    place *p = *state;
    for (size_t n = 1;; n++) {
        pz__store *inner, *store;
        assert_ok(failing_open(&inner, "memory:", NULL, &kit_error));
        store = inner;
        assert_ok(pz__store_seal(&store, &p->hooks, &kit_error));
        failing_arm(inner, n, true, PZ_ERR_IO);
        const pz_status status = write_needles(store);
        const bool was_asked = failing_asked(inner) >= n;
        failing_arm(inner, 0, false, PZ_OK);
        assert_int_equal(status, was_asked ? PZ_ERR_IO : PZ_OK);
        assert_int_equal(has_needles(store), !was_asked);
        pz__store_close(store);
        if (!was_asked) {
            assert_true(n > 8);
            return;
        }
    }
}

static pz_status read_all(pz__store *store, const pz_alloc *alloc)
{
    pz__buf out;
    size_t count = 0;
    pz__buf_init(&out, alloc, 1000);
    pz_status status = pz__store_get(store, PZ__STR("needle-key"), &out, NULL);
    if (status == PZ_OK)
        status = pz__store_lookup(store, PZ__STR("needle-identifier"), &out, &count, NULL);
    if (status == PZ_OK)
        status = pz__store_entry(store, PZ__STR("needle-stream"), 1, &out, NULL);
    pz__buf_clear(&out);
    return status;
}

static pz_status use_sealed(const pz_alloc *alloc, void *payload)
{
    place *p = payload;
    pz__store *store;
    const pz__store_options options = {.alloc = *alloc, .hooks = &p->hooks};
    pz_status status = pz__store_open(&store, "memory:", &options, NULL);
    if (status != PZ_OK)
        return status;
    status = pz__store_update(store, PZ__STR("needle-key"), tell_all, NULL, NULL);
    if (status == PZ_OK)
        status = read_all(store, alloc);
    pz__store_close(store);
    return status;
}

static void exhaustion_leaves_nothing(void **state)
{
    oom_run(use_sealed, *state);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, make_place, drop_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_inner_store_holds_no_name_and_no_byte),
#ifdef PZ_WITH_LMDB
        TEST(no_file_of_the_store_holds_them),
        TEST(a_sealed_store_is_refused_without_hooks_and_with_others),
        TEST(a_store_made_without_hooks_is_refused_with_some),
        TEST(an_empty_store_is_whose_it_is_first),
        TEST(an_aborted_transaction_takes_no_store),
#endif
        TEST(hooks_that_are_not_whole_are_refused),
        TEST(bytes_of_another_place_and_changed_ones_do_not_open),
        TEST(what_an_older_key_sealed_is_read_and_written_anew),
        TEST(a_failing_hook_leaves_all_or_nothing),
        TEST(a_failing_hook_makes_reading_fail),
        TEST(a_failure_of_the_store_within_leaves_all_or_nothing),
        TEST(exhaustion_leaves_nothing),
    };
    return cmocka_run_group_tests_name("sealed", tests, NULL, NULL);
}
