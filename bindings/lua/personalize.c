/*
 * personalize.c: the library as a Lua module, for Lua 5.1 (and LuaJIT), 5.3 and 5.4.
 *
 * One source, built once for each Lua; the module is not linked to a Lua, since the host is one.
 *
 *     engine userdata --env--> { session, hosts }        profile, session --env--> { engine }
 *        |  intrusive lists: profiles, sessions
 *
 * A session is a context and a pool. A call takes the engine's session out of its slot and puts it
 * back at its end. Any allocation in Lua may run a finalizer, which may call into the same engine:
 * it finds the slot empty and makes a session of its own. A call that raises never puts its session
 * back; the collector frees it. So nothing leaks and nothing is used twice, without a single pcall.
 *
 * Whatever comes out of C is copied into the session's pool before the first Lua value is made from
 * it, and whatever C hands over is held by a userdata before Lua may raise. Between the last check
 * that a handle is open and the C call nothing allocates in Lua; while C runs, Lua code runs only
 * where the engine or program has functions written in Lua, and then what C uses is held: nobody
 * else may use or close it (hosts.c).
 *
 * Every method exists twice: raising, and as `nil, message, code, line, column` in the handles that
 * personalize.safe makes. The second is a wrapper around the first.
 *
 * Not here: many customers in one call (many.c), records of decisions (record.c), functions that C
 * calls back (hosts.c), methods of profiles (profile.c), programs (program.c), handles and their
 * lifetimes (handles.c), Lua values (value.c).
 */
#include "binding.h"

#include <string.h>

/* ---- arguments ---- */

static void set_text(lua_State *L, const char *name, const char *text)
{
    lua_pushstring(L, text);
    lua_setfield(L, -2, name);
}

static void set_number(lua_State *L, const char *name, uint32_t number)
{
    pzl_push_count(L, number);
    lua_setfield(L, -2, name);
}

/* Push the diagnostics of a report as a list, adding to the list on top of the stack. */
static void add_diagnostics(lua_State *L, const pz_report *report)
{
    const uint32_t count = pz_report_count(report);
    for (uint32_t i = 0; i < count; i++) {
        pz_diagnostic entry = {.size = (uint32_t)sizeof entry};
        pzl_check(L, pz_report_get(report, i, &entry), NULL);
        lua_createtable(L, 0, 9);
        set_text(L, "severity", entry.severity == PZ_ERROR ? "error" : "warning");
        set_text(L, "file", entry.file);
        set_number(L, "line", entry.line);
        set_number(L, "column", entry.column);
        set_number(L, "length", entry.length);
        set_text(L, "path", entry.path);
        set_text(L, "message", entry.message);
        set_text(L, "suggestion", entry.suggestion);
        set_text(L, "source", entry.source);
        lua_rawseti(L, -2, (int)lua_rawlen(L, -2) + 1);
    }
}

bool pzl_flag(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name);
    const bool is_set = lua_toboolean(L, -1);
    lua_pop(L, 1);
    return is_set;
}

/* The store that the settings at `index` bring along, or NULL. */
static const struct pz_store_module *module_option(lua_State *L, int index)
{
    lua_getfield(L, index, "module");
    if (lua_isnil(L, -1))
        return NULL;
    if (lua_type(L, -1) != LUA_TUSERDATA || !pzl_has_metatable(L, -1, STORE_MODULE)) {
        lua_pushfstring(L, "module is what require \"personalize_redis\" gives, not a %s",
                        luaL_typename(L, -1));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    return ((const module_box *)lua_touserdata(L, -1))->module;
}

/* open("shop.json", {store = "lmdb:customers"}) or open{catalog = ..., store = ...} */
static int open_engine(lua_State *L, bool is_safe)
{
    pz_engine_options options = {PZ_ENGINE_OPTIONS};
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 2);
    if (!lua_isnil(L, 1) && lua_type(L, 1) != LUA_TTABLE)
        options.catalog = pzl_name_at(L, 1, "the catalog");
    const int settings = lua_type(L, 1) == LUA_TTABLE ? 1 : 2;
    pzl_hosted hosted = {.functions = NULL};
    hosts_box *hosts = NULL;
    if (!lua_isnil(L, settings)) {
        luaL_checktype(L, settings, LUA_TTABLE);
        pzl_check_known(L, settings, "setting", "",
                        settings == 1
                            ? "catalog, functions, grouped, lazy, module, read_only, records, "
                              "skew_ms, store and store_bytes"
                            : "functions, grouped, lazy, module, read_only, records, skew_ms, "
                              "store and store_bytes");
        if (settings == 1)
            options.catalog = pzl_option(L, 1, "catalog");
        options.store = pzl_option(L, settings, "store");
        options.flags |= pzl_flag(L, settings, "read_only") ? PZ_ENGINE_READ_ONLY : 0;
        options.flags |= pzl_flag(L, settings, "lazy") ? PZ_ENGINE_LAZY : 0;
        options.flags |= pzl_flag(L, settings, "grouped") ? PZ_ENGINE_GROUPED : 0;
        options.skew_ms = (int64_t)pzl_number_option(L, settings, "skew_ms", NUMBER_MAX);
        options.store_bytes = (uint64_t)pzl_number_option(L, settings, "store_bytes", NUMBER_MAX);
        options.module = module_option(L, settings);
        hosts = pzl_push_hosts(L, settings, true, &hosted);
        options.functions = hosted.functions;
        options.function_count = hosted.count;
        options.records = hosted.records;
    }
    const int hosts_index = lua_gettop(L);
    engine_box *box = pzl_push_engine(L, is_safe);
    if (hosts) {
        lua_pushvalue(L, hosts_index);
        pzl_set_hosts(L, box, hosts_index + 1, hosts);
    }
    pzl_check(L, pz_engine_open(&box->engine, &options, &err), &err);
    return 1;
}

static int open_raising(lua_State *L)
{
    return open_engine(L, false);
}

static int open_safe(lua_State *L)
{
    return open_engine(L, true);
}

/* Put a catalog in force and push its warnings; `text` NULL: from the file `name`. */
static int load(lua_State *L, engine_box *box, const char *name, const char *text, size_t len)
{
    pz_error err = PZ_ERROR_INIT;
    pz_report **report = pzl_push_report(L);
    lua_newtable(L);
    pzl_check(L,
              text ? pz_engine_load_text(box->engine, name, text, len, report, &err)
                   : pz_engine_load(box->engine, name, report, &err),
              &err);
    add_diagnostics(L, *report);
    return 1;
}

static int engine_load(lua_State *L)
{
    engine_box *box = pzl_engine_at(L, 1);
    return load(L, box, pzl_name_at(L, 2, "the catalog"), NULL, 0);
}

static int engine_load_text(lua_State *L)
{
    size_t len;
    lua_settop(L, 3);
    engine_box *box = pzl_engine_at(L, 1);
    const char *text = luaL_checklstring(L, 2, &len);
    const char *name = lua_isnil(L, 3) ? "catalog" : pzl_name_at(L, 3, "the name");
    return load(L, box, name, text, len);
}

/* passed, failed, diagnostics */
static int engine_test(lua_State *L)
{
    pzl_engine_at(L, 1);
    pz_report **report = pzl_push_report(L);
    uint32_t passed = 0, failed = 0;
    pz_error err = PZ_ERROR_INIT;
    asking a;
    pzl_prepare_engine(L, &a, false);
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    pzl_begin_asking(&a);
    const pz_status status = pz_engine_test(engine, report, &passed, &failed, &err);
    pzl_answered(&a, status == PZ_ERR_TEST ? PZ_OK : status, &err);
    pzl_push_count(L, passed);
    pzl_push_count(L, failed);
    lua_newtable(L);
    add_diagnostics(L, *report);
    return 3;
}

static int engine_catalog_hash(lua_State *L)
{
    char hash[33];
    pzl_check(L, pz_engine_catalog_hash(pzl_engine_at(L, 1)->engine, hash), NULL);
    lua_pushlstring(L, hash, 32);
    return 1;
}

static int engine_count(lua_State *L)
{
    uint64_t count;
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L, pz_profile_count(pzl_engine_at(L, 1)->engine, &count, &err), &err);
    pzl_push_count(L, count);
    return 1;
}

/* The ids of everybody in the store, as a list. */
static int engine_ids(lua_State *L)
{
    pz_value ids;
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 1);
    pzl_engine_at(L, 1);
    session_box *session = pzl_take_session(L);
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    pzl_check(L, pz_profile_ids(engine, session->pool, &ids, &err), &err);
    pzl_push(L, ids);
    pzl_give_session(L, session, 1, 2);
    return 1;
}

/* ---- profiles ---- */

/* Finish a call that made a profile: link it to its engine, or raise. */
static int made(lua_State *L, profile_box *box, pz_status status, const pz_error *err)
{
    pzl_check(L, status, err);
    pzl_link_in(&box->engine->profiles, &box->link);
    return 1;
}

static int engine_customer(lua_State *L)
{
    pz_error err = PZ_ERROR_INIT;
    const char *kind = pzl_name_at(L, 2, "the kind");
    const char *value = pzl_name_at(L, 3, "the identifier");
    profile_box *box = pzl_push_profile(L, pzl_engine_at(L, 1));
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    return made(L, box, pz_customer(&box->profile, engine, kind, value, &err), &err);
}

static int engine_profile(lua_State *L)
{
    pz_error err = PZ_ERROR_INIT;
    const char *id = pzl_name_at(L, 2, "the id");
    profile_box *box = pzl_push_profile(L, pzl_engine_at(L, 1));
    return made(L, box, pz_profile_open(&box->profile, pzl_engine_at(L, 1)->engine, id, &err),
                &err);
}

static int engine_detached(lua_State *L)
{
    static const char *const subjects[] = {"person", "account", "device", NULL};
    pz_error err = PZ_ERROR_INIT;
    const char *id = pzl_name_at(L, 2, "the id");
    /* LuaJIT takes the default of luaL_checkoption() for whatever is no string. */
    const pz_subject subject =
        lua_isnoneornil(L, 3) ? PZ_PERSON : (pz_subject)luaL_checkoption(L, 3, NULL, subjects);
    profile_box *box = pzl_push_profile(L, pzl_engine_at(L, 1));
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    return made(L, box, pz_profile_new(&box->profile, engine, subject, id, &err), &err);
}

static int engine_decode(lua_State *L)
{
    size_t len;
    pz_error err = PZ_ERROR_INIT;
    const char *bytes = luaL_checklstring(L, 2, &len);
    profile_box *box = pzl_push_profile(L, pzl_engine_at(L, 1));
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    return made(L, box, pz_profile_decode(&box->profile, engine, bytes, len, &err), &err);
}

/* engine:view(bytes): a profile that answers from its bytes, which it keeps. */
static int engine_view(lua_State *L)
{
    size_t len;
    pz_error err = PZ_ERROR_INIT;
    const char *bytes = luaL_checklstring(L, 2, &len);
    profile_box *box = pzl_push_profile(L, pzl_engine_at(L, 1));
    get_env(L, -1);
    lua_pushvalue(L, 2);
    lua_rawseti(L, -2, 2);
    lua_pop(L, 1);
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    return made(L, box, pz_profile_view(&box->profile, engine, bytes, len, &err), &err);
}

/* ---- questions ---- */

/* Fails for the circumstance of the least name of those that are refused: a table has no order, and
 * LuaJIT's differs from run to run. */
static void refuse_circumstances(lua_State *L, session_box *session)
{
    pz_error err = PZ_ERROR_INIT;
    const char *least = NULL; /* a key of the table, it stays */
    for (lua_pushnil(L); lua_next(L, 4); lua_pop(L, 1)) {
        const char *key = pzl_name_at(L, -2, "the key of a circumstance");
        if (strcmp(key, "now") == 0)
            continue;
        const pz_value value = pzl_put(L, session, lua_gettop(L));
        const bool is_less = !least || strcmp(key, least) < 0;
        if (pz_context_set(session->context, key, value, &err) != PZ_OK && is_less)
            least = key;
    }
    if (!least) /* there was no memory for one, and now there was */
        return;
    lua_getfield(L, 4, least);
    const pz_value value = pzl_put(L, session, lua_gettop(L));
    pzl_check(L, pz_context_set(session->context, least, value, &err), &err);
}

/* Turn the circumstances, a table at 4, into the session's context. `now` is the moment. */
void pzl_begin_context(lua_State *L, session_box *session)
{
    pz_error err = PZ_ERROR_INIT;
    int64_t now_ms = 0;
    if (!lua_isnil(L, 4)) {
        luaL_checktype(L, 4, LUA_TTABLE);
        lua_getfield(L, 4, "now");
        now_ms = pzl_moment_at(L, session, lua_gettop(L));
        lua_pop(L, 1);
    }
    pzl_check(L, pz_context_begin(session->context, now_ms, &err), &err);
    if (lua_isnil(L, 4))
        return;
    for (lua_pushnil(L); lua_next(L, 4); lua_pop(L, 1)) {
        const char *key = pzl_name_at(L, -2, "the key of a circumstance");
        if (strcmp(key, "now") == 0)
            continue;
        const pz_value value = pzl_put(L, session, lua_gettop(L));
        if (pz_context_set(session->context, key, value, &err) != PZ_OK)
            refuse_circumstances(L, session);
    }
}

const pz_profile *pzl_profile_or_nobody(lua_State *L, int index, const engine_box *engine)
{
    if (lua_isnil(L, index))
        return NULL;
    const profile_box *box = pzl_profile_at(L, index);
    if (box->engine != engine)
        pzl_fail(L, PZ_ERR_ARG, "the profile is of another engine");
    return box->profile;
}

void pzl_hold_at(lua_State *L, asking *a, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA)
        return;
    profile_box *box = lua_touserdata(L, index);
    a->held[a->held[0] ? 1 : 0] = &box->asked;
}

/* `is_by_name`: what stands at 3 is no handle and stays there. `last`: the last argument. */
static void begin_question_of(lua_State *L, question *q, bool has_name, bool is_by_name, int last)
{
    *q = (question){.err = PZ_ERROR_INIT, .session_index = last + 1};
    if (!has_name) {
        lua_pushnil(L);
        lua_insert(L, 2);
    }
    lua_settop(L, last);
    engine_box *engine = pzl_engine_at(L, 1);
    q->name = has_name ? pzl_name_at(L, 2, "the name") : NULL;
    q->session = pzl_take_session(L);
    pzl_begin_context(L, q->session);
    const char *level = lua_isnil(L, 6) ? NULL : pzl_name_at(L, 6, "the level");
    pzl_prepare_engine(L, &q->asking, true);
    /* From here to the C call nothing allocates in Lua, so no handle can close; then they are held.
     */
    const pz_profile *account = pzl_profile_or_nobody(L, 5, engine);
    q->profile = is_by_name ? NULL : pzl_profile_or_nobody(L, 3, engine);
    if (account)
        pzl_check(L, pz_context_account(q->session->context, account, &q->err), &q->err);
    if (level)
        pzl_check(L, pz_context_level(q->session->context, level, &q->err), &q->err);
    pzl_hold_at(L, &q->asking, 5);
    if (!is_by_name)
        pzl_hold_at(L, &q->asking, 3);
    pzl_begin_asking(&q->asking);
}

void pzl_begin_question(lua_State *L, question *q, bool has_name, int last)
{
    begin_question_of(L, q, has_name, false, last);
}

int pzl_end_question(lua_State *L, question *q, int results)
{
    pzl_give_session(L, q->session, 1, q->session_index);
    return results;
}

/* Copy what a profile may own into the pool. */
pz_value pzl_keep(lua_State *L, question *q, pz_value value)
{
    pz_value out;
    pzl_check(L, pz_pool_copy(q->session->pool, &out, value), NULL);
    return out;
}

static pz_value keep_text(lua_State *L, question *q, pz_str text)
{
    return pzl_keep(L, q, pz_value_strn(text.data, text.len));
}

static void set_value(lua_State *L, const char *name, pz_value value)
{
    pzl_push_answer(L, value);
    lua_setfield(L, -2, name);
}

/* Make what an answer borrows the pool's. */
void pzl_keep_resolution(lua_State *L, question *q, pz_resolution *found)
{
    found->value = pzl_keep(L, q, found->value);
    found->members = pzl_keep(L, q, found->members);
    const pz_value channel = keep_text(L, q, found->channel), who = keep_text(L, q, found->who);
    found->channel = pz_value_text(channel);
    found->who = pz_value_text(who);
}

/* Push {value, tier, reason, confidence, channel, who, at, members, is_resolved}. */
void pzl_push_resolution(lua_State *L, const pz_resolution *found)
{
    lua_createtable(L, 0, 9);
    set_value(L, "value", found->value);
    set_text(L, "tier", found->tier);
    set_text(L, "reason", found->reason);
    if (found->has_confidence)
        set_value(L, "confidence", pz_value_double(found->confidence));
    set_value(L, "channel", pz_value_strn(found->channel.data, found->channel.len));
    set_value(L, "who", pz_value_strn(found->who.data, found->who.len));
    if (found->at_ms)
        set_value(L, "at", pz_value_time_ms(found->at_ms));
    set_value(L, "members", found->members);
    set_value(L, "is_resolved", pz_value_bool(found->is_resolved));
}

static int engine_resolve(lua_State *L)
{
    question q;
    pz_resolution found = {PZ_RESOLUTION};
    pzl_begin_question(L, &q, true, 6);
    pzl_answered(&q.asking, pz_resolve(&found, q.session->context, q.profile, q.name, &q.err),
                 &q.err);
    pzl_keep_resolution(L, &q, &found);
    pzl_push_resolution(L, &found);
    return pzl_end_question(L, &q, 1);
}

typedef pz_status (*inspection)(pz_value *, pz_context *, const pz_profile *, const char *,
                                pz_error *);

static int answer_inspection(lua_State *L, inspection inspect)
{
    question q;
    pz_value out;
    pzl_begin_question(L, &q, true, 6);
    pzl_answered(&q.asking, inspect(&out, q.session->context, q.profile, q.name, &q.err), &q.err);
    pzl_push(L, pzl_keep(L, &q, out));
    return pzl_end_question(L, &q, 1);
}

static int engine_inspect(lua_State *L)
{
    return answer_inspection(L, pz_inspect);
}

/* With the layers that masks and missing consents hide: for operators alone. */
static int engine_inspect_privileged(lua_State *L)
{
    return answer_inspection(L, pz_inspect_privileged);
}

/* engine:person(profile, circumstances): members, links that stand, links refused and why */
static int engine_person(lua_State *L)
{
    question q;
    pz_value out;
    pzl_begin_question(L, &q, false, 6);
    pzl_answered(&q.asking, pz_person(&out, q.session->context, q.profile, &q.err), &q.err);
    pzl_push(L, pzl_keep(L, &q, out));
    return pzl_end_question(L, &q, 1);
}

/* engine:erase(id, {alone = true, now = ..., durability = ...}): how many profiles were erased */
static int engine_erase(lua_State *L)
{
    pz_error err = PZ_ERROR_INIT;
    pz_write write = {PZ_WRITE};
    uint32_t flags = 0, erased;
    lua_settop(L, 3);
    pzl_engine_at(L, 1);
    const char *id = pzl_name_at(L, 2, "the id");
    session_box *session = pzl_take_session(L);
    const int session_index = lua_gettop(L);
    if (!lua_isnil(L, 3)) {
        luaL_checktype(L, 3, LUA_TTABLE);
        pzl_check_known(L, 3, "setting", "", "alone, durability and now");
        flags = pzl_flag(L, 3, "alone") ? PZ_ERASE_ALONE : 0;
        write.durability = pzl_durability_at(L, 3);
        lua_getfield(L, 3, "now");
        write.now_ms = pzl_moment_at(L, session, lua_gettop(L));
    }
    asking a;
    pzl_prepare_engine(L, &a, false);
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    pzl_begin_asking(&a);
    pzl_answered(&a, pz_erase(engine, id, &write, flags, &erased, &err), &err);
    pzl_push_count(L, erased);
    pzl_give_session(L, session, 1, session_index);
    return 1;
}

static int engine_segments(lua_State *L)
{
    question q;
    pz_value out;
    pzl_begin_question(L, &q, false, 6);
    pzl_answered(&q.asking, pz_segments(&out, q.session->context, q.profile, &q.err), &q.err);
    pzl_push(L, pzl_keep(L, &q, out));
    return pzl_end_question(L, &q, 1);
}

/* Everything about a decision, copied before Lua is touched. */
typedef struct decided {
    pz_value value, rule, id, bytes, text, map;
    const char *reason;
    double confidence;
    bool is_impure;
} decided;

/* What a decision was, once C has been left; in the pool. */
static decided read_decision(lua_State *L, question *q, const pz_decision *decision)
{
    return (decided){
        .value = pzl_keep(L, q, pz_decision_value(decision)),
        .rule = pzl_keep(L, q, pz_value_str(pz_decision_rule(decision))),
        .reason = pz_decision_reason(decision),
        .confidence = pz_decision_confidence(decision),
        .is_impure = pz_decision_is_impure(decision),
    };
}

/* The rules are evaluated again, so this is within the question still. */
static pz_status explain(question *q, const pz_decision *decision, decided *d)
{
    pz_str id = {NULL, 0}, text = {NULL, 0};
    pz_context *context = q->session->context;
    pz_status status = pz_decision_id(&id, context, decision, &q->err);
    if (status == PZ_OK)
        status = pz_decision_bytes(&d->bytes, context, decision, &q->err);
    if (status == PZ_OK)
        status = pz_explain_text(&text, context, decision, &q->err);
    if (status == PZ_OK)
        status = pz_explain(&d->map, context, decision, &q->err);
    d->id = pz_value_strn(id.data, id.len);
    d->text = pz_value_strn(text.data, text.len);
    return status;
}

static decided decide(lua_State *L, question *q, bool is_explained)
{
    const pz_decision *decision;
    decided why = {.reason = NULL};
    pz_status status = pz_decide(&decision, q->session->context, q->profile, q->name, &q->err);
    if (status == PZ_OK && is_explained)
        status = explain(q, decision, &why);
    pzl_answered(&q->asking, status, &q->err);
    decided d = read_decision(L, q, decision);
    if (is_explained) {
        d.id = pzl_keep(L, q, why.id);
        d.text = pzl_keep(L, q, why.text);
        d.bytes = pzl_keep(L, q, why.bytes);
        d.map = pzl_keep(L, q, why.map);
    }
    return d;
}

static void push_decided(lua_State *L, const decided *d, int fields)
{
    lua_createtable(L, 0, fields);
    set_value(L, "value", d->value);
    set_text(L, "reason", d->reason);
    set_value(L, "rule", d->rule);
    set_value(L, "confidence", pz_value_double(d->confidence));
    if (d->is_impure)
        set_value(L, "impure", pz_value_bool(true));
}

void pzl_push_decision(lua_State *L, question *q, const pz_decision *decision)
{
    const decided d = read_decision(L, q, decision);
    push_decided(L, &d, 5);
}

static int answer_decision(lua_State *L, bool is_explained)
{
    question q;
    pzl_begin_question(L, &q, true, 6);
    const decided d = decide(L, &q, is_explained);
    push_decided(L, &d, is_explained ? 8 : 4);
    if (is_explained) {
        set_value(L, "id", d.id);
        set_value(L, "text", d.text);
        set_value(L, "map", d.map);
        lua_pushlstring(L, d.bytes.as.text, d.bytes.len);
        lua_setfield(L, -2, "bytes");
    }
    return pzl_end_question(L, &q, 1);
}

/* {value, reason, rule, confidence}, and impure where a function may have had a say */
static int engine_decide(lua_State *L)
{
    return answer_decision(L, false);
}

static const char *name_or_null(lua_State *L, int index, const char *what)
{
    return lua_isnil(L, index) ? NULL : pzl_name_at(L, index, what);
}

/* engine:decide_for(kind, identifier, name, circumstances, account, level): for the customer whom
 * the store knows by an identifier, in one call. Kind nil: by the id of a profile; both nil:
 * nobody. */
static int engine_decide_for(lua_State *L)
{
    lua_settop(L, 7);
    const char *kind = name_or_null(L, 2, "the kind");
    const char *identifier = name_or_null(L, 3, "the identifier");
    /* They stay alive in a table at 3, where other questions have the customer. */
    lua_createtable(L, 2, 0);
    lua_pushvalue(L, 2);
    lua_rawseti(L, 8, 1);
    lua_pushvalue(L, 3);
    lua_rawseti(L, 8, 2);
    lua_replace(L, 3);
    lua_remove(L, 2);
    lua_pushvalue(L, 3);
    lua_insert(L, 2);
    lua_remove(L, 4);
    question q;
    const pz_decision *decision;
    begin_question_of(L, &q, true, true, 6);
    pzl_answered(&q.asking,
                 pz_decide_for(&decision, q.session->context, kind, identifier, q.name, &q.err),
                 &q.err);
    const decided d = read_decision(L, &q, decision);
    push_decided(L, &d, 4);
    return pzl_end_question(L, &q, 1);
}

/* The same with {id, bytes, text, map}: canonical bytes, sentences, and all reasons. */
static int engine_explain(lua_State *L)
{
    return answer_decision(L, true);
}

/* ---- the module ---- */

/* personalize.check(path, {functions = ...}): every mistake, warning and failing test of a catalog,
 * as a list. */
static int module_check(lua_State *L)
{
    pz_engine_options options = {PZ_ENGINE_OPTIONS};
    pz_error err = PZ_ERROR_INIT;
    pzl_hosted hosted = {.functions = NULL};
    hosts_box *hosts = NULL;
    lua_settop(L, 2);
    const char *path = pzl_name_at(L, 1, "the catalog");
    if (!lua_isnil(L, 2)) {
        luaL_checktype(L, 2, LUA_TTABLE);
        pzl_check_known(L, 2, "setting", "", "functions");
        hosts = pzl_push_hosts(L, 2, false, &hosted);
        options.functions = hosted.functions;
        options.function_count = hosted.count;
    }
    const int hosts_index = hosts ? lua_gettop(L) : 0;
    engine_box *box = pzl_push_engine(L, false);
    pzl_check(L, pz_engine_open(&box->engine, &options, &err), &err);
    pz_report **mistakes = pzl_push_report(L), **failures = pzl_push_report(L);
    asking a;
    pzl_prepare_asking(L, &a, hosts_index, false);
    pzl_begin_asking(&a);
    pz_status status = pz_engine_load(box->engine, path, mistakes, &err);
    if (status == PZ_OK)
        status = pz_engine_test(box->engine, failures, NULL, NULL, &err);
    pzl_answered(&a, status == PZ_ERR_CATALOG || status == PZ_ERR_TEST ? PZ_OK : status, &err);
    lua_newtable(L);
    add_diagnostics(L, *mistakes);
    add_diagnostics(L, *failures);
    return 1;
}

static int module_version(lua_State *L)
{
    lua_pushstring(L, pz_version());
    return 1;
}

/* The wrapper of the safe forms: the first upvalue is the raising one. */
static int safe_call(lua_State *L)
{
    failure_box *failure = pzl_failure(L);
    failure->status = PZ_ERR_ARG;
    failure->line = failure->column = 0;
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_insert(L, 1);
    const int result = lua_pcall(L, lua_gettop(L) - 1, LUA_MULTRET, 0);
    if (result == 0)
        return lua_gettop(L);
    const failure_box why = *failure;
    const bool is_memory = result == LUA_ERRMEM;
    lua_pushnil(L);
    lua_insert(L, -2);
    lua_pushstring(L, pz_status_name(is_memory ? PZ_ERR_NOMEM : why.status));
    lua_pushinteger(L, (lua_Integer)why.line);
    lua_pushinteger(L, (lua_Integer)why.column);
    return 5;
}

static const luaL_Reg engine_methods[] = {
    {"load", engine_load},
    {"load_text", engine_load_text},
    {"test", engine_test},
    {"catalog_hash", engine_catalog_hash},
    {"count", engine_count},
    {"ids", engine_ids},
    {"customer", engine_customer},
    {"profile", engine_profile},
    {"detached", engine_detached},
    {"decode", engine_decode},
    {"view", engine_view},
    {"observe_many", pzl_observe_many},
    {"apply_many", pzl_apply_many},
    {"resolve", engine_resolve},
    {"inspect", engine_inspect},
    {"inspect_privileged", engine_inspect_privileged},
    {"resolve_many", pzl_resolve_many},
    {"inspect_many", pzl_inspect_many},
    {"decide_many", pzl_decide_many},
    {"answer_many", pzl_answer_many},
    {"segments_many", pzl_segments_many},
    {"segments", engine_segments},
    {"person", engine_person},
    {"erase", engine_erase},
    {"decide", engine_decide},
    {"decide_for", engine_decide_for},
    {"explain", engine_explain},
    {"record", pzl_record},
    {"decision_record", pzl_decision_record},
    {"record_many", pzl_record_many},
    {"records", pzl_records},
    {"expire_records", pzl_expire_records},
    {"close", pzl_engine_close},
    {NULL, NULL},
};

static const luaL_Reg functions[] = {
    {"open", open_raising}, {"check", module_check}, {"compile", pzl_compile_raising},
    {"eval", pzl_eval},     {"parse", pzl_parse},    {"print", pzl_print},
    {NULL, NULL},
};

static const luaL_Reg safe_functions[] = {
    {"open", open_safe}, {"check", module_check}, {"compile", pzl_compile_safe},
    {"eval", pzl_eval},  {"parse", pzl_parse},    {"print", pzl_print},
    {NULL, NULL},
};

/* Set functions in the table on top, wrapped for the safe forms. */
static void set_functions(lua_State *L, const luaL_Reg *list, bool is_safe)
{
    for (; list->name; list++) {
        lua_pushcfunction(L, list->func);
        if (is_safe)
            lua_pushcclosure(L, safe_call, 1);
        lua_setfield(L, -2, list->name);
    }
}

/* The metatable of a kind of handle. `__metatable` keeps scripts from taking __gc out of it. */
static void make_metatable(lua_State *L, const char *name, lua_CFunction gc,
                           const luaL_Reg *methods, bool is_safe)
{
    luaL_newmetatable(L, name);
    lua_pushcfunction(L, gc);
    lua_setfield(L, -2, "__gc");
    lua_pushstring(L, name);
    lua_setfield(L, -2, "__metatable");
    if (methods) {
        lua_newtable(L);
        set_functions(L, methods, is_safe);
        lua_getfield(L, -1, "close");
        lua_setfield(L, -3, "__close");
        lua_setfield(L, -2, "__index");
    }
    lua_pop(L, 1);
}

/* Push one of the two modules. */
static void push_module(lua_State *L, const luaL_Reg *list, bool is_safe)
{
    lua_newtable(L);
    pzl_open_values(L);
    set_functions(L, list, is_safe);
    lua_pushcfunction(L, module_version);
    lua_setfield(L, -2, "version");
    lua_pushfstring(L, "%d.%d.%d", PZ_VERSION_MAJOR, PZ_VERSION_MINOR, PZ_VERSION_PATCH);
    lua_setfield(L, -2, "_VERSION");
}

/* The soname keeps other versions out, but for one that was put under its name by hand. */
static void check_version(lua_State *L)
{
    const char *loaded = pz_version();
    const char *built = PZ_VERSION_MAJOR > 0
                            ? lua_pushfstring(L, "%d.", PZ_VERSION_MAJOR)
                            : lua_pushfstring(L, "%d.%d.", PZ_VERSION_MAJOR, PZ_VERSION_MINOR);

    if (strncmp(loaded, built, strlen(built)) != 0)
        luaL_error(L, "libpersonalize %s is loaded, this module was made for %sx", loaded, built);
    lua_pop(L, 1);
}

PZ_API int luaopen_personalize(lua_State *L);

PZ_API int luaopen_personalize(lua_State *L)
{
    check_version(L);
    make_metatable(L, SESSION, pzl_session_gc, NULL, false);
    make_metatable(L, REPORT, pzl_report_gc, NULL, false);
    make_metatable(L, ENGINE, pzl_engine_gc, engine_methods, false);
    make_metatable(L, SAFE_PREFIX ENGINE, pzl_engine_gc, engine_methods, true);
    make_metatable(L, PROFILE, pzl_profile_close, pzl_profile_methods, false);
    make_metatable(L, SAFE_PREFIX PROFILE, pzl_profile_close, pzl_profile_methods, true);
    make_metatable(L, PROGRAM, pzl_program_close, pzl_program_methods, false);
    make_metatable(L, SAFE_PREFIX PROGRAM, pzl_program_close, pzl_program_methods, true);
    push_module(L, functions, false);
    push_module(L, safe_functions, true);
    lua_setfield(L, -2, "safe");
    return 1;
}
