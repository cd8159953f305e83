/*
 * main.c: the `personalize` command: one subcommand a run.
 *
 * Results go to standard output, everything said to a person to standard error. Colour and progress
 * appear on terminals only.
 */
#include "cli.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

static int run(int argc, char **argv)
{
    const subcommand commands[] = {
        command_check,  command_observe, command_profile,  command_resolve, command_inspect,
        command_decide, command_explain, command_segments, command_records, command_eval,
        command_store,  command_import,  command_export,   {.name = NULL}};
    if (argc == 2 &&
        (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h") || !strcmp(argv[1], "help"))) {
        cli_usage(stdout, commands);
        return EXIT_DONE;
    }
    if (argc == 2 && !strcmp(argv[1], "--version")) {
        printf("personalize %s\n", pz_version());
        return EXIT_DONE;
    }
    cli c;
    /* A file that may not grow is told of, and what was begun is taken away, instead of the end. */
    signal(SIGXFSZ, SIG_IGN);
    const subcommand *command = NULL;
    int code = cli_parse(&c, commands, argc, argv, &command);
    if (code != EXIT_DONE)
        return code;
    if (c.help) {
        cli_help(stdout, command);
        return EXIT_DONE;
    }
    int64_t ms;
    if (!cli_time("now", c.now, &ms) || !cli_time("at", c.at, &ms) ||
        !cli_time("expires", c.expires, &ms))
        return EXIT_USAGE;
    char address[CLI_ADDRESS_MAX];
    code = cli_address(&c.store, address);
    if (code == EXIT_DONE)
        code = command->run(&c);
    /* A result that could not be written is a failure, whatever else went well. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && code == EXIT_DONE)
        return cli_fail(EXIT_SYSTEM, "cannot write the result");
    return code;
}

int main(int argc, char **argv)
{
    char *copies;
    int code = cli_hide_words(argc, argv, &copies);
    if (code == EXIT_DONE)
        code = run(argc, argv);
    free(copies);
    return code;
}
