/*
 * cel.c: the published cases of the Common Expression Language, one JSON object a line.
 *
 * A case passes if the outcome is the expected one, kind for kind; "error" is met by a failure in
 * any phase. A case that is checked is also compiled unchecked, and must then come out the same.
 * Cases that need a feature which is not in `built` are skipped; nothing else is.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cel/types.h"
#include "cel_case.h"
#include "suite.h"

static bool type_fits(kase *k, const pz__program *program, pz_value typed)
{
    const pz__type *want = case_type(k, case_member(typed, "type"));
    if (!want)
        return false;
    pz__buf text;
    pz__buf_init(&text, NULL, 4096);
    pz__type_print(&text, pz__program_type(program));
    bool fits = pz__type_same(want, pz__program_type(program));
    if (!fits)
        snprintf(k->why, sizeof k->why, "the type is %.*s", (int)text.len, text.data);
    pz__buf_clear(&text);
    return fits;
}

static void describe(kase *k, pz_value v)
{
    if (v.kind == PZ__V_ERROR)
        snprintf(k->why, sizeof k->why, "%s",
                 ((const pz__cel_error *)(const void *)v.as.text)->message);
    else
        snprintf(k->why, sizeof k->why, "a value of kind %u, %lld", v.kind, (long long)v.as.i);
}

static bool run(kase *k, bool unchecked)
{
    pz_value expect = case_member(k->json, "expect"), typed = case_member(expect, "typed_result");
    bool wants_error = case_member(expect, "error").kind != PZ_NULL;
    pz__cel_env env = {.self = k,
                       .find = case_find,
                       .function = case_function,
                       .closed = !unchecked,
                       .zones = &k->zones,
                       .need_zone = case_need_zone};
    pz__cel_options options = {.container = pz_value_text(case_member(k->json, "container")),
                               .unchecked = unchecked,
                               .no_macros = case_flag(k, "disable_macros")};
    const pz__program *program;
    pz__cel_issues issues;
    pz_str source = pz_value_text(case_member(k->json, "expr"));
    if (pz__cel_compile(&k->arena, &program, source, &env, &options, &issues) != PZ_OK) {
        snprintf(k->why, sizeof k->why, "%s", issues.count ? issues.list[0].message : "?");
        return wants_error;
    }
    if (typed.kind != PZ_NULL && !unchecked && !type_fits(k, program, typed))
        return false;
    if (case_flag(k, "check_only"))
        return true;
    pz__activation activation = {.slots = k->slots,
                                 .slot_count = k->count,
                                 .self = k,
                                 .fetch = case_fetch,
                                 .arena = &k->arena};
    pz_value result = pz__cel_eval(program, &activation);
    describe(k, result);
    if (wants_error)
        return result.kind == PZ__V_ERROR;
    pz_value value = case_member(typed.kind != PZ_NULL ? typed : expect, "value");
    return case_same(result, case_value(k, value));
}

static void run_line(const char *line, size_t len, counts *result)
{
    kase k = {.count = 0};
    pz_error err = PZ_ERROR_INIT;
    pz__arena_init(&k.arena, NULL, 0);
    k.zones.arena = &k.arena;
    if (pz__json_read(&k.arena, &k.json, line, len, 0, &err) != PZ_OK) {
        printf("a line that is no JSON: %s\n", err.message);
        result->failed++;
    } else if (case_is_skipped(&k)) {
        result->skipped++;
    } else {
        case_environment(&k);
        bool checked = !case_flag(&k, "disable_check"), once = case_flag(&k, "check_only");
        if ((!checked || run(&k, false)) && (once || run(&k, true))) {
            result->passed++;
        } else {
            result->failed++;
            printf("%.*s: %s\n", PZ__STR_ARG(pz_value_text(case_member(k.json, "id"))), k.why);
        }
    }
    pz__arena_clear(&k.arena);
}

void suite_cel(const char *path, counts *result)
{
    suite_lines(path, run_line, result);
}
