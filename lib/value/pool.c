/*
 * pool.c: a place that owns values, and deep copies into an arena.
 *
 * A pool is an arena behind an opaque handle. What is made in it lives until the pool is reset or
 * freed; nothing in it is freed alone. A call that fails gives back the memory it took, so that a
 * refused value leaves no trace.
 *
 * Copying is where values come to stay, so it is where their text is checked: a string that is not
 * UTF-8 or a value nested too deeply has no canonical bytes that read back, and is refused here
 * before anything stores it.
 */
#include <string.h>

#include "base/utf8.h"
#include "value/map.h"

struct pz_pool {
    pz__arena arena; /* alone, so that any arena can stand for a pool that nobody frees */
};

pz_status pz_pool_new(pz_pool **out, const pz_alloc *alloc)
{
    if (!out)
        return PZ_ERR_ARG;
    *out = NULL;
    pz_alloc memory = pz__alloc_or_default(alloc);
    pz_pool *pool = pz__mem_new(&memory, 1, sizeof *pool);
    if (!pool)
        return PZ_ERR_NOMEM;
    pz__arena_init(&pool->arena, &memory, 0);
    *out = pool;
    return PZ_OK;
}

void pz_pool_reset(pz_pool *pool)
{
    if (pool)
        pz__arena_reset(&pool->arena);
}

void pz_pool_free(pz_pool *pool)
{
    if (!pool)
        return;
    pz_alloc alloc = pool->arena.alloc;
    pz__arena_clear(&pool->arena);
    pz__mem_free(&alloc, pool, 1, sizeof *pool);
}

pz_pool *pz__pool_of(pz__arena *arena)
{
    return (pz_pool *)(void *)arena;
}

pz__arena *pz__pool_arena(pz_pool *pool)
{
    return &pool->arena;
}

/* ---- deep copies ---- */

static pz_status copy(pz__arena *arena, pz_value *out, pz_value v, unsigned depth);

static pz_status copy_octets(pz__arena *arena, pz_value *out, pz_value v)
{
    if (v.kind == PZ_STRING && v.len > 0 && !pz__utf8_valid(v.as.text, v.len))
        return PZ_ERR_PARSE;
    v.as.text = pz__arena_text(arena, v.as.text, v.len);
    if (!v.as.text)
        return PZ_ERR_NOMEM;
    *out = v;
    return PZ_OK;
}

static pz_status copy_list(pz__arena *arena, pz_value *out, pz_value v, unsigned depth)
{
    pz_value *items = pz__arena_array(arena, v.len, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < v.len; i++) {
        pz_status status = copy(arena, &items[i], v.as.items[i], depth);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, v.len);
    return PZ_OK;
}

static pz_status copy_map(pz__arena *arena, pz_value *out, pz_value v, unsigned depth)
{
    const pz_entry *from = pz__map_entries(v);
    pz_entry *entries = pz__arena_array(arena, v.len, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < v.len; i++) {
        pz_status status = copy(arena, &entries[i].key, from[i].key, depth);
        if (status == PZ_OK)
            status = copy(arena, &entries[i].value, from[i].value, depth);
        if (status != PZ_OK)
            return status;
    }
    return pz__value_of_entries(arena, out, entries, v.len, PZ__DUP_REFUSE);
}

static pz_status copy(pz__arena *arena, pz_value *out, pz_value v, unsigned depth)
{
    *out = pz_value_null();
    switch (v.kind) {
    case PZ_STRING:
    case PZ_BYTES:
        return copy_octets(arena, out, v);
    case PZ_LIST:
        return depth == PZ__VALUE_DEPTH_MAX ? PZ_ERR_LIMIT : copy_list(arena, out, v, depth + 1);
    case PZ_MAP:
        return depth == PZ__VALUE_DEPTH_MAX ? PZ_ERR_LIMIT : copy_map(arena, out, v, depth + 1);
    default:
        if (v.kind > PZ_MAP)
            return PZ_ERR_ARG;
        *out = v;
        return PZ_OK;
    }
}

pz_status pz__value_copy(pz__arena *arena, pz_value *out, pz_value v)
{
    pz__mark before = pz__arena_mark(arena);
    pz_status status = copy(arena, out, v, 0);
    if (status != PZ_OK) {
        pz__arena_return(arena, before);
        *out = pz_value_null();
    }
    return status;
}

/* ---- the public calls ---- */

pz_status pz_pool_copy(pz_pool *pool, pz_value *out, pz_value v)
{
    if (!out)
        return PZ_ERR_ARG;
    *out = pz_value_null();
    return pool ? pz__value_copy(&pool->arena, out, v) : PZ_ERR_ARG;
}

pz_status pz_pool_string(pz_pool *pool, pz_value *out, const char *text, size_t len)
{
    if (!out)
        return PZ_ERR_ARG;
    *out = pz_value_null();
    if (!pool || (!text && len > 0))
        return PZ_ERR_ARG;
    if (len > PZ_VALUE_LEN_MAX)
        return PZ_ERR_LIMIT;
    return pz__value_copy(&pool->arena, out, pz_value_strn(text, len));
}

/* A copy of `count` things of `size`, made before the result is touched: the result may be one of
 * them, as when a list is wrapped in a list of its own. NULL out of memory. */
static void *copy_array(pz_pool *pool, const void *from, size_t count, size_t size)
{
    void *copied = pz__arena_array(&pool->arena, count, size);
    if (copied && count > 0)
        memcpy(copied, from, count * size);
    return copied;
}

pz_status pz_pool_list(pz_pool *pool, pz_value *out, const pz_value *items, size_t count)
{
    if (!out)
        return PZ_ERR_ARG;
    pz_value *copied = NULL;
    pz_status status = PZ_ERR_ARG;
    if (pool && (items || count == 0))
        status = count > PZ_VALUE_LEN_MAX ? PZ_ERR_LIMIT : PZ_OK;
    if (status == PZ_OK) {
        copied = copy_array(pool, items, count, sizeof *copied);
        status = copied ? PZ_OK : PZ_ERR_NOMEM;
    }
    *out = status == PZ_OK ? pz__value_of_items(copied, (uint32_t)count) : pz_value_null();
    return status;
}

pz_status pz_pool_map(pz_pool *pool, pz_value *out, const pz_entry *entries, size_t count)
{
    if (!out)
        return PZ_ERR_ARG;
    pz_entry *copied = NULL;
    pz__mark before = {0};
    pz_status status = PZ_ERR_ARG;
    if (pool && (entries || count == 0))
        status = count > PZ_VALUE_LEN_MAX ? PZ_ERR_LIMIT : PZ_OK;
    if (status == PZ_OK) {
        before = pz__arena_mark(&pool->arena);
        copied = copy_array(pool, entries, count, sizeof *copied);
        status = copied ? PZ_OK : PZ_ERR_NOMEM;
    }
    *out = pz_value_null();
    if (status != PZ_OK)
        return status;
    status = pz__value_of_entries(&pool->arena, out, copied, (uint32_t)count, PZ__DUP_REFUSE);
    if (status != PZ_OK)
        pz__arena_return(&pool->arena, before);
    return status;
}
