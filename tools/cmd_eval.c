/*
 * cmd_eval.c: `personalize eval`: one CEL expression against JSON.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

static int read_variables(pz_pool *pool, const char *path, pz_value *out)
{
    line_reader *reader;
    int code = line_reader_open(&reader, path);
    if (code != EXIT_DONE)
        return code;
    /* Read as lines and put together again, so that compressed input works here as well. */
    char *text = NULL;
    size_t len = 0, cap = 0;
    const char *line;
    size_t line_len;
    while (code == EXIT_DONE && line_reader_next(reader, &line, &line_len)) {
        if (cap - len < line_len + 1) {
            cap = (len + line_len + 1) * 2;
            char *more = realloc(text, cap);
            if (!more) {
                code = cli_fail(EXIT_SYSTEM, "out of memory");
                break;
            }
            text = more;
        }
        memcpy(text + len, line, line_len);
        len += line_len;
        text[len++] = '\n';
    }
    const int closed = line_reader_close(reader);
    code = code == EXIT_DONE ? closed : code;
    pz_error err = PZ_ERROR_INIT;
    if (code == EXIT_DONE) {
        const pz_status status = pz_value_parse(pool, out, text ? text : "", len, 0, &err);
        if (status != PZ_OK)
            code = cli_fail_status(status, &err);
        else if (out->kind != PZ_MAP)
            code = cli_fail(EXIT_FAILED, "the variables are an object: {\"name\": value}");
    }
    /* Text of the variables is borrowed from the JSON: it is copied before that goes. */
    if (code == EXIT_DONE && pz_pool_copy(pool, out, *out) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    free(text);
    return code;
}

/* The expression with a caret below the place of the error. */
static void point_at(const char *expression, const pz_error *err)
{
    const char *line = expression;
    for (uint32_t i = 1; i < err->line; i++) {
        const char *end = strchr(line, '\n');
        if (!end)
            return;
        line = end + 1;
    }
    const size_t len = strcspn(line, "\r\n");
    fprintf(stderr, "  %.*s\n  %*s^\n", (int)len, line, (int)err->column - 1, "");
}

static int run(cli *c)
{
    pz_pool *pool;
    pz_value variables = pz_value_null();
    pz_value result;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    int code = EXIT_DONE;
    if (c->word_count == 2)
        code = read_variables(pool, c->words[1], &variables);
    if (code == EXIT_DONE) {
        pz_error err = PZ_ERROR_INIT;
        const char *expression = c->words[0];
        const pz_status status =
            pz_eval(&result, pool, expression, strlen(expression), variables, &err);
        code = status == PZ_OK ? cli_print(c, result) : cli_fail_status(status, &err);
        if (status != PZ_OK && err.line)
            point_at(expression, &err);
    }
    pz_pool_free(pool);
    return code;
}

const subcommand command_eval = {
    .name = "eval",
    .arguments = "[--json] EXPRESSION [FILE|-]",
    .summary = "evaluate a CEL expression against JSON",
    .options = "json",
    .least_words = 1,
    .most_words = 2,
    .help = "FILE holds an object; its members are the variables of the expression. The result is\n"
            "printed as JSON, text bare unless --json is given.",
    .run = run,
};
