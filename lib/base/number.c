/*
 * number.c: whole numbers to text and back, and comparing numbers of unlike kinds.
 *
 * Printing writes two digits at a time from a table of pairs, from the end of a scratch field.
 * Reading accumulates in unsigned arithmetic and checks each step against the limit, so overflow is
 * refused and never wraps.
 *
 * An int64 is never converted to a double in order to compare it with one: 2^63 - 1 would become
 * 2^63 and equal a number it is not. The double is cut to its whole part instead, which an int64 or
 * uint64 holds exactly once the range is known, and the fraction left over breaks the tie.
 *
 * Not here: reading doubles (decimal.c), printing them (shortest.c).
 */
#include "base/number.h"

#include <string.h>

/* 2^63 and 2^64, the first doubles beyond the ranges. */
#define TWO_TO_63 9223372036854775808.0
#define TWO_TO_64 18446744073709551616.0

/* Digits of an unsigned number up to `limit`; false if there are none, others, or too many. */
static bool parse_magnitude(const char *text, size_t len, uint64_t limit, uint64_t *out)
{
    uint64_t n = 0;
    *out = 0;
    if (len == 0)
        return false;
    for (size_t i = 0; i < len; i++) {
        unsigned digit = (unsigned char)text[i] - (unsigned)'0';
        if (digit > 9 || n > (limit - digit) / 10)
            return false;
        n = n * 10 + digit;
    }
    *out = n;
    return true;
}

bool pz__int_parse(const char *text, size_t len, int64_t *out)
{
    bool is_negative = len > 0 && text[0] == '-';
    size_t sign = len > 0 && (text[0] == '-' || text[0] == '+');
    uint64_t magnitude;
    bool is_number =
        parse_magnitude(text + sign, len - sign, (uint64_t)INT64_MAX + is_negative, &magnitude);
    *out = (int64_t)(is_negative ? 0 - magnitude : magnitude);
    return is_number;
}

bool pz__uint_parse(const char *text, size_t len, uint64_t *out)
{
    size_t sign = len > 0 && text[0] == '+';
    return parse_magnitude(text + sign, len - sign, UINT64_MAX, out);
}

static size_t print_magnitude(uint64_t n, char *out)
{
    static const char pairs[] = "00010203040506070809101112131415161718192021222324"
                                "25262728293031323334353637383940414243444546474849"
                                "50515253545556575859606162636465666768697071727374"
                                "75767778798081828384858687888990919293949596979899";
    char field[20];
    char *p = field + sizeof field;
    for (; n >= 100; n /= 100) {
        p -= 2;
        memcpy(p, pairs + 2 * (n % 100), 2);
    }
    if (n >= 10) {
        p -= 2;
        memcpy(p, pairs + 2 * n, 2);
    } else {
        *--p = (char)('0' + n);
    }
    size_t len = (size_t)(field + sizeof field - p);
    memcpy(out, p, len);
    out[len] = '\0';
    return len;
}

size_t pz__uint_print(uint64_t n, char out[21])
{
    return print_magnitude(n, out);
}

size_t pz__int_print(int64_t n, char out[21])
{
    if (n >= 0)
        return print_magnitude((uint64_t)n, out);
    out[0] = '-';
    return 1 + print_magnitude(0 - (uint64_t)n, out + 1);
}

static int compare_fraction(double fraction)
{
    return fraction > 0 ? -1 : fraction < 0 ? 1 : 0;
}

int pz__compare_int_double(int64_t a, double b)
{
    if (b != b)
        return PZ__UNORDERED;
    if (b >= TWO_TO_63)
        return -1;
    if (b < -TWO_TO_63)
        return 1;
    int64_t whole = (int64_t)b;
    if (a != whole)
        return a < whole ? -1 : 1;
    return compare_fraction(b - (double)whole);
}

int pz__compare_uint_double(uint64_t a, double b)
{
    if (b != b)
        return PZ__UNORDERED;
    if (b >= TWO_TO_64)
        return -1;
    if (b < 0)
        return 1;
    uint64_t whole = (uint64_t)b;
    if (a != whole)
        return a < whole ? -1 : 1;
    return compare_fraction(b - (double)whole);
}

int pz__compare_int_uint(int64_t a, uint64_t b)
{
    if (a < 0)
        return -1;
    return (uint64_t)a < b ? -1 : (uint64_t)a > b ? 1 : 0;
}
