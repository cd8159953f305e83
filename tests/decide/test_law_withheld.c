/*
 * test_law_withheld.c: Consent (law 5) and Level (law 6).
 *
 * Data whose purpose is not granted, or whose source class is masked, cannot change a decision: two
 * profiles that differ in nothing else come to the same bytes. The id is left out of the
 * comparison, since it is a hash of the inputs, subject bytes included, and so differs by what it
 * is for.
 *
 * Each case has its control: the same two profiles without the denial (without the mask) come to
 * unlike bytes in at least half of the cases, so the mutation does matter.
 */
#include "decide/company.h"

#include <stdio.h>
#include <string.h>

#define DATA (1u << DECLARE | 1u << INFER | 1u << EVIDENCE)

/* Two histories that differ in data about one attribute. */
static void diverge(const history *h, gen *g, uint32_t attribute, uint32_t acts, history *a,
                    history *b)
{
    *a = *b = *h;
    const uint32_t most = 2 + (uint32_t)gen_below(g, 3);
    for (uint32_t i = 0; i < most; i++) {
        history_add(a, g, attribute, acts);
        history_add(b, g, attribute, acts);
    }
    if (gen_chance(g, 1, 4))
        a->count = h->count;
}

/* ---- law 5 ---- */

typedef struct tally {
    size_t cases, changed;
} tally;

/* One case; false if the catalog has no attribute with the purpose. */
static void try_consent(gen *g, pz__request *request, tally *t)
{
    company c;
    history h = {.count = 0}, a, b;
    const uint32_t victim = (uint32_t)gen_below(g, ATTRIBUTES);
    company_make(&c, g, &(wishes){.read = victim, .lines = "", .is_masking = true});
    if (!c.purpose[victim][0]) {
        company_free(&c);
        return;
    }
    const question q = question_make(g);
    history_consent(&h, "ads", true);
    history_consent(&h, "care", true);
    history_fill(&h, g, (uint32_t)gen_below(g, 8));
    diverge(&h, g, victim, DATA, &a, &b);
    pz__profile *left = history_profile(&a, c.catalog, NULL, NULL);
    pz__profile *right = history_profile(&b, c.catalog, NULL, NULL);
    t->changed += decisions_differ(request, c.catalog, left, right, &q);
    t->cases++;
    pz__profile_free(left);
    pz__profile_free(right);
    a.list[a.count] = b.list[b.count] = (deed){.act = CONSENT,
                                               .text = c.purpose[victim],
                                               .channel = "",
                                               .now = COMPANY_NOW - DAY,
                                               .at = COMPANY_NOW - DAY};
    a.count++;
    b.count++;
    left = history_profile(&a, c.catalog, NULL, NULL);
    right = history_profile(&b, c.catalog, NULL, NULL);
    if (decisions_differ(request, c.catalog, left, right, &q))
        fail_msg("%s: data of a denied purpose changed the decision: {%s", gen_place(g), c.text);
    pz__profile_free(left);
    pz__profile_free(right);
    company_free(&c);
}

static void data_of_a_purpose_not_granted_changes_no_decision(void **state)
{
    (void)state;
    tally t = {0, 0};
    pz__request request;
    pz__request_init(&request, NULL);
    GEN_CASES(g, gen_cases(3000))
    try_consent(&g, &request, &t);
    pz__request_clear(&request);
    fprintf(stderr, "law 5: %zu cases, the mutation mattered in %zu with consent\n", t.cases,
            t.changed);
    assert_true(t.cases < 100 || t.changed * 2 >= t.cases);
}

/* ---- law 6 ---- */

/* Who demands the mask. */
typedef enum side { CATALOG, POLICY, HOST, CUSTOMER, SIDES } side;

typedef struct level {
    const char *name;
    bool has_declared; /* masked: recorded facts */
} level;
static const level levels[] = {{"basic", true}, {"demographic", false}, {"self-service", false}};

/* No level, but what was gathered elsewhere. */
static const level elsewhere = {"", false};

/* The member of a catalog or policy that demands it. */
static const char *demand(const level *l, char *room, size_t size)
{
    if (l->name[0])
        snprintf(room, size, "\"level\": \"%s\"", l->name);
    else
        snprintf(room, size, "\"mask\": [\"cross-channel\"]");
    return room;
}

/* The acts whose data the level masks, for an attribute. */
static uint32_t masked_acts(const company *c, uint32_t attribute, const level *l)
{
    const char *class = c->class[attribute];
    uint32_t acts = 0;
    if (l == &elsewhere)
        return 1u << INFER | 1u << EVIDENCE;
    if (l->has_declared && attribute != ADULT)
        acts |= 1u << DECLARE;
    if (strcmp(class, "behaviour") == 0 || strcmp(class, "choice") == 0 ||
        (l->has_declared && strcmp(class, "declared") == 0))
        acts |= 1u << INFER | 1u << EVIDENCE;
    return acts;
}

static bool differ_masked(const company *c, pz__request *request, history *a, history *b,
                          question q, side who, const level *l)
{
    char members[72], room[64];
    const pz__catalog *catalog = pz__catalog_ref(c->catalog);
    const deed own = {.act = SET_LEVEL,
                      .text = l->name,
                      .channel = "",
                      .now = COMPANY_NOW - DAY,
                      .at = COMPANY_NOW - DAY};
    if (who == CATALOG) {
        pz__catalog_unref(catalog);
        snprintf(members, sizeof members, "%s, ", demand(l, room, sizeof room));
        catalog = company_again(c, members);
    }
    if (who == CUSTOMER) {
        a->list[a->count++] = own;
        b->list[b->count++] = own;
    }
    q.mode = who == POLICY ? "on" : "off";
    q.level = who == HOST ? l->name : NULL;
    pz__profile *left = history_profile(a, catalog, NULL, NULL);
    pz__profile *right = history_profile(b, catalog, NULL, NULL);
    const bool differ = decisions_differ(request, catalog, left, right, &q);
    pz__profile_free(left);
    pz__profile_free(right);
    pz__catalog_unref(catalog);
    return differ;
}

/* All that a and b have beyond h happened in another channel than the question's. */
static void move_away(const history *h, history *a, history *b)
{
    for (uint32_t i = h->count; i < a->count; i++)
        a->list[i].channel = "app";
    for (uint32_t i = h->count; i < b->count; i++)
        b->list[i].channel = "app";
}

static void try_level(gen *g, pz__request *request, tally *t)
{
    company c;
    history h = {.count = 0}, a, b;
    const level *l = gen_chance(g, 1, 5) ? &elsewhere : &GEN_CHOICE(g, levels);
    const side who = (side)gen_below(g, l == &elsewhere ? HOST : SIDES);
    const uint32_t victim = (uint32_t)gen_below(g, ATTRIBUTES);
    char policy[128], room[64];
    snprintf(policy, sizeof policy, "{\"id\": \"switch\", \"when\": \"context.mode == 'on'\", %s},",
             demand(l, room, sizeof room));
    company_make(&c, g, &(wishes){.read = victim, .lines = policy, .is_masking = false});
    const bool is_counted = gen_chance(g, 1, 8);
    uint32_t acts = masked_acts(&c, victim, l);
    if (is_counted)
        acts |= 1u << VISIT;
    if (!acts) {
        company_free(&c);
        return;
    }
    const question q = question_make(g);
    history_consent(&h, "ads", true);
    history_consent(&h, "care", true);
    history_fill(&h, g, (uint32_t)gen_below(g, 8));
    diverge(&h, g, victim, acts, &a, &b);
    if (l == &elsewhere)
        move_away(&h, &a, &b);
    pz__profile *left = history_profile(&a, c.catalog, NULL, NULL);
    pz__profile *right = history_profile(&b, c.catalog, NULL, NULL);
    t->changed += decisions_differ(request, c.catalog, left, right, &q);
    t->cases++;
    pz__profile_free(left);
    pz__profile_free(right);
    if (differ_masked(&c, request, &a, &b, q, who, l))
        fail_msg("%s: masked data changed the decision (level %s by side %d): {%s", gen_place(g),
                 l->name, (int)who, c.text);
    company_free(&c);
}

static void data_of_a_masked_class_changes_no_decision(void **state)
{
    (void)state;
    tally t = {0, 0};
    pz__request request;
    pz__request_init(&request, NULL);
    GEN_CASES(g, gen_cases(3000))
    try_level(&g, &request, &t);
    pz__request_clear(&request);
    fprintf(stderr, "law 6: %zu cases, the mutation mattered in %zu without the mask\n", t.cases,
            t.changed);
    assert_true(t.cases < 100 || t.changed * 2 >= t.cases);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(data_of_a_purpose_not_granted_changes_no_decision),
        cmocka_unit_test(data_of_a_masked_class_changes_no_decision),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
