/*
 * number.h: numbers to text and back, without a locale.
 */
#ifndef PZ_BASE_NUMBER_H
#define PZ_BASE_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest text pz__double_print() writes, with its NUL: sign, 17 digits, point, zeros or exponent. */
#define PZ__DOUBLE_TEXT_MAX 32

/*
 * The nearest double (ties to even) of JSON-like decimal text: [-] digits [. digits] [e [+-] digits].
 * Leading zeros are allowed here; the caller's grammar may refuse them. The whole text must be used.
 * A value that rounds beyond the largest double gives an infinity.
 * Returns false (and *out = 0) if the text is not of that form.
 */
bool pz__double_parse(const char *text, size_t len, double *out);

/*
 * The same for digits * 10^exponent, for a reader that has taken the text apart itself (at most 19
 * significant digits, so that none is lost). False in the rare case that needs the text: then call
 * pz__double_parse().
 */
bool pz__double_of_digits(bool is_negative, uint64_t digits, int64_t exponent, double *out);

/*
 * The shortest decimal that reads back to the same double, nearest to it among the shortest.
 * Plain form for decimal exponents -6 to 20 ("0.000001", "100000000000000000000"), else with an
 * exponent ("1e-7", "1.5e+21"), as ECMAScript's Number::toString does. -0.0 prints "-0"; NaN "NaN";
 * infinities "Infinity" and "-Infinity". Returns the length; a NUL follows.
 */
size_t pz__double_print(double d, char out[PZ__DOUBLE_TEXT_MAX]);

/* Decimal text of a whole number: optional sign, digits, nothing else; false on overflow. */
bool pz__int_parse(const char *text, size_t len, int64_t *out);
bool pz__uint_parse(const char *text, size_t len, uint64_t *out);
/* Write in decimal with a NUL; the length. 21 bytes are enough. */
size_t pz__int_print(int64_t n, char out[21]);
size_t pz__uint_print(uint64_t n, char out[21]);

/* Exact comparison of numbers of different kinds (never by converting int64 to double). Negative,
 * zero, positive; PZ__UNORDERED if the double is NaN. */
#define PZ__UNORDERED 2
int pz__compare_int_double(int64_t a, double b);
int pz__compare_uint_double(uint64_t a, double b);
int pz__compare_int_uint(int64_t a, uint64_t b);

#endif
