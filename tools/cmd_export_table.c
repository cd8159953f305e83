/*
 * cmd_export_table.c: `personalize export`: everybody in a store as a table, by a mapping.
 *
 * The mapping is the one that `personalize import` reads, the other way: a column of an identifier
 * has the identifier, one of an attribute its answer, one of a purpose the consent. What a cell
 * says is read back as import would read it; where that gives something else, it is told.
 *
 *     profile -> export as JSON (identifiers, consents, times) -+
 *             -> answers of its attributes ---------------------+-> cells -> a record
 *
 * Profiles are visited one by one over one snapshot of the store, each with a context that begins
 * anew and a pool that is emptied behind it: memory is bounded by the largest profile.
 *
 * Not here: how a value is written as text, which stands beside how it is read (mapping.c).
 */
#include "table.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"
#include "base/time.h"

typedef struct table_run {
    cli *c;
    pz_engine *engine;
    mapping map;
    output *to;
    pz_pool *pool; /* emptied after each profile */
    uint32_t width;
    pz_value cells[CSV_FIELDS_MAX];
    pz_str names[CSV_FIELDS_MAX]; /* of the columns */
    progress progress;
    uint64_t done, total;
    uint64_t nameless, lossy;
    int code;
} table_run;

/* ---- columns ---- */

static int number_column(const table_run *run, column *c)
{
    uint32_t number = 0;
    for (size_t i = 0; i < c->source.len && number <= CSV_FIELDS_MAX; i++) {
        const char digit = c->source.data[i];
        number = digit >= '0' && digit <= '9' ? number * 10 + (uint32_t)(digit - '0') : UINT32_MAX;
    }
    if (number == 0 || number > CSV_FIELDS_MAX)
        return cli_fail(EXIT_CATALOG, "%s:%u:%u: without a header a column is a number, 1 to %u",
                        run->map.path, c->line, c->place, CSV_FIELDS_MAX);
    c->index = number - 1;
    return EXIT_DONE;
}

/* Columns stand as in the mapping; where two parts of it read one column, it is written once. */
static int place_columns(table_run *run)
{
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < run->map.count && code == EXIT_DONE; i++) {
        column *c = &run->map.columns[i];
        for (uint32_t k = 0; k < run->width && !run->map.has_no_header; k++)
            if (pz__str_equal(run->names[k], c->source))
                c->index = k;
        if (run->map.has_no_header)
            code = number_column(run, c);
        else if (c->index == UINT32_MAX)
            c->index = run->width;
        if (code != EXIT_DONE)
            return code;
        run->names[c->index] = c->source;
        if (c->index >= run->width)
            run->width = c->index + 1;
    }
    return code;
}

/* ---- what an export as JSON says of a profile ---- */

static pz_value member(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

static bool says(pz_value map, const char *name, pz_str text)
{
    return pz__str_equal(pz_value_text(member(map, name)), text);
}

/* The identifier of a kind that was given last; null if there is none. */
static pz_value identifier_of(pz_value claims, pz_str kind)
{
    pz_value found = pz_value_null();
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < claims.len; i++) {
        const pz_value claim = pz_value_item(claims, i), value = member(claim, "value");
        const pz_value stamp = member(claim, "stamp_ms");
        if (!says(claim, "slot", PZ__STR("identifier")) || !says(claim, "attribute", kind) ||
            value.kind != PZ_BOOL || !value.as.b || stamp.as.i < last)
            continue;
        last = stamp.as.i;
        found = member(claim, "part");
    }
    return found;
}

static pz_value account_of(pz_value claims)
{
    for (uint32_t i = 0; i < claims.len; i++)
        if (says(pz_value_item(claims, i), "slot", PZ__STR("account")))
            return member(pz_value_item(claims, i), "value");
    return pz_value_null();
}

/* Granted, denied, or null where nobody was asked. A denial stands above a grant. */
static pz_value consent_of(pz_value consents, pz_str purpose)
{
    for (uint32_t i = 0; i < consents.len; i++) {
        const pz_value consent = pz_value_item(consents, i);
        const pz_value granted = member(consent, "granted"), denied = member(consent, "denied");
        if (says(consent, "purpose", purpose) && (granted.as.b || denied.as.b))
            return pz_value_bool(granted.as.b && !denied.as.b);
    }
    return pz_value_null();
}

static bool has_column(const mapping *m, column_role role, pz_str name)
{
    for (uint32_t i = 0; i < m->count; i++)
        if (m->columns[i].role == role && pz__str_equal(m->columns[i].name, name))
            return true;
    return false;
}

static void keep_later(pz_value map, const char *name, int64_t *last)
{
    const pz_str text = pz_value_text(member(map, name));
    int64_t ms;
    if (text.len && pz__rfc3339_parse_ms(text.data, text.len, &ms) && ms > *last)
        *last = ms;
}

/* When the last of what import would take from this row was said. */
static pz_value time_of(const mapping *m, pz_value profile)
{
    const pz_value claims = member(profile, "claims"), consents = member(profile, "consents");
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < claims.len; i++) {
        const pz_value claim = pz_value_item(claims, i);
        const pz_str name = pz_value_text(member(claim, "attribute"));
        const bool is_said =
            says(claim, "slot", PZ__STR("declared")) || says(claim, "slot", PZ__STR("choice"));
        if ((is_said && has_column(m, ROLE_ATTRIBUTE, name)) ||
            (says(claim, "slot", PZ__STR("identifier")) && has_column(m, ROLE_IDENTIFIER, name)))
            keep_later(claim, "at", &last);
    }
    for (uint32_t i = 0; i < consents.len; i++) {
        const pz_value consent = pz_value_item(consents, i);
        const pz_value all = member(consent, "statements");
        if (!has_column(m, ROLE_CONSENT, pz_value_text(member(consent, "purpose"))))
            continue;
        for (uint32_t k = 0; k < all.len; k++) {
            keep_later(pz_value_item(all, k), "granted_at", &last);
            keep_later(pz_value_item(all, k), "denied_at", &last);
        }
    }
    return last == INT64_MIN ? pz_value_null() : pz_value_time_ms(last);
}

/* ---- cells ---- */

static pz_status answer_of(pz_context *context, const pz_profile *profile, const column *c,
                           pz_value *out, pz_error *err)
{
    char name[129];
    pz_resolution answer = {PZ_RESOLUTION};
    const size_t len = c->name.len < sizeof name ? c->name.len : sizeof name - 1;
    memcpy(name, c->name.data, len);
    name[len] = '\0';
    const pz_status status = pz_resolve(&answer, context, profile, name, err);
    *out = status == PZ_OK && answer.is_resolved ? answer.value : pz_value_null();
    return status;
}

static pz_status value_of(table_run *run, pz_context *context, const pz_profile *profile,
                          pz_value export, const column *c, pz_value *out, pz_error *err)
{
    const pz_value claims = member(export, "claims");
    switch (c->role) {
    case ROLE_ATTRIBUTE:
        return answer_of(context, profile, c, out, err);
    case ROLE_CONSENT:
        *out = consent_of(member(export, "consents"), c->name);
        break;
    case ROLE_ACCOUNT:
        *out = account_of(claims);
        break;
    case ROLE_AT:
        *out = time_of(&run->map, export);
        break;
    case ROLE_CUSTOMER:
    case ROLE_IDENTIFIER:
        *out = identifier_of(claims, c->name);
        run->nameless += c->role == ROLE_CUSTOMER && out->kind == PZ_NULL;
        break;
    }
    return PZ_OK;
}

/* The first cell that import would not read as it is, is shown; all are counted. */
static void tell_lossy(table_run *run, const column *c, pz_value value)
{
    pz_str text;
    if (run->lossy++ || pz_value_print(run->pool, &text, value, 0) != PZ_OK)
        return;
    progress_end(&run->progress);
    cli_fail(0, "%s:%u:%u: column '%.*s' cannot say %.*s", run->map.path, c->line, c->place,
             (int)(c->source.len < 60 ? c->source.len : 60), c->source.data,
             (int)(text.len < 80 ? text.len : 80), text.data);
}

static pz_status fill_cells(table_run *run, pz_context *context, const pz_profile *profile,
                            pz_error *err)
{
    pz_str text;
    pz_value export, value;
    pz_status status = pz_profile_export(profile, run->pool, &text, 0, err);
    if (status == PZ_OK)
        status = pz_value_parse(run->pool, &export, text.data, text.len, 0, err);
    for (uint32_t i = 0; i < run->width; i++)
        run->cells[i] = pz_value_null();
    for (uint32_t i = 0; i < run->map.count && status == PZ_OK; i++) {
        const column *c = &run->map.columns[i];
        bool is_lossy = false;
        if (run->cells[c->index].kind != PZ_NULL)
            continue;
        status = value_of(run, context, profile, export, c, &value, err);
        if (status == PZ_OK && value.kind != PZ_NULL)
            status = mapping_cell(c, run->pool, value, run->map.is_jsonl, &run->cells[c->index],
                                  &is_lossy);
        if (is_lossy)
            tell_lossy(run, c, value);
    }
    return status;
}

/* ---- records ---- */

static void put_field(table_run *run, pz_str text)
{
    bool is_quoted = run->width == 1 && text.len == 0; /* an empty line would be none */
    for (size_t i = 0; i < text.len && !is_quoted; i++)
        is_quoted = text.data[i] == run->map.separator || strchr("\"\r\n", text.data[i]);
    if (!is_quoted) {
        output_write(run->to, text.data, text.len);
        return;
    }
    output_write(run->to, "\"", 1);
    while (text.len) {
        const char *quote = memchr(text.data, '"', text.len);
        const size_t len = quote ? (size_t)(quote - text.data) + 1 : text.len;
        output_write(run->to, text.data, len);
        if (quote)
            output_write(run->to, "\"", 1);
        text.data += len;
        text.len -= len;
    }
    output_write(run->to, "\"", 1);
}

static pz_status put_header(table_run *run)
{
    for (uint32_t i = 0; i < run->width; i++) {
        if (i)
            output_write(run->to, &run->map.separator, 1);
        put_field(run, run->names[i]);
    }
    return output_write(run->to, "\n", 1);
}

static pz_status put_record(table_run *run)
{
    for (uint32_t i = 0; i < run->width; i++) {
        if (i)
            output_write(run->to, &run->map.separator, 1);
        put_field(run, pz_value_text(run->cells[i]));
    }
    return output_write(run->to, "\n", 1);
}

static pz_status put_object(table_run *run)
{
    bool is_first = true;
    pz_status status = output_write(run->to, "{", 1);
    for (uint32_t i = 0; i < run->width && status == PZ_OK; i++) {
        pz_str name, text;
        if (run->cells[i].kind == PZ_NULL)
            continue;
        status = pz_value_print(run->pool, &name,
                                pz_value_strn(run->names[i].data, run->names[i].len), 0);
        if (status == PZ_OK)
            status = pz_value_print(run->pool, &text, run->cells[i], 0);
        if (status != PZ_OK)
            break;
        output_write(run->to, ",", is_first ? 0 : 1);
        output_write(run->to, name.data, name.len);
        output_write(run->to, ":", 1);
        status = output_write(run->to, text.data, text.len);
        is_first = false;
    }
    return status == PZ_OK ? output_write(run->to, "}\n", 2) : status;
}

static pz_status write_next(void *payload, const pz_profile *profile)
{
    table_run *run = payload;
    pz_error err = PZ_ERROR_INIT;
    pz_context *context;
    run->code = cli_context(run->c, run->engine, NULL, &context);
    if (run->code != EXIT_DONE)
        return PZ_ERR_STATE;
    pz_status status = fill_cells(run, context, profile, &err);
    if (status == PZ_OK)
        status = run->map.is_jsonl ? put_object(run) : put_record(run);
    if (status != PZ_OK)
        run->code = output_has_failed(run->to) ? EXIT_SYSTEM : cli_fail_status(status, &err);
    pz_context_free(context);
    pz_pool_reset(run->pool);
    run->done++;
    progress_step(&run->progress, run->done, (double)run->done / (double)run->total);
    return status;
}

/* ---- the run ---- */

static int write_all(table_run *run)
{
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz_profile_count(run->engine, &run->total, &err);
    progress_begin(&run->progress, "customers");
    if (status == PZ_OK && !run->map.is_jsonl && !run->map.has_no_header)
        status = put_header(run);
    if (status == PZ_OK)
        status = pz_each_profile(run->engine, write_next, run, &err);
    progress_end(&run->progress);
    if (status != PZ_OK && run->code == EXIT_DONE)
        run->code = output_has_failed(run->to) ? EXIT_SYSTEM : cli_fail_status(status, &err);
    return run->code;
}

static int run_table(table_run *run)
{
    const char *format = run->c->format;
    int code = mapping_open(&run->map, run->c->words[0], run->engine);
    if (code != EXIT_DONE)
        return code;
    if (format)
        run->map.is_jsonl = strcmp(format, "jsonl") == 0;
    code = place_columns(run);
    if (code == EXIT_DONE)
        code = output_open(&run->to, run->c->output, run->c->gzip);
    if (code != EXIT_DONE)
        return code;
    code = output_close(run->to, write_all(run));
    if (code == EXIT_DONE && run->nameless)
        cli_fail(0, "%" PRIu64 " of %" PRIu64 " rows have no customer: they cannot be taken in",
                 run->nameless, run->done);
    if (code == EXIT_DONE && run->lossy)
        code = cli_fail(EXIT_PARTLY,
                        "%" PRIu64 " cells would not be read back as what stands in "
                        "the store",
                        run->lossy);
    return code;
}

static int run(cli *c)
{
    if (c->format && strcmp(c->format, "csv") != 0 && strcmp(c->format, "jsonl") != 0)
        return cli_fail(EXIT_USAGE, "--format is csv or jsonl, not '%s'", c->format);
    table_run *run = calloc(1, sizeof *run);
    if (!run)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    run->c = c;
    int code = cli_engine(c, &run->engine, false);
    if (code == EXIT_DONE) {
        if (pz_pool_new(&run->pool, NULL) == PZ_OK)
            code = run_table(run);
        else
            code = cli_fail(EXIT_SYSTEM, "out of memory");
        mapping_close(&run->map);
        pz_pool_free(run->pool);
        pz_engine_close(run->engine);
    }
    free(run);
    return code;
}

const subcommand command_export = {
    .name = "export",
    .arguments = "-c CATALOG -s STORE [options] MAPPING",
    .summary = "everybody in a store as a table, CSV or JSON Lines",
    .options = "catalog store now channel context output format gzip",
    .least_words = 1,
    .most_words = 1,
    .help = "MAPPING says what the columns are, as for `personalize import`: identifiers, answers\n"
            "about attributes, consents. What nobody can say is empty. Status 3: some cells would\n"
            "not be read back as what stands in the store.",
    .run = run,
};
