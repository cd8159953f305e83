/*
 * format.h: what format.c and format_value.c share.
 */
#ifndef PZ_CEL_FORMAT_H
#define PZ_CEL_FORMAT_H

#include "cel/text.h"

/* Greatest precision of a clause, and deepest nesting of a list or map that is written. */
#define PZ__FORMAT_PRECISION_MAX 100000000u
#define PZ__FORMAT_DEPTH_MAX PZ_JSON_DEPTH_MAX

/* One call of format(). */
typedef struct pz__formatter {
    pz__call *call;
    pz__buf out;
    const char *problem; /* a constant text; NULL while all is well */
    uint32_t precision;  /* of the clause at work */
} pz__formatter;

/* Write what %s gives; false with f->problem set for what has no text. */
bool pz__format_value(pz__formatter *f, pz_value v, uint32_t depth);

#endif
