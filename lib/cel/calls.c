/*
 * calls.c: which overload a call takes, calls that the environment takes over, folding.
 *
 * The environment is asked first, with the arguments as constants or names, so that
 * count("purchase", duration("24h")) becomes a slot of its own. Then every overload of the name is
 * tried in its written style; if several fit (an argument is dyn) the result is their common type
 * or dyn. An expression that is not checked keeps the call when the types do not fit: evaluation
 * will say so, if it ever gets there.
 *
 * Folding happens as soon as a call is checked: its arguments, folded before it, are constants, and
 * the implementation runs here as it would later. A call that fails is left alone, for whether it
 * is evaluated at all is not known.
 */
#include <stdio.h>

#include "cel/check.h"
#include "cel/eval.h"
#include "cel/match.h"

#define ARGS_MAX_SHOWN 256

static bool unchecked(const pz__checker *ck)
{
    return ck->options && ck->options->unchecked;
}

/* ---- the environment's own functions ---- */

static void describe_args(pz__checker *ck, pz__expr *call, pz__call_arg *args)
{
    for (uint32_t i = 0; i < call->count; i++) {
        pz__expr *arg = call->args[i];
        bool absolute;
        args[i] = (pz__call_arg){.start = arg->start, .end = arg->end};
        if ((arg->kind == PZ__E_IDENT || arg->kind == PZ__E_SELECT) && !pz__is_of_local(ck, arg) &&
            pz__dotted_name(ck, arg, &args[i].name, &absolute)) {
            args[i].is_name = true;
            continue;
        }
        pz__check_node(ck, arg);
        args[i].is_constant = arg->kind == PZ__E_CONST && arg->constant.kind <= PZ_MAP;
        args[i].constant = args[i].is_constant ? arg->constant : pz_value_null();
    }
}

static void derive_failed(pz__checker *ck, pz__expr *call, pz_status status, const pz_error *err)
{
    const bool is_about_arg = err->column > 0 && err->column <= call->count;
    const pz__expr *about = is_about_arg ? call->args[err->column - 1] : call;
    const bool is_told = is_about_arg && about->type == &pz__type_error;
    call->type = &pz__type_error;
    if (status == PZ_ERR_NOMEM)
        pz__issue_nomem(ck->sink);
    else if (!is_told)
        pz__issue(ck->sink, PZ_ERR_TYPE, about->start, about->end, "%s",
                  err->message[0] ? err->message : pz_status_text(status));
}

/* True if the environment took the call, or refused it for good. */
static bool derived(pz__checker *ck, pz__expr *call)
{
    if (call->target || call->is_operator || !ck->env || !ck->env->derive)
        return false;
    pz__call_arg *args = pz__arena_array(ck->scratch, call->count + 1u, sizeof *args);
    if (!args) {
        pz__issue_nomem(ck->sink);
        return false;
    }
    describe_args(ck, call, args);
    pz__slot slot = {0};
    pz_error err = PZ_ERROR_INIT;
    pz_status status = ck->env->derive(ck->env->self, call->name, args, call->count, &slot, &err);
    if (status == PZ_ERR_NOT_FOUND)
        return false;
    if (status != PZ_OK) {
        derive_failed(ck, call, status, &err);
        return true;
    }
    call->kind = PZ__E_SLOT;
    call->index = slot.index;
    call->type = slot.type ? slot.type : &pz__type_dyn;
    return true;
}

/* ---- messages ---- */

static void append(char *text, size_t *at, const char *more)
{
    size_t len = strlen(more);
    if (*at + len + 1 > ARGS_MAX_SHOWN)
        return;
    memcpy(text + *at, more, len + 1);
    *at += len;
}

/* The receiver and the arguments, in a row. */
static const pz__expr *part_of(const pz__expr *call, uint32_t i)
{
    if (!call->target)
        return call->args[i];
    return i == 0 ? call->target : call->args[i - 1];
}

static const pz__type *arg_type(const pz__expr *call, uint32_t i)
{
    return part_of(call, i)->type;
}

static uint32_t arity(const pz__expr *call)
{
    return call->count + (call->target != NULL);
}

static bool is_numeric(const pz__type *type)
{
    return type->kind == PZ__T_INT || type->kind == PZ__T_UINT || type->kind == PZ__T_DOUBLE;
}

/* How to write a whole number for the other type, in the scratch arena; NULL if the part is none
 * that is written out. */
static const char *rewritten(pz__checker *ck, const pz__expr *part, const pz__type *want)
{
    const pz_value v = part->constant;
    if (part->kind != PZ__E_CONST)
        return NULL;
    int64_t n = v.as.i;
    if (v.kind == PZ_DOUBLE) {
        if (!(v.as.d > -1e15 && v.as.d < 1e15) || (double)(int64_t)v.as.d != v.as.d)
            return NULL;
        n = (int64_t)v.as.d;
    }
    if ((v.kind == PZ_UINT && v.as.u > INT64_MAX) || (n < 0 && want->kind == PZ__T_UINT))
        return NULL;
    const char *tail = want->kind == PZ__T_DOUBLE ? ".0" : want->kind == PZ__T_UINT ? "u" : "";
    char text[48];
    snprintf(text, sizeof text, "; write %lld%s", (long long)n, tail);
    return pz__arena_text(ck->scratch, text, strlen(text));
}

static bool is_pair(const pz__type *a, const pz__type *b, uint32_t one, uint32_t other)
{
    return (a->kind == one && b->kind == other) || (a->kind == other && b->kind == one);
}

/* The text of a part that is written out as one; {NULL, 0} for any other. */
static pz_str written_text(const pz__expr *part)
{
    const bool is_text = part->kind == PZ__E_CONST && part->constant.kind == PZ_STRING;
    return is_text ? pz_value_text(part->constant) : (pz_str){NULL, 0};
}

/* A text in quotes whose other side is a number or a truth, as that; NULL for any other. Made a
 * text, the other side would compare letter by letter: '9' is greater than '18'. */
static const char *unquoted(pz__checker *ck, pz_str text, const pz__type *want)
{
    const bool is_truth =
        pz__str_equal(text, PZ__STR("true")) || pz__str_equal(text, PZ__STR("false"));
    size_t digits = 0, points = 0;
    const size_t sign = text.len && text.data[0] == '-';
    for (size_t i = sign; i < text.len; i++) {
        digits += text.data[i] >= '0' && text.data[i] <= '9';
        points += text.data[i] == '.';
    }
    const bool is_number = digits && points <= (want->kind == PZ__T_DOUBLE) && text.len <= 20 &&
                           digits + points + sign == text.len;
    if (want->kind == PZ__T_BOOL ? !is_truth : !is_number || !is_numeric(want))
        return NULL;
    const char *tail = want->kind == PZ__T_DOUBLE && !points ? ".0" : "";
    tail = want->kind == PZ__T_UINT ? "u" : tail;
    char shown[48];
    snprintf(shown, sizeof shown, "; write %.*s%s", PZ__STR_ARG(text), tail);
    return pz__arena_text(ck->scratch, shown, strlen(shown));
}

/* One side is a text, the second if `is_second`; the other is not. */
static const char *remedy_for_text(pz__checker *ck, const pz__expr *call, bool is_second)
{
    const pz_str text = written_text(part_of(call, is_second));
    const pz__type *other = pz__type_resolve(ck, arg_type(call, !is_second));
    const bool adds =
        pz__str_equal(call->name, PZ__STR("_+_")) || pz__str_equal(call->name, PZ__STR("_-_"));
    const char *plain = text.data ? unquoted(ck, text, other) : NULL;
    if (plain)
        return plain;
    switch (other->kind) {
    case PZ__T_TIMESTAMP:
        return adds ? "; write duration('24h') for a span of time"
                    : "; write timestamp('2026-03-01T00:00:00Z') for a time";
    case PZ__T_DURATION:
        return "; write duration('24h') for a span of time";
    case PZ__T_LIST:
        return adds ? "; write ['x'] to join it" : "; ask 'x' in list";
    case PZ__T_MAP:
        return "";
    case PZ__T_BOOL:
        return "; convert one side, string(x) makes text of it";
    default:
        return is_numeric(other) && !adds ? "; convert the text, as in int(x) or double(x)"
                                          : "; convert one side, string(x) makes text of it";
    }
}

/* x in y, where y is no list of what x is. */
static const char *remedy_for_in(const pz__type *item, const pz__type *list)
{
    if (item->kind == PZ__T_STRING && list->kind == PZ__T_STRING)
        return "; write text.contains(part), or list the values: x in ['a', 'b']";
    if (item->kind == PZ__T_LIST && list->kind == PZ__T_LIST)
        return "; sets.intersects(a, b) asks for a common item, sets.contains(a, b) for all of b";
    return "";
}

/* What to do about the commonest mistakes; "" if nothing is worth saying. */
static const char *remedy(pz__checker *ck, const pz__expr *call)
{
    if (arity(call) == 1 && pz__str_equal(call->name, PZ__STR("duration")) &&
        is_numeric(pz__type_resolve(ck, arg_type(call, 0))))
        return "; write the unit, as in duration('30s'); 30 days are duration('720h')";
    if (arity(call) != 2)
        return "";
    const pz__type *a = pz__type_resolve(ck, arg_type(call, 0)),
                   *b = pz__type_resolve(ck, arg_type(call, 1));
    if (is_numeric(a) && is_numeric(b) && a->kind != b->kind) {
        const char *second = rewritten(ck, part_of(call, 1), a);
        const char *better = second ? second : rewritten(ck, part_of(call, 0), b);
        return better ? better
                      : "; convert one side with int(), uint() or double(), and write 2.0 for a "
                        "double";
    }
    if (!call->is_operator)
        return pz__str_equal(call->name, PZ__STR("contains")) && a->kind == PZ__T_LIST
                   ? "; ask x in list"
                   : "";
    if (pz__str_equal(call->name, PZ__STR("@in")))
        return remedy_for_in(a, b);
    if ((a->kind == PZ__T_NULL) != (b->kind == PZ__T_NULL))
        return "; what has no value is unknown and not null: ask has(x) or !has(x)";
    if ((a->kind == PZ__T_STRING) != (b->kind == PZ__T_STRING))
        return remedy_for_text(ck, call, a->kind != PZ__T_STRING);
    if (is_pair(a, b, PZ__T_TIMESTAMP, PZ__T_DURATION))
        return "; two times differ by a span: now - x > duration('24h')";
    if (is_pair(a, b, PZ__T_TIMESTAMP, PZ__T_INT))
        return "; write timestamp('2026-03-01T00:00:00Z') for a time, duration('24h') for a span";
    if (a->kind == PZ__T_BOOL && is_numeric(b) && part_of(call, 0)->kind == PZ__E_CALL)
        return "; a < b < c is written a < b && b < c";
    return "";
}

static void no_overload(pz__checker *ck, const pz__expr *call)
{
    char types[ARGS_MAX_SHOWN] = "";
    size_t at = 0;
    for (uint32_t i = 0; i < arity(call); i++) {
        append(types, &at, i ? ", " : "");
        append(types, &at, pz__spell(ck, arg_type(call, i)));
    }
    pz_str sign = {ck->source.data + call->name_at, call->name_end - call->name_at};
    if (call->is_operator)
        pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end,
                  "'%.*s' does not take (%s)%s", PZ__STR_ARG(sign), types, remedy(ck, call));
    else
        pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end,
                  "%.*s() does not take (%s)%s", PZ__STR_ARG(call->name), types, remedy(ck, call));
}

/* A macro with the wrong number of arguments, where no function is called so: its variable is no
 * name, and nothing in it is checked. */
static bool miswritten_macro(pz__checker *ck, pz__expr *call)
{
    const char *usage = call->is_operator ? NULL : pz__macro_usage(call->name);
    if (!usage || unchecked(ck))
        return false;
    pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end, "write %s", usage);
    call->type = &pz__type_error;
    return true;
}

/* What other languages call a function of this one; {NULL, 0} for any other name. */
static pz_str other_word(pz_str name)
{
    static const struct {
        const char *other, *ours;
    } words[] = {
        {"len", "size"},
        {"length", "size"},
        {"lower", "lowerAscii"},
        {"toLower", "lowerAscii"},
        {"toLowerCase", "lowerAscii"},
        {"upper", "upperAscii"},
        {"toUpper", "upperAscii"},
        {"toUpperCase", "upperAscii"},
        {"includes", "contains"},
        {"date", "timestamp"},
        {"today", "now"},
        {"any", "exists"},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pz__str_equal(name, pz_str_of(words[i].other)))
            return pz_str_of(words[i].ours);
    return (pz_str){NULL, 0};
}

static void unknown_function(pz__checker *ck, const pz__expr *call)
{
    pz_str *list = pz__arena_array(ck->scratch, pz__function_count, sizeof *list);
    pz_str near = {NULL, 0};
    uint32_t count = 0;
    if (pz__word_operator(call->name)) {
        pz__cel_issue *word = pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end,
                                        "'%.*s' is no operator", PZ__STR_ARG(call->name));
        pz__issue_suggest(ck->sink, word, pz_str_of(pz__word_operator(call->name)));
        return;
    }
    pz__slot slot;
    if (!call->target && ck->env && ck->env->find &&
        ck->env->find(ck->env->self, call->name, &slot) == PZ_OK) {
        pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end,
                  "'%.*s' is a name and no function: write it without ()", PZ__STR_ARG(call->name));
        return;
    }
    for (uint32_t i = 0; list && i < pz__function_count; i++)
        if (pz__functions[i].name.data[0] >= 'a')
            list[count++] = pz__functions[i].name;
    near = other_word(call->name);
    if (list && !near.len)
        near = pz__nearest(call->name, list, count);
    pz__cel_issue *issue =
        pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end, "unknown function '%.*s'%s",
                  PZ__STR_ARG(call->name),
                  near.len ? "" : "; it is neither a standard function nor declared");
    pz__issue_suggest(ck->sink, issue, near);
}

/* ---- overloads ---- */

/* The overloads of a call, whoever declared them, and one of them. */
static uint32_t overload_count(const pz__expr *call)
{
    return call->host ? call->host->overload_count : pz__functions[call->index].overload_count;
}

static pz__host_overload overload_of(const pz__expr *call, uint32_t i)
{
    if (call->host)
        return call->host->overloads[i];
    const pz__overload *overload = &pz__functions[call->index].overloads[i];
    return (pz__host_overload){overload->member, overload->result, overload->params,
                               pz__overload_arity(overload)};
}

static bool fits(pz__checker *ck, const pz__expr *call, const pz__host_overload *overload,
                 const pz__type **result)
{
    pz__type_params params = {0};
    for (uint32_t i = 0; i < arity(call); i++) {
        const pz__type *want = pz__instantiate(ck, overload->params[i], &params);
        if (!pz__assignable(ck, want, arg_type(call, i)))
            return false;
    }
    *result = pz__instantiate(ck, overload->result, &params);
    return true;
}

/* The result of the call: the type all fitting overloads share, or dyn; NULL if none fits. */
static const pz__type *resolve_overload(pz__checker *ck, const pz__expr *call, bool *shaped)
{
    const pz__type *result = NULL;
    for (uint32_t i = 0; i < overload_count(call); i++) {
        pz__host_overload overload = overload_of(call, i);
        if (overload.member != (call->target != NULL) || overload.param_count != arity(call) ||
            overload.param_count > PZ__HOST_PARAMS_MAX)
            continue;
        *shaped = true;
        uint32_t mark = pz__vars_mark(ck);
        const pz__type *type = NULL;
        if (!fits(ck, call, &overload, &type)) {
            pz__vars_undo(ck, mark);
        } else if (!result) {
            result = type;
        } else {
            type = pz__substitute(ck, type);
            pz__vars_undo(ck, mark);
            if (!pz__type_same(pz__substitute(ck, result), type))
                result = &pz__type_dyn;
        }
    }
    return result;
}

static void wrong_shape(pz__checker *ck, const pz__expr *call)
{
    if (overload_count(call) == 0)
        return no_overload(ck, call);
    pz__host_overload first = overload_of(call, 0);
    bool member = first.member;
    uint32_t count = first.param_count - member;
    pz__issue(ck->sink, PZ_ERR_TYPE, call->name_at, call->name_end,
              "%.*s() is written %s%.*s(...) with %u argument%s", PZ__STR_ARG(call->name),
              member ? "value." : "", PZ__STR_ARG(call->name), count, count == 1 ? "" : "s");
}

static void check_parts(pz__checker *ck, pz__expr *call, bool *broken)
{
    if (call->target)
        pz__check_node(ck, call->target);
    for (uint32_t i = 0; i < call->count; i++)
        pz__check_node(ck, call->args[i]);
    for (uint32_t i = 0; i < arity(call); i++)
        *broken |= pz__type_resolve(ck, arg_type(call, i))->kind == PZ__T_ERROR;
}

/* math.greatest() and math.least() take any number of arguments: more than two become one list. */
static void gather_numbers(pz__checker *ck, pz__expr *call)
{
    pz__impl impl = call->index < pz__function_count ? pz__functions[call->index].impl : NULL;
    if ((impl != pz__fn_greatest && impl != pz__fn_least) || call->target || call->count < 3)
        return;
    pz__expr *list = pz__arena_zero(ck->scratch, 1, sizeof *list);
    pz__expr **args = pz__arena_array(ck->scratch, 1, sizeof *args);
    if (!list || !args) {
        pz__issue_nomem(ck->sink);
        return;
    }
    *list = (pz__expr){.kind = PZ__E_LIST,
                       .depth = call->depth,
                       .start = call->args[0]->start,
                       .end = call->args[call->count - 1]->end,
                       .count = call->count,
                       .args = call->args};
    args[0] = list;
    call->args = args;
    call->count = 1;
    pz__check_node(ck, list);
}

void pz__check_call(pz__checker *ck, pz__expr *call)
{
    bool broken = false, shaped = false;
    if (derived(ck, call))
        return;
    const bool known = pz__find_function(ck, call);
    if (!known && miswritten_macro(ck, call))
        return;
    check_parts(ck, call, &broken);
    if (!known) {
        if (unchecked(ck))
            pz__make_fail(call, "no such function");
        else
            unknown_function(ck, call);
        call->type = unchecked(ck) ? &pz__type_dyn : &pz__type_error;
        return;
    }
    gather_numbers(ck, call);
    call->type = resolve_overload(ck, call, &shaped);
    if (broken) {
        call->type = &pz__type_error;
        return;
    }
    if (!call->type && unchecked(ck)) {
        call->type = &pz__type_dyn;
        if (!shaped)
            pz__make_fail(call, "no such overload: the function is not written like this");
    } else if (!call->type) {
        call->type = &pz__type_error;
        if (shaped)
            no_overload(ck, call);
        else
            wrong_shape(ck, call);
    }
    if (call->kind != PZ__E_CALL || call->type == &pz__type_error)
        return;
    pz__tell_compared(ck, call);
    pz__check_zone(ck, call);
    pz__check_pattern(ck, call);
    pz__fold(ck, call);
}

/* ---- folding ---- */

/* All parts are constants, and only the library's own functions stand between them. */
static bool all_constant(const pz__expr *expr)
{
    if (expr->host || (expr->target && expr->target->kind != PZ__E_CONST))
        return false;
    for (uint32_t i = 0; i < expr->count; i++)
        if (expr->args[i]->kind != PZ__E_CONST || expr->args[i]->spread)
            return false;
    return true;
}

static void become(pz__expr *expr, pz_value value)
{
    expr->kind = PZ__E_CONST;
    expr->constant = value;
}

static bool reads_text(pz__impl impl)
{
    return impl == pz__fn_duration || impl == pz__fn_timestamp || impl == pz__fn_int ||
           impl == pz__fn_uint || impl == pz__fn_double || impl == pz__fn_bool;
}

/* A call that fails whatever is known would leave its rule silent for good: a text that cannot be
 * read is the author's mistake. Other failures may be meant, as the error of a test is. */
static void refuse_text(pz__checker *ck, pz__expr *call, pz_value problem)
{
    const pz__impl impl = pz__functions[call->index].impl;
    if (!ck->env || !ck->env->strict_texts || (ck->options && ck->options->unchecked) ||
        !reads_text(impl) || call->args[0]->constant.kind != PZ_STRING || pz__is_fatal(problem))
        return;
    const pz__cel_error *error = (const void *)problem.as.text;
    pz__issue(ck->sink, PZ_ERR_TYPE, call->args[0]->start, call->args[0]->end, "%s%s",
              error->message, impl == pz__fn_duration ? "; 30 days are duration('720h')" : "");
    call->type = &pz__type_error;
}

static void fold_call(pz__checker *ck, pz__expr *expr)
{
    pz_value args[PZ__PARAMS_MAX];
    uint32_t count = 0;
    if (expr->target)
        args[count++] = expr->target->constant;
    for (uint32_t i = 0; i < expr->count && count < PZ__PARAMS_MAX; i++)
        args[count++] = expr->args[i]->constant;
    pz__call call = {ck->arena, &ck->fold_steps, expr->name_at, ck->env ? ck->env->zones : NULL};
    pz_value value = pz__functions[expr->index].impl(&call, args, count);
    if (value.kind != PZ__V_ERROR)
        become(expr, value);
    else
        refuse_text(ck, expr, value);
}

static void fold_list(pz__checker *ck, pz__expr *expr)
{
    pz_value *items = pz__arena_array(ck->arena, expr->count, sizeof *items);
    if (!items) {
        pz__issue_nomem(ck->sink);
        return;
    }
    for (uint32_t i = 0; i < expr->count; i++)
        items[i] = expr->args[i]->constant;
    become(expr, pz__value_of_items(items, expr->count));
}

static void fold_map(pz__checker *ck, pz__expr *expr)
{
    uint32_t count = expr->count / 2;
    pz_entry *entries = pz__arena_array(ck->arena, count, sizeof *entries);
    if (!entries) {
        pz__issue_nomem(ck->sink);
        return;
    }
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (pz_entry){expr->args[2 * i]->constant, expr->args[2 * i + 1]->constant};
    pz_value map;
    pz_status status = pz__value_of_entries(ck->arena, &map, entries, count, PZ__DUP_REFUSE);
    if (status == PZ_OK)
        become(expr, map);
    else if (status == PZ_ERR_NOMEM)
        pz__issue_nomem(ck->sink);
}

void pz__fold(pz__checker *ck, pz__expr *expr)
{
    if (!all_constant(expr) || ck->sink->status == PZ_ERR_NOMEM)
        return;
    if (expr->kind == PZ__E_CALL)
        fold_call(ck, expr);
    else if (expr->kind == PZ__E_LIST)
        fold_list(ck, expr);
    else if (expr->kind == PZ__E_MAP)
        fold_map(ck, expr);
}
