/*
 * link.h: what the two files of the identity room share.
 */
#ifndef PZ_IDENTITY_LINK_H
#define PZ_IDENTITY_LINK_H

#include "base/str.h"
#include "identity/identity.h"

/* Neither taken back, nor over, nor yet to come. */
static inline bool pz__claim_is_live(const pz__claim *claim, int64_t now_ms)
{
    return !claim->is_cleared && claim->at_ms <= now_ms &&
           (claim->expires_ms == 0 || now_ms < claim->expires_ms);
}

/* A link between two candidates by their places, or (`other` PZ__NOBODY) to somebody absent. */
#define PZ__NOBODY UINT32_MAX
typedef struct pz__link {
    uint32_t one, other;
    pz__edge edge;
} pz__link;

/* Every link that a candidate speaks of, each once, judged, in the order of admission: strongest
 * first, then the older, then by the ids. PZ_ERR_NOMEM. */
pz_status pz__links_collect(const pz__person *candidates, int64_t now_ms, pz__arena *arena,
                            pz__link **out, uint32_t *count);

/* Negative if `a` is admitted before `b`. */
int pz__link_order(const pz__link *a, const pz__link *b);
/* Sort in place, in n log n steps whatever the input; no two are alike. */
void pz__links_sort(pz__link *list, uint32_t count,
                    int (*order)(const pz__link *, const pz__link *));

#endif
