/*
 * customers.c: see customers.h.
 *
 * A life is 5 to 300 sights long, short ones as often as long ones (the logarithm is uniform). The
 * same sights go to the library, as events, and to the reference, as a list.
 */
#include "resolve/customers.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "base/buf.h"
#include "base/special.h"
#include "resolve/reference.h"

#define LEVELS 3u
#define BRANCHES 4u
#define SIGHTS_MAX 300u
#define DAY_MS 86400000.0
#define MINUTE_MS INT64_C(60000)
#define BEGIN_MS INT64_C(1772323200000) /* 1 March 2026 */

const customers_kind customers_kinds[] = {
    {.name = "steady", .about = "what is wanted never changes; nothing fades", .care = 6, .gap = 1},
    {.name = "wandering",
     .about = "wishes drift, half of them gone in 166 days; half-life 30 days",
     .drift = CUSTOMERS_WANDER,
     .dwell = 240,
     .care = 6,
     .gap = 1,
     .half_life = 30},
    {.name = "leaping",
     .about = "all wishes are new every 120 days or so; half-life 30 days",
     .drift = CUSTOMERS_LEAP,
     .dwell = 120,
     .care = 6,
     .gap = 1,
     .half_life = 30},
    {.name = "sparse",
     .about = "a sight in 6 days, new wishes after 360; half-life 90 days",
     .drift = CUSTOMERS_LEAP,
     .dwell = 360,
     .care = 6,
     .gap = 6,
     .half_life = 90},
    {.name = "visits",
     .about = "up to 6 sights in a visit, half of them the same again; saturation 1",
     .drift = CUSTOMERS_LEAP,
     .dwell = 120,
     .care = 6,
     .gap = 3,
     .sights = 6,
     .repeats = 50,
     .half_life = 30,
     .saturation = 1},
    {.name = "coarse",
     .about = "as leaping, but every fifth sight is only of a shelf",
     .drift = CUSTOMERS_LEAP,
     .dwell = 120,
     .care = 6,
     .gap = 1,
     .inner = 20,
     .half_life = 30},
    {.name = "hurried",
     .about = "new wishes every 15 days, half the half-life",
     .drift = CUSTOMERS_LEAP,
     .dwell = 15,
     .care = 6,
     .gap = 1,
     .half_life = 30,
     .is_unfit = true},
    {.name = "unfading",
     .about = "new wishes every 30 days, and no half-life is declared",
     .drift = CUSTOMERS_LEAP,
     .dwell = 30,
     .care = 6,
     .gap = 1,
     .is_unfit = true},
    {.name = "lukewarm",
     .about = "hardly anybody's share reaches the threshold",
     .care = 1,
     .gap = 1,
     .is_unfit = true},
    {.name = NULL},
};

typedef struct shop {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    const customers_kind *kind;
    reference_rules rules;
    reference_tree tree;
    char names[REFERENCE_NODES_MAX][LEVELS + 2];
    int64_t now;
} shop;

typedef struct customer {
    double care[LEVELS + 1];
    double z[REFERENCE_NODES_MAX];
    int64_t leap_at;
    uint32_t last; /* leaf seen last; 0: none in this visit */
    unsigned left; /* sights left of this visit */
} customer;

/* ---- drawing ---- */

static double draw_exponential(gen *g)
{
    return -pz__log(1.0 - gen_unit(g));
}

/* Marsaglia's polar method. */
static double draw_normal(gen *g)
{
    double x, y, square;
    do {
        x = 2.0 * gen_unit(g) - 1.0;
        y = 2.0 * gen_unit(g) - 1.0;
        square = x * x + y * y;
    } while (square >= 1.0 || square == 0.0);
    return x * pz__sqrt(-2.0 * pz__log(square) / square);
}

static int64_t draw_span(gen *g, double days)
{
    return (int64_t)(draw_exponential(g) * days * DAY_MS) + 1;
}

static void draw_wishes(const shop *s, gen *g, customer *c)
{
    for (uint32_t depth = 1; depth <= LEVELS; depth++)
        c->care[depth] = s->kind->care * gen_unit(g);
    for (uint32_t n = 1; n < s->tree.count; n++)
        c->z[n] = draw_normal(g);
}

/* Time passes for the customer's wishes. */
static void change_wishes(const shop *s, gen *g, customer *c, int64_t span_ms)
{
    if (s->kind->drift == CUSTOMERS_WANDER) {
        const double kept = pz__exp(-((double)span_ms / DAY_MS) / s->kind->dwell);
        const double fresh = pz__sqrt(1.0 - kept * kept);
        for (uint32_t n = 1; n < s->tree.count; n++)
            c->z[n] = kept * c->z[n] + fresh * draw_normal(g);
    }
    while (s->kind->drift == CUSTOMERS_LEAP && c->leap_at <= s->now) {
        draw_wishes(s, g, c);
        c->leap_at += draw_span(g, s->kind->dwell);
    }
}

/* One of the children of an inner node, by exp(care z). */
static uint32_t draw_child(const shop *s, gen *g, const customer *c, uint32_t parent)
{
    const double care = c->care[s->tree.nodes[parent].depth + 1];
    double sum = 0.0;
    uint32_t n = parent + 1;
    for (; n < s->tree.nodes[parent].end; n = s->tree.nodes[n].end)
        sum += pz__exp(care * c->z[n]);
    double rest = gen_unit(g) * sum;
    for (n = parent + 1;; n = s->tree.nodes[n].end) {
        rest -= pz__exp(care * c->z[n]);
        if (rest < 0.0 || s->tree.nodes[n].end == s->tree.nodes[parent].end)
            return n;
    }
}

static uint32_t draw_sight(const shop *s, gen *g, customer *c)
{
    const bool is_repeat = c->last != 0 && gen_chance(g, s->kind->repeats, 100);
    uint32_t n = is_repeat ? c->last : 0;
    while (s->tree.nodes[n].depth < LEVELS)
        n = draw_child(s, g, c, n);
    c->last = n;
    if (gen_chance(g, s->kind->inner, 100))
        n = s->tree.nodes[n].parent;
    return n;
}

/* ---- the shop ---- */

static int64_t tell_time(void *payload)
{
    return ((const shop *)payload)->now;
}

/* A name is its path: "n" and a letter for each branch taken. */
static void grow(shop *s, pz__buf *text, uint32_t node)
{
    const uint32_t depth = s->tree.nodes[node].depth;
    pz__buf_byte(text, '{');
    for (uint32_t i = 0; depth < LEVELS && i < BRANCHES; i++) {
        const uint32_t child = reference_add(&s->tree, node);
        memcpy(s->names[child], s->names[node], depth + 1);
        s->names[child][depth + 1] = (char)('a' + i);
        pz__buf_format(text, "%s\"%s\":", i > 0 ? "," : "", s->names[child]);
        grow(s, text, child);
    }
    pz__buf_byte(text, '}');
}

static void write_catalog(shop *s, double threshold, pz__buf *text)
{
    char number[32];
    s->names[0][0] = 'n';
    reference_add(&s->tree, 0);
    pz__buf_text(text, "{\"horizon\":\"36500d\",\"taxonomies\":{\"goods\":");
    grow(s, text, 0);
    reference_close(&s->tree);
    snprintf(number, sizeof number, "%.17g", threshold);
    pz__buf_format(text,
                   "},\"attributes\":{\"wish\":{\"type\":\"string\",\"taxonomy\":"
                   "\"goods\",\"threshold\":%s,\"width\":\"65536s\"",
                   number);
    if (s->kind->half_life > 0)
        pz__buf_format(text, ",\"half_life\":\"%ud\"", s->kind->half_life);
    if (s->kind->saturation > 0)
        pz__buf_format(text, ",\"saturation\":%u", s->kind->saturation);
    pz__buf_text(text, "}},\"signals\":[{\"on\":\"view\",\"about\":\"wish\",\"value\":"
                       "\"event.item\",\"weight\":1}]}");
    assert_int_equal(text->status, PZ_OK);
}

static void open_shop(shop *s, const customers_kind *kind, double threshold)
{
    pz__buf text;
    pz__buf_init(&text, NULL, 1 << 16);
    *s = (shop){.kind = kind, .now = BEGIN_MS};
    s->rules = (reference_rules){.threshold = threshold,
                                 .strength = 1.0,
                                 .min_evidence = 1024,
                                 .saturation = kind->saturation * INT64_C(1024),
                                 .half_life_ms = kind->half_life * (int64_t)DAY_MS,
                                 .width = 16};
    write_catalog(s, threshold, &text);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .clock = tell_time, .clock_payload = s};
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz_engine_open(&s->engine, &options, &err), PZ_OK);
    if (pz_engine_load_text(s->engine, "shop", text.data, text.len, NULL, &err) != PZ_OK)
        fail_msg("%s", err.message);
    pz__buf_clear(&text);
    assert_int_equal(pz_context_new(&s->context, s->engine, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&s->pool, NULL), PZ_OK);
}

static void close_shop(shop *s)
{
    pz_pool_free(s->pool);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
}

static void observe(shop *s, pz_profile *profile, uint32_t node, uint64_t number)
{
    char id[24];
    snprintf(id, sizeof id, "%llu", (unsigned long long)number);
    const pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str("view")},
        {pz_value_str("source"), pz_value_str("web")},
        {pz_value_str("id"), pz_value_str(id)},
        {pz_value_str("time"), pz_value_time_ms(s->now)},
        {pz_value_str("item"), pz_value_str(s->names[node])},
    };
    pz_value event;
    pz_error err = PZ_ERROR_INIT;
    pz_pool_reset(s->pool);
    assert_int_equal(pz_pool_map(s->pool, &event, entries, sizeof entries / sizeof *entries),
                     PZ_OK);
    if (pz_observe(profile, event, NULL, NULL, &err) != PZ_OK)
        fail_msg("%s", err.message);
}

/* The node that the library asserts; 0: none. */
static uint32_t ask(shop *s, const pz_profile *profile)
{
    pz_resolution answer = {PZ_RESOLUTION};
    assert_int_equal(pz_context_begin(s->context, s->now, NULL), PZ_OK);
    assert_int_equal(pz_resolve(&answer, s->context, profile, "wish", NULL), PZ_OK);
    if (!answer.is_resolved)
        return 0;
    assert_string_equal(answer.tier, "INFERRED");
    const pz_str text = pz_value_text(answer.value);
    uint32_t n = 1;
    while (strlen(s->names[n]) != text.len || memcmp(s->names[n], text.data, text.len) != 0)
        n++;
    return n;
}

/* ---- a life ---- */

static bool is_within(const shop *s, uint32_t node, uint32_t subtree)
{
    return node >= subtree && node < s->tree.nodes[subtree].end;
}

/* The deepest node whose expected share reaches the threshold, however little was seen. */
static uint32_t hasty_answer(const shop *s, const reference_belief *beliefs)
{
    uint32_t best = 0;
    for (uint32_t n = 1; n < s->tree.count; n++) {
        const reference_belief *b = &beliefs[n];
        const bool is_likely = b->a >= s->rules.threshold * (b->a + b->b) && b->personal > 0.999L;
        if (is_likely && s->tree.nodes[n].depth > s->tree.nodes[best].depth)
            best = n;
    }
    return best;
}

static void judge(const shop *s, const reference_sight *sights, size_t count, uint32_t said,
                  uint32_t next, customers_tally *tally)
{
    reference_belief beliefs[REFERENCE_NODES_MAX];
    bool is_near;
    reference_believe(&s->tree, &s->rules, sights, count, s->now, s->rules.min_evidence, beliefs);
    const uint32_t expected = reference_answer(&s->tree, beliefs, s->rules.min_evidence, &is_near);
    tally->questions++;
    tally->expected += expected != 0;
    tally->unlike += said != expected && !is_near;
    const uint32_t hasty = hasty_answer(s, beliefs);
    tally->hasty += hasty != 0;
    tally->hasty_wrong += hasty != 0 && !is_within(s, next, hasty);
    if (said == 0)
        return;
    tally->assertions++;
    tally->of_depth[s->tree.nodes[said].depth]++;
    tally->disagreements += !is_within(s, next, said);
    tally->vague += next != said && is_within(s, said, next);
}

static void pass_time(shop *s, gen *g, customer *c)
{
    int64_t span = MINUTE_MS;
    if (c->left == 0) {
        c->left = 1 + (unsigned)gen_below(g, s->kind->sights ? s->kind->sights : 1);
        c->last = 0;
        span = draw_span(g, s->kind->gap);
    }
    c->left--;
    s->now += span;
    change_wishes(s, g, c, span);
}

static void live(shop *s, gen *g, customers_tally *tally)
{
    static uint64_t number;
    reference_sight sights[SIGHTS_MAX];
    customer c = {.last = 0};
    pz_profile *profile;
    s->now = BEGIN_MS + (int64_t)gen_below(g, 1000000000);
    c.leap_at = s->now + draw_span(g, s->kind->dwell);
    draw_wishes(s, g, &c);
    assert_int_equal(pz_profile_new(&profile, s->engine, PZ_PERSON, "she", NULL), PZ_OK);
    const size_t length = (size_t)(5.0 * pz__exp(pz__log(SIGHTS_MAX / 5.0) * gen_unit(g)));
    for (size_t i = 0; i < length; i++) {
        pass_time(s, g, &c);
        const uint32_t said = ask(s, profile), next = draw_sight(s, g, &c);
        judge(s, sights, i, said, next, tally);
        observe(s, profile, next, number++);
        sights[i] = (reference_sight){next, false, 1024, s->now};
    }
    pz_profile_free(profile);
}

void customers_live(const customers_kind *kind, double threshold, uint64_t count, gen *g,
                    customers_tally *tally)
{
    shop s;
    open_shop(&s, kind, threshold);
    for (uint64_t i = 0; i < count; i++)
        live(&s, g, tally);
    close_shop(&s);
}

double customers_error(const customers_tally *tally)
{
    return tally->assertions ? (double)tally->disagreements / (double)tally->assertions : 0.0;
}

double customers_coverage(const customers_tally *tally)
{
    return tally->questions ? (double)tally->assertions / (double)tally->questions : 0.0;
}
