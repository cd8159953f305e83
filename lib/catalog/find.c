/*
 * find.c: what a compiled catalog is asked by name.
 *
 * Attributes, context keys, segments and decisions have interned names whose numbers are their
 * places in the lists, so finding one is one hash. Kinds of event are sorted by name, and signals
 * by the kind of event; those of one kind are found by two binary searches.
 */
#include "catalog/build.h"

static const pz__shared *shared_of(const pz__catalog *catalog)
{
    return ((const pz__owner *)catalog)->shared;
}

const pz__attribute *pz__catalog_attribute(const pz__catalog *catalog, pz_str name)
{
    uint32_t i = pz__names_find(&shared_of(catalog)->attributes, name);
    return i == PZ__NAME_NONE ? NULL : &catalog->attributes[i];
}

const pz__decision_def *pz__catalog_decision(const pz__catalog *catalog, pz_str name)
{
    uint32_t i = pz__names_find(&shared_of(catalog)->decisions, name);
    return i == PZ__NAME_NONE ? NULL : &catalog->decisions[i];
}

const pz__context_key *pz__catalog_context(const pz__catalog *catalog, pz_str name)
{
    uint32_t i = pz__names_find(&shared_of(catalog)->context, name);
    return i == PZ__NAME_NONE ? NULL : &catalog->context[i];
}

const pz__segment_rule *pz__catalog_segment(const pz__catalog *catalog, pz_str name)
{
    uint32_t i = pz__names_find(&shared_of(catalog)->segments, name);
    return i == PZ__NAME_NONE ? NULL : &catalog->segments[i];
}

const pz__event_kind *pz__catalog_event(const pz__catalog *catalog, pz_str kind)
{
    uint32_t low = 0, high = catalog->event_count;
    while (low < high) {
        const uint32_t middle = low + (high - low) / 2;
        const int order = pz__str_compare(catalog->events[middle].name, kind);
        if (order == 0)
            return &catalog->events[middle];
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

/* The first signal whose kind is not before (with `after`: is after) `kind`. */
static uint32_t signal_bound(const pz__catalog *catalog, pz_str kind, bool after)
{
    uint32_t low = 0, high = catalog->signal_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        int order = pz__str_compare(catalog->signals[middle].on, kind);
        if (order < 0 || (after && order == 0))
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

const pz__signal *pz__catalog_signals(const pz__catalog *catalog, pz_str kind, uint32_t *count)
{
    uint32_t first = signal_bound(catalog, kind, false);
    *count = signal_bound(catalog, kind, true) - first;
    return *count ? &catalog->signals[first] : NULL;
}

pz_str pz__catalog_nearest_attribute(const pz__catalog *catalog, pz_str name)
{
    return pz__nearest_in(&shared_of(catalog)->attributes, name);
}

pz_str pz__catalog_nearest_decision(const pz__catalog *catalog, pz_str name)
{
    return pz__nearest_in(&shared_of(catalog)->decisions, name);
}
