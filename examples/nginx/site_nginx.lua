-- nginx: one Lua state and one site for each worker, kept until the worker ends.
local ngx, floor = ngx, math.floor
local shop = require("site").new()

local M = {}

function M.answer()
  local method = ngx.req.get_method()
  if method == "POST" then ngx.req.read_body() end
  local status, headers, body = shop:answer{
    method = method,
    path = ngx.var.uri,
    visitor = ngx.var.cookie_visitor or "",
    now = floor(ngx.now() * 1000 + 0.5), -- nginx reads the clock once for all that came in at once
    body = method == "POST" and ngx.req.get_body_data() or nil,
  }
  ngx.status = status
  for name, value in pairs(headers) do ngx.header[name] = value end
  ngx.header["Content-Length"] = status ~= 204 and #body or nil
  ngx.print(body)
end

M.shop = shop
return M
