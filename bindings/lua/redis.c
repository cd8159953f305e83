/*
 * redis.c: the store on Redis as a Lua module of its own, so that only who wants it needs hiredis.
 *
 *     local shop = personalize.open("shop.json", {store = "redis://cache1:6379",
 *                                                 module = require "personalize_redis"})
 *
 * The module is one userdata that holds a pointer into libpersonalize-redis. It is a full userdata
 * with a metatable, not a light one: whatever else a script hands over is refused instead of
 * followed.
 */
#include "binding.h"

#include <personalize/redis.h>

PZ_API int luaopen_personalize_redis(lua_State *L);

PZ_API int luaopen_personalize_redis(lua_State *L)
{
    module_box *box = lua_newuserdata(L, sizeof *box);
    box->module = pz_redis_module();
    luaL_newmetatable(L, STORE_MODULE);
    lua_pushstring(L, STORE_MODULE);
    lua_setfield(L, -2, "__metatable");
    lua_setmetatable(L, -2);
    return 1;
}
