/*
 * reject.h: what somebody does not want to be answered. Private to the room.
 */
#ifndef PZ_RESOLVE_REJECT_H
#define PZ_RESOLVE_REJECT_H

#include "resolve/order.h"
#include "resolve/resolve.h"

/* The rejections of one attribute, prepared for asking. */
typedef struct pz__rejections {
    const pz__domain *domain; /* NULL: values are compared whole */
    pz__claims choices;       /* all, of every writer, newest first within a register */
    pz__claims lifts;         /* values chosen once, by any writer */
    pz__claims rejects;       /* all registers, in force or not */
    const pz__claim **strikes; /* by node: what rejects it, of itself or an ancestor; NULL: nothing */
    const pz_value *values;    /* without a domain: what is rejected, by pz_value_compare */
    uint32_t value_count;
    pz__moment cleared; /* of the newest clearing of the attribute */
    int64_t now_ms;
} pz__rejections;

/* `claims` are the person's, or one account's, about the attribute. Without a rejection nothing is
 * allocated. PZ_ERR_NOMEM. */
pz_status pz__rejections_read(const pz__view *view, const pz__attribute *attribute,
                              pz__claims claims, pz__rejections *out);
bool pz__rejects_value(const pz__rejections *rejections, pz_value value);
bool pz__rejects_node(const pz__rejections *rejections, uint32_t node);

/* The claims of one slot: a run of `claims`, found by binary search. */
pz__claims pz__claims_of_slot(pz__claims claims, pz__claim_slot slot);

#endif
