-- authority.lua: the authority suite through the Lua binding: the same cases, nothing but public calls.
--
--     lua authority.lua FILE...
--
-- Prints each case that fails, and at the end how many passed, failed and were skipped.
local personalize = require "personalize"

local SLACK = 2 / 65536
local unpack = table.unpack or unpack -- luacheck: ignore

local function shown(value)
    local ok, text = pcall(personalize.print, value)
    return ok and text or tostring(value)
end

local function require_that(holds, what, got)
    if not holds then error({why = what .. " " .. shown(got)}, 0) end
end

local function meta_of(operation)
    local last = operation[#operation]
    return type(last) == "table" and last or {}
end

local run_operation

local function merge(engine, profile, operation)
    local is_from_here = operation[3] and operation[3].from == "here"
    local other = is_from_here and engine:decode(profile:bytes()) or engine:detached(profile:id())
    for _, inner in ipairs(operation[2]) do run_operation(engine, other, inner) end
    profile:merge(other)
    other:close()
end

function run_operation(engine, profile, operation)
    if operation[1] == "merge" then return merge(engine, profile, operation) end
    if not meta_of(operation).refused then
        profile:apply(operation, {writer = "w1"})
        return
    end
    local before = profile:bytes()
    meta_of(operation).refused = nil -- the mark is the case's own, and no circumstance
    local went_well = pcall(profile.apply, profile, operation, {writer = "w1"})
    require_that(not went_well, "was not refused:", operation)
    require_that(profile:bytes() == before, "was refused and changed the profile:", operation)
end

local function make(engine, id, operations, subject)
    local profile = engine:detached(id, subject)
    for _, operation in ipairs(operations) do run_operation(engine, profile, operation) end
    return profile
end

local function is_same(a, b)
    if type(a) ~= "table" or type(b) ~= "table" then return a == b end
    for key, value in pairs(a) do
        if not is_same(value, b[key]) then return false end
    end
    for key in pairs(b) do
        if a[key] == nil then return false end
    end
    return true
end

local function sorted(list)
    local copy = {unpack(list)}
    table.sort(copy, function(a, b) return shown(a) < shown(b) end)
    return copy
end

local function is_value(case, attribute, got, expected)
    local law = case.catalog.attributes[attribute].merge
    if law == "set" and type(got) == "table" and type(expected) == "table" then
        return is_same(sorted(got), sorted(expected))
    end
    return is_same(got, expected)
end

local function is_confidence(got, expected)
    if got == nil or expected == nil then return got == expected end
    return math.abs(got - expected) <= SLACK
end

local function judge_answer(case, attribute, answer, expected)
    if expected.unresolved then
        return require_that(not answer.is_resolved, "expected unresolved, got", answer)
    end
    require_that(is_value(case, attribute, answer.value, expected.value), "wrong value:", answer)
    require_that(answer.tier == expected.tier, "wrong tier:", answer)
    require_that(answer.reason == expected.reason, "wrong reason:", answer)
    require_that(is_confidence(answer.confidence, expected.confidence), "wrong confidence:", answer)
    require_that(answer.channel == (expected.channel or ""), "wrong channel:", answer)
    require_that(is_same(answer.members or {}, expected.members or {}), "wrong members:", answer)
end

local function judge_layers(case, attribute, layers, expected)
    require_that(#layers == #expected.layers, "another number of layers:", layers)
    for i, got in ipairs(layers) do
        local wanted = expected.layers[i]
        require_that(got.tier == wanted.tier and got.why == wanted.why and
                         is_value(case, attribute, got.value, wanted.value) and
                         is_confidence(got.confidence, wanted.confidence), "another layer:", layers)
    end
end

local function run_case(case, line)
    local engine = personalize.open {}
    -- The catalog as it was written: a table of Lua has no order, and an empty one no kind.
    engine:load_text(line.catalog)
    local me = make(engine, "me", case.profile)
    local firm = case.account and make(engine, "firm", case.account, "account")
    local others = {}
    for id, operations in pairs(case.others or {}) do
        others[#others + 1] = make(engine, id, operations)
    end
    if #others > 0 then me:person(others) end
    for i, question in ipairs(case.ask) do
        local expected = case.expect[i]
        if question.inspect then
            judge_layers(case, question.inspect,
                engine:inspect(question.inspect, me, case.context, firm, case.host_level), expected)
        else
            judge_answer(case, question.resolve,
                engine:resolve(question.resolve, me, case.context, firm, case.host_level), expected)
        end
    end
    engine:close()
end

local passed, failed = 0, 0
for _, path in ipairs(arg) do
    for text in io.lines(path) do
        local case = personalize.parse(text)
        local line = {catalog = personalize.print(case.catalog)}
        local ok, why = pcall(run_case, case, line)
        if ok then
            passed = passed + 1
        else
            failed = failed + 1
            print(case.id .. ": " .. (type(why) == "table" and why.why or tostring(why)))
        end
    end
end
print(("%d passed, %d failed, 0 skipped"):format(passed, failed))
os.exit(failed == 0 and 0 or 1)
