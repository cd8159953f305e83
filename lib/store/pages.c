/*
 * pages.c: whether the pages of an LMDB file hang together.
 *
 * LMDB believes its pages. A bit that the disk flipped in a page's head or in its offsets makes it
 * read beyond the page, beyond the map, or in a circle: the process is gone, or hangs. Records have
 * checksums, pages have none, so this follows every reference once before LMDB does:
 *
 *     meta page (two, commits take turns)
 *      |-- the list of free pages: number of a commit -> its pages
 *      `-- main: name -> the root of a database
 *           `-- records, streams, meta: key -> bytes, or the number of pages that hold them
 *           `-- index: key -> bytes, or a page within the node, or the root of a tree of them
 *
 *     page   number (8) pad (2) flags (2) | lower (2) upper (2) offset (2) ...   nodes at the end
 *                                         | count of pages (4)                   bytes of a value
 *     node   low (2) high (2) flags (2) key length (2) key, and in a leaf its value
 *
 * A page is good if it bears its number and the flags of its place, all of its nodes lie within it,
 * its keys are greater than all before, and nobody else refers to it; a tree, if all leaves are as
 * deep as it says and hold as many entries. What LMDB does with pages that pass stays in bounds.
 * Numbers are in the machine's own order and 8 bytes wide, as LMDB has them on a 64-bit system.
 *
 * A file may be shorter than its pages are many: those that one transaction took at the end and
 * gave back, LMDB never writes. They are in its list of free pages, and so are no damage; others
 * are.
 *
 * Pages are read, never mapped: a file that is cut short is an answer here, and no signal. Nothing
 * here looks into records.
 */
#include "store/pages.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/str.h"
#include "store/files.h"

/* LMDB's own names for flags of pages, nodes and databases are in its source alone. */
enum { BRANCH = 0x01, LEAF = 0x02, OVERFLOW = 0x04, META = 0x08, DIRTY = 0x10, WITHIN = 0x40 };
enum { IS_ELSEWHERE = 0x01, IS_TREE = 0x02, HAS_MANY = 0x04 };
enum { SORTS_VALUES = 0x04 };

#define MAGIC 0xbeefc0deu
#define VERSION 1u
#define HEAD 16u /* of a page */
#define NODE 8u  /* of a node, before its key */
/* Of a database: pad (4) flags (2) depth (2) pages (3 x 8) entries (8) page (8). */
#define ROOT 48u
#define NO_PAGE UINT64_MAX
#define METAS 2u
#define FIRST_PAGE METAS /* behind the meta pages */
#define KEY_MOST 511u    /* bytes */
#define DEPTH_MOST 32u   /* of what LMDB's cursors can follow */
#define PAGE_LEAST 256u  /* bytes */
#define PAGE_MOST 65536u

/* Where things stand in a meta page. */
enum {
    AT_MAGIC = HEAD,
    AT_VERSION = 20,
    AT_FREE = 40,
    AT_MAIN = 88,
    AT_LAST = 136,
    AT_COMMIT = 144
};
#define META_BYTES 152u

typedef struct checking {
    int fd;
    const char *path;
    pz__pages_depth depth;
    pz_alloc heap;
    size_t page_bytes;
    uint64_t last;   /* page that is, or was, in use */
    uint64_t whole;  /* pages that the file has */
    uint64_t beyond; /* free pages that it has not */
    uint8_t *seen;   /* a bit for each page; NULL: not asked */
    pz_error *err;
} checking;

/* A tree, and where in it we are. */
typedef struct tree {
    checking *c;
    uint64_t root, entries, found;
    unsigned depth;
    bool is_main, is_free, has_many; /* of databases; of free pages; of several values a key */
    bool has_values;                 /* false: the keys are the values of one key */
    bool has_last, may_be_last;      /* the next key may be equal, being the one a branch told */
    size_t last_len;
    uint8_t last[KEY_MOST];
} tree;

typedef struct node {
    const uint8_t *key, *value;
    size_t key_len, value_len; /* of a value elsewhere: what is there of it */
    unsigned flags;
    uint64_t child;
} node;

/* ---- numbers ---- */

static unsigned get16(const uint8_t *at)
{
    uint16_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

static uint32_t get32(const uint8_t *at)
{
    uint32_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

static uint64_t get64(const uint8_t *at)
{
    uint64_t n;
    memcpy(&n, at, sizeof n);
    return n;
}

/* The lower two of a node's numbers stand in the machine's order. */
static uint32_t get_halves(const uint8_t *at)
{
    const uint16_t probe = 1;
    uint8_t first;
    memcpy(&first, &probe, 1);
    const unsigned a = get16(at), b = get16(at + 2);
    return first ? (uint32_t)b << 16 | a : (uint32_t)a << 16 | b;
}

/* ---- pages ---- */

static pz_status damaged(const checking *c, uint64_t number, const char *what)
{
    return pz__fail(c->err, PZ_ERR_CORRUPT,
                    "page %" PRIu64 " of the store in \"%s\" is damaged (%s): restore a snapshot",
                    number, c->path, what);
}

static pz_status read_at(const checking *c, uint64_t number, void *to, size_t len)
{
    size_t done = 0;
    if (number >= c->whole)
        return damaged(c, number, "the file ends before it");
    while (done < len) {
        const off_t at = (off_t)(number * c->page_bytes + done);
        const ssize_t got = pread(c->fd, (char *)to + done, len - done, at);
        if (got < 0 && errno == EINTR)
            continue;
        if (got < 0)
            return pz__fail_errno(c->err, errno, "read", c->path);
        if (got == 0)
            return damaged(c, number, "the file ends before it");
        done += (size_t)got;
    }
    return PZ_OK;
}

/* Refer to pages, which nobody else may. */
static pz_status refer(const checking *c, uint64_t number, uint64_t count)
{
    if (number < FIRST_PAGE || number > c->last || count == 0 || count > c->last - number + 1)
        return damaged(c, number, "it is referred to and not in use");
    for (uint64_t at = number; c->seen && at < number + count; at++) {
        const uint8_t bit = (uint8_t)(1u << (at & 7));
        if (c->seen[at >> 3] & bit)
            return damaged(c, at, "it is referred to twice");
        c->seen[at >> 3] |= bit;
    }
    return PZ_OK;
}

/* The number of nodes, which lie between `upper` and the end; 0: it is no page of nodes. */
static unsigned count_nodes(const uint8_t *page, size_t len)
{
    const unsigned lower = len >= HEAD ? get16(page + 12) : 0, upper = lower ? get16(page + 14) : 0;
    return lower > HEAD && lower % 2 == 0 && lower <= upper && upper <= len ? (lower - HEAD) / 2
                                                                            : 0;
}

static bool read_node(const uint8_t *page, size_t len, unsigned index, bool is_leaf, node *out)
{
    const size_t at = get16(page + HEAD + 2 * (size_t)index);
    if (at % 2 || at < get16(page + 14) || at + NODE > len)
        return false;
    const uint8_t *p = page + at;
    const size_t room = len - at - NODE;
    *out = (node){.flags = get16(p + 4), .key = p + NODE, .key_len = get16(p + 6)};
    if (out->key_len > room || out->key_len > KEY_MOST)
        return false;
    out->value = out->key + out->key_len;
    out->value_len = get_halves(p);
    if (!is_leaf) {
        out->child = (uint64_t)out->flags << 32 | out->value_len;
        out->value_len = 0;
        return true;
    }
    const bool is_elsewhere = out->flags & IS_ELSEWHERE;
    return (is_elsewhere ? sizeof(uint64_t) : out->value_len) <= room - out->key_len;
}

/* ---- keys ---- */

static int compare(const tree *t, const uint8_t *key, size_t len)
{
    if (t->is_free) {
        const uint64_t a = get64(t->last), b = get64(key);
        return a < b ? -1 : a > b;
    }
    const int order = memcmp(t->last, key, len < t->last_len ? len : t->last_len);
    return order ? order : t->last_len < len ? -1 : t->last_len > len;
}

/* Take the next key; false if it is not greater than those before. */
static bool take_key(tree *t, const node *n, bool is_leaf)
{
    if (n->key_len == 0 ? t->has_values : t->is_free && n->key_len != sizeof(uint64_t))
        return false;
    const int order = t->has_last ? compare(t, n->key, n->key_len) : -1;
    if (order > 0 || (order == 0 && !(is_leaf && t->may_be_last)))
        return false;
    t->has_last = true;
    t->may_be_last = !is_leaf;
    t->last_len = n->key_len;
    memcpy(t->last, n->key, n->key_len);
    return true;
}

/* ---- values ---- */

static pz_status walk_tree(tree *t);

static void read_root(tree *t, const uint8_t *at)
{
    t->depth = get16(at + 6);
    t->entries = get64(at + 32);
    t->root = get64(at + 40);
    t->has_many = get16(at + 4) & SORTS_VALUES;
}

/* The pages of a long value; *bytes, if asked for, are the caller's to free. */
static pz_status walk_overflow(const checking *c, const node *n, uint8_t **bytes)
{
    uint8_t head[HEAD];
    const uint64_t number = get64(n->value);
    pz_status status = refer(c, number, 1);
    if (status == PZ_OK)
        status = read_at(c, number, head, HEAD);
    if (status != PZ_OK)
        return status;
    const uint64_t count = get32(head + 12);
    if (get64(head) != number || get16(head + 10) != OVERFLOW ||
        count * c->page_bytes < HEAD + (uint64_t)n->value_len)
        return damaged(c, number, "it does not hold the value that it should");
    if (count > 1)
        status = refer(c, number + 1, count - 1);
    if (status != PZ_OK || !bytes)
        return status;
    const size_t len = HEAD + n->value_len;
    *bytes = pz__mem_zero(&c->heap, len, 1);
    return *bytes ? read_at(c, number, *bytes, len) : PZ_ERR_NOMEM;
}

/* Free pages: how many, then their numbers. */
static pz_status take_free(checking *c, uint64_t page, const uint8_t *bytes, size_t len)
{
    const uint64_t count = len >= sizeof(uint64_t) ? get64(bytes) : UINT64_MAX;
    pz_status status = PZ_OK;
    if (count > len / sizeof(uint64_t) - 1)
        return damaged(c, page, "its list of free pages has no end");
    for (uint64_t i = 1; i <= count && status == PZ_OK; i++) {
        const uint64_t number = get64(bytes + i * sizeof(uint64_t));
        c->beyond += number >= c->whole;
        status = refer(c, number, 1);
    }
    return status;
}

static pz_status walk_free(checking *c, uint64_t page, const node *n)
{
    uint8_t *bytes = NULL;
    if (!(n->flags & IS_ELSEWHERE))
        return take_free(c, page, n->value, n->value_len);
    pz_status status = walk_overflow(c, n, &bytes);
    if (status == PZ_OK)
        status = take_free(c, page, bytes + HEAD, n->value_len);
    if (bytes)
        pz__mem_free(&c->heap, bytes, HEAD + n->value_len, 1);
    return status;
}

/* Several values of one key, in a page that stands in the node. */
static pz_status walk_within(tree *t, uint64_t page, const node *n)
{
    tree values = {.c = t->c};
    const unsigned count = count_nodes(n->value, n->value_len);
    node one;
    if (count == 0 || (get16(n->value + 10) & ~(unsigned)DIRTY) != (LEAF | WITHIN))
        return damaged(t->c, page, "the values of a key are not to be read");
    for (unsigned i = 0; i < count; i++)
        if (!read_node(n->value, n->value_len, i, true, &one) || one.flags ||
            !take_key(&values, &one, true))
            return damaged(t->c, page, "the values of a key are not in order");
    t->found += count;
    return PZ_OK;
}

static pz_status walk_values(tree *t, uint64_t page, const node *n)
{
    tree values = {.c = t->c};
    if (!(n->flags & IS_TREE))
        return walk_within(t, page, n);
    if (n->value_len != ROOT)
        return damaged(t->c, page, "the values of a key have no root");
    read_root(&values, n->value);
    values.has_many = false;
    t->found += values.entries;
    return walk_tree(&values);
}

static pz_status walk_database(tree *t, uint64_t page, const node *n)
{
    tree inner = {.c = t->c, .has_values = true};
    const pz_str name = {(const char *)n->key, n->key_len};
    if (n->flags != IS_TREE || n->value_len != ROOT)
        return damaged(t->c, page, "a database has no root");
    t->found++;
    if (t->c->depth == PZ__PAGES_OPENING && !pz__str_equal(name, PZ__STR("meta")))
        return PZ_OK;
    read_root(&inner, n->value);
    return walk_tree(&inner);
}

static pz_status walk_value(tree *t, uint64_t page, const node *n)
{
    if (t->is_main)
        return walk_database(t, page, n);
    if (n->flags & HAS_MANY)
        return t->has_many && (n->flags & ~(unsigned)IS_TREE) == HAS_MANY
                   ? walk_values(t, page, n)
                   : damaged(t->c, page, "a key has several values");
    if (n->flags & ~(unsigned)(t->has_values && !t->has_many ? IS_ELSEWHERE : 0))
        return damaged(t->c, page, "a value is of no known kind");
    t->found++;
    if (t->is_free)
        return walk_free(t->c, page, n);
    return n->flags & IS_ELSEWHERE ? walk_overflow(t->c, n, NULL) : PZ_OK;
}

/* ---- trees ---- */

static pz_status walk_page(tree *t, uint64_t number, unsigned level);

/* The nodes of a page that has been read. */
static pz_status walk_nodes(tree *t, uint64_t number, const uint8_t *page, unsigned level)
{
    const bool is_leaf = level == t->depth;
    const unsigned count = count_nodes(page, t->c->page_bytes);
    pz_status status = PZ_OK;
    node n;
    if (get64(page) != number || get16(page + 10) != (is_leaf ? LEAF : BRANCH))
        return damaged(t->c, number, "another page stands there");
    /* Of a list of free pages a branch may have one child; LMDB stops at others that do. */
    if (count < (is_leaf || t->is_free ? 1u : 2u))
        return damaged(t->c, number, "it holds nothing");
    for (unsigned i = 0; i < count && status == PZ_OK; i++) {
        if (!read_node(page, t->c->page_bytes, i, is_leaf, &n))
            return damaged(t->c, number, "an entry lies beyond it");
        /* The first key of a branch says nothing. */
        if ((is_leaf || i > 0) && !take_key(t, &n, is_leaf))
            return damaged(t->c, number, "its keys are not in order");
        status = is_leaf ? walk_value(t, number, &n) : walk_page(t, n.child, level + 1);
    }
    return status;
}

static pz_status walk_page(tree *t, uint64_t number, unsigned level)
{
    const checking *c = t->c;
    pz_status status = refer(c, number, 1);
    if (status != PZ_OK)
        return status;
    uint8_t *page = pz__mem_zero(&c->heap, c->page_bytes, 1);
    if (!page)
        return PZ_ERR_NOMEM;
    status = read_at(c, number, page, c->page_bytes);
    if (status == PZ_OK)
        status = walk_nodes(t, number, page, level);
    pz__mem_free(&c->heap, page, c->page_bytes, 1);
    return status;
}

static pz_status walk_tree(tree *t)
{
    if (t->root == NO_PAGE)
        return t->entries == 0 && t->depth == 0
                   ? PZ_OK
                   : damaged(t->c, t->root, "a tree with entries has no root");
    if (t->depth == 0 || t->depth > DEPTH_MOST)
        return damaged(t->c, t->root, "its tree has no depth");
    const pz_status status = walk_page(t, t->root, 1);
    if (status == PZ_OK && t->found != t->entries)
        return damaged(t->c, t->root, "its tree holds not as many entries as it says");
    return status;
}

static pz_status walk_free_list(checking *c, const uint8_t *meta)
{
    tree free = {.c = c, .is_free = true, .has_values = true};
    read_root(&free, meta + AT_FREE);
    free.has_many = false;
    return walk_tree(&free);
}

static pz_status walk_main(checking *c, const uint8_t *meta)
{
    tree main = {.c = c, .is_main = true, .has_values = true};
    read_root(&main, meta + AT_MAIN);
    main.has_many = false;
    return walk_tree(&main);
}

static pz_status walk_all(checking *c, const uint8_t *meta)
{
    pz_status status = PZ_OK;
    if (c->depth == PZ__PAGES_ALL) {
        c->seen = pz__mem_zero(&c->heap, (size_t)(c->last / 8 + 1), 1);
        status = c->seen ? walk_free_list(c, meta) : PZ_ERR_NOMEM;
    }
    if (status == PZ_OK)
        status = walk_main(c, meta);
    if (c->seen)
        pz__mem_free(&c->heap, c->seen, (size_t)(c->last / 8 + 1), 1);
    return status;
}

/* ---- the whole ---- */

static bool is_page_size(uint32_t bytes)
{
    return bytes >= PAGE_LEAST && bytes <= PAGE_MOST && (bytes & (bytes - 1)) == 0;
}

static bool is_meta(const uint8_t *meta)
{
    return get32(meta + AT_MAGIC) == MAGIC && get32(meta + AT_VERSION) == VERSION &&
           get16(meta + 10) & META;
}

/* Which meta page says what pages cannot be; METAS: none. LMDB looks for the second where the first
 * says that pages end, and believes the newer. */
static unsigned find_unsized(int fd)
{
    uint8_t meta[META_BYTES];
    if (pread(fd, meta, sizeof meta, 0) != (ssize_t)sizeof meta || !is_meta(meta))
        return METAS; /* LMDB says why */
    const uint32_t page_bytes = get32(meta + AT_FREE);
    const uint64_t commit = get64(meta + AT_COMMIT);
    if (!is_page_size(page_bytes))
        return 0;
    if (pread(fd, meta, sizeof meta, (off_t)page_bytes) != (ssize_t)sizeof meta || !is_meta(meta))
        return METAS;
    return get32(meta + AT_FREE) == page_bytes || get64(meta + AT_COMMIT) <= commit ? METAS : 1;
}

pz_status pz__pages_look(const char *path, pz_error *err)
{
    char data[PZ__PATH_MAX];
    const pz_status status = pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, err);
    if (status != PZ_OK)
        return status;
    const int fd = open(data, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return PZ_OK; /* LMDB says why */
    const unsigned unsized = find_unsized(fd);
    close(fd);
    if (unsized == METAS)
        return PZ_OK;
    return pz__fail(
        err, PZ_ERR_CORRUPT,
        "page %u of the store in \"%s\" is damaged (its size of pages is wrong): restore a "
        "snapshot",
        unsized, path);
}

/* The meta page of a commit: the two take turns. */
static pz_status read_meta(checking *c, uint64_t commit, uint8_t meta[META_BYTES])
{
    uint8_t again[META_BYTES];
    pz_status status = read_at(c, 0, meta, META_BYTES);
    c->page_bytes = status == PZ_OK ? get32(meta + AT_FREE) : 0;
    if (status == PZ_OK && (!is_meta(meta) || !is_page_size((uint32_t)c->page_bytes)))
        return damaged(c, 0, "pages have no size");
    if (status == PZ_OK)
        status = read_at(c, commit & 1, meta, META_BYTES);
    if (status == PZ_OK)
        status = read_at(c, commit & 1, again, META_BYTES);
    if (status != PZ_OK)
        return status;
    if (get64(meta + AT_COMMIT) != commit || memcmp(meta, again, META_BYTES) != 0)
        return pz__fail(
            c->err, PZ_ERR_BUSY,
            "\"%s\" was written to while it was looked at: try again; if that stays so, its "
            "data.mdb was replaced beside a lock.mdb that others have open: end those",
            c->path);
    if (!is_meta(meta) || get32(meta + AT_FREE) != c->page_bytes)
        return damaged(c, commit & 1, "it is none that tells of the others");
    c->last = get64(meta + AT_LAST);
    return PZ_OK;
}

/* That no page but free ones is behind the end of the file: also what bounds the memory that is
 * asked for, since each of those stands in a list that the file has. */
static pz_status check_end(checking *c, const uint8_t *meta)
{
    struct stat file;
    if (fstat(c->fd, &file) != 0)
        return pz__fail_errno(c->err, errno, "look at", c->path);
    c->whole = (uint64_t)file.st_size / c->page_bytes;
    if (c->last < c->whole)
        return PZ_OK;
    const pz_status status = walk_free_list(c, meta);
    return status != PZ_OK || c->beyond == c->last - c->whole + 1
               ? status
               : damaged(c, c->whole, "the file ends before it");
}

pz_status pz__pages_check(int fd, uint64_t commit, pz__pages_depth depth, const char *path,
                          pz_error *err)
{
    checking c = {.fd = fd,
                  .path = path,
                  .depth = depth,
                  .heap = pz__alloc_or_default(NULL),
                  .whole = FIRST_PAGE, /* until it is known */
                  .err = err};
    uint8_t meta[META_BYTES];
    pz_status status = read_meta(&c, commit, meta);
    if (status == PZ_OK)
        status = check_end(&c, meta);
    if (status == PZ_OK && depth != PZ__PAGES_END)
        status = walk_all(&c, meta);
    return status == PZ_ERR_NOMEM
               ? pz__fail(err, status, "out of memory looking at the pages of \"%s\"", path)
               : status;
}
