/*
 * order.h: putting things in order, for the files of this room.
 */
#ifndef PZ_RESOLVE_ORDER_H
#define PZ_RESOLVE_ORDER_H

#include "resolve/resolve.h"

/* A place in the order of writing: by stamp, then by writer. */
typedef struct pz__moment {
    int64_t stamp;
    pz_str writer;
} pz__moment;

/* Earlier than everything that was ever written. */
#define PZ__MOMENT_NEVER ((pz__moment){INT64_MIN, {NULL, 0}})

static inline pz__moment pz__moment_of(const pz__claim *claim)
{
    return (pz__moment){claim->stamp, claim->writer};
}

static inline bool pz__is_after(pz__moment a, pz__moment b)
{
    if (a.stamp != b.stamp)
        return a.stamp > b.stamp;
    return pz__str_compare(a.writer, b.writer) > 0;
}

#endif
