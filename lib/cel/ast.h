/*
 * ast.h: the syntax tree, from the parser through the checker to the planner.
 *
 *      kind        name        target      args             constant   index
 *      CONST                                                the value
 *      IDENT       identifier
 *      SELECT      field       operand
 *      CALL        function    receiver    arguments                   row of the function table
 *      AND, OR                             the terms, >= 2
 *      COND                                condition, then, else
 *      LIST                                items
 *      MAP                                 key, value, key ...
 *      STRUCT      type name
 *      MACRO       variable    range       body (macro.h)              the variable's number
 *   made by the checker:
 *      LOCAL       variable                                            its number
 *      SLOT                                                            its slot
 *      NAME        whole chain             (dotted, tried at run time)
 *      FAIL        message, evaluated to an error
 *
 * Nodes live in the scratch arena of one compilation. The checker rewrites a node in place; every
 * node keeps the bytes of source it came from.
 */
#ifndef PZ_CEL_AST_H
#define PZ_CEL_AST_H

#include "cel/issues.h"

typedef enum pz__expr_kind {
    PZ__E_CONST,
    PZ__E_IDENT,
    PZ__E_SELECT,
    PZ__E_CALL,
    PZ__E_AND,
    PZ__E_OR,
    PZ__E_COND,
    PZ__E_LIST,
    PZ__E_MAP,
    PZ__E_STRUCT,
    PZ__E_MACRO,
    PZ__E_LOCAL,
    PZ__E_SLOT,
    PZ__E_NAME,
    PZ__E_FAIL
} pz__expr_kind;

/* The comprehension macros. has() is no macro node but a SELECT that tests. */
typedef enum pz__macro {
    PZ__MACRO_ALL,        /* args: condition */
    PZ__MACRO_EXISTS,     /* condition */
    PZ__MACRO_EXISTS_ONE, /* condition */
    PZ__MACRO_MAP,        /* result, or condition and result */
    PZ__MACRO_FILTER      /* condition */
} pz__macro;

typedef struct pz__expr {
    uint8_t kind;     /* pz__expr_kind */
    uint8_t macro;    /* MACRO: which one */
    bool absolute;    /* IDENT, CALL, STRUCT: a dot stands before the name */
    bool test_only;   /* SELECT: has() */
    bool is_operator; /* CALL: written as an operator, so messages show the sign */
    uint16_t depth;
    uint32_t start, end;        /* the whole expression in the source */
    uint32_t name_at, name_end; /* the name or operator that messages point to */
    uint32_t index;
    uint32_t count; /* of args */
    struct pz__expr *target;
    struct pz__expr **args;
    pz_str name;
    pz_value constant;
    const pz__type *type; /* NULL until checked */
} pz__expr;

typedef struct pz__parse_options {
    bool no_macros;
} pz__parse_options;

/* Parse. Nodes go to `scratch`, text constants to `arena`; NULL after a mistake (told to `sink`).
 */
pz__expr *pz__parse(pz__arena *scratch, pz__arena *arena, pz_str source,
                    const pz__parse_options *options, pz__issue_sink *sink);

/* ---- macro.c ---- */

/* What expanding a call came to. */
typedef enum pz__expansion { PZ__NO_MACRO, PZ__EXPANDED, PZ__MACRO_WRONG } pz__expansion;

/* Turn a CALL node into what its macro stands for, in place. A call that is not of a macro's name,
 * style and number of arguments stays as it is. */
pz__expansion pz__macro_expand(pz__expr *call, pz__issue_sink *sink);
/* How the macro of that name is written, for messages; NULL if there is none. */
const char *pz__macro_usage(pz_str name);

#endif
