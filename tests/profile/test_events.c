/*
 * test_events.c: law 10. What a segment holds of its events is a function of their set. Then what
 * is refused, what is forgotten, and what a full segment does.
 */
#include "profile/kit.h"
#include "profile/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define LOG_MAX 24
#define HORIZON (2 * KIT_DAY)

typedef struct logged {
    char id[16];
    const char *value;
    int64_t weight, time_ms;
    uint8_t width, side;
} logged;

typedef pz_status (*take_fn)(pz__profile *p, const logged *e);

static pz_status take(pz__profile *p, const logged *e)
{
    static const pz_str counters[] = {{"count(a)", 8}, {"count(b)", 8}};
    pz__write write = kit_write("w", e->time_ms);
    write.now_ms = KIT_NOW;
    pz__contribution c[2] = {{.attribute = PZ__STR("category"),
                              .channel = PZ__STR("web"),
                              .value = pz_value_str(e->value),
                              .weight = e->weight,
                              .width = e->width,
                              .side = e->side},
                             {.attribute = PZ__STR("count(a)"), .weight = 1, .width = 12}};
    pz__observation o = {.source = PZ__STR("shop"),
                         .id = pz_str_of(e->id),
                         .time_ms = e->time_ms,
                         .horizon_ms = HORIZON,
                         .contributions = c,
                         .contribution_count = 2,
                         .counters = counters,
                         .counter_count = 2};
    bool is_new;
    return pz__profile_observe(p, &write, &o, &is_new, NULL);
}

/* The control: repeats get a new id each time, so they count again. */
static pz_status take_always(pz__profile *p, const logged *e)
{
    logged other = *e;
    snprintf(other.id, sizeof other.id, "n%u",
             (unsigned)pz__profile_segment_count(p) * 1000 +
                 (pz__profile_segment_count(p) ? (unsigned)pz__profile_segment(p, 0).sequence : 0));
    return take(p, &other);
}

static uint32_t make_log(gen *g, logged *log)
{
    static const char *const values[] = {"roses", "tools", "home"};
    uint32_t count = (uint32_t)gen_range(g, 1, LOG_MAX);
    for (uint32_t i = 0; i < count; i++) {
        log[i] = (logged){.value = GEN_CHOICE(g, values),
                          .time_ms = KIT_NOW - gen_range(g, 0, HORIZON),
                          .width = (uint8_t)gen_range(g, 10, 17),
                          .side = gen_bool(g)};
        log[i].weight = gen_chance(g, 1, 4) ? gen_i64(g) : gen_range(g, -5000, 5000);
        log[i].weight += log[i].weight == 0;
        snprintf(log[i].id, sizeof log[i].id, "e%u", i);
    }
    return count;
}

/* True if the log gives the same bytes in another order and with repeats. */
static bool law_holds(gen *g, take_fn fn)
{
    logged log[LOG_MAX], again[2 * LOG_MAX];
    uint32_t count = make_log(g, log), repeats = (uint32_t)gen_below(g, count + 1);
    memcpy(again, log, count * sizeof *log);
    for (uint32_t i = 0; i < repeats; i++)
        again[count + i] = log[gen_below(g, count)];
    gen_shuffle(g, again, count + repeats, sizeof *again);

    /* Some older past, of which the log makes the segment forget a part. */
    pz__profile *a = kit_new(NULL);
    for (int i = 0; i < 3; i++) {
        logged old = {.value = "old",
                      .weight = 7,
                      .width = 12,
                      .time_ms = KIT_NOW - HORIZON - gen_range(g, 0, HORIZON)};
        snprintf(old.id, sizeof old.id, "old%d", i);
        pz__write write = kit_write("w", old.time_ms);
        pz__observation o = {.source = PZ__STR("shop"),
                             .id = pz_str_of(old.id),
                             .time_ms = old.time_ms,
                             .horizon_ms = HORIZON};
        bool is_new;
        pz__profile_observe(a, &write, &o, &is_new, NULL);
    }
    pz__profile *b = kit_copy(a);
    for (uint32_t i = 0; i < count; i++)
        assert_int_equal(fn(a, &log[i]), PZ_OK);
    for (uint32_t i = 0; i < count + repeats; i++)
        assert_int_equal(fn(b, &again[i]), PZ_OK);
    bool holds = kit_same(a, b);
    pz__profile_free(a);
    pz__profile_free(b);
    return holds;
}

static void order_and_repetition_leave_no_trace(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases(2000))
    assert_true(law_holds(&g, take));
}

static void counting_repeats_is_noticed(void **state)
{
    (void)state;
    size_t noticed = 0;
    GEN_CASES(g, 200)
    noticed += !law_holds(&g, take_always);
    assert_true(noticed > 100);
}

/* Kept open, ids are found through the index; reopened all the time, by scanning. */
static void keeping_open_and_reopening_agree(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(20, 1000))
    {
        pz__profile *open = kit_new(NULL), *reopened = kit_new(NULL);
        char id[16];
        for (int i = 0; i < 600; i++) {
            int64_t now_ms = KIT_NOW + i * (KIT_DAY / 50);
            snprintf(id, sizeof id, "e%u", (unsigned)gen_below(&g, 300));
            int64_t time_ms = now_ms - gen_range(&g, 0, HORIZON + KIT_DAY / 10);
            bool is_new, is_new_too;
            pz_status status =
                kit_observe(open, "w", id, "v", 1, time_ms, now_ms, HORIZON, &is_new);
            assert_int_equal(
                kit_observe(reopened, "w", id, "v", 1, time_ms, now_ms, HORIZON, &is_new_too),
                status);
            assert_int_equal(is_new, is_new_too);
            if (i % 3 == 0) {
                pz__profile *copy = kit_copy(reopened);
                pz__profile_free(reopened);
                reopened = copy;
            }
        }
        kit_assert_same(open, reopened);
        pz__profile_free(open);
        pz__profile_free(reopened);
    }
}

static void an_event_is_taken_once(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    bool is_new;
    assert_int_equal(kit_observe(p, "w", "e", "v", 5, KIT_NOW, KIT_NOW, HORIZON, &is_new), PZ_OK);
    assert_true(is_new);
    pz__profile *before = kit_copy(p);
    assert_int_equal(kit_observe(p, "w", "e", "v", 5, KIT_NOW, KIT_NOW + 5, HORIZON, &is_new), 0);
    assert_false(is_new);
    kit_assert_same(p, before);
    assert_int_equal(kit_observe(p, "w", "f", "v", 5, KIT_NOW, KIT_NOW, HORIZON, &is_new), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    pz__cells cells = pz__profile_cells(p, PZ__STR("category"));
    assert_int_equal(cells.count, 1);
    assert_int_equal(cells.list[0].weight, 10);
    assert_int_equal(cells.list[0].bucket, KIT_NOW / 1000 / 65536);
    pz__profile_free(p);
    pz__profile_free(before);
}

static void late_is_before_the_horizon_of_now_or_the_newest_event(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    int64_t edge = KIT_NOW - HORIZON;
    assert_int_equal(kit_observe(p, "w", "a", "v", 1, edge - 1, KIT_NOW, HORIZON, NULL),
                     PZ_ERR_LATE);
    assert_int_equal(pz__profile_segment_count(p), 0);
    assert_int_equal(kit_observe(p, "w", "b", "v", 1, edge, KIT_NOW, HORIZON, NULL), PZ_OK);
    assert_int_equal(kit_observe(p, "w", "c", "v", 1, KIT_NOW, KIT_NOW, HORIZON, NULL), PZ_OK);
    /* The clock went back, the newest event did not. */
    assert_int_equal(kit_observe(p, "w", "d", "v", 1, edge - 1, edge, HORIZON, NULL), PZ_ERR_LATE);
    /* Another writer has seen nothing yet. */
    assert_int_equal(kit_observe(p, "x", "d", "v", 1, edge - 1, edge, HORIZON, NULL), PZ_OK);
    /* Forgotten ids raise the floor: a longer horizon does not bring them back. */
    assert_int_equal(kit_observe(p, "w", "e", "v", 1, KIT_NOW + 1, KIT_NOW + 1, HORIZON, NULL), 0);
    assert_int_equal(pz__profile_segment(p, 0).event_count, 2);
    assert_int_equal(kit_observe(p, "w", "b", "v", 1, edge, KIT_NOW, 9 * HORIZON, NULL),
                     PZ_ERR_LATE);
    assert_int_equal(kit_observe(p, "w", "b2", "v", 1, edge + 1, KIT_NOW, 9 * HORIZON, NULL),
                     PZ_OK);
    pz__profile_free(p);
}

static void times_out_of_range_are_refused(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    int64_t skew = PZ__SKEW_DEFAULT_MS, year1 = INT64_C(-62135596800000);
    int64_t year9999 = INT64_C(253402300799999);
    assert_int_equal(kit_observe(p, "w", "a", "v", 1, KIT_NOW + skew + 1, KIT_NOW, HORIZON, NULL),
                     PZ_ERR_TIME);
    assert_int_equal(kit_observe(p, "w", "a", "v", 1, KIT_NOW + skew, KIT_NOW, HORIZON, NULL), 0);
    assert_int_equal(kit_observe(p, "x", "a", "v", 1, year1 - 1, year1, HORIZON, NULL),
                     PZ_ERR_TIME);
    assert_int_equal(kit_observe(p, "x", "a", "v", 1, year1, year1, INT64_MAX, NULL), PZ_OK);
    assert_int_equal(kit_observe(p, "x", "b", "v", 1, year9999, year9999, INT64_MAX, NULL), PZ_OK);
    assert_int_equal(kit_observe(p, "x", "c", "v", 1, year9999 + 1, year9999, INT64_MAX, NULL),
                     PZ_ERR_TIME);
    kit_check(p);
    pz__profile_free(p);
}

static void weights_saturate_and_keep_their_sign_apart(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const int64_t weights[] = {INT64_MAX, 5, -10, INT64_MIN, -1};
    char id[2] = "a";
    for (int i = 0; i < 5; i++, id[0]++)
        assert_int_equal(kit_observe(p, "w", id, "v", weights[i], KIT_NOW, KIT_NOW, HORIZON, NULL),
                         PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    pz__cells cells = pz__profile_cells(p, PZ__STR("category"));
    assert_int_equal(cells.count, 2);
    assert_true(cells.list[0].weight == INT64_MAX && cells.list[1].weight == INT64_MIN);
    assert_int_equal(kit_observe(p, "w", "z", "v", 0, KIT_NOW, KIT_NOW, HORIZON, NULL), PZ_ERR_ARG);
    kit_check(p);
    pz__profile_free(p);
}

static void counters_know_since_when(void **state)
{
    (void)state;
    static const pz_str counters[] = {{"count(a)", 8}, {"count(b)", 8}};
    pz__profile *p = kit_new(NULL);
    pz_str w = PZ__STR("w"), v = PZ__STR("v");
    assert_true(pz__profile_counter_since(p, counters[0]) == INT64_MIN);
    assert_int_equal(pz__profile_keep_counters(p, w, counters, 1, KIT_NOW, NULL), PZ_OK);
    assert_int_equal(pz__profile_segment(p, 0).sequence, 1);
    assert_int_equal(pz__profile_keep_counters(p, w, counters, 1, KIT_NOW, NULL), PZ_OK);
    assert_int_equal(pz__profile_segment(p, 0).sequence, 1);
    kit_observe(p, "w", "e", "v", 1, KIT_NOW, KIT_NOW, HORIZON, NULL);
    assert_true(pz__profile_counter_since(p, counters[0]) == INT64_MIN);
    assert_true(pz__profile_counter_since(p, counters[1]) == INT64_MAX);
    assert_int_equal(pz__profile_keep_counters(p, w, counters, 2, KIT_NOW + 9, NULL), PZ_OK);
    assert_true(pz__profile_counter_since(p, counters[1]) == KIT_NOW + 9);
    /* A segment without cells and events has nothing to have missed. */
    kit_put(p, "v", PZ__SLOT_CHOICE, "x", "y", KIT_NOW, KIT_NOW);
    assert_true(pz__profile_counter_since(p, counters[1]) == KIT_NOW + 9);
    kit_observe(p, "v", "e", "v", 1, KIT_NOW, KIT_NOW, HORIZON, NULL);
    assert_true(pz__profile_counter_since(p, counters[0]) == INT64_MAX);
    assert_int_equal(pz__profile_keep_counters(p, v, counters, 2, KIT_NOW + 20, NULL), PZ_OK);
    assert_true(pz__profile_counter_since(p, counters[0]) == KIT_NOW + 20);
    kit_check(p);
    pz__profile_free(p);
}

/* Years of catalogs, each with counters of its own. */
static void counters_of_earlier_catalogs_make_room(void **state)
{
    (void)state;
    static char texts[PZ__SEGMENT_COUNTERS_MAX][16];
    static pz_str names[PZ__SEGMENT_COUNTERS_MAX];
    pz__profile *p = kit_new(NULL);
    for (unsigned year = 0; year < 3; year++) {
        for (unsigned i = 0; i < PZ__SEGMENT_COUNTERS_MAX; i++) {
            /* A quarter stays from year to year. */
            const unsigned of = i % 4 == 0 ? 0 : year;
            names[i].len = (size_t)snprintf(texts[i], sizeof texts[i], "count(%u-%04u)", of, i);
            names[i].data = texts[i];
        }
        assert_int_equal(pz__profile_keep_counters(p, PZ__STR("w"), names, PZ__SEGMENT_COUNTERS_MAX,
                                                   KIT_NOW + year, NULL),
                         PZ_OK);
        assert_int_equal(kit_observe(p, "w", year ? "e1" : "e0", "roses", 1024, KIT_NOW, KIT_NOW,
                                     3 * KIT_DAY, NULL),
                         PZ_OK);
        assert_true(pz__profile_counter_since(p, names[0]) == INT64_MIN);
        assert_true(pz__profile_counter_since(p, names[1]) ==
                    (year == 0 ? INT64_MIN : KIT_NOW + year));
        kit_check(p);
    }
    assert_true(pz__profile_counter_since(p, PZ__STR("count(0-0001)")) == INT64_MAX);
    assert_int_equal(p->segments[0]->counter_count, PZ__SEGMENT_COUNTERS_MAX);
    pz__profile_free(p);
}

static void a_counter_that_comes_before_the_first_event_misses_nothing(void **state)
{
    (void)state;
    static const pz_str counters[] = {{"count(a)", 8}, {"count(b)", 8}};
    pz__profile *p = kit_new(NULL);
    pz_str w = PZ__STR("w");
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "y", KIT_NOW, KIT_NOW);
    assert_true(pz__profile_counter_since(p, counters[0]) == INT64_MIN);
    assert_int_equal(pz__profile_keep_counters(p, w, counters, 1, KIT_NOW + 9, NULL), PZ_OK);
    kit_observe(p, "w", "e", "v", 1, KIT_NOW + 10, KIT_NOW + 10, HORIZON, NULL);
    assert_true(pz__profile_counter_since(p, counters[0]) == INT64_MIN);
    assert_int_equal(pz__profile_keep_counters(p, w, counters, 2, KIT_NOW + 11, NULL), PZ_OK);
    assert_true(pz__profile_counter_since(p, counters[1]) == KIT_NOW + 11);
    kit_check(p);
    pz__profile_free(p);
}

static void a_full_segment_forgets_its_oldest_moment(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("w", KIT_NOW);
    char id[16];
    bool is_new;
    for (uint32_t i = 0; i <= PZ__SEGMENT_EVENTS_MAX; i++) {
        snprintf(id, sizeof id, "e%u", i);
        write.now_ms = KIT_NOW + PZ__SEGMENT_EVENTS_MAX;
        pz__observation o = {
            .id = pz_str_of(id), .time_ms = KIT_NOW + i / 2, .horizon_ms = HORIZON};
        assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_OK);
        assert_true(is_new);
        if (i + 1 == PZ__SEGMENT_EVENTS_MAX)
            assert_int_equal(pz__profile_segment(p, 0).event_count, PZ__SEGMENT_EVENTS_MAX);
    }
    assert_int_equal(pz__profile_segment(p, 0).event_count, PZ__SEGMENT_EVENTS_MAX - 1);
    pz__observation old = {.id = PZ__STR("e0"), .time_ms = KIT_NOW, .horizon_ms = HORIZON};
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__profile_observe(p, &write, &old, &is_new, &err), PZ_ERR_LATE);
    assert_non_null(strstr(err.message, "newest 16384 events"));
    pz__observation known = {.id = PZ__STR("e2"), .time_ms = KIT_NOW + 1, .horizon_ms = HORIZON};
    assert_int_equal(pz__profile_observe(p, &write, &known, &is_new, NULL), PZ_OK);
    assert_false(is_new);
    kit_check(p);
    pz__profile_free(p);
}

static void a_full_segment_evicts_the_least_of_the_oldest_bucket(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("w", KIT_NOW);
    char id[16], channel[8];
    bool is_new;
    static pz__contribution many[1024];
    uint32_t made = 0;
    for (uint32_t round = 0; round < PZ__SEGMENT_CELLS_MAX / 1024; round++) {
        snprintf(channel, sizeof channel, "c%02u", round);
        for (uint32_t i = 0; i < 1024; i++, made++)
            many[i] = (pz__contribution){.attribute = PZ__STR("x"),
                                         .value = pz_value_int(i),
                                         .weight = made == 3 ? 1 : 2,
                                         .channel = pz_str_of(channel),
                                         .width = 16};
        snprintf(id, sizeof id, "r%u", round);
        pz__observation o = {.id = pz_str_of(id),
                             .time_ms = KIT_NOW,
                             .horizon_ms = HORIZON,
                             .contributions = many,
                             .contribution_count = 1024};
        assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_OK);
    }
    assert_int_equal(pz__profile_segment(p, 0).cell_count, PZ__SEGMENT_CELLS_MAX);
    assert_int_equal(pz__profile_segment(p, 0).dropped, 0);
    many[0].channel = PZ__STR("d");
    pz__observation o = {.id = PZ__STR("last"),
                         .time_ms = KIT_NOW,
                         .horizon_ms = HORIZON,
                         .contributions = many,
                         .contribution_count = 1};
    assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_OK);
    assert_int_equal(pz__profile_segment(p, 0).cell_count, PZ__SEGMENT_CELLS_MAX);
    assert_int_equal(pz__profile_segment(p, 0).dropped, 1);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    pz__cells cells = pz__profile_cells(p, PZ__STR("x"));
    /* 17 cells of 0, 16 each of 1 and 2, then 3 without the least. */
    assert_int_equal(cells.list[49].value.as.i, 3);
    assert_memory_equal(cells.list[49].channel.data, "c01", 3);
    assert_int_equal(cells.list[64].value.as.i, 4);
    o.contribution_count = 1025;
    o.id = PZ__STR("too many");
    assert_int_equal(pz__profile_observe(p, &write, &o, &is_new, NULL), PZ_ERR_LIMIT);
    kit_check(p);
    pz__profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(order_and_repetition_leave_no_trace),
        cmocka_unit_test(counting_repeats_is_noticed),
        cmocka_unit_test(keeping_open_and_reopening_agree),
        cmocka_unit_test(an_event_is_taken_once),
        cmocka_unit_test(late_is_before_the_horizon_of_now_or_the_newest_event),
        cmocka_unit_test(times_out_of_range_are_refused),
        cmocka_unit_test(weights_saturate_and_keep_their_sign_apart),
        cmocka_unit_test(counters_know_since_when),
        cmocka_unit_test(counters_of_earlier_catalogs_make_room),
        cmocka_unit_test(a_counter_that_comes_before_the_first_event_misses_nothing),
        cmocka_unit_test(a_full_segment_forgets_its_oldest_moment),
        cmocka_unit_test(a_full_segment_evicts_the_least_of_the_oldest_bucket),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
