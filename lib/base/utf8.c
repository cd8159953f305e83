/*
 * utf8.c: UTF-8 as RFC 3629 has it.
 *
 * Well-formed sequences, from table 3-7 of the Unicode standard:
 *
 *     00..7F
 *     C2..DF  80..BF
 *     E0      A0..BF  80..BF             (below A0 would be overlong)
 *     E1..EF  80..BF  80..BF             (ED: 80..9F only, the rest are surrogates)
 *     F0      90..BF  80..BF  80..BF     (below 90 would be overlong)
 *     F1..F4  80..BF  80..BF  80..BF     (F4: 80..8F only, U+10FFFF is the last)
 *
 * Only the second byte's range depends on the first, so one check of it settles overlong forms,
 * surrogates and the upper end together. ASCII, nearly everything that is ever read, is skipped
 * eight bytes at a time. Whoever decodes or counts has checked before; these functions do not check
 * again.
 */
#include "base/utf8.h"

#include <string.h>

#define HIGH_BITS UINT64_C(0x8080808080808080)

static bool is_continuation(uint8_t byte)
{
    return (byte & 0xc0) == 0x80;
}

/* Bytes of the sequence that `lead` begins; 0 if none begins so. */
static size_t sequence_len(uint8_t lead)
{
    if (lead < 0x80)
        return 1;
    if (lead < 0xc2 || lead > 0xf4)
        return 0;
    return lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
}

static bool second_fits(uint8_t lead, uint8_t second)
{
    uint8_t low = lead == 0xe0 ? 0xa0 : lead == 0xf0 ? 0x90 : 0x80;
    uint8_t high = lead == 0xed ? 0x9f : lead == 0xf4 ? 0x8f : 0xbf;
    return second >= low && second <= high;
}

/* Length of the well-formed sequence at `s`, 0 if there is none. `left` > 0. */
static size_t well_formed(const uint8_t *s, size_t left)
{
    size_t len = sequence_len(s[0]);
    if (len <= 1)
        return len;
    if (len > left || !second_fits(s[0], s[1]))
        return 0;
    for (size_t i = 2; i < len; i++)
        if (!is_continuation(s[i]))
            return 0;
    return len;
}

static bool is_ascii_word(const uint8_t *s)
{
    uint64_t word;
    memcpy(&word, s, sizeof word);
    return (word & HIGH_BITS) == 0;
}

size_t pz__utf8_first_bad(const char *text, size_t len)
{
    const uint8_t *s = (const uint8_t *)text;
    size_t i = 0;
    while (i < len) {
        if (len - i >= 8 && is_ascii_word(s + i)) {
            i += 8;
            continue;
        }
        size_t step = well_formed(s + i, len - i);
        if (step == 0)
            return i;
        i += step;
    }
    return len;
}

bool pz__utf8_valid(const char *text, size_t len)
{
    return pz__utf8_first_bad(text, len) == len;
}

size_t pz__utf8_count(const char *text, size_t len)
{
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        count += !is_continuation((uint8_t)text[i]);
    return count;
}

uint32_t pz__utf8_decode(const char *text, size_t left, size_t *len)
{
    static const uint8_t lead_bits[5] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    const uint8_t *s = (const uint8_t *)text;
    size_t n = sequence_len(s[0]);
    if (n == 0 || n > left) {
        *len = 1;
        return PZ__UTF8_REPLACEMENT;
    }
    uint32_t c = s[0] & lead_bits[n];
    for (size_t i = 1; i < n; i++)
        c = c << 6 | (s[i] & 0x3f);
    *len = n;
    return c;
}

size_t pz__utf8_encode(uint32_t c, char out[4])
{
    static const uint8_t lead_marks[5] = {0, 0x00, 0xc0, 0xe0, 0xf0};
    size_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
    for (size_t i = n - 1; i > 0; i--) {
        out[i] = (char)(0x80 | (c & 0x3f));
        c >>= 6;
    }
    out[0] = (char)(lead_marks[n] | c);
    return n;
}
