#!/usr/bin/env python3
"""Write lib/base/powers.c: the 128 leading bits of every power of ten a double can need.

Run from the root of the source tree:  python3 tools/gen/powers.py > lib/base/powers.c
The result is kept in the repository, so that building needs no Python.
"""

FIRST, LAST = -342, 324

HEAD = """\
/*
 * powers.c: the 128 leading bits of the powers of ten from 10^%d to 10^%d.
 *
 * Written by tools/gen/powers.py with exact integers; do not edit. Entry i is {high, low} of
 *
 *     T(q) = floor(10^q / 2^(L - 127)),   q = i + PZ__POWER_FIRST,   L = floor(log2(10^q))
 *
 * so that 2^127 <= T(q) < 2^128 and T(q) <= 10^q / 2^(L - 127) < T(q) + 1. The value is exact for
 * 0 <= q <= %d, where 5^q fits into 128 bits, and cut off elsewhere. Reading (decimal.c) wants the
 * lower bound, printing (shortest.c) the upper one, T(q) + 1: one table serves both.
 */
#include "base/powers.h"

const pz__power pz__powers[PZ__POWER_LAST - PZ__POWER_FIRST + 1] = {"""


def leading_bits(q):
    """T(q), by exact integer arithmetic."""
    if q >= 0:
        power = 10**q
        shift = power.bit_length() - 128
        return power >> shift if shift >= 0 else power << -shift
    power = 10**-q
    # 1/power lies in [2^-bits, 2^(1-bits)); scale it to [2^127, 2^128).
    shift = power.bit_length() + 127
    bits = (1 << shift) // power
    return bits if bits >> 127 else (1 << (shift + 1)) // power


def main():
    exact = max(q for q in range(100) if (5**q).bit_length() <= 128)
    print(HEAD % (FIRST, LAST, exact))
    for q in range(FIRST, LAST + 1):
        bits = leading_bits(q)
        assert bits.bit_length() == 128
        print("    {0x%016x, 0x%016x}, /* 10^%d */" % (bits >> 64, bits & (2**64 - 1), q))
    print("};")


main()
