/*
 * decode.c: bytes that may come from anywhere become a profile, or are refused.
 *
 * Only the canonical spelling is accepted, so that for every accepted b, encode(decode(b)) == b:
 *
 *   - numbers in their shortest form, values in theirs (pz__value_decode), columns as narrow as can
 *     be, flags that spare octets set wherever they could be (read_items.c)
 *   - names sorted, no two alike, each of them used
 *   - attributes, claims, cells, events, sections and segments sorted, no two alike
 *   - nothing that an operation could not have stored: times out of range, weights of 0,
 *     confidences on what is not inferred, text that is not UTF-8, events below the floor
 *   - no empty section, no attribute of which nothing is said, nothing after the last segment
 *
 * A section with a tag that this version does not know is kept byte for byte.
 *
 * Counts are held against the bytes that are left before memory is asked for, so a short input
 * never makes a large allocation. The bytes of each segment are copied into its block, and what is
 * read borrows from there. Where sections lie and how single items are spelled is in read.c and
 * read_items.c, which the reader in place (peek.c) shares; here is what only a whole reading can
 * tell. Consents, forgettings, the ring and history: decode_causes.c.
 */
#include "profile/codec.h"

#include "base/utf8.h"

#include <string.h>

#define EVENT_LEN_MIN 17u

/* ---- names ---- */

/* One octet for each name: whether it is text, and later whether it is used. */
static pz_status check_names(pz__reader *r)
{
    const pz__name_table *names = &r->body->names;
    pz_str before = {NULL, 0};
    for (uint32_t i = 0; i < names->count; i++) {
        pz_str name;
        if (!pz__name_at(names, i, &name) || name.len == 0 || name.len > PZ__WHO_MAX)
            return pz__corrupt(r, "a name is empty, too long or out of bounds");
        if (i > 0 && pz__str_compare(before, name) >= 0)
            return pz__corrupt(r, "names are not in order");
        r->used[i] = pz__utf8_valid(name.data, name.len) ? 0 : PZ__NAME_NO_TEXT;
        before = name;
    }
    return PZ_OK;
}

static bool are_names_used(const pz__reader *r)
{
    for (uint32_t i = 0; i < r->body->names.count; i++)
        if (!(r->used[i] & PZ__NAME_USED))
            return false;
    return true;
}

/* ---- claims, cells and counters, attribute by attribute ---- */

static pz_status make_lists(pz__reader *r, pz__segment *s)
{
    const pz__body *body = r->body;
    s->claims = pz__mem_new(&s->alloc, body->claim_count, sizeof *s->claims);
    s->claim_cap = s->claims ? body->claim_count : 0;
    s->cells = pz__mem_new(&s->alloc, body->cell_count, sizeof *s->cells);
    s->cell_cap = s->cells ? body->cell_count : 0;
    s->counters = pz__mem_new(&s->alloc, body->counter_count, sizeof *s->counters);
    s->counter_cap = s->counters ? body->counter_count : 0;
    const bool has_all = s->claim_cap == body->claim_count && s->cell_cap == body->cell_count &&
                         s->counter_cap == body->counter_count;
    return has_all ? PZ_OK : pz__no_memory(r);
}

static pz_status read_claims(pz__reader *r, pz__segment *s, const pz__row *row)
{
    const pz_str run = row->runs[PZ__COLUMN_CLAIMS];
    const pz__claim *before = NULL;
    pz__cursor_init(&r->in, run.data, run.len);
    while (pz__cursor_left(&r->in) > 0) {
        if (s->claim_count == s->claim_cap)
            return pz__corrupt(r, "there are more claims than their count says");
        pz__claim *claim = &s->claims[s->claim_count];
        const pz_status status = pz__read_claim(r, row->runs[PZ__COLUMN_NAME], claim);
        if (status != PZ_OK)
            return status;
        if (before && pz__claim_compare(before, claim) >= 0)
            return pz__corrupt(r, "claims are not in order");
        before = claim;
        s->claim_count++;
    }
    return PZ_OK;
}

static pz_status read_cells(pz__reader *r, pz__segment *s, const pz__row *row)
{
    static const pz__cell nothing = {.weight = 0};
    const pz_str run = row->runs[PZ__COLUMN_CELLS];
    const pz__cell *before = &nothing;
    pz__cursor_init(&r->in, run.data, run.len);
    while (pz__cursor_left(&r->in) > 0) {
        if (s->cell_count == s->cell_cap)
            return pz__corrupt(r, "there are more cells than their count says");
        pz__cell *cell = &s->cells[s->cell_count];
        const pz_status status = pz__read_cell(r, row->runs[PZ__COLUMN_NAME], before, cell);
        if (status != PZ_OK)
            return status;
        if (before != &nothing && pz__cell_compare(before, cell) >= 0)
            return pz__corrupt(r, "cells are not in order");
        before = cell;
        s->cell_count++;
    }
    return PZ_OK;
}

static pz_status read_counter(pz__reader *r, pz__segment *s, const pz__row *row)
{
    const pz_str run = row->runs[PZ__COLUMN_COUNTER];
    if (run.len == 0)
        return PZ_OK;
    pz__kept_counter counter = {.name = row->runs[PZ__COLUMN_NAME]};
    pz__cursor_init(&r->in, run.data, run.len);
    if (s->counter_count == s->counter_cap || counter.name.len == 0 ||
        !pz__read_since(&r->in, &counter.since_ms) || pz__cursor_left(&r->in) != 0)
        return pz__corrupt(r, "a counter is malformed");
    s->counters[s->counter_count++] = counter;
    return PZ_OK;
}

static bool is_row_sound(const pz__row *row, const pz_str *before)
{
    const pz_str name = row->runs[PZ__COLUMN_NAME];
    const size_t said = row->runs[PZ__COLUMN_CLAIMS].len + row->runs[PZ__COLUMN_CELLS].len +
                        row->runs[PZ__COLUMN_COUNTER].len;
    return said > 0 && name.len <= PZ__NAME_MAX && pz__utf8_valid(name.data, name.len) &&
           (!before || pz__str_compare(*before, name) < 0);
}

static pz_status read_items(pz__reader *r, pz__segment *s)
{
    pz_status status = make_lists(r, s);
    pz_str before = {NULL, 0};
    for (uint32_t i = 0; i < r->body->directory.count && status == PZ_OK; i++) {
        pz__row row;
        const pz_str section = pz__section_of(r->body, PZ__SECTION_DIRECTORY);
        pz__cursor_init(&r->in, section.data, section.len);
        if (!pz__row_at(&r->body->directory, i, &row) || !is_row_sound(&row, i ? &before : NULL))
            return pz__corrupt(r, "the directory of attributes is malformed or out of order");
        status = read_claims(r, s, &row);
        if (status == PZ_OK)
            status = read_cells(r, s, &row);
        if (status == PZ_OK)
            status = read_counter(r, s, &row);
        before = row.runs[PZ__COLUMN_NAME];
    }
    if (status == PZ_OK && (s->claim_count != s->claim_cap || s->cell_count != s->cell_cap ||
                            s->counter_count != s->counter_cap))
        return pz__corrupt(r, "there is less in the segment than its counts say");
    return status;
}

/* ---- events ---- */

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

static pz_status read_event(pz__reader *r, pz__segment *s, uint32_t i, int64_t *time_ms)
{
    pz__seen_event event = {.time_ms = pz__read_difference(&r->in, *time_ms)};
    const uint8_t *id = pz__cursor_take(&r->in, sizeof event.id.bytes);
    if (!id || !pz__time_is_valid(event.time_ms) || is_zero(id, sizeof event.id.bytes) ||
        (s->has_floor && event.time_ms < s->floor_ms))
        return pz__corrupt(r, "an event is malformed");
    memcpy(event.id.bytes, id, sizeof event.id.bytes);
    if (i > 0 && pz__event_compare(&s->events[i - 1], &event) >= 0)
        return pz__corrupt(r, "events are not in order");
    s->events[i] = event;
    *time_ms = event.time_ms;
    return PZ_OK;
}

static pz_status read_events(pz__reader *r, pz__segment *s)
{
    uint64_t head = pz__cursor_varint(&r->in), count = head >> 1;
    s->has_floor = head & 1;
    if (s->has_floor)
        s->floor_ms = pz__cursor_zigzag(&r->in);
    if (r->in.bad || head == 0 || count > pz__cursor_left(&r->in) / EVENT_LEN_MIN)
        return pz__corrupt(r, "a count of events does not fit its section");
    if (s->has_floor && (s->floor_ms <= PZ__TIME_MIN_MS || s->floor_ms > PZ__TIME_MAX_MS + 1))
        return pz__corrupt(r, "the floor of the events is out of range");
    if (count > PZ__SEGMENT_EVENTS_MAX)
        return pz__fail(r->err, PZ_ERR_LIMIT, "more than %u events", PZ__SEGMENT_EVENTS_MAX);
    if (count == 0)
        return PZ_OK;
    s->events = pz__mem_new(&s->alloc, (size_t)count, sizeof *s->events);
    if (!s->events)
        return pz__no_memory(r);
    s->event_cap = (uint32_t)count;
    int64_t time_ms = s->has_floor ? s->floor_ms : 0;
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < (uint32_t)count && status == PZ_OK; i++)
        status = read_event(r, s, i, &time_ms);
    s->event_count = (uint32_t)count;
    return status;
}

static pz_status read_erased(pz__reader *r, pz__segment *s)
{
    s->erased = pz__cursor_varint(&r->in);
    return r->in.bad || s->erased == 0 || s->erased > PZ__SEQUENCE_MAX
               ? pz__corrupt(r, "a count of what was erased is out of range")
               : PZ_OK;
}

/* ---- segments ---- */

static pz_status keep_unknown(pz__reader *r, pz__segment *s)
{
    const uint32_t count = r->body->unknown_count;
    if (count == 0)
        return PZ_OK;
    s->unknown = pz__mem_new(&s->alloc, count, sizeof *s->unknown);
    if (!s->unknown)
        return pz__no_memory(r);
    memcpy(s->unknown, r->body->unknown, count * sizeof *s->unknown);
    s->unknown_count = count;
    return PZ_OK;
}

typedef pz_status (*read_fn)(pz__reader *r, pz__segment *s);

/* The sections that are read from end to end. */
static pz_status read_lists(pz__reader *r, pz__segment *s)
{
    static const struct {
        pz__section tag;
        read_fn read;
    } lists[] = {
        {PZ__SECTION_EVENTS, read_events},
        {PZ__SECTION_GRANTS, pz__read_grants},
        {PZ__SECTION_FORGETTINGS, pz__read_forgettings},
        {PZ__SECTION_RETRACTIONS, pz__read_retractions},
        {PZ__SECTION_RING, pz__read_ring},
        {PZ__SECTION_HISTORY, pz__read_history},
        {PZ__SECTION_ERASED, read_erased},
    };
    for (size_t i = 0; i < sizeof lists / sizeof lists[0]; i++) {
        const pz_str bytes = pz__section_of(r->body, lists[i].tag);
        if (!bytes.data)
            continue;
        pz__cursor_init(&r->in, bytes.data, bytes.len);
        const pz_status status = lists[i].read(r, s);
        if (status != PZ_OK)
            return status;
        if (pz__cursor_left(&r->in) != 0)
            return pz__corrupt(r, "a section is longer than its content");
    }
    return PZ_OK;
}

static pz_status read_content(pz__reader *r, pz__segment *s)
{
    s->sequence = r->body->sequence;
    s->dropped = r->body->dropped;
    pz_status status = check_names(r);
    if (status == PZ_OK)
        status = read_items(r, s);
    if (status == PZ_OK)
        status = read_lists(r, s);
    if (status == PZ_OK)
        status = keep_unknown(r, s);
    if (status == PZ_OK && !are_names_used(r))
        status = pz__corrupt(r, "a name is not used");
    return status;
}

static pz_status decode_segment(pz__segment *segment, const void *bytes, size_t len, size_t offset,
                                pz_error *err)
{
    segment->block = pz__mem_new(&segment->alloc, len, 1);
    if (!segment->block)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    segment->block_len = len;
    memcpy(segment->block, bytes, len);
    segment->raw = (pz_str){segment->block, len};

    pz__unknown_section unknown[PZ__SEGMENT_SECTIONS_MAX];
    pz__body body = {.unknown = unknown};
    pz__reader r = {
        .arena = &segment->arena, .writer = segment->writer, .offset = offset, .err = err};
    pz_status status = pz__body_open(&body, &r, segment->raw);
    if (status != PZ_OK)
        return status;
    const uint32_t names = body.names.count;
    r.used = pz__mem_new(&segment->alloc, names, 1);
    status = names && !r.used ? pz__no_memory(&r) : read_content(&r, segment);
    pz__mem_free(&segment->alloc, r.used, names, 1);
    if (status == PZ_OK)
        pz__segment_measure(segment);
    return status;
}

pz_status pz__segment_decode(pz__segment **out, const pz_alloc *alloc, pz_str writer,
                             const void *body, size_t len, size_t offset, pz_error *err)
{
    *out = NULL;
    if (len == 0)
        return pz__fail(err, PZ_ERR_CORRUPT, "byte %zu: a segment is empty", offset);
    pz__segment *segment;
    if (pz__segment_new(&segment, alloc, writer) != PZ_OK)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    pz_status status = decode_segment(segment, body, len, offset, err);
    if (status == PZ_OK)
        *out = segment;
    else
        pz__segment_free(segment);
    return status;
}

/* ---- profiles ---- */

static pz_status read_segment(pz__profile *profile, const pz__segment_head *head, pz_error *err)
{
    const uint32_t index = profile->segment_count;
    const pz_status status =
        pz__segment_decode(&profile->segments[index], &profile->alloc, head->writer,
                           head->body.data, head->body.len, head->offset, err);
    if (status == PZ_OK)
        profile->segment_count++;
    return status;
}

pz_status pz__profile_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes,
                             size_t len, pz_error *err)
{
    *out = NULL;
    pz__heads heads;
    pz_status status = pz__heads_read(&heads, bytes, len, err);
    if (status != PZ_OK)
        return status;
    pz__profile *profile = NULL;
    status = pz__profile_new(&profile, alloc, heads.kind, heads.subject, err);
    for (uint32_t i = 0; i < heads.count && status == PZ_OK; i++)
        status = read_segment(profile, &heads.list[i], err);
    if (status == PZ_OK)
        *out = profile;
    else
        pz__profile_free(profile);
    return status;
}
