/*
 * cost.c: what an evaluation costs: a bound when compiling, a count when running.
 *
 * One unit is about one look at one value: reading a name, selecting a field, calling a function,
 * putting one item into a list, one turn of a macro. A function whose row in functions.def says
 * PZ__COST_SIZE costs a unit for each item of its lists and maps and for each 16 octets of its
 * texts besides. Constants, jumps and tests of a truth that is there are free. Units are the same
 * on every machine, so a limit in units is part of what a rule means.
 *
 * The count is exact: the loop of eval.c, when it is asked to count, adds pz__cost_of() for every
 * instruction, and the steps that functions take for walking are added at the end.
 *
 * The estimate walks the checked tree and keeps for each node the least and greatest cost and the
 * greatest *size*: a bound on the length of every list, map and text in the value, at any depth.
 * Sizes begin at constants and at the hints of the environment; a name without a hint is unbounded,
 * and so is what depends on it. Least means least: && and || may stop after the first term, a
 * condition may fail before either arm is chosen. With hints that hold, every evaluation that is
 * not cut short by a limit lies between the two.
 */
#include "cel/check.h"
#include "cel/plan.h"

#include "cel/eval.h"

#define UNBOUNDED UINT64_MAX
/* Octets of text that cost one unit to look at. */
#define OCTETS_PER_UNIT 16u

static uint64_t plus(uint64_t a, uint64_t b)
{
    return a > UNBOUNDED - b ? UNBOUNDED : a + b;
}

static uint64_t times(uint64_t a, uint64_t b)
{
    uint64_t product;
    return __builtin_mul_overflow(a, b, &product) ? UNBOUNDED : product;
}

static uint64_t greater(uint64_t a, uint64_t b)
{
    return a > b ? a : b;
}

/* ---- texts that instructions hold ---- */

/* Octets of the name and the constant text that an instruction compares with. */
static uint64_t octets_of(const pz__program *p, const pz__ins *ins)
{
    if (ins->op == PZ__OP_SELECT || ins->op == PZ__OP_HAS)
        return p->fields[ins->x].key.len;
    if (ins->op < PZ__OP_S_TRUE)
        return 0;
    const uint32_t form = (ins->op - PZ__OP_S_TRUE) % PZ__TEST_FORMS;
    const bool of_field = form == PZ__TEST_OF_SLOT_FIELD || form == PZ__TEST_OF_FIELD;
    const uint64_t name = of_field ? p->fields[ins->x].key.len : 0;
    switch (ins->op - form) {
    case PZ__OP_S_STR_EQ:
    case PZ__OP_S_STARTS:
        return name + p->consts[ins->a].len;
    case PZ__OP_S_IN_STR:
        return name + p->sets[ins->a].longest;
    default:
        return name;
    }
}

void pz__weigh_turns(const pz__program *program, pz__ins *code)
{
    for (uint32_t at = 0; at < program->code_count; at++) {
        uint64_t octets = 0, weight;
        if (code[at].op != PZ__OP_NEXT && code[at].op != PZ__OP_NEXT2)
            continue;
        for (uint32_t i = code[at].y; i < at; i++)
            octets += octets_of(program, &code[i]);
        weight = code[at].b + octets / (OCTETS_PER_UNIT * PZ__INS_PER_STEP);
        code[at].b = (uint16_t)(weight < UINT16_MAX ? weight : UINT16_MAX);
    }
}

/* ---- counting ---- */

static uint64_t size_of(pz_value v)
{
    switch (v.kind) {
    case PZ_LIST:
    case PZ_MAP:
        return v.len;
    case PZ_STRING:
    case PZ_BYTES:
        return v.len / OCTETS_PER_UNIT;
    default:
        return 0;
    }
}

static uint64_t cost_of_call(const pz__ins *ins, const pz_value *args)
{
    uint64_t cost = 1;
    if (pz__functions[ins->x].cost == PZ__COST_SIZE)
        for (uint32_t i = 0; i < ins->b; i++)
            cost += size_of(args[i]);
    return cost;
}

uint64_t pz__cost_of(const pz__program *program, const pz__ins *ins, const pz_value *registers)
{
    switch (ins->op) {
    case PZ__OP_SELECT:
    case PZ__OP_HAS:
        return 1 + octets_of(program, ins) / OCTETS_PER_UNIT;
    case PZ__OP_LOAD:
    case PZ__OP_KNOWN:
    case PZ__OP_NAME:
    case PZ__OP_HOST:
    case PZ__OP_PUT:
    case PZ__OP_ADD:
    case PZ__OP_ENTRY:
    case PZ__OP_MERGE:
    case PZ__OP_MAP:
    case PZ__OP_APPEND:
        return 1;
    case PZ__OP_CALL:
        return cost_of_call(ins, &registers[ins->a]);
    default:
        break;
    }
    _Static_assert(PZ__OP_RF_IN_INT + 1 == PZ__OP_COUNT_OF, "the tests are the last instructions");
    if (ins->op < PZ__OP_S_TRUE)
        return 0;
    /* To read the slot, the register, the field of either; and to compare. */
    static const uint8_t reading[] = {1, 0, 2, 1};
    return reading[(ins->op - PZ__OP_S_TRUE) % PZ__TEST_FORMS] +
           (ins->op >= PZ__OP_S_SAME ? 1u : 0u) + octets_of(program, ins) / OCTETS_PER_UNIT;
}

/* ---- estimating ---- */

/* What is known of a node's evaluation. */
typedef struct estimate {
    uint64_t least, most;
    uint64_t size; /* greatest length of any part of the value */
} estimate;

typedef struct estimator {
    const pz__checker *ck;
    uint64_t *sizes;       /* by number of a local */
    uint32_t *values_left; /* of constants, to be looked at */
} estimator;

/* Values of constants that one estimate looks at. A constant may hold one part many times over
 * (cel.bind(a, [1, 1], cel.bind(b, [a, a], ...))), so that it has no end in practice: beyond that
 * number it counts as unbounded. */
#define CONSTANT_VALUES_MAX 1000000u

static bool may_look(const estimator *e)
{
    if (*e->values_left == 0)
        return false;
    --*e->values_left;
    return true;
}

/* Units to read a text of that size. */
static uint64_t units_of_octets(uint64_t size)
{
    return size == UNBOUNDED ? UNBOUNDED : size / OCTETS_PER_UNIT;
}

static estimate estimate_of(const estimator *e, const pz__expr *expr);

static uint64_t size_of_constant(const estimator *e, pz_value v)
{
    if (!may_look(e))
        return UNBOUNDED;
    uint64_t size =
        v.kind == PZ_STRING || v.kind == PZ_BYTES || v.kind == PZ_LIST || v.kind == PZ_MAP ? v.len
                                                                                           : 0;
    for (uint32_t i = 0; v.kind == PZ_LIST && i < v.len && size != UNBOUNDED; i++)
        size = greater(size, size_of_constant(e, v.as.items[i]));
    for (uint32_t i = 0; v.kind == PZ_MAP && i < v.len && size != UNBOUNDED; i++) {
        pz_entry entry = pz_value_entry(v, i);
        size = greater(size, size_of_constant(e, entry.key));
        size = greater(size, size_of_constant(e, entry.value));
    }
    return size;
}

/* Units to walk a whole value of the type, none of whose parts is longer than `size`. */
static uint64_t walk(const estimator *e, const pz__type *type, uint64_t size)
{
    type = pz__type_resolve(e->ck, type);
    switch (type->kind) {
    case PZ__T_NULL:
    case PZ__T_BOOL:
    case PZ__T_INT:
    case PZ__T_UINT:
    case PZ__T_DOUBLE:
    case PZ__T_TIMESTAMP:
    case PZ__T_DURATION:
    case PZ__T_TYPE:
        return 0;
    case PZ__T_STRING:
    case PZ__T_BYTES:
        return plus(units_of_octets(size), 1);
    case PZ__T_LIST:
        return times(size, plus(1, walk(e, type->args[0], size)));
    case PZ__T_MAP:
        return times(size,
                     plus(1, plus(walk(e, type->args[0], size), walk(e, type->args[1], size))));
    case PZ__T_WRAPPER:
        return walk(e, type->args[0], size);
    case PZ__T_OPAQUE:
        return type->arg_count ? walk(e, type->args[0], size) : 0;
    default:
        return UNBOUNDED;
    }
}

static uint64_t walk_constant(const estimator *e, pz_value v)
{
    if (!may_look(e))
        return UNBOUNDED;
    uint64_t units = v.kind == PZ_STRING || v.kind == PZ_BYTES ? v.len / OCTETS_PER_UNIT + 1 : 0;
    for (uint32_t i = 0; v.kind == PZ_LIST && i < v.len && units != UNBOUNDED; i++)
        units = plus(units, plus(1, walk_constant(e, v.as.items[i])));
    for (uint32_t i = 0; v.kind == PZ_MAP && i < v.len && units != UNBOUNDED; i++) {
        pz_entry entry = pz_value_entry(v, i);
        units = plus(units, plus(1, walk_constant(e, entry.key)));
        units = plus(units, walk_constant(e, entry.value));
    }
    return units;
}

static uint64_t walk_node(const estimator *e, const pz__expr *expr, uint64_t size)
{
    return expr->kind == PZ__E_CONST ? walk_constant(e, expr->constant) : walk(e, expr->type, size);
}

/* What a result of the type can be at most: nothing, if even a value of size 1 needs no walking. */
static uint64_t size_of_result(const estimator *e, const pz__type *type, uint64_t known)
{
    return walk(e, type, 1) == 0 ? 0 : known;
}

/* Functions whose result is no longer than their arguments together, or than the few octets that a
 * scalar takes as text. */
static bool keeps_size(pz_str name)
{
    static const char *const names[] = {"_+_",
                                        "_[_]",
                                        "_[?_]",
                                        "dyn",
                                        "string",
                                        "bytes",
                                        "charAt",
                                        "substring",
                                        "trim",
                                        "lowerAscii",
                                        "upperAscii",
                                        "reverse",
                                        "slice",
                                        "sort",
                                        "distinct",
                                        "value",
                                        "or",
                                        "orValue",
                                        "optional.of",
                                        "optional.ofNonZeroValue",
                                        "optional.unwrap",
                                        "unwrapOpt",
                                        "first",
                                        "last",
                                        "split",
                                        "base64.decode"};
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++)
        if (pz__str_equal(name, pz_str_of(names[i])))
            return true;
    return false;
}

#define SCALAR_TEXT_MAX 64u

/* Functions that skip an argument, or do not run at all in some plans. */
static bool may_be_skipped(pz_str name)
{
    return pz__str_equal(name, PZ__STR("!_")) || pz__str_equal(name, PZ__STR("size")) ||
           pz__str_equal(name, PZ__STR("or")) || pz__str_equal(name, PZ__STR("orValue"));
}

static bool is_equality(pz_str name)
{
    return pz__str_equal(name, PZ__STR("_==_")) || pz__str_equal(name, PZ__STR("_!=_"));
}

/* Equality ends where the smaller side does. */
static uint64_t units_of_equality(const estimator *e, const pz__expr *call, const estimate *parts)
{
    uint64_t a = walk_node(e, call->args[0], parts[0].size);
    uint64_t b = walk_node(e, call->args[1], parts[1].size);
    uint64_t heads = plus(parts[0].size, parts[1].size);
    return plus(heads, a < b ? a : b);
}

/* The parts of an argument that tell whether it is of a type. */
static uint64_t units_of_type(const pz__type *type, uint64_t size)
{
    if (type->kind == PZ__T_LIST)
        return times(size, plus(1, units_of_type(type->args[0], size)));
    return type->kind == PZ__T_MAP ? times(size, plus(1, units_of_type(type->args[1], size))) : 0;
}

static uint64_t units_of_host(const pz__host_function *host, const estimate *parts, uint32_t count)
{
    uint64_t units = 0;
    for (uint32_t i = 0; i < host->overload_count; i++)
        for (uint32_t n = 0; host->overloads[i].param_count == count && n < count; n++)
            units = plus(units, units_of_type(host->overloads[i].params[n], parts[n].size));
    return units;
}

static uint64_t units_of_call(const estimator *e, const pz__expr *call, const estimate *parts,
                              uint32_t count)
{
    uint64_t units = 0;
    if (call->host)
        return units_of_host(call->host, parts, count);
    if (pz__functions[call->index].cost == PZ__COST_ONE)
        return 0;
    if (pz__functions[call->index].cost == PZ__COST_KEY)
        return units_of_octets(parts[1].size);
    if (pz__functions[call->index].cost == PZ__COST_TEXT)
        return units_of_octets(parts[0].size);
    if (count == 2 && !call->target && is_equality(call->name))
        return units_of_equality(e, call, parts);
    for (uint32_t i = 0; i < count; i++) {
        const pz__expr *part = !call->target ? call->args[i]
                               : i == 0      ? call->target
                                             : call->args[i - 1];
        units = plus(units, plus(parts[i].size, walk_node(e, part, parts[i].size)));
    }
    /* Membership compares the first with every element; others may compare all with all. */
    return times(units, greater(1, call->is_operator ? 1 : plus(1, parts[0].size)));
}

static estimate estimate_call(const estimator *e, const pz__expr *call)
{
    estimate parts[PZ__HOST_PARAMS_MAX + 1] = {{0, 0, 0}}, sum = {1, 1, 0};
    uint64_t size = 0;
    uint32_t count = 0;
    bool skips = may_be_skipped(call->name);
    for (uint32_t i = 0; i < call->count + (call->target != NULL); i++) {
        const pz__expr *part = !call->target ? call->args[i]
                               : i == 0      ? call->target
                                             : call->args[i - 1];
        estimate one = estimate_of(e, part);
        if (count <= PZ__HOST_PARAMS_MAX)
            parts[count++] = one;
        if (i == 0 || !skips)
            sum.least = plus(sum.least, one.least);
        sum.most = plus(sum.most, one.most);
        size = plus(size, one.size);
    }
    sum.least -= skips;
    sum.most = plus(sum.most, units_of_call(e, call, parts, count));
    bool kept = !call->host && keeps_size(call->name);
    sum.size = size_of_result(e, call->type, kept ? plus(size, SCALAR_TEXT_MAX) : UNBOUNDED);
    return sum;
}

/* Units to read a part that is the key of a map, once it is in. */
static uint64_t units_of_key(const pz__expr *expr, uint32_t part, estimate one)
{
    return expr->kind == PZ__E_MAP && part % 2 == 0 ? plus(units_of_octets(one.size), 1) : 0;
}

/* Several parts that are all evaluated and put into one value. */
static estimate estimate_parts(const estimator *e, const pz__expr *expr)
{
    estimate sum = {0, 1, expr->count};
    for (uint32_t i = 0; i < expr->count; i++) {
        estimate one = estimate_of(e, expr->args[i]);
        sum.least = plus(sum.least, one.least);
        sum.most = plus(sum.most, plus(one.most, plus(2, units_of_key(expr, i, one))));
        sum.size = greater(sum.size, one.size);
    }
    return sum;
}

static estimate estimate_terms(const estimator *e, const pz__expr *expr)
{
    estimate sum = {0, 0, 0};
    for (uint32_t i = 0; i < expr->count; i++) {
        estimate one = estimate_of(e, expr->args[i]);
        if (i == 0)
            sum.least = one.least;
        sum.most = plus(sum.most, plus(one.most, 1));
    }
    return sum;
}

static estimate estimate_conditional(const estimator *e, const pz__expr *expr)
{
    estimate condition = estimate_of(e, expr->args[0]);
    estimate a = estimate_of(e, expr->args[1]), b = estimate_of(e, expr->args[2]);
    return (estimate){condition.least, plus(condition.most, greater(a.most, b.most)),
                      greater(a.size, b.size)};
}

/* Units that one turn of a macro adds to making its map: to read the key, or to take over the
 * entries of a map. */
static uint64_t units_of_entries(const pz__expr *macro, uint64_t key, uint64_t size)
{
    if (macro->macro == PZ__MACRO_TRANSFORM_MAP)
        return plus(units_of_octets(key), 1);
    return macro->macro == PZ__MACRO_TRANSFORM_ENTRY ? times(size, plus(units_of_octets(size), 2))
                                                     : 0;
}

static estimate estimate_macro(const estimator *e, const pz__expr *expr)
{
    estimate range = estimate_of(e, expr->target), sum = range;
    uint64_t turn = 4, size = range.size;
    e->sizes[expr->index] = range.size;
    if (expr->second.len)
        e->sizes[expr->index + 1] = range.size;
    for (uint32_t i = 0; i < expr->count; i++) {
        estimate part = estimate_of(e, expr->args[i]);
        turn = plus(turn, part.most);
        size = greater(size, part.size);
    }
    turn = plus(turn, units_of_entries(expr, range.size, size));
    sum.most = plus(plus(range.most, 4), times(plus(range.size, 1), turn));
    sum.size = size_of_result(e, expr->type, size);
    return sum;
}

static estimate estimate_let(const estimator *e, const pz__expr *expr)
{
    estimate sum = {0, 2, 0};
    for (uint32_t i = 0; i + 1 < expr->count; i++) {
        estimate value = estimate_of(e, expr->args[i]);
        e->sizes[expr->index + i] = value.size;
        sum.most = plus(sum.most, plus(value.most, 2));
    }
    estimate body = estimate_of(e, expr->args[expr->count - 1]);
    return (estimate){0, plus(sum.most, body.most), body.size};
}

static uint64_t hint_of(const estimator *e, const pz__expr *slot)
{
    const pz__cel_env *env = e->ck->env;
    uint64_t hint = env && env->size_hint ? env->size_hint(env->self, slot->index) : UNBOUNDED;
    return size_of_result(e, slot->type, hint);
}

static estimate estimate_of(const estimator *e, const pz__expr *expr)
{
    switch ((pz__expr_kind)expr->kind) {
    case PZ__E_CONST:
        return (estimate){0, 0, size_of_constant(e, expr->constant)};
    case PZ__E_SLOT:
        return (estimate){1, 1, expr->test_only ? 0 : hint_of(e, expr)};
    case PZ__E_LOCAL:
        return (estimate){0, 1, size_of_result(e, expr->type, e->sizes[expr->index])};
    case PZ__E_SELECT: {
        estimate operand = estimate_of(e, expr->target);
        return (estimate){plus(operand.least, 1),
                          plus(operand.most, plus(2, 2 * expr->name.len / OCTETS_PER_UNIT)),
                          size_of_result(e, expr->type, operand.size)};
    }
    case PZ__E_CALL:
        return estimate_call(e, expr);
    case PZ__E_AND:
    case PZ__E_OR:
        return estimate_terms(e, expr);
    case PZ__E_COND:
        return estimate_conditional(e, expr);
    case PZ__E_LIST:
    case PZ__E_MAP:
    case PZ__E_STRUCT:
        return estimate_parts(e, expr);
    case PZ__E_MACRO:
        return estimate_macro(e, expr);
    case PZ__E_LET:
        return estimate_let(e, expr);
    case PZ__E_FAIL:
        return (estimate){0, 0, 0};
    default: /* a name that is looked for when it is evaluated */
        return (estimate){1, UNBOUNDED, UNBOUNDED};
    }
}

pz__cel_cost pz__cost_estimate(pz__checker *ck, const pz__expr *expr)
{
    uint32_t values_left = CONSTANT_VALUES_MAX;
    estimator e = {ck, pz__arena_zero(ck->scratch, ck->local_count + 1u, sizeof *e.sizes),
                   &values_left};
    if (!e.sizes) {
        pz__issue_nomem(ck->sink);
        return (pz__cel_cost){0, 0};
    }
    estimate whole = estimate_of(&e, expr);
    return (pz__cel_cost){whole.least, whole.most};
}
