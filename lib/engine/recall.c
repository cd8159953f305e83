/*
 * recall.c: reading decision records.
 *
 * All records are one walk over their stream. Those of one customer or one decision are found by
 * the list of their numbers (records.c), each read by itself: one that has been removed in between
 * is passed over.
 */
#include "engine/records.h"

#include <inttypes.h>

typedef struct recall {
    pz_engine *engine;
    pz_record_fn fn;
    void *payload;
    uint64_t from, left;
    pz__arena arena; /* of one record */
    pz__buf bytes;
    bool is_done; /* the limit is reached: the walk was stopped, and did not fail */
    pz_error *err;
} recall;

/* The map with its number in it. */
static pz_status numbered(recall *r, const pz__kept *kept, uint64_t number, pz_value *out)
{
    pz_entry *entries = pz__arena_array(&r->arena, kept->map.len + 1, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    entries[0] = (pz_entry){pz_value_str("number"), pz_value_uint(number)};
    if (number <= INT64_MAX)
        entries[0].value = pz_value_int((int64_t)number);
    for (uint32_t i = 0; i < kept->map.len; i++)
        entries[i + 1] = pz_value_entry(kept->map, i);
    return pz__value_of_entries(&r->arena, out, entries, kept->map.len + 1, PZ__DUP_REFUSE);
}

static pz_status show(void *payload, uint64_t number, const void *bytes, size_t len)
{
    recall *r = payload;
    pz__kept kept;
    pz_value map;
    pz_error why = PZ_ERROR_INIT;
    pz__arena_reset(&r->arena);
    pz_status status = pz__kept_decode(&kept, &r->arena, bytes, len, &why);
    if (status == PZ_OK)
        status = numbered(r, &kept, number, &map);
    if (status != PZ_OK)
        return pz__fail(r->err, status, "decision record %" PRIu64 ": %s", number,
                        why.message[0] ? why.message : pz_status_text(status));
    status = r->fn(r->payload, number, map);
    r->is_done = status == PZ_OK && --r->left == 0;
    return r->is_done ? PZ_ERR_STATE : status;
}

static pz_status show_all(recall *r)
{
    const pz_status status =
        pz__store_read_stream(r->engine->store, pz__records_stream(), r->from, show, r, r->err);
    return r->is_done ? PZ_OK : status;
}

/* Those whose numbers stand under an identifier. */
static pz_status show_listed(recall *r, pz_str identifier)
{
    pz__buf numbers;
    pz__cursor from;
    uint64_t number;
    size_t count;
    pz__buf_init(&numbers, &r->engine->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = pz__store_lookup(r->engine->store, identifier, &numbers, &count, r->err);
    pz__cursor_init(&from, numbers.data, numbers.len);
    while (status == PZ_OK && pz__records_next(&from, &number)) {
        if (number < r->from)
            continue;
        pz__buf_reset(&r->bytes);
        status = pz__store_entry(r->engine->store, pz__records_stream(), number, &r->bytes, r->err);
        if (status == PZ_OK)
            status = show(r, number, r->bytes.data, r->bytes.len);
        else if (status == PZ_ERR_NOT_FOUND)
            status = PZ_OK;
    }
    pz__buf_clear(&numbers);
    return r->is_done ? PZ_OK : status;
}

static pz_status read_query(const pz_record_query *given, pz_record_query *out, pz_error *err)
{
    static const pz_record_query all = {PZ_RECORD_QUERY};
    *out = all;
    if (given) {
        if (!pz__take_sized(out, sizeof *out, given))
            return pz__fail(err, PZ_ERR_ARG, "begin a pz_record_query with PZ_RECORD_QUERY");
    }
    if (out->flags)
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if (out->subject && out->id)
        return pz__fail(err, PZ_ERR_ARG, "ask for a subject or for a decision, not for both");
    return PZ_OK;
}

static pz_status show_wanted(recall *r, const pz_record_query *query)
{
    pz__record_name room;
    pz__digest id;
    if (query->subject) {
        const pz_str subject = pz_str_of(query->subject);
        if (subject.len == 0 || subject.len > PZ__SUBJECT_MAX)
            return pz__fail(r->err, PZ_ERR_ARG, "the id of a profile has 1 to %u bytes",
                            PZ__SUBJECT_MAX);
        return show_listed(r, pz__records_of_subject(&room, subject));
    }
    if (!query->id)
        return show_all(r);
    if (!pz__digest_read(pz_str_of(query->id), &id))
        return pz__fail(r->err, PZ_ERR_ARG, "the id of a decision is 32 hexadecimal digits");
    return show_listed(r, pz__records_of_decision(&room, id));
}

pz_status pz_each_record(pz_engine *engine, const pz_record_query *given, pz_record_fn fn,
                         void *payload, pz_error *err)
{
    pz_record_query query;
    if (!engine || !fn)
        return pz__fail(err, PZ_ERR_ARG, "an engine and a function are needed");
    pz_status status = read_query(given, &query, err);
    if (status != PZ_OK)
        return status;
    recall r = {.engine = engine,
                .fn = fn,
                .payload = payload,
                .from = query.from,
                .left = query.limit ? query.limit : UINT64_MAX,
                .err = err};
    pz__arena_init(&r.arena, &engine->alloc, 0);
    pz__buf_init(&r.bytes, &engine->alloc, PZ__STORE_RECORD_MAX);
    status = show_wanted(&r, &query);
    pz__buf_clear(&r.bytes);
    pz__arena_clear(&r.arena);
    return status;
}
