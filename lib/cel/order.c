/*
 * order.c: sorting lists: sort() and sortBy().
 *
 * What is sorted are positions, by merging runs from the bottom up: stable, no recursion, and never
 * more than n log n comparisons, whatever the list. The C library's qsort is none of these by
 * promise.
 *
 * The keys must all be of one kind that has an order; NaN has no place in any order and is refused.
 * Each comparison is charged, texts by their length too. `list.sortBy(x, key)` is a macro: it makes
 * the list of keys and calls @sortByKeys with both (plan.c).
 */
#include "cel/order.h"

#include "base/number.h"
#include "cel/text.h"

/* Merge the sorted runs [start, middle) and [middle, end) of `from` into `to`. */
static void merge(const uint32_t *from, uint32_t *to, const uint32_t bounds[3],
                  pz__comes_after *comes_after, void *self)
{
    uint32_t left = bounds[0], right = bounds[1];
    for (uint32_t at = bounds[0]; at < bounds[2]; at++) {
        bool take_right =
            left == bounds[1] || (right < bounds[2] && comes_after(self, from[left], from[right]));
        to[at] = from[take_right ? right++ : left++];
    }
}

void pz__sort_positions(uint32_t *positions, uint32_t *spare, uint32_t count,
                        pz__comes_after *comes_after, void *self)
{
    uint32_t *from = positions, *to = spare;
    for (uint64_t width = 1; width < count; width *= 2) {
        for (uint64_t start = 0; start < count; start += 2 * width) {
            uint64_t middle = start + width < count ? start + width : count;
            uint64_t end = middle + width < count ? middle + width : count;
            uint32_t bounds[3] = {(uint32_t)start, (uint32_t)middle, (uint32_t)end};
            merge(from, to, bounds, comes_after, self);
        }
        uint32_t *swap = from;
        from = to;
        to = swap;
    }
    for (uint32_t i = 0; from != positions && i < count; i++)
        positions[i] = from[i];
}

/* ---- lists ---- */

typedef struct keys {
    const pz__call *call;
    const pz_value *items;
} keys;

static bool key_comes_after(void *self, uint32_t a, uint32_t b)
{
    const keys *k = self;
    pz_value x = k->items[a], y = k->items[b];
    bool is_text = x.kind == PZ_STRING || x.kind == PZ_BYTES;
    uint64_t octets = !is_text ? 0 : x.len < y.len ? x.len : y.len;
    if (!pz__call_charge(k->call, 1) || !pz__call_charge_bytes(k->call, octets))
        return false; /* the list stays in some order, and nobody gets to see it */
    return pz__cel_order(x, y) == 1;
}

/* What is wrong with the keys; NULL if they can be sorted. */
static const char *unsortable(pz_value list)
{
    for (uint32_t i = 0; i < list.len; i++) {
        pz_value key = list.as.items[i];
        int order = pz__cel_order(key, key);
        if (order == PZ__INCOMPARABLE)
            return "only numbers, strings, bytes, bools and times can be sorted";
        if (order == PZ__UNORDERED)
            return "NaN cannot be sorted";
        if (key.kind != list.as.items[0].kind)
            return "only elements of one type can be sorted; convert them with map() first";
    }
    return NULL;
}

static pz_value sort(pz__call *call, pz_value list, pz_value by)
{
    if (!pz__call_charge(call, list.len))
        return pz__call_spent();
    const char *problem = unsortable(by);
    if (problem)
        return pz__call_fail(call, problem);
    uint32_t *positions = pz__arena_array(call->arena, list.len, 2 * sizeof *positions);
    pz_value *items = pz__arena_array(call->arena, list.len, sizeof *items);
    if (!positions || !items)
        return pz__call_nomem();
    for (uint32_t i = 0; i < list.len; i++)
        positions[i] = i;
    keys k = {call, by.as.items};
    pz__sort_positions(positions, positions + list.len, list.len, key_comes_after, &k);
    if (pz__call_is_spent(call))
        return pz__call_spent();
    for (uint32_t i = 0; i < list.len; i++)
        items[i] = list.as.items[positions[i]];
    return pz__value_of_items(items, list.len);
}

pz_value pz__fn_sort(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return args[0].kind == PZ_LIST ? sort(call, args[0], args[0]) : pz__call_no_overload(call);
}

pz_value pz__fn_sort_by_keys(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_LIST || args[1].kind != PZ_LIST || args[0].len != args[1].len)
        return pz__call_no_overload(call);
    return sort(call, args[0], args[1]);
}
