-- cel.lua: the published cases of the Common Expression Language through the Lua binding.
--
--     lua cel.lua FILE...
--
-- Each case is compiled and evaluated by nothing but public calls, checked and unchecked, as the runner
-- in C does it. What goes in is exact; what comes out is compared as finely as this Lua can tell
-- values apart: a Lua with integers tells 1 from 1.0, one without does not, and a uint that fits an
-- integer is one. A function that a case declares is supplied and never to be called: such cases are
-- checked only. Those that declare functions over types of their own are skipped: hosts have no such types.
local personalize = require "personalize"

local kind_of_number = math.type or function() return "number" end
local DIGITS = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"

-- ---- the notation of the cases ----

local type_of

local function types_of(list)
    local spelled = {}
    for i, one in ipairs(list) do spelled[i] = type_of(one) end
    return table.concat(spelled, ", ")
end

function type_of(form)
    if form == nil or form == personalize.null then return "dyn" end
    if type(form) == "string" then return form end
    local kind, inner = next(form)
    if kind == "param" or kind == "message" then return inner end
    if kind == "opaque" then
        local arguments = inner[2] or {}
        return inner[1] .. (#arguments > 0 and "<" .. types_of(arguments) .. ">" or "")
    end
    return kind .. "<" .. (kind == "map" and types_of(inner) or type_of(inner)) .. ">"
end

local function base64(text)
    local out, bits, held = {}, 0, 0
    for digit in text:gmatch "[^=]" do
        bits, held = bits * 64 + DIGITS:find(digit, 1, true) - 1, held + 6
        if held >= 8 then
            held = held - 8
            local octet = math.floor(bits / 2 ^ held)
            out[#out + 1], bits = string.char(octet), bits - octet * 2 ^ held
        end
    end
    return personalize.bytes(table.concat(out))
end

local value_of

local function list_of(forms)
    local list = personalize.array()
    for i, form in ipairs(forms) do list[i] = value_of(form) end
    return list
end

-- A key is what a table can be indexed by: the library takes whole numbers for ints.
local function key_of(form)
    local kind, inner = next(form)
    return (kind == "int" or kind == "uint") and (math.tointeger or tonumber)(inner) or inner
end

local function map_of(pairs_of_forms)
    local map = personalize.map()
    for _, pair in ipairs(pairs_of_forms) do map[key_of(pair[1])] = value_of(pair[2]) end
    return map
end

local readers = {list = list_of, map = map_of, bytes = base64, int = personalize.int, uint = personalize.uint,
                 double = personalize.double, timestamp = personalize.timestamp, duration = personalize.duration}

function value_of(form)
    local kind, inner = next(form)
    local read = readers[kind]
    if read then return read(inner) end
    return inner -- null, bool, string; a type comes out as its name
end

-- ---- comparing ----

-- A number of either form as one that compares: the finest that this Lua has, or its text.
local function is_same_number(got, form, kind)
    local wanted = value_of(form)
    if type(got) ~= "number" then
        return (type(got) == "userdata" or type(got) == "cdata") and got:kind() == kind and got == wanted
    end
    if kind == "double" then
        local number = tonumber(form.double) or (form.double:find "NaN" and 0 / 0 or form.double:find "-" and -1 / 0 or 1 / 0)
        return kind_of_number(got) ~= "integer" and (got == number or got ~= got and number ~= number)
    end
    return kind_of_number(got) ~= "float" and (math.tointeger or tonumber)(form[kind]) == got
end

local is_same

local function is_same_list(got, forms)
    if type(got) ~= "table" or #got ~= #forms then return false end
    for i, form in ipairs(forms) do
        if not is_same(got[i], form) then return false end
    end
    return true
end

local function is_same_map(got, pairs_of_forms)
    if type(got) ~= "table" then return false end
    local count = 0
    for _ in pairs(got) do count = count + 1 end
    for _, pair in ipairs(pairs_of_forms) do
        if not is_same(got[key_of(pair[1])], pair[2]) then return false end
    end
    return count == #pairs_of_forms
end

function is_same(got, form)
    local kind, inner = next(form)
    if got == nil then got = personalize.null end
    if kind == "list" then return is_same_list(got, inner) end
    if kind == "map" then return is_same_map(got, inner) end
    if kind == "int" or kind == "uint" or kind == "double" then return is_same_number(got, form, kind) end
    return got == value_of(form)
end

-- ---- one case ----

local NEVER = "a function was called, which only the checker was to see"

local function never() error(NEVER, 0) end

local function signature_of(overload)
    local parameters, receiver = {}, ""
    for i, one in ipairs(overload.params or {}) do parameters[i] = type_of(one) end
    if overload.member == true then receiver = table.remove(parameters, 1) .. "." end
    return ("%s(%s) -> %s"):format(receiver, table.concat(parameters, ", "), type_of(overload.result))
end

local function environment(case)
    local variables, functions = {}, {}
    for _, one in ipairs(case.type_env or {}) do
        if one.overloads then
            functions[one.name] = {}
            for i, each in ipairs(one.overloads) do functions[one.name][i] = {never, signature_of(each)} end
        else
            variables[one.name] = type_of(one.type)
        end
    end
    for name in pairs(case.bindings or {}) do variables[name] = variables[name] or "dyn" end
    return variables, functions
end

local function declares_types(case)
    for _, one in ipairs(case.type_env or {}) do
        if one.overloads and personalize.print(one):find('"opaque"', 1, true) then return true end
    end
    return false
end

-- nil, or what is wrong.
local function run(case, unchecked)
    local expected = case.expect
    local typed = expected.typed_result
    local variables, functions = environment(case)
    local ok, program = pcall(personalize.compile, case.expr,
        {variables = variables, functions = functions, container = case.container, unchecked = unchecked})
    if not ok then return not expected.error and program or nil end
    if typed and not unchecked and program:type() ~= type_of(typed.type) then
        return "the type is " .. program:type()
    end
    if case.check_only then return nil end
    local given = {}
    for name, one in pairs(case.bindings or {}) do given[name] = value_of(one.value) end
    local went_well, got = pcall(program.eval, program, given)
    if not went_well then return (got == NEVER or not expected.error) and got or nil end
    local wanted = (typed or expected).value
    if not wanted or not is_same(got, wanted) then
        return "came out as " .. personalize.print(got)
    end
end

local passed, failed, skipped = 0, 0, 0
for _, path in ipairs(arg) do
    for text in io.lines(path) do
        local case = personalize.parse(text)
        if declares_types(case) then
            skipped = skipped + 1
        else
            local why = not case.disable_check and run(case, false) or not case.check_only and run(case, true) or nil
            passed, failed = passed + (why and 0 or 1), failed + (why and 1 or 0)
            if why then print(case.id .. ": " .. tostring(why)) end
        end
    end
end
print(("%d passed, %d failed, %d skipped"):format(passed, failed, skipped))
os.exit(failed == 0 and 0 or 1)
