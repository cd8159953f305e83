-- redis.lua: the store on Redis for LuaJIT's FFI: what open() takes as its `module`.
--
--     personalize.open("shop.json", {store = "redis://cache1:6379", module = require "personalize_ffi.redis"})
--
-- The library of its own, libpersonalize-redis, is looked for as libpersonalize is, by
-- PERSONALIZE_REDIS_LIBRARY first. It is loaded once and stays.
local ffi = require "ffi"
local library = require "personalize_ffi.library"

if not pcall(ffi.typeof, "struct pzl_module_box") then
  ffi.cdef [[
    const struct pz_store_module *pz_redis_module(void);
    struct pzl_module_box { const struct pz_store_module *module; };
  ]]
end

local ok, C = pcall(library.open, "PERSONALIZE_REDIS_LIBRARY", "libpersonalize-redis.so." .. library.ABI)
if not ok then
  error("libpersonalize-redis was not found; set PERSONALIZE_REDIS_LIBRARY to its full path: " .. tostring(C), 0)
end
local box = ffi.new "struct pzl_module_box"
box.module = C.pz_redis_module()
library.redis = C -- whose functions must not go while an engine uses them
return box
