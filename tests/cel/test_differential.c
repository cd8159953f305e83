/*
 * test_differential.c: every way to run an expression gives what walking its tree gives.
 *
 * An expression is compiled with its literals, so that what can be folded is, and with a slot in
 * the place of each, so that nothing is; each checked and unchecked, and once with the cost
 * counted. Slots hold values, errors, or nothing that is known; some are filled only when asked
 * for. The walker (walker.c) knows nothing of all that.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#include "cel/ast.h"
#include "cel/gen_typed.h"
#include "cel/program.h"
#include "cel/walker.h"

typedef struct bench {
    pz__arena arena; /* of one case */
    pz__arena constants;
    const char *names[GEN_NAMES];
    const pz__type *types[GEN_NAMES];
    pz_value literals[GEN_NAMES];
    pz_value slots[GEN_NAMES]; /* as they are */
    pz_value seen[GEN_NAMES];  /* as an activation has them, some not fetched yet */
    uint32_t count;
    gen_pair text;
    size_t checked, refused, errors, unknowns, values; /* how the cases came out */
} bench;

static pz_status find(void *self, pz_str name, pz__slot *out)
{
    const bench *b = self;
    for (uint32_t i = 0; i < b->count; i++)
        if (pz__str_equal(name, pz_str_of(b->names[i]))) {
            *out = (pz__slot){i, b->types[i]};
            return PZ_OK;
        }
    return PZ_ERR_NOT_FOUND;
}

static void fetch(void *self, uint32_t slot)
{
    bench *b = self;
    b->seen[slot] = b->slots[slot];
}

static const pz__program *compile(bench *b, pz_str source, bool unchecked)
{
    const pz__program *program = NULL;
    pz__cel_issues issues = {0};
    pz__cel_env env = {.self = b, .find = find, .closed = true};
    pz__cel_options options = {.unchecked = unchecked};
    pz_status status = pz__cel_compile(&b->arena, &program, source, &env, &options, &issues);
    if (status != PZ_OK && (unchecked || status != PZ_ERR_TYPE))
        fail_msg("%.*s: %s", PZ__STR_ARG(source), issues.count ? issues.list[0].message : "?");
    return status == PZ_OK ? program : NULL;
}

static pz_value run(bench *b, const pz__program *program, bool counted)
{
    uint64_t cost;
    memcpy(b->seen, b->slots, sizeof b->seen);
    for (uint32_t i = 0; i < GEN_VARIABLES; i += 2)
        b->seen[i].kind = PZ__V_PENDING;
    pz__activation activation = {.slots = b->seen,
                                 .slot_count = b->count,
                                 .self = b,
                                 .fetch = fetch,
                                 .arena = &b->arena,
                                 .cost = counted ? &cost : NULL};
    return pz__cel_eval(program, &activation);
}

static void open_bench(bench *b)
{
    *b = (bench){.count = gen_typed_count()};
    pz__arena_init(&b->arena, NULL, 0);
    pz__arena_init(&b->constants, NULL, 0);
    pz__buf_init(&b->text.literal, NULL, 1u << 20);
    pz__buf_init(&b->text.slots, NULL, 1u << 20);
    for (uint32_t i = 0; i < b->count; i++) {
        gen_typed_name name = gen_typed_name_of(i);
        b->names[i] = name.name;
        assert_int_equal(pz__type_parse(&b->constants, &b->types[i], pz_str_of(name.type), NULL),
                         PZ_OK);
        const pz__program *program = NULL;
        if (name.literal)
            assert_int_equal(
                pz__cel_compile(&b->constants, &program, pz_str_of(name.literal), NULL, NULL, NULL),
                PZ_OK);
        if (name.literal)
            assert_true(pz__program_constant(program, &b->slots[i]));
    }
}

static void close_bench(bench *b)
{
    pz__buf_clear(&b->text.literal);
    pz__buf_clear(&b->text.slots);
    pz__arena_clear(&b->arena);
    pz__arena_clear(&b->constants);
}

/* Values for the variables: of their types, errors, or unknown. */
static void draw_slots(bench *b, gen *g)
{
    for (uint32_t i = 0; i < GEN_VARIABLES; i++) {
        const char *text = gen_typed_value(g, i);
        const pz__program *program = NULL;
        unsigned fate = (unsigned)gen_below(g, 16);
        if (fate < 4)
            b->slots[i] = (pz_value){.kind = PZ__V_PENDING};
        else if (fate == 4)
            b->slots[i] = pz__cel_fail(&b->arena, PZ_ERR_EVAL, "this one is broken");
        else if (pz__cel_compile(&b->arena, &program, pz_str_of(text), NULL, NULL, NULL) == PZ_OK)
            assert_true(pz__program_constant(program, &b->slots[i]));
    }
}

static pz_str text_of(const pz__buf *buf)
{
    return (pz_str){(const char *)buf->data, buf->len};
}

/* What the walker finds; of kind PZ__V_PENDING if the expression is too large to be read. */
static pz_value walk(bench *b, walker_mistake mistake)
{
    pz__issue_sink sink = {.arena = &b->arena};
    pz__expr *tree = pz__parse(&b->arena, &b->arena, text_of(&b->text.literal), NULL, &sink);
    if (!tree && sink.status != PZ_ERR_LIMIT)
        fail_msg("%.*s: %s", PZ__STR_ARG(text_of(&b->text.literal)), sink.list[0].message);
    if (!tree)
        return (pz_value){.kind = PZ__V_PENDING};
    walker w = {.arena = &b->arena,
                .slots = b->slots,
                .names = b->names,
                .name_count = b->count,
                .mistake = mistake};
    return walker_run(&w, tree);
}

/* ---- agreement ---- */

static bool same_slots(uint64_t bits, const pz__unknowns *set)
{
    uint64_t given = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->slots[i] >= 64 || (i && set->slots[i] <= set->slots[i - 1]))
            return false;
        given |= UINT64_C(1) << set->slots[i];
    }
    return given == bits;
}

static bool agrees(pz_value found, pz_value given);

static bool parts_agree(pz_value found, pz_value given)
{
    bool is_map = found.kind == PZ_MAP, same = found.len == given.len;
    for (uint32_t i = 0; i < found.len && same; i++) {
        const pz_entry *x = pz__map_entries(found), *y = pz__map_entries(given);
        same = is_map ? agrees(x[i].key, y[i].key) && agrees(x[i].value, y[i].value)
                      : agrees(found.as.items[i], given.as.items[i]);
    }
    return same;
}

/* True if what an evaluation gave is what the walker found: kind and content to the last bit, sets
 * of unknown slots; any error is any other. */
static bool agrees(pz_value found, pz_value given)
{
    if (found.kind != given.kind)
        return false;
    switch (found.kind) {
    case PZ_NULL:
    case PZ__V_ERROR:
        return true;
    case PZ__V_UNKNOWN:
        return same_slots(found.as.u, (const void *)given.as.text);
    case PZ_BOOL:
        return found.as.b == given.as.b;
    case PZ_DOUBLE:
        return found.as.u == given.as.u || (found.as.d != found.as.d && given.as.d != given.as.d);
    case PZ_STRING:
    case PZ_BYTES:
    case PZ__V_TYPE:
        return pz__str_equal((pz_str){found.as.text, found.len},
                             (pz_str){given.as.text, given.len});
    case PZ_LIST:
    case PZ_MAP:
    case PZ__V_OPTIONAL:
        return parts_agree(found, given);
    default:
        return found.len == given.len && found.as.u == given.as.u;
    }
}

/* ---- comparing ---- */

static bool draw(bench *b, gen *g)
{
    pz__arena_reset(&b->arena);
    pz__buf_reset(&b->text.literal);
    pz__buf_reset(&b->text.slots);
    draw_slots(b, g);
    gen_typed(g, &b->text, 2 + (unsigned)gen_below(g, 4));
    return b->text.literal.len <= 4096;
}

static void print_problem(const bench *b)
{
    for (uint32_t i = 0; i < GEN_VARIABLES; i++) {
        pz_value v = b->slots[i];
        print_message("  %s: kind %u len %u as %lld\n", b->names[i], v.kind, v.len,
                      (long long)v.as.i);
    }
}

static void expect_agreement(bench *b, gen *g, const pz__program *program, const char *way,
                             pz_value found)
{
    for (int counted = 0; counted < 2; counted++) {
        pz_value given = run(b, program, counted);
        if (agrees(found, given))
            continue;
        print_problem(b);
        fail_msg("%s: %s%s of\n%.*s\n%.*s\ngives kind %u (%lld), the walker kind %u (%lld)",
                 gen_place(g), way, counted ? ", counted" : "",
                 PZ__STR_ARG(text_of(&b->text.literal)), PZ__STR_ARG(text_of(&b->text.slots)),
                 given.kind, (long long)given.as.i, found.kind, (long long)found.as.i);
    }
}

static void compare(bench *b, gen *g)
{
    pz_value found = walk(b, WALKER_RIGHT);
    if (found.kind == PZ__V_PENDING)
        return;
    b->errors += found.kind == PZ__V_ERROR;
    b->unknowns += found.kind == PZ__V_UNKNOWN;
    b->values += found.kind != PZ__V_ERROR && found.kind != PZ__V_UNKNOWN;
    static const char *const ways[] = {"literals", "literals, unchecked", "slots",
                                       "slots, unchecked"};
    for (int way = 0; way < 4; way++) {
        pz_str source = text_of(way < 2 ? &b->text.literal : &b->text.slots);
        const pz__program *program = compile(b, source, way % 2);
        if (program)
            assert_true(pz__program_verify(program));
        b->checked += program && way % 2 == 0;
        b->refused += !program;
        if (program)
            expect_agreement(b, g, program, ways[way], found);
    }
}

static void every_way_to_run_agrees_with_the_walker(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    GEN_CASES(g, gen_cases(3000))
    {
        if (draw(&b, &g))
            compare(&b, &g);
    }
    print_message("values %zu, unknown %zu, errors %zu; checked %zu, refused %zu\n", b.values,
                  b.unknowns, b.errors, b.checked, b.refused);
    /* The cases are worth something: a good part has a value, passes the checker, is unknown. */
    size_t all = b.values + b.unknowns + b.errors;
    if (all >= 1000) {
        assert_true(b.values > all / 4 && b.unknowns > all / 20 && b.errors > all / 20);
        assert_true(b.checked > b.refused / 2);
    }
    close_bench(&b);
}

/* True if the walker with its mistake and an evaluation differ on what the generator draws. */
static bool differs(bench *b, gen *g, walker_mistake mistake)
{
    if (!draw(b, g))
        return false;
    pz_value found = walk(b, mistake);
    if (found.kind == PZ__V_PENDING)
        return false;
    const pz__program *program = compile(b, text_of(&b->text.literal), true);
    return !agrees(found, run(b, program, false));
}

/* The comparison has teeth: a walker that makes one mistake is found out. */
static void each_mistake_is_found_out(void **state)
{
    (void)state;
    bench b;
    open_bench(&b);
    for (int mistake = WALKER_RIGHT; mistake < WALKER_MISTAKES; mistake++) {
        gen g = gen_from(7);
        size_t cases = 0, most = mistake == WALKER_RIGHT ? 3000 : 40000;
        while (cases < most && !differs(&b, &g, (walker_mistake)mistake))
            cases++;
        print_message("mistake %d: found out after %zu cases\n", mistake, cases);
        assert_int_equal(mistake == WALKER_RIGHT, cases == most);
    }
    close_bench(&b);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_way_to_run_agrees_with_the_walker),
        cmocka_unit_test(each_mistake_is_found_out),
    };
    return cmocka_run_group_tests_name("differential", tests, NULL, NULL);
}
