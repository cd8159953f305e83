-- value.lua: Lua values as values of the library and back, and how calls fail; for LuaJIT's FFI.
--
-- The rules are those of the C module (value.c): what a table is, what a number is, what is refused.
-- Integers that no Lua number holds, bytes, timestamps and durations are cdata of type pzl_scalar,
-- which print, compare and go back in as the C module's userdata do.
--
-- Values go in by a pointer to where they are to stand: no object is made for each. Tables are read
-- raw.
local ffi = require "ffi"
local library = require "personalize_ffi.library"
local C, words = library.C, library.words

local type, next, rawget, setmetatable, getmetatable = type, next, rawget, setmetatable, getmetatable
local error, floor, ceil, find, tonumber = error, math.floor, math.ceil, string.find, tonumber
local tostring = tostring
local cast, istype, copy, ffi_string = ffi.cast, ffi.istype, ffi.copy, ffi.string
local getinfo = debug.getinfo

-- pz_kind
local NULL, BOOL, INT, UINT, DOUBLE, STRING, BYTES = 0, 1, 2, 3, 4, 5, 6
local TIMESTAMP, DURATION, LIST, MAP = 7, 8, 9, 10
-- pz_status
local ERR_ARG, ERR_PARSE, ERR_TYPE, ERR_LIMIT, ERR_CATALOG = -1, -3, -4, -7, -11
local WHOLE_MAX = 9007199254740991
local TIME_MIN_MS, TIME_MAX_MS = -62135596800000, 253402300799999
local ITEMS_MAX = 4194304
local DEPTH_MAX = 512

local scalar_t = ffi.typeof "pzl_scalar"
local value_t, entry_t, str_t = ffi.typeof "pz_value", ffi.typeof "pz_entry", ffi.typeof "pz_str"
local value_list_t, entry_list_t = ffi.typeof "pz_value[?]", ffi.typeof "pz_entry[?]"
local value_p = ffi.typeof "const pz_value *"
local word_p, void_p = ffi.typeof "const uint64_t *", ffi.typeof "void *"
local int64_t, uint64_t = ffi.typeof "int64_t", ffi.typeof "uint64_t"
local pool_box_t = ffi.typeof "pz_pool *[1]"
local error_t = ffi.typeof "pz_error"

local V = {
  ERR_ARG = ERR_ARG, ERR_PARSE = ERR_PARSE, ERR_TYPE = ERR_TYPE, ERR_LIMIT = ERR_LIMIT,
  ERR_EVAL = -17, ERR_DOMAIN = -5, ERR_IO = -14, ERR_UNSUPPORTED = -19, ERR_STATE = -18, ERR_NOT_FOUND = -6, ERR_TEST = -20, ERR_CATALOG = ERR_CATALOG, ERR_NOMEM = -2, ERR_BUSY = -16,
  DURABILITIES = {durable = 1, grouped = 2, lazy = 3},
}

-- The null of the C module, which is cjson.null and ngx.null too: a light userdata. LuaJIT's string
-- buffers can make one; where there are none it is a pointer of the FFI, which equals them.
local null
do
  local has_buffers, buffer = pcall(require, "string.buffer")
  local ok, found = pcall(function() return buffer.decode "\3" end)
  null = has_buffers and ok and type(found) == "userdata" and found or rawget(_G, "ngx") and ngx.null -- luacheck: ignore
    or cast(void_p, nil)
end
V.null = null

-- ---- failing ----

local failure = {status = ERR_ARG, line = 0, column = 0, message = false}
V.failure = failure

-- The sources of this package: an error is placed at whoever called it.
local own = {}
function V.is_own(source) own[source] = true end
V.is_own(getinfo(1, "S").source)

local function caller()
  for level = 2, 40 do
    local info = getinfo(level, "Sl")
    if not info then return "" end
    if not own[info.source] then
      return info.currentline > 0 and ("%s:%d: "):format(info.short_src, info.currentline) or ""
    end
  end
  return ""
end

local function fail_at(status, line, column, message)
  failure.status, failure.line, failure.column = status, line, column
  local place = ""
  if line ~= 0 and status ~= ERR_CATALOG then place = ("%d:%d: "):format(line, column) end
  failure.message = caller() .. place .. message
  error(failure.message, 0)
end

-- Raise any value as it is; the safe forms tell `status` unless it is an error of this package's own.
function V.raise(value, status)
  if type(value) ~= "string" or value ~= failure.message then
    failure.status, failure.line, failure.column = status, 0, 0
  end
  error(value, 0)
end

local function fail(status, message) fail_at(status, 0, 0, message) end
V.fail = fail

-- Raise what `status` and `err` say. The message is read first, before anything is made in Lua.
local function refuse(status, err)
  if err == nil or err.message[0] == 0 then return fail(status, ffi_string(C.pz_status_text(status))) end
  local line, column = err.line, err.column
  local message = ffi_string(err.message)
  err.message[0], err.line, err.column = 0, 0, 0
  fail_at(status, line, column, message)
end
V.refuse = refuse

local function check(status, err)
  if status ~= 0 then refuse(status, err) end
end
V.check = check

-- "bad argument #2 to 'decide' (table expected, got number)", as luaL_argerror() says it.
local function bad_argument(number, message)
  local name, is_method
  for level = 2, 40 do
    local info = getinfo(level, "Sn")
    if not info or not own[info.source] then break end
    name, is_method = info.name, info.namewhat == "method"
  end
  failure.status, failure.line, failure.column = ERR_ARG, 0, 0
  local text = ("bad argument #%d to '%s' (%s)"):format(number - (is_method and 1 or 0), name or "?", message)
  error(caller() .. text, 0)
end
V.bad_argument = bad_argument

-- Whether a table is one of this package's handles. Those and scalars are userdata to whoever asks.
local is_handle

local function type_of(value)
  local kind = type(value)
  if kind == "cdata" and istype(scalar_t, value) or kind == "table" and is_handle(value) then return "userdata" end
  return kind
end
V.type_of = type_of

local function expected(number, what, value)
  bad_argument(number, ("%s expected, got %s"):format(what, type_of(value)))
end
V.expected = expected

-- As luaL_checktype() for tables.
function V.table_at(number, value)
  if type(value) ~= "table" or is_handle(value) then expected(number, "table", value) end
  return value
end

local function name_at(value, what)
  if type(value) ~= "string" then fail(ERR_TYPE, ("%s is a string, not %s"):format(what, type_of(value))) end
  if find(value, "\0", 1, true) then fail(ERR_ARG, what .. " holds no NUL") end
  return value
end
V.name_at = name_at

-- Names such as "a, b and c" as a set, for check_known().
function V.names(listed)
  local set = {listed = listed}
  for name in listed:gsub(" and ", ", "):gmatch "[^, ]+" do set[name] = true end
  return set
end

-- A misspelt name is told, not passed over: consent without its end would hold for ever. `what` is
-- "setting", `of` nothing or " of a write".
function V.check_known(t, known, what, of)
  local least -- of those unknown: a table has no order
  for name in next, t do
    name_at(name, "the name of a " .. what)
    if known[name] ~= true and (not least or name < least) then least = name end
  end
  if not least then return end
  local verb = known.listed:find(" ", 1, true) and "are" or "is"
  fail(ERR_ARG, ("there is no %s '%s'%s; there %s %s"):format(what, least, of or "", verb, known.listed))
end

-- "durable", "grouped" or "lazy" of a table of settings; nil: as the engine was opened.
function V.durability_of(settings)
  local name = V.option(settings, "durability")
  if name and not V.DURABILITIES[name] then fail(ERR_ARG, "durability is durable, grouped or lazy") end
  return name and V.DURABILITIES[name] or 0
end

-- The member of a table of settings: a name, or nil.
function V.option(settings, name)
  local value = settings[name]
  if value == nil then return nil end
  return name_at(value, name)
end

-- As luaL_checklstring(): a string, or a number as one.
function V.text_at(number, value)
  if type(value) == "string" then return value end
  if type(value) == "number" then return tostring(value) end
  return expected(number, "string", value)
end

-- As luaL_checknumber().
function V.number_at(number, value)
  local n = type(value) == "number" and value or type(value) == "string" and tonumber(value)
  if not n then return expected(number, "number", value) end
  return n
end

-- As luaL_checkoption(): the place of a name in a list.
function V.choice_at(number, value, names)
  value = V.text_at(number, value)
  if not names[value] then bad_argument(number, ("invalid option '%s'"):format(value:match "^%Z*")) end
  return names[value]
end

-- The number that a table has under `name`, from 0 to `max`; 0 for nil.
function V.number_option(settings, name, max)
  local value = settings[name]
  if value == nil then return 0 end
  local number = tonumber(type_of(value) ~= "userdata" and value or nil)
  if not number then fail(ERR_TYPE, ("%s is a number, not %s"):format(name, type_of(value))) end
  if not (number >= 0 and number <= max) then fail(ERR_ARG, name .. " is out of range") end
  return number
end

-- How far printed JSON is indented.
function V.indent_at(indent)
  if indent == nil then return 0 end
  indent = V.number_at(2, indent)
  indent = indent < 0 and ceil(indent) or floor(indent)
  if not (indent >= 0 and indent <= 16) then bad_argument(2, "indent by 0 to 16 spaces") end
  return indent
end

local function new_error()
  local err = error_t()
  err.size = ffi.sizeof(error_t)
  return err
end
V.new_error = new_error

-- ---- by words ----

local function pool_copy(pool, out, v)
  if not words then return C.pz_pool_copy(pool, out, cast(value_p, v)[0]) end
  local w = cast(word_p, v)
  return C.pzl_pool_copy(pool, out, w[0], w[1])
end
V.pool_copy = pool_copy

local function entries_of(v)
  if not words then return C.pz_value_entries(cast(value_p, v)[0]) end
  local w = cast(word_p, v)
  return C.pzl_value_entries(w[0], w[1])
end

V.entries_of = entries_of

-- ---- values out ----

local ARRAY, MARKED_MAP = {}, {}

-- A scalar that owns its octets.
local function new_scalar(v)
  if v.kind ~= BYTES then
    local made = scalar_t(0)
    copy(made.value, v, 16)
    return made
  end
  local made = scalar_t(v.len)
  copy(made.value, v, 16)
  if v.len > 0 then copy(made.octets, v.as.text, v.len) end
  made.value.as.text = made.octets
  return made
end

local push

local function push_list(v)
  local items, list = v.as.items, setmetatable({}, ARRAY)
  for i = 1, v.len do list[i] = push(items + (i - 1)) end
  return list
end

local function push_map(v)
  local entries, map, is_plain = entries_of(v), {}, true
  for i = 0, v.len - 1 do
    local entry = entries + i
    if entry.key.kind ~= STRING then is_plain = false end
    map[push(entry.key)] = push(entry.value)
  end
  return is_plain and map or setmetatable(map, MARKED_MAP)
end

-- The Lua value of a pz_value. Whoever owns it has to stay as it is meanwhile.
function push(v)
  local kind = v.kind
  if kind == STRING then return v.len > 0 and ffi_string(v.as.text, v.len) or "" end
  if kind == NULL then return null end
  if kind == BOOL then return v.as.b end
  if kind == DOUBLE then return v.as.d end
  if kind == LIST then return push_list(v) end
  if kind == MAP then return push_map(v) end
  if kind == INT and v.as.i >= -WHOLE_MAX and v.as.i <= WHOLE_MAX
    or kind == UINT and v.as.u <= WHOLE_MAX then
    return tonumber(v.as.i)
  end
  return new_scalar(v)
end
V.push = push

-- At the top null is nil.
function V.push_answer(v)
  if v.kind == 0 then return nil end
  return push(v)
end

-- ---- values in ----

local function is_whole(n) return n >= -WHOLE_MAX and n <= WHOLE_MAX and n == floor(n) end

local put

-- Whether a table is a list, and how many entries it has.
local function shape_of(t)
  local mark = getmetatable(t)
  local is_array, is_map = mark == ARRAY, mark == MARKED_MAP
  local count, texts, places, greatest = 0, 0, 0, 0
  for key in next, t do
    count = count + 1
    local kind = type(key)
    if kind == "string" then
      texts = texts + 1
    elseif kind == "number" and key > 0 and is_whole(key) then
      places = places + 1
      if key > greatest then greatest = key end
    end
  end
  if count > ITEMS_MAX then fail(ERR_LIMIT, "the table has too many entries") end
  if is_map then return false, count end
  local is_list = is_array or places > 0
  if is_list and (places ~= count or greatest ~= places) then
    fail(ERR_TYPE, "a list has the keys 1 to n without a hole (use personalize.null); a map with numbers " ..
      "for keys is marked by personalize.map()")
  end
  if not is_list and texts ~= count then
    fail(ERR_TYPE, "the keys of a map are strings; one with other keys is marked by personalize.map()")
  end
  return is_list, count
end

local function put_table(s, out, t, depth)
  if depth >= DEPTH_MAX then fail(ERR_LIMIT, "the table is nested too deep, or holds itself") end
  if is_handle(t) then fail(ERR_TYPE, "this userdata is no value") end
  local is_list, count = shape_of(t)
  if is_list then
    local items = value_list_t(count + 1)
    for i = 1, count do put(s, items + (i - 1), rawget(t, i), depth + 1) end
    check(C.pz_pool_list(s.pool, out, items, count), nil)
    return
  end
  local entries, i = entry_list_t(count + 1), 0
  for key, value in next, t do
    if i == count then break end
    local entry = entries + i
    put(s, entry.key, key, depth + 1)
    put(s, entry.value, value, depth + 1)
    i = i + 1
  end
  check(C.pz_pool_map_sorted(s.pool, out, entries, i), nil)
end

local function put_other(s, out, v, kind)
  if kind == "cdata" and istype(scalar_t, v) then return check(pool_copy(s.pool, out, v.value), nil) end
  if kind == "cdata" and istype(int64_t, v) then
    out.kind, out.len, out.as.i = INT, 0, v
  elseif kind == "cdata" and istype(uint64_t, v) then
    out.kind, out.len, out.as.u = UINT, 0, v
  elseif kind == "userdata" and v ~= null then
    fail(ERR_TYPE, "this userdata is no value")
  elseif kind == "userdata" or kind == "cdata" and istype(void_p, v) and v == nil then
    out.kind, out.len, out.as.i = NULL, 0, 0
  else
    fail(ERR_TYPE, ("a %s is no value"):format(kind))
  end
end

-- Put the Lua value `v` where `out` points, with what it holds in the session's pool.
function put(s, out, v, depth)
  local items = s.items + 1
  s.items = items
  if items > ITEMS_MAX then fail(ERR_LIMIT, "the table unfolds into too many items") end
  local kind = type(v)
  if kind == "string" then
    local status = C.pz_pool_string(s.pool, out, v, #v)
    if status == ERR_PARSE then
      fail(ERR_PARSE, "the string is not valid UTF-8; octets go in as personalize.bytes()")
    end
    check(status, nil)
  elseif kind == "number" then
    out.len = 0
    if is_whole(v) then
      out.kind, out.as.i = INT, v
    else
      out.kind, out.as.d = DOUBLE, v
    end
  elseif kind == "boolean" then
    out.kind, out.len, out.as.i = BOOL, 0, v and 1 or 0
  elseif kind == "nil" then
    out.kind, out.len, out.as.i = NULL, 0, 0
  elseif kind == "table" then
    put_table(s, out, v, depth)
  else
    put_other(s, out, v, kind)
  end
end

function V.put(s, out, v)
  put(s, out, v, 0)
  return out
end

-- ---- pools of their own ----

local free_pool -- one that nobody uses

local function take_pool()
  local s = free_pool
  free_pool = nil
  if s then
    C.pz_pool_reset(s.pool)
    s.items = 0
    return s
  end
  local out = pool_box_t()
  check(C.pz_pool_new(out, nil), nil)
  return {
    pool = ffi.gc(out[0], C.pz_pool_free), err = new_error(), items = 0, text = str_t(),
    input = value_t(), value = value_t(), entry = entry_t(), question = false,
  }
end
V.take_pool = take_pool

local function give_pool(s)
  s.question = false
  free_pool = s
end
V.give_pool = give_pool

-- Evaluate `expression` with `v` as its variable t, into out.
local function evaluate(s, out, v, expression)
  local entry = s.entry
  entry.key.kind, entry.key.len, entry.key.as.text = STRING, 1, "t"
  put(s, entry.value, v, 0)
  check(C.pz_pool_map(s.pool, s.input, entry, 1), nil)
  local status = C.pz_eval(out, s.pool, expression, #expression, s.input, s.err)
  if status ~= 0 then
    s.err.line, s.err.column = 0, 0
    refuse(ERR_TYPE, s.err)
  end
end

local function milliseconds_of(v)
  return tonumber(v.as.i) * 1000 + floor(v.len / 1000000)
end

-- A moment: RFC 3339 text, a timestamp, or milliseconds since 1970. nil is 0, the default.
function V.moment_at(s, moment)
  if moment == nil and type(moment) == "nil" then return 0 end
  local kind, ms = type(moment), nil
  if kind == "string" then
    evaluate(s, s.value, moment, "timestamp(t)")
    if s.value.kind == TIMESTAMP then ms = milliseconds_of(s.value) end
  elseif kind == "cdata" and istype(scalar_t, moment) and moment.value.kind == TIMESTAMP then
    ms = milliseconds_of(moment.value)
  elseif kind == "number" and is_whole(moment) then
    ms = moment
  end
  if not ms then
    fail(ERR_TYPE, "a moment is RFC 3339 text, a timestamp, or whole milliseconds since 1970")
  end
  if ms == 0 then
    fail(ERR_ARG, "the moment 1970-01-01T00:00:00Z cannot be given; it stands for the default")
  end
  return ms
end

-- ---- scalars ----

local function scalar_at(v)
  if not istype(scalar_t, v) then fail(ERR_TYPE, "a scalar made by personalize is expected") end
  return v.value
end

local function compare(a, b)
  local x, y = cast(word_p, scalar_at(a)), cast(word_p, scalar_at(b))
  if words then return C.pzl_value_compare(x[0], x[1], y[0], y[1]) end
  return C.pz_value_compare(a.value, b.value)
end

local methods = {}

function methods.kind(self) return ffi_string(C.pz_kind_name(scalar_at(self).kind)) end

-- Whole milliseconds, rounded down: of a timestamp since 1970, of a duration its length.
function methods.milliseconds(self)
  local value = scalar_at(self)
  if value.kind == TIMESTAMP then return milliseconds_of(value) end
  if value.kind ~= DURATION then fail(ERR_TYPE, "only timestamps and durations have milliseconds") end
  return floor(tonumber(value.as.i / 1000000 - (value.as.i % 1000000 < 0 and 1 or 0)))
end

ffi.metatype(scalar_t, {
  __index = methods,
  __tostring = function(self)
    local value = self.value
    if value.kind == BYTES then return ffi_string(value.as.text, value.len) end
    local d = value.kind == DOUBLE and value.as.d or 0
    if d - d ~= 0 then return d > 0 and "Infinity" or d < 0 and "-Infinity" or "NaN" end -- as string() in rules
    local s = take_pool()
    check(C.pz_value_print(s.pool, s.text, value, 0), nil)
    local text = ffi_string(s.text.data, s.text.len)
    give_pool(s)
    return text:match '^"(.*)"$' or text
  end,
  __eq = function(a, b)
    if not (istype(scalar_t, a) and istype(scalar_t, b)) then return false end
    local x, y = cast(word_p, a.value), cast(word_p, b.value)
    if words then return (C.pzl_value_equal(x[0], x[1], y[0], y[1])) end
    return (C.pz_value_equal(a.value, b.value))
  end,
  __lt = function(a, b) return compare(a, b) < 0 end,
  __le = function(a, b) return compare(a, b) <= 0 end,
})

-- ---- constructors ----

local new = {}
V.new = new

function new.bytes(text)
  text = V.text_at(1, text)
  local made = scalar_t(#text)
  made.value.kind, made.value.len, made.value.as.text = BYTES, #text, made.octets
  copy(made.octets, text, #text)
  return made
end

local function new_by(v, expression)
  local s = take_pool()
  evaluate(s, s.value, v, expression)
  local made = new_scalar(s.value)
  give_pool(s)
  return made
end

function new.int(v) return new_by(v, "int(t)") end
function new.uint(v) return new_by(v, "uint(t)") end
function new.double(v) return new_by(v, "double(t)") end
function new.duration(v) return new_by(v, "duration(t)") end

function new.timestamp(v)
  if type(v) ~= "number" then return new_by(v, "timestamp(t)") end
  if not is_whole(v) then fail(ERR_TYPE, "a timestamp is RFC 3339 text or whole milliseconds") end
  if v < TIME_MIN_MS or v > TIME_MAX_MS then fail(ERR_TYPE, "a timestamp lies in the years 1 to 9999") end
  local made, seconds = scalar_t(0), floor(v / 1000)
  made.value.kind, made.value.as.i, made.value.len = TIMESTAMP, seconds, (v - seconds * 1000) * 1000000
  return made
end

local function mark(t, metatable)
  if t == nil and type(t) == "nil" then t = {} end
  V.table_at(1, t)
  local old = getmetatable(t)
  if old ~= nil and old ~= ARRAY and old ~= MARKED_MAP then
    fail(ERR_ARG, "the table has a metatable of its own")
  end
  return setmetatable(t, metatable)
end

function new.array(t) return mark(t, ARRAY) end
function new.map(t) return mark(t, MARKED_MAP) end

function V.new_time(ms) return new.timestamp(ms) end

-- Hand in the test for handles, which lies further up.
function V.set_handles(test) is_handle = test end

V.text_of = function(s)
  local text = s.text
  return text.len > 0 and ffi_string(text.data, text.len) or ""
end

return V
