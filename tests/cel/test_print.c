/* The canonical spelling: reading what was printed gives the same tree. */
#include "cel/kit.h"

#include "cel/ast.h"
#include "cel/gen_expr.h"
#include "cel/tree.h"
#include "support/oom.h"

/* False if the source does not parse. */
static bool round_trips(pz_str source)
{
    pz__buf text;
    pz__buf_init(&text, NULL, 1u << 20);
    const tree_trip trip = tree_trip_of(source, false, &text);
    if (trip != TREE_KEPT && trip != TREE_UNREADABLE)
        fail_msg("%.*s\nprints as\n%.*s", PZ__STR_ARG(source), (int)text.len, text.data);
    pz__buf_clear(&text);
    return trip == TREE_KEPT;
}

static void one_spelling(void **state)
{
    (void)state;
    static const char *const pairs[][2] = {
        {"((1+2))*3", "(1 + 2) * 3"},
        {"1+(2*3)//why\n", "1 + 2 * 3"},
        {"a-(b-c)", "a - (b - c)"},
        {"(a-b)-c", "a - b - c"},
        {"a&&(b||c)&&(d&&e)", "a && (b || c) && (d && e)"},
        {"(a?b:c)?d:(e?f:g)", "(a ? b : c) ? d : e ? f : g"},
        {"a ? (b?c:d) : e", "a ? (b ? c : d) : e"},
        {"-(5)", "-(5)"},
        {"- -5", "--5"},
        {"-(5).abs()", "-(5.abs())"},
        {"!(-a)", "!(-a)"},
        {"-5u", "-5u"},
        {"\"a\"", "'a'"},
        {"\"it's\"", "\"it's\""},
        {"r'\\d'", "'\\\\d'"},
        {"b'\\377'", "b'\\xff'"},
        {"1e3", "1000.0"},
        {"1e999", "1e999"},
        {"0xFF", "255"},
        {"[1,2,]", "[1, 2]"},
        {"{'a':1,}", "{'a': 1}"},
        {"has(a.b)", "has(a.b)"},
        {"[1].all(x,x>0)", "[1].all(x, x > 0)"},
        {"cel.bind(x,1,x+1)", "cel.bind(x, 1, x + 1)"},
        {"cel.block([1,2],cel.index(1))", "cel.block([1, 2], cel.index(1))"},
        {"a . ? b [ ? 0 ]", "a.?b[?0]"},
        {"x in(y)", "x in y"},
        {"(a==b)==c", "a == b == c"},
        {"a==(b==c)", "a == (b == c)"},
        {".a.b{c:1,?d:e}", ".a.b{c: 1, ?d: e}"},
        {"[1].existsOne(x,x>0)", "[1].exists_one(x, x > 0)"},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof pairs[0]; i++) {
        pz__buf out;
        pz__buf_init(&out, NULL, 4096);
        assert_int_equal(pz__cel_canonical(&out, pz_str_of(pairs[i][0]), false), PZ_OK);
        pz__buf_byte(&out, 0);
        assert_string_equal(out.data, pairs[i][1]);
        pz__buf_clear(&out);
        assert_true(round_trips(pz_str_of(pairs[i][0])));
    }
}

static void generated_expressions_round_trip(void **state)
{
    (void)state;
    size_t parsed = 0, count = 0;
    GEN_CASES(g, gen_cases(3000))
    {
        pz__buf text;
        pz__buf_init(&text, NULL, 1u << 15);
        gen_expr(&g, &text, 5);
        count++;
        if (text.status == PZ_OK)
            parsed += round_trips((pz_str){text.data, text.len});
        pz__buf_clear(&text);
    }
    assert_true(parsed * 2 > count); /* the generator is not mostly wrong */
}

static void a_mistake_prints_nothing(void **state)
{
    (void)state;
    pz__buf out;
    pz__buf_init(&out, NULL, 64);
    assert_int_equal(pz__cel_canonical(&out, PZ__STR("1 +"), false), PZ_ERR_PARSE);
    assert_int_equal(out.len, 0);
    pz__buf_clear(&out);
    pz__buf_init(&out, NULL, 4);
    assert_int_equal(pz__cel_canonical(&out, PZ__STR("1 + 1"), false), PZ_ERR_LIMIT);
    pz__buf_clear(&out);
}

static pz_status print_one(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__buf out;
    pz__buf_init(&out, alloc, 4096);
    pz_status status =
        pz__cel_canonical(&out, PZ__STR("[1, 2].map(x, {'a': x + 1}).size() > 1 && a.b"), false);
    pz__buf_clear(&out);
    return status;
}

static void printing_survives_exhaustion(void **state)
{
    (void)state;
    oom_run(print_one, NULL);
}

/* Least and most enclose what every evaluation costs. */
static uint64_t hint(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
    return 8;
}

static void give_values(kit *k)
{
    static const pz_value tags[2] = {{.kind = PZ_STRING, .len = 1, .as.text = "a"},
                                     {.kind = PZ_STRING, .len = 2, .as.text = "bc"}};
    k->fetch_with[SLOT_AGE] = pz_value_int(41);
    k->fetch_with[SLOT_ACTIVE] = pz_value_bool(true);
    k->fetch_with[SLOT_LANGUAGE] = pz_value_str("de");
    k->fetch_with[SLOT_TAGS] = pz__value_of_items(tags, 2);
}

static void costs_lie_within_the_estimate(void **state)
{
    (void)state;
    size_t bounded = 0;
    GEN_CASES(g, gen_cases(3000))
    {
        kit k;
        uint64_t cost = 0;
        pz__buf text;
        kit_open(&k, NULL);
        if (gen_chance(&g, 3, 4))
            give_values(&k);
        pz__buf_init(&text, NULL, 1u << 14);
        gen_expr(&g, &text, 4);
        pz__cel_env env = kit_env(&k);
        env.size_hint = hint;
        const pz__program *program;
        const pz_str source = {text.data, text.len};
        pz__activation activation = {.slots = k.slots,
                                     .slot_count = SLOT_COUNT,
                                     .self = &k,
                                     .arena = &k.arena,
                                     .cost = &cost};
        for (uint32_t i = 0; i < SLOT_COUNT; i++)
            k.slots[i] = k.fetch_with[i];
        if (text.status == PZ_OK &&
            pz__cel_compile(&k.arena, &program, source, &env, NULL, NULL) == PZ_OK) {
            const pz__cel_cost bounds = pz__program_cost(program);
            pz_value counted = pz__cel_eval(program, &activation);
            activation.cost = NULL;
            assert_int_equal(counted.kind, pz__cel_eval(program, &activation).kind);
            bounded += bounds.most != UINT64_MAX;
            if (cost < bounds.least || cost > bounds.most)
                fail_msg("%.*s costs %llu, not within %llu and %llu", PZ__STR_ARG(source),
                         (unsigned long long)cost, (unsigned long long)bounds.least,
                         (unsigned long long)bounds.most);
        }
        pz__buf_clear(&text);
        kit_close(&k);
    }
    assert_true(bounded > 0);
}

static uint64_t large_hint(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
    return 2000;
}

/* What long texts cost: never more than estimated, and it shows in the count. */
static void long_texts_cost_within_the_estimate(void **state)
{
    (void)state;
    static char text[2000];
    static const char *const sources[] = {
        "profile.language in profile.address",
        "profile.address[profile.language] == 'x'",
        "profile.address[?profile.language].hasValue()",
        "{profile.language: 1}.size() == 1",
        "{profile.language: 1} == {profile.language: 1}",
        "profile.tags.transformMapEntry(i, t, {t: i}).size() == 1",
        "profile.address.transformMap(a, v, v).size() == 1",
        "profile.address == profile.address",
        "sets.equivalent(profile.tags, profile.tags)",
        "profile.tags.distinct().size() == 1",
    };
    memset(text, 'a', sizeof text);
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        kit k;
        uint64_t cost = 0;
        const pz__program *program;
        kit_open(&k, NULL);
        pz__cel_env env = kit_env(&k);
        env.size_hint = large_hint;
        const pz_value word = pz_value_strn(text, sizeof text);
        pz_entry entry = {word, word};
        k.slots[SLOT_LANGUAGE] = word;
        k.slots[SLOT_TAGS] = pz__value_of_items(&word, 1);
        assert_int_equal(
            pz__value_of_entries(&k.arena, &k.slots[SLOT_ADDRESS], &entry, 1, PZ__DUP_REFUSE),
            PZ_OK);
        assert_int_equal(
            pz__cel_compile(&k.arena, &program, pz_str_of(sources[i]), &env, NULL, NULL), PZ_OK);
        pz__activation activation = {.slots = k.slots,
                                     .slot_count = SLOT_COUNT,
                                     .self = &k,
                                     .arena = &k.arena,
                                     .cost = &cost};
        assert_int_equal(pz__cel_truth(pz__cel_eval(program, &activation)),
                         i == 1 ? PZ__FALSE : PZ__TRUE);
        const pz__cel_cost bounds = pz__program_cost(program);
        if (cost < sizeof text / 16 || cost > bounds.most || bounds.most == UINT64_MAX)
            fail_msg("%s costs %llu, at most %llu", sources[i], (unsigned long long)cost,
                     (unsigned long long)bounds.most);
        kit_close(&k);
    }
}

static void the_estimate_counts_the_items_of_a_hinted_list(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    pz__cel_env env = kit_env(&k);
    env.size_hint = hint;
    const pz__program *program;
    assert_int_equal(
        pz__cel_compile(&k.arena, &program, PZ__STR("'a' in profile.tags"), &env, NULL, NULL),
        PZ_OK);
    /* Eight texts of up to eight octets, each looked at once. */
    assert_in_range(pz__program_cost(program).most, 2 + 8, 100);
    kit_close(&k);
}

static void a_cost_limit_ends_the_evaluation(void **state)
{
    (void)state;
    kit k;
    kit_open(&k, NULL);
    give_values(&k);
    const pz__program *program =
        kit_compile(&k, "profile.age > 1 && profile.tags.all(t, t != 'x')");
    uint64_t cost = 0;
    pz__activation activation = {.slots = k.fetch_with,
                                 .slot_count = SLOT_COUNT,
                                 .self = &k,
                                 .arena = &k.arena,
                                 .cost = &cost};
    assert_int_equal(pz__cel_truth(pz__cel_eval(program, &activation)), PZ__TRUE);
    const uint64_t needed = cost;
    assert_true(needed > 3);
    activation.cost_limit = needed;
    assert_int_equal(pz__cel_truth(pz__cel_eval(program, &activation)), PZ__TRUE);
    activation.cost_limit = needed - 1;
    pz_value v = pz__cel_eval(program, &activation);
    assert_int_equal(kit_error_of(v)->status, PZ_ERR_LIMIT);
    assert_string_equal(kit_error(v), "the evaluation costs more than its limit allows");
    kit_close(&k);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_spelling),
        cmocka_unit_test(generated_expressions_round_trip),
        cmocka_unit_test(a_mistake_prints_nothing),
        cmocka_unit_test(printing_survives_exhaustion),
        cmocka_unit_test(costs_lie_within_the_estimate),
        cmocka_unit_test(long_texts_cost_within_the_estimate),
        cmocka_unit_test(the_estimate_counts_the_items_of_a_hinted_list),
        cmocka_unit_test(a_cost_limit_ends_the_evaluation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
