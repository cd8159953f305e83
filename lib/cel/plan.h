/*
 * plan.h: the state that the files of the planner share: plan.c (values), plan_macro.c
 * (loops and lazy values), plan_chain.c (truths).
 */
#ifndef PZ_CEL_PLAN_H
#define PZ_CEL_PLAN_H

#include "cel/program.h"

/* No instruction: the end of a list of jumps that wait for their target. */
#define PZ__NOWHERE UINT32_MAX

typedef struct pz__planner {
    pz__arena *scratch;
    pz__arena *arena;
    pz__issue_sink *sink;
    pz__ins *code;
    uint32_t *offsets;
    pz_value *consts;
    pz__set *sets;
    pz__field *fields;
    uint32_t *slots;
    uint32_t code_count, code_cap;
    uint32_t const_count, const_cap;
    uint32_t set_count, set_cap;
    uint32_t field_count, field_cap;
    uint32_t slot_count, slot_cap;
    uint32_t next_register, register_count;
    struct pz__local {
        uint32_t reg;
        uint32_t code; /* of a lazy one; PZ__NOWHERE for others */
    } * locals;        /* by number of the variable */
    uint32_t local_cap;
    const pz__host_function **hosts;
    uint32_t host_count, host_cap;
    bool failed;
} pz__planner;

/* Instructions that one step pays for; a turn of a longer body takes more than one. */
#define PZ__INS_PER_STEP 64u

/* Code that leaves the value of `expr` in register dst. */
void pz__plan_value(pz__planner *p, const pz__expr *expr, uint32_t dst);

uint32_t pz__emit(pz__planner *p, pz__ins ins, uint32_t offset);
uint32_t pz__plan_const(pz__planner *p, pz_value value);
uint32_t pz__plan_slot(pz__planner *p, uint32_t slot);
uint32_t pz__plan_set(pz__planner *p, pz_value list);
/* What a selection selects; `from` as in pz__field. */
uint32_t pz__plan_field(pz__planner *p, const pz__expr *select, uint32_t from);
/* The register that holds the operand of a selection from here on. */
uint32_t pz__plan_operand(pz__planner *p, const pz__expr *operand);
/* A run of registers above all in use. Given back by restoring next_register. */
uint32_t pz__take_registers(pz__planner *p, uint32_t count);
/* The register of a variable, whose value is there from here on. */
uint32_t pz__plan_local(pz__planner *p, const pz__expr *local);
void pz__set_local(pz__planner *p, uint32_t number, uint32_t reg, uint32_t code);

/* Jumps to a place not yet known are linked through their y; `list` is the last one. */
void pz__jump_later(pz__planner *p, uint32_t *list, uint32_t at);
void pz__jump_here(pz__planner *p, uint32_t list, uint32_t target);

/* ---- plan_macro.c ---- */

void pz__plan_macro(pz__planner *p, const pz__expr *expr, uint32_t dst);
/* size() of a filter: counts instead of building the list. False if the call is none. */
bool pz__plan_counted(pz__planner *p, const pz__expr *call, uint32_t dst);
void pz__plan_let(pz__planner *p, const pz__expr *expr, uint32_t dst);
/* or() and orValue(); false if the call is neither. */
bool pz__plan_otherwise(pz__planner *p, const pz__expr *call, uint32_t dst);

static inline pz__ins pz__ins_of(pz__opcode op, uint32_t dst, uint32_t a, uint32_t x)
{
    return (pz__ins){.op = (uint16_t)op, .dst = (uint16_t)dst, .a = (uint16_t)a, .x = x};
}

/* ---- plan_chain.c ---- */

/* && and ||, or any expression as a chain of one term: dst becomes a bool or a problem. */
void pz__plan_chain(pz__planner *p, const pz__expr *expr, uint32_t dst);
/* One term into the chain of dst, which leaves it (adding to *leave) when the term is `exit`. */
void pz__plan_term(pz__planner *p, const pz__expr *expr, uint32_t dst, bool exit, uint32_t *leave);
/* The chain of dst begins with its neutral truth. */
void pz__plan_neutral(pz__planner *p, const pz__expr *expr, uint32_t dst, bool neutral);
/* The terms of a condition into the chain of dst, which is true. When one is false it is left, and
 * dst is true again: ready for the next turn of a loop. */
void pz__plan_condition(pz__planner *p, const pz__expr *expr, uint32_t dst, uint32_t *leave);
/* True if the expression has a test instruction of its own. */
bool pz__is_test(const pz__expr *expr);

#endif
