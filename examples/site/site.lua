-- site.lua: a small site that greets each visitor with what they came for. It knows no server: the
-- four plugins beside it turn their server's request into a table and the answer back.
--
--     GET  /         the page: cookie -> profile -> decision
--     GET  /plain    the same page for nobody in particular, to measure against
--     POST /choose   the visitor says what to show; an empty `interest` leaves it to the shop again
--     POST /beacon   something was seen: `category`, and the page's own `id` for this sighting
--     GET  /why      the reasons of the decision, in sentences
--     GET  /status   for operators: which catalog is in force, what is wrong with a refused one, and with
--                    the store
--
-- HEAD is answered as GET; a plugin whose server does not leave out the body does. While the store cannot
-- be opened there is a page all the same, the one for nobody in particular.
--
-- A site is one engine. It is opened at its first request, so that a server may load this file
-- before it forks. Profiles are read from the store for every request and never kept: what one worker
-- writes, all others know at their next request.
--
-- The catalog's file is looked at once a second. A new one is checked with its own tests before it
-- replaces the old one between two requests; one with mistakes is refused and the report kept. The
-- last good one is kept in `state` too, for workers that start while the file is broken.
-- LuaJIT calls the library through its FFI, any other Lua through the C module; they have one face.
local personalize = require(jit and "personalize_ffi" or "personalize").safe -- luacheck: ignore
local byte = string.byte

local HTML = "text/html; charset=utf-8"
local TEXT = "text/plain; charset=utf-8"
local COOKIE = "visitor=%s; Path=/; Max-Age=31536000; HttpOnly; SameSite=Lax"

local Site = {}
Site.__index = Site

-- ---- files and texts ----

local function read_file(path)
  local file = io.open(path, "rb")
  if not file then return nil end
  local text = file:read("*a")
  file:close()
  return text
end

local function token()
  local file = assert(io.open("/dev/urandom", "rb"))
  local bytes = file:read(16)
  file:close()
  return (bytes:gsub(".", function(c) return ("%02x"):format(c:byte()) end))
end

-- A reader of `path` sees the old text or the new, never half of one.
local function replace_file(path, text)
  local temporary = path .. "." .. token()
  local file = io.open(temporary, "wb")
  if not file then return end
  local is_whole = file:write(text) and file:close()
  if not (is_whole and os.rename(temporary, path)) then os.remove(temporary) end
end

local ESCAPES = {["&"] = "&amp;", ["<"] = "&lt;", [">"] = "&gt;", ['"'] = "&quot;"}
local function escape(text) return (tostring(text):gsub('[&<>"]', ESCAPES)) end

local function unescape(text)
  return (text:gsub("+", " "):gsub("%%(%x%x)", function(hex) return string.char(tonumber(hex, 16)) end))
end

-- The fields of a form, as application/x-www-form-urlencoded. Cut at `&` first: a pattern over both would
-- try a body without `=` anew from each of its bytes, and eight kilobytes would hold up a worker for half a second.
local function fields(body)
  local found = {}
  for field in (body or ""):gmatch("[^&]+") do
    local equals = field:find("=", 1, true)
    if equals then found[unescape(field:sub(1, equals - 1))] = unescape(field:sub(equals + 1)) end
  end
  return found
end

-- Whether a text is an id that this site gave. Written without a pattern, which LuaJIT does not compile.
local function is_id(text)
  if #text ~= 32 then return false end
  for i = 1, 32 do
    local c = byte(text, i)
    if not (c >= 48 and c <= 57 or c >= 97 and c <= 102) then return false end
  end
  return true
end

-- The id in the first cookie "visitor" behind a separator, or at the beginning, that has one of ours.
-- Without patterns, which LuaJIT does not compile.
local SEMICOLON, COMMA, SPACE = byte(";, ", 1, 3)
local function cookie_behind(separator, cookies)
  local at, last = cookies:find("visitor=", 1, true)
  while at do
    local before, after = at - 1, byte(cookies, last + 33)
    while byte(cookies, before) == SPACE do before = before - 1 end
    if (before == 0 or byte(cookies, before) == separator) and
      (not after or after == SEMICOLON or after == COMMA or after == SPACE) then
      local id = cookies:sub(last + 1, last + 32)
      if is_id(id) then return id end
    end
    at, last = cookies:find("visitor=", last + 1, true)
  end
end

-- The id at this place of the cookies, if one of ours stands there whole.
local function id_at(cookies, first)
  local after = byte(cookies, first + 32)
  if after and after ~= SEMICOLON then return nil end
  local id = cookies:sub(first, first + 31)
  return is_id(id) and id or nil
end

-- The visitor's id, or nil for a cookie that is missing or not ours. A plugin that knows the visitor hands in `visitor`.
-- As browsers write it it is found without a loop, for around one LuaJIT compiles nothing. Servers may have joined
-- several lines of cookies by commas; a comma may also stand within another cookie's value, so what follows one is
-- asked last.
local function visitor_id(request)
  local id, cookies = request.visitor, request.cookie
  if id then return is_id(id) and id or nil end
  if not cookies then return nil end
  local _, last = cookies:find("; visitor=", 1, true)
  if cookies:sub(1, 8) == "visitor=" then last = 8 end
  return last and id_at(cookies, last + 1) or cookie_behind(SEMICOLON, cookies) or cookie_behind(COMMA, cookies)
end

-- Whether the page of another site has sent this form. Browsers say so, and no page can make them say otherwise; who
-- says nothing is no browser. SameSite alone is not enough: a foreign form comes without our cookie, and the answer's
-- would replace it, so that the visitor were somebody new.
local function is_foreign(request)
  local relation, origin = request.fetch_site, request.origin
  if relation then return relation ~= "same-origin" and relation ~= "none" end
  local from = origin and origin:match("^%a[%w+.-]*://(.*)$")
  return origin and (not from or from ~= request.host)
end

-- ---- the page ----

local BANNERS = {
  garden = "The garden is waiting: roses, tools and seeds.",
  home = "Lamps, cushions and a clean table.",
  toys = "Trains, blocks and bears.",
}
local NOTES = {chosen = "because you asked for it", guessed = "because of what you looked at"}
local HEAD = [[<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>The little shop</title>
<style>body{font:16px/1.5 sans-serif;max-width:40em;margin:2em auto}h1{font-size:1.3em}</style>
</head><body>
<h1 id="hero" data-hero="]]
local TAIL = [[
<p>The little shop sells what a house needs, and what its children and its garden like. We send
within a day, and take back whatever does not please.</p>
<p>See <a href="#garden">garden</a>, <a href="#home">home</a>, <a href="#toys">toys</a>.</p>
<form method="post" action="/choose"><label>Show me
<select name="interest"><option value="">what suits me</option><option>garden</option>
<option>home</option><option>toys</option></select></label> <button>Please</button></form>
<p><a href="/why">Why do I see this?</a></p>
<script>
addEventListener("hashchange", () => navigator.sendBeacon("/beacon", new URLSearchParams(
  {category: location.hash.slice(1), id: Date.now() + "-" + Math.random()})))
</script>
</body></html>
]]

local function make_page(hero, rule)
  return HEAD .. escape(hero) .. '">' .. (BANNERS[hero] or "All that we have: " .. escape(hero)) ..
    "</h1>\n<p>You see this " .. (NOTES[rule] or "because we know nothing of you") .. ".</p>" .. TAIL
end

-- There are as many pages as there are heroes and rules; they are made once. A catalog that lets any text
-- be a hero has them made anew.
local PAGES_MAX = 100
local pages, page_count = {}, 0

local function page(hero, rule)
  local of_hero = pages[hero]
  local made = of_hero and of_hero[rule or ""]
  if made then return made end
  made = make_page(hero, rule)
  if page_count < PAGES_MAX then
    page_count = page_count + 1
    pages[hero] = of_hero or {}
    pages[hero][rule or ""] = made
  end
  return made
end

-- ---- the catalog ----

local function mistakes_in(path)
  local found, why = personalize.check(path)
  if not found then return why end
  local lines = {}
  for _, entry in ipairs(found) do
    if entry.severity == "error" then
      lines[#lines + 1] = ("%s:%d:%d: %s"):format(entry.file, entry.line, entry.column, entry.message)
    end
  end
  return lines[1] and table.concat(lines, "\n")
end

-- Put `text` in force, or say why not. The last good text needs no second check. What was checked is the
-- file, so it has to be the same text still.
function Site:load(text)
  local good = read_file(self.good)
  local why = text ~= good and mistakes_in(self.catalog)
  if why then return why end
  if text ~= good and read_file(self.catalog) ~= text then
    self.text = nil -- looked at again in the next second
    return self.catalog .. ": was replaced while it was checked"
  end
  local warnings
  warnings, why = self.engine:load_text(text, self.catalog)
  if not warnings then return why end
  if text ~= good then replace_file(self.good, text) end
  self.is_loaded = true
end

-- Look at the catalog's file, once a second.
function Site:follow_catalog(second)
  if second == self.looked_at then return end
  self.looked_at = second
  local text = read_file(self.catalog)
  if text and text == self.text then return end
  self.text = text
  self.refused = text and self:load(text) or not text and self.catalog .. ": cannot be read" or nil
  local good = self.refused and not self.is_loaded and read_file(self.good)
  if good and self.engine:load_text(good, self.good) then self.is_loaded = true end
end

-- ---- what is answered ----

-- What is wrong with the store is told for a minute, whatever goes well meanwhile: beside a full disk pages go on.
local TROUBLE_SECONDS = 60

function Site:note(why) self.trouble, self.trouble_until = why, self.second + TROUBLE_SECONDS end

-- What to show, and by which rule. Without an answer, or with one that is no text, as of a catalog
-- without a default, there is a page all the same. The library reads the clock: a server's own reading may be
-- of before a choice that was made since, and would not know of it.
function Site:decide(id)
  if not self.engine then return "everything", nil end
  local hero, why = self.engine:decide_for("cookie", id, "home.hero")
  if why then self:note(why) end
  if not hero or type(hero.value) ~= "string" then return "everything", nil end
  return hero.value, hero.rule
end

local answers = {}

answers["GET /"] = function(self, id)
  if id then return 200, {["Content-Type"] = HTML}, page(self:decide(id)) end
  return 200, {["Content-Type"] = HTML, ["Set-Cookie"] = self.cookie:format(token())}, page(self:decide(nil))
end

answers["GET /plain"] = function()
  return 200, {["Content-Type"] = HTML}, page("everything")
end

-- Whose fault a failed write is: of the visitor, whose form or beacon makes no sense, or ours.
local THEIRS = {
  ERR_TYPE = true, ERR_DOMAIN = true, ERR_PARSE = true, ERR_LATE = true, ERR_TIME = true, ERR_LIMIT = true,
}

-- What is our fault is told to operators and not to visitors: it may name files.
local function refuse(self, why)
  self:note(why)
  return 503, {["Content-Type"] = TEXT, ["Retry-After"] = "1"}, "Not now; please try again.\n"
end

-- Let go of a store that was removed or replaced under us: the next request opens what is there now.
function Site:leave()
  self.engine:close()
  self.engine, self.text, self.looked_at, self.is_loaded = nil, nil, nil, nil
end

-- Do `write` with the visitor's profile. Gives nothing if it went well, else what to answer.
local function write_as(self, id, write)
  local visitor, message, code = self.engine:customer("cookie", id)
  if visitor then
    message, code = select(2, write(visitor))
    visitor:close()
  end
  if code == "ERR_STATE" then self:leave() end
  if message and not THEIRS[code] then return refuse(self, message) end
  if message then return 422, {["Content-Type"] = TEXT}, message .. "\n" end
end

answers["POST /choose"] = function(self, id, form)
  if not form.interest then return 422, {["Content-Type"] = TEXT}, "What would you see?\n" end
  local headers = {["Content-Type"] = TEXT, Location = "/"}
  if not id then
    id = token()
    headers["Set-Cookie"] = self.cookie:format(id)
  end
  local status, kind, why = write_as(self, id, function(visitor)
    if form.interest == "" then return visitor:clear("interest", {channel = "web"}) end
    return visitor:choose("interest", form.interest, {channel = "web"})
  end)
  if status then return status, kind, why end
  return 303, headers, "Noted.\n"
end

answers["POST /beacon"] = function(self, id, form)
  if not id then return 204, {} end -- nobody yet, and a beacon makes nobody
  local status, kind, why = write_as(self, id, function(visitor)
    -- A sighting is worth no wait for the disk, which would hold up the whole worker.
    return visitor:observe({
      kind = "view", source = "site", id = form.id or token(), channel = "web",
      time = os.date("!%Y-%m-%dT%H:%M:%SZ"), category = form.category or "",
    }, {durability = "lazy"})
  end)
  if status then return status, kind, why end
  return 204, {}
end

answers["GET /why"] = function(self, id)
  local visitor = id and self.engine:customer("cookie", id)
  local hero, why = self.engine:explain("home.hero", visitor)
  if visitor then visitor:close() end
  if not hero then return refuse(self, why) end
  return 200, {["Content-Type"] = TEXT}, hero.text
end

answers["GET /status"] = function(self)
  local lines = {"catalog " .. (self.engine and self.engine:catalog_hash() or "none")}
  if self.refused then lines[#lines + 1] = "refused:\n" .. self.refused end
  if self.trouble and self.second < self.trouble_until then lines[#lines + 1] = "store:\n" .. self.trouble end
  return 200, {["Content-Type"] = TEXT}, table.concat(lines, "\n") .. "\n"
end

-- ---- the door ----

-- What needs the store; the rest is answered without.
local NEEDS_STORE = {["POST /choose"] = true, ["POST /beacon"] = true, ["GET /why"] = true}

-- The methods of each path, for those who come with another.
local METHODS = {}
for request in pairs(answers) do
  local method, path = request:match("^(%S+) (.*)$")
  METHODS[path] = (method == "GET" and "GET, HEAD" or method)
end

-- Open the store, at most once a second.
function Site:open(second)
  if second == self.tried_at then return end
  self.tried_at = second
  local why
  self.engine, why = personalize.open{store = "lmdb:" .. self.state .. "/customers"}
  self:note(why)
  -- The process and this Lua state in it: tests count workers by it.
  self.worker = self.worker or (read_file("/proc/self/stat") or "?"):match("^%S+") .. "." .. token():sub(1, 12)
end

local function answer_to(self, request, second)
  local method = request.method == "HEAD" and "GET" or request.method
  local name = method .. " " .. request.path
  local answer = answers[name]
  if not answer and METHODS[request.path] then
    return 405, {["Content-Type"] = TEXT, Allow = METHODS[request.path]}, "Not in this way.\n"
  end
  if not answer then return 404, {["Content-Type"] = TEXT}, "There is nothing here.\n" end
  if method == "POST" and is_foreign(request) then
    return 403, {["Content-Type"] = TEXT}, "Not from another site's page.\n"
  end
  if self.engine then self:follow_catalog(second)
  elseif NEEDS_STORE[name] then return refuse(self, self.trouble) end
  local form = method == "POST" and fields(request.body)
  return answer(self, visitor_id(request), form)
end

-- answer{method=, path=, cookie= or visitor=, body=, second=, and of a form host=, origin=, fetch_site=, the headers Host,
-- Origin and Sec-Fetch-Site}: status, headers by name, body. `second` is the server's own reading of the clock, if it has
-- one at hand.
function Site:answer(request)
  local second = request.second or os.time()
  self.second = second
  if not self.engine then self:open(second) end
  local status, headers, body = answer_to(self, request, second)
  headers["Cache-Control"] = "private, no-store"
  headers["X-Worker"] = self.worker
  return status, headers, body or ""
end

local M = {}

-- new(settings): a site; without settings those of settings.lua.
function M.new(settings)
  settings = settings or require "settings"
  return setmetatable({
    catalog = settings.catalog,
    state = settings.state,
    good = settings.state .. "/catalog.good",
    cookie = COOKIE .. (settings.secure and "; Secure" or ""),
  }, Site)
end

return M
