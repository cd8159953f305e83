/*
 * json_text.c: strings as JSON writes them, checked and resolved.
 *
 * A string is read in two passes, of which most need only the first. The check finds the closing
 * quote and leaves nothing unchecked on its way: UTF-8 (RFC 3629, no surrogates, no overlong
 * forms), unescaped control characters, escapes, and that the two halves of a surrogate pair stand
 * together. Plain text passes eight bytes at a time; a byte that is not ASCII starts a sequence,
 * which is checked where it is met. The second pass resolves escapes and cannot fail: it is only
 * reached by contents the first has accepted, and an escape is never shorter than what it stands
 * for.
 *
 * Not here: the grammar around strings (json_read.c), writing them (json_write.c).
 */
#include "value/json_text.h"

#include "base/utf8.h"

static bool is_between(char c, unsigned low, unsigned high)
{
    return (uint8_t)c >= low && (uint8_t)c <= high;
}

/* Length of the well-formed sequence of more than one byte at `p`; 0 if there is none. */
static size_t sequence_len(const char *p, size_t left)
{
    uint8_t lead = (uint8_t)p[0];
    if (lead < 0xc2 || lead > 0xf4 || left < 2)
        return 0;
    if (lead < 0xe0)
        return is_between(p[1], 0x80, 0xbf) ? 2 : 0;
    if (lead < 0xf0) {
        /* e0 would be overlong below a0; ed a0 and above are surrogates. */
        unsigned low = lead == 0xe0 ? 0xa0 : 0x80;
        unsigned high = lead == 0xed ? 0x9f : 0xbf;
        return left >= 3 && is_between(p[1], low, high) && is_between(p[2], 0x80, 0xbf) ? 3 : 0;
    }
    /* f0 would be overlong below 90; f4 90 and above are beyond U+10FFFF. */
    unsigned low = lead == 0xf0 ? 0x90 : 0x80;
    unsigned high = lead == 0xf4 ? 0x8f : 0xbf;
    bool is_whole = left >= 4 && is_between(p[1], low, high) && is_between(p[2], 0x80, 0xbf) &&
                    is_between(p[3], 0x80, 0xbf);
    return is_whole ? 4 : 0;
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* The number of \uXXXX at `p`, or UINT32_MAX if that is not what stands there. */
static uint32_t unit_at(const char *p, const char *end)
{
    if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
        return UINT32_MAX;
    uint32_t unit = 0;
    for (int i = 2; i < 6; i++) {
        int digit = hex_digit(p[i]);
        if (digit < 0)
            return UINT32_MAX;
        unit = unit << 4 | (uint32_t)digit;
    }
    return unit;
}

static bool is_high_half(uint32_t unit)
{
    return unit >= 0xd800 && unit <= 0xdbff;
}

static bool is_low_half(uint32_t unit)
{
    return unit >= 0xdc00 && unit <= 0xdfff;
}

static const char *refuse(pz__text_fault *fault, const char *at, const char *message)
{
    *fault = (pz__text_fault){at, message};
    return NULL;
}

/* Step over the escape at `p`. */
static const char *check_escape(const char *p, const char *end, pz__text_fault *fault)
{
    if (end - p < 2)
        return refuse(fault, end, "the string is not closed; end it with a quotation mark");
    if (p[1] != 'u') {
        if (p[1] && strchr("\"\\/bfnrt", p[1]))
            return p + 2;
        return refuse(fault, p,
                      "no such escape; after a backslash stands one of \" \\ / b f n r t u, and a "
                      "backslash itself is written twice");
    }
    uint32_t unit = unit_at(p, end);
    if (unit == UINT32_MAX)
        return refuse(fault, p, "\\u needs four hexadecimal digits, as in \\u00e9");
    if (is_low_half(unit) || (is_high_half(unit) && !is_low_half(unit_at(p + 6, end))))
        return refuse(fault, p,
                      "half of a surrogate pair stands alone; write both halves, high before low, "
                      "or the character itself");
    return is_high_half(unit) ? p + 12 : p + 6;
}

static const char *check_sequences(const char *p, const char *end, pz__text_fault *fault)
{
    while (p < end && (uint8_t)*p >= 0x80) {
        size_t len = sequence_len(p, (size_t)(end - p));
        if (len == 0)
            return refuse(fault, p, "the bytes here are not UTF-8; save the text as UTF-8");
        p += len;
    }
    return p;
}

const char *pz__json_text_end(const char *p, const char *end, bool *has_escapes,
                              pz__text_fault *fault)
{
    *has_escapes = false;
    while (p) {
        p = pz__json_plain_end(p, end);
        if (p == end)
            return refuse(fault, p, "the string is not closed; end it with a quotation mark");
        if (*p == '"')
            return p;
        if (*p == '\\') {
            *has_escapes = true;
            p = check_escape(p, end, fault);
        } else if ((uint8_t)*p >= 0x80) {
            p = check_sequences(p, end, fault);
        } else {
            return refuse(fault, p,
                          "a control character stands in a string; write it as an escape such as "
                          "\\n, \\t or \\u0000, or close the string before it");
        }
    }
    return NULL;
}

/* Resolve the escape at `p`; *out is advanced behind what it stands for. */
static const char *resolve(char **out, const char *p, const char *end)
{
    static const char single[256] = {['"'] = '"',  ['\\'] = '\\', ['/'] = '/',  ['b'] = '\b',
                                     ['f'] = '\f', ['n'] = '\n',  ['r'] = '\r', ['t'] = '\t'};
    if (p[1] != 'u') {
        *(*out)++ = single[(uint8_t)p[1]];
        return p + 2;
    }
    uint32_t code_point = unit_at(p, end);
    p += 6;
    if (is_high_half(code_point)) {
        code_point = 0x10000 + ((code_point - 0xd800) << 10) + (unit_at(p, end) - 0xdc00);
        p += 6;
    }
    *out += pz__utf8_encode(code_point, *out);
    return p;
}

size_t pz__json_unescape(char *out, const char *text, size_t len)
{
    const char *end = text + len;
    char *next = out;
    while (text < end) {
        const char *escape = memchr(text, '\\', (size_t)(end - text));
        size_t plain = (size_t)((escape ? escape : end) - text);
        memcpy(next, text, plain);
        next += plain;
        text += plain;
        if (escape)
            text = resolve(&next, escape, end);
    }
    return (size_t)(next - out);
}
