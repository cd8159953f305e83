/*
 * print.c: a syntax tree back to text, in the one canonical spelling.
 *
 * What is read back from the printed text is the same tree, node for node. Comments and blanks are
 * gone, parentheses stand only where the tree needs them, macros are printed as macros, texts have
 * one quoting and numbers one notation. So two rules that differ in layout only print alike, and a
 * printed rule can be hashed, compared and stored.
 *
 * Every node has a level, how tightly its outermost operator binds; a node below the level its
 * place asks for gets parentheses:
 *
 *      0 ? :    1 ||    2 &&    3 == < in ...    4 + -    5 * / %    6 ! - (signs)    7 the rest
 *
 * A sign is the one special case: the minus nearest to a number belongs to the number, so a minus
 * before anything that begins with a digit needs parentheses, and `!` and `-` do not mix.
 *
 * Trees are printed as they were parsed: after the checker has been there they say something else.
 * exists_one and existsOne are one macro and print as the former.
 */
#include "cel/ast.h"
#include "cel/lexer.h"

#include "base/buf.h"
#include "base/number.h"

enum { AT_EXPR = 0, AT_OR, AT_AND, AT_RELATION, AT_SUM, AT_PRODUCT, AT_SIGN, AT_MEMBER };

static const struct operator_row {
    pz_str name;
    const char *sign;
    uint8_t level;
} operators[] = {
    {{"_==_", 4}, " == ", AT_RELATION}, {{"_!=_", 4}, " != ", AT_RELATION},
    {{"_<_", 3}, " < ", AT_RELATION},   {{"_<=_", 4}, " <= ", AT_RELATION},
    {{"_>_", 3}, " > ", AT_RELATION},   {{"_>=_", 4}, " >= ", AT_RELATION},
    {{"@in", 3}, " in ", AT_RELATION},  {{"_+_", 3}, " + ", AT_SUM},
    {{"_-_", 3}, " - ", AT_SUM},        {{"_*_", 3}, " * ", AT_PRODUCT},
    {{"_/_", 3}, " / ", AT_PRODUCT},    {{"_%_", 3}, " % ", AT_PRODUCT},
    {{"!_", 2}, "!", AT_SIGN},          {{"-_", 2}, "-", AT_SIGN},
    {{"_[_]", 4}, "[", AT_MEMBER},      {{"_[?_]", 5}, "[?", AT_MEMBER},
};

static void print(pz__buf *out, const pz__expr *expr, int level);

static const struct operator_row *operator_of(const pz__expr *expr)
{
    for (size_t i = 0; expr->is_operator && i < sizeof operators / sizeof operators[0]; i++)
        if (pz__str_equal(expr->name, operators[i].name))
            return &operators[i];
    return NULL;
}

static void put(pz__buf *out, pz_str text)
{
    pz__buf_put(out, text.data, text.len);
}

/* ---- constants ---- */

static void print_octet(pz__buf *out, uint8_t c)
{
    static const char digits[] = "0123456789abcdef";
    pz__buf_text(out, "\\x");
    pz__buf_byte(out, (uint8_t)digits[c >> 4]);
    pz__buf_byte(out, (uint8_t)digits[c & 15]);
}

static void print_character(pz__buf *out, char c, char quote, bool bytes)
{
    static const char from[] = "\n\r\t\\";
    static const char to[] = "nrt\\";
    const char *found = c ? strchr(from, c) : NULL;
    if (found || c == quote) {
        pz__buf_byte(out, '\\');
        pz__buf_byte(out, (uint8_t)(found ? to[found - from] : c));
    } else if ((uint8_t)c < 0x20 || c == 0x7f || (bytes && (uint8_t)c > 0x7f)) {
        print_octet(out, (uint8_t)c);
    } else {
        pz__buf_byte(out, (uint8_t)c);
    }
}

static void print_text(pz__buf *out, pz_value v)
{
    bool single = v.len && memchr(v.as.text, '\'', v.len),
         two = v.len && memchr(v.as.text, '"', v.len);
    char quote = single && !two ? '"' : '\'';
    if (v.kind == PZ_BYTES)
        pz__buf_byte(out, 'b');
    pz__buf_byte(out, (uint8_t)quote);
    for (uint32_t i = 0; i < v.len; i++)
        print_character(out, v.as.text[i], quote, v.kind == PZ_BYTES);
    pz__buf_byte(out, (uint8_t)quote);
}

/* A double must not read back as an int; infinity is a number too great to be anything else. */
static void print_double(pz__buf *out, double d)
{
    char text[64];
    if (d > 1.7976931348623157e308 || d < -1.7976931348623157e308) {
        pz__buf_text(out, d < 0 ? "-1e999" : "1e999");
        return;
    }
    size_t len = pz__double_print(d, text);
    pz__buf_put(out, text, len);
    if (!memchr(text, '.', len) && !memchr(text, 'e', len))
        pz__buf_text(out, ".0");
}

static void print_constant(pz__buf *out, pz_value v)
{
    char text[32];
    switch (v.kind) {
    case PZ_BOOL:
        pz__buf_text(out, v.as.b ? "true" : "false");
        return;
    case PZ_INT:
        pz__buf_put(out, text, pz__int_print(v.as.i, text));
        return;
    case PZ_UINT:
        pz__buf_put(out, text, pz__uint_print(v.as.u, text));
        pz__buf_byte(out, 'u');
        return;
    case PZ_DOUBLE:
        print_double(out, v.as.d);
        return;
    case PZ_STRING:
    case PZ_BYTES:
        print_text(out, v);
        return;
    default:
        pz__buf_text(out, "null");
    }
}

/* ---- names ---- */

/* A field that stood in backquotes stands in them again, for then it is no part of a dotted name.
 */
static void print_field(pz__buf *out, const pz__expr *expr)
{
    bool quoted = expr->name_end - expr->name_at != expr->name.len;
    if (quoted)
        pz__buf_byte(out, '`');
    put(out, expr->name);
    if (quoted)
        pz__buf_byte(out, '`');
}

/* The field of a message, in backquotes only if it is no word. */
static void print_member(pz__buf *out, pz_str name)
{
    bool word = name.len > 0 && !(name.data[0] >= '0' && name.data[0] <= '9');
    for (size_t i = 0; i < name.len; i++) {
        char c = name.data[i];
        word = word && ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
                        (c >= '0' && c <= '9'));
    }
    word = word && !pz__str_equal(name, PZ__STR("in")) && !pz__str_equal(name, PZ__STR("true")) &&
           !pz__str_equal(name, PZ__STR("false")) && !pz__str_equal(name, PZ__STR("null"));
    if (!word)
        pz__buf_byte(out, '`');
    put(out, name);
    if (!word)
        pz__buf_byte(out, '`');
}

/* A variable; names with an '@' are made by cel.index() and its like. */
static void print_variable(pz__buf *out, pz_str name)
{
    static const struct {
        pz_str prefix;
        const char *call;
    } made[] = {{{"@index", 6}, "cel.index("},
                {{"@it:", 4}, "cel.iterVar("},
                {{"@ac:", 4}, "cel.accuVar("}};
    for (size_t i = 0; i < sizeof made / sizeof made[0]; i++) {
        if (name.len < made[i].prefix.len ||
            memcmp(name.data, made[i].prefix.data, made[i].prefix.len) != 0)
            continue;
        pz__buf_text(out, made[i].call);
        for (size_t at = made[i].prefix.len; at < name.len; at++)
            if (name.data[at] == ':')
                pz__buf_text(out, ", ");
            else
                pz__buf_byte(out, (uint8_t)name.data[at]);
        pz__buf_byte(out, ')');
        return;
    }
    put(out, name);
}

/* ---- parts ---- */

static void print_list(pz__buf *out, pz__expr *const *items, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            pz__buf_text(out, ", ");
        if (items[i]->spread)
            pz__buf_byte(out, '?');
        print(out, items[i], AT_EXPR);
    }
}

static void print_entries(pz__buf *out, const pz__expr *expr)
{
    pz__buf_byte(out, '{');
    for (uint32_t i = 0; i < expr->count; i += 2) {
        if (i > 0)
            pz__buf_text(out, ", ");
        if (expr->args[i]->spread)
            pz__buf_byte(out, '?');
        if (expr->kind == PZ__E_STRUCT)
            print_member(out, pz_value_text(expr->args[i]->constant));
        else
            print(out, expr->args[i], AT_EXPR);
        pz__buf_text(out, ": ");
        print(out, expr->args[i + 1], AT_EXPR);
    }
    pz__buf_byte(out, '}');
}

static void print_terms(pz__buf *out, const pz__expr *expr, const char *sign, int level)
{
    for (uint32_t i = 0; i < expr->count; i++) {
        if (i > 0)
            pz__buf_text(out, sign);
        print(out, expr->args[i], level);
    }
}

/* ---- calls ---- */

static const pz__expr *leftmost(const pz__expr *expr)
{
    for (;;) {
        const pz__expr *left = expr->target;
        if (!left && expr->is_operator && operator_of(expr) &&
            operator_of(expr)->level == AT_MEMBER)
            left = expr->args[0];
        if (!left || expr->test_only || expr->kind == PZ__E_CONST)
            return expr;
        expr = left;
    }
}

/* True if a sign before the node would be read as something else. */
static bool clashes(char sign, const pz__expr *operand)
{
    if (operand->kind == PZ__E_CALL && operand->is_operator && operand->count == 1)
        return operand->name.data[0] != sign;
    const pz__expr *first = leftmost(operand);
    if (first->kind != PZ__E_CONST)
        return false;
    pz_value v = first->constant;
    if (v.kind != PZ_INT && v.kind != PZ_DOUBLE)
        return false;
    bool negative = v.as.i < 0; /* the sign bit of either */
    return sign == '-' ? !negative : negative;
}

static void print_operator(pz__buf *out, const pz__expr *expr, const struct operator_row *row)
{
    if (row->level == AT_SIGN) {
        pz__buf_text(out, row->sign);
        print(out, expr->args[0], clashes(row->sign[0], expr->args[0]) ? AT_MEMBER + 1 : AT_SIGN);
        return;
    }
    print(out, expr->args[0], row->level);
    pz__buf_text(out, row->sign);
    if (row->level == AT_MEMBER) {
        print(out, expr->args[1], AT_EXPR);
        pz__buf_byte(out, ']');
    } else {
        print(out, expr->args[1], row->level + 1);
    }
}

static void print_call(pz__buf *out, const pz__expr *expr)
{
    const struct operator_row *row = operator_of(expr);
    if (row) {
        print_operator(out, expr, row);
        return;
    }
    if (expr->target)
        print(out, expr->target, AT_MEMBER);
    if (expr->target || expr->absolute)
        pz__buf_byte(out, '.');
    put(out, expr->name);
    pz__buf_byte(out, '(');
    print_list(out, expr->args, expr->count);
    pz__buf_byte(out, ')');
}

static void print_macro(pz__buf *out, const pz__expr *expr)
{
    /* ORDER of pz__macro. */
    static const char *const names[] = {"all",    "exists",       "exists_one",        "map",
                                        "filter", "transformMap", "transformMapEntry", "sortBy",
                                        "optMap", "optFlatMap"};
    bool two = expr->second.len > 0;
    print(out, expr->target, AT_MEMBER);
    pz__buf_byte(out, '.');
    pz__buf_text(out, expr->macro == PZ__MACRO_MAP && two ? "transformList" : names[expr->macro]);
    pz__buf_byte(out, '(');
    print_variable(out, expr->name);
    if (two) {
        pz__buf_text(out, ", ");
        print_variable(out, expr->second);
    }
    pz__buf_text(out, ", ");
    print_list(out, expr->args, expr->count);
    pz__buf_byte(out, ')');
}

static void print_let(pz__buf *out, const pz__expr *expr)
{
    uint32_t values = expr->count - 1;
    bool bind = expr->name.len > 0;
    pz__buf_text(out, bind ? "cel.bind(" : "cel.block([");
    if (bind) {
        print_variable(out, expr->name);
        pz__buf_text(out, ", ");
    }
    print_list(out, expr->args, values);
    pz__buf_text(out, bind ? ", " : "], ");
    print(out, expr->args[values], AT_EXPR);
    pz__buf_byte(out, ')');
}

static void print_selection(pz__buf *out, const pz__expr *expr)
{
    if (expr->test_only)
        pz__buf_text(out, "has(");
    print(out, expr->target, AT_MEMBER);
    pz__buf_text(out, expr->optional ? ".?" : ".");
    print_field(out, expr);
    if (expr->test_only)
        pz__buf_byte(out, ')');
}

/* ---- nodes ---- */

static int level_of(const pz__expr *expr)
{
    const struct operator_row *row = expr->kind == PZ__E_CALL ? operator_of(expr) : NULL;
    switch ((pz__expr_kind)expr->kind) {
    case PZ__E_COND:
        return AT_EXPR;
    case PZ__E_OR:
        return AT_OR;
    case PZ__E_AND:
        return AT_AND;
    default:
        return row ? row->level : AT_MEMBER;
    }
}

static void print_bare(pz__buf *out, const pz__expr *expr)
{
    switch ((pz__expr_kind)expr->kind) {
    case PZ__E_CONST:
        print_constant(out, expr->constant);
        return;
    case PZ__E_SELECT:
        print_selection(out, expr);
        return;
    case PZ__E_CALL:
        print_call(out, expr);
        return;
    case PZ__E_AND:
        print_terms(out, expr, " && ", AT_RELATION);
        return;
    case PZ__E_OR:
        print_terms(out, expr, " || ", AT_AND);
        return;
    case PZ__E_COND:
        print(out, expr->args[0], AT_OR);
        pz__buf_text(out, " ? ");
        print(out, expr->args[1], AT_OR);
        pz__buf_text(out, " : ");
        print(out, expr->args[2], AT_EXPR);
        return;
    case PZ__E_LIST:
        pz__buf_byte(out, '[');
        print_list(out, expr->args, expr->count);
        pz__buf_byte(out, ']');
        return;
    case PZ__E_STRUCT:
        print(out, expr->target, AT_MEMBER);
        print_entries(out, expr);
        return;
    case PZ__E_MAP:
        print_entries(out, expr);
        return;
    case PZ__E_MACRO:
        print_macro(out, expr);
        return;
    case PZ__E_LET:
        print_let(out, expr);
        return;
    default:
        if (expr->absolute)
            pz__buf_byte(out, '.');
        print_variable(out, expr->name);
    }
}

static void print(pz__buf *out, const pz__expr *expr, int level)
{
    bool parenthesised = level_of(expr) < level;
    if (parenthesised)
        pz__buf_byte(out, '(');
    print_bare(out, expr);
    if (parenthesised)
        pz__buf_byte(out, ')');
}

void pz__expr_print(pz__buf *out, const pz__expr *expr)
{
    print(out, expr, AT_EXPR);
}

pz_status pz__cel_canonical(pz__buf *out, pz_str source, bool no_macros)
{
    pz__arena scratch;
    pz__arena_init(&scratch, &out->alloc, 0);
    pz__issue_sink sink = {.arena = &scratch};
    const pz__parse_options options = {.no_macros = no_macros};
    const pz__expr *expr = pz__parse(&scratch, &scratch, source, &options, &sink);
    if (expr)
        pz__expr_print(out, expr);
    pz__arena_clear(&scratch);
    return sink.status != PZ_OK ? sink.status : out->status;
}
