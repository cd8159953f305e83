/*
 * parser.c: tokens to a tree, by recursive descent with one loop for all binary operators.
 *
 *      expr    = binary [ '?' binary ':' expr ]
 *      binary  = unary { OPERATOR unary }            by precedence, see `binaries`
 *      unary   = member | '!' {'!'} member | '-' {'-'} member
 *      member  = primary { '.' NAME [args] | '.?' NAME | '[' ['?'] expr ']' }
 *      primary = literal | name [args] | '(' expr ')' | list | map | message
 *
 * An element, entry or field may have a '?' in front: its value is an optional, and where that
 * holds nothing there is no element.
 *
 * Runs of && and || become one node with many terms, so that a rule of a thousand alternatives is
 * not a thousand levels deep. Everything else nests to the left; the depth of each node is kept and
 * bounded together with the recursion of the parser (PZ__CEL_DEPTH_MAX), which is what lets all
 * later passes recurse without a guard of their own.
 *
 * The first mistake of syntax ends the parse: what an author meant behind it would be a guess. A
 * NULL result always has an issue. Macros expand here, when their closing parenthesis is read.
 */
#include "cel/ast.h"
#include "cel/lexer.h"

typedef struct parser {
    pz__lexer lexer;
    pz__token token; /* the one not yet taken */
    pz__token last;  /* the one taken before it */
    pz__arena *scratch;
    pz__arena *arena;
    pz__issue_sink *sink;
    pz_str source;
    uint32_t depth;
    bool no_macros;
    bool failed; /* an issue was noted: everybody returns NULL */
} parser;

/* A growing array of nodes in the scratch arena. */
typedef struct node_list {
    pz__expr **items;
    uint32_t count, cap;
} node_list;

static pz__expr *parse_expr(parser *p);
static pz__expr *parse_binary(parser *p, uint32_t least);

/* ---- tokens ---- */

static void *fail(parser *p, uint32_t start, uint32_t end, const char *message)
{
    if (!p->failed)
        pz__issue(p->sink, PZ_ERR_PARSE, start, end, "%s", message);
    p->failed = true;
    return NULL;
}

static void *out_of_memory(parser *p)
{
    pz__issue_nomem(p->sink);
    p->failed = true;
    return NULL;
}

static void advance(parser *p)
{
    p->last = p->token;
    p->token = pz__lexer_next(&p->lexer);
    if (p->token.kind == PZ__TOK_BAD)
        fail(p, p->token.start, p->token.end, p->lexer.message);
}

static bool at(const parser *p, pz__token_kind kind)
{
    return !p->failed && p->token.kind == kind;
}

static bool accept(parser *p, pz__token_kind kind)
{
    if (!at(p, kind))
        return false;
    advance(p);
    return true;
}

static pz_str text_of(const parser *p, pz__token token)
{
    return (pz_str){p->source.data + token.start, token.end - token.start};
}

/* An operator that is written as a word, as other languages do: `a and b`, `not a`. */
static bool fail_word(parser *p)
{
    const pz_str here = text_of(p, p->token), before = text_of(p, p->last);
    const char *sign = p->token.kind == PZ__TOK_IDENT ? pz__word_operator(here) : NULL;
    const bool is_here = sign && sign[0] != '!';
    if (!is_here)
        sign = p->last.kind == PZ__TOK_IDENT ? pz__word_operator(before) : NULL;
    if (!sign || (!is_here && sign[0] != '!'))
        return false;
    const pz__token word = is_here ? p->token : p->last;
    pz__cel_issue *issue =
        pz__issue(p->sink, PZ_ERR_PARSE, word.start, word.end, "'%.*s' is no operator",
                  (int)(word.end - word.start), p->source.data + word.start);
    pz__issue_suggest(p->sink, issue, pz_str_of(sign));
    return p->failed = true;
}

/* `what` names the missing thing: "a ')' that closes the '('". */
static bool expect(parser *p, pz__token_kind kind, const char *what)
{
    if (accept(p, kind))
        return true;
    if (p->failed || fail_word(p))
        return false;
    if (p->token.kind == PZ__TOK_END)
        pz__issue(p->sink, PZ_ERR_PARSE, p->token.start, p->token.end,
                  "the expression ends where %s is needed", what);
    else
        pz__issue(p->sink, PZ_ERR_PARSE, p->token.start, p->token.end,
                  "'%.*s' stands where %s is needed", (int)(p->token.end - p->token.start),
                  p->source.data + p->token.start, what);
    p->failed = true;
    return false;
}

/* ---- nodes ---- */

static pz__expr *node(parser *p, pz__expr_kind kind, uint32_t start, uint32_t end)
{
    if (p->failed)
        return NULL;
    pz__expr *expr = pz__arena_zero(p->scratch, 1, sizeof *expr);
    if (!expr)
        return out_of_memory(p);
    expr->kind = (uint8_t)kind;
    expr->start = expr->name_at = start;
    expr->end = expr->name_end = end;
    expr->depth = 1;
    return expr;
}

static bool too_deep(parser *p, uint32_t start, uint32_t end)
{
    if (!p->failed)
        pz__issue(p->sink, PZ_ERR_LIMIT, start, end,
                  "an expression nests at most %u levels deep; move a part into a rule of its own",
                  PZ__CEL_DEPTH_MAX);
    p->failed = true;
    return true;
}

/* Take the child's depth into account; false beyond the limit. */
static bool adopt(parser *p, pz__expr *parent, const pz__expr *child)
{
    if (child->depth >= PZ__CEL_DEPTH_MAX)
        return !too_deep(p, parent->start, parent->end);
    if (parent->depth <= child->depth)
        parent->depth = (uint16_t)(child->depth + 1);
    return true;
}

static bool push(parser *p, node_list *list, pz__expr *expr)
{
    if (!expr)
        return false;
    if (list->count == list->cap) {
        uint32_t cap = list->cap ? list->cap * 2 : 4;
        pz__expr **items = pz__arena_array(p->scratch, cap, sizeof(pz__expr *));
        if (!items)
            return out_of_memory(p) != NULL;
        if (list->count)
            memcpy(items, list->items, list->count * sizeof(pz__expr *));
        list->items = items;
        list->cap = cap;
    }
    list->items[list->count++] = expr;
    return true;
}

static pz__expr *with_args(parser *p, pz__expr *parent, const node_list *list)
{
    if (!parent)
        return NULL;
    parent->args = list->items;
    parent->count = list->count;
    for (uint32_t i = 0; i < list->count; i++)
        if (!adopt(p, parent, list->items[i]))
            return NULL;
    return parent;
}

static pz__expr *operator_call(parser *p, const char *name, pz__token sign, pz__expr *a,
                               pz__expr *b)
{
    node_list list = {0};
    if (!push(p, &list, a) || (b && !push(p, &list, b)))
        return NULL;
    uint32_t start = sign.start < a->start ? sign.start : a->start;
    pz__expr *call = node(p, PZ__E_CALL, start, b ? b->end : a->end);
    if (!call)
        return NULL;
    call->name = pz_str_of(name);
    call->name_at = sign.start;
    call->name_end = sign.end;
    call->is_operator = true;
    return with_args(p, call, &list);
}

/* ---- literals ---- */

static pz__expr *literal_failed(parser *p, pz_status status, pz__literal_error error,
                                pz__token token)
{
    if (status == PZ_ERR_NOMEM)
        return out_of_memory(p);
    return fail(p, error.at, token.end, error.message);
}

static pz__expr *constant(parser *p, uint32_t start, pz_value value)
{
    pz__expr *expr = node(p, PZ__E_CONST, start, p->token.end);
    if (!expr)
        return NULL;
    expr->constant = value;
    advance(p);
    return p->failed ? NULL : expr;
}

static pz__expr *parse_number(parser *p, bool negative, uint32_t start)
{
    pz_value value;
    pz__literal_error error = {0};
    pz_status status = pz__literal_number(p->arena, p->source, p->token, negative, &value, &error);
    if (status != PZ_OK)
        return literal_failed(p, status, error, p->token);
    return constant(p, start, value);
}

static pz__expr *parse_text(parser *p)
{
    pz_value value;
    pz__literal_error error = {0};
    pz_status status = pz__literal_text(p->arena, p->source, p->token, &value, &error);
    if (status != PZ_OK)
        return literal_failed(p, status, error, p->token);
    return constant(p, p->token.start, value);
}

/* ---- lists of expressions ---- */

/* Expressions up to `close`, which is taken. */
static bool parse_items(parser *p, node_list *list, pz__token_kind close, bool trailing_comma,
                        const char *what)
{
    if (trailing_comma && accept(p, PZ__TOK_COMMA)) /* as the grammar has it, behind nothing too */
        return expect(p, close, what);
    while (!p->failed && !at(p, close)) {
        bool spread = close == PZ__TOK_RBRACKET && accept(p, PZ__TOK_QUESTION);
        if (!push(p, list, parse_expr(p)))
            return false;
        list->items[list->count - 1]->spread = spread;
        if (!accept(p, PZ__TOK_COMMA))
            break;
        if (at(p, close) && !trailing_comma)
            return fail(p, p->last.start, p->last.end,
                        "remove the comma behind the last argument") != NULL;
    }
    return expect(p, close, what);
}

static pz__expr *parse_list(parser *p)
{
    uint32_t start = p->token.start;
    node_list list = {0};
    advance(p);
    if (!parse_items(p, &list, PZ__TOK_RBRACKET, true, "a ',' or the ']' that closes the list"))
        return NULL;
    return with_args(p, node(p, PZ__E_LIST, start, p->last.end), &list);
}

static pz__expr *parse_map(parser *p)
{
    uint32_t start = p->token.start;
    node_list list = {0};
    advance(p);
    bool lone = accept(p, PZ__TOK_COMMA);
    while (!p->failed && !lone && !at(p, PZ__TOK_RBRACE)) {
        bool spread = accept(p, PZ__TOK_QUESTION);
        if (!push(p, &list, parse_expr(p)))
            return NULL;
        list.items[list.count - 1]->spread = spread;
        if (!expect(p, PZ__TOK_COLON, "a ':' between key and value") ||
            !push(p, &list, parse_expr(p)))
            return NULL;
        if (!accept(p, PZ__TOK_COMMA))
            break;
    }
    if (!expect(p, PZ__TOK_RBRACE, "a ',' or the '}' that closes the map"))
        return NULL;
    return with_args(p, node(p, PZ__E_MAP, start, p->last.end), &list);
}

/* ---- calls and selections ---- */

static pz__expr *finish_call(parser *p, pz__expr *call, pz__expr *receiver)
{
    node_list list = {0};
    advance(p);
    if (!call ||
        !parse_items(p, &list, PZ__TOK_RPAREN, false, "a ',' or the ')' that closes the call"))
        return NULL;
    call->end = p->last.end;
    call->target = receiver;
    if (!with_args(p, call, &list) || (receiver && !adopt(p, call, receiver)))
        return NULL;
    if (!p->no_macros && pz__macro_expand(p->scratch, call, p->sink) == PZ__MACRO_WRONG) {
        p->failed = true;
        return NULL;
    }
    return call;
}

static pz__expr *parse_index(parser *p, pz__expr *operand)
{
    pz__token bracket = p->token;
    advance(p);
    const char *name = accept(p, PZ__TOK_QUESTION) ? "_[?_]" : "_[_]";
    pz__expr *index = parse_expr(p);
    if (!index || !expect(p, PZ__TOK_RBRACKET, "the ']' that closes the index"))
        return NULL;
    pz__expr *call = operator_call(p, name, bracket, operand, index);
    if (call)
        call->end = p->last.end;
    return call;
}

static pz__expr *parse_selection(parser *p, pz__expr *operand)
{
    advance(p);
    bool optional = accept(p, PZ__TOK_QUESTION);
    pz__token field = p->token;
    bool quoted = accept(p, PZ__TOK_QUOTED);
    if (!quoted && !expect(p, PZ__TOK_IDENT, "a field name"))
        return NULL;
    bool call = !quoted && !optional && at(p, PZ__TOK_LPAREN);
    pz__expr *expr = node(p, call ? PZ__E_CALL : PZ__E_SELECT, operand->start, field.end);
    if (!expr)
        return NULL;
    expr->optional = optional;
    expr->name = text_of(p, field);
    expr->name_at = field.start;
    expr->name_end = field.end;
    if (quoted)
        expr->name = (pz_str){expr->name.data + 1, expr->name.len - 2};
    if (call)
        return finish_call(p, expr, operand);
    expr->target = operand;
    return adopt(p, expr, operand) ? expr : NULL;
}

static bool is_quoted(const pz__expr *expr)
{
    return expr->name_end - expr->name_at != expr->name.len;
}

/* True if the node is a plain dotted name, so that a '{' behind it begins a message. */
static bool is_name(const pz__expr *expr)
{
    while (expr->kind == PZ__E_SELECT && !expr->test_only && !expr->optional && !is_quoted(expr))
        expr = expr->target;
    return expr->kind == PZ__E_IDENT;
}

/* The name of a field as a constant. */
static pz__expr *parse_field(parser *p)
{
    bool spread = accept(p, PZ__TOK_QUESTION);
    bool quoted = accept(p, PZ__TOK_QUOTED);
    if (!quoted && !expect(p, PZ__TOK_IDENT, "the name of a field"))
        return NULL;
    pz__expr *field = node(p, PZ__E_CONST, p->last.start, p->last.end);
    if (!field)
        return NULL;
    pz_str name = text_of(p, p->last);
    if (quoted)
        name = (pz_str){name.data + 1, name.len - 2};
    field->constant = pz__value_of_str(name);
    field->spread = spread;
    return field;
}

static pz__expr *parse_message(parser *p, pz__expr *name)
{
    node_list list = {0};
    advance(p);
    bool lone = accept(p, PZ__TOK_COMMA);
    while (!p->failed && !lone && !at(p, PZ__TOK_RBRACE)) {
        if (!push(p, &list, parse_field(p)) ||
            !expect(p, PZ__TOK_COLON, "a ':' between field and value") ||
            !push(p, &list, parse_expr(p)))
            return NULL;
        if (!accept(p, PZ__TOK_COMMA))
            break;
    }
    if (!expect(p, PZ__TOK_RBRACE, "a ',' or the '}' that closes the message"))
        return NULL;
    pz__expr *message = node(p, PZ__E_STRUCT, name->start, p->last.end);
    if (!message || !adopt(p, message, name))
        return NULL;
    message->target = name;
    return with_args(p, message, &list);
}

static pz__expr *parse_name(parser *p)
{
    uint32_t start = p->token.start;
    bool absolute = accept(p, PZ__TOK_DOT);
    pz__token name = p->token;
    if (!expect(p, PZ__TOK_IDENT, "a name"))
        return NULL;
    if (pz__word_reserved(text_of(p, name))) {
        pz__issue(p->sink, PZ_ERR_PARSE, name.start, name.end,
                  "'%.*s' is a reserved word; it can only name a field, as in value.%.*s",
                  (int)(name.end - name.start), p->source.data + name.start,
                  (int)(name.end - name.start), p->source.data + name.start);
        p->failed = true;
        return NULL;
    }
    bool call = at(p, PZ__TOK_LPAREN);
    pz__expr *expr = node(p, call ? PZ__E_CALL : PZ__E_IDENT, start, name.end);
    if (!expr)
        return NULL;
    expr->name = text_of(p, name);
    expr->name_at = name.start;
    expr->absolute = absolute;
    return call ? finish_call(p, expr, NULL) : expr;
}

static pz__expr *parse_parenthesis(parser *p)
{
    advance(p);
    pz__expr *inner = parse_expr(p);
    if (!inner || !expect(p, PZ__TOK_RPAREN, "the ')' that closes the '('"))
        return NULL;
    return inner;
}

static pz__expr *parse_primary(parser *p)
{
    uint32_t start = p->token.start;
    switch (p->failed ? PZ__TOK_BAD : p->token.kind) {
    case PZ__TOK_BAD:
        return NULL;
    case PZ__TOK_INT:
    case PZ__TOK_UINT:
    case PZ__TOK_FLOAT:
        return parse_number(p, false, start);
    case PZ__TOK_STRING:
    case PZ__TOK_BYTES:
        return parse_text(p);
    case PZ__TOK_TRUE:
    case PZ__TOK_FALSE:
        return constant(p, start, pz_value_bool(p->token.kind == PZ__TOK_TRUE));
    case PZ__TOK_NULL:
        return constant(p, start, pz_value_null());
    case PZ__TOK_LPAREN:
        return parse_parenthesis(p);
    case PZ__TOK_LBRACKET:
        return parse_list(p);
    case PZ__TOK_LBRACE:
        return parse_map(p);
    case PZ__TOK_IDENT:
    case PZ__TOK_DOT:
        return parse_name(p);
    default:
        expect(p, PZ__TOK_IDENT, "a value");
        return NULL;
    }
}

static pz__expr *parse_suffixes(parser *p, pz__expr *expr)
{
    while (expr && !p->failed) {
        if (at(p, PZ__TOK_DOT))
            expr = parse_selection(p, expr);
        else if (at(p, PZ__TOK_LBRACKET))
            expr = parse_index(p, expr);
        else if (at(p, PZ__TOK_LBRACE) && is_name(expr))
            expr = parse_message(p, expr);
        else
            return expr;
    }
    return NULL;
}

static bool is_signed_number(const parser *p)
{
    return at(p, PZ__TOK_INT) || at(p, PZ__TOK_FLOAT);
}

/* A run of one sign. The minus nearest to a number belongs to the number. */
static pz__expr *parse_unary(parser *p)
{
    pz__token_kind sign = p->token.kind;
    if (p->failed || (sign != PZ__TOK_NOT && sign != PZ__TOK_MINUS))
        return parse_suffixes(p, parse_primary(p));
    pz__token first = p->token;
    uint32_t run = 0;
    pz__token last = first;
    for (; at(p, sign); run++) {
        last = p->token;
        advance(p);
    }
    pz__expr *expr;
    if (sign == PZ__TOK_MINUS && is_signed_number(p)) {
        expr = parse_number(p, true, last.start);
        run--;
    } else {
        expr = parse_primary(p);
    }
    expr = parse_suffixes(p, expr);
    for (; expr && run > 0; run--)
        expr = operator_call(p, sign == PZ__TOK_NOT ? "!_" : "-_", first, expr, NULL);
    return expr;
}

/* ---- operators ---- */

static const struct binary {
    uint8_t token;
    uint8_t precedence;
    const char *name;
} binaries[] = {
    {PZ__TOK_OR, 1, NULL},     {PZ__TOK_AND, 2, NULL},      {PZ__TOK_EQ, 3, "_==_"},
    {PZ__TOK_NE, 3, "_!=_"},   {PZ__TOK_LT, 3, "_<_"},      {PZ__TOK_LE, 3, "_<=_"},
    {PZ__TOK_GT, 3, "_>_"},    {PZ__TOK_GE, 3, "_>=_"},     {PZ__TOK_IN, 3, "@in"},
    {PZ__TOK_PLUS, 4, "_+_"},  {PZ__TOK_MINUS, 4, "_-_"},   {PZ__TOK_STAR, 5, "_*_"},
    {PZ__TOK_SLASH, 5, "_/_"}, {PZ__TOK_PERCENT, 5, "_%_"},
};

static const struct binary *binary_of(const parser *p, uint32_t least)
{
    for (size_t i = 0; i < sizeof binaries / sizeof binaries[0]; i++)
        if (at(p, binaries[i].token))
            return binaries[i].precedence >= least ? &binaries[i] : NULL;
    return NULL;
}

/* All terms of a run of && or || in one node. */
static pz__expr *parse_logic(parser *p, pz__expr *first, const struct binary *op)
{
    node_list list = {0};
    if (!push(p, &list, first))
        return NULL;
    while (accept(p, op->token))
        if (!push(p, &list, parse_binary(p, op->precedence + 1u)))
            return NULL;
    pz__expr *logic = node(p, op->token == PZ__TOK_AND ? PZ__E_AND : PZ__E_OR, first->start,
                           list.items[list.count - 1]->end);
    return with_args(p, logic, &list);
}

static pz__expr *parse_binary(parser *p, uint32_t least)
{
    pz__expr *left = parse_unary(p);
    const struct binary *op;
    while (left && (op = binary_of(p, least)) != NULL) {
        if (!op->name) {
            left = parse_logic(p, left, op);
            continue;
        }
        pz__token sign = p->token;
        advance(p);
        pz__expr *right = parse_binary(p, op->precedence + 1u);
        if (!right)
            return NULL;
        left = operator_call(p, op->name, sign, left, right);
    }
    return p->failed ? NULL : left;
}

static pz__expr *parse_conditional(parser *p, pz__expr *condition)
{
    node_list list = {0};
    advance(p);
    if (!push(p, &list, condition) || !push(p, &list, parse_binary(p, 1)) ||
        !expect(p, PZ__TOK_COLON, "the ':' of '? :'") || !push(p, &list, parse_expr(p)))
        return NULL;
    return with_args(p, node(p, PZ__E_COND, condition->start, list.items[2]->end), &list);
}

static pz__expr *parse_expr(parser *p)
{
    if (p->failed)
        return NULL;
    if (p->depth == PZ__CEL_DEPTH_MAX) {
        too_deep(p, p->token.start, p->token.end);
        return NULL;
    }
    p->depth++;
    pz__expr *expr = parse_binary(p, 1);
    if (expr && at(p, PZ__TOK_QUESTION))
        expr = parse_conditional(p, expr);
    p->depth--;
    return p->failed ? NULL : expr;
}

pz__expr *pz__parse(pz__arena *scratch, pz__arena *arena, pz_str source,
                    const pz__parse_options *options, pz__issue_sink *sink)
{
    parser p = {.scratch = scratch,
                .arena = arena,
                .sink = sink,
                .source = source,
                .no_macros = options && options->no_macros};
    pz__lexer_init(&p.lexer, source);
    advance(&p);
    pz__expr *expr = parse_expr(&p);
    if (expr && !at(&p, PZ__TOK_END))
        expect(&p, PZ__TOK_END, "an operator or the end");
    return p.failed ? NULL : expr;
}
