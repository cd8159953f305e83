/*
 * tiers.h: the walk over the layers of one attribute. Private to the room.
 *
 * The walk of a law offers layers one by one; pz__settle() says what becomes of each. What answers
 * is kept in the walk; a sink, where there is one, is handed every layer. So `resolve`, which has
 * no sink, and `inspect`, which has one, are one computation.
 */
#ifndef PZ_RESOLVE_TIERS_H
#define PZ_RESOLVE_TIERS_H

#include "resolve/order.h"
#include "resolve/posterior.h"
#include "resolve/reject.h"
#include "resolve/resolve.h"

/* Receives each layer. */
typedef struct pz__sink {
    void *self;
    pz_status (*put)(void *self, const pz__layer *layer);
    bool is_privileged; /* layers that a mask or a missing consent hides are wanted, too */
} pz__sink;

typedef struct pz__walk {
    const pz__view *view;
    const pz__attribute *attribute;
    const pz__force *force; /* never NULL */
    const pz__sink *sink;   /* NULL: only the answer is wanted */
    pz__claims claims;      /* the person's about the attribute */
    pz__rejections rejections;
    pz__beliefs beliefs;   /* of the view as it is; formed when first needed */
    pz__resolution answer; /* of the layer that was used last; composed laws make it at their end */
    pz_value key;          /* the element, member or item that layers are about; null: the whole */
    uint32_t removed;      /* tiers that the mode removes, by bit */
    uint32_t denied;       /* tiers that need a consent that is missing */
    uint32_t masked;       /* tiers whose source class is masked */
    bool is_off;
    bool is_locked;
    bool has_beliefs;
    bool has_answer; /* a layer about this key was used */
} pz__walk;

#define PZ__TIER_BIT(tier) (1u << (tier))

/* ---- layer.c: one layer and its fate ---- */

/* What consent, masks and mode make of the tiers of an attribute. */
void pz__walk_read_tiers(pz__walk *w);
/* The first of DENIED, MASKED, EXPIRED, FUTURE that holds of a claim; USED for "nothing yet". */
pz__fate pz__fate_of_claim(const pz__walk *w, const pz__claim *claim, pz__tier tier);
pz__layer pz__layer_of_claim(const pz__walk *w, const pz__claim *claim, pz__tier tier);
/* A layer that no claim stands behind. */
pz__layer pz__layer_of_tier(const pz__walk *w, pz_value value, pz__tier tier);
/* A confidence as it is told and ranked by: 65536ths, rounded. */
uint32_t pz__confidence_told(double confidence);
/* A layer of the posterior: the confidence, and for INFERRED the weight behind it. */
pz__layer pz__layer_of_guess(const pz__walk *w, pz_value value, pz__tier tier, uint32_t confidence,
                             double weight);
/* Of a host's claim: UNCERTAIN, too. */
pz__layer pz__layer_of_host(const pz__walk *w, const pz__claim *claim);
/* What stands against a layer that is in force and certain: MODE, REJECTED, BOUNDED; else USED. */
pz__fate pz__fate_of_value(const pz__walk *w, const pz__layer *layer);
/* Decide what becomes of a layer and hand it on. */
pz_status pz__settle(pz__walk *w, pz__layer *layer);
/* Hand a layer on whose fate is decided. */
pz_status pz__hand_on(const pz__walk *w, const pz__layer *layer);
/* Nothing more is wanted about this key. */
static inline bool pz__is_settled(const pz__walk *w)
{
    return w->has_answer && !w->sink;
}
/* Claim i ranks first in its register, and was not emptied. */
bool pz__is_speaking(pz__claims claims, uint32_t i);

/* ---- bounds.c: what policies leave of values ---- */

/* Whether the bounds in force let the value be answered at all. */
bool pz__is_in_bounds(const pz__force *force, pz_value value);
/* Clamp an answer. */
void pz__clamp(const pz__force *force, pz__resolution *answer);

/* ---- the laws ---- */

/* tiers.c: what account i of the view says of the attribute. PZ_ERR_NOMEM, PZ_ERR_CORRUPT. */
pz_status pz__account_claims(const pz__walk *w, uint32_t i, pz__claims *out);
/* tiers.c: replace, max and min. */
pz_status pz__walk_scalar(pz__walk *w);
/* composed.c: set and record. */
pz_status pz__walk_composed(pz__walk *w);
/* layout.c */
pz_status pz__walk_layout(pz__walk *w);

/* The whole walk. The answer is in w->answer afterwards. */
pz_status pz__layers_walk(const pz__view *view, const pz__attribute *attribute,
                          const pz__force *force, const pz__sink *sink, pz__walk *w);

#endif
