/*
 * output.c: where bytes for a file go: standard output or a file, plain or compressed by gzip.
 *
 *     bytes -> (one gzip stream for all of them) -> file aside, or standard output
 *
 * A file is written aside and renamed into place once it is whole: a run that is broken off, or
 * that fails, leaves what was there before. What is no regular file (a pipe, a device) cannot be
 * replaced and is written to as it is.
 */
#include "cli.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/deflate.h"

/* zlib's own default: docs/performance.md has the measurement. */
#define LEVEL 6

struct output {
    const char *path; /* as the user named it */
    FILE *file;
    pz__gzip *gzip; /* NULL: plain */
    int why;        /* errno of the first failure; 0 */
    bool is_aside;  /* the file is `aside`, to be renamed */
    char aside[4096];
};

static pz_status put(void *payload, const void *data, size_t len)
{
    output *o = payload;
    errno = 0;
    if (o->why == 0 && len > 0 && fwrite(data, 1, len, o->file) != len)
        o->why = errno ? errno : EIO;
    return o->why ? PZ_ERR_IO : PZ_OK;
}

static int open_file(output *o, const char *path)
{
    struct stat about;
    o->path = path;
    o->is_aside = stat(path, &about) != 0 || S_ISREG(about.st_mode);
    const char *suffix = o->is_aside ? ".new" : "";
    if ((size_t)snprintf(o->aside, sizeof o->aside, "%s%s", path, suffix) >= sizeof o->aside)
        return cli_fail(EXIT_USAGE, "the name of the output file is too long");
    o->file = fopen(o->aside, "wb");
    return o->file ? EXIT_DONE : cli_fail(EXIT_SYSTEM, "%s: %s", o->aside, strerror(errno));
}

int output_open(output **out, const char *path, bool is_gzip)
{
    if (path && strcmp(path, "-") == 0)
        path = NULL; /* as "-" is standard input where a file is read */
    if (is_gzip && !path && isatty(STDOUT_FILENO))
        return cli_fail(EXIT_USAGE, "compressed bytes are not for a terminal: name a file by -o");
    output *o = calloc(1, sizeof *o);
    if (!o)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    o->path = "standard output";
    o->file = stdout;
    int code = EXIT_DONE;
    if (is_gzip && pz__gzip_new(&o->gzip, NULL, LEVEL, put, o) != PZ_OK)
        code = cli_fail(EXIT_SYSTEM, "out of memory");
    if (code == EXIT_DONE && path)
        code = open_file(o, path);
    if (code == EXIT_DONE) {
        *out = o;
        return EXIT_DONE;
    }
    pz__gzip_free(o->gzip);
    free(o);
    return code;
}

pz_status output_write(output *o, const void *data, size_t len)
{
    return o->gzip ? pz__gzip_write(o->gzip, data, len) : put(o, data, len);
}

/* Close the file; what is still in its buffer may fail to be written. */
static void close_file(output *o)
{
    const bool is_well = o->file == stdout ? fflush(stdout) == 0 : fclose(o->file) == 0;
    if (!is_well && o->why == 0)
        o->why = errno ? errno : EIO;
}

int output_close(output *o, int code)
{
    if (code == EXIT_DONE && o->gzip)
        pz__gzip_end(o->gzip); /* a failure is noted in o->why */
    close_file(o);
    if (code == EXIT_DONE && o->why == 0 && o->is_aside && rename(o->aside, o->path) != 0)
        o->why = errno;
    if (o->why)
        code = cli_fail(EXIT_SYSTEM, "cannot write %s: %s", o->path, strerror(o->why));
    if (code != EXIT_DONE && o->is_aside)
        remove(o->aside);
    pz__gzip_free(o->gzip);
    free(o);
    return code;
}

bool output_has_failed(const output *o)
{
    return o->why != 0;
}
