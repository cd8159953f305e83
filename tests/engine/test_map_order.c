/*
 * test_map_order.c: the order in which a map's entries came changes nothing: not what a rule sees
 * of a circumstance, of an event, or of a value in the catalog (law 3, purity).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#define NOW INT64_C(1773100800000)

/* Each rule asks for the first key of a map, or of one inside another; %s is a value of the
 * catalog. */
static const char shop_text[] =
    "{\"context\": {\"cart\": \"map<string, int>\", \"carts\": \"list<map<string, int>>\",\n"
    "   \"basket\": {\"type\": \"map<string, int>\", \"default\": %s}},\n"
    " \"attributes\": {\n"
    "   \"sizes\": {\"type\": \"map<string, int>\", \"default\": %s},\n"
    "   \"stock\": {\"type\": \"map<string, int>\", \"recommended\": %s},\n"
    "   \"own\": {\"type\": \"map<string, int>\"},\n"
    "   \"law\": {\"type\": \"map<string, int>\"},\n"
    "   \"first\": {\"type\": \"string\", \"one_of\": [\"a\", \"b\"], \"threshold\": 0.75}},\n"
    " \"events\": {\"buy\": {\"items\": \"map<string, dyn>\"},\n"
    "            \"see\": {\"items\": \"dyn\"}, \"do\": {\"a\": \"int\", \"b\": \"int\"}},\n"
    " \"signals\": [\n"
    "   {\"on\": \"buy\", \"about\": \"first\", \"value\": \"event.items.map(k, k)[0]\", "
    "\"weight\": 9},\n"
    "   {\"on\": \"do\", \"about\": \"first\", \"value\": "
    "\"event.filter(k, k == 'a' || k == 'b')[0]\", \"weight\": 9},\n"
    "   {\"on\": \"see\", \"about\": \"first\", \"value\": \"event.items.map(k, k)[0]\", "
    "\"weight\": 9}],\n"
    " \"policies\": [{\"id\": \"law\", \"about\": \"The law.\", \"when\": \"true\",\n"
    "   \"lock\": {\"law\": %s}}],\n"
    " \"decisions\": {\n"
    "   \"basket\": {\"rules\": [{\"expr\": \"context.basket.map(k, k)[0]\"}]},\n"
    "   \"law\": {\"rules\": [{\"expr\": \"profile.law.map(k, k)[0]\"}]},\n"
    "   \"cart\": {\"rules\": [{\"expr\": \"context.cart.map(k, k)[0]\"}]},\n"
    "   \"carts\": {\"rules\": [{\"expr\": \"context.carts[0].map(k, k)[0]\"}]},\n"
    "   \"sizes\": {\"rules\": [{\"expr\": \"profile.sizes.map(k, k)[0]\"}]},\n"
    "   \"stock\": {\"rules\": [{\"expr\": \"profile.stock.map(k, k)[0]\"}]},\n"
    "   \"own\": {\"rules\": [{\"expr\": \"profile.own.map(k, k)[0]\"}]},\n"
    "   \"first\": {\"rules\": [{\"expr\": \"profile.first\"}]}}}";

static const char *const spelt[] = {"{\"a\": 1, \"b\": 2}", "{\"b\": 2, \"a\": 1}"};

typedef struct asked {
    char id[80], answer[8];
} asked;

/* What the decision is with everything spelt in one of the two ways. */
static asked ask(const char *decision, const char *map, const char *event_kind)
{
    char catalog[4096], event[256];
    pz_engine *engine;
    pz_context *context;
    pz_profile *ann;
    pz_pool *pool;
    const pz_decision *found;
    pz_value cart;
    pz_str id;
    pz_error err = PZ_ERROR_INIT;
    asked out;
    const int len = snprintf(catalog, sizeof catalog, shop_text, map, map, map, map);
    snprintf(event, sizeof event,
             "{\"kind\": \"%s\", \"source\": \"web\", \"id\": \"1\", \"time\": "
             "\"2026-03-09T00:00:00Z\", \"items\": %s, %.*s}",
             event_kind, map, (int)strlen(map) - 2, map + 1);
    assert_int_equal(pz_engine_open(&engine, &(pz_engine_options){PZ_ENGINE_OPTIONS}, &err), PZ_OK);
    if (pz_engine_load_text(engine, "shop.json", catalog, (size_t)len, NULL, &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz_context_new(&context, engine, &err), PZ_OK);
    assert_int_equal(pz_pool_new(&pool, NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&ann, engine, PZ_PERSON, "ann", &err), PZ_OK);
    assert_int_equal(pz_value_parse(pool, &cart, event, strlen(event), 0, &err), PZ_OK);
    const pz_write write = {PZ_WRITE, .now_ms = NOW, .writer = "w"};
    if (pz_observe(ann, cart, &write, NULL, &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz_value_parse(pool, &cart, map, strlen(map), 0, &err), PZ_OK);
    if (pz_choose(ann, "own", cart, &write, &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz_context_begin(context, NOW, &err), PZ_OK);
    assert_int_equal(pz_context_set(context, "cart", cart, &err), PZ_OK);
    assert_int_equal(pz_pool_list(pool, &cart, &cart, 1), PZ_OK);
    assert_int_equal(pz_context_set(context, "carts", cart, &err), PZ_OK);
    if (pz_decide(&found, context, ann, decision, &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz_decision_id(&id, context, found, &err), PZ_OK);
    snprintf(out.id, sizeof out.id, "%.*s", (int)id.len, id.data);
    snprintf(out.answer, sizeof out.answer, "%s", pz_decision_str(found, "?"));
    pz_profile_free(ann);
    pz_pool_free(pool);
    pz_context_free(context);
    pz_engine_close(engine);
    return out;
}

static void assert_same(const char *decision, const char *event_kind)
{
    const asked one = ask(decision, spelt[0], event_kind),
                two = ask(decision, spelt[1], event_kind);
    assert_string_equal(one.answer, "a");
    assert_string_equal(two.answer, "a");
    assert_string_equal(one.id, two.id);
}

static void of_a_circumstance(void **state)
{
    (void)state;
    assert_same("cart", "buy");
    assert_same("carts", "buy");
}

static void of_an_event(void **state)
{
    (void)state;
    assert_same("first", "buy");
    assert_same("first", "see"); /* whose items are of any kind */
    assert_same("first", "do");  /* of its own members */
}

static void of_what_was_chosen(void **state)
{
    (void)state;
    assert_same("own", "buy");
}

static void of_a_value_in_the_catalog(void **state)
{
    (void)state;
    assert_same("sizes", "buy");
    assert_same("stock", "buy");
    assert_same("basket", "buy"); /* a circumstance that was not told */
    assert_same("law", "buy");    /* what a policy locks */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(of_a_circumstance),
        cmocka_unit_test(of_an_event),
        cmocka_unit_test(of_what_was_chosen),
        cmocka_unit_test(of_a_value_in_the_catalog),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
