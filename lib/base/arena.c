/*
 * arena.c: chunks in a list, pieces cut off the current one.
 *
 *     first -> [chunk: header | used ....... | free ] -> [chunk: spare] -> NULL
 *                                            ^ next   ^ end
 *
 * Pieces are multiples of 16 bytes, so each is aligned for any type. Returning to a mark or
 * resetting moves `current` back; the chunks behind it are spare and are taken again in order, a
 * spare too small for a request being passed over until the next reset. New chunks double in size
 * up to CHUNK_MAX, so the number of allocations grows with the logarithm of the work.
 *
 * What the arena owns besides is a list of records that are pieces themselves, newest first. A mark
 * says nothing of them: a record is newer than a mark if its place is, and since places are taken
 * in the order of the list of chunks that can be told by looking. So marks stay two words, and an
 * arena that owns nothing pays for this with one comparison where it returns.
 */
#include "base/arena.h"

#include <string.h>

/* Small enough that an idle request costs little, large enough for a whole ordinary decision. */
#define CHUNK_MIN 4096u
#define CHUNK_MAX (1u << 20)

struct pz__chunk {
    pz__chunk *next;
    size_t size; /* of the bytes behind the header */
    size_t unused[2];
};

struct pz__owned {
    pz__owned *older;
    pz__chunk *chunk; /* that the record is in */
    void (*drop)(void *thing);
    void *thing;
};

static char *chunk_bytes(pz__chunk *chunk)
{
    return (char *)(chunk + 1);
}

void pz__arena_init(pz__arena *arena, const pz_alloc *alloc, size_t limit)
{
    *arena = (pz__arena){.alloc = pz__alloc_or_default(alloc), .limit = limit};
}

/* ---- what the arena owns ---- */

static void drop_newest(pz__arena *arena)
{
    const pz__owned *owned = arena->owned;
    arena->owned = owned->older;
    owned->drop(owned->thing);
}

static void drop_all(pz__arena *arena)
{
    while (arena->owned)
        drop_newest(arena);
}

/* True if the record was made after the mark. */
static bool is_newer(const pz__owned *owned, pz__mark mark)
{
    if (owned->chunk == mark.chunk)
        return (const char *)owned >= mark.next;
    const pz__chunk *later = mark.chunk->next;
    while (later && later != owned->chunk)
        later = later->next;
    return later != NULL;
}

bool pz__arena_own(pz__arena *arena, void (*drop)(void *thing), void *thing)
{
    pz__owned *owned = pz__arena_new(arena, sizeof *owned);
    if (!owned) {
        drop(thing);
        return false;
    }
    *owned = (pz__owned){arena->owned, arena->current, drop, thing};
    arena->owned = owned;
    return true;
}

/* ---- chunks ---- */

void pz__arena_clear(pz__arena *arena)
{
    drop_all(arena);
    for (pz__chunk *chunk = arena->first; chunk;) {
        pz__chunk *next = chunk->next;
        pz__mem_free(&arena->alloc, chunk, 1, sizeof *chunk + chunk->size);
        chunk = next;
    }
    pz_alloc alloc = arena->alloc;
    pz__arena_init(arena, &alloc, arena->limit);
}

static void enter(pz__arena *arena, pz__chunk *chunk)
{
    arena->current = chunk;
    arena->next = chunk ? chunk_bytes(chunk) : NULL;
    arena->end = chunk ? chunk_bytes(chunk) + chunk->size : NULL;
}

static void stand_at(pz__arena *arena, pz__mark mark)
{
    arena->current = mark.chunk;
    arena->next = mark.next;
    arena->end = chunk_bytes(mark.chunk) + mark.chunk->size;
}

/* What arenas that own nothing never do is kept out of their way: it is the last thing called, so
 * that they save no registers for it. */
static __attribute__((noinline, cold)) void reset_owner(pz__arena *arena)
{
    drop_all(arena);
    enter(arena, arena->first);
}

static __attribute__((noinline, cold)) void return_owner(pz__arena *arena, pz__mark mark)
{
    while (arena->owned && is_newer(arena->owned, mark))
        drop_newest(arena);
    stand_at(arena, mark);
}

void pz__arena_reset(pz__arena *arena)
{
    if (arena->owned)
        reset_owner(arena);
    else
        enter(arena, arena->first);
}

pz__mark pz__arena_mark(const pz__arena *arena)
{
    return (pz__mark){arena->current, arena->next};
}

void pz__arena_return(pz__arena *arena, pz__mark mark)
{
    if (!mark.chunk)
        pz__arena_reset(arena);
    else if (arena->owned)
        return_owner(arena, mark);
    else
        stand_at(arena, mark);
}

/* Twice the current chunk, within what the limit leaves, but never less than is needed. */
static size_t chunk_size(const pz__arena *arena, size_t need)
{
    size_t size = CHUNK_MIN - sizeof(pz__chunk);
    if (arena->current)
        size = arena->current->size < CHUNK_MAX / 2 ? arena->current->size * 2 : CHUNK_MAX;
    if (arena->limit) {
        size_t left = arena->limit - arena->reserved;
        size_t most = left > sizeof(pz__chunk) ? (left - sizeof(pz__chunk)) & ~(size_t)15u : 0;
        if (size > most)
            size = most;
    }
    return size > need ? size : need;
}

/* `need` is a multiple of 16. */
static pz__chunk *chunk_new(pz__arena *arena, size_t need)
{
    size_t size = chunk_size(arena, need);
    size_t total;
    if (!pz__size_add(size, sizeof(pz__chunk), &total))
        return NULL;
    if (arena->limit && total > arena->limit - arena->reserved)
        return NULL;
    pz__chunk *chunk = pz__mem_new(&arena->alloc, 1, total);
    if (!chunk)
        return NULL;
    chunk->size = size;
    arena->reserved += total;
    return chunk;
}

void *pz__arena_grow(pz__arena *arena, size_t size)
{
    size_t rounded = (size + 15u) & ~(size_t)15u;
    if (rounded < size)
        return NULL;
    pz__chunk *spare = arena->current ? arena->current->next : arena->first;
    while (spare && spare->size < rounded)
        spare = spare->next;
    if (!spare) {
        spare = chunk_new(arena, rounded);
        if (!spare)
            return NULL;
        pz__chunk **link = arena->current ? &arena->current->next : &arena->first;
        spare->next = *link;
        *link = spare;
    }
    enter(arena, spare);
    arena->next += rounded;
    return chunk_bytes(spare);
}

void *pz__arena_zero(pz__arena *arena, size_t count, size_t size)
{
    void *piece = pz__arena_array(arena, count, size);
    if (piece)
        memset(piece, 0, count * size);
    return piece;
}

char *pz__arena_text(pz__arena *arena, const char *text, size_t len)
{
    size_t total;
    if (!pz__size_add(len, 1, &total))
        return NULL;
    char *copy = pz__arena_new(arena, total);
    if (!copy)
        return NULL;
    if (len)
        memcpy(copy, text, len);
    copy[len] = '\0';
    return copy;
}
