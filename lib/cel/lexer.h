/*
 * lexer.h: source text to tokens, and the values that literal tokens denote.
 */
#ifndef PZ_CEL_LEXER_H
#define PZ_CEL_LEXER_H

#include "cel/cel.h"

typedef enum pz__token_kind {
    PZ__TOK_END,
    PZ__TOK_BAD,    /* the lexer's message says what is wrong */
    PZ__TOK_IDENT,  /* reserved words included: only the parser knows where they are allowed */
    PZ__TOK_QUOTED, /* `a-b` */
    PZ__TOK_INT,
    PZ__TOK_UINT,
    PZ__TOK_FLOAT,
    PZ__TOK_STRING,
    PZ__TOK_BYTES,
    PZ__TOK_TRUE,
    PZ__TOK_FALSE,
    PZ__TOK_NULL,
    PZ__TOK_IN,
    PZ__TOK_EQ,
    PZ__TOK_NE,
    PZ__TOK_LE,
    PZ__TOK_LT,
    PZ__TOK_GE,
    PZ__TOK_GT,
    PZ__TOK_AND,
    PZ__TOK_OR,
    PZ__TOK_LPAREN,
    PZ__TOK_RPAREN,
    PZ__TOK_LBRACKET,
    PZ__TOK_RBRACKET,
    PZ__TOK_LBRACE,
    PZ__TOK_RBRACE,
    PZ__TOK_DOT,
    PZ__TOK_COMMA,
    PZ__TOK_MINUS,
    PZ__TOK_NOT,
    PZ__TOK_QUESTION,
    PZ__TOK_COLON,
    PZ__TOK_PLUS,
    PZ__TOK_STAR,
    PZ__TOK_SLASH,
    PZ__TOK_PERCENT
} pz__token_kind;

/* A token is its kind and its bytes in the source. */
typedef struct pz__token {
    pz__token_kind kind;
    uint32_t start, end;
} pz__token;

typedef struct pz__lexer {
    pz_str source;
    uint32_t at;
    const char *message; /* of the last PZ__TOK_BAD */
} pz__lexer;

void pz__lexer_init(pz__lexer *lexer, pz_str source);
pz__token pz__lexer_next(pz__lexer *lexer);

/* True for the words that name neither variables nor global functions (`for`, `while` ...). */
bool pz__word_reserved(pz_str word);

/*
 * The value of a literal token. `negative`: a minus sign stands before the digits. Text that needs
 * no unescaping is copied as well: a program never borrows from its source. PZ_ERR_PARSE with
 * `message` and the offset `at` of the offending byte; PZ_ERR_NOMEM.
 */
typedef struct pz__literal_error {
    const char *message;
    uint32_t at;
} pz__literal_error;

pz_status pz__literal_number(pz__arena *arena, pz_str source, pz__token token, bool negative,
                             pz_value *out, pz__literal_error *error);
/* The double that a text without a sign stands for; ".5" has no leading digit, which the number
 * reader wants. PZ_ERR_PARSE: it stands for none. PZ_ERR_NOMEM. */
pz_status pz__double_of_text(pz__arena *arena, const char *text, size_t len, double *out);
pz_status pz__literal_text(pz__arena *arena, pz_str source, pz__token token, pz_value *out,
                           pz__literal_error *error);

#endif
