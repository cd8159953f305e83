-- For LuaRocks, against an installed libpersonalize:
--
--     luarocks --lua-version=5.4 make PERSONALIZE_DIR=/usr/local personalize-scm-1.rockspec
--
-- The module for Redis is left out, as it needs libpersonalize-redis; the build by CMake makes it.
rockspec_format = "3.0"
package = "personalize"
version = "scm-1"
source = {url = "git+file://."}
description = {
  summary = "Personalization as a library: choices, inferences, rules and reasons in your process",
  license = "MIT",
}
dependencies = {"lua >= 5.1, < 5.5"}
external_dependencies = {PERSONALIZE = {header = "personalize.h", library = "personalize"}}
build = {
  type = "builtin",
  modules = {
    personalize = {
      sources = {"personalize.c", "many.c", "taking.c", "record.c", "hosts.c", "profile.c", "program.c", "handles.c", "value.c"},
      libraries = {"personalize"},
      incdirs = {"$(PERSONALIZE_INCDIR)"},
      libdirs = {"$(PERSONALIZE_LIBDIR)"},
    },
    -- For LuaJIT, which has an FFI.
    personalize_ffi = "personalize_ffi.lua",
    ["personalize_ffi.handle"] = "personalize_ffi/handle.lua",
    ["personalize_ffi.hosts"] = "personalize_ffi/hosts.lua",
    ["personalize_ffi.library"] = "personalize_ffi/library.lua",
    ["personalize_ffi.profile"] = "personalize_ffi/profile.lua",
    ["personalize_ffi.program"] = "personalize_ffi/program.lua",
    ["personalize_ffi.record"] = "personalize_ffi/record.lua",
    ["personalize_ffi.redis"] = "personalize_ffi/redis.lua",
    ["personalize_ffi.value"] = "personalize_ffi/value.lua",
  },
}
