/*
 * str.h: borrowed text compared and searched, interned names, the nearest right name.
 */
#ifndef PZ_BASE_STR_H
#define PZ_BASE_STR_H

#include <string.h>

#include "base/arena.h"

/* A pz_str of a string literal, at compile time. */
#define PZ__STR(literal) ((pz_str){"" literal, sizeof(literal) - 1})
/* The two arguments of a %.*s. */
#define PZ__STR_ARG(s) (int)(s).len, (s).data ? (s).data : ""

static inline bool pz__str_equal(pz_str a, pz_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}

/* Bytewise, a prefix before what it begins. */
int pz__str_compare(pz_str a, pz_str b);

/*
 * Interned names: text to a dense number from 0, and back. Names are copied into the table's arena
 * and never leave it. The number of a name is the order in which it came.
 */
typedef struct pz__names {
    pz__arena *arena; /* borrowed */
    pz_str *list;     /* by number */
    uint32_t *slots;  /* open addressing, number + 1, 0 is free; a power of two */
    uint32_t count;
    uint32_t list_cap;
    uint32_t slot_cap;
} pz__names;

#define PZ__NAME_NONE UINT32_MAX
/* Most names in one table. */
#define PZ__NAMES_MAX (1u << 20)

void pz__names_init(pz__names *names, pz__arena *arena);
/* The number of `name`, given one if it is new; PZ__NAME_NONE, and the table as it was, if memory
 * ran out or the table is full. */
uint32_t pz__names_put(pz__names *names, pz_str name);
/* The number of `name`, or PZ__NAME_NONE. Reads only. */
uint32_t pz__names_find(const pz__names *names, pz_str name);

/*
 * The candidate nearest to `name` by optimal string alignment distance (edits and swaps of
 * neighbours), ignoring case at half price, or {NULL, 0} if none is near enough to be meant:
 * at most a third of the longer length, at least 1, and something in common. Ties go to the first.
 * Names of more than PZ__NEAREST_MAX bytes are near to nothing.
 */
#define PZ__NEAREST_MAX 64
pz_str pz__nearest(pz_str name, const pz_str *candidates, size_t count);

/* The same of candidates that come one by one: begin with {NULL, 0}, 0. */
typedef struct pz__near {
    pz_str name;
    unsigned distance;
} pz__near;
void pz__nearer(pz__near *best, pz_str name, pz_str candidate);

#endif
