/*
 * math.c: the math extension.
 *
 * Nothing here asks the C library: rounding goes through int64, which is exact because a double of
 * 2^52 or more has no fraction, and the square root is base/special.h's. greatest and least compare
 * on the one exact number line of the language and answer with the argument itself, so its type
 * stays; of equals the first wins. NaN is neither greater nor less, so it never displaces anything
 * and nothing displaces it.
 *
 * Shifting works on the 64 bits as they are: to the right zeros come in, for negative numbers too,
 * and what leaves on the left is gone.
 */
#include "cel/functions.h"

#include "base/special.h"

/* From here on a double is a whole number. */
#define WHOLE_FROM 4503599627370496.0 /* 2^52 */

static bool is_number(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT || v.kind == PZ_DOUBLE;
}

/* ---- greatest and least ---- */

static pz_value choose(pz__call *call, const pz_value *args, uint32_t count, int wanted)
{
    if (count == 1 && args[0].kind == PZ_LIST) {
        count = args[0].len;
        args = args[0].as.items;
        if (count == 0)
            return pz__call_fail(call, "an empty list has no greatest and no least number");
    }
    if (!pz__call_charge(call, count))
        return pz__call_spent();
    const pz_value *best = args;
    for (uint32_t i = 0; i < count; i++) {
        if (!is_number(args[i]))
            return pz__call_no_overload(call);
        if (pz__cel_order(args[i], *best) == wanted)
            best = &args[i];
    }
    return *best;
}

pz_value pz__fn_greatest(pz__call *call, const pz_value *args, uint32_t count)
{
    return choose(call, args, count, 1);
}

pz_value pz__fn_least(pz__call *call, const pz_value *args, uint32_t count)
{
    return choose(call, args, count, -1);
}

/* ---- rounding ---- */

static double with_sign_of(double d, double sign)
{
    return __builtin_copysign(d, sign); /* so that -0.5 becomes -0.0 */
}

static bool has_fraction(double d)
{
    return d > -WHOLE_FROM && d < WHOLE_FROM;
}

static double truncated(double d)
{
    return has_fraction(d) ? with_sign_of((double)(int64_t)d, d) : d;
}

static double floored(double d)
{
    double whole = truncated(d);
    return whole > d ? whole - 1.0 : whole;
}

static double raised(double d)
{
    double whole = truncated(d);
    return whole < d ? whole + 1.0 : whole;
}

static double rounded(double d)
{
    double whole = truncated(d), fraction = d - whole;
    if (fraction >= 0.5)
        return whole + 1.0;
    return fraction <= -0.5 ? whole - 1.0 : whole;
}

/* An infinity and NaN have no fraction and pass unchanged. */
#define ROUNDING(name, function)                                                                   \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        (void)count;                                                                               \
        if (args[0].kind != PZ_DOUBLE)                                                             \
            return pz__call_no_overload(call);                                                     \
        return has_fraction(args[0].as.d) ? pz_value_double(function(args[0].as.d)) : args[0];     \
    }
ROUNDING(trunc, truncated)
ROUNDING(floor, floored)
ROUNDING(ceil, raised)
ROUNDING(round, rounded)
#undef ROUNDING

/* ---- what a double is ---- */

static bool is_nan(double d)
{
    return d != d;
}

static bool is_inf(double d)
{
    return d == __builtin_inf() || d == -__builtin_inf();
}

static bool is_finite(double d)
{
    return !is_nan(d) && !is_inf(d);
}

#define CLASS(name)                                                                                \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        (void)count;                                                                               \
        return args[0].kind == PZ_DOUBLE ? pz_value_bool(name(args[0].as.d))                       \
                                         : pz__call_no_overload(call);                             \
    }
CLASS(is_nan)
CLASS(is_inf)
CLASS(is_finite)
#undef CLASS

/* ---- size and sign ---- */

pz_value pz__fn_abs(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    switch (args[0].kind) {
    case PZ_INT:
        if (args[0].as.i == INT64_MIN)
            return pz__call_fail(call, "the least int has no absolute value that is an int");
        return pz_value_int(args[0].as.i < 0 ? -args[0].as.i : args[0].as.i);
    case PZ_UINT:
        return args[0];
    case PZ_DOUBLE:
        return pz_value_double(__builtin_fabs(args[0].as.d));
    default:
        return pz__call_no_overload(call);
    }
}

pz_value pz__fn_sign(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value v = args[0];
    switch (v.kind) {
    case PZ_INT:
        return pz_value_int((v.as.i > 0) - (v.as.i < 0));
    case PZ_UINT:
        return pz_value_uint(v.as.u > 0);
    case PZ_DOUBLE:
        return is_nan(v.as.d) ? v : pz_value_double((v.as.d > 0) - (v.as.d < 0));
    default:
        return pz__call_no_overload(call);
    }
}

pz_value pz__fn_sqrt(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    switch (args[0].kind) {
    case PZ_INT:
        return pz_value_double(pz__sqrt((double)args[0].as.i));
    case PZ_UINT:
        return pz_value_double(pz__sqrt((double)args[0].as.u));
    case PZ_DOUBLE:
        return pz_value_double(pz__sqrt(args[0].as.d));
    default:
        return pz__call_no_overload(call);
    }
}

/* ---- bits ---- */

static bool has_bits(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT;
}

/* The same bits in a number of the kind of `v`. */
static pz_value of_bits(pz_value v, uint64_t bits)
{
    v.as.u = bits;
    return v;
}

#define BITWISE(name, operator)                                                                    \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        (void)count;                                                                               \
        if (!has_bits(args[0]) || args[0].kind != args[1].kind)                                    \
            return pz__call_no_overload(call);                                                     \
        return of_bits(args[0], args[0].as.u operator args[1].as.u);                               \
    }
BITWISE(bit_and, &)
BITWISE(bit_or, |)
BITWISE(bit_xor, ^)
#undef BITWISE

pz_value pz__fn_bit_not(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return has_bits(args[0]) ? of_bits(args[0], ~args[0].as.u) : pz__call_no_overload(call);
}

#define SHIFT(name, operator)                                                                      \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        (void)count;                                                                               \
        if (!has_bits(args[0]) || args[1].kind != PZ_INT)                                          \
            return pz__call_no_overload(call);                                                     \
        if (args[1].as.i < 0)                                                                      \
            return pz__call_fail(call, "bits cannot be shifted by a negative number");             \
        return of_bits(args[0], args[1].as.i < 64 ? args[0].as.u operator args[1].as.i : 0);       \
    }
SHIFT(bit_shift_left, <<)
SHIFT(bit_shift_right, >>)
#undef SHIFT
