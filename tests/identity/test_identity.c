/*
 * Which profiles are one person, sentence by sentence.
 */
#include "kit.h"

#include "support/oom.h"

#define ONE 65536u

static const pz_str unique_kinds[] = {{"customer", 8}};

static pz__identity_rules rules_at(int64_t now_ms)
{
    return (pz__identity_rules){.unique = unique_kinds, .unique_count = 1, .now_ms = now_ms};
}

/* The members' ids with a blank between, as seen by `id`. */
static const char *person_of(pz__profile **list, uint32_t count, const char *id, int64_t now_ms,
                             char out[2048], pz__component *component, pz__arena *arena)
{
    const pz__person all = sealed(list, count);
    const pz__identity_rules rules = rules_at(now_ms);
    assert_int_equal(pz__identity_component(&all, place_of(&all, id), &rules, arena, component),
                     PZ_OK);
    size_t len = 0;
    for (uint32_t i = 0; i < component->person.count; i++) {
        const pz_str subject = pz__profile_subject(component->person.members[i]);
        memcpy(out + len, subject.data, subject.len);
        len += subject.len;
        out[len++] = ' ';
    }
    out[len ? len - 1 : 0] = '\0';
    return out;
}

/* The fate of the only link that touches the person. */
static pz__edge_fate only_fate(const pz__component *component)
{
    assert_int_equal(component->edge_count, 1);
    return component->edges[0].fate;
}

typedef struct world {
    pz__profile *list[PZ__CANDIDATES_MAX];
    uint32_t count;
    pz__arena arena;
    pz__component component;
    char text[2048];
} world;

static pz__profile *add(world *w, const char *id)
{
    return w->list[w->count++] = make(id);
}

static int set_up(void **state)
{
    static world w;
    w.count = 0;
    pz__arena_init(&w.arena, NULL, 0);
    *state = &w;
    return 0;
}

static int tear_down(void **state)
{
    world *w = *state;
    for (uint32_t i = 0; i < w->count; i++)
        pz__profile_free(w->list[i]);
    pz__arena_clear(&w->arena);
    return 0;
}

static const char *seen(world *w, const char *id, int64_t now_ms)
{
    pz__arena_reset(&w->arena);
    return person_of(w->list, w->count, id, now_ms, w->text, &w->component, &w->arena);
}

/* ---- links ---- */

static void profile_without_links_is_a_person_of_one(void **state)
{
    world *w = *state;
    add(w, "ann");
    add(w, "bob");
    assert_string_equal(seen(w, "ann", T0), "ann");
    assert_int_equal(w->component.edge_count, 0);
    assert_null(w->arena.first);
}

static void link_in_one_profile_joins_both(void **state)
{
    world *w = *state;
    link_to(add(w, "ann"), "app", ONE, write_at("w1", T0));
    add(w, "app");
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann app");
    assert_int_equal(only_fate(&w->component), PZ__EDGE_STANDS);
    assert_string_equal(seen(w, "app", T0 + DAY), "ann app");
}

static void person_reaches_over_several_links(void **state)
{
    world *w = *state;
    link_to(add(w, "ann"), "app", ONE, write_at("w1", T0));
    add(w, "app");
    link_to(add(w, "tv"), "app", ONE, write_at("w1", T0));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann app tv");
    assert_string_equal(seen(w, "tv", T0 + DAY), "ann app tv");
}

static void unlink_in_either_profile_parts_them(void **state)
{
    world *w = *state;
    link_to(add(w, "ann"), "app", ONE, write_at("w1", T0));
    unlink_from(add(w, "app"), "ann", write_at("w2", T0 + 1));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann");
    assert_int_equal(only_fate(&w->component), PZ__EDGE_UNLINKED);
    assert_string_equal(pz__edge_fate_name(only_fate(&w->component)), "UNLINKED");
}

static void link_that_knew_of_the_unlink_counts_again(void **state)
{
    world *w = *state;
    pz__profile *ann = add(w, "ann");
    add(w, "app");
    link_to(ann, "app", ONE, write_at("w1", T0));
    unlink_from(ann, "app", write_at("w1", T0 + 1));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann");
    ann = w->list[0];
    link_to(ann, "app", ONE, write_at("w1", T0 + 2));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann app");
}

/* The link has the later clock, by a year, and yet did not know of the unlink. */
static void concurrent_unlink_beats_link_whatever_the_clocks(void **state)
{
    world *w = *state;
    pz__profile *ann = add(w, "ann");
    add(w, "app");
    link_to(ann, "app", ONE, write_at("w1", T0));
    pz__profile *replica;
    assert_int_equal(pz__profile_copy(&replica, ann), PZ_OK);
    unlink_from(ann, "app", write_at("w1", T0 + 1));
    link_to(replica, "app", ONE, write_at("w2", T0 + 365 * DAY));
    assert_int_equal(pz__profile_join(ann, replica, NULL), PZ_OK);
    pz__profile_free(replica);
    assert_string_equal(seen(w, "ann", T0 + 400 * DAY), "ann");
}

static void link_is_in_force_until_it_expires(void **state)
{
    world *w = *state;
    pz__write write = write_at("w1", T0);
    write.expires_ms = T0 + DAY;
    link_to(add(w, "ann"), "app", ONE, write);
    add(w, "app");
    assert_string_equal(seen(w, "ann", T0 - 1), "ann app"); /* who is who does not begin */
    assert_string_equal(seen(w, "ann", T0), "ann app");
    assert_string_equal(seen(w, "ann", T0 + DAY - 1), "ann app");
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann");
    assert_int_equal(only_fate(&w->component), PZ__EDGE_LAPSED);
}

static void lapse_in_one_profile_leaves_the_link_of_the_other(void **state)
{
    world *w = *state;
    pz__write write = write_at("w1", T0);
    write.expires_ms = T0 + DAY;
    link_to(add(w, "ann"), "app", ONE, write);
    link_to(add(w, "app"), "ann", ONE / 2, write_at("w1", T0));
    assert_string_equal(seen(w, "ann", T0 + 2 * DAY), "ann app");
    assert_int_equal(w->component.edges[0].strength, ONE / 2);
}

static void link_to_nobody_here_is_told(void **state)
{
    world *w = *state;
    link_to(add(w, "ann"), "gone", ONE, write_at("w1", T0));
    assert_string_equal(seen(w, "ann", T0), "ann");
    assert_int_equal(only_fate(&w->component), PZ__EDGE_ABSENT);
    assert_true(pz__str_equal(w->component.edges[0].other, pz_str_of("gone")));
}

static void switch_is_never_a_link(void **state)
{
    world *w = *state;
    const pz__write write = write_at("w1", T0);
    const pz__claim claim = {.slot = PZ__SLOT_SWITCH,
                             .attribute = PZ__OF_SUBJECT,
                             .part = pz_str_of("bob"),
                             .value = pz_value_bool(true)};
    assert_int_equal(pz__profile_put(add(w, "ann"), &write, &claim, NULL), PZ_OK);
    add(w, "bob");
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann");
    assert_int_equal(w->component.edge_count, 0);
}

/* ---- unique identifiers ---- */

static void unique_identifier_vetoes_the_weaker_link(void **state)
{
    world *w = *state;
    identify(add(w, "ann"), "customer", "1", write_at("w1", T0));
    identify(add(w, "bob"), "customer", "2", write_at("w1", T0));
    pz__profile *tablet = add(w, "tablet");
    link_to(tablet, "bob", ONE, write_at("w1", T0));
    link_to(tablet, "ann", ONE / 2, write_at("w1", T0));
    assert_string_equal(seen(w, "tablet", T0 + DAY), "bob tablet");
    assert_int_equal(w->component.edge_count, 2);
    assert_int_equal(w->component.edges[1].fate, PZ__EDGE_UNIQUE);
    assert_true(pz__str_equal(w->component.edges[1].kind, pz_str_of("customer")));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann");
    assert_int_equal(only_fate(&w->component), PZ__EDGE_UNIQUE);
}

static void older_link_goes_before_one_as_strong(void **state)
{
    world *w = *state;
    identify(add(w, "ann"), "customer", "1", write_at("w1", T0));
    identify(add(w, "bob"), "customer", "2", write_at("w1", T0));
    pz__profile *tablet = add(w, "tablet");
    link_to(tablet, "bob", ONE, write_at("w1", T0 + 1));
    link_to(tablet, "ann", ONE, write_at("w1", T0 + 2));
    assert_string_equal(seen(w, "tablet", T0 + DAY), "bob tablet");
}

static void older_goes_by_stamp_and_not_by_claimed_time(void **state)
{
    world *w = *state;
    identify(add(w, "ann"), "customer", "1", write_at("w1", T0));
    identify(add(w, "bob"), "customer", "2", write_at("w1", T0));
    pz__profile *tablet = add(w, "tablet");
    link_to(tablet, "bob", ONE, write_at("w1", T0 + 1));
    pz__write imported = write_at("w1", T0 + 2);
    imported.at_ms = T0 - DAY;
    link_to(tablet, "ann", ONE, imported);
    assert_string_equal(seen(w, "tablet", T0 + DAY), "bob tablet");
    assert_int_equal(w->component.edges[0].at_ms, T0 + 1);
    assert_int_equal(w->component.edges[1].at_ms, T0 - DAY);
}

static void ids_decide_between_links_alike(void **state)
{
    world *w = *state;
    pz__profile *bob = add(w, "bob"), *ann = add(w, "ann");
    identify(bob, "customer", "2", write_at("w1", T0));
    identify(ann, "customer", "1", write_at("w1", T0));
    add(w, "tablet");
    link_to(bob, "tablet", ONE, write_at("w1", T0 + DAY));
    link_to(ann, "tablet", ONE, write_at("w1", T0 + DAY));
    assert_string_equal(seen(w, "tablet", T0 + DAY), "ann tablet");
}

static void same_identifier_in_both_is_no_conflict(void **state)
{
    world *w = *state;
    pz__profile *ann = add(w, "ann");
    identify(ann, "customer", "1", write_at("w1", T0));
    identify(add(w, "app"), "customer", "1", write_at("w1", T0));
    link_to(ann, "app", ONE, write_at("w1", T0));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann app");
}

static void identifier_not_declared_unique_vetoes_nothing(void **state)
{
    world *w = *state;
    pz__profile *ann = add(w, "ann");
    identify(ann, "email", "a@x", write_at("w1", T0));
    identify(add(w, "app"), "email", "b@x", write_at("w1", T0));
    link_to(ann, "app", ONE, write_at("w1", T0));
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann app");
}

/* Over a third profile that holds none: the conflict is between persons, not only neighbours. */
static void veto_holds_between_persons_not_only_neighbours(void **state)
{
    world *w = *state;
    identify(add(w, "a"), "customer", "1", write_at("w1", T0));
    link_to(add(w, "b"), "a", ONE, write_at("w1", T0));
    pz__profile *c = add(w, "c");
    link_to(c, "b", ONE, write_at("w1", T0 + 1));
    identify(add(w, "d"), "customer", "2", write_at("w1", T0));
    link_to(w->list[3], "c", ONE, write_at("w1", T0 + 2));
    assert_string_equal(seen(w, "a", T0 + DAY), "a b c");
    assert_string_equal(seen(w, "d", T0 + DAY), "d");
}

static void profile_with_two_values_keeps_others_of_the_kind_out(void **state)
{
    world *w = *state;
    pz__profile *both = add(w, "both");
    identify(both, "customer", "1", write_at("w1", T0));
    identify(both, "customer", "2", write_at("w1", T0));
    link_to(both, "one", ONE, write_at("w1", T0));
    link_to(both, "none", ONE, write_at("w1", T0));
    identify(add(w, "one"), "customer", "1", write_at("w1", T0));
    add(w, "none");
    assert_string_equal(seen(w, "both", T0 + DAY), "both none");
}

static void expired_identifier_vetoes_no_more(void **state)
{
    world *w = *state;
    pz__write write = write_at("w1", T0);
    write.expires_ms = T0 + DAY;
    pz__profile *ann = add(w, "ann");
    identify(ann, "customer", "1", write);
    identify(add(w, "app"), "customer", "2", write_at("w1", T0));
    link_to(ann, "app", ONE, write_at("w1", T0));
    assert_string_equal(seen(w, "ann", T0 + DAY - 1), "ann");
    assert_string_equal(seen(w, "ann", T0 + DAY), "ann app");
}

/* ---- limits ---- */

static void number_id(char out[8], uint32_t number)
{
    memcpy(out, "p00", 4);
    out[1] = (char)('0' + number / 10);
    out[2] = (char)('0' + number % 10);
}

/* A chain of `count` profiles, each link weaker than the one before. */
static void add_chain(world *w, uint32_t count)
{
    char id[8], before[8];
    for (uint32_t i = 0; i < count; i++) {
        number_id(id, i);
        pz__profile *profile = add(w, id);
        if (i > 0)
            link_to(profile, before, ONE - i, write_at("w1", T0));
        memcpy(before, id, sizeof id);
    }
}

static void person_has_as_many_members_as_the_limit(void **state)
{
    world *w = *state;
    add_chain(w, PZ__PERSON_MEMBERS_MAX);
    seen(w, "p00", T0 + DAY);
    assert_int_equal(w->component.person.count, PZ__PERSON_MEMBERS_MAX);
    assert_int_equal(w->component.edge_count, PZ__PERSON_MEMBERS_MAX - 1);
}

static void weakest_link_beyond_the_limit_is_refused_and_told(void **state)
{
    world *w = *state;
    add_chain(w, PZ__PERSON_MEMBERS_MAX + 1);
    seen(w, "p00", T0 + DAY);
    assert_int_equal(w->component.person.count, PZ__PERSON_MEMBERS_MAX);
    assert_int_equal(w->component.edge_count, PZ__PERSON_MEMBERS_MAX);
    assert_int_equal(w->component.edges[PZ__PERSON_MEMBERS_MAX - 1].fate, PZ__EDGE_LIMIT);
    assert_string_equal(seen(w, "p32", T0 + DAY), "p32");
    assert_int_equal(only_fate(&w->component), PZ__EDGE_LIMIT);
}

static void every_candidate_may_link_to_every_other(void **state)
{
    world *w = *state;
    char id[8], other[8];
    for (uint32_t i = 0; i < PZ__CANDIDATES_MAX; i++) {
        number_id(id, i);
        pz__profile *profile = add(w, id);
        for (uint32_t k = 0; k < PZ__CANDIDATES_MAX; k++) {
            number_id(other, k);
            if (k != i)
                link_to(profile, other, ONE, write_at("w1", T0));
        }
    }
    seen(w, "p00", T0 + DAY);
    assert_int_equal(w->component.person.count, PZ__PERSON_MEMBERS_MAX);
    seen(w, "p63", T0 + DAY);
    assert_int_equal(w->component.person.count, PZ__PERSON_MEMBERS_MAX);
}

/* ---- accounts ---- */

static void set_account(pz__profile *profile, const char *account, pz__write write)
{
    pz__claim claim = {.slot = PZ__SLOT_ACCOUNT,
                       .attribute = PZ__OF_SUBJECT,
                       .value = pz_value_str(account ? account : "")};
    claim.is_cleared = !account;
    if (!account)
        claim.value = pz_value_null();
    assert_int_equal(pz__profile_put(profile, &write, &claim, NULL), PZ_OK);
}

static const char *accounts(world *w, const char *id, int64_t now_ms)
{
    pz__person found;
    seen(w, id, now_ms);
    const pz__person all = sealed(w->list, w->count);
    assert_int_equal(pz__identity_accounts(&w->component.person, &all, now_ms, &w->arena, &found),
                     PZ_OK);
    size_t len = 0;
    for (uint32_t i = 0; i < found.count; i++) {
        const pz_str subject = pz__profile_subject(found.members[i]);
        memcpy(w->text + len, subject.data, subject.len);
        len += subject.len;
        w->text[len++] = ' ';
    }
    w->text[len ? len - 1 : 0] = '\0';
    return w->text;
}

static void accounts_stand_nearest_first(void **state)
{
    world *w = *state;
    set_account(add(w, "ann"), "team", write_at("w1", T0));
    set_account(add(w, "team"), "company", write_at("w1", T0));
    add(w, "company");
    assert_string_equal(accounts(w, "ann", T0 + DAY), "team company");
    assert_string_equal(accounts(w, "company", T0 + DAY), "");
}

static void circle_of_accounts_ends(void **state)
{
    world *w = *state;
    set_account(add(w, "ann"), "team", write_at("w1", T0));
    set_account(add(w, "team"), "company", write_at("w1", T0));
    set_account(add(w, "company"), "team", write_at("w1", T0));
    assert_string_equal(accounts(w, "ann", T0 + DAY), "team company");
    assert_string_equal(accounts(w, "team", T0 + DAY), "company");
}

static void account_that_was_left_or_lapsed_is_none(void **state)
{
    world *w = *state;
    pz__profile *ann = add(w, "ann"), *bob = add(w, "bob");
    add(w, "team");
    pz__write write = write_at("w1", T0);
    write.expires_ms = T0 + DAY;
    set_account(ann, "team", write);
    set_account(bob, "team", write_at("w1", T0));
    assert_string_equal(accounts(w, "ann", T0 + DAY - 1), "team");
    assert_string_equal(accounts(w, "ann", T0 + DAY), "");
    set_account(bob, NULL, write_at("w1", T0 + 1));
    assert_string_equal(accounts(w, "bob", T0 + DAY), "");
}

static void newest_account_of_all_members_counts(void **state)
{
    world *w = *state;
    pz__profile *ann = add(w, "ann"), *app = add(w, "app");
    add(w, "old");
    add(w, "new");
    set_account(ann, "old", write_at("w1", T0));
    set_account(app, "new", write_at("w1", T0 + 1));
    link_to(ann, "app", ONE, write_at("w1", T0 + 2));
    assert_string_equal(accounts(w, "ann", T0 + DAY), "new");
}

static void accounts_end_at_the_limit(void **state)
{
    world *w = *state;
    char id[8], above[8];
    for (uint32_t i = 0; i <= PZ__ACCOUNTS_MAX + 1; i++) {
        number_id(id, i);
        number_id(above, i + 1);
        set_account(add(w, id), above, write_at("w1", T0));
    }
    assert_string_equal(accounts(w, "p00", T0 + DAY), "p01 p02 p03 p04 p05 p06 p07 p08");
    assert_string_equal(accounts(w, "p02", T0 + DAY), "p03 p04 p05 p06 p07 p08 p09");
}

/* ---- memory ---- */

static pz_status look(const pz_alloc *alloc, void *payload)
{
    world *w = payload;
    pz__arena arena;
    pz__component component;
    pz__person found;
    const pz__person all = sealed(w->list, w->count);
    const pz__identity_rules rules = rules_at(T0 + DAY);
    pz__arena_init(&arena, alloc, 0);
    pz_status status = pz__identity_component(&all, 0, &rules, &arena, &component);
    if (status == PZ_OK)
        status = pz__identity_accounts(&component.person, &all, T0 + DAY, &arena, &found);
    pz__arena_clear(&arena);
    return status;
}

static void running_out_of_memory_is_told(void **state)
{
    world *w = *state;
    add_chain(w, 40);
    set_account(w->list[3], "p39", write_at("w1", T0));
    oom_run(look, w);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(profile_without_links_is_a_person_of_one),
        TEST(link_in_one_profile_joins_both),
        TEST(person_reaches_over_several_links),
        TEST(unlink_in_either_profile_parts_them),
        TEST(link_that_knew_of_the_unlink_counts_again),
        TEST(concurrent_unlink_beats_link_whatever_the_clocks),
        TEST(link_is_in_force_until_it_expires),
        TEST(lapse_in_one_profile_leaves_the_link_of_the_other),
        TEST(link_to_nobody_here_is_told),
        TEST(switch_is_never_a_link),
        TEST(unique_identifier_vetoes_the_weaker_link),
        TEST(older_link_goes_before_one_as_strong),
        TEST(older_goes_by_stamp_and_not_by_claimed_time),
        TEST(ids_decide_between_links_alike),
        TEST(same_identifier_in_both_is_no_conflict),
        TEST(identifier_not_declared_unique_vetoes_nothing),
        TEST(veto_holds_between_persons_not_only_neighbours),
        TEST(profile_with_two_values_keeps_others_of_the_kind_out),
        TEST(expired_identifier_vetoes_no_more),
        TEST(person_has_as_many_members_as_the_limit),
        TEST(weakest_link_beyond_the_limit_is_refused_and_told),
        TEST(every_candidate_may_link_to_every_other),
        TEST(accounts_stand_nearest_first),
        TEST(circle_of_accounts_ends),
        TEST(account_that_was_left_or_lapsed_is_none),
        TEST(newest_account_of_all_members_counts),
        TEST(accounts_end_at_the_limit),
        TEST(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
