-- handle.lua: engines, profiles and sessions: who owns what, and what is freed when; for LuaJIT's FFI.
--
-- A handle is a table whose first slot is a cdata that owns what C made:
--
--     engine  { box, free session, boxes of open profiles, hosts }      profile { box, engine, bytes of a view }
--
-- An engine's C side (struct pzl_engine, by malloc) counts the profiles and sessions made from it.
-- Finalizers may run in any order, also at the end of the Lua state: whoever is last closes the engine.
-- They may also run wherever something is made in Lua, which outside of compiled code reading a
-- pointer is: counts change without that between their reading and writing.
--
-- A session is a context, a pool and room for answers. A call takes the engine's session out of its slot
-- and puts it back at its end. Making a Lua value may run a finalizer, which may call into the same
-- engine: it finds the slot empty and makes a session of its own. A call that raises never puts its
-- session back; the collector frees it. Strings that C borrows beyond one call stand in the session.
--
-- An answer borrows from the profile, and is read piece by piece. A profile that is being read has readers:
-- a finalizer that closes it then only marks it, and one that would write it is refused.
local ffi = require "ffi"
local V = require "personalize_ffi.value"
local C = require("personalize_ffi.library").C
V.is_own(debug.getinfo(1, "S").source)

local type, rawget, select, next, ipairs = type, rawget, select, next, ipairs
local istype, cast, sizeof = ffi.istype, ffi.cast, ffi.sizeof
local check, fail, new_error = V.check, V.fail, V.new_error
local ERR_TYPE, ERR_STATE = V.ERR_TYPE, V.ERR_STATE

local core_t, core_p = ffi.typeof "struct pzl_engine", ffi.typeof "struct pzl_engine *"
local engine_t, profile_t = ffi.typeof "struct pzl_engine_box", ffi.typeof "struct pzl_profile_box"
local session_t, program_t = ffi.typeof "struct pzl_session_box", ffi.typeof "struct pzl_program_box"
local report_t = ffi.typeof "struct pzl_report_box"
local context_out_t, pool_out_t = ffi.typeof "pz_context *[1]", ffi.typeof "pz_pool *[1]"
local decision_out_t, value_t = ffi.typeof "const pz_decision *[1]", ffi.typeof "pz_value"

local H = {engine_t = engine_t, profile_t = profile_t, program_t = program_t, report_t = report_t}

-- A maker of structs that begin with their size.
local function sized(name)
  local make = ffi.typeof(name)
  local size = sizeof(make)
  return function()
    local made = make()
    made.size = size
    return made
  end
end
H.sized = sized
local new_write, new_resolution, new_decided = sized "pz_write", sized "pz_resolution", sized "pz_decided"

-- Keeps its arguments alive up to where it is called, whatever the compiler thinks of them.
local kept -- luacheck: ignore
function H.keep_alive(...)
  kept = select(1, ...)
  kept = nil
end

-- ---- who is freed when ----

-- Close the C engine when nobody can use it any more, and forget the core when no handle is left.
local function close_if_unused(core)
  if not core.is_closed or core.children > 0 then return end
  C.pz_engine_close(core.engine)
  core.engine = nil
  if not core.has_handle then ffi.C.free(core) end
end

local function leave(core)
  core.children = core.children - 1
  close_if_unused(core)
end

local function free_profile(box)
  local core = box.core
  if core == nil then return end
  box.core, box.is_open = nil, false
  C.pz_profile_free(box.profile)
  box.profile = nil
  leave(core)
end

local function free_session(box)
  local core = box.core
  if core == nil then return end
  box.core, box.is_open = nil, false
  C.pz_context_free(box.context)
  C.pz_pool_free(box.pool)
  leave(core)
end

-- What C uses in the middle of a call is nobody else's to use or free.
function H.refuse_asked(box)
  if box.asked > 0 then fail(ERR_STATE, "the profile is being asked about by a question that goes on") end
end

-- A profile that a call further down the stack reads is freed at the end of that call.
function H.close_profile(box)
  box.is_open = false
  if box.readers == 0 then free_profile(box) end
end

local function hold(box) box.readers = box.readers + 1 end

local function let_go(box)
  box.readers = box.readers - 1
  if box.readers == 0 and not box.is_open then free_profile(box) end
end

ffi.metatype(profile_t, {__gc = free_profile})
ffi.metatype(session_t, {__gc = free_session})
ffi.metatype(report_t, {__gc = function(box)
  C.pz_report_free(box.report[0])
  box.report[0] = nil
end})
ffi.metatype(program_t, {__gc = function(box)
  C.pz_program_unref(box.program)
  box.program = nil
end})
ffi.metatype(engine_t, {__gc = function(box)
  local core = box.core
  if core == nil then return end
  box.core = nil
  core.is_closed, core.has_handle = true, false
  if core.engine == nil then ffi.C.free(core) else close_if_unused(core) end
end})

function H.new_core()
  local core = cast(core_p, ffi.C.malloc(sizeof(core_t)))
  if core == nil then error("not enough memory", 0) end
  ffi.fill(core, sizeof(core_t))
  core.has_handle = true
  return core
end

function H.new_profile_box(core, profile)
  local box = profile_t()
  core.children = core.children + 1
  box.core, box.profile, box.is_open = core, profile, true
  return box
end

-- ---- handles ----

local function box_of(handle) return type(handle) == "table" and rawget(handle, 1) or nil end

local function is_handle(t)
  local box = rawget(t, 1)
  return istype(engine_t, box) or istype(profile_t, box) or istype(program_t, box)
end
V.set_handles(is_handle)

-- `position` and `what`, without which it is an argument, name it: "argument 2", "customer 3".
local function wrong_handle(position, name, handle, what)
  fail(ERR_TYPE, ("%s %d: a %s is expected, not %s"):format(what or "argument", position, name, V.type_of(handle)))
end

-- The C side of the open engine that `handle` is; else raise.
local function core_of(handle)
  local box = box_of(handle)
  if not istype(engine_t, box) then wrong_handle(1, "personalize.engine", handle) end
  local core = box.core
  -- At the end of the Lua state other finalizers may find one that is gone.
  if core == nil or core.is_closed then fail(ERR_STATE, "the engine is closed") end
  return core
end

local function profile_box_of(handle, position, what)
  local box = box_of(handle)
  if not istype(profile_t, box) then wrong_handle(position, "personalize.profile", handle, what) end
  if not box.is_open then fail(ERR_STATE, "the profile is closed") end
  if box.asked > 0 then H.refuse_asked(box) end
  return box
end

-- The C engine and the C profile of handles, for a call that follows at once: reading a pointer makes
-- an object, which may run a finalizer, which may have closed the handle meanwhile.
local function engine_of(handle)
  local core = core_of(handle)
  local engine = core.engine
  if core.is_closed then fail(ERR_STATE, "the engine is closed") end
  return engine
end

local function pointer_of(box)
  local profile = box.profile
  if not box.is_open then fail(ERR_STATE, "the profile is closed") end
  return profile
end

-- ---- sessions ----

local function new_session(engine)
  local core = core_of(engine)
  local box, err, context, pool = session_t(), new_error(), context_out_t(), pool_out_t()
  core.children = core.children + 1
  box.core, box.is_open = core, true
  check(C.pz_context_new(context, engine_of(engine), err), err)
  box.context = context[0]
  check(C.pz_pool_new(pool, nil), nil)
  box.pool = pool[0]
  return {
    box = box, context = box.context, pool = box.pool, err = err, items = 0,
    input = value_t(), value = value_t(), spare = value_t(), entry = ffi.new "pz_entry",
    text = ffi.new "pz_str", decision = decision_out_t(), decided = new_decided(),
    resolution = new_resolution(), write = new_write(),
    channel = false, who = false, writer = false, profile = false, account = false, anchors = false,
    question = false,
  }
end

local function take(engine)
  local s = engine[2]
  if not s then return new_session(engine) end
  engine[2] = false
  if not s.box.is_open then return new_session(engine) end
  s.items = 0
  C.pz_pool_reset(s.pool)
  return s
end

local function give(engine, s)
  local box = s.box
  s.question = false
  if box.is_open and box.core.is_closed then free_session(box) else engine[2] = s end
end

-- Let go of the profiles that a question reads.
local function release(s)
  local profile, account = s.profile, s.account
  s.profile, s.account = false, false
  if profile then let_go(profile) end
  if account then let_go(account) end
end

-- The same for a question about many.
function H.release_all(s)
  release(s)
  for _, box in ipairs(s.anchors and s.anchors.boxes or {}) do
    if box then let_go(box) end
  end
end

-- Close an engine, its profiles and its free session. What raising calls left behind, and handles that
-- nobody has any more, are collected first, so that a store is closed when this returns; what a call
-- further down the stack still uses goes with that call.
function H.close_engine(engine)
  local core, s = engine[1].core, engine[2]
  if core == nil then return end
  core.is_closed, engine[2] = true, false
  for box in next, engine[3] do H.close_profile(box) end
  if s then free_session(s.box) end
  if core.children > 0 then collectgarbage() end
  if core.engine ~= nil then close_if_unused(core) end
end

H.box_of, H.wrong_handle, H.core_of, H.profile_box_of = box_of, wrong_handle, core_of, profile_box_of
H.engine_of, H.pointer_of, H.take, H.give = engine_of, pointer_of, take, give
H.hold, H.let_go, H.release = hold, let_go, release

return H
