/*
 * fit.c: values of the document as values of a declared type.
 *
 * JSON has fewer kinds than rules have. A text therefore stands for a timestamp (RFC 3339) or a
 * duration ("1h30m", "30d") where one is declared, base64 text for bytes, and a whole number for a
 * double or an uint. Nothing else is converted: what does not fit is a mistake that says what was
 * found. Lists and maps are converted item by item into new ones in the catalog's arena; values
 * that fit as they stand are kept as they stand.
 */
#include "catalog/build.h"

#include "base/time.h"

#define NS_PER_MS INT64_C(1000000)

const char *pz__type_text(pz__build *build, const pz__type *type)
{
    pz__buf buf;
    pz__buf_init(&buf, &build->alloc, 4096);
    pz__type_print(&buf, type);
    const char *text = NULL;
    if (buf.status == PZ_OK)
        text = pz__arena_text(build->scratch, buf.data ? buf.data : "", buf.len);
    if (!text && buf.status != PZ_ERR_LIMIT)
        build->is_out_of_memory = true;
    pz__buf_clear(&buf);
    return text ? text : "?";
}

static bool read_timestamp(pz_str text, pz_value *out)
{
    int64_t seconds;
    uint32_t nanos;
    if (!pz__rfc3339_parse(text.data, text.len, &seconds, &nanos))
        return false;
    *out = (pz_value){.kind = PZ_TIMESTAMP, .len = nanos, .as.i = seconds};
    return true;
}

static bool read_duration(pz_str text, pz_value *out)
{
    int64_t ns, ms;
    if (!pz__duration_parse(text.data, text.len, &ns)) {
        if (!pz__span_parse(text.data, text.len, &ms) || ms > INT64_MAX / NS_PER_MS)
            return false;
        ns = ms * NS_PER_MS;
    }
    *out = pz_value_duration_ns(ns);
    return true;
}

static int sextet(char c)
{
    if (c >= 'A' && c <= 'Z')
        return c - 'A';
    if (c >= 'a' && c <= 'z')
        return c - 'a' + 26;
    if (c >= '0' && c <= '9')
        return c - '0' + 52;
    if (c == '+')
        return 62;
    return c == '/' ? 63 : -1;
}

/* Base64 (RFC 4648 section 4) with padding, as values of bytes are printed. */
static pz_status read_bytes(pz__arena *arena, pz_str text, pz_value *out)
{
    size_t len = text.len;
    if (len % 4 != 0)
        return PZ_ERR_TYPE;
    for (int i = 0; i < 2 && len > 0 && text.data[len - 1] == '='; i++)
        len--;
    uint8_t *bytes = pz__arena_new(arena, text.len / 4 * 3 + 1);
    if (!bytes)
        return PZ_ERR_NOMEM;
    uint32_t bits = 0, held = 0, count = 0;
    for (size_t i = 0; i < len; i++) {
        int six = sextet(text.data[i]);
        if (six < 0)
            return PZ_ERR_TYPE;
        bits = bits << 6 | (uint32_t)six;
        held += 6;
        if (held >= 8) {
            held -= 8;
            bytes[count++] = (uint8_t)(bits >> held);
        }
    }
    if (bits & ((1u << held) - 1))
        return PZ_ERR_TYPE;
    *out = pz_value_bytes(bytes, count);
    return PZ_OK;
}

static pz_status fit_text(pz__arena *arena, pz_str text, const pz__type *type, pz_value *out)
{
    if (type->kind == PZ__T_BYTES)
        return read_bytes(arena, text, out);
    bool is_read =
        type->kind == PZ__T_TIMESTAMP ? read_timestamp(text, out) : read_duration(text, out);
    return is_read ? PZ_OK : PZ_ERR_TYPE;
}

/* A scalar, converted if it must be. */
static pz_status fit_scalar(pz__arena *arena, const pz__type *type, pz_value value, pz_value *out)
{
    *out = value;
    if (value.kind == PZ_NULL)
        return PZ_ERR_TYPE;
    bool is_whole = value.kind == PZ_INT || value.kind == PZ_UINT;
    bool reads_text =
        type->kind == PZ__T_TIMESTAMP || type->kind == PZ__T_DURATION || type->kind == PZ__T_BYTES;
    if (reads_text && value.kind == PZ_STRING)
        return fit_text(arena, pz_value_text(value), type, out);
    if (type->kind == PZ__T_DOUBLE && is_whole)
        *out = pz_value_double(pz__number_of(value));
    if (type->kind == PZ__T_UINT && value.kind == PZ_INT && value.as.i >= 0)
        *out = pz_value_uint((uint64_t)value.as.i);
    return pz__type_holds(type, *out) ? PZ_OK : PZ_ERR_TYPE;
}

static pz_status fit_list(pz__arena *arena, const pz__type *type, pz_value value, pz_value *out)
{
    pz_value *items = pz__arena_array(arena, value.len, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < value.len; i++) {
        pz_status status = pz__value_fit(arena, type->args[0], value.as.items[i], &items[i]);
        if (status)
            return status;
    }
    *out = pz__value_of_items(items, value.len);
    return PZ_OK;
}

static pz_status fit_map(pz__arena *arena, const pz__type *type, pz_value value, pz_value *out)
{
    pz_entry *entries = pz__arena_array(arena, value.len, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < value.len; i++) {
        pz_entry entry = pz_value_entry(value, i);
        pz_status status = pz__value_fit(arena, type->args[0], entry.key, &entries[i].key);
        if (!status)
            status = pz__value_fit(arena, type->args[1], entry.value, &entries[i].value);
        if (status)
            return status;
    }
    pz_status status = pz__value_of_entries(arena, out, entries, value.len, PZ__DUP_REFUSE);
    return status && status != PZ_ERR_NOMEM ? PZ_ERR_TYPE : status;
}

pz_status pz__value_fit(pz__arena *arena, const pz__type *type, pz_value value, pz_value *out)
{
    pz_status status;
    if (type->kind == PZ__T_LIST && value.kind == PZ_LIST && type->arg_count == 1)
        status = fit_list(arena, type, value, out);
    else if (type->kind == PZ__T_MAP && value.kind == PZ_MAP && type->arg_count == 2)
        status = fit_map(arena, type, value, out);
    else
        status = fit_scalar(arena, type, value, out);
    if (status)
        *out = pz_value_null();
    return status;
}

/* What to write for a type that JSON has no kind for. */
static const char *spelling_of(const pz__type *type)
{
    switch (type->kind) {
    case PZ__T_TIMESTAMP:
        return ", written as \"2026-03-20T12:00:00Z\"";
    case PZ__T_DURATION:
        return ", written as \"1h30m\"";
    case PZ__T_BYTES:
        return ", written in base64";
    default:
        return "";
    }
}

/* The item of a list or member of an object that does not fit its part of the type, or NULL. */
static const pz__node *misfit(pz__build *build, const pz__node *node, const pz__type *type)
{
    bool is_list = type->kind == PZ__T_LIST && node->value.kind == PZ_LIST;
    bool is_map = type->kind == PZ__T_MAP && node->value.kind == PZ_MAP;
    pz_value fitted;
    for (uint32_t i = 0; (is_list || is_map) && i < node->child_count; i++)
        if (pz__value_fit(build->scratch, type->args[type->arg_count - 1], node->children[i].value,
                          &fitted) == PZ_ERR_TYPE)
            return &node->children[i];
    return NULL;
}

bool pz__fit(pz__build *build, const pz__node *node, const pz__type *type, const char *what,
             pz_value *out)
{
    pz_status status = pz__value_fit(build->arena, type, node->value, out);
    if (status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    if (status != PZ_ERR_TYPE)
        return status == PZ_OK;
    const pz__node *part = misfit(build, node, type);
    const char *in = part ? "a part of " : "";
    for (; part; part = misfit(build, node, type)) {
        node = part;
        type = type->args[type->arg_count - 1];
    }
    if (node->value.kind == PZ_NULL)
        pz__mistake_at(build, node, "%s%s cannot be null: leave it out instead", in, what);
    else
        pz__mistake_at(build, node, "%s%s must be of type %s%s, not %s", in, what,
                       pz__type_text(build, type), spelling_of(type),
                       pz__found(build, node->value));
    return false;
}

bool pz__fit_seen(pz__build *build, const pz__node *node, const pz__type *type, const char *what,
                  pz_value *out)
{
    if (!pz__fit(build, node, type, what, out))
        return false;
    const pz_status status = pz__value_sort(build->arena, out);
    if (status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    return status == PZ_OK;
}
