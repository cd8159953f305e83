/*
 * plan_chain.c: truths: chains of && and ||, and their terms.
 *
 * A chain keeps its result so far in one register. It begins with the neutral truth; each term
 * either leaves the chain with the deciding truth, or is absorbed if it is a problem, or lets the
 * chain go on. What stands in the register at the end is the result, so absorbing errors costs
 * nothing where there are none.
 *
 * A term that compares a slot, a register or a field of either with a constant is one instruction.
 * `!` in front of it only turns the truth that leaves the chain. Constants on the left are moved to
 * the right with the relation mirrored.
 */
#include "cel/plan.h"

/* A comparison with a constant, as the instruction will have it. */
typedef struct test {
    const pz__expr *subject;
    pz__opcode op; /* the slot form; the others follow it */
    bool negated;
    bool is_set;
    pz_value constant;
} test;

typedef enum relation_kind { IS_EQ, IS_LT, IS_LE, IS_GT, IS_GE, IS_NE } relation_kind;

static const struct {
    const char *name;
    relation_kind kind, mirrored;
} relations[] = {
    {"_==_", IS_EQ, IS_EQ}, {"_!=_", IS_NE, IS_NE}, {"_<_", IS_LT, IS_GT},
    {"_<=_", IS_LE, IS_GE}, {"_>_", IS_GT, IS_LT},  {"_>=_", IS_GE, IS_LE},
};

/* ORDER of relation_kind; the others have no instruction of their own. */
static const uint16_t int_ops[] = {PZ__OP_S_INT_EQ, PZ__OP_S_INT_LT, PZ__OP_S_INT_LE,
                                   PZ__OP_S_INT_GT, PZ__OP_S_INT_GE, PZ__OP_S_INT_EQ};
static const uint16_t double_ops[] = {PZ__OP_S_DBL_EQ, PZ__OP_S_DBL_LT, PZ__OP_S_DBL_LE,
                                      PZ__OP_S_DBL_GT, PZ__OP_S_DBL_GE, PZ__OP_S_DBL_EQ};

static bool relation_op(relation_kind kind, pz_value constant, pz__opcode *op)
{
    bool equality = kind == IS_EQ || kind == IS_NE;
    switch (constant.kind) {
    case PZ_INT:
        *op = (pz__opcode)int_ops[kind];
        return true;
    case PZ_DOUBLE:
        *op = (pz__opcode)double_ops[kind];
        return true;
    case PZ_STRING:
        *op = PZ__OP_S_STR_EQ;
        return equality;
    default:
        *op = PZ__OP_S_SAME;
        return equality;
    }
}

static bool relation_test(const pz__expr *call, test *t)
{
    bool right = call->args[1]->kind == PZ__E_CONST;
    if (!right && call->args[0]->kind != PZ__E_CONST)
        return false;
    for (size_t i = 0; i < sizeof relations / sizeof relations[0]; i++) {
        if (!pz__str_equal(call->name, pz_str_of(relations[i].name)))
            continue;
        relation_kind kind = right ? relations[i].kind : relations[i].mirrored;
        t->subject = call->args[right ? 0 : 1];
        t->constant = call->args[right ? 1 : 0]->constant;
        t->negated = kind == IS_NE;
        return relation_op(kind, t->constant, &t->op);
    }
    return false;
}

/* `x in [...]`: all strings or all ints. */
static bool set_test(const pz__expr *call, test *t)
{
    const pz__expr *list = call->args[1];
    if (!pz__str_equal(call->name, PZ__STR("@in")) || list->kind != PZ__E_CONST ||
        list->constant.kind != PZ_LIST || list->constant.len == 0)
        return false;
    uint32_t kind = list->constant.as.items[0].kind;
    for (uint32_t i = 0; i < list->constant.len; i++)
        if (list->constant.as.items[i].kind != kind)
            return false;
    t->subject = call->args[0];
    t->constant = list->constant;
    t->is_set = true;
    t->op = kind == PZ_STRING ? PZ__OP_S_IN_STR : PZ__OP_S_IN_INT;
    return kind == PZ_STRING || kind == PZ_INT;
}

static bool prefix_test(const pz__expr *call, test *t)
{
    if (!call->target || call->count != 1 || call->args[0]->kind != PZ__E_CONST ||
        call->args[0]->constant.kind != PZ_STRING ||
        !pz__str_equal(call->name, PZ__STR("startsWith")))
        return false;
    t->subject = call->target;
    t->constant = call->args[0]->constant;
    t->op = PZ__OP_S_STARTS;
    return true;
}

/* What test an expression is, below any number of `!`; false if it is none. */
static bool find_test(const pz__expr *expr, test *t)
{
    *t = (test){0};
    if (expr->kind != PZ__E_CALL || expr->host)
        return false;
    if (!expr->target && expr->count == 1 && pz__str_equal(expr->name, PZ__STR("!_"))) {
        if (find_test(expr->args[0], t)) {
            t->negated = !t->negated;
            return true;
        }
        *t = (test){.subject = expr->args[0], .op = PZ__OP_S_TRUE, .negated = true};
        return true;
    }
    if (expr->target)
        return prefix_test(expr, t);
    return expr->count == 2 && (relation_test(expr, t) || set_test(expr, t));
}

bool pz__is_test(const pz__expr *expr)
{
    test t;
    return find_test(expr, &t);
}

/* What a term does to its chain. */
typedef struct chain {
    uint32_t dst;
    bool exit;   /* the truth that leaves the chain */
    bool stands; /* and what the chain then stands for */
} chain;

static uint16_t exit_bits(chain c, bool negated)
{
    return (uint16_t)((c.exit != negated ? 1 : 0) | (c.stands ? 2 : 0));
}

static bool is_slot(const pz__expr *expr)
{
    return expr->kind == PZ__E_SLOT && !expr->test_only;
}

static bool is_field(const pz__expr *expr)
{
    return expr->kind == PZ__E_SELECT && !expr->test_only && !expr->optional;
}

/* The form of the test that reads what it is about where it stands. */
static void aim(pz__planner *p, pz__ins *ins, const pz__expr *subject)
{
    if (is_slot(subject)) {
        ins->x = pz__plan_slot(p, subject->index);
    } else if (is_field(subject) && is_slot(subject->target)) {
        ins->op += PZ__TEST_OF_SLOT_FIELD;
        ins->x = pz__plan_field(p, subject, pz__plan_slot(p, subject->target->index));
    } else if (is_field(subject)) {
        ins->op += PZ__TEST_OF_FIELD;
        ins->x = pz__plan_field(p, subject, pz__plan_operand(p, subject->target));
    } else {
        ins->op += PZ__TEST_OF_REGISTER;
        ins->x = pz__plan_operand(p, subject);
    }
}

static void emit_test(pz__planner *p, const pz__expr *expr, const test *t, chain c, uint32_t *leave)
{
    uint32_t mark = p->next_register;
    pz__ins ins = {.op = (uint16_t)t->op, .dst = (uint16_t)c.dst, .b = exit_bits(c, t->negated)};
    if (t->is_set)
        ins.a = (uint16_t)pz__plan_set(p, t->constant);
    else if (t->op != PZ__OP_S_TRUE)
        ins.a = (uint16_t)pz__plan_const(p, t->constant);
    aim(p, &ins, t->subject);
    pz__jump_later(p, leave, pz__emit(p, ins, is_field(expr) ? expr->start : expr->name_at));
    p->next_register = mark;
}

static void plan_term(pz__planner *p, const pz__expr *expr, chain c, uint32_t *leave)
{
    test t;
    if (!find_test(expr, &t)) {
        if (expr->kind == PZ__E_SLOT || expr->kind == PZ__E_LOCAL || is_field(expr)) {
            t = (test){.subject = expr, .op = PZ__OP_S_TRUE};
        } else {
            uint32_t mark = p->next_register;
            uint32_t value = pz__take_registers(p, 1);
            pz__plan_value(p, expr, value);
            pz__ins step = {.op = PZ__OP_STEP,
                            .dst = (uint16_t)c.dst,
                            .a = (uint16_t)value,
                            .b = exit_bits(c, false)};
            pz__jump_later(p, leave, pz__emit(p, step, expr->start));
            p->next_register = mark;
            return;
        }
    }
    emit_test(p, expr, &t, c, leave);
}

void pz__plan_term(pz__planner *p, const pz__expr *expr, uint32_t dst, bool exit, uint32_t *leave)
{
    plan_term(p, expr, (chain){dst, exit, exit}, leave);
}

void pz__plan_neutral(pz__planner *p, const pz__expr *expr, uint32_t dst, bool neutral)
{
    pz__emit(p,
             (pz__ins){.op = PZ__OP_CONST,
                       .dst = (uint16_t)dst,
                       .x = pz__plan_const(p, pz_value_bool(neutral))},
             expr->start);
}

static void plan_terms(pz__planner *p, const pz__expr *expr, chain c, uint32_t *leave)
{
    pz__expr_kind same = c.exit ? PZ__E_OR : PZ__E_AND;
    if (expr->kind != same) {
        plan_term(p, expr, c, leave);
        return;
    }
    for (uint32_t i = 0; i < expr->count; i++)
        plan_terms(p, expr->args[i], c, leave);
}

void pz__plan_chain(pz__planner *p, const pz__expr *expr, uint32_t dst)
{
    bool exit = expr->kind == PZ__E_OR;
    uint32_t leave = PZ__NOWHERE;
    pz__plan_neutral(p, expr, dst, !exit);
    plan_terms(p, expr, (chain){dst, exit, exit}, &leave);
    pz__jump_here(p, leave, p->code_count);
}

void pz__plan_condition(pz__planner *p, const pz__expr *expr, uint32_t dst, uint32_t *leave)
{
    plan_terms(p, expr, (chain){dst, false, true}, leave);
}
