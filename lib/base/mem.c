/*
 * mem.c: the only file that calls the C library's heap.
 *
 * Every block in the library comes through a pz_alloc: one function that makes, resizes and frees,
 * and is told the old size each time. The default of that function is realloc and free; it is a
 * constant, chosen by value when an engine, store, pool or catalog is made, so two engines in one
 * process can live in two heaps.
 *
 * Sizes of arrays are products; pz__mem_new and its kin refuse a product that overflows before the
 * allocator sees it. A block of zero bytes does not exist: asking for one gives NULL, and callers
 * with nothing to store do not ask.
 */
#include "base/mem.h"

#include <stdlib.h>
#include <string.h>

static void *heap_realloc(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    (void)payload;
    (void)old_size;
    if (new_size == 0) {
        free(ptr);
        return NULL;
    }
    return realloc(ptr, new_size);
}

pz_alloc pz__alloc_or_default(const pz_alloc *alloc)
{
    if (alloc && alloc->fn)
        return *alloc;
    return (pz_alloc){heap_realloc, NULL};
}

bool pz__size_add(size_t a, size_t b, size_t *out)
{
    if (a > SIZE_MAX - b)
        return false;
    *out = a + b;
    return true;
}

bool pz__size_mul(size_t a, size_t b, size_t *out)
{
    size_t product;
    if (__builtin_mul_overflow(a, b, &product))
        return false;
    *out = product;
    return true;
}

void *pz__mem_new(const pz_alloc *alloc, size_t count, size_t size)
{
    size_t total;
    if (!pz__size_mul(count, size, &total) || total == 0)
        return NULL;
    return alloc->fn(alloc->payload, NULL, 0, total);
}

void *pz__mem_zero(const pz_alloc *alloc, size_t count, size_t size)
{
    void *ptr = pz__mem_new(alloc, count, size);
    if (ptr)
        memset(ptr, 0, count * size);
    return ptr;
}

void *pz__mem_resize(const pz_alloc *alloc, void *ptr, size_t old_count, size_t new_count,
                     size_t size)
{
    size_t total;
    if (!pz__size_mul(new_count, size, &total) || total == 0)
        return NULL;
    return alloc->fn(alloc->payload, ptr, old_count * size, total);
}

void pz__mem_free(const pz_alloc *alloc, void *ptr, size_t count, size_t size)
{
    if (ptr)
        alloc->fn(alloc->payload, ptr, count * size, 0);
}

bool pz__is_known_size(const void *options, uint32_t size, size_t known)
{
    const unsigned char *bytes = options;
    for (size_t i = known; i < size; i++)
        if (bytes[i])
            return false;
    return size >= sizeof(uint32_t);
}

bool pz__take_sized(void *out, size_t known, const void *given)
{
    uint32_t size;
    memcpy(&size, given, sizeof size); /* every such struct begins with it */
    if (!pz__is_known_size(given, size, known))
        return false;
    memcpy(out, given, size < known ? size : known);
    return true;
}
