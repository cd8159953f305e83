/*
 * report.c: the mistakes of a document, each with its place, in the order of their places.
 *
 * A report owns every text in it, so it outlives the document it speaks of. A place is worked out
 * once, when a diagnostic is added: line and column, how many characters to underline, and the line
 * itself. A line longer than LINE_MAX_BYTES (documents written by machines stand on one line) is
 * cut to a window around the place, with an ellipsis where it was cut.
 *
 * As text a diagnostic looks as it does in a compiler:
 *
 *     shop.json:3:20: error: there is no taxonomy "good"
 *       3 |       "taxonomy": "good"
 *         |                   ^~~~~~
 *         = did you mean "goods"?
 *
 * Tabs are repeated in the line of the caret, so both lines advance alike whatever a tab is worth;
 * characters that terminals draw in two columns or in none are counted so.
 *
 * A report holds at most PZ__CATALOG_MISTAKES_MAX errors and as many warnings. What comes later is
 * only counted: the text ends with "more than 100 errors". Out of memory is kept as the report's
 * status: adding returns nothing that could be forgotten.
 */
#include "catalog/catalog.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/error.h"
#include "base/utf8.h"

#define LINE_MAX_BYTES 400u
/* How much of a cut line is shown before the place. */
#define LINE_BEFORE_BYTES 120u
#define MESSAGE_MAX 1024
#define TEXT_MAX ((size_t)4 << 20)
#define ELLIPSIS "\xe2\x80\xa6"

typedef struct item {
    pz_severity severity;
    uint32_t file_number; /* files in the order in which they were first named */
    uint32_t start;
    uint32_t line, column, length;
    uint32_t offset;     /* bytes of `source` before the place */
    uint32_t underlined; /* bytes of `source` under the caret */
    const char *file, *path, *message, *suggestion, *source;
} item;

struct pz_report {
    pz__arena arena;
    pz_alloc alloc;
    pz__names files;
    item *list;
    uint32_t count, cap;
    uint32_t error_count, warning_count; /* what was not listed included */
    pz_status status;                    /* PZ_OK or PZ_ERR_NOMEM */
    pz__buf text;
};

pz_status pz__report_new(pz_report **out, const pz_alloc *alloc)
{
    *out = NULL;
    pz_alloc used = pz__alloc_or_default(alloc);
    pz_report *report = pz__mem_zero(&used, 1, sizeof *report);
    if (!report)
        return PZ_ERR_NOMEM;
    report->alloc = used;
    pz__arena_init(&report->arena, &used, 0);
    pz__names_init(&report->files, &report->arena);
    pz__buf_init(&report->text, &used, TEXT_MAX);
    *out = report;
    return PZ_OK;
}

void pz_report_free(pz_report *report)
{
    if (!report)
        return;
    pz_alloc alloc = report->alloc;
    pz__mem_free(&alloc, report->list, report->cap, sizeof *report->list);
    pz__buf_clear(&report->text);
    pz__arena_clear(&report->arena);
    pz__mem_free(&alloc, report, 1, sizeof *report);
}

pz_status pz__report_status(const pz_report *report)
{
    if (report->status)
        return report->status;
    return report->error_count ? PZ_ERR_CATALOG : PZ_OK;
}

/* ---- places ---- */

static bool ends_line(char c)
{
    return c == '\n' || c == '\r';
}

static bool continues(char c)
{
    return ((unsigned char)c & 0xc0) == 0x80;
}

/* Characters of text that may be ill-formed; at least 1. */
static uint32_t characters(const char *text, size_t len)
{
    uint32_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += !continues(text[i]);
    return count ? count : 1;
}

/* The bytes [from, to) of a line as text that can be shown: NUL and ill-formed bytes become '?'. */
static void put_shown(pz__buf *out, const char *text, size_t len)
{
    while (len) {
        size_t bad = pz__utf8_first_bad(text, len);
        for (size_t i = 0; i < bad; i++)
            pz__buf_byte(out, text[i] ? (uint8_t)text[i] : '?');
        if (bad == len)
            return;
        pz__buf_byte(out, '?');
        text += bad + 1;
        len -= bad + 1;
    }
}

/* Where a window over the line begins and ends. */
static void cut_line(const char *text, uint32_t place, uint32_t *from, uint32_t *to)
{
    if (*to - *from <= LINE_MAX_BYTES)
        return;
    uint32_t end = *to;
    if (place - *from > LINE_BEFORE_BYTES)
        *from = place - LINE_BEFORE_BYTES;
    if (end - *from > LINE_MAX_BYTES)
        *to = *from + LINE_MAX_BYTES;
    while (*from < place && continues(text[*from]))
        ++*from;
    while (*to > place && *to < end && continues(text[*to]))
        --*to;
}

/* Fill in line, column, length and the line itself. */
static void find_place(pz_report *report, item *it, pz_str text, uint32_t start, uint32_t end)
{
    if (start > text.len)
        start = (uint32_t)text.len;
    if (end > text.len)
        end = (uint32_t)text.len;
    pz__locate(text.data, text.len, start, &it->line, &it->column);
    uint32_t line_start = start, line_end = start;
    while (line_start > 0 && !ends_line(text.data[line_start - 1]))
        line_start--;
    while (line_end < text.len && !ends_line(text.data[line_end]))
        line_end++;
    uint32_t marked_end = end < line_end ? end : line_end;
    while (marked_end < line_end && continues(text.data[marked_end]))
        marked_end++;
    it->length = marked_end > start ? characters(text.data + start, marked_end - start) : 1;
    uint32_t from = line_start, to = line_end;
    cut_line(text.data, start, &from, &to);
    if (marked_end > to)
        marked_end = to;
    pz__buf shown;
    pz__buf_init(&shown, &report->alloc, 2 * LINE_MAX_BYTES);
    if (from > line_start)
        pz__buf_text(&shown, ELLIPSIS);
    put_shown(&shown, text.data + from, start - from);
    it->offset = (uint32_t)shown.len;
    put_shown(&shown, text.data + start, marked_end > start ? marked_end - start : 0);
    it->underlined = (uint32_t)shown.len - it->offset;
    uint32_t rest = marked_end > start ? marked_end : start;
    put_shown(&shown, text.data + rest, to - rest);
    if (to < line_end)
        pz__buf_text(&shown, ELLIPSIS);
    it->source = pz__arena_text(&report->arena, shown.data ? shown.data : "", shown.len);
    if (shown.status)
        report->status = PZ_ERR_NOMEM;
    pz__buf_clear(&shown);
}

/* ---- adding ---- */

static bool is_before(const item *a, const item *b)
{
    if (a->file_number != b->file_number)
        return a->file_number < b->file_number;
    return a->start < b->start;
}

/* Insert in the order of places; of one place, in the order of coming. */
static bool insert(pz_report *report, const item *it)
{
    if (report->count == report->cap) {
        uint32_t cap = report->cap ? report->cap * 2 : 8;
        item *list = pz__mem_resize(&report->alloc, report->list, report->cap, cap, sizeof *list);
        if (!list)
            return false;
        report->list = list;
        report->cap = cap;
    }
    uint32_t i = report->count++;
    for (; i > 0 && is_before(it, &report->list[i - 1]); i--)
        report->list[i] = report->list[i - 1];
    report->list[i] = *it;
    return true;
}

/* True if one more of this severity is listed; counts it either way. */
static bool has_room(pz_report *report, pz_severity severity)
{
    uint32_t *count = severity == PZ_ERROR ? &report->error_count : &report->warning_count;
    if (*count < UINT32_MAX)
        ++*count;
    return *count <= PZ__CATALOG_MISTAKES_MAX;
}

/* vsnprintf, cut before a character that does not fit. */
static const char *format_message(pz_report *report, const char *format, va_list args)
{
    char message[MESSAGE_MAX];
    int printed = vsnprintf(message, sizeof message, format, args);
    size_t len = printed < 0 ? 0 : (size_t)printed;
    if (len >= sizeof message)
        len = sizeof message - 1;
    len = pz__utf8_first_bad(message, len);
    return pz__arena_text(&report->arena, message, len);
}

void pz__report_add(pz_report *report, pz_severity severity, pz_str file, pz_str text,
                    uint32_t start, uint32_t end, pz_str path, const char *suggestion,
                    const char *format, ...)
{
    if (report->status || !has_room(report, severity))
        return;
    item it = {.severity = severity, .start = start};
    find_place(report, &it, text, start, end);
    va_list args;
    va_start(args, format);
    it.message = format_message(report, format, args);
    va_end(args);
    it.file_number = pz__names_put(&report->files, file);
    it.file = pz__arena_text(&report->arena, file.data ? file.data : "", file.len);
    it.path = pz__arena_text(&report->arena, path.data ? path.data : "", path.len);
    size_t suggested = suggestion ? strlen(suggestion) : 0;
    it.suggestion = pz__arena_text(&report->arena, suggested ? suggestion : "", suggested);
    bool is_whole = it.message && it.file && it.path && it.suggestion && it.source &&
                    it.file_number != PZ__NAME_NONE;
    if (!is_whole || !insert(report, &it))
        report->status = PZ_ERR_NOMEM;
}

/* ---- reading ---- */

uint32_t pz_report_count(const pz_report *report)
{
    return report ? report->count : 0;
}

pz_status pz_report_get(const pz_report *report, uint32_t index, pz_diagnostic *out)
{
    if (!report || !out || out->size < sizeof out->size)
        return PZ_ERR_ARG;
    if (index >= report->count)
        return PZ_ERR_NOT_FOUND;
    const item *it = &report->list[index];
    pz_diagnostic full = {.size = out->size,
                          .severity = it->severity,
                          .file = it->file,
                          .line = it->line,
                          .column = it->column,
                          .length = it->length,
                          .path = it->path,
                          .message = it->message,
                          .suggestion = it->suggestion,
                          .source = it->source};
    uint32_t known = out->size < sizeof full ? out->size : (uint32_t)sizeof full;
    memcpy(out, &full, known);
    return PZ_OK;
}

/* ---- as text ---- */

typedef struct range {
    uint32_t first, last;
} range;

/* Characters that are drawn over the one before them, or not at all (Unicode general categories Mn,
 * Me and Cf: the blocks that source texts hold). */
static const range no_column[] = {
    {0x0300, 0x036f}, {0x0483, 0x0489},   {0x0591, 0x05bd}, {0x0610, 0x061a}, {0x064b, 0x065f},
    {0x06d6, 0x06dc}, {0x0e34, 0x0e3a},   {0x1ab0, 0x1aff}, {0x1dc0, 0x1dff}, {0x200b, 0x200f},
    {0x202a, 0x202e}, {0x2060, 0x2064},   {0x20d0, 0x20ff}, {0xfe00, 0xfe0f}, {0xfe20, 0xfe2f},
    {0xfeff, 0xfeff}, {0xe0100, 0xe01ef},
};

/* Characters that are drawn two columns wide (East Asian Width W and F, and emoji). */
static const range two_columns[] = {
    {0x1100, 0x115f},   {0x231a, 0x231b},   {0x2e80, 0x303e},   {0x3041, 0x33ff},
    {0x3400, 0x4dbf},   {0x4e00, 0x9fff},   {0xa000, 0xa4cf},   {0xac00, 0xd7a3},
    {0xf900, 0xfaff},   {0xfe30, 0xfe6f},   {0xff00, 0xff60},   {0xffe0, 0xffe6},
    {0x1f300, 0x1f64f}, {0x1f680, 0x1f6ff}, {0x1f900, 0x1f9ff}, {0x20000, 0x3fffd},
};

static bool is_in(const range *list, size_t count, uint32_t code_point)
{
    for (size_t i = 0; i < count; i++)
        if (code_point >= list[i].first && code_point <= list[i].last)
            return true;
    return false;
}

static uint32_t columns_of(uint32_t code_point)
{
    if (code_point < 0x300)
        return 1;
    if (is_in(no_column, sizeof no_column / sizeof *no_column, code_point))
        return 0;
    return is_in(two_columns, sizeof two_columns / sizeof *two_columns, code_point) ? 2 : 1;
}

static uint32_t width_of(const char *text, uint32_t len)
{
    uint32_t width = 0;
    for (uint32_t i = 0; i < len;) {
        size_t step;
        width += columns_of(pz__utf8_decode(text + i, len - i, &step));
        i += (uint32_t)step;
    }
    return width;
}

/* What stands before the caret: tabs stay tabs, everything else is blank. */
static void put_indent(pz__buf *out, const char *text, uint32_t len)
{
    for (uint32_t i = 0; i < len;) {
        size_t step;
        uint32_t c = pz__utf8_decode(text + i, len - i, &step);
        if (c == '\t')
            pz__buf_byte(out, '\t');
        for (uint32_t n = c == '\t' ? 0 : columns_of(c); n > 0; n--)
            pz__buf_byte(out, ' ');
        i += (uint32_t)step;
    }
}

typedef struct palette {
    const char *bold, *error, *warning, *mark, *off;
} palette;

static const palette plain = {"", "", "", "", ""};
static const palette coloured = {"\x1b[1m", "\x1b[1;31m", "\x1b[1;35m", "\x1b[1;32m", "\x1b[0m"};

/* The line of the document with the caret below it. `gutter` is the width of the number. */
static void put_source(pz__buf *out, const item *it, const palette *p, size_t gutter)
{
    pz__buf_format(out, "  %u | %s\n", it->line, it->source);
    pz__buf_format(out, "  %.*s | ", (int)gutter, "          ");
    put_indent(out, it->source, it->offset);
    pz__buf_format(out, "%s^", p->mark);
    uint32_t width = width_of(it->source + it->offset, it->underlined);
    for (uint32_t i = 1; i < width; i++)
        pz__buf_byte(out, '~');
    pz__buf_format(out, "%s\n", p->off);
}

static size_t digits_of(uint32_t n)
{
    size_t digits = 1;
    while (n >= 10) {
        n /= 10;
        digits++;
    }
    return digits;
}

static void put_item(pz__buf *out, const item *it, const palette *p)
{
    bool is_error = it->severity == PZ_ERROR;
    pz__buf_format(out, "%s%s:%u:%u:%s ", p->bold, it->file, it->line, it->column, p->off);
    pz__buf_format(out, "%s%s:%s ", is_error ? p->error : p->warning,
                   is_error ? "error" : "warning", p->off);
    pz__buf_format(out, "%s\n", it->message);
    size_t gutter = digits_of(it->line);
    put_source(out, it, p, gutter);
    if (it->suggestion[0])
        pz__buf_format(out, "  %.*s = did you mean \"%s\"?\n", (int)gutter, "          ",
                       it->suggestion);
}

/* "2 errors", "1 warning", "more than 100 errors". */
static void put_count(pz__buf *out, uint32_t count, const char *noun)
{
    bool is_more = count > PZ__CATALOG_MISTAKES_MAX;
    pz__buf_format(out, "%s%u %s%s", is_more ? "more than " : "",
                   is_more ? PZ__CATALOG_MISTAKES_MAX : count, noun, count == 1 ? "" : "s");
}

static void put_sum(pz__buf *out, const pz_report *report)
{
    if (report->error_count)
        put_count(out, report->error_count, "error");
    if (report->error_count && report->warning_count)
        pz__buf_text(out, ", ");
    if (report->warning_count)
        put_count(out, report->warning_count, "warning");
    if (report->error_count || report->warning_count)
        pz__buf_byte(out, '\n');
}

const char *pz_report_text(pz_report *report, bool colour)
{
    if (!report)
        return NULL;
    pz__buf *out = &report->text;
    pz__buf_reset(out);
    for (uint32_t i = 0; i < report->count; i++)
        put_item(out, &report->list[i], colour ? &coloured : &plain);
    put_sum(out, report);
    pz__buf_byte(out, '\0');
    return out->status ? NULL : out->data;
}
