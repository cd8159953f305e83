/*
 * decode.c: bytes that may come from anywhere become a profile, or are refused.
 *
 * Only the canonical spelling is accepted, so that for every accepted b, encode(decode(b)) == b:
 *
 *   - numbers in their shortest form, values in theirs (pz__value_decode)
 *   - names sorted, no two alike, each of them used
 *   - claims, cells, counters, events, sections and segments sorted, no two alike
 *   - nothing that an operation could not have stored: times out of range, weights of 0,
 *     confidences on what is not inferred, text that is not UTF-8, events below the floor
 *   - no empty section, nothing after the last segment
 *
 * A section with a tag that this version does not know is kept byte for byte.
 *
 * Counts are held against the bytes that are left before memory is asked for, so a short input
 * never makes a large allocation. The bytes of each segment are copied into its block, and what is
 * read borrows from there; the names are needed only until the segment is read.
 */
#include "profile/state.h"

#include "base/utf8.h"

#include <string.h>

/* Fewest octets that one of each can take, to hold counts against the bytes that are left. */
#define NAME_LEN_MIN 1u
#define CLAIM_LEN_MIN 6u
#define CELL_LEN_MIN 3u
#define COUNTER_LEN_MIN 2u
#define EVENT_LEN_MIN 17u
#define CONFIDENCE_ONE 65536u
#define LAST_SLOT 15u
#define WIDTH_MAX PZ__CELL_WIDTH_MAX

typedef struct read_name {
    pz_str text;
    bool is_used;
} read_name;

typedef struct decoder {
    pz__segment *segment;
    read_name *names;
    uint32_t name_count;
    pz__cursor in;       /* over the section that is being read */
    const uint8_t *base; /* of the whole segment */
    size_t offset;       /* of that base in the input, for messages */
    pz_error *err;
} decoder;

static pz_status corrupt(decoder *d, const char *what)
{
    return pz__fail(d->err, PZ_ERR_CORRUPT, "byte %zu: %s",
                    d->offset + (size_t)(d->in.next - d->base), what);
}

static pz_status no_memory(decoder *d)
{
    return pz__fail(d->err, PZ_ERR_NOMEM, "out of memory");
}

static pz_str read_text(pz__cursor *in, size_t max)
{
    uint64_t len = pz__cursor_varint(in);
    if (len > max) {
        in->bad = true;
        return (pz_str){NULL, 0};
    }
    const uint8_t *bytes = pz__cursor_take(in, (size_t)len);
    return (pz_str){(const char *)bytes, bytes ? (size_t)len : 0};
}

static int64_t read_difference(pz__cursor *in, int64_t from)
{
    return (int64_t)((uint64_t)from + (uint64_t)pz__cursor_zigzag(in));
}

/* A count of things of which each takes at least `least` octets; at least 1. */
static pz_status read_count(decoder *d, size_t least, uint32_t max, uint32_t *out)
{
    uint64_t count = pz__cursor_varint(&d->in);
    if (d->in.bad || count == 0 || count > pz__cursor_left(&d->in) / least)
        return corrupt(d, "a count does not fit its section");
    if (count > max)
        return pz__fail(d->err, PZ_ERR_LIMIT, "a section holds more than %u items", (unsigned)max);
    *out = (uint32_t)count;
    return PZ_OK;
}

/* ---- names ---- */

static pz_status read_names(decoder *d)
{
    uint32_t count;
    pz_status status = read_count(d, NAME_LEN_MIN, UINT32_MAX / 2, &count);
    if (status != PZ_OK)
        return status;
    d->names = pz__mem_new(&d->segment->alloc, count, sizeof *d->names);
    if (!d->names)
        return no_memory(d);
    d->name_count = count;
    for (uint32_t i = 0; i < count; i++) {
        pz_str text = read_text(&d->in, PZ__WHO_MAX);
        if (d->in.bad || !pz__utf8_valid(text.data, text.len))
            return corrupt(d, "a name is too long or no UTF-8");
        if (i > 0 && pz__str_compare(d->names[i - 1].text, text) >= 0)
            return corrupt(d, "names are not in order");
        d->names[i] = (read_name){text, false};
    }
    return PZ_OK;
}

/* The name by its number; sets `bad` beyond the table, or if it is longer than the place allows. */
static pz_str use_name(decoder *d, uint64_t number, size_t max)
{
    if (number >= d->name_count || d->names[number].text.len > max) {
        d->in.bad = true;
        return (pz_str){NULL, 0};
    }
    d->names[number].is_used = true;
    return d->names[number].text;
}

static pz_str read_attribute(decoder *d, uint64_t *number)
{
    uint64_t step = pz__cursor_varint(&d->in);
    if (step >= d->name_count) {
        d->in.bad = true;
        return (pz_str){NULL, 0};
    }
    *number += step;
    return use_name(d, *number, PZ__NAME_MAX);
}

static pz_str read_optional(decoder *d, size_t max)
{
    uint64_t number = pz__cursor_varint(&d->in);
    if (number == 0)
        return (pz_str){NULL, 0};
    pz_str name = use_name(d, number - 1, max);
    if (name.len == 0)
        d->in.bad = true; /* the empty name is spelled 0 */
    return name;
}

static bool are_names_used(const decoder *d)
{
    for (uint32_t i = 0; i < d->name_count; i++)
        if (!d->names[i].is_used)
            return false;
    return true;
}

/* ---- claims ---- */

static pz_status read_value(decoder *d, size_t max, pz_value *out)
{
    const uint8_t *start = d->in.next;
    pz_status status = pz__value_decode(&d->segment->arena, &d->in, out);
    if (status == PZ_ERR_NOMEM)
        return no_memory(d);
    if (status != PZ_OK || d->in.bad)
        return corrupt(d, "a value is malformed");
    if ((size_t)(d->in.next - start) > max || !pz__value_is_finite(*out))
        return corrupt(d, "a value is too long or not finite");
    return PZ_OK;
}

static bool is_claim_sound(const pz__claim *c, unsigned head)
{
    if (c->slot == 0 || !pz__time_is_valid(c->at_ms) || !pz__time_is_valid(c->expires_ms))
        return false;
    if (c->stamp < PZ__TIME_MIN_MS || c->stamp > PZ__STAMP_MAX)
        return false;
    if ((head & PZ__CLAIM_EXPIRES) && c->expires_ms == 0)
        return false;
    if (!(head & PZ__CLAIM_CONFIDENCE))
        return true;
    return c->confidence > 0 && c->confidence <= CONFIDENCE_ONE && !c->is_cleared &&
           c->slot == PZ__SLOT_INFERRED;
}

static pz_status read_claim(decoder *d, pz__claim *c, uint64_t *attribute, int64_t *at_ms)
{
    unsigned head = pz__cursor_byte(&d->in);
    *c = (pz__claim){.slot = head & PZ__CLAIM_SLOT,
                     .is_cleared = (head & PZ__CLAIM_CLEARED) != 0,
                     .writer = d->segment->writer};
    c->attribute = read_attribute(d, attribute);
    if (head & PZ__CLAIM_PART) {
        c->part = read_text(&d->in, PZ__CLAIM_VALUE_MAX);
        if (c->part.len == 0)
            d->in.bad = true;
    }
    if (!d->in.bad && !c->is_cleared) {
        pz_status status = read_value(d, PZ__CLAIM_VALUE_MAX, &c->value);
        if (status != PZ_OK)
            return status;
    }
    c->channel = read_optional(d, PZ__NAME_MAX);
    c->who = read_optional(d, PZ__WHO_MAX);
    c->at_ms = read_difference(&d->in, *at_ms);
    c->stamp = read_difference(&d->in, c->at_ms);
    if (head & PZ__CLAIM_EXPIRES)
        c->expires_ms = read_difference(&d->in, c->at_ms);
    if (head & PZ__CLAIM_CONFIDENCE) {
        uint64_t confidence = pz__cursor_varint(&d->in);
        c->confidence = confidence <= CONFIDENCE_ONE ? (uint32_t)confidence : UINT32_MAX;
    }
    *at_ms = c->at_ms;
    if (d->in.bad || !is_claim_sound(c, head))
        return corrupt(d, "a claim is malformed");
    return PZ_OK;
}

static pz_status read_claims(decoder *d)
{
    pz__segment *s = d->segment;
    uint32_t count;
    pz_status status = read_count(d, CLAIM_LEN_MIN, PZ__SEGMENT_CLAIMS_MAX, &count);
    if (status != PZ_OK)
        return status;
    s->claims = pz__mem_new(&s->alloc, count, sizeof *s->claims);
    if (!s->claims)
        return no_memory(d);
    s->claim_cap = count;
    uint64_t attribute = 0;
    int64_t at_ms = 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        status = read_claim(d, &s->claims[i], &attribute, &at_ms);
        if (status == PZ_OK && i > 0 && pz__claim_compare(&s->claims[i - 1], &s->claims[i]) >= 0)
            status = corrupt(d, "claims are not in order");
    }
    s->claim_count = count;
    return status;
}

/* ---- cells ---- */

static bool is_cell_sound(const pz__cell *cell, const pz__cell *before, unsigned head)
{
    if ((head & ~PZ__CELL_HEAD) || (head & PZ__CELL_SHARED) == PZ__CELL_SHARED)
        return false;
    if (!before)
        return cell->weight != 0 && cell->width <= WIDTH_MAX;
    bool is_shared = (head & PZ__CELL_SHARED) != PZ__CELL_NEW_ATTRIBUTE;
    bool is_like = pz__str_equal(before->attribute, cell->attribute);
    if (is_shared != is_like)
        return false;
    if (!(head & PZ__CELL_SAME_CHANNEL) && pz__str_equal(before->channel, cell->channel))
        return false;
    if (!(head & PZ__CELL_SAME_WIDTH) && before->width == cell->width)
        return false;
    if ((head & PZ__CELL_SHARED) == PZ__CELL_NEW_VALUE &&
        pz_value_compare(before->value, cell->value) == 0)
        return false;
    return cell->weight != 0 && cell->width <= WIDTH_MAX && pz__cell_compare(before, cell) < 0;
}

static pz_status read_cell(decoder *d, pz__cell *cell, const pz__cell *before, uint64_t *attribute)
{
    unsigned head = pz__cursor_byte(&d->in), shared = head & PZ__CELL_SHARED;
    if (!before && (shared || (head & (PZ__CELL_SAME_CHANNEL | PZ__CELL_SAME_WIDTH))))
        return corrupt(d, "the first cell shares with none");
    *cell = before ? *before : (pz__cell){0};
    cell->side = head & PZ__CELL_AGAINST ? PZ__AGAINST : PZ__FOR;
    if (shared == PZ__CELL_NEW_ATTRIBUTE)
        cell->attribute = read_attribute(d, attribute);
    if (!d->in.bad && shared != PZ__CELL_SAME_VALUE) {
        pz_status status = read_value(d, PZ__CLAIM_VALUE_MAX, &cell->value);
        if (status != PZ_OK)
            return status;
    }
    uint64_t epoch = head & PZ__CELL_EPOCH ? pz__cursor_varint(&d->in) : 0;
    if (epoch > UINT32_MAX || ((head & PZ__CELL_EPOCH) && epoch == 0))
        d->in.bad = true;
    cell->epoch.counter = (uint32_t)epoch;
    if (!(head & PZ__CELL_SAME_CHANNEL))
        cell->channel = read_optional(d, PZ__NAME_MAX);
    if (!(head & PZ__CELL_SAME_WIDTH))
        cell->width = pz__cursor_byte(&d->in);
    cell->bucket = read_difference(&d->in, shared == PZ__CELL_SAME_VALUE ? before->bucket : 0);
    cell->weight = pz__cursor_zigzag(&d->in);
    if (d->in.bad || !is_cell_sound(cell, before, head))
        return corrupt(d, "a cell is malformed or out of order");
    return PZ_OK;
}

static pz_status read_cells(decoder *d)
{
    pz__segment *s = d->segment;
    uint32_t count;
    pz_status status = read_count(d, CELL_LEN_MIN, PZ__SEGMENT_CELLS_MAX, &count);
    if (status != PZ_OK)
        return status;
    s->cells = pz__mem_new(&s->alloc, count, sizeof *s->cells);
    if (!s->cells)
        return no_memory(d);
    s->cell_cap = count;
    s->cell_count = count;
    uint64_t attribute = 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = read_cell(d, &s->cells[i], i ? &s->cells[i - 1] : NULL, &attribute);
    return status;
}

/* ---- counters and events ---- */

static pz_status read_counters(decoder *d)
{
    pz__segment *s = d->segment;
    uint32_t count;
    pz_status status = read_count(d, COUNTER_LEN_MIN, PZ__SEGMENT_COUNTERS_MAX, &count);
    if (status != PZ_OK)
        return status;
    s->counters = pz__mem_new(&s->alloc, count, sizeof *s->counters);
    if (!s->counters)
        return no_memory(d);
    s->counter_cap = count;
    uint64_t number = 0;
    for (uint32_t i = 0; i < count; i++) {
        uint64_t before = number;
        pz_str name = read_attribute(d, &number);
        uint8_t has_since = pz__cursor_byte(&d->in);
        int64_t since_ms = has_since ? pz__cursor_zigzag(&d->in) : INT64_MIN;
        if (d->in.bad || name.len == 0 || has_since > 1 || (i > 0 && number == before) ||
            (has_since && !pz__time_is_valid(since_ms)))
            return corrupt(d, "a counter is malformed or out of order");
        s->counters[i] = (pz__kept_counter){name, since_ms};
        s->counter_count = i + 1;
    }
    return PZ_OK;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (bytes[i])
            return false;
    return true;
}

static pz_status read_event(decoder *d, uint32_t i, int64_t *time_ms)
{
    pz__segment *s = d->segment;
    pz__seen_event event = {.time_ms = read_difference(&d->in, *time_ms)};
    const uint8_t *id = pz__cursor_take(&d->in, sizeof event.id.bytes);
    if (!id || !pz__time_is_valid(event.time_ms) || is_zero(id, sizeof event.id.bytes) ||
        (s->has_floor && event.time_ms < s->floor_ms))
        return corrupt(d, "an event is malformed");
    memcpy(event.id.bytes, id, sizeof event.id.bytes);
    if (i > 0 && pz__event_compare(&s->events[i - 1], &event) >= 0)
        return corrupt(d, "events are not in order");
    s->events[i] = event;
    *time_ms = event.time_ms;
    return PZ_OK;
}

static pz_status read_events(decoder *d)
{
    pz__segment *s = d->segment;
    uint64_t head = pz__cursor_varint(&d->in), count = head >> 1;
    s->has_floor = head & 1;
    if (s->has_floor)
        s->floor_ms = pz__cursor_zigzag(&d->in);
    if (d->in.bad || head == 0 || count > pz__cursor_left(&d->in) / EVENT_LEN_MIN)
        return corrupt(d, "a count of events does not fit its section");
    if (s->has_floor && (s->floor_ms <= PZ__TIME_MIN_MS || s->floor_ms > PZ__TIME_MAX_MS + 1))
        return corrupt(d, "the floor of the events is out of range");
    if (count > PZ__SEGMENT_EVENTS_MAX)
        return pz__fail(d->err, PZ_ERR_LIMIT, "more than %u events", PZ__SEGMENT_EVENTS_MAX);
    if (count == 0)
        return PZ_OK;
    s->events = pz__mem_new(&s->alloc, (size_t)count, sizeof *s->events);
    if (!s->events)
        return no_memory(d);
    s->event_cap = (uint32_t)count;
    int64_t time_ms = s->has_floor ? s->floor_ms : 0;
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < (uint32_t)count && status == PZ_OK; i++)
        status = read_event(d, i, &time_ms);
    s->event_count = (uint32_t)count;
    return status;
}

/* ---- segments ---- */

static pz_status keep_unknown(decoder *d, uint64_t tag, pz_str bytes)
{
    pz__segment *s = d->segment;
    pz__unknown_section *list =
        pz__mem_resize(&s->alloc, s->unknown, s->unknown_count, s->unknown_count + 1, sizeof *list);
    if (!list)
        return no_memory(d);
    s->unknown = list;
    list[s->unknown_count++] = (pz__unknown_section){tag, bytes};
    return PZ_OK;
}

static pz_status read_section(decoder *d, uint64_t tag, pz_str bytes)
{
    static pz_status (*const readers[PZ__SECTION_LAST + 1])(decoder *) = {
        [PZ__SECTION_NAMES] = read_names,   [PZ__SECTION_CLAIMS] = read_claims,
        [PZ__SECTION_CELLS] = read_cells,   [PZ__SECTION_COUNTERS] = read_counters,
        [PZ__SECTION_EVENTS] = read_events,
    };
    if (tag > PZ__SECTION_LAST)
        return keep_unknown(d, tag, bytes);
    pz__cursor_init(&d->in, bytes.data, bytes.len);
    pz_status status = readers[tag](d);
    if (status == PZ_OK && pz__cursor_left(&d->in) != 0)
        return corrupt(d, "a section is longer than its content");
    return status;
}

static pz_status read_body(decoder *d, pz_str body)
{
    pz__cursor in;
    pz__cursor_init(&in, body.data, body.len);
    d->in = in;
    d->segment->sequence = pz__cursor_varint(&in);
    d->segment->dropped = pz__cursor_varint(&in);
    if (in.bad || d->segment->sequence == 0 || d->segment->sequence > PZ__SEQUENCE_MAX ||
        d->segment->dropped > PZ__SEQUENCE_MAX)
        return corrupt(d, "a segment has no sequence or one out of range");
    uint64_t last = 0, count = 0;
    while (pz__cursor_left(&in) > 0) {
        d->in = in;
        uint64_t tag = pz__cursor_varint(&in);
        pz_str bytes = read_text(&in, SIZE_MAX);
        if (in.bad || tag <= last || (bytes.len == 0 && tag <= PZ__SECTION_LAST))
            return corrupt(d, "a section is cut off, empty or out of order");
        if (++count > PZ__SEGMENT_SECTIONS_MAX)
            return pz__fail(d->err, PZ_ERR_LIMIT, "more than %u sections",
                            PZ__SEGMENT_SECTIONS_MAX);
        last = tag;
        pz_status status = read_section(d, tag, bytes);
        if (status != PZ_OK)
            return status;
    }
    d->in = in;
    return are_names_used(d) ? PZ_OK : corrupt(d, "a name is not used");
}

static pz_status decode_segment(pz__segment *segment, const void *body, size_t len, size_t offset,
                                pz_error *err)
{
    decoder d = {.segment = segment, .offset = offset, .err = err};
    segment->block = pz__mem_new(&segment->alloc, len, 1);
    if (!segment->block)
        return no_memory(&d);
    segment->block_len = len;
    memcpy(segment->block, body, len);
    segment->raw = (pz_str){segment->block, len};
    d.base = (const uint8_t *)segment->block;
    pz_status status = read_body(&d, segment->raw);
    pz__mem_free(&segment->alloc, d.names, d.name_count, sizeof *d.names);
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

static pz_status corrupt_at(pz_error *err, const uint8_t *base, const pz__cursor *in,
                            const char *what)
{
    return pz__fail(err, PZ_ERR_CORRUPT, "byte %zu: %s", (size_t)(in->next - base), what);
}

static pz_status read_header(pz__profile **out, const pz_alloc *alloc, const uint8_t *base,
                             pz__cursor *in, uint64_t *count, pz_error *err)
{
    const uint8_t *magic = pz__cursor_take(in, strlen(PZ__FORMAT_MAGIC));
    if (!magic || memcmp(magic, PZ__FORMAT_MAGIC, strlen(PZ__FORMAT_MAGIC)) != 0)
        return corrupt_at(err, base, in, "this is no profile");
    unsigned version = pz__cursor_byte(in);
    if (in->bad || version == 0)
        return corrupt_at(err, base, in, "this is no profile");
    if (version > PZ__FORMAT_VERSION)
        return pz__fail(err, PZ_ERR_VERSION,
                        "the profile has format %u, this library reads up to %u", version,
                        PZ__FORMAT_VERSION);
    unsigned kind = pz__cursor_byte(in);
    pz_str subject = read_text(in, PZ__SUBJECT_MAX);
    *count = pz__cursor_varint(in);
    if (in->bad || kind > PZ__DEVICE || subject.len == 0)
        return corrupt_at(err, base, in, "the subject is malformed");
    if (*count > PZ__PROFILE_WRITERS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile has segments of more than %u writers",
                        PZ__PROFILE_WRITERS_MAX);
    return pz__profile_new(out, alloc, (pz__subject_kind)kind, subject, err);
}

static pz_status read_segment(pz__profile *profile, const uint8_t *base, pz__cursor *in,
                              pz_error *err)
{
    uint32_t index = profile->segment_count;
    pz_str writer = read_text(in, PZ__WRITER_MAX);
    pz_str body = read_text(in, SIZE_MAX);
    if (in->bad || writer.len == 0)
        return corrupt_at(err, base, in, "a segment is cut off or its writer malformed");
    if (index > 0 && pz__str_compare(profile->segments[index - 1]->writer, writer) >= 0)
        return corrupt_at(err, base, in, "segments are not in order");
    size_t offset = (size_t)((const uint8_t *)body.data - base);
    pz_status status = pz__segment_decode(&profile->segments[index], &profile->alloc, writer,
                                          body.data, body.len, offset, err);
    if (status == PZ_OK)
        profile->segment_count++;
    return status;
}

pz_status pz__profile_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes,
                             size_t len, pz_error *err)
{
    *out = NULL;
    if (len > PZ__PROFILE_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a profile has at most %u bytes", PZ__PROFILE_BYTES_MAX);
    pz__cursor in;
    pz__cursor_init(&in, bytes, len);
    const uint8_t *base = in.next;
    uint64_t count = 0;
    pz__profile *profile = NULL;
    pz_status status = read_header(&profile, alloc, base, &in, &count, err);
    for (uint64_t i = 0; i < count && status == PZ_OK; i++)
        status = read_segment(profile, base, &in, err);
    if (status == PZ_OK && pz__cursor_left(&in) != 0)
        status = corrupt_at(err, base, &in, "bytes follow the last segment");
    if (status == PZ_OK)
        *out = profile;
    else
        pz__profile_free(profile);
    return status;
}
