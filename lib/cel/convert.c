/*
 * convert.c: conversions between types.
 *
 * A conversion keeps the value or fails; the one that loses anything is double to whole number,
 * which truncates. The bounds of that are exact: a double converts to int only strictly between
 * -2^63 and 2^63, as the reference does, so that every double that passes is representable.
 *
 * Numbers are read and written by base/number.h, without a locale. type() answers with the name of
 * a type; timestamps and durations have the names protocol buffers gave them.
 */
#include "cel/functions.h"

#include "base/number.h"
#include "base/time.h"
#include "base/utf8.h"
#include "cel/lexer.h"
#include "cel/net.h"
#include "cel/text.h"

#define TWO_63 9223372036854775808.0
#define TWO_64 18446744073709551616.0

static const char *const range_text = "the number is out of range of the type";

static pz_value copy_text(pz__call *call, uint32_t kind, const char *text, size_t len)
{
    const char *copy = pz__arena_text(call->arena, text, len);
    if (!copy)
        return pz__call_nomem();
    return (pz_value){.kind = kind, .len = (uint32_t)len, .as.text = copy};
}

pz_value pz__cel_type_of(pz_value v)
{
    const char *name = v.kind == PZ__V_TYPE       ? "type"
                       : v.kind == PZ__V_OPTIONAL ? "optional_type"
                       : v.kind == PZ__V_IP       ? "net.IP"
                       : v.kind == PZ__V_CIDR     ? "net.CIDR"
                                                  : pz_kind_name((pz_kind)v.kind);
    return (pz_value){.kind = PZ__V_TYPE, .len = (uint32_t)strlen(name), .as.text = name};
}

pz_value pz__fn_type(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)call;
    (void)count;
    return pz__cel_type_of(args[0]);
}

pz_value pz__fn_dyn(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)call;
    (void)count;
    return args[0];
}

pz_value pz__fn_bool(pz__call *call, const pz_value *args, uint32_t count)
{
    static const char *const words[2][5] = {{"0", "f", "F", "FALSE", "false"},
                                            {"1", "t", "T", "TRUE", "true"}};
    (void)count;
    if (args[0].kind == PZ_BOOL)
        return args[0];
    if (args[0].kind != PZ_STRING)
        return pz__call_no_overload(call);
    pz_str text = pz_value_text(args[0]);
    for (int b = 0; b < 2; b++)
        for (int i = 0; i < 5; i++)
            if (pz__str_equal(text, pz_str_of(words[b][i])))
                return pz_value_bool(b);
    if (pz__str_equal(text, PZ__STR("True")) || pz__str_equal(text, PZ__STR("False")))
        return pz_value_bool(text.len == 4);
    return pz__call_fail(call, "the text is no bool; it must be true or false");
}

/* A text is read to its end, and paid for before; false if the steps do not suffice. */
static bool may_read(const pz__call *call, pz_value v)
{
    return v.kind != PZ_STRING || pz__call_charge_bytes(call, v.len);
}

pz_value pz__fn_int(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value v = args[0];
    int64_t n;
    if (!may_read(call, v))
        return pz__call_spent();
    switch (v.kind) {
    case PZ_INT:
        return v;
    case PZ_UINT:
        return v.as.u <= INT64_MAX ? pz_value_int((int64_t)v.as.u)
                                   : pz__call_fail(call, range_text);
    case PZ_DOUBLE:
        if (!(v.as.d > -TWO_63 && v.as.d < TWO_63))
            return pz__call_fail(call, range_text);
        return pz_value_int((int64_t)v.as.d);
    case PZ_STRING:
        if (!pz__int_parse(v.as.text, v.len, &n))
            return pz__call_fail(call, "the text is no int");
        return pz_value_int(n);
    case PZ_TIMESTAMP:
        return pz_value_int(v.as.i);
    default:
        return pz__call_no_overload(call);
    }
}

pz_value pz__fn_uint(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value v = args[0];
    uint64_t n;
    if (!may_read(call, v))
        return pz__call_spent();
    switch (v.kind) {
    case PZ_UINT:
        return v;
    case PZ_INT:
        return v.as.i >= 0 ? pz_value_uint((uint64_t)v.as.i) : pz__call_fail(call, range_text);
    case PZ_DOUBLE:
        if (!(v.as.d >= 0 && v.as.d < TWO_64))
            return pz__call_fail(call, range_text);
        return pz_value_uint((uint64_t)v.as.d);
    case PZ_STRING:
        if (!pz__uint_parse(v.as.text, v.len, &n))
            return pz__call_fail(call, "the text is no uint");
        return pz_value_uint(n);
    default:
        return pz__call_no_overload(call);
    }
}

static pz_value double_of_text(pz__call *call, pz_value v)
{
    static const struct {
        pz_str text;
        int what;
    } words[] = {{{"NaN", 3}, 0},        {{"Infinity", 8}, 1}, {{"inf", 3}, 1},
                 {{"-Infinity", 9}, -1}, {{"-inf", 4}, -1},    {{"+Infinity", 9}, 1}};
    pz_str text = pz_value_text(v);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (pz__str_equal(text, words[i].text))
            return pz_value_double(words[i].what ? words[i].what * __builtin_inf()
                                                 : __builtin_nan(""));
    double d = 0;
    const bool minus = text.len > 0 && text.data[0] == '-';
    const bool is_signed = minus || (text.len > 0 && text.data[0] == '+');
    if (is_signed && text.len > 1 && text.data[1] == '-')
        return pz__call_fail(call, "the text is no double");
    pz_status status =
        pz__double_of_text(call->arena, text.data + is_signed, text.len - is_signed, &d);
    if (status == PZ_ERR_NOMEM)
        return pz__call_nomem();
    if (status != PZ_OK)
        return pz__call_fail(call, "the text is no double");
    return pz_value_double(minus ? -d : d);
}

pz_value pz__fn_double(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (!may_read(call, args[0]))
        return pz__call_spent();
    switch (args[0].kind) {
    case PZ_DOUBLE:
        return args[0];
    case PZ_INT:
        return pz_value_double((double)args[0].as.i);
    case PZ_UINT:
        return pz_value_double((double)args[0].as.u);
    case PZ_STRING:
        return double_of_text(call, args[0]);
    default:
        return pz__call_no_overload(call);
    }
}

static pz_value print_scalar(pz__call *call, pz_value v)
{
    char text[64];
    size_t len = 0;
    _Static_assert(sizeof text >= PZ__NET_TEXT_MAX, "room for a network");
    switch (v.kind) {
    case PZ_INT:
        len = pz__int_print(v.as.i, text);
        break;
    case PZ_UINT:
        len = pz__uint_print(v.as.u, text);
        break;
    case PZ_DOUBLE:
        len = pz__double_print(v.as.d, text);
        break;
    case PZ_TIMESTAMP:
        len = pz__rfc3339_print(v.as.i, v.len, text);
        break;
    case PZ__V_IP:
    case PZ__V_CIDR:
        len = pz__net_print(pz__net_of(v), v.kind == PZ__V_CIDR, text);
        break;
    default:
        len = pz__duration_print(v.as.i, text);
        break;
    }
    return copy_text(call, PZ_STRING, text, len);
}

pz_value pz__fn_string(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value v = args[0];
    switch (v.kind) {
    case PZ_STRING:
        return v;
    case PZ_BOOL:
        return pz_value_str(v.as.b ? "true" : "false");
    case PZ_BYTES:
        if (!pz__call_charge_bytes(call, v.len))
            return pz__call_spent();
        if (!pz__utf8_valid(v.as.text, v.len))
            return pz__call_fail(call, "the bytes are not valid UTF-8");
        v.kind = PZ_STRING;
        return v;
    case PZ_INT:
    case PZ_UINT:
    case PZ_DOUBLE:
    case PZ_TIMESTAMP:
    case PZ_DURATION:
    case PZ__V_IP:
    case PZ__V_CIDR:
        return print_scalar(call, v);
    default:
        return pz__call_no_overload(call);
    }
}

pz_value pz__fn_bytes(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value v = args[0];
    if (v.kind != PZ_BYTES && v.kind != PZ_STRING)
        return pz__call_no_overload(call);
    v.kind = PZ_BYTES;
    return v;
}

pz_value pz__fn_timestamp(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value v = args[0];
    int64_t seconds = v.as.i;
    uint32_t nanos = 0;
    switch (v.kind) {
    case PZ_TIMESTAMP:
        return v;
    case PZ_STRING:
        if (!pz__rfc3339_parse(v.as.text, v.len, &seconds, &nanos))
            return pz__call_fail(call, "the text is no timestamp such as 2009-02-13T23:31:30Z");
        break;
    case PZ_INT:
        if (seconds < PZ__TIME_MIN_S || seconds > PZ__TIME_MAX_S)
            return pz__call_fail(call, "a timestamp lies in the years 1 to 9999");
        break;
    default:
        return pz__call_no_overload(call);
    }
    return (pz_value){.kind = PZ_TIMESTAMP, .len = nanos, .as.i = seconds};
}

pz_value pz__fn_duration(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    int64_t ns;
    if (!may_read(call, args[0]))
        return pz__call_spent();
    if (args[0].kind == PZ_DURATION)
        return args[0];
    if (args[0].kind != PZ_STRING)
        return pz__call_no_overload(call);
    if (!pz__duration_parse(args[0].as.text, args[0].len, &ns))
        return pz__call_fail(call,
                             "the text is no duration such as 1h30m; its units are h m s ms us ns");
    return pz_value_duration_ns(ns);
}
