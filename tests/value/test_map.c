/* test_map.c: maps of every size, duplicate keys, keys of unlike kinds, colliding keys. */
#include "cmocka_all.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/gen.h"
#include "value/map.h"

static void keys_match_as_numbers_do(void **state)
{
    (void)state;
    pz__arena arena;
    pz_value map;
    pz__arena_init(&arena, NULL, 0);
    for (uint32_t filler = 0; filler < 40; filler += 39) {
        pz_entry entries[45] = {{pz_value_int(1), pz_value_str("one")},
                                {pz_value_uint(UINT64_MAX), pz_value_str("most")},
                                {pz_value_bool(true), pz_value_str("true")},
                                {pz_value_int(-3), pz_value_str("minus")}};
        for (uint32_t i = 0; i < filler; i++)
            entries[4 + i] = (pz_entry){pz_value_uint(100 + i), pz_value_null()};
        assert_int_equal(pz__value_of_entries(&arena, &map, entries, 4 + filler, PZ__DUP_REFUSE),
                         PZ_OK);
        assert_string_equal(pz__map_find(map, pz_value_uint(1))->value.as.text, "one");
        assert_string_equal(pz__map_find(map, pz_value_double(1.0))->value.as.text, "one");
        assert_string_equal(pz__map_find(map, pz_value_double(-3.0))->value.as.text, "minus");
        assert_null(pz__map_find(map, pz_value_double(1.5)));
        assert_null(pz__map_find(map, pz_value_double(18446744073709551616.0)));
        assert_null(pz__map_find(map, pz_value_int(-1)));
        assert_null(pz__map_find(map, pz_value_str("1")));
        assert_null(pz__map_find(map, pz_value_bool(false)));
        assert_null(pz__map_find(map, pz_value_null()));
        assert_string_equal(pz__map_find(map, pz_value_bool(true))->value.as.text, "true");
    }
    pz__arena_clear(&arena);
}

/* A map with `count` keys of which the last repeats the first, under each policy. */
static void check_duplicates(pz__arena *arena, pz_entry *entries, uint32_t count, bool numbers)
{
    static char names[400][8];
    for (int policy = PZ__DUP_REFUSE; policy <= PZ__DUP_FIRST; policy++) {
        for (uint32_t i = 0; i < count; i++) {
            int len = snprintf(names[i], sizeof names[i], "k%u", i % (count - 1));
            pz_value key = pz_value_strn(names[i], (size_t)len);
            if (numbers)
                key = i == count - 1 ? pz_value_uint(0) : pz_value_int(i);
            entries[i] = (pz_entry){key, pz_value_int(i)};
        }
        pz_value map;
        pz_status status =
            pz__value_of_entries(arena, &map, entries, count, (pz__duplicates)policy);
        if (policy == PZ__DUP_REFUSE) {
            assert_int_equal(status, PZ_ERR_ARG);
            assert_int_equal(map.kind, PZ_NULL);
            continue;
        }
        assert_int_equal(status, PZ_OK);
        assert_int_equal(map.len, count - 1);
        int64_t first = policy == PZ__DUP_LAST ? (int64_t)count - 1 : 0;
        assert_int_equal(pz_value_entry(map, 0).value.as.i, first);
        for (uint32_t i = 1; i < map.len; i++)
            assert_int_equal(pz__map_find(map, pz_value_entry(map, i).key)->value.as.i, i);
    }
}

static void repeated_keys_are_settled_at_every_size(void **state)
{
    (void)state;
    pz__arena arena;
    static pz_entry entries[400];
    pz__arena_init(&arena, NULL, 0);
    for (uint32_t count = 2; count < 20; count++) {
        check_duplicates(&arena, entries, count, false);
        check_duplicates(&arena, entries, count, true);
    }
    check_duplicates(&arena, entries, 400, false);
    pz__arena_clear(&arena);
}

/* Texts whose hashes agree in their low bits, so that one probe run would hold them all. */
static void colliding_keys_are_found_by_order(void **state)
{
    (void)state;
    enum { COUNT = 160 };
    static char texts[COUNT][24];
    static pz_entry entries[COUNT + 1];
    pz__arena arena;
    pz_value map;
    uint32_t found = 0;
    pz__arena_init(&arena, NULL, 0);
    for (unsigned n = 0; found < COUNT; n++) {
        int len = snprintf(texts[found], sizeof texts[0], "%u", n);
        if ((pz__map_hash((pz_str){texts[found], (size_t)len}) & 511) != 0)
            continue;
        entries[found] = (pz_entry){pz_value_strn(texts[found], (size_t)len), pz_value_int(found)};
        found++;
    }
    assert_int_equal(pz__value_of_entries(&arena, &map, entries, COUNT, PZ__DUP_REFUSE), PZ_OK);
    for (uint32_t i = 0; i < COUNT; i++) {
        const pz_entry *entry = pz__map_find(map, pz_value_str(texts[i]));
        assert_non_null(entry);
        assert_int_equal(entry->value.as.i, i);
    }
    assert_null(pz__map_find(map, pz_value_str("absent")));
    entries[COUNT] = (pz_entry){entries[3].key, pz_value_int(-1)};
    assert_int_equal(pz__value_of_entries(&arena, &map, entries, COUNT + 1, PZ__DUP_REFUSE),
                     PZ_ERR_ARG);
    assert_int_equal(pz__value_of_entries(&arena, &map, entries, COUNT + 1, PZ__DUP_LAST), PZ_OK);
    assert_int_equal(map.len, COUNT);
    assert_int_equal(pz_value_entry(map, 3).value.as.i, -1);
    assert_int_equal(pz_value_entries(map)[3].value.as.i, -1);
    assert_null(pz_value_entries(pz_value_int(3)));
    assert_int_equal(pz__map_find(map, entries[9].key)->value.as.i, 9);
    pz__arena_clear(&arena);
}

static void lists_and_doubles_are_no_keys(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_value map;
    pz_entry twice[2] = {{pz_value_int(1)}, {pz_value_uint(1)}};
    pz_entry wrong = {pz_value_double(1), pz_value_null()};
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_pool_map(pool, &map, &wrong, 1), PZ_ERR_TYPE);
    assert_int_equal(pz_pool_map(pool, &map, twice, 2), PZ_ERR_ARG);
    assert_int_equal(pz_pool_map(pool, &map, NULL, 1), PZ_ERR_ARG);
    assert_int_equal(pz_pool_map(pool, &map, NULL, 0), PZ_OK);
    assert_int_equal(map.kind, PZ_MAP);
    assert_null(pz__map_find(map, pz_value_int(1)));
    assert_null(pz__map_entries(map));
    pz_pool_free(pool);
}

static void every_entry_is_found_and_no_other(void **state)
{
    (void)state;
    static pz_entry entries[3000];
    static char names[3000][12];
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    GEN_CASES(g, gen_cases_full(30, 500))
    {
        pz_value map;
        bool found;
        uint32_t count = (uint32_t)gen_len(&g, 3000);
        for (uint32_t i = 0; i < count; i++) {
            int len = snprintf(names[i], sizeof names[i], "n%u", i * 7);
            entries[i] = (pz_entry){pz_value_strn(names[i], (size_t)len), pz_value_int(i)};
        }
        gen_shuffle(&g, entries, count, sizeof entries[0]);
        assert_int_equal(pz__value_of_entries(&arena, &map, entries, count, PZ__DUP_REFUSE), PZ_OK);
        for (uint32_t i = 0; i < count; i++) {
            pz_str name = pz_value_text(entries[i].key);
            assert_ptr_equal(pz__map_find_text(map, name, pz__map_hash(name)), &entries[i]);
            pz_value_get(map, name.data, name.len - 1, &found);
            assert_int_equal(found, pz__map_find(map, pz_value_strn(name.data, name.len - 1)) != 0);
        }
        uint32_t *order = malloc((count + 1) * sizeof *order);
        pz__map_order(map, order);
        for (uint32_t i = 1; i < count; i++)
            assert_true(pz__key_compare(entries[order[i - 1]].key, entries[order[i]].key) < 0);
        free(order);
        pz__arena_reset(&arena);
    }
    pz__arena_clear(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_match_as_numbers_do),
        cmocka_unit_test(repeated_keys_are_settled_at_every_size),
        cmocka_unit_test(colliding_keys_are_found_by_order),
        cmocka_unit_test(lists_and_doubles_are_no_keys),
        cmocka_unit_test(every_entry_is_found_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
