/*
 * plan_macro.c: what walks, what looks inside, and what waits until it is needed.
 *
 * Macros become loops with the condition planned as a chain (plan_chain.c):
 *
 *      filter:  ROOM dst, range          exists:  CONST dst, false
 *               CONST truth, true                 ITER range -> next
 *               ITER range -> next
 *        body:  condition ... else next     body: term, leaves the chain when true
 *               CHOOSE ... else next
 *               APPEND dst, variable
 *        next:  NEXT -> body                next: NEXT -> body
 *        end:                               end:
 *
 * In front of NEXT stands a SCAN (scan.c), if the condition is tests of the variable and nothing
 * else. It adds nothing to what the loop means and nothing to its weight.
 *
 * size(list.filter(...)) counts instead of building the list: COUNT in place of CHOOSE and APPEND.
 * A macro that makes a map gathers keys and values in one list and makes the map of it at the end.
 *
 * A named value (cel.bind, cel.block) is a subroutine of the flat program: DEFER marks its register
 * as not computed and steps over its code; NEED, before each use, runs the code if nobody has and
 * comes BACK. Values only need those before them, so no routine is ever entered twice at a time,
 * and one register for the way back is enough.
 */
#include "cel/plan.h"

/* ---- loops ---- */

/* A loop under construction. */
typedef struct loop {
    uint32_t iter;  /* the ITER instruction */
    uint32_t range; /* range, position, one variable or two */
    uint32_t body;  /* first instruction of the body */
    uint32_t again; /* jumps to NEXT */
    uint32_t end;   /* jumps behind the loop */
    pz__ins scan;   /* to stand before NEXT, if it has tests */
} loop;

static loop open_loop(pz__planner *p, const pz__expr *macro)
{
    loop l = {.again = PZ__NOWHERE, .end = PZ__NOWHERE};
    l.range = pz__take_registers(p, macro->second.len ? 4 : 3);
    pz__plan_value(p, macro->target, l.range);
    pz__set_local(p, macro->index, l.range + 2, PZ__NOWHERE);
    if (macro->second.len)
        pz__set_local(p, macro->index + 1, l.range + 3, PZ__NOWHERE);
    return l;
}

static void begin_loop(pz__planner *p, loop *l, const pz__expr *macro, uint32_t dst)
{
    l->iter = pz__emit(p, pz__ins_of(PZ__OP_ITER, dst, l->range, 0), macro->target->start);
    pz__jump_later(p, &l->end, l->iter);
    l->body = p->code_count;
}

/* The tests of the loop's variable in a row from `first`. */
static uint32_t count_tests(const pz__planner *p, const loop *l, uint32_t first)
{
    uint32_t at = first;
    while (at < p->code_count && pz__is_test_of(&p->code[at], p->fields, l->range + 2))
        at++;
    return at - first;
}

/*
 * The condition just planned, from instruction `first` on, becomes the loop's scan if it is tests
 * only: either one after another as terms of the loop's own chain, all of which an element that is
 * wanted passes; or a chain of their own, begun by CONST and handed on by STEP, whose truth for who
 * passes is that of the CONST. `wanted` is the truth that makes an element one that is chosen.
 */
static void plan_scan(pz__planner *p, loop *l, const pz__expr *macro, uint32_t first, pz__scan what,
                      bool passed, bool wanted, uint32_t dst)
{
    if (p->failed || macro->second.len || first == p->code_count)
        return;
    const pz__ins *begin = &p->code[first], *end = &p->code[p->code_count - 1];
    const bool is_chain =
        begin->op == PZ__OP_CONST && end->op == PZ__OP_STEP && end->a == begin->dst;
    const uint32_t tests = count_tests(p, l, first + is_chain);
    if (tests == 0 || tests > PZ__SCAN_TERMS || first + tests + 2 * is_chain != p->code_count)
        return;
    if (is_chain)
        passed = p->consts[begin->x].as.b;
    l->scan = pz__ins_of(PZ__OP_SCAN, dst, l->range, first + is_chain);
    l->scan.b = (uint16_t)tests;
    l->scan.y = what | (passed == wanted ? 0 : PZ__SCAN_OUT);
}

static void close_loop(pz__planner *p, const loop *l, const pz__expr *macro)
{
    uint32_t next = p->code_count;
    if (l->scan.b)
        pz__emit(p, l->scan, macro->start);
    pz__ins again = pz__ins_of(macro->second.len ? PZ__OP_NEXT2 : PZ__OP_NEXT, 0, l->range, 0);
    uint32_t weight = (next - l->body) / PZ__INS_PER_STEP;
    again.b = (uint16_t)(weight < UINT16_MAX ? weight : UINT16_MAX);
    again.y = l->body;
    pz__emit(p, again, macro->start);
    pz__jump_here(p, l->again, next);
    if (!p->failed)
        p->code[l->iter].x = next;
    pz__jump_here(p, l->end, p->code_count);
}

static void plan_quantifier(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    bool exit = expr->macro == PZ__MACRO_EXISTS;
    loop l = open_loop(p, expr);
    pz__emit(p, pz__ins_of(PZ__OP_CONST, dst, 0, pz__plan_const(p, pz_value_bool(!exit))),
             expr->start);
    begin_loop(p, &l, expr, dst);
    pz__plan_term(p, expr->args[0], dst, exit, &l.end);
    if (p->code_count - l.body > 1)
        plan_scan(p, &l, expr, l.body, (pz__scan)0, !exit, exit, dst);
    close_loop(p, &l, expr);
}

/*
 * The condition of filter, map and exists_one: go on only when it is true; a problem ends the loop.
 * Its chain begins before the loop and is true again whenever it is left, so no turn begins it
 * anew.
 */
static uint32_t open_guard(pz__planner *p, const pz__expr *condition)
{
    uint32_t truth = pz__take_registers(p, 1);
    pz__plan_neutral(p, condition, truth, true);
    return truth;
}

/* `op`, CHOOSE or COUNT, sees only true or a problem: the condition's own jumps leave at false. */
static void plan_guard(pz__planner *p, loop *l, const pz__expr *macro, uint32_t truth,
                       pz__opcode op, pz__scan what, uint32_t dst)
{
    const pz__expr *condition = macro->args[0];
    pz__plan_condition(p, condition, truth, &l->again);
    if (what)
        plan_scan(p, l, macro, l->body, what, true, true, dst);
    uint32_t at = pz__emit(p, pz__ins_of(op, dst, truth, 0), condition->start);
    pz__jump_later(p, &l->end, at);
    if (!p->failed && op == PZ__OP_CHOOSE)
        p->code[at].x = p->code_count;
}

static void plan_counter(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    loop l = open_loop(p, expr);
    pz__emit(p, pz__ins_of(PZ__OP_ZERO, dst, 0, 0), expr->start);
    uint32_t truth = open_guard(p, expr->args[0]);
    begin_loop(p, &l, expr, dst);
    plan_guard(p, &l, expr, truth, PZ__OP_COUNT, PZ__SCAN_COUNT, dst);
    close_loop(p, &l, expr);
}

static void plan_append(pz__planner *p, loop *l, const pz__expr *macro, uint32_t value,
                        uint32_t dst)
{
    pz__jump_later(p, &l->end, pz__emit(p, pz__ins_of(PZ__OP_APPEND, dst, value, 0), macro->start));
}

/* What the values gathered by a macro become at the end. */
static void plan_gathered(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    if (expr->macro == PZ__MACRO_TRANSFORM_MAP)
        pz__emit(p, pz__ins_of(PZ__OP_MAP, dst, 0, 0), expr->start);
    else if (expr->macro == PZ__MACRO_TRANSFORM_ENTRY)
        pz__emit(p, pz__ins_of(PZ__OP_MERGE, dst, 0, 0), expr->start);
}

/* The register of the range. */
static uint32_t plan_collector(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    loop l = open_loop(p, expr);
    uint32_t value = l.range + 2; /* the variable itself, of filter; the key, of transformMap */
    pz__ins room = pz__ins_of(PZ__OP_ROOM, dst, l.range, 0);
    room.b = expr->macro == PZ__MACRO_TRANSFORM_MAP ? 2 : 1;
    pz__emit(p, room, expr->start);
    bool is_guarded = expr->macro == PZ__MACRO_FILTER || expr->count == 2;
    uint32_t truth = is_guarded ? open_guard(p, expr->args[0]) : 0;
    begin_loop(p, &l, expr, dst);
    if (is_guarded)
        plan_guard(p, &l, expr, truth, PZ__OP_CHOOSE,
                   expr->macro == PZ__MACRO_FILTER ? PZ__SCAN_KEEP : (pz__scan)0, dst);
    if (expr->macro == PZ__MACRO_TRANSFORM_MAP)
        plan_append(p, &l, expr, value, dst);
    if (expr->macro != PZ__MACRO_FILTER) {
        value = pz__take_registers(p, 1);
        pz__plan_value(p, expr->args[expr->count - 1], value);
    }
    plan_append(p, &l, expr, value, dst);
    close_loop(p, &l, expr);
    plan_gathered(p, expr, dst);
    return l.range;
}

/* sortBy: the keys are gathered as map() would, and sorted by together with the range. */
static void plan_sorted(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t run = pz__take_registers(p, 2);
    uint32_t range = plan_collector(p, expr, run + 1);
    pz__emit(p, pz__ins_of(PZ__OP_MOVE, run, range, 0), expr->start);
    pz__ins call = pz__ins_of(PZ__OP_CALL, dst, run, pz__function_find(PZ__STR("@sortByKeys")));
    call.b = 2;
    pz__emit(p, call, expr->start);
}

/* ---- optionals ---- */

static void plan_opened(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t end = PZ__NOWHERE;
    uint32_t optional = pz__take_registers(p, 2);
    pz__plan_value(p, expr->target, optional);
    pz__set_local(p, expr->index, optional + 1, PZ__NOWHERE);
    pz__ins open = pz__ins_of(PZ__OP_OPEN, dst, optional, 0);
    open.b = (uint16_t)(optional + 1);
    pz__jump_later(p, &end, pz__emit(p, open, expr->target->start));
    pz__plan_value(p, expr->args[0], dst);
    pz__opcode finish = expr->macro == PZ__MACRO_OPT_MAP ? PZ__OP_WRAP : PZ__OP_MAYBE;
    pz__emit(p, pz__ins_of(finish, dst, dst, 0), expr->args[0]->start);
    pz__jump_here(p, end, p->code_count);
}

bool pz__plan_otherwise(pz__planner *p, const pz__expr *call, uint32_t dst)
{
    bool or_value = pz__functions[call->index].impl == pz__fn_or_value;
    if (!or_value && pz__functions[call->index].impl != pz__fn_or)
        return false;
    uint32_t mark = p->next_register, end = PZ__NOWHERE;
    uint32_t optional = pz__take_registers(p, 1);
    pz__plan_value(p, call->target, optional);
    pz__ins held = pz__ins_of(PZ__OP_HELD, dst, optional, 0);
    held.b = or_value;
    pz__jump_later(p, &end, pz__emit(p, held, call->name_at));
    p->next_register = mark;
    pz__plan_value(p, call->args[0], dst);
    if (!or_value)
        pz__emit(p, pz__ins_of(PZ__OP_MAYBE, dst, dst, 0), call->args[0]->start);
    pz__jump_here(p, end, p->code_count);
    return true;
}

/* ---- lazy values ---- */

/* The code of one lazy value. Its registers are its own, for it runs in the midst of other code. */
static void plan_lazy(pz__planner *p, const pz__expr *value, uint32_t number)
{
    uint32_t before = p->register_count;
    uint32_t reg = pz__take_registers(p, 2);
    uint32_t defer = pz__emit(p, pz__ins_of(PZ__OP_DEFER, reg, 0, 0), value->start);
    uint32_t code = p->code_count;
    p->register_count = p->next_register;
    pz__plan_value(p, value, reg);
    p->next_register = p->register_count;
    p->register_count = before > p->next_register ? before : p->next_register;
    pz__emit(p, pz__ins_of(PZ__OP_BACK, reg, 0, 0), value->start);
    if (!p->failed)
        p->code[defer].y = p->code_count;
    pz__set_local(p, number, reg, code);
}

void pz__plan_let(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register;
    for (uint32_t i = 0; i + 1 < expr->count && !p->failed; i++)
        if (!pz__is_alias(expr->args[i]))
            plan_lazy(p, expr->args[i], expr->index + i);
    pz__plan_value(p, expr->args[expr->count - 1], dst);
    p->next_register = mark;
}

void pz__plan_macro(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register;
    switch ((pz__macro)expr->macro) {
    case PZ__MACRO_ALL:
    case PZ__MACRO_EXISTS:
        plan_quantifier(p, expr, dst);
        break;
    case PZ__MACRO_EXISTS_ONE:
        plan_counter(p, expr, dst);
        pz__emit(p, pz__ins_of(PZ__OP_ONE, dst, 0, 0), expr->start);
        break;
    case PZ__MACRO_MAP:
    case PZ__MACRO_FILTER:
    case PZ__MACRO_TRANSFORM_MAP:
    case PZ__MACRO_TRANSFORM_ENTRY:
        plan_collector(p, expr, dst);
        break;
    case PZ__MACRO_SORT_BY:
        plan_sorted(p, expr, dst);
        break;
    case PZ__MACRO_OPT_MAP:
    case PZ__MACRO_OPT_FLAT_MAP:
        plan_opened(p, expr, dst);
        break;
    }
    p->next_register = mark;
}

/* size(x.filter(...)) and x.filter(...).size(). */
static const pz__expr *counted_filter(const pz__expr *expr)
{
    if (!pz__str_equal(expr->name, PZ__STR("size")) || expr->count + (expr->target != NULL) != 1)
        return NULL;
    const pz__expr *list = expr->target ? expr->target : expr->args[0];
    return list->kind == PZ__E_MACRO && list->macro == PZ__MACRO_FILTER ? list : NULL;
}

bool pz__plan_counted(pz__planner *p, const pz__expr *call, uint32_t dst)
{
    const pz__expr *filter = counted_filter(call);
    if (!filter)
        return false;
    uint32_t mark = p->next_register;
    plan_counter(p, filter, dst);
    p->next_register = mark;
    return true;
}
