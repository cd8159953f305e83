/*
 * retract.c: "that event never happened".
 *
 * What is recorded is the event's time and hashed id, in the segment of whoever takes it back. Its
 * contributions are found in whichever segments hold the event in their ring (ring.c): readers
 * subtract them there, each writer does so for good in its own segment with its next write, the one
 * who retracts at once.
 *
 * The record stays, as other replicas may still be on their way, and so does the id among those
 * seen: a repeat of the event adds nothing, whoever hears of it next. To take the same event back
 * once more changes nothing and is no error, since requests are repeated too.
 *
 * By attribute and time, every event of the span that spoke about the attribute and still counts is
 * taken back, with all it said, about other attributes as well: the event never happened.
 *
 * An event in no ring is not guessed at: PZ_ERR_NOT_FOUND.
 */
#include "profile/state.h"

#include <string.h>

static bool is_by_id(const pz__retraction *r)
{
    return r->id.len > 0;
}

static bool speaks_about(const pz__profile *profile, const pz__ring_event *event, pz_str attribute)
{
    if (attribute.len == 0)
        return true;
    for (uint32_t i = 0; i < event->cell_count; i++)
        if (pz__str_equal(event->cells[i].attribute, attribute) &&
            pz__cell_stands(profile, &event->cells[i]))
            return true;
    return false;
}

static bool is_meant(const pz__profile *profile, const pz__ring_event *event,
                     const pz__retraction *r, const pz__digest *id)
{
    if (is_by_id(r))
        return memcmp(event->id.bytes, id->bytes, sizeof id->bytes) == 0;
    return event->time_ms >= r->from_ms && event->time_ms < r->to_ms &&
           speaks_about(profile, event, r->attribute);
}

static pz_status insert(pz__segment *segment, const pz__ring_event *event, pz_error *err)
{
    if (segment->retraction_count == PZ__SEGMENT_RETRACTIONS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "this writer has taken back %u events already",
                        PZ__SEGMENT_RETRACTIONS_MAX);
    void *list = segment->retractions;
    const bool has_room = pz__reserve(&segment->alloc, &list, &segment->retraction_cap,
                                      segment->retraction_count, 1, sizeof *segment->retractions);
    segment->retractions = list;
    if (!has_room)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    const pz__seen_event made = {event->time_ms, event->id};
    uint32_t index = segment->retraction_count++;
    for (; index > 0; index--) {
        const pz__own_retraction *before = &segment->retractions[index - 1];
        const pz__seen_event here = {before->time_ms, before->id};
        if (pz__event_compare(&here, &made) < 0)
            break;
        segment->retractions[index] = *before;
    }
    segment->retractions[index] = (pz__own_retraction){event->time_ms, event->id};
    return PZ_OK;
}

/* Record what is meant of one ring. Once recorded, an event stands in no other ring either. */
static pz_status retract_ring(const pz__profile *profile, pz__segment *segment,
                              const pz__segment *holder, const pz__retraction *r,
                              const pz__digest *id, bool *is_known, uint32_t *count, pz_error *err)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < holder->ring_count && status == PZ_OK; i++) {
        const pz__ring_event *event = &holder->ring[i];
        if (!is_meant(profile, event, r, id))
            continue;
        if (pz__is_retracted(profile, event->time_ms, &event->id)) {
            *is_known = true;
            continue;
        }
        if (!pz__ring_event_stands(profile, event))
            continue;
        status = insert(segment, event, err);
        *count += status == PZ_OK;
    }
    return status;
}

static pz_status retract(pz__profile *profile, pz__segment *segment, const pz__retraction *r,
                         uint32_t *count, pz_error *err)
{
    const pz__digest id = is_by_id(r) ? pz__event_id(r->source, r->id) : (pz__digest){{0}};
    bool is_known = false;
    pz_status status = PZ_OK;
    for (uint32_t s = 0; s < profile->segment_count && status == PZ_OK; s++)
        status =
            retract_ring(profile, segment, profile->segments[s], r, &id, &is_known, count, err);
    if (status != PZ_OK)
        return status;
    if (*count == 0)
        return is_known && is_by_id(r)
                   ? PZ_OK
                   : pz__fail(err, PZ_ERR_NOT_FOUND, "no event like this is among the newest %u",
                              PZ__SEGMENT_RING_MAX);
    profile->erasures++;
    pz__segment_purge(profile, segment);
    return pz__edit_check_size(profile, 1, 0, true, err);
}

static pz_status check(const pz__write *write, const pz__retraction *r, pz_error *err)
{
    pz_status status = pz__write_check(write, err);
    if (status != PZ_OK || is_by_id(r))
        return status;
    if (r->from_ms >= r->to_ms)
        return pz__fail(err, PZ_ERR_ARG, "the span to take back ends before it begins");
    return pz__text_check(r->attribute, PZ__NAME_MAX, "the attribute's name", err);
}

pz_status pz__profile_retract(pz__profile *profile, const pz__write *write,
                              const pz__retraction *retraction, uint32_t *count, pz_error *err)
{
    *count = 0;
    pz_status status = check(write, retraction, err);
    if (status != PZ_OK)
        return status;
    pz__edit edit;
    status = pz__edit_begin(profile, write->writer, true, &edit, err);
    if (status != PZ_OK)
        return status;
    status = retract(profile, edit.segment, retraction, count, err);
    pz__edit_end(profile, &edit, status == PZ_OK && *count > 0, PZ__CHANGED_ALL);
    if (status != PZ_OK)
        *count = 0;
    return status;
}
