/*
 * tiers.h: the walk over the layers of one attribute. Private to the room.
 */
#ifndef PZ_RESOLVE_TIERS_H
#define PZ_RESOLVE_TIERS_H

#include "resolve/resolve.h"

/* Receives each layer, strongest first. */
typedef struct pz__sink {
    void *self;
    pz_status (*put)(void *self, const pz__layer *layer);
    bool is_brief; /* only the layer that is used is wanted: the walk ends with it */
} pz__sink;

/* PZ_ERR_UNSUPPORTED for a merge law that is composed of several answers. */
pz_status pz__layers_walk(const pz__view *view, const pz__attribute *attribute,
                          const pz__force *force, const pz__sink *sink);

#endif
