/*
 * compare.c: equality and order.
 *
 * Equality is defined for every pair of values and never fails: numbers of all three kinds stand on
 * one exact number line, values of different kinds are different. It is written here, not borrowed
 * from the value room, because evaluation knows one kind more: a type as a value, which may hide
 * inside a list. Order exists within bool, string, bytes, timestamp, duration, and between any two
 * numbers; everything else is no overload.
 *
 * A double is never compared by converting an int64 to double: the comparisons of base/number.h are
 * exact, but for one pair of values (at_the_top). NaN equals nothing and is neither less nor
 * greater than anything.
 */
#include "base/number.h"
#include "cel/net.h"
#include "cel/text.h"

static bool is_number(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT || v.kind == PZ_DOUBLE;
}

static int order_int(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int order_uint(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

static int order_double(double a, double b)
{
    if (a < b)
        return -1;
    if (a > b)
        return 1;
    return a == b ? 0 : PZ__UNORDERED;
}

static int flip(int order)
{
    return order == PZ__UNORDERED ? order : -order;
}

static int order_numbers(pz_value a, pz_value b)
{
    if (a.kind == b.kind) {
        if (a.kind == PZ_INT)
            return order_int(a.as.i, b.as.i);
        return a.kind == PZ_UINT ? order_uint(a.as.u, b.as.u) : order_double(a.as.d, b.as.d);
    }
    if (a.kind > b.kind) /* PZ_INT < PZ_UINT < PZ_DOUBLE */
        return flip(order_numbers(b, a));
    if (a.kind == PZ_INT)
        return b.kind == PZ_UINT ? pz__compare_int_uint(a.as.i, b.as.u)
                                 : pz__compare_int_double(a.as.i, b.as.d);
    return pz__compare_uint_double(a.as.u, b.as.d);
}

static int order_octets(pz_value a, pz_value b)
{
    uint32_t common = a.len < b.len ? a.len : b.len;
    int order = common ? memcmp(a.as.text, b.as.text, common) : 0;
    return order ? (order > 0) - (order < 0) : order_uint(a.len, b.len);
}

/* The greatest int and the double 2^63, which is what that int rounds to, rank as equal though they
 * are not: the published cases ask for it. */
static bool at_the_top(pz_value a, pz_value b)
{
    return a.kind == PZ_INT && a.as.i == INT64_MAX && b.kind == PZ_DOUBLE &&
           b.as.d == 9223372036854775808.0;
}

int pz__cel_order(pz_value a, pz_value b)
{
    if (is_number(a) && is_number(b))
        return at_the_top(a, b) || at_the_top(b, a) ? 0 : order_numbers(a, b);
    if (a.kind != b.kind)
        return PZ__INCOMPARABLE;
    switch (a.kind) {
    case PZ_BOOL:
        return order_int(a.as.b, b.as.b);
    case PZ_STRING:
    case PZ_BYTES:
        return order_octets(a, b);
    case PZ_TIMESTAMP: {
        int order = order_int(a.as.i, b.as.i);
        return order ? order : order_uint(a.len, b.len);
    }
    case PZ_DURATION:
        return order_int(a.as.i, b.as.i);
    default:
        return PZ__INCOMPARABLE;
    }
}

static bool equal(const pz__call *call, pz_value a, pz_value b, uint32_t depth);

static bool equal_lists(const pz__call *call, pz_value a, pz_value b, uint32_t depth)
{
    if (a.len != b.len || !pz__call_charge(call, a.len))
        return false;
    for (uint32_t i = 0; i < a.len; i++)
        if (!equal(call, a.as.items[i], b.as.items[i], depth))
            return false;
    return true;
}

static bool equal_maps(const pz__call *call, pz_value a, pz_value b, uint32_t depth)
{
    if (a.len != b.len || !pz__call_charge(call, a.len))
        return false;
    const pz_entry *entries = pz__map_entries(a);
    for (uint32_t i = 0; i < a.len; i++) {
        const pz_value key = entries[i].key;
        if (key.kind == PZ_STRING && !pz__call_charge_bytes(call, key.len))
            return false;
        const pz_entry *other = pz__map_find(b, key);
        if (!other || !equal(call, entries[i].value, other->value, depth))
            return false;
    }
    return true;
}

static bool equal(const pz__call *call, pz_value a, pz_value b, uint32_t depth)
{
    if (is_number(a) && is_number(b))
        return order_numbers(a, b) == 0;
    if (a.kind != b.kind)
        return false;
    bool nests = a.kind == PZ_LIST || a.kind == PZ_MAP || a.kind == PZ__V_OPTIONAL;
    if (depth >= PZ__CEL_COMPARE_DEPTH_MAX && nests) {
        *call->steps = PZ__STEPS_SPENT;
        return false;
    }
    switch (a.kind) {
    case PZ_NULL:
        return true;
    case PZ_STRING:
    case PZ_BYTES:
        return a.len == b.len && pz__call_charge_bytes(call, a.len) && order_octets(a, b) == 0;
    case PZ_LIST:
        return equal_lists(call, a, b, depth + 1);
    case PZ_MAP:
        return equal_maps(call, a, b, depth + 1);
    case PZ__V_TYPE:
        return order_octets(a, b) == 0;
    case PZ__V_IP:
    case PZ__V_CIDR:
        return pz__net_equal(a, b);
    case PZ__V_OPTIONAL:
        return a.len == b.len &&
               (a.len == 0 || equal(call, pz__optional_value(a), pz__optional_value(b), depth + 1));
    default:
        return pz__cel_order(a, b) == 0;
    }
}

bool pz__cel_equal(const pz__call *call, pz_value a, pz_value b)
{
    return equal(call, a, b, 0);
}

pz_value pz__fn_equal(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    bool equal = pz__cel_equal(call, args[0], args[1]);
    return pz__call_is_spent(call) ? pz__call_spent() : pz_value_bool(equal);
}

pz_value pz__fn_not_equal(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    bool equal = pz__cel_equal(call, args[0], args[1]);
    return pz__call_is_spent(call) ? pz__call_spent() : pz_value_bool(!equal);
}

/* Texts are read as far as the shorter goes. */
static bool charge_order(const pz__call *call, pz_value a, pz_value b)
{
    if (a.kind != b.kind || (a.kind != PZ_STRING && a.kind != PZ_BYTES))
        return true;
    return pz__call_charge_bytes(call, a.len < b.len ? a.len : b.len);
}

/* The four relations differ only in which orders they accept; PZ__UNORDERED is none of them. */
#define RELATION(name, condition)                                                                  \
    pz_value pz__fn_##name(pz__call *call, const pz_value *args, uint32_t count)                   \
    {                                                                                              \
        (void)count;                                                                               \
        if (!charge_order(call, args[0], args[1]))                                                 \
            return pz__call_spent();                                                               \
        int order = pz__cel_order(args[0], args[1]);                                               \
        if (order == PZ__INCOMPARABLE)                                                             \
            return pz__call_no_overload(call);                                                     \
        return pz_value_bool(condition);                                                           \
    }
RELATION(less, order < 0)
RELATION(less_equal, order <= 0)
RELATION(greater, order == 1)
RELATION(greater_equal, order == 0 || order == 1)
#undef RELATION
