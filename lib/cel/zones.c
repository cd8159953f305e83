/*
 * zones.c: which time zones an expression needs, found while it is checked.
 *
 * A getter with a zone written out, t.getHours('Europe/Berlin'), needs that one; a zone that is
 * computed may be any, so the environment is asked to make all ready. Both happen when a rule is
 * compiled: evaluation only looks a name up in tables that are there. UTC and fixed offsets need
 * nothing.
 */
#include "cel/check.h"

static bool takes_zone(pz_str function)
{
    static const char *const getters[] = {
        "getFullYear",  "getMonth", "getDate",    "getDayOfMonth", "getDayOfYear",
        "getDayOfWeek", "getHours", "getMinutes", "getSeconds",    "getMilliseconds"};
    for (size_t i = 0; i < sizeof getters / sizeof getters[0]; i++)
        if (pz__str_equal(function, pz_str_of(getters[i])))
            return true;
    return false;
}

static pz_status ask(pz__checker *ck, pz_str name)
{
    if (ck->env && ck->env->need_zone)
        return ck->env->need_zone(ck->env->self, name);
    return name.len ? PZ_ERR_NOT_FOUND : PZ_OK;
}

void pz__check_zone(pz__checker *ck, const pz__expr *call)
{
    if (!call->target || call->count != 1 || !takes_zone(call->name))
        return;
    const pz__expr *arg = call->args[0];
    pz_str name = arg->kind == PZ__E_CONST ? pz_value_text(arg->constant) : (pz_str){NULL, 0};
    int32_t offset;
    if (arg->kind == PZ__E_CONST &&
        (arg->constant.kind != PZ_STRING || pz__zone_fixed(name, &offset)))
        return;
    pz_status status = PZ_ERR_NOT_FOUND;
    if (arg->kind != PZ__E_CONST || pz__zone_name_ok(name))
        status = ask(ck, name);
    if (status == PZ_ERR_NOMEM)
        pz__issue_nomem(ck->sink);
    else if (status != PZ_OK && !(ck->options && ck->options->unchecked))
        pz__issue(ck->sink, PZ_ERR_TYPE, arg->start, arg->end,
                  status == PZ_ERR_NOT_FOUND
                      ? "there is no time zone '%.*s'; write one such as 'Europe/Berlin', 'UTC' or "
                        "'+02:00'"
                      : "the time zone '%.*s' cannot be read",
                  PZ__STR_ARG(name));
}
