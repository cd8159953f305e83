/*
 * test_peek.c: a profile read where its bytes lie answers as one that was decoded, and bytes that
 * come from anywhere do no harm.
 */
#include "profile/kit.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const attributes[] = {"language", "colour", "category", "",  "zone",
                                         "x",        "nobody", "count(a)", "*", "sum(b)"};

static void assert_text(pz_str a, pz_str b)
{
    assert_true(pz__str_equal(a, b));
}

static void assert_claims(pz__claims a, pz__claims b)
{
    assert_int_equal(a.count, b.count);
    for (uint32_t i = 0; i < a.count; i++) {
        const pz__claim *x = &a.list[i], *y = &b.list[i];
        assert_text(x->attribute, y->attribute);
        assert_text(x->part, y->part);
        assert_int_equal(pz_value_compare(x->value, y->value), 0);
        assert_text(x->channel, y->channel);
        assert_text(x->who, y->who);
        assert_text(x->writer, y->writer);
        assert_int_equal(x->at_ms, y->at_ms);
        assert_int_equal(x->stamp, y->stamp);
        assert_int_equal(x->expires_ms, y->expires_ms);
        assert_true(x->confidence == y->confidence);
        assert_int_equal(x->slot, y->slot);
        assert_int_equal(x->is_cleared, y->is_cleared);
    }
}

static void assert_cells(pz__cells a, pz__cells b)
{
    assert_int_equal(a.count, b.count);
    for (uint32_t i = 0; i < a.count; i++) {
        const pz__cell *x = &a.list[i], *y = &b.list[i];
        assert_text(x->attribute, y->attribute);
        assert_text(x->channel, y->channel);
        assert_int_equal(pz_value_compare(x->value, y->value), 0);
        assert_int_equal(x->weight, y->weight);
        assert_int_equal(x->bucket, y->bucket);
        assert_int_equal(x->width, y->width);
        assert_int_equal(x->side, y->side);
        assert_int_equal(x->epoch.counter, y->epoch.counter);
        assert_text(x->epoch.writer, y->epoch.writer);
    }
}

static void assert_grants(const pz__profile *a, const pz__profile *b, pz__grant_kind kind)
{
    const pz__grants x = pz__profile_grants(a, kind), y = pz__profile_grants(b, kind);
    assert_int_equal(x.count, y.count);
    for (uint32_t i = 0; i < x.count; i++) {
        assert_text(x.list[i].name, y.list[i].name);
        assert_int_equal(x.list[i].is_granted, y.list[i].is_granted);
        assert_int_equal(x.list[i].is_denied, y.list[i].is_denied);
        assert_int_equal(x.list[i].stamp, y.list[i].stamp);
    }
}

/* Every question about both, and the same answers. */
static void assert_alike(const pz__profile *decoded, const pz__profile *peeked)
{
    const pz__person a = {&decoded, 1}, b = {&peeked, 1};
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        const pz_str name = pz_str_of(attributes[i]);
        pz__claims x, y;
        pz__cells v, w;
        assert_int_equal(pz__person_claims(&a, name, &arena, &x), PZ_OK);
        assert_int_equal(pz__person_claims(&b, name, &arena, &y), PZ_OK);
        assert_claims(x, y);
        assert_int_equal(pz__person_cells(&a, name, &arena, &v), PZ_OK);
        assert_int_equal(pz__person_cells(&b, name, &arena, &w), PZ_OK);
        assert_cells(v, w);
        assert_int_equal(pz__person_counter_since(&a, name), pz__person_counter_since(&b, name));
    }
    assert_grants(decoded, peeked, PZ__GRANT_PURPOSE);
    assert_grants(decoded, peeked, PZ__GRANT_LINK);
    assert_text(pz__profile_subject(decoded), pz__profile_subject(peeked));
    assert_int_equal(pz__profile_kind(decoded), pz__profile_kind(peeked));
    pz__arena_clear(&arena);
}

static pz__profile *random_profile(gen *g)
{
    static const char *const writers[] = {"a", "bb", "c"};
    pz__profile *p = kit_new(NULL);
    for (uint64_t i = gen_below(g, 20); i > 0; i--)
        kit_random_write(g, p, GEN_CHOICE(g, writers));
    /* Written without knowing what the others forget and take back, then joined. */
    pz__profile *q = kit_copy(p);
    for (uint64_t i = gen_below(g, 5); i > 0; i--)
        kit_random_write(g, p, "a");
    for (uint64_t i = gen_below(g, 5); i > 0; i--)
        kit_random_write(g, q, "bb");
    assert_int_equal(pz__profile_join(p, q, NULL), PZ_OK);
    pz__profile_free(q);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    return p;
}

static void bytes_answer_as_the_profile_does(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    GEN_CASES(g, gen_cases_full(3000, 200000))
    {
        pz__profile *p = random_profile(&g);
        pz__buf bytes = kit_bytes(p);
        const pz__profile *peeked;
        assert_int_equal(pz__profile_peek(&peeked, &arena, bytes.data, bytes.len, NULL), PZ_OK);
        assert_alike(p, peeked);
        pz__buf again = kit_bytes(peeked);
        assert_int_equal(again.len, bytes.len);
        assert_memory_equal(again.data, bytes.data, bytes.len);
        pz__digest x, y;
        assert_int_equal(pz__profile_digest(p, &x), PZ_OK);
        assert_int_equal(pz__profile_digest(peeked, &y), PZ_OK);
        assert_memory_equal(&x, &y, sizeof x);
        pz__buf_clear(&again);
        pz__buf_clear(&bytes);
        pz__profile_free(p);
        pz__arena_reset(&arena);
    }
    pz__arena_clear(&arena);
}

/* Ask everything, whatever the bytes are. True if nothing was refused. */
static bool answers(const void *bytes, size_t len, pz__arena *arena)
{
    const pz__profile *peeked;
    if (pz__profile_peek(&peeked, arena, bytes, len, NULL) != PZ_OK)
        return false;
    const pz__person person = {&peeked, 1};
    bool is_well = true;
    for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
        pz__claims claims;
        pz__cells cells;
        const pz_str name = pz_str_of(attributes[i]);
        is_well &= pz__person_claims(&person, name, arena, &claims) == PZ_OK;
        is_well &= pz__person_cells(&person, name, arena, &cells) == PZ_OK;
        pz__person_counter_since(&person, name);
    }
    return is_well;
}

static void damaged_bytes_do_no_harm(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    size_t tried = 0, answered = 0;
    GEN_CASES(g, gen_cases_full(2000, 200000))
    {
        pz__profile *p = random_profile(&g);
        pz__buf bytes = kit_bytes(p);
        for (int i = 0; i < 8; i++, tried++) {
            const size_t at = (size_t)gen_below(&g, bytes.len);
            const char old = bytes.data[at];
            bytes.data[at] = (char)(gen_bool(&g) ? old + 1 : (int)gen_below(&g, 256));
            const bool is_well = answers(bytes.data, bytes.len, &arena);
            answered += is_well;
            pz__profile *q;
            if (pz__profile_decode(&q, NULL, bytes.data, bytes.len, NULL) == PZ_OK) {
                assert_true(is_well);
                pz__profile_free(q);
            }
            bytes.data[at] = old;
            assert_false(answers(bytes.data, (size_t)gen_below(&g, bytes.len), &arena));
            pz__arena_reset(&arena);
        }
        pz__buf_clear(&bytes);
        pz__profile_free(p);
    }
    if (tried > 1000) /* the test means something only if both happen */
        assert_in_range(answered, tried / 50, tried - tried / 50);
    pz__arena_clear(&arena);
}

static void an_arena_that_is_full_says_so(void **state)
{
    (void)state;
    gen g = gen_from(7);
    pz__profile *p = random_profile(&g);
    pz__buf bytes = kit_bytes(p);
    bool has_failed = false, is_well = false;
    for (size_t limit = 256; !is_well; limit += 512) {
        pz__arena arena;
        pz__arena_init(&arena, NULL, limit);
        is_well = answers(bytes.data, bytes.len, &arena);
        has_failed |= !is_well;
        pz__arena_clear(&arena);
    }
    assert_true(has_failed);
    pz__buf_clear(&bytes);
    pz__profile_free(p);
}

static void several_members_in_both_forms_are_one_person(void **state)
{
    (void)state;
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    GEN_CASES(g, gen_cases(300))
    {
        pz__profile *p = random_profile(&g), *q = random_profile(&g);
        pz__buf bytes = kit_bytes(q);
        const pz__profile *peeked;
        assert_int_equal(pz__profile_peek(&peeked, &arena, bytes.data, bytes.len, NULL), PZ_OK);
        const pz__profile *decoded[] = {p, q}, *mixed[] = {p, peeked};
        const pz__person a = {decoded, 2}, b = {mixed, 2};
        for (size_t i = 0; i < sizeof attributes / sizeof attributes[0]; i++) {
            pz__claims x, y;
            pz__cells v, w;
            const pz_str name = pz_str_of(attributes[i]);
            assert_int_equal(pz__person_claims(&a, name, &arena, &x), PZ_OK);
            assert_int_equal(pz__person_claims(&b, name, &arena, &y), PZ_OK);
            assert_claims(x, y);
            assert_int_equal(pz__person_cells(&a, name, &arena, &v), PZ_OK);
            assert_int_equal(pz__person_cells(&b, name, &arena, &w), PZ_OK);
            assert_cells(v, w);
        }
        pz__buf_clear(&bytes);
        pz__profile_free(p);
        pz__profile_free(q);
        pz__arena_reset(&arena);
    }
    pz__arena_clear(&arena);
}

static void forget_span(pz__profile *p, const char *writer, const char *attribute, int64_t from_ms,
                        int64_t to_ms)
{
    const pz__write write = kit_write(writer, KIT_NOW);
    const pz__forgetting f = {pz_str_of(attribute), from_ms, to_ms, PZ__FORGET_GATHERED};
    assert_int_equal(pz__profile_forget(p, &write, &f, NULL), PZ_OK);
}

/* So many cells and forgettings that the cover is laid out in place as well. */
static void what_many_forgettings_cover_is_left_out_in_place(void **state)
{
    (void)state;
    const int64_t span = INT64_C(1000) << 16;
    gen g = gen_from(11);
    pz__profile *p = kit_new(NULL);
    for (int i = 0; i < 200; i++) {
        char id[16];
        snprintf(id, sizeof id, "event-%d", i);
        assert_int_equal(kit_observe(p, i % 2 ? "a" : "bb", id, "garden", 1024, KIT_NOW - i * span,
                                     KIT_NOW, 400 * span, NULL),
                         PZ_OK);
    }
    pz__profile *q = kit_new(NULL);
    for (int i = 0; i < 100; i++) {
        const int64_t from = KIT_NOW - gen_range(&g, 0, 400) * span / 2;
        forget_span(q, "c", i % 4 ? "category" : "*", from, from + gen_range(&g, 1, 3));
    }
    assert_int_equal(pz__profile_join(p, q, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const uint32_t left = pz__profile_cells(p, PZ__STR("category")).count;
    assert_in_range(left, 64, 180); /* some fell, some stand */
    pz__buf bytes = kit_bytes(p);
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    const pz__profile *peeked;
    assert_int_equal(pz__profile_peek(&peeked, &arena, bytes.data, bytes.len, NULL), PZ_OK);
    assert_alike(p, peeked);
    pz__arena_clear(&arena);
    pz__buf_clear(&bytes);
    pz__profile_free(p);
    pz__profile_free(q);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bytes_answer_as_the_profile_does),
        cmocka_unit_test(damaged_bytes_do_no_harm),
        cmocka_unit_test(an_arena_that_is_full_says_so),
        cmocka_unit_test(several_members_in_both_forms_are_one_person),
        cmocka_unit_test(what_many_forgettings_cover_is_left_out_in_place),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
