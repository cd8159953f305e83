/*
 * test_catalog.c: what a sound document is compiled to.
 */
#include "catalog/documents.h"

#include "base/number.h"

#include <stdio.h>
#include <stdlib.h>

#define NAMED(literal) PZ__STR(literal)

static const pz__catalog *load(const char *name)
{
    char path[512];
    size_t len;
    snprintf(path, sizeof path, PZ_SOURCE_DIR "/tests/data/catalog/good/%s.json", name);
    char *text = document_read(path, &len);
    assert_non_null(text);
    const pz__catalog *catalog = document_sound(text);
    free(text);
    return catalog;
}

static const pz__attribute *attribute_of(const pz__catalog *catalog, const char *name)
{
    const pz__attribute *attribute = pz__catalog_attribute(catalog, pz_str_of(name));
    assert_non_null(attribute);
    return attribute;
}

static const pz__domain_node *node_of(const pz__attribute *attribute, const char *value)
{
    uint32_t i = pz__domain_find(attribute->domain, pz_value_str(value));
    assert_int_not_equal(i, PZ__NODE_NONE);
    return &attribute->domain->nodes[i];
}

static bool is_near(double a, double b)
{
    return a - b < 1e-12 && b - a < 1e-12;
}

static void every_name_has_its_slot(void **state)
{
    (void)state;
    const pz__catalog *c = load("shop");
    assert_true(pz__str_equal(c->name, NAMED("shop")));
    assert_int_equal(c->attribute_count, 2);
    assert_int_equal(c->context_count, 2);
    assert_true(c->context_is_closed);
    for (uint32_t i = 0; i < c->attribute_count; i++) {
        const pz__slot_info *slot = &c->slots[c->attributes[i].slot];
        assert_int_equal(slot->use, PZ__USE_ATTRIBUTE);
        assert_int_equal(slot->index, i);
        assert_ptr_equal(slot->type, c->attributes[i].type);
    }
    for (uint32_t i = 0; i < c->context_count; i++) {
        assert_int_equal(c->slots[c->context[i].slot].use, PZ__USE_CONTEXT);
        assert_int_equal(c->slots[c->context[i].slot].index, i);
    }
    assert_int_equal(c->slots[c->segments[0].slot].use, PZ__USE_SEGMENT);
    assert_true(pz__str_equal(c->slots[c->segments[0].slot].name, NAMED("segment.regular")));
    uint32_t count;
    const uint32_t *slots = pz__program_slots(c->segments[0].program, &count);
    assert_int_equal(count, 1);
    assert_int_equal(c->slots[slots[0]].use, PZ__USE_COUNT);
    assert_int_equal(c->slots[slots[0]].window_ms, INT64_C(2160) * 3600000);
    pz__catalog_unref(c);
}

static void names_are_found_and_near_ones_suggested(void **state)
{
    (void)state;
    const pz__catalog *c = load("shop");
    assert_null(pz__catalog_attribute(c, NAMED("langauge")));
    assert_true(
        pz__str_equal(pz__catalog_nearest_attribute(c, NAMED("langauge")), NAMED("language")));
    assert_null(pz__catalog_nearest_attribute(c, NAMED("zzz")).data);
    assert_non_null(pz__catalog_decision(c, NAMED("home.hero")));
    assert_true(
        pz__str_equal(pz__catalog_nearest_decision(c, NAMED("home.heros")), NAMED("home.hero")));
    assert_non_null(pz__catalog_context(c, NAMED("country")));
    assert_null(pz__catalog_context(c, NAMED("region")));
    assert_non_null(pz__catalog_segment(c, NAMED("regular")));
    assert_null(pz__catalog_segment(c, NAMED("vip")));
    pz__catalog_unref(c);
}

static void an_open_context_takes_any_key(void **state)
{
    (void)state;
    const pz__catalog *c = load("open_context");
    assert_false(c->context_is_closed);
    const pz__context_key *device = pz__catalog_context(c, NAMED("device"));
    assert_non_null(device);
    assert_int_equal(device->type->kind, PZ__T_DYN);
    assert_int_equal(pz__catalog_context(c, NAMED("channel"))->type->kind, PZ__T_STRING);
    assert_int_equal(c->context_count, 3);
    pz__catalog_unref(c);
}

static void shares_add_up_the_tree(void **state)
{
    (void)state;
    const pz__catalog *c = load("conformance");
    const pz__attribute *a = attribute_of(c, "category");
    assert_true(a->is_taxonomy);
    assert_int_equal(a->domain->count, 10);
    assert_true(is_near(node_of(a, "roses")->share, 0.75));
    assert_true(is_near(node_of(a, "garden")->share, 0.875));
    assert_true(is_near(node_of(a, "home")->share, 0.125));
    assert_true(node_of(a, "toys")->share == 0);
    assert_true(a->domain->nodes[0].share == 1);
    assert_int_equal(node_of(a, "garden")->depth, 1);
    assert_int_equal(node_of(a, "red")->depth, 3);
    assert_int_equal(node_of(a, "garden")->end - pz__domain_find(a->domain, pz_value_str("garden")),
                     5);
    assert_int_equal(a->domain->nodes[0].end, 10);
    assert_int_equal(pz__domain_find(a->domain, pz_value_str("goods")), PZ__NODE_NONE);
    assert_int_equal(pz__domain_find(a->domain, pz_value_null()), PZ__NODE_NONE);
    const pz__attribute *news = attribute_of(c, "news");
    uint32_t yes = pz__domain_find(news->domain, pz_value_bool(true));
    assert_true(is_near(news->domain->nodes[yes].share, 0.25));
    pz__catalog_unref(c);
}

static void equal_shares_where_none_are_declared(void **state)
{
    (void)state;
    const pz__catalog *c = load("shop");
    const pz__attribute *category = attribute_of(c, "category");
    assert_true(is_near(node_of(category, "home")->share, 1.0 / 3));
    assert_true(is_near(node_of(category, "garden")->share, 2.0 / 3));
    assert_true(is_near(node_of(attribute_of(c, "language"), "de")->share, 1.0 / 3));
    pz__catalog_unref(c);
}

static void numbers_of_a_domain_match_as_in_rules(void **state)
{
    (void)state;
    const pz__catalog *c = load("typed_values");
    const pz__domain *domain = attribute_of(c, "price")->domain;
    assert_int_not_equal(pz__domain_find(domain, pz_value_int(3)), PZ__NODE_NONE);
    assert_int_not_equal(pz__domain_find(domain, pz_value_uint(1)), PZ__NODE_NONE);
    assert_int_not_equal(pz__domain_find(domain, pz_value_double(2.5)), PZ__NODE_NONE);
    assert_int_equal(pz__domain_find(domain, pz_value_int(2)), PZ__NODE_NONE);
    assert_int_equal(pz__domain_find(domain, pz_value_double(99)), PZ__NODE_NONE);
    pz__catalog_unref(c);
}

static void attributes_keep_what_they_declare(void **state)
{
    (void)state;
    const pz__catalog *c = load("conformance");
    const pz__attribute *a = attribute_of(c, "category");
    assert_int_equal(a->half_life_ms, 12 * 3600000);
    assert_int_equal(a->width, 11); /* 2048 s: 12 h / 16 = 2700 s */
    assert_int_equal(a->saturation, 6656);
    assert_int_equal(a->retention_ms, INT64_C(30) * 86400000);
    assert_int_equal(a->min_evidence, 3072);
    assert_true(a->threshold == 0.75 && a->strength == 2);
    assert_true(a->is_group);
    assert_true(pz__str_equal(a->purpose, NAMED("ads")));
    assert_int_equal(a->source_class, PZ__CLASS_CONTEXT);
    const pz__attribute *limit = attribute_of(c, "limit");
    assert_true(limit->is_policy_input && limit->has_min && limit->has_max);
    assert_int_equal(limit->recommended.as.i, 95);
    assert_int_equal(limit->min_evidence, 1024);
    assert_int_equal(limit->source_class, PZ__CLASS_BEHAVIOUR);
    assert_int_equal(limit->width, 16);
    assert_null(limit->domain);
    pz__catalog_unref(c);
}

static void buckets_follow_half_life_and_saturation(void **state)
{
    (void)state;
    const pz__catalog *c =
        document_sound("{\"attributes\": {\"a\": {\"type\": \"bool\", \"half_life\": \"90d\"},"
                       " \"b\": {\"type\": \"bool\", \"half_life\": \"90d\", \"saturation\": 1},"
                       " \"c\": {\"type\": \"bool\", \"half_life\": \"16s\"},"
                       " \"d\": {\"type\": \"bool\", \"half_life\": \"90d\", \"width\": \"1s\"}}}");
    assert_int_equal(attribute_of(c, "a")->width, 18); /* 262144 s <= 486000 s */
    assert_int_equal(attribute_of(c, "b")->width, 16);
    assert_int_equal(attribute_of(c, "c")->width, 0);
    assert_int_equal(attribute_of(c, "d")->width, 0);
    pz__catalog_unref(c);
}

static void json_becomes_the_declared_type(void **state)
{
    (void)state;
    const pz__catalog *c = load("typed_values");
    assert_int_equal(attribute_of(c, "since")->default_value.kind, PZ_TIMESTAMP);
    assert_true(attribute_of(c, "pause")->default_value.as.i == INT64_C(5400000000000));
    assert_true(attribute_of(c, "pause")->recommended.as.i == INT64_C(172800000000000));
    assert_int_equal(attribute_of(c, "price")->default_value.kind, PZ_DOUBLE);
    assert_int_equal(attribute_of(c, "seats")->default_value.kind, PZ_UINT);
    pz_value key = attribute_of(c, "key")->default_value;
    assert_int_equal(key.kind, PZ_BYTES);
    assert_int_equal(key.len, 5);
    assert_memory_equal(key.as.text, "hello", 5);
    pz_value rates = attribute_of(c, "rates")->default_value;
    assert_int_equal(pz_value_get(rates, "a", 1, NULL).kind, PZ_DOUBLE);
    pz__catalog_unref(c);
}

static void signals_are_sorted_by_kind_then_place(void **state)
{
    (void)state;
    const pz__catalog *c = load("conformance");
    uint32_t count;
    const pz__signal *buys = pz__catalog_signals(c, NAMED("buy"), &count);
    assert_int_equal(count, 3);
    assert_int_equal(buys[0].attribute, attribute_of(c, "news")->index);
    assert_int_equal(buys[1].attribute, attribute_of(c, "category")->index);
    assert_non_null(buys[1].when);
    assert_null(buys[0].when);
    assert_int_equal(buys[2].weight, 1);
    assert_int_equal(pz__catalog_signals(c, NAMED("drop"), &count)->weight, -2304);
    assert_int_equal(count, 1);
    assert_null(pz__catalog_signals(c, NAMED("buyx"), &count));
    assert_int_equal(count, 0);
    pz__catalog_unref(c);
}

/* The slot that a call compiled to, found by its spelling. */
static const pz__slot_info *slot_named(const pz__catalog *c, const char *name)
{
    for (uint32_t i = 0; i < c->slot_count; i++)
        if (pz__str_equal(c->slots[i].name, pz_str_of(name)))
            return &c->slots[i];
    fail_msg("no slot %s", name);
    return NULL;
}

static void calls_ask_for_counters(void **state)
{
    (void)state;
    const pz__catalog *c = load("calls");
    assert_int_equal(c->counter_count, 4);
    for (uint32_t i = 0; i < c->counter_count; i++)
        assert_true(pz__str_equal(c->counters[i].name, c->counter_names[i]));
    const pz__slot_info *count = slot_named(c, "count('purchase', duration('3600s'))");
    assert_true(pz__str_equal(c->counters[count->index].name, NAMED("count(purchase)")));
    assert_int_equal(c->counters[count->index].width, 7); /* 128 s <= 3600 s / 16 */
    const pz__slot_info *sum = slot_named(c, "sum('purchase', 'total', duration('2592000s'))");
    assert_int_equal(sum->type->kind, PZ__T_DOUBLE);
    assert_int_equal(c->counters[sum->index].scale, 100);
    assert_true(pz__str_equal(c->counters[sum->index].member, NAMED("total")));
    const pz__slot_info *pieces = slot_named(c, "sum('purchase', 'pieces')");
    assert_int_equal(pieces->type->kind, PZ__T_INT);
    assert_int_equal(pieces->window_ms, 0);
    const pz__slot_info *last = slot_named(c, "last('visit')");
    assert_int_equal(last->use, PZ__USE_LAST);
    assert_int_equal(c->counters[last->index].width, 12);
    const pz__slot_info *sure = slot_named(c, "confidence(profile.language)");
    assert_int_equal(sure->use, PZ__USE_CONFIDENCE);
    assert_int_equal(sure->index, 0);
    assert_int_equal(slot_named(c, "tier(profile.language)")->type->kind, PZ__T_STRING);
    uint32_t slots;
    pz__program_slots(pz__catalog_segment(c, NAMED("hourly"))->program, &slots);
    assert_int_equal(slots, 1);
    pz__catalog_unref(c);
}

static void decisions_keep_their_rules(void **state)
{
    (void)state;
    const pz__catalog *c = load("decisions");
    const pz__decision_def *hero = pz__catalog_decision(c, NAMED("home.hero"));
    assert_int_equal(hero->rule_count, 3);
    assert_true(pz__str_equal(hero->rules[0].id, NAMED("adults")));
    assert_true(pz__str_equal(hero->rules[0].because, NAMED("grown up")));
    assert_true(pz__str_equal(hero->rules[1].id, NAMED("#2")));
    assert_null(hero->rules[2].when);
    assert_non_null(hero->rules[2].expr);
    assert_false(hero->rules[2].has_value);
    assert_true(hero->has_default);
    assert_int_equal(pz__catalog_decision(c, NAMED("fixed"))->rule_count, 0);
    pz__catalog_unref(c);
}

static bool has_digest_of(const char *a, const char *b)
{
    const pz__catalog *x = document_sound(a), *y = document_sound(b);
    bool is_same = memcmp(&x->digest, &y->digest, sizeof x->digest) == 0;
    pz__catalog_unref(x);
    pz__catalog_unref(y);
    return is_same;
}

static void the_digest_is_of_the_value_not_the_layout(void **state)
{
    (void)state;
    assert_true(has_digest_of("{\"about\": \"x\", \"horizon\": \"1d\"}",
                              "// c\n{ \"horizon\":\"1d\",\n \"about\": \"\\u0078\", }"));
    assert_false(has_digest_of("{\"about\": \"x\"}", "{\"about\": \"y\"}"));
}

static void the_horizon_is_ninety_days_unless_declared(void **state)
{
    (void)state;
    const pz__catalog *a = document_sound("{}");
    const pz__catalog *b = document_sound("{\"horizon\": \"36h\"}");
    assert_true(a->horizon_ms == INT64_C(90) * 86400000);
    assert_true(b->horizon_ms == INT64_C(36) * 3600000);
    pz__catalog_unref(a);
    pz__catalog_unref(b);
}

static void a_reference_keeps_the_catalog(void **state)
{
    (void)state;
    const pz__catalog *c = document_sound("{\"catalog\": \"kept\"}");
    const pz__catalog *second = pz__catalog_ref(c);
    pz__catalog_unref(c);
    assert_true(pz__str_equal(second->name, NAMED("kept")));
    pz__catalog_unref(second);
    pz__catalog_unref(NULL);
}

static void the_tests_stand_where_they_stood(void **state)
{
    (void)state;
    const pz__catalog *c = load("tests");
    assert_int_equal(c->tests->child_count, 1);
    assert_int_equal(c->source.data[c->tests->start], '[');
    assert_int_equal(c->source.data[c->tests->end - 1], ']');
    pz__catalog_unref(c);
}

/* ---- values ---- */

static void check_says(const pz__attribute *a, pz_value value, pz_status status,
                       const char *message)
{
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__attribute_check(a, value, &err), status);
    if (message)
        assert_string_equal(err.message, message);
}

static void a_value_is_checked_against_type_and_domain(void **state)
{
    (void)state;
    const pz__catalog *c = load("shop");
    const pz__catalog *d = load("conformance");
    const pz__attribute *language = attribute_of(c, "language");
    const pz__attribute *limit = attribute_of(d, "limit");
    check_says(language, pz_value_str("de"), PZ_OK, NULL);
    check_says(language, pz_value_str("dee"), PZ_ERR_DOMAIN,
               "\"dee\" is no value of \"language\"; there are \"en\", \"de\", \"fr\" (did you "
               "mean \"de\"?)");
    check_says(language, pz_value_int(3), PZ_ERR_TYPE, "\"language\" is of type string; 3 is not");
    check_says(language, pz_value_double(-3.0), PZ_ERR_TYPE,
               "\"language\" is of type string; -3.0 is not");
    check_says(language, pz_value_double(1.5), PZ_ERR_TYPE,
               "\"language\" is of type string; 1.5 is not");
    check_says(language, pz_value_null(), PZ_ERR_TYPE,
               "null is a value of no attribute; clear \"language\" instead");
    check_says(limit, pz_value_int(0), PZ_OK, NULL);
    check_says(limit, pz_value_int(100), PZ_OK, NULL);
    check_says(limit, pz_value_int(101), PZ_ERR_DOMAIN,
               "101 is greater than the greatest value of \"limit\", 100");
    check_says(limit, pz_value_int(-1), PZ_ERR_DOMAIN,
               "-1 is less than the least value of \"limit\", 0");
    assert_int_equal(pz__attribute_check(limit, pz_value_int(101), NULL), PZ_ERR_DOMAIN);
    pz__catalog_unref(c);
    pz__catalog_unref(d);
}

static void a_long_domain_is_cut_in_the_message(void **state)
{
    (void)state;
    pz__buf text;
    pz__buf_init(&text, NULL, 1 << 16);
    pz__buf_text(&text, "{\"attributes\": {\"x\": {\"type\": \"string\", \"one_of\": [\"v\"");
    for (int i = 0; i < 500; i++)
        pz__buf_format(&text, ", \"value number %d\"", i);
    pz__buf_text(&text, "]}}}");
    pz__buf_byte(&text, '\0');
    const pz__catalog *c = document_sound(text.data);
    pz_error err = PZ_ERROR_INIT;
    const pz__attribute *a = attribute_of(c, "x");
    assert_int_equal(pz__attribute_check(a, pz_value_str("\xe6\x97\xa5"), &err), PZ_ERR_DOMAIN);
    assert_non_null(strstr(err.message, ", ..."));
    pz__catalog_unref(c);
    pz__buf_clear(&text);
}

static void the_error_names_the_first_mistake(void **state)
{
    (void)state;
    const pz__catalog *c;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(pz__catalog_compile(&c, NULL, NAMED("s.json"),
                                         NAMED("{\n \"attribtes\": {}, \"about\": 3}"), NULL, &err),
                     PZ_ERR_CATALOG);
    assert_null(c);
    assert_int_equal(err.line, 2);
    assert_int_equal(err.column, 2);
    assert_string_equal(err.message,
                        "s.json:2:2: the document has no member \"attribtes\"; did you "
                        "mean \"attributes\"? (and more mistakes)");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_name_has_its_slot),
        cmocka_unit_test(names_are_found_and_near_ones_suggested),
        cmocka_unit_test(an_open_context_takes_any_key),
        cmocka_unit_test(shares_add_up_the_tree),
        cmocka_unit_test(equal_shares_where_none_are_declared),
        cmocka_unit_test(numbers_of_a_domain_match_as_in_rules),
        cmocka_unit_test(attributes_keep_what_they_declare),
        cmocka_unit_test(buckets_follow_half_life_and_saturation),
        cmocka_unit_test(json_becomes_the_declared_type),
        cmocka_unit_test(signals_are_sorted_by_kind_then_place),
        cmocka_unit_test(calls_ask_for_counters),
        cmocka_unit_test(decisions_keep_their_rules),
        cmocka_unit_test(the_digest_is_of_the_value_not_the_layout),
        cmocka_unit_test(the_horizon_is_ninety_days_unless_declared),
        cmocka_unit_test(a_reference_keeps_the_catalog),
        cmocka_unit_test(the_tests_stand_where_they_stood),
        cmocka_unit_test(a_value_is_checked_against_type_and_domain),
        cmocka_unit_test(a_long_domain_is_cut_in_the_message),
        cmocka_unit_test(the_error_names_the_first_mistake),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
