/*
 * engine.h: what the files of the engine room share. No room stands above this one; the tools and
 * bindings use the public headers.
 */
#ifndef PZ_ENGINE_ROOM_H
#define PZ_ENGINE_ROOM_H

#include <pthread.h>
#include <stdatomic.h>

#include <personalize/engine.h>
#include <personalize/profile.h>

#include "base/error.h"
#include "decide/decide.h"
#include "store/store.h"

/* ---- the catalog in force (pin.c) ---- */

/* Catalogs that may be held at once: the one in force and those that requests still use. */
#define PZ__HELD_CATALOGS_MAX 64u

typedef struct pz__held {
    const pz__catalog *catalog;
    _Atomic int64_t balance;
    atomic_bool is_taken;
} pz__held;

typedef struct pz__pins {
    _Atomic uint64_t state;
    pz__held held[PZ__HELD_CATALOGS_MAX];
} pz__pins;

/* A pinned catalog: borrowed until unpinned. */
typedef struct pz__pin {
    const pz__catalog *catalog; /* NULL: none is in force, and there is nothing to unpin */
    uint32_t index;
} pz__pin;

void pz__pins_init(pz__pins *pins);
/* Lock-free, wait-free. */
pz__pin pz__pins_take(pz__pins *pins);
/* Give a pin back and make it empty; frees the catalog if it was retired and this the last user. */
void pz__pins_give(pz__pins *pins, pz__pin *pin);
/* Give a pin (an empty one will do) back for one of the catalog now in force. If that is the same,
 * nothing is written that threads share. */
void pz__pins_renew(pz__pins *pins, pz__pin *pin);
/* Put a catalog in force, consuming the reference; NULL retires the one in force. One caller at a
 * time. PZ_ERR_BUSY if all places are held: then the reference stays the caller's. */
pz_status pz__pins_swap(pz__pins *pins, const pz__catalog *catalog);

/* ---- handles ---- */

/* How often a transaction is run again when the store asks for that (a map that another process has
 * grown, say). */
#define PZ__ATTEMPTS_MAX 8u

struct pz_engine {
    pz_alloc alloc;
    pz__pins pins;
    pthread_mutex_t loading; /* only loads of catalogs wait for it */
    pz__store *store;
    pz_clock_fn clock;
    void *clock_payload;
    int64_t skew_ms;
    bool is_read_only;
    _Atomic uint64_t serials; /* the last number given to a state of a profile */
};

struct pz_profile {
    pz_engine *engine;
    pz__profile *state; /* owned and sealed */
    const pz__profile *members[PZ__PERSON_MEMBERS_MAX]; /* all profiles of the person, sealed */
    uint32_t member_count;
    uint64_t serial;    /* changes with every change of state */
    bool is_stored;
    bool exists;
    pz_str kind, value; /* owned copies: the identifier that a new customer was asked by */
};

/* PZ_ERR_STATE: nothing can be checked before a catalog is in force. */
pz_status pz__no_catalog(pz_error *err);
/* Engine's clock, unless `now_ms` says otherwise. */
int64_t pz__engine_now(const pz_engine *engine, int64_t now_ms);
uint64_t pz__engine_serial(pz_engine *engine);
/* Kind, separator and value in the arena; {NULL, 0} out of memory. */
pz_str pz__identifier(pz__arena *arena, pz_str kind, pz_str value);
/* Fill in what a caller's pz_write (NULL is allowed) leaves out. PZ_ERR_ARG for a size that is not
 * one, or a flag. */
pz_status pz__write_read(const pz_engine *engine, const pz_write *given, pz__write *out,
                         pz_error *err);
/* Take over `state`, sealing it; on failure it stays the caller's. */
pz_status pz__profile_show(pz_profile *profile, pz__profile *state, pz_error *err);
/* How a handle stands to the store. */
typedef struct pz__standing {
    bool is_stored; /* its writes go to the store */
    bool exists;    /* it has ever been written */
} pz__standing;
/* A handle around `state`, which it consumes, on failure too. */
pz_status pz__profile_wrap(pz_profile **out, pz_engine *engine, pz__profile *state,
                           pz__standing standing, pz_error *err);
/* The stored state under `key`; PZ_ERR_NOT_FOUND if there is none. */
pz_status pz__profile_load(pz__profile **out, pz_engine *engine, pz_str key, pz_error *err);
/* An empty profile of a person with a fresh id. */
pz_status pz__customer_new(pz__profile **out, pz_engine *engine, pz_error *err);
/* The first key in a list of varint lengths and octets, as lookups give them; borrowed. */
pz_str pz__first_key(const pz__buf *keys);
/* A profile as a store keeps it, with a checksum (record.c). PZ_ERR_CORRUPT, PZ_ERR_VERSION. */
pz_status pz__record_encode(const pz__profile *profile, pz__buf *out);
pz_status pz__record_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes, size_t len,
                            pz_error *err);
/* Read a file of at most `limit` bytes into `out`. PZ_ERR_IO names file and cause. */
pz_status pz__file_read(pz__buf *out, const char *path, pz_error *err);

#endif
