/*
 * test_records.c: decision records: what they say, how they are found, and where they go.
 */
#include "records.h"

#include "support/oom.h"

/* ---- what a record says ---- */

static void a_record_says_what_was_decided_and_on_what_grounds(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    const pz_value map =
        made(h, ann, "greet", &(pz_record_options){PZ_RECORD_OPTIONS, .note = "r"});
    char hash[33];
    assert_ok(pz_engine_catalog_hash(h->engine, hash));
    pz_str id;
    assert_ok(pz_decision_id(&id, h->context, decide(h, ann, "greet"), &kit_error));
    assert_true(is_text(member(map, "decision"), "greet"));
    assert_true(is_text(member(map, "value"), "de"));
    assert_true(is_text(member(map, "reason"), "TARGETING_MATCH"));
    assert_true(is_text(member(map, "rule"), "own"));
    assert_true(is_text(member(map, "catalog"), hash));
    assert_true(is_text(member(map, "subject"), id_of(ann)));
    assert_true(is_text(member(map, "note"), "r"));
    assert_memory_equal(member(map, "id").as.text, id.data, 32);
    assert_int_equal(member(map, "at").as.i, NOW / 1000);
    const pz_value use = pz_value_item(member(map, "uses"), 0);
    assert_true(is_text(member(use, "name"), "profile.language"));
    assert_true(is_text(member(use, "tier"), "CHOICE"));
    assert_false(has(use, "value"));
    assert_false(has(map, "members"));
    pz_profile_free(ann);
}

static void a_record_names_what_was_withheld_and_holds_no_answer(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    assert_ok(pz_declare(ann, "income", pz_value_str("secretincome"), NULL, &kit_error));
    assert_ok(pz_consent(ann, "ads", false, NULL, &kit_error));
    assert_ok(pz_context_begin(h->context, 0, &kit_error));
    assert_ok(pz_context_set(h->context, "country", pz_value_str("DE"), &kit_error));
    const pz_decision *hero;
    pz_value map;
    assert_ok(pz_decide(&hero, h->context, ann, "hero", &kit_error));
    assert_ok(pz_decision_record(&map, h->context, hero, NULL, &kit_error));
    const char *text = json_of(h, map);
    assert_null(strstr(text, "secretincome"));
    assert_non_null(strstr(text, "purpose ads not granted"));
    assert_non_null(strstr(text, "\"profile.income\""));
    assert_non_null(strstr(text, "\"purpose\":\"ads\""));
    assert_non_null(strstr(text, "{\"policy\":\"at-home\",\"came_to\":\"TRUE\",\"uses\":["
                                 "\"context.country\"]}"));
    assert_null(strstr(text, "\"DE\""));
    pz_profile_free(ann);
}

/* With consent the same attribute answers and the record says by what class; still no answer. */
static void what_was_used_is_named_with_its_class(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    assert_ok(pz_consent(ann, "ads", true, NULL, &kit_error));
    assert_ok(pz_declare(ann, "income", pz_value_str("high"), NULL, &kit_error));
    const char *text = json_of(h, made(h, ann, "hero", NULL));
    assert_non_null(strstr(text, "\"value\":\"gold\""));
    assert_non_null(strstr(text, "{\"name\":\"profile.income\",\"tier\":\"DECLARED\",\"reason\":"
                                 "\"DECLARED\",\"class\":\"declared\",\"purpose\":\"ads\"}"));
    assert_null(strstr(text, "\"high\""));
    pz_profile_free(ann);
}

static void recording_changes_no_decision(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    static const char *const names[] = {"greet", "hero", "long"};
    for (size_t i = 0; i < 3; i++) {
        pz_value before, after, kept, bytes, again;
        const pz_decision *made = decide(h, ann, names[i]);
        assert_ok(pz_decision_bytes(&before, h->context, made, &kit_error));
        assert_ok(pz_pool_copy(h->pool, &kept, before));
        assert_ok(pz_profile_encode(ann, h->pool, &bytes, &kit_error));
        assert_ok(pz_record(NULL, h->context, made, NULL, &kit_error));
        assert_ok(pz_decision_bytes(&after, h->context, made, &kit_error));
        assert_int_equal(pz_value_compare(kept, after), 0);
        assert_ok(pz_decide(&made, h->context, ann, names[i], &kit_error));
        assert_ok(pz_decision_bytes(&after, h->context, made, &kit_error));
        assert_int_equal(pz_value_compare(kept, after), 0);
        assert_ok(pz_profile_refresh(ann, &kit_error));
        assert_ok(pz_profile_encode(ann, h->pool, &again, &kit_error));
        assert_int_equal(pz_value_compare(bytes, again), 0);
    }
    pz_profile_free(ann);
}

static void value_and_person_can_be_left_out(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    pz_value map = made(
        h, ann, "greet",
        &(pz_record_options){PZ_RECORD_OPTIONS, .flags = PZ_RECORD_NO_VALUE | PZ_RECORD_ANONYMOUS});
    assert_false(has(map, "value"));
    assert_false(has(map, "subject"));
    assert_null(strstr(json_of(h, map), id_of(ann)));
    assert_ok(pz_record_many(h->engine, &map, 1, NULL, NULL, &kit_error));
    assert_string_equal(found_of(h, id_of(ann)), "");
    assert_string_equal(found(h, NULL), "1:");
    pz_profile_free(ann);
}

static void a_value_that_json_lacks_is_not_kept(void **state)
{
    home *h = *state;
    load(h, "{\"catalog\": \"shop\", \"decisions\": {\"odd\": {\"rules\": ["
            "{\"id\": \"r\", \"expr\": \"double('NaN')\"}]}}}");
    pz_profile *ann = customer(h, "email", "ann@example.com");
    const pz_decision *odd = decide(h, ann, "odd");
    pz_record_options options = {PZ_RECORD_OPTIONS};
    assert_int_equal(pz_record(NULL, h->context, odd, &options, &kit_error), PZ_ERR_DOMAIN);
    assert_non_null(strstr(kit_error.message, "keep it without its value"));
    pz_value map;
    assert_ok(pz_decision_record(&map, h->context, odd, &options, &kit_error));
    assert_int_equal(pz_record_many(h->engine, &map, 1, NULL, NULL, &kit_error), PZ_ERR_DOMAIN);
    assert_string_equal(found(h, NULL), "");
    options.flags = PZ_RECORD_NO_VALUE;
    assert_ok(pz_record(NULL, h->context, odd, &options, &kit_error));
    assert_string_equal(found(h, NULL), "1:");
    pz_profile_free(ann);
}

static void a_record_of_a_person_names_all_members(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    pz_profile *phone = customer(h, "device", "phone-1");
    assert_ok(pz_link(ann, id_of(phone), 1.0, NULL, &kit_error));
    record(h, ann, "greet", "both");
    assert_string_equal(found_of(h, id_of(ann)), "1:both");
    assert_string_equal(found_of(h, id_of(phone)), "1:both");
    pz_profile_free(ann);
    pz_profile_free(phone);
}

/* ---- finding ---- */

static void records_are_found_by_number_subject_and_decision(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com"), *bob = customer(h, "card", "1");
    pz_str id;
    char text[33] = "";
    assert_int_equal(record(h, ann, "greet", "a"), 1);
    assert_int_equal(record(h, bob, "greet", "b"), 2);
    assert_int_equal(record(h, ann, "hero", "c"), 3);
    assert_int_equal(record(h, ann, "greet", "d"), 4); /* equal inputs: the same id again */
    assert_int_equal(record(h, NULL, "greet", "e"), 5);
    assert_string_equal(found(h, NULL), "1:a 2:b 3:c 4:d 5:e");
    assert_string_equal(found(h, &(pz_record_query){PZ_RECORD_QUERY, .from = 4}), "4:d 5:e");
    assert_string_equal(found(h, &(pz_record_query){PZ_RECORD_QUERY, .limit = 2}), "1:a 2:b");
    assert_string_equal(found_of(h, id_of(ann)), "1:a 3:c 4:d");
    assert_string_equal(found_of(h, id_of(bob)), "2:b");
    assert_string_equal(found_of(h, "nobody"), "");
    assert_string_equal(
        found(h, &(pz_record_query){PZ_RECORD_QUERY, .subject = id_of(ann), .from = 2, .limit = 1}),
        "3:c");
    assert_ok(pz_decision_id(&id, h->context, decide(h, ann, "greet"), &kit_error));
    memcpy(text, id.data, 32);
    assert_string_equal(found(h, &(pz_record_query){PZ_RECORD_QUERY, .id = text}), "1:a 4:d");
    pz_profile_free(ann);
    pz_profile_free(bob);
}

static void a_visitor_may_stop_and_wrong_questions_are_refused(void **state)
{
    home *h = *state;
    listing l = {.stop = PZ_ERR_LATE};
    record(h, NULL, "greet", "a");
    record(h, NULL, "greet", "b");
    assert_status(PZ_ERR_LATE, pz_each_record(h->engine, NULL, list_one, &l, &kit_error));
    assert_string_equal(l.text, "1:a");
    static const pz_record_query wrong[] = {
        {PZ_RECORD_QUERY, .flags = 1},
        {.size = 1000},
        {PZ_RECORD_QUERY, .subject = "a", .id = "00000000000000000000000000000000"},
        {PZ_RECORD_QUERY, .subject = ""},
        {PZ_RECORD_QUERY, .id = "0000000000000000000000000000000"},
        {PZ_RECORD_QUERY, .id = "0000000000000000000000000000000G"},
    };
    pz_value list;
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_status(PZ_ERR_ARG, pz_each_record(h->engine, &wrong[i], list_one, &l, &kit_error));
        assert_status(PZ_ERR_ARG, pz_record_list(h->engine, &wrong[i], h->pool, &list, &kit_error));
    }
    assert_status(PZ_ERR_ARG, pz_record_list(h->engine, NULL, NULL, &list, &kit_error));
}

/* ---- many ---- */

static void many_go_through_json_and_stay_what_they_are(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    pz_value records[3];
    uint64_t numbers[3];
    for (size_t i = 0; i < 3; i++) {
        const pz_value one = made(h, ann, i ? "greet" : "hero", NULL);
        records[i] = i < 2 ? parsed(h, json_of(h, one)) : one;
    }
    assert_ok(pz_record_many(h->engine, records, 3, NULL, numbers, &kit_error));
    assert_int_equal(numbers[0], 1);
    assert_int_equal(numbers[2], 3);
    assert_string_equal(found_of(h, id_of(ann)), "1: 2: 3:");
    record(h, ann, "greet", "x");
    assert_ok(pz_record_many(h->engine, NULL, 0, NULL, NULL, &kit_error));
    pz_profile_free(ann);
}

static void what_is_no_record_is_named_and_nothing_kept(void **state)
{
    home *h = *state;
    pz_value records[2] = {made(h, NULL, "greet", NULL)};
    static const struct {
        const char *json;
        pz_status status;
        const char *word;
    } wrong[] = {
        {"[]", PZ_ERR_TYPE, "map"},
        {"{}", PZ_ERR_TYPE, "\"id\""},
        {"{\"id\":\"00000000000000000000000000000000\"}", PZ_ERR_TYPE, "\"catalog\""},
        {"{\"id\":\"00000000000000000000000000000000\",\"catalog\":"
         "\"00000000000000000000000000000000\",\"decision\":\"d\",\"at\":5}",
         PZ_ERR_TYPE, "\"at\""},
        {"{\"id\":\"00000000000000000000000000000000\",\"catalog\":"
         "\"00000000000000000000000000000000\",\"decision\":\"d\",\"at\":\"2026-03-10T00:05:01Z\"}",
         PZ_ERR_TIME, "skew"},
        {"{\"id\":\"00000000000000000000000000000000\",\"catalog\":"
         "\"00000000000000000000000000000000\",\"decision\":\"d\",\"at\":\"2026-03-10T00:00:00Z\","
         "\"subject\":\"\"}",
         PZ_ERR_TYPE, "\"subject\""},
        {"{\"id\":\"00000000000000000000000000000000\",\"catalog\":"
         "\"00000000000000000000000000000000\",\"decision\":\"d\",\"at\":\"2026-03-10T00:00:00Z\","
         "\"members\":[1]}",
         PZ_ERR_TYPE, "\"members\""},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        uint64_t numbers[2] = {7, 7};
        records[1] = parsed(h, wrong[i].json);
        assert_status(wrong[i].status,
                      pz_record_many(h->engine, records, 2, NULL, numbers, &kit_error));
        assert_non_null(strstr(kit_error.message, wrong[i].word));
        assert_non_null(strstr(kit_error.message, "record 2"));
        assert_int_equal(numbers[0], 0);
        assert_string_equal(found(h, NULL), "");
    }
}

static void sizes_have_limits(void **state)
{
    home *h = *state;
    static char note[PZ_RECORD_NOTE_MAX + 2];
    memset(note, 'n', PZ_RECORD_NOTE_MAX);
    record(h, NULL, "greet", note);
    note[PZ_RECORD_NOTE_MAX] = 'n';
    const pz_record_options longer = {PZ_RECORD_OPTIONS, .note = note};
    assert_status(PZ_ERR_LIMIT,
                  pz_record(NULL, h->context, decide(h, NULL, "greet"), &longer, &kit_error));
    const pz_record_options bad = {PZ_RECORD_OPTIONS, .note = "\xff"};
    assert_status(PZ_ERR_PARSE,
                  pz_record(NULL, h->context, decide(h, NULL, "greet"), &bad, &kit_error));
    static pz_value many[PZ_RECORD_MANY_MAX + 1];
    assert_status(PZ_ERR_LIMIT,
                  pz_record_many(h->engine, many, PZ_RECORD_MANY_MAX + 1, NULL, NULL, &kit_error));
}

/* A record whose canonical bytes have exactly `len`: the host's own member fills it up. */
static pz_value record_of(home *h, size_t len)
{
    static char fill[PZ_RECORD_BYTES_MAX];
    pz_value map = made(h, NULL, "greet", NULL), out;
    pz_entry entries[32];
    memset(fill, 'f', sizeof fill);
    for (uint32_t i = 0; i < map.len; i++)
        entries[i] = pz_value_entry(map, i);
    entries[map.len] = (pz_entry){pz_value_str("fill"), pz_value_strn(fill, 60000)};
    for (size_t last = 0, fill_len = 60000; last != len;) {
        pz__buf bytes;
        pz__buf_init(&bytes, NULL, 1u << 20);
        entries[map.len].value = pz_value_strn(fill, fill_len);
        assert_ok(pz_pool_map(h->pool, &out, entries, map.len + 1));
        pz__value_encode(&bytes, out);
        last = bytes.len;
        fill_len += len - last;
        pz__buf_clear(&bytes);
    }
    return out;
}

static void bytes_of_a_record_have_a_limit(void **state)
{
    home *h = *state;
    const pz_value most = record_of(h, PZ_RECORD_BYTES_MAX);
    const pz_value more = record_of(h, PZ_RECORD_BYTES_MAX + 1);
    assert_ok(pz_record_many(h->engine, &most, 1, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz_record_many(h->engine, &more, 1, NULL, NULL, &kit_error));
    assert_string_equal(found(h, NULL), "1:");
}

#ifdef PZ_WITH_LMDB
static void read_only_engines_read_records_and_keep_none(void **state)
{
    home *h = *state;
    pz_engine *reader;
    char address[300];
    record(h, NULL, "greet", "a");
    snprintf(address, sizeof address, "lmdb:%s/store", h->directory);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .store = address,
                                       .flags = PZ_ENGINE_READ_ONLY};
    assert_ok(pz_engine_open(&reader, &options, &kit_error));
    listing l = {.text = ""};
    const pz_value one = made(h, NULL, "greet", NULL);
    assert_ok(pz_each_record(reader, NULL, list_one, &l, &kit_error));
    assert_string_equal(l.text, "1:a");
    assert_status(PZ_ERR_STATE, pz_record_many(reader, &one, 1, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_STATE, pz_records_expire(reader, NOW, NULL, &kit_error));
    pz_engine_close(reader);
}
#endif

/* ---- sinks ---- */

typedef struct sunk {
    char taken[256], erased[256];
    pz_status status;
} sunk;

static pz_status take(void *payload, pz_value map)
{
    sunk *s = payload;
    const pz_str note = pz_value_text(pz_value_get(map, "note", 4, NULL));
    strncat(s->taken, note.data ? note.data : "-", note.data ? note.len : 1);
    return s->status;
}

static pz_status forget(void *payload, pz_str id)
{
    sunk *s = payload;
    strncat(s->erased, id.data, id.len);
    strcat(s->erased, " ");
    return s->status;
}

static void a_sink_takes_records_and_is_told_whom_to_erase(void **state)
{
    (void)state;
    home h = {.now_ms = NOW};
    sunk s = {.status = PZ_OK};
    const pz_record_sink sink = {PZ_RECORD_SINK, .payload = &s, .take = take, .erase = forget};
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .clock = home_clock, .clock_payload = &h,
                                       .records = &sink};
    assert_ok(pz_engine_open(&h.engine, &options, &kit_error));
    assert_ok(pz_context_new(&h.context, h.engine, &kit_error));
    load(&h, records_json);
    pz_profile *ann = customer(&h, "email", "ann@example.com");
    assert_int_equal(record(&h, ann, "greet", "a"), 0);
    record(&h, ann, "hero", "b");
    assert_string_equal(s.taken, "ab");
    assert_string_equal(found(&h, NULL), "");
    s.status = PZ_ERR_IO;
    assert_status(PZ_ERR_IO,
                  pz_record(NULL, h.context, decide(&h, ann, "greet"), NULL, &kit_error));
    assert_status(PZ_ERR_IO, pz_erase(h.engine, id_of(ann), NULL, 0, NULL, &kit_error));
    assert_ok(pz_profile_refresh(ann, &kit_error)); /* still there */
    s.status = PZ_OK;
    s.erased[0] = '\0';
    assert_ok(pz_erase(h.engine, id_of(ann), NULL, 0, NULL, &kit_error));
    assert_memory_equal(s.erased, id_of(ann), 36);
    assert_status(PZ_ERR_NOT_FOUND, pz_erase(h.engine, "guest", NULL, 0, NULL, &kit_error));
    assert_non_null(strstr(s.erased, "guest"));
    pz_profile_free(ann);
    pz_context_free(h.context);
    pz_engine_close(h.engine);
    const pz_record_sink half = {PZ_RECORD_SINK, .take = take};
    const pz_engine_options wrong = {PZ_ENGINE_OPTIONS, .records = &half};
    assert_status(PZ_ERR_ARG, pz_engine_open(&h.engine, &wrong, &kit_error));
}

/* ---- damage ---- */

static pz_status append_junk(void *payload, pz__store_txn *txn, const void *bytes, size_t len,
                             pz__buf *new_bytes, pz__update_action *action)
{
    (void)payload, (void)bytes, (void)len, (void)new_bytes, (void)action;
    return pz__store_txn_append(txn, PZ__STR("\x1frecords"), "junk", 4, NULL, NULL);
}

static void a_damaged_record_is_named_and_can_be_removed(void **state)
{
    home *h = *state;
    listing l = {.text = ""};
    uint64_t removed;
    record(h, NULL, "greet", "a");
    assert_ok(pz__store_update(h->engine->store, PZ__STR("x"), append_junk, NULL, &kit_error));
    assert_status(PZ_ERR_CORRUPT, pz_each_record(h->engine, NULL, list_one, &l, &kit_error));
    assert_non_null(strstr(kit_error.message, "record 2"));
    assert_ok(pz_records_expire(h->engine, NOW - DAY, &removed, &kit_error));
    assert_int_equal(removed, 1);
    assert_string_equal(found(h, NULL), "1:a");
}

/* ---- memory ---- */

static int64_t fixed_clock(void *payload)
{
    (void)payload;
    return NOW;
}

static pz_status ask_and_record(pz_engine *engine, const pz_profile *ann)
{
    pz_context *context;
    const pz_decision *hero;
    pz_status status = pz_context_new(&context, engine, NULL);
    if (status != PZ_OK)
        return status;
    status = pz_context_begin(context, 0, NULL);
    if (status == PZ_OK)
        status = pz_decide(&hero, context, ann, "hero", NULL);
    if (status == PZ_OK)
        status = pz_record(NULL, context, hero, NULL, NULL);
    pz_context_free(context);
    return status;
}

static pz_status count_one(void *payload, uint64_t number, pz_value map)
{
    (void)number, (void)map;
    ++*(uint32_t *)payload;
    return PZ_OK;
}

static pz_status list_everything(pz_engine *engine, const pz_alloc *alloc)
{
    pz_pool *pool;
    pz_value list;
    pz_status status = pz_pool_new(&pool, alloc);
    if (status != PZ_OK)
        return status;
    status = pz_record_list(engine, NULL, pool, &list, NULL);
    if (status == PZ_OK)
        status = pz_profile_ids(engine, pool, &list, NULL);
    pz_pool_free(pool);
    return status;
}

static pz_status use_records(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz_engine *engine;
    pz_profile *ann = NULL;
    uint32_t count = 0;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock};
    pz_status status = pz_engine_open(&engine, &options, NULL);
    if (status != PZ_OK)
        return status;
    status = pz_engine_load_text(engine, "c", records_json, sizeof records_json - 1, NULL, NULL);
    if (status == PZ_OK)
        status = pz_customer(&ann, engine, "card", "1", NULL);
    if (status == PZ_OK)
        status = pz_choose(ann, "language", pz_value_str("de"), NULL, NULL);
    if (status == PZ_OK)
        status = ask_and_record(engine, ann);
    if (status == PZ_OK)
        status = pz_each_record(engine, NULL, count_one, &count, NULL);
    if (status == PZ_OK)
        status = list_everything(engine, alloc);
    if (status == PZ_OK) {
        assert_int_equal(count, 1);
        status = pz_erase(engine, id_of(ann), NULL, 0, NULL, NULL);
    }
    if (status == PZ_OK)
        status = pz_records_expire(engine, NOW + 1, NULL, NULL);
    pz_profile_free(ann);
    pz_engine_close(engine);
    return status;
}

static void exhaustion_keeps_all_or_nothing(void **state)
{
    (void)state;
    oom_run(use_records, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_MEMORY(a_record_says_what_was_decided_and_on_what_grounds),
        IN_MEMORY(a_record_names_what_was_withheld_and_holds_no_answer),
        IN_MEMORY(what_was_used_is_named_with_its_class),
        IN_MEMORY(recording_changes_no_decision),
        IN_MEMORY(value_and_person_can_be_left_out),
        IN_MEMORY(a_value_that_json_lacks_is_not_kept),
        IN_MEMORY(a_record_of_a_person_names_all_members),
        IN_MEMORY(records_are_found_by_number_subject_and_decision),
        IN_MEMORY(a_visitor_may_stop_and_wrong_questions_are_refused),
        IN_MEMORY(many_go_through_json_and_stay_what_they_are),
        IN_MEMORY(what_is_no_record_is_named_and_nothing_kept),
        IN_MEMORY(sizes_have_limits),
        IN_MEMORY(bytes_of_a_record_have_a_limit),
        IN_MEMORY(a_damaged_record_is_named_and_can_be_removed),
        cmocka_unit_test(a_sink_takes_records_and_is_told_whom_to_erase),
        cmocka_unit_test(exhaustion_keeps_all_or_nothing),
#ifdef PZ_WITH_LMDB
        ON_DISK(records_are_found_by_number_subject_and_decision),
        ON_DISK(read_only_engines_read_records_and_keep_none),
#endif
    };
    return cmocka_run_group_tests_name("records", tests, NULL, NULL);
}
