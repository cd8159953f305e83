/*
 * test_store.c: looking after stores: what is in them, faults found, copies.
 */
#include "looking.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <personalize/record.h>

/* ---- what is in it ---- */

static void info_counts_what_is_there(void **state)
{
    home *h = *state;
    fill(h, 10);
    pz_store *store = pz_engine_store(h->engine);
    const pz_store_info info = info_of(store);
    assert_int_equal(info.profiles, 10);
    assert_int_equal(info.identifiers, 20);
    assert_int_equal(info.links, 9);
    assert_int_equal(info.remembered, 0);
    assert_int_equal(info.streams, 0);
    assert_int_equal(info.format, 1);
    assert_int_equal(strlen(info.writer), 36);
    assert_true(info.bytes > 10 * 100 && info.longest < info.bytes);
    if (h->directory[0]) {
        assert_string_equal(info.backend, "lmdb");
        assert_true(info.used_bytes <= info.file_bytes && info.file_bytes <= info.map_bytes);
        assert_true(info.readers >= 1 && info.readers <= info.readers_max);
    } else {
        assert_string_equal(info.backend, "memory");
        assert_int_equal(info.file_bytes, 0);
    }
}

static void info_of_an_older_caller_fills_what_it_knows(void **state)
{
    home *h = *state;
    pz_store_info info = {.size = offsetof(pz_store_info, profiles), .profiles = 77};
    fill(h, 1);
    assert_ok(pz_store_info_read(pz_engine_store(h->engine), &info, &kit_error));
    assert_int_equal(info.profiles, 77);
    assert_int_equal(info.format, 1);
    info.size = 0;
    assert_status(PZ_ERR_ARG, pz_store_info_read(pz_engine_store(h->engine), &info, &kit_error));
}

static void options_of_a_later_version_are_refused(void **state)
{
    home *h = *state;
    char address[300];
    pz_store *store;
    address_of(h, "x", address);
    const pz_store_options unknown = {PZ_STORE_OPTIONS, .flags = 0x80};
    assert_status(PZ_ERR_ARG, pz_store_open(&store, address, &unknown, &kit_error));
    assert_null(store);
    const pz_store_watch watch = {PZ_STORE_WATCH, .flags = 0x80};
    assert_status(PZ_ERR_ARG,
                  pz_store_verify(pz_engine_store(h->engine), &watch, NULL, &kit_error));
    const pz_store_options reading = {PZ_STORE_OPTIONS, .flags = PZ_STORE_READ_ONLY};
    assert_status(PZ_ERR_NOT_FOUND, pz_store_open(&store, address, &reading, &kit_error));
}

/* ---- faults ---- */

static void index_raw(pz_store *store, pz_str identifier, const char *key, bool present)
{
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store->store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, identifier, pz_str_of(key), present, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
}

static void what_a_company_does_leaves_no_fault(void **state)
{
    home *h = *state;
    pz_store *store = pz_engine_store(h->engine);
    uint32_t erased;
    fill(h, 600);
    pz_profile *one = customer(h, "email", "customer-0003");
    assert_ok(pz_erase(h->engine, id_of(one), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    pz_profile_free(one);
    assert_sound(store);
    assert_int_equal(info_of(store).profiles, 599);
    assert_int_equal(info_of(store).remembered, 3);
}

static void each_flipped_byte_of_a_record_is_found(void **state)
{
    home *h = *state;
    pz_store *store = pz_engine_store(h->engine);
    pz__buf bytes;
    fill(h, 3);
    pz_profile *one = customer(h, "email", "customer-0001");
    const char *id = id_of(one);
    read_raw(store, id, &bytes);
    for (size_t i = 0; i < bytes.len; i++) {
        bytes.data[i] ^= 0x10;
        put_raw(store, id, (pz_str){bytes.data, bytes.len});
        bytes.data[i] ^= 0x10;
        const faults found = verified(store);
        assert_int_equal(found.count, 1);
        assert_int_equal(found.by_kind[PZ_FAULT_DAMAGED] + found.by_kind[PZ_FAULT_VERSION], 1);
        assert_string_equal(found.key, id);
    }
    put_raw(store, id, (pz_str){bytes.data, bytes.len / 2});
    assert_int_equal(verified(store).by_kind[PZ_FAULT_DAMAGED], 1);
    put_raw(store, id, (pz_str){bytes.data, bytes.len});
    assert_sound(store);
    pz__buf_clear(&bytes);
    pz_profile_free(one);
}

static void profile_under_another_key_is_found(void **state)
{
    home *h = *state;
    pz_store *store = pz_engine_store(h->engine);
    pz__buf bytes;
    fill(h, 2);
    pz_profile *one = customer(h, "email", "customer-0000");
    read_raw(store, id_of(one), &bytes);
    put_raw(store, "elsewhere", (pz_str){bytes.data, bytes.len});
    const faults found = verified(store);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.by_kind[PZ_FAULT_MISPLACED], 1);
    assert_string_equal(found.key, "elsewhere");
    pz__buf_clear(&bytes);
    pz_profile_free(one);
}

static pz_status pass_profile(void *payload, const pz_profile *profile)
{
    (void)payload, (void)profile;
    return PZ_OK;
}

/* Whose bytes stand under another's key is neither shown for the other, written to, nor erased. */
static void nobody_is_taken_for_another(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann"), *bob = customer(h, "email", "bob"), *found;
    pz_store *store = pz_engine_store(h->engine);
    pz_observed result = {.size = sizeof result};
    char ann_id[80], bob_id[80];
    pz__buf bytes;
    memcpy(ann_id, id_of(ann), sizeof ann_id);
    memcpy(bob_id, id_of(bob), sizeof bob_id);
    read_raw(store, bob_id, &bytes);
    put_raw(store, ann_id, (pz_str){bytes.data, bytes.len});
    assert_status(PZ_ERR_CORRUPT, pz_customer(&found, h->engine, "email", "ann", &kit_error));
    assert_non_null(strstr(kit_error.message, ann_id));
    assert_non_null(strstr(kit_error.message, "restore"));
    assert_status(PZ_ERR_CORRUPT, pz_profile_open(&found, h->engine, ann_id, &kit_error));
    assert_status(PZ_ERR_CORRUPT, pz_profile_refresh(ann, &kit_error));
    assert_status(PZ_ERR_CORRUPT, pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    assert_status(PZ_ERR_CORRUPT, pz_erase(h->engine, ann_id, NULL, 0, NULL, &kit_error));
    assert_status(PZ_ERR_CORRUPT, pz_each_profile(h->engine, pass_profile, NULL, &kit_error));
    const pz_value event = parsed(h, "{\"kind\": \"view\", \"source\": \"s\", \"id\": \"1\", "
                                     "\"time\": \"2026-03-01T00:00:00Z\", "
                                     "\"customer\": {\"email\": \"ann\"}}");
    assert_ok(pz_observe_many(h->engine, &event, 1, 0, 0, &result, &kit_error));
    assert_int_equal(result.status, PZ_ERR_CORRUPT);
    assert_ok(pz_profile_refresh(bob, &kit_error));
    assert_string_equal(id_of(bob), bob_id);
    pz__buf_clear(&bytes);
    pz_profile_free(ann);
    pz_profile_free(bob);
}

static void missing_dangling_and_stray_entries_are_found(void **state)
{
    home *h = *state;
    pz_store *store = pz_engine_store(h->engine);
    const pz_str email = PZ__STR("email\x1f"
                                 "customer-0000");
    fill(h, 2);
    pz_profile *one = customer(h, "email", "customer-0000");
    pz_profile *two = customer(h, "email", "customer-0001");
    index_raw(store, email, id_of(one), false);
    faults found = verified(store);
    assert_int_equal(found.count, 1);
    assert_int_equal(found.by_kind[PZ_FAULT_UNFINDABLE], 1);
    assert_string_equal(found.key, id_of(one));
    assert_non_null(strstr(found.message, "email:customer-0000"));
    index_raw(store, email, id_of(one), true);

    index_raw(store, email, id_of(two), true);
    found = verified(store);
    assert_int_equal(found.by_kind[PZ_FAULT_STRAY], 1);
    assert_string_equal(found.key, id_of(two));
    index_raw(store, email, id_of(two), false);

    index_raw(store, email, "nobody", true);
    found = verified(store);
    assert_int_equal(found.by_kind[PZ_FAULT_DANGLING], 1);
    assert_string_equal(found.key, "nobody");
    index_raw(store, email, "nobody", false);

    char link[100];
    snprintf(link, sizeof link, "\x1flink\x1f%s", id_of(one));
    index_raw(store, pz_str_of(link), id_of(two), false);
    found = verified(store);
    assert_int_equal(found.by_kind[PZ_FAULT_UNFINDABLE], 1);
    index_raw(store, pz_str_of(link), id_of(two), true);
    snprintf(link, sizeof link, "\x1flink\x1f%s", id_of(two));
    index_raw(store, pz_str_of(link), id_of(one), true);
    found = verified(store);
    assert_int_equal(found.by_kind[PZ_FAULT_MARK], 1);
    assert_int_equal(found.by_kind[PZ_FAULT_STRAY], 1);
    index_raw(store, pz_str_of(link), id_of(one), false);
    index_raw(store,
              PZ__STR("\x1f"
                      "erasure-days"),
              "not a day", true);
    found = verified(store);
    assert_int_equal(found.by_kind[PZ_FAULT_ENTRY], 1);
    assert_int_equal(found.count, 1);
    pz_profile_free(one);
    pz_profile_free(two);
}

static void append(pz_store *store, const char *stream, const char *text)
{
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store->store, &txn, &kit_error));
    assert_ok(pz__store_txn_append(txn, pz_str_of(stream), text, strlen(text), NULL, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
}

static pz_status stop_at_once(void *payload, const pz_store_fault *fault)
{
    (void)payload, (void)fault;
    return PZ_ERR_LIMIT;
}

static void a_fault_ends_the_call_when_its_function_says_so(void **state)
{
    home *h = *state;
    pz_store *store = pz_engine_store(h->engine);
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = stop_at_once};
    pz_store_outcome outcome = {.size = sizeof outcome};
    index_raw(store,
              PZ__STR("email\x1f"
                      "a"),
              "nobody", true);
    index_raw(store,
              PZ__STR("email\x1f"
                      "b"),
              "nobody", true);
    assert_status(PZ_ERR_LIMIT, pz_store_verify(store, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.faults, 1);
}

/* ---- copies ---- */

static void copy_is_the_same_and_under_another_writer(void **state)
{
    home *h = *state;
    pz_store *from = pz_engine_store(h->engine), *to = open_at(h, "copy");
    fill(h, 700);
    append(from, "log", "one");
    append(from, "log", "two");
    pz_store_outcome outcome = copied(from, to);
    assert_int_equal(outcome.profiles, 700);
    assert_int_equal(outcome.added, 700);
    assert_int_equal(outcome.entries, 2);
    assert_same_records(from, to);
    assert_sound(to);
    const pz_store_info a = info_of(from), b = info_of(to);
    assert_int_equal(a.identifiers, b.identifiers);
    assert_int_equal(a.links, b.links);
    assert_int_equal(b.entries, 2);
    assert_string_not_equal(a.writer, b.writer);
    outcome = copied(from, to);
    assert_int_equal(outcome.unchanged, 700);
    assert_int_equal(outcome.entries, 0);
    assert_false(outcome.is_resumed);
    append(from, "log", "three");
    assert_int_equal(copied(from, to).entries, 1);
    pz_store_close(to);
}

static void through_memory_and_back_it_is_the_same(void **state)
{
    home *h = *state;
    pz_store *from = pz_engine_store(h->engine), *to = open_at(h, "copy");
    home other = {.directory = ""};
    fill(h, 300);
    home_open(&other, "memory:");
    copied(from, pz_engine_store(other.engine));
    pz_profile *found;
    assert_ok(pz_customer(&found, other.engine, "card", "customer-0005", &kit_error));
    assert_string_equal(answer(&other, found, "language"), "de");
    pz_profile_free(found);
    copied(pz_engine_store(other.engine), to);
    assert_same_records(from, to);
    home_close(&other);
    pz_store_close(to);
}

static void copying_loses_nothing_that_the_target_knows(void **state)
{
    home *h = *state;
    char address[300];
    home other = {.directory = ""};
    fill(h, 5);
    address_of(h, "other", address);
    home_open(&other, address);
    pz_store *here = pz_engine_store(h->engine), *there = pz_engine_store(other.engine);
    copied(here, there);
    pz_profile *a = customer(h, "email", "customer-0002");
    pz_profile *b = customer(&other, "email", "customer-0002");
    h->now_ms = other.now_ms = NOW + DAY;
    assert_ok(pz_choose(a, "language", pz_value_str("de"), NULL, &kit_error));
    assert_ok(pz_choose(b, "size", pz_value_str("L"), NULL, &kit_error));
    assert_int_equal(copied(here, there).joined, 1);
    assert_int_equal(copied(there, here).joined, 1);
    assert_same_records(here, there);
    assert_ok(pz_profile_refresh(a, &kit_error));
    assert_ok(pz_profile_refresh(b, &kit_error));
    assert_string_equal(answer(h, a, "size"), answer(&other, b, "size"));
    assert_string_equal(answer(&other, b, "language"), "de");
    pz_profile_free(a);
    pz_profile_free(b);
    home_close(&other);
}

/* Decisions about customer `number`, noted in the store. */
static void note_decision(home *h, unsigned number)
{
    char name[40];
    const pz_decision *made;
    snprintf(name, sizeof name, "customer-%04u", number);
    pz_profile *one = customer(h, "email", name);
    assert_ok(pz_context_begin(h->context, 0, &kit_error));
    assert_ok(pz_decide(&made, h->context, one, "greet", &kit_error));
    assert_ok(pz_record(NULL, h->context, made, NULL, &kit_error));
    pz_profile_free(one);
}

static void decision_records_are_copied_once_and_erasing_finds_them(void **state)
{
    home *h = *state;
    home other = {.directory = ""};
    char address[300];
    uint32_t erased;
    fill(h, 3);
    address_of(h, "other", address);
    home_open(&other, address);
    pz_store *here = pz_engine_store(h->engine), *there = pz_engine_store(other.engine);
    copied(here, there);
    note_decision(&other, 2); /* the same decision, under another number */
    for (unsigned i = 0; i < 3; i++)
        note_decision(h, i);
    assert_int_equal(copied(here, there).entries, 2);
    assert_int_equal(copied(there, here).entries, 0);
    assert_int_equal(copied(here, there).entries, 0);
    assert_int_equal(info_of(here).entries, 3);
    assert_int_equal(info_of(there).entries, 3);
    assert_sound(here);
    assert_sound(there);
    other.now_ms = NOW + DAY;
    pz_profile *gone = customer(&other, "email", "customer-0001");
    assert_ok(pz_erase(other.engine, id_of(gone), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    pz_profile_free(gone);
    assert_int_equal(info_of(there).entries, 2);
    const pz_store_watch afresh = {PZ_STORE_WATCH, .flags = PZ_STORE_AFRESH};
    assert_ok(pz_store_copy(here, there, &afresh, NULL, &kit_error));
    assert_int_equal(info_of(there).entries, 2);
    /* Records of somebody whom the target erased stay out of a store that hears of both. */
    pz_store *third = open_at(h, "third");
    copied(there, third);
    assert_int_equal(copied(here, third).entries, 0);
    assert_int_equal(info_of(third).entries, 2);
    assert_sound(third);
    pz_store_close(third);
    home_close(&other);
}

static void damaged_or_unfindable_decision_record_is_found(void **state)
{
    home *h = *state;
    pz_store *store = pz_engine_store(h->engine);
    char name[100];
    fill(h, 1);
    note_decision(h, 0);
    pz_profile *one = customer(h, "email", "customer-0000");
    snprintf(name, sizeof name, "\x1frecords\x1fs%s", id_of(one));
    pz__store_txn *txn;
    const char number[8] = {0, 0, 0, 0, 0, 0, 0, 1};
    assert_ok(pz__store_begin(store->store, &txn, &kit_error));
    assert_ok(pz__store_txn_index(txn, pz_str_of(name), (pz_str){number, 8}, false, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    assert_int_equal(verified(store).by_kind[PZ_FAULT_STREAM], 1);
    append(store, "\x1frecords", "no record");
    assert_int_equal(verified(store).by_kind[PZ_FAULT_STREAM], 2);
    pz_profile_free(one);
}

static void interrupted_copy_goes_on_where_it_was(void **state)
{
    home *h = *state;
    pz_store *from = pz_engine_store(h->engine), *to = open_at(h, "copy");
    uint64_t most = 256;
    const pz_store_watch watch = {PZ_STORE_WATCH, .progress = stop_after, .payload = &most};
    pz_store_outcome outcome = {.size = sizeof outcome};
    fill(h, 700);
    assert_status(PZ_ERR_STATE, pz_store_copy(from, to, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.added, 256);
    assert_int_equal(info_of(to).profiles, 256);
    assert_sound(to);
    outcome = copied(from, to);
    assert_true(outcome.is_resumed);
    assert_int_equal(outcome.profiles, 700 - 256);
    assert_same_records(from, to);
    assert_int_equal(copied(from, to).unchanged, 700);
    pz_store_close(to);
}

static void copy_begun_afresh_looks_at_all(void **state)
{
    home *h = *state;
    pz_store *from = pz_engine_store(h->engine), *to = open_at(h, "copy");
    uint64_t most = 256;
    pz_store_watch watch = {PZ_STORE_WATCH, .progress = stop_after, .payload = &most};
    pz_store_outcome outcome = {.size = sizeof outcome};
    fill(h, 300);
    assert_status(PZ_ERR_STATE, pz_store_copy(from, to, &watch, &outcome, &kit_error));
    watch = (pz_store_watch){PZ_STORE_WATCH, .flags = PZ_STORE_AFRESH};
    assert_ok(pz_store_copy(from, to, &watch, &outcome, &kit_error));
    assert_false(outcome.is_resumed);
    assert_int_equal(outcome.profiles, 300);
    assert_int_equal(outcome.unchanged, 256);
    pz_store_close(to);
}

static void kill_in_the_middle_of_a_copy_costs_nothing(void **state)
{
    home *h = *state;
    char source[300], target[300];
    fill(h, 1500);
    address_of(h, "store", source);
    address_of(h, "copy", target);
    for (unsigned round = 0; round < 4; round++) {
        int ends[2];
        char octet;
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        assert_true(child >= 0);
        if (child == 0) {
            pz_store *from, *to;
            close(ends[0]);
            if (pz_store_open(&from, source, NULL, NULL) != PZ_OK ||
                pz_store_open(&to, target, NULL, NULL) != PZ_OK || write(ends[1], "x", 1) != 1)
                _exit(9);
            pz_store_copy(from, to, NULL, NULL, NULL);
            _exit(0);
        }
        close(ends[1]);
        assert_int_equal(read(ends[0], &octet, 1), 1);
        usleep(1000 + 4000 * round);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, NULL, 0), child);
        close(ends[0]);
    }
    pz_store *to = open_at(h, "copy");
    assert_sound(to);
    copied(pz_engine_store(h->engine), to);
    copied(pz_engine_store(h->engine), to);
    assert_same_records(pz_engine_store(h->engine), to);
    assert_sound(to);
    pz_store_close(to);
}

static void whoever_the_target_erased_does_not_come_back(void **state)
{
    home *h = *state;
    char address[300];
    home other = {.directory = ""};
    uint32_t erased;
    fill(h, 3);
    address_of(h, "other", address);
    home_open(&other, address);
    other.now_ms = NOW + DAY;
    pz_store *here = pz_engine_store(h->engine), *there = pz_engine_store(other.engine);
    copied(here, there);
    pz_profile *gone = customer(&other, "email", "customer-0001");
    assert_ok(pz_erase(other.engine, id_of(gone), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    pz_profile_free(gone);
    const pz_store_outcome outcome = copied(here, there);
    assert_int_equal(outcome.erased, 1);
    assert_int_equal(outcome.unchanged, 2);
    assert_int_equal(info_of(there).profiles, 2);
    assert_sound(there);
    home_close(&other);
}

static void what_the_source_remembers_is_remembered_by_the_copy(void **state)
{
    home *h = *state;
    home other = {.directory = ""};
    char address[300];
    uint32_t erased;
    fill(h, 3);
    address_of(h, "other", address);
    home_open(&other, address);
    pz_store *here = pz_engine_store(h->engine), *there = pz_engine_store(other.engine);
    /* Both have a key of their own. */
    pz_profile *mine = customer(&other, "email", "somebody");
    assert_ok(pz_erase(other.engine, id_of(mine), NULL, 0, &erased, &kit_error));
    pz_profile_free(mine);
    pz_profile *gone = customer(h, "email", "customer-0001");
    pz_profile *stale = copy_of(h, gone);
    assert_ok(pz_erase(h->engine, id_of(gone), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
    copied(here, there);
    copied(here, there);
    assert_int_equal(info_of(there).remembered, 2 + info_of(here).remembered);
    pz_profile *back;
    assert_ok(pz_customer(&back, other.engine, "email", "customer-0001", &kit_error));
    assert_false(pz_profile_exists(back));
    const pz_write early = {PZ_WRITE, .at_ms = NOW - DAY};
    assert_status(PZ_ERR_LATE, pz_choose(back, "language", pz_value_str("en"), &early, &kit_error));
    assert_sound(there);
    pz_profile_free(stale);
    pz_profile_free(gone);
    pz_profile_free(back);
    home_close(&other);
}

static void damaged_profile_ends_a_copy_or_is_left_out(void **state)
{
    home *h = *state;
    pz_store *from = pz_engine_store(h->engine), *to = open_at(h, "copy");
    pz_store_outcome outcome = {.size = sizeof outcome};
    faults found = {.count = 0};
    fill(h, 5);
    put_raw(from, "damaged", PZ__STR("no profile"));
    assert_status(PZ_ERR_CORRUPT, pz_store_copy(from, to, NULL, &outcome, &kit_error));
    assert_non_null(strstr(kit_error.message, "'damaged'"));
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = note_fault, .payload = &found};
    assert_ok(pz_store_copy(from, to, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.left_out, 1);
    assert_int_equal(outcome.added, 5);
    assert_int_equal(found.count, 1);
    assert_string_equal(found.key, "damaged");
    assert_sound(to);
    pz_store_close(to);
}

static void store_is_not_copied_into_itself(void **state)
{
    home *h = *state;
    fill(h, 2);
    pz_store *again = open_at(h, "store");
    assert_status(PZ_ERR_ARG,
                  pz_store_copy(pz_engine_store(h->engine), again, NULL, NULL, &kit_error));
    pz_store_close(again);
}

static void copying_into_what_is_read_only_is_refused(void **state)
{
    home *h = *state;
    char address[300];
    pz_store *to = open_at(h, "copy");
    info_of(to);
    pz_store_close(to);
    address_of(h, "copy", address);
    const pz_store_options reading = {PZ_STORE_OPTIONS, .flags = PZ_STORE_READ_ONLY};
    assert_ok(pz_store_open(&to, address, &reading, &kit_error));
    assert_status(PZ_ERR_STATE,
                  pz_store_copy(pz_engine_store(h->engine), to, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_STATE, pz_store_compact(to, NULL, NULL, &kit_error));
    assert_sound(to);
    pz_store_close(to);
}

#define DISK(test) cmocka_unit_test_setup_teardown(test, on_disk, tear_down)
#define MEMORY(test) cmocka_unit_test_setup_teardown(test, in_memory, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK(info_counts_what_is_there),
        MEMORY(info_counts_what_is_there),
        MEMORY(info_of_an_older_caller_fills_what_it_knows),
        DISK(options_of_a_later_version_are_refused),
        DISK(what_a_company_does_leaves_no_fault),
        MEMORY(what_a_company_does_leaves_no_fault),
        MEMORY(each_flipped_byte_of_a_record_is_found),
        DISK(profile_under_another_key_is_found),
        DISK(nobody_is_taken_for_another),
        MEMORY(nobody_is_taken_for_another),
        DISK(missing_dangling_and_stray_entries_are_found),
        MEMORY(missing_dangling_and_stray_entries_are_found),
        MEMORY(a_fault_ends_the_call_when_its_function_says_so),
        DISK(copy_is_the_same_and_under_another_writer),
        DISK(through_memory_and_back_it_is_the_same),
        DISK(copying_loses_nothing_that_the_target_knows),
        DISK(decision_records_are_copied_once_and_erasing_finds_them),
        MEMORY(damaged_or_unfindable_decision_record_is_found),
        DISK(interrupted_copy_goes_on_where_it_was),
        DISK(copy_begun_afresh_looks_at_all),
        DISK(kill_in_the_middle_of_a_copy_costs_nothing),
        DISK(whoever_the_target_erased_does_not_come_back),
        DISK(what_the_source_remembers_is_remembered_by_the_copy),
        DISK(damaged_profile_ends_a_copy_or_is_left_out),
        DISK(store_is_not_copied_into_itself),
        DISK(copying_into_what_is_read_only_is_refused),
    };
    return cmocka_run_group_tests_name("store", tests, NULL, NULL);
}
