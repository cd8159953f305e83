-- Replays tests/data/cases with the Lua binding: lua golden.lua CASES_DIR
-- See golden.py, which also says how the bytes were recorded.
local personalize = require "personalize"

local folder = arg[1]
local count, failed = 0, 0

local function hex(octets)
  return (octets:gsub(".", function(c) return string.format("%02x", c:byte()) end))
end

local base64_digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
local function base64(octets)
  local bits = octets:gsub(".", function(c)
    local n, s = c:byte(), ""
    for i = 7, 0, -1 do s = s .. math.floor(n / 2 ^ i) % 2 end
    return s
  end)
  local text = (bits .. ("0"):rep(-#bits % 6)):gsub("%d%d%d%d%d%d", function(six)
    local n = tonumber(six, 2) + 1
    return base64_digits:sub(n, n)
  end)
  return text .. ("="):rep(-#text % 4)
end

-- Userdata of the C module, cdata of the package for LuaJIT's FFI.
local function is_scalar(value)
  return (type(value) == "userdata" or type(value) == "cdata") and value ~= personalize.null
end

-- Kinds that JSON has not, as the text that it would print.
local function plain(value)
  if not is_scalar(value) then return value end
  local text = tostring(value)
  return value:kind() == "bytes" and base64(text) or text
end

local function equal(a, b)
  if a == nil then a = personalize.null end
  if b == nil then b = personalize.null end
  if is_scalar(a) and is_scalar(b) then return tostring(a) == tostring(b) end
  if type(a) ~= "table" or type(b) ~= "table" then return a == b end
  for k, v in pairs(a) do if not equal(v, b[k]) then return false end end
  for k in pairs(b) do if a[k] == nil then return false end end
  return true
end

local function show(value)
  local ok, text = pcall(personalize.print, value)
  return ok and text or tostring(value)
end

local function check(case, where, name, expected, got)
  if equal(expected, got) then return true end
  print(("%s: %s %s: expected %s, got %s"):format(case.id, where, name, show(expected), show(got)))
  return false
end

local function profile(engine, id, operations, writer, subject)
  local made = engine:detached(id, subject)
  for _, operation in ipairs(operations) do made:apply(operation, {writer = writer}) end
  return made
end

local function ask(engine, question, me, context, account)
  if question.decide then
    local d = engine:explain(question.decide, me, context, account)
    local short = engine:decide(question.decide, me, context, account)
    assert(equal(short.value, d.value) and short.reason == d.reason and short.rule == d.rule)
    return {value = d.value, reason = d.reason, rule = d.rule, confidence = d.confidence,
            text = plain(d.value), id = d.id, bytes = hex(d.bytes)}
  elseif question.resolve then
    local r = engine:resolve(question.resolve, me, context, account)
    if not r.is_resolved then r.unresolved = true end
    return r
  elseif question.inspect then
    local layers = engine:inspect(question.inspect, me, context, account)
    for i, layer in ipairs(layers) do
      layers[i] = {tier = layer.tier, value = layer.value, why = layer.why}
    end
    return {layers = layers}
  end
  return {names = engine:segments(me, context, account)}
end

local function replay(case)
  local engine = personalize.open(folder .. "/catalogs/" .. case.catalog .. ".json")
  local me = profile(engine, "me", case.profile, case.writer, "person")
  local account = case.account and profile(engine, "account", case.account, case.writer, "account")
  local ok = true
  for i, question in ipairs(case.ask) do
    local answer = ask(engine, question, me, case.context, account)
    for name, expected in pairs(case.expect[i]) do
      ok = check(case, i, name, expected, answer[name]) and ok
    end
  end
  local bytes = me:bytes()
  ok = check(case, "profile", "bytes", case.profile_bytes, hex(bytes)) and ok
  ok = check(case, "profile", "decoded", hex(bytes), hex(engine:decode(bytes):bytes())) and ok
  engine:close()
  return ok
end

for _, name in ipairs {"kinds.jsonl", "shop.jsonl"} do
  for line in assert(io.open(folder .. "/" .. name, "rb")):lines() do
    count = count + 1
    if not replay(personalize.parse(line)) then failed = failed + 1 end
  end
end
print(("%s: %d cases, %d failed"):format(_VERSION, count, failed))
os.exit(failed == 0 and count > 0 and 0 or 1, true)
