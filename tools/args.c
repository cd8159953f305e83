/*
 * args.c: the command line, by tables.
 *
 * One table says which options there are and what they fill in; each command names those it takes.
 * A misspelt command or option is answered with the nearest right one. "--" ends the options.
 */
#include "cli.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/str.h"
#include "base/utf8.h"

typedef struct option_form {
    const char *name;     /* without dashes */
    char letter;          /* 0: none */
    const char *argument; /* NULL: a switch */
    const char *meaning;
    size_t offset; /* of the member of cli */
} option_form;

static const option_form options[] = {
    {"catalog", 'c', "FILE", "the catalog", offsetof(cli, catalog)},
    {"store", 's', "ADDRESS", "the store: lmdb:DIRECTORY, redis://HOST:PORT, @FILE",
     offsetof(cli, store)},
    {"now", 0, "TIME", "the moment, RFC 3339; else the clock", offsetof(cli, now)},
    {"at", 0, "TIME", "when it happened; else now", offsetof(cli, at)},
    {"expires", 0, "TIME", "until when it holds; else for ever", offsetof(cli, expires)},
    {"channel", 0, "NAME", "where it was said, or is asked", offsetof(cli, channel)},
    {"who", 0, "NAME", "who said it", offsetof(cli, who)},
    {"account", 0, "CUSTOMER", "the account the customer is asked about for",
     offsetof(cli, account)},
    {"level", 0, "LEVEL", "basic, demographic, self-service or deep, at most",
     offsetof(cli, level)},
    {"output", 'o', "FILE", "where the bytes go; - is standard output", offsetof(cli, output)},
    {"mapping", 0, "FILE", "what the columns of a table are", offsetof(cli, mapping)},
    {"rejects", 0, "FILE", "where rows go that do not fit", offsetof(cli, rejects)},
    {"format", 0, "FORMAT", "csv or jsonl; else what the mapping says", offsetof(cli, format)},
    {"batch", 0, "LINES", "lines in one transaction; else 1000", offsetof(cli, batch)},
    {"context", 0, "NAME=VALUE", "a circumstance; may be repeated", 0},
    {"json", 0, NULL, "output for programs", offsetof(cli, json)},
    {"text", 0, NULL, "sentences for the person it is about", offsetof(cli, text)},
    {"all", 0, NULL, "every customer of the store, as JSON Lines", offsetof(cli, all)},
    {"alone", 0, NULL, "one profile, not the whole person", offsetof(cli, alone)},
    {"gzip", 0, NULL, "the output compressed by gzip", offsetof(cli, gzip)},
    {"ack", 0, NULL, "print the number of each line once it is durable", offsetof(cli, ack)},
    {"replay", 0, NULL, "the events' own times are the clock", offsetof(cli, replay)},
    {"lazy", 0, NULL, "do not wait for the disk", offsetof(cli, lazy)},
    {"afresh", 0, NULL, "begin with the first, although an earlier run was interrupted",
     offsetof(cli, afresh)},
    {"keep-going", 0, NULL, "leave out what cannot be copied, and tell", offsetof(cli, keep_going)},
};
#define OPTION_COUNT (sizeof options / sizeof options[0])
#define COMMANDS_MAX 16u
/* Bytes of a message: two paths, and what it says. */
#define MESSAGE_MAX 16384u

/* What a message repeats may be a stranger's: nothing in it is an order to the terminal, and octets
 * that are no text are shown by their numbers. Line ends and tabs are the message's own. */
void cli_put(FILE *out, const char *text, size_t len)
{
    for (size_t i = 0, step; i < len; i += step) {
        const uint32_t point = pz__utf8_decode(text + i, len - i, &step);
        const bool is_control =
            (point < ' ' && point != '\n' && point != '\t') || (point >= 0x7f && point <= 0x9f);
        if (!pz__utf8_valid(text + i, step))
            step = 1;
        else if (!is_control) {
            fwrite(text + i, 1, step, out);
            continue;
        }
        for (size_t k = 0; k < step; k++)
            fprintf(out, "\\x%02x", (unsigned char)text[i + k]);
    }
}

int cli_fail(int code, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(message, sizeof message, format, args);
    va_end(args);
    fputs("personalize: ", stderr);
    if (len > 0) {
        cli_hide(message);
        cli_put(stderr, message, (size_t)len < sizeof message ? (size_t)len : sizeof message - 1);
    }
    fputc('\n', stderr);
    return code;
}

static bool takes(const subcommand *command, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = command->options; (at = strstr(at, name)); at += len)
        if ((at == command->options || at[-1] == ' ') && (at[len] == ' ' || at[len] == '\0'))
            return true;
    return false;
}

void cli_help(FILE *out, const subcommand *command)
{
    fprintf(out, "usage: personalize %s %s\n\n%s\n", command->name, command->arguments,
            command->help);
    if (command->options[0])
        fputs("\noptions:\n", out);
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        const option_form *o = &options[i];
        if (!takes(command, o->name))
            continue;
        char left[64];
        snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
                 o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name,
                 o->argument ? " " : "", o->argument ? o->argument : "");
        fprintf(out, "  %-28s %s\n", left, o->meaning);
    }
}

void cli_usage(FILE *out, const subcommand *commands)
{
    fputs("usage: personalize COMMAND ...\n\n", out);
    for (const subcommand *c = commands; c->name; c++)
        fprintf(out, "  %-10s %s\n", c->name, c->summary);
    fputs("\n`personalize COMMAND --help` says more.\n"
          "\nexit status: 0 done; 1 wrong usage; 2 failed, nothing changed; 3 some lines refused,\n"
          "the others applied; 4 the catalog has mistakes or its tests failed; 5 the store or the\n"
          "system failed.\n",
          out);
}

static const option_form *find_option(const char *word)
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        if (word[1] != '-' && options[i].letter == word[1] && !word[2])
            return &options[i];
        const size_t len = strlen(options[i].name);
        if (word[1] == '-' && strncmp(word + 2, options[i].name, len) == 0 &&
            (word[2 + len] == '\0' || word[2 + len] == '='))
            return &options[i];
    }
    return NULL;
}

static int unknown_option(const subcommand *command, const char *word)
{
    pz_str names[OPTION_COUNT];
    size_t count = 0;
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (takes(command, options[i].name))
            names[count++] = pz_str_of(options[i].name);
    const pz_str near = pz__nearest(pz_str_of(word + (word[1] == '-' ? 2 : 1)), names, count);
    if (near.data)
        return cli_fail(EXIT_USAGE, "%s takes no option %s; did you mean --%.*s?", command->name,
                        word, PZ__STR_ARG(near));
    return cli_fail(EXIT_USAGE, "%s takes no option %s; see `personalize %s --help`", command->name,
                    word, command->name);
}

static int put_option(cli *c, const option_form *form, const char *argument)
{
    if (strcmp(form->name, "context") == 0) {
        if (c->context_count == (int)(sizeof c->context / sizeof c->context[0]))
            return cli_fail(EXIT_USAGE, "too many --context options");
        c->context[c->context_count++] = argument;
        return EXIT_DONE;
    }
    char *member = (char *)c + form->offset;
    if (form->argument)
        *(const char **)(void *)member = argument;
    else
        *(bool *)(void *)member = true;
    return EXIT_DONE;
}

/* Read one option at argv[*i]; *i moves to its argument if that is a word of its own. */
static int read_option(cli *c, const subcommand *command, int argc, char **argv, int *i)
{
    const char *word = argv[*i];
    const option_form *form = find_option(word);
    if (!form || !takes(command, form->name))
        return unknown_option(command, word);
    const char *equals = word[1] == '-' ? strchr(word, '=') : NULL;
    if (!form->argument) {
        if (equals)
            return cli_fail(EXIT_USAGE, "--%s takes no argument", form->name);
        return put_option(c, form, NULL);
    }
    if (equals)
        return put_option(c, form, equals + 1);
    if (*i + 1 >= argc)
        return cli_fail(EXIT_USAGE, "--%s needs %s", form->name, form->argument);
    return put_option(c, form, argv[++*i]);
}

static int find_command(const subcommand *commands, const char *name, const subcommand **out)
{
    pz_str names[COMMANDS_MAX];
    size_t count = 0;
    for (const subcommand *c = commands; c->name; c++) {
        if (strcmp(c->name, name) == 0) {
            *out = c;
            return EXIT_DONE;
        }
        names[count++] = pz_str_of(c->name);
    }
    const pz_str near = pz__nearest(pz_str_of(name), names, count);
    if (near.data)
        return cli_fail(EXIT_USAGE, "there is no command '%s'; did you mean '%.*s'?", name,
                        PZ__STR_ARG(near));
    return cli_fail(EXIT_USAGE, "there is no command '%s'; see `personalize --help`", name);
}

/* `help`, `--help` and `-h`, alone or before a command. */
static bool asks_for_help(const char *word)
{
    return !strcmp(word, "help") || !strcmp(word, "--help") || !strcmp(word, "-h");
}

/* What begins with a dash and is no number: "-5" is a value, for no option is a digit. */
static bool is_option(const char *word)
{
    const char *number = word + (word[0] == '-' && word[1] == '.' ? 2 : 1);
    return word[0] == '-' && word[1] && !(*number >= '0' && *number <= '9');
}

int cli_parse(cli *c, const subcommand *commands, int argc, char **argv, const subcommand **out)
{
    memset(c, 0, sizeof *c);
    c->colour = isatty(STDERR_FILENO) && !getenv("NO_COLOR");
    if (argc < 2) {
        cli_usage(stderr, commands);
        return EXIT_USAGE;
    }
    const bool is_help = argc == 3 && asks_for_help(argv[1]);
    if (argv[1][0] == '-' && !is_help)
        return cli_fail(EXIT_USAGE,
                        "the command comes first, options behind it: personalize COMMAND %s ...",
                        argv[1]);
    int code = find_command(commands, argv[is_help ? 2 : 1], out);
    if (code != EXIT_DONE)
        return code;
    c->help = is_help;
    if (is_help)
        return EXIT_DONE;
    c->command = (*out)->name;
    c->words = (const char **)(void *)argv;
    bool only_words = false;
    for (int i = 2; i < argc; i++) {
        if (!only_words && strcmp(argv[i], "--") == 0) {
            only_words = true;
        } else if (!only_words && (!strcmp(argv[i], "--help") || !strcmp(argv[i], "-h"))) {
            c->help = true;
            return EXIT_DONE;
        } else if (!only_words && is_option(argv[i])) {
            code = read_option(c, *out, argc, argv, &i);
            if (code != EXIT_DONE)
                return code;
        } else {
            argv[c->word_count++] = argv[i];
        }
    }
    const int most = (*out)->most_words;
    if (c->word_count < (*out)->least_words || (most >= 0 && c->word_count > most))
        return cli_fail(EXIT_USAGE, "usage: personalize %s %s", c->command, (*out)->arguments);
    return EXIT_DONE;
}
