-- Apache: this file is run once for each Lua state, of which LuaScope says how many there are.
require "apache2"
local shop = require("site").new()

function answer(r)
  -- mod_lua reads no body that comes in chunks; unasked, it would be as if nothing had been sent.
  if r.method == "POST" and r.headers_in["Transfer-Encoding"] then return 411 end
  local status, headers, body = shop:answer{
    method = r.method,
    path = r.uri,
    cookie = r.headers_in["Cookie"],
    body = r.method == "POST" and r:requestbody() or nil,
    host = r.headers_in["Host"],
    origin = r.headers_in["Origin"],
    fetch_site = r.headers_in["Sec-Fetch-Site"],
  }
  r.status = status
  for name, value in pairs(headers) do
    if name == "Content-Type" then r.content_type = value else r.headers_out[name] = value end
  end
  r:write(body)
  return apache2.OK
end
