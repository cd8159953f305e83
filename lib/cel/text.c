/*
 * text.c: searching in strings.
 *
 * Strings are valid UTF-8, where a sequence never begins inside another, so searching octets finds
 * exactly the occurrences that searching code points would. The empty text is found everywhere.
 */
#include "cel/functions.h"

static bool are_strings(const pz_value *args, uint32_t count)
{
    return count == 2 && args[0].kind == PZ_STRING && args[1].kind == PZ_STRING;
}

pz_value pz__fn_starts_with(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_strings(args, count))
        return pz__call_no_overload(call);
    pz_value text = args[0], start = args[1];
    return pz_value_bool(start.len <= text.len &&
                         (start.len == 0 || memcmp(text.as.text, start.as.text, start.len) == 0));
}

pz_value pz__fn_ends_with(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_strings(args, count))
        return pz__call_no_overload(call);
    pz_value text = args[0], end = args[1];
    return pz_value_bool(
        end.len <= text.len &&
        (end.len == 0 || memcmp(text.as.text + (text.len - end.len), end.as.text, end.len) == 0));
}

pz_value pz__fn_contains(pz__call *call, const pz_value *args, uint32_t count)
{
    if (!are_strings(args, count))
        return pz__call_no_overload(call);
    return pz_value_bool(args[1].len == 0 || memmem(args[0].as.text, args[0].len, args[1].as.text,
                                                    args[1].len) != NULL);
}
