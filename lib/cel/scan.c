/*
 * scan.c: the quick part of a loop over a list.
 *
 * Where every term of a macro's condition is a test of the element or of one of its members, the
 * loop need not go element by element through the instructions: SCAN, which stands before NEXT,
 * takes up to 64 elements at once, term by term, and keeps a bit for each that is still in. The
 * branch that decides about an element is gone (no processor can foresee the data), and so are
 * the copy of the element and the dispatch of each test.
 *
 * Only what is plain is done here: an element is a map that has the member, the value is of the
 * kind that the test is quick for. At the first element that is anything else the scan ends, and
 * the loop's own instructions take that one, with its errors, unknowns and comparisons across
 * kinds; then SCAN has another try, unless it came to nothing a few times. So it never decides
 * anything that the instructions would decide otherwise, and a program with its SCANs taken out
 * means the same.
 *
 * Lists of records have their members in the same order mostly: each term looks first where it
 * found its member last, and records that were read together share the texts of their keys, so that
 * one look at the key tells. The first place of all is the one that field.c remembers.
 *
 * Every element takes the steps of its turn, and none is begun that they do not suffice for. Where
 * costs are counted, instruction by instruction, nothing is scanned.
 */
#include "cel/eval.h"

/* Elements taken at once, as many as a word has bits; fewer where the first that is chosen ends the
 * loop. */
#define BLOCK 64u
#define BLOCK_TO_STOP 8u
/* Scans that come to nothing before the loop does without. */
#define FRUITLESS_MAX 4u

/* The elements at work: so many from `items`, one bit for each. */
typedef struct block {
    const pz_value *items;
    uint32_t count; /* less, once an element is met that is not plain */
    uint64_t in;    /* who is still in */
} block;

/* One test of all elements. */
typedef struct term {
    void (*sift)(block *b, const struct term *t); /* take out whom the test puts out */
    pz__field *field;                             /* NULL: the element itself is tested */
    const pz_value *k;                            /* the constant, if it has one */
    const pz__set *set;                           /* or the set */
    pz__pattern text;                             /* of a text k */
    bool out;                                     /* the truth that puts an element out */
} term;

/* ---- members ---- */

/* Where a member was found last: so many octets from the first entry, in a map of this kind and
 * length, under a key with this text. At first nowhere, which is the shape of no value. */
#define NOWHERE UINT64_MAX
typedef struct spot {
    uint64_t shape;
    size_t octets;
    const char *text;
} spot;

/* The member wherever it is; NULL if the element is no map or has none of that name. */
static __attribute__((noinline)) const pz_value *search(const pz_value *item, pz__field *field,
                                                        spot *at)
{
    const pz_value *found = pz__field_peek(item, field);
    if (!found)
        return NULL;
    const pz_entry *first = item->as.map->entries;
    at->shape = pz__octets8((const char *)item);
    at->octets = (size_t)((const char *)found - (const char *)&first->value);
    at->text = first[at->octets / sizeof *first].key.as.text;
    return found;
}

/* What of an element is to be tested; NULL if the element is no map or has no such member. Records
 * that were read together share the texts of their keys mostly. */
static inline __attribute__((always_inline)) const pz_value *
subject(const pz_value *item, pz__field *field, uint64_t head, spot *at)
{
    if (!field)
        return item;
    if (__builtin_expect(pz__octets8((const char *)item) == at->shape, 1)) {
        const char *const entries = (const char *)item->as.map->entries;
        const pz_entry *entry = (const pz_entry *)(const void *)(entries + at->octets);
        const char *const text = entry->key.as.text;
        if (__builtin_expect(pz__octets8((const char *)&entry->key) == head, 1) &&
            (text == at->text || pz__pattern_has(&field->pattern, &field->key, text)))
            return &entry->value;
    }
    return search(item, field, at);
}

/* ---- tests ---- */

/* The value as one of the wanted kind: itself, or an int as the double that it equals; else NULL.
 */
static inline __attribute__((always_inline)) const pz_value *as_kind(const pz_value *v,
                                                                     uint32_t kind, pz_value *room)
{
    const int64_t whole = INT64_C(1) << 53;
    if (__builtin_expect(v->kind == kind, 1))
        return v;
    if (kind != PZ_DOUBLE || v->kind != PZ_INT || v->as.i < -whole || v->as.i > whole)
        return NULL;
    *room = (pz_value){.kind = PZ_DOUBLE, .as.d = (double)v->as.i};
    return room;
}

typedef bool judge(const term *t, const pz_value *v);

/* Who stays in keeps the bit; that takes no branch. The block ends at the first that is not plain.
 */
static inline __attribute__((always_inline)) void sift(block *b, const term *t, uint32_t kind,
                                                       judge *decide)
{
    const term fixed = *t;
    const uint64_t head = t->field ? t->field->pattern.head : 0;
    spot at = {NOWHERE, 0, NULL};
    uint64_t stay = 0;
    for (uint64_t left = b->in; left; left &= left - 1) {
        pz_value room;
        const uint32_t i = (uint32_t)__builtin_ctzll(left);
        const pz_value *v = subject(&b->items[i], fixed.field, head, &at);
        if (__builtin_expect(!v || !(v = as_kind(v, kind, &room)), 0)) {
            b->count = i;
            break;
        }
        stay |= (uint64_t)(decide(&fixed, v) != fixed.out) << i;
    }
    b->in = stay;
}

#define same_text(a, a_len, b, b_len) ((a_len) == (b_len) && pz__same_octets(a, b, a_len))

/* The tests, as opcodes.def has them. */
#define OP(name, dst, a, b, x, y)
#define TEST(name, relation, a, kind, quick)                                                       \
    static inline bool judge_##name(const term *t, const pz_value *v)                              \
    {                                                                                              \
        const pz_value *k = t->k;                                                                  \
        const pz__set *s = t->set;                                                                 \
        (void)k;                                                                                   \
        (void)s;                                                                                   \
        return quick;                                                                              \
    }                                                                                              \
    static void sift_##name(block *b, const term *t)                                               \
    {                                                                                              \
        sift(b, t, kind, judge_##name);                                                            \
    }
#include "cel/opcodes.def"
#undef TEST
#undef OP

/* The octets are those of the pattern, which has their length. Without a branch. */
static inline __attribute__((always_inline)) bool has_word(const pz__pattern *p, uint32_t width,
                                                           const char *text)
{
    if (width == 4)
        return ((pz__octets4(text) ^ p->first) | (pz__octets4(text + p->tail) ^ p->last)) == 0;
    return ((pz__octets8(text) ^ p->first) | (pz__octets8(text + p->tail) ^ p->last)) == 0;
}

/* Equal to a text of four to sixteen octets. Where the length already tells, the constant is
 * compared with itself: that costs less than a branch that goes now here, now there. */
static inline __attribute__((always_inline)) bool judge_text(const term *t, uint32_t width,
                                                             const pz_value *v)
{
    const bool fits = v->len == t->k->len;
    const uintptr_t own = (uintptr_t)t->k->as.text, other = (uintptr_t)v->as.text;
    return fits &
           has_word(&t->text, width, (const char *)(own ^ ((own ^ other) & -(uintptr_t)fits)));
}

static inline bool judge_narrow(const term *t, const pz_value *v)
{
    return judge_text(t, 4, v);
}

static inline bool judge_wide(const term *t, const pz_value *v)
{
    return judge_text(t, 8, v);
}

static void sift_narrow(block *b, const term *t)
{
    sift(b, t, PZ_STRING, judge_narrow);
}

static void sift_wide(block *b, const term *t)
{
    sift(b, t, PZ_STRING, judge_wide);
}

/* What a test compares with. */
enum { TAKES_NO, TAKES_K, TAKES_SET };

/* ORDER of the tests in opcodes.def. */
static const struct {
    void (*sift)(block *b, const term *t);
    uint32_t taking;
} tests[] = {
#define OP(name, dst, a, b, x, y)
#define TEST(name, relation, a, kind, quick) {sift_##name, TAKES_##a},
#include "cel/opcodes.def"
#undef TEST
#undef OP
};

/* Member by member: a structure that is copied just after would wait for its parts. */
static void begin_term(term *t, const pz__program *program, const pz__ins *ins)
{
    const uint32_t test = (ins->op - PZ__OP_S_TRUE) / PZ__TEST_FORMS;
    const bool of_field = (ins->op - PZ__OP_S_TRUE) % PZ__TEST_FORMS == PZ__TEST_OF_FIELD;
    t->sift = tests[test].sift;
    t->field = of_field ? &program->fields[ins->x] : NULL;
    t->k = tests[test].taking == TAKES_K ? &program->consts[ins->a] : NULL;
    t->set = tests[test].taking == TAKES_SET ? &program->sets[ins->a] : NULL;
    t->out = ins->b & 1;
    if (t->sift != sift_STR_EQ)
        return;
    t->text = pz__pattern_of(t->k);
    if (t->text.width >= 4)
        t->sift = t->text.width == 4 ? sift_narrow : sift_wide;
}

/* ---- the scan ---- */

/* The bits of the first so many elements. */
static uint64_t below(uint32_t count)
{
    return count >= BLOCK ? UINT64_MAX : (UINT64_C(1) << count) - 1;
}

/* How many there are; in parallel, for not every processor has an instruction that counts. */
static uint32_t bits(uint64_t set)
{
    set -= set >> 1 & UINT64_C(0x5555555555555555);
    set = (set & UINT64_C(0x3333333333333333)) + (set >> 2 & UINT64_C(0x3333333333333333));
    set = (set + (set >> 4)) & UINT64_C(0x0f0f0f0f0f0f0f0f);
    return (uint32_t)(set * UINT64_C(0x0101010101010101) >> 56);
}

/* All elements from `at` on that the steps suffice for are in. */
static void begin_block(block *b, const pz__vm *vm, pz_value list, uint32_t at, uint32_t most,
                        uint32_t weight)
{
    const uint32_t turns = vm->steps == PZ__STEPS_SPENT ? 0 : vm->steps / weight;
    const uint32_t rest = list.len - at < most ? list.len - at : most;
    b->items = list.as.items + at;
    b->count = turns < rest ? turns : rest;
    b->in = below(b->count);
}

/* What becomes of the elements chosen. The number of elements that are done with. */
static uint32_t settle(const block *b, pz__scan what, pz_value *dst)
{
    uint64_t chosen = what & PZ__SCAN_OUT ? ~b->in & below(b->count) : b->in;
    if (what & PZ__SCAN_COUNT) {
        dst->as.i += bits(chosen);
    } else if (what & PZ__SCAN_KEEP) {
        pz_value *kept = (pz_value *)(uintptr_t)dst->as.items;
        for (; chosen; chosen &= chosen - 1)
            kept[dst->len++] = b->items[__builtin_ctzll(chosen)];
    } else if (chosen) {
        return (uint32_t)__builtin_ctzll(chosen);
    }
    return b->count;
}

void pz__vm_scan(pz__vm *vm, const pz__ins *ins, pz_value *registers)
{
    pz_value *range = &registers[ins->a], *position = range + 1;
    const pz__scan what = (pz__scan)ins->y;
    const bool stops = !(what & (PZ__SCAN_COUNT | PZ__SCAN_KEEP));
    const uint32_t weight = 1u + ins[1].b, most = stops ? BLOCK_TO_STOP : BLOCK;
    if (position->len >= FRUITLESS_MAX || position->as.u >= range->len)
        return;
    if ((what & PZ__SCAN_KEEP) && registers[ins->dst].kind != PZ_LIST)
        return; /* no memory for the list; the instructions say so */
    block b;
    term terms[PZ__SCAN_TERMS];
    for (uint32_t i = 0; i < ins->b; i++)
        begin_term(&terms[i], vm->program, &vm->program->code[ins->x + i]);
    for (;;) {
        const uint32_t at = (uint32_t)position->as.u;
        begin_block(&b, vm, *range, at, most, weight);
        for (uint32_t i = 0; i < ins->b; i++)
            terms[i].sift(&b, &terms[i]);
        const uint32_t done = settle(&b, what, &registers[ins->dst]);
        vm->steps -= done * weight;
        position->as.u = at + done;
        position->len += done == 0;
        if (done < most || at + done == range->len)
            return;
    }
}
