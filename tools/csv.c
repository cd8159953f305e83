/*
 * csv.c: records of a CSV file, one at a time: RFC 4180, with any one-octet separator.
 *
 * A record is one line, or more where a quoted field holds line ends: lines are gathered until it
 * is closed. Lines may end in LF or CR LF; inside a field either is read as LF. A byte order mark
 * at the beginning is passed over. Memory is bounded by the longest record.
 *
 * Where a quote is open and the record too long, what follows may be text of a field or records:
 * nothing behind it is read. A long line without quotes ends where it ends.
 */
#include "table.h"

#include <stdlib.h>
#include <string.h>

struct csv {
    line_reader *reader;
    char separator;
    uint64_t line, next_line;
    bool is_over; /* nothing is read any more */
    char *text;   /* the record as it stands */
    size_t len, cap;
    char *plain; /* its fields, without quotes */
    pz_str fields[CSV_FIELDS_MAX];
    uint32_t count;
};

int csv_open(csv **out, const char *path, char separator)
{
    csv *c = calloc(1, sizeof *c);
    *out = NULL;
    if (!c)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    const int code = line_reader_open(&c->reader, path);
    if (code != EXIT_DONE) {
        free(c);
        return code;
    }
    c->separator = separator;
    *out = c;
    return EXIT_DONE;
}

static bool add_line(csv *c, const char *line, size_t len)
{
    const size_t need = c->len + len + 1;
    if (need > CSV_RECORD_MAX)
        return false;
    if (need > c->cap) {
        char *text = realloc(c->text, 2 * need), *plain = text ? realloc(c->plain, 2 * need) : NULL;
        c->text = text ? text : c->text;
        c->plain = plain ? plain : c->plain;
        if (!plain)
            return false;
        c->cap = 2 * need;
    }
    memcpy(c->text + c->len, line, len);
    c->len += len;
    return true;
}

/* Whether a quoted field is open at the end of a line: one begins only where a field does. */
static bool is_open_after(const csv *c, const char *line, size_t len, bool is_open)
{
    bool is_start = !is_open;
    for (size_t i = 0; i < len; i++) {
        if (is_open && line[i] == '"' && i + 1 < len && line[i + 1] == '"')
            i++; /* a quote that is meant */
        else if (is_open)
            is_open = line[i] != '"';
        else if (line[i] == '"')
            is_open = is_start;
        is_start = !is_open && line[i] == c->separator;
    }
    return is_open;
}

/* The lines of one record. */
static bool gather(csv *c, const char **why)
{
    const char *line;
    size_t len;
    bool is_open = false;
    c->len = 0;
    c->line = c->next_line + 1;
    do {
        if (!line_reader_next(c->reader, &line, &len)) {
            *why = is_open ? "a quote is never closed" : NULL;
            c->is_over = true;
            return is_open;
        }
        if (++c->next_line == 1 && len >= 3 && memcmp(line, "\xef\xbb\xbf", 3) == 0)
            line += 3, len -= 3;
        if ((c->len && !add_line(c, "\n", 1)) || !add_line(c, line, len)) {
            c->is_over = is_open || is_open_after(c, line, len, false);
            c->len = 0;
            *why = c->is_over ? "the record is longer than a MiB; where its quote should have been "
                                "closed cannot be told, so nothing behind it was read"
                              : "the record is longer than a MiB";
            return true;
        }
        is_open = is_open_after(c, line, len, is_open);
    } while (is_open);
    return true;
}

/* A quoted field that begins at *at; its plain text goes to *to. */
static const char *read_quoted(const csv *c, size_t *at, char **to)
{
    for (++*at; *at < c->len; ++*at) {
        if (c->text[*at] != '"') {
            *(*to)++ = c->text[*at];
            continue;
        }
        if (*at + 1 < c->len && c->text[*at + 1] == '"') {
            *(*to)++ = '"';
            ++*at;
            continue;
        }
        ++*at;
        if (*at == c->len || c->text[*at] == c->separator)
            return NULL;
        return "text stands behind a closing quote; double the quotes inside a field";
    }
    return "a quote is never closed";
}

static const char *read_field(const csv *c, size_t *at, char **to)
{
    if (*at < c->len && c->text[*at] == '"')
        return read_quoted(c, at, to);
    for (; *at < c->len && c->text[*at] != c->separator; ++*at) {
        if (c->text[*at] == '"')
            return "a quote stands inside a field that does not begin with one; quote the field";
        *(*to)++ = c->text[*at];
    }
    return NULL;
}

static const char *split(csv *c)
{
    char *to = c->plain;
    size_t at = 0;
    for (c->count = 0;; at++) {
        char *start = to;
        if (c->count == CSV_FIELDS_MAX)
            return "the record has more than 1024 fields";
        const char *why = read_field(c, &at, &to);
        if (why)
            return why;
        c->fields[c->count++] = (pz_str){start, (size_t)(to - start)};
        if (at >= c->len)
            return NULL;
    }
}

bool csv_next(csv *c, const pz_str **fields, uint32_t *count, const char **why)
{
    *why = NULL;
    *count = 0;
    if (c->is_over)
        return false;
    do
        if (!gather(c, why))
            return false;
    while (c->len == 0 && !*why);
    if (!*why)
        *why = split(c);
    *fields = c->fields;
    *count = *why ? 0 : c->count;
    return true;
}

bool csv_is_over(const csv *c)
{
    return c->is_over;
}

uint64_t csv_line(const csv *c)
{
    return c->line;
}

pz_str csv_text(const csv *c)
{
    return (pz_str){c->text, c->len};
}

double csv_share(const csv *c)
{
    return line_reader_share(c->reader);
}

int csv_close(csv *c)
{
    if (!c)
        return EXIT_DONE;
    const int code = line_reader_close(c->reader);
    free(c->text);
    free(c->plain);
    free(c);
    return code;
}
