/*
 * test_tiers.c: which tier answers, one test per sentence.
 */
#include "resolve/world.h"

#include <math.h>

/* A flat world with a default and a recommendation. */
static void world_usual(world *w)
{
    world_flat(w);
    w->attribute.has_default = true;
    w->attribute.default_value = pz_value_str("en");
}

static void recommend(world *w, const char *value)
{
    w->attribute.has_recommended = true;
    w->attribute.recommended = pz_value_str(value);
}

static void no_claim_and_no_default_is_unresolved(void **state)
{
    (void)state;
    world w;
    world_flat(&w);
    const pz__resolution r = world_ask(&w);
    assert_int_equal(r.tier, PZ__TIER_NONE);
    assert_int_equal(r.reason, PZ__REASON_UNRESOLVED);
    assert_int_equal(r.value.kind, PZ_NULL);
    world_end(&w);
}

static void recommended_stands_before_default(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    recommend(&w, "fr");
    assert_string_equal(world_answer(&w), "fr RECOMMENDED RECOMMENDED");
    world_end(&w);
}

static void a_choice_answers_and_tells_where_it_comes_from(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(3));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    const pz__resolution r = world_ask(&w);
    assert_true(pz__str_equal(r.channel, PZ__STR("web")));
    assert_true(pz__str_equal(r.writer, PZ__STR("w1")));
    assert_int_equal(r.at_ms, DAY(3));
    assert_false(r.has_confidence);
    world_end(&w);
}

static void a_choice_wins_over_newer_facts_and_surer_guesses(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(3));
    world_declare(&w, "fr", DAY(9));
    world_infer(&w, "fr", 1.0, DAY(10));
    world_sight(&w, "fr", 50, DAY(11));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void a_fact_wins_over_an_inferred_claim(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_declare(&w, "fr", DAY(3));
    world_infer(&w, "de", 0.99, DAY(9));
    assert_string_equal(world_answer(&w), "fr DECLARED DECLARED");
    world_end(&w);
}

static void only_choices_of_the_account_count(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose_account(&w, "fr", DAY(3));
    assert_string_equal(world_answer(&w), "fr ACCOUNT_CHOICE EXPLICIT");
    world_declare(&w, "de", DAY(9));
    assert_string_equal(world_answer(&w), "fr ACCOUNT_CHOICE EXPLICIT");
    world_choose(&w, "de", DAY(2));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void what_was_declared_about_the_account_does_not_count(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    pz__profile *person = w.person;
    w.person = w.account;
    world_declare(&w, "fr", DAY(3));
    w.person = person;
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void clearing_reveals_the_tier_beneath(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_sight(&w, "de", 20, DAY(2));
    world_choose_account(&w, "fr", DAY(2));
    world_choose(&w, "en", DAY(3));
    world_clear(&w, DAY(4));
    assert_string_equal(world_answer(&w), "fr ACCOUNT_CHOICE EXPLICIT");
    pz__view view = world_view(&w);
    view.accounts.count = 0;
    pz__resolution r;
    assert_int_equal(pz__resolve(&view, &w.attribute, NULL, &r), PZ_OK);
    assert_int_equal(r.tier, PZ__TIER_INFERRED);
    world_end(&w);
}

static void choosing_after_clearing_counts_again(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(3));
    world_clear(&w, DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_choose(&w, "fr", DAY(5));
    assert_string_equal(world_answer(&w), "fr CHOICE EXPLICIT");
    world_end(&w);
}

static void facts_rank_by_claimed_time_and_choices_by_stamp(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_declare(&w, "de", DAY(12));
    w.write_now = DAY(15);
    world_declare(&w, "fr", DAY(2));
    assert_string_equal(world_answer(&w), "de DECLARED DECLARED");
    w.write_now = 0;
    world_choose(&w, "de", DAY(16));
    w.write_now = DAY(18);
    world_choose(&w, "fr", DAY(2));
    assert_string_equal(world_answer(&w), "fr CHOICE EXPLICIT");
    world_end(&w);
}

static void equal_stamps_fall_to_the_greater_writer(void **state)
{
    (void)state;
    world a, b;
    world_usual(&a);
    world_usual(&b);
    world_choose(&a, "de", DAY(9));
    b.writer = "w2";
    world_choose(&b, "fr", DAY(9));
    assert_int_equal(pz__profile_join(a.person, b.person, NULL), PZ_OK);
    assert_string_equal(world_answer(&a), "fr CHOICE EXPLICIT");
    world_end(&a);
    world_end(&b);
}

static void a_claim_is_gone_at_the_very_moment_of_its_expiry(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    w.expires = w.now;
    world_choose(&w, "de", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    w.now--;
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void an_expired_choice_does_not_bring_back_its_predecessor(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(3));
    w.expires = DAY(10);
    w.writer = "w2";
    world_choose(&w, "fr", DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void a_claim_of_the_future_is_not_yet_in_force(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(10));
    w.now = DAY(10) - 1;
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    w.now = DAY(10);
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void retention_ends_facts_and_guesses_but_no_choice(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    w.attribute.retention_ms = 10 * 24 * HOUR;
    world_declare(&w, "de", DAY(2));
    world_infer(&w, "fr", 0.99, DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    w.now = DAY(12) - 1;
    assert_string_equal(world_answer(&w), "de DECLARED DECLARED");
    w.now = DAY(12);
    assert_string_equal(world_answer(&w), "fr INFERRED INFERRED");
    world_choose(&w, "de", DAY(2));
    w.now = DAY(300);
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void manual_leaves_choices_and_the_default(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    recommend(&w, "fr");
    world_declare(&w, "de", DAY(2));
    world_infer(&w, "de", 0.99, DAY(2));
    world_mode(&w, "MANUAL", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_choose_account(&w, "fr", DAY(4));
    assert_string_equal(world_answer(&w), "fr ACCOUNT_CHOICE EXPLICIT");
    world_choose(&w, "de", DAY(4));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void off_leaves_the_default_alone_and_says_so(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    recommend(&w, "fr");
    world_choose(&w, "de", DAY(2));
    world_choose_account(&w, "fr", DAY(2));
    world_mode(&w, "OFF", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DISABLED");
    world_mode(&w, "AUTO", DAY(4));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void the_accounts_mode_does_not_bind_the_person(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(2));
    pz__profile *person = w.person;
    w.person = w.account;
    world_mode(&w, "OFF", DAY(3));
    w.person = person;
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void the_newest_mode_counts_over_all_writers(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_choose(&w, "de", DAY(2));
    w.writer = "w9";
    world_mode(&w, "OFF", DAY(3));
    w.writer = "w1";
    world_mode(&w, "AUTO", DAY(4));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void a_hosts_claim_answers_iff_it_reaches_the_threshold(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_infer(&w, "de", 0.7499, DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_infer(&w, "de", 0.75, DAY(4));
    assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    assert_int_equal(world_ask(&w).confidence, 49152);
    assert_true(world_ask(&w).has_confidence);
    world_end(&w);
}

static void a_stated_confidence_reaches_the_same_threshold(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    for (int hundredths = 51; hundredths < 100; hundredths++) {
        w.attribute.threshold = hundredths / 100.0;
        world_infer(&w, "de", hundredths / 100.0, DAY(3));
        assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
        world_infer(&w, "de", hundredths / 100.0 - 0.0001, DAY(3));
        assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
        world_infer(&w, "de", nextafter(hundredths / 100.0, 1.0), DAY(3));
        assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
        world_infer(&w, "de", nextafter(hundredths / 100.0, 0.0), DAY(3));
        assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
        w.attribute.threshold = nextafter(hundredths / 100.0, 0.0);
        assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    }
    world_end(&w);
}

static void a_newer_uncertain_claim_silences_the_older_one_of_its_channel(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_infer(&w, "de", 0.9, DAY(3));
    world_infer(&w, "fr", 0.4, DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    w.channel = "app";
    world_infer(&w, "de", 0.8, DAY(3));
    assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    assert_true(pz__str_equal(world_ask(&w).channel, PZ__STR("app")));
    world_end(&w);
}

static void without_a_threshold_nothing_inferred_is_asserted(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    w.attribute.threshold = 0.0;
    w.attribute.is_group = true;
    world_infer(&w, "de", 1.0, DAY(3));
    world_sight(&w, "de", 100, DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void the_surer_of_claim_and_evidence_answers(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_sight(&w, "de", 40, DAY(18)); /* (40 + 2/3) / 42 = 0.968 */
    world_infer(&w, "fr", 0.96, DAY(19));
    assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    world_infer(&w, "fr", 0.98, DAY(19));
    assert_string_equal(world_answer(&w), "fr INFERRED INFERRED");
    world_end(&w);
}

static void of_equal_confidence_the_evidence_answers(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    world_sight(&w, "de", 40, DAY(18));
    const uint32_t confidence = world_ask(&w).confidence;
    world_infer(&w, "fr", confidence / 65536.0, DAY(19));
    assert_string_equal(world_answer(&w), "de INFERRED INFERRED");
    world_infer(&w, "fr", (confidence + 1) / 65536.0, DAY(19));
    assert_string_equal(world_answer(&w), "fr INFERRED INFERRED");
    world_end(&w);
}

static void group_is_asked_without_personal_evidence(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    w.attribute.strength = 50.0;
    w.nodes[1].share = 0.96;
    w.nodes[2].share = w.nodes[3].share = 0.02;
    world_sight(&w, "de", 2, DAY(18));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    w.attribute.is_group = true;
    assert_string_equal(world_answer(&w), "de GROUP GROUP");
    assert_int_equal(world_ask(&w).confidence, 63015); /* 50 / 52 */
    world_end(&w);
}

static void a_stored_value_that_the_catalog_dropped_is_skipped(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    static const pz_value allowed[] = {{.kind = PZ_STRING, .len = 2, .as.text = "de"},
                                       {.kind = PZ_STRING, .len = 2, .as.text = "en"},
                                       {.kind = PZ_STRING, .len = 2, .as.text = "fr"}};
    w.attribute.one_of = allowed;
    w.attribute.one_of_count = 3;
    world_choose(&w, "it", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_put(&w, &(pz__claim){.slot = PZ__SLOT_CHOICE, .value = pz_value_int(7)}, DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void what_has_no_granted_purpose_changes_nothing(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    w.attribute.purpose = PZ__STR("ads");
    world_declare(&w, "fr", DAY(3));
    world_infer(&w, "fr", 0.99, DAY(3));
    world_sight(&w, "fr", 40, DAY(4));
    assert_string_equal(world_layers(&w), "DEFAULT en USED");
    world_choose(&w, "de", DAY(3));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void nobody_gets_the_catalogs_answer(void **state)
{
    (void)state;
    world w;
    world_usual(&w);
    const pz__view view = {.catalog = &w.catalog, .now_ms = w.now, .arena = &w.arena};
    pz__resolution r;
    assert_int_equal(pz__resolve(&view, &w.attribute, NULL, &r), PZ_OK);
    assert_int_equal(r.tier, PZ__TIER_DEFAULT);
    world_end(&w);
}

static void names_are_the_published_words(void **state)
{
    (void)state;
    assert_string_equal(pz__tier_name(PZ__TIER_ACCOUNT_CHOICE), "ACCOUNT_CHOICE");
    assert_string_equal(pz__reason_name(PZ__REASON_DISABLED), "DISABLED");
    assert_string_equal(pz__fate_name(PZ__FATE_BOUNDED), "BOUNDED");
    for (int i = 0; i <= PZ__TIER_DEFAULT; i++)
        assert_string_not_equal(pz__tier_name((pz__tier)i), "?");
    for (int i = 0; i <= PZ__REASON_BOUNDED; i++)
        assert_string_not_equal(pz__reason_name((pz__reason)i), "?");
    assert_string_equal(pz__tier_name((pz__tier)9), "?");
    assert_string_equal(pz__reason_name((pz__reason)99), "?");
    assert_string_equal(pz__fate_name((pz__fate)10), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_claim_and_no_default_is_unresolved),
        cmocka_unit_test(recommended_stands_before_default),
        cmocka_unit_test(a_choice_answers_and_tells_where_it_comes_from),
        cmocka_unit_test(a_choice_wins_over_newer_facts_and_surer_guesses),
        cmocka_unit_test(a_fact_wins_over_an_inferred_claim),
        cmocka_unit_test(only_choices_of_the_account_count),
        cmocka_unit_test(what_was_declared_about_the_account_does_not_count),
        cmocka_unit_test(clearing_reveals_the_tier_beneath),
        cmocka_unit_test(choosing_after_clearing_counts_again),
        cmocka_unit_test(facts_rank_by_claimed_time_and_choices_by_stamp),
        cmocka_unit_test(equal_stamps_fall_to_the_greater_writer),
        cmocka_unit_test(a_claim_is_gone_at_the_very_moment_of_its_expiry),
        cmocka_unit_test(an_expired_choice_does_not_bring_back_its_predecessor),
        cmocka_unit_test(a_claim_of_the_future_is_not_yet_in_force),
        cmocka_unit_test(retention_ends_facts_and_guesses_but_no_choice),
        cmocka_unit_test(manual_leaves_choices_and_the_default),
        cmocka_unit_test(off_leaves_the_default_alone_and_says_so),
        cmocka_unit_test(the_accounts_mode_does_not_bind_the_person),
        cmocka_unit_test(the_newest_mode_counts_over_all_writers),
        cmocka_unit_test(a_hosts_claim_answers_iff_it_reaches_the_threshold),
        cmocka_unit_test(a_stated_confidence_reaches_the_same_threshold),
        cmocka_unit_test(a_newer_uncertain_claim_silences_the_older_one_of_its_channel),
        cmocka_unit_test(without_a_threshold_nothing_inferred_is_asserted),
        cmocka_unit_test(the_surer_of_claim_and_evidence_answers),
        cmocka_unit_test(of_equal_confidence_the_evidence_answers),
        cmocka_unit_test(group_is_asked_without_personal_evidence),
        cmocka_unit_test(a_stored_value_that_the_catalog_dropped_is_skipped),
        cmocka_unit_test(what_has_no_granted_purpose_changes_nothing),
        cmocka_unit_test(nobody_gets_the_catalogs_answer),
        cmocka_unit_test(names_are_the_published_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
