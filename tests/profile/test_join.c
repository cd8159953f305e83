/*
 * test_join.c: law 2. Joining is commutative, associative and idempotent, byte for byte; a join
 * that is broken on purpose shows that these tests can fail.
 */
#include "profile/kit.h"
#include "profile/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static const char *const writers[] = {"a", "b", "c"};

typedef pz_status (*join_fn)(pz__profile *profile, const pz__profile *other);

static pz_status join(pz__profile *profile, const pz__profile *other)
{
    return pz__profile_join(profile, other, NULL);
}

/* The control: the side with more segments wins whole. Idempotent, but nothing else. */
static pz_status broken_join(pz__profile *profile, const pz__profile *other)
{
    if (pz__profile_segment_count(profile) >= pz__profile_segment_count(other))
        return PZ_OK;
    return pz__profile_join(profile, other, NULL);
}

/* Another control: of two segments the one with the greater clock, and else one's own. Whoever
 * wrote an old fact, or an event, wrote without a newer stamp. */
static pz_status clock_join(pz__profile *profile, const pz__profile *other)
{
    for (uint32_t i = 0; i < other->segment_count; i++) {
        const pz__segment *theirs = other->segments[i];
        pz__segment *copy;
        uint32_t index;
        const bool is_there = pz__profile_find(profile, theirs->writer, &index);
        if (is_there && profile->segments[index]->max_stamp >= theirs->max_stamp)
            continue;
        assert_int_equal(pz__segment_copy(&copy, &profile->alloc, theirs), PZ_OK);
        if (is_there) {
            pz__segment_free(profile->segments[index]);
            profile->segments[index] = copy;
        } else {
            pz__profile_insert(profile, index, copy);
        }
    }
    pz__profile_changed(profile, PZ__CHANGED_ALL);
    return PZ_OK;
}

/* A section of a newer version, in the segment of a writer. */
static void add_unknown(pz__profile *profile, const char *writer, const char *bytes)
{
    uint32_t index;
    if (!pz__profile_find(profile, pz_str_of(writer), &index))
        return;
    pz__segment *s = profile->segments[index];
    pz__unknown_section *made = pz__mem_new(&s->alloc, 1, sizeof *made);
    pz__mem_free(&s->alloc, s->unknown, s->unknown_count, sizeof *made);
    made->tag = 200;
    assert_true(pz__segment_keep_text(s, pz_str_of(bytes), &made->bytes));
    s->unknown = made;
    s->unknown_count = 1;
    s->raw = (pz_str){NULL, 0};
    s->sequence++;
    pz__segment_measure(s);
    pz__profile_changed(profile, PZ__CHANGED_ALL);
}

/* Replicas that share a past and were then written to apart, sometimes under one writer (a fork).
 */
static void make_replicas(gen *g, pz__profile *list[3])
{
    list[0] = kit_new(NULL);
    for (uint64_t i = gen_below(g, 6); i > 0; i--)
        kit_random_write(g, list[0], GEN_CHOICE(g, writers));
    list[1] = kit_copy(list[0]);
    list[2] = gen_bool(g) ? kit_copy(list[0]) : kit_new(NULL);
    for (int r = 0; r < 3; r++)
        for (uint64_t i = gen_below(g, 6); i > 0; i--) {
            kit_random_write(g, list[r], GEN_CHOICE(g, writers));
            if (gen_chance(g, 1, 8))
                add_unknown(list[r], GEN_CHOICE(g, writers), gen_bool(g) ? "new" : "newer");
        }
}

static pz__profile *joined(join_fn fn, const pz__profile *a, const pz__profile *b)
{
    pz__profile *made = kit_copy(a);
    assert_int_equal(fn(made, b), PZ_OK);
    return made;
}

/* True if the law holds for these three. */
static bool law_holds(join_fn fn, pz__profile *const list[3])
{
    pz__profile *ab = joined(fn, list[0], list[1]), *ba = joined(fn, list[1], list[0]);
    pz__profile *bc = joined(fn, list[1], list[2]);
    pz__profile *ab_c = joined(fn, ab, list[2]), *a_bc = joined(fn, list[0], bc);
    pz__profile *aa = joined(fn, list[0], list[0]), *abb = joined(fn, ab, list[1]);
    bool holds =
        kit_same(ab, ba) && kit_same(ab_c, a_bc) && kit_same(aa, list[0]) && kit_same(abb, ab);
    pz__profile *all[] = {ab, ba, bc, ab_c, a_bc, aa, abb};
    for (size_t i = 0; i < sizeof all / sizeof all[0]; i++)
        pz__profile_free(all[i]);
    return holds;
}

static void join_is_a_semilattice(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    {
        pz__profile *list[3];
        make_replicas(&g, list);
        assert_true(law_holds(join, list));
        for (int r = 0; r < 3; r++) {
            kit_check(list[r]);
            pz__profile_free(list[r]);
        }
    }
}

/* ---- joined and scrubbed ---- */

static pz_status join_and_scrub(pz__profile *profile, const pz__profile *other)
{
    const pz_status status = pz__profile_join(profile, other, NULL);
    return status == PZ_OK ? pz__profile_scrub(profile, NULL) : status;
}

/* The control: everything that does not count goes, though what it waits for may be on its way. */
static pz_status join_and_purge(pz__profile *profile, const pz__profile *other)
{
    const pz_status status = pz__profile_join(profile, other, NULL);
    for (uint32_t i = 0; i < profile->segment_count && status == PZ_OK; i++) {
        pz__segment *s = profile->segments[i];
        if (!pz__segment_is_stale(profile, s))
            continue;
        pz__segment_purge(profile, s);
        s->raw = (pz_str){NULL, 0};
        pz__profile_changed(profile, PZ__CHANGED_ALL);
    }
    return status;
}

/* Each of three writers at its own replica; they meet, and what they hear of is scrubbed or not. */
static void make_honest_replicas(gen *g, pz__profile *list[3])
{
    for (int r = 0; r < 3; r++)
        list[r] = kit_new(NULL);
    for (uint64_t i = gen_below(g, 30); i > 0; i--) {
        const uint64_t r = gen_below(g, 3);
        if (gen_chance(g, 1, 8))
            kit_random_forget(g, list[r], writers[r]);
        else if (gen_chance(g, 2, 3))
            kit_random_write(g, list[r], writers[r]);
        else
            assert_int_equal(pz__profile_join(list[r], list[gen_below(g, 3)], NULL), PZ_OK);
        if (gen_chance(g, 1, 4))
            assert_int_equal(pz__profile_scrub(list[r], NULL), PZ_OK);
    }
}

static bool is_semilattice(gen *g, join_fn fn)
{
    pz__profile *list[3];
    make_honest_replicas(g, list);
    for (int r = 0; r < 3; r++)
        assert_int_equal(fn(list[r], list[r]), PZ_OK);
    const bool holds = law_holds(fn, list);
    for (int r = 0; r < 3; r++) {
        kit_check(list[r]);
        pz__profile_free(list[r]);
    }
    return holds;
}

static void replicas_that_know_the_same_hold_the_same_bytes(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    {
        assert_true(is_semilattice(&g, join_and_scrub));
    }
}

static void scrubs_that_depend_on_the_order_are_noticed(void **state)
{
    (void)state;
    size_t noticed = 0;
    GEN_CASES(g, 3000)
    {
        noticed += !is_semilattice(&g, join_and_purge);
    }
    assert_true(noticed > 10);
}

static void broken_joins_are_noticed(void **state)
{
    (void)state;
    static const join_fn broken[] = {broken_join, clock_join};
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        size_t noticed = 0;
        GEN_CASES(g, 200)
        {
            pz__profile *list[3];
            make_replicas(&g, list);
            noticed += !law_holds(broken[i], list);
            for (int r = 0; r < 3; r++)
                pz__profile_free(list[r]);
        }
        assert_true(noticed > 25);
    }
}

static void what_is_not_known_survives_writes_and_joins(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *b = kit_new(NULL);
    kit_put(a, "w", PZ__SLOT_CHOICE, "x", "one", KIT_NOW, KIT_NOW);
    add_unknown(a, "w", "from the future");
    const pz__write write = kit_write("w", KIT_NOW);
    const pz__forgetting f = {PZ__STR("*"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_int_equal(pz__profile_forget(a, &write, &f, NULL), PZ_OK);
    kit_put(a, "w", PZ__SLOT_CHOICE, "x", "two", KIT_NOW, KIT_NOW);
    assert_int_equal(pz__profile_join(b, a, NULL), PZ_OK);
    kit_put(b, "w", PZ__SLOT_CHOICE, "x", "three", KIT_NOW, KIT_NOW);
    assert_int_equal(pz__profile_segment(b, 0).unknown_count, 1);
    pz__buf bytes = kit_bytes(b);
    assert_non_null(memmem(bytes.data, bytes.len, "from the future", 15));
    pz__buf_clear(&bytes);
    kit_check(b);
    pz__profile_free(a);
    pz__profile_free(b);
}

static void join_keeps_the_greater_sequence_of_each_writer(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    kit_put(a, "w", PZ__SLOT_CHOICE, "x", "old", KIT_NOW, KIT_NOW);
    pz__profile *b = kit_copy(a);
    kit_put(b, "w", PZ__SLOT_CHOICE, "x", "new", KIT_NOW, KIT_NOW);
    kit_put(a, "v", PZ__SLOT_CHOICE, "y", "else", KIT_NOW, KIT_NOW);
    assert_int_equal(pz__profile_join(a, b, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(a), PZ_OK);
    pz__claims claims = pz__profile_claims(a, PZ__STR("x"));
    assert_int_equal(claims.count, 1);
    assert_memory_equal(claims.list[0].value.as.text, "new", 3);
    assert_int_equal(pz__profile_claims(a, PZ__STR("y")).count, 1);
    pz__profile_free(a);
    pz__profile_free(b);
}

static void a_fork_of_one_writer_ends_the_same_everywhere(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *b = kit_new(NULL);
    kit_put(a, "w", PZ__SLOT_CHOICE, "x", "one", KIT_NOW, KIT_NOW);
    kit_put(b, "w", PZ__SLOT_CHOICE, "x", "two", KIT_NOW, KIT_NOW);
    pz__profile *ab = joined(join, a, b), *ba = joined(join, b, a);
    kit_assert_same(ab, ba);
    assert_true(kit_same(ab, a) || kit_same(ab, b));
    pz__profile *all[] = {a, b, ab, ba};
    for (int i = 0; i < 4; i++)
        pz__profile_free(all[i]);
}

static void profiles_of_two_subjects_do_not_join(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *b, *c;
    assert_int_equal(pz__profile_new(&b, NULL, PZ__PERSON, PZ__STR("bob"), NULL), PZ_OK);
    assert_int_equal(pz__profile_new(&c, NULL, PZ__ACCOUNT, PZ__STR("ann"), NULL), PZ_OK);
    assert_int_equal(pz__profile_join(a, b, NULL), PZ_ERR_SUBJECT);
    assert_int_equal(pz__profile_join(a, c, NULL), PZ_ERR_SUBJECT);
    pz__profile_free(a);
    pz__profile_free(b);
    pz__profile_free(c);
}

static void join_refuses_one_writer_too_many(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *b = kit_new(NULL);
    char name[8];
    for (unsigned i = 0; i < PZ__PROFILE_WRITERS_MAX; i++) {
        snprintf(name, sizeof name, "w%02u", i);
        assert_int_equal(kit_put(a, name, PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW), PZ_OK);
    }
    assert_int_equal(kit_put(a, "w64", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW), PZ_ERR_LIMIT);
    kit_put(b, "w00", PZ__SLOT_CHOICE, "x", "other", KIT_NOW + 1, KIT_NOW + 1);
    assert_int_equal(pz__profile_join(a, b, NULL), PZ_OK);
    kit_put(b, "zz", PZ__SLOT_CHOICE, "x", "v", KIT_NOW, KIT_NOW);
    pz__profile *before = kit_copy(a);
    assert_int_equal(pz__profile_join(a, b, NULL), PZ_ERR_LIMIT);
    kit_assert_same(a, before);
    kit_check(a);
    pz__profile_free(a);
    pz__profile_free(b);
    pz__profile_free(before);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(join_is_a_semilattice),
        cmocka_unit_test(replicas_that_know_the_same_hold_the_same_bytes),
        cmocka_unit_test(scrubs_that_depend_on_the_order_are_noticed),
        cmocka_unit_test(broken_joins_are_noticed),
        cmocka_unit_test(what_is_not_known_survives_writes_and_joins),
        cmocka_unit_test(join_keeps_the_greater_sequence_of_each_writer),
        cmocka_unit_test(a_fork_of_one_writer_ends_the_same_everywhere),
        cmocka_unit_test(profiles_of_two_subjects_do_not_join),
        cmocka_unit_test(join_refuses_one_writer_too_many),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
