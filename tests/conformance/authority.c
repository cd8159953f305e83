/*
 * authority.c: who wins when a choice, a fact, a guess and a default disagree.
 *
 * A case is a catalog, operations that make a person's profile (the account's, and those of others
 * that are linked), a moment, and questions with their answers. Everything goes through the public
 * face, so a binding can run the same cases: pz_profile_apply() takes the operations as they stand,
 * but for "merge", whose operations make another replica here, since some of them must be refused.
 *
 * An operation marked "refused" has to fail and all others to succeed; a failing one has to leave
 * the profile as it was, byte for byte. Nothing is skipped.
 */
#include <personalize.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

/* A confidence may differ by this much. */
#define CONFIDENCE_SLACK (2.0 / 65536.0)
#define OTHERS_MAX 31u

typedef struct authority_case {
    pz_pool *pool;
    pz_engine *engine;
    pz_context *context;
    pz_profile *me, *firm;
    pz_profile *others[OTHERS_MAX];
    uint32_t other_count;
    pz_value root;
    char why_failed[1024]; /* "" while it passes */
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
    return value.kind == PZ_STRING && value.len == strlen(text) &&
           memcmp(value.as.text, text, value.len) == 0;
}

static void fail_case(authority_case *c, const char *what, const char *detail)
{
    if (!c->why_failed[0])
        snprintf(c->why_failed, sizeof c->why_failed, "%s %s", what, detail);
}

static void fail_value(authority_case *c, const char *what, pz_value got)
{
    pz_str text = {"?", 1};
    if (pz_value_print(c->pool, &text, got, 0) != PZ_OK)
        text = (pz_str){"?", 1};
    if (!c->why_failed[0])
        snprintf(c->why_failed, sizeof c->why_failed, "%s %.*s", what, (int)text.len, text.data);
}

/* Whether a call went well; the case fails with its message otherwise. */
static bool went_well(authority_case *c, pz_status status, const pz_error *err)
{
    if (status != PZ_OK)
        fail_case(c, pz_status_name(status), err->message);
    return status == PZ_OK;
}

/* ---- operations ---- */

static pz_value bytes_of(authority_case *c, const pz_profile *profile)
{
    pz_value bytes = pz_value_null();
    pz_error err = PZ_ERROR_INIT;
    went_well(c, pz_profile_encode(profile, c->pool, &bytes, &err), &err);
    return bytes;
}

static void run_operations(authority_case *c, pz_profile *profile, pz_value operations);

/* The other replica starts empty, or as a copy of this one as it stands. */
static pz_profile *make_replica(authority_case *c, const pz_profile *profile, bool is_from_here)
{
    pz_profile *other = NULL;
    pz_error err = PZ_ERROR_INIT;
    pz_status status;
    if (is_from_here) {
        const pz_value bytes = bytes_of(c, profile);
        status = pz_profile_decode(&other, c->engine, bytes.as.text, bytes.len, &err);
    } else {
        const pz_str id = pz_profile_id(profile);
        char text[65];
        snprintf(text, sizeof text, "%.*s", (int)id.len, id.data);
        status = pz_profile_new(&other, c->engine, PZ_PERSON, text, &err);
    }
    return went_well(c, status, &err) ? other : NULL;
}

static void merge(authority_case *c, pz_profile *profile, pz_value operation)
{
    pz_error err = PZ_ERROR_INIT;
    const bool is_from_here = is_text(get(pz_value_item(operation, 2), "from"), "here");
    pz_profile *other = make_replica(c, profile, is_from_here);
    if (!other)
        return;
    run_operations(c, other, pz_value_item(operation, 1));
    went_well(c, pz_merge(profile, other, &err), &err);
    pz_profile_free(other);
}

/* The operation without its mark, which is the case's own and no circumstance. */
static pz_value unmarked(authority_case *c, pz_value operation)
{
    pz_value items[8], map;
    pz_entry entries[16];
    const pz_value meta = pz_value_item(operation, operation.len - 1);
    size_t count = 0;
    for (uint32_t i = 0; i < operation.len && i < 8; i++)
        items[i] = pz_value_item(operation, i);
    for (uint32_t i = 0; i < meta.len && count < 16; i++)
        if (!is_text(pz_value_entry(meta, i).key, "refused"))
            entries[count++] = pz_value_entry(meta, i);
    if (pz_pool_map(c->pool, &map, entries, count) != PZ_OK)
        return operation;
    items[operation.len - 1] = map;
    return pz_pool_list(c->pool, &map, items, operation.len) == PZ_OK ? map : operation;
}

static void run_operation(authority_case *c, pz_profile *profile, pz_value operation)
{
    const pz_value verb = pz_value_item(operation, 0);
    if (is_text(verb, "merge"))
        return merge(c, profile, operation);
    const pz_value refused = get(pz_value_item(operation, operation.len - 1), "refused");
    const bool must_fail = refused.kind == PZ_BOOL && refused.as.b;
    const pz_value before = must_fail ? bytes_of(c, profile) : pz_value_null();
    const pz_write defaults = {PZ_WRITE, .writer = "w1"};
    pz_error err = PZ_ERROR_INIT;
    const pz_status status =
        pz_profile_apply(profile, must_fail ? unmarked(c, operation) : operation, &defaults, &err);
    if (must_fail && status == PZ_OK)
        fail_value(c, "was not refused:", operation);
    if (!must_fail && status != PZ_OK) {
        fail_value(c, "failed:", operation);
        fail_case(c, pz_status_name(status), err.message);
    }
    if (must_fail && !pz_value_equal(before, bytes_of(c, profile)))
        fail_value(c, "was refused and changed the profile:", operation);
}

static void run_operations(authority_case *c, pz_profile *profile, pz_value operations)
{
    for (uint32_t i = 0; i < operations.len && !c->why_failed[0]; i++)
        run_operation(c, profile, pz_value_item(operations, i));
}

/* ---- answers ---- */

static bool is_confidence(pz_value expected, bool has_it, double confidence)
{
    if (has(expected, "confidence") != has_it)
        return false;
    const pz_value stated = get(expected, "confidence");
    const double wanted = stated.kind == PZ_INT ? (double)stated.as.i : stated.as.d;
    return !has_it ||
           (confidence >= wanted - CONFIDENCE_SLACK && confidence <= wanted + CONFIDENCE_SLACK);
}

static bool holds(pz_value list, pz_value item)
{
    for (uint32_t i = 0; i < list.len; i++)
        if (pz_value_equal(pz_value_item(list, i), item))
            return true;
    return false;
}

/* Whether two lists hold the same items, whatever their order. Neither holds an item twice. */
static bool is_same_set(pz_value a, pz_value b)
{
    bool is_same = a.kind == PZ_LIST && b.kind == PZ_LIST && a.len == b.len;
    for (uint32_t i = 0; is_same && i < a.len; i++)
        is_same = holds(b, pz_value_item(a, i)) && holds(a, pz_value_item(b, i));
    return is_same;
}

/* Sets are compared without regard to order. */
static bool is_set(const authority_case *c, pz_value attribute)
{
    const pz_value attributes = get(get(c->root, "catalog"), "attributes");
    const pz_value declared = pz_value_get(attributes, attribute.as.text, attribute.len, NULL);
    return is_text(get(declared, "merge"), "set");
}

static bool is_value(const authority_case *c, pz_value attribute, pz_value expected, pz_value got)
{
    return is_set(c, attribute) ? is_same_set(expected, got) : pz_value_equal(expected, got);
}

static void judge_answer(authority_case *c, pz_value attribute, const pz_resolution *r,
                         pz_value expected)
{
    if (has(expected, "unresolved")) {
        if (r->is_resolved)
            fail_value(c, "expected unresolved, got", r->value);
        return;
    }
    if (!is_value(c, attribute, get(expected, "value"), r->value))
        fail_value(c, "wrong value:", r->value);
    if (!is_text(get(expected, "tier"), r->tier))
        fail_case(c, "wrong tier:", r->tier);
    if (!is_text(get(expected, "reason"), r->reason))
        fail_case(c, "wrong reason:", r->reason);
    if (!is_confidence(expected, r->has_confidence, r->confidence))
        fail_value(c, "wrong confidence:", pz_value_double(r->confidence));
    const pz_value channel = get(expected, "channel");
    if (!pz_value_equal(channel.kind == PZ_STRING ? channel : pz_value_str(""),
                        pz_value_strn(r->channel.data, r->channel.len)))
        fail_value(c, "wrong channel:", pz_value_strn(r->channel.data, r->channel.len));
    if (!pz_value_equal(get(expected, "members"), r->members))
        fail_value(c, "wrong members:", r->members);
}

static void judge_layers(authority_case *c, pz_value attribute, pz_value layers, pz_value expected)
{
    const pz_value list = get(expected, "layers");
    if (list.len != layers.len)
        fail_value(c, "another number of layers:", layers);
    for (uint32_t i = 0; i < list.len && !c->why_failed[0]; i++) {
        const pz_value wanted = pz_value_item(list, i), got = pz_value_item(layers, i);
        if (!is_value(c, attribute, get(wanted, "value"), get(got, "value")) ||
            !pz_value_equal(get(wanted, "tier"), get(got, "tier")) ||
            !pz_value_equal(get(wanted, "why"), get(got, "why")) ||
            !is_confidence(wanted, has(got, "confidence"), get(got, "confidence").as.d))
            fail_value(c, "another layer:", layers);
    }
}

static void ask(authority_case *c, pz_value question, pz_value expected)
{
    pz_error err = PZ_ERROR_INIT;
    char name[129];
    const bool is_inspection = has(question, "inspect");
    const pz_value attribute = get(question, is_inspection ? "inspect" : "resolve");
    snprintf(name, sizeof name, "%.*s", (int)attribute.len, attribute.as.text);
    if (is_inspection) {
        pz_value layers = pz_value_null();
        if (went_well(c, pz_inspect(&layers, c->context, c->me, name, &err), &err))
            judge_layers(c, attribute, layers, expected);
        return;
    }
    pz_resolution answer = {PZ_RESOLUTION};
    if (went_well(c, pz_resolve(&answer, c->context, c->me, name, &err), &err))
        judge_answer(c, attribute, &answer, expected);
}

/* ---- cases ---- */

static void set_circumstances(authority_case *c)
{
    const pz_value context = get(c->root, "context"), level = get(c->root, "host_level");
    pz_error err = PZ_ERROR_INIT;
    for (uint32_t i = 0; i < context.len; i++) {
        const pz_entry entry = pz_value_entry(context, i);
        char key[129];
        snprintf(key, sizeof key, "%.*s", (int)entry.key.len, entry.key.as.text);
        if (strcmp(key, "now") != 0)
            went_well(c, pz_context_set(c->context, key, entry.value, &err), &err);
    }
    if (level.kind == PZ_STRING) {
        char name[33];
        snprintf(name, sizeof name, "%.*s", (int)level.len, level.as.text);
        went_well(c, pz_context_level(c->context, name, &err), &err);
    }
    if (has(c->root, "account"))
        went_well(c, pz_context_account(c->context, c->firm, &err), &err);
}

/* The clock reads what the case says, so that no pool of times is needed here. */
static int64_t now_of(void *payload)
{
    return *(int64_t *)payload;
}

static bool read_now(authority_case *c, int64_t *now_ms)
{
    static const char expression[] = "int(timestamp(now)) * 1000";
    const pz_entry entry = {pz_value_str("now"), get(get(c->root, "context"), "now")};
    pz_value variables, ms;
    pz_status status = pz_pool_map(c->pool, &variables, &entry, 1);
    pz_error err = PZ_ERROR_INIT;
    if (status == PZ_OK)
        status = pz_eval(&ms, c->pool, expression, sizeof expression - 1, variables, &err);
    if (!went_well(c, status, &err))
        return false;
    *now_ms = ms.as.i;
    return true;
}

static bool open_case(authority_case *c, int64_t *now_ms)
{
    pz_error err = PZ_ERROR_INIT;
    pz_str catalog;
    const pz_engine_options options = {PZ_ENGINE_OPTIONS, .clock = now_of, .clock_payload = now_ms};
    pz_report *report = NULL;
    pz_status status = pz_value_print(c->pool, &catalog, get(c->root, "catalog"), 0);
    if (status == PZ_OK)
        status = pz_engine_open(&c->engine, &options, &err);
    if (status == PZ_OK)
        status = pz_engine_load_text(c->engine, "case", catalog.data, catalog.len, &report, &err);
    pz_report_free(report);
    if (status == PZ_OK)
        status = pz_profile_new(&c->me, c->engine, PZ_PERSON, "me", &err);
    if (status == PZ_OK)
        status = pz_profile_new(&c->firm, c->engine, PZ_ACCOUNT, "firm", &err);
    if (status == PZ_OK)
        status = pz_context_new(&c->context, c->engine, &err);
    return went_well(c, status, &err);
}

static void make_others(authority_case *c)
{
    const pz_value others = get(c->root, "others");
    pz_error err = PZ_ERROR_INIT;
    for (uint32_t i = 0; i < others.len && i < OTHERS_MAX; i++) {
        const pz_entry entry = pz_value_entry(others, i);
        char id[65];
        snprintf(id, sizeof id, "%.*s", (int)entry.key.len, entry.key.as.text);
        if (!went_well(c, pz_profile_new(&c->others[i], c->engine, PZ_PERSON, id, &err), &err))
            return;
        c->other_count = i + 1;
        run_operations(c, c->others[i], entry.value);
    }
    if (c->other_count > 0)
        went_well(
            c, pz_profile_person(c->me, (const pz_profile *const *)c->others, c->other_count, &err),
            &err);
}

static void run_case(authority_case *c)
{
    int64_t now_ms = 0;
    pz_error err = PZ_ERROR_INIT;
    if (!read_now(c, &now_ms) || !open_case(c, &now_ms))
        return;
    run_operations(c, c->me, get(c->root, "profile"));
    run_operations(c, c->firm, get(c->root, "account"));
    make_others(c);
    if (!went_well(c, pz_context_begin(c->context, now_ms, &err), &err))
        return;
    set_circumstances(c);
    const pz_value questions = get(c->root, "ask"), answers = get(c->root, "expect");
    for (uint32_t i = 0; i < questions.len && !c->why_failed[0]; i++)
        ask(c, pz_value_item(questions, i), pz_value_item(answers, i));
}

static void close_case(authority_case *c)
{
    pz_context_free(c->context);
    pz_profile_free(c->me);
    pz_profile_free(c->firm);
    for (uint32_t i = 0; i < c->other_count; i++)
        pz_profile_free(c->others[i]);
    pz_engine_close(c->engine);
    pz_pool_free(c->pool);
}

static void run_line(const char *line, size_t len, counts *result)
{
    authority_case c = {.root = {.kind = PZ_NULL}};
    pz_error err = PZ_ERROR_INIT;
    pz_status status = pz_pool_new(&c.pool, NULL);
    if (status == PZ_OK)
        status = pz_value_parse(c.pool, &c.root, line, len, 0, &err);
    if (went_well(&c, status, &err))
        run_case(&c);
    const pz_str id = pz_value_text(get(c.root, "id"));
    if (c.why_failed[0]) {
        result->failed++;
        printf("%.*s: %s\n", (int)id.len, id.data ? id.data : "", c.why_failed);
    } else {
        result->passed++;
    }
    close_case(&c);
}

void suite_authority(const char *path, counts *result)
{
    suite_lines(path, run_line, result);
}
