-- What the tests of the Lua binding share. A test is a function of a table, named by its claim.
local kit = {}

-- Calling f raises text with `pattern` in it.
function kit.fails(pattern, f, ...)
  local ok, message = pcall(f, ...)
  assert(not ok, "it did not fail")
  assert(type(message) == "string" and message:find(pattern, 1, true),
         ("'%s' is not in '%s'"):format(pattern, tostring(message)))
end

-- Every test, in the order of their names. The state ends as a host's does, by the end of the script.
function kit.run(tests)
  local names, failed = {}, 0
  for name in pairs(tests) do names[#names + 1] = name end
  table.sort(names)
  for _, name in ipairs(names) do
    local ok, message = xpcall(tests[name], debug.traceback)
    if not ok then
      failed = failed + 1
      print("not ok: " .. name .. "\n" .. tostring(message))
    end
  end
  collectgarbage()
  print(("%s: %d tests, %d failed"):format(jit and jit.version or _VERSION, #names, failed))
  if failed > 0 then os.exit(1, true) end
end

return kit
