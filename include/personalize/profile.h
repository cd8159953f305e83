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
 *
 * Not repeated below: PZ_ERR_ARG for a NULL that the text does not allow, PZ_ERR_NOMEM, and of
 * every call that reads the store PZ_ERR_IO. Texts are NUL-terminated UTF-8 and copied.
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
    pz_durability durability; /**< Of a stored profile: how far it has gone when the call returns.
                                   0: as the engine was opened. */
} pz_write;
/** First member of an initializer: `(pz_write){PZ_WRITE, .channel = "web"}`. */
#define PZ_WRITE .size = sizeof(pz_write)

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

/**
 * A detached profile that answers from the bytes of pz_profile_encode() where they lie. Nothing is
 * decoded: an answer reads what was said about its attribute. The first write decodes the bytes and
 * goes to that copy.
 *
 * @param bytes  Borrowed: they must stay, and stay as they are, until the handle is freed.
 * @return PZ_OK; PZ_ERR_CORRUPT, PZ_ERR_VERSION. Damage to what is not read at once shows when it
 * is, as PZ_ERR_CORRUPT of that call: check bytes from outside with pz_profile_decode() first.
 */
PZ_API pz_status pz_profile_view(pz_profile **out, pz_engine *engine, const void *bytes, size_t len,
                                 pz_error *err);

/** Free a handle; a stored profile stays in its store. NULL is allowed. */
PZ_API void pz_profile_free(pz_profile *profile);

/** The id. Borrowed; valid until the next write or refresh. */
PZ_API pz_str pz_profile_id(const pz_profile *profile);

/** True if the profile has ever been written. */
PZ_API bool pz_profile_exists(const pz_profile *profile);

/** Read a stored profile again, as other processes may have changed it. Detached: nothing to do.
 * PZ_ERR_NOT_FOUND if it was erased meanwhile; PZ_ERR_CORRUPT. The handle then shows what it did. */
PZ_API pz_status pz_profile_refresh(pz_profile *profile, pz_error *err);

/**
 * The customer's own choice. It stands above everything but law and contract until it is cleared.
 *
 * @param value  Of the attribute's type and domain; copied. A value, an element of a set or a member
 *               of a record has at most 4096 bytes, else PZ_ERR_LIMIT.
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
/** Take back the choice of one member of a record, which may be "". PZ_ERR_TYPE for another merge
 * law. */
PZ_API pz_status pz_clear_member(pz_profile *profile, const char *attribute, const char *member,
                                 const pz_write *write, pz_error *err);
/**
 * Arrange one item of a layout (a toolbar, a front page). Whether it is hidden and where it stands
 * are two registers: moving an item does not show it.
 *
 * @param what  "hide" or "show"; {"pin": index} or {"after": other item}; "unplace" takes a pin or
 *              an "after" back.
 * @return PZ_ERR_TYPE for an attribute that is no layout; and as for every write.
 */
PZ_API pz_status pz_edit(pz_profile *profile, const char *attribute, const char *item,
                         pz_value what, const pz_write *write, pz_error *err);

/** How much of an attribute the customer leaves to the company. The numbers are frozen. */
typedef enum pz_mode {
    PZ_AUTO = 0,   /**< Everything counts. */
    PZ_MANUAL = 1, /**< Only choices, locks and the default. */
    PZ_OFF = 2     /**< The default. Nothing is gathered, and what was gathered is forgotten. */
} pz_mode;
/** Set the mode of an attribute. Choices and facts come back with PZ_AUTO, evidence does not. */
PZ_API pz_status pz_set_mode(pz_profile *profile, const char *attribute, pz_mode mode,
                             const pz_write *write, pz_error *err);
/** The customer's own level of personalization: "basic", "demographic", "self-service" or "deep".
 * The strictest of catalog, policies, host and customer holds. PZ_ERR_DOMAIN for another name. */
PZ_API pz_status pz_set_level(pz_profile *profile, const char *level, const pz_write *write,
                              pz_error *err);
/**
 * Put back what the customer's last choose, reject, clear, edit, set_mode or set_level found.
 * Again, and it goes on to the one before.
 *
 * @param attribute  Of this attribute only; NULL or "*": of any.
 * @return PZ_ERR_NOT_FOUND if the history holds nothing to undo.
 */
PZ_API pz_status pz_undo(pz_profile *profile, const char *attribute, const pz_write *write,
                         pz_error *err);
/** A recorded fact: an import, a form, an agent on the customer's behalf. Newest claimed time wins.
 * Of the 4096 answers (elements of sets each) that a profile holds of one store, 512 are kept for the
 * customer's own, and of its 8 MiB 256 KiB: facts, inferences, events and links are PZ_ERR_LIMIT
 * before that.
 */
PZ_API pz_status pz_declare(pz_profile *profile, const char *attribute, pz_value value,
                            const pz_write *write, pz_error *err);
/**
 * A host's own model hands in a value with its confidence, 0 to 1. It answers only if the
 * confidence reaches the attribute's threshold and nothing stronger speaks.
 */
PZ_API pz_status pz_infer(pz_profile *profile, const char *attribute, pz_value value,
                          double confidence, const pz_write *write, pz_error *err);
/**
 * Note an identifier by which pz_customer() finds this profile.
 *
 * @param kind   1 to 64 bytes without the control character 0x1f; else PZ_ERR_ARG.
 * @param value  1 to 320 bytes; else PZ_ERR_ARG.
 * @return PZ_ERR_SUBJECT if it leads to a stored profile of somebody else; and as for every write.
 */
PZ_API pz_status pz_identify(pz_profile *profile, const char *kind, const char *value,
                             const pz_write *write, pz_error *err);

/**
 * An event: the catalog's signals turn it into evidence, its counters count it. Nothing is gathered
 * about what the person, any of its members, refused or switched off: docs/people.md.
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
 * Consent to a purpose, or deny it. A denial beats every grant that was given without knowing of
 * it, whatever the clocks say; it masks at once and, where the catalog says "on_deny": "erase",
 * erases what was gathered, guessed and recorded for the purpose (choices stay).
 *
 * @param write  Its `expires_ms` ends a grant.
 */
PZ_API pz_status pz_consent(pz_profile *profile, const char *purpose, bool is_granted,
                            const pz_write *write, pz_error *err);

/**
 * Consents from a TC string of the IAB Transparency and Consent Framework, version 2: for each
 * purpose of the catalog with "tcf", granted iff all purposes it is mapped to have consent, else
 * denied. The claimed time is that of the string's last update; a string that is not newer than
 * what the profile knows of a purpose leaves it as it is, so it may be handed in with every
 * request.
 *
 * @param changed  NULL, or how many purposes were granted or denied.
 * @return PZ_ERR_PARSE with the character at which the string stops being one.
 */
PZ_API pz_status pz_consent_tcf(pz_profile *profile, const char *tc_string, const pz_write *write,
                                uint32_t *changed, pz_error *err);
/** The Global Privacy Control signal (header Sec-GPC: 1): denies every purpose of the catalog with
 * "gpc" that is not denied already. `is_on` false changes nothing: its absence is no consent. */
PZ_API pz_status pz_consent_gpc(pz_profile *profile, bool is_on, const pz_write *write,
                                uint32_t *changed, pz_error *err);

/** Who writes a TC string. Begin with PZ_TCF; zeros are allowed by the format. */
typedef struct pz_tcf {
    uint32_t size;                 /**< sizeof(pz_tcf), which PZ_TCF sets. */
    uint16_t cmp_id;               /**< Id of the consent platform, below 4096. */
    uint16_t cmp_version;          /**< Its version, below 4096. */
    uint16_t vendor_list_version;  /**< Of the Global Vendor List, below 4096. */
    uint8_t policy_version;        /**< Of the framework's policy, below 64. */
    uint8_t screen;                /**< Where consent was given, below 64. */
    const char *language;          /**< Two letters ("EN"); NULL: "EN". */
    const char *publisher_country; /**< Two letters ("DE"); NULL: "AA", not known. */
} pz_tcf;
#define PZ_TCF .size = sizeof(pz_tcf)
/**
 * The consents as a TC string in the pool, naming no vendor: a purpose of the framework has consent
 * iff every purpose of the catalog that is mapped to it is granted now, by the person that the
 * profile belongs to: a denial of one member denies.
 * @return PZ_ERR_NOT_FOUND if nothing was ever said about a mapped purpose; PZ_ERR_ARG.
 */
PZ_API pz_status pz_profile_tcf(const pz_profile *profile, const pz_tcf *options, pz_pool *pool,
                                pz_str *out, pz_error *err);

/** A span of time: from <= t < to, in milliseconds since 1970. Frozen. */
typedef struct pz_span {
    int64_t from_ms; /**< INT64_MIN: ever. */
    int64_t to_ms;   /**< INT64_MAX: ever. */
} pz_span;
/**
 * Forget: evidence, guesses, facts, choices and rejections. Modes, levels, consents, links and
 * identifiers stay. What other writers gathered meanwhile does not come back with a merge.
 *
 * @param attribute  NULL or "*": everything.
 * @param span       Only what happened in it (whole buckets of evidence); NULL: whenever.
 */
PZ_API pz_status pz_forget(pz_profile *profile, const char *attribute, const pz_span *span,
                           const pz_write *write, pz_error *err);
/**
 * Drop what the catalog's `retention` has ended: facts, models' claims and whole buckets of evidence.
 * Readers leave it out anyway; this takes it out of the bytes, those of all writers, and a stale
 * replica does not bring it back. Choices stay. A customer whom nobody has written is not made by it.
 *
 * @param attribute  NULL or "*": every attribute that declares a retention.
 * @param count      NULL, or of how many attributes something was dropped; 0: nothing was written.
 * @return PZ_ERR_LIMIT if nothing could be dropped for want of room: a writer remembers at most 960 spans
 * and attributes apart of which something has ended; of more the others stay, and the next call says so.
 */
PZ_API pz_status pz_expire(pz_profile *profile, const char *attribute, const pz_write *write,
                           uint32_t *count, pz_error *err);
/**
 * "That event never happened" (it was a gift): exactly as if it had never been seen.
 * @return PZ_ERR_NOT_FOUND for an event that is not, or no longer, among the newest the profile
 * keeps whole: never a guess.
 */
PZ_API pz_status pz_retract(pz_profile *profile, const char *source, const char *id,
                            const pz_write *write, pz_error *err);
/** The same for every event about an attribute (NULL: any) within a span (NULL: ever).
 * @param count  NULL, or how many events were taken back. */
PZ_API pz_status pz_retract_all(pz_profile *profile, const char *attribute, const pz_span *span,
                                const pz_write *write, uint32_t *count, pz_error *err);

/**
 * This profile and another belong to one person. Each stays what it is; seen together they answer
 * as one, and pz_unlink() gives each back with what it received meanwhile.
 *
 * @param other     Its id, 1 to 64 bytes; PZ_ERR_ARG for the profile's own. It need not exist.
 * @param strength  How sure that is, above 0 and at most 1; else PZ_ERR_DOMAIN.
 * @return PZ_ERR_LIMIT beyond 448 others that this store ever linked to the profile or unlinked from
 * it, consents counted in; and as for every write.
 */
PZ_API pz_status pz_link(pz_profile *profile, const char *other, double strength,
                         const pz_write *write, pz_error *err);
/** They are not one person. Beats a link that was made without knowing of this. */
PZ_API pz_status pz_unlink(pz_profile *profile, const char *other, const pz_write *write,
                           pz_error *err);
/** Somebody else uses this device from now on: noted for the record, and never a link. */
PZ_API pz_status pz_switch(pz_profile *profile, const char *other, const pz_write *write,
                           pz_error *err);
/** The account the person belongs to (of an account: its parent); NULL: none any more. */
PZ_API pz_status pz_set_account(pz_profile *profile, const char *account, const pz_write *write,
                                pz_error *err);

/**
 * One operation given as data: `[verb, argument…, {"at", "now", "channel", "expires", "who",
 * "writer"}]`, times as RFC 3339 text. The verbs are choose, reject, clear, edit, set_mode,
 * set_level, undo, declare, infer, identify, observe, consent, consent_tcf, consent_gpc, link, unlink,
 * switch, set_account, forget, expire and retract; docs/verbs.md shows each. On detached profiles also
 * merge (its argument: a list of operations that make the other replica).
 *
 * @param defaults  What the operation does not say itself; NULL for all defaults.
 */
PZ_API pz_status pz_profile_apply(pz_profile *profile, pz_value operation, const pz_write *defaults,
                                  pz_error *err);

/**
 * Join another replica of the same profile into this one: commutative, associative, idempotent.
 * `other` stays as it is; it may be of another engine, and nobody writes to it meanwhile.
 * PZ_ERR_SUBJECT for another subject's profile; PZ_ERR_LATE into a stored profile for a replica
 * from before an erasure; PZ_ERR_LIMIT if the two together hold too much.
 */
PZ_API pz_status pz_merge(pz_profile *profile, const pz_profile *other, pz_error *err);

/** The canonical bytes: equal content, equal bytes. They belong to the pool. */
PZ_API pz_status pz_profile_encode(const pz_profile *profile, pz_pool *pool, pz_value *out,
                                   pz_error *err);
/** Everything known of one profile (of a person each member has its own), with its provenance and (from the catalog in force) the purpose it is used
 * for, as JSON text in the pool. What was forgotten or taken back is not in it. `indent` as in
 * pz_value_print(); PZ_ERR_LIMIT beyond PZ_JSON_BYTES_MAX bytes. */
PZ_API pz_status pz_profile_export(const pz_profile *profile, pz_pool *pool, pz_str *out,
                                   uint32_t indent, pz_error *err);
/** The same in plain English sentences for the person it is about, attribute by attribute: what was
 * chosen, recorded and guessed, when, where and by whom; counts, the newest events, consents, links
 * and history. */
PZ_API pz_status pz_profile_export_text(const pz_profile *profile, pz_pool *pool, pz_str *out,
                                        pz_error *err);

/** Called for each stored profile, in the order of ids. Another status than PZ_OK stops. */
typedef pz_status (*pz_profile_fn)(void *payload, const pz_profile *profile);
/**
 * Visit every stored profile, over one snapshot. The handle is borrowed for the call.
 * @return PZ_OK, what `fn` returned, PZ_ERR_CORRUPT (the error names the profile), PZ_ERR_IO.
 */
PZ_API pz_status pz_each_profile(pz_engine *engine, pz_profile_fn fn, void *payload, pz_error *err);
/**
 * The ids of all stored profiles, in their order, over one snapshot: for callers who are no place to
 * call back to, such as scripting languages.
 *
 * @param pool  Owns them; an id takes 16 bytes and its own.
 * @param out   A list of strings.
 * @return PZ_OK, PZ_ERR_CORRUPT (the error names the profile), PZ_ERR_IO.
 */
PZ_API pz_status pz_profile_ids(pz_engine *engine, pz_pool *pool, pz_value *out, pz_error *err);
/** How many profiles the store holds. */
PZ_API pz_status pz_profile_count(pz_engine *engine, uint64_t *out, pz_error *err);

PZ_END_DECLS

#endif
