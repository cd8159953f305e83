/*
 * encode.c: canonical bytes: equal content, equal bytes.
 *
 * docs/format.md describes every octet. In short:
 *
 *     profile   "PZp" version kind subject count { writer length body }*
 *     body      sequence dropped { tag length payload }*        tags ascending, none empty
 *
 * Each name (attribute, channel, who, counter) stands once in the segment's name section, sorted;
 * claims, cells and counters name it by number. The table is made anew for each encoding: the
 * names are gathered (mostly sorted already, because claims and cells are), sorted and made unique.
 * Then attributes find their number by walking on, the others by remembering the last one found.
 *
 * Times are written as differences that are small for most claims: the claimed time to that of the
 * claim before, stamp and expiry to the claimed time. Differences wrap around modulo 2^64, so there
 * is exactly one for every pair of numbers.
 *
 * A segment that has not changed since it was decoded is copied as it came.
 */
#include "profile/state.h"

#include <string.h>

/* Channels and speakers are few: this many are compared before one is taken for new. */
#define RECENT 8u

typedef struct name_table {
    pz_str *list;
    uint32_t count, cap;
    pz_str recent[RECENT];
    uint32_t recent_count;
} name_table;

/* Where the last search for a name of one role ended. */
typedef struct role {
    pz_str text;
    uint32_t number;
} role;

/* The octets around texts and values, gathered so that the buffer is asked for room once. */
typedef struct piece {
    uint8_t bytes[64]; /* the longest, behind the value of a claim, has 43 */
    uint32_t len;
} piece;

typedef struct encoder {
    const pz__segment *segment;
    name_table names;
    role attribute, channel, who;
    pz__buf payload; /* of the section that is being written */
} encoder;

/* ---- names ---- */

static bool is_same(pz_str a, pz_str b)
{
    return a.len == b.len && (a.data == b.data || pz__str_equal(a, b));
}

static void add_name(name_table *names, pz_str name)
{
    if (names->count && is_same(names->list[names->count - 1], name))
        return;
    names->list[names->count++] = name;
}

static void add_recent(name_table *names, pz_str name)
{
    if (name.len == 0)
        return;
    uint32_t known = names->recent_count < RECENT ? names->recent_count : RECENT;
    for (uint32_t i = 0; i < known; i++)
        if (is_same(names->recent[i], name))
            return;
    names->recent[names->recent_count++ % RECENT] = name;
    names->list[names->count++] = name;
}

/* Shell's sort with Ciura's gaps: in place, and quick on what is nearly sorted. */
static void sort_names(pz_str *list, uint32_t count)
{
    static const uint32_t gaps[] = {20001, 8929, 3905, 1750, 701, 301, 132, 57, 23, 10, 4, 1};
    for (size_t g = 0; g < sizeof gaps / sizeof gaps[0]; g++) {
        uint32_t gap = gaps[g];
        for (uint32_t i = gap; i < count; i++) {
            pz_str moving = list[i];
            uint32_t j = i;
            for (; j >= gap && pz__str_compare(list[j - gap], moving) > 0; j -= gap)
                list[j] = list[j - gap];
            list[j] = moving;
        }
    }
}

static bool gather_names(name_table *names, const pz__segment *s)
{
    *names = (name_table){.cap = 3 * s->claim_count + 2 * s->cell_count + s->counter_count};
    if (names->cap == 0)
        return true;
    names->list = pz__mem_new(&s->alloc, names->cap, sizeof *names->list);
    if (!names->list)
        return false;
    for (uint32_t i = 0; i < s->claim_count; i++)
        add_name(names, s->claims[i].attribute);
    for (uint32_t i = 0; i < s->cell_count; i++)
        add_name(names, s->cells[i].attribute);
    for (uint32_t i = 0; i < s->counter_count; i++)
        add_name(names, s->counters[i].name);
    for (uint32_t i = 0; i < s->claim_count; i++) {
        add_recent(names, s->claims[i].channel);
        add_recent(names, s->claims[i].who);
    }
    for (uint32_t i = 0; i < s->cell_count; i++)
        add_recent(names, s->cells[i].channel);

    sort_names(names->list, names->count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < names->count; i++)
        if (kept == 0 || !is_same(names->list[kept - 1], names->list[i]))
            names->list[kept++] = names->list[i];
    names->count = kept;
    return true;
}

/* The number of a name in the table. */
static uint32_t number_of(const name_table *names, role *last, pz_str name)
{
    if (is_same(last->text, name) && last->text.data)
        return last->number;
    uint32_t low = 0, high = names->count;
    while (high - low > 1) {
        uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(names->list[middle], name) <= 0)
            low = middle;
        else
            high = middle;
    }
    *last = (role){name, low};
    return low;
}

/* Attributes come in order: how many names on from the last one. */
static uint32_t step_to(const name_table *names, pz_str name, uint32_t *at)
{
    uint32_t number = *at;
    while (!is_same(names->list[number], name))
        number++;
    uint32_t step = number - *at;
    *at = number;
    return step;
}

/* ---- pieces ---- */

static void add_byte(piece *p, unsigned byte)
{
    p->bytes[p->len++] = (uint8_t)byte;
}

static void add_varint(piece *p, uint64_t n)
{
    while (n >= 0x80) {
        add_byte(p, (unsigned)(n & 0x7f) | 0x80);
        n >>= 7;
    }
    add_byte(p, (unsigned)n);
}

static void add_zigzag(piece *p, int64_t n)
{
    add_varint(p, ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0));
}

static void add_difference(piece *p, int64_t from, int64_t to)
{
    add_zigzag(p, (int64_t)((uint64_t)to - (uint64_t)from));
}

/* 0 for the empty name, else its number and one. */
static void add_optional(piece *p, encoder *e, role *last, pz_str name)
{
    add_varint(p, name.len ? (uint64_t)number_of(&e->names, last, name) + 1 : 0);
}

static void write_piece(pz__buf *out, piece *p)
{
    pz__buf_put(out, p->bytes, p->len);
    p->len = 0;
}

static void write_text(pz__buf *out, pz_str text)
{
    pz__buf_varint(out, text.len);
    pz__buf_put(out, text.data, text.len);
}

/* ---- sections ---- */

static void write_names(encoder *e)
{
    if (e->names.count == 0)
        return;
    pz__buf_varint(&e->payload, e->names.count);
    for (uint32_t i = 0; i < e->names.count; i++)
        write_text(&e->payload, e->names.list[i]);
}

static void write_claim(encoder *e, const pz__claim *claim, uint32_t *attribute, int64_t *at_ms)
{
    pz__buf *out = &e->payload;
    unsigned head = claim->slot;
    head |= claim->is_cleared ? PZ__CLAIM_CLEARED : 0;
    head |= claim->expires_ms ? PZ__CLAIM_EXPIRES : 0;
    head |= claim->confidence ? PZ__CLAIM_CONFIDENCE : 0;
    head |= claim->part.len ? PZ__CLAIM_PART : 0;
    piece p = {.len = 0};
    add_byte(&p, head);
    add_varint(&p, step_to(&e->names, claim->attribute, attribute));
    write_piece(out, &p);
    if (claim->part.len)
        write_text(out, claim->part);
    if (!claim->is_cleared)
        pz__value_encode(out, claim->value);
    add_optional(&p, e, &e->channel, claim->channel);
    add_optional(&p, e, &e->who, claim->who);
    add_difference(&p, *at_ms, claim->at_ms);
    add_difference(&p, claim->at_ms, claim->stamp);
    if (claim->expires_ms)
        add_difference(&p, claim->at_ms, claim->expires_ms);
    if (claim->confidence)
        add_varint(&p, claim->confidence);
    write_piece(out, &p);
    *at_ms = claim->at_ms;
}

static void write_claims(encoder *e)
{
    const pz__segment *s = e->segment;
    if (s->claim_count == 0)
        return;
    pz__buf_varint(&e->payload, s->claim_count);
    uint32_t attribute = 0;
    int64_t at_ms = 0;
    for (uint32_t i = 0; i < s->claim_count; i++)
        write_claim(e, &s->claims[i], &attribute, &at_ms);
}

static unsigned cell_head(const pz__cell *cell, const pz__cell *before)
{
    unsigned head = PZ__CELL_NEW_ATTRIBUTE;
    if (before && is_same(before->attribute, cell->attribute))
        head = pz_value_compare(before->value, cell->value) == 0 ? PZ__CELL_SAME_VALUE
                                                                 : PZ__CELL_NEW_VALUE;
    head |= cell->side == PZ__AGAINST ? PZ__CELL_AGAINST : 0;
    head |= cell->epoch.counter ? PZ__CELL_EPOCH : 0;
    head |= before && is_same(before->channel, cell->channel) ? PZ__CELL_SAME_CHANNEL : 0;
    head |= before && before->width == cell->width ? PZ__CELL_SAME_WIDTH : 0;
    return head;
}

static void write_cell(encoder *e, const pz__cell *cell, const pz__cell *before,
                       uint32_t *attribute)
{
    pz__buf *out = &e->payload;
    unsigned head = cell_head(cell, before), shared = head & PZ__CELL_SHARED;
    piece p = {.len = 0};
    add_byte(&p, head);
    if (shared == PZ__CELL_NEW_ATTRIBUTE)
        add_varint(&p, step_to(&e->names, cell->attribute, attribute));
    if (shared != PZ__CELL_SAME_VALUE) {
        write_piece(out, &p);
        pz__value_encode(out, cell->value);
    }
    if (cell->epoch.counter)
        add_varint(&p, cell->epoch.counter);
    if (!(head & PZ__CELL_SAME_CHANNEL))
        add_optional(&p, e, &e->channel, cell->channel);
    if (!(head & PZ__CELL_SAME_WIDTH))
        add_byte(&p, cell->width);
    add_difference(&p, shared == PZ__CELL_SAME_VALUE ? before->bucket : 0, cell->bucket);
    add_zigzag(&p, cell->weight);
    write_piece(out, &p);
}

static void write_cells(encoder *e)
{
    const pz__segment *s = e->segment;
    if (s->cell_count == 0)
        return;
    pz__buf_varint(&e->payload, s->cell_count);
    uint32_t attribute = 0;
    for (uint32_t i = 0; i < s->cell_count; i++)
        write_cell(e, &s->cells[i], i ? &s->cells[i - 1] : NULL, &attribute);
}

static void write_counters(encoder *e)
{
    const pz__segment *s = e->segment;
    if (s->counter_count == 0)
        return;
    pz__buf_varint(&e->payload, s->counter_count);
    uint32_t name = 0;
    for (uint32_t i = 0; i < s->counter_count; i++) {
        bool is_always = s->counters[i].since_ms == INT64_MIN;
        piece p = {.len = 0};
        add_varint(&p, step_to(&e->names, s->counters[i].name, &name));
        add_byte(&p, is_always ? 0 : 1);
        if (!is_always)
            add_zigzag(&p, s->counters[i].since_ms);
        write_piece(&e->payload, &p);
    }
}

static void write_events(encoder *e)
{
    const pz__segment *s = e->segment;
    if (s->event_count == 0 && !s->has_floor)
        return;
    pz__buf_varint(&e->payload, (uint64_t)s->event_count << 1 | (s->has_floor ? 1 : 0));
    int64_t time_ms = s->has_floor ? s->floor_ms : 0;
    if (s->has_floor)
        pz__buf_zigzag(&e->payload, s->floor_ms);
    for (uint32_t i = 0; i < s->event_count; i++) {
        piece p = {.len = 0};
        add_difference(&p, time_ms, s->events[i].time_ms);
        memcpy(p.bytes + p.len, s->events[i].id.bytes, sizeof s->events[i].id.bytes);
        p.len += sizeof s->events[i].id.bytes;
        write_piece(&e->payload, &p);
        time_ms = s->events[i].time_ms;
    }
}

static void write_section(pz__buf *out, uint64_t tag, const void *bytes, size_t len)
{
    pz__buf_varint(out, tag);
    pz__buf_varint(out, len);
    pz__buf_put(out, bytes, len);
}

pz_status pz__segment_encode(const pz__segment *segment, pz__buf *out)
{
    static void (*const writers[PZ__SECTION_LAST + 1])(encoder *) = {
        [PZ__SECTION_NAMES] = write_names,   [PZ__SECTION_CLAIMS] = write_claims,
        [PZ__SECTION_CELLS] = write_cells,   [PZ__SECTION_COUNTERS] = write_counters,
        [PZ__SECTION_EVENTS] = write_events,
    };
    if (segment->raw.data) {
        pz__buf_put(out, segment->raw.data, segment->raw.len);
        return out->status;
    }
    encoder e = {.segment = segment};
    if (!gather_names(&e.names, segment))
        return PZ_ERR_NOMEM;
    pz__buf_init(&e.payload, &segment->alloc, SIZE_MAX);
    pz__buf_varint(out, segment->sequence);
    pz__buf_varint(out, segment->dropped);
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++) {
        pz__buf_reset(&e.payload);
        writers[tag](&e);
        if (e.payload.status != PZ_OK)
            break;
        if (e.payload.len)
            write_section(out, tag, e.payload.data, e.payload.len);
    }
    for (uint32_t i = 0; i < segment->unknown_count; i++)
        write_section(out, segment->unknown[i].tag, segment->unknown[i].bytes.data,
                      segment->unknown[i].bytes.len);
    pz_status status = e.payload.status != PZ_OK ? e.payload.status : out->status;
    pz__buf_clear(&e.payload);
    pz__mem_free(&segment->alloc, e.names.list, e.names.cap, sizeof *e.names.list);
    return status;
}

pz_status pz__profile_encode(const pz__profile *profile, pz__buf *out)
{
    size_t before = out->len;
    pz__buf body;
    pz__buf_init(&body, &profile->alloc, SIZE_MAX);
    pz__buf_text(out, PZ__FORMAT_MAGIC);
    pz__buf_byte(out, PZ__FORMAT_VERSION);
    pz__buf_byte(out, (uint8_t)profile->kind);
    write_text(out, pz__profile_subject(profile));
    pz__buf_varint(out, profile->segment_count);
    pz_status status = out->status;
    for (uint32_t i = 0; i < profile->segment_count && status == PZ_OK; i++) {
        const pz__segment *segment = profile->segments[i];
        write_text(out, segment->writer);
        pz__buf_reset(&body);
        status = pz__segment_encode(segment, &body);
        if (status == PZ_OK)
            write_text(out, (pz_str){body.data, body.len});
        if (status == PZ_OK)
            status = out->status;
    }
    pz__buf_clear(&body);
    if (status != PZ_OK)
        out->len = before;
    return status;
}
