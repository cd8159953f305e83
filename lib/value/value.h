/*
 * value.h: the door of the value room: values, JSON with source spans, canonical bytes, hashes.
 *
 * pz_value itself and the calls anyone may make on it are in <personalize/value.h>. Here is what
 * the other rooms need besides: making values in an arena, documents whose every node knows where
 * it stood, one canonical encoding, and writing JSON into a buffer.
 */
#ifndef PZ_VALUE_ROOM_H
#define PZ_VALUE_ROOM_H

#include <personalize/value.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/str.h"

/* ---- making values in an arena ---- */

static inline pz_value pz__value_of_str(pz_str s)
{
    return (pz_value){.kind = PZ_STRING, .len = (uint32_t)s.len, .as.text = s.data};
}

/* A list over items that already live in the arena (borrowed, not copied). */
static inline pz_value pz__value_of_items(const pz_value *items, uint32_t count)
{
    return (pz_value){.kind = PZ_LIST, .len = count, .as.items = items};
}

/* What making a map does about a key that stands twice. Keys match as numbers do in CEL (1 == 1u).
 */
typedef enum pz__duplicates { PZ__DUP_REFUSE, PZ__DUP_LAST, PZ__DUP_FIRST } pz__duplicates;

/* A map over `entries`, which must live in the arena and are kept (and, for PZ__DUP_LAST and FIRST,
 * compacted in place). Builds the index when there are more than a few. PZ_ERR_ARG for a duplicate
 * under PZ__DUP_REFUSE, PZ_ERR_TYPE for a key of a wrong kind, PZ_ERR_NOMEM. */
pz_status pz__value_of_entries(pz__arena *arena, pz_value *out, pz_entry *entries, uint32_t count,
                               pz__duplicates duplicates);

/* The entry under `key`, matched as CEL does (3.0 finds 3u); NULL if absent. */
const pz_entry *pz__map_find(pz_value map, pz_value key);
/* The same for a string key whose hash is known (pz__map_hash of its text). */
const pz_entry *pz__map_find_text(pz_value map, pz_str key, uint64_t hash);
uint64_t pz__map_hash(pz_str key);

/*
 * How a map lies in memory (map.c tells why), for those who cannot afford a call for each lookup:
 * pz__map_entries() and pz__map_peek() below. Others leave it alone.
 */
typedef struct pz__map_slot {
    uint32_t hash;           /* the low half of pz__map_hash() */
    uint32_t index_plus_one; /* 0: free */
} pz__map_slot;

struct pz_map {
    const pz_entry *entries;
    const pz__map_slot *slots; /* NULL: no hash table */
    const uint32_t *sorted;    /* NULL: no sorted index */
    uint32_t mask;             /* slots - 1 */
};

/* All entries in stored order; NULL if there are none. */
static inline const pz_entry *pz__map_entries(pz_value map)
{
    return map.kind == PZ_MAP && map.len > 0 ? map.as.map->entries : NULL;
}

/* Eight, four, two octets at any address. */
static inline uint64_t pz__octets8(const char *p)
{
    uint64_t n;
    memcpy(&n, p, sizeof n);
    return n;
}

static inline uint32_t pz__octets4(const char *p)
{
    uint32_t n;
    memcpy(&n, p, sizeof n);
    return n;
}

static inline uint16_t pz__octets2(const char *p)
{
    uint16_t n;
    memcpy(&n, p, sizeof n);
    return n;
}

/* Names are short: comparing them in two overlapping reads beats a call of memcmp. */
static inline bool pz__same_octets(const char *a, const char *b, uint32_t len)
{
    if (len > 16)
        return memcmp(a, b, len) == 0;
    if (len >= 8)
        return pz__octets8(a) == pz__octets8(b) &&
               pz__octets8(a + len - 8) == pz__octets8(b + len - 8);
    if (len >= 4)
        return pz__octets4(a) == pz__octets4(b) &&
               pz__octets4(a + len - 4) == pz__octets4(b + len - 4);
    if (len >= 2)
        return pz__octets2(a) == pz__octets2(b) &&
               pz__octets2(a + len - 2) == pz__octets2(b + len - 2);
    return len == 0 || a[0] == b[0];
}

/* Both are texts, and the same. Kind and length stand in a row and are compared as one. */
static inline bool pz__same_text(const pz_value *a, const pz_value *text)
{
    return pz__octets8((const char *)a) == pz__octets8((const char *)text) &&
           pz__same_octets(a->as.text, text->as.text, text->len);
}

/* Slots that pz__map_peek() looks at. */
#define PZ__MAP_PEEKS 8u

/* The value under a text key if it is found at once. NULL tells nothing: ask pz__map_find_text().
 */
static inline __attribute__((always_inline)) const pz_value *
pz__map_peek(const pz_value *map, const pz_value *key, uint32_t hash)
{
    if (map->kind != PZ_MAP || map->len == 0)
        return NULL;
    const pz_map *m = map->as.map;
    if (m->slots) {
        for (uint32_t at = hash; at - hash < PZ__MAP_PEEKS; at++) {
            pz__map_slot slot = m->slots[at & m->mask];
            if (slot.index_plus_one == 0)
                return NULL;
            const pz_entry *entry = &m->entries[slot.index_plus_one - 1];
            if (slot.hash == hash && pz__same_text(&entry->key, key))
                return &entry->value;
        }
    } else if (!m->sorted) {
        for (const pz_entry *entry = m->entries, *end = entry + map->len; entry < end; entry++)
            if (pz__same_text(&entry->key, key))
                return &entry->value;
    }
    return NULL;
}

/* Deep copy: everything the value borrows ends up in the arena. */
pz_status pz__value_copy(pz__arena *arena, pz_value *out, pz_value v);

/* Bring the entries of every map in the value to the order of their keys, as canonical bytes have
 * them, so that what a rule sees in walking through it depends on the content alone. A value that
 * stands so already stays as it is; what is made anew lies in the arena and borrows the rest.
 * PZ_ERR_LIMIT (nested too deeply), PZ_ERR_NOMEM: the value is as before. */
pz_status pz__value_sort(pz__arena *arena, pz_value *v);

/* The arena of a pool, for rooms that hand values out through one. */
pz__arena *pz__pool_arena(pz_pool *pool);
/* The pool whose arena this is; of another arena, something to make values in that is never freed
 * nor reset. */
pz_pool *pz__pool_of(pz__arena *arena);

/* ---- documents: values with the place of every node ---- */

/* One node of a read document. Children stand in source order, duplicates (where allowed) all
 * there. */
typedef struct pz__node {
    pz_value value; /* the whole value from here down */
    pz_str key;     /* name of the member; {NULL, 0} for elements and the root */
    uint32_t start; /* byte span of the value in the source */
    uint32_t end;
    uint32_t key_start; /* byte span of the name, quotes included */
    uint32_t key_end;
    uint32_t child_count;
    const struct pz__node *children;
} pz__node;

/* The member of an object node, or NULL. */
const pz__node *pz__node_get(const pz__node *object, const char *key);

/* Read a document. Everything lands in the arena; strings without escapes borrow from `json`, which
 * must outlive the nodes. Flags as pz_value_parse. The error has line and column. */
pz_status pz__json_read_node(pz__arena *arena, pz__node *root, const char *json, size_t len,
                             uint32_t flags, pz_error *err);

/* Read a value without places: faster, same grammar. Borrows from `json` likewise. */
pz_status pz__json_read(pz__arena *arena, pz_value *out, const char *json, size_t len,
                        uint32_t flags, pz_error *err);

/* Append JSON text. Indent as pz_value_print. PZ_ERR_DOMAIN for NaN and infinities. */
pz_status pz__json_write(pz__buf *out, pz_value v, uint32_t indent);
/* Append a quoted JSON string. Control characters are escaped, everything else stands as it is. */
void pz__json_write_text(pz__buf *out, pz_str text);

/* ---- canonical bytes ---- */

/*
 * One spelling per value: equal values of equal kind give equal bytes, whoever wrote them.
 *   kind octet, then: nothing (null); 00/01; zigzag varint (int, duration, timestamp seconds, then
 * a varint of nanos); varint (uint); 8 octets big-endian (double; one NaN; -0 stays -0); varint
 *   length and octets (string, bytes); varint count and items; varint count and entries sorted by
 *   key (map).
 */
void pz__value_encode(pz__buf *out, pz_value v);
/* Read one value; strings borrow from the bytes. PZ_ERR_CORRUPT for anything but the canonical
 * spelling, nesting beyond PZ_JSON_DEPTH_MAX included. */
pz_status pz__value_decode(pz__arena *arena, pz__cursor *in, pz_value *out);
/* Step over one value without building it; sets in->bad if it is malformed. */
void pz__value_skip(pz__cursor *in);

/* Content hash of the canonical bytes. PZ_ERR_NOMEM. */
pz_status pz__value_digest(const pz_alloc *alloc, pz_value v, pz__digest *out);

#endif
