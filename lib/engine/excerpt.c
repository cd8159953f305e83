/*
 * excerpt.c: the line of a source that an error is about, with a caret below its column.
 *
 * Columns count characters; where a tab stands in the line, a tab goes above the caret's place, so
 * the two stay aligned however wide tabs are. Of a long line the part around the column is shown.
 */
#include "base/utf8.h"
#include "engine/program.h"

/* The bytes of line `number`, counted from 1. */
static pz_str line_of(pz_str source, uint32_t number)
{
    size_t start = 0, end;
    for (uint32_t line = 1;; line++) {
        for (end = start; end < source.len && source.data[end] != '\n' && source.data[end] != '\r';)
            end++;
        if (line == number || end == source.len)
            return (pz_str){source.data + start, line == number ? end - start : 0};
        bool pair =
            source.data[end] == '\r' && end + 1 < source.len && source.data[end + 1] == '\n';
        start = end + 1 + pair;
    }
}

/* The bytes of the first `count` characters. */
static size_t bytes_of(pz_str text, size_t count)
{
    size_t at = 0;
    for (; at < text.len && count > 0; count--)
        for (at++; at < text.len && ((unsigned char)text.data[at] & 0xc0) == 0x80;)
            at++;
    return at;
}

pz_status pz_error_excerpt(const pz_error *err, const char *source, size_t len, pz_pool *pool,
                           pz_str *out)
{
    if (!err || !source || !pool || !out)
        return PZ_ERR_ARG;
    *out = (pz_str){"", 0};
    if (err->line == 0 || err->column == 0)
        return PZ_OK;
    pz_str line = line_of((pz_str){source, len}, err->line);
    size_t before = err->column - 1;
    if (before > PZ_EXCERPT_MAX / 2) {
        size_t cut = bytes_of(line, before - PZ_EXCERPT_MAX / 2);
        line = (pz_str){line.data + cut, line.len - cut};
        before = PZ_EXCERPT_MAX / 2;
    }
    line.len = bytes_of(line, PZ_EXCERPT_MAX);
    pz__buf buf;
    pz__buf_init(&buf, &pz__pool_arena(pool)->alloc, 8 * (PZ_EXCERPT_MAX + 1));
    pz__buf_put(&buf, line.data, line.len);
    pz__buf_byte(&buf, '\n');
    for (size_t i = 0; i < before; i++) {
        size_t at = bytes_of(line, i);
        pz__buf_byte(&buf, at < line.len && line.data[at] == '\t' ? '\t' : ' ');
    }
    pz__buf_byte(&buf, '^');
    const char *text =
        buf.status == PZ_OK ? pz__arena_text(pz__pool_arena(pool), buf.data, buf.len) : NULL;
    *out = (pz_str){text ? text : "", text ? buf.len : 0};
    pz__buf_clear(&buf);
    return text ? PZ_OK : PZ_ERR_NOMEM;
}
