/*
 * reader.c: reads an object of the document by a table of its members.
 *
 * Every sort of object (an attribute, a signal, a rule ...) has one table that says which members
 * there are, what each must be, whether it must be there, and which function takes it. This file
 * does everything that is the same for all: the name nobody knows gets the nearest right one, the
 * member that stands twice or is missing is told, a value of a wrong kind is told with what was
 * found. A member that the design has but this version does not is refused by name, so that a
 * catalog never silently means less than it says.
 *
 * Members are handed on in the order of the table, not of the document: "type" is read before the
 * "default" that must fit it, wherever the author wrote it. Repetition is looked for in the whole
 * document beforehand (compile.c), free-form objects included.
 */
#include "catalog/build.h"

#include "base/time.h"

static const pz__member *member_named(const pz__members *members, pz_str name)
{
    for (uint32_t i = 0; i < members->count; i++)
        if (pz__str_equal(pz_str_of(members->list[i].name), name))
            return &members->list[i];
    return NULL;
}

static pz_str nearest_member(pz__build *build, const pz__members *members, pz_str name)
{
    pz_str *names = pz__work(build, members->count, sizeof *names);
    uint32_t count = 0;
    if (!names)
        return (pz_str){NULL, 0};
    for (uint32_t i = 0; i < members->count; i++)
        if (members->list[i].need != PZ__LATER)
            names[count++] = pz_str_of(members->list[i].name);
    return pz__nearest(name, names, count);
}

static void refuse_unknown(pz__build *build, const pz__node *object, const pz__members *members)
{
    for (uint32_t i = 0; i < object->child_count && !pz__is_stopped(build); i++) {
        const pz__node *child = &object->children[i];
        const pz__member *member = member_named(members, child->key);
        const char *name = pz__quoted(build, child->key);
        if (!member)
            pz__mistake(build, child->key_start, child->key_end,
                        nearest_member(build, members, child->key), "%s has no member %s",
                        members->object, name);
        else if (member->need == PZ__LATER)
            pz__mistake_in_name(build, child, "this version does not know %s yet", name);
    }
}

bool pz__is_wanted(pz__build *build, const pz__node *node, const pz__member *member)
{
    if (member->wants & PZ__WANT(node->value.kind))
        return true;
    pz__mistake_at(build, node, "\"%s\" must be %s, not %s", member->name, member->form,
                   pz__found(build, node->value));
    return false;
}

/* The name of an object that lacks a member is the best place there is; of a list's element and of
 * the document, its first byte. */
static void tell_missing(pz__build *build, const pz__node *object, const pz__members *members,
                         const pz__member *member)
{
    bool is_named = object->key.data != NULL;
    uint32_t start = is_named ? object->key_start : object->start;
    uint32_t end = is_named ? object->key_end : object->start + 1;
    pz__mistake(build, start, end, (pz_str){NULL, 0}, "%s needs \"%s\": %s", members->object,
                member->name, member->form);
}

void pz__read_members(pz__build *build, const pz__node *object, const pz__members *members,
                      void *into)
{
    if (object->value.kind != PZ_MAP) {
        pz__mistake_at(build, object, "%s must be an object, not %s", members->object,
                       pz__found(build, object->value));
        return;
    }
    refuse_unknown(build, object, members);
    for (uint32_t i = 0; i < members->count && !pz__is_stopped(build); i++) {
        const pz__member *member = &members->list[i];
        const pz__node *node = pz__node_get(object, member->name);
        if (!node && member->need == PZ__REQUIRED)
            tell_missing(build, object, members, member);
        if (!node || member->need == PZ__LATER || !pz__is_wanted(build, node, member))
            continue;
        if (member->read)
            member->read(build, into, node);
    }
}

/* ---- names ---- */

bool pz__name_check(pz__build *build, pz_str name, uint32_t start, uint32_t end, const char *what)
{
    pz_str none = {NULL, 0};
    if (name.len == 0)
        pz__mistake(build, start, end, none, "the name of %s is empty", what);
    else if (name.len > PZ__NAME_MAX)
        pz__mistake(build, start, end, none, "the name of %s has %zu bytes; at most %u are allowed",
                    what, name.len, PZ__NAME_MAX);
    return name.len > 0 && name.len <= PZ__NAME_MAX;
}

static bool begins_identifier(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
}

static bool is_identifier(pz_str name)
{
    bool is_start = true;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        bool fits =
            begins_identifier(c) || (!is_start && c >= '0' && c <= '9') || (!is_start && c == '.');
        if (!fits)
            return false;
        is_start = c == '.';
    }
    return !is_start;
}

/* True if a part of a dotted name is a word of the rule language. */
static bool is_reserved(pz_str name)
{
    static const char *const words[] = {"true", "false", "null", "in"};
    for (size_t from = 0; from <= name.len; from++) {
        size_t to = from;
        while (to < name.len && name.data[to] != '.')
            to++;
        for (size_t i = 0; i < sizeof words / sizeof *words; i++)
            if (pz__str_equal((pz_str){name.data + from, to - from}, pz_str_of(words[i])))
                return true;
        from = to;
    }
    return false;
}

bool pz__name_check_identifier(pz__build *build, const pz__node *node, const char *what)
{
    if (!pz__name_check(build, node->key, node->key_start, node->key_end, what))
        return false;
    if (is_reserved(node->key)) {
        pz__mistake_in_name(build, node, "%s cannot be called %s: that is a word of the rules",
                            what, pz__quoted(build, node->key));
        return false;
    }
    if (!is_identifier(node->key)) {
        pz__mistake_in_name(build, node,
                            "rules cannot spell %s as a name of %s: use letters, digits and _, not "
                            "beginning with a digit; a dot may join several",
                            pz__quoted(build, node->key), what);
        return false;
    }
    return true;
}

pz_str pz__place_name(pz__build *build, uint32_t index)
{
    pz__buf buf;
    pz__buf_init(&buf, &build->alloc, 32);
    pz__buf_format(&buf, "#%u", index + 1);
    const char *text = pz__arena_text(build->arena, buf.data ? buf.data : "", buf.len);
    build->is_out_of_memory |= !text || buf.status;
    const pz_str name = {text, text ? buf.len : 0};
    pz__buf_clear(&buf);
    return name;
}

bool pz__check_count(pz__build *build, const pz__node *node, uint32_t most, const char *what)
{
    if (node->child_count <= most)
        return true;
    const pz__node *first = &node->children[most];
    bool is_member = node->value.kind == PZ_MAP;
    pz__mistake(build, is_member ? first->key_start : first->start,
                is_member ? first->key_end : first->end, (pz_str){NULL, 0},
                "there are %u %s; at most %u are allowed", node->child_count, what, most);
    return false;
}

pz_str pz__nearest_in(const pz__names *names, pz_str name)
{
    return pz__nearest(name, names->list, names->count);
}

/* ---- small values ---- */

int64_t pz__read_span(pz__build *build, const pz__node *node)
{
    pz_str text = pz_value_text(node->value);
    int64_t ms = 0;
    if (pz__span_parse(text.data, text.len, &ms))
        return ms;
    pz__mistake_at(build, node,
                   "%s is no span of time: write a number and a unit (w, d, h, m, s, ms), such as "
                   "\"30d\" or \"1h30m\", at least 1ms",
                   pz__quoted(build, text));
    return 0;
}

double pz__number_of(pz_value value)
{
    if (value.kind == PZ_INT)
        return (double)value.as.i;
    if (value.kind == PZ_UINT)
        return (double)value.as.u;
    return value.kind == PZ_DOUBLE ? value.as.d : 0;
}

bool pz__weight_of(pz_value value, int64_t *out)
{
    const double most = 1e9;
    double units = pz__number_of(value) * 1024;
    if (!(units >= -most * 1024 && units <= most * 1024))
        return false;
    *out = (int64_t)(units < 0 ? units - 0.5 : units + 0.5);
    return true;
}

/* ---- types ---- */

/* The first part of a type that no value of an attribute can have, or NULL. */
static const pz__type *unusable_part(const pz__type *type)
{
    bool is_data = type->kind <= PZ__T_MAP && type->kind != PZ__T_NULL;
    if (!is_data)
        return type;
    for (uint32_t i = 0; i < type->arg_count; i++) {
        const pz__type *part = type->args[i] ? unusable_part(type->args[i]) : NULL;
        if (part)
            return part;
    }
    return NULL;
}

/* The type that was meant: what other languages call so, or the nearest name. */
static pz_str nearest_type(pz_str text)
{
    static const pz_str names[] = {
        {"bool", 4},
        {"int", 3},
        {"uint", 4},
        {"double", 6},
        {"string", 6},
        {"bytes", 5},
        {"timestamp", 9},
        {"duration", 8},
        {"dyn", 3},
        {"list", 4},
        {"list<string>", 12},
        {"map", 3},
        {"map<string, string>", 19},
    };
    static const struct {
        pz_str other, ours;
    } words[] = {
        {{"integer", 7}, {"int", 3}},
        {{"number", 6}, {"double", 6}},
        {{"float", 5}, {"double", 6}},
        {{"decimal", 7}, {"double", 6}},
        {{"boolean", 7}, {"bool", 4}},
        {{"text", 4}, {"string", 6}},
        {{"enum", 4}, {"string", 6}},
        {{"date", 4}, {"timestamp", 9}},
        {{"datetime", 8}, {"timestamp", 9}},
        {{"time", 4}, {"timestamp", 9}},
        {{"array", 5}, {"list<string>", 12}},
        {{"set", 3}, {"list<string>", 12}},
        {{"string[]", 8}, {"list<string>", 12}},
        {{"object", 6}, {"map<string, string>", 19}},
    };
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (pz__str_equal(text, words[i].other))
            return words[i].ours;
    return pz__nearest(text, names, sizeof names / sizeof *names);
}

const pz__type *pz__read_type(pz__build *build, const pz__node *node)
{
    const pz__type *type = NULL;
    pz_str text = pz_value_text(node->value);
    pz_status status = pz__type_parse(build->arena, &type, text, NULL);
    if (status == PZ_ERR_NOMEM)
        build->is_out_of_memory = true;
    if (status || !type) {
        pz__mistake(build, node->start, node->end, nearest_type(text),
                    "there is no type %s: there are bool, int, uint, double, string, bytes, "
                    "timestamp, duration, list<T>, map<K, V> and dyn",
                    pz__quoted(build, text));
        return &pz__type_dyn;
    }
    if (unusable_part(type)) {
        pz__mistake_at(build, node, "no value has the type %s", pz__quoted(build, text));
        return &pz__type_dyn;
    }
    return type;
}
