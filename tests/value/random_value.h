/*
 * random_value.h: values of every kind from a seeded generator, made in a pool.
 */
#ifndef PZ_TESTS_RANDOM_VALUE_H
#define PZ_TESTS_RANDOM_VALUE_H

#include "support/gen.h"
#include "value/value.h"

/* Depth 0 gives no containers. `json_only` leaves out what JSON reads back as something else. */
static inline pz_value random_value(gen *g, pz_pool *pool, unsigned depth, bool json_only);

static inline pz_value random_text(gen *g, pz_pool *pool)
{
    char text[4 * 12 + 1];
    pz_value v;
    size_t len = gen_text(g, text, 12);
    return pz_pool_string(pool, &v, text, len) == PZ_OK ? v : pz_value_null();
}

static inline pz_value random_container(gen *g, pz_pool *pool, unsigned depth, bool json_only)
{
    enum { MOST = 20 };
    pz_entry entries[MOST];
    pz_value items[MOST], v = {0};
    size_t count = gen_len(g, MOST), kept = 0;
    for (size_t i = 0; i < count; i++)
        items[i] = random_value(g, pool, depth - 1, json_only);
    if (gen_bool(g)) {
        pz_pool_list(pool, &v, items, count);
        return v;
    }
    for (size_t i = 0; i < count; i++) {
        pz_value key = random_text(g, pool);
        if (!json_only && gen_chance(g, 1, 3))
            key = gen_bool(g) ? pz_value_int(gen_range(g, -9, 9)) : pz_value_bool(gen_bool(g));
        else if (!json_only && gen_chance(g, 1, 4))
            key = pz_value_uint(gen_below(g, 20));
        entries[kept++] = (pz_entry){key, items[i]};
        if (pz_pool_map(pool, &v, entries, kept) != PZ_OK)
            kept--;
    }
    pz_pool_map(pool, &v, entries, kept);
    return v;
}

static inline pz_value random_value(gen *g, pz_pool *pool, unsigned depth, bool json_only)
{
    switch (gen_below(g, json_only ? 7 : 11)) {
    case 0:
        return pz_value_null();
    case 1:
        return pz_value_bool(gen_bool(g));
    case 2:
        return pz_value_int(gen_i64(g));
    case 3:
        return json_only ? pz_value_uint((uint64_t)gen_i64(g) | UINT64_C(1) << 63)
                         : pz_value_uint((uint64_t)gen_i64(g));
    case 4:
        return pz_value_double(gen_double(g));
    case 5:
        return random_text(g, pool);
    case 7:
        return pz_value_time_ms(gen_i64(g));
    case 8:
        return pz_value_duration_ns(gen_i64(g));
    case 9: {
        pz_value v = random_text(g, pool);
        v.kind = PZ_BYTES;
        return v;
    }
    case 10: /* few different numbers, so that kinds meet */
        return gen_bool(g) ? pz_value_double((double)gen_range(g, -3, 3))
                           : pz_value_uint(gen_below(g, 3));
    default:
        return depth ? random_container(g, pool, depth, json_only) : pz_value_int(gen_i64(g));
    }
}

#endif
