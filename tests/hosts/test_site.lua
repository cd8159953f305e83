-- What the site does at moments that no test of a server can choose.
--     lua test_site.lua SOURCE_DIR MODULE_DIR SCRATCH
local source, modules, scratch = arg[1], arg[2], arg[3]
package.path = source .. "/examples/site/?.lua;" .. package.path
package.cpath = modules .. "/?.so;" .. package.cpath

local safe = require("personalize").safe
local catalog = scratch .. "/shop.json"

local function write(path, text)
  local file = assert(io.open(path, "wb"))
  assert(file:write(text) and file:close())
end

local function read(path)
  local file = assert(io.open(path, "rb"))
  local text = file:read("*a")
  file:close()
  return text
end

local good = read(source .. "/examples/site/shop.json")
local failing, count = good:gsub('"default": "everything"', '"default": "untested"')
assert(count == 1)
local shop = require("site").new{catalog = catalog, state = scratch}
local second = 1000000000

local function hero()
  second = second + 1
  local status, _, page = shop:answer{method = "GET", path = "/", second = second}
  assert(status == 200)
  return page:match('data%-hero="([^"]*)"')
end

write(catalog, good)
assert(hero() == "everything")

-- A catalog whose own tests fail is replaced by a right one after it was read and before it is checked.
local check = safe.check
safe.check = function(path)
  write(catalog, good)
  return check(path)
end
write(catalog, failing)
local seen = hero()
assert(seen == "everything", "an unchecked catalog was put in force: " .. seen)
safe.check = check
assert(hero() == "everything")
local status, _, text = shop:answer{method = "GET", path = "/status", second = second}
assert(status == 200 and not text:find("refused"), text)
print("the text that is put in force is the one that was checked")

-- Bodies that are no forms.
local function post(path, body, more)
  local request = {method = "POST", path = path, body = body, second = second}
  for name, value in pairs(more or {}) do request[name] = value end
  return shop:answer(request)
end
for _, body in ipairs{("a"):rep(16384), ("="):rep(16384), ("&"):rep(16384), ("a="):rep(8192), ("%"):rep(16384)} do
  assert(post("/beacon", body) == 204)
end
status = post("/choose", "x=&=y&interest=to%79s&z", {visitor = ("0"):rep(32)})
assert(status == 303, status)
print("a body that is no form says nothing, and a form what it says")

-- A write that failed is told to operators though pages go on, and is forgotten after a minute.
local engine = shop.engine
shop.engine = setmetatable({customer = function() return nil, "no space is left", "ERR_FULL" end}, {
  __index = function(_, name) return function(_, ...) return engine[name](engine, ...) end end,
})
assert(post("/choose", "interest=toys", {visitor = ("0"):rep(32)}) == 503)
assert(hero() == "everything")
local function told()
  local _, _, lines = shop:answer{method = "GET", path = "/status", second = second}
  return lines:find("store:\nno space is left\n", 1, true) ~= nil
end
assert(told(), "what is wrong with the store is not told any more")
shop.engine = engine
assert(post("/choose", "interest=toys", {visitor = ("0"):rep(32)}) == 303)
assert(told(), "what is wrong with the store is not told any more")
second = second + 60
assert(not told(), "what was wrong is told for ever")
print("what is wrong with the store is told for a minute")

-- A store that is removed while it is open: what the visitor is told was noted is found by other workers.
assert(os.remove(scratch .. "/customers/data.mdb") and os.remove(scratch .. "/customers/lock.mdb"))
second = second + 1
local me = {visitor = ("1"):rep(32)}
status = post("/choose", "interest=toys", me)
assert(status == 503, status)
second = second + 1
status = post("/choose", "interest=toys", me)
assert(status == 303, status)
local other = require("site").new{catalog = catalog, state = scratch}
for _, worker in ipairs{shop, other} do
  local _, _, page = worker:answer{method = "GET", path = "/", visitor = me.visitor, second = os.time() + 1}
  assert(page:find('data-hero="toys"', 1, true), page)
end
print("a store that was removed is opened anew by who writes")

-- Behind TLS the cookie never goes without.
for _, secure in ipairs{true, false} do
  local site = require("site").new{catalog = catalog, state = scratch, secure = secure}
  for _, request in ipairs{{method = "GET", path = "/"}, {method = "POST", path = "/choose", body = "interest=toys"}} do
    local _, headers = site:answer(request)
    assert(headers["Set-Cookie"]:find("; SameSite=Lax" .. (secure and "; Secure" or "") .. "$"), headers["Set-Cookie"])
  end
end
print("the cookie of a site on TLS is secure")

-- The page's script runs where the site is not on TLS, too: there browsers have no crypto.randomUUID.
local _, _, plain = require("site").new{catalog = catalog, state = scratch}:answer{method = "GET", path = "/plain"}
local script = plain:match("<script>(.-)</script>")
assert(script and script:find("/beacon", 1, true), plain)
assert(not script:find("randomUUID", 1, true) and not script:find("crypto.subtle", 1, true), script)
print("the beacon needs no TLS")

-- Of the cookies that a browser sends ours alone is heard, whatever stands within another one's value.
local site = require("site").new{catalog = catalog, state = scratch}
local mine, theirs = ("2"):rep(32), ("3"):rep(32)
assert(site:answer{method = "POST", path = "/choose", body = "interest=toys", visitor = mine} == 303)
assert(site:answer{method = "POST", path = "/choose", body = "interest=home", visitor = theirs} == 303)
for _, form in ipairs{"visitor=M", "a=1; visitor=M; b=2", "a=1;visitor=M", "a=1, visitor=M", "a=1, b=2, visitor=M, c=3", "visitor=M, a=1",
                      "q=shoes visitor=T; visitor=M", "q=a, visitor=T; visitor=M", "q=a,visitor=T; visitor=M",
                      "visitor=old; visitor=M", "visitor=; visitor=M", "visitor=M; visitor=T", "xvisitor=T; visitor=M"} do
  local cookie = form:gsub("[MT]", {M = mine, T = theirs})
  local _, headers, page = site:answer{method = "GET", path = "/", cookie = cookie}
  assert(page:find('data-hero="toys"', 1, true) and not headers["Set-Cookie"], form)
end
for _, form in ipairs{"q=shoes visitor=T", "xvisitor=T", "visitor=Tx", "visitor", ""} do
  local _, headers, page = site:answer{method = "GET", path = "/", cookie = (form:gsub("T", theirs))}
  assert(page:find('data-hero="everything"', 1, true) and headers["Set-Cookie"], form)
end
print("another cookie's value makes nobody a visitor")
