/*
 * order.c: sorting, in memory that the build accounts for.
 *
 * A merge sort from the bottom up over numbers that stand for something: stable, n log n whatever
 * the input, and without the C library's qsort, which may allocate behind the caller's back.
 */
#include "catalog/build.h"

bool pz__sort_numbers(pz__build *build, uint32_t *list, uint32_t count,
                      int (*compare)(const void *self, uint32_t a, uint32_t b), const void *self)
{
    uint32_t *spare = pz__work(build, count, sizeof *spare);
    if (!spare)
        return false;
    for (uint32_t run = 1; run < count; run *= 2) {
        for (uint32_t from = 0; from < count; from += 2 * run) {
            uint32_t middle = from + run < count ? from + run : count;
            uint32_t to = middle + run < count ? middle + run : count;
            uint32_t a = from, b = middle;
            for (uint32_t i = from; i < to; i++) {
                bool takes_a = a < middle && (b >= to || compare(self, list[a], list[b]) <= 0);
                spare[i] = takes_a ? list[a++] : list[b++];
            }
        }
        memcpy(list, spare, count * sizeof *list);
    }
    return true;
}
