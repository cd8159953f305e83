/*
 * check.c: the walk over the tree.
 *
 * Every node gets a type, names become slots and variables, and constants are folded, in one pass
 * from the leaves up. The walk goes on after a mistake: the node gets the error type, which fits
 * everything, so the mistake is told once and others are still found.
 *
 * The checker never changes what an expression means. With `unchecked` the same walk runs, but
 * nothing is a mistake: types that do not fit become dyn and names that are not found are looked
 * for when they are evaluated.
 *
 * Depth is bounded by the parser; that is why this may recurse.
 */
#include "cel/check.h"

#include "base/buf.h"

#define SPELL_MAX 1024

const char *pz__spell(pz__checker *ck, const pz__type *type)
{
    pz__buf buf;
    pz__buf_init(&buf, &ck->scratch->alloc, SPELL_MAX);
    pz__type_print(&buf, pz__substitute(ck, type));
    const char *text = buf.status == PZ_OK ? pz__arena_text(ck->scratch, buf.data, buf.len) : NULL;
    pz__buf_clear(&buf);
    return text ? text : "?";
}

void pz__make_fail(pz__expr *expr, const char *message)
{
    expr->kind = PZ__E_FAIL;
    expr->name = pz_str_of(message);
}

static bool unchecked(const pz__checker *ck)
{
    return ck->options && ck->options->unchecked;
}

static const pz__type *container_type(pz__checker *ck, pz__type_kind kind, const pz__type *a,
                                      const pz__type *b)
{
    const pz__type *type = pz__type_make(ck->scratch, kind, a, b);
    if (type)
        return type;
    pz__issue_nomem(ck->sink);
    return &pz__type_dyn;
}

/* Demand a type of a part; `what` names the part. */
static void demand(pz__checker *ck, const pz__expr *expr, const pz__type *want, const char *what)
{
    if (unchecked(ck) || pz__assignable(ck, want, expr->type))
        return;
    pz__issue(ck->sink, PZ_ERR_TYPE, expr->start, expr->end, "%s must be %s, this is %s", what,
              pz__spell(ck, want), pz__spell(ck, expr->type));
}

static void check_constant(pz__expr *expr)
{
    /* ORDER of pz_kind. */
    static const pz__type *const types[] = {&pz__type_null, &pz__type_bool,   &pz__type_int,
                                            &pz__type_uint, &pz__type_double, &pz__type_string,
                                            &pz__type_bytes};
    expr->type = types[expr->constant.kind];
}

static void check_logic(pz__checker *ck, pz__expr *expr)
{
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        demand(ck, expr->args[i], &pz__type_bool,
               expr->kind == PZ__E_AND ? "each side of '&&'" : "each side of '||'");
    }
    expr->type = &pz__type_bool;
}

/* The arm that a constant condition chooses takes the node's place. */
static void choose_arm(pz__expr *expr)
{
    const pz__expr *condition = expr->args[0];
    if (condition->kind != PZ__E_CONST || condition->constant.kind != PZ_BOOL)
        return;
    const pz__type *type = expr->type;
    *expr = *expr->args[condition->constant.as.b ? 1 : 2];
    expr->type = type;
}

static void check_conditional(pz__checker *ck, pz__expr *expr)
{
    for (uint32_t i = 0; i < 3; i++)
        pz__check_node(ck, expr->args[i]);
    demand(ck, expr->args[0], &pz__type_bool, "the condition of '? :'");
    const pz__type *a = expr->args[1]->type, *b = expr->args[2]->type;
    uint32_t mark = pz__vars_mark(ck);
    bool fits = pz__assignable(ck, a, b);
    pz__vars_undo(ck, mark);
    expr->type = pz__join(ck, a, b);
    if (!fits && !unchecked(ck)) {
        pz__issue(ck->sink, PZ_ERR_TYPE, expr->args[1]->start, expr->args[2]->end,
                  "both arms of '? :' must have one type, these are %s and %s; convert one, or "
                  "write dyn(...) around it",
                  pz__spell(ck, a), pz__spell(ck, b));
        expr->type = &pz__type_error;
    }
    choose_arm(expr);
}

static void check_list(pz__checker *ck, pz__expr *expr)
{
    const pz__type *item = NULL;
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        item = item ? pz__join(ck, item, expr->args[i]->type) : expr->args[i]->type;
    }
    expr->type = container_type(ck, PZ__T_LIST, item ? item : pz__fresh(ck), NULL);
    pz__fold(ck, expr);
}

static bool may_be_key(const pz__type *type)
{
    switch (type->kind) {
    case PZ__T_DYN:
    case PZ__T_ERROR:
    case PZ__T_PARAM:
    case PZ__T_BOOL:
    case PZ__T_INT:
    case PZ__T_UINT:
    case PZ__T_STRING:
        return true;
    default:
        return false;
    }
}

/* The type of a key; one that cannot be a key counts as dyn, so that a map's type has its nesting
 * on the side of the values only and never outgrows the expression. */
static const pz__type *key_type(pz__checker *ck, const pz__expr *key)
{
    const pz__type *type = pz__type_resolve(ck, key->type);
    if (may_be_key(type))
        return type;
    if (!unchecked(ck))
        pz__issue(ck->sink, PZ_ERR_TYPE, key->start, key->end,
                  "a key of a map must be a string, int, uint or bool, this is %s",
                  pz__spell(ck, type));
    return &pz__type_dyn;
}

static void check_map(pz__checker *ck, pz__expr *expr)
{
    const pz__type *types[2] = {NULL, NULL};
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        const pz__type *type = i % 2 ? expr->args[i]->type : key_type(ck, expr->args[i]);
        const pz__type **joined = &types[i % 2];
        *joined = *joined ? pz__join(ck, *joined, type) : type;
    }
    expr->type = container_type(ck, PZ__T_MAP, types[0] ? types[0] : pz__fresh(ck),
                                types[1] ? types[1] : pz__fresh(ck));
    pz__fold(ck, expr);
}

/* The type of a macro's variable over a range. */
static const pz__type *element_type(pz__checker *ck, const pz__expr *range)
{
    const pz__type *type = pz__type_resolve(ck, range->type);
    switch (type->kind) {
    case PZ__T_LIST:
    case PZ__T_MAP:
        return type->args[0];
    case PZ__T_PARAM:
        pz__assignable(ck, type, &pz__type_dyn);
        return &pz__type_dyn;
    case PZ__T_DYN:
    case PZ__T_ERROR:
        return type;
    default:
        break;
    }
    if (unchecked(ck))
        return &pz__type_dyn;
    pz__issue(ck->sink, PZ_ERR_TYPE, range->start, range->end,
              "a macro walks over a list or a map, this is %s", pz__spell(ck, type));
    return &pz__type_error;
}

static const pz__type *macro_type(pz__checker *ck, const pz__expr *expr, const pz__type *element)
{
    switch ((pz__macro)expr->macro) {
    case PZ__MACRO_MAP:
        return container_type(ck, PZ__T_LIST, expr->args[expr->count - 1]->type, NULL);
    case PZ__MACRO_FILTER:
        return container_type(ck, PZ__T_LIST, element, NULL);
    default:
        return &pz__type_bool;
    }
}

static void check_macro(pz__checker *ck, pz__expr *expr)
{
    pz__check_node(ck, expr->target);
    const pz__type *element = element_type(ck, expr->target);
    pz__scope scope = {ck->scope, expr->name, ck->local_count++, element};
    expr->index = scope.number;
    ck->scope = &scope;
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        bool is_result = expr->macro == PZ__MACRO_MAP && i + 1 == expr->count;
        if (!is_result)
            demand(ck, expr->args[i], &pz__type_bool, "the condition of a macro");
    }
    ck->scope = scope.up;
    expr->type = macro_type(ck, expr, element);
}

static void check_message(pz__checker *ck, pz__expr *expr)
{
    if (unchecked(ck)) {
        pz__make_fail(expr, "messages are not available");
        expr->type = &pz__type_dyn;
        return;
    }
    pz__issue(ck->sink, PZ_ERR_TYPE, expr->start, expr->end,
              "'%.*s' is no message type; write a map {'field': value}", PZ__STR_ARG(expr->name));
    expr->type = &pz__type_error;
}

void pz__check_node(pz__checker *ck, pz__expr *expr)
{
    if (expr->type)
        return;
    switch ((pz__expr_kind)expr->kind) {
    case PZ__E_CONST:
        check_constant(expr);
        break;
    case PZ__E_IDENT:
    case PZ__E_SELECT:
        pz__check_name(ck, expr);
        break;
    case PZ__E_CALL:
        pz__check_call(ck, expr);
        break;
    case PZ__E_AND:
    case PZ__E_OR:
        check_logic(ck, expr);
        break;
    case PZ__E_COND:
        check_conditional(ck, expr);
        break;
    case PZ__E_LIST:
        check_list(ck, expr);
        break;
    case PZ__E_MAP:
        check_map(ck, expr);
        break;
    case PZ__E_STRUCT:
        check_message(ck, expr);
        break;
    case PZ__E_MACRO:
        check_macro(ck, expr);
        break;
    case PZ__E_LOCAL:
    case PZ__E_SLOT:
    case PZ__E_NAME:
    case PZ__E_FAIL:
        break;
    }
    if (!expr->type) /* memory ran out: the sink says so */
        expr->type = &pz__type_error;
}

void pz__check(pz__checker *ck, pz__expr *expr)
{
    pz__check_node(ck, expr);
    const pz__type *want = ck->options ? ck->options->expect : NULL;
    if (want)
        demand(ck, expr, want, "the result");
    expr->type = pz__substitute(ck, expr->type);
}
