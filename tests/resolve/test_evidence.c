/*
 * test_evidence.c: cells to decayed weight, seen through the posterior.
 */
#include "resolve/world.h"

#include <string.h>

#include "base/special.h"

static const pz__posterior *posteriors(world *w)
{
    pz__arena_reset(&w->arena);
    const pz__view view = world_view(w);
    pz__posterior *list;
    assert_int_equal(pz__posteriors(&view, &w->attribute, &list), PZ_OK);
    assert_non_null(list);
    return list;
}

static void see(world *w, const char *value, int64_t weight, int64_t at)
{
    world_observe(w, w->attribute.name, pz_value_str(value), weight, w->attribute.width, PZ__FOR,
                  at);
}

static void without_half_life_nothing_fades(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    world_sight(&w, "de", 5, DAY(1) - INT64_C(3000) * 24 * HOUR);
    world_sight(&w, "de", 5, DAY(19));
    assert_true(posteriors(&w)[1].personal == 10.0);
    world_end(&w);
}

static void age_is_counted_in_whole_buckets(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.width = 13; /* 8,192 s */
    const int64_t bucket = INT64_C(8192000);
    w.attribute.half_life_ms = 16 * bucket;
    w.now = (DAY(20) / bucket) * bucket + bucket - 1; /* the last moment of a bucket */
    see(&w, "de", 1024, w.now - bucket + 1);          /* its first */
    assert_true(posteriors(&w)[1].personal == 1.0);
    w.now += 1; /* one bucket on */
    assert_true(posteriors(&w)[1].personal == pz__exp2(-1.0 / 16.0));
    w.now += 15 * bucket;
    assert_true(posteriors(&w)[1].personal == 0.5);
    w.now += bucket - 1;
    assert_true(posteriors(&w)[1].personal == 0.5);
    world_end(&w);
}

static void a_bucket_that_starts_after_now_is_not_used(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    world_sight(&w, "de", 1, DAY(10));
    w.now = DAY(8);
    assert_true(posteriors(&w)[1].personal == 0.0);
    w.now = DAY(10);
    assert_true(posteriors(&w)[1].personal == 1.0);
    world_end(&w);
}

static void retention_ends_a_bucket_by_its_start(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    const int64_t bucket = INT64_C(65536000);
    const int64_t start = DAY(5) / bucket * bucket;
    w.attribute.retention_ms = 3 * 24 * HOUR;
    see(&w, "de", 1024, start + bucket - 1);
    w.now = start + 3 * 24 * HOUR - 1;
    assert_true(posteriors(&w)[1].personal == 1.0);
    w.now++;
    assert_true(posteriors(&w)[1].personal == 0.0);
    world_end(&w);
}

static void saturation_bounds_a_day_per_value_and_side(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.saturation = 4 * 1024;
    world_sight(&w, "de", 9, DAY(10));
    assert_true(posteriors(&w)[1].personal == 4.0);
    world_sight(&w, "de", 3, DAY(12));
    assert_true(posteriors(&w)[1].personal == 7.0);
    world_sight(&w, "fr", 4, DAY(10));
    assert_true(posteriors(&w)[1].personal == 7.0);
    assert_true(posteriors(&w)[3].personal == 4.0);
    const double b = posteriors(&w)[1].b;
    world_sight_against(&w, "de", 9, DAY(10));
    assert_true(posteriors(&w)[1].personal == 7.0);
    assert_true(posteriors(&w)[1].b - b > 3.9999 && posteriors(&w)[1].b - b < 4.0001);
    world_end(&w);
}

static void saturation_goes_over_writers_and_channels(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.saturation = 4 * 1024;
    world_sight(&w, "de", 3, DAY(10));
    w.channel = "app";
    world_sight(&w, "de", 3, DAY(10));
    w.writer = "w2";
    world_sight(&w, "de", 3, DAY(10));
    assert_true(posteriors(&w)[1].personal == 4.0);
    world_end(&w);
}

static void saturation_comes_before_decay(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.width = 12;
    w.attribute.half_life_ms = 16 * INT64_C(4096000);
    w.attribute.saturation = 4 * 1024;
    /* Two buckets of one UTC day, 6 and 2: scaled to 3 and 1, then faded by their own ages. */
    const int64_t early = MARCH + 4 * HOUR, late = MARCH + 20 * HOUR;
    world_sight(&w, "de", 6, early);
    world_sight(&w, "de", 2, late);
    w.now = MARCH + 26 * HOUR;
    const int64_t now_bucket = w.now / 4096000;
    const double expected = 3.0 * pz__exp2(-(double)(now_bucket - early / 4096000) / 16.0) +
                            1.0 * pz__exp2(-(double)(now_bucket - late / 4096000) / 16.0);
    const double got = posteriors(&w)[1].personal;
    assert_true(got > expected - 1e-12 && got < expected + 1e-12);
    world_end(&w);
}

static void values_outside_the_domain_are_dropped(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    world_sight(&w, "it", 30, DAY(10));
    world_sight(&w, "de", 1, DAY(10));
    world_sight(&w, "zz", 30, DAY(10));
    const pz__posterior *p = posteriors(&w);
    assert_true(p[1].personal == 1.0);
    assert_true(p[0].personal == 1.0);
    world_end(&w);
}

static void buckets_of_several_widths_add_up(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    w.attribute.saturation = 5 * 1024;
    world_sight(&w, "de", 3, DAY(10));
    w.attribute.width = 10;
    world_sight(&w, "de", 3, DAY(10) - 24 * HOUR);
    world_sight(&w, "de", 4, DAY(10));
    /* The wide bucket starts on day 9 or 10; all that is sure is that no day exceeds 5. */
    const int64_t start = DAY(10) / 65536000 * 65536000;
    const bool is_same_day = start >= MARCH + 9 * 24 * HOUR;
    assert_true(posteriors(&w)[1].personal == (is_same_day ? 3.0 + 5.0 : 5.0 + 4.0));
    world_end(&w);
}

static void numbers_that_are_equal_share_a_node(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    world_node(&w, 0, pz_value_null());
    world_node(&w, 0, pz_value_int(1));
    world_node(&w, 0, pz_value_int(2));
    world_close_domain(&w);
    w.attribute.saturation = 3 * 1024;
    const pz_value ones[] = {pz_value_int(1), pz_value_uint(1), pz_value_double(1.0)};
    for (size_t i = 0; i < 3; i++)
        for (int side = 0; side < 2; side++)
            world_observe(&w, w.attribute.name, ones[i], 2048, 16, (uint8_t)side, DAY(10));
    assert_true(posteriors(&w)[1].personal == 3.0);
    world_end(&w);
}

/* 300 + 500 + 700 of three spellings of one number, or 1,500 of one: not one bit may differ. */
static void integers_are_added_before_anything_is_rounded(void **state)
{
    (void)state;
    const pz_value ones[] = {pz_value_int(1), pz_value_uint(1), pz_value_double(1.0)};
    for (int hours = 1; hours <= 40; hours++) {
        double personal[2];
        for (int split = 0; split < 2; split++) {
            world w;
            world_plain(&w);
            world_node(&w, 0, pz_value_null());
            world_node(&w, 0, pz_value_int(1));
            world_node(&w, 0, pz_value_int(2));
            world_close_domain(&w);
            w.attribute.half_life_ms = 5 * 24 * HOUR;
            for (int part = 0; part < 3; part++)
                for (int day = 0; day < 2; day++)
                    world_observe(&w, w.attribute.name, ones[split ? part : 0], 300 + 200 * part,
                                  12, PZ__FOR, DAY(10) + hours * HOUR + day * 24 * HOUR);
            personal[split] = posteriors(&w)[1].personal;
            world_end(&w);
        }
        assert_memory_equal(&personal[0], &personal[1], sizeof(double));
    }
}

/* One history, dealt to writers in `parts` ways: not one bit of a posterior may differ. */
static void the_split_over_writers_does_not_show_in_one_bit(void **state)
{
    (void)state;
    static const char *const writers[] = {"a", "b", "c", "d", "e"};
    static const char *const values[] = {"de", "en", "fr"};
    pz__posterior first[4];
    for (unsigned parts = 1; parts <= 5; parts++) {
        world w;
        world_flat(&w);
        w.attribute.width = 12;
        w.attribute.half_life_ms = 7 * 24 * HOUR;
        w.attribute.saturation = 3333;
        for (unsigned i = 0; i < 300; i++) {
            w.writer = writers[(i * 7 + parts) % parts];
            w.channel = i % 3 ? "web" : "app";
            world_observe(&w, w.attribute.name, pz_value_str(values[i * i % 3]), 100 + 37 * i, 12,
                          i % 5 == 0, DAY(2) + i * 83 * 60000);
        }
        const pz__posterior *p = posteriors(&w);
        for (unsigned n = 0; n < 4; n++) {
            if (parts == 1)
                first[n] = p[n];
            assert_memory_equal(&first[n].a, &p[n].a, sizeof(double));
            assert_memory_equal(&first[n].b, &p[n].b, sizeof(double));
            assert_memory_equal(&first[n].above, &p[n].above, sizeof(double));
        }
        world_end(&w);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_half_life_nothing_fades),
        cmocka_unit_test(age_is_counted_in_whole_buckets),
        cmocka_unit_test(a_bucket_that_starts_after_now_is_not_used),
        cmocka_unit_test(retention_ends_a_bucket_by_its_start),
        cmocka_unit_test(saturation_bounds_a_day_per_value_and_side),
        cmocka_unit_test(saturation_goes_over_writers_and_channels),
        cmocka_unit_test(saturation_comes_before_decay),
        cmocka_unit_test(values_outside_the_domain_are_dropped),
        cmocka_unit_test(buckets_of_several_widths_add_up),
        cmocka_unit_test(numbers_that_are_equal_share_a_node),
        cmocka_unit_test(integers_are_added_before_anything_is_rounded),
        cmocka_unit_test(the_split_over_writers_does_not_show_in_one_bit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
