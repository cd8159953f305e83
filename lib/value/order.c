/*
 * order.c: one total order over all values.
 *
 *     null < bool < numbers < string < bytes < timestamp < duration < list < map
 *
 * Numbers of all kinds stand together, by exact number, NaN last; equal numbers then by kind, and
 * -0.0 before 0.0. Two values compare as zero exactly when their canonical bytes are equal, so this
 * is finer than equality: 1 and 1u are equal and ordered.
 *
 * Lists compare item by item, a prefix first. Maps compare as the lists of their entries sorted by
 * key would, without sorting them: the first difference of those lists is at the least key that
 * only one map has, or that both have with unlike values, and lookups find it without memory.
 *
 * Values nested deeper than PZ_JSON_DEPTH_MAX have no canonical bytes; what lies deeper counts as
 * equal here, which bounds the recursion.
 */
#include "base/number.h"
#include "value/map.h"

static int compare(pz_value a, pz_value b, unsigned depth);

static bool is_number(uint32_t kind)
{
    return kind >= PZ_INT && kind <= PZ_DOUBLE;
}

static int compare_i64(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_u64(uint64_t a, uint64_t b)
{
    return (a > b) - (a < b);
}

/* NaN last, -0.0 before 0.0. */
static int compare_double(double a, double b)
{
    if (a != a || b != b)
        return (a != a) - (b != b);
    if (a != b)
        return a < b ? -1 : 1;
    return (bool)__builtin_signbit(b) - (bool)__builtin_signbit(a);
}

static int compare_unlike_numbers(pz_value a, pz_value b)
{
    if (a.kind > b.kind)
        return -compare_unlike_numbers(b, a);
    int order;
    if (b.kind == PZ_UINT)
        order = pz__compare_int_uint(a.as.i, b.as.u);
    else if (a.kind == PZ_INT)
        order = pz__compare_int_double(a.as.i, b.as.d);
    else
        order = pz__compare_uint_double(a.as.u, b.as.d);
    /* NaN is greater than every number, and the lower kind stands first. */
    return order == 0 || order == PZ__UNORDERED ? -1 : order;
}

static int compare_octets(pz_value a, pz_value b)
{
    return pz__str_compare((pz_str){a.as.text, a.len}, (pz_str){b.as.text, b.len});
}

static int compare_lists(pz_value a, pz_value b, unsigned depth)
{
    uint32_t shorter = a.len < b.len ? a.len : b.len;
    for (uint32_t i = 0; i < shorter; i++) {
        int order = compare(a.as.items[i], b.as.items[i], depth);
        if (order != 0)
            return order;
    }
    return compare_u64(a.len, b.len);
}

/* The entry of `map` under the very same key, kind included. */
static const pz_entry *find_same(pz_value map, pz_value key)
{
    const pz_entry *entry = pz__map_find(map, key);
    return entry && entry->key.kind == key.kind ? entry : NULL;
}

/* The entry of `a` with the least key at which `a` and `b` differ; NULL if each entry is in `b`. */
static const pz_entry *least_difference(pz_value a, pz_value b, unsigned depth)
{
    const pz_entry *entries = pz__map_entries(a);
    const pz_entry *least = NULL;
    for (uint32_t i = 0; i < a.len; i++) {
        if (least && pz_value_compare(entries[i].key, least->key) > 0)
            continue;
        const pz_entry *other = find_same(b, entries[i].key);
        if (!other || compare(entries[i].value, other->value, depth) != 0)
            least = &entries[i];
    }
    return least;
}

static bool has_key_above(pz_value map, pz_value key)
{
    const pz_entry *entries = pz__map_entries(map);
    for (uint32_t i = 0; i < map.len; i++)
        if (pz_value_compare(entries[i].key, key) > 0)
            return true;
    return false;
}

static int compare_maps(pz_value a, pz_value b, unsigned depth)
{
    const pz_entry *in_a = least_difference(a, b, depth);
    const pz_entry *in_b = least_difference(b, a, depth);
    if (!in_a && !in_b)
        return 0;
    int order = !in_a ? 1 : !in_b ? -1 : pz_value_compare(in_a->key, in_b->key);
    if (order == 0)
        return compare(in_a->value, in_b->value, depth);
    /* Only one map has the key: it stands first, unless the other ends there and is a prefix. */
    if (order < 0)
        return has_key_above(b, in_a->key) ? -1 : 1;
    return has_key_above(a, in_b->key) ? 1 : -1;
}

static int compare(pz_value a, pz_value b, unsigned depth)
{
    if (a.kind != b.kind) {
        if (is_number(a.kind) && is_number(b.kind))
            return compare_unlike_numbers(a, b);
        return compare_u64(a.kind, b.kind);
    }
    switch (a.kind) {
    case PZ_BOOL:
        return (int)a.as.b - (int)b.as.b;
    case PZ_INT:
    case PZ_DURATION:
        return compare_i64(a.as.i, b.as.i);
    case PZ_UINT:
        return compare_u64(a.as.u, b.as.u);
    case PZ_DOUBLE:
        return compare_double(a.as.d, b.as.d);
    case PZ_STRING:
    case PZ_BYTES:
        return compare_octets(a, b);
    case PZ_TIMESTAMP:
        return a.as.i != b.as.i ? compare_i64(a.as.i, b.as.i) : compare_u64(a.len, b.len);
    case PZ_LIST:
        return depth == PZ__VALUE_DEPTH_MAX ? 0 : compare_lists(a, b, depth + 1);
    case PZ_MAP:
        return depth == PZ__VALUE_DEPTH_MAX ? 0 : compare_maps(a, b, depth + 1);
    default:
        return 0;
    }
}

int pz_value_compare(pz_value a, pz_value b)
{
    return compare(a, b, 0);
}
