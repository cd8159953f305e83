/*
 * special_inner.h: what special.c and beta.c share; private to them.
 */
#ifndef PZ_BASE_SPECIAL_INNER_H
#define PZ_BASE_SPECIAL_INNER_H

#include <stdint.h>
#include <string.h>

static inline uint64_t pz__bits_of(double x)
{
    uint64_t bits;
    memcpy(&bits, &x, sizeof bits);
    return bits;
}

static inline double pz__of_bits(uint64_t bits)
{
    double x;
    memcpy(&x, &bits, sizeof x);
    return x;
}

/* The one NaN that is given: processors disagree about the sign of the NaN they make. */
static inline double pz__nan(void)
{
    return pz__of_bits(UINT64_C(0x7ff8000000000000));
}

static inline double pz__infinity(void)
{
    return pz__of_bits(UINT64_C(0x7ff0000000000000));
}

/* log(1 + t) - t for -0.3 <= t <= 0.42, with full relative precision near 0. */
double pz__log1p_rest(double t);

/* Stirling's rest: lgamma(z) = (z - 1/2) log z - z + log(2 pi)/2 + rest, for z > 0. */
double pz__stirling_rest(double z);

#endif
