/*
 * mem.h: memory through the caller's allocator; sizes, also of the structs that callers hand in.
 *
 * A pz_alloc is carried by value in whatever owns memory; nothing is global. Blocks are freed with
 * the size they were asked with, so owners remember sizes.
 */
#ifndef PZ_BASE_MEM_H
#define PZ_BASE_MEM_H

#include <personalize/base.h>

/* The allocator to use: the one given, or the C library's heap for NULL or {NULL, NULL}. */
pz_alloc pz__alloc_or_default(const pz_alloc *alloc);

/* NULL if memory ran out or `count * size` overflows. A request of 0 bytes gives NULL. */
void *pz__mem_new(const pz_alloc *alloc, size_t count, size_t size);
/* The same, filled with zero bytes. */
void *pz__mem_zero(const pz_alloc *alloc, size_t count, size_t size);
/* Grow or shrink an array; on failure NULL, and `ptr` stays as it was. */
void *pz__mem_resize(const pz_alloc *alloc, void *ptr, size_t old_count, size_t new_count,
                     size_t size);
void pz__mem_free(const pz_alloc *alloc, void *ptr, size_t count, size_t size);

/* Overflow-checked sums and products of sizes: false on overflow, and *out is left alone. */
bool pz__size_add(size_t a, size_t b, size_t *out);
bool pz__size_mul(size_t a, size_t b, size_t *out);

/* A caller compiled against a later header may hand in options of more than the `known` bytes, if
 * the rest is all zero. */
bool pz__is_known_size(const void *options, uint32_t size, size_t known);
/* Take over a public struct that begins with its size, of an older or a newer caller, into `out`,
 * which holds the defaults and is `known` bytes long; false as above. */
bool pz__take_sized(void *out, size_t known, const void *given);
/* How long a public struct was when it was released, up to its then last member: what callers of
 * that release hand in, and so what may be asked for, whatever the struct has grown by since. */
#define PZ__RELEASED_SIZE(type, last) (offsetof(type, last) + sizeof(((type *)0)->last))

#endif
