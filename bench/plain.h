/*
 * plain.h: customers as a program without this library would hold them: nested hash tables of
 * tagged values, and three rules written over them by hand.
 */
#ifndef PZ_BENCH_PLAIN_H
#define PZ_BENCH_PLAIN_H

#include <personalize.h>

typedef struct plain_table plain_table;

/* A tagged value of two words: kind and length as in pz_value, lists as arrays, maps as tables. */
typedef struct plain {
    uint32_t kind, len;
    union {
        bool b;
        int64_t i;
        double d;
        const char *text;
        struct plain *items;
        plain_table *table;
    } as;
} plain;

/* A deep copy from the C library's heap; never freed but by plain_free. */
plain plain_of(pz_value value);
void plain_free(plain *p);

/* Hash the names that the rules ask for; before the first rule is run. */
void plain_begin(void);

/* Rule `number` (0 to 2: R1 to R3 of the fixtures) about a customer. */
typedef bool (*plain_rule)(const plain *customer);
extern const plain_rule plain_rules[3];

#endif
