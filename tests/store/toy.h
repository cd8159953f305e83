/*
 * toy.h: hooks for tests, which fail on demand. They are no cipher: a keyed stream of SipHash and a
 * checksum, enough to see that nothing stands in the clear and that keys and names are told apart.
 */
#ifndef PZ_TESTS_STORE_TOY_H
#define PZ_TESTS_STORE_TOY_H

#include <stdatomic.h>

#include <personalize/ext/hooks.h>

#include "base/hash.h"

#define TOY_KEYS 4u

typedef struct toy {
    uint8_t key;       /* what is sealed from now on is sealed with this one */
    uint8_t known;     /* keys 1 to this one open */
    uint64_t secret;   /* of all keys, and of pseudonyms */
    atomic_uint nonce; /* each seal gets another */
    atomic_size_t asked;
    atomic_size_t fail_at; /* this call of a hook (from 1) fails, and all after it; 0: none */
    pz_status status;      /* how */
    bool lies;             /* seals and opens say that they wrote more than they may */
} toy;

void toy_init(toy *t, uint64_t secret);
/* Hooks over it. */
pz_store_hooks toy_hooks(toy *t);
/* The nth call from now on fails. 0 calms. */
void toy_arm(toy *t, size_t nth, pz_status status);

#endif
