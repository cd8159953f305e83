-- Tests of the package for LuaJIT's FFI alone: luajit test_lua_ffi.lua INCLUDE SHOP
-- That it behaves as the C module does is what test_lua.lua and test_lua_hostile.lua tell.
local include, shop_path = arg[1], arg[2]
local p = require "personalize_ffi"
local library = require "personalize_ffi.library"
local NOW = 1774008000000
local kit = dofile((arg[0]:match "^.*/" or "") .. "lua_kit.lua")
local tests = {}

-- ---- what is declared ----

-- The declarations of C text without comments and preprocessor, one by one, in one spelling.
local function declarations_of(text)
  text = text:gsub("/%*.-%*/", " "):gsub("//[^\n]*", " ")
  text = ("\n" .. text):gsub("\\\n", " "):gsub("\n%s*#[^\n]*", "\n")
  text = text:gsub("PZ_BEGIN_DECLS", ""):gsub("PZ_END_DECLS", ""):gsub("PZ_API", "")
  text = text:gsub("%s+", " "):gsub("%s*([%*%(%),;{}])%s*", "%1")
  local found = {}
  -- A struct in braces is one declaration.
  text = text:gsub("(typedef struct pz_%w+%b{}pz_[%w_]+;)", function(whole)
    found[whole] = true
    return ""
  end)
  text = text:gsub("(typedef enum [%w_]+%b{}[%w_]+;)", ""):gsub("enum%b{};", "")
  text = text:gsub("(typedef struct pz_[%w_]+%b{}pz_[%w_]+;)", function(whole)
    found[whole] = true
    return ""
  end)
  for one in text:gmatch "([^;]+);" do found[one:match "^%s*(.-)%s*$" .. ";"] = true end
  return found
end

local function headers()
  local text = {}
  for _, name in ipairs {"base", "value", "program", "report", "engine", "profile", "decide", "people", "record"} do
    local file = assert(io.open(("%s/personalize/%s.h"):format(include, name)))
    text[#text + 1] = file:read "*a"
    file:close()
  end
  return table.concat(text, "\n")
end

function tests.what_is_declared_is_what_the_headers_say()
  local public, count = declarations_of((headers():gsub("PZ_ERROR_MESSAGE_MAX", "512"))), 0
  for declared in pairs(declarations_of(library.declarations)) do
    -- A struct that is only pointed to is declared without its members.
    local is_ours = declared:match "^typedef int pz_(%w+);$"
    assert(is_ours or public[declared], "no header says: " .. declared)
    count = count + 1
  end
  assert(count > 120, count)
end

function tests.an_enumeration_is_an_int_to_c()
  local text = headers():gsub("%s+", " ")
  for name in library.declarations:gmatch "typedef int (pz_%w+);" do
    assert(text:find("typedef enum " .. name .. " {", 1, true), name)
  end
end

function tests.limits_are_those_of_the_headers()
  local text = headers()
  assert(text:find "#define PZ_JSON_DEPTH_MAX 512\n" and text:find "#define PZ_OBSERVE_MANY_MAX 65536u\n")
  assert(text:find "#define PZ_PROGRAM_VARIABLES_MAX 4096\n" and text:find "#define PZ_ERROR_MESSAGE_MAX 512\n"
    and text:find "#define PZ_PROGRAM_FUNCTIONS_MAX 1024\n")
end

-- ---- what is compiled ----

-- Run f often; the reasons for which a trace was given up, and how many traces were made.
local funcinfo = require("jit.util").funcinfo
local function traces(f)
  local errors, made, reasons = require("jit.vmdef").traceerr, 0, {}
  local function note(what, _, func, pc, code)
    if what == "stop" then made = made + 1 end
    if what == "abort" then
      local place = funcinfo(func, pc)
      reasons[#reasons + 1] = ("%s:%s: %s"):format(place.source, place.currentline, errors[code] or code)
    end
  end
  jit.flush()
  jit.attach(note, "trace")
  for i = 1, 3000 do f(i) end
  jit.attach(note)
  return table.concat(reasons, "\n"), made
end

local function stays_compiled(f)
  local reasons, made = traces(f)
  -- A trace that begins in a function and would go on in its caller is given up for one that does not.
  reasons = reasons:gsub("[^\n]*NYI: return to lower frame", "")
  assert(not reasons:find "NYI", reasons)
  assert(made > 0, "nothing was compiled")
end

local function scene(form)
  local engine = form.open(shop_path)
  local me = engine:detached "me"
  me:choose("language", "de", {at = NOW, now = NOW})
  me:declare("age", 30, {at = NOW, now = NOW})
  return engine, me
end

function tests.asking_stays_compiled()
  for _, form in ipairs {p, p.safe} do
    local engine, me = scene(form)
    local circumstances = {country = "DE", now = NOW + 1}
    stays_compiled(function() assert(engine:decide("home.hero", me, circumstances).value == "hallo") end)
    stays_compiled(function() assert(engine:decide("home.hero").value == "generic") end)
    stays_compiled(function() assert(engine:resolve("language", me, circumstances).value == "de") end)
    stays_compiled(function() assert(engine:resolve("age", me, circumstances).value == 30) end)
    stays_compiled(function() assert(engine:segments(me, circumstances)[1] == "adult") end)
    stays_compiled(function() assert(engine:inspect("age", me, circumstances)[1].tier == "DECLARED") end)
  end
end

-- A callback that is entered from compiled code ends the process.
function tests.no_callback_is_entered_from_compiled_code()
  local calls = 0
  local function f()
    calls = calls + 1
    return true
  end
  local plain, me = scene(p)
  local hosted = p.open {functions = {f = {f, {}, "bool"}}}
  hosted:load_text [[{"decisions": {"d": {"rules": [{"id": "r", "when": "f()", "value": 1}]}}}]]
  local rule = p.compile("f()", {functions = {f = {f, {}, "bool"}}})
  local function ask() assert(plain:decide("home.hero", me, {country = "DE", now = NOW + 1}).value == "hallo") end
  for i = 1, 3000 do
    ask()
    if i % 3 == 0 then assert(hosted:decide("d").value == 1 and hosted:explain("d").value == 1) end
    if i % 5 == 0 then assert(rule:eval() == true) end
  end
  for _ = 1, 3000 do ask() end
  for _ = 1, 3000 do assert(rule:eval() == true and hosted:decide("d").value == 1) end
  assert(calls == 8600, calls)
end

function tests.reading_values_stays_compiled()
  stays_compiled(function() assert(p.parse('{"a": [1, 2.5, true, null, {"b": "c"}]}').a[2] == 2.5) end)
end

function tests.customers_and_rules_stay_compiled()
  local engine = scene(p)
  stays_compiled(function()
    local ann = engine:customer("email", "ann@example.com")
    assert(not ann:exists())
    ann:close()
  end)
  local rule, circumstances = p.compile("a > 1", {variables = {a = "int"}}), {a = 2}
  stays_compiled(function() assert(rule:eval(circumstances) == true) end)
end

-- ---- what differs from the C module ----

function tests.a_missing_library_for_redis_is_named()
  local getenv = os.getenv
  os.getenv = function(name) return name == "PERSONALIZE_REDIS_LIBRARY" and "/nowhere.so" or getenv(name) end -- luacheck: ignore
  local ok, message = pcall(require, "personalize_ffi.redis")
  os.getenv = getenv -- luacheck: ignore
  assert(not ok and message:find("/nowhere.so", 1, true) and message:find("PERSONALIZE_REDIS_LIBRARY", 1, true))
end

function tests.a_visit_leaves_the_collector_as_it_was()
  local engine = p.open(shop_path)
  engine:record "home.hero"
  for _, was_running in ipairs {true, false} do
    collectgarbage(was_running and "restart" or "stop")
    assert(#engine:records() == 1)
    assert(collectgarbage "isrunning" == was_running)
    pcall(engine.records, engine, {subject = "\n"})
    assert(collectgarbage "isrunning" == was_running)
  end
  collectgarbage "restart"
  -- Often enough to be compiled, were it not forbidden.
  for _ = 1, 500 do assert(engine:records {limit = 1}[1].number == 1) end
end

function tests.integers_of_the_ffi_go_in()
  assert(p.print {1LL, 18446744073709551615ULL, -9223372036854775807LL} ==
    "[1,18446744073709551615,-9223372036854775807]")
end

function tests.handles_are_collected_in_any_order()
  for _ = 1, 200 do
    local engine, me = scene(p)
    local view = engine:view(me:bytes())
    engine:decide("home.hero", view)
    pcall(engine.decide, engine, "nothing")
    engine, me, view = nil, nil, nil -- luacheck: ignore
  end
  collectgarbage()
  collectgarbage()
end

kit.run(tests)
