/*
 * test_posterior.c: what is certain enough to be said.
 */
#include "resolve/world.h"

#include "base/special.h"

static void assert_near(double got, double expected)
{
    if (!(got > expected - 1e-9 && got < expected + 1e-9))
        fail_msg("got %.12g, expected %.12g", got, expected);
}

static const pz__posterior *posteriors(world *w)
{
    pz__arena_reset(&w->arena);
    const pz__view view = world_view(w);
    pz__posterior *list;
    assert_int_equal(pz__posteriors(&view, &w->attribute, &list), PZ_OK);
    return list;
}

static void a_flat_domain_follows_the_formula(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    world_sight(&w, "de", 10, DAY(10));
    world_sight(&w, "fr", 3, DAY(10));
    world_sight_against(&w, "de", 2, DAY(10));
    const pz__posterior *p = posteriors(&w);
    assert_near(p[1].a, 2.0 / 3 + 10);
    assert_near(p[1].b, 2.0 * 2 / 3 + 3 + 2);
    assert_near(p[2].a, 2.0 / 3);
    assert_near(p[2].b, 2.0 * 2 / 3 + 13);
    assert_near(p[3].a, 2.0 / 3 + 3);
    assert_near(p[3].b, 2.0 * 2 / 3 + 10);
    assert_true(p[1].above == pz__beta_above(p[1].a, p[1].b, 0.75));
    world_end(&w);
}

/* Sights: roses 4, tools 3, garden itself 5, lamps 2, home itself 1; against: garden 6, roses 7. */
static void a_tree_follows_the_formula(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_sight(&w, "roses", 4, DAY(10));
    world_sight(&w, "tools", 3, DAY(10));
    world_sight(&w, "garden", 5, DAY(10));
    world_sight(&w, "lamps", 2, DAY(10));
    world_sight(&w, "home", 1, DAY(10));
    world_sight_against(&w, "garden", 6, DAY(10));
    world_sight_against(&w, "roses", 7, DAY(10));
    const pz__posterior *p = posteriors(&w);
    assert_near(p[1].a, 1.0 + 12); /* garden: its subtree */
    assert_near(p[1].b, 1.0 + 3 + 6);
    assert_near(p[2].a, 0.5 + 4);             /* roses */
    assert_near(p[2].b, 1.5 + 3 + 3 + 6 + 7); /* tools and home; not garden's own sights */
    assert_near(p[4].a, 1.0 + 3);             /* home */
    assert_near(p[4].b, 1.0 + 12);
    assert_near(p[6].a, 0.5); /* sofas */
    assert_near(p[6].b, 1.5 + 12 + 2);
    assert_near(p[0].b, 0.0);
    assert_false(p[0].is_certain);
    world_end(&w);
}

static void confidence_is_the_expected_share_to_a_65536th(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    world_sight(&w, "de", 15, DAY(10));
    assert_int_equal(world_ask(&w).confidence, 60396); /* (15 + 2/3) / 17 */
    world_sight(&w, "de", 15, DAY(11));
    world_sight_against(&w, "de", 2, DAY(10));
    assert_int_equal(world_ask(&w).confidence, 59111); /* (30 + 2/3) / 34 */
    world_end(&w);
}

/* The table of docs/preferences.md. */
static void twelve_agreeing_sights_are_needed_for_three_quarters(void **state)
{
    (void)state;
    int needed = 0;
    for (int n = 1; n <= 30 && needed == 0; n++) {
        world w;
        world_flat(&w);
        world_sight(&w, "de", n, DAY(10));
        if (world_ask(&w).tier == PZ__TIER_INFERRED)
            needed = n;
        world_end(&w);
    }
    assert_int_equal(needed, 12);
}

static void evidence_for_two_values_is_vague_rather_than_wrong(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    world_sight(&w, "de", 300, DAY(10));
    world_sight(&w, "fr", 300, DAY(11));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

static void two_leaves_make_their_parent_certain(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_sight(&w, "roses", 10, DAY(10));
    world_sight(&w, "tools", 10, DAY(10));
    assert_string_equal(world_answer(&w), "garden INFERRED INFERRED");
    assert_int_equal(world_ask(&w).confidence, 62557); /* 21 / 22 */
    world_end(&w);
}

static void evidence_on_a_parent_neither_makes_nor_harms_its_child(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_sight(&w, "garden", 40, DAY(10));
    assert_string_equal(world_answer(&w), "garden INFERRED INFERRED");
    world_sight(&w, "roses", 20, DAY(11));
    assert_string_equal(world_answer(&w), "roses INFERRED INFERRED");
    world_end(&w);
}

static void min_evidence_is_about_personal_weight(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.strength = 50.0;
    w.nodes[1].share = 0.96;
    w.nodes[2].share = w.nodes[3].share = 0.02;
    world_sight(&w, "de", 2, DAY(10));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_sight(&w, "de", 1, DAY(10));
    assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    assert_int_equal(world_ask(&w).evidence, 3 * 1024);
    world_end(&w);
}

static void a_share_of_nothing_never_asserts_and_of_all_always(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.is_group = true;
    w.attribute.min_evidence = 0;
    w.nodes[1].share = 1.0;
    w.nodes[2].share = w.nodes[3].share = 0.0;
    const pz__posterior *p = posteriors(&w);
    assert_true(p[1].above == 1.0 && p[1].is_certain);
    assert_true(p[2].above == 0.0 && !p[2].is_certain);
    assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    assert_int_equal(world_ask(&w).confidence, 65536);
    w.attribute.strength = 0.0;
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

/* The asserted node is the posterior that says is_certain; the cheap test never overrules it. */
static void the_verdict_is_that_of_the_incomplete_beta(void **state)
{
    (void)state;
    unsigned certain = 0, uncertain = 0;
    for (int threshold = 51; threshold < 100; threshold += 4) {
        for (int n = 0; n <= 60; n += 3) {
            for (int other = 0; other < 8; other += 2) {
                world w;
                world_flat(&w);
                w.attribute.threshold = threshold / 100.0;
                if (n)
                    world_observe(&w, w.attribute.name, pz_value_str("de"), n * 1024, 16, PZ__FOR,
                                  DAY(10));
                if (other)
                    world_observe(&w, w.attribute.name, pz_value_str("fr"), other * 1024, 16,
                                  PZ__FOR, DAY(10));
                const double a = 2.0 / 3 + n, b = 4.0 / 3 + other;
                const bool expected = n >= 3 && pz__beta_above(a, b, w.attribute.threshold) >= 0.95;
                const pz__resolution answer = world_ask(&w);
                assert_int_equal(pz_value_equal(answer.value, pz_value_str("de")), expected);
                certain += expected;
                uncertain += !expected;
                world_end(&w);
            }
        }
    }
    assert_true(certain > 50 && uncertain > 50);
}

static void an_attribute_without_domain_has_no_posterior(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    w.attribute.threshold = 0.75;
    world_sight(&w, "anything", 30, DAY(10));
    assert_null(posteriors(&w));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_flat_domain_follows_the_formula),
        cmocka_unit_test(a_tree_follows_the_formula),
        cmocka_unit_test(confidence_is_the_expected_share_to_a_65536th),
        cmocka_unit_test(twelve_agreeing_sights_are_needed_for_three_quarters),
        cmocka_unit_test(evidence_for_two_values_is_vague_rather_than_wrong),
        cmocka_unit_test(two_leaves_make_their_parent_certain),
        cmocka_unit_test(evidence_on_a_parent_neither_makes_nor_harms_its_child),
        cmocka_unit_test(min_evidence_is_about_personal_weight),
        cmocka_unit_test(a_share_of_nothing_never_asserts_and_of_all_always),
        cmocka_unit_test(the_verdict_is_that_of_the_incomplete_beta),
        cmocka_unit_test(an_attribute_without_domain_has_no_posterior),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
