/*
 * cmd_check.c: `personalize check`: the marketer's compiler.
 */
#include "cli.h"

#include <string.h>

static void print_diagnostic(const pz_diagnostic *d)
{
    pz_entry entries[] = {
        {pz_value_str("severity"), pz_value_str(d->severity == PZ_ERROR ? "error" : "warning")},
        {pz_value_str("file"), pz_value_str(d->file)},
        {pz_value_str("line"), pz_value_int(d->line)},
        {pz_value_str("column"), pz_value_int(d->column)},
        {pz_value_str("length"), pz_value_int(d->length)},
        {pz_value_str("path"), pz_value_str(d->path)},
        {pz_value_str("message"), pz_value_str(d->message)},
        {pz_value_str("suggestion"), pz_value_str(d->suggestion)},
    };
    pz_pool *pool;
    pz_value map;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return;
    if (pz_pool_map(pool, &map, entries, sizeof entries / sizeof entries[0]) == PZ_OK)
        cli_print_json(map, 0);
    pz_pool_free(pool);
}

static void print_report(const cli *c, pz_report *report)
{
    if (!report)
        return;
    if (!c->json) {
        const char *text = pz_report_text(report, c->colour);
        fputs(text ? text : "out of memory\n", stderr);
        return;
    }
    for (uint32_t i = 0; i < pz_report_count(report); i++) {
        pz_diagnostic d = {.size = (uint32_t)sizeof d};
        if (pz_report_get(report, i, &d) == PZ_OK)
            print_diagnostic(&d);
    }
}

static int test(cli *c, pz_engine *engine)
{
    pz_error err = PZ_ERROR_INIT;
    pz_report *report;
    uint32_t passed, failed;
    const pz_status status = pz_engine_test(engine, &report, &passed, &failed, &err);
    print_report(c, report);
    pz_report_free(report);
    if (status != PZ_OK && status != PZ_ERR_TEST)
        return cli_fail_status(status, &err);
    char hash[33];
    pz_engine_catalog_hash(engine, hash);
    if (!c->json)
        printf("%s: catalog %s; tests: %u passed, %u failed\n", c->words[0], hash, passed, failed);
    return failed ? EXIT_CATALOG : EXIT_DONE;
}

static int run(cli *c)
{
    pz_error err = PZ_ERROR_INIT;
    pz_engine *engine;
    pz_report *report;
    pz_status status = pz_engine_open(&engine, NULL, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    status = pz_engine_load(engine, c->words[0], &report, &err);
    print_report(c, report);
    int code = EXIT_CATALOG;
    if (status == PZ_OK)
        code = test(c, engine);
    else if (!report)
        code = status == PZ_ERR_IO ? cli_fail(EXIT_FAILED, "%s", err.message)
                                   : cli_fail_status(status, &err);
    pz_report_free(report);
    pz_engine_close(engine);
    return code;
}

const subcommand command_check = {
    .name = "check",
    .arguments = "[--json] CATALOG",
    .summary = "check a catalog and run its tests",
    .options = "json",
    .least_words = 1,
    .most_words = 1,
    .help = "Reads the catalog, reports every mistake at its line and column with the remedy, and\n"
            "runs the tests that the catalog carries. With --json each diagnostic is one line of\n"
            "JSON on standard output.",
    .run = run,
};
