-- HAProxy: this file is run once for each thread, in a Lua state of the thread's own.
local shop = require("site").new()

core.register_service("shop", "http", function(applet)
  local function header(name)
    local found = applet.headers[name]
    return found and found[0]
  end
  -- Of cookies there may be several lines, which are one list.
  local cookies = applet.headers.cookie
  local cookie = cookies and cookies[0]
  for i = 1, cookies and #cookies or 0 do cookie = cookie .. "; " .. cookies[i] end
  local status, headers, body = shop:answer{
    method = applet.method,
    path = applet.path,
    cookie = cookie,
    body = applet.method == "POST" and applet:receive() or nil,
    host = header("host"),
    origin = header("origin"),
    fetch_site = header("sec-fetch-site"),
  }
  applet:set_status(status)
  for name, value in pairs(headers) do applet:add_header(name, value) end
  if status ~= 204 then applet:add_header("Content-Length", #body) end
  applet:start_response()
  if applet.method ~= "HEAD" then applet:send(body) end
end)
