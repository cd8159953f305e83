/*
 * test_silence.c: law 4, Silence: nothing below its threshold is ever asserted.
 *
 * Random catalogs (trees and flat lists, thresholds, priors with shares of their own, half-life,
 * saturation, retention, least evidence, the group) meet random histories: events for and against,
 * of several writers, late ones too, and claims of models, at any confidence. Everything goes
 * through the public API. Each answer is then judged by reference.h, which knows the definition and
 * nothing of the library: what is said must be certain by it, and where it is certain of something,
 * the library must not be silent either. What comes closer to an edge than rounding is left out.
 *
 * The controls ask a catalog whose thresholds are lower than those that the judge knows, and ask a
 * judge who forgets the least evidence: both must find broken answers.
 */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "base/buf.h"
#include "resolve/reference.h"
#include "support/gen.h"

#define NODES_MAX 14u
#define SIGHTS_MAX 24u
#define HISTORIES 50u /* with each catalog */
#define HOUR_MS INT64_C(3600000)
#define DAY_MS (24 * HOUR_MS)
#define BEGIN_MS INT64_C(1772323200000) /* 1 March 2026 */

static const struct signal {
    const char *kind, *weight;
    int64_t units; /* of 1/1024 */
    bool is_against;
} signals[] = {
    {"saw", "1", 1024, false},        {"bought", "5", 5120, false},
    {"glanced", "0.25", 256, false},  {"returned", "-1", 1024, true},
    {"complained", "-3", 3072, true},
};
static const char *const channels[] = {"web", "app", "shop"};
static const char *const writers[] = {"w1", "w2", "w3"};

typedef struct world {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    reference_tree tree;
    reference_rules rules;
    bool is_flat, is_group;
    char names[NODES_MAX + 1][8];
    int64_t now;
} world;

/* The newest claim of a model in one channel. */
typedef struct model {
    uint32_t node; /* 0: none */
    double confidence;
    int64_t at_ms;
} model;

typedef struct history {
    reference_sight sights[SIGHTS_MAX];
    size_t count;
    model models[3];
} history;

static int64_t tell_time(void *payload)
{
    return ((const world *)payload)->now;
}

/* ---- a catalog ---- */

static void grow(world *w, gen *g)
{
    uint32_t path[5] = {0}, depth = 0;
    w->is_flat = gen_chance(g, 1, 4);
    reference_add(&w->tree, 0);
    for (uint64_t n = 2 + gen_below(g, NODES_MAX - 2); n > 0; n--) {
        depth = w->is_flat ? 0 : (uint32_t)gen_below(g, depth + 1 < 4 ? depth + 2 : 4);
        path[depth + 1] = reference_add(&w->tree, path[depth]);
        snprintf(w->names[path[depth + 1]], sizeof w->names[0], "n%02u", path[depth + 1] * 29 % 97);
    }
    reference_close(&w->tree);
}

static bool is_leaf(const world *w, uint32_t n)
{
    return w->tree.nodes[n].end == n + 1;
}

/* Shares in 64ths, which add to 1 exactly; what is left goes to the last leaf. */
static void share_out(world *w, gen *g, pz__buf *text)
{
    uint32_t left = 64, last = w->tree.count - 1; /* the last node of a preorder is a leaf */
    const char *separator = ",\"shares\":{";
    for (uint32_t n = 0; n < w->tree.count; n++)
        w->tree.nodes[n].share = 0.0;
    for (uint32_t n = 1; n < w->tree.count; n++) {
        if (!is_leaf(w, n))
            continue;
        const uint32_t part = n == last ? left : (uint32_t)gen_below(g, left + 1);
        char number[16];
        left -= part;
        snprintf(number, sizeof number, "%.6f", part / 64.0);
        pz__buf_format(text, "%s\"%s\":%s", separator, w->names[n], number);
        separator = ",";
        for (uint32_t m = n;; m = w->tree.nodes[m].parent) {
            w->tree.nodes[m].share += part / 64.0;
            if (m == 0)
                break;
        }
    }
    pz__buf_byte(text, '}');
}

static void put_number(pz__buf *text, const char *name, double number)
{
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", number);
    pz__buf_format(text, ",\"%s\":%s", name, digits);
}

static void put_subtree(const world *w, uint32_t node, pz__buf *text)
{
    pz__buf_byte(text, '{');
    for (uint32_t n = node + 1; n < w->tree.nodes[node].end; n = w->tree.nodes[n].end) {
        pz__buf_format(text, "%s\"%s\":", n > node + 1 ? "," : "", w->names[n]);
        put_subtree(w, n, text);
    }
    pz__buf_byte(text, '}');
}

static void put_domain(const world *w, pz__buf *text)
{
    if (!w->is_flat) {
        pz__buf_text(text, ",\"taxonomy\":\"goods\"");
        return;
    }
    for (uint32_t n = 1; n < w->tree.count; n++)
        pz__buf_format(text, "%s\"%s\"", n > 1 ? "," : ",\"one_of\":[", w->names[n]);
    pz__buf_byte(text, ']');
}

static void put_attribute(world *w, gen *g, double lower_by, pz__buf *text)
{
    reference_rules *r = &w->rules;
    *r = (reference_rules){.threshold = 0.51 + 0.48 * gen_unit(g), .strength = 1.0};
    if (gen_bool(g))
        r->strength = 0.125 + 20.0 * gen_unit(g);
    r->min_evidence = gen_range(g, 1, 8) * 512;
    if (gen_bool(g))
        r->half_life_ms = gen_range(g, 13, 60) * DAY_MS;
    if (gen_bool(g))
        r->saturation = gen_range(g, 1, 20) * 1024;
    if (gen_chance(g, 1, 3))
        r->retention_ms = gen_range(g, 5, 60) * DAY_MS;
    r->width = (unsigned)gen_range(g, 4, 16);
    w->is_group = gen_chance(g, 1, 4);
    pz__buf_text(text, "\"attributes\":{\"wish\":{\"type\":\"string\"");
    put_domain(w, text);
    const double threshold = r->threshold - lower_by;
    put_number(text, "threshold", threshold > 0.501 ? threshold : 0.501);
    put_number(text, "min_evidence", (double)r->min_evidence / 1024.0);
    pz__buf_format(text, ",\"width\":\"%us\"", 1u << r->width);
    if (r->half_life_ms > 0)
        pz__buf_format(text, ",\"half_life\":\"%ud\"", (unsigned)(r->half_life_ms / DAY_MS));
    if (r->saturation > 0)
        pz__buf_format(text, ",\"saturation\":%u", (unsigned)(r->saturation / 1024));
    if (r->retention_ms > 0)
        pz__buf_format(text, ",\"retention\":\"%ud\"", (unsigned)(r->retention_ms / DAY_MS));
    if (w->is_group)
        pz__buf_text(text, ",\"group\":true");
    char digits[32];
    snprintf(digits, sizeof digits, "%.17g", r->strength);
    pz__buf_format(text, ",\"prior\":{\"strength\":%s", digits);
    if (gen_chance(g, 1, 3))
        share_out(w, g, text);
    pz__buf_text(text, "}}}");
}

static void put_catalog(world *w, gen *g, double lower_by, pz__buf *text)
{
    grow(w, g);
    pz__buf_text(text, "{\"horizon\":\"36500d\",");
    if (!w->is_flat) {
        pz__buf_text(text, "\"taxonomies\":{\"goods\":");
        put_subtree(w, 0, text);
        pz__buf_text(text, "},");
    }
    put_attribute(w, g, lower_by, text);
    for (size_t i = 0; i < sizeof signals / sizeof *signals; i++)
        pz__buf_format(text,
                       "%s{\"on\":\"%s\",\"about\":\"wish\",\"value\":\"event.item\","
                       "\"weight\":%s}",
                       i > 0 ? "," : ",\"signals\":[", signals[i].kind, signals[i].weight);
    pz__buf_text(text, "]}");
    assert_int_equal(text->status, PZ_OK);
}

static void open_world(world *w, gen *g, double lower_by)
{
    pz__buf text;
    pz__buf_init(&text, NULL, 1 << 16);
    *w = (world){.now = BEGIN_MS};
    put_catalog(w, g, lower_by, &text);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .clock = tell_time, .clock_payload = w};
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz_engine_open(&w->engine, &options, &err), PZ_OK);
    if (pz_engine_load_text(w->engine, "random", text.data, text.len, NULL, &err) != PZ_OK)
        fail_msg("%s in %.*s", err.message, (int)text.len, text.data);
    pz__buf_clear(&text);
    assert_int_equal(pz_context_new(&w->context, w->engine, NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&w->pool, NULL), PZ_OK);
}

static void close_world(world *w)
{
    pz_pool_free(w->pool);
    pz_context_free(w->context);
    pz_engine_close(w->engine);
}

/* ---- a history ---- */

static void observe(world *w, gen *g, pz_profile *profile, reference_sight sight, const char *kind,
                    size_t number)
{
    char id[24];
    const char *channel = GEN_CHOICE(g, channels);
    snprintf(id, sizeof id, "%zu", number);
    const pz_entry entries[] = {
        {pz_value_str("kind"), pz_value_str(kind)},
        {pz_value_str("source"), pz_value_str("web")},
        {pz_value_str("id"), pz_value_str(id)},
        {pz_value_str("time"), pz_value_time_ms(sight.at_ms)},
        {pz_value_str("channel"), pz_value_str(channel)},
        {pz_value_str("item"), pz_value_str(w->names[sight.node])},
    };
    const pz_write write = {PZ_WRITE, .writer = GEN_CHOICE(g, writers)};
    pz_value event;
    pz_error err = PZ_ERROR_INIT;
    pz_pool_reset(w->pool);
    assert_int_equal(pz_pool_map(w->pool, &event, entries, sizeof entries / sizeof *entries),
                     PZ_OK);
    if (pz_observe(profile, event, &write, NULL, &err) != PZ_OK)
        fail_msg("%s", err.message);
}

/* Any confidence, or one as near to the threshold as there is. */
static double stated(const world *w, gen *g)
{
    const double threshold = w->rules.threshold;
    const double near[] = {threshold, nextafter(threshold, 0.0), nextafter(threshold, 1.0),
                           threshold - 1e-9};
    return gen_chance(g, 1, 2) ? gen_unit(g) : GEN_CHOICE(g, near);
}

static void infer(world *w, gen *g, pz_profile *profile, history *h)
{
    const size_t channel = (size_t)gen_below(g, 3);
    const uint32_t node = 1 + (uint32_t)gen_below(g, w->tree.count - 1);
    const model claim = {node, stated(w, g), w->now};
    const pz_write write = {PZ_WRITE, .channel = channels[channel], .writer = "model"};
    assert_int_equal(pz_infer(profile, "wish", pz_value_str(w->names[claim.node]), claim.confidence,
                              &write, NULL),
                     PZ_OK);
    h->models[channel] = claim;
}

/* Most sights are of one favourite and what lies below it: else nothing would ever be certain. */
static uint32_t draw_node(const world *w, gen *g, uint32_t favourite)
{
    const reference_node *node = &w->tree.nodes[favourite];
    if (gen_chance(g, 5, 6))
        return favourite + (uint32_t)gen_below(g, gen_bool(g) ? 1 : node->end - favourite);
    return 1 + (uint32_t)gen_below(g, w->tree.count - 1);
}

static void live(world *w, gen *g, pz_profile *profile, history *h)
{
    const uint32_t favourite = 1 + (uint32_t)gen_below(g, w->tree.count - 1);
    h->count = (size_t)gen_below(g, SIGHTS_MAX + 1);
    for (size_t i = 0; i < h->count; i++) {
        const bool is_kind = gen_chance(g, 5, 6);
        const struct signal *s = &signals[is_kind ? gen_below(g, 3) : gen_below(g, 5)];
        w->now += gen_range(g, 1, 30) * HOUR_MS;
        const uint32_t node = draw_node(w, g, favourite);
        const int64_t at = w->now - gen_range(g, 0, 20 * 24) * HOUR_MS / 4;
        h->sights[i] = (reference_sight){node, s->is_against, s->units, at};
        observe(w, g, profile, h->sights[i], s->kind, i);
        if (gen_chance(g, 1, 40))
            infer(w, g, profile, h);
    }
}

/* ---- the judge ---- */

typedef enum verdict { KEPT_SILENT, ASSERTED, NOT_JUDGED, BROKEN } verdict;

/* Whether some model's claim about `node` (0: any) reaches the threshold. */
static bool model_says(const world *w, const history *h, uint32_t node)
{
    bool says = false;
    for (size_t i = 0; i < 3; i++) {
        if (h->models[i].node == 0 || (node != 0 && h->models[i].node != node))
            continue;
        says = says || h->models[i].confidence >= w->rules.threshold;
    }
    return says;
}

static bool is_share(const reference_belief *belief, double confidence)
{
    const long double off = belief->a / (belief->a + belief->b) - (long double)confidence;
    return off < 0.501L / 65536.0L && off > -0.501L / 65536.0L;
}

/* Nothing is said: then neither evidence, nor a model, nor the group may be sure. */
static verdict judge_silence(bool is_sure)
{
    return is_sure ? BROKEN : KEPT_SILENT;
}

static verdict judge(const world *w, const history *h, int64_t at_ms, int64_t least,
                     const pz_resolution *answer)
{
    reference_belief beliefs[REFERENCE_NODES_MAX];
    bool is_near = false, is_group_near = false;
    const int64_t lowest = w->is_group ? 0 : least;
    reference_believe(&w->tree, &w->rules, h->sights, h->count, at_ms, lowest, beliefs);
    const uint32_t sure = reference_answer(&w->tree, beliefs, least, &is_near);
    const uint32_t group = w->is_group ? reference_answer(&w->tree, beliefs, 0, &is_group_near) : 0;
    const bool any_model = model_says(w, h, 0);
    if (is_near || is_group_near)
        return NOT_JUDGED;
    if (!answer->is_resolved)
        return judge_silence(sure != 0 || group != 0 || any_model);

    const pz_str text = pz_value_text(answer->value);
    uint32_t said = 1;
    while (strlen(w->names[said]) != text.len || memcmp(w->names[said], text.data, text.len) != 0)
        said++;
    if (strcmp(answer->tier, "GROUP") == 0)
        return sure == 0 && !any_model && said == group &&
                       is_share(&beliefs[said], answer->confidence)
                   ? ASSERTED
                   : BROKEN;
    const bool by_evidence = said == sure && is_share(&beliefs[said], answer->confidence);
    const bool by_model = model_says(w, h, said) && answer->confidence >= w->rules.threshold - 2e-5;
    return strcmp(answer->tier, "INFERRED") == 0 && (by_evidence || by_model) ? ASSERTED : BROKEN;
}

/* A model's claim ends with its retention, and hides its predecessor still. */
static void forget_models(const world *w, history *h, int64_t at_ms)
{
    for (size_t i = 0; i < 3 && w->rules.retention_ms > 0; i++)
        if (at_ms - h->models[i].at_ms >= w->rules.retention_ms)
            h->models[i].node = 0;
}

static verdict run_history(world *w, gen *g, bool forgets_least)
{
    history h = {.count = 0};
    pz_profile *profile;
    pz_resolution answer = {PZ_RESOLUTION};
    w->now = BEGIN_MS + gen_range(g, 0, 1000) * HOUR_MS;
    assert_int_equal(pz_profile_new(&profile, w->engine, PZ_PERSON, "she", NULL), PZ_OK);
    live(w, g, profile, &h);
    /* Sometimes an earlier moment, unless a model spoke: what came after does not count then. */
    const bool has_model = h.models[0].node || h.models[1].node || h.models[2].node;
    const int64_t at = w->now + gen_range(g, has_model ? 0 : -10 * 24, 40 * 24) * HOUR_MS;
    forget_models(w, &h, at);
    assert_int_equal(pz_context_begin(w->context, at, NULL), PZ_OK);
    assert_int_equal(pz_resolve(&answer, w->context, profile, "wish", NULL), PZ_OK);
    const int64_t least = forgets_least ? 64 * 1024 : w->rules.min_evidence;
    const verdict found = judge(w, &h, at, least, &answer);
    pz_profile_free(profile);
    return found;
}

typedef struct tally {
    size_t of[4]; /* by verdict */
} tally;

static tally run(const char *loop, size_t cases, double lower_by, bool forgets_least)
{
    tally t = {{0}};
    for (gen g = gen_loop_start(loop, (cases + HISTORIES - 1) / HISTORIES); gen_loop_more(&g);
         gen_loop_next(&g)) {
        world w;
        open_world(&w, &g, lower_by);
        for (size_t i = 0; i < HISTORIES; i++) {
            const verdict found = run_history(&w, &g, forgets_least);
            t.of[found]++;
            if (found == BROKEN && lower_by == 0.0 && !forgets_least)
                fail_msg("history %zu of the case breaks the law", i);
        }
        close_world(&w);
    }
    return t;
}

static void nothing_below_its_threshold_is_asserted(void **state)
{
    (void)state;
    const size_t cases = gen_cases(2000);
    const tally t = run(__func__, cases, 0.0, false);
    print_message("%zu asserted, %zu silent, %zu too near the edge to judge\n", t.of[ASSERTED],
                  t.of[KEPT_SILENT], t.of[NOT_JUDGED]);
    if (cases >= 2000) {
        assert_true(t.of[ASSERTED] > cases / 20 && t.of[KEPT_SILENT] > cases / 20);
        assert_true(t.of[NOT_JUDGED] < cases / 5);
    }
}

static void a_threshold_lower_than_declared_is_found_out(void **state)
{
    (void)state;
    assert_true(run(__func__, 1000, 0.02, false).of[BROKEN] > 10);
}

static void too_little_evidence_is_found_out(void **state)
{
    (void)state;
    assert_true(run(__func__, 1000, 0.0, true).of[BROKEN] > 10);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_below_its_threshold_is_asserted),
        cmocka_unit_test(a_threshold_lower_than_declared_is_found_out),
        cmocka_unit_test(too_little_evidence_is_found_out),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
