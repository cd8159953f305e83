/*
 * walker_value.c: operations on values for walker.c, written from the description of the language.
 *
 * Arithmetic, comparison, access to parts, conversions of whole numbers and the three tests of
 * texts are made here by other means than the library's: sums in 128 bits and then compared with
 * the range, numbers compared by their whole part and the sign of the rest, maps searched from the
 * front. Arithmetic with times, conversions that touch doubles and texts of bytes, and every other
 * function are called through the table of functions: they have tests of their own, here they only
 * pass values through.
 */
#include "cel/walker_value.h"

#include <stdio.h>

#include "cel/functions.h"

typedef __int128 wide;

static bool is_number(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT || v.kind == PZ_DOUBLE;
}

/* ---- equality and order ---- */

/* Whole part and the sign of the rest of any number; false for what is no place on the line. */
static bool place_of(pz_value v, wide *whole, int *rest)
{
    *rest = 0;
    if (v.kind != PZ_DOUBLE) {
        *whole = v.kind == PZ_INT ? (wide)v.as.i : (wide)v.as.u;
        return true;
    }
    if (v.as.d != v.as.d)
        return false;
    if (v.as.d > 1e30 || v.as.d < -1e30) {
        *whole = (wide)1 << 110;
        *whole = v.as.d > 0 ? *whole : -*whole;
        return true;
    }
    *whole = (wide)v.as.d;
    double left = v.as.d - (double)*whole;
    *rest = (left > 0) - (left < 0);
    return true;
}

#define NO_ORDER 2 /* NaN */
#define NEVER 3    /* no such overload */

static int order_numbers(const walker *w, pz_value a, pz_value b)
{
    wide x, y;
    int p, q;
    if (!place_of(a, &x, &p) || !place_of(b, &y, &q))
        return NO_ORDER;
    if (a.kind == PZ_DOUBLE && b.kind == PZ_DOUBLE)
        return (a.as.d > b.as.d) - (a.as.d < b.as.d);
    if (w->mistake == WALKER_ROUNDS)
        return ((double)x > (double)y) - ((double)x < (double)y);
    return x != y ? (x > y) - (x < y) : (p > q) - (p < q);
}

static int order_text(pz_value a, pz_value b)
{
    for (uint32_t i = 0; i < a.len && i < b.len; i++)
        if (a.as.text[i] != b.as.text[i])
            return (unsigned char)a.as.text[i] < (unsigned char)b.as.text[i] ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

static const pz_entry *entry_of(const walker *w, pz_value map, pz_value key)
{
    for (uint32_t i = 0; i < map.len; i++)
        if (walker_equal(w, pz__map_entries(map)[i].key, key))
            return &pz__map_entries(map)[i];
    return NULL;
}

static bool equal_parts(const walker *w, pz_value a, pz_value b)
{
    bool same = a.len == b.len;
    for (uint32_t i = 0; i < a.len && same; i++) {
        if (a.kind != PZ_MAP) {
            same = walker_equal(w, a.as.items[i], b.as.items[i]);
            continue;
        }
        const pz_entry *other = entry_of(w, b, pz__map_entries(a)[i].key);
        same = other && walker_equal(w, pz__map_entries(a)[i].value, other->value);
    }
    return same;
}

bool walker_equal(const walker *w, pz_value a, pz_value b)
{
    if (is_number(a) && is_number(b))
        return order_numbers(w, a, b) == 0;
    if (a.kind != b.kind)
        return false;
    switch (a.kind) {
    case PZ_NULL:
        return true;
    case PZ_BOOL:
        return a.as.b == b.as.b;
    case PZ_STRING:
    case PZ_BYTES:
    case PZ__V_TYPE:
        return order_text(a, b) == 0;
    case PZ_LIST:
    case PZ_MAP:
    case PZ__V_OPTIONAL:
        return equal_parts(w, a, b);
    default:
        return a.as.i == b.as.i && a.len == b.len;
    }
}

static int order(const walker *w, pz_value a, pz_value b)
{
    if (is_number(a) && is_number(b)) {
        /* The one exception: the greatest int ranks with the double that it rounds to. */
        double x = a.kind == PZ_DOUBLE ? a.as.d : 0, y = b.kind == PZ_DOUBLE ? b.as.d : 0;
        if ((a.kind == PZ_INT && a.as.i == INT64_MAX && y == 0x1p63) ||
            (b.kind == PZ_INT && b.as.i == INT64_MAX && x == 0x1p63))
            return 0;
        return order_numbers(w, a, b);
    }
    if (a.kind != b.kind)
        return NEVER;
    switch (a.kind) {
    case PZ_BOOL:
        return a.as.b - b.as.b;
    case PZ_STRING:
    case PZ_BYTES:
        return order_text(a, b);
    case PZ_TIMESTAMP:
        if (a.as.i == b.as.i)
            return (a.len > b.len) - (a.len < b.len);
        return a.as.i < b.as.i ? -1 : 1;
    case PZ_DURATION:
        return (a.as.i > b.as.i) - (a.as.i < b.as.i);
    default:
        return NEVER;
    }
}

/* ---- operators ---- */

static pz_value int_within(const walker *w, wide n)
{
    if ((n < INT64_MIN || n > INT64_MAX) && w->mistake != WALKER_WRAPS)
        return failed;
    return pz_value_int((int64_t)(uint64_t)n);
}

static pz_value whole_operation(const walker *w, char op, wide a, wide b, bool is_signed)
{
    wide n = 0;
    if ((op == '/' || op == '%') && (b == 0 || (is_signed && a == INT64_MIN && b == -1)))
        return failed;
    switch (op) {
    case '+':
        n = a + b;
        break;
    case '-':
        n = a - b;
        break;
    case '*':
        if (!is_signed && a && (unsigned __int128)b > UINT64_MAX / (unsigned __int128)a)
            return failed;
        n = a * b;
        break;
    case '/':
        n = a / b;
        break;
    default:
        n = a % b;
        if (w->mistake == WALKER_FLOORS && n != 0 && (n < 0) != (b < 0))
            n += b;
    }
    if (is_signed)
        return int_within(w, n);
    return n < 0 || n > (wide)UINT64_MAX ? failed : pz_value_uint((uint64_t)n);
}

static pz_value double_operation(char op, double a, double b)
{
    switch (op) {
    case '+':
        return pz_value_double(a + b);
    case '-':
        return pz_value_double(a - b);
    case '*':
        return pz_value_double(a * b);
    case '/':
        return pz_value_double(a / b);
    default:
        return failed;
    }
}

/* One behind the other: texts, bytes, lists. */
static pz_value joined(walker *w, pz_value a, pz_value b)
{
    size_t size = a.kind == PZ_LIST ? sizeof(pz_value) : 1;
    char *all = pz__arena_new(w->arena, (a.len + (size_t)b.len) * size);
    if (a.len)
        memcpy(all, a.as.text, a.len * size);
    if (b.len)
        memcpy(all + a.len * size, b.as.text, b.len * size);
    return (pz_value){.kind = a.kind, .len = a.len + b.len, .as.text = all};
}

pz_value walker_by_table(walker *w, uint32_t row, const pz_value *args, uint32_t count)
{
    uint32_t steps = 1000000;
    pz__call call = {.arena = w->arena, .steps = &steps};
    return pz__functions[row].impl(&call, args, count);
}

pz_value walker_arithmetic(walker *w, uint32_t row, char op, pz_value a, pz_value b)
{
    if (a.kind == PZ_TIMESTAMP || a.kind == PZ_DURATION)
        return walker_by_table(w, row, (pz_value[]){a, b}, 2);
    if (a.kind != b.kind)
        return failed;
    switch (a.kind) {
    case PZ_INT:
        return whole_operation(w, op, a.as.i, b.as.i, true);
    case PZ_UINT:
        return whole_operation(w, op, (wide)a.as.u, (wide)b.as.u, false);
    case PZ_DOUBLE:
        return double_operation(op, a.as.d, b.as.d);
    case PZ_STRING:
    case PZ_BYTES:
    case PZ_LIST:
        return op == '+' ? joined(w, a, b) : failed;
    default:
        return failed;
    }
}

pz_value walker_negated(const walker *w, pz_value v)
{
    if (v.kind == PZ_DOUBLE)
        return pz_value_double(-v.as.d);
    return v.kind == PZ_INT ? int_within(w, -(wide)v.as.i) : failed;
}

pz_value walker_relation(const walker *w, const char *sign, pz_value a, pz_value b)
{
    int o = order(w, a, b);
    if (o == NEVER)
        return failed;
    bool or_equal = sign[1] == '=';
    return pz_value_bool(o != NO_ORDER && ((or_equal && o == 0) || o == (sign[0] == '<' ? -1 : 1)));
}

pz_value walker_in(const walker *w, pz_value x, pz_value all)
{
    if (all.kind == PZ_MAP)
        return pz_value_bool(entry_of(w, all, x) != NULL);
    if (all.kind != PZ_LIST)
        return failed;
    for (uint32_t i = 0; i < all.len; i++)
        if (walker_equal(w, x, all.as.items[i]))
            return pz_value_bool(true);
    return pz_value_bool(false);
}

/* ---- access ---- */

pz_value walker_optional_of(walker *w, pz_value v)
{
    pz_value *held = pz__arena_new(w->arena, sizeof *held);
    *held = v;
    return (pz_value){.kind = PZ__V_OPTIONAL, .len = 1, .as.items = held};
}

/* What stands at a place: 1 and the value, 0 for nothing, -1 where nothing can stand. */
static int at_place(const walker *w, pz_value v, pz_value key, pz_value *out)
{
    if (v.kind == PZ_MAP) {
        if (key.kind != PZ_BOOL && key.kind != PZ_STRING && !is_number(key))
            return -1;
        const pz_entry *entry = entry_of(w, v, key);
        if (entry)
            *out = entry->value;
        return entry != NULL;
    }
    wide at;
    int rest;
    if (v.kind != PZ_LIST || !is_number(key))
        return -1;
    if (!place_of(key, &at, &rest) || rest || at < 0 || at >= (wide)v.len)
        return 0;
    *out = v.as.items[at];
    return 1;
}

pz_value walker_access(walker *w, pz_value v, pz_value key, bool optional)
{
    pz_value part = failed;
    if (v.kind != PZ__V_OPTIONAL && !optional)
        return at_place(w, v, key, &part) == 1 ? part : failed;
    while (v.kind == PZ__V_OPTIONAL) {
        if (v.len == 0)
            return v;
        v = v.as.items[0];
    }
    int found = at_place(w, v, key, &part);
    if (found < 0)
        return failed;
    return found ? walker_optional_of(w, part) : (pz_value){.kind = PZ__V_OPTIONAL};
}

pz_value walker_has(walker *w, pz_value v, pz_str field)
{
    while (v.kind == PZ__V_OPTIONAL && v.len)
        v = v.as.items[0];
    if (v.kind == PZ__V_OPTIONAL)
        return pz_value_bool(false);
    return v.kind == PZ_MAP ? pz_value_bool(entry_of(w, v, pz__value_of_str(field)) != NULL)
                            : failed;
}

/* ---- functions ---- */

static const char *const kind_names[] = {"null_type",
                                         "bool",
                                         "int",
                                         "uint",
                                         "double",
                                         "string",
                                         "bytes",
                                         "google.protobuf.Timestamp",
                                         "google.protobuf.Duration",
                                         "list",
                                         "map"};

static pz_value type_named(const char *name)
{
    return (pz_value){.kind = PZ__V_TYPE, .len = (uint32_t)strlen(name), .as.text = name};
}

bool walker_type_name(const char *text, pz_value *out)
{
    static const char *const more[] = {"type", "optional_type", "net.IP", "net.CIDR"};
    for (size_t i = 0; i < 15; i++) {
        const char *name = i < 11 ? kind_names[i] : more[i - 11];
        if (strcmp(name, text) == 0) {
            *out = type_named(name);
            return true;
        }
    }
    return false;
}

static pz_value type_of(pz_value v)
{
    if (v.kind <= PZ_MAP)
        return type_named(kind_names[v.kind]);
    switch (v.kind) {
    case PZ__V_TYPE:
        return type_named("type");
    case PZ__V_IP:
        return type_named("net.IP");
    case PZ__V_CIDR:
        return type_named("net.CIDR");
    default:
        return type_named("optional_type");
    }
}

static pz_value size_of(pz_value v)
{
    int64_t n = 0;
    if (v.kind == PZ_BYTES || v.kind == PZ_LIST || v.kind == PZ_MAP)
        return pz_value_int(v.len);
    if (v.kind != PZ_STRING)
        return failed;
    for (uint32_t i = 0; i < v.len; i++)
        n += ((unsigned char)v.as.text[i] & 0xc0) != 0x80;
    return pz_value_int(n);
}

/* contains, startsWith, endsWith: `from` and `to` bound where the part may begin. */
static pz_value found(pz_value s, pz_value part, const char *how)
{
    if (s.kind != PZ_STRING || part.kind != PZ_STRING)
        return failed;
    bool is = false;
    for (uint32_t at = 0; at + (uint64_t)part.len <= s.len && !is; at++) {
        if ((how[0] == 's' && at > 0) || (how[0] == 'e' && at + part.len < s.len))
            continue;
        is = part.len == 0 || memcmp(s.as.text + at, part.as.text, part.len) == 0;
    }
    return pz_value_bool(is);
}

/* A whole number from any number, or from the digits of a text. */
static bool whole_of(pz_value v, bool is_signed, wide *out)
{
    int rest;
    if (is_number(v)) {
        bool sits = place_of(v, out, &rest);
        if (v.kind == PZ_DOUBLE && is_signed && sits)
            return v.as.d > -0x1p63 && v.as.d < 0x1p63;
        return sits && (is_signed || v.kind != PZ_DOUBLE || v.as.d >= 0);
    }
    uint32_t at = v.len > 0 && is_signed && (v.as.text[0] == '-' || v.as.text[0] == '+');
    *out = 0;
    if (v.kind != PZ_STRING || at == v.len)
        return false;
    for (uint32_t i = at; i < v.len; i++) {
        if (v.as.text[i] < '0' || v.as.text[i] > '9' || *out > (wide)UINT64_MAX)
            return false;
        *out = *out * 10 + (v.as.text[i] - '0');
    }
    if (at && v.as.text[0] == '-')
        *out = -*out;
    return true;
}

static pz_value bool_of(pz_value v)
{
    static const char *const words[] = {"1", "t", "T", "TRUE",  "true",  "True",
                                        "0", "f", "F", "FALSE", "false", "False"};
    if (v.kind == PZ_BOOL)
        return v;
    for (int i = 0; i < 12 && v.kind == PZ_STRING; i++)
        if (pz__str_equal(pz_value_text(v), pz_str_of(words[i])))
            return pz_value_bool(i < 6);
    return failed;
}

static pz_value text_of(walker *w, pz_value v)
{
    char text[64];
    if (v.kind == PZ_BOOL)
        return pz_value_str(v.as.b ? "true" : "false");
    if (v.kind == PZ_INT)
        snprintf(text, sizeof text, "%lld", (long long)v.as.i);
    else
        snprintf(text, sizeof text, "%llu", (unsigned long long)v.as.u);
    return pz_value_str(pz__arena_text(w->arena, text, strlen(text)));
}

pz_value walker_call(walker *w, uint32_t row, const pz_value *args, uint32_t count)
{
    pz_str name = pz__functions[row].name;
    wide n;
    if (pz__str_equal(name, PZ__STR("size")))
        return size_of(args[0]);
    if (pz__str_equal(name, PZ__STR("contains")) || pz__str_equal(name, PZ__STR("startsWith")) ||
        pz__str_equal(name, PZ__STR("endsWith")))
        return found(args[0], args[1], name.data);
    if (pz__str_equal(name, PZ__STR("type")))
        return type_of(args[0]);
    if (pz__str_equal(name, PZ__STR("dyn")))
        return args[0];
    if (pz__str_equal(name, PZ__STR("bool")))
        return bool_of(args[0]);
    if (pz__str_equal(name, PZ__STR("int")) && args[0].kind != PZ_TIMESTAMP)
        return whole_of(args[0], true, &n) ? int_within(w, n) : failed;
    if (pz__str_equal(name, PZ__STR("uint")))
        return whole_of(args[0], false, &n) && n >= 0 && n <= (wide)UINT64_MAX
                   ? pz_value_uint((uint64_t)n)
                   : failed;
    if (pz__str_equal(name, PZ__STR("string")) && args[0].kind >= PZ_BOOL &&
        args[0].kind <= PZ_UINT)
        return text_of(w, args[0]);
    return walker_by_table(w, row, args, count);
}

/* ---- agreement ---- */

static bool same_entries(pz_value a, pz_value b)
{
    const pz_entry *x = pz__map_entries(a), *y = pz__map_entries(b);
    for (uint32_t i = 0; i < a.len; i++)
        if (!walker_agrees(x[i].key, y[i].key) || !walker_agrees(x[i].value, y[i].value))
            return false;
    return true;
}

static bool same_items(pz_value a, pz_value b)
{
    for (uint32_t i = 0; i < a.len; i++)
        if (!walker_agrees(a.as.items[i], b.as.items[i]))
            return false;
    return true;
}

static bool same_slots(uint64_t bits, const pz__unknowns *set)
{
    uint64_t given = 0;
    for (uint32_t i = 0; i < set->count; i++) {
        if (set->slots[i] >= 64 || (i && set->slots[i] <= set->slots[i - 1]))
            return false;
        given |= UINT64_C(1) << set->slots[i];
    }
    return given == bits;
}

bool walker_agrees(pz_value found, pz_value given)
{
    if (found.kind != given.kind)
        return false;
    switch (found.kind) {
    case PZ_NULL:
    case PZ__V_ERROR:
        return true;
    case PZ__V_UNKNOWN:
        return same_slots(found.as.u, (const void *)given.as.text);
    case PZ_BOOL:
        return found.as.b == given.as.b;
    case PZ_DOUBLE:
        return found.as.u == given.as.u || (found.as.d != found.as.d && given.as.d != given.as.d);
    case PZ_STRING:
    case PZ_BYTES:
    case PZ__V_TYPE:
        return order_text(found, given) == 0;
    case PZ_LIST:
    case PZ__V_OPTIONAL:
        return found.len == given.len && same_items(found, given);
    case PZ_MAP:
        return found.len == given.len && same_entries(found, given);
    default:
        return found.len == given.len && found.as.u == given.as.u;
    }
}
