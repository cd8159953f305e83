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

/* seen.c: flat domains for attributes that declare none, in the view's arena. PZ_ERR_NOMEM. Of the
 * values that evidence was gathered for: */
pz_status pz__domain_of_seen(const pz__view *view, const pz__attribute *attribute,
                             const pz__domain **out);
/* Of given values, no two alike: */
pz_status pz__domain_of_items(const pz__view *view, const pz_value *items, uint32_t count,
                              const pz__domain **out);

/* The bucket of 2^width seconds that the moment lies in. */
int64_t pz__bucket_of(int64_t time_ms, uint8_t width);

/* Whether data about the attribute may be used: its purpose is granted, or it has none. Choices,
 * rejections and modes need no purpose. */
bool pz__is_granted(const pz__view *view, const pz__attribute *attribute);

#define PZ__CLASS_BIT(source_class) (1u << (source_class))
/* Whether the class of the attribute's inferences is masked as a whole. */
bool pz__is_class_masked(const pz__view *view, const pz__attribute *attribute);

/* Widest bucket that is read; wider ones are no one's and do not count. */
#define PZ__WIDTH_MAX 40u

#endif
