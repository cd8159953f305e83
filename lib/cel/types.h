/*
 * types.h: making and comparing static types, inside the room.
 */
#ifndef PZ_CEL_TYPES_H
#define PZ_CEL_TYPES_H

#include "cel/cel.h"

/* A parameterised type over arguments that live as long as the arena; NULL without memory. */
const pz__type *pz__type_make(pz__arena *arena, pz__type_kind kind, const pz__type *a,
                              const pz__type *b);
/* The type of an optional that may hold a value of the type; NULL without memory. */
const pz__type *pz__type_optional(pz__arena *arena, const pz__type *held);
static inline bool pz__type_is_optional(const pz__type *type)
{
    return type->kind == PZ__T_OPAQUE && type->arg_count == 1 &&
           pz__str_equal(type->name, PZ__STR("optional_type"));
}
/* A deep copy, fresh type variables replaced by dyn; NULL without memory. */
const pz__type *pz__type_copy(pz__arena *arena, const pz__type *type);
/* True if both are the same type to the letter: dyn is only dyn. */
bool pz__type_same(const pz__type *a, const pz__type *b);

#endif
