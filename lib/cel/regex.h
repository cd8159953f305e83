/*
 * regex.h: regular expressions of the rule language: RE2's syntax and RE2's answers.
 *
 * A pattern is compiled once and then read by any number of threads; what a match needs besides is
 * in a scratch that each thread brings along. PCRE2 (with its JIT where the owner can free machine
 * code) answers for short texts; a matcher that never goes back answers for long ones, and whenever
 * PCRE2 meets a limit. Both read the same syntax tree and give the same answer, so which of them
 * was asked never shows.
 *
 *      regex_parse.c   pattern to tree: the grammar, what is refused and why
 *      regex_class.c   sets of code points: ranges, \p{..}, [:alpha:], case
 *      regex_plan.c    tree to a program for the second matcher
 *      regex_nfa.c     runs that program, linear in the text
 *      regex_pcre.c    tree to PCRE2; the only file that includes pcre2.h
 *      regex.c         ownership, and which matcher is asked
 *
 * To give the language `matches`:
 *      a constant pattern is compiled with the expression (pz__regex_own), a computed one when
 *      evaluated (pz__regex_build);
 *      charge pz__regex_cost(regex, text.len) steps, so that a costly pair of pattern and text is
 *      refused by its size and not by the clock; then pz__regex_matches with a scratch in the
 *      activation's arena (pz__regex_scratch_in; take an arena mark before, return to it after).
 * To give it regex.extract, extractAll and replace: pz__regex_next in a loop, one budget for all.
 */
#ifndef PZ_CEL_REGEX_H
#define PZ_CEL_REGEX_H

#include "base/arena.h"
#include "base/str.h"

/* Limits of a pattern, each with an error of its own. */
#define PZ__REGEX_PATTERN_MAX (16u << 10) /* bytes */
#define PZ__REGEX_DEPTH_MAX 128u          /* groups inside groups */
#define PZ__REGEX_REPEAT_MAX 1000u        /* a count, and the product of counts inside each other */
#define PZ__REGEX_GROUPS_MAX 255u         /* groups that capture */
#define PZ__REGEX_PROGRAM_MAX 10000u      /* instructions after repeats are written out */
#define PZ__REGEX_RANGES_MAX 32768u       /* ranges of all its character classes */
/* Longest text PCRE2 is asked about: its time may grow with the square of the length. */
#define PZ__REGEX_BACKTRACK_TEXT_MAX 2048u
/* Spans that pz__regex_find gives: the match and its first nine groups, \1 to \9. */
#define PZ__REGEX_SPANS_MAX 10u
/* What one extract or replace may take, in instructions of the second matcher. */
#define PZ__REGEX_BUDGET (UINT64_C(1) << 26)

/* Immutable once made. */
typedef struct pz__regex pz__regex;

typedef struct pz__regex_error {
    uint32_t offset; /* byte of the pattern */
    char message[192];
} pz__regex_error;

/*
 * Compile a pattern. `error` (may be NULL) is filled for PZ_ERR_PARSE (not RE2's syntax, or no
 * UTF-8) and PZ_ERR_LIMIT; else PZ_ERR_NOMEM. pz__regex_free gives everything back; the memory
 * comes from `alloc` (NULL: the heap), which must outlive the regex.
 */
pz_status pz__regex_compile(const pz_alloc *alloc, pz__regex **out, pz_str pattern,
                            pz__regex_error *error);
void pz__regex_free(pz__regex *regex);
/* The same, owned by the arena: it goes when what is made there now goes. */
pz_status pz__regex_own(pz__arena *arena, const pz__regex **out, pz_str pattern,
                        pz__regex_error *error);
/* The same in an arena, nothing to free: without JIT, since machine code is not the arena's to
 * drop. */
pz_status pz__regex_build(pz__arena *arena, const pz__regex **out, pz_str pattern,
                          pz__regex_error *error);

/* True if PCRE2 runs it as machine code. Compiling is silent about a system that permits none: the
 * answers are the same, only slower. */
bool pz__regex_is_native(const pz__regex *regex);
/* Groups that capture. */
uint32_t pz__regex_group_count(const pz__regex *regex);
/* Steps to charge for one pz__regex_matches on a text of that length: at most 64 instructions of
 * the second matcher each. At least 1. */
uint32_t pz__regex_cost(const pz__regex *regex, size_t text_len);

/* What matching needs at hand. One thread at a time; must not move while in use. Any number of
 * regexes may share one, and once it has grown to their needs matching allocates nothing. */
typedef struct pz__regex_scratch {
    pz_alloc alloc;
    void *match_data; /* PCRE2's */
    uint32_t pair_count;
    void *memory; /* the second matcher's */
    size_t memory_size;
} pz__regex_scratch;

void pz__regex_scratch_init(pz__regex_scratch *scratch, const pz_alloc *alloc);
void pz__regex_scratch_clear(pz__regex_scratch *scratch);
/* A scratch whose memory is the arena's: never cleared, gone when the arena returns to a mark. */
void pz__regex_scratch_in(pz__regex_scratch *scratch, pz__arena *arena);

/* True if some part of the text matches. PZ_OK or PZ_ERR_NOMEM, whatever pattern and text. */
pz_status pz__regex_matches(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                            bool *out);

/* Bytes start to end of the text; both PZ__REGEX_NO_SPAN for a group that took no part. */
typedef struct pz__regex_span {
    size_t start, end;
} pz__regex_span;
#define PZ__REGEX_NO_SPAN SIZE_MAX

/*
 * The leftmost match that begins at or after byte `from` (a boundary between characters, at most
 * text.len), chosen among those of the same beginning as RE2 (and Perl) do: first alternative,
 * greedy or lazy as written. What stands before `from` is still seen by ^ and \b. spans[0] is the
 * match, spans[i] its group i; at most PZ__REGEX_SPANS_MAX of them.
 *
 * `budget` is lessened by what the search takes, as counted from pattern and text alone;
 * PZ_ERR_LIMIT once it does not suffice, on every machine alike. PZ_ERR_NOMEM.
 */
pz_status pz__regex_find(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                         size_t from, pz__regex_span *spans, uint32_t span_count, uint64_t *budget,
                         bool *found);

/*
 * All matches one after the other: begin with {0, PZ__REGEX_NO_SPAN, PZ__REGEX_BUDGET}. Matches do
 * not overlap, and an empty one right at the end of the one before is passed over.
 */
typedef struct pz__regex_walk {
    size_t from;
    size_t last_end;
    uint64_t budget;
} pz__regex_walk;
#define PZ__REGEX_WALK_INIT                                                                        \
    {                                                                                              \
        0, PZ__REGEX_NO_SPAN, PZ__REGEX_BUDGET                                                     \
    }

pz_status pz__regex_next(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                         pz__regex_walk *walk, pz__regex_span *spans, uint32_t span_count,
                         bool *found);

#endif
