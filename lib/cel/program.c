/*
 * program.c: what a program is, apart from running it: reading it out, printing it, proving that
 * its operands are in bounds, and its constant sets.
 *
 * The verifier knows each operand's role from opcodes.def, the file the planner and the evaluator
 * are made from. It is run on every program in builds with assertions; the evaluator itself then
 * checks nothing.
 *
 * A set of up to PZ__SET_SMALL constants is looked through, as numbers if its texts are short; a
 * larger one is an open-addressing
 * table at most half full. Its hash needs no key: the constants are the author's, and one that was
 * chosen badly only costs its own author's rule.
 */
#include "cel/program.h"

#include "base/buf.h"

typedef enum role {
    NO,
    REG,
    K,
    SLOT,
    FN,
    PC,
    NUM,
    SET,
    RUN,
    ITER,
    EXIT,
    HOST,
    LAZY,
    PAIR,
    FLD,
    SF,
    RF,
    TERMS
} role;

typedef struct shape {
    const char *name;
    role dst, a, b, x, y;
} shape;

static const shape shapes[] = {
#define OP(name, dst, a, b, x, y) {#name, dst, a, b, x, y},
#include "cel/opcodes.def"
#undef OP
};

/* ---- reading ---- */

const pz__type *pz__program_type(const pz__program *program)
{
    return program->type;
}

const uint32_t *pz__program_slots(const pz__program *program, uint32_t *count)
{
    *count = program->slot_count;
    return program->slots;
}

pz_str pz__program_source(const pz__program *program)
{
    return program->source;
}

bool pz__program_calls_host(const pz__program *program)
{
    return program->host_count > 0;
}

pz__cel_cost pz__program_cost(const pz__program *program)
{
    return program->is_constant ? (pz__cel_cost){0, 0} : program->cost;
}

bool pz__program_constant(const pz__program *program, pz_value *out)
{
    if (program->is_constant)
        *out = program->constant;
    return program->is_constant;
}

/* ---- verifying ---- */

bool pz__is_test_of(const pz__ins *ins, const pz__field *fields, uint32_t reg)
{
    if (ins->op < PZ__OP_S_TRUE || ins->op >= PZ__OP_COUNT_OF)
        return false;
    const uint32_t form = (ins->op - PZ__OP_S_TRUE) % PZ__TEST_FORMS;
    return (form == PZ__TEST_OF_REGISTER && ins->x == reg) ||
           (form == PZ__TEST_OF_FIELD && fields[ins->x].from == reg);
}

/* The tests that a SCAN takes its terms from; NEXT stands behind it. */
static bool are_terms(const pz__program *p, const pz__ins *scan, uint32_t first)
{
    const uint16_t next = scan - p->code + 1 < p->code_count ? scan[1].op : PZ__OP_COUNT_OF;
    if (scan->b > PZ__SCAN_TERMS || first + scan->b > p->code_count || next != PZ__OP_NEXT)
        return false;
    for (uint32_t i = 0; i < scan->b; i++)
        if (!pz__is_test_of(&p->code[first + i], p->fields, scan->a + 2u))
            return false;
    return true;
}

static bool in_bounds(const pz__program *p, const pz__ins *ins, role what, uint32_t n)
{
    switch (what) {
    case NO:
        return n == 0;
    case NUM:
        return true;
    case REG:
        return n < p->register_count;
    case RUN:
        return n + ins->b <= p->register_count;
    case ITER:
        return n + 2 < p->register_count;
    case K:
        return n < p->const_count;
    case SLOT:
        return n < p->slot_end;
    case FN:
        return n < pz__function_count;
    case PC:
        return n < p->code_count;
    case SET:
        return n < p->set_count;
    case EXIT:
        return n < 4;
    case HOST:
        return n < p->host_count;
    case LAZY:
        return n + 1 < p->register_count;
    case PAIR:
        return n + 3 < p->register_count;
    case FLD:
        return n < p->field_count;
    case SF:
        return n < p->field_count && p->fields[n].from < p->slot_end;
    case RF:
        return n < p->field_count && p->fields[n].from < p->register_count;
    case TERMS:
        return are_terms(p, ins, n);
    }
    return false;
}

bool pz__program_verify(const pz__program *program)
{
    for (uint32_t i = 0; i < program->code_count; i++) {
        const pz__ins *ins = &program->code[i];
        if (ins->op >= PZ__OP_COUNT_OF)
            return false;
        const shape *s = &shapes[ins->op];
        if (!in_bounds(program, ins, s->dst, ins->dst) || !in_bounds(program, ins, s->a, ins->a) ||
            !in_bounds(program, ins, s->b, ins->b) || !in_bounds(program, ins, s->x, ins->x) ||
            !in_bounds(program, ins, s->y, ins->y))
            return false;
    }
    return program->code_count > 0 && program->code[program->code_count - 1].op == PZ__OP_RETURN;
}

/* ---- printing ---- */

static void print_operand(pz__buf *out, role what, uint32_t n)
{
    static const char letters[] = {
        [NO] = ' ',   [REG] = 'r',  [K] = 'k',   [SLOT] = 's', [FN] = 'f',   [PC] = '@',
        [NUM] = '#',  [SET] = 'c',  [RUN] = 'r', [ITER] = 'i', [EXIT] = '?', [HOST] = 'h',
        [LAZY] = 'l', [PAIR] = 'p', [FLD] = 'd', [SF] = 'd',   [RF] = 'd',   [TERMS] = '@'};
    if (what != NO)
        pz__buf_format(out, " %c%u", letters[what], n);
}

void pz__program_print(pz__buf *out, const pz__program *program)
{
    for (uint32_t i = 0; i < program->code_count; i++) {
        const pz__ins *ins = &program->code[i];
        const shape *s = &shapes[ins->op];
        pz__buf_format(out, "%u %s", i, s->name);
        print_operand(out, s->dst, ins->dst);
        print_operand(out, s->a, ins->a);
        print_operand(out, s->b, ins->b);
        print_operand(out, s->x, ins->x);
        print_operand(out, s->y, ins->y);
        pz__buf_byte(out, '\n');
    }
}

/* ---- sets ---- */

#define HASH_FACTOR UINT64_C(0x9e3779b97f4a7c15)

static uint32_t mixed(uint64_t h)
{
    h ^= h >> 32;
    h *= HASH_FACTOR;
    return (uint32_t)(h >> 32);
}

static uint32_t hash_text(const char *text, uint32_t len)
{
    uint64_t h = len;
    for (; len >= 8; text += 8, len -= 8)
        h = (h ^ pz__octets8(text)) * HASH_FACTOR;
    uint64_t rest = 0;
    for (uint32_t i = 0; i < len; i++)
        rest |= (uint64_t)(unsigned char)text[i] << (8 * i);
    return mixed(h ^ rest);
}

bool pz__set_has_text_hashed(const pz__set *set, const char *text, uint32_t len)
{
    for (uint32_t at = hash_text(text, len);; at++) {
        uint32_t entry = set->table[at & set->mask];
        if (entry == 0)
            return false;
        const pz_value *item = &set->items[entry - 1];
        if (item->len == len && pz__same_octets(item->as.text, text, len))
            return true;
    }
}

bool pz__set_has_int_hashed(const pz__set *set, int64_t n)
{
    for (uint32_t at = mixed((uint64_t)n);; at++) {
        uint32_t entry = set->table[at & set->mask];
        if (entry == 0)
            return false;
        if (set->items[entry - 1].as.i == n)
            return true;
    }
}

static bool is_short(pz_value list)
{
    for (uint32_t i = 0; i < list.len; i++)
        if (list.as.items[i].kind != PZ_STRING || list.as.items[i].len > 8)
            return false;
    return true;
}

static bool make_words(pz__arena *arena, pz__set *set)
{
    uint64_t *words = pz__arena_array(arena, set->count, sizeof *words);
    for (uint32_t i = 0; words && i < set->count; i++)
        words[i] = pz__short_word(set->items[i].as.text, set->items[i].len);
    set->words = words;
    return words != NULL;
}

bool pz__set_make(pz__arena *arena, pz__set *set, pz_value list)
{
    *set = (pz__set){.items = list.as.items, .count = list.len, .list = list};
    for (uint32_t i = 0; i < list.len; i++)
        if (list.as.items[i].kind == PZ_STRING && list.as.items[i].len > set->longest)
            set->longest = list.as.items[i].len;
    if (list.len <= PZ__SET_SMALL)
        return !is_short(list) || make_words(arena, set);
    uint32_t room = 16;
    while (room < list.len * 2)
        room *= 2;
    uint32_t *table = pz__arena_zero(arena, room, sizeof *table);
    if (!table)
        return false;
    set->mask = room - 1;
    set->table = table;
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value *item = &list.as.items[i];
        uint32_t at = item->kind == PZ_STRING ? hash_text(item->as.text, item->len)
                                              : mixed((uint64_t)item->as.i);
        while (table[at & set->mask])
            at++;
        table[at & set->mask] = i + 1;
    }
    return true;
}
