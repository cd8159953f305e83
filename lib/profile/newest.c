/*
 * newest.c: the newest word in one register, without a view.
 *
 * Writing an event asks whether the attribute is switched off. Making the view over all segments
 * for that would merge every cell again after every event; one binary search in each segment
 * answers it. Nothing forgets a mode, so no view is needed to know whether it counts.
 */
#include "profile/state.h"

const pz__claim *pz__profile_newest(const pz__profile *profile, pz__claim_slot slot,
                                    pz_str attribute, pz_str part)
{
    const pz__claim key = {.slot = (uint8_t)slot, .attribute = attribute, .part = part};
    const pz__claim *newest = NULL;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *segment = profile->segments[i];
        uint32_t index;
        if (!pz__segment_find_claim(segment, &key, &index))
            continue;
        const pz__claim *claim = &segment->claims[index];
        if (!newest || pz__claim_rank(claim, newest) > 0)
            newest = claim;
    }
    return newest;
}

const pz__claim *pz__profile_own(const pz__profile *profile, pz_str writer, pz__claim_slot slot,
                                 pz_str attribute, pz_str part)
{
    const pz__claim key = {.slot = (uint8_t)slot, .attribute = attribute, .part = part};
    uint32_t index, place;
    if (!pz__profile_find(profile, writer, &place) ||
        !pz__segment_find_claim(profile->segments[place], &key, &index))
        return NULL;
    const pz__claim *claim = &profile->segments[place]->claims[index];
    return pz__claim_stands(profile, claim) ? claim : NULL;
}
