/*
 * compile.c: source to program, phase by phase.
 *
 *      limits, UTF-8  ->  parse  ->  check and fold  ->  plan  ->  verify  ->  evaluate if constant
 *
 * The tree and the types of one compilation live in a scratch arena that is gone at the end; the
 * program, its constants and the issues live in the caller's. A mistake ends the compilation after
 * the phase that found it, so an author sees all mistakes of one kind together.
 *
 * An expression that reads nothing (no slot, no name) is evaluated here, within a small budget of
 * steps, and becomes a constant; if it fails, it keeps its code and fails when it is asked.
 */
#include <assert.h>

#include "base/utf8.h"
#include "cel/check.h"
#include "cel/program.h"

/* Steps that folding may take: enough for any table an author writes, no burden when loading. */
#define FOLD_STEPS 10000u

static bool within_limits(pz_str source, pz__issue_sink *sink)
{
    if (source.len > PZ__CEL_SOURCE_MAX) {
        pz__issue(sink, PZ_ERR_LIMIT, 0, PZ__CEL_SOURCE_MAX,
                  "an expression has at most %u bytes; split it", PZ__CEL_SOURCE_MAX);
        return false;
    }
    size_t bad = pz__utf8_first_bad(source.data ? source.data : "", source.len);
    if (bad < source.len) {
        pz__issue(sink, PZ_ERR_PARSE, (uint32_t)bad, (uint32_t)bad + 1,
                  "the source is not valid UTF-8 here");
        return false;
    }
    return true;
}

/* True if the program asks the activation for names or calls the host. */
static bool asks(const pz__program *program)
{
    for (uint32_t i = 0; i < program->code_count; i++)
        if (program->code[i].op == PZ__OP_NAME || program->code[i].op == PZ__OP_HOST)
            return true;
    return false;
}

static void evaluate_constant(pz__arena *arena, pz__program *program)
{
    if (program->slot_count > 0 || asks(program))
        return;
    pz__activation nothing = {.arena = arena, .step_limit = FOLD_STEPS};
    pz_value value = pz__cel_eval(program, &nothing);
    if (value.kind == PZ__V_ERROR || value.kind == PZ__V_UNKNOWN)
        return;
    program->is_constant = true;
    program->constant = value;
}

static pz__program *finish(pz__arena *arena, pz__program *program, pz_str source,
                           const pz__expr *expr, const pz__cel_env *env,
                           const pz__cel_options *options)
{
    pz_str container = options ? options->container : (pz_str){NULL, 0};
    program->source.data = pz__arena_text(arena, source.data, source.len);
    program->source.len = source.len;
    program->container.data = pz__arena_text(arena, container.data, container.len);
    program->container.len = container.len;
    program->type = pz__type_copy(arena, expr->type);
    if (!program->source.data || !program->container.data || !program->type)
        return NULL;
    program->zones = env ? env->zones : NULL;
    assert(pz__program_verify(program));
    evaluate_constant(arena, program);
    return program;
}

static pz__program *compile(pz__arena *scratch, pz__arena *arena, pz_str source,
                            const pz__cel_env *env, const pz__cel_options *options,
                            pz__issue_sink *sink)
{
    if (!within_limits(source, sink))
        return NULL;
    pz__parse_options parse = {.no_macros = options && options->no_macros};
    pz__expr *expr = pz__parse(scratch, arena, source, &parse, sink);
    if (!expr)
        return NULL;
    pz__checker ck = {.scratch = scratch,
                      .arena = arena,
                      .sink = sink,
                      .env = env,
                      .options = options,
                      .source = source,
                      .fold_steps = FOLD_STEPS};
    pz__check(&ck, expr);
    if (sink->status != PZ_OK)
        return NULL;
    pz__cel_cost cost = pz__cost_estimate(&ck, expr);
    pz__program *program = pz__plan(scratch, arena, expr, sink);
    if (program)
        program->cost = cost;
    if (program && !(program = finish(arena, program, source, expr, env, options)))
        pz__issue_nomem(sink);
    return program;
}

pz_status pz__cel_compile(pz__arena *arena, const pz__program **out, pz_str source,
                          const pz__cel_env *env, const pz__cel_options *options,
                          pz__cel_issues *issues)
{
    pz__issue_sink sink = {.arena = arena};
    pz__arena scratch;
    pz__arena_init(&scratch, &arena->alloc, 0);
    const pz__program *program = compile(&scratch, arena, source, env, options, &sink);
    pz__arena_clear(&scratch);
    if (issues)
        *issues = (pz__cel_issues){sink.list, sink.count};
    if (sink.status == PZ_OK)
        *out = program;
    return sink.status;
}
