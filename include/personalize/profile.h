/**
 * @file personalize/profile.h
 * Customer profiles: what each customer chose, what was recorded, what was guessed.
 *
 * A `pz_profile` is a handle on one profile, either *stored* (found by pz_customer() or
 * pz_profile_open(); every write is one transaction of the store) or *detached* (made by
 * pz_profile_new(); it lives in memory under a writer that the caller names). Reading calls see the
 * state of the last write or pz_profile_refresh().
 *
 * Thread rule: one thread writes at a time, and none reads meanwhile; otherwise any number of
 * threads may read. Every write either happens as a whole or leaves everything as it was.
 */
#ifndef PZ_PROFILE_H
#define PZ_PROFILE_H

#include <personalize/base.h>
#include <personalize/engine.h>
#include <personalize/value.h>

PZ_BEGIN_DECLS

/** One profile: of a person, an account or a device. Freed with pz_profile_free(). */
typedef struct pz_profile pz_profile;

/** Whose profile it is. The numbers are frozen. */
typedef enum pz_subject { PZ_PERSON = 0, PZ_ACCOUNT = 1, PZ_DEVICE = 2 } pz_subject;

/** Who writes, when and where. Begin with PZ_WRITE; every zero means the default. */
typedef struct pz_write {
    uint32_t size;       /**< sizeof(pz_write), which PZ_WRITE sets. */
    uint32_t flags;      /**< 0. */
    int64_t at_ms;       /**< When it happened, as claimed; 0: now. */
    int64_t now_ms;      /**< The clock; 0: the engine's. */
    int64_t expires_ms;  /**< First moment the claim is no longer in force; 0: never. */
    const char *channel; /**< Where it was said ("web", "phone"); NULL: not named. */
    const char *who;     /**< Who said it ("agent:7"); NULL: not named. */
    const char *writer;  /**< Detached profiles: the writer, 1 to 16 bytes; NULL: "local". A stored
                              profile is always written under its store's own writer. */
} pz_write;
/** First member of an initializer: `(pz_write){PZ_WRITE, .channel = "web"}`. */
#define PZ_WRITE .size = (uint32_t)sizeof(pz_write)

/**
 * The profile of the customer with an identifier: found, or new. A new one is not in the store
 * before its first write.
 *
 * @param kind   What identifies ("email", "customer").
 * @param value  The identifier itself.
 * @return PZ_OK; PZ_ERR_ARG; PZ_ERR_CORRUPT for damaged bytes; PZ_ERR_IO.
 */
PZ_API pz_status pz_customer(pz_profile **out, pz_engine *engine, const char *kind,
                             const char *value, pz_error *err);

/** A stored profile by its id. PZ_ERR_NOT_FOUND; PZ_ERR_CORRUPT; PZ_ERR_IO. */
PZ_API pz_status pz_profile_open(pz_profile **out, pz_engine *engine, const char *id,
                                 pz_error *err);

/** An empty detached profile with an id of 1 to 64 bytes. It uses the engine's catalog and clock.
 */
PZ_API pz_status pz_profile_new(pz_profile **out, pz_engine *engine, pz_subject subject,
                                const char *id, pz_error *err);

/** A detached profile from the bytes of pz_profile_encode(). PZ_ERR_CORRUPT; PZ_ERR_VERSION. */
PZ_API pz_status pz_profile_decode(pz_profile **out, pz_engine *engine, const void *bytes,
                                   size_t len, pz_error *err);

/** Free a handle; a stored profile stays in its store. NULL is allowed. */
PZ_API void pz_profile_free(pz_profile *profile);

/** The id. Borrowed; valid until the next write or refresh. */
PZ_API pz_str pz_profile_id(const pz_profile *profile);

/** True if the profile has ever been written. */
PZ_API bool pz_profile_exists(const pz_profile *profile);

/** Read a stored profile again, as other processes may have changed it. Detached: nothing to do. */
PZ_API pz_status pz_profile_refresh(pz_profile *profile, pz_error *err);

/**
 * The customer's own choice. It stands above everything but law and contract until it is cleared.
 *
 * @param value  Of the attribute's type and domain; copied.
 * @param write  NULL for all defaults.
 * @return PZ_OK; PZ_ERR_NOT_FOUND for an attribute that the catalog does not declare (the nearest
 * is named); PZ_ERR_TYPE or PZ_ERR_DOMAIN for a value it does not allow; and as for every write
 * PZ_ERR_TIME, PZ_ERR_LIMIT, PZ_ERR_STATE (no catalog, or read-only), PZ_ERR_IO, PZ_ERR_FULL.
 */
PZ_API pz_status pz_choose(pz_profile *profile, const char *attribute, pz_value value,
                           const pz_write *write, pz_error *err);
/** "Not this value": it is then answered by no weaker tier until it is chosen or cleared. */
PZ_API pz_status pz_reject(pz_profile *profile, const char *attribute, pz_value value,
                           const pz_write *write, pz_error *err);
/** Take back the choice and the rejections of an attribute: what stands beneath answers again. */
PZ_API pz_status pz_clear(pz_profile *profile, const char *attribute, const pz_write *write,
                          pz_error *err);
/** A recorded fact: an import, a form, an agent on the customer's behalf. Newest claimed time wins.
 */
PZ_API pz_status pz_declare(pz_profile *profile, const char *attribute, pz_value value,
                            const pz_write *write, pz_error *err);
/**
 * A host's own model hands in a value with its confidence, 0 to 1. It answers only if the
 * confidence reaches the attribute's threshold and nothing stronger speaks.
 */
PZ_API pz_status pz_infer(pz_profile *profile, const char *attribute, pz_value value,
                          double confidence, const pz_write *write, pz_error *err);
/** Note an identifier by which pz_customer() finds this profile. */
PZ_API pz_status pz_identify(pz_profile *profile, const char *kind, const char *value,
                             const pz_write *write, pz_error *err);

/**
 * An event: the catalog's signals turn it into evidence, its counters count it.
 *
 * @param event   A map: "kind", "source", "id", "time" (RFC 3339), and as wanted "channel" and the
 *                members that signals read; or a CloudEvents 1.0 document.
 * @param is_new  NULL, or false if the event (same source and id) was seen before: nothing changed.
 * @return PZ_OK; PZ_ERR_TYPE or PZ_ERR_PARSE for a member that is missing or wrong; PZ_ERR_LATE for
 * an event older than the horizon; and as for every write.
 */
PZ_API pz_status pz_observe(pz_profile *profile, pz_value event, const pz_write *write,
                            bool *is_new, pz_error *err);

/**
 * One operation given as data: `[verb, argument…, {"at", "now", "channel", "expires", "who",
 * "writer"}]`, times as RFC 3339 text. Verbs: choose, reject, clear, declare, infer (its last map
 * holds "confidence"), observe, identify; on detached profiles also merge (its argument: a list of
 * operations that make the other replica).
 *
 * @param defaults  What the operation does not say itself; NULL for all defaults.
 */
PZ_API pz_status pz_profile_apply(pz_profile *profile, pz_value operation, const pz_write *defaults,
                                  pz_error *err);

/**
 * Join another replica of the same profile into this one: commutative, associative, idempotent.
 * `other` stays as it is. PZ_ERR_SUBJECT for another subject's profile.
 */
PZ_API pz_status pz_merge(pz_profile *profile, const pz_profile *other, pz_error *err);

/** The canonical bytes: equal content, equal bytes. They belong to the pool. */
PZ_API pz_status pz_profile_encode(const pz_profile *profile, pz_pool *pool, pz_value *out,
                                   pz_error *err);
/** Everything known, with its provenance, as JSON text in the pool. */
PZ_API pz_status pz_profile_export(const pz_profile *profile, pz_pool *pool, pz_str *out,
                                   uint32_t indent, pz_error *err);

/** Called for each stored profile, in the order of ids. Another status than PZ_OK stops. */
typedef pz_status (*pz_profile_fn)(void *payload, const pz_profile *profile);
/**
 * Visit every stored profile, over one snapshot. The handle is borrowed for the call.
 * @return PZ_OK, what `fn` returned, PZ_ERR_CORRUPT (the error names the profile), PZ_ERR_IO.
 */
PZ_API pz_status pz_each_profile(pz_engine *engine, pz_profile_fn fn, void *payload, pz_error *err);
/** How many profiles the store holds. */
PZ_API pz_status pz_profile_count(pz_engine *engine, uint64_t *out, pz_error *err);

PZ_END_DECLS

#endif
