/*
 * strings.c: the string extension where positions matter: charAt, indexOf, lastIndexOf, substring,
 * reverse.
 *
 * Positions count code points from 0 and may stand one past the last; any other is an error, never
 * brought into range silently. Searches run on octets (text.c says why that is right) and only the
 * answer is turned back into a position. Parts of a text borrow from it.
 *
 * A search backwards looks at one place after the other, which can take the product of both
 * lengths; each place whose first octet fits is charged for, so the budget bounds it.
 */
#include "cel/text.h"

#include "base/utf8.h"

static const char *const range_text = "the position is out of range; compare it with size() first";

/* s.f(t) or s.f(t, position). */
static bool is_search(const pz_value *args, uint32_t count)
{
    return args[0].kind == PZ_STRING && args[1].kind == PZ_STRING &&
           (count == 2 || args[2].kind == PZ_INT);
}

static pz_value position_of(pz_value text, size_t offset)
{
    return pz_value_int((int64_t)pz__utf8_count(text.as.text, offset));
}

pz_value pz__fn_char_at(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value text = args[0];
    if (text.kind != PZ_STRING || args[1].kind != PZ_INT)
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    size_t start, len = 0;
    if (!pz__text_offset(text, args[1].as.i, &start))
        return pz__call_fail(call, range_text);
    if (start < text.len)
        pz__utf8_decode(text.as.text + start, text.len - start, &len);
    return pz__text_part(text, start, start + len);
}

pz_value pz__fn_index_of(pz__call *call, const pz_value *args, uint32_t count)
{
    pz_value text = args[0];
    size_t from = 0;
    if (!is_search(args, count))
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, (uint64_t)text.len + args[1].len))
        return pz__call_spent();
    if (count == 3 && !pz__text_offset(text, args[2].as.i, &from))
        return pz__call_fail(call, range_text);
    size_t found = pz__text_find(text, args[1], from);
    return found == SIZE_MAX ? pz_value_int(-1) : position_of(text, found);
}

/* The last occurrence that begins at or before `from`. */
static pz_value search_back(pz__call *call, pz_value text, pz_value part, size_t from)
{
    if (part.len > text.len)
        return pz_value_int(-1);
    if (from > text.len - part.len)
        from = text.len - part.len;
    for (size_t at = from + 1; at-- > 0;) {
        if (part.len == 0)
            return position_of(text, at);
        if (text.as.text[at] != part.as.text[0])
            continue;
        if (!pz__call_charge_bytes(call, part.len))
            return pz__call_spent();
        if (memcmp(text.as.text + at, part.as.text, part.len) == 0)
            return position_of(text, at);
    }
    return pz_value_int(-1);
}

pz_value pz__fn_last_index_of(pz__call *call, const pz_value *args, uint32_t count)
{
    pz_value text = args[0];
    if (!is_search(args, count))
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    size_t from = text.len;
    if (count == 3 && !pz__text_offset(text, args[2].as.i, &from))
        return pz__call_fail(call, range_text);
    return search_back(call, text, args[1], from);
}

pz_value pz__fn_substring(pz__call *call, const pz_value *args, uint32_t count)
{
    pz_value text = args[0];
    if (text.kind != PZ_STRING || args[1].kind != PZ_INT || (count == 3 && args[2].kind != PZ_INT))
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    size_t start, end = text.len;
    if (!pz__text_offset(text, args[1].as.i, &start) ||
        (count == 3 && !pz__text_offset(text, args[2].as.i, &end)))
        return pz__call_fail(call, range_text);
    if (start > end)
        return pz__call_fail(call, "a substring cannot end before it begins");
    return pz__text_part(text, start, end);
}

pz_value pz__text_reverse(pz__call *call, pz_value text)
{
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    char *out = pz__arena_new(call->arena, text.len);
    if (!out)
        return pz__call_nomem();
    size_t len;
    for (size_t at = 0; at < text.len; at += len) {
        pz__utf8_decode(text.as.text + at, text.len - at, &len);
        memcpy(out + (text.len - at - len), text.as.text + at, len);
    }
    return (pz_value){.kind = PZ_STRING, .len = text.len, .as.text = out};
}
