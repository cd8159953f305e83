/*
 * store_kept.c: decision records of one store in another, and whether those of a store are sound.
 *
 * A record stands under a number that is its store's own, and the index leads to it from its
 * decision and from everybody it is about: that is how erasing somebody finds it. So a copy appends
 * it under a number of the target and makes the entries anew. It is the same record if its bytes
 * are: one that the target has, perhaps since it was copied from there, is not appended again. What
 * is about somebody whom the target erased at its moment or later stays out.
 *
 * Numbers of a stream need not follow each other: records leave.
 */
#include <inttypes.h>

#include "engine/store_work.h"

/* ---- copying ---- */

/* Whether one of the records of its decision in the target has these bytes. */
static pz_status is_there(const pz__kept_copy *c, const pz__kept *kept, pz_str bytes, bool *out)
{
    pz__record_name room;
    pz__buf numbers, other;
    uint64_t number;
    size_t count = 0;
    *out = false;
    pz__buf_init(&numbers, c->alloc, PZ__STORE_RECORD_MAX);
    pz__buf_init(&other, c->alloc, PZ__STORE_RECORD_MAX);
    pz_status status = pz__store_txn_lookup(c->txn, pz__records_of_decision(&room, kept->id),
                                            &numbers, &count, c->err);
    pz__cursor from;
    pz__cursor_init(&from, numbers.data, numbers.len);
    while (status == PZ_OK && !*out && pz__records_next(&from, &number)) {
        pz__buf_reset(&other);
        status = pz__store_entry(c->to, pz__records_stream(), number, &other, c->err);
        if (status == PZ_ERR_NOT_FOUND)
            status = PZ_OK; /* of this transaction */
        else
            *out = pz__str_equal((pz_str){other.data, other.len}, bytes);
    }
    pz__buf_clear(&other);
    pz__buf_clear(&numbers);
    return status;
}

static pz_status is_erased(const pz__kept_copy *c, const pz__kept *kept, bool *out)
{
    pz_status status = PZ_OK;
    *out = false;
    for (uint32_t i = 0; i < pz__kept_subject_count(kept) && status == PZ_OK && !*out; i++) {
        int64_t erased_ms;
        status = pz__erased_subject(c->erased, pz__kept_subject(kept, i), &erased_ms, c->err);
        *out = status == PZ_OK && pz__erased_refuses(erased_ms, kept->at_ms, NULL) != PZ_OK;
    }
    return status;
}

pz_status pz__kept_take(const pz__kept_copy *c, pz_str bytes, bool *is_new)
{
    pz__kept kept;
    uint64_t number;
    bool stays_out;
    *is_new = false;
    pz_status status = pz__kept_decode(&kept, c->scratch, bytes.data, bytes.len, c->err);
    if (status == PZ_OK)
        status = is_erased(c, &kept, &stays_out);
    if (status == PZ_OK && !stays_out)
        status = is_there(c, &kept, bytes, &stays_out);
    if (status == PZ_OK && !stays_out) {
        *is_new = true;
        status = pz__store_txn_append(c->txn, pz__records_stream(), bytes.data, bytes.len, &number,
                                      c->err);
        if (status == PZ_OK)
            status = pz__kept_index(c->txn, &kept, number, true, c->err);
    }
    pz__arena_reset(c->scratch);
    return status;
}

/* ---- verifying ---- */

static pz_status leads_to(const pz__kept_check *c, pz_str identifier, uint64_t number, bool *out)
{
    pz__buf numbers;
    uint64_t found;
    size_t count = 0;
    *out = false;
    pz__buf_init(&numbers, c->alloc, PZ__STORE_RECORD_MAX);
    const pz_status status = pz__store_lookup(c->store, identifier, &numbers, &count, c->err);
    pz__cursor from;
    pz__cursor_init(&from, numbers.data, numbers.len);
    while (status == PZ_OK && !*out && pz__records_next(&from, &found))
        *out = found == number;
    pz__buf_clear(&numbers);
    return status == PZ_ERR_CORRUPT ? PZ_OK : status; /* what hooks cannot open leads nowhere */
}

/* Whether a record of this number has left meanwhile. */
static bool has_left(const pz__kept_check *c, uint64_t number)
{
    pz__buf bytes;
    pz__buf_init(&bytes, c->alloc, PZ__STORE_RECORD_MAX);
    const pz_status status = pz__store_entry(c->store, pz__records_stream(), number, &bytes, NULL);
    pz__buf_clear(&bytes);
    return status == PZ_ERR_NOT_FOUND;
}

static pz_status check_entries(const pz__kept_check *c, const pz__kept *kept, uint64_t number)
{
    pz__record_name room;
    bool is_led;
    pz_status status = leads_to(c, pz__records_of_decision(&room, kept->id), number, &is_led);
    for (uint32_t i = 0; status == PZ_OK && is_led && i < pz__kept_subject_count(kept); i++)
        status =
            leads_to(c, pz__records_of_subject(&room, pz__kept_subject(kept, i)), number, &is_led);
    if (status != PZ_OK || is_led || has_left(c, number))
        return status;
    return pz__watch_fault(
        c->watch, (pz__fault){PZ_FAULT_STREAM, pz__records_stream(), {NULL, 0}, PZ_ERR_NOT_FOUND},
        "decision record %" PRIu64 " is not found by everybody it is about, and erasing them would "
        "miss it; copy the store to a new place, which makes the index anew",
        number);
}

pz_status pz__kept_verify(const pz__kept_check *c, uint64_t number, pz_str bytes)
{
    pz__kept kept;
    pz_error why = PZ_ERROR_INIT;
    pz_status status = pz__kept_decode(&kept, c->scratch, bytes.data, bytes.len, &why);
    if (status == PZ_ERR_CORRUPT || status == PZ_ERR_VERSION)
        status = pz__watch_fault(
            c->watch,
            (pz__fault){status == PZ_ERR_VERSION ? PZ_FAULT_VERSION : PZ_FAULT_STREAM,
                        pz__records_stream(),
                        {NULL, 0},
                        status},
            "decision record %" PRIu64 ": %s", number, why.message);
    else if (status == PZ_OK)
        status = check_entries(c, &kept, number);
    pz__arena_reset(c->scratch);
    return status;
}
