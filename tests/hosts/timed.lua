-- timed.lua: how long each decision takes inside an nginx worker, by the monotonic clock through
-- LuaJIT's FFI. It stands around Site:decide, which is all that the page with a decision does beyond
-- the page without: the customer found in the store, and decided for.
local ffi = require "ffi"
ffi.cdef [[
  struct pz_test_time { long seconds, nanoseconds; };
  int clock_gettime(int clock, struct pz_test_time *time);
]]
local time = ffi.new("struct pz_test_time")
local function now()
  ffi.C.clock_gettime(1, time)
  return tonumber(time.seconds) * 1e9 + tonumber(time.nanoseconds)
end

local MOST = 200000
local taken, count = {}, 0
local shop = require("site_nginx").shop
local class = getmetatable(shop)
local decide = class.decide

function class.decide(self, id)
  local begun = now()
  local hero, rule = decide(self, id)
  taken[count % MOST + 1] = now() - begun
  count = count + 1
  return hero, rule
end

local M = {}

-- The last 200,000: how many, and the 50th, 90th, 99th and 99.9th percentile in nanoseconds.
function M.tell()
  table.sort(taken)
  local words = {#taken}
  for _, share in ipairs {0.5, 0.9, 0.99, 0.999} do
    words[#words + 1] = ("%.0f"):format(taken[math.max(1, math.ceil(#taken * share))] or 0)
  end
  taken, count = {}, 0
  ngx.say(table.concat(words, " "))
end

return M
