/*
 * test_people.c: several profiles seen as one person, and the faults that other systems have shown.
 */
#include "home.h"

/* ---- the faults ---- */

static void three_people_on_a_shared_tablet_stay_three(void **state)
{
    home *h = *state;
    pz_profile *tablet = customer(h, "device", "tablet-1");
    pz_profile *people[3];
    static const char *const cards[3] = {"1", "2", "3"};
    static const char *const languages[3] = {"de", "fr", "en"};
    for (int i = 0; i < 3; i++) {
        people[i] = customer(h, "card", cards[i]);
        assert_ok(pz_choose(people[i], "language", pz_value_str(languages[i]), NULL, &kit_error));
    }
    assert_ok(pz_link(tablet, id_of(people[0]), 1.0, NULL, &kit_error));
    assert_ok(pz_switch(tablet, id_of(people[1]), NULL, &kit_error));
    assert_ok(pz_switch(tablet, id_of(people[2]), NULL, &kit_error));
    assert_string_equal(answer(h, tablet, "language"), "de");
    for (int i = 0; i < 3; i++) {
        assert_ok(pz_profile_refresh(people[i], &kit_error));
        assert_string_equal(answer(h, people[i], "language"), languages[i]);
        assert_int_equal(member_count(h, people[i]), i == 0 ? 2 : 1);
    }
    pz_str text;
    assert_ok(pz_profile_export(tablet, h->pool, &text, 0, &kit_error));
    assert_non_null(strstr(text.data, id_of(people[2])));
    for (int i = 0; i < 3; i++)
        pz_profile_free(people[i]);
    pz_profile_free(tablet);
}

/* Even a host that takes a login for a link cannot make two customers one. */
static void switch_taken_for_a_link_is_vetoed(void **state)
{
    home *h = *state;
    pz_profile *tablet = customer(h, "device", "tablet-1");
    pz_profile *ann = customer(h, "card", "1"), *bob = customer(h, "card", "2");
    assert_ok(pz_choose(bob, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_link(tablet, id_of(ann), 1.0, NULL, &kit_error));
    assert_ok(pz_link(tablet, id_of(bob), 0.9, NULL, &kit_error));
    const pz_value seen = person(h, tablet);
    assert_int_equal(member(seen, "members").len, 2);
    assert_int_equal(member(seen, "links").len, 1);
    const pz_value refused = member(seen, "refused");
    assert_int_equal(refused.len, 1);
    assert_true(is_text(member(pz_value_item(refused, 0), "why"), "UNIQUE"));
    assert_true(is_text(member(pz_value_item(refused, 0), "kind"), "card"));
    assert_string_equal(answer(h, tablet, "language"), "en");
    pz_profile_free(tablet);
    pz_profile_free(ann);
    pz_profile_free(bob);
}

static void concurrent_links_of_two_numbers_join_in_any_order(void **state)
{
    home *h = *state;
    for (int order = 0; order < 2; order++) {
        pz_profile *one = detached(h, "4711"), *other = detached(h, "4712");
        pz_profile *here = copy_of(h, one), *there = copy_of(h, one);
        const pz_write w1 = when(NOW, "w1"), w2 = when(NOW + 1, "w2");
        assert_ok(pz_choose(other, "language", pz_value_str("fr"), NULL, &kit_error));
        assert_ok(pz_link(here, "4712", 0.5, &w1, &kit_error));
        assert_ok(pz_link(there, "4712", 0.9, &w2, &kit_error));
        assert_ok(pz_merge(order ? here : there, order ? there : here, &kit_error));
        pz_profile *joined = order ? here : there;
        assert_ok(pz_profile_person(joined, (const pz_profile *const[]){other}, 1, &kit_error));
        assert_string_equal(answer(h, joined, "language"), "fr");
        assert_int_equal(member(person(h, joined), "links").len, 1);
        pz_profile_free(here);
        pz_profile_free(there);
        pz_profile_free(one);
        pz_profile_free(other);
    }
}

static void concurrent_unlink_wins_in_any_order(void **state)
{
    home *h = *state;
    for (int order = 0; order < 2; order++) {
        pz_profile *one = detached(h, "4711"), *other = detached(h, "4712");
        const pz_write w0 = when(NOW, "w0"), w1 = when(NOW + 1, "w1");
        const pz_write w2 = when(NOW + 2 * DAY, "w2");
        assert_ok(pz_choose(other, "language", pz_value_str("fr"), NULL, &kit_error));
        assert_ok(pz_link(one, "4712", 1.0, &w0, &kit_error));
        pz_profile *here = copy_of(h, one), *there = copy_of(h, one);
        assert_ok(pz_unlink(here, "4712", &w1, &kit_error));
        assert_ok(pz_link(there, "4712", 1.0, &w2, &kit_error));
        pz_profile *joined = order ? here : there;
        assert_ok(pz_merge(joined, order ? there : here, &kit_error));
        assert_ok(pz_profile_person(joined, (const pz_profile *const[]){other}, 1, &kit_error));
        assert_string_equal(answer_at(h, joined, "language", NOW + 9 * DAY), "en");
        pz_profile_free(here);
        pz_profile_free(there);
        pz_profile_free(one);
        pz_profile_free(other);
    }
}

static void stale_twin_brings_no_revoked_consent_back(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_consent(app, "ads", true, NULL, &kit_error));
    assert_ok(pz_declare(ann, "size", pz_value_str("m"), NULL, &kit_error));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_string_equal(answer(h, ann, "size"), "m");
    pz_profile *stale = copy_of(h, app);
    const pz_write later = {PZ_WRITE, .writer = "twin", .now_ms = NOW + 300 * DAY};
    assert_ok(pz_consent(app, "ads", false, NULL, &kit_error));
    assert_ok(pz_consent(stale, "ads", true, &later, &kit_error));
    assert_ok(pz_merge(app, stale, &kit_error));
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_string_equal(answer(h, ann, "size"), "");
    assert_string_equal(answer_at(h, ann, "size", NOW + 301 * DAY), "");
    pz_profile_free(stale);
    pz_profile_free(ann);
    pz_profile_free(app);
}

/* The device with the wrong clock is obeyed neither sooner nor later than everybody else. */
static void clock_a_year_ahead_outranks_nobody(void **state)
{
    home *h = *state;
    pz_profile *ann = detached(h, "ann");
    const pz_write before = when(NOW, "shop"), ahead = when(NOW + 365 * DAY, "phone");
    const pz_write after = when(NOW + DAY, "shop");
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), &before, &kit_error));
    pz_profile *phone = copy_of(h, ann);
    assert_ok(pz_choose(phone, "language", pz_value_str("fr"), &ahead, &kit_error));
    assert_ok(pz_link(phone, "tv", 1.0, &ahead, &kit_error));
    assert_ok(pz_merge(ann, phone, &kit_error));
    pz_profile *tv = detached(h, "tv");
    assert_ok(pz_profile_person(ann, (const pz_profile *const[]){tv}, 1, &kit_error));
    assert_int_equal(member_count(h, ann), 2); /* who is who does not wait for a clock */
    assert_ok(pz_choose(ann, "language", pz_value_str("en"), &after, &kit_error));
    assert_string_equal(answer_at(h, ann, "language", NOW + 2 * DAY), "en");
    assert_string_equal(answer_at(h, ann, "language", NOW + 400 * DAY), "en");
    assert_ok(pz_unlink(ann, "tv", &after, &kit_error));
    assert_ok(pz_context_begin(h->context, NOW + 400 * DAY, &kit_error));
    pz_value map;
    assert_ok(pz_person(&map, h->context, ann, &kit_error));
    assert_int_equal(member(map, "members").len, 1);
    pz_profile_free(tv);
    pz_profile_free(phone);
    pz_profile_free(ann);
}

/* ---- people in a store ---- */

static void link_is_seen_from_both_ends(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    assert_ok(pz_link(app, id_of(ann), 1.0, NULL, &kit_error));
    assert_string_equal(answer(h, app, "language"), "de");
    assert_int_equal(member_count(h, ann), 1); /* as it was when it was read */
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_int_equal(member_count(h, ann), 2);
    assert_ok(pz_unlink(ann, id_of(app), NULL, &kit_error));
    assert_int_equal(member_count(h, ann), 1);
    assert_ok(pz_profile_refresh(app, &kit_error));
    assert_string_equal(answer(h, app, "language"), "en");
    pz_profile_free(ann);
    pz_profile_free(app);
}

static void unlink_gives_each_back_with_what_it_received(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_choose(ann, "language", pz_value_str("de"), NULL, &kit_error));
    const pz_write later = {PZ_WRITE, .now_ms = NOW + 1000};
    assert_ok(pz_choose(app, "language", pz_value_str("fr"), &later, &kit_error));
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "fr");
    assert_ok(pz_unlink(ann, id_of(app), &later, &kit_error));
    assert_ok(pz_profile_refresh(app, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "de");
    assert_string_equal(answer(h, app, "language"), "fr");
    pz_profile_free(ann);
    pz_profile_free(app);
}

static void decision_about_a_person_has_one_id(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_profile_refresh(app, &kit_error));
    const pz_decision *decision;
    pz_str id;
    char first[33] = "";
    assert_ok(pz_context_begin(h->context, NOW + DAY, &kit_error));
    assert_ok(pz_decide(&decision, h->context, ann, "greet", &kit_error));
    assert_ok(pz_decision_id(&id, h->context, decision, &kit_error));
    memcpy(first, id.data, 32);
    assert_ok(pz_decide(&decision, h->context, app, "greet", &kit_error));
    assert_ok(pz_decision_id(&id, h->context, decision, &kit_error));
    assert_memory_equal(first, id.data, 32);
    pz_profile_free(ann);
    pz_profile_free(app);
}

static void events_of_all_members_count_together(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    const pz_value one = parsed(h, "{\"kind\":\"view\",\"source\":\"s\",\"id\":\"1\",\"time\":"
                                   "\"2026-03-09T08:00:00Z\",\"category\":\"garden\"}");
    const pz_value two = parsed(h, "{\"kind\":\"view\",\"source\":\"s\",\"id\":\"2\",\"time\":"
                                   "\"2026-03-09T08:00:00Z\",\"category\":\"garden\"}");
    assert_ok(pz_observe(ann, one, NULL, NULL, &kit_error));
    assert_ok(pz_observe(app, two, NULL, NULL, &kit_error));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    pz_value found;
    assert_ok(pz_context_begin(h->context, NOW + DAY, &kit_error));
    assert_ok(pz_segments(&found, h->context, ann, &kit_error));
    assert_int_equal(found.len, 1);
    pz_profile_free(ann);
    pz_profile_free(app);
}

static void identifier_of_another_is_not_taken_over(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "email", "ann@example.com");
    pz_profile *visitor = customer(h, "cookie", "c1");
    assert_status(PZ_ERR_SUBJECT,
                  pz_identify(visitor, "email", "ann@example.com", NULL, &kit_error));
    assert_non_null(strstr(kit_error.message, id_of(ann)));
    assert_ok(pz_choose(visitor, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_link(visitor, id_of(ann), 1.0, NULL, &kit_error));
    assert_ok(pz_identify(visitor, "email", "ann@example.com", NULL, &kit_error));
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "fr");
    pz_profile_free(ann);
    pz_profile_free(visitor);
}

static void person_beyond_what_is_read_says_so(void **state)
{
    home *h = *state;
    pz_profile *hub = customer(h, "card", "hub");
    char name[16];
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "leaf%d", i);
        pz_profile *leaf = customer(h, "device", name);
        assert_ok(pz_link(leaf, id_of(hub), 1.0, NULL, &kit_error));
        pz_profile_free(leaf);
        assert_ok(pz_profile_refresh(hub, &kit_error));
        if (i == 31 - 1) /* the hub and 31 more */
            assert_int_equal(member_count(h, hub), 32);
        if (i == 62) /* the hub and 63 more are read */
            assert_true(member(person(h, hub), "is_whole").as.b);
    }
    const pz_value seen = person(h, hub);
    assert_int_equal(member(seen, "members").len, 32);
    assert_int_equal(member(seen, "refused").len, 63 - 31);
    assert_true(is_text(member(pz_value_item(member(seen, "refused"), 0), "why"), "LIMIT"));
    assert_false(member(seen, "is_whole").as.b);
    pz_profile_free(hub);
}

static void unlinked_profile_leads_no_further(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *club = customer(h, "device", "club");
    char name[16];
    assert_ok(pz_link(ann, id_of(club), 1.0, NULL, &kit_error));
    for (int i = 0; i < 64; i++) {
        snprintf(name, sizeof name, "leaf%d", i);
        pz_profile *leaf = customer(h, "device", name);
        assert_ok(pz_link(leaf, id_of(club), 1.0, NULL, &kit_error));
        pz_profile_free(leaf);
    }
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_false(member(person(h, ann), "is_whole").as.b);
    assert_ok(pz_unlink(club, id_of(ann), NULL, &kit_error));
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_true(member(person(h, ann), "is_whole").as.b);
    assert_int_equal(member_count(h, ann), 1);
    pz_profile_free(ann);
    pz_profile_free(club);
}

/* ---- accounts ---- */

static void account_and_those_above_answer_for_the_person(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *team = customer(h, "account", "team");
    pz_profile *company = customer(h, "account", "company");
    assert_ok(pz_choose(company, "language", pz_value_str("de"), NULL, &kit_error));
    assert_ok(pz_set_account(team, id_of(company), NULL, &kit_error));
    assert_ok(pz_set_account(ann, id_of(team), NULL, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "de");
    assert_int_equal(member(person(h, ann), "accounts").len, 2);
    assert_true(is_text(pz_value_item(member(person(h, ann), "accounts"), 0), id_of(team)));
    assert_ok(pz_choose(team, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "de"); /* as it was when it was read */
    assert_ok(pz_profile_refresh(ann, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "fr");
    assert_ok(pz_set_account(ann, NULL, NULL, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "en");
    pz_profile_free(ann);
    pz_profile_free(team);
    pz_profile_free(company);
}

static void named_account_goes_before_the_persons_own(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *team = customer(h, "account", "team");
    pz_profile *club = customer(h, "account", "club"), *league = customer(h, "account", "league");
    pz_str found;
    assert_ok(pz_choose(team, "language", pz_value_str("de"), NULL, &kit_error));
    assert_ok(pz_choose(league, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_set_account(ann, id_of(team), NULL, &kit_error));
    assert_ok(pz_set_account(club, id_of(league), NULL, &kit_error));
    assert_ok(pz_context_begin(h->context, NOW + DAY, &kit_error));
    assert_ok(pz_resolve_str(&found, h->context, ann, "language", ""));
    assert_memory_equal(found.data, "de", 2);
    assert_ok(pz_context_account(h->context, club, &kit_error));
    assert_ok(pz_resolve_str(&found, h->context, ann, "language", ""));
    assert_memory_equal(found.data, "fr", 2);
    assert_ok(pz_resolve_str(&found, h->context, NULL, "language", ""));
    assert_memory_equal(found.data, "fr", 2);
    pz_profile_free(ann);
    pz_profile_free(team);
    pz_profile_free(club);
    pz_profile_free(league);
}

/* ---- people that a host tells ---- */

static void people_told_are_shared_and_outlive_their_handles(void **state)
{
    home *h = *state;
    pz_profile *ann = detached(h, "ann"), *app = detached(h, "app");
    assert_ok(pz_choose(app, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_link(ann, "app", 1.0, NULL, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "en");
    assert_ok(pz_profile_person(ann, (const pz_profile *const[]){app}, 1, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "fr");
    assert_ok(pz_choose(app, "language", pz_value_str("de"), NULL, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "fr");
    pz_profile_free(app);
    assert_string_equal(answer(h, ann, "language"), "fr");
    assert_ok(pz_declare(ann, "size", pz_value_str("m"), NULL, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "fr");
    assert_ok(pz_profile_person(ann, NULL, 0, &kit_error));
    assert_string_equal(answer(h, ann, "language"), "en");
    pz_profile_free(ann);
}

static void people_told_have_a_limit_and_one_id_each(void **state)
{
    home *h = *state;
    pz_profile *ann = detached(h, "ann");
    pz_profile *list[64];
    char id[8];
    for (int i = 0; i < 64; i++) {
        snprintf(id, sizeof id, "p%d", i);
        list[i] = detached(h, id);
    }
    const pz_profile *const *others = (const pz_profile *const *)list;
    assert_ok(pz_profile_person(ann, others, 63, &kit_error));
    assert_status(PZ_ERR_LIMIT, pz_profile_person(ann, others, 64, &kit_error));
    assert_status(PZ_ERR_ARG, pz_profile_person(ann, (const pz_profile *const[]){list[0], list[0]},
                                                2, &kit_error));
    assert_status(PZ_ERR_ARG,
                  pz_profile_person(ann, (const pz_profile *const[]){ann}, 1, &kit_error));
    assert_status(PZ_ERR_ARG,
                  pz_profile_person(ann, (const pz_profile *const[]){NULL}, 1, &kit_error));
    pz_profile *stored = customer(h, "card", "1");
    assert_status(PZ_ERR_STATE, pz_profile_person(stored, others, 1, &kit_error));
    pz_profile_free(stored);
    for (int i = 0; i < 64; i++)
        pz_profile_free(list[i]);
    pz_profile_free(ann);
}

/* The bytes are borrowed; a person that outlives them must not be. */
static void people_read_in_place_are_shared_as_copies(void **state)
{
    home *h = *state;
    pz_profile *ann = detached(h, "ann"), *app = detached(h, "app"), *seen[2];
    pz_value bytes[2];
    assert_ok(pz_choose(app, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_identify(app, "card", "1", NULL, &kit_error));
    assert_ok(pz_link(ann, "app", 1.0, NULL, &kit_error));
    assert_ok(pz_profile_encode(ann, h->pool, &bytes[0], &kit_error));
    assert_ok(pz_profile_encode(app, h->pool, &bytes[1], &kit_error));
    for (int i = 0; i < 2; i++)
        assert_ok(pz_profile_view(&seen[i], h->engine, bytes[i].as.text, bytes[i].len, &kit_error));
    assert_ok(pz_profile_person(seen[0], (const pz_profile *const[]){seen[1]}, 1, &kit_error));
    pz_profile_free(seen[1]);
    assert_string_equal(answer(h, seen[0], "language"), "fr");
    assert_int_equal(member_count(h, seen[0]), 2);
    pz_profile_free(seen[0]);
    pz_profile_free(ann);
    pz_profile_free(app);
}

/* A context that goes on must not keep the person as it was. */
static void new_people_are_seen_within_a_context(void **state)
{
    home *h = *state;
    pz_profile *ann = detached(h, "ann"), *app = detached(h, "app");
    pz_str found;
    assert_ok(pz_choose(app, "language", pz_value_str("fr"), NULL, &kit_error));
    assert_ok(pz_link(ann, "app", 1.0, NULL, &kit_error));
    assert_ok(pz_context_begin(h->context, NOW + DAY, &kit_error));
    assert_ok(pz_resolve_str(&found, h->context, ann, "language", ""));
    assert_memory_equal(found.data, "en", 2);
    assert_ok(pz_profile_person(ann, (const pz_profile *const[]){app}, 1, &kit_error));
    assert_ok(pz_resolve_str(&found, h->context, ann, "language", ""));
    assert_memory_equal(found.data, "fr", 2);
    assert_ok(pz_resolve_str(&found, h->context, app, "language", ""));
    assert_ok(pz_resolve_str(&found, h->context, ann, "language", ""));
    assert_memory_equal(found.data, "fr", 2);
    pz_profile_free(ann);
    pz_profile_free(app);
}

/* Two people by turns, in one context: what is worked out for each must not pile up. */
static void going_to_and_fro_takes_little_memory(void **state)
{
    home *h = *state;
    pz_profile *hub = detached(h, "hub"), *app = detached(h, "app");
    pz_profile *list[31];
    char id[8];
    for (int i = 0; i < 31; i++) {
        snprintf(id, sizeof id, "p%d", i);
        list[i] = detached(h, id);
        assert_ok(pz_link(list[i], "hub", 1.0, NULL, &kit_error));
    }
    assert_ok(pz_profile_person(hub, (const pz_profile *const *)list, 31, &kit_error));
    assert_ok(pz_context_begin(h->context, NOW + DAY, &kit_error));
    for (int i = 0; i < 100000; i++) {
        pz_str found;
        assert_ok(pz_resolve_str(&found, h->context, i % 2 ? app : hub, "language", ""));
    }
    assert_int_equal(member_count(h, hub), 32);
    for (int i = 0; i < 31; i++)
        pz_profile_free(list[i]);
    pz_profile_free(app);
    pz_profile_free(hub);
}

/* What the device "app" tastes; every event another one. */
static pz_value tasting(home *h, const char *taste)
{
    static unsigned number;
    char text[256];
    pz_value event;
    snprintf(text, sizeof text,
             "{\"kind\": \"taste\", \"source\": \"web\", \"id\": \"%u\", \"taste\": \"%s\", "
             "\"time\": \"2026-03-10T00:00:00Z\", \"customer\": {\"device\": \"app\"}}",
             number++, taste);
    assert_ok(pz_value_parse(h->pool, &event, text, strlen(text), 0, &kit_error));
    return event;
}

/* Through the handle, by one call for many customers, and by a model. */
static void gather(home *h, pz_profile *app, const char *one, const char *many, const char *model)
{
    const pz_value event = tasting(h, many);
    assert_ok(pz_observe(app, tasting(h, one), NULL, NULL, &kit_error));
    assert_ok(pz_observe_many(h->engine, &event, 1, 0, 0, NULL, &kit_error));
    if (model)
        assert_ok(pz_infer(app, "taste", pz_value_str(model), 0.9, NULL, &kit_error));
}

static bool holds(home *h, pz_profile *profile, const char *text)
{
    pz_str told;
    assert_ok(pz_profile_refresh(profile, &kit_error));
    assert_ok(pz_profile_export(profile, h->pool, &told, 0, &kit_error));
    return strstr(told.data, text) != NULL;
}

/* Ann says no; what her telephone sees of her is not gathered for the day she says yes again. */
static void what_one_member_refuses_no_other_gathers(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_consent(app, "ads", true, NULL, &kit_error));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    gather(h, app, "salty", "salty", NULL);
    assert_true(holds(h, app, "\"weight\":2.0"));
    assert_ok(pz_consent(ann, "ads", false, NULL, &kit_error));
    gather(h, app, "sweet", "sour", NULL);
    assert_false(holds(h, app, "sweet"));
    assert_false(holds(h, app, "sour"));
    assert_ok(pz_unlink(ann, id_of(app), NULL, &kit_error));
    gather(h, app, "sweet", "sour", NULL);
    assert_true(holds(h, app, "sweet"));
    assert_true(holds(h, app, "sour"));
    pz_profile_free(ann);
    pz_profile_free(app);
}

static void what_one_member_switched_off_no_other_gathers(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_consent(app, "ads", true, NULL, &kit_error));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_set_mode(app, "taste", PZ_AUTO, NULL, &kit_error));
    h->now_ms += DAY;
    assert_ok(pz_set_mode(ann, "taste", PZ_OFF, NULL, &kit_error));
    gather(h, app, "sweet", "sour", "salty");
    assert_false(holds(h, app, "sweet"));
    assert_false(holds(h, app, "sour"));
    assert_false(holds(h, app, "salty"));
    h->now_ms += DAY;
    assert_ok(pz_set_mode(app, "taste", PZ_AUTO, NULL, &kit_error)); /* the newest word counts */
    gather(h, app, "sweet", "sour", "salty");
    assert_true(holds(h, app, "sweet"));
    assert_true(holds(h, app, "sour"));
    assert_true(holds(h, app, "salty"));
    pz_profile_free(ann);
    pz_profile_free(app);
}

/* The bits of purposes stand at the same place of any two strings of one host. */
static void a_string_says_what_the_person_said(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    pz_str yes, of_ann, of_app;
    assert_ok(pz_consent(app, "ads", true, NULL, &kit_error));
    assert_ok(pz_profile_tcf(app, NULL, h->pool, &yes, &kit_error));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_consent(ann, "ads", false, NULL, &kit_error));
    assert_ok(pz_profile_refresh(app, &kit_error));
    assert_ok(pz_profile_tcf(ann, NULL, h->pool, &of_ann, &kit_error));
    assert_ok(pz_profile_tcf(app, NULL, h->pool, &of_app, &kit_error));
    assert_string_equal(of_app.data, of_ann.data);
    assert_string_not_equal(of_app.data, yes.data);
    pz_profile_free(ann);
    pz_profile_free(app);
}

/* Where somebody of the person agreed and nobody refused, all gather. */
static void what_one_member_granted_all_gather(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_consent(ann, "ads", true, NULL, &kit_error));
    gather(h, app, "sweet", "sour", NULL);
    assert_false(holds(h, app, "sweet"));
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    gather(h, app, "sweet", "sour", NULL);
    assert_true(holds(h, app, "sweet"));
    assert_true(holds(h, app, "sour"));
    pz_profile_free(ann);
    pz_profile_free(app);
}

static void people_told_refuse_too(void **state)
{
    home *h = *state;
    pz_profile *ann = detached(h, "ann"), *app = detached(h, "app");
    assert_ok(pz_consent(app, "ads", true, NULL, &kit_error));
    assert_ok(pz_link(app, "ann", 1.0, NULL, &kit_error));
    assert_ok(pz_consent(ann, "ads", false, NULL, &kit_error));
    assert_ok(pz_profile_person(app, (const pz_profile *const[]){ann}, 1, &kit_error));
    assert_ok(pz_observe(app, tasting(h, "sweet"), NULL, NULL, &kit_error));
    assert_false(holds(h, app, "sweet"));
    pz_profile_free(ann);
    pz_profile_free(app);
}

/* A model's rows of many customers, and a row of a linked customer that is left as it was. */
static void rows_ask_the_person_too(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    static const char rows[][96] = {
        "[{\"device\": \"app\"}, [\"infer\", \"taste\", \"sweet\", {\"confidence\": 0.9}]]",
        "[{\"device\": \"app\"}, [\"infer\", \"taste\", \"bitter\", {\"confidence\": 0.9}]]",
        "[{\"device\": \"app\"}, [\"infer\", \"taste\", \"sweet\", {\"confidence\": 0.9}]]",
    };
    pz_value list[3];
    pz_observed results[3];
    for (int i = 0; i < 3; i++) {
        results[i] = (pz_observed){.size = sizeof results[i]};
        assert_ok(pz_value_parse(h->pool, &list[i], rows[i], strlen(rows[i]), 0, &kit_error));
    }
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_set_mode(ann, "taste", PZ_OFF, NULL, &kit_error));
    assert_ok(pz_apply_many(h->engine, list, 3, NULL, PZ_APPLY_SETTLED, results, &kit_error));
    assert_int_equal(results[0].status, PZ_OK);
    assert_int_equal(results[1].status, PZ_ERR_DOMAIN);
    assert_int_equal(results[2].status, PZ_OK);
    assert_false(holds(h, app, "sweet"));
    assert_ok(pz_set_mode(ann, "taste", PZ_AUTO, NULL, &kit_error));
    assert_ok(pz_apply_many(h->engine, list, 3, NULL, PZ_APPLY_SETTLED, results, &kit_error));
    assert_true(holds(h, app, "sweet"));
    pz_profile_free(ann);
    pz_profile_free(app);
}

static pz_status visit(void *payload, const pz_profile *profile)
{
    home *h = payload;
    assert_int_equal(member_count(h, profile), 2);
    return PZ_OK;
}

static void each_visited_profile_comes_with_its_person(void **state)
{
    home *h = *state;
    pz_profile *ann = customer(h, "card", "1"), *app = customer(h, "device", "app");
    assert_ok(pz_link(ann, id_of(app), 1.0, NULL, &kit_error));
    assert_ok(pz_each_profile(h->engine, visit, h, &kit_error));
    pz_profile_free(ann);
    pz_profile_free(app);
}

#define IN_MEMORY(name) cmocka_unit_test_setup_teardown(name, in_memory, tear_down)
#ifdef PZ_WITH_LMDB
#define STORED(name)                                                                               \
    IN_MEMORY(name),                                                                               \
    {                                                                                              \
#name " on disk", name, on_disk, tear_down, NULL                                           \
    }
#else
#define STORED(name) IN_MEMORY(name)
#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        STORED(three_people_on_a_shared_tablet_stay_three),
        STORED(switch_taken_for_a_link_is_vetoed),
        IN_MEMORY(concurrent_links_of_two_numbers_join_in_any_order),
        IN_MEMORY(concurrent_unlink_wins_in_any_order),
        STORED(stale_twin_brings_no_revoked_consent_back),
        IN_MEMORY(clock_a_year_ahead_outranks_nobody),
        STORED(link_is_seen_from_both_ends),
        STORED(unlink_gives_each_back_with_what_it_received),
        STORED(decision_about_a_person_has_one_id),
        STORED(events_of_all_members_count_together),
        STORED(identifier_of_another_is_not_taken_over),
        STORED(person_beyond_what_is_read_says_so),
        IN_MEMORY(unlinked_profile_leads_no_further),
        STORED(account_and_those_above_answer_for_the_person),
        STORED(named_account_goes_before_the_persons_own),
        IN_MEMORY(people_told_are_shared_and_outlive_their_handles),
        IN_MEMORY(people_told_have_a_limit_and_one_id_each),
        IN_MEMORY(people_read_in_place_are_shared_as_copies),
        IN_MEMORY(new_people_are_seen_within_a_context),
        IN_MEMORY(going_to_and_fro_takes_little_memory),
        STORED(each_visited_profile_comes_with_its_person),
        STORED(what_one_member_refuses_no_other_gathers),
        STORED(what_one_member_switched_off_no_other_gathers),
        STORED(what_one_member_granted_all_gather),
        IN_MEMORY(people_told_refuse_too),
        STORED(a_string_says_what_the_person_said),
        STORED(rows_ask_the_person_too),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
