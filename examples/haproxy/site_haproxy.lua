-- HAProxy: this file is run once for each thread, in a Lua state of the thread's own.
local shop = require("site").new()

core.register_service("shop", "http", function(applet)
  local cookie = applet.headers["cookie"]
  local status, headers, body = shop:answer{
    method = applet.method,
    path = applet.path,
    cookie = cookie and cookie[0],
    body = applet.method == "POST" and applet:receive() or nil,
  }
  applet:set_status(status)
  for name, value in pairs(headers) do applet:add_header(name, value) end
  if status ~= 204 then applet:add_header("Content-Length", #body) end
  applet:start_response()
  if applet.method ~= "HEAD" then applet:send(body) end
end)
