/*
 * cells.c: what an event adds to the evidence, and which counters are kept.
 *
 * A cell sums the contributions of one sign to one (attribute, value, side, bucket, channel, width,
 * epoch). Sums saturate at the ends of int64; of one sign they do so to the same end in any order.
 * The bucket is the number of whole spans of 2^width seconds since 1970, rounded down.
 *
 * Writing goes in two steps. Keeping copies what the caller lent, into the segment's arena, and can
 * fail; what it made waits in the profile's `waiting` and `names`. Adding puts it into the sorted
 * arrays, for which there is room by then. A new cell shares the texts and the value of its
 * neighbours, since most new cells are an old value in a new bucket.
 *
 * A full segment evicts the least weight of its oldest bucket, counts it as dropped, and may choose
 * the very cell that just came: the newest evidence is worth the most. An attribute that has
 * evidence for too many values gives up the one that was spoken of longest ago.
 */
#include "profile/state.h"

#include "base/utf8.h"

#include <string.h>

/* ---- cells ---- */

static int64_t bucket_of(int64_t time_ms, uint8_t width)
{
    int64_t span = (int64_t)1 << width;
    int64_t seconds = time_ms / 1000 - (time_ms % 1000 < 0);
    return seconds / span - (seconds % span < 0);
}

/* Both of one sign. */
static int64_t add_saturating(int64_t a, int64_t b)
{
    int64_t sum;
    if (!__builtin_add_overflow(a, b, &sum))
        return sum;
    return a < 0 ? INT64_MIN : INT64_MAX;
}

static int64_t cell_start(const pz__cell *cell)
{
    int64_t start;
    if (!__builtin_mul_overflow(cell->bucket, (int64_t)1 << cell->width, &start))
        return start;
    return cell->bucket < 0 ? INT64_MIN : INT64_MAX;
}

static uint64_t magnitude(int64_t weight)
{
    return weight < 0 ? 0 - (uint64_t)weight : (uint64_t)weight;
}

/* Drop `count` cells from `first` on and count them; nobody can take anything back from them. */
static void drop_cells(pz__segment *segment, uint32_t first, uint32_t count)
{
    for (uint32_t i = first; i < first + count; i++) {
        segment->cost -= pz__cell_cost(&segment->cells[i]);
        segment->dropped += segment->dropped < PZ__SEQUENCE_MAX;
        pz__ring_evict(segment, &segment->cells[i]);
    }
    segment->cell_count -= count;
    memmove(&segment->cells[first], &segment->cells[first + count],
            (segment->cell_count - first) * sizeof *segment->cells);
}

/* Drop the least weight of the oldest bucket, the first such cell in their order. */
static void evict_cell(pz__segment *segment)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < segment->cell_count; i++) {
        const pz__cell *a = &segment->cells[i], *b = &segment->cells[least];
        int64_t start = cell_start(a), least_start = cell_start(b);
        if (start < least_start ||
            (start == least_start && magnitude(a->weight) < magnitude(b->weight)))
            least = i;
    }
    drop_cells(segment, least, 1);
}

/* The cells of one value, as one: the newest moment it was spoken of, and how much in all. */
typedef struct value_run {
    uint32_t first, count;
    int64_t newest;
    uint64_t total;
} value_run;

/* The run of equal values from `first` on, among the cells of one attribute that end at `end`. */
static value_run run_from(const pz__segment *segment, uint32_t first, uint32_t end)
{
    value_run run = {first, 0, INT64_MIN, 0};
    const pz__cell *cells = segment->cells;
    uint32_t i = first;
    for (; i < end && pz_value_compare(cells[i].value, cells[first].value) == 0; i++) {
        const int64_t start = cell_start(&cells[i]);
        run.newest = start > run.newest ? start : run.newest;
        if (__builtin_add_overflow(run.total, magnitude(cells[i].weight), &run.total))
            run.total = UINT64_MAX;
    }
    run.count = i - first;
    return run;
}

/* Where the cells of an attribute begin or, if `is_end`, end. */
static uint32_t bound_of(const pz__segment *segment, pz_str attribute, bool is_end)
{
    uint32_t low = 0, high = segment->cell_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int by = pz__str_compare(segment->cells[middle].attribute, attribute);
        if (by < 0 || (is_end && by == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* Too many values of one attribute: drop the one that was spoken of longest ago, of those the one
 * of the least weight, of those the first. */
static void evict_value(pz__segment *segment, pz_str attribute)
{
    const uint32_t first = bound_of(segment, attribute, false);
    const uint32_t end = bound_of(segment, attribute, true);
    if (end - first <= PZ__ATTRIBUTE_VALUES_MAX)
        return;
    value_run least = run_from(segment, first, end);
    uint32_t values = 1;
    for (uint32_t at = first + least.count; at < end; values++) {
        const value_run run = run_from(segment, at, end);
        if (run.newest < least.newest || (run.newest == least.newest && run.total < least.total))
            least = run;
        at += run.count;
    }
    if (values > PZ__ATTRIBUTE_VALUES_MAX)
        drop_cells(segment, least.first, least.count);
}

/* Whether the value of the cell at `index` is that of no cell beside it. */
static bool is_new_value(const pz__segment *segment, uint32_t index)
{
    const pz__cell *cell = &segment->cells[index];
    for (int side = -1; side <= 1; side += 2) {
        const uint32_t beside = index + (uint32_t)side;
        if (beside < segment->cell_count &&
            pz__str_equal(segment->cells[beside].attribute, cell->attribute) &&
            pz_value_compare(segment->cells[beside].value, cell->value) == 0)
            return false;
    }
    return true;
}

/* The cell a contribution goes to; its texts and value are the contribution's. */
static pz__cell cell_for(const pz__profile *profile, const pz__contribution *c, int64_t time_ms)
{
    pz__cell cell = {.attribute = c->attribute,
                     .channel = c->channel,
                     .value = c->value,
                     .weight = c->weight,
                     .bucket = bucket_of(time_ms, c->width),
                     .width = c->width,
                     .side = c->side};
    cell.epoch = pz__cell_epoch(profile, &cell);
    return cell;
}

/* Make a cell the segment's own: with the texts of the cells where it will stand, or copies. */
static pz_status keep_cell(pz__segment *segment, pz__buf *scratch, pz__cell *cell, uint32_t index,
                           pz_error *err)
{
    const pz__cell *near = index > 0 ? &segment->cells[index - 1] : NULL;
    if (index < segment->cell_count && (!near || !pz__str_equal(near->attribute, cell->attribute) ||
                                        pz_value_compare(near->value, cell->value) != 0))
        near = &segment->cells[index];
#define KEEP(member)                                                                               \
    pz__segment_keep_shared(segment, cell->member, near ? &near->member : NULL, &cell->member)
    if (!KEEP(attribute) || !KEEP(channel) || !KEEP(epoch.writer))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
#undef KEEP
    if (near && pz_value_compare(near->value, cell->value) == 0) {
        cell->value = near->value;
        return PZ_OK;
    }
    return pz__segment_keep_value(segment, scratch, cell->value, &cell->value, err);
}

/* `made`: used, with its texts, if there is no such cell yet. */
void pz__cells_add(pz__segment *segment, const pz__cell *made, pz__ring_event *event)
{
    uint32_t index;
    if (pz__segment_find_cell(segment, made, &index)) {
        pz__cell *cell = &segment->cells[index];
        cell->weight = add_saturating(cell->weight, made->weight);
        if (event)
            pz__ring_note(segment, event, cell, made->weight);
        return;
    }
    memmove(&segment->cells[index + 1], &segment->cells[index],
            (segment->cell_count - index) * sizeof *segment->cells);
    segment->cells[index] = *made;
    segment->cell_count++;
    segment->cost += pz__cell_cost(made);
    if (event)
        pz__ring_note(segment, event, made, made->weight);
    if (segment->cell_count > PZ__ATTRIBUTE_VALUES_MAX && is_new_value(segment, index))
        evict_value(segment, made->attribute);
    if (segment->cell_count > PZ__SEGMENT_CELLS_MAX)
        evict_cell(segment);
}

/* Make the cells of all contributions, to wait in the profile's `waiting`, and find out what they
 * cost at most. One that exists needs no texts of its own, unless making room may evict it. */
pz_status pz__cells_keep(pz__profile *profile, pz__segment *segment, const pz__observation *o,
                         size_t *gain, pz_error *err)
{
    uint32_t count = o->contribution_count, index;
    bool may_evict = segment->cell_count + count > PZ__ATTRIBUTE_VALUES_MAX;
    void *list = profile->waiting;
    if (!pz__reserve(&profile->alloc, &list, &profile->waiting_cap, 0, count, sizeof(pz__cell)))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    profile->waiting = list;
    *gain = 0;
    for (uint32_t i = 0; i < count; i++) {
        pz__cell *cell = &profile->waiting[i];
        *cell = cell_for(profile, &o->contributions[i], o->time_ms);
        if (pz__segment_find_cell(segment, cell, &index) && !may_evict)
            continue;
        pz_status status = keep_cell(segment, &profile->scratch, cell, index, err);
        if (status != PZ_OK)
            return status;
        *gain += pz__cell_cost(cell);
    }
    return PZ_OK;
}

/* ---- counters ---- */

static uint32_t count_new_counters(const pz__segment *segment, const pz_str *names, uint32_t count)
{
    uint32_t fresh = 0, index;
    for (uint32_t i = 0; i < count; i++)
        fresh += !pz__segment_find_counter(segment, names[i], &index);
    return fresh;
}

static bool is_among(const pz_str *names, uint32_t count, pz_str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (pz__str_equal(names[i], name))
            return true;
    return false;
}

static uint32_t count_among(const pz__segment *segment, const pz_str *names, uint32_t count)
{
    uint32_t among = 0;
    for (uint32_t i = 0; i < segment->counter_count; i++)
        among += is_among(names, count, segment->counters[i].name);
    return among;
}

static bool is_full(const pz__segment *segment, uint32_t fresh)
{
    return fresh > PZ__SEGMENT_COUNTERS_MAX - segment->counter_count;
}

static bool is_counter_name(pz_str name)
{
    return name.len > 0 && name.len <= PZ__NAME_MAX && pz__utf8_valid(name.data, name.len);
}

/* Copy the names of the counters that are not noted yet into the segment, and make room for them.
 * They wait in the profile's `names`. */
pz_status pz__counters_keep(pz__profile *profile, pz__segment *segment, const pz_str *names,
                            uint32_t count, uint32_t *fresh, pz_error *err)
{
    *fresh = count_new_counters(segment, names, count);
    if (*fresh == 0)
        return PZ_OK;
    if (is_full(segment, *fresh) &&
        *fresh > PZ__SEGMENT_COUNTERS_MAX - count_among(segment, names, count))
        return pz__fail(err, PZ_ERR_LIMIT, "more than %u counters", PZ__SEGMENT_COUNTERS_MAX);
    void *waiting = profile->names, *list = segment->counters;
    bool has_room = pz__reserve(&profile->alloc, &waiting, &profile->name_cap, 0, *fresh,
                                sizeof *profile->names);
    profile->names = waiting;
    has_room = has_room && pz__reserve(&segment->alloc, &list, &segment->counter_cap,
                                       segment->counter_count, *fresh, sizeof *segment->counters);
    segment->counters = list;
    uint32_t index, next = 0;
    for (uint32_t i = 0; has_room && i < count; i++) {
        if (pz__segment_find_counter(segment, names[i], &index))
            continue;
        if (!is_counter_name(names[i]))
            return pz__fail(err, PZ_ERR_ARG, "a counter's name is not 1 to %u bytes of UTF-8",
                            PZ__NAME_MAX);
        has_room = pz__segment_keep_text(segment, names[i], &profile->names[next++]);
    }
    return has_room ? PZ_OK : pz__fail(err, PZ_ERR_NOMEM, "out of memory");
}

/* Counters that the catalog has no more make room. What they counted stays, and is unknown should
 * one come back. */
static void drop_others(pz__segment *segment, const pz_str *names, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segment->counter_count; i++) {
        const pz__kept_counter *counter = &segment->counters[i];
        if (is_among(names, count, counter->name))
            segment->counters[kept++] = *counter;
        else
            segment->cost -= PZ__COUNTER_COST + counter->name.len;
    }
    segment->counter_count = kept;
}

void pz__counters_note(pz__segment *segment, const pz__noted_counters *noted, int64_t since_ms)
{
    const pz_str *names = noted->fresh;
    uint32_t index;
    if (is_full(segment, noted->fresh_count))
        drop_others(segment, noted->all, noted->all_count);
    for (uint32_t i = 0; i < noted->fresh_count; i++) {
        if (pz__segment_find_counter(segment, names[i], &index))
            continue;
        memmove(&segment->counters[index + 1], &segment->counters[index],
                (segment->counter_count - index) * sizeof *segment->counters);
        segment->counters[index] = (pz__kept_counter){names[i], since_ms};
        segment->counter_count++;
        segment->cost += PZ__COUNTER_COST + names[i].len;
    }
}
