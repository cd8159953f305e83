/*
 * listed.c: the ids of profiles and decision records as lists in a pool.
 *
 * A scripting language is no place to call back to from the middle of a visit: its code may run
 * finalizers that ask the same engine, and what a signal raises there is lost on the way through C.
 * So the visit is noted here, each value copied into the caller's pool, and the list is made when
 * it is over. On failure what was copied stays in the pool until it is reset.
 *
 * Not here: the visits themselves (profile.c, recall.c).
 */
#include "engine/engine.h"

#include <personalize/record.h>

typedef struct gathering {
    pz_pool *pool;
    pz__buf values; /* pz_value side by side */
} gathering;

/* A list has no more items than its length can say. */
static void begin(gathering *g, const pz_engine *engine, pz_pool *pool)
{
    g->pool = pool;
    pz__buf_init(&g->values, &engine->alloc, (size_t)UINT32_MAX * sizeof(pz_value));
}

static pz_status note(gathering *g, pz_value value)
{
    pz_value copy;
    const pz_status status = pz_pool_copy(g->pool, &copy, value);
    if (status == PZ_OK)
        pz__buf_put(&g->values, &copy, sizeof copy);
    return status != PZ_OK ? status : g->values.status;
}

static pz_status note_id(void *payload, const pz_profile *profile)
{
    const pz_str id = pz_profile_id(profile);
    return note(payload, pz_value_strn(id.data, id.len));
}

static pz_status note_record(void *payload, uint64_t number, pz_value record)
{
    (void)number; /* stands in the record, too */
    return note(payload, record);
}

/* Make the list, unless the visit failed; what failed without a word gets the status's. */
static pz_status end(gathering *g, pz_status status, pz_value *out, pz_error *err)
{
    if (status == PZ_OK)
        status = pz_pool_list(g->pool, out, (const pz_value *)(const void *)g->values.data,
                              g->values.len / sizeof(pz_value));
    pz__buf_clear(&g->values);
    if (status != PZ_OK && err && !err->message[0])
        return pz__fail(err, status, "%s", pz_status_text(status));
    return status;
}

pz_status pz_profile_ids(pz_engine *engine, pz_pool *pool, pz_value *out, pz_error *err)
{
    gathering g;
    if (!engine || !pool || !out)
        return pz__fail(err, PZ_ERR_ARG, "an engine, a pool and a place are needed");
    begin(&g, engine, pool);
    return end(&g, pz_each_profile(engine, note_id, &g, err), out, err);
}

pz_status pz_record_list(pz_engine *engine, const pz_record_query *query, pz_pool *pool,
                         pz_value *out, pz_error *err)
{
    gathering g;
    if (!engine || !pool || !out)
        return pz__fail(err, PZ_ERR_ARG, "an engine, a pool and a place are needed");
    begin(&g, engine, pool);
    return end(&g, pz_each_record(engine, query, note_record, &g, err), out, err);
}
