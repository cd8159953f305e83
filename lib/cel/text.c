/*
 * text.c: searching in strings, and what all functions on texts share.
 *
 * Strings are valid UTF-8, where a sequence never begins inside another, so searching octets finds
 * exactly the occurrences that searching code points would. The empty text is found everywhere.
 *
 * A text under construction grows on the heap and is moved to the arena when it is done: how long
 * it will be is rarely known before, and an arena cannot take pieces back.
 */
#include "cel/text.h"

#include "base/utf8.h"

/* ---- shared ---- */

bool pz__call_charge_bytes(const pz__call *call, uint64_t bytes)
{
    uint64_t steps = bytes / PZ__STEP_BYTES;
    return pz__call_charge(call, steps < PZ__STEPS_SPENT ? (uint32_t)steps : PZ__STEPS_SPENT);
}

pz_value pz__text_part(pz_value text, size_t start, size_t end)
{
    text.as.text = text.as.text ? text.as.text + start : text.as.text;
    text.len = (uint32_t)(end - start);
    return text;
}

static bool continues(char octet)
{
    return ((unsigned char)octet & 0xc0u) == 0x80u;
}

bool pz__text_offset(pz_value text, int64_t position, size_t *offset)
{
    if (position < 0 || position > (int64_t)text.len)
        return false;
    size_t at = 0;
    for (; position > 0 && at < text.len; position--) {
        at++;
        while (at < text.len && continues(text.as.text[at]))
            at++;
    }
    *offset = at;
    return position == 0;
}

size_t pz__text_find(pz_value text, pz_value part, size_t from)
{
    if (part.len == 0)
        return from;
    if (text.len - from < part.len)
        return SIZE_MAX;
    const char *found = memmem(text.as.text + from, text.len - from, part.as.text, part.len);
    return found ? (size_t)(found - text.as.text) : SIZE_MAX;
}

void pz__text_open(const pz__call *call, pz__buf *out)
{
    uint64_t limit = ((uint64_t)*call->steps + 1) * PZ__STEP_BYTES - 1;
    if (pz__call_is_spent(call))
        limit = 0;
    pz__buf_init(out, &call->arena->alloc, limit < PZ_VALUE_LEN_MAX ? limit : PZ_VALUE_LEN_MAX);
}

pz_value pz__text_close(pz__call *call, pz__buf *out, uint32_t kind)
{
    pz_value v = pz__call_nomem();
    if (out->status == PZ_ERR_LIMIT) {
        pz__call_charge(call, *call->steps + 1);
        v = pz__call_spent();
    } else if (out->status == PZ_OK && !pz__call_charge_bytes(call, out->len)) {
        v = pz__call_spent();
    } else if (out->status == PZ_OK) {
        const char *text = pz__arena_text(call->arena, out->len ? out->data : "", out->len);
        if (text)
            v = (pz_value){.kind = kind, .len = (uint32_t)out->len, .as.text = text};
    }
    pz__buf_clear(out);
    return v;
}

void pz__text_put(pz__buf *out, pz_value text)
{
    if (text.len)
        pz__buf_put(out, text.as.text, text.len);
}

/* ---- searching ---- */

static bool are_strings(const pz_value *args, uint32_t count)
{
    return count == 2 && args[0].kind == PZ_STRING && args[1].kind == PZ_STRING;
}

pz_value pz__fn_starts_with(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_strings(args, count))
        return pz__call_no_overload(call);
    pz_value text = args[0], start = args[1];
    if (start.len <= text.len && !pz__call_charge_bytes(call, start.len))
        return pz__call_spent();
    return pz_value_bool(start.len <= text.len &&
                         (start.len == 0 || memcmp(text.as.text, start.as.text, start.len) == 0));
}

pz_value pz__fn_ends_with(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_strings(args, count))
        return pz__call_no_overload(call);
    pz_value text = args[0], end = args[1];
    if (end.len <= text.len && !pz__call_charge_bytes(call, end.len))
        return pz__call_spent();
    return pz_value_bool(
        end.len <= text.len &&
        (end.len == 0 || memcmp(text.as.text + (text.len - end.len), end.as.text, end.len) == 0));
}

pz_value pz__fn_contains(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_strings(args, count))
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, args[0].len))
        return pz__call_spent();
    return pz_value_bool(pz__text_find(args[0], args[1], 0) != SIZE_MAX);
}
