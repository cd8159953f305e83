/*
 * test_laws.c: Authority, Silence and Purity as properties over random histories.
 *
 * Authority keeps a model of the person's own instructions beside the profile: the latest choice,
 * whether its value was rejected since, the latest mode. Everything else (facts, imports, models,
 * events, other replicas, the account) is noise that must not show while the choice is live. The
 * clock of writes moves by a minute each time, so the order of stamps is the order of writing and
 * the model needs no stamps.
 *
 * Silence compares every assertion with a posterior computed straight from the definition, in time
 * quadratic in the nodes, and with a numerical integral of the Beta density.
 *
 * Each law has a control: the same check over a resolution that breaks the law must fail somewhere.
 */
#include "resolve/world.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/gen.h"
#include "support/oom.h"

static const char *const values[] = {"de", "en", "fr"};
static const char *const writers[] = {"w1", "w2", "w3"};
static const char *const channels[] = {"", "web", "app"};

/* ---- law 1: Authority ---- */

typedef struct instruction {
    const char *choice; /* the latest, NULL if none or cleared */
    int64_t expires;    /* of it; 0: never */
    bool is_rejected;   /* the value chosen, since */
    const char *mode;
} instruction;

static void world_for_laws(world *w, gen *g)
{
    world_flat(w);
    w->attribute.has_default = true;
    w->attribute.default_value = pz_value_str("en");
    w->attribute.has_recommended = gen_bool(g);
    w->attribute.recommended = pz_value_str("fr");
    w->attribute.is_group = gen_bool(g);
    if (gen_bool(g))
        w->attribute.half_life_ms = gen_range(g, 1, 60) * 24 * HOUR;
    if (gen_bool(g))
        w->attribute.retention_ms = gen_range(g, 1, 60) * 24 * HOUR;
}

/* Something that is not the person's own word. */
static void make_noise(world *w, gen *g, int64_t now)
{
    const int64_t earlier = now - gen_range(g, 0, 20) * 24 * HOUR;
    const char *value = GEN_CHOICE(g, values);
    w->write_now = now;
    switch (gen_below(g, 5)) {
    case 0:
        world_declare(w, value, now);
        break;
    case 1:
        world_declare(w, value, earlier); /* an import of old facts */
        break;
    case 2:
        world_infer(w, value, gen_unit(g), now);
        break;
    case 3:
        world_choose_account(w, value, now);
        break;
    default:
        world_observe(w, w->attribute.name, pz_value_str(value), gen_range(g, 1, 40) * 1024, 16,
                      gen_chance(g, 1, 5), earlier);
    }
}

/* The person's own word, noted in the model. */
static void speak(world *w, gen *g, instruction *wish, int64_t now)
{
    const char *value = GEN_CHOICE(g, values);
    static const char *const modes[] = {"AUTO", "AUTO", "MANUAL", "OFF"};
    w->write_now = now;
    switch (gen_below(g, 7)) {
    case 0:
        world_clear(w, now);
        wish->choice = NULL;
        break;
    case 1:
        world_reject(w, value, now);
        if (wish->choice && strcmp(wish->choice, value) == 0)
            wish->is_rejected = true;
        break;
    case 2:
        wish->mode = GEN_CHOICE(g, modes);
        world_mode(w, wish->mode, now);
        break;
    default:
        w->expires = gen_chance(g, 1, 6) ? now + gen_range(g, 1, 200) * 60000 : 0;
        world_choose(w, value, now);
        wish->choice = value;
        wish->expires = w->expires;
        wish->is_rejected = false;
        w->expires = 0;
    }
}

/* A replica goes its own way for a while and comes back, perhaps twice. */
static void merge_fork(world *w, gen *g, int64_t *now, instruction *wish)
{
    pz__profile *here = w->person, *fork;
    assert_int_equal(pz__profile_copy(&fork, here), PZ_OK);
    w->person = fork;
    w->writer = "fork";
    for (int i = 0; i < 3; i++, *now += 60000) {
        if (gen_chance(g, 1, 4))
            speak(w, g, wish, *now);
        else
            make_noise(w, g, *now);
    }
    w->person = here;
    w->writer = GEN_CHOICE(g, writers);
    for (uint64_t i = gen_below(g, 3); i > 0; i--, *now += 60000)
        make_noise(w, g, *now);
    for (uint64_t i = 1 + gen_below(g, 2); i > 0; i--)
        assert_int_equal(pz__profile_join(here, fork, NULL), PZ_OK);
    pz__profile_free(fork);
}

static instruction live_through_a_history(world *w, gen *g)
{
    instruction wish = {.mode = "AUTO"};
    int64_t now = DAY(1);
    bool is_forked = false;
    for (size_t steps = 3 + gen_len(g, 20); steps > 0; steps--, now += 60000) {
        w->writer = GEN_CHOICE(g, writers);
        w->channel = GEN_CHOICE(g, channels);
        if (gen_chance(g, 2, 5))
            speak(w, g, &wish, now);
        else if (gen_chance(g, 1, 8) && !is_forked) {
            /* One fork only: a second copy under the same writer would be another life. */
            is_forked = true;
            merge_fork(w, g, &now, &wish);
        } else
            make_noise(w, g, now);
    }
    w->now = now + gen_range(g, 0, 30) * 60000;
    w->write_now = 0;
    return wish;
}

static bool is_live(const instruction *wish, int64_t now)
{
    return wish->choice && !wish->is_rejected && (wish->expires == 0 || now < wish->expires) &&
           strcmp(wish->mode, "OFF") != 0;
}

/* The law, about one answer. */
static bool keeps_authority(const instruction *wish, int64_t now, const pz__resolution *answer)
{
    if (!is_live(wish, now))
        return answer->tier != PZ__TIER_CHOICE;
    return answer->tier == PZ__TIER_CHOICE && answer->reason == PZ__REASON_EXPLICIT &&
           pz_value_equal(answer->value, pz_value_str(wish->choice));
}

/* Last writer wins, as a store of settings without tiers would have it: the law broken. */
static pz__resolution newest_layer(world *w)
{
    const pz__view view = world_view(w);
    const pz__layer *layers;
    uint32_t count;
    pz__resolution newest = {0};
    assert_int_equal(pz__inspect(&view, &w->attribute, NULL, &layers, &count), PZ_OK);
    for (uint32_t i = 0; i < count; i++)
        if (layers[i].fate <= PZ__FATE_SHADOWED && layers[i].answer.at_ms >= newest.at_ms)
            newest = layers[i].answer;
    return newest;
}

static void a_live_choice_wins(void **state)
{
    (void)state;
    size_t live = 0, cases = gen_cases(2000);
    GEN_CASES(g, cases)
    {
        world w;
        world_for_laws(&w, &g);
        const instruction wish = live_through_a_history(&w, &g);
        const pz__resolution before = world_ask(&w);
        assert_true(keeps_authority(&wish, w.now, &before));
        live += is_live(&wish, w.now);
        w.writer = "late";
        for (int i = 0; i < 3; i++)
            make_noise(&w, &g, w.now);
        const pz__resolution after = world_ask(&w);
        assert_true(keeps_authority(&wish, w.now, &after));
        world_end(&w);
    }
    if (cases >= 1000)
        assert_true(live > cases / 10);
}

static void the_check_of_authority_can_fail(void **state)
{
    (void)state;
    size_t broken = 0;
    GEN_CASES(g, 300)
    {
        world w;
        world_for_laws(&w, &g);
        const instruction wish = live_through_a_history(&w, &g);
        const pz__resolution answer = newest_layer(&w);
        broken += !keeps_authority(&wish, w.now, &answer);
        world_end(&w);
    }
    assert_true(broken > 10);
}

/* ---- law 4: Silence ---- */

/* A random tree in preorder, with prior shares of its own. */
static void grow_tree(world *w, gen *g)
{
    world_plain(w);
    static char names[WORLD_NODES_MAX][8];
    uint32_t path[8] = {0}, depth = 0;
    world_node(w, 0, pz_value_null());
    for (uint64_t n = 2 + gen_below(g, 12); n > 0; n--) {
        uint32_t number = w->domain.count;
        snprintf(names[number], sizeof names[number], "n%02u", (number * 29) % 97);
        depth = (uint32_t)gen_below(g, depth + 1 < 4 ? depth + 2 : 4);
        path[depth + 1] = world_node(w, path[depth], pz_value_str(names[number]));
    }
    world_close_domain(w);
    w->attribute.threshold = 0.51 + 0.48 * gen_unit(g);
    w->attribute.min_evidence = gen_range(g, 0, 4) * 1024;
    w->attribute.strength = gen_bool(g) ? 1.0 : 20.0 * gen_unit(g);
    w->attribute.half_life_ms = gen_bool(g) ? gen_range(g, 1, 40) * 24 * HOUR : 0;
    w->attribute.saturation = gen_bool(g) ? gen_range(g, 1, 20) * 1024 : 0;
    w->attribute.width = 16;
}

typedef struct sight {
    uint32_t node;
    int64_t weight, at;
    uint8_t side;
} sight;

static size_t gather(world *w, gen *g, sight *sights, size_t most)
{
    size_t count = gen_below(g, most);
    uint32_t favourite = 1 + (uint32_t)gen_below(g, w->domain.count - 1);
    for (size_t i = 0; i < count; i++) {
        uint32_t node =
            gen_chance(g, 4, 5) ? favourite : 1 + (uint32_t)gen_below(g, w->domain.count - 1);
        sights[i] = (sight){node, gen_range(g, 1, 6000), DAY(1) + gen_range(g, 0, 19 * 24) * HOUR,
                            gen_chance(g, 1, 12)};
        w->writer = GEN_CHOICE(g, writers);
        world_observe(w, w->attribute.name, w->nodes[node].value, sights[i].weight, 16,
                      sights[i].side, sights[i].at);
    }
    return count;
}

/* The decayed, saturated weight of one sight, by the words of the definition. */
static double weight_of(const world *w, const sight *sights, size_t count, size_t i)
{
    const int64_t bucket = 65536000;
    const int64_t start = sights[i].at / bucket * bucket;
    double day = 0.0, weight = (double)sights[i].weight / 1024.0;
    for (size_t j = 0; j < count; j++) {
        const int64_t other = sights[j].at / bucket * bucket;
        if (sights[j].node == sights[i].node && sights[j].side == sights[i].side &&
            other / (24 * HOUR) == start / (24 * HOUR))
            day += (double)sights[j].weight / 1024.0;
    }
    const double most = (double)w->attribute.saturation / 1024.0;
    if (most > 0.0 && day > most)
        weight *= most / day;
    if (w->attribute.half_life_ms > 0)
        weight *=
            exp2(-(double)(w->now / bucket * bucket - start) / (double)w->attribute.half_life_ms);
    return weight;
}

static bool is_within(const world *w, uint32_t node, uint32_t subtree)
{
    return node >= subtree && node < w->nodes[subtree].end;
}

static void define(const world *w, const sight *sights, size_t count, uint32_t n, double *a,
                   double *b, double *personal)
{
    const double share = w->nodes[n].share;
    *personal = 0.0;
    *b = w->attribute.strength * (1.0 - share);
    for (size_t i = 0; i < count; i++) {
        const uint32_t m = sights[i].node;
        const double weight = weight_of(w, sights, count, i);
        if (sights[i].side == PZ__AGAINST)
            *b += is_within(w, n, m) ? weight : 0.0; /* m is n or an ancestor */
        else if (is_within(w, m, n))
            *personal += weight;
        else if (!is_within(w, n, m))
            *b += weight;
    }
    *a = w->attribute.strength * share + *personal;
}

/* P(Beta(a, b) > t) by Simpson's rule. For a small b over u = (1 - x)^(b/4), which makes of the
 * density a smooth function: itself it ends in a cusp at 1, which the rule does not see. */
static double integral_above(double a, double b, double t)
{
    const int steps = 4000;
    const bool is_cusp = b < 8.0;
    const double scale = lgamma(a + b) - lgamma(a) - lgamma(b);
    const double low = is_cusp ? 0.0 : t, high = is_cusp ? pow(1.0 - t, b / 4.0) : 1.0;
    double sum = 0.0;
    for (int i = 0; i <= steps; i++) {
        const double at = low + (high - low) * i / steps;
        const double y =
            is_cusp    ? exp(scale + (a - 1.0) * log1p(-pow(at, 4.0 / b))) * at * at * at * 4.0 / b
            : at < 1.0 ? exp(scale + (a - 1.0) * log(at) + (b - 1.0) * log1p(-at))
                       : 0.0;
        sum += y * (i == 0 || i == steps ? 1.0 : i % 2 ? 4.0 : 2.0);
    }
    return sum * (high - low) / steps / 3.0;
}

static void the_definition_s_integral_is_near_known_values(void **state)
{
    (void)state;
    static const struct {
        double a, b, t, above;
    } known[] = {
        /* mpmath 1.3.0, betainc(a, b, t, 1, regularized=True), 40 digits */
        {13.044921875, 1.1181640625, 0.78200382066024066, 0.9500452191300084},
        {0.125, 0.5, 0.59999999999999998, 0.1567167420796539},
        {3.5, 0.25, 0.96999999999999997, 0.60202902355058},
        {40.0, 1.0, 0.90000000000000002, 0.9852191170585654},
        {0.75, 13.5, 0.52000000000000002, 2.440003881880128e-5},
        {9.0, 7.75, 0.55000000000000004, 0.4639666575047152},
        {30.0, 8.25, 0.69999999999999996, 0.8925158557334158},
        {200.0, 3.0, 0.97999999999999998, 0.7706531762613913},
        {1.0, 2.0, 0.51000000000000001, 0.2401},
    };
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        assert_true(fabs(integral_above(known[i].a, known[i].b, known[i].t) - known[i].above) <
                    1e-8);
}

/* 1: certain, 0: not, -1: too near the edge for a numerical integral to judge. */
static int is_certain_by_definition(const world *w, double a, double b, double personal)
{
    const double enough = (double)w->attribute.min_evidence / 1024.0;
    if (a <= 0.0)
        return 0;
    if (fabs(personal - enough) < 1e-9 && enough > 0.0)
        return -1;
    if (personal < enough)
        return 0;
    const double above = b <= 0.0 ? 1.0 : integral_above(a, b, w->attribute.threshold);
    return fabs(above - 0.95) < 1e-5 ? -1 : above > 0.95;
}

/* The deepest certain node by definition; count + 1 where that is too near the edge to say. */
static uint32_t answer_by_definition(const world *w, const sight *sights, size_t count)
{
    uint32_t best = 0;
    for (uint32_t n = 1; n < w->domain.count; n++) {
        double a, b, personal;
        define(w, sights, count, n, &a, &b, &personal);
        const int verdict = is_certain_by_definition(w, a, b, personal);
        if (verdict < 0)
            return w->domain.count + 1;
        if (verdict && w->nodes[n].depth > w->nodes[best].depth)
            best = n;
    }
    return best;
}

static void nothing_below_its_threshold_is_asserted(void **state)
{
    (void)state;
    size_t asserted = 0, silent = 0, cases = gen_cases_full(400, 100000);
    GEN_CASES(g, cases)
    {
        world w;
        sight sights[24];
        grow_tree(&w, &g);
        const size_t count = gather(&w, &g, sights, 24);
        const uint32_t node = answer_by_definition(&w, sights, count);
        const pz__resolution answer = world_ask(&w);
        if (node == 0) {
            assert_int_equal(answer.tier, PZ__TIER_NONE);
            silent++;
        } else if (node < w.domain.count) {
            double a, b, personal;
            define(&w, sights, count, node, &a, &b, &personal);
            assert_int_equal(answer.tier, PZ__TIER_INFERRED);
            assert_true(pz_value_equal(answer.value, w.nodes[node].value));
            assert_true(fabs(a / (a + b) * 65536.0 - answer.confidence) < 0.501);
            asserted++;
        }
        world_end(&w);
    }
    if (cases >= 400)
        assert_true(asserted > cases / 20 && silent > cases / 20);
}

/* The control: a threshold a little lower than declared asserts what must not be asserted. */
static void the_check_of_silence_can_fail(void **state)
{
    (void)state;
    size_t broken = 0;
    GEN_CASES(g, 200)
    {
        world w;
        sight sights[24];
        grow_tree(&w, &g);
        const size_t count = gather(&w, &g, sights, 24);
        const uint32_t node = answer_by_definition(&w, sights, count);
        w.attribute.threshold -= 0.1;
        const pz__resolution answer = world_ask(&w);
        broken += node == 0 && answer.tier == PZ__TIER_INFERRED;
        world_end(&w);
    }
    assert_true(broken > 5);
}

/* ---- law 3: Purity ---- */

static bool is_same_answer(const pz__resolution *a, const pz__resolution *b)
{
    return pz_value_compare(a->value, b->value) == 0 && a->tier == b->tier &&
           a->reason == b->reason && a->has_confidence == b->has_confidence &&
           a->confidence == b->confidence && pz__str_equal(a->channel, b->channel) &&
           pz__str_equal(a->writer, b->writer) && pz__str_equal(a->who, b->who) &&
           a->at_ms == b->at_ms && a->evidence == b->evidence;
}

/* Resolve, inspect and resolve after a trip through stored bytes say the same. */
static void the_same_bytes_give_the_same_answer(void **state)
{
    (void)state;
    GEN_CASES(g, gen_cases_full(300, 20000))
    {
        world w;
        world_for_laws(&w, &g);
        live_through_a_history(&w, &g);
        const pz__resolution first = world_ask(&w);
        const pz__view view = world_view(&w);
        const pz__layer *layers;
        uint32_t count, used = 0;
        assert_int_equal(pz__inspect(&view, &w.attribute, NULL, &layers, &count), PZ_OK);
        for (uint32_t i = 0; i < count; i++)
            if (layers[i].fate == PZ__FATE_USED && ++used)
                assert_true(is_same_answer(&layers[i].answer, &first));
        assert_int_equal(used, first.tier != PZ__TIER_NONE);

        pz__buf bytes;
        pz__buf_init(&bytes, NULL, PZ__PROFILE_BYTES_MAX);
        assert_int_equal(pz__profile_encode(w.person, &bytes), PZ_OK);
        pz__profile *again;
        assert_int_equal(pz__profile_decode(&again, NULL, bytes.data, bytes.len, NULL), PZ_OK);
        pz__profile *original = w.person;
        w.person = again;
        const pz__resolution second = world_ask(&w);
        assert_true(is_same_answer(&first, &second));
        w.person = original;
        pz__profile_free(again);
        pz__buf_clear(&bytes);
        world_end(&w);
    }
}

/* ---- memory ---- */

static void resolving_allocates_nothing_once_warm(void **state)
{
    (void)state;
    oom memory;
    oom_init(&memory);
    const pz_alloc alloc = oom_alloc(&memory);
    world w;
    world_tree(&w);
    world_reject(&w, "tools", DAY(2));
    world_sight(&w, "roses", 30, DAY(10));
    world_infer(&w, "roses", 0.8, DAY(11));
    pz__view view = world_view(&w);
    pz__arena arena;
    pz__arena_init(&arena, &alloc, 0);
    view.arena = &arena;
    pz__resolution answer;
    assert_int_equal(pz__resolve(&view, &w.attribute, NULL, &answer), PZ_OK);
    assert_int_equal(answer.tier, PZ__TIER_INFERRED);
    const size_t warm = memory.request_count;
    assert_true(warm > 0);
    for (int i = 0; i < 1000; i++)
        assert_int_equal(pz__resolve(&view, &w.attribute, NULL, &answer), PZ_OK);
    assert_int_equal(memory.request_count, warm);
    pz__arena_clear(&arena);
    world_end(&w);
    oom_finish(&memory);
}

static void a_plain_choice_needs_no_memory_at_all(void **state)
{
    (void)state;
    oom memory;
    oom_init(&memory);
    const pz_alloc alloc = oom_alloc(&memory);
    world w;
    world_flat(&w);
    world_declare(&w, "fr", DAY(2));
    world_put(&w, &(pz__claim){.slot = PZ__SLOT_CHOICE, .value = pz_value_str("de")}, DAY(3));
    pz__view view = world_view(&w);
    pz__arena arena;
    pz__arena_init(&arena, &alloc, 0);
    view.arena = &arena;
    oom_fail(&memory, 1, false);
    pz__resolution answer;
    assert_int_equal(pz__resolve(&view, &w.attribute, NULL, &answer), PZ_OK);
    assert_int_equal(answer.tier, PZ__TIER_CHOICE);
    pz__arena_clear(&arena);
    world_end(&w);
    oom_finish(&memory);
}

static pz_status ask_everything(const pz_alloc *alloc, void *payload)
{
    world *w = payload;
    pz__view view = world_view(w);
    pz__arena arena;
    pz__arena_init(&arena, alloc, 0);
    view.arena = &arena;
    pz__resolution answer;
    const pz__layer *layers;
    uint32_t count;
    pz__posterior *posteriors;
    pz_status status = pz__resolve(&view, &w->attribute, NULL, &answer);
    if (status == PZ_OK)
        status = pz__inspect(&view, &w->attribute, NULL, &layers, &count);
    if (status == PZ_OK)
        status = pz__posteriors(&view, &w->attribute, &posteriors);
    pz__arena_clear(&arena);
    return status;
}

static void running_out_of_memory_is_told(void **state)
{
    (void)state;
    world w;
    world_tree(&w);
    w.attribute.is_group = true;
    world_reject(&w, "tools", DAY(2));
    world_sight(&w, "roses", 30, DAY(10));
    char channel[16];
    w.channel = channel;
    for (int i = 0; i < 60; i++) {
        snprintf(channel, sizeof channel, "channel%d", i);
        world_infer(&w, "roses", 0.5 + i / 200.0, DAY(11));
    }
    oom_run(ask_everything, &w);
    world_end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_live_choice_wins),
        cmocka_unit_test(the_check_of_authority_can_fail),
        cmocka_unit_test(the_definition_s_integral_is_near_known_values),
        cmocka_unit_test(nothing_below_its_threshold_is_asserted),
        cmocka_unit_test(the_check_of_silence_can_fail),
        cmocka_unit_test(the_same_bytes_give_the_same_answer),
        cmocka_unit_test(resolving_allocates_nothing_once_warm),
        cmocka_unit_test(a_plain_choice_needs_no_memory_at_all),
        cmocka_unit_test(running_out_of_memory_is_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
