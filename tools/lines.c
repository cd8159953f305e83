/*
 * lines.c: lines of a file, of standard input, plain or gzip.
 *
 *     file -> raw bytes -> (inflater, if they begin 1f 8b) -> text -> lines
 *
 * Lines end in LF; a CR before it is cut off; the last needs no end. A line longer than LINE_MAX is
 * an error, not a reason to take all the memory. Whether a read would wait is asked of the system,
 * so that a batch can be closed while a pipe is idle.
 */
#include "cli.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/deflate.h"

#define RAW_SIZE 65536u
#define LINE_LIMIT (16u << 20)

struct line_reader {
    const char *path;
    int fd;
    uint8_t raw[RAW_SIZE];
    const uint8_t *raw_next;
    size_t raw_left;
    bool raw_ended;
    uint64_t raw_total; /* bytes read from the file */
    uint64_t file_size; /* 0: not known */
    bool has_looked;    /* whether it is compressed is known */
    pz__inflater *inflater;
    bool is_whole; /* the compressed stream came to its end */
    char *text;    /* bytes not yet given out: [text_start, text_end) */
    size_t text_start, text_end, text_cap;
    uint64_t given; /* lines given out */
    int code;
};

int line_reader_open(line_reader **out, const char *path)
{
    *out = NULL;
    line_reader *r = calloc(1, sizeof *r);
    if (!r)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    r->path = path;
    const bool is_input = strcmp(path, "-") == 0;
    r->fd = is_input ? STDIN_FILENO : open(path, O_RDONLY | O_CLOEXEC);
    if (r->fd < 0) {
        free(r);
        return cli_fail(EXIT_FAILED, "cannot open '%s': %s", path, strerror(errno));
    }
    struct stat about;
    const bool is_known = fstat(r->fd, &about) == 0;
    if (is_known && S_ISDIR(about.st_mode)) {
        line_reader_close(r);
        return cli_fail(EXIT_FAILED, "'%s' is a directory", path);
    }
    if (is_known && S_ISREG(about.st_mode))
        r->file_size = (uint64_t)about.st_size;
    *out = r;
    return EXIT_DONE;
}

static void fill_raw(line_reader *r)
{
    ssize_t got;
    do
        got = read(r->fd, r->raw, sizeof r->raw);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        r->code = cli_fail(EXIT_SYSTEM, "cannot read '%s': %s", r->path, strerror(errno));
    r->raw_ended = got <= 0;
    r->raw_next = r->raw;
    r->raw_left = got > 0 ? (size_t)got : 0;
    r->raw_total += r->raw_left;
    if (r->has_looked || r->raw_left == 0)
        return;
    r->has_looked = true;
    if (r->raw_left >= 2 && r->raw[0] == 0x1f && r->raw[1] == 0x8b &&
        pz__inflater_new(&r->inflater, NULL) != PZ_OK)
        r->code = cli_fail(EXIT_SYSTEM, "out of memory");
}

static bool make_room(line_reader *r, size_t need)
{
    if (r->text_start) {
        memmove(r->text, r->text + r->text_start, r->text_end - r->text_start);
        r->text_end -= r->text_start;
        r->text_start = 0;
    }
    if (r->text_cap - r->text_end >= need)
        return true;
    const size_t cap = r->text_cap * 2 > r->text_end + need ? r->text_cap * 2 : r->text_end + need;
    char *text = cap > LINE_LIMIT ? NULL : realloc(r->text, cap);
    if (!text) {
        r->code = cli_fail(EXIT_FAILED, "%s:%llu: the line is longer than %u bytes", r->path,
                           (unsigned long long)r->given + 1, LINE_LIMIT);
        return false;
    }
    r->text = text;
    r->text_cap = cap;
    return true;
}

/* Bring more text in; false at the end or on failure. */
static bool fill_text(line_reader *r)
{
    if (r->raw_left == 0 && !r->raw_ended)
        fill_raw(r);
    if (r->code != EXIT_DONE || r->raw_left == 0 || !make_room(r, RAW_SIZE))
        return false;
    size_t written = r->raw_left;
    if (r->inflater) {
        bool done;
        const pz_status status =
            pz__inflater_step(r->inflater, &r->raw_next, &r->raw_left, r->text + r->text_end,
                              r->text_cap - r->text_end, &written, &done);
        if (status != PZ_OK) {
            r->code = cli_fail(EXIT_FAILED, "'%s' is damaged: not a whole gzip stream", r->path);
            return false;
        }
        r->is_whole = done;
    } else {
        memcpy(r->text + r->text_end, r->raw_next, r->raw_left);
        r->raw_left = 0;
    }
    r->text_end += written;
    return true;
}

static bool give(line_reader *r, size_t len, size_t skip, const char **line, size_t *line_len)
{
    *line = r->text + r->text_start;
    *line_len = len > 0 && (*line)[len - 1] == '\r' ? len - 1 : len;
    r->text_start += len + skip;
    r->given++;
    return true;
}

bool line_reader_next(line_reader *r, const char **line, size_t *len)
{
    size_t searched = 0;
    for (;;) {
        const size_t held = r->text_end - r->text_start;
        const char *start = r->text ? r->text + r->text_start : NULL;
        const char *end = held > searched ? memchr(start + searched, '\n', held - searched) : NULL;
        if (end)
            return give(r, (size_t)(end - start), 1, line, len);
        searched = held;
        if (!fill_text(r))
            break;
    }
    if (r->code == EXIT_DONE && r->inflater && !r->is_whole)
        r->code = cli_fail(EXIT_FAILED, "'%s' is cut short: not a whole gzip stream", r->path);
    const size_t rest = r->text_end - r->text_start;
    return rest > 0 && r->code == EXIT_DONE && give(r, rest, 0, line, len);
}

bool line_reader_would_wait(line_reader *r)
{
    const size_t held = r->text_end - r->text_start;
    if (r->raw_left > 0 || r->raw_ended || (held && memchr(r->text + r->text_start, '\n', held)))
        return false;
    struct pollfd ask = {.fd = r->fd, .events = POLLIN};
    return poll(&ask, 1, 0) == 0;
}

double line_reader_share(const line_reader *r)
{
    if (r->file_size == 0)
        return -1.0;
    return (double)(r->raw_total - r->raw_left) / (double)r->file_size;
}

int line_reader_close(line_reader *r)
{
    const int code = r->code;
    pz__inflater_free(r->inflater);
    if (r->fd != STDIN_FILENO)
        close(r->fd);
    free(r->text);
    free(r);
    return code;
}
