/*
 * functions.h: the standard functions: one table that checker and evaluator are both driven by.
 *
 * functions.def has a row for each name: its implementation, what it costs, its overloads.
 * Operators are functions too, under names no author can write ("_+_", "@in"). The checker reads
 * the overloads; the implementation looks at the kinds of its arguments itself, so it answers the
 * same whether or not anybody checked.
 */
#ifndef PZ_CEL_FUNCTIONS_H
#define PZ_CEL_FUNCTIONS_H

#include "cel/cel.h"

/* What an implementation may use. */
typedef struct pz__call {
    pz__arena *arena;
    uint32_t *steps; /* how many are left in this evaluation; PZ__STEPS_SPENT once it took more */
    uint32_t offset; /* of the call in the source, for errors */
    const pz__zone_set *zones; /* time zones by name; NULL for none */
} pz__call;

/* Arguments are never errors nor unknowns: those have been dealt with before. The result borrows
 * from the arguments and the arena. */
typedef pz_value (*pz__impl)(pz__call *call, const pz_value *args, uint32_t count);

/* How the work grows, for estimates: constant, with the size of the arguments, with the length of
 * the key, the second argument, or with that of the first, if it is a text. */
typedef enum pz__cost { PZ__COST_ONE, PZ__COST_SIZE, PZ__COST_KEY, PZ__COST_TEXT } pz__cost;

#define PZ__PARAMS_MAX 4

typedef struct pz__overload {
    bool member; /* x.f(): params[0] is the receiver */
    const pz__type *result;
    const pz__type *params[PZ__PARAMS_MAX]; /* up to the first NULL */
} pz__overload;

typedef struct pz__function {
    pz_str name;
    pz__impl impl;
    pz__cost cost;
    const pz__overload *overloads;
    uint32_t overload_count;
} pz__function;

extern const pz__function pz__functions[];
extern const uint32_t pz__function_count;

/* The row of a name; pz__function_count if there is none. */
uint32_t pz__function_find(pz_str name);
uint32_t pz__overload_arity(const pz__overload *overload);

/* ---- for implementations ---- */

/* An error at the call: PZ_ERR_EVAL, the message a constant text. */
pz_value pz__call_fail(const pz__call *call, const char *message);
/* The error of arguments that no overload takes. */
pz_value pz__call_no_overload(const pz__call *call);
/* Out of memory. */
pz_value pz__call_nomem(void);
#define PZ__STEPS_SPENT UINT32_MAX
/* Take `steps` from the budget; false once it is used up: then return pz__call_spent. */
bool pz__call_charge(const pz__call *call, uint32_t steps);
bool pz__call_is_spent(const pz__call *call);
pz_value pz__call_spent(void);
/* The evaluation costs more than its limit. */
pz_value pz__call_costly(void);

/* ---- optional.c ---- */

pz_value pz__optional_none(void);
/* An optional that holds the value; an error if there is no memory for it. */
pz_value pz__optional_of(pz__arena *arena, pz_value v);

static inline bool pz__optional_has(pz_value optional)
{
    return optional.len != 0;
}

static inline pz_value pz__optional_value(pz_value optional)
{
    return optional.as.items[0];
}

/* ---- compare.c: equality and order of CEL, type values included ---- */

#define PZ__INCOMPARABLE 3 /* besides -1, 0, 1 and PZ__UNORDERED */
/* Values built by macros can share their parts many times over, so walking them takes steps; false
 * when those run out, see pz__call_is_spent. */
#define PZ__CEL_COMPARE_DEPTH_MAX 1000u /* levels of nesting; deeper counts as out of steps */
bool pz__cel_equal(const pz__call *call, pz_value a, pz_value b);
int pz__cel_order(pz_value a, pz_value b);
/* What `m.field` and has(m.field) are on a value. */
pz_value pz__cel_select(const pz__call *call, pz_value operand, pz_str field);
pz_value pz__cel_has(const pz__call *call, pz_value operand, pz_str field);
/* What `x in container` is. */
pz_value pz__cel_in(const pz__call *call, pz_value x, pz_value container);
/* The name of a value's type as type() gives it. */
pz_value pz__cel_type_of(pz_value v);

#define FUNCTION(name, impl, cost, ...) pz__impl_fn pz__fn_##impl;
typedef pz_value pz__impl_fn(pz__call *call, const pz_value *args, uint32_t count);
#include "cel/functions.def"
#undef FUNCTION

#endif
