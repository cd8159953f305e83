/*
 * purge.c: dropping for good what was erased (erase.c says what that is).
 *
 * Two may do so, and each on a copy:
 *
 *     purge    the writer of a segment, with its next write: whatever does not count goes, and the
 *              sequence grows
 *     scrub    anybody, of anybody's segment, after a forgetting or a join: a writer may be gone
 *              for good, as one is whose store was copied elsewhere, and what was forgotten has to
 *              leave the bytes all the same
 *
 * A scrub drops only what can never count again, whatever else is heard of: evidence under an
 * epoch that was overtaken, not evidence under one whose forgetting is still on its way. So what is
 * left is the same in whatever order the forgettings came and however often it was scrubbed, and
 * replicas that know the same hold the same bytes. The segment keeps its sequence, and counts what
 * it lost: of two states of one sequence the one that lost more is the later (join.c), so a stale
 * replica does not bring back what is gone. The writer's own next write starts that count anew.
 *
 * What it lost is counted so that ways that lead to one result come to one number: a claim, a cell,
 * a verb and a part of an event are one each; of what a verb had replaced, its value is one, and
 * that it was replaced at all another.
 *
 * Nothing is dropped that was only taken back: that is not erased, and subtracting it from cells
 * that have saturated would depend on the order.
 */
#include "profile/state.h"

/* ---- what stays of lists ---- */

typedef bool (*cell_fn)(const pz__profile *profile, const pz__cell *cell);

static uint32_t keep_cells(const pz__profile *profile, pz__cell *list, uint32_t count,
                           cell_fn is_gone)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!is_gone(profile, &list[i]))
            list[kept++] = list[i];
    return kept;
}

static void empty_before(pz__claim *before)
{
    *before = (pz__claim){.attribute = before->attribute,
                          .part = before->part,
                          .slot = before->slot,
                          .is_cleared = true};
}

static void keep_entry(const pz__profile *profile, pz__history_entry *entry)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < entry->before_count; i++) {
        pz__claim *before = &entry->before[i];
        if (!pz__is_remembered(profile, entry, before))
            continue;
        if (!before->is_cleared && !pz__claim_stands(profile, before))
            empty_before(before);
        entry->before[kept++] = *before;
    }
    entry->before_count = kept;
}

/* A verb of which nothing is remembered; one that undoes never noted anything. */
static bool is_spent(const pz__history_entry *entry)
{
    return entry->before_count == 0 && entry->undoes_writer.len == 0;
}

/* What was chosen has no epoch: it has fallen for good where it does not count. A list that is full
 * may have lost verbs that undid others, and stays full, of verbs that tell nothing: who undoes
 * must not take it for one that never lost any (history.c). */
static void keep_history(const pz__profile *profile, pz__segment *segment)
{
    const bool is_full = segment->history_count == PZ__SEGMENT_HISTORY_MAX;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segment->history_count; i++) {
        pz__history_entry *entry = &segment->history[i];
        keep_entry(profile, entry);
        if (is_spent(entry) && !is_full)
            continue;
        if (is_spent(entry)) {
            entry->verb = PZ__STR("forgotten");
            entry->channel = entry->who = (pz_str){NULL, 0};
        }
        segment->history[kept++] = *entry;
    }
    segment->history_count = kept;
}

/* ---- by its own writer ---- */

static bool does_not_stand(const pz__profile *profile, const pz__cell *cell)
{
    return !pz__cell_stands(profile, cell);
}

/* An event all of whose evidence was forgotten, attribute by attribute, stays as one that added
 * nothing: it can still be taken back, wherever that is heard of. */
static void purge_ring(const pz__profile *profile, pz__segment *segment)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segment->ring_count; i++) {
        pz__ring_event *event = &segment->ring[i];
        const bool had_any = event->cell_count > 0;
        const bool is_retracted = pz__is_retracted(profile, event->time_ms, &event->id);
        event->cell_count = keep_cells(profile, event->cells, event->cell_count, does_not_stand);
        const bool is_kept = event->cell_count > 0 || !had_any || is_retracted ||
                             !pz__is_wholly_forgotten(profile, event);
        if (is_retracted)
            event->cell_count = 0;
        if (is_kept)
            segment->ring[kept++] = *event;
    }
    segment->ring_count = kept;
}

void pz__segment_purge(const pz__profile *profile, pz__segment *segment)
{
    segment->cell_count = pz__cells_standing(profile, segment, segment->cells, segment->cell_count);
    segment->claim_count = pz__claims_standing(profile, segment->claims, segment->claim_count);
    purge_ring(profile, segment);
    keep_history(profile, segment);
    pz__segment_measure(segment);
    segment->checked = profile->erasures;
}

/* ---- by anybody ---- */

/* What a scrub can only make less. */
static uint64_t weigh(const pz__segment *segment)
{
    uint64_t weight = (uint64_t)segment->claim_count + segment->cell_count + segment->ring_count +
                      segment->history_count;
    for (uint32_t i = 0; i < segment->ring_count; i++)
        weight += segment->ring[i].cell_count;
    for (uint32_t i = 0; i < segment->history_count; i++)
        for (uint32_t b = 0; b < segment->history[i].before_count; b++)
            weight += segment->history[i].before[b].is_cleared ? 1 : 2;
    return weight;
}

static void scrub_ring_cells(const pz__profile *profile, pz__segment *segment)
{
    for (uint32_t i = 0; i < segment->ring_count; i++) {
        pz__ring_event *event = &segment->ring[i];
        event->cell_count =
            keep_cells(profile, event->cells, event->cell_count, pz__cell_has_fallen);
    }
}

/* An event without cells may have been emptied by an earlier scrub, or by this one: where any was,
 * they go, once everything of their time is forgotten. */
static bool is_event_gone(const pz__profile *profile, const pz__segment *segment,
                          const pz__ring_event *event)
{
    return segment->erased > 0 && event->cell_count == 0 && pz__is_wholly_forgotten(profile, event);
}

static void scrub_events(const pz__profile *profile, pz__segment *segment)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segment->ring_count; i++)
        if (!is_event_gone(profile, segment, &segment->ring[i]))
            segment->ring[kept++] = segment->ring[i];
    segment->ring_count = kept;
}

static void count_lost(pz__segment *segment, uint64_t lost)
{
    const uint64_t room = PZ__SEQUENCE_MAX - segment->erased;
    segment->erased += lost < room ? lost : room;
}

static void scrub(const pz__profile *profile, pz__segment *segment)
{
    const uint64_t whole = weigh(segment);
    uint32_t kept = 0;
    for (uint32_t i = 0; i < segment->claim_count; i++)
        if (!pz__claim_has_fallen(profile, &segment->claims[i]))
            segment->claims[kept++] = segment->claims[i];
    segment->claim_count = kept;
    segment->cell_count =
        keep_cells(profile, segment->cells, segment->cell_count, pz__cell_has_fallen);
    scrub_ring_cells(profile, segment);
    keep_history(profile, segment);
    const uint64_t left = weigh(segment);
    count_lost(segment, whole - left);
    scrub_events(profile, segment);
    count_lost(segment, left - weigh(segment));
    segment->raw = (pz_str){NULL, 0};
    pz__segment_measure(segment);
}

static bool has_fallen_cell(const pz__profile *profile, const pz__cell *list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (pz__cell_has_fallen(profile, &list[i]))
            return true;
    return false;
}

static bool has_fallen_event(const pz__profile *profile, const pz__segment *segment)
{
    for (uint32_t i = 0; i < segment->ring_count; i++) {
        const pz__ring_event *event = &segment->ring[i];
        if (is_event_gone(profile, segment, event) ||
            has_fallen_cell(profile, event->cells, event->cell_count))
            return true;
    }
    return false;
}

static bool has_fallen(const pz__profile *profile, const pz__segment *segment)
{
    if (segment->checked == profile->erasures && segment->erased == 0)
        return false;
    for (uint32_t i = 0; i < segment->claim_count; i++)
        if (pz__claim_has_fallen(profile, &segment->claims[i]))
            return true;
    for (uint32_t i = 0; i < segment->history_count; i++)
        if (pz__entry_is_stale(profile, &segment->history[i]))
            return true;
    return has_fallen_cell(profile, segment->cells, segment->cell_count) ||
           has_fallen_event(profile, segment);
}

static void swap_in(pz__profile *profile, pz__segment *const *fresh)
{
    pz__cover_drop(profile);
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        if (!fresh[i])
            continue;
        pz__segment_free(profile->segments[i]);
        profile->segments[i] = fresh[i];
    }
    profile->erasures++;
    pz__profile_changed(profile, PZ__CHANGED_ALL);
}

pz_status pz__profile_scrub(pz__profile *profile, pz_error *err)
{
    pz__segment *fresh[PZ__PROFILE_WRITERS_MAX] = {NULL};
    bool is_any = false;
    pz_status status = PZ_OK;
    if (!pz__has_forgettings(profile))
        return PZ_OK;
    if (!profile->cover)
        pz__cover_make(profile);
    for (uint32_t i = 0; i < profile->segment_count && status == PZ_OK; i++) {
        if (!has_fallen(profile, profile->segments[i]))
            continue;
        status = pz__segment_copy(&fresh[i], &profile->alloc, profile->segments[i]);
        if (status == PZ_OK)
            scrub(profile, fresh[i]);
        is_any = true;
    }
    if (status == PZ_OK && is_any)
        swap_in(profile, fresh);
    for (uint32_t i = 0; i < profile->segment_count && status != PZ_OK; i++)
        pz__segment_free(fresh[i]);
    return status == PZ_OK ? PZ_OK : pz__fail(err, status, "out of memory");
}
