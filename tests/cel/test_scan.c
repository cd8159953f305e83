/*
 * test_scan.c: loops whose elements are taken many at once give what they give one by one.
 *
 * While costs are counted nothing is scanned, so every program is its own oracle: run twice over
 * the same list, once with its costs counted, it gives the same value or the same problem at the
 * same place, within the same budget of steps.
 */
#include "cel/kit.h"

#include <stdio.h>

#include "cel/program.h"
#include "support/gen.h"

#define ITEMS_MAX 140

static const char *const conditions[] = {
    "o.total > 50.0",
    "o.total <= 50.0 && o.state == 'paid'",
    "o.total == 7 && o.n != 3",
    "!(o.state == 'paid') && o.total < 9.5",
    "o.state == 'a longer name' && o.total >= 0.5",
    "o.n in [1, 2, 3] && o.id == 'x'",
    "o.n > 2 || o.state == 'open'",
    "o.flag",
    "!o.flag && o.flag == false",
    "o.flag || o.n < 2 || o.total > 90.0",
    "o.state in ['paid', 'open'] && o.n >= 1",
    "o.state in ['paid', 'a very long state'] && o.n <= 3",
    "o.state.startsWith('pa') && o.n == 1",
    "o.a_name_of_more_than_sixteen == 1 && o.n > 0",
    "o.eight_ok == 'eight888' && o.n > 0",
    "o.state == ''",
};

static const char *const shapes[] = {
    "%s.filter(o, %s)",
    "size(%s.filter(o, %s))",
    "%s.filter(o, %s).size() >= 3",
    "%s.exists(o, %s)",
    "%s.all(o, %s)",
    "%s.exists_one(o, %s)",
    "%s.filter(o, %s).size() > 0 || true",
    "%s.map(o, %s, o)",
};

static const char *const names[] = {
    "total", "state", "n", "flag", "id", "eight_ok", "a_name_of_more_than_sixteen"};
static const char *const states[] = {
    "paid", "open", "", "pa", "pai", "a longer name", "paidpaid", "eight888", "a very long state",
    "x"};

/* ---- lists ---- */

/* How often something is not as it is mostly: one in so many; 0: never. */
typedef struct mess {
    unsigned kinds, members, order;
} mess;

static bool is_odd(gen *g, unsigned one_in)
{
    return one_in && gen_chance(g, 1, one_in);
}

static pz_value any_value(gen *g)
{
    switch (gen_below(g, 6)) {
    case 0:
        return pz_value_null();
    case 1:
        return pz_value_int(gen_range(g, -2, 5));
    case 2:
        return pz_value_double((double)gen_range(g, 0, 8) / 2);
    case 3:
        return pz_value_uint(gen_below(g, 4));
    case 4:
        return pz_value_bool(gen_bool(g));
    default:
        return pz_value_str(GEN_CHOICE(g, states));
    }
}

static pz_value usual_value(gen *g, size_t name)
{
    switch (name) {
    case 0:
        return gen_chance(g, 1, 4) ? pz_value_int(gen_range(g, 0, 100))
                                   : pz_value_double((double)gen_range(g, 0, 200) / 2);
    case 2:
    case 6:
        return pz_value_int(gen_range(g, 0, 4));
    case 3:
        return pz_value_bool(gen_bool(g));
    default:
        return pz_value_str(GEN_CHOICE(g, states));
    }
}

static pz_value record(gen *g, pz__arena *arena, mess m)
{
    enum { NAMES = sizeof names / sizeof *names, EXTRA = 6 };
    static const char *const extra[EXTRA] = {"u", "v", "w", "x", "y", "z"};
    pz_entry *entries = pz__arena_array(arena, NAMES + EXTRA, sizeof *entries);
    uint32_t count = 0;
    assert_non_null(entries);
    for (size_t i = 0; i < NAMES; i++)
        if (!is_odd(g, m.members))
            entries[count++] = (pz_entry){pz_value_str(names[i]),
                                          is_odd(g, m.kinds) ? any_value(g) : usual_value(g, i)};
    /* More than eight entries are hashed. */
    for (size_t i = 0; i < EXTRA && is_odd(g, m.order); i++)
        entries[count++] = (pz_entry){pz_value_str(extra[i]), any_value(g)};
    if (is_odd(g, m.order))
        gen_shuffle(g, entries, count, sizeof *entries);
    pz_value map;
    assert_int_equal(pz__value_of_entries(arena, &map, entries, count, PZ__DUP_REFUSE), PZ_OK);
    return map;
}

static pz_value records(gen *g, pz__arena *arena, mess m)
{
    const uint32_t count = (uint32_t)gen_below(g, gen_bool(g) ? 12 : ITEMS_MAX);
    pz_value *items = pz__arena_array(arena, count + 1, sizeof *items);
    assert_non_null(items);
    for (uint32_t i = 0; i < count; i++)
        items[i] = is_odd(g, m.kinds ? 4 * m.kinds : 0) ? any_value(g) : record(g, arena, m);
    return pz__value_of_items(items, count);
}

/* ---- both ways ---- */

static pz_value run(kit *k, const pz__program *program, uint32_t steps, uint64_t *cost)
{
    pz__activation activation = {.slots = k->slots,
                                 .slot_count = SLOT_COUNT,
                                 .arena = &k->arena,
                                 .step_limit = steps,
                                 .cost = cost};
    return pz__cel_eval(program, &activation);
}

static void assert_same(pz_value scanned, pz_value walked, const char *source, const char *place)
{
    if (scanned.kind != walked.kind)
        fail_msg("%s: %s: kinds %u and %u", place, source, scanned.kind, walked.kind);
    if (scanned.kind == PZ__V_ERROR) {
        const pz__cel_error *a = kit_error_of(scanned), *b = kit_error_of(walked);
        if (a->status != b->status || a->offset != b->offset || strcmp(a->message, b->message) != 0)
            fail_msg("%s: %s: %s at %u, %s at %u", place, source, a->message, a->offset, b->message,
                     b->offset);
    } else if (!pz_value_equal(scanned, walked)) {
        fail_msg("%s: %s: different values", place, source);
    }
}

static const pz__program *compile(kit *k, gen *g, char *source, size_t size)
{
    const char *list = "anything", *condition = GEN_CHOICE(g, conditions);
    snprintf(source, size, GEN_CHOICE(g, shapes), list, condition);
    const pz__program *program = kit_compile(k, source);
    if (!program)
        fail_msg("%s: %s", source, k->issues.count ? k->issues.list[0].message : "no issue");
    assert_true(pz__program_verify(program));
    return program;
}

static bool has_scan(const pz__program *program)
{
    for (uint32_t i = 0; i < program->code_count; i++)
        if (program->code[i].op == PZ__OP_SCAN)
            return true;
    return false;
}

static void scanning_gives_what_walking_gives(void **state)
{
    (void)state;
    uint32_t scanning = 0, cases = 0;
    GEN_CASES(g, gen_cases(4000))
    {
        static const mess tidy = {0, 0, 0}, shuffled = {0, 0, 2}, rare = {60, 60, 30},
                          wild = {4, 4, 3};
        const mess messes[] = {tidy, shuffled, rare, wild};
        kit k;
        char source[256];
        uint64_t cost;
        kit_open(&k, NULL);
        k.slots[SLOT_ANYTHING] = records(&g, &k.arena, GEN_CHOICE(&g, messes));
        const pz__program *program = compile(&k, &g, source, sizeof source);
        scanning += has_scan(program);
        cases++;
        assert_same(run(&k, program, 0, NULL), run(&k, program, 0, &cost), source, gen_place(&g));
        kit_close(&k);
    }
    assert_true(scanning > cases / 2);
}

static void scanning_takes_the_steps_of_walking(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(400))
    {
        static const mess tidy = {0, 0, 0}, rare = {30, 30, 30};
        kit k;
        char source[256];
        uint64_t cost;
        kit_open(&k, NULL);
        k.slots[SLOT_ANYTHING] = records(&g, &k.arena, gen_bool(&g) ? tidy : rare);
        const pz__program *program = compile(&k, &g, source, sizeof source);
        for (uint32_t steps = 1; steps < ITEMS_MAX + 10; steps++)
            assert_same(run(&k, program, steps, NULL), run(&k, program, steps, &cost), source,
                        gen_place(&g));
        kit_close(&k);
    }
}

/* ---- by hand ---- */

static void put_list(kit *k, const char *source)
{
    k->slots[SLOT_ANYTHING] = kit_eval(k, source);
}

static void members_are_found_wherever_they_stand(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    put_list(&k,
             "[{'a': 1, 'total': 2.0}, {'total': 3.0, 'a': 1}, {'b': 0, 'a': 1, 'total': 4.0}]");
    assert_int_equal(kit_eval(&k, "size(anything.filter(o, o.total > 1.0 && o.a == 1))").as.i, 3);
    assert_int_equal(kit_eval(&k, "size(anything.filter(o, o.total > 2.0 && o.a == 1))").as.i, 2);
    assert_true_of(&k, "anything.all(o, o.total > 1.0 && o.a == 1)");
    kit_close(&k);
}

static void a_missing_member_is_the_error_it_was(void **state)
{
    (void)state;
    static const char *const source =
        "anything.filter(o, o.total > 1.0 && o.state == 'paid').size()";
    kit k;
    kit_open(&k, NULL);
    put_list(&k, "[{'total': 0.0}, {'total': 2.0, 'state': 'paid'}]");
    assert_int_equal(kit_eval(&k, source).as.i, 1); /* false absorbs */
    put_list(&k, "[{'total': 2.0, 'state': 'paid'}, {'total': 2.0}]");
    const pz_value problem = kit_eval(&k, source);
    assert_int_equal(kit_error_of(problem)->offset, strstr(source, "state") - source);
    put_list(&k, "[{'total': 2.0, 'state': 'paid'}, {'total': 'x', 'state': 'open'}]");
    assert_int_equal(kit_eval(&k, source).as.i, 1); /* false absorbs the error before it, too */
    put_list(&k, "[{'total': 2.0, 'state': 'paid'}, 7]");
    assert_error_of(&k, source);
    kit_close(&k);
}

static void numbers_of_another_kind_compare_exactly(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    put_list(&k, "[{'n': 9007199254740993}, {'n': 9007199254740992}, {'n': 3u}, {'n': 0.0 / 0.0}]");
    assert_int_equal(kit_eval(&k, "size(anything.filter(o, o.n > 9007199254740992.0))").as.i, 1);
    assert_int_equal(kit_eval(&k, "size(anything.filter(o, o.n == 9007199254740992.0))").as.i, 1);
    assert_int_equal(kit_eval(&k, "size(anything.filter(o, o.n != 3.0))").as.i, 3);
    kit_close(&k);
}

static void texts_that_agree_in_part_are_not_the_same(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    put_list(&k, "['paid', 'pai', 'paide', 'piad', 'eight888', 'eight88', 'sixteen sixteen!', "
                 "'sixteen-sixteen!', 'seventeen 7teen!!']");
    assert_int_equal(kit_eval(&k, "size(anything.filter(s, s == 'paid'))").as.i, 1);
    assert_int_equal(kit_eval(&k, "size(anything.filter(s, s == 'eight888'))").as.i, 1);
    assert_int_equal(kit_eval(&k, "size(anything.filter(s, s == 'sixteen sixteen!'))").as.i, 1);
    assert_int_equal(kit_eval(&k, "size(anything.filter(s, s == 'seventeen 7teen!!'))").as.i, 1);
    assert_int_equal(kit_eval(&k, "size(anything.filter(s, s != 'pai'))").as.i, 8);
    kit_close(&k);
}

/* A loop with a scan and nothing else of interest: which the verifier takes, and which not. */
static void the_verifier_knows_what_a_scan_reads(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    const pz__program *program = kit_compile(&k, "anything.exists(o, o.a == 1 && o.b == 2)");
    assert_non_null(program);
    assert_true(has_scan(program));
    pz__ins code[32];
    assert_true(program->code_count <= 32);
    memcpy(code, program->code, program->code_count * sizeof *code);
    pz__program changed = *program;
    changed.code = code;
    assert_true(pz__program_verify(&changed));
    pz__ins *scan = code;
    while (scan->op != PZ__OP_SCAN)
        scan++;
    const pz__ins kept = *scan;
    scan->b = 3; /* the third is no test of the element */
    assert_false(pz__program_verify(&changed));
    *scan = kept;
    scan->b = PZ__SCAN_TERMS + 1;
    assert_false(pz__program_verify(&changed));
    *scan = kept;
    scan->x = program->code_count;
    assert_false(pz__program_verify(&changed));
    *scan = kept;
    scan[1].op = PZ__OP_NEXT2; /* of another range */
    assert_false(pz__program_verify(&changed));
    kit_close(&k);
}

static void conditions_of_too_many_tests_go_without(void **state)
{
    (void)state;
    kit k;
    char source[512] = "anything.filter(o, o.a0 == 0";
    kit_open(&k, NULL);
    for (int i = 1; i <= (int)PZ__SCAN_TERMS; i++) {
        char whole[600];
        snprintf(whole, sizeof whole, "%s)", source);
        const pz__program *program = kit_compile(&k, whole);
        assert_non_null(program);
        assert_true(has_scan(program));
        snprintf(source + strlen(source), sizeof source - strlen(source), " && o.a%d == %d", i, i);
    }
    snprintf(source + strlen(source), sizeof source - strlen(source), ")");
    assert_false(has_scan(kit_compile(&k, source)));
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scanning_gives_what_walking_gives),
        cmocka_unit_test(scanning_takes_the_steps_of_walking),
        cmocka_unit_test(members_are_found_wherever_they_stand),
        cmocka_unit_test(a_missing_member_is_the_error_it_was),
        cmocka_unit_test(numbers_of_another_kind_compare_exactly),
        cmocka_unit_test(texts_that_agree_in_part_are_not_the_same),
        cmocka_unit_test(the_verifier_knows_what_a_scan_reads),
        cmocka_unit_test(conditions_of_too_many_tests_go_without),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
