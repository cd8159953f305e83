/* walker.h: the language once more, as plainly as it can be said: by walking the tree. */
#ifndef PZ_TESTS_CEL_WALKER_H
#define PZ_TESTS_CEL_WALKER_H

#include "cel/ast.h"

/* Mistakes that a walker can be told to make, to see that comparing with it finds them. */
typedef enum walker_mistake {
    WALKER_RIGHT,
    WALKER_ERROR_STAYS, /* an error is not absorbed by && and || */
    WALKER_ERROR_FIRST, /* in && and || an error wins over an unknown */
    WALKER_ONE_UNKNOWN, /* of two unknowns only the first is kept */
    WALKER_ROUNDS,      /* numbers are compared as doubles */
    WALKER_WRAPS,       /* sums of ints wrap around */
    WALKER_FLOORS,      /* % gives the remainder of a floored division */
    WALKER_EAGER,       /* cel.bind fails if its value does */
    WALKER_KEEPS_GOING, /* map() goes on behind a problem, so that a later error wins */
    WALKER_MISTAKES
} walker_mistake;

typedef struct walker {
    pz__arena *arena;
    const pz_value *slots; /* PZ__V_PENDING: unknown; only the first 64 may be */
    const char *const *names;
    uint32_t name_count;
    walker_mistake mistake;
} walker;

/* The value. An unknown is of kind PZ__V_UNKNOWN with the set of slots as bits in as.u; an error is
 * of kind PZ__V_ERROR and says nothing more. */
pz_value walker_run(walker *w, const pz__expr *expr);

#endif
