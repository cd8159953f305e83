/*
 * eval.c: one expression against variables, for calculators and tests of rules.
 *
 * The environment is open: a name is whatever the map of variables holds under it when the
 * expression runs, so nothing is type-checked beforehand that the expression does not say itself.
 */
#include "engine/engine.h"

static pz_status find_nothing(void *self, pz_str name, pz__slot *out)
{
    (void)self;
    (void)name;
    (void)out;
    return PZ_ERR_NOT_FOUND;
}

static bool find_variable(void *self, pz_str name, pz_value *out)
{
    const pz_value *variables = self;
    bool found;
    *out = pz_value_get(*variables, name.data, name.len, &found);
    return found;
}

static void fetch_nothing(void *self, uint32_t slot)
{
    (void)self;
    (void)slot;
}

static pz_status first_issue(pz_status status, pz_str source, const pz__cel_issues *issues,
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

static pz_status outcome(pz_value *out, pz__arena *arena, pz_value result, pz_str source,
                         pz_error *err)
{
    if (result.kind == PZ__V_ERROR) {
        const pz__cel_error *error = (const pz__cel_error *)(const void *)result.as.text;
        uint32_t line, column;
        pz__locate(source.data, source.len, error->offset, &line, &column);
        const pz_status status = error->status == PZ_ERR_NOMEM ? PZ_ERR_NOMEM : PZ_ERR_EVAL;
        return pz__fail_at(err, status, line, column, "%s", error->message);
    }
    if (result.kind == PZ__V_TYPE)
        result.kind = PZ_STRING;
    if (result.kind > PZ_MAP)
        return pz__fail(err, PZ_ERR_EVAL, "the result is not known");
    const pz_status status = pz__value_copy(arena, out, result);
    if (status == PZ_OK || status == PZ_ERR_NOMEM)
        return status == PZ_OK ? PZ_OK : pz__fail(err, status, "out of memory");
    *out = pz_value_null();
    return pz__fail(err, PZ_ERR_EVAL, "the result %s",
                    status == PZ_ERR_LIMIT ? "is nested too deep"
                                           : "holds something that is no value, such as a type");
}

pz_status pz_eval(pz_value *out, pz_pool *pool, const char *expression, size_t len,
                  pz_value variables, pz_error *err)
{
    if (!out || !pool || !expression || (variables.kind != PZ_MAP && variables.kind != PZ_NULL))
        return pz__fail(err, PZ_ERR_ARG, "a pool, an expression and a map of variables are needed");
    *out = pz_value_null();
    pz__arena *arena = pz__pool_arena(pool);
    const pz__cel_env env = {.find = find_nothing};
    const pz__cel_options options = {0};
    const pz__program *program;
    pz__cel_issues issues = {0};
    const pz_str source = {expression, len};
    const pz_status status = pz__cel_compile(arena, &program, source, &env, &options, &issues);
    if (status != PZ_OK)
        return first_issue(status, source, &issues, err);
    pz__activation activation = {
        .self = &variables,
        .fetch = fetch_nothing,
        .name = find_variable,
        .arena = arena,
    };
    return outcome(out, arena, pz__cel_eval(program, &activation), source, err);
}
