/*
 * strings_edit.c: the string extension where texts are made: replace, split, join, trim, case,
 * quote.
 *
 * The empty text stands before every character and at the end: replacing it puts something there,
 * splitting at it gives the characters. A count of replacements or pieces below zero means all.
 *
 * What is made is charged by its length, octets at 16 a step and pieces at one each, so replacing a
 * letter by a page, again and again, runs out of steps before it runs out of memory.
 */
#include "cel/text.h"

#include "base/utf8.h"

/* Octets of the character at `at`. */
static size_t character(pz_value text, size_t at)
{
    size_t len;
    pz__utf8_decode(text.as.text + at, text.len - at, &len);
    return len;
}

/* ---- replace ---- */

/* Copy the next character and step over it; for the empty pattern, which is found between them. */
static void put_character(pz__buf *out, pz_value text, size_t *at)
{
    size_t len = *at < text.len ? character(text, *at) : 0;
    pz__text_put(out, pz__text_part(text, *at, *at + len));
    *at += len;
}

static void replace(pz__buf *out, pz_value text, pz_value from, pz_value to, uint64_t left)
{
    size_t at = 0;
    for (; left > 0 && out->status == PZ_OK; left--) {
        size_t found = pz__text_find(text, from, at);
        if (found == SIZE_MAX)
            break;
        pz__text_put(out, pz__text_part(text, at, found));
        pz__text_put(out, to);
        at = found + from.len;
        if (from.len == 0 && at == text.len)
            return;
        if (from.len == 0)
            put_character(out, text, &at);
    }
    pz__text_put(out, pz__text_part(text, at, text.len));
}

pz_value pz__fn_replace(pz__call *call, const pz_value *args, uint32_t count)
{
    if (args[0].kind != PZ_STRING || args[1].kind != PZ_STRING || args[2].kind != PZ_STRING ||
        (count == 4 && args[3].kind != PZ_INT))
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, args[0].len))
        return pz__call_spent();
    bool all = count == 3 || args[3].as.i < 0;
    pz__buf out;
    pz__text_open(call, &out);
    replace(&out, args[0], args[1], args[2], all ? UINT64_MAX : args[3].as.u);
    return pz__text_close(call, &out, PZ_STRING);
}

/* ---- split ---- */

/* Where the next piece ends and the one after it begins; false if the rest is the last piece. */
static bool next_cut(pz_value text, pz_value separator, size_t at, size_t *end, size_t *next)
{
    if (separator.len == 0) {
        *end = *next = at + character(text, at);
        return *end < text.len;
    }
    *end = pz__text_find(text, separator, at);
    *next = *end + separator.len;
    return *end != SIZE_MAX;
}

/* The pieces, written to `pieces` unless it is NULL; how many. */
static uint32_t cut(pz_value text, pz_value separator, uint64_t most, pz_value *pieces)
{
    uint32_t count = 0;
    size_t at = 0, end, next;
    if (most == 0 || (separator.len == 0 && text.len == 0))
        return 0;
    for (; count + 1 < most && next_cut(text, separator, at, &end, &next); at = next, count++)
        if (pieces)
            pieces[count] = pz__text_part(text, at, end);
    if (pieces)
        pieces[count] = pz__text_part(text, at, text.len);
    return count + 1;
}

pz_value pz__fn_split(pz__call *call, const pz_value *args, uint32_t count)
{
    if (args[0].kind != PZ_STRING || args[1].kind != PZ_STRING ||
        (count == 3 && args[2].kind != PZ_INT))
        return pz__call_no_overload(call);
    bool all = count == 2 || args[2].as.i < 0;
    uint64_t most = all ? UINT64_MAX : args[2].as.u;
    if (!pz__call_charge_bytes(call, args[0].len))
        return pz__call_spent();
    uint32_t pieces = cut(args[0], args[1], most, NULL);
    if (!pz__call_charge(call, pieces))
        return pz__call_spent();
    pz_value *items = pz__arena_array(call->arena, pieces, sizeof *items);
    if (!items)
        return pz__call_nomem();
    cut(args[0], args[1], most, items);
    return pz__value_of_items(items, pieces);
}

/* ---- join ---- */

pz_value pz__fn_join(pz__call *call, const pz_value *args, uint32_t count)
{
    pz_value list = args[0], separator = count == 2 ? args[1] : pz_value_str("");
    if (list.kind != PZ_LIST || separator.kind != PZ_STRING)
        return pz__call_no_overload(call);
    if (!pz__call_charge(call, list.len))
        return pz__call_spent();
    for (uint32_t i = 0; i < list.len; i++)
        if (list.as.items[i].kind != PZ_STRING)
            return pz__call_fail(call, "join() needs a list of strings; map(x, string(x)) first");
    pz__buf out;
    pz__text_open(call, &out);
    for (uint32_t i = 0; i < list.len && out.status == PZ_OK; i++) {
        if (i > 0)
            pz__text_put(&out, separator);
        pz__text_put(&out, list.as.items[i]);
    }
    return pz__text_close(call, &out, PZ_STRING);
}

/* ---- trim and case ---- */

/* White_Space of Unicode, which has not changed since version 6.3. */
static bool is_space(uint32_t c)
{
    static const uint16_t spaces[] = {0x20,   0x85,   0xa0,   0x1680, 0x2028,
                                      0x2029, 0x202f, 0x205f, 0x3000};
    for (size_t i = 0; i < sizeof spaces / sizeof spaces[0]; i++)
        if (c == spaces[i])
            return true;
    return (c >= 0x09 && c <= 0x0d) || (c >= 0x2000 && c <= 0x200a);
}

/* Where the character that ends before `end` begins. */
static size_t step_back(pz_value text, size_t start, size_t end)
{
    do
        end--;
    while (end > start && ((unsigned char)text.as.text[end] & 0xc0u) == 0x80u);
    return end;
}

pz_value pz__fn_trim(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value text = args[0];
    if (text.kind != PZ_STRING)
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    size_t start = 0, end = text.len, len;
    while (start < end && is_space(pz__utf8_decode(text.as.text + start, end - start, &len)))
        start += len;
    while (end > start) {
        size_t last = step_back(text, start, end);
        if (!is_space(pz__utf8_decode(text.as.text + last, end - last, &len)))
            break;
        end = last;
    }
    return pz__text_part(text, start, end);
}

/* The text with the letters `first` to `first` + 25 of ASCII in the other case. */
static pz_value change_case(pz__call *call, pz_value text, char first)
{
    if (text.kind != PZ_STRING)
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    char *out = pz__arena_new(call->arena, text.len);
    if (!out)
        return pz__call_nomem();
    for (uint32_t i = 0; i < text.len; i++) {
        char c = text.as.text[i];
        out[i] = c >= first && c <= first + 25 ? (char)(c ^ 0x20) : c;
    }
    return (pz_value){.kind = PZ_STRING, .len = text.len, .as.text = out};
}

pz_value pz__fn_lower_ascii(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return change_case(call, args[0], 'A');
}

pz_value pz__fn_upper_ascii(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return change_case(call, args[0], 'a');
}

/* ---- quote ---- */

static const char *escape(char c)
{
    static const struct {
        char c;
        char text[3];
    } escapes[] = {{'\a', "\\a"}, {'\b', "\\b"}, {'\f', "\\f"},  {'\n', "\\n"}, {'\r', "\\r"},
                   {'\t', "\\t"}, {'\v', "\\v"}, {'\\', "\\\\"}, {'"', "\\\""}};
    for (size_t i = 0; i < sizeof escapes / sizeof escapes[0]; i++)
        if (escapes[i].c == c)
            return escapes[i].text;
    return NULL;
}

pz_value pz__fn_quote(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value text = args[0];
    if (text.kind != PZ_STRING)
        return pz__call_no_overload(call);
    pz__buf out;
    pz__text_open(call, &out);
    pz__buf_byte(&out, '"');
    size_t len;
    for (size_t at = 0; at < text.len && out.status == PZ_OK; at += len) {
        char utf8[4];
        uint32_t c = pz__utf8_decode(text.as.text + at, text.len - at, &len);
        const char *escaped = c < 0x80 ? escape((char)c) : NULL;
        if (escaped)
            pz__buf_text(&out, escaped);
        else
            pz__buf_put(&out, utf8, pz__utf8_encode(c, utf8));
    }
    pz__buf_byte(&out, '"');
    return pz__text_close(call, &out, PZ_STRING);
}
