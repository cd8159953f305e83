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

/* The columns, then the diagonals, of the 4 by 4 matrix of working words. */
static const uint8_t lanes[8][4] = {
    {0, 4, 8, 12},  {1, 5, 9, 13},  {2, 6, 10, 14}, {3, 7, 11, 15},
    {0, 5, 10, 15}, {1, 6, 11, 12}, {2, 7, 8, 13},  {3, 4, 9, 14},
};

static uint32_t rotate_right(uint32_t x, unsigned n)
{
    return x >> n | x << (32 - n);
}

static uint32_t little_endian(const uint8_t *b)
{
    return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static void mix(uint32_t v[16], const uint8_t lane[4], uint32_t x, uint32_t y)
{
    uint32_t a = v[lane[0]], b = v[lane[1]], c = v[lane[2]], d = v[lane[3]];
    a += b + x;
    d = rotate_right(d ^ a, 16);
    c += d;
    b = rotate_right(b ^ c, 12);
    a += b + y;
    d = rotate_right(d ^ a, 8);
    c += d;
    b = rotate_right(b ^ c, 7);
    v[lane[0]] = a, v[lane[1]] = b, v[lane[2]] = c, v[lane[3]] = d;
}

static void compress(pz__blake2s *state, const uint8_t *block, bool is_last)
{
    uint32_t v[16], words[16];
    for (int i = 0; i < 16; i++)
        words[i] = little_endian(block + 4 * i);
    memcpy(v, state->h, sizeof state->h);
    memcpy(v + 8, initial, sizeof initial);
    v[12] ^= (uint32_t)state->counted;
    v[13] ^= (uint32_t)(state->counted >> 32);
    if (is_last)
        v[14] = ~v[14];
    for (int round = 0; round < 10; round++)
        for (int i = 0; i < 8; i++)
            mix(v, lanes[i], words[schedule[round][2 * i]], words[schedule[round][2 * i + 1]]);
    for (int i = 0; i < 8; i++)
        state->h[i] ^= v[i] ^ v[i + 8];
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
