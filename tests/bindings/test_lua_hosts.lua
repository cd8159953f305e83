-- Functions written in Lua that C calls back: lua test_lua_hosts.lua. A test is named by its claim.
local p = require "personalize"

local integers = math.type ~= nil -- Lua 5.3 and later
local NOW = "2026-03-20T12:00:00Z"
local kit = dofile((arg[0]:match "^.*/" or "") .. "lua_kit.lua")
local fails, tests = kit.fails, {}

local CATALOG = [[{
  "attributes": {"town": {"type": "string", "default": "Bonn"}},
  "segments": {"served": "shop.open(profile.town)"},
  "decisions": {
    "door": {"rules": [{"id": "open", "when": "segment.served", "value": "in"}], "default": "out"},
    "sign": {"rules": [{"id": "loud", "expr": "profile.town.shout()"}]},
    "pure": {"rules": [{"id": "a", "when": "profile.town == 'Bonn'", "value": 1}]}},
  "tests": [{"name": "the door is open", "decide": {"door": "in"}}]
}]]

local function opened(is_open, form)
  local engine = (form or p).open {functions = {
    ["shop.open"] = {is_open, {"string"}, "bool"},
    shout = {function(town) return town .. "!" end, "string.() -> string"},
  }}
  engine:load_text(CATALOG)
  return engine
end

local function rule_of(f, types, result, expr, variables)
  return p.compile(expr, {variables = variables or {}, functions = {f = {f, types, result}}})
end

-- ---- wherever something raises ----

-- A script under a time limit: a hook raises anywhere, in a function or on the way to or from one.
function tests.a_hook_that_raises_leaves_nothing_held()
  local engine = opened(function() return true end)
  local profile, was = engine:detached "a", debug.gethook
  local function ask_under(mask, count, at)
    local seen = 0
    debug.sethook(function()
      seen = seen + 1
      if seen < at then return end
      debug.sethook()
      error("out of time", 0)
    end, mask, count)
    engine:decide("door", profile)
    debug.sethook()
  end
  for at = 1, 120 do
    for _, mask in ipairs {"l", "c", "r"} do pcall(ask_under, mask, 0, at) end
    pcall(ask_under, "", at * 4, 1)
    debug.sethook()
  end
  assert(was() == nil and engine:decide("door", profile).value == "in")
  profile:close()
  engine:close()
end

-- A limit that stays in force is told of everywhere, and stops a function that does not end.
function tests.a_hook_holds_within_functions()
  local engine = opened(function() while true do end end)
  if jit then jit.off(true, true) end
  local function hook() error("out of time", 0) end
  local ok, raised = pcall(function()
    debug.sethook(hook, "", 100000)
    engine:decide "door"
  end)
  assert(debug.gethook() == hook)
  debug.sethook()
  assert(not ok and raised == "out of time", raised)
  engine:close()
  engine = opened(function() debug.sethook(hook, "", 1000000) return true end)
  assert(engine:decide("door").value == "in" and debug.gethook() == hook)
  debug.sethook()
end

-- What debug.getinfo() finds between a rule and its function is nobody else's to call.
function tests.what_calls_functions_is_called_by_rules_alone()
  local between = {}
  local engine = opened(function()
    for level = 2, 3 do
      local info = debug.getinfo(level, "fS")
      if info and info.what == "C" then between[#between + 1] = info.func end
    end
    for _, found in ipairs(between) do pcall(found) end
    return true
  end)
  assert(engine:decide("door").value == "in")
  for _, found in ipairs(between) do assert(not pcall(found)) end
  assert(engine:decide("door").value == "in")
end

function tests.a_question_at_the_end_of_the_stack_leaves_nothing_held()
  local engine = opened(function() return true end)
  local profile = engine:detached "a"
  -- It is asked on the last levels: how many there are is found out first.
  local deepest, first, asked, refused = 0, 1 / 0, 0, 0
  local function down(level)
    deepest = level
    if level >= first then
      asked = asked + 1
      if not pcall(engine.decide, engine, "door", profile) then refused = refused + 1 end
    end
    return 1 + down(level + 1)
  end
  assert(not pcall(down, 1))
  first = deepest - 500
  assert(not pcall(down, 1))
  assert(asked > 400 and refused > 0, refused)
  assert(engine:decide("door", profile).value == "in")
  profile:close()
  engine:close()
end

-- ---- programs ----

function tests.a_rule_calls_lua()
  local rule = p.compile("add(a, b) * 2", {variables = {a = "int", b = "int"}, functions = {
    add = {function(a, b) return a + b end, {"int", "int"}, "int"}}})
  assert(rule:eval {a = 3, b = 4} == 14 and rule:type() == "int")
  for i = 1, 3000 do assert(rule:eval {a = i, b = 1} == 2 * i + 2) end
  assert(rule:evaluate({a = 1}).unknowns[1] == "b")
end

function tests.every_kind_goes_in_and_comes_out()
  local seen
  local same = p.compile("same(x)", {variables = {x = "dyn"}, functions = {same = {function(x)
    seen = x
    return x
  end, "(dyn) -> dyn"}}})
  for _, value in ipairs {true, false, 7, 1.5, "Zoë\0🌹", p.bytes "\255\0", p.timestamp(NOW), p.duration "-1s",
                          p.int "-9223372036854775808", p.uint "18446744073709551615", p.array {1, p.array {"x", p.null}},
                          {a = {b = p.array {1.5, p.bytes "x"}}}, p.array(), p.map {[1] = "x"}} do
    local got = same:eval {x = value}
    assert(p.print(got) == p.print(value) and p.print(seen) == p.print(value), p.print(value))
  end
  assert(same:eval {x = p.null} == nil and seen == nil)
end

function tests.functions_are_declared_by_types_or_by_a_signature()
  local function twice(n) return 2 * n end
  for _, given in ipairs {{twice, {"int"}, "int"}, {twice, "(int) -> int"}, {{twice, "(int) -> int"}}} do
    local rule = p.compile("math.twice(n)", {variables = {n = "int"}, functions = {["math.twice"] = given}})
    assert(rule:eval {n = 4} == 8)
  end
  local either = p.compile("f(1) + f('x')", {functions = {f = {
    {function() return "int" end, {"int"}, "string"}, {function() return "text" end, {"string"}, "string"}}}})
  assert(either:eval() == "inttext")
  local none = p.compile("f()", {functions = {f = {function(...) return select("#", ...) end, {}, "int"}}})
  assert(none:eval() == 0)
end

function tests.whole_numbers_become_what_is_declared()
  for kind, number in pairs {double = 3, uint = 3, int = 3} do
    local rule = rule_of(function() return number end, {}, kind, "f()")
    local is_one = rule_of(function() return number end, {}, kind, "type(f()) == " .. kind)
    assert(rule:eval() == 3 and is_one:eval(), kind)
  end
  local below = rule_of(function() return -1 end, {}, "uint", "f()")
  fails("another type than declared", below.eval, below)
end

function tests.what_a_function_raises_is_raised_as_it_is()
  local mark = {}
  for _, what in ipairs {mark, "no", 7, true, print} do
    local rule = rule_of(function() error(what, 0) end, {"int"}, "bool", "n > 0 && f(n) && f(n + 1)", {n = "int"})
    for _, verb in ipairs {"eval", "evaluate"} do
      local ok, raised = pcall(rule[verb], rule, {n = 1})
      assert(not ok and raised == what)
    end
    assert(rule:eval {n = 0} == false)
  end
  local ok, raised = pcall(function() rule_of(function() error() end, {}, "bool", "f()"):eval() end)
  assert(not ok and raised == nil)
end

function tests.it_is_raised_even_where_the_rule_would_do_without()
  local calls = 0
  local rule = rule_of(function()
    calls = calls + 1
    error "shut"
  end, {}, "bool", "f() || true || f()")
  fails("shut", rule.eval, rule)
  rule = rule_of(function()
    calls = calls + 1
    error "shut"
  end, {"int"}, "bool", "f(1) || f(2) || f(3) || true")
  calls = 0
  fails("shut", rule.eval, rule)
  assert(calls == 1)
end

function tests.the_safe_form_returns_it_with_a_code()
  local mark = {}
  local engine = opened(function() error(mark) end, p.safe)
  local got, message, code, line, column = engine:decide "door"
  assert(got == nil and message == mark and code == "ERR_EVAL" and line == 0 and column == 0)
  -- An error of the binding's own keeps its code.
  engine = opened(function() return p.eval "1 +" end, p.safe)
  got, message, code = engine:decide "door"
  assert(got == nil and message:find "1:" and code == "ERR_PARSE", code)
  engine = opened(function() p.safe.eval "1 +" return error "mine" end, p.safe)
  got, message, code = engine:decide "door"
  assert(got == nil and message:find "mine" and code == "ERR_EVAL", code)
  assert(engine:decide("pure").value == 1)
end

function tests.results_have_the_declared_type()
  for _, wrong in ipairs {5, p.null, "true", p.array(), {}} do
    local rule = rule_of(function() return wrong end, {}, "bool", "f()")
    fails("another type than declared", rule.eval, rule)
  end
  for _, wrong in ipairs {print, "\255", setmetatable({}, {}), coroutine.create(function() end)} do
    local rule = rule_of(function() return wrong end, {}, "bool", "f()")
    assert(not pcall(rule.eval, rule))
  end
  local rule = rule_of(function() return print end, {}, "bool", "f()")
  fails("a function is no value", rule.eval, rule)
  local cycle = {}
  cycle.me = cycle
  rule = rule_of(function() return cycle end, {}, "dyn", "f()")
  fails("nested too deep, or holds itself", rule.eval, rule)
end

function tests.declarations_are_checked()
  local function good() return 1 end
  local shape = "is given as {function, "
  for _, given in ipairs {good, 5, "f", {}, {good}, {5, {}, "int"}, {good, "int", "int"}, {good, {5}, "int"}, {good, {}},
                          {good, 7}, {good, {}, {}}, {good, {}, "int", "int"}, {{good, {}, "int"}, 5}, p.null} do
    fails(shape, p.compile, "1", {functions = {f = given}})
    fails(shape, p.open, {functions = {f = given}})
  end
  for _, functions in ipairs {5, "f", print, p.null} do
    fails("functions are a table by name, not", p.compile, "1", {functions = functions})
  end
  fails("the name of a function is a string, not number", p.compile, "1", {functions = {{good, {}, "int"}}})
  fails("the name of a function holds no NUL", p.compile, "1", {functions = {["a\0b"] = {good, {}, "int"}}})
  fails("a signature holds no NUL", p.compile, "1", {functions = {f = {good, "() -> int\0"}}})
  for _, given in ipairs {{good, "nonsense"}, {good, {"no type"}, "int"}, {good, ""}} do
    assert(not pcall(p.compile, "1", {functions = {f = given}}))
  end
  assert(not pcall(p.compile, "1", {functions = {[""] = {good, {}, "int"}}}))
  assert(not pcall(p.open, {functions = {count = {good, {}, "int"}}}))
  local many = {}
  for i = 1, 1024 do many["f" .. i] = {good, {}, "int"} end
  assert(p.compile("f1() + f1024()", {functions = many}):eval() == 2)
  many.f0 = {good, {}, "int"}
  fails("at most 1024 functions", p.compile, "1", {functions = many})
end

function tests.rules_that_ask_themselves_end()
  local rule, down
  rule = rule_of(function(n) return rule:eval {n = n} end, {"int"}, "int", "f(n)", {n = "int"})
  fails("16 deep", rule.eval, rule, {n = 1})
  down = rule_of(function(n) return down:eval {n = n} end, {"int"}, "int", "n == 0 ? 0 : f(n - 1)", {n = "int"})
  assert(down:eval {n = 15} == 0)
  fails("16 deep", down.eval, down, {n = 16})
  local _, _, code = p.safe.compile("f(n)", {variables = {n = "int"}, functions = {f = {
    function(n) return rule:eval {n = n} end, {"int"}, "int"}}}):eval {n = 1}
  assert(code == "ERR_LIMIT", code)
  assert(down:eval {n = 3} == 0)
end

function tests.a_yield_across_the_call_is_told()
  local rule = rule_of(function() return coroutine.yield(1) end, {}, "int", "f()")
  local ok, message = coroutine.resume(coroutine.create(function() return rule:eval() end))
  assert(not ok and tostring(message):find "yield", tostring(message))
  -- But a coroutine may ask, and one within a function may do as it likes.
  local asker = coroutine.wrap(function()
    local inner = rule_of(function()
      local step = coroutine.wrap(function()
        coroutine.yield(4)
        return down
      end)
      return step()
    end, {}, "int", "f()")
    coroutine.yield(inner:eval())
    coroutine.yield(inner:eval() + 1)
  end)
  assert(asker() == 4 and asker() == 5)
end

function tests.another_coroutine_may_ask_in_the_middle()
  local inner = rule_of(function() return 20 end, {}, "int", "f() + f()")
  local turns = 0
  local rule = rule_of(function(n)
    turns = turns + 1
    local got = coroutine.wrap(function() return inner:eval() end)()
    return got + n
  end, {"int"}, "int", "f(1) + f(2) + f(3)")
  for _ = 1, 200 do assert(rule:eval() == 126) end
  assert(turns == 600)
end

function tests.a_program_is_not_closed_while_it_is_evaluated()
  local rule
  rule = rule_of(function()
    rule:close()
    return 1
  end, {}, "int", "f()")
  fails("the program is being evaluated", rule.eval, rule)
  rule:close()
  fails("the program is closed", rule.eval, rule)
end

function tests.programs_that_their_functions_know_are_collected()
  local weak = setmetatable({}, {__mode = "v"})
  for i = 1, 50 do
    local rule
    rule = p.compile("f()", {functions = {f = {function() return rule ~= nil end, {}, "bool"}}})
    assert(rule:eval() == true)
    weak[i] = rule
  end
  -- Lua 5.1 has no ephemerons for environments of userdata, but they are walked as any reference.
  for _ = 1, 4 do collectgarbage() end
  assert(next(weak) == nil)
end

-- ---- engines ----

function tests.rules_of_a_catalog_call_lua()
  local towns = {}
  local engine = opened(function(town)
    towns[#towns + 1] = town
    return town == "Bonn"
  end)
  assert(engine:decide("door").value == "in" and #towns == 1 and towns[1] == "Bonn")
  assert(engine:explain("door").map.impure == true and engine:explain("door").impure == true)
  assert(engine:decide("door").impure == true and engine:decide_for(nil, nil, "door").impure == true)
  assert(engine:record("door").impure == true and engine:decide("pure").impure == nil)
  assert(engine:explain("door").text:find("host's own functions", 1, true))
  assert(engine:decide("sign").value == "Bonn!" and engine:explain("pure").map.impure == nil)
  local me = engine:detached "me"
  me:choose("town", "Ulm")
  assert(engine:decide("door", me).value == "out" and #engine:segments(me) == 0)
  assert(engine:decide_for(nil, nil, "door").value == "in")
  assert(engine:record("door", me).value == "out" and engine:decision_record("door", me).decision == "door")
  assert(engine:resolve("town", me).value == "Ulm" and #engine:inspect("town", me) > 0)
  assert(engine:resolve_many({"town"}, {me, false})[2].town.value == "Bonn")
  local passed, failed = engine:test()
  assert(passed == 1 and failed == 0)
  local lines = engine:decide_many("door", {me, false, me})
  assert(lines[1].value == "out" and lines[2].value == "in" and lines[3].value == "out" and lines[1].impure == true)
  for _ = 1, 1000 do assert(engine:decide("door", me).value == "out" and engine:decide("door").value == "in") end
end

function tests.one_question_calls_a_function_once_with_the_same_arguments()
  local calls = 0
  local engine = opened(function()
    calls = calls + 1
    return calls % 2 == 1 -- another answer each time
  end)
  for turn = 1, 4 do
    local door = engine:explain "door"
    assert(calls == turn, calls)
    assert(door.map.rules[1].came_to == (door.value == "in" and "TRUE" or "FALSE"))
  end
  -- Values that print alike are told apart.
  local asked = 0
  engine = p.open {functions = {f = {function() asked = asked + 1 end, "(dyn) -> dyn"}}}
  engine:load_text [==[{"decisions": {"d": {"rules": [{"id": "r", "expr":
    "string(f(1) == f(1u) && f(1.0) == f('1') && f([1, [2]]) == f([[1], 2]) && f({'a': 1}) == f({'a': 2}) && f(b'1') == f(true) && f(null) == f(1))"}]}}}]==]
  assert(engine:decide("d").value == "true" and asked == 11, asked)
end

function tests.what_a_function_raises_is_raised_by_every_question()
  local mark = {}
  local engine = opened(function() error(mark) end)
  local me = engine:detached "me"
  for name, call in pairs {
    decide = function() return engine:decide("door", me) end, nobody = function() return engine:decide "door" end,
    explain = function() return engine:explain("door", me) end, segments = function() return engine:segments(me) end,
    test = function() return engine:test() end, many = function() return engine:decide_many("door", {me}) end,
    one_for = function() return engine:decide_for(nil, nil, "door") end,
    groups = function() return engine:segments_many {false} end, record = function() return engine:record("door", me) end,
    records = function() return engine:decision_record("door", me) end,
  } do
    local ok, raised = pcall(call)
    assert(not ok and raised == mark, name)
    assert(me:exists() ~= nil, name) -- it is nobody's any more
  end
  assert(#engine:records() == 0)
  assert(engine:decide("sign", me).value == "Bonn!" and engine:decide("pure", me).value == 1)
  me:close()
  engine:close()
end

function tests.a_function_may_ask_the_engine_but_not_close_it()
  local engine
  engine = opened(function() return engine:decide("sign").value == "Bonn!" end)
  assert(engine:decide("door").value == "in")
  engine:close()
  engine = opened(function()
    engine:close()
    return true
  end)
  fails("the engine is being asked by a question that goes on", engine.decide, engine, "door")
  assert(engine:decide("sign").value == "Bonn!")
  engine:close()
  fails("the engine is closed", engine.decide, engine, "sign")
end

function tests.a_function_that_uses_the_same_profile_is_refused()
  local engine, me, verb
  local account
  engine = opened(function()
    verb()
    return true
  end)
  me, account = engine:detached "me", engine:detached("firm", "account")
  local questions = {
    function() return engine:decide("door", me) end,
    function() return engine:explain("door", nil, nil, me) end,
    function() return engine:segments(me, nil, account) end,
    function() return engine:decide_many("door", {false, me}) end,
    function() return engine:segments_many({me, me}) end,
    function() return engine:record("door", me) end,
  }
  for _, one in ipairs {
    function() return engine:decide("pure", me) end, function() me:choose("town", "Ulm") end,
    function() me:close() end, function() return me:id() end, function() return me:bytes() end,
    function() me:merge(me) end, function() return engine:decide_many("pure", {me}) end,
    function() return engine:decide("pure", nil, nil, me) end, function() engine:detached("you"):person {me} end,
  } do
    verb = one
    for at, ask in ipairs(questions) do
      if at ~= 2 then fails("the profile is being asked about by a question that goes on", ask) end
    end
    assert(me:id() == "me")
  end
  verb = function()
    engine:detached("other"):choose("town", "Ulm")
    collectgarbage()
  end
  for at, ask in ipairs(questions) do
    if at ~= 2 then ask() end
  end
  assert(engine:decide("sign", me).value == "Bonn!")
end

function tests.a_function_may_collect_everything_that_it_can()
  local engine = opened(function()
    for _ = 1, 3 do
      local other = p.open()
      other:detached("you")
      other = nil -- luacheck: ignore
    end
    collectgarbage()
    collectgarbage()
    return true
  end)
  for _ = 1, 20 do
    pcall(engine.decide, engine, "no such thing")
    assert(engine:explain("door", engine:detached "me").value == "in")
    assert(engine:decide_many("door", {engine:detached "a", engine:detached "b"})[2].value == "in")
    assert(engine:resolve_many({"town"}, {engine:detached "a"})[1].town.value == "Bonn")
  end
end

function tests.catalogs_are_checked_against_the_declared_types()
  local engine = opened(function() return true end)
  fails("shout", engine.load_text, engine, [[{"segments": {"s": "5.shout() == 'x'"}}]])
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(CATALOG)
  file:close()
  local functions = {["shop.open"] = {function(town) return town ~= "Bonn" end, {"string"}, "bool"},
                     shout = {function(town) return town end, "string.() -> string"}}
  local found = p.check(path, {functions = functions})
  assert(#found == 1 and found[1].message:find "expected", found[1].message)
  functions["shop.open"][1] = function() return true end
  assert(#p.check(path, {functions = functions}) == 0 and #p.check(path) > 0)
  functions["shop.open"][1] = function() error "shut" end
  fails("shut", p.check, path, {functions = functions})
  fails("no setting 'function'; there is functions", p.check, path, {["function"] = functions})
  os.remove(path)
end

function tests.engines_that_their_functions_know_are_collected()
  local weak = setmetatable({}, {__mode = "v"})
  for i = 1, 20 do
    local engine
    engine = opened(function() return engine ~= nil end)
    local me = engine:detached "me"
    assert(engine:decide("door", me).value == "in")
    weak[i] = engine
  end
  for _ = 1, 6 do collectgarbage() end
  assert(next(weak) == nil)
end

function tests.engines_by_the_hundred_may_have_functions()
  local kept = {}
  for i = 1, 1200 do
    local rule = rule_of(function() return i end, {}, "int", "f()")
    assert(rule:eval() == i)
    kept[i] = rule
  end
  assert(kept[1]:eval() == 1 and kept[1200]:eval() == 1200)
end

-- ---- records ----

local SHOP = [[{"attributes": {"town": {"type": "string", "default": "Bonn"}},
  "decisions": {"pure": {"rules": [{"id": "a", "when": "profile.town == 'Bonn'", "value": 1}]}}}]]

local function recording(take, erase)
  local engine = p.open {records = {take = take, erase = erase or function() end}}
  engine:load_text(SHOP)
  return engine
end

function tests.records_go_to_a_sink()
  local taken, erased = {}, {}
  local engine = recording(function(record) taken[#taken + 1] = record end, function(id) erased[#erased + 1] = id end)
  local ann = engine:customer("email", "ann@example.com")
  ann:choose("town", "Bonn")
  assert(engine:record("pure", ann, nil, nil, nil, {note = "r-17"}).number == 0)
  assert(#taken == 1 and taken[1].decision == "pure" and taken[1].note == "r-17" and taken[1].subject == ann:id())
  engine:record_many {engine:decision_record("pure", ann), engine:decision_record "pure"}
  assert(#taken == 3 and #engine:records() == 0)
  local id = ann:id()
  assert(engine:erase(id) == 1 and #erased == 1 and erased[1] == id)
end

function tests.what_a_sink_raises_is_raised_where_it_was_recorded()
  local mark = {}
  local engine = recording(function() error(mark) end, function() error(mark) end)
  local ann = engine:customer("email", "ann@example.com")
  ann:choose("town", "Bonn")
  for _, call in ipairs {
    function() return engine:record("pure", ann) end,
    function() return engine:record_many {engine:decision_record("pure", ann)} end,
    function() return engine:erase(ann:id()) end,
  } do
    local ok, raised = pcall(call)
    assert(not ok and raised == mark)
  end
  assert(engine:count() == 1 and ann:exists())
end

function tests.a_sink_that_erases_may_not_use_the_store()
  local engine, use
  engine = recording(function() return engine:decide("pure").value end, function() use() end)
  local ann = engine:customer("email", "ann@example.com")
  ann:choose("town", "Bonn")
  local id = ann:id()
  assert(engine:record("pure", ann).value == 1) -- taking is in no transaction
  for _, one in ipairs {
    function() engine:customer("email", "x"):choose("town", "Ulm") end, function() ann:choose("town", "Ulm") end,
    function() engine:erase(id) end, function() engine:close() end,
  } do
    use = one
    local ok, message = pcall(engine.erase, engine, id)
    assert(not ok and (message:find "transaction open" or message:find "the engine is being asked"), message)
  end
  use = function() end
  assert(engine:erase(id) == 1)
end

function tests.sinks_are_checked()
  local good = {take = print, erase = print}
  for _, sink in ipairs {5, "x", print, {}, {take = print}, {erase = print}, {take = 5, erase = print}} do
    fails("records is {take = function(record), erase = function(id)}", p.open, {records = sink})
  end
  good.tak = print
  fails("no setting 'tak' of records", p.open, {records = good})
  fails("no setting 'records'", p.compile, "1", {records = good})
end

-- When the Lua state ends, a finalizer closes an engine that a call which raised has left a session of. In Lua 5.1
-- that collects the handle of the module itself. Seen by how the program ends.
function tests.a_finalizer_closes_an_engine_at_the_end_of_the_state()
  local engine = opened(function() return true end)
  fails("no decision", engine.decide, engine, "nope")
  local function close() engine:close() end
  local last = newproxy and newproxy(true) or setmetatable({}, {}) -- luacheck: ignore
  getmetatable(last).__gc = close
  if not newproxy then setmetatable(last, {__gc = close}) end -- luacheck: ignore
  debug.getregistry()["test: last"] = last
end

kit.run(tests)
