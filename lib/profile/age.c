/*
 * age.c: how old the oldest thing in a profile is, and whether some of an attribute is too old.
 *
 * Whoever erased a person must know of bytes that come later whether any of them are from before.
 * The view does not tell: what is forgotten, retracted or outranked is not in it, and it is there
 * all the same. So this looks at everything a segment holds, at the time it claims and at the time
 * it was written. A bucket of evidence is as old as its beginning. What a newer version wrote and
 * this one cannot read may be of any age.
 */
#include "profile/state.h"

static int64_t lesser(int64_t a, int64_t b)
{
    return a < b ? a : b;
}

/* Saturates: a bucket of hostile bytes may lie anywhere. */
static int64_t bucket_start_ms(const pz__cell *cell)
{
    const int64_t seconds = INT64_C(1) << cell->width;
    const int64_t most = INT64_MAX / 1000 / seconds;
    if (cell->bucket >= most)
        return INT64_MAX;
    return cell->bucket <= -most ? INT64_MIN : cell->bucket * seconds * 1000;
}

static int64_t oldest_cell(const pz__cell *cells, uint32_t count)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < count; i++)
        oldest = lesser(oldest, bucket_start_ms(&cells[i]));
    return oldest;
}

static int64_t oldest_claim(const pz__segment *s)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < s->claim_count; i++)
        oldest = lesser(oldest, lesser(s->claims[i].at_ms, s->claims[i].stamp));
    for (uint32_t i = 0; i < s->history_count; i++)
        oldest = lesser(oldest, lesser(s->history[i].at_ms, s->history[i].stamp));
    return oldest;
}

static int64_t oldest_grant(const pz__segment *s)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < s->grant_count; i++) {
        const pz__own_grant *grant = &s->grants[i];
        if (grant->has_grant)
            oldest = lesser(oldest, lesser(grant->at_ms, grant->stamp));
        if (grant->denials > 0)
            oldest = lesser(oldest, lesser(grant->denied_at_ms, grant->denied_stamp));
    }
    return oldest;
}

static int64_t oldest_erasure(const pz__segment *s)
{
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < s->forgetting_count; i++)
        oldest = lesser(oldest, lesser(s->forgettings[i].at_ms, s->forgettings[i].stamp));
    for (uint32_t i = 0; i < s->retraction_count; i++)
        oldest = lesser(oldest, s->retractions[i].time_ms);
    return oldest;
}

/* Events stand by time, those of the ring too. */
static int64_t oldest_event(const pz__segment *s)
{
    int64_t oldest = INT64_MAX;
    if (s->event_count > 0)
        oldest = s->events[0].time_ms;
    if (s->ring_count > 0)
        oldest = lesser(oldest, s->ring[0].time_ms);
    return oldest;
}

/* ---- of an attribute ---- */

/* Claims that were cleared hold nothing, and others of that age stay whatever is kept. */
static bool is_old_claim(const pz__profile *profile, const pz__claim *claim, int64_t until_ms)
{
    const bool is_kept_for_a_time =
        claim->slot == PZ__SLOT_DECLARED || claim->slot == PZ__SLOT_INFERRED;
    return is_kept_for_a_time && !claim->is_cleared && claim->at_ms <= until_ms &&
           pz__claim_stands(profile, claim);
}

/* A counter is no attribute's. */
static bool is_old_cell(const pz__profile *profile, const pz__cell *cell, int64_t until_ms)
{
    return cell->value.kind != PZ_NULL && bucket_start_ms(cell) <= until_ms &&
           pz__cell_stands(profile, cell);
}

/* Claims and cells stand by attribute: the first of one, or where it would be. */
static uint32_t first_claim(const pz__segment *s, pz_str attribute)
{
    uint32_t low = 0, high = s->claim_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(s->claims[middle].attribute, attribute) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static uint32_t first_cell(const pz__segment *s, pz_str attribute)
{
    uint32_t low = 0, high = s->cell_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        if (pz__str_compare(s->cells[middle].attribute, attribute) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static bool has_older(const pz__profile *profile, const pz__segment *s, pz_str attribute,
                      int64_t until_ms)
{
    for (uint32_t i = first_claim(s, attribute); i < s->claim_count; i++) {
        if (!pz__str_equal(s->claims[i].attribute, attribute))
            break;
        if (is_old_claim(profile, &s->claims[i], until_ms))
            return true;
    }
    for (uint32_t i = first_cell(s, attribute); i < s->cell_count; i++) {
        if (!pz__str_equal(s->cells[i].attribute, attribute))
            break;
        if (is_old_cell(profile, &s->cells[i], until_ms))
            return true;
    }
    return false;
}

bool pz__profile_has_older(pz__profile *profile, pz_str attribute, int64_t until_ms)
{
    if (!profile->cover)
        pz__cover_make(profile);
    for (uint32_t i = 0; i < profile->segment_count; i++)
        if (has_older(profile, profile->segments[i], attribute, until_ms))
            return true;
    return false;
}

/* Of the guesses in one register, over all segments: whether this one ranks first, and whether one
 * of the others is from after `until_ms`. */
static bool hides_a_newer(const pz__profile *profile, const pz__claim *claim, int64_t until_ms)
{
    bool is_newer = false;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        uint32_t index;
        if (!pz__segment_find_claim(profile->segments[i], claim, &index))
            continue;
        const pz__claim *other = &profile->segments[i]->claims[index];
        if (other == claim || !pz__claim_stands(profile, other))
            continue;
        if (pz__claim_rank(other, claim) > 0)
            return false;
        is_newer |= other->at_ms > until_ms;
    }
    return is_newer;
}

static int64_t unbared_until(const pz__profile *profile, const pz__segment *s, pz_str attribute,
                             int64_t until_ms)
{
    int64_t until = until_ms;
    for (uint32_t i = first_claim(s, attribute); i < s->claim_count; i++) {
        const pz__claim *claim = &s->claims[i];
        if (!pz__str_equal(claim->attribute, attribute))
            break;
        if (claim->slot == PZ__SLOT_INFERRED && claim->at_ms <= until &&
            pz__claim_stands(profile, claim) && hides_a_newer(profile, claim, until_ms))
            until = claim->at_ms - 1;
    }
    return until;
}

int64_t pz__profile_unbared_until(pz__profile *profile, pz_str attribute, int64_t until_ms)
{
    int64_t until = until_ms;
    if (!profile->cover)
        pz__cover_make(profile);
    for (uint32_t i = 0; i < profile->segment_count; i++)
        until = lesser(until, unbared_until(profile, profile->segments[i], attribute, until_ms));
    return until;
}

/* ---- of everything ---- */

/* Everything of one that is read in place is looked at, so it is decoded. */
static int64_t oldest_in_bytes(const pz__profile *peeked)
{
    pz__profile *decoded;
    if (pz__peek_decode(&decoded, peeked) != PZ_OK)
        return INT64_MIN;
    const int64_t oldest = pz__profile_oldest(decoded);
    pz__profile_free(decoded);
    return oldest;
}

int64_t pz__profile_oldest(const pz__profile *profile)
{
    if (profile->bytes.data)
        return oldest_in_bytes(profile);
    int64_t oldest = INT64_MAX;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *s = profile->segments[i];
        if (s->unknown_count > 0)
            return INT64_MIN;
        oldest = lesser(oldest, oldest_claim(s));
        oldest = lesser(oldest, oldest_cell(s->cells, s->cell_count));
        oldest = lesser(oldest, oldest_grant(s));
        oldest = lesser(oldest, oldest_erasure(s));
        oldest = lesser(oldest, oldest_event(s));
    }
    return oldest;
}
