/*
 * exact.c: doubles as the decimals they exactly are.
 *
 * A double is m * 2^e. For e >= 0 it is the whole number m * 2^e; for e < 0 it is m * 5^-e divided
 * by 10^-e, so its digits are those of the whole number m * 5^-e. One big integer, multiplied by
 * small numbers and then divided by 10^9 until nothing is left, gives all the digits there are: at
 * most 767. Rounding is then done on the digits, where "exactly half" is a 5 with nothing behind it
 * and needs no arithmetic. What C's printf gives in the default rounding mode is given here,
 * without its locale.
 *
 * The greatest product is m * 5^1074, below 2^(53 + 2494): 80 limbs of 32 bits.
 */
#include "cel/exact.h"

#include <string.h>

#include "base/number.h"

#define LIMBS_MAX 80
#define GROUP UINT32_C(1000000000) /* nine digits come out of each division */
#define GROUP_DIGITS 9
#define FIVE_13 UINT32_C(1220703125)

#define FRACTION_BITS 52
#define EXPONENT_BIAS 1075 /* of m * 2^e with m whole */

typedef struct big {
    uint32_t count;
    uint32_t limbs[LIMBS_MAX]; /* least significant first */
} big;

static void big_multiply(big *b, uint32_t factor)
{
    uint64_t carry = 0;
    for (uint32_t i = 0; i < b->count; i++) {
        carry += (uint64_t)b->limbs[i] * factor;
        b->limbs[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry)
        b->limbs[b->count++] = (uint32_t)carry;
}

/* The remainder of the division by GROUP, which takes place. */
static uint32_t big_divide(big *b)
{
    uint64_t rest = 0;
    for (uint32_t i = b->count; i-- > 0;) {
        rest = rest << 32 | b->limbs[i];
        b->limbs[i] = (uint32_t)(rest / GROUP);
        rest %= GROUP;
    }
    while (b->count && b->limbs[b->count - 1] == 0)
        b->count--;
    return (uint32_t)rest;
}

static big big_of(uint64_t n)
{
    big b = {.limbs = {(uint32_t)n, (uint32_t)(n >> 32)}};
    b.count = n >> 32 ? 2 : n ? 1 : 0;
    return b;
}

/* The digits of the number divided by 10^scale. */
static void take_digits(pz__decimal *out, big *b, int32_t scale)
{
    char reversed[LIMBS_MAX * 10];
    uint32_t count = 0, zeros = 0;
    while (b->count) {
        uint32_t group = big_divide(b);
        for (int i = 0; i < GROUP_DIGITS; i++, group /= 10)
            reversed[count++] = (char)('0' + group % 10);
    }
    while (count && reversed[count - 1] == '0')
        count--;
    while (zeros < count && reversed[zeros] == '0')
        zeros++;
    out->point = count ? (int32_t)count - scale : 0;
    out->count = count - zeros;
    for (uint32_t i = 0; i < out->count; i++)
        out->digits[i] = reversed[count - 1 - i];
}

void pz__decimal_of_double(pz__decimal *out, double d)
{
    uint64_t bits;
    memcpy(&bits, &d, sizeof bits);
    uint64_t mantissa = bits & ((UINT64_C(1) << FRACTION_BITS) - 1);
    int32_t exponent = (int32_t)(bits >> FRACTION_BITS & 0x7ff);
    if (exponent)
        mantissa |= UINT64_C(1) << FRACTION_BITS;
    int32_t power = (exponent ? exponent : 1) - EXPONENT_BIAS;
    while (power < 0 && mantissa && mantissa % 2 == 0) {
        mantissa /= 2;
        power++;
    }
    big b = big_of(mantissa);
    out->is_negative = bits >> 63;
    int32_t scale = power < 0 ? -power : 0;
    for (; power >= 31; power -= 31)
        big_multiply(&b, UINT32_C(1) << 31);
    for (; power > 0; power--)
        big_multiply(&b, 2);
    for (power = scale; power >= 13; power -= 13)
        big_multiply(&b, FIVE_13);
    for (; power > 0; power--)
        big_multiply(&b, 5);
    take_digits(out, &b, scale);
}

void pz__decimal_of_uint(pz__decimal *out, uint64_t n, bool is_negative)
{
    big b = big_of(n);
    out->is_negative = is_negative;
    take_digits(out, &b, 0);
}

/* ---- rounding ---- */

static bool rounds_up(const pz__decimal *d, uint32_t keep)
{
    char next = d->digits[keep];
    if (next != '5' || keep + 1 < d->count)
        return next >= '5';
    return keep > 0 && (d->digits[keep - 1] - '0') % 2 == 1; /* half: to even */
}

/* Keep so many digits, which may be none or fewer. */
static void round_to(pz__decimal *d, int64_t keep)
{
    if (keep >= (int64_t)d->count)
        return;
    if (keep < 0) {
        d->count = 0;
        return;
    }
    uint32_t count = (uint32_t)keep;
    bool up = rounds_up(d, count);
    while (up && count && d->digits[count - 1] == '9')
        count--;
    d->count = count;
    if (up && count) {
        d->digits[count - 1]++;
    } else if (up) { /* nothing but nines: a one in front of them */
        d->digits[0] = '1';
        d->count = 1;
        d->point++;
    }
}

/* ---- writing ---- */

/* The digit of 10^place. */
static char digit_at(const pz__decimal *d, int64_t place)
{
    int64_t index = d->point - 1 - place;
    return index >= 0 && index < (int64_t)d->count ? d->digits[index] : '0';
}

static void put_sign(pz__buf *out, const pz__decimal *d)
{
    if (d->is_negative)
        pz__buf_byte(out, '-');
}

void pz__decimal_fixed(pz__buf *out, pz__decimal d, uint32_t precision)
{
    round_to(&d, (int64_t)d.point + precision);
    put_sign(out, &d);
    int64_t first = d.count && d.point > 0 ? d.point - 1 : 0;
    for (int64_t place = first; place >= -(int64_t)precision && out->status == PZ_OK; place--) {
        if (place == -1)
            pz__buf_byte(out, '.');
        pz__buf_byte(out, (uint8_t)digit_at(&d, place));
    }
}

void pz__decimal_scientific(pz__buf *out, pz__decimal d, uint32_t precision)
{
    round_to(&d, (int64_t)precision + 1);
    put_sign(out, &d);
    int32_t exponent = d.count ? d.point - 1 : 0;
    for (int64_t i = 0; i <= (int64_t)precision && out->status == PZ_OK; i++) {
        if (i == 1)
            pz__buf_byte(out, '.');
        pz__buf_byte(out, (uint8_t)(d.count ? digit_at(&d, exponent - i) : '0'));
    }
    char text[21];
    uint32_t size = (uint32_t)(exponent < 0 ? -exponent : exponent);
    pz__buf_text(out, exponent < 0 ? "e-" : "e+");
    if (size < 10)
        pz__buf_byte(out, '0');
    pz__buf_put(out, text, pz__uint_print(size, text));
}
