/*
 * cmd_observe.c: `personalize observe`: JSON Lines of events into a store.
 *
 * Lines are gathered into batches, each one transaction: when a batch has been committed its events
 * are durable, and with --ack their line numbers are printed. A batch ends when it is full, and
 * when the next line would have to be waited for. A line that is refused is reported with its
 * number and the others go on; a run that is killed has applied the first so many lines and no part
 * of a line.
 */
#include "cli.h"

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define BATCH_DEFAULT 1000u

/* A line of the batch: an event, or why it is none. Both are told when the batch is done, so that
 * refusals come in the order of the lines. */
typedef struct batch_line {
    uint64_t number;
    uint32_t column;
    const char *message; /* NULL: the line is the next of `events` */
} batch_line;

typedef struct ingest {
    cli *c;
    pz_engine *engine;
    pz_pool *pool; /* the values and messages of the batch */
    batch_line *lines;
    size_t line_count;
    pz_value *events;
    pz_observed *results;
    size_t count, cap;
    const char *path;
    uint64_t line;                          /* in the file */
    double size_total, size_done, size_now; /* bytes of all files, of those before, of this one */
    uint64_t applied, repeated, refused, undeclared;
    int64_t now_ms;
    progress progress;
    bool is_damaged; /* a line was refused because of what the store has of its customer */
} ingest;

static void refuse(ingest *in, uint64_t line, uint32_t column, const char *message)
{
    in->refused++;
    progress_end(&in->progress);
    if (column)
        cli_fail(0, "%s:%llu:%u: %s", in->path, (unsigned long long)line, column, message);
    else
        cli_fail(0, "%s:%llu: %s", in->path, (unsigned long long)line, message);
}

/* An event that was taken, though not as its sender may think: the first is shown, the others
 * counted. */
static void note(ingest *in, uint64_t line, const char *message)
{
    if (in->undeclared++ > 0)
        return;
    progress_end(&in->progress);
    cli_fail(0, "%s:%llu: %s", in->path, (unsigned long long)line, message);
}

static void tell(ingest *in)
{
    size_t event = 0;
    for (size_t i = 0; i < in->line_count; i++) {
        const batch_line *line = &in->lines[i];
        if (line->message) {
            refuse(in, line->number, line->column, line->message);
            continue;
        }
        const pz_observed *result = &in->results[event++];
        in->is_damaged |= cli_exit_code(result->status) == EXIT_SYSTEM;
        if (result->status != PZ_OK)
            refuse(in, line->number, 0, result->message);
        else
            ++*(result->is_new ? &in->applied : &in->repeated);
        if (result->status == PZ_OK && result->message[0])
            note(in, line->number, result->message);
        if (in->c->ack && result->status == PZ_OK)
            printf("%llu\n", (unsigned long long)line->number);
    }
}

static int commit(ingest *in)
{
    if (in->line_count == 0)
        return EXIT_DONE;
    pz_error err = PZ_ERROR_INIT;
    for (size_t i = 0; i < in->count; i++)
        in->results[i] = (pz_observed){.size = (uint32_t)sizeof in->results[i]};
    pz_status status = PZ_OK;
    if (in->count)
        status = pz_observe_many(in->engine, in->events, in->count, in->now_ms,
                                 in->c->replay ? PZ_OBSERVE_REPLAY : 0u, in->results, &err);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    tell(in);
    if (in->c->ack && fflush(stdout) != 0)
        return cli_fail(EXIT_SYSTEM, "cannot write the acknowledgement");
    in->count = 0;
    in->line_count = 0;
    pz_pool_reset(in->pool);
    return EXIT_DONE;
}

static bool is_blank(const char *line, size_t len)
{
    size_t i = 0;
    while (i < len && (line[i] == ' ' || line[i] == '\t'))
        i++;
    return i == len;
}

/* Read one line as an event, or note why it is none. */
static pz_status read_event(ingest *in, batch_line *noted, const char *line, size_t len)
{
    pz_error err = PZ_ERROR_INIT;
    pz_value text, message;
    /* The reader's buffer moves on before the batch is committed: the line is copied first. */
    pz_status status = pz_pool_string(in->pool, &text, line, len);
    if (status == PZ_ERR_PARSE) {
        noted->message = "the line is not valid UTF-8";
        return PZ_OK;
    }
    if (status == PZ_OK)
        status = pz_value_parse(in->pool, &in->events[in->count], text.as.text, len,
                                PZ_JSON_REFUSE_DUPLICATES, &err);
    if (status == PZ_OK) {
        in->count++;
        return PZ_OK;
    }
    if (status == PZ_ERR_NOMEM)
        return status;
    status = pz_pool_string(in->pool, &message, err.message, strlen(err.message) + 1);
    if (status == PZ_OK) {
        noted->message = message.as.text;
        noted->column = err.column;
    }
    return status;
}

static int take_line(ingest *in, const char *line, size_t len)
{
    in->line++;
    if (len == 0 || is_blank(line, len))
        return EXIT_DONE;
    batch_line *noted = &in->lines[in->line_count];
    *noted = (batch_line){.number = in->line};
    if (read_event(in, noted, line, len) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    return ++in->line_count == in->cap ? commit(in) : EXIT_DONE;
}

/* Bytes of a file; 0 for what has no size, such as a pipe. */
static double size_of(const char *path)
{
    struct stat about;
    const bool is_file = stat(path, &about) == 0 && S_ISREG(about.st_mode);
    return is_file ? (double)about.st_size : 0.0;
}

/* How far the input is, all files taken together; below 0 if that cannot be known. */
static double share_of_input(const ingest *in, const line_reader *reader)
{
    const double share = line_reader_share(reader);
    if (share < 0.0 || in->size_total <= 0.0)
        return -1.0;
    return (in->size_done + share * in->size_now) / in->size_total;
}

static int take_file(ingest *in, const char *path)
{
    line_reader *reader;
    int code = line_reader_open(&reader, path);
    if (code != EXIT_DONE)
        return code;
    in->path = path;
    in->line = 0;
    in->size_now = size_of(path);
    const char *line;
    size_t len;
    while (code == EXIT_DONE) {
        if (line_reader_would_wait(reader))
            code = commit(in);
        if (code != EXIT_DONE || !line_reader_next(reader, &line, &len))
            break;
        code = take_line(in, line, len);
        progress_step(&in->progress, in->applied + in->repeated, share_of_input(in, reader));
    }
    in->size_done += in->size_now;
    const int closed = line_reader_close(reader);
    /* What was read before a file broke off is applied all the same. */
    if (code == EXIT_DONE)
        code = commit(in);
    return code == EXIT_DONE ? closed : code;
}

static int open_ingest(ingest *in)
{
    in->cap = BATCH_DEFAULT;
    if (in->c->batch) {
        char *end;
        const unsigned long lines = strtoul(in->c->batch, &end, 10);
        if (*end || lines < 1 || lines > PZ_OBSERVE_MANY_MAX)
            return cli_fail(EXIT_USAGE, "--batch is a number from 1 to %u", PZ_OBSERVE_MANY_MAX);
        in->cap = lines;
    }
    if (!cli_time("now", in->c->now, &in->now_ms))
        return EXIT_USAGE;
    in->events = calloc(in->cap, sizeof *in->events);
    in->lines = calloc(in->cap, sizeof *in->lines);
    in->results = calloc(in->cap, sizeof *in->results);
    if (!in->events || !in->lines || !in->results || pz_pool_new(&in->pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    return cli_engine(in->c, &in->engine, true);
}

static void print_summary(const ingest *in)
{
    if (in->c->ack)
        return;
    if (in->c->json)
        printf("{\"applied\":%llu,\"repeated\":%llu,\"refused\":%llu,\"undeclared\":%llu}\n",
               (unsigned long long)in->applied, (unsigned long long)in->repeated,
               (unsigned long long)in->refused, (unsigned long long)in->undeclared);
    else
        printf("%llu events applied, %llu seen before, %llu refused\n",
               (unsigned long long)in->applied, (unsigned long long)in->repeated,
               (unsigned long long)in->refused);
    if (in->undeclared && !in->c->json)
        printf("%llu of them of kinds that the catalog does not declare\n",
               (unsigned long long)in->undeclared);
}

static int run(cli *c)
{
    ingest in = {.c = c};
    int code = open_ingest(&in);
    for (int i = 0; i < c->word_count; i++)
        in.size_total += size_of(c->words[i]);
    progress_begin(&in.progress, "events");
    for (int i = 0; i < c->word_count && code == EXIT_DONE; i++)
        code = take_file(&in, c->words[i]);
    progress_end(&in.progress);
    if (in.engine)
        print_summary(&in);
    pz_engine_close(in.engine);
    pz_pool_free(in.pool);
    free(in.events);
    free(in.lines);
    free(in.results);
    if (in.is_damaged)
        return EXIT_SYSTEM;
    if (code == EXIT_DONE)
        return in.refused ? EXIT_PARTLY : EXIT_DONE;
    /* A file that is missing or broken off does not undo the lines before it. */
    return code == EXIT_FAILED && in.applied ? EXIT_PARTLY : code;
}

const subcommand command_observe = {
    .name = "observe",
    .arguments = "-c CATALOG -s STORE [options] FILE...",
    .summary = "take events, one JSON object a line, into a store",
    .options = "catalog store now batch ack replay lazy json",
    .least_words = 1,
    .most_words = -1,
    .help =
        "Each line is an event: {\"kind\", \"source\", \"id\", \"time\", \"customer\", ...} or a\n"
        "CloudEvents document. FILE may be compressed by gzip; - is standard input. Lines that\n"
        "are refused are listed with their number and the others applied (status 3).",
    .run = run,
};
