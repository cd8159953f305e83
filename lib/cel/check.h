/*
 * check.h: the state that the files of the checker share.
 *
 *      check.c   walks the tree: scopes, macros, literals
 *      message.c literals of the well-known messages
 *      names.c   what a dotted name means; suggestions
 *      compared.c  comparisons that the environment is told of
 *      calls.c   which overload a call takes; calls the environment takes over; folding
 *      unify.c   type variables: assignability, joining, substitution
 */
#ifndef PZ_CEL_CHECK_H
#define PZ_CEL_CHECK_H

#include "cel/ast.h"
#include "cel/functions.h"
#include "cel/types.h"

/* A variable of a macro, innermost first. */
typedef struct pz__scope {
    const struct pz__scope *up;
    pz_str name;
    uint32_t number; /* unique in the expression */
    const pz__type *type;
    const pz__expr *alias; /* a constant or slot that the name is another word for; mostly NULL */
    const pz__expr *items_of; /* the list whose items it takes; NULL if it is another variable */
} pz__scope;

/* What the fresh type variables stand for, and what to undo when an overload does not fit. */
typedef struct pz__type_vars {
    const pz__type **bound; /* by number; NULL: free */
    uint32_t count, cap;
    struct pz__rebinding {
        uint32_t number;
        const pz__type *before;
    } * trail;
    uint32_t trail_count, trail_cap;
} pz__type_vars;

typedef struct pz__checker {
    pz__arena *scratch; /* nodes and types */
    pz__arena *arena;   /* constants made by folding */
    pz__issue_sink *sink;
    const pz__cel_env *env;
    const pz__cel_options *options;
    pz_str source;
    const pz__scope *scope;
    uint32_t local_count;
    uint32_t fold_steps; /* budget of folding */
    pz__type_vars vars;
} pz__checker;

/* Check a tree and rewrite it in place. Mistakes go to the sink. */
void pz__check(pz__checker *ck, pz__expr *expr);
/* Check one node below; calls.c and names.c come back through it. */
void pz__check_node(pz__checker *ck, pz__expr *expr);
/* The node becomes an error when evaluated. For unchecked expressions. */
void pz__make_fail(pz__expr *expr, const char *message);
/* Demand a type of a part; `what` names the part. */
void pz__demand(pz__checker *ck, const pz__expr *expr, const pz__type *want, const char *what);
/* The type of an optional, or of what one holds: dyn for anything, NULL if it is no optional. */
const pz__type *pz__optional_type(pz__checker *ck, const pz__type *held);
const pz__type *pz__held_type(pz__checker *ck, const pz__type *type);
/* A type spelled out, in the scratch arena; "?" without memory. */
const char *pz__spell(pz__checker *ck, const pz__type *type);

/* ---- names.c ---- */

/* True if the node is a dotted name; *out is its text without blanks, in the scratch arena. */
bool pz__dotted_name(pz__checker *ck, const pz__expr *expr, pz_str *out, bool *absolute);
/* Whether such a name begins with a local variable. Functions live in a name space of their own. */
bool pz__is_of_local(const pz__checker *ck, const pz__expr *expr);
/* Find the function of a call, standard (index) or of the host (host). If `target.name` is one
 * (`optional.of`), the call loses its target. */
bool pz__find_function(pz__checker *ck, pz__expr *call);
/* The text of a chain without blanks, in the scratch arena; {NULL, 0} without memory. The node is a
 * dotted name; *absolute: a dot stands before it. */
pz_str pz__chain_text(pz__checker *ck, const pz__expr *expr, bool *absolute);
/* A.B.name, A.name, name for the container A.B, until `try` takes one. */
typedef bool (*pz__try_fn)(void *payload, pz_str name);
bool pz__each_candidate(pz__checker *ck, pz_str name, bool absolute, pz__try_fn attempt,
                        void *payload);
/* Check an IDENT, or a SELECT that may be the end of a dotted name. */
void pz__check_name(pz__checker *ck, pz__expr *expr);
const pz__scope *pz__find_local(const pz__checker *ck, const pz__expr *expr);

/* ---- calls.c ---- */

void pz__check_call(pz__checker *ck, pz__expr *call);
/* Replace a node whose parts are all constants by its value, if it has one. */
void pz__fold(pz__checker *ck, pz__expr *expr);

/* ---- compared.c ---- */

/* Tell the environment if the call compares one of its slots with a constant. */
void pz__tell_compared(const pz__checker *ck, const pz__expr *call);
/* Tell the environment of terms of a run of && or || that decide it between them. */
void pz__tell_clashes(const pz__checker *ck, const pz__expr *logic);

/* ---- zones.c ---- */

/* Ask the environment for the time zone that a getter names. */
void pz__check_zone(pz__checker *ck, const pz__expr *call);

/* ---- message.c ---- */

/* Check a STRUCT node and turn it into the value or call it stands for. */
void pz__check_message(pz__checker *ck, pz__expr *expr);

/* ---- cost.c ---- */

/* The bounds of a checked tree. */
pz__cel_cost pz__cost_estimate(pz__checker *ck, const pz__expr *expr);

/* ---- unify.c ---- */

/* The variables of one use of an overload, made when first met. */
typedef struct pz__type_params {
    uint32_t count;
    pz_str names[PZ__TYPE_PARAMS_MAX];
    const pz__type *vars[PZ__TYPE_PARAMS_MAX];
} pz__type_params;

const pz__type *pz__fresh(pz__checker *ck);
/* A declared type with its named variables replaced by those of this use. */
const pz__type *pz__instantiate(pz__checker *ck, const pz__type *type, pz__type_params *params);
/* What a type stands for at its top: never a bound variable. */
const pz__type *pz__type_resolve(const pz__checker *ck, const pz__type *type);
/* True if a value of type `have` may stand where `want` is wanted; binds variables on the way. */
bool pz__assignable(pz__checker *ck, const pz__type *want, const pz__type *have);
/* The type of a collection with elements of both: the more general one, else dyn. */
const pz__type *pz__join(pz__checker *ck, const pz__type *a, const pz__type *b);
/* The join of one or more types, whose order does not matter. */
const pz__type *pz__join_all(pz__checker *ck, const pz__type *const *types, uint32_t count);
/* The type with all variables replaced; free ones become dyn. */
const pz__type *pz__substitute(pz__checker *ck, const pz__type *type);
uint32_t pz__vars_mark(const pz__checker *ck);
void pz__vars_undo(pz__checker *ck, uint32_t mark);

#endif
