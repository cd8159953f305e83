/*
 * exact.h: numbers as the decimals they exactly are, rounded where the writer wants.
 */
#ifndef PZ_CEL_EXACT_H
#define PZ_CEL_EXACT_H

#include "base/buf.h"

/* Digits of the longest: the least normal double's neighbours have 767. */
#define PZ__EXACT_DIGITS 776

/* A number above or equal to zero: 0.d1 d2 d3 ... times 10^point. Zero has no digits. */
typedef struct pz__decimal {
    bool is_negative;
    int32_t point;
    uint32_t count;                /* of digits; the first and the last are not 0 */
    char digits[PZ__EXACT_DIGITS]; /* '0' to '9' */
} pz__decimal;

/* Finite doubles only. -0.0 is negative. */
void pz__decimal_of_double(pz__decimal *out, double d);
void pz__decimal_of_uint(pz__decimal *out, uint64_t n, bool is_negative);

/* With so many digits behind the point, rounded half to even: "-1.20". */
void pz__decimal_fixed(pz__buf *out, pz__decimal d, uint32_t precision);
/* With one digit before the point and so many behind it: "1.20e+03". */
void pz__decimal_scientific(pz__buf *out, pz__decimal d, uint32_t precision);

#endif
