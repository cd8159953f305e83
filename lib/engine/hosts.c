/*
 * hosts.c: functions of the host: declared, found by name, and called.
 *
 * Functions of one name are overloads: the first whose parameters hold the arguments is called.
 * That is decided when running, for an unchecked expression has no other time to do it. What comes
 * back is made a value of the declared type (a whole number a double, say) or refused, so that a
 * rule never sees a value that the checker had excluded.
 *
 * The pool that a function makes its result in is the arena of the evaluation: of a program the
 * caller's pool, of a catalog's rule the request.
 *
 * Not here: reading the signatures (signature.c); who has such functions (program.c, engine.c).
 */
#include "engine/hosts.h"

#include "base/error.h"
#include "catalog/catalog.h"

static const char no_memory[] = "out of memory";

/* ---- calling ---- */

static bool holds(const pz__host_overload *overload, const pz_value *args, uint32_t count)
{
    if (overload->param_count != count)
        return false;
    for (uint32_t i = 0; i < count; i++)
        if (!pz__type_holds(overload->params[i], args[i]))
            return false;
    return true;
}

static pz_value host_failed(pz__arena *arena, pz_status status, const pz_error *err)
{
    if (status == PZ_ERR_NOMEM)
        return pz__cel_fail(arena, PZ_ERR_NOMEM, no_memory);
    const char *text = err->message[0] ? err->message : pz_status_text(status);
    const char *copy = pz__arena_text(arena, text, strnlen(text, PZ_ERROR_MESSAGE_MAX));
    return pz__cel_fail(arena, PZ_ERR_EVAL, copy ? copy : no_memory);
}

/* What came back as a value of the declared type: to many hosts 5 is a double as good as 5.0. */
static pz_status as_declared(pz__arena *arena, const pz__type *type, pz_value *result)
{
    pz_value fitting;
    if (pz__type_holds(type, *result))
        return PZ_OK;
    const pz_status status = pz__value_fit(arena, type, *result, &fitting);
    if (status == PZ_OK)
        *result = fitting;
    return status;
}

static pz_value call_host(void *self, pz__arena *arena, const pz_value *args, uint32_t count)
{
    const pz__host_group *group = self;
    pz_error err = PZ_ERROR_INIT;
    pz_value result = pz_value_null();
    for (uint32_t i = 0; i < group->count; i++) {
        if (!holds(&group->overloads[i], args, count))
            continue;
        const pz_function *function = group->functions[i];
        pz_status status =
            function->call(function->payload, pz__pool_of(arena), args, count, &result, &err);
        if (status != PZ_OK)
            return host_failed(arena, status, &err);
        status = as_declared(arena, group->overloads[i].result, &result);
        if (status == PZ_ERR_TYPE)
            pz__fail(&err, status,
                     "the function %s of the host returned a value of another type than declared, "
                     "%s",
                     function->name, pz_kind_name((pz_kind)result.kind));
        return status == PZ_OK ? result : host_failed(arena, status, &err);
    }
    return pz__cel_fail(arena, PZ_ERR_EVAL,
                        "no such overload: the function does not take values of these types");
}

/* ---- declarations ---- */

static pz_status fail_nomem(pz_error *err)
{
    return pz__fail(err, PZ_ERR_NOMEM, "%s", no_memory);
}

const pz__host_function *pz__hosts_find(const pz__hosts *hosts, pz_str name)
{
    for (uint32_t i = 0; i < hosts->count; i++)
        if (pz__str_equal(hosts->list[i].name, name))
            return &hosts->list[i];
    return NULL;
}

/* Room for a function of a new name, or of one that is there. */
static pz__host_group *group_of(pz__hosts *hosts, pz__arena *arena, const char *name, size_t most)
{
    const pz__host_function *there = pz__hosts_find(hosts, pz_str_of(name));
    if (there)
        return &hosts->groups[there - hosts->list];
    pz__host_group *group = &hosts->groups[hosts->count];
    const char *copy = pz__arena_text(arena, name, strlen(name));
    group->overloads = pz__arena_array(arena, most, sizeof *group->overloads);
    group->functions = pz__arena_array(arena, most, sizeof *group->functions);
    if (!copy || !group->overloads || !group->functions)
        return NULL;
    group->count = 0;
    hosts->list[hosts->count++] = (pz__host_function){.name = {copy, strlen(name)},
                                                      .overloads = group->overloads,
                                                      .call = call_host,
                                                      .self = group};
    return group;
}

static size_t count_of_name(const pz_function *functions, size_t count, const char *name)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += functions[i].name && strcmp(functions[i].name, name) == 0;
    return found;
}

static pz_status read_one(pz__hosts *hosts, pz__arena *arena, const pz_function *function,
                          size_t most, pz_error *err)
{
    pz__host_group *group = group_of(hosts, arena, function->name, most);
    if (!group)
        return fail_nomem(err);
    const pz_status status = pz__signature_read(arena, &group->overloads[group->count],
                                                pz_str_of(function->signature), err);
    if (status != PZ_OK)
        return status;
    group->functions[group->count++] = function;
    hosts->list[group - hosts->groups].overload_count = group->count;
    return PZ_OK;
}

pz_status pz__hosts_read(pz__hosts *out, pz__arena *arena, const pz_function *functions,
                         size_t count, const char *who, pz_error *err)
{
    *out = (pz__hosts){.count = 0};
    if (count > PZ_PROGRAM_FUNCTIONS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "%s has at most %u functions of the host", who,
                        (unsigned)PZ_PROGRAM_FUNCTIONS_MAX);
    out->list = pz__arena_array(arena, count, sizeof *out->list);
    out->groups = pz__arena_array(arena, count, sizeof *out->groups);
    pz_function *copies = pz__arena_array(arena, count, sizeof *copies);
    if (!out->list || !out->groups || !copies)
        return fail_nomem(err);
    for (size_t i = 0; i < count; i++) {
        copies[i] = functions[i];
        if (!copies[i].name || !copies[i].name[0] || !copies[i].signature || !copies[i].call)
            return pz__fail(err, PZ_ERR_ARG,
                            "function %zu of the host needs a name, a signature and a callback", i);
        const pz_status status =
            read_one(out, arena, &copies[i], count_of_name(functions, count, copies[i].name), err);
        if (status != PZ_OK)
            return status;
    }
    return PZ_OK;
}
