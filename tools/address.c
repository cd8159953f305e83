/*
 * address.c: addresses of stores, which may hold a password.
 *
 * Every user of a machine reads the words of a running command (`ps`), a shell keeps them, and what
 * is said on standard error is kept in logs. So an address may stand in a file, "@FILE"; one that
 * is given as a word is moved out of what the system shows, at once, which leaves the moment
 * before; and messages show none of it, wherever they have it from.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* That of TLS is refused, but may have been meant. */
#define SCHEME "redis"

/* What ends an address in a message. In a word of the command nothing does: a password may hold any
 * of these. */
#define ENDS " \t\n'\""

/* Where user and password of the first address in a text are; 0 bytes where there is none. The form
 * of an address, which messages show, has brackets there. */
static size_t find_secret(char *text, const char *ends, char **out)
{
    for (char *at = strstr(text, SCHEME); at; at = strstr(at, SCHEME)) {
        at += sizeof SCHEME - 1;
        at += *at == 's';
        if (strncmp(at, "://", 3) != 0)
            continue;
        at += 3;
        size_t len = strcspn(at, ends);
        while (len > 0 && at[len - 1] != '@')
            len--;
        if (len > 1 && (*at != '[' || !*ends)) {
            *out = at;
            return len - 1;
        }
    }
    return 0;
}

static void hide(char *text, const char *ends)
{
    char *secret = text;
    for (size_t len; (len = find_secret(secret, ends, &secret)) > 0; secret += len)
        memset(secret, '*', len);
}

void cli_hide(char *text)
{
    hide(text, ENDS);
}

int cli_hide_words(int argc, char **argv, char **copies)
{
    size_t total = 0;
    char *secret;
    for (int i = 0; i < argc; i++)
        total += find_secret(argv[i], "", &secret) ? strlen(argv[i]) + 1 : 0;
    *copies = total ? malloc(total) : NULL;
    if (total && !*copies)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    char *next = *copies;
    for (int i = 0; i < argc; i++) {
        if (find_secret(argv[i], "", &secret) == 0)
            continue;
        const size_t size = strlen(argv[i]) + 1;
        memcpy(next, argv[i], size);
        hide(argv[i], "");
        argv[i] = next;
        next += size;
    }
    return EXIT_DONE;
}

int cli_address(const char **address, char room[CLI_ADDRESS_MAX])
{
    if (!*address || **address != '@')
        return EXIT_DONE;
    const char *path = *address + 1;
    FILE *in = fopen(path, "rb");
    if (!in)
        return cli_fail(EXIT_FAILED, "cannot open '%s': %s", path, strerror(errno));
    const bool is_read = fgets(room, CLI_ADDRESS_MAX, in) != NULL;
    const bool has_more = is_read && !strchr(room, '\n') && fgetc(in) != EOF;
    fclose(in);
    size_t len = is_read ? strlen(room) : 0;
    while (len > 0 && strchr(" \t\r\n", room[len - 1]))
        room[--len] = '\0';
    if (len == 0 || has_more)
        return cli_fail(EXIT_FAILED, "'%s': the first line is to be the address of a store", path);
    *address = room;
    return EXIT_DONE;
}
