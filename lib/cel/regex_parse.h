/*
 * regex_parse.h: what regex_parse.c (structure) and regex_atom.c (single characters, escapes,
 * classes) share.
 */
#ifndef PZ_CEL_REGEX_PARSE_H
#define PZ_CEL_REGEX_PARSE_H

#include "cel/regex_inner.h"

enum {
    PZ__RF_FOLD = 1,      /* i */
    PZ__RF_LINES = 2,     /* m: ^ and $ at lines */
    PZ__RF_DOT_ALL = 4,   /* s: . takes a newline */
    PZ__RF_LAZY_FIRST = 8 /* U: x* is lazy, x*? greedy */
};

typedef struct pz__regex_parser {
    pz__regex_tree *tree;
    pz_str text;
    size_t at; /* next byte */
    uint32_t flags;
    uint32_t depth;
    pz_str *group_names; /* in the order of the pattern; {NULL, 0} for a group without a name */
    uint32_t group_cap;
    pz__regex_error *error;
    pz_status status; /* the first failure; everything stops at it */
} pz__regex_parser;

/* Note the first failure, at a byte of the pattern; gives NULL. */
pz__regex_node *pz__regex_fail(pz__regex_parser *p, pz_status status, size_t offset,
                               const char *format, ...) __attribute__((format(printf, 4, 5)));
pz__regex_node *pz__regex_no_memory(pz__regex_parser *p);
/* True if the text goes on so. */
bool pz__regex_sees(const pz__regex_parser *p, const char *what);
/* An array of the tree's arena that has room for one more; NULL without memory. */
void *pz__regex_room(pz__arena *arena, void *items, uint32_t count, uint32_t *cap, size_t size);

pz__regex_node *pz__regex_node_new(pz__regex_parser *p, pz__regex_kind kind, uint32_t low);
/* A node that takes one of the ranges' characters; they are finished and kept. */
pz__regex_node *pz__regex_set_node(pz__regex_parser *p, pz__ranges *ranges, size_t offset);

/* ---- regex_atom.c ---- */

/* The node of one character as the flags have it. */
pz__regex_node *pz__regex_char_node(pz__regex_parser *p, uint32_t c);
/* At '.', '[', or at a backslash. */
pz__regex_node *pz__regex_dot(pz__regex_parser *p);
pz__regex_node *pz__regex_bracket(pz__regex_parser *p);
pz__regex_node *pz__regex_escape(pz__regex_parser *p);

#endif
