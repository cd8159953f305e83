/*
 * eval.h: what the loop of eval.c leaves to the slow paths in problem.c.
 */
#ifndef PZ_CEL_EVAL_H
#define PZ_CEL_EVAL_H

#include <stdatomic.h>

#include "cel/program.h"

/* One evaluation. */
typedef struct pz__vm {
    const pz__program *program;
    pz__activation *activation;
    pz__call call;  /* arena, steps, the offset of the instruction at work */
    uint32_t steps; /* left */
    uint32_t step_limit;
    uint64_t cost; /* counted so far, without steps; only if the activation asks */
} pz__vm;

static inline bool pz__is_problem(pz_value v)
{
    return v.kind == PZ__V_ERROR || v.kind == PZ__V_UNKNOWN;
}

/* ---- field.c ---- */

/* The member of a map if it is found soon, whose place is then remembered; NULL tells nothing. */
const pz_value *pz__field_search(const pz_value *map, pz__field *field);
/* The field was found in this place of a map. */
void pz__field_stood(pz__field *field, uint32_t place);

/* The value of the entry if the field is its key; else NULL. */
static inline __attribute__((always_inline)) const pz_value *
pz__field_here(const pz__field *field, const pz_entry *entry)
{
    if (__builtin_expect(pz__octets8((const char *)&entry->key) == field->pattern.head, 1) &&
        __builtin_expect(pz__pattern_has(&field->pattern, &field->key, entry->key.as.text), 1))
        return &entry->value;
    return NULL;
}

/* The member of a map if it is found at once; NULL tells nothing. Mostly it stands where it stood
 * in the map before. */
static inline __attribute__((always_inline)) const pz_value *pz__field_peek(const pz_value *map,
                                                                            pz__field *field)
{
    const uint32_t place = atomic_load_explicit(&field->place, memory_order_relaxed);
    if (__builtin_expect(map->kind == PZ_MAP && place < map->len, 1)) {
        const pz_value *value = pz__field_here(field, map->as.map->entries + place);
        if (__builtin_expect(value != NULL, 1))
            return value;
    }
    return pz__field_search(map, field);
}

/* ---- problem.c ---- */

/* True for an error that nothing may absorb: out of memory, out of steps. */
bool pz__is_fatal(pz_value v);
/* Errors made from here on are placed at this instruction. */
void pz__vm_at(pz__vm *vm, const pz__ins *ins);

/* ---- scan.c ---- */

/* SCAN, over a list: walk on over the elements that are plain, and count, keep or look for those
 * that are chosen. Where it stops, NEXT goes on. */
void pz__vm_scan(pz__vm *vm, const pz__ins *ins, pz_value *registers);

/* ---- cost.c ---- */

/* What an instruction costs that is about to run. */
uint64_t pz__cost_of(const pz__program *program, const pz__ins *ins, const pz_value *registers);

/* ---- problem.c ---- */

/* Count the instruction; false beyond the limit. */
bool pz__vm_count(pz__vm *vm, const pz__ins *ins, const pz_value *registers);

/* The value of a slot, fetched if pending. */
pz_value pz__vm_slot(pz__vm *vm, uint32_t slot);
/* The value of a dotted name at run time. */
pz_value pz__vm_name(pz__vm *vm, pz_str name, bool absolute);

/* A chain that stands at `chain` (a bool, or a problem) meets the problem of a term. */
pz_value pz__vm_absorb(pz__vm *vm, pz_value chain, pz_value problem);
/* Two arguments of a strict operation, at least one a problem: errors win, unknowns unite. */
pz_value pz__vm_unite(pz__vm *vm, pz_value a, pz_value b);
/* The one problem that a strict operation over these has; null if there is none. */
pz_value pz__vm_strict(pz__vm *vm, const pz_value *args, uint32_t count);

/* A test whose quick way did not apply: a bool, or the problem. */
pz_value pz__vm_test(pz__vm *vm, const pz__ins *ins, pz__relation relation, pz_value v);
/* The same of a field of `operand`. */
pz_value pz__vm_test_field(pz__vm *vm, const pz__ins *ins, pz__relation relation, pz_value operand);

/* ITER's other cases: the range as a list, or a problem. */
pz_value pz__vm_range(pz__vm *vm, pz_value range);
pz_value pz__vm_call(pz__vm *vm, const pz__ins *ins, pz_value *args);
pz_value pz__vm_host(pz__vm *vm, const pz__ins *ins, const pz_value *args);
pz_value pz__vm_list(pz__vm *vm, size_t room);
void pz__vm_put(pz__vm *vm, pz_value *list, pz_value item, uint32_t index);
/* An item, behind a key unless NULL, joins the list; `spread`: what the optional `item` holds. */
void pz__vm_add(pz__vm *vm, pz_value *list, const pz_value *key, pz_value item, bool spread);
pz_value pz__vm_map(pz__vm *vm, pz_value list);
pz_value pz__vm_merge(pz__vm *vm, pz_value maps);
/* An optional as it is, or what it holds (it holds something); else the problem. */
pz_value pz__vm_held(pz__vm *vm, pz_value optional, bool open);
pz_value pz__vm_select(pz__vm *vm, const pz__ins *ins, pz_value operand);
pz_value pz__vm_has(pz__vm *vm, const pz__ins *ins, pz_value operand);

#endif
