/*
 * ring.c: the newest events of a segment with what they added.
 *
 * "That was a gift": an event can be taken back as long as some segment holds it in its ring. An
 * entry repeats the event's cells, one for each cell of the segment it added to, with its own
 * weight, so taking it back is subtracting, exact to the unit.
 *
 * The ring holds the newest 256 events by (time, id), which depends on the set of events alone and
 * not on the order they came in: a late one that is older than all of a full ring does not enter.
 *
 * Texts and values of an entry's cells are those of the segment's cells. When a cell is evicted its
 * weight is gone, and with it what could be taken back from it: entries forget their share, or a
 * later cell of that place would be charged for it.
 *
 * Not here: taking back (retract.c), what readers subtract (erase.c).
 */
#include "profile/state.h"

#include <string.h>

bool pz__ring_reserve(pz__segment *segment, uint32_t count, pz__cell **cells)
{
    void *list = segment->ring;
    const bool has_room = pz__reserve(&segment->alloc, &list, &segment->ring_cap,
                                      segment->ring_count, 1, sizeof *segment->ring);
    segment->ring = list;
    *cells = has_room ? pz__arena_array(&segment->arena, count, sizeof **cells) : NULL;
    if (*cells)
        segment->added += count * sizeof **cells;
    return *cells != NULL;
}

static int compare(const pz__ring_event *a, const pz__ring_event *b)
{
    const pz__seen_event x = {a->time_ms, a->id}, y = {b->time_ms, b->id};
    return pz__event_compare(&x, &y);
}

/* Where an event belongs. */
static uint32_t place_of(const pz__segment *segment, const pz__ring_event *event)
{
    uint32_t low = 0, high = segment->ring_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (compare(&segment->ring[middle], event) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

pz__ring_event *pz__ring_add(pz__segment *segment, int64_t time_ms, const pz__digest *id,
                             pz__cell *cells)
{
    const pz__ring_event made = {.time_ms = time_ms, .id = *id, .cells = cells};
    uint32_t index = place_of(segment, &made);
    if (segment->ring_count < PZ__SEGMENT_RING_MAX) {
        memmove(&segment->ring[index + 1], &segment->ring[index],
                (segment->ring_count - index) * sizeof made);
        segment->ring_count++;
    } else {
        if (index == 0)
            return NULL;
        segment->cost -= pz__ring_cost(&segment->ring[0]);
        index--;
        memmove(&segment->ring[0], &segment->ring[1], index * sizeof made);
    }
    segment->ring[index] = made;
    segment->cost += pz__ring_cost(&made);
    return &segment->ring[index];
}

static bool find_cell(const pz__ring_event *event, const pz__cell *key, uint32_t *index)
{
    uint32_t i = 0;
    int by = -1;
    while (i < event->cell_count && (by = pz__cell_compare(&event->cells[i], key)) < 0)
        i++;
    *index = i;
    return i < event->cell_count && by == 0;
}

void pz__ring_note(pz__segment *segment, pz__ring_event *event, const pz__cell *cell,
                   int64_t weight)
{
    uint32_t index;
    if (find_cell(event, cell, &index)) {
        int64_t *sum = &event->cells[index].weight;
        if (__builtin_add_overflow(*sum, weight, sum))
            *sum = weight < 0 ? INT64_MIN : INT64_MAX;
        return;
    }
    memmove(&event->cells[index + 1], &event->cells[index],
            (event->cell_count - index) * sizeof *event->cells);
    event->cells[index] = *cell;
    event->cells[index].weight = weight;
    event->cell_count++;
    segment->cost += pz__cell_cost(cell);
}

void pz__ring_evict(pz__segment *segment, const pz__cell *cell)
{
    for (uint32_t i = 0; i < segment->ring_count; i++) {
        pz__ring_event *event = &segment->ring[i];
        uint32_t index;
        if (!find_cell(event, cell, &index))
            continue;
        segment->cost -= pz__cell_cost(&event->cells[index]);
        event->cell_count--;
        memmove(&event->cells[index], &event->cells[index + 1],
                (event->cell_count - index) * sizeof *event->cells);
    }
}
