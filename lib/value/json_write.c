/*
 * json_write.c: values as JSON text.
 *
 * What JSON has no word for is written as text that the rule language reads back: bytes as base64
 * with padding (RFC 4648), timestamps as RFC 3339, durations as seconds with "s". Map keys that are
 * no strings become their text: {1: ...} is {"1": ...}. A uint writes as its digits. A double
 * writes in the shortest form that reads back to it; where that form looks whole ("1", "-0"), it is
 * given a fraction ("1.0"), or reading it back would make an int of it.
 *
 * Text is written as it stands but for what JSON demands: quotes, backslashes and control
 * characters. NaN, infinities and text that is no UTF-8 cannot be written; the buffer is then cut
 * back to where it was.
 *
 * Not here: reading (json_read.c).
 */
#include <string.h>

#include "base/number.h"
#include "base/time.h"
#include "base/utf8.h"
#include "value/json_text.h"
#include "value/map.h"

typedef struct writer {
    pz__buf *out;
    uint32_t indent;
    pz_status status; /* PZ_ERR_DOMAIN or PZ_ERR_LIMIT: what JSON or this library does not say */
} writer;

static void write_escape(pz__buf *out, uint8_t c)
{
    static const char short_forms[256] = {['"'] = '"',  ['\\'] = '\\', ['\b'] = 'b', ['\f'] = 'f',
                                          ['\n'] = 'n', ['\r'] = 'r',  ['\t'] = 't'};
    static const char hex[] = "0123456789abcdef";
    if (short_forms[c]) {
        pz__buf_byte(out, '\\');
        pz__buf_byte(out, (uint8_t)short_forms[c]);
        return;
    }
    pz__buf_text(out, "\\u00");
    pz__buf_byte(out, (uint8_t)hex[c >> 4]);
    pz__buf_byte(out, (uint8_t)hex[c & 15]);
}

/* The first byte from `p` on that has to be escaped, or `end`. */
static const char *unescaped_end(const char *p, const char *end)
{
    const char *stop = pz__json_plain_end(p, end);
    while (stop < end && (uint8_t)*stop >= 0x80)
        stop = pz__json_plain_end(stop + 1, end);
    return stop;
}

/* Most text needs no escape and is copied whole, quotes and all. False if it needs some. */
static bool write_plain(pz__buf *out, const char *p, const char *end)
{
    size_t len = (size_t)(end - p);
    if (unescaped_end(p, end) != end)
        return false;
    char *room = pz__buf_room(out, len + 2);
    if (!room)
        return true;
    room[0] = '"';
    memcpy(room + 1, p, len);
    room[len + 1] = '"';
    out->len += len + 2;
    return true;
}

void pz__json_write_text(pz__buf *out, pz_str text)
{
    const char *p = text.data ? text.data : "";
    const char *end = p + text.len;
    if (write_plain(out, p, end))
        return;
    pz__buf_byte(out, '"');
    while (p < end) {
        const char *stop = unescaped_end(p, end);
        pz__buf_put(out, p, (size_t)(stop - p));
        if (stop < end)
            write_escape(out, (uint8_t)*stop++);
        p = stop;
    }
    pz__buf_byte(out, '"');
}

static void write_base64(pz__buf *out, const uint8_t *data, uint32_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    pz__buf_byte(out, '"');
    for (uint32_t i = 0; i < len && out->status == PZ_OK; i += 3) {
        uint32_t left = len - i < 3 ? len - i : 3;
        uint32_t group = (uint32_t)data[i] << 16;
        group |= left > 1 ? (uint32_t)data[i + 1] << 8 : 0;
        group |= left > 2 ? data[i + 2] : 0;
        char four[4] = {digits[group >> 18], digits[group >> 12 & 63],
                        left > 1 ? digits[group >> 6 & 63] : '=',
                        left > 2 ? digits[group & 63] : '='};
        pz__buf_put(out, four, sizeof four);
        if (left < 3)
            break;
    }
    pz__buf_byte(out, '"');
}

static void write_double(writer *w, double d)
{
    char text[PZ__DOUBLE_TEXT_MAX];
    if (d - d != 0) {
        w->status = PZ_ERR_DOMAIN;
        return;
    }
    size_t len = pz__double_print(d, text);
    pz__buf_put(w->out, text, len);
    if (!memchr(text, '.', len) && !memchr(text, 'e', len))
        pz__buf_text(w->out, ".0");
}

static void write_string(writer *w, pz_value v)
{
    if (v.len > 0 && !pz__utf8_valid(v.as.text, v.len))
        w->status = PZ_ERR_DOMAIN;
    else
        pz__json_write_text(w->out, (pz_str){v.as.text, v.len});
}

static void write_time(writer *w, pz_value v)
{
    char text[PZ__RFC3339_MAX];
    if (v.as.i < PZ__TIME_MIN_S || v.as.i > PZ__TIME_MAX_S) {
        w->status = PZ_ERR_DOMAIN;
        return;
    }
    size_t len = pz__rfc3339_print(v.as.i, v.len, text);
    pz__json_write_text(w->out, (pz_str){text, len});
}

static void write_duration(writer *w, pz_value v)
{
    char text[PZ__DURATION_MAX];
    size_t len = pz__duration_print(v.as.i, text);
    pz__json_write_text(w->out, (pz_str){text, len});
}

static void write_whole(writer *w, pz_value v)
{
    char text[21];
    size_t len = v.kind == PZ_INT ? pz__int_print(v.as.i, text) : pz__uint_print(v.as.u, text);
    pz__buf_put(w->out, text, len);
}

static void write_name(writer *w, pz_value key)
{
    if (key.kind == PZ_STRING) {
        write_string(w, key);
        return;
    }
    pz__buf_byte(w->out, '"');
    if (key.kind == PZ_BOOL)
        pz__buf_text(w->out, key.as.b ? "true" : "false");
    else
        write_whole(w, key);
    pz__buf_byte(w->out, '"');
}

static void write_break(writer *w, unsigned depth)
{
    static const char spaces[] = "                                ";
    if (w->indent == 0)
        return;
    pz__buf_byte(w->out, '\n');
    for (size_t left = (size_t)w->indent * depth; left > 0 && w->out->status == PZ_OK;) {
        size_t part = left < sizeof spaces - 1 ? left : sizeof spaces - 1;
        pz__buf_put(w->out, spaces, part);
        left -= part;
    }
}

static void write_value(writer *w, pz_value v, unsigned depth);

static bool is_good(const writer *w)
{
    return w->status == PZ_OK && w->out->status == PZ_OK;
}

static void write_list(writer *w, pz_value v, unsigned depth)
{
    pz__buf_byte(w->out, '[');
    for (uint32_t i = 0; i < v.len && is_good(w); i++) {
        if (i > 0)
            pz__buf_byte(w->out, ',');
        write_break(w, depth + 1);
        write_value(w, v.as.items[i], depth + 1);
    }
    if (v.len > 0)
        write_break(w, depth);
    pz__buf_byte(w->out, ']');
}

static void write_map(writer *w, pz_value v, unsigned depth)
{
    const pz_entry *entries = pz__map_entries(v);
    pz__buf_byte(w->out, '{');
    for (uint32_t i = 0; i < v.len && is_good(w); i++) {
        if (i > 0)
            pz__buf_byte(w->out, ',');
        write_break(w, depth + 1);
        write_name(w, entries[i].key);
        pz__buf_text(w->out, w->indent ? ": " : ":");
        write_value(w, entries[i].value, depth + 1);
    }
    if (v.len > 0)
        write_break(w, depth);
    pz__buf_byte(w->out, '}');
}

static void write_value(writer *w, pz_value v, unsigned depth)
{
    if (v.kind >= PZ_LIST && depth == PZ__VALUE_DEPTH_MAX) {
        w->status = PZ_ERR_LIMIT;
        return;
    }
    switch (v.kind) {
    case PZ_NULL:
        pz__buf_text(w->out, "null");
        break;
    case PZ_BOOL:
        pz__buf_text(w->out, v.as.b ? "true" : "false");
        break;
    case PZ_INT:
    case PZ_UINT:
        write_whole(w, v);
        break;
    case PZ_DOUBLE:
        write_double(w, v.as.d);
        break;
    case PZ_STRING:
        write_string(w, v);
        break;
    case PZ_BYTES:
        write_base64(w->out, (const uint8_t *)v.as.text, v.len);
        break;
    case PZ_TIMESTAMP:
        write_time(w, v);
        break;
    case PZ_DURATION:
        write_duration(w, v);
        break;
    case PZ_LIST:
        write_list(w, v, depth);
        break;
    case PZ_MAP:
        write_map(w, v, depth);
        break;
    default:
        w->status = PZ_ERR_ARG;
        break;
    }
}

pz_status pz__json_write(pz__buf *out, pz_value v, uint32_t indent)
{
    writer w = {.out = out, .indent = indent};
    size_t before = out->len;
    write_value(&w, v, 0);
    if (w.status != PZ_OK)
        out->len = before;
    return w.status != PZ_OK ? w.status : out->status;
}

pz_status pz_value_print(pz_pool *pool, pz_str *out, pz_value v, uint32_t indent)
{
    if (!out)
        return PZ_ERR_ARG;
    *out = (pz_str){NULL, 0};
    if (!pool)
        return PZ_ERR_ARG;
    pz__arena *arena = pz__pool_arena(pool);
    pz__buf text;
    pz__buf_init(&text, &arena->alloc, PZ_JSON_BYTES_MAX);
    pz_status status = pz__json_write(&text, v, indent);
    char *owned = status == PZ_OK ? pz__arena_text(arena, text.data, text.len) : NULL;
    if (owned)
        *out = (pz_str){owned, text.len};
    else if (status == PZ_OK)
        status = PZ_ERR_NOMEM;
    pz__buf_clear(&text);
    return status;
}
