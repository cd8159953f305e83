/*
 * toy.c: an envelope is  key number (1)  nonce (4)  checksum over name and text (8)  text.
 */
#include "store/toy.h"

#include <string.h>

#define HEAD 13u

void toy_init(toy *t, uint64_t secret)
{
    memset(t, 0, sizeof *t);
    t->key = t->known = 1;
    t->secret = secret;
}

void toy_arm(toy *t, size_t nth, pz_status status)
{
    t->status = status;
    atomic_store(&t->asked, 0);
    atomic_store(&t->fail_at, nth);
}

static pz_status count(toy *t)
{
    const size_t asked = atomic_fetch_add(&t->asked, 1) + 1, at = atomic_load(&t->fail_at);
    return at && asked >= at ? t->status : PZ_OK;
}

static pz__key128 key_of(const toy *t, uint8_t number, uint32_t nonce)
{
    return (pz__key128){t->secret, (uint64_t)number << 32 | nonce};
}

static void mix(pz__key128 key, const uint8_t *from, uint8_t *to, size_t len)
{
    uint64_t stream = 0;
    for (size_t i = 0; i < len; i++) {
        if (i % 8 == 0)
            stream = pz__siphash(key, &i, sizeof i);
        to[i] = (uint8_t)(from[i] ^ stream >> 8 * (i % 8));
    }
}

static uint64_t sum(pz__key128 key, pz_str name, const uint8_t *text, size_t len)
{
    const uint64_t parts[2] = {pz__siphash(key, name.data, name.len), pz__siphash(key, text, len)};
    return pz__siphash(key, parts, sizeof parts);
}

static pz_status toy_seal(void *payload, pz_str name, const void *bytes, size_t len, void *out,
                          size_t *out_len)
{
    toy *t = payload;
    uint8_t *to = out;
    const uint32_t nonce = atomic_fetch_add(&t->nonce, 1);
    const pz__key128 key = key_of(t, t->key, nonce);
    const pz_status status = count(t);
    if (status != PZ_OK)
        return status;
    const uint64_t check = sum(key, name, bytes, len);
    to[0] = t->key;
    memcpy(to + 1, &nonce, 4);
    memcpy(to + 5, &check, 8);
    mix(key, bytes, to + HEAD, len);
    *out_len = len + HEAD + (t->lies ? 1 : 0);
    return PZ_OK;
}

static pz_status toy_open(void *payload, pz_str name, const void *sealed, size_t len, void *out,
                          size_t *out_len)
{
    toy *t = payload;
    const uint8_t *from = sealed;
    uint32_t nonce;
    uint64_t check;
    const pz_status status = count(t);
    if (status != PZ_OK)
        return status;
    if (len < HEAD || from[0] == 0 || from[0] > t->known)
        return PZ_ERR_CORRUPT;
    memcpy(&nonce, from + 1, 4);
    memcpy(&check, from + 5, 8);
    const pz__key128 key = key_of(t, from[0], nonce);
    mix(key, from + HEAD, out, len - HEAD);
    if (sum(key, name, out, len - HEAD) != check)
        return PZ_ERR_CORRUPT;
    *out_len = t->lies ? len + 1 : len - HEAD;
    return PZ_OK;
}

static pz_status toy_pseudonym(void *payload, const void *bytes, size_t len,
                               uint8_t out[PZ_HOOKS_PSEUDONYM_BYTES])
{
    toy *t = payload;
    const pz_status status = count(t);
    for (uint8_t half = 0; half < 2 && status == PZ_OK; half++) {
        pz__blake2s hash;
        pz__blake2s_init(&hash, &t->secret, sizeof t->secret);
        pz__blake2s_put(&hash, &half, 1);
        pz__blake2s_put(&hash, bytes, len);
        const pz__digest digest = pz__blake2s_end(&hash);
        memcpy(out + 16 * half, digest.bytes, 16);
    }
    return status;
}

pz_store_hooks toy_hooks(toy *t)
{
    return (pz_store_hooks){PZ_STORE_HOOKS,   .overhead = HEAD, .payload = t,
                            .seal = toy_seal, .open = toy_open, .pseudonym = toy_pseudonym};
}
