/*
 * sets.c: lists taken as sets: sets.contains, sets.equivalent, sets.intersects, and distinct().
 *
 * Equality is the language's: 1, 1u and 1.0 are one element, NaN is never found. The longer walk
 * looks into a hash index over the other list instead of along it. The index's hash agrees with
 * that equality: a number hashes as the whole number it stands for, and what has parts only by its
 * kind and size. So lists of scalars take time in proportion to their lengths; lists of lists and
 * maps may take the product.
 *
 * Every element visited, every comparison and every text read is charged, so an author of unlucky
 * data (or of data made to collide) runs out of steps, not of time.
 */
#include "cel/text.h"

/* A hash index over elements: open addressing, at most half full. */
typedef struct bag {
    const pz_value *items;
    uint32_t *table; /* position + 1; 0 is free */
    uint32_t mask;
} bag;

/* What the table holds most; more elements would not fit the budget of steps anyway. */
#define BAG_MAX (1u << 30)

static uint64_t mixed(uint64_t h)
{
    h ^= h >> 32;
    h *= UINT64_C(0x9e3779b97f4a7c15);
    h ^= h >> 29;
    h *= UINT64_C(0xbf58476d1ce4e5b9);
    return h ^ h >> 32;
}

/* Numbers that are equal have equal bits here: whole ones as an int or uint, others as a double. */
static uint64_t number_bits(pz_value v)
{
    if (v.kind != PZ_DOUBLE)
        return v.as.u;
    if (v.as.d >= -9223372036854775808.0 && v.as.d < 9223372036854775808.0 &&
        (double)(int64_t)v.as.d == v.as.d)
        return (uint64_t)(int64_t)v.as.d;
    if (v.as.d >= 0 && v.as.d < 18446744073709551616.0 && (double)(uint64_t)v.as.d == v.as.d)
        return (uint64_t)v.as.d;
    return v.as.u;
}

static uint64_t hash(pz_value v)
{
    switch (v.kind) {
    case PZ_INT:
    case PZ_UINT:
    case PZ_DOUBLE:
        return mixed(number_bits(v));
    case PZ_BOOL:
        return mixed(v.kind + 16u * v.as.b);
    case PZ_STRING:
    case PZ_BYTES:
    case PZ__V_TYPE:
        return pz__map_hash((pz_str){v.as.text, v.len}) ^ v.kind;
    case PZ_TIMESTAMP:
        return mixed(v.as.u ^ ((uint64_t)v.len << 34));
    case PZ_DURATION:
        return mixed(v.as.u + v.kind);
    case PZ_LIST:
    case PZ_MAP:
        return mixed(((uint64_t)v.len << 8) + v.kind);
    default:
        return mixed(v.kind);
    }
}

/* An empty index with room for `count` elements of `items`. */
static bool bag_open(pz__call *call, bag *b, const pz_value *items, uint32_t count)
{
    uint32_t room = 8;
    while (room / 2 < count && room < BAG_MAX)
        room *= 2;
    *b = (bag){.items = items, .mask = room - 1};
    b->table = count < BAG_MAX / 2 ? pz__arena_zero(call->arena, room, sizeof *b->table) : NULL;
    return b->table != NULL;
}

/* Where `v` stands in the table, or the free place where it would; check the steps afterwards. */
static uint32_t *bag_seek(const pz__call *call, const bag *b, pz_value v)
{
    if (v.kind == PZ_STRING || v.kind == PZ_BYTES)
        pz__call_charge_bytes(call, v.len);
    for (uint32_t at = (uint32_t)hash(v);; at++) {
        uint32_t *place = &b->table[at & b->mask];
        if (*place == 0 || pz__cel_equal(call, b->items[*place - 1], v) ||
            !pz__call_charge(call, 1))
            return place;
    }
}

static pz_value are_lists(pz__call *call, const pz_value *args)
{
    if (args[0].kind != PZ_LIST || args[1].kind != PZ_LIST)
        return pz__call_no_overload(call);
    uint64_t steps = (uint64_t)args[0].len + args[1].len;
    if (steps >= PZ__STEPS_SPENT || !pz__call_charge(call, (uint32_t)steps))
        return pz__call_spent();
    return pz_value_null();
}

/* True if some element of `b` is in `a` (`wanted`), or is not in it (not `wanted`). */
static pz_value any(pz__call *call, pz_value a, pz_value b, bool wanted)
{
    bag seen;
    if (!bag_open(call, &seen, a.as.items, a.len))
        return pz__call_nomem();
    for (uint32_t i = 0; i < a.len; i++)
        *bag_seek(call, &seen, a.as.items[i]) = i + 1;
    bool found = false;
    for (uint32_t i = 0; i < b.len && !found && !pz__call_is_spent(call); i++)
        found = (*bag_seek(call, &seen, b.as.items[i]) != 0) == wanted;
    return pz__call_is_spent(call) ? pz__call_spent() : pz_value_bool(found);
}

static pz_value not(pz_value v)
{
    return v.kind == PZ_BOOL ? pz_value_bool(!v.as.b) : v;
}

pz_value pz__fn_set_contains(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value problem = are_lists(call, args);
    return problem.kind == PZ__V_ERROR ? problem : not(any(call, args[0], args[1], false));
}

pz_value pz__fn_set_intersects(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value problem = are_lists(call, args);
    return problem.kind == PZ__V_ERROR ? problem : any(call, args[0], args[1], true);
}

pz_value pz__fn_set_equivalent(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value problem = are_lists(call, args);
    if (problem.kind == PZ__V_ERROR)
        return problem;
    pz_value missing = any(call, args[0], args[1], false);
    if (missing.kind != PZ_BOOL || missing.as.b)
        return not(missing);
    return not(any(call, args[1], args[0], false));
}

pz_value pz__fn_distinct(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value list = args[0];
    if (list.kind != PZ_LIST)
        return pz__call_no_overload(call);
    if (!pz__call_charge(call, list.len))
        return pz__call_spent();
    bag seen;
    pz_value *kept = pz__arena_array(call->arena, list.len, sizeof *kept);
    if (!kept || !bag_open(call, &seen, kept, list.len))
        return pz__call_nomem();
    uint32_t kept_count = 0;
    for (uint32_t i = 0; i < list.len && !pz__call_is_spent(call); i++) {
        uint32_t *place = bag_seek(call, &seen, list.as.items[i]);
        if (*place)
            continue;
        kept[kept_count++] = list.as.items[i];
        *place = kept_count;
    }
    return pz__call_is_spent(call) ? pz__call_spent() : pz__value_of_items(kept, kept_count);
}
