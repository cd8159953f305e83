/*
 * test_store_sealed.c: looking after sealed stores: copies of them, into them and between keys,
 * backups that stay sealed, and files made smaller.
 *
 * A sealed store goes through its records in the order of pseudonyms, so what is whole is seen by
 * asking for each record, not by comparing walks.
 */
#include "looking.h"

#include <personalize/people.h>
#include <personalize/record.h>

#include "store/sealed.h"
#include "store/toy.h"

#define PEOPLE 600u

typedef struct vaults {
    home h; /* a sealed household */
    toy keys, others;
    pz_store_hooks own_hooks, other_hooks;
} vaults;

static vaults v;

static void open_sealed_home(void)
{
    char address[300];
    address_of(&v.h, "store", address);
    v.h.now_ms = NOW;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS,     .flags = PZ_ENGINE_LAZY,
                                       .store = address,      .clock = home_clock,
                                       .clock_payload = &v.h, .hooks = &v.own_hooks};
    assert_ok(pz_engine_open(&v.h.engine, &options, &kit_error));
    assert_ok(pz_engine_load_text(v.h.engine, "home.json", home_json, sizeof home_json - 1, NULL,
                                  &kit_error));
    assert_ok(pz_context_new(&v.h.context, v.h.engine, &kit_error));
    assert_ok(pz_pool_new(&v.h.pool, NULL));
}

static int make_vaults(void **state)
{
    kit_make_directory(v.h.directory);
    toy_init(&v.keys, 5);
    toy_init(&v.others, 6);
    v.own_hooks = toy_hooks(&v.keys);
    v.other_hooks = toy_hooks(&v.others);
    open_sealed_home();
    *state = &v;
    return 0;
}

static int drop_vaults(void **state)
{
    (void)state;
    home_close(&v.h);
    kit_remove_directory(v.h.directory);
    return 0;
}

static pz_store *open_with(const char *name, const pz_store_hooks *hooks)
{
    char address[300];
    pz_store *store;
    const pz_store_options options = {PZ_STORE_OPTIONS, .hooks = hooks};
    address_of(&v.h, name, address);
    assert_ok(pz_store_open(&store, address, &options, &kit_error));
    return store;
}

typedef struct checking {
    pz__store *other;
    uint64_t count;
} checking;

static pz_status is_in_other(void *payload, pz_str key, const void *bytes, size_t len)
{
    checking *c = payload;
    pz__buf found;
    pz__buf_init(&found, NULL, 1u << 20);
    assert_ok(pz__store_get(c->other, key, &found, &kit_error));
    assert_int_equal(found.len, len);
    assert_memory_equal(found.data, bytes, len);
    pz__buf_clear(&found);
    c->count++;
    return PZ_OK;
}

static void assert_same_profiles(pz_store *a, pz_store *b)
{
    checking c = {.other = b->store};
    assert_ok(pz__store_iterate(a->store, is_in_other, &c, &kit_error));
    assert_int_equal(c.count, info_of(b).profiles);
    assert_sound(b);
}

/* What the files of a store under the directory hold. */
static bool file_has(const char *name, const char *text)
{
    char path[400];
    snprintf(path, sizeof path, "%s/%s/data.mdb", v.h.directory, name);
    FILE *file = fopen(path, "rb");
    assert_non_null(file);
    const size_t most = 32u << 20;
    char *bytes = malloc(most);
    assert_non_null(bytes);
    const size_t len = fread(bytes, 1, most, file);
    fclose(file);
    const bool has = memmem(bytes, len, text, strlen(text)) != NULL;
    free(bytes);
    return has;
}

static void copies_go_out_into_and_between_keys(void **state)
{
    (void)state;
    fill(&v.h, PEOPLE);
    pz_store *sealed = pz_engine_store(v.h.engine);
    assert_sound(sealed);
    pz_store *plain = open_with("plain", NULL), *other = open_with("other", &v.other_hooks);
    assert_int_equal(copied(sealed, plain).added, PEOPLE);
    assert_same_profiles(sealed, plain);
    assert_int_equal(copied(sealed, other).added, PEOPLE);
    assert_same_profiles(sealed, other);
    assert_int_equal(copied(plain, other).unchanged, PEOPLE);
    assert_int_equal(copied(other, sealed).unchanged, PEOPLE);
    assert_true(file_has("plain", "customer-0001"));
    assert_false(file_has("other", "customer-0001"));
    pz_store_close(other);
    pz_store_close(plain);
}

static void interrupted_copies_leave_nobody_out(void **state)
{
    const pz_store_hooks *hooks[] = {NULL, &v.other_hooks};
    (void)state;
    fill(&v.h, PEOPLE);
    for (unsigned i = 0; i < 2; i++) {
        pz_store *sealed = pz_engine_store(v.h.engine);
        pz_store *to = open_with(i ? "other" : "plain", hooks[i]);
        uint64_t most = 256;
        const pz_store_watch watch = {PZ_STORE_WATCH, .progress = stop_after, .payload = &most};
        assert_status(PZ_ERR_STATE, pz_store_copy(sealed, to, &watch, NULL, &kit_error));
        assert_in_range(info_of(to).profiles, 256, PEOPLE - 1);
        pz_store_close(to);
        to = open_with(i ? "other" : "plain", hooks[i]);
        copied(sealed, to);
        assert_same_profiles(sealed, to);
        pz_store_close(to);
    }
}

static void sealed_store_is_made_smaller_and_loses_nobody(void **state)
{
    char long_text[3001];
    uint32_t erased;
    (void)state;
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    fill(&v.h, PEOPLE);
    for (unsigned i = 0; i < 600; i++) {
        char name[40];
        snprintf(name, sizeof name, "customer-%04u", i % 300);
        pz_profile *one = customer(&v.h, "email", name);
        if (i < 300)
            assert_ok(pz_declare(one, "size", pz_value_str(long_text), NULL, &kit_error));
        else
            assert_ok(pz_erase(v.h.engine, id_of(one), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
        pz_profile_free(one);
    }
    home_close(&v.h);
    pz_store *store = open_with("store", &v.own_hooks);
    pz_store_outcome outcome = {.size = sizeof outcome};
    assert_ok(pz_store_compact(store, NULL, &outcome, &kit_error));
    assert_int_equal(outcome.profiles, PEOPLE - 300);
    assert_true(outcome.bytes_after < outcome.bytes_before);
    assert_int_equal(info_of(store).profiles, PEOPLE - 300);
    assert_sound(store);
    pz_store_close(store);
    open_sealed_home();
    pz_profile *one = customer(&v.h, "email", "customer-0301");
    assert_string_equal(answer(&v.h, one, "language"), "de");
    pz_profile_free(one);
}

static pz_status back_up(pz_store *store, const char *name, const pz_store_hooks *hooks)
{
    char address[300];
    const pz_store_options options = {PZ_STORE_OPTIONS, .hooks = hooks};
    address_of(&v.h, name, address);
    return pz_store_backup(store, address, hooks ? &options : NULL, NULL, NULL, &kit_error);
}

static void backup_of_a_sealed_store_is_sealed(void **state)
{
    (void)state;
    fill(&v.h, 20);
    pz_store *sealed = pz_engine_store(v.h.engine);
    /* As it is; with hooks of its own; with others. */
    assert_ok(back_up(sealed, "a", NULL));
    assert_ok(back_up(sealed, "b", &v.own_hooks));
    assert_ok(back_up(sealed, "c", &v.other_hooks));
    for (unsigned i = 0; i < 3; i++) {
        const char name[2] = {(char)('a' + i), '\0'};
        pz_store *backup = open_with(name, i < 2 ? &v.own_hooks : &v.other_hooks);
        assert_same_profiles(sealed, backup);
        pz_store_close(backup);
        assert_false(file_has(name, "customer-0001"));
    }
}

static void backup_of_a_plain_store_is_sealed_where_hooks_are_given(void **state)
{
    (void)state;
    fill(&v.h, 20);
    pz_store *plain = open_with("plain", NULL);
    copied(pz_engine_store(v.h.engine), plain);
    assert_ok(back_up(plain, "sealed", &v.other_hooks));
    pz_store *backup = open_with("sealed", &v.other_hooks);
    assert_same_profiles(plain, backup);
    pz_store_close(backup);
    pz_store_close(plain);
    assert_false(file_has("sealed", "customer-0001"));
}

static void a_place_that_a_failed_backup_left_is_named(void **state)
{
    char address[300];
    const pz_store_options options = {PZ_STORE_OPTIONS, .hooks = &v.other_hooks};
    (void)state;
    fill(&v.h, 2);
    pz_store *sealed = pz_engine_store(v.h.engine);
    address_of(&v.h, "backup", address);
    toy_arm(&v.others, 1, PZ_ERR_IO);
    assert_status(PZ_ERR_IO, pz_store_backup(sealed, address, &options, NULL, NULL, &kit_error));
    toy_arm(&v.others, 0, PZ_OK);
    assert_status(PZ_ERR_STATE, pz_store_backup(sealed, address, &options, NULL, NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "remove it"));
}

static void whom_a_sealed_store_erased_is_remembered_by_its_copies(void **state)
{
    uint32_t erased;
    (void)state;
    fill(&v.h, 20);
    pz_store *sealed = pz_engine_store(v.h.engine), *old = open_with("old", NULL);
    copied(sealed, old);
    pz_profile *one = customer(&v.h, "email", "customer-0003");
    assert_ok(pz_erase(v.h.engine, id_of(one), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    pz_profile_free(one);
    pz_store *next = open_with("next", &v.other_hooks);
    assert_int_equal(copied(sealed, next).added, 19);
    const pz_store_outcome outcome = copied(old, next);
    assert_int_equal(outcome.erased, 1);
    assert_int_equal(info_of(next).profiles, 19);
    pz_store_close(next);
    pz_store_close(old);
}

/* A record as a log may have it, of somebody with an id. */
static void keep_record(const char *id, unsigned n)
{
    char json[400];
    snprintf(json, sizeof json,
             "{\"id\": \"%032x\", \"catalog\": \"%032x\", \"decision\": \"greeting\", "
             "\"at\": \"2026-03-01T00:00:00Z\", \"subject\": \"%s\"}",
             n, 7u, id);
    const pz_value record = parsed(&v.h, json);
    uint64_t number;
    assert_ok(pz_record_many(v.h.engine, &record, 1, NULL, &number, &kit_error));
    assert_true(number > 0);
}

static void records_of_decisions_go_along_once(void **state)
{
    uint32_t erased;
    (void)state;
    fill(&v.h, 3);
    pz_store *sealed = pz_engine_store(v.h.engine), *plain = open_with("plain", NULL);
    pz_store *other = open_with("other", &v.other_hooks), *late = open_with("late", NULL);
    pz_profile *one = customer(&v.h, "email", "customer-0001");
    for (unsigned i = 0; i < 300; i++)
        keep_record(i % 3 ? "somebody-else" : id_of(one), i);
    assert_int_equal(copied(sealed, plain).entries, 300);
    assert_int_equal(info_of(plain).entries, 300);
    assert_int_equal(copied(sealed, other).entries, 300);
    assert_int_equal(copied(sealed, other).entries, 0);
    /* By another way they are known again. */
    assert_int_equal(copied(plain, other).entries, 0);
    assert_sound(plain);
    assert_sound(other);
    assert_ok(pz_erase(v.h.engine, id_of(one), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    pz_profile_free(one);
    copied(sealed, late);
    assert_int_equal(info_of(late).entries, 200);
    const pz_store_outcome again = copied(plain, late);
    assert_int_equal(again.entries, 0);
    assert_int_equal(again.erased, 1);
    assert_int_equal(info_of(late).entries, 200);
    pz_store_close(late);
    pz_store_close(other);
    pz_store_close(plain);
}

/* Spoil what stands behind a name of the inner store. */
typedef struct spoiling {
    char key[PZ__STORE_KEY_MAX];
    pz__buf bytes;
    size_t key_len;
    unsigned nth, seen;
} spoiling;

static pz_status find_nth(void *payload, pz_str key, const void *bytes, size_t len)
{
    spoiling *s = payload;
    if (s->seen++ != s->nth)
        return PZ_OK;
    s->key_len = key.len;
    memcpy(s->key, key.data, key.len);
    pz__buf_put(&s->bytes, bytes, len);
    return PZ_OK;
}

static void spoil_profile(unsigned nth)
{
    spoiling s = {.nth = nth};
    pz__store_txn *txn;
    pz__store *inner = ((pz__sealed *)pz_engine_store(v.h.engine)->store)->inner;
    pz__buf_init(&s.bytes, NULL, 1u << 20);
    assert_ok(inner->backend->iterate(inner, find_nth, &s, &kit_error));
    assert_true(s.bytes.len > 0);
    s.bytes.data[s.bytes.len / 2] ^= 1;
    assert_ok(inner->backend->begin(inner, PZ__LAZY, &txn, &kit_error));
    assert_ok(inner->backend->put(txn, (pz_str){s.key, s.key_len}, s.bytes.data, s.bytes.len,
                                  &kit_error));
    assert_ok(inner->backend->commit(txn, &kit_error));
    pz__buf_clear(&s.bytes);
}

static void a_profile_that_cannot_be_opened_hides_no_other(void **state)
{
    faults found = {.count = 0};
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = note_fault, .payload = &found};
    pz_store_outcome outcome = {.size = sizeof outcome};
    (void)state;
    fill(&v.h, PEOPLE);
    pz_store *sealed = pz_engine_store(v.h.engine), *plain = open_with("plain", NULL);
    spoil_profile(0);
    spoil_profile(PEOPLE / 2);
    spoil_profile(PEOPLE - 1);
    assert_status(PZ_ERR_CORRUPT, pz_store_verify(sealed, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.profiles, PEOPLE);
    assert_int_equal(found.by_kind[PZ_FAULT_DAMAGED], 3);
    assert_int_equal(found.count, 3);
    assert_non_null(strstr(found.message, "key"));
    assert_status(PZ_ERR_CORRUPT, pz_store_copy(sealed, plain, NULL, NULL, &kit_error));
    assert_ok(pz_store_copy(sealed, plain, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.left_out, 3);
    assert_int_equal(info_of(plain).profiles, PEOPLE - 3);
    pz_store_close(plain);
}

static void a_key_that_is_missing_stops_no_record_and_removes_none(void **state)
{
    uint64_t removed;
    faults found = {.count = 0};
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = note_fault, .payload = &found};
    (void)state;
    v.keys.key = v.keys.known = 2;
    for (unsigned i = 0; i < 10; i++)
        keep_record("of a later key", i);
    v.keys.key = v.keys.known = 1; /* opens no record of the second key */
    for (unsigned i = 10; i < 80; i++)
        keep_record("of the first key", i);
    assert_status(PZ_ERR_CORRUPT,
                  pz_store_verify(pz_engine_store(v.h.engine), &watch, NULL, &kit_error));
    assert_int_equal(found.by_kind[PZ_FAULT_STREAM], 10);
    assert_ok(pz_records_expire(v.h.engine, NOW + 1000, &removed, &kit_error));
    assert_int_equal(removed, 70);
    v.keys.known = 2;
    assert_ok(pz_records_expire(v.h.engine, NOW + 1000, &removed, &kit_error));
    assert_int_equal(removed, 10);
}

static pz_status name_nobody(void *payload, const pz_store_fault *fault)
{
    ++*(unsigned *)payload;
    assert_null(strstr(fault->message, "0000"));
    return PZ_OK;
}

static void messages_about_a_sealed_store_name_nobody(void **state)
{
    unsigned count = 0;
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = name_nobody, .payload = &count};
    (void)state;
    pz_store *sealed = pz_engine_store(v.h.engine), *plain = open_with("plain", NULL);
    put_raw(sealed, "person-0000", PZ__STR("no profile at all"));
    assert_status(PZ_ERR_CORRUPT, pz_store_verify(sealed, &watch, NULL, &kit_error));
    assert_int_equal(count, 1);
    assert_ok(pz_store_copy(sealed, plain, &watch, NULL, &kit_error));
    assert_int_equal(count, 2);
    assert_status(PZ_ERR_CORRUPT, pz_store_copy(sealed, plain, NULL, NULL, &kit_error));
    assert_null(strstr(kit_error.message, "0000"));
    pz_store_close(plain);
}

static void options_that_cannot_be_meant_are_refused(void **state)
{
    char address[300];
    const pz_store_options reading = {PZ_STORE_OPTIONS, .flags = PZ_STORE_READ_ONLY};
    pz_store_options options = {PZ_STORE_OPTIONS};
    (void)state;
    fill(&v.h, 2);
    address_of(&v.h, "backup", address);
    pz_store *store = pz_engine_store(v.h.engine);
    assert_status(PZ_ERR_ARG, pz_store_backup(store, address, &reading, NULL, NULL, &kit_error));
    options.flags = 64;
    assert_status(PZ_ERR_ARG, pz_store_backup(store, address, &options, NULL, NULL, &kit_error));
    /* Those of a version that had fewer are good. */
    options = (pz_store_options){.size = 2 * sizeof(uint32_t)};
    assert_ok(pz_store_backup(store, address, &options, NULL, NULL, &kit_error));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, make_vaults, drop_vaults)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(copies_go_out_into_and_between_keys),
        TEST(interrupted_copies_leave_nobody_out),
        TEST(sealed_store_is_made_smaller_and_loses_nobody),
        TEST(backup_of_a_sealed_store_is_sealed),
        TEST(backup_of_a_plain_store_is_sealed_where_hooks_are_given),
        TEST(a_place_that_a_failed_backup_left_is_named),
        TEST(whom_a_sealed_store_erased_is_remembered_by_its_copies),
        TEST(records_of_decisions_go_along_once),
        TEST(a_profile_that_cannot_be_opened_hides_no_other),
        TEST(a_key_that_is_missing_stops_no_record_and_removes_none),
        TEST(messages_about_a_sealed_store_name_nobody),
        TEST(options_that_cannot_be_meant_are_refused),
    };
    return cmocka_run_group_tests_name("store_sealed", tests, NULL, NULL);
}
