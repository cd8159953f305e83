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
 *      STRUCT                  its name    field, value, field ...
 *      MACRO       variable    range       body (macro.c)              the variable's number
 *      LET         variable                values, body                the first variable's number
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
    PZ__E_LET, /* values that are computed when they are needed, at most once */
    PZ__E_LOCAL,
    PZ__E_SLOT,
    PZ__E_NAME,
    PZ__E_FAIL
} pz__expr_kind;

/* The macros with a variable. has() is no macro node but a SELECT that tests; cel.bind() and
 * cel.block() are LET. Those that walk may have a second variable: index and element, or key and
 * value. */
typedef enum pz__macro {
    PZ__MACRO_ALL,             /* args: condition */
    PZ__MACRO_EXISTS,          /* condition */
    PZ__MACRO_EXISTS_ONE,      /* condition */
    PZ__MACRO_MAP,             /* result, or condition and result; transformList too */
    PZ__MACRO_FILTER,          /* condition */
    PZ__MACRO_TRANSFORM_MAP,   /* value, or condition and value */
    PZ__MACRO_TRANSFORM_ENTRY, /* a map of entries, or condition and map */
    PZ__MACRO_SORT_BY,         /* key */
    PZ__MACRO_OPT_MAP,         /* result; the target is an optional */
    PZ__MACRO_OPT_FLAT_MAP     /* an optional; the target is one */
} pz__macro;

typedef struct pz__expr {
    uint8_t kind;     /* pz__expr_kind */
    uint8_t macro;    /* MACRO: which one */
    bool absolute;    /* IDENT, CALL, STRUCT: a dot stands before the name */
    bool test_only;   /* SELECT: has() */
    bool is_operator; /* CALL: written as an operator, so messages show the sign */
    bool optional;    /* SELECT: .?field */
    bool spread;      /* an element, or the key of an entry or field, behind a '?' */
    uint16_t depth;
    uint32_t start, end;        /* the whole expression in the source */
    uint32_t name_at, name_end; /* the name or operator that messages point to */
    uint32_t index;
    uint32_t count; /* of args */
    struct pz__expr *target;
    struct pz__expr **args;
    pz_str name;
    pz_str second; /* MACRO: the second variable, numbered next to the first; empty if none */
    pz_value constant;
    const pz__host_function *host; /* CALL: a function of the environment */
    const pz__type *type;          /* NULL until checked */
} pz__expr;

typedef struct pz__parse_options {
    bool no_macros;
} pz__parse_options;

/* A named value that costs nothing to have again: its name is only another word for it. */
static inline bool pz__is_alias(const pz__expr *value)
{
    return value->kind == PZ__E_CONST || (value->kind == PZ__E_SLOT && !value->test_only);
}

/* Parse. Nodes go to `scratch`, text constants to `arena`; NULL after a mistake (told to `sink`).
 */
pz__expr *pz__parse(pz__arena *scratch, pz__arena *arena, pz_str source,
                    const pz__parse_options *options, pz__issue_sink *sink);

/* ---- print.c ---- */

/* The tree as text, appended; as it was parsed, not as the checker left it. */
void pz__expr_print(pz__buf *out, const pz__expr *expr);

/* ---- macro.c ---- */

/* What expanding a call came to. */
typedef enum pz__expansion { PZ__NO_MACRO, PZ__EXPANDED, PZ__MACRO_WRONG } pz__expansion;

/* Turn a CALL node into what its macro stands for, in place. A call that is not of a macro's name,
 * style and number of arguments stays as it is. */
pz__expansion pz__macro_expand(pz__arena *scratch, pz__expr *call, pz__issue_sink *sink);
/* The name that cel.index(n) stands for; {NULL, 0} without memory. No author can write it. */
pz_str pz__index_name(pz__arena *scratch, uint32_t n);
/* How the macro of that name is written, for messages; NULL if there is none. */
const char *pz__macro_usage(pz_str name);

#endif
