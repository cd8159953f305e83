/*
 * plain.h: customers as a program without this library would hold them: nested hash tables of
 * tagged values, and three rules written over them by hand.
 */
#ifndef PZ_BENCH_PLAIN_H
#define PZ_BENCH_PLAIN_H

#include <personalize.h>

typedef struct plain_table plain_table;

/* Lists and maps become arrays and tables; all else stays as it is. */
typedef struct plain {
    pz_value scalar; /* where items and table are NULL */
    struct plain *items;
    uint32_t item_count;
    plain_table *table;
} plain;

/* A deep copy from the C library's heap; never freed but by plain_free. */
plain plain_of(pz_value value);
void plain_free(plain *p);

/* Rule `number` (0 to 2: R1 to R3 of the fixtures) about a customer. */
typedef bool (*plain_rule)(const plain *customer);
extern const plain_rule plain_rules[3];

#endif
