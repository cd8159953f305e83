/*
 * cel_oom.c: expressions of the cases of the language, while memory runs out at every place.
 *
 * Each case is compiled and evaluated once in peace. Then each request to the heap is refused in
 * turn, alone and with all that follow it; and arenas that may not grow are given, with room for
 * one piece more each time, so that each piece that is asked for is refused once. (Most cases are
 * constant and are evaluated while they are compiled, which is why both phases get such arenas.)
 * The outcome must be that of peace or the error of memory, which no operator absorbs, and nothing
 * may be left behind. The quick run tries every eighth room, another eighth for each case; all are
 * tried with PZ_FULL=1.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cel_case.h"
#include "suite.h"
#include "support/gen.h"
#include "support/oom.h"

/* Pieces of an arena are multiples of this. */
#define PIECE 16
/* Arenas of up to this many octets are tried. */
#define ROOM_MAX 2048

/* The rooms that are tried: from the first on, in steps. */
static size_t first_room, room_step = PIECE;

/* The next case gets the next eighth of all rooms. */
static void choose_rooms(void)
{
    if (gen_is_full())
        return;
    room_step = 8 * (size_t)PIECE;
    first_room = (first_room + PIECE) % room_step;
}

static pz_status status_of(pz_value v)
{
    if (v.kind != PZ__V_ERROR)
        return PZ_OK;
    return ((const pz__cel_error *)(const void *)v.as.text)->status;
}

static bool agrees(kase *k, const char *phase, size_t nth, pz_status got, pz_status peaceful)
{
    if (got == PZ_ERR_NOMEM || got == peaceful)
        return true;
    snprintf(k->why, sizeof k->why, "%s, refusal %zu: status %d in place of %d", phase, nth,
             (int)got, (int)peaceful);
    return false;
}

static bool is_clean(kase *k, const oom *o, const char *phase)
{
    if (o->live_count == 0)
        return true;
    snprintf(k->why, sizeof k->why, "%s leaves %zu blocks behind", phase, o->live_count);
    return false;
}

static pz_status compile(kase *k, pz__arena *arena, const pz__program **program)
{
    const pz__cel_env env = {.self = k,
                             .find = case_find,
                             .function = case_function,
                             .zones = &k->zones,
                             .need_zone = case_need_zone};
    const pz__cel_options options = {.container = pz_value_text(case_member(k->json, "container")),
                                     .unchecked = case_flag(k, "disable_check"),
                                     .no_macros = case_flag(k, "disable_macros")};
    return pz__cel_compile(arena, program, pz_value_text(case_member(k->json, "expr")), &env,
                           &options, NULL);
}

/* Refuse each request of the compilation, alone and with all that come after it. */
static bool compiles_without_memory(kase *k, pz_status peaceful)
{
    oom o;
    oom_init(&o);
    const pz_alloc alloc = oom_alloc(&o);
    bool good = true, refused = true;
    for (size_t nth = 1; good && refused; nth++)
        for (int once = 0; good && once < 2; once++) {
            pz__arena arena;
            const pz__program *program;
            pz__arena_init(&arena, &alloc, 0);
            const size_t before = o.refused_count;
            oom_fail(&o, nth, once);
            pz_status status = compile(k, &arena, &program);
            refused = o.refused_count > before;
            oom_calm(&o);
            pz__arena_clear(&arena);
            good = agrees(k, "compiling", nth, status, peaceful) && is_clean(k, &o, "compiling");
        }
    return good;
}

/* An arena that has `room` octets and never more. */
static void open_small(pz__arena *arena, const pz_alloc *alloc, size_t room)
{
    pz__arena_init(arena, alloc, 0);
    pz__arena_new(arena, PIECE);
    const size_t left = (size_t)(arena->end - arena->next);
    if (left > room)
        pz__arena_new(arena, left - room);
    arena->limit = arena->reserved;
}

static pz_value evaluate(kase *k, const pz__program *program, pz__arena *arena, uint64_t *cost)
{
    pz_value slots[VARIABLES_MAX];
    memcpy(slots, k->slots, sizeof slots);
    pz__activation activation = {
        .slots = slots, .slot_count = k->count, .self = k, .arena = arena, .cost = cost};
    return pz__cel_eval(program, &activation);
}

static bool comes_to(kase *k, pz_value got, pz_value peaceful, size_t nth)
{
    if (!agrees(k, "evaluating", nth, status_of(got), status_of(peaceful)))
        return false;
    if (status_of(got) != PZ_OK || case_same(got, peaceful))
        return true;
    snprintf(k->why, sizeof k->why, "short of memory it comes to another value");
    return false;
}

/* Compile, and where that went well evaluate, with arenas of `room` octets. */
static bool runs_within(kase *k, size_t room, pz_status compiled, pz_value peaceful)
{
    oom o;
    pz__arena small, own;
    const pz__program *program;
    oom_init(&o);
    const pz_alloc alloc = oom_alloc(&o);
    open_small(&small, &alloc, room);
    open_small(&own, &alloc, ROOM_MAX);
    const pz_status status = compile(k, &small, &program);
    bool good = agrees(k, "compiling", room / PIECE, status, compiled);
    /* What was folded while compiling in vain is not folded wrongly. */
    if (good && status == PZ_OK)
        good = comes_to(k, evaluate(k, program, &own, NULL), peaceful, room / PIECE);
    pz__arena_clear(&own);
    pz__arena_clear(&small);
    return good && is_clean(k, &o, "a small arena");
}

static bool evaluates_within(kase *k, const pz__program *program, size_t room, pz_value peaceful)
{
    oom o;
    pz__arena arena;
    oom_init(&o);
    const pz_alloc alloc = oom_alloc(&o);
    open_small(&arena, &alloc, room);
    bool good = comes_to(k, evaluate(k, program, &arena, NULL), peaceful, room / PIECE);
    pz__arena_clear(&arena);
    return good && is_clean(k, &o, "evaluating");
}

/* Evaluate while the nth request is refused; tells whether there was one. */
static bool evaluates_refused(kase *k, const pz__program *program, size_t nth, bool once,
                              pz_value peaceful, bool *refused)
{
    oom o;
    pz__arena arena;
    oom_init(&o);
    const pz_alloc alloc = oom_alloc(&o);
    pz__arena_init(&arena, &alloc, 0);
    oom_fail(&o, nth, once);
    pz_value v = evaluate(k, program, &arena, NULL);
    *refused = o.refused_count > 0;
    bool good = comes_to(k, v, peaceful, nth);
    oom_calm(&o);
    pz__arena_clear(&arena);
    return good && is_clean(k, &o, "evaluating");
}

static bool evaluates_without_memory(kase *k, const pz__program *program, pz_value peaceful)
{
    bool good = true, refused = true;
    for (size_t room = first_room; good && room < ROOM_MAX; room += room_step)
        good = evaluates_within(k, program, room, peaceful);
    for (size_t nth = 1; good && refused; nth++)
        good = evaluates_refused(k, program, nth, false, peaceful, &refused) &&
               evaluates_refused(k, program, nth, true, peaceful, &refused);
    return good;
}

static bool survives(kase *k)
{
    const pz__program *program;
    const pz_status status = compile(k, &k->arena, &program);
    const pz_value peaceful =
        status == PZ_OK ? evaluate(k, program, &k->arena, NULL) : pz_value_null();
    bool good = compiles_without_memory(k, status);
    if (case_flag(k, "check_only"))
        return good;
    for (size_t room = first_room; good && room < ROOM_MAX; room += room_step)
        good = runs_within(k, room, status, peaceful);
    return good && (status != PZ_OK || evaluates_without_memory(k, program, peaceful));
}

static void run_line(const char *line, size_t len, counts *result)
{
    kase k = {.count = 0};
    choose_rooms();
    pz__arena_init(&k.arena, NULL, 0);
    k.zones.arena = &k.arena;
    if (pz__json_read(&k.arena, &k.json, line, len, 0, NULL) != PZ_OK) {
        printf("a line that is no JSON\n");
        result->failed++;
    } else {
        case_environment(&k);
        if (survives(&k)) {
            result->passed++;
        } else {
            result->failed++;
            printf("%.*s: %s\n", PZ__STR_ARG(pz_value_text(case_member(k.json, "id"))), k.why);
        }
    }
    pz__arena_clear(&k.arena);
}

void suite_cel_oom(const char *path, counts *result)
{
    suite_lines(path, run_line, result);
}
