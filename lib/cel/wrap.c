/*
 * wrap.c: the functions that make the values of message literals.
 *
 * No author can write their names; the checker puts calls to them where a literal such as
 * google.protobuf.Int32Value{value: n} stands. Each takes a value of one kind, unlike the
 * conversions of the language: int32 of a text is no overload here. A message that is narrower than
 * its kind refuses what does not fit, but a FloatValue rounds, as storing it would.
 */
#include "cel/functions.h"

#include "base/time.h"

#define NANOS_PER_SECOND 1000000000

static pz_value only(pz__call *call, pz_value v, uint32_t kind)
{
    return v.kind == kind ? v : pz__call_no_overload(call);
}

#define WRAP(name, kind)                                                                           \
    pz_value pz__fn_wrap_##name(pz__call *call, const pz_value *args, uint32_t count)              \
    {                                                                                              \
        (void)count;                                                                               \
        return only(call, args[0], kind);                                                          \
    }
WRAP(null, PZ_NULL)
WRAP(bool, PZ_BOOL)
WRAP(int64, PZ_INT)
WRAP(uint64, PZ_UINT)
WRAP(double, PZ_DOUBLE)
WRAP(string, PZ_STRING)
WRAP(bytes, PZ_BYTES)
WRAP(list, PZ_LIST)
#undef WRAP

pz_value pz__fn_wrap_int32(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind == PZ_INT && (args[0].as.i < INT32_MIN || args[0].as.i > INT32_MAX))
        return pz__call_fail(call, "the number does not fit 32 bits");
    return only(call, args[0], PZ_INT);
}

pz_value pz__fn_wrap_uint32(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind == PZ_UINT && args[0].as.u > UINT32_MAX)
        return pz__call_fail(call, "the number does not fit 32 bits");
    return only(call, args[0], PZ_UINT);
}

/* The largest double that rounds to a finite float lies half a step above the largest float. */
#define FLOAT_TOP 3.4028235677973366e38

pz_value pz__fn_wrap_float(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    double d = args[0].as.d;
    if (args[0].kind != PZ_DOUBLE)
        return pz__call_no_overload(call);
    if (d >= FLOAT_TOP || d <= -FLOAT_TOP)
        return pz_value_double(d > 0 ? __builtin_inf() : -__builtin_inf());
    return pz_value_double((double)(float)d);
}

pz_value pz__fn_wrap_struct(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_MAP)
        return pz__call_no_overload(call);
    if (!pz__call_charge(call, args[0].len))
        return pz__call_spent();
    for (uint32_t i = 0; i < args[0].len; i++)
        if (pz__map_entries(args[0])[i].key.kind != PZ_STRING)
            return pz__call_fail(call, "the fields of a Struct are named by strings");
    return args[0];
}

pz_value pz__fn_wrap_timestamp(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_INT || args[1].kind != PZ_INT)
        return pz__call_no_overload(call);
    int64_t seconds = args[0].as.i, nanos = args[1].as.i;
    if (seconds < PZ__TIME_MIN_S || seconds > PZ__TIME_MAX_S || nanos < 0 ||
        nanos >= NANOS_PER_SECOND)
        return pz__call_fail(call, "a timestamp lies in the years 1 to 9999, its nanos below 1e9");
    return (pz_value){.kind = PZ_TIMESTAMP, .len = (uint32_t)nanos, .as.i = seconds};
}

pz_value pz__fn_wrap_duration(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_INT || args[1].kind != PZ_INT)
        return pz__call_no_overload(call);
    int64_t ns;
    if (__builtin_mul_overflow(args[0].as.i, (int64_t)NANOS_PER_SECOND, &ns) ||
        __builtin_add_overflow(ns, args[1].as.i, &ns))
        return pz__call_fail(call, "the duration is out of range");
    return pz_value_duration_ns(ns);
}
