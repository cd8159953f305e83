/*
 * check.c: whether a value is one that an attribute may have.
 *
 * This is the one place where it is decided, for the defaults of a catalog when it is compiled and
 * for every choice, fact and inference that is written. The message is made for whoever wrote the
 * value: it names the attribute, the value, what is allowed, and the allowed value that was perhaps
 * meant. It is put together without memory.
 */
#include "catalog/catalog.h"

#include <stdio.h>

#include "base/error.h"
#include "base/number.h"
#include "base/time.h"
#include "base/utf8.h"
#include "catalog/build.h"

#define SHOWN_MAX 96
#define LIST_MAX 200
#define TEXT_SHOWN 60u

/* A short form of a value for a message. `out` holds SHOWN_MAX bytes. */
static const char *show(pz_value value, char *out)
{
    pz_str text = pz_value_text(value);
    switch (value.kind) {
    case PZ_BOOL:
        return value.as.b ? "true" : "false";
    case PZ_INT:
        pz__int_print(value.as.i, out);
        return out;
    case PZ_UINT:
        pz__uint_print(value.as.u, out);
        return out;
    case PZ_DOUBLE:
        pz__double_print(value.as.d, out);
        return out;
    case PZ_TIMESTAMP:
        out[pz__rfc3339_print(value.as.i, value.len, out)] = '\0';
        return out;
    case PZ_DURATION:
        out[pz__duration_print(value.as.i, out)] = '\0';
        return out;
    case PZ_STRING:
        if (text.len > TEXT_SHOWN)
            text.len = pz__utf8_first_bad(text.data, TEXT_SHOWN);
        snprintf(out, SHOWN_MAX, "\"%.*s\"", PZ__STR_ARG(text));
        return out;
    default:
        return pz_kind_name((pz_kind)value.kind);
    }
}

/* The first values of a domain, as many as fit. */
static void list_values(const pz__domain *domain, char *out)
{
    size_t len = 0;
    out[0] = '\0';
    for (uint32_t i = 1; i < domain->count; i++) {
        char one[SHOWN_MAX];
        const char *shown = show(domain->nodes[i].value, one);
        if (len + strlen(shown) + 8 > LIST_MAX) {
            snprintf(out + len, LIST_MAX - len, ", ...");
            return;
        }
        len += (size_t)snprintf(out + len, LIST_MAX - len, "%s%s", i > 1 ? ", " : "", shown);
    }
}

static pz_status fail_domain(const pz__attribute *attribute, pz_value value, bool with_hint,
                             pz_error *err)
{
    char shown[SHOWN_MAX], list[LIST_MAX];
    list_values(attribute->domain, list);
    pz_str nearest = {NULL, 0};
    if (with_hint)
        nearest = pz__domain_nearest(attribute->domain, pz_value_text(value));
    return pz__fail(err, PZ_ERR_DOMAIN, "%s is no value of \"%.*s\"; there are %s%s%.*s%s",
                    show(value, shown), PZ__STR_ARG(attribute->name), list,
                    nearest.len ? " (did you mean \"" : "", PZ__STR_ARG(nearest),
                    nearest.len ? "\"?)" : "");
}

static pz_status fail_bound(const pz__attribute *attribute, pz_value value, bool is_below,
                            pz_error *err)
{
    char shown[SHOWN_MAX], bound[SHOWN_MAX];
    return pz__fail(err, PZ_ERR_DOMAIN, "%s is %s than the %s of \"%.*s\", %s", show(value, shown),
                    is_below ? "less" : "greater", is_below ? "least value" : "greatest value",
                    PZ__STR_ARG(attribute->name),
                    show(is_below ? attribute->min : attribute->max, bound));
}

/* The spelling of a type, in caller's storage. Nested types are cut to their outer name. */
static const char *show_type(const pz__type *type)
{
    static const char *const names[] = {"dyn",       "null_type", "bool",   "int",
                                        "uint",      "double",    "string", "bytes",
                                        "timestamp", "duration",  "list",   "map"};
    uint32_t kind = (uint32_t)type->kind;
    return kind < sizeof names / sizeof *names ? names[kind] : "?";
}

/* Null, or a value of another type. */
static pz_status fail_type(const pz__attribute *attribute, const pz__type *type, pz_value value,
                           pz_error *err)
{
    char shown[SHOWN_MAX];
    if (value.kind == PZ_NULL)
        return pz__fail(err, PZ_ERR_TYPE, "null is a value of no attribute; clear \"%.*s\" instead",
                        PZ__STR_ARG(attribute->name));
    const char *text = show(value, shown);
    /* "30 is no int" would leave its reader at a loss: a double shows its fraction, as in JSON. */
    const bool is_whole = value.kind == PZ_DOUBLE && strspn(text, "-0123456789") == strlen(text);
    return pz__fail(err, PZ_ERR_TYPE, "\"%.*s\" is of type %s; %s%s is not",
                    PZ__STR_ARG(attribute->name), show_type(type), text, is_whole ? ".0" : "");
}

/* A value of the right type: against domain and bounds. */
static pz_status check_domain(const pz__attribute *attribute, pz_value value, bool with_hint,
                              pz_error *err)
{
    if (attribute->domain && pz__domain_find(attribute->domain, value) == PZ__NODE_NONE)
        return fail_domain(attribute, value, with_hint, err);
    if (attribute->has_min && pz_value_compare(value, attribute->min) < 0)
        return fail_bound(attribute, value, true, err);
    if (attribute->has_max && pz_value_compare(value, attribute->max) > 0)
        return fail_bound(attribute, value, false, err);
    return PZ_OK;
}

/* The elements of a set or layout: each allowed, none twice. */
static pz_status check_items(const pz__attribute *attribute, pz_value list, bool with_hint,
                             pz_error *err)
{
    char shown[SHOWN_MAX];
    if (list.len > PZ__ITEMS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "%u items in a value of \"%.*s\", more than %u",
                        list.len, PZ__STR_ARG(attribute->name), PZ__ITEMS_MAX);
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_value item = list.as.items[i];
        const pz_status status = check_domain(attribute, item, with_hint, err);
        if (status != PZ_OK)
            return status;
        for (uint32_t j = 0; j < i; j++)
            if (pz_value_equal(list.as.items[j], item))
                return pz__fail(err, PZ_ERR_DOMAIN, "%s stands twice in a value of \"%.*s\"",
                                show(item, shown), PZ__STR_ARG(attribute->name));
    }
    return PZ_OK;
}

static bool is_list_of_items(const pz__attribute *attribute)
{
    return attribute->merge == PZ__MERGE_SET || attribute->merge == PZ__MERGE_LAYOUT;
}

static pz_status check(const pz__attribute *attribute, pz_value value, bool with_hint,
                       pz_error *err)
{
    if (value.kind == PZ_NULL || !pz__type_holds(attribute->type, value))
        return fail_type(attribute, attribute->type, value, err);
    if (is_list_of_items(attribute) && value.kind == PZ_LIST)
        return check_items(attribute, value, with_hint, err);
    return check_domain(attribute, value, with_hint, err);
}

/* The type of one element, item or member. */
static const pz__type *type_of_part(const pz__attribute *attribute)
{
    const pz__type *type = attribute->type;
    if (is_list_of_items(attribute) && type->kind == PZ__T_LIST)
        return type->args[0];
    if (attribute->merge == PZ__MERGE_RECORD && type->kind == PZ__T_MAP)
        return type->args[1];
    return type;
}

static pz_status check_part(const pz__attribute *attribute, pz_value part, bool with_hint,
                            pz_error *err)
{
    const pz__type *type = type_of_part(attribute);
    if (part.kind == PZ_NULL || !pz__type_holds(type, part))
        return fail_type(attribute, type, part, err);
    return check_domain(attribute, part, with_hint, err);
}

pz_status pz__attribute_check(const pz__attribute *attribute, pz_value value, pz_error *err)
{
    return check(attribute, value, true, err);
}

pz_status pz__attribute_check_part(const pz__attribute *attribute, pz_value part, pz_error *err)
{
    return check_part(attribute, part, true, err);
}

/* Tell at a node what a check found; true if it found nothing. */
static bool tell(pz__build *build, const pz__attribute *attribute, pz_value value,
                 const pz__node *node, const char *what, const pz_error *err)
{
    if (err->status == PZ_OK)
        return true;
    pz_str nearest = {NULL, 0};
    if (attribute->domain && err->status == PZ_ERR_DOMAIN)
        nearest = pz__domain_nearest(attribute->domain, pz_value_text(value));
    pz__mistake(build, node->start, node->end, nearest, "%s%s", what, err->message);
    return false;
}

bool pz__check_own_value(pz__build *build, const pz__attribute *attribute, pz_value value,
                         const pz__node *node, const char *what)
{
    pz_error err = PZ_ERROR_INIT;
    check(attribute, value, false, &err);
    return tell(build, attribute, value, node, what, &err);
}

bool pz__check_own_part(pz__build *build, const pz__attribute *attribute, pz_value part,
                        const pz__node *node, const char *what)
{
    pz_error err = PZ_ERROR_INIT;
    check_part(attribute, part, false, &err);
    return tell(build, attribute, part, node, what, &err);
}

/* ---- comparisons in rules ---- */

static bool is_number(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT || v.kind == PZ_DOUBLE;
}

/* Less than zero, zero, more, by the order that rules know; false if there is none. */
static bool order(pz_value a, pz_value b, int *out)
{
    const bool is_comparable = a.kind == b.kind || (is_number(a) && is_number(b));
    if (!is_comparable || !pz_value_equal(a, a) || !pz_value_equal(b, b))
        return false;
    *out = pz_value_equal(a, b) ? 0 : pz_value_compare(a, b);
    return true;
}

/* The end of what an attribute, or an item of it, can be: the greatest or the least value of its
 * domain, or its bound. False if it has no such end. */
static bool end_of(const pz__attribute *attribute, bool is_greatest, pz_value *out)
{
    const pz__domain *domain = attribute->domain;
    if (!domain || domain->count < 2) {
        *out = is_greatest ? attribute->max : attribute->min;
        return is_greatest ? attribute->has_max : attribute->has_min;
    }
    /* The values of a domain are of one type, so their canonical order is that of the rules. */
    *out = domain->nodes[domain->by_value[is_greatest ? domain->count - 2 : 0]].value;
    return true;
}

/* All values are on one side of the constant. A constant that is itself an end is told of only
 * where nothing is beyond it; `age >= 0` may be a way to ask whether the age is known. */
static void warn_of_order(pz__build *build, const pz__attribute *attribute,
                          const pz__compared *comparison, uint32_t start, uint32_t end)
{
    const pz__relation_to relation = comparison->relation;
    const bool wants_more = relation == PZ__TO_GREATER || relation == PZ__TO_AT_LEAST;
    const bool is_strict = relation == PZ__TO_LESS || relation == PZ__TO_GREATER;
    for (int is_greatest = 0; is_greatest < 2; is_greatest++) {
        pz_value last;
        char shown[SHOWN_MAX];
        int beyond;
        if (!end_of(attribute, is_greatest, &last) || !order(comparison->constant, last, &beyond))
            continue;
        beyond = is_greatest ? beyond : -beyond;
        const bool is_never = wants_more == (bool)is_greatest;
        if (beyond > 0 || (beyond == 0 && is_never && is_strict))
            pz__warning_near(build, start, end, (pz_str){NULL, 0},
                             "%s true: the %s value of \"%.*s\" is %s",
                             is_never ? "never" : "always", is_greatest ? "greatest" : "least",
                             PZ__STR_ARG(attribute->name), show(last, shown));
    }
}

void pz__warn_of_confidence(pz__build *build, const pz__compared *comparison, uint32_t start,
                            uint32_t end)
{
    const pz__attribute share = {.name = PZ__STR("confidence"),
                                 .has_min = true,
                                 .has_max = true,
                                 .min = pz_value_double(0),
                                 .max = pz_value_double(1)};
    if (comparison->relation != PZ__TO_EQUAL && !pz__is_warned_enough(build))
        warn_of_order(build, &share, comparison, start, end);
}

bool pz__is_tier(pz_str name, pz_str *nearest)
{
    static const pz_str tiers[] = {{"LOCK", 4},         {"CHOICE", 6},   {"ACCOUNT_CHOICE", 14},
                                   {"DECLARED", 8},     {"INFERRED", 8}, {"GROUP", 5},
                                   {"RECOMMENDED", 11}, {"DEFAULT", 7},  {"NONE", 4}};
    const uint32_t count = sizeof tiers / sizeof *tiers;
    uint32_t i = 0;
    while (i < count && !pz__str_equal(tiers[i], name))
        i++;
    *nearest = i < count ? name : pz__nearest(name, tiers, count);
    return i < count;
}

void pz__warn_of_tier(pz__build *build, const pz__compared *comparison, uint32_t start,
                      uint32_t end)
{
    pz_str nearest;
    const pz_value value = comparison->constant;
    if (!pz__is_warned_enough(build) && comparison->relation == PZ__TO_EQUAL &&
        value.kind == PZ_STRING && !pz__is_tier(pz_value_text(value), &nearest))
        pz__warning_near(build, start, end, nearest,
                         "never equal: there is no tier %s; there are LOCK, CHOICE, "
                         "ACCOUNT_CHOICE, DECLARED, INFERRED, GROUP, RECOMMENDED, DEFAULT and NONE",
                         pz__shown(build, value));
}

void pz__warn_of_comparison(pz__build *build, const pz__attribute *attribute,
                            const pz__compared *comparison, uint32_t start, uint32_t end)
{
    const pz_value value = comparison->constant;
    pz_error err = PZ_ERROR_INIT;
    if (pz__is_warned_enough(build) || (comparison->is_item && !is_list_of_items(attribute)))
        return;
    if (comparison->relation != PZ__TO_EQUAL) {
        warn_of_order(build, attribute, comparison, start, end);
        return;
    }
    const pz_status status = comparison->is_item ? check_part(attribute, value, false, &err)
                                                 : check(attribute, value, false, &err);
    if (status != PZ_ERR_DOMAIN)
        return;
    pz_str nearest = {NULL, 0};
    if (attribute->domain)
        nearest = pz__domain_nearest(attribute->domain, pz_value_text(value));
    pz__warning_near(build, start, end, nearest, "never equal: %s", err.message);
}
