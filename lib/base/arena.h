/*
 * arena.h: memory for short work, dropped whole.
 *
 * An arena hands out pieces of larger chunks; nothing is freed one by one. A mark remembers where
 * the arena stood and can be returned to. Resetting keeps the chunks, so work that repeats
 * allocates nothing once warm. What is not memory of the arena (machine code, a block of the heap)
 * can be given to it to own: it goes when the pieces made at that time go.
 */
#ifndef PZ_BASE_ARENA_H
#define PZ_BASE_ARENA_H

#include "base/mem.h"

typedef struct pz__chunk pz__chunk;
typedef struct pz__owned pz__owned;

/* Storage belongs to the enclosing struct or the stack. One thread at a time. */
typedef struct pz__arena {
    pz_alloc alloc;
    pz__chunk *first;   /* oldest chunk, NULL while nothing was asked for */
    pz__chunk *current; /* the chunk pieces are cut from; later ones are spare */
    char *next;         /* first free byte of `current` */
    char *end;          /* one past its last byte */
    size_t limit;       /* most bytes of chunks together; 0 means no limit */
    size_t reserved;    /* bytes of chunks held now */
    pz__owned *owned;   /* what goes with the pieces, newest first */
} pz__arena;

/* A place to return to. Valid until the arena is reset or returns to an older mark. */
typedef struct pz__mark {
    pz__chunk *chunk;
    char *next;
} pz__mark;

/* `alloc` NULL means the heap; `limit` bounds the bytes held (0: none), beyond it NULL is given. */
void pz__arena_init(pz__arena *arena, const pz_alloc *alloc, size_t limit);
/* Give all memory back; the arena may be used again. */
void pz__arena_clear(pz__arena *arena);
/* Forget every piece, keep the chunks. */
void pz__arena_reset(pz__arena *arena);

pz__mark pz__arena_mark(const pz__arena *arena);
void pz__arena_return(pz__arena *arena, pz__mark mark);

/*
 * Give `thing` to the arena: drop(thing) is called when the arena is cleared, reset or returned to
 * a mark from before this call; what was given last goes first, while all pieces are still in
 * place. `drop` must not use the arena. False: no memory to remember it by, and drop(thing) was
 * called at once; either way the caller has nothing left to free.
 */
bool pz__arena_own(pz__arena *arena, void (*drop)(void *thing), void *thing);

/* The slow path of pz__arena_new: takes the next chunk, or a new one. */
void *pz__arena_grow(pz__arena *arena, size_t size);

/* `size` bytes aligned for any type, not cleared; NULL if memory or the limit ran out. Size 0 gives
 * a valid pointer to nothing. */
static inline void *pz__arena_new(pz__arena *arena, size_t size)
{
    size_t rounded = (size + 15u) & ~(size_t)15u;
    if (rounded < size || (size_t)(arena->end - arena->next) < rounded || !arena->next)
        return pz__arena_grow(arena, size);
    void *piece = arena->next;
    arena->next += rounded;
    return piece;
}

/* An array; NULL also when the product overflows. */
static inline void *pz__arena_array(pz__arena *arena, size_t count, size_t size)
{
    size_t total;
    return __builtin_mul_overflow(count, size, &total) ? NULL : pz__arena_new(arena, total);
}
/* The same, filled with zero bytes. */
void *pz__arena_zero(pz__arena *arena, size_t count, size_t size);
/* A copy of `len` bytes with a NUL behind it that `len` does not count. */
char *pz__arena_text(pz__arena *arena, const char *text, size_t len);

#endif
