/*
 * test_verbs.c: every verb, on detached and on stored profiles.
 *
 * A table holds operations that succeed and operations that are refused; each is tried on a profile
 * made by others. A refused one names a reason and leaves every byte as it was, in the handle and
 * in the store. Below the table: what verbs mean together (undoing, switching off, taking back,
 * consent by signal).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <personalize.h>

#include "store/kit.h"
#include "support/gen.h"
#include "support/oom.h"

#define CATALOG PZ_SOURCE_DIR "/tests/data/verbs/catalog.json"
#define NOW INT64_C(1774008000000) /* 2026-03-20T12:00:00Z */
#define HOUR INT64_C(3600000)

typedef struct scene {
    pz_engine *engine;
    pz_context *context;
    pz_pool *pool;
    pz_profile *me;
    bool is_stored;
    int64_t now_ms;
    char directory[256]; /* "" for a store in memory */
} scene;

static int64_t scene_clock(void *payload)
{
    return ((const scene *)payload)->now_ms;
}

static int open_scene(scene *s, const char *store, bool is_stored)
{
    s->now_ms = NOW;
    s->is_stored = is_stored;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .catalog = CATALOG, .store = store,
                                       .clock = scene_clock, .clock_payload = s};
    assert_ok(pz_engine_open(&s->engine, &options, &kit_error));
    assert_ok(pz_context_new(&s->context, s->engine, &kit_error));
    assert_ok(pz_pool_new(&s->pool, NULL));
    if (is_stored)
        assert_ok(pz_customer(&s->me, s->engine, "email", "me@example.com", &kit_error));
    else
        assert_ok(pz_profile_new(&s->me, s->engine, PZ_PERSON, "me", &kit_error));
    return 0;
}

static int set_up_detached(void **state)
{
    scene *s = calloc(1, sizeof *s);
    *state = s;
    return open_scene(s, "memory:", false);
}

static int set_up_memory(void **state)
{
    scene *s = calloc(1, sizeof *s);
    *state = s;
    return open_scene(s, "memory:", true);
}

static int set_up_disk(void **state)
{
    scene *s = calloc(1, sizeof *s);
    char address[300];
    *state = s;
    kit_make_directory(s->directory);
    snprintf(address, sizeof address, "lmdb:%s/store", s->directory);
    return open_scene(s, address, true);
}

static int tear_down(void **state)
{
    scene *s = *state;
    pz_profile_free(s->me);
    pz_pool_free(s->pool);
    pz_context_free(s->context);
    pz_engine_close(s->engine);
    if (s->directory[0])
        kit_remove_directory(s->directory);
    free(s);
    return 0;
}

/* A profile of the same kind without content. */
static void begin_anew(scene *s)
{
    if (s->is_stored && pz_profile_exists(s->me)) {
        char id[65];
        const pz_str text = pz_profile_id(s->me);
        snprintf(id, sizeof id, "%.*s", (int)text.len, text.data);
        assert_ok(pz_erase(s->engine, id, NULL, 0, NULL, &kit_error));
        s->now_ms += HOUR; /* of an erased one nothing from before comes back */
    }
    pz_profile_free(s->me);
    if (s->is_stored)
        assert_ok(pz_customer(&s->me, s->engine, "email", "me@example.com", &kit_error));
    else
        assert_ok(pz_profile_new(&s->me, s->engine, PZ_PERSON, "me", &kit_error));
}

static pz_value parse(scene *s, const char *json)
{
    pz_value out;
    assert_ok(pz_value_parse(s->pool, &out, json, strlen(json), 0, &kit_error));
    return out;
}

static pz_value bytes_of(scene *s)
{
    pz_value out;
    assert_ok(pz_profile_encode(s->me, s->pool, &out, &kit_error));
    return out;
}

/* The same, as the store has it now. */
static pz_value stored_bytes_of(scene *s)
{
    if (s->is_stored && pz_profile_exists(s->me))
        assert_ok(pz_profile_refresh(s->me, &kit_error));
    return bytes_of(s);
}

static pz_status apply(scene *s, const char *operation)
{
    return pz_profile_apply(s->me, parse(s, operation), NULL, &kit_error);
}

static void apply_all(scene *s, const char *operations)
{
    const pz_value list = parse(s, operations);
    for (uint32_t i = 0; i < list.len; i++)
        assert_ok(pz_profile_apply(s->me, pz_value_item(list, i), NULL, &kit_error));
}

/* "language" as "VALUE TIER". */
static const char *answer(scene *s, const char *attribute)
{
    static char text[256];
    pz_resolution found = {PZ_RESOLUTION};
    pz_str value;
    assert_ok(pz_context_begin(s->context, 0, &kit_error));
    assert_ok(pz_resolve(&found, s->context, s->me, attribute, &kit_error));
    assert_ok(pz_value_print(s->pool, &value, found.value, 0));
    snprintf(text, sizeof text, "%.*s %s", (int)value.len, value.data, found.tier);
    return text;
}

/* ---- each verb, done and refused ---- */

typedef struct deed {
    const char *before; /* a list of operations */
    const char *operation;
    pz_status status;
    const char *attribute, *answer; /* what is answered then; NULL: not asked */
} deed;

#define VISIT(id, hour)                                                                            \
    "[\"observe\", {\"kind\": \"visit\", \"source\": \"s\", \"id\": \"" id                         \
    "\", \"language\": \"de\", \"time\": \"2026-03-20T" hour ":00:00Z\"}]"
#define LANGUAGE_OFF "[[\"set_mode\", \"language\", \"OFF\"]]"
/* One byte more than a channel may have. */
#define TEN "aaaaaaaaaa"
#define LONG_NAME TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN TEN "aaaaaaaaa"

static const deed deeds[] = {
    {"[]", "[\"choose\", \"language\", \"de\"]", PZ_OK, "language", "\"de\" CHOICE"},
    {"[]", "[\"choose\", \"topics\", [\"news\", \"art\"]]", PZ_OK, "topics",
     "[\"art\",\"news\"] CHOICE"},
    {"[]", "[\"choose\", \"address\", {\"city\": \"Bonn\"}]", PZ_OK, "address",
     "{\"city\":\"Bonn\"} CHOICE"},
    {"[]", "[\"choose\", \"language\", \"dutch\"]", PZ_ERR_DOMAIN, NULL, NULL},
    {"[]", "[\"choose\", \"language\", 7]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"choose\", \"language\", null]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"choose\", \"langage\", \"de\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[]", "[\"choose\", \"toolbar\", [\"help\"]]", PZ_ERR_TYPE, NULL, NULL},
    {"[]",
     "[\"choose\", \"language\", \"de\", {\"at\": \"2026-03-21T12:00:00Z\", \"now\": "
     "\"2026-03-20T12:00:00Z\"}]",
     PZ_ERR_TIME, NULL, NULL},
    {"[[\"declare\", \"language\", \"de\"]]", "[\"reject\", \"language\", \"de\"]", PZ_OK,
     "language", "\"en\" DEFAULT"},
    {"[]", "[\"reject\", \"address\", {\"city\": \"Bonn\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"reject\", \"toolbar\", [\"help\"]]", PZ_ERR_TYPE, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"clear\", \"language\"]", PZ_OK, "language",
     "\"en\" DEFAULT"},
    {"[[\"choose\", \"address\", {\"city\": \"Bonn\", \"zip\": \"1\"}]]",
     "[\"clear\", \"address\", {\"member\": \"zip\"}]", PZ_OK, "address",
     "{\"city\":\"Bonn\"} CHOICE"},
    {"[[\"choose\", \"address\", {\"\": \"1\", \"city\": \"Bonn\"}]]",
     "[\"clear\", \"address\", {\"member\": \"\"}]", PZ_OK, "address",
     "{\"city\":\"Bonn\"} CHOICE"},
    {"[[\"choose\", \"address\", {\"\": \"1\", \"city\": \"Bonn\"}]]",
     "[\"clear\", \"address\", {\"member\": null}]", PZ_OK, "address", "null NONE"},
    {"[[\"choose\", \"address\", {\"\": \"1\", \"city\": \"Bonn\"}], "
     "[\"clear\", \"address\", {\"member\": \"\"}]]",
     "[\"undo\", \"address\"]", PZ_OK, "address", "{\"\":\"1\",\"city\":\"Bonn\"} CHOICE"},
    {"[[\"choose\", \"address\", {\"\": \"1\", \"city\": \"Bonn\"}], [\"clear\", \"address\"]]",
     "[\"undo\", \"address\"]", PZ_OK, "address", "{\"\":\"1\",\"city\":\"Bonn\"} CHOICE"},
    {"[[\"choose\", \"address\", {\"city\": \"Bonn\"}], [\"choose\", \"address\", {\"\": \"1\"}]]",
     "[\"undo\", \"address\"]", PZ_OK, "address", "{\"city\":\"Bonn\"} CHOICE"},
    {"[[\"choose\", \"address\", {\"\": \"1\", \"city\": \"Bonn\"}]]", "[\"forget\", \"address\"]",
     PZ_OK, "address", "null NONE"},
    {"[]", "[\"clear\", \"language\", {\"member\": \"\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"clear\", \"language\", {\"member\": \"zip\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"edit\", \"toolbar\", \"help\", {\"pin\": 0}]", PZ_OK, "toolbar",
     "[\"help\",\"search\",\"orders\"] CHOICE"},
    {"[]", "[\"edit\", \"toolbar\", \"search\", \"hide\"]", PZ_OK, "toolbar",
     "[\"orders\",\"help\"] CHOICE"},
    {"[]", "[\"edit\", \"toolbar\", \"search\", {\"pin\": -1}]", PZ_ERR_DOMAIN, NULL, NULL},
    {"[]", "[\"edit\", \"toolbar\", \"search\", {\"pin\": 0, \"after\": \"help\"}]", PZ_ERR_TYPE,
     NULL, NULL},
    {"[]", "[\"edit\", \"toolbar\", \"search\", \"burn\"]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"edit\", \"toolbar\", \"\", \"hide\"]", PZ_ERR_ARG, NULL, NULL},
    {"[]", "[\"edit\", \"language\", \"de\", \"hide\"]", PZ_ERR_TYPE, NULL, NULL},
    {"[[\"declare\", \"language\", \"de\"]]", "[\"set_mode\", \"language\", \"MANUAL\"]", PZ_OK,
     "language", "\"en\" DEFAULT"},
    {"[]", "[\"set_mode\", \"language\", \"LOUD\"]", PZ_ERR_DOMAIN, NULL, NULL},
    {"[]", "[\"set_mode\", \"langage\", \"OFF\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[[\"declare\", \"language\", \"de\"]]", "[\"set_level\", \"basic\"]", PZ_OK, "language",
     "\"en\" DEFAULT"},
    {"[]", "[\"set_level\", \"shallow\"]", PZ_ERR_DOMAIN, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"undo\", \"language\"]", PZ_OK, "language",
     "\"en\" DEFAULT"},
    {"[]", "[\"undo\", \"*\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"undo\", \"topics\"]", PZ_ERR_NOT_FOUND, NULL,
     NULL},
    {"[]", "[\"undo\", \"langage\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"undo\", \"\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[]", "[\"declare\", \"topics\", \"news\"]", PZ_OK, "topics", "[\"news\"] DECLARED"},
    {"[]", "[\"declare\", \"age\", 200]", PZ_ERR_DOMAIN, NULL, NULL},
    {"[]", "[\"infer\", \"language\", \"fr\", {\"confidence\": 0.75}]", PZ_OK, "language",
     "\"fr\" INFERRED"},
    {"[]", "[\"infer\", \"language\", \"fr\"]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"infer\", \"language\", \"fr\", {\"confidence\": 1.5}]", PZ_ERR_DOMAIN, NULL, NULL},
    {LANGUAGE_OFF, "[\"infer\", \"language\", \"xx\", {\"confidence\": 0.9}]", PZ_ERR_DOMAIN, NULL,
     NULL},
    {LANGUAGE_OFF,
     "[\"infer\", \"language\", \"fr\", {\"confidence\": 0.9, \"at\": \"2026-03-20T12:06:00Z\", "
     "\"now\": \"2026-03-20T12:00:00Z\"}]",
     PZ_ERR_TIME, NULL, NULL},
    {LANGUAGE_OFF,
     "[\"infer\", \"language\", \"fr\", {\"confidence\": 0.9, \"channel\": \"" LONG_NAME "\"}]",
     PZ_ERR_LIMIT, NULL, NULL},
    {"[[\"set_mode\", \"toolbar\", \"OFF\"]]",
     "[\"infer\", \"toolbar\", [\"help\"], {\"confidence\": 0.9}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"identify\", \"card\", \"1234\"]", PZ_OK, NULL, NULL},
    {"[]", "[\"identify\", \"\", \"1234\"]", PZ_ERR_ARG, NULL, NULL},
    {"[]", "[\"identify\", \"card\", 1234]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", VISIT("1", "12"), PZ_OK, NULL, NULL},
    {"[]", "[\"observe\", {\"kind\": \"visit\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[" VISIT("1", "12") "]",
     "[\"observe\", {\"kind\": \"visit\", \"source\": \"s\", \"id\": \"0\", \"language\": \"de\", "
     "\"time\": \"2026-01-01T00:00:00Z\"}, {\"now\": \"2026-03-20T12:00:00Z\"}]",
     PZ_ERR_LATE, NULL, NULL},
    {"[[\"declare\", \"age\", 30]]", "[\"consent\", \"research\", \"grant\"]", PZ_OK, "age",
     "30 DECLARED"},
    {"[]", "[\"consent\", \"\", \"grant\"]", PZ_ERR_ARG, NULL, NULL},
    {"[]", "[\"consent\", \"research\", \"perhaps\"]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"consent_tcf\", \"COtybn4PA_zT4KjACBENAPCIAEBAAECAAIAAAAAAAAAA\"]", PZ_OK, NULL,
     NULL},
    {"[]", "[\"consent_tcf\", \"COtybn4PA_zT\"]", PZ_ERR_PARSE, NULL, NULL},
    {"[]", "[\"consent_tcf\", \"\"]", PZ_ERR_PARSE, NULL, NULL},
    {"[]", "[\"consent_tcf\", 7]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"consent_gpc\", true]", PZ_OK, NULL, NULL},
    {"[]", "[\"consent_gpc\", 1]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"link\", \"other\", {\"strength\": 0.5}]", PZ_OK, NULL, NULL},
    {"[]", "[\"link\", \"other\", {\"strength\": 0}]", PZ_ERR_DOMAIN, NULL, NULL},
    {"[]", "[\"link\", \"\"]", PZ_ERR_ARG, NULL, NULL},
    {"[]", "[\"unlink\", \"other\"]", PZ_OK, NULL, NULL},
    {"[]", "[\"unlink\", \"\"]", PZ_ERR_ARG, NULL, NULL},
    {"[]", "[\"switch\", \"other\"]", PZ_OK, NULL, NULL},
    {"[]", "[\"switch\", \"\"]", PZ_ERR_ARG, NULL, NULL},
    {"[]", "[\"set_account\", \"firm\"]", PZ_OK, NULL, NULL},
    {"[[\"set_account\", \"firm\"]]", "[\"set_account\", \"\"]", PZ_OK, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"forget\", \"language\"]", PZ_OK, "language",
     "\"en\" DEFAULT"},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"forget\", \"*\"]", PZ_OK, "language",
     "\"en\" DEFAULT"},
    {"[]", "[\"forget\", \"langage\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"forget\", \"\"]", PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[]",
     "[\"forget\", \"*\", {\"from\": \"2026-03-02T00:00:00Z\", \"to\": "
     "\"2026-03-01T00:00:00Z\"}]",
     PZ_ERR_ARG, NULL, NULL},
    {"[" VISIT("1", "12") "]", "[\"retract\", {\"source\": \"s\", \"id\": \"1\"}]", PZ_OK, NULL,
     NULL},
    {"[" VISIT("1", "12") "]", "[\"retract\", {\"about\": \"language\"}]", PZ_OK, NULL, NULL},
    {"[" VISIT("1", "12") "]", "[\"retract\", {\"source\": \"s\", \"id\": \"2\"}]",
     PZ_ERR_NOT_FOUND, NULL, NULL},
    {"[]", "[\"retract\", {\"source\": \"s\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"retract\", {\"about\": \"langage\"}]", PZ_ERR_NOT_FOUND, NULL, NULL},
    /* A circumstance that nobody knows is refused: passed over, it would make a consent that ends
     * one for good, and of a span of time all there is. */
    {"[]", "[\"choose\", \"language\", \"de\", {\"expire\": \"2026-04-01T00:00:00Z\"}]",
     PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"consent\", \"research\", \"grant\", {\"until\": \"2026-04-01T00:00:00Z\"}]",
     PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"choose\", \"language\", \"de\", {\"member\": \"x\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"choose\", \"language\", \"de\", {\"chanel\": null}]", PZ_ERR_TYPE, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]",
     "[\"forget\", \"*\", {\"form\": \"2026-03-02T00:00:00Z\"}]", PZ_ERR_TYPE, NULL, NULL},
    {"[[\"choose\", \"language\", \"de\"]]", "[\"forget\", \"*\", {\"confidence\": 1}]",
     PZ_ERR_TYPE, NULL, NULL},
    {"[" VISIT("1", "12") "]",
     "[\"retract\", {\"about\": \"language\", \"since\": \"2026-03-20T00:00:00Z\"}]", PZ_ERR_TYPE,
     NULL, NULL},
    {"[" VISIT("1", "12") "]",
     "[\"retract\", {\"source\": \"s\", \"id\": \"1\"}, {\"from\": \"2026-03-20T00:00:00Z\"}]",
     PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"link\", \"other\", {\"strenght\": 0.5}]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"choose\", \"language\", \"de\", {\"expires\": \"1.4.2026\"}]", PZ_ERR_TYPE, NULL,
     NULL},
    {"[]", "[\"chose\", \"language\", \"de\"]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[\"choose\", \"language\"]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "[]", PZ_ERR_TYPE, NULL, NULL},
    {"[]", "\"choose\"", PZ_ERR_TYPE, NULL, NULL},
};
#define DEED_COUNT (sizeof deeds / sizeof deeds[0])

/* The deeds are dated by their day; erasing the profile before moves the clock on. */
static bool is_dated(const deed *d)
{
    return strstr(d->before, "2026") || strstr(d->operation, "2026") ||
           strstr(d->operation, "COtybn");
}

static void try_deed(scene *s, const deed *d)
{
    begin_anew(s);
    apply_all(s, d->before);
    const pz_value before = bytes_of(s);
    kit_error.message[0] = '\0';
    const pz_status status = apply(s, d->operation);
    if (status != d->status)
        print_error("%s: %s\n", d->operation, kit_error.message);
    assert_int_equal(status, d->status);
    if (status == PZ_OK) {
        assert_false(pz_value_equal(before, bytes_of(s)));
        if (d->answer)
            assert_string_equal(answer(s, d->attribute), d->answer);
        return;
    }
    assert_true(kit_error.message[0]);
    assert_true(pz_value_equal(before, bytes_of(s)));
    assert_true(pz_value_equal(before, stored_bytes_of(s)));
}

static void each_verb_does_what_it_says_or_nothing(void **state)
{
    scene *s = *state;
    for (int dated = 1; dated >= 0; dated--)
        for (size_t i = 0; i < DEED_COUNT; i++)
            if (is_dated(&deeds[i]) == (dated == 1)) {
                try_deed(s, &deeds[i]);
                if (dated && s->is_stored && pz_profile_exists(s->me)) {
                    /* A dated deed needs a store that nobody was erased from. */
                    void *again = s;
                    const bool on_disk = s->directory[0] != '\0';
                    tear_down(&again);
                    (on_disk ? set_up_disk : set_up_memory)(state);
                    s = *state;
                }
            }
}

/* ---- the calls: what only they can get wrong ---- */

static void calls_check_what_they_are_given(void **state)
{
    scene *s = *state;
    const pz_span empty = {NOW, NOW};
    const struct {
        pz_write write;
        uint64_t more; /* than this version knows */
    } future = {{.size = (uint32_t)sizeof future}, 1};
    const pz_tcf wide = {PZ_TCF, .cmp_id = 4096}, letters = {PZ_TCF, .language = "E1"};
    pz_str text;
    assert_status(PZ_ERR_ARG, pz_choose(NULL, "language", pz_value_str("de"), NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_choose(s->me, NULL, pz_value_str("de"), NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_clear_member(s->me, "address", NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_edit(s->me, "toolbar", NULL, pz_value_str("hide"), NULL, NULL));
    assert_status(PZ_ERR_ARG, pz_set_mode(s->me, "language", (pz_mode)3, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_set_level(s->me, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_forget(s->me, NULL, &empty, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_retract(s->me, "s", "", NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_retract_all(s->me, NULL, &empty, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_identify(s->me, "card", NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_link(s->me, NULL, 1.0, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_consent(s->me, "ads", true, &future.write, &kit_error));
    assert_status(PZ_ERR_ARG, pz_profile_tcf(s->me, &wide, s->pool, &text, &kit_error));
    assert_status(PZ_ERR_ARG, pz_profile_tcf(s->me, &letters, s->pool, &text, &kit_error));
    assert_status(PZ_ERR_NOT_FOUND, pz_profile_tcf(s->me, NULL, s->pool, &text, &kit_error));
    assert_status(PZ_ERR_PARSE, pz_consent_tcf(s->me, NULL, NULL, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_profile_export_text(s->me, NULL, &text, &kit_error));
    assert_false(pz_profile_exists(s->me));
}

static void without_a_catalog_nothing_is_written(void **state)
{
    (void)state;
    pz_engine *engine;
    pz_profile *me;
    pz_pool *pool;
    pz_str text;
    assert_ok(pz_engine_open(&engine, NULL, &kit_error));
    assert_ok(pz_profile_new(&me, engine, PZ_PERSON, "me", &kit_error));
    assert_ok(pz_pool_new(&pool, NULL));
    assert_status(PZ_ERR_STATE, pz_consent(me, "ads", true, NULL, &kit_error));
    assert_status(PZ_ERR_STATE, pz_profile_tcf(me, NULL, pool, &text, &kit_error));
    assert_ok(pz_profile_export_text(me, pool, &text, &kit_error));
    pz_pool_free(pool);
    pz_profile_free(me);
    pz_engine_close(engine);
}

/* ---- switching off, and consent before gathering ---- */

static void what_is_off_gathers_nothing(void **state)
{
    scene *s = *state;
    apply_all(s, "[[\"set_mode\", \"language\", \"OFF\"], " VISIT("1", "10") ", " VISIT(
                     "2", "10") ","
                                "[\"infer\", \"language\", \"fr\", {\"confidence\": 0.9}],"
                                "[\"declare\", \"language\", \"fr\"],"
                                "[\"set_mode\", \"language\", \"AUTO\"]]");
    pz_value layers;
    assert_string_equal(answer(s, "language"), "\"fr\" DECLARED");
    assert_ok(pz_inspect(&layers, s->context, s->me, "language", &kit_error));
    assert_int_equal(layers.len, 2); /* the fact and the default */
}

static void nothing_is_gathered_for_a_purpose_not_granted(void **state)
{
    scene *s = *state;
    static const char click[] =
        "[\"observe\", {\"kind\": \"click\", \"source\": \"s\", \"id\": \"%d\", \"taste\": "
        "\"sport\", \"time\": \"2026-03-20T10:00:00Z\"}, {\"now\": \"2026-03-20T12:00:00Z\"}]";
    char text[256];
    snprintf(text, sizeof text, click, 1);
    assert_ok(apply(s, text));
    apply_all(s, "[[\"consent\", \"ads\", \"grant\"]]");
    assert_string_equal(answer(s, "taste"), "null NONE");
    snprintf(text, sizeof text, click, 2);
    assert_ok(apply(s, text));
    assert_string_equal(answer(s, "taste"), "\"sport\" INFERRED");
    /* "on_deny": "erase": what was gathered does not come back with a new grant. */
    apply_all(s, "[[\"consent\", \"ads\", \"deny\"], [\"consent\", \"ads\", \"grant\"]]");
    assert_string_equal(answer(s, "taste"), "null NONE");
}

/* ---- undoing ---- */

#define STEPS 12

static const char *random_step(gen *g)
{
    static const char *const steps[] = {
        "[\"choose\", \"language\", \"de\"]",
        "[\"choose\", \"language\", \"fr\"]",
        "[\"reject\", \"language\", \"en\"]",
        "[\"clear\", \"language\"]",
        "[\"set_mode\", \"language\", \"MANUAL\"]",
        "[\"set_mode\", \"language\", \"AUTO\"]",
        "[\"choose\", \"topics\", \"news\"]",
        "[\"reject\", \"topics\", \"news\"]",
        "[\"clear\", \"topics\"]",
        "[\"choose\", \"address\", {\"city\": \"Bonn\", \"zip\": \"1\"}]",
        "[\"clear\", \"address\", {\"member\": \"zip\"}]",
        "[\"edit\", \"toolbar\", \"help\", {\"pin\": 0}]",
        "[\"edit\", \"toolbar\", \"help\", \"unplace\"]",
        "[\"edit\", \"toolbar\", \"search\", \"hide\"]",
        "[\"set_level\", \"basic\"]",
        "[\"set_level\", \"deep\"]",
    };
    return steps[gen_range(g, 0, (int64_t)(sizeof steps / sizeof steps[0]) - 1)];
}

static void note_answers(scene *s, char out[512])
{
    static const char *const asked[] = {"language", "topics", "address", "toolbar"};
    size_t used = 0;
    for (size_t i = 0; i < sizeof asked / sizeof asked[0]; i++)
        used += (size_t)snprintf(out + used, 512 - used, "%s\n", answer(s, asked[i]));
}

/* Undone one by one, each answer is again what it was before the step. */
static void undoing_goes_back_the_way_it_came(void **state)
{
    scene *s = *state;
    const bool waits_for_disk = s->directory[0] != '\0';
    GEN_CASES(g, waits_for_disk ? gen_cases_full(3, 60) : gen_cases_full(40, 4000))
    {
        char seen[STEPS + 1][512], now[512];
        begin_anew(s);
        assert_ok(apply(s, "[\"declare\", \"language\", \"de\"]"));
        note_answers(s, seen[0]);
        for (int i = 0; i < STEPS; i++) {
            assert_ok(apply(s, random_step(&g)));
            note_answers(s, seen[i + 1]);
        }
        for (int i = STEPS - 1; i >= 0; i--) {
            assert_ok(pz_undo(s->me, NULL, NULL, &kit_error));
            note_answers(s, now);
            assert_string_equal(now, seen[i]);
        }
        assert_status(PZ_ERR_NOT_FOUND, pz_undo(s->me, NULL, NULL, &kit_error));
        pz_pool_reset(s->pool);
    }
}

/* ---- taking events back ---- */

static void a_retracted_event_was_never_seen(void **state)
{
    scene *s = *state;
    pz_value never, layers;
    uint32_t count = 7;
    pz_str before, after;
    assert_ok(apply(s, VISIT("1", "10")));
    assert_ok(pz_context_begin(s->context, 0, &kit_error));
    assert_ok(pz_inspect(&never, s->context, s->me, "language", &kit_error));
    assert_ok(pz_value_print(s->pool, &before, never, 0));
    assert_ok(apply(s, VISIT("2", "11")));
    assert_ok(pz_retract(s->me, "s", "2", NULL, &kit_error));
    assert_ok(pz_context_begin(s->context, 0, &kit_error));
    assert_ok(pz_inspect(&layers, s->context, s->me, "language", &kit_error));
    assert_ok(pz_value_print(s->pool, &after, layers, 0));
    assert_int_equal(before.len, after.len);
    assert_memory_equal(before.data, after.data, after.len);
    assert_ok(pz_retract_all(s->me, "language", NULL, NULL, &count, &kit_error));
    assert_int_equal(count, 1);
    assert_status(PZ_ERR_NOT_FOUND,
                  pz_retract_all(s->me, "language", NULL, NULL, &count, &kit_error));
    assert_int_equal(count, 0);
}

/* ---- consent by signal ---- */

/* A string of the profile's own, as of a moment. */
static void tc_string(scene *s, int64_t at_ms, bool granted, char out[256])
{
    pz_profile *other;
    pz_str text;
    const pz_write write = {PZ_WRITE, .at_ms = at_ms, .now_ms = NOW};
    assert_ok(pz_profile_new(&other, s->engine, PZ_PERSON, "cmp", &kit_error));
    assert_ok(pz_consent(other, "ads", granted, &write, &kit_error));
    assert_ok(pz_profile_tcf(other, NULL, s->pool, &text, &kit_error));
    snprintf(out, 256, "%.*s", (int)text.len, text.data);
    pz_profile_free(other);
}

static void an_older_string_does_not_undo_a_newer_denial(void **state)
{
    scene *s = *state;
    char old[256], newer[256];
    uint32_t changed;
    const pz_write an_hour_ago = {PZ_WRITE, .at_ms = NOW - HOUR, .now_ms = NOW};
    tc_string(s, NOW - 2 * HOUR, true, old);
    tc_string(s, NOW - HOUR / 2, true, newer);
    assert_ok(pz_consent(s->me, "ads", false, &an_hour_ago, &kit_error));
    assert_ok(apply(s, "[\"infer\", \"taste\", \"art\", {\"confidence\": 0.9}]"));
    assert_ok(pz_consent_tcf(s->me, old, NULL, &changed, &kit_error));
    assert_string_equal(answer(s, "taste"), "null NONE");
    assert_ok(pz_consent_tcf(s->me, newer, NULL, &changed, &kit_error));
    assert_true(changed > 0);
    assert_string_equal(answer(s, "taste"), "\"art\" INFERRED");
}

static void the_same_string_twice_changes_nothing(void **state)
{
    scene *s = *state;
    for (int granted = 0; granted < 2; granted++) {
        char text[256];
        uint32_t changed;
        tc_string(s, NOW - (2 - granted) * HOUR, granted == 1, text);
        assert_ok(pz_consent_tcf(s->me, text, NULL, &changed, &kit_error));
        assert_true(changed > 0);
        const pz_value before = bytes_of(s);
        assert_ok(pz_consent_tcf(s->me, text, NULL, &changed, &kit_error));
        assert_int_equal(changed, 0);
        assert_true(pz_value_equal(before, bytes_of(s)));
        assert_true(pz_value_equal(before, stored_bytes_of(s)));
    }
}

static void the_privacy_signal_denies_once(void **state)
{
    scene *s = *state;
    uint32_t changed;
    assert_ok(pz_consent(s->me, "ads", true, NULL, &kit_error));
    assert_ok(pz_consent_gpc(s->me, false, NULL, &changed, &kit_error));
    assert_int_equal(changed, 0);
    assert_ok(apply(s, "[\"infer\", \"taste\", \"art\", {\"confidence\": 0.9}]"));
    assert_string_equal(answer(s, "taste"), "\"art\" INFERRED");
    assert_ok(pz_consent_gpc(s->me, true, NULL, &changed, &kit_error));
    assert_int_equal(changed, 1);
    assert_string_equal(answer(s, "taste"), "null NONE");
    const pz_value before = bytes_of(s);
    assert_ok(pz_consent_gpc(s->me, true, NULL, &changed, &kit_error));
    assert_int_equal(changed, 0);
    assert_true(pz_value_equal(before, bytes_of(s)));
}

/* ---- without memory ---- */

/* One deed of the table on a detached profile, whose making does not count. */
static pz_status do_without_memory(const pz_alloc *alloc, void *payload)
{
    const deed *d = payload;
    scene s = {.now_ms = NOW};
    oom *heap = alloc->payload;
    const size_t fail_at = heap->fail_at;
    const bool once = heap->is_failing_once;
    oom_calm(heap);
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .catalog = CATALOG, .alloc = alloc,
                                       .clock = scene_clock, .clock_payload = &s};
    assert_ok(pz_engine_open(&s.engine, &options, &kit_error));
    assert_ok(pz_pool_new(&s.pool, NULL));
    assert_ok(pz_profile_new(&s.me, s.engine, PZ_PERSON, "me", &kit_error));
    apply_all(&s, d->before);
    const pz_value operation = parse(&s, d->operation), before = bytes_of(&s);
    if (fail_at > 0)
        oom_fail(heap, fail_at, once);
    const pz_status status = pz_profile_apply(s.me, operation, NULL, NULL);
    oom_calm(heap);
    if (status == PZ_ERR_NOMEM)
        assert_true(pz_value_equal(before, bytes_of(&s)));
    pz_profile_free(s.me);
    pz_pool_free(s.pool);
    pz_engine_close(s.engine);
    return status;
}

/* ---- what calls in C alone can hand in ---- */

static void no_call_takes_an_id_that_is_not_text(void **state)
{
    scene *s = *state;
    assert_status(PZ_ERR_ARG, pz_link(s->me, "\xff", 0.5, NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_unlink(s->me, "\xff", NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_switch(s->me, "\xff", NULL, &kit_error));
    assert_status(PZ_ERR_ARG, pz_set_account(s->me, "\xff", NULL, &kit_error));
}

static void no_moment_is_too_far_away_to_be_refused(void **state)
{
    scene *s = *state;
    const pz_value operation = parse(s, "[\"choose\", \"language\", \"de\"]");
    static const int64_t moments[] = {INT64_MIN, INT64_MAX};
    for (size_t i = 0; i < 2; i++) {
        const pz_write write = {PZ_WRITE, .now_ms = moments[i]};
        assert_status(PZ_ERR_TIME, pz_profile_apply(s->me, operation, &write, &kit_error));
        assert_status(PZ_ERR_TIME, pz_erase(s->engine, "me", &write, 0, NULL, &kit_error));
    }
}

/* Each request of each verb is refused in turn: alone, and with all that follow. */
static void each_verb_survives_want_of_memory(void **state)
{
    (void)state;
    for (size_t i = 0; i < DEED_COUNT; i++) {
        if (deeds[i].status != PZ_OK)
            continue;
        bool was_refused = true;
        for (size_t nth = 1; was_refused; nth++) {
            for (int once = 0; once < 2; once++) {
                oom heap;
                oom_init(&heap);
                heap.fail_at = nth;
                heap.is_failing_once = once == 1;
                const pz_alloc alloc = oom_alloc(&heap);
                deed d = deeds[i];
                const pz_status status = do_without_memory(&alloc, &d);
                assert_true(status == PZ_OK || status == PZ_ERR_NOMEM);
                assert_true(nth > 1 || status == PZ_ERR_NOMEM);
                if (once == 0)
                    was_refused = heap.refused_count > 0;
                oom_finish(&heap);
            }
        }
    }
}

#define EVERYWHERE(test)                                                                           \
    {#test " (detached)", test, set_up_detached, tear_down, NULL},                                 \
        {#test " (memory)", test, set_up_memory, tear_down, NULL},                                 \
    {                                                                                              \
#test " (disk)", test, set_up_disk, tear_down, NULL                                        \
    }

int main(void)
{
    const struct CMUnitTest tests[] = {
        EVERYWHERE(each_verb_does_what_it_says_or_nothing),
        EVERYWHERE(calls_check_what_they_are_given),
        cmocka_unit_test(without_a_catalog_nothing_is_written),
        EVERYWHERE(no_call_takes_an_id_that_is_not_text),
        EVERYWHERE(no_moment_is_too_far_away_to_be_refused),
        EVERYWHERE(what_is_off_gathers_nothing),
        EVERYWHERE(nothing_is_gathered_for_a_purpose_not_granted),
        EVERYWHERE(undoing_goes_back_the_way_it_came),
        EVERYWHERE(a_retracted_event_was_never_seen),
        EVERYWHERE(an_older_string_does_not_undo_a_newer_denial),
        EVERYWHERE(the_same_string_twice_changes_nothing),
        EVERYWHERE(the_privacy_signal_denies_once),
        cmocka_unit_test(each_verb_survives_want_of_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
