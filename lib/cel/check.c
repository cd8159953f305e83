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

const pz__type *pz__optional_type(pz__checker *ck, const pz__type *held)
{
    const pz__type *type = pz__type_optional(ck->scratch, held);
    if (type)
        return type;
    pz__issue_nomem(ck->sink);
    return &pz__type_dyn;
}

const pz__type *pz__held_type(pz__checker *ck, const pz__type *type)
{
    type = pz__type_resolve(ck, type);
    if (type->kind == PZ__T_PARAM)
        pz__assignable(ck, type, &pz__type_dyn);
    if (type->kind == PZ__T_PARAM || type->kind == PZ__T_DYN)
        return &pz__type_dyn;
    if (type->kind == PZ__T_ERROR)
        return type;
    return pz__type_is_optional(type) ? pz__type_resolve(ck, type->args[0]) : NULL;
}

void pz__demand(pz__checker *ck, const pz__expr *expr, const pz__type *want, const char *what)
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

/* x == 'a' || 'b' is said so in many languages, and in few that a machine reads. */
static bool is_bare_alternative(const pz__expr *logic, const pz__expr *side)
{
    return logic->kind == PZ__E_OR && side->kind == PZ__E_CONST && side->type->kind != PZ__T_BOOL &&
           side->type->kind != PZ__T_DYN;
}

static void check_logic(pz__checker *ck, pz__expr *expr)
{
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__expr *side = expr->args[i];
        pz__check_node(ck, side);
        if (is_bare_alternative(expr, side) && !unchecked(ck))
            pz__issue(ck->sink, PZ_ERR_TYPE, side->start, side->end,
                      "each side of '||' must be bool, this is %s; write x == 'a' || x == 'b', or "
                      "x in ['a', 'b']",
                      pz__spell(ck, side->type));
        else
            pz__demand(ck, side, &pz__type_bool,
                       expr->kind == PZ__E_AND ? "each side of '&&'" : "each side of '||'");
    }
    pz__tell_clashes(ck, expr);
    expr->type = &pz__type_bool;
}

/* The arm that a constant condition chooses takes the node's place. */
static void choose_arm(pz__expr *expr)
{
    const pz__expr *condition = expr->args[0];
    if (condition->kind != PZ__E_CONST || condition->constant.kind != PZ_BOOL)
        return;
    const pz__type *type = expr->type;
    bool spread = expr->spread;
    *expr = *expr->args[condition->constant.as.b ? 1 : 2];
    expr->type = type;
    expr->spread = spread;
}

static void check_conditional(pz__checker *ck, pz__expr *expr)
{
    for (uint32_t i = 0; i < 3; i++)
        pz__check_node(ck, expr->args[i]);
    pz__demand(ck, expr->args[0], &pz__type_bool, "the condition of '? :'");
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

/* The type of what a part adds to its list, map or message: behind a '?', what it holds. */
static const pz__type *added_type(pz__checker *ck, const pz__expr *part, bool spread)
{
    if (!spread)
        return part->type;
    const pz__type *held = pz__held_type(ck, part->type);
    if (held)
        return held;
    if (unchecked(ck))
        return &pz__type_dyn;
    pz__issue(ck->sink, PZ_ERR_TYPE, part->start, part->end,
              "behind a '?' must stand an optional, this is %s", pz__spell(ck, part->type));
    return &pz__type_error;
}

/* Room for the types of the parts of a list or map. */
static const pz__type **part_types(pz__checker *ck, const pz__expr *expr)
{
    const pz__type **types =
        pz__arena_array(ck->scratch, expr->count + 1u, sizeof(const pz__type *));
    if (!types)
        pz__issue_nomem(ck->sink);
    return types;
}

/* What they have in common; of none, a type that may be any. */
static const pz__type *joined(pz__checker *ck, const pz__type *const *types, uint32_t count)
{
    return types && count ? pz__join_all(ck, types, count) : pz__fresh(ck);
}

static void check_list(pz__checker *ck, pz__expr *expr)
{
    const pz__type **types = part_types(ck, expr);
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        const pz__type *type = added_type(ck, expr->args[i], expr->args[i]->spread);
        if (types)
            types[i] = type;
    }
    expr->type = container_type(ck, PZ__T_LIST, joined(ck, types, expr->count), NULL);
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
    const pz__type **types = part_types(ck, expr); /* of the keys, then of the values */
    const uint32_t half = expr->count / 2;
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        const pz__type *type = i % 2 ? added_type(ck, expr->args[i], expr->args[i - 1]->spread)
                                     : key_type(ck, expr->args[i]);
        if (types)
            types[i % 2 ? half + i / 2 : i / 2] = type;
    }
    expr->type = container_type(ck, PZ__T_MAP, joined(ck, types, half),
                                joined(ck, types ? types + half : NULL, half));
    pz__fold(ck, expr);
}

/* ---- macros ---- */

/* The types of the two variables over a range: position and element, or key and value. */
static void variable_types(pz__checker *ck, const pz__expr *range, const pz__type *types[2])
{
    const pz__type *type = pz__type_resolve(ck, range->type);
    types[0] = types[1] = &pz__type_dyn;
    switch (type->kind) {
    case PZ__T_LIST:
        types[0] = &pz__type_int;
        types[1] = type->args[0];
        return;
    case PZ__T_MAP:
        types[0] = type->args[0];
        types[1] = type->args[1];
        return;
    case PZ__T_PARAM:
        pz__assignable(ck, type, &pz__type_dyn);
        return;
    case PZ__T_DYN:
        return;
    case PZ__T_ERROR:
        break;
    default:
        if (unchecked(ck))
            return;
        pz__issue(ck->sink, PZ_ERR_TYPE, range->start, range->end,
                  "a macro walks over a list or a map, this is %s", pz__spell(ck, type));
    }
    types[0] = types[1] = &pz__type_error;
}

/* The type of the variable of optMap() and optFlatMap(). */
static const pz__type *opened_type(pz__checker *ck, const pz__expr *target)
{
    const pz__type *held = pz__held_type(ck, target->type);
    if (held)
        return held;
    if (unchecked(ck))
        return &pz__type_dyn;
    pz__issue(ck->sink, PZ_ERR_TYPE, target->start, target->end,
              "optMap() and optFlatMap() look into an optional, this is %s",
              pz__spell(ck, target->type));
    return &pz__type_error;
}

static const pz__type *macro_type(pz__checker *ck, const pz__expr *expr, const pz__type *first)
{
    const pz__expr *result = expr->args[expr->count - 1];
    switch ((pz__macro)expr->macro) {
    case PZ__MACRO_MAP:
        return container_type(ck, PZ__T_LIST, result->type, NULL);
    case PZ__MACRO_FILTER:
        return container_type(ck, PZ__T_LIST, first, NULL);
    case PZ__MACRO_TRANSFORM_MAP:
        return container_type(ck, PZ__T_MAP, first, result->type);
    case PZ__MACRO_TRANSFORM_ENTRY: {
        const pz__type *any_map = container_type(ck, PZ__T_MAP, pz__fresh(ck), pz__fresh(ck));
        pz__demand(ck, result, any_map, "the result of transformMapEntry()");
        return result->type;
    }
    case PZ__MACRO_SORT_BY:
        pz__demand(ck, expr->target, container_type(ck, PZ__T_LIST, pz__fresh(ck), NULL),
                   "what sortBy() sorts");
        return container_type(ck, PZ__T_LIST, first, NULL);
    case PZ__MACRO_OPT_MAP:
        return pz__optional_type(ck, result->type);
    case PZ__MACRO_OPT_FLAT_MAP:
        pz__demand(ck, result, pz__optional_type(ck, pz__fresh(ck)), "the result of optFlatMap()");
        return result->type;
    default:
        return &pz__type_bool;
    }
}

static bool has_condition(const pz__expr *macro)
{
    switch ((pz__macro)macro->macro) {
    case PZ__MACRO_ALL:
    case PZ__MACRO_EXISTS:
    case PZ__MACRO_EXISTS_ONE:
    case PZ__MACRO_FILTER:
        return true;
    default:
        return macro->count == 2;
    }
}

static void check_macro(pz__checker *ck, pz__expr *expr)
{
    const pz__type *types[2];
    pz__check_node(ck, expr->target);
    if (expr->macro >= PZ__MACRO_OPT_MAP)
        types[0] = types[1] = opened_type(ck, expr->target);
    else
        variable_types(ck, expr->target, types);
    const bool has_items = pz__type_resolve(ck, expr->target->type)->kind == PZ__T_LIST;
    if (!expr->second.len && has_items)
        types[0] = types[1];
    const pz__expr *list = has_items ? expr->target : NULL;
    pz__scope first = {ck->scope, expr->name, ck->local_count++,
                       types[0],  NULL,       expr->second.len ? NULL : list};
    pz__scope second = {&first, expr->second, first.number + 1, types[1], NULL, list};
    ck->local_count += expr->second.len > 0;
    expr->index = first.number;
    ck->scope = expr->second.len ? &second : &first;
    for (uint32_t i = 0; i < expr->count; i++) {
        pz__check_node(ck, expr->args[i]);
        if (i == 0 && has_condition(expr))
            pz__demand(ck, expr->args[i], &pz__type_bool, "the condition of a macro");
    }
    ck->scope = first.up;
    expr->type = macro_type(ck, expr, types[0]);
}

static uint32_t type_depth(const pz__checker *ck, const pz__type *type)
{
    uint32_t deepest = 0;
    type = pz__type_resolve(ck, type);
    for (uint32_t i = 0; type->kind != PZ__T_PARAM && i < type->arg_count; i++) {
        uint32_t depth = type->args[i] ? type_depth(ck, type->args[i]) : 0;
        deepest = depth > deepest ? depth : deepest;
    }
    return deepest + 1;
}

/* Each value sees those before it, the body all. Values that name each other could build a type of
 * any depth; one too deep counts as dyn. */
static void check_let(pz__checker *ck, pz__expr *expr)
{
    uint32_t count = expr->count - 1;
    const pz__scope *up = ck->scope;
    pz__scope *scopes = pz__arena_array(ck->scratch, count + 1u, sizeof *scopes);
    if (!scopes) {
        pz__issue_nomem(ck->sink);
        return;
    }
    expr->index = ck->local_count;
    ck->local_count += count;
    for (uint32_t i = 0; i < count; i++) {
        pz__expr *value = expr->args[i];
        pz__check_node(ck, value);
        if (type_depth(ck, value->type) > PZ__CEL_DEPTH_MAX)
            value->type = &pz__type_dyn;
        pz_str name = expr->name.len ? expr->name : pz__index_name(ck->scratch, i);
        if (!name.data)
            pz__issue_nomem(ck->sink);
        scopes[i] = (pz__scope){.up = ck->scope,
                                .name = name,
                                .number = expr->index + i,
                                .type = value->type,
                                .alias = pz__is_alias(value) ? value : NULL};
        ck->scope = &scopes[i];
    }
    pz__check_node(ck, expr->args[count]);
    ck->scope = up;
    expr->type = expr->args[count]->type;
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
        pz__check_message(ck, expr);
        break;
    case PZ__E_MACRO:
        check_macro(ck, expr);
        break;
    case PZ__E_LET:
        check_let(ck, expr);
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
        pz__demand(ck, expr, want, "the result");
    expr->type = pz__substitute(ck, expr->type);
}
