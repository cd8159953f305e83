/*
 * clock.c: what every write says about itself, and the clock that orders writes.
 *
 * A write claims a time (`at`, when it happened) and is made at a moment (`now`). What is claimed
 * serves the view: expiry, what lies in the future, decay. It never orders anything, because a
 * device whose clock is a year ahead would then win for a year.
 *
 * Order comes from the stamp, a hybrid logical clock: the greater of now and one more than the
 * greatest stamp that the profile holds, in whichever writer's segment. So a write always comes
 * after everything its writer knew of, whatever the clocks of the others said; and where clocks are
 * right, stamps are milliseconds. Claims, grants, denials and forgettings carry one, entries of
 * history that of the first register they set. Events carry none: they commute.
 *
 * Not here: the moment itself, which is always an argument.
 */
#include "profile/state.h"

#include "base/utf8.h"

pz_status pz__text_check(pz_str text, size_t max, const char *what, pz_error *err)
{
    if (text.len > max)
        return pz__fail(err, PZ_ERR_LIMIT, "%s has %zu bytes, more than %zu", what, text.len, max);
    if (!pz__utf8_valid(text.data, text.len))
        return pz__fail(err, PZ_ERR_ARG, "%s is not UTF-8", what);
    return PZ_OK;
}

pz_status pz__write_check(const pz__write *write, pz_error *err)
{
    pz_status status = pz__text_check(write->channel, PZ__NAME_MAX, "the channel", err);
    if (status == PZ_OK)
        status = pz__text_check(write->who, PZ__WHO_MAX, "who says it", err);
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

pz_status pz__stamp_next(const pz__profile *profile, int64_t now_ms, int64_t *out, pz_error *err)
{
    int64_t stamp = now_ms;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        if (profile->segments[i]->max_stamp >= stamp)
            stamp = profile->segments[i]->max_stamp + 1;
    *out = stamp;
    if (stamp > PZ__STAMP_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the profile's stamps are used up");
    return PZ_OK;
}
