/*
 * functions.c: the table of standard functions, and what all implementations share.
 *
 * functions.def is read here once and becomes a constant table; functions.h reads it for the
 * prototypes. A name is looked for by walking the table: it happens once per call in the source,
 * when a rule is compiled, never when it runs.
 *
 * Errors are values. They carry a constant text and the offset of the call, and cost one small
 * piece of arena. When even that is not to be had, or the budget of steps is spent, the error is a
 * constant of the library; both end the evaluation, nothing absorbs them.
 */
#include "cel/functions.h"

#define INT &pz__type_int
#define UINT &pz__type_uint
#define DOUBLE &pz__type_double
#define BOOL &pz__type_bool
#define STRING &pz__type_string
#define BYTES &pz__type_bytes
#define TIMESTAMP &pz__type_timestamp
#define DURATION &pz__type_duration
#define DYN &pz__type_dyn
#define IP &pz__type_ip
#define CIDR &pz__type_cidr
#define A &type_a
#define B &type_b
#define LIST_A &list_a
#define LIST_LIST_A &list_list_a
#define LIST_DYN &list_dyn
#define LIST_INT &list_int
#define LIST_UINT &list_uint
#define LIST_DOUBLE &list_double
#define LIST_STRING &list_string
#define MAP_AB &map_ab
#define TYPE_A &type_of_a
#define OPTIONAL_A &optional_a
#define OPTIONAL_B &optional_b
#define OPTIONAL_LIST_A &optional_list_a
#define OPTIONAL_MAP_AB &optional_map_ab
#define MAP_STRING_A &map_string_a
#define NULL_TYPE &pz__type_null
#define OPTIONAL_STRING &optional_string
#define LIST_OPTIONAL_A &list_optional_a

static const pz__type type_a = {.kind = PZ__T_PARAM, .name = {"A", 1}};
static const pz__type type_b = {.kind = PZ__T_PARAM, .name = {"B", 1}};
static const pz__type *const only_a[] = {&type_a};
static const pz__type *const a_and_b[] = {&type_a, &type_b};
static const pz__type list_a = {.kind = PZ__T_LIST, .arg_count = 1, .args = only_a};
static const pz__type *const only_list_a[] = {&list_a};
static const pz__type list_list_a = {.kind = PZ__T_LIST, .arg_count = 1, .args = only_list_a};
#define LIST_OF(name)                                                                              \
    static const pz__type *const only_##name[] = {&pz__type_##name};                               \
    static const pz__type list_##name = {.kind = PZ__T_LIST, .arg_count = 1, .args = only_##name}
LIST_OF(dyn);
LIST_OF(int);
LIST_OF(uint);
LIST_OF(double);
LIST_OF(string);
#undef LIST_OF
static const pz__type optional_string = {
    .kind = PZ__T_OPAQUE, .arg_count = 1, .args = only_string, .name = {"optional_type", 13}};
static const pz__type map_ab = {.kind = PZ__T_MAP, .arg_count = 2, .args = a_and_b};
static const pz__type optional_a = {
    .kind = PZ__T_OPAQUE, .arg_count = 1, .args = only_a, .name = {"optional_type", 13}};
static const pz__type *const only_b[] = {&type_b};
static const pz__type *const only_map_ab[] = {&map_ab};
static const pz__type *const string_and_a[] = {&pz__type_string, &type_a};
static const pz__type map_string_a = {.kind = PZ__T_MAP, .arg_count = 2, .args = string_and_a};
static const pz__type optional_b = {
    .kind = PZ__T_OPAQUE, .arg_count = 1, .args = only_b, .name = {"optional_type", 13}};
static const pz__type optional_list_a = {
    .kind = PZ__T_OPAQUE, .arg_count = 1, .args = only_list_a, .name = {"optional_type", 13}};
static const pz__type optional_map_ab = {
    .kind = PZ__T_OPAQUE, .arg_count = 1, .args = only_map_ab, .name = {"optional_type", 13}};
static const pz__type *const only_optional_a[] = {&optional_a};
static const pz__type list_optional_a = {
    .kind = PZ__T_LIST, .arg_count = 1, .args = only_optional_a};
static const pz__type type_of_a = {.kind = PZ__T_TYPE, .arg_count = 1, .args = only_a};

#define GLOBAL(result, ...)                                                                        \
    {                                                                                              \
        false, result,                                                                             \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define MEMBER(result, ...)                                                                        \
    {                                                                                              \
        true, result,                                                                              \
        {                                                                                          \
            __VA_ARGS__                                                                            \
        }                                                                                          \
    }
#define ORDERED                                                                                    \
    GLOBAL(BOOL, BOOL, BOOL), GLOBAL(BOOL, INT, INT), GLOBAL(BOOL, UINT, UINT),                    \
        GLOBAL(BOOL, DOUBLE, DOUBLE), GLOBAL(BOOL, STRING, STRING), GLOBAL(BOOL, BYTES, BYTES),    \
        GLOBAL(BOOL, TIMESTAMP, TIMESTAMP), GLOBAL(BOOL, DURATION, DURATION)

#define CHOOSING                                                                                   \
    GLOBAL(INT, INT), GLOBAL(UINT, UINT), GLOBAL(DOUBLE, DOUBLE), GLOBAL(INT, LIST_INT),           \
        GLOBAL(UINT, LIST_UINT), GLOBAL(DOUBLE, LIST_DOUBLE), GLOBAL(INT, INT, INT),               \
        GLOBAL(UINT, UINT, UINT), GLOBAL(DOUBLE, DOUBLE, DOUBLE), GLOBAL(DYN, INT, UINT),          \
        GLOBAL(DYN, INT, DOUBLE), GLOBAL(DYN, UINT, INT), GLOBAL(DYN, UINT, DOUBLE),               \
        GLOBAL(DYN, DOUBLE, INT), GLOBAL(DYN, DOUBLE, UINT)
#define BITS GLOBAL(INT, INT, INT), GLOBAL(UINT, UINT, UINT)

#define FUNCTION(name, impl, cost, ...)                                                            \
    {{name, sizeof(name) - 1},                                                                     \
     pz__fn_##impl,                                                                                \
     cost,                                                                                         \
     (const pz__overload[]){__VA_ARGS__},                                                          \
     sizeof((const pz__overload[]){__VA_ARGS__}) / sizeof(pz__overload)},
const pz__function pz__functions[] = {
#include "cel/functions.def"
};
#undef FUNCTION

const uint32_t pz__function_count = sizeof pz__functions / sizeof pz__functions[0];

uint32_t pz__function_find(pz_str name)
{
    uint32_t row = 0;
    while (row < pz__function_count && !pz__str_equal(pz__functions[row].name, name))
        row++;
    return row;
}

uint32_t pz__overload_arity(const pz__overload *overload)
{
    uint32_t count = 0;
    while (count < PZ__PARAMS_MAX && overload->params[count])
        count++;
    return count;
}

/* ---- errors and unknowns ---- */

static const pz__cel_error no_memory = {PZ_ERR_NOMEM, 0, "out of memory"};
static const pz__cel_error no_steps = {
    PZ_ERR_LIMIT, 0, "the evaluation takes too many steps; shorten its lists or nest fewer macros"};

static const pz__cel_error too_costly = {PZ_ERR_LIMIT, 0,
                                         "the evaluation costs more than its limit allows"};

static pz_value problem(uint32_t kind, const void *what)
{
    return (pz_value){.kind = kind, .as.text = what};
}

static pz_value error_at(pz__arena *arena, pz_status status, uint32_t offset, const char *message)
{
    pz__cel_error *error = pz__arena_new(arena, sizeof *error);
    if (!error)
        return pz__call_nomem();
    *error = (pz__cel_error){status, offset, message};
    return problem(PZ__V_ERROR, error);
}

pz_value pz__cel_fail(pz__arena *arena, pz_status status, const char *message)
{
    return error_at(arena, status, 0, message);
}

pz_value pz__cel_unknown(pz__arena *arena, uint32_t slot)
{
    struct {
        pz__unknowns set;
        uint32_t slot;
    } *piece = pz__arena_new(arena, sizeof *piece);
    if (!piece)
        return pz__call_nomem();
    piece->slot = slot;
    piece->set = (pz__unknowns){1, &piece->slot};
    return problem(PZ__V_UNKNOWN, &piece->set);
}

pz_value pz__call_fail(const pz__call *call, const char *message)
{
    return error_at(call->arena, PZ_ERR_EVAL, call->offset, message);
}

pz_value pz__call_no_overload(const pz__call *call)
{
    return pz__call_fail(call,
                         "no such overload: the operation does not take values of these types");
}

pz_value pz__call_nomem(void)
{
    return problem(PZ__V_ERROR, &no_memory);
}

bool pz__call_is_spent(const pz__call *call)
{
    return *call->steps == PZ__STEPS_SPENT;
}

bool pz__call_charge(const pz__call *call, uint32_t steps)
{
    if (pz__call_is_spent(call) || *call->steps < steps) {
        *call->steps = PZ__STEPS_SPENT;
        return false;
    }
    *call->steps -= steps;
    return true;
}

pz_value pz__call_costly(void)
{
    return problem(PZ__V_ERROR, &too_costly);
}

pz_value pz__call_spent(void)
{
    return problem(PZ__V_ERROR, &no_steps);
}
