/*
 * trial.c: the tests that a catalog carries: a made-up customer and a context, and what is
 * expected.
 *
 *     {"name": "a choice wins",
 *      "customer": [["observe", {...}], ["choose", "language", "de"]],
 *      "context": {"now": "2026-03-20T12:00:00Z", "channel": "web"},
 *      "resolve": {"language": "de"}, "tiers": {"language": "CHOICE"},
 *      "decide": {"home.hero": "generic"}, "rules": {"home.hero": "roses"},
 *      "segments": ["regular"]}
 *
 * The customer is made from nothing by the operations, and the questions are asked at `context.now`
 * (2000-01-01T00:00:00Z unless given: there is no hidden clock). null expects no answer. Each test
 * stands alone; one that fails is reported at the very value that differs.
 */
#include "decide/decide.h"

#include "base/error.h"
#include "base/time.h"

#define DEFAULT_NOW_MS INT64_C(946684800000)

/* One test while it runs. */
typedef struct trial {
    const pz__catalog *catalog;
    pz_report *report;
    pz__request *request;
    pz__profile *profile;
    pz__arena *scratch;
    const pz__node *test;
    bool has_failed;
    pz_status status; /* PZ_ERR_NOMEM: the test came to nothing */
} trial;

static void complain(trial *t, const pz__node *at, const char *what, pz_str name, pz_value expected,
                     pz_value got)
{
    pz__buf want, have;
    pz__buf_init(&want, &t->scratch->alloc, 400);
    pz__buf_init(&have, &t->scratch->alloc, 400);
    pz__json_write(&want, expected, 0);
    pz__json_write(&have, got, 0);
    const pz__node *title = pz__node_get(t->test, "name");
    const pz_str label = title ? pz_value_text(title->value) : PZ__STR("");
    pz__report_add(t->report, PZ_ERROR, t->catalog->file, t->catalog->source, at->start, at->end,
                   label, "", "%s '%.*s': expected %.*s, got %.*s", what, PZ__STR_ARG(name),
                   (int)want.len, want.data ? want.data : "", (int)have.len,
                   have.data ? have.data : "");
    pz__buf_clear(&want);
    pz__buf_clear(&have);
    t->has_failed = true;
}

static void complain_plainly(trial *t, const pz__node *at, const char *message)
{
    const pz__node *title = pz__node_get(t->test, "name");
    const pz_str label = title ? pz_value_text(title->value) : PZ__STR("");
    pz__report_add(t->report, PZ_ERROR, t->catalog->file, t->catalog->source, at->start, at->end,
                   label, "", "%s", message);
    t->has_failed = true;
}

/* Out of memory is no fault of the catalog's; anything else that fails is. */
static void judge(trial *t, pz_status status, const pz__node *at, const char *message)
{
    if (status == PZ_ERR_NOMEM)
        t->status = status;
    else if (status != PZ_OK)
        complain_plainly(t, at, message);
}

static pz_status set_now(const pz__node *test, int64_t *now_ms)
{
    const pz__node *context = pz__node_get(test, "context");
    const pz__node *now = context ? pz__node_get(context, "now") : NULL;
    *now_ms = DEFAULT_NOW_MS;
    if (!now)
        return PZ_OK;
    const pz_str text = pz_value_text(now->value);
    return pz__rfc3339_parse_ms(text.data, text.len, now_ms) ? PZ_OK : PZ_ERR_TYPE;
}

static void set_context(trial *t)
{
    const pz__node *context = pz__node_get(t->test, "context");
    for (uint32_t i = 0; context && i < context->child_count; i++) {
        const pz__node *member = &context->children[i];
        pz_error err = PZ_ERROR_INIT;
        if (pz__str_equal(member->key, PZ__STR("now")))
            continue;
        judge(t, pz__request_set(t->request, member->key, member->value, &err), member,
              err.message);
    }
}

static void make_customer(trial *t)
{
    const pz__node *operations = pz__node_get(t->test, "customer");
    const pz__write defaults = {
        .writer = PZ__STR("test"),
        .at_ms = t->request->now_ms,
        .now_ms = t->request->now_ms,
        .skew_ms = PZ__SKEW_DEFAULT_MS,
    };
    for (uint32_t i = 0; operations && i < operations->child_count; i++) {
        pz_error err = PZ_ERROR_INIT;
        pz__verb verb;
        pz_status status = pz__verb_read(&verb, operations->children[i].value, &defaults, &err);
        if (status == PZ_OK)
            status = pz__verb_apply(&verb, t->catalog, t->profile, t->scratch, &err);
        judge(t, status, &operations->children[i], err.message);
    }
}

/* Whether an answer is the one expected, which JSON may spell in another type. */
static bool is_expected(trial *t, const pz__type *type, pz_value got, pz_value expected)
{
    pz_value fitted;
    const pz_status status = pz__value_fit(t->scratch, type, expected, &fitted);
    if (status == PZ_ERR_NOMEM)
        t->status = status;
    return pz_value_equal(got, status == PZ_OK ? fitted : expected);
}

static void expect_resolved(trial *t, const char *section)
{
    const pz__node *members = pz__node_get(t->test, section);
    const bool is_tier = section[0] == 't';
    for (uint32_t i = 0; members && i < members->child_count; i++) {
        const pz__node *member = &members->children[i];
        const pz__attribute *attribute = pz__catalog_attribute(t->catalog, member->key);
        if (!attribute) {
            complain_plainly(t, member, "the catalog declares no such attribute");
            continue;
        }
        const pz__resolution *answer = pz__request_answer(t->request, attribute->index);
        if (!answer) {
            t->status = PZ_ERR_NOMEM;
            return;
        }
        const pz_value got = is_tier ? pz_value_str(pz__tier_name(answer->tier)) : answer->value;
        if (is_tier ? !pz_value_equal(got, member->value)
                    : !is_expected(t, attribute->type, got, member->value))
            complain(t, member, is_tier ? "tier of" : "resolve", member->key, member->value, got);
    }
}

static void expect_decided(trial *t, const char *section)
{
    const pz__node *members = pz__node_get(t->test, section);
    const bool is_rule = section[0] == 'r';
    for (uint32_t i = 0; members && i < members->child_count; i++) {
        const pz__node *member = &members->children[i];
        const pz__decision_def *def = pz__catalog_decision(t->catalog, member->key);
        if (!def) {
            complain_plainly(t, member, "the catalog declares no such decision");
            continue;
        }
        const pz_decision *decision;
        t->status = pz__decide(t->request, def, &decision);
        if (t->status != PZ_OK)
            return;
        pz_value got = decision->value;
        if (is_rule)
            got = decision->rule ? pz__value_of_str(decision->rule->id) : pz_value_null();
        if (is_rule ? !pz_value_equal(got, member->value)
                    : !is_expected(t, def->type, got, member->value))
            complain(t, member, is_rule ? "rule of" : "decide", member->key, member->value, got);
    }
}

static bool lists(pz_value names, pz_str name)
{
    for (uint32_t i = 0; i < names.len; i++)
        if (pz__str_equal(pz_value_text(pz_value_item(names, i)), name))
            return true;
    return false;
}

static void expect_segments(trial *t)
{
    const pz__node *expected = pz__node_get(t->test, "segments");
    if (!expected || expected->value.kind != PZ_LIST)
        return;
    pz_value names;
    t->status = pz__segments_list(t->request, &names);
    if (t->status != PZ_OK)
        return;
    bool same = names.len == expected->value.len;
    for (uint32_t i = 0; i < names.len; i++)
        same = same && lists(expected->value, pz_value_text(pz_value_item(names, i)));
    if (!same)
        complain(t, expected, "segments of", PZ__STR("the customer"), expected->value, names);
}

static void ask(trial *t)
{
    expect_resolved(t, "resolve");
    if (t->status == PZ_OK)
        expect_resolved(t, "tiers");
    if (t->status == PZ_OK)
        expect_decided(t, "decide");
    if (t->status == PZ_OK)
        expect_decided(t, "rules");
    if (t->status == PZ_OK)
        expect_segments(t);
}

static pz_status run_one(trial *t, const pz_alloc *alloc)
{
    int64_t now_ms;
    if (set_now(t->test, &now_ms) != PZ_OK) {
        complain_plainly(t, t->test, "context.now is a time such as \"2026-03-20T12:00:00Z\"");
        return PZ_OK;
    }
    pz_status status = pz__request_begin(t->request, t->catalog, now_ms);
    if (status == PZ_OK)
        status = pz__profile_new(&t->profile, alloc, PZ__PERSON, PZ__STR("test"), NULL);
    if (status != PZ_OK)
        return status;
    t->status = PZ_OK;
    set_context(t);
    if (t->status == PZ_OK)
        make_customer(t);
    if (t->status == PZ_OK)
        t->status = pz__profile_seal(t->profile);
    /* Of a customer who is not as the test has her, answers say nothing. */
    if (t->status == PZ_OK && !t->has_failed) {
        const pz__profile *const members[1] = {t->profile};
        pz__request_bind(t->request, (pz__person){members, 1}, (pz__person){NULL, 0},
                         (pz__binding){1, 0});
        ask(t);
    }
    status = t->status;
    pz__profile_free(t->profile);
    t->profile = NULL;
    return status;
}

pz_status pz__trials_run(const pz__catalog *catalog, const pz_alloc *alloc, pz_report *report,
                         uint32_t *passed, uint32_t *failed)
{
    pz__request request;
    pz__arena scratch;
    pz_status status = PZ_OK;
    *passed = *failed = 0;
    pz__request_init(&request, alloc);
    pz__arena_init(&scratch, alloc, 0);
    const uint32_t count = catalog->tests ? catalog->tests->child_count : 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        trial t = {
            .catalog = catalog,
            .report = report,
            .request = &request,
            .scratch = &scratch,
            .test = &catalog->tests->children[i],
        };
        status = run_one(&t, alloc);
        if (status == PZ_OK)
            ++*(t.has_failed ? failed : passed);
        pz__arena_reset(&scratch);
    }
    pz__request_clear(&request);
    pz__arena_clear(&scratch);
    return status;
}
