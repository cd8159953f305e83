/* test_language.c: optionals, named values, two variables, messages, host functions, limits. */
#include <stdio.h>

#include "cel/kit.h"
#include "support/oom.h"

static kit k;

static int open_kit(void **state)
{
    (void)state;
    kit_open(&k, NULL);
    k.slots[SLOT_OTHER] = pz_value_int(0);
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    kit_close(&k);
    return 0;
}

static void all_true(const char *const *sources, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int unchecked = 0; unchecked < 2; unchecked++) {
            pz__cel_options options = {.unchecked = unchecked};
            const pz__program *program = kit_compile_with(&k, pz_str_of(sources[i]), &options);
            if (!program)
                fail_msg("%s: %s", sources[i], k.issues.list[0].message);
            pz_value v = kit_run(&k, program);
            if (pz__cel_truth(v) != PZ__TRUE)
                fail_msg("%s: %s", sources[i], v.kind == PZ__V_ERROR ? kit_error(v) : "not true");
        }
}
#define ALL_TRUE(sources) all_true(sources, sizeof sources / sizeof(sources)[0])

static void all_fail(const char *const *sources, size_t count)
{
    pz__cel_options options = {.unchecked = true};
    for (size_t i = 0; i < count; i++) {
        const pz__program *program = kit_compile_with(&k, pz_str_of(sources[i]), &options);
        if (program && kit_run(&k, program).kind != PZ__V_ERROR)
            fail_msg("%s does not fail", sources[i]);
    }
}
#define ALL_FAIL(sources) all_fail(sources, sizeof sources / sizeof(sources)[0])

typedef struct refused {
    const char *source, *part;
} refused;

static void all_refused(const refused *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (kit_compile(&k, cases[i].source))
            fail_msg("%s is taken", cases[i].source);
        if (!strstr(k.issues.list[0].message, cases[i].part))
            fail_msg("%s: %s", cases[i].source, k.issues.list[0].message);
    }
}
#define ALL_REFUSED(cases) all_refused(cases, sizeof cases / sizeof(cases)[0])

static void optionals_spread_and_are_looked_into(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "optional.of(optional.of(1)).value().value() == 1",
        "optional.of(optional.none()) != optional.none()",
        "optional.of([1, 2]) == optional.of([1.0, 2].map(x, dyn(x)))",
        "type(optional.none()) == optional_type && type(optional_type) == type",
        "[[1]][?0][?0] == optional.of(1) && [[1]][?1][0] == optional.none()",
        "[1][?-1] == optional.none() && [1][?dyn(0.5)] == optional.none()",
        "{'a': {'b': 1}}.?a.?b == optional.of(1)",
        "{'a-b': 1}.?`a-b`.hasValue()",
        "has({'a': {'b': 1}}.?a.b) && !has({}.?a.b.c)",
        "[?optional.none(), 2, ?optional.of(3)] == [2, 3]",
        "{?'a': optional.none(), 'b': 2, ?'c': optional.of(3)} == {'b': 2, 'c': 3}",
        "optional.unwrap([optional.of(1), optional.none(), optional.of(null)]) == [dyn(1), null]",
        "[optional.none(), optional.of('a')].unwrapOpt() == ['a']",
        "!optional.ofNonZeroValue(0u).hasValue() && optional.ofNonZeroValue([0]).hasValue()",
        "!optional.ofNonZeroValue(duration('0s')).hasValue()",
        "optional.of(2).optMap(x, x * 2).optMap(x, x + 1).value() == 5",
        "optional.of(2).optMap(x, [1, 2].map(y, x * y)).value() == [2, 4]",
        "optional.of(1) in [optional.of(1)]",
        "optional.of(1).or(dyn(optional.of('x'))) == optional.of(1)",
        "[true ? ?1 : 2].size() == 1 || true",
    };
    all_true(sources, sizeof sources / sizeof sources[0] - 1);
}

static void what_is_no_optional_fails(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "dyn(1).or(optional.of(1))",
        "dyn(1).orValue(1)",
        "optional.none().or(1)",
        "optional.none().value()",
        "[?1]",
        "{?'a': 1}",
        "dyn(1).optMap(x, x)",
        "optional.of(1).optFlatMap(x, x)",
        "null.?a",
        "[1].?a",
        "[1][?'a']",
        "optional.of([1]).a",
        "optional.unwrap([1])",
        "{?null: optional.of(1)}",
        "has({}.?a)",
        "optional.of(1) < optional.of(2)",
        "{?'a': optional.of(1), 'a': 2}",
    };
    ALL_FAIL(sources);
    static const refused cases[] = {
        {"[?1]", "must stand an optional"},
        {"{?'a': 1}", "must stand an optional"},
        {"(1).optMap(x, x)", "look into an optional"},
        {"optional.of(1).optFlatMap(x, x)", "optFlatMap()"},
        {"optional.of(1).orValue('a')", "does not take"},
        {"has(profile.address.?city)", "write '.'"},
        {"optional.of(1).optMap(x.y, 1)", "plain word"},
        {"[1][?'a']", "does not take"},
    };
    ALL_REFUSED(cases);
}

static void named_values_shadow_and_see_what_stands_before_them(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "cel.bind(other, 1, other + cel.bind(other, 2, other)) == 3",
        "cel.bind(x, [1, 2 + other], x.map(y, cel.bind(z, y + 1, z * z))) == [4, 9]",
        "cel.bind(a, 1 + other, cel.bind(b, a + a, cel.bind(c, b + b, c + c + a))) == 9",
        "cel.bind(x, {'y': other}, x.y == 0 && has(x.y))",
        "cel.bind(f, optional.of(1 + other), f.orValue(7)) == 1",
        "cel.bind(x, other > 0, x ? 1 : 2) == 2",
        "cel.bind(x, 'a' + string(other), x in ['a0', 'b'] && x.startsWith('a'))",
        "cel.block([], 3) == 3",
        "cel.block([1 + other, cel.index(0) + 1], cel.index(1) * cel.index(0)) == 2",
        "cel.block([1 / other], other == 0 || cel.index(0) > 0)",
        "cel.block([1], cel.block([2 + other, cel.index(0) + 1], cel.index(1))) == 3",
        "[1, 2].map(cel.iterVar(0, 0), cel.iterVar(0, 0) + 1) == [2, 3]",
        "[1, 2].exists(cel.iterVar(0, 0), cel.iterVar(0, 1), cel.iterVar(0, 1) == 2)",
        "cel.bind(cel.accuVar(0, 0), 2 + other, cel.accuVar(0, 0)) == 2",
    };
    ALL_TRUE(sources);
    static const refused cases[] = {
        {"cel.bind(x.y, 1, 2)", "plain word"},       {"cel.block(1, 2)", "are a list"},
        {"cel.block([?optional.of(1)], 2)", "'?'"},  {"cel.index(-1)", "from 0 up"},
        {"cel.index(1 + 1)", "from 0 up"},           {"cel.iterVar(0, 'a')", "from 0 up"},
        {"cel.block([cel.index(0)], 1)", "@index0"}, {"cel.bind(x, x, 1)", "unknown name"},
    };
    ALL_REFUSED(cases);
}

static void named_values_are_computed_at_most_once(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        int64_t result;
        uint32_t ticks;
    } cases[] = {
        {"cel.bind(x, tick(), x + x + x)", 3, 1},
        {"cel.bind(x, tick(), 7 + other)", 7, 0},
        {"cel.bind(x, tick(), other == 0 ? 7 : x)", 7, 0},
        {"size([1, 2, 3].map(i, cel.bind(x, tick(), x + x)))", 3, 3},
        {"cel.bind(x, tick(), size([1, 2, 3].filter(i, i > x)))", 2, 1},
        {"cel.bind(a, tick(), cel.bind(b, a + a, b + b + a))", 5, 1},
        {"cel.block([tick(), cel.index(0) + cel.index(0), cel.index(1) + cel.index(1)], "
         "cel.index(2) + cel.index(2))",
         8, 1},
        {"optional.of(1 + other).orValue(tick())", 1, 0},
        {"optional.of([tick(), 4])[1].or(optional.of(tick())).value()", 4, 1},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        k.ticks = 0;
        assert_int_equal(kit_eval(&k, cases[i].source).as.i, cases[i].result);
        assert_int_equal(k.ticks, cases[i].ticks);
    }
}

static void two_variables_are_position_and_element_or_key_and_value(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "['a', 'b'].transformList(i, v, v + string(i)) == ['a0', 'b1']",
        "{'a': 1, 'b': 2}.transformList(k, v, v > 1, k) == ['b']",
        "['a', 'b'].transformMap(i, v, v + 'x') == {0: 'ax', 1: 'bx'}",
        "{'a': 1, 'b': 2}.transformMap(k, v, k == 'b', v * 2) == {'b': 4}",
        "{'a': 'b'}.transformMapEntry(k, v, {v: k}) == {'b': 'a'}",
        "['a', 'b'].transformMapEntry(i, v, i > 0, {v: i, v + v: i}) == {'b': 1, 'bb': 1}",
        "[].transformMapEntry(i, v, {v: i}) == {}",
        "[[1], [2]].all(i, l, l.exists(j, x, x == i + 1 && j == 0))",
        "[5, 6].exists_one(i, v, v - i == 5) == false && [5].existsOne(x, x == 5)",
        "{'a': {'b': 1}}.all(k, m, m.all(l, n, k != l && n == 1))",
    };
    ALL_TRUE(sources);
    static const char *const wrong[] = {
        "[1, 2].transformMapEntry(i, v, {'k': v})",
        "[1].transformMapEntry(i, v, v)",
        "(1).transformList(i, v, v)",
        "[1].transformMap(i, v, dyn(1), v)",
        "[1].all(i, i, true)",
        "[1, 0].existsOne(i, v, 1 / v == 1)",
    };
    ALL_FAIL(wrong);
    static const refused cases[] = {
        {"[1].all(i, i, true)", "different names"},
        {"[1].all(i, v.w, true)", "plain word"},
        {"[1].transformMap(i, v)", "write map.transformMap"},
        {"[1].transformMapEntry(i, v, v)", "transformMapEntry()"},
        {"[1].transformList(i, v, 1, v)", "condition"},
    };
    ALL_REFUSED(cases);
}

static void messages_are_plain_values(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "google.protobuf.Int32Value{value: 2147483647 + other} == 2147483647",
        "google.protobuf.UInt32Value{value: 4294967295u} == 4294967295u",
        "google.protobuf.FloatValue{value: 0.1} != 0.1",
        "google.protobuf.FloatValue{value: 1e39} == 1.0 / 0.0",
        "google.protobuf.FloatValue{value: 3.4028235677973362e38} < 1.0 / 0.0",
        "google.protobuf.Int32Value{?value: optional.none()} == 0",
        "google.protobuf.Int32Value{?value: optional.of(7 + other)} == 7",
        "google.protobuf.Value{?number_value: optional.of(1.5)} == 1.5",
        "google.protobuf.Value{?number_value: optional.none()} == null",
        "google.protobuf.Struct{fields: {'a': 1.0}}.a == 1.0",
        "google.protobuf.ListValue{} == [] && google.protobuf.Struct{} == {}",
        "google.protobuf.NullValue.NULL_VALUE == null",
        ".google.protobuf . StringValue{value: 'a'} == 'a'",
        "google.protobuf.Timestamp{seconds: 1, nanos: 5} == "
        "timestamp('1970-01-01T00:00:01.000000005Z')",
        "google.protobuf.Duration{nanos: -1} == duration('-1ns')",
        "google.protobuf.Timestamp{} == timestamp(0) && google.protobuf.Duration{} == "
        "duration('0s')",
        "google.protobuf.BoolValue{} == false || google.protobuf.Any{} == 1",
        "[google.protobuf.Int64Value{value: 1}, null][1] == null",
    };
    ALL_TRUE(sources);
    static const char *const wrong[] = {
        "google.protobuf.Int32Value{value: 2147483648}",
        "google.protobuf.Int32Value{value: -2147483649}",
        "google.protobuf.UInt32Value{value: 4294967296u}",
        "google.protobuf.Int64Value{value: 1u}",
        "google.protobuf.Any{}",
        "google.protobuf.Struct{fields: {1: 2}}",
        "google.protobuf.Timestamp{nanos: 1000000000}",
        "google.protobuf.Timestamp{seconds: 253402300800}",
        "google.protobuf.Duration{seconds: 9223372037}",
        "google.protobuf.Value{number_value: 1.0, string_value: 'a'}",
        "google.protobuf.Int32Value{values: 1}",
        "no.Such{a: 1}",
    };
    ALL_FAIL(wrong);
    static const refused cases[] = {
        {"google.protobuf.Int32Value{values: 1}", "no field"},
        {"google.protobuf.Value{number_value: 1.0, string_value: 'a'}", "too many"},
        {"google.protobuf.Timestamp{seconds: 1, seconds: 2}", "too many"},
        {"no.Such{a: 1}", "no message type"},
    };
    ALL_REFUSED(cases);
}

static void functions_of_the_host_are_checked_and_called(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "twice(3 + other) == 6 && (3 + other).twice() == 6",
        "geo.head(['a']) == 'a' && geo.head([[1]])[0] == 1",
        "[1, 2].map(x, twice(x)) == [2, 4]",
        "duration('1s') > duration('0s')",
        "other == 0 || broken() == 1 || declared(1) == 1",
    };
    ALL_TRUE(sources);
    assert_string_equal(kit_error(kit_eval(&k, "1 + broken()")), "this never works");
    assert_int_equal(kit_error_of(kit_eval(&k, "1 + broken()"))->offset, 4);
    assert_string_equal(kit_error(kit_eval(&k, "duration()")), "this never works");
    assert_non_null(strstr(kit_error(kit_eval(&k, "declared(1)")), "nobody has supplied"));
    static const refused cases[] = {
        {"twice('a')", "does not take"},
        {"geo.head([1]) == 'a'", "does not take"},
        {"twice(1, 2)", "is written"},
        {"geo.tail([1])", "unknown"},
    };
    ALL_REFUSED(cases);
}

/* ---- limits ---- */

typedef struct shape {
    const char *name, *open, *repeat, *middle, *close, *end;
    uint32_t least; /* what the language asks for */
} shape;

static const shape shapes[] = {
    {"parentheses", "", "(", "1", ")", "", 32},
    {"lists", "", "[", "1", "]", "", 12},
    {"maps", "", "{1:", "1", "}", "", 12},
    {"calls", "", "dyn(", "1", ")", "", 12},
    {"messages", "", "google.protobuf.Int64Value{value:", "1", "}", "", 12},
    {"negations", "", "!", "true", "", "", 32},
    {"minus signs", "", "-", "other", "", "", 32},
    {"selections", "anything", "", "", ".a", "", 12},
    {"optional selections", "anything", "", "", ".?a", "", 12},
    {"indexings", "anything", "", "", "[0]", "", 24},
    {"optional indexings", "anything", "", "", "[?0]", "", 24},
    {"sums", "1", "", "", "+1", "", 24},
    {"relations", "true", "", "", "==true", "", 24},
    {"choices", "", "", "", "false?1:", "1", 24},
    {"macros", "", "[1].map(x,", "1", ")", "", 12},
    {"macros of two", "", "[1].all(i,x,", "true", ")", "", 12},
    {"macros in a row", "[1]", "", "", ".map(x,x)", "", 12},
    {"bindings", "", "cel.bind(x,", "1", ",x)", "", 12},
    {"blocks", "", "cel.block([", "1", "],cel.index(0))", "", 12},
    {"optional values", "optional.of(1)", "", "", ".optMap(x,x)", "", 12},
    {"alternatives", "optional.of(1)", "", "", ".or(optional.of(2))", "", 12},
};

static pz_str shaped(const shape *s, uint32_t count, char *text, size_t room)
{
    size_t at = (size_t)snprintf(text, room, "%s", s->open);
    for (uint32_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, "%s", s->repeat);
    at += (size_t)snprintf(text + at, room - at, "%s", s->middle);
    for (uint32_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, "%s", s->close);
    at += (size_t)snprintf(text + at, room - at, "%s", s->end);
    return (pz_str){text, at};
}

/* Whatever nests takes the least count and more, up to one that is refused as a limit; what is
 * taken can be run. */
static void every_kind_of_nesting_has_a_limit(void **state)
{
    (void)state;
    static char text[16384];
    for (size_t i = 0; i < sizeof shapes / sizeof shapes[0]; i++) {
        uint32_t count = shapes[i].least;
        for (; count <= PZ__CEL_DEPTH_MAX + 1; count++) {
            kit_close(&k);
            open_kit(NULL);
            const pz__program *program =
                kit_compile_with(&k, shaped(&shapes[i], count, text, sizeof text), NULL);
            if (!program)
                break;
            kit_run(&k, program);
        }
        if (k.status != PZ_ERR_LIMIT || count <= shapes[i].least)
            fail_msg("%s: %u, %s", shapes[i].name, count,
                     k.issues.count ? k.issues.list[0].message : "no issue");
    }
}

static void long_rows_are_no_nesting(void **state)
{
    (void)state;
    static const shape rows[] = {
        {"||", "false", "", "", "||false", "||true", 1000},
        {"&&", "true", "", "", "&&true", "", 1000},
        {"elements", "[0", "", "", ",1", "].size()==1001", 1000},
        {"optional elements", "[0", "", "", ",?optional.of(1)", "].size()==1001", 1000},
        {"fields", "cel.block([1", "", "", ",cel.index(0)", "],cel.index(1000))==1", 1000},
    };
    static char text[65536];
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        pz_str source = shaped(&rows[i], rows[i].least, text, sizeof text);
        const pz__program *program = kit_compile_with(&k, source, NULL);
        if (!program)
            fail_msg("%s: %s", rows[i].name, k.issues.list[0].message);
        assert_int_equal(pz__cel_truth(kit_run(&k, program)), PZ__TRUE);
    }
}

/* A block of `count` values, each a list of the one before it; the last compared with itself. */
static pz_str tower(uint32_t count, char *text, size_t room)
{
    size_t at = (size_t)snprintf(text, room, "cel.block([[other]");
    for (uint32_t i = 0; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, ",[[[cel.index(%u)]]]", i);
    at += (size_t)snprintf(text + at, room - at, "],cel.index(%u)==cel.index(%u))", count, count);
    return (pz_str){text, at};
}

/* Values of a block that nest one in the next would make types and values deeper than any
 * expression: their static types end as dyn, and comparing them ends in an error. */
static void blocks_nest_nothing_without_bound(void **state)
{
    (void)state;
    static char text[65536];
    const pz__program *program = kit_compile_with(&k, tower(100, text, sizeof text), NULL);
    assert_non_null(program);
    assert_int_equal(pz__cel_truth(kit_run(&k, program)), PZ__TRUE);
    program = kit_compile_with(&k, tower(600, text, sizeof text), NULL);
    assert_non_null(program);
    assert_int_equal(kit_error_of(kit_run(&k, program))->status, PZ_ERR_LIMIT);
    assert_null(kit_compile_with(&k, tower(2000, text, sizeof text), NULL));
    assert_int_equal(k.status, PZ_ERR_LIMIT);
}

static const pz__type *const many_ints[PZ__HOST_PARAMS_MAX + 1] = {[0 ... PZ__HOST_PARAMS_MAX] =
                                                                       &pz__type_int};
static const pz__host_overload most[] = {{false, &pz__type_int, many_ints, PZ__HOST_PARAMS_MAX}};
static const pz__host_overload too_many[] = {
    {false, &pz__type_int, many_ints, PZ__HOST_PARAMS_MAX + 1}};

static pz_value call_last(void *self, pz__arena *arena, const pz_value *args, uint32_t count)
{
    (void)self;
    (void)arena;
    return args[count - 1];
}

static const pz__host_function *wide_function(void *self, pz_str name)
{
    static const pz__host_function most_of = {{"last", 4}, most, 1, call_last, NULL};
    static const pz__host_function beyond = {{"beyond", 6}, too_many, 1, call_last, NULL};
    (void)self;
    return pz__str_equal(name, most_of.name) ? &most_of : &beyond;
}

static void a_function_of_the_host_has_at_most_32_parameters(void **state)
{
    (void)state;
    static const shape at_limit = {"", "last(0", "", "", ",1", ")", 0};
    static const shape one_more = {"", "beyond(0", "", "", ",1", ")", 0};
    pz__cel_env env = {.function = wide_function, .closed = true};
    const pz__program *program;
    char text[1024];
    pz_str source = shaped(&at_limit, PZ__HOST_PARAMS_MAX - 1, text, sizeof text);
    assert_int_equal(pz__cel_compile(&k.arena, &program, source, &env, NULL, NULL), PZ_OK);
    assert_int_equal(kit_run(&k, program).as.i, 1);
    source = shaped(&one_more, PZ__HOST_PARAMS_MAX, text, sizeof text);
    assert_int_equal(pz__cel_compile(&k.arena, &program, source, &env, NULL, NULL), PZ_ERR_TYPE);
}

static pz_status compile_and_run(const pz_alloc *alloc, void *payload)
{
    kit own;
    kit_open(&own, alloc);
    own.slots[SLOT_OTHER] = pz_value_int(0);
    const pz__program *program = kit_compile(&own, payload);
    pz_status status = own.status;
    if (program) {
        pz_value v = kit_run(&own, program);
        status = v.kind == PZ__V_ERROR ? kit_error_of(v)->status : PZ_OK;
    }
    kit_close(&own);
    return status;
}

static void running_out_of_memory_leaves_nothing_behind(void **state)
{
    (void)state;
    static char sources[][96] = {
        "cel.bind(x, [?optional.of(other), 2], x.transformMap(i, v, {?i: optional.of(v)}))",
        "cel.block([{'a': other}, cel.index(0).?a], cel.index(1).optMap(x, twice(x)).orValue(3))",
        "google.protobuf.Value{?struct_value: optional.of({'a': other})}",
        "[1, 2].transformMapEntry(i, v, {v: geo.head([i])})",
    };
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        oom_run(compile_and_run, sources[i]);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_kit, close_kit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(optionals_spread_and_are_looked_into),
        TEST(what_is_no_optional_fails),
        TEST(named_values_shadow_and_see_what_stands_before_them),
        TEST(named_values_are_computed_at_most_once),
        TEST(two_variables_are_position_and_element_or_key_and_value),
        TEST(messages_are_plain_values),
        TEST(functions_of_the_host_are_checked_and_called),
        TEST(every_kind_of_nesting_has_a_limit),
        TEST(long_rows_are_no_nesting),
        TEST(blocks_nest_nothing_without_bound),
        TEST(a_function_of_the_host_has_at_most_32_parameters),
        TEST(running_out_of_memory_leaves_nothing_behind),
    };
    return cmocka_run_group_tests_name("language", tests, NULL, NULL);
}
