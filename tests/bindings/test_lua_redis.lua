-- The store on Redis from Lua: lua test_lua_redis.lua SHOP ADDRESS; test_lua_redis.py runs the server.
local catalog, address = arg[1], arg[2]
local p, redis = require "personalize", require "personalize_redis"

local function fails(pattern, ...)
  local none, message = p.safe.open(...)
  assert(none == nil and message:find(pattern, 1, true), message)
end
for _, wrong in ipairs {7, "redis", p.null, io.stdout, p.bytes "x", {}, false} do
  fails("module is what", catalog, {store = address, module = wrong})
end
fails("libpersonalize-redis", catalog, {store = address})

local function open() return p.open(catalog, {store = address, module = redis}) end
-- The server may still be reading its files.
local function choose(until_when)
  local engine = open()
  local ok, message = pcall(function()
    local ann = engine:customer("email", "ann@example.com")
    ann:choose("language", "de")
    return ann:id()
  end)
  engine:close()
  if ok then return message end
  assert(os.time() < until_when, message)
  return choose(until_when)
end
local id = choose(os.time() + 30)

local engine = open()
assert(engine:customer("email", "ann@example.com"):id() == id and engine:count() == 1)
assert(engine:decide_for("email", "ann@example.com", "home.hero", {country = "DE"}).value == "hallo")
local lines = engine:decide_many("home.hero", {"ann@example.com", "new@example.com"}, {country = "DE"}, nil, nil,
  {by = "email"})
assert(lines[1].value == "hallo" and lines[2].value == "generic" and lines[2].is_new)
engine:close()
print "a real server: written, found again, decided from"
