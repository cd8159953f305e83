/*
 * sodium_hooks.h: hooks for libpersonalize's stores, with libsodium.
 *
 * What a store keeps is sealed with XChaCha20-Poly1305, its place as associated data; ids, identifiers
 * and names of streams become keyed BLAKE2b hashes of 256 bits.
 *
 * Keys stand in a file, one a line: 64 hexadecimal digits, 256 random bits. The last line seals; every
 * line opens, for the number of the line is in front of what was sealed; pseudonyms come of the first.
 * So to change keys append a line and start the processes anew, first those that only read.
 */
#ifndef SODIUM_HOOKS_H
#define SODIUM_HOOKS_H

#include <personalize/ext/hooks.h>

#define SODIUM_KEYS_MAX 255

typedef struct sodium_keys {
    unsigned count;
    unsigned char seal[SODIUM_KEYS_MAX][32];
    unsigned char pseudonym[32];
} sodium_keys;

/* Read the keys; NULL, or what is wrong. Their memory is locked: it is not swapped to a disk. */
const char *sodium_keys_read(sodium_keys *keys, const char *path);
void sodium_keys_forget(sodium_keys *keys);

/* Hooks over keys, which must outlive the engine. */
pz_store_hooks sodium_hooks(sodium_keys *keys);

#endif
