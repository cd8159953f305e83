/*
 * tree.h: whether two syntax trees are the same, and whether printing keeps a tree.
 */
#ifndef PZ_TESTS_CEL_TREE_H
#define PZ_TESTS_CEL_TREE_H

#include "cel/ast.h"

/* Node for node, places in the source aside. */
bool tree_same(const pz__expr *a, const pz__expr *b);

typedef enum tree_trip {
    TREE_KEPT,
    TREE_UNREADABLE, /* the source does not parse */
    TREE_REFUSED,    /* what was printed does not parse */
    TREE_CHANGED,    /* it parses to another tree */
    TREE_UNSTEADY    /* printing what was printed gives something else */
} tree_trip;

/* Parse, print, parse and print again; `out` receives the text that was printed first. */
tree_trip tree_trip_of(pz_str source, bool no_macros, pz__buf *out);

#endif
