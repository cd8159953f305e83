/**
 * @file personalize/decide.h
 * Asking: one attribute, all its layers, the segments, one decision, and why.
 *
 * A `pz_context` holds everything besides the profile that an answer may depend on: the moment, the
 * channel, the region, whatever the catalog declares. It also owns the memory of the answers and
 * pins the catalog, by atomic operations only, from pz_context_begin() to the next. Reuse it: once
 * warm, deciding allocates nothing, takes no lock and waits for nothing.
 *
 *     pz_context_begin(ctx, 0, &err);                       a request comes in
 *     pz_context_set(ctx, "channel", pz_value_str("web"), &err);
 *     pz_decide(&hero, ctx, ann, "home.hero", &err);        as many questions as wanted
 *
 * Thread rule: a context is used by one thread at a time. Answers borrow from the context and the
 * profile, and are good until the context begins anew or is freed, or the profile is written.
 */
#ifndef PZ_DECIDE_H
#define PZ_DECIDE_H

#include <personalize/base.h>
#include <personalize/engine.h>
#include <personalize/profile.h>
#include <personalize/value.h>

PZ_BEGIN_DECLS

/** One request's circumstances, and the memory of its answers. */
typedef struct pz_context pz_context;

/** Make a context. It must be freed before its engine is closed. */
PZ_API pz_status pz_context_new(pz_context **out, pz_engine *engine, pz_error *err);
/** NULL is allowed. */
PZ_API void pz_context_free(pz_context *context);
/**
 * Begin a request: forget the last one and its answers, take the catalog now in force.
 * @param now_ms  The moment of all answers; 0: the engine's clock is read once.
 * @return PZ_OK; PZ_ERR_STATE without a catalog; PZ_ERR_TIME for a moment outside the years 1 to
 * 9999 (microseconds are no milliseconds); PZ_ERR_NOMEM. After a failure nothing can be asked.
 */
PZ_API pz_status pz_context_begin(pz_context *context, int64_t now_ms, pz_error *err);
/**
 * Say one circumstance; the value is copied. Saying null takes it back.
 * @return PZ_OK; PZ_ERR_NOT_FOUND for a key that a closed catalog does not declare (the nearest is
 * named); PZ_ERR_TYPE; PZ_ERR_PARSE for text that is not UTF-8; PZ_ERR_LIMIT for a value nested
 * deeper than PZ_JSON_DEPTH_MAX; PZ_ERR_STATE before pz_context_begin(). In a catalog that is not
 * closed a key that no rule reads is passed over with its value.
 */
PZ_API pz_status pz_context_set(pz_context *context, const char *key, pz_value value,
                                pz_error *err);
/** The profile of the account that the person belongs to, for all that follows; NULL: none. It is
 * borrowed until the context begins anew. PZ_ERR_ARG for a profile of another engine, here and in
 * every question below. */
PZ_API pz_status pz_context_account(pz_context *context, const pz_profile *account, pz_error *err);

/**
 * The level that the host sets for all that follows: "basic", "demographic", "self-service" or
 * "deep"; NULL: none. Of catalog, policies, host and customer the strictest wins: a level never
 * lifts what another side leaves out. pz_context_begin() takes it back.
 * @return PZ_OK; PZ_ERR_NOT_FOUND for a name that is no level, "" too (the nearest is named); PZ_ERR_STATE
 * before pz_context_begin().
 */
PZ_API pz_status pz_context_level(pz_context *context, const char *level, pz_error *err);

/** One answer about one attribute. Texts are NUL-terminated or pz_str; all is borrowed. */
typedef struct pz_resolution {
    uint32_t size;       /**< sizeof(pz_resolution), which PZ_RESOLUTION sets. */
    bool is_resolved;    /**< False: nobody can say; `value` is null. */
    bool has_confidence; /**< True for guesses. */
    pz_value value;
    const char *tier;   /**< "LOCK", "CHOICE", "ACCOUNT_CHOICE", "DECLARED", "INFERRED", "GROUP",
                             "RECOMMENDED", "DEFAULT", or "NONE". */
    const char *reason; /**< "LOCKED", "EXPLICIT", "DECLARED", "INFERRED", "GROUP", "RECOMMENDED",
                             "DEFAULT", "DISABLED", "BOUNDED" or "UNRESOLVED". */
    double confidence;  /**< 0 to 1: the expected share of this value; 0 without confidence. */
    pz_str channel;     /**< Of the claim that answered; empty if none. */
    pz_str who;         /**< Who said it; empty if not named. */
    int64_t at_ms;      /**< When it was said; 0 for answers that rest on no claim. */
    pz_value members;   /**< Of a set or record a map from each element or member of the answer to
                             the tier it comes from; else null. An element that no map has as key
                             (a double, a timestamp ...) stands as its JSON text. */
} pz_resolution;
#define PZ_RESOLUTION .size = sizeof(pz_resolution)

/**
 * Resolve one attribute: the strongest live answer.
 * @param profile  NULL: of nobody (defaults only).
 * @param out      Caller's struct with its size set.
 * @return PZ_OK, an unresolved attribute included; PZ_ERR_NOT_FOUND for an undeclared one.
 */
PZ_API pz_status pz_resolve(pz_resolution *out, pz_context *context, const pz_profile *profile,
                            const char *attribute, pz_error *err);

/** A typed answer that cannot fail silently: `fallback` and a status other than PZ_OK when the
 * attribute is undeclared, unresolved (PZ_ERR_NOT_FOUND) or of another type (PZ_ERR_TYPE). */
PZ_API pz_status pz_resolve_bool(bool *out, pz_context *context, const pz_profile *profile,
                                 const char *attribute, bool fallback);
/** As pz_resolve_bool(). */
PZ_API pz_status pz_resolve_int(int64_t *out, pz_context *context, const pz_profile *profile,
                                const char *attribute, int64_t fallback);
/** As pz_resolve_bool(). */
PZ_API pz_status pz_resolve_double(double *out, pz_context *context, const pz_profile *profile,
                                   const char *attribute, double fallback);
/** As pz_resolve_bool(). The text is borrowed like every answer; `fallback` NULL gives {NULL, 0}.
 */
PZ_API pz_status pz_resolve_str(pz_str *out, pz_context *context, const pz_profile *profile,
                                const char *attribute, const char *fallback);

/**
 * Every layer of one attribute, strongest first, as a list of maps with "tier", "value", "why"
 * (USED, SHADOWED, EXPIRED, FUTURE, UNCERTAIN, MODE, REJECTED, BOUNDED) and where they exist
 * "confidence", "channel", "who", "at". Of a set, record or layout each layer is about the element,
 * member or item "key"; a removal from a set has "removal": true.
 */
PZ_API pz_status pz_inspect(pz_value *out, pz_context *context, const pz_profile *profile,
                            const char *attribute, pz_error *err);

/**
 * The same with the layers that masks and missing consents hide, as MASKED and DENIED. For
 * operators alone: it tells that data exists, which decisions and explanations never do.
 */
PZ_API pz_status pz_inspect_privileged(pz_value *out, pz_context *context,
                                       const pz_profile *profile, const char *attribute,
                                       pz_error *err);

/** Several attributes of several customers, asked in one call. All is borrowed for the call. */
typedef struct pz_batch {
    uint32_t size;                     /**< sizeof(pz_batch), which PZ_BATCH sets. */
    uint32_t profile_count;            /**< How many customers. */
    const pz_profile *const *profiles; /**< An entry may be NULL: nobody. */
    const char *const *attributes;     /**< Their names; a name may stand twice. */
    uint32_t attribute_count;          /**< How many attributes. */
} pz_batch;
#define PZ_BATCH .size = sizeof(pz_batch)

/**
 * Resolve every attribute of a batch for every profile of it.
 * @param out  profile_count times attribute_count structs, profile by profile. The size of the
 * first is set by the caller and is that of each.
 * @return As pz_resolve(). The first failure ends the work; what stands in `out` then is no answer.
 */
PZ_API pz_status pz_resolve_many(pz_resolution *out, pz_context *context, const pz_batch *batch,
                                 pz_error *err);
/** Inspect every attribute of a batch for every profile of it, in the same order: each value is the
 * list that pz_inspect() gives. */
PZ_API pz_status pz_inspect_many(pz_value *out, pz_context *context, const pz_batch *batch,
                                 pz_error *err);

/** The names of all segments the customer is in, as a list of strings. */
PZ_API pz_status pz_segments(pz_value *out, pz_context *context, const pz_profile *profile,
                             pz_error *err);

/**
 * What was decided, on what grounds. Owned by its context: the calls that take both say PZ_ERR_ARG
 * for a decision of another context, and PZ_ERR_STATE after the context was told another
 * circumstance; after it began anew, or the profile was written or freed, the decision is gone and
 * must not be used.
 */
typedef struct pz_decision pz_decision;

/**
 * Decide: the first rule that is TRUE gives the value, else the default.
 * A rule that is false, unknown (something it needs is not known) or fails does not fire.
 *
 * @param profile  NULL: for nobody in particular.
 * @return PZ_OK; PZ_ERR_NOT_FOUND for a decision that the catalog does not declare (the nearest is
 * named); PZ_ERR_STATE before pz_context_begin(); PZ_ERR_NOMEM.
 */
PZ_API pz_status pz_decide(const pz_decision **out, pz_context *context, const pz_profile *profile,
                           const char *name, pz_error *err);

/** Most customers that one request may ask pz_decide_for() about. */
#define PZ_DECIDE_FOR_MAX 64u

/**
 * Decide about the customer who is known by an identifier, in one call: for a page. What the store
 * holds is read in one transaction and stays with the context until that begins anew, so asking
 * again about the same customer reads no store, and everything that can be asked about a decision
 * works. A customer nobody knows is nobody in particular; nothing is ever written. Once warm,
 * nothing is allocated.
 *
 * @param kind   As of pz_customer(); NULL: `value` is the id of a profile.
 * @param value  NULL: nobody in particular.
 * @param name   The decision.
 * @return As pz_decide() and pz_customer(): PZ_ERR_ARG for what no identifier can be (what visitors
 * send may be anything: ask again with NULL then), PZ_ERR_CORRUPT, PZ_ERR_IO; PZ_ERR_LIMIT for more
 * than PZ_DECIDE_FOR_MAX customers in one request.
 */
PZ_API pz_status pz_decide_for(const pz_decision **out, pz_context *context, const char *kind,
                               const char *value, const char *name, pz_error *err);

/** The value; null if no rule fired and there is no default, or `decision` is NULL. */
PZ_API pz_value pz_decision_value(const pz_decision *decision);
/** The value as NUL-terminated text; `fallback` if it is no string or `decision` is NULL. */
PZ_API const char *pz_decision_str(const pz_decision *decision, const char *fallback);
/** "TARGETING_MATCH", "DEFAULT", "STATIC" (there are no rules) or "ERROR" (no rule fired, one
 * failed, or `decision` is NULL). Never NULL. */
PZ_API const char *pz_decision_reason(const pz_decision *decision);
/** The id of the rule that fired; "" if none did, or `decision` is NULL. */
PZ_API const char *pz_decision_rule(const pz_decision *decision);
/** The least confidence among the guesses it rests on, 0 to 1; 1 if it rests on none; 0 if
 * `decision` is NULL. */
PZ_API double pz_decision_confidence(const pz_decision *decision);
/** True if a function of the host (pz_engine_options.functions) may have had a say: a rule or
 * segment that was tried names one, or a policy of the catalog does. Such a decision need not come
 * out the same from the same inputs. False if `decision` is NULL. */
PZ_API bool pz_decision_is_impure(const pz_decision *decision);
/** What the calls above tell of a decision. Texts are NUL-terminated; all is borrowed as there. */
typedef struct pz_decided {
    uint32_t size;      /**< sizeof(pz_decided), which PZ_DECIDED sets. */
    pz_value value;     /**< As pz_decision_value(). */
    const char *reason; /**< As pz_decision_reason(). */
    const char *rule;   /**< As pz_decision_rule(). */
    double confidence;  /**< As pz_decision_confidence(). */
} pz_decided;
#define PZ_DECIDED .size = sizeof(pz_decided)
/**
 * All of them in one call, for callers to whom each call costs more than the answer.
 * @param out  Caller's struct with its size set; filled up to that size.
 * @return PZ_OK; PZ_ERR_ARG if `out` is NULL or smaller than the struct was when it was released.
 */
PZ_API pz_status pz_decision_read(pz_decided *out, const pz_decision *decision);
/**
 * The whole decision as a map: "decision", "value", "reason", "rule", "because", "confidence",
 * "uses" (each attribute, segment, counter and context key that was read, with its value, and of
 * attributes tier, reason, confidence, channel, time, "policies" that fixed or limited the answer;
 * and "withheld": why not everything may be used, such as "masked by level basic" or "purpose ads
 * not granted", named from catalog, consents and levels alone, never from what data exists),
 * "unknown" (what was missing and would have mattered), "errors", "id", "catalog"; and "impure":
 * true where pz_decision_is_impure() says so.
 */
PZ_API pz_status pz_decision_map(pz_value *out, pz_context *context, const pz_decision *decision,
                                 pz_error *err);
/** The canonical bytes of that map: equal inputs give equal bytes, on any machine. */
PZ_API pz_status pz_decision_bytes(pz_value *out, pz_context *context, const pz_decision *decision,
                                   pz_error *err);
/** The id to report outcomes against: a hash of the inputs, 32 hexadecimal digits. */
PZ_API pz_status pz_decision_id(pz_str *out, pz_context *context, const pz_decision *decision,
                                pz_error *err);

/**
 * Why: every rule in turn with what it came to, every attribute with all its layers.
 * As structure, a map: that of pz_decision_map() with "rules" and "layers" besides, and in a
 * catalog with policies "policies": each that bears on the decision, whether it holds, and what it
 * reads.
 */
PZ_API pz_status pz_explain(pz_value *out, pz_context *context, const pz_decision *decision,
                            pz_error *err);
/** The same as plain English sentences, one a line. NUL-terminated. */
PZ_API pz_status pz_explain_text(pz_str *out, pz_context *context, const pz_decision *decision,
                                 pz_error *err);

/* ---- many customers in one call ---- */

/** How a pz_many names its customers. The numbers are frozen. */
typedef enum pz_many_by {
    PZ_BY_HANDLE = 0,     /**< `profiles`. */
    PZ_BY_ID = 1,         /**< `texts`: ids of stored profiles. */
    PZ_BY_IDENTIFIER = 2, /**< `texts`: identifiers of the kind `kind`; one that nobody has is
                               answered as a new customer. */
    PZ_BY_BYTES = 3       /**< `texts`: the bytes of pz_profile_encode(), read where they lie. */
} pz_many_by;

/** Bits of pz_many.flags: what stands in each line besides the answer. */
enum {
    PZ_MANY_WHY = 1, /**< Of decisions "why": the sentences of pz_explain_text(). */
    PZ_MANY_ID = 2   /**< Of decisions "id": see pz_decision_id(). */
};

/** Greatest number of customers in one call. */
#define PZ_MANY_MAX 131072u

/**
 * Many customers, and what is asked about each. Begin with PZ_MANY. All is borrowed for the call.
 * `texts` holds the texts (or bytes) one behind the other, without a NUL between them; text i ends
 * before texts[ends[i]] and begins where the one before it ends.
 */
typedef struct pz_many {
    uint32_t size;                     /**< sizeof(pz_many), which PZ_MANY sets. */
    uint32_t flags;                    /**< PZ_MANY_* bits. */
    uint32_t by;                       /**< One of pz_many_by. */
    uint32_t count;                    /**< How many customers. */
    const pz_profile *const *profiles; /**< By handle: `count` of them; NULL: nobody. */
    const char *texts;                 /**< Else: see above. */
    const uint64_t *ends;              /**< `count` of them, each at least the one before. */
    const char *kind;                  /**< By identifier: its kind, such as "email". */
    const char *const *names;          /**< The decisions, or attributes, that are asked for. */
    uint32_t name_count;
    /** NULL, or room for a number for each line. Then no line has "customer", lines that are alike
     * stand once, and the numbers say which line (from 0) is whose, in the order in which they would
     * have stood. What is there after a failure means nothing. */
    uint32_t *numbers;
} pz_many;
#define PZ_MANY .size = sizeof(pz_many)

/**
 * Decide for many customers, in the circumstances of one context. Stored profiles are read as they
 * are now, one after the other, and let go: memory does not grow with their number.
 *
 * The answers are JSON Lines in the pool: a line for each customer and name, customer by customer,
 * that ends in a line feed, with
 *
 *     "customer"    what it was named by; of handles and bytes the id; null for nobody
 *     "decision" "value" "reason" "rule" "confidence"    and as asked for "why" and "id"
 *     "is_new"      true: nobody has this identifier yet
 *     "impure"      true: see pz_decision_is_impure()
 *
 * A customer about whom nothing can be said (an id that is not in the store, damaged bytes, a value
 * that JSON has no word for) gets a line with "customer", "decision", "error" and "status", and the
 * others are answered all the same. Values stand as in pz_value_print().
 *
 * What the context was asked before stays readable but is not explained any more.
 *
 * @param context  Begun. Its account, level and circumstances hold for all.
 * @param pool     Owns the text.
 * @return PZ_OK; PZ_ERR_NOT_FOUND for a name that the catalog does not declare (the nearest is
 * named); PZ_ERR_PARSE for texts that are not UTF-8; PZ_ERR_ARG; PZ_ERR_STATE; PZ_ERR_LIMIT for
 * too many customers, answers that are too long together, or more than 1,048,576 numbers; PZ_ERR_NOMEM, PZ_ERR_IO, PZ_ERR_BUSY.
 */
PZ_API pz_status pz_decide_many(pz_str *out, pz_context *context, pz_pool *pool,
                                const pz_many *many, pz_error *err);
/** The same about attributes. A line has "customer" "attribute" "value" "tier" "reason" and where
 * they exist "confidence" "channel" "who" "at" and "is_new". */
PZ_API pz_status pz_answer_many(pz_str *out, pz_context *context, pz_pool *pool,
                                const pz_many *many, pz_error *err);
/** The segments of many customers: a line for each, with "customer" and "segments", a list of
 * names. `names` is not looked at. */
PZ_API pz_status pz_segments_many(pz_str *out, pz_context *context, pz_pool *pool,
                                  const pz_many *many, pz_error *err);

/**
 * Evaluate one CEL expression against variables: a map whose members are the names.
 * @param pool  Owns the result.
 * @return PZ_OK; PZ_ERR_PARSE or PZ_ERR_TYPE with line and column; PZ_ERR_EVAL.
 */
PZ_API pz_status pz_eval(pz_value *out, pz_pool *pool, const char *expression, size_t len,
                         pz_value variables, pz_error *err);

PZ_END_DECLS

#endif
