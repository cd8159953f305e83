/*
 * cli.h: what the subcommands of `personalize` share.
 *
 * The command is a user of the library like any other: it calls the public API, and besides that
 * only what base has for times, near names and compressed files, and the JSON reader for its places.
 */
#ifndef PZ_TOOLS_CLI_H
#define PZ_TOOLS_CLI_H

#include <personalize.h>
#include <stdio.h>

/* How a run ends. The numbers are documented by `personalize --help` and do not change. */
enum {
    EXIT_DONE = 0,    /* everything asked for was done */
    EXIT_USAGE = 1,   /* the command line was wrong; nothing was done */
    EXIT_FAILED = 2,  /* the operation failed; nothing was changed */
    EXIT_PARTLY = 3,  /* some lines were refused, the others were applied */
    EXIT_CATALOG = 4, /* the catalog has mistakes, or its tests failed */
    EXIT_SYSTEM = 5   /* store or system failed; what was acknowledged is safe */
};

/* Options of all subcommands; each takes those that its table names. */
typedef struct cli {
    const char *command;     /* "observe" */
    const char *catalog;     /* -c, --catalog */
    const char *store;       /* -s, --store */
    const char *now;         /* --now: RFC 3339 */
    const char *at;          /* --at */
    const char *expires;     /* --expires */
    const char *channel;     /* --channel */
    const char *who;         /* --who */
    const char *account;     /* --account */
    const char *level;       /* --level */
    const char *output;      /* -o, --output */
    const char *batch;       /* --batch: lines in one transaction */
    const char *mapping;     /* --mapping */
    const char *rejects;     /* --rejects */
    const char *format;      /* --format: csv or jsonl */
    const char *context[64]; /* --context NAME=VALUE, repeated */
    int context_count;
    bool json;   /* --json */
    bool text;   /* --text */
    bool all;    /* --all */
    bool alone;  /* --alone */
    bool gzip;   /* --gzip */
    bool ack;    /* --ack */
    bool replay; /* --replay */
    bool lazy;   /* --lazy */
    bool afresh; /* --afresh */
    bool keep_going; /* --keep-going */
    bool help;
    const char **words; /* what is not an option */
    int word_count;
    bool colour; /* standard error is a terminal and NO_COLOR is not set */
} cli;

/* One subcommand. */
typedef struct subcommand {
    const char *name;
    const char *arguments;       /* as in the usage line */
    const char *summary;         /* one line */
    const char *options;         /* names of the options it takes, separated by spaces */
    int least_words, most_words; /* most_words < 0: any number */
    bool writes;                 /* opens the store for writing */
    const char *help;            /* the paragraphs below the usage line */
    int (*run)(cli *c);
} subcommand;

extern const subcommand command_check, command_observe, command_profile, command_resolve,
    command_inspect, command_decide, command_explain, command_segments, command_records,
    command_eval, command_store, command_import, command_export;

/* args.c: read the command line. EXIT_USAGE after saying what is wrong. */
int cli_parse(cli *c, const subcommand *commands, int argc, char **argv, const subcommand **out);
void cli_usage(FILE *out, const subcommand *commands);
void cli_help(FILE *out, const subcommand *command);

/* address.c: the address of a store may hold a password. */
#define CLI_ADDRESS_MAX 4096u
/* What a text has of users and passwords is overwritten. */
void cli_hide(char *text);
/* The same in the words of the command, as the system shows them; argv leads to *copies, which are
 * to be freed, from then on. */
int cli_hide_words(int argc, char **argv, char **copies);
/* "@FILE" becomes the first line of the file, in the room; what is none stays. */
int cli_address(const char **address, char room[CLI_ADDRESS_MAX]);

/* Print a text that may be a stranger's: control characters, and octets that are no text, as numbers. */
void cli_put(FILE *out, const char *text, size_t len);
/* Print "personalize: message" to standard error and return `code`. */
int cli_fail(int code, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* The exit code that belongs to a status. */
int cli_exit_code(pz_status status);
/* The same; prints the error. */
int cli_fail_status(pz_status status, const pz_error *err);
/* A time option; false after saying what is wrong. Absent: *ms is 0. */
bool cli_time(const char *option, const char *text, int64_t *ms);

/* session.c: engine, customer and context as the options say. Each returns an exit code. */
int cli_engine(cli *c, pz_engine **out, bool for_writing);
/* The module that the store of an address is in; NULL for those that need none (module.c). */
int cli_module(const char *address, const struct pz_store_module **out);
/* "17850" is the identifier of kind "customer"; "email:ann@example.com" names the kind; "id:…" is a
 * profile id. */
pz_status cli_find_customer(pz_engine *engine, const char *name, pz_profile **out, pz_error *err);
/* The same; prints the error and returns an exit code. */
int cli_customer(pz_engine *engine, const char *name, pz_profile **out);
/* `account`: what cli_account() gave. */
int cli_context(cli *c, pz_engine *engine, const pz_profile *account, pz_context **out);
/* The profile that --account names; NULL without the option. */
int cli_account(const cli *c, pz_engine *engine, pz_profile **out);
int cli_write(cli *c, pz_write *out);
/* A value as typed: JSON, and what is not JSON is text. */
int cli_value(pz_pool *pool, const char *text, pz_value *out);
/* Print a value as one line of JSON, or as bare text if it is a string and --json is off. */
int cli_print(const cli *c, pz_value value);
int cli_print_json(pz_value value, uint32_t indent);

/* cmd_files.c: the actions of `profile` about files; false if words[0] is none of them. */
bool cli_files(cli *c, int *code);
int cli_dump(cli *c, pz_engine *engine, pz_profile *profile);

/* cmd_export.c: one customer, and everybody. */
int cli_export(cli *c, pz_engine *engine, pz_profile *profile);
int cli_export_all(cli *c, pz_engine *engine);

/* output.c: bytes for a file, or for standard output (path NULL or "-"), plain or compressed by gzip. */
typedef struct output output;
/* EXIT_DONE, or the exit code of what went wrong (said on standard error). */
int output_open(output **out, const char *path, bool is_gzip);
/* PZ_ERR_IO if it cannot be written, which output_close says and output_has_failed knows. */
pz_status output_write(output *o, const void *data, size_t len);
bool output_has_failed(const output *o);
/* End it. Unless `code` is EXIT_DONE and everything was written, no file is left or replaced.
 * Returns `code`, or EXIT_SYSTEM after saying why it was not written. */
int output_close(output *o, int code);

/* lines.c: lines of a file, of standard input ("-"), plain or compressed by gzip. */
typedef struct line_reader line_reader;
int line_reader_open(line_reader **out, const char *path);
/* The next line without its end; false at the end or on failure. Borrowed until the next call. */
bool line_reader_next(line_reader *reader, const char **line, size_t *len);
/* True if the next line may have to be waited for. */
bool line_reader_would_wait(line_reader *reader);
/* EXIT_DONE, or the exit code of what went wrong (said on standard error). */
int line_reader_close(line_reader *reader);
/* How far the reader is, 0 to 1; below 0 if that cannot be known. */
double line_reader_share(const line_reader *reader);

/* progress.c: "12,345 events, 45,678/s, 3 s left" when work is long: a line that is rewritten on a
 * terminal; elsewhere, where the caller sets `has_lines`, a line every few seconds. */
typedef struct progress {
    const char *what;
    double started; /* seconds; monotonic */
    double shown;
    bool is_terminal;
    bool has_lines;
    bool was_shown;
} progress;
void progress_begin(progress *p, const char *what);
void progress_step(progress *p, uint64_t done, double share);
void progress_end(progress *p);

#endif
