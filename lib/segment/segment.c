/*
 * segment.c: which segments the customer behind an activation is in.
 *
 * A segment is a named rule. Its value lives in the activation's slot of that name, like the value
 * of any other name: whoever reads `segment.vip` in a rule makes the activation fetch it, the fetch
 * comes here, and the answer stays in the slot for the rest of the request. Matching all segments
 * goes through the same slots, so no rule runs twice, whether it was asked for by another rule or
 * by the caller, and in which order.
 *
 * A rule that comes to neither true nor false is unknown or an error; the customer is then not in
 * the segment, and a rule that asks for it sees the unknown or the error itself. A rule over dyn
 * values may come to something that is no bool; that is an error too.
 *
 * Segments may name each other; the catalog refuses cycles, so the recursion ends. Every rule is
 * tried: an index over what the rules test is not here.
 */
#include "segment/segment.h"

static bool is_answer(pz_value v)
{
    return v.kind == PZ_BOOL || v.kind == PZ__V_UNKNOWN || v.kind == PZ__V_ERROR;
}

pz_value pz__segment_value(const pz__catalog *catalog, uint32_t segment, pz__activation *activation)
{
    const pz_value value = pz__cel_eval(catalog->segments[segment].program, activation);
    if (is_answer(value))
        return value;
    return pz__cel_fail(activation->arena, PZ_ERR_TYPE, "the rule of a segment must be a bool");
}

/* The segment's value by way of its slot. Only the activation fills slots, so that it knows which.
 */
static pz_value value_in_slot(const pz__catalog *catalog, uint32_t segment,
                              pz__activation *activation)
{
    const uint32_t slot = catalog->segments[segment].slot;
    if (activation->slots[slot].kind == PZ__V_PENDING)
        activation->fetch(activation->self, slot);
    return activation->slots[slot];
}

static bool is_starved(pz_value v)
{
    if (v.kind != PZ__V_ERROR)
        return false;
    const pz__cel_error *error = (const void *)v.as.text;
    return error->status == PZ_ERR_NOMEM;
}

pz_status pz__segments_match(const pz__catalog *catalog, pz__activation *activation,
                             const uint32_t **out, uint32_t *count)
{
    *out = NULL;
    *count = 0;
    uint32_t *list = pz__arena_array(activation->arena, catalog->segment_count, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    uint32_t matched = 0;
    for (uint32_t i = 0; i < catalog->segment_count; i++) {
        const pz_value value = value_in_slot(catalog, i, activation);
        if (is_starved(value))
            return PZ_ERR_NOMEM;
        if (pz__cel_truth(value) == PZ__TRUE)
            list[matched++] = i;
    }
    *out = list;
    *count = matched;
    return PZ_OK;
}
