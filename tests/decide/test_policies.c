/*
 * test_policies.c: masks, locks, bounds and what is said of them, one claim at a time.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "decide/decide.h"
#include "decide/policies.h"
#include "support/oom.h"

#define NOW INT64_C(1773100800000)
#define DAY INT64_C(86400000)

typedef struct shop {
    const pz__catalog *catalog;
    pz__profile *profile;
    const pz__profile *members[1];
    pz__request request;
    pz__arena scratch;
    oom counting;
    int64_t clock;
    uint64_t binding;
    char json[1 << 14];
} shop;

/* `text` writes ' for ", and " for the texts of rules. */
static void open_shop(shop *s, const char *text)
{
    char json[8192];
    pz_error err = PZ_ERROR_INIT;
    size_t len = strlen(text);
    assert_true(len < sizeof json);
    for (size_t i = 0; i < len; i++)
        json[i] = text[i] == '\'' ? '"' : text[i] == '"' ? '\'' : text[i];
    memset(s, 0, sizeof *s);
    s->clock = NOW - 10 * DAY;
    if (pz__catalog_compile(&s->catalog, NULL, PZ__STR("shop.json"), (pz_str){json, len}, NULL,
                            &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz__profile_new(&s->profile, NULL, PZ__PERSON, PZ__STR("me"), NULL), PZ_OK);
    pz__arena_init(&s->scratch, NULL, 0);
    oom_init(&s->counting);
    const pz_alloc alloc = oom_alloc(&s->counting);
    pz__request_init(&s->request, &alloc);
}

static void close_shop(shop *s)
{
    pz__request_clear(&s->request);
    oom_finish(&s->counting);
    pz__arena_clear(&s->scratch);
    pz__profile_free(s->profile);
    pz__catalog_unref(s->catalog);
}

/* One verb, a minute after the one before it. */
static void say(shop *s, pz__verb verb)
{
    pz_error err = PZ_ERROR_INIT;
    const int64_t expires = verb.write.expires_ms;
    s->clock += 60000;
    verb.write = (pz__write){.writer = PZ__STR("w1"),
                             .at_ms = s->clock,
                             .now_ms = s->clock,
                             .expires_ms = expires,
                             .skew_ms = PZ__SKEW_DEFAULT_MS};
    if (pz__verb_apply(&verb, s->catalog, s->profile, &s->scratch, &err) != PZ_OK)
        fail_msg("%s", err.message);
}

static void say_value(shop *s, pz__verb_kind kind, const char *name, pz_value value)
{
    say(s, (pz__verb){.kind = kind, .name = pz_str_of(name), .value = value, .confidence = 0.9});
}

static void consent(shop *s, const char *purpose, bool is_granted)
{
    say_value(s, PZ__VERB_CONSENT, purpose, pz_value_bool(is_granted));
}

/* Begin a request about the profile as it stands. */
static void ask(shop *s)
{
    assert_int_equal(pz__profile_seal(s->profile), PZ_OK);
    s->members[0] = s->profile;
    assert_int_equal(pz__request_begin(&s->request, s->catalog, NOW), PZ_OK);
    pz__request_bind(&s->request, (pz__person){s->members, 1}, (pz__person){NULL, 0},
                     (pz__binding){++s->binding, 0});
}

static void set_country(shop *s, const char *country)
{
    assert_int_equal(pz__request_set(&s->request, PZ__STR("country"), pz_value_str(country), NULL),
                     PZ_OK);
}

static const pz__resolution *answer(shop *s, const char *name)
{
    const pz__attribute *attribute = pz__catalog_attribute(s->catalog, pz_str_of(name));
    assert_non_null(attribute);
    const pz__resolution *found = pz__request_answer(&s->request, attribute->index);
    assert_non_null(found);
    return found;
}

static void expect_text(shop *s, const char *name, const char *value, pz__tier tier)
{
    const pz__resolution *found = answer(s, name);
    assert_int_equal(found->tier, tier);
    assert_true(pz__str_equal(pz_value_text(found->value), pz_str_of(value)));
}

static const pz_decision *decide(shop *s, const char *name)
{
    const pz_decision *decision;
    const pz__decision_def *def = pz__catalog_decision(s->catalog, pz_str_of(name));
    assert_int_equal(pz__decide(&s->request, def, &decision), PZ_OK);
    return decision;
}

/* A value as JSON. */
static const char *shown(shop *s, pz_value value)
{
    pz__buf out;
    pz__buf_init(&out, NULL, sizeof s->json - 1);
    assert_int_equal(pz__json_write(&out, value, 0), PZ_OK);
    memcpy(s->json, out.data, out.len);
    s->json[out.len] = '\0';
    pz__buf_clear(&out);
    return s->json;
}

#define LANGUAGE "'language': {'type': 'string', 'one_of': ['de', 'en', 'fr'], 'threshold': 0.6}"

/* ---- locks and bounds ---- */

static void the_first_lock_that_holds_counts_and_is_not_clamped(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, "{'attributes': {'limit': {'type': 'int', 'min': 0, 'max': 100}},"
                  " 'policies': [{'when': 'context.country == \"FR\"', 'lock': {'limit': 1}},"
                  " {'when': 'context.country == \"DE\"', 'lock': {'limit': 90}},"
                  " {'lock': {'limit': 3}}, {'bound': {'limit': {'max': 50}}}]}");
    say_value(&s, PZ__VERB_CHOOSE, "limit", pz_value_int(70));
    ask(&s);
    set_country(&s, "DE");
    assert_int_equal(answer(&s, "limit")->value.as.i, 90);
    assert_int_equal(answer(&s, "limit")->tier, PZ__TIER_LOCK);
    set_country(&s, "FR");
    assert_int_equal(answer(&s, "limit")->value.as.i, 1);
    set_country(&s, "AT");
    assert_int_equal(answer(&s, "limit")->value.as.i, 3);
    close_shop(&s);
}

static void bounds_that_hold_are_intersected(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, "{'attributes': {'limit': {'type': 'int'}, " LANGUAGE "},"
                  " 'policies': [{'bound': {'limit': {'max': 50}, 'language': {'one_of': ['de', "
                  "'en']}}}, {'bound': {'limit': {'min': 20, 'max': 60}}},"
                  " {'when': 'context.country == \"DE\"', 'bound': {'limit': {'max': 40},"
                  " 'language': {'one_of': ['en', 'fr']}}}]}");
    say_value(&s, PZ__VERB_CHOOSE, "limit", pz_value_int(70));
    say_value(&s, PZ__VERB_CHOOSE, "language", pz_value_str("de"));
    ask(&s);
    assert_int_equal(answer(&s, "limit")->value.as.i, 50);
    assert_int_equal(answer(&s, "limit")->reason, PZ__REASON_BOUNDED);
    assert_int_equal(answer(&s, "limit")->tier, PZ__TIER_CHOICE);
    expect_text(&s, "language", "de", PZ__TIER_CHOICE);
    set_country(&s, "DE");
    assert_int_equal(answer(&s, "limit")->value.as.i, 40);
    assert_int_equal(answer(&s, "language")->tier, PZ__TIER_NONE);
    close_shop(&s);
}

static void locks_read_what_other_policies_made_of_an_answer(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, "{'attributes': {'age': {'type': 'int'}, 'adult': {'type': 'bool'},"
                  " 'wine': {'type': 'bool', 'default': true}},"
                  " 'segments': {'young': 'profile.adult == false'},"
                  " 'policies': [{'when': 'profile.age < 18', 'lock': {'adult': false}},"
                  " {'when': 'segment.young', 'lock': {'wine': false}}]}");
    say_value(&s, PZ__VERB_DECLARE, "age", pz_value_int(17));
    ask(&s);
    assert_false(answer(&s, "wine")->value.as.b);
    assert_int_equal(answer(&s, "wine")->tier, PZ__TIER_LOCK);
    say_value(&s, PZ__VERB_DECLARE, "age", pz_value_int(18));
    ask(&s);
    assert_true(answer(&s, "wine")->value.as.b);
    close_shop(&s);
}

/* ---- masks ---- */

static const char masked_shop[] =
    "{'attributes': {'land': {'type': 'string', 'policy_input': true, 'purpose': 'care'}, "
    "'sealed': {'type': 'bool'}, " LANGUAGE "}, 'policies': ["
    "{'id': 'home', 'when': 'profile.land == \"DE\"', 'level': 'basic'},"
    "{'id': 'ward', 'when': 'profile.sealed == true', 'mask': ['declared']},"
    "{'id': 'seal', 'when': 'context.country == \"XX\"', 'lock': {'sealed': true}},"
    "{'id': 'calm', 'when': '!consent(\"profiling\")', 'mask': ['behaviour']}],"
    " 'decisions': {'d': {'rules': [{'when': 'profile.language == \"fr\"', 'value': 1},"
    "{'when': 'count(\"visit\") > 0', 'value': 2}]}}}";

static void policy_input_is_read_before_the_masks_it_sets(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, masked_shop);
    consent(&s, "care", true);
    consent(&s, "profiling", true);
    say_value(&s, PZ__VERB_DECLARE, "land", pz_value_str("DE"));
    say_value(&s, PZ__VERB_DECLARE, "language", pz_value_str("de"));
    ask(&s);
    assert_int_equal(answer(&s, "language")->tier, PZ__TIER_NONE);
    assert_int_equal(answer(&s, "land")->tier, PZ__TIER_NONE);
    /* A choice is no recorded fact: it sets no mask. */
    say_value(&s, PZ__VERB_DECLARE, "land", pz_value_str("AT"));
    say_value(&s, PZ__VERB_CHOOSE, "land", pz_value_str("DE"));
    ask(&s);
    expect_text(&s, "language", "de", PZ__TIER_DECLARED);
    /* A fact whose purpose is not granted is no input. */
    say_value(&s, PZ__VERB_DECLARE, "land", pz_value_str("DE"));
    consent(&s, "care", false);
    ask(&s);
    expect_text(&s, "language", "de", PZ__TIER_DECLARED);
    close_shop(&s);
}

static void a_mode_or_rejection_does_not_silence_policy_input(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, masked_shop);
    consent(&s, "care", true);
    say_value(&s, PZ__VERB_DECLARE, "land", pz_value_str("DE"));
    say_value(&s, PZ__VERB_DECLARE, "language", pz_value_str("de"));
    say_value(&s, PZ__VERB_SET_MODE, "land", pz_value_str("MANUAL"));
    ask(&s);
    assert_int_equal(answer(&s, "language")->tier, PZ__TIER_NONE);
    say_value(&s, PZ__VERB_REJECT, "land", pz_value_str("DE"));
    ask(&s);
    assert_int_equal(answer(&s, "language")->tier, PZ__TIER_NONE);
    close_shop(&s);
}

static void a_mask_may_hang_on_a_lock(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, masked_shop);
    consent(&s, "profiling", true);
    say_value(&s, PZ__VERB_DECLARE, "language", pz_value_str("de"));
    say_value(&s, PZ__VERB_DECLARE, "sealed", pz_value_bool(true));
    ask(&s);
    expect_text(&s, "language", "de", PZ__TIER_DECLARED);
    set_country(&s, "XX");
    assert_int_equal(answer(&s, "language")->tier, PZ__TIER_NONE);
    close_shop(&s);
}

static void levels_of_all_sides_unite(void **state)
{
    (void)state;
    const uint32_t behaviour = 1u << PZ__CLASS_BEHAVIOUR, declared = 1u << PZ__CLASS_DECLARED,
                   peers = 1u << PZ__CLASS_PEERS;
    shop s;
    open_shop(&s, "{'mask': ['peers'], 'attributes': {" LANGUAGE "}, 'policies': ["
                  "{'when': 'context.country == \"DE\"', 'mask': ['declared']}]}");
    ask(&s);
    assert_int_equal(pz__request_masked(&s.request), peers);
    set_country(&s, "DE");
    assert_int_equal(pz__request_masked(&s.request), peers | declared);
    assert_int_equal(pz__request_level(&s.request, PZ__STR("self-service"), NULL), PZ_OK);
    const uint32_t with_host = pz__request_masked(&s.request);
    assert_true((with_host & (peers | declared | behaviour)) == (peers | declared | behaviour));
    assert_int_equal(pz__request_level(&s.request, PZ__STR("deep"), NULL), PZ_OK);
    assert_int_equal(pz__request_masked(&s.request), peers | declared);
    say(&s, (pz__verb){.kind = PZ__VERB_SET_LEVEL, .name = PZ__STR("demographic")});
    ask(&s);
    assert_int_equal(pz__request_masked(&s.request) & (peers | behaviour), peers | behaviour);
    close_shop(&s);
}

static void the_newest_own_level_hides_older_ones_even_when_it_has_lapsed(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, "{'attributes': {" LANGUAGE "}}");
    say(&s, (pz__verb){.kind = PZ__VERB_SET_LEVEL, .name = PZ__STR("basic")});
    ask(&s);
    assert_true(pz__request_masked(&s.request) != 0);
    say(&s, (pz__verb){.kind = PZ__VERB_SET_LEVEL,
                       .name = PZ__STR("demographic"),
                       .write.expires_ms = NOW - DAY});
    ask(&s);
    assert_int_equal(pz__request_masked(&s.request), 0);
    close_shop(&s);
}

static void a_level_that_is_none_is_refused_with_the_nearest(void **state)
{
    (void)state;
    shop s;
    pz_error err = PZ_ERROR_INIT;
    open_shop(&s, "{}");
    ask(&s);
    assert_int_equal(pz__request_level(&s.request, PZ__STR("self-servis"), &err), PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'self-service'?"));
    close_shop(&s);
}

static void counters_are_behaviour(void **state)
{
    (void)state;
    shop s;
    bool is_new;
    open_shop(&s, masked_shop);
    consent(&s, "profiling", true);
    const pz__contribution visit = {.attribute = s.catalog->counters[0].name,
                                    .weight = 1,
                                    .width = s.catalog->counters[0].width};
    const pz__observation o = {.source = PZ__STR("s"),
                               .id = PZ__STR("1"),
                               .time_ms = s.clock,
                               .horizon_ms = DAY,
                               .contributions = &visit,
                               .contribution_count = 1,
                               .counters = s.catalog->counter_names,
                               .counter_count = 1};
    const pz__write write = {.writer = PZ__STR("w1"), .now_ms = s.clock, .at_ms = s.clock};
    assert_int_equal(pz__profile_observe(s.profile, &write, &o, &is_new, NULL), PZ_OK);
    ask(&s);
    assert_int_equal(decide(&s, "d")->value.as.i, 2);
    consent(&s, "profiling", false);
    ask(&s);
    assert_int_equal(decide(&s, "d")->value.kind, PZ_NULL);
    close_shop(&s);
}

/* ---- what is said ---- */

static void what_is_withheld_is_named_whether_or_not_there_is_data(void **state)
{
    (void)state;
    static const char text[] =
        "{'level': 'demographic', 'mask': ['peers'], 'attributes': {"
        "'taste': {'type': 'bool', 'threshold': 0.6, 'purpose': 'ads', 'group': true}, "
        "'name': {'type': 'string'}}, 'policies': [{'id': 'quiet', 'mask': ['declared']}],"
        " 'decisions': {'d': {'rules': [{'when': 'profile.taste && profile.name == \"x\"', "
        "'value': "
        "1}]}}}";
    char first[1 << 14];
    for (int with_data = 0; with_data < 2; with_data++) {
        shop s;
        pz_value map;
        pz_str sentences;
        open_shop(&s, text);
        if (with_data) {
            consent(&s, "ads", true);
            say_value(&s, PZ__VERB_DECLARE, "taste", pz_value_bool(true));
            say_value(&s, PZ__VERB_INFER, "taste", pz_value_bool(true));
            say_value(&s, PZ__VERB_DECLARE, "name", pz_value_str("x"));
            consent(&s, "ads", false);
        }
        ask(&s);
        assert_int_equal(pz__request_level(&s.request, PZ__STR("basic"), NULL), PZ_OK);
        const pz_decision *decision = decide(&s, "d");
        assert_int_equal(pz__decision_map(&s.request, decision, &map), PZ_OK);
        const char *json = shown(&s, pz__map_find(map, pz_value_str("uses"))->value);
        assert_non_null(strstr(
            json, "\"withheld\":[\"purpose ads not granted\",\"masked by level demographic\","
                  "\"masked by the catalog\",\"masked by policy quiet\","
                  "\"masked by level basic, which the host set\"]"));
        assert_non_null(strstr(json, "{\"name\":\"profile.name\",\"tier\":\"NONE\",\"reason\":"
                                     "\"UNRESOLVED\",\"withheld\":[\"masked by policy quiet\","
                                     "\"masked by level basic, which the host set\"]}"));
        if (with_data)
            assert_string_equal(json, first);
        else
            snprintf(first, sizeof first, "%s", json);
        assert_int_equal(pz__decision_sentences(&s.request, decision, &sentences), PZ_OK);
        assert_non_null(strstr(sentences.data,
                               "taste is not known.\n  Not everything may be used: purpose ads not "
                               "granted, masked by level demographic"));
        close_shop(&s);
    }
}

static void a_decision_names_the_policies_that_fixed_or_limited_it(void **state)
{
    (void)state;
    shop s;
    pz_value map;
    pz_str sentences;
    open_shop(&s, "{'attributes': {'limit': {'type': 'int'}, 'wine': {'type': 'bool'},"
                  " 'age': {'type': 'int'}},"
                  " 'policies': [{'id': 'cap', 'bound': {'limit': {'max': 50}}},"
                  " {'id': 'minors', 'when': 'profile.age < 18', 'lock': {'wine': false}}],"
                  " 'decisions': {'d': {'rules': [{'when': 'profile.wine || profile.limit > 60', "
                  "'value': 1}], 'default': 0}}}");
    say_value(&s, PZ__VERB_CHOOSE, "limit", pz_value_int(70));
    say_value(&s, PZ__VERB_DECLARE, "age", pz_value_int(17));
    ask(&s);
    const pz_decision *decision = decide(&s, "d");
    assert_int_equal(pz__decision_explain(&s.request, decision, &map), PZ_OK);
    const char *json = shown(&s, map);
    assert_non_null(strstr(json, "\"tier\":\"LOCK\",\"reason\":\"LOCKED\",\"policies\":"
                                 "[\"minors\"]"));
    assert_non_null(strstr(json, "\"policies\":[\"cap\"]"));
    assert_non_null(strstr(json,
                           "{\"policy\":\"minors\",\"when\":\"profile.age < 18\",\"uses\":"
                           "[{\"name\":\"profile.age\",\"value\":17}],\"came_to\":\"TRUE\"}"));
    assert_int_equal(pz__decision_sentences(&s.request, decision, &sentences), PZ_OK);
    assert_non_null(strstr(sentences.data, "wine is false: a policy fixes it.\n  Fixed by policy "
                                           "minors.\n"));
    assert_non_null(strstr(sentences.data, "  Limited by policy cap.\n"));
    /* What a policy read is no ground of the decision that needed it first. */
    assert_null(strstr(sentences.data, "age is"));
    close_shop(&s);
}

static void the_hosts_level_is_an_input_of_the_decision(void **state)
{
    (void)state;
    shop s;
    pz__digest without, with, again;
    open_shop(&s, "{'decisions': {'d': {'default': 1}}}");
    ask(&s);
    const pz_decision *decision = decide(&s, "d");
    assert_int_equal(pz__decision_id(&s.request, decision, &without), PZ_OK);
    assert_int_equal(pz__request_level(&s.request, PZ__STR("basic"), NULL), PZ_OK);
    assert_int_equal(pz__decision_id(&s.request, decision, &with), PZ_ERR_STATE);
    decision = decide(&s, "d");
    assert_int_equal(pz__decision_id(&s.request, decision, &with), PZ_OK);
    assert_memory_not_equal(&without, &with, sizeof with);
    assert_int_equal(pz__request_level(&s.request, pz_str_of(NULL), NULL), PZ_OK);
    decision = decide(&s, "d");
    assert_int_equal(pz__decision_id(&s.request, decision, &again), PZ_OK);
    assert_memory_equal(&without, &again, sizeof again);
    close_shop(&s);
}

/* ---- costs ---- */

static void deciding_under_policies_allocates_nothing_once_warm(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, masked_shop);
    consent(&s, "care", true);
    consent(&s, "profiling", true);
    say_value(&s, PZ__VERB_DECLARE, "land", pz_value_str("AT"));
    say_value(&s, PZ__VERB_DECLARE, "language", pz_value_str("de"));
    for (int i = 0; i < 3; i++) {
        ask(&s);
        decide(&s, "d");
    }
    const size_t before = s.counting.request_count;
    for (int i = 0; i < 20; i++) {
        ask(&s);
        assert_int_equal(pz__request_level(&s.request, PZ__STR("basic"), NULL), PZ_OK);
        decide(&s, "d");
    }
    assert_int_equal(s.counting.request_count, before);
    close_shop(&s);
}

/* Every allocation of asking, deciding and explaining refused in turn: the right code, and the
 * answers of afterwards are those of a request that never failed. */
static void want_of_memory_masks_nothing_less(void **state)
{
    (void)state;
    shop s;
    open_shop(&s, masked_shop);
    consent(&s, "care", true);
    say_value(&s, PZ__VERB_DECLARE, "land", pz_value_str("DE"));
    say_value(&s, PZ__VERB_DECLARE, "language", pz_value_str("fr"));
    assert_int_equal(pz__profile_seal(s.profile), PZ_OK);
    s.members[0] = s.profile;
    const pz__decision_def *def = pz__catalog_decision(s.catalog, PZ__STR("d"));
    size_t refused = 0;
    for (size_t n = 1; n < 60; n++) {
        const pz_decision *decision;
        pz_value map;
        pz__request_clear(&s.request);
        const pz_alloc alloc = oom_alloc(&s.counting);
        pz__request_init(&s.request, &alloc);
        oom_fail(&s.counting, n, true);
        pz_status status = pz__request_begin(&s.request, s.catalog, NOW);
        if (status == PZ_OK) {
            pz__request_bind(&s.request, (pz__person){s.members, 1}, (pz__person){NULL, 0},
                             (pz__binding){++s.binding, 0});
            status = pz__decide(&s.request, def, &decision);
        }
        if (status == PZ_OK)
            status = pz__decision_explain(&s.request, decision, &map);
        oom_calm(&s.counting);
        assert_true(status == PZ_OK || status == PZ_ERR_NOMEM);
        refused += status == PZ_ERR_NOMEM;
        if (!s.request.catalog)
            continue;
        assert_int_equal(pz__decide(&s.request, def, &decision), PZ_OK);
        assert_int_equal(decision->value.kind, PZ_NULL);
    }
    assert_true(refused > 0);
    close_shop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_first_lock_that_holds_counts_and_is_not_clamped),
        cmocka_unit_test(bounds_that_hold_are_intersected),
        cmocka_unit_test(locks_read_what_other_policies_made_of_an_answer),
        cmocka_unit_test(policy_input_is_read_before_the_masks_it_sets),
        cmocka_unit_test(a_mode_or_rejection_does_not_silence_policy_input),
        cmocka_unit_test(a_mask_may_hang_on_a_lock),
        cmocka_unit_test(levels_of_all_sides_unite),
        cmocka_unit_test(the_newest_own_level_hides_older_ones_even_when_it_has_lapsed),
        cmocka_unit_test(a_level_that_is_none_is_refused_with_the_nearest),
        cmocka_unit_test(counters_are_behaviour),
        cmocka_unit_test(what_is_withheld_is_named_whether_or_not_there_is_data),
        cmocka_unit_test(a_decision_names_the_policies_that_fixed_or_limited_it),
        cmocka_unit_test(the_hosts_level_is_an_input_of_the_decision),
        cmocka_unit_test(deciding_under_policies_allocates_nothing_once_warm),
        cmocka_unit_test(want_of_memory_masks_nothing_less),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
