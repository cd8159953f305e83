/*
 * looking.h: stores that are looked after, for their tests, and short words.
 */
#ifndef PZ_TESTS_ENGINE_LOOKING_H
#define PZ_TESTS_ENGINE_LOOKING_H

#include <stdlib.h>

#include "engine/engine.h"
#include "home.h"

/* ---- two households ---- */

static inline void address_of(const home *h, const char *name, char out[300])
{
    snprintf(out, 300, "lmdb:%s/%s", h->directory, name);
}

static inline pz_store *open_at(const home *h, const char *name)
{
    char address[300];
    pz_store *store;
    address_of(h, name, address);
    assert_ok(pz_store_open(&store, address, NULL, &kit_error));
    return store;
}

/* Someone with two identifiers, a choice and a link to somebody else. */
static inline void fill(home *h, unsigned count)
{
    pz_profile *before = NULL;
    for (unsigned i = 0; i < count; i++) {
        char name[40];
        snprintf(name, sizeof name, "customer-%04u", i);
        pz_profile *one = customer(h, "email", name);
        assert_ok(pz_identify(one, "card", name, NULL, &kit_error));
        assert_ok(pz_choose(one, "language", pz_value_str(i % 2 ? "de" : "fr"), NULL, &kit_error));
        if (before)
            assert_ok(pz_link(one, id_of(before), 1.0, NULL, &kit_error));
        pz_profile_free(before);
        before = one;
    }
    pz_profile_free(before);
}

static inline pz_store_info info_of(pz_store *store)
{
    pz_store_info info = {.size = sizeof info};
    assert_ok(pz_store_info_read(store, &info, &kit_error));
    return info;
}

/* The faults of a store: how many, and of which kinds. */
typedef struct faults {
    unsigned count;
    unsigned by_kind[16];
    char key[300], identifier[500], message[600];
} faults;

static inline pz_status note_fault(void *payload, const pz_store_fault *fault)
{
    faults *f = payload;
    f->count++;
    f->by_kind[fault->kind]++;
    snprintf(f->key, sizeof f->key, "%.*s", (int)fault->key.len, fault->key.data);
    snprintf(f->identifier, sizeof f->identifier, "%.*s", (int)fault->identifier.len,
             fault->identifier.data ? fault->identifier.data : "");
    snprintf(f->message, sizeof f->message, "%s", fault->message);
    return PZ_OK;
}

static inline faults verified(pz_store *store)
{
    faults found = {.count = 0};
    const pz_store_watch watch = {PZ_STORE_WATCH, .fault = note_fault, .payload = &found};
    pz_store_outcome outcome = {.size = sizeof outcome};
    const pz_status status = pz_store_verify(store, &watch, &outcome, &kit_error);
    assert_int_equal(status, found.count ? PZ_ERR_CORRUPT : PZ_OK);
    assert_int_equal(outcome.faults, found.count);
    return found;
}

static inline void assert_sound(pz_store *store)
{
    const faults found = verified(store);
    if (found.count)
        fail_msg("%u faults, the last: %s", found.count, found.message);
}

/* Change a record, or the index, behind the engine's back. */
static inline void put_raw(pz_store *store, const char *key, pz_str bytes)
{
    assert_ok(kit_set_bytes(store->store, pz_str_of(key), bytes));
}

static inline void read_raw(pz_store *store, const char *key, pz__buf *out)
{
    pz__buf_init(out, NULL, 1u << 20);
    assert_ok(pz__store_get(store->store, pz_str_of(key), out, &kit_error));
}

static inline pz_store_outcome copied(pz_store *from, pz_store *to)
{
    pz_store_outcome outcome = {.size = sizeof outcome};
    assert_ok(pz_store_copy(from, to, NULL, &outcome, &kit_error));
    return outcome;
}

static inline pz_status gather(void *payload, pz_str key, const void *bytes, size_t len)
{
    pz__buf *to = payload;
    pz__buf_varint(to, key.len);
    pz__buf_put(to, key.data, key.len);
    pz__buf_varint(to, len);
    pz__buf_put(to, bytes, len);
    return to->status;
}

static inline void assert_same_records(pz_store *a, pz_store *b)
{
    pz__buf x, y;
    pz__buf_init(&x, NULL, 64u << 20);
    pz__buf_init(&y, NULL, 64u << 20);
    assert_ok(pz__store_iterate(a->store, gather, &x, &kit_error));
    assert_ok(pz__store_iterate(b->store, gather, &y, &kit_error));
    assert_int_equal(x.len, y.len);
    assert_memory_equal(x.data, y.data, x.len);
    pz__buf_clear(&x);
    pz__buf_clear(&y);
}

/* Ends a copy after so many profiles, as a person at a terminal would. */
static inline pz_status stop_after(void *payload, const pz_store_progress *progress)
{
    return progress->done >= *(const uint64_t *)payload ? PZ_ERR_STATE : PZ_OK;
}

#endif
