/*
 * cmd_import.c: `personalize import`: a table of customers into a store, by a mapping.
 *
 * A row becomes the operations of one customer, all or none (pz_apply_many); rows are gathered into
 * batches of one transaction each. A row that does not fit is told with its line, its column and
 * the reason, and may be kept: --rejects FILE gets its text as it stood, under the same header, so
 * that the file can be mended and taken in again. What stands already changes nothing, so a run
 * that was broken off, or a table that was taken in before, is simply taken in again.
 */
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/str.h"
#include "base/utf8.h"

#define BATCH_DEFAULT 1000u
/* Bytes of rows after which a batch is closed, however few they are. */
#define BATCH_BYTES_MAX ((size_t)16 << 20)

typedef struct row_place {
    uint64_t line;
    uint32_t place; /* column in characters; 0: the whole line */
    pz_str text;    /* in the pool */
} row_place;

typedef struct import {
    cli *c;
    pz_engine *engine;
    mapping map;
    csv *csv;
    line_reader *lines; /* of JSON Lines */
    pz_pool *pool;      /* of the batch */
    const pz_str *fields;
    uint32_t field_count;
    pz_value object; /* of JSON Lines */
    pz_value *rows;
    row_place *places;
    pz_observed *results;
    size_t count, cap;
    size_t held; /* bytes of text in the pool */
    uint64_t line, applied, settled, refused;
    bool has_begun;  /* the first record of CSV was read */
    bool is_damaged; /* a row was refused because of what the store has of its customer */
    output *rejects;
    progress progress;
} import;

/* ---- rows that do not fit ---- */

static int reject(import *in, row_place at, const column *which, const char *why)
{
    char shown[80] = "", place[16] = "";
    in->refused++;
    progress_end(&in->progress);
    if (which)
        snprintf(shown, sizeof shown,
                 "column '%.*s': ", (int)(which->source.len < 60 ? which->source.len : 60),
                 which->source.data);
    if (at.place)
        snprintf(place, sizeof place, ":%u", at.place);
    cli_fail(0, "%s:%" PRIu64 "%s: %s%s", in->c->words[0], at.line, place, shown, why);
    if (!in->rejects || at.text.len == 0)
        return EXIT_DONE;
    output_write(in->rejects, at.text.data, at.text.len);
    return output_write(in->rejects, "\n", 1) == PZ_OK ? EXIT_DONE : EXIT_SYSTEM;
}

/* ---- batches ---- */

static int commit(import *in)
{
    pz_error err = PZ_ERROR_INIT;
    int code = EXIT_DONE;
    pz_write write = {PZ_WRITE, .channel = in->map.channel[0] ? in->map.channel : NULL,
                      .who = in->map.who[0] ? in->map.who : NULL};
    if (!cli_time("now", in->c->now, &write.now_ms))
        return EXIT_USAGE;
    for (size_t i = 0; i < in->count; i++)
        in->results[i] = (pz_observed){.size = (uint32_t)sizeof in->results[i]};
    const pz_status status =
        pz_apply_many(in->engine, in->rows, in->count, &write, PZ_APPLY_SETTLED, in->results, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    for (size_t i = 0; i < in->count && code == EXIT_DONE; i++) {
        in->is_damaged |= cli_exit_code(in->results[i].status) == EXIT_SYSTEM;
        if (in->results[i].status != PZ_OK)
            code = reject(in, in->places[i], NULL, in->results[i].message);
        else
            ++*(in->results[i].is_new ? &in->applied : &in->settled);
    }
    in->count = in->held = 0;
    pz_pool_reset(in->pool);
    return code;
}

static bool keep_text(import *in, pz_str text, row_place *out)
{
    char *copy = pz__arena_new(pz__pool_arena(in->pool), text.len + 1);
    if (!copy)
        return false;
    memcpy(copy, text.len ? text.data : "", text.len);
    in->held += text.len;
    *out = (row_place){in->line, 0, {copy, text.len}};
    return true;
}

static pz_value get_field(void *payload, const column *c)
{
    const import *in = payload;
    if (in->map.is_jsonl)
        return pz_value_get(in->object, c->source.data, c->source.len, NULL);
    if (c->index >= in->field_count)
        return pz_value_null();
    const pz_str field = in->fields[c->index];
    return (pz_value){.kind = PZ_STRING, .len = (uint32_t)field.len, .as.text = field.data};
}

/* Turn what was read into a row of the batch. */
static int take_row(import *in, row_place at, const char *why)
{
    char message[256];
    const column *which = NULL;
    int code = EXIT_DONE;
    if (why)
        code = reject(in, at, NULL, why);
    else if (!mapping_row(&in->map, in->pool, get_field, in, &in->rows[in->count], &which, message))
        code = reject(in, at, which, message);
    else
        in->places[in->count++] = at;
    if (code == EXIT_DONE && (in->count == in->cap || in->held >= BATCH_BYTES_MAX))
        code = commit(in);
    return code;
}

/* ---- CSV ---- */

/* Whether a later column has the name of column `k`: then nobody can tell which one is meant. */
static bool is_twice(const import *in, uint32_t k)
{
    bool is_found = false;
    for (uint32_t i = k + 1; i < in->field_count && !in->map.has_no_header; i++)
        is_found |= pz__str_equal(in->fields[i], in->fields[k]);
    return is_found;
}

/* What is wrong with the header as a whole, where that is plain: the encoding, the separator. */
static int check_header(const import *in)
{
    static const struct {
        char sign;
        const char *name;
    } others[] = {{';', ";"}, {'\t', "\\t"}, {'|', "|"}, {',', ","}};
    const pz_str text = csv_text(in->csv);
    if (memchr(text.data, '\0', text.len) || !pz__utf8_valid(text.data, text.len))
        return cli_fail(EXIT_CATALOG, "%s:1: the header is not UTF-8: save the table as UTF-8",
                        in->c->words[0]);
    for (size_t i = 0; i < sizeof others / sizeof others[0] && in->field_count == 1; i++)
        if (memchr(text.data, others[i].sign, text.len))
            return cli_fail(EXIT_CATALOG,
                            "%s:1: the header is one field: if '%s' separates, say so in %s by "
                            "\"separator\": \"%s\"",
                            in->c->words[0], others[i].name, in->map.path, others[i].name);
    return EXIT_DONE;
}

/* Where a column stands, by the header or by number. */
static void place_column(const import *in, column *c)
{
    for (uint32_t k = 0; k < in->field_count && c->index == UINT32_MAX; k++) {
        char number[16];
        snprintf(number, sizeof number, "%u", k + 1);
        const pz_str name = in->map.has_no_header ? pz_str_of(number) : in->fields[k];
        if (pz__str_equal(name, c->source))
            c->index = k;
    }
}

static int check_column(const import *in, const column *c)
{
    if (c->index != UINT32_MAX)
        return !is_twice(in, c->index)
                   ? EXIT_DONE
                   : cli_fail(EXIT_CATALOG, "%s:%u:%u: the table has more than one column '%.*s'",
                              in->map.path, c->line, c->place, PZ__STR_ARG(c->source));
    const pz_str near = pz__nearest(c->source, in->fields, in->field_count);
    return cli_fail(EXIT_CATALOG, "%s:%u:%u: the table has no column '%.*s'%s%.*s%s", in->map.path,
                    c->line, c->place, PZ__STR_ARG(c->source), near.data ? "; did you mean '" : "",
                    PZ__STR_ARG(near), near.data ? "'?" : "");
}

static int find_columns(import *in)
{
    bool is_missing = false;
    for (uint32_t i = 0; i < in->map.count; i++) {
        place_column(in, &in->map.columns[i]);
        is_missing |= in->map.columns[i].index == UINT32_MAX;
    }
    int code = is_missing && !in->map.has_no_header ? check_header(in) : EXIT_DONE;
    for (uint32_t i = 0, told = code != EXIT_DONE; i < in->map.count && !told; i++)
        if (check_column(in, &in->map.columns[i]) != EXIT_DONE)
            code = EXIT_CATALOG;
    return code;
}

static int read_csv(import *in)
{
    const char *why;
    uint32_t width = 0;
    int code = csv_open(&in->csv, in->c->words[0], in->map.separator);
    while (code == EXIT_DONE && csv_next(in->csv, &in->fields, &in->field_count, &why)) {
        char message[128];
        row_place at;
        in->line = csv_line(in->csv);
        if (!in->has_begun && why)
            return cli_fail(EXIT_FAILED, "%s:1: %s", in->c->words[0], why);
        if (!in->has_begun) {
            in->has_begun = true;
            width = in->field_count;
            code = find_columns(in);
            if (code == EXIT_DONE && in->rejects && !in->map.has_no_header) {
                output_write(in->rejects, csv_text(in->csv).data, csv_text(in->csv).len);
                output_write(in->rejects, "\n", 1);
            }
            if (code != EXIT_DONE || !in->map.has_no_header)
                continue;
        }
        if (!why && in->field_count != width) {
            snprintf(message, sizeof message, "the row has %u fields and the header %u",
                     in->field_count, width);
            why = message;
        }
        /* In the file of rejects nothing may stand behind a quote that is open. */
        if (csv_is_over(in->csv) && why)
            code = commit(in);
        if (code == EXIT_DONE && !keep_text(in, csv_text(in->csv), &at))
            code = cli_fail(EXIT_SYSTEM, "out of memory");
        if (code == EXIT_DONE)
            code = take_row(in, at, why);
        progress_step(&in->progress, in->line, csv_share(in->csv));
    }
    return code;
}

/* ---- JSON Lines ---- */

static bool is_blank(const char *line, size_t len)
{
    while (len && (line[len - 1] == ' ' || line[len - 1] == '\t'))
        len--;
    return len == 0;
}

/* Note which columns there are; an object without one says nothing of it. */
static void see_columns(import *in)
{
    for (uint32_t i = 0; i < in->map.count; i++) {
        column *c = &in->map.columns[i];
        bool is_there = c->index == 0;
        if (!is_there)
            pz_value_get(in->object, c->source.data, c->source.len, &is_there);
        c->index = is_there ? 0 : UINT32_MAX;
    }
}

/* A column that no row has is more likely misspelt than meant. */
static void tell_unseen(const import *in)
{
    for (uint32_t i = 0; i < in->map.count && in->map.is_jsonl && in->applied + in->settled; i++) {
        const column *c = &in->map.columns[i];
        if (c->index != 0)
            cli_fail(0, "%s:%u:%u: no row has the column '%.*s'", in->map.path, c->line, c->place,
                     PZ__STR_ARG(c->source));
    }
}

static int read_jsonl(import *in)
{
    const char *line;
    size_t len;
    int code = line_reader_open(&in->lines, in->c->words[0]);
    while (code == EXIT_DONE && line_reader_next(in->lines, &line, &len)) {
        pz_error err = PZ_ERROR_INIT;
        row_place at;
        in->line++;
        if (is_blank(line, len))
            continue;
        if (!keep_text(in, (pz_str){line, len}, &at))
            return cli_fail(EXIT_SYSTEM, "out of memory");
        const pz_status status = pz_value_parse(in->pool, &in->object, at.text.data, at.text.len,
                                                PZ_JSON_REFUSE_DUPLICATES, &err);
        at.place = status != PZ_OK ? err.column : 0;
        if (status == PZ_OK && in->object.kind == PZ_MAP)
            see_columns(in);
        code = take_row(in, at,
                        status != PZ_OK             ? err.message
                        : in->object.kind != PZ_MAP ? "an object is expected"
                                                    : NULL);
        progress_step(&in->progress, in->line, line_reader_share(in->lines));
    }
    return code;
}

/* ---- the run ---- */

/* Whether two paths lead to one file: the rows that did fit would be gone from the table. */
static bool is_same_file(const char *a, const char *b)
{
    struct stat one, other;
    return stat(a, &one) == 0 && stat(b, &other) == 0 && S_ISREG(one.st_mode) &&
           one.st_dev == other.st_dev && one.st_ino == other.st_ino;
}

static int run_import(import *in)
{
    int code = mapping_open(&in->map, in->c->mapping, in->engine);
    if (code == EXIT_DONE && in->c->rejects)
        code = output_open(&in->rejects, in->c->rejects, false);
    if (code != EXIT_DONE)
        return code;
    progress_begin(&in->progress, "rows");
    in->progress.has_lines = true;
    code = in->map.is_jsonl ? read_jsonl(in) : read_csv(in);
    if (code == EXIT_DONE)
        code = commit(in);
    progress_end(&in->progress);
    const bool is_empty = in->csv && !in->has_begun && !in->map.has_no_header;
    const int read = in->csv ? csv_close(in->csv) : in->lines ? line_reader_close(in->lines) : 0;
    if (is_empty && code == EXIT_DONE && read == EXIT_DONE)
        code = cli_fail(EXIT_FAILED, "%s: the table is empty: not even a header stands in it",
                        in->c->words[0]);
    if (in->rejects)
        code = output_close(in->rejects, code);
    if (code != EXIT_DONE && code != EXIT_SYSTEM)
        return code;
    tell_unseen(in);
    fprintf(stderr,
            "%" PRIu64 " rows applied, %" PRIu64 " as they stood, %" PRIu64 " did not fit\n",
            in->applied, in->settled, in->refused);
    if (code == EXIT_DONE) /* what stands before the place where a file broke off is applied */
        code = read == EXIT_FAILED && in->applied ? EXIT_PARTLY : read;
    if (in->is_damaged)
        return EXIT_SYSTEM;
    return code == EXIT_DONE && in->refused ? EXIT_PARTLY : code;
}

static int run(cli *c)
{
import in = {.c = c, .cap = BATCH_DEFAULT };
    char *end = NULL;
    if (!c->mapping)
        return cli_fail(EXIT_USAGE, "import needs --mapping, such as --mapping crm.json");
    if (c->rejects && is_same_file(c->rejects, c->words[0]))
        return cli_fail(EXIT_USAGE, "--rejects would replace the table '%s' by what did not fit",
                        c->words[0]);
    if (c->batch)
        in.cap = strtoul(c->batch, &end, 10);
    if (in.cap == 0 || in.cap > PZ_OBSERVE_MANY_MAX || (end && *end))
        return cli_fail(EXIT_USAGE, "--batch is a number from 1 to %u", PZ_OBSERVE_MANY_MAX);
    int code = cli_engine(c, &in.engine, true);
    if (code != EXIT_DONE)
        return code;
    in.rows = calloc(in.cap, sizeof *in.rows);
    in.places = calloc(in.cap, sizeof *in.places);
    in.results = calloc(in.cap, sizeof *in.results);
    if (!in.rows || !in.places || !in.results || pz_pool_new(&in.pool, NULL) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    else
        code = run_import(&in);
    mapping_close(&in.map);
    pz_pool_free(in.pool);
    free(in.rows);
    free(in.places);
    free(in.results);
    pz_engine_close(in.engine);
    return code;
}

const subcommand command_import = {
    .name = "import",
    .arguments = "-c CATALOG -s STORE --mapping MAPPING FILE",
    .summary = "take a table of customers in, CSV or JSON Lines",
    .options = "catalog store mapping rejects now batch lazy",
    .least_words = 1,
    .most_words = 1,
    .help = "FILE is CSV or JSON Lines, plain or compressed by gzip; \"-\" is standard input. The\n"
            "mapping says what its columns are. Each row is all or nothing; one that does not fit\n"
            "is told with line, column and reason, and with --rejects kept to be mended and taken\n"
            "in again. A row that says what stands already changes nothing. Status 3: some rows\n"
            "did not fit.",
    .run = run,
};
