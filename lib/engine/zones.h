/*
 * zones.h: the system's time zones for what is being compiled.
 */
#ifndef PZ_ENGINE_ZONES_H
#define PZ_ENGINE_ZONES_H

#include "catalog/catalog.h"
#include "engine/engine.h"

typedef struct pz__zones {
    pz__zone_set set; /* grows while compiling, then is only read */
    bool has_all;
} pz__zones;

/* The system's folder as a source of zones for catalogs. Needs no `self`. */
extern const pz__zone_source pz__zone_files;
pz_status pz__zone_file_read(void *self, pz_str name, pz__buf *out);
pz_status pz__zone_file_list(void *self, void (*put)(void *payload, pz_str name), void *payload);

/* The zones live in the arena. */
void pz__zones_init(pz__zones *zones, pz__arena *arena);
/* Make a zone ready, or all of them for the empty name. PZ_ERR_NOT_FOUND, PZ_ERR_CORRUPT,
 * PZ_ERR_NOMEM. */
pz_status pz__zones_need(pz__zones *zones, pz_str name);

#endif
