/* kit.c: see kit.h. */
#include "cel/kit.h"

static const struct {
    const char *name, *type;
} declared[] = {
#define KIT_ROW(name, text, type) {text, type},
    KIT_NAMES(KIT_ROW)
#undef KIT_ROW
};

static pz_status find(void *self, pz_str name, pz__slot *out)
{
    kit *k = self;
    for (uint32_t i = 0; i < SLOT_DERIVED; i++)
        if (pz__str_equal(name, pz_str_of(declared[i].name))) {
            out->index = i;
            return pz__type_parse(&k->arena, &out->type, pz_str_of(declared[i].type), NULL);
        }
    return PZ_ERR_NOT_FOUND;
}

static pz_status derive(void *self, pz_str function, const pz__call_arg *args, uint32_t count,
                        pz__slot *out, pz_error *err)
{
    (void)self;
    if (!pz__str_equal(function, PZ__STR("count")))
        return PZ_ERR_NOT_FOUND;
    if (count != 1 || !args[0].is_constant || args[0].constant.kind != PZ_STRING) {
        err->column = count > 0;
        strcpy(err->message, "count() takes the kind of an event as text");
        return PZ_ERR_ARG;
    }
    bool visit = pz__str_equal(pz_value_text(args[0].constant), PZ__STR("visit"));
    *out = (pz__slot){SLOT_DERIVED + visit, &pz__type_int};
    return PZ_OK;
}

/* ---- functions of the host ---- */

static pz_value call_tick(void *self, pz__arena *arena, const pz_value *args, uint32_t count)
{
    (void)arena;
    (void)args;
    (void)count;
    ((kit *)self)->ticks++;
    return pz_value_int(1);
}

static pz_value call_twice(void *self, pz__arena *arena, const pz_value *args, uint32_t count)
{
    (void)self;
    (void)count;
    if (args[0].kind != PZ_INT)
        return pz__cel_fail(arena, PZ_ERR_EVAL, "twice() takes an int");
    return pz_value_int(2 * args[0].as.i);
}

static pz_value call_head(void *self, pz__arena *arena, const pz_value *args, uint32_t count)
{
    (void)self;
    (void)count;
    return args[0].len ? args[0].as.items[0] : pz__cel_fail(arena, PZ_ERR_EVAL, "it is empty");
}

static pz_value call_broken(void *self, pz__arena *arena, const pz_value *args, uint32_t count)
{
    (void)self;
    (void)args;
    (void)count;
    return pz__cel_fail(arena, PZ_ERR_EVAL, "this never works");
}

static const pz__type param_t = {.kind = PZ__T_PARAM, .name = {"Item", 4}};
static const pz__type *const only_t[] = {&param_t};
static const pz__type list_t = {.kind = PZ__T_LIST, .arg_count = 1, .args = only_t};
static const pz__type *const one_list[] = {&list_t};
static const pz__type *const one_int[] = {&pz__type_int};
static const pz__host_overload nullary[] = {{false, &pz__type_int, NULL, 0}};
static const pz__host_overload unary[] = {{false, &pz__type_int, one_int, 1},
                                          {true, &pz__type_int, one_int, 1}};
static const pz__host_overload heading[] = {{false, &param_t, one_list, 1}};

static const pz__host_function *function(void *self, pz_str name)
{
    static const pz__host_function functions[] = {
        {{"twice", 5}, unary, 2, call_twice, NULL},
        {{"geo.head", 8}, heading, 1, call_head, NULL},
        {{"broken", 6}, nullary, 1, call_broken, NULL},
        {{"declared", 8}, unary, 1, NULL, NULL},
        /* a name of the standard, in a shape of its own */
        {{"duration", 8}, nullary, 1, call_broken, NULL},
    };
    kit *k = self;
    k->tick = (pz__host_function){{"tick", 4}, nullary, 1, call_tick, k};
    if (pz__str_equal(name, k->tick.name))
        return &k->tick;
    for (size_t i = 0; i < sizeof functions / sizeof functions[0]; i++)
        if (pz__str_equal(name, functions[i].name))
            return &functions[i];
    return NULL;
}

static void suggest(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    (void)self;
    for (uint32_t i = 0; i < SLOT_DERIVED; i++)
        put(payload, pz_str_of(declared[i].name));
}

static void fetch(void *self, uint32_t slot)
{
    kit *k = self;
    k->fetched[slot]++;
    k->slots[slot] = k->fetch_with[slot].kind == PZ__V_PENDING ? pz__cel_unknown(&k->arena, slot)
                                                               : k->fetch_with[slot];
}

void kit_open(kit *k, const pz_alloc *alloc)
{
    *k = (kit){.status = PZ_OK};
    pz__arena_init(&k->arena, alloc, 0);
    for (uint32_t i = 0; i < SLOT_COUNT; i++)
        k->slots[i] = k->fetch_with[i] = (pz_value){.kind = PZ__V_PENDING};
}

void kit_close(kit *k)
{
    pz__arena_clear(&k->arena);
}

pz__cel_env kit_env(kit *k)
{
    return (pz__cel_env){.self = k,
                         .find = find,
                         .derive = derive,
                         .function = function,
                         .suggest = suggest,
                         .closed = true};
}

const pz__program *kit_compile_with(kit *k, pz_str source, const pz__cel_options *options)
{
    const pz__program *program = NULL;
    pz__cel_env env = kit_env(k);
    k->status = pz__cel_compile(&k->arena, &program, source, &env, options, &k->issues);
    return k->status == PZ_OK ? program : NULL;
}

const pz__program *kit_compile(kit *k, const char *source)
{
    return kit_compile_with(k, pz_str_of(source), NULL);
}

pz_value kit_run(kit *k, const pz__program *program)
{
    pz__activation activation = {.slots = k->slots,
                                 .slot_count = SLOT_COUNT,
                                 .self = k,
                                 .fetch = fetch,
                                 .arena = &k->arena,
                                 .step_limit = k->steps};
    return pz__cel_eval(program, &activation);
}

pz_value kit_eval(kit *k, const char *source)
{
    const pz__program *program = kit_compile(k, source);
    if (!program)
        fail_msg("%s: %s", source, k->issues.count ? k->issues.list[0].message : "no issue");
    return kit_run(k, program);
}

const pz__cel_error *kit_error_of(pz_value v)
{
    assert_int_equal(v.kind, PZ__V_ERROR);
    return (const void *)v.as.text;
}

const char *kit_error(pz_value v)
{
    return kit_error_of(v)->message;
}
