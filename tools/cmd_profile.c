/*
 * cmd_profile.c: `personalize profile`: one customer's own words, and everything known.
 */
#include "cli.h"

#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "base/str.h"
#include "base/time.h"

/* One line of the list that `profile get` prints. */
static int print_attribute(const cli *c, pz_context *context, const pz_profile *profile,
                           const char *name)
{
    pz_error err = PZ_ERROR_INIT;
    pz_resolution answer = {PZ_RESOLUTION};
    const pz_status status = pz_resolve(&answer, context, profile, name, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    if (!answer.is_resolved)
        return cli_fail(EXIT_FAILED, "'%s' is not resolved: nobody can say", name);
    return cli_print(c, answer.value);
}

static int get(cli *c, pz_engine *engine, pz_profile *profile)
{
    pz_context *context;
    int code = cli_context(c, engine, NULL, &context);
    if (code != EXIT_DONE)
        return code;
    code = print_attribute(c, context, profile, c->words[2]);
    pz_context_free(context);
    return code;
}

/* ---- verbs ---- */

/* What the words behind the customer are, one letter each, for every action that is a verb of the
 * library: a name, a value, or the source and id of an event. */
static const struct verb {
    const char *name, *words;
} verbs[] = {
    {"choose", "nv"},     {"reject", "nv"}, {"clear", "n"},     {"declare", "nv"},
    {"edit", "nnv"},      {"undo", "n"},    {"forget", "n"},    {"consent", "nn"},
    {"consent_tcf", "n"}, {"retract", "e"}, {"link", "n"},      {"unlink", "n"},
    {"set_mode", "nn"},   {"switch", "n"},  {"identify", "nn"}, {"set_level", "n"},
    {"set_account", "n"},
};

static const char *words_of(const char *verb)
{
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (strcmp(verbs[i].name, verb) == 0)
            return verbs[i].words;
    return "";
}

/* One argument of the operation, made of one word or, of an event, two. */
static int argument(pz_pool *pool, char kind, const char **word, pz_value *out)
{
    if (kind == 'v')
        return cli_value(pool, word[0], out);
    *out = pz_value_str(word[0]);
    if (kind == 'n')
        return EXIT_DONE;
    const pz_entry event[] = {{pz_value_str("source"), pz_value_str(word[0])},
                              {pz_value_str("id"), pz_value_str(word[1])}};
    return pz_pool_map(pool, out, event, 2) == PZ_OK ? EXIT_DONE
                                                     : cli_fail(EXIT_SYSTEM, "out of memory");
}

/* The words as an operation, which is what `profile apply` reads. */
static int operation_of(const cli *c, pz_pool *pool, pz_value *out)
{
    pz_value items[5] = {pz_value_str(c->words[0])};
    size_t count = 1;
    for (const char *kind = words_of(c->words[0]); *kind; kind++, count++) {
        const int code = argument(pool, *kind, &c->words[count + 1], &items[count]);
        if (code != EXIT_DONE)
            return code;
    }
    return pz_pool_list(pool, out, items, count) == PZ_OK ? EXIT_DONE
                                                          : cli_fail(EXIT_SYSTEM, "out of memory");
}

static int say(cli *c, pz_engine *engine, pz_profile *profile)
{
    pz_write write;
    pz_error err = PZ_ERROR_INIT;
    pz_pool *pool;
    pz_value operation;
    (void)engine;
    int code = cli_write(c, &write);
    if (code != EXIT_DONE)
        return code;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    code = operation_of(c, pool, &operation);
    if (code == EXIT_DONE) {
        const pz_status status = pz_profile_apply(profile, operation, &write, &err);
        code = status == PZ_OK ? EXIT_DONE : cli_fail_status(status, &err);
    }
    pz_pool_free(pool);
    return code;
}

/* ---- people ---- */

static int person(cli *c, pz_engine *engine, pz_profile *profile)
{
    pz_context *context;
    pz_value map;
    pz_error err = PZ_ERROR_INIT;
    int code = cli_context(c, engine, NULL, &context);
    if (code != EXIT_DONE)
        return code;
    const pz_status status = pz_person(&map, context, profile, &err);
    code = status == PZ_OK ? cli_print(c, map) : cli_fail_status(status, &err);
    pz_context_free(context);
    return code;
}

static int erase(cli *c, pz_engine *engine, pz_profile *profile)
{
    pz_write write;
    pz_error err = PZ_ERROR_INIT;
    uint32_t count = 0;
    char id[65];
    const int code = cli_write(c, &write);
    if (code != EXIT_DONE)
        return code;
    if (!pz_profile_exists(profile))
        return cli_fail(EXIT_FAILED, "the store knows no customer '%s'", c->words[1]);
    const pz_str subject = pz_profile_id(profile);
    snprintf(id, sizeof id, "%.*s", PZ__STR_ARG(subject));
    const pz_status status =
        pz_erase(engine, id, &write, c->alone ? PZ_ERASE_ALONE : 0, &count, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    if (c->json)
        printf("{\"erased\":%u}\n", count);
    else
        printf("%u profile%s erased\n", count, count == 1 ? "" : "s");
    return EXIT_DONE;
}

/* ---- what a retention has ended ---- */

static int expire(cli *c, pz_engine *engine, pz_profile *profile)
{
    pz_write write;
    pz_error err = PZ_ERROR_INIT;
    uint32_t count;
    (void)engine;
    const int code = cli_write(c, &write);
    if (code != EXIT_DONE)
        return code;
    const pz_status status = pz_expire(profile, NULL, &write, &count, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    printf(c->json ? "{\"attributes\":%u}\n" : "%u attributes had something that was over\n",
           count);
    return EXIT_DONE;
}

static pz_status show_progress(void *payload, const pz_store_progress *now)
{
    const double share = now->total ? (double)now->done / (double)now->total : 0.0;
    progress_step(payload, now->done, share);
    return PZ_OK;
}

static pz_status tell_fault(void *payload, const pz_store_fault *fault)
{
    progress_end(payload);
    cli_fail(0, "%s", fault->message);
    return PZ_OK;
}

static int expire_all(cli *c, pz_engine *engine)
{
    pz_write write;
    pz_error err = PZ_ERROR_INIT;
    progress shown;
    pz_store_outcome outcome = {.size = sizeof outcome};
    const int code = cli_write(c, &write);
    if (code != EXIT_DONE)
        return code;
    progress_begin(&shown, "profiles");
    const pz_store_watch watch = {PZ_STORE_WATCH, .progress = show_progress, .fault = tell_fault,
                                  .payload = &shown};
    const pz_status status = pz_expire_all(engine, &write, &watch, &outcome, &err);
    progress_end(&shown);
    if (status == PZ_OK || outcome.rewritten > 0)
        printf(c->json ? "{\"profiles\":%" PRIu64 ",\"rewritten\":%" PRIu64 "}\n"
                       : "%" PRIu64 " profiles, %" PRIu64 " of them rewritten\n",
               outcome.profiles, outcome.rewritten);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    return outcome.left_out ? EXIT_PARTLY : EXIT_DONE;
}

/* How far ahead of the clock an imported time may lie, as the library's own default. */
#define SKEW_MS (INT64_C(5) * 60 * 1000)

static bool is_ahead(pz_value map, const char *name, int64_t limit_ms)
{
    const pz_str text = pz_value_text(pz_value_get(map, name, strlen(name), NULL));
    int64_t ms;
    return text.len && pz__rfc3339_parse_ms(text.data, text.len, &ms) && ms > limit_ms;
}

/*
 * An operation that says when it happened is taken as if told at that moment, which is right for
 * the past and would let one line from the future push the store's stamps there for good.
 */
static bool is_from_the_future(pz_value operation, const pz_write *defaults)
{
    struct timespec clock;
    clock_gettime(CLOCK_REALTIME, &clock);
    const int64_t now_ms = defaults->now_ms
                               ? defaults->now_ms
                               : (int64_t)clock.tv_sec * 1000 + clock.tv_nsec / 1000000;
    for (uint32_t i = 1; operation.kind == PZ_LIST && i < operation.len; i++) {
        const pz_value item = pz_value_item(operation, i);
        if (item.kind == PZ_MAP &&
            (is_ahead(item, "at", now_ms + SKEW_MS) || is_ahead(item, "now", now_ms + SKEW_MS) ||
             is_ahead(item, "time", now_ms + SKEW_MS)))
            return true;
    }
    return false;
}

/* Operations from JSON Lines: [customer, operation]. */
static pz_status apply_line(pz_engine *engine, pz_pool *pool, const char *line, size_t len,
                            const pz_write *defaults, pz_error *err)
{
    pz_value pair;
    pz_status status = pz_value_parse(pool, &pair, line, len, PZ_JSON_REFUSE_DUPLICATES, err);
    if (status != PZ_OK)
        return status;
    const pz_value customer = pz_value_item(pair, 0);
    if (pair.kind != PZ_LIST || pair.len != 2 || customer.kind != PZ_STRING ||
        memchr(customer.as.text, '\0', customer.len)) {
        snprintf(err->message, sizeof err->message,
                 "a line is written [\"CUSTOMER\", [verb, argument, ...]]");
        return PZ_ERR_TYPE;
    }
    if (is_from_the_future(pz_value_item(pair, 1), defaults)) {
        snprintf(err->message, sizeof err->message,
                 "the claimed time lies beyond now and the allowed skew");
        return PZ_ERR_TIME;
    }
    pz_value name;
    pz_profile *profile;
    status = pz_pool_string(pool, &name, customer.as.text, customer.len);
    if (status == PZ_OK)
        status = cli_find_customer(engine, name.as.text, &profile, err);
    if (status != PZ_OK)
        return status;
    status = pz_profile_apply(profile, pz_value_item(pair, 1), defaults, err);
    pz_profile_free(profile);
    return status;
}

/* Apply every line; a line that is refused is told and the others go on. A store that fails does
 * not fail for one line only. */
static int apply_lines(cli *c, pz_engine *engine, pz_pool *pool, line_reader *reader,
                       const pz_write *defaults)
{
    const char *line;
    size_t len;
    unsigned long number = 0, applied = 0, refused = 0;
    int code = EXIT_DONE;
    while (code == EXIT_DONE && line_reader_next(reader, &line, &len)) {
        pz_error err = PZ_ERROR_INIT;
        number++;
        if (len == 0)
            continue;
        const pz_status status = apply_line(engine, pool, line, len, defaults, &err);
        const char *message = err.message[0] ? err.message : pz_status_text(status);
        pz_pool_reset(pool);
        if (status == PZ_OK) {
            applied++;
            continue;
        }
        if (err.column)
            cli_fail(0, "%s:%lu:%u: %s", c->words[1], number, err.column, message);
        else
            cli_fail(0, "%s:%lu: %s", c->words[1], number, message);
        if (cli_exit_code(status) == EXIT_SYSTEM)
            code = EXIT_SYSTEM;
        else
            refused++;
    }
    printf(c->json ? "{\"applied\":%lu,\"refused\":%lu}\n"
                   : "%lu operations applied, %lu refused\n",
           applied, refused);
    return code == EXIT_DONE && refused ? EXIT_PARTLY : code;
}

static int apply(cli *c, pz_engine *engine)
{
    pz_write write;
    line_reader *reader;
    pz_pool *pool;
    int code = cli_write(c, &write);
    if (code == EXIT_DONE)
        code = line_reader_open(&reader, c->words[1]);
    if (code != EXIT_DONE)
        return code;
    if (pz_pool_new(&pool, NULL) == PZ_OK)
        code = apply_lines(c, engine, pool, reader, &write);
    else
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    pz_pool_free(pool);
    const int closed = line_reader_close(reader);
    if (closed == EXIT_FAILED) /* broken off: the lines before it are applied */
        return EXIT_PARTLY;
    return code == EXIT_DONE || closed == EXIT_SYSTEM ? closed : code;
}

typedef struct action {
    const char *name;
    int words;
    bool writes;
    const char *usage;
    int (*run)(cli *c, pz_engine *engine, pz_profile *profile); /* about one customer, or NULL */
    int (*run_all)(cli *c, pz_engine *engine);                  /* about the store, or NULL */
} action;

static const action actions[] = {
    {"get", 3, false, "get CUSTOMER ATTRIBUTE", get, NULL},
    {"choose", 4, true, "choose CUSTOMER ATTRIBUTE VALUE", say, NULL},
    {"reject", 4, true, "reject CUSTOMER ATTRIBUTE VALUE", say, NULL},
    {"clear", 3, true, "clear CUSTOMER ATTRIBUTE", say, NULL},
    {"edit", 5, true, "edit CUSTOMER ATTRIBUTE ITEM (hide | show | unplace | PLACE)", say, NULL},
    {"set_mode", 4, true, "set_mode CUSTOMER ATTRIBUTE (AUTO | MANUAL | OFF)", say, NULL},
    {"set_level", 3, true, "set_level CUSTOMER LEVEL", say, NULL},
    {"undo", 3, true, "undo CUSTOMER (ATTRIBUTE | '*')", say, NULL},
    {"declare", 4, true, "declare CUSTOMER ATTRIBUTE VALUE", say, NULL},
    {"identify", 4, true, "identify CUSTOMER KIND IDENTIFIER", say, NULL},
    {"consent", 4, true, "consent CUSTOMER PURPOSE (grant | deny)", say, NULL},
    {"consent_tcf", 3, true, "consent_tcf CUSTOMER TC-STRING", say, NULL},
    {"forget", 3, true, "forget CUSTOMER (ATTRIBUTE | '*')", say, NULL},
    {"expire", 2, true, "expire (CUSTOMER | --all)", expire, expire_all},
    {"retract", 4, true, "retract CUSTOMER SOURCE ID", say, NULL},
    {"link", 3, true, "link CUSTOMER PROFILE", say, NULL},
    {"unlink", 3, true, "unlink CUSTOMER PROFILE", say, NULL},
    {"switch", 3, true, "switch CUSTOMER PROFILE", say, NULL},
    {"set_account", 3, true, "set_account CUSTOMER PROFILE", say, NULL},
    {"export", 2, false, "export [--text] (CUSTOMER | --all) [-o FILE] [--gzip]", cli_export,
     cli_export_all},
    {"person", 2, false, "person CUSTOMER", person, NULL},
    {"erase", 2, true, "erase [--alone] CUSTOMER", erase, NULL},
    {"apply", 2, true, "apply FILE", NULL, apply},
    {"dump", 2, false, "dump CUSTOMER -o FILE", cli_dump, NULL},
};

static const action *find_action(const cli *c)
{
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++)
        if (strcmp(actions[i].name, c->words[0]) == 0)
            return &actions[i];
    return NULL;
}

static int unknown_action(const cli *c)
{
    pz_str names[sizeof actions / sizeof actions[0]];
    const size_t count = sizeof actions / sizeof actions[0];
    for (size_t i = 0; i < count; i++)
        names[i] = pz_str_of(actions[i].name);
    const pz_str near = pz__nearest(pz_str_of(c->words[0]), names, count);
    if (near.data)
        return cli_fail(EXIT_USAGE, "profile has no '%s'; did you mean '%.*s'?", c->words[0],
                        PZ__STR_ARG(near));
    return cli_fail(EXIT_USAGE, "profile has no '%s'; see `personalize profile --help`",
                    c->words[0]);
}

static int run(cli *c)
{
    int files_code;
    if (cli_files(c, &files_code))
        return files_code;
    const action *chosen = find_action(c);
    if (!chosen)
        return unknown_action(c);
    const bool is_export = chosen->run == cli_export;
    if ((c->alone && chosen->run != erase) || ((c->text || c->gzip) && !is_export) ||
        (c->output && !is_export && chosen->run != cli_dump))
        return cli_fail(EXIT_USAGE, "usage: personalize profile %s", chosen->usage);
    const bool for_all = c->all && chosen->run && chosen->run_all;
    if ((c->all && !for_all) || c->word_count != chosen->words - (for_all ? 1 : 0))
        return cli_fail(EXIT_USAGE, "usage: personalize profile %s", chosen->usage);
    pz_engine *engine;
    int code = cli_engine(c, &engine, chosen->writes);
    if (code != EXIT_DONE)
        return code;
    pz_profile *profile = NULL;
    if (!chosen->run || for_all)
        code = chosen->run_all(c, engine);
    else if ((code = cli_customer(engine, c->words[1], &profile)) == EXIT_DONE)
        code = chosen->run(c, engine, profile);
    pz_profile_free(profile);
    pz_engine_close(engine);
    return code;
}

const subcommand command_profile = {
    .name = "profile",
    .arguments = "ACTION -c CATALOG -s STORE [options] ...",
    .summary = "read and write what one customer chose",
    .options = "catalog store now at expires channel who context json text lazy all alone output "
               "gzip",
    .least_words = 1,
    .most_words = -1,
    .help =
        "  get CUSTOMER ATTRIBUTE             the answer, as `resolve`\n"
        "  choose CUSTOMER ATTRIBUTE VALUE    the customer's own choice\n"
        "  reject CUSTOMER ATTRIBUTE VALUE    not this value\n"
        "  clear CUSTOMER ATTRIBUTE           take the choice back\n"
        "  edit CUSTOMER ATTRIBUTE ITEM WHAT  arrange an item of a layout: hide, show, unplace,\n"
        "                                     {\"pin\": 0}, {\"after\": \"ITEM\"}\n"
        "  set_mode CUSTOMER ATTRIBUTE MODE   AUTO, MANUAL or OFF\n"
        "  set_level CUSTOMER LEVEL           basic, demographic, self-service or deep\n"
        "  undo CUSTOMER (ATTRIBUTE | '*')    put back what the last of these found\n"
        "  declare CUSTOMER ATTRIBUTE VALUE   a recorded fact\n"
        "  identify CUSTOMER KIND IDENTIFIER  another identifier of the customer\n"
        "  consent CUSTOMER PURPOSE WORD      grant or deny\n"
        "  consent_tcf CUSTOMER TC-STRING     consents from a string of the IAB framework\n"
        "  forget CUSTOMER (ATTRIBUTE | '*')  what was said, recorded and gathered\n"
        "  expire (CUSTOMER | --all)          drop what the catalog's retention has ended\n"
        "  retract CUSTOMER SOURCE ID         that event never happened\n"
        "  link|unlink|switch CUSTOMER PROFILE, set_account CUSTOMER PROFILE\n"
        "  export [--text] CUSTOMER           everything known, with its provenance\n"
        "  export --all [--gzip] [-o FILE]    the same of everybody, as JSON Lines\n"
        "  person CUSTOMER                    the profiles seen as one person, and why\n"
        "  erase [--alone] CUSTOMER           erase the person (or this profile alone)\n"
        "  apply FILE                         lines of [\"CUSTOMER\", [verb, ...]]\n"
        "  dump CUSTOMER -o FILE              the profile's bytes, as replicas exchange them\n"
        "  diff A B                           what only one of two files of bytes says\n"
        "  merge A B -o C                     join two replicas\n"
        "  verify FILE...                     read every octet, say which file is damaged\n"
        "\nCUSTOMER is an identifier (17850, email:ann@example.com) or id:PROFILE. VALUE is JSON;\n"
        "what is not JSON is taken as text.",
    .run = run,
};
