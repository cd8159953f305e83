/*
 * decimal.c: decimal text to the nearest double, exactly, without a locale.
 *
 * The text becomes m * 10^q, m being its first 19 significant digits. Three ways lead to the
 * double, each taken only where it is provably right:
 *
 *   1. m <= 2^53 and |q| <= 22: both are doubles, and one IEEE operation rounds correctly.
 *   2. m * T(q) in 192 bits, T(q) the 128 leading bits of 10^q. The product is a lower bound, and
 *      the truth is less than m above it. Unless a half-way point lies in that gap, both bounds
 *      round alike. Subnormals take the same road with fewer bits kept.
 *   3. Otherwise (about once in 2^60 for random text, and whenever the digits beyond the 19th
 *      decide) the decimal and the half-way point are compared as big integers. No half-way point
 *      has more than 767 digits, so the 768th and all behind it can be replaced by one digit that
 *      says whether anything was there; that bounds the integers by 4096 bits.
 *
 * The gap argument for 2: with T <= t < T + 1 for the true power t, m*T <= m*t < m*T + m.
 *
 * Not here: printing (shortest.c), whole numbers and comparisons (number.c).
 */
#include "base/number.h"

#include <string.h>

#include "base/powers.h"

/* 10^19 - 1 is the largest run of nines that a uint64_t holds. */
#define DIGITS_HELD 19
/* Significant digits that can matter: a half-way point has at most 767. */
#define DIGITS_MAX 768
/* An exponent further away than any text of numbers can be long behaves like an infinite one. */
#define EXPONENT_MAX INT64_C(1000000000000)

#define FRACTION_BITS 52
#define UNIT_MIN (-1074) /* exponent of the least subnormal */
#define INFINITY_BITS (UINT64_C(0x7ff) << FRACTION_BITS)

static double double_of_bits(uint64_t bits)
{
    double d;
    memcpy(&d, &bits, sizeof d);
    return d;
}

/* ---- the exact way: big integers ---- */

#define BIG_WORDS 128 /* of 32 bits */

typedef struct big {
    uint32_t words[BIG_WORDS]; /* least significant first */
    uint32_t count;
} big;

static void big_multiply_add(big *n, uint32_t factor, uint32_t addend)
{
    uint64_t carry = addend;
    for (uint32_t i = 0; i < n->count; i++) {
        carry += (uint64_t)n->words[i] * factor;
        n->words[i] = (uint32_t)carry;
        carry >>= 32;
    }
    if (carry && n->count < BIG_WORDS)
        n->words[n->count++] = (uint32_t)carry;
}

static void big_set(big *n, uint64_t value)
{
    n->count = 0;
    for (; value; value >>= 32)
        n->words[n->count++] = (uint32_t)value;
}

static void big_multiply_five(big *n, uint32_t power)
{
    const uint32_t five_to_13 = 1220703125u; /* the greatest power of five in 32 bits */
    for (; power >= 13; power -= 13)
        big_multiply_add(n, five_to_13, 0);
    for (; power > 0; power--)
        big_multiply_add(n, 5, 0);
}

static void big_shift_left(big *n, uint32_t bits)
{
    big_multiply_add(n, UINT32_C(1) << (bits % 32), 0);
    uint32_t words = bits / 32;
    if (n->count == 0 || words == 0 || n->count + words > BIG_WORDS)
        return;
    memmove(n->words + words, n->words, n->count * sizeof n->words[0]);
    memset(n->words, 0, words * sizeof n->words[0]);
    n->count += words;
}

static int big_compare(const big *a, const big *b)
{
    if (a->count != b->count)
        return a->count < b->count ? -1 : 1;
    for (uint32_t i = a->count; i-- > 0;)
        if (a->words[i] != b->words[i])
            return a->words[i] < b->words[i] ? -1 : 1;
    return 0;
}

/* Read the significant digits of number text; returns how many powers of ten were dropped from the
 * end. Digits that cannot matter are replaced by one that says whether they were zero. */
static int64_t big_set_digits(big *n, const char *text, size_t len)
{
    int64_t seen = 0;
    bool rest_is_zero = true, is_fraction = false;
    int64_t scale = 0;
    n->count = 0;
    for (size_t i = 0; i < len && text[i] != 'e' && text[i] != 'E'; i++) {
        if (text[i] == '.')
            is_fraction = true;
        if (text[i] < '0' || text[i] > '9')
            continue;
        uint32_t digit = (uint32_t)(text[i] - '0');
        if (seen < DIGITS_MAX) {
            if (n->count > 0 || digit > 0) {
                n->count ? big_multiply_add(n, 10, digit) : big_set(n, digit);
                seen++;
            }
            scale -= is_fraction;
        } else {
            rest_is_zero = rest_is_zero && digit == 0;
            scale += !is_fraction;
        }
    }
    if (!rest_is_zero) {
        big_multiply_add(n, 10, 1);
        scale--;
    }
    return scale;
}

/* Where |text| stands against (2 * kept + 1) * 2^(unit - 1), the half-way point above kept. */
static int compare_with_half(const char *text, size_t len, int64_t exponent, uint64_t kept,
                             int32_t unit)
{
    big left, right;
    int64_t q = big_set_digits(&left, text, len) + exponent;
    big_set(&right, 2 * kept + 1);
    /* digits * 5^q * 2^q against half * 2^(unit - 1): move the negative powers to the other side.
     */
    if (q >= 0)
        big_multiply_five(&left, (uint32_t)q);
    else
        big_multiply_five(&right, (uint32_t)-q);
    int64_t shift = unit - 1 - q;
    if (shift >= 0)
        big_shift_left(&right, (uint32_t)shift);
    else
        big_shift_left(&left, (uint32_t)-shift);
    return big_compare(&left, &right);
}

/* ---- the 192-bit way ---- */

/* The lower bound kept * 2^unit of a positive number, and which way it rounds. */
typedef struct rounding {
    uint64_t kept;
    int32_t unit;
    bool is_up;
    bool is_certain;
} rounding;

static rounding round_product(uint64_t m, int32_t q)
{
    const pz__power t = pz__powers[q - PZ__POWER_FIRST];
    bool is_exact = q >= 0 && q <= PZ__POWER_EXACT_LAST;
    int32_t shifted = __builtin_clzll(m);
    m <<= shifted;

    unsigned __int128 upper = (unsigned __int128)m * t.high;
    unsigned __int128 lower = (unsigned __int128)m * t.low;
    upper += (uint64_t)(lower >> 64);
    uint64_t high = (uint64_t)(upper >> 64);
    unsigned __int128 tail = upper << 64 | (uint64_t)lower;

    int32_t scale = pz__log2_of_power(q) - 127 - shifted; /* the product counts units of 2^scale */
    int32_t leading = scale + 191 - !(high >> 63);
    rounding r = {.unit = leading - FRACTION_BITS, .is_certain = true};
    if (r.unit < UNIT_MIN)
        r.unit = UNIT_MIN;
    int32_t dropped = r.unit - scale - 128; /* bits of `high` that are not kept */
    if (dropped > 64)
        return r;
    r.kept = dropped == 64 ? 0 : high >> dropped;
    uint64_t rest = dropped == 64 ? high : high & ((UINT64_C(1) << dropped) - 1);
    uint64_t half = UINT64_C(1) << (dropped - 1);
    bool may_carry = !is_exact && tail + m < tail;

    if (rest < half) {
        r.is_certain = !(may_carry && rest + 1 == half);
    } else if (rest == half && tail == 0) {
        r.is_certain = is_exact;
        r.is_up = r.kept & 1;
    } else {
        r.is_up = true;
    }
    return r;
}

static uint64_t bits_of(const rounding *r)
{
    /* For normal numbers `kept` holds the implicit bit, which adds the one missing here. */
    uint64_t bits = ((uint64_t)(r->unit - UNIT_MIN) << FRACTION_BITS) + r->kept + r->is_up;
    return bits < INFINITY_BITS ? bits : INFINITY_BITS;
}

static bool small_exact(uint64_t m, int64_t q, double *out)
{
    static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,
                                  1e8,  1e9,  1e10, 1e11, 1e12, 1e13, 1e14, 1e15,
                                  1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
    if (m > UINT64_C(1) << 53 || q < -22 || q > 22)
        return false;
    *out = q < 0 ? (double)m / tens[-q] : (double)m * tens[q];
    return true;
}

/* ---- the text ---- */

/* Number text taken apart: the value is m * 10^q, and a little more if is_cut. */
typedef struct decimal {
    uint64_t m;
    int64_t q;
    int64_t exponent; /* as written behind the e */
    bool is_cut;      /* digits beyond the 19th were dropped */
} decimal;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static const char *scan_digits(decimal *d, const char *p, const char *end, int *held,
                               bool is_fraction)
{
    for (; p < end && is_digit(*p); p++) {
        if (*held < DIGITS_HELD) {
            d->m = d->m * 10 + (uint64_t)(*p - '0');
            *held += d->m != 0;
            d->q -= is_fraction;
        } else {
            d->is_cut = true;
            d->q += !is_fraction;
        }
    }
    return p;
}

static const char *scan_exponent(decimal *d, const char *p, const char *end)
{
    bool is_negative = p < end && *p == '-';
    if (p < end && (*p == '-' || *p == '+'))
        p++;
    if (p == end || !is_digit(*p))
        return NULL;
    for (; p < end && is_digit(*p); p++)
        if (d->exponent < EXPONENT_MAX)
            d->exponent = d->exponent * 10 + (*p - '0');
    if (is_negative)
        d->exponent = -d->exponent;
    return p;
}

/* Take unsigned number text apart; false if it is not all of a number. */
static bool scan(decimal *d, const char *text, size_t len)
{
    const char *end = text + len;
    int held = 0;
    const char *p = scan_digits(d, text, end, &held, false);
    if (p == text)
        return false;
    if (p < end && *p == '.') {
        const char *fraction = p + 1;
        p = scan_digits(d, fraction, end, &held, true);
        if (p == fraction)
            return false;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        p = scan_exponent(d, p + 1, end);
        if (!p)
            return false;
    }
    d->q += d->exponent;
    return p == end;
}

/* The magnitude of number text that was taken apart. */
static double convert(const decimal *d, const char *text, size_t len)
{
    double exact;
    if (d->m == 0 || d->q < PZ__POWER_FIRST)
        return 0;
    if (d->q > PZ__POWER_LAST)
        return double_of_bits(INFINITY_BITS);
    if (!d->is_cut && small_exact(d->m, d->q, &exact))
        return exact;
    rounding low = round_product(d->m, (int32_t)d->q);
    bool is_certain = low.is_certain;
    if (is_certain && d->is_cut) {
        rounding high = round_product(d->m + 1, (int32_t)d->q);
        is_certain = high.is_certain && bits_of(&low) == bits_of(&high);
    }
    if (!is_certain) {
        int order = compare_with_half(text, len, d->exponent, low.kept, low.unit);
        low.is_up = order > 0 || (order == 0 && (low.kept & 1));
    }
    return double_of_bits(bits_of(&low));
}

bool pz__double_parse(const char *text, size_t len, double *out)
{
    *out = 0;
    bool is_negative = len > 0 && text[0] == '-';
    if (is_negative) {
        text++;
        len--;
    }
    decimal d = {0};
    if (len == 0 || !scan(&d, text, len))
        return false;
    double magnitude = convert(&d, text, len);
    *out = is_negative ? -magnitude : magnitude;
    return true;
}

bool pz__double_of_digits(bool is_negative, uint64_t digits, int64_t exponent, double *out)
{
    decimal d = {.m = digits, .q = exponent};
    double magnitude;
    if (digits == 0 || exponent < PZ__POWER_FIRST || exponent > PZ__POWER_LAST) {
        magnitude = convert(&d, NULL, 0);
    } else if (!small_exact(digits, exponent, &magnitude)) {
        rounding r = round_product(digits, (int32_t)exponent);
        if (!r.is_certain)
            return false;
        magnitude = double_of_bits(bits_of(&r));
    }
    *out = is_negative ? -magnitude : magnitude;
    return true;
}
