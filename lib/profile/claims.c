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

#include <string.h>

static pz_status check_claim(const pz__claim *claim, pz_error *err)
{
    if (claim->slot < PZ__SLOT_CHOICE || claim->slot > PZ__SLOT_LAST)
        return pz__fail(err, PZ_ERR_ARG, "%u is no slot", (unsigned)claim->slot);
    if (!(claim->confidence >= 0.0 && claim->confidence <= 1.0))
        return pz__fail(err, PZ_ERR_ARG, "a confidence lies between 0 and 1");
    if (claim->confidence > 0.0 && (claim->slot != PZ__SLOT_INFERRED || claim->is_cleared))
        return pz__fail(err, PZ_ERR_ARG, "only an inferred claim has a confidence");
    if (claim->part.len > PZ__CLAIM_VALUE_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the part has %zu bytes, more than %u", claim->part.len,
                        PZ__CLAIM_VALUE_MAX);
    return pz__text_check(claim->attribute, PZ__NAME_MAX, "the attribute's name", err);
}

/* Fill `made` with copies of what `claim` and `write` lend. `near` is a claim that is likely to
 * hold the same texts, or NULL. */
static pz_status keep_claim(pz__profile *profile, pz__segment *segment, const pz__write *write,
                            const pz__claim *claim, const pz__claim *near, pz__claim *made,
                            pz_error *err)
{
    made->slot = claim->slot;
    made->is_cleared = claim->is_cleared;
    made->confidence = claim->confidence;
    made->at_ms = write->at_ms;
    made->expires_ms = write->expires_ms;
    made->writer = segment->writer;
    if (claim->slot == PZ__SLOT_INFERRED)
        made->epoch = pz__claim_epoch(profile, claim->attribute, write->at_ms);
#define KEEP(member, text)                                                                         \
    pz__segment_keep_shared(segment, text, near ? &near->member : NULL, &made->member)
    if (!KEEP(attribute, claim->attribute) || !KEEP(part, claim->part) ||
        !KEEP(channel, write->channel) || !KEEP(who, write->who) ||
        !KEEP(epoch.writer, made->epoch.writer))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
#undef KEEP
    if (claim->is_cleared)
        return PZ_OK;
    return pz__segment_keep_value(segment, &profile->scratch, claim->value, &made->value, err);
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
    if (made->stamp > segment->max_stamp)
        segment->max_stamp = made->stamp;
}

static size_t noting_cost(const pz__noting *noting)
{
    size_t cost = noting->is_new_entry ? pz__history_cost(&noting->entry) : 0;
    return cost + (noting->is_new_register ? pz__claim_cost(&noting->before) : 0);
}

/* A fact for an earlier time than the one in place changes nothing. */
static bool is_outranked(const pz__claim *old, const pz__write *write)
{
    return old && old->slot == PZ__SLOT_DECLARED && old->at_ms > write->at_ms;
}

static pz_status make_room(pz__segment *segment, pz_error *err)
{
    void *list = segment->claims;
    const bool has_room = pz__reserve(&segment->alloc, &list, &segment->claim_cap,
                                      segment->claim_count, 1, sizeof *segment->claims);
    segment->claims = list;
    return has_room ? PZ_OK : pz__fail(err, PZ_ERR_NOMEM, "out of memory");
}

/* Neither recorded nor guessed by a company. */
static bool is_own(const pz__claim *claim)
{
    return claim->slot != PZ__SLOT_DECLARED && claim->slot != PZ__SLOT_INFERRED;
}

/* Everything that can fail. */
static pz_status prepare(pz__profile *profile, pz__segment *segment, const pz__write *write,
                         const pz__claim *claim, uint32_t index, const pz__claim *old,
                         pz__claim *made, pz__noting *noting, pz_error *err)
{
    const pz__claim *near = old ? old : index > 0 ? &segment->claims[index - 1] : NULL;
    pz_status status = keep_claim(profile, segment, write, claim, near, made, err);
    if (status != PZ_OK || is_outranked(old, write))
        return status;
    status = pz__history_prepare(profile, segment, made, noting, err);
    if (status == PZ_OK)
        status = pz__edit_check_size(profile, pz__claim_cost(made) + noting_cost(noting),
                                     old ? pz__claim_cost(old) : 0, is_own(claim), err);
    if (status != PZ_OK)
        return status;
    return make_room(segment, err);
}

/* All registers that one verb of the customer sets have one stamp, that of the first: what another
 * writer said a moment later is later than the whole verb. */
static pz_status stamp_of(const pz__profile *profile, const pz__segment *segment, int64_t now_ms,
                          int64_t *stamp, pz_error *err)
{
    const pz__note *note = &profile->note;
    const pz_str writer = {note->writer_bytes, note->writer_len};
    if (!note->has_entry || !pz__str_equal(writer, segment->writer))
        return pz__stamp_next(profile, now_ms, stamp, err);
    *stamp = note->stamp;
    return PZ_OK;
}

pz_status pz__claim_put(pz__profile *profile, pz__segment *segment, const pz__write *write,
                        const pz__claim *claim, pz_error *err)
{
    uint32_t index;
    const bool is_there = pz__segment_find_claim(segment, claim, &index);
    const uint32_t most =
        PZ__SEGMENT_CLAIMS_MAX - (is_own(claim) ? 0 : PZ__SEGMENT_CLAIMS_OF_CUSTOMER);
    if (!is_there && segment->claim_count >= most)
        return pz__fail(err, PZ_ERR_LIMIT, "this writer holds %u claims already%s",
                        segment->claim_count,
                        is_own(claim) ? "" : "; what is left is for the customer's own words");
    pz__claim made = {.slot = claim->slot};
    pz__noting noting = {.is_wanted = false};
    pz_status status = stamp_of(profile, segment, write->now_ms, &made.stamp, err);
    if (status != PZ_OK)
        return status;
    const pz__mark mark = pz__arena_mark(&segment->arena);
    const size_t added = segment->added;
    const pz__claim *old = is_there ? &segment->claims[index] : NULL;
    const bool is_idle = is_outranked(old, write); /* `old` moves when room is made */
    status = prepare(profile, segment, write, claim, index, old, &made, &noting, err);
    if (status != PZ_OK || is_idle) {
        pz__arena_return(&segment->arena, mark);
        segment->added = added;
        return status;
    }
    place(segment, index, is_there, &made);
    pz__history_commit(profile, segment, &noting);
    return PZ_OK;
}

/* ---- what was chosen once ---- */

static pz__claim rejection_of(const pz__claim *lift)
{
    return (pz__claim){.slot = PZ__SLOT_REJECT, .attribute = lift->attribute, .part = lift->part};
}

/* Whether a lift lifts nothing that is known of any other writer. */
static bool is_spare(const pz__profile *profile, const pz__segment *segment, const pz__claim *lift)
{
    const pz__claim rejection = rejection_of(lift);
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        uint32_t index;
        if (profile->segments[i] != segment &&
            pz__segment_find_claim(profile->segments[i], &rejection, &index))
            return false;
    }
    return true;
}

/* The oldest of the spare lifts like `claim`, if there are as many as are kept. */
static bool find_oldest_spare(const pz__profile *profile, const pz__segment *segment,
                              const pz__claim *claim, uint32_t *oldest)
{
    const pz__claim key = {.slot = claim->slot, .attribute = claim->attribute};
    uint32_t i, count = 0;
    pz__segment_find_claim(segment, &key, &i);
    for (; i < segment->claim_count; i++) {
        const pz__claim *one = &segment->claims[i];
        if (one->slot != claim->slot || !pz__str_equal(one->attribute, claim->attribute))
            break;
        if (!is_spare(profile, segment, one))
            continue;
        if (count++ == 0 || one->stamp < segment->claims[*oldest].stamp)
            *oldest = i;
    }
    return count >= PZ__ATTRIBUTE_LIFTS_MAX;
}

static void drop_claim(pz__segment *segment, uint32_t index)
{
    segment->cost -= pz__claim_cost(&segment->claims[index]);
    segment->claim_count--;
    memmove(&segment->claims[index], &segment->claims[index + 1],
            (segment->claim_count - index) * sizeof *segment->claims);
}

static pz_status put_lift(pz__profile *profile, pz__segment *segment, const pz__write *write,
                          const pz__claim *claim, bool *is_put, pz_error *err)
{
    uint32_t index, oldest = 0;
    const bool is_there = pz__segment_find_claim(segment, claim, &index);
    if (is_there && segment->claims[index].stamp >= claim->stamp)
        return PZ_OK;
    const bool is_full = !is_there && find_oldest_spare(profile, segment, claim, &oldest);
    if (is_full && segment->claims[oldest].stamp > claim->stamp)
        return PZ_OK;
    if (!is_there && !is_full && segment->claim_count == PZ__SEGMENT_CLAIMS_MAX)
        return PZ_OK; /* a register that is full of choices keeps the newest */
    pz__claim made = {.stamp = claim->stamp};
    const pz__claim *old = is_there ? &segment->claims[index] : NULL;
    const pz__mark mark = pz__arena_mark(&segment->arena);
    const size_t added = segment->added;
    pz_status status = keep_claim(profile, segment, write, claim, old, &made, err);
    if (status == PZ_OK)
        status = pz__edit_check_size(profile, pz__claim_cost(&made), old ? pz__claim_cost(old) : 0,
                                     true, err);
    if (status == PZ_OK)
        status = make_room(segment, err);
    if (status != PZ_OK) {
        pz__arena_return(&segment->arena, mark);
        segment->added = added;
        return status;
    }
    if (is_full) {
        drop_claim(segment, oldest);
        index -= oldest < index;
    }
    place(segment, index, is_there, &made);
    *is_put = true;
    return PZ_OK;
}

pz_status pz__profile_put_lift(pz__profile *profile, const pz__write *write, const pz__claim *claim,
                               pz_error *err)
{
    pz_status status = pz__write_check(write, err);
    if (status == PZ_OK)
        status = check_claim(claim, err);
    if (status != PZ_OK)
        return status;
    pz__edit edit;
    bool is_put = false;
    status = pz__edit_begin(profile, write->writer, false, &edit, err);
    if (status != PZ_OK)
        return status;
    status = put_lift(profile, edit.segment, write, claim, &is_put, err);
    pz__edit_end(profile, &edit, is_put, PZ__CHANGED_CLAIMS);
    return status;
}

pz_status pz__profile_put(pz__profile *profile, const pz__write *write, const pz__claim *claim,
                          pz_error *err)
{
    pz_status status = pz__write_check(write, err);
    if (status == PZ_OK)
        status = check_claim(claim, err);
    if (status != PZ_OK)
        return status;
    pz__edit edit;
    status = pz__edit_begin(profile, write->writer, false, &edit, err);
    if (status != PZ_OK)
        return status;
    status = pz__claim_put(profile, edit.segment, write, claim, err);
    pz__edit_end(profile, &edit, status == PZ_OK, PZ__CHANGED_CLAIMS);
    return status;
}
