-- profile.lua: the methods of profiles, for LuaJIT's FFI.
--
-- A method takes the profile first, then the verb's arguments, then a table with the circumstances
-- of the write: at, now, expires, channel, who, writer.
local ffi = require "ffi"
local V = require "personalize_ffi.value"
local H = require "personalize_ffi.handle"
local C = require("personalize_ffi.library").C
V.is_own(debug.getinfo(1, "S").source)

local type, rawget, select = type, rawget, select
local istype, ffi_string = ffi.istype, ffi.string
local check, fail, name_at, option, put = V.check, V.fail, V.name_at, V.option, V.put
local moment_at, number_at, choice_at, table_at = V.moment_at, V.number_at, V.choice_at, V.table_at
local number_option, bad_argument, new_error, text_of, indent_at = V.number_option, V.bad_argument, V.new_error, V.text_of, V.indent_at
local take, give, box_of, profile_box_of = H.take, H.give, H.box_of, H.profile_box_of
local wrong_handle, pointer_of, hold, let_go = H.wrong_handle, H.pointer_of, H.hold, H.let_go
local keep_alive, profile_t, type_of = H.keep_alive, H.profile_t, V.type_of
local ERR_ARG, ERR_BUSY, ERR_STATE, ERR_TYPE = V.ERR_ARG, V.ERR_BUSY, V.ERR_STATE, V.ERR_TYPE

local PEOPLE_MAX = 63
local profiles_t, uint32_box_t = ffi.typeof "const pz_profile *[?]", ffi.typeof "uint32_t[1]"
local new_tcf = H.sized "pz_tcf"

local READ = "the profile is being read by the call that this finalizer interrupted"

local Profile = {}

-- The C profile of a handle, for a call that follows at once.
local function profile_of(self) return pointer_of(profile_box_of(self, 1)) end

-- The same for a call that changes it: not while it is being read.
local function writable(self)
  local box = profile_box_of(self, 1)
  if box.readers > 0 then fail(ERR_BUSY, READ) end
  return pointer_of(box)
end

local function end_call(self, s, ...)
  give(self[2], s)
  return ...
end

function Profile.id(self)
  local box = profile_box_of(self, 1)
  hold(box)
  local id = C.pz_profile_id(box.profile)
  local text = ffi_string(id.data, id.len)
  let_go(box)
  return text
end

-- In parentheses: LuaJIT compiles no tail call that gives a truth.
function Profile.exists(self) return (C.pz_profile_exists(profile_of(self))) end

function Profile.refresh(self)
  local err = new_error()
  check(C.pz_profile_refresh(writable(self), err), err)
end

function Profile.close(self)
  local box = box_of(self)
  if not istype(profile_t, box) then wrong_handle(1, "personalize.profile", self) end
  H.refuse_asked(box)
  self[2][3][box] = nil
  H.close_profile(box)
end

function Profile.bytes(self)
  profile_box_of(self, 1)
  local s = take(self[2])
  check(C.pz_profile_encode(profile_of(self), s.pool, s.value, s.err), s.err)
  return end_call(self, s, ffi_string(s.value.as.text, s.value.len))
end

function Profile.export(self, indent)
  indent = indent_at(indent)
  profile_box_of(self, 1)
  local s = take(self[2])
  check(C.pz_profile_export(profile_of(self), s.pool, s.text, indent, s.err), s.err)
  return end_call(self, s, text_of(s))
end

-- Everything known in plain English sentences, for the person it is about.
function Profile.export_text(self)
  profile_box_of(self, 1)
  local s = take(self[2])
  check(C.pz_profile_export_text(profile_of(self), s.pool, s.text, s.err), s.err)
  return end_call(self, s, text_of(s))
end

function Profile.merge(self, other)
  local into, from, err = profile_box_of(self, 1), profile_box_of(other, 2), new_error()
  if self[2] ~= other[2] then
    fail(ERR_ARG, "the profiles are of different engines; hand over bytes")
  end
  if not (into.is_open and from.is_open) then fail(ERR_STATE, "the profile is closed") end
  if into.readers > 0 then fail(ERR_BUSY, READ) end
  hold(into)
  hold(from)
  local status = C.pz_merge(into.profile, from.profile, err)
  let_go(into)
  let_go(from)
  check(status, err)
end

-- profile:person{other, ...}: whom a detached profile may have to be seen with.
function Profile.person(self, others)
  table_at(2, others)
  local count, err = #others, new_error()
  if count > PEOPLE_MAX then bad_argument(2, "too many profiles") end
  profile_box_of(self, 1)
  local profiles, boxes = profiles_t(count + 1), {}
  for i = 1, count do
    local other = rawget(others, i)
    boxes[i] = profile_box_of(other, i, "profile")
    if other[2] ~= self[2] then fail(ERR_ARG, "the profiles are of different engines") end
    profiles[i - 1] = pointer_of(boxes[i])
  end
  local profile = writable(self)
  for i = 1, count do
    if not boxes[i].is_open then fail(ERR_STATE, "the profile is closed") end
  end
  check(C.pz_profile_person(profile, profiles, count, err), err)
end

-- ---- writing ----

local CIRCUMSTANCES = V.names "at, channel, durability, expires, from, member, now, strength, to, who and writer"
local TCF = V.names "cmp_id, cmp_version, language, policy_version, publisher_country, screen and vendor_list_version"

-- The circumstances of a write, or defaults. `number` is the argument's, for errors.
local function begin_write(self, circumstances, number)
  profile_box_of(self, 1)
  local s = take(self[2])
  local write = s.write
  write.at_ms, write.now_ms, write.expires_ms = 0, 0, 0
  write.channel, write.who, write.writer, write.durability = nil, nil, nil, 0
  if circumstances == nil then return s, write end
  table_at(number, circumstances)
  V.check_known(circumstances, CIRCUMSTANCES, "circumstance", " of a write")
  write.at_ms = moment_at(s, circumstances.at)
  write.now_ms = moment_at(s, circumstances.now)
  write.expires_ms = moment_at(s, circumstances.expires)
  s.channel, s.who = option(circumstances, "channel"), option(circumstances, "who")
  s.writer = option(circumstances, "writer")
  write.channel, write.who, write.writer = s.channel, s.who, s.writer
  write.durability = V.durability_of(circumstances)
  return s, write
end

local function end_write(self, s, status)
  check(status, s.err)
  give(self[2], s)
end

local function value_verb(name)
  return function(self, attribute, value, circumstances)
    local s, write = begin_write(self, circumstances, 4)
    name_at(attribute, "the attribute")
    put(s, s.input, value)
    end_write(self, s, C[name](writable(self), attribute, s.input, write, s.err))
  end
end

Profile.choose, Profile.reject = value_verb "pz_choose", value_verb "pz_reject"
Profile.declare = value_verb "pz_declare"

function Profile.infer(self, attribute, value, confidence, circumstances)
  confidence = number_at(4, confidence)
  local s, write = begin_write(self, circumstances, 5)
  name_at(attribute, "the attribute")
  put(s, s.input, value)
  end_write(self, s, C.pz_infer(writable(self), attribute, s.input, confidence, write, s.err))
end

-- profile:clear(attribute, {member = ..., ...})
function Profile.clear(self, attribute, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  name_at(attribute, "the attribute")
  local member = circumstances and option(circumstances, "member")
  local status
  if member then
    status = C.pz_clear_member(writable(self), attribute, member, write, s.err)
  else
    status = C.pz_clear(writable(self), attribute, write, s.err)
  end
  end_write(self, s, status)
end

-- profile:edit(attribute, item, what, circumstances)
function Profile.edit(self, attribute, item, what, circumstances)
  local s, write = begin_write(self, circumstances, 5)
  name_at(attribute, "the attribute")
  name_at(item, "the item")
  put(s, s.input, what)
  end_write(self, s, C.pz_edit(writable(self), attribute, item, s.input, write, s.err))
end

local MODES = {AUTO = 0, MANUAL = 1, OFF = 2}

function Profile.set_mode(self, attribute, mode, circumstances)
  mode = choice_at(3, mode, MODES)
  local s, write = begin_write(self, circumstances, 4)
  name_at(attribute, "the attribute")
  end_write(self, s, C.pz_set_mode(writable(self), attribute, mode, write, s.err))
end

-- profile:verb(name, circumstances); where `may_lack` is set the name may be nil.
local function name_verb(call, what, may_lack)
  return function(self, name, circumstances)
    local s, write = begin_write(self, circumstances, 3)
    if not (may_lack and name == nil) then name_at(name, what) end
    end_write(self, s, C[call](writable(self), name, write, s.err))
  end
end

Profile.set_level = name_verb("pz_set_level", "the level")
Profile.undo = name_verb("pz_undo", "the attribute", true)
Profile.unlink = name_verb("pz_unlink", "the other id")
Profile.switch = name_verb("pz_switch", "the other id")
Profile.set_account = name_verb("pz_set_account", "the account", true)

-- profile:link(other, {strength = 0.9, ...})
function Profile.link(self, other, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  name_at(other, "the other id")
  local strength = circumstances and circumstances.strength
  strength = strength == nil and 1 or number_option(circumstances, "strength", 1)
  end_write(self, s, C.pz_link(writable(self), other, strength, write, s.err))
end

-- A boolean and nothing else: "no" is true to Lua, and nil is what a form lacks.
local function truth_at(value, what)
  if type(value) ~= "boolean" then fail(ERR_TYPE, ("%s is true or false, not %s"):format(what, type_of(value))) end
  return value
end

-- profile:consent(purpose, granted, circumstances); the purpose alone grants.
function Profile.consent(self, purpose, ...)
  local granted, circumstances = ...
  local s, write = begin_write(self, circumstances, 4)
  name_at(purpose, "the purpose")
  local is_granted = select("#", ...) == 0 or truth_at(granted, "consent")
  end_write(self, s, C.pz_consent(writable(self), purpose, is_granted, write, s.err))
end

function Profile.consent_tcf(self, text, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  local changed = uint32_box_t()
  name_at(text, "a TC string")
  end_write(self, s, C.pz_consent_tcf(writable(self), text, write, changed, s.err))
  return changed[0]
end

function Profile.consent_gpc(self, is_on, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  local changed = uint32_box_t()
  if type(is_on) == "nil" then is_on = true end
  truth_at(is_on, "the signal")
  end_write(self, s, C.pz_consent_gpc(writable(self), is_on, write, changed, s.err))
  return changed[0]
end

-- profile:tcf{cmp_id = ..., cmp_version = ..., language = "EN", publisher_country = "DE", ...}
function Profile.tcf(self, settings)
  local options, language, country = new_tcf(), nil, nil
  if settings ~= nil then
    table_at(2, settings)
    V.check_known(settings, TCF, "setting")
    options.cmp_id = number_option(settings, "cmp_id", 4095)
    options.cmp_version = number_option(settings, "cmp_version", 4095)
    options.vendor_list_version = number_option(settings, "vendor_list_version", 4095)
    options.policy_version = number_option(settings, "policy_version", 63)
    options.screen = number_option(settings, "screen", 63)
    language, country = option(settings, "language"), option(settings, "publisher_country")
  end
  profile_box_of(self, 1)
  local s = take(self[2])
  options.language, options.publisher_country = language, country
  check(C.pz_profile_tcf(writable(self), options, s.pool, s.text, s.err), s.err)
  keep_alive(language, country)
  return end_call(self, s, text_of(s))
end

-- The span {from, to} of the circumstances; nil if neither end is given.
local function span_of(s, circumstances)
  if circumstances == nil then return nil end
  local from, to = circumstances.from, circumstances.to
  if from == nil and to == nil then return nil end
  local span = ffi.new "pz_span"
  span.from_ms = from ~= nil and moment_at(s, from) or -0x7fffffffffffffffLL - 1
  span.to_ms = to ~= nil and moment_at(s, to) or 0x7fffffffffffffffLL
  return span
end

-- profile:forget(attribute or nil, {from = ..., to = ..., ...})
function Profile.forget(self, attribute, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  if attribute ~= nil then name_at(attribute, "the attribute") end
  local span = span_of(s, circumstances)
  end_write(self, s, C.pz_forget(writable(self), attribute, span, write, s.err))
end

-- profile:expire(attribute or nil, {...}): of how many attributes something was dropped
function Profile.expire(self, attribute, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  local count = uint32_box_t()
  if attribute ~= nil then name_at(attribute, "the attribute") end
  end_write(self, s, C.pz_expire(writable(self), attribute, write, count, s.err))
  return count[0]
end

function Profile.retract(self, source, id, circumstances)
  local s, write = begin_write(self, circumstances, 4)
  name_at(source, "the source")
  name_at(id, "the id")
  end_write(self, s, C.pz_retract(writable(self), source, id, write, s.err))
end

-- profile:retract_all(attribute or nil, {from = ..., to = ..., ...}): how many events
function Profile.retract_all(self, attribute, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  local count = uint32_box_t()
  if attribute ~= nil then name_at(attribute, "the attribute") end
  local span = span_of(s, circumstances)
  end_write(self, s, C.pz_retract_all(writable(self), attribute, span, write, count, s.err))
  return count[0]
end

function Profile.identify(self, kind, value, circumstances)
  local s, write = begin_write(self, circumstances, 4)
  name_at(kind, "the kind")
  name_at(value, "the identifier")
  end_write(self, s, C.pz_identify(writable(self), kind, value, write, s.err))
end

local bool_box_t = ffi.typeof "bool[1]"

-- True if the event is new, false if it was seen before.
function Profile.observe(self, event, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  local is_new = bool_box_t()
  put(s, s.input, event)
  end_write(self, s, C.pz_observe(writable(self), s.input, write, is_new, s.err))
  return is_new[0]
end

function Profile.apply(self, operation, circumstances)
  local s, write = begin_write(self, circumstances, 3)
  put(s, s.input, operation)
  end_write(self, s, C.pz_profile_apply(writable(self), s.input, write, s.err))
end

return Profile
