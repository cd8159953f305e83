/*
 * fuzz_cel.c: any bytes as a rule: parsed, checked, planned, evaluated.
 *
 * The first byte chooses: checked or not, macros or not, what is in the slots. Whatever compiles
 * must verify; whatever is refused must say where and why; a checked rule must come out as it does
 * unchecked, and either as it does while its costs are counted, when no loop is scanned; and with
 * less memory, of an amount that the bytes choose, as it did or as an error of memory.
 *
 * `m` is a map of a few members or of many, `l` a list of records that are alike, but for some.
 */
#include <stdlib.h>
#include <string.h>

#include "cel/cel.h"
#include "cel/program.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Enough for any honest rule; a rule that joins lists in a loop must not swallow the machine. */
#define ARENA_MAX (64u << 20)

static const pz__type *const member_types[] = {&pz__type_string, &pz__type_dyn};
static const pz__type map_type = {PZ__T_MAP, 2, member_types, {NULL, 0}};
static const pz__type *const item_types[] = {&map_type};
static const pz__type list_type = {PZ__T_LIST, 1, item_types, {NULL, 0}};

static const struct {
    const char *name;
    const pz__type *type;
} names[] = {{"n", &pz__type_int},    {"s", &pz__type_string}, {"d", &pz__type_dyn},
             {"a.b", &pz__type_bool}, {"f", &pz__type_double}, {"t", &pz__type_timestamp},
             {"m", &map_type},        {"l", &list_type}};
#define NAME_COUNT (sizeof names / sizeof names[0])
#define MAY_BE_PENDING 6u /* those before `m` */

static const char few[] = "{\"s\": \"paid\", \"f\": 0.5, \"n\": 3, \"a_long_name\": [1]}";
static const char many[] =
    "{\"n\": 3, \"f\": 7, \"s\": \"te\", \"b\": true, \"k\": {\"n\": 1}, \"aa\": 1, \"ab\": 2,"
    " \"a_name_of_more_than_sixteen\": \"x\", \"eight888\": null, \"y\": -1, \"z\": [\"a\", "
    "\"b\"]}";
static const char alike[] = "[{\"n\": 1, \"f\": 0.5, \"s\": \"paid\", \"b\": true}, {\"n\": 2, "
                            "\"f\": 1.5, \"s\": \"open\", \"b\": false},"
                            " {\"n\": 3, \"f\": 2, \"s\": \"paid\", \"b\": true}, {\"n\": 4, "
                            "\"f\": 70.25, \"s\": \"\", \"b\": true}]";
static const char unlike[] = "[{\"n\": 1, \"f\": 0.5, \"s\": \"paid\"}, {\"f\": 3, \"n\": \"x\", "
                             "\"s\": \"open\"}, null, {\"s\": \"te\"}, {},"
                             " {\"n\": 1, \"f\": 0.5, \"s\": \"paid\", \"u\": 1, \"v\": 1, \"w\": "
                             "1, \"x\": 1, \"y\": 1, \"z\": 1}, [1], 4]";

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_out_of_memory(pz_value v)
{
    return v.kind == PZ__V_ERROR &&
           ((const pz__cel_error *)(const void *)v.as.text)->status == PZ_ERR_NOMEM;
}

/* One run may be left less of the arena than the other. */
static void require_same(pz_value a, pz_value b)
{
    if (is_out_of_memory(a) || is_out_of_memory(b))
        return;
    require(a.kind == b.kind);
    require(a.kind != PZ_BOOL || a.as.b == b.as.b);
    require(a.kind != PZ_INT || a.as.i == b.as.i);
}

static pz_status find(void *self, pz_str name, pz__slot *out)
{
    (void)self;
    for (uint32_t i = 0; i < NAME_COUNT; i++)
        if (pz__str_equal(name, pz_str_of(names[i].name))) {
            *out = (pz__slot){i, names[i].type};
            return PZ_OK;
        }
    return PZ_ERR_NOT_FOUND;
}

static pz_status derive(void *self, pz_str function, const pz__call_arg *args, uint32_t count,
                        pz__slot *out, pz_error *err)
{
    (void)self;
    (void)err;
    if (!pz__str_equal(function, PZ__STR("count")) || count != 1 || !args[0].is_constant)
        return PZ_ERR_NOT_FOUND;
    *out = (pz__slot){0, &pz__type_int};
    return PZ_OK;
}

static void suggest(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    (void)self;
    for (uint32_t i = 0; i < NAME_COUNT; i++)
        put(payload, pz_str_of(names[i].name));
}

static void fetch(void *self, uint32_t slot)
{
    (void)self;
    (void)slot; /* stays pending: becomes unknown */
}

static pz_value document(pz__arena *arena, const char *json)
{
    pz_value v;
    require(pz__json_read(arena, &v, json, strlen(json), 0, NULL) == PZ_OK);
    return v;
}

static pz_value run(pz__arena *arena, const pz__program *program, uint8_t choice, pz_value m,
                    pz_value l)
{
    pz_value slots[NAME_COUNT] = {
        pz_value_int(choice),
        pz_value_str("text"),
        pz_value_int(-1),
        pz_value_bool(true),
        pz_value_double(0.5),
        pz_value_time_ms(1700000000000),
        m,
        l,
    };
    for (uint32_t i = 0; i < MAY_BE_PENDING; i++)
        if (choice >> (i + 2) & 1)
            slots[i] = (pz_value){.kind = PZ__V_PENDING};
    pz__activation activation = {.slots = slots,
                                 .slot_count = NAME_COUNT,
                                 .fetch = fetch,
                                 .arena = arena,
                                 .step_limit = 20000};
    const pz_value scanned = pz__cel_eval(program, &activation);
    uint64_t cost;
    activation.cost = &cost;
    const pz_value counted = pz__cel_eval(program, &activation);
    require_same(scanned, counted);
    return scanned;
}

static bool compile(pz__arena *arena, const pz__program **program, pz_str source, bool unchecked,
                    bool no_macros)
{
    pz__cel_env env = {.find = find, .derive = derive, .suggest = suggest, .closed = !unchecked};
    pz__cel_options options = {.unchecked = unchecked, .no_macros = no_macros};
    pz__cel_issues issues;
    pz_status status = pz__cel_compile(arena, program, source, &env, &options, &issues);
    if (status == PZ_OK) {
        require(pz__program_verify(*program));
        return true;
    }
    require(status == PZ_ERR_NOMEM || issues.count > 0);
    for (uint32_t i = 0; i < issues.count; i++)
        require(issues.list[i].message[0] && issues.list[i].start <= issues.list[i].end &&
                issues.list[i].end <= source.len + PZ__CEL_SOURCE_MAX);
    return false;
}

/* An arena that has `room` octets, or what its first piece has, and never more. */
static void open_small(pz__arena *arena, size_t room)
{
    pz__arena_init(arena, NULL, 0);
    require(pz__arena_new(arena, 16) != NULL);
    const size_t left = (size_t)(arena->end - arena->next);
    if (left > room)
        require(pz__arena_new(arena, left - room) != NULL);
    arena->limit = arena->reserved;
}

/* The same within an arena that may be too small. */
static void run_short_of_memory(pz_str source, uint8_t choice, pz_value peaceful)
{
    uint32_t sum = 0;
    for (size_t i = 0; i < source.len; i++)
        sum = sum * 31 + (uint8_t)source.data[i];
    pz__arena arena, documents;
    const pz__program *program;
    pz__arena_init(&documents, NULL, 0);
    const pz_value m = document(&documents, choice & 4 ? few : many);
    const pz_value l = document(&documents, choice & 8 ? alike : unlike);
    open_small(&arena, sum % 192 * 16);
    if (compile(&arena, &program, source, true, (choice & 2) != 0))
        require_same(run(&arena, program, choice, m, l), peaceful);
    pz__arena_clear(&arena);
    pz__arena_clear(&documents);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    uint8_t choice = data[0];
    bool no_macros = (choice & 2) != 0;
    pz_str source = {(const char *)data + 1, size - 1};
    pz__arena arena;
    const pz__program *checked, *unchecked;
    pz__arena_init(&arena, NULL, ARENA_MAX);
    const pz_value m = document(&arena, choice & 4 ? few : many);
    const pz_value l = document(&arena, choice & 8 ? alike : unlike);
    bool is_typed = compile(&arena, &checked, source, false, no_macros);
    bool is_plain = compile(&arena, &unchecked, source, true, no_macros);
    require(is_plain || !is_typed);
    const pz_value b = is_plain ? run(&arena, unchecked, choice, m, l) : pz_value_null();
    if (is_typed)
        require_same(run(&arena, checked, choice, m, l), b);
    if (is_plain)
        run_short_of_memory(source, choice, b);
    pz__arena_clear(&arena);
    return 0;
}
