/*
 * regex_class.c: sets of code points.
 *
 * A set is a list of ranges. While a class is read, ranges are added in any order; normalizing
 * sorts and joins them, and only then can the set be negated or searched. A list that outgrows its
 * room is normalized first, so that naming the same script a thousand times takes no more room than
 * naming it once.
 *
 * Case: under (?i) a set is closed over case orbits (K, k and the Kelvin sign are one) by Unicode's
 * simple folding, as RE2 does. A closed set's complement is closed too, so it does not matter
 * whether a negated part is folded before or after. What is ASCII by definition (\w, [:upper:]) is
 * closed as well: (?i)\w holds the Kelvin sign.
 *
 * \p{..} knows the general categories, their one-letter unions (without Cn, as RE2 has it), the
 * scripts, and Any. Names are exact.
 *
 * Surrogates are never in a text, so finished sets do not hold them: PCRE2 would refuse them.
 */
#include "cel/regex_inner.h"

#define SURROGATE_FIRST 0xd800u
#define SURROGATE_LAST 0xdfffu

/* ---- lists of ranges ---- */

static bool range_less(pz__regex_range a, pz__regex_range b)
{
    return a.first < b.first || (a.first == b.first && a.last < b.last);
}

static void sift_down(pz__regex_range *items, uint32_t at, uint32_t count)
{
    for (;;) {
        uint32_t child = 2 * at + 1;
        if (child >= count)
            return;
        if (child + 1 < count && range_less(items[child], items[child + 1]))
            child++;
        if (!range_less(items[at], items[child]))
            return;
        pz__regex_range moved = items[at];
        items[at] = items[child];
        items[child] = moved;
        at = child;
    }
}

/* Heapsort: in place, no worst case. */
static void sort_ranges(pz__regex_range *items, uint32_t count)
{
    for (uint32_t i = count / 2; i > 0; i--)
        sift_down(items, i - 1, count);
    for (uint32_t end = count; end > 1; end--) {
        pz__regex_range greatest = items[0];
        items[0] = items[end - 1];
        items[end - 1] = greatest;
        sift_down(items, 0, end - 1);
    }
}

static bool is_sorted(const pz__ranges *set)
{
    for (uint32_t i = 1; i < set->count; i++)
        if (set->items[i].first <= set->items[i - 1].last + 1)
            return false;
    return true;
}

void pz__ranges_normalize(pz__ranges *set)
{
    if (is_sorted(set))
        return;
    sort_ranges(set->items, set->count);
    uint32_t kept = 0;
    for (uint32_t i = 1; i < set->count; i++) {
        pz__regex_range *top = &set->items[kept];
        pz__regex_range next = set->items[i];
        if (next.first > top->last + 1)
            set->items[++kept] = next;
        else if (next.last > top->last)
            top->last = next.last;
    }
    set->count = kept + 1;
}

static bool make_room(pz__ranges *set)
{
    pz__ranges_normalize(set);
    if (set->count < set->cap / 2)
        return true;
    uint32_t cap = set->cap ? set->cap * 2 : 16;
    pz__regex_range *items = pz__arena_array(set->arena, cap, sizeof *items);
    if (!items) {
        set->no_memory = true;
        return false;
    }
    if (set->count)
        memcpy(items, set->items, set->count * sizeof *items);
    set->items = items;
    set->cap = cap;
    return true;
}

void pz__ranges_add(pz__ranges *set, uint32_t first, uint32_t last)
{
    if (set->no_memory || (set->count == set->cap && !make_room(set)))
        return;
    set->items[set->count++] = (pz__regex_range){first, last};
}

void pz__ranges_unite(pz__ranges *set, const pz__ranges *other)
{
    for (uint32_t i = 0; i < other->count; i++)
        pz__ranges_add(set, other->items[i].first, other->items[i].last);
    set->no_memory |= other->no_memory;
}

void pz__ranges_negate(pz__ranges *set)
{
    pz__ranges_normalize(set);
    pz__ranges gaps = {.arena = set->arena, .no_memory = set->no_memory};
    uint32_t next = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->items[i].first > next)
            pz__ranges_add(&gaps, next, set->items[i].first - 1);
        next = set->items[i].last + 1;
    }
    if (next <= PZ__CODE_POINT_MAX)
        pz__ranges_add(&gaps, next, PZ__CODE_POINT_MAX);
    *set = gaps;
}

void pz__ranges_drop_surrogates(pz__ranges *set)
{
    pz__ranges_negate(set);
    pz__ranges_add(set, SURROGATE_FIRST, SURROGATE_LAST);
    pz__ranges_negate(set);
}

/* ---- case ---- */

/* The next member of a code point's orbit, which must be in the run. */
static uint32_t fold_step(const pz__regex_fold *run, uint32_t c)
{
    if (run->delta == 0)
        return (c - run->first) % 2 ? c - 1 : c + 1;
    return (uint32_t)((int32_t)c + run->delta);
}

/* The first run that ends at or after `c`; the count of runs if there is none. */
static uint32_t fold_find(uint32_t c)
{
    uint32_t low = 0, high = pz__regex_fold_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (pz__regex_folds[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

/* The next member of the orbit; `c` itself if it has no other case. */
static uint32_t fold_next(uint32_t c)
{
    uint32_t i = fold_find(c);
    if (i == pz__regex_fold_count)
        return c;
    const pz__regex_fold *run = &pz__regex_folds[i];
    return c < run->first || (c - run->first) % run->stride ? c : fold_step(run, c);
}

static void add_orbits(pz__ranges *out, pz__regex_range range)
{
    for (uint32_t i = fold_find(range.first); i < pz__regex_fold_count; i++) {
        const pz__regex_fold *run = &pz__regex_folds[i];
        if (run->first > range.last)
            return;
        uint32_t c = run->first;
        if (c < range.first)
            c += (range.first - c + run->stride - 1) / run->stride * run->stride;
        for (; c <= run->last && c <= range.last; c += run->stride)
            for (uint32_t other = fold_step(run, c); other != c; other = fold_next(other))
                pz__ranges_add(out, other, other);
    }
}

void pz__ranges_fold(pz__ranges *set)
{
    pz__ranges orbits = {.arena = set->arena};
    for (uint32_t i = 0; i < set->count && !orbits.no_memory; i++)
        add_orbits(&orbits, set->items[i]);
    pz__ranges_unite(set, &orbits);
    pz__ranges_normalize(set);
}

/* ---- named sets ---- */

static pz_str str_of(const char *name)
{
    return (pz_str){name, strlen(name)};
}

/* Add the runs of a partition whose number has its bit in `wanted`. */
static void add_runs(pz__ranges *set, const uint32_t *runs, uint32_t count,
                     const uint64_t wanted[4])
{
    for (uint32_t i = 0; i < count; i++) {
        uint32_t number = runs[i] >> 21;
        if (!(wanted[number / 64] >> number % 64 & 1))
            continue;
        uint32_t last = i + 1 < count ? (runs[i + 1] & 0x1fffffu) - 1 : PZ__CODE_POINT_MAX;
        pz__ranges_add(set, runs[i] & 0x1fffffu, last);
    }
}

/* The numbers of the names that `name` stands for; false if there are none. */
static bool select_names(const char *const *names, uint32_t count, pz_str name, bool by_initial,
                         uint64_t wanted[4])
{
    bool any = false;
    for (uint32_t i = 0; i < count; i++) {
        bool is_meant =
            by_initial ? names[i][0] == name.data[0] : pz__str_equal(str_of(names[i]), name);
        if (!is_meant || strcmp(names[i], "Cn") == 0)
            continue;
        wanted[i / 64] |= UINT64_C(1) << i % 64;
        any = true;
    }
    return any;
}

bool pz__ranges_add_property(pz__ranges *set, pz_str name)
{
    uint64_t wanted[4] = {0};
    if (pz__str_equal(name, PZ__STR("Any"))) {
        pz__ranges_add(set, 0, PZ__CODE_POINT_MAX);
        return true;
    }
    if (select_names(pz__regex_category_names, pz__regex_category_names_count, name, name.len == 1,
                     wanted)) {
        add_runs(set, pz__regex_categories, pz__regex_categories_count, wanted);
        return true;
    }
    if (pz__str_equal(name, PZ__STR("Unknown")) ||
        !select_names(pz__regex_script_names, pz__regex_script_names_count, name, false, wanted))
        return false;
    add_runs(set, pz__regex_scripts, pz__regex_scripts_count, wanted);
    return true;
}

pz_str pz__property_nearest(pz_str name)
{
    pz_str names[256];
    uint32_t count = 0;
    for (uint32_t i = 0; i < pz__regex_script_names_count && count < 256; i++)
        if (strcmp(pz__regex_script_names[i], "Unknown") != 0)
            names[count++] = str_of(pz__regex_script_names[i]);
    for (uint32_t i = 0; i < pz__regex_category_names_count && count < 256; i++)
        if (strcmp(pz__regex_category_names[i], "Cn") != 0)
            names[count++] = str_of(pz__regex_category_names[i]);
    return pz__nearest(name, names, count);
}

typedef struct ascii_class {
    const char *name;
    struct {
        uint8_t first, last;
    } runs[4]; /* up to the first that ends at 0 */
} ascii_class;

static const ascii_class ascii_classes[] = {
    {"d", {{'0', '9'}}},
    {"s", {{'\t', '\n'}, {'\f', '\r'}, {' ', ' '}}}, /* RE2 leaves the vertical tab out */
    {"w", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"alnum", {{'0', '9'}, {'A', 'Z'}, {'a', 'z'}}},
    {"alpha", {{'A', 'Z'}, {'a', 'z'}}},
    {"ascii", {{0x00, 0x7f}}},
    {"blank", {{'\t', '\t'}, {' ', ' '}}},
    {"cntrl", {{0x00, 0x1f}, {0x7f, 0x7f}}},
    {"digit", {{'0', '9'}}},
    {"graph", {{'!', '~'}}},
    {"lower", {{'a', 'z'}}},
    {"print", {{' ', '~'}}},
    {"punct", {{'!', '/'}, {':', '@'}, {'[', '`'}, {'{', '~'}}},
    {"space", {{'\t', '\r'}, {' ', ' '}}},
    {"upper", {{'A', 'Z'}}},
    {"word", {{'0', '9'}, {'A', 'Z'}, {'_', '_'}, {'a', 'z'}}},
    {"xdigit", {{'0', '9'}, {'A', 'F'}, {'a', 'f'}}},
};

bool pz__ranges_add_class(pz__ranges *set, pz_str name)
{
    for (size_t i = 0; i < sizeof ascii_classes / sizeof ascii_classes[0]; i++) {
        const ascii_class *class = &ascii_classes[i];
        if (!pz__str_equal(str_of(class->name), name))
            continue;
        for (size_t k = 0; k < 4 && class->runs[k].last; k++)
            pz__ranges_add(set, class->runs[k].first, class->runs[k].last);
        return true;
    }
    return false;
}

/* ---- finished sets ---- */

bool pz__regex_set_has(const pz__regex_set *set, const pz__regex_range *ranges, uint32_t c)
{
    if (c < 128)
        return set->ascii[c / 64] >> c % 64 & 1;
    uint32_t low = set->start, high = set->start + set->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (ranges[middle].last < c)
            low = middle + 1;
        else
            high = middle;
    }
    return low < set->start + set->count && ranges[low].first <= c;
}
