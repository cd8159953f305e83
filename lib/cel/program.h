/*
 * program.h: the compiled form: instructions over registers, constants, sets.
 *
 * An instruction is sixteen bytes. A program names its registers from 0; macros keep three in a row
 * for range, position and variable. Chains (&& and ||) keep their result so far in one register,
 * see opcodes.def. Where an error is to be placed in the source is in a table of its own, read only
 * when an error is made.
 */
#ifndef PZ_CEL_PROGRAM_H
#define PZ_CEL_PROGRAM_H

#include "cel/ast.h"
#include "cel/functions.h"

typedef enum pz__opcode {
#define OP(name, dst, a, b, x, y) PZ__OP_##name,
#include "cel/opcodes.def"
#undef OP
    PZ__OP_COUNT_OF
} pz__opcode;

typedef struct pz__ins {
    uint16_t op;
    uint16_t dst, a, b;
    uint32_t x, y;
} pz__ins;

/* The relation a test stands for, when its quick way does not apply. */
typedef enum pz__relation {
    PZ__REL_TRUTH,
    PZ__REL_EQ,
    PZ__REL_LT,
    PZ__REL_LE,
    PZ__REL_GT,
    PZ__REL_GE,
    PZ__REL_STARTS,
    PZ__REL_IN
} pz__relation;

/* The forms of each test, in the order they have in opcodes.def. */
typedef enum pz__test_form {
    PZ__TEST_OF_SLOT,
    PZ__TEST_OF_REGISTER,
    PZ__TEST_OF_SLOT_FIELD,
    PZ__TEST_OF_FIELD,
    PZ__TEST_FORMS
} pz__test_form;

/* What SCAN does with the elements that its tests choose: count them, keep them in a list, or (0)
 * stop before the first. Chosen are those that no test puts out of its chain; or those that one
 * does. */
typedef enum pz__scan { PZ__SCAN_COUNT = 1, PZ__SCAN_KEEP = 2, PZ__SCAN_OUT = 4 } pz__scan;

/* Tests of one SCAN at most; longer conditions go without. */
#define PZ__SCAN_TERMS 8u

/* The constants of `x in [...]`, all of one kind: looked through while they are few, else hashed.
 */
#define PZ__SET_SMALL 8u
typedef struct pz__set {
    const pz_value *items;
    uint32_t count;
    uint32_t mask;         /* of the table; 0: look through the items */
    const uint32_t *table; /* open addressing, position + 1, 0 is free */
    const uint64_t *words; /* of a few texts, each of at most 8 octets: those; else NULL */
    uint32_t longest;      /* octets of the longest text */
    pz_value list;         /* the list as written, for a value of another kind */
} pz__set;

/* A text to be compared with many: its first octets and its last tell all of one to sixteen. */
typedef struct pz__pattern {
    uint64_t head; /* kind and length */
    uint64_t first, last;
    uint32_t tail;  /* where `last` begins */
    uint32_t width; /* octets of both: 1, 2, 4, 8; 0: of another length, to be compared as any */
} pz__pattern;

/*
 * A field that is selected by a name in the source: `from.key`. Its place is the one thing in a
 * program that a run may write: a guess where to look first, that changes no answer (field.c).
 */
typedef struct pz__field {
    pz_value key;
    uint32_t hash;          /* of the key, as maps have it */
    uint32_t from;          /* slot or register of the map, in the tests of a field; else 0 */
    uint32_t at;            /* where in the source, for the error that it is missing */
    _Atomic uint16_t place; /* of the entry, in the map where it was found last */
    _Atomic uint16_t moves; /* times that this changed, up to PZ__FIELD_MOVES */
    pz__pattern pattern;    /* of the key */
} pz__field;

/* A field that was found in another place so often has records of no common order: it is guessed
 * no more, so that threads do not write in turn what all of them read. */
#define PZ__FIELD_MOVES 64u

struct pz__program {
    const pz__ins *code;
    const uint32_t *offsets; /* by instruction: where in the source */
    const pz_value *consts;
    const pz__set *sets;
    pz__field *fields;
    const uint32_t *slots;
    const pz__host_function *const *hosts;
    uint32_t host_count;
    uint32_t code_count, const_count, set_count, field_count, slot_count, register_count;
    uint32_t slot_end; /* one past the greatest slot */
    const pz__type *type;
    pz_str source;
    pz_str container;
    pz__cel_cost cost;         /* estimated */
    const pz__zone_set *zones; /* of the environment; NULL for none */
    bool is_constant;
    pz_value constant;
};

/* Greatest number of registers; more is PZ_ERR_LIMIT. A guard only: nesting is bounded, and the
 * deepest expressions take a few hundred. */
#define PZ__REGISTERS_MAX 4096u

/* True if an instruction is a test of the register, or of a field of what it holds. */
bool pz__is_test_of(const pz__ins *ins, const pz__field *fields, uint32_t reg);

/* Plan a checked tree. Everything in the program lives in `arena`. NULL and an issue on failure. */
pz__program *pz__plan(pz__arena *scratch, pz__arena *arena, const pz__expr *expr,
                      pz__issue_sink *sink);

/* True if every operand of every instruction is within bounds and control cannot run off the end.
 */
bool pz__program_verify(const pz__program *program);
/* One line for each instruction, for tests and for people. */
void pz__program_print(pz__buf *out, const pz__program *program);

/* ---- cost.c ---- */

/* The names and constant texts that a turn of a loop compares with make it weigh more; `code` is
 * the program's own, not yet shared. */
void pz__weigh_turns(const pz__program *program, pz__ins *code);

/* ---- sets ---- */

bool pz__set_make(pz__arena *arena, pz__set *set, pz_value list);
bool pz__set_has_text_hashed(const pz__set *set, const char *text, uint32_t len);
bool pz__set_has_int_hashed(const pz__set *set, int64_t n);

/* At most eight octets as one number, which with the length tells all of them. */
static inline uint64_t pz__short_word(const char *text, uint32_t len)
{
    if (len >= 4)
        return pz__octets4(text) | (uint64_t)pz__octets4(text + len - 4) << 32;
    if (len == 0)
        return 0;
    return (uint64_t)(unsigned char)text[0] << 16 | (uint64_t)(unsigned char)text[len >> 1] << 8 |
           (unsigned char)text[len - 1];
}

static inline uint64_t pz__octets_of(const char *octets, uint32_t width)
{
    return width == 8   ? pz__octets8(octets)
           : width == 4 ? pz__octets4(octets)
           : width == 2 ? pz__octets2(octets)
                        : (uint8_t)*octets;
}

static inline pz__pattern pz__pattern_of(const pz_value *text)
{
    const uint32_t len = text->len;
    const uint32_t width = len > 16 ? 0 : len >= 8 ? 8 : len >= 4 ? 4 : len >= 2 ? 2 : len;
    pz__pattern p = {pz__octets8((const char *)text), 0, 0, len - width, width};
    if (width) {
        p.first = pz__octets_of(text->as.text, width);
        p.last = pz__octets_of(text->as.text + p.tail, width);
    }
    return p;
}

/* The octets are those of `own`, whose pattern this is and whose length they have. */
static inline __attribute__((always_inline)) bool pz__pattern_has(const pz__pattern *p,
                                                                  const pz_value *own,
                                                                  const char *octets)
{
    switch (p->width) {
    case 4:
        return pz__octets4(octets) == p->first && pz__octets4(octets + p->tail) == p->last;
    case 8:
        return pz__octets8(octets) == p->first && pz__octets8(octets + p->tail) == p->last;
    case 2:
        return pz__octets2(octets) == p->first && pz__octets2(octets + p->tail) == p->last;
    default:
        return own->len == 0 || memcmp(octets, own->as.text, own->len) == 0;
    }
}

static inline bool pz__set_has_text(const pz__set *set, const char *text, uint32_t len)
{
    if (set->words) {
        if (len > 8)
            return false;
        const uint64_t word = pz__short_word(text, len);
        for (uint32_t i = 0; i < set->count; i++)
            if (set->words[i] == word && set->items[i].len == len)
                return true;
        return false;
    }
    if (set->mask)
        return len <= set->longest && pz__set_has_text_hashed(set, text, len);
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].len == len && pz__same_octets(set->items[i].as.text, text, len))
            return true;
    return false;
}

static inline bool pz__set_has_int(const pz__set *set, int64_t n)
{
    if (set->mask)
        return pz__set_has_int_hashed(set, n);
    for (uint32_t i = 0; i < set->count; i++)
        if (set->items[i].as.i == n)
            return true;
    return false;
}

#endif
