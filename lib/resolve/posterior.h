/*
 * posterior.h: what prior and evidence together say about each node. Private to the room.
 */
#ifndef PZ_RESOLVE_POSTERIOR_H
#define PZ_RESOLVE_POSTERIOR_H

#include "resolve/resolve.h"

/* The Beta of one node. */
typedef struct pz__belief {
    double a, b;
    double personal; /* decayed weight for the subtree */
} pz__belief;

/* By node, the root included; {NULL, 0} for an attribute without a domain. */
typedef struct pz__beliefs {
    const pz__belief *nodes;
    uint32_t count;
} pz__beliefs;

/* In the view's arena. PZ_ERR_NOMEM. */
pz_status pz__beliefs_form(const pz__view *view, const pz__attribute *attribute, pz__beliefs *out);

/* Whether P(Beta(a, b) > threshold) reaches 95 %. */
bool pz__belief_is_certain(const pz__belief *belief, double threshold);
/* a / (a + b) in 65536ths, to the nearest. */
uint32_t pz__belief_confidence(const pz__belief *belief);

/* True for nodes that must not be answered; NULL allows all. */
typedef bool (*pz__node_filter)(const void *self, uint32_t node);

/*
 * The most specific certain node whose personal weight reaches `min_evidence` (1/1024ths; 0 waives)
 * and that the filter lets pass; PZ__NODE_NONE if there is none. Of equally deep ones, which a
 * threshold above 0.5 excludes, the surer, then the first in the domain.
 */
uint32_t pz__beliefs_answer(const pz__beliefs *beliefs, const pz__attribute *attribute,
                            int64_t min_evidence, pz__node_filter is_barred, const void *self);

#endif
