/*
 * regex_inner.h: what the regex_*.c files share: sets of code points, the tree, the program.
 */
#ifndef PZ_CEL_REGEX_INNER_H
#define PZ_CEL_REGEX_INNER_H

#include "base/buf.h"
#include "base/utf8.h"
#include "cel/regex.h"

#define PZ__CODE_POINT_MAX 0x10ffffu

/* ---- sets of code points (regex_class.c) ---- */

typedef struct pz__regex_range {
    uint32_t first, last;
} pz__regex_range;

/* A set in the making. Nothing is done any more once memory ran out. */
typedef struct pz__ranges {
    pz__arena *arena;
    pz__regex_range *items;
    uint32_t count, cap;
    bool no_memory;
} pz__ranges;

void pz__ranges_add(pz__ranges *set, uint32_t first, uint32_t last);
void pz__ranges_unite(pz__ranges *set, const pz__ranges *other);
/* Ascending, neither overlapping nor touching. The three below leave the set so. */
void pz__ranges_normalize(pz__ranges *set);
void pz__ranges_negate(pz__ranges *set);
/* Add whatever differs from a member by case only. */
void pz__ranges_fold(pz__ranges *set);
void pz__ranges_drop_surrogates(pz__ranges *set);
/* \p{name}: false if there is no such category or script. */
bool pz__ranges_add_property(pz__ranges *set, pz_str name);
/* The property whose name is nearest; {NULL, 0} if none is near. */
pz_str pz__property_nearest(pz_str name);
/* [:name:], and "d", "s", "w": false if there is no such class. */
bool pz__ranges_add_class(pz__ranges *set, pz_str name);

/* A finished set. */
typedef struct pz__regex_set {
    uint64_t ascii[2]; /* one bit for each of U+0000 to U+007F */
    uint32_t start;    /* in the array of ranges */
    uint32_t count;
} pz__regex_set;

bool pz__regex_set_has(const pz__regex_set *set, const pz__regex_range *ranges, uint32_t c);

/* ---- the tables (regex_tables.c) ---- */

extern const char *const pz__regex_category_names[], *const pz__regex_script_names[];
extern const uint32_t pz__regex_category_names_count, pz__regex_script_names_count;
extern const uint32_t pz__regex_categories[], pz__regex_scripts[];
extern const uint32_t pz__regex_categories_count, pz__regex_scripts_count;

typedef struct pz__regex_fold {
    uint32_t first, last;
    int32_t delta;
    uint32_t stride;
} pz__regex_fold;
extern const pz__regex_fold pz__regex_folds[];
extern const uint32_t pz__regex_fold_count;

/* ---- the tree (regex_parse.c) ---- */

typedef enum pz__regex_kind {
    PZ__RE_EMPTY,
    PZ__RE_CHAR, /* low: the code point */
    PZ__RE_SET,  /* low: number of the set; an empty set matches nothing */
    PZ__RE_TEXT_START,
    PZ__RE_TEXT_END,
    PZ__RE_LINE_START,
    PZ__RE_LINE_END,
    PZ__RE_WORD_EDGE,
    PZ__RE_NO_WORD_EDGE,
    PZ__RE_GROUP,  /* low: its number, from 1; one child */
    PZ__RE_CONCAT, /* two children or more */
    PZ__RE_EITHER, /* two children or more */
    PZ__RE_REPEAT  /* low to high times; one child */
} pz__regex_kind;

#define PZ__RE_NO_BOUND UINT32_MAX

typedef struct pz__regex_node {
    uint8_t kind;
    bool lazy;
    bool may_be_empty; /* can match without taking a character */
    bool has_group;
    bool has_edge; /* holds an assertion: \b, ^ ... */
    uint32_t low, high;
    uint32_t copies; /* greatest product of counts from here down */
    struct pz__regex_node *first, *last, *next;
} pz__regex_node;

typedef struct pz__regex_tree {
    pz__arena *arena;
    pz__regex_node *root;
    pz__regex_set *sets;
    uint32_t set_count, set_cap;
    pz__regex_range *ranges;
    uint32_t range_count, range_cap;
    uint32_t group_count;
    /* Some unbounded repeat has a body that can be empty. RE2 and PCRE2 disagree about what the
     * groups inside hold in the end. */
    bool loops_on_empty;
    bool drops_group; /* a group stands inside {0} */
} pz__regex_tree;

/* Everything lands in the tree's arena. */
pz_status pz__regex_parse(pz__regex_tree *tree, pz_str pattern, pz__regex_error *error);

/* ---- the program (regex_plan.c) ---- */

typedef enum pz__regex_op {
    PZ__RI_CHAR,   /* x: code point */
    PZ__RI_SET,    /* x: set */
    PZ__RI_SPLIT,  /* go on at x, and with less priority at y */
    PZ__RI_JUMP,   /* x */
    PZ__RI_SAVE,   /* x: slot; 2n the start and 2n + 1 the end of group n */
    PZ__RI_ASSERT, /* x: pz__regex_kind of the assertion */
    PZ__RI_MATCH
} pz__regex_op;

typedef struct pz__regex_ins {
    uint32_t op;
    uint32_t x, y;
} pz__regex_ins;

/* ---- the whole ---- */

struct pz__regex {
    pz_alloc alloc;
    size_t size; /* of this block, arrays included */
    const pz__regex_ins *program;
    const pz__regex_set *sets;
    const pz__regex_range *ranges;
    uint32_t ins_count;
    uint32_t group_count;
    bool is_anchored; /* every match begins at the beginning of the text */
    bool may_be_empty;
    bool loops_on_empty;
    uint64_t first_bytes[4]; /* what a match that is not empty can begin with */
    void *pcre;              /* PCRE2's code and match context; NULL: it would not compile */
    void *pcre_context;
};

typedef struct pz__regex_plan {
    pz__regex_ins *program;
    uint32_t ins_count;
    bool is_anchored;
    uint64_t first_bytes[4];
} pz__regex_plan;

/* PZ_ERR_LIMIT beyond PZ__REGEX_PROGRAM_MAX. The program lies in the tree's arena. */
pz_status pz__regex_make_plan(const pz__regex_tree *tree, pz__regex_plan *plan);

/* ---- the matchers ---- */

/*
 * The second matcher. With span_count 0 it only answers whether there is a match. `steps` receives
 * how many instructions were walked; it gives up with PZ_ERR_LIMIT beyond `step_limit`.
 */
pz_status pz__regex_nfa(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                        size_t from, pz__regex_span *spans, uint32_t span_count,
                        uint64_t step_limit, uint64_t *steps, bool *found);

/* Translate and compile; regex->pcre stays NULL if PCRE2 finds the pattern too large, which is no
 * failure. PZ_ERR_NOMEM. */
pz_status pz__regex_pcre_compile(pz__regex *regex, const pz__regex_tree *tree, bool jit);
void pz__regex_pcre_free(pz__regex *regex);
/* The translation, for tests. */
void pz__regex_pcre_pattern(pz__buf *out, const pz__regex_tree *tree);

typedef enum pz__regex_verdict { PZ__RV_NO, PZ__RV_YES, PZ__RV_GAVE_UP } pz__regex_verdict;
/* GAVE_UP for a limit, for text that is not UTF-8, for want of memory: ask the second matcher. */
pz__regex_verdict pz__regex_pcre_match(const pz__regex *regex, pz__regex_scratch *scratch,
                                       pz_str text, size_t from, pz__regex_span *spans,
                                       uint32_t span_count);
void pz__regex_pcre_scratch_clear(pz__regex_scratch *scratch);

#endif
