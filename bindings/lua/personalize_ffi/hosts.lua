-- hosts.lua: functions written in Lua that C calls back, by rules and to take decision records; for
-- LuaJIT's FFI. What they are and when they may be called is told in hosts.c, whose face this is.
--
-- LuaJIT has few callbacks, so there is one for all functions and one for each half of a sink, made when
-- first wanted and kept as long as the Lua state. The payload is a number: which hosts, and which function
-- of theirs. A callback may be entered from the interpreter only: ask(), which calls C for everybody that
-- has functions, is never compiled, and who has none does not come by here.
--
-- A question is a table; the one that C is answering right now is `asking`. What a function raises is kept in
-- the question and raised by ask() when C has returned, so nothing is ever raised through C. A callback
-- therefore does nothing before it is protected, ask() makes sure of room on the stack for the way there, and a
-- hook, which could raise at any step, is in force only while a function runs. (One that C set stays.)
local ffi = require "ffi"
local V = require "personalize_ffi.value"
local H = require "personalize_ffi.handle"
local library = require "personalize_ffi.library"
V.is_own(debug.getinfo(1, "S").source)

local type, next, rawget, pcall, xpcall, tonumber, tostring = type, next, rawget, pcall, xpcall, tonumber, tostring
local error, loadstring, gethook, sethook = error, loadstring, debug.gethook, debug.sethook
local ipairs, unpack = ipairs, unpack -- luacheck: ignore
local cast, ffi_string, concat = ffi.cast, ffi.string, table.concat
local fail, name_at, type_of, push, push_answer, put = V.fail, V.name_at, V.type_of, V.push, V.push_answer, V.put
local ERR_TYPE, ERR_LIMIT, ERR_EVAL, ERR_NOMEM, ERR_IO = V.ERR_TYPE, V.ERR_LIMIT, V.ERR_EVAL, V.ERR_NOMEM, V.ERR_IO
local BOOL, INT, UINT, DOUBLE, STRING, BYTES, LIST, MAP = 1, 2, 3, 4, 5, 6, 9, 10

-- Questions that functions may ask inside of questions, one in another.
local DEPTH_MAX = 16
local FUNCTIONS_MAX = 1024
-- Payloads of one hosts are this far from those of the next.
local STRIDE = 2048
-- Does nothing, and fails where the stack has no room for its variables: more than the way from ask() into a
-- protected call takes.
local want_room = loadstring("if ... then local _" .. (",_"):rep(180) .. " end", "=personalize")
jit.off(want_room)

local uintptr_t, void_p, char_p = ffi.typeof "uintptr_t", ffi.typeof "void *", ffi.typeof "const char *"
local word_p, value_t = ffi.typeof "uint64_t *", ffi.typeof "pz_value"
local functions_t = ffi.typeof "pz_function[?]"
-- A struct of two words comes as two words: LuaJIT's callbacks take none by value.
local by_words_t = ffi.typeof "pz_status (*)(void *, uint64_t, uint64_t)"
local new_sink = H.sized "pz_record_sink"

local asking = false
local M = {}

-- ---- what tells two calls apart ----

local function add_key(key, v)
  local kind, len = v.kind, v.len
  if kind == STRING or kind == BYTES then
    key[#key + 1] = ("%d:%d:"):format(kind, len) .. (len > 0 and ffi_string(v.as.text, len) or "")
  elseif kind == LIST then
    key[#key + 1] = ("%d:%d:"):format(kind, len)
    for i = 0, len - 1 do add_key(key, v.as.items + i) end
  elseif kind == MAP then
    key[#key + 1] = ("%d:%d:"):format(kind, len)
    local entries = V.entries_of(v)
    for i = 0, len - 1 do
      add_key(key, entries[i].key)
      add_key(key, entries[i].value)
    end
  elseif kind == BOOL then
    key[#key + 1] = v.as.b and "t" or "f"
  else
    key[#key + 1] = kind .. ":" .. ffi_string(cast(char_p, v), 16)
  end
end

-- ---- called by C ----

-- Take away the hook that Lua code has set; it is kept in the question.
local function unhook(question)
  local hook, mask, count = gethook()
  question.hook = type(hook) == "function" and hook or false
  question.mask, question.steps = mask, count
  if question.hook then sethook() end
end

local function rehook(question)
  if question.hook then sethook(question.hook, question.mask, question.steps) end
end

local function call_once(question, declared, args, count)
  local key
  if question.seen then
    key = {tostring(declared.at)}
    for i = 0, count - 1 do add_key(key, args + i) end
    key = concat(key)
    local found = question.seen[key]
    if found then return found[1] end
  end
  local given = {}
  for i = 1, count do given[i] = push_answer(args[i - 1]) end
  local result = declared.call(unpack(given, 1, count))
  if key then question.seen[key] = {result} end
  return result
end

-- The question that C is answering, unless it is over or not that of the hosts with this payload.
local function question_of(payload)
  local question, number = asking, tonumber(cast(uintptr_t, payload))
  if not question or question.is_failed then return nil end
  local first = question.hosts.payload
  return number >= first and number < first + STRIDE and question or nil
end

local function answer(payload, pool, args, count, out)
  local question = question_of(payload)
  if not question then return ERR_EVAL end
  count = tonumber(count)
  local declared = question.hosts.functions[tonumber(cast(uintptr_t, payload)) - question.hosts.payload]
  put({pool = pool, items = 0}, out, call_once(question, declared, args, count))
  if out.kind ~= INT then return 0 end
  if declared.result == "double" then
    out.as.d = tonumber(out.as.i)
    out.kind = DOUBLE
  elseif declared.result == "uint" and out.as.i >= 0 then
    out.kind = UINT
  end
  return 0
end

local function take(payload, first, second)
  local question = question_of(payload)
  if not question then return ERR_IO end
  local record = value_t()
  local words = cast(word_p, record)
  words[0], words[1] = first, second
  question.hosts.take(push(record))
  return 0
end

local function erase(payload, text, len)
  local question = question_of(payload)
  if not question then return ERR_IO end
  len = tonumber(len)
  question.hosts.erase(len > 0 and ffi_string(cast(char_p, cast(uintptr_t, text)), len) or "")
  return 0
end

local function end_hooked(status)
  if asking then unhook(asking) end
  return status
end

-- Call under the hook, which a function may also change. Runs protected.
local function call_hooked(half, ...)
  if asking then rehook(asking) end
  return end_hooked(half(...))
end
jit.off(end_hooked)
jit.off(call_hooked)

-- Handles what is raised where it is raised: there a hook that raises is not called again.
local function on_raised(raised)
  if asking then unhook(asking) end
  return raised
end

-- `raised` is what was raised, or the status.
local function settled(ok, raised, status)
  if ok then return raised end
  local question = asking
  if not question then return status end
  question.is_failed, question.raised = true, raised
  question.status = type(raised) == "string" and raised == "not enough memory" and ERR_NOMEM or status
  return question.status
end

local function on_function(payload, pool, args, count, out)
  local ok, raised = xpcall(call_hooked, on_raised, answer, payload, pool, args, count, out)
  return settled(ok, raised, ERR_EVAL)
end

local function on_sink(half)
  return function(payload, first, second)
    local ok, raised = xpcall(call_hooked, on_raised, half, payload, first, second)
    return settled(ok, raised, ERR_IO)
  end
end

local callbacks

local function made_callbacks()
  callbacks = callbacks or {
    call = cast("pz_function_fn", on_function), take = cast(by_words_t, on_sink(take)),
    erase = cast(by_words_t, on_sink(erase)),
  }
  return callbacks
end

-- ---- asking ----

-- A new question to somebody who has `hosts`; false without. `is_remembered`: equal calls are made once.
function M.question(hosts, is_remembered)
  if not hosts then return false end
  local depth = asking and asking.depth + 1 or 1
  if depth > DEPTH_MAX then fail(ERR_LIMIT, "functions that ask rules that call functions, 16 deep") end
  return {
    hosts = hosts, seen = is_remembered and {} or false, depth = depth, is_failed = false, raised = false, status = 0,
    hook = false, mask = "", steps = 0,
  }
end

-- Mark what C uses, which is then nobody else's to use.
local function hold(s, step)
  if s.profile then s.profile.asked = s.profile.asked + step end
  if s.account then s.account.asked = s.account.asked + step end
  local boxes = s.anchors and s.anchors.boxes
  for _, box in ipairs(boxes or {}) do
    if box then box.asked = box.asked + step end
  end
end

-- Call C for the question s.question. What a function raised meanwhile is raised here, and the profiles
-- of the question are let go.
function M.ask(s, call, ...)
  local question, outer = s.question, asking
  local hosts = question.hosts
  want_room()
  unhook(question)
  hold(s, 1)
  hosts.asked, asking = hosts.asked + 1, question
  local ok, status = pcall(call, ...)
  hosts.asked, asking = hosts.asked - 1, outer
  hold(s, -1)
  if not ok or question.is_failed then H.release_all(s) end
  rehook(question)
  if question.is_failed then return V.raise(question.raised, question.status == ERR_NOMEM and ERR_NOMEM or ERR_EVAL) end
  if not ok then error(status, 0) end
  return status
end
jit.off(M.ask)

-- ---- declarations ----

local function fail_declared(name)
  fail(ERR_TYPE, ('the function \'%s\' is given as {function, {"int", ...}, "bool"} or ' ..
    '{function, "(int, ...) -> bool"}'):format(name))
end

local function signature_of(one, name)
  local params, result = rawget(one, 2), rawget(one, 3)
  if type_of(params) == "table" then
    if type(result) ~= "string" then fail_declared(name) end
    local types = {}
    for i = 1, #params do
      types[i] = rawget(params, i)
      if type(types[i]) ~= "string" then fail_declared(name) end
    end
    return "(" .. concat(types, ", ") .. ") -> " .. result
  end
  if type(params) ~= "string" or type(result) ~= "nil" then fail_declared(name) end
  return params
end

local function read_one(list, name, one)
  if type_of(one) ~= "table" or type(rawget(one, 1)) ~= "function" or type(rawget(one, 4)) ~= "nil" then
    fail_declared(name)
  end
  local signature = name_at(signature_of(one, name), "a signature")
  local at = #list + 1
  if at > FUNCTIONS_MAX then fail(ERR_LIMIT, "there are at most 1024 functions of the host") end
  list[at] = {
    at = at, name = name, call = rawget(one, 1), signature = signature, result = signature:match "%-> *(%a+)$",
  }
end

local function read_functions(functions)
  local list = {}
  if type(functions) == "nil" then return list end
  if type_of(functions) ~= "table" then
    fail(ERR_TYPE, ("functions are a table by name, not %s"):format(type_of(functions)))
  end
  for name, given in next, functions do
    name_at(name, "the name of a function")
    local first = type_of(given) == "table" and rawget(given, 1)
    local count = first and type_of(first) == "table" and #given or 0
    for i = 1, count do read_one(list, name, rawget(given, i)) end
    if count == 0 then read_one(list, name, given) end
  end
  return list
end

local SINK = V.names "erase and take"
local SINK_SHAPE = "records is {take = function(record), erase = function(id)}"

local function read_sink(hosts, sink)
  if type(sink) == "nil" then return nil end
  if type_of(sink) ~= "table" then fail(ERR_TYPE, SINK_SHAPE) end
  V.check_known(sink, SINK, "setting", " of records")
  hosts.take, hosts.erase = rawget(sink, "take"), rawget(sink, "erase")
  if type(hosts.take) ~= "function" or type(hosts.erase) ~= "function" then fail(ERR_TYPE, SINK_SHAPE) end
  if not library.words then fail(V.ERR_UNSUPPORTED, "this machine's calls give no records to LuaJIT") end
  local made = made_callbacks()
  hosts.sink = new_sink()
  hosts.sink.payload = cast(void_p, hosts.payload)
  hosts.sink.take = cast("pz_status (*)(void *, pz_value)", cast(void_p, made.take))
  hosts.sink.erase = cast("pz_status (*)(void *, pz_str)", cast(void_p, made.erase))
  return hosts.sink
end

local hosts_count = 0

-- The functions and the sink that settings declare, for C in `options`; nil: none. What it gives has to
-- live as long as what C makes with the options.
function M.read(settings, options, has_sink)
  local list = read_functions(settings.functions)
  hosts_count = hosts_count + 1
  local hosts = {functions = list, payload = hosts_count * STRIDE, asked = 0}
  local sink = has_sink and read_sink(hosts, settings.records) or nil
  if #list == 0 and not sink then return nil end
  local sorted = {}
  for i, one in ipairs(list) do sorted[i] = one end
  table.sort(sorted, function(a, b)
    if a.name ~= b.name then return a.name < b.name end
    return a.at < b.at
  end)
  local made = functions_t(#list + 1)
  for i, one in ipairs(sorted) do
    made[i - 1].name, made[i - 1].signature = one.name, one.signature
    made[i - 1].call, made[i - 1].payload = made_callbacks().call, cast(void_p, hosts.payload + one.at)
  end
  hosts.made = made
  options.functions, options.function_count = made, #list
  if sink then options.records = sink end
  return hosts
end

return M
