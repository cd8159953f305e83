/*
 * reference.h: "certain enough" by the words of its definition, in long double, for comparison.
 *
 * Nothing here is clever: each sight is weighed by itself, each node looks at every other node, and
 * the incomplete beta function is summed from a series of positive terms that the library does not
 * use. It needs libm and is slow; it is the opinion of somebody else.
 */
#ifndef PZ_TESTS_RESOLVE_REFERENCE_H
#define PZ_TESTS_RESOLVE_REFERENCE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REFERENCE_NODES_MAX 128u

/* In preorder; node 0 is the root, which is no answer. The subtree is [n, end). */
typedef struct reference_node {
    uint32_t parent, end, depth;
    double share; /* of the prior */
} reference_node;

typedef struct reference_tree {
    reference_node nodes[REFERENCE_NODES_MAX];
    uint32_t count;
} reference_tree;

/* Append a node (preorder!), give its number; then the ends, and equal shares for all leaves. */
uint32_t reference_add(reference_tree *tree, uint32_t parent);
void reference_close(reference_tree *tree);

/* What the catalog declares. */
typedef struct reference_rules {
    double threshold, strength;
    int64_t min_evidence; /* 1/1024ths, as all weights */
    int64_t saturation;   /* 0: none */
    int64_t half_life_ms; /* 0: nothing fades */
    int64_t retention_ms; /* 0: kept for ever */
    unsigned width;       /* buckets of 2^width seconds */
} reference_rules;

typedef struct reference_sight {
    uint32_t node;
    bool is_against;
    int64_t weight; /* above 0 */
    int64_t at_ms;
} reference_sight;

typedef struct reference_belief {
    long double a, b, personal, above;
} reference_belief;

/* P(Beta(a, b) > x); a = 0 never, b = 0 always. */
long double reference_above(long double a, long double b, long double x);

/* What is believed about each node at `now_ms`; `above` only where it can matter: where a is not 0
 * and the personal weight reaches `least`. */
void reference_believe(const reference_tree *tree, const reference_rules *rules,
                       const reference_sight *sights, size_t count, int64_t now_ms, int64_t least,
                       reference_belief *out);

/* The deepest certain node; 0: none. Where a test comes within 1e-9 of its edge rounding may decide
 * either way: then *is_near is true. */
uint32_t reference_answer(const reference_tree *tree, const reference_belief *beliefs,
                          int64_t least, bool *is_near);

#endif
