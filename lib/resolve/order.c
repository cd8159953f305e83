/*
 * order.c: a stable merge sort over scratch memory.
 *
 * What this room sorts (evidence by time, host claims by confidence) is short and nearly always in
 * order when it arrives, so the first walk only looks. The rest is a bottom-up merge sort: runs of
 * 1, 2, 4, ... elements are merged from one half of the scratch into the other. It is here and not
 * qsort() because the C library may allocate inside qsort(), may be quadratic on hostile input, and
 * leaves the order of equal elements open; an answer must not depend on which C library is linked.
 */
#include "resolve/order.h"

typedef struct sorting {
    size_t count, size;
    pz__order_fn order;
} sorting;

static bool is_sorted(const sorting *s, const char *base)
{
    for (size_t i = 1; i < s->count; i++)
        if (s->order(base + (i - 1) * s->size, base + i * s->size) > 0)
            return false;
    return true;
}

/* Merge the runs [low, middle) and [middle, high) of `from` into the same places of `to`. */
static void merge_runs(const sorting *s, char *to, const char *from, size_t low, size_t middle,
                       size_t high)
{
    size_t left = low, right = middle;
    for (size_t i = low; i < high; i++) {
        bool take_left = right == high || (left < middle && s->order(from + left * s->size,
                                                                     from + right * s->size) <= 0);
        size_t taken = take_left ? left++ : right++;
        memcpy(to + i * s->size, from + taken * s->size, s->size);
    }
}

static void merge_pass(const sorting *s, char *to, const char *from, size_t run)
{
    for (size_t low = 0; low < s->count; low += 2 * run) {
        size_t middle = s->count - low > run ? low + run : s->count;
        size_t high = s->count - low > 2 * run ? low + 2 * run : s->count;
        merge_runs(s, to, from, low, middle, high);
    }
}

pz_status pz__sort_stable(pz__arena *arena, void *base, size_t count, size_t size,
                          pz__order_fn order)
{
    sorting s = {count, size, order};
    if (is_sorted(&s, base))
        return PZ_OK;
    char *spare = pz__arena_array(arena, count, size);
    if (!spare)
        return PZ_ERR_NOMEM;
    char *from = base, *to = spare;
    for (size_t run = 1; run < count; run *= 2) {
        merge_pass(&s, to, from, run);
        char *swap = from;
        from = to;
        to = swap;
    }
    if (from != base)
        memcpy(base, from, count * size);
    return PZ_OK;
}
