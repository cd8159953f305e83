/*
 * gen_typed.h: expressions at random that follow types, most of the time, and the values of the
 * names in them.
 *
 * Every expression is written twice: with its literals, and with a slot in the place of each. Names
 * are those of gen_typed_names; the first GEN_VARIABLES stand for variables, the others for
 * literals.
 */
#ifndef PZ_TESTS_GEN_TYPED_H
#define PZ_TESTS_GEN_TYPED_H

#include "base/buf.h"
#include "support/gen.h"
#include "value/value.h"

#define GEN_VARIABLES 16u
#define GEN_LITERALS 64u
#define GEN_NAMES (GEN_VARIABLES + GEN_LITERALS)

typedef struct gen_typed_name {
    const char *name;
    const char *type;    /* as pz__type_parse reads it */
    const char *literal; /* what the name stands for; NULL for a variable */
} gen_typed_name;

/* How many names there are; at most GEN_NAMES. */
uint32_t gen_typed_count(void);
/* By number. */
gen_typed_name gen_typed_name_of(uint32_t number);

/* Text that gives a variable a value of its type. */
const char *gen_typed_value(gen *g, uint32_t variable);

typedef struct gen_pair {
    pz__buf literal; /* literals as they are */
    pz__buf slots;   /* a name for each */
} gen_pair;

/* Append an expression nested at most `depth` deep to both. */
void gen_typed(gen *g, gen_pair *out, unsigned depth);

#endif
