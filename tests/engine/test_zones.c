/* test_zones.c: the system's time zones in catalogs and programs, through the public API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <personalize/decide.h>
#include <personalize/engine.h>
#include <personalize/program.h>

#include "support/oom.h"

#define NEED_ZONES()                                                                               \
    do {                                                                                           \
        if (access("/usr/share/zoneinfo/Europe/Berlin", R_OK) != 0)                                \
            skip(); /* this system has no time zones */                                            \
    } while (0)

#define RULE(when)                                                                                 \
    "{\"context\": {\"zone\": \"string\"}, \"decisions\": {\"greeting\": {\"rules\": [{\"when\": " \
    "\"" when "\", \"value\": \"morning\"}], \"default\": \"day\"}}}"
#define FIXED RULE("now.getHours('Europe/Berlin') < 9")
#define COMPUTED RULE("now.getHours(context.zone) < 9")

/* 2026-01-15 and 2026-07-15, 07:30 UTC: 08:30 and 09:30 in Berlin. */
#define WINTER INT64_C(1768462200000)
#define SUMMER INT64_C(1784100600000)

static int64_t fixed_clock(void *payload)
{
    return *(const int64_t *)payload;
}

static pz_status load(pz_engine **engine, const pz_alloc *alloc, int64_t *now, const char *text,
                      pz_error *err)
{
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .alloc = alloc, .clock = fixed_clock,
                                       .clock_payload = now};
    pz_status status = pz_engine_open(engine, &options, err);
    if (status == PZ_OK)
        status = pz_engine_load_text(*engine, "zones.json", text, strlen(text), NULL, err);
    return status;
}

/* What the greeting is at a moment; `zone` NULL leaves the circumstance unsaid. */
static const char *greeting(const char *text, int64_t now, const char *zone)
{
    pz_engine *engine;
    pz_context *context;
    pz_profile *ann;
    const pz_decision *decision;
    pz_error err = PZ_ERROR_INIT;
    if (load(&engine, NULL, &now, text, &err) != PZ_OK)
        fail_msg("%s", err.message);
    assert_int_equal(pz_context_new(&context, engine, NULL), PZ_OK);
    assert_int_equal(pz_context_begin(context, 0, NULL), PZ_OK);
    if (zone)
        assert_int_equal(pz_context_set(context, "zone", pz_value_str(zone), NULL), PZ_OK);
    assert_int_equal(pz_profile_new(&ann, engine, PZ_PERSON, "ann", NULL), PZ_OK);
    assert_int_equal(pz_decide(&decision, context, ann, "greeting", NULL), PZ_OK);
    pz_value v = pz_decision_value(decision);
    const char *answer = v.len == 7 && memcmp(v.as.text, "morning", 7) == 0 ? "morning" : "day";
    pz_profile_free(ann);
    pz_context_free(context);
    pz_engine_close(engine);
    return answer;
}

static void rules_follow_the_clock_of_a_zone_through_the_year(void **state)
{
    (void)state;
    NEED_ZONES();
    assert_string_equal(greeting(FIXED, WINTER, NULL), "morning");
    assert_string_equal(greeting(FIXED, SUMMER, NULL), "day");
}

static void rules_follow_the_zone_of_the_circumstances(void **state)
{
    (void)state;
    NEED_ZONES();
    assert_string_equal(greeting(COMPUTED, WINTER, "Europe/Berlin"), "morning");
    assert_string_equal(greeting(COMPUTED, SUMMER, "Europe/Berlin"), "day");
    assert_string_equal(greeting(COMPUTED, SUMMER, "America/New_York"), "morning");
    assert_string_equal(greeting(COMPUTED, SUMMER, "+02:00"), "day");
    assert_string_equal(greeting(COMPUTED, WINTER, "Nowhere/Atall"), "day");
    assert_string_equal(greeting(COMPUTED, WINTER, "../../../etc/passwd"), "day");
}

static void unknown_zone_is_refused_with_the_nearest(void **state)
{
    (void)state;
    NEED_ZONES();
    pz_engine *engine;
    pz_program *program;
    int64_t now = WINTER;
    pz_error err = PZ_ERROR_INIT;
    assert_int_equal(load(&engine, NULL, &now, RULE("now.getHours('Europe/Berln') < 9"), &err),
                     PZ_ERR_CATALOG);
    assert_non_null(strstr(err.message, "there is no time zone 'Europe/Berln'"));
    assert_non_null(strstr(err.message, "did you mean \"Europe/Berlin\"?"));
    pz_engine_close(engine);
    const char source[] = "timestamp(0).getHours('Berlin')";
    assert_int_equal(pz_program_compile(&program, source, sizeof source - 1, NULL, &err),
                     PZ_ERR_TYPE);
    assert_non_null(strstr(err.message, "did you mean 'Europe/Berlin'?"));
}

static pz_status load_and_close(const pz_alloc *alloc, void *payload)
{
    pz_engine *engine = NULL;
    int64_t now = WINTER;
    pz_status status = load(&engine, alloc, &now, payload, NULL);
    pz_engine_close(engine);
    return status;
}

static void loading_survives_exhaustion(void **state)
{
    (void)state;
    NEED_ZONES();
    char text[] = FIXED;
    assert_true(oom_run(load_and_close, text) > 5);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rules_follow_the_clock_of_a_zone_through_the_year),
        cmocka_unit_test(rules_follow_the_zone_of_the_circumstances),
        cmocka_unit_test(unknown_zone_is_refused_with_the_nearest),
        cmocka_unit_test(loading_survives_exhaustion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
