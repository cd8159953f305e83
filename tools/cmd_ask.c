/*
 * cmd_ask.c: the questions: resolve, inspect, decide, explain, segments.
 *
 * All of them open the store for reading only, make one context of the options, and ask.
 */
#include "cli.h"

#include <string.h>

/* One question about one customer. */
typedef int (*question)(cli *c, pz_context *context, const pz_profile *profile);

static int ask(cli *c, const char *customer, question put)
{
    pz_engine *engine;
    pz_context *context = NULL;
    pz_profile *profile = NULL, *account = NULL;
    int code = cli_engine(c, &engine, false);
    if (code != EXIT_DONE)
        return code;
    code = cli_account(c, engine, &account);
    if (code == EXIT_DONE)
        code = cli_context(c, engine, account, &context);
    if (code == EXIT_DONE)
        code = cli_customer(engine, customer, &profile);
    if (code == EXIT_DONE)
        code = put(c, context, profile);
    pz_profile_free(profile);
    pz_context_free(context);
    pz_profile_free(account);
    pz_engine_close(engine);
    return code;
}

/* ---- resolve, inspect, segments ---- */

static int print_resolution(const pz_resolution *answer)
{
    pz_entry entries[7];
    size_t count = 0;
    if (answer->is_resolved)
        entries[count++] = (pz_entry){pz_value_str("value"), answer->value};
    entries[count++] = (pz_entry){pz_value_str("tier"), pz_value_str(answer->tier)};
    entries[count++] = (pz_entry){pz_value_str("reason"), pz_value_str(answer->reason)};
    if (answer->has_confidence)
        entries[count++] =
            (pz_entry){pz_value_str("confidence"), pz_value_double(answer->confidence)};
    if (answer->channel.len)
        entries[count++] = (pz_entry){pz_value_str("channel"),
                                      pz_value_strn(answer->channel.data, answer->channel.len)};
    if (answer->at_ms)
        entries[count++] = (pz_entry){pz_value_str("at"), pz_value_time_ms(answer->at_ms)};
    pz_pool *pool;
    pz_value map;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    int code = EXIT_SYSTEM;
    if (pz_pool_map(pool, &map, entries, count) == PZ_OK)
        code = cli_print_json(map, 0);
    pz_pool_free(pool);
    return code;
}

static int resolve(cli *c, pz_context *context, const pz_profile *profile)
{
    pz_error err = PZ_ERROR_INIT;
    pz_resolution answer = {PZ_RESOLUTION};
    const pz_status status = pz_resolve(&answer, context, profile, c->words[1], &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    if (c->json)
        return print_resolution(&answer);
    if (!answer.is_resolved)
        return cli_fail(EXIT_FAILED, "'%s' is not resolved: nobody can say", c->words[1]);
    return cli_print(c, answer.value);
}

static int run_resolve(cli *c)
{
    return ask(c, c->words[0], resolve);
}

static int inspect(cli *c, pz_context *context, const pz_profile *profile)
{
    pz_error err = PZ_ERROR_INIT;
    pz_value layers;
    const pz_status status = pz_inspect(&layers, context, profile, c->words[1], &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < layers.len && code == EXIT_DONE; i++)
        code = cli_print_json(pz_value_item(layers, i), 0);
    return code;
}

static int segments(cli *c, pz_context *context, const pz_profile *profile)
{
    pz_error err = PZ_ERROR_INIT;
    pz_value names;
    const pz_status status = pz_segments(&names, context, profile, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    if (c->json)
        return cli_print_json(names, 0);
    int code = EXIT_DONE;
    for (uint32_t i = 0; i < names.len && code == EXIT_DONE; i++)
        code = cli_print(c, pz_value_item(names, i));
    return code;
}

/* ---- decide, explain ---- */

static int decide(cli *c, pz_context *context, const pz_profile *profile)
{
    pz_error err = PZ_ERROR_INIT;
    const pz_decision *decision;
    pz_status status = pz_decide(&decision, context, profile, c->words[0], &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    if (!c->json) {
        const int code = cli_print(c, pz_decision_value(decision));
        return code;
    }
    pz_value map;
    status = pz_decision_map(&map, context, decision, &err);
    return status == PZ_OK ? cli_print_json(map, 0) : cli_fail_status(status, &err);
}

/* ---- every customer of the store ---- */

/* Each profile has a context that begins anew, so that memory stays flat however many there are. */
typedef struct everybody {
    cli *c;
    pz_engine *engine;
    pz_profile *account;
    /* Answers about one profile, as a map that begins with what tells the customers apart. */
    pz_status (*answer)(const cli *c, pz_pool *pool, pz_context *context, const pz_profile *profile,
                        pz_value *out, pz_error *err);
    progress progress;
    uint64_t done, total;
    int code;
} everybody;

/* One line: the id of the profile, then the members of the answer. */
static pz_status put_line(pz_pool *pool, const pz_profile *profile, pz_value answer)
{
    pz_str text;
    const pz_status status = pz_value_print(pool, &text, answer, 0);
    const pz_str id = pz_profile_id(profile);
    if (status == PZ_OK)
        printf("{\"profile\":\"%.*s\",%.*s\n", (int)id.len, id.data, (int)text.len - 1,
               text.data + 1);
    return status;
}

static pz_status answer_one(void *payload, const pz_profile *profile)
{
    everybody *all = payload;
    pz_error err = PZ_ERROR_INIT;
    pz_context *context;
    pz_pool *pool;
    pz_value answer;
    all->code = cli_context(all->c, all->engine, all->account, &context);
    if (all->code != EXIT_DONE)
        return PZ_ERR_STATE;
    pz_status status = pz_pool_new(&pool, NULL);
    if (status == PZ_OK)
        status = all->answer(all->c, pool, context, profile, &answer, &err);
    if (status == PZ_OK)
        status = put_line(pool, profile, answer);
    if (status != PZ_OK)
        all->code = cli_fail_status(status, &err);
    pz_pool_free(pool);
    pz_context_free(context);
    all->done++;
    progress_step(&all->progress, all->done, (double)all->done / (double)all->total);
    return status;
}

static int ask_all(everybody *all)
{
    pz_error err = PZ_ERROR_INIT;
    int code = cli_engine(all->c, &all->engine, false);
    if (code != EXIT_DONE)
        return code;
    code = cli_account(all->c, all->engine, &all->account);
    if (code != EXIT_DONE) {
        pz_engine_close(all->engine);
        return code;
    }
    pz_status status = pz_profile_count(all->engine, &all->total, &err);
    progress_begin(&all->progress, "customers");
    if (status == PZ_OK)
        status = pz_each_profile(all->engine, answer_one, all, &err);
    progress_end(&all->progress);
    if (all->code == EXIT_DONE && status != PZ_OK)
        all->code = cli_fail_status(status, &err);
    pz_profile_free(all->account);
    pz_engine_close(all->engine);
    return all->code;
}

static pz_status answer_decision(const cli *c, pz_pool *pool, pz_context *context,
                                 const pz_profile *profile, pz_value *out, pz_error *err)
{
    const pz_decision *decision;
    const pz_status status = pz_decide(&decision, context, profile, c->words[0], err);
    (void)pool;
    return status == PZ_OK ? pz_decision_map(out, context, decision, err) : status;
}

static pz_status answer_layers(const cli *c, pz_pool *pool, pz_context *context,
                               const pz_profile *profile, pz_value *out, pz_error *err)
{
    pz_entry entries[] = {
        {pz_value_str("attribute"), pz_value_str(c->words[0])},
        {pz_value_str("layers"), pz_value_null()},
    };
    const pz_status status = pz_inspect(&entries[1].value, context, profile, c->words[0], err);
    return status == PZ_OK ? pz_pool_map(pool, out, entries, 2) : status;
}

static pz_status answer_segments(const cli *c, pz_pool *pool, pz_context *context,
                                 const pz_profile *profile, pz_value *out, pz_error *err)
{
    pz_entry entry = {pz_value_str("segments"), pz_value_null()};
    const pz_status status = pz_segments(&entry.value, context, profile, err);
    (void)c;
    return status == PZ_OK ? pz_pool_map(pool, out, &entry, 1) : status;
}

/* A command asks about one customer among its words, or with --all, which stands for that word,
 * about everybody. */
static int ask_one_or_all(cli *c, int words, int customer_word, question put, everybody *all)
{
    if (c->all && c->word_count == words - 1)
        return ask_all(all);
    if (c->all || c->word_count != words)
        return cli_fail(EXIT_USAGE, "%s takes a customer, or --all; see `personalize %s --help`",
                        c->command, c->command);
    return ask(c, c->words[customer_word], put);
}

static int run_inspect(cli *c)
{
    return ask_one_or_all(c, 2, 0, inspect, &(everybody){.c = c, .answer = answer_layers});
}

static int run_decide(cli *c)
{
    return ask_one_or_all(c, 2, 1, decide, &(everybody){.c = c, .answer = answer_decision});
}

static int run_segments(cli *c)
{
    return ask_one_or_all(c, 1, 0, segments, &(everybody){.c = c, .answer = answer_segments});
}

static int explain(cli *c, pz_context *context, const pz_profile *profile)
{
    pz_error err = PZ_ERROR_INIT;
    const pz_decision *decision;
    pz_status status = pz_decide(&decision, context, profile, c->words[0], &err);
    if (status == PZ_OK && c->json) {
        pz_value map;
        status = pz_explain(&map, context, decision, &err);
        if (status == PZ_OK)
            return cli_print_json(map, 2);
    } else if (status == PZ_OK) {
        pz_str text;
        status = pz_explain_text(&text, context, decision, &err);
        if (status == PZ_OK) {
            fwrite(text.data, 1, text.len, stdout);
            return EXIT_DONE;
        }
    }
    return cli_fail_status(status, &err);
}

static int run_explain(cli *c)
{
    return ask(c, c->words[1], explain);
}

#define ASK_OPTIONS "catalog store now channel context account level json"

const subcommand command_resolve = {
    .name = "resolve",
    .arguments = "-c CATALOG -s STORE [options] CUSTOMER ATTRIBUTE",
    .summary = "one attribute of one customer: the answer",
    .options = ASK_OPTIONS,
    .least_words = 2,
    .most_words = 2,
    .help = "Prints the value; with --json also tier, reason, confidence, channel and time.\n"
            "An attribute about which nobody can say anything ends with status 2.",
    .run = run_resolve,
};

const subcommand command_inspect = {
    .name = "inspect",
    .arguments = "-c CATALOG -s STORE [options] (CUSTOMER | --all) ATTRIBUTE",
    .summary = "one attribute of one customer: every layer",
    .options = ASK_OPTIONS " all",
    .least_words = 1,
    .most_words = 2,
    .help = "Prints each layer as one line of JSON, strongest first, with why it is used or not.\n"
            "--all prints for every customer of the store one line with all layers.",
    .run = run_inspect,
};

const subcommand command_decide = {
    .name = "decide",
    .arguments = "-c CATALOG -s STORE [options] DECISION (CUSTOMER | --all)",
    .summary = "decide for one customer, or for all",
    .options = ASK_OPTIONS " all",
    .least_words = 1,
    .most_words = 2,
    .help =
        "Prints the value; with --json the whole decision. --all decides for every customer of\n"
        "the store and prints each decision as one line of JSON.",
    .run = run_decide,
};

const subcommand command_explain = {
    .name = "explain",
    .arguments = "-c CATALOG -s STORE [options] DECISION CUSTOMER",
    .summary = "why: the decision in plain sentences",
    .options = ASK_OPTIONS,
    .least_words = 2,
    .most_words = 2,
    .help = "Prints sentences; with --json every rule and every layer as structure.",
    .run = run_explain,
};

const subcommand command_segments = {
    .name = "segments",
    .arguments = "-c CATALOG -s STORE [options] (CUSTOMER | --all)",
    .summary = "the segments a customer is in, or all are",
    .options = ASK_OPTIONS " all",
    .least_words = 0,
    .most_words = 1,
    .help =
        "Prints the names, one a line; with --json as a list. --all prints for every customer of\n"
        "the store one line of JSON.",
    .run = run_segments,
};
