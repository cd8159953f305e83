/*
 * order.h: putting things in order, for the files of this room.
 */
#ifndef PZ_RESOLVE_ORDER_H
#define PZ_RESOLVE_ORDER_H

#include "resolve/resolve.h"

/* Earlier than everything that was ever written. */
#define PZ__MOMENT_NEVER ((pz__moment){INT64_MIN, {NULL, 0}, 0})

static inline bool pz__is_after(pz__moment a, pz__moment b)
{
    return pz__moment_order(a, b) > 0;
}

#endif
