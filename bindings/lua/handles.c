/*
 * handles.c: engines, profiles, sessions and reports as userdata: who owns what, and what is freed
 * when.
 *
 * An engine keeps its profiles and sessions in two lists that run through their userdata. Closing
 * it frees them at once and marks their handles closed; a session that a call further down the
 * stack still uses stays until that call ends, and the C engine with it.
 *
 * Finalizers may run in any order and more than once: freeing takes a child out of its list, and
 * whatever is out of its list is never freed again.
 */
#include "binding.h"

#include <string.h>

/* In the environment of an engine: its session while nobody has it, and what pzl_push_hosts() made.
 */
enum { SESSION_SLOT = 1, HOSTS_SLOT = 2 };

/* `what` and `number` name it in the error: "argument 2", "customer 3". */
static void *handle_at(lua_State *L, int index, const char *what, int number, const char *name,
                       const char *safe_name)
{
    if (lua_type(L, index) == LUA_TUSERDATA &&
        (pzl_has_metatable(L, index, name) || pzl_has_metatable(L, index, safe_name)))
        return lua_touserdata(L, index);
    lua_pushfstring(L, "%s %d: a %s is expected, not %s", what, number, name,
                    luaL_typename(L, index));
    pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    return NULL;
}

engine_box *pzl_engine_at(lua_State *L, int index)
{
    engine_box *box = handle_at(L, index, "argument", index, ENGINE, SAFE_PREFIX ENGINE);
    if (box->is_closed)
        pzl_fail(L, PZ_ERR_STATE, "the engine is closed");
    return box;
}

/* What C uses in the middle of a call is nobody else's to use or free. */
static void refuse_asked(lua_State *L, uint32_t asked)
{
    if (asked)
        pzl_fail(L, PZ_ERR_STATE, "the profile is being asked about by a question that goes on");
}

profile_box *pzl_profile_as(lua_State *L, int index, const char *what, int number)
{
    profile_box *box = handle_at(L, index, what, number, PROFILE, SAFE_PREFIX PROFILE);
    if (!box->profile)
        pzl_fail(L, PZ_ERR_STATE, "the profile is closed");
    refuse_asked(L, box->asked);
    return box;
}

profile_box *pzl_profile_at(lua_State *L, int index)
{
    return pzl_profile_as(L, index, "argument", index);
}

/* ---- lists of children ---- */

void pzl_link_in(link **list, link *child)
{
    child->next = *list;
    child->at = list;
    if (*list)
        (*list)->at = &child->next;
    *list = child;
}

static void link_out(link *child)
{
    if (!child->at)
        return;
    *child->at = child->next;
    if (child->next)
        child->next->at = child->at;
    child->at = NULL;
}

static void close_engine_if_unused(engine_box *box)
{
    if (!box->is_closed || box->sessions || box->profiles)
        return;
    pz_engine_close(box->engine);
    box->engine = NULL;
}

static void free_profile(profile_box *box)
{
    pz_profile_free(box->profile);
    box->profile = NULL;
    link_out(&box->link);
}

static void free_session(session_box *box)
{
    pz_context_free(box->context);
    pz_pool_free(box->pool);
    box->context = NULL;
    box->pool = NULL;
    link_out(&box->link);
}

/* Free what was made from an engine. A session that a call further down the stack still uses stays
 * unless `force` says that there can be none. */
static void free_children(engine_box *box, bool force)
{
    while (box->profiles)
        free_profile((profile_box *)box->profiles);
    for (link *child = box->sessions; child;) {
        session_box *session = (session_box *)child;
        child = child->next;
        if (force || !session->is_busy)
            free_session(session);
    }
}

int pzl_session_gc(lua_State *L)
{
    session_box *box = lua_touserdata(L, 1);
    engine_box *engine = box->link.at ? box->engine : NULL;
    free_session(box);
    if (engine)
        close_engine_if_unused(engine);
    return 0;
}

int pzl_report_gc(lua_State *L)
{
    pz_report **box = lua_touserdata(L, 1);
    pz_report_free(*box);
    *box = NULL;
    return 0;
}

int pzl_profile_close(lua_State *L)
{
    profile_box *box = handle_at(L, 1, "argument", 1, PROFILE, SAFE_PREFIX PROFILE);
    engine_box *engine = box->link.at ? box->engine : NULL;
    refuse_asked(L, box->asked);
    free_profile(box);
    if (engine)
        close_engine_if_unused(engine);
    return 0;
}

int pzl_engine_gc(lua_State *L)
{
    engine_box *box = lua_touserdata(L, 1);
    box->is_closed = true;
    free_children(box, true);
    close_engine_if_unused(box);
    return 0;
}

/* Close an engine and every profile of it. Sessions that raising calls left behind are collected
 * first, so that a store is closed when this returns. */
int pzl_engine_close(lua_State *L)
{
    engine_box *box = handle_at(L, 1, "argument", 1, ENGINE, SAFE_PREFIX ENGINE);
    if (pzl_is_asked(box->hosts))
        return pzl_fail(L, PZ_ERR_STATE, "the engine is being asked by a question that goes on");
    box->is_closed = true;
    free_children(box, false);
    if (box->sessions)
        lua_gc(L, LUA_GCCOLLECT, 0);
    close_engine_if_unused(box);
    return 0;
}

/* ---- sessions ---- */

/* Push a new session; `engine_index` 0: a pool alone. */
session_box *pzl_new_session(lua_State *L, int engine_index)
{
    session_box *box = lua_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    luaL_getmetatable(L, SESSION);
    lua_setmetatable(L, -2);
    box->is_busy = true;
    if (engine_index) {
        lua_createtable(L, 1, 0);
        lua_pushvalue(L, engine_index);
        lua_rawseti(L, -2, 1);
        set_env(L, -2);
        engine_box *engine = lua_touserdata(L, engine_index);
        if (engine->is_closed)
            pzl_fail(L, PZ_ERR_STATE, "the engine is closed");
        box->engine = engine;
        pzl_link_in(&engine->sessions, &box->link);
        pz_error err = PZ_ERROR_INIT;
        pzl_check(L, pz_context_new(&box->context, engine->engine, &err), &err);
    }
    pzl_check(L, pz_pool_new(&box->pool, NULL), NULL);
    return box;
}

void pzl_end_session(session_box *box)
{
    free_session(box);
}

/* Take the session of the engine at index 1 and push it. */
session_box *pzl_take_session(lua_State *L)
{
    luaL_checkstack(L, 20, "no room on the stack");
    get_env(L, 1);
    lua_rawgeti(L, -1, SESSION_SLOT);
    session_box *box = lua_touserdata(L, -1);
    if (!box) {
        lua_pop(L, 2);
        return pzl_new_session(L, 1);
    }
    lua_pushnil(L);
    lua_rawseti(L, -3, SESSION_SLOT);
    lua_remove(L, -2);
    box->is_busy = true;
    box->items = 0;
    pz_pool_reset(box->pool);
    return box;
}

/* Put a session back; the slot is an array slot that exists, so nothing is allocated. */
void pzl_give_session(lua_State *L, session_box *box, int engine_index, int session_index)
{
    box->is_busy = false;
    engine_box *engine = box->engine;
    if (engine->is_closed) {
        free_session(box);
        close_engine_if_unused(engine);
        return;
    }
    get_env(L, engine_index);
    lua_pushvalue(L, session_index);
    lua_rawseti(L, -2, SESSION_SLOT);
    lua_pop(L, 1);
}

/* ---- handles out ---- */

/* Push a metatable that handles of this engine get. */
static void set_handle_metatable(lua_State *L, bool is_safe, const char *name,
                                 const char *safe_name)
{
    luaL_getmetatable(L, is_safe ? safe_name : name);
    lua_setmetatable(L, -2);
}

/* Push an engine without a C engine yet. */
engine_box *pzl_push_engine(lua_State *L, bool is_safe)
{
    engine_box *box = lua_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    box->is_safe = is_safe;
    lua_createtable(L, 2, 0);
    lua_pushboolean(L, 0);
    lua_rawseti(L, -2, SESSION_SLOT);
    set_env(L, -2);
    set_handle_metatable(L, is_safe, ENGINE, SAFE_PREFIX ENGINE);
    return box;
}

void pzl_set_hosts(lua_State *L, engine_box *box, int engine_index, hosts_box *hosts)
{
    get_env(L, engine_index);
    lua_insert(L, -2);
    lua_rawseti(L, -2, HOSTS_SLOT);
    lua_pop(L, 1);
    box->hosts = hosts;
}

void pzl_prepare_engine(lua_State *L, asking *a, bool is_remembered)
{
    const engine_box *engine = lua_touserdata(L, 1);
    if (!engine->hosts) {
        pzl_prepare_asking(L, a, 0, false);
        return;
    }
    get_env(L, 1);
    lua_rawgeti(L, -1, HOSTS_SLOT);
    lua_replace(L, -2);
    pzl_prepare_asking(L, a, lua_gettop(L), is_remembered);
}

/* Push a profile box of the engine at index 1, still without a profile. */
profile_box *pzl_push_profile(lua_State *L, engine_box *engine)
{
    profile_box *box = lua_newuserdata(L, sizeof *box);
    memset(box, 0, sizeof *box);
    lua_createtable(L, 1, 0);
    lua_pushvalue(L, 1);
    lua_rawseti(L, -2, 1);
    set_env(L, -2);
    box->engine = engine;
    set_handle_metatable(L, engine->is_safe, PROFILE, SAFE_PREFIX PROFILE);
    return box;
}

/* Reports are boxed before anything is read from them. */
pz_report **pzl_push_report(lua_State *L)
{
    pz_report **box = lua_newuserdata(L, sizeof *box);
    *box = NULL;
    luaL_getmetatable(L, REPORT);
    lua_setmetatable(L, -2);
    return box;
}
