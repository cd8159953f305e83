/*
 * encoders.c: base64.encode and base64.decode (RFC 4648, standard alphabet).
 *
 * Encoding pads. Decoding takes text with its padding or without, but not with a part of it, and
 * nothing else: no line breaks, no other alphabet. The bits that the last digit has to spare may be
 * anything, as in the reference.
 */
#include "cel/text.h"

#include <string.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static uint32_t octet(pz_value bytes, size_t at)
{
    return at < bytes.len ? (unsigned char)bytes.as.text[at] : 0;
}

pz_value pz__fn_base64_encode(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value bytes = args[0];
    if (bytes.kind != PZ_BYTES)
        return pz__call_no_overload(call);
    uint64_t len = ((uint64_t)bytes.len + 2) / 3 * 4;
    if (len > PZ_VALUE_LEN_MAX || !pz__call_charge_bytes(call, len))
        return pz__call_spent();
    char *out = pz__arena_new(call->arena, (size_t)len);
    if (!out)
        return pz__call_nomem();
    for (size_t in = 0, at = 0; in < bytes.len; in += 3, at += 4) {
        uint32_t group = octet(bytes, in) << 16 | octet(bytes, in + 1) << 8 | octet(bytes, in + 2);
        for (size_t i = 0; i < 4; i++)
            out[at + i] = in + i <= bytes.len ? digits[group >> (18 - 6 * i) & 63] : '=';
    }
    return (pz_value){.kind = PZ_STRING, .len = (uint32_t)len, .as.text = out};
}

/* The six bits a digit stands for; 64 if it is none. */
static uint32_t digit_value(char c)
{
    const char *found = c ? strchr(digits, c) : NULL;
    return found ? (uint32_t)(found - digits) : 64;
}

/* The text without its padding; false if that is misplaced. */
static bool without_padding(pz_value *text)
{
    uint32_t padding = 0;
    while (padding < 2 && padding < text->len && text->as.text[text->len - 1 - padding] == '=')
        padding++;
    if (padding > 0 && text->len % 4 != 0)
        return false;
    text->len -= padding;
    return text->len % 4 != 1;
}

pz_value pz__fn_base64_decode(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    static const char *const wrong = "the text is not base64";
    pz_value text = args[0];
    if (text.kind != PZ_STRING)
        return pz__call_no_overload(call);
    if (!pz__call_charge_bytes(call, text.len))
        return pz__call_spent();
    if (!without_padding(&text))
        return pz__call_fail(call, wrong);
    char *out = pz__arena_new(call->arena, (size_t)text.len / 4 * 3 + 3);
    if (!out)
        return pz__call_nomem();
    uint32_t held = 0, bits = 0, len = 0;
    for (uint32_t i = 0; i < text.len; i++) {
        uint32_t value = digit_value(text.as.text[i]);
        if (value == 64)
            return pz__call_fail(call, wrong);
        held = held << 6 | value;
        bits += 6;
        if (bits < 8)
            continue;
        bits -= 8;
        out[len++] = (char)(held >> bits);
    }
    return (pz_value){.kind = PZ_BYTES, .len = len, .as.text = out};
}
