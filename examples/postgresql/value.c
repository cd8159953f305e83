/*
 * value.c: jsonb into values of the library and back.
 *
 * In: the tree of a jsonb is walked into arrays of the call's memory, which the library copies into
 * the pool. Texts stay where they lie in the jsonb when the database speaks UTF-8, so a jsonb has
 * to outlive the values made of it; all of them are arguments of the call that runs.
 *
 * Numbers go by their text, because the library's reader of JSON decides what is an int, a uint and
 * a double, and the same number has to mean the same in every host. jsonb keeps no exponents, so
 * 1e2 has become the int 100 before anybody here sees it.
 *
 * Out: the other way, with numbers by their JSON text again. What JSON cannot say (bytes, times,
 * keys that are no text) is said as the library's own JSON says it.
 */
#include "value.h"

#include <mb/pg_wchar.h>
#include <miscadmin.h>
#include <utils/builtins.h>
#include <utils/numeric.h>

/* ---- in ---- */

/* The place of a mistake is the number itself, for a jsonb has no lines. */
static pz_value number_value(pg_session *session, const char *digits)
{
    const size_t len = strlen(digits);
    pz_error err = PZ_ERROR_INIT;
    pz_value value = pz_value_null();
    const pz_status status = pz_value_parse(session->pool, &value, digits, len, 0, &err);

    err.line = 0;
    if (status != PZ_OK)
        pg_check(status, &err, psprintf("It begins with %.12s and has %zu digits.", digits, len));
    return value;
}

static pz_value value_of_container(pg_session *session, JsonbIterator **it, int kind, int depth);

static pz_value text_value(const char *text, int len)
{
    if (len == 0)
        return pz_value_strn("", 0);
    if (GetDatabaseEncoding() != PG_UTF8) {
        char *utf8 = pg_to_utf8(text, len);

        return pz_value_strn(utf8, strlen(utf8));
    }
    return pz_value_strn(text, len);
}

static pz_value value_of_scalar(pg_session *session, const JsonbValue *scalar)
{
    switch (scalar->type) {
    case jbvNull:
        return pz_value_null();
    case jbvBool:
        return pz_value_bool(scalar->val.boolean);
    case jbvString:
        return text_value(scalar->val.string.val, scalar->val.string.len);
    case jbvNumeric: {
        const char *digits =
            DatumGetCString(DirectFunctionCall1(numeric_out, NumericGetDatum(scalar->val.numeric)));

        return number_value(session, digits);
    }
    default:
        elog(ERROR, "personalize: jsonb holds a value of unknown type %d", (int)scalar->type);
    }
    return pz_value_null();
}

/* The value at which the iterator stands: a scalar, or the container that just began. */
static pz_value value_at(pg_session *session, JsonbIterator **it, JsonbIteratorToken token,
                         const JsonbValue *at, int depth)
{
    if (token == WJB_BEGIN_ARRAY || token == WJB_BEGIN_OBJECT)
        return value_of_container(session, it, token, depth + 1);
    return value_of_scalar(session, at);
}

/* The iterator tells the number of elements only as a container begins, and the caller has passed
 * that; so the array grows. */
static pz_value value_of_array(pg_session *session, JsonbIterator **it, int depth)
{
    size_t room = 8, count = 0;
    pz_value *items = palloc(room * sizeof *items), list;
    JsonbIteratorToken token;
    JsonbValue at;

    while ((token = JsonbIteratorNext(it, &at, false)) != WJB_END_ARRAY) {
        CHECK_FOR_INTERRUPTS();
        if (count == room)
            items = repalloc_huge(items, (room *= 2) * sizeof *items);
        items[count++] = value_at(session, it, token, &at, depth);
    }
    pg_check(pz_pool_list(session->pool, &list, items, count), &(pz_error)PZ_ERROR_INIT, NULL);
    pfree(items);
    return list;
}

static pz_value value_of_object(pg_session *session, JsonbIterator **it, int depth)
{
    size_t room = 8, count = 0;
    pz_entry *entries = palloc(room * sizeof *entries);
    JsonbIteratorToken token;
    JsonbValue at;
    pz_value map;

    while ((token = JsonbIteratorNext(it, &at, false)) != WJB_END_OBJECT) {
        CHECK_FOR_INTERRUPTS();
        if (count == room)
            entries = repalloc_huge(entries, (room *= 2) * sizeof *entries);
        entries[count].key = value_of_scalar(session, &at);
        token = JsonbIteratorNext(it, &at, false);
        entries[count++].value = value_at(session, it, token, &at, depth);
    }
    pg_check(pz_pool_map(session->pool, &map, entries, count), &(pz_error)PZ_ERROR_INIT, NULL);
    pfree(entries);
    return map;
}

static pz_value value_of_container(pg_session *session, JsonbIterator **it, int kind, int depth)
{
    check_stack_depth();
    if (depth > PZ_JSON_DEPTH_MAX)
        ereport(ERROR, (errcode(ERRCODE_PROGRAM_LIMIT_EXCEEDED),
                        errmsg("personalize: jsonb is nested deeper than %d", PZ_JSON_DEPTH_MAX)));
    return kind == WJB_BEGIN_ARRAY ? value_of_array(session, it, depth)
                                   : value_of_object(session, it, depth);
}

pz_value pg_value_of(pg_session *session, const Jsonb *json)
{
    JsonbContainer *root = &unconstify(Jsonb *, json)->root;
    JsonbIterator *it;
    JsonbValue at;

    if (JB_ROOT_IS_SCALAR(json)) {
        JsonbExtractScalar(root, &at);
        return value_of_scalar(session, &at);
    }
    it = JsonbIteratorInit(root);
    return value_of_container(session, &it, JsonbIteratorNext(&it, &at, false), 1);
}

/* ---- out ---- */

static JsonbValue *push_value(pg_session *session, JsonbParseState **state, pz_value value,
                              JsonbIteratorToken place);

static JsonbValue string_of(const char *text, size_t len)
{
    JsonbValue out = {.type = jbvString};
    const char *nul = memchr(text ? text : "", 0, len);

    if (nul)
        ereport(ERROR, (errcode(ERRCODE_UNTRANSLATABLE_CHARACTER),
                        errmsg("personalize: jsonb cannot hold a text with a NUL")));
    out.val.string.val = len ? pg_from_utf8(text, len) : pstrdup("");
    out.val.string.len = (int)strlen(out.val.string.val);
    return out;
}

static JsonbValue number_of(const char *digits)
{
    JsonbValue out = {.type = jbvNumeric};

    out.val.numeric = DatumGetNumeric(DirectFunctionCall3(
        numeric_in, CStringGetDatum(digits), ObjectIdGetDatum(InvalidOid), Int32GetDatum(-1)));
    return out;
}

/* The library's own JSON of a value that is no container, with its quotes taken off. */
static pz_str text_of(pg_session *session, pz_value value)
{
    pz_error err = PZ_ERROR_INIT;
    pz_str text = {NULL, 0};

    pg_check(pz_value_print(session->pool, &text, value, 0), &err, NULL);
    if (text.len >= 2 && text.data[0] == '"')
        text = (pz_str){text.data + 1, text.len - 2};
    return text;
}

static JsonbValue scalar_of(pg_session *session, pz_value value)
{
    pz_str text;

    switch (value.kind) {
    case PZ_NULL:
        return (JsonbValue){.type = jbvNull};
    case PZ_BOOL:
        return (JsonbValue){.type = jbvBool, .val = {.boolean = value.as.b}};
    case PZ_INT:
        return (JsonbValue){.type = jbvNumeric, .val = {.numeric = int64_to_numeric(value.as.i)}};
    case PZ_STRING:
        return string_of(value.as.text, value.len);
    default:
        text = text_of(session, value);
        break;
    }
    return value.kind == PZ_UINT || value.kind == PZ_DOUBLE ? number_of(text.data)
                                                            : string_of(text.data, text.len);
}

static JsonbValue *push_map(pg_session *session, JsonbParseState **state, pz_value map)
{
    pushJsonbValue(state, WJB_BEGIN_OBJECT, NULL);
    for (uint32 i = 0; i < map.len; i++) {
        const pz_entry entry = pz_value_entry(map, i);
        const pz_str key =
            entry.key.kind == PZ_STRING ? pz_value_text(entry.key) : text_of(session, entry.key);
        JsonbValue name = string_of(key.data, key.len);

        pushJsonbValue(state, WJB_KEY, &name);
        push_value(session, state, entry.value, WJB_VALUE);
    }
    return pushJsonbValue(state, WJB_END_OBJECT, NULL);
}

static JsonbValue *push_list(pg_session *session, JsonbParseState **state, pz_value list)
{
    pushJsonbValue(state, WJB_BEGIN_ARRAY, NULL);
    for (uint32 i = 0; i < list.len; i++)
        push_value(session, state, pz_value_item(list, i), WJB_ELEM);
    return pushJsonbValue(state, WJB_END_ARRAY, NULL);
}

static JsonbValue *push_value(pg_session *session, JsonbParseState **state, pz_value value,
                              JsonbIteratorToken place)
{
    JsonbValue scalar;

    check_stack_depth();
    if (value.kind == PZ_MAP)
        return push_map(session, state, value);
    if (value.kind == PZ_LIST)
        return push_list(session, state, value);
    scalar = scalar_of(session, value);
    return pushJsonbValue(state, place, &scalar);
}

Jsonb *pg_jsonb_of(pg_session *session, pz_value value)
{
    JsonbParseState *state = NULL;
    JsonbValue scalar;

    if (value.kind == PZ_MAP || value.kind == PZ_LIST)
        return JsonbValueToJsonb(push_value(session, &state, value, WJB_ELEM));
    scalar = scalar_of(session, value);
    return JsonbValueToJsonb(&scalar);
}

pz_value pg_map_of(pg_session *session, const pg_member *members, size_t count)
{
    pz_entry *entries = palloc(count * sizeof *entries);
    pz_value map;

    for (size_t i = 0; i < count; i++)
        entries[i] = (pz_entry){pz_value_str(members[i].name), members[i].value};
    pg_check(pz_pool_map(session->pool, &map, entries, count), &(pz_error)PZ_ERROR_INIT, NULL);
    return map;
}
