/*
 * policies.h: what policies, levels and consents do to one request. Private to the decide room.
 */
#ifndef PZ_DECIDE_POLICIES_H
#define PZ_DECIDE_POLICIES_H

#include "decide/decide.h"

/* Whether a policy holds for the binding; evaluated at most once. */
pz__truth pz__policy_truth(pz__request *request, uint32_t index);
/* What a rule that sets a mask reads as profile.NAME. */
pz_value pz__policy_input(pz__request *request, uint32_t slot, uint32_t index);
/* The source classes that may not be used, by bit. */
uint32_t pz__request_masked(pz__request *request);
/* What policies force on an attribute, in *out; *force is NULL where none touches it. Codes of
 * pz__resolve. */
pz_status pz__request_force(pz__request *request, uint32_t attribute, pz__force *out,
                            const pz__force **force);
/* The names of the policies that lock (bound) an attribute on which some policy has an effect. */
pz_status pz__request_forcing(pz__request *request, uint32_t attribute, bool is_lock,
                              pz_value *out);
/* Why data that a slot stands for is not used, as a list of texts: from catalog, consents and
 * levels alone. */
pz_status pz__request_withheld(pz__request *request, const pz__slot_info *info, pz_value *out);
/* Remember why a fetch failed; the first failure stays. PZ_OK is none. */
void pz__request_failed(pz__request *request, pz_status status);
/* The view before masks. */
pz__view pz__request_bare_view(pz__request *request);

/* The policies that bear on a decision, as a list of maps with "policy", "when", "came_to" and
 * "uses": what their rules read. */
pz_status pz__policies_list(pz__request *request, const pz_decision *decision, pz_value *out);
/* The value of a slot as policies read it. */
pz_value pz__policy_slot(pz__request *request, uint32_t slot);

#endif
