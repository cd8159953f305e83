/*
 * forget.c: recording that something is to be forgotten.
 *
 * A forgetting is an entry of its writer's segment: what (an attribute or everything, a span of
 * time, which kinds), a stamp, and a counter that with the writer makes the epoch. The counter is
 * one more than the greatest in the profile, so a forgetting beats all that its writer knew of; of
 * two made apart with equal counters the greater writer's is the later, and what was gathered
 * between them falls, which errs on the side of forgetting.
 *
 * An older forgetting of the same writer that a new one covers (everything it takes, wherever and
 * whenever) says nothing any more and goes. So the list stays short however often somebody says
 * "forget all of it", and a list that is full of small spans is emptied by a whole one.
 *
 * The writer's own data goes at once, that of the others when the profile is scrubbed (purge.c).
 * The ids of events stay as hashes for the horizon, or a repeat would bring back what was
 * forgotten; of retractions, which name events by the same hashes, those of the writer go with
 * everything.
 */
#include "profile/state.h"

#include <string.h>

typedef struct wishes {
    const pz__forgetting *list;
    uint32_t count;
    uint32_t most; /* that a segment may hold with them */
} wishes;

static bool is_everything(const pz__own_forgetting *f)
{
    return f->attribute.len == 1 && f->attribute.data[0] == '*';
}

static bool is_covered_by(const pz__own_forgetting *old, const pz__own_forgetting *made)
{
    return old->what <= made->what && old->from_ms >= made->from_ms && old->to_ms <= made->to_ms &&
           (is_everything(made) || pz__str_equal(old->attribute, made->attribute));
}

static int compare(const pz__own_forgetting *a, const pz__own_forgetting *b)
{
    int by = pz__str_compare(a->attribute, b->attribute);
    if (by == 0)
        by = (a->from_ms > b->from_ms) - (a->from_ms < b->from_ms);
    if (by == 0)
        by = (a->to_ms > b->to_ms) - (a->to_ms < b->to_ms);
    return by ? by : (a->what > b->what) - (a->what < b->what);
}

static bool is_bound(int64_t ms, int64_t ever)
{
    return ms == ever || pz__time_is_valid(ms);
}

static pz_status check(const pz__forgetting *f, pz_error *err)
{
    if (f->what < PZ__FORGET_GATHERED || f->what > PZ__FORGET_ALL)
        return pz__fail(err, PZ_ERR_ARG, "%d is no kind of forgetting", (int)f->what);
    if (!is_bound(f->from_ms, INT64_MIN) || !is_bound(f->to_ms, INT64_MAX))
        return pz__fail(err, PZ_ERR_TIME, "a time lies outside the years 1 to 9999");
    if (f->from_ms >= f->to_ms)
        return pz__fail(err, PZ_ERR_ARG, "the span to forget ends before it begins");
    if (f->attribute.len == 0)
        return pz__fail(err, PZ_ERR_ARG, "no attribute is named: everything is \"*\"");
    return pz__text_check(f->attribute, PZ__NAME_MAX, "the attribute's name", err);
}

static pz_status next_counter(const pz__profile *profile, uint32_t *out, pz_error *err)
{
    uint32_t greatest = 0;
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->forgetting_count; i++)
            if (segment->forgettings[i].counter > greatest)
                greatest = segment->forgettings[i].counter;
    }
    if (greatest == UINT32_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile's epochs are used up");
    *out = greatest + 1;
    return PZ_OK;
}

/* Drop what the new one makes superfluous; whether there was any. */
static bool coalesce(pz__segment *segment, const pz__own_forgetting *made)
{
    const uint32_t count = segment->forgetting_count;
    uint32_t kept = 0;
    for (uint32_t i = 0; i < count; i++)
        if (!is_covered_by(&segment->forgettings[i], made))
            segment->forgettings[kept++] = segment->forgettings[i];
    segment->forgetting_count = kept;
    return kept < count;
}

/* Into a segment that is a copy: a failure leaves it to be thrown away, but for PZ_ERR_LIMIT, when
 * more than `most` would be there and none makes room: it is as it was. */
static pz_status insert(pz__segment *segment, const pz__own_forgetting *made, uint32_t most,
                        pz_error *err)
{
    if (!coalesce(segment, made) && segment->forgetting_count >= most)
        return pz__fail(err, PZ_ERR_LIMIT,
                        "this writer has forgotten %u things apart: forget the whole instead",
                        segment->forgetting_count);
    void *list = segment->forgettings;
    const bool has_room = pz__reserve(&segment->alloc, &list, &segment->forgetting_cap,
                                      segment->forgetting_count, 1, sizeof *made);
    segment->forgettings = list;
    if (!has_room)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    uint32_t index = segment->forgetting_count++;
    for (; index > 0 && compare(&segment->forgettings[index - 1], made) > 0; index--)
        segment->forgettings[index] = segment->forgettings[index - 1];
    segment->forgettings[index] = *made;
    return PZ_OK;
}

/* What all that is forgotten by one write has in common. */
static pz_status begin(const pz__profile *profile, const pz__write *write, pz__own_forgetting *like,
                       pz_error *err)
{
    *like = (pz__own_forgetting){.at_ms = write->at_ms};
    const pz_status status = pz__stamp_next(profile, write->now_ms, &like->stamp, err);
    return status == PZ_OK ? next_counter(profile, &like->counter, err) : status;
}

static pz_status record(pz__segment *segment, const pz__own_forgetting *like,
                        const pz__forgetting *forgetting, uint32_t most, pz_error *err)
{
    pz__own_forgetting made = *like;
    made.from_ms = forgetting->from_ms;
    made.to_ms = forgetting->to_ms;
    made.what = (uint8_t)forgetting->what;
    if (!pz__segment_keep_text(segment, forgetting->attribute, &made.attribute))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    const pz_status status = insert(segment, &made, most, err);
    if (status == PZ_OK && is_everything(&made) && made.from_ms == INT64_MIN &&
        made.to_ms == INT64_MAX)
        segment->retraction_count = 0;
    return status;
}

static pz_status finish(pz__profile *profile, pz__segment *segment, pz_error *err)
{
    profile->erasures++;
    pz__cover_make(profile);
    pz__segment_purge(profile, segment);
    return pz__edit_check_size(profile, 1, 0, true, err);
}

/* As many as there is room for; it is no failure that there is none for some. */
static pz_status forget(pz__profile *profile, pz__segment *segment, const pz__write *write,
                        const wishes *list, uint32_t *made, pz_error *err)
{
    pz__own_forgetting like;
    pz_status status = begin(profile, write, &like, err), refused = PZ_OK;
    for (uint32_t i = 0; i < list->count && status == PZ_OK; i++) {
        status = record(segment, &like, &list->list[i], list->most, err);
        *made += status == PZ_OK;
        if (status == PZ_ERR_LIMIT) {
            refused = status;
            status = PZ_OK;
        }
    }
    if (status == PZ_OK && *made == 0)
        return refused;
    return status == PZ_OK ? finish(profile, segment, err) : status;
}

static pz_status forget_list(pz__profile *profile, const pz__write *write, const wishes *list,
                             uint32_t *made, pz_error *err)
{
    *made = 0;
    pz_status status = pz__write_check(write, err);
    for (uint32_t i = 0; i < list->count && status == PZ_OK; i++)
        status = check(&list->list[i], err);
    if (status != PZ_OK)
        return status;
    pz__edit edit;
    status = pz__edit_begin(profile, write->writer, true, &edit, err);
    if (status != PZ_OK)
        return status;
    status = forget(profile, edit.segment, write, list, made, err);
    pz__edit_end(profile, &edit, status == PZ_OK && *made > 0, PZ__CHANGED_ALL);
    return status;
}

pz_status pz__profile_forget(pz__profile *profile, const pz__write *write,
                             const pz__forgetting *forgetting, pz_error *err)
{
    uint32_t made;
    const wishes list = {forgetting, 1, PZ__SEGMENT_FORGETTINGS_MAX};
    return forget_list(profile, write, &list, &made, err);
}

pz_status pz__profile_forget_many(pz__profile *profile, const pz__write *write,
                                  const pz__forgetting *list, uint32_t count, bool is_own,
                                  uint32_t *made, pz_error *err)
{
    const wishes many = {list, count,
                         PZ__SEGMENT_FORGETTINGS_MAX -
                             (is_own ? 0 : PZ__SEGMENT_FORGETTINGS_OF_CUSTOMER)};
    const pz_status status = forget_list(profile, write, &many, made, err);
    if (status == PZ_ERR_LIMIT && *made == 0 && !is_own)
        pz__fail(err, status,
                 "this writer has forgotten things of %u attributes or spans apart, and what is "
                 "left is for what the customer forgets: forget all attributes up to a moment",
                 many.most);
    return status;
}
