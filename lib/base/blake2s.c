/*
 * blake2s.c: BLAKE2s with a 16-byte digest (RFC 7693), for content hashes and keyed remembrance.
 *
 * The input is cut into blocks of 64 bytes; each is compressed into eight words of state together
 * with the count of bytes so far. The last block is marked as such, padded with zero bytes. A key
 * is a first block of its own. So a full block may be compressed only once more input is known to
 * follow: pz__blake2s_put() keeps it until then.
 *
 * All words are little-endian and put together from bytes, whatever the machine. The parameter
 * block holds digest length, key length, fan-out 1 and depth 1; salt, personalization and trees are
 * not used.
 */
#include "base/hash.h"

#include <stdbool.h>
#include <string.h>

#define BLOCK 64u
#define DIGEST 16u

/* The fractions of the square roots of the first eight primes, as in SHA-256 (RFC 7693, 2.6). */
static const uint32_t initial[8] = {
    0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19,
};

/* Which words of the block each round mixes in, and in what order (RFC 7693, 2.7). */
static const uint8_t schedule[10][16] = {
    {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15},
    {14, 10, 4, 8, 9, 15, 13, 6, 1, 12, 0, 2, 11, 7, 5, 3},
    {11, 8, 12, 0, 5, 2, 15, 13, 10, 14, 3, 6, 7, 1, 9, 4},
    {7, 9, 3, 1, 13, 12, 11, 14, 2, 6, 5, 10, 4, 0, 15, 8},
    {9, 0, 5, 7, 2, 4, 10, 15, 14, 1, 11, 12, 6, 8, 3, 13},
    {2, 12, 6, 10, 0, 11, 8, 3, 4, 13, 7, 5, 15, 14, 1, 9},
    {12, 5, 1, 15, 14, 13, 4, 10, 0, 7, 6, 3, 9, 2, 8, 11},
    {13, 11, 7, 14, 12, 1, 3, 9, 5, 0, 15, 4, 8, 6, 2, 10},
    {6, 15, 14, 9, 11, 3, 0, 8, 12, 2, 13, 7, 1, 4, 10, 5},
    {10, 2, 8, 4, 7, 6, 1, 5, 15, 11, 9, 14, 3, 12, 13, 0},
};

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t little_endian(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline void mix(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d, uint32_t x, uint32_t y)
{
    *a += *b + x;
    *d = rotate_right(*d ^ *a, 16);
    *c += *d;
    *b = rotate_right(*b ^ *c, 12);
    *a += *b + y;
    *d = rotate_right(*d ^ *a, 8);
    *c += *d;
    *b = rotate_right(*b ^ *c, 7);
}

/* Written out, with the working words in variables of their own, so that they stay in registers:
 * four rows a to d of four words each, mixed by columns, then by diagonals. */
static void compress(pz__blake2s *state, const uint8_t *block, bool is_last)
{
    uint32_t words[16];
    for (int i = 0; i < 16; i++)
        words[i] = little_endian(block + 4 * i);
    uint32_t *h = state->h;
    uint32_t a0 = h[0], a1 = h[1], a2 = h[2], a3 = h[3];
    uint32_t b0 = h[4], b1 = h[5], b2 = h[6], b3 = h[7];
    uint32_t c0 = initial[0], c1 = initial[1], c2 = initial[2], c3 = initial[3];
    uint32_t d0 = initial[4] ^ (uint32_t)state->counted;
    uint32_t d1 = initial[5] ^ (uint32_t)(state->counted >> 32);
    uint32_t d2 = is_last ? ~initial[6] : initial[6], d3 = initial[7];
    for (int round = 0; round < 10; round++) {
        const uint8_t *s = schedule[round];
        mix(&a0, &b0, &c0, &d0, words[s[0]], words[s[1]]);
        mix(&a1, &b1, &c1, &d1, words[s[2]], words[s[3]]);
        mix(&a2, &b2, &c2, &d2, words[s[4]], words[s[5]]);
        mix(&a3, &b3, &c3, &d3, words[s[6]], words[s[7]]);
        mix(&a0, &b1, &c2, &d3, words[s[8]], words[s[9]]);
        mix(&a1, &b2, &c3, &d0, words[s[10]], words[s[11]]);
        mix(&a2, &b3, &c0, &d1, words[s[12]], words[s[13]]);
        mix(&a3, &b0, &c1, &d2, words[s[14]], words[s[15]]);
    }
    h[0] ^= a0 ^ c0, h[1] ^= a1 ^ c1, h[2] ^= a2 ^ c2, h[3] ^= a3 ^ c3;
    h[4] ^= b0 ^ d0, h[5] ^= b1 ^ d1, h[6] ^= b2 ^ d2, h[7] ^= b3 ^ d3;
}

void pz__blake2s_init(pz__blake2s *state, const void *key, size_t key_len)
{
    *state = (pz__blake2s){0};
    memcpy(state->h, initial, sizeof initial);
    state->h[0] ^= 0x01010000u ^ (uint32_t)key_len << 8 ^ DIGEST;
    if (key_len == 0)
        return;
    memcpy(state->block, key, key_len);
    state->block_len = BLOCK;
}

void pz__blake2s_put(pz__blake2s *state, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    while (len > 0) {
        if (state->block_len == BLOCK) {
            state->counted += BLOCK;
            compress(state, state->block, false);
            state->block_len = 0;
        }
        size_t room = BLOCK - state->block_len;
        size_t step = len < room ? len : room;
        memcpy(state->block + state->block_len, bytes, step);
        state->block_len += step;
        bytes += step;
        len -= step;
    }
}

pz__digest pz__blake2s_end(pz__blake2s *state)
{
    state->counted += state->block_len;
    memset(state->block + state->block_len, 0, BLOCK - state->block_len);
    compress(state, state->block, true);
    pz__digest digest;
    for (size_t i = 0; i < DIGEST; i++)
        digest.bytes[i] = (uint8_t)(state->h[i / 4] >> (8 * (i % 4)));
    return digest;
}

pz__digest pz__content_hash(const void *data, size_t len)
{
    pz__blake2s state;
    pz__blake2s_init(&state, NULL, 0);
    pz__blake2s_put(&state, data, len);
    return pz__blake2s_end(&state);
}

void pz__digest_hex(pz__digest digest, char out[33])
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < DIGEST; i++) {
        out[2 * i] = digits[digest.bytes[i] >> 4];
        out[2 * i + 1] = digits[digest.bytes[i] & 15];
    }
    out[2 * DIGEST] = '\0';
}
