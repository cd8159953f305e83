/*
 * oom.c: the checking allocator and the replay of scenarios under exhaustion.
 *
 * A block looks like this; the caller sees the middle part:
 *
 *     | oom_block: magic, size, request number, links | the caller's bytes | 16 bytes of 0xFD |
 *
 * The library promises to tell the old size at each resize and free. The header remembers the true
 * one and compares; the tail shows overruns; the magic word shows pointers that are not ours, or
 * were freed. A resize always moves, so whoever kept the old pointer reads 0xDD, and the address
 * sanitizer, where it is on, stops there.
 *
 * Misuse aborts, because the assertion of a unit test could not unwind a thread or a callback; a
 * leak or a wrong status is an ordinary failed assertion.
 *
 * A long scenario is quadratic to replay. Above REPLAYS_MAX requests the quick run replays evenly
 * spaced ones; PZ_FULL=1 replays all.
 */
#include "support/oom.h"

#include "support/gen.h"

#include <setjmp.h>
#include <stdarg.h>
#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLOCK_MAGIC 0x70657273616c6c6fu
#define DEAD_MAGIC 0xdeadb10cdeadb10cu
#define FRESH_BYTE 0xA5
#define FREED_BYTE 0xDD
#define TAIL_BYTE 0xFD
#define TAIL_LEN 16u
#define REPLAYS_MAX 1500u
#define LEAKS_SHOWN 10u

struct oom_block {
    uint64_t magic;
    size_t size;
    size_t request; /* the number of the request that made it */
    oom_block *next, *previous;
    max_align_t bytes[];
};

static void misuse(const char *what, size_t told, size_t known)
{
    fprintf(stderr, "allocator misuse: %s (told %zu, known %zu)\n", what, told, known);
    abort();
}

static unsigned char *bytes_of(oom_block *block)
{
    return (unsigned char *)block->bytes;
}

static oom_block *block_of(void *ptr)
{
    return (oom_block *)(void *)((unsigned char *)ptr - offsetof(oom_block, bytes));
}

static void check_block(const oom_block *block, size_t told)
{
    if (block->magic == DEAD_MAGIC)
        misuse("a freed block is used again", told, block->size);
    if (block->magic != BLOCK_MAGIC)
        misuse("a pointer that is no block", told, 0);
    if (block->size != told)
        misuse("a wrong old size", told, block->size);
    const unsigned char *tail = (const unsigned char *)block->bytes + block->size;
    for (size_t i = 0; i < TAIL_LEN; i++)
        if (tail[i] != TAIL_BYTE)
            misuse("bytes after the end of a block were written", i, block->size);
}

/* The caller holds the mutex in this and the following. */
static bool is_refused(oom *o)
{
    size_t request = ++o->request_count;
    if (o->fail_at == 0 || request < o->fail_at)
        return false;
    if (o->is_failing_once && request > o->fail_at)
        return false;
    o->refused_count++;
    return true;
}

static oom_block *new_block(oom *o, size_t size)
{
    if (size > SIZE_MAX - sizeof(oom_block) - TAIL_LEN)
        return NULL;
    oom_block *block = malloc(sizeof(oom_block) + size + TAIL_LEN);
    if (!block)
        return NULL;
    block->magic = BLOCK_MAGIC;
    block->size = size;
    block->request = o->request_count;
    block->previous = NULL;
    block->next = o->blocks;
    if (o->blocks)
        o->blocks->previous = block;
    o->blocks = block;
    memset(bytes_of(block), FRESH_BYTE, size);
    memset(bytes_of(block) + size, TAIL_BYTE, TAIL_LEN);

    o->live_count++;
    o->live_bytes += size;
    if (o->live_bytes > o->peak_bytes)
        o->peak_bytes = o->live_bytes;
    return block;
}

static void drop_block(oom *o, oom_block *block)
{
    if (block->previous)
        block->previous->next = block->next;
    else
        o->blocks = block->next;
    if (block->next)
        block->next->previous = block->previous;
    o->live_count--;
    o->live_bytes -= block->size;
    memset(bytes_of(block), FREED_BYTE, block->size);
    block->magic = DEAD_MAGIC;
    free(block);
}

static void *resize_locked(oom *o, void *ptr, size_t old_size, size_t new_size)
{
    oom_block *old = ptr ? block_of(ptr) : NULL;
    if (old)
        check_block(old, old_size);
    else if (old_size != 0)
        misuse("no block, but an old size", old_size, 0);

    if (new_size == 0) {
        if (old)
            drop_block(o, old);
        return NULL;
    }
    if (is_refused(o))
        return NULL;
    oom_block *block = new_block(o, new_size);
    if (!block)
        return NULL;
    if (old) {
        memcpy(bytes_of(block), bytes_of(old), old_size < new_size ? old_size : new_size);
        drop_block(o, old);
    }
    return bytes_of(block);
}

static void *oom_realloc(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    oom *o = payload;
    pthread_mutex_lock(&o->mutex);
    void *result = resize_locked(o, ptr, old_size, new_size);
    pthread_mutex_unlock(&o->mutex);
    return result;
}

void oom_init(oom *o)
{
    memset(o, 0, sizeof *o);
    pthread_mutex_init(&o->mutex, NULL);
}

pz_alloc oom_alloc(oom *o)
{
    return (pz_alloc){oom_realloc, o};
}

void oom_fail(oom *o, size_t nth, bool once)
{
    o->fail_at = nth ? o->request_count + nth : 0;
    o->is_failing_once = once;
}

void oom_calm(oom *o)
{
    oom_fail(o, 0, false);
}

void oom_finish(oom *o)
{
    size_t shown = 0;
    for (oom_block *block = o->blocks; block && shown < LEAKS_SHOWN; block = block->next, shown++)
        fprintf(stderr, "leaked: %zu bytes of request %zu\n", block->size, block->request);
    size_t leaked = o->live_count;
    while (o->blocks) {
        check_block(o->blocks, o->blocks->size);
        drop_block(o, o->blocks);
    }
    pthread_mutex_destroy(&o->mutex);
    if (leaked)
        fail_msg("%zu blocks leaked", leaked);
}

typedef struct replay {
    size_t fail_at; /* 0: in peace */
    bool once;
    size_t request_count;
    size_t refused_count;
} replay;

static pz_status run_once(replay *r, oom_scenario scenario, void *payload)
{
    oom o;
    oom_init(&o);
    oom_fail(&o, r->fail_at, r->once);
    pz_alloc alloc = oom_alloc(&o);
    pz_status status = scenario(&alloc, payload);
    r->request_count = o.request_count;
    r->refused_count = o.refused_count;
    if (o.live_count && r->fail_at)
        fprintf(stderr, "after refusing request %zu%s:\n", r->fail_at,
                r->once ? " alone" : " and all later ones");
    oom_finish(&o);
    return status;
}

size_t oom_run_expecting(pz_status peaceful, oom_scenario scenario, void *payload)
{
    replay peace = {0};
    pz_status status = run_once(&peace, scenario, payload);
    if (status != peaceful)
        fail_msg("in peace the scenario gives %d, not %d", (int)status, (int)peaceful);

    size_t count = peace.request_count, nomem_count = 0;
    size_t step = count > REPLAYS_MAX && !gen_is_full() ? count / REPLAYS_MAX + 1 : 1;
    for (size_t n = 1; n <= count; n += step) {
        for (int once = 0; once <= 1; once++) {
            replay r = {.fail_at = n, .once = once != 0};
            status = run_once(&r, scenario, payload);
            if (status == PZ_ERR_NOMEM)
                nomem_count++;
            else if (status != peaceful)
                fail_msg("request %zu of %zu refused%s: status %d instead of %d", n, count,
                         once ? " alone" : "", (int)status, (int)PZ_ERR_NOMEM);
            if (status == PZ_ERR_NOMEM && r.refused_count == 0)
                fail_msg("PZ_ERR_NOMEM, but request %zu was never made", n);
        }
    }
    if (count && nomem_count == 0)
        fail_msg("no refusal of %zu showed as PZ_ERR_NOMEM", count);
    return count;
}

size_t oom_run(oom_scenario scenario, void *payload)
{
    return oom_run_expecting(PZ_OK, scenario, payload);
}
