/*
 * test_pathological.c: expressions and values made to hurt. Each ends in its documented error or
 * answer, within a bounded count of steps and units of cost and a bounded peak of memory; no clock
 * is read.
 */
#include "cel/kit.h"

#include <stdio.h>
#include <stdlib.h>

#include "support/oom.h"

#define MEGABYTE ((size_t)1 << 20)

/* What compiling and running came to. */
typedef struct outcome {
    pz_status status; /* of compiling, or of the error that running gave */
    pz_value value;   /* scalars only: the arena is gone */
    uint64_t cost;
    size_t peak;     /* most bytes held at a time */
    size_t requests; /* of memory */
} outcome;

static char *long_text; /* a megabyte of 'a', set by open_text */

static pz_value run_counted(kit *k, const pz__program *program, uint64_t *cost)
{
    pz__activation activation = {.slots = k->slots,
                                 .slot_count = SLOT_COUNT,
                                 .self = k,
                                 .arena = &k->arena,
                                 .step_limit = k->steps,
                                 .cost = cost};
    return pz__cel_eval(program, &activation);
}

/* Slots: profile.language a text of 'a' with so many octets, profile.age 30, other 0. */
static outcome try_with(pz_str source, size_t text_len, uint32_t steps)
{
    oom counter;
    kit k;
    outcome out = {0};
    oom_init(&counter);
    pz_alloc alloc = oom_alloc(&counter);
    kit_open(&k, &alloc);
    k.steps = steps;
    k.slots[SLOT_LANGUAGE] = pz_value_strn(long_text, text_len);
    k.slots[SLOT_AGE] = pz_value_int(30);
    k.slots[SLOT_OTHER] = pz_value_int(0);
    const pz__program *program = kit_compile_with(&k, source, NULL);
    out.status = k.status;
    if (program) {
        out.value = run_counted(&k, program, &out.cost);
        out.status = out.value.kind == PZ__V_ERROR ? kit_error_of(out.value)->status : PZ_OK;
    }
    out.peak = counter.peak_bytes;
    out.requests = counter.request_count;
    kit_close(&k);
    oom_finish(&counter);
    return out;
}

static outcome try_source(const char *source)
{
    return try_with(pz_str_of(source), MEGABYTE, 0);
}

/* ---- sources ---- */

static void a_huge_source_is_refused_unread(void **state)
{
    (void)state;
    size_t len = 10 * MEGABYTE;
    char *text = malloc(len);
    memset(text, '(', len);
    outcome out = try_with((pz_str){text, len}, 0, 0);
    assert_int_equal(out.status, PZ_ERR_LIMIT);
    assert_true(out.peak < 65536 && out.requests < 8);
    free(text);
}

static void endless_nesting_is_refused(void **state)
{
    (void)state;
    static const char *const openings[] = {"(",  "[",    "{1:", "-",    "!",          "size(",
                                           "1+", "1?1:", "1?",  "[1][", "[1].map(x,", "cel.bind(x,",
                                           "{",  "a.",   "- ",  "a[?"};
    enum { TIMES = 10000 };
    char *text = malloc(16 * TIMES);
    for (size_t i = 0; i < sizeof openings / sizeof openings[0]; i++) {
        size_t each = strlen(openings[i]), times = TIMES;
        times = each * times < PZ__CEL_SOURCE_MAX ? times : PZ__CEL_SOURCE_MAX / each;
        for (size_t j = 0; j < times; j++)
            memcpy(text + j * each, openings[i], each);
        outcome out = try_with((pz_str){text, each * times}, 0, 0);
        if (out.status != PZ_ERR_LIMIT && out.status != PZ_ERR_PARSE)
            fail_msg("%s: %s", openings[i], pz_status_name(out.status));
        if (out.peak > 8 * MEGABYTE)
            fail_msg("%s takes %zu bytes", openings[i], out.peak);
    }
    free(text);
}

/* A well-formed expression as large as can be takes memory in proportion. */
static void the_largest_literals_compile(void **state)
{
    (void)state;
    char *text = malloc(PZ__CEL_SOURCE_MAX + 32);
    size_t at = 1;
    text[0] = '{';
    for (unsigned i = 0; at < PZ__CEL_SOURCE_MAX - 32; i++)
        at += (size_t)snprintf(text + at, PZ__CEL_SOURCE_MAX + 32 - at, "%u:other,", i);
    memcpy(text + at, "}.size()", 8);
    outcome out = try_with((pz_str){text, at + 8}, 0, 0);
    assert_int_equal(out.status, PZ_OK);
    assert_true(out.value.as.i > 5000);
    assert_true(out.peak < 32 * MEGABYTE);
    memcpy(text + at, "0:1}", 4);
    out = try_with((pz_str){text, at + 4}, 0, 0);
    assert_int_equal(out.status, PZ_ERR_EVAL); /* a key stands twice */
    free(text);
}

/* ---- work ---- */

static void a_pattern_takes_linear_time(void **state)
{
    (void)state;
    const char *source = "(profile.language + 'b').matches('(a+)+$')";
    outcome half = try_with(pz_str_of(source), MEGABYTE / 8, 0);
    outcome whole = try_with(pz_str_of(source), MEGABYTE / 4, 0);
    assert_int_equal(half.value.kind, PZ_BOOL);
    assert_false(half.value.as.b);
    assert_int_equal(whole.value.kind, PZ_BOOL);
    assert_true(whole.cost <= 2 * half.cost + 100);
    outcome few = try_with(pz_str_of(source), MEGABYTE / 4, 1000);
    assert_int_equal(few.status, PZ_ERR_LIMIT);
}

/* Each runs out of steps, whatever `|| true` would make of another error. */
static void blow_ups_run_out_of_steps(void **state)
{
    (void)state;
#define THOUSAND "lists.range(1000)"
#define AGAIN(what) "lists.range(900).all(i, lists.range(900).all(j, " what ")) || true"
    static const char *const sources[] = {
        THOUSAND ".all(a, " THOUSAND ".all(b, " THOUSAND ".all(c, a + b + c >= other))) || true",
        THOUSAND ".map(a, " THOUSAND ".map(b, [a, b, other])).size() > 0 || true",
        "lists.range(other + 2000000).size() > 0 || true",
        "lists.range(100).map(i, profile.language + string(i)).size() == 1 || true",
        "lists.range(100).map(i, profile.language.replace('a', 'bb')).size() == 1 || true",
        "profile.language.replace('', profile.language).size() == 0 || true",
        "profile.language.split('').join(profile.language).size() == 0 || true",
        "lists.range(1000).map(i, profile.language).join().size() == 0 || true",
        "'%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s%s'.format(lists.range(20).map(i, "
        "profile.language)).size() == 0 || true",
        "lists.range(1000).map(i, '%s').join().format(lists.range(1000).map(i, "
        "profile.language)).size() == 0 || true",
        "lists.range(50000).map(i, '%.1000f').join().format(lists.range(50000)).size() == 0 || "
        "true",
        AGAIN("profile.language.contains('b') == false"),
        AGAIN("profile.language.startsWith(profile.language)"),
        AGAIN("profile.language.endsWith(profile.language)"),
        AGAIN("profile.language.size() > other"),
        AGAIN("profile.language == profile.language"),
        AGAIN("profile.language <= profile.language"),
        AGAIN("profile.language in [profile.language]"),
        AGAIN("profile.language.lowerAscii() != ''"),
        AGAIN("profile.language.trim() != ''"),
        AGAIN("profile.language.reverse() != ''"),
        AGAIN("profile.language.indexOf('b') < 0"),
        AGAIN("profile.language.lastIndexOf('b') < 0"),
        AGAIN("profile.language.charAt(1000) == 'a'"),
        AGAIN("profile.language.substring(1000) != ''"),
        AGAIN("string(bytes(profile.language)) != ''"),
        AGAIN("strings.quote(profile.language) != ''"),
        AGAIN("base64.encode(bytes(profile.language)) != ''"),
        AGAIN("profile.language.split('b').size() == 1"),
        AGAIN("profile.language.matches('b$') == false"),
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        outcome out = try_source(sources[i]);
        if (out.status != PZ_ERR_LIMIT)
            fail_msg("%s: %s after %llu", sources[i], pz_status_name(out.status),
                     (unsigned long long)out.cost);
        if (out.peak > 512 * MEGABYTE)
            fail_msg("%s takes %zu bytes", sources[i], out.peak);
    }
}

/* Write behind the first `at` bytes of a text, and say how many there were to write: it has to fit.
 */
static int __attribute__((format(printf, 4, 5)))
append(char *text, size_t size, int at, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    const int len = vsnprintf(text + at, size - (size_t)at, format, args);
    va_end(args);
    assert_in_range(len, 0, size - (size_t)at - 1);
    return len;
}

/* Doubling a text or list by `+` at every level of a nest of named values. */
static void doubling_runs_out_of_steps(void **state)
{
    (void)state;
    static const char *const seeds[] = {"profile.language", "[profile.age]"};
    for (size_t i = 0; i < 2; i++) {
        char source[4096];
        int at = append(source, sizeof source, 0, "cel.block([%s", seeds[i]);
        for (int level = 0; level < 60; level++)
            at +=
                append(source, sizeof source, at, ", cel.index(%d) + cel.index(%d)", level, level);
        append(source, sizeof source, at, "], cel.index(60).size() == 0 || true)");
        outcome out = try_with(pz_str_of(source), 16, 0);
        assert_int_equal(out.status, PZ_ERR_LIMIT);
        assert_true(out.peak < 256 * MEGABYTE);
    }
}

/* Constants that hold one part twice, level by level, are folded without looking at all of it. */
static void doubled_constants_compile(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        enum { LEVELS = 60 };
        char source[8192];
        int at = append(source, sizeof source, 0, "cel.bind(a0, [1], ");
        for (int level = 0; level < LEVELS; level++) {
            at += append(source, sizeof source, at, "cel.bind(a%d, ", level + 1);
            at += append(source, sizeof source, at, i ? "{'x': a%d, 'y': a%d}" : "[a%d, a%d]",
                         level, level);
            at += append(source, sizeof source, at, ", ");
        }
        at += append(source, sizeof source, at, "size(a%d)", LEVELS);
        memset(source + at, ')', LEVELS + 1);
        source[at + LEVELS + 1] = '\0';
        outcome out = try_source(source);
        assert_int_equal(out.status, PZ_OK);
        assert_int_equal(out.value.as.i, 2);
    }
}

/* A conversion reads the whole of a text, and takes steps for it. */
static void conversions_pay_for_their_texts(void **state)
{
    (void)state;
    static const struct {
        const char *behind; /* many zeros */
        const char *condition;
    } cases[] = {
        {"", "int(t) > 0"},
        {"", "uint(t) > 0u"},
        {"", "double(t) > 0.0"},
        {".5", "double(t) > 1.0"},
        {"s", "duration(t) > duration('1h')"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char source[256];
        snprintf(source, sizeof source,
                 "cel.bind(t, lists.range(60000).map(i, '0').join('') + '%s',"
                 " lists.range(60000).exists(i, %s))",
                 cases[i].behind, cases[i].condition);
        assert_int_equal(try_source(source).status, PZ_ERR_LIMIT);
    }
}

/* A turn of a long body takes more steps than one of a short one: instructions are paid for. */
static void a_long_body_takes_more_steps(void **state)
{
    (void)state;
    const size_t size = PZ__CEL_SOURCE_MAX + 64;
    char *source = malloc(size);
    size_t at =
        (size_t)snprintf(source, size, "lists.range(10).all(i, lists.range(10).all(j, size([i");
    while (at < 40000)
        at += (size_t)snprintf(source + at, size - at, ",i");
    snprintf(source + at, size - at, "]) > other))");
    outcome out = try_source(source);
    assert_int_equal(out.status, PZ_OK);
    outcome short_of = try_with(pz_str_of(source), 0, 10000);
    assert_int_equal(short_of.status, PZ_ERR_LIMIT);
    out = try_with(PZ__STR("lists.range(100).all(i, lists.range(99).all(j, i + j >= other))"), 0,
                   10000);
    assert_int_equal(out.status, PZ_OK); /* a short one takes one a turn: 100 + 9900 */
    free(source);
}

/* Once each on a megabyte: an answer, at a cost in proportion, without a multiple of the memory. */
static void a_megabyte_goes_through_every_function(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "size(profile.language) == 1048576",
        "!profile.language.contains('ab')",
        "profile.language.startsWith('aa')",
        "profile.language.endsWith('aa')",
        "!profile.language.matches('^(a|aa)+b')",
        "profile.language.charAt(1048575) == 'a'",
        "profile.language.indexOf('aaaaaaab') == -1",
        "profile.language.lastIndexOf('b') == -1",
        "profile.language.lowerAscii() == profile.language",
        "profile.language.upperAscii() != profile.language",
        "profile.language.replace('a', 'b').size() == 1048576",
        "profile.language.reverse() == profile.language",
        "profile.language.substring(1, 3) == 'aa'",
        "profile.language.trim() == profile.language",
        "profile.language.split('b').size() == 1",
        "[profile.language, 'b'].join(',').size() == 1048578",
        "'%s'.format([profile.language]) == profile.language",
        "strings.quote(profile.language).size() == 1048578",
        "base64.decode(base64.encode(bytes(profile.language))) == bytes(profile.language)",
        "string(bytes(profile.language)) == profile.language",
        "(profile.language + profile.language).size() == 2097152",
        "profile.language <= profile.language",
        "!isIP(profile.language) && !isCIDR(profile.language)",
        "{profile.language: 1}[profile.language] == 1",
    };
    static const char *const refused[] = {
        "int(profile.language)",       "uint(profile.language)",
        "double(profile.language)",    "bool(profile.language)",
        "timestamp(profile.language)", "duration(profile.language)",
        "ip(profile.language)",        "cidr(profile.language)",
        "profile.language.format([])", "'a'.matches(profile.language + '(')",
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++) {
        outcome out = try_source(sources[i]);
        if (out.status != PZ_OK || out.value.kind != PZ_BOOL || !out.value.as.b)
            fail_msg("%s: %s", sources[i], pz_status_name(out.status));
        if (out.peak > 16 * MEGABYTE || out.cost > MEGABYTE)
            fail_msg("%s: %zu bytes, cost %llu", sources[i], out.peak,
                     (unsigned long long)out.cost);
    }
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++) {
        outcome out = try_source(refused[i]);
        if (out.status != PZ_ERR_EVAL && out.status != PZ_ERR_LIMIT && out.status != PZ_OK)
            fail_msg("%s: %s", refused[i], pz_status_name(out.status));
        if (out.peak > 16 * MEGABYTE)
            fail_msg("%s takes %zu bytes", refused[i], out.peak);
    }
}

static int open_text(void **state)
{
    (void)state;
    long_text = malloc(MEGABYTE);
    memset(long_text, 'a', MEGABYTE);
    return 0;
}

static int close_text(void **state)
{
    (void)state;
    free(long_text);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_huge_source_is_refused_unread),
        cmocka_unit_test(endless_nesting_is_refused),
        cmocka_unit_test(the_largest_literals_compile),
        cmocka_unit_test(a_pattern_takes_linear_time),
        cmocka_unit_test(blow_ups_run_out_of_steps),
        cmocka_unit_test(doubling_runs_out_of_steps),
        cmocka_unit_test(doubled_constants_compile),
        cmocka_unit_test(conversions_pay_for_their_texts),
        cmocka_unit_test(a_long_body_takes_more_steps),
        cmocka_unit_test(a_megabyte_goes_through_every_function),
    };
    return cmocka_run_group_tests_name("pathological", tests, open_text, close_text);
}
