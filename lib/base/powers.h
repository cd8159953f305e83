/*
 * powers.h: the 128 leading bits of powers of ten. Private to decimal.c and shortest.c.
 */
#ifndef PZ_BASE_POWERS_H
#define PZ_BASE_POWERS_H

#include <stdint.h>

#define PZ__POWER_FIRST (-342)
#define PZ__POWER_LAST 324
/* 10^0 to 10^55 are held exactly. */
#define PZ__POWER_EXACT_LAST 55

typedef struct pz__power {
    uint64_t high, low;
} pz__power;

extern const pz__power pz__powers[PZ__POWER_LAST - PZ__POWER_FIRST + 1];

/* floor(log2(10^q)); right for |q| <= 1000. 1741647 / 2^19 is just above log2(10). */
static inline int32_t pz__log2_of_power(int32_t q)
{
    return (q * 1741647) >> 19;
}

#endif
