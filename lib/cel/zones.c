/*
 * zones.c: which time zones an expression needs, found while it is checked.
 *
 * A getter with a zone written out, t.getHours('Europe/Berlin'), needs that one; a zone that is
 * computed may be any, so the environment is asked to make all ready. Both happen when a rule is
 * compiled: evaluation only looks a name up in tables that are there. UTC and fixed offsets need
 * nothing. Beside a zone that does not exist the nearest one is told, or the one whose last part
 * was written: 'Europe/Berlin' for 'Berlin'.
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

/* ---- suggestions ---- */

/* Names come in any order and only for a moment; of equally good ones the least is kept. */
typedef struct search {
    pz_str wanted;
    size_t near_len, part_len;
    char near[PZ__ZONE_NAME_MAX], part[PZ__ZONE_NAME_MAX]; /* nearest; with the same last part */
} search;

static void take_near(search *s, pz_str name)
{
    pz_str best = {s->near, s->near_len};
    bool is_less = pz__str_compare(name, best) < 0;
    const pz_str both[] = {is_less ? name : best, is_less ? best : name};
    pz_str near = s->near_len ? pz__nearest(s->wanted, both, 2) : pz__nearest(s->wanted, &name, 1);
    if (near.len && near.data == name.data) {
        memcpy(s->near, name.data, name.len);
        s->near_len = name.len;
    }
}

static pz_str last_part(pz_str name)
{
    size_t start = name.len;
    while (start > 0 && name.data[start - 1] != '/')
        start--;
    return (pz_str){name.data + start, name.len - start};
}

static void put_zone(void *payload, pz_str name)
{
    search *s = payload;
    if (!pz__zone_name_ok(name)) /* nor longer than is room for */
        return;
    take_near(s, name);
    bool is_better = !s->part_len || pz__str_compare(name, (pz_str){s->part, s->part_len}) < 0;
    if (is_better && pz__str_equal(last_part(name), last_part(s->wanted))) {
        memcpy(s->part, name.data, name.len);
        s->part_len = name.len;
    }
}

static void suggest(pz__checker *ck, pz__cel_issue *issue, pz_str name)
{
    search s = {.wanted = name};
    if (!ck->env || !ck->env->suggest_zones)
        return;
    ck->env->suggest_zones(ck->env->self, put_zone, &s);
    pz__issue_suggest(ck->sink, issue,
                      s.near_len ? (pz_str){s.near, s.near_len} : (pz_str){s.part, s.part_len});
}

/* ---- what a call needs ---- */

static void refuse(pz__checker *ck, const pz__expr *arg, pz_str name, pz_status status)
{
    if (ck->options && ck->options->unchecked)
        return;
    if (status != PZ_ERR_NOT_FOUND) {
        pz__issue(ck->sink, PZ_ERR_TYPE, arg->start, arg->end,
                  "the time zone%s%.*s%s cannot be read: %s", name.len ? " '" : "",
                  PZ__STR_ARG(name), name.len ? "'" : "s", pz_status_text(status));
        return;
    }
    suggest(ck,
            pz__issue(ck->sink, PZ_ERR_TYPE, arg->start, arg->end,
                      "there is no time zone '%.*s'; write one such as 'Europe/Berlin', 'UTC' or "
                      "'+02:00'",
                      PZ__STR_ARG(name)),
            name);
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
    else if (status != PZ_OK)
        refuse(ck, arg, name, status);
}
