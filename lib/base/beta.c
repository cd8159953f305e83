/*
 * beta.c: the incomplete beta function, from a billionth of an observation to a billion of them.
 *
 * Everything is written with n = a + b and the deviation d = n x - a: how much more of n than a
 * lies below x. Then x = (a + d) / n, 1 - x = (b - d) / n, and
 *
 *     x^a (1-x)^b / B(a, b) = sqrt(a b / (2 pi n)) e^(a r(d/a) + b r(-d/b) + S(n) - S(a) - S(b))
 *
 * with r(t) = log(1 + t) - t <= 0 and S the rest of Stirling's formula. Nothing large is subtracted
 * from anything large here, and d, in which all information about x sits when n is great, is worked
 * out with twice the digits of a double. That is why no lgamma appears.
 *
 * That density is then summed on the side of x where the smaller part lies; the other side is one
 * minus it. Three ways:
 *
 *     continued fraction   DLMF 8.17.22 contracted as by DiDonato and Morris (1992, BFRAC), by the
 *                          modified Lentz method; its steps grow with the root of min(a, b)
 *     Gauss-Legendre       when both a and b are large: 32 points over the stretch that matters, so
 *                          the time is bounded whatever a and b are
 *     power series         for what lies above x when a is small: there one minus the fraction
 *                          would keep no digits of a small answer
 */
#include "base/special.h"

#include <stdbool.h>

#include "base/special_inner.h"

/* Where both parameters are larger, the density is smooth enough for Gauss-Legendre. */
#define LARGE 3000.0
/* Below, the upper part is summed by its own series. */
#define SMALL 0.1
/* Parameters beyond these limits answer as at them: to 1e-12 there is no difference. */
#define PARAMETER_MIN 1e-100
#define PARAMETER_MAX 1e100
#define BOTH_TINY 1e-20
/* More steps than any a or b up to LARGE takes. */
#define STEPS_MAX 2000
#define EPSILON 1.1102230246251565e-16
#define INV_2PI 0.15915494309189533577

/* Points and weights of the 32-point rule on [-1, 1], the positive half. */
static const struct node {
    double at, weight;
} gauss[16] = {
    {0.048307665687738316235, 0.096540088514727800567},
    {0.14447196158279649349, 0.095638720079274859419},
    {0.23928736225213707454, 0.093844399080804565639},
    {0.33186860228212764978, 0.091173878695763884713},
    {0.42135127613063534536, 0.087652093004403811143},
    {0.50689990893222939002, 0.083311924226946755222},
    {0.58771575724076232904, 0.078193895787070306472},
    {0.66304426693021520098, 0.072345794108848506225},
    {0.73218211874028968039, 0.065822222776361846838},
    {0.79448379596794240696, 0.058684093478535547145},
    {0.84936761373256997013, 0.050998059262376176196},
    {0.89632115576605212397, 0.042835898022226680657},
    {0.93490607593773968917, 0.034273862913021433103},
    {0.96476225558750643077, 0.025392065309262059456},
    {0.9856115115452683354, 0.016274394730905670605},
    {0.99726386184948156354, 0.0070186100094700966004},
};

/* One side of a distribution: the probability of lying below x. The other side is the same with a
 * and b, x and y exchanged and d negated. */
typedef struct side {
    double a, b, n; /* n = a + b */
    double x, y;    /* y = 1 - x */
    double d;       /* n x - a, to full relative precision */
} side;

/* a * b = *high + *low exactly (Veltkamp, Dekker), |a|, |b| < 1e150. */
static void exact_product(double a, double b, double *high, double *low)
{
    const double split = 134217729.0; /* 2^27 + 1 */
    double a_top = a * split, b_top = b * split;
    a_top = a_top - (a_top - a);
    b_top = b_top - (b_top - b);
    double a_rest = a - a_top, b_rest = b - b_top;
    *high = a * b;
    *low = ((a_top * b_top - *high) + a_top * b_rest + a_rest * b_top) + a_rest * b_rest;
}

/* a + b = *high + *low exactly (Knuth). */
static void exact_sum(double a, double b, double *high, double *low)
{
    *high = a + b;
    double b_seen = *high - a;
    *low = (a - (*high - b_seen)) + (b - b_seen);
}

static double deviation(double a, double b, double x)
{
    double n, n_low, product, product_low, difference, difference_low;
    exact_sum(a, b, &n, &n_low);
    exact_product(n, x, &product, &product_low);
    exact_sum(product, -a, &difference, &difference_low);
    return difference + (difference_low + (product_low + n_low * x));
}

static side side_below(double a, double b, double x)
{
    return (side){a, b, a + b, x, 1.0 - x, deviation(a, b, x)};
}

static side other_side(const side *s)
{
    return (side){s->b, s->a, s->n, s->y, s->x, -s->d};
}

/* log(share * n / a) - t, where share * n = a (1 + t): r(t) of the head comment, also far from 0.
 */
static double log_rest(double share, double n, double a, double t)
{
    if (t > -0.3 && t < 0.4)
        return pz__log1p_rest(t);
    return pz__log(share) + pz__log(n / a) - t;
}

/* S(n) - S(a) - S(b). */
static double stirling_difference(const side *s)
{
    return pz__stirling_rest(s->n) - pz__stirling_rest(s->a) - pz__stirling_rest(s->b);
}

/* sqrt(a b / (2 pi n)), without leaving the range of doubles on the way. */
static double peak(const side *s)
{
    return pz__sqrt(s->a / s->n * s->b * INV_2PI);
}

/* x^a y^b / B(a, b) */
static double power_term(const side *s)
{
    double log_fall = s->a * log_rest(s->x, s->n, s->a, s->d / s->a) +
                      s->b * log_rest(s->y, s->n, s->b, -s->d / s->b);
    return peak(s) * pz__exp(log_fall + stirling_difference(s));
}

/* The probability below x, for x up to about the mean. */
static double by_fraction(const side *s)
{
    const double tiny = 1e-300;
    double a = s->a, b = s->b, x = s->x;
    double inverse = 1.0 / (a + 1.0);
    double beta = a * (1.0 - s->d) * inverse;
    double f = beta != 0.0 ? beta : tiny;
    double c = f, e = 0.0;
    for (int m = 1; m <= STEPS_MAX; m++) {
        double k = m, t = k * (b - k) * x;
        /* `inverse` is 1 / (a + 2k - 1). Sums begin with the small whole numbers, or a tiny a would
         * be lost in them. */
        double alpha = (a + (k - 1.0)) * inverse * (s->n + (k - 1.0)) * inverse * t * x;
        double after = 1.0 / (a + (2.0 * k + 1.0));
        beta = k + t * inverse + (a + k) * (1.0 - s->d + k * (1.0 + s->y)) * after;
        e = beta + alpha * e;
        c = beta + alpha / c;
        e = 1.0 / (e != 0.0 ? e : tiny);
        c = c != 0.0 ? c : tiny;
        double factor = c * e;
        f *= factor;
        double change = factor - 1.0;
        if (change < 2.0 * EPSILON && change > -2.0 * EPSILON)
            break;
        inverse = after;
    }
    return power_term(s) / f;
}

/*
 * The probability below x, for x up to the mean and both parameters large. The density in units of
 * d is peak * n / ((a + d) (b - d)) * e^(a r(d/a) + b r(-d/b) + ...). It is summed from d downwards
 * for `reach` standard deviations: as far as a normal density takes to fall by e^-50.
 */
static double by_quadrature(const side *s)
{
    double deviate = pz__sqrt(s->a / (s->n + 1.0) * s->b);
    double z = -s->d / deviate;
    double reach = (pz__sqrt(z * z + 100.0) - z) * deviate;
    double most = s->a + s->d; /* down to x = 0 */
    double half = 0.5 * (reach < most ? reach : most);
    double middle = s->d - half;
    double log_scale = stirling_difference(s);
    double sum = 0.0;
    for (int i = 31; i >= 0; i--) {
        const struct node *node = &gauss[i / 2];
        double d = i % 2 ? middle + half * node->at : middle - half * node->at;
        double low = s->a + d, high = s->b - d;
        if (low <= 0.0)
            continue;
        double log_fall = s->a * log_rest(low / s->n, s->n, s->a, d / s->a) +
                          s->b * log_rest(high / s->n, s->n, s->b, -d / s->b);
        sum += node->weight * pz__exp(log_fall + log_scale) * (s->n / low / high);
    }
    return peak(s) * half * sum;
}

/* The probability below x, for x up to about the mean. */
static double lower_part(const side *s)
{
    if (s->x <= 0.0)
        return 0.0;
    if (s->a > LARGE && s->b > LARGE)
        return by_quadrature(s);
    return by_fraction(s);
}

/* True if x lies where the fraction for the lower part converges fast. */
static bool is_lower(const side *s)
{
    return s->x * (s->n + 2.0) < s->a + 1.0;
}

/* e^x - 1 */
static double exp_minus_1(double x)
{
    if (x < -0.3 || x > 0.3)
        return pz__exp(x) - 1.0;
    double term = x, sum = x;
    for (int k = 2; k <= 16; k++) {
        term = term * x / k;
        sum += term;
    }
    return sum;
}

static double log1p_of(double t)
{
    return t < 0.4 ? t + pz__log1p_rest(t) : pz__log(1.0 + t);
}

/* log(gamma(b + a) / gamma(b)) for 0 < a <= SMALL, with the relative precision of a. */
static double log_gamma_step(double b, double a)
{
    double sum = 0.0;
    for (; b < 10.0; b += 1.0)
        sum -= log1p_of(a / b);
    return sum + (b - 0.5) * log1p_of(a / b) + a * (pz__log(b + a) - 1.0) +
           (pz__stirling_rest(b + a) - pz__stirling_rest(b));
}

/*
 * The probability above x for a <= SMALL and x in the lower part, from
 *     I = x^a / (a B) (1 + a sum over k > 0 of (1-b)(2-b)...(k-b) x^k / (k! (a + k)));
 * a B(a, b) is near 1, so its logarithm is what must be precise.
 */
static double upper_by_series(const side *s)
{
    double log_lead = s->a * pz__log(s->x) - log_gamma_step(1.0, s->a) + log_gamma_step(s->b, s->a);
    double term = 1.0, sum = 0.0;
    for (int k = 1; k <= STEPS_MAX; k++) {
        term *= (k - s->b) / k * s->x;
        double part = term / (s->a + k);
        sum += part;
        if (part < EPSILON * EPSILON && part > -EPSILON * EPSILON)
            break;
    }
    double above = -exp_minus_1(log_lead) - s->a * sum * pz__exp(log_lead);
    return above < 0.0 ? 0.0 : above;
}

static double within_unit(double p)
{
    return p < 0.0 ? 0.0 : p > 1.0 ? 1.0 : p;
}

static double clamp(double parameter)
{
    if (parameter < PARAMETER_MIN)
        return PARAMETER_MIN;
    return parameter > PARAMETER_MAX ? PARAMETER_MAX : parameter;
}

/* The probability below x or above it; 0 < x < 1. */
static double part_of(double a, double b, double x, bool is_above)
{
    if (a < BOTH_TINY && b < BOTH_TINY) /* all weight at the two ends */
        return (is_above ? a : b) / (a + b);
    side below = side_below(clamp(a), clamp(b), x);
    side above = other_side(&below);
    bool sums_below = is_lower(&below);
    const side *summed = sums_below ? &below : &above;
    if (sums_below != is_above)
        return within_unit(lower_part(summed));
    if (summed->a <= SMALL && is_lower(summed))
        return within_unit(upper_by_series(summed));
    return within_unit(1.0 - lower_part(summed));
}

static bool is_parameter(double a)
{
    return a > 0.0 && a < pz__infinity();
}

double pz__beta_inc(double a, double b, double x)
{
    if (!is_parameter(a) || !is_parameter(b) || !(x >= 0.0 && x <= 1.0))
        return pz__nan();
    if (x == 0.0 || x == 1.0)
        return x;
    return part_of(a, b, x, false);
}

double pz__beta_above(double a, double b, double x)
{
    if (!(a >= 0.0 && b >= 0.0) || x != x)
        return pz__nan();
    if (a == 0.0 || x >= 1.0)
        return 0.0;
    if (b == 0.0 || x <= 0.0)
        return 1.0;
    if (!is_parameter(a) || !is_parameter(b))
        return pz__nan();
    return part_of(a, b, x, true);
}

double pz__beta_quantile(double a, double b, double q)
{
    if (!is_parameter(a) || !is_parameter(b) || !(q > 0.0 && q < 1.0))
        return pz__nan();
    double low = 0.0, high = 1.0, f_low = -q, f_high = 1.0 - q;
    /* Every third step halves, so the width falls whatever the secant does. */
    for (int step = 0; step < 200 && high - low > 4e-13 * high; step++) {
        double x = low + (high - low) * (f_low / (f_low - f_high));
        if (step % 3 == 2 || !(x > low && x < high))
            x = low + 0.5 * (high - low);
        if (!(x > low && x < high))
            break;
        double f = pz__beta_inc(a, b, x) - q;
        if (f == 0.0)
            return x;
        if (f < 0.0)
            low = x, f_low = f;
        else
            high = x, f_high = f;
    }
    return low + 0.5 * (high - low);
}
