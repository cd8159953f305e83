/*
 * map.c: entries in the order they came, and an index once there are more than a few.
 *
 *     pz_map -> entries [key value] [key value] ...      stored order
 *            -> slots   [hash index+1] ...               more than LINEAR_MAX entries
 *            -> sorted  [index] ...                      instead of slots, see below
 *
 * A few entries are searched one by one: comparing lengths is faster than hashing. More get a hash
 * table with linear probing, at most half full, whose hash is fast and the same everywhere, hence
 * known to an attacker who chooses the keys. So the length of a probe is bounded: keys that would
 * go beyond PROBE_MAX give the whole map a sorted index instead, and a lookup costs a logarithm. No
 * input makes a map slower than that.
 *
 * Keys match as numbers do in CEL: 1, 1u and (in a lookup) 1.0 are one key. Whole numbers are
 * brought to one form before hashing, so the index needs no second probe.
 *
 * Of a key that stands twice, one entry stays, at the place of the first.
 */
#include "value/map.h"

#include <string.h>

#include "base/number.h"

#define LINEAR_MAX 8u
#define PROBE_MAX 128u

/* ---- keys ---- */

/* Multiply and fold: every bit of the product's halves depends on every bit of both factors. */
static uint64_t fold(uint64_t a, uint64_t b)
{
    unsigned __int128 product = (unsigned __int128)a * b;
    return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* Odd constants with as many ones as zeros: digits of pi. */
#define SEED_A UINT64_C(0x243f6a8885a308d3)
#define SEED_B UINT64_C(0x9e3779b97f4a7c15)

uint64_t pz__map_hash(pz_str key)
{
    const char *p = key.data;
    size_t left = key.len;
    uint64_t hash = SEED_A ^ key.len;
    for (; left >= 8; left -= 8, p += 8) {
        uint64_t word;
        memcpy(&word, p, 8);
        hash = fold(hash ^ word, SEED_B);
    }
    if (left > 0) {
        uint64_t word = 0;
        memcpy(&word, p, left);
        hash = fold(hash ^ word, SEED_B);
    }
    return fold(hash, SEED_A);
}

/* The one form of a whole number of any kind: an int where it fits. Other doubles stay. */
static pz_value whole_form(pz_value key)
{
    if (key.kind == PZ_UINT && key.as.u <= INT64_MAX)
        return pz_value_int((int64_t)key.as.u);
    if (key.kind != PZ_DOUBLE)
        return key;
    double d = key.as.d;
    if (d >= -9223372036854775808.0 && d < 9223372036854775808.0 && (double)(int64_t)d == d)
        return pz_value_int((int64_t)d);
    if (d > 0 && d < 18446744073709551616.0) {
        uint64_t u = (uint64_t)d;
        return (double)u == d ? pz_value_uint(u) : key;
    }
    return key;
}

static uint64_t hash_key(pz_value key)
{
    if (key.kind == PZ_STRING)
        return pz__map_hash((pz_str){key.as.text, key.len});
    if (key.kind == PZ_BOOL)
        return fold(SEED_A, SEED_B + key.as.b);
    return fold(whole_form(key).as.u ^ SEED_A, SEED_B);
}

static bool is_number(uint32_t kind)
{
    return kind >= PZ_INT && kind <= PZ_DOUBLE;
}

int pz__key_compare(pz_value a, pz_value b)
{
    if (is_number(a.kind) && is_number(b.kind)) {
        a = whole_form(a);
        b = whole_form(b);
        if (a.kind == PZ_INT && b.kind == PZ_INT)
            return (a.as.i > b.as.i) - (a.as.i < b.as.i);
    }
    return pz_value_compare(a, b);
}

static inline bool is_same_key(const pz_value *a, const pz_value *b)
{
    if (a->kind == PZ_STRING)
        return b->kind == PZ_STRING && a->len == b->len &&
               (a->len == 0 || memcmp(a->as.text, b->as.text, a->len) == 0);
    return pz__key_compare(*a, *b) == 0;
}

static bool is_key_kind(uint32_t kind)
{
    return kind == PZ_STRING || kind == PZ_INT || kind == PZ_UINT || kind == PZ_BOOL;
}

/* ---- sorting ---- */

/* Equal keys stand in the order they came. */
static bool stands_before(const pz_entry *entries, uint32_t a, uint32_t b)
{
    int order = pz__key_compare(entries[a].key, entries[b].key);
    return order < 0 || (order == 0 && a < b);
}

static void sift_down(const pz_entry *entries, uint32_t *heap, uint32_t root, uint32_t count)
{
    uint32_t moved = heap[root];
    for (;;) {
        size_t child = (size_t)root * 2 + 1;
        if (child >= count)
            break;
        if (child + 1 < count && stands_before(entries, heap[child], heap[child + 1]))
            child++;
        if (!stands_before(entries, moved, heap[child]))
            break;
        heap[root] = heap[child];
        root = (uint32_t)child;
    }
    heap[root] = moved;
}

static void insertion_sort(const pz_entry *entries, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 1; i < count; i++) {
        uint32_t moved = order[i];
        uint32_t place = i;
        for (; place > 0 && stands_before(entries, moved, order[place - 1]); place--)
            order[place] = order[place - 1];
        order[place] = moved;
    }
}

/* Heapsort: no memory, no bad case. */
static void sort_entries(const pz_entry *entries, uint32_t *order, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        order[i] = i;
    if (count <= 2 * LINEAR_MAX) {
        insertion_sort(entries, order, count);
        return;
    }
    for (uint32_t root = count / 2; root-- > 0;)
        sift_down(entries, order, root, count);
    for (uint32_t last = count; last-- > 1;) {
        uint32_t greatest = order[0];
        order[0] = order[last];
        order[last] = greatest;
        sift_down(entries, order, 0, last);
    }
}

void pz__map_order(pz_value map, uint32_t *order)
{
    if (map.len == 0)
        return;
    if (map.as.map->sorted)
        memcpy(order, map.as.map->sorted, map.len * sizeof *order);
    else
        sort_entries(map.as.map->entries, order, map.len);
}

/* ---- looking up ---- */

static const pz_entry *find_linear(const pz_map *map, uint32_t count, const pz_value *key)
{
    for (uint32_t i = 0; i < count; i++)
        if (is_same_key(&map->entries[i].key, key))
            return &map->entries[i];
    return NULL;
}

static const pz_entry *find_sorted(const pz_map *map, uint32_t count, const pz_value *key)
{
    uint32_t low = 0;
    for (uint32_t high = count; low < high;) {
        uint32_t middle = low + (high - low) / 2;
        if (pz__key_compare(map->entries[map->sorted[middle]].key, *key) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == count || !is_same_key(&map->entries[map->sorted[low]].key, key))
        return NULL;
    return &map->entries[map->sorted[low]];
}

/* The slot that holds `key`, or the free one where it belongs; NULL beyond PROBE_MAX. */
static const pz__map_slot *probe(const pz__map_slot *slots, uint32_t mask, const pz_entry *entries,
                                 const pz_value *key, uint32_t hash)
{
    for (uint32_t i = 0; i < PROBE_MAX; i++) {
        const pz__map_slot *at = &slots[(hash + i) & mask];
        if (at->index_plus_one == 0)
            return at;
        if (at->hash == hash && is_same_key(&entries[at->index_plus_one - 1].key, key))
            return at;
    }
    return NULL;
}

static const pz_entry *find_hashed(const pz_map *map, const pz_value *key, uint64_t hash)
{
    const pz__map_slot *at = probe(map->slots, map->mask, map->entries, key, (uint32_t)hash);
    return at && at->index_plus_one ? &map->entries[at->index_plus_one - 1] : NULL;
}

const pz_entry *pz__map_find_text(pz_value map, pz_str key, uint64_t hash)
{
    if (map.kind != PZ_MAP || map.len == 0 || key.len > PZ_VALUE_LEN_MAX)
        return NULL;
    pz_value wanted = pz__value_of_str(key);
    if (map.as.map->slots)
        return find_hashed(map.as.map, &wanted, hash);
    if (map.as.map->sorted)
        return find_sorted(map.as.map, map.len, &wanted);
    return find_linear(map.as.map, map.len, &wanted);
}

const pz_entry *pz__map_find(pz_value map, pz_value key)
{
    if (map.kind != PZ_MAP || map.len == 0 || !(is_key_kind(key.kind) || key.kind == PZ_DOUBLE))
        return NULL;
    if (map.as.map->slots)
        return find_hashed(map.as.map, &key, hash_key(key));
    if (map.as.map->sorted)
        return find_sorted(map.as.map, map.len, &key);
    return find_linear(map.as.map, map.len, &key);
}

pz_value pz_value_get(pz_value map, const char *key, size_t key_len, bool *found)
{
    const pz_entry *entry = NULL;
    if (key || key_len == 0)
        entry = pz__map_find(map, pz_value_strn(key, key_len));
    if (found)
        *found = entry != NULL;
    return entry ? entry->value : pz_value_null();
}

pz_entry pz_value_entry(pz_value map, uint32_t index)
{
    if (map.kind != PZ_MAP || index >= map.len)
        return (pz_entry){pz_value_null(), pz_value_null()};
    return map.as.map->entries[index];
}

const pz_entry *pz_value_entries(pz_value map)
{
    return pz__map_entries(map);
}

/* ---- making ---- */

typedef struct maker {
    pz__arena *arena;
    pz_map *map;
    pz_entry *entries;
    uint32_t count; /* entries kept so far */
    pz__duplicates duplicates;
} maker;

/* Entry `from` repeats the key of the kept entry `at`. False if that is refused. */
static bool settle_duplicate(maker *m, uint32_t at, uint32_t from)
{
    if (m->duplicates == PZ__DUP_REFUSE)
        return false;
    if (m->duplicates == PZ__DUP_LAST)
        m->entries[at] = m->entries[from];
    return true;
}

static pz_status keep_linear(maker *m, uint32_t given)
{
    pz_entry *entries = m->entries;
    for (uint32_t i = 0; i < given; i++) {
        uint32_t at = 0;
        while (at < m->count && !is_same_key(&entries[at].key, &entries[i].key))
            at++;
        if (at == m->count)
            entries[m->count++] = entries[i];
        else if (!settle_duplicate(m, at, i))
            return PZ_ERR_ARG;
    }
    return PZ_OK;
}

/* PZ_ERR_LIMIT: the keys collide too much; entries up to `*done` are settled. */
static pz_status keep_hashed(maker *m, pz__map_slot *slots, uint32_t mask, uint32_t given,
                             uint32_t *done)
{
    pz_entry *entries = m->entries;
    for (uint32_t i = 0; i < given; i++) {
        *done = i;
        uint32_t hash = (uint32_t)hash_key(entries[i].key);
        const pz__map_slot *at = probe(slots, mask, entries, &entries[i].key, hash);
        if (!at)
            return PZ_ERR_LIMIT;
        if (at->index_plus_one) {
            if (!settle_duplicate(m, at->index_plus_one - 1, i))
                return PZ_ERR_ARG;
            continue;
        }
        slots[at - slots] = (pz__map_slot){hash, m->count + 1};
        entries[m->count++] = entries[i];
    }
    return PZ_OK;
}

/* Settle runs of equal keys in `order` and mark all but the first of each run as dead. */
static pz_status settle_runs(maker *m, const uint32_t *order, uint32_t given, bool *any)
{
    for (uint32_t first = 0, next; first < given; first = next) {
        for (next = first + 1; next < given; next++) {
            if (!is_same_key(&m->entries[order[first]].key, &m->entries[order[next]].key))
                break;
            if (!settle_duplicate(m, order[first], order[next]))
                return PZ_ERR_ARG;
            *any = true;
        }
        for (uint32_t i = first + 1; i < next; i++)
            m->entries[order[i]].key.kind = PZ_NULL;
    }
    return PZ_OK;
}

static pz_status keep_sorted(maker *m, uint32_t given)
{
    uint32_t *order = pz__arena_array(m->arena, given, sizeof *order);
    if (!order)
        return PZ_ERR_NOMEM;
    bool any = false;
    sort_entries(m->entries, order, given);
    pz_status status = settle_runs(m, order, given, &any);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = m->count = 0; i < given; i++)
        if (m->entries[i].key.kind != PZ_NULL)
            m->entries[m->count++] = m->entries[i];
    if (any)
        sort_entries(m->entries, order, m->count);
    m->map->sorted = order;
    return PZ_OK;
}

/* Close the gap between the entries settled and those not reached, for the sorted index. */
static uint32_t close_gap(maker *m, uint32_t done, uint32_t given)
{
    memmove(m->entries + m->count, m->entries + done, (given - done) * sizeof *m->entries);
    return m->count + (given - done);
}

static pz_status keep_indexed(maker *m, uint32_t given)
{
    size_t slot_count = 4 * LINEAR_MAX;
    while (slot_count < (size_t)given * 2)
        slot_count *= 2;
    if (slot_count > UINT32_MAX)
        return keep_sorted(m, given);
    pz__mark before = pz__arena_mark(m->arena);
    pz__map_slot *slots = pz__arena_zero(m->arena, slot_count, sizeof *slots);
    if (!slots)
        return PZ_ERR_NOMEM;
    uint32_t done = 0;
    uint32_t mask = (uint32_t)(slot_count - 1);
    pz_status status = keep_hashed(m, slots, mask, given, &done);
    if (status == PZ_ERR_LIMIT) {
        pz__arena_return(m->arena, before);
        return keep_sorted(m, close_gap(m, done, given));
    }
    m->map->slots = slots;
    m->map->mask = mask;
    return status;
}

pz_status pz__value_of_entries(pz__arena *arena, pz_value *out, pz_entry *entries, uint32_t count,
                               pz__duplicates duplicates)
{
    *out = pz_value_null();
    for (uint32_t i = 0; i < count; i++)
        if (!is_key_kind(entries[i].key.kind))
            return PZ_ERR_TYPE;
    if (count == 0) {
        *out = (pz_value){.kind = PZ_MAP};
        return PZ_OK;
    }
    pz_map *map = pz__arena_new(arena, sizeof *map);
    if (!map)
        return PZ_ERR_NOMEM;
    *map = (pz_map){.entries = entries};
    maker m = {.arena = arena, .map = map, .entries = entries, .duplicates = duplicates};
    pz_status status = count <= LINEAR_MAX ? keep_linear(&m, count) : keep_indexed(&m, count);
    if (status != PZ_OK)
        return status;
    *out = (pz_value){.kind = PZ_MAP, .len = m.count, .as.map = map};
    return PZ_OK;
}

void pz__map_share_keys(pz_value before, pz_value made)
{
    if (before.kind != PZ_MAP || made.kind != PZ_MAP || before.len != made.len)
        return;
    const pz_entry *theirs = pz__map_entries(before);
    pz_entry *own = (pz_entry *)(uintptr_t)pz__map_entries(made);
    for (uint32_t i = 0; i < made.len; i++)
        if (own[i].key.kind == PZ_STRING && pz__same_text(&theirs[i].key, &own[i].key))
            own[i].key.as.text = theirs[i].key.as.text;
}
