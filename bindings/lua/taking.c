/*
 * taking.c: many events, or rows of a table, of any customers, taken in by one transaction.
 *
 *     engine:observe_many(events, {now, replay, durability})
 *     engine:apply_many(rows, {settled, at, now, expires, channel, who, durability})
 *
 * Both give a list as long as what they were given: {status, message, is_new} for each. A bad event
 * or row is told there; only what stops the whole call raises.
 */
#include "binding.h"

/* {now = ..., replay = true, durability = ...} of observe_many, at 3. */
static uint32_t read_observing(lua_State *L, session_box *session, int64_t *now_ms)
{
    static const uint32_t flags[] = {0, PZ_OBSERVE_DURABLE, PZ_OBSERVE_GROUPED, PZ_OBSERVE_LAZY};
    *now_ms = 0;
    if (lua_isnil(L, 3))
        return 0;
    luaL_checktype(L, 3, LUA_TTABLE);
    pzl_check_known(L, 3, "setting", "", "durability, now and replay");
    lua_getfield(L, 3, "now");
    *now_ms = pzl_moment_at(L, session, lua_gettop(L));
    return flags[pzl_durability_at(L, 3)] | (pzl_flag(L, 3, "replay") ? PZ_OBSERVE_REPLAY : 0);
}

/* The list at 2, with room for a result of each on the stack behind it. */
static pz_value read_rows(lua_State *L, session_box *session, const char *what, pz_observed **out)
{
    luaL_checktype(L, 2, LUA_TTABLE);
    const pz_value rows = pzl_put(L, session, 2);
    if (rows.kind != PZ_LIST && rows.len > 0) {
        lua_pushfstring(L, "%s are a list", what);
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    if (rows.len > PZ_OBSERVE_MANY_MAX) {
        lua_pushfstring(L, "more than 65536 %s in one call", what);
        pzl_fail(L, PZ_ERR_LIMIT, lua_tostring(L, -1));
    }
    pz_observed *results = lua_newuserdata(L, (rows.len + 1) * sizeof *results);
    for (uint32_t i = 0; i < rows.len; i++)
        results[i].size = (uint32_t)sizeof *results;
    *out = results;
    return rows;
}

/* {{status, message, is_new}, ...} */
static void push_results(lua_State *L, const pz_observed *results, uint32_t count)
{
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        lua_createtable(L, 0, 3);
        lua_pushstring(L, pz_status_name(results[i].status));
        lua_setfield(L, -2, "status");
        lua_pushstring(L, results[i].message);
        lua_setfield(L, -2, "message");
        lua_pushboolean(L, results[i].is_new);
        lua_setfield(L, -2, "is_new");
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* engine:observe_many(events, {now = ..., replay = true, durability = ...}) */
int pzl_observe_many(lua_State *L)
{
    int64_t now_ms;
    pz_observed *results;
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 3);
    pzl_engine_at(L, 1);
    session_box *session = pzl_take_session(L);
    const uint32_t flags = read_observing(L, session, &now_ms);
    const pz_value events = read_rows(L, session, "events", &results);
    pzl_check(L,
              pz_observe_many(pzl_engine_at(L, 1)->engine, events.len ? events.as.items : NULL,
                              events.len, now_ms, flags, results, &err),
              &err);
    push_results(L, results, events.len);
    pzl_give_session(L, session, 1, 4);
    return 1;
}

/* engine:apply_many(rows, {settled = true, at, now, expires, channel, who, durability}) */
int pzl_apply_many(lua_State *L)
{
    pz_observed *results;
    pz_write write = {PZ_WRITE};
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 3);
    pzl_engine_at(L, 1);
    session_box *session = pzl_take_session(L);
    uint32_t flags = 0;
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        pzl_check_known(L, 3, "setting", "",
                        "at, channel, durability, expires, now, settled and who");
        write = pzl_read_write(L, session, 3);
        flags = pzl_flag(L, 3, "settled") ? PZ_APPLY_SETTLED : 0;
    }
    const pz_value rows = read_rows(L, session, "rows", &results);
    pzl_check(L,
              pz_apply_many(pzl_engine_at(L, 1)->engine, rows.len ? rows.as.items : NULL, rows.len,
                            &write, flags, results, &err),
              &err);
    push_results(L, results, rows.len);
    pzl_give_session(L, session, 1, 4);
    return 1;
}
