/*
 * literal.c: what number and text tokens denote.
 *
 * The lexer has already found where a literal ends, so here only its inside is read. An integer
 * takes its sign with it: the least int64 has no positive counterpart, so `-9223372036854775808` is
 * one literal and its digits alone are out of range.
 *
 * Escapes write code points in a string and octets in bytes: '\xff' is U+00FF, b'\xff' one octet.
 * A string stays valid UTF-8 because surrogates and numbers above U+10FFFF are refused. Unescaping
 * never lengthens a text (the shortest escape, \377 or \xff, gives two octets for four), so the
 * token's length bounds the room.
 */
#include "cel/lexer.h"

#include "base/number.h"
#include "base/utf8.h"

static pz_status refuse(pz__literal_error *error, uint32_t at, const char *message)
{
    *error = (pz__literal_error){message, at};
    return PZ_ERR_PARSE;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c |= 0x20;
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* ---- numbers ---- */

static bool hex_number(const char *text, size_t len, uint64_t *out)
{
    uint64_t n = 0;
    for (size_t i = 0; i < len; i++) {
        if (n >> 60)
            return false;
        n = n << 4 | (uint64_t)hex_digit(text[i]);
    }
    *out = n;
    return true;
}

pz_status pz__double_of_text(pz__arena *arena, const char *text, size_t len, double *out)
{
    if (len == 0 || text[0] != '.')
        return pz__double_parse(text, len, out) ? PZ_OK : PZ_ERR_PARSE;
    char *padded = pz__arena_array(arena, len + 1, 1);
    if (!padded)
        return PZ_ERR_NOMEM;
    padded[0] = '0';
    memcpy(padded + 1, text, len);
    return pz__double_parse(padded, len + 1, out) ? PZ_OK : PZ_ERR_PARSE;
}

static pz_status float_literal(pz__arena *arena, const char *text, size_t len, bool negative,
                               pz_value *out)
{
    double d = 0;
    pz_status status = pz__double_of_text(arena, text, len, &d);
    *out = pz_value_double(negative ? -d : d);
    return status;
}

pz_status pz__literal_number(pz__arena *arena, pz_str source, pz__token token, bool negative,
                             pz_value *out, pz__literal_error *error)
{
    const char *text = source.data + token.start;
    size_t len = token.end - token.start;
    if (token.kind == PZ__TOK_FLOAT) {
        pz_status status = float_literal(arena, text, len, negative, out);
        return status == PZ_ERR_PARSE ? refuse(error, token.start, "this number cannot be read")
                                      : status;
    }
    len -= token.kind == PZ__TOK_UINT;
    uint64_t n = 0;
    bool fits = len > 2 && text[1] == 'x' ? hex_number(text + 2, len - 2, &n)
                                          : pz__uint_parse(text, len, &n);
    if (token.kind == PZ__TOK_UINT) {
        if (!fits)
            return refuse(error, token.start, "a uint is at most 18446744073709551615");
        *out = (pz_value){.kind = PZ_UINT, .as.u = n};
        return PZ_OK;
    }
    uint64_t most = (uint64_t)INT64_MAX + negative;
    if (!fits || n > most)
        return refuse(
            error, token.start,
            "an int lies within -9223372036854775808 and 9223372036854775807; write a uint "
            "with a u behind it or a double with .0");
    *out = (pz_value){.kind = PZ_INT, .as.i = (int64_t)(negative ? 0 - n : n)};
    return PZ_OK;
}

/* ---- text ---- */

typedef struct unescaper {
    const char *text; /* the source */
    uint32_t at, end; /* inside of the quotes */
    bool bytes;
    char *out;
    uint32_t len;
    pz__literal_error *error;
} unescaper;

static bool simple_escape(char c, char *out)
{
    static const char from[] = "abfnrtv\\?\"'`";
    static const char to[] = "\a\b\f\n\r\t\v\\?\"'`";
    const char *found = c ? memchr(from, c, sizeof from - 1) : NULL;
    if (found)
        *out = to[found - from];
    return found != NULL;
}

static bool read_digits(unescaper *u, uint32_t count, uint32_t base, uint32_t *out)
{
    uint32_t n = 0;
    if (u->end - u->at < count)
        return false;
    for (uint32_t i = 0; i < count; i++) {
        int digit = hex_digit(u->text[u->at + i]);
        if (digit < 0 || (uint32_t)digit >= base)
            return false;
        n = n * base + (uint32_t)digit;
    }
    u->at += count;
    *out = n;
    return true;
}

static pz_status put_code(unescaper *u, uint32_t code, bool octet, uint32_t start)
{
    if (u->bytes && octet) {
        if (code > 0xff)
            return refuse(u->error, start, "an octet is at most \\377");
        u->out[u->len++] = (char)code;
        return PZ_OK;
    }
    if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
        return refuse(u->error, start,
                      "this is no Unicode character (a surrogate or above 10FFFF)");
    u->len += (uint32_t)pz__utf8_encode(code, u->out + u->len);
    return PZ_OK;
}

/* One escape, `at` behind its backslash. */
static pz_status unescape(unescaper *u)
{
    uint32_t start = u->at - 1, code = 0;
    char c = u->text[u->at];
    if (simple_escape(c, &u->out[u->len])) {
        u->at++;
        u->len++;
        return PZ_OK;
    }
    if (c >= '0' && c <= '3') {
        if (!read_digits(u, 3, 8, &code))
            return refuse(u->error, start,
                          "an octal escape has exactly three digits, \\000 to \\377");
        return put_code(u, code, true, start);
    }
    u->at++;
    if (c == 'x' || c == 'X') {
        if (!read_digits(u, 2, 16, &code))
            return refuse(u->error, start, "\\x takes exactly two hexadecimal digits");
        return put_code(u, code, true, start);
    }
    if ((c == 'u' || c == 'U') && u->bytes)
        return refuse(u->error, start, "\\u stands in strings only; write octets as \\x in bytes");
    if (c == 'u' || c == 'U') {
        if (!read_digits(u, c == 'u' ? 4 : 8, 16, &code))
            return refuse(u->error, start, "\\u takes four hexadecimal digits, \\U eight");
        return put_code(u, code, false, start);
    }
    return refuse(u->error, start, "there is no such escape; write \\\\ for a backslash");
}

pz_status pz__literal_text(pz__arena *arena, pz_str source, pz__token token, pz_value *out,
                           pz__literal_error *error)
{
    uint32_t start = token.start;
    bool raw = false;
    for (; source.data[start] != '"' && source.data[start] != '\''; start++)
        raw |= (source.data[start] | 0x20) == 'r';
    char quote = source.data[start];
    bool triple = token.end - start >= 6 && source.data[start + 1] == quote &&
                  source.data[start + 2] == quote;
    unescaper u = {.text = source.data,
                   .at = start + (triple ? 3 : 1),
                   .end = token.end - (triple ? 3 : 1),
                   .bytes = token.kind == PZ__TOK_BYTES,
                   .error = error};
    u.out = pz__arena_new(arena, (size_t)(u.end - u.at) + 1);
    if (!u.out)
        return PZ_ERR_NOMEM;
    while (u.at < u.end) {
        char c = u.text[u.at++];
        if (c != '\\' || raw) {
            u.out[u.len++] = c;
            continue;
        }
        pz_status status = unescape(&u);
        if (status != PZ_OK)
            return status;
    }
    *out = (pz_value){.kind = u.bytes ? PZ_BYTES : PZ_STRING, .len = u.len, .as.text = u.out};
    return PZ_OK;
}
