/*
 * profile.c: the methods of profiles.
 *
 * A method takes the profile first, then the verb's arguments, then a table with the circumstances
 * of the write: at, now, expires, channel, who, writer. begin_write() pushes the engine below it
 * all, so that the arguments stand one place further up than Lua counts them.
 */
#include "binding.h"

#include <string.h>

/* Most profiles that pz_profile_person() takes. */
#define PEOPLE_MAX 63u

/* Push the engine of the profile at index 1 below everything, so that calls on profiles find it
 * where calls on engines do. Raises for a closed profile. */
static profile_box *begin_profile_call(lua_State *L)
{
    profile_box *box = pzl_profile_at(L, 1);
    luaL_checkstack(L, 20, "no room on the stack");
    get_env(L, 1);
    lua_rawgeti(L, -1, 1);
    lua_insert(L, 1);
    lua_pop(L, 1);
    return box;
}

static int profile_id(lua_State *L)
{
    const pz_str id = pz_profile_id(pzl_profile_at(L, 1)->profile);
    char copy[64]; /* an id has 1 to 64 bytes; pushing it may close the profile */
    const size_t len = id.len < sizeof copy ? id.len : sizeof copy;
    memcpy(copy, id.data, len);
    lua_pushlstring(L, copy, len);
    return 1;
}

static int profile_exists(lua_State *L)
{
    lua_pushboolean(L, pz_profile_exists(pzl_profile_at(L, 1)->profile));
    return 1;
}

static int profile_refresh(lua_State *L)
{
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L, pz_profile_refresh(pzl_profile_at(L, 1)->profile, &err), &err);
    return 0;
}

static int profile_bytes(lua_State *L)
{
    lua_settop(L, 1);
    begin_profile_call(L);
    session_box *session = pzl_take_session(L);
    pz_value out;
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L, pz_profile_encode(pzl_profile_at(L, 2)->profile, session->pool, &out, &err), &err);
    lua_pushlstring(L, out.as.text, out.len);
    pzl_give_session(L, session, 1, 3);
    return 1;
}

static int profile_export(lua_State *L)
{
    lua_settop(L, 2);
    const lua_Integer indent = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, indent >= 0 && indent <= 16, 2, "indent by 0 to 16 spaces");
    begin_profile_call(L);
    session_box *session = pzl_take_session(L);
    pz_str out;
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L,
              pz_profile_export(pzl_profile_at(L, 2)->profile, session->pool, &out,
                                (uint32_t)indent, &err),
              &err);
    lua_pushlstring(L, out.data, out.len);
    pzl_give_session(L, session, 1, 4);
    return 1;
}

/* Everything known in plain English sentences, for the person it is about. */
static int profile_export_text(lua_State *L)
{
    lua_settop(L, 1);
    begin_profile_call(L);
    session_box *session = pzl_take_session(L);
    pz_str out;
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L, pz_profile_export_text(pzl_profile_at(L, 2)->profile, session->pool, &out, &err),
              &err);
    lua_pushlstring(L, out.data, out.len);
    pzl_give_session(L, session, 1, 3);
    return 1;
}

static int profile_merge(lua_State *L)
{
    pz_error err = PZ_ERROR_INIT;
    profile_box *into = pzl_profile_at(L, 1), *other = pzl_profile_at(L, 2);
    if (into->engine != other->engine)
        return pzl_fail(L, PZ_ERR_ARG, "the profiles are of different engines; hand over bytes");
    pzl_check(L, pz_merge(into->profile, other->profile, &err), &err);
    return 0;
}

/* profile:person{other, ...}: whom a detached profile may have to be seen with. */
static int profile_person(lua_State *L)
{
    const pz_profile *others[PEOPLE_MAX];
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 2);
    luaL_checktype(L, 2, LUA_TTABLE);
    const size_t count = lua_rawlen(L, 2);
    luaL_argcheck(L, count <= PEOPLE_MAX, 2, "too many profiles");
    luaL_checkstack(L, (int)count + 8, "no room on the stack");
    /* They stay on the stack, so that none is collected before the call. */
    for (size_t i = 0; i < count; i++)
        lua_rawgeti(L, 2, (int)i + 1);
    profile_box *box = pzl_profile_at(L, 1);
    for (size_t i = 0; i < count; i++) {
        profile_box *other = pzl_profile_as(L, (int)i + 3, "profile", (int)i + 1);
        if (other->engine != box->engine)
            return pzl_fail(L, PZ_ERR_ARG, "the profiles are of different engines");
        others[i] = other->profile;
    }
    pzl_check(L, pz_profile_person(box->profile, others, count, &err), &err);
    return 0;
}

/* ---- writing ---- */

pz_durability pzl_durability_at(lua_State *L, int index)
{
    static const char *const names[] = {"", "durable", "grouped", "lazy"};
    const char *name = pzl_option(L, index, "durability");
    for (int i = PZ_DURABLE; name && i <= PZ_LAZY; i++)
        if (strcmp(name, names[i]) == 0)
            return (pz_durability)i;
    if (name)
        pzl_fail(L, PZ_ERR_ARG, "durability is durable, grouped or lazy");
    return PZ_DURABILITY_DEFAULT;
}

pz_write pzl_read_write(lua_State *L, session_box *session, int index)
{
    pz_write write = {PZ_WRITE};
    lua_getfield(L, index, "at");
    write.at_ms = pzl_moment_at(L, session, lua_gettop(L));
    lua_getfield(L, index, "now");
    write.now_ms = pzl_moment_at(L, session, lua_gettop(L));
    lua_getfield(L, index, "expires");
    write.expires_ms = pzl_moment_at(L, session, lua_gettop(L));
    write.channel = pzl_option(L, index, "channel");
    write.who = pzl_option(L, index, "who");
    write.writer = pzl_option(L, index, "writer");
    write.durability = pzl_durability_at(L, index);
    return write;
}

/* The circumstances of a write from the table at `index`, or defaults. Texts stay on the stack. */
static pz_write write_at(lua_State *L, session_box *session, int index)
{
    if (lua_isnoneornil(L, index))
        return (pz_write){PZ_WRITE};
    if (lua_type(L, index) != LUA_TTABLE) { /* which is one further down as Lua counts */
        lua_pushfstring(L, "table expected, got %s", luaL_typename(L, index));
        luaL_argerror(L, index - 1, lua_tostring(L, -1));
    }
    pzl_check_known(L, index, "circumstance", " of a write",
                    "at, channel, durability, expires, from, member, now, strength, to, who and "
                    "writer");
    return pzl_read_write(L, session, index);
}

/* A write on its way. On the stack: engine, profile, arguments up to `last`, session, texts. */
typedef struct writing {
    session_box *session;
    int session_index;
    pz_write write;
    pz_error err;
} writing;

/* Begin a write whose table of circumstances is argument `last`, counted as Lua counts. */
static writing begin_write(lua_State *L, int last)
{
    writing w = {.err = PZ_ERROR_INIT};
    lua_settop(L, last);
    begin_profile_call(L);
    w.session = pzl_take_session(L);
    w.session_index = lua_gettop(L);
    w.write = write_at(L, w.session, last + 1);
    return w;
}

static void end_write(lua_State *L, writing *w, pz_status status)
{
    pzl_check(L, status, &w->err);
    pzl_give_session(L, w->session, 1, w->session_index);
}

typedef pz_status (*value_verb)(pz_profile *, const char *, pz_value, const pz_write *, pz_error *);

/* profile:verb(attribute, value, circumstances) */
static int write_value(lua_State *L, value_verb verb)
{
    writing w = begin_write(L, 4);
    const char *name = pzl_name_at(L, 3, "the attribute");
    const pz_value value = pzl_put(L, w.session, 4);
    end_write(L, &w, verb(pzl_profile_at(L, 2)->profile, name, value, &w.write, &w.err));
    return 0;
}

static int profile_choose(lua_State *L)
{
    return write_value(L, pz_choose);
}

static int profile_reject(lua_State *L)
{
    return write_value(L, pz_reject);
}

static int profile_declare(lua_State *L)
{
    return write_value(L, pz_declare);
}

static int profile_infer(lua_State *L)
{
    const double confidence = (double)luaL_checknumber(L, 4);
    writing w = begin_write(L, 5);
    const char *name = pzl_name_at(L, 3, "the attribute");
    const pz_value value = pzl_put(L, w.session, 4);
    end_write(L, &w,
              pz_infer(pzl_profile_at(L, 2)->profile, name, value, confidence, &w.write, &w.err));
    return 0;
}

/* profile:clear(attribute, {member = ..., ...}) */
static int profile_clear(lua_State *L)
{
    writing w = begin_write(L, 3);
    const char *name = pzl_name_at(L, 3, "the attribute");
    const char *member = lua_isnoneornil(L, 4) ? NULL : pzl_option(L, 4, "member");
    pz_profile *profile = pzl_profile_at(L, 2)->profile;
    end_write(L, &w,
              member ? pz_clear_member(profile, name, member, &w.write, &w.err)
                     : pz_clear(profile, name, &w.write, &w.err));
    return 0;
}

/* profile:edit(attribute, item, what, circumstances) */
static int profile_edit(lua_State *L)
{
    writing w = begin_write(L, 5);
    const char *name = pzl_name_at(L, 3, "the attribute");
    const char *item = pzl_name_at(L, 4, "the item");
    const pz_value what = pzl_put(L, w.session, 5);
    end_write(L, &w, pz_edit(pzl_profile_at(L, 2)->profile, name, item, what, &w.write, &w.err));
    return 0;
}

static int profile_set_mode(lua_State *L)
{
    static const char *const modes[] = {"AUTO", "MANUAL", "OFF", NULL};
    const pz_mode mode = (pz_mode)luaL_checkoption(L, 3, NULL, modes);
    writing w = begin_write(L, 4);
    const char *name = pzl_name_at(L, 3, "the attribute");
    end_write(L, &w, pz_set_mode(pzl_profile_at(L, 2)->profile, name, mode, &w.write, &w.err));
    return 0;
}

typedef pz_status (*name_verb)(pz_profile *, const char *, const pz_write *, pz_error *);

/* profile:verb(name, circumstances); where `may_lack` is set the name may be nil. */
static int write_name(lua_State *L, name_verb verb, const char *what, bool may_lack)
{
    writing w = begin_write(L, 3);
    const char *name = may_lack && lua_isnil(L, 3) ? NULL : pzl_name_at(L, 3, what);
    end_write(L, &w, verb(pzl_profile_at(L, 2)->profile, name, &w.write, &w.err));
    return 0;
}

static int profile_set_level(lua_State *L)
{
    return write_name(L, pz_set_level, "the level", false);
}

static int profile_undo(lua_State *L)
{
    return write_name(L, pz_undo, "the attribute", true);
}

static int profile_unlink(lua_State *L)
{
    return write_name(L, pz_unlink, "the other id", false);
}

static int profile_switch(lua_State *L)
{
    return write_name(L, pz_switch, "the other id", false);
}

static int profile_set_account(lua_State *L)
{
    return write_name(L, pz_set_account, "the account", true);
}

/* profile:link(other, {strength = 0.9, ...}) */
static int profile_link(lua_State *L)
{
    double strength = 1.0;
    writing w = begin_write(L, 3);
    const char *other = pzl_name_at(L, 3, "the other id");
    if (!lua_isnil(L, 4)) {
        lua_getfield(L, 4, "strength");
        if (!lua_isnil(L, -1))
            strength = pzl_number_option(L, 4, "strength", 1.0);
    }
    end_write(L, &w, pz_link(pzl_profile_at(L, 2)->profile, other, strength, &w.write, &w.err));
    return 0;
}

/* A boolean and nothing else: "no" is true to Lua, and nil is what a form lacks. */
static bool truth_at(lua_State *L, int index, const char *what)
{
    if (!lua_isboolean(L, index)) {
        lua_pushfstring(L, "%s is true or false, not %s", what, luaL_typename(L, index));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    return lua_toboolean(L, index);
}

/* profile:consent(purpose, granted, circumstances); the purpose alone grants. */
static int profile_consent(lua_State *L)
{
    const bool is_alone = lua_gettop(L) < 3;
    writing w = begin_write(L, 4);
    const char *purpose = pzl_name_at(L, 3, "the purpose");
    const bool is_granted = is_alone || truth_at(L, 4, "consent");
    end_write(L, &w,
              pz_consent(pzl_profile_at(L, 2)->profile, purpose, is_granted, &w.write, &w.err));
    return 0;
}

static int profile_consent_tcf(lua_State *L)
{
    uint32_t changed;
    writing w = begin_write(L, 3);
    const char *text = pzl_name_at(L, 3, "a TC string");
    end_write(L, &w,
              pz_consent_tcf(pzl_profile_at(L, 2)->profile, text, &w.write, &changed, &w.err));
    pzl_push_count(L, changed);
    return 1;
}

static int profile_consent_gpc(lua_State *L)
{
    uint32_t changed;
    writing w = begin_write(L, 3);
    const bool is_on = lua_isnil(L, 3) || truth_at(L, 3, "the signal");
    end_write(L, &w,
              pz_consent_gpc(pzl_profile_at(L, 2)->profile, is_on, &w.write, &changed, &w.err));
    pzl_push_count(L, changed);
    return 1;
}

/* profile:tcf{cmp_id = ..., cmp_version = ..., language = "EN", publisher_country = "DE", ...} */
static int profile_tcf(lua_State *L)
{
    pz_tcf options = {PZ_TCF};
    pz_error err = PZ_ERROR_INIT;
    pz_str out;
    lua_settop(L, 2);
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        pzl_check_known(L, 2, "setting", "",
                        "cmp_id, cmp_version, language, policy_version, publisher_country, screen "
                        "and vendor_list_version");
        options.cmp_id = (uint16_t)pzl_number_option(L, 2, "cmp_id", 4095);
        options.cmp_version = (uint16_t)pzl_number_option(L, 2, "cmp_version", 4095);
        options.vendor_list_version =
            (uint16_t)pzl_number_option(L, 2, "vendor_list_version", 4095);
        options.policy_version = (uint8_t)pzl_number_option(L, 2, "policy_version", 63);
        options.screen = (uint8_t)pzl_number_option(L, 2, "screen", 63);
        options.language = pzl_option(L, 2, "language");
        options.publisher_country = pzl_option(L, 2, "publisher_country");
    }
    begin_profile_call(L);
    session_box *session = pzl_take_session(L);
    const int session_index = lua_gettop(L);
    pzl_check(L, pz_profile_tcf(pzl_profile_at(L, 2)->profile, &options, session->pool, &out, &err),
              &err);
    lua_pushlstring(L, out.data, out.len);
    pzl_give_session(L, session, 1, session_index);
    return 1;
}

/* The span {from, to} of the circumstances at 4; false if neither end is given. */
static bool span_at(lua_State *L, session_box *session, pz_span *span)
{
    *span = (pz_span){INT64_MIN, INT64_MAX};
    if (lua_isnoneornil(L, 4))
        return false;
    lua_getfield(L, 4, "from");
    const bool has_from = !lua_isnil(L, -1);
    if (has_from)
        span->from_ms = pzl_moment_at(L, session, lua_gettop(L));
    lua_getfield(L, 4, "to");
    const bool has_to = !lua_isnil(L, -1);
    if (has_to)
        span->to_ms = pzl_moment_at(L, session, lua_gettop(L));
    return has_from || has_to;
}

/* profile:forget(attribute or nil, {from = ..., to = ..., ...}) */
static int profile_forget(lua_State *L)
{
    pz_span span;
    writing w = begin_write(L, 3);
    const char *name = lua_isnil(L, 3) ? NULL : pzl_name_at(L, 3, "the attribute");
    const bool has_span = span_at(L, w.session, &span);
    end_write(
        L, &w,
        pz_forget(pzl_profile_at(L, 2)->profile, name, has_span ? &span : NULL, &w.write, &w.err));
    return 0;
}

/* profile:expire(attribute or nil, {...}): of how many attributes something was dropped */
static int profile_expire(lua_State *L)
{
    uint32_t count;
    writing w = begin_write(L, 3);
    const char *name = lua_isnil(L, 3) ? NULL : pzl_name_at(L, 3, "the attribute");
    end_write(L, &w, pz_expire(pzl_profile_at(L, 2)->profile, name, &w.write, &count, &w.err));
    pzl_push_count(L, count);
    return 1;
}

static int profile_retract(lua_State *L)
{
    writing w = begin_write(L, 4);
    const char *source = pzl_name_at(L, 3, "the source"), *id = pzl_name_at(L, 4, "the id");
    end_write(L, &w, pz_retract(pzl_profile_at(L, 2)->profile, source, id, &w.write, &w.err));
    return 0;
}

/* profile:retract_all(attribute or nil, {from = ..., to = ..., ...}): how many events */
static int profile_retract_all(lua_State *L)
{
    pz_span span;
    uint32_t count;
    writing w = begin_write(L, 3);
    const char *name = lua_isnil(L, 3) ? NULL : pzl_name_at(L, 3, "the attribute");
    const bool has_span = span_at(L, w.session, &span);
    end_write(L, &w,
              pz_retract_all(pzl_profile_at(L, 2)->profile, name, has_span ? &span : NULL, &w.write,
                             &count, &w.err));
    pzl_push_count(L, count);
    return 1;
}

static int profile_identify(lua_State *L)
{
    writing w = begin_write(L, 4);
    const char *kind = pzl_name_at(L, 3, "the kind");
    const char *value = pzl_name_at(L, 4, "the identifier");
    end_write(L, &w, pz_identify(pzl_profile_at(L, 2)->profile, kind, value, &w.write, &w.err));
    return 0;
}

/* True if the event is new, false if it was seen before. */
static int profile_observe(lua_State *L)
{
    bool is_new;
    writing w = begin_write(L, 3);
    const pz_value event = pzl_put(L, w.session, 3);
    end_write(L, &w, pz_observe(pzl_profile_at(L, 2)->profile, event, &w.write, &is_new, &w.err));
    lua_pushboolean(L, is_new);
    return 1;
}

static int profile_apply(lua_State *L)
{
    writing w = begin_write(L, 3);
    const pz_value operation = pzl_put(L, w.session, 3);
    end_write(L, &w, pz_profile_apply(pzl_profile_at(L, 2)->profile, operation, &w.write, &w.err));
    return 0;
}

const luaL_Reg pzl_profile_methods[] = {
    {"id", profile_id},
    {"exists", profile_exists},
    {"refresh", profile_refresh},
    {"bytes", profile_bytes},
    {"export", profile_export},
    {"export_text", profile_export_text},
    {"merge", profile_merge},
    {"person", profile_person},
    {"choose", profile_choose},
    {"reject", profile_reject},
    {"clear", profile_clear},
    {"edit", profile_edit},
    {"set_mode", profile_set_mode},
    {"set_level", profile_set_level},
    {"undo", profile_undo},
    {"declare", profile_declare},
    {"infer", profile_infer},
    {"identify", profile_identify},
    {"observe", profile_observe},
    {"consent", profile_consent},
    {"consent_tcf", profile_consent_tcf},
    {"consent_gpc", profile_consent_gpc},
    {"tcf", profile_tcf},
    {"forget", profile_forget},
    {"retract", profile_retract},
    {"retract_all", profile_retract_all},
    {"expire", profile_expire},
    {"link", profile_link},
    {"unlink", profile_unlink},
    {"switch", profile_switch},
    {"set_account", profile_set_account},
    {"apply", profile_apply},
    {"close", pzl_profile_close},
    {NULL, NULL},
};
