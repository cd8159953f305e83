/*
 * records.c: decision records in the store: their bytes, where they stand, and how they leave.
 *
 *     stream 0x1f "records"                    number -> record, in the order of recording
 *     index  0x1f "records" 0x1f "s" subject   ->  numbers (8) of the records about a profile
 *     index  0x1f "records" 0x1f "d" id (16)   ->  numbers (8) of the records of a decision
 *
 * Numbers are big-endian, so lists of them come sorted. Record and entries change in one
 * transaction, so erasing a person reads what is about that person and nothing else. Identifiers
 * that begin with the separator are no customer's.
 *
 * A record is
 *
 *     50 5a 64      "PZd"
 *     octet         version of the envelope: 01
 *     8 octets      SipHash-2-4 of all that follows, under the library's fixed key, big-endian
 *     8 octets      the moment of the decision in milliseconds since 1970, biased, big-endian
 *     content       the canonical bytes of the record's map
 *
 * and never changes: it is written once and dropped whole. So it may be read outside of the
 * transaction that removes it; what two transactions do at once to one record shows in the lists.
 *
 * Where the catalog declares a retention, recording removes from the front of the stream what it
 * has passed, a little at a time. Records stand in the order of recording, which is nearly that of
 * their moments: one that came late leaves a little late. pz_records_expire() is exact and looks at
 * all.
 *
 * Not here: what a record says (decide/keep.c), and reading them (recall.c).
 */
#include "engine/records.h"

#include <inttypes.h>

#include "base/time.h"

static const uint8_t magic[3] = {0x50, 0x5a, 0x64};
#define ENVELOPE_VERSION 1u
#define HEADER_LEN 20u
#define CHECKSUM_AT 4u
#define SUMMED_AT 12u /* what the checksum is over */

/* Every so many numbers, so many of the oldest records are looked at: twice as many as come. */
#define SWEEP_EVERY 32u
#define SWEEP_MAX 64u
/* Records at the front that cannot be read and so stay: more than these are not looked behind. */
#define PASSED_MAX 1024u
/* Records that one transaction of pz_records_expire() removes. */
#define EXPIRE_MAX 256u

#define SUBJECT_PREFIX                                                                             \
    "\x1f"                                                                                         \
    "records"                                                                                      \
    "\x1f"                                                                                         \
    "s"
#define DECISION_PREFIX                                                                            \
    "\x1f"                                                                                         \
    "records"                                                                                      \
    "\x1f"                                                                                         \
    "d"

pz_str pz__records_stream(void)
{
    return PZ__STR("\x1f"
                   "records");
}

static pz_str joined(pz__record_name *room, const char *prefix, const void *rest, size_t len)
{
    const size_t before = strlen(prefix);
    memcpy(room->bytes, prefix, before);
    memcpy(room->bytes + before, rest, len);
    return (pz_str){room->bytes, before + len};
}

pz_str pz__records_of_subject(pz__record_name *room, pz_str subject)
{
    return joined(room, SUBJECT_PREFIX, subject.data, subject.len);
}

pz_str pz__records_of_decision(pz__record_name *room, pz__digest id)
{
    return joined(room, DECISION_PREFIX, id.bytes, sizeof id.bytes);
}

static void put_be64(char out[8], uint64_t n)
{
    for (unsigned i = 0; i < 8; i++)
        out[i] = (char)(n >> (56 - 8 * i));
}

bool pz__records_next(pz__cursor *from, uint64_t *number)
{
    pz__cursor one;
    if (pz__cursor_left(from) == 0)
        return false;
    const size_t len = (size_t)pz__cursor_varint(from);
    const uint8_t *digits = pz__cursor_take(from, len);
    pz__cursor_init(&one, digits, digits ? len : 0);
    *number = pz__cursor_be64(&one);
    return !from->bad && !one.bad;
}

/* ---- the bytes of a record ---- */

static uint64_t biased(int64_t n)
{
    return (uint64_t)n ^ UINT64_C(1) << 63;
}

static pz_status encode(const pz__kept *kept, pz__buf *out)
{
    pz__buf_reset(out);
    pz__buf_put(out, magic, sizeof magic);
    pz__buf_byte(out, ENVELOPE_VERSION);
    pz__buf_be64(out, 0);
    pz__buf_be64(out, biased(kept->at_ms));
    pz__value_encode(out, kept->map);
    if (out->status != PZ_OK)
        return out->status;
    put_be64(out->data + CHECKSUM_AT,
             pz__siphash(pz__fixed_key, out->data + SUMMED_AT, out->len - SUMMED_AT));
    return PZ_OK;
}

/* Check the envelope; the cursor then stands at the content. */
static pz_status open_envelope(pz__cursor *in, int64_t *at_ms, pz_error *err)
{
    if (pz__cursor_left(in) == 0)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "it cannot be opened: it is damaged, or was sealed with a key that the "
                        "hooks do not have");
    const uint8_t *found = pz__cursor_take(in, sizeof magic);
    const uint8_t version = pz__cursor_byte(in);
    const uint64_t sum = pz__cursor_be64(in);
    if (in->bad || memcmp(found, magic, sizeof magic) != 0)
        return pz__fail(err, PZ_ERR_CORRUPT, "the entry is no decision record of this library");
    if (version != ENVELOPE_VERSION)
        return pz__fail(err, PZ_ERR_VERSION,
                        "a later version of the library wrote the decision record; use that one");
    if (pz__siphash(pz__fixed_key, in->next, pz__cursor_left(in)) != sum)
        return pz__fail(err, PZ_ERR_CORRUPT,
                        "the decision record is damaged: its checksum does not match");
    *at_ms = (int64_t)(pz__cursor_be64(in) ^ UINT64_C(1) << 63);
    return in->bad ? pz__fail(err, PZ_ERR_CORRUPT, "the decision record is cut short") : PZ_OK;
}

pz_status pz__kept_decode(pz__kept *out, pz__arena *arena, const void *bytes, size_t len,
                          pz_error *err)
{
    pz__cursor in;
    pz_value map;
    pz__cursor_init(&in, bytes, len);
    pz_status status = open_envelope(&in, &out->at_ms, err);
    if (status != PZ_OK)
        return status;
    status = pz__value_decode(arena, &in, &map);
    if (status == PZ_ERR_NOMEM)
        return pz__fail(err, status, "out of memory");
    if (status != PZ_OK || pz__cursor_left(&in) || pz__kept_read(out, arena, map, NULL) != PZ_OK)
        return pz__fail(err, PZ_ERR_CORRUPT, "the decision record does not say what one says");
    return PZ_OK;
}

/* ---- what a record has to say ---- */

static pz_value member_of(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

static bool read_digit(char c, uint8_t *out)
{
    const bool is_number = c >= '0' && c <= '9';
    *out = (uint8_t)(is_number ? c - '0' : c - 'a' + 10);
    return is_number || (c >= 'a' && c <= 'f');
}

bool pz__digest_read(pz_str text, pz__digest *out)
{
    for (size_t i = 0; i < sizeof out->bytes; i++) {
        uint8_t high, low;
        if (text.len != 2 * sizeof out->bytes || !read_digit(text.data[2 * i], &high) ||
            !read_digit(text.data[2 * i + 1], &low))
            return false;
        out->bytes[i] = (uint8_t)(high << 4 | low);
    }
    return true;
}

static bool read_moment(pz_value value, int64_t *out)
{
    if (value.kind == PZ_STRING)
        return pz__rfc3339_parse_ms(value.as.text, value.len, out);
    if (value.kind != PZ_TIMESTAMP || value.as.i < PZ__TIME_MIN_S || value.as.i > PZ__TIME_MAX_S)
        return false;
    *out = value.as.i * 1000 + value.len / 1000000;
    return true;
}

static bool is_subject(pz_value value)
{
    return value.kind == PZ_STRING && value.len > 0 && value.len <= PZ__SUBJECT_MAX;
}

static bool are_subjects(pz_value list)
{
    if (list.kind == PZ_NULL)
        return true;
    bool is_good = list.kind == PZ_LIST && list.len > 0 && list.len <= PZ__PERSON_MEMBERS_MAX;
    for (uint32_t i = 0; is_good && i < list.len; i++)
        is_good = is_subject(pz_value_item(list, i));
    return is_good;
}

/* Without "number", which is given here, and with the moment as one. */
static pz_status own_map(pz__arena *arena, const pz__kept *kept, pz_value given, pz_value *out)
{
    pz_entry *entries = pz__arena_array(arena, given.len, sizeof *entries);
    uint32_t count = 0;
    if (!entries)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < given.len; i++) {
        pz_entry entry = pz_value_entry(given, i);
        const pz_str name = pz_value_text(entry.key);
        if (pz__str_equal(name, PZ__STR("number")))
            continue;
        if (pz__str_equal(name, PZ__STR("at")))
            entry.value = pz_value_time_ms(kept->at_ms);
        entries[count++] = entry;
    }
    return pz__value_of_entries(arena, out, entries, count, PZ__DUP_REFUSE);
}

static pz_status no_record(pz_error *err, const char *what)
{
    return pz__fail(err, PZ_ERR_TYPE, "what is to be kept is no decision record: %s", what);
}

pz_status pz__kept_read(pz__kept *out, pz__arena *arena, pz_value given, pz_error *err)
{
    pz__digest catalog;
    if (given.kind != PZ_MAP)
        return no_record(err, "it is no map");
    if (!pz__digest_read(pz_value_text(member_of(given, "id")), &out->id))
        return no_record(err, "\"id\" has to be 32 hexadecimal digits");
    if (!pz__digest_read(pz_value_text(member_of(given, "catalog")), &catalog))
        return no_record(err, "\"catalog\" has to be 32 hexadecimal digits");
    if (!pz_value_text(member_of(given, "decision")).len)
        return no_record(err, "\"decision\" has to be a name");
    if (!read_moment(member_of(given, "at"), &out->at_ms))
        return no_record(err, "\"at\" has to be a moment");
    out->subject = member_of(given, "subject");
    out->members = member_of(given, "members");
    if (out->subject.kind != PZ_NULL && !is_subject(out->subject))
        return no_record(err, "\"subject\" has to be the id of a profile");
    if (!are_subjects(out->members))
        return no_record(err, "\"members\" has to be a list of ids of profiles");
    const pz_status status = own_map(arena, out, given, &out->map);
    return status == PZ_OK ? status : pz__fail(err, status, "%s", pz_status_text(status));
}

uint32_t pz__kept_subject_count(const pz__kept *kept)
{
    return kept->members.len + (kept->subject.kind == PZ_STRING);
}

pz_str pz__kept_subject(const pz__kept *kept, uint32_t index)
{
    return pz_value_text(index < kept->members.len ? pz_value_item(kept->members, index)
                                                   : kept->subject);
}

/* ---- in and out of the store ---- */

pz_status pz__kept_index(pz__store_txn *txn, const pz__kept *kept, uint64_t number, bool is_present,
                         pz_error *err)
{
    char digits[8];
    pz__record_name room;
    const pz_str key = {digits, sizeof digits};
    put_be64(digits, number);
    pz_status status =
        pz__store_txn_index(txn, pz__records_of_decision(&room, kept->id), key, is_present, err);
    for (uint32_t i = 0; i < pz__kept_subject_count(kept) && status == PZ_OK; i++)
        status = pz__store_txn_index(txn, pz__records_of_subject(&room, pz__kept_subject(kept, i)),
                                     key, is_present, err);
    return status;
}

/* Work on records: what several steps share. */
typedef struct work {
    pz_engine *engine;
    const pz__catalog *catalog; /* NULL: none is in force */
    int64_t now_ms;
    pz__store_txn *txn;
    pz__arena arena; /* of one record */
    pz__buf bytes;
    pz_error *err;
} work;

static void work_open(work *w, pz_engine *engine, pz_error *err)
{
    *w = (work){.engine = engine, .now_ms = pz__engine_now(engine, 0), .err = err};
    pz__arena_init(&w->arena, &engine->alloc, 0);
    pz__buf_init(&w->bytes, &engine->alloc, HEADER_LEN + PZ_RECORD_BYTES_MAX);
}

static void work_close(work *w)
{
    pz__arena_clear(&w->arena);
    pz__buf_clear(&w->bytes);
}

static pz_status read_kept(work *w, uint64_t number, pz__kept *out)
{
    pz__buf_reset(&w->bytes);
    pz__arena_reset(&w->arena);
    const pz_status status =
        pz__store_entry(w->engine->store, pz__records_stream(), number, &w->bytes, w->err);
    return status == PZ_OK ? pz__kept_decode(out, &w->arena, w->bytes.data, w->bytes.len, w->err)
                           : status;
}

/* Remove one record. One that cannot be read goes as well: then only its number can be left in
 * lists, where it leads nowhere. */
static pz_status remove_kept(work *w, uint64_t number, bool *was_there)
{
    pz__kept kept;
    pz_status status = read_kept(w, number, &kept);
    *was_there = status != PZ_ERR_NOT_FOUND;
    if (status == PZ_OK)
        status = pz__kept_index(w->txn, &kept, number, false, w->err);
    else if (status == PZ_ERR_CORRUPT || status == PZ_ERR_NOT_FOUND)
        status = PZ_OK;
    return status == PZ_OK ? pz__store_txn_drop(w->txn, pz__records_stream(), number, w->err)
                           : status;
}

/* Records whose moment lies before another, from the front of the stream on. */
typedef struct overdue {
    work *work;
    int64_t before_ms;
    uint64_t numbers[EXPIRE_MAX];
    uint32_t count, most;
    uint32_t passed; /* not to be read by us */
    uint64_t last;   /* looked at */
    bool is_front;   /* stop at the first that stays */
    bool is_cut;     /* ended before the end of the stream */
    uint64_t removed;
} overdue;

static pz_status note_overdue(void *payload, uint64_t number, const void *bytes, size_t len)
{
    overdue *o = payload;
    pz__cursor in;
    int64_t at_ms;
    pz__cursor_init(&in, bytes, len);
    const pz_status status = open_envelope(&in, &at_ms, NULL);
    o->last = number;
    if (!bytes || status == PZ_ERR_VERSION)
        o->passed++; /* whoever has the key, or the version, may tell how old it is */
    else if (status == PZ_OK && at_ms >= o->before_ms)
        o->is_cut = o->is_front;
    else
        o->numbers[o->count++] = number;
    o->is_cut |= o->count == o->most || (o->is_front && o->passed == PASSED_MAX);
    return o->is_cut ? PZ_ERR_STATE : PZ_OK;
}

static pz_status find_overdue(work *w, overdue *o, uint64_t from)
{
    o->count = 0;
    o->is_cut = false;
    const pz_status status = pz__store_read_stream(w->engine->store, pz__records_stream(), from,
                                                   note_overdue, o, w->err);
    return o->is_cut ? PZ_OK : status;
}

/* The moment before which records are not kept; false: they are kept for good. */
static bool retention_ends(const work *w, int64_t *out)
{
    if (!w->catalog || w->catalog->record_retention_ms == 0)
        return false;
    *out = w->now_ms - w->catalog->record_retention_ms;
    return true;
}

static pz_status sweep(work *w)
{
    overdue o = {.most = SWEEP_MAX, .is_front = true};
    bool was_there;
    if (!retention_ends(w, &o.before_ms))
        return PZ_OK;
    pz_status status = find_overdue(w, &o, 1);
    for (uint32_t i = 0; i < o.count && status == PZ_OK; i++)
        status = remove_kept(w, o.numbers[i], &was_there);
    return status;
}

/* ---- recording ---- */

/* PZ_ERR_LATE for a record of somebody who was erased after that, or is gone for good. */
static pz_status check_erased(work *w, const pz__remembrance *memory, const pz__kept *kept)
{
    pz_status status = PZ_OK;
    if (!memory->has_any)
        return PZ_OK;
    for (uint32_t i = 0; i < pz__kept_subject_count(kept) && status == PZ_OK; i++) {
        const pz_str subject = pz__kept_subject(kept, i);
        int64_t erased_ms;
        status = pz__erased_subject(memory, subject, &erased_ms, w->err);
        if (status != PZ_OK || erased_ms == INT64_MIN)
            continue;
        pz__buf_reset(&w->bytes);
        status = pz__store_txn_get(w->txn, subject, &w->bytes, w->err);
        if (status == PZ_ERR_NOT_FOUND)
            return pz__fail(w->err, PZ_ERR_LATE, "the person of this record has been erased");
        /* That the profile is longer than a record may be says that it is there. */
        if (status == PZ_OK || status == PZ_ERR_LIMIT)
            status = pz__erased_refuses(erased_ms, kept->at_ms, w->err);
    }
    return status;
}

static pz_status append(work *w, const pz__kept *kept, uint64_t *number)
{
    pz_status status = encode(kept, &w->bytes);
    if (status == PZ_ERR_LIMIT)
        return pz__fail(w->err, status, "a decision record has at most %u bytes",
                        PZ_RECORD_BYTES_MAX);
    if (status != PZ_OK)
        return pz__fail(w->err, status, "%s", pz_status_text(status));
    status = pz__store_txn_append(w->txn, pz__records_stream(), w->bytes.data, w->bytes.len, number,
                                  w->err);
    if (status == PZ_OK)
        status = pz__kept_index(w->txn, kept, *number, true, w->err);
    return status == PZ_OK && *number % SWEEP_EVERY == 0 ? sweep(w) : status;
}

static pz_status check_time(const work *w, const pz__kept *kept)
{
    if (kept->at_ms <= w->now_ms || kept->at_ms - w->now_ms <= w->engine->skew_ms)
        return PZ_OK;
    return pz__fail(w->err, PZ_ERR_TIME,
                    "the decision lies beyond now and the allowed skew of %" PRId64 " ms",
                    w->engine->skew_ms);
}

/* Who gave the record that is wrong a number of its own among many is told which it is. */
static pz_status name_record(pz_error *err, pz_status status, size_t index, size_t count)
{
    pz_error why;
    if (!err || count == 1)
        return status;
    why = *err;
    return pz__fail(err, status, "record %zu: %s", index + 1, why.message);
}

/* What a host gives may be anything: it is copied first, which checks it. */
static pz_status take_in(work *w, pz_value given, pz__kept *out)
{
    pz_value copy;
    pz__arena_reset(&w->arena);
    pz_status status = pz__value_copy(&w->arena, &copy, given);
    if (status != PZ_OK)
        return pz__fail(w->err, status, "the record cannot be kept: %s", pz_status_text(status));
    status = pz__kept_read(out, &w->arena, copy, w->err);
    if (status == PZ_OK && !pz__value_has_json(copy))
        return pz__fail(w->err, PZ_ERR_DOMAIN,
                        "the record holds a number that is not finite, or a timestamp outside the "
                        "years 1 to 9999, and nobody could list it: keep it without its value");
    return status == PZ_OK ? check_time(w, out) : status;
}

static pz_status keep_one(work *w, const pz__remembrance *memory, pz_value given, uint64_t *number)
{
    pz__kept kept;
    *number = 0;
    pz_status status = take_in(w, given, &kept);
    if (status == PZ_OK)
        status = check_erased(w, memory, &kept);
    return status == PZ_OK ? append(w, &kept, number) : status;
}

typedef struct keeping {
    work *work;
    const pz_value *records;
    size_t count;
    uint64_t *numbers;
    bool is_single; /* a late record fails the call */
} keeping;

/* One attempt, inside its transaction. */
static pz_status keep_all(void *payload, pz__store_txn *txn)
{
    const keeping *k = payload;
    work *w = k->work;
    pz__remembrance memory;
    w->txn = txn;
    pz_status status =
        pz__erased_open(&memory, &w->engine->alloc, txn, w->catalog, w->now_ms, w->err);
    for (size_t i = 0; i < k->count && status == PZ_OK; i++) {
        uint64_t number;
        status = keep_one(w, &memory, k->records[i], &number);
        if (k->numbers)
            k->numbers[i] = number;
        if (status == PZ_ERR_LATE && !k->is_single)
            status = PZ_OK;
        if (status != PZ_OK)
            status = name_record(w->err, status, i, k->count);
    }
    return status;
}

static pz_status hand_over(work *w, const pz_value *records, size_t count, uint64_t *numbers)
{
    const pz_record_sink *sink = &w->engine->records;
    pz_status status = PZ_OK;
    for (size_t i = 0; i < count && status == PZ_OK; i++) {
        pz__kept kept;
        if (numbers)
            numbers[i] = 0;
        status = take_in(w, records[i], &kept);
        if (status != PZ_OK)
            return name_record(w->err, status, i, count);
        status = sink->take(sink->payload, kept.map);
        if (status != PZ_OK)
            pz__fail(w->err, status, "the sink of decision records failed: %s",
                     pz_status_text(status));
    }
    return status;
}

pz_status pz__records_keep(pz_engine *engine, const pz__keep *how, const pz_value *records,
                           size_t count, uint64_t *numbers, pz_error *err)
{
    work w;
    pz_status status;
    if (!engine->has_sink && engine->is_read_only)
        return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
    pz__pin pin = pz__pins_take(&engine->pins);
    work_open(&w, engine, err);
    w.catalog = pin.catalog;
    w.now_ms = how->now_ms;
    keeping k = {&w, records, count, numbers, how->is_single};
    status = engine->has_sink
                 ? hand_over(&w, records, count, numbers)
                 : pz__store_transact(engine->store, how->durability, keep_all, &k, err);
    if (status != PZ_OK && numbers)
        memset(numbers, 0, count * sizeof *numbers);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    work_close(&w);
    pz__pins_give(&engine->pins, &pin);
    return status;
}

pz_status pz_record_many(pz_engine *engine, const pz_value *records, size_t count,
                         const pz_write *write, uint64_t *numbers, pz_error *err)
{
    if (!engine || (!records && count))
        return pz__fail(err, PZ_ERR_ARG, "an engine and records are needed");
    if (count > PZ_RECORD_MANY_MAX)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "more than %u records in one call: make several calls of them",
                        PZ_RECORD_MANY_MAX);
    pz__write read;
    pz__keep how = {.is_single = false};
    const pz_status status = pz__write_read(engine, write, &read, &how.durability, err);
    how.now_ms = read.now_ms;
    if (status != PZ_OK || count == 0)
        return status;
    return pz__records_keep(engine, &how, records, count, numbers, err);
}

/* ---- leaving ---- */

static pz_status tell_sink(const pz_engine *engine, pz_str subject, pz_error *err)
{
    const pz_status status = engine->records.erase(engine->records.payload, subject);
    return status == PZ_OK ? PZ_OK
                           : pz__fail(err, status, "the sink of decision records did not erase: %s",
                                      pz_status_text(status));
}

pz_status pz__records_erase(pz_engine *engine, pz__store_txn *txn, pz_str subject, bool *had_any,
                            pz_error *err)
{
    work w;
    pz__buf numbers;
    pz__record_name room;
    size_t count = 0;
    work_open(&w, engine, err);
    w.txn = txn;
    pz__buf_init(&numbers, &engine->alloc, PZ__STORE_RECORD_MAX);
    const pz_str identifier = pz__records_of_subject(&room, subject);
    pz_status status = pz__store_txn_lookup(txn, identifier, &numbers, &count, err);
    pz__cursor from;
    uint64_t number;
    pz__cursor_init(&from, numbers.data, numbers.len);
    *had_any = count > 0;
    while (status == PZ_OK && pz__records_next(&from, &number)) {
        char digits[8];
        bool was_there;
        put_be64(digits, number);
        status = remove_kept(&w, number, &was_there);
        if (status == PZ_OK)
            status =
                pz__store_txn_index(txn, identifier, (pz_str){digits, sizeof digits}, false, err);
    }
    if (status == PZ_OK && engine->has_sink)
        status = tell_sink(engine, subject, err);
    pz__buf_clear(&numbers);
    work_close(&w);
    return status;
}

/* Remove what was found, in one transaction. */
static pz_status remove_overdue(void *payload, pz__store_txn *txn)
{
    overdue *o = payload;
    work *w = o->work;
    pz_status status = PZ_OK;
    w->txn = txn;
    o->removed = 0;
    for (uint32_t i = 0; i < o->count && status == PZ_OK; i++) {
        bool was_there = false;
        status = remove_kept(w, o->numbers[i], &was_there);
        o->removed += was_there;
    }
    return status;
}

static pz_status expire(work *w, int64_t before_ms, uint64_t *removed)
{
    overdue o = {.work = w, .before_ms = before_ms, .most = EXPIRE_MAX, .last = 0, .is_cut = true};
    pz_status status = PZ_OK;
    while (status == PZ_OK && o.is_cut) {
        status = find_overdue(w, &o, o.last + 1);
        if (status != PZ_OK || o.count == 0)
            break;
        status = pz__store_transact(w->engine->store, PZ__AS_OPENED, remove_overdue, &o, w->err);
        *removed += status == PZ_OK ? o.removed : 0;
    }
    return status;
}

pz_status pz_records_expire(pz_engine *engine, int64_t before_ms, uint64_t *removed, pz_error *err)
{
    uint64_t count = 0;
    if (removed)
        *removed = 0;
    if (!engine)
        return pz__fail(err, PZ_ERR_ARG, "an engine is needed");
    if (engine->is_read_only)
        return pz__fail(err, PZ_ERR_STATE, "the engine was opened read-only");
    work w;
    pz__pin pin = pz__pins_take(&engine->pins);
    work_open(&w, engine, err);
    w.catalog = pin.catalog;
    const bool is_known = before_ms != 0 || retention_ends(&w, &before_ms);
    pz_status status = is_known
                           ? expire(&w, before_ms, &count)
                           : pz__fail(err, PZ_ERR_STATE,
                                      "no catalog in force says how long records are kept: declare "
                                      "\"records\": {\"retention\": \"90d\"} or give a moment");
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    work_close(&w);
    pz__pins_give(&engine->pins, &pin);
    if (removed)
        *removed = count;
    return status;
}
