/*
 * seen.c: a domain for an attribute that declares none.
 *
 * A set without `one_of` may have any element, and a layout's items are those of its base; both are
 * asked what the evidence says. The evidence is weighed by the nodes of a domain (evidence.c), so
 * one is made here, flat and for one walk, in the arena. Cells come sorted by value, so the values
 * seen are found in order and need no sorting; the items of a base are sorted.
 */
#include "resolve/evidence.h"
#include "resolve/order.h"

/* A flat domain over values that are in order, each once. */
static pz_status make_flat(pz__arena *arena, const pz_value *values, uint32_t count,
                           const pz__domain **out)
{
    pz__domain *domain = pz__arena_new(arena, sizeof *domain);
    pz__domain_node *nodes = pz__arena_array(arena, (size_t)count + 1, sizeof *nodes);
    uint32_t *by_value = pz__arena_array(arena, count, sizeof *by_value);
    if (!domain || !nodes || !by_value)
        return PZ_ERR_NOMEM;
    nodes[0] = (pz__domain_node){.end = count + 1, .share = 1};
    for (uint32_t i = 0; i < count; i++) {
        nodes[i + 1] = (pz__domain_node){
            .value = values[i], .end = i + 2, .depth = 1, .share = PZ__ELEMENT_SHARE};
        by_value[i] = i + 1;
    }
    *domain = (pz__domain){.nodes = nodes, .count = count + 1, .by_value = by_value};
    *out = domain;
    return PZ_OK;
}

pz_status pz__domain_of_seen(const pz__view *view, const pz__attribute *attribute,
                             const pz__domain **out)
{
    pz__cells cells = {NULL, 0};
    pz_status status = PZ_OK;
    if (pz__is_granted(view, attribute) && !pz__is_class_masked(view, attribute))
        status = pz__person_cells(&view->person, attribute->name, view->arena, &cells);
    if (status != PZ_OK)
        return status;
    uint32_t count = 0;
    for (uint32_t i = 0; i < cells.count; i++)
        count += i == 0 || pz_value_compare(cells.list[i - 1].value, cells.list[i].value) != 0;
    pz_value *values = pz__arena_array(view->arena, count, sizeof *values);
    if (!values)
        return PZ_ERR_NOMEM;
    count = 0;
    for (uint32_t i = 0; i < cells.count; i++)
        if (i == 0 || pz_value_compare(cells.list[i - 1].value, cells.list[i].value) != 0)
            values[count++] = cells.list[i].value;
    return make_flat(view->arena, values, count, out);
}

static int compare_values(const void *left, const void *right)
{
    return pz_value_compare(*(const pz_value *)left, *(const pz_value *)right);
}

pz_status pz__domain_of_items(const pz__view *view, const pz_value *items, uint32_t count,
                              const pz__domain **out)
{
    pz_value *values = pz__arena_array(view->arena, count, sizeof *values);
    if (!values)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++)
        values[i] = items[i];
    const pz_status status =
        pz__sort_stable(view->arena, values, count, sizeof *values, compare_values);
    return status == PZ_OK ? make_flat(view->arena, values, count, out) : status;
}
