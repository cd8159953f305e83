/*
 * test_store_backup.c: backups, restored stores, and stores made smaller.
 */
#include "looking.h"

#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- backups ---- */

static void backup_is_whole_and_of_another_writer(void **state)
{
    home *h = *state;
    char address[300], third[300];
    pz_store *store = pz_engine_store(h->engine);
    pz_store_outcome outcome = {.size = sizeof outcome};
    fill(h, 50);
    address_of(h, "backup", address);
    address_of(h, "restored", third);
    assert_ok(pz_store_backup(store, address, NULL, NULL, &outcome, &kit_error));
    assert_true(outcome.is_whole);
    assert_int_equal(outcome.profiles, 50);
    pz_store *backup = open_at(h, "backup");
    assert_same_records(store, backup);
    assert_sound(backup);
    assert_ok(pz_store_restore(backup, third, NULL, NULL, &outcome, &kit_error));
    pz_store *restored = open_at(h, "restored");
    assert_same_records(store, restored);
    const pz_store_info a = info_of(store), b = info_of(backup), c = info_of(restored);
    assert_string_not_equal(a.writer, b.writer);
    assert_string_not_equal(b.writer, c.writer);
    assert_string_not_equal(a.writer, c.writer);
    pz_store_close(restored);
    pz_store_close(backup);
}

static void place_of_a_store_takes_no_backup(void **state)
{
    home *h = *state;
    char address[300];
    pz_store *store = pz_engine_store(h->engine);
    fill(h, 3);
    pz_store_close(open_at(h, "there"));
    address_of(h, "there", address);
    pz_store *there = open_at(h, "there");
    info_of(there);
    pz_store_close(there);
    assert_status(PZ_ERR_STATE, pz_store_backup(store, address, NULL, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_store_backup(store, "memory:", NULL, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_store_restore(store, "tape:1", NULL, NULL, NULL, &kit_error));
}

static void interrupted_backup_out_of_memory_goes_on(void **state)
{
    home *h = *state;
    char address[300];
    home other = {.directory = ""};
    home_open(&other, "memory:");
    fill(&other, 600);
    pz_store *store = pz_engine_store(other.engine);
    uint64_t most = 256;
    const pz_store_watch watch = {PZ_STORE_WATCH, .progress = stop_after, .payload = &most};
    pz_store_outcome outcome = {.size = sizeof outcome};
    address_of(h, "backup", address);
    assert_status(PZ_ERR_STATE,
                  pz_store_backup(store, address, NULL, &watch, &outcome, &kit_error));
    assert_ok(pz_store_backup(store, address, NULL, NULL, &outcome, &kit_error));
    assert_true(outcome.is_resumed && !outcome.is_whole);
    assert_status(PZ_ERR_STATE, pz_store_backup(store, address, NULL, NULL, NULL, &kit_error));
    pz_store *backup = open_at(h, "backup");
    assert_same_records(store, backup);
    pz_store_close(backup);
    home_close(&other);
}

static pz_status count_entry(void *payload, uint64_t number, const void *bytes, size_t len)
{
    (void)bytes, (void)len;
    *(uint64_t *)payload = number;
    return PZ_OK;
}

static void backup_interrupted_among_streams_goes_on(void **state)
{
    home *h = *state;
    char address[300];
    home other = {.directory = ""};
    home_open(&other, "memory:");
    fill(&other, 3);
    pz_store *store = pz_engine_store(other.engine);
    pz__store_txn *txn;
    assert_ok(pz__store_begin(store->store, &txn, &kit_error));
    for (unsigned i = 0; i < 600; i++)
        assert_ok(pz__store_txn_append(txn, PZ__STR("left"), "x", 1, NULL, &kit_error));
    assert_ok(pz__store_commit(txn, &kit_error));
    uint64_t most = 4, last = 0;
    const pz_store_watch watch = {PZ_STORE_WATCH, .progress = stop_after, .payload = &most};
    pz_store_outcome outcome = {.size = sizeof outcome};
    address_of(h, "backup", address);
    assert_status(PZ_ERR_STATE,
                  pz_store_backup(store, address, NULL, &watch, &outcome, &kit_error));
    assert_int_equal(outcome.profiles, 3);
    assert_in_range(outcome.entries, 1, 599);
    assert_ok(pz_store_backup(store, address, NULL, NULL, &outcome, &kit_error));
    assert_true(outcome.is_resumed);
    pz_store *backup = open_at(h, "backup");
    assert_ok(
        pz__store_read_stream(backup->store, PZ__STR("left"), 1, count_entry, &last, &kit_error));
    assert_int_equal(last, 600);
    assert_same_records(store, backup);
    assert_sound(backup);
    pz_store_close(backup);
    home_close(&other);
}

/* A customer's card and the choice that goes with it are written as one: a writer goes round and
 * round, choosing on two profiles in one transaction each time. */
static void write_for_ever(const char *address, int ready)
{
    home h = {.directory = ""};
    home_open(&h, address);
    for (unsigned round = 0;; round++) {
        char text[16];
        pz__store_txn *txn;
        snprintf(text, sizeof text, "%u", round);
        if (pz__store_begin(h.engine->store, &txn, NULL) != PZ_OK)
            _exit(1);
        if (pz__store_txn_append(txn, PZ__STR("left"), text, strlen(text), NULL, NULL) != PZ_OK ||
            pz__store_txn_append(txn, PZ__STR("right"), text, strlen(text), NULL, NULL) != PZ_OK ||
            pz__store_commit(txn, NULL) != PZ_OK)
            _exit(1);
        if (round == 3 && write(ready, "x", 1) != 1)
            _exit(1);
    }
}

static void backup_is_consistent_while_another_process_writes(void **state)
{
    home *h = *state;
    char source[300];
    int ends[2];
    char octet;
    address_of(h, "store", source);
    assert_int_equal(pipe(ends), 0);
    const pid_t child = fork();
    if (child == 0)
        write_for_ever(source, ends[1]);
    assert_int_equal(read(ends[0], &octet, 1), 1);
    for (unsigned i = 0; i < 5; i++) {
        char name[20], address[300];
        uint64_t left = 0, right = 0;
        snprintf(name, sizeof name, "backup-%u", i);
        address_of(h, name, address);
        assert_ok(
            pz_store_backup(pz_engine_store(h->engine), address, NULL, NULL, NULL, &kit_error));
        pz_store *backup = open_at(h, name);
        assert_ok(pz__store_read_stream(backup->store, PZ__STR("left"), 1, count_entry, &left,
                                        &kit_error));
        assert_ok(pz__store_read_stream(backup->store, PZ__STR("right"), 1, count_entry, &right,
                                        &kit_error));
        assert_true(left > 0);
        assert_int_equal(left, right);
        assert_sound(backup);
        pz_store_close(backup);
    }
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    close(ends[0]);
    close(ends[1]);
}

/* ---- compacting ---- */

static void compacting_drops_what_was_erased_and_shrinks_the_file(void **state)
{
    home *h = *state;
    uint32_t erased;
    char long_text[3001], name[40];
    memset(long_text, 'x', sizeof long_text - 1);
    long_text[sizeof long_text - 1] = '\0';
    fill(h, 400);
    for (unsigned i = 0; i < 600; i++) {
        snprintf(name, sizeof name, "customer-%04u", i % 300);
        pz_profile *one = customer(h, "email", name);
        if (i < 300)
            assert_ok(pz_declare(one, "size", pz_value_str(long_text), NULL, &kit_error));
        else
            assert_ok(pz_erase(h->engine, id_of(one), NULL, PZ_ERASE_ALONE, &erased, &kit_error));
        pz_profile_free(one);
    }
    pz_store *busy = open_at(h, "store");
    pz_store_outcome outcome = {.size = sizeof outcome};
    const pz_store_info before = info_of(busy);
    assert_status(PZ_ERR_BUSY, pz_store_compact(busy, NULL, &outcome, &kit_error));
    assert_status(PZ_ERR_STATE,
                  pz_store_compact(pz_engine_store(h->engine), NULL, &outcome, &kit_error));
    home_close(h);
    assert_ok(pz_store_compact(busy, NULL, &outcome, &kit_error));
    const pz_store_info after = info_of(busy);
    assert_int_equal(outcome.bytes_before, before.file_bytes);
    assert_int_equal(outcome.bytes_after, after.file_bytes);
    assert_true(after.file_bytes < before.file_bytes / 2);
    assert_int_equal(after.profiles, 100);
    assert_string_equal(after.writer, before.writer);
    assert_sound(busy);
    char address[300];
    address_of(h, "store", address);
    home_open(h, address);
    pz_profile *one = customer(h, "email", "customer-0301");
    assert_string_equal(answer(h, one, "language"), "de");
    assert_ok(pz_choose(one, "language", pz_value_str("fr"), NULL, &kit_error));
    pz_profile_free(one);
    assert_sound(busy);
    pz_store_close(busy);
}

static void make_leftover(const home *h, const char *name, char out[400])
{
    char data[500];
    snprintf(out, 400, "%s/%s", h->directory, name);
    snprintf(data, sizeof data, "%s/data.mdb", out);
    assert_int_equal(mkdir(out, 0700), 0);
    FILE *file = fopen(data, "wb");
    assert_non_null(file);
    assert_true(fputs("somebody", file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static void compacting_takes_away_what_a_killed_one_left(void **state)
{
    home *h = *state;
    char left[400], within[400], mine[400], others[400];
    fill(h, 3);
    home_close(h);
    make_leftover(h, "store/.partial-3f265c94-3d26-4a53-9e55-ef64b6c79485", within);
    make_leftover(h, "store.partial-3f265c94-3d26-4a53-9e55-ef64b6c79485", left);
    make_leftover(h, "store.partial-mine", mine);
    make_leftover(h, "stores.partial-3f265c94-3d26-4a53-9e55-ef64b6c79485", others);
    pz_store *store = open_at(h, "store");
    assert_ok(pz_store_compact(store, NULL, NULL, &kit_error));
    assert_int_equal(info_of(store).profiles, 3);
    pz_store_close(store);
    assert_int_equal(access(left, F_OK), -1);
    assert_int_equal(access(within, F_OK), -1);
    assert_int_equal(access(mine, F_OK), 0);
    assert_int_equal(access(others, F_OK), 0);
    char address[300];
    address_of(h, "store", address);
    home_open(h, address);
}

/* As at the root of a volume in a container: nothing beside the store may be made. */
static void compacting_needs_nothing_beside_the_store(void **state)
{
    home *h = *state;
    char inner[400], from[400], to[400];
    fill(h, 3);
    home_close(h);
    snprintf(inner, sizeof inner, "%s/volume", h->directory);
    assert_int_equal(mkdir(inner, 0700), 0);
    snprintf(from, sizeof from, "%s/store", h->directory);
    snprintf(to, sizeof to, "%s/volume/store", h->directory);
    assert_int_equal(rename(from, to), 0);
    assert_int_equal(chmod(inner, 0500), 0);
    pz_store *store = open_at(h, "volume/store/");
    assert_ok(pz_store_compact(store, NULL, NULL, &kit_error));
    assert_int_equal(info_of(store).profiles, 3);
    pz_store_close(store);
    assert_int_equal(chmod(inner, 0700), 0);
    assert_int_equal(rename(to, from), 0);
    assert_int_equal(rmdir(inner), 0);
    char address[300];
    address_of(h, "store", address);
    home_open(h, address);
}

static void compacting_waits_for_no_other_process(void **state)
{
    home *h = *state;
    char address[300];
    int ready[2], done[2];
    char octet;
    fill(h, 5);
    address_of(h, "store", address);
    home_close(h);
    assert_int_equal(pipe(ready) | pipe(done), 0);
    const pid_t child = fork();
    if (child == 0) {
        home other = {.directory = ""};
        close(done[1]);
        home_open(&other, address);
        info_of(pz_engine_store(other.engine));
        if (write(ready[1], "x", 1) != 1 || read(done[0], &octet, 1) != 0)
            _exit(1);
        home_close(&other);
        _exit(0);
    }
    assert_int_equal(read(ready[0], &octet, 1), 1);
    pz_store *store = open_at(h, "store");
    assert_status(PZ_ERR_BUSY, pz_store_compact(store, NULL, NULL, &kit_error));
    assert_int_equal(info_of(store).profiles, 5);
    close(done[1]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_ok(pz_store_compact(store, NULL, NULL, &kit_error));
    assert_int_equal(info_of(store).profiles, 5);
    pz_store_close(store);
    close(ready[0]), close(ready[1]), close(done[0]);
    home_open(h, address);
}

static void compacting_takes_forgotten_data_out_of_the_bytes(void **state)
{
    home *h = *state;
    pz_store_outcome outcome = {.size = sizeof outcome};
    pz_profile *one = customer(h, "email", "ann");
    const pz_write early = {PZ_WRITE, .at_ms = NOW, .now_ms = NOW};
    assert_ok(pz_choose(one, "size", pz_value_str("secretive"), &early, &kit_error));
    /* Another writer has forgotten it, and nobody has scrubbed its bytes. */
    pz__buf bytes;
    pz_value encoded;
    assert_ok(pz_profile_encode(one, h->pool, &encoded, &kit_error));
    pz__profile *state_of_other;
    assert_ok(pz__profile_decode(&state_of_other, NULL, encoded.as.text, encoded.len, &kit_error));
    const pz__write forgets = {
        .writer = PZ__STR("other"), .at_ms = NOW + 1000, .now_ms = NOW + 1000};
    const pz__forgetting size = {PZ__STR("size"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_ok(pz__profile_forget(state_of_other, &forgets, &size, &kit_error));
    pz__buf_init(&bytes, NULL, 1u << 20);
    assert_ok(pz__record_encode(state_of_other, false, 1u << 20, &bytes));
    put_raw(pz_engine_store(h->engine), id_of(one), (pz_str){bytes.data, bytes.len});
    pz__buf_clear(&bytes);
    read_raw(pz_engine_store(h->engine), id_of(one), &bytes);
    assert_non_null(memmem(bytes.data, bytes.len, "secretive", 9));
    pz__buf_clear(&bytes);
    assert_ok(pz_store_compact(pz_engine_store(h->engine), NULL, &outcome, &kit_error));
    assert_int_equal(outcome.rewritten, 1);
    read_raw(pz_engine_store(h->engine), id_of(one), &bytes);
    assert_null(memmem(bytes.data, bytes.len, "secretive", 9));
    pz__buf_clear(&bytes);
    assert_ok(pz_store_compact(pz_engine_store(h->engine), NULL, &outcome, &kit_error));
    assert_int_equal(outcome.rewritten, 0);
    pz__profile_free(state_of_other);
    pz_profile_free(one);
}

#define EVENTS 400

static void observe_much(home *h, const char *who)
{
    pz_value events[EVENTS];
    for (int i = 0; i < EVENTS; i++) {
        char text[256];
        snprintf(
            text, sizeof text,
            "{\"kind\": \"view\", \"source\": \"web\", \"id\": \"%d\", \"category\": \"garden\","
            " \"time\": \"2026-03-01T00:00:00Z\", \"customer\": {\"email\": \"%s\"}}",
            i, who);
        events[i] = parsed(h, text);
    }
    assert_ok(pz_observe_many(h->engine, events, EVENTS, 0, 0, NULL, &kit_error));
}

/* Whoever has bought often is answered from where the record lies, as everybody. There are stores
 * in which such records were deflated. */
static void record_of_hundreds_of_events_lies_plain_and_a_deflated_one_is_unfolded(void **state)
{
    home *h = *state;
    pz__buf plain, deflated, bytes;
    pz_store_outcome outcome = {.size = sizeof outcome};
    observe_much(h, "ann");
    pz_profile *one = customer(h, "email", "ann");
    read_raw(pz_engine_store(h->engine), id_of(one), &plain);
    assert_true(plain.len > 10000);
    assert_int_equal(plain.data[4] & 1, 0);
    pz__profile *same;
    assert_ok(pz__record_decode(&same, NULL, plain.data, plain.len, &kit_error));
    pz__buf_init(&deflated, NULL, 1u << 20);
    assert_ok(pz__record_encode(same, pz__record_is_alone(plain.data, plain.len), 4096, &deflated));
    assert_int_equal(deflated.data[4] & 1, 1);
    assert_true(deflated.len < plain.len);
    put_raw(pz_engine_store(h->engine), id_of(one), (pz_str){deflated.data, deflated.len});
    assert_ok(pz_profile_refresh(one, &kit_error));
    pz_value segments;
    assert_ok(pz_context_begin(h->context, NOW, &kit_error));
    assert_ok(pz_segments(&segments, h->context, one, &kit_error));
    assert_int_equal(segments.len, 1);
    if (!h->directory[0]) { /* where there are files, not under an engine */
        assert_ok(pz_store_compact(pz_engine_store(h->engine), NULL, &outcome, &kit_error));
        assert_int_equal(outcome.rewritten, 1);
        read_raw(pz_engine_store(h->engine), id_of(one), &bytes);
        assert_int_equal(bytes.len, plain.len);
        assert_memory_equal(bytes.data, plain.data, plain.len);
        pz__buf_clear(&bytes);
    }
    pz__buf_clear(&deflated);
    pz__buf_clear(&plain);
    pz__profile_free(same);
    pz_profile_free(one);
}

/* Its first writer, the store that the backup was taken of, never writes to this one. */
static void what_is_forgotten_in_a_restored_store_leaves_the_bytes(void **state)
{
    home *h = *state;
    char address[300], id[80];
    pz_profile *one = customer(h, "email", "ann");
    assert_ok(pz_choose(one, "size", pz_value_str("secretive"), NULL, &kit_error));
    snprintf(id, sizeof id, "%s", id_of(one));
    pz_profile_free(one);
    address_of(h, "restored", address);
    assert_ok(pz_store_backup(pz_engine_store(h->engine), address, NULL, NULL, NULL, &kit_error));
    home restored = {.directory = ""};
    home_open(&restored, address);
    pz_store *store = pz_engine_store(restored.engine), *old = pz_engine_store(h->engine);
    pz_profile *same;
    pz__buf bytes, stale;
    assert_ok(pz_profile_open(&same, restored.engine, id, &kit_error));
    assert_ok(pz_identify(same, "email", "ann@example.com", NULL, &kit_error));
    read_raw(store, id, &bytes);
    assert_non_null(memmem(bytes.data, bytes.len, "secretive", 9));
    pz__buf_clear(&bytes);
    assert_ok(pz_forget(same, "size", NULL, NULL, &kit_error));
    read_raw(store, id, &bytes);
    assert_null(memmem(bytes.data, bytes.len, "secretive", 9));
    pz__buf_clear(&bytes);
    /* Nor does the old store bring it back, and it loses it where they meet. */
    read_raw(old, id, &stale);
    assert_non_null(memmem(stale.data, stale.len, "secretive", 9));
    pz__buf_clear(&stale);
    assert_ok(pz_store_copy(old, store, NULL, NULL, &kit_error));
    assert_ok(pz_store_copy(store, old, NULL, NULL, &kit_error));
    read_raw(store, id, &bytes);
    read_raw(old, id, &stale);
    assert_null(memmem(bytes.data, bytes.len, "secretive", 9));
    assert_null(memmem(stale.data, stale.len, "secretive", 9));
    pz__buf_clear(&bytes);
    pz__buf_clear(&stale);
    pz_profile_free(same);
    home_close(&restored);
}

#define DISK(test) cmocka_unit_test_setup_teardown(test, on_disk, tear_down)
#define MEMORY(test) cmocka_unit_test_setup_teardown(test, in_memory, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DISK(backup_is_whole_and_of_another_writer),
        DISK(place_of_a_store_takes_no_backup),
        DISK(interrupted_backup_out_of_memory_goes_on),
        DISK(backup_interrupted_among_streams_goes_on),
        DISK(backup_is_consistent_while_another_process_writes),
        DISK(compacting_drops_what_was_erased_and_shrinks_the_file),
        DISK(compacting_takes_away_what_a_killed_one_left),
        DISK(compacting_needs_nothing_beside_the_store),
        DISK(compacting_waits_for_no_other_process),
        DISK(what_is_forgotten_in_a_restored_store_leaves_the_bytes),
        DISK(record_of_hundreds_of_events_lies_plain_and_a_deflated_one_is_unfolded),
        MEMORY(record_of_hundreds_of_events_lies_plain_and_a_deflated_one_is_unfolded),
        MEMORY(compacting_takes_forgotten_data_out_of_the_bytes),
    };
    return cmocka_run_group_tests_name("store_backup", tests, NULL, NULL);
}
