/*
 * macro.c: calls that are not calls.
 *
 * `list.all(x, p)` has the shape of a member call, but x names a variable and p is evaluated once
 * for each element. One table holds name, variables and number of arguments of every macro; a call
 * that fits no row is an ordinary call, for which the checker will say how the macro is written.
 *
 * A comprehension becomes one MACRO node, not a general fold: the planner emits a loop of its own
 * for each, which is shorter to run than a fold, and the node needs no invented variable names.
 *
 * Macros on the word `cel` are for values with a name. cel.bind() and cel.block() become a LET:
 * values first, the body last. What a program that rewrites expressions calls cel.index(n),
 * cel.iterVar(d, n) and cel.accuVar(d, n) becomes an identifier with an '@' in it, which no author
 * can write, and is from then on a name like any other.
 */
#include "cel/ast.h"

#include "base/number.h"

typedef struct macro_row {
    const char *name;
    uint8_t variables;
    uint8_t arg_count;
    pz__macro macro;
    const char *usage;
} macro_row;

#define USAGE_MAP "list.map(x, result) or list.map(x, condition, result)"
#define USAGE_LIST "list.transformList(i, x, result) or list.transformList(i, x, condition, result)"
#define USAGE_ENTRIES "map.transformMap(k, v, value) or map.transformMap(k, v, condition, value)"
#define USAGE_ENTRY                                                                                \
    "map.transformMapEntry(k, v, {key: value}) or map.transformMapEntry(k, v, condition, {key: "   \
    "value})"

static const macro_row macros[] = {
    {"all", 1, 2, PZ__MACRO_ALL, "list.all(x, condition)"},
    {"all", 2, 3, PZ__MACRO_ALL, "list.all(i, x, condition)"},
    {"exists", 1, 2, PZ__MACRO_EXISTS, "list.exists(x, condition)"},
    {"exists", 2, 3, PZ__MACRO_EXISTS, "list.exists(i, x, condition)"},
    {"exists_one", 1, 2, PZ__MACRO_EXISTS_ONE, "list.exists_one(x, condition)"},
    {"exists_one", 2, 3, PZ__MACRO_EXISTS_ONE, "list.exists_one(i, x, condition)"},
    {"existsOne", 1, 2, PZ__MACRO_EXISTS_ONE, "list.existsOne(x, condition)"},
    {"existsOne", 2, 3, PZ__MACRO_EXISTS_ONE, "list.existsOne(i, x, condition)"},
    {"map", 1, 2, PZ__MACRO_MAP, USAGE_MAP},
    {"map", 1, 3, PZ__MACRO_MAP, USAGE_MAP},
    {"filter", 1, 2, PZ__MACRO_FILTER, "list.filter(x, condition)"},
    {"transformList", 2, 3, PZ__MACRO_MAP, USAGE_LIST},
    {"transformList", 2, 4, PZ__MACRO_MAP, USAGE_LIST},
    {"transformMap", 2, 3, PZ__MACRO_TRANSFORM_MAP, USAGE_ENTRIES},
    {"transformMap", 2, 4, PZ__MACRO_TRANSFORM_MAP, USAGE_ENTRIES},
    {"transformMapEntry", 2, 3, PZ__MACRO_TRANSFORM_ENTRY, USAGE_ENTRY},
    {"transformMapEntry", 2, 4, PZ__MACRO_TRANSFORM_ENTRY, USAGE_ENTRY},
    {"sortBy", 1, 2, PZ__MACRO_SORT_BY, "list.sortBy(x, key)"},
    {"optMap", 1, 2, PZ__MACRO_OPT_MAP, "optional.optMap(x, result)"},
    {"optFlatMap", 1, 2, PZ__MACRO_OPT_FLAT_MAP, "optional.optFlatMap(x, optional)"},
};
#define MACRO_COUNT (sizeof macros / sizeof macros[0])

/* Longest name made of a prefix and two numbers. */
#define MADE_NAME_MAX 64u

const char *pz__macro_usage(pz_str name)
{
    if (pz__str_equal(name, PZ__STR("has")))
        return "has(value.field)";
    for (size_t i = 0; i < MACRO_COUNT; i++)
        if (pz__str_equal(name, pz_str_of(macros[i].name)))
            return macros[i].usage;
    return NULL;
}

static pz__expansion wrong(pz__issue_sink *sink, const pz__expr *at, const char *message)
{
    pz__issue(sink, PZ_ERR_PARSE, at->start, at->end, "%s", message);
    return PZ__MACRO_WRONG;
}

static pz__expansion no_memory(pz__issue_sink *sink)
{
    pz__issue_nomem(sink);
    return PZ__MACRO_WRONG;
}

static pz__expansion expand_has(pz__expr *call, pz__issue_sink *sink)
{
    pz__expr *field = call->args[0];
    if (field->kind != PZ__E_SELECT || field->test_only)
        return wrong(sink, field, "has() asks for a field: write has(value.field)");
    if (field->optional)
        return wrong(
            sink, field,
            "has() asks for a field that may be absent anyway: write '.' for the last '.?'");
    uint32_t start = call->start, end = call->end;
    uint16_t depth = call->depth;
    *call = *field;
    call->start = start;
    call->end = end;
    call->depth = depth;
    call->test_only = true;
    return PZ__EXPANDED;
}

static bool is_variable(const pz__expr *expr)
{
    return expr->kind == PZ__E_IDENT && !expr->absolute;
}

/* ---- macros on a value ---- */

static const macro_row *find_row(const pz__expr *call)
{
    for (size_t i = 0; i < MACRO_COUNT; i++)
        if (macros[i].arg_count == call->count &&
            pz__str_equal(call->name, pz_str_of(macros[i].name)))
            return &macros[i];
    return NULL;
}

static pz__expansion wrong_variable(pz__issue_sink *sink, const pz__expr *at, const macro_row *row)
{
    pz__issue(sink, PZ_ERR_PARSE, at->start, at->end,
              "the first argument%s a variable, a plain word: %s",
              row->variables == 1 ? " names" : "s each name", row->usage);
    return PZ__MACRO_WRONG;
}

static pz__expansion expand_row(pz__expr *call, const macro_row *row, pz__issue_sink *sink)
{
    const pz__expr *first = call->args[0];
    for (uint32_t i = 0; i < row->variables; i++)
        if (!is_variable(call->args[i]))
            return wrong_variable(sink, call->args[i], row);
    if (row->variables == 2) {
        call->second = call->args[1]->name;
        if (pz__str_equal(first->name, call->second))
            return wrong(sink, call->args[1], "the two variables of a macro need different names");
    }
    call->kind = PZ__E_MACRO;
    call->macro = (uint8_t)row->macro;
    call->name = first->name;
    call->name_at = first->start;
    call->name_end = first->end;
    call->args += row->variables;
    call->count -= row->variables;
    return PZ__EXPANDED;
}

/* ---- macros on the word `cel` ---- */

/* cel.bind(name, value, body) */
static pz__expansion expand_bind(pz__expr *call, pz__issue_sink *sink)
{
    const pz__expr *variable = call->args[0];
    if (!is_variable(variable))
        return wrong(sink, variable,
                     "the first argument names a variable, a plain word: cel.bind(x, value, body)");
    call->kind = PZ__E_LET;
    call->target = NULL;
    call->name = variable->name;
    call->args++;
    call->count--;
    return PZ__EXPANDED;
}

/* cel.block([value, ...], body) */
static pz__expansion expand_block(pz__arena *scratch, pz__expr *call, pz__issue_sink *sink)
{
    const pz__expr *list = call->args[0];
    if (list->kind != PZ__E_LIST)
        return wrong(sink, list, "the values of a block are a list: cel.block([value, ...], body)");
    pz__expr **args = pz__arena_array(scratch, list->count + 1u, sizeof *args);
    if (!args)
        return no_memory(sink);
    for (uint32_t i = 0; i < list->count; i++) {
        if (list->args[i]->spread)
            return wrong(sink, list->args[i], "a value of a block cannot have a '?' in front");
        args[i] = list->args[i];
    }
    args[list->count] = call->args[1];
    call->kind = PZ__E_LET;
    call->target = NULL;
    call->name = (pz_str){NULL, 0};
    call->args = args;
    call->count = list->count + 1;
    return PZ__EXPANDED;
}

static pz_str made_name(pz__arena *scratch, const char *prefix, const int64_t *numbers,
                        uint32_t count)
{
    char text[MADE_NAME_MAX];
    size_t len = strlen(prefix);
    memcpy(text, prefix, len);
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            text[len++] = ':';
        len += pz__int_print(numbers[i], text + len);
    }
    const char *copy = pz__arena_text(scratch, text, len);
    return (pz_str){copy, copy ? len : 0};
}

pz_str pz__index_name(pz__arena *scratch, uint32_t n)
{
    const int64_t number = n;
    return made_name(scratch, "@index", &number, 1);
}

/* cel.index(n), cel.iterVar(depth, n), cel.accuVar(depth, n): the name they stand for. */
static pz__expansion expand_name(pz__arena *scratch, pz__expr *call, const char *prefix,
                                 pz__issue_sink *sink)
{
    int64_t numbers[2];
    for (uint32_t i = 0; i < call->count; i++) {
        const pz__expr *arg = call->args[i];
        if (arg->kind != PZ__E_CONST || arg->constant.kind != PZ_INT || arg->constant.as.i < 0)
            return wrong(sink, arg, "this must be a number from 0 up, written out");
        numbers[i] = arg->constant.as.i;
    }
    call->name = made_name(scratch, prefix, numbers, call->count);
    if (!call->name.data)
        return no_memory(sink);
    call->kind = PZ__E_IDENT;
    call->target = NULL;
    call->count = 0;
    return PZ__EXPANDED;
}

static pz__expansion expand_cel(pz__arena *scratch, pz__expr *call, pz__issue_sink *sink)
{
    static const struct {
        pz_str name;
        uint32_t arg_count;
        const char *prefix;
    } made[] = {
        {{"index", 5}, 1, "@index"}, {{"iterVar", 7}, 2, "@it:"}, {{"accuVar", 7}, 2, "@ac:"}};
    if (call->count == 3 && pz__str_equal(call->name, PZ__STR("bind")))
        return expand_bind(call, sink);
    if (call->count == 2 && pz__str_equal(call->name, PZ__STR("block")))
        return expand_block(scratch, call, sink);
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++)
        if (call->count == made[i].arg_count && pz__str_equal(call->name, made[i].name))
            return expand_name(scratch, call, made[i].prefix, sink);
    return PZ__NO_MACRO;
}

pz__expansion pz__macro_expand(pz__arena *scratch, pz__expr *call, pz__issue_sink *sink)
{
    const pz__expr *target = call->target;
    if (!target)
        return call->count == 1 && !call->absolute && pz__str_equal(call->name, PZ__STR("has"))
                   ? expand_has(call, sink)
                   : PZ__NO_MACRO;
    if (is_variable(target) && pz__str_equal(target->name, PZ__STR("cel"))) {
        pz__expansion expansion = expand_cel(scratch, call, sink);
        if (expansion != PZ__NO_MACRO)
            return expansion;
    }
    const macro_row *row = find_row(call);
    return row ? expand_row(call, row, sink) : PZ__NO_MACRO;
}
