-- nginx: one Lua state and one site for each worker, kept until the worker ends.
local ngx = ngx
local shop = require("site").new()

local M = {}

function M.answer()
  local method = ngx.req.get_method()
  if method == "POST" then ngx.req.read_body() end
  local status, headers, body = shop:answer{
    method = method,
    path = ngx.var.uri,
    cookie = ngx.var.http_cookie, -- nginx's own cookie_visitor hears what follows a comma in another one's value
    second = ngx.time(),
    body = method == "POST" and ngx.req.get_body_data() or nil,
    host = method == "POST" and ngx.var.http_host or nil,
    origin = method == "POST" and ngx.var.http_origin or nil,
    fetch_site = method == "POST" and ngx.var.http_sec_fetch_site or nil,
  }
  ngx.status = status
  for name, value in pairs(headers) do ngx.header[name] = value end
  ngx.header["Content-Length"] = status ~= 204 and #body or nil
  ngx.print(body)
end

M.shop = shop
return M
