/*
 * tree.h: an ordered map that never changes: each change gives a new one. Private to the room.
 *
 * Trees share what they have in common by counting references, so a snapshot costs one count and
 * an abandoned change costs nothing but itself. NULL is the empty tree. Counts are atomic: trees
 * may be read, and let go of, by any thread.
 */
#ifndef PZ_STORE_TREE_H
#define PZ_STORE_TREE_H

#include <stdatomic.h>

#include "base/mem.h"
#include "base/str.h"

/* Key and bytes, made once and shared by every tree that holds them. */
typedef struct pz__leaf {
    atomic_size_t refs;
    uint32_t key_len;
    uint32_t len;
    char text[]; /* the key, then the bytes */
} pz__leaf;

typedef struct pz__tree {
    atomic_size_t refs;
    uint32_t height; /* of the taller side, plus one */
    struct pz__tree *left;
    struct pz__tree *right;
    pz__leaf *leaf;
} pz__tree;

pz_str pz__leaf_key(const pz__leaf *leaf);
const void *pz__leaf_bytes(const pz__leaf *leaf);

pz__tree *pz__tree_ref(pz__tree *tree);
void pz__tree_unref(pz__tree *tree, const pz_alloc *alloc);

/* `tree` with `bytes` under `key` as *out, a new reference. `tree` stays as it is. */
pz_status pz__tree_put(pz__tree **out, pz__tree *tree, const pz_alloc *alloc, pz_str key,
                       const void *bytes, size_t len);
/* `tree` without `key`; PZ_ERR_NOT_FOUND (and no *out) if it is not there. */
pz_status pz__tree_remove(pz__tree **out, pz__tree *tree, const pz_alloc *alloc, pz_str key);

/* Borrowed from the tree, NULL if there is none: under `key`; the first at or after it; the last
 * before it. */
const pz__leaf *pz__tree_get(const pz__tree *tree, pz_str key);
const pz__leaf *pz__tree_at_or_after(const pz__tree *tree, pz_str key);
const pz__leaf *pz__tree_before(const pz__tree *tree, pz_str key);

/* Call for each leaf in order from `key` on, until it gives another status than PZ_OK. */
typedef pz_status (*pz__tree_fn)(void *payload, const pz__leaf *leaf);
pz_status pz__tree_walk(const pz__tree *tree, pz_str key, pz__tree_fn fn, void *payload);

#endif
