/*
 * message.c: literals of the messages that stand for plain values.
 *
 * google.protobuf.Int32Value{value: 3} is the int 3. Each such message is a row below: its fields,
 * the function of functions.def that makes the value of each ("@int32", a name no author can
 * write), and the value when no field is set. The checker turns the literal into that constant or
 * call, so nothing behind it knows of messages. The static type of a wrapper's literal is nullable,
 * as in the language's definition.
 *
 *      M{f: e}     convert(e)
 *      M{?f: o}    o.optMap(x, convert(x)).orValue(M{})
 *
 * Timestamp and Duration take their two fields in one call. Any{} holds nothing, so making it fails
 * when it is evaluated. Messages of other names do not exist.
 */
#include "cel/check.h"

#define FIELDS_MAX 6

typedef enum zero_kind {
    ZERO_NULL,
    ZERO_BOOL,
    ZERO_INT,
    ZERO_UINT,
    ZERO_DOUBLE,
    ZERO_STRING,
    ZERO_BYTES,
    ZERO_LIST,
    ZERO_MAP,
    ZERO_TIME,
    ZERO_NONE
} zero_kind;

typedef struct message_field {
    const char *name;
    const char *function;
} message_field;

typedef struct message_row {
    const char *name;
    zero_kind zero;
    const pz__type *of; /* a wrapper of this type; NULL: see result_type */
    message_field fields[FIELDS_MAX];
} message_row;

static const message_row messages[] = {
    {"google.protobuf.BoolValue", ZERO_BOOL, &pz__type_bool, {{"value", "@bool"}}},
    {"google.protobuf.Int32Value", ZERO_INT, &pz__type_int, {{"value", "@int32"}}},
    {"google.protobuf.Int64Value", ZERO_INT, &pz__type_int, {{"value", "@int64"}}},
    {"google.protobuf.UInt32Value", ZERO_UINT, &pz__type_uint, {{"value", "@uint32"}}},
    {"google.protobuf.UInt64Value", ZERO_UINT, &pz__type_uint, {{"value", "@uint64"}}},
    {"google.protobuf.FloatValue", ZERO_DOUBLE, &pz__type_double, {{"value", "@float"}}},
    {"google.protobuf.DoubleValue", ZERO_DOUBLE, &pz__type_double, {{"value", "@double"}}},
    {"google.protobuf.StringValue", ZERO_STRING, &pz__type_string, {{"value", "@string"}}},
    {"google.protobuf.BytesValue", ZERO_BYTES, &pz__type_bytes, {{"value", "@bytes"}}},
    {"google.protobuf.ListValue", ZERO_LIST, NULL, {{"values", "@list"}}},
    {"google.protobuf.Struct", ZERO_MAP, NULL, {{"fields", "@struct"}}},
    {"google.protobuf.Value",
     ZERO_NULL,
     NULL,
     {{"null_value", "@null"},
      {"number_value", "@double"},
      {"string_value", "@string"},
      {"bool_value", "@bool"},
      {"struct_value", "@struct"},
      {"list_value", "@list"}}},
    {"google.protobuf.Timestamp",
     ZERO_TIME,
     &pz__type_timestamp,
     {{"seconds", "@timestamp"}, {"nanos", "@timestamp"}}},
    {"google.protobuf.Duration",
     ZERO_TIME,
     &pz__type_duration,
     {{"seconds", "@duration"}, {"nanos", "@duration"}}},
    {"google.protobuf.Any", ZERO_NONE, NULL, {{"type_url", NULL}, {"value", NULL}}},
};
#define MESSAGE_COUNT (sizeof messages / sizeof messages[0])

/* The name the value of an optional field has on the way. */
#define HELD_NAME PZ__STR("@field")

/* ---- looking up ---- */

static bool find_message(void *payload, pz_str name)
{
    const message_row **row = payload;
    for (size_t i = 0; i < MESSAGE_COUNT; i++)
        if (pz__str_equal(name, pz_str_of(messages[i].name))) {
            *row = &messages[i];
            return true;
        }
    return false;
}

static const message_field *find_field(const message_row *row, pz_str name)
{
    for (size_t i = 0; i < FIELDS_MAX && row->fields[i].name; i++)
        if (pz__str_equal(name, pz_str_of(row->fields[i].name)))
            return &row->fields[i];
    return NULL;
}

/* ---- making nodes ---- */

/* A node that stands for a part of the literal; NULL without memory. */
static pz__expr *made(pz__checker *ck, const pz__expr *literal, pz__expr_kind kind, pz_str name,
                      uint32_t arg_count)
{
    pz__expr *expr = pz__arena_zero(ck->scratch, 1, sizeof *expr);
    pz__expr **args = pz__arena_array(ck->scratch, arg_count + 1u, sizeof *args);
    if (!expr || !args) {
        pz__issue_nomem(ck->sink);
        return NULL;
    }
    expr->kind = (uint8_t)kind;
    expr->start = expr->name_at = literal->start;
    expr->end = expr->name_end = literal->end;
    expr->depth = literal->depth;
    expr->name = name;
    expr->args = args;
    expr->count = arg_count;
    return expr;
}

static pz_value zero_value(zero_kind zero, const pz__type *of)
{
    switch (zero) {
    case ZERO_BOOL:
        return pz_value_bool(false);
    case ZERO_INT:
        return pz_value_int(0);
    case ZERO_UINT:
        return pz_value_uint(0);
    case ZERO_DOUBLE:
        return pz_value_double(0);
    case ZERO_STRING:
        return pz_value_str("");
    case ZERO_BYTES:
        return pz_value_bytes("", 0);
    case ZERO_LIST:
        return pz__value_of_items(NULL, 0);
    case ZERO_MAP:
        return (pz_value){.kind = PZ_MAP};
    case ZERO_TIME:
        return (pz_value){.kind = of == &pz__type_duration ? PZ_DURATION : PZ_TIMESTAMP};
    default:
        return pz_value_null();
    }
}

static const pz__type *result_type(pz__checker *ck, const message_row *row)
{
    const pz__type *type = &pz__type_dyn;
    if (row->zero == ZERO_TIME)
        return row->of;
    if (row->zero == ZERO_LIST)
        type = pz__type_make(ck->scratch, PZ__T_LIST, &pz__type_dyn, NULL);
    else if (row->zero == ZERO_MAP)
        type = pz__type_make(ck->scratch, PZ__T_MAP, &pz__type_string, &pz__type_dyn);
    else if (row->of)
        type = pz__type_make(ck->scratch, PZ__T_WRAPPER, row->of, NULL);
    if (!type)
        pz__issue_nomem(ck->sink);
    return type ? type : &pz__type_dyn;
}

/* The literal without fields, of dyn type. */
static pz__expr *zero_node(pz__checker *ck, const pz__expr *literal, const message_row *row)
{
    pz__expr *zero = made(ck, literal, PZ__E_CONST, (pz_str){NULL, 0}, 0);
    if (zero) {
        zero->constant = zero_value(row->zero, row->of);
        zero->type = &pz__type_dyn;
    }
    return zero;
}

/* dyn(call): what is made of a field may be mixed with the literal's zero. */
static pz__expr *converted(pz__checker *ck, const pz__expr *literal, const char *function,
                           pz__expr *value)
{
    pz__expr *call = made(ck, literal, PZ__E_CALL, pz_str_of(function), 1);
    pz__expr *dyn = made(ck, literal, PZ__E_CALL, PZ__STR("dyn"), 1);
    if (!call || !dyn)
        return NULL;
    call->is_operator = dyn->is_operator = true;
    call->name_at = value->start;
    call->name_end = value->end;
    call->args[0] = value;
    dyn->args[0] = call;
    return dyn;
}

/* o.optMap(x, convert(x)).orValue(zero), or convert(e). */
static pz__expr *field_node(pz__checker *ck, const pz__expr *literal, const message_row *row,
                            const char *function, const pz__expr *key, pz__expr *value)
{
    if (!key->spread)
        return converted(ck, literal, function, value);
    pz__expr *held = made(ck, literal, PZ__E_IDENT, HELD_NAME, 0);
    pz__expr *map = made(ck, literal, PZ__E_MACRO, HELD_NAME, 1);
    pz__expr *call = made(ck, literal, PZ__E_CALL, PZ__STR("orValue"), 1);
    pz__expr *zero = zero_node(ck, literal, row);
    pz__expr *body = held ? converted(ck, literal, function, held) : NULL;
    if (!map || !call || !zero || !body)
        return NULL;
    map->macro = PZ__MACRO_OPT_MAP;
    map->target = value;
    map->args[0] = body;
    call->target = map;
    call->args[0] = zero;
    return call;
}

/* ---- checking ---- */

static void refuse(pz__checker *ck, pz__expr *expr, const pz__expr *at, const char *message,
                   pz_str name)
{
    if (ck->options && ck->options->unchecked) {
        pz__make_fail(expr, "there is no such message, or it has no such field");
        expr->type = &pz__type_dyn;
        return;
    }
    pz__issue(ck->sink, PZ_ERR_TYPE, at->start, at->end, "'%.*s' %s", PZ__STR_ARG(name), message);
    expr->type = &pz__type_error;
}

static void become(pz__expr *expr, const pz__expr *other, const pz__type *type)
{
    const uint32_t start = expr->start, end = expr->end;
    const bool spread = expr->spread;
    *expr = *other;
    expr->start = start;
    expr->end = end;
    expr->spread = spread;
    expr->type = type;
}

/* @timestamp(seconds, nanos), a field that is not set being zero. */
static pz__expr *time_node(pz__checker *ck, const pz__expr *literal, const message_row *row)
{
    const char *function = row->fields[0].function;
    pz__expr *call = made(ck, literal, PZ__E_CALL, pz_str_of(function), 2);
    if (!call)
        return NULL;
    call->is_operator = true;
    for (uint32_t i = 0; i < 2; i++) {
        pz__expr *zero = made(ck, literal, PZ__E_CONST, (pz_str){NULL, 0}, 0);
        if (!zero)
            return NULL;
        zero->constant = pz_value_int(0);
        call->args[i] = zero;
    }
    static const message_row number = {"int64", ZERO_INT, &pz__type_int, {{NULL, NULL}}};
    for (uint32_t i = 0; i < literal->count; i += 2) {
        pz_str name = pz_value_text(literal->args[i]->constant);
        pz__expr *field =
            field_node(ck, literal, &number, "@int64", literal->args[i], literal->args[i + 1]);
        if (!field)
            return NULL;
        call->args[pz__str_equal(name, PZ__STR("nanos"))] = field;
    }
    return call;
}

/* True if every field exists and none stands twice; of a message that is one value, only one. */
static bool fields_fit(pz__checker *ck, pz__expr *expr, const message_row *row)
{
    for (uint32_t i = 0; i < expr->count; i += 2) {
        pz__expr *key = expr->args[i];
        pz_str name = pz_value_text(key->constant);
        if (!find_field(row, name)) {
            refuse(ck, expr, key, "is no field of this message", name);
            return false;
        }
        for (uint32_t j = 0; j < i; j += 2)
            if (row->zero != ZERO_TIME ||
                pz__str_equal(name, pz_value_text(expr->args[j]->constant))) {
                refuse(ck, expr, key, "is one field too many: the message holds one value", name);
                return false;
            }
    }
    return true;
}

/* What the literal stands for; NULL without memory. */
static pz__expr *meaning(pz__checker *ck, pz__expr *expr, const message_row *row)
{
    if (row->zero == ZERO_NONE) {
        pz__expr *nothing = made(ck, expr, PZ__E_FAIL, (pz_str){NULL, 0}, 0);
        if (nothing)
            pz__make_fail(nothing, "conversion: an Any that holds no message has no value");
        return nothing;
    }
    if (expr->count == 0)
        return zero_node(ck, expr, row);
    if (row->zero == ZERO_TIME)
        return time_node(ck, expr, row);
    const message_field *field = find_field(row, pz_value_text(expr->args[0]->constant));
    return field_node(ck, expr, row, field->function, expr->args[0], expr->args[1]);
}

void pz__check_message(pz__checker *ck, pz__expr *expr)
{
    bool absolute;
    const message_row *row = NULL;
    pz_str name = pz__chain_text(ck, expr->target, &absolute);
    if (!name.data)
        return;
    if (!pz__each_candidate(ck, name, absolute, find_message, &row)) {
        refuse(ck, expr, expr, "is no message type; write a map {'field': value}", name);
        return;
    }
    if (!fields_fit(ck, expr, row))
        return;
    pz__expr *node = meaning(ck, expr, row);
    if (!node)
        return;
    pz__check_node(ck, node);
    become(expr, node, node->type == &pz__type_error ? node->type : result_type(ck, row));
}
