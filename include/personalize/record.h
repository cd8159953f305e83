/**
 * @file personalize/record.h
 * Decision records: what was decided about whom, when, by which catalog, and on what grounds.
 *
 * Deciding changes nothing and keeps nothing. pz_record() notes one decision in the store (or hands
 * it to a sink of the host's own), so that an outcome can be told apart later, and so that it can be
 * shown what a decision rested on and what was withheld from it. A record names the attributes,
 * segments, counters and circumstances that were read; it never holds what they answered.
 *
 * A record is a map: "decision", "value", "reason", "rule", "confidence", "id" (that of
 * pz_decision_id()), "catalog" (its content hash), "at"; "subject", the id of the profile, and of a
 * person of several "members", all their ids; "uses", a list of {"name", "tier", "reason", "class",
 * "purpose", "withheld"} where "class" is the source class that answered and "withheld" says what
 * was not used and why; "unknown", the names of what was missing; "failed", the ids of rules that
 * failed; "policies", a list of {"policy", "came_to", "uses"} of those that bear on the decision;
 * "impure": true where pz_decision_is_impure() says so; "note". Members without anything to say are left out.
 *
 * Erasing a person (pz_erase()) removes the person's records in the same transaction. Forgetting an
 * attribute (pz_forget()) leaves them: they say that it was asked, not what it answered. The value
 * of a decision may tell what was known; PZ_RECORD_NO_VALUE leaves it out.
 */
#ifndef PZ_RECORD_H
#define PZ_RECORD_H

#include <personalize/base.h>
#include <personalize/decide.h>
#include <personalize/engine.h>
#include <personalize/value.h>

PZ_BEGIN_DECLS

/** Bits of pz_record_options.flags. */
enum {
    PZ_RECORD_NO_VALUE = 1, /**< Without the value that was decided. */
    PZ_RECORD_ANONYMOUS = 2 /**< Without "subject" and "members": no erasure needs to reach it. */
};

/** Greatest length of a note, of a record's canonical bytes, and of one pz_record_many(). */
#define PZ_RECORD_NOTE_MAX 256u
#define PZ_RECORD_BYTES_MAX 65536u
#define PZ_RECORD_MANY_MAX 65536u

/** What is kept of a decision. Begin with PZ_RECORD_OPTIONS; every zero means the default. */
typedef struct pz_record_options {
    uint32_t size;    /**< sizeof(pz_record_options), which PZ_RECORD_OPTIONS sets. */
    uint32_t flags;   /**< PZ_RECORD_* bits. */
    const char *note; /**< The host's own word (the id of a request, say), or NULL. */
    pz_durability durability; /**< Of pz_record(): how far it has gone when the call returns. */
} pz_record_options;
/** First member of an initializer: `(pz_record_options){PZ_RECORD_OPTIONS, .note = "r-17"}`. */
#define PZ_RECORD_OPTIONS .size = sizeof(pz_record_options)

/**
 * The record of a decision as a map, without keeping it: for a queue or log of the host's own, and
 * for pz_record_many().
 *
 * @param out      Borrowed from the context until it begins anew.
 * @param options  NULL for all defaults.
 * @return PZ_OK; PZ_ERR_STATE for a context that was told another circumstance since; PZ_ERR_LIMIT
 * for a note that is too long; PZ_ERR_PARSE for one that is not UTF-8.
 */
PZ_API pz_status pz_decision_record(pz_value *out, pz_context *context, const pz_decision *decision,
                                    const pz_record_options *options, pz_error *err);

/**
 * Keep one decision: append its record to the store in a transaction of its own, or hand it to the
 * sink. It changes no decision.
 *
 * @param number   NULL, or told the record's number in the store: from 1, given once, rising in the
 *                 order in which records became visible. 0 from a sink.
 * @return PZ_OK; PZ_ERR_LATE if the person was erased after the decision, or is gone from the store;
 * PZ_ERR_TIME for a decision at a moment beyond now and the allowed skew; PZ_ERR_LIMIT for a record
 * longer than PZ_RECORD_BYTES_MAX; PZ_ERR_DOMAIN for a value that JSON has no word for (NaN, an
 * infinity), which PZ_RECORD_NO_VALUE leaves out; as pz_decision_record(); PZ_ERR_STATE read-only and without a
 * sink; PZ_ERR_IO, PZ_ERR_FULL, PZ_ERR_BUSY: nothing was kept; what a sink returned.
 */
PZ_API pz_status pz_record(uint64_t *number, pz_context *context, const pz_decision *decision,
                           const pz_record_options *options, pz_error *err);

/**
 * Keep many records in one transaction: one wait for the disk.
 *
 * @param records  Maps as of pz_decision_record(), which may have been JSON in between: "id",
 *                 "decision", "catalog" and "at" (a timestamp or RFC 3339 text) are needed, a
 *                 "number" is passed over, everything else is kept as it is.
 * @param write    NULL for all defaults; its `now_ms` and `durability` are used.
 * @param numbers  NULL, or room for `count`: the number of each. 0 for one that was not kept as its
 *                 person has been erased.
 * @return PZ_OK; PZ_ERR_TYPE or PZ_ERR_TIME for what is no record, PZ_ERR_LIMIT: the error says
 * which, and none was kept; as pz_record(). A sink is called for each in turn; where it fails, those
 * before have been taken.
 */
PZ_API pz_status pz_record_many(pz_engine *engine, const pz_value *records, size_t count,
                                const pz_write *write, uint64_t *numbers, pz_error *err);

/** Which records of the store are wanted. Begin with PZ_RECORD_QUERY; every zero: all of them. */
typedef struct pz_record_query {
    uint32_t size;       /**< sizeof(pz_record_query), which PZ_RECORD_QUERY sets. */
    uint32_t flags;      /**< 0. */
    uint64_t from;       /**< Only those of this number and above. */
    uint64_t limit;      /**< At most so many; 0: all. */
    const char *subject; /**< Only those about the profile with this id; NULL: about anybody. */
    const char *id;      /**< Only those of the decision with this id (equal inputs give equal ids);
                              NULL: of any. Not together with `subject`. */
} pz_record_query;
/** First member of an initializer. */
#define PZ_RECORD_QUERY .size = sizeof(pz_record_query)

/** Called for each record, by number; the map holds "number", too, and is borrowed for the call.
 * Another status than PZ_OK stops. */
typedef pz_status (*pz_record_fn)(void *payload, uint64_t number, pz_value record);
/**
 * Visit records of the store in the order of their numbers. Whoever goes on from the number after
 * the last one seen misses none, whichever processes record.
 *
 * @param query  NULL: all.
 * @return PZ_OK, what `fn` returned, PZ_ERR_ARG for an id that is none, PZ_ERR_CORRUPT, PZ_ERR_IO.
 */
PZ_API pz_status pz_each_record(pz_engine *engine, const pz_record_query *query, pz_record_fn fn,
                                void *payload, pz_error *err);
/**
 * The same records as a list of maps in a pool: for callers who are no place to call back to, such as
 * scripting languages. Whoever wants many asks by pages: `limit`, and `from` the number after the last.
 */
PZ_API pz_status pz_record_list(pz_engine *engine, const pz_record_query *query, pz_pool *pool,
                                pz_value *out, pz_error *err);

/**
 * Remove the records of decisions that were taken before a moment. Their bytes are gone, as those of
 * the erased are; every record is looked at. Besides, where the catalog declares how long records
 * are kept ("records": {"retention": "90d"}), recording removes the oldest as it goes. A damaged
 * record goes too; one that hooks cannot open, or of a later version, does not tell how old it is and
 * stays.
 *
 * @param before_ms  0: what the catalog's retention has passed.
 * @param removed    NULL, or how many were removed, on failure too.
 * @return PZ_OK; PZ_ERR_STATE for 0 where no catalog declares a retention, or read-only; PZ_ERR_IO,
 * PZ_ERR_FULL, PZ_ERR_BUSY: what was removed until then stays removed.
 */
PZ_API pz_status pz_records_expire(pz_engine *engine, int64_t before_ms, uint64_t *removed,
                                   pz_error *err);

PZ_END_DECLS

#endif
