/*
 * test_certain_verdict.c: what the certainty test costs, and that its bits are the same everywhere.
 *
 * The linker hands the calls of the incomplete beta function to counters here.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "base/hash.h"
#include "base/special.h"
#include "resolve/posterior.h"
#include "resolve/questions.h"

#define NOW INT64_C(1772323200000) /* 1 March 2026 */

static unsigned sums, quantiles;

double __real_pz__beta_above(double a, double b, double x);
double __wrap_pz__beta_above(double a, double b, double x);
double __real_pz__beta_quantile(double a, double b, double q);
double __wrap_pz__beta_quantile(double a, double b, double q);

double __wrap_pz__beta_above(double a, double b, double x)
{
    sums++;
    return __real_pz__beta_above(a, b, x);
}

double __wrap_pz__beta_quantile(double a, double b, double q)
{
    quantiles++;
    return __real_pz__beta_quantile(a, b, q);
}

/* ---- bits ---- */

static void put_word(pz__blake2s *hash, uint64_t word)
{
    uint8_t bytes[8];
    for (int i = 0; i < 8; i++)
        bytes[i] = (uint8_t)(word >> (8 * i));
    pz__blake2s_put(hash, bytes, sizeof bytes);
}

/* Any change of this digest changes answers: it comes with a new version of what decides, or not at
 * all, and every compiler and machine gives the same. */
static void probabilities_verdicts_and_confidences_have_the_same_bits_everywhere(void **state)
{
    (void)state;
    gen g = gen_from(95);
    pz__blake2s hash;
    pz__blake2s_init(&hash, NULL, 0);
    unsigned certain = 0;
    for (uint64_t i = 0; i < 20000; i++) {
        const question q = question_draw(&g, i);
        const pz__belief belief = {q.a, q.b, 0.0};
        const double above = pz__beta_above(q.a, q.b, q.threshold);
        uint64_t bits;
        memcpy(&bits, &above, sizeof bits);
        put_word(&hash, bits);
        put_word(&hash, pz__belief_is_certain(&belief, q.threshold));
        put_word(&hash, pz__belief_confidence(&belief));
        certain += pz__belief_is_certain(&belief, q.threshold);
    }
    char hex[33];
    pz__digest_hex(pz__blake2s_end(&hash), hex);
    assert_true(certain > 5000 && certain < 15000);
    assert_string_equal(hex, "6542311e0d00bb75bded6cbc8cbd6b5a");
}

/* ---- rarity ---- */

/* The probability that a customer who agrees with probability `share` in each of `count` sights is
 * then asserted something about. */
static double chance_of_assertion(double share, unsigned count, double prior, double strength)
{
    double term = 1.0, sum = 0.0; /* of exactly k agreeing sights */
    for (unsigned i = 0; i < count; i++)
        term *= 1.0 - share;
    for (unsigned k = 0; k <= count; k++) {
        const pz__belief belief = {strength * prior + k, strength * (1.0 - prior) + (count - k), k};
        if (pz__belief_is_certain(&belief, share))
            sum += term;
        term *= share / (1.0 - share) * (count - k) / (k + 1);
    }
    return sum;
}

/* The hardest customer is the one whose share is the threshold itself. The figures are those of
 * docs/preferences.md. */
static void a_share_at_the_threshold_itself_is_rarely_asserted(void **state)
{
    (void)state;
    static const struct bound {
        double prior, strength, most;
    } bounds[] = {{1.0 / 64, 1, 0.051}, {1.0 / 3, 1, 0.101}, {1.0 / 2, 1, 0.151},
                  {1.0 / 64, 4, 0.025}, {1.0 / 3, 4, 0.041}, {1.0 / 2, 4, 0.052}};
    static const double thresholds[] = {0.6, 0.75, 0.9};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double worst = 0.0;
        for (unsigned count = 1; count <= 150; count++)
            for (size_t j = 0; j < sizeof thresholds / sizeof *thresholds; j++) {
                const double chance =
                    chance_of_assertion(thresholds[j], count, bounds[i].prior, bounds[i].strength);
                worst = chance > worst ? chance : worst;
            }
        assert_true(worst <= bounds[i].most);
        assert_true(worst > bounds[i].most - 0.002);
    }
}

/* ---- cost ---- */

static void a_verdict_takes_one_sum_at_most_and_no_quantile(void **state)
{
    (void)state;
    unsigned most = 0, total = 0;
    gen g = gen_from(96);
    for (uint64_t i = 0; i < 2000; i++) {
        const question q = question_draw(&g, i);
        const pz__belief belief = {q.a, q.b, 0.0};
        sums = quantiles = 0;
        pz__belief_is_certain(&belief, q.threshold);
        pz__belief_confidence(&belief);
        most = sums > most ? sums : most;
        total += sums;
        assert_int_equal(quantiles, 0);
    }
    assert_int_equal(most, 1);
    assert_true(total > 500);
}

static int64_t tell_time(void *payload)
{
    (void)payload;
    return NOW;
}

static const char shop_json[] =
    "{\"taxonomies\":{\"goods\":{\"a\":{\"b\":{\"c\":{\"d\":{\"e\":{},\"f\":{}}}}},\"g\":{}}},"
    "\"attributes\":{\"wish\":{\"type\":\"string\",\"taxonomy\":\"goods\",\"threshold\":0.75}},"
    "\"signals\":[{\"on\":\"view\",\"about\":\"wish\",\"value\":\"event.item\",\"weight\":1}]}";

typedef struct shop {
    pz_engine *engine;
    pz_context *context;
    pz_profile *profile;
    pz_pool *pool;
} shop;

static int open_shop(void **state)
{
    static shop s;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .clock = tell_time};
    assert_int_equal(pz_engine_open(&s.engine, &options, NULL), PZ_OK);
    assert_int_equal(
        pz_engine_load_text(s.engine, "shop", shop_json, sizeof shop_json - 1, NULL, NULL), PZ_OK);
    assert_int_equal(pz_context_new(&s.context, s.engine, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&s.profile, s.engine, PZ_PERSON, "she", NULL), PZ_OK);
    assert_int_equal(pz_pool_new(&s.pool, NULL), PZ_OK);
    *state = &s;
    return 0;
}

static int close_shop(void **state)
{
    shop *s = *state;
    pz_pool_free(s->pool);
    pz_profile_free(s->profile);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
    return 0;
}

static void see(shop *s, const char *item, int times)
{
    static int number;
    for (int i = 0; i < times; i++) {
        char id[16];
        snprintf(id, sizeof id, "%d", number++);
        const pz_entry entries[] = {{pz_value_str("kind"), pz_value_str("view")},
                                    {pz_value_str("source"), pz_value_str("web")},
                                    {pz_value_str("id"), pz_value_str(id)},
                                    {pz_value_str("time"), pz_value_time_ms(NOW)},
                                    {pz_value_str("item"), pz_value_str(item)}};
        pz_value event;
        assert_int_equal(pz_pool_map(s->pool, &event, entries, sizeof entries / sizeof *entries),
                         PZ_OK);
        assert_int_equal(pz_observe(s->profile, event, NULL, NULL, NULL), PZ_OK);
    }
}

/* The answer, and in `sums` how many incomplete betas it took. */
static const char *ask(shop *s)
{
    static char text[16];
    pz_resolution answer = {PZ_RESOLUTION};
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    sums = quantiles = 0;
    assert_int_equal(pz_resolve(&answer, s->context, s->profile, "wish", NULL), PZ_OK);
    const pz_str value = pz_value_text(answer.value);
    snprintf(text, sizeof text, "%.*s", (int)value.len, value.len ? value.data : "");
    assert_int_equal(quantiles, 0);
    return text;
}

/* Five nodes, one below the other, are certain: the deepest is looked at first and is enough. */
static void the_deepest_certain_node_is_found_by_one_sum(void **state)
{
    see(*state, "e", 40);
    assert_string_equal(ask(*state), "e");
    assert_int_equal(sums, 1);
}

static void what_is_plainly_uncertain_takes_no_sum(void **state)
{
    see(*state, "e", 40);
    see(*state, "g", 40);
    assert_string_equal(ask(*state), "");
    assert_int_equal(sums, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities_verdicts_and_confidences_have_the_same_bits_everywhere),
        cmocka_unit_test(a_share_at_the_threshold_itself_is_rarely_asserted),
        cmocka_unit_test(a_verdict_takes_one_sum_at_most_and_no_quantile),
        cmocka_unit_test_setup_teardown(the_deepest_certain_node_is_found_by_one_sum, open_shop,
                                        close_shop),
        cmocka_unit_test_setup_teardown(what_is_plainly_uncertain_takes_no_sum, open_shop,
                                        close_shop),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
