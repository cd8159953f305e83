/*
 * eval.c: the loop.
 *
 * A program runs over registers on the C stack (in the arena, if it needs many). Instructions are
 * dispatched by computed goto. What is quick is here: a slot that is filled, a comparison of the
 * kind that was planned for, one more element. Everything else (pending slots, errors, unknowns,
 * values of another kind) goes through problem.c, so the checker's types are only a promise of
 * speed: a slot that holds something else gives the right answer more slowly.
 *
 * The loop trusts its program: operands were verified when it was made. Registers are not cleared;
 * an instruction reads only what an earlier one wrote, except the loop's and chain's own registers,
 * which begin with ROOM, ZERO, CONST or ITER.
 *
 * Every turn of a macro takes one step, and one more for each PZ__INS_PER_STEP instructions of its
 * body; functions that walk lists take theirs. At zero the evaluation ends with PZ_ERR_LIMIT.
 */
#include "cel/eval.h"

/* Registers that stand on the C stack; more come from the arena. */
#define STACK_REGISTERS 32u

#define same_text(a, a_len, b, b_len) ((a_len) == (b_len) && pz__same_octets(a, b, a_len))

/* The loop's own vocabulary. */
#define NEXT_INSTRUCTION                                                                           \
    do {                                                                                           \
        ins++;                                                                                     \
        goto *dispatch[ins->op];                                                                   \
    } while (0)
#define CONTINUE_AT(target)                                                                        \
    do {                                                                                           \
        ins = code + (target);                                                                     \
        goto *dispatch[ins->op];                                                                   \
    } while (0)
#define STORE(value)                                                                               \
    do {                                                                                           \
        r[ins->dst] = (value);                                                                     \
        NEXT_INSTRUCTION;                                                                          \
    } while (0)
#define FAIL_WITH(value)                                                                           \
    do {                                                                                           \
        r[ins->dst] = (value);                                                                     \
        if (pz__is_fatal(r[ins->dst]))                                                             \
            return r[ins->dst];                                                                    \
        CONTINUE_AT(ins->y);                                                                       \
    } while (0)
/* A term of a chain came out as `truth`. */
#define CHAIN(truth)                                                                               \
    do {                                                                                           \
        if ((truth) == (ins->b & 1)) {                                                             \
            r[ins->dst] = truths[ins->b >> 1];                                                     \
            CONTINUE_AT(ins->y);                                                                   \
        }                                                                                          \
        NEXT_INSTRUCTION;                                                                          \
    } while (0)
/* A term of a chain is a problem. */
#define CHAIN_PROBLEM(problem)                                                                     \
    do {                                                                                           \
        r[ins->dst] = pz__vm_absorb(vm, r[ins->dst], problem);                                     \
        if (pz__is_fatal(r[ins->dst]))                                                             \
            return r[ins->dst];                                                                    \
        NEXT_INSTRUCTION;                                                                          \
    } while (0)

static const pz_value truths[2] = {{.kind = PZ_BOOL, .as.b = false},
                                   {.kind = PZ_BOOL, .as.b = true}};

static pz_value run(const pz__program *const program, pz__activation *activation)
{
    static const void *const labels[] = {
#define OP(name, dst, a, b, x, y) &&op_##name,
#include "cel/opcodes.def"
#undef OP
    };
    /* When the cost is counted, every instruction is counted before it is run. */
    static const void *const counted[] = {
#define OP(name, dst, a, b, x, y) &&op_counted,
#include "cel/opcodes.def"
#undef OP
    };
    pz_value stack[STACK_REGISTERS];
    pz_value *restrict r = stack;
    if (__builtin_expect(program->register_count > STACK_REGISTERS, 0)) {
        r = pz__arena_array(activation->arena, program->register_count, sizeof *r);
        if (!r)
            return pz__call_nomem();
    }
    uint32_t steps = activation->step_limit ? activation->step_limit : PZ__CEL_STEPS_DEFAULT;
    steps -= steps == PZ__STEPS_SPENT;
    pz__vm state = {
        .program = program, .activation = activation, .steps = steps, .step_limit = steps};
    pz__vm *const vm = &state;
    vm->call = (pz__call){activation->arena, &vm->steps, 0, program->zones};
    const void *const *const dispatch = activation->cost ? counted : labels;
    const pz__ins *const code = program->code;
    const pz_value *const consts = program->consts;
    const pz_value *const slots = activation->slots;
    const pz__ins *ins = code;
    goto *dispatch[ins->op];

op_counted:
    if (!pz__vm_count(vm, ins, r))
        return pz__call_costly();
    goto *labels[ins->op];
op_CONST:
    STORE(consts[ins->x]);
op_LOAD:
    if (__builtin_expect(slots[ins->x].kind == PZ__V_PENDING, 0))
        STORE(pz__vm_slot(vm, ins->x));
    STORE(slots[ins->x]);
op_KNOWN : {
    pz_value v = pz__vm_slot(vm, ins->x);
    STORE(v.kind == PZ__V_ERROR ? v : truths[v.kind != PZ__V_UNKNOWN]);
}
op_NAME:
    pz__vm_at(vm, ins);
    STORE(pz__vm_name(vm, pz_value_text(consts[ins->x]), ins->b));
op_MOVE:
    STORE(r[ins->a]);
op_FAIL:
    pz__vm_at(vm, ins);
    STORE(pz__call_fail(&vm->call, consts[ins->x].as.text));
op_SELECT : {
    pz__field *field = &program->fields[ins->x];
    const pz_value *found = pz__field_peek(&r[ins->a], field);
    if (__builtin_expect(found != NULL, 1))
        STORE(*found);
    STORE(pz__vm_select(vm, ins, r[ins->a]));
}
op_HAS : {
    pz__field *field = &program->fields[ins->x];
    if (pz__field_peek(&r[ins->a], field))
        STORE(truths[1]);
    STORE(pz__vm_has(vm, ins, r[ins->a]));
}
op_CALL:
    r[ins->dst] = pz__vm_call(vm, ins, &r[ins->a]);
    if (__builtin_expect(pz__is_fatal(r[ins->dst]), 0))
        return r[ins->dst];
    NEXT_INSTRUCTION;
op_HOST:
    r[ins->dst] = pz__vm_host(vm, ins, &r[ins->a]);
    if (pz__is_fatal(r[ins->dst]))
        return r[ins->dst];
    NEXT_INSTRUCTION;
op_LIST:
    STORE(pz__vm_list(vm, ins->x));
op_PUT:
    pz__vm_put(vm, &r[ins->dst], r[ins->a], ins->x);
    NEXT_INSTRUCTION;
op_ADD:
    pz__vm_at(vm, ins);
    pz__vm_add(vm, &r[ins->dst], NULL, r[ins->a], ins->b);
    NEXT_INSTRUCTION;
op_ENTRY:
    pz__vm_at(vm, ins);
    pz__vm_add(vm, &r[ins->dst], &r[ins->a], r[ins->b], ins->x);
    NEXT_INSTRUCTION;
op_MERGE:
    pz__vm_at(vm, ins);
    STORE(pz__vm_merge(vm, r[ins->dst]));
op_MAP:
    pz__vm_at(vm, ins);
    STORE(pz__vm_map(vm, r[ins->dst]));
op_RETURN:
    return r[ins->a];

op_JUMP:
    CONTINUE_AT(ins->y);
op_CHOOSE:
    if (r[ins->a].kind == PZ_BOOL) {
        if (r[ins->a].as.b)
            NEXT_INSTRUCTION;
        CONTINUE_AT(ins->x);
    }
    pz__vm_at(vm, ins);
    FAIL_WITH(pz__vm_absorb(vm, truths[1], r[ins->a]));
op_STEP:
    if (r[ins->a].kind == PZ_BOOL)
        CHAIN(r[ins->a].as.b);
    pz__vm_at(vm, ins);
    CHAIN_PROBLEM(r[ins->a]);

op_HELD:
    if (r[ins->a].kind == PZ__V_OPTIONAL && !pz__optional_has(r[ins->a]))
        NEXT_INSTRUCTION;
    pz__vm_at(vm, ins);
    FAIL_WITH(pz__vm_held(vm, r[ins->a], ins->b));
op_OPEN:
    if (r[ins->a].kind == PZ__V_OPTIONAL && pz__optional_has(r[ins->a])) {
        r[ins->b] = pz__optional_value(r[ins->a]);
        NEXT_INSTRUCTION;
    }
    pz__vm_at(vm, ins);
    FAIL_WITH(pz__vm_held(vm, r[ins->a], false));
op_WRAP:
    STORE(pz__is_problem(r[ins->a]) ? r[ins->a] : pz__optional_of(vm->call.arena, r[ins->a]));
op_MAYBE:
    pz__vm_at(vm, ins);
    STORE(pz__vm_held(vm, r[ins->a], false));

op_DEFER:
    r[ins->dst].kind = PZ__V_PENDING;
    CONTINUE_AT(ins->y);
op_NEED:
    if (r[ins->dst].kind != PZ__V_PENDING)
        NEXT_INSTRUCTION;
    r[ins->dst + 1].as.u = (uint64_t)(ins - code) + 1;
    CONTINUE_AT(ins->y);
op_BACK:
    CONTINUE_AT(r[ins->dst + 1].as.u);

op_ITER:
    if (r[ins->a].kind != PZ_LIST && r[ins->a].kind != PZ_MAP) {
        pz__vm_at(vm, ins);
        FAIL_WITH(pz__vm_range(vm, r[ins->a]));
    }
    r[ins->a + 1].as.u = 0;
    r[ins->a + 1].len = 0; /* of fruitless scans */
    CONTINUE_AT(ins->x);
op_NEXT : {
    pz_value *it = &r[ins->a];
    uint64_t at = it[1].as.u;
    if (at >= it->len)
        NEXT_INSTRUCTION;
    const uint32_t weight = 1u + ins->b;
    if (__builtin_expect(vm->steps - weight >= PZ__STEPS_SPENT - weight, 0)) /* too few, or spent */
        return pz__call_spent();
    vm->steps -= weight;
    it[1].as.u = at + 1;
    it[2] = it->kind == PZ_LIST ? it->as.items[at] : pz__map_entries(*it)[at].key;
    CONTINUE_AT(ins->y);
}
op_NEXT2 : {
    pz_value *it = &r[ins->a];
    uint64_t at = it[1].as.u;
    if (at >= it->len)
        NEXT_INSTRUCTION;
    const uint32_t weight = 1u + ins->b;
    if (__builtin_expect(vm->steps - weight >= PZ__STEPS_SPENT - weight, 0))
        return pz__call_spent();
    vm->steps -= weight;
    it[1].as.u = at + 1;
    it[2] = it->kind == PZ_LIST ? pz_value_int((int64_t)at) : pz__map_entries(*it)[at].key;
    it[3] = it->kind == PZ_LIST ? it->as.items[at] : pz__map_entries(*it)[at].value;
    CONTINUE_AT(ins->y);
}
op_SCAN:
    if (r[ins->a].kind == PZ_LIST && dispatch == labels)
        pz__vm_scan(vm, ins, r);
    NEXT_INSTRUCTION;
op_ROOM:
    STORE(r[ins->a].kind == PZ_LIST || r[ins->a].kind == PZ_MAP
              ? pz__vm_list(vm, (size_t)r[ins->a].len * ins->b)
              : pz_value_null());
op_APPEND:
    pz__vm_put(vm, &r[ins->dst], r[ins->a], r[ins->dst].len);
    if (pz__is_problem(r[ins->dst]))
        FAIL_WITH(r[ins->dst]);
    NEXT_INSTRUCTION;
op_ZERO:
    STORE(((pz_value){.kind = PZ_INT}));
op_COUNT:
    if (__builtin_expect(r[ins->a].kind == PZ_BOOL, 1)) {
        r[ins->dst].as.i++;
        NEXT_INSTRUCTION;
    }
    FAIL_WITH(r[ins->a]);
op_ONE:
    if (!pz__is_problem(r[ins->dst]))
        r[ins->dst] = truths[r[ins->dst].as.i == 1];
    NEXT_INSTRUCTION;

/* The tests. `k` or `s` is the constant; not every test has use for it. */
#define QUICKLY(quick_kind, quick)                                                                 \
    do {                                                                                           \
        const pz_value *k = &consts[ins->a];                                                       \
        const pz__set *s = &program->sets[ins->a];                                                 \
        (void)k;                                                                                   \
        (void)s;                                                                                   \
        if (__builtin_expect(v->kind == (quick_kind), 1))                                          \
            CHAIN(quick);                                                                          \
    } while (0)
#define SLOWLY(answer)                                                                             \
    do {                                                                                           \
        pz_value truth = (answer);                                                                 \
        if (truth.kind == PZ_BOOL)                                                                 \
            CHAIN(truth.as.b);                                                                     \
        CHAIN_PROBLEM(truth);                                                                      \
    } while (0)
/* A slot that nobody asked for yet is fetched, and the instruction begins again. */
#define FETCHED(slot)                                                                              \
    do {                                                                                           \
        if (slots[slot].kind == PZ__V_PENDING) {                                                   \
            pz__vm_slot(vm, slot);                                                                 \
            goto *labels[ins->op];                                                                 \
        }                                                                                          \
    } while (0)
#define FIELD(where)                                                                               \
    pz__field *field = &program->fields[ins->x];                                                   \
    const pz_value *v = pz__field_peek(&(where)[field->from], field)
#define TEST(name, relation, a, kind, quick)                                                       \
    op_S_##name:                                                                                   \
    {                                                                                              \
        const pz_value *v = &slots[ins->x];                                                        \
        QUICKLY(kind, quick);                                                                      \
        FETCHED(ins->x);                                                                           \
        SLOWLY(pz__vm_test(vm, ins, PZ__REL_##relation, *v));                                      \
    }                                                                                              \
    op_R_##name:                                                                                   \
    {                                                                                              \
        const pz_value *v = &r[ins->x];                                                            \
        QUICKLY(kind, quick);                                                                      \
        SLOWLY(pz__vm_test(vm, ins, PZ__REL_##relation, *v));                                      \
    }                                                                                              \
    op_SF_##name:                                                                                  \
    {                                                                                              \
        FIELD(slots);                                                                              \
        if (__builtin_expect(v != NULL, 1))                                                        \
            QUICKLY(kind, quick);                                                                  \
        FETCHED(field->from);                                                                      \
        SLOWLY(pz__vm_test_field(vm, ins, PZ__REL_##relation, slots[field->from]));                \
    }                                                                                              \
    op_RF_##name:                                                                                  \
    {                                                                                              \
        FIELD(r);                                                                                  \
        if (__builtin_expect(v != NULL, 1))                                                        \
            QUICKLY(kind, quick);                                                                  \
        SLOWLY(pz__vm_test_field(vm, ins, PZ__REL_##relation, r[field->from]));                    \
    }
#define OP(name, dst, a, b, x, y)
#include "cel/opcodes.def"
#undef OP
#undef TEST
}

pz_value pz__cel_eval(const pz__program *program, pz__activation *activation)
{
    if (activation->cost)
        *activation->cost = 0;
    if (program->is_constant)
        return program->constant;
    if (program->slot_end > activation->slot_count)
        return pz__cel_fail(activation->arena, PZ_ERR_ARG,
                            "the activation has fewer slots than the program reads");
    return run(program, activation);
}
