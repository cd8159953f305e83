/*
 * sorted.c: a value whose maps have their entries in the order of their keys.
 *
 * Equal maps have one canonical spelling, whatever order their entries came in, so a hash of a
 * request or of a catalog cannot tell them apart. A rule that walks through a map can, and hosts
 * hand maps in whose order means nothing: a table of Lua has another one in every process. What a
 * rule is to see is therefore brought to the order of the canonical bytes first.
 *
 * Most values hold no map, or maps that stand so already; these are looked through and given back
 * as they are. Only the lists and maps above an unsorted one are made anew.
 */
#include "value/map.h"

static pz_status sort(pz__arena *arena, pz_value *v, unsigned depth);

static bool is_sorted(const pz_entry *entries, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++)
        if (pz__key_compare(entries[i - 1].key, entries[i].key) > 0)
            return false;
    return true;
}

/* Where the two differ is told by what they point to: sorting never changes a value in place. */
static bool is_same(pz_value a, pz_value b)
{
    return a.as.map == b.as.map;
}

static pz_status sort_list(pz__arena *arena, pz_value *v, unsigned depth)
{
    pz_value *items = NULL;
    for (uint32_t i = 0; i < v->len; i++) {
        pz_value item = v->as.items[i];
        if (item.kind < PZ_LIST)
            continue;
        const pz_status status = sort(arena, &item, depth);
        if (status != PZ_OK)
            return status;
        if (is_same(item, v->as.items[i]))
            continue;
        if (!items) {
            items = pz__arena_array(arena, v->len, sizeof *items);
            if (!items)
                return PZ_ERR_NOMEM;
            memcpy(items, v->as.items, v->len * sizeof *items);
        }
        items[i] = item;
    }
    if (items)
        *v = pz__value_of_items(items, v->len);
    return PZ_OK;
}

/* The entries of the map in the order of their keys, to be written to. */
static pz_status own_entries(pz__arena *arena, pz_value map, pz_entry **out)
{
    const pz_entry *entries = pz__map_entries(map);
    uint32_t *order = pz__arena_array(arena, map.len, sizeof *order);
    pz_entry *own = order ? pz__arena_array(arena, map.len, sizeof *own) : NULL;
    if (!own)
        return PZ_ERR_NOMEM;
    pz__map_order(map, order);
    for (uint32_t i = 0; i < map.len; i++)
        own[i] = entries[order[i]];
    *out = own;
    return PZ_OK;
}

static pz_status sort_map(pz__arena *arena, pz_value *v, unsigned depth)
{
    const pz_entry *entries = pz__map_entries(*v);
    pz_entry *own = NULL;
    pz_status status = PZ_OK;
    if (!is_sorted(entries, v->len)) {
        status = own_entries(arena, *v, &own);
        entries = own;
    }
    for (uint32_t i = 0; i < v->len && status == PZ_OK; i++) {
        pz_value value = entries[i].value;
        if (value.kind < PZ_LIST)
            continue;
        status = sort(arena, &value, depth);
        if (status != PZ_OK || is_same(value, entries[i].value))
            continue;
        if (!own) {
            status = own_entries(arena, *v, &own);
            entries = own;
        }
        if (status == PZ_OK)
            own[i].value = value;
    }
    if (status != PZ_OK || !own)
        return status;
    return pz__value_of_entries(arena, v, own, v->len, PZ__DUP_REFUSE);
}

static pz_status sort(pz__arena *arena, pz_value *v, unsigned depth)
{
    if (v->kind < PZ_LIST || v->len == 0)
        return PZ_OK;
    if (depth == PZ__VALUE_DEPTH_MAX)
        return PZ_ERR_LIMIT;
    return v->kind == PZ_LIST ? sort_list(arena, v, depth + 1) : sort_map(arena, v, depth + 1);
}

pz_status pz_pool_map_sorted(pz_pool *pool, pz_value *out, const pz_entry *entries, size_t count)
{
    pz_value map;
    pz_status status = pz_pool_map(pool, &map, entries, count);
    pz_entry *own = NULL;
    if (status == PZ_OK && !is_sorted(pz__map_entries(map), map.len)) {
        status = own_entries(pz__pool_arena(pool), map, &own);
        if (status == PZ_OK)
            status = pz__value_of_entries(pz__pool_arena(pool), &map, own, map.len, PZ__DUP_REFUSE);
    }
    if (out)
        *out = status == PZ_OK ? map : pz_value_null();
    return out ? status : PZ_ERR_ARG;
}

pz_status pz__value_sort(pz__arena *arena, pz_value *v)
{
    if (v->kind < PZ_LIST)
        return PZ_OK;
    const pz__mark before = pz__arena_mark(arena);
    pz_value sorted = *v;
    const pz_status status = sort(arena, &sorted, 0);
    if (status == PZ_OK)
        *v = sorted;
    else
        pz__arena_return(arena, before);
    return status;
}
