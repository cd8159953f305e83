/*
 * walker.c: see walker.h. Written from the description of the language, not from the planner and
 * the evaluator, so that a mistake in those is not made here again.
 *
 * It works on the tree as the parser made it, before the checker rewrites it: names are resolved
 * here, scopes are a list of bindings, macros are loops in C, a named value is computed by whoever
 * asks for it first. What operations do to values is in walker_value.c. Message literals are not
 * known, nor functions of the environment.
 *
 * Where the language leaves a choice, the choices of the manual hold: an error wins over an
 * unknown, but not in && and ||; unknowns unite; a macro that gathers ends at its first problem,
 * and what it gathered is looked at afterwards.
 */
#include <stdio.h>

#include "cel/functions.h"
#include "cel/walker_value.h"

/* A variable in sight: a value, or an expression that gives it when asked. */
typedef struct scope {
    struct scope *up;
    pz_str name;
    pz_value value;
    const pz__expr *lazy; /* not computed yet; of the scope above */
} scope;

static pz_value eval(walker *w, const pz__expr *e, scope *s);

/* Two operands of something strict: what is wrong with them, null if nothing is. */
static pz_value unite(const walker *w, pz_value a, pz_value b)
{
    if (a.kind == PZ__V_ERROR || b.kind == PZ__V_ERROR)
        return failed;
    if (a.kind == PZ__V_UNKNOWN && b.kind == PZ__V_UNKNOWN && w->mistake != WALKER_ONE_UNKNOWN)
        a.as.u |= b.as.u;
    return a.kind == PZ__V_UNKNOWN ? a : b.kind == PZ__V_UNKNOWN ? b : pz_value_null();
}

/* ---- names ---- */

static scope *local_of(scope *s, const pz__expr *e)
{
    while (s && (e->absolute || !pz__str_equal(s->name, e->name)))
        s = s->up;
    return s;
}

/* The chain a.b.c as text; false if the expression is no such chain of names. */
static bool chain(const pz__expr *e, char *text, size_t room)
{
    if (e->kind == PZ__E_IDENT)
        return (size_t)snprintf(text, room, "%.*s", PZ__STR_ARG(e->name)) < room;
    if (e->kind != PZ__E_SELECT || e->optional || e->target->test_only ||
        !chain(e->target, text, room))
        return false;
    size_t len = strlen(text);
    return (size_t)snprintf(text + len, room - len, ".%.*s", PZ__STR_ARG(e->name)) < room - len;
}

static const pz__expr *root_of(const pz__expr *e)
{
    while (e->kind == PZ__E_SELECT)
        e = e->target;
    return e;
}

/* A declared name: the slot's value or an unknown. False if there is no such name. */
static bool declared(const walker *w, const char *text, pz_value *out)
{
    for (uint32_t i = 0; i < w->name_count; i++)
        if (strcmp(w->names[i], text) == 0) {
            *out = w->slots[i];
            if (out->kind == PZ__V_PENDING)
                *out = (pz_value){.kind = PZ__V_UNKNOWN, .as.u = UINT64_C(1) << i};
            return true;
        }
    return false;
}

static pz_value ask_local(walker *w, scope *local)
{
    if (local->lazy) {
        local->value = eval(w, local->lazy, local->up);
        local->lazy = NULL;
    }
    return local->value;
}

static pz_value eval_name(walker *w, const pz__expr *e, scope *s)
{
    char text[256];
    pz_value v;
    const pz__expr *root = root_of(e);
    scope *local = root->kind == PZ__E_IDENT ? local_of(s, root) : NULL;
    if (local && e == root)
        return ask_local(w, local);
    bool named = !local && chain(e, text, sizeof text);
    if (named && declared(w, text, &v)) {
        if (e->test_only && v.kind != PZ__V_ERROR)
            return pz_value_bool(v.kind != PZ__V_UNKNOWN);
        return v;
    }
    if (named && !e->test_only && walker_type_name(text, &v))
        return v;
    if (e->kind == PZ__E_IDENT)
        return failed;
    v = eval(w, e->target, s);
    if (walker_is_problem(v))
        return v;
    if (e->test_only)
        return walker_has(w, v, e->name);
    return walker_access(w, v, pz__value_of_str(e->name), e->optional);
}

/* ---- calls ---- */

static pz_value operate(walker *w, pz_str name, uint32_t row, const pz_value *v)
{
    char op = name.data[1];
    if (pz__str_equal(name, PZ__STR("!_")))
        return v[0].kind == PZ_BOOL ? pz_value_bool(!v[0].as.b) : failed;
    if (pz__str_equal(name, PZ__STR("-_")))
        return walker_negated(w, v[0]);
    if (pz__str_equal(name, PZ__STR("@in")))
        return walker_in(w, v[0], v[1]);
    if (op == '[' || op == '?')
        return walker_access(w, v[0], v[1], name.data[2] == '?');
    if (op == '=' || op == '!')
        return pz_value_bool(walker_equal(w, v[0], v[1]) == (op == '='));
    if (op == '<' || op == '>')
        return walker_relation(w, name.data + 1, v[0], v[1]);
    return walker_arithmetic(w, row, op, v[0], v[1]);
}

/* The problem of all arguments together; null if there is none. */
static pz_value eval_all(walker *w, const pz__expr *const *list, uint32_t count, scope *s,
                         pz_value *values)
{
    pz_value problem = pz_value_null();
    for (uint32_t i = 0; i < count; i++) {
        values[i] = eval(w, list[i], s);
        problem = unite(w, problem, values[i]);
    }
    return problem;
}

/* or() and orValue(): the argument is looked at only if there is nothing. */
static pz_value otherwise(walker *w, const pz__expr *e, scope *s, bool value)
{
    pz_value v = eval(w, e->target, s);
    if (walker_is_problem(v))
        return v;
    if (v.kind != PZ__V_OPTIONAL)
        return failed;
    if (v.len)
        return value ? v.as.items[0] : v;
    v = eval(w, e->args[0], s);
    return value || v.kind == PZ__V_OPTIONAL || walker_is_problem(v) ? v : failed;
}

/* True if the function can be written so. */
static bool has_shape(uint32_t row, bool member, uint32_t count)
{
    const pz__function *f = &pz__functions[row];
    for (uint32_t i = 0; i < f->overload_count; i++)
        if (f->overloads[i].member == member && pz__overload_arity(&f->overloads[i]) == count)
            return true;
    return false;
}

#define ARGS_MAX 64

static pz_value eval_call(walker *w, const pz__expr *e, scope *s)
{
    const pz__expr *list[ARGS_MAX];
    pz_value values[ARGS_MAX];
    char text[256];
    uint32_t count = 0, row = pz__function_count;
    const pz__expr *target = e->target;
    if (target && !(root_of(target)->kind == PZ__E_IDENT && local_of(s, root_of(target))) &&
        !target->test_only && chain(target, text, sizeof text / 2)) {
        size_t len = strlen(text);
        snprintf(text + len, sizeof text - len, ".%.*s", PZ__STR_ARG(e->name));
        row = pz__function_find(pz_str_of(text));
        target = row < pz__function_count ? NULL : target;
    }
    if (row == pz__function_count)
        row = pz__function_find(e->name);
    if (row == pz__function_count || e->count + 1 >= ARGS_MAX)
        return failed;
    if (target)
        list[count++] = target;
    for (uint32_t i = 0; i < e->count; i++)
        list[count++] = e->args[i];
    if (!e->is_operator && !has_shape(row, target != NULL, count))
        return failed;
    bool value = pz__str_equal(e->name, PZ__STR("orValue"));
    if (value || pz__str_equal(e->name, PZ__STR("or")))
        return otherwise(w, e, s, value);
    pz_value problem = eval_all(w, list, count, s, values);
    if (walker_is_problem(problem))
        return problem;
    return e->is_operator ? operate(w, e->name, row, values) : walker_call(w, row, values, count);
}

/* ---- truth ---- */

/* One more term of && (neutral: true) or || (neutral: false). True once it is decided. */
static bool next_term(walker *w, pz_value *so_far, pz_value term, bool neutral)
{
    if (term.kind == PZ_BOOL && term.as.b == neutral)
        return false;
    if (w->mistake == WALKER_ERROR_STAYS && so_far->kind == PZ__V_ERROR)
        return true;
    if (term.kind == PZ_BOOL) {
        *so_far = term;
        return true;
    }
    if (term.kind != PZ__V_UNKNOWN)
        term = failed;
    bool error_wins = w->mistake == WALKER_ERROR_FIRST;
    if (!walker_is_problem(*so_far) || so_far->kind == (error_wins ? PZ__V_UNKNOWN : PZ__V_ERROR))
        *so_far = term;
    else if (term.kind == so_far->kind)
        *so_far = unite(w, *so_far, term);
    return false;
}

static pz_value eval_logic(walker *w, const pz__expr *e, scope *s)
{
    bool neutral = e->kind == PZ__E_AND;
    pz_value v = pz_value_bool(neutral);
    for (uint32_t i = 0; i < e->count; i++)
        if (next_term(w, &v, eval(w, e->args[i], s), neutral))
            break;
    return v;
}

static pz_value truth_of(pz_value v)
{
    return v.kind == PZ_BOOL || walker_is_problem(v) ? v : failed;
}

/* ---- collections ---- */

/* The items, and behind a '?' what is held; `step` 2 for key and value. */
static pz_value gather(walker *w, const pz__expr *e, scope *s, uint32_t step)
{
    pz_value *items = pz__arena_array(w->arena, e->count, sizeof *items);
    pz_value problem = pz_value_null();
    uint32_t count = 0;
    for (uint32_t i = 0; i < e->count; i += step) {
        pz_value key = eval(w, e->args[i], s);
        pz_value v = step == 2 ? eval(w, e->args[i + 1], s) : key;
        if (e->args[i]->spread && !walker_is_problem(v) && v.kind != PZ__V_OPTIONAL)
            v = failed;
        problem = unite(w, problem, unite(w, key, v));
        if (e->args[i]->spread && v.kind == PZ__V_OPTIONAL) {
            if (v.len == 0)
                continue;
            v = v.as.items[0];
        }
        if (step == 2)
            items[count++] = key;
        items[count++] = v;
    }
    return walker_is_problem(problem) ? problem : pz__value_of_items(items, count);
}

/* The map of key, value, key ... */
static pz_value map_of(walker *w, pz_value list)
{
    pz_entry *entries = pz__arena_array(w->arena, list.len / 2u, sizeof *entries);
    pz_value map;
    for (uint32_t i = 0; i < list.len / 2; i++) {
        entries[i] = (pz_entry){list.as.items[2 * i], list.as.items[2 * i + 1]};
        uint32_t kind = entries[i].key.kind;
        if (kind != PZ_BOOL && kind != PZ_INT && kind != PZ_UINT && kind != PZ_STRING)
            return failed;
        for (uint32_t j = 0; j < i; j++)
            if (walker_equal(w, entries[j].key, entries[i].key))
                return failed;
    }
    return pz__value_of_entries(w->arena, &map, entries, list.len / 2, PZ__DUP_REFUSE) == PZ_OK
               ? map
               : failed;
}

/* ---- macros ---- */

/* The maps in the list as one. */
static pz_value merged(walker *w, pz_value maps)
{
    pz_value all = pz__value_of_items(NULL, 0);
    for (uint32_t i = 0; i < maps.len; i++) {
        pz_value map = maps.as.items[i];
        if (map.kind != PZ_MAP)
            return failed;
        pz_value *items = pz__arena_array(w->arena, all.len + 2u * map.len, sizeof *items);
        if (all.len)
            memcpy(items, all.as.items, all.len * sizeof *items);
        for (uint32_t j = 0; j < map.len; j++) {
            items[all.len + 2 * j] = pz__map_entries(map)[j].key;
            items[all.len + 2 * j + 1] = pz__map_entries(map)[j].value;
        }
        all = pz__value_of_items(items, all.len + 2 * map.len);
    }
    return map_of(w, all);
}

static pz_value finish(walker *w, const pz__expr *e, pz_value range, pz_value list, uint32_t hits)
{
    switch ((pz__macro)e->macro) {
    case PZ__MACRO_EXISTS_ONE:
        return pz_value_bool(hits == 1);
    case PZ__MACRO_TRANSFORM_MAP:
        return map_of(w, list);
    case PZ__MACRO_TRANSFORM_ENTRY:
        return merged(w, list);
    case PZ__MACRO_SORT_BY:
        return walker_by_table(w, pz__function_find(PZ__STR("@sortByKeys")),
                               (pz_value[]){range, list}, 2);
    default:
        return list;
    }
}

/* The variables of one turn, the second behind the first. */
static scope *turn(const pz__expr *e, pz_value range, uint32_t i, scope *s, scope two[2])
{
    bool is_list = range.kind == PZ_LIST;
    pz_value key = is_list ? pz_value_int(i) : pz__map_entries(range)[i].key;
    pz_value value = is_list ? range.as.items[i] : pz__map_entries(range)[i].value;
    two[0] = (scope){s, e->name, e->second.len || !is_list ? key : value, NULL};
    two[1] = (scope){&two[0], e->second, value, NULL};
    return &two[e->second.len > 0];
}

static pz_value eval_gathering(walker *w, const pz__expr *e, pz_value range, scope *s)
{
    bool guarded =
        e->macro == PZ__MACRO_FILTER || e->macro == PZ__MACRO_EXISTS_ONE || e->count == 2;
    bool results = e->macro != PZ__MACRO_FILTER && e->macro != PZ__MACRO_EXISTS_ONE;
    pz_value *items = pz__arena_array(w->arena, 2u * range.len, sizeof *items);
    pz_value problem = pz_value_null();
    uint32_t count = 0, hits = 0;
    for (uint32_t i = 0; i < range.len; i++) {
        scope two[2];
        scope *here = turn(e, range, i, s, two);
        pz_value v = guarded ? truth_of(eval(w, e->args[0], here)) : pz_value_bool(true);
        if (v.kind == PZ_BOOL && !v.as.b)
            continue;
        hits++;
        if (!walker_is_problem(v))
            v = results ? eval(w, e->args[e->count - 1], here) : two[0].value;
        if (walker_is_problem(v) && w->mistake != WALKER_KEEPS_GOING)
            return v;
        problem = unite(w, problem, v);
        if (e->macro == PZ__MACRO_TRANSFORM_MAP)
            items[count++] = two[0].value;
        items[count++] = v;
    }
    if (walker_is_problem(problem))
        return problem;
    return finish(w, e, range, pz__value_of_items(items, count), hits);
}

static pz_value eval_opened(walker *w, const pz__expr *e, pz_value v, scope *s)
{
    if (v.kind != PZ__V_OPTIONAL)
        return failed;
    if (v.len == 0)
        return v;
    scope here = {s, e->name, v.as.items[0], NULL};
    v = eval(w, e->args[0], &here);
    if (walker_is_problem(v))
        return v;
    if (e->macro == PZ__MACRO_OPT_MAP)
        return walker_optional_of(w, v);
    return v.kind == PZ__V_OPTIONAL ? v : failed;
}

static pz_value eval_macro(walker *w, const pz__expr *e, scope *s)
{
    pz_value range = eval(w, e->target, s);
    if (walker_is_problem(range))
        return range;
    if (e->macro == PZ__MACRO_OPT_MAP || e->macro == PZ__MACRO_OPT_FLAT_MAP)
        return eval_opened(w, e, range, s);
    if (range.kind != PZ_LIST && range.kind != PZ_MAP)
        return failed;
    bool all = e->macro == PZ__MACRO_ALL;
    if (!all && e->macro != PZ__MACRO_EXISTS)
        return eval_gathering(w, e, range, s);
    pz_value v = pz_value_bool(all);
    for (uint32_t i = 0; i < range.len; i++) {
        scope two[2];
        scope *here = turn(e, range, i, s, two);
        if (next_term(w, &v, eval(w, e->args[0], here), all))
            break;
    }
    return v;
}

/* cel.bind and cel.block. */
static pz_value eval_let(walker *w, const pz__expr *e, scope *s)
{
    for (uint32_t i = 0; i + 1 < e->count; i++) {
        scope *named = pz__arena_new(w->arena, sizeof *named);
        *named = (scope){s, e->name, pz_value_null(), e->args[i]};
        char text[32];
        snprintf(text, sizeof text, "@index%u", i);
        if (!e->name.len)
            named->name = (pz_str){pz__arena_text(w->arena, text, strlen(text)), strlen(text)};
        s = named;
        if (w->mistake == WALKER_EAGER && walker_is_problem(ask_local(w, s)))
            return s->value;
    }
    return eval(w, e->args[e->count - 1], s);
}

/* ---- the walk ---- */

static pz_value eval_conditional(walker *w, const pz__expr *e, scope *s)
{
    pz_value v = truth_of(eval(w, e->args[0], s));
    return walker_is_problem(v) ? v : eval(w, e->args[v.as.b ? 1 : 2], s);
}

static pz_value eval(walker *w, const pz__expr *e, scope *s)
{
    pz_value v;
    switch ((pz__expr_kind)e->kind) {
    case PZ__E_CONST:
        return e->constant;
    case PZ__E_IDENT:
    case PZ__E_SELECT:
        return eval_name(w, e, s);
    case PZ__E_CALL:
        return eval_call(w, e, s);
    case PZ__E_AND:
    case PZ__E_OR:
        return eval_logic(w, e, s);
    case PZ__E_COND:
        return eval_conditional(w, e, s);
    case PZ__E_LIST:
        return gather(w, e, s, 1);
    case PZ__E_MAP:
        v = gather(w, e, s, 2);
        return walker_is_problem(v) ? v : map_of(w, v);
    case PZ__E_MACRO:
        return eval_macro(w, e, s);
    case PZ__E_LET:
        return eval_let(w, e, s);
    default:
        return failed;
    }
}

pz_value walker_run(walker *w, const pz__expr *expr)
{
    return eval(w, expr, NULL);
}
