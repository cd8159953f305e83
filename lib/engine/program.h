/*
 * program.h: what a pz_program holds, and the small parts around it.
 */
#ifndef PZ_ENGINE_PROGRAM_H
#define PZ_ENGINE_PROGRAM_H

#include <personalize/program.h>

#include "cel/cel.h"
#include "engine/zones.h"

typedef struct pz__program_variable {
    const pz__type *type;
    uint64_t size_max; /* 0: not known */
} pz__program_variable;

/* Functions of one name. */
typedef struct pz__host_group {
    pz__host_overload *overloads;
    const pz_function **functions; /* by overload */
    uint32_t count;
} pz__host_group;

struct pz_program {
    pz_pool *pool; /* owns everything here, this struct too */
    pz__arena *arena;
    _Atomic uint32_t references;
    const pz__program *code;
    pz__names names; /* of the variables, numbered as they were declared */
    pz__program_variable *variables;
    pz__host_function *hosts;
    pz__host_group *groups; /* by host */
    uint32_t host_count;
    pz__zones zones;
    uint64_t cost_limit;
    uint32_t step_limit;
};

/* "(string, int) -> bool", "string.(int) -> bool". PZ_ERR_PARSE, PZ_ERR_LIMIT, PZ_ERR_NOMEM. */
pz_status pz__signature_read(pz__arena *arena, pz__host_overload *out, pz_str text, pz_error *err);

#endif
