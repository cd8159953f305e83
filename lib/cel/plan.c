/*
 * plan.c: a checked tree to instructions.
 *
 * Every expression is planned into a register that its parent chose and that no part of it reads;
 * registers above those in use are taken and given back, so the number needed is the depth of the
 * expression, not its size. Arguments of a call stand in a row.
 *
 * Macros and lazy values are in plan_macro.c, truths in plan_chain.c. Jumps whose target is not
 * known yet are linked through their target field and set when it is.
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

/* Offsets stand beside the instructions and have no capacity of their own: they grow first, and
 * without them nothing does. */
uint32_t pz__emit(pz__planner *p, pz__ins ins, uint32_t offset)
{
    uint32_t offset_count = p->code_count, offset_cap = p->code_cap;
    uint32_t *where = push(p, &p->offsets, &offset_count, &offset_cap, sizeof *where);
    if (!where)
        return 0;
    pz__ins *code = push(p, &p->code, &p->code_count, &p->code_cap, sizeof *code);
    if (!code)
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

uint32_t pz__plan_field(pz__planner *p, const pz__expr *select, uint32_t from)
{
    const char *name = pz__arena_text(p->arena, select->name.data, select->name.len);
    if (!name) {
        fail_nomem(p);
        return 0;
    }
    pz__field *field = push(p, &p->fields, &p->field_count, &p->field_cap, sizeof *field);
    if (!field)
        return 0;
    pz_str key = {name, select->name.len};
    *field = (pz__field){.key = pz__value_of_str(key),
                         .hash = (uint32_t)pz__map_hash(key),
                         .from = from,
                         .at = select->name_at};
    field->pattern = pz__pattern_of(&field->key);
    return p->field_count - 1;
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

uint32_t pz__plan_local(pz__planner *p, const pz__expr *local)
{
    if (p->failed || !p->locals)
        return 0;
    struct pz__local found = p->locals[local->index];
    if (found.code != PZ__NOWHERE)
        pz__emit(p, (pz__ins){.op = PZ__OP_NEED, .dst = (uint16_t)found.reg, .y = found.code},
                 local->start);
    return found.reg;
}

void pz__set_local(pz__planner *p, uint32_t number, uint32_t reg, uint32_t code)
{
    uint32_t cap = p->local_cap ? p->local_cap : 8;
    while (cap <= number)
        cap *= 2;
    if (cap > p->local_cap) {
        struct pz__local *locals = pz__arena_zero(p->scratch, cap, sizeof *locals);
        if (!locals) {
            fail_nomem(p);
            return;
        }
        if (p->local_cap)
            memcpy(locals, p->locals, p->local_cap * sizeof *locals);
        p->locals = locals;
        p->local_cap = cap;
    }
    p->locals[number] = (struct pz__local){reg, code};
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

#define ins pz__ins_of

/* A text that borrows from the source, kept. */
static uint32_t plan_text(pz__planner *p, pz_str text)
{
    const char *copy = pz__arena_text(p->arena, text.data, text.len);
    if (!copy)
        fail_nomem(p);
    return pz__plan_const(p, pz__value_of_str((pz_str){copy, text.len}));
}

static uint32_t plan_host(pz__planner *p, const pz__host_function *host)
{
    for (uint32_t i = 0; i < p->host_count; i++)
        if (p->hosts[i] == host)
            return i;
    const pz__host_function **room = push(p, &p->hosts, &p->host_count, &p->host_cap, sizeof *room);
    if (!room)
        return 0;
    *room = host;
    return p->host_count - 1;
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
    pz__ins call = expr->host ? ins(PZ__OP_HOST, dst, first, plan_host(p, expr->host))
                              : ins(PZ__OP_CALL, dst, first, expr->index);
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

static bool has_spread(const pz__expr *expr)
{
    for (uint32_t i = 0; i < expr->count; i++)
        if (expr->args[i]->spread)
            return true;
    return false;
}

/* Lists and maps some of whose elements may be absent: where one stands is known only then. */
static void plan_spread(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    bool is_map = expr->kind == PZ__E_MAP;
    uint32_t mark = p->next_register, part = pz__take_registers(p, 2);
    pz__emit(p, ins(PZ__OP_LIST, dst, 0, expr->count), expr->start);
    for (uint32_t i = 0; i < expr->count && !p->failed; i += 1 + is_map) {
        const pz__expr *first = expr->args[i];
        pz__plan_value(p, first, part);
        if (is_map)
            pz__plan_value(p, expr->args[i + 1], part + 1);
        pz__ins add =
            is_map ? ins(PZ__OP_ENTRY, dst, part, first->spread) : ins(PZ__OP_ADD, dst, part, 0);
        add.b = (uint16_t)(is_map ? part + 1 : first->spread);
        pz__emit(p, add, first->start);
    }
    if (is_map)
        pz__emit(p, ins(PZ__OP_MAP, dst, 0, 0), expr->start);
    p->next_register = mark;
}

/* Lists, and maps as the list of their keys and values. */
static void plan_collection(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    if (has_spread(expr)) {
        plan_spread(p, expr, dst);
        return;
    }
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

/* a.?f is a call: what the map or optional has of that name, as an optional. */
static void plan_look(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    uint32_t mark = p->next_register, operand = pz__take_registers(p, 2);
    pz__plan_value(p, expr->target, operand);
    pz__emit(p, ins(PZ__OP_CONST, operand + 1, 0, plan_text(p, expr->name)), expr->name_at);
    pz__ins look = ins(PZ__OP_CALL, dst, operand, pz__function_find(PZ__STR("_?._")));
    look.b = 2;
    pz__emit(p, look, expr->name_at);
    p->next_register = mark;
}

uint32_t pz__plan_operand(pz__planner *p, const pz__expr *operand)
{
    if (operand->kind == PZ__E_LOCAL)
        return pz__plan_local(p, operand);
    uint32_t reg = pz__take_registers(p, 1);
    pz__plan_value(p, operand, reg);
    return reg;
}

static void plan_selection(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    if (expr->optional) {
        plan_look(p, expr, dst);
        return;
    }
    uint32_t mark = p->next_register;
    uint32_t operand = pz__plan_operand(p, expr->target);
    pz__emit(
        p,
        ins(expr->test_only ? PZ__OP_HAS : PZ__OP_SELECT, dst, operand, pz__plan_field(p, expr, 0)),
        expr->name_at);
    p->next_register = mark;
}

static void plan_function(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    if (!expr->host && pz__is_test(expr)) {
        pz__plan_chain(p, expr, dst);
        return;
    }
    if (!expr->host && (pz__plan_counted(p, expr, dst) || pz__plan_otherwise(p, expr, dst)))
        return;
    plan_call(p, expr, dst);
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
        pz__emit(p, ins(PZ__OP_MOVE, dst, pz__plan_local(p, expr), 0), expr->start);
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
        pz__plan_macro(p, expr, dst);
        return;
    case PZ__E_LET:
        pz__plan_let(p, expr, dst);
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

static void *keep(pz__planner *p, const void *items, uint32_t count, size_t size)
{
    void *copy = pz__arena_array(p->arena, count, size);
    if (!copy)
        fail_nomem(p);
    else if (count)
        memcpy(copy, items, count * size);
    return copy;
}

/* Names and messages borrow from the source or the scratch arena until here. */
static void keep_texts(pz__planner *p)
{
    for (uint32_t i = 0; i < p->code_count && !p->failed; i++) {
        uint16_t op = p->code[i].op;
        if (op != PZ__OP_NAME && op != PZ__OP_FAIL)
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
        .fields = keep(&p, p.fields, p.field_count, sizeof *p.fields),
        .slots = keep(&p, p.slots, p.slot_count, sizeof *p.slots),
        .hosts = keep(&p, p.hosts, p.host_count, sizeof *p.hosts),
        .host_count = p.host_count,
        .code_count = p.code_count,
        .const_count = p.const_count,
        .set_count = p.set_count,
        .field_count = p.field_count,
        .slot_count = p.slot_count,
        .register_count = p.register_count,
        .slot_end = p.slot_count ? p.slots[p.slot_count - 1] + 1 : 0,
    };
    if (p.failed)
        return NULL;
    pz__weigh_turns(program, (pz__ins *)(uintptr_t)program->code);
    return program;
}
