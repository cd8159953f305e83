/*
 * test_rules_doc.c: docs/rules.md says what is so.
 *
 * Its block of names declares the customer; each line `expression // → result` of its blocks of
 * rules is evaluated through the public API, and so is the result, an expression itself, or the
 * word `error` or `unknown`. Every function of lib/cel/functions.def that has a name an author can
 * write must stand in some example.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <personalize/program.h>

#define DOCUMENT PZ_SOURCE_DIR "/docs/rules.md"
#define ARROW " // \xe2\x86\x92 "
#define NAMES_MAX 32
#define LINE_MAX_OCTETS 512

static const char *const functions[] = {
#define FUNCTION(name, ...) name,
#include "cel/functions.def"
#undef FUNCTION
};
#define FUNCTION_COUNT (sizeof functions / sizeof functions[0])

typedef struct guide {
    pz_pool *pool; /* of the values below */
    char texts[NAMES_MAX][2][LINE_MAX_OCTETS];
    pz_variable variables[NAMES_MAX];
    pz_value values[NAMES_MAX];
    size_t count;
    bool is_shown[FUNCTION_COUNT];
    size_t examples, wrong;
    char block[LINE_MAX_OCTETS]; /* what the block at hand is of; "" outside */
} guide;

static pz_status evaluate(const guide *g, const char *source, pz_pool *pool, pz_value *out,
                          pz_error *err)
{
    pz_program *program;
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    const pz_program_options options = {PZ_PROGRAM_OPTIONS, .variables = g->variables,
                                        .variable_count = g->count};
    pz_status status = pz_program_compile(&program, source, strlen(source), &options, err);
    if (status == PZ_OK)
        status = pz_program_eval(program, pool, g->values, g->count, &evaluation, err);
    /* What the value borrows from the program is copied before that goes. */
    if (status == PZ_OK)
        status = pz_pool_copy(pool, out, evaluation.value);
    pz_program_unref(program);
    return status;
}

/* `name: type = value` or `name: type`, which is not known. */
static void declare(guide *g, char *line)
{
    pz_error err = PZ_ERROR_INIT;
    char *type = strstr(line, ": "), *value = strstr(line, " = ");
    assert_non_null(type);
    assert_true(g->count < NAMES_MAX);
    *type = 0;
    type += 2;
    if (value) {
        *value = 0;
        value += 3;
    }
    const size_t at = g->count;
    snprintf(g->texts[at][0], sizeof g->texts[at][0], "%s", line);
    snprintf(g->texts[at][1], sizeof g->texts[at][1], "%s", type);
    pz_value v = pz_value_unknown();
    if (value && evaluate(g, value, g->pool, &v, &err) != PZ_OK)
        fail_msg("%s: %s", value, err.message);
    g->variables[at] = (pz_variable){g->texts[at][0], g->texts[at][1], 0};
    g->values[at] = v;
    g->count++;
}

static void note_functions(guide *g, const char *source)
{
    char call[80];
    for (size_t i = 0; i < FUNCTION_COUNT; i++) {
        const size_t len = strlen(functions[i]);
        snprintf(call, sizeof call, "%s(", functions[i]);
        for (const char *at = source; (at = strstr(at, call)) != NULL; at += len)
            if (at == source ||
                !strchr("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_", at[-1]))
                g->is_shown[i] = true;
    }
}

static bool fails_as(const char *word, pz_status status)
{
    if (strcmp(word, "unknown") == 0)
        return status == PZ_ERR_NOT_FOUND;
    return strcmp(word, "error") == 0 && (status == PZ_ERR_EVAL || status == PZ_ERR_TYPE);
}

static void run_example(guide *g, char *line)
{
    char *result = strstr(line, ARROW);
    if (!result)
        fail_msg("an example without a result: %s", line);
    *result = 0;
    result += strlen(ARROW);
    pz_pool *pool;
    pz_value got = pz_value_null(), wanted = pz_value_null();
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    note_functions(g, line);
    const pz_status status = evaluate(g, line, pool, &got, &err);
    const pz_status other = evaluate(g, result, pool, &wanted, &err);
    const bool right =
        status != PZ_OK ? fails_as(result, status)
                        : other == PZ_OK && got.kind == wanted.kind && pz_value_equal(got, wanted);
    if (!right) {
        print_error("%s does not come to %s: %s\n", line, result, err.message);
        g->wrong++;
    }
    pz_pool_free(pool);
    g->examples++;
}

static void read_line(guide *g, char *line)
{
    if (strncmp(line, "```", 3) == 0)
        snprintf(g->block, sizeof g->block, "%s", g->block[0] ? "" : line[3] ? line + 3 : "other");
    else if (strcmp(g->block, "names") == 0)
        declare(g, line);
    else if (strcmp(g->block, "cel") == 0)
        run_example(g, line);
}

static void the_guide_is_true(void **state)
{
    (void)state;
    static guide g;
    char line[LINE_MAX_OCTETS];
    FILE *file = fopen(DOCUMENT, "r");
    assert_non_null(file);
    assert_int_equal(pz_pool_new(&g.pool, NULL), PZ_OK);
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = 0;
        read_line(&g, line);
    }
    fclose(file);
    assert_true(g.count > 0 && g.examples > 100);
    for (size_t i = 0; i < FUNCTION_COUNT; i++)
        if (!g.is_shown[i] && !strchr("@_-!", functions[i][0])) {
            print_error("docs/rules.md has no example of %s()\n", functions[i]);
            g.wrong++;
        }
    assert_int_equal(g.wrong, 0);
    pz_pool_free(g.pool);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_guide_is_true)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
