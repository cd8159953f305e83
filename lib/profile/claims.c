/*
 * claims.c: setting a register.
 *
 * A writer keeps one claim for each (attribute, slot, part): the one that ranks first. For all
 * slots but DECLARED that is the newest by stamp, and a new claim always has the greatest stamp of
 * the profile, so it replaces what is there. Recorded facts rank by the time they are claimed for:
 * an old fact that is imported today finds the newer one in place and changes nothing. It counts as
 * an operation all the same; the sequence would otherwise tell in which order the facts came.
 *
 * Clearing is a claim like any other, without a value. It stays in its register for good: it is
 * what hides the older claims of other writers.
 *
 * Everything that can fail is done before the first change: the texts are copied, the array has
 * room. A failure gives the arena's bytes back.
 *
 * Not here: which claim answers (resolve), the order between writers (view.c).
 */
#include "profile/state.h"

#include "base/utf8.h"

#include <string.h>

#define CONFIDENCE_ONE 65536u

static pz_status check_text(pz_str text, size_t max, const char *what, pz_error *err)
{
    if (text.len > max)
        return pz__fail(err, PZ_ERR_LIMIT, "%s has %zu bytes, more than %zu", what, text.len, max);
    if (!pz__utf8_valid(text.data, text.len))
        return pz__fail(err, PZ_ERR_ARG, "%s is not UTF-8", what);
    return PZ_OK;
}

static pz_status check_claim(const pz__claim *claim, pz_error *err)
{
    if (claim->slot < PZ__SLOT_CHOICE || claim->slot > PZ__SLOT_SWITCH)
        return pz__fail(err, PZ_ERR_ARG, "%u is no slot", (unsigned)claim->slot);
    if (claim->confidence > CONFIDENCE_ONE)
        return pz__fail(err, PZ_ERR_ARG, "a confidence is at most 1");
    if (claim->confidence != 0 && (claim->slot != PZ__SLOT_INFERRED || claim->is_cleared))
        return pz__fail(err, PZ_ERR_ARG, "only an inferred claim has a confidence");
    if (claim->part.len > PZ__CLAIM_VALUE_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the part has %zu bytes, more than %u", claim->part.len,
                        PZ__CLAIM_VALUE_MAX);
    return check_text(claim->attribute, PZ__NAME_MAX, "the attribute's name", err);
}

static pz_status check_write(const pz__write *write, pz_error *err)
{
    pz_status status = check_text(write->channel, PZ__NAME_MAX, "the channel", err);
    if (status == PZ_OK)
        status = check_text(write->who, PZ__WHO_MAX, "who says it", err);
    if (status != PZ_OK)
        return status;
    if (write->skew_ms < 0)
        return pz__fail(err, PZ_ERR_ARG, "the allowed skew is negative");
    if (!pz__time_is_valid(write->now_ms) || !pz__time_is_valid(write->at_ms) ||
        !pz__time_is_valid(write->expires_ms))
        return pz__fail(err, PZ_ERR_TIME, "a time lies outside the years 1 to 9999");
    if (write->at_ms > write->now_ms && write->at_ms - write->now_ms > write->skew_ms)
        return pz__fail(err, PZ_ERR_TIME, "the claimed time lies beyond now and the allowed skew");
    return PZ_OK;
}

static int64_t next_stamp(const pz__profile *profile, int64_t now_ms)
{
    int64_t stamp = now_ms;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *segment = profile->segments[i];
        if (segment->max_stamp >= stamp)
            stamp = segment->max_stamp + 1;
    }
    return stamp;
}

/* One text of a new claim: what the claim beside it or before it already holds, or a copy. */
static bool keep_shared(pz__segment *segment, pz_str text, const pz_str *like, pz_str *out)
{
    if (like && pz__str_equal(*like, text)) {
        *out = *like;
        return true;
    }
    return pz__segment_keep_text(segment, text, out);
}

/* Fill `made` with copies of what `claim` and `write` lend. `near` is a claim that is likely to
 * hold the same texts, or NULL. */
static pz_status keep_claim(pz__segment *segment, pz__buf *scratch, const pz__write *write,
                            const pz__claim *claim, const pz__claim *near, pz__claim *made,
                            pz_error *err)
{
    made->slot = claim->slot;
    made->is_cleared = claim->is_cleared;
    made->confidence = claim->confidence;
    made->at_ms = write->at_ms;
    made->expires_ms = write->expires_ms;
    made->writer = segment->writer;
    if (!keep_shared(segment, claim->attribute, near ? &near->attribute : NULL, &made->attribute) ||
        !keep_shared(segment, claim->part, near ? &near->part : NULL, &made->part) ||
        !keep_shared(segment, write->channel, near ? &near->channel : NULL, &made->channel) ||
        !keep_shared(segment, write->who, near ? &near->who : NULL, &made->who))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    if (claim->is_cleared)
        return PZ_OK;
    return pz__segment_keep_value(segment, scratch, claim->value, &made->value, err);
}

static pz_status check_size(const pz__profile *profile, const pz__segment *segment, bool is_fresh,
                            size_t gain, size_t loss, pz_error *err)
{
    size_t cost = pz__profile_cost(profile) + (is_fresh ? segment->cost : 0) + gain - loss;
    if (gain > loss && cost > PZ__PROFILE_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile would exceed %u bytes",
                        PZ__PROFILE_BYTES_MAX);
    return PZ_OK;
}

/* Make `made` the claim at `index`, in place of the one there or before it. There is room. */
static void place(pz__segment *segment, uint32_t index, bool is_there, const pz__claim *made)
{
    if (is_there) {
        segment->cost -= pz__claim_cost(&segment->claims[index]);
    } else {
        memmove(&segment->claims[index + 1], &segment->claims[index],
                (segment->claim_count - index) * sizeof *segment->claims);
        segment->claim_count++;
    }
    segment->claims[index] = *made;
    segment->cost += pz__claim_cost(made);
    segment->max_stamp = made->stamp;
}

static pz_status put_claim(pz__profile *profile, pz__segment *segment, bool is_fresh,
                           const pz__write *write, const pz__claim *claim, pz_error *err)
{
    uint32_t index;
    bool is_there = pz__segment_find_claim(segment, claim, &index);
    if (!is_there && segment->claim_count == PZ__SEGMENT_CLAIMS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "this writer holds %u claims already",
                        PZ__SEGMENT_CLAIMS_MAX);
    const pz__claim *old = is_there ? &segment->claims[index] : NULL;
    bool is_stale = old && old->slot == PZ__SLOT_DECLARED && old->at_ms > write->at_ms;

    pz__claim made = {.stamp = next_stamp(profile, write->now_ms)};
    if (made.stamp > PZ__STAMP_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile's stamps are used up");
    pz__mark mark = pz__arena_mark(&segment->arena);
    size_t added = segment->added;
    const pz__claim *near = old ? old : index > 0 ? &segment->claims[index - 1] : NULL;
    pz_status status = keep_claim(segment, &profile->scratch, write, claim, near, &made, err);
    if (status == PZ_OK && !is_stale)
        status = check_size(profile, segment, is_fresh, pz__claim_cost(&made),
                            old ? pz__claim_cost(old) : 0, err);
    void *list = segment->claims;
    if (status == PZ_OK && !is_stale &&
        !pz__reserve(&segment->alloc, &list, &segment->claim_cap, segment->claim_count, 1,
                     sizeof *segment->claims))
        status = pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    segment->claims = list;
    if (status != PZ_OK || is_stale) {
        pz__arena_return(&segment->arena, mark);
        segment->added = added;
        return status;
    }
    place(segment, index, is_there, &made);
    return PZ_OK;
}

pz_status pz__profile_put(pz__profile *profile, const pz__write *write, const pz__claim *claim,
                          pz_error *err)
{
    pz_status status = check_write(write, err);
    if (status == PZ_OK)
        status = check_claim(claim, err);
    if (status != PZ_OK)
        return status;
    pz__segment *segment;
    uint32_t index;
    bool is_fresh;
    status = pz__profile_open_segment(profile, write->writer, &segment, &index, &is_fresh, err);
    if (status != PZ_OK)
        return status;
    status = put_claim(profile, segment, is_fresh, write, claim, err);
    pz__profile_close_segment(profile, segment, index, is_fresh, status == PZ_OK,
                              PZ__CHANGED_CLAIMS);
    return status;
}
