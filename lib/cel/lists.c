/*
 * lists.c: the list extension: range, slice, reverse, first, last, flatten.
 *
 * distinct() is in sets.c, where finding equals is; sort() and sortBy() in order.c. A slice borrows
 * its items from the list; everything else is made new and charged one step an item.
 *
 * flatten() opens up one level of lists inside the list, or as many as it is told. It walks twice,
 * once to count, so that what it needs is charged before it is taken.
 */
#include "cel/text.h"

pz_value pz__fn_range(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_INT)
        return pz__call_no_overload(call);
    int64_t end = args[0].as.i > 0 ? args[0].as.i : 0;
    if (end >= PZ__STEPS_SPENT || !pz__call_charge(call, (uint32_t)end)) {
        pz__call_charge(call, PZ__STEPS_SPENT);
        return pz__call_spent();
    }
    pz_value *items = pz__arena_array(call->arena, (size_t)end, sizeof *items);
    if (!items)
        return pz__call_nomem();
    for (int64_t i = 0; i < end; i++)
        items[i] = pz_value_int(i);
    return pz__value_of_items(items, (uint32_t)end);
}

pz_value pz__fn_slice(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value list = args[0];
    if (list.kind != PZ_LIST || args[1].kind != PZ_INT || args[2].kind != PZ_INT)
        return pz__call_no_overload(call);
    int64_t start = args[1].as.i, end = args[2].as.i;
    if (start < 0 || end < start || end > (int64_t)list.len)
        return pz__call_fail(call, "the slice is out of range; compare it with size() first");
    if (start == end)
        return pz__value_of_items(NULL, 0);
    return pz__value_of_items(list.as.items + start, (uint32_t)(end - start));
}

static pz_value reverse_list(pz__call *call, pz_value list)
{
    if (!pz__call_charge(call, list.len))
        return pz__call_spent();
    pz_value *items = pz__arena_array(call->arena, list.len, sizeof *items);
    if (!items)
        return pz__call_nomem();
    for (uint32_t i = 0; i < list.len; i++)
        items[i] = list.as.items[list.len - 1 - i];
    return pz__value_of_items(items, list.len);
}

pz_value pz__fn_reverse(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind == PZ_LIST)
        return reverse_list(call, args[0]);
    return args[0].kind == PZ_STRING ? pz__text_reverse(call, args[0]) : pz__call_no_overload(call);
}

/* ---- ends ---- */

pz_value pz__fn_first(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_LIST)
        return pz__call_no_overload(call);
    return args[0].len ? pz__optional_of(call->arena, args[0].as.items[0]) : pz__optional_none();
}

pz_value pz__fn_last(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ_LIST)
        return pz__call_no_overload(call);
    return args[0].len ? pz__optional_of(call->arena, args[0].as.items[args[0].len - 1])
                       : pz__optional_none();
}

/* ---- flatten ---- */

/* Deepest nesting that is opened up; values from outside are never nested deeper. */
#define FLATTEN_DEPTH_MAX PZ_JSON_DEPTH_MAX

/* Items of the list with `depth` levels opened up, every one charged; written to `out` unless it is
 * NULL. Stops when the steps run out. */
static uint32_t flatten(pz__call *call, pz_value list, int64_t depth, pz_value *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < list.len; i++) {
        pz_value item = list.as.items[i];
        if (!out && !pz__call_charge(call, 1))
            return count;
        if (item.kind == PZ_LIST && depth > 0)
            count += flatten(call, item, depth - 1, out ? out + count : NULL);
        else if (out)
            out[count++] = item;
        else
            count++;
    }
    return count;
}

pz_value pz__fn_flatten(pz__call *call, const pz_value *args, uint32_t count)
{
    int64_t depth = 1;
    if (args[0].kind != PZ_LIST || (count == 2 && args[1].kind != PZ_INT))
        return pz__call_no_overload(call);
    if (count == 2)
        depth = args[1].as.i;
    if (depth < 0)
        return pz__call_fail(call, "a list cannot be flattened by a negative number of levels");
    if (depth > FLATTEN_DEPTH_MAX)
        depth = FLATTEN_DEPTH_MAX;
    uint32_t room = flatten(call, args[0], depth, NULL);
    if (pz__call_is_spent(call))
        return pz__call_spent();
    pz_value *items = pz__arena_array(call->arena, room, sizeof *items);
    if (!items)
        return pz__call_nomem();
    return pz__value_of_items(items, flatten(call, args[0], depth, items));
}
