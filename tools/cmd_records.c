/*
 * cmd_records.c: `personalize records`: records of decisions, as JSON Lines, and their end.
 *
 * Reading goes by number, so whoever ships records elsewhere goes on from the last one that
 * arrived. Keeping takes the lines that reading gives, in transactions of a thousand.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>

#include "base/str.h"

#define LINES_AT_ONCE 1000u

typedef struct listing {
    output *to;
    pz_pool *pool; /* emptied after each record */
    pz_error err;
} listing;

static pz_status write_record(void *payload, uint64_t number, pz_value record)
{
    listing *l = payload;
    pz_str text;
    (void)number;
    pz_status status = pz_value_print(l->pool, &text, record, 0);
    if (status == PZ_OK)
        status = output_write(l->to, text.data, text.len);
    if (status == PZ_OK)
        status = output_write(l->to, "\n", 1);
    pz_pool_reset(l->pool);
    return status;
}

static int list_records(const cli *c, pz_engine *engine, const pz_record_query *query)
{
    listing l = {.err = PZ_ERROR_INIT};
    int code = output_open(&l.to, c->output, c->gzip);
    if (code != EXIT_DONE)
        return code;
    if (pz_pool_new(&l.pool, NULL) != PZ_OK)
        return output_close(l.to, cli_fail(EXIT_SYSTEM, "out of memory"));
    const pz_status status = pz_each_record(engine, query, write_record, &l, &l.err);
    if (status != PZ_OK)
        code = output_has_failed(l.to) ? EXIT_SYSTEM : cli_fail_status(status, &l.err);
    pz_pool_free(l.pool);
    return output_close(l.to, code);
}

static bool read_number(const char *text, uint64_t *out)
{
    *out = 0;
    for (const char *at = text; *at; at++) {
        if (*at < '0' || *at > '9' || *out > (UINT64_MAX - 9) / 10)
            return false;
        *out = *out * 10 + (uint64_t)(*at - '0');
    }
    return *text != '\0';
}

static int run_list(cli *c, pz_engine *engine)
{
    pz_record_query query = {PZ_RECORD_QUERY};
    if ((c->word_count > 1 && !read_number(c->words[1], &query.from)) ||
        (c->word_count > 2 && !read_number(c->words[2], &query.limit)))
        return cli_fail(EXIT_USAGE, "usage: personalize records list [FROM [COUNT]]");
    return list_records(c, engine, &query);
}

/* Records may outlive a profile's identifiers: an id is asked for as it stands. */
static int run_of(cli *c, pz_engine *engine)
{
    pz_profile *profile = NULL;
    char id[65] = "";
    const char *name = c->words[1];
    if (strncmp(name, "id:", 3) == 0)
        return list_records(c, engine, &(pz_record_query){PZ_RECORD_QUERY, .subject = name + 3});
    int code = cli_customer(engine, name, &profile);
    if (code != EXIT_DONE)
        return code;
    const pz_str found = pz_profile_id(profile);
    memcpy(id, found.data, found.len);
    code = list_records(c, engine, &(pz_record_query){PZ_RECORD_QUERY, .subject = id});
    pz_profile_free(profile);
    return code;
}

static int run_made(cli *c, pz_engine *engine)
{
    return list_records(c, engine, &(pz_record_query){PZ_RECORD_QUERY, .id = c->words[1]});
}

/* ---- keeping ---- */

typedef struct keeping {
    pz_engine *engine;
    pz_pool *pool; /* of the records gathered */
    pz_value records[LINES_AT_ONCE];
    size_t count;
    uint64_t kept, passed;
    pz_error err;
} keeping;

static pz_status keep_gathered(keeping *k)
{
    static uint64_t numbers[LINES_AT_ONCE];
    const pz_status status =
        pz_record_many(k->engine, k->records, k->count, NULL, numbers, &k->err);
    for (size_t i = 0; i < k->count && status == PZ_OK; i++) {
        k->kept += numbers[i] != 0;
        k->passed += numbers[i] == 0;
    }
    k->count = 0;
    pz_pool_reset(k->pool);
    return status;
}

/* The text of a line goes with the next one, so what it holds is copied. */
static pz_status gather(keeping *k, const char *line, size_t len)
{
    pz_value read;
    pz_status status =
        pz_value_parse(k->pool, &read, line, len, PZ_JSON_REFUSE_DUPLICATES, &k->err);
    if (status == PZ_OK)
        status = pz_pool_copy(k->pool, &k->records[k->count], read);
    k->count += status == PZ_OK;
    return status == PZ_OK && k->count == LINES_AT_ONCE ? keep_gathered(k) : status;
}

static int keep_lines(keeping *k, line_reader *reader)
{
    const char *line;
    size_t len;
    uint64_t number = 0, first = 1;
    pz_status status = PZ_OK;
    while (status == PZ_OK && line_reader_next(reader, &line, &len)) {
        number++;
        status = gather(k, line, len);
        first = k->count == 0 ? number + 1 : first;
    }
    if (status == PZ_OK && k->count > 0)
        status = keep_gathered(k);
    printf("%llu kept, %llu passed over\n", (unsigned long long)k->kept,
           (unsigned long long)k->passed);
    if (status == PZ_OK)
        return EXIT_DONE;
    cli_fail(0, "lines %llu to %llu were not kept:", (unsigned long long)first,
             (unsigned long long)number);
    return cli_fail_status(status, &k->err);
}

static int run_keep(cli *c, pz_engine *engine)
{
    static keeping k;
    line_reader *reader;
    k = (keeping){.engine = engine, .err = PZ_ERROR_INIT};
    int code = line_reader_open(&reader, c->words[1]);
    if (code != EXIT_DONE)
        return code;
    if (pz_pool_new(&k.pool, NULL) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    else
        code = keep_lines(&k, reader);
    pz_pool_free(k.pool);
    const int read = line_reader_close(reader);
    if (code == EXIT_DONE)
        code = read;
    /* What was kept before the line that failed, or before the file broke off, stays. */
    return code == EXIT_FAILED && k.kept ? EXIT_PARTLY : code;
}

/* ---- leaving ---- */

static int run_expire(cli *c, pz_engine *engine)
{
    pz_error err = PZ_ERROR_INIT;
    int64_t before_ms;
    uint64_t removed;
    if (!cli_time("before", c->word_count > 1 ? c->words[1] : NULL, &before_ms))
        return EXIT_USAGE;
    const pz_status status = pz_records_expire(engine, before_ms, &removed, &err);
    if (status == PZ_OK || removed > 0)
        printf("%llu removed\n", (unsigned long long)removed);
    return status == PZ_OK ? EXIT_DONE : cli_fail_status(status, &err);
}

static const struct {
    const char *name;
    int least, most; /* words, the action's own included */
    bool writes;
    const char *usage;
    int (*run)(cli *c, pz_engine *engine);
} actions[] = {
    {"list", 1, 3, false, "list [FROM [COUNT]]", run_list},
    {"of", 2, 2, false, "of CUSTOMER", run_of},
    {"made", 2, 2, false, "made DECISION-ID", run_made},
    {"keep", 2, 2, true, "keep FILE", run_keep},
    {"expire", 1, 2, true, "expire [TIME]", run_expire},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static int unknown_action(const cli *c)
{
    pz_str names[ACTION_COUNT];
    for (size_t i = 0; i < ACTION_COUNT; i++)
        names[i] = pz_str_of(actions[i].name);
    const pz_str near = pz__nearest(pz_str_of(c->words[0]), names, ACTION_COUNT);
    if (near.data)
        return cli_fail(EXIT_USAGE, "records has no '%s'; did you mean '%.*s'?", c->words[0],
                        PZ__STR_ARG(near));
    return cli_fail(EXIT_USAGE, "records has no '%s'; see `personalize records --help`",
                    c->words[0]);
}

static int run(cli *c)
{
    size_t i = 0;
    while (i < ACTION_COUNT && strcmp(actions[i].name, c->words[0]) != 0)
        i++;
    if (i == ACTION_COUNT)
        return unknown_action(c);
    const bool has_output = c->output || c->gzip;
    if (c->word_count < actions[i].least || c->word_count > actions[i].most ||
        (has_output && actions[i].writes))
        return cli_fail(EXIT_USAGE, "usage: personalize records %s", actions[i].usage);
    pz_engine *engine;
    int code = cli_engine(c, &engine, actions[i].writes);
    if (code != EXIT_DONE)
        return code;
    code = actions[i].run(c, engine);
    pz_engine_close(engine);
    return code;
}

const subcommand command_records = {
    .name = "records",
    .arguments = "ACTION -c CATALOG -s STORE [options] ...",
    .summary = "records of decisions: read, keep, remove",
    .options = "catalog store lazy output gzip",
    .least_words = 1,
    .most_words = 3,
    .help =
        "  list [FROM [COUNT]]  all, by number, from one on\n"
        "  of CUSTOMER          those about one profile\n"
        "  made DECISION-ID     those of one decision\n"
        "  keep FILE            keep records from lines (\"-\": of standard input)\n"
        "  expire [TIME]        remove those of decisions before TIME, RFC 3339; else those that\n"
        "                       the catalog's retention has passed\n"
        "\nOne record is one line of JSON. CUSTOMER is an identifier (17850,\n"
        "email:ann@example.com) or id:PROFILE, whose profile need not be there any more.",
    .run = run,
};
