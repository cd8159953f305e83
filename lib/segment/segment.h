/*
 * segment.h: the door of the segment room: which of many rules match.
 *
 * The activation is the caller's (`decide`): it answers what names mean, and asks back here when a
 * rule names a segment. Pure.
 */
#ifndef PZ_SEGMENT_ROOM_H
#define PZ_SEGMENT_ROOM_H

#include "catalog/catalog.h"

/* Whether the customer behind the activation is in one segment: the value for its slot: true,
 * false, or the PZ__V_UNKNOWN or PZ__V_ERROR that its rule came to. */
pz_value pz__segment_value(const pz__catalog *catalog, uint32_t segment,
                           pz__activation *activation);

/* All segments the customer is in, by number, ascending, in the activation's arena. */
pz_status pz__segments_match(const pz__catalog *catalog, pz__activation *activation,
                             const uint32_t **out, uint32_t *count);

#endif
