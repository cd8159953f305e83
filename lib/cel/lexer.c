/*
 * lexer.c: source text to tokens, one at a time.
 *
 * The longest match wins. Tokens carry no text of their own, only their bytes in the source: what a
 * literal denotes is worked out by literal.c when the parser wants it, and what a word means is the
 * parser's business, except for the four keywords that can never be a name.
 *
 * Character classes come from one table of 256 bytes; the locale is never asked. Bytes above 127
 * stand only inside text literals and comments. The source is known to be UTF-8 before it gets
 * here.
 *
 * A token that cannot be is PZ__TOK_BAD with a message that says the remedy; the lexer does not go
 * on after it.
 */
#include "cel/lexer.h"

enum { SPACE = 1, ALPHA = 2, DIGIT = 4, HEX = 8, QUOTED = 16 };

static const uint8_t classes[256] = {
    ['\t'] = SPACE,
    ['\n'] = SPACE,
    ['\f'] = SPACE,
    ['\r'] = SPACE,
    [' '] = SPACE | QUOTED,
    ['_'] = ALPHA | QUOTED,
    ['.'] = QUOTED,
    ['-'] = QUOTED,
    ['/'] = QUOTED,
    ['0' ... '9'] = DIGIT | HEX | QUOTED,
    ['a' ... 'f'] = ALPHA | HEX | QUOTED,
    ['g' ... 'z'] = ALPHA | QUOTED,
    ['A' ... 'F'] = ALPHA | HEX | QUOTED,
    ['G' ... 'Z'] = ALPHA | QUOTED,
};

/* Operators, those of two characters before those they begin with. */
static const struct {
    char text[3];
    uint8_t len;
    uint8_t kind;
} operators[] = {
    {"==", 2, PZ__TOK_EQ},      {"!=", 2, PZ__TOK_NE},      {"<=", 2, PZ__TOK_LE},
    {">=", 2, PZ__TOK_GE},      {"&&", 2, PZ__TOK_AND},     {"||", 2, PZ__TOK_OR},
    {"<", 1, PZ__TOK_LT},       {">", 1, PZ__TOK_GT},       {"(", 1, PZ__TOK_LPAREN},
    {")", 1, PZ__TOK_RPAREN},   {"[", 1, PZ__TOK_LBRACKET}, {"]", 1, PZ__TOK_RBRACKET},
    {"{", 1, PZ__TOK_LBRACE},   {"}", 1, PZ__TOK_RBRACE},   {".", 1, PZ__TOK_DOT},
    {",", 1, PZ__TOK_COMMA},    {"-", 1, PZ__TOK_MINUS},    {"!", 1, PZ__TOK_NOT},
    {"?", 1, PZ__TOK_QUESTION}, {":", 1, PZ__TOK_COLON},    {"+", 1, PZ__TOK_PLUS},
    {"*", 1, PZ__TOK_STAR},     {"/", 1, PZ__TOK_SLASH},    {"%", 1, PZ__TOK_PERCENT},
};

void pz__lexer_init(pz__lexer *lexer, pz_str source)
{
    *lexer = (pz__lexer){.source = source};
}

/* The byte `ahead` of here; 0 behind the end (a real NUL is no token either). */
static uint8_t peek(const pz__lexer *lexer, uint32_t ahead)
{
    size_t at = (size_t)lexer->at + ahead;
    return at < lexer->source.len ? (uint8_t)lexer->source.data[at] : 0;
}

static bool is(const pz__lexer *lexer, uint32_t ahead, uint8_t class)
{
    return (classes[peek(lexer, ahead)] & class) != 0;
}

static void skip_run(pz__lexer *lexer, uint8_t class)
{
    while (is(lexer, 0, class))
        lexer->at++;
}

static void skip_blank(pz__lexer *lexer)
{
    for (;;) {
        skip_run(lexer, SPACE);
        if (peek(lexer, 0) != '/' || peek(lexer, 1) != '/')
            return;
        while (lexer->at < lexer->source.len && peek(lexer, 0) != '\n')
            lexer->at++;
    }
}

static pz__token token(const pz__lexer *lexer, pz__token_kind kind, uint32_t start)
{
    return (pz__token){kind, start, lexer->at};
}

static pz__token bad(pz__lexer *lexer, uint32_t start, const char *message)
{
    lexer->message = message;
    if (lexer->at == start && lexer->at < lexer->source.len)
        lexer->at++;
    return token(lexer, PZ__TOK_BAD, start);
}

static pz__token lex_word(pz__lexer *lexer)
{
    static const struct {
        pz_str word;
        pz__token_kind kind;
    } keywords[] = {{{"true", 4}, PZ__TOK_TRUE},
                    {{"false", 5}, PZ__TOK_FALSE},
                    {{"null", 4}, PZ__TOK_NULL},
                    {{"in", 2}, PZ__TOK_IN}};
    uint32_t start = lexer->at;
    skip_run(lexer, ALPHA | DIGIT);
    pz_str word = {lexer->source.data + start, lexer->at - start};
    for (size_t i = 0; i < sizeof keywords / sizeof keywords[0]; i++)
        if (pz__str_equal(word, keywords[i].word))
            return token(lexer, keywords[i].kind, start);
    return token(lexer, PZ__TOK_IDENT, start);
}

bool pz__word_reserved(pz_str word)
{
    static const char reserved[] = " as break const continue else for function if import let loop "
                                   "package namespace return var void while ";
    for (size_t i = 0; i + word.len + 1 < sizeof reserved; i++)
        if (reserved[i] == ' ' && reserved[i + word.len + 1] == ' ' &&
            memcmp(reserved + i + 1, word.data, word.len) == 0)
            return true;
    return false;
}

/* [eE] [+-]? DIGIT+, taken only if it is whole. */
static bool take_exponent(pz__lexer *lexer)
{
    if ((peek(lexer, 0) | 0x20) != 'e')
        return false;
    uint32_t sign = peek(lexer, 1) == '+' || peek(lexer, 1) == '-';
    if (!is(lexer, 1 + sign, DIGIT))
        return false;
    lexer->at += 1 + sign;
    skip_run(lexer, DIGIT);
    return true;
}

static bool take_unsigned_mark(pz__lexer *lexer)
{
    bool marked = (peek(lexer, 0) | 0x20) == 'u';
    lexer->at += marked;
    return marked;
}

static pz__token lex_number(pz__lexer *lexer)
{
    uint32_t start = lexer->at;
    bool real = false;
    if (peek(lexer, 0) == '0' && peek(lexer, 1) == 'x' && is(lexer, 2, HEX)) {
        lexer->at += 2;
        skip_run(lexer, HEX);
    } else {
        skip_run(lexer, DIGIT);
        if (peek(lexer, 0) == '.' && is(lexer, 1, DIGIT)) {
            lexer->at++;
            skip_run(lexer, DIGIT);
            real = true;
        }
        real |= take_exponent(lexer);
    }
    pz__token_kind kind = real                        ? PZ__TOK_FLOAT
                          : take_unsigned_mark(lexer) ? PZ__TOK_UINT
                                                      : PZ__TOK_INT;
    if (is(lexer, 0, ALPHA))
        return bad(lexer, start, "a number ends in letters; put a space or an operator behind it");
    return token(lexer, kind, start);
}

/* Length of a string prefix (r, b, br in any case) that a quote follows; -1 if there is none. */
static int text_prefix(const pz__lexer *lexer)
{
    int len = 0;
    if ((peek(lexer, 0) | 0x20) == 'b')
        len++;
    if ((peek(lexer, (uint32_t)len) | 0x20) == 'r')
        len++;
    uint8_t quote = peek(lexer, (uint32_t)len);
    return quote == '"' || quote == '\'' ? len : -1;
}

static pz__token lex_text(pz__lexer *lexer, uint32_t prefix)
{
    uint32_t start = lexer->at;
    bool bytes = prefix > 0 && (peek(lexer, 0) | 0x20) == 'b';
    bool raw = prefix > 0 && (peek(lexer, prefix - 1) | 0x20) == 'r';
    uint8_t quote = peek(lexer, prefix);
    bool triple = peek(lexer, prefix + 1) == quote && peek(lexer, prefix + 2) == quote;
    lexer->at += prefix + (triple ? 3 : 1);
    while (lexer->at < lexer->source.len) {
        uint8_t c = peek(lexer, 0);
        if (c == quote && (!triple || (peek(lexer, 1) == quote && peek(lexer, 2) == quote))) {
            lexer->at += triple ? 3 : 1;
            return token(lexer, bytes ? PZ__TOK_BYTES : PZ__TOK_STRING, start);
        }
        if (!triple && (c == '\n' || c == '\r'))
            break;
        lexer->at += c == '\\' && !raw && lexer->at + 1 < lexer->source.len ? 2 : 1;
    }
    return bad(lexer, start, "a text has no closing quote on its line");
}

static pz__token lex_quoted(pz__lexer *lexer)
{
    uint32_t start = lexer->at++;
    skip_run(lexer, QUOTED);
    if (peek(lexer, 0) != '`' || lexer->at == start + 1)
        return bad(lexer, start, "a quoted field is letters, digits and _ . - / or space in `...`");
    lexer->at++;
    return token(lexer, PZ__TOK_QUOTED, start);
}

/* True at a quote that a word processor puts in place of ' or " (U+2018 to U+201F). */
static bool at_curly_quote(const pz__lexer *lexer)
{
    return peek(lexer, 0) == 0xe2 && peek(lexer, 1) == 0x80 && peek(lexer, 2) >= 0x98 &&
           peek(lexer, 2) <= 0x9f;
}

static pz__token lex_operator(pz__lexer *lexer)
{
    uint32_t start = lexer->at;
    if (peek(lexer, 0) == '<' && peek(lexer, 1) == '>')
        return bad(lexer, start, "'<>' is no operator; write '!='");
    if (at_curly_quote(lexer))
        return bad(lexer, start, "this is no quote of the rules; write straight ones: 'text'");
    for (size_t i = 0; i < sizeof operators / sizeof operators[0]; i++) {
        if (peek(lexer, 0) != (uint8_t)operators[i].text[0] ||
            (operators[i].len == 2 && peek(lexer, 1) != (uint8_t)operators[i].text[1]))
            continue;
        lexer->at += operators[i].len;
        return token(lexer, operators[i].kind, start);
    }
    switch (peek(lexer, 0)) {
    case '=':
        if (peek(lexer, 1) == '<' || peek(lexer, 1) == '>')
            return bad(lexer, start,
                       peek(lexer, 1) == '<' ? "'=<' is no operator; write '<='"
                                             : "'=>' is no operator; write '>='");
        return bad(lexer, start, "'=' is no operator; compare with '=='");
    case '&':
        return bad(lexer, start, "'&' is no operator; write '&&' for and");
    case '|':
        return bad(lexer, start, "'|' is no operator; write '||' for or");
    default:
        return bad(lexer, start, "this character has no meaning outside a text in quotes");
    }
}

pz__token pz__lexer_next(pz__lexer *lexer)
{
    skip_blank(lexer);
    if (lexer->at >= lexer->source.len)
        return token(lexer, PZ__TOK_END, lexer->at);
    int prefix = text_prefix(lexer);
    if (prefix >= 0)
        return lex_text(lexer, (uint32_t)prefix);
    if (is(lexer, 0, ALPHA))
        return lex_word(lexer);
    if (is(lexer, 0, DIGIT) || (peek(lexer, 0) == '.' && is(lexer, 1, DIGIT)))
        return lex_number(lexer);
    if (peek(lexer, 0) == '`')
        return lex_quoted(lexer);
    return lex_operator(lexer);
}
