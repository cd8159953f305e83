/*
 * erase.c: what was forgotten or taken back, for whoever reads and for the writer who cleans up.
 *
 * A forgetting covers an attribute (or everything) in a span of time and raises the epoch, a pair
 * of a counter and the writer that raised it. Two rules say what falls:
 *
 *     evidence, counters,   carry the greatest epoch that covered them when they were written, and
 *     inferred claims       count only while that is the greatest that covers them. So what was
 *                           gathered elsewhere at the same time, unaware, does not come back.
 *     choices, rejections,  carry no epoch. They fall if their stamp is at most the forgetting's
 *     edits, facts          and it takes their kind.
 *
 * What was emptied is a statement too: it hides the older claims of other writers. A span of time
 * that is forgotten therefore spares it, or a choice that the customer took back would return; with
 * everything forgotten those older claims have fallen as well, and it goes.
 *
 * An event that was taken back is subtracted from the cells of whichever segment has it in its
 * ring. What an event added is kept in cells like those it went to, so taking it back is exact. A
 * sum that has reached the end of int64 stays there: what it would be is not known any more.
 *
 * Readers see a segment through these rules (view.c). A segment in which nothing was erased is
 * recognized once and remembered until something is erased or joined.
 *
 * Not here: recording a forgetting (forget.c) or a retraction (retract.c), dropping what was erased
 * from the bytes (purge.c).
 */
#include "profile/state.h"

#include <string.h>

/* ---- what a forgetting covers ---- */

static bool is_everything(pz_str attribute)
{
    return attribute.len == 1 && attribute.data[0] == '*';
}

static bool is_about(const pz__own_forgetting *f, pz_str attribute, bool is_counter)
{
    return is_everything(f->attribute) || (!is_counter && pz__str_equal(f->attribute, attribute));
}

static bool is_ever(const pz__own_forgetting *f)
{
    return f->from_ms == INT64_MIN && f->to_ms == INT64_MAX;
}

/* The span has an end in common with [first, last], both included. */
static bool touches(const pz__own_forgetting *f, int64_t first_ms, int64_t last_ms)
{
    return f->from_ms <= last_ms && (first_ms < f->to_ms || f->to_ms == INT64_MAX);
}

static bool is_later(uint32_t counter, pz_str writer, const pz__epoch *than)
{
    if (counter != than->counter)
        return counter > than->counter;
    return pz__str_compare(writer, than->writer) > 0;
}

bool pz__has_forgettings(const pz__profile *profile)
{
    for (uint32_t i = 0; i < profile->segment_count; i++)
        if (profile->segments[i]->forgetting_count)
            return true;
    return false;
}

/* ---- epochs ---- */

static pz__epoch epoch_of(const pz__profile *profile, pz_str attribute, bool is_counter,
                          int64_t first_ms, int64_t last_ms)
{
    if (profile->cover)
        return pz__cover_epoch(profile, attribute, is_counter, first_ms, last_ms);
    pz__epoch epoch = {{NULL, 0}, 0};
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->forgetting_count; i++) {
            const pz__own_forgetting *f = &segment->forgettings[i];
            if (f->counter >= epoch.counter && is_later(f->counter, segment->writer, &epoch) &&
                touches(f, first_ms, last_ms) && is_about(f, attribute, is_counter))
                epoch = (pz__epoch){segment->writer, f->counter};
        }
    }
    return epoch;
}

pz__epoch pz__claim_epoch(const pz__profile *profile, pz_str attribute, int64_t at_ms)
{
    return epoch_of(profile, attribute, false, at_ms, at_ms);
}

/* A bucket outside every calendar is bounded by the ends of int64. */
pz__epoch pz__cell_epoch(const pz__profile *profile, const pz__cell *cell)
{
    const int64_t span_ms = (int64_t)1000 << cell->width;
    int64_t first, last;
    if (__builtin_mul_overflow(cell->bucket, span_ms, &first))
        first = cell->bucket < 0 ? INT64_MIN : INT64_MAX;
    if (__builtin_add_overflow(first, span_ms - 1, &last))
        last = INT64_MAX;
    return epoch_of(profile, cell->attribute, cell->value.kind == PZ_NULL, first, last);
}

static bool is_same_epoch(const pz__epoch *a, const pz__epoch *b)
{
    return a->counter == b->counter && pz__str_equal(a->writer, b->writer);
}

bool pz__cell_stands(const pz__profile *profile, const pz__cell *cell)
{
    const pz__epoch epoch = pz__cell_epoch(profile, cell);
    return is_same_epoch(&epoch, &cell->epoch);
}

bool pz__cell_has_fallen(const pz__profile *profile, const pz__cell *cell)
{
    const pz__epoch epoch = pz__cell_epoch(profile, cell);
    return is_later(epoch.counter, epoch.writer, &cell->epoch);
}

/* ---- claims ---- */

static bool covers(const pz__own_forgetting *f, pz_str attribute, int64_t at_ms, int64_t stamp,
                   pz__forget_what what)
{
    return f->what >= what && stamp <= f->stamp && touches(f, at_ms, at_ms) &&
           is_about(f, attribute, false);
}

/* `is_whole`: only forgettings that cover all times. */
static bool is_covered(const pz__profile *profile, pz_str attribute, int64_t at_ms, int64_t stamp,
                       pz__forget_what what, bool is_whole)
{
    if (profile->cover) {
        const int64_t until = pz__cover_stamp(profile, attribute, at_ms, what, is_whole);
        return until != INT64_MIN && stamp <= until;
    }
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->forgetting_count; i++) {
            const pz__own_forgetting *f = &segment->forgettings[i];
            if ((!is_whole || is_ever(f)) && covers(f, attribute, at_ms, stamp, what))
                return true;
        }
    }
    return false;
}

bool pz__is_forgotten(const pz__profile *profile, pz_str attribute, int64_t at_ms, int64_t stamp,
                      pz__forget_what what)
{
    return is_covered(profile, attribute, at_ms, stamp, what, false);
}

bool pz__claim_stands(const pz__profile *profile, const pz__claim *claim)
{
    static const uint8_t taken_by[] = {
        [PZ__SLOT_CHOICE] = PZ__FORGET_ALL,      [PZ__SLOT_REJECT] = PZ__FORGET_ALL,
        [PZ__SLOT_EDIT_HIDDEN] = PZ__FORGET_ALL, [PZ__SLOT_EDIT_PLACE] = PZ__FORGET_ALL,
        [PZ__SLOT_DECLARED] = PZ__FORGET_FACTS,  [PZ__SLOT_LIFT] = PZ__FORGET_ALL,
    };
    if (claim->slot == PZ__SLOT_INFERRED) {
        const pz__epoch epoch = pz__claim_epoch(profile, claim->attribute, claim->at_ms);
        return is_same_epoch(&epoch, &claim->epoch);
    }
    if (claim->slot >= sizeof taken_by || taken_by[claim->slot] == 0)
        return true;
    return !is_covered(profile, claim->attribute, claim->at_ms, claim->stamp,
                       (pz__forget_what)taken_by[claim->slot], claim->is_cleared);
}

bool pz__claim_has_fallen(const pz__profile *profile, const pz__claim *claim)
{
    if (claim->slot != PZ__SLOT_INFERRED)
        return !pz__claim_stands(profile, claim);
    const pz__epoch epoch = pz__claim_epoch(profile, claim->attribute, claim->at_ms);
    return is_later(epoch.counter, epoch.writer, &claim->epoch);
}

uint32_t pz__claims_standing(const pz__profile *profile, pz__claim *list, uint32_t count)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (pz__claim_stands(profile, &list[i]))
            list[kept++] = list[i];
    return kept;
}

/* ---- events that were taken back ---- */

bool pz__is_retracted(const pz__profile *profile, int64_t time_ms, const pz__digest *id)
{
    const pz__seen_event key = {time_ms, *id};
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        uint32_t low = 0, high = segment->retraction_count;
        while (low < high) {
            const uint32_t middle = low + (high - low) / 2;
            const pz__own_retraction *r = &segment->retractions[middle];
            const pz__seen_event here = {r->time_ms, r->id};
            const int by = pz__event_compare(&here, &key);
            if (by == 0)
                return true;
            if (by < 0)
                low = middle + 1;
            else
                high = middle;
        }
    }
    return false;
}

/* Everything of the event's time was forgotten, and that the event happened with it. */
bool pz__is_wholly_forgotten(const pz__profile *profile, const pz__ring_event *event)
{
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->forgetting_count; i++) {
            const pz__own_forgetting *f = &segment->forgettings[i];
            if (is_everything(f->attribute) && touches(f, event->time_ms, event->time_ms))
                return true;
        }
    }
    return false;
}

bool pz__ring_event_stands(const pz__profile *profile, const pz__ring_event *event)
{
    if (pz__is_retracted(profile, event->time_ms, &event->id))
        return false;
    if (event->cell_count == 0)
        return true;
    for (uint32_t i = 0; i < event->cell_count; i++)
        if (pz__cell_stands(profile, &event->cells[i]))
            return true;
    return !pz__is_wholly_forgotten(profile, event);
}

static bool has_retractions(const pz__profile *profile)
{
    for (uint32_t i = 0; i < profile->segment_count; i++)
        if (profile->segments[i]->retraction_count)
            return true;
    return false;
}

/* A cell below zero that has come to 0 looks like the one above zero, which stands before it. */
static pz__cell *find_cell(pz__cell *list, uint32_t count, const pz__cell *key)
{
    uint32_t low = 0, high = count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int by = pz__cell_compare(&list[middle], key);
        if (by == 0) {
            const bool is_other = list[middle].weight == 0 && middle > 0 &&
                                  pz__cell_compare(&list[middle - 1], key) == 0;
            return &list[is_other ? middle - 1 : middle];
        }
        if (by < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

static void subtract(pz__cell *list, uint32_t count, const pz__ring_event *event)
{
    for (uint32_t i = 0; i < event->cell_count; i++) {
        pz__cell *cell = find_cell(list, count, &event->cells[i]);
        if (cell && cell->weight != INT64_MIN && cell->weight != INT64_MAX)
            cell->weight -= event->cells[i].weight;
    }
}

/* ---- what stands of a segment ---- */

static void take_back(const pz__profile *profile, const pz__segment *segment, pz__cell *list,
                      uint32_t count)
{
    for (uint32_t i = 0; i < segment->ring_count; i++) {
        const pz__ring_event *event = &segment->ring[i];
        if (event->cell_count && pz__is_retracted(profile, event->time_ms, &event->id))
            subtract(list, count, event);
    }
}

uint32_t pz__cells_standing(const pz__profile *profile, const pz__segment *segment, pz__cell *list,
                            uint32_t count)
{
    if (has_retractions(profile))
        take_back(profile, segment, list, count);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (list[i].weight != 0 && pz__cell_stands(profile, &list[i]))
            list[kept++] = list[i];
    return kept;
}

bool pz__is_remembered(const pz__profile *profile, const pz__history_entry *entry,
                       const pz__claim *before)
{
    return before->slot == PZ__SLOT_MODE || before->slot == PZ__SLOT_LEVEL ||
           !pz__is_forgotten(profile, before->attribute, entry->at_ms, entry->stamp,
                             PZ__FORGET_ALL);
}

bool pz__entry_is_stale(const pz__profile *profile, const pz__history_entry *entry)
{
    for (uint32_t i = 0; i < entry->before_count; i++) {
        const pz__claim *before = &entry->before[i];
        if (!pz__is_remembered(profile, entry, before) ||
            (!before->is_cleared && !pz__claim_stands(profile, before)))
            return true;
    }
    return false;
}

static bool is_ring_stale(const pz__profile *profile, const pz__segment *segment)
{
    for (uint32_t i = 0; i < segment->ring_count; i++) {
        const pz__ring_event *event = &segment->ring[i];
        if (event->cell_count && pz__is_retracted(profile, event->time_ms, &event->id))
            return true;
        for (uint32_t c = 0; c < event->cell_count; c++)
            if (!pz__cell_stands(profile, &event->cells[c]))
                return true;
    }
    return false;
}

static bool look_for_erased(const pz__profile *profile, const pz__segment *segment)
{
    for (uint32_t i = 0; i < segment->claim_count; i++)
        if (!pz__claim_stands(profile, &segment->claims[i]))
            return true;
    for (uint32_t i = 0; i < segment->cell_count; i++)
        if (!pz__cell_stands(profile, &segment->cells[i]))
            return true;
    for (uint32_t i = 0; i < segment->history_count; i++)
        if (pz__entry_is_stale(profile, &segment->history[i]))
            return true;
    return is_ring_stale(profile, segment);
}

bool pz__segment_is_stale(const pz__profile *profile, pz__segment *segment)
{
    if (segment->checked == profile->erasures)
        return false;
    if ((pz__has_forgettings(profile) || has_retractions(profile)) &&
        look_for_erased(profile, segment))
        return true;
    segment->checked = profile->erasures;
    return false;
}
