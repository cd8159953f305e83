/*
 * hosts.h: functions of the host, as a program or an engine holds them.
 */
#ifndef PZ_ENGINE_HOSTS_H
#define PZ_ENGINE_HOSTS_H

#include <personalize/program.h>

#include "cel/cel.h"

/* Functions of one name. */
typedef struct pz__host_group {
    pz__host_overload *overloads;
    const pz_function **functions; /* by overload */
    uint32_t count;
} pz__host_group;

/* Functions by name. Everything lives in the arena it was read into and must stay where it is. */
typedef struct pz__hosts {
    pz__host_function *list;
    pz__host_group *groups; /* by number in `list` */
    uint32_t count;
} pz__hosts;

/* Read declarations, which are copied; payloads are borrowed. `who` ("a program") has at most
 * PZ_PROGRAM_FUNCTIONS_MAX. PZ_ERR_ARG, PZ_ERR_PARSE, PZ_ERR_LIMIT, PZ_ERR_NOMEM. */
pz_status pz__hosts_read(pz__hosts *out, pz__arena *arena, const pz_function *functions,
                         size_t count, const char *who, pz_error *err);
/* NULL if there is none of the name. */
const pz__host_function *pz__hosts_find(const pz__hosts *hosts, pz_str name);

/* "(string, int) -> bool", "string.(int) -> bool". PZ_ERR_PARSE, PZ_ERR_LIMIT, PZ_ERR_NOMEM. */
pz_status pz__signature_read(pz__arena *arena, pz__host_overload *out, pz_str text, pz_error *err);

#endif
