/*
 * plain.c: results that the world outside understands.
 *
 * Evaluation knows kinds of value that a pz_value has no number for: types, addresses, networks,
 * optionals. Where a result leaves the room they become plain: a type its name, an address or
 * network its canonical text, an optional the value in it or null. Lists and maps are rebuilt only
 * if there is such a kind in them.
 *
 * Values made by macros can share parts many times over, so looking through one takes steps from a
 * budget of its own.
 */
#include "cel/net.h"

#include "cel/functions.h"

#define STEPS_MAX 10000000u

typedef struct plainer {
    pz__arena *arena;
    uint32_t steps;
    uint32_t depth;
} plainer;

static pz_status make_plain(plainer *p, pz_value *v, bool *changed);

static pz_status plain_net(plainer *p, pz_value *v)
{
    char text[PZ__NET_TEXT_MAX];
    size_t len = pz__net_print(pz__net_of(*v), v->kind == PZ__V_CIDR, text);
    const char *copy = pz__arena_text(p->arena, text, len);
    if (!copy)
        return PZ_ERR_NOMEM;
    *v = (pz_value){.kind = PZ_STRING, .len = (uint32_t)len, .as.text = copy};
    return PZ_OK;
}

static pz_status plain_list(plainer *p, pz_value *v, bool *changed)
{
    pz_value *items = NULL;
    for (uint32_t i = 0; i < v->len; i++) {
        pz_value item = v->as.items[i];
        bool here = false;
        pz_status status = make_plain(p, &item, &here);
        if (status != PZ_OK)
            return status;
        if (here && !items) {
            items = pz__arena_array(p->arena, v->len, sizeof *items);
            if (!items)
                return PZ_ERR_NOMEM;
            memcpy(items, v->as.items, v->len * sizeof *items);
        }
        if (items)
            items[i] = item;
    }
    if (items)
        *v = pz__value_of_items(items, v->len);
    *changed = items != NULL;
    return PZ_OK;
}

static pz_status plain_map(plainer *p, pz_value *v, bool *changed)
{
    pz_entry *entries = NULL;
    for (uint32_t i = 0; i < v->len; i++) {
        pz_entry entry = pz__map_entries(*v)[i];
        bool here = false;
        pz_status status = make_plain(p, &entry.value, &here);
        if (status != PZ_OK)
            return status;
        if (here && !entries) {
            entries = pz__arena_array(p->arena, v->len, sizeof *entries);
            if (!entries)
                return PZ_ERR_NOMEM;
            memcpy(entries, pz__map_entries(*v), v->len * sizeof *entries);
        }
        if (entries)
            entries[i] = entry;
    }
    *changed = entries != NULL;
    return entries ? pz__value_of_entries(p->arena, v, entries, v->len, PZ__DUP_REFUSE) : PZ_OK;
}

static pz_status make_plain(plainer *p, pz_value *v, bool *changed)
{
    if (p->steps-- == 0 || p->depth == PZ_JSON_DEPTH_MAX)
        return PZ_ERR_LIMIT;
    pz_status status = PZ_OK;
    p->depth++;
    switch (v->kind) {
    case PZ_LIST:
        status = plain_list(p, v, changed);
        break;
    case PZ_MAP:
        status = plain_map(p, v, changed);
        break;
    case PZ__V_TYPE:
        v->kind = PZ_STRING;
        *changed = true;
        break;
    case PZ__V_IP:
    case PZ__V_CIDR:
        status = plain_net(p, v);
        *changed = true;
        break;
    case PZ__V_OPTIONAL:
        *v = v->len ? v->as.items[0] : pz_value_null();
        status = make_plain(p, v, changed);
        *changed = true;
        break;
    default:
        break;
    }
    p->depth--;
    return status;
}

pz_status pz__cel_plain(pz__arena *arena, pz_value *v)
{
    plainer p = {arena, STEPS_MAX, 0};
    bool changed = false;
    return make_plain(&p, v, &changed);
}
