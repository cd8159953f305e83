/*
 * layout_reference.h: what a layout must be, computed the plain way.
 */
#ifndef PZ_TESTS_RESOLVE_LAYOUT_REFERENCE_H
#define PZ_TESTS_RESOLVE_LAYOUT_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>

#define ITEMS_MAX 16

typedef enum edit_kind { HIDE, SHOW, PIN, AFTER, UNPLACE, CLEAR } edit_kind;

/* Edits stand in the order in which they were made; items are numbers below ITEMS_MAX. */
typedef struct plain_edit {
    edit_kind kind;
    int item;
    int to;    /* index of a pin, item of an after */
    int owner; /* 0: the person; 1, 2: accounts, the nearest first */
} plain_edit;

typedef struct plain_layout {
    const int *base;
    size_t base_count;
    const plain_edit *edits;
    size_t edit_count;
    const int *scores; /* by item; NULL: not ranked */
} plain_layout;

/* Returns how many items are shown, in `out`. */
size_t layout_reference(const plain_layout *l, int *out);
/* The place that counts for an item: the index of its edit, or -1. */
int layout_place(const plain_layout *l, int item);
bool layout_hides(const plain_layout *l, int item);

#endif
