/*
 * plain.c: the reference of `bench rules`: what the three rules cost in C over hash tables.
 *
 * A table has at least twice as many places as entries, open addressing and a hash that is kept
 * beside each entry; the hashes of the names that rules ask for are constants of the compiler. The
 * rules test kinds, since nothing promises that a customer's age is a number, and do nothing else
 * that a rule language must do: no errors, no unknowns, no comparison across kinds of number but
 * where the rule needs it.
 *
 * That is the floor for data of no declared shape; over a struct of known layout the compiler would
 * do better still.
 */
#include "plain.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct place {
    pz_str key; /* data NULL: free */
    uint32_t hash;
    plain value;
} place;

struct plain_table {
    uint32_t mask;
    place places[];
};

/* FNV-1a. Inlined over a constant name it is a constant. */
static inline __attribute__((always_inline)) uint32_t hash_of(const char *text, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h;
}

static bool same(pz_str a, const char *text, size_t len)
{
    return a.len == len && memcmp(a.data, text, len) == 0;
}

static void insert(plain_table *table, pz_str key, plain value)
{
    const uint32_t hash = hash_of(key.data, key.len);
    uint32_t at = hash & table->mask;
    while (table->places[at].key.data)
        at = (at + 1) & table->mask;
    table->places[at] = (place){key, hash, value};
}

static plain table_of(pz_value map)
{
    uint32_t size = 4;
    while (size < map.len * 2)
        size *= 2;
    plain_table *table = calloc(1, sizeof *table + size * sizeof(place));
    bench_expect(table != NULL, "memory for a table");
    table->mask = size - 1;
    for (uint32_t i = 0; i < map.len; i++) {
        const pz_entry entry = pz_value_entry(map, i);
        insert(table, pz_value_text(entry.key), plain_of(entry.value));
    }
    return (plain){.table = table};
}

plain plain_of(pz_value value)
{
    if (value.kind == PZ_MAP)
        return table_of(value);
    if (value.kind != PZ_LIST)
        return (plain){.scalar = value};
    plain *items = calloc(value.len + 1, sizeof *items);
    bench_expect(items != NULL, "memory for a list");
    for (uint32_t i = 0; i < value.len; i++)
        items[i] = plain_of(value.as.items[i]);
    return (plain){.items = items, .item_count = value.len};
}

void plain_free(plain *p)
{
    for (uint32_t i = 0; i < p->item_count; i++)
        plain_free(&p->items[i]);
    for (uint32_t i = 0; p->table && i <= p->table->mask; i++)
        plain_free(&p->table->places[i].value);
    free(p->items);
    free(p->table);
}

/* ---- the rules ---- */

static inline const plain *find(const plain *p, const char *name, size_t len, uint32_t hash)
{
    const plain_table *table = p->table;
    for (uint32_t at = hash & table->mask; table->places[at].key.data;
         at = (at + 1) & table->mask) {
        const place *found = &table->places[at];
        if (found->hash == hash && same(found->key, name, len))
            return &found->value;
    }
    return NULL;
}

#define GET(p, name) find(p, name, sizeof(name) - 1, hash_of(name, sizeof(name) - 1))
#define IS(v, literal) is_text(v, literal, sizeof(literal) - 1)
#define STARTS(v, literal) starts(v, literal, sizeof(literal) - 1)

static inline bool is_text(const plain *v, const char *text, size_t len)
{
    return v && v->scalar.kind == PZ_STRING && v->scalar.len == len &&
           memcmp(v->scalar.as.text, text, len) == 0;
}

static inline bool starts(const plain *v, const char *text, size_t len)
{
    return v && v->scalar.kind == PZ_STRING && v->scalar.len >= len &&
           memcmp(v->scalar.as.text, text, len) == 0;
}

static inline bool is_int_within(const plain *v, int64_t least, int64_t most)
{
    return v && v->scalar.kind == PZ_INT && v->scalar.as.i >= least && v->scalar.as.i <= most;
}

static inline bool is_above(const plain *v, double bound)
{
    if (!v)
        return false;
    return v->scalar.kind == PZ_DOUBLE ? v->scalar.as.d > bound
                                       : v->scalar.kind == PZ_INT && (double)v->scalar.as.i > bound;
}

static bool rule_1(const plain *p)
{
    if (!IS(GET(p, "country"), "DE") || !is_int_within(GET(p, "age"), 18, INT64_MAX))
        return false;
    const plain *tier = GET(p, "tier");
    return IS(tier, "gold") || IS(tier, "platinum");
}

static bool is_from_near(const plain *p)
{
    const plain *country = GET(p, "country");
    return IS(country, "DE") || IS(country, "AT") || IS(country, "CH") || IS(country, "FR") ||
           IS(country, "NL") || STARTS(GET(p, "locale"), "de");
}

static bool rule_2(const plain *p)
{
    const plain *active = GET(p, "active");
    if (!active || active->scalar.kind != PZ_BOOL || !active->scalar.as.b)
        return false;
    if (!is_int_within(GET(p, "age"), 21, 64) || !is_from_near(p))
        return false;
    if (!is_above(GET(p, "score"), 0.25) || !is_int_within(GET(p, "visits"), 3, 500))
        return false;
    const plain *plan = GET(p, "plan"), *tags = GET(p, "tags");
    if (!plan || IS(plan, "banned") || !tags)
        return false;
    for (uint32_t i = 0; i < tags->item_count; i++)
        if (STARTS(&tags->items[i], "sport"))
            return true;
    return false;
}

static bool rule_3(const plain *p)
{
    const plain *orders = GET(p, "orders");
    uint32_t count = 0;
    for (uint32_t i = 0; orders && i < orders->item_count; i++) {
        const plain *order = &orders->items[i];
        count += is_above(GET(order, "total"), 50.0) && IS(GET(order, "status"), "paid");
    }
    return count >= 3;
}

const plain_rule plain_rules[3] = {rule_1, rule_2, rule_3};
