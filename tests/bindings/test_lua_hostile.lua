-- Wrong arguments to every entry point of the Lua binding: lua test_lua_hostile.lua SHOP VERBS [OTHER]
--
-- Each function and method is called with arguments that are right but for one, which is in turn each
-- of the values below. Such a call may be right all the same; if it fails, it fails with an error of the
-- binding's own, the safe form says the same with a status, and neither profile nor engine is changed.
-- Entry points are found in the module itself: one that the table below does not know fails the test.
--
-- With OTHER, the name of a second module with the same face, both have to answer alike: this is how
-- the package for LuaJIT's FFI is compared with the C module.
local shop_path, verbs_path, other_name = arg[1], arg[2], arg[3]

local NOW = "2026-03-20T12:00:00Z"
local EVENT = {kind = "visit", source = "s", id = "9", time = "2026-03-20T11:00:00Z", language = "de"}
local unpack = table.unpack or unpack -- luacheck: ignore

local function write(more)
  local made = {at = NOW, now = NOW, channel = "web", who = "agent:7", writer = "w1"}
  for key, value in pairs(more or {}) do made[key] = value end
  return made
end

-- Functions that rules call; one returns what is no value.
local function twice(n) return 2 * n end
local function hosted()
  return {twice = {twice, {"int"}, "int"}, odd = {{twice, "(int) -> int"}, {print, {}, "bool"}}}
end

-- What each entry point is called with, and how many arguments there are to spoil. A function makes the
-- arguments anew from the scene.
local FUNCTIONS = {
  open = function() return {verbs_path, {store = "memory:", functions = hosted(), records = {take = twice, erase = twice}}} end,
  check = function() return {verbs_path, {functions = hosted()}} end,
  compile = function() return {"twice(a) > 1", {variables = {a = "int"}, sizes = {a = 1}, functions = hosted()}} end,
  eval = function() return {"x == 1", {x = 1}} end,
  parse = function() return {"[1]"} end,
  print = function() return {{1, a = nil}, 2} end,
  version = function() return {} end,
  bytes = function() return {"ab"} end,
  int = function() return {"7"} end,
  uint = function() return {"7"} end,
  double = function() return {"7"} end,
  timestamp = function() return {NOW} end,
  duration = function() return {"1s"} end,
  array = function() return {{}} end,
  map = function() return {{}} end,
}
-- These raise in both forms.
local CONSTRUCTORS = {bytes = true, int = true, uint = true, double = true, timestamp = true, duration = true,
                      array = true, map = true}
local function question(name)
  return function(s) return {name, s.me, {now = NOW, country = "DE"}, s.firm, "deep"} end
end
local function customers(s) return {s.me, {now = NOW}, s.firm, "deep"} end
local function batch(s) return {{"language", "topics"}, {s.me, false}, {now = NOW}, s.firm, "deep"} end
local ENGINE = {
  load = function() return {verbs_path} end,
  load_text = function(s) return {s.text, "verbs"} end,
  test = function() return {} end,
  catalog_hash = function() return {} end,
  count = function() return {} end, ids = function() return {} end,
  customer = function() return {"email", "ann@example.com"} end,
  profile = function(s) return {s.stored} end,
  detached = function() return {"new", "person"} end,
  decode = function(s) return {s.bytes} end,
  view = function(s) return {s.bytes} end,
  observe_many = function()
    local event = {customer = "c"}
    for key, value in pairs(EVENT) do event[key] = value end
    return {{event}, {now = NOW, replay = true}}
  end,
  apply_many = function()
    return {{{"c", {"choose", "language", "de"}}, {{email = "ann@example.com"}, {"clear", "language"}}},
            {now = NOW, at = NOW, channel = "crm", who = "agent", settled = true, durability = "lazy"}}
  end,
  resolve = question "language",
  inspect = question "language",
  inspect_privileged = question "language",
  decide = question "front",
  explain = question "front",
  decide_for = function(s)
    return {"customer", "c1", "front", {now = NOW, country = "DE"}, s.firm, "deep"}
  end,
  resolve_many = batch,
  inspect_many = batch,
  decide_many = function(s)
    return {{"front"}, {s.me, false}, {now = NOW}, s.firm, "deep", {id = true, jsonl = true}}
  end,
  answer_many = function(s)
    return {"language", {"c1", "c2"}, {now = NOW}, s.firm, "deep", {by = "customer"}}
  end,
  segments_many = function(s) return {{s.stored, "nobody"}, {now = NOW}, s.firm, "deep", {by = "id"}} end,
  record = function(s) return {"greeting", s.me, {now = NOW}, s.firm, "deep", {note = "r-17", durability = "lazy"}} end,
  decision_record = question "greeting",
  record_many = function(s) return {{s.record}, {now = NOW}} end,
  records = function(s) return {{from = 1, limit = 2, subject = s.stored}} end,
  expire_records = function() return {NOW} end,
  segments = customers,
  person = customers,
  erase = function(s) return {s.stored, {now = NOW}} end,
  close = function() return {} end,
}
local function value_verb(name, value) return function() return {name, value, write()} end end
local function name_verb(name) return function() return {name, write()} end end
local PROFILE = {
  id = function() return {} end, exists = function() return {} end, refresh = function() return {} end,
  bytes = function() return {} end, close = function() return {} end,
  export = function() return {2} end, export_text = function() return {} end,
  merge = function(s) return {s.copy} end, person = function(s) return {{s.other, s.firm}} end,
  choose = value_verb("language", "fr"), reject = value_verb("language", "fr"),
  declare = value_verb("language", "fr"), clear = name_verb "language",
  infer = function() return {"language", "fr", 0.9, write()} end,
  edit = function() return {"toolbar", "help", {pin = 0}, write()} end,
  set_mode = value_verb("language", "MANUAL"), set_level = name_verb "basic",
  undo = name_verb "language", identify = value_verb("email", "a@b.c"),
  observe = function() return {EVENT, write()} end,
  consent = value_verb("research", true),
  consent_tcf = function(s) return {s.tcf, write()} end,
  consent_gpc = function() return {true, write()} end,
  tcf = function() return {{cmp_id = 7, language = "de", publisher_country = "DE"}} end,
  forget = function() return {"language", write {from = "2026-01-01T00:00:00Z", to = NOW}} end,
  retract = value_verb("s", "1"), expire = name_verb "language",
  retract_all = function() return {"language", write {from = "2026-01-01T00:00:00Z", to = NOW}} end,
  link = function() return {"other", write {strength = 0.5}} end, unlink = name_verb "other",
  switch = name_verb "other", set_account = name_verb "firm",
  apply = function() return {{"choose", "language", "fr", {at = NOW}}, {writer = "w1"}} end,
}
local PROGRAM = {
  eval = function() return {{a = 2}} end, evaluate = function() return {{a = 2}} end,
  type = function() return {} end, text = function() return {} end, cost = function() return {} end,
  reads = function() return {} end, close = function() return {} end,
}

-- An engine with a profile that has something of everything, in one of the two forms.
local function scene(p, form)
  local engine = p.open(verbs_path)
  local s = {engine = form.open(verbs_path, {functions = hosted()})}
  s.me, s.firm, s.other = s.engine:detached "me", s.engine:detached("firm", "account"), s.engine:detached "other"
  s.me:choose("language", "de", write {at = "2026-03-20T10:00:00Z"})
  s.me:choose("topics", "news", write {at = "2026-03-20T10:01:00Z"})
  s.me:consent("ads", true, write())
  s.me:link("other", write())
  local first = {}
  for key, value in pairs(EVENT) do first[key] = value end
  first.id = "1"
  s.me:observe(first, write())
  s.copy = s.engine:decode(s.me:bytes())
  s.tcf, s.bytes = s.me:tcf(), s.me:bytes()
  local stored = s.engine:customer("customer", "c1")
  stored:choose("language", "de", {at = NOW, now = NOW})
  s.stored = stored:id()
  s.record = {id = ("0"):rep(32), decision = "greeting", catalog = ("0"):rep(32), at = NOW, subject = s.stored}
  s.program = form.compile("twice(a) > 1", {variables = {a = "int"}, functions = hosted()})
  local file = assert(io.open(verbs_path))
  s.text = file:read "*a"
  file:close()
  engine:close()
  return s
end

-- name, maker of a value; makers take the scene, since some values are handles.
local function values(p)
  local cycle, deep, large, holes, proxy = {}, {}, {}, {1, nil, 3}, setmetatable({}, {__index = function() return {} end})
  cycle.me = cycle
  for _ = 1, 600 do deep = {deep} end
  for i = 1, 20000 do large["key " .. i] = i end
  local foreign = p.open(shop_path)
  local stranger, closed = foreign:detached "me", foreign:detached "me"
  closed:close()
  local ended = p.open(shop_path)
  ended:close()
  local function just(value) return function() return value end end
  local function copy(t) -- some calls mark the tables that they are given
    return function()
      local copied = {}
      for key, value in pairs(t) do copied[key] = value end
      return copied
    end
  end
  return {
    {"nil", just(nil)}, {"true", just(true)}, {"false", just(false)}, {"zero", just(0)}, {"minus", just(-1)},
    {"half", just(1.5)}, {"nan", just(0 / 0)}, {"infinity", just(1 / 0)}, {"huge", just(1e300)},
    {"empty", just ""}, {"nul", just "\0x"}, {"octets", just "\255\254"}, {"surrogate", just "\237\160\128"},
    {"nonsense", just "no such thing"}, {"long", just(("x"):rep(70000))}, {"table", copy {}},
    {"cycle", just(cycle)}, {"deep", copy(deep)}, {"large", copy(large)}, {"holes", copy(holes)},
    {"proxy", just(proxy)}, {"mixed", copy {1, a = 2}}, {"odd keys", copy {[true] = 1}},
    {"bad moment", copy {at = true, now = true}}, {"bad names", copy {channel = 7, who = {}, member = false}},
    {"nul name", copy {channel = "a\0b", store = "a\0b", now = "a\0b"}}, {"odd", copy {variables = 7, durability = "much", cmp_id = "x"}},
    {"function", just(print)}, {"thread", just(coroutine.create(function() end))}, {"file", just(io.stdout)},
    {"null", just(p.null)}, {"scalar", just(p.bytes "\255")}, {"uint", just(p.uint "18446744073709551615")},
    {"foreign engine", just(foreign)}, {"foreign profile", just(stranger)}, {"closed profile", just(closed)},
    {"closed engine", just(ended)}, {"the engine", function(s) return s.engine end},
    {"the profile", function(s) return s.me end}, {"the program", function(s) return s.program end},
    {"profiles", function(s) return {s.me, stranger, 7} end}, {"texts", copy {"front", "language", 7}},
    {"kind", copy {by = "no such kind"}}, {"bad kind", copy {by = 7}},
    {"bad functions", copy {functions = {f = {print, {}, 7}}}}, {"odd functions", copy {functions = print, records = print}},
    {"bad sink", copy {records = {take = print}}}, {"nul texts", copy {"a\0b"}},
  }
end

local ALIEN = {"attempt to", "cannot convert", "has no member", "has no field", "bad argument #%d+ to 'pz", "stack overflow"}

local function is_own(message)
  if type(message) ~= "string" or message == "" then return false end
  for _, pattern in ipairs(ALIEN) do
    if message:find(pattern) then return false end
  end
  return true
end

local failures = 0
local function complain(...)
  failures = failures + 1
  if failures <= 40 then print("not ok: " .. table.concat({...}, ": ")) end
end

local function state_of(s)
  return table.concat({s.me:bytes(), s.firm:bytes(), s.engine:catalog_hash(), tostring(s.engine:count())}, "|")
end

-- What one call came to, as text: for comparing two modules.
local function outcome(ok, message, code)
  return ok and "fine" or code .. " " .. message:gsub("^[^:]*:%d+: ", ""):gsub("no value", "nil")
end

-- Run all calls on a module; `note(what, outcome)` is told each.
local function run(p, note)
  local all = values(p)
  local methods = {engine = ENGINE, me = PROFILE, program = PROGRAM}
  for _, of in ipairs {"functions", "engine", "me", "program"} do
    local s, before
    local function prepare()
      s = scene(p, p.safe)
      before = state_of(s)
    end
    prepare()
    local found = of == "functions" and p.safe or debug.getmetatable(s[of]).__index
    local names = {}
    for name, call in pairs(found) do
      if type(call) == "function" then names[#names + 1] = name end
    end
    table.sort(names)
    for _, name in ipairs(names) do
      local make = (methods[of] or FUNCTIONS)[name]
      if not make then complain(of, name, "the test does not know how it is called") end
      local first, last = of == "functions" and 1 or 0, make and #make(s) or -1
      for position = first, last do
        for _, value in ipairs(all) do
          local what = ("%s.%s, argument %d: %s"):format(of, name, position, value[1])
          local arguments = make(s)
          local self = s[of]
          if position == 0 then self = value[2](s) else arguments[position] = value[2](s) end
          if of ~= "functions" then
            for i = last, 1, -1 do arguments[i + 1] = arguments[i] end
            arguments[1] = self
          end
          local count = last + (of == "functions" and 0 or 1)
          local ok, one, message, code = pcall(found[name], unpack(arguments, 1, count))
          if not ok and CONSTRUCTORS[name] then ok, message, code = true, one:gsub("personalize%.", ""), "ERR_ARG" end
          local failed = not ok or one == nil and code ~= nil or code == "ERR_ARG"
          if not ok then
            complain(what, "the safe form raised", tostring(one))
          elseif failed and not (is_own(message) and type(code) == "string" and code:find "^ERR_") then
            complain(what, tostring(message), tostring(code))
          end
          note(what, ok and outcome(not failed, message, code) or "raised")
          local is_open = select("#", s.engine:count()) == 1 and s.me:exists() ~= nil and s.firm:exists() ~= nil
            and s.program:type() ~= nil and s.engine:profile(s.stored) ~= nil and s.other:exists() ~= nil
            and s.copy:exists() ~= nil
          if not is_open then
            if failed then complain(what, "failed, and something is closed") end
            prepare()
          elseif failed then
            if state_of(s) ~= before then
              complain(what, "failed, and something changed")
              prepare()
            end
          else
            prepare()
          end
        end
      end
    end
    s.engine:close()
  end
end

-- The raising forms fail by the same message.
local function raise(p)
  local engine = p.open(verbs_path)
  local ok, message = pcall(engine.decide, engine, 7)
  local _, told = p.safe.open(verbs_path):decide(7)
  if ok or message ~= told then complain("raising and returning differ", tostring(message), tostring(told)) end
end

local p = require "personalize"
local seen, order = {}, {}
run(p, function(what, how)
  seen[what] = how
  order[#order + 1] = what
end)
raise(p)
if other_name then
  local other, count = require(other_name), 0
  run(other, function(what, how)
    count = count + 1
    if seen[what] ~= how then complain(what, tostring(seen[what]), how) end
  end)
  raise(other)
  if count ~= #order then complain("not the same entry points", #order, count) end
end
collectgarbage()
print(("%s: %d calls, %d mistakes"):format(_VERSION, #order, failures))
os.exit(failures == 0 and #order > 1000 and 0 or 1, true)
