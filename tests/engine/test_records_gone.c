/*
 * test_records_gone.c: decision records leave when they have to, and not otherwise: erasure,
 * retention, processes that are killed.
 */
#include "records.h"

#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

/* ---- erasure ---- */

static void erasing_a_person_removes_the_records(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com"), *bob = customer(h, "card", "1");
    pz_profile *phone = customer(h, "device", "phone-1");
    char id[80], phone_id[80];
    memcpy(id, id_of(ann), sizeof id);
    memcpy(phone_id, id_of(phone), sizeof phone_id);
    record(h, phone, "greet", "before");
    assert_ok(pz_link(phone, id, 1.0, NULL, &kit_error));
    record(h, bob, "greet", "bob");
    record(h, ann, "greet", "both");
    record(h, phone, "hero", "both");
    assert_ok(pz_erase(h->engine, id, NULL, 0, NULL, &kit_error));
    assert_string_equal(found(h, NULL), "2:bob");
    assert_string_equal(found_of(h, id), "");
    assert_string_equal(found_of(h, phone_id), "");
    assert_int_equal(record(h, bob, "hero", "later"), 5);
    pz_profile_free(ann);
    pz_profile_free(bob);
    pz_profile_free(phone);
}

/* What was about both goes with either of them. */
static void erasing_one_profile_removes_what_is_about_it(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    pz_profile *phone = customer(h, "device", "phone-1");
    record(h, phone, "greet", "phone");
    assert_ok(pz_link(phone, id_of(ann), 1.0, NULL, &kit_error));
    record(h, ann, "greet", "both");
    assert_ok(pz_erase(h->engine, id_of(ann), NULL, PZ_ERASE_ALONE, NULL, &kit_error));
    assert_string_equal(found(h, NULL), "1:phone");
    assert_string_equal(found_of(h, id_of(phone)), "1:phone");
    pz_profile_free(ann);
    pz_profile_free(phone);
}

static void records_of_the_erased_do_not_come_late(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com"), *bob = customer(h, "card", "1");
    pz_value records[3] = {made(h, ann, "greet", NULL), made(h, bob, "greet", NULL),
                           made(h, ann, "hero", NULL)};
    uint64_t numbers[3];
    assert_ok(pz_erase(h->engine, id_of(ann), NULL, 0, NULL, &kit_error));
    assert_ok(pz_record_many(h->engine, records, 3, NULL, numbers, &kit_error));
    assert_int_equal(numbers[0], 0);
    assert_int_equal(numbers[1], 1);
    assert_int_equal(numbers[2], 0);
    /* A handle that still shows the erased decides, but leaves no record. */
    h->now_ms += DAY;
    assert_status(PZ_ERR_LATE,
                  pz_record(NULL, h->context, decide(h, ann, "greet"), NULL, &kit_error));
    const pz_record_options anonymous = {PZ_RECORD_OPTIONS, .flags = PZ_RECORD_ANONYMOUS};
    assert_ok(pz_record(NULL, h->context, decide(h, ann, "greet"), &anonymous, &kit_error));
    assert_string_equal(found(h, NULL), "1: 2:");
    pz_profile_free(ann);
    pz_profile_free(bob);
}

static void somebody_who_was_never_stored_is_erased_from_the_records(void **state)
{
    home *h = *state;
    pz_profile *guest = detached(h, "guest-1");
    uint32_t count = 9;
    record(h, guest, "greet", "g");
    assert_ok(pz_erase(h->engine, "guest-1", NULL, 0, &count, &kit_error));
    assert_int_equal(count, 0);
    assert_string_equal(found(h, NULL), "");
    assert_status(PZ_ERR_LATE,
                  pz_record(NULL, h->context, decide(h, guest, "greet"), NULL, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND, pz_erase(h->engine, "guest-2", NULL, 0, NULL, &kit_error));
    pz_profile_free(guest);
}

static void forgetting_leaves_records_which_hold_no_answer(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    const pz_record_options options = {PZ_RECORD_OPTIONS, .flags = PZ_RECORD_NO_VALUE};
    assert_ok(pz_record(NULL, h->context, decide(h, ann, "greet"), &options, &kit_error));
    assert_ok(pz_forget(ann, "language", NULL, NULL, &kit_error));
    assert_string_equal(found_of(h, id_of(ann)), "1:");
    pz_profile_free(ann);
}

/* An allocator that can be searched: whatever is live holds the text, or nothing does. */
typedef struct block {
    struct block *prev, *next;
    size_t size, pad;
} block;

static block blocks = {&blocks, &blocks, 0, 0};

static void *searchable(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    (void)payload;
    block *old = ptr ? (block *)ptr - 1 : NULL, *made = NULL;
    if (new_size) {
        made = malloc(sizeof *made + new_size);
        assert_non_null(made);
        *made = (block){&blocks, blocks.next, new_size, 0};
        made->next->prev = made;
        blocks.next = made;
        if (ptr)
            memcpy(made + 1, ptr, old_size < new_size ? old_size : new_size);
    }
    if (old) {
        old->prev->next = old->next;
        old->next->prev = old->prev;
        free(old);
    }
    return made ? made + 1 : NULL;
}

static bool is_in_memory(const char *text)
{
    for (const block *b = blocks.next; b != &blocks; b = b->next)
        if (memmem(b + 1, b->size, text, strlen(text)))
            return true;
    return false;
}

static void memory_holds_nothing_of_the_erased(void **state)
{
    (void)state;
    home h = {.now_ms = NOW};
    const pz_alloc alloc = {searchable, NULL};
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = &alloc, .clock = home_clock,
                                       .clock_payload = &h};
    assert_ok(pz_engine_open(&h.engine, &options, &kit_error));
    assert_ok(pz_context_new(&h.context, h.engine, &kit_error));
    load(&h, records_json);
    pz_profile *ann = customer(&h, "email", "ann@example.com");
    char id[80];
    memcpy(id, id_of(ann), sizeof id);
    for (int i = 0; i < 40; i++)
        record(&h, ann, "greet", "needle-note");
    pz_profile_free(ann);
    pz_context_free(h.context);
    assert_true(is_in_memory("needle-note"));
    assert_ok(pz_erase(h.engine, id, NULL, 0, NULL, &kit_error));
    assert_false(is_in_memory("needle-note"));
    assert_false(is_in_memory(id));
    pz_engine_close(h.engine);
    assert_ptr_equal(blocks.next, &blocks);
}

#ifdef PZ_WITH_LMDB
static bool copy_holds(home *h, const char *name, const char *text)
{
    char copy[300], path[320];
    pz__buf bytes;
    snprintf(copy, sizeof copy, "%s/%s", h->directory, name);
    assert_ok(pz__store_snapshot(h->engine->store, copy, &kit_error));
    snprintf(path, sizeof path, "%s/data.mdb", copy);
    pz__buf_init(&bytes, NULL, 64u << 20);
    assert_ok(pz__file_read(&bytes, path, &kit_error));
    const bool is_found = memmem(bytes.data, bytes.len, text, strlen(text)) != NULL;
    pz__buf_clear(&bytes);
    return is_found;
}

static void compacted_copy_of_the_file_holds_nothing_of_what_left(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com"), *bob = customer(h, "card", "1");
    char id[80];
    memcpy(id, id_of(ann), sizeof id);
    for (int i = 0; i < 40; i++) {
        record(h, ann, "greet", "needle-ann");
        record(h, bob, "greet", "needle-bob");
    }
    assert_true(copy_holds(h, "before", "needle-ann"));
    assert_ok(pz_erase(h->engine, id, NULL, 0, NULL, &kit_error));
    assert_false(copy_holds(h, "erased", "needle-ann"));
    assert_false(copy_holds(h, "erased2", id));
    assert_true(copy_holds(h, "erased3", "needle-bob"));
    assert_ok(pz_records_expire(h->engine, NOW + 1, NULL, &kit_error));
    assert_false(copy_holds(h, "expired", "needle-bob"));
    pz_profile_free(ann);
    pz_profile_free(bob);
}
#endif

/* ---- retention ---- */

static size_t listed(home *h, const char *identifier, size_t len)
{
    pz__buf keys;
    size_t count;
    pz__buf_init(&keys, NULL, 1 << 20);
    assert_ok(
        pz__store_lookup(h->engine->store, (pz_str){identifier, len}, &keys, &count, &kit_error));
    pz__buf_clear(&keys);
    return count;
}

static void what_is_older_is_removed_with_its_entries(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    uint64_t removed;
    char name[96];
    for (int i = 0; i < 3; i++) {
        record(h, ann, "greet", i == 1 ? "second" : "");
        h->now_ms += DAY;
    }
    const int len = snprintf(name, sizeof name, "\x1frecords\x1fs%s", id_of(ann));
    assert_int_equal(listed(h, name, (size_t)len), 3);
    assert_ok(pz_records_expire(h->engine, NOW + DAY, &removed, &kit_error));
    assert_int_equal(removed, 1);
    assert_string_equal(found(h, NULL), "2:second 3:");
    assert_ok(pz_records_expire(h->engine, NOW + DAY + 1, &removed, &kit_error));
    assert_int_equal(removed, 1);
    assert_string_equal(found_of(h, id_of(ann)), "3:");
    assert_int_equal(listed(h, name, (size_t)len), 1);
    assert_ok(pz_records_expire(h->engine, 0, &removed, &kit_error));
    assert_int_equal(removed, 0);
    h->now_ms += 9 * DAY + 1;
    assert_ok(pz_records_expire(h->engine, 0, &removed, &kit_error));
    assert_int_equal(removed, 1);
    assert_int_equal(listed(h, name, (size_t)len), 0);
    assert_int_equal(record(h, ann, "greet", "again"), 4);
    pz_profile_free(ann);
}

/* More than one transaction of the call removes, and one that came late among them. */
static void expiring_looks_at_every_record(void **state)
{
    home *h = *state;
    static pz_value records[600];
    static uint64_t numbers[600];
    uint64_t removed;
    for (size_t i = 0; i < 600; i++) {
        assert_ok(pz_context_begin(h->context, NOW - (i % 3 == 0 ? 2 : 1) * DAY, &kit_error));
        const pz_decision *one;
        pz_value map;
        assert_ok(pz_decide(&one, h->context, NULL, "greet", &kit_error));
        assert_ok(pz_decision_record(&map, h->context, one, NULL, &kit_error));
        assert_ok(pz_pool_copy(h->pool, &records[i], map));
    }
    assert_ok(pz_record_many(h->engine, records, 600, NULL, numbers, &kit_error));
    assert_ok(pz_records_expire(h->engine, NOW - DAY, &removed, &kit_error));
    assert_int_equal(removed, 200);
    assert_ok(pz_records_expire(h->engine, NOW, &removed, &kit_error));
    assert_int_equal(removed, 400);
    assert_string_equal(found(h, NULL), "");
}

static uint64_t count_all(home *h)
{
    listing l = {.text = ""};
    assert_ok(pz_each_record(h->engine, NULL, list_one, &l, &kit_error));
    return l.count;
}

static void recording_removes_what_the_retention_has_passed(void **state)
{
    home *h = *state;
    for (int i = 0; i < 100; i++)
        record(h, NULL, "greet", "");
    assert_int_equal(count_all(h), 100);
    h->now_ms += 10 * DAY + 1;
    for (int i = 0; i < 92; i++) /* up to number 192, twice 64 of the old went */
        record(h, NULL, "greet", "");
    assert_int_equal(count_all(h), 92);
}

static void without_retention_records_stay(void **state)
{
    home *h = *state;
    load(h, "{\"decisions\": {\"greet\": {\"default\": 1}}}");
    record(h, NULL, "greet", "");
    h->now_ms += 4000 * DAY;
    for (int i = 0; i < 70; i++)
        record(h, NULL, "greet", "");
    assert_int_equal(count_all(h), 71);
    assert_status(PZ_ERR_STATE, pz_records_expire(h->engine, 0, NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, "retention"));
}

/* ---- processes ---- */

#ifdef PZ_WITH_LMDB
static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return NOW;
}

static pz_engine *engine_of(const home *h)
{
    char address[300];
    pz_engine *engine;
    snprintf(address, sizeof address, "lmdb:%s/store", h->directory);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .store = address, .clock = fixed_clock,
                                       .flags = PZ_ENGINE_LAZY};
    if (pz_engine_open(&engine, &options, NULL) != PZ_OK)
        _exit(1);
    return engine;
}

/* Record until killed, or `count` times, and tell each number that was acknowledged. */
static void record_and_tell(const home *h, pz_value one, int to, int count)
{
    pz_engine *engine = engine_of(h);
    for (int i = 0; i < count; i++) {
        uint64_t number;
        if (pz_record_many(engine, &one, 1, NULL, &number, NULL) != PZ_OK ||
            write(to, &number, sizeof number) != sizeof number)
            _exit(2);
    }
    pz_engine_close(engine);
    _exit(0);
}

#define PROCESSES 4
#define RECORDS_EACH 150

static pz_status mark(void *payload, uint64_t number, pz_value map)
{
    bool *seen = payload;
    (void)map;
    assert_true(number < 100000 && !seen[number]);
    seen[number] = true;
    return PZ_OK;
}

static void numbers_of_many_processes_are_all_there_once(void **state)
{
    home *h = *state;
    pz_profile *guest = detached(h, "guest");
    const pz_value one = made(h, guest, "greet", NULL);
    static bool seen[100000];
    pid_t children[PROCESSES];
    int ends[2];
    uint64_t number, told = 0;
    assert_int_equal(pipe(ends), 0);
    for (int i = 0; i < PROCESSES; i++) {
        children[i] = fork();
        if (children[i] == 0)
            record_and_tell(h, one, ends[1], RECORDS_EACH);
    }
    close(ends[1]);
    memset(seen, 0, sizeof seen);
    while (read(ends[0], &number, sizeof number) == sizeof number) {
        assert_false(seen[number]);
        seen[number] = true;
        told++;
    }
    close(ends[0]);
    for (int i = 0; i < PROCESSES; i++) {
        int how;
        waitpid(children[i], &how, 0);
        assert_int_equal(how, 0);
    }
    assert_int_equal(told, PROCESSES * RECORDS_EACH);
    memset(seen, 0, sizeof seen);
    const pz_record_query query = {PZ_RECORD_QUERY, .subject = "guest"};
    assert_ok(pz_each_record(h->engine, &query, mark, seen, &kit_error));
    for (uint64_t n = 1; n <= told; n++)
        assert_true(seen[n]);
    pz_profile_free(guest);
}

/* Killed anywhere, what was acknowledged is there, and stream and lists say the same. */
static void a_killed_process_leaves_whole_records(void **state)
{
    home *h = *state;
    pz_profile *guest = detached(h, "guest");
    const pz_value one = made(h, guest, "greet", NULL);
    static bool in_stream[100000], in_list[100000], acknowledged[100000];
    for (int round = 0; round < 6; round++) {
        int ends[2];
        uint64_t number;
        assert_int_equal(pipe(ends), 0);
        const pid_t child = fork();
        if (child == 0)
            record_and_tell(h, one, ends[1], 10000);
        close(ends[1]);
        for (int i = 0; i < 20 + 7 * round; i++) {
            assert_int_equal(read(ends[0], &number, sizeof number), sizeof number);
            acknowledged[number] = true;
        }
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(ends[0], &number, sizeof number) == sizeof number)
            acknowledged[number] = true;
        close(ends[0]);
        memset(in_stream, 0, sizeof in_stream);
        memset(in_list, 0, sizeof in_list);
        assert_ok(pz_each_record(h->engine, NULL, mark, in_stream, &kit_error));
        const pz_record_query query = {PZ_RECORD_QUERY, .subject = "guest"};
        assert_ok(pz_each_record(h->engine, &query, mark, in_list, &kit_error));
        assert_memory_equal(in_stream, in_list, sizeof in_list);
        for (size_t i = 0; i < sizeof in_stream; i++)
            assert_true(in_stream[i] || !acknowledged[i]);
    }
    pz_profile_free(guest);
}
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(erasing_a_person_removes_the_records),
        IN_MEMORY(erasing_one_profile_removes_what_is_about_it),
        IN_MEMORY(records_of_the_erased_do_not_come_late),
        IN_MEMORY(somebody_who_was_never_stored_is_erased_from_the_records),
        IN_MEMORY(forgetting_leaves_records_which_hold_no_answer),
        IN_MEMORY(what_is_older_is_removed_with_its_entries),
        IN_MEMORY(expiring_looks_at_every_record),
        IN_MEMORY(recording_removes_what_the_retention_has_passed),
        IN_MEMORY(without_retention_records_stay),
        cmocka_unit_test(memory_holds_nothing_of_the_erased),
#ifdef PZ_WITH_LMDB
        ON_DISK(erasing_a_person_removes_the_records),
        ON_DISK(expiring_looks_at_every_record),
        ON_DISK(recording_removes_what_the_retention_has_passed),
        ON_DISK(compacted_copy_of_the_file_holds_nothing_of_what_left),
        ON_DISK(numbers_of_many_processes_are_all_there_once),
        ON_DISK(a_killed_process_leaves_whole_records),
#endif
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
