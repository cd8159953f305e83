/*
 * cel_case.h: one published case of the Common Expression Language while it runs.
 */
#ifndef PZ_TESTS_CEL_CASE_H
#define PZ_TESTS_CEL_CASE_H

#include "cel/cel.h"
#include "value/value.h"

#define VARIABLES_MAX 64

/* One case while it runs: its environment and activation. */
typedef struct kase {
    pz__arena arena;
    pz_value json;
    uint32_t count;
    pz_str names[VARIABLES_MAX];
    const pz__type *types[VARIABLES_MAX];
    pz_value slots[VARIABLES_MAX];
    uint32_t function_count;
    pz__host_function functions[VARIABLES_MAX];
    pz__zone_set zones;
    char why[512];
} kase;

/* A member of an object; null if there is none. */
pz_value case_member(pz_value object, const char *name);
bool case_flag(const kase *k, const char *name);
/* True if it needs a feature that the library does not have. */
bool case_is_skipped(const kase *k);
/* Types and values in the notation of the cases. */
const pz__type *case_type(kase *k, pz_value v);
pz_value case_value(kase *k, pz_value v);
/* Kind for kind, and a NaN is a NaN. */
bool case_same(pz_value a, pz_value b);
/* Fill in names, types, slots and functions. */
void case_environment(kase *k);

/* For pz__cel_env and pz__activation; `self` is the case. */
pz_status case_find(void *self, pz_str name, pz__slot *out);
const pz__host_function *case_function(void *self, pz_str name);
pz_status case_need_zone(void *self, pz_str name);
void case_fetch(void *self, uint32_t slot);

#endif
