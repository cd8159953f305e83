/*
 * test_regex.c: what patterns mean, what is refused, and that both matchers agree.
 *
 * tests/data/regex/patterns.jsonl holds a pattern and a text with the spans of the leftmost match
 * and its groups as RE2 gives them ([] for no match), or an error.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cel/regex_inner.h"
#include "support/gen.h"
#include "support/oom.h"
#include "value/value.h"

static pz__regex *compile(pz_str pattern)
{
    pz__regex *regex;
    pz__regex_error error;
    if (pz__regex_compile(NULL, &regex, pattern, &error) != PZ_OK)
        fail_msg("/%.*s/: %s", PZ__STR_ARG(pattern), error.message);
    return regex;
}

static bool matches(const char *pattern, pz_str text)
{
    pz__regex *regex = compile(pz_str_of(pattern));
    pz__regex_scratch scratch;
    bool answer;
    pz__regex_scratch_init(&scratch, NULL);
    assert_int_equal(pz__regex_matches(regex, &scratch, text, &answer), PZ_OK);
    pz__regex_scratch_clear(&scratch);
    pz__regex_free(regex);
    return answer;
}

/* ---- the table ---- */

static void check_spans(pz_value want, const pz__regex_span *got, bool found, uint32_t group_count,
                        pz_str pattern, const char *who)
{
    if (found != (want.len > 0))
        fail_msg("/%.*s/ %s: %s", PZ__STR_ARG(pattern), who, found ? "matches" : "does not match");
    if (found && want.len != 2 * (group_count + 1))
        fail_msg("/%.*s/ has %u groups", PZ__STR_ARG(pattern), group_count);
    for (uint32_t i = 0; found && i < want.len && i < 2 * PZ__REGEX_SPANS_MAX; i++) {
        size_t place = i % 2 ? got[i / 2].end : got[i / 2].start;
        int64_t shown = place == PZ__REGEX_NO_SPAN ? -1 : (int64_t)place;
        if (shown != pz_value_item(want, i).as.i)
            fail_msg("/%.*s/ %s: place %u is %d", PZ__STR_ARG(pattern), who, i, (int)shown);
    }
}

static void check_match(const pz__regex *regex, pz_str pattern, pz_str text, pz_value want)
{
    pz__regex_span spans[PZ__REGEX_SPANS_MAX];
    pz__regex_scratch scratch;
    uint64_t budget = PZ__REGEX_BUDGET, steps;
    bool found, answer;
    uint32_t count = pz__regex_group_count(regex) + 1;
    if (count > PZ__REGEX_SPANS_MAX)
        count = PZ__REGEX_SPANS_MAX;
    pz__regex_scratch_init(&scratch, NULL);
    assert_int_equal(pz__regex_find(regex, &scratch, text, 0, spans, count, &budget, &found),
                     PZ_OK);
    check_spans(want, spans, found, pz__regex_group_count(regex), pattern, "find");
    assert_int_equal(
        pz__regex_nfa(regex, &scratch, text, 0, spans, count, UINT64_MAX, &steps, &found), PZ_OK);
    check_spans(want, spans, found, pz__regex_group_count(regex), pattern, "second matcher");
    assert_int_equal(pz__regex_matches(regex, &scratch, text, &answer), PZ_OK);
    assert_true(answer == found);
    assert_int_equal(pz__regex_nfa(regex, &scratch, text, 0, NULL, 0, UINT64_MAX, &steps, &answer),
                     PZ_OK);
    assert_true(answer == found);
    assert_true(steps <= 2 * (uint64_t)regex->ins_count * (text.len + 1));
    pz__regex_scratch_clear(&scratch);
}

static void check_case(pz__arena *arena, pz_value row)
{
    pz_str pattern = pz_value_text(pz_value_get(row, "pattern", 7, NULL));
    pz_str text = pz_value_text(pz_value_get(row, "text", 4, NULL));
    bool is_error;
    pz_value_get(row, "error", 5, &is_error);
    pz__regex *regex;
    const pz__regex *built;
    pz__regex_error error;
    pz_status status = pz__regex_compile(NULL, &regex, pattern, &error);
    if ((status != PZ_OK) != is_error)
        fail_msg("/%.*s/ is %s: %s", PZ__STR_ARG(pattern), status ? "refused" : "taken",
                 error.message);
    assert_int_equal(pz__regex_build(arena, &built, pattern, NULL), status);
    if (is_error) {
        assert_null(regex);
        assert_true(status == PZ_ERR_PARSE && error.message[0] && error.offset <= pattern.len);
        return;
    }
    pz_value want = pz_value_get(row, "spans", 5, NULL);
    check_match(regex, pattern, text, want);
    check_match(built, pattern, text, want);
    pz__regex_free(regex);
}

static void table_of_cases_holds(void **state)
{
    (void)state;
    static char line[1 << 16];
    FILE *file = fopen(PZ_SOURCE_DIR "/tests/data/regex/patterns.jsonl", "rb");
    assert_non_null(file);
    int count = 0;
    for (; fgets(line, sizeof line, file); count++) {
        pz__arena arena;
        pz_value row;
        pz__arena_init(&arena, NULL, 0);
        assert_int_equal(pz__json_read(&arena, &row, line, strlen(line), 0, NULL), PZ_OK);
        check_case(&arena, row);
        pz__arena_clear(&arena);
    }
    fclose(file);
    assert_true(count >= 150);
}

/* ---- what is refused ---- */

static void refusal_tells_place_and_remedy(void **state)
{
    (void)state;
    static const struct {
        const char *pattern;
        uint32_t offset;
        const char *message;
    } rows[] = {
        {"ab(?=c)", 2, "two conditions"},
        {"a(?<!b)", 1, "second condition"},
        {"(a)\\1", 3, "extracted"},
        {"a*+", 2, "leave out the last +"},
        {"x(?>a)", 1, "(?:...)"},
        {"ax{1001}", 2, "{n,}"},
        {"(x{100}){11}", 8, "lower one"},
        {"a\\Z", 1, "\\z"},
        {"[z-a]", 1, "swap"},
        {"\\p{Greak}", 0, "Greek"},
        {"(a", 0, "add )"},
        {"[[:foo:]]", 1, "alnum"},
        {"a\\C", 1, "(?s:.)"},
        {"\xff", 0, "UTF-8"},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pz__regex *regex;
        pz__regex_error error;
        pz_status status = pz__regex_compile(NULL, &regex, pz_str_of(rows[i].pattern), &error);
        assert_int_equal(status, PZ_ERR_PARSE);
        if (error.offset != rows[i].offset || !strstr(error.message, rows[i].message))
            fail_msg("/%s/: %u, %s", rows[i].pattern, error.offset, error.message);
    }
}

/* ---- limits ---- */

static pz_status compile_repeated(const char *before, const char *part, size_t count,
                                  const char *after)
{
    pz__buf text;
    pz__regex *regex;
    pz__regex_error error;
    pz__buf_init(&text, NULL, SIZE_MAX);
    pz__buf_text(&text, before);
    for (size_t i = 0; i < count; i++)
        pz__buf_text(&text, part);
    for (size_t i = 0; after[0] && i < (after[0] == ')' ? count : 1); i++)
        pz__buf_text(&text, after);
    assert_int_equal(text.status, PZ_OK);
    pz_status status = pz__regex_compile(NULL, &regex, (pz_str){text.data, text.len}, &error);
    assert_true(status == PZ_OK || error.message[0]);
    pz__regex_free(regex);
    pz__buf_clear(&text);
    return status;
}

static void limits_hold_at_the_limit_and_not_beyond(void **state)
{
    (void)state;
    assert_int_equal(compile_repeated("", " ", PZ__REGEX_PATTERN_MAX, "") == PZ_OK,
                     PZ__REGEX_PATTERN_MAX < PZ__REGEX_PROGRAM_MAX);
    assert_int_equal(compile_repeated("[", " ", PZ__REGEX_PATTERN_MAX - 2, "]"), PZ_OK);
    assert_int_equal(compile_repeated("[", " ", PZ__REGEX_PATTERN_MAX - 1, "]"), PZ_ERR_LIMIT);
    assert_int_equal(compile_repeated("", "(?:", PZ__REGEX_DEPTH_MAX, ")"), PZ_OK);
    assert_int_equal(compile_repeated("", "(?:", PZ__REGEX_DEPTH_MAX + 1, ")"), PZ_ERR_LIMIT);
    assert_int_equal(compile_repeated("", "(a)", PZ__REGEX_GROUPS_MAX, ""), PZ_OK);
    assert_int_equal(compile_repeated("", "(a)", PZ__REGEX_GROUPS_MAX + 1, ""), PZ_ERR_LIMIT);
    /* One instruction for each character, and MATCH. */
    assert_int_equal(compile_repeated("", "a", PZ__REGEX_PROGRAM_MAX - 1, ""), PZ_OK);
    assert_int_equal(compile_repeated("", "a", PZ__REGEX_PROGRAM_MAX, ""), PZ_ERR_LIMIT);
    assert_int_equal(compile_repeated("a{1000}", "", 0, ""), PZ_OK);
    assert_int_equal(compile_repeated("a{1001}", "", 0, ""), PZ_ERR_PARSE);
    assert_int_equal(compile_repeated("(?:a{10}){100}", "", 0, ""), PZ_OK);
    assert_int_equal(compile_repeated("(?:a{11}){91}", "", 0, ""), PZ_ERR_PARSE);
}

static void ranges_of_all_classes_are_bounded(void **state)
{
    (void)state;
    pz__buf text;
    uint32_t least = 0;
    for (uint32_t count = 1; count < 400 && !least; count++) {
        pz__regex *regex;
        pz__buf_init(&text, NULL, SIZE_MAX);
        for (uint32_t i = 0; i < count; i++)
            pz__buf_format(&text, "[\\pL\\x{%x}]", 0x2500 + 2 * i);
        pz_status status = pz__regex_compile(NULL, &regex, (pz_str){text.data, text.len}, NULL);
        pz__buf_clear(&text);
        if (status == PZ_ERR_LIMIT)
            least = count;
        else
            assert_int_equal(status, PZ_OK);
        pz__regex_free(regex);
        if (count > 2 && !least)
            count += 8;
    }
    assert_true(least > 20);
}

/* ---- bad patterns and texts ---- */

static void nested_repeats_take_linear_time(void **state)
{
    (void)state;
    static const char *const patterns[] = {"(a+)+$",    "(a|a)*b", "(a|aa)+$",        "(?:a*)*b",
                                           "a*a*a*a*b", "(.*)*x",  "(?:a?){30}a{30}b"};
    size_t len = 20000;
    char *text = malloc(len);
    assert_non_null(text);
    memset(text, 'a', len);
    text[len - 1] = 'c';
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        assert_false(matches(patterns[i], (pz_str){text, len}));
        /* Short enough for PCRE2 to be asked, and to give up. */
        assert_false(matches(patterns[i], (pz_str){text + len - 1000, 1000}));
    }
    free(text);
}

static void cost_of_find_is_told_by_size(void **state)
{
    (void)state;
    pz__regex *regex = compile(PZ__STR("(a+)+$"));
    pz__regex_scratch scratch;
    pz__regex_span span;
    bool found;
    char text[300];
    memset(text, 'a', sizeof text);
    pz__regex_scratch_init(&scratch, NULL);
    uint64_t work = 2 * (uint64_t)regex->ins_count * (sizeof text + 1), budget = work;
    assert_int_equal(
        pz__regex_find(regex, &scratch, (pz_str){text, sizeof text}, 0, &span, 1, &budget, &found),
        PZ_OK);
    assert_true(found && budget == 0);
    budget = work - 1;
    assert_int_equal(
        pz__regex_find(regex, &scratch, (pz_str){text, sizeof text}, 0, &span, 1, &budget, &found),
        PZ_ERR_LIMIT);
    assert_false(found);
    pz__regex_scratch_clear(&scratch);
    pz__regex_free(regex);
}

static void long_text_is_charged_what_it_takes(void **state)
{
    (void)state;
    pz__regex *regex = compile(PZ__STR("b"));
    pz__regex_scratch scratch;
    pz__regex_span span;
    bool found;
    static char text[PZ__REGEX_BACKTRACK_TEXT_MAX + 1];
    memset(text, 'a', sizeof text);
    pz__regex_scratch_init(&scratch, NULL);
    pz_str all = {text, sizeof text};
    uint64_t budget = 100;
    assert_int_equal(pz__regex_find(regex, &scratch, all, 0, &span, 1, &budget, &found), PZ_OK);
    assert_true(!found && budget > 90);
    memset(text, 'b', sizeof text);
    text[0] = 'b';
    pz__regex_free(regex);
    regex = compile(PZ__STR("b+c"));
    budget = 100;
    assert_int_equal(pz__regex_find(regex, &scratch, all, 0, &span, 1, &budget, &found),
                     PZ_ERR_LIMIT);
    assert_false(found);
    pz__regex_scratch_clear(&scratch);
    pz__regex_free(regex);
}

static void bytes_that_are_no_text_are_survived(void **state)
{
    (void)state;
    assert_true(matches("^.$", (pz_str){"\xff", 1}));
    /* What the answer is does not matter here, that there is one does. */
    (void)matches("a.b", (pz_str){"\xf4-a\xe0", 4});
    assert_false(matches("é", (pz_str){"\xc3", 1}));
}

/* ---- walking over all matches ---- */

static void walk_passes_over_empty_matches_behind_a_match(void **state)
{
    (void)state;
    static const struct {
        const char *pattern, *text, *want;
    } rows[] = {{"a*", "baac", "0-0 1-3 4-4 "}, {"", "éb", "0-0 2-2 3-3 "},
                {"\\b", "ab", "0-0 2-2 "},      {"^a", "aa", "0-1 "},
                {"a|b", "abc", "0-1 1-2 "},     {"x*?", "xx", "0-0 1-1 2-2 "}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pz__regex *regex = compile(pz_str_of(rows[i].pattern));
        pz__regex_scratch scratch;
        pz__regex_walk walk = PZ__REGEX_WALK_INIT;
        pz__regex_span span;
        bool found = true;
        char got[128] = "";
        size_t len = 0;
        pz__regex_scratch_init(&scratch, NULL);
        while (found) {
            assert_int_equal(
                pz__regex_next(regex, &scratch, pz_str_of(rows[i].text), &walk, &span, 1, &found),
                PZ_OK);
            if (found)
                len +=
                    (size_t)snprintf(got + len, sizeof got - len, "%zu-%zu ", span.start, span.end);
        }
        assert_string_equal(got, rows[i].want);
        pz__regex_scratch_clear(&scratch);
        pz__regex_free(regex);
    }
}

/* ---- both matchers agree ---- */

static void put_pattern(gen *g, pz__buf *out, int depth)
{
    static const char *const atoms[] = {
        "a",      "b",      "c",          "ab",     ".",          "[ab]",       "[^a]",
        "\\d",    "\\w",    "\\s",        "\\b",    "\\B",        "^",          "$",
        "\\A",    "\\z",    "(?i:k)",     "\\n",    "é",          "\\pL",       "[é-ü]",
        "(?m:^)", "(?m:$)", "(?s:.)",     "()",     "\\W",        "\\x{1F600}", "_",
        "-",      "(?i:ß)", "\\p{Greek}", "[^\\n]", "[[:alpha:]]"};
    static const char *const repeats[] = {"*",   "+",  "?",  "{2}", "{0,2}",  "{1,3}", "{2,}",
                                          "{0}", "*?", "+?", "??",  "{0,2}?", "{1,}?"};
    if (depth == 0 || gen_chance(g, 1, 5)) {
        pz__buf_text(out, GEN_CHOICE(g, atoms));
        return;
    }
    switch (gen_below(g, 4)) {
    case 0:
        put_pattern(g, out, depth - 1);
        put_pattern(g, out, depth - 1);
        return;
    case 1:
        pz__buf_text(out, gen_bool(g) ? "(?:" : "(");
        put_pattern(g, out, depth - 1);
        pz__buf_text(out, "|");
        put_pattern(g, out, depth - 1);
        pz__buf_text(out, ")");
        return;
    default:
        pz__buf_text(out, gen_bool(g) ? "(?:" : "(");
        put_pattern(g, out, depth - 1);
        pz__buf_text(out, ")");
        pz__buf_text(out, gen_chance(g, 1, 3) ? "" : GEN_CHOICE(g, repeats));
    }
}

static size_t make_text(gen *g, char out[64])
{
    static const char *const parts[] = {"a",  "b", "c", "A", "K", "\u212a", "1", "_", " ",
                                        "\n", "é", "ü", "Ω", "😀", "-",      "ß", "ẞ"};
    size_t len = 0;
    for (uint64_t i = gen_below(g, 10); i > 0; i--) {
        const char *part = gen_bool(g) ? parts[gen_below(g, 3)] : GEN_CHOICE(g, parts);
        memcpy(out + len, part, strlen(part));
        len += strlen(part);
    }
    return len;
}

static void both_matchers_agree(void **state)
{
    (void)state;
    static const char *const flags[] = {"", "", "", "(?i)", "(?m)", "(?s)", "(?U)"};
    pz__regex_scratch scratch;
    uint64_t asked = 0;
    pz__regex_scratch_init(&scratch, NULL);
    GEN_CASES(g, gen_cases(5000))
    {
        pz__buf pattern;
        char text[64];
        pz__buf_init(&pattern, NULL, SIZE_MAX);
        pz__buf_text(&pattern, GEN_CHOICE(&g, flags));
        put_pattern(&g, &pattern, 4);
        pz_str all = {text, make_text(&g, text)};
        pz__regex *regex = compile((pz_str){pattern.data, pattern.len});
        pz__regex_span fast[PZ__REGEX_SPANS_MAX], slow[PZ__REGEX_SPANS_MAX];
        uint32_t count = regex->loops_on_empty ? 0 : regex->group_count + 1;
        count = count > PZ__REGEX_SPANS_MAX ? PZ__REGEX_SPANS_MAX : count;
        uint64_t steps;
        bool found;
        assert_int_equal(
            pz__regex_nfa(regex, &scratch, all, 0, slow, count, UINT64_MAX, &steps, &found), PZ_OK);
        pz__regex_verdict verdict = pz__regex_pcre_match(regex, &scratch, all, 0, fast, count);
        asked += verdict != PZ__RV_GAVE_UP;
        bool differs = verdict != PZ__RV_GAVE_UP && (verdict == PZ__RV_YES) != found;
        if (found && verdict == PZ__RV_YES && count)
            differs |= memcmp(fast, slow, count * sizeof *fast) != 0;
        if (differs)
            fail_msg("/%.*s/ on \"%.*s\"", (int)pattern.len, pattern.data, PZ__STR_ARG(all));
        pz__regex_free(regex);
        pz__buf_clear(&pattern);
    }
    assert_true(asked > gen_cases(5000) / 2);
    pz__regex_scratch_clear(&scratch);
}

/* ---- memory ---- */

static pz_status find_everything(const pz_alloc *alloc, void *payload)
{
    const char *pattern = payload;
    pz__regex *regex;
    pz__regex_scratch scratch;
    pz__regex_span spans[2];
    uint64_t budget = PZ__REGEX_BUDGET;
    bool found;
    pz_status status = pz__regex_compile(alloc, &regex, pz_str_of(pattern), NULL);
    if (status != PZ_OK) {
        assert_null(regex);
        return status;
    }
    pz__regex_scratch_init(&scratch, alloc);
    status = pz__regex_matches(regex, &scratch, PZ__STR("xx-joe@example.com"), &found);
    assert_true(status == PZ_ERR_NOMEM || (status == PZ_OK && found));
    if (status == PZ_OK)
        status = pz__regex_find(regex, &scratch, PZ__STR("xx-joe@example.com"), 0, spans, 2,
                                &budget, &found);
    assert_true(status == PZ_ERR_NOMEM || (status == PZ_OK && found));
    pz__regex_scratch_clear(&scratch);
    pz__regex_free(regex);
    return status;
}

static void exhausted_memory_is_reported(void **state)
{
    (void)state;
    char simple[] = "(?i)([\\p{Greek}a-z]+)@(?:example|test){1,3}\\.com", loops[] = "(a*)*@";
    oom_run(find_everything, simple);
    oom_run(find_everything, loops);
}

static void warm_matching_allocates_nothing(void **state)
{
    (void)state;
    oom o;
    oom_init(&o);
    pz_alloc alloc = oom_alloc(&o);
    pz__regex_scratch scratch;
    pz__regex *regex = compile(PZ__STR("(a+)+$"));
    bool found;
    char text[5000];
    memset(text, 'a', sizeof text);
    text[sizeof text - 1] = 'b';
    pz__regex_scratch_init(&scratch, &alloc);
    size_t cold = 0;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(pz__regex_matches(regex, &scratch, PZ__STR("aab"), &found), PZ_OK);
        assert_int_equal(pz__regex_matches(regex, &scratch, (pz_str){text, sizeof text}, &found),
                         PZ_OK);
        if (round == 0)
            cold = o.request_count;
    }
    assert_true(o.request_count == cold);
    pz__regex_scratch_clear(&scratch);
    pz__regex_free(regex);
    oom_finish(&o);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(table_of_cases_holds),
        cmocka_unit_test(refusal_tells_place_and_remedy),
        cmocka_unit_test(limits_hold_at_the_limit_and_not_beyond),
        cmocka_unit_test(ranges_of_all_classes_are_bounded),
        cmocka_unit_test(nested_repeats_take_linear_time),
        cmocka_unit_test(cost_of_find_is_told_by_size),
        cmocka_unit_test(long_text_is_charged_what_it_takes),
        cmocka_unit_test(bytes_that_are_no_text_are_survived),
        cmocka_unit_test(walk_passes_over_empty_matches_behind_a_match),
        cmocka_unit_test(both_matchers_agree),
        cmocka_unit_test(exhausted_memory_is_reported),
        cmocka_unit_test(warm_matching_allocates_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
