-- Tests of the Lua binding: lua test_lua.lua SHOP VERBS, two catalogs. A test is named by its claim.
local p = require "personalize"

local catalog, verbs = arg[1], arg[2]
local integers = math.type ~= nil -- Lua 5.3 and later
local NOW = "2026-03-20T12:00:00Z"
local kit = dofile((arg[0]:match "^.*/" or "") .. "lua_kit.lua")
local fails, tests = kit.fails, {}

local function shop() return p.open(catalog) end

-- ---- verbs, each with its refusals ----

-- An engine, a profile, the circumstances of a write that is a minute later each time, and a check
-- that a call raises and leaves the profile as it was.
local function scene()
  local engine = p.open(verbs)
  local me, minute = engine:detached "me", 0
  local function told(more)
    minute = minute + 1
    local write = {at = ("2026-03-20T10:%02d:00Z"):format(minute)}
    write.now = write.at
    for key, value in pairs(more or {}) do write[key] = value end
    return write
  end
  local function refuses(pattern, verb, ...)
    local before = me:bytes()
    fails(pattern, me[verb], me, ...)
    assert(me:bytes() == before, verb)
  end
  local function value(attribute, ...)
    return engine:resolve(attribute, me, {now = NOW}, ...).value
  end
  return engine, me, told, refuses, value
end

function tests.sets_and_records_are_chosen_and_cleared_by_part()
  local engine, me, told, refuses, value = scene()
  me:choose("topics", "news", told())
  me:declare("topics", "sport", told())
  local topics = engine:resolve("topics", me, {now = NOW})
  assert(p.print(topics.value) == '["news","sport"]')
  assert(topics.members.news == "CHOICE" and topics.members.sport == "DECLARED")
  me:choose("address", {city = "Bonn", street = "Markt"}, told())
  me:clear("address", told {member = "street"})
  assert(p.print(value "address") == '{"city":"Bonn"}')
  refuses("topics", "clear", "topics", told {member = "news"})
  refuses("did you mean", "clear", "topic", told())
end

function tests.layouts_are_edited()
  local _, me, told, refuses, value = scene()
  local function order() return table.concat(value "toolbar", " ") end
  me:edit("toolbar", "help", {pin = 0}, told())
  me:edit("toolbar", "orders", "hide", told())
  assert(order() == "help search")
  me:edit("toolbar", "orders", "show", told())
  me:edit("toolbar", "help", "unplace", told())
  me:edit("toolbar", "orders", {after = "help"}, told())
  assert(order() == "search help orders")
  refuses("hide", "edit", "toolbar", "help", "explode", told())
  refuses("language", "edit", "language", "de", "hide", told())
  refuses("the item is a string", "edit", "toolbar", 7, "hide", told())
end

function tests.modes_and_levels_are_set()
  local engine, me, told, refuses, value = scene()
  me:declare("language", "fr", told())
  me:set_mode("language", "MANUAL", told())
  assert(value "language" == "en")
  me:set_mode("language", "AUTO", told())
  assert(value "language" == "fr" and value("language", nil, "basic") == "en")
  me:set_level("basic", told())
  assert(value "language" == "en")
  refuses("LOUD", "set_mode", "language", "LOUD", told())
  refuses("shallow", "set_level", "shallow", told())
  fails("shallow", engine.resolve, engine, "language", me, {now = NOW}, nil, "shallow")
end

function tests.undo_goes_back_step_by_step()
  local _, me, told, refuses, value = scene()
  me:choose("language", "de", told())
  me:choose("language", "fr", told())
  me:choose("topics", "news", told())
  me:undo("language", told())
  assert(value "language" == "de")
  me:undo(nil, told())
  assert(value "topics" == nil)
  me:undo(nil, told())
  assert(value "language" == "en")
  refuses("undo", "undo", nil, told())
end

function tests.consent_opens_and_denial_closes()
  local engine, me, told, refuses, value = scene()
  me:declare("age", 30, told())
  assert(value "age" == nil and #engine:inspect("age", me, {now = NOW}) == 0)
  assert(engine:inspect_privileged("age", me, {now = NOW})[1].why == "DENIED")
  me:consent("research", true, told())
  assert(value "age" == 30)
  me:consent("research", false, told())
  assert(value "age" == nil)
  refuses("the purpose is a string", "consent", 7)
  refuses("", "consent", "", true, told())
end

function tests.a_misspelt_circumstance_is_told()
  local _, me, _, refuses = scene()
  for _, name in ipairs {"expire", "chanel", "at ", "", "at channel"} do
    refuses(("no circumstance '%s'"):format(name), "consent", "ads", true, {now = NOW, [name] = NOW})
    refuses(("no circumstance '%s'"):format(name), "forget", nil, {now = NOW, [name] = NOW})
  end
  refuses("a circumstance is a string, not number", "choose", "language", "de", {NOW})
  me:consent("ads", true, {at = NOW, now = NOW, channel = "web", who = "ann"})
end

function tests.a_misspelt_setting_is_told_with_those_that_there_are()
  local engine, me = scene()
  local function many(verb, first)
    return function(settings)
      if first then return engine[verb](engine, first, {}, {}, nil, nil, settings) end
      return engine[verb](engine, {}, {}, nil, nil, settings)
    end
  end
  local takers = {
    {"functions, grouped, lazy, module, read_only, records, skew_ms, store and store_bytes", function(settings) return p.open(verbs, settings) end},
    {"catalog, functions, grouped, lazy, module, read_only, records, skew_ms, store and store_bytes", function(settings) return p.open(settings) end},
    {"container, cost_limit, functions, result, sizes, step_limit, unchecked and variables",
     function(settings) return p.compile("1", settings) end},
    {"by, id, jsonl and why", many("decide_many", "front")}, {"by, id, jsonl and why", many("answer_many", "language")},
    {"by, id, jsonl and why", many "segments_many"},
    {"durability, now and replay", function(settings) return engine:observe_many({}, settings) end},
    {"at, channel, durability, expires, now, settled and who",
     function(settings) return engine:apply_many({}, settings) end},
    {"alone, durability and now", function(settings) return engine:erase("nobody", settings) end},
    {"anonymous, durability, note and value",
     function(settings) return engine:record("greeting", me, nil, nil, nil, settings) end},
    {"anonymous, durability, note and value",
     function(settings) return engine:decision_record("greeting", me, nil, nil, nil, settings) end},
    {"durability and now", function(settings) return engine:record_many({}, settings) end},
    {"from, id, limit and subject", function(settings) return engine:records(settings) end},
    {"cmp_id, cmp_version, language, policy_version, publisher_country, screen and vendor_list_version",
     function(settings) return me:tcf(settings) end},
  }
  for _, taker in ipairs(takers) do
    for _, name in ipairs {"stroe", "", "and", "why ", "id, jsonl", "now,"} do
      fails(("there is no setting '%s'; there are %s"):format(name, taker[1]), taker[2], {[name] = true})
    end
    fails("the name of a setting is a string, not number", taker[2], {true})
  end
  fails("no setting 'catalog'", p.open, verbs, {catalog = verbs})
  assert(#engine:records() == 0)
end

function tests.how_far_a_claimed_time_may_lie_ahead_is_set()
  for skew, goes in pairs {[0] = false, [1000] = false, [120000] = true} do
    local me = p.open(verbs, {skew_ms = skew, store_bytes = 2 ^ 30}):detached "me"
    local ok = pcall(me.choose, me, "language", "de", {now = NOW, at = "2026-03-20T12:01:30Z"})
    assert(ok == (goes or skew == 0), skew) -- five minutes where nothing is said
  end
  fails("skew_ms is out of range", p.open, verbs, {skew_ms = -1})
  fails("store_bytes is a number, not string", p.open, verbs, {store_bytes = "much"})
end

function tests.many_events_are_taken_as_durably_as_is_asked()
  local engine = shop()
  local event = {kind = "visit", source = "s", id = "1", customer = "c", time = NOW}
  for i, durability in ipairs {"durable", "grouped", "lazy"} do
    event.id = tostring(i)
    assert(engine:observe_many({event}, {now = NOW, durability = durability})[1].is_new)
  end
  fails("durability is durable, grouped or lazy", engine.observe_many, engine, {event}, {durability = "much"})
  fails("durability is durable, grouped or lazy", engine.erase, engine, "x", {durability = "much"})
  assert(engine:count() == 1)
end

-- "no" is true to Lua, and a form that was not filled in gives nil: neither is a yes.
function tests.only_true_is_consent()
  local _, me = scene()
  local before = me:bytes()
  for _, word in ipairs {"no", "", 0, 1, {}, p.null} do
    fails("consent is true or false, not", me.consent, me, "ads", word)
    fails("the signal is true or false, not", me.consent_gpc, me, word)
  end
  fails("consent is true or false, not nil", me.consent, me, "ads", nil)
  fails("consent is true or false, not nil", me.consent, me, "ads", nil, {now = NOW})
  assert(me:bytes() == before)
  me:consent "ads"
  assert(me:bytes() ~= before)
end

function tests.consent_comes_as_a_signal()
  local engine, me, told, refuses = scene()
  me:consent("ads", true, told())
  me:consent("research", true, told())
  local text = me:tcf {cmp_id = 7, language = "de", publisher_country = "DE"}
  local other = engine:detached "other"
  assert(other:consent_tcf(text, {now = NOW}) == 2 and other:consent_tcf(text, {now = NOW}) == 0)
  assert(me:consent_gpc(false, told()) == 0 and me:consent_gpc(nil, told()) == 1)
  assert(me:consent_gpc(true, told()) == 0)
  refuses("character 3", "consent_tcf", "CO=", told())
  refuses("cmp_id", "tcf", {cmp_id = 4096})
  fails("nobody has said anything", engine:detached("new").tcf, engine:detached "new")
end

function tests.events_are_taken_back()
  local engine, me, _, refuses = scene()
  local write = {now = NOW}
  local function event(id)
    return {kind = "visit", source = "s", id = id, time = "2026-03-20T11:00:00Z", language = "de"}
  end
  for _, id in ipairs {"a", "b", "c"} do me:observe(event(id), write) end
  me:retract("s", "a", write)
  assert(me:observe(event "a", write) == false)
  refuses("", "retract", "s", "z", write)
  assert(me:retract_all("language", {to = NOW, now = NOW}) == 2)
  assert(engine:inspect("language", me, write)[1].tier == "DEFAULT")
  refuses("", "retract_all", "taste", write)
  refuses("ends before it begins", "retract_all", nil, {from = NOW, to = NOW, now = NOW})
end

function tests.what_is_forgotten_is_gone()
  local _, me, told, refuses, value = scene()
  me:choose("language", "de", told())
  me:choose("topics", "news", told())
  me:forget("language", told())
  assert(value "language" == "en")
  me:forget("topics", told {to = "2026-03-01T00:00:00Z"})
  assert(value("topics")[1] == "news")
  me:forget(nil, told())
  assert(value "topics" == nil)
  refuses("did you mean", "forget", "langage", told())
end

function tests.of_several_unknown_settings_the_least_is_named()
  for _ = 1, 20 do
    local settings = {}
    for _, name in ipairs(math.random() < 0.5 and {"wrong", "amiss", "off"} or {"off", "wrong", "amiss"}) do
      settings[name] = true
    end
    fails("no setting 'amiss'", p.open, catalog, settings)
  end
end

-- Nor does a rule see another order in every process.
function tests.rules_see_the_entries_of_a_table_in_the_order_of_their_keys()
  local rule = p.compile("m.map(k, string(k)).join(' ')", {variables = {m = "map<dyn, int>"}})
  local words, numbers, texts, places = {}, {}, {}, {}
  for i = 1, 40 do
    words[i], numbers[i] = ("word %02d"):format(i), 2 * i - 40
    texts[i], places[i] = words[i], tostring(numbers[i])
  end
  for _ = 1, 20 do
    local by_word, few, by_number = {}, {}, p.map {}
    for i = #words, 1, -1 do
      local j = math.random(i)
      words[i], words[j], numbers[i], numbers[j] = words[j], words[i], numbers[j], numbers[i]
      by_word[words[i]], by_number[numbers[i]] = 1, 1
      if i > 36 then few[words[i]] = 1 end
    end
    assert(rule:eval {m = by_word} == table.concat(texts, " "))
    assert(rule:eval {m = by_number} == table.concat(places, " "))
    local some = {}
    for word in pairs(few) do some[#some + 1] = word end
    table.sort(some)
    assert(rule:eval {m = few} == table.concat(some, " "))
  end
end

-- Of 500 names some meet in the table, and which comes first depends on which went in first.
function tests.of_several_refused_circumstances_the_least_is_named()
  local engine = p.open(catalog)
  local names = {}
  for i = 1, 500 do names[i] = ("odd %03d"):format(i) end
  for _ = 1, 20 do
    for i = #names, 2, -1 do
      local j = math.random(i)
      names[i], names[j] = names[j], names[i]
    end
    local circumstances = {now = NOW}
    for _, name in ipairs(names) do circumstances[name] = 1 end
    fails("no context key 'odd 001'", engine.resolve, engine, "language", nil, circumstances)
    circumstances["nul\0"] = 1
    fails("holds no NUL", engine.resolve, engine, "language", nil, circumstances)
  end
end

-- Lua 5.3 and 5.4 print a float as 1.0, which is no number of customers.
function tests.what_is_counted_is_whole()
  local engine = p.open(catalog)
  engine:load_text '{"purposes": {"ads": {"gpc": true}}, "attributes": {"city": {"type": "string", "purpose": "ads"}}}'
  local one = engine:customer("email", "ann@example.com")
  one:declare("city", "Bonn")
  local passed, failed = engine:test()
  local least = p.compile("1 + 1"):cost()
  for _, count in ipairs {engine:count(), one:consent_gpc(), one:expire(), passed, failed, least,
                          p.compile("1"):evaluate{}.cost, engine:erase(one:id())} do
    assert(tostring(count):find "^%d+$", tostring(count))
  end
end

function tests.what_its_retention_has_ended_is_dropped()
  local engine = p.open(catalog)
  engine:load_text [[{"attributes": {"city": {"type": "string", "retention": "30d"}, "job": {"type": "string"}}}]]
  local one = engine:customer("email", "ann@example.com")
  for attribute, value in pairs {city = "Bonnburg", job = "miller"} do
    one:declare(attribute, value, {at = NOW, now = NOW})
  end
  assert(one:expire(nil, {now = NOW}) == 0 and one:bytes():find("Bonnburg", 1, true))
  local later = {now = "2026-05-20T12:00:00Z"}
  assert(one:expire("job", later) == 0 and one:expire("city", later) == 1 and one:expire(nil, later) == 0)
  assert(not one:bytes():find("Bonnburg", 1, true) and one:bytes():find("miller", 1, true))
  fails("did you mean", one.expire, one, "citi")
end

function tests.people_are_linked_and_parted()
  local engine, me, told, refuses, value = scene()
  local other, firm = engine:detached "other", engine:detached("firm", "account")
  other:choose("language", "fr", {at = NOW, now = NOW})
  firm:choose("language", "de", {at = NOW, now = NOW})
  me:link("other", told {strength = 0.9})
  me:person {other, firm}
  assert(value "language" == "fr")
  local who = engine:person(me, {now = NOW})
  assert(#who.members == 2 and who.members[2].id == "other")
  me:unlink("other", told())
  assert(value "language" == "en")
  me:switch("another", told())
  me:set_account("firm", told())
  me:person {firm}
  assert(engine:resolve("language", me, {now = NOW}).tier == "ACCOUNT_CHOICE")
  me:set_account(nil, told())
  assert(value "language" == "en")
  refuses("strength", "link", "other", told {strength = 0})
  refuses("", "link", "me", told())
  refuses("", "unlink", "", told())
  refuses("", "switch", ("x"):rep(65), told())
  refuses("profile is expected", "person", {"other"})
end

function tests.a_person_is_erased()
  local engine = scene()
  local ann = engine:customer("email", "ann@example.com")
  ann:choose("language", "de")
  local id = ann:id()
  assert(#engine:ids() == 1 and engine:ids()[1] == id)
  assert(engine:erase(id) == 1 and engine:count() == 0 and #engine:ids() == 0)
  fails("", engine.erase, engine, id)
end

function tests.batches_answer_as_single_questions_do()
  local engine, me, told = scene()
  me:choose("language", "de", told())
  local other, circumstances = engine:detached "other", {now = NOW, country = "DE"}
  local names, people = {"language", "topics"}, {me, false, other, p.null, me}
  local many = engine:resolve_many(names, people, circumstances, nil, "deep")
  local layers = engine:inspect_many(names, people, circumstances, nil, "deep")
  assert(#many == 5 and #layers == 5)
  for i, one in ipairs {me, nil or false, other, false, me} do
    for _, name in ipairs(names) do
      local alone = engine:resolve(name, one or nil, circumstances, nil, "deep")
      assert(p.print(many[i][name]) == p.print(alone))
      assert(p.print(layers[i][name]) ==
        p.print(engine:inspect(name, one or nil, circumstances, nil, "deep")))
    end
  end
  assert(#engine:resolve_many({}, {me}) == 1 and #engine:inspect_many({"language"}, {}) == 0)
  fails("nothing", engine.resolve_many, engine, {"nothing"}, {me})
  fails("an attribute is a string", engine.resolve_many, engine, {7}, {me})
  fails("customer 1: a personalize.profile is expected, not string", engine.resolve_many, engine, {"language"}, {"me"})
  fails("customer 2: a personalize.profile is expected, not table", engine.segments_many, engine, {false, {email = "me"}})
  other:close()
  fails("the profile is closed", engine.resolve_many, engine, names, {other})
end

function tests.everything_is_told()
  local _, me = scene()
  local folder = verbs:match "^(.*)/"
  for line in io.lines(folder .. "/history.jsonl") do me:apply(p.parse(line), {writer = "w1"}) end
  local file = assert(io.open(folder .. "/export.txt"))
  assert(me:export_text() == file:read "*a")
  file:close()
end

function tests.bytes_are_read_in_place()
  local engine, me, told = scene()
  me:choose("language", "de", told())
  local view = engine:view(me:bytes())
  collectgarbage()
  assert(engine:resolve("language", view, {now = NOW}).value == "de")
  view:choose("language", "fr", told())
  assert(engine:resolve("language", view, {now = NOW}).value == "fr")
  fails("", engine.view, engine, "nonsense")
end

-- ---- programs ----

function tests.programs_check_what_is_declared()
  local rule = p.compile("price * n > limit",
                         {variables = {price = "int", n = "int", limit = "int"}})
  assert(rule:eval {price = p.int "3", n = p.int "4", limit = p.int "10"} == true)
  assert(rule:type() == "bool" and p.print(rule:reads()) == '["limit","n","price"]')
  fails("1:7: ", p.compile, "price + 'x'", {variables = {price = "int"}})
  fails("", p.compile, "1", {result = "string"})
  fails("", p.compile, "y", {variables = {x = "int"}})
  fails("", p.compile, "x", {variables = {x = "no type"}})
  fails("variables is a table", p.compile, "x", {variables = "x"})
  fails("step_limit", p.compile, "x", {step_limit = -1})
end

function tests.programs_look_up_what_is_not_declared()
  assert(p.compile("shop.rate + x"):eval {["shop.rate"] = 1.5, x = 2.25} == 3.75)
  local any = p.compile("a == b", {variables = {"b", "a"}})
  assert(any:eval {a = "x", b = "x"} == true and any:eval {a = "x", b = {1}} == false)
  assert(p.compile("x.y", {container = "shop"}):eval {["shop.x"] = {y = "z"}} == "z")
end

function tests.programs_name_what_is_unknown()
  local rule = p.compile("a || b || c", {variables = {a = "bool", b = "bool", c = "bool"}})
  assert(rule:eval {c = true} == true)
  fails("depends on 'a' and 1 more", rule.eval, rule, {b = false})
  local found = rule:evaluate {b = false}
  assert(found.value == nil and p.print(found.unknowns) == '["a","c"]')
  assert(#rule:evaluate({a = true}).unknowns == 0)
end

function tests.programs_estimate_count_and_limit_their_cost()
  local list = {}
  for i = 1, 10 do list[i] = i end
  local _, most = p.compile("l.all(x, x > 0)", {variables = {l = "list<int>"}}):cost()
  assert(most == nil)
  local rule = p.compile("l.all(x, x > 0)", {variables = {l = "list<int>"}, sizes = {l = 10}})
  local low, high = rule:cost()
  local cost = rule:evaluate({l = list}).cost
  assert(low <= cost and cost <= high)
  local limited = p.compile("l.all(x, x > 0)", {variables = {l = "list<int>"}, cost_limit = 20})
  assert(limited:eval {l = {1}} == true)
  fails("", limited.eval, limited, {l = list})
end

function tests.programs_have_one_spelling_and_errors_a_place()
  assert(p.compile("( a+b )  // sum"):text() == "a + b")
  fails("2:3: ", p.compile, "1 +\n  )")
  local rule = p.compile("10 / x", {variables = {"x"}})
  fails("1:4: ", rule.eval, rule, {x = p.int "0"})
  local late = p.compile("x ? 1 : 'a' + 1", {variables = {"x"}, unchecked = true})
  assert(late:eval {x = true} == 1)
  fails("", late.eval, late, {x = false})
end

function tests.closed_programs_raise_and_safe_ones_return()
  local rule = p.compile "1"
  rule:close()
  rule:close()
  fails("the program is closed", rule.eval, rule)
  fails("a personalize.program is expected", rule.eval, io.stdout)
  local none, message, code, line, column = p.safe.compile "1 +\n  )"
  assert(none == nil and message and code == "ERR_PARSE" and line == 2 and column == 3)
  local safe = p.safe.compile("x", {variables = {"x"}})
  none, message, code = safe:eval {}
  assert(none == nil and message and code == "ERR_NOT_FOUND" and safe:eval {x = true} == true)
end

function tests.a_finalizer_may_use_the_program_that_is_evaluated()
  local rule = p.compile("l.map(x, x + x)", {variables = {l = "list<string>"}})
  local count = 0
  local function late()
    local box = newproxy and newproxy(true) or setmetatable({}, {})
    getmetatable(box).__gc = function()
      count = count + 1
      assert(rule:eval({l = {"a"}})[1] == "aa")
    end
    if not newproxy then setmetatable(box, getmetatable(box)) end
  end
  for _ = 1, 300 do
    late()
    assert(rule:eval({l = {"b", "c"}})[2] == "cc")
  end
  collectgarbage()
  assert(count > 0)
end

function tests.versions_are_told()
  assert(p.version() == p._VERSION)
end

function tests.a_choice_decides()
  local engine = shop()
  local ann = engine:customer("email", "ann@example.com")
  ann:choose("language", "de", {channel = "web"})
  local hero = engine:decide("home.hero", ann, {country = "DE", now = NOW})
  -- The choice was made now, which is later than NOW.
  assert(hero.value == "generic" and hero.reason == "DEFAULT")
  hero = engine:decide("home.hero", ann, {country = "DE"})
  assert(hero.value == "hallo" and hero.rule == "german" and hero.confidence == 1)
  assert(engine:count() == 1)
end

function tests.answers_outlive_their_handles()
  local engine = shop()
  local me = engine:detached("me")
  me:choose("language", "de", {at = NOW, now = NOW})
  local why = engine:explain("home.hero", me, {country = "DE", now = NOW})
  me:close()
  engine:close()
  collectgarbage()
  assert(#why.id == 32 and #why.bytes > 100 and why.text:find("hallo", 1, true))
  assert(why.map.decision == "home.hero" and why.map.rules and why.map.layers)
end

function tests.closing_twice_does_nothing_and_closed_handles_raise()
  local engine = shop()
  local me = engine:detached("me")
  local other = engine:detached("me")
  me:close()
  me:close()
  fails("the profile is closed", me.id, me)
  fails("the profile is closed", me.choose, me, "language", "de")
  fails("the profile is closed", engine.decide, engine, "home.hero", me)
  engine:close()
  engine:close()
  fails("the engine is closed", engine.decide, engine, "home.hero")
  fails("the engine is closed", engine.customer, engine, "a", "b")
  fails("the profile is closed", other.id, other)
end

function tests.a_closed_profile_is_never_taken_for_nobody()
  local engine = shop()
  local account = engine:detached("firm", "account")
  account:close()
  fails("the profile is closed", engine.resolve, engine, "language", nil, nil, account)
end

function tests.wrong_types_raise()
  local engine = shop()
  local me = engine:detached("me")
  fails("a personalize.engine is expected", engine.decide, me, "home.hero")
  fails("a personalize.engine is expected", engine.decide, io.stdout, "home.hero")
  fails("a personalize.profile is expected", me.choose, engine, "language", "de")
  fails("the attribute is a string", me.choose, me, 7, "de")
  fails("the name is a string", engine.decide, engine, {})
  fails("a function is no value", me.choose, me, "language", print)
  fails("a thread is no value", me.choose, me, "language", coroutine.create(function() end))
  fails("this userdata is no value", me.choose, me, "language", io.stdout)
  fails("table expected", engine.decide, engine, "home.hero", me, 5)
  fails("number expected", me.infer, me, "language", "de", "sure")
  assert(getmetatable(me) == "personalize.profile")
end

function tests.names_hold_no_nul_and_values_may()
  local engine = shop()
  local me = engine:detached("me")
  fails("holds no NUL", me.choose, me, "lang\0uage", "de")
  fails("holds no NUL", engine.detached, engine, "m\0e")
  me:declare("note", "a\0b")
  assert(engine:resolve("note", me).value == "a\0b")
end

function tests.invalid_utf8_is_refused()
  local engine = shop()
  local me = engine:detached("me")
  fails("not valid UTF-8", me.declare, me, "note", "\255")
  fails("not valid UTF-8", me.declare, me, "note", "\237\160\128") -- a surrogate
  assert(tostring(p.eval("x", {x = p.bytes "\255\0"})) == "\255\0")
end

function tests.cyclic_and_deep_tables_are_refused()
  local cycle = {}
  cycle.again = {cycle}
  fails("holds itself", p.eval, "1", {x = cycle})
  local both = {}
  both.a, both.b = both, both
  fails("holds itself", p.eval, "1", {x = both})
  local deep = {}
  for _ = 1, 600 do deep = {deep} end
  fails("nested too deep", p.eval, "1", {x = deep})
end

function tests.a_small_table_that_unfolds_without_end_is_refused()
  local wide = {1}
  for _ = 1, 40 do wide = {wide, wide} end
  fails("too many items", p.eval, "1", {x = wide})
end

function tests.a_large_table_goes_in()
  local large = {}
  for i = 1, 100000 do large[i] = i end
  assert(p.eval("size(x) == 100000 && x[99999] == 100000", {x = large}) == true)
end

function tests.lists_and_maps_are_told_apart()
  local function kind(x) return p.print(x) end
  assert(kind {} == "{}")
  assert(kind(p.array()) == "[]" and kind(p.array {}) == "[]")
  assert(kind {1, 2} == "[1,2]" and kind {a = 1} == '{"a":1}')
  assert(kind {1, p.null, 3} == "[1,null,3]")
  assert(kind(p.parse "[]") == "[]" and kind(p.parse '{"a":[]}') == '{"a":[]}')
  fails("without a hole", p.print, {1, nil, 3, [5] = 1})
  fails("without a hole", p.print, {1, a = 2})
  fails("keys of a map are strings", p.print, {[true] = 1})
  fails("keys of a map are strings", p.print, {[1.5] = 1})
  assert(p.eval("x[1] == 'a' && x[true] == 'b'", {x = p.map {[1] = "a", [true] = "b"}}))
  assert(p.eval("y == x", {x = p.map {[1] = "a"}, y = p.eval("{1: 'a'}")}))
end

function tests.null_is_null()
  assert(p.parse "null" == p.null and p.eval "null" == nil)
  assert(p.eval("x == null", {x = p.null}) == true)
  assert(p.parse('{"a":null}').a == p.null)
end

function tests.integers_are_exact()
  for _, digits in ipairs {"9223372036854775807", "-9223372036854775808", "9007199254740993",
                           "18446744073709551615", "0", "-1"} do
    assert(p.print(p.parse(digits)) == digits, digits)
  end
  assert(tostring(p.uint "18446744073709551615") == "18446744073709551615")
  if integers then
    assert(math.type(p.parse "9223372036854775807") == "integer")
    assert(p.print(3.0) == "3.0" and p.print(3) == "3")
  else
    assert(type(p.parse "9007199254740991") == "number")
    assert(p.parse("9007199254740992"):kind() == "int")
    assert(p.print(3.0) == "3" and p.print(p.double "3") == "3.0")
  end
  assert(p.int "7" == p.int "7" and p.int "7" < p.int "8" and p.int "7" <= p.int "7")
end

function tests.doubles_that_json_lacks_print_as_rules_say_them()
  for _, number in ipairs {0 / 0, 1 / 0, -1 / 0} do
    local scalar = p.double(number)
    assert(tostring(scalar) == p.eval("string(x)", {x = number}), tostring(number))
    fails("JSON has no NaN and no infinities", p.print, {1, scalar})
    local _, _, code = p.safe.print(number)
    assert(code == "ERR_DOMAIN", code)
  end
end

function tests.a_moment_in_milliseconds_may_be_a_whole_float()
  local engine, me = p.open(verbs), nil
  local ms = 1774008000 * 1e3
  assert(p.timestamp(ms) == p.timestamp(NOW))
  me = engine:detached "me"
  me:choose("language", "de", {at = ms, now = ms})
  assert(tostring(engine:resolve("language", me, {now = ms}).at) == NOW)
  for _, moment in ipairs {ms + 0.5, 0 / 0, 1 / 0, 2 ^ 63} do
    fails("whole milliseconds", p.timestamp, moment)
    fails("whole milliseconds", engine.resolve, engine, "language", nil, {now = moment})
  end
  engine:close()
end

function tests.a_timestamp_lies_in_the_years_1_to_9999()
  for ms, text in pairs {[-62135596800000] = "0001-01-01T00:00:00Z", [253402300799999] = "9999-12-31T23:59:59.999Z"} do
    assert(tostring(p.timestamp(ms)) == text, text)
    fails("a timestamp lies in the years 1 to 9999", p.timestamp, ms + (ms < 0 and -1 or 1))
  end
end

function tests.moments_and_spans_are_scalars()
  local t = p.timestamp "2020-02-29T23:59:59.123456789Z"
  assert(tostring(t) == "2020-02-29T23:59:59.123456789Z")
  assert(t:milliseconds() == 1583020799123 and t:kind() == "google.protobuf.Timestamp")
  assert(p.duration("90s"):milliseconds() == 90000)
  assert(p.eval("t + d > t", {t = t, d = p.duration "1s"}) == true)
  assert(t == p.timestamp "2020-02-29T23:59:59.123456789Z")
  assert(p.timestamp(1583020799123) < t)
  fails("", p.timestamp, "yesterday")
  fails("only timestamps and durations", function() return p.int("1"):milliseconds() end)
end

function tests.moments_of_writes_are_text_number_or_scalar()
  local engine = shop()
  for i, at in ipairs {NOW, 1774008000000, p.timestamp(NOW)} do
    local me = engine:detached("me" .. i)
    me:choose("language", "de", {at = at, now = NOW})
    assert(tostring(engine:resolve("language", me, {now = NOW}).at) == NOW)
  end
  local me = engine:detached "me"
  fails("a moment is", me.choose, me, "language", "de", {at = true})
  fails("stands for the default", me.choose, me, "language", "de", {at = 0})
end

function tests.every_verb_works()
  local engine = shop()
  local me = engine:detached "me"
  local w = {at = NOW, now = NOW, writer = "w1", who = "agent:7", channel = "phone"}
  me:declare("age", 30, w)
  local r = engine:resolve("age", me, {now = NOW})
  assert(r.value == 30 and r.tier == "DECLARED" and r.who == "agent:7" and r.channel == "phone")
  me:infer("category", "garden", 0.9, w)
  assert(engine:resolve("category", me, {now = NOW}).tier == "INFERRED")
  me:reject("category", "garden", w)
  assert(not engine:resolve("category", me, {now = NOW}).is_resolved)
  me:clear("category", w)
  me:identify("email", "a@b.c", w)
  local event = {kind = "purchase", source = "s", id = "1", time = NOW, item = "roses"}
  assert(me:observe(event, w) == true and me:observe(event, w) == false)
  me:apply({"choose", "news", false, {at = NOW}}, {writer = "w1"})
  assert(engine:resolve("news", me, {now = NOW}).value == false)
  local copy = engine:decode(me:bytes())
  copy:choose("language", "fr", {at = NOW, now = NOW, writer = "w2"})
  me:merge(copy)
  assert(me:bytes() == copy:bytes() and me:id() == "me" and me:exists())
  assert(p.parse(me:export()).subject.id == "me" and me:export(2):find("\n", 1, true))
  assert(p.print(engine:segments(me, {now = NOW})) == '["adult"]')
  assert(engine:inspect("language", me, {now = NOW})[1].tier == "CHOICE")
  me:refresh()
end

function tests.stored_customers_are_found_again()
  local engine = shop()
  local ann = engine:customer("email", "ann@example.com")
  assert(not ann:exists())
  ann:choose("language", "fr")
  local again = engine:customer("email", "ann@example.com")
  assert(again:id() == ann:id() and engine:resolve("language", again).value == "fr")
  assert(engine:profile(ann:id()):exists())
  fails("", engine.profile, engine, "nobody")
end

function tests.an_engine_is_opened_with_settings_of_their_kind()
  for _, wrong in ipairs {7, "redis", p.null, io.stdout, {}, false, p.bytes "x"} do
    fails("module is what require", p.open, catalog, {module = wrong})
  end
  local engine = p.open(catalog, {grouped = true})
  engine:customer("email", "ann@example.com"):choose("language", "de")
  assert(engine:count() == 1)
  fails("libpersonalize-redis", p.open, catalog, {store = "redis://127.0.0.1:1"})
end

function tests.a_customer_is_decided_for_by_name()
  local engine = shop()
  local ann = engine:customer("email", "ann@example.com")
  ann:choose("language", "de", {durability = "lazy"})
  local german = engine:decide_for("email", "ann@example.com", "home.hero", {country = "DE"})
  assert(german.value == "hallo" and german.rule == "german" and german.confidence == 1)
  assert(engine:decide_for(nil, ann:id(), "home.hero", {country = "DE"}).value == "hallo")
  assert(engine:decide_for("email", "new@example.com", "home.hero").value == "generic")
  assert(engine:decide_for(nil, nil, "home.hero").reason == "DEFAULT" and engine:count() == 1)
  fails("did you mean", engine.decide_for, engine, "email", "x", "home.heros")
  fails("durable, grouped or lazy", ann.choose, ann, "language", "de", {durability = "much"})
end

function tests.decisions_are_kept_and_read_again()
  local engine = shop()
  local ann = engine:customer("email", "ann@example.com")
  -- One moment, for decisions of two have two ids; and of our own: os.time() is another clock than the engine's.
  local now = os.time() * 1000
  ann:choose("language", "de", {at = now - 1000, now = now - 1000})
  local german = {country = "DE", now = now}
  local kept = engine:record("home.hero", ann, german, nil, nil, {note = "r-17", durability = "grouped"})
  assert(kept.value == "hallo" and kept.rule == "german" and kept.number == 1)
  assert(engine:record("home.hero", ann, german, nil, nil, {value = false, anonymous = true}).number == 2)
  local first, second = engine:records()[1], engine:records {from = 2}[1]
  assert(first.note == "r-17" and first.value == "hallo" and first.subject == ann:id() and first.number == 1)
  assert(second.number == 2 and second.value == nil and second.subject == nil and second.rule == "german")
  assert(#engine:records {subject = ann:id()} == 1 and #engine:records {id = first.id} == 2)
  assert(#engine:records {limit = 1} == 1 and #engine:records {from = 3} == 0)
  fails("did you mean", engine.record, engine, "home.heros", ann)
  fails("durable, grouped or lazy", engine.record, engine, "home.hero", ann, nil, nil, nil, {durability = "much"})
  fails("the settings are", engine.record, engine, "home.hero", ann, nil, nil, nil, 7)
  assert(engine:erase(ann:id()) == 1 and #engine:records() == 1)
end

function tests.records_may_be_kept_later_and_many_at_once()
  local engine = shop()
  local record = engine:decision_record("home.hero", engine:customer("email", "a@b.c"), {basket = 4})
  assert(record.value == "checkout" and #engine:records() == 0)
  local told, many = p.parse(p.print(record)), {}
  for i = 1, 600 do many[i] = told end
  local numbers = engine:record_many(many, {durability = "lazy"})
  assert(#numbers == 600 and numbers[600] == 600 and #engine:record_many {} == 0)
  -- More than one page, from the middle, and a limit at the edge of a page.
  local found = engine:records()
  assert(#found == 600)
  for i, one in ipairs(found) do assert(one.number == i) end
  assert(#engine:records {from = 300} == 301)
  for _, limit in ipairs {255, 256, 257, 512, 600, 601} do
    assert(#engine:records {limit = limit} == math.min(limit, 600))
  end
  fails("the records are a list", engine.record_many, engine, {a = 1})
  fails("the records are a list", engine.record_many, engine, "x")
  assert(engine:expire_records(p.timestamp "2000-01-01T00:00:00Z") == 0)
  assert(engine:expire_records(p.eval("t + duration('1s')", {t = found[1].at})) == 600 and #engine:records() == 0)
  fails("retention", engine.expire_records, engine)
end

-- Three customers in the store, the second of whom speaks German, and their ids.
local function three()
  local engine, ids = shop(), {}
  for i, language in ipairs {"fr", "de", "en"} do
    local one = engine:customer("email", i .. "@example.com")
    one:choose("language", language)
    ids[i] = one:id()
  end
  return engine, ids
end

function tests.many_customers_are_decided_for_in_one_call()
  local engine, ids = three()
  local german = {country = "DE"}
  local lines = engine:decide_many("home.hero", ids, german)
  assert(#lines == 3 and lines[1].value == "generic" and lines[2].value == "hallo")
  assert(lines[2].customer == ids[2] and lines[2].rule == "german" and lines[2].decision == "home.hero")
  for i, by in ipairs {"id", "email"} do
    local named = i == 1 and ids or {"1@example.com", "2@example.com", "3@example.com"}
    local told = engine:decide_many({"home.hero", "sure"}, named, german, nil, nil, {by = by, why = true, id = true})
    assert(#told == 6 and told[3].value == "hallo" and told[4].decision == "sure" and told[3].customer == named[2])
    assert(#told[3].id == 32 and told[3].why:find("hallo", 1, true))
  end
  local handles = {engine:profile(ids[2]), false, engine:detached "me"}
  local asked = engine:decide_many("home.hero", handles, german)
  assert(asked[1].value == "hallo" and asked[2].customer == p.null and asked[3].customer == "me")
  assert(#engine:decide_many("home.hero", {}) == 0 and #engine:decide_many({}, ids) == 0)
end

function tests.many_answers_are_those_of_one_question_each()
  local engine, ids = three()
  local lines = engine:answer_many({"language", "news"}, ids)
  for i, id in ipairs(ids) do
    local one = engine:resolve("language", engine:profile(id))
    assert(lines[2 * i - 1].value == one.value and lines[2 * i - 1].tier == one.tier)
    assert(lines[2 * i].attribute == "news" and lines[2 * i].tier == "RECOMMENDED")
  end
  local segments = engine:segments_many(ids)
  assert(#segments == 3 and segments[2].segments[1] == "german" and #segments[1].segments == 0)
end

function tests.json_lines_are_what_the_tables_say()
  local engine, ids = three()
  ids[4] = "nobody"
  local text = engine:decide_many("fixed", ids, nil, nil, nil, {jsonl = true})
  local lines, count = engine:decide_many("fixed", ids), 0
  for line in text:gmatch "([^\n]*)\n" do
    count = count + 1
    assert(p.print(p.parse(line)) == p.print(lines[count]))
  end
  assert(count == 4 and lines[4].error and lines[4].status == "ERR_NOT_FOUND")
  assert(engine:segments_many({}, nil, nil, nil, {jsonl = true}) == "")
end

function tests.many_customers_refuse_what_is_wrong()
  local engine, ids = three()
  fails("did you mean", engine.decide_many, engine, "home.heros", ids)
  fails("the names are", engine.decide_many, engine, nil, ids)
  fails("the customers are", engine.decide_many, engine, "home.hero", ids[1])
  fails("an identifier is a string", engine.decide_many, engine, "home.hero", {ids[1], engine:detached "me"})
  fails("an identifier is a string", engine.segments_many, engine, {false}, nil, nil, nil, {by = "email"})
  fails("customer 2", engine.decide_many, engine, "home.hero", {false, ids[1]})
  fails("holds no NUL", engine.decide_many, engine, "home.hero", {"a\0b"})
  fails("of another engine", engine.decide_many, engine, "home.hero", {shop():detached "me"})
  fails("the settings are", engine.decide_many, engine, "home.hero", ids, nil, nil, nil, 7)
  local many = {}
  for i = 1, 131072 do many[i] = "x" end
  assert(#engine:segments_many(many, nil, nil, nil, {jsonl = true}) > 131072)
  many[131073] = "x"
  fails("more than 131072 customers", engine.segments_many, engine, many)
  assert(#engine:segments_many(ids) == 3)
end

function tests.many_events_at_once()
  local engine = shop()
  local function event(id, item)
    return {kind = "purchase", source = "s", id = id, time = NOW, customer = "c", item = item}
  end
  local out = engine:observe_many({event("1", "roses"), event("1", "roses"), {kind = "visit"}},
                                  {now = NOW, replay = true})
  assert(#out == 3 and out[1].is_new and not out[2].is_new and out[2].status == "OK")
  assert(out[3].status ~= "OK" and #out[3].message > 0)
  assert(#engine:observe_many {} == 0)
  local stray = event("2", "roses")
  stray.kind = "purchse"
  out = engine:observe_many({stray}, {now = NOW})
  assert(out[1].status == "OK" and out[1].message:find("did you mean 'purchase'?", 1, true))
  fails("events are a list", engine.observe_many, engine, {a = 1})
end

function tests.many_rows_at_once()
  local engine = shop()
  local rows = {
    {"4711", {"declare", "language", "de"}, {"consent", "ads", "grant"}},
    {{email = "ann@example.com"}, {"choose", "language", "fr"}},
    {"4712", {"choose", "language", "de"}, {"choose", "langage", "de"}},
  }
  local out = engine:apply_many(rows, {now = NOW, at = NOW, channel = "crm", who = "agent:7", durability = "durable"})
  assert(#out == 3 and out[1].status == "OK" and out[1].is_new and out[2].is_new)
  assert(out[3].status == "ERR_NOT_FOUND" and out[3].message:find("'language'", 1, true) and not out[3].is_new)
  local answer = engine:resolve("language", engine:customer("email", "ann@example.com"), {now = NOW})
  assert(answer.value == "fr" and answer.channel == "crm" and answer.who == "agent:7" and answer.tier == "CHOICE")
  assert(not engine:customer("customer", "4712"):exists())
  -- A table may be taken in again; without `settled` that is a newer word.
  for settled, is_new in pairs {[true] = false, [false] = true} do
    out = engine:apply_many({rows[1]}, {now = NOW, at = NOW, channel = "crm", who = "agent:7", settled = settled})
    assert(out[1].status == "OK" and out[1].is_new == is_new)
  end
  assert(#engine:apply_many {} == 0)
  fails("rows are a list", engine.apply_many, engine, {a = 1})
end

function tests.safe_forms_return_instead_of_raising()
  local engine = assert(p.safe.open(catalog))
  local me = engine:detached "me"
  local none, message, code, line, column = me:choose("langage", "de")
  assert(none == nil and code == "ERR_NOT_FOUND" and message:find("language", 1, true))
  assert(line == 0 and column == 0)
  none, message, code, line, column = p.safe.eval "1 +\n  )"
  assert(none == nil and code == "ERR_PARSE" and line == 2 and column == 3, message)
  none, message, code = me:choose(7)
  assert(none == nil and code == "ERR_TYPE" and message)
  none, message, code = p.safe.open "/nowhere.json"
  assert(none == nil and code == "ERR_IO" and message:find("nowhere", 1, true))
  assert(me:close() == nil and select("#", me:id()) == 5)
  assert(engine:decide("home.hero").value == "generic")
end

function tests.catalogs_are_checked()
  assert(#p.check(catalog) == 0)
  local engine = p.open()
  fails("no catalog", engine.decide, engine, "home.hero")
  fails("there is no type", engine.load_text, engine, '{"attributes": {"a": {"type": "sting"}}}')
  assert(#engine:load_text('{"attributes": {"a": {"type": "string"}}}', "mine") == 0)
  assert(#engine:catalog_hash() == 32)
  local passed, failed, diagnostics = engine:test()
  assert(passed == 0 and failed == 0 and #diagnostics == 0)
end

function tests.finalizers_may_use_the_engine_in_the_middle_of_a_call()
  local engine = shop()
  local me = engine:detached "me"
  me:choose("language", "de", {at = NOW, now = NOW})
  local calls = 0
  local function litter()
    local function final()
      calls = calls + 1
      engine:explain("home.hero", me, {country = "FR", now = NOW})
      if calls < 200 then litter() end
    end
    if newproxy then
      local proxy = newproxy(true) -- luacheck: ignore
      getmetatable(proxy).__gc = final
    else
      setmetatable({}, {__gc = final})
    end
  end
  for _ = 1, 20 do litter() end
  collectgarbage()
  -- Through the FFI every pointer that is read is an object: a whole collection for each takes for ever.
  local is_ffi = package.loaded.personalize_ffi ~= nil
  collectgarbage("setpause", 0)
  collectgarbage("setstepmul", is_ffi and 200 or 10000)
  for _ = 1, 500 do
    local why = engine:explain("home.hero", me, {country = "DE", now = NOW})
    assert(why.value == "hallo" and why.map.value == "hallo" and why.text:find("hallo", 1, true))
  end
  collectgarbage("setpause", 200)
  collectgarbage("setstepmul", 200)
  assert(calls > 20)
end

function tests.a_call_that_raises_leaves_the_engine_usable()
  local engine = shop()
  local me = engine:detached "me"
  for _ = 1, 1000 do
    pcall(me.choose, me, "language", {1, print})
    assert(engine:decide("home.hero", me).value == "generic")
  end
end

function tests.close_variables_close()
  if _VERSION ~= "Lua 5.4" then return end
  local engine = shop()
  local me = engine:detached "me"
  assert(load("local me = ... local held <close> = me"))(me)
  fails("the profile is closed", me.id, me)
end

kit.run(tests)
