-- record.lua: decisions that are kept, and read again; for LuaJIT's FFI. The face is that of record.c.
--
-- Records are read by pages, each a list in a pool, of which values are made before the next is read.
local ffi = require "ffi"
local library = require "personalize_ffi.library"
local V = require "personalize_ffi.value"
local H = require "personalize_ffi.handle"
local Hosts = require "personalize_ffi.hosts"
local C = library.C
V.is_own(debug.getinfo(1, "S").source)

local tonumber = tonumber
local check, fail, name_at, option, put, push = V.check, V.fail, V.name_at, V.option, V.put, V.push
local moment_at, push_answer = V.moment_at, V.push_answer
local take, give, core_of, engine_of, keep_alive = H.take, H.give, H.core_of, H.engine_of, H.keep_alive
local ffi_string = ffi.string
local ERR_TYPE = V.ERR_TYPE
local LIST, MAP = 9, 10
local PAGE_MAX, NUMBER_MAX = 256, 9007199254740991

local new_options, new_query = H.sized "pz_record_options", H.sized "pz_record_query"
local new_write = H.sized "pz_write"
local number_t, numbers_t = ffi.typeof "uint64_t[1]", ffi.typeof "uint64_t[?]"
local value_t = ffi.typeof "pz_value"

local function settings_at(settings)
  local kind = V.type_of(settings)
  if kind ~= "table" then fail(ERR_TYPE, ("the settings are a table, not %s"):format(kind)) end
  return settings
end

local OPTIONS, KEEPING = V.names "anonymous, durability, note and value", V.names "durability and now"
local QUERY = V.names "from, id, limit and subject"

-- {note, value = false, anonymous = true, durability}
local function read_options(settings)
  local options = new_options()
  if settings == nil then return options, nil end
  V.check_known(settings_at(settings), OPTIONS, "setting")
  local value = settings.value
  options.flags = (value == false and 1 or 0) + (settings.anonymous and 2 or 0)
  options.durability = V.durability_of(settings)
  local note = option(settings, "note")
  options.note = note
  return options, note
end

return function(Engine, ask)
  -- {value, reason, rule, confidence, number}
  function Engine.record(self, name, customer, circumstances, account, level, settings)
    name_at(name, "the name")
    local options, note = read_options(settings)
    local number = number_t()
    local s, profile = ask.begin_question(self, customer, circumstances, account, level)
    ask.settle(s, ask.call_in(s, C.pz_decide, s.decision, s.context, profile, name, s.err))
    ask.settle(s, ask.call_in(s, C.pz_record, number, s.context, s.decision[0], options, s.err))
    keep_alive(note)
    local d = s.decided
    C.pz_decision_read(d, s.decision[0])
    return ask.end_question(self, s, {
      value = push_answer(d.value), reason = ffi_string(d.reason), rule = ffi_string(d.rule),
      confidence = d.confidence, impure = ask.is_impure(s), number = tonumber(number[0]),
    })
  end

  -- The record without keeping it.
  function Engine.decision_record(self, name, customer, circumstances, account, level, settings)
    name_at(name, "the name")
    local options, note = read_options(settings)
    local record = value_t()
    local s, profile = ask.begin_question(self, customer, circumstances, account, level)
    ask.settle(s, ask.call_in(s, C.pz_decide, s.decision, s.context, profile, name, s.err))
    ask.settle(s, ask.call_in(s, C.pz_decision_record, record, s.context, s.decision[0], options, s.err))
    keep_alive(note)
    return ask.end_question(self, s, push(record))
  end

  -- The number of each; false for one whose person has been erased.
  function Engine.record_many(self, records, settings)
    core_of(self)
    local write, s = new_write(), take(self)
    if settings ~= nil then
      V.check_known(settings_at(settings), KEEPING, "setting")
      write.now_ms, write.durability = moment_at(s, settings.now), V.durability_of(settings)
    end
    local list = s.input
    list.kind, list.len = 0, 0
    if V.type_of(records) == "table" then put(s, list, records) end
    if list.kind ~= LIST and (list.kind ~= MAP or list.len > 0) then fail(ERR_TYPE, "the records are a list") end
    local count = list.len
    local numbers, items = numbers_t(count + 1), count > 0 and list.as.items or nil
    s.question = Hosts.question(self[4], false)
    check(ask.call_in(s, C.pz_record_many, engine_of(self), items, count, write, numbers, s.err), s.err)
    local told = {}
    for i = 1, count do told[i] = numbers[i - 1] ~= 0 and tonumber(numbers[i - 1]) end
    give(self, s)
    return told
  end

  -- A list of the records, each with its "number".
  function Engine.records(self, settings)
    core_of(self)
    local query, subject, id = new_query(), nil, nil
    local wanted = 0
    if settings ~= nil then
      V.check_known(settings_at(settings), QUERY, "setting")
      query.from = V.number_option(settings, "from", NUMBER_MAX)
      wanted = math.floor(V.number_option(settings, "limit", NUMBER_MAX))
      subject, id = option(settings, "subject"), option(settings, "id")
      query.subject, query.id = subject, id
    end
    if wanted == 0 then wanted = 1 / 0 end
    local s, found = take(self), {}
    local page, is_last = s.value, false
    repeat
      query.limit = math.min(wanted - #found, PAGE_MAX)
      C.pz_pool_reset(s.pool)
      check(C.pz_record_list(engine_of(self), query, s.pool, page, s.err), s.err)
      for i = 0, page.len - 1 do found[#found + 1] = push(page.as.items + i) end
      is_last = page.len < query.limit or #found >= wanted
      if not is_last then query.from = found[#found].number + 1 end
    until is_last
    keep_alive(subject, id)
    give(self, s)
    return found
  end

  -- How many records of decisions before a moment went; nil: what the catalog's retention has passed.
  function Engine.expire_records(self, before)
    core_of(self)
    local s, removed = take(self), number_t()
    check(C.pz_records_expire(engine_of(self), moment_at(s, before), removed, s.err), s.err)
    give(self, s)
    return tonumber(removed[0])
  end
end
