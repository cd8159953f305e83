/*
 * cmd_store.c: `personalize store`: what is in a store, whether it is sound, copies of it.
 *
 * Everything is done by <personalize/store.h>; here are words, progress and exit statuses. Faults
 * are told one by one on standard output, so that a list of them can be kept, and counted at the
 * end on standard error.
 */
#include "cli.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/str.h"

typedef struct work {
    cli *c;
    progress progress;
    pz_store_outcome outcome;
    pz_error err;
} work;

/* ---- telling ---- */

static pz_status show_progress(void *payload, const pz_store_progress *now)
{
    work *w = payload;
    const double share = now->total ? (double)now->done / (double)now->total : 0.0;
    progress_step(&w->progress, now->done, share);
    return PZ_OK;
}

static const char *const kinds[] = {
    [PZ_FAULT_DAMAGED] = "damaged",     [PZ_FAULT_VERSION] = "version",
    [PZ_FAULT_MISPLACED] = "misplaced", [PZ_FAULT_UNFINDABLE] = "unfindable",
    [PZ_FAULT_DANGLING] = "dangling",   [PZ_FAULT_STRAY] = "stray",
    [PZ_FAULT_STREAM] = "stream",       [PZ_FAULT_ENTRY] = "entry",
    [PZ_FAULT_REFUSED] = "refused",     [PZ_FAULT_MARK] = "mark",
};

static const char *kind_name(pz_fault_kind kind)
{
    const size_t i = (size_t)kind;
    return i < sizeof kinds / sizeof kinds[0] && kinds[i] ? kinds[i] : "other";
}

/* A member of a line of JSON; bytes that are no text as they may be written. */
static pz_value text_value(pz_pool *pool, pz_str text)
{
    pz_value made;
    if (pz_pool_string(pool, &made, text.data ? text.data : "", text.len) == PZ_OK)
        return made;
    return pz_value_bytes(text.data, text.len);
}

static pz_status tell_as_json(const pz_store_fault *fault)
{
    pz_pool *pool;
    pz_str line;
    if (pz_pool_new(&pool, NULL) != PZ_OK)
        return PZ_ERR_NOMEM;
    const pz_entry members[] = {
        {pz_value_str("kind"), pz_value_str(kind_name(fault->kind))},
        {pz_value_str("key"), text_value(pool, fault->key)},
        {pz_value_str("identifier"), text_value(pool, fault->identifier)},
        {pz_value_str("message"), text_value(pool, pz_str_of(fault->message))},
    };
    pz_value map;
    pz_status status = pz_pool_map(pool, &map, members, sizeof members / sizeof members[0]);
    if (status == PZ_OK)
        status = pz_value_print(pool, &line, map, 0);
    if (status == PZ_OK)
        printf("%.*s\n", PZ__STR_ARG(line));
    pz_pool_free(pool);
    return status;
}

static pz_status tell_fault(void *payload, const pz_store_fault *fault)
{
    work *w = payload;
    progress_end(&w->progress);
    if (w->c->json)
        return tell_as_json(fault);
    printf("%s: ", kind_name(fault->kind));
    cli_put(stdout, fault->message, strlen(fault->message));
    putchar('\n');
    return PZ_OK;
}

static pz_store_watch watch_of(work *w, const char *what, bool tells_faults)
{
    w->outcome.size = (uint32_t)sizeof w->outcome;
    w->err = (pz_error)PZ_ERROR_INIT;
    progress_begin(&w->progress, what);
    w->progress.has_lines = true;
    return (pz_store_watch){
        PZ_STORE_WATCH,
        .flags = w->c->afresh ? PZ_STORE_AFRESH : 0u,
        .progress = show_progress,
        .fault = tells_faults ? tell_fault : NULL,
        .payload = w,
    };
}

/* ---- opening ---- */

static int options_for(const char *address, uint32_t flags, pz_store_options *out)
{
    *out = (pz_store_options){PZ_STORE_OPTIONS, .flags = flags};
    return cli_module(address, &out->module);
}

static int open_one(const cli *c, const char *address, bool for_writing, pz_store **out)
{
    pz_store_options options;
    pz_error err = PZ_ERROR_INIT;
    *out = NULL;
    if (strcmp(address, "memory:") == 0)
        return cli_fail(EXIT_FAILED, "a store in memory lives in a process only, and this one has "
                                     "just begun; in a program, pz_engine_store() gives it");
    const uint32_t flags = (for_writing ? 0u : PZ_STORE_READ_ONLY) | (c->lazy ? PZ_STORE_LAZY : 0u);
    const int code = options_for(address, flags, &options);
    if (code != EXIT_DONE)
        return code;
    const pz_status status = pz_store_open(out, address, &options, &err);
    return status == PZ_OK ? EXIT_DONE : cli_fail_status(status, &err);
}

/* ---- the actions ---- */

static void print_number(const cli *c, const char *name, uint64_t number, const char *unit)
{
    if (c->json)
        printf(",\"%s\":%" PRIu64, name, number);
    else
        printf("%-16s %" PRIu64 "%s\n", name, number, unit);
}

static int info(cli *c, const char *const *addresses)
{
    pz_store *store;
    pz_error err = PZ_ERROR_INIT;
    pz_store_info i = {.size = sizeof i};
    const int code = open_one(c, addresses[0], false, &store);
    if (code != EXIT_DONE)
        return code;
    const pz_status status = pz_store_info_read(store, &i, &err);
    pz_store_close(store);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    if (c->json)
        printf("{\"backend\":\"%s\",\"writer\":\"%s\"", i.backend, i.writer);
    else
        printf("%-16s %s\n%-16s %s\n", "backend", i.backend, "writer", i.writer);
    print_number(c, "format", i.format, "");
    print_number(c, "profiles", i.profiles, "");
    print_number(c, "bytes", i.bytes, " bytes of profiles");
    print_number(c, "longest", i.longest, " bytes");
    print_number(c, "identifiers", i.identifiers, "");
    print_number(c, "links", i.links, "");
    print_number(c, "remembered", i.remembered, " erased subjects and identifiers");
    print_number(c, "streams", i.streams, "");
    print_number(c, "entries", i.entries, " of streams");
    if (i.file_bytes) {
        print_number(c, "file", i.file_bytes, " bytes");
        print_number(c, "free", i.free_bytes, " bytes of it free");
        print_number(c, "map", i.map_bytes, " bytes of address space");
        print_number(c, "readers", i.readers, "");
        print_number(c, "readers_max", i.readers_max, "");
    }
    if (c->json)
        puts("}");
    return EXIT_DONE;
}

static int verify(cli *c, const char *const *addresses)
{
    pz_store *store;
    work w = {.c = c};
    const int code = open_one(c, addresses[0], false, &store);
    if (code != EXIT_DONE)
        return code;
    const pz_store_watch watch = watch_of(&w, "profiles looked at", true);
    const pz_status status = pz_store_verify(store, &watch, &w.outcome, &w.err);
    progress_end(&w.progress);
    pz_store_close(store);
    if (status != PZ_OK && !(status == PZ_ERR_CORRUPT && w.outcome.faults > 0))
        return cli_fail_status(status, &w.err);
    fprintf(stderr, "%" PRIu64 " profiles and %" PRIu64 " entries: ", w.outcome.profiles,
            w.outcome.entries);
    if (w.outcome.faults == 0)
        fputs("sound\n", stderr);
    else
        fprintf(stderr, "%" PRIu64 " faults\n", w.outcome.faults);
    return w.outcome.faults ? EXIT_FAILED : EXIT_DONE;
}

/* What a copy came to; the exit status that belongs to it. */
static int tell_copy(work *w, pz_status status)
{
    const pz_store_outcome *o = &w->outcome;
    progress_end(&w->progress);
    if (status != PZ_OK)
        return cli_fail_status(status, &w->err);
    if (o->is_whole)
        fprintf(stderr, "%" PRIu64 " profiles, one snapshot\n", o->profiles);
    else
        fprintf(stderr,
                "%s%" PRIu64 " profiles: %" PRIu64 " added, %" PRIu64 " joined, %" PRIu64
                " as they were, %" PRIu64 " erased there, %" PRIu64 " left out; %" PRIu64
                " entries of streams\n",
                o->is_resumed ? "went on: " : "", o->profiles, o->added, o->joined, o->unchanged,
                o->erased, o->left_out, o->entries);
    return o->left_out ? EXIT_PARTLY : EXIT_DONE;
}

static int copy(cli *c, const char *const *addresses)
{
    pz_store *from, *to = NULL;
    work w = {.c = c};
    int code = open_one(c, addresses[0], false, &from);
    if (code == EXIT_DONE)
        code = open_one(c, addresses[1], true, &to);
    if (code == EXIT_DONE) {
        const pz_store_watch watch = watch_of(&w, "profiles copied", c->keep_going);
        code = tell_copy(&w, pz_store_copy(from, to, &watch, &w.outcome, &w.err));
    }
    pz_store_close(to);
    pz_store_close(from);
    return code;
}

typedef pz_status (*make_fn)(pz_store *from, const char *address, const pz_store_options *options,
                             const pz_store_watch *watch, pz_store_outcome *outcome, pz_error *err);

static int make(cli *c, const char *const *addresses, make_fn fn)
{
    pz_store *from;
    pz_store_options options;
    work w = {.c = c};
    int code = open_one(c, addresses[0], false, &from);
    if (code == EXIT_DONE)
        code = options_for(addresses[1], c->lazy ? PZ_STORE_LAZY : 0u, &options);
    if (code == EXIT_DONE) {
        const pz_store_watch watch = watch_of(&w, "profiles copied", c->keep_going);
        code = tell_copy(&w, fn(from, addresses[1], &options, &watch, &w.outcome, &w.err));
    }
    pz_store_close(from);
    return code;
}

static int backup(cli *c, const char *const *addresses)
{
    return make(c, addresses, pz_store_backup);
}

static int restore(cli *c, const char *const *addresses)
{
    return make(c, addresses, pz_store_restore);
}

static int compact(cli *c, const char *const *addresses)
{
    pz_store *store;
    work w = {.c = c};
    /* Opening for writing makes a store, and a misspelt address would be made and found compact. */
    int code = open_one(c, addresses[0], false, &store);
    pz_store_close(store);
    if (code == EXIT_DONE)
        code = open_one(c, addresses[0], true, &store);
    if (code != EXIT_DONE)
        return code;
    const pz_store_watch watch = watch_of(&w, "profiles rewritten", true);
    const pz_status status = pz_store_compact(store, &watch, &w.outcome, &w.err);
    progress_end(&w.progress);
    pz_store_close(store);
    const bool has_files = strncmp(addresses[0], "lmdb:", 5) == 0;
    if (status == PZ_OK || w.outcome.rewritten > 0)
        fprintf(stderr,
                "%" PRIu64 " profiles, %" PRIu64 " of them rewritten; %" PRIu64
                " bytes before, %" PRIu64 " after%s\n",
                w.outcome.profiles, w.outcome.rewritten, w.outcome.bytes_before,
                w.outcome.bytes_after, has_files ? "" : "; there are no files to shrink");
    if (status != PZ_OK)
        return cli_fail_status(status, &w.err);
    return w.outcome.left_out ? EXIT_PARTLY : EXIT_DONE;
}

static const struct {
    const char *name;
    int addresses;
    const char *usage;
    int (*run)(cli *c, const char *const *addresses);
} actions[] = {
    {"info", 1, "info STORE", info},
    {"verify", 1, "verify STORE", verify},
    {"backup", 2, "backup STORE PLACE", backup},
    {"restore", 2, "restore BACKUP PLACE", restore},
    {"copy", 2, "copy FROM TO", copy},
    {"compact", 1, "compact STORE", compact},
};
#define ACTION_COUNT (sizeof actions / sizeof actions[0])

static int unknown_action(const char *name)
{
    pz_str names[ACTION_COUNT];
    for (size_t i = 0; i < ACTION_COUNT; i++)
        names[i] = pz_str_of(actions[i].name);
    const pz_str near = pz__nearest(pz_str_of(name), names, ACTION_COUNT);
    if (near.data)
        return cli_fail(EXIT_USAGE, "store has no action '%s'; did you mean '%.*s'?", name,
                        PZ__STR_ARG(near));
    return cli_fail(EXIT_USAGE, "store has no action '%s'; see `personalize store --help`", name);
}

static int run(cli *c)
{
    for (size_t i = 0; i < ACTION_COUNT; i++) {
        if (strcmp(c->words[0], actions[i].name) != 0)
            continue;
        /* The first address may be given as other commands take theirs. */
        const char *addresses[2] = {c->store, NULL};
        const int given = c->store ? 1 : 0;
        if (given + c->word_count - 1 != actions[i].addresses)
            return cli_fail(EXIT_USAGE, "usage: personalize store %s", actions[i].usage);
        char rooms[2][CLI_ADDRESS_MAX];
        int code = EXIT_DONE;
        for (int word = 1; word < c->word_count && code == EXIT_DONE; word++) {
            addresses[given + word - 1] = c->words[word];
            code = cli_address(&addresses[given + word - 1], rooms[word - 1]);
        }
        return code == EXIT_DONE ? actions[i].run(c, addresses) : code;
    }
    return unknown_action(c->words[0]);
}

const subcommand command_store = {
    .name = "store",
    .arguments = "ACTION ADDRESS [ADDRESS] [options]",
    .summary = "look after a store: info, verify, backup, restore, copy, compact",
    .options = "store json lazy afresh keep-going",
    .least_words = 1,
    .most_words = 3,
    .help =
        "  info STORE              what is in it, and how large it is\n"
        "  verify STORE            look at everything and tell what is wrong; changes nothing\n"
        "  backup STORE PLACE      a copy where no store is, consistent while others write\n"
        "  restore BACKUP PLACE    a store out of a backup, where none is\n"
        "  copy FROM TO            all of one store into another; both may be in use\n"
        "  compact STORE           drop what was erased, then shrink the file of an lmdb: store\n"
        "\nAn ADDRESS is lmdb:DIRECTORY or redis://HOST:PORT; @FILE is the one in the first line "
        "of a\n"
        "file, where a password is better kept than in a command. `copy` joins the profiles that\n"
        "both stores have, so that nothing is lost; one that was interrupted goes on where it "
        "was.\n"
        "A backup and a restored store write under an id of their own. Faults are printed one a\n"
        "line; status 2 says that there are some, 3 that a copy left some profiles out.",
    .run = run,
};
