/*
 * contract.c: one suite, run over every backend: a test for each sentence of store/store.h.
 *
 * The same tests run over memory, over LMDB, over LMDB with grouped and
 * with lazy commits, over Redis (a server and
 * a cluster, started here, and skipped where there is none), and over a store that passes
 * everything on to another through the table of backend.h (failing.c, calm); and over all of them
 * sealed by hooks (toy.c). What only a store in
 * files can promise (processes, disks, kill -9) is in test_lmdb.c, what servers can do to a store
 * in test_redis.c and test_cluster.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include "store/failing.h"
#include "store/kit.h"
#include "store/toy.h"
#include "support/oom.h"
#ifdef PZ_WITH_REDIS
#include <personalize/redis.h>

#include "store/servers.h"

static servers alone, cluster;
#endif

typedef struct subject {
    const char *name;
    const char *backend;
    bool failing; /* wrapped in a failing store */
    pz__durability durability;
    bool sealed; /* with hooks */
} subject;

static const subject subjects[] = {
    {"memory", "memory:", false, PZ__DURABLE},
    {"failing memory", "memory:", true, PZ__DURABLE},
    {"sealed memory", "memory:", false, PZ__DURABLE, true},
    {"failing sealed memory", "memory:", true, PZ__DURABLE, true},
#ifdef PZ_WITH_LMDB
    {"lmdb", "lmdb:", false, PZ__DURABLE},
    {"lmdb grouped", "lmdb:", false, PZ__GROUPED},
    {"lmdb lazy", "lmdb:", false, PZ__LAZY},
    {"failing lmdb", "lmdb:", true, PZ__LAZY},
    {"sealed lmdb", "lmdb:", false, PZ__DURABLE, true},
    {"sealed lmdb grouped", "lmdb:", false, PZ__GROUPED, true},
    {"failing sealed lmdb", "lmdb:", true, PZ__LAZY, true},
#endif
#ifdef PZ_WITH_REDIS
    {"redis", "redis:", false, PZ__DURABLE},
    {"failing redis", "redis:", true, PZ__DURABLE},
    {"redis cluster", "cluster:", false, PZ__DURABLE},
    {"failing redis cluster", "cluster:", true, PZ__DURABLE},
    {"sealed redis", "redis:", false, PZ__DURABLE, true},
    {"sealed redis cluster", "cluster:", false, PZ__DURABLE, true},
#endif
};

typedef struct place {
    const subject *of;
    toy keys;
    char directory[256];
    char address[400];
    pz__store *store;
} place;

static pz_status open_place(place *p, pz__store **out, const pz__store_options *given)
{
    pz__store_options options = given ? *given : (pz__store_options){.alloc = {NULL, NULL}};
#ifdef PZ_WITH_REDIS
    options.module = pz_redis_module();
#endif
    const pz_store_hooks hooks = toy_hooks(&p->keys);
    options.hooks = p->of->sealed ? &hooks : NULL;
    return p->of->failing ? failing_open(out, p->address, &options, &kit_error)
                          : pz__store_open(out, p->address, &options, &kit_error);
}

static bool is_memory(const place *p)
{
    return strcmp(p->of->backend, "memory:") == 0;
}

static bool is_redis(const place *p)
{
    return strcmp(p->of->backend, "redis:") == 0 || strcmp(p->of->backend, "cluster:") == 0;
}

/* Each test has keys of its own, so none sees what another left. */
static void name_place(place *p)
{
    snprintf(p->address, sizeof p->address, "%s", p->of->backend);
    if (strcmp(p->of->backend, "lmdb:") == 0)
        snprintf(p->address, sizeof p->address, "lmdb:%s/s", p->directory);
#ifdef PZ_WITH_REDIS
    static unsigned count;
    char more[64];
    /* On a busy machine a record of 16 MiB takes its time. */
    snprintf(more, sizeof more, "?prefix=t%u:&timeout_ms=20000&deadline_ms=120000", count++);
    if (is_redis(p))
        servers_address(p->of->backend[0] == 'r' ? &alone : &cluster, more, p->address);
#endif
}

static int make_place(void **state)
{
    place *p = test_calloc(1, sizeof *p);
    p->of = *state;
    toy_init(&p->keys, 1);
    kit_make_directory(p->directory);
    name_place(p);
    assert_ok(open_place(p, &p->store, &(pz__store_options){.durability = p->of->durability}));
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

static pz__store *store_of(void **state)
{
    return ((place *)*state)->store;
}

/* ---- update ---- */

/* A function for updates that does what it is told and remembers what it saw. */
typedef struct script {
    pz__update_action action;
    const char *text; /* written */
    pz_status status; /* returned */
    const char *index, *unindex, *stream, *entry;
    const char *key; /* for index */
    char seen[64];
    bool saw_none;
    uint64_t number; /* given by append */
} script;

static pz_status follow(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                        pz__buf *new_bytes, pz__update_action *action)
{
    script *s = payload;
    s->saw_none = bytes == NULL;
    snprintf(s->seen, sizeof s->seen, "%.*s", (int)len, bytes ? (const char *)bytes : "");
    if (s->text)
        pz__buf_text(new_bytes, s->text);
    *action = s->action;
    pz_status status = PZ_OK;
    if (s->index)
        status = pz__store_txn_index(txn, pz_str_of(s->index), pz_str_of(s->key), true, NULL);
    if (status == PZ_OK && s->unindex)
        status = pz__store_txn_index(txn, pz_str_of(s->unindex), pz_str_of(s->key), false, NULL);
    if (status == PZ_OK && s->stream)
        status = pz__store_txn_append(txn, pz_str_of(s->stream), s->entry, strlen(s->entry),
                                      &s->number, NULL);
    return status != PZ_OK ? status : s->status;
}

static pz_status run_script(pz__store *store, const char *key, script *s)
{
    return pz__store_update(store, pz_str_of(key), follow, s, &kit_error);
}

static void update_sees_nothing_then_the_current_bytes(void **state)
{
    script s = {PZ__WRITE, "one", PZ_OK};
    assert_ok(run_script(store_of(state), "k", &s));
    assert_true(s.saw_none);
    s.text = "two";
    assert_ok(run_script(store_of(state), "k", &s));
    assert_false(s.saw_none);
    assert_string_equal(s.seen, "one");
    assert_record(store_of(state), "k", "two");
}

static void keep_write_and_remove_do_what_they_say(void **state)
{
    pz__store *store = store_of(state);
    script keep = {PZ__KEEP, "ignored", PZ_OK}, gone = {PZ__REMOVE, NULL, PZ_OK};
    assert_ok(run_script(store, "k", &keep));
    assert_no_record(store, "k");
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(run_script(store, "k", &keep));
    assert_record(store, "k", "v");
    assert_ok(run_script(store, "k", &gone));
    assert_no_record(store, "k");
    assert_ok(run_script(store, "k", &gone)); /* removing nothing is no error */
}

static void a_record_of_no_bytes_is_a_record(void **state)
{
    script s = {PZ__KEEP, NULL, PZ_OK};
    assert_ok(kit_set(store_of(state), "k", ""));
    assert_record(store_of(state), "k", "");
    assert_ok(run_script(store_of(state), "k", &s));
    assert_false(s.saw_none);
}

static void bytes_of_any_kind_come_back(void **state)
{
    char bytes[256];
    pz__buf out;
    pz__buf_init(&out, NULL, sizeof bytes + 1);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (char)i;
    pz_str all = {bytes, sizeof bytes}, key = {bytes, PZ__STORE_KEY_MAX};
    assert_ok(kit_set_bytes(store_of(state), key, all));
    pz__buf_byte(&out, 'x');
    assert_ok(pz__store_get(store_of(state), key, &out, &kit_error));
    assert_int_equal(out.len, 1 + sizeof bytes); /* appended */
    assert_memory_equal(out.data + 1, bytes, sizeof bytes);
    pz__buf_clear(&out);
}

static void a_failing_function_writes_nothing(void **state)
{
    pz__store *store = store_of(state);
    char text[256];
    script s = {PZ__WRITE,  "new",           PZ_ERR_LATE, .index = "email",
                .key = "k", .stream = "log", .entry = "e"};
    assert_ok(kit_set(store, "k", "old"));
    assert_status(PZ_ERR_LATE, run_script(store, "k", &s));
    assert_record(store, "k", "old");
    kit_lookup(store, "email", text);
    assert_string_equal(text, "");
    kit_stream(store, "log", 1, text);
    assert_string_equal(text, "");
}

static void index_and_stream_change_with_their_record(void **state)
{
    pz__store *store = store_of(state);
    char text[256];
    script s = {PZ__WRITE,  "new",           PZ_OK,       .index = "email",
                .key = "k", .stream = "log", .entry = "e"};
    assert_ok(run_script(store, "k", &s));
    assert_int_equal(s.number, 1);
    assert_record(store, "k", "new");
    kit_lookup(store, "email", text);
    assert_string_equal(text, "k");
    kit_stream(store, "log", 1, text);
    assert_string_equal(text, "1=e");
    script keep = {PZ__KEEP, NULL, PZ_OK, .unindex = "email", .key = "k"};
    assert_ok(run_script(store, "k", &keep)); /* a record that is kept may still be reindexed */
    kit_lookup(store, "email", text);
    assert_string_equal(text, "");
}

static pz_status misbehave(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                           pz__buf *new_bytes, pz__update_action *action)
{
    (void)bytes, (void)len, (void)action;
    size_t count;
    int *refused = payload;
    *refused += pz__store_txn_get(txn, PZ__STR("k"), new_bytes, NULL) == PZ_ERR_STATE;
    *refused += pz__store_txn_lookup(txn, PZ__STR("k"), new_bytes, &count, NULL) == PZ_ERR_STATE;
    *refused += pz__store_txn_update(txn, PZ__STR("k"), misbehave, NULL, NULL) == PZ_ERR_STATE;
    return PZ_OK;
}

static void an_update_may_only_index_and_append(void **state)
{
    int refused = 0;
    assert_ok(pz__store_update(store_of(state), PZ__STR("k"), misbehave, &refused, &kit_error));
    assert_int_equal(refused, 3);
}

/* ---- transactions ---- */

static void a_transaction_sees_its_own_writes_and_others_do_not(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    pz__buf out;
    size_t count;
    pz__buf_init(&out, NULL, 100);
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(kit_txn_set(txn, "k", "mine"));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id"), PZ__STR("k"), true, &kit_error));
    assert_ok(pz__store_txn_get(txn, PZ__STR("k"), &out, &kit_error));
    assert_memory_equal(out.data, "mine", 4);
    pz__buf_reset(&out);
    assert_ok(pz__store_txn_lookup(txn, PZ__STR("id"), &out, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_no_record(store, "k");
    assert_status(PZ_ERR_NOT_FOUND, pz__store_txn_get(txn, PZ__STR("none"), &out, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_record(store, "k", "mine");
    pz__buf_clear(&out);
}

static void abort_leaves_nothing(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    char text[256];
    uint64_t count;
    assert_ok(kit_set(store, "a", "1"));
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(kit_txn_set(txn, "a", "2"));
    assert_ok(kit_txn_set(txn, "b", "2"));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id"), PZ__STR("b"), true, &kit_error));
    assert_ok(pz__store_txn_append(txn, PZ__STR("log"), "x", 1, NULL, &kit_error));
    pz__store_abort(txn);
    pz__store_abort(NULL);
    assert_record(store, "a", "1");
    assert_no_record(store, "b");
    kit_lookup(store, "id", text);
    assert_string_equal(text, "");
    kit_stream(store, "log", 1, text);
    assert_string_equal(text, "");
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 1);
}

static void a_failed_update_leaves_the_rest_of_its_transaction(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    char text[256];
    script bad = {PZ__WRITE, "bad", PZ_ERR_LATE, .stream = "log", .entry = "bad"};
    script good = {PZ__WRITE, "good", PZ_OK, .stream = "log", .entry = "good"};
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_update(txn, PZ__STR("a"), follow, &good, &kit_error));
    assert_status(PZ_ERR_LATE, pz__store_txn_update(txn, PZ__STR("a"), follow, &bad, &kit_error));
    assert_ok(pz__store_txn_update(txn, PZ__STR("b"), follow, &good, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_record(store, "a", "good");
    assert_record(store, "b", "good");
    kit_stream(store, "log", 1, text);
    assert_string_equal(text, "1=good 2=good");
}

static void a_second_transaction_of_the_thread_is_refused(void **state)
{
    pz__store_txn *txn, *second;
    assert_ok(pz__store_begin(store_of(state), &txn, &kit_error));
    assert_status(PZ_ERR_STATE, pz__store_begin(store_of(state), &second, &kit_error));
    assert_null(second);
    assert_status(PZ_ERR_STATE, kit_set(store_of(state), "k", "v"));
    pz__store_abort(txn);
    assert_ok(kit_set(store_of(state), "k", "v"));
}

/* ---- index ---- */

static void index_is_idempotent_and_lookups_are_sorted(void **state)
{
    static const char *const keys[] = {"zeta", "a", "ab", "mid", "a"};
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    char text[256];
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    for (size_t i = 0; i < 5; i++)
        assert_ok(pz__store_txn_index(txn, PZ__STR("id"), pz_str_of(keys[i]), true, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id2"), PZ__STR("other"), true, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("i"), PZ__STR("d"), true, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    kit_lookup(store, "id", text);
    assert_string_equal(text, "a ab mid zeta");
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id"), PZ__STR("ab"), false, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id"), PZ__STR("ab"), false, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("none"), PZ__STR("ab"), false, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    kit_lookup(store, "id", text);
    assert_string_equal(text, "a mid zeta");
    kit_lookup(store, "none", text);
    assert_string_equal(text, "");
}

static void finding_gives_the_record_of_the_first_key(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    pz__buf out;
    pz__found_key key = {.len = 9};
    pz__buf_init(&out, NULL, 100);
    assert_status(PZ_ERR_NOT_FOUND, pz__store_find(store, PZ__STR("id"), &out, &key, NULL));
    assert_int_equal(key.len, 0);
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id"), PZ__STR("b"), true, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("id"), PZ__STR("c"), true, &kit_error));
    assert_ok(kit_txn_set(txn, "b", "bee"));
    assert_ok(kit_txn_set(txn, "c", "sea"));
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_ok(pz__store_find(store, PZ__STR("id"), &out, &key, &kit_error));
    assert_int_equal(key.len, 1);
    assert_int_equal(key.data[0], 'b');
    assert_int_equal(out.len, 3);
    assert_memory_equal(out.data, "bee", 3);
    assert_ok(kit_unset(store, "b"));
    pz__buf_reset(&out);
    assert_status(PZ_ERR_NOT_FOUND, pz__store_find(store, PZ__STR("id"), &out, &key, NULL));
    assert_int_equal(key.len, 1);
    assert_status(PZ_ERR_ARG, pz__store_find(store, PZ__STR(""), &out, &key, &kit_error));
    pz__buf_clear(&out);
    pz__buf_init(&out, NULL, 2);
    assert_ok(kit_set(store, "b", "bee"));
    assert_status(PZ_ERR_LIMIT, pz__store_find(store, PZ__STR("id"), &out, &key, &kit_error));
    pz__buf_clear(&out);
}

/* ---- streams ---- */

static void streams_are_numbered_from_one_each_its_own(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    char text[256];
    uint64_t number;
    static const char *const streams[] = {"log", "log", "lo", "logs", "log"};
    static const uint64_t numbers[] = {1, 2, 1, 1, 3};
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    for (size_t i = 0; i < 5; i++) {
        assert_ok(
            pz__store_txn_append(txn, pz_str_of(streams[i]), &"abcde"[i], 1, &number, &kit_error));
        assert_int_equal(number, numbers[i]);
    }
    assert_ok(pz__store_commit(txn, &kit_error));
    kit_stream(store, "log", 1, text);
    assert_string_equal(text, "1=a 2=b 3=e");
    kit_stream(store, "log", 3, text);
    assert_string_equal(text, "3=e");
    kit_stream(store, "log", 4, text);
    assert_string_equal(text, "");
    kit_stream(store, "lo", 0, text);
    assert_string_equal(text, "1=c");
    kit_stream(store, "l", 1, text);
    assert_string_equal(text, "");
}

static pz_status append_three(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                              pz__buf *new_bytes, pz__update_action *action)
{
    (void)bytes, (void)len, (void)new_bytes, (void)action;
    uint64_t *numbers = payload;
    assert_ok(pz__store_txn_append(txn, PZ__STR("a"), "1", 1, &numbers[0], NULL));
    assert_ok(pz__store_txn_append(txn, PZ__STR("b"), "1", 1, &numbers[1], NULL));
    assert_ok(pz__store_txn_append(txn, PZ__STR("a"), "2", 1, &numbers[2], NULL));
    return PZ_OK;
}

static void an_update_knows_the_numbers_of_its_entries(void **state)
{
    uint64_t numbers[3];
    char text[256];
    for (uint64_t i = 0; i < 2; i++) {
        assert_ok(
            pz__store_update(store_of(state), PZ__STR("k"), append_three, numbers, &kit_error));
        assert_int_equal(numbers[0], 2 * i + 1);
        assert_int_equal(numbers[1], i + 1);
        assert_int_equal(numbers[2], 2 * i + 2);
    }
    kit_stream(store_of(state), "a", 1, text);
    assert_string_equal(text, "1=1 2=2 3=1 4=2");
}

static pz_status stop_at_two(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)bytes, (void)len;
    *(uint64_t *)payload = number;
    return number == 2 ? PZ_ERR_NOT_FOUND : PZ_OK;
}

static void a_reader_of_a_stream_may_stop(void **state)
{
    uint64_t numbers[3], last = 0;
    assert_ok(pz__store_update(store_of(state), PZ__STR("k"), append_three, numbers, NULL));
    assert_ok(pz__store_update(store_of(state), PZ__STR("k"), append_three, numbers, NULL));
    assert_status(PZ_ERR_NOT_FOUND, pz__store_read_stream(store_of(state), PZ__STR("a"), 1,
                                                          stop_at_two, &last, &kit_error));
    assert_int_equal(last, 2);
}

static pz_status drop(pz__store *store, const char *stream, uint64_t number)
{
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_drop(txn, pz_str_of(stream), number, &kit_error));
    return pz__store_commit(txn, &kit_error);
}

static void entry_of(pz__store *store, const char *stream, uint64_t number, char out[64])
{
    pz__buf bytes;
    pz__buf_init(&bytes, NULL, 63);
    const pz_status status = pz__store_entry(store, pz_str_of(stream), number, &bytes, &kit_error);
    if (status != PZ_OK)
        assert_status(PZ_ERR_NOT_FOUND, status);
    snprintf(out, 64, "%.*s", (int)bytes.len, bytes.data ? bytes.data : "");
    pz__buf_clear(&bytes);
}

static void an_entry_is_read_by_its_number(void **state)
{
    pz__store *store = store_of(state);
    uint64_t numbers[3];
    char text[64];
    assert_ok(pz__store_update(store, PZ__STR("k"), append_three, numbers, &kit_error));
    entry_of(store, "a", 2, text);
    assert_string_equal(text, "2");
    for (uint64_t number = 0; number <= 6; number += 3) {
        entry_of(store, "a", number, text);
        assert_string_equal(text, "");
    }
    entry_of(store, "none", 1, text);
    assert_string_equal(text, "");
}

static void a_dropped_entry_is_gone_and_its_number_not_given_again(void **state)
{
    pz__store *store = store_of(state);
    uint64_t numbers[3];
    char text[256];
    for (int i = 0; i < 2; i++)
        assert_ok(pz__store_update(store, PZ__STR("k"), append_three, numbers, &kit_error));
    assert_ok(drop(store, "a", 2));
    assert_ok(drop(store, "a", 4)); /* the newest */
    assert_ok(drop(store, "a", 4));
    assert_ok(drop(store, "a", 9));
    assert_ok(drop(store, "a", 0));
    kit_stream(store, "a", 0, text);
    assert_string_equal(text, "1=1 3=1");
    kit_stream(store, "b", 1, text);
    assert_string_equal(text, "1=1 2=1");
    for (uint64_t n = 1; n <= 3; n++)
        assert_ok(drop(store, "a", n));
    kit_stream(store, "a", 0, text);
    assert_string_equal(text, "");
    entry_of(store, "a", 3, text);
    assert_string_equal(text, "");
    assert_ok(pz__store_update(store, PZ__STR("k"), append_three, numbers, &kit_error));
    assert_int_equal(numbers[0], 5);
    assert_int_equal(numbers[2], 6);
    kit_stream(store, "a", 0, text);
    assert_string_equal(text, "5=1 6=2");
}

static void dropping_is_part_of_its_transaction(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    uint64_t numbers[3], number;
    char text[256];
    assert_ok(pz__store_update(store, PZ__STR("k"), append_three, numbers, &kit_error));
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_drop(txn, PZ__STR("a"), 2, &kit_error));
    kit_stream(store, "a", 1, text);
    assert_string_equal(text, "1=1 2=2");
    pz__store_abort(txn);
    kit_stream(store, "a", 1, text);
    assert_string_equal(text, "1=1 2=2");
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_drop(txn, PZ__STR("a"), 2, &kit_error));
    assert_ok(pz__store_txn_append(txn, PZ__STR("a"), "x", 1, &number, &kit_error));
    assert_int_equal(number, 3);
    assert_ok(pz__store_txn_drop(txn, PZ__STR("a"), 3, &kit_error)); /* its own */
    assert_ok(pz__store_txn_append(txn, PZ__STR("a"), "y", 1, &number, &kit_error));
    assert_int_equal(number, 4);
    assert_ok(pz__store_commit(txn, &kit_error));
    kit_stream(store, "a", 1, text);
    assert_string_equal(text, "1=1 4=y");
}

/* ---- iterating ---- */

typedef struct visit {
    pz__store *store;
    char seen[256];
    const char *stop;
    bool writes;
} visit;

static pz_status visit_one(void *payload, pz_str key, const void *bytes, size_t len)
{
    visit *v = payload;
    size_t used = strlen(v->seen);
    snprintf(v->seen + used, sizeof v->seen - used, "%s%.*s=%.*s", used ? " " : "", (int)key.len,
             key.data, (int)len, (const char *)bytes);
    if (v->writes) { /* into the past, the present and the future of the walk */
        assert_ok(kit_set(v->store, "a", "changed"));
        assert_ok(kit_set(v->store, "zz", "added"));
        assert_ok(kit_unset(v->store, "c"));
    }
    return v->stop && pz__str_equal(key, pz_str_of(v->stop)) ? PZ_ERR_BUSY : PZ_OK;
}

static void fill_abc(pz__store *store)
{
    assert_ok(kit_set(store, "b", "2"));
    assert_ok(kit_set(store, "c", "3"));
    assert_ok(kit_set(store, "a", "1"));
}

/* A sealed store goes in the order of pseudonyms: put the words in theirs. */
static void order_words(const place *p, char text[256])
{
    char *words[32], *rest = text, copy[256];
    size_t count = 0;
    if (!p->of->sealed)
        return;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word = strtok_r(copy, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        size_t at = count++;
        for (; at > 0 && strcmp(word, words[at - 1]) < 0; at--)
            words[at] = words[at - 1];
        words[at] = word;
    }
    text[0] = '\0';
    for (size_t i = 0; i < count; i++)
        snprintf(text + strlen(text), 256 - strlen(text), "%s%s", i ? " " : "", words[i]);
}

static void iterate_goes_in_key_order_over_one_snapshot(void **state)
{
    pz__store *store = store_of(state);
    visit v = {store, "", NULL, true};
    fill_abc(store);
    assert_ok(pz__store_iterate(store, visit_one, &v, &kit_error));
    order_words(*state, v.seen);
    assert_string_equal(v.seen, "a=1 b=2 c=3");
    v = (visit){store, "", NULL, false};
    assert_ok(pz__store_iterate(store, visit_one, &v, &kit_error));
    order_words(*state, v.seen);
    assert_string_equal(v.seen, "a=changed b=2 zz=added");
}

static void iterate_stops_where_it_is_told(void **state)
{
    visit v = {store_of(state), "", "b", false};
    fill_abc(store_of(state));
    assert_status(PZ_ERR_BUSY, pz__store_iterate(store_of(state), visit_one, &v, &kit_error));
    if (((const place *)*state)->of->sealed)
        assert_string_equal(v.seen + strlen(v.seen) - 3, "b=2");
    else
        assert_string_equal(v.seen, "a=1 b=2");
}

/* Whatever the order is: behind each record stand those that an iteration gives after it. */
static void iterate_goes_on_where_it_stopped(void **state)
{
    pz__store *store = store_of(state);
    visit all = {store, "", NULL, false};
    fill_abc(store);
    assert_ok(pz__store_iterate(store, visit_one, &all, &kit_error));
    assert_int_equal(strlen(all.seen), strlen("a=1 b=2 c=3"));
    for (size_t at = 0; at < strlen(all.seen); at += 4) {
        visit v = {store, "", NULL, false};
        const pz_str after = {all.seen + at, 1};
        assert_ok(pz__store_iterate_after(store, after, visit_one, &v, &kit_error));
        assert_string_equal(v.seen, at + 4 < strlen(all.seen) ? all.seen + at + 4 : "");
    }
}

static void iterate_begins_behind_a_key(void **state)
{
    pz__store *store = store_of(state);
    const struct {
        const char *after, *seen;
    } cases[] = {{"", "a=1 b=2 c=3"}, {"a", "b=2 c=3"}, {"ab", "b=2 c=3"}, {"c", ""}, {"d", ""}};
    if (((const place *)*state)->of->sealed)
        return; /* there a key that no record has stands anywhere */
    fill_abc(store);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        visit v = {store, "", NULL, false};
        const pz_str after = pz_str_of(cases[i].after);
        assert_ok(pz__store_iterate_after(store, after, visit_one, &v, &kit_error));
        assert_string_equal(v.seen, cases[i].seen);
    }
}

static pz_status see_entry(void *payload, pz_str identifier, pz_str key)
{
    char *seen = payload;
    const size_t len = strlen(seen);
    snprintf(seen + len, 200 - len, "%.*s>%.*s ", PZ__STR_ARG(identifier), PZ__STR_ARG(key));
    return PZ_OK;
}

static pz_status see_stream(void *payload, pz_str stream)
{
    char *seen = payload;
    const size_t len = strlen(seen);
    snprintf(seen + len, 200 - len, "%.*s ", PZ__STR_ARG(stream));
    return PZ_OK;
}

static void index_and_streams_are_walked_in_order(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    char seen[200] = "";
    assert_ok(pz__store_each_index(store, see_entry, seen, &kit_error));
    assert_ok(pz__store_each_stream(store, see_stream, seen, &kit_error));
    assert_string_equal(seen, "");
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("y"), PZ__STR("k2"), true, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("y"), PZ__STR("k1"), true, &kit_error));
    assert_ok(pz__store_txn_index(txn, PZ__STR("x"), PZ__STR("k3"), true, &kit_error));
    for (unsigned i = 0; i < 3; i++) {
        assert_ok(pz__store_txn_append(txn, PZ__STR("log"), "1", 1, NULL, &kit_error));
        assert_ok(pz__store_txn_append(txn, PZ__STR("log2"), "1", 1, NULL, &kit_error));
        assert_ok(pz__store_txn_append(txn, PZ__STR("abc"), "1", 1, NULL, &kit_error));
    }
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_ok(kit_set(store, "k", "v"));
    assert_ok(pz__store_each_index(store, see_entry, seen, &kit_error));
    if (((const place *)*state)->of->sealed) { /* pseudonyms tell no names */
        assert_ok(pz__store_each_stream(store, see_stream, seen, &kit_error));
        assert_string_equal(seen, "");
        return;
    }
    assert_string_equal(seen, "x>k3 y>k1 y>k2 ");
    seen[0] = '\0';
    assert_ok(pz__store_each_stream(store, see_stream, seen, &kit_error));
    assert_non_null(strstr(seen, "abc "));
    assert_non_null(strstr(seen, "log "));
    assert_non_null(strstr(seen, "log2 "));
    assert_int_equal(strlen(seen), strlen("abc log log2 "));
}

static void iterate_and_count_see_records_only(void **state)
{
    pz__store *store = store_of(state);
    uint64_t count;
    visit v = {store, "", NULL, false};
    script s = {PZ__WRITE, "v", PZ_OK, .index = "id", .key = "k", .stream = "log", .entry = "e"};
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 0);
    assert_ok(pz__store_iterate(store, visit_one, &v, &kit_error));
    assert_string_equal(v.seen, "");
    assert_ok(run_script(store, "k", &s));
    assert_ok(run_script(store, "k", &s));
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_ok(pz__store_iterate(store, visit_one, &v, &kit_error));
    assert_string_equal(v.seen, "k=v");
    assert_ok(kit_unset(store, "k"));
    assert_ok(kit_unset(store, "k"));
    assert_ok(pz__store_count(store, &count, &kit_error));
    assert_int_equal(count, 0);
}

/* ---- limits ---- */

static char long_text[PZ__STORE_RECORD_MAX + 1];

static pz_str text_of(size_t len)
{
    return (pz_str){long_text, len};
}

static void keys_and_identifiers_have_limits(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    pz__buf out;
    size_t count;
    pz__buf_init(&out, NULL, 1000);
    memset(long_text, 'x', sizeof long_text);
    pz_str key = text_of(PZ__STORE_KEY_MAX), too_long = text_of(PZ__STORE_KEY_MAX + 1);
    pz_str id = text_of(PZ__STORE_IDENTIFIER_MAX), too_long_id = text_of(id.len + 1);
    assert_ok(kit_set_bytes(store, key, text_of(1)));
    assert_status(PZ_ERR_LIMIT, kit_set_bytes(store, too_long, text_of(1)));
    assert_status(PZ_ERR_ARG, kit_set_bytes(store, text_of(0), text_of(1)));
    assert_ok(pz__store_get(store, key, &out, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz__store_get(store, too_long, &out, &kit_error));
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, id, key, true, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz__store_txn_index(txn, too_long_id, key, true, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz__store_txn_index(txn, id, too_long, true, &kit_error));
    assert_status(PZ_ERR_ARG, pz__store_txn_index(txn, text_of(0), key, true, &kit_error));
    assert_ok(pz__store_txn_append(txn, key, "", 0, NULL, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz__store_txn_append(txn, too_long, "", 0, NULL, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error)); /* a refused argument dooms nothing */
    assert_ok(pz__store_lookup(store, id, &out, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_status(PZ_ERR_LIMIT, pz__store_lookup(store, too_long_id, &out, &count, &kit_error));
    pz__buf_clear(&out);
}

static void records_and_entries_have_a_limit(void **state)
{
    pz__store *store = store_of(state);
    pz__store_txn *txn;
    pz__buf out;
    pz__buf_init(&out, NULL, PZ__STORE_RECORD_MAX);
    pz_str most = text_of(PZ__STORE_RECORD_MAX), too_long = text_of(sizeof long_text);
    memset(long_text, 'r', sizeof long_text);
    assert_ok(kit_set_bytes(store, PZ__STR("k"), most));
    assert_status(PZ_ERR_LIMIT, kit_set_bytes(store, PZ__STR("k"), too_long));
    assert_ok(pz__store_get(store, PZ__STR("k"), &out, &kit_error));
    assert_int_equal(out.len, most.len);
    assert_memory_equal(out.data, most.data, most.len);
    pz__buf_clear(&out);
    assert_ok(pz__store_begin(store, &txn, &kit_error));
    assert_ok(pz__store_txn_append(txn, PZ__STR("s"), most.data, most.len, NULL, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz__store_txn_append(txn, PZ__STR("s"), too_long.data, too_long.len,
                                                     NULL, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
}

/* Four entries that take `size` bytes of notes together: fifteen bytes each beside the entry. */
static pz_status append_much(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                             pz__buf *new_bytes, pz__update_action *action)
{
    (void)bytes, (void)len, (void)new_bytes, (void)action;
    size_t left = *(size_t *)payload;
    pz_status status = PZ_OK;
    for (int i = 0; i < 4 && status == PZ_OK; i++) {
        size_t entry = i < 3 ? PZ__STORE_RECORD_MAX : left - 15;
        status = pz__store_txn_append(txn, PZ__STR("s"), long_text, entry, NULL, NULL);
        left -= entry + 15;
    }
    return PZ_OK; /* overlooks the failure, which must be told all the same */
}

static void what_an_update_asks_for_has_a_limit(void **state)
{
    place *p = *state;
    if (!is_memory(p)) /* the limit is store.c's, whatever the backend */
        return;
    size_t size = PZ__STORE_PENDING_MAX;
    assert_ok(pz__store_update(p->store, PZ__STR("k"), append_much, &size, &kit_error));
    size++;
    assert_status(PZ_ERR_LIMIT,
                  pz__store_update(p->store, PZ__STR("k"), append_much, &size, &kit_error));
    assert_ok(kit_set(p->store, "k", "v"));
}

static void an_answer_that_does_not_fit_is_told(void **state)
{
    pz__buf out;
    pz__buf_init(&out, NULL, 3);
    assert_ok(kit_set(store_of(state), "k", "four"));
    assert_status(PZ_ERR_LIMIT, pz__store_get(store_of(state), PZ__STR("k"), &out, &kit_error));
    assert_int_equal(out.len, 0);
    pz__buf_clear(&out);
}

/* ---- opening ---- */

static void a_read_only_handle_reads_and_refuses_to_write(void **state)
{
    place *p = *state;
    pz__store *reader;
    pz__store_txn *txn;
    assert_ok(kit_set(p->store, "k", "v"));
    assert_ok(open_place(p, &reader, &(pz__store_options){.read_only = true}));
    if (!is_memory(p))
        assert_record(reader, "k", "v");
    assert_status(PZ_ERR_STATE, kit_set(reader, "k", "w"));
    assert_status(PZ_ERR_STATE, pz__store_begin(reader, &txn, &kit_error));
    pz__store_close(reader);
    assert_record(p->store, "k", "v");
}

static void two_handles_on_one_file_share_a_store(void **state)
{
    place *p = *state;
    pz__store *other;
    uint8_t one[16], two[16];
    assert_ok(open_place(p, &other, NULL));
    assert_ok(kit_set(p->store, "k", "v"));
    assert_ok(pz__store_writer(p->store, one, &kit_error));
    assert_ok(pz__store_writer(other, two, &kit_error));
    if (is_memory(p)) { /* private to the handle */
        assert_no_record(other, "k");
        assert_memory_not_equal(one, two, 16);
    } else {
        assert_record(other, "k", "v");
        assert_memory_equal(one, two, 16);
        assert_ok(kit_set(other, "k", "w"));
        assert_record(p->store, "k", "w");
    }
    pz__store_close(other);
    pz__store_close(NULL);
    assert_ok(kit_set(p->store, "l", "v")); /* the other's closing closed nothing of ours */
}

static void the_writer_id_is_a_uuid_and_stays(void **state)
{
    uint8_t one[16], two[16];
    assert_ok(pz__store_writer(store_of(state), one, &kit_error));
    assert_ok(kit_set(store_of(state), "k", "v"));
    assert_ok(pz__store_writer(store_of(state), two, &kit_error));
    assert_memory_equal(one, two, 16);
    assert_int_equal(one[6] >> 4, 4);
}

static void addresses_of_no_backend_are_refused(void **state)
{
    (void)state;
    pz__store *store;
    static const char *const wrong[] = {"", "memory", "x://u:secret@h", "memory:x", "x:y", "/x/y"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_status(PZ_ERR_ARG, pz__store_open(&store, wrong[i], NULL, &kit_error));
        assert_null(store);
        assert_non_null(strstr(kit_error.message, "memory:"));
        assert_null(strstr(kit_error.message, "secret"));
    }
    assert_status(PZ_ERR_UNSUPPORTED, pz__store_open(&store, "redis://h", NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "pz_redis_module"));
    assert_status(PZ_ERR_UNSUPPORTED,
                  pz__store_open(&store, "rediss://u:secret@h", NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "TLS"));
    assert_null(strstr(kit_error.message, "secret"));
    assert_status(PZ_ERR_ARG, pz__store_open(&store, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz__store_open(NULL, "memory:", NULL, &kit_error));
#ifdef PZ_WITH_LMDB
    assert_status(PZ_ERR_ARG, pz__store_open(&store, "lmdb:", NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz__store_open(&store, "x:y", NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "memory:, lmdb:DIRECTORY"));
#else
    assert_status(PZ_ERR_UNSUPPORTED, pz__store_open(&store, "lmdb:x", NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "PZ_WITH_LMDB"));
#endif
}

/* ---- threads ---- */

#define THREADS 8
#define INCREMENTS 60

static pz_status note_number(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)bytes, (void)len;
    *(uint64_t *)payload = number;
    return PZ_OK;
}

static void *increment_many(void *payload)
{
    pz__store *store = payload;
    for (int i = 0; i < INCREMENTS; i++)
        if (kit_increment(store, "counter") != PZ_OK)
            return payload;
    return NULL;
}

static void threads_lose_no_update(void **state)
{
    pthread_t threads[THREADS];
    void *failed;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, increment_many, store_of(state)), 0);
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], &failed);
        assert_null(failed);
    }
    assert_int_equal(kit_number(store_of(state), "counter"), THREADS * INCREMENTS);
}

/* One thread's functions: each writes two records and an entry; every third then refuses. */
typedef struct shares {
    pz__store *store;
    pthread_t thread;
    unsigned done, failed; /* as expected; otherwise */
    int round;
    pz_error err;
} shares;

static pz_status add_digit(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                           pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)txn;
    char text[24] = "0";
    if (bytes)
        memcpy(text, bytes, len < 23 ? len : 23);
    const int count = snprintf(text, sizeof text, "%lu", strtoul(text, NULL, 10) + 1);
    pz__buf_put(new_bytes, text, (size_t)count);
    *action = PZ__WRITE;
    return PZ_OK;
}

static pz_status write_three(void *payload, pz__store_txn *txn)
{
    shares *s = payload;
    pz_status status = pz__store_txn_update(txn, PZ__STR("one"), add_digit, s, &s->err);
    if (status == PZ_OK)
        status = pz__store_txn_append(txn, PZ__STR("log"), "e", 1, NULL, &s->err);
    if (status == PZ_OK)
        status = pz__store_txn_update(txn, PZ__STR("two"), add_digit, s, &s->err);
    if (status == PZ_OK && s->round % 3 == 0)
        return pz__fail(&s->err, PZ_ERR_TYPE, "round %d", s->round);
    return status;
}

static void *write_threes(void *payload)
{
    shares *s = payload;
    char expected[24];
    for (s->round = 0; s->round < INCREMENTS; s->round++) {
        pz_status status = PZ_ERR_BUSY;
        while (status == PZ_ERR_BUSY)
            status = pz__store_transact(s->store, PZ__AS_OPENED, write_three, s, &s->err);
        snprintf(expected, sizeof expected, "round %d", s->round);
        const bool is_right = s->round % 3
                                  ? status == PZ_OK
                                  : status == PZ_ERR_TYPE && strcmp(s->err.message, expected) == 0;
        s->done += is_right;
        s->failed += !is_right;
    }
    return NULL;
}

static void functions_of_threads_are_written_whole_or_undone_alone(void **state)
{
    shares all[THREADS];
    for (int i = 0; i < THREADS; i++) {
        all[i] = (shares){.store = store_of(state), .err = PZ_ERROR_INIT};
        assert_int_equal(pthread_create(&all[i].thread, NULL, write_threes, &all[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(all[i].thread, NULL);
        assert_int_equal(all[i].failed, 0);
        assert_int_equal(all[i].done, INCREMENTS);
    }
    const uint64_t written = THREADS * INCREMENTS / 3 * 2;
    assert_int_equal(kit_number(store_of(state), "one"), written);
    assert_int_equal(kit_number(store_of(state), "two"), written);
    uint64_t last = 0;
    assert_ok(
        pz__store_read_stream(store_of(state), PZ__STR("log"), 1, note_number, &last, &kit_error));
    assert_int_equal(last, written);
}

static pz_status write_nothing(void *payload, pz__store_txn *txn)
{
    pz__buf out;
    (void)payload;
    pz__buf_init(&out, NULL, 16);
    const pz_status status = pz__store_txn_get(txn, PZ__STR("none"), &out, NULL);
    pz__buf_clear(&out);
    return status == PZ_ERR_NOT_FOUND ? PZ_OK : status;
}

static void a_function_that_writes_nothing_is_as_good_as_any(void **state)
{
    pz__store *store = store_of(state);
    assert_ok(pz__store_transact(store, PZ__AS_OPENED, write_nothing, NULL, &kit_error));
    assert_ok(pz__store_transact(store, PZ__GROUPED, write_nothing, NULL, &kit_error));
    assert_ok(pz__store_transact_here(store, PZ__GROUPED, write_nothing, NULL, &kit_error));
    assert_ok(kit_set(store, "a", "1"));
    assert_record(store, "a", "1");
}

static pz_status begin_inside(void *payload, pz__store_txn *txn)
{
    pz__store_txn *second;
    (void)txn;
    return pz__store_begin(payload, &second, NULL);
}

static void a_function_may_not_begin_another_transaction(void **state)
{
    pz__store *store = store_of(state);
    assert_status(PZ_ERR_STATE, pz__store_transact(store, PZ__GROUPED, begin_inside, store, NULL));
    assert_ok(kit_set(store, "a", "1"));
}

typedef struct pair_watch {
    pz__store *store;
    atomic_bool stop;
    atomic_size_t reads, torn;
} pair_watch;

static pz_status add_value(void *payload, pz_str key, const void *bytes, size_t len)
{
    (void)key, (void)len;
    int *sum = payload;
    *sum += *(const char *)bytes - '0';
    return PZ_OK;
}

/* Two records that a transaction always changes together: their sum is nine in every snapshot. */
static void *watch_pair(void *payload)
{
    pair_watch *w = payload;
    while (!atomic_load(&w->stop)) {
        int sum = 0;
        if (pz__store_iterate(w->store, add_value, &sum, NULL) != PZ_OK || sum != 9)
            atomic_fetch_add(&w->torn, 1);
        atomic_fetch_add(&w->reads, 1);
    }
    return NULL;
}

/* Where there are no snapshots, the sum is nine in every transaction that could commit. */
static void *check_pair(void *payload)
{
    pair_watch *w = payload;
    char own[32];
    snprintf(own, sizeof own, "own%p", (void *)&own);
    while (!atomic_load(&w->stop)) {
        pz__store_txn *txn;
        pz__buf out;
        pz__buf_init(&out, NULL, 16);
        pz_status status = pz__store_begin(w->store, &txn, NULL);
        if (status != PZ_OK)
            continue;
        status = pz__store_txn_get(txn, PZ__STR("one"), &out, NULL);
        if (status == PZ_OK)
            status = pz__store_txn_get(txn, PZ__STR("two"), &out, NULL);
        if (status == PZ_OK)
            status = kit_txn_set(txn, own, "x");
        if (status == PZ_OK)
            status = pz__store_commit(txn, NULL);
        else
            pz__store_abort(txn);
        if (status == PZ_OK) {
            atomic_fetch_add(&w->torn, out.data[0] + out.data[1] != 2 * '0' + 9);
            atomic_fetch_add(&w->reads, 1);
        }
        pz__buf_clear(&out);
    }
    return NULL;
}

static void set_pair(pz__store *store, int a)
{
    pz__store_txn *txn;
    char one[2] = {(char)('0' + a), 0}, two[2] = {(char)('9' - a), 0};
    pz_status status;
    do { /* busy: others were faster */
        assert_ok(pz__store_begin(store, &txn, &kit_error));
        assert_ok(kit_txn_set(txn, "one", one));
        assert_ok(kit_txn_set(txn, "two", two));
        status = pz__store_commit(txn, &kit_error);
    } while (status == PZ_ERR_BUSY);
    assert_ok(status);
}

static void readers_see_whole_transactions_only(void **state)
{
    pair_watch w = {.store = store_of(state)};
    void *(*watch)(void *) = is_redis(*state) ? check_pair : watch_pair;
    pthread_t threads[3];
    set_pair(w.store, 0);
    for (int i = 0; i < 3; i++)
        pthread_create(&threads[i], NULL, watch, &w);
    for (int i = 0; i < 100 || atomic_load(&w.reads) < 100; i++)
        set_pair(w.store, i % 10);
    atomic_store(&w.stop, true);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(w.torn, 0);
}

static void *read_once(void *payload)
{
    char text[64];
    return kit_get(payload, "k", text, sizeof text) == PZ_OK ? NULL : payload;
}

static void readers_do_not_wait_for_an_open_transaction(void **state)
{
    pz__store_txn *txn;
    pthread_t thread;
    void *failed;
    assert_ok(kit_set(store_of(state), "k", "v"));
    assert_ok(pz__store_begin(store_of(state), &txn, &kit_error));
    assert_ok(kit_txn_set(txn, "k", "w"));
    pthread_create(&thread, NULL, read_once, store_of(state));
    pthread_join(thread, &failed); /* hangs if a reader waits */
    assert_null(failed);
    pz__store_abort(txn);
}

/* ---- failures ---- */

/* The same work each time; whatever fails, it is all there afterwards or not at all. */
static pz_status batch(pz__store *store)
{
    pz__store_txn *txn;
    script one = {PZ__WRITE,  "new",           PZ_OK,       .index = "id",
                  .key = "a", .stream = "log", .entry = "e"};
    script two = {PZ__REMOVE, NULL, PZ_OK};
    pz_status status = pz__store_begin(store, &txn, NULL);
    if (status != PZ_OK)
        return status;
    status = pz__store_txn_update(txn, PZ__STR("a"), follow, &one, NULL);
    if (status == PZ_OK)
        status = pz__store_txn_update(txn, PZ__STR("b"), follow, &two, NULL);
    /* Committing what has failed must be refused as well as aborting it. */
    pz_status committed = pz__store_commit(txn, NULL);
    return status != PZ_OK ? status : committed;
}

static bool is_batch_done(pz__store *store)
{
    char a[64], b[64], id[256], log[256];
    bool has_a = kit_get(store, "a", a, sizeof a) == PZ_OK;
    bool has_b = kit_get(store, "b", b, sizeof b) == PZ_OK;
    kit_lookup(store, "id", id);
    kit_stream(store, "log", 1, log);
    bool done = strcmp(a, "new") == 0 && !has_b && strcmp(id, "a") == 0 && strcmp(log, "1=e") == 0;
    bool untouched = strcmp(a, "old") == 0 && has_b && !*id && !*log;
    assert_true(has_a && (done || untouched));
    return done;
}

static void a_failure_anywhere_leaves_all_or_nothing(void **state)
{
    place *p = *state;
    if (!p->of->failing)
        skip();
    assert_ok(kit_set(p->store, "a", "old"));
    assert_ok(kit_set(p->store, "b", "old"));
    size_t failures = 0;
    for (size_t n = 1; n < 100; n++) {
        failing_arm(p->store, n, true, PZ_ERR_IO);
        pz_status status = batch(p->store);
        bool was_asked = failing_asked(p->store) >= n;
        failing_arm(p->store, 0, false, PZ_OK);
        assert_int_equal(status, was_asked ? PZ_ERR_IO : PZ_OK);
        assert_int_equal(is_batch_done(p->store), status == PZ_OK);
        failures += was_asked;
        if (!was_asked)
            break;
    }
    assert_true(failures >= 8);
}

static void busy_updates_are_run_again(void **state)
{
    place *p = *state;
    if (!p->of->failing)
        skip();
    assert_ok(kit_set(p->store, "k", "v")); /* the first write looks whether the store is sealed */
    for (size_t n = 1; n <= 4; n++) {       /* begin, peek, put, commit */
        failing_arm(p->store, n, true, PZ_ERR_BUSY);
        pz_status status = kit_increment(p->store, "counter");
        bool retried = n >= 2; /* a backend that cannot even begin says so to the caller */
        assert_int_equal(status, retried ? PZ_OK : PZ_ERR_BUSY);
    }
    failing_arm(p->store, 3, false, PZ_ERR_BUSY);
    assert_status(PZ_ERR_BUSY, kit_increment(p->store, "counter"));
    failing_arm(p->store, 0, false, PZ_OK);
    assert_int_equal(kit_number(p->store, "counter"), 3);
}

/* ---- memory ---- */

static pz_status use_everything(const pz_alloc *alloc, void *payload)
{
    place *p = payload;
    pz__store *store;
    pz__buf out;
    size_t count;
    uint64_t records = 0;
    pz__store_options options = {.alloc = *alloc, .durability = PZ__LAZY};
    pz_status status = open_place(p, &store, &options);
    if (status != PZ_OK)
        return status;
    pz__buf_init(&out, alloc, 1000);
    for (int i = 0; i < 8 && status == PZ_OK; i++) {
        char key[2] = {(char)('a' + (i * 5) % 8), 0};
        script s = {PZ__WRITE, "v", PZ_OK, .index = "id", .key = key};
        pz_status before = pz__store_get(store, pz_str_of(key), &out, NULL);
        pz__buf_reset(&out);
        status = run_script(store, key, &s);
        pz_status after = pz__store_get(store, pz_str_of(key), &out, NULL);
        if (status != PZ_OK && before == PZ_ERR_NOT_FOUND && after != PZ_ERR_NOMEM)
            assert_int_equal(after, PZ_ERR_NOT_FOUND);
    }
    if (status == PZ_OK)
        status = pz__store_lookup(store, PZ__STR("id"), &out, &count, NULL);
    for (char key[] = "d"; status == PZ_OK && key[0] < 'g'; key[0]++)
        status = kit_unset(store, key);
    if (status == PZ_OK) {
        status = pz__store_count(store, &records, NULL);
        assert_int_equal(records, status == PZ_OK ? 5 : 0);
    }
    for (char key[] = "a"; status == PZ_OK && key[0] < 'i'; key[0]++)
        status = kit_unset(store, key);
    pz__buf_clear(&out);
    pz__store_close(store);
    return status;
}

/* Index entries are queued in the transaction's own memory: the failure is the update's. */
static void exhaustion_leaves_nothing(void **state)
{
    oom_run(use_everything, *state);
}

static void a_warm_get_allocates_nothing(void **state)
{
    place *p = *state;
    oom o;
    pz__store *store;
    pz__buf out;
    if (p->of->sealed) /* what is opened needs a place */
        return;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    assert_ok(open_place(p, &store, &(pz__store_options){.alloc = alloc}));
    pz__buf_init(&out, &alloc, 1000);
    assert_ok(kit_set(store, "k", "value"));
    assert_ok(pz__store_get(store, PZ__STR("k"), &out, NULL));
    size_t before = o.request_count;
    for (int i = 0; i < 100; i++) {
        pz__buf_reset(&out);
        assert_ok(pz__store_get(store, PZ__STR("k"), &out, NULL));
    }
    assert_int_equal(o.request_count, before);
    pz__buf_clear(&out);
    pz__store_close(store);
    oom_finish(&o);
}

/* ---- the suite ---- */

#define CLAUSE(test)                                                                               \
    {                                                                                              \
#test, test, make_place, drop_place, NULL                                                  \
    }

static const struct CMUnitTest clauses[] = {
    CLAUSE(update_sees_nothing_then_the_current_bytes),
    CLAUSE(keep_write_and_remove_do_what_they_say),
    CLAUSE(a_record_of_no_bytes_is_a_record),
    CLAUSE(bytes_of_any_kind_come_back),
    CLAUSE(a_failing_function_writes_nothing),
    CLAUSE(index_and_stream_change_with_their_record),
    CLAUSE(an_update_may_only_index_and_append),
    CLAUSE(a_transaction_sees_its_own_writes_and_others_do_not),
    CLAUSE(abort_leaves_nothing),
    CLAUSE(a_failed_update_leaves_the_rest_of_its_transaction),
    CLAUSE(a_second_transaction_of_the_thread_is_refused),
    CLAUSE(index_is_idempotent_and_lookups_are_sorted),
    CLAUSE(finding_gives_the_record_of_the_first_key),
    CLAUSE(streams_are_numbered_from_one_each_its_own),
    CLAUSE(an_update_knows_the_numbers_of_its_entries),
    CLAUSE(a_reader_of_a_stream_may_stop),
    CLAUSE(an_entry_is_read_by_its_number),
    CLAUSE(a_dropped_entry_is_gone_and_its_number_not_given_again),
    CLAUSE(dropping_is_part_of_its_transaction),
    CLAUSE(iterate_goes_in_key_order_over_one_snapshot),
    CLAUSE(iterate_stops_where_it_is_told),
    CLAUSE(iterate_goes_on_where_it_stopped),
    CLAUSE(iterate_begins_behind_a_key),
    CLAUSE(index_and_streams_are_walked_in_order),
    CLAUSE(iterate_and_count_see_records_only),
    CLAUSE(keys_and_identifiers_have_limits),
    CLAUSE(records_and_entries_have_a_limit),
    CLAUSE(what_an_update_asks_for_has_a_limit),
    CLAUSE(an_answer_that_does_not_fit_is_told),
    CLAUSE(a_read_only_handle_reads_and_refuses_to_write),
    CLAUSE(two_handles_on_one_file_share_a_store),
    CLAUSE(the_writer_id_is_a_uuid_and_stays),
    CLAUSE(addresses_of_no_backend_are_refused),
    CLAUSE(threads_lose_no_update),
    CLAUSE(functions_of_threads_are_written_whole_or_undone_alone),
    CLAUSE(a_function_that_writes_nothing_is_as_good_as_any),
    CLAUSE(a_function_may_not_begin_another_transaction),
    CLAUSE(readers_see_whole_transactions_only),
    CLAUSE(readers_do_not_wait_for_an_open_transaction),
    CLAUSE(a_failure_anywhere_leaves_all_or_nothing),
    CLAUSE(busy_updates_are_run_again),
    CLAUSE(exhaustion_leaves_nothing),
    CLAUSE(a_warm_get_allocates_nothing),
};

#define CLAUSE_COUNT (sizeof clauses / sizeof clauses[0])

static int run_suite(const subject *of)
{
    struct CMUnitTest tests[CLAUSE_COUNT];
    union {
        const subject *from;
        void *to;
    } initial = {of};
    for (size_t i = 0; i < CLAUSE_COUNT; i++) {
        tests[i] = clauses[i];
        tests[i].initial_state = initial.to;
    }
    return _cmocka_run_group_tests(of->name, tests, CLAUSE_COUNT, NULL, NULL);
}

/* Servers are started once, and not at all where they cannot be. */
static bool is_served(const subject *of)
{
#ifdef PZ_WITH_REDIS
    const bool wants_cluster = strcmp(of->backend, "cluster:") == 0;
    if (!wants_cluster && strcmp(of->backend, "redis:") != 0)
        return true;
    if (!servers_are_there())
        return false;
    if (wants_cluster && !cluster.count)
        servers_start_cluster(&cluster, 60000); /* busy for long is not dead */
    if (!wants_cluster && !alone.count)
        servers_start_one(&alone);
#else
    (void)of;
#endif
    return true;
}

int main(int argc, char **argv)
{
    int failed = 0;
    for (size_t i = 0; i < sizeof subjects / sizeof subjects[0]; i++)
        if ((argc < 2 || strcmp(argv[1], subjects[i].name) == 0) && is_served(&subjects[i]))
            failed += run_suite(&subjects[i]);
#ifdef PZ_WITH_REDIS
    if (alone.count)
        servers_stop(&alone);
    if (cluster.count)
        servers_stop(&cluster);
#endif
    return failed != 0;
}
