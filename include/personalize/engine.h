/**
 * @file personalize/engine.h
 * The engine: one catalog in force, one store of profiles, and the clock.
 *
 * An engine may be used from any number of threads at once. It starts no threads, installs no
 * handlers and reads no environment. It may be opened before a fork and used after it: a store is
 * opened lazily, and again in a child.
 */
#ifndef PZ_ENGINE_H
#define PZ_ENGINE_H

#include <personalize/base.h>
#include <personalize/program.h>
#include <personalize/report.h>
#include <personalize/value.h>

PZ_BEGIN_DECLS

/** A catalog in force, a store and a clock. Closed with pz_engine_close(). */
typedef struct pz_engine pz_engine;

/** The current time in milliseconds since 1970 UTC. Called from any thread that uses the engine. */
typedef int64_t (*pz_clock_fn)(void *payload);

/** Bits of pz_engine_options.flags. */
enum {
    PZ_ENGINE_READ_ONLY = 1, /**< Nothing may be written; several such engines share a store. */
    PZ_ENGINE_LAZY = 2, /**< Writes that do not say otherwise are PZ_LAZY. */
    PZ_ENGINE_GROUPED = 4 /**< The same for PZ_GROUPED. With neither, they are PZ_DURABLE. */
};

/**
 * How far a write has gone when its call returns; docs/operations.md has what each promises. In
 * memory they are one. In Redis the replicas of `wait` stand for the disk, and PZ_LAZY waits for
 * none. The numbers are frozen.
 */
typedef enum pz_durability {
    PZ_DURABILITY_DEFAULT = 0, /**< As the engine was opened. */
    PZ_DURABLE = 1,            /**< On the disk, by a wait for the disk of its own. */
    PZ_GROUPED = 2,            /**< On the disk too; threads that write at the same time share the
                                    wait. What several threads should use. One of them then does
                                    the writing of all, so hooks (ext/hooks.h) and the allocator
                                    may be called for a thread on another that waits as it does. */
    PZ_LAZY = 3                /**< Not on the disk yet: it survives the death of the process but
                                    not of the machine, and an LMDB store may not survive that
                                    either before the next durable or grouped write. */
} pz_durability;

/**
 * Where decision records go instead of into the store: a host's own log, queue or database. Then
 * keeping them for as long as they may be kept, and erasing, is the host's.
 *
 * Thread rule: called on the thread that records or erases, from several at once.
 */
typedef struct pz_record_sink {
    uint32_t size; /**< sizeof(pz_record_sink), which PZ_RECORD_SINK sets. */
    void *payload; /**< Handed to both functions. */
    /** Take one record (personalize/record.h), borrowed for the call. What is returned is what
     * pz_record() returns. */
    pz_status (*take)(void *payload, pz_value record);
    /** Erase all records whose "subject" or "members" hold this id: called by pz_erase() for each
     * profile before the store commits, and again where it has to begin again. What is returned
     * other than PZ_OK is what pz_erase() returns, and the store erases nothing. It must not write to
     * the store, which is in the middle of a transaction: PZ_ERR_STATE. */
    pz_status (*erase)(void *payload, pz_str id);
} pz_record_sink;
/** First member of an initializer. */
#define PZ_RECORD_SINK .size = sizeof(pz_record_sink)

/** How an engine is opened. Begin with PZ_ENGINE_OPTIONS; every zero means the default. */
typedef struct pz_engine_options {
    uint32_t size;         /**< sizeof(pz_engine_options), which PZ_ENGINE_OPTIONS sets. */
    uint32_t flags;        /**< PZ_ENGINE_* bits. */
    const char *catalog;   /**< Path of the catalog; NULL: load one later. */
    const char *store;     /**< "memory:" (the default), "lmdb:DIRECTORY", or "redis://..." with
                                its module. */
    const pz_alloc *alloc; /**< Where all memory comes from; NULL: the C library's heap. Copied. */
    pz_clock_fn clock;     /**< NULL: the system's real-time clock. */
    void *clock_payload;   /**< Handed to `clock`. */
    int64_t skew_ms; /**< How far a claimed time may lie ahead of the clock; 0: five minutes. */
    uint64_t store_bytes; /**< LMDB: address space to begin with; 0: 16 GiB; it grows as needed. */
    /** NULL, or a store that is a library of its own: pz_redis_module() of personalize/redis.h. */
    const struct pz_store_module *module;
    /**
     * Functions of the host that rules of segments and decisions, and of policies that lock or
     * bound, may call; those that set masks and signals may not. Copied; payloads are borrowed
     * until the engine is closed. A name of the rule language or of catalogs ("count") is not
     * replaced: PZ_ERR_ARG. They are called in the middle of questions, by whichever thread asks,
     * and must not use the context that is asking.
     */
    const pz_function *functions;
    size_t function_count; /**< At most PZ_PROGRAM_FUNCTIONS_MAX. */
    const pz_record_sink *records; /**< NULL: records are kept in the store. Copied. */
    /** NULL, or hooks that seal the store: personalize/ext/hooks.h. Copied. */
    const struct pz_store_hooks *hooks;
} pz_engine_options;
/** First member of an initializer: `(pz_engine_options){PZ_ENGINE_OPTIONS, .catalog =
 * "shop.json"}`. */
#define PZ_ENGINE_OPTIONS .size = sizeof(pz_engine_options)

/**
 * Open an engine.
 *
 * @param out      Receives the engine; NULL on failure.
 * @param options  NULL for all defaults: no catalog, a store in memory.
 * @param err      NULL, or told what is wrong: for a catalog the first mistake with its place.
 * @return PZ_OK; PZ_ERR_CATALOG (pz_engine_load() gives the whole report); PZ_ERR_VERSION for a
 * store that another version wrote; PZ_ERR_IO; PZ_ERR_ARG.
 */
PZ_API pz_status pz_engine_open(pz_engine **out, const pz_engine_options *options, pz_error *err);

/**
 * Close an engine. Every handle made from it must have been freed. NULL is allowed.
 */
PZ_API void pz_engine_close(pz_engine *engine);

/**
 * Read a catalog from a file and put it in force. Contexts that are deciding go on with the old one
 * until they begin anew. A catalog with mistakes is refused as a whole and the old one stays.
 *
 * @param path    The file; also its name in the report.
 * @param report  NULL, or receives all mistakes and warnings (NULL if there are none); free it with
 *                pz_report_free(), on failure too.
 * @return PZ_OK; PZ_ERR_CATALOG; PZ_ERR_IO; PZ_ERR_BUSY when too many older catalogs are still
 * held. Thread rule: any thread, while others decide; loads wait for each other.
 */
PZ_API pz_status pz_engine_load(pz_engine *engine, const char *path, pz_report **report,
                                pz_error *err);

/** The same from text in memory; `name` stands for the file in the report. */
PZ_API pz_status pz_engine_load_text(pz_engine *engine, const char *name, const char *text,
                                     size_t len, pz_report **report, pz_error *err);

/**
 * Run the tests that the catalog in force carries. Each that fails is a diagnostic at its place.
 *
 * @param report  NULL, or receives the failures (NULL if there are none).
 * @param passed  NULL, or told how many passed.
 * @param failed  NULL, or told how many failed.
 * @return PZ_OK if all passed (or there are none); PZ_ERR_TEST; PZ_ERR_STATE without a catalog.
 */
PZ_API pz_status pz_engine_test(pz_engine *engine, pz_report **report, uint32_t *passed,
                                uint32_t *failed, pz_error *err);

/** Content hash of the catalog in force as 32 hexadecimal digits and a NUL. PZ_ERR_STATE if none.
 */
PZ_API pz_status pz_engine_catalog_hash(pz_engine *engine, char out[33]);

/** What became of one event of pz_observe_many(). */
typedef struct pz_observed {
    uint32_t size;     /**< sizeof(pz_observed), set by the caller. */
    pz_status status;  /**< PZ_OK, or why this event was not taken. */
    bool is_new;       /**< False for an event seen before (PZ_OK: a repeat changes nothing). */
    char message[256]; /**< What is wrong, NUL-terminated. With PZ_OK "", or what to look at: an
                            event of a kind that is not among the catalog's `events`, from which
                            nothing is learned. */
} pz_observed;

/** Greatest number of events in one call of pz_observe_many(). */
#define PZ_OBSERVE_MANY_MAX 65536u

/** Bits of the flags of pz_observe_many(). */
enum {
    PZ_OBSERVE_REPLAY = 1, /**< A replay of history, in the order of time: each event's own
                                time serves as the clock. */
    PZ_OBSERVE_DURABLE = 2, /**< The call is PZ_DURABLE, whatever the engine's default. At most one */
    PZ_OBSERVE_GROUPED = 4, /**< of these three: PZ_GROUPED, */
    PZ_OBSERVE_LAZY = 8     /**< PZ_LAZY. */
};

/**
 * Take many events, of any customers, in one transaction: at most one wait for the disk.
 *
 * Each event names its customer by the member "customer": text (an identifier of kind "customer")
 * or a map of one member, kind to value; a customer nobody knows yet is made. Good events are
 * applied in order and bad ones reported each for itself, among them those of a customer whose
 * stored profile is damaged (PZ_ERR_CORRUPT) or a later version's (PZ_ERR_VERSION), which stays as
 * it is; only a failure of the store undoes the whole call.
 *
 * @param events   Maps as of pz_observe().
 * @param now_ms   The clock; 0: the engine's.
 * @param results  NULL, or room for `count` results.
 * @return PZ_OK (though single events may have failed); PZ_ERR_IO, PZ_ERR_FULL, PZ_ERR_BUSY:
 * nothing was applied; PZ_ERR_STATE without a catalog; PZ_ERR_LIMIT for too many events.
 */
PZ_API pz_status pz_observe_many(pz_engine *engine, const pz_value *events, size_t count,
                                 int64_t now_ms, uint32_t flags, pz_observed *results,
                                 pz_error *err);

/** Bits of the flags of pz_apply_many(). */
enum {
    PZ_APPLY_SETTLED = 1 /**< A row that says what stands already changes nothing: a table may be
                              taken in again. Without it, saying something again is a newer word.
                              A row that forgets is never settled. */
};

struct pz_write;

/**
 * Carry out many rows of operations, of any customers, in one transaction: a table of a CRM, say.
 *
 * A row is a list: the customer, as an event names one (text, or a map of one member), then
 * operations as pz_profile_apply() takes them: `["4711", ["declare", "city", "Bonn"],
 * ["consent", "ads", "grant"]]`. All of a row or none of it is carried out; a customer nobody knows
 * yet is made by the first that is. Rows take choose, reject, clear, edit, set_mode, set_level,
 * declare, infer, identify, consent, consent_tcf, consent_gpc, set_account, forget and expire. An
 * identifier that leads to another profile is PZ_ERR_SUBJECT for its row.
 *
 * @param defaults  NULL, or channel, who and times of all operations.
 * @param results   NULL, or room for `count` results; is_new: the row changed something.
 * @return as pz_observe_many().
 */
PZ_API pz_status pz_apply_many(pz_engine *engine, const pz_value *rows, size_t count,
                               const struct pz_write *defaults, uint32_t flags,
                               pz_observed *results, pz_error *err);

PZ_END_DECLS

#endif
