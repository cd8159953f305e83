/*
 * customers.h: generated customers whose wishes are known, and what the library says about them.
 *
 * A customer wants the 64 leaves of a taxonomy of three levels (4 departments of 4 shelves of 4
 * goods) with probabilities that only this file knows. The library sees what she looks at, one
 * sight after another, through the public API: a catalog is compiled, events are observed, and
 * before each next sight the attribute is resolved. If a node is asserted, the next sight agrees if
 * it lies in the node's subtree.
 *
 * At every level a child's probability is proportional to exp(f z): z is a normal variate of its
 * own, and f, how much the customer cares, is drawn per customer and level between 0 (everything
 * alike) and `care` (6: nearly always the same). The prior knows nothing of this: it has equal
 * shares.
 *
 * All randomness and arithmetic is the library's own, so the figures are the same on every machine.
 */
#ifndef PZ_TESTS_RESOLVE_CUSTOMERS_H
#define PZ_TESTS_RESOLVE_CUSTOMERS_H

#include <stdint.h>

#include "support/gen.h"

typedef enum customers_drift {
    CUSTOMERS_STAY,   /* what is wanted never changes */
    CUSTOMERS_WANDER, /* every z drifts, and has forgotten itself to 1/e after `dwell` days */
    CUSTOMERS_LEAP    /* all is drawn anew at moments `dwell` days apart on average */
} customers_drift;

/* A population and the catalog's settings for it. */
typedef struct customers_kind {
    const char *name, *about;
    customers_drift drift;
    double dwell;        /* days; see customers_drift */
    double care;         /* greatest f */
    double gap;          /* days between visits, on average; exponential */
    unsigned sights;     /* a visit has 1 to this many, minutes apart; 0: 1 */
    unsigned repeats;    /* of 100 sights in a visit so many repeat the one before */
    unsigned inner;      /* of 100 sights so many are of a shelf instead of one of its goods */
    unsigned half_life;  /* days, declared; 0: none */
    unsigned saturation; /* declared; 0: none */
    bool is_unfit;       /* the settings do not fit: shown, but nothing is promised */
} customers_kind;

/* Ended by a name of NULL. */
extern const customers_kind customers_kinds[];

typedef struct customers_tally {
    uint64_t questions;
    uint64_t assertions;    /* made by the library */
    uint64_t of_depth[4];   /* of them, by the depth of the node */
    uint64_t disagreements; /* of them: the next sight lies outside the node's subtree */
    uint64_t vague;         /* of these: it was of an ancestor, which says neither yes nor no */
    uint64_t expected;      /* assertions made by the reference */
    uint64_t unlike;        /* questions that the two answer differently, edges left out */
    uint64_t hasty;         /* assertions of who asks only that the expected share a / (a + b)
                               reaches the threshold, not how sure that is */
    uint64_t hasty_wrong;   /* of them: the next sight lies outside */
} customers_tally;

/* Let `count` customers of a kind live, and add to the tally. */
void customers_live(const customers_kind *kind, double threshold, uint64_t count, gen *g,
                    customers_tally *tally);

/* Disagreements of assertions, and assertions of questions; 0 of none. */
double customers_error(const customers_tally *tally);
double customers_coverage(const customers_tally *tally);

#endif
