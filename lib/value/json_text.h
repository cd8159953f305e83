/*
 * json_text.h: the inside of JSON strings. Private to lib/value.
 */
#ifndef PZ_VALUE_JSON_TEXT_H
#define PZ_VALUE_JSON_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* What is wrong in a string, and where. */
typedef struct pz__text_fault {
    const char *at;
    const char *message;
} pz__text_fault;

/* Eight bytes as one number whose low byte stands first in memory. */
static inline uint64_t pz__load_eight(const char *p)
{
    uint64_t word;
    memcpy(&word, p, sizeof word);
#if defined(__BYTE_ORDER__) && __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    word = __builtin_bswap64(word);
#endif
    return word;
}

/* The high bit of each byte that ends a run of plain text: quote, backslash, control, not ASCII.
 * Only the lowest such bit is exact, for a borrow may spoil the bytes above it. */
static inline uint64_t pz__special_bytes(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t quote = (word ^ ones * '"') - ones;
    uint64_t backslash = (word ^ ones * '\\') - ones;
    uint64_t control = word - ones * 0x20;
    return (quote | backslash | control | word) & ones * 0x80;
}

/* The first byte from `p` on that is not plain text inside a string; `end` if all are. */
static inline const char *pz__json_plain_end(const char *p, const char *end)
{
    for (; end - p >= 8; p += 8) {
        uint64_t special = pz__special_bytes(pz__load_eight(p));
        if (special)
            return p + (__builtin_ctzll(special) >> 3);
    }
    while (p < end && (uint8_t)*p >= 0x20 && (uint8_t)*p < 0x80 && *p != '"' && *p != '\\')
        p++;
    return p;
}

/*
 * Check the contents of a string from `p`, behind its opening quote, and find the closing quote.
 * NULL, and the fault, if there is none or the contents are not well formed.
 */
const char *pz__json_text_end(const char *p, const char *end, bool *has_escapes,
                              pz__text_fault *fault);

/* Contents that pz__json_text_end() has checked, with escapes resolved; never longer than `len`.
 * Returns the length. */
size_t pz__json_unescape(char *out, const char *text, size_t len);

#endif
