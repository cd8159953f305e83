-- lua.lua: in Lua what peer.c does in C, so that the two can be timed side by side; lua.py runs both.
--
--     lua lua.lua fill CATALOG STORE IDS COUNT    makes COUNT customers, whose ids go into the file IDS
--     lua lua.lua ask CATALOG STORE IDS CALLS     then one word a line on standard input, one answer a line:
--
--     decide     nanoseconds of one decision about a profile that is open, warm
--     resolve    the same of one attribute
--     many       microseconds a customer of decide_many(), as tables
--     jsonl      the same as JSON Lines
--
-- Times are of the processor. The answers are checked before any is timed.
local p = require "personalize"
local what, catalog, store, ids_path, number = arg[1], arg[2], arg[3], arg[4], tonumber(arg[5])
local CIRCUMSTANCES = {country = "DE"}

local function fill(count)
  local engine = p.open(catalog, {store = store, lazy = true})
  local file = assert(io.open(ids_path, "w"))
  for i = 1, count do
    local one = engine:customer("email", i .. "@example.com")
    one:choose("language", "de")
    one:observe {kind = "purchase", source = "bench", id = tostring(i), item = "roses", total = 3.5,
                 time = p.timestamp(os.time() * 1000)}
    file:write(one:id(), "\n")
    one:close()
  end
  file:close()
  engine:close()
end

local function per_call(ask, calls)
  collectgarbage()
  local start = os.clock()
  for _ = 1, calls do ask() end
  return (os.clock() - start) / calls
end

local function answer(calls)
  local engine, ids = p.open(catalog, {store = store, read_only = true}), {}
  for id in io.lines(ids_path) do ids[#ids + 1] = id end
  local one = engine:profile(ids[1])
  local function decide() return engine:decide("home.hero", one, CIRCUMSTANCES) end
  local function resolve() return engine:resolve("language", one, CIRCUMSTANCES) end
  local function many() return engine:decide_many("home.hero", ids, CIRCUMSTANCES) end
  local function jsonl()
    return engine:decide_many("home.hero", ids, CIRCUMSTANCES, nil, nil, {jsonl = true})
  end
  local lines = many()
  assert(decide().value == "hallo" and resolve().value == "de")
  assert(#lines == #ids and lines[#ids].value == "hallo" and select(2, jsonl():gsub("\n", "")) == #ids)
  local asked = {
    decide = function() return per_call(decide, calls) * 1e9 end,
    resolve = function() return per_call(resolve, calls) * 1e9 end,
    many = function() return per_call(many, 1) * 1e6 / #ids end,
    jsonl = function() return per_call(jsonl, 1) * 1e6 / #ids end,
  }
  for word in io.lines() do
    io.write(("%.3f\n"):format(asked[word]()))
    io.flush()
  end
  engine:close()
end

if what == "fill" then fill(number) else answer(number) end
