/*
 * equal.c: equality as the rule language has it.
 *
 * Numbers of any kind stand on one exact number line: 1 == 1u == 1.0, while 2^63 - 1 differs from
 * 2^63 though both convert to one double. NaN equals nothing, itself included, and a list that
 * holds NaN does not equal itself either. Maps are equal if each key of one is in the other with an
 * equal value, in whatever order. All other kinds equal only their own.
 *
 * Values nested deeper than PZ_JSON_DEPTH_MAX have no canonical bytes; they equal nothing, which
 * bounds the recursion.
 */
#include "base/number.h"
#include "value/map.h"

static bool is_equal_number(pz_value a, pz_value b)
{
    if (a.kind == b.kind)
        return a.kind == PZ_DOUBLE ? a.as.d == b.as.d : a.as.u == b.as.u;
    if (a.kind > b.kind)
        return is_equal_number(b, a);
    if (b.kind == PZ_UINT)
        return pz__compare_int_uint(a.as.i, b.as.u) == 0;
    if (a.kind == PZ_INT)
        return pz__compare_int_double(a.as.i, b.as.d) == 0;
    return pz__compare_uint_double(a.as.u, b.as.d) == 0;
}

static bool is_equal(pz_value a, pz_value b, unsigned depth);

static bool is_equal_list(pz_value a, pz_value b, unsigned depth)
{
    if (a.len != b.len || depth == PZ__VALUE_DEPTH_MAX)
        return false;
    for (uint32_t i = 0; i < a.len; i++)
        if (!is_equal(a.as.items[i], b.as.items[i], depth + 1))
            return false;
    return true;
}

static bool is_equal_map(pz_value a, pz_value b, unsigned depth)
{
    if (a.len != b.len || depth == PZ__VALUE_DEPTH_MAX)
        return false;
    const pz_entry *entries = pz__map_entries(a);
    for (uint32_t i = 0; i < a.len; i++) {
        const pz_entry *other = pz__map_find(b, entries[i].key);
        if (!other || !is_equal(entries[i].value, other->value, depth + 1))
            return false;
    }
    return true;
}

static bool is_equal(pz_value a, pz_value b, unsigned depth)
{
    bool are_numbers =
        a.kind >= PZ_INT && a.kind <= PZ_DOUBLE && b.kind >= PZ_INT && b.kind <= PZ_DOUBLE;
    if (are_numbers)
        return is_equal_number(a, b);
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case PZ_NULL:
        return true;
    case PZ_BOOL:
        return a.as.b == b.as.b;
    case PZ_STRING:
    case PZ_BYTES:
        return pz__str_equal((pz_str){a.as.text, a.len}, (pz_str){b.as.text, b.len});
    case PZ_TIMESTAMP:
        return a.as.i == b.as.i && a.len == b.len;
    case PZ_DURATION:
        return a.as.i == b.as.i;
    case PZ_LIST:
        return is_equal_list(a, b, depth);
    case PZ_MAP:
        return is_equal_map(a, b, depth);
    default:
        return false;
    }
}

bool pz_value_equal(pz_value a, pz_value b)
{
    return is_equal(a, b, 0);
}
