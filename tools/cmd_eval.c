/*
 * cmd_eval.c: `personalize eval`: one CEL expression against JSON.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

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

/* ---- one expression ---- */

/* What is known while lines are read: variables and the pool they live in. */
typedef struct calculator {
    cli *c;
    pz_pool *kept;    /* the variables */
    pz_pool *scratch; /* one line */
    pz_value variables;
} calculator;

static int tell(calculator *calc, pz_status status, const pz_error *err, const char *source)
{
    pz_str excerpt;
    const int code = cli_fail_status(status, err);
    if (pz_error_excerpt(err, source, strlen(source), calc->scratch, &excerpt) == PZ_OK &&
        excerpt.len)
        fprintf(stderr, "%.*s\n", (int)excerpt.len, excerpt.data);
    return code;
}

static int compile(calculator *calc, const char *source, pz_program **out)
{
    pz_error err = PZ_ERROR_INIT;
    const pz_program_options options = {PZ_PROGRAM_OPTIONS, .flags = PZ_PROGRAM_OPEN};
    const pz_status status = pz_program_compile(out, source, strlen(source), &options, &err);
    return status == PZ_OK ? EXIT_DONE : tell(calc, status, &err, source);
}

static int evaluate(calculator *calc, const char *source, pz_value *out)
{
    pz_error err = PZ_ERROR_INIT;
    const pz_status status =
        pz_eval(out, calc->scratch, source, strlen(source), calc->variables, &err);
    return status == PZ_OK ? EXIT_DONE : tell(calc, status, &err, source);
}

/* ---- lines ---- */

static const char help_text[] =
    "EXPRESSION         its value\n"
    "name = EXPRESSION  keep its value as a variable\n"
    ":type EXPRESSION   the type of its result\n"
    ":cost EXPRESSION   what evaluating it cost, and the least and most it can\n"
    ":print EXPRESSION  its canonical spelling\n"
    ":help              this\n"
    ":quit              end, as does the end of input\n";

static int show_type(calculator *calc, const char *source)
{
    pz_program *program;
    pz_str text;
    const int code = compile(calc, source, &program);
    if (code != EXIT_DONE)
        return code;
    if (pz_program_type(program, calc->scratch, &text) == PZ_OK)
        printf("%.*s\n", (int)text.len, text.data);
    pz_program_unref(program);
    return EXIT_DONE;
}

static int show_text(calculator *calc, const char *source)
{
    pz_program *program;
    pz_str text;
    const int code = compile(calc, source, &program);
    if (code != EXIT_DONE)
        return code;
    if (pz_program_text(program, calc->scratch, &text) == PZ_OK)
        printf("%.*s\n", (int)text.len, text.data);
    pz_program_unref(program);
    return EXIT_DONE;
}

static int show_cost(calculator *calc, const char *source)
{
    pz_program *program;
    pz_error err = PZ_ERROR_INIT;
    pz_evaluation result = PZ_EVALUATION_INIT;
    uint64_t least, most;
    int code = compile(calc, source, &program);
    if (code != EXIT_DONE)
        return code;
    result.wants_cost = 1;
    const pz_status status =
        pz_program_eval_map(program, calc->scratch, calc->variables, &result, &err);
    pz_program_cost(program, &least, &most);
    printf("%llu, at least %llu", (unsigned long long)result.cost, (unsigned long long)least);
    if (most != UINT64_MAX)
        printf(", at most %llu\n", (unsigned long long)most);
    else
        printf(", no bound above\n");
    if (status != PZ_OK)
        code = tell(calc, status, &err, source);
    pz_program_unref(program);
    return code;
}

static int show_help(calculator *calc, const char *source)
{
    (void)calc;
    (void)source;
    fputs(help_text, stdout);
    return EXIT_DONE;
}

/* The name before a single '=', and where the expression begins; 0 if the line is none. */
static size_t assignment(const char *line, const char **expression)
{
    size_t len = 0, at;
    while (line[len] == '_' || (line[len] >= 'a' && line[len] <= 'z') ||
           (line[len] >= 'A' && line[len] <= 'Z') || (len && line[len] >= '0' && line[len] <= '9'))
        len++;
    at = len + strspn(line + len, " ");
    if (len == 0 || line[at] != '=' || line[at + 1] == '=')
        return 0;
    *expression = line + at + 1;
    return len;
}

/* The variables are rebuilt with the new one last; of two of a name the later counts. */
static int assign(calculator *calc, const char *name, size_t len, const char *source)
{
    pz_value v, key;
    int code = evaluate(calc, source, &v);
    if (code != EXIT_DONE)
        return code;
    const uint32_t count = calc->variables.kind == PZ_MAP ? calc->variables.len : 0;
    pz_entry *entries = calloc(count + 1u, sizeof *entries);
    uint32_t kept = 0;
    if (!entries)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    for (uint32_t i = 0; i < count; i++) {
        const pz_entry entry = pz_value_entry(calc->variables, i);
        const pz_str text = pz_value_text(entry.key);
        if (text.len != len || memcmp(text.data, name, len) != 0)
            entries[kept++] = entry;
    }
    if (pz_pool_string(calc->kept, &key, name, len) != PZ_OK ||
        pz_pool_copy(calc->kept, &v, v) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    entries[kept++] = (pz_entry){key, v};
    if (code == EXIT_DONE && pz_pool_map(calc->kept, &calc->variables, entries, kept) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    free(entries);
    return code;
}

static int run_line(calculator *calc, const char *line)
{
    static const struct {
        const char *name;
        int (*run)(calculator *calc, const char *source);
    } commands[] = {
        {":type", show_type}, {":cost", show_cost}, {":print", show_text}, {":help", show_help}};
    const char *expression = NULL;
    pz_value v;
    for (size_t i = 0; i < sizeof commands / sizeof commands[0]; i++) {
        const size_t len = strlen(commands[i].name);
        if (strncmp(line, commands[i].name, len) == 0 && (line[len] == ' ' || !line[len]))
            return commands[i].run(calc, line + len + strspn(line + len, " "));
    }
    if (line[0] == ':')
        return cli_fail(EXIT_FAILED, "there is no command '%s'; :help lists them", line);
    const size_t name = assignment(line, &expression);
    if (name)
        return assign(calc, line, name, expression);
    const int code = evaluate(calc, line, &v);
    return code == EXIT_DONE ? cli_print(calc->c, v) : code;
}

static int run_lines(calculator *calc)
{
    line_reader *reader;
    const char *line;
    size_t len;
    const bool prompts = isatty(STDIN_FILENO) && isatty(STDOUT_FILENO);
    int code = line_reader_open(&reader, "-"), worst = EXIT_DONE;
    if (code != EXIT_DONE)
        return code;
    for (;;) {
        if (prompts) {
            fputs("> ", stdout);
            fflush(stdout);
        }
        if (!line_reader_next(reader, &line, &len))
            break;
        char *text = strndup(line, len);
        const char *start = text ? text + strspn(text, " \t") : "";
        const bool quit = strcmp(start, ":quit") == 0;
        pz_pool_reset(calc->scratch);
        if (!text)
            worst = cli_fail(EXIT_SYSTEM, "out of memory");
        else if (*start && !quit && (code = run_line(calc, start)) != EXIT_DONE && !prompts)
            worst = code;
        free(text);
        if (quit || worst == EXIT_SYSTEM)
            break;
    }
    if (prompts)
        fputs("\n", stdout);
    code = line_reader_close(reader);
    return worst == EXIT_DONE ? code : worst;
}

static int run(cli *c)
{
    calculator calc = {.c = c};
    int code = EXIT_DONE;
    if (pz_pool_new(&calc.kept, NULL) != PZ_OK || pz_pool_new(&calc.scratch, NULL) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    if (code == EXIT_DONE && c->word_count == 2)
        code = read_variables(calc.kept, c->words[1], &calc.variables);
    if (code == EXIT_DONE)
        code = c->word_count > 0 ? run_line(&calc, c->words[0]) : run_lines(&calc);
    pz_pool_free(calc.scratch);
    pz_pool_free(calc.kept);
    return code;
}

const subcommand command_eval = {
    .name = "eval",
    .arguments = "[--json] [EXPRESSION [FILE|-]]",
    .summary = "evaluate a CEL expression against JSON",
    .options = "json",
    .least_words = 0,
    .most_words = 2,
    .help =
        "FILE holds an object; its members are the variables of the expression. The result is\n"
        "printed as JSON, text bare unless --json is given.\n\n"
        "Without EXPRESSION, lines are read from standard input, with a prompt on a terminal:\n"
        "an expression, name = EXPRESSION to keep a variable, :type, :cost or :print EXPRESSION,\n"
        ":help, :quit. A line that fails does not end the run, but from a pipe or file the\n"
        "status at the end tells that one did.",
    .run = run,
};
