/*
 * str.c: text that somebody else owns, names that get numbers, and the name that was meant.
 *
 * Names are interned in a table of open addressing with linear probing:
 *
 *     slots: [ 0 | 3 | 0 | 1 | 2 | 0 | ... ]     number + 1 of a name, 0 is free
 *     list:  [ "email" | "phone" | "web" ]       the names by number
 *
 * The table is at most half full, so a search for a name that is not there ends soon. The hash has
 * a fixed key and the numbers follow the order of arrival alone: nothing that anybody can observe
 * depends on where a name lands. Both arrays and the texts live in the caller's arena; an array
 * that was outgrown stays there until the arena is dropped, which doubling bounds to as much again.
 *
 * pz__nearest() answers "did you mean ...?". It counts in halves of an edit, because a name in the
 * wrong case is a smaller mistake than a wrong letter. Only ASCII has cases here, and an edit is of
 * a byte: declared names are nearly always ASCII, and a suggestion may be missed but is never
 * wrong.
 */
#include "base/str.h"

#include "base/hash.h"

#define SLOTS_MIN 16u

int pz__str_compare(pz_str a, pz_str b)
{
    size_t shorter = a.len < b.len ? a.len : b.len;
    int order = shorter ? memcmp(a.data, b.data, shorter) : 0;
    if (order != 0)
        return order < 0 ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

void pz__names_init(pz__names *names, pz__arena *arena)
{
    *names = (pz__names){.arena = arena};
}

/* The slot that holds `name`, or the free one where it belongs. The table has a free slot. */
static uint32_t *slot_of(const pz__names *names, pz_str name)
{
    uint32_t mask = names->slot_cap - 1;
    uint32_t i = (uint32_t)pz__checksum(name.data, name.len) & mask;
    while (names->slots[i] != 0 && !pz__str_equal(names->list[names->slots[i] - 1], name))
        i = (i + 1) & mask;
    return &names->slots[i];
}

static bool grow_slots(pz__names *names)
{
    uint32_t cap = names->slot_cap ? names->slot_cap * 2 : SLOTS_MIN;
    uint32_t *slots = pz__arena_zero(names->arena, cap, sizeof *slots);
    if (!slots)
        return false;
    names->slots = slots;
    names->slot_cap = cap;
    for (uint32_t i = 0; i < names->count; i++)
        *slot_of(names, names->list[i]) = i + 1;
    return true;
}

static bool grow_list(pz__names *names)
{
    uint32_t cap = names->list_cap ? names->list_cap * 2 : SLOTS_MIN / 2;
    pz_str *list = pz__arena_array(names->arena, cap, sizeof *list);
    if (!list)
        return false;
    if (names->count)
        memcpy(list, names->list, names->count * sizeof *list);
    names->list = list;
    names->list_cap = cap;
    return true;
}

uint32_t pz__names_put(pz__names *names, pz_str name)
{
    uint32_t known = pz__names_find(names, name);
    if (known != PZ__NAME_NONE)
        return known;
    if (names->count >= PZ__NAMES_MAX)
        return PZ__NAME_NONE;
    if (names->count == names->list_cap && !grow_list(names))
        return PZ__NAME_NONE;
    if (names->count >= names->slot_cap / 2 && !grow_slots(names))
        return PZ__NAME_NONE;
    char *copy = pz__arena_text(names->arena, name.data, name.len);
    if (!copy)
        return PZ__NAME_NONE;
    names->list[names->count] = (pz_str){copy, name.len};
    *slot_of(names, name) = names->count + 1;
    return names->count++;
}

uint32_t pz__names_find(const pz__names *names, pz_str name)
{
    if (names->slot_cap == 0)
        return PZ__NAME_NONE;
    uint32_t held = *slot_of(names, name);
    return held ? held - 1 : PZ__NAME_NONE;
}

/* Costs are in halves of an edit. */
#define EDIT 2u

static char lower(char c)
{
    return c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
}

static unsigned substitution(char a, char b)
{
    if (a == b)
        return 0;
    return lower(a) == lower(b) ? EDIT / 2 : EDIT;
}

static unsigned least(unsigned a, unsigned b)
{
    return a < b ? a : b;
}

/*
 * Optimal string alignment distance of two texts of at most PZ__NEAREST_MAX bytes. Three rows of
 * the matrix are kept. The price of a swap adds what its two letters differ by after swapping; a
 * swap that changes a letter costs no less than two substitutions, so it need not be excluded.
 *
 * Beyond `most` it does not matter how far: a cell follows from the two rows above it, so once two
 * rows lie beyond, all later ones do. Most pairs of names end in their third letter.
 */
static unsigned distance(pz_str a, pz_str b, unsigned most)
{
    unsigned rows[3][PZ__NEAREST_MAX + 1];
    unsigned *before = rows[0], *above = rows[1], *row = rows[2];
    unsigned least_above = 0;
    for (size_t j = 0; j <= b.len; j++)
        above[j] = (unsigned)j * EDIT;
    for (size_t i = 1; i <= a.len; i++) {
        unsigned least_here = row[0] = (unsigned)i * EDIT;
        for (size_t j = 1; j <= b.len; j++) {
            unsigned best = least(above[j], row[j - 1]) + EDIT;
            best = least(best, above[j - 1] + substitution(a.data[i - 1], b.data[j - 1]));
            if (i > 1 && j > 1)
                best =
                    least(best, before[j - 2] + EDIT + substitution(a.data[i - 1], b.data[j - 2]) +
                                    substitution(a.data[i - 2], b.data[j - 1]));
            row[j] = best;
            least_here = least(least_here, best);
        }
        if (least_here > most && least_above > most)
            return most + 1;
        least_above = least_here;
        unsigned *oldest = before;
        before = above;
        above = row;
        row = oldest;
    }
    return above[b.len];
}

/* The greatest distance at which a name of this length may still be meant. */
static unsigned tolerance(size_t longer)
{
    return EDIT * (longer < 3 ? 1 : (unsigned)(longer / 3));
}

void pz__nearer(pz__near *best, pz_str name, pz_str candidate)
{
    if (name.len > PZ__NEAREST_MAX || candidate.len > PZ__NEAREST_MAX)
        return;
    size_t longer = name.len > candidate.len ? name.len : candidate.len;
    size_t gap = longer - (name.len < candidate.len ? name.len : candidate.len);
    unsigned most = tolerance(longer);
    if (best->name.data && best->distance <= most)
        most = best->distance - (best->distance > 0);
    if (gap * EDIT > most)
        return;
    unsigned d = distance(name, candidate, most);
    bool shares_something = d < longer * EDIT;
    if (d <= most && shares_something && (!best->name.data || d < best->distance))
        *best = (pz__near){candidate, d};
}

pz_str pz__nearest(pz_str name, const pz_str *candidates, size_t count)
{
    pz__near best = {{NULL, 0}, 0};
    for (size_t i = 0; i < count; i++)
        pz__nearer(&best, name, candidates[i]);
    return best.name;
}
