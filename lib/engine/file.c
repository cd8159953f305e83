/*
 * file.c: reading a whole file, with errors that name it.
 *
 * The only place where the library opens a file of the host (stores open their own). A directory, a
 * device or a file that grows while it is read end at the buffer's limit or in an error.
 */
#include "engine/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <unistd.h>

#define PIECE 16384u

static pz_status fail_errno(const char *path, const char *what, int code, pz_error *err)
{
    char cause[128];
    /* The GNU form: returns the text, which need not be in the buffer. */
    const char *text = strerror_r(code, cause, sizeof cause);
    return pz__fail(err, PZ_ERR_IO, "cannot %s '%s': %s", what, path, text);
}

static ssize_t read_piece(int fd, char *room)
{
    ssize_t got;
    do
        got = read(fd, room, PIECE);
    while (got < 0 && errno == EINTR);
    return got;
}

pz_status pz__file_read(pz__buf *out, const char *path, pz_error *err)
{
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return fail_errno(path, "open", errno, err);
    pz_status status = PZ_OK;
    for (;;) {
        /* Room for a whole piece may not be left below the limit; what counts is what was read. */
        char piece[PIECE];
        const ssize_t got = read_piece(fd, piece);
        if (got < 0)
            status = fail_errno(path, "read", errno, err);
        if (got <= 0)
            break;
        pz__buf_put(out, piece, (size_t)got);
        if (out->status != PZ_OK) {
            status = pz__fail(err, out->status, "'%s' is larger than %zu bytes", path, out->limit);
            break;
        }
    }
    close(fd);
    return status;
}
