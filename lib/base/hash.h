/*
 * hash.h: three hashes for three uses.
 *
 * SipHash-2-4 (Aumasson, Bernstein 2012): short and keyed, for tables, deduplication and bucketing.
 * BLAKE2s (RFC 7693): collision-resistant and keyed or not, for content hashes and remembrance.
 * A checksum: against accidents only, at the speed of memory.
 * All give the same bytes on every machine.
 */
#ifndef PZ_BASE_HASH_H
#define PZ_BASE_HASH_H

#include <stddef.h>
#include <stdint.h>

typedef struct pz__key128 {
    uint64_t k0, k1;
} pz__key128;

/* The key of everything that is not secret but must be the same everywhere. */
extern const pz__key128 pz__fixed_key;

uint64_t pz__siphash(pz__key128 key, const void *data, size_t len);

/* Against flipped bits and cuts, not against people: checksum.c says how. */
uint64_t pz__checksum(const void *data, size_t len);

/* A 128-bit content hash. */
typedef struct pz__digest {
    uint8_t bytes[16];
} pz__digest;

typedef struct pz__blake2s {
    uint32_t h[8];
    uint64_t counted;
    uint8_t block[64];
    size_t block_len;
} pz__blake2s;

/* `key_len` 0 to 32; 0 means unkeyed. The digest is 16 bytes. */
void pz__blake2s_init(pz__blake2s *state, const void *key, size_t key_len);
void pz__blake2s_put(pz__blake2s *state, const void *data, size_t len);
pz__digest pz__blake2s_end(pz__blake2s *state);
/* All three in one. */
pz__digest pz__content_hash(const void *data, size_t len);
/* 32 lower-case hexadecimal digits and a NUL. */
void pz__digest_hex(pz__digest digest, char out[33]);

#endif
