/*
 * cmd_export.c: `personalize profile export`: everything known, of one customer or of everybody.
 *
 * The export of everybody is JSON Lines, one profile a line in the order of ids, over one snapshot
 * of the store. With --gzip all lines are one gzip stream: profiles of one catalog say the same
 * names again and again, and a stream that goes on knows them from the lines before.
 */
#include "cli.h"

typedef struct export_run {
    const cli *c;
    output *to;
    pz_pool *pool; /* emptied after each profile */
    pz_error err;
    progress progress;
    uint64_t done, total;
} export_run;

static pz_status write_profile(export_run *run, const pz_profile *profile)
{
    const cli *c = run->c;
    pz_str text;
    pz_status status = c->text ? pz_profile_export_text(profile, run->pool, &text, &run->err)
                               : pz_profile_export(profile, run->pool, &text,
                                                   c->json || c->all ? 0 : 2, &run->err);
    if (status == PZ_OK)
        status = output_write(run->to, text.data, text.len);
    if (status == PZ_OK)
        status = output_write(run->to, "\n", 1);
    pz_pool_reset(run->pool);
    return status;
}

static pz_status write_next(void *payload, const pz_profile *profile)
{
    export_run *run = payload;
    const pz_status status = write_profile(run, profile);
    run->done++;
    progress_step(&run->progress, run->done, (double)run->done / (double)run->total);
    return status;
}

static pz_status write_all(export_run *run, pz_engine *engine)
{
    pz_status status = pz_profile_count(engine, &run->total, &run->err);
    progress_begin(&run->progress, "customers");
    if (status == PZ_OK)
        status = pz_each_profile(engine, write_next, run, &run->err);
    progress_end(&run->progress);
    return status;
}

/* One profile or, without one, all of them. */
static int run_export(const cli *c, pz_engine *engine, const pz_profile *profile)
{
    export_run run = {.c = c, .err = PZ_ERROR_INIT};
    int code = output_open(&run.to, c->output, c->gzip);
    if (code != EXIT_DONE)
        return code;
    if (pz_pool_new(&run.pool, NULL) != PZ_OK)
        return output_close(run.to, cli_fail(EXIT_SYSTEM, "out of memory"));
    const pz_status status = profile ? write_profile(&run, profile) : write_all(&run, engine);
    if (status != PZ_OK)
        code = output_has_failed(run.to) ? EXIT_SYSTEM : cli_fail_status(status, &run.err);
    pz_pool_free(run.pool);
    return output_close(run.to, code);
}

int cli_export(cli *c, pz_engine *engine, pz_profile *profile)
{
    return run_export(c, engine, profile);
}

int cli_export_all(cli *c, pz_engine *engine)
{
    return run_export(c, engine, NULL);
}
