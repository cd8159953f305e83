/*
 * many.c: questions about many customers in one call.
 *
 * resolve_many and inspect_many take handles and make Lua tables of values of any kind.
 * decide_many, answer_many and segments_many take ids, identifiers of one kind, or handles, and get
 * JSON Lines from the library: stored customers are read one after the other and never become
 * handles, so that memory does not grow with them beyond the lines.
 *
 * Lists are copied before anything is read from them: what a finalizer does to the caller's tables
 * meanwhile changes nothing here, and what the copy holds is not collected.
 */
#include "binding.h"

#include <string.h>

/* Most answers that one batch makes. */
#define BATCH_MAX 65536u
/* Most octets that ids or identifiers have together. */
#define TEXTS_MAX ((uint64_t)1 << 30)

/* ---- batches of handles ---- */

/* Several attributes of several customers on their way: engine:verb(attributes, customers,
 * circumstances, account, level). The stack: these six, the session at 7, what the batch borrows.
 */
typedef struct batch_question {
    question q;
    pz_batch batch;
    uint32_t count;
} batch_question;

/* Push a copy of the list at `index`, which nobody else can change; it is known to be short. */
static uint32_t push_list_copy(lua_State *L, int index)
{
    const size_t count = lua_rawlen(L, index);
    lua_createtable(L, (int)count, 0);
    for (size_t i = 1; i <= count; i++) {
        lua_rawgeti(L, index, (int)i);
        lua_rawseti(L, -2, (int)i);
    }
    return (uint32_t)count;
}

/* Push a copy of a list of a batch. */
static uint32_t push_batch_list(lua_State *L, int index)
{
    luaL_checktype(L, index, LUA_TTABLE);
    if (lua_rawlen(L, index) > BATCH_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "more than 65536 in one batch");
    return push_list_copy(L, index);
}

/* Push an array of the names in the list on top of the stack, which has to stay. */
static const char **push_names(lua_State *L, uint32_t count, const char *what)
{
    const int list = lua_gettop(L);
    const char **names = lua_newuserdata(L, (count + 1) * sizeof *names);
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        names[i] = pzl_name_at(L, -1, what);
        lua_pop(L, 1);
    }
    return names;
}

/* Fill in the customers of the list at `list`; false and null are nobody. Nothing is allocated. */
static void read_customers(lua_State *L, const pz_profile **profiles, uint32_t count, int list)
{
    const engine_box *engine = pzl_engine_at(L, 1);
    for (uint32_t i = 0; i < count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        const bool is_nobody = !lua_toboolean(L, -1) || lua_islightuserdata(L, -1);
        const profile_box *box =
            is_nobody ? NULL : pzl_profile_as(L, lua_gettop(L), "customer", (int)i + 1);
        if (box && box->engine != engine)
            pzl_fail(L, PZ_ERR_ARG, "the profile is of another engine");
        profiles[i] = box ? box->profile : NULL;
        lua_pop(L, 1);
    }
}

/* Begin a batch and push room for an answer of `size` to each of its questions. */
static void begin_batch(lua_State *L, batch_question *b, size_t size, void **room)
{
    *b = (batch_question){.q = {.err = PZ_ERROR_INIT, .session_index = 7}, .batch = {PZ_BATCH}};
    lua_settop(L, 6);
    pzl_engine_at(L, 1);
    b->q.session = pzl_take_session(L);
    pzl_begin_context(L, b->q.session);
    const char *level = lua_isnil(L, 6) ? NULL : pzl_name_at(L, 6, "the level");
    b->batch.attribute_count = push_batch_list(L, 2);
    b->batch.attributes = push_names(L, b->batch.attribute_count, "an attribute");
    b->batch.profile_count = push_batch_list(L, 3);
    const int customers = lua_gettop(L);
    if ((uint64_t)b->batch.profile_count * b->batch.attribute_count > BATCH_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "more than 65536 answers in one batch");
    b->count = b->batch.profile_count * b->batch.attribute_count;
    const pz_profile **profiles =
        lua_newuserdata(L, (b->batch.profile_count + 1) * sizeof *profiles);
    *room = lua_newuserdata(L, (b->count + 1) * size);
    memset(*room, 0, (b->count + 1) * size);
    pzl_prepare_engine(L, &b->q.asking, true);
    /* From here to the C call nothing allocates in Lua, so no handle can close; then they are held.
     */
    const pz_profile *account = pzl_profile_or_nobody(L, 5, pzl_engine_at(L, 1));
    read_customers(L, profiles, b->batch.profile_count, customers);
    b->batch.profiles = profiles;
    pz_context *context = b->q.session->context;
    if (account)
        pzl_check(L, pz_context_account(context, account, &b->q.err), &b->q.err);
    if (level)
        pzl_check(L, pz_context_level(context, level, &b->q.err), &b->q.err);
    pzl_hold_at(L, &b->q.asking, 5);
    b->q.asking.list = customers;
    b->q.asking.list_count = b->batch.profile_count;
    pzl_begin_asking(&b->q.asking);
}

/* engine:resolve_many(attributes, customers, ...): for each customer a table by attribute */
int pzl_resolve_many(lua_State *L)
{
    void *room;
    batch_question b;
    begin_batch(L, &b, sizeof(pz_resolution), &room);
    pz_resolution *found = room;
    found[0].size = (uint32_t)sizeof *found;
    pzl_answered(&b.q.asking, pz_resolve_many(found, b.q.session->context, &b.batch, &b.q.err),
                 &b.q.err);
    for (uint32_t i = 0; i < b.count; i++)
        pzl_keep_resolution(L, &b.q, &found[i]);
    lua_createtable(L, (int)b.batch.profile_count, 0);
    for (uint32_t p = 0; p < b.batch.profile_count; p++) {
        lua_createtable(L, 0, (int)b.batch.attribute_count);
        for (uint32_t a = 0; a < b.batch.attribute_count; a++) {
            pzl_push_resolution(L, found++);
            lua_setfield(L, -2, b.batch.attributes[a]);
        }
        lua_rawseti(L, -2, (int)p + 1);
    }
    return pzl_end_question(L, &b.q, 1);
}

/* engine:inspect_many(attributes, customers, ...): the same with the layers of each */
int pzl_inspect_many(lua_State *L)
{
    void *room;
    batch_question b;
    begin_batch(L, &b, sizeof(pz_value), &room);
    pz_value *found = room;
    pzl_answered(&b.q.asking, pz_inspect_many(found, b.q.session->context, &b.batch, &b.q.err),
                 &b.q.err);
    for (uint32_t i = 0; i < b.count; i++)
        found[i] = pzl_keep(L, &b.q, found[i]);
    lua_createtable(L, (int)b.batch.profile_count, 0);
    for (uint32_t p = 0; p < b.batch.profile_count; p++) {
        lua_createtable(L, 0, (int)b.batch.attribute_count);
        for (uint32_t a = 0; a < b.batch.attribute_count; a++) {
            pzl_push(L, *found++);
            lua_setfield(L, -2, b.batch.attributes[a]);
        }
        lua_rawseti(L, -2, (int)p + 1);
    }
    return pzl_end_question(L, &b.q, 1);
}

/* ---- JSON Lines ---- */

/* engine:verb(names, customers, circumstances, account, level, settings) on its way. The stack:
 * these seven, the session at 8, what the question borrows. */
typedef struct many_question {
    session_box *session;
    pz_many many;
    bool is_text; /* JSON Lines are wanted, not tables */
    asking asking;
    pz_error err;
} many_question;

static void check_table(lua_State *L, int index, const char *what)
{
    if (lua_type(L, index) == LUA_TTABLE)
        return;
    lua_pushfstring(L, "%s, not %s", what, luaL_typename(L, index));
    pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
}

/* {by = "id" or a kind, why = true, id = true, jsonl = true} */
static void read_settings(lua_State *L, many_question *m)
{
    if (lua_isnil(L, 7))
        return;
    check_table(L, 7, "the settings are a table");
    pzl_check_known(L, 7, "setting", "", "by, id, jsonl and why");
    m->many.flags |= pzl_flag(L, 7, "why") ? PZ_MANY_WHY : 0;
    m->many.flags |= pzl_flag(L, 7, "id") ? PZ_MANY_ID : 0;
    m->is_text = pzl_flag(L, 7, "jsonl");
    m->many.kind = pzl_option(L, 7, "by");
    if (m->many.kind)
        m->many.by = PZ_BY_IDENTIFIER;
    if (m->many.kind && strcmp(m->many.kind, "id") == 0)
        m->many.by = PZ_BY_ID;
}

/* One name, or a list of them. */
static void read_names(lua_State *L, many_question *m)
{
    if (lua_type(L, 2) == LUA_TSTRING) {
        lua_createtable(L, 1, 0);
        lua_pushvalue(L, 2);
        lua_rawseti(L, -2, 1);
        lua_replace(L, 2);
    }
    check_table(L, 2, "the names are a string or a list of strings");
    if (lua_rawlen(L, 2) > BATCH_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "more than 65536 names in one call");
    m->many.name_count = push_list_copy(L, 2);
    m->many.names = push_names(L, m->many.name_count, "a name");
}

/* Push where each text of the list at `list` ends, once they stand together, and give their length.
 */
static uint64_t push_ends(lua_State *L, many_question *m, int list)
{
    uint64_t *ends = lua_newuserdata(L, ((size_t)m->many.count + 1) * sizeof *ends), total = 0;
    for (uint32_t i = 0; i < m->many.count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        pzl_name_at(L, -1, "an identifier");
        total += lua_rawlen(L, -1);
        ends[i] = total;
        lua_pop(L, 1);
    }
    if (total > TEXTS_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "the identifiers are too long together");
    m->many.ends = ends;
    return total;
}

static void read_texts(lua_State *L, many_question *m, int list)
{
    char *texts = lua_newuserdata(L, (size_t)push_ends(L, m, list) + 1);
    m->many.texts = texts;
    for (uint32_t i = 0; i < m->many.count; i++) {
        lua_rawgeti(L, list, (int)i + 1);
        const size_t len = lua_rawlen(L, -1);
        memcpy(texts, lua_tostring(L, -1), len);
        texts += len;
        lua_pop(L, 1);
    }
}

/* Handles are read last: from here to the C call nothing allocates in Lua; then they are held. */
static void read_sides(lua_State *L, many_question *m, const pz_profile **profiles, int list)
{
    const char *level = lua_isnil(L, 6) ? NULL : pzl_name_at(L, 6, "the level");
    pzl_prepare_engine(L, &m->asking, true);
    const pz_profile *account = pzl_profile_or_nobody(L, 5, pzl_engine_at(L, 1));
    if (m->many.by == PZ_BY_HANDLE)
        read_customers(L, profiles, m->many.count, list);
    m->many.profiles = profiles;
    pz_context *context = m->session->context;
    if (account)
        pzl_check(L, pz_context_account(context, account, &m->err), &m->err);
    if (level)
        pzl_check(L, pz_context_level(context, level, &m->err), &m->err);
    pzl_hold_at(L, &m->asking, 5);
    if (m->many.by == PZ_BY_HANDLE) {
        m->asking.list = list;
        m->asking.list_count = m->many.count;
    }
    pzl_begin_asking(&m->asking);
}

/* A list that begins with a string is one of ids, unless the settings name a kind. */
static void read_many(lua_State *L, many_question *m)
{
    check_table(L, 3, "the customers are a list of ids, identifiers or profiles");
    if (lua_rawlen(L, 3) > PZ_MANY_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "more than 131072 customers in one call");
    m->many.count = push_list_copy(L, 3);
    const int list = lua_gettop(L);
    lua_rawgeti(L, list, 1);
    if (m->many.by == PZ_BY_HANDLE && lua_type(L, -1) == LUA_TSTRING)
        m->many.by = PZ_BY_ID;
    lua_pop(L, 1);
    const pz_profile **profiles = NULL;
    if (m->many.by == PZ_BY_HANDLE)
        profiles = lua_newuserdata(L, ((size_t)m->many.count + 1) * sizeof *profiles);
    else
        read_texts(L, m, list);
    read_sides(L, m, profiles, list);
}

/* Push JSON Lines as a list of tables. The text is the pool's, and so are the values. */
static void push_lines(lua_State *L, many_question *m, pz_str text)
{
    pz_error err = PZ_ERROR_INIT;
    int count = 0;
    lua_newtable(L);
    while (text.len > 0) {
        const char *end = memchr(text.data, '\n', text.len);
        const size_t len = end ? (size_t)(end - text.data) : text.len;
        pz_value line;
        pzl_check(L, pz_value_parse(m->session->pool, &line, text.data, len, 0, &err), &err);
        pzl_push(L, line);
        lua_rawseti(L, -2, ++count);
        text.data += len + (end != NULL);
        text.len -= len + (end != NULL);
    }
}

typedef pz_status (*many_call)(pz_str *, pz_context *, pz_pool *, const pz_many *, pz_error *);

static int ask_many(lua_State *L, many_call call, bool has_names)
{
    many_question m = {.many = {PZ_MANY}, .err = PZ_ERROR_INIT};
    pz_str text;
    if (!has_names) {
        lua_pushnil(L);
        lua_insert(L, 2);
    }
    lua_settop(L, 7);
    pzl_engine_at(L, 1);
    m.session = pzl_take_session(L);
    pzl_begin_context(L, m.session);
    read_settings(L, &m);
    if (has_names)
        read_names(L, &m);
    read_many(L, &m);
    pzl_answered(&m.asking, call(&text, m.session->context, m.session->pool, &m.many, &m.err),
                 &m.err);
    if (m.is_text)
        lua_pushlstring(L, text.len ? text.data : "", text.len);
    else
        push_lines(L, &m, text);
    pzl_give_session(L, m.session, 1, 8);
    return 1;
}

int pzl_decide_many(lua_State *L)
{
    return ask_many(L, pz_decide_many, true);
}

int pzl_answer_many(lua_State *L)
{
    return ask_many(L, pz_answer_many, true);
}

/* engine:segments_many(customers, circumstances, account, level, settings) */
int pzl_segments_many(lua_State *L)
{
    return ask_many(L, pz_segments_many, false);
}
