/* test_program.c: compiled programs: verifier, agreement of all ways to run, exhaustion of memory.
 */
#include "cel/kit.h"

#include <stdio.h>

#include "cel/program.h"
#include "support/gen.h"
#include "support/oom.h"

/* ---- random expressions ---- */

typedef struct writer {
    gen *g;
    char text[4096];
    size_t len;
    bool literal; /* write what is in the slots instead of their names */
} writer;

static const char *const names[] = {"anything",         "other",         "profile.age",
                                    "profile.language", "profile.score", "profile.active"};
static const uint32_t name_slots[] = {SLOT_ANYTHING, SLOT_OTHER, SLOT_AGE,
                                      SLOT_LANGUAGE, SLOT_SCORE, SLOT_ACTIVE};
static const char *const scalars[] = {"0",     "1",    "-7",        "2u",      "1.5",
                                      "0.0",   "'de'", "''",        "'d'",     "true",
                                      "false", "null", "[1, 'de']", "{'a': 1}"};
static const char *const binary[] = {"==", "!=", "<", "<=", ">",  ">=", "+",  "-",
                                     "*",  "/",  "%", "in", "&&", "||", "&&", "||"};

static void put(writer *w, const char *text)
{
    size_t len = strlen(text);
    if (w->len + len + 1 < sizeof w->text) {
        memcpy(w->text + w->len, text, len + 1);
        w->len += len;
    }
}

static void write_leaf(writer *w, const char *const values[6])
{
    size_t i = gen_below(w->g, 6);
    if (gen_bool(w->g))
        put(w, w->literal ? values[i] : names[i]);
    else
        put(w, GEN_CHOICE(w->g, scalars));
}

static void write_expr(writer *w, const char *const values[6], int depth)
{
    if (depth == 0 || gen_chance(w->g, 1, 4)) {
        put(w, "dyn(");
        write_leaf(w, values);
        put(w, ")");
        return;
    }
    switch (gen_below(w->g, 7)) {
    case 0:
        put(w, "!(");
        break;
    case 1:
        put(w, "dyn([");
        write_expr(w, values, depth - 1);
        put(w, gen_bool(w->g) ? "].map(x, dyn(x) == " : "].exists(x, dyn(x) != ");
        write_expr(w, values, depth - 1);
        put(w, "))");
        return;
    case 2:
        put(w, "(dyn(");
        write_expr(w, values, depth - 1);
        put(w, ") ? ");
        write_expr(w, values, depth - 1);
        put(w, " : ");
        break;
    default:
        put(w, "(");
        write_expr(w, values, depth - 1);
        put(w, " ");
        put(w, GEN_CHOICE(w->g, binary));
        put(w, " ");
        break;
    }
    write_expr(w, values, depth - 1);
    put(w, ")");
}

static bool agree(pz_value a, pz_value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == PZ_DOUBLE && a.as.d != a.as.d)
        return b.as.d != b.as.d;
    uint32_t steps = 100000;
    pz__call call = {.steps = &steps};
    return a.kind == PZ__V_ERROR || pz__cel_equal(&call, a, b) || a.kind == PZ_LIST;
}

/* Named slots, literals in their place, checked and unchecked: four ways to one answer. */
static void all_ways_to_run_agree(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(3000, 200000))
    {
        kit k;
        const char *values[6];
        pz_value results[3];
        kit_open(&k, NULL);
        for (int i = 0; i < 6; i++) {
            values[i] = GEN_CHOICE(&g, scalars);
            k.slots[name_slots[i]] = kit_eval(&k, values[i]);
        }
        gen choice = g;
        for (int way = 0; way < 3; way++) {
            writer w = {.g = &choice, .literal = way == 2};
            choice = g;
            write_expr(&w, values, 4);
            pz__cel_options options = {.unchecked = way > 0};
            const pz__program *p = kit_compile_with(&k, pz_str_of(w.text), &options);
            if (!p && way == 0) {
                results[0].kind = PZ__V_PENDING; /* not well typed: only the others count */
                continue;
            }
            if (!p)
                fail_msg("%s: %s", w.text, k.issues.list[0].message);
            assert_true(pz__program_verify(p));
            results[way] = kit_run(&k, p);
            if (way == 1 && results[0].kind == PZ__V_PENDING)
                results[0] = results[1];
            if (!agree(results[way], results[0]))
                fail_msg("way %d of %s: kinds %u and %u", way, w.text, results[way].kind,
                         results[0].kind);
        }
        kit_close(&k);
    }
}

static const char *const rich =
    "profile.language in ['de', 'en', 'a', 'b', 'c', 'd', 'e', 'f', 'g'] && profile.age >= 18 && "
    "[1, profile.age].map(x, x > 1, {'k': x + 1})[0].k > 2 && size(profile.language + 'x') == 3 && "
    "(profile.tags.exists(t, t.startsWith('sp')) || !has(profile.score)) && count('visit') > 0";

static void a_program_is_verified(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    const pz__program *p = kit_compile(&k, rich);
    assert_true(pz__program_verify(p));
    for (uint32_t i = 0; i < p->code_count; i++) {
        pz__program broken = *p;
        pz__ins *code = pz__arena_array(&k.arena, p->code_count, sizeof *code);
        memcpy(code, p->code, p->code_count * sizeof *code);
        broken.code = code;
        code[i].op = PZ__OP_COUNT_OF;
        assert_false(pz__program_verify(&broken));
        code[i] = p->code[i];
        code[i].dst = code[i].a = UINT16_MAX;
        assert_false(pz__program_verify(&broken));
    }
    kit_close(&k);
}

static void a_program_prints_one_line_an_instruction(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    pz__buf text;
    pz__buf_init(&text, NULL, 65536);
    pz__program_print(&text, kit_compile(&k, "profile.age >= 18 && profile.language == 'de'"));
    pz__buf_byte(&text, 0);
    assert_string_equal(text.data, "0 CONST r0 k0\n1 S_INT_GE r0 k1 ?0 s1 @3\n"
                                   "2 S_STR_EQ r0 k2 ?0 s0 @3\n3 RETURN r0\n");
    pz__buf_clear(&text);
    kit_close(&k);
}

/* More registers than stand on the C stack, and the most that nesting can ask for. */
static void the_deepest_macros_run(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    char text[8192] = "";
    const uint32_t levels = PZ__CEL_DEPTH_MAX - 2;
    for (uint32_t i = 0; i < levels; i++)
        strcat(text, "[anything].exists(x, ");
    strcat(text, "x == 1");
    for (uint32_t i = 0; i < levels; i++)
        strcat(text, ")");
    const pz__program *p = kit_compile(&k, text);
    assert_non_null(p);
    assert_true(p->register_count > levels * 3 && p->register_count < PZ__REGISTERS_MAX);
    k.slots[SLOT_ANYTHING] = pz_value_int(1);
    assert_int_equal(pz__cel_truth(kit_run(&k, p)), PZ__TRUE);
    kit_close(&k);
}

static pz_status compile_and_run(const pz_alloc *alloc, void *payload)
{
    kit k;
    kit_open(&k, alloc);
    const pz__program *p = kit_compile(&k, payload);
    pz_status status = k.status;
    if (p) {
        k.slots[SLOT_LANGUAGE] = pz_value_str("de");
        k.slots[SLOT_AGE] = pz_value_int(30);
        k.slots[SLOT_TAGS] = pz__value_of_items(NULL, 0);
        k.slots[SLOT_DERIVED + 1] = pz_value_int(3);
        pz_value v = kit_run(&k, p);
        if (v.kind == PZ__V_ERROR)
            status = kit_error_of(v)->status;
    }
    kit_close(&k);
    return status;
}

static void exhaustion_is_reported_at_every_allocation(void **state)
{
    (void)state;
    char source[512];
    strcpy(source, rich);
    oom_run(compile_and_run, source);
    strcpy(source, "profile.langauge == 1 || profile.age == 'x' || nosuch(profile.tags)");
    oom_run_expecting(PZ_ERR_TYPE, compile_and_run, source);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(all_ways_to_run_agree),
        cmocka_unit_test(a_program_is_verified),
        cmocka_unit_test(a_program_prints_one_line_an_instruction),
        cmocka_unit_test(the_deepest_macros_run),
        cmocka_unit_test(exhaustion_is_reported_at_every_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
