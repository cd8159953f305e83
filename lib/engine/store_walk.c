/*
 * store_walk.c: going through a store in steps, and telling somebody how far it is.
 *
 * A chunk is a run of records copied out of the store:
 *
 *     { key length, key, record length, record }*
 *
 * at most PZ__CHUNK_RECORDS_MAX of them, and no more once they take PZ__CHUNK_BYTES_MAX. So memory
 * is bounded by the chunk and one record, however large the store is (in Redis, the names of all
 * records besides, which the backend has to gather).
 */
#include "engine/store_work.h"

#include <stdarg.h>
#include <stdio.h>

/* ---- following ---- */

static const pz_store_watch default_watch = {PZ_STORE_WATCH};

pz_status pz__watch_begin(pz__watch *watch, const pz_store_watch *given,
                          const pz_store_outcome *outcome, pz_error *err)
{
    *watch = (pz__watch){.how = default_watch};
    if (outcome && outcome->size < sizeof(uint32_t))
        return pz__fail(err, PZ_ERR_ARG, "an outcome begins with its size");
    if (!given)
        return PZ_OK;
    if (!pz__is_known_size(given, given->size, sizeof watch->how))
        return pz__fail(err, PZ_ERR_ARG, "begin a pz_store_watch with PZ_STORE_WATCH");
    memcpy(&watch->how, given, given->size < sizeof watch->how ? given->size : sizeof watch->how);
    if (watch->how.flags & ~(uint32_t)PZ_STORE_AFRESH)
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    return PZ_OK;
}

pz_status pz__watch_step(pz__watch *watch, uint64_t more)
{
    watch->done += more;
    if (!watch->how.progress)
        return PZ_OK;
    const pz_store_progress now = {sizeof now, watch->done, watch->total};
    return watch->how.progress(watch->how.payload, &now);
}

pz_status pz__watch_fault(pz__watch *watch, pz__fault fault, const char *format, ...)
{
    char message[PZ_ERROR_MESSAGE_MAX];
    va_list args;
    watch->outcome.faults++;
    if (!watch->how.fault)
        return PZ_OK;
    va_start(args, format);
    vsnprintf(message, sizeof message, format, args);
    va_end(args);
    const pz_store_fault told = {
        .size = sizeof told,
        .kind = fault.kind,
        .key = fault.key,
        .identifier = fault.identifier,
        .status = fault.status,
        .message = message,
    };
    return watch->how.fault(watch->how.payload, &told);
}

pz_status pz__watch_end(const pz__watch *watch, pz_store_outcome *outcome, pz_status status)
{
    if (!outcome)
        return status;
    const uint32_t size = outcome->size;
    pz_store_outcome known = watch->outcome;
    known.size = size;
    memcpy(outcome, &known, size < sizeof known ? size : sizeof known);
    return status;
}

/* ---- chunks ---- */

void pz__chunk_init(pz__chunk *chunk, const pz_alloc *alloc)
{
    chunk->count = 0;
    /* Full only behind the record that filled it. */
    pz__buf_init(&chunk->bytes, alloc,
                 PZ__CHUNK_BYTES_MAX + PZ__STORE_RECORD_MAX + PZ__STORE_IDENTIFIER_MAX + 32);
}

bool pz__chunk_is_full(const pz__chunk *chunk)
{
    return chunk->count == PZ__CHUNK_RECORDS_MAX || chunk->bytes.len >= PZ__CHUNK_BYTES_MAX;
}

pz_status pz__chunk_put(pz__chunk *chunk, pz_str name, const void *bytes, size_t len, pz_error *err)
{
    pz__buf_varint(&chunk->bytes, name.len);
    pz__buf_put(&chunk->bytes, name.data, name.len);
    pz__buf_varint(&chunk->bytes, len);
    pz__buf_put(&chunk->bytes, bytes, len);
    chunk->count++;
    if (chunk->bytes.status == PZ_OK)
        return PZ_OK;
    return pz__fail(err, chunk->bytes.status, "%s", pz_status_text(chunk->bytes.status));
}

bool pz__chunk_next(pz__cursor *from, pz_str *name, pz_str *bytes)
{
    if (pz__cursor_left(from) == 0)
        return false;
    name->len = (size_t)pz__cursor_varint(from);
    name->data = (const char *)pz__cursor_take(from, name->len);
    bytes->len = (size_t)pz__cursor_varint(from);
    bytes->data = (const char *)pz__cursor_take(from, bytes->len);
    return !from->bad;
}

/* ---- walking ---- */

typedef struct walk {
    pz__chunk chunk;
    char after[PZ__STORE_KEY_MAX];
    size_t after_len;
    bool can_seek, is_full;
    pz__chunk_fn fn;
    void *payload;
    pz_error *err;
} walk;

static pz_status work(walk *w)
{
    if (w->chunk.count == 0)
        return PZ_OK;
    const pz_status status = w->fn(w->payload, &w->chunk);
    pz__buf_reset(&w->chunk.bytes);
    w->chunk.count = 0;
    return status;
}

static pz_status take_record(void *payload, pz_str key, const void *bytes, size_t len)
{
    walk *w = payload;
    const pz_status status = pz__chunk_put(&w->chunk, key, bytes, len, w->err);
    /* Nothing goes on behind what could not be opened: its key is not known. */
    if (status != PZ_OK || !pz__chunk_is_full(&w->chunk) || (w->can_seek && !bytes))
        return status;
    if (!w->can_seek)
        return work(w);
    memcpy(w->after, key.data, key.len);
    w->after_len = key.len;
    w->is_full = true;
    return PZ_ERR_BUSY; /* any status ends the iteration */
}

pz_status pz__walk_records(pz__store *store, const pz_alloc *alloc, pz_str after, pz__chunk_fn fn,
                           void *payload, pz_error *err)
{
    walk w = {.can_seek = pz__store_can_seek(store), .fn = fn, .payload = payload, .err = err};
    pz_status status = PZ_OK;
    pz__chunk_init(&w.chunk, alloc);
    memcpy(w.after, after.len ? after.data : "", after.len);
    w.after_len = after.len;
    do {
        w.is_full = false;
        status =
            pz__store_iterate_after(store, (pz_str){w.after, w.after_len}, take_record, &w, err);
        if (w.is_full || status == PZ_OK)
            status = work(&w);
    } while (w.is_full && status == PZ_OK);
    pz__buf_clear(&w.chunk.bytes);
    return status;
}
