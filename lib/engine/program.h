/*
 * program.h: what a pz_program holds, and the small parts around it.
 */
#ifndef PZ_ENGINE_PROGRAM_H
#define PZ_ENGINE_PROGRAM_H

#include <personalize/program.h>

#include "engine/hosts.h"
#include "engine/zones.h"

typedef struct pz__program_variable {
    const pz__type *type;
    uint64_t size_max; /* 0: not known */
} pz__program_variable;

struct pz_program {
    pz_pool *pool; /* owns everything here, this struct too */
    pz__arena *arena;
    _Atomic uint32_t references;
    const pz__program *code;
    pz__names names; /* of the variables, numbered as they were declared */
    pz__program_variable *variables;
    pz__hosts hosts;
    pz__zones zones;
    uint64_t cost_limit;
    uint32_t step_limit;
    bool is_unchecked; /* variables stay as they came, whatever was declared */
};

#endif
