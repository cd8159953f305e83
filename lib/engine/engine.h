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
#include <personalize/store.h>

#include "base/error.h"
#include "decide/decide.h"
#include "engine/hosts.h"
#include "identity/identity.h"
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

/* Handles that were freed and wait to be used again (handle.c). One cache line each. */
#define PZ__SPARE_HANDLES 64u
typedef struct pz__spare {
    _Atomic(pz_profile *) handle;
    char apart[64 - sizeof(void *)];
} pz__spare;

struct pz_store {
    pz_alloc alloc;
    pz__store *store;
    bool is_borrowed; /* it is an engine's */
};

struct pz_engine {
    pz_alloc alloc;
    pz_store as_store; /* `store`, for those who look after it */
    pz__pins pins;
    pthread_mutex_t loading; /* only loads of catalogs wait for it */
    pz__store *store;
    pz_clock_fn clock;
    void *clock_payload;
    int64_t skew_ms;
    bool is_read_only;
    bool is_sealed; /* the store has hooks: messages name nobody */
    pz__arena declarations; /* of functions of the host; */
    pz__hosts hosts;        /* catalogs call them, so they go last */
    bool has_sink;
    pz_record_sink records; /* where decision records go, with `has_sink` */
    _Atomic uint64_t serials; /* the last number given to a state of a profile */
    pz__spare spares[PZ__SPARE_HANDLES];
};

typedef struct pz__people pz__people;

/* Where bytes are read in place. On its own, since what is read there knows where it is. */
typedef struct pz__place {
    pz__arena arena;
    pz__buf record;   /* of a stored profile */
    pz__buf inflated; /* its content, if that had to be inflated */
} pz__place;

struct pz_profile {
    pz_engine *engine;
    pz__profile *state;          /* a share of it, sealed; or read in place, in `place` */
    const pz__profile *alone[1]; /* the state, as the person of somebody without links */
    pz__people *people;          /* owned; NULL where there is nobody else */
    uint64_t serial;             /* changes with every change of state or people */
    bool is_stored;
    bool exists;
    pz_str kind, value; /* owned copies: the identifier that a new customer was asked by */
    pz__place *place;   /* owned */
};

/* An empty handle, recycled or new; freed with pz_profile_free(). PZ_ERR_NOMEM. */
pz_status pz__handle_new(pz_profile **out, pz_engine *engine, pz_error *err);
/* Make a handle as it was when new, but for its memory; false if that is more than one that waits may
 * keep. */
bool pz__handle_empty(pz_profile *handle);
/* Free those that wait to be used again. */
void pz__handles_clear(pz_engine *engine);
/* Whom to look for: an id, or kind and value of an identifier. */
typedef struct pz__quest {
    pz_str kind; /* {NULL, 0}: `value` is the id */
    pz_str value;
} pz__quest;
/* Make an empty handle show what the store holds, and seal what has to be. PZ_ERR_NOT_FOUND, with
 * no message, if nobody is known by that; codes of the store; PZ_ERR_CORRUPT. */
pz_status pz__handle_find(pz_profile *handle, const pz__quest *quest, pz_error *err);

/* PZ_ERR_STATE: nothing can be checked before a catalog is in force. */
pz_status pz__no_catalog(pz_error *err);
/* The system's real-time clock. */
int64_t pz__system_clock(void *payload);
/* Engine's clock, unless `now_ms` says otherwise. */
int64_t pz__engine_now(const pz_engine *engine, int64_t now_ms);
uint64_t pz__engine_serial(pz_engine *engine);
/* An id or identifier for a message: not told where the store has pseudonyms for them. */
pz_str pz__told(const pz_engine *engine, pz_str name);
/* Kind, separator and value in the arena; {NULL, 0} out of memory. */
pz_str pz__identifier(pz__arena *arena, pz_str kind, pz_str value);
/* Fill in what a caller's pz_write (NULL is allowed) leaves out, and say how durable it is to be.
 * PZ_ERR_ARG for a size or a durability that is not one, or a flag. */
pz_status pz__write_read(const pz_engine *engine, const pz_write *given, pz__write *out,
                         pz__durability *durability, pz_error *err);
/* Carry a verb out on a profile, as a whole or not at all. verb->write has been read. */
pz_status pz__apply(pz_profile *profile, pz__verb *verb, pz__durability durability, pz_error *err);
/* Take over `state`, sealing it, and the people it is seen among (NULL: those the handle has); on
 * failure both stay the caller's. Cannot fail for a state that is sealed already. */
pz_status pz__profile_show(pz_profile *profile, pz__profile *state, pz__people *const *people,
                           pz_error *err);
/* How a handle stands to the store. */
typedef struct pz__standing {
    bool is_stored; /* its writes go to the store */
    bool exists;    /* it has ever been written */
} pz__standing;
/* A handle around `state`, which it consumes, on failure too. */
pz_status pz__profile_wrap(pz_profile **out, pz_engine *engine, pz__profile *state,
                           pz__standing standing, pz_error *err);
/* An empty profile of a person with a fresh id. */
pz_status pz__customer_new(pz__profile **out, pz_engine *engine, pz_error *err);
/* The first key in a list of varint lengths and octets, as lookups give them; borrowed. */
pz_str pz__first_key(const pz__buf *keys);

/* ---- contexts (context.c) ---- */

pz__request *pz__context_request(pz_context *context);
pz_engine *pz__context_engine(const pz_context *context);
/* Whether the catalog of a context that has begun declares a name; PZ_ERR_NOT_FOUND tells the
 * nearest. */
pz_status pz__context_attribute(const pz_context *context, const char *name, pz_error *err);
pz_status pz__context_decision(const pz_context *context, const char *name, pz_error *err);
/* Be about nobody again, and give back what the answers since `mark` took of the request. */
void pz__context_leave(pz_context *context, pz__mark mark);

/* ---- the index (index.c) ---- */

/* Call for every identifier under which the index has to lead to a profile, sealed: of links, only
 * those that some grant stands for. Bytes as of pz__identifier, lent by the scratch. */
typedef pz_status (*pz__identifier_fn)(void *payload, pz_str identifier, bool is_link);
pz_status pz__index_each(const pz__profile *profile, pz__arena *scratch, pz__identifier_fn fn,
                         void *payload);
/* Make a profile findable by all of them. */
pz_status pz__index_profile(pz__store_txn *txn, const pz__profile *profile, pz__arena *scratch,
                            pz_error *err);
/* Whether a profile, sealed, has, or ever had, an identifier or link of the index. */
bool pz__index_belongs(const pz__profile *profile, pz_str identifier);
/* The subject that the entries under a link's identifier lead back from; {NULL, 0}: no link. */
pz_str pz__link_subject(pz_str identifier);
/* That identifier, in the caller's room; the subject, a key of the store, fits. */
pz_str pz__link_identifier(char room[PZ__STORE_IDENTIFIER_MAX], pz_str subject);

/* ---- people (people.c) ---- */

/* Most accounts that are kept at hand for one handle. */
#define PZ__ACCOUNTS_KEPT_MAX 32u

/* Everybody whom a handle's own profile may have to be seen with: the profiles that links lead to,
 * and the accounts above them. A share of each, the handle's own aside, which the handle has. */
struct pz__people {
    const pz__profile *candidates[PZ__CANDIDATES_MAX]; /* by subject id, the own among them */
    const pz__profile *known[PZ__CANDIDATES_MAX + PZ__ACCOUNTS_KEPT_MAX]; /* and accounts, by id */
    pz__profile *shares[PZ__CANDIDATES_MAX + PZ__ACCOUNTS_KEPT_MAX];      /* owned, in any order */
    uint32_t candidate_count, known_count, share_count;
    bool is_cut; /* there is more than is kept */
};

/* Read the people of a sealed profile from the store, inside a transaction or (NULL) as committed.
 * *out is NULL for somebody alone. Codes of the store; PZ_ERR_CORRUPT names the profile. */
pz_status pz__people_load(pz__people **out, pz_engine *engine, pz__store_txn *txn,
                          const pz__profile *own, pz_error *err);
void pz__people_free(const pz_alloc *alloc, pz__people *people);
/* The own profile has become `state`, of the same subject. */
void pz__people_own(pz__people *people, const pz__profile *state);
/* Whether two states of a handle, both sealed, ask for unlike people. */
bool pz__people_differ(const pz__profile *before, const pz__profile *after);
/* Whether some profile in the store links to the one under `key`. */
pz_status pz__people_look_back(pz__store_txn *txn, pz_str key, const pz_alloc *alloc,
                               bool *is_linked, pz_error *err);
/* Make every profile that `state`, sealed, links to lead back to it: inside a transaction. */
pz_status pz__people_index(pz__store_txn *txn, const pz__profile *state, bool present,
                           pz_error *err);
/* Take the mark that nobody links to it from a subject's record, if there is one; from those of all
 * whom `state`, sealed, links to. Not inside an update. */
pz_status pz__people_mark(pz__store_txn *txn, pz_str subject, pz_error *err);
pz_status pz__people_mark_all(pz__store_txn *txn, const pz__profile *state, pz_error *err);
/* Drop the entries that lead back to an erased subject. */
pz_status pz__people_unindex(pz__store_txn *txn, pz_str subject, const pz_alloc *alloc,
                             pz_error *err);
/* The person that the candidate `own_id` belongs to, as pz__people_see(). */
pz_status pz__people_among(const pz__people *people, pz_str own_id, const pz__catalog *catalog,
                           int64_t now_ms, pz__arena *arena, pz__component *out);
/* Whether a verb gathers, and so has to ask the whole person for consent and modes. */
bool pz__people_matter(const pz__verb *verb);
/* Read whom a verb that gathers has to ask besides `own`, about to be written; NULL: nobody.
 * `is_alone`: no other profile links to it. Codes of pz__people_load(). */
pz_status pz__people_ask(pz__people **out, pz_engine *engine, pz__store_txn *txn, pz__profile *own,
                         const pz__verb *verb, bool is_alone, pz_error *err);
/* Tell such a verb the person, put together in the arena; any other verb: nothing. PZ_ERR_NOMEM. */
pz_status pz__people_tell(const pz__people *people, const pz__catalog *catalog, pz_str own_id,
                          pz__arena *arena, pz__verb *verb, pz_error *err);
/* The person behind a handle and what became of its links, at a moment in the eyes of a catalog.
 * What is put together is in the arena. PZ_ERR_NOMEM. */
pz_status pz__people_see(const pz_profile *profile, const pz__catalog *catalog, int64_t now_ms,
                         pz__arena *arena, pz__component *out);
/* The accounts above a person behind a handle, nearest first. PZ_ERR_NOMEM. */
pz_status pz__people_accounts(const pz_profile *profile, const pz__person *person, int64_t now_ms,
                              pz__arena *arena, pz__person *out);
/* Take a share of a sealed candidate; PZ_ERR_ARG if one of its id is there. There is room. */
pz_status pz__people_share(pz__people *people, pz__profile *state);

/* ---- one person (person.c) ---- */

/* The map that pz_person() documents. PZ_ERR_NOMEM. */
pz_status pz__person_map(const pz_profile *profile, const pz__component *component,
                         const pz__person *accounts, pz__arena *arena, pz_value *out);
/* PZ_ERR_SUBJECT if the identifier that `verb` gives the profile stored under `own` leads to
 * somebody who is not this person already. */
pz_status pz__people_claim(const pz_profile *profile, pz_str own, pz__store_txn *txn,
                           const pz__catalog *catalog, pz__arena *scratch, const pz__verb *verb,
                           pz_error *err);

/* ---- erasure (erase.c) ---- */

/* Stores, each with a key of its own, whose erasures one store remembers: one more cannot be copied
 * into it. */
#define PZ__ERASURE_KEYS_MAX 16u

/* What a store remembers of erased people, in one transaction. */
typedef struct pz__remembrance {
    const pz_alloc *alloc;
    pz__store_txn *txn;
    int64_t horizon_ms, now_ms;
    bool has_any; /* somebody is remembered */
    uint32_t key_count;
    uint8_t keys[PZ__ERASURE_KEYS_MAX][32]; /* the store's own, and those of stores copied into it */
} pz__remembrance;
/* Look whether anybody is remembered; `catalog` (NULL: the default) says how long. */
pz_status pz__erased_open(pz__remembrance *out, const pz_alloc *alloc, pz__store_txn *txn,
                          const pz__catalog *catalog, int64_t now_ms, pz_error *err);
/* When the subject, or the identifier (bytes of pz__identifier), was erased; INT64_MIN: never. */
pz_status pz__erased_subject(const pz__remembrance *r, pz_str subject, int64_t *out, pz_error *err);
pz_status pz__erased_identifier(const pz__remembrance *r, pz_str identifier, int64_t *out,
                                pz_error *err);
/* The later of when a profile, sealed, and any of its identifiers were erased. */
pz_status pz__erased_profile(const pz__remembrance *r, const pz__profile *profile,
                             pz__arena *scratch, int64_t *out, pz_error *err);
/* PZ_ERR_LATE if what happened at a moment is not younger than the erasure. */
pz_status pz__erased_refuses(int64_t erased_ms, int64_t at_ms, pz_error *err);
/* Let go of some of those whose horizon has passed. */
pz_status pz__erased_sweep(const pz__remembrance *r, pz_error *err);

/* ---- decision records (records.c) ---- */

/* Remove every record about a subject, in the store and in the sink. */
pz_status pz__records_erase(pz_engine *engine, pz__store_txn *txn, pz_str subject, bool *had_any,
                            pz_error *err);

/* Take over what another store remembers. PZ_ERR_LIMIT for too many stores. */
pz_status pz__erased_copy(pz__store *from, pz__store *to, const pz_alloc *alloc, pz_error *err);
/* What an identifier of the index is to this file. */
typedef enum pz__remembrance_entry {
    PZ__NO_REMEMBRANCE,
    PZ__REMEMBRANCE,     /* of one that is erased */
    PZ__REMEMBRANCE_AID, /* keys and days */
    PZ__REMEMBRANCE_BAD  /* not as they are written */
} pz__remembrance_entry;
pz__remembrance_entry pz__erased_entry(pz_str identifier, pz_str key);

/* A profile as a store keeps it, with a checksum (record.c). `is_alone`: the caller knows that no
 * other profile links to it. Deflated beyond `plain_max` bytes, the store's. */
pz_status pz__record_encode(const pz__profile *profile, bool is_alone, size_t plain_max,
                            pz__buf *out);
/* The canonical bytes in a record: borrowed, or inflated into `room`. PZ_ERR_CORRUPT,
 * PZ_ERR_VERSION. */
typedef struct pz__record {
    pz_str content;
    bool is_alone; /* no other profile links to it; false: it may be */
} pz__record;
pz_status pz__record_open(pz__record *out, const void *bytes, size_t len, pz__buf *room,
                          pz_error *err);
/* What pz__record_open() would say, of bytes that need not be sound. */
bool pz__record_is_alone(const void *bytes, size_t len);
/* Append the record without the mark that it is alone. */
void pz__record_linked(const void *bytes, size_t len, pz__buf *out);
/* PZ_ERR_CORRUPT if what stands under a key is the profile of somebody else. */
pz_status pz__record_belongs(const pz_engine *engine, pz_str subject, pz_str key, pz_error *err);
pz_status pz__record_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes, size_t len,
                            pz_error *err);
/* Read a file of at most `limit` bytes into `out`. PZ_ERR_IO names file and cause. */
pz_status pz__file_read(pz__buf *out, const char *path, pz_error *err);

#endif
