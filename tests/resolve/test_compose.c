/*
 * Sets and records: elements and members that resolve one by one.
 */
#include "resolve/scene.h"

#define WAYS                                                                                       \
    "{'x': {'type': 'list<string>', 'merge': 'set', 'one_of': ['email', 'post', 'push', 'sms'], "  \
    "'default': ['email'], 'threshold': 0.75, 'min_evidence': 3, 'prior': {'strength': 2}}}"
#define ADDRESS                                                                                    \
    "{'x': {'type': 'map<string,string>', 'merge': 'record', 'default': {'country': 'DE'}, "       \
    "'threshold': 0.75}}"

static void add(scene *s, const char *element, int64_t at)
{
    scene_say(s, PZ__SLOT_CHOICE, element, element, at);
}

static void remove_element(scene *s, const char *element, int64_t at)
{
    scene_say(s, PZ__SLOT_REJECT, element, element, at);
}

static void clear(scene *s, int64_t at)
{
    scene_say(s, PZ__SLOT_CHOICE, NULL, NULL, at);
    scene_say(s, PZ__SLOT_REJECT, NULL, NULL, at);
}

static void mode(scene *s, const char *to, int64_t at)
{
    scene_say(s, PZ__SLOT_MODE, NULL, to, at);
}

#define EXPECT(s, text) assert_string_equal(scene_answer(s), text)

/* ---- sets ---- */

static void an_element_chosen_joins_the_default(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    EXPECT(&s, "['email'] DEFAULT DEFAULT email:DEFAULT");
    add(&s, "'sms'", DAY(3));
    EXPECT(&s, "['email','sms'] CHOICE EXPLICIT email:DEFAULT sms:CHOICE");
    scene_close(&s);
}

static void a_removal_takes_part_even_where_nothing_was(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    remove_element(&s, "'sms'", DAY(3));
    EXPECT(&s, "['email'] CHOICE EXPLICIT email:DEFAULT");
    remove_element(&s, "'email'", DAY(4));
    EXPECT(&s, "[] CHOICE EXPLICIT");
    scene_close(&s);
}

static void the_newest_of_adding_and_removing_an_element_wins(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    add(&s, "'sms'", DAY(2));
    remove_element(&s, "'sms'", DAY(3));
    EXPECT(&s, "['email'] CHOICE EXPLICIT email:DEFAULT");
    s.writer = "w0";
    add(&s, "'sms'", DAY(4));
    EXPECT(&s, "['email','sms'] CHOICE EXPLICIT email:DEFAULT sms:CHOICE");
    scene_close(&s);
}

static void a_removal_blocks_what_is_inferred_and_declared(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    scene_sight(&s, "'push'", 40, DAY(18));
    scene_say(&s, PZ__SLOT_DECLARED, "'post'", "'post'", DAY(5));
    EXPECT(&s, "['email','post','push'] INFERRED INFERRED 0.98 email:DEFAULT post:DECLARED "
               "push:INFERRED");
    remove_element(&s, "'push'", DAY(2));
    remove_element(&s, "'post'", DAY(2));
    EXPECT(&s, "['email'] CHOICE EXPLICIT email:DEFAULT");
    scene_close(&s);
}

static void a_removal_that_expired_reveals_the_next_tier_not_an_older_add(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    add(&s, "'sms'", DAY(2));
    s.expires = DAY(5);
    remove_element(&s, "'sms'", DAY(3));
    EXPECT(&s, "['email'] DEFAULT DEFAULT email:DEFAULT");
    assert_string_equal(scene_layers(&s, false),
                        "email DEFAULT 'email' USED, sms CHOICE not 'sms' EXPIRED");
    scene_close(&s);
}

static void clearing_takes_back_adds_and_removals_of_every_writer(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    add(&s, "'sms'", DAY(2));
    s.writer = "w2";
    remove_element(&s, "'email'", DAY(3));
    s.writer = "w3";
    clear(&s, DAY(4));
    EXPECT(&s, "['email'] DEFAULT DEFAULT email:DEFAULT");
    s.writer = "w1";
    add(&s, "'post'", DAY(5));
    EXPECT(&s, "['email','post'] CHOICE EXPLICIT email:DEFAULT post:CHOICE");
    scene_close(&s);
}

static void elements_are_independent(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    scene_sight(&s, "'push'", 40, DAY(17));
    scene_sight(&s, "'sms'", 30, DAY(18));
    EXPECT(&s, "['email','push','sms'] INFERRED INFERRED 0.97 email:DEFAULT push:INFERRED "
               "sms:INFERRED");
    scene_sight(&s, "'push'", -40, DAY(19));
    EXPECT(&s, "['email','sms'] INFERRED INFERRED 0.97 email:DEFAULT sms:INFERRED");
    scene_close(&s);
}

static void without_a_domain_the_elements_seen_are_asked_about(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "{'x': {'type': 'list<string>', 'merge': 'set', 'threshold': 0.75}}");
    EXPECT(&s, "- NONE UNRESOLVED");
    scene_sight(&s, "'jazz'", 20, DAY(18));
    scene_sight(&s, "'folk'", 2, DAY(18));
    EXPECT(&s, "['jazz'] INFERRED INFERRED 0.98 jazz:INFERRED");
    scene_close(&s);
}

static void a_set_may_be_empty_but_is_not_unresolved(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "{'x': {'type': 'list<string>', 'merge': 'set', 'default': []}}");
    EXPECT(&s, "[] DEFAULT DEFAULT");
    mode(&s, "'OFF'", DAY(3));
    EXPECT(&s, "[] DEFAULT DISABLED");
    scene_close(&s);
}

static void recommended_and_default_are_united(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "{'x': {'type': 'list<string>', 'merge': 'set', 'default': ['a', 'b'], "
                   "'recommended': ['b', 'c']}}");
    EXPECT(&s, "['a','b','c'] DEFAULT DEFAULT a:DEFAULT b:RECOMMENDED c:RECOMMENDED");
    mode(&s, "'MANUAL'", DAY(3));
    EXPECT(&s, "['a','b'] DEFAULT DEFAULT a:DEFAULT b:DEFAULT");
    scene_close(&s);
}

static void manual_leaves_choices_and_the_default(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    add(&s, "'sms'", DAY(2));
    scene_say(&s, PZ__SLOT_DECLARED, "'post'", "'post'", DAY(2));
    scene_sight(&s, "'push'", 40, DAY(18));
    mode(&s, "'MANUAL'", DAY(3));
    EXPECT(&s, "['email','sms'] CHOICE EXPLICIT email:DEFAULT sms:CHOICE");
    mode(&s, "'OFF'", DAY(4));
    EXPECT(&s, "['email'] DEFAULT DISABLED email:DEFAULT");
    scene_close(&s);
}

static void a_lock_fixes_the_whole_set(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    add(&s, "'sms'", DAY(2));
    s.force = (pz__force){.has_lock = true, .lock = scene_value(&s, "['post']")};
    EXPECT(&s, "['post'] LOCK LOCKED");
    assert_string_equal(
        scene_layers(&s, false),
        "LOCK ['post'] USED, email DEFAULT 'email' SHADOWED, sms CHOICE 'sms' SHADOWED");
    scene_close(&s);
}

static void a_bound_skips_elements(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    add(&s, "'sms'", DAY(2));
    scene_sight(&s, "'push'", 40, DAY(18));
    const pz_value allowed[] = {pz_value_str("email"), pz_value_str("push")};
    s.force = (pz__force){.has_one_of = true, .one_of = allowed, .one_of_count = 2};
    EXPECT(&s, "['email','push'] INFERRED INFERRED 0.98 email:DEFAULT push:INFERRED");
    assert_string_equal(scene_layers(&s, false), "email DEFAULT 'email' USED, push INFERRED 'push' "
                                                 "USED, sms CHOICE 'sms' BOUNDED");
    s.force.one_of_count = 0;
    EXPECT(&s, "[] DEFAULT DEFAULT");
    scene_close(&s);
}

#define GOODS                                                                                      \
    "{'attributes': {'x': {'type': 'list<string>', 'merge': 'set', 'taxonomy': 'goods', "          \
    "'default': ['home']}}, 'taxonomies': {'goods': {'garden': {'roses': {'red': {}}, "            \
    "'tools': {}}, 'home': {}}}}"

static void removing_a_node_removes_its_subtree_but_what_was_added_later(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, GOODS);
    scene_say(&s, PZ__SLOT_DECLARED, "'tools'", "'tools'", DAY(2));
    add(&s, "'red'", DAY(2));
    remove_element(&s, "'garden'", DAY(3));
    EXPECT(&s, "['home'] CHOICE EXPLICIT home:DEFAULT");
    assert_string_equal(scene_layers(&s, false),
                        "garden CHOICE not 'garden' USED, home DEFAULT 'home' USED, "
                        "red CHOICE not 'red' USED, roses CHOICE not 'roses' USED, "
                        "tools CHOICE not 'tools' USED, tools DECLARED 'tools' SHADOWED");
    add(&s, "'roses'", DAY(4));
    EXPECT(&s, "['home','roses'] CHOICE EXPLICIT home:DEFAULT roses:CHOICE");
    clear(&s, DAY(5));
    EXPECT(&s, "['home','tools'] DECLARED DECLARED home:DEFAULT tools:DECLARED");
    scene_close(&s);
}

static void an_element_taken_back_lifts_no_removal_of_others(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, GOODS);
    scene_say(&s, PZ__SLOT_DECLARED, "'tools'", "'tools'", DAY(2));
    remove_element(&s, "'garden'", DAY(3));
    scene_say(&s, PZ__SLOT_CHOICE, "'home'", NULL, DAY(4)); /* as undoing its add does */
    EXPECT(&s, "['home'] CHOICE EXPLICIT home:DEFAULT");
    scene_close(&s);
}

static void accounts_add_but_do_not_forbid(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    s.into = s.accounts[1];
    add(&s, "'sms'", DAY(2));
    remove_element(&s, "'email'", DAY(2));
    EXPECT(&s, "['email','sms'] ACCOUNT_CHOICE EXPLICIT email:DEFAULT sms:ACCOUNT_CHOICE");
    s.into = s.accounts[0];
    add(&s, "'post'", DAY(3));
    s.into = s.person;
    remove_element(&s, "'post'", DAY(1));
    EXPECT(&s, "['email','sms'] ACCOUNT_CHOICE EXPLICIT email:DEFAULT sms:ACCOUNT_CHOICE");
    scene_close(&s);
}

static void a_host_names_elements_of_its_own(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    s.confidence = 0.8;
    scene_say(&s, PZ__SLOT_INFERRED, "'post'", "'post'", DAY(2));
    s.confidence = 0.7;
    scene_say(&s, PZ__SLOT_INFERRED, "'sms'", "'sms'", DAY(2));
    EXPECT(&s, "['email','post'] INFERRED INFERRED 0.80 email:DEFAULT post:INFERRED");
    assert_string_equal(scene_layers(&s, false), "email DEFAULT 'email' USED, post INFERRED 'post' "
                                                 "USED, sms INFERRED 'sms' UNCERTAIN");
    scene_close(&s);
}

static void what_a_mask_hides_shows_to_operators_alone(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, WAYS);
    scene_sight(&s, "'push'", 40, DAY(18));
    scene_say(&s, PZ__SLOT_DECLARED, "'post'", "'post'", DAY(2));
    s.masked = 1u << PZ__CLASS_BEHAVIOUR | 1u << PZ__CLASS_DECLARED;
    EXPECT(&s, "['email'] DEFAULT DEFAULT email:DEFAULT");
    assert_string_equal(scene_layers(&s, false), "email DEFAULT 'email' USED");
    assert_string_equal(scene_layers(&s, true), "email DEFAULT 'email' USED, post DECLARED 'post' "
                                                "MASKED, push INFERRED 'push' MASKED");
    scene_close(&s);
}

/* ---- records ---- */

static void members_resolve_one_by_one(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, ADDRESS);
    scene_say(&s, PZ__SLOT_CHOICE, "'city'", "'Bonn'", DAY(2));
    scene_say(&s, PZ__SLOT_DECLARED, "'city'", "'Ulm'", DAY(3));
    scene_say(&s, PZ__SLOT_DECLARED, "'zip'", "'53111'", DAY(3));
    EXPECT(&s, "{'city':'Bonn','country':'DE','zip':'53111'} DECLARED DECLARED city:CHOICE "
               "country:DEFAULT zip:DECLARED");
    scene_say(&s, PZ__SLOT_CHOICE, "'city'", NULL, DAY(4));
    EXPECT(&s, "{'city':'Ulm','country':'DE','zip':'53111'} DECLARED DECLARED city:DECLARED "
               "country:DEFAULT zip:DECLARED");
    scene_close(&s);
}

static void a_host_names_members_and_the_least_sure_tells_how_sure(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, ADDRESS);
    scene_say(&s, PZ__SLOT_CHOICE, "'city'", "'Bonn'", DAY(2));
    s.confidence = 0.8;
    scene_say(&s, PZ__SLOT_INFERRED, "'zip'", "'53111'", DAY(3));
    scene_say(&s, PZ__SLOT_INFERRED, "'city'", "'Ulm'", DAY(3));
    s.channel = "app";
    s.confidence = 0.95;
    scene_say(&s, PZ__SLOT_INFERRED, "'street'", "'Markt'", DAY(3));
    EXPECT(&s, "{'city':'Bonn','country':'DE','street':'Markt','zip':'53111'} INFERRED INFERRED "
               "0.80 city:CHOICE country:DEFAULT street:INFERRED zip:INFERRED");
    s.masked = 1u << PZ__CLASS_CROSS_CHANNEL;
    EXPECT(&s, "{'city':'Bonn','country':'DE','street':'Markt'} INFERRED INFERRED 0.95 city:CHOICE "
               "country:DEFAULT street:INFERRED");
    scene_close(&s);
}

/* Members and channels of any name: no two of these are one register, nor is one the whole. */
static void each_member_of_each_channel_has_a_register_of_its_own(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "a",
                                        "b",
                                        "\x1f",
                                        "\x1f\x1f",
                                        "a\x1f",
                                        "\x1f"
                                        "a",
                                        "b\x1f"
                                        "a",
                                        "a\x1f"
                                        "b",
                                        "\x1e",
                                        "\x1e>",
                                        "\x1e?",
                                        "a\x1e?b",
                                        "\x1e\x1f"};
    enum { COUNT = sizeof names / sizeof names[0] };
    pz_str parts[COUNT * COUNT];
    scene s;
    scene_open(&s, "{'x': {'type': 'map<string, string>', 'merge': 'record'}}");
    for (size_t i = 0; i < COUNT * COUNT; i++) {
        const pz__write write = {.channel = pz_str_of(names[i / COUNT])};
        const pz_value member = pz_value_str(names[i % COUNT]);
        pz__claim claim = {.slot = PZ__SLOT_INFERRED};
        assert_int_equal(
            pz__part_make(s.attribute, PZ__SLOT_INFERRED, member, &write, 0, &s.kept, &claim.part),
            PZ_OK);
        assert_true(pz__str_equal(pz__claim_member(&claim), pz_value_text(member)));
        parts[i] = claim.part;
        for (size_t j = 0; j < i; j++)
            assert_false(pz__str_equal(parts[i], parts[j]));
        claim.slot = PZ__SLOT_CHOICE;
        assert_int_equal(
            pz__part_make(s.attribute, PZ__SLOT_CHOICE, member, &write, 0, &s.kept, &claim.part),
            PZ_OK);
        assert_true(claim.part.len > 0);
        assert_true(pz__str_equal(pz__claim_member(&claim), pz_value_text(member)));
    }
    scene_close(&s);
}

static void a_record_of_nothing_is_unresolved(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "{'x': {'type': 'map<string,string>', 'merge': 'record'}}");
    EXPECT(&s, "- NONE UNRESOLVED");
    scene_say(&s, PZ__SLOT_CHOICE, "'city'", "'Bonn'", DAY(2));
    EXPECT(&s, "{'city':'Bonn'} CHOICE EXPLICIT city:CHOICE");
    clear(&s, DAY(3));
    EXPECT(&s, "- NONE UNRESOLVED");
    scene_close(&s);
}

static void a_member_expires_by_itself(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, ADDRESS);
    scene_say(&s, PZ__SLOT_CHOICE, "'zip'", "'50667'", DAY(2));
    s.expires = DAY(5);
    scene_say(&s, PZ__SLOT_CHOICE, "'city'", "'Bonn'", DAY(2));
    EXPECT(&s, "{'country':'DE','zip':'50667'} CHOICE EXPLICIT country:DEFAULT zip:CHOICE");
    scene_close(&s);
}

static void a_member_of_a_type_the_catalog_no_longer_has_waits(void **state)
{
    (void)state;
    scene s;
    scene_open(&s, "{'x': {'type': 'map<string,int>', 'merge': 'record', 'default': {'age': 3}}}");
    scene_say(&s, PZ__SLOT_CHOICE, "'age'", "'three'", DAY(2));
    EXPECT(&s, "{'age':3} DEFAULT DEFAULT age:DEFAULT");
    assert_string_equal(scene_layers(&s, false), "age CHOICE 'three' BOUNDED, age DEFAULT 3 USED");
    scene_close(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_element_chosen_joins_the_default),
        cmocka_unit_test(a_removal_takes_part_even_where_nothing_was),
        cmocka_unit_test(the_newest_of_adding_and_removing_an_element_wins),
        cmocka_unit_test(a_removal_blocks_what_is_inferred_and_declared),
        cmocka_unit_test(a_removal_that_expired_reveals_the_next_tier_not_an_older_add),
        cmocka_unit_test(clearing_takes_back_adds_and_removals_of_every_writer),
        cmocka_unit_test(elements_are_independent),
        cmocka_unit_test(without_a_domain_the_elements_seen_are_asked_about),
        cmocka_unit_test(a_set_may_be_empty_but_is_not_unresolved),
        cmocka_unit_test(recommended_and_default_are_united),
        cmocka_unit_test(manual_leaves_choices_and_the_default),
        cmocka_unit_test(a_lock_fixes_the_whole_set),
        cmocka_unit_test(a_bound_skips_elements),
        cmocka_unit_test(removing_a_node_removes_its_subtree_but_what_was_added_later),
        cmocka_unit_test(an_element_taken_back_lifts_no_removal_of_others),
        cmocka_unit_test(accounts_add_but_do_not_forbid),
        cmocka_unit_test(a_host_names_elements_of_its_own),
        cmocka_unit_test(what_a_mask_hides_shows_to_operators_alone),
        cmocka_unit_test(members_resolve_one_by_one),
        cmocka_unit_test(a_host_names_members_and_the_least_sure_tells_how_sure),
        cmocka_unit_test(each_member_of_each_channel_has_a_register_of_its_own),
        cmocka_unit_test(a_record_of_nothing_is_unresolved),
        cmocka_unit_test(a_member_expires_by_itself),
        cmocka_unit_test(a_member_of_a_type_the_catalog_no_longer_has_waits),
    };
    return cmocka_run_group_tests_name("compose", tests, NULL, NULL);
}
