/*
 * macro.c: calls that are not calls.
 *
 * `list.all(x, p)` has the shape of a member call, but x names a variable and p is evaluated once
 * for each element. One table holds name, style and number of arguments of every macro; a call that
 * fits no row is an ordinary call, for which the checker will say how the macro is written.
 *
 * A comprehension becomes one MACRO node, not a general fold: the planner emits a loop of its own
 * for each, which is shorter to run than a fold, and the node needs no invented variable names.
 */
#include "cel/ast.h"

typedef struct macro_row {
    const char *name;
    uint32_t arg_count;
    pz__macro macro;
    const char *usage;
} macro_row;

static const macro_row macros[] = {
    {"all", 2, PZ__MACRO_ALL, "list.all(x, condition)"},
    {"exists", 2, PZ__MACRO_EXISTS, "list.exists(x, condition)"},
    {"exists_one", 2, PZ__MACRO_EXISTS_ONE, "list.exists_one(x, condition)"},
    {"map", 2, PZ__MACRO_MAP, "list.map(x, result) or list.map(x, condition, result)"},
    {"map", 3, PZ__MACRO_MAP, "list.map(x, result) or list.map(x, condition, result)"},
    {"filter", 2, PZ__MACRO_FILTER, "list.filter(x, condition)"},
};
#define MACRO_COUNT (sizeof macros / sizeof macros[0])

const char *pz__macro_usage(pz_str name)
{
    if (pz__str_equal(name, PZ__STR("has")))
        return "has(value.field)";
    for (size_t i = 0; i < MACRO_COUNT; i++)
        if (pz__str_equal(name, pz_str_of(macros[i].name)))
            return macros[i].usage;
    return NULL;
}

static pz__expansion expand_has(pz__expr *call, pz__issue_sink *sink)
{
    pz__expr *field = call->args[0];
    if (field->kind != PZ__E_SELECT) {
        pz__issue(sink, PZ_ERR_PARSE, field->start, field->end,
                  "has() asks for a field: write has(value.field)");
        return PZ__MACRO_WRONG;
    }
    uint32_t start = call->start, end = call->end;
    uint16_t depth = call->depth;
    *call = *field;
    call->start = start;
    call->end = end;
    call->depth = depth;
    call->test_only = true;
    return PZ__EXPANDED;
}

static const macro_row *find_row(const pz__expr *call)
{
    for (size_t i = 0; i < MACRO_COUNT; i++)
        if (macros[i].arg_count == call->count &&
            pz__str_equal(call->name, pz_str_of(macros[i].name)))
            return &macros[i];
    return NULL;
}

pz__expansion pz__macro_expand(pz__expr *call, pz__issue_sink *sink)
{
    if (!call->target)
        return call->count == 1 && !call->absolute && pz__str_equal(call->name, PZ__STR("has"))
                   ? expand_has(call, sink)
                   : PZ__NO_MACRO;
    const macro_row *row = find_row(call);
    if (!row)
        return PZ__NO_MACRO;
    const pz__expr *variable = call->args[0];
    if (variable->kind != PZ__E_IDENT || variable->absolute) {
        pz__issue(sink, PZ_ERR_PARSE, variable->start, variable->end,
                  "the first argument names a variable, a plain word: %s", row->usage);
        return PZ__MACRO_WRONG;
    }
    call->kind = PZ__E_MACRO;
    call->macro = (uint8_t)row->macro;
    call->name = variable->name;
    call->name_at = variable->start;
    call->name_end = variable->end;
    call->args++;
    call->count--;
    return PZ__EXPANDED;
}
