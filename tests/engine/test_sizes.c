/*
 * test_sizes.c: structs that begin with their size, from callers of another version.
 *
 * A caller that was compiled against a later header hands in longer structs: they are taken as long
 * as what this version does not know is zero (docs/abi.md), wherever one is taken. What this
 * version writes stays within what it knows.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "engine/shop.h"

/* A struct as a later version has it. */
#define LATER(type)                                                                                \
    struct {                                                                                       \
        type now;                                                                                  \
        uint64_t more;                                                                             \
    }
#define BEGIN_LATER(s) ((s).now.size = (uint32_t)sizeof(s))

typedef struct scene {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    pz_profile *ann;
    const pz_decision *decision;
} scene;

static int set_up(void **state)
{
    scene *s = calloc(1, sizeof *s);
    *state = s;
    return pz_engine_open(&s->engine, NULL, NULL) ||
           pz_engine_load_text(s->engine, "shop", shop_json, sizeof shop_json - 1, NULL, NULL) ||
           pz_pool_new(&s->pool, NULL) ||
           pz_customer(&s->ann, s->engine, "email", "ann@example.com", NULL) ||
           pz_choose(s->ann, "language", pz_value_str("de"), NULL, NULL) ||
           pz_context_new(&s->context, s->engine, NULL) || pz_context_begin(s->context, 0, NULL) ||
           pz_decide(&s->decision, s->context, s->ann, "speak", NULL);
}

static int tear_down(void **state)
{
    scene *s = *state;
    pz_context_free(s->context);
    pz_profile_free(s->ann);
    pz_pool_free(s->pool);
    pz_engine_close(s->engine);
    free(s);
    return 0;
}

/* Twice each: with zero beyond what is known, and with a member that is set. */
static void what_is_handed_in_may_be_longer_if_the_rest_is_zero(void **state)
{
    scene *s = *state;
    LATER(pz_write) write = {.more = 0};
    LATER(pz_record_options) options = {.more = 0};
    LATER(pz_record_query) query = {.more = 0};
    LATER(pz_tcf) tcf = {.more = 0};
    LATER(pz_batch) batch = {.more = 0};
    LATER(pz_many) many = {.more = 0};
    BEGIN_LATER(write);
    BEGIN_LATER(options);
    BEGIN_LATER(query);
    BEGIN_LATER(tcf);
    BEGIN_LATER(batch);
    BEGIN_LATER(many);
    pz_value v;
    pz_str text;
    pz_resolution answer = {PZ_RESOLUTION};
    for (uint64_t set = 0; set < 2; set++) {
        write.more = options.more = query.more = tcf.more = batch.more = many.more = set;
        const pz_status taken = set ? PZ_ERR_ARG : PZ_OK;
        assert_int_equal(pz_decision_record(&v, s->context, s->decision, &options.now, NULL),
                         taken);
        assert_int_equal(pz_record_list(s->engine, &query.now, s->pool, &v, NULL), taken);
        assert_int_equal(pz_profile_tcf(s->ann, &tcf.now, s->pool, &text, NULL),
                         set ? PZ_ERR_ARG : PZ_ERR_NOT_FOUND);
        assert_int_equal(pz_resolve_many(&answer, s->context, &batch.now, NULL), taken);
        assert_int_equal(pz_segments_many(&text, s->context, s->pool, &many.now, NULL), taken);
        assert_int_equal(pz_declare(s->ann, "age", pz_value_int(30), &write.now, NULL), taken);
    }
}

static void what_is_filled_in_may_be_longer(void **state)
{
    scene *s = *state;
    LATER(pz_observed) seen[2] = {{.more = 7}, {.more = 8}};
    LATER(pz_evaluation) result = {.more = 9};
    LATER(pz_decided) decided = {.more = 10};
    BEGIN_LATER(seen[0]);
    BEGIN_LATER(seen[1]);
    BEGIN_LATER(result);
    BEGIN_LATER(decided);
    static const char rows[] =
        "[[\"bob\", [\"declare\", \"age\", 30]], [\"eve\", [\"declare\", \"agee\", 30]]]";
    pz_value list;
    assert_int_equal(pz_value_parse(s->pool, &list, rows, sizeof rows - 1, 0, NULL), PZ_OK);
    assert_int_equal(pz_apply_many(s->engine, list.as.items, 2, NULL, 0, &seen[0].now, NULL),
                     PZ_OK);
    assert_int_equal(seen[0].now.status, PZ_OK);
    assert_true(seen[0].now.is_new);
    assert_int_equal(seen[1].now.status, PZ_ERR_NOT_FOUND);
    assert_non_null(strstr(seen[1].now.message, "did you mean 'age'"));
    assert_true(seen[0].more == 7 && seen[1].more == 8);
    seen[1].now.size = (uint32_t)sizeof(pz_observed); /* not as long as the first */
    assert_int_equal(pz_apply_many(s->engine, list.as.items, 2, NULL, 0, &seen[0].now, NULL),
                     PZ_ERR_ARG);

    pz_program *program;
    assert_int_equal(pz_program_compile(&program, "1 + 1", 5, NULL, NULL), PZ_OK);
    assert_int_equal(pz_program_eval(program, s->pool, NULL, 0, &result.now, NULL), PZ_OK);
    assert_true(result.now.value.as.i == 2 && result.more == 9);
    pz_program_unref(program);
    assert_int_equal(pz_context_begin(s->context, 0, NULL), PZ_OK);
    assert_int_equal(pz_decide(&s->decision, s->context, s->ann, "speak", NULL), PZ_OK);
    assert_int_equal(pz_decision_read(&decided.now, s->decision), PZ_OK);
    assert_true(!strcmp(decided.now.rule, "own") && decided.more == 10);
}

static void an_answer_may_be_longer_and_so_may_those_of_a_batch(void **state)
{
    scene *s = *state;
    LATER(pz_resolution) answers[2] = {{.more = 5}, {.more = 6}};
    BEGIN_LATER(answers[0]);
    BEGIN_LATER(answers[1]);
    assert_int_equal(pz_resolve(&answers[0].now, s->context, s->ann, "language", NULL), PZ_OK);
    assert_string_equal(answers[0].now.tier, "CHOICE");
    assert_int_equal(answers[0].now.size, sizeof answers[0]);
    const pz_profile *who[] = {s->ann, NULL};
    const char *what[] = {"language"};
    const pz_batch batch = {PZ_BATCH, .profiles = who, .profile_count = 2, .attributes = what,
                            .attribute_count = 1};
    assert_int_equal(pz_resolve_many(&answers[0].now, s->context, &batch, NULL), PZ_OK);
    assert_string_equal(answers[0].now.tier, "CHOICE");
    assert_string_equal(answers[1].now.tier, "DEFAULT");
    assert_true(answers[0].more == 5 && answers[1].more == 6);
}

/* A struct that has grown is longer than what callers of its first release hand in. Those that end
 * in padding today show that what is asked for is the last member, not the whole of it. */
static void what_is_handed_in_may_end_with_the_last_member_of_its_release(void **state)
{
    scene *s = *state;
    const pz_profile *who[] = {s->ann};
    const char *what[] = {"language"};
    pz_batch batch = {PZ_BATCH, .profiles = who, .profile_count = 1, .attributes = what,
                      .attribute_count = 1};
    pz_resolution answer = {PZ_RESOLUTION};
    batch.size = offsetof(pz_batch, attribute_count) + sizeof batch.attribute_count;
    assert_true(batch.size < sizeof batch);
    assert_int_equal(pz_resolve_many(&answer, s->context, &batch, NULL), PZ_OK);
    assert_string_equal(answer.tier, "CHOICE");

    pz_observed seen = {.size = offsetof(pz_observed, message) + sizeof seen.message};
    assert_true(seen.size < sizeof seen);
    pz_value list;
    static const char rows[] = "[[\"bob\", [\"declare\", \"age\", 30]]]";
    assert_int_equal(pz_value_parse(s->pool, &list, rows, sizeof rows - 1, 0, NULL), PZ_OK);
    assert_int_equal(pz_apply_many(s->engine, list.as.items, 1, NULL, 0, &seen, NULL), PZ_OK);
    assert_true(seen.is_new);
    seen.size--;
    assert_int_equal(pz_apply_many(s->engine, list.as.items, 1, NULL, 0, &seen, NULL), PZ_ERR_ARG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_is_handed_in_may_be_longer_if_the_rest_is_zero, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(what_is_filled_in_may_be_longer, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_answer_may_be_longer_and_so_may_those_of_a_batch, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(
            what_is_handed_in_may_end_with_the_last_member_of_its_release, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
