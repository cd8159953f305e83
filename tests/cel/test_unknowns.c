/* test_unknowns.c: what is missing, through every construct: lost nowhere, invented nowhere. */
#include "cel/kit.h"

static kit k;

/* Slots as bits of a set. */
#define BIT(name) (1u << SLOT_##name)
#define L BIT(LANGUAGE)
#define A BIT(AGE)
#define S BIT(SCORE)
#define C BIT(ACTIVE)
#define T BIT(TAGS)
#define O BIT(ORDERS)
#define D BIT(ADDRESS)
#define W BIT(SINCE)
#define X BIT(ANYTHING)

/* Besides unknowns. Slot numbers stay below 28. */
#define YES (1u << 28)
#define NO (1u << 29)
#define ERROR (1u << 30)

typedef struct unknown_case {
    const char *source;
    uint32_t outcome;
} unknown_case;

static uint32_t outcome_of(pz_value v)
{
    if (v.kind == PZ_BOOL)
        return v.as.b ? YES : NO;
    if (v.kind != PZ__V_UNKNOWN)
        return v.kind == PZ__V_ERROR ? ERROR : 0;
    const pz__unknowns *set = (const void *)v.as.text;
    uint32_t bits = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        assert_true(i == 0 || set->slots[i - 1] < set->slots[i]);
        bits |= 1u << set->slots[i];
    }
    return bits;
}

/* Every case runs checked and unchecked: the checker changes no result. */
static void expect(const unknown_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++)
        for (int unchecked = 0; unchecked < 2; unchecked++) {
            kit_open(&k, NULL);
            k.slots[SLOT_OTHER] = pz_value_int(0);
            pz__cel_options options = {.unchecked = unchecked};
            const pz__program *program = kit_compile_with(&k, pz_str_of(cases[i].source), &options);
            if (!program)
                fail_msg("%s: %s", cases[i].source, k.issues.list[0].message);
            uint32_t outcome = outcome_of(kit_run(&k, program));
            if (outcome != cases[i].outcome)
                fail_msg("%s: %x, not %x", cases[i].source, outcome, cases[i].outcome);
            kit_close(&k);
        }
}
#define EXPECT(cases) expect(cases, sizeof cases / sizeof(cases)[0])

/* One or two unknown operands of everything there is. */
static const unknown_case operations[] = {
    {"profile.age + 1", A},
    {"1 + profile.age", A},
    {"profile.age + (1 / other)", ERROR},
    {"profile.age - 1", A},
    {"1 - profile.age", A},
    {"profile.age - (1 / other)", ERROR},
    {"profile.age * 1", A},
    {"1 * profile.age", A},
    {"profile.age * (1 / other)", ERROR},
    {"profile.age / 1", A},
    {"1 / profile.age", A},
    {"profile.age / (1 / other)", ERROR},
    {"profile.age % 1", A},
    {"1 % profile.age", A},
    {"profile.age % (1 / other)", ERROR},
    {"profile.age == 1", A},
    {"1 == profile.age", A},
    {"profile.age == (1 / other)", ERROR},
    {"profile.age != 1", A},
    {"1 != profile.age", A},
    {"profile.age != (1 / other)", ERROR},
    {"profile.age < 1", A},
    {"1 < profile.age", A},
    {"profile.age < (1 / other)", ERROR},
    {"profile.age <= 1", A},
    {"1 <= profile.age", A},
    {"profile.age <= (1 / other)", ERROR},
    {"profile.age > 1", A},
    {"1 > profile.age", A},
    {"profile.age > (1 / other)", ERROR},
    {"profile.age >= 1", A},
    {"1 >= profile.age", A},
    {"profile.age >= (1 / other)", ERROR},
    {"-profile.age", A},
    {"!profile.active", C},
    {"profile.age in [1, 2]", A},
    {"1 in [1, profile.age]", A},
    {"profile.language in {'a': 1}", L},
    {"profile.language in profile.tags", L | T},
    {"'a' in profile.address", D},
    {"[1, 2][profile.age]", A},
    {"profile.tags[0]", T},
    {"profile.address['a']", D},
    {"profile.address[profile.language]", D | L},
    {"{'a': 1}[profile.language]", L},
    {"profile.address.city", D},
    {"profile.active ? 1 : 2", C},
    {"true ? profile.age : 1", A},
    {"other == 0 ? 1 : profile.age", 0},
    {"profile.active ? 1 / other : 2", C},
    {"[profile.age, profile.language]", A | L},
    {"{profile.language: profile.age}", L | A},
    {"[profile.age, 1 / other]", ERROR},
    {"size(profile.language)", L},
    {"profile.tags.size()", T},
    {"string(profile.age)", A},
    {"int(profile.score)", S},
    {"double(profile.age)", A},
    {"uint(profile.age)", A},
    {"bool(profile.language)", L},
    {"bytes(profile.language)", L},
    {"timestamp(profile.language)", L},
    {"duration(profile.language)", L},
    {"type(profile.age)", A},
    {"dyn(profile.age)", A},
    {"profile.since.getHours()", W},
    {"profile.since.getHours(profile.language)", W | L},
    {"profile.since - timestamp(0)", W},
    {"profile.language.contains('a')", L},
    {"'a'.startsWith(profile.language)", L},
    {"profile.language.replace('a', 'b')", L},
    {"profile.language.split(',')", L},
    {"profile.tags.join(',')", T},
    {"'%s'.format([profile.age])", A},
    {"profile.language.format([profile.age])", L | A},
    {"profile.language.matches('a')", L},
    {"'a'.matches(profile.language)", L},
    {"regex.extract(profile.language, 'a')", L},
    {"regex.replace('a', 'a', profile.language)", L},
    {"math.greatest(profile.age, 1)", A},
    {"math.least([profile.age, 2])", A},
    {"math.abs(profile.score)", S},
    {"math.bitAnd(profile.age, 1)", A},
    {"profile.tags.sort()", T},
    {"profile.tags.distinct()", T},
    {"profile.tags.reverse()", T},
    {"lists.range(profile.age)", A},
    {"[1, 2].slice(0, profile.age)", A},
    {"sets.contains(profile.tags, ['a'])", T},
    {"sets.intersects(['a'], profile.tags)", T},
    {"[1].map(x, profile.age)", A},
    {"[1, 2].filter(x, profile.active)", C},
    {"[1].exists_one(x, profile.active)", C},
    {"[1, 0].map(x, x == 1 ? profile.age : 1 / other)", A},
    {"[0, 1].all(x, x == 1 || profile.active)", C},
    {"[0, 1].all(x, x == 1 && profile.active)", NO},
    {"[0, 1].exists(x, x == 1 || profile.active)", YES},
    {"[profile.age, profile.score].exists(x, x == 1)", A | S},
    {"[1].sortBy(x, profile.age)", A},
    {"{'a': 1}.transformMap(k, v, profile.age)", A},
    {"[1].transformMapEntry(i, v, {profile.language: v})", L},
    {"cel.bind(x, profile.age, x + x)", A},
    {"cel.bind(x, profile.age, 1)", 0},
    {"isIP(profile.language)", L},
    {"ip(profile.language)", L},
    {"cidr('10.0.0.0/8').containsIP(profile.language)", L},
    {"base64.encode(bytes(profile.language))", L},
    {"strings.quote(profile.language)", L},
};

/* The unknown operands are the result, an error wins. */
static void every_operation_hands_its_unknowns_on(void **state)
{
    (void)state;
    EXPECT(operations);
}

static void optionals_hold_no_unknown(void **state)
{
    (void)state;
    static const unknown_case cases[] = {
        {"optional.of(profile.age)", A},
        {"optional.of(profile.age).hasValue()", A},
        {"optional.ofNonZeroValue(profile.age).orValue(1)", A},
        {"optional.of(1).or(optional.of(profile.age)).value() == 1", YES},
        {"optional.none().or(optional.of(profile.age)).hasValue()", A},
        {"optional.of(1).orValue(profile.age) == 1", YES},
        {"optional.none().orValue(profile.age) == 1", A},
        {"optional.of(profile.age).orValue(1 / other)", A},
        {"optional.of(profile.age).or(optional.of(profile.age))", A},
        {"optional.unwrap([optional.of(profile.age)])", A},
        {"[optional.of(1), optional.of(profile.age)].unwrapOpt()", A},
        {"optional.of(profile.age) == optional.none()", A},
        {"type(optional.of(profile.age))", A},
        {"profile.address.?city.hasValue() && other > 0", NO},
        {"profile.address.?city.hasValue() || other == 0", YES},
    };
    EXPECT(cases);
}

static void looking_into_the_unknown_is_unknown(void **state)
{
    (void)state;
    static const unknown_case cases[] = {
        {"profile.address.?city", D},
        {"profile.address.?city.orValue('x') == 'x'", D},
        {"profile.tags[?0].hasValue()", T},
        {"['a'][?profile.age].hasValue()", A},
        {"profile.tags[?profile.age]", A | T},
        {"optional.of(profile.address).city", D},
        {"optional.of({'a': 1})[profile.language]", L},
        {"has({'a': profile.address}.?a.b)", D},
        {"profile.orders.map(o, o.?total)", O},
        {"optional.of(1).optMap(x, x + profile.age)", A},
        {"optional.none().optMap(x, profile.age).hasValue()", NO},
        {"optional.of(profile.age).optMap(x, 1 / other)", A},
        {"optional.of(1).optFlatMap(x, optional.of(profile.age))", A},
        {"optional.none().optFlatMap(x, optional.of(profile.age)).hasValue()", NO},
    };
    EXPECT(cases);
}

static void collections_with_absent_parts_unite_their_unknowns(void **state)
{
    (void)state;
    static const unknown_case cases[] = {
        {"[?optional.of(profile.age)]", A},
        {"[dyn(profile.age), ?optional.of(dyn(profile.score))]", A | S},
        {"[?optional.none(), 1] == [1]", YES},
        {"[?optional.of(profile.age), 1 / other]", ERROR},
        {"{?'a': optional.of(profile.age)}", A},
        {"{profile.language: 1, ?'b': optional.of(profile.age)}", L | A},
        {"{?profile.language: optional.none()}", L},
        {"{?'a': optional.none()} == {}", YES},
        {"google.protobuf.Int32Value{value: profile.age} == 1", A},
        {"google.protobuf.Int32Value{?value: optional.of(profile.age)}", A},
        {"google.protobuf.Value{struct_value: {'a': profile.score}}", S},
        {"google.protobuf.Timestamp{seconds: profile.age, nanos: int(profile.score)}", A | S},
    };
    EXPECT(cases);
}

static void named_values_are_unknown_only_where_they_are_used(void **state)
{
    (void)state;
    static const unknown_case cases[] = {
        {"cel.bind(x, profile.age, true)", YES},
        {"cel.bind(x, profile.age + 1, true)", YES},
        {"cel.bind(x, profile.age + 1, x > 0 && false)", NO},
        {"cel.bind(x, profile.age + 1, x > 0)", A},
        {"cel.bind(x, profile.age + 1, x > 0 || profile.score > 0.0)", A | S},
        {"cel.bind(x, 1 / other, x > 0 || profile.age > 0)", A},
        {"cel.bind(x, 1 / other, x > 0 || other == 0)", YES},
        {"cel.bind(x, profile.age + 1, x + 1 / other)", ERROR},
        {"cel.bind(x, profile.tags, x.exists(t, t == 'a'))", T},
        {"cel.bind(x, profile.tags + ['a'], x.exists(t, t == 'a'))", T},
        {"cel.block([profile.age + 1, cel.index(0) + 1], cel.index(1) > 0)", A},
        {"cel.block([profile.age + 1, 2 + other], cel.index(1) == 2)", YES},
        {"cel.block([profile.age + 1, profile.score + 1.0], cel.index(0) > 0 && cel.index(1) > "
         "0.0)",
         A | S},
        {"cel.block([profile.age + 1], cel.index(0) > 0 && other > 0)", NO},
        {"[1, 2].all(i, cel.bind(x, profile.age + i, x > 0))", A},
        {"[1, 2].exists(i, cel.bind(x, profile.age + i, x > 0 || i == 2))", YES},
    };
    EXPECT(cases);
}

static void two_variables_keep_what_one_keeps(void **state)
{
    (void)state;
    static const unknown_case cases[] = {
        {"[1, 2].all(i, v, v > profile.age)", A},
        {"[1, 2].all(i, v, v > profile.age && other > 0)", NO},
        {"[1, 2].exists(i, v, i == 1 || v > profile.age)", YES},
        {"[1, 2].exists(i, v, v > profile.age || profile.score > 0.0)", A | S},
        {"[1, 2].existsOne(i, v, v > profile.age)", A},
        {"[0, 1].exists(i, v, 1 / v == 9 || profile.active)", C},
        {"profile.tags.all(i, v, i < 3)", T},
        {"profile.address.exists(k, v, k == v)", D},
        {"[1].transformList(i, v, v + profile.age)", A},
        {"[1].transformList(i, v, other > 0, v + profile.age) == []", YES},
        {"[1].transformList(i, v, profile.active, v)", C},
        {"{'a': 1}.transformMap(k, v, v + profile.age)", A},
        {"{'a': 1}.transformMap(k, v, profile.active, v)", C},
        {"{'a': 1}.transformMapEntry(k, v, {profile.language: v})", L},
        {"{'a': 1}.transformMapEntry(k, v, other > 0, {profile.language: v}) == {}", YES},
        {"profile.address.transformMap(k, v, v + 'x')", D},
        {"profile.address.transformMapEntry(k, v, {v: k})", D},
    };
    EXPECT(cases);
}

static void functions_of_the_host_see_no_unknown(void **state)
{
    (void)state;
    static const unknown_case cases[] = {
        {"twice(profile.age)", A},
        {"profile.age.twice() > 0 && other > 0", NO},
        {"twice(profile.age) + twice(1 / other)", ERROR},
        {"(other == 0 ? 1 : twice(profile.age)) == 1", YES},
        {"geo.head([profile.age])", A},
        {"geo.head([1]) > 0 || profile.active", YES},
        {"broken() > 0 || profile.active", C},
        {"declared(profile.age)", A},
    };
    EXPECT(cases);
}

#define TEST(name) cmocka_unit_test(name)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_operation_hands_its_unknowns_on),
        TEST(optionals_hold_no_unknown),
        TEST(looking_into_the_unknown_is_unknown),
        TEST(collections_with_absent_parts_unite_their_unknowns),
        TEST(named_values_are_unknown_only_where_they_are_used),
        TEST(two_variables_keep_what_one_keeps),
        TEST(functions_of_the_host_see_no_unknown),
    };
    return cmocka_run_group_tests_name("unknowns", tests, NULL, NULL);
}
