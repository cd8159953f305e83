/*
 * test_inspect.c: every layer and its fate, and the counters that rules ask.
 */
#include "resolve/world.h"

#include <stdio.h>

static void world_with_default(world *w)
{
    world_flat(w);
    w->attribute.has_default = true;
    w->attribute.default_value = pz_value_str("en");
}

static void layers_come_strongest_first_with_their_fates(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    w.attribute.has_recommended = true;
    w.attribute.recommended = pz_value_str("de");
    world_declare(&w, "fr", DAY(2));
    world_choose(&w, "de", DAY(3));
    assert_string_equal(world_layers(&w),
                        "CHOICE de USED, DECLARED fr SHADOWED, RECOMMENDED de SHADOWED, "
                        "DEFAULT en SHADOWED");
    world_end(&w);
}

static void an_attribute_without_anything_has_no_layer(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    assert_string_equal(world_layers(&w), "");
    world_end(&w);
}

static void evidence_and_group_are_layers_of_their_own(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    w.attribute.is_group = true;
    world_sight(&w, "de", 30, DAY(10));
    assert_string_equal(world_layers(&w),
                        "INFERRED de USED, GROUP de SHADOWED, DEFAULT en SHADOWED");
    world_end(&w);
}

static void uncertain_evidence_is_no_layer_but_an_uncertain_claim_is(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_sight(&w, "de", 4, DAY(10));
    world_infer(&w, "fr", 0.5, DAY(3));
    assert_string_equal(world_layers(&w), "INFERRED fr UNCERTAIN, DEFAULT en USED");
    world_end(&w);
}

static void claims_of_hosts_stand_by_confidence_evidence_first_then_newest(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_sight(&w, "de", 40, DAY(10));
    const double confidence = world_ask(&w).confidence / 65536.0;
    static const char *const channels[] = {"a", "b", "c", "d"};
    static const char *const values[] = {"fr", "en", "fr", "en"};
    const double stated[] = {confidence, 0.99, 0.8, 0.8};
    for (int i = 0; i < 4; i++) {
        w.channel = channels[i];
        world_infer(&w, values[i], stated[i], DAY(11 + i));
    }
    assert_string_equal(world_layers(&w),
                        "INFERRED en USED, INFERRED de SHADOWED, INFERRED fr SHADOWED, "
                        "INFERRED en SHADOWED, INFERRED fr SHADOWED, DEFAULT en SHADOWED");
    world_end(&w);
}

static void the_first_reason_that_holds_is_told(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_declare(&w, "fr", DAY(2));
    w.expires = DAY(5);
    world_choose(&w, "de", DAY(3));
    w.expires = 0;
    world_reject(&w, "de", DAY(4));
    world_infer(&w, "fr", 0.2, DAY(4));
    world_mode(&w, "MANUAL", DAY(4));
    assert_string_equal(world_layers(&w), "CHOICE de EXPIRED, DECLARED fr MODE, "
                                          "INFERRED fr UNCERTAIN, DEFAULT en USED");
    w.now = DAY(3) - 1;
    assert_string_equal(world_layers(&w), "CHOICE de FUTURE, DECLARED fr MODE, INFERRED fr FUTURE, "
                                          "DEFAULT en USED");
    world_end(&w);
}

static void a_claim_that_was_taken_back_is_no_layer(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_choose(&w, "de", DAY(2));
    world_clear(&w, DAY(3));
    world_declare(&w, NULL, DAY(3));
    world_infer(&w, NULL, 0.0, DAY(3));
    assert_string_equal(world_layers(&w), "DEFAULT en USED");
    world_end(&w);
}

static void a_list_of_many_layers_is_complete(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    char channel[16];
    w.channel = channel;
    for (int i = 0; i < 100; i++) {
        snprintf(channel, sizeof channel, "channel%d", (i * 37) % 100);
        world_infer(&w, "fr", 0.5 + (i * 61 % 100) / 1000.0, DAY(4) + i);
    }
    const pz__view view = world_view(&w);
    const pz__layer *layers;
    uint32_t count;
    assert_int_equal(pz__inspect(&view, &w.attribute, NULL, &layers, &count), PZ_OK);
    assert_int_equal(count, 101);
    for (uint32_t i = 1; i < 100; i++)
        assert_true(layers[i - 1].answer.confidence >= layers[i].answer.confidence);
    world_end(&w);
}

/* ---- counters ---- */

#define NAME PZ__STR("count(purchase)")

static const pz__counter counter = {
    .name = {"count(purchase)", 15}, .kind = {"purchase", 8}, .scale = 1, .width = 12};

static int64_t total(world *w, int64_t window_ms, bool *known)
{
    const pz__view view = world_view(w);
    int64_t sum;
    pz__counter_total(&view, &counter, window_ms, &sum, known);
    return sum;
}

static void purchase(world *w, int64_t weight, int64_t at)
{
    world_observe(w, NAME, pz_value_null(), weight, counter.width, PZ__FOR, at);
}

static void a_window_counts_whole_buckets_the_current_one_included(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    const int64_t bucket = INT64_C(4096000);
    w.now = DAY(20) / bucket * bucket + 1000;
    purchase(&w, 1, w.now - 1000);
    purchase(&w, 2, w.now + 2000); /* the same bucket: it is not told apart */
    purchase(&w, 4, w.now - 20 * bucket);
    purchase(&w, 8, w.now - 20 * bucket - 1001);
    purchase(&w, 16, w.now + bucket);
    bool known;
    assert_int_equal(total(&w, 20 * bucket, &known), 7);
    assert_int_equal(total(&w, 20 * bucket + 1001, &known), 15);
    assert_int_equal(total(&w, 0, &known), 15);
    assert_int_equal(total(&w, INT64_MAX, &known), 15);
    world_end(&w);
}

static void sums_saturate_once_at_the_end(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    bool known;
    w.writer = "a";
    purchase(&w, INT64_MAX, DAY(3));
    w.writer = "b";
    purchase(&w, INT64_MAX, DAY(3));
    assert_true(total(&w, 0, &known) == INT64_MAX);
    w.writer = "c";
    purchase(&w, INT64_MIN, DAY(3));
    assert_true(total(&w, 0, &known) == INT64_MAX - 1);
    w.writer = "d";
    purchase(&w, INT64_MIN, DAY(3));
    assert_true(total(&w, 0, &known) == -2);
    w.writer = "e";
    purchase(&w, INT64_MIN, DAY(3));
    assert_true(total(&w, 0, &known) == INT64_MIN);
    world_end(&w);
}

static void a_window_before_the_counter_was_kept_is_unknown(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    bool known;
    const pz_str name = NAME;
    assert_int_equal(total(&w, 0, &known), 0);
    assert_true(known); /* nothing ever happened to an empty profile */
    world_sight(&w, "de", 1, DAY(5));
    total(&w, 24 * HOUR, &known);
    assert_false(known); /* a segment that never kept it */
    assert_int_equal(pz__profile_keep_counters(w.person, PZ__STR("w1"), &name, 1, DAY(10), NULL),
                     PZ_OK);
    w.now = DAY(12);
    total(&w, 2 * 24 * HOUR, &known);
    assert_true(known);
    total(&w, 2 * 24 * HOUR + 1, &known);
    assert_false(known);
    total(&w, 0, &known);
    assert_false(known);
    world_end(&w);
}

static void counts_of_nobody_are_unknown(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    const pz__view view = {.catalog = &w.catalog, .now_ms = w.now, .arena = &w.arena};
    int64_t sum = 7;
    bool known = true;
    pz__counter_total(&view, &counter, 0, &sum, &known);
    assert_false(known);
    assert_int_equal(sum, 0);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(layers_come_strongest_first_with_their_fates),
        cmocka_unit_test(an_attribute_without_anything_has_no_layer),
        cmocka_unit_test(evidence_and_group_are_layers_of_their_own),
        cmocka_unit_test(uncertain_evidence_is_no_layer_but_an_uncertain_claim_is),
        cmocka_unit_test(claims_of_hosts_stand_by_confidence_evidence_first_then_newest),
        cmocka_unit_test(the_first_reason_that_holds_is_told),
        cmocka_unit_test(a_claim_that_was_taken_back_is_no_layer),
        cmocka_unit_test(a_list_of_many_layers_is_complete),
        cmocka_unit_test(a_window_counts_whole_buckets_the_current_one_included),
        cmocka_unit_test(sums_saturate_once_at_the_end),
        cmocka_unit_test(a_window_before_the_counter_was_kept_is_unknown),
        cmocka_unit_test(counts_of_nobody_are_unknown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
