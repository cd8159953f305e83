/*
 * shop.h: a shop and its customers, for the benchmarks of decisions.
 *
 * Every customer is made from known facts, so that the right decision can be told by plain C over a
 * struct; that is the reference of the decisions as well.
 */
#ifndef PZ_BENCH_SHOP_H
#define PZ_BENCH_SHOP_H

#include "bench.h"

/* A decision of five rules over eight attributes, a segment with a count, and the channel. */
extern const char shop_catalog[];
#define SHOP_DECISION "home.hero"

typedef struct shop_facts {
    /* NULL, or below: nobody knows. */
    const char *country, *plan, *language, *city;
    int32_t age;        /* -1: unknown */
    int32_t newsletter; /* -1: unknown */
    double score;       /* -1: unknown */
    uint32_t purchases; /* within the window of the segment */
    bool likes_garden;  /* she has looked at it fifteen times: certain enough */
} shop_facts;

/* The `number`th customer. */
shop_facts shop_facts_of(uint32_t number);
/* What is to be decided for her on the web. */
const char *shop_expected(const shop_facts *facts);
/* Her profile, detached, with the identifier "customer" = "c<number>". */
pz_profile *shop_profile(pz_engine *engine, uint32_t number);

#endif
