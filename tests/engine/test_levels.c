/*
 * test_levels.c: levels, privileged inspections and batches through the public API.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "support/oom.h"

#define NOW INT64_C(1773100800000)

static const char shop_text[] =
    "{\"attributes\": {\n"
    "  \"name\": {\"type\": \"string\"},\n"
    "  \"language\": {\"type\": \"string\", \"one_of\": [\"en\", \"de\"], \"default\": \"en\"},\n"
    "  \"taste\": {\"type\": \"bool\", \"purpose\": \"ads\"},\n"
    "  \"sizes\": {\"type\": \"list<double>\", \"merge\": \"set\", \"default\": [1.5]},\n"
    "  \"ways\": {\"type\": \"list<string>\", \"merge\": \"set\", \"default\": [\"post\"]}}}";

typedef struct shop {
    oom heap;
    pz_engine *engine;
    pz_context *context;
    pz_profile *ann, *bob;
} shop;

static const pz_write write_now = {PZ_WRITE, .now_ms = NOW - 60000, .at_ms = NOW - 60000};

static pz_profile *customer(shop *s, const char *id)
{
    pz_profile *profile;
    assert_int_equal(pz_profile_new(&profile, s->engine, PZ_PERSON, id, NULL), PZ_OK);
    return profile;
}

static void open_shop(shop *s)
{
    pz_error err = PZ_ERROR_INIT;
    oom_init(&s->heap);
    const pz_alloc alloc = oom_alloc(&s->heap);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = &alloc};
    assert_int_equal(pz_engine_open(&s->engine, &options, &err), PZ_OK);
    if (pz_engine_load_text(s->engine, "shop.json", shop_text, sizeof shop_text - 1, NULL, &err))
        fail_msg("%s", err.message);
    assert_int_equal(pz_context_new(&s->context, s->engine, NULL), PZ_OK);
    s->ann = customer(s, "ann");
    s->bob = customer(s, "bob");
    assert_int_equal(pz_declare(s->ann, "name", pz_value_str("Ann"), &write_now, NULL), PZ_OK);
    assert_int_equal(pz_choose(s->ann, "language", pz_value_str("de"), &write_now, NULL), PZ_OK);
    assert_int_equal(pz_choose(s->ann, "ways", pz_value_str("email"), &write_now, NULL), PZ_OK);
    assert_int_equal(pz_choose(s->ann, "sizes", pz_value_double(2.5), &write_now, NULL), PZ_OK);
    assert_int_equal(pz_declare(s->bob, "name", pz_value_str("Bob"), &write_now, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(s->context, NOW, NULL), PZ_OK);
}

static void close_shop(shop *s)
{
    pz_profile_free(s->ann);
    pz_profile_free(s->bob);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
    oom_finish(&s->heap);
}

static bool knows_name(shop *s)
{
    pz_resolution found = {PZ_RESOLUTION};
    assert_int_equal(pz_resolve(&found, s->context, s->ann, "name", NULL), PZ_OK);
    return found.is_resolved;
}

static void the_hosts_level_masks_until_it_is_taken_back(void **state)
{
    (void)state;
    shop s;
    pz_error err = PZ_ERROR_INIT;
    open_shop(&s);
    assert_true(knows_name(&s));
    assert_int_equal(pz_context_level(s.context, "basic", NULL), PZ_OK);
    assert_false(knows_name(&s));
    assert_int_equal(pz_context_level(s.context, "demographic", NULL), PZ_OK);
    assert_true(knows_name(&s));
    assert_int_equal(pz_context_level(s.context, "basics", &err), PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'basic'?"));
    assert_true(knows_name(&s));
    assert_int_equal(pz_context_level(s.context, "basic", NULL), PZ_OK);
    assert_int_equal(pz_context_level(s.context, NULL, NULL), PZ_OK);
    assert_true(knows_name(&s));
    assert_int_equal(pz_context_level(s.context, "basic", NULL), PZ_OK);
    assert_int_equal(pz_context_begin(s.context, NOW, NULL), PZ_OK);
    assert_true(knows_name(&s));
    assert_int_equal(pz_context_level(s.context, "", &err), PZ_ERR_NOT_FOUND);
    assert_int_equal(pz_context_level(NULL, "basic", NULL), PZ_ERR_ARG);
    close_shop(&s);
}

static void a_customers_own_level_masks_too(void **state)
{
    (void)state;
    shop s;
    open_shop(&s);
    assert_int_equal(pz_set_level(s.ann, "basic", &write_now, NULL), PZ_OK);
    assert_int_equal(pz_context_level(s.context, "deep", NULL), PZ_OK);
    assert_false(knows_name(&s));
    close_shop(&s);
}

static pz_value member(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

static const char *why_of(pz_value layers, uint32_t i)
{
    return member(pz_value_item(layers, i), "why").as.text;
}

static void only_the_privileged_see_what_is_hidden(void **state)
{
    (void)state;
    shop s;
    pz_value layers;
    open_shop(&s);
    assert_int_equal(pz_consent(s.ann, "ads", true, &write_now, NULL), PZ_OK);
    assert_int_equal(pz_declare(s.ann, "taste", pz_value_bool(true), &write_now, NULL), PZ_OK);
    assert_int_equal(pz_consent(s.ann, "ads", false, &write_now, NULL), PZ_OK);
    assert_int_equal(pz_context_level(s.context, "basic", NULL), PZ_OK);
    assert_int_equal(pz_inspect(&layers, s.context, s.ann, "name", NULL), PZ_OK);
    assert_int_equal(layers.len, 0);
    assert_int_equal(pz_inspect(&layers, s.context, s.ann, "taste", NULL), PZ_OK);
    assert_int_equal(layers.len, 0);
    assert_int_equal(pz_inspect_privileged(&layers, s.context, s.ann, "name", NULL), PZ_OK);
    assert_int_equal(layers.len, 1);
    assert_memory_equal(why_of(layers, 0), "MASKED", 6);
    assert_int_equal(pz_inspect_privileged(&layers, s.context, s.ann, "taste", NULL), PZ_OK);
    assert_int_equal(layers.len, 1);
    assert_memory_equal(why_of(layers, 0), "DENIED", 6);
    close_shop(&s);
}

static void an_answer_tells_the_tiers_of_its_members(void **state)
{
    (void)state;
    shop s;
    pz_resolution found = {PZ_RESOLUTION};
    open_shop(&s);
    assert_int_equal(pz_resolve(&found, s.context, s.ann, "ways", NULL), PZ_OK);
    assert_true(pz_value_equal(member(found.members, "email"), pz_value_str("CHOICE")));
    assert_true(pz_value_equal(member(found.members, "post"), pz_value_str("DEFAULT")));
    /* A double is no key of a map: its text is. */
    assert_int_equal(pz_resolve(&found, s.context, s.ann, "sizes", NULL), PZ_OK);
    assert_true(pz_value_equal(member(found.members, "2.5"), pz_value_str("CHOICE")));
    assert_int_equal(pz_resolve(&found, s.context, s.ann, "language", NULL), PZ_OK);
    assert_int_equal(found.members.kind, PZ_NULL);
    close_shop(&s);
}

static void an_older_caller_gets_what_it_knows(void **state)
{
    (void)state;
    shop s;
    pz_resolution found;
    open_shop(&s);
    memset(&found, 0x5a, sizeof found);
    found.size = offsetof(pz_resolution, members);
    const pz_value before = found.members;
    assert_int_equal(pz_resolve(&found, s.context, s.ann, "ways", NULL), PZ_OK);
    assert_memory_equal(&found.members, &before, sizeof before);
    assert_int_equal(found.value.len, 2);
    close_shop(&s);
}

static void a_batch_answers_as_single_questions_do(void **state)
{
    (void)state;
    shop s;
    open_shop(&s);
    const pz_profile *people[] = {s.ann, NULL, s.bob};
    const char *const names[] = {"name", "language", "ways", "name"};
    const pz_batch batch = {PZ_BATCH, .profiles = people, .profile_count = 3, .attributes = names,
                            .attribute_count = 4};
    pz_resolution all[12] = {{PZ_RESOLUTION}};
    pz_value layers[12];
    assert_int_equal(pz_resolve_many(all, s.context, &batch, NULL), PZ_OK);
    assert_int_equal(pz_inspect_many(layers, s.context, &batch, NULL), PZ_OK);
    for (uint32_t p = 0; p < 3; p++) {
        for (uint32_t a = 0; a < 4; a++) {
            pz_resolution one = {PZ_RESOLUTION};
            pz_value list;
            const uint32_t i = p * 4 + a;
            assert_int_equal(pz_resolve(&one, s.context, people[p], names[a], NULL), PZ_OK);
            assert_int_equal(pz_inspect(&list, s.context, people[p], names[a], NULL), PZ_OK);
            assert_int_equal(all[i].size, one.size);
            assert_int_equal(all[i].is_resolved, one.is_resolved);
            assert_true(pz_value_equal(all[i].value, one.value));
            assert_true(pz_value_equal(all[i].members, one.members));
            assert_string_equal(all[i].tier, one.tier);
            assert_true(pz_value_equal(layers[i], list));
        }
    }
    assert_true(pz_value_equal(all[0].value, pz_value_str("Ann")));
    assert_false(all[4].is_resolved);
    assert_true(pz_value_equal(all[8].value, pz_value_str("Bob")));
    close_shop(&s);
}

static void a_batch_that_cannot_be_asked_is_refused(void **state)
{
    (void)state;
    shop s;
    pz_error err = PZ_ERROR_INIT;
    pz_resolution all[2] = {{PZ_RESOLUTION}};
    pz_value layers[2];
    open_shop(&s);
    const pz_profile *people[] = {s.ann};
    const char *names[] = {"name", "langage"};
    pz_batch batch = {PZ_BATCH, .profiles = people, .profile_count = 1, .attributes = names,
                      .attribute_count = 2};
    assert_int_equal(pz_resolve_many(all, s.context, &batch, &err), PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(err.message, "did you mean 'language'?"));
    names[1] = NULL;
    assert_int_equal(pz_inspect_many(layers, s.context, &batch, &err), PZ_ERR_ARG);
    batch.attribute_count = 0;
    assert_int_equal(pz_resolve_many(all, s.context, &batch, NULL), PZ_OK);
    batch.profiles = NULL;
    assert_int_equal(pz_resolve_many(all, s.context, &batch, NULL), PZ_ERR_ARG);
    batch.size = 0;
    assert_int_equal(pz_inspect_many(layers, s.context, &batch, NULL), PZ_ERR_ARG);
    all[0].size = 0;
    assert_int_equal(pz_resolve_many(all, s.context, &batch, NULL), PZ_ERR_ARG);
    assert_int_equal(pz_resolve_many(all, s.context, NULL, NULL), PZ_ERR_ARG);
    close_shop(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_hosts_level_masks_until_it_is_taken_back),
        cmocka_unit_test(a_customers_own_level_masks_too),
        cmocka_unit_test(only_the_privileged_see_what_is_hidden),
        cmocka_unit_test(an_answer_tells_the_tiers_of_its_members),
        cmocka_unit_test(an_older_caller_gets_what_it_knows),
        cmocka_unit_test(a_batch_answers_as_single_questions_do),
        cmocka_unit_test(a_batch_that_cannot_be_asked_is_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
