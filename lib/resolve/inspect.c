/*
 * inspect.c: every layer of one attribute, for people who ask why.
 *
 * The walk of tiers.c meets the layers strongest first and says what became of each; here they are
 * kept. Layers come one by one and nobody knows beforehand how many there are (a host's model may
 * have spoken in many channels), so the list doubles in the arena; what it outgrew stays there
 * until the request ends, which doubling bounds to as much again.
 *
 * The walk's own scratch lies between the pieces of the list and goes with the request, too: an
 * inspection is asked for by people, not on the path of a decision.
 */
#include "resolve/resolve.h"
#include "resolve/tiers.h"

/* Choice, account, fact, inference, group, recommendation, default: one of each. */
#define LAYERS_USUAL 8u

typedef struct layer_list {
    pz__arena *arena;
    pz__layer *list;
    uint32_t count, cap;
} layer_list;

static pz_status grow(layer_list *layers)
{
    uint32_t cap = layers->cap ? layers->cap * 2 : LAYERS_USUAL;
    if (cap <= layers->cap)
        return PZ_ERR_NOMEM;
    pz__layer *list = pz__arena_array(layers->arena, cap, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    if (layers->count > 0)
        memcpy(list, layers->list, layers->count * sizeof *list);
    layers->list = list;
    layers->cap = cap;
    return PZ_OK;
}

static pz_status keep_layer(void *self, const pz__layer *layer)
{
    layer_list *layers = self;
    if (layers->count == layers->cap && grow(layers) != PZ_OK)
        return PZ_ERR_NOMEM;
    layers->list[layers->count++] = *layer;
    return PZ_OK;
}

static pz_status inspect(const pz__view *view, const pz__attribute *attribute,
                         const pz__force *force, bool is_privileged, const pz__layer **out,
                         uint32_t *count)
{
    layer_list layers = {.arena = view->arena};
    const pz__sink sink = {&layers, keep_layer, is_privileged};
    pz__walk w;
    const pz_status status = pz__layers_walk(view, attribute, force, &sink, &w);
    *out = status == PZ_OK ? layers.list : NULL;
    *count = status == PZ_OK ? layers.count : 0;
    return status;
}

pz_status pz__prospects(const pz__view *view, const pz__attribute *attribute,
                        const pz__force *force, pz__fate **out)
{
    static const pz__force none = {.has_lock = false};
    pz__walk w = {.view = view, .attribute = attribute, .force = force ? force : &none};
    const uint32_t count = attribute->domain->count;
    *out = pz__arena_array(view->arena, count, sizeof **out);
    pz_status status = *out ? PZ_OK : PZ_ERR_NOMEM;
    if (status == PZ_OK)
        status = pz__person_claims(&view->person, attribute->name, view->arena, &w.claims);
    if (status == PZ_OK)
        status = pz__rejections_read(view, attribute, w.claims, &w.rejections);
    if (status != PZ_OK)
        return status;
    pz__walk_read_tiers(&w);
    for (uint32_t n = 0; n < count; n++) {
        const pz__layer layer =
            pz__layer_of_tier(&w, attribute->domain->nodes[n].value, PZ__TIER_INFERRED);
        (*out)[n] = pz__fate_of_value(&w, &layer);
    }
    return PZ_OK;
}

pz_status pz__inspect(const pz__view *view, const pz__attribute *attribute, const pz__force *force,
                      const pz__layer **out, uint32_t *count)
{
    return inspect(view, attribute, force, false, out, count);
}

pz_status pz__inspect_privileged(const pz__view *view, const pz__attribute *attribute,
                                 const pz__force *force, const pz__layer **out, uint32_t *count)
{
    return inspect(view, attribute, force, true, out, count);
}

pz_status pz__inspect_all(const pz__view *view, const pz__question *questions, uint32_t count,
                          pz__layers *lists)
{
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++)
        status = inspect(view, questions[i].attribute, questions[i].force, false, &lists[i].list,
                         &lists[i].count);
    return status;
}
