/*
 * session.c: opening what the options name, and printing what comes out.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/time.h"

int cli_exit_code(pz_status status)
{
    switch (status) {
    case PZ_OK:
        return EXIT_DONE;
    case PZ_ERR_CATALOG:
    case PZ_ERR_TEST:
        return EXIT_CATALOG;
    case PZ_ERR_IO:
    case PZ_ERR_FULL:
    case PZ_ERR_BUSY:
    case PZ_ERR_NOMEM:
    case PZ_ERR_CORRUPT:
    case PZ_ERR_VERSION:
        return EXIT_SYSTEM;
    default:
        return EXIT_FAILED;
    }
}

int cli_fail_status(pz_status status, const pz_error *err)
{
    const char *message = err->message[0] ? err->message : pz_status_text(status);
    if (err->line)
        cli_fail(0, "line %u, column %u: %s", err->line, err->column, message);
    else
        cli_fail(0, "%s", message);
    return cli_exit_code(status);
}

bool cli_time(const char *option, const char *text, int64_t *ms)
{
    *ms = 0;
    if (!text || pz__rfc3339_parse_ms(text, strlen(text), ms))
        return true;
    cli_fail(0, "--%s is a time such as 2011-09-01T12:00:00Z, not '%s'", option, text);
    return false;
}

static int need(const cli *c, const char *option, const char *given, const char *example)
{
    if (given)
        return EXIT_DONE;
    return cli_fail(EXIT_USAGE, "%s needs --%s, such as --%s %s", c->command, option, option,
                    example);
}

int cli_engine(cli *c, pz_engine **out, bool for_writing)
{
    int code = need(c, "catalog", c->catalog, "shop.json");
    if (code == EXIT_DONE)
        code = need(c, "store", c->store, "lmdb:customers");
    if (code != EXIT_DONE)
        return code;
    const struct pz_store_module *module;
    code = cli_module(c->store, &module);
    if (code != EXIT_DONE)
        return code;
    pz_error err = PZ_ERROR_INIT;
    const pz_engine_options options = {
        PZ_ENGINE_OPTIONS,
        .store = c->store,
        .module = module,
        .flags = (for_writing ? 0u : PZ_ENGINE_READ_ONLY) | (c->lazy ? PZ_ENGINE_LAZY : 0u),
    };
    pz_status status = pz_engine_open(out, &options, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    pz_report *report;
    status = pz_engine_load(*out, c->catalog, &report, &err);
    if (status == PZ_OK) {
        pz_report_free(report);
        return EXIT_DONE;
    }
    const char *text = report ? pz_report_text(report, c->colour) : NULL;
    if (text)
        fputs(text, stderr);
    code = text ? EXIT_CATALOG : cli_fail_status(status, &err);
    /* A catalog that cannot be read is a wrong name far more often than a broken disk. */
    if (!text && status == PZ_ERR_IO)
        code = EXIT_FAILED;
    pz_report_free(report);
    pz_engine_close(*out);
    *out = NULL;
    return code;
}

pz_status cli_find_customer(pz_engine *engine, const char *name, pz_profile **out, pz_error *err)
{
    const char *colon = strchr(name, ':');
    if (!colon)
        return pz_customer(out, engine, "customer", name, err);
    if (strncmp(name, "id:", 3) == 0)
        return pz_profile_open(out, engine, colon + 1, err);
    char kind[65];
    const size_t len = (size_t)(colon - name);
    if (len >= sizeof kind) {
        snprintf(err->message, sizeof err->message, "the kind of an identifier has 1 to 64 bytes");
        return PZ_ERR_ARG;
    }
    memcpy(kind, name, len);
    kind[len] = '\0';
    return pz_customer(out, engine, kind, colon + 1, err);
}

int cli_customer(pz_engine *engine, const char *name, pz_profile **out)
{
    pz_error err = PZ_ERROR_INIT;
    const pz_status status = cli_find_customer(engine, name, out, &err);
    return status == PZ_OK ? EXIT_DONE : cli_fail_status(status, &err);
}

int cli_value(pz_pool *pool, const char *text, pz_value *out)
{
    pz_error err = PZ_ERROR_INIT;
    const size_t len = strlen(text);
    const pz_status status = pz_value_parse(pool, out, text, len, PZ_JSON_REFUSE_DUPLICATES, &err);
    if (status == PZ_OK)
        return EXIT_DONE;
    /* What begins as JSON was meant as JSON. */
    if (len && strchr("\"[{", text[0]))
        return cli_fail(EXIT_FAILED, "the value '%s' is not JSON: column %u: %s", text, err.column,
                        err.message);
    if (pz_pool_string(pool, out, text, strlen(text)) == PZ_OK)
        return EXIT_DONE;
    return cli_fail(EXIT_FAILED, "the value is not valid UTF-8");
}

static int put_circumstance(pz_context *context, pz_pool *pool, const char *text)
{
    const char *equals = strchr(text, '=');
    char name[129];
    const size_t len = equals ? (size_t)(equals - text) : 0;
    if (len == 0 || len >= sizeof name)
        return cli_fail(EXIT_USAGE, "--context is written NAME=VALUE, not '%s'", text);
    memcpy(name, text, len);
    name[len] = '\0';
    pz_value value;
    const int code = cli_value(pool, equals + 1, &value);
    if (code != EXIT_DONE)
        return code;
    pz_error err = PZ_ERROR_INIT;
    const pz_status status = pz_context_set(context, name, value, &err);
    return status == PZ_OK ? EXIT_DONE : cli_fail_status(status, &err);
}

int cli_account(const cli *c, pz_engine *engine, pz_profile **out)
{
    *out = NULL;
    if (!c->account)
        return EXIT_DONE;
    const int code = cli_customer(engine, c->account, out);
    if (code != EXIT_DONE || pz_profile_exists(*out))
        return code;
    pz_profile_free(*out);
    *out = NULL;
    return cli_fail(EXIT_FAILED, "--account: the store knows no '%s'", c->account);
}

static int fill_context(cli *c, pz_context *context, const pz_profile *account, pz_pool *pool)
{
    pz_error err = PZ_ERROR_INIT;
    int64_t now_ms;
    if (!cli_time("now", c->now, &now_ms))
        return EXIT_USAGE;
    pz_status status = pz_context_begin(context, now_ms, &err);
    if (status == PZ_OK && c->channel)
        status = pz_context_set(context, "channel", pz_value_str(c->channel), &err);
    if (status == PZ_OK && account)
        status = pz_context_account(context, account, &err);
    if (status == PZ_OK && c->level)
        status = pz_context_level(context, c->level, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    int code = EXIT_DONE;
    for (int i = 0; i < c->context_count && code == EXIT_DONE; i++)
        code = put_circumstance(context, pool, c->context[i]);
    return code;
}

int cli_context(cli *c, pz_engine *engine, const pz_profile *account, pz_context **out)
{
    pz_error err = PZ_ERROR_INIT;
    pz_pool *pool;
    pz_status status = pz_context_new(out, engine, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    status = pz_pool_new(&pool, NULL);
    const int code = status == PZ_OK ? fill_context(c, *out, account, pool) : EXIT_SYSTEM;
    pz_pool_free(pool);
    if (code != EXIT_DONE) {
        pz_context_free(*out);
        *out = NULL;
    }
    return code;
}

int cli_write(cli *c, pz_write *out)
{
    *out = (pz_write){PZ_WRITE, .channel = c->channel, .who = c->who};
    const bool good = cli_time("at", c->at, &out->at_ms) && cli_time("now", c->now, &out->now_ms) &&
                      cli_time("expires", c->expires, &out->expires_ms);
    return good ? EXIT_DONE : EXIT_USAGE;
}

int cli_print_json(pz_value value, uint32_t indent)
{
    pz_pool *pool;
    pz_str text;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    const pz_status status = pz_value_print(pool, &text, value, indent);
    if (status == PZ_OK)
        printf("%.*s\n", (int)text.len, text.data);
    pz_pool_free(pool);
    if (status == PZ_ERR_DOMAIN)
        return cli_fail(EXIT_FAILED, "the value holds NaN or an infinity, which JSON cannot say");
    return status == PZ_OK ? EXIT_DONE : cli_fail(EXIT_SYSTEM, "out of memory");
}

int cli_print(const cli *c, pz_value value)
{
    if (c->json || value.kind != PZ_STRING)
        return cli_print_json(value, 0);
    const pz_str text = pz_value_text(value);
    fwrite(text.data, 1, text.len, stdout);
    fputc('\n', stdout);
    return EXIT_DONE;
}
