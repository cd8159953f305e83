/**
 * @file personalize/ext/hooks.h
 * Hooks that encrypt what a store keeps and put pseudonyms in place of what it is found by.
 *
 * The library knows when bytes go into a store and come out of it; it brings no cipher and holds no
 * key. A host gives three functions with pz_engine_options.hooks, and every store, whatever its
 * backend, then holds nothing that tells about anybody: profiles, decision records, what is
 * remembered of the erased and the ids that identifiers lead to are sealed; ids, identifiers and the
 * names of streams are pseudonyms. What is left in the clear is how much there is, how long it is
 * (to the length of a seal), and which entries belong to one identifier.
 *
 * The store remembers that it is sealed. Opened without hooks, or with hooks of other keys, it
 * refuses at its first use with PZ_ERR_STATE; so does a store that was made without hooks and is
 * opened with some. examples/encryption is a whole set of hooks with libsodium, and
 * docs/operations.md tells what to think of.
 *
 * A handle on a profile that is kept decides without a store, and so without hooks.
 */
#ifndef PZ_EXT_HOOKS_H
#define PZ_EXT_HOOKS_H

#include <personalize/base.h>

PZ_BEGIN_DECLS

/** Bytes of a pseudonym, and most bytes that sealing may add. */
#define PZ_HOOKS_PSEUDONYM_BYTES 32u
#define PZ_HOOKS_OVERHEAD_MAX 128u

/**
 * The hooks. Begin with PZ_STORE_HOOKS; all three functions are needed.
 *
 * What they may return: PZ_OK; PZ_ERR_CORRUPT from `open` for bytes that were not sealed under this
 * name with a key it has; PZ_ERR_NOMEM; PZ_ERR_IO (a key server that cannot be reached, say). Any
 * other status counts as PZ_ERR_IO. The call of the library that needed the hook then fails with that
 * status, and a write changes nothing.
 *
 * Keys change by what `seal` puts in front of its bytes: a number of the key, which `open` reads.
 * What is written from then on is sealed with the new key, so old keys are needed as long as there is
 * anything older. The key of `pseudonym` cannot change: nothing would be found any more. To be rid of
 * a key for good, export the store and import it into a new one.
 *
 * Thread rule: called on any thread that uses the engine, from several at once, and inside of a
 * transaction, while other writers wait. For a PZ_GROUPED write that may be any thread that writes to
 * the same files, through whichever engine. They must not call the library.
 */
typedef struct pz_store_hooks {
    uint32_t size;     /**< sizeof(pz_store_hooks), which PZ_STORE_HOOKS sets. */
    uint32_t overhead; /**< Most bytes that `seal` adds: 0 to PZ_HOOKS_OVERHEAD_MAX. */
    void *payload;     /**< Handed to all three. It must outlive the engine or pz_store. */

    /**
     * Encrypt and authenticate `len` bytes.
     * @param name     Associated data: where the bytes will stand. `open` gets the same. Bytes, not
     *                 text; they hold nobody's id.
     * @param out      Room for len + overhead bytes; it does not overlap `bytes`.
     * @param out_len  Receives how many were written.
     * Sealing the same bytes twice should not give the same bytes: use a fresh nonce.
     */
    pz_status (*seal)(void *payload, pz_str name, const void *bytes, size_t len, void *out,
                      size_t *out_len);
    /**
     * The other way. `out` has room for `len` bytes. PZ_ERR_CORRUPT unless every byte and the name are
     * those that were sealed.
     */
    pz_status (*open)(void *payload, pz_str name, const void *sealed, size_t len, void *out,
                      size_t *out_len);
    /**
     * A pseudonym: equal bytes give equal pseudonyms, always and in every process; unlike bytes
     * unlike ones; and without the key nobody can tell which bytes it stands for, nor try them out. A
     * keyed hash of 256 bits does that.
     */
    pz_status (*pseudonym)(void *payload, const void *bytes, size_t len,
                           uint8_t out[PZ_HOOKS_PSEUDONYM_BYTES]);
} pz_store_hooks;
/** First member of an initializer. */
#define PZ_STORE_HOOKS .size = (uint32_t)sizeof(pz_store_hooks)

PZ_END_DECLS

#endif
