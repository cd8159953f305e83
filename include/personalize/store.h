/**
 * @file personalize/store.h
 * Looking after a store: what is in it, whether it is sound, copies, backups, making it smaller.
 *
 * None of this needs a catalog: profiles are joined, checked and written as bytes. A pz_store is
 * opened by the same addresses as an engine's store, beside engines that go on using it, or
 * borrowed from an engine (the one way to a store in memory).
 *
 * Copying never overwrites. A profile that both stores have is *joined*, as replicas are: per
 * writer the newer state stays, so nothing that the target knows is lost, and copying a second time
 * changes nothing. Every store keeps the writer id that it has, and what is made anew (by a backup,
 * a restore, or a copy into an empty place) gets one of its own: no two stores ever write under one.
 *
 * Thread rule: a pz_store may be used by one thread at a time; the store behind it by anybody.
 */
#ifndef PZ_STORE_H
#define PZ_STORE_H

#include <personalize/base.h>
#include <personalize/engine.h>

PZ_BEGIN_DECLS

/** A store, without catalog or clock. Closed with pz_store_close(), unless borrowed. */
typedef struct pz_store pz_store;

/** Bits of pz_store_options.flags. */
enum {
    PZ_STORE_READ_ONLY = 1, /**< Nothing is made or written. */
    PZ_STORE_LAZY = 2       /**< Commits do not wait for the disk; see PZ_ENGINE_LAZY. */
};

/** How a store is opened. Begin with PZ_STORE_OPTIONS; every zero means the default. */
typedef struct pz_store_options {
    uint32_t size;         /**< sizeof(pz_store_options), which PZ_STORE_OPTIONS sets. */
    uint32_t flags;        /**< PZ_STORE_* bits. */
    const pz_alloc *alloc; /**< Where all memory comes from; NULL: the heap. Copied. */
    uint64_t store_bytes;  /**< LMDB: as in pz_engine_options. */
    const struct pz_store_module *module; /**< As in pz_engine_options. */
    /** As in pz_engine_options: a sealed store is copied and verified through them. Its index is not
     * walked, which nobody can read: what leads nowhere is not noticed there, nor counted. */
    const struct pz_store_hooks *hooks;
} pz_store_options;
/** First member of an initializer. */
#define PZ_STORE_OPTIONS .size = sizeof(pz_store_options)

/**
 * Open a store by its address: "lmdb:DIRECTORY", "redis://..." with its module, or "memory:" (a new
 * one, private to the handle).
 *
 * @param options  NULL for all defaults.
 * @return PZ_OK; PZ_ERR_NOT_FOUND for reading where no store is; PZ_ERR_VERSION; PZ_ERR_CORRUPT;
 * PZ_ERR_IO; PZ_ERR_UNSUPPORTED or PZ_ERR_ARG for an address of no store this build knows. Hooks that
 * a store was not made with, or none where it was made with some, are found out at its first use:
 * every call below can return PZ_ERR_STATE.
 */
PZ_API pz_status pz_store_open(pz_store **out, const char *address,
                               const pz_store_options *options, pz_error *err);
/** Close a store. NULL is allowed; one that is borrowed from an engine stays open. */
PZ_API void pz_store_close(pz_store *store);
/** The store of an engine, borrowed for as long as the engine lives; NULL for NULL. */
PZ_API pz_store *pz_engine_store(pz_engine *engine);

/* ---- what is in it ---- */

/** What there is to know about a store. The caller sets `size`. Counts are exact at some moment of
 * the call; what a backend does not have is 0. */
typedef struct pz_store_info {
    uint32_t size;        /**< sizeof(pz_store_info), set by the caller. */
    uint32_t format;      /**< Version of how the store is laid out. */
    char backend[16];     /**< "memory", "lmdb", "redis". */
    char writer[37];      /**< The writer id as text: under it this store writes into profiles. */
    uint64_t profiles;    /**< Records. */
    uint64_t bytes;       /**< Bytes of all records together. */
    uint64_t longest;     /**< Bytes of the longest. */
    uint64_t identifiers; /**< Entries that lead from an identifier to a profile. */
    uint64_t links;       /**< Entries that lead back from a profile to one that links to it. */
    uint64_t remembered;  /**< Erased subjects and identifiers that are remembered, as hashes. */
    uint64_t streams;     /**< Streams that have entries. */
    uint64_t entries;     /**< Entries of all streams. */
    uint64_t map_bytes;   /**< LMDB: address space. */
    uint64_t file_bytes;  /**< LMDB: length of the data file. */
    uint64_t used_bytes;  /**< LMDB: of those, pages that were ever used. */
    uint64_t free_bytes;  /**< LMDB: of those, pages that may be used again. */
    uint32_t readers;     /**< LMDB: places taken in the table of readers, of all processes. */
    uint32_t readers_max; /**< LMDB: how many there are. */
} pz_store_info;

/**
 * Read what there is to know. Walks over all names, not over all bytes.
 * @return PZ_OK; PZ_ERR_ARG for a size that is none; PZ_ERR_IO; PZ_ERR_CORRUPT.
 */
PZ_API pz_status pz_store_info_read(pz_store *store, pz_store_info *out, pz_error *err);

/* ---- following what goes on ---- */

/** How far a call is. */
typedef struct pz_store_progress {
    uint32_t size;  /**< sizeof(pz_store_progress), as the library knows it. */
    uint64_t done;  /**< Profiles, then entries of streams, that are through. */
    uint64_t total; /**< Profiles there were at the start; 0: not known. */
} pz_store_progress;

/** Called from time to time; another status than PZ_OK ends the call, which returns it. What was
 * committed stays, and a copy goes on from there the next time. */
typedef pz_status (*pz_store_progress_fn)(void *payload, const pz_store_progress *progress);

/** What can be wrong with a store. */
typedef enum pz_fault_kind {
    PZ_FAULT_DAMAGED = 1,   /**< A record's bytes are damaged. */
    PZ_FAULT_VERSION = 2,   /**< A record of a later version, which this one cannot judge. */
    PZ_FAULT_MISPLACED = 3, /**< A profile stands under a key that is not its id. */
    PZ_FAULT_UNFINDABLE = 4, /**< The index does not lead to a profile that has the identifier. */
    PZ_FAULT_DANGLING = 5,  /**< The index leads to a profile that is not there. */
    PZ_FAULT_STRAY = 6,     /**< The index leads to a profile that has not got the identifier. */
    PZ_FAULT_STREAM = 7,    /**< A decision record is damaged, or erasing would not find it. */
    PZ_FAULT_ENTRY = 8,     /**< An entry that the library itself keeps is none it would write. */
    PZ_FAULT_REFUSED = 9,   /**< A copy: the target cannot take this profile (a limit, say). */
    PZ_FAULT_MARK = 10      /**< A record says that nobody links to it, and somebody does. */
} pz_fault_kind;

/** One fault. Texts are borrowed until the function returns. */
typedef struct pz_store_fault {
    uint32_t size; /**< sizeof(pz_store_fault), as the library knows it. */
    pz_fault_kind kind;
    pz_str key;          /**< Of the record, or the pseudonym of one that hooks cannot open; the name of the
                              stream. */
    pz_str identifier;   /**< What the index knows it by: kind, octet 0x1f, value; or "". */
    pz_status status;    /**< What reading it came to. */
    const char *message; /**< What is wrong, and what helps. NUL-terminated. */
} pz_store_fault;

/** Called for each fault; another status than PZ_OK ends the call, which returns it. */
typedef pz_status (*pz_store_fault_fn)(void *payload, const pz_store_fault *fault);

/** Bits of pz_store_watch.flags. */
enum {
    PZ_STORE_AFRESH = 1 /**< A copy begins with the first profile, although one was interrupted. */
};

/** How a call is followed. Begin with PZ_STORE_WATCH; every zero means the default. */
typedef struct pz_store_watch {
    uint32_t size;                 /**< Set by PZ_STORE_WATCH. */
    uint32_t flags;                /**< PZ_STORE_AFRESH. */
    pz_store_progress_fn progress; /**< NULL: nobody is told. */
    /** Told of each fault. NULL: pz_store_verify() counts them, and a copy ends at the first, with
     * an error that names it; else a copy leaves out what it cannot take and goes on. */
    pz_store_fault_fn fault;
    void *payload; /**< Handed to both. */
} pz_store_watch;
/** First member of an initializer. */
#define PZ_STORE_WATCH .size = sizeof(pz_store_watch)

/** What a call came to. The caller sets `size`; it is filled in on failure too, as far as it came. */
typedef struct pz_store_outcome {
    uint32_t size;      /**< sizeof(pz_store_outcome), set by the caller. */
    bool is_resumed;    /**< A copy went on where an earlier one had been interrupted. */
    bool is_whole;      /**< A backup or restore of files: one snapshot of everything. */
    uint64_t profiles;  /**< Looked at. */
    uint64_t added;     /**< A copy: profiles the target did not have. */
    uint64_t joined;    /**< A copy: profiles the target had and that changed by this. */
    uint64_t unchanged; /**< A copy: profiles that had nothing new for the target. */
    uint64_t erased;    /**< A copy: left out, since the target erased that person later. */
    uint64_t left_out;  /**< Left out because of a fault; of a copy decision records, too. */
    uint64_t rewritten; /**< Compacting and expiring: profiles whose bytes became others. */
    uint64_t entries;   /**< Entries of streams, or of the index, looked at or copied. */
    uint64_t faults;    /**< Told of. */
    uint64_t bytes_before, bytes_after; /**< Compacting: of the file, or of all records. */
} pz_store_outcome;

/**
 * Look at everything, changing nothing: whether every record decodes and is the profile its key
 * says, whether the index leads to every profile by each of its identifiers and links and nowhere
 * else, the same for decision records. May run while others write: what looks wrong is looked at
 * again before it is told. Before that every page of an LMDB file is looked at, as the other calls
 * of this header do that read all of a store: one that is damaged is PZ_ERR_CORRUPT, without a fault
 * of its own, since nothing behind it can be trusted.
 *
 * @param watch    NULL for defaults.
 * @param outcome  NULL, or told how much there was.
 * @return PZ_OK: sound; PZ_ERR_CORRUPT: something was found; else what stopped it.
 */
PZ_API pz_status pz_store_verify(pz_store *store, const pz_store_watch *watch,
                                 pz_store_outcome *outcome, pz_error *err);

/**
 * Copy all profiles, streams and what is remembered of erased people from one store into another,
 * of whatever backends, both of which may be in use. Profiles are joined (see above), the index of
 * the target is made from them. Someone the target has erased does not come back.
 *
 * Goes in steps of one transaction each and notes in the target how far it is: a copy that was
 * interrupted, by a kill too, goes on there. It then does not look again at what it had done; run
 * it once more for what changed since. Entries of a stream are copied once, however often it runs.
 *
 * @return PZ_OK; PZ_ERR_ARG for two handles of one store, or two stores that claim one writer id
 * (one is a copy of the other's files: make copies with pz_store_backup()); PZ_ERR_STATE for a
 * target that is read-only; PZ_ERR_CORRUPT, PZ_ERR_LIMIT for a profile that cannot be copied, where
 * watch->fault is NULL; PZ_ERR_IO, PZ_ERR_FULL, PZ_ERR_BUSY.
 */
PZ_API pz_status pz_store_copy(pz_store *from, pz_store *to, const pz_store_watch *watch,
                               pz_store_outcome *outcome, pz_error *err);

/**
 * Copy a store to a place where none is. The new store has a writer id of its own. From LMDB to
 * LMDB it is one consistent snapshot while others write, and has its name only when whole; else it
 * is a copy as above, each profile whole.
 *
 * @param address  Where to; not "memory:".
 * @param options  How that is opened; NULL for defaults. Without hooks a sealed store is sealed there
 *                 with its own; with others it is sealed anew, by a copy. Who wants it in the clear
 *                 opens the place without hooks and calls pz_store_copy().
 * @return PZ_OK; PZ_ERR_STATE: a store is there already (unless it is an interrupted copy of this
 * one, which goes on); as pz_store_copy().
 */
PZ_API pz_status pz_store_backup(pz_store *store, const char *address,
                                 const pz_store_options *options, const pz_store_watch *watch,
                                 pz_store_outcome *outcome, pz_error *err);

/**
 * Make a store out of a backup, where none is. As pz_store_backup(), with the roles exchanged: the
 * restored store writes under an id that nobody ever wrote under, so what it writes from now on
 * cannot be mistaken for what was lost.
 */
PZ_API pz_status pz_store_restore(pz_store *backup, const char *address,
                                  const pz_store_options *options, const pz_store_watch *watch,
                                  pz_store_outcome *outcome, pz_error *err);

/**
 * Make a store smaller: every profile is written as this version writes it, without what was erased;
 * then an LMDB store's file is written anew without free pages and
 * put in place at one stroke. The first may go on while others use the store. The second needs it
 * alone: PZ_ERR_BUSY tells that somebody has it open; what was rewritten stays rewritten.
 * Memory and Redis give back what is free by themselves: there the second is nothing.
 *
 * @return PZ_OK; PZ_ERR_BUSY; PZ_ERR_STATE for a store that is read-only, or has files and is
 * borrowed from an engine; PZ_ERR_IO, PZ_ERR_FULL.
 */
PZ_API pz_status pz_store_compact(pz_store *store, const pz_store_watch *watch,
                                  pz_store_outcome *outcome, pz_error *err);

/**
 * pz_expire() for every profile in the engine's store, each that has something to drop in a
 * transaction of its own, at one moment for all. May run while others write, and be stopped: what is
 * done is done. Once a day, say, keeps what the catalog promises about the bytes.
 *
 * @param write    NULL, or when, by whom and how durably; as of any verb.
 * @param watch    NULL for defaults; a profile that cannot be read is a fault, and the others go on.
 * @param outcome  NULL, or told: profiles, rewritten, left_out.
 * @return PZ_OK; PZ_ERR_STATE without a catalog or read-only; PZ_ERR_IO, PZ_ERR_FULL; what a callback
 * returned.
 */
PZ_API pz_status pz_expire_all(pz_engine *engine, const struct pz_write *write,
                               const pz_store_watch *watch, pz_store_outcome *outcome,
                               pz_error *err);

PZ_END_DECLS

#endif
