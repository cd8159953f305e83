/*
 * map.h: what the value room shares about maps. Private to lib/value.
 */
#ifndef PZ_VALUE_MAP_H
#define PZ_VALUE_MAP_H

#include "value/value.h"

/* Containers within containers, at most: what is nested deeper is not copied, written or encoded.
 */
#define PZ__VALUE_DEPTH_MAX PZ_JSON_DEPTH_MAX

/* Order of map keys: by number, or by kind and content. 0 means that CEL takes them for the same
 * key (1 and 1u). A double may be asked for; it equals only whole numbers. */
int pz__key_compare(pz_value a, pz_value b);

/* Maps that stand side by side in a list are records mostly, one like the other: the keys of `made`
 * (a map just made, or anything) borrow the octets of the same keys in the same places of the map
 * `before`, so that whoever looks through all of them meets the same few octets. */
void pz__map_share_keys(pz_value before, pz_value made);

/* Fill `order` (room for map.len) with the indices of the entries in the order of their keys. */
void pz__map_order(pz_value map, uint32_t *order);

#endif
