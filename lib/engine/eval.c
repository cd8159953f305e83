/*
 * eval.c: one expression against variables, for calculators and tests of rules: an open program
 * that is compiled, evaluated once and dropped.
 *
 * The environment is open: a name is whatever the map of variables holds under it when the
 * expression runs, so nothing is type-checked beforehand that the expression does not say itself.
 * The result is copied, since what it borrows from the program goes with it.
 */
#include "engine/engine.h"

#include <personalize/program.h>

static pz_status keep(pz__arena *arena, pz_value *out, pz_value value, pz_error *err)
{
    const pz_status status = pz__value_copy(arena, out, value);
    if (status == PZ_OK)
        return PZ_OK;
    *out = pz_value_null();
    if (status == PZ_ERR_NOMEM)
        return pz__fail(err, status, "out of memory");
    return pz__fail(err, PZ_ERR_EVAL, "the result %s",
                    status == PZ_ERR_LIMIT ? "is nested too deep"
                                           : "holds something that is no value");
}

pz_status pz_eval(pz_value *out, pz_pool *pool, const char *expression, size_t len,
                  pz_value variables, pz_error *err)
{
    if (!out || !pool || !expression || (variables.kind != PZ_MAP && variables.kind != PZ_NULL))
        return pz__fail(err, PZ_ERR_ARG, "a pool, an expression and a map of variables are needed");
    *out = pz_value_null();
    pz__arena *arena = pz__pool_arena(pool);
    const pz_alloc alloc = arena->alloc;
    const pz_program_options options = {PZ_PROGRAM_OPTIONS, .flags = PZ_PROGRAM_OPEN,
                                        .alloc = &alloc};
    pz_program *program;
    pz_evaluation evaluation = PZ_EVALUATION_INIT;
    pz_status status = pz_program_compile(&program, expression, len, &options, err);
    if (status != PZ_OK)
        return status;
    status = pz_program_eval_map(program, pool, variables, &evaluation, err);
    if (status == PZ_OK)
        status = keep(arena, out, evaluation.value, err);
    else if (status == PZ_ERR_LIMIT) /* of evaluating: callers know compiling by that status */
        status = pz__fail(err, PZ_ERR_EVAL, "the evaluation takes too many steps or is too large");
    pz_program_unref(program);
    return status;
}
