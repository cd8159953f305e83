/*
 * test_robust.c: hostile documents, limits and exhausted memory.
 *
 * Any mutation of a sound document either compiles or gives a report with an error in it; nothing
 * in between, and never a crash. Running out of memory at any request leaves nothing behind.
 */
#include "catalog/build.h"
#include "catalog/documents.h"

#include "support/gen.h"
#include "support/oom.h"

#include <stdio.h>
#include <stdlib.h>

#define SEEDS_MAX 32

typedef struct seed {
    char *text;
    size_t len;
} seed;

static seed seeds[SEEDS_MAX];
static size_t seed_count;

static void keep_seed(const char *path, const char *name, void *payload)
{
    (void)payload;
    if (seed_count == SEEDS_MAX || strcmp(name, "chain_64.json") == 0)
        return;
    seeds[seed_count].text = document_read(path, &seeds[seed_count].len);
    seed_count++;
}

static int read_seeds(void **state)
{
    (void)state;
    documents_visit("good", keep_seed, NULL);
    return seed_count == 0;
}

static int free_seeds(void **state)
{
    (void)state;
    for (size_t i = 0; i < seed_count; i++)
        free(seeds[i].text);
    return 0;
}

/* Bytes [*from, *to) of a token: a quoted string, or a run of other bytes. */
static void pick_token(gen *g, const char *text, size_t len, size_t *from, size_t *to)
{
    *from = gen_below(g, len);
    *to = *from + 1;
    if (text[*from] != '"')
        return;
    while (*to < len && text[*to] != '"' && text[*to] != '\n')
        ++*to;
    if (*to < len)
        ++*to;
}

/* Replace [from, to) by a piece; the text holds `cap` bytes. */
static size_t splice(char *text, size_t len, size_t cap, size_t from, size_t to, const char *piece,
                     size_t piece_len)
{
    if (len - (to - from) + piece_len >= cap)
        return len;
    memmove(text + from + piece_len, text + to, len - to);
    memcpy(text + from, piece, piece_len);
    return len - (to - from) + piece_len;
}

static size_t mutate(gen *g, char *text, size_t len, size_t cap)
{
    static const char *const pieces[] = {
        "\"type\"",
        "\"string\"",
        "null",
        "-1",
        "{}",
        "[]",
        "\"x\"",
        "true",
        "1e308",
        "\"list<\"",
        "\"\"",
        "0.5",
        "\"30d\"",
        "\"set\"",
        "\"\\u0022\"",
        "\"event.a.b\"",
        ",",
        ":",
        "}",
        "]",
        "\"",
        "\\",
        "\xff",
        "\"segment.sure\"",
        "\"profile.x\"",
        "\"count('a', duration('1s'))\"",
    };
    char copy[64];
    size_t from, to, other_from, other_to;
    pick_token(g, text, len, &from, &to);
    if (gen_chance(g, 1, 3)) {
        pick_token(g, text, len, &other_from, &other_to);
        size_t copy_len = other_to - other_from < sizeof copy ? other_to - other_from : sizeof copy;
        memcpy(copy, text + other_from, copy_len);
        return splice(text, len, cap, from, gen_bool(g) ? to : from, copy, copy_len);
    }
    const char *piece = gen_chance(g, 1, 6) ? "" : GEN_CHOICE(g, pieces);
    return splice(text, len, cap, from, to, piece, strlen(piece));
}

static bool holds_error(const pz_report *report)
{
    for (uint32_t i = 0; i < pz_report_count(report); i++) {
        pz_diagnostic one = {.size = sizeof one};
        assert_int_equal(pz_report_get(report, i, &one), PZ_OK);
        assert_true(one.line >= 1 && one.column >= 1 && one.length >= 1);
        assert_true(one.message[0] != '\0');
        if (one.severity == PZ_ERROR)
            return true;
    }
    return false;
}

static void a_mutated_document_compiles_or_reports(void **state)
{
    (void)state;
    size_t sound = 0, refused = 0;
    GEN_CASES(g, gen_cases_full(1500, 200000))
    {
        char text[16384];
        const seed *from = &seeds[gen_below(&g, seed_count)];
        size_t len = from->len;
        assert_true(len < sizeof text / 2);
        memcpy(text, from->text, len);
        for (uint64_t n = 1 + gen_below(&g, 3); n > 0 && len > 0; n--)
            len = mutate(&g, text, len, sizeof text);
        pz_report *report;
        const pz__catalog *catalog;
        assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
        pz_status status = pz__catalog_compile(&catalog, NULL, PZ__STR("m.json"),
                                               (pz_str){text, len}, report, NULL);
        assert_true(status == PZ_OK || status == PZ_ERR_CATALOG);
        assert_int_equal(holds_error(report), status == PZ_ERR_CATALOG);
        assert_non_null(pz_report_text(report, true));
        sound += status == PZ_OK;
        refused += status != PZ_OK;
        pz__catalog_unref(catalog);
        pz_report_free(report);
    }
    if (!getenv("PZ_CASE"))
        assert_true(sound > 0 && refused > 0);
}

static pz_status compile_seed(const pz_alloc *alloc, void *payload)
{
    const seed *s = payload;
    pz_report *report;
    const pz__catalog *catalog = NULL;
    pz_status status = pz__report_new(&report, alloc);
    if (status)
        return status;
    status = pz__catalog_compile(&catalog, alloc, PZ__STR("o.json"), (pz_str){s->text, s->len},
                                 report, NULL);
    assert_true((catalog != NULL) == (status == PZ_OK));
    pz__catalog_unref(catalog);
    pz_report_free(report);
    return status;
}

static void compiling_survives_exhaustion(void **state)
{
    (void)state;
    for (size_t i = 0; i < seed_count; i++)
        oom_run(compile_seed, &seeds[i]);
}

static void reporting_survives_exhaustion(void **state)
{
    (void)state;
    seed bad;
    bad.text =
        document_read(PZ_SOURCE_DIR "/tests/data/catalog/bad/everything_at_once.json", &bad.len);
    oom_run_expecting(PZ_ERR_CATALOG, compile_seed, &bad);
    free(bad.text);
}

/* ---- limits ---- */

/* BEFORE, then `count` items made by the format (with its number), then AFTER. */
static char *repeat(const char *before, const char *item, uint32_t count, const char *after)
{
    pz__buf buf;
    pz__buf_init(&buf, NULL, 64u << 20);
    pz__buf_text(&buf, before);
    for (uint32_t i = 0; i < count; i++) {
        char one[256];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
        snprintf(one, sizeof one, item, i);
#pragma GCC diagnostic pop
        if (i)
            pz__buf_byte(&buf, ',');
        pz__buf_text(&buf, one);
    }
    pz__buf_text(&buf, after);
    pz__buf_byte(&buf, '\0');
    assert_int_equal(buf.status, PZ_OK);
    return buf.data;
}

typedef struct limit {
    const char *before, *item, *after;
    uint32_t most;
    const char *message;
} limit;

static void each_limit_holds_and_one_more_is_refused(void **state)
{
    (void)state;
    static const limit limits[] = {
        {"{\"attributes\": {", "\"a%u\": {\"type\": \"int\"}", "}}", PZ__ATTRIBUTES_MAX,
         "there are 4097 attributes; at most 4096 are allowed"},
        {"{\"context\": {", "\"a%u\": \"int\"", "}}", PZ__CONTEXT_MAX,
         "there are 1025 context keys; at most 1024 are allowed"},
        {"{\"segments\": {", "\"a%u\": \"true\"", "}}", PZ__SEGMENTS_MAX,
         "there are 16385 segments; at most 16384 are allowed"},
        {"{\"events\": {", "\"a%u\": {}", "}}", PZ__EVENTS_MAX,
         "there are 4097 events; at most 4096 are allowed"},
        {"{\"decisions\": {", "\"a%u\": {\"default\": 1}", "}}", PZ__DECISIONS_MAX,
         "there are 16385 decisions; at most 16384 are allowed"},
        {"{\"decisions\": {\"d\": {\"rules\": [",
         "{\"when\": \"context.channel == 'c%u'\", \"value\": 1}", "]}}}", PZ__RULES_MAX,
         "there are 16385 rules; at most 16384 are allowed"},
        {"{\"attributes\": {\"x\": {\"type\": \"bool\", \"threshold\": 0.75}}, \"signals\": [",
         "{\"on\": \"e%u\", \"about\": \"x\", \"value\": \"true\", \"weight\": 1}", "]}",
         PZ__SIGNALS_MAX, "there are 16385 signals; at most 16384 are allowed"},
        {"{\"tests\": [", "{\"name\": \"t%u\"}", "]}", PZ__TESTS_MAX,
         "there are 16385 tests; at most 16384 are allowed"},
        {"{\"attributes\": {\"x\": {\"type\": \"int\", \"one_of\": [", "%u", "]}}}",
         PZ__DOMAIN_MAX - 1, "there are 65536 values; at most 65535 are allowed"},
        {"{\"taxonomies\": {\"t\": {", "\"n%u\": {}", "}}}", PZ__DOMAIN_MAX - 1,
         "a taxonomy of 65536 nodes; at most 65535 are allowed"},
        {"{\"segments\": {", "\"a%u\": \"count('e%1$u') > 1\"", "}}", PZ__COUNTERS_MAX,
         "the rules need more than 1024 counters"},
    };
    for (size_t i = 0; i < sizeof limits / sizeof *limits; i++) {
        const limit *l = &limits[i];
        bool is_positional = strstr(l->item, "%1$u") != NULL;
        const char *item = is_positional ? "\"a%1$u\": \"count('e%1$u') > 1\"" : l->item;
        char *at = repeat(l->before, item, l->most, l->after);
        char *beyond = repeat(l->before, item, l->most + 1, l->after);
        pz__catalog_unref(document_sound(at));
        assert_true(document_refuses(beyond, l->message));
        free(at);
        free(beyond);
    }
}

/* As many values as a domain may have, and rules that compare with what is none of them: without an
 * end to the search for the values that were meant this took minutes. */
static void many_slips_over_many_values_are_told_soon(void **state)
{
    (void)state;
    pz__buf text;
    pz__buf_init(&text, NULL, 4u << 20);
    pz__buf_text(&text, "{\"attributes\": {\"a\": {\"type\": \"string\", \"one_of\": [");
    for (int i = 0; i < 65000; i++)
        pz__buf_format(&text, "%s\"value%d\"", i ? ", " : "", i);
    pz__buf_text(&text, "]}}, \"segments\": {");
    for (int i = 0; i < 8000; i++)
        pz__buf_format(&text, "%s\"s%d\": \"profile.a > 'value5' && profile.a == 'valve%d'\"",
                       i ? ", " : "", i, i);
    pz__buf_put(&text, "}}", 3);
    assert_int_equal(text.status, PZ_OK);
    pz_report *report;
    const pz__catalog *catalog;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    assert_int_equal(document_compile(&catalog, "many", text.data, report), PZ_OK);
    assert_int_equal(pz_report_count(report), 100);
    pz_diagnostic one = {.size = sizeof one};
    assert_int_equal(pz_report_get(report, 99, &one), PZ_OK);
    assert_string_equal(one.suggestion, "value99");
    assert_non_null(strstr(pz_report_text(report, false), "more than 100 warnings"));
    pz__catalog_unref(catalog);
    pz_report_free(report);
    pz__buf_clear(&text);
}

static void a_document_beyond_its_size_is_refused(void **state)
{
    (void)state;
    const pz__catalog *catalog;
    size_t len = (size_t)PZ__CATALOG_BYTES_MAX + 1;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, ' ', len);
    memcpy(text, "{}", 2);
    assert_int_equal(
        pz__catalog_compile(&catalog, NULL, PZ__STR("f"), (pz_str){text, len}, NULL, NULL),
        PZ_ERR_LIMIT);
    assert_null(catalog);
    assert_int_equal(
        pz__catalog_compile(&catalog, NULL, PZ__STR("f"), (pz_str){text, len - 1}, NULL, NULL),
        PZ_OK);
    pz__catalog_unref(catalog);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_mutated_document_compiles_or_reports),
        cmocka_unit_test(compiling_survives_exhaustion),
        cmocka_unit_test(reporting_survives_exhaustion),
        cmocka_unit_test(each_limit_holds_and_one_more_is_refused),
        cmocka_unit_test(many_slips_over_many_values_are_told_soon),
        cmocka_unit_test(a_document_beyond_its_size_is_refused),
    };
    return cmocka_run_group_tests(tests, read_seeds, free_seeds);
}
