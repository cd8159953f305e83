/*
 * bounds.c: what policies leave of the values that claims name.
 *
 * Two kinds of bound act in two places. A `one_of` bound says which values may be answered: a layer
 * whose value is not among them is skipped, and what stands beneath may answer. `min` and `max` say
 * how far an answer may go: the layer answers, but its value is moved to the nearer end, under the
 * reason BOUNDED and with its tier kept. Somebody who asked for 96 gets the 60 that is allowed, and
 * can be told that it was her own wish that was cut.
 *
 * All bounds in force are intersected before they come here. An intersection that is empty, of
 * lists or of ranges, lets nothing be answered: moving a value to one of two ends that exclude each
 * other would obey one policy by breaking the other.
 */
#include "resolve/tiers.h"

static bool is_listed(const pz__force *force, pz_value value)
{
    for (uint32_t i = 0; i < force->one_of_count; i++)
        if (pz_value_equal(force->one_of[i], value))
            return true;
    return false;
}

bool pz__is_in_bounds(const pz__force *force, pz_value value)
{
    if (force->has_one_of && !is_listed(force, value))
        return false;
    return !force->has_min || !force->has_max || pz_value_compare(force->min, force->max) <= 0;
}

void pz__clamp(const pz__force *force, pz__resolution *answer)
{
    if (answer->tier == PZ__TIER_NONE || answer->tier == PZ__TIER_LOCK)
        return;
    const pz_value value = answer->value;
    if (force->has_min && pz_value_compare(value, force->min) < 0)
        answer->value = force->min;
    else if (force->has_max && pz_value_compare(value, force->max) > 0)
        answer->value = force->max;
    else
        return;
    if (!pz_value_equal(answer->value, value))
        answer->reason = PZ__REASON_BOUNDED;
    else
        answer->value = value; /* the same number, spelled as another kind */
}
