/*
 * test_program_threads.c: many threads evaluate one program, each with a pool of its own.
 *
 * Run under the thread sanitizer in the full run. The expression goes through whatever a program
 * carries with it: sets, fields, zones, constant and computed patterns, macros, named values, and a
 * function of the host.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <personalize/program.h>

#include "support/gen.h"

#define THREADS 4

static const char source[] =
    "cel.bind(w, words.map(x, x.upperAscii()).filter(x, x.matches('^[A-M]+$')), "
    "twice(n) + w.size() + (name in ['a', 'b', 'c'] ? 1 : 0) + order.items.size() "
    "+ timestamp(n).getHours('Europe/Berlin') + (name.matches(pattern) ? 100 : 0) "
    "+ int(regex.replace('x' + string(n), '[a-z]', '')) + '%d'.format([n]).size())";

static pz_status twice(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                       pz_value *out, pz_error *err)
{
    (void)payload;
    (void)pool;
    (void)count;
    (void)err;
    *out = pz_value_int(args[0].as.i * 2);
    return PZ_OK;
}

typedef struct worker {
    const pz_program *program;
    int64_t first;
    size_t rounds, wrong;
} worker;

/* What the source comes to for n, worked out by hand. */
static int64_t expected(int64_t n)
{
    int64_t digits = 1;
    for (int64_t rest = n; rest >= 10; rest /= 10)
        digits++;
    return 2 * n + 2 + 1 + 2 + (n / 3600 + 1) % 24 + 100 + n + digits;
}

static pz_status evaluate(const worker *w, pz_pool *pool, int64_t n, pz_value *out)
{
    static const char json[] =
        "{\"words\": [\"abc\", \"xyz\", \"delta\", \"bike\"], \"name\": \"b\", "
        "\"pattern\": \"^b+$\", \"order\": {\"items\": [1, 2]}}";
    pz_value fixed, values[5];
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    pz_status status = pz_value_parse(pool, &fixed, json, strlen(json), 0, NULL);
    if (status)
        return status;
    static const char *const names[] = {"words", "name", "pattern", "order"};
    for (size_t i = 0; i < 4; i++)
        values[i] = pz_value_get(fixed, names[i], strlen(names[i]), NULL);
    values[4] = pz_value_int(n);
    status = pz_program_eval(w->program, pool, values, 5, &evaluation, NULL);
    *out = evaluation.value;
    return status;
}

static void *work(void *payload)
{
    worker *w = payload;
    pz_pool *pool;
    if (pz_pool_new(&pool, NULL) != PZ_OK) {
        w->wrong = w->rounds;
        return NULL;
    }
    for (size_t i = 0; i < w->rounds; i++) {
        pz_value v = pz_value_null();
        const int64_t n = w->first + (int64_t)i;
        pz_pool_reset(pool);
        if (evaluate(w, pool, n, &v) != PZ_OK || v.kind != PZ_INT || v.as.i != expected(n))
            w->wrong++;
    }
    pz_pool_free(pool);
    return NULL;
}

static void threads_share_a_program(void **state)
{
    (void)state;
    static const pz_variable variables[] = {{"words", "list<string>", 0},
                                            {"name", "string", 0},
                                            {"pattern", "string", 0},
                                            {"order", "map<string, dyn>", 0},
                                            {"n", "int", 0}};
    static const pz_function functions[] = {{"twice", "(int) -> int", twice, NULL}};
    const pz_program_options options = {PZ_PROGRAM_OPTIONS, .variables = variables,
                                        .variable_count = 5, .functions = functions,
                                        .function_count = 1};
    pz_program *program;
    pz_error err = PZ_ERROR_INIT;
    if (pz_program_compile(&program, source, strlen(source), &options, &err) != PZ_OK)
        fail_msg("%s", err.message);
    pthread_t threads[THREADS];
    worker workers[THREADS];
    for (int i = 0; i < THREADS; i++) {
        workers[i] = (worker){program, i * 1000, gen_is_full() ? 200000 : 500, 0};
        assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(workers[i].wrong, 0);
    }
    pz_program_unref(program);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(threads_share_a_program)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
