/*
 * siphash.c: SipHash-2-4, the short keyed hash of Aumasson and Bernstein (Indocrypt 2012).
 *
 * Four words of state; every eight bytes of input (little-endian) are mixed in by two rounds, the
 * last word carries the length in its top byte, and four rounds finish. Words are put together from
 * bytes, so the answer does not depend on the byte order of the machine.
 *
 * Two kinds of key are in use. With pz__fixed_key the hash is a plain function of its input, for
 * tables and for whatever must be equal everywhere; with a key of the caller's it decides buckets
 * or finds repetitions without being predictable. Where two inputs must never be taken for one
 * another, 64 bits are not enough: that is what blake2s.c is for.
 */
#include "base/hash.h"

/* The first digits of pi: numbers with nothing up their sleeve. */
const pz__key128 pz__fixed_key = {UINT64_C(0x243f6a8885a308d3), UINT64_C(0x13198a2e03707344)};

typedef struct sip {
    uint64_t v0, v1, v2, v3;
} sip;

static uint64_t rotate_left(uint64_t x, unsigned n)
{
    return x << n | x >> (64 - n);
}

/* Spelled so that compilers see one load in it where the machine is little-endian. */
static uint64_t word_at(const uint8_t *b)
{
    return (uint64_t)b[0] | (uint64_t)b[1] << 8 | (uint64_t)b[2] << 16 | (uint64_t)b[3] << 24 |
           (uint64_t)b[4] << 32 | (uint64_t)b[5] << 40 | (uint64_t)b[6] << 48 |
           (uint64_t)b[7] << 56;
}

/* Fewer than eight bytes. */
static uint64_t tail_at(const uint8_t *bytes, size_t count)
{
    uint64_t word = 0;
    for (size_t i = 0; i < count; i++)
        word |= (uint64_t)bytes[i] << (8 * i);
    return word;
}

static inline void sip_round(sip *s)
{
    s->v0 += s->v1;
    s->v2 += s->v3;
    s->v1 = rotate_left(s->v1, 13) ^ s->v0;
    s->v3 = rotate_left(s->v3, 16) ^ s->v2;
    s->v0 = rotate_left(s->v0, 32);
    s->v2 += s->v1;
    s->v0 += s->v3;
    s->v1 = rotate_left(s->v1, 17) ^ s->v2;
    s->v3 = rotate_left(s->v3, 21) ^ s->v0;
    s->v2 = rotate_left(s->v2, 32);
}

static inline void sip_word(sip *s, uint64_t word)
{
    s->v3 ^= word;
    sip_round(s);
    sip_round(s);
    s->v0 ^= word;
}

uint64_t pz__siphash(pz__key128 key, const void *data, size_t len)
{
    const uint8_t *bytes = data;
    sip s = {
        key.k0 ^ UINT64_C(0x736f6d6570736575),
        key.k1 ^ UINT64_C(0x646f72616e646f6d),
        key.k0 ^ UINT64_C(0x6c7967656e657261),
        key.k1 ^ UINT64_C(0x7465646279746573),
    };
    size_t whole = len - len % 8;
    for (size_t i = 0; i < whole; i += 8)
        sip_word(&s, word_at(bytes + i));
    uint64_t tail = len % 8 ? tail_at(bytes + whole, len % 8) : 0;
    sip_word(&s, tail | (uint64_t)len << 56);
    s.v2 ^= 0xff;
    for (int i = 0; i < 4; i++)
        sip_round(&s);
    return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}
