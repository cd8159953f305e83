/*
 * record.c: decisions that are kept (personalize/record.h), and read again.
 *
 *     engine:record(name, customer, circumstances, account, level, settings)   decide and keep
 *     engine:decision_record(the same)      without keeping: the record, for a log of one's own
 *     engine:record_many(records, {now, durability})
 *     engine:records{from, limit, subject, id}
 *     engine:expire_records(before)
 *
 * Records are read by pages: the library visits one page and copies what it visits into a pool, and
 * Lua values are made when it has returned. So no Lua code runs in the middle of a visit, and a
 * store of any size is read without a snapshot that stays open.
 */
#include "binding.h"

#include <string.h>

/* How many records one visit takes. */
#define PAGE_MAX 256u

/* ---- keeping ---- */

static void check_settings(lua_State *L, int index)
{
    if (lua_type(L, index) == LUA_TTABLE)
        return;
    lua_pushfstring(L, "the settings are a table, not %s", luaL_typename(L, index));
    pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
}

/* The settings at 7, in whose place the note is left: {note, value = false, anonymous, durability}.
 */
static pz_record_options read_options(lua_State *L)
{
    pz_record_options options = {PZ_RECORD_OPTIONS};
    lua_settop(L, 7);
    if (lua_isnil(L, 7))
        return options;
    check_settings(L, 7);
    pzl_check_known(L, 7, "setting", "", "anonymous, durability, note and value");
    options.flags |= pzl_flag(L, 7, "anonymous") ? PZ_RECORD_ANONYMOUS : 0;
    lua_getfield(L, 7, "value");
    if (!lua_isnil(L, -1) && !lua_toboolean(L, -1))
        options.flags |= PZ_RECORD_NO_VALUE;
    options.durability = pzl_durability_at(L, 7);
    options.note = pzl_option(L, 7, "note");
    lua_replace(L, 7);
    return options;
}

static void set_number(lua_State *L, const char *name, uint64_t number)
{
    pzl_push(L, pz_value_uint(number));
    lua_setfield(L, -2, name);
}

/* {value, reason, rule, confidence, number}: number 0 where a sink took it */
int pzl_record(lua_State *L)
{
    uint64_t number = 0;
    const pz_decision *decision;
    const pz_record_options options = read_options(L);
    question q;
    pzl_begin_question(L, &q, true, 7);
    pz_context *context = q.session->context;
    pz_status status = pz_decide(&decision, context, q.profile, q.name, &q.err);
    if (status == PZ_OK && !q.asking.has_failed)
        status = pz_record(&number, context, decision, &options, &q.err);
    pzl_answered(&q.asking, status, &q.err);
    pzl_push_decision(L, &q, decision);
    set_number(L, "number", number);
    return pzl_end_question(L, &q, 1);
}

int pzl_decision_record(lua_State *L)
{
    pz_value record = pz_value_null();
    const pz_decision *decision;
    const pz_record_options options = read_options(L);
    question q;
    pzl_begin_question(L, &q, true, 7);
    pz_context *context = q.session->context;
    pz_status status = pz_decide(&decision, context, q.profile, q.name, &q.err);
    if (status == PZ_OK)
        status = pz_decision_record(&record, context, decision, &options, &q.err);
    pzl_answered(&q.asking, status, &q.err);
    pzl_push(L, pzl_keep(L, &q, record));
    return pzl_end_question(L, &q, 1);
}

/* The number of each; false for one whose person has been erased. */
static void push_numbers(lua_State *L, const uint64_t *numbers, uint32_t count)
{
    lua_createtable(L, (int)count, 0);
    for (uint32_t i = 0; i < count; i++) {
        pzl_push(L, numbers[i] ? pz_value_uint(numbers[i]) : pz_value_bool(false));
        lua_rawseti(L, -2, (int)i + 1);
    }
}

int pzl_record_many(lua_State *L)
{
    pz_write write = {PZ_WRITE};
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 3);
    pzl_engine_at(L, 1);
    session_box *session = pzl_take_session(L);
    if (!lua_isnil(L, 3)) {
        check_settings(L, 3);
        pzl_check_known(L, 3, "setting", "", "durability and now");
        lua_getfield(L, 3, "now");
        write.now_ms = pzl_moment_at(L, session, lua_gettop(L));
        write.durability = pzl_durability_at(L, 3);
    }
    const pz_value records =
        lua_type(L, 2) == LUA_TTABLE ? pzl_put(L, session, 2) : pz_value_null();
    if (records.kind != PZ_LIST && (records.kind != PZ_MAP || records.len > 0))
        return pzl_fail(L, PZ_ERR_TYPE, "the records are a list");
    uint64_t *numbers = lua_newuserdata(L, ((size_t)records.len + 1) * sizeof *numbers);
    asking a;
    pzl_prepare_engine(L, &a, false);
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    pzl_begin_asking(&a);
    pzl_answered(&a,
                 pz_record_many(engine, records.len ? records.as.items : NULL, records.len, &write,
                                numbers, &err),
                 &err);
    push_numbers(L, numbers, records.len);
    pzl_give_session(L, session, 1, 4);
    return 1;
}

/* ---- reading ---- */

/* The texts stay on the stack. */
static pz_record_query read_query(lua_State *L)
{
    pz_record_query query = {PZ_RECORD_QUERY};
    lua_settop(L, 2);
    if (lua_isnil(L, 2))
        return query;
    check_settings(L, 2);
    pzl_check_known(L, 2, "setting", "", "from, id, limit and subject");
    query.from = (uint64_t)pzl_number_option(L, 2, "from", NUMBER_MAX);
    query.limit = (uint64_t)pzl_number_option(L, 2, "limit", NUMBER_MAX);
    query.subject = pzl_option(L, 2, "subject");
    query.id = pzl_option(L, 2, "id");
    return query;
}

static uint64_t number_of(pz_value record)
{
    return pz_value_get(record, "number", 6, NULL).as.u;
}

/* A list of the records, each with its "number". */
int pzl_records(lua_State *L)
{
    pz_error err = PZ_ERROR_INIT;
    pzl_engine_at(L, 1);
    pz_record_query query = read_query(L);
    const uint64_t wanted = query.limit ? query.limit : UINT64_MAX;
    session_box *session = pzl_take_session(L);
    const int session_index = lua_gettop(L);
    lua_newtable(L);
    uint64_t count = 0;
    pz_value page;
    do {
        query.limit = wanted - count < PAGE_MAX ? wanted - count : PAGE_MAX;
        pz_pool_reset(session->pool);
        pz_engine *engine = pzl_engine_at(L, 1)->engine;
        pzl_check(L, pz_record_list(engine, &query, session->pool, &page, &err), &err);
        for (uint32_t i = 0; i < page.len; i++) {
            pzl_push(L, pz_value_item(page, i));
            lua_rawseti(L, -2, (int)++count);
        }
        if (page.len > 0)
            query.from = number_of(pz_value_item(page, page.len - 1)) + 1;
    } while (page.len == query.limit && count < wanted);
    pzl_give_session(L, session, 1, session_index);
    return 1;
}

/* How many records of decisions before the moment went; nil: what the catalog's retention has
 * passed. */
int pzl_expire_records(lua_State *L)
{
    uint64_t removed;
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 2);
    pzl_engine_at(L, 1);
    session_box *session = pzl_take_session(L);
    const int64_t before_ms = pzl_moment_at(L, session, 2);
    pz_engine *engine = pzl_engine_at(L, 1)->engine;
    pzl_check(L, pz_records_expire(engine, before_ms, &removed, &err), &err);
    pzl_push(L, pz_value_uint(removed));
    pzl_give_session(L, session, 1, 3);
    return 1;
}
