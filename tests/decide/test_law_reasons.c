/*
 * test_law_reasons.c: Faithful reasons (law 7), over generated companies with policies.
 *
 * What an explanation names suffices: a profile of which everything else was cut away comes to the
 * same bytes (the id aside, which hashes the profile). What it names is the attributes and counters
 * that the decision's rules read and those that the policies bearing on it read; consents and
 * levels are operational and stay. The control cuts away one more attribute, which is named: often
 * the bytes change.
 *
 * Explaining changes nothing: before, between and after explanations the bytes are the same, id
 * included, in one request and in a fresh one.
 */
#include "decide/company.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What an explanation names. */
typedef struct named {
    bool attributes[ATTRIBUTES];
    bool has_counters;
} named;

static void take_name(named *n, pz_str name)
{
    char text[256];
    snprintf(text, sizeof text, "%.*s", PZ__STR_ARG(name));
    n->has_counters |= strncmp(text, "count(", 6) == 0 || strncmp(text, "last(", 5) == 0;
    for (uint32_t i = 0; i < ATTRIBUTES; i++) {
        char dotted[64];
        snprintf(dotted, sizeof dotted, "profile.%s", attribute_names[i]);
        n->attributes[i] |= strstr(text, dotted) != NULL;
    }
}

static pz_value member(pz_value map, const char *name)
{
    const pz_entry *entry = pz__map_find(map, pz_value_str(name));
    return entry ? entry->value : pz_value_null();
}

static void take_uses(named *n, pz_value list)
{
    for (uint32_t i = 0; i < list.len; i++)
        take_name(n, pz_value_text(member(list.as.items[i], "name")));
}

static named names_of(pz_value explanation)
{
    named n = {.has_counters = false};
    take_uses(&n, member(explanation, "uses"));
    const pz_value policies = member(explanation, "policies");
    for (uint32_t i = 0; policies.kind == PZ_LIST && i < policies.len; i++) {
        const pz_value uses = member(policies.as.items[i], "uses");
        if (uses.kind == PZ_LIST)
            take_uses(&n, uses);
    }
    return n;
}

static bool is_named(const void *self, const deed *one)
{
    const named *n = self;
    if (one->act == CONSENT || one->act == SET_LEVEL)
        return true;
    return one->act == VISIT ? n->has_counters : n->attributes[one->attribute];
}

static bool same(const char *a, size_t a_len, const char *b, size_t b_len)
{
    return a_len == b_len && memcmp(a, b, a_len) == 0;
}

/* Decide, explain, and say what was named. */
static char *explained(pz__request *request, const pz__catalog *catalog, const pz__profile *profile,
                       const question *q, size_t *len, named *n)
{
    const pz_decision *decision;
    pz_value explanation;
    question_ask(request, catalog, profile, q);
    char *bytes = decision_bytes_now(request, &decision, len);
    assert_int_equal(pz__decision_explain(request, decision, &explanation), PZ_OK);
    *n = names_of(explanation);
    return bytes;
}

typedef struct tally {
    size_t cases, cut, changed;
} tally;

/* Drop one more attribute that has deeds; false if none is named. */
static bool name_less(named *n, const history *h, gen *g)
{
    uint32_t list[ATTRIBUTES], count = 0;
    for (uint32_t a = 0; a < ATTRIBUTES; a++) {
        bool has_deed = false;
        for (uint32_t i = 0; i < h->count; i++)
            has_deed |= h->list[i].act != CONSENT && h->list[i].act != VISIT &&
                        h->list[i].act != SET_LEVEL && h->list[i].attribute == a;
        if (n->attributes[a] && has_deed)
            list[count++] = a;
    }
    if (count == 0)
        return false;
    n->attributes[list[gen_below(g, count)]] = false;
    return true;
}

static void try_cut(gen *g, pz__request *request, tally *t)
{
    company c;
    history h = {.count = 0};
    named n;
    size_t whole_len, cut_len;
    company_make(
        &c, g,
        &(wishes){.read = (uint32_t)gen_below(g, ATTRIBUTES), .lines = "", .is_masking = true});
    const question q = question_make(g);
    history_consent(&h, "ads", true);
    history_consent(&h, "care", true);
    history_fill(&h, g, 4 + (uint32_t)gen_below(g, 14));
    if (gen_bool(g))
        history_consent(&h, gen_bool(g) ? "ads" : "care", false);
    pz__profile *profile = history_profile(&h, c.catalog, NULL, NULL);
    char *whole = explained(request, c.catalog, profile, &q, &whole_len, &n);
    pz__profile *cut = history_profile(&h, c.catalog, is_named, &n);
    char *bytes = decision_bytes(request, c.catalog, cut, &q, &cut_len);
    if (!same(whole, whole_len, bytes, cut_len))
        fail_msg("%s: what is not named changed the decision: {%s", gen_place(g), c.text);
    t->cases++;
    pz__profile_free(cut);
    free(bytes);
    if (name_less(&n, &h, g)) {
        cut = history_profile(&h, c.catalog, is_named, &n);
        bytes = decision_bytes(request, c.catalog, cut, &q, &cut_len);
        t->changed += !same(whole, whole_len, bytes, cut_len);
        t->cut++;
        pz__profile_free(cut);
        free(bytes);
    }
    pz__profile_free(profile);
    free(whole);
    company_free(&c);
}

static void what_an_explanation_names_suffices(void **state)
{
    (void)state;
    tally t = {0, 0, 0};
    pz__request request;
    pz__request_init(&request, NULL);
    GEN_CASES(g, gen_cases_full(3000, 200000))
    try_cut(&g, &request, &t);
    pz__request_clear(&request);
    fprintf(stderr, "law 7: %zu cases; without one that is named %zu of %zu change\n", t.cases,
            t.changed, t.cut);
    assert_true(t.cut < 100 || t.changed * 2 >= t.cut);
}

static void explaining_changes_nothing(void **state)
{
    (void)state;
    pz__request request, fresh;
    pz__request_init(&request, NULL);
    pz__request_init(&fresh, NULL);
    GEN_CASES(g, gen_cases_full(1000, 100000))
    {
        company c;
        history h = {.count = 0};
        size_t len[3];
        const pz_decision *decision;
        pz__digest id[3];
        pz_value explanation;
        pz_str sentences;
        company_make(&c, &g,
                     &(wishes){.read = (uint32_t)gen_below(&g, ATTRIBUTES),
                               .lines = "",
                               .is_masking = true});
        const question q = question_make(&g);
        history_consent(&h, "ads", gen_bool(&g));
        history_fill(&h, &g, (uint32_t)gen_below(&g, 16));
        pz__profile *profile = history_profile(&h, c.catalog, NULL, NULL);
        question_ask(&request, c.catalog, profile, &q);
        char *first = decision_bytes_now(&request, &decision, &len[0]);
        pz__decision_id(&request, decision, &id[0]);
        assert_int_equal(pz__decision_explain(&request, decision, &explanation), PZ_OK);
        assert_int_equal(pz__decision_sentences(&request, decision, &sentences), PZ_OK);
        char *second = decision_bytes_now(&request, &decision, &len[1]);
        pz__decision_id(&request, decision, &id[1]);
        question_ask(&fresh, c.catalog, profile, &q);
        char *third = decision_bytes_now(&fresh, &decision, &len[2]);
        pz__decision_id(&fresh, decision, &id[2]);
        assert_true(same(first, len[0], second, len[1]) && same(first, len[0], third, len[2]));
        assert_memory_equal(&id[0], &id[1], sizeof id[0]);
        assert_memory_equal(&id[0], &id[2], sizeof id[0]);
        free(first);
        free(second);
        free(third);
        pz__profile_free(profile);
        company_free(&c);
    }
    pz__request_clear(&request);
    pz__request_clear(&fresh);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_an_explanation_names_suffices),
        cmocka_unit_test(explaining_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
