/*
 * value.c: making values and looking at them.
 *
 * A pz_value is two words that borrow what they point to, so most of this file is the naming of
 * fields. All zero bytes are null, and whatever cannot be said is null as well: a NULL text, a text
 * longer than a uint32_t counts, an item beyond the end. A getter therefore never fails; where the
 * difference between absent and null matters, pz_value_get() tells it.
 *
 * A timestamp is a floor: seconds may be negative, nanoseconds count upwards from them, so one
 * moment has one spelling.
 *
 * Not here: maps (map.c), equality (equal.c), order (order.c), owning values (pool.c).
 */
#include <string.h>

#include "value/value.h"

pz_value pz_value_null(void)
{
    return (pz_value){0};
}

pz_value pz_value_bool(bool b)
{
    /* The whole word is set first: no padding of unknown content beside the bool. */
    pz_value v = {.kind = PZ_BOOL, .as.u = 0};
    v.as.b = b;
    return v;
}

pz_value pz_value_int(int64_t i)
{
    return (pz_value){.kind = PZ_INT, .as.i = i};
}

pz_value pz_value_uint(uint64_t u)
{
    return (pz_value){.kind = PZ_UINT, .as.u = u};
}

pz_value pz_value_double(double d)
{
    return (pz_value){.kind = PZ_DOUBLE, .as.d = d};
}

static pz_value of_octets(pz_kind kind, const char *data, size_t len)
{
    if (len > PZ_VALUE_LEN_MAX || (!data && len > 0))
        return pz_value_null();
    return (pz_value){.kind = kind, .len = (uint32_t)len, .as.text = data ? data : ""};
}

pz_value pz_value_str(const char *text)
{
    return text ? of_octets(PZ_STRING, text, strlen(text)) : pz_value_null();
}

pz_value pz_value_strn(const char *text, size_t len)
{
    return of_octets(PZ_STRING, text, len);
}

pz_value pz_value_bytes(const void *data, size_t len)
{
    return of_octets(PZ_BYTES, data, len);
}

pz_value pz_value_time_ms(int64_t ms)
{
    int64_t seconds = ms / 1000;
    int64_t rest = ms % 1000;
    if (rest < 0) {
        seconds--;
        rest += 1000;
    }
    return (pz_value){.kind = PZ_TIMESTAMP, .len = (uint32_t)rest * 1000000u, .as.i = seconds};
}

pz_value pz_value_duration_ns(int64_t ns)
{
    return (pz_value){.kind = PZ_DURATION, .as.i = ns};
}

const char *pz_kind_name(pz_kind kind)
{
    static const char *const names[] = {
        [PZ_NULL] = "null_type",
        [PZ_BOOL] = "bool",
        [PZ_INT] = "int",
        [PZ_UINT] = "uint",
        [PZ_DOUBLE] = "double",
        [PZ_STRING] = "string",
        [PZ_BYTES] = "bytes",
        [PZ_TIMESTAMP] = "google.protobuf.Timestamp",
        [PZ_DURATION] = "google.protobuf.Duration",
        [PZ_LIST] = "list",
        [PZ_MAP] = "map",
    };
    return (size_t)kind < sizeof names / sizeof names[0] ? names[kind] : "?";
}

pz_str pz_value_text(pz_value v)
{
    return v.kind == PZ_STRING ? (pz_str){v.as.text, v.len} : (pz_str){NULL, 0};
}

pz_value pz_value_item(pz_value list, uint32_t index)
{
    if (list.kind != PZ_LIST || index >= list.len)
        return pz_value_null();
    return list.as.items[index];
}
