/*
 * arith.c: the arithmetic operators, and + where it joins.
 *
 * Both operands must be of one kind: there is no promotion. Whole numbers never wrap, an overflow
 * is an error; doubles are plain IEEE, where nothing is an error. Times add and subtract as the
 * table says; a timestamp is seconds (floor) and nanoseconds, a duration nanoseconds in an int64,
 * and leaving either range is an error.
 *
 * Joining makes a new text or list in the arena and is charged by its length, so that a macro that
 * doubles a list each time round runs out of steps before it runs out of memory.
 */
#include "cel/text.h"

#include "base/time.h"

#define NANOS INT64_C(1000000000)

static const char *const overflow_text = "the result of an integer operation is out of range";
static const char *const time_text = "the time is out of range";

static pz_value of_int(pz__call *call, bool overflow, int64_t n)
{
    return overflow ? pz__call_fail(call, overflow_text) : pz_value_int(n);
}

static pz_value of_uint(pz__call *call, bool overflow, uint64_t n)
{
    return overflow ? pz__call_fail(call, overflow_text) : pz_value_uint(n);
}

/* ---- times ---- */

static pz_value timestamp_plus(pz__call *call, pz_value t, int64_t seconds, int64_t nanos)
{
    int64_t fraction = (int64_t)t.len + nanos; /* within two seconds */
    int64_t carry = fraction < 0 ? -1 : fraction >= NANOS ? 1 : 0;
    int64_t sum;
    if (__builtin_add_overflow(t.as.i, seconds, &sum) || __builtin_add_overflow(sum, carry, &sum) ||
        sum < PZ__TIME_MIN_S || sum > PZ__TIME_MAX_S)
        return pz__call_fail(call, time_text);
    return (pz_value){
        .kind = PZ_TIMESTAMP, .len = (uint32_t)(fraction - carry * NANOS), .as.i = sum};
}

static pz_value timestamp_difference(pz__call *call, pz_value a, pz_value b)
{
    int64_t seconds = a.as.i - b.as.i; /* both within the years 1 to 9999 */
    int64_t nanos = (int64_t)a.len - (int64_t)b.len;
    /* Of one sign, so that the product alone cannot leave the range when the sum does not. */
    if (seconds > 0 && nanos < 0) {
        seconds--;
        nanos += NANOS;
    } else if (seconds < 0 && nanos > 0) {
        seconds++;
        nanos -= NANOS;
    }
    int64_t ns;
    if (__builtin_mul_overflow(seconds, NANOS, &ns) || __builtin_add_overflow(ns, nanos, &ns))
        return pz__call_fail(call, time_text);
    return pz_value_duration_ns(ns);
}

static pz_value of_duration(pz__call *call, bool overflow, int64_t ns)
{
    return overflow ? pz__call_fail(call, time_text) : pz_value_duration_ns(ns);
}

/* ---- joining ---- */

static pz_value join_octets(pz__call *call, pz_value a, pz_value b)
{
    uint64_t len = (uint64_t)a.len + b.len;
    if (len > PZ_VALUE_LEN_MAX || !pz__call_charge_bytes(call, len))
        return pz__call_spent();
    char *text = pz__arena_new(call->arena, (size_t)len);
    if (!text)
        return pz__call_nomem();
    if (a.len)
        memcpy(text, a.as.text, a.len);
    if (b.len)
        memcpy(text + a.len, b.as.text, b.len);
    return (pz_value){.kind = a.kind, .len = (uint32_t)len, .as.text = text};
}

static pz_value join_lists(pz__call *call, pz_value a, pz_value b)
{
    uint64_t len = (uint64_t)a.len + b.len;
    if (len > PZ_VALUE_LEN_MAX || !pz__call_charge(call, (uint32_t)len))
        return pz__call_spent();
    pz_value *items = pz__arena_array(call->arena, (size_t)len, sizeof *items);
    if (!items)
        return pz__call_nomem();
    if (a.len)
        memcpy(items, a.as.items, a.len * sizeof *items);
    if (b.len)
        memcpy(items + a.len, b.as.items, b.len * sizeof *items);
    return pz__value_of_items(items, (uint32_t)len);
}

/* ---- operators ---- */

static pz_value add_times(pz__call *call, pz_value a, pz_value b)
{
    if (a.kind == PZ_TIMESTAMP && b.kind == PZ_DURATION)
        return timestamp_plus(call, a, b.as.i / NANOS, b.as.i % NANOS);
    if (a.kind == PZ_DURATION && b.kind == PZ_TIMESTAMP)
        return timestamp_plus(call, b, a.as.i / NANOS, a.as.i % NANOS);
    if (a.kind != PZ_DURATION || b.kind != PZ_DURATION)
        return pz__call_no_overload(call);
    int64_t ns = 0;
    bool overflow = __builtin_add_overflow(a.as.i, b.as.i, &ns);
    return of_duration(call, overflow, ns);
}

pz_value pz__fn_add(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value a = args[0], b = args[1];
    if (a.kind != b.kind)
        return add_times(call, a, b);
    int64_t i = 0;
    uint64_t u = 0;
    bool overflow;
    switch (a.kind) {
    case PZ_INT:
        overflow = __builtin_add_overflow(a.as.i, b.as.i, &i);
        return of_int(call, overflow, i);
    case PZ_UINT:
        overflow = __builtin_add_overflow(a.as.u, b.as.u, &u);
        return of_uint(call, overflow, u);
    case PZ_DOUBLE:
        return pz_value_double(a.as.d + b.as.d);
    case PZ_STRING:
    case PZ_BYTES:
        return join_octets(call, a, b);
    case PZ_LIST:
        return join_lists(call, a, b);
    default:
        return add_times(call, a, b);
    }
}

static pz_value subtract_times(pz__call *call, pz_value a, pz_value b)
{
    if (a.kind == PZ_TIMESTAMP && b.kind == PZ_TIMESTAMP)
        return timestamp_difference(call, a, b);
    if (a.kind == PZ_TIMESTAMP && b.kind == PZ_DURATION)
        return timestamp_plus(call, a, -(b.as.i / NANOS), -(b.as.i % NANOS));
    if (a.kind != PZ_DURATION || b.kind != PZ_DURATION)
        return pz__call_no_overload(call);
    int64_t ns = 0;
    bool overflow = __builtin_sub_overflow(a.as.i, b.as.i, &ns);
    return of_duration(call, overflow, ns);
}

pz_value pz__fn_subtract(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value a = args[0], b = args[1];
    int64_t i = 0;
    uint64_t u = 0;
    bool overflow;
    switch (a.kind == b.kind ? a.kind : PZ_TIMESTAMP) {
    case PZ_INT:
        overflow = __builtin_sub_overflow(a.as.i, b.as.i, &i);
        return of_int(call, overflow, i);
    case PZ_UINT:
        overflow = __builtin_sub_overflow(a.as.u, b.as.u, &u);
        return of_uint(call, overflow, u);
    case PZ_DOUBLE:
        return pz_value_double(a.as.d - b.as.d);
    default:
        return subtract_times(call, a, b);
    }
}

pz_value pz__fn_multiply(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value a = args[0], b = args[1];
    int64_t i = 0;
    uint64_t u = 0;
    bool overflow;
    if (a.kind != b.kind)
        return pz__call_no_overload(call);
    switch (a.kind) {
    case PZ_INT:
        overflow = __builtin_mul_overflow(a.as.i, b.as.i, &i);
        return of_int(call, overflow, i);
    case PZ_UINT:
        overflow = __builtin_mul_overflow(a.as.u, b.as.u, &u);
        return of_uint(call, overflow, u);
    case PZ_DOUBLE:
        return pz_value_double(a.as.d * b.as.d);
    default:
        return pz__call_no_overload(call);
    }
}

pz_value pz__fn_divide(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value a = args[0], b = args[1];
    if (a.kind != b.kind)
        return pz__call_no_overload(call);
    switch (a.kind) {
    case PZ_INT:
        if (b.as.i == 0)
            return pz__call_fail(call, "divide by zero");
        if (a.as.i == INT64_MIN && b.as.i == -1)
            return pz__call_fail(call, overflow_text);
        return pz_value_int(a.as.i / b.as.i);
    case PZ_UINT:
        return b.as.u ? pz_value_uint(a.as.u / b.as.u) : pz__call_fail(call, "divide by zero");
    case PZ_DOUBLE:
        return pz_value_double(a.as.d / b.as.d);
    default:
        return pz__call_no_overload(call);
    }
}

pz_value pz__fn_modulo(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value a = args[0], b = args[1];
    if (a.kind != b.kind || (a.kind != PZ_INT && a.kind != PZ_UINT))
        return pz__call_no_overload(call);
    if (b.as.u == 0)
        return pz__call_fail(call, "modulus by zero");
    if (a.kind == PZ_UINT)
        return pz_value_uint(a.as.u % b.as.u);
    if (a.as.i == INT64_MIN && b.as.i == -1)
        return pz__call_fail(call, overflow_text);
    return pz_value_int(a.as.i % b.as.i);
}

pz_value pz__fn_negate(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind == PZ_DOUBLE)
        return pz_value_double(-args[0].as.d);
    if (args[0].kind != PZ_INT)
        return pz__call_no_overload(call);
    return of_int(call, args[0].as.i == INT64_MIN, (int64_t)(0 - (uint64_t)args[0].as.i));
}

pz_value pz__fn_not(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_BOOL)
        return pz__call_no_overload(call);
    return pz_value_bool(!args[0].as.b);
}
