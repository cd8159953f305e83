/*
 * authority.c: who wins when a choice, a fact, a guess and a default disagree.
 *
 * A case is a catalog, operations that make a person's profile (and the account's), a moment, and
 * questions with their answers. The operations go through the same verbs as a host's; two things
 * are done here because no verb does them yet: a mode is set as the register that it is, and a
 * merge makes another replica and joins it.
 *
 * A case is skipped, never judged, when it needs what is not built: a merge law other than
 * `replace`, policies, levels, masks, consents, links, retracting, forgetting. OFF forgets, so a
 * case that sets it after something was gathered, or gathers under it, is skipped, too. The reasons
 * are counted by the first that was met and printed after each file.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/time.h"
#include "decide/decide.h"
#include "suite.h"

/* A confidence may differ by this much, in 65536ths. */
#define CONFIDENCE_SLACK 2.0

typedef struct authority_case {
    pz__arena arena; /* what was read, and results */
    pz__arena scratch;
    pz_value root;
    const pz__catalog *catalog;
    pz__profile *person, *account;
    const char *why_skipped; /* NULL: it can be judged */
    char why_failed[256];    /* "" while it passes */
    bool is_off, has_gathered;
} authority_case;

static pz_value get(pz_value map, const char *name)
{
    return pz_value_get(map, name, strlen(name), NULL);
}

static bool has(pz_value map, const char *name)
{
    bool found;
    pz_value_get(map, name, strlen(name), &found);
    return found;
}

static bool is_text(pz_value value, const char *text)
{
    return value.kind == PZ_STRING && pz__str_equal(pz_value_text(value), pz_str_of(text));
}

static void fail_case(authority_case *c, const char *what, pz_str detail)
{
    if (!c->why_failed[0])
        snprintf(c->why_failed, sizeof c->why_failed, "%s %.*s", what, PZ__STR_ARG(detail));
}

/* ---- what is not built ---- */

static void skip(authority_case *c, const char *why)
{
    if (!c->why_skipped)
        c->why_skipped = why;
}

static void look_at_catalog(authority_case *c)
{
    static const char *const missing[] = {"policies", "level", "mask", "purposes", "identifiers"};
    const pz_value catalog = get(c->root, "catalog");
    for (size_t i = 0; i < sizeof missing / sizeof missing[0]; i++)
        if (has(catalog, missing[i]))
            skip(c, missing[i]);
    const pz_value attributes = get(catalog, "attributes");
    for (uint32_t i = 0; i < attributes.len; i++) {
        const pz_value law = get(pz_value_entry(attributes, i).value, "merge");
        if (law.kind == PZ_STRING && !is_text(law, "replace"))
            skip(c, "a merge law other than replace");
    }
}

static void look_at_operations(authority_case *c, pz_value operations)
{
    static const char *const built[] = {"choose",  "reject",   "clear", "declare", "infer",
                                        "observe", "set_mode", "merge", "identify"};
    for (uint32_t i = 0; i < operations.len; i++) {
        const pz_value operation = pz_value_item(operations, i);
        const pz_value verb = pz_value_item(operation, 0);
        bool is_built = false;
        for (size_t j = 0; j < sizeof built / sizeof built[0]; j++)
            is_built = is_built || is_text(verb, built[j]);
        if (!is_built)
            skip(c, "a verb that is not built");
        if (is_text(verb, "merge"))
            look_at_operations(c, pz_value_item(operation, 1));
    }
}

static void look_for_what_is_missing(authority_case *c)
{
    if (has(c->root, "others"))
        skip(c, "links");
    if (has(c->root, "host_level"))
        skip(c, "level");
    look_at_catalog(c);
    look_at_operations(c, get(c->root, "profile"));
    look_at_operations(c, get(c->root, "account"));
}

/* ---- operations ---- */

static pz_status set_mode(authority_case *c, pz__profile *profile, pz_value operation)
{
    /* The form of `declare` has the same places, so its reader serves. */
    pz_value like[4];
    like[0] = pz_value_str("declare");
    for (uint32_t i = 1; i < 4; i++)
        like[i] = pz_value_item(operation, i);
    const pz__write defaults = {.writer = PZ__STR("w1"), .skew_ms = PZ__SKEW_DEFAULT_MS};
    pz__verb verb;
    pz_status status = pz__verb_read(&verb, pz__value_of_items(like, 4), &defaults, NULL);
    if (status != PZ_OK)
        return status;
    c->is_off = is_text(verb.value, "OFF");
    if (c->is_off && c->has_gathered)
        skip(c, "OFF forgets what was gathered");
    const pz__claim claim = {.attribute = verb.name, .slot = PZ__SLOT_MODE, .value = verb.value};
    return pz__profile_put(profile, &verb.write, &claim, NULL);
}

static pz_status run_verb(authority_case *c, pz__profile *profile, pz_value operation)
{
    const pz_value name = pz_value_item(operation, 0);
    if (is_text(name, "observe") || is_text(name, "infer")) {
        c->has_gathered = true;
        if (c->is_off)
            skip(c, "OFF gathers nothing");
    }
    const pz__write defaults = {.writer = PZ__STR("w1"), .skew_ms = PZ__SKEW_DEFAULT_MS};
    pz__verb verb;
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz__verb_read(&verb, operation, &defaults, &err);
    if (status == PZ_OK)
        status = pz__verb_apply(&verb, c->catalog, profile, &c->scratch, &err);
    return status;
}

static void run_operations(authority_case *c, pz__profile **profile, pz_value operations);

static pz_status merge(authority_case *c, pz__profile **profile, pz_value operation)
{
    pz__profile *other = NULL;
    const bool is_from_here = is_text(get(pz_value_item(operation, 2), "from"), "here");
    pz_status status = is_from_here ? pz__profile_copy(&other, *profile)
                                    : pz__profile_new(&other, NULL, pz__profile_kind(*profile),
                                                      pz__profile_subject(*profile), NULL);
    if (status != PZ_OK)
        return status;
    run_operations(c, &other, pz_value_item(operation, 1));
    status = pz__profile_join(*profile, other, NULL);
    pz__profile_free(other);
    return status;
}

/* A verb that fails may leave half a write behind, so each one works on a copy. */
static void run_operation(authority_case *c, pz__profile **profile, pz_value operation)
{
    const pz_value name = pz_value_item(operation, 0);
    const pz_value meta = pz_value_item(operation, operation.len - 1);
    const pz_value refused = get(meta, "refused");
    const bool must_fail = refused.kind == PZ_BOOL && refused.as.b;
    if (is_text(name, "clear") && has(meta, "member"))
        skip(c, "a verb that is not built");
    if (is_text(name, "merge")) {
        if (merge(c, profile, operation) != PZ_OK)
            fail_case(c, "an operation failed:", pz_value_text(name));
        return;
    }
    pz__profile *copy;
    if (pz__profile_copy(&copy, *profile) != PZ_OK)
        return fail_case(c, "out of memory", PZ__STR(""));
    const pz_status status =
        is_text(name, "set_mode") ? set_mode(c, copy, operation) : run_verb(c, copy, operation);
    if ((status != PZ_OK) != must_fail)
        fail_case(c, must_fail ? "was not refused:" : "an operation failed:", pz_value_text(name));
    if (status == PZ_OK) {
        pz__profile *old = *profile;
        *profile = copy;
        copy = old;
    }
    pz__profile_free(copy);
}

static void run_operations(authority_case *c, pz__profile **profile, pz_value operations)
{
    for (uint32_t i = 0; i < operations.len && !c->why_skipped; i++)
        run_operation(c, profile, pz_value_item(operations, i));
}

/* ---- answers ---- */

static bool has_confidence_of(pz_value expected, bool has_it, uint32_t confidence)
{
    if (has(expected, "confidence") != has_it)
        return false;
    if (!has_it)
        return true;
    const pz_value stated = get(expected, "confidence");
    const double wanted = 65536.0 * (stated.kind == PZ_DOUBLE ? stated.as.d : (double)stated.as.i);
    return (double)confidence >= wanted - CONFIDENCE_SLACK &&
           (double)confidence <= wanted + CONFIDENCE_SLACK;
}

static void judge_answer(authority_case *c, const pz__resolution *r, pz_value expected)
{
    if (has(expected, "unresolved")) {
        if (r->tier != PZ__TIER_NONE)
            fail_case(c, "expected unresolved, got tier", pz_str_of(pz__tier_name(r->tier)));
        return;
    }
    if (!is_text(get(expected, "tier"), pz__tier_name(r->tier)))
        fail_case(c, "wrong tier:", pz_str_of(pz__tier_name(r->tier)));
    if (!pz_value_equal(get(expected, "value"), r->value))
        fail_case(c, "wrong value:", pz_value_text(r->value));
    if (!is_text(get(expected, "reason"), pz__reason_name(r->reason)))
        fail_case(c, "wrong reason:", pz_str_of(pz__reason_name(r->reason)));
    if (!has_confidence_of(expected, r->has_confidence, r->confidence))
        fail_case(c, "wrong confidence for", pz_value_text(r->value));
    const pz_str channel = pz_value_text(get(expected, "channel"));
    if (!pz__str_equal(channel, r->channel))
        fail_case(c, "wrong channel:", r->channel);
}

static void judge_layers(authority_case *c, const pz__layer *layers, uint32_t count,
                         pz_value expected)
{
    const pz_value list = get(expected, "layers");
    if (list.len != count)
        fail_case(c, "another number of layers", PZ__STR(""));
    for (uint32_t i = 0; i < count && i < list.len; i++) {
        const pz_value layer = pz_value_item(list, i);
        const pz__resolution *r = &layers[i].answer;
        if (!is_text(get(layer, "tier"), pz__tier_name(r->tier)))
            fail_case(c, "a layer of another tier:", pz_str_of(pz__tier_name(r->tier)));
        if (!pz_value_equal(get(layer, "value"), r->value))
            fail_case(c, "a layer of another value:", pz_value_text(r->value));
        if (!is_text(get(layer, "why"), pz__fate_name(layers[i].fate)))
            fail_case(c, "a layer of another fate:", pz_str_of(pz__fate_name(layers[i].fate)));
        if (!has_confidence_of(layer, r->has_confidence, r->confidence))
            fail_case(c, "a layer of another confidence:", pz_value_text(r->value));
    }
}

static void ask(authority_case *c, const pz__view *view, pz_value question, pz_value expected)
{
    const bool is_inspection = has(question, "inspect");
    const pz_str name = pz_value_text(get(question, is_inspection ? "inspect" : "resolve"));
    const pz__attribute *attribute = pz__catalog_attribute(c->catalog, name);
    if (!attribute)
        return fail_case(c, "no attribute", name);
    if (is_inspection) {
        const pz__layer *layers;
        uint32_t count;
        if (pz__inspect(view, attribute, NULL, &layers, &count) != PZ_OK)
            return fail_case(c, "inspect failed for", name);
        return judge_layers(c, layers, count, expected);
    }
    pz__resolution answer;
    if (pz__resolve(view, attribute, NULL, &answer) != PZ_OK)
        return fail_case(c, "resolve failed for", name);
    judge_answer(c, &answer, expected);
}

static void ask_all(authority_case *c)
{
    const pz_value context = get(c->root, "context");
    const pz_str now = pz_value_text(get(context, "now"));
    const pz__profile *const seen[2] = {c->person, c->account};
    pz__view view = {.catalog = c->catalog,
                     .person = {&seen[0], 1},
                     .accounts = {&seen[1], has(c->root, "account") ? 1u : 0u},
                     .channel = pz_value_text(get(context, "channel")),
                     .arena = &c->arena};
    if (!pz__rfc3339_parse_ms(now.data, now.len, &view.now_ms))
        return fail_case(c, "no time to ask at", now);
    if (pz__profile_seal(c->person) != PZ_OK || pz__profile_seal(c->account) != PZ_OK)
        return fail_case(c, "out of memory", PZ__STR(""));
    const pz_value questions = get(c->root, "ask"), answers = get(c->root, "expect");
    for (uint32_t i = 0; i < questions.len; i++)
        ask(c, &view, pz_value_item(questions, i), pz_value_item(answers, i));
}

/* ---- cases ---- */

static void compile(authority_case *c)
{
    pz__buf text;
    pz__buf_init(&text, NULL, PZ__CATALOG_BYTES_MAX);
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz__json_write(&text, get(c->root, "catalog"), 0);
    if (status == PZ_OK)
        status = pz__catalog_compile(&c->catalog, NULL, PZ__STR("case"),
                                     (pz_str){text.data, text.len}, NULL, &err);
    if (status != PZ_OK)
        fail_case(c, "the catalog was refused:", pz_str_of(err.message));
    pz__buf_clear(&text);
}

static void run_case(authority_case *c)
{
    look_for_what_is_missing(c);
    if (c->why_skipped)
        return;
    compile(c);
    if (!c->catalog)
        return;
    if (pz__profile_new(&c->person, NULL, PZ__PERSON, PZ__STR("me"), NULL) != PZ_OK ||
        pz__profile_new(&c->account, NULL, PZ__ACCOUNT, PZ__STR("firm"), NULL) != PZ_OK)
        return fail_case(c, "out of memory", PZ__STR(""));
    run_operations(c, &c->person, get(c->root, "profile"));
    c->is_off = c->has_gathered = false;
    run_operations(c, &c->account, get(c->root, "account"));
    if (!c->why_skipped)
        ask_all(c);
}

static void clear_case(authority_case *c)
{
    pz__profile_free(c->person);
    pz__profile_free(c->account);
    if (c->catalog)
        pz__catalog_unref(c->catalog);
    pz__arena_clear(&c->scratch);
    pz__arena_clear(&c->arena);
}

/* How often each reason to skip was met, in the order of meeting. */
#define REASONS_MAX 16
typedef struct reasons {
    const char *text[REASONS_MAX];
    size_t count[REASONS_MAX];
} reasons;

static void count_reason(reasons *r, const char *text)
{
    size_t i = 0;
    while (i < REASONS_MAX - 1 && r->text[i] && strcmp(r->text[i], text) != 0)
        i++;
    r->text[i] = text;
    r->count[i]++;
}

static void run_line(const char *line, size_t len, counts *result, reasons *skipped)
{
    authority_case c = {0};
    pz__arena_init(&c.arena, NULL, 0);
    pz__arena_init(&c.scratch, NULL, 0);
    if (pz__json_read(&c.arena, &c.root, line, len, 0, NULL) != PZ_OK)
        fail_case(&c, "not JSON", PZ__STR(""));
    else
        run_case(&c);
    const pz_str id = pz_value_text(get(c.root, "id"));
    if (c.why_skipped) {
        result->skipped++;
        count_reason(skipped, c.why_skipped);
    } else if (c.why_failed[0]) {
        result->failed++;
        printf("%.*s: %s\n", PZ__STR_ARG(id), c.why_failed);
    } else {
        result->passed++;
    }
    clear_case(&c);
}

void suite_authority(const char *path, counts *result)
{
    size_t len;
    char *text = suite_read_file(path, &len);
    if (!text) {
        result->failed++;
        return;
    }
    reasons skipped = {{NULL}, {0}};
    const char *next = text, *end = text + len;
    while (next < end) {
        const char *newline = memchr(next, '\n', (size_t)(end - next));
        const char *stop = newline ? newline : end;
        if (stop > next)
            run_line(next, (size_t)(stop - next), result, &skipped);
        next = stop + 1;
    }
    for (size_t i = 0; i < REASONS_MAX && skipped.text[i]; i++)
        printf("  skipped %zu for %s\n", skipped.count[i], skipped.text[i]);
    free(text);
}
