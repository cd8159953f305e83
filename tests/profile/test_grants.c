/*
 * test_grants.c: consents and links: a denial beats every grant that did not know of it, whatever
 * the clocks say.
 */
#include "profile/kit.h"
#include "profile/state.h"
#include "support/oom.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define ADS PZ__STR("ads")

static pz_status grant(pz__profile *p, const char *writer, int64_t now_ms)
{
    const pz__write write = kit_write(writer, now_ms);
    return pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, ADS, 0, NULL);
}

static pz_status deny(pz__profile *p, const char *writer, int64_t now_ms)
{
    const pz__write write = kit_write(writer, now_ms);
    return pz__profile_deny(p, &write, PZ__GRANT_PURPOSE, ADS, NULL);
}

static void join(pz__profile *p, const pz__profile *other)
{
    assert_int_equal(pz__profile_join(p, other, NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
}

static const pz__grant *ads_of(pz__profile *p)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    return pz__profile_find_grant(p, PZ__GRANT_PURPOSE, ADS);
}

static bool is_granted(const pz__profile *p, int64_t now_ms)
{
    const pz__profile *members[] = {p};
    const pz__person person = {members, 1};
    return pz__person_grants(&person, ADS, now_ms);
}

static void a_denial_beats_a_later_grant_that_did_not_know_of_it(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL);
    assert_int_equal(grant(a, "a", KIT_NOW), PZ_OK);
    pz__profile *b = kit_copy(a);
    assert_int_equal(deny(a, "a", KIT_NOW + 1), PZ_OK);
    assert_int_equal(grant(b, "b", KIT_NOW + KIT_DAY), PZ_OK);
    assert_true(is_granted(b, KIT_NOW + KIT_DAY));
    join(b, a);
    assert_false(is_granted(b, KIT_NOW + KIT_DAY));
    assert_true(ads_of(b)->is_denied);
    assert_false(ads_of(b)->is_granted);
    assert_int_equal(ads_of(b)->denied_at_ms, KIT_NOW + 1);
    assert_int_equal(grant(b, "b", KIT_NOW + 2), PZ_OK);
    assert_true(is_granted(b, KIT_NOW + KIT_DAY));
    join(a, b);
    assert_true(is_granted(a, KIT_NOW + KIT_DAY));
    kit_assert_same(a, b);
    kit_check(a);
    pz__profile_free(a);
    pz__profile_free(b);
}

static void of_the_grants_that_cover_the_newest_decides_lapsed_or_not(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    assert_int_equal(grant(p, "a", KIT_NOW), PZ_OK);
    pz__write write = kit_write("b", KIT_NOW + 1);
    write.expires_ms = KIT_NOW + 10;
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, ADS, 0, NULL), PZ_OK);
    assert_true(is_granted(p, KIT_NOW + 9));
    assert_false(is_granted(p, KIT_NOW + 10));
    assert_true(ads_of(p)->is_granted);
    assert_false(ads_of(p)->is_denied);
    assert_memory_equal(ads_of(p)->writer.data, "b", 1);
    assert_int_equal(ads_of(p)->expires_ms, KIT_NOW + 10);
    assert_false(is_granted(p, KIT_NOW));
    pz__profile_free(p);
}

static void a_lapse_does_not_uncover_a_denial(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL), *other;
    assert_int_equal(pz__profile_new(&other, NULL, PZ__PERSON, PZ__STR("bob"), NULL), PZ_OK);
    assert_int_equal(deny(p, "a", KIT_NOW), PZ_OK);
    pz__write write = kit_write("a", KIT_NOW + 1);
    write.expires_ms = KIT_NOW + 10;
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, ADS, 0, NULL), PZ_OK);
    assert_int_equal(grant(other, "a", KIT_NOW), PZ_OK);
    const pz__profile *members[] = {p, other};
    const pz__person both = {members, 2};
    assert_true(pz__person_grants(&both, ADS, KIT_NOW + 20));
    assert_int_equal(deny(p, "a", KIT_NOW + 21), PZ_OK);
    assert_false(pz__person_grants(&both, ADS, KIT_NOW + 30));
    const pz__person nobody = {NULL, 0};
    assert_false(pz__person_grants(&nobody, ADS, KIT_NOW));
    pz__profile_free(p);
    pz__profile_free(other);
}

static void two_denials_seen_apart_are_covered_each_and_yet_not_granted(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *b = kit_new(NULL);
    assert_int_equal(deny(a, "a", KIT_NOW), PZ_OK);
    assert_int_equal(grant(a, "c", KIT_NOW), PZ_OK);
    assert_int_equal(deny(b, "b", KIT_NOW), PZ_OK);
    assert_int_equal(grant(b, "d", KIT_NOW), PZ_OK);
    join(a, b);
    assert_false(ads_of(a)->is_granted);
    assert_false(ads_of(a)->is_denied);
    assert_false(is_granted(a, KIT_NOW));
    pz__profile_free(a);
    pz__profile_free(b);
}

static void a_grant_knows_what_its_predecessor_knew(void **state)
{
    (void)state;
    pz__profile *a = kit_new(NULL), *part = kit_new(NULL);
    assert_int_equal(deny(a, "b", KIT_NOW), PZ_OK);
    assert_int_equal(grant(a, "a", KIT_NOW), PZ_OK);
    /* A replica that holds nothing but a's own segment. */
    assert_int_equal(pz__segment_copy(&part->segments[0], &part->alloc, a->segments[0]), PZ_OK);
    part->segment_count = 1;
    pz__write write = kit_write("a", KIT_NOW + 5);
    write.expires_ms = KIT_NOW + 50;
    assert_int_equal(pz__profile_grant(part, &write, PZ__GRANT_PURPOSE, ADS, 0, NULL), PZ_OK);
    join(a, part);
    assert_true(ads_of(a)->is_granted);
    assert_int_equal(ads_of(a)->expires_ms, KIT_NOW + 50);
    pz__profile_free(a);
    pz__profile_free(part);
}

static void links_and_purposes_are_kept_apart_and_sorted(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("a", KIT_NOW), later = kit_write("b", KIT_NOW);
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_LINK, PZ__STR("\xff\x01"), 7, NULL),
                     PZ_OK);
    assert_int_equal(pz__profile_grant(p, &later, PZ__GRANT_LINK, PZ__STR("bob"), 65536, NULL),
                     PZ_OK);
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_PURPOSE, PZ__STR("bob"), 0, NULL),
                     PZ_OK);
    assert_int_equal(pz__profile_deny(p, &later, PZ__GRANT_PURPOSE, PZ__STR("ads"), NULL), PZ_OK);
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    const pz__grants links = pz__profile_grants(p, PZ__GRANT_LINK);
    const pz__grants purposes = pz__profile_grants(p, PZ__GRANT_PURPOSE);
    assert_int_equal(links.count, 2);
    assert_int_equal(purposes.count, 2);
    assert_memory_equal(links.list[0].name.data, "bob", 3);
    assert_int_equal(links.list[0].strength, 65536);
    assert_int_equal(links.list[1].strength, 7);
    assert_true(purposes.list[0].is_denied);
    assert_true(purposes.list[1].is_granted);
    assert_null(pz__profile_find_grant(p, PZ__GRANT_LINK, PZ__STR("ads")));
    kit_check(p);
    pz__profile_free(p);
}

static void malformed_grants_are_refused(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("a", KIT_NOW);
    pz__write ahead = write;
    ahead.at_ms = KIT_NOW + PZ__SKEW_DEFAULT_MS + 1;
    char longest[PZ__NAME_MAX + 1];
    memset(longest, 'x', sizeof longest);
    const struct {
        const pz__write *write;
        pz__grant_kind kind;
        pz_str name;
        uint32_t strength;
        pz_status status;
    } cases[] = {
        {&write, PZ__GRANT_PURPOSE, ADS, 1, PZ_ERR_ARG},
        {&write, PZ__GRANT_LINK, PZ__STR("bob"), 0, PZ_ERR_ARG},
        {&write, PZ__GRANT_LINK, PZ__STR("bob"), 65537, PZ_ERR_ARG},
        {&write, PZ__GRANT_LINK, PZ__STR("ann"), 1, PZ_ERR_ARG},
        {&write, PZ__GRANT_PURPOSE, PZ__STR(""), 0, PZ_ERR_ARG},
        {&write, PZ__GRANT_PURPOSE, PZ__STR("\xff"), 0, PZ_ERR_ARG},
        {&write, PZ__GRANT_PURPOSE, {longest, PZ__NAME_MAX + 1}, 0, PZ_ERR_LIMIT},
        {&write, PZ__GRANT_PURPOSE, {longest, PZ__NAME_MAX}, 0, PZ_OK},
        {&write, PZ__GRANT_LINK, {longest, PZ__SUBJECT_MAX + 1}, 1, PZ_ERR_LIMIT},
        {&write, PZ__GRANT_LINK, {longest, PZ__SUBJECT_MAX}, 1, PZ_OK},
        {&write, (pz__grant_kind)3, ADS, 0, PZ_ERR_ARG},
        {&ahead, PZ__GRANT_PURPOSE, ADS, 0, PZ_ERR_TIME},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
        assert_int_equal(pz__profile_grant(p, cases[i].write, cases[i].kind, cases[i].name,
                                           cases[i].strength, NULL),
                         cases[i].status);
    assert_int_equal(pz__profile_segment(p, 0).sequence, 2);
    kit_check(p);
    pz__profile_free(p);
}

static void a_segment_holds_so_many_grants_and_no_more(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("a", KIT_NOW);
    char name[16];
    for (unsigned i = 0; i < PZ__SEGMENT_GRANTS_MAX; i++) {
        snprintf(name, sizeof name, "p%u", i);
        assert_int_equal(
            i % 2 || i >= PZ__SEGMENT_GRANTS_MAX - PZ__SEGMENT_GRANTS_OF_PURPOSES
                ? pz__profile_deny(p, &write, PZ__GRANT_PURPOSE, pz_str_of(name), NULL)
                : pz__profile_grant(p, &write, PZ__GRANT_LINK, pz_str_of(name), 1, NULL),
            PZ_OK);
    }
    pz__profile *before = kit_copy(p);
    assert_int_equal(grant(p, "a", KIT_NOW), PZ_ERR_LIMIT);
    assert_int_equal(deny(p, "a", KIT_NOW), PZ_ERR_LIMIT);
    kit_assert_same(p, before);
    assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_LINK, PZ__STR("p0"), NULL), PZ_OK);
    p->segments[0]->grants[0].denials = UINT32_MAX;
    assert_int_equal(
        pz__profile_deny(p, &write, PZ__GRANT_PURPOSE, p->segments[0]->grants[0].name, NULL),
        PZ_ERR_LIMIT);
    kit_check(p);
    pz__profile_free(p);
    pz__profile_free(before);
}

static void links_leave_room_for_denials(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    const pz__write write = kit_write("a", KIT_NOW);
    char name[16];
    for (unsigned i = 0; i < PZ__SEGMENT_GRANTS_MAX - PZ__SEGMENT_GRANTS_OF_PURPOSES; i++) {
        snprintf(name, sizeof name, "p%u", i);
        assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_LINK, pz_str_of(name), 1, NULL),
                         PZ_OK);
    }
    assert_int_equal(pz__profile_grant(p, &write, PZ__GRANT_LINK, PZ__STR("more"), 1, NULL),
                     PZ_ERR_LIMIT);
    assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_LINK, PZ__STR("more"), NULL),
                     PZ_ERR_LIMIT);
    for (unsigned i = 0; i < PZ__SEGMENT_GRANTS_OF_PURPOSES; i++) {
        snprintf(name, sizeof name, "q%u", i);
        assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_PURPOSE, pz_str_of(name), NULL),
                         PZ_OK);
    }
    assert_int_equal(deny(p, "a", KIT_NOW), PZ_ERR_LIMIT);
    assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_LINK, PZ__STR("p0"), NULL), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

static pz_status grant_and_deny(const pz_alloc *alloc, void *payload)
{
    (void)payload;
    pz__profile *p = kit_new(alloc);
    if (!p)
        return PZ_ERR_NOMEM;
    pz_status status = deny(p, "b", KIT_NOW);
    if (status == PZ_OK)
        status = grant(p, "a", KIT_NOW);
    if (status == PZ_OK)
        status = deny(p, "a", KIT_NOW);
    if (status == PZ_OK)
        status = pz__profile_seal(p);
    pz__profile_free(p);
    return status;
}

static void granting_survives_exhaustion(void **state)
{
    (void)state;
    oom_run(grant_and_deny, NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_denial_beats_a_later_grant_that_did_not_know_of_it),
        cmocka_unit_test(of_the_grants_that_cover_the_newest_decides_lapsed_or_not),
        cmocka_unit_test(a_lapse_does_not_uncover_a_denial),
        cmocka_unit_test(two_denials_seen_apart_are_covered_each_and_yet_not_granted),
        cmocka_unit_test(a_grant_knows_what_its_predecessor_knew),
        cmocka_unit_test(links_and_purposes_are_kept_apart_and_sorted),
        cmocka_unit_test(malformed_grants_are_refused),
        cmocka_unit_test(a_segment_holds_so_many_grants_and_no_more),
        cmocka_unit_test(links_leave_room_for_denials),
        cmocka_unit_test(granting_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
