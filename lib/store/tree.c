/*
 * tree.c: a height-balanced tree changed by copying the path from the root to the change.
 *
 *        old root      new root
 *         /    \        /    \
 *        a      b <----'      c'      everything off the path is shared
 *              ...           /  \
 *
 * Two heights that meet in a node differ by at most one (Adelson-Velsky, Landis 1962), so a tree of
 * 2^32 leaves is at most 46 high and every walk here may recurse. A new node is made by join(),
 * which takes over the references it is given, whether or not it succeeds, and restores the balance
 * by the rotation that the heights ask for. So a failed allocation anywhere in a change unwinds by
 * itself: what was made goes, the old tree stands untouched.
 *
 * Not here: who may see which tree when (memory.c).
 */
#include "store/tree.h"

pz_str pz__leaf_key(const pz__leaf *leaf)
{
    return (pz_str){leaf->text, leaf->key_len};
}

const void *pz__leaf_bytes(const pz__leaf *leaf)
{
    return leaf->text + leaf->key_len;
}

static size_t leaf_size(size_t key_len, size_t len)
{
    return sizeof(pz__leaf) + key_len + len;
}

/* Lengths are within the limits of the store, so the sum cannot overflow. */
static pz__leaf *leaf_new(const pz_alloc *alloc, pz_str key, const void *bytes, size_t len)
{
    pz__leaf *leaf = pz__mem_new(alloc, 1, leaf_size(key.len, len));
    if (!leaf)
        return NULL;
    atomic_init(&leaf->refs, 1);
    leaf->key_len = (uint32_t)key.len;
    leaf->len = (uint32_t)len;
    memcpy(leaf->text, key.data, key.len);
    if (len)
        memcpy(leaf->text + key.len, bytes, len);
    return leaf;
}

static pz__leaf *leaf_ref(pz__leaf *leaf)
{
    atomic_fetch_add(&leaf->refs, 1);
    return leaf;
}

static void leaf_unref(pz__leaf *leaf, const pz_alloc *alloc)
{
    if (atomic_fetch_sub(&leaf->refs, 1) == 1)
        pz__mem_free(alloc, leaf, 1, leaf_size(leaf->key_len, leaf->len));
}

pz__tree *pz__tree_ref(pz__tree *tree)
{
    if (tree)
        atomic_fetch_add(&tree->refs, 1);
    return tree;
}

void pz__tree_unref(pz__tree *tree, const pz_alloc *alloc)
{
    if (!tree || atomic_fetch_sub(&tree->refs, 1) != 1)
        return;
    pz__tree_unref(tree->left, alloc);
    pz__tree_unref(tree->right, alloc);
    leaf_unref(tree->leaf, alloc);
    pz__mem_free(alloc, tree, 1, sizeof *tree);
}

/* ---- making nodes ---- */

static uint32_t height(const pz__tree *tree)
{
    return tree ? tree->height : 0;
}

/* A node of three references, which it takes over; without memory it lets go of them. */
static pz__tree *node(const pz_alloc *alloc, pz__tree *left, pz__leaf *leaf, pz__tree *right)
{
    pz__tree *made = pz__mem_new(alloc, 1, sizeof *made);
    if (!made) {
        pz__tree_unref(left, alloc);
        leaf_unref(leaf, alloc);
        pz__tree_unref(right, alloc);
        return NULL;
    }
    atomic_init(&made->refs, 1);
    made->left = left;
    made->right = right;
    made->leaf = leaf;
    made->height = 1 + (height(left) > height(right) ? height(left) : height(right));
    return made;
}

/* The second of two nodes could not be made for want of the first. */
static pz__tree *above(const pz_alloc *alloc, pz__tree *left, pz__leaf *leaf, pz__tree *right,
                       const pz__tree *needed)
{
    if (needed)
        return node(alloc, left, leaf, right);
    pz__tree_unref(left, alloc);
    leaf_unref(leaf, alloc);
    pz__tree_unref(right, alloc);
    return NULL;
}

/* `left` is two higher than `right`: turn it up, or its right side if that is what is high. */
static pz__tree *lean_right(const pz_alloc *alloc, pz__tree *left, pz__leaf *leaf, pz__tree *right)
{
    pz__tree *outer = pz__tree_ref(left->left);
    pz__tree *inner = left->right;
    pz__tree *made;
    if (height(outer) >= height(inner)) {
        pz__tree *low = node(alloc, pz__tree_ref(inner), leaf, right);
        made = above(alloc, outer, leaf_ref(left->leaf), low, low);
    } else {
        pz__tree *low = node(alloc, pz__tree_ref(inner->right), leaf, right);
        pz__tree *high = node(alloc, outer, leaf_ref(left->leaf), pz__tree_ref(inner->left));
        made = above(alloc, high, leaf_ref(inner->leaf), low, low && high ? low : NULL);
    }
    pz__tree_unref(left, alloc);
    return made;
}

static pz__tree *lean_left(const pz_alloc *alloc, pz__tree *left, pz__leaf *leaf, pz__tree *right)
{
    pz__tree *outer = pz__tree_ref(right->right);
    pz__tree *inner = right->left;
    pz__tree *made;
    if (height(outer) >= height(inner)) {
        pz__tree *low = node(alloc, left, leaf, pz__tree_ref(inner));
        made = above(alloc, low, leaf_ref(right->leaf), outer, low);
    } else {
        pz__tree *low = node(alloc, left, leaf, pz__tree_ref(inner->left));
        pz__tree *high = node(alloc, pz__tree_ref(inner->right), leaf_ref(right->leaf), outer);
        made = above(alloc, low, leaf_ref(inner->leaf), high, low && high ? low : NULL);
    }
    pz__tree_unref(right, alloc);
    return made;
}

/* Left, leaf and right as one balanced tree; heights differ by two at most. */
static pz__tree *join(const pz_alloc *alloc, pz__tree *left, pz__leaf *leaf, pz__tree *right)
{
    if (height(left) > height(right) + 1)
        return lean_right(alloc, left, leaf, right);
    if (height(right) > height(left) + 1)
        return lean_left(alloc, left, leaf, right);
    return node(alloc, left, leaf, right);
}

/* ---- changing ---- */

/* `tree` with a leaf put in; takes over the leaf only if it gives a tree. */
static pz__tree *put(pz__tree *tree, const pz_alloc *alloc, pz__leaf *leaf)
{
    if (!tree)
        return node(alloc, NULL, leaf_ref(leaf), NULL);
    int order = pz__str_compare(pz__leaf_key(leaf), pz__leaf_key(tree->leaf));
    if (order == 0)
        return node(alloc, pz__tree_ref(tree->left), leaf_ref(leaf), pz__tree_ref(tree->right));
    pz__tree *side = put(order < 0 ? tree->left : tree->right, alloc, leaf);
    if (!side)
        return NULL;
    if (order < 0)
        return join(alloc, side, leaf_ref(tree->leaf), pz__tree_ref(tree->right));
    return join(alloc, pz__tree_ref(tree->left), leaf_ref(tree->leaf), side);
}

pz_status pz__tree_put(pz__tree **out, pz__tree *tree, const pz_alloc *alloc, pz_str key,
                       const void *bytes, size_t len)
{
    pz__leaf *leaf = leaf_new(alloc, key, bytes, len);
    *out = leaf ? put(tree, alloc, leaf) : NULL;
    if (leaf)
        leaf_unref(leaf, alloc);
    return *out ? PZ_OK : PZ_ERR_NOMEM;
}

static const pz__tree *leftmost(const pz__tree *tree)
{
    while (tree->left)
        tree = tree->left;
    return tree;
}

/* `*out` may be NULL on success: the last leaf went. */
static pz_status cut(pz__tree **out, pz__tree *tree, const pz_alloc *alloc, pz_str key)
{
    pz__tree *side;
    int order = tree ? pz__str_compare(key, pz__leaf_key(tree->leaf)) : 0;
    if (!tree)
        return PZ_ERR_NOT_FOUND;
    if (order == 0 && (!tree->left || !tree->right)) {
        *out = pz__tree_ref(tree->left ? tree->left : tree->right);
        return PZ_OK;
    }
    /* A node with two sides gives its place to the first leaf of its right side. */
    pz__leaf *leaf = order == 0 ? leftmost(tree->right)->leaf : tree->leaf;
    pz_status status = cut(&side, order < 0 ? tree->left : tree->right, alloc,
                           order == 0 ? pz__leaf_key(leaf) : key);
    if (status != PZ_OK)
        return status;
    if (order < 0)
        *out = join(alloc, side, leaf_ref(leaf), pz__tree_ref(tree->right));
    else
        *out = join(alloc, pz__tree_ref(tree->left), leaf_ref(leaf), side);
    return *out ? PZ_OK : PZ_ERR_NOMEM;
}

pz_status pz__tree_remove(pz__tree **out, pz__tree *tree, const pz_alloc *alloc, pz_str key)
{
    *out = NULL;
    return cut(out, tree, alloc, key);
}

/* ---- reading ---- */

const pz__leaf *pz__tree_get(const pz__tree *tree, pz_str key)
{
    while (tree) {
        int order = pz__str_compare(key, pz__leaf_key(tree->leaf));
        if (order == 0)
            return tree->leaf;
        tree = order < 0 ? tree->left : tree->right;
    }
    return NULL;
}

const pz__leaf *pz__tree_at_or_after(const pz__tree *tree, pz_str key)
{
    const pz__leaf *best = NULL;
    while (tree) {
        if (pz__str_compare(pz__leaf_key(tree->leaf), key) < 0) {
            tree = tree->right;
        } else {
            best = tree->leaf;
            tree = tree->left;
        }
    }
    return best;
}

const pz__leaf *pz__tree_before(const pz__tree *tree, pz_str key)
{
    const pz__leaf *best = NULL;
    while (tree) {
        if (pz__str_compare(pz__leaf_key(tree->leaf), key) < 0) {
            best = tree->leaf;
            tree = tree->right;
        } else {
            tree = tree->left;
        }
    }
    return best;
}

pz_status pz__tree_walk(const pz__tree *tree, pz_str key, pz__tree_fn fn, void *payload)
{
    if (!tree)
        return PZ_OK;
    bool within = pz__str_compare(pz__leaf_key(tree->leaf), key) >= 0;
    pz_status status = within ? pz__tree_walk(tree->left, key, fn, payload) : PZ_OK;
    if (status == PZ_OK && within)
        status = fn(payload, tree->leaf);
    if (status != PZ_OK)
        return status;
    return pz__tree_walk(tree->right, key, fn, payload);
}
