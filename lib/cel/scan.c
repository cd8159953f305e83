/*
 * scan.c: the quick part of a loop over a list.
 *
 * Where every term of a macro's condition is a test of the element or of one of its members, the
 * loop need not go element by element through the instructions: SCAN, which stands before NEXT,
 * takes up to 64 elements at once, term by term, and moves together those that are still in. The
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
 * Lists of records have their members in the same order mostly: each term remembers where it found
 * its member last and looks there first. That memory is on the stack; programs are never written.
 *
 * Every element takes the steps of its turn, and none is begun that they do not suffice for. Where
 * costs are counted, instruction by instruction, nothing is scanned.
 */
#include "cel/eval.h"

/* Elements taken at once; fewer where the first that is chosen ends the loop. */
#define BLOCK 64u
#define BLOCK_TO_STOP 8u
/* Scans that come to nothing before the loop does without. */
#define FRUITLESS_MAX 4u

/* The elements at work. */
typedef struct block {
    const pz_value *items;
    uint32_t count;    /* less, once an element is met that is not plain */
    uint32_t in_count; /* who is still in, */
    uint8_t in[BLOCK]; /* ascending, and */
} block;

/* One test of all elements. */
typedef struct term {
    void (*sift)(block *b, struct term *t); /* take out whom the test puts out */
    const pz__field *field;                 /* NULL: the element itself is tested */
    const pz_value *k;                      /* the constant, if it has one */
    const pz__set *set;                     /* or the set */
    pz__pattern text;                       /* of a text k */
    uint32_t place;                         /* of the entry where the member was found last */
    bool out;                               /* the truth that puts an element out */
} term;

/* ---- members ---- */

/* Of a text of the same length as `own`, whose pattern this is. Its width is given where it is
 * known beforehand. */
static inline __attribute__((always_inline)) bool has_octets(const pz__pattern *p, uint32_t width,
                                                             const pz_value *own, const char *text)
{
    if (width == 4)
        return pz__octets4(text) == p->first && pz__octets4(text + p->tail) == p->last;
    if (width == 8)
        return pz__octets8(text) == p->first && pz__octets8(text + p->tail) == p->last;
    return pz__same_octets(text, own->as.text, own->len);
}

/* The same without a branch. */
static inline __attribute__((always_inline)) bool has_word(const pz__pattern *p, uint32_t width,
                                                           const char *text)
{
    if (width == 4)
        return ((pz__octets4(text) ^ p->first) | (pz__octets4(text + p->tail) ^ p->last)) == 0;
    return ((pz__octets8(text) ^ p->first) | (pz__octets8(text + p->tail) ^ p->last)) == 0;
}

/* The member wherever it is; NULL if the element is no map or has none of that name. */
static __attribute__((noinline)) const pz_value *search(const pz_value *item,
                                                        const pz__field *field)
{
    return pz__map_peek(item, &field->key, field->hash);
}

/* Where in its map a value stands. */
static uint32_t place_of(const pz_value *item, const pz_value *value)
{
    const pz_entry *entries = item->as.map->entries;
    return (uint32_t)(((const char *)value - (const char *)&entries->value) /
                      (ptrdiff_t)sizeof *entries);
}

/* What of an element is to be tested; NULL if the element is no map or has no such member. */
static inline __attribute__((always_inline)) const pz_value *
subject(const pz_value *item, const pz__field *field, const pz__pattern *name, uint32_t *place)
{
    if (!field)
        return item;
    if (__builtin_expect(item->kind == PZ_MAP && *place < item->len, 1)) {
        const pz_entry *entry = &item->as.map->entries[*place];
        if (__builtin_expect(pz__octets8((const char *)&entry->key) == name->head, 1) &&
            __builtin_expect(has_octets(name, name->width, &field->key, entry->key.as.text), 1))
            return &entry->value;
    }
    const pz_value *found = search(item, field);
    if (found)
        *place = place_of(item, found);
    return found;
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
    *room = pz_value_double((double)v->as.i);
    return room;
}

typedef bool judge(const term *t, const pz_value *v);

/* Who stays in moves up; that takes no branch. The block ends at the first value of another kind.
 */
static inline __attribute__((always_inline)) void sift(block *b, term *t, uint32_t kind,
                                                       judge *decide)
{
    const pz_value *const items = b->items;
    const uint32_t count = b->in_count;
    const term fixed = *t;
    const pz__pattern name = t->field ? t->field->pattern : (pz__pattern){0};
    uint32_t stay = 0, place = t->place;
    for (uint32_t i = 0; i < count; i++) {
        pz_value room;
        const uint8_t at = b->in[i];
        const pz_value *v = subject(&items[at], fixed.field, &name, &place);
        if (__builtin_expect(!v || !(v = as_kind(v, kind, &room)), 0)) {
            b->count = at;
            break;
        }
        b->in[stay] = at;
        stay += decide(&fixed, v) != fixed.out;
    }
    b->in_count = stay;
    t->place = place;
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
    static void sift_##name(block *b, term *t)                                                     \
    {                                                                                              \
        sift(b, t, kind, judge_##name);                                                            \
    }
#include "cel/opcodes.def"
#undef TEST
#undef OP

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

static void sift_narrow(block *b, term *t)
{
    sift(b, t, PZ_STRING, judge_narrow);
}

static void sift_wide(block *b, term *t)
{
    sift(b, t, PZ_STRING, judge_wide);
}

/* What a test compares with. */
enum { TAKES_NO, TAKES_K, TAKES_SET };

/* ORDER of the tests in opcodes.def. */
static const struct {
    void (*sift)(block *b, term *t);
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
    t->place = 0;
    t->out = ins->b & 1;
    if (t->sift != sift_STR_EQ)
        return;
    t->text = pz__pattern_of(t->k);
    if (t->text.width)
        t->sift = t->text.width == 4 ? sift_narrow : sift_wide;
}

/* ---- the scan ---- */

static const uint8_t all[BLOCK] = {0,  1,  2,  3,  4,  5,  6,  7,  8,  9,  10, 11, 12, 13, 14, 15,
                                   16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31,
                                   32, 33, 34, 35, 36, 37, 38, 39, 40, 41, 42, 43, 44, 45, 46, 47,
                                   48, 49, 50, 51, 52, 53, 54, 55, 56, 57, 58, 59, 60, 61, 62, 63};

/* All elements from `at` on that the steps suffice for are in. */
static void begin_block(block *b, const pz__vm *vm, pz_value list, uint32_t at, uint32_t most,
                        uint32_t weight)
{
    const uint32_t turns = vm->steps == PZ__STEPS_SPENT ? 0 : vm->steps / weight;
    const uint32_t rest = list.len - at < most ? list.len - at : most;
    b->items = list.as.items + at;
    b->count = b->in_count = turns < rest ? turns : rest;
    memcpy(b->in, all, sizeof all);
}

/* The others of the block are in. */
static void turn_over(block *b)
{
    uint8_t others[BLOCK];
    uint32_t count = 0;
    for (uint32_t at = 0, i = 0; at < b->count; at++) {
        const bool is_in = i < b->in_count && b->in[i] == at;
        i += is_in;
        others[count] = (uint8_t)at;
        count += !is_in;
    }
    memcpy(b->in, others, count);
    b->in_count = count;
}

/* What becomes of the elements chosen. The number of elements that are done with. */
static uint32_t settle(const block *b, pz__scan what, pz_value *dst)
{
    if (what & PZ__SCAN_COUNT) {
        dst->as.i += b->in_count;
    } else if (what & PZ__SCAN_KEEP) {
        pz_value *kept = (pz_value *)(uintptr_t)dst->as.items;
        for (uint32_t i = 0; i < b->in_count; i++)
            kept[dst->len++] = b->items[b->in[i]];
    } else if (b->in_count) {
        return b->in[0];
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
    block b;
    term terms[PZ__SCAN_TERMS];
    for (uint32_t i = 0; i < ins->b; i++)
        begin_term(&terms[i], vm->program, &vm->program->code[ins->x + i]);
    for (;;) {
        const uint32_t at = (uint32_t)position->as.u;
        begin_block(&b, vm, *range, at, most, weight);
        for (uint32_t i = 0; i < ins->b; i++) {
            terms[i].sift(&b, &terms[i]);
        }
        if (what & PZ__SCAN_OUT)
            turn_over(&b);
        const uint32_t done = settle(&b, what, &registers[ins->dst]);
        vm->steps -= done * weight;
        position->as.u = at + done;
        position->len += done == 0;
        if (done < most || at + done == range->len)
            return;
    }
}
