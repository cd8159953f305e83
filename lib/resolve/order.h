/*
 * order.h: putting things in order, for the files of this room.
 */
#ifndef PZ_RESOLVE_ORDER_H
#define PZ_RESOLVE_ORDER_H

#include "profile/profile.h"

/* Negative, zero, positive, as for qsort. */
typedef int (*pz__order_fn)(const void *a, const void *b);

/*
 * Sort `count` elements of `size` bytes; equal ones keep their order. Costs one walk if they stand
 * in order already, else n log n and as much scratch from the arena again. PZ_ERR_NOMEM.
 */
pz_status pz__sort_stable(pz__arena *arena, void *base, size_t count, size_t size,
                          pz__order_fn order);

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
