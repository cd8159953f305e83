/*
 * segment.c: the state of one writer: sorted arrays, the texts they borrow, and how both are kept
 * small.
 *
 * Registers, cells, counters and event ids each stand in one sorted array without repeats. Finding
 * is a binary search, inserting a memmove. That is fast enough at the declared limits, and a reader
 * of a profile with one writer gets these very arrays.
 *
 *     claims    (attribute, slot, part)
 *     cells     (attribute, value, side, bucket, channel, width, epoch, sign of the weight)
 *     counters  (name)
 *     events    (time, id)         retractions, ring  likewise
 *     grants    (kind, name)       forgettings  (attribute, from, to, what)
 *     history   (stamp)
 *
 * The sign of the weight is part of a cell's place, so one cell only ever grows away from zero:
 * adding of one sign saturates to the same end in every order, which adding of both signs does not,
 * and no cell is ever empty. Readers add up what they find.
 *
 * Texts and values lie in the block the segment was decoded from or in the arena behind it. What a
 * write replaces stays there as garbage until pz__segment_compact() finds that it outweighs the
 * content; the new block is built aside and the segment swaps its insides, so that a segment's
 * address, which claims borrow their writer from, never changes.
 *
 * Not here: what a write means (claims.c, events.c), bytes (encode.c, decode.c).
 */
#include "profile/state.h"

#include <string.h>

/* Garbage that is never worth a rebuild. */
#define GARBAGE_MIN 8192u
#define ARRAY_MIN 8u
/* Octets around the texts of a claim or cell: heads, lengths, name numbers, times, weights. */
#define CLAIM_OVERHEAD 72u
#define CELL_OVERHEAD 48u
#define VALUE_OVERHEAD 16u
#define GRANT_OVERHEAD 96u
#define FORGETTING_OVERHEAD 64u
#define HISTORY_OVERHEAD 64u
#define ERASED_COST 12u

pz_status pz__segment_new(pz__segment **out, const pz_alloc *alloc, pz_str writer)
{
    pz__segment *segment = pz__mem_zero(alloc, 1, sizeof *segment);
    *out = segment;
    if (!segment)
        return PZ_ERR_NOMEM;
    segment->alloc = *alloc;
    memcpy(segment->writer_bytes, writer.data, writer.len);
    segment->writer = (pz_str){segment->writer_bytes, writer.len};
    segment->cost = PZ__SEGMENT_COST;
    segment->max_stamp = INT64_MIN;
    pz__arena_init(&segment->arena, alloc, 0);
    return PZ_OK;
}

static void free_content(pz__segment *s)
{
    pz__mem_free(&s->alloc, s->claims, s->claim_cap, sizeof *s->claims);
    pz__mem_free(&s->alloc, s->cells, s->cell_cap, sizeof *s->cells);
    pz__mem_free(&s->alloc, s->counters, s->counter_cap, sizeof *s->counters);
    pz__mem_free(&s->alloc, s->events, s->event_cap, sizeof *s->events);
    pz__mem_free(&s->alloc, s->grants, s->grant_cap, sizeof *s->grants);
    pz__mem_free(&s->alloc, s->forgettings, s->forgetting_cap, sizeof *s->forgettings);
    pz__mem_free(&s->alloc, s->retractions, s->retraction_cap, sizeof *s->retractions);
    pz__mem_free(&s->alloc, s->ring, s->ring_cap, sizeof *s->ring);
    pz__mem_free(&s->alloc, s->history, s->history_cap, sizeof *s->history);
    pz__mem_free(&s->alloc, s->unknown, s->unknown_count, sizeof *s->unknown);
    pz__mem_free(&s->alloc, s->index, s->index_cap, sizeof *s->index);
    pz__mem_free(&s->alloc, s->block, 1, s->block_len);
    pz__arena_clear(&s->arena);
}

void pz__segment_free(pz__segment *segment)
{
    if (!segment)
        return;
    pz_alloc alloc = segment->alloc;
    free_content(segment);
    pz__mem_free(&alloc, segment, 1, sizeof *segment);
}

pz_status pz__segment_copy(pz__segment **out, const pz_alloc *alloc, const pz__segment *segment)
{
    *out = NULL;
    if (segment->raw.data)
        return pz__segment_decode(out, alloc, segment->writer, segment->raw.data, segment->raw.len,
                                  0, NULL);
    pz__buf body;
    pz__buf_init(&body, alloc, SIZE_MAX);
    pz_status status = pz__segment_encode(segment, &body);
    if (status == PZ_OK)
        status = pz__segment_decode(out, alloc, segment->writer, body.data, body.len, 0, NULL);
    pz__buf_clear(&body);
    return status;
}

static void point_to_writer(pz__segment *segment)
{
    segment->writer.data = segment->writer_bytes;
    for (uint32_t i = 0; i < segment->claim_count; i++)
        segment->claims[i].writer = segment->writer;
}

void pz__segment_compact(pz__segment *segment)
{
    if (segment->block_len + segment->added <= 2 * segment->cost + GARBAGE_MIN)
        return;
    pz__segment *fresh;
    if (pz__segment_copy(&fresh, &segment->alloc, segment) != PZ_OK)
        return;
    pz__segment old = *segment;
    *segment = *fresh;
    *fresh = old;
    point_to_writer(segment);
    pz__segment_free(fresh);
}

bool pz__reserve(const pz_alloc *alloc, void **list, uint32_t *cap, uint32_t count, uint32_t more,
                 size_t size)
{
    uint32_t need = count + more;
    if (need <= *cap)
        return true;
    uint32_t grown = *cap + *cap / 2;
    if (grown < ARRAY_MIN)
        grown = ARRAY_MIN;
    if (grown < need)
        grown = need;
    void *moved = pz__mem_resize(alloc, *list, *cap, grown, size);
    if (!moved)
        return false;
    *list = moved;
    *cap = grown;
    return true;
}

/* ---- order ---- */

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

/* Texts that were read or written together often are the same text. */
static int compare_text(pz_str a, pz_str b)
{
    if (a.data == b.data && a.len == b.len)
        return 0;
    return pz__str_compare(a, b);
}

int pz__claim_compare(const pz__claim *a, const pz__claim *b)
{
    int by = compare_text(a->attribute, b->attribute);
    if (by == 0)
        by = order(a->slot, b->slot);
    return by ? by : compare_text(a->part, b->part);
}

int pz__claim_rank(const pz__claim *a, const pz__claim *b)
{
    int by = 0;
    if (a->slot == PZ__SLOT_DECLARED)
        by = order(a->at_ms, b->at_ms);
    return by ? by : pz__moment_order(pz__moment_of(a), pz__moment_of(b));
}

int pz__cell_compare(const pz__cell *a, const pz__cell *b)
{
    int by = compare_text(a->attribute, b->attribute);
    if (by == 0)
        by = pz_value_compare(a->value, b->value);
    if (by == 0)
        by = order(a->side, b->side);
    if (by == 0)
        by = order(a->bucket, b->bucket);
    if (by == 0)
        by = compare_text(a->channel, b->channel);
    if (by == 0)
        by = order(a->width, b->width);
    if (by == 0)
        by = order(a->epoch.counter, b->epoch.counter);
    if (by == 0)
        by = compare_text(a->epoch.writer, b->epoch.writer);
    return by ? by : order(a->weight < 0, b->weight < 0);
}

int pz__event_compare(const pz__seen_event *a, const pz__seen_event *b)
{
    int by = order(a->time_ms, b->time_ms);
    return by ? by : memcmp(a->id.bytes, b->id.bytes, sizeof a->id.bytes);
}

bool pz__segment_find_claim(const pz__segment *segment, const pz__claim *key, uint32_t *index)
{
    uint32_t low = 0, high = segment->claim_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int by = pz__claim_compare(&segment->claims[middle], key);
        if (by == 0) {
            *index = middle;
            return true;
        }
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

bool pz__segment_find_cell(const pz__segment *segment, const pz__cell *key, uint32_t *index)
{
    uint32_t low = 0, high = segment->cell_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int by = pz__cell_compare(&segment->cells[middle], key);
        if (by == 0) {
            *index = middle;
            return true;
        }
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

bool pz__segment_find_counter(const pz__segment *segment, pz_str name, uint32_t *index)
{
    uint32_t low = 0, high = segment->counter_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int by = pz__str_compare(segment->counters[middle].name, name);
        if (by == 0) {
            *index = middle;
            return true;
        }
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    *index = low;
    return false;
}

/* ---- cost ---- */

static size_t value_cost(pz_value v)
{
    size_t cost = VALUE_OVERHEAD;
    if (v.kind == PZ_STRING || v.kind == PZ_BYTES)
        cost += v.len;
    for (uint32_t i = 0; v.kind == PZ_LIST && i < v.len; i++)
        cost += value_cost(v.as.items[i]);
    for (uint32_t i = 0; v.kind == PZ_MAP && i < v.len; i++) {
        pz_entry entry = pz_value_entry(v, i);
        cost += value_cost(entry.key) + value_cost(entry.value);
    }
    return cost;
}

size_t pz__claim_cost(const pz__claim *claim)
{
    return CLAIM_OVERHEAD + claim->attribute.len + claim->part.len + claim->channel.len +
           claim->who.len + claim->epoch.writer.len + value_cost(claim->value);
}

size_t pz__cell_cost(const pz__cell *cell)
{
    return CELL_OVERHEAD + cell->attribute.len + cell->channel.len + cell->epoch.writer.len +
           value_cost(cell->value);
}

size_t pz__grant_cost(const pz__own_grant *grant)
{
    return GRANT_OVERHEAD + grant->name.len + grant->channel.len + grant->who.len +
           grant->denied_channel.len + grant->denied_who.len +
           grant->seen_count * (size_t)(PZ__WRITER_MAX + 8u);
}

size_t pz__forgetting_cost(const pz__own_forgetting *forgetting)
{
    return FORGETTING_OVERHEAD + forgetting->attribute.len;
}

size_t pz__ring_cost(const pz__ring_event *event)
{
    size_t cost = PZ__EVENT_COST + 4;
    for (uint32_t i = 0; i < event->cell_count; i++)
        cost += pz__cell_cost(&event->cells[i]);
    return cost;
}

size_t pz__history_cost(const pz__history_entry *entry)
{
    size_t cost = HISTORY_OVERHEAD + entry->verb.len + entry->channel.len + entry->who.len +
                  entry->undoes_writer.len;
    for (uint32_t i = 0; i < entry->before_count; i++)
        cost += pz__claim_cost(&entry->before[i]);
    return cost;
}

static void count_stamp(pz__segment *s, int64_t stamp)
{
    if (stamp > s->max_stamp)
        s->max_stamp = stamp;
}

/* What carries a stamp: cost and stamp. */
static void measure_stamped(pz__segment *s)
{
    for (uint32_t i = 0; i < s->claim_count; i++) {
        s->cost += pz__claim_cost(&s->claims[i]);
        count_stamp(s, s->claims[i].stamp);
    }
    for (uint32_t i = 0; i < s->grant_count; i++) {
        s->cost += pz__grant_cost(&s->grants[i]);
        if (s->grants[i].has_grant)
            count_stamp(s, s->grants[i].stamp);
        if (s->grants[i].denials)
            count_stamp(s, s->grants[i].denied_stamp);
    }
    for (uint32_t i = 0; i < s->forgetting_count; i++) {
        s->cost += pz__forgetting_cost(&s->forgettings[i]);
        count_stamp(s, s->forgettings[i].stamp);
    }
    for (uint32_t i = 0; i < s->history_count; i++) {
        s->cost += pz__history_cost(&s->history[i]);
        count_stamp(s, s->history[i].stamp);
    }
}

void pz__segment_measure(pz__segment *s)
{
    s->cost = PZ__SEGMENT_COST + (size_t)s->event_count * PZ__EVENT_COST +
              (size_t)s->retraction_count * PZ__RETRACTION_COST + (s->erased ? ERASED_COST : 0);
    s->max_stamp = INT64_MIN;
    measure_stamped(s);
    for (uint32_t i = 0; i < s->cell_count; i++)
        s->cost += pz__cell_cost(&s->cells[i]);
    for (uint32_t i = 0; i < s->ring_count; i++)
        s->cost += pz__ring_cost(&s->ring[i]);
    for (uint32_t i = 0; i < s->counter_count; i++)
        s->cost += PZ__COUNTER_COST + s->counters[i].name.len;
    for (uint32_t i = 0; i < s->unknown_count; i++)
        s->cost += PZ__COUNTER_COST + s->unknown[i].bytes.len;
}

/* ---- keeping what a caller lent ---- */

bool pz__segment_keep_text(pz__segment *segment, pz_str text, pz_str *out)
{
    *out = (pz_str){NULL, 0};
    if (text.len == 0)
        return true;
    char *copy = pz__arena_new(&segment->arena, text.len);
    if (!copy)
        return false;
    memcpy(copy, text.data, text.len);
    segment->added += (text.len + 15u) & ~(size_t)15u;
    *out = (pz_str){copy, text.len};
    return true;
}

bool pz__segment_keep_shared(pz__segment *segment, pz_str text, const pz_str *like, pz_str *out)
{
    if (like && pz__str_equal(*like, text)) {
        *out = *like;
        return true;
    }
    return pz__segment_keep_text(segment, text, out);
}

/* JSON has no spelling for NaN, infinities and moments of other years, so a profile that holds one
 * could not be exported. */
bool pz__value_has_json(pz_value v)
{
    if (v.kind == PZ_DOUBLE)
        return v.as.d - v.as.d == 0;
    if (v.kind == PZ_TIMESTAMP)
        return v.as.i >= PZ__TIME_MIN_S && v.as.i <= PZ__TIME_MAX_S;
    for (uint32_t i = 0; v.kind == PZ_LIST && i < v.len; i++)
        if (!pz__value_has_json(v.as.items[i]))
            return false;
    for (uint32_t i = 0; v.kind == PZ_MAP && i < v.len; i++)
        if (!pz__value_has_json(pz_value_entry(v, i).value))
            return false;
    return true;
}

pz_status pz__segment_keep_value(pz__segment *segment, pz__buf *scratch, pz_value value,
                                 pz_value *out, pz_error *err)
{
    if (value.kind > PZ_MAP)
        return pz__fail(err, PZ_ERR_ARG, "%u is no kind of value", (unsigned)value.kind);
    pz__buf_reset(scratch);
    pz__value_encode(scratch, value);
    if (scratch->status == PZ_ERR_LIMIT)
        return pz__fail(err, PZ_ERR_LIMIT, "the value takes more than %u bytes",
                        (unsigned)scratch->limit);
    if (scratch->status != PZ_OK)
        return pz__fail(err, scratch->status, "out of memory");

    /* Only what is longer than two words borrows from its bytes. */
    pz_str bytes = {scratch->data, scratch->len};
    if (value.kind == PZ_STRING || value.kind == PZ_BYTES || value.kind >= PZ_LIST)
        if (!pz__segment_keep_text(segment, (pz_str){scratch->data, scratch->len}, &bytes))
            return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    pz__cursor in;
    pz__cursor_init(&in, bytes.data, bytes.len);
    pz_status status = pz__value_decode(&segment->arena, &in, out);
    if (status == PZ_ERR_NOMEM)
        return pz__fail(err, status, "out of memory");
    if (status != PZ_OK)
        return pz__fail(err, PZ_ERR_ARG, "the value holds text that is not UTF-8");
    if (!pz__value_has_json(*out))
        return pz__fail(err, PZ_ERR_DOMAIN,
                        "the value holds a number that is not finite, or a timestamp outside the "
                        "years 1 to 9999");
    return PZ_OK;
}
