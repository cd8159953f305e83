/*
 * test_faults.c: faults that other systems have shown, each as a scenario that must not happen.
 */
#include "profile/kit.h"
#include "profile/state.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define HORIZON (30 * KIT_DAY)
#define YEAR (365 * KIT_DAY)

static void join(pz__profile *p, const pz__profile *other)
{
    assert_int_equal(pz__profile_join(p, other, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
}

static bool is_granted(const pz__profile *p, const char *purpose, int64_t now_ms)
{
    const pz__profile *members[] = {p};
    const pz__person person = {members, 1};
    return pz__person_grants(&person, pz_str_of(purpose), now_ms);
}

static pz_status say(pz__profile *p, const char *writer, bool is_grant, pz__grant_kind kind,
                     const char *name, int64_t now_ms)
{
    const pz__write write = kit_write(writer, now_ms);
    return is_grant ? pz__profile_grant(p, &write, kind, pz_str_of(name),
                                        kind == PZ__GRANT_LINK ? 65536 : 0, NULL)
                    : pz__profile_deny(p, &write, kind, pz_str_of(name), NULL);
}

static int64_t total(pz__profile *p, const char *attribute)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const pz__cells cells = pz__profile_cells(p, pz_str_of(attribute));
    int64_t sum = 0;
    for (uint32_t i = 0; i < cells.count; i++)
        sum += cells.list[i].weight;
    return sum;
}

/* A replica that was off while consent was revoked comes back, says its old grant again by joining,
 * and even grants anew without having heard. */
static void a_stale_twin_does_not_bring_back_a_revoked_consent(void **state)
{
    (void)state;
    pz__profile *main = kit_new(NULL);
    assert_int_equal(say(main, "shop", true, PZ__GRANT_PURPOSE, "ads", KIT_NOW), PZ_OK);
    pz__profile *twin = kit_copy(main);
    assert_int_equal(say(main, "shop", false, PZ__GRANT_PURPOSE, "ads", KIT_NOW + 1), PZ_OK);
    join(main, twin);
    assert_false(is_granted(main, "ads", KIT_NOW + KIT_DAY));
    /* The twin is restored under a writer of its own and goes on as if nothing had been. */
    assert_int_equal(say(twin, "shop2", true, PZ__GRANT_PURPOSE, "ads", KIT_NOW + KIT_DAY), PZ_OK);
    join(main, twin);
    assert_false(is_granted(main, "ads", KIT_NOW + 2 * KIT_DAY));
    join(twin, main);
    assert_false(is_granted(twin, "ads", KIT_NOW + 2 * KIT_DAY));
    pz__profile_free(main);
    pz__profile_free(twin);
}

static pz_status count_visit(pz__profile *p, const char *writer, const char *id, int64_t time_ms)
{
    const pz__write write = kit_write(writer, KIT_NOW);
    const pz__contribution c = {.attribute = PZ__STR("count(visit)"), .weight = 1, .width = 16};
    const pz__observation o = {.source = PZ__STR("s"),
                               .id = pz_str_of(id),
                               .time_ms = time_ms,
                               .horizon_ms = HORIZON,
                               .contributions = &c,
                               .contribution_count = 1};
    bool is_new;
    return pz__profile_observe(p, &write, &o, &is_new, NULL);
}

static void merging_twice_does_not_double_a_counter(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *b = kit_new(NULL);
    for (unsigned i = 0; i < 5; i++) {
        char id[8];
        snprintf(id, sizeof id, "e%u", i);
        assert_int_equal(count_visit(i % 2 ? a : b, i % 2 ? "a" : "b", id, KIT_NOW), PZ_OK);
    }
    for (int i = 0; i < 3; i++) {
        join(a, b);
        join(b, a);
    }
    assert_int_equal(total(a, "count(visit)"), 5);
    assert_int_equal(total(b, "count(visit)"), 5);
    /* The log is delivered once more to the one who took it. */
    assert_int_equal(count_visit(a, "a", "e1", KIT_NOW), PZ_OK);
    assert_int_equal(total(a, "count(visit)"), 5);
    pz__profile_free(a);
    pz__profile_free(b);
}

/* The newest bucket in which there was a visit. */
static int64_t last_visit(pz__profile *p)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const pz__cells cells = pz__profile_cells(p, PZ__STR("count(visit)"));
    int64_t last = INT64_MIN;
    for (uint32_t i = 0; i < cells.count; i++)
        last = cells.list[i].bucket > last ? cells.list[i].bucket : last;
    return last;
}

static void the_last_visit_does_not_move_backwards(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    assert_int_equal(count_visit(a, "a", "e1", KIT_NOW - 9 * KIT_DAY), PZ_OK);
    pz__profile *old = kit_copy(a);
    assert_int_equal(count_visit(a, "a", "e2", KIT_NOW), PZ_OK);
    const int64_t last = last_visit(a);
    /* An old replica, an old import, an old fact and a repeat. */
    assert_int_equal(count_visit(old, "b", "e3", KIT_NOW - 5 * KIT_DAY), PZ_OK);
    join(a, old);
    assert_int_equal(last_visit(a), last);
    assert_int_equal(count_visit(a, "a", "e1", KIT_NOW - 9 * KIT_DAY), PZ_OK);
    assert_int_equal(last_visit(a), last);
    kit_put(a, "a", PZ__SLOT_DECLARED, "seen", "today", KIT_NOW, KIT_NOW);
    kit_put(a, "a", PZ__SLOT_DECLARED, "seen", "last week", KIT_NOW - 7 * KIT_DAY, KIT_NOW + 1);
    kit_put(a, "b", PZ__SLOT_DECLARED, "seen", "last week", KIT_NOW - 7 * KIT_DAY, KIT_NOW + 2);
    assert_int_equal(pz__profile_seal(a), PZ_OK);
    assert_memory_equal(pz__profile_claims(a, PZ__STR("seen")).list[0].value.as.text, "today", 5);
    pz__profile_free(a);
    pz__profile_free(old);
}

/* Two replicas learn at the same time of two different customer numbers: both links stand, in
 * whatever order they meet, and taking one back leaves the other. */
static void two_numbers_linked_apart_both_stand(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    kit_put(a, "a", PZ__SLOT_MODE, "z", "AUTO", KIT_NOW, KIT_NOW);
    pz__profile *b = kit_copy(a);
    assert_int_equal(say(a, "a", true, PZ__GRANT_LINK, "number-1", KIT_NOW), PZ_OK);
    assert_int_equal(say(b, "b", true, PZ__GRANT_LINK, "number-2", KIT_NOW), PZ_OK);
    pz__profile *ab = kit_copy(a), *ba = kit_copy(b);
    join(ab, b);
    join(ba, a);
    kit_assert_same(ab, ba);
    assert_int_equal(pz__profile_grants(ab, PZ__GRANT_LINK).count, 2);
    for (uint32_t i = 0; i < 2; i++)
        assert_true(pz__profile_grants(ab, PZ__GRANT_LINK).list[i].is_granted);
    /* One unlinks what the other links again, unaware: the unlink beats the link. */
    assert_int_equal(say(ab, "a", false, PZ__GRANT_LINK, "number-2", KIT_NOW + 1), PZ_OK);
    assert_int_equal(say(ba, "b", true, PZ__GRANT_LINK, "number-2", KIT_NOW + KIT_DAY), PZ_OK);
    join(ab, ba);
    assert_true(pz__profile_find_grant(ab, PZ__GRANT_LINK, PZ__STR("number-1"))->is_granted);
    assert_false(pz__profile_find_grant(ab, PZ__GRANT_LINK, PZ__STR("number-2"))->is_granted);
    assert_true(pz__profile_find_grant(ab, PZ__GRANT_LINK, PZ__STR("number-2"))->is_denied);
    pz__profile *all[] = {a, b, ab, ba};
    for (int i = 0; i < 4; i++)
        pz__profile_free(all[i]);
}

/* A device whose clock runs a year ahead makes a choice. Whoever has heard of it can overrule it
 * the same day, and its claimed time does not count before it has come. */
static void a_clock_one_year_ahead_does_not_win_for_a_year(void **state)
{
    (void)state;
    pz__profile *device = kit_new(NULL), *shop = kit_new(NULL);
    assert_int_equal(
        kit_put(device, "d", PZ__SLOT_CHOICE, "language", "fr", KIT_NOW + YEAR, KIT_NOW + YEAR),
        PZ_OK);
    assert_int_equal(say(device, "d", true, PZ__GRANT_PURPOSE, "ads", KIT_NOW + YEAR), PZ_OK);
    join(shop, device);
    assert_false(is_granted(shop, "ads", KIT_NOW));
    /* A right clock does not claim such a time. */
    assert_int_equal(kit_put(shop, "s", PZ__SLOT_CHOICE, "language", "it", KIT_NOW + YEAR, KIT_NOW),
                     PZ_ERR_TIME);
    assert_int_equal(kit_put(shop, "s", PZ__SLOT_CHOICE, "language", "de", KIT_NOW, KIT_NOW),
                     PZ_OK);
    assert_int_equal(say(shop, "s", false, PZ__GRANT_PURPOSE, "ads", KIT_NOW), PZ_OK);
    join(device, shop);
    assert_int_equal(pz__profile_seal(device), PZ_OK);
    const pz__claims claims = pz__profile_claims(device, PZ__STR("language"));
    assert_memory_equal(claims.list[0].value.as.text, "de", 2);
    assert_false(is_granted(device, "ads", KIT_NOW + 2 * YEAR));
    /* To forget at the right time reaches what the wrong clock wrote. */
    const pz__write write = kit_write("s", KIT_NOW);
    const pz__forgetting f = {PZ__STR("*"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_int_equal(pz__profile_forget(shop, &write, &f, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(shop), PZ_OK);
    assert_int_equal(pz__profile_claims(shop, PZ__STR("language")).count, 0);
    pz__profile_free(device);
    pz__profile_free(shop);
}

/* A backup is restored under a new writer id: what was written after the backup is not lost when
 * the replicas meet, and what the restored store writes is kept beside it. */
static void a_restored_backup_goes_on_under_a_new_writer(void **state)
{
    (void)state;
    pz__profile *live = kit_new(NULL);
    kit_put(live, "one", PZ__SLOT_CHOICE, "x", "before", KIT_NOW, KIT_NOW);
    assert_int_equal(count_visit(live, "one", "e1", KIT_NOW), PZ_OK);
    pz__profile *backup = kit_copy(live);
    kit_put(live, "one", PZ__SLOT_CHOICE, "y", "after the backup", KIT_NOW + 1, KIT_NOW + 1);
    assert_int_equal(count_visit(live, "one", "e2", KIT_NOW), PZ_OK);
    kit_put(backup, "two", PZ__SLOT_CHOICE, "x", "restored", KIT_NOW + 2, KIT_NOW + 2);
    assert_int_equal(count_visit(backup, "two", "e3", KIT_NOW), PZ_OK);
    join(backup, live);
    join(live, backup);
    kit_assert_same(live, backup);
    assert_int_equal(total(live, "count(visit)"), 3);
    assert_memory_equal(pz__profile_claims(live, PZ__STR("x")).list[0].value.as.text, "restored",
                        8);
    assert_int_equal(pz__profile_claims(live, PZ__STR("y")).count, 1);
    pz__profile_free(live);
    pz__profile_free(backup);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stale_twin_does_not_bring_back_a_revoked_consent),
        cmocka_unit_test(merging_twice_does_not_double_a_counter),
        cmocka_unit_test(the_last_visit_does_not_move_backwards),
        cmocka_unit_test(two_numbers_linked_apart_both_stand),
        cmocka_unit_test(a_clock_one_year_ahead_does_not_win_for_a_year),
        cmocka_unit_test(a_restored_backup_goes_on_under_a_new_writer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
