/*
 * test_claims.c: registers: what replaces what, stamps, times, limits.
 */
#include "profile/kit.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static pz__claims claims_of(pz__profile *p, const char *attribute)
{
    assert_int_equal(pz__profile_seal(p), PZ_OK);
    return pz__profile_claims(p, pz_str_of(attribute));
}

static void assert_text(pz_value v, const char *text)
{
    pz_str s = pz_value_text(v);
    assert_int_equal(s.len, strlen(text));
    assert_memory_equal(s.data, text, s.len);
}

static void a_newer_choice_replaces_the_older(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    /* Newest is by stamp, even where the claimed time is older. */
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", "de", KIT_NOW, KIT_NOW), PZ_OK);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", "fr", KIT_NOW - 5, KIT_NOW), PZ_OK);
    pz__claims claims = claims_of(p, "x");
    assert_int_equal(claims.count, 1);
    assert_text(claims.list[0].value, "fr");
    assert_true(claims.list[0].at_ms == KIT_NOW - 5);
    assert_true(claims.list[0].stamp == KIT_NOW + 1);
    assert_int_equal(pz__profile_segment(p, 0).sequence, 2);
    pz__profile_free(p);
}

static void an_older_fact_changes_nothing_but_counts(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    kit_put(p, "w", PZ__SLOT_DECLARED, "x", "new", KIT_NOW, KIT_NOW);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_DECLARED, "x", "old", KIT_NOW - 1, KIT_NOW + 9), 0);
    assert_text(claims_of(p, "x").list[0].value, "new");
    assert_int_equal(pz__profile_segment(p, 0).sequence, 2);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_DECLARED, "x", "same", KIT_NOW, KIT_NOW), PZ_OK);
    assert_text(claims_of(p, "x").list[0].value, "same");
    pz__profile_free(p);
}

static pz_status put_lift(pz__profile *p, const char *writer, int64_t stamp, const char *part)
{
    const pz__write write = kit_write(writer, KIT_NOW);
    const pz__claim claim = {.slot = PZ__SLOT_LIFT,
                             .attribute = PZ__STR("x"),
                             .part = pz_str_of(part),
                             .value = pz_value_str(part),
                             .stamp = stamp};
    return pz__profile_put_lift(p, &write, &claim, NULL);
}

static void what_was_chosen_once_keeps_its_stamp_and_hides_nothing_newer(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "de", KIT_NOW, KIT_NOW);
    assert_int_equal(put_lift(p, "w", KIT_NOW - 9, "fr"), PZ_OK);
    assert_true(claims_of(p, "x").list[1].stamp == KIT_NOW - 9);
    assert_int_equal(pz__profile_segment(p, 0).sequence, 2);
    /* Neither something older nor the same again is an operation. */
    pz__profile *before = kit_copy(p);
    assert_int_equal(put_lift(p, "w", KIT_NOW - 10, "fr"), PZ_OK);
    assert_int_equal(put_lift(p, "w", KIT_NOW - 9, "fr"), PZ_OK);
    kit_assert_same(p, before);
    pz__profile_free(before);
    /* The greatest stamp is still that of the choice: what comes next is after it. */
    kit_put(p, "w", PZ__SLOT_MODE, "x", "AUTO", KIT_NOW, KIT_NOW);
    assert_true(claims_of(p, "x").list[1].stamp == KIT_NOW + 1);
    pz__profile_free(p);
}

static void what_was_chosen_once_is_kept_for_the_newest_values_only(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char part[16];
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "de", KIT_NOW, KIT_NOW);
    for (unsigned i = 0; i < PZ__ATTRIBUTE_LIFTS_MAX; i++) {
        snprintf(part, sizeof part, "v%02u", i);
        assert_int_equal(put_lift(p, "w", KIT_NOW - 100 + (int64_t)i, part), PZ_OK);
    }
    assert_int_equal(claims_of(p, "x").count, 1 + PZ__ATTRIBUTE_LIFTS_MAX);
    /* One more takes the place of the oldest, whatever their order by name; */
    assert_int_equal(put_lift(p, "w", KIT_NOW - 50, "a"), PZ_OK);
    const pz__claims claims = claims_of(p, "x");
    assert_int_equal(claims.count, 1 + PZ__ATTRIBUTE_LIFTS_MAX);
    assert_memory_equal(claims.list[1].part.data, "a", 1);
    assert_memory_equal(claims.list[2].part.data, "v01", 3);
    /* one that is older than all of them changes nothing; */
    pz__profile *before = kit_copy(p);
    assert_int_equal(put_lift(p, "w", KIT_NOW - 1000, "b"), PZ_OK);
    kit_assert_same(p, before);
    pz__profile_free(before);
    /* and one that lifts what another writer rejected stays. */
    const pz__write other = kit_write("other", KIT_NOW);
    const pz__claim rejection = {.slot = PZ__SLOT_REJECT,
                                 .attribute = PZ__STR("x"),
                                 .part = PZ__STR("v01"),
                                 .value = pz_value_str("v01")};
    assert_int_equal(pz__profile_put(p, &other, &rejection, NULL), PZ_OK);
    assert_int_equal(put_lift(p, "w", KIT_NOW - 40, "c"), PZ_OK);
    assert_int_equal(put_lift(p, "w", KIT_NOW - 39, "d"), PZ_OK);
    const pz__claim *kept =
        pz__profile_own(p, PZ__STR("w"), PZ__SLOT_LIFT, PZ__STR("x"), PZ__STR("v01"));
    assert_non_null(kept);
    assert_null(pz__profile_own(p, PZ__STR("w"), PZ__SLOT_LIFT, PZ__STR("x"), PZ__STR("v02")));
    pz__profile_free(p);
}

static void what_was_forgotten_is_said_by_nobody(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__profile *other = kit_new(NULL);
    const pz__forgetting all = {PZ__STR("x"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    const pz__write write = kit_write("other", KIT_NOW + 9);
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "de", KIT_NOW, KIT_NOW);
    assert_non_null(pz__profile_own(p, PZ__STR("w"), PZ__SLOT_CHOICE, PZ__STR("x"), PZ__STR("")));
    assert_int_equal(pz__profile_forget(other, &write, &all, NULL), PZ_OK);
    assert_int_equal(pz__profile_join(p, other, NULL), PZ_OK);
    assert_null(pz__profile_own(p, PZ__STR("w"), PZ__SLOT_CHOICE, PZ__STR("x"), PZ__STR("")));
    pz__profile_free(other);
    pz__profile_free(p);
}

static void stamps_grow_past_all_writers(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    kit_put(p, "a", PZ__SLOT_CHOICE, "x", "1", KIT_NOW, KIT_NOW);
    kit_put(p, "b", PZ__SLOT_CHOICE, "x", "2", KIT_NOW - 50, KIT_NOW - 50);
    pz__claims claims = claims_of(p, "x");
    assert_int_equal(claims.count, 2);
    assert_text(claims.list[0].value, "2");
    assert_true(claims.list[0].stamp == KIT_NOW + 1);
    assert_true(claims.list[1].stamp == KIT_NOW);
    pz__profile_free(p);
}

static void facts_of_several_writers_rank_by_claimed_time(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    kit_put(p, "a", PZ__SLOT_DECLARED, "x", "newer", KIT_NOW, KIT_NOW);
    kit_put(p, "b", PZ__SLOT_DECLARED, "x", "older", KIT_NOW - 50, KIT_NOW + 50);
    assert_text(claims_of(p, "x").list[0].value, "newer");
    pz__profile_free(p);
}

static void clearing_keeps_the_register_without_a_value(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    kit_put(p, "w", PZ__SLOT_CHOICE, "x", "de", KIT_NOW, KIT_NOW);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", NULL, KIT_NOW, KIT_NOW), PZ_OK);
    pz__claims claims = claims_of(p, "x");
    assert_int_equal(claims.count, 1);
    assert_true(claims.list[0].is_cleared);
    assert_int_equal(claims.list[0].value.kind, PZ_NULL);
    kit_check(p);
    pz__profile_free(p);
}

static void slots_and_parts_are_registers_of_their_own(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("w", KIT_NOW);
    for (unsigned slot = PZ__SLOT_CHOICE; slot <= PZ__SLOT_ACCOUNT; slot++)
        for (int part = 0; part < 3; part++) {
            pz__claim claim = {.attribute = PZ__STR("x"),
                               .slot = (uint8_t)slot,
                               .part = {"ab", (size_t)part},
                               .value = pz_value_int(part)};
            assert_int_equal(pz__profile_put(p, &write, &claim, NULL), PZ_OK);
        }
    pz__claims claims = claims_of(p, "x");
    assert_int_equal(claims.count, 30);
    for (uint32_t i = 0; i < 30; i++) {
        assert_int_equal(claims.list[i].slot, 1 + i / 3);
        assert_int_equal(claims.list[i].part.len, i % 3);
        assert_int_equal(claims.list[i].value.as.i, i % 3);
    }
    kit_check(p);
    pz__profile_free(p);
}

static void a_claim_keeps_everything_it_was_given(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("writer", KIT_NOW - 3);
    write.now_ms = KIT_NOW;
    write.expires_ms = KIT_NOW + KIT_DAY;
    pz_value items[2] = {pz_value_str("roses"), pz_value_int(-7)};
    pz__claim claim = {.attribute = PZ__STR("likes"),
                       .slot = PZ__SLOT_INFERRED,
                       .part = PZ__STR("web"),
                       .confidence = 1.0,
                       .value = {.kind = PZ_LIST, .len = 2, .as.items = items}};
    assert_int_equal(pz__profile_put(p, &write, &claim, NULL), PZ_OK);
    pz__profile *q = kit_copy(p);
    pz__profile_free(p);
    pz__claim c = claims_of(q, "likes").list[0];
    assert_true(pz_value_equal(c.value, claim.value));
    assert_true(pz__str_equal(c.channel, PZ__STR("web")) && pz__str_equal(c.part, c.channel));
    assert_true(pz__str_equal(c.who, PZ__STR("agent-7")));
    assert_true(pz__str_equal(c.writer, PZ__STR("writer")));
    assert_true(c.at_ms == KIT_NOW - 3 && c.stamp == KIT_NOW);
    assert_true(c.expires_ms == KIT_NOW + KIT_DAY && c.confidence == 1.0);
    pz__profile_free(q);
}

static void a_confidence_comes_back_to_the_bit(void **state)
{
    (void)state;
    static const double stated[] = {
        0.0,         1.0 / 65536,          0.5,  0.75,   1.0, 0.7, 0.9,
        0.749999999, 0x1.fffffffffffffp-1, 1e-9, 5e-324, 0.1, 0.3, 0.499999};
    for (size_t i = 0; i < sizeof stated / sizeof stated[0]; i++) {
        pz__profile *p = kit_new(NULL);
        const pz__write write = kit_write("w", KIT_NOW);
        const pz__claim claim = {.attribute = PZ__STR("likes"),
                                 .slot = PZ__SLOT_INFERRED,
                                 .value = pz_value_int(1),
                                 .confidence = stated[i]};
        assert_int_equal(pz__profile_put(p, &write, &claim, NULL), PZ_OK);
        kit_check(p);
        pz__profile *q = kit_copy(p);
        assert_true(claims_of(p, "likes").list[0].confidence == stated[i]);
        assert_true(claims_of(q, "likes").list[0].confidence == stated[i]);
        pz__profile_free(p);
        pz__profile_free(q);
    }
}

static void bad_times_are_refused(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    int64_t skew = PZ__SKEW_DEFAULT_MS, year1 = INT64_C(-62135596800000);
    int64_t year9999 = INT64_C(253402300799999);
    const int64_t refused[][2] = {{KIT_NOW + skew + 1, KIT_NOW}, {year1 - 1, KIT_NOW},
                                  {year9999 + 1, year9999},      {KIT_NOW, year9999 + 1},
                                  {INT64_MIN, INT64_MAX},        {INT64_MAX, INT64_MIN}};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", "v", refused[i][0], refused[i][1]),
                         PZ_ERR_TIME);
    assert_int_equal(pz__profile_segment_count(p), 0);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", "v", KIT_NOW + skew, KIT_NOW), PZ_OK);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "x", "v", year1, year9999), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

static pz_status put_claim(pz__profile *p, pz__claim claim, pz__write write)
{
    return pz__profile_put(p, &write, &claim, NULL);
}

static void malformed_claims_are_refused(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("w", KIT_NOW), nobody = kit_write("", KIT_NOW);
    pz__write longer = kit_write("12345678901234567", KIT_NOW), backwards = write, odd = write;
    backwards.skew_ms = -1;
    odd.who = PZ__STR("\xff");
    pz__claim good = {.attribute = PZ__STR("x"), .slot = 1, .value = pz_value_int(1)}, c = good;
    assert_int_equal(put_claim(p, good, nobody), PZ_ERR_ARG);
    assert_int_equal(put_claim(p, good, longer), PZ_ERR_ARG);
    assert_int_equal(put_claim(p, good, backwards), PZ_ERR_ARG);
    assert_int_equal(put_claim(p, good, odd), PZ_ERR_ARG);
    c.slot = 0;
    assert_int_equal(put_claim(p, c, write), PZ_ERR_ARG);
    c.slot = PZ__SLOT_LAST + 1;
    assert_int_equal(put_claim(p, c, write), PZ_ERR_ARG);
    c = good;
    c.confidence = 0.5;
    assert_int_equal(put_claim(p, c, write), PZ_ERR_ARG);
    c.slot = PZ__SLOT_INFERRED;
    static const double beyond[] = {1.0000000000000002, -0.1, NAN};
    for (size_t i = 0; i < sizeof beyond / sizeof beyond[0]; i++) {
        c.confidence = beyond[i];
        assert_int_equal(put_claim(p, c, write), PZ_ERR_ARG);
    }
    c = good;
    c.value = pz_value_strn("\xc3", 1);
    assert_int_equal(put_claim(p, c, write), PZ_ERR_ARG);
    double infinity = 1e308;
    c.value = pz_value_double(infinity * 10);
    assert_int_equal(put_claim(p, c, write), PZ_ERR_DOMAIN);
    static const int64_t other_years[] = {INT64_C(-62135596801), INT64_C(253402300800)};
    for (size_t i = 0; i < sizeof other_years / sizeof other_years[0]; i++) {
        pz_value moment = pz_value_time_ms(0);
        moment.as.i = other_years[i];
        c.value = moment;
        assert_int_equal(put_claim(p, c, write), PZ_ERR_DOMAIN);
        c.value = (pz_value){.kind = PZ_LIST, .len = 1, .as.items = &moment};
        assert_int_equal(put_claim(p, c, write), PZ_ERR_DOMAIN);
    }
    assert_int_equal(pz__profile_segment_count(p), 0);
    pz__profile_free(p);
}

static void lengths_are_limited(void **state)
{
    (void)state;
    static char text[PZ__CLAIM_VALUE_MAX + 1];
    memset(text, 'a', sizeof text);
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write("1234567890123456", KIT_NOW);
    pz__claim c = {.attribute = {text, PZ__NAME_MAX},
                   .slot = 2,
                   .part = {text, PZ__CLAIM_VALUE_MAX},
                   .value = pz_value_strn(text, PZ__CLAIM_VALUE_MAX - 3)};
    write.channel = (pz_str){text, PZ__NAME_MAX};
    write.who = (pz_str){text, PZ__WHO_MAX};
    assert_int_equal(put_claim(p, c, write), PZ_OK);
    kit_check(p);
    pz__claim over = c;
    over.attribute.len++;
    assert_int_equal(put_claim(p, over, write), PZ_ERR_LIMIT);
    over = c;
    over.part.len++;
    assert_int_equal(put_claim(p, over, write), PZ_ERR_LIMIT);
    over = c;
    over.value.len++;
    assert_int_equal(put_claim(p, over, write), PZ_ERR_LIMIT);
    pz__write wide = write;
    wide.channel.len++;
    assert_int_equal(put_claim(p, c, wide), PZ_ERR_LIMIT);
    wide = write;
    wide.who.len++;
    assert_int_equal(put_claim(p, c, wide), PZ_ERR_LIMIT);
    pz__profile_free(p);
}

static void a_segment_holds_so_many_claims(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char name[16];
    for (unsigned i = 0; i < PZ__SEGMENT_CLAIMS_MAX; i++) {
        snprintf(name, sizeof name, "a%u", i);
        assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, name, "v", KIT_NOW, KIT_NOW), PZ_OK);
    }
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "more", "v", KIT_NOW, KIT_NOW), PZ_ERR_LIMIT);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "a7", "u", KIT_NOW, KIT_NOW), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

/* What only the customer may still say. */
static void check_own_words(pz__profile *p)
{
    const pz__write write = kit_write("w", KIT_NOW);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_DECLARED, "more", "v", KIT_NOW, KIT_NOW),
                     PZ_ERR_LIMIT);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_INFERRED, "more", "v", KIT_NOW, KIT_NOW),
                     PZ_ERR_LIMIT);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "more", "v", KIT_NOW, KIT_NOW), PZ_OK);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_MODE, "more", "OFF", KIT_NOW, KIT_NOW), PZ_OK);
    assert_int_equal(pz__profile_deny(p, &write, PZ__GRANT_PURPOSE, PZ__STR("ads"), NULL), PZ_OK);
}

static void what_a_company_says_leaves_room_for_the_customer(void **state)
{
    (void)state;
    pz__profile *p = kit_new(NULL);
    char name[16];
    for (unsigned i = 0; i < PZ__SEGMENT_CLAIMS_MAX - PZ__SEGMENT_CLAIMS_OF_CUSTOMER; i++) {
        snprintf(name, sizeof name, "a%u", i);
        assert_int_equal(kit_put(p, "w", PZ__SLOT_DECLARED, name, "v", KIT_NOW, KIT_NOW), PZ_OK);
    }
    check_own_words(p);
    assert_int_equal(kit_put(p, "w", PZ__SLOT_DECLARED, "a7", "u", KIT_NOW, KIT_NOW), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

static void what_a_company_says_leaves_bytes_for_the_customer(void **state)
{
    (void)state;
    static char text[PZ__CLAIM_VALUE_MAX];
    memset(text, 'b', sizeof text);
    pz__profile *p = kit_new(NULL);
    char name[16];
    pz__claim c = {.slot = PZ__SLOT_DECLARED};
    const pz__write write = kit_write("w", KIT_NOW);
    unsigned made = 0;
    /* Up to the last byte, by ever shorter texts. */
    for (size_t len = sizeof text - 3; len > 0; len /= 2) {
        c.value = pz_value_strn(text, len);
        do {
            snprintf(name, sizeof name, "a%u", made++);
            c.attribute = pz_str_of(name);
        } while (put_claim(p, c, write) == PZ_OK);
    }
    check_own_words(p);
    kit_check(p);
    pz__profile_free(p);
}

/* A speaker stands once in the bytes, and in the estimate with every claim. */
static pz__profile *make_wordy_replica(const char *writer)
{
    static char who[PZ__WHO_MAX];
    memset(who, 'w', sizeof who);
    pz__profile *p = kit_new(NULL);
    pz__write write = kit_write(writer, KIT_NOW);
    write.who = (pz_str){who, sizeof who};
    char name[16];
    for (unsigned i = 0; i < PZ__SEGMENT_CLAIMS_MAX - PZ__SEGMENT_CLAIMS_OF_CUSTOMER; i++) {
        snprintf(name, sizeof name, "a%04u", i);
        const pz__claim c = {
            .attribute = pz_str_of(name), .slot = PZ__SLOT_DECLARED, .value = pz_value_str("v")};
        assert_int_equal(put_claim(p, c, write), PZ_OK);
    }
    return p;
}

/* What replicas hold together may be estimated far beyond what its bytes take. */
static void what_replicas_hold_leaves_bytes_for_the_customer(void **state)
{
    (void)state;
    static const char *const others[] = {"a", "b", "c", "d", "e", "f", "g", "h"};
    pz__profile *p = kit_new(NULL);
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        pz__profile *other = make_wordy_replica(others[i]);
        assert_int_equal(pz__profile_join(p, other, NULL), PZ_OK);
        pz__profile_free(other);
    }
    size_t estimated = 0;
    for (uint32_t i = 0; i < pz__profile_segment_count(p); i++)
        estimated += pz__profile_segment(p, i).cost;
    assert_true(estimated > PZ__PROFILE_BYTES_MAX);
    check_own_words(p);
    const pz__write write = kit_write("w", KIT_NOW);
    const pz__forgetting all = {PZ__STR("*"), INT64_MIN, INT64_MAX, PZ__FORGET_ALL};
    assert_int_equal(pz__profile_undo(p, &write, PZ__STR(""), NULL), PZ_ERR_NOT_FOUND);
    pz__profile_note_begin(p, PZ__STR("choose"));
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "more", "u", KIT_NOW, KIT_NOW), PZ_OK);
    pz__profile_note_end(p);
    assert_int_equal(pz__profile_undo(p, &write, PZ__STR(""), NULL), PZ_OK);
    assert_int_equal(pz__profile_forget(p, &write, &all, NULL), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

static void a_profile_holds_so_many_bytes(void **state)
{
    (void)state;
    static char text[PZ__CLAIM_VALUE_MAX];
    memset(text, 'b', sizeof text);
    pz__profile *p = kit_new(NULL);
    char name[16];
    pz__claim c = {.slot = 1, .value = pz_value_strn(text, sizeof text - 3)};
    pz__write write = kit_write("w", KIT_NOW);
    pz_status status = PZ_OK;
    unsigned made = 0;
    for (; status == PZ_OK && made < PZ__SEGMENT_CLAIMS_MAX; made++) {
        snprintf(name, sizeof name, "a%u", made);
        c.attribute = pz_str_of(name);
        status = put_claim(p, c, write);
    }
    assert_int_equal(status, PZ_ERR_LIMIT);
    pz__buf bytes = kit_bytes(p);
    assert_in_range(bytes.len, PZ__PROFILE_BYTES_MAX * 9 / 10, PZ__PROFILE_BYTES_MAX);
    pz__buf_clear(&bytes);
    /* Replacing by something smaller is allowed. */
    assert_int_equal(kit_put(p, "w", PZ__SLOT_CHOICE, "a0", "v", KIT_NOW, KIT_NOW), PZ_OK);
    kit_check(p);
    pz__profile_free(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_newer_choice_replaces_the_older),
        cmocka_unit_test(an_older_fact_changes_nothing_but_counts),
        cmocka_unit_test(what_was_chosen_once_keeps_its_stamp_and_hides_nothing_newer),
        cmocka_unit_test(what_was_chosen_once_is_kept_for_the_newest_values_only),
        cmocka_unit_test(what_was_forgotten_is_said_by_nobody),
        cmocka_unit_test(stamps_grow_past_all_writers),
        cmocka_unit_test(facts_of_several_writers_rank_by_claimed_time),
        cmocka_unit_test(clearing_keeps_the_register_without_a_value),
        cmocka_unit_test(slots_and_parts_are_registers_of_their_own),
        cmocka_unit_test(a_claim_keeps_everything_it_was_given),
        cmocka_unit_test(a_confidence_comes_back_to_the_bit),
        cmocka_unit_test(bad_times_are_refused),
        cmocka_unit_test(malformed_claims_are_refused),
        cmocka_unit_test(lengths_are_limited),
        cmocka_unit_test(a_segment_holds_so_many_claims),
        cmocka_unit_test(what_a_company_says_leaves_room_for_the_customer),
        cmocka_unit_test(what_a_company_says_leaves_bytes_for_the_customer),
        cmocka_unit_test(what_replicas_hold_leaves_bytes_for_the_customer),
        cmocka_unit_test(a_profile_holds_so_many_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
