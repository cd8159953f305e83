/*
 * hosts.c: functions written in Lua that C calls back: by rules, and to take decision records.
 *
 *     engine, program --env--> hosts userdata --env--> { name, function, signature, name, ... }
 *
 * A question that may call some is an `asking`, on the C stack of the method that asks: it is begun
 * right before C is called and ended when C has returned, and nothing in between raises. While it
 * lasts the handles that C uses are held, and whoever runs meanwhile finds them refused: a profile
 * that is asked about, a program that is being evaluated, an engine that somebody would close.
 *
 * C calls back on the Lua thread that asks, whose stack is that of the method. What runs the
 * function, a closure, was left there before, so that the way into lua_pcall() allocates nothing:
 * everything else happens inside of it. What the function raises, any value, takes the place of the
 * closure; the rule is told that it failed, later calls of the question fail at once, and the end
 * of the question raises that value as it is. So no error of Lua ever crosses C, and none is lost,
 * whatever the rule made of it.
 *
 * Within one question about a catalog a function is called once with the same arguments: rules are
 * evaluated again to explain a decision, and an explanation that asked the world anew could
 * contradict it. What was called stands in a table of the closure, by the bytes of the arguments.
 */
#include "binding.h"

#include <stdlib.h>
#include <string.h>

/* Questions that functions may ask inside of questions, one in another. */
#define DEPTH_MAX 16u
/* Most slots of the stack that a call takes besides its arguments. */
#define SLOTS 12

/* A call from C on its way through Lua. */
typedef struct host_call {
    const host_function *function;
    pz_pool *pool; /* for what the result borrows; NULL: nothing is to come back */
    const pz_value *args;
    size_t count;
    pz_value out;
    bool is_taken; /* it runs */
} host_call;

/* ---- what tells two calls apart ---- */

static void add_key(luaL_Buffer *key, pz_value value)
{
    const char kind = (char)value.kind;
    luaL_addlstring(key, &kind, 1);
    luaL_addlstring(key, (const char *)&value.len, sizeof value.len);
    switch (value.kind) {
    case PZ_NULL:
        return;
    case PZ_BOOL:
        luaL_addlstring(key, value.as.b ? "1" : "0", 1);
        return;
    case PZ_STRING:
    case PZ_BYTES:
        if (value.len)
            luaL_addlstring(key, value.as.text, value.len);
        return;
    case PZ_LIST:
        for (uint32_t i = 0; i < value.len; i++)
            add_key(key, pz_value_item(value, i));
        return;
    case PZ_MAP:
        for (uint32_t i = 0; i < value.len; i++) {
            const pz_entry entry = pz_value_entry(value, i);
            add_key(key, entry.key);
            add_key(key, entry.value);
        }
        return;
    default: /* eight bytes each: 1, 1u and 1.0 differ by their kinds */
        luaL_addlstring(key, (const char *)&value.as.u, sizeof value.as.u);
    }
}

static void push_key(lua_State *L, const host_call *call)
{
    luaL_Buffer key;
    luaL_buffinit(L, &key);
    luaL_addlstring(&key, (const char *)&call->function->at, sizeof call->function->at);
    for (size_t i = 0; i < call->count; i++)
        add_key(&key, call->args[i]);
    luaL_pushresult(&key);
}

/* ---- calling ---- */

/* A whole number for a function that gives a double or a uint: no Lua tells all of them apart. */
static pz_value as_declared(pz_value value, uint32_t kind)
{
    if (value.kind == PZ_INT && kind == PZ_DOUBLE)
        return pz_value_double((double)value.as.i);
    if (value.kind == PZ_INT && kind == PZ_UINT && value.as.i >= 0)
        return pz_value_uint((uint64_t)value.as.i);
    return value;
}

/* Push what the function gives, which nil is null among. */
static void push_result(lua_State *L, const host_call *call)
{
    get_env(L, lua_upvalueindex(1));
    lua_rawgeti(L, -1, call->function->at);
    for (size_t i = 0; i < call->count; i++)
        pzl_push_answer(L, call->args[i]);
    lua_call(L, (int)call->count, 1);
}

/* Runs protected. The upvalues: the hosts, and what this question has called, or nil. */
static int run(lua_State *L)
{
    const hosts_box *hosts = lua_touserdata(L, lua_upvalueindex(1));
    host_call *call = hosts->asking ? hosts->asking->call : NULL;
    if (!call || call->is_taken) /* found by debug.getinfo(), and called by Lua */
        return pzl_fail(L, PZ_ERR_STATE, "only a rule calls this");
    call->is_taken = true;
    luaL_checkstack(L, (int)call->count + SLOTS, "too many arguments");
    const bool is_kept = call->pool && lua_istable(L, lua_upvalueindex(2));
    if (is_kept) {
        push_key(L, call);
        lua_pushvalue(L, -1);
        lua_rawget(L, lua_upvalueindex(2));
    }
    if (!is_kept || lua_isnil(L, -1)) {
        push_result(L, call);
        if (is_kept) {
            if (lua_isnil(L, -1))
                lua_pushlightuserdata(L, NULL);
            lua_pushvalue(L, 1);
            lua_pushvalue(L, -2);
            lua_rawset(L, lua_upvalueindex(2));
        }
    }
    session_box into = {.pool = call->pool};
    if (call->pool)
        call->out = as_declared(pzl_put(L, &into, lua_gettop(L)), call->function->result);
    return 0;
}

/* Call what is at the place of a question; what it raises takes that place. */
static pz_status call_lua(const host_function *function, pz_pool *pool, const pz_value *args,
                          size_t count, pz_value *out)
{
    asking *a = function->hosts->asking;
    host_call call = {.function = function, .pool = pool, .args = args, .count = count};
    if (!a || a->has_failed)
        return PZ_ERR_EVAL;
    lua_State *L = a->L;
    host_call *const outer = a->call;
    a->call = &call;
    lua_pushvalue(L, a->place);
    const int result = lua_pcall(L, 0, 0, 0);
    a->call = outer;
    if (result == 0) {
        if (out)
            *out = call.out;
        return PZ_OK;
    }
    lua_replace(L, a->place);
    a->has_failed = true;
    a->status = result == LUA_ERRMEM ? PZ_ERR_NOMEM : PZ_ERR_EVAL;
    return a->status;
}

static pz_status call_function(void *payload, pz_pool *pool, const pz_value *args, size_t count,
                               pz_value *out, pz_error *err)
{
    (void)err;
    return call_lua(payload, pool, args, count, out);
}

static pz_status sink_status(pz_status status)
{
    return status == PZ_ERR_EVAL ? PZ_ERR_IO : status;
}

static pz_status take_record(void *payload, pz_value record)
{
    const hosts_box *hosts = payload;
    return sink_status(call_lua(&hosts->take, NULL, &record, 1, NULL));
}

static pz_status erase_records(void *payload, pz_str id)
{
    const hosts_box *hosts = payload;
    const pz_value text = pz_value_strn(id.data, id.len);
    return sink_status(call_lua(&hosts->erase, NULL, &text, 1, NULL));
}

/* ---- asking ---- */

void pzl_prepare_asking(lua_State *L, asking *a, int hosts_index, bool is_remembered)
{
    hosts_box *hosts = hosts_index ? lua_touserdata(L, hosts_index) : NULL;
    *a = (asking){.hosts = hosts, .L = L};
    if (!hosts)
        return;
    if (hosts->state->depth >= DEPTH_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "functions that ask rules that call functions, 16 deep");
    luaL_checkstack(L, SLOTS, "no room on the stack");
    lua_pushvalue(L, hosts_index);
    if (is_remembered)
        lua_newtable(L);
    else
        lua_pushnil(L);
    lua_pushcclosure(L, run, 2);
    a->place = lua_gettop(L);
}

/* Add to the holds of all that a question uses. */
static void hold(const asking *a, uint32_t step)
{
    for (size_t i = 0; i < sizeof a->held / sizeof *a->held; i++)
        if (a->held[i])
            *a->held[i] += step;
    for (uint32_t i = 0; i < a->list_count; i++) {
        lua_rawgeti(a->L, a->list, (int)i + 1);
        if (lua_type(a->L, -1) == LUA_TUSERDATA)
            ((profile_box *)lua_touserdata(a->L, -1))->asked += step;
        lua_pop(a->L, 1);
    }
}

void pzl_begin_asking(asking *a)
{
    if (!a->hosts)
        return;
    a->outer = a->hosts->asking;
    a->hosts->asking = a;
    a->hosts->state->depth++;
    hold(a, 1);
}

void pzl_end_asking(asking *a)
{
    if (!a->hosts)
        return;
    hold(a, (uint32_t)-1);
    a->hosts->state->depth--;
    a->hosts->asking = a->outer;
    lua_settop(a->L, a->has_failed ? a->place : a->place - 1);
    if (a->has_failed)
        pzl_raise(a->L, a->status);
}

void pzl_answered(asking *a, pz_status status, const pz_error *err)
{
    pzl_end_asking(a);
    pzl_check(a->L, status, err);
}

bool pzl_is_asked(const hosts_box *hosts)
{
    return hosts && hosts->asking;
}

/* ---- declarations ---- */

static int fail_declared(lua_State *L, const char *name)
{
    lua_pushfstring(L,
                    "the function '%s' is given as {function, {\"int\", ...}, \"bool\"} or "
                    "{function, \"(int, ...) -> bool\"}",
                    name);
    return pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
}

/* Push "(int, string) -> bool" of the lists of types at `params` and the name at `params` + 1. */
static void push_signature(lua_State *L, int params, const char *name)
{
    luaL_Buffer text;
    const size_t count = lua_rawlen(L, params);
    if (lua_type(L, params + 1) != LUA_TSTRING)
        fail_declared(L, name);
    luaL_buffinit(L, &text);
    luaL_addstring(&text, "(");
    for (size_t i = 1; i <= count; i++) {
        if (i > 1)
            luaL_addstring(&text, ", ");
        lua_rawgeti(L, params, (int)i);
        if (lua_type(L, -1) != LUA_TSTRING)
            fail_declared(L, name);
        luaL_addvalue(&text);
    }
    luaL_addstring(&text, ") -> ");
    lua_pushvalue(L, params + 1);
    luaL_addvalue(&text);
    luaL_pushresult(&text);
}

static void append(lua_State *L, int list, int index)
{
    lua_pushvalue(L, index);
    lua_rawseti(L, list, (int)lua_rawlen(L, list) + 1);
}

/* Append name, function and signature of one way to call a function, the table on top. */
static void read_one(lua_State *L, int list, int name_index)
{
    const char *name = lua_tostring(L, name_index);
    const int one = lua_gettop(L);
    if (lua_type(L, one) != LUA_TTABLE)
        fail_declared(L, name);
    for (int i = 1; i <= 4; i++)
        lua_rawgeti(L, one, i);
    if (lua_type(L, one + 1) != LUA_TFUNCTION || !lua_isnil(L, one + 4))
        fail_declared(L, name);
    if (lua_type(L, one + 2) == LUA_TTABLE)
        push_signature(L, one + 2, name);
    else if (lua_type(L, one + 2) == LUA_TSTRING && lua_isnil(L, one + 3))
        lua_pushvalue(L, one + 2);
    else
        fail_declared(L, name);
    pzl_name_at(L, -1, "a signature");
    if (lua_rawlen(L, list) >= 3 * (size_t)PZ_PROGRAM_FUNCTIONS_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "there are at most 1024 functions of the host");
    append(L, list, name_index);
    append(L, list, one + 1);
    append(L, list, lua_gettop(L));
    lua_settop(L, one);
}

/* The declared functions, whose table is on top, as a list, of which overloads are lists. */
static void read_functions(lua_State *L, int list)
{
    const int functions = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, functions); lua_settop(L, functions + 1)) {
        const int name = functions + 1, given = functions + 2;
        pzl_name_at(L, name, "the name of a function");
        luaL_checkstack(L, SLOTS, "no room on the stack");
        size_t count = 0;
        if (lua_type(L, given) == LUA_TTABLE) {
            lua_rawgeti(L, given, 1);
            count = lua_type(L, -1) == LUA_TTABLE ? lua_rawlen(L, given) : 0;
            lua_pop(L, 1);
        }
        for (size_t i = 1; i <= count; i++) {
            lua_rawgeti(L, given, (int)i);
            read_one(L, list, name);
            lua_pop(L, 1);
        }
        if (count == 0)
            read_one(L, list, name);
    }
}

/* The kind that a signature ends with, where a whole number of Lua may stand for it. */
static uint32_t result_of(const char *signature)
{
    const char *end = strrchr(signature, '>');
    if (!end || end == signature || end[-1] != '-')
        return PZ_NULL;
    end += 1 + strspn(end + 1, " ");
    return strcmp(end, "double") == 0 ? PZ_DOUBLE : strcmp(end, "uint") == 0 ? PZ_UINT : PZ_NULL;
}

static int by_name(const void *a, const void *b)
{
    const pz_function *left = a, *right = b;
    const int order = strcmp(left->name, right->name);
    if (order != 0)
        return order;
    return ((const host_function *)left->payload)->at < ((const host_function *)right->payload)->at
               ? -1
               : 1;
}

/* Push what C gets of the functions in the list; by name, since a Lua table has no order. */
static const pz_function *push_functions(lua_State *L, hosts_box *hosts, int list)
{
    pz_function *functions = lua_newuserdata(L, (hosts->count + 1) * sizeof *functions);
    for (uint32_t i = 0; i < hosts->count; i++) {
        host_function *function = &hosts->functions[i];
        lua_rawgeti(L, list, 3 * (int)i + 1);
        lua_rawgeti(L, list, 3 * (int)i + 3);
        functions[i] = (pz_function){.name = lua_tostring(L, -2),
                                     .signature = lua_tostring(L, -1),
                                     .call = call_function,
                                     .payload = function};
        *function = (host_function){hosts, 3 * (int)i + 2, result_of(functions[i].signature)};
        lua_pop(L, 2);
    }
    qsort(functions, hosts->count, sizeof *functions, by_name);
    return functions;
}

/* A sink {take = function, erase = function}, if the settings have one, behind the functions. */
static void read_sink(lua_State *L, int settings, int list)
{
    static const char *const names[] = {"take", "erase"};
    const int top = lua_gettop(L);
    lua_getfield(L, settings, "records");
    if (lua_isnil(L, -1)) {
        lua_settop(L, top);
        return;
    }
    if (lua_type(L, -1) != LUA_TTABLE)
        pzl_fail(L, PZ_ERR_TYPE, "records is {take = function(record), erase = function(id)}");
    pzl_check_known(L, top + 1, "setting", " of records", "erase and take");
    for (int i = 0; i < 2; i++) {
        lua_pushstring(L, names[i]);
        lua_rawget(L, top + 1);
        if (lua_type(L, -1) != LUA_TFUNCTION)
            pzl_fail(L, PZ_ERR_TYPE, "records is {take = function(record), erase = function(id)}");
        append(L, list, top + 2);
        lua_pop(L, 1);
    }
    lua_settop(L, top);
}

hosts_box *pzl_push_hosts(lua_State *L, int settings, bool has_sink, pzl_hosted *out)
{
    *out = (pzl_hosted){.functions = NULL};
    luaL_checkstack(L, SLOTS, "no room on the stack");
    lua_newtable(L);
    const int list = lua_gettop(L);
    lua_getfield(L, settings, "functions");
    if (!lua_isnil(L, -1) && lua_type(L, -1) != LUA_TTABLE) {
        lua_pushfstring(L, "functions are a table by name, not %s", luaL_typename(L, -1));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    if (!lua_isnil(L, -1))
        read_functions(L, list);
    lua_settop(L, list);
    const size_t count = lua_rawlen(L, list) / 3;
    if (has_sink)
        read_sink(L, settings, list);
    const size_t length = lua_rawlen(L, list);
    if (length == 0) {
        lua_settop(L, list - 1);
        lua_pushnil(L);
        return NULL;
    }
    hosts_box *hosts = lua_newuserdata(L, sizeof *hosts + count * sizeof *hosts->functions);
    memset(hosts, 0, sizeof *hosts);
    hosts->count = (uint32_t)count;
    hosts->state = pzl_failure(L);
    hosts->sink = (pz_record_sink){PZ_RECORD_SINK, hosts, take_record, erase_records};
    hosts->take = (host_function){hosts, (int)(3 * count) + 1, PZ_NULL};
    hosts->erase = (host_function){hosts, (int)(3 * count) + 2, PZ_NULL};
    lua_pushvalue(L, list);
    set_env(L, -2);
    out->functions = push_functions(L, hosts, list);
    out->count = count;
    out->records = length > 3 * count ? &hosts->sink : NULL;
    lua_insert(L, list);
    lua_replace(L, list + 1); /* the array below the hosts, which are on top */
    return hosts;
}
