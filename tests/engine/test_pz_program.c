/* Programs of the host's own, through the public API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <personalize/program.h>

#include "support/oom.h"

static pz_status twice(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                       pz_value *out, pz_error *err)
{
    (void)payload;
    (void)pool;
    (void)count;
    if (args[0].as.i < 0) {
        strcpy(err->message, "twice() takes no negative number");
        return PZ_ERR_DOMAIN;
    }
    *out = pz_value_int(args[0].as.i * 2);
    return PZ_OK;
}

static pz_status shout(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                       pz_value *out, pz_error *err)
{
    (void)payload;
    (void)count;
    (void)err;
    char text[64];
    size_t len = args[0].len < 63 ? args[0].len : 63;
    memcpy(text, args[0].as.text, len);
    text[len] = '!';
    return pz_pool_string(pool, out, text, len + 1);
}

static const pz_variable variables[] = {
    {"age", "int", 0}, {"name", "string", 20}, {"order.total", "double", 0}};
static const pz_function functions[] = {{"shop.twice", "(int) -> int", twice, NULL},
                                        {"shout", "string.() -> string", shout, NULL}};

static pz_program_options options_of(const pz_alloc *alloc)
{
    return (pz_program_options){PZ_PROGRAM_OPTIONS,  .alloc = alloc,         .variables = variables,
                                .variable_count = 3, .functions = functions, .function_count = 2};
}

static pz_program *compiled(const char *source)
{
    pz_program *program;
    pz_error err = PZ_ERROR_INIT;
    const pz_program_options options = options_of(NULL);
    if (pz_program_compile(&program, source, strlen(source), &options, &err) != PZ_OK)
        fail_msg("%s: %s", source, err.message);
    return program;
}

static pz_status run(const char *source, pz_value *out, pz_evaluation *evaluation, pz_error *err)
{
    static pz_pool *pool;
    if (pool)
        pz_pool_free(pool);
    pool = NULL;
    if (!source)
        return PZ_OK;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    pz_program *program = compiled(source);
    const pz_value values[] = {pz_value_int(20), pz_value_unknown(), pz_value_double(9.5)};
    evaluation->wants_cost = 1;
    pz_status status = pz_program_eval(program, pool, values, 3, evaluation, err);
    *out = evaluation->value;
    uint64_t least, most;
    pz_program_cost(program, &least, &most);
    assert_true(least <= evaluation->cost && evaluation->cost <= most);
    pz_program_unref(program);
    return status;
}

static void values_by_index_and_functions(void **state)
{
    (void)state;
    pz_value v;
    pz_error err = PZ_ERROR_INIT;
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    assert_int_equal(run("shop.twice(age) + 1", &v, &evaluation, &err), PZ_OK);
    assert_int_equal(v.as.i, 41);
    assert_int_equal(run("order.total > 9.0", &v, &evaluation, &err), PZ_OK);
    assert_true(v.as.b);
    assert_int_equal(run("shop.twice(-age)", &v, &evaluation, &err), PZ_ERR_EVAL);
    assert_string_equal(err.message, "twice() takes no negative number");
    assert_int_equal(err.line, 1);
    assert_int_equal(run("type(age)", &v, &evaluation, &err), PZ_OK);
    assert_memory_equal(v.as.text, "int", 3);
    run(NULL, NULL, NULL, NULL);
}

static void what_is_missing_is_named(void **state)
{
    (void)state;
    pz_value v;
    pz_error err = PZ_ERROR_INIT;
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    assert_int_equal(run("name == 'x' && age > 1", &v, &evaluation, &err), PZ_ERR_NOT_FOUND);
    assert_int_equal(evaluation.unknown_count, 1);
    assert_int_equal(evaluation.unknowns[0], 1);
    assert_non_null(strstr(err.message, "'name'"));
    assert_int_equal(run("name == 'x' || age > 1", &v, &evaluation, &err), PZ_OK);
    assert_int_equal(evaluation.unknown_count, 0);
    run(NULL, NULL, NULL, NULL);
}

static void maps_and_reading_out(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_value map;
    pz_str text;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    static const char json[] = "{\"name\": \"ann\", \"age\": 3}";
    assert_int_equal(pz_value_parse(pool, &map, json, strlen(json), 0, NULL), PZ_OK);
    pz_program *program = compiled("(name.shout()) //so\n + '?'");
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    assert_int_equal(pz_program_eval_map(program, pool, map, &evaluation, NULL), PZ_OK);
    assert_int_equal(evaluation.value.len, 5);
    assert_memory_equal(evaluation.value.as.text, "ann!?", 5);
    assert_int_equal(pz_program_text(program, pool, &text), PZ_OK);
    assert_string_equal(text.data, "name.shout() + '?'");
    assert_int_equal(pz_program_type(program, pool, &text), PZ_OK);
    assert_string_equal(text.data, "string");
    assert_true(pz_program_reads(program, 1));
    assert_false(pz_program_reads(program, 0));
    pz_program_unref(pz_program_ref(program));
    pz_program_unref(program);
    pz_pool_free(pool);
}

static pz_status run_map(const char *source, const char *json, pz_value *out, pz_error *err)
{
    pz_pool *pool;
    pz_value map;
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_value_parse(pool, &map, json, strlen(json), 0, NULL), PZ_OK);
    pz_program *program = compiled(source);
    const pz_status status = pz_program_eval_map(program, pool, map, &evaluation, err);
    *out = evaluation.value;
    pz_program_unref(program);
    pz_pool_free(pool);
    return status;
}

static void variables_of_a_map_become_what_is_declared(void **state)
{
    (void)state;
    pz_value out;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(run_map("order.total * 2.0", "{\"order.total\": 3}", &out, &err), PZ_OK);
    assert_int_equal(out.kind, PZ_DOUBLE);
    assert_true(out.as.d == 6.0);
    assert_int_equal(run_map("age + 1", "{\"age\": \"3\"}", &out, &err), PZ_ERR_TYPE);
    assert_string_equal(err.message, "variable 'age' is declared int, and was given string");
    assert_int_equal(run_map("age + 1", "{\"age\": null}", &out, &err), PZ_ERR_NOT_FOUND);
}

static void mistakes_have_a_place(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_program *program;
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    pz_program_options options = options_of(NULL);
    static const char source[] = "age > 1 &&\n\tnaem == ''";
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_program_compile(&program, source, strlen(source), &options, &err),
                     PZ_ERR_TYPE);
    assert_null(program);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 2);
    assert_non_null(strstr(err.message, "'name'"));
    assert_int_equal(pz_error_excerpt(&err, source, strlen(source), pool, &text), PZ_OK);
    assert_string_equal(text.data, "\tnaem == ''\n\t^");
    options.result = "bool";
    assert_int_equal(pz_program_compile(&program, "age", 3, &options, &err), PZ_ERR_TYPE);
    const pz_function bad = {"f", "int -> int", twice, NULL};
    options.functions = &bad;
    options.function_count = 1;
    assert_int_equal(pz_program_compile(&program, "1", 1, &options, &err), PZ_ERR_PARSE);
    pz_pool_free(pool);
}

/* What is no macro by its shape may bear the word of one: stock.has(item, 3) asks no map. */
static void a_function_may_be_called_as_macros_are(void **state)
{
    (void)state;
    static const pz_function named[] = {{"stock.has", "(int, int) -> int", twice, NULL},
                                        {"stock.map", "(int) -> int", twice, NULL},
                                        {"all", "int.() -> int", twice, NULL}};
    static const struct {
        const char *source, *says;
    } cases[] = {
        {"stock.has(4, 3) == 8 && stock.map(5) == 10 && (6).all() == 12", NULL},
        {"has({'a': 1}.a) && [1].all(x, x == 1) && [1].map(x, x)[0] == 1", NULL},
        {"store.has(4, 3)", "write has(value.field)"},
        {"[1].map(x)", "write list.map(x, result)"},
    };
    pz_pool *pool;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    const pz_program_options options = {PZ_PROGRAM_OPTIONS, .functions = named,
                                        .function_count = 3};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        pz_error err = PZ_ERROR_INIT;
        pz_evaluation evaluation = PZ_EVALUATION_INIT;
        pz_program *program;
        const pz_status status =
            pz_program_compile(&program, cases[i].source, strlen(cases[i].source), &options, &err);
        if (cases[i].says) {
            assert_int_equal(status, PZ_ERR_TYPE);
            assert_non_null(strstr(err.message, cases[i].says));
            continue;
        }
        if (status != PZ_OK)
            fail_msg("%s: %s", cases[i].source, err.message);
        assert_int_equal(pz_program_eval(program, pool, NULL, 0, &evaluation, &err), PZ_OK);
        assert_true(evaluation.value.kind == PZ_BOOL && evaluation.value.as.i);
        pz_program_unref(program);
    }
    pz_pool_free(pool);
}

static void a_limit_of_cost_holds(void **state)
{
    (void)state;
    pz_pool *pool;
    pz_program *program;
    pz_program_options options = options_of(NULL);
    options.cost_limit = 2;
    static const char source[] = "age + age + age + age > 3";
    const pz_value values[] = {pz_value_int(1), pz_value_unknown(), pz_value_unknown()};
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_program_compile(&program, source, strlen(source), &options, NULL), PZ_OK);
    assert_int_equal(pz_program_eval(program, pool, values, 3, NULL, NULL), PZ_ERR_LIMIT);
    pz_program_unref(program);
    pz_pool_free(pool);
}

static pz_status depth(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                       pz_value *out, pz_error *err)
{
    (void)payload;
    (void)pool;
    (void)args;
    (void)count;
    (void)err;
    *out = pz_value_int(3);
    return PZ_OK;
}

/* An argument is looked through for its type; the steps it takes are bounded and estimated. */
static void arguments_of_the_host_are_paid_for(void **state)
{
    (void)state;
    static const pz_function deep = {"depth", "(list<list<list<int>>>) -> int", depth, NULL};
    static const pz_variable sized = {"l", "list<int>", 100};
    static const struct {
        const char *source;
        pz_status status;
    } cases[] = {
        {"depth(l.map(x, [x]).map(x, [x, x]))", PZ_OK},
        {"cel.bind(m, lists.range(1000), cel.bind(n, m.map(i, m), depth(m.map(i, n))))",
         PZ_ERR_LIMIT},
    };
    pz_value list, items[100];
    pz_pool *pool;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    for (size_t i = 0; i < 100; i++)
        items[i] = pz_value_int((int64_t)i);
    assert_int_equal(pz_pool_list(pool, &list, items, 100), PZ_OK);
    for (size_t i = 0; i < 2; i++) {
        pz_program *program;
        uint64_t least, most;
        pz_evaluation evaluation = PZ_EVALUATION_INIT;
        evaluation.wants_cost = 1;
        const pz_program_options options = {PZ_PROGRAM_OPTIONS, .variables = &sized,
                                            .variable_count = 1, .functions = &deep,
                                            .function_count = 1};
        assert_int_equal(
            pz_program_compile(&program, cases[i].source, strlen(cases[i].source), &options, NULL),
            PZ_OK);
        assert_int_equal(pz_program_eval(program, pool, &list, 1, &evaluation, NULL),
                         cases[i].status);
        pz_program_cost(program, &least, &most);
        if (cases[i].status == PZ_OK)
            assert_in_range(evaluation.cost, least, most);
        pz_program_unref(program);
    }
    pz_pool_free(pool);
}

static void a_warm_scalar_rule_allocates_nothing(void **state)
{
    (void)state;
    oom o;
    pz_pool *pool;
    oom_init(&o);
    const pz_alloc alloc = oom_alloc(&o);
    pz_program *program = compiled("age >= 18 && name in ['a', 'b'] && order.total * 2.0 > 3.0");
    const pz_value values[] = {pz_value_int(30), pz_value_str("b"), pz_value_double(9)};
    assert_int_equal(pz_pool_new(&pool, &alloc), PZ_OK);
    for (int i = 0; i < 100; i++) {
        const size_t before = o.request_count;
        pz_evaluation evaluation = PZ_EVALUATION_INIT;
        pz_pool_reset(pool);
        assert_int_equal(pz_program_eval(program, pool, values, 3, &evaluation, NULL), PZ_OK);
        assert_true(evaluation.value.as.b);
        assert_true(i == 0 || o.request_count == before);
    }
    pz_pool_free(pool);
    pz_program_unref(program);
    oom_finish(&o);
}

static pz_status whole_life(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz_pool *pool = NULL;
    pz_program *program = NULL;
    pz_str text;
    pz_error err = PZ_ERROR_INIT;
    const pz_program_options options = options_of(alloc);
    static const char source[] = "[name.shout(), 'b'].map(x, x + '1') == [] || "
                                 "timestamp(age).getHours('Europe/Berlin') > 30";
    const pz_value values[] = {pz_value_int(30), pz_value_str("b"), pz_value_double(9)};
    pz_status status = pz_pool_new(&pool, alloc);
    if (status == PZ_OK)
        status = pz_program_compile(&program, source, strlen(source), &options, &err);
    if (status == PZ_OK)
        status = pz_program_eval(program, pool, values, 3, NULL, &err);
    if (status == PZ_OK)
        status = pz_program_text(program, pool, &text);
    pz_program_unref(program);
    pz_pool_free(pool);
    return status;
}

static void programs_survive_exhaustion(void **state)
{
    (void)state;
    oom_run(whole_life, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(values_by_index_and_functions),
        cmocka_unit_test(what_is_missing_is_named),
        cmocka_unit_test(maps_and_reading_out),
        cmocka_unit_test(variables_of_a_map_become_what_is_declared),
        cmocka_unit_test(mistakes_have_a_place),
        cmocka_unit_test(a_function_may_be_called_as_macros_are),
        cmocka_unit_test(a_limit_of_cost_holds),
        cmocka_unit_test(arguments_of_the_host_are_paid_for),
        cmocka_unit_test(a_warm_scalar_rule_allocates_nothing),
        cmocka_unit_test(programs_survive_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
