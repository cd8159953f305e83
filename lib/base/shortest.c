/*
 * shortest.c: the shortest decimal text that reads back to the same double.
 *
 * The method is Raffaello Giulietti's Schubfach ("The Schubfach way to render doubles", 2021).
 * Every real number in the rounding interval of a double reads back to it. Let 10^k be the greatest
 * power of ten not wider than that interval: it holds a multiple of 10^k, and at most one multiple
 * of 10^(k+1). If it holds that one, it is the answer (with trailing zeros dropped it is the
 * shortest there is); otherwise of the two multiples of 10^k around the double the one inside, or
 * the nearer if both are.
 *
 * The interval's ends and middle are scaled by 10^-k with one 128-bit factor, T(-k) + 1 from the
 * table (T(-k) where that is exact), and rounded to odd: the last bit says whether anything was cut
 * off, so every comparison with a multiple of 4 comes out as it would with the exact number. That
 * 128 bits suffice is section 9.8.3 of the paper.
 *
 *     v = c * 2^q          ends: (c - 1/2) and (c + 1/2) * 2^q; (c - 1/4) below a power of two
 *     scaled by 4:         cb = 4c,  cbl = 4c - 2 (or 4c - 1),  cbr = 4c + 2
 *
 * The text follows ECMAScript's Number::toString, and -0 prints as "-0".
 */
#include "base/number.h"

#include <string.h>

#include "base/powers.h"

#define FRACTION_BITS 52
#define EXPONENT_BIAS 1075 /* of the significand as a whole number */

/* digits * 10^exponent */
typedef struct shortest {
    uint64_t digits;
    int32_t exponent;
} shortest;

/* floor(g * c / 2^128), its last bit set if anything but a speck of the factor's excess was cut. */
static uint64_t scale_to_odd(pz__power g, uint64_t c)
{
    unsigned __int128 low = (unsigned __int128)g.low * c;
    unsigned __int128 sum = (unsigned __int128)g.high * c + (uint64_t)(low >> 64);
    return (uint64_t)(sum >> 64) | ((uint64_t)sum > 1);
}

/* The upper bound of 10^power in 128 bits; the value itself where it fits. */
static pz__power upper_power(int32_t power)
{
    pz__power g = pz__powers[power - PZ__POWER_FIRST];
    if (power >= 0 && power <= PZ__POWER_EXACT_LAST)
        return g;
    g.low++;
    g.high += g.low == 0;
    return g;
}

/* Choose between s and s + 1, both of weight 10^k, for the scaled value vb (in quarters). */
static uint64_t nearer(uint64_t s, uint64_t vb, uint64_t lower, uint64_t upper)
{
    bool is_low_inside = lower <= 4 * s;
    bool is_high_inside = 4 * s + 4 <= upper;
    if (is_low_inside != is_high_inside)
        return s + is_high_inside;
    uint64_t middle = 4 * s + 2;
    return s + (vb > middle || (vb == middle && (s & 1)));
}

static shortest find_shortest(uint64_t c, int32_t q, bool is_lower_closer)
{
    bool is_odd = c & 1;
    /* floor(log10(2^q)), or floor(log10(3/4 * 2^q)) where the lower neighbour is nearer. */
    int32_t k = (q * 1262611 - (is_lower_closer ? 524031 : 0)) >> 22;
    int32_t h = q + pz__log2_of_power(-k) + 1;
    pz__power g = upper_power(-k);
    uint64_t vbl = scale_to_odd(g, (4 * c - 2 + is_lower_closer) << h);
    uint64_t vb = scale_to_odd(g, 4 * c << h);
    uint64_t vbr = scale_to_odd(g, (4 * c + 2) << h);
    /* The ends themselves belong to the interval of an even significand only. */
    uint64_t lower = vbl + is_odd;
    uint64_t upper = vbr - is_odd;

    uint64_t s = vb / 4;
    if (s >= 10) {
        uint64_t tens = s / 10;
        bool is_low_inside = lower <= 40 * tens;
        bool is_high_inside = 40 * tens + 40 <= upper;
        if (is_low_inside != is_high_inside)
            return (shortest){tens + is_high_inside, k + 1};
    }
    return (shortest){nearer(s, vb, lower, upper), k};
}

static shortest shortest_of(uint64_t fraction, uint32_t biased)
{
    if (biased == 0)
        return find_shortest(fraction, 1 - EXPONENT_BIAS, false);
    uint64_t c = fraction | UINT64_C(1) << FRACTION_BITS;
    int32_t q = (int32_t)biased - EXPONENT_BIAS;
    /* Whole numbers below 2^53 need no search: their digits are the answer. */
    if (q <= 0 && q >= -FRACTION_BITS && (c & ((UINT64_C(1) << -q) - 1)) == 0)
        return (shortest){c >> -q, 0};
    return find_shortest(c, q, fraction == 0 && biased > 1);
}

static char *put_text(char *p, const char *text)
{
    size_t len = strlen(text);
    memcpy(p, text, len);
    return p + len;
}

static char *put_zeros(char *p, int32_t count)
{
    if (count <= 0)
        return p;
    memset(p, '0', (size_t)count);
    return p + count;
}

static char *put_digits(char *p, const char *digits, int32_t count)
{
    memcpy(p, digits, (size_t)count);
    return p + count;
}

static char *put_exponent(char *p, const char *digits, int32_t count, int32_t exponent)
{
    *p++ = digits[0];
    if (count > 1) {
        *p++ = '.';
        p = put_digits(p, digits + 1, count - 1);
    }
    *p++ = 'e';
    *p++ = exponent < 0 ? '-' : '+';
    char text[21];
    size_t len = pz__int_print(exponent < 0 ? -exponent : exponent, text);
    return put_digits(p, text, (int32_t)len);
}

/* The four forms of Number::toString; `point` digits stand before the decimal point. */
static char *put_decimal(char *p, const char *digits, int32_t count, int32_t point)
{
    if (point > 21 || point < -5)
        return put_exponent(p, digits, count, point - 1);
    if (point <= 0) {
        p = put_zeros(put_text(p, "0."), -point);
        return put_digits(p, digits, count);
    }
    if (point >= count)
        return put_zeros(put_digits(p, digits, count), point - count);
    p = put_digits(p, digits, point);
    *p++ = '.';
    return put_digits(p, digits + point, count - point);
}

static char *put_magnitude(char *p, uint64_t fraction, uint32_t biased)
{
    if (biased == 0 && fraction == 0)
        return put_text(p, "0");
    shortest s = shortest_of(fraction, biased);
    char digits[21];
    int32_t count = (int32_t)pz__uint_print(s.digits, digits);
    int32_t point = count + s.exponent;
    while (count > 1 && digits[count - 1] == '0')
        count--;
    return put_decimal(p, digits, count, point);
}

size_t pz__double_print(double d, char out[PZ__DOUBLE_TEXT_MAX])
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t fraction = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    uint32_t biased = (uint32_t)(bits >> FRACTION_BITS) & 0x7ff;
    char *p = out;
    if (bits >> 63 && !(biased == 0x7ff && fraction != 0))
        *p++ = '-';
    if (biased == 0x7ff)
        p = put_text(p, fraction ? "NaN" : "Infinity");
    else
        p = put_magnitude(p, fraction, biased);
    *p = '\0';
    return (size_t)(p - out);
}
