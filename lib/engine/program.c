/*
 * program.c: the public face of the rule language: compile once, evaluate many times.
 *
 * A pz_program owns a pool in which everything it needs lives: the compiled code, copies of the
 * declarations, the time zones. After compiling nothing in it changes but the count of references,
 * so threads share it. An evaluation works in the caller's pool alone.
 *
 * Variables are slots in the order of their declaration. A slot that holds nothing
 * (pz_value_unknown or a name the map has not) stays pending, and the language makes an unknown of
 * it when it is read; the set of them is what the caller is told.
 *
 * Not here: functions of the host (hosts.c), the excerpt below an error (excerpt.c).
 */
#include "engine/program.h"

#include "base/error.h"
#include "catalog/catalog.h"

/* Longest spelling of a type in an error. */
#define TYPE_TEXT_MAX 512u

static const char no_memory[] = "out of memory";

/* ---- the environment ---- */

static pz_status find_variable(void *self, pz_str name, pz__slot *out)
{
    const pz_program *program = self;
    uint32_t at = pz__names_find(&program->names, name);
    if (at == PZ__NAME_NONE)
        return PZ_ERR_NOT_FOUND;
    *out = (pz__slot){at, program->variables[at].type};
    return PZ_OK;
}

static void suggest_variables(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    const pz_program *program = self;
    for (uint32_t i = 0; i < program->names.count; i++)
        put(payload, program->names.list[i]);
}

static uint64_t size_hint(void *self, uint32_t slot)
{
    const pz_program *program = self;
    uint64_t size = program->variables[slot].size_max;
    return size ? size : UINT64_MAX;
}

static pz_status need_zone(void *self, pz_str name)
{
    pz_program *program = self;
    return pz__zones_need(&program->zones, name);
}

static void suggest_zones(void *self, void (*put)(void *payload, pz_str name), void *payload)
{
    pz__zone_file_list(self, put, payload);
}

static const pz__host_function *find_function(void *self, pz_str name)
{
    const pz_program *program = self;
    return pz__hosts_find(&program->hosts, name);
}

/* ---- declarations ---- */

static pz_status fail_nomem(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "%s", no_memory);
}

static pz_status read_type(pz__arena *arena, const pz__type **out, const char *text, pz_error *err)
{
    *out = &pz__type_dyn;
    return text ? pz__type_parse(arena, out, pz_str_of(text), err) : PZ_OK;
}

static pz_status declare_variables(pz_program *program, const pz_program_options *options,
                                   pz_error *err)
{
    if (options->variable_count > PZ_PROGRAM_VARIABLES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a program has at most %u variables",
                        (unsigned)PZ_PROGRAM_VARIABLES_MAX);
    pz__names_init(&program->names, program->arena);
    program->variables =
        pz__arena_array(program->arena, options->variable_count, sizeof *program->variables);
    if (!program->variables)
        return fail_nomem(err);
    for (uint32_t i = 0; i < options->variable_count; i++) {
        const pz_variable *variable = &options->variables[i];
        if (!variable->name || !variable->name[0])
            return pz__fail(err, PZ_ERR_ARG, "variable %u has no name", i);
        pz__program_variable *own = &program->variables[i];
        own->size_max = variable->size_max;
        pz_status status = read_type(program->arena, &own->type, variable->type, err);
        if (status != PZ_OK)
            return status;
        uint32_t number = pz__names_put(&program->names, pz_str_of(variable->name));
        if (number == PZ__NAME_NONE)
            return fail_nomem(err);
        if (number != i)
            return pz__fail(err, PZ_ERR_ARG, "the variable '%s' is declared twice", variable->name);
    }
    return PZ_OK;
}

/* ---- compiling ---- */

static pz_status issue_fail(pz_status status, pz_str source, const pz__cel_issues *issues,
                            pz_error *err)
{
    if (issues->count == 0)
        return pz__fail(err, status, "%s", pz_status_text(status));
    const pz__cel_issue *issue = &issues->list[0];
    uint32_t line, column;
    pz__locate(source.data, source.len, issue->start, &line, &column);
    if (issue->suggestion.data)
        return pz__fail_at(err, status, line, column, "%s; did you mean '%.*s'?", issue->message,
                           PZ__STR_ARG(issue->suggestion));
    return pz__fail_at(err, status, line, column, "%s", issue->message);
}

static pz_status compile(pz_program *program, pz_str source, const pz_program_options *options,
                         pz_error *err)
{
    pz_status status = declare_variables(program, options, err);
    if (status == PZ_OK)
        status = pz__hosts_read(&program->hosts, program->arena, options->functions,
                                options->function_count, "a program", err);
    pz__cel_options cel = {.unchecked = options->flags & PZ_PROGRAM_UNCHECKED};
    program->is_unchecked = cel.unchecked;
    if (status == PZ_OK && options->result)
        status = read_type(program->arena, &cel.expect, options->result, err);
    if (status != PZ_OK)
        return status;
    if (options->container)
        cel.container = pz_str_of(options->container);
    pz__zones_init(&program->zones, program->arena);
    program->cost_limit = options->cost_limit;
    program->step_limit = options->step_limit;
    const pz__cel_env env = {
        .self = program,
        .find = find_variable,
        .suggest = suggest_variables,
        .function = find_function,
        .closed = !(options->flags & (PZ_PROGRAM_OPEN | PZ_PROGRAM_UNCHECKED)),
        .zones = &program->zones.set,
        .need_zone = need_zone,
        .suggest_zones = suggest_zones,
        .size_hint = size_hint,
    };
    pz__cel_issues issues = {0};
    status = pz__cel_compile(program->arena, &program->code, source, &env, &cel, &issues);
    return status == PZ_OK ? PZ_OK : issue_fail(status, source, &issues, err);
}

static bool read_options(pz_program_options *own, const pz_program_options *options)
{
    *own = (pz_program_options){PZ_PROGRAM_OPTIONS};
    if (!options)
        return true;
    if (options->size < sizeof(uint32_t) * 2)
        return false;
    const unsigned char *bytes = (const unsigned char *)options;
    for (uint32_t i = sizeof *own; i < options->size; i++)
        if (bytes[i])
            return false;
    memcpy(own, options, options->size < sizeof *own ? options->size : sizeof *own);
    return !(own->flags & ~(uint32_t)(PZ_PROGRAM_OPEN | PZ_PROGRAM_UNCHECKED)) &&
           (own->variables || !own->variable_count) && (own->functions || !own->function_count);
}

pz_status pz_program_compile(pz_program **out, const char *source, size_t len,
                             const pz_program_options *options, pz_error *err)
{
    pz_program_options own;
    pz_pool *pool;
    if (!out || !source || !read_options(&own, options)) {
        if (out)
            *out = NULL;
        return pz__fail(err, PZ_ERR_ARG, "a source and options of a known size are needed");
    }
    *out = NULL;
    if (pz_pool_new(&pool, own.alloc) != PZ_OK)
        return fail_nomem(err);
    pz_program *program = pz__arena_zero(pz__pool_arena(pool), 1, sizeof *program);
    pz_status status = program ? PZ_OK : fail_nomem(err);
    if (program) {
        program->pool = pool;
        program->arena = pz__pool_arena(pool);
        atomic_init(&program->references, 1);
        status = compile(program, (pz_str){source, len}, &own, err);
    }
    if (status == PZ_OK)
        *out = program;
    else
        pz_pool_free(pool);
    return status;
}

pz_program *pz_program_ref(pz_program *program)
{
    if (program)
        atomic_fetch_add_explicit(&program->references, 1, memory_order_relaxed);
    return program;
}

void pz_program_unref(pz_program *program)
{
    if (program && atomic_fetch_sub_explicit(&program->references, 1, memory_order_acq_rel) == 1)
        pz_pool_free(program->pool);
}

/* ---- evaluating ---- */

pz_value pz_value_unknown(void)
{
    return (pz_value){.kind = PZ__V_PENDING};
}

static void leave_pending(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
}

static bool ask_map(void *self, pz_str name, pz_value *out)
{
    const pz_value *variables = self;
    bool found = false;
    if (variables)
        *out = pz_value_get(*variables, name.data, name.len, &found);
    return found;
}

static pz_status tell_error(const pz_program *program, pz_value result, pz_error *err)
{
    const pz__cel_error *error = (const pz__cel_error *)(const void *)result.as.text;
    if (error->status == PZ_ERR_NOMEM || error->status == PZ_ERR_LIMIT)
        return pz__fail(err, error->status, "%s", error->message);
    const pz_str source = pz__program_source(program->code);
    uint32_t line, column;
    pz__locate(source.data, source.len, error->offset, &line, &column);
    return pz__fail_at(err, PZ_ERR_EVAL, line, column, "%s", error->message);
}

static pz_status tell_unknown(const pz_program *program, pz_value result, pz_evaluation *out,
                              pz_error *err)
{
    const pz__unknowns *unknowns = (const pz__unknowns *)(const void *)result.as.text;
    out->unknowns = unknowns->slots;
    out->unknown_count = unknowns->count;
    const pz_str name = program->names.list[unknowns->slots[0]];
    if (unknowns->count == 1)
        return pz__fail(err, PZ_ERR_NOT_FOUND, "it depends on '%.*s', which is not known",
                        PZ__STR_ARG(name));
    return pz__fail(err, PZ_ERR_NOT_FOUND, "it depends on '%.*s' and %u more, which are not known",
                    PZ__STR_ARG(name), unknowns->count - 1);
}

static pz_status evaluate(const pz_program *program, pz__arena *arena, pz_value *slots,
                          pz_value *variables, pz_evaluation *out, pz_error *err)
{
    uint64_t cost = 0;
    pz__activation activation = {.slots = slots,
                                 .slot_count = program->names.count,
                                 .self = variables,
                                 .fetch = leave_pending,
                                 .name = ask_map,
                                 .arena = arena,
                                 .step_limit = program->step_limit,
                                 .cost = out->wants_cost || program->cost_limit ? &cost : NULL,
                                 .cost_limit = program->cost_limit};
    pz_value result = pz__cel_eval(program->code, &activation);
    out->cost = cost;
    if (result.kind == PZ__V_ERROR)
        return tell_error(program, result, err);
    if (result.kind == PZ__V_UNKNOWN)
        return tell_unknown(program, result, out, err);
    pz_status status = result.kind >= PZ_LIST ? pz__cel_plain(arena, &result) : PZ_OK;
    if (status != PZ_OK)
        return pz__fail(err, status, "the result is too large or nested too deeply");
    out->value = result;
    return PZ_OK;
}

/* The caller's struct, emptied but for what it asks; a local one for NULL. NULL for a bad size. */
static pz_evaluation *begin(pz_evaluation *out, pz_evaluation *local)
{
    if (!out) {
        *local = (pz_evaluation)PZ_EVALUATION_INIT;
        return local;
    }
    if (out->size < PZ__RELEASED_SIZE(pz_evaluation, reserved))
        return NULL;
    const pz_evaluation fresh = {.size = out->size, .wants_cost = out->wants_cost};
    memcpy(out, &fresh, out->size < sizeof fresh ? out->size : sizeof fresh);
    return out;
}

pz_status pz_program_eval(const pz_program *program, pz_pool *pool, const pz_value *values,
                          size_t count, pz_evaluation *out, pz_error *err)
{
    pz_evaluation local;
    pz_evaluation *own = begin(out, &local);
    if (!program || !pool || !own || (!values && count > 0) || count != program->names.count)
        return pz__fail(err, PZ_ERR_ARG,
                        "a program, a pool and a value for each variable are needed");
    pz__arena *arena = pz__pool_arena(pool);
    pz_value *slots = pz__arena_array(arena, count, sizeof *slots);
    if (!slots)
        return fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        slots[i] = values[i];
        if (slots[i].kind > PZ_MAP && slots[i].kind != PZ__V_PENDING)
            return pz__fail(err, PZ_ERR_ARG, "the value of variable %zu is of no kind", i);
    }
    return evaluate(program, arena, slots, NULL, own, err);
}

/* A variable of a map is of another kind than declared, or has such items. */
static pz_status wrong_type(const pz_program *program, uint32_t number, const pz__arena *arena,
                            pz_value value, pz_error *err)
{
    pz__buf type;
    pz__buf_init(&type, &arena->alloc, TYPE_TEXT_MAX);
    pz__type_print(&type, program->variables[number].type);
    const pz_status status =
        type.status == PZ_OK
            ? pz__fail(err, PZ_ERR_TYPE, "variable '%.*s' is declared %.*s, and was given %s%s",
                       PZ__STR_ARG(program->names.list[number]), (int)type.len, type.data,
                       value.kind == PZ_LIST || value.kind == PZ_MAP ? "another " : "",
                       pz_kind_name((pz_kind)value.kind))
            : pz__fail(err, type.status, "%s", pz_status_text(type.status));
    pz__buf_clear(&type);
    return status;
}

/* A variable of a map as one of its declared type: who hands in a map seldom tells 10 from 10.0. */
static pz_status fit_variable(const pz_program *program, uint32_t number, pz__arena *arena,
                              pz_value *value, pz_error *err)
{
    const pz__type *type = program->variables[number].type;
    if (pz__type_holds(type, *value) || program->is_unchecked)
        return PZ_OK;
    if (value->kind == PZ_NULL) {
        *value = pz_value_unknown();
        return PZ_OK;
    }
    pz_value fitting;
    const pz_status status = pz__value_fit(arena, type, *value, &fitting);
    if (status == PZ_ERR_NOMEM)
        return fail_nomem(err);
    if (status != PZ_OK)
        return wrong_type(program, number, arena, *value, err);
    *value = fitting;
    return PZ_OK;
}

pz_status pz_program_eval_map(const pz_program *program, pz_pool *pool, pz_value variables,
                              pz_evaluation *out, pz_error *err)
{
    pz_evaluation local;
    pz_evaluation *own = begin(out, &local);
    if (!program || !pool || !own || (variables.kind != PZ_MAP && variables.kind != PZ_NULL))
        return pz__fail(err, PZ_ERR_ARG, "a program, a pool and a map of variables are needed");
    pz__arena *arena = pz__pool_arena(pool);
    pz_value *slots = pz__arena_array(arena, program->names.count, sizeof *slots);
    if (!slots)
        return fail_nomem(err);
    for (uint32_t i = 0; i < program->names.count; i++) {
        bool found;
        const pz_str name = program->names.list[i];
        slots[i] = pz_value_get(variables, name.data, name.len, &found);
        const pz_status status = found ? fit_variable(program, i, arena, &slots[i], err) : PZ_OK;
        if (status != PZ_OK)
            return status;
        if (!found)
            slots[i] = pz_value_unknown();
    }
    return evaluate(program, arena, slots, &variables, own, err);
}

/* ---- reading out ---- */

void pz_program_cost(const pz_program *program, uint64_t *least, uint64_t *most)
{
    const pz__cel_cost cost =
        program ? pz__program_cost(program->code) : (pz__cel_cost){0, UINT64_MAX};
    if (least)
        *least = cost.least;
    if (most)
        *most = cost.most;
}

static pz_status keep_text(pz_pool *pool, pz__buf *buf, pz_status status, pz_str *out)
{
    *out = (pz_str){NULL, 0};
    status = status == PZ_OK ? buf->status : status;
    if (status == PZ_OK) {
        const char *text = pz__arena_text(pz__pool_arena(pool), buf->data, buf->len);
        *out = (pz_str){text, text ? buf->len : 0};
        status = text ? PZ_OK : PZ_ERR_NOMEM;
    }
    pz__buf_clear(buf);
    return status;
}

pz_status pz_program_type(const pz_program *program, pz_pool *pool, pz_str *out)
{
    pz__buf buf;
    if (!program || !pool || !out)
        return PZ_ERR_ARG;
    pz__buf_init(&buf, &pz__pool_arena(pool)->alloc, PZ__CEL_SOURCE_MAX);
    pz__type_print(&buf, pz__program_type(program->code));
    return keep_text(pool, &buf, PZ_OK, out);
}

pz_status pz_program_text(const pz_program *program, pz_pool *pool, pz_str *out)
{
    pz__buf buf;
    if (!program || !pool || !out)
        return PZ_ERR_ARG;
    /* An escape takes at most four octets for one, and blanks are put around operators. */
    pz__buf_init(&buf, &pz__pool_arena(pool)->alloc, 8u * PZ__CEL_SOURCE_MAX);
    pz_status status = pz__cel_canonical(&buf, pz__program_source(program->code), false);
    return keep_text(pool, &buf, status, out);
}

bool pz_program_reads(const pz_program *program, size_t index)
{
    uint32_t count;
    if (!program)
        return false;
    const uint32_t *slots = pz__program_slots(program->code, &count);
    for (uint32_t i = 0; i < count; i++)
        if (slots[i] == index)
            return true;
    return false;
}
