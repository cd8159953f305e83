/*
 * program.c: rules of one's own, compiled once and evaluated many times.
 *
 *     local rule = personalize.compile("price * n > limit",
 *                                      {variables = {price = "int", n = "int", limit = "int"}})
 *     rule:eval {price = 3, n = 4, limit = 10} --> true
 *
 * A program keeps one pool between evaluations, by the same protocol as an engine keeps its
 * session: a call takes the pool out of its slot and puts it back at its end, so that a finalizer
 * that evaluates the same program meanwhile makes a pool of its own.
 *
 * The environment of the userdata is the list { pool, names of the declared variables, hosts }.
 * They are declared in the order of their names, since a Lua table has none; types are read once,
 * when the program is compiled. Functions written in Lua are called as hosts.c tells.
 */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

enum { POOL_SLOT = 1, NAMES_SLOT = 2, HOSTS_SLOT = 3 };

typedef struct program_box {
    pz_program *program; /* NULL: closed */
    hosts_box *hosts;    /* NULL: it calls nothing of Lua; held by the environment */
    uint32_t asked;      /* evaluations that go on */
} program_box;

static program_box *program_at(lua_State *L, int index)
{
    program_box *box = NULL;
    if (lua_type(L, index) == LUA_TUSERDATA &&
        (pzl_has_metatable(L, index, PROGRAM) || pzl_has_metatable(L, index, SAFE_PREFIX PROGRAM)))
        box = lua_touserdata(L, index);
    if (!box) {
        lua_pushfstring(L, "argument %d: a %s is expected, not %s", index, PROGRAM,
                        luaL_typename(L, index));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    } else if (!box->program) {
        pzl_fail(L, PZ_ERR_STATE, "the program is closed");
    }
    return box;
}

int pzl_program_close(lua_State *L)
{
    if (lua_type(L, 1) != LUA_TUSERDATA ||
        !(pzl_has_metatable(L, 1, PROGRAM) || pzl_has_metatable(L, 1, SAFE_PREFIX PROGRAM)))
        return pzl_fail(L, PZ_ERR_TYPE, "a " PROGRAM " is expected");
    program_box *box = lua_touserdata(L, 1);
    if (box->asked)
        return pzl_fail(L, PZ_ERR_STATE, "the program is being evaluated");
    pz_program_unref(box->program);
    box->program = NULL;
    return 0;
}

/* ---- compiling ---- */

static int by_name(const void *a, const void *b)
{
    const pz_variable *left = a, *right = b;
    return strcmp(left->name, right->name);
}

static uint64_t size_option(lua_State *L, int sizes, const char *name)
{
    return sizes ? (uint64_t)pzl_number_option(L, sizes, name, 1e18) : 0;
}

/* Push the table of settings' member `name` and return its index; 0 if it is nil. */
static int table_option(lua_State *L, const char *name)
{
    lua_getfield(L, 2, name);
    if (lua_isnil(L, -1))
        return 0;
    if (lua_type(L, -1) != LUA_TTABLE) {
        lua_pushfstring(L, "%s is a table, not %s", name, luaL_typename(L, -1));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    return lua_gettop(L);
}

/* The entry on top of the stack, key and value, as a variable: {name = type} or {"name"}. Its texts
 * are put into the table at `anchor`. */
static pz_variable read_variable(lua_State *L, int anchor, int sizes)
{
    const int key = lua_gettop(L) - 1;
    const bool is_listed = lua_type(L, key) == LUA_TNUMBER;
    pz_variable variable = {0};
    variable.name = pzl_name_at(L, is_listed ? key + 1 : key, "the name of a variable");
    if (!is_listed)
        variable.type = pzl_name_at(L, key + 1, "the type of a variable");
    for (int i = 0; i < 2; i++) {
        lua_pushvalue(L, key + i);
        lua_rawseti(L, anchor, (int)lua_rawlen(L, anchor) + 1);
    }
    variable.size_max = size_option(L, sizes, variable.name);
    return variable;
}

/* Fill in the variables of the table at `from`. What they borrow stays on the stack. */
static void read_variables(lua_State *L, int from, pz_program_options *options)
{
    size_t count = 0;
    for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1))
        count++;
    if (count > PZ_PROGRAM_VARIABLES_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "a program has at most 4096 variables");
    const int sizes = table_option(L, "sizes");
    pz_variable *variables = lua_newuserdata(L, (count + 1) * sizeof *variables);
    lua_newtable(L);
    const int anchor = lua_gettop(L);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, from); lua_pop(L, 1))
        if (i < count)
            variables[i++] = read_variable(L, anchor, sizes);
    qsort(variables, i, sizeof *variables, by_name);
    options->variables = variables;
    options->variable_count = i;
}

static void read_settings(lua_State *L, pz_program_options *options)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    luaL_checkstack(L, 20, "no room on the stack");
    pzl_check_known(L, 2, "setting", "",
                    "container, cost_limit, functions, result, sizes, step_limit, unchecked and "
                    "variables");
    options->container = pzl_option(L, 2, "container");
    options->result = pzl_option(L, 2, "result");
    options->cost_limit = (uint64_t)pzl_number_option(L, 2, "cost_limit", 1e18);
    options->step_limit = (uint32_t)pzl_number_option(L, 2, "step_limit", UINT32_MAX);
    lua_getfield(L, 2, "unchecked");
    options->flags |= lua_toboolean(L, -1) ? PZ_PROGRAM_UNCHECKED : 0;
    lua_pop(L, 1);
    const int variables = table_option(L, "variables");
    if (!variables)
        return;
    options->flags &= ~(uint32_t)PZ_PROGRAM_OPEN;
    read_variables(L, variables, options);
}

/* Push a program without a C program yet, which knows the names of its variables and the hosts at
 * `hosts_index`, or nil there. */
static program_box *push_program(lua_State *L, const pz_program_options *options, int hosts_index,
                                 bool is_safe)
{
    program_box *box = lua_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    box->hosts = lua_touserdata(L, hosts_index);
    lua_createtable(L, 3, 0);
    lua_pushvalue(L, hosts_index);
    lua_rawseti(L, -2, HOSTS_SLOT);
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, POOL_SLOT);
    lua_createtable(L, (int)options->variable_count, 0);
    for (size_t i = 0; i < options->variable_count; i++) {
        lua_pushstring(L, options->variables[i].name);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_rawseti(L, -2, NAMES_SLOT);
    set_env(L, -2);
    luaL_getmetatable(L, is_safe ? SAFE_PREFIX PROGRAM : PROGRAM);
    lua_setmetatable(L, -2);
    return box;
}

static int compile(lua_State *L, bool is_safe)
{
    size_t len;
    pz_program_options options = {PZ_PROGRAM_OPTIONS, .flags = PZ_PROGRAM_OPEN};
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 2);
    const char *source = luaL_checklstring(L, 1, &len);
    pzl_hosted hosted = {.functions = NULL};
    if (!lua_isnil(L, 2)) {
        read_settings(L, &options);
        pzl_push_hosts(L, 2, false, &hosted);
        options.functions = hosted.functions;
        options.function_count = hosted.count;
    }
    program_box *box = push_program(L, &options, lua_gettop(L), is_safe);
    pzl_check(L, pz_program_compile(&box->program, source, len, &options, &err), &err);
    return 1;
}

int pzl_compile_raising(lua_State *L)
{
    return compile(L, false);
}

int pzl_compile_safe(lua_State *L)
{
    return compile(L, true);
}

/* ---- evaluating ---- */

/* Take the pool of the program at index 1 and push it. */
static session_box *take_pool(lua_State *L)
{
    luaL_checkstack(L, 20, "no room on the stack");
    get_env(L, 1);
    lua_rawgeti(L, -1, POOL_SLOT);
    session_box *box = lua_touserdata(L, -1);
    if (!box) {
        lua_pop(L, 2);
        return pzl_new_session(L, 0);
    }
    lua_pushboolean(L, 0);
    lua_rawseti(L, -3, POOL_SLOT);
    lua_remove(L, -2);
    box->items = 0;
    pz_pool_reset(box->pool);
    return box;
}

static void give_pool(lua_State *L, int index)
{
    get_env(L, 1);
    lua_pushvalue(L, index);
    lua_rawseti(L, -2, POOL_SLOT);
    lua_pop(L, 1);
}

/* The program at 1, prepared to call the functions that it has. */
static program_box *prepare(lua_State *L, asking *a)
{
    int hosts_index = 0;
    if (program_at(L, 1)->hosts) {
        get_env(L, 1);
        lua_rawgeti(L, -1, HOSTS_SLOT);
        lua_replace(L, -2);
        hosts_index = lua_gettop(L);
    }
    pzl_prepare_asking(L, a, hosts_index, false);
    program_box *box = program_at(L, 1);
    a->held[0] = &box->asked;
    return box;
}

/* Evaluate the program at 1 with the variables at 2; the pool is pushed at 3. What comes out owes
 * the program nothing. */
static pz_status evaluate(lua_State *L, session_box **session, pz_evaluation *out, pz_error *err)
{
    lua_settop(L, 2);
    program_at(L, 1);
    *session = take_pool(L);
    pz_value variables = pz_value_null();
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        variables = pzl_put(L, *session, 2);
    }
    asking a;
    const program_box *box = prepare(L, &a);
    pzl_begin_asking(&a);
    pz_status status = pz_program_eval_map(box->program, (*session)->pool, variables, out, err);
    if (status == PZ_OK)
        status = pz_pool_copy((*session)->pool, &out->value, out->value);
    pzl_end_asking(&a);
    return status;
}

/* program:eval(variables): the value; raises NOT_FOUND if it depends on one that is not given. */
static int program_eval(lua_State *L)
{
    session_box *session;
    pz_evaluation out = PZ_EVALUATION_INIT;
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L, evaluate(L, &session, &out, &err), &err);
    pzl_push_answer(L, out.value);
    give_pool(L, 3);
    return 1;
}

static void push_unknowns(lua_State *L, const pz_evaluation *out)
{
    get_env(L, 1);
    lua_rawgeti(L, -1, NAMES_SLOT);
    lua_createtable(L, (int)out->unknown_count, 0);
    for (uint32_t i = 0; i < out->unknown_count; i++) {
        lua_rawgeti(L, -2, (int)out->unknowns[i] + 1);
        lua_rawseti(L, -2, (int)i + 1);
    }
    lua_replace(L, -3);
    lua_pop(L, 1);
}

/* program:evaluate(variables): {value, cost, unknowns}, where a missing variable does not raise. */
static int program_evaluate(lua_State *L)
{
    session_box *session;
    pz_evaluation out = PZ_EVALUATION_INIT;
    pz_error err = PZ_ERROR_INIT;
    out.wants_cost = 1;
    const pz_status status = evaluate(L, &session, &out, &err);
    if (status != PZ_ERR_NOT_FOUND)
        pzl_check(L, status, &err);
    lua_createtable(L, 0, 3);
    pzl_push_answer(L, out.value);
    lua_setfield(L, -2, "value");
    pzl_push_count(L, out.cost);
    lua_setfield(L, -2, "cost");
    push_unknowns(L, &out);
    lua_setfield(L, -2, "unknowns");
    give_pool(L, 3);
    return 1;
}

/* ---- what it is ---- */

typedef pz_status (*text_of)(const pz_program *program, pz_pool *pool, pz_str *out);

static int push_text(lua_State *L, text_of call)
{
    pz_str out;
    lua_settop(L, 1);
    program_at(L, 1);
    session_box *session = take_pool(L);
    pzl_check(L, call(program_at(L, 1)->program, session->pool, &out), NULL);
    lua_pushlstring(L, out.data, out.len);
    give_pool(L, 2);
    return 1;
}

static int program_type(lua_State *L)
{
    return push_text(L, pz_program_type);
}

static int program_text(lua_State *L)
{
    return push_text(L, pz_program_text);
}

/* least, most; most is nil where there is no bound */
static int program_cost(lua_State *L)
{
    uint64_t least, most;
    pz_program_cost(program_at(L, 1)->program, &least, &most);
    pzl_push_count(L, least);
    if (most == UINT64_MAX)
        lua_pushnil(L);
    else
        pzl_push_count(L, most);
    return 2;
}

/* The names of the declared variables that it may read, as a list. */
static int program_reads(lua_State *L)
{
    lua_settop(L, 1);
    program_at(L, 1);
    lua_newtable(L);
    get_env(L, 1);
    lua_rawgeti(L, -1, NAMES_SLOT);
    const size_t count = lua_rawlen(L, -1);
    for (size_t i = 0; i < count; i++) {
        if (!pz_program_reads(program_at(L, 1)->program, i))
            continue;
        lua_rawgeti(L, 4, (int)i + 1);
        lua_rawseti(L, 2, (int)lua_rawlen(L, 2) + 1);
    }
    lua_settop(L, 2);
    return 1;
}

/* personalize.eval(expression, variables) */
int pzl_eval(lua_State *L)
{
    size_t len;
    pz_value out;
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 2);
    const char *expression = luaL_checklstring(L, 1, &len);
    session_box *session = pzl_new_session(L, 0);
    const pz_value variables = pzl_put(L, session, 2);
    const pz_status status = pz_eval(&out, session->pool, expression, len, variables, &err);
    if (status == PZ_OK)
        pzl_push_answer(L, out);
    pzl_end_session(session);
    pzl_check(L, status, &err);
    return 1;
}

const luaL_Reg pzl_program_methods[] = {
    {"eval", program_eval},       {"evaluate", program_evaluate},
    {"type", program_type},       {"text", program_text},
    {"cost", program_cost},       {"reads", program_reads},
    {"close", pzl_program_close}, {NULL, NULL},
};
