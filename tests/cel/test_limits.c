/* Limits of the language that no other file holds: each at the limit and one beyond. */
#include <stdio.h>

#include "cel/kit.h"

#include "cel/functions.h"
#include "cel/program.h"
#include "cel/regex_inner.h"

static kit k;

static int open_kit(void **state)
{
    (void)state;
    kit_open(&k, NULL);
    return 0;
}

static int close_kit(void **state)
{
    (void)state;
    kit_close(&k);
    return 0;
}

/* ---- type variables of a function ---- */

#define MANY (PZ__TYPE_PARAMS_MAX + 1)

static pz__type variables[MANY];
static const pz__type *params[MANY];
static char names[MANY][2];
/* f8 has the type variables that are allowed, f9 one more; both give the last one's type. */
static pz__host_overload overloads[2];

static const pz__host_function *function(void *self, pz_str name)
{
    static const pz__host_function f8 = {{"f8", 2}, &overloads[0], 1, NULL, NULL};
    static const pz__host_function f9 = {{"f9", 2}, &overloads[1], 1, NULL, NULL};
    (void)self;
    if (pz__str_equal(name, f8.name))
        return &f8;
    return pz__str_equal(name, f9.name) ? &f9 : NULL;
}

static void name_the_variables(void)
{
    for (uint32_t i = 0; i < MANY; i++) {
        names[i][0] = (char)('A' + i);
        variables[i] = (pz__type){.kind = PZ__T_PARAM, .name = {names[i], 1}};
        params[i] = &variables[i];
    }
    for (uint32_t i = 0; i < 2; i++)
        overloads[i] = (pz__host_overload){false, &variables[PZ__TYPE_PARAMS_MAX - 1 + i], params,
                                           PZ__TYPE_PARAMS_MAX + i};
}

static void assert_type_of(const char *source, const char *type)
{
    const pz__cel_env env = {.function = function, .closed = true};
    const pz__program *program;
    pz__buf text;
    assert_int_equal(pz__cel_compile(&k.arena, &program, pz_str_of(source), &env, NULL, NULL),
                     PZ_OK);
    pz__buf_init(&text, NULL, 256);
    pz__type_print(&text, pz__program_type(program));
    pz__buf_byte(&text, 0);
    assert_string_equal(text.data, type);
    pz__buf_clear(&text);
}

static void a_ninth_type_variable_is_dyn(void **state)
{
    (void)state;
    name_the_variables();
    assert_type_of("f8(1, 2, 3, 4, 5, 6, 7, 'a')", "string");
    assert_type_of("f9(1, 2, 3, 4, 5, 6, 7, 8, 'a')", "dyn");
}

/* ---- registers ---- */

static const pz__program *block_of(uint32_t count, char *text, size_t room)
{
    size_t at = (size_t)snprintf(text, room, "cel.block([[other]");
    for (uint32_t i = 1; i < count; i++)
        at += (size_t)snprintf(text + at, room - at, ",[other]");
    at += (size_t)snprintf(text + at, room - at, "],cel.index(%u))", count - 1);
    return kit_compile_with(&k, (pz_str){text, at}, NULL);
}

static void a_block_takes_the_registers_there_are(void **state)
{
    (void)state;
    static char text[PZ__CEL_SOURCE_MAX];
    uint32_t taken = 1, refused = PZ__REGISTERS_MAX + 1;
    while (refused - taken > 1) {
        const uint32_t count = (taken + refused) / 2;
        kit_close(&k);
        open_kit(NULL);
        if (block_of(count, text, sizeof text))
            taken = count;
        else
            refused = count;
    }
    kit_close(&k);
    open_kit(NULL);
    assert_null(block_of(refused, text, sizeof text));
    assert_int_equal(k.status, PZ_ERR_LIMIT);
    const pz__program *program = block_of(taken, text, sizeof text);
    assert_non_null(program);
    assert_in_range(program->register_count, PZ__REGISTERS_MAX - 4, PZ__REGISTERS_MAX);
    k.slots[SLOT_OTHER] = pz_value_int(7);
    pz_value v = kit_run(&k, program);
    assert_int_equal(v.kind, PZ_LIST);
    assert_int_equal(v.as.items[0].as.i, 7);
}

/* ---- depth of values ---- */

static pz_value nested(uint32_t levels, pz_value v)
{
    for (uint32_t i = 0; i < levels; i++) {
        pz_value *item = pz__arena_new(&k.arena, sizeof *item);
        *item = v;
        v = pz__value_of_items(item, 1);
    }
    return v;
}

static pz_value compare_nested(uint32_t levels, pz_value leaf)
{
    k.slots[SLOT_ANYTHING] = nested(levels, leaf);
    k.slots[SLOT_OTHER] = nested(levels, leaf);
    return kit_eval(&k, "anything == other || true");
}

static void values_are_compared_to_a_thousand_levels(void **state)
{
    (void)state;
    static const pz_value leaves[] = {{.kind = PZ_INT, .as.i = 1},
                                      {.kind = PZ_STRING, .len = 1, .as.text = "a"}};
    for (size_t i = 0; i < 2; i++) {
        pz_value v = compare_nested(PZ__CEL_COMPARE_DEPTH_MAX, leaves[i]);
        assert_int_equal(pz__cel_truth(v), PZ__TRUE);
        v = compare_nested(PZ__CEL_COMPARE_DEPTH_MAX + 1, leaves[i]);
        assert_int_equal(kit_error_of(v)->status, PZ_ERR_LIMIT);
    }
}

/* ---- texts are paid for ---- */

#define LONG_TEXT 1600 /* octets, read in a hundred steps */

/* The status that an evaluation in so many steps ends with. */
static pz_status status_within(pz_str source, uint32_t steps)
{
    const pz__program *program = kit_compile_with(&k, source, NULL);
    assert_non_null(program);
    k.steps = steps;
    pz_value v = kit_run(&k, program);
    return v.kind == PZ__V_ERROR ? kit_error_of(v)->status : PZ_OK;
}

static void assert_takes(pz_str source, uint32_t steps)
{
    const pz_status enough = status_within(source, steps);
    const pz_status one_less = status_within(source, steps - 1);
    if (enough != PZ_OK || one_less != PZ_ERR_LIMIT)
        fail_msg("%.200s: %s within %u steps, %s in one less", source.data, pz_status_name(enough),
                 steps, pz_status_name(one_less));
}

static void a_long_key_is_paid_for(void **state)
{
    (void)state;
    static const struct {
        const char *source;
        uint32_t steps;
    } rows[] = {
        {"profile.language in profile.address", 100},
        {"profile.address[profile.language] == '' || true", 100},
        {"profile.address[?profile.language].hasValue()", 100},
        {"optional.of(profile.address)[profile.language].hasValue()", 100},
        {"{profile.language: 1}.size() == 1", 100},
        {"{profile.language: 1} == {profile.language: 1}", 301},
        {"[1].transformMapEntry(i, v, {profile.language: v}).size() == 1", 1 + 100 + 1 + 100},
        {"[profile.language].distinct().size() == 1", 101},
        {"!sets.intersects([profile.language], ['a'])", 102},
    };
    static char text[LONG_TEXT];
    memset(text, 'a', sizeof text);
    k.slots[SLOT_LANGUAGE] = pz_value_strn(text, sizeof text);
    k.slots[SLOT_AGE] = pz_value_int(30);
    k.slots[SLOT_ADDRESS] = (pz_value){.kind = PZ_MAP};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
        assert_takes(pz_str_of(rows[i].source), rows[i].steps);
}

/* A turn of a loop takes one step more for each 1,024 octets of names and constants in it. */
static void a_long_constant_is_paid_for_by_the_turn(void **state)
{
    (void)state;
    static const char *const sources[] = {
        "lists.range(10).all(i, profile.language != '%.*s')",
        "lists.range(10).all(i, !profile.language.startsWith('%.*s'))",
        "lists.range(10).all(i, !(profile.language in ['%.*s', 'a']))",
        "lists.range(10).all(i, !has(profile.address.%.*s))",
        "lists.range(10).filter(i, profile.language == '%.*s').size() == 0",
        "lists.range(10).all(i, v, profile.language != '%.*s')",
    };
    static char text[2048], source[4096];
    memset(text, 'b', sizeof text);
    k.slots[SLOT_LANGUAGE] = pz_value_str("de");
    k.slots[SLOT_ADDRESS] = (pz_value){.kind = PZ_MAP};
    for (size_t i = 0; i < sizeof sources / sizeof sources[0]; i++)
        for (int octets = 1022; octets <= 2048; octets += 513) {
            const int len = snprintf(source, sizeof source, sources[i], octets, text);
            const uint32_t turns = 1 + (uint32_t)octets / 1024;
            assert_takes((pz_str){source, (size_t)len}, 10 * turns);
        }
}

/* ---- ranges of a pattern ---- */

/* Twenty-odd classes of a letter table each, then one of `count` single characters. */
static pz_status ranges_of(uint32_t tables, uint32_t count, uint32_t *ranges)
{
    pz__buf text;
    pz__regex_tree tree = {.arena = &k.arena};
    pz__regex_error error;
    pz__buf_init(&text, NULL, SIZE_MAX);
    for (uint32_t i = 0; i < tables; i++)
        pz__buf_format(&text, "[\\pL\\x{%x}]", 0x2500 + 2 * i);
    pz__buf_byte(&text, '[');
    for (uint32_t i = 0; i < count; i++)
        pz__buf_format(&text, "\\x{%x}", 0x2500 + 2 * i);
    pz__buf_byte(&text, ']');
    assert_true(text.len <= PZ__REGEX_PATTERN_MAX);
    pz_status status = pz__regex_parse(&tree, (pz_str){text.data, text.len}, &error);
    *ranges = tree.range_count;
    pz__buf_clear(&text);
    return status;
}

static void ranges_are_taken_up_to_the_limit(void **state)
{
    (void)state;
    uint32_t one, two, ranges;
    assert_int_equal(ranges_of(1, 1, &one), PZ_OK);
    assert_int_equal(ranges_of(2, 1, &two), PZ_OK);
    const uint32_t tables = (PZ__REGEX_RANGES_MAX - 1) / (two - one);
    const uint32_t rest = PZ__REGEX_RANGES_MAX - tables * (two - one);
    assert_int_equal(ranges_of(tables, rest, &ranges), PZ_OK);
    assert_int_equal(ranges, PZ__REGEX_RANGES_MAX);
    assert_int_equal(ranges_of(tables, rest + 1, &ranges), PZ_ERR_LIMIT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, open_kit, close_kit)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_ninth_type_variable_is_dyn),
        TEST(a_block_takes_the_registers_there_are),
        TEST(values_are_compared_to_a_thousand_levels),
        TEST(a_long_key_is_paid_for),
        TEST(a_long_constant_is_paid_for_by_the_turn),
        TEST(ranges_are_taken_up_to_the_limit),
    };
    return cmocka_run_group_tests_name("limits", tests, NULL, NULL);
}
