-- program.lua: rules of one's own, compiled once and evaluated many times; for LuaJIT's FFI.
--
-- A program is { box, names of the declared variables, hosts }; they are declared in the order of their names,
-- since a Lua table has none.
local ffi = require "ffi"
local V = require "personalize_ffi.value"
local H = require "personalize_ffi.handle"
local Hosts = require "personalize_ffi.hosts"
local library = require "personalize_ffi.library"
local C, words = library.C, library.words
V.is_own(debug.getinfo(1, "S").source)

local type, next, setmetatable, tonumber, ipairs = type, next, setmetatable, tonumber, ipairs
local istype, cast = ffi.istype, ffi.cast
local check, fail, name_at, option, put = V.check, V.fail, V.name_at, V.option, V.put
local text_at, number_option, table_at = V.text_at, V.number_option, V.table_at
local new_error, text_of, push_answer, pool_copy = V.new_error, V.text_of, V.push_answer, V.pool_copy
local box_of, wrong_handle, keep_alive, program_t = H.box_of, H.wrong_handle, H.keep_alive, H.program_t
local ERR_TYPE, ERR_LIMIT, ERR_STATE = V.ERR_TYPE, V.ERR_LIMIT, V.ERR_STATE

local VARIABLES_MAX = 4096
local program_out_t, uint64_box_t = ffi.typeof "pz_program *[1]", ffi.typeof "uint64_t[1]"
local word_p = ffi.typeof "const uint64_t *"
local new_program_options, new_evaluation = H.sized "pz_program_options", H.sized "pz_evaluation"

local SETTINGS = V.names "container, cost_limit, functions, result, sizes, step_limit, unchecked and variables"

local Program = {}

local function eval_map(program, s, out)
  if not words then
    local call = C.pz_program_eval_map
    if s.question then return Hosts.ask(s, call, program, s.pool, s.input, out, s.err) end
    return call(program, s.pool, s.input, out, s.err)
  end
  local w = cast(word_p, s.input)
  if s.question then return Hosts.ask(s, C.pzl_program_eval_map, program, s.pool, w[0], w[1], out, s.err) end
  return C.pzl_program_eval_map(program, s.pool, w[0], w[1], out, s.err)
end

local function program_of(handle)
  local box = box_of(handle)
  if not istype(program_t, box) then wrong_handle(1, "personalize.program", handle) end
  if box.program == nil then fail(ERR_STATE, "the program is closed") end
  return box.program
end

local function table_option(settings, name)
  local value = settings[name]
  if value ~= nil and V.type_of(value) ~= "table" then
    fail(ERR_TYPE, ("%s is a table, not %s"):format(name, V.type_of(value)))
  end
  return value
end

-- {name = type} or {"name"}, in the order of the names.
local function read_variables(variables, sizes)
  local found = {}
  for key, value in next, variables do
    if #found == VARIABLES_MAX then fail(ERR_LIMIT, "a program has at most 4096 variables") end
    local is_listed = type(key) == "number"
    local name = name_at(is_listed and value or key, "the name of a variable")
    local kind = not is_listed and name_at(value, "the type of a variable") or nil
    found[#found + 1] = {name = name, type = kind, size = sizes and number_option(sizes, name, 1e18) or 0}
  end
  table.sort(found, function(a, b) return a.name < b.name end)
  return found
end

function V.compile(source, settings, metatable)
  local options, err, out = new_program_options(), new_error(), program_out_t()
  local names, variables, list, container, result, hosts = {}, nil, nil, nil, nil, nil
  source = text_at(1, source)
  options.flags = 1
  if settings ~= nil then
    table_at(2, settings)
    V.check_known(settings, SETTINGS, "setting")
    container, result = option(settings, "container"), option(settings, "result")
    options.cost_limit = number_option(settings, "cost_limit", 1e18)
    options.step_limit = number_option(settings, "step_limit", 4294967295)
    local declared = table_option(settings, "variables")
    options.flags = (declared and 0 or 1) + (settings.unchecked and 2 or 0)
    variables = declared and read_variables(declared, table_option(settings, "sizes")) or {}
    list = ffi.new("pz_variable[?]", #variables + 1)
    for i, variable in ipairs(variables) do
      list[i - 1].name, list[i - 1].type, list[i - 1].size_max = variable.name, variable.type, variable.size
      names[i] = variable.name
    end
    options.container, options.result = container, result
    options.variables, options.variable_count = list, #variables
    hosts = Hosts.read(settings, options, false)
  end
  local box = program_t()
  local status = C.pz_program_compile(out, source, #source, options, err)
  box.program = out[0]
  keep_alive(variables, list, container, result)
  check(status, err)
  return setmetatable({box, names, hosts}, metatable)
end

-- Evaluate with the variables; what comes out owes the program nothing.
local function evaluate(self, variables, out)
  program_of(self)
  local s = V.take_pool()
  s.input.kind, s.input.len = 0, 0
  s.question = Hosts.question(self[3], false)
  if variables ~= nil then
    table_at(2, variables)
    put(s, s.input, variables)
  end
  local status = eval_map(program_of(self), s, out)
  if status == 0 then status = pool_copy(s.pool, out.value, out.value) end
  return s, status
end

-- The value; raises ERR_NOT_FOUND if it depends on a variable that is not given.
function Program.eval(self, variables)
  local out = new_evaluation()
  local s, status = evaluate(self, variables, out)
  check(status, s.err)
  local value = push_answer(out.value)
  V.give_pool(s)
  return value
end

-- {value, cost, unknowns}, where a missing variable does not raise.
function Program.evaluate(self, variables)
  local out = new_evaluation()
  out.wants_cost = 1
  local s, status = evaluate(self, variables, out)
  if status ~= V.ERR_NOT_FOUND then check(status, s.err) end
  local unknowns = {}
  for i = 1, out.unknown_count do unknowns[i] = self[2][out.unknowns[i - 1] + 1] end
  local found = {value = push_answer(out.value), cost = tonumber(out.cost), unknowns = unknowns}
  V.give_pool(s)
  return found
end

local function program_text(self, call)
  program_of(self)
  local s = V.take_pool()
  check(call(program_of(self), s.pool, s.text), nil)
  local text = text_of(s)
  V.give_pool(s)
  return text
end

function Program.type(self) return program_text(self, C.pz_program_type) end
function Program.text(self) return program_text(self, C.pz_program_text) end

-- least, most; most is nil where there is no bound
function Program.cost(self)
  local least, most = uint64_box_t(), uint64_box_t()
  C.pz_program_cost(program_of(self), least, most)
  return tonumber(least[0]), most[0] ~= 0xffffffffffffffffULL and tonumber(most[0]) or nil
end

-- The names of the declared variables that it may read, as a list.
function Program.reads(self)
  local program, names = program_of(self), {}
  for i, name in ipairs(self[2]) do
    if C.pz_program_reads(program, i - 1) then names[#names + 1] = name end
  end
  return names
end

function Program.close(self)
  local box = box_of(self)
  if not istype(program_t, box) then fail(ERR_TYPE, "a personalize.program is expected") end
  if self[3] and self[3].asked > 0 then fail(ERR_STATE, "the program is being evaluated") end
  C.pz_program_unref(box.program)
  box.program = nil
end

return Program
