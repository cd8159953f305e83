-- personalize_ffi.lua: the library for LuaJIT through its FFI, with the face of the C module.
--
--     local personalize = require "personalize_ffi"
--
-- Same functions, methods, values and errors; docs/binding.md tells the face once for both. What
-- differs is the cost: calls through the FFI stay in compiled code, where LuaJIT leaves it for each C
-- function. Every argument is checked here, so that a wrong one raises and never reaches C.
--
-- Not here: declarations (library.lua), values and failing (value.lua), handles and their lifetimes
-- (handle.lua), methods of profiles (profile.lua), programs (program.lua), records of decisions
-- (record.lua), functions that C calls back (hosts.lua).
local ffi = require "ffi"
local library = require "personalize_ffi.library"
local V = require "personalize_ffi.value"
local H = require "personalize_ffi.handle"
local Profile = require "personalize_ffi.profile"
local Program = require "personalize_ffi.program"
local Hosts = require "personalize_ffi.hosts"
local C, words = library.C, library.words
V.is_own(debug.getinfo(1, "S").source)

local type, next, rawget, setmetatable, pcall, tonumber = type, next, rawget, setmetatable, pcall, tonumber
local ipairs, concat = ipairs, table.concat
local istype, cast, ffi_string, sizeof = ffi.istype, ffi.cast, ffi.string, ffi.sizeof
local check, fail, name_at, option, put, push = V.check, V.fail, V.name_at, V.option, V.put, V.push
local push_answer, moment_at, refuse = V.push_answer, V.moment_at, V.refuse
local text_at, choice_at, table_at, new_error, text_of = V.text_at, V.choice_at, V.table_at, V.new_error, V.text_of
local take, give, core_of, profile_box_of, box_of = H.take, H.give, H.core_of, H.profile_box_of, H.box_of
local engine_of, pointer_of, hold, let_go, release = H.engine_of, H.pointer_of, H.hold, H.let_go, H.release
local wrong_handle, keep_alive, sized = H.wrong_handle, H.keep_alive, H.sized
local ask, new_question, release_batch = Hosts.ask, Hosts.question, H.release_all
local ERR_ARG, ERR_TYPE, ERR_LIMIT, ERR_STATE = V.ERR_ARG, V.ERR_TYPE, V.ERR_LIMIT, V.ERR_STATE
local LIST = 9

local BATCH_MAX, EVENTS_MAX, MANY_MAX, TEXTS_MAX = 65536, 65536, 131072, 2 ^ 30
local NUMBER_MAX = 9007199254740991
local BY_HANDLE, BY_ID, BY_IDENTIFIER = 0, 1, 2 -- pz_many_by

local engine_t, report_t = H.engine_t, H.report_t
local engine_out_t, profile_out_t = ffi.typeof "pz_engine *[1]", ffi.typeof "pz_profile *[1]"
local value_t, value_list_t = ffi.typeof "pz_value", ffi.typeof "pz_value[?]"
local names_t, profiles_t = ffi.typeof "const char *[?]", ffi.typeof "const pz_profile *[?]"
local uint32_box_t, uint64_box_t = ffi.typeof "uint32_t[1]", ffi.typeof "uint64_t[1]"
local word_p = ffi.typeof "const uint64_t *"
local new_engine_options, new_write = sized "pz_engine_options", sized "pz_write"
local new_batch, new_diagnostic, new_many = sized "pz_batch", sized "pz_diagnostic", sized "pz_many"
local ends_t = ffi.typeof "uint64_t[?]"

local Engine = {}

-- ---- engines ----

local function add_diagnostics(list, report)
  local entry = new_diagnostic()
  for i = 0, C.pz_report_count(report) - 1 do
    check(C.pz_report_get(report, i, entry), nil)
    list[#list + 1] = {
      severity = entry.severity == 2 and "error" or "warning", file = ffi_string(entry.file),
      line = entry.line, column = entry.column, length = entry.length, path = ffi_string(entry.path),
      message = ffi_string(entry.message), suggestion = ffi_string(entry.suggestion),
      source = ffi_string(entry.source),
    }
  end
  return list
end

local WEAK = {__mode = "k"}

local function new_engine(options, metatable, hosts)
  local box, err, out = engine_t(), new_error(), engine_out_t()
  box.core = H.new_core()
  local status = C.pz_engine_open(out, options, err)
  box.core.engine = out[0]
  check(status, err)
  return setmetatable({box, false, setmetatable({}, WEAK), hosts}, metatable)
end

-- What personalize_ffi.redis gave, if it was loaded.
local function module_option(settings)
  local module = settings.module
  if module == nil and type(module) == "nil" then return nil end
  local loaded = package.loaded["personalize_ffi.redis"]
  if module ~= loaded then
    fail(ERR_TYPE, ('module is what require "personalize_redis" gives, not a %s'):format(V.type_of(module)))
  end
  return module.module
end

local REST = "functions, grouped, lazy, module, read_only, records, skew_ms, store and store_bytes"
local OPENING, OPENING_PATH = V.names("catalog, " .. REST), V.names(REST)

-- open("shop.json", {store = "lmdb:customers"}) or open{catalog = ..., store = ...}
local function open(catalog, settings, metatable)
  local options = new_engine_options()
  if V.type_of(catalog) == "table" then
    settings = catalog
  elseif catalog ~= nil then
    name_at(catalog, "the catalog")
  end
  local store, hosts
  if settings ~= nil then
    table_at(2, settings)
    V.check_known(settings, settings == catalog and OPENING or OPENING_PATH, "setting")
    if settings == catalog then catalog = option(settings, "catalog") end
    store = option(settings, "store")
    options.flags = (settings.read_only and 1 or 0) + (settings.lazy and 2 or 0) + (settings.grouped and 4 or 0)
    options.skew_ms = V.number_option(settings, "skew_ms", NUMBER_MAX)
    options.store_bytes = V.number_option(settings, "store_bytes", NUMBER_MAX)
    options.module = module_option(settings)
    hosts = Hosts.read(settings, options, true)
  end
  options.catalog, options.store = catalog, store
  local engine = new_engine(options, metatable, hosts)
  keep_alive(catalog, store, hosts)
  return engine
end

function Engine.load(self, path)
  core_of(self)
  local err, report = new_error(), report_t()
  name_at(path, "the catalog")
  check(C.pz_engine_load(engine_of(self), path, report.report, err), err)
  return add_diagnostics({}, report.report[0])
end

function Engine.load_text(self, text, name)
  core_of(self)
  local err, report = new_error(), report_t()
  text = text_at(2, text)
  name = name == nil and "catalog" or name_at(name, "the name")
  check(C.pz_engine_load_text(engine_of(self), name, text, #text, report.report, err), err)
  return add_diagnostics({}, report.report[0])
end

-- passed, failed, diagnostics
function Engine.test(self)
  local err, report = new_error(), report_t()
  local passed, failed = uint32_box_t(), uint32_box_t()
  local s, status = {question = new_question(core_of(self) and self[4], false)}, nil
  if s.question then
    status = ask(s, C.pz_engine_test, engine_of(self), report.report, passed, failed, err)
  else
    status = C.pz_engine_test(engine_of(self), report.report, passed, failed, err)
  end
  if status ~= V.ERR_TEST then check(status, err) end
  return passed[0], failed[0], add_diagnostics({}, report.report[0])
end

function Engine.catalog_hash(self)
  local hash = ffi.new "char[33]"
  check(C.pz_engine_catalog_hash(engine_of(self), hash), nil)
  return ffi_string(hash, 32)
end

function Engine.count(self)
  local count, err = uint64_box_t(), new_error()
  check(C.pz_profile_count(engine_of(self), count, err), err)
  return tonumber(count[0])
end

-- The ids of everybody in the store, as a list.
function Engine.ids(self)
  core_of(self)
  local s = take(self)
  check(C.pz_profile_ids(engine_of(self), s.pool, s.value, s.err), s.err)
  local ids = push(s.value)
  give(self, s)
  return ids
end

-- Close an engine and every profile of it.
function Engine.close(self)
  if not istype(engine_t, box_of(self)) then wrong_handle(1, "personalize.engine", self) end
  if self[4] and self[4].asked > 0 then fail(ERR_STATE, "the engine is being asked by a question that goes on") end
  H.close_engine(self)
end

-- ---- profiles made ----

-- Make a handle of what a call gave. It is boxed before anything else is made.
local function new_profile(engine, out, status, err, bytes)
  check(status, err)
  local box = H.new_profile_box(engine[1].core, out[0])
  engine[3][box] = true
  return setmetatable({box, engine, bytes}, engine.profile_metatable)
end

function Engine.customer(self, kind, value)
  name_at(kind, "the kind")
  name_at(value, "the identifier")
  local out, err = profile_out_t(), new_error()
  return new_profile(self, out, C.pz_customer(out, engine_of(self), kind, value, err), err)
end

function Engine.profile(self, id)
  name_at(id, "the id")
  local out, err = profile_out_t(), new_error()
  return new_profile(self, out, C.pz_profile_open(out, engine_of(self), id, err), err)
end

local SUBJECTS = {person = 0, account = 1, device = 2}

function Engine.detached(self, id, subject)
  name_at(id, "the id")
  subject = subject == nil and 0 or choice_at(3, subject, SUBJECTS)
  local out, err = profile_out_t(), new_error()
  return new_profile(self, out, C.pz_profile_new(out, engine_of(self), subject, id, err), err)
end

function Engine.decode(self, bytes)
  bytes = text_at(2, bytes)
  local out, err = profile_out_t(), new_error()
  return new_profile(self, out, C.pz_profile_decode(out, engine_of(self), bytes, #bytes, err), err)
end

-- A profile that answers from its bytes, which its handle keeps.
function Engine.view(self, bytes)
  bytes = text_at(2, bytes)
  local out, err = profile_out_t(), new_error()
  return new_profile(self, out, C.pz_profile_view(out, engine_of(self), bytes, #bytes, err), err, bytes)
end

-- ---- questions ----

local function context_set(s, key, v)
  if not words then return C.pz_context_set(s.context, key, v, s.err) end
  local w = cast(word_p, v)
  return C.pzl_context_set(s.context, key, w[0], w[1], s.err)
end

-- Whether the context takes it.
local function set_circumstance(s, key, value)
  name_at(key, "the key of a circumstance")
  if key == "now" then return true end
  put(s, s.input, value)
  return context_set(s, key, s.input) == 0
end

-- Fails for the circumstance of the least name of those that are refused: a table has no order, and
-- LuaJIT's differs from run to run.
local function refuse_circumstances(s, circumstances)
  local least
  for key, value in next, circumstances do
    if not set_circumstance(s, key, value) and (not least or key < least) then least = key end
  end
  if not least then return end -- there was no memory for one, and now there was
  put(s, s.input, circumstances[least])
  check(context_set(s, least, s.input), s.err)
end

local function begin_context(s, circumstances)
  if circumstances == nil then return check(C.pz_context_begin(s.context, 0, s.err), s.err) end
  table_at(4, circumstances)
  local now = circumstances.now
  -- Whole milliseconds, as a server hands them in, take no call.
  if type(now) ~= "number" or now < 1 or now > 1e15 or now % 1 ~= 0 then now = moment_at(s, now) end
  check(C.pz_context_begin(s.context, now, s.err), s.err)
  -- The first few without a loop: around an inner loop LuaJIT compiles nothing.
  local key, value = next(circumstances)
  if key == nil then return end
  if not set_circumstance(s, key, value) then return refuse_circumstances(s, circumstances) end
  key, value = next(circumstances, key)
  if key == nil then return end
  if not set_circumstance(s, key, value) then return refuse_circumstances(s, circumstances) end
  key, value = next(circumstances, key)
  if key == nil then return end
  if not set_circumstance(s, key, value) then return refuse_circumstances(s, circumstances) end
  key, value = next(circumstances, key)
  while key ~= nil do
    if not set_circumstance(s, key, value) then return refuse_circumstances(s, circumstances) end
    key, value = next(circumstances, key)
  end
end

-- The box of a profile of this engine, or nil for nobody.
local function side_of(handle, engine, position, what)
  if handle == nil then return nil end
  local box = profile_box_of(handle, position, what)
  if handle[2] ~= engine then fail(ERR_ARG, "the profile is of another engine") end
  return box
end

-- Give the profiles of a question readers until release(), and the context its account and level.
local function hold_sides(s, engine, customer, account, level)
  if level ~= nil then name_at(level, "the level") end
  local his, side = side_of(account, engine, 5), side_of(customer, engine, 3)
  if his then hold(his) end
  if side then hold(side) end
  s.account, s.profile = his or false, side or false
  local status = 0
  if his then status = C.pz_context_account(s.context, his.profile, s.err) end
  if status == 0 and level ~= nil then status = C.pz_context_level(s.context, level, s.err) end
  return status
end

-- As check(), for a question whose profiles have readers.
local function settle(s, status)
  if status == 0 then return end
  release(s)
  refuse(status, s.err)
end

-- A session that is set up, and the C profile to ask about.
local function begin_question(self, customer, circumstances, account, level)
  core_of(self)
  local s = take(self)
  begin_context(s, circumstances)
  s.question = new_question(self[4], true)
  settle(s, hold_sides(s, self, customer, account, level))
  return s, s.profile and s.profile.profile or nil
end

local function end_question(self, s, ...)
  release(s)
  give(self, s)
  return ...
end

local function string_of(text) return text.len > 0 and ffi_string(text.data, text.len) or "" end

local function push_resolution(found)
  return {
    value = push_answer(found.value), tier = ffi_string(found.tier), reason = ffi_string(found.reason),
    confidence = found.has_confidence and found.confidence or nil, channel = string_of(found.channel),
    who = string_of(found.who), at = found.at_ms ~= 0 and V.new_time(tonumber(found.at_ms)) or nil,
    members = push_answer(found.members), is_resolved = found.is_resolved,
  }
end

function Engine.resolve(self, name, customer, circumstances, account, level)
  name_at(name, "the name")
  local s, profile = begin_question(self, customer, circumstances, account, level)
  local found = s.resolution
  if s.question then
    settle(s, ask(s, C.pz_resolve, found, s.context, profile, name, s.err))
  else
    settle(s, C.pz_resolve(found, s.context, profile, name, s.err))
  end
  local resolved = push_resolution(found)
  release(s)
  give(self, s)
  return resolved
end

local function inspect(self, call, name, customer, circumstances, account, level)
  name_at(name, "the name")
  local s, profile = begin_question(self, customer, circumstances, account, level)
  if s.question then
    settle(s, ask(s, call, s.value, s.context, profile, name, s.err))
  else
    settle(s, call(s.value, s.context, profile, name, s.err))
  end
  return end_question(self, s, push(s.value))
end

function Engine.inspect(self, ...) return inspect(self, C.pz_inspect, ...) end
-- With the layers that masks and missing consents hide: for operators alone.
function Engine.inspect_privileged(self, ...) return inspect(self, C.pz_inspect_privileged, ...) end

local function ask_about(self, call, customer, circumstances, account, level)
  local s, profile = begin_question(self, customer, circumstances, account, level)
  if s.question then
    settle(s, ask(s, call, s.value, s.context, profile, s.err))
  else
    settle(s, call(s.value, s.context, profile, s.err))
  end
  return end_question(self, s, push(s.value))
end

-- The names of all segments the customer is in.
function Engine.segments(self, ...) return ask_about(self, C.pz_segments, ...) end
-- Members, links that stand, links refused and why.
function Engine.person(self, ...) return ask_about(self, C.pz_person, ...) end

-- ---- batches ----

-- A copy of a list, which nobody else can change.
local function copy_items(list, max, too_many)
  local count, copied = #list, {}
  if count > max then fail(ERR_LIMIT, too_many) end
  for i = 1, count do copied[i] = rawget(list, i) end
  return copied, count
end

local function copy_list(number, list)
  return copy_items(table_at(number, list), BATCH_MAX, "more than 65536 in one batch")
end

-- The names of a list for C; the list has to outlive them.
local function names_of(list, count, what)
  local names = names_t(count + 1)
  for i = 1, count do names[i - 1] = name_at(list[i], what) end
  return names
end

-- The boxes of a list of customers; false and null are nobody.
local function boxes_of(engine, list, count)
  local boxes = {}
  for i = 1, count do
    local one = list[i]
    if one == nil or one == false or one == V.null then one = nil end
    boxes[i] = side_of(one, engine, i, "customer") or false
  end
  return boxes
end

local function begin_batch(self, attributes, customers, circumstances)
  core_of(self)
  local s = take(self)
  begin_context(s, circumstances)
  local names, name_count = copy_list(2, attributes)
  local c_names = names_of(names, name_count, "an attribute")
  local people, people_count = copy_list(3, customers)
  if people_count * name_count > BATCH_MAX then fail(ERR_LIMIT, "more than 65536 answers in one batch") end
  local batch, profiles = new_batch(), profiles_t(people_count + 1)
  batch.profiles, batch.profile_count = profiles, people_count
  batch.attributes, batch.attribute_count = c_names, name_count
  s.anchors = {names = names, c_names = c_names, profiles = profiles, boxes = boxes_of(self, people, people_count)}
  s.question = new_question(self[4], true)
  return s, batch
end

-- Give all profiles of a list readers, until release_batch().
local function hold_boxes(boxes, profiles)
  for i, box in ipairs(boxes) do
    if box then
      hold(box)
      profiles[i - 1] = pointer_of(box)
    end
  end
end

-- Ask with readers on all profiles, and make the table of answers: `one(at)` makes each.
local function ask_batch(self, s, batch, call, found, one)
  local boxes, profiles, names = s.anchors.boxes, s.anchors.profiles, s.anchors.names
  hold_boxes(boxes, profiles)
  local status = s.anchors.status
  if status == 0 then
    if s.question then status = ask(s, call, found, s.context, batch, s.err)
    else status = call(found, s.context, batch, s.err) end
  end
  if status ~= 0 then
    release_batch(s)
    refuse(status, s.err)
  end
  local answers, at = {}, 0
  for p = 1, batch.profile_count do
    local row = {}
    for a = 1, batch.attribute_count do
      row[names[a]] = one(found[at])
      at = at + 1
    end
    answers[p] = row
  end
  release_batch(s)
  s.anchors = false
  give(self, s)
  return answers
end

-- For each customer a table by attribute.
function Engine.resolve_many(self, attributes, customers, circumstances, account, level)
  local s, batch = begin_batch(self, attributes, customers, circumstances)
  local found = ffi.new("pz_resolution[?]", batch.profile_count * batch.attribute_count + 1)
  found[0].size = sizeof "pz_resolution"
  s.anchors.status = hold_sides(s, self, nil, account, level)
  return ask_batch(self, s, batch, C.pz_resolve_many, found, push_resolution)
end

-- The same with the layers of each.
function Engine.inspect_many(self, attributes, customers, circumstances, account, level)
  local s, batch = begin_batch(self, attributes, customers, circumstances)
  local found = value_list_t(batch.profile_count * batch.attribute_count + 1)
  s.anchors.status = hold_sides(s, self, nil, account, level)
  return ask_batch(self, s, batch, C.pz_inspect_many, found, push)
end

-- ---- JSON Lines ----

local function expect_table(value, what)
  local kind = V.type_of(value)
  if kind ~= "table" then fail(ERR_TYPE, ("%s, not %s"):format(what, kind)) end
  return value
end

local MANY = V.names "by, id, jsonl and why"

-- {by = "id" or a kind, why = true, id = true, jsonl = true}
local function read_settings(many, settings)
  if settings == nil then return false, nil end
  V.check_known(expect_table(settings, "the settings are a table"), MANY, "setting")
  many.flags = (settings.why and 1 or 0) + (settings.id and 2 or 0)
  local kind = option(settings, "by")
  if kind then many.by = kind == "id" and BY_ID or BY_IDENTIFIER end
  many.kind = kind
  return settings.jsonl, kind
end

-- One name, or a list of them.
local function read_names(many, names)
  if type(names) == "string" then names = {names} end
  expect_table(names, "the names are a string or a list of strings")
  local copied, count = copy_items(names, BATCH_MAX, "more than 65536 names in one call")
  local c_names = names_of(copied, count, "a name")
  many.names, many.name_count = c_names, count
  return {copied, c_names}
end

-- Texts one behind the other, and where each ends.
local function read_texts(many, list, count)
  local ends, total = ends_t(count + 1), 0
  for i = 1, count do
    total = total + #name_at(list[i], "an identifier")
    ends[i - 1] = total
  end
  if total > TEXTS_MAX then fail(ERR_LIMIT, "the identifiers are too long together") end
  local texts = concat(list)
  many.texts, many.ends = texts, ends
  return {texts, ends}
end

-- A list that begins with a string is one of ids, unless the settings name a kind.
local function read_many(self, s, many, customers)
  expect_table(customers, "the customers are a list of ids, identifiers or profiles")
  local list, count = copy_items(customers, MANY_MAX, "more than 131072 customers in one call")
  many.count = count
  if many.by == BY_HANDLE and type(list[1]) == "string" then many.by = BY_ID end
  if many.by ~= BY_HANDLE then
    s.anchors.boxes, s.anchors.texts = {}, read_texts(many, list, count)
    return
  end
  local profiles = profiles_t(count + 1)
  s.anchors.boxes, s.anchors.profiles = boxes_of(self, list, count), profiles
  many.profiles = profiles
end

-- A list of what stands in each line.
local function read_lines(s, text)
  local lines = {}
  for line in text:gmatch "[^\n]+" do
    check(C.pz_value_parse(s.pool, s.value, line, #line, 0, s.err), s.err)
    lines[#lines + 1] = push(s.value)
  end
  return lines
end

local function ask_many(self, call, names, customers, circumstances, account, level, settings)
  core_of(self)
  local s, many = take(self), new_many()
  begin_context(s, circumstances)
  local is_text, kind = read_settings(many, settings)
  s.anchors = {names = names and read_names(many, names[1]), kind = kind, boxes = {}}
  read_many(self, s, many, customers)
  s.question = new_question(self[4], true)
  local status = hold_sides(s, self, nil, account, level)
  hold_boxes(s.anchors.boxes, s.anchors.profiles)
  if status == 0 then
    if s.question then status = ask(s, call, s.text, s.context, s.pool, many, s.err)
    else status = call(s.text, s.context, s.pool, many, s.err) end
  end
  release_batch(s)
  if status ~= 0 then refuse(status, s.err) end
  local answer = text_of(s)
  if not is_text then answer = read_lines(s, answer) end
  s.anchors = false
  give(self, s)
  return answer
end

-- For each customer and name a table, or all of them as JSON Lines.
function Engine.decide_many(self, names, ...) return ask_many(self, C.pz_decide_many, {names}, ...) end
function Engine.answer_many(self, names, ...) return ask_many(self, C.pz_answer_many, {names}, ...) end
function Engine.segments_many(self, ...) return ask_many(self, C.pz_segments_many, nil, ...) end

-- ---- decisions ----

-- True where a function may have had a say, else nil.
local function is_impure(s)
  if s.question and C.pz_decision_is_impure(s.decision[0]) then return true end
  return nil
end

-- {value, reason, rule, confidence}
function Engine.decide(self, name, customer, circumstances, account, level)
  name_at(name, "the name")
  local s, profile = begin_question(self, customer, circumstances, account, level)
  if s.question then
    settle(s, ask(s, C.pz_decide, s.decision, s.context, profile, name, s.err))
  else
    settle(s, C.pz_decide(s.decision, s.context, profile, name, s.err))
  end
  local d = s.decided
  C.pz_decision_read(d, s.decision[0])
  local decided = {
    value = push_answer(d.value), reason = ffi_string(d.reason), rule = ffi_string(d.rule),
    confidence = d.confidence, impure = is_impure(s),
  }
  release(s)
  give(self, s)
  return decided
end

-- The same for the customer whom the store knows by an identifier, in one call. Kind nil: by the id of
-- a profile; both nil: nobody.
function Engine.decide_for(self, kind, identifier, name, circumstances, account, level)
  if kind ~= nil then name_at(kind, "the kind") end
  if identifier ~= nil then name_at(identifier, "the identifier") end
  name_at(name, "the name")
  local s = begin_question(self, nil, circumstances, account, level)
  if s.question then
    settle(s, ask(s, C.pz_decide_for, s.decision, s.context, kind, identifier, name, s.err))
  else
    settle(s, C.pz_decide_for(s.decision, s.context, kind, identifier, name, s.err))
  end
  local d = s.decided
  C.pz_decision_read(d, s.decision[0])
  local decided = {
    value = push_answer(d.value), reason = ffi_string(d.reason), rule = ffi_string(d.rule),
    confidence = d.confidence, impure = is_impure(s),
  }
  release(s)
  give(self, s)
  return decided
end

-- Call C in the course of a question, with functions or without.
local function call_in(s, call, ...)
  if s.question then return ask(s, call, ...) end
  return call(...)
end

-- What explains the decision of a session, into the places given.
local function explain(s, decision, id, bytes, text, map)
  local status = call_in(s, C.pz_decision_id, id, s.context, decision, s.err)
  if status == 0 then status = call_in(s, C.pz_decision_bytes, bytes, s.context, decision, s.err) end
  if status == 0 then status = call_in(s, C.pz_explain_text, text, s.context, decision, s.err) end
  if status == 0 then status = call_in(s, C.pz_explain, map, s.context, decision, s.err) end
  return status
end

-- The same with {id, bytes, text, map}: canonical bytes, sentences, and all reasons.
function Engine.explain(self, name, customer, circumstances, account, level)
  name_at(name, "the name")
  local id, text, bytes, map = ffi.new "pz_str", ffi.new "pz_str", value_t(), value_t()
  local s, profile = begin_question(self, customer, circumstances, account, level)
  if s.question then
    settle(s, ask(s, C.pz_decide, s.decision, s.context, profile, name, s.err))
  else
    settle(s, C.pz_decide(s.decision, s.context, profile, name, s.err))
  end
  local d = s.decided
  C.pz_decision_read(d, s.decision[0])
  settle(s, explain(s, s.decision[0], id, bytes, text, map))
  return end_question(self, s, {
    value = push_answer(d.value), reason = ffi_string(d.reason), rule = ffi_string(d.rule),
    confidence = d.confidence, impure = is_impure(s), id = string_of(id), text = string_of(text), map = push(map),
    bytes = bytes.len > 0 and ffi_string(bytes.as.text, bytes.len) or "",
  })
end

-- ---- events and erasure ----

local OBSERVING, ERASING = V.names "durability, now and replay", V.names "alone, durability and now"
local APPLYING = V.names "at, channel, durability, expires, now, settled and who"
local OBSERVE_FLAGS = {[0] = 0, 2, 4, 8} -- by durability

-- The list, and room for a result of each.
local function read_rows(s, rows, what)
  table_at(2, rows)
  local list = put(s, s.input, rows)
  local count = list.len
  if list.kind ~= LIST and count > 0 then fail(ERR_TYPE, what .. " are a list") end
  if count > EVENTS_MAX then fail(ERR_LIMIT, ("more than 65536 %s in one call"):format(what)) end
  local results = ffi.new("pz_observed[?]", count + 1)
  for i = 0, count do results[i].size = sizeof "pz_observed" end
  return count > 0 and list.as.items or nil, count, results
end

-- {{status, message, is_new}, ...}
local function told(results, count)
  local found = {}
  for i = 0, count - 1 do
    local result = results[i]
    found[i + 1] = {
      status = ffi_string(C.pz_status_name(result.status)), message = ffi_string(result.message),
      is_new = result.is_new,
    }
  end
  return found
end

function Engine.observe_many(self, events, settings)
  core_of(self)
  local now, flags, s = 0, 0, take(self)
  if settings ~= nil then
    table_at(3, settings)
    V.check_known(settings, OBSERVING, "setting")
    now = moment_at(s, settings.now)
    flags = OBSERVE_FLAGS[V.durability_of(settings)] + (settings.replay and 1 or 0)
  end
  local items, count, results = read_rows(s, events, "events")
  check(C.pz_observe_many(engine_of(self), items, count, now, flags, results, s.err), s.err)
  local found = told(results, count)
  give(self, s)
  return found
end

-- engine:apply_many(rows, {settled = true, at, now, expires, channel, who, durability})
function Engine.apply_many(self, rows, settings)
  core_of(self)
  local write, flags, s = new_write(), 0, take(self)
  local channel, who
  if settings ~= nil then
    table_at(3, settings)
    V.check_known(settings, APPLYING, "setting")
    write.at_ms, write.now_ms = moment_at(s, settings.at), moment_at(s, settings.now)
    write.expires_ms = moment_at(s, settings.expires)
    channel, who = option(settings, "channel"), option(settings, "who")
    write.channel, write.who = channel, who
    write.durability, flags = V.durability_of(settings), settings.settled and 1 or 0
  end
  local items, count, results = read_rows(s, rows, "rows")
  check(C.pz_apply_many(engine_of(self), items, count, write, flags, results, s.err), s.err)
  keep_alive(channel, who)
  local found = told(results, count)
  give(self, s)
  return found
end

-- engine:erase(id, {alone = true, now = ..., durability = ...}): how many profiles were erased
function Engine.erase(self, id, settings)
  core_of(self)
  name_at(id, "the id")
  local flags, write, erased, s = 0, new_write(), uint32_box_t(), take(self)
  if settings ~= nil then
    table_at(3, settings)
    V.check_known(settings, ERASING, "setting")
    flags, write.durability = settings.alone and 1 or 0, V.durability_of(settings)
    write.now_ms = moment_at(s, settings.now)
  end
  s.question = new_question(self[4], false)
  check(call_in(s, C.pz_erase, engine_of(self), id, write, flags, erased, s.err), s.err)
  give(self, s)
  return erased[0]
end

require "personalize_ffi.record"(Engine, {
  begin_question = begin_question, settle = settle, end_question = end_question, call_in = call_in,
  is_impure = is_impure,
})

-- ---- the module ----

local M = {}

local CHECKING = V.names "functions"

-- check(path, {functions = ...}): every mistake, warning and failing test of a catalog, as a list.
function M.check(path, settings)
  name_at(path, "the catalog")
  local options, hosts = new_engine_options(), nil
  if settings ~= nil then
    V.check_known(table_at(2, settings), CHECKING, "setting")
    hosts = Hosts.read(settings, options, false)
  end
  local engine, err = new_engine(options, nil, hosts), new_error()
  local s = {question = new_question(hosts, false)}
  local mistakes, failures = report_t(), report_t()
  local status = C.pz_engine_load(engine_of(engine), path, mistakes.report, err)
  if status == 0 then status = call_in(s, C.pz_engine_test, engine_of(engine), failures.report, nil, nil, err) end
  if status ~= V.ERR_CATALOG and status ~= V.ERR_TEST then check(status, err) end
  local found = add_diagnostics(add_diagnostics({}, mistakes.report[0]), failures.report[0])
  keep_alive(engine)
  return found
end

-- eval(expression, variables)
function M.eval(expression, variables)
  expression = text_at(1, expression)
  local s = V.take_pool()
  put(s, s.input, variables)
  check(C.pz_eval(s.value, s.pool, expression, #expression, s.input, s.err), s.err)
  local value = push_answer(s.value)
  V.give_pool(s)
  return value
end

-- parse(json): JSON text as a Lua value; null is personalize.null at the top, too.
function M.parse(json)
  json = text_at(1, json)
  local s = V.take_pool()
  check(C.pz_value_parse(s.pool, s.value, json, #json, 0, s.err), s.err)
  local value = push(s.value)
  V.give_pool(s)
  return value
end

-- print(value, indent): the value as JSON text.
function M.print(value, indent)
  indent = V.indent_at(indent)
  local s = V.take_pool()
  put(s, s.input, value)
  local status = C.pz_value_print(s.pool, s.text, s.input, indent)
  if status == V.ERR_DOMAIN then fail(status, "JSON has no NaN and no infinities") end
  check(status, nil)
  local text = text_of(s)
  V.give_pool(s)
  return text
end

-- ---- raising and returning ----

local failure = V.failure

local function told(ok, message, ...)
  if ok then return message, ... end
  local status = failure.status
  if message == "not enough memory" then status = V.ERR_NOMEM end
  return nil, message, ffi_string(C.pz_status_name(status)), failure.line, failure.column
end

local function safely(call)
  return function(...)
    failure.status, failure.line, failure.column = ERR_ARG, 0, 0
    return told(pcall(call, ...))
  end
end

local function all_safely(calls)
  local safe = {}
  for name, call in next, calls do safe[name] = safely(call) end
  return safe
end

local function version() return ffi_string(C.pz_version()) end

-- The module, raising or safe, with metatables of its own for what it makes.
local function make_module(guard, guard_all)
  local profile = {__index = guard_all(Profile), __metatable = "personalize.profile"}
  local engine = {__metatable = "personalize.engine"}
  engine.__index = guard_all(Engine)
  engine.__index.profile_metatable = profile
  local program = {__index = guard_all(Program), __metatable = "personalize.program"}
  local module = guard_all(M)
  for name, call in next, V.new do module[name] = call end
  module.null, module.version, module._VERSION = V.null, version, version()
  module.open = guard(function(catalog, settings) return open(catalog, settings, engine) end)
  module.compile = guard(function(source, settings) return V.compile(source, settings, program) end)
  return module
end

local function itself(x) return x end
local module = make_module(itself, function(calls)
  local copied = {}
  for name, call in next, calls do copied[name] = call end
  return copied
end)
module.safe = make_module(safely, all_safely)
return module
