/*
 * special.c: exponentials, logarithms, roots and the gamma function without libm.
 *
 * C libraries differ in the last bits of exp and log, and one library differs between processors.
 * A decision must not. So each function here is a fixed sequence of IEEE-754 operations: the
 * argument is reduced to a small interval by its exponent bits, a polynomial with the coefficients
 * of the Taylor series does the rest. Taylor needs a few terms more than a fitted polynomial, and
 * in return every coefficient is a fraction that anybody can check.
 *
 *     exp    x = n ln 2 + r, |r| <= ln 2 / 2;   e^x = 2^n (1 + r + r^2 (1/2! + r/3! + ...))
 *     log    x = 2^k m, m in [sqrt(1/2), sqrt 2);  with f = m - 1 and s = f / (2 + f),
 *            log m = 2 artanh s = f - s (f - s^2 (2/3 + 2/5 s^2 + ...))
 *     sqrt   Newton's iteration, then exact integers for the last bit
 *     lgamma Stirling's series from 10 on; below, the argument is raised by gamma(x + 1) = x
 * gamma(x)
 *
 * ln 2 is kept in two parts, the first with so many zeros at its end that its product with an
 * exponent is exact. Nothing here reads or sets the floating-point environment; rounding to nearest
 * is assumed, as the whole library does.
 */
#include "base/special.h"

#include <float.h>

#include "base/special_inner.h"

_Static_assert(FLT_EVAL_METHOD == 0, "doubles must be computed as doubles");
_Static_assert(DBL_MANT_DIG == 53 && DBL_MAX_EXP == 1024, "doubles must be IEEE-754 binary64");

#define LN2 0.69314718055994530942
#define LN2_HIGH 0.6931471803691238
#define LN2_LOW 1.9082149292705877e-10
#define INV_LN2 1.4426950408889634074
#define HALF_LOG_2PI 0.91893853320467274178
#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Horner's rule; the coefficients from the constant upwards. */
static double polynomial(const double *coefficients, int count, double x)
{
    double sum = coefficients[count - 1];
    for (int i = count - 2; i >= 0; i--)
        sum = sum * x + coefficients[i];
    return sum;
}

/* The nearest whole number, ties to even, for |x| < 2^51: adding 1.5 * 2^52 leaves no room for a
 * fraction. */
static double nearest_whole(double x)
{
    const double shift = 6755399441055744.0;
    return (x + shift) - shift;
}

/* 2^n for -1022 <= n <= 1023. */
static double power_of_two(int n)
{
    return pz__of_bits((uint64_t)(n + 1023) << 52);
}

/* m * 2^n for m near 1; in two steps where one would leave the range of normal numbers. */
static double scale(double m, int n)
{
    if (n > 1023)
        return m * power_of_two(1023) * power_of_two(n - 1023);
    if (n < -1022)
        return m * power_of_two(n + 969) * power_of_two(-969);
    return m * power_of_two(n);
}

/* e^(r + low), |r| <= 0.35 and low far below r. */
static double exp_near_zero(double r, double low)
{
    static const double c[] = {
        1.0 / 2,       1.0 / 6,        1.0 / 24,        1.0 / 120,
        1.0 / 720,     1.0 / 5040,     1.0 / 40320,     1.0 / 362880,
        1.0 / 3628800, 1.0 / 39916800, 1.0 / 479001600, 1.0 / 6227020800.0,
    };
    return 1.0 + (r + (low + r * r * polynomial(c, COUNT_OF(c), r)));
}

double pz__exp2(double x)
{
    if (x != x)
        return pz__nan();
    if (x >= 1024.0)
        return pz__infinity();
    if (x < -1074.0)
        return 0.0;
    double n = nearest_whole(x);
    return scale(exp_near_zero((x - n) * LN2, 0.0), (int)n);
}

double pz__exp(double x)
{
    if (x != x)
        return pz__nan();
    if (x > 709.782712893384) /* log of the largest double */
        return pz__infinity();
    if (x < -745.1332191019412) /* log of half the smallest */
        return 0.0;
    double n = nearest_whole(x * INV_LN2);
    double high = x - n * LN2_HIGH, low = n * LN2_LOW;
    double r = high - low;
    return scale(exp_near_zero(r, (high - r) - low), (int)n);
}

double pz__log1p_rest(double t)
{
    static const double c[] = {
        2.0 / 3,  2.0 / 5,  2.0 / 7,  2.0 / 9,  2.0 / 11, 2.0 / 13,
        2.0 / 15, 2.0 / 17, 2.0 / 19, 2.0 / 21, 2.0 / 23,
    };
    double s = t / (2.0 + t);
    double s2 = s * s;
    return s * (s2 * polynomial(c, COUNT_OF(c), s2) - t);
}

double pz__log(double x)
{
    if (x != x || x < 0.0)
        return pz__nan();
    if (x == 0.0)
        return -pz__infinity();
    if (x == pz__infinity())
        return x;
    int k = 0;
    if (x < DBL_MIN) {
        x *= 18014398509481984.0; /* 2^54 makes it normal */
        k = -54;
    }
    /* Cut where the mantissa passes sqrt 2, so that m lies around 1. */
    uint64_t bits = pz__bits_of(x);
    const uint64_t sqrt_half = UINT64_C(0x3fe6a09e667f3bcd);
    uint64_t above = bits - sqrt_half;
    k += (int)(int64_t)(above >> 52) - (bits < sqrt_half ? 4096 : 0);
    double f = pz__of_bits((above & ((UINT64_C(1) << 52) - 1)) + sqrt_half) - 1.0;
    return k * LN2_HIGH + (f + (pz__log1p_rest(f) + k * LN2_LOW));
}

/*
 * floor(sqrt(m 2^54)) for m in [2^52, 2^54): a root of 54 bits, one more than a double has. Such a
 * root never lies exactly between two doubles, so its last bit says which of them is nearer.
 * Newton's iteration comes within a few units; the remainder then settles the rest exactly. It is
 * far smaller than 2^63, so arithmetic modulo 2^64 gives it although the two squares are longer.
 */
static uint64_t root_54(uint64_t m)
{
    double x = (double)m / 4503599627370496.0;
    double inverse = 1.18 - 0.19 * x;
    for (int i = 0; i < 5; i++)
        inverse = inverse * (1.5 - 0.5 * x * inverse * inverse);
    uint64_t root = (uint64_t)(x * inverse * 9007199254740992.0);
    int64_t rest = (int64_t)((m << 54) - root * root);
    while (rest < 0) {
        root--;
        rest += (int64_t)(2 * root + 1);
    }
    while (rest > (int64_t)(2 * root)) {
        rest -= (int64_t)(2 * root + 1);
        root++;
    }
    return root;
}

double pz__sqrt(double x)
{
    if (x != x || x < 0.0)
        return pz__nan();
    if (x == 0.0 || x == pz__infinity())
        return x;
    int exponent = 0;
    if (x < DBL_MIN) {
        x *= 18014398509481984.0;
        exponent = -54;
    }
    uint64_t bits = pz__bits_of(x);
    exponent += (int)(bits >> 52) - 1023;
    uint64_t mantissa = (bits & ((UINT64_C(1) << 52) - 1)) | UINT64_C(1) << 52;
    if (exponent & 1) {
        mantissa <<= 1;
        exponent--;
    }
    uint64_t root = (root_54(mantissa) + 1) >> 1;
    return scale((double)root / 4503599627370496.0, exponent / 2);
}

/* Stirling's series, for z >= 10: sum of B(2k) / (2k (2k - 1) z^(2k - 1)). */
static double stirling_series(double z)
{
    static const double c[] = {
        1.0 / 12,         -1.0 / 360,  1.0 / 1260,        -1.0 / 1680,       1.0 / 1188,
        -691.0 / 360360., 1.0 / 156.0, -3617.0 / 122400., 43867.0 / 244188.,
    };
    double inverse = 1.0 / z;
    return inverse * polynomial(c, COUNT_OF(c), inverse * inverse);
}

/* Raises z to at least 10 and gives the product of all numbers passed: gamma(new) / gamma(old). */
static double raise_to_ten(double *z)
{
    double product = 1.0;
    while (*z < 10.0) {
        product *= *z;
        *z += 1.0;
    }
    return product;
}

double pz__stirling_rest(double z)
{
    if (z >= 10.0)
        return stirling_series(z);
    double high = z, product = raise_to_ten(&high);
    return (high - 0.5) * pz__log(high) - (z - 0.5) * pz__log(z) - (high - z) - pz__log(product) +
           stirling_series(high);
}

double pz__lgamma(double x)
{
    if (x != x || x < 0.0)
        return pz__nan();
    if (x == 0.0)
        return pz__infinity();
    double product = raise_to_ten(&x);
    double log_gamma = (x - 0.5) * (pz__log(x) - 1.0) + (HALF_LOG_2PI - 0.5) + stirling_series(x);
    return product == 1.0 ? log_gamma : log_gamma - pz__log(product);
}
