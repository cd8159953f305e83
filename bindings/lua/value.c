/*
 * value.c: Lua values as values of the library and back, and how calls fail.
 *
 *     nil, personalize.null     null           boolean         bool
 *     number                    int or double  string          string
 *     table with keys 1 to n    list           other table     map
 *     scalar userdata           bytes, timestamp, duration, and numbers no Lua number holds
 *
 * An empty table is a map unless personalize.array() marked it; lists that come out bear that mark,
 * so they go back in as lists. Tables are read raw: no metamethod runs. Temporary arrays are
 * userdata, so that raising in the middle leaks nothing.
 */
#include "binding.h"

#include <limits.h>
#include <string.h>

/* Most items one table may unfold into: a small table that holds another many times over, which
 * holds another, has no cycle and no end either. */
#define ITEMS_MAX (1u << 22)
/* Deepest nesting of tables, as deep as values go. */
#define DEPTH_MAX PZ_JSON_DEPTH_MAX
/* A Lua without integers holds whole numbers exactly up to here; the next one may be another that
 * was rounded. */
#define WHOLE_MAX INT64_C(9007199254740991)
/* The years 1 to 9999, in milliseconds since 1970. */
#define TIME_MIN_MS INT64_C(-62135596800000)
#define TIME_MAX_MS INT64_C(253402300799999)

bool pzl_has_metatable(lua_State *L, int index, const char *name)
{
    if (!lua_getmetatable(L, index))
        return false;
    luaL_getmetatable(L, name);
    const bool is_same = lua_rawequal(L, -1, -2);
    lua_pop(L, 2);
    return is_same;
}

/* The exact int64 that a number is, if it is one. */
static bool whole_number(lua_State *L, int index, int64_t *out)
{
#if LUA_VERSION_NUM >= 503
    if (lua_isinteger(L, index)) {
        *out = lua_tointeger(L, index);
        return true;
    }
    return false;
#else
    const lua_Number n = lua_tonumber(L, index);
    if (!(n >= (lua_Number)-WHOLE_MAX && n <= (lua_Number)WHOLE_MAX) || n != (lua_Number)(int64_t)n)
        return false;
    *out = (int64_t)n;
    return true;
#endif
}

/* The same of a moment, where a whole float does as well: `os.time() * 1e3` is one. */
static bool whole_moment(lua_State *L, int index, int64_t *out)
{
#if LUA_VERSION_NUM >= 503
    int is_whole;
    *out = lua_tointegerx(L, index, &is_whole);
    return is_whole;
#else
    return whole_number(L, index, out);
#endif
}

/* ---- failing ---- */

failure_box *pzl_failure(lua_State *L)
{
    lua_getfield(L, LUA_REGISTRYINDEX, FAILURE);
    failure_box *failure = lua_touserdata(L, -1);
    lua_pop(L, 1);
    return failure;
}

/* Raise `message` with the place of the caller, noting what the safe forms tell besides. */
static int fail_with(lua_State *L, pz_status status, uint32_t line, uint32_t column,
                     const char *message)
{
    failure_box *failure = pzl_failure(L);
    failure->status = status;
    failure->line = line;
    failure->column = column;
    luaL_where(L, 1);
    if (line && status != PZ_ERR_CATALOG) /* whose message begins with file and place */
        lua_pushfstring(L, "%d:%d: %s", (int)line, (int)column, message);
    else
        lua_pushstring(L, message);
    lua_concat(L, 2);
    failure->message = lua_tostring(L, -1);
    return lua_error(L);
}

int pzl_raise(lua_State *L, pz_status status)
{
    failure_box *failure = pzl_failure(L);
    if (lua_type(L, -1) != LUA_TSTRING || lua_tostring(L, -1) != failure->message) {
        failure->status = status;
        failure->line = failure->column = 0;
    }
    return lua_error(L);
}

int pzl_fail(lua_State *L, pz_status status, const char *message)
{
    return fail_with(L, status, 0, 0, message);
}

void pzl_check(lua_State *L, pz_status status, const pz_error *err)
{
    if (status == PZ_OK)
        return;
    const bool is_told = err && err->message[0];
    fail_with(L, status, is_told ? err->line : 0, is_told ? err->column : 0,
              is_told ? err->message : pz_status_text(status));
}

/* Text without NUL, as a `const char *` needs it. */
const char *pzl_name_at(lua_State *L, int index, const char *what)
{
    size_t len;
    if (lua_type(L, index) != LUA_TSTRING) {
        lua_pushfstring(L, "%s is a string, not %s", what, luaL_typename(L, index));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    const char *text = lua_tolstring(L, index, &len);
    if (memchr(text, 0, len)) {
        lua_pushfstring(L, "%s holds no NUL", what);
        pzl_fail(L, PZ_ERR_ARG, lua_tostring(L, -1));
    }
    return text;
}

/* Whether `name` stands in a list such as "a, b and c" as a word of its own. */
static bool is_listed(const char *known, const char *name)
{
    const size_t len = strlen(name);
    for (const char *at = known; len && (at = strstr(at, name)) != NULL; at++) {
        const bool begins = at == known || at[-1] == ' ';
        if (begins && (!at[len] || at[len] == ',' || at[len] == ' ') && strcmp(name, "and") != 0)
            return !strpbrk(name, ", ");
    }
    return false;
}

/* A misspelt name is told, not passed over: consent without its end would hold for ever. */
void pzl_check_known(lua_State *L, int index, const char *what, const char *of, const char *known)
{
    const char *least = NULL; /* of those unknown: a table has no order; a key of it, it stays */
    luaL_checkstack(L, 6, "no room on the stack");
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        lua_pushfstring(L, "the name of a %s", what);
        const char *name = pzl_name_at(L, -3, lua_tostring(L, -1));
        lua_pop(L, 1);
        if (!is_listed(known, name) && (!least || strcmp(name, least) < 0))
            least = name;
    }
    if (!least)
        return;
    lua_pushfstring(L, "there is no %s '%s'%s; there %s %s", what, least, of,
                    strchr(known, ' ') ? "are" : "is", known);
    pzl_fail(L, PZ_ERR_ARG, lua_tostring(L, -1));
}

const char *pzl_option(lua_State *L, int index, const char *name)
{
    lua_getfield(L, index, name); /* stays on the stack, and its text with it */
    return lua_isnil(L, -1) ? NULL : pzl_name_at(L, -1, name);
}

double pzl_number_option(lua_State *L, int index, const char *name, double max)
{
    lua_getfield(L, index, name);
    const double number = (double)lua_tonumber(L, -1);
    if (!lua_isnil(L, -1) && !lua_isnumber(L, -1)) {
        lua_pushfstring(L, "%s is a number, not %s", name, luaL_typename(L, -1));
        pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    }
    if (!(number >= 0 && number <= max)) {
        lua_pushfstring(L, "%s is out of range", name);
        pzl_fail(L, PZ_ERR_ARG, lua_tostring(L, -1));
    }
    lua_pop(L, 1);
    return number;
}

/* ---- values out ---- */

void pzl_push_scalar(lua_State *L, pz_value value)
{
    const size_t tail = value.kind == PZ_BYTES ? value.len : 0;
    scalar_box *box = lua_newuserdata(L, sizeof *box + tail);
    box->value = value;
    if (value.kind == PZ_BYTES) {
        if (tail)
            memcpy(box + 1, value.as.text, tail);
        box->value.as.text = (const char *)(box + 1);
    }
    luaL_getmetatable(L, SCALAR);
    lua_setmetatable(L, -2);
}

/* An int or a uint: a number where this Lua has one that holds it exactly. */
static void push_whole(lua_State *L, pz_value value)
{
    const bool is_int = value.kind == PZ_INT || value.as.u <= INT64_MAX;
#if LUA_VERSION_NUM >= 503
    if (is_int)
        lua_pushinteger(L, value.as.i);
#else
    if (is_int && value.as.i >= -WHOLE_MAX && value.as.i <= WHOLE_MAX)
        lua_pushnumber(L, (lua_Number)value.as.i);
#endif
    else
        pzl_push_scalar(L, value);
}

void pzl_push_count(lua_State *L, uint64_t count)
{
#if LUA_VERSION_NUM >= 503
    if (count <= INT64_MAX) {
        lua_pushinteger(L, (lua_Integer)count);
        return;
    }
#endif
    lua_pushnumber(L, (lua_Number)count);
}

static void push_list(lua_State *L, pz_value value)
{
    luaL_checkstack(L, 6, "nested too deep");
    lua_createtable(L, value.len < INT_MAX ? (int)value.len : 0, 0);
    luaL_getmetatable(L, ARRAY);
    lua_setmetatable(L, -2);
    for (uint32_t i = 0; i < value.len; i++) {
        pzl_push(L, pz_value_item(value, i));
        lua_rawseti(L, -2, (int)i + 1);
    }
}

/* A map whose keys are not all text is marked, so that it goes back in as what it was. */
static void push_map(lua_State *L, pz_value value)
{
    luaL_checkstack(L, 6, "nested too deep");
    bool is_plain = true;
    lua_createtable(L, 0, value.len < INT_MAX ? (int)value.len : 0);
    for (uint32_t i = 0; i < value.len; i++) {
        const pz_entry entry = pz_value_entry(value, i);
        is_plain = is_plain && entry.key.kind == PZ_STRING;
        pzl_push(L, entry.key);
        pzl_push(L, entry.value);
        lua_rawset(L, -3);
    }
    if (!is_plain) {
        luaL_getmetatable(L, MAP);
        lua_setmetatable(L, -2);
    }
}

/* Push a value. It must be owned by something that is on the stack, not by a profile. */
void pzl_push(lua_State *L, pz_value value)
{
    switch (value.kind) {
    case PZ_NULL:
        lua_pushlightuserdata(L, NULL);
        return;
    case PZ_BOOL:
        lua_pushboolean(L, value.as.b);
        return;
    case PZ_INT:
    case PZ_UINT:
        push_whole(L, value);
        return;
    case PZ_DOUBLE:
        lua_pushnumber(L, value.as.d);
        return;
    case PZ_STRING:
        lua_pushlstring(L, value.len ? value.as.text : "", value.len);
        return;
    case PZ_LIST:
        push_list(L, value);
        return;
    case PZ_MAP:
        push_map(L, value);
        return;
    default:
        pzl_push_scalar(L, value);
        return;
    }
}

/* At the top null is nil. */
void pzl_push_answer(lua_State *L, pz_value value)
{
    if (value.kind == PZ_NULL)
        lua_pushnil(L);
    else
        pzl_push(L, value);
}

/* ---- values in ---- */

static pz_value put_at(lua_State *L, session_box *session, int index, unsigned depth);

/* What a table is to be, and how many entries it has. */
typedef struct table_shape {
    bool is_list;
    size_t count;
} table_shape;

static table_shape shape_of(lua_State *L, int index)
{
    const bool is_array = pzl_has_metatable(L, index, ARRAY);
    const bool is_map = !is_array && pzl_has_metatable(L, index, MAP);
    table_shape shape = {.count = 0};
    size_t texts = 0, places = 0;
    int64_t place, greatest = 0;
    for (lua_pushnil(L); lua_next(L, index); lua_pop(L, 1)) {
        shape.count++;
        if (lua_type(L, -2) == LUA_TSTRING) {
            texts++;
        } else if (lua_type(L, -2) == LUA_TNUMBER && whole_number(L, -2, &place) && place > 0) {
            places++;
            greatest = place > greatest ? place : greatest;
        }
    }
    if (shape.count > ITEMS_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "the table has too many entries");
    if (is_map)
        return shape;
    shape.is_list = is_array || places > 0;
    if (shape.is_list && (places != shape.count || (uint64_t)greatest != places))
        pzl_fail(
            L, PZ_ERR_TYPE,
            "a list has the keys 1 to n without a hole (use personalize.null); a map with numbers "
            "for keys is marked by personalize.map()");
    if (!shape.is_list && texts != shape.count)
        pzl_fail(
            L, PZ_ERR_TYPE,
            "the keys of a map are strings; one with other keys is marked by personalize.map()");
    return shape;
}

static pz_value put_list(lua_State *L, session_box *session, int index, size_t count,
                         unsigned depth)
{
    pz_value *items = lua_newuserdata(L, (count + 1) * sizeof *items);
    for (size_t i = 0; i < count; i++) {
        lua_rawgeti(L, index, (int)i + 1);
        items[i] = put_at(L, session, lua_gettop(L), depth + 1);
        lua_pop(L, 1);
    }
    pz_value out;
    pzl_check(L, pz_pool_list(session->pool, &out, items, count), NULL);
    lua_pop(L, 1);
    return out;
}

/* A table has no order, so the map gets that of its keys. */
static pz_value put_map(lua_State *L, session_box *session, int index, size_t count, unsigned depth)
{
    pz_entry *entries = lua_newuserdata(L, (count + 1) * sizeof *entries);
    const int base = lua_gettop(L);
    size_t i = 0;
    for (lua_pushnil(L); lua_next(L, index) && i < count; lua_pop(L, 1), i++) {
        const int top = lua_gettop(L);
        entries[i].key = put_at(L, session, top - 1, depth + 1);
        entries[i].value = put_at(L, session, top, depth + 1);
    }
    lua_settop(L, base);
    pz_value out;
    pzl_check(L, pz_pool_map_sorted(session->pool, &out, entries, i), NULL);
    lua_pop(L, 1);
    return out;
}

static pz_value put_table(lua_State *L, session_box *session, int index, unsigned depth)
{
    if (depth >= DEPTH_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "the table is nested too deep, or holds itself");
    luaL_checkstack(L, 10, "nested too deep");
    const table_shape shape = shape_of(L, index);
    return shape.is_list ? put_list(L, session, index, shape.count, depth)
                         : put_map(L, session, index, shape.count, depth);
}

static pz_value put_text(lua_State *L, session_box *session, int index)
{
    size_t len;
    const char *text = lua_tolstring(L, index, &len);
    pz_value out;
    const pz_status status = pz_pool_string(session->pool, &out, text, len);
    if (status == PZ_ERR_PARSE)
        pzl_fail(L, status, "the string is not valid UTF-8; octets go in as personalize.bytes()");
    pzl_check(L, status, NULL);
    return out;
}

static pz_value put_userdata(lua_State *L, session_box *session, int index)
{
    if (!pzl_has_metatable(L, index, SCALAR))
        pzl_fail(L, PZ_ERR_TYPE, "this userdata is no value");
    const scalar_box *box = lua_touserdata(L, index);
    pz_value out;
    pzl_check(L, pz_pool_copy(session->pool, &out, box->value), NULL);
    return out;
}

/* The Lua value at an absolute index as a value in the session's pool. */
static pz_value put_at(lua_State *L, session_box *session, int index, unsigned depth)
{
    int64_t whole;
    if (++session->items > ITEMS_MAX)
        pzl_fail(L, PZ_ERR_LIMIT, "the table unfolds into too many items");
    switch (lua_type(L, index)) {
    case LUA_TNONE:
    case LUA_TNIL:
        return pz_value_null();
    case LUA_TBOOLEAN:
        return pz_value_bool(lua_toboolean(L, index));
    case LUA_TNUMBER:
        return whole_number(L, index, &whole) ? pz_value_int(whole)
                                              : pz_value_double(lua_tonumber(L, index));
    case LUA_TSTRING:
        return put_text(L, session, index);
    case LUA_TTABLE:
        return put_table(L, session, index, depth);
    case LUA_TUSERDATA:
        return put_userdata(L, session, index);
    case LUA_TLIGHTUSERDATA:
        if (!lua_touserdata(L, index))
            return pz_value_null();
        break;
    default:
        break;
    }
    lua_pushfstring(L, "a %s is no value", luaL_typename(L, index));
    pzl_fail(L, PZ_ERR_TYPE, lua_tostring(L, -1));
    return pz_value_null();
}

/* Evaluate `expression` with the text at `index` as its variable t. */
pz_value pzl_read_text(lua_State *L, session_box *session, int index, const char *expression)
{
    pz_entry entry = {pz_value_str("t"), put_at(L, session, index, 0)};
    pz_value variables, out;
    pz_error err = PZ_ERROR_INIT;
    pzl_check(L, pz_pool_map(session->pool, &variables, &entry, 1), NULL);
    const pz_status status =
        pz_eval(&out, session->pool, expression, strlen(expression), variables, &err);
    if (status != PZ_OK)
        pzl_fail(L, PZ_ERR_TYPE, err.message);
    return out;
}

/* A moment: RFC 3339 text, a timestamp, or milliseconds since 1970. nil is 0, the default. */
int64_t pzl_moment_at(lua_State *L, session_box *session, int index)
{
    pz_value value = pz_value_null();
    int64_t ms = 0;
    if (lua_isnil(L, index))
        return 0;
    if (lua_type(L, index) == LUA_TSTRING)
        value = pzl_read_text(L, session, index, "timestamp(t)");
    else if (lua_type(L, index) == LUA_TUSERDATA && pzl_has_metatable(L, index, SCALAR))
        value = ((const scalar_box *)lua_touserdata(L, index))->value;
    if (value.kind == PZ_TIMESTAMP)
        ms = value.as.i * 1000 + (int64_t)(value.len / 1000000u);
    else if (lua_type(L, index) != LUA_TNUMBER || !whole_moment(L, index, &ms))
        pzl_fail(L, PZ_ERR_TYPE,
                 "a moment is RFC 3339 text, a timestamp, or whole milliseconds since 1970");
    if (ms == 0)
        pzl_fail(L, PZ_ERR_ARG,
                 "the moment 1970-01-01T00:00:00Z cannot be given; it stands for the default");
    return ms;
}

pz_value pzl_put(lua_State *L, session_box *session, int index)
{
    return put_at(L, session, index, 0);
}

/* ---- scalars ---- */

static const scalar_box *scalar_at(lua_State *L, int index)
{
    if (lua_type(L, index) != LUA_TUSERDATA || !pzl_has_metatable(L, index, SCALAR))
        pzl_fail(L, PZ_ERR_TYPE, "a scalar made by personalize is expected");
    return lua_touserdata(L, index);
}

/* Push a pool that the collector frees. */
static session_box *push_pool(lua_State *L)
{
    session_box *session = lua_newuserdata(L, sizeof *session);
    memset(session, 0, sizeof *session);
    luaL_getmetatable(L, SESSION);
    lua_setmetatable(L, -2);
    pzl_check(L, pz_pool_new(&session->pool, NULL), NULL);
    return session;
}

/* A double that JSON has no text for, as string() says it in rules, or NULL. */
static const char *text_beyond_json(pz_value value)
{
    if (value.kind != PZ_DOUBLE || value.as.d - value.as.d == 0)
        return NULL;
    return value.as.d > 0 ? "Infinity" : value.as.d < 0 ? "-Infinity" : "NaN";
}

/* Bytes are their octets; everything else is what JSON would print, without quotes. */
static int scalar_tostring(lua_State *L)
{
    const pz_value value = scalar_at(L, 1)->value;
    const char *beyond = text_beyond_json(value);
    if (value.kind == PZ_BYTES || beyond) {
        lua_pushlstring(L, beyond ? beyond : value.as.text, beyond ? strlen(beyond) : value.len);
        return 1;
    }
    session_box *session = push_pool(L);
    pz_str text;
    pzl_check(L, pz_value_print(session->pool, &text, value, 0), NULL);
    const bool is_quoted = text.len >= 2 && text.data[0] == '"';
    lua_pushlstring(L, text.data + is_quoted, text.len - 2 * (size_t)is_quoted);
    return 1;
}

static int scalar_eq(lua_State *L)
{
    lua_pushboolean(L, pz_value_equal(scalar_at(L, 1)->value, scalar_at(L, 2)->value));
    return 1;
}

static int scalar_lt(lua_State *L)
{
    lua_pushboolean(L, pz_value_compare(scalar_at(L, 1)->value, scalar_at(L, 2)->value) < 0);
    return 1;
}

static int scalar_le(lua_State *L)
{
    lua_pushboolean(L, pz_value_compare(scalar_at(L, 1)->value, scalar_at(L, 2)->value) <= 0);
    return 1;
}

static int scalar_kind(lua_State *L)
{
    lua_pushstring(L, pz_kind_name((pz_kind)scalar_at(L, 1)->value.kind));
    return 1;
}

/* Whole milliseconds, rounded down: of a timestamp since 1970, of a duration its length. */
static int scalar_milliseconds(lua_State *L)
{
    const pz_value value = scalar_at(L, 1)->value;
    int64_t ms = 0;
    if (value.kind == PZ_TIMESTAMP)
        ms = value.as.i * 1000 + (int64_t)(value.len / 1000000u);
    else if (value.kind == PZ_DURATION)
        ms = value.as.i / 1000000 - (value.as.i % 1000000 < 0);
    else
        pzl_fail(L, PZ_ERR_TYPE, "only timestamps and durations have milliseconds");
    push_whole(L, pz_value_int(ms));
    return 1;
}

/* ---- constructors ---- */

static int new_bytes(lua_State *L)
{
    size_t len;
    const char *text = luaL_checklstring(L, 1, &len);
    pzl_push_scalar(L, pz_value_bytes(text, len));
    return 1;
}

/* A constructor that evaluates `expression` with its argument as t, and keeps the exact kind. */
static int new_by(lua_State *L, const char *expression)
{
    lua_settop(L, 1);
    session_box *session = push_pool(L);
    pzl_push_scalar(L, pzl_read_text(L, session, 1, expression));
    return 1;
}

static int new_int(lua_State *L)
{
    return new_by(L, "int(t)");
}

static int new_uint(lua_State *L)
{
    return new_by(L, "uint(t)");
}

static int new_double(lua_State *L)
{
    return new_by(L, "double(t)");
}

static int new_duration(lua_State *L)
{
    return new_by(L, "duration(t)");
}

static int new_timestamp(lua_State *L)
{
    int64_t ms;
    lua_settop(L, 1);
    if (lua_type(L, 1) != LUA_TNUMBER)
        return new_by(L, "timestamp(t)");
    if (!whole_moment(L, 1, &ms))
        return pzl_fail(L, PZ_ERR_TYPE, "a timestamp is RFC 3339 text or whole milliseconds");
    if (ms < TIME_MIN_MS || ms > TIME_MAX_MS)
        return pzl_fail(L, PZ_ERR_TYPE, "a timestamp lies in the years 1 to 9999");
    pzl_push_scalar(L, pz_value_time_ms(ms));
    return 1;
}

/* Mark a table, or a new one. */
static int mark(lua_State *L, const char *name)
{
    lua_settop(L, 1);
    if (lua_isnil(L, 1)) {
        lua_newtable(L);
        lua_replace(L, 1);
    }
    luaL_checktype(L, 1, LUA_TTABLE);
    if (lua_getmetatable(L, 1) && !pzl_has_metatable(L, 1, ARRAY) && !pzl_has_metatable(L, 1, MAP))
        return pzl_fail(L, PZ_ERR_ARG, "the table has a metatable of its own");
    luaL_getmetatable(L, name);
    lua_setmetatable(L, 1);
    lua_settop(L, 1);
    return 1;
}

static int mark_array(lua_State *L)
{
    return mark(L, ARRAY);
}

static int mark_map(lua_State *L)
{
    return mark(L, MAP);
}

/* ---- JSON ---- */

/* personalize.parse(json): JSON text as a Lua value; null is personalize.null at the top, too. */
int pzl_parse(lua_State *L)
{
    size_t len;
    pz_value out;
    pz_error err = PZ_ERROR_INIT;
    lua_settop(L, 1);
    const char *json = luaL_checklstring(L, 1, &len);
    session_box *session = pzl_new_session(L, 0);
    const pz_status status = pz_value_parse(session->pool, &out, json, len, 0, &err);
    if (status == PZ_OK)
        pzl_push(L, out);
    pzl_end_session(session);
    pzl_check(L, status, &err);
    return 1;
}

/* personalize.print(value, indent): the value as JSON text. */
int pzl_print(lua_State *L)
{
    pz_str out;
    lua_settop(L, 2);
    const lua_Integer indent = luaL_optinteger(L, 2, 0);
    luaL_argcheck(L, indent >= 0 && indent <= 16, 2, "indent by 0 to 16 spaces");
    session_box *session = pzl_new_session(L, 0);
    const pz_value value = pzl_put(L, session, 1);
    const pz_status status = pz_value_print(session->pool, &out, value, (uint32_t)indent);
    if (status == PZ_OK)
        lua_pushlstring(L, out.data, out.len);
    pzl_end_session(session);
    if (status == PZ_ERR_DOMAIN)
        return pzl_fail(L, status, "JSON has no NaN and no infinities");
    pzl_check(L, status, NULL);
    return 1;
}

static const luaL_Reg scalar_meta[] = {
    {"__tostring", scalar_tostring},
    {"__eq", scalar_eq},
    {"__lt", scalar_lt},
    {"__le", scalar_le},
    {NULL, NULL},
};
static const luaL_Reg scalar_methods[] = {
    {"kind", scalar_kind},
    {"milliseconds", scalar_milliseconds},
    {NULL, NULL},
};
static const luaL_Reg constructors[] = {
    {"bytes", new_bytes},
    {"int", new_int},
    {"uint", new_uint},
    {"double", new_double},
    {"timestamp", new_timestamp},
    {"duration", new_duration},
    {"array", mark_array},
    {"map", mark_map},
    {NULL, NULL},
};

static void set_functions(lua_State *L, const luaL_Reg *list)
{
    for (; list->name; list++) {
        lua_pushcfunction(L, list->func);
        lua_setfield(L, -2, list->name);
    }
}

void pzl_open_values(lua_State *L)
{
    set_functions(L, constructors);
    lua_pushlightuserdata(L, NULL);
    lua_setfield(L, -2, "null");
    luaL_newmetatable(L, SCALAR);
    set_functions(L, scalar_meta);
    lua_newtable(L);
    set_functions(L, scalar_methods);
    lua_setfield(L, -2, "__index");
    luaL_newmetatable(L, ARRAY);
    luaL_newmetatable(L, MAP);
    lua_pop(L, 3);
    /* One for the whole life of a Lua state: hosts have its address. */
    if (pzl_failure(L))
        return;
    failure_box *failure = lua_newuserdata(L, sizeof *failure);
    memset(failure, 0, sizeof *failure);
    lua_setfield(L, LUA_REGISTRYINDEX, FAILURE);
}
