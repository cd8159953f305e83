/*
 * sodium_hooks.c: keys from a file, and the three hooks.
 *
 * A sealed run of bytes is the number of its key (1), a nonce (24), then what XChaCha20-Poly1305
 * made of the bytes and its tag (16). Nonces are random: 192 bits of chance need no counter that
 * processes would have to share.
 */
#include "sodium_hooks.h"

#include <sodium.h>
#include <stdio.h>
#include <string.h>

#define NONCE crypto_aead_xchacha20poly1305_ietf_NPUBBYTES
#define TAG crypto_aead_xchacha20poly1305_ietf_ABYTES
#define HEAD (1 + NONCE) /* the number of the key, the nonce */

/* The two uses of one line get keys of their own. */
static void derive(unsigned char out[32], const unsigned char line[32], uint64_t use)
{
    crypto_kdf_derive_from_key(out, 32, use, "pzstore1", line);
}

static const char *take_line(sodium_keys *keys, const char *text)
{
    unsigned char line[32];
    size_t len;
    const char *end;
    if (keys->count == SODIUM_KEYS_MAX)
        return "there are too many keys in the file";
    if (sodium_hex2bin(line, sizeof line, text, strcspn(text, "\r\n"), NULL, &len, &end) != 0 ||
        len != sizeof line || (*end != '\n' && *end != '\r' && *end != '\0'))
        return "a line of the key file is not 64 hexadecimal digits";
    derive(keys->seal[keys->count], line, 1);
    if (keys->count == 0)
        derive(keys->pseudonym, line, 2);
    keys->count++;
    sodium_memzero(line, sizeof line);
    return NULL;
}

const char *sodium_keys_read(sodium_keys *keys, const char *path)
{
    char text[128];
    const char *wrong = NULL;
    if (sodium_init() < 0)
        return "libsodium cannot start";
    memset(keys, 0, sizeof *keys);
    sodium_mlock(keys, sizeof *keys);
    FILE *file = fopen(path, "r");
    if (!file)
        return "the key file cannot be read";
    while (!wrong && fgets(text, sizeof text, file))
        wrong = take_line(keys, text);
    fclose(file);
    sodium_memzero(text, sizeof text);
    if (!wrong && keys->count == 0)
        wrong = "the key file holds no key";
    return wrong;
}

void sodium_keys_forget(sodium_keys *keys)
{
    sodium_munlock(keys, sizeof *keys); /* and wipes it */
}

static pz_status seal(void *payload, pz_str name, const void *bytes, size_t len, void *out,
                      size_t *out_len)
{
    const sodium_keys *keys = payload;
    unsigned char *to = out;
    unsigned long long made;
    to[0] = (unsigned char)keys->count;
    randombytes_buf(to + 1, NONCE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(to + HEAD, &made, bytes, len,
                                               (const unsigned char *)name.data, name.len, NULL,
                                               to + 1, keys->seal[keys->count - 1]);
    *out_len = HEAD + (size_t)made;
    return PZ_OK;
}

static pz_status open_sealed(void *payload, pz_str name, const void *sealed, size_t len, void *out,
                             size_t *out_len)
{
    const sodium_keys *keys = payload;
    const unsigned char *from = sealed;
    unsigned long long made;
    if (len < HEAD + TAG || from[0] == 0 || from[0] > keys->count)
        return PZ_ERR_CORRUPT;
    if (crypto_aead_xchacha20poly1305_ietf_decrypt(out, &made, NULL, from + HEAD, len - HEAD,
                                                   (const unsigned char *)name.data, name.len,
                                                   from + 1, keys->seal[from[0] - 1]) != 0)
        return PZ_ERR_CORRUPT;
    *out_len = (size_t)made;
    return PZ_OK;
}

static pz_status pseudonym(void *payload, const void *bytes, size_t len,
                           uint8_t out[PZ_HOOKS_PSEUDONYM_BYTES])
{
    const sodium_keys *keys = payload;
    crypto_generichash(out, PZ_HOOKS_PSEUDONYM_BYTES, bytes, len, keys->pseudonym,
                       sizeof keys->pseudonym);
    return PZ_OK;
}

pz_store_hooks sodium_hooks(sodium_keys *keys)
{
    return (pz_store_hooks){
        PZ_STORE_HOOKS, .overhead = HEAD + TAG, .payload = keys,
        .seal = seal,   .open = open_sealed,    .pseudonym = pseudonym,
    };
}
