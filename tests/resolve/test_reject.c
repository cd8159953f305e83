/*
 * test_reject.c: "not this value", and what lifts it.
 */
#include "resolve/world.h"

#include <stdio.h>

static void world_with_default(world *w)
{
    world_flat(w);
    w->attribute.has_default = true;
    w->attribute.default_value = pz_value_str("en");
}

static void a_rejected_value_is_answered_by_no_lower_tier(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_reject(&w, "fr", DAY(3));
    world_declare(&w, "fr", DAY(9));
    world_infer(&w, "fr", 0.99, DAY(9));
    world_choose_account(&w, "fr", DAY(9));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_reject(&w, "en", DAY(10));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

static void evidence_for_a_rejected_value_is_silent(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_sight(&w, "fr", 40, DAY(9));
    assert_string_equal(world_answer(&w), "fr INFERRED INFERRED");
    world_reject(&w, "fr", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    assert_string_equal(world_layers(&w), "DEFAULT en USED");
    world_end(&w);
}

static void rejecting_what_was_chosen_takes_it_back(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_choose(&w, "de", DAY(3));
    world_reject(&w, "de", DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    assert_string_equal(world_layers(&w), "CHOICE de REJECTED, DEFAULT en USED");
    world_end(&w);
}

static void rejecting_another_value_leaves_the_choice(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_choose(&w, "de", DAY(3));
    world_reject(&w, "fr", DAY(4));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void choosing_lifts_the_rejection_for_good(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_reject(&w, "de", DAY(2));
    w.writer = "w2";
    world_choose(&w, "de", DAY(3));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    w.expires = DAY(10);
    world_choose(&w, "fr", DAY(4));
    w.attribute.has_recommended = true;
    w.attribute.recommended = pz_value_str("de");
    assert_string_equal(world_answer(&w), "de RECOMMENDED RECOMMENDED");
    world_end(&w);
}

static void a_bare_choice_register_lifts_as_well(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_reject(&w, "de", DAY(2));
    w.writer = "w2";
    world_put(&w, &(pz__claim){.slot = PZ__SLOT_CHOICE, .value = pz_value_str("de")}, DAY(3));
    assert_string_equal(world_answer(&w), "de CHOICE EXPLICIT");
    world_end(&w);
}

static void clearing_lifts_all_rejections_before_it(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_reject(&w, "en", DAY(2));
    world_reject(&w, "de", DAY(3));
    w.writer = "w2";
    world_clear(&w, DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_reject(&w, "en", DAY(5));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

static void a_clearing_still_lifts_when_the_choice_was_made_anew(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_reject(&w, "en", DAY(2));
    w.writer = "w2";
    world_clear(&w, DAY(3));
    w.expires = DAY(10);
    world_choose(&w, "fr", DAY(4));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void a_rejection_holds_under_off(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_reject(&w, "en", DAY(2));
    world_mode(&w, "OFF", DAY(3));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

static void a_rejection_may_expire_and_may_lie_ahead(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    w.expires = DAY(10);
    world_reject(&w, "en", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    w.now = DAY(9);
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    w.now = DAY(3) - 1;
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void the_accounts_rejections_do_not_bind_the_person(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    pz__profile *person = w.person;
    w.person = w.account;
    world_reject(&w, "en", DAY(3));
    w.person = person;
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

static void reject_by_account(world *w, const char *value, int64_t at)
{
    pz__profile *person = w->person;
    w->person = w->account;
    world_reject(w, value, at);
    w->person = person;
}

static void the_accounts_own_rejection_ends_its_choice(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_choose_account(&w, "fr", DAY(2));
    reject_by_account(&w, "fr", DAY(3));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    assert_string_equal(world_layers(&w), "ACCOUNT_CHOICE fr REJECTED, DEFAULT en USED");
    world_mode(&w, "OFF", DAY(3));
    assert_string_equal(world_layers(&w), "ACCOUNT_CHOICE fr MODE, DEFAULT en USED");
    world_mode(&w, "AUTO", DAY(4));
    world_declare(&w, "fr", DAY(4));
    assert_string_equal(world_answer(&w), "fr DECLARED DECLARED");
    world_choose_account(&w, "fr", DAY(5));
    assert_string_equal(world_answer(&w), "fr ACCOUNT_CHOICE EXPLICIT");
    world_end(&w);
}

static void the_account_rejects_a_subtree_of_its_own_choices(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_choose_account(&w, "roses", DAY(2));
    reject_by_account(&w, "garden", DAY(3));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    w.now = DAY(3) - 1;
    assert_string_equal(world_answer(&w), "roses ACCOUNT_CHOICE EXPLICIT");
    world_end(&w);
}

static void rejecting_a_node_rejects_its_subtree(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_reject(&w, "garden", DAY(2));
    world_sight(&w, "roses", 30, DAY(18));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_declare(&w, "roses", DAY(18));
    assert_string_equal(world_layers(&w), "DECLARED roses REJECTED");
    world_end(&w);
}

static void rejecting_a_leaf_leaves_its_parent_with_the_evidence(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_reject(&w, "roses", DAY(2));
    world_sight(&w, "roses", 30, DAY(18));
    assert_string_equal(world_answer(&w), "garden INFERRED INFERRED");
    assert_int_equal(world_ask(&w).evidence, 30 * 1024);
    world_end(&w);
}

static void what_was_chosen_after_its_ancestor_was_rejected_stays(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_reject(&w, "garden", DAY(2));
    world_choose(&w, "roses", DAY(3));
    assert_string_equal(world_answer(&w), "roses CHOICE EXPLICIT");
    world_choose(&w, "sofas", DAY(4));
    world_clear(&w, DAY(1)); /* the stamp is what counts: this is the newest word */
    world_declare(&w, "tools", DAY(5));
    assert_string_equal(world_answer(&w), "tools DECLARED DECLARED");
    world_end(&w);
}

static void the_exception_lasts_when_another_choice_replaced_it(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_reject(&w, "garden", DAY(2));
    world_choose(&w, "roses", DAY(3));
    w.expires = DAY(10);
    world_choose(&w, "sofas", DAY(4));
    world_declare(&w, "roses", DAY(5));
    w.expires = 0;
    world_declare(&w, "roses", DAY(5));
    assert_string_equal(world_answer(&w), "roses DECLARED DECLARED");
    world_declare(&w, "tools", DAY(6));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_end(&w);
}

static void choosing_the_ancestor_leaves_the_leafs_own_rejection(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    world_reject(&w, "roses", DAY(2));
    world_choose(&w, "garden", DAY(3));
    assert_string_equal(world_answer(&w), "garden CHOICE EXPLICIT");
    world_mode(&w, "AUTO", DAY(4));
    world_put(&w, &(pz__claim){.slot = PZ__SLOT_CHOICE, .value = pz_value_str("tools")}, DAY(4));
    world_choose(&w, "garden", DAY(5));
    world_declare(&w, "roses", DAY(5));
    assert_string_equal(world_layers(&w), "CHOICE garden USED, DECLARED roses REJECTED");
    world_end(&w);
}

static void values_without_a_domain_are_rejected_whole(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    world_declare(&w, "Rosa", DAY(2));
    world_reject(&w, "Rosa", DAY(3));
    assert_string_equal(world_answer(&w), "- NONE UNRESOLVED");
    world_declare(&w, "Rose", DAY(4));
    assert_string_equal(world_answer(&w), "Rose DECLARED DECLARED");
    w.writer = "w2";
    world_choose(&w, "Rosa", DAY(5));
    w.writer = "w1";
    world_declare(&w, "Rosa", DAY(6));
    assert_string_equal(world_layers(&w), "CHOICE Rosa USED, DECLARED Rosa SHADOWED");
    world_end(&w);
}

static void many_rejections_without_a_domain_are_all_found(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    char text[16];
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "value%d", i * 77 % 200);
        world_reject(&w, text, DAY(2) + i);
    }
    for (int i = 0; i < 203; i++) {
        snprintf(text, sizeof text, "value%d", i);
        world_declare(&w, text, DAY(3) + i);
        assert_int_equal(world_ask(&w).tier == PZ__TIER_NONE, i < 200);
    }
    world_end(&w);
}

static void equal_numbers_are_one_value_to_a_rejection(void **state)
{
    (void)state;
    world w;
    world_plain(&w);
    w.attribute.type = &pz__type_dyn;
    for (int64_t i = 0; i < 9; i++)
        world_put(&w,
                  &(pz__claim){.slot = PZ__SLOT_REJECT,
                               .part = {(const char *)&i, sizeof i},
                               .value = i % 3 == 0   ? pz_value_int(i)
                                        : i % 3 == 1 ? pz_value_uint((uint64_t)i)
                                                     : pz_value_double((double)i)},
                  DAY(2));
    for (int64_t i = 0; i < 10; i++) {
        const pz_value spellings[] = {pz_value_int(i), pz_value_uint((uint64_t)i),
                                      pz_value_double((double)i)};
        for (int j = 0; j < 3; j++) {
            world_put(&w, &(pz__claim){.slot = PZ__SLOT_DECLARED, .value = spellings[j]},
                      DAY(3) + i);
            assert_int_equal(world_ask(&w).tier == PZ__TIER_NONE, i < 9);
        }
    }
    world_end(&w);
}

static void damaged_registers_say_nothing(void **state)
{
    (void)state;
    world w;
    world_with_default(&w);
    world_put(
        &w, &(pz__claim){.slot = PZ__SLOT_REJECT, .part = PZ__STR("\xff\xff"), .is_cleared = true},
        DAY(2));
    world_put(
        &w,
        &(pz__claim){.slot = PZ__SLOT_REJECT, .part = PZ__STR("\x01"), .value = pz_value_str("it")},
        DAY(2));
    assert_string_equal(world_answer(&w), "en DEFAULT DEFAULT");
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_rejected_value_is_answered_by_no_lower_tier),
        cmocka_unit_test(evidence_for_a_rejected_value_is_silent),
        cmocka_unit_test(rejecting_what_was_chosen_takes_it_back),
        cmocka_unit_test(rejecting_another_value_leaves_the_choice),
        cmocka_unit_test(choosing_lifts_the_rejection_for_good),
        cmocka_unit_test(a_bare_choice_register_lifts_as_well),
        cmocka_unit_test(clearing_lifts_all_rejections_before_it),
        cmocka_unit_test(a_clearing_still_lifts_when_the_choice_was_made_anew),
        cmocka_unit_test(a_rejection_holds_under_off),
        cmocka_unit_test(a_rejection_may_expire_and_may_lie_ahead),
        cmocka_unit_test(the_accounts_rejections_do_not_bind_the_person),
        cmocka_unit_test(the_accounts_own_rejection_ends_its_choice),
        cmocka_unit_test(the_account_rejects_a_subtree_of_its_own_choices),
        cmocka_unit_test(rejecting_a_node_rejects_its_subtree),
        cmocka_unit_test(rejecting_a_leaf_leaves_its_parent_with_the_evidence),
        cmocka_unit_test(what_was_chosen_after_its_ancestor_was_rejected_stays),
        cmocka_unit_test(the_exception_lasts_when_another_choice_replaced_it),
        cmocka_unit_test(choosing_the_ancestor_leaves_the_leafs_own_rejection),
        cmocka_unit_test(values_without_a_domain_are_rejected_whole),
        cmocka_unit_test(many_rejections_without_a_domain_are_all_found),
        cmocka_unit_test(equal_numbers_are_one_value_to_a_rejection),
        cmocka_unit_test(damaged_registers_say_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
