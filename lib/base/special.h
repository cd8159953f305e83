/*
 * special.h: special functions without libm, the same to the bit on every IEEE-754 machine.
 *
 * Only + - * / on doubles, integer arithmetic and bit patterns are used, compiled with
 * -ffp-contract=off; whatever reaches a decision or stored bytes goes through here.
 */
#ifndef PZ_BASE_SPECIAL_H
#define PZ_BASE_SPECIAL_H

/* 2 to the power x. Relative error at most 2 ulp; 0 below -1074, infinity at and above 1024. */
double pz__exp2(double x);
/* Natural logarithm of x > 0; -infinity for 0, NaN below. Relative error at most 2 ulp. */
double pz__log(double x);
/* e to the power x, same promise as pz__exp2. */
double pz__exp(double x);
/* Square root, correctly rounded. NaN below 0. */
double pz__sqrt(double x);
/* Logarithm of the gamma function for x > 0; absolute error below 1e-13 * max(1, |result|). */
double pz__lgamma(double x);

/*
 * The regularized incomplete beta function I_x(a, b): the probability that a Beta(a, b) variable is
 * at most x. a > 0, b > 0 and finite, 0 <= x <= 1. Absolute error below 1e-12 for a + b up to 1e9.
 * Source of the method: DiDonato, Morris 1992 (ACM TOMS 18(3), algorithm 708) and the continued
 * fraction of DLMF 8.17.22.
 */
double pz__beta_inc(double a, double b, double x);

/*
 * P(Beta(a, b) > x), computed as its own sum so that small answers keep their digits.
 * a = 0 gives 0; b = 0 (with a > 0) gives 1 for x < 1. NaN for a negative or NaN parameter.
 */
double pz__beta_above(double a, double b, double x);

/* The q-quantile of Beta(a, b), 0 < q < 1, by bisection and secant steps on pz__beta_inc; within
 * 1e-12 of the true one wherever the probability rises by more than its own error over that width.
 * Only for explanations; the test itself needs one pz__beta_above. */
double pz__beta_quantile(double a, double b, double q);

#endif
