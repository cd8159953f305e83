/*
 * mapping.c: from the columns of a table to operations on a customer, and values as columns.
 *
 * A mapping is a JSON document. "customer" names the column that tells who a row is about;
 * "identifiers", "attributes" and "consents" say what other columns mean, each as the name of a
 * column or as a map with "column" and how the text is to be read. docs/command.md lists all of it.
 *
 * Checking tells every mistake with line, column and the nearest right name, as a catalog's check
 * does. What only the catalog knows (is there such an attribute, such a purpose?) is asked of an
 * engine, with a profile that is in no store.
 */
#include "table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/number.h"
#include "base/str.h"
#include "base/time.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])
#define TEXT_MAX ((size_t)1 << 20)

typedef struct reading {
    mapping *m;
    pz_engine *engine;
    pz_context *context;
    pz_profile *profile;
    uint32_t mistakes;
} reading;

/* ---- mistakes ---- */

static void mistake(reading *r, uint32_t offset, const char *message)
{
    uint32_t line, place;
    pz__locate(r->m->text, strlen(r->m->text), offset, &line, &place);
    cli_fail(0, "%s:%u:%u: %s", r->m->path, line, place, message);
    r->mistakes++;
}

static void unknown(reading *r, const pz__node *node, const char *const *names, size_t count)
{
    pz_str list[16];
    char message[256];
    for (size_t i = 0; i < count; i++)
        list[i] = pz_str_of(names[i]);
    const pz_str near = pz__nearest(node->key, list, count);
    snprintf(message, sizeof message,
             near.data ? "there is no \"%.*s\"; did you mean \"%.*s\"?"
                       : "there is no \"%.*s\" here%.*s",
             (int)(node->key.len < 60 ? node->key.len : 60), node->key.data, PZ__STR_ARG(near));
    mistake(r, node->key_start, message);
}

static bool is_named(const pz__node *node, const char *name)
{
    return pz__str_equal(node->key, pz_str_of(name));
}

static void check_names(reading *r, const pz__node *object, const char *const *names, size_t count)
{
    for (uint32_t i = 0; i < object->child_count; i++) {
        bool is_known = false;
        for (size_t k = 0; k < count && !is_known; k++)
            is_known = is_named(&object->children[i], names[k]);
        if (!is_known)
            unknown(r, &object->children[i], names, count);
    }
}

static pz_str text_of(reading *r, const pz__node *object, const char *name, const char *expected)
{
    const pz__node *node = pz__node_get(object, name);
    if (!node)
        return (pz_str){NULL, 0};
    if (node->value.kind != PZ_STRING || node->value.len == 0) {
        mistake(r, node->start, expected);
        return (pz_str){NULL, 0};
    }
    return pz_value_text(node->value);
}

static bool flag_of(reading *r, const pz__node *object, const char *name)
{
    const pz__node *node = pz__node_get(object, name);
    if (node && node->value.kind != PZ_BOOL)
        mistake(r, node->start, "true or false is expected");
    return node && node->value.kind == PZ_BOOL && node->value.as.b;
}

/* ---- columns ---- */

static const char *const column_names[] = {"column", "kind",    "as",     "values",    "date",
                                           "list",   "decimal", "choice", "keep_empty"};

/* Four digits of a year, or a date of 26 would be one of the first century. */
static bool is_pattern(pz_str pattern)
{
    static const char letters[] = "YMDhms";
    size_t counts[sizeof letters - 1] = {0};
    for (size_t i = 0; i < pattern.len; i++) {
        const char *letter = pattern.data[i] ? strchr(letters, pattern.data[i]) : NULL;
        if (letter)
            counts[letter - letters]++;
    }
    bool is_good = counts[0] == 4;
    for (size_t i = 1; i < COUNT(counts); i++)
        is_good &= counts[i] == 0 || counts[i] == 2;
    return is_good;
}

static bool is_decimal_sign(pz_str sign)
{
    return sign.len == 1 && (sign.data[0] == ',' || sign.data[0] == '.');
}

static void read_form(reading *r, const pz__node *node, column *c)
{
    static const char *const forms[] = {[FORM_TEXT] = "text",
                                        [FORM_NUMBER] = "number",
                                        [FORM_BOOL] = "bool",
                                        [FORM_DATE] = "date",
                                        [FORM_AUTO] = "auto"};
    const pz_str as = text_of(r, node, "as", "\"as\" is text, number, bool, date or auto");
    bool is_known = as.len == 0;
    for (size_t i = 0; i < COUNT(forms) && !is_known; i++)
        if (pz__str_equal(as, pz_str_of(forms[i]))) {
            c->form = (column_form)i;
            is_known = true;
        }
    if (!is_known)
        mistake(r, pz__node_get(node, "as")->start, "\"as\" is text, number, bool, date or auto");
    c->date = text_of(r, node, "date", "a date is written like \"DD.MM.YYYY\"");
    c->decimal = text_of(r, node, "decimal", "the decimal sign is \",\" or \".\"");
    c->list = text_of(r, node, "list", "what separates the elements is a text such as \";\"");
    if (c->date.len && !is_pattern(c->date))
        mistake(r, pz__node_get(node, "date")->start,
                "a date has YYYY, and may have MM, DD, hh, mm and ss, once each");
    if (c->decimal.len && !is_decimal_sign(c->decimal))
        mistake(r, pz__node_get(node, "decimal")->start, "the decimal sign is \",\" or \".\"");
    if (c->date.len)
        c->form = FORM_DATE;
    if (c->decimal.len)
        c->form = FORM_NUMBER;
}

static column *add_column(reading *r, const pz__node *node, column_role role, pz_str name)
{
    mapping *m = r->m;
    if (m->count == MAPPING_COLUMNS_MAX) {
        mistake(r, node->start, "a mapping has at most 512 columns");
        return NULL;
    }
    column *c = &m->columns[m->count];
    *c = (column){.role = role, .name = name, .index = UINT32_MAX};
    pz__locate(m->text, strlen(m->text), node->start, &c->line, &c->place);
    if (node->value.kind == PZ_STRING && node->value.len) {
        c->source = pz_value_text(node->value);
    } else if (node->value.kind == PZ_MAP) {
        check_names(r, node, column_names, COUNT(column_names));
        c->source = text_of(r, node, "column", "the name of a column is text");
        if (!c->source.len && !pz__node_get(node, "column"))
            mistake(r, node->start, "\"column\" is missing: which column is it?");
        read_form(r, node, c);
        c->values = pz__node_get(node, "values");
        if (c->values && c->values->value.kind != PZ_MAP)
            mistake(r, c->values->start, "\"values\" maps what stands in the file to a value");
        c->is_choice = flag_of(r, node, "choice");
        c->keeps_empty = flag_of(r, node, "keep_empty");
    } else {
        mistake(r, node->start, "a column is its name, or {\"column\": its name, ...}");
    }
    m->count++;
    return c;
}

/* ---- what the catalog knows ---- */

static void check_attribute(reading *r, const pz__node *node)
{
    pz_error err = PZ_ERROR_INIT;
    char name[129];
    pz_value layers;
    const size_t len = node->key.len < sizeof name ? node->key.len : sizeof name - 1;
    memcpy(name, node->key.data, len);
    name[len] = '\0';
    if (pz_inspect(&layers, r->context, r->profile, name, &err) == PZ_ERR_NOT_FOUND)
        mistake(r, node->key_start, err.message);
}

static void check_purpose(reading *r, const pz__node *node)
{
    pz_error err = PZ_ERROR_INIT;
    char name[129];
    const size_t len = node->key.len < sizeof name ? node->key.len : sizeof name - 1;
    memcpy(name, node->key.data, len);
    name[len] = '\0';
    if (pz_consent(r->profile, name, true, NULL, &err) == PZ_ERR_NOT_FOUND)
        mistake(r, node->key_start, err.message);
}

static void read_group(reading *r, const pz__node *root, const char *name, column_role role,
                       void (*check)(reading *r, const pz__node *node))
{
    const pz__node *group = pz__node_get(root, name);
    if (!group)
        return;
    if (group->value.kind != PZ_MAP) {
        mistake(r, group->start, "an object is expected: name to column");
        return;
    }
    for (uint32_t i = 0; i < group->child_count; i++) {
        const pz__node *node = &group->children[i];
        if (check)
            check(r, node);
        add_column(r, node, role, node->key);
    }
}

/* ---- the document ---- */

/* A member that is text of the document's own, such as "channel". */
static void keep_text(reading *r, const pz__node *root, const char *name, char *out, size_t size)
{
    char message[80];
    snprintf(message, sizeof message, "\"%s\" is a text of at most %zu bytes", name, size - 1);
    const pz_str text = text_of(r, root, name, message);
    const bool fits = text.len < size && (!text.len || !memchr(text.data, '\0', text.len));
    if (!fits)
        mistake(r, pz__node_get(root, name)->start, message);
    memcpy(out, text.len ? text.data : "", fits ? text.len : 0);
    out[fits ? text.len : 0] = '\0';
}

static void read_root(reading *r, const pz__node *root)
{
    static const char *const names[] = {"format",      "separator",  "header",   "customer",
                                        "identifiers", "attributes", "consents", "account",
                                        "at",          "channel",    "who"};
    mapping *m = r->m;
    check_names(r, root, names, COUNT(names));
    const pz_str format = text_of(r, root, "format", "\"format\" is csv or jsonl");
    m->is_jsonl = pz__str_equal(format, PZ__STR("jsonl"));
    if (format.len && !m->is_jsonl && !pz__str_equal(format, PZ__STR("csv")))
        mistake(r, pz__node_get(root, "format")->start, "\"format\" is csv or jsonl");
    const pz_str separator = text_of(r, root, "separator", "\"separator\" is one character");
    m->separator = separator.len ? separator.data[0] : ',';
    if (separator.len > 1 || strchr("\"\r\n", m->separator))
        mistake(r, pz__node_get(root, "separator")->start,
                "\"separator\" is one character of ASCII");
    m->has_no_header = pz__node_get(root, "header") && !flag_of(r, root, "header");
    keep_text(r, root, "channel", m->channel, sizeof m->channel);
    keep_text(r, root, "who", m->who, sizeof m->who);
    const pz__node *customer = pz__node_get(root, "customer");
    if (customer) {
        const pz_str kind = customer->value.kind == PZ_MAP
                                ? text_of(r, customer, "kind", "the kind of an identifier is text")
                                : (pz_str){NULL, 0};
        add_column(r, customer, ROLE_CUSTOMER, kind.len ? kind : PZ__STR("customer"));
    } else {
        mistake(r, root->start, "\"customer\" is missing: which column tells who a row is about?");
    }
    read_group(r, root, "identifiers", ROLE_IDENTIFIER, NULL);
    read_group(r, root, "attributes", ROLE_ATTRIBUTE, check_attribute);
    read_group(r, root, "consents", ROLE_CONSENT, check_purpose);
    if (pz__node_get(root, "account"))
        add_column(r, pz__node_get(root, "account"), ROLE_ACCOUNT, PZ__STR("account"));
    column *at = pz__node_get(root, "at")
                     ? add_column(r, pz__node_get(root, "at"), ROLE_AT, PZ__STR("at"))
                     : NULL;
    if (at)
        at->form = FORM_DATE;
}

static int read_text(mapping *m)
{
    FILE *in = fopen(m->path, "rb");
    if (!in)
        return cli_fail(EXIT_FAILED, "%s: %s", m->path, strerror(errno));
    m->text = calloc(1, TEXT_MAX + 1);
    const size_t len = m->text ? fread(m->text, 1, TEXT_MAX, in) : 0;
    const bool is_well = m->text && !ferror(in) && feof(in) && strlen(m->text) == len;
    fclose(in);
    return is_well ? EXIT_DONE
                   : cli_fail(EXIT_FAILED, "%s: it cannot be read, or is no mapping", m->path);
}

static pz_status make_helpers(reading *r, pz_error *err)
{
    pz_status status = pz_context_new(&r->context, r->engine, err);
    if (status == PZ_OK)
        status = pz_context_begin(r->context, 0, err);
    if (status == PZ_OK)
        status = pz_profile_new(&r->profile, r->engine, PZ_PERSON, "nobody", err);
    return status;
}

int mapping_open(mapping *m, const char *path, pz_engine *engine)
{
    reading r = {.m = m, .engine = engine};
    pz_error err = PZ_ERROR_INIT;
    pz__node root;
    *m = (mapping){.path = path, .separator = ','};
    const int code = read_text(m);
    if (code != EXIT_DONE)
        return code;
    m->columns = calloc(MAPPING_COLUMNS_MAX, sizeof *m->columns);
    if (!m->columns || pz_pool_new(&m->pool, NULL) != PZ_OK)
        return cli_fail(EXIT_SYSTEM, "out of memory");
    pz_status status = pz__json_read_node(pz__pool_arena(m->pool), &root, m->text, strlen(m->text),
                                          PZ_JSON_RELAXED | PZ_JSON_REFUSE_DUPLICATES, &err);
    if (status != PZ_OK)
        return cli_fail(EXIT_CATALOG, "%s:%u:%u: %s", path, err.line, err.column, err.message);
    status = make_helpers(&r, &err);
    if (status == PZ_OK && root.value.kind != PZ_MAP)
        mistake(&r, root.start, "a mapping is an object");
    else if (status == PZ_OK)
        read_root(&r, &root);
    pz_profile_free(r.profile);
    pz_context_free(r.context);
    if (status != PZ_OK)
        return cli_fail_status(status, &err);
    return r.mistakes ? EXIT_CATALOG : EXIT_DONE;
}

void mapping_close(mapping *m)
{
    pz_pool_free(m->pool);
    free(m->columns);
    free(m->text);
}

/* ---- one value ---- */

static pz_str trimmed(pz_str text)
{
    while (text.len && (text.data[0] == ' ' || text.data[0] == '\t'))
        text.data++, text.len--;
    while (text.len && (text.data[text.len - 1] == ' ' || text.data[text.len - 1] == '\t'))
        text.len--;
    return text;
}

/* Digits as the pattern has Y, M, D, h, m, s; other characters as they are. */
static bool read_date(pz_str pattern, pz_str text, int64_t *ms)
{
    static const char letters[] = "YMDhms";
    uint32_t parts[6] = {0, 1, 1, 0, 0, 0};
    int64_t seconds;
    bool is_set[6] = {false};
    if (pattern.len == 0)
        return pz__rfc3339_parse_ms(text.data, text.len, ms);
    if (pattern.len != text.len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        const char *letter = strchr(letters, pattern.data[i]);
        if (!letter || !pattern.data[i]) {
            if (text.data[i] != pattern.data[i])
                return false;
            continue;
        }
        uint32_t *part = &parts[letter - letters];
        if (text.data[i] < '0' || text.data[i] > '9')
            return false;
        *part = (is_set[letter - letters] ? *part * 10 : 0) + (uint32_t)(text.data[i] - '0');
        is_set[letter - letters] = true;
    }
    const pz__civil civil = {(int32_t)parts[0], parts[1], parts[2], parts[3],
                             parts[4],          parts[5], 0,        0};
    if (!is_set[0] || !pz__civil_seconds(&civil, &seconds))
        return false;
    *ms = seconds * 1000;
    return true;
}

/* Whether signs of groups stand as between thousands: "1.234.567,5", or "12,34,567.5" as in India.
 * "1.5" and "0.500" where the comma is decimal are more likely mistakes than 15 and 500. */
static bool is_grouped(pz_str text, char group)
{
    size_t digits = 0, at = text.len && (text.data[0] == '-' || text.data[0] == '+');
    bool is_first = true;
    const bool has_zero = at < text.len && text.data[at] == '0';
    for (; at < text.len; at++) {
        if (text.data[at] >= '0' && text.data[at] <= '9') {
            digits++;
            continue;
        }
        if (text.data[at] != group)
            break;
        if (digits > 3 || digits < (is_first ? 1u : 2u) || has_zero)
            return false;
        is_first = false;
        digits = 0;
    }
    return (is_first || digits == 3) && !memchr(text.data + at, group, text.len - at);
}

static bool read_number(const column *c, pz_str text, pz_value *out)
{
    const char group = c->decimal.len == 0 ? '\0' : c->decimal.data[0] == ',' ? '.' : ',';
    char plain[64] = "";
    size_t len = 0;
    int64_t whole;
    double real;
    if (group && !is_grouped(text, group))
        return false;
    for (size_t i = 0; i < text.len; i++) {
        if (len == sizeof plain)
            return false; /* what is cut off could say anything */
        if (group && text.data[i] == group)
            continue;
        plain[len++] = c->decimal.len && text.data[i] == c->decimal.data[0] ? '.' : text.data[i];
    }
    if (pz__int_parse(plain, len, &whole)) {
        *out = pz_value_int(whole);
        return true;
    }
    uint64_t natural;
    if (pz__uint_parse(plain, len, &natural)) {
        *out = (pz_value){.kind = PZ_UINT, .as.u = natural};
        return true;
    }
    if (!pz__double_parse(plain, len, &real))
        return false;
    *out = pz_value_double(real);
    return true;
}

/* Whether a text that may be a number is not rather a code: "01067" and "+491711" are kept, and so
 * are digits that no whole number holds. */
static bool is_plain_number(pz_str text)
{
    int64_t whole;
    uint64_t natural;
    const size_t sign = text.len && text.data[0] == '-';
    size_t digits = sign;
    while (digits < text.len && text.data[digits] >= '0' && text.data[digits] <= '9')
        digits++;
    if (digits == text.len && !pz__int_parse(text.data, text.len, &whole) &&
        !pz__uint_parse(text.data, text.len, &natural))
        return false;
    const bool is_code = text.len > sign + 1 && text.data[sign] == '0' &&
                         text.data[sign + 1] >= '0' && text.data[sign + 1] <= '9';
    return !is_code && text.len && text.data[0] != '+';
}

static bool is_word(pz_str text, const char *const *words)
{
    for (; *words; words++)
        if (pz__str_equal(text, pz_str_of(*words)))
            return true;
    return false;
}

static bool read_bool(pz_str text, pz_value *out)
{
    static const char *const yes[] = {"true", "1", "yes", "Yes", "True", "TRUE", "YES", NULL};
    static const char *const no[] = {"false", "0", "no", "No", "False", "FALSE", "NO", NULL};
    *out = pz_value_bool(is_word(text, yes));
    return is_word(text, yes) || is_word(text, no);
}

/* A text as the column says it is to be read. */
static bool read_text_value(const column *c, pz_pool *pool, pz_str text, pz_value *out,
                            char why[256])
{
    int64_t ms;
    char printed[PZ__RFC3339_MAX];
    if (c->values) {
        bool found;
        *out = pz_value_get(c->values->value, text.data, text.len, &found);
        snprintf(why, 256, "'%.*s' is not among the mapping's \"values\": add it, or mend the row",
                 (int)(text.len < 80 ? text.len : 80), text.data);
        return found;
    }
    switch (c->form) {
    case FORM_NUMBER:
        snprintf(why, 256, "'%.*s' is no number", (int)(text.len < 80 ? text.len : 80), text.data);
        return read_number(c, text, out);
    case FORM_BOOL:
        snprintf(why, 256, "'%.*s' is neither true nor false; say by \"values\" what it means",
                 (int)(text.len < 80 ? text.len : 80), text.data);
        return read_bool(text, out);
    case FORM_DATE:
        snprintf(why, 256, "'%.*s' is no date of the form %.*s",
                 (int)(text.len < 80 ? text.len : 80), text.data,
                 PZ__STR_ARG(c->date.len ? c->date : PZ__STR("2026-01-31T12:00:00Z")));
        if (!read_date(c->date, text, &ms))
            return false;
        text.len = pz__rfc3339_print_ms(ms, printed);
        text.data = printed;
        break;
    case FORM_AUTO:
        if ((is_plain_number(text) && read_number(c, text, out)) || read_bool(text, out))
            return true;
        break;
    case FORM_TEXT:
        break;
    }
    snprintf(why, 256, "the text is not UTF-8: save the table as UTF-8");
    return pz_pool_string(pool, out, text.data, text.len) == PZ_OK;
}

static bool read_list(const column *c, pz_pool *pool, pz_str text, pz_value *out, char why[256])
{
    pz_value items[256];
    uint32_t count = 0;
    while (text.len && count < 256) {
        const char *end = memmem(text.data, text.len, c->list.data, c->list.len);
        const size_t len = end ? (size_t)(end - text.data) : text.len;
        const pz_str item = trimmed((pz_str){text.data, len});
        if (item.len && !read_text_value(c, pool, item, &items[count++], why))
            return false;
        text.data += len + (end ? c->list.len : 0);
        text.len -= len + (end ? c->list.len : 0);
    }
    snprintf(why, 256, "the list has more than 256 elements");
    return !text.len && pz_pool_list(pool, out, items, count) == PZ_OK;
}

/* The column's value; kind PZ_NULL for absent. */
static bool read_value(const column *c, pz_pool *pool, pz_value content, pz_value *out,
                       char why[256])
{
    *out = content;
    if (content.kind != PZ_STRING)
        return true; /* JSON says itself what it is */
    const pz_str text = trimmed(pz_value_text(content));
    if (text.len == 0 && !c->keeps_empty) {
        *out = pz_value_null();
        return true;
    }
    return c->list.len ? read_list(c, pool, text, out, why)
                       : read_text_value(c, pool, text, out, why);
}

/* ---- one row ---- */

static bool add_operation(pz_pool *pool, const column *c, pz_value value, pz_value meta,
                          pz_value *out)
{
    const pz_value name = {
        .kind = PZ_STRING, .len = (uint32_t)c->name.len, .as.text = c->name.data};
    pz_value parts[4] = {pz_value_str("declare"), name, value, meta};
    uint32_t count = meta.kind == PZ_NULL ? 3 : 4;
    if (c->role == ROLE_ATTRIBUTE && c->is_choice)
        parts[0] = pz_value_str("choose");
    if (c->role == ROLE_IDENTIFIER)
        parts[0] = pz_value_str("identify");
    if (c->role == ROLE_CONSENT) {
        parts[0] = pz_value_str("consent");
        parts[2] = pz_value_str(value.as.b ? "grant" : "deny");
    }
    if (c->role == ROLE_ACCOUNT) {
        parts[0] = pz_value_str("set_account");
        parts[1] = value;
        parts[2] = meta;
        count--;
    }
    return pz_pool_list(pool, out, parts, count) == PZ_OK;
}

static bool as_text(pz_pool *pool, pz_value *value)
{
    char text[32];
    if (value->kind == PZ_INT)
        return pz_pool_string(pool, value, text, pz__int_print(value->as.i, text)) == PZ_OK;
    if (value->kind == PZ_UINT)
        return pz_pool_string(pool, value, text, pz__uint_print(value->as.u, text)) == PZ_OK;
    return value->kind == PZ_STRING;
}

/* A consent as true or false. What says neither is no denial: nobody was asked that. */
static bool as_consent(pz_value *value, char why[256])
{
    const pz_str text = pz_value_text(*value);
    const bool is_number = value->kind == PZ_INT && (value->as.i == 0 || value->as.i == 1);
    snprintf(why, 256,
             "'%.*s' neither grants nor denies: grant, deny, true or false is expected; say by "
             "\"values\" what it means",
             (int)(text.len < 80 ? text.len : 80), text.data ? text.data : "");
    if (value->kind == PZ_BOOL)
        return true;
    if (is_number || pz__str_equal(text, PZ__STR("grant")) ||
        pz__str_equal(text, PZ__STR("deny"))) {
        *value = pz_value_bool(is_number ? value->as.i != 0 : text.len == 5);
        return true;
    }
    return value->kind == PZ_STRING && read_bool(text, value);
}

bool mapping_row(const mapping *m, pz_pool *pool, mapping_get get, void *payload, pz_value *row,
                 const column **which, char why[256])
{
    pz_value items[MAPPING_COLUMNS_MAX + 1], meta = pz_value_null(), value;
    uint32_t count = 1;
    for (int pass = 0; pass < 2; pass++) /* the time first: all operations carry it */
        for (uint32_t i = 0; i < m->count; i++) {
            const column *c = &m->columns[i];
            if ((c->role == ROLE_AT) != (pass == 0))
                continue;
            *which = c;
            if (!read_value(c, pool, get(payload, c), &value, why))
                return false;
            snprintf(why, 256, "the column is empty: a row needs its customer");
            if (value.kind == PZ_NULL && c->role == ROLE_CUSTOMER)
                return false;
            if (value.kind == PZ_NULL)
                continue;
            if (c->role == ROLE_CONSENT && !as_consent(&value, why))
                return false;
            snprintf(why, 256, "text, or a whole number, is expected");
            if (c->role != ROLE_ATTRIBUTE && c->role != ROLE_CONSENT && !as_text(pool, &value))
                return false;
            snprintf(why, 256, "out of memory");
            const pz_entry entry = {c->role == ROLE_AT ? pz_value_str("at")
                                                       : (pz_value){.kind = PZ_STRING,
                                                                    .len = (uint32_t)c->name.len,
                                                                    .as.text = c->name.data},
                                    value};
            if (c->role == ROLE_AT         ? pz_pool_map(pool, &meta, &entry, 1) != PZ_OK
                : c->role == ROLE_CUSTOMER ? pz_pool_map(pool, &items[0], &entry, 1) != PZ_OK
                                           : !add_operation(pool, c, value, meta, &items[count++]))
                return false;
        }
    *which = NULL;
    return pz_pool_list(pool, row, items, count) == PZ_OK;
}

/* ---- the other way: a value as a cell ---- */

/* The first text of the mapping that means the value. */
static bool text_among_values(const column *c, pz_value value, pz_str *out)
{
    char why[256];
    for (uint32_t i = 0; i < c->values->child_count; i++) {
        pz_value meant = c->values->children[i].value;
        if (c->role == ROLE_CONSENT && !as_consent(&meant, why))
            continue;
        if (!pz_value_equal(meant, value))
            continue;
        *out = c->values->children[i].key;
        return true;
    }
    return false;
}

/* Digits where the pattern has Y, M, D, h, m, s, as read_date() reads them. */
static pz_str print_date(pz_str pattern, int64_t ms, char out[128])
{
    static const char letters[] = "YMDhms";
    if (pattern.len == 0)
        return (pz_str){out, pz__rfc3339_print_ms(ms, out)};
    const int64_t seconds = ms / 1000 - (ms % 1000 < 0);
    const pz__civil civil = pz__civil_of(seconds);
    uint32_t parts[] = {(uint32_t)civil.year, civil.month,  civil.day,
                        civil.hour,           civil.minute, civil.second};
    const size_t len = pattern.len < 128 ? pattern.len : 128;
    for (size_t i = len; i-- > 0;) {
        const char *letter = pattern.data[i] ? strchr(letters, pattern.data[i]) : NULL;
        out[i] = pattern.data[i];
        if (!letter)
            continue;
        out[i] = (char)('0' + parts[letter - letters] % 10);
        parts[letter - letters] /= 10;
    }
    return (pz_str){out, len};
}

static bool moment_of(pz_value value, int64_t *ms)
{
    if (value.kind == PZ_STRING)
        return pz__rfc3339_parse_ms(value.as.text, value.len, ms);
    *ms = value.kind == PZ_TIMESTAMP ? value.as.i * 1000 + value.len / 1000000 : 0;
    return value.kind == PZ_TIMESTAMP;
}

static pz_str print_number(const column *c, pz_value value, char out[128])
{
    const double real = value.kind == PZ_DOUBLE ? value.as.d : 0.0;
    const bool is_whole = real > -1e15 && real < 1e15 && (double)(int64_t)real == real;
    size_t len;
    if (value.kind == PZ_UINT)
        len = (size_t)snprintf(out, 128, "%llu", (unsigned long long)value.as.u);
    else if (value.kind == PZ_INT || is_whole)
        len = pz__int_print(value.kind == PZ_INT ? value.as.i : (int64_t)real, out);
    else
        len = pz__double_print(real, out);
    char *point = memchr(out, '.', len);
    if (point && c->decimal.len)
        *point = c->decimal.data[0];
    return (pz_str){out, len};
}

/* One value as text: PZ_ERR_NOT_FOUND if "values" have none. `out` holds what is printed. */
static pz_status print_one(const column *c, pz_pool *pool, pz_value value, char out[128],
                           pz_str *text)
{
    int64_t ms;
    const bool says_grant = c->form == FORM_TEXT && c->role == ROLE_CONSENT;
    if (c->values)
        return text_among_values(c, value, text) ? PZ_OK : PZ_ERR_NOT_FOUND;
    if (c->form == FORM_DATE && moment_of(value, &ms)) {
        *text = print_date(c->date, ms, out);
        return PZ_OK;
    }
    if (value.kind == PZ_INT || value.kind == PZ_UINT || value.kind == PZ_DOUBLE) {
        *text = print_number(c, value, out);
        return PZ_OK;
    }
    if (value.kind == PZ_BOOL && (says_grant || c->form == FORM_NUMBER)) {
        *text = says_grant ? pz_str_of(value.as.b ? "grant" : "deny")
                           : pz_str_of(value.as.b ? "1" : "0");
        return PZ_OK;
    }
    *text = pz_value_text(value);
    if (value.kind == PZ_STRING)
        return PZ_OK;
    const pz_status status = pz_value_print(pool, text, value, 0);
    if (status != PZ_OK)
        return status == PZ_ERR_DOMAIN ? PZ_ERR_NOT_FOUND : status;
    if (text->len >= 2 && text->data[0] == '"') /* a moment, a span, octets */
        *text = (pz_str){text->data + 1, text->len - 2};
    return PZ_OK;
}

/* The elements with the separator between them. */
static pz_status print_list(const column *c, pz_pool *pool, pz_value list, pz_str *out)
{
    char printed[128];
    pz_str text;
    size_t len = 0, cap = 0;
    for (int pass = 0; pass < 2; pass++) {
        char *to = pass ? pz__arena_new(pz__pool_arena(pool), len + 1) : NULL;
        if (pass && !to)
            return PZ_ERR_NOMEM;
        *out = (pz_str){to, len};
        for (uint32_t i = 0; i < list.len; i++) {
            const pz_status status = print_one(c, pool, pz_value_item(list, i), printed, &text);
            if (status != PZ_OK)
                return status;
            const size_t gap = i ? c->list.len : 0;
            if (to) {
                memcpy(to + cap, c->list.data, gap);
                memcpy(to + cap + gap, text.len ? text.data : "", text.len);
                cap += gap + text.len;
            } else {
                len += gap + text.len;
            }
        }
    }
    return PZ_OK;
}

/* Whether what was read is what was written, as far as the kinds of the two can tell. */
static bool is_same(const column *c, pz_value written, pz_value read)
{
    if (written.kind == PZ_LIST && read.kind == PZ_LIST) {
        bool is_equal = written.len == read.len;
        for (uint32_t i = 0; i < written.len && is_equal; i++)
            is_equal = is_same(c, pz_value_item(written, i), pz_value_item(read, i));
        return is_equal;
    }
    if (c->form == FORM_DATE) /* as coarse as the pattern */
        return true;
    if (written.kind == PZ_STRING)
        return pz_value_equal(written, read) || (written.len == 0 && read.kind == PZ_NULL);
    if (written.kind == PZ_LIST)
        return c->list.len == 0 || written.len == 0;
    return c->form != FORM_NUMBER || written.kind == PZ_BOOL || pz_value_equal(written, read);
}

pz_status mapping_cell(const column *c, pz_pool *pool, pz_value value, bool is_json, pz_value *out,
                       bool *is_lossy)
{
    char printed[128], why[256];
    pz_str text;
    pz_value read;
    const bool is_list = value.kind == PZ_LIST && c->list.len;
    const bool is_plain = value.kind != PZ_STRING && value.kind != PZ_BYTES &&
                          value.kind != PZ_TIMESTAMP && value.kind != PZ_DURATION;
    *out = value;
    *is_lossy = false;
    if (is_json && is_plain && !c->values && c->form != FORM_DATE && c->role != ROLE_CONSENT)
        return PZ_OK;
    *out = pz_value_null();
    pz_status status =
        is_list ? print_list(c, pool, value, &text) : print_one(c, pool, value, printed, &text);
    *is_lossy = status == PZ_ERR_NOT_FOUND;
    if (status != PZ_OK)
        return *is_lossy ? PZ_OK : status;
    status = pz_pool_string(pool, out, text.data ? text.data : "", text.len);
    if (status == PZ_OK && c->role == ROLE_CONSENT)
        *is_lossy = !read_value(c, pool, *out, &read, why) || !as_consent(&read, why);
    else if (status == PZ_OK)
        *is_lossy = !read_value(c, pool, *out, &read, why) || !is_same(c, value, read);
    if (status == PZ_OK && !is_json && memmem(out->as.text, out->len, "\r\n", 2))
        *is_lossy = true; /* a table's line ends are read as LF */
    return status;
}
