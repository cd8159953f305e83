/*
 * test_arena.c: pieces, marks, reuse and the limit of an arena.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <string.h>

#include "base/arena.h"
#include "support/gen.h"
#include "support/oom.h"

static void pieces_are_aligned_and_do_not_overlap(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(20, 2000))
    {
        pz__arena arena;
        pz__arena_init(&arena, NULL, 0);
        unsigned char *pieces[200];
        size_t sizes[200];
        for (size_t i = 0; i < 200; i++) {
            sizes[i] = gen_len(&g, 5000);
            pieces[i] = pz__arena_new(&arena, sizes[i]);
            assert_non_null(pieces[i]);
            assert_int_equal((uintptr_t)pieces[i] % 16, 0);
            memset(pieces[i], (int)i, sizes[i]);
        }
        for (size_t i = 0; i < 200; i++)
            for (size_t k = 0; k < sizes[i]; k++)
                assert_int_equal(pieces[i][k], (unsigned char)i);
        pz__arena_clear(&arena);
    }
}

static void work_that_repeats_allocates_nothing_once_warm(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    pz__arena arena;
    pz__arena_init(&arena, &alloc, 0);
    size_t warm = 0;
    for (int round = 0; round < 5; round++) {
        for (size_t size = 1; size < 40000; size = size * 3 + 1)
            assert_non_null(pz__arena_new(&arena, size));
        if (round == 0)
            warm = o.request_count;
        pz__arena_reset(&arena);
    }
    assert_int_equal(o.request_count, warm);
    pz__arena_clear(&arena);
    oom_finish(&o);
}

static void return_to_a_mark_gives_the_same_places_again(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    char *kept = pz__arena_text(&arena, "kept", 4);
    pz__mark mark = pz__arena_mark(&arena);
    void *first = pz__arena_new(&arena, 100);
    for (int i = 0; i < 100; i++)
        pz__arena_new(&arena, 1000);
    size_t reserved = arena.reserved;
    pz__arena_return(&arena, mark);
    assert_ptr_equal(pz__arena_new(&arena, 100), first);
    for (int i = 0; i < 100; i++)
        pz__arena_new(&arena, 1000);
    assert_int_equal(arena.reserved, reserved);
    assert_string_equal(kept, "kept");
    pz__arena_clear(&arena);
}

static void mark_of_an_empty_arena_returns_to_its_beginning(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    pz__mark mark = pz__arena_mark(&arena);
    void *first = pz__arena_new(&arena, 8);
    pz__arena_return(&arena, mark);
    assert_ptr_equal(pz__arena_new(&arena, 8), first);
    pz__arena_clear(&arena);
}

static void limit_holds_and_is_reached(void **state)
{
    (void)state;
    enum { LIMIT = 100000 };
    pz__arena arena;
    pz__arena_init(&arena, NULL, LIMIT);
    size_t given = 0;
    while (pz__arena_new(&arena, 16))
        given += 16;
    assert_true(arena.reserved <= LIMIT);
    assert_true(given > LIMIT - 1000);
    pz__arena_clear(&arena);
}

static void one_piece_may_take_exactly_the_limit(void **state)
{
    (void)state;
    size_t header = 0;
    for (size_t limit = 8192; limit <= 8193; limit++) {
        pz__arena probe;
        pz__arena_init(&probe, NULL, 0);
        pz__arena_new(&probe, 8192);
        header = probe.reserved - 8192;
        pz__arena_clear(&probe);
    }
    pz__arena arena;
    pz__arena_init(&arena, NULL, 8192 + header);
    assert_null(pz__arena_new(&arena, 8193));
    assert_non_null(pz__arena_new(&arena, 8192));
    assert_null(pz__arena_new(&arena, 1));
    assert_non_null(pz__arena_new(&arena, 0));
    pz__arena_clear(&arena);
}

static void impossible_sizes_give_null(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    assert_null(pz__arena_new(&arena, SIZE_MAX));
    assert_null(pz__arena_new(&arena, SIZE_MAX - 20));
    assert_null(pz__arena_array(&arena, SIZE_MAX / 2, 3));
    assert_null(pz__arena_zero(&arena, SIZE_MAX / 2, 3));
    assert_null(pz__arena_text(&arena, "x", SIZE_MAX));
    pz__arena_clear(&arena);
}

static void zeroed_pieces_are_zero_after_use(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    memset(pz__arena_new(&arena, 64), 0xff, 64);
    pz__arena_reset(&arena);
    const char *piece = pz__arena_zero(&arena, 8, 8);
    for (int i = 0; i < 64; i++)
        assert_int_equal(piece[i], 0);
    assert_string_equal(pz__arena_text(&arena, NULL, 0), "");
    pz__arena_clear(&arena);
}

static pz_status fill(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    pz_status status = PZ_OK;
    for (int i = 0; i < 100 && status == PZ_OK; i++)
        status = pz__arena_new(&arena, 1000) ? PZ_OK : PZ_ERR_NOMEM;
    pz__arena_clear(&arena);
    return status;
}

static void exhaustion_leaks_nothing(void **state)
{
    (void)state;
    assert_true(oom_run(fill, NULL) > 2);
}

/* ---- what an arena owns ---- */

/* The order in which things went: each is a letter, added when it is dropped. */
static char gone[64];

static void drop_letter(void *thing)
{
    size_t len = strlen(gone);
    gone[len] = *(const char *)thing;
    gone[len + 1] = '\0';
}

/* Letters live in the arena: they must still be there when they go. */
static bool own_letter(pz__arena *arena, char letter)
{
    char *thing = pz__arena_new(arena, 1);
    assert_non_null(thing);
    *thing = letter;
    return pz__arena_own(arena, drop_letter, thing);
}

static void what_is_owned_goes_newest_first(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    for (int round = 0; round < 3; round++) {
        gone[0] = '\0';
        assert_true(own_letter(&arena, 'a') && own_letter(&arena, 'b') && own_letter(&arena, 'c'));
        assert_string_equal(gone, "");
        if (round < 2)
            pz__arena_reset(&arena);
        else
            pz__arena_clear(&arena);
        assert_string_equal(gone, "cba");
    }
    pz__arena_clear(&arena);
    assert_string_equal(gone, "cba");
}

static void return_drops_only_what_is_newer_than_the_mark(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    gone[0] = '\0';
    pz__mark empty = pz__arena_mark(&arena);
    assert_true(own_letter(&arena, 'a'));
    pz__mark after_a = pz__arena_mark(&arena);
    assert_true(own_letter(&arena, 'b'));
    pz__arena_return(&arena, after_a);
    assert_string_equal(gone, "b");
    /* Far chunks, a record in each, and a mark in the middle. */
    for (char letter = 'c'; letter < 'h'; letter++)
        assert_true(pz__arena_new(&arena, 50000) && own_letter(&arena, letter));
    pz__mark after_g = pz__arena_mark(&arena);
    assert_true(pz__arena_new(&arena, 500000) && own_letter(&arena, 'h'));
    pz__arena_return(&arena, after_g);
    assert_string_equal(gone, "bh");
    pz__arena_return(&arena, after_g);
    assert_string_equal(gone, "bh");
    pz__arena_return(&arena, after_a);
    assert_string_equal(gone, "bhgfedc");
    pz__arena_return(&arena, empty);
    assert_string_equal(gone, "bhgfedca");
    pz__arena_clear(&arena);
    assert_string_equal(gone, "bhgfedca");
}

static void a_mark_at_the_end_of_a_chunk_keeps_the_next_apart(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    assert_non_null(pz__arena_new(&arena, 1));
    assert_non_null(pz__arena_new(&arena, (size_t)(arena.end - arena.next)));
    pz__mark full = pz__arena_mark(&arena);
    for (int round = 0; round < 2; round++) {
        gone[0] = '\0';
        assert_true(own_letter(&arena, 'x'));
        pz__arena_return(&arena, full);
        assert_string_equal(gone, "x");
    }
    pz__arena_clear(&arena);
}

static void what_cannot_be_owned_goes_at_once(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 4096);
    gone[0] = '\0';
    assert_true(own_letter(&arena, 'k'));
    while (pz__arena_new(&arena, 16))
        continue;
    char letter = 'n';
    assert_false(pz__arena_own(&arena, drop_letter, &letter));
    assert_string_equal(gone, "n");
    pz__arena_clear(&arena);
    assert_string_equal(gone, "nk");
}

static void drop_block(void *thing)
{
    const pz_alloc *alloc = *(const pz_alloc *const *)thing;
    pz__mem_free(alloc, thing, 1, sizeof alloc);
}

static pz_status own_blocks(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    pz_status status = PZ_OK;
    for (int i = 0; i < 200 && status == PZ_OK; i++) {
        const pz_alloc **block = pz__mem_new(alloc, 1, sizeof *block);
        status = PZ_ERR_NOMEM;
        if (block) {
            *block = alloc;
            status = pz__arena_own(&arena, drop_block, block) ? PZ_OK : PZ_ERR_NOMEM;
        }
    }
    pz__arena_clear(&arena);
    return status;
}

static void owning_survives_exhaustion(void **state)
{
    (void)state;
    assert_true(oom_run(own_blocks, NULL) > 200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pieces_are_aligned_and_do_not_overlap),
        cmocka_unit_test(work_that_repeats_allocates_nothing_once_warm),
        cmocka_unit_test(return_to_a_mark_gives_the_same_places_again),
        cmocka_unit_test(mark_of_an_empty_arena_returns_to_its_beginning),
        cmocka_unit_test(limit_holds_and_is_reached),
        cmocka_unit_test(one_piece_may_take_exactly_the_limit),
        cmocka_unit_test(impossible_sizes_give_null),
        cmocka_unit_test(zeroed_pieces_are_zero_after_use),
        cmocka_unit_test(exhaustion_leaks_nothing),
        cmocka_unit_test(what_is_owned_goes_newest_first),
        cmocka_unit_test(return_drops_only_what_is_newer_than_the_mark),
        cmocka_unit_test(a_mark_at_the_end_of_a_chunk_keeps_the_next_apart),
        cmocka_unit_test(what_cannot_be_owned_goes_at_once),
        cmocka_unit_test(owning_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
