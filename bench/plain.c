/*
 * plain.c: the reference of `bench rules`: what the three rules cost in C over hash tables.
 *
 * A table has at least twice as many places as entries, open addressing and a hash that is kept
 * beside each entry; the names that rules ask for are hashed once, before anything is timed. Each
 * comparison of a rule is one search. The rules test kinds, since nothing promises that a
 * customer's age is a number, and do nothing else that a rule language must do: no errors, no
 * unknowns, no comparison across kinds of number but where the rule needs it.
 *
 * That is the floor for data of no declared shape; over a struct of known layout the compiler would
 * do better still.
 */
#include "plain.h"

#include <stdlib.h>
#include <string.h>

#include "bench.h"

typedef struct place {
    uint32_t hash, len;
    const char *key; /* NULL: free */
    plain value;
} place;

struct plain_table {
    uint32_t mask;
    place places[];
};

/* FNV-1a. */
static uint32_t hash_of(const char *text, size_t len)
{
    uint32_t h = 2166136261u;
    for (size_t i = 0; i < len; i++)
        h = (h ^ (uint8_t)text[i]) * 16777619u;
    return h;
}

static void insert(plain_table *table, pz_str key, plain value)
{
    const uint32_t hash = hash_of(key.data, key.len);
    uint32_t at = hash & table->mask;
    while (table->places[at].key)
        at = (at + 1) & table->mask;
    table->places[at] = (place){hash, (uint32_t)key.len, key.data, value};
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
    return (plain){.kind = PZ_MAP, .as.table = table};
}

plain plain_of(pz_value value)
{
    if (value.kind == PZ_MAP)
        return table_of(value);
    if (value.kind != PZ_LIST)
        return (plain){.kind = value.kind, .len = value.len, .as.i = value.as.i};
    plain *items = calloc(value.len + 1, sizeof *items);
    bench_expect(items != NULL, "memory for a list");
    for (uint32_t i = 0; i < value.len; i++)
        items[i] = plain_of(value.as.items[i]);
    return (plain){.kind = PZ_LIST, .len = value.len, .as.items = items};
}

void plain_free(plain *p)
{
    if (p->kind == PZ_LIST) {
        for (uint32_t i = 0; i < p->len; i++)
            plain_free(&p->as.items[i]);
        free(p->as.items);
    } else if (p->kind == PZ_MAP) {
        for (uint32_t i = 0; i <= p->as.table->mask; i++)
            plain_free(&p->as.table->places[i].value);
        free(p->as.table);
    }
}

/* ---- the rules ---- */

/* What rules ask for. */
enum {
    COUNTRY,
    AGE,
    TIER,
    ACTIVE,
    LOCALE,
    SCORE,
    VISITS,
    PLAN,
    TAGS,
    ORDERS,
    TOTAL,
    STATUS,
    NAMES
};

static struct asked {
    const char *name;
    uint32_t len, hash;
} asked[NAMES] = {{"country", 7, 0}, {"age", 3, 0},    {"tier", 4, 0},   {"active", 6, 0},
                  {"locale", 6, 0},  {"score", 5, 0},  {"visits", 6, 0}, {"plan", 4, 0},
                  {"tags", 4, 0},    {"orders", 6, 0}, {"total", 5, 0},  {"status", 6, 0}};

void plain_begin(void)
{
    for (int i = 0; i < NAMES; i++)
        asked[i].hash = hash_of(asked[i].name, asked[i].len);
}

static inline const plain *get(const plain *p, int name)
{
    const struct asked *key = &asked[name];
    const plain_table *table = p->as.table;
    for (uint32_t at = key->hash & table->mask; table->places[at].key;
         at = (at + 1) & table->mask) {
        const place *found = &table->places[at];
        if (found->hash == key->hash && found->len == key->len &&
            memcmp(found->key, key->name, key->len) == 0)
            return &found->value;
    }
    return NULL;
}

#define IS(v, literal) is_text(v, literal, sizeof(literal) - 1)
#define STARTS(v, literal) starts(v, literal, sizeof(literal) - 1)

static inline bool is_text(const plain *v, const char *text, size_t len)
{
    return v && v->kind == PZ_STRING && v->len == len && memcmp(v->as.text, text, len) == 0;
}

static inline bool starts(const plain *v, const char *text, size_t len)
{
    return v && v->kind == PZ_STRING && v->len >= len && memcmp(v->as.text, text, len) == 0;
}

static inline bool is_int_within(const plain *v, int64_t least, int64_t most)
{
    return v && v->kind == PZ_INT && v->as.i >= least && v->as.i <= most;
}

static inline bool is_above(const plain *v, double bound)
{
    if (!v)
        return false;
    return v->kind == PZ_DOUBLE ? v->as.d > bound : v->kind == PZ_INT && (double)v->as.i > bound;
}

static bool rule_1(const plain *p)
{
    if (!IS(get(p, COUNTRY), "DE") || !is_int_within(get(p, AGE), 18, INT64_MAX))
        return false;
    const plain *tier = get(p, TIER);
    return IS(tier, "gold") || IS(tier, "platinum");
}

static bool is_from_near(const plain *p)
{
    const plain *country = get(p, COUNTRY);
    return IS(country, "DE") || IS(country, "AT") || IS(country, "CH") || IS(country, "FR") ||
           IS(country, "NL") || STARTS(get(p, LOCALE), "de");
}

static bool rule_2(const plain *p)
{
    const plain *active = get(p, ACTIVE);
    if (!active || active->kind != PZ_BOOL || !active->as.b)
        return false;
    if (!is_int_within(get(p, AGE), 21, INT64_MAX) || !is_int_within(get(p, AGE), INT64_MIN, 64))
        return false;
    if (!is_from_near(p) || !is_above(get(p, SCORE), 0.25))
        return false;
    if (!is_int_within(get(p, VISITS), 3, INT64_MAX) ||
        !is_int_within(get(p, VISITS), INT64_MIN, 500))
        return false;
    const plain *plan = get(p, PLAN);
    if (!plan || IS(plan, "banned"))
        return false;
    const plain *tags = get(p, TAGS);
    if (!tags || tags->kind != PZ_LIST)
        return false;
    for (uint32_t i = 0; i < tags->len; i++)
        if (STARTS(&tags->as.items[i], "sport"))
            return true;
    return false;
}

static bool rule_3(const plain *p)
{
    const plain *orders = get(p, ORDERS);
    uint32_t count = 0;
    if (!orders || orders->kind != PZ_LIST)
        return false;
    for (uint32_t i = 0; i < orders->len; i++) {
        const plain *order = &orders->as.items[i];
        count += is_above(get(order, TOTAL), 50.0) && IS(get(order, STATUS), "paid");
    }
    return count >= 3;
}

const plain_rule plain_rules[3] = {rule_1, rule_2, rule_3};
