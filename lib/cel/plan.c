/*
 * plan.c: a checked tree to instructions.
 *
 * Every expression is planned into a register that its parent chose and that no part of it reads;
 * registers above those in use are taken and given back, so the number needed is the depth of the
 * expression, not its size. Arguments of a call stand in a row.
 *
 * Macros become loops with the condition planned as a chain (plan_chain.c):
 *
 *      filter:  ROOM dst, range          exists:  CONST dst, false
 *               ITER range -> next                ITER range -> next
 *        body:  condition ... else next     body: term, leaves the chain when true
 *               CHOOSE ... else next
 *               APPEND dst, variable
 *        next:  NEXT -> body                next: NEXT -> body
 *        end:                               end:
 *
 * size(list.filter(...)) counts instead of building the list. Jumps whose target is not known yet
 * are linked through their target field and set when it is.
 */
#include "cel/plan.h"

static void fail_nomem(pz__planner *p)
{
    pz__issue_nomem(p->sink);
    p->failed = true;
}

static void fail_limit(pz__planner *p, const char *what)
{
    if (!p->failed)
        pz__issue(p->sink, PZ_ERR_LIMIT, 0, 0, "the expression has too many %s; split it", what);
    p->failed = true;
}

/* One more element of a growing array in the scratch arena; NULL without memory. */
static void *push(pz__planner *p, void *array, uint32_t *count, uint32_t *cap, size_t size)
{
    char **items = array;
    if (*count == *cap) {
        uint32_t wider = *cap ? *cap * 2 : 16;
        char *piece = pz__arena_array(p->scratch, wider, size);
        if (!piece) {
            fail_nomem(p);
            return NULL;
        }
        if (*count)
            memcpy(piece, *items, *count * size);
        *items = piece;
        *cap = wider;
    }
    return *items + (size_t)(*count)++ * size;
}

/* ---- parts of a program ---- */

uint32_t pz__emit(pz__planner *p, pz__ins ins, uint32_t offset)
{
    uint32_t offset_count = p->code_count, offset_cap = p->code_cap;
    uint32_t *where = push(p, &p->offsets, &offset_count, &offset_cap, sizeof *where);
    pz__ins *code = push(p, &p->code, &p->code_count, &p->code_cap, sizeof *code);
    if (!where || !code)
        return 0;
    *where = offset;
    *code = ins;
    return p->code_count - 1;
}

uint32_t pz__plan_const(pz__planner *p, pz_value value)
{
    for (uint32_t i = 0; value.kind == PZ_BOOL && i < p->const_count; i++)
        if (p->consts[i].kind == PZ_BOOL && p->consts[i].as.b == value.as.b)
            return i;
    pz_value *room = push(p, &p->consts, &p->const_count, &p->const_cap, sizeof *room);
    if (!room)
        return 0;
    *room = value;
    if (p->const_count > UINT16_MAX)
        fail_limit(p, "constants");
    return p->const_count - 1;
}

uint32_t pz__plan_set(pz__planner *p, pz_value list)
{
    pz__set *set = push(p, &p->sets, &p->set_count, &p->set_cap, sizeof *set);
    if (!set)
        return 0;
    if (!pz__set_make(p->arena, set, list))
        fail_nomem(p);
    if (p->set_count > UINT16_MAX)
        fail_limit(p, "lists");
    return p->set_count - 1;
}

/* Slots are kept ascending, each once. */
uint32_t pz__plan_slot(pz__planner *p, uint32_t slot)
{
    uint32_t at = 0;
    while (at < p->slot_count && p->slots[at] < slot)
        at++;
    if (at < p->slot_count && p->slots[at] == slot)
        return slot;
    if (!push(p, &p->slots, &p->slot_count, &p->slot_cap, sizeof *p->slots))
        return slot;
    memmove(p->slots + at + 1, p->slots + at, (p->slot_count - 1 - at) * sizeof *p->slots);
    p->slots[at] = slot;
    return slot;
}

uint32_t pz__take_registers(pz__planner *p, uint32_t count)
{
    uint32_t first = p->next_register;
    if (count > PZ__REGISTERS_MAX - first) {
        fail_limit(p, "parts in one place");
        return 0;
    }
    p->next_register += count;
    if (p->register_count < p->next_register)
        p->register_count = p->next_register;
    return first;
}

uint32_t pz__local_register(const pz__planner *p, const pz__expr *local)
{
    return p->local_registers ? p->local_registers[local->index] : 0;
}

static void set_local_register(pz__planner *p, uint32_t number, uint32_t reg)
{
    uint32_t cap = p->local_cap ? p->local_cap : 8;
    while (cap <= number)
        cap *= 2;
    if (cap > p->local_cap) {
        uint32_t *registers = pz__arena_zero(p->scratch, cap, sizeof *registers);
        if (!registers) {
            fail_nomem(p);
            return;
        }
        if (p->local_cap)
            memcpy(registers, p->local_registers, p->local_cap * sizeof *registers);
        p->local_registers = registers;
        p->local_cap = cap;
    }
    p->local_registers[number] = reg;
}

void pz__jump_later(pz__planner *p, uint32_t *list, uint32_t at)
{
    if (p->failed)
        return;
    p->code[at].y = *list;
    *list = at;
}

void pz__jump_here(pz__planner *p, uint32_t list, uint32_t target)
{
    while (!p->failed && list != PZ__NOWHERE) {
        uint32_t next = p->code[list].y;
        p->code[list].y = target;
        list = next;
    }
}

/* ---- values ---- */

static pz__ins ins(pz__opcode op, uint32_t dst, uint32_t a, uint32_t x)
{
    return (pz__ins){.op = (uint16_t)op, .dst = (uint16_t)dst, .a = (uint16_t)a, .x = x};
}

static void plan_call(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register;
    uint32_t count = expr->count + (expr->target != NULL);
    uint32_t first = pz__take_registers(p, count), at = first;
    if (expr->target)
        pz__plan_value(p, expr->target, at++);
    for (uint32_t i = 0; i < expr->count && !p->failed; i++)
        pz__plan_value(p, expr->args[i], at++);
    pz__ins call = ins(PZ__OP_CALL, dst, first, expr->index);
    call.b = (uint16_t)count;
    pz__emit(p, call, expr->name_at);
    p->next_register = mark;
}

static void plan_conditional(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register, end = PZ__NOWHERE;
    uint32_t condition = pz__take_registers(p, 1);
    pz__plan_value(p, expr->args[0], condition);
    uint32_t choose = pz__emit(p, ins(PZ__OP_CHOOSE, dst, condition, 0), expr->args[0]->start);
    pz__jump_later(p, &end, choose);
    p->next_register = mark;
    pz__plan_value(p, expr->args[1], dst);
    pz__jump_later(p, &end, pz__emit(p, ins(PZ__OP_JUMP, 0, 0, 0), expr->start));
    if (!p->failed)
        p->code[choose].x = p->code_count;
    pz__plan_value(p, expr->args[2], dst);
    pz__jump_here(p, end, p->code_count);
}

/* Lists, and maps as the list of their keys and values. */
static void plan_collection(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register;
    uint32_t value = pz__take_registers(p, 1);
    pz__emit(p, ins(PZ__OP_LIST, dst, 0, expr->count), expr->start);
    for (uint32_t i = 0; i < expr->count && !p->failed; i++) {
        pz__plan_value(p, expr->args[i], value);
        pz__emit(p, ins(PZ__OP_PUT, dst, value, i), expr->args[i]->start);
    }
    if (expr->kind == PZ__E_MAP)
        pz__emit(p, ins(PZ__OP_MAP, dst, 0, 0), expr->start);
    p->next_register = mark;
}

static void plan_selection(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register;
    uint32_t operand;
    if (expr->target->kind == PZ__E_LOCAL) {
        operand = pz__local_register(p, expr->target);
    } else {
        operand = pz__take_registers(p, 1);
        pz__plan_value(p, expr->target, operand);
    }
    pz__ins select = ins(expr->test_only ? PZ__OP_HAS : PZ__OP_SELECT, dst, operand,
                         pz__plan_const(p, pz__value_of_str(expr->name)));
    if (!expr->test_only) {
        select.b = (uint16_t)p->hint_count;
        p->hint_count += p->hint_count + 1 < PZ__HINTS;
    }
    pz__emit(p, select, expr->name_at);
    p->next_register = mark;
}

/* ---- macros ---- */

/* A loop under construction. */
typedef struct loop {
    uint32_t iter;  /* the ITER instruction */
    uint32_t range; /* three registers: range, position, variable */
    uint32_t body;  /* first instruction of the body */
    uint32_t again; /* jumps to NEXT */
    uint32_t end;   /* jumps behind the loop */
} loop;

static loop open_loop(pz__planner *p, const pz__expr *macro)
{
    loop l = {.again = PZ__NOWHERE, .end = PZ__NOWHERE};
    l.range = pz__take_registers(p, 3);
    pz__plan_value(p, macro->target, l.range);
    set_local_register(p, macro->index, l.range + 2);
    return l;
}

static void begin_loop(pz__planner *p, loop *l, const pz__expr *macro, uint32_t dst)
{
    l->iter = pz__emit(p, ins(PZ__OP_ITER, dst, l->range, 0), macro->target->start);
    pz__jump_later(p, &l->end, l->iter);
    l->body = p->code_count;
}

static void close_loop(pz__planner *p, const loop *l, const pz__expr *macro)
{
    uint32_t next = p->code_count;
    pz__ins again = ins(PZ__OP_NEXT, 0, l->range, 0);
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
    pz__emit(p, ins(PZ__OP_CONST, dst, 0, pz__plan_const(p, pz_value_bool(!exit))), expr->start);
    begin_loop(p, &l, expr, dst);
    pz__plan_term(p, expr->args[0], dst, exit, &l.end);
    close_loop(p, &l, expr);
}

/* The condition of filter, map and exists_one: go on only when it is true; a problem ends the loop.
 */
static void plan_guard(pz__planner *p, loop *l, const pz__expr *condition, uint32_t dst)
{
    uint32_t mark = p->next_register;
    uint32_t truth = pz__take_registers(p, 1);
    pz__plan_condition(p, condition, truth, &l->again);
    uint32_t choose = pz__emit(p, ins(PZ__OP_CHOOSE, dst, truth, 0), condition->start);
    pz__jump_later(p, &l->end, choose);
    /* The condition's own jumps leave when it is false, so what arrives is true or a problem. */
    if (!p->failed)
        p->code[choose].x = p->code_count;
    p->next_register = mark;
}

static void plan_counter(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    loop l = open_loop(p, expr);
    pz__emit(p, ins(PZ__OP_ZERO, dst, 0, 0), expr->start);
    begin_loop(p, &l, expr, dst);
    plan_guard(p, &l, expr->args[0], dst);
    pz__emit(p, ins(PZ__OP_COUNT, dst, 0, 0), expr->start);
    close_loop(p, &l, expr);
}

static void plan_collector(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t value;
    loop l = open_loop(p, expr);
    pz__emit(p, ins(PZ__OP_ROOM, dst, l.range, 0), expr->start);
    begin_loop(p, &l, expr, dst);
    if (expr->macro == PZ__MACRO_FILTER || expr->count == 2)
        plan_guard(p, &l, expr->args[0], dst);
    if (expr->macro == PZ__MACRO_FILTER) {
        value = l.range + 2;
    } else {
        value = pz__take_registers(p, 1);
        pz__plan_value(p, expr->args[expr->count - 1], value);
    }
    pz__jump_later(p, &l.end, pz__emit(p, ins(PZ__OP_APPEND, dst, value, 0), expr->start));
    close_loop(p, &l, expr);
}

static void plan_macro(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register;
    switch ((pz__macro)expr->macro) {
    case PZ__MACRO_ALL:
    case PZ__MACRO_EXISTS:
        plan_quantifier(p, expr, dst);
        break;
    case PZ__MACRO_EXISTS_ONE:
        plan_counter(p, expr, dst);
        pz__emit(p, ins(PZ__OP_ONE, dst, 0, 0), expr->start);
        break;
    case PZ__MACRO_MAP:
    case PZ__MACRO_FILTER:
        plan_collector(p, expr, dst);
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

static void plan_function(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    const pz__expr *filter = counted_filter(expr);
    if (filter) {
        uint32_t mark = p->next_register;
        plan_counter(p, filter, dst);
        p->next_register = mark;
    } else if (pz__is_test(expr)) {
        pz__plan_chain(p, expr, dst);
    } else {
        plan_call(p, expr, dst);
    }
}

void pz__plan_value(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    if (p->failed)
        return;
    switch ((pz__expr_kind)expr->kind) {
    case PZ__E_CONST:
        pz__emit(p, ins(PZ__OP_CONST, dst, 0, pz__plan_const(p, expr->constant)), expr->start);
        return;
    case PZ__E_SLOT:
        pz__emit(p,
                 ins(expr->test_only ? PZ__OP_KNOWN : PZ__OP_LOAD, dst, 0,
                     pz__plan_slot(p, expr->index)),
                 expr->start);
        return;
    case PZ__E_LOCAL:
        pz__emit(p, ins(PZ__OP_MOVE, dst, pz__local_register(p, expr), 0), expr->start);
        return;
    case PZ__E_NAME: {
        pz__ins name = ins(PZ__OP_NAME, dst, 0, pz__plan_const(p, pz__value_of_str(expr->name)));
        name.b = expr->absolute;
        pz__emit(p, name, expr->start);
        return;
    }
    case PZ__E_SELECT:
        plan_selection(p, expr, dst);
        return;
    case PZ__E_AND:
    case PZ__E_OR:
        pz__plan_chain(p, expr, dst);
        return;
    case PZ__E_COND:
        plan_conditional(p, expr, dst);
        return;
    case PZ__E_LIST:
    case PZ__E_MAP:
        plan_collection(p, expr, dst);
        return;
    case PZ__E_MACRO:
        plan_macro(p, expr, dst);
        return;
    case PZ__E_CALL:
        plan_function(p, expr, dst);
        return;
    case PZ__E_FAIL:
    default:
        pz__emit(p, ins(PZ__OP_FAIL, dst, 0, pz__plan_const(p, pz__value_of_str(expr->name))),
                 expr->start);
        return;
    }
}

/* ---- the whole ---- */

static const void *keep(pz__planner *p, const void *items, uint32_t count, size_t size)
{
    void *copy = pz__arena_array(p->arena, count, size);
    if (!copy)
        fail_nomem(p);
    else if (count)
        memcpy(copy, items, count * size);
    return copy;
}

/* Names of fields borrow from the source or the scratch arena until here. */
static void keep_texts(pz__planner *p)
{
    for (uint32_t i = 0; i < p->code_count && !p->failed; i++) {
        uint16_t op = p->code[i].op;
        if (op != PZ__OP_SELECT && op != PZ__OP_HAS && op != PZ__OP_NAME && op != PZ__OP_FAIL)
            continue;
        pz_value *text = &p->consts[p->code[i].x];
        text->as.text = pz__arena_text(p->arena, text->as.text, text->len);
        if (!text->as.text)
            fail_nomem(p);
    }
}

pz__program *pz__plan(pz__arena *scratch, pz__arena *arena, const pz__expr *expr,
                      pz__issue_sink *sink)
{
    pz__planner p = {.scratch = scratch, .arena = arena, .sink = sink};
    uint32_t result = pz__take_registers(&p, 1);
    pz__plan_value(&p, expr, result);
    pz__emit(&p, ins(PZ__OP_RETURN, 0, result, 0), expr->start);
    keep_texts(&p);
    pz__program *program = pz__arena_zero(arena, 1, sizeof *program);
    if (!program)
        fail_nomem(&p);
    if (p.failed)
        return NULL;
    *program = (pz__program){
        .code = keep(&p, p.code, p.code_count, sizeof *p.code),
        .offsets = keep(&p, p.offsets, p.code_count, sizeof *p.offsets),
        .consts = keep(&p, p.consts, p.const_count, sizeof *p.consts),
        .sets = keep(&p, p.sets, p.set_count, sizeof *p.sets),
        .slots = keep(&p, p.slots, p.slot_count, sizeof *p.slots),
        .code_count = p.code_count,
        .const_count = p.const_count,
        .set_count = p.set_count,
        .slot_count = p.slot_count,
        .register_count = p.register_count,
        .slot_end = p.slot_count ? p.slots[p.slot_count - 1] + 1 : 0,
    };
    return p.failed ? NULL : program;
}
