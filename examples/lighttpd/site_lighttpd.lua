-- lighttpd: this file is run for each request, in one Lua state that the worker keeps. The paths
-- are set once: added to at each request they would grow for ever.
local shop = package.loaded.shop
if not shop then
  package.path = "/srv/shop/?.lua;" .. package.path
  package.cpath = "/usr/local/lib/lua/5.4/?.so;" .. package.cpath
  shop = require("site").new()
  package.loaded.shop = shop
end

local r = lighty.r
local method = r.req_attr["request.method"]
-- The body has to be here before it is asked for; magnet runs the file again when it is.
local body
if method == "POST" then
  if not r.req_body.collect then return 0 end
  -- 1.4.69 may give the request's header before its body; the length is the body's.
  body = r.req_body.len > 0 and r.req_body.get:sub(-r.req_body.len) or ""
end

local status, headers, text = shop:answer{
  method = method,
  path = r.req_attr["uri.path"],
  cookie = r.req_header["Cookie"],
  body = body,
  host = r.req_header["Host"],
  origin = r.req_header["Origin"],
  fetch_site = r.req_header["Sec-Fetch-Site"],
}
for name, value in pairs(headers) do r.resp_header[name] = value end
r.resp_body.set(text)
return status
