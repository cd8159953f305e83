/*
 * test_field.c: where a member was found last is a guess, which changes no answer.
 */
#include "cel/kit.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>

#include "cel/program.h"
#include "support/gen.h"

#define THREADS 4
#define BIG ((uint32_t)UINT16_MAX + 2u)

/* ---- maps ---- */

/* A map of `count` members k0, k1 ... and one more, `name`, at the place `at`. */
static pz_value map_with(pz__arena *arena, const char *name, uint32_t at, uint32_t count)
{
    pz_value map;
    pz_entry *entries = pz__arena_array(arena, (size_t)count + 1, sizeof *entries);
    assert_non_null(entries);
    for (uint32_t i = 0; i <= count; i++) {
        char key[16];
        const int len = snprintf(key, sizeof key, "k%u", i);
        const char *text = i == at ? name : pz__arena_text(arena, key, (size_t)len);
        entries[i] = (pz_entry){pz_value_str(text), pz_value_int(i)};
    }
    assert_int_equal(pz__value_of_entries(arena, &map, entries, count + 1, PZ__DUP_REFUSE), PZ_OK);
    return map;
}

static pz_value run_over(const pz__program *program, pz__arena *arena, pz_value map)
{
    pz_value slots[SLOT_COUNT] = {{0}};
    slots[SLOT_ANYTHING] = map;
    pz__activation activation = {.slots = slots, .slot_count = SLOT_COUNT, .arena = arena};
    return pz__cel_eval(program, &activation);
}

/* ---- one thread ---- */

static void a_member_is_found_wherever_the_one_before_stood(void **state)
{
    (void)state;
    static const char *const names[] = {
        "a", "bc", "def", "four", "seven77", "eight888", "sixteen_sixteen_", "more_than_sixteen"};
    kit k;
    kit_open(&k, NULL);
    GEN_CASES(g, gen_cases(60))
    {
        const char *name = GEN_CHOICE(&g, names);
        char source[64];
        snprintf(source, sizeof source, "anything.%s", name);
        const pz__program *program = kit_compile(&k, source);
        assert_non_null(program);
        for (int i = 0; i < 40; i++) {
            const uint32_t count = (uint32_t)gen_below(&g, 14), at = (uint32_t)gen_below(&g, 14);
            const pz_value v = run_over(program, &k.arena, map_with(&k.arena, name, at, count));
            assert_int_equal(v.kind, at <= count ? PZ_INT : PZ__V_ERROR);
            assert_true(at > count || v.as.i == at);
        }
    }
    kit_close(&k);
}

static void what_is_no_map_is_the_error_it_was(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    const pz__program *program = kit_compile(&k, "anything.four");
    assert_non_null(program);
    run_over(program, &k.arena, map_with(&k.arena, "four", 3, 5));
    const pz_value none = {.kind = PZ_MAP};
    const pz_value others[] = {pz_value_null(), pz_value_str("a text of some length"), none,
                               pz__value_of_items(k.slots, 5)};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        assert_int_equal(run_over(program, &k.arena, others[i]).kind, PZ__V_ERROR);
    kit_close(&k);
}

/* A place that does not fit is not remembered, and nothing is remembered after so many moves. */
static void places_are_remembered_up_to_their_limits(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    const pz__program *program = kit_compile(&k, "anything.four");
    assert_non_null(program);
    pz__field *field = &program->fields[0];
    const uint32_t places[] = {UINT16_MAX, (uint32_t)UINT16_MAX + 1};
    for (size_t i = 0; i < 2; i++) {
        const pz_value big = map_with(&k.arena, "four", places[i], BIG);
        assert_int_equal(run_over(program, &k.arena, big).as.i, places[i]);
        assert_int_equal(atomic_load(&field->place), UINT16_MAX);
    }
    const pz_value first = map_with(&k.arena, "four", 0, 3),
                   last = map_with(&k.arena, "four", 3, 3);
    atomic_store(&field->moves, 0);
    for (uint32_t i = 1; i <= PZ__FIELD_MOVES; i++) {
        const uint32_t place = i % 2 ? 0 : 3;
        assert_int_equal(run_over(program, &k.arena, place ? last : first).as.i, place);
        assert_int_equal(atomic_load(&field->place), place);
        assert_int_equal(atomic_load(&field->moves), i);
    }
    assert_int_equal(run_over(program, &k.arena, first).as.i, 0);
    assert_int_equal(atomic_load(&field->place), 3);
    assert_int_equal(atomic_load(&field->moves), PZ__FIELD_MOVES);
    kit_close(&k);
}

/* ---- several threads ---- */

typedef struct worker {
    const pz__program *program;
    pz_value maps[3];
    size_t wrong;
} worker;

static void *evaluate(void *payload)
{
    worker *w = payload;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < 3000; i++)
        w->wrong += pz__cel_truth(run_over(w->program, &arena, w->maps[i % 3])) != PZ__TRUE;
    pz__arena_clear(&arena);
    return NULL;
}

static void threads_that_find_it_elsewhere_do_not_mislead_each_other(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    const pz__program *program = kit_compile(
        &k, "anything.four >= 0 && has(anything.four) && [anything].exists(o, o.four == "
            "anything.four && o.four < 9) && size([anything].filter(o, o.four < 9)) == 1");
    pthread_t threads[THREADS];
    worker workers[THREADS];
    assert_non_null(program);
    for (uint32_t i = 0; i < THREADS; i++) {
        workers[i] = (worker){.program = program};
        for (uint32_t m = 0; m < 3; m++)
            workers[i].maps[m] = map_with(&k.arena, "four", (i + m) % 5, 4 + 6 * m);
        assert_int_equal(pthread_create(&threads[i], NULL, evaluate, &workers[i]), 0);
    }
    for (uint32_t i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        assert_int_equal(workers[i].wrong, 0);
    }
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_member_is_found_wherever_the_one_before_stood),
        cmocka_unit_test(what_is_no_map_is_the_error_it_was),
        cmocka_unit_test(places_are_remembered_up_to_their_limits),
        cmocka_unit_test(threads_that_find_it_elsewhere_do_not_mislead_each_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
