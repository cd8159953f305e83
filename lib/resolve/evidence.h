/*
 * evidence.h: cells to decayed weight per node of a domain. Private to the room.
 */
#ifndef PZ_RESOLVE_EVIDENCE_H
#define PZ_RESOLVE_EVIDENCE_H

#include "resolve/resolve.h"

/* Decayed weight of the nodes themselves (not of their subtrees), in units of 1. */
typedef struct pz__weights {
    double *for_node;     /* by node */
    double *against_node; /* by node */
    bool is_empty;        /* no cell counts */
} pz__weights;

/* Both arrays are in the view's arena, one entry per node of attribute->domain (not NULL).
 * PZ_ERR_NOMEM. */
pz_status pz__evidence_weigh(const pz__view *view, const pz__attribute *attribute,
                             pz__weights *out);

/* The bucket of 2^width seconds that the moment lies in. */
int64_t pz__bucket_of(int64_t time_ms, uint8_t width);

/*
 * Whether data about the attribute may be used: its purpose is granted, or it has none. No format
 * version records consents yet, so a purpose is not granted by anybody, and what is not granted
 * cannot change an answer. Choices, rejections and modes need no purpose.
 */
bool pz__is_granted(const pz__view *view, const pz__attribute *attribute);

/* Widest bucket that is read; wider ones are no one's and do not count. */
#define PZ__WIDTH_MAX 40u

#endif
