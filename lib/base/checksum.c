/*
 * checksum.c: a sum that notices accidents, several octets a cycle.
 *
 * Everything that is read from a store is summed before it is believed, so the sum must cost less
 * than finding the bytes. What a processor multiplies fastest is two words into two:
 *
 *     mix(a, b) = low(a * b) ^ high(a * b) ^ a ^ rotate(b, 32)
 *
 * Each bit of either word reaches the middle of the product and so both halves. Where one of the
 * words is zero the product says nothing of the other; the last two terms do.
 *
 * Four lanes of 16 octets each go side by side, for a multiplication takes longer than it takes to
 * begin the next; what is left over goes through the first lane, the last piece filled up with
 * zeros. The length is in it from the beginning. Words are little-endian on every machine, and the
 * constants are the digits of pi behind those of pz__fixed_key.
 *
 * Not here: anything that has to withstand somebody who wants to deceive (siphash.c, blake2s.c).
 */
#include "base/hash.h"

#include <string.h>

#define PIECE 16u

static const uint64_t lane_keys[4][2] = {
    {UINT64_C(0xa4093822299f31d0), UINT64_C(0x082efa98ec4e6c89)},
    {UINT64_C(0x452821e638d01377), UINT64_C(0xbe5466cf34e90c6c)},
    {UINT64_C(0xc0ac29b7c97c50dd), UINT64_C(0x3f84d5b5b5470917)},
    {UINT64_C(0x9216d5d98979fb1b), UINT64_C(0xd1310ba698dfb5ac)},
};

static inline uint64_t mix(uint64_t a, uint64_t b)
{
    const unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64) ^ a ^ (b << 32 | b >> 32);
}

/* Put together from octets it would not always become the one load that it is. */
static inline uint64_t word_at(const uint8_t *b)
{
    uint64_t n;
    memcpy(&n, b, sizeof n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    n = __builtin_bswap64(n);
#endif
    return n;
}

static inline uint64_t take(uint64_t sum, const uint8_t *piece, unsigned lane)
{
    return mix(word_at(piece) ^ lane_keys[lane][0], word_at(piece + 8) ^ lane_keys[lane][1] ^ sum);
}

/* Fewer than 16 octets, and zeros behind them. */
static uint64_t take_rest(uint64_t sum, const uint8_t *bytes, size_t len)
{
    uint8_t piece[PIECE] = {0};
    memcpy(piece, bytes, len);
    return take(sum, piece, 0);
}

uint64_t pz__checksum(const void *data, size_t len)
{
    const uint8_t *at = data;
    size_t left = len;
    uint64_t a = len, b = a + 1, c = a + 2, d = a + 3;
    for (; left >= 4 * PIECE; at += 4 * PIECE, left -= 4 * PIECE) {
        a = take(a, at, 0);
        b = take(b, at + PIECE, 1);
        c = take(c, at + 2 * PIECE, 2);
        d = take(d, at + 3 * PIECE, 3);
    }
    for (; left >= PIECE; at += PIECE, left -= PIECE)
        a = take(a, at, 0);
    if (left > 0)
        a = take_rest(a, at, left);
    const uint64_t one = mix(a ^ lane_keys[0][0], b ^ lane_keys[1][0]);
    const uint64_t other = mix(c ^ lane_keys[2][0], d ^ lane_keys[3][0]);
    return mix(one ^ lane_keys[0][1], other ^ lane_keys[1][1]);
}
