/*
 * cel_case.c: reads the published cases of the Common Expression Language.
 *
 * A case is a JSON object: an expression, the names that it may use with their types and values,
 * and what is expected. Types and values are written there in notations of their own, of which the
 * readers here take the parts that need no foreign messages.
 */
#include "cel_case.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cel/types.h"
#include "suite.h"

/* Features of the suite beyond the core that the library has. */
static const char *const built[] = {"regex",
                                    "timestamp",
                                    "ext:strings",
                                    "ext:math",
                                    "ext:encoders",
                                    "ext:network",
                                    "timezone",
                                    "duration",
                                    "type_check",
                                    "quoted_fields",
                                    "wrapper",
                                    "struct",
                                    "wkt_literal",
                                    "any",
                                    "enum",
                                    "ext:optionals",
                                    "ext:bindings",
                                    "ext:block",
                                    "ext:comprehensions2",
                                    "host_functions"};

/* Where the zones of the suite are read from. */
#define ZONE_FOLDER "/usr/share/zoneinfo/"

pz_value case_member(pz_value object, const char *name)
{
    return pz_value_get(object, name, strlen(name), NULL);
}

bool case_flag(const kase *k, const char *name)
{
    pz_value v = case_member(k->json, name);
    return v.kind == PZ_BOOL && v.as.b;
}

static bool is(pz_value v, const char *text)
{
    return v.kind == PZ_STRING && pz__str_equal(pz_value_text(v), pz_str_of(text));
}

/* ---- types in the notation of the suite ---- */

static const pz__type *named_type(kase *k, pz__type_kind kind, pz_value name, pz_value args)
{
    pz__type *type = pz__arena_zero(&k->arena, 1, sizeof *type);
    const pz__type **list = pz__arena_array(&k->arena, args.len + 1u, sizeof *list);
    uint32_t count = args.kind == PZ_LIST ? args.len : 0;
    for (uint32_t i = 0; i < count; i++)
        list[i] = case_type(k, args.as.items[i]);
    *type = (pz__type){.kind = kind, .arg_count = count, .args = list, .name = pz_value_text(name)};
    return type;
}

static const pz__type *read_compound(kase *k, pz_str form, pz_value inner)
{
    if (pz__str_equal(form, pz_str_of("param")))
        return named_type(k, PZ__T_PARAM, inner, pz_value_null());
    if (pz__str_equal(form, pz_str_of("message")))
        return named_type(k, PZ__T_OPAQUE, inner, pz_value_null());
    if (pz__str_equal(form, pz_str_of("opaque")))
        return named_type(k, PZ__T_OPAQUE, pz_value_item(inner, 0), pz_value_item(inner, 1));
    static const struct {
        const char *form;
        pz__type_kind kind;
    } forms[] = {{"list", PZ__T_LIST}, {"wrapper", PZ__T_WRAPPER}, {"type", PZ__T_TYPE}};
    if (pz__str_equal(form, pz_str_of("map")))
        return pz__type_make(&k->arena, PZ__T_MAP, case_type(k, pz_value_item(inner, 0)),
                             case_type(k, pz_value_item(inner, 1)));
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++)
        if (pz__str_equal(form, pz_str_of(forms[i].form)))
            return pz__type_make(&k->arena, forms[i].kind, case_type(k, inner), NULL);
    return NULL;
}

const pz__type *case_type(kase *k, pz_value v)
{
    const pz__type *type = NULL;
    if (v.kind == PZ_STRING)
        return pz__type_parse(&k->arena, &type, pz_value_text(v), NULL) == PZ_OK ? type : NULL;
    if (v.kind != PZ_MAP || v.len != 1)
        return NULL;
    pz_entry entry = pz_value_entry(v, 0);
    return read_compound(k, pz_value_text(entry.key), entry.value);
}

/* ---- values in the notation of the suite ---- */

static pz_value call_one(kase *k, const char *function, pz_value text)
{
    char source[256];
    const pz__program *program;
    snprintf(source, sizeof source, "%s('%.*s')", function, PZ__STR_ARG(pz_value_text(text)));
    pz__cel_env env = {0};
    pz_value v = pz_value_null();
    if (pz__cel_compile(&k->arena, &program, pz_str_of(source), &env, NULL, NULL) == PZ_OK)
        pz__program_constant(program, &v);
    return v;
}

static pz_value read_base64(kase *k, pz_str text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    char *out = pz__arena_new(&k->arena, text.len);
    uint32_t bits = 0, held = 0, len = 0;
    for (size_t i = 0; i < text.len && text.data[i] != '='; i++) {
        bits = bits << 6 | (uint32_t)(strchr(digits, text.data[i]) - digits);
        held += 6;
        if (held >= 8) {
            held -= 8;
            out[len++] = (char)(bits >> held);
        }
    }
    return pz_value_bytes(out, len);
}

static pz_value read_list(kase *k, pz_value v)
{
    pz_value *items = pz__arena_array(&k->arena, v.len, sizeof *items);
    for (uint32_t i = 0; i < v.len; i++)
        items[i] = case_value(k, v.as.items[i]);
    return pz__value_of_items(items, v.len);
}

static pz_value read_map(kase *k, pz_value v)
{
    pz_entry *entries = pz__arena_array(&k->arena, v.len, sizeof *entries);
    for (uint32_t i = 0; i < v.len; i++) {
        pz_value pair = v.as.items[i];
        entries[i] = (pz_entry){case_value(k, pz_value_item(pair, 0)),
                                case_value(k, pz_value_item(pair, 1))};
    }
    pz_value map = pz_value_null();
    pz__value_of_entries(&k->arena, &map, entries, v.len, PZ__DUP_REFUSE);
    return map;
}

pz_value case_value(kase *k, pz_value v)
{
    pz_entry e = pz_value_entry(v, 0);
    if (is(e.key, "null") || is(e.key, "bool") || is(e.key, "string"))
        return e.value;
    if (is(e.key, "list"))
        return read_list(k, e.value);
    if (is(e.key, "map"))
        return read_map(k, e.value);
    if (is(e.key, "bytes"))
        return read_base64(k, pz_value_text(e.value));
    if (is(e.key, "type"))
        return (pz_value){.kind = PZ__V_TYPE, .len = e.value.len, .as.text = e.value.as.text};
    char function[32];
    snprintf(function, sizeof function, "%.*s", PZ__STR_ARG(pz_value_text(e.key)));
    return call_one(k, function, e.value);
}

/* ---- comparing ---- */

static bool same_maps(pz_value a, pz_value b)
{
    if (a.len != b.len)
        return false;
    for (uint32_t i = 0; i < a.len; i++) {
        pz_entry e = pz_value_entry(a, i);
        const pz_entry *other = pz__map_find(b, e.key);
        if (!other || !case_same(e.key, other->key) || !case_same(e.value, other->value))
            return false;
    }
    return true;
}

bool case_same(pz_value a, pz_value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == PZ__V_TYPE)
        return a.len == b.len && memcmp(a.as.text, b.as.text, a.len) == 0;
    if (a.kind == PZ_DOUBLE && a.as.d != a.as.d)
        return b.as.d != b.as.d;
    if (a.kind == PZ_MAP)
        return same_maps(a, b);
    if (a.kind != PZ_LIST && a.kind != PZ__V_OPTIONAL)
        return pz_value_equal(a, b);
    bool equal = a.len == b.len;
    for (uint32_t i = 0; equal && i < a.len; i++)
        equal = case_same(a.as.items[i], b.as.items[i]);
    return equal;
}

/* ---- environment ---- */

pz_status case_find(void *self, pz_str name, pz__slot *out)
{
    const kase *k = self;
    for (uint32_t i = 0; i < k->count; i++)
        if (pz__str_equal(k->names[i], name)) {
            *out = (pz__slot){i, k->types[i]};
            return PZ_OK;
        }
    return PZ_ERR_NOT_FOUND;
}

static uint32_t declare(kase *k, pz_str name, const pz__type *type)
{
    pz__slot slot;
    if (case_find(k, name, &slot) == PZ_OK)
        return slot.index;
    k->names[k->count] = name;
    k->types[k->count] = type ? type : &pz__type_dyn;
    k->slots[k->count] = (pz_value){.kind = PZ__V_PENDING};
    return k->count++;
}

void case_fetch(void *self, uint32_t slot)
{
    kase *k = self;
    k->slots[slot] = pz__cel_fail(&k->arena, PZ_ERR_NOT_FOUND, "the variable is not bound");
}

/* A function that the case declares; nobody supplies it. */
static void declare_function(kase *k, pz_value one)
{
    pz_value list = case_member(one, "overloads");
    pz__host_overload *overloads = pz__arena_array(&k->arena, list.len + 1u, sizeof *overloads);
    for (uint32_t i = 0; i < list.len; i++) {
        pz_value from = list.as.items[i], params = case_member(from, "params");
        pz_value is_member = case_member(from, "member");
        const pz__type **types = pz__arena_array(&k->arena, params.len + 1u, sizeof *types);
        for (uint32_t j = 0; j < params.len; j++)
            types[j] = case_type(k, params.as.items[j]);
        overloads[i] = (pz__host_overload){.member = is_member.kind == PZ_BOOL && is_member.as.b,
                                           .result = case_type(k, case_member(from, "result")),
                                           .params = types,
                                           .param_count = params.len};
    }
    k->functions[k->function_count++] =
        (pz__host_function){.name = pz_value_text(case_member(one, "name")),
                            .overloads = overloads,
                            .overload_count = list.len};
}

const pz__host_function *case_function(void *self, pz_str name)
{
    const kase *k = self;
    for (uint32_t i = 0; i < k->function_count; i++)
        if (pz__str_equal(k->functions[i].name, name))
            return &k->functions[i];
    return NULL;
}

void case_environment(kase *k)
{
    pz_value declared = case_member(k->json, "type_env"), bound = case_member(k->json, "bindings");
    for (uint32_t i = 0; i < declared.len && declared.kind == PZ_LIST; i++) {
        pz_value one = declared.as.items[i];
        if (case_member(one, "overloads").kind != PZ_NULL)
            declare_function(k, one);
        else
            declare(k, pz_value_text(case_member(one, "name")),
                    case_type(k, case_member(one, "type")));
    }
    for (uint32_t i = 0; i < bound.len && bound.kind == PZ_MAP; i++) {
        pz_entry e = pz_value_entry(bound, i);
        uint32_t slot = declare(k, pz_value_text(e.key), NULL);
        k->slots[slot] = case_value(k, case_member(e.value, "value"));
    }
}

pz_status case_need_zone(void *self, pz_str name)
{
    kase *k = self;
    char path[128];
    size_t len;
    pz__zone *zone = pz__arena_new(&k->arena, sizeof *zone);
    snprintf(path, sizeof path, ZONE_FOLDER "%.*s", PZ__STR_ARG(name));
    FILE *file = name.len ? fopen(path, "rb") : NULL;
    if (!file)
        return PZ_ERR_NOT_FOUND;
    fclose(file);
    char *bytes = suite_read_file(path, &len);
    pz_status status = pz__zone_read(&k->arena, zone, name, bytes, len, NULL);
    free(bytes);
    return status == PZ_OK ? pz__zone_keep(&k->zones, zone) : status;
}

bool case_is_skipped(const kase *k)
{
    pz_value needs = case_member(k->json, "needs");
    for (uint32_t i = 0; i < needs.len && needs.kind == PZ_LIST; i++) {
        bool found = false;
        for (size_t j = 0; j < sizeof built / sizeof built[0]; j++)
            found |= is(needs.as.items[i], built[j]);
        if (!found)
            return true;
    }
    return false;
}
