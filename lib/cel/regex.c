/*
 * regex.c: a compiled pattern as a whole, and which matcher answers.
 *
 *      text                          matches                    find
 *      at most BACKTRACK_TEXT_MAX    PCRE2; if it gives up,     the same, but for patterns that
 *                                    the second matcher         loop on the empty text
 *      longer                        the second matcher         the second matcher
 *
 * Who answers never shows: both give RE2's answer, and what a search takes from its budget is told
 * from pattern, text and result alone. For a long text that is what the second matcher counts,
 * since nobody else is asked; for a short one it is length times program, the most it could have
 * counted, since PCRE2 counts otherwise, and differently with JIT and without.
 *
 * A pattern with an unbounded repeat around what can be empty, such as (a*)*, is one that RE2 and
 * PCRE2 disagree about: not whether it matches, but what its groups hold. For those, find never
 * asks PCRE2.
 *
 * A regex is one block (head, sets, ranges, program) besides what PCRE2 keeps. In an arena the same
 * code runs over an allocator that never frees.
 */
#include "cel/regex_inner.h"

#include <stdio.h>

static void *arena_realloc(void *payload, void *ptr, size_t old_size, size_t new_size)
{
    if (new_size == 0)
        return NULL;
    void *piece = pz__arena_new(payload, new_size);
    if (piece && ptr)
        memcpy(piece, ptr, old_size < new_size ? old_size : new_size);
    return piece;
}

static pz_alloc alloc_in(pz__arena *arena)
{
    return (pz_alloc){arena_realloc, arena};
}

/* ---- compiling ---- */

/* Copy what the matchers read into one block. Limits of the parts keep the sum small. */
static pz__regex *gather(const pz_alloc *alloc, const pz__regex_tree *tree,
                         const pz__regex_plan *plan)
{
    size_t sets = tree->set_count * sizeof(pz__regex_set);
    size_t ranges = tree->range_count * sizeof(pz__regex_range);
    size_t program = plan->ins_count * sizeof(pz__regex_ins);
    size_t size = sizeof(pz__regex) + sets + ranges + program;
    char *block = pz__mem_zero(alloc, 1, size);
    if (!block)
        return NULL;
    pz__regex *regex = (pz__regex *)(void *)block;
    char *place = block + sizeof *regex;
    if (sets)
        memcpy(place, tree->sets, sets);
    regex->sets = (const pz__regex_set *)(void *)place;
    place += sets;
    if (ranges)
        memcpy(place, tree->ranges, ranges);
    regex->ranges = (const pz__regex_range *)(void *)place;
    place += ranges;
    memcpy(place, plan->program, program);
    regex->program = (const pz__regex_ins *)(void *)place;
    regex->alloc = *alloc;
    regex->size = size;
    regex->ins_count = plan->ins_count;
    regex->group_count = tree->group_count;
    regex->is_anchored = plan->is_anchored;
    regex->may_be_empty = tree->root->may_be_empty;
    regex->loops_on_empty = tree->loops_on_empty;
    memcpy(regex->first_bytes, plan->first_bytes, sizeof regex->first_bytes);
    return regex;
}

/* `scratch` holds the tree for as long as this takes. */
static pz_status compile(pz__arena *scratch, const pz_alloc *alloc, bool jit, pz__regex **out,
                         pz_str pattern, pz__regex_error *error)
{
    pz__regex_tree tree = {.arena = scratch};
    pz__regex_plan plan;
    *out = NULL;
    if (error)
        *error = (pz__regex_error){0};
    pz_status status = pz__regex_parse(&tree, pattern, error);
    if (status != PZ_OK)
        return status;
    status = pz__regex_make_plan(&tree, &plan);
    if (status == PZ_ERR_LIMIT && error)
        snprintf(error->message, sizeof error->message,
                 "with its repeats written out the pattern has more than %u steps; lower a count",
                 PZ__REGEX_PROGRAM_MAX);
    if (status != PZ_OK)
        return status;
    pz__regex *regex = gather(alloc, &tree, &plan);
    if (!regex)
        return PZ_ERR_NOMEM;
    status = pz__regex_pcre_compile(regex, &tree, jit);
    if (status != PZ_OK) {
        pz__regex_free(regex);
        return status;
    }
    *out = regex;
    return PZ_OK;
}

pz_status pz__regex_compile(const pz_alloc *alloc, pz__regex **out, pz_str pattern,
                            pz__regex_error *error)
{
    pz_alloc owner = pz__alloc_or_default(alloc);
    pz__arena scratch;
    pz__arena_init(&scratch, &owner, 0);
    pz_status status = compile(&scratch, &owner, true, out, pattern, error);
    pz__arena_clear(&scratch);
    return status;
}

pz_status pz__regex_build(pz__arena *arena, const pz__regex **out, pz_str pattern,
                          pz__regex_error *error)
{
    pz_alloc inside = alloc_in(arena);
    pz__arena scratch;
    pz__regex *regex;
    pz__arena_init(&scratch, &arena->alloc, 0);
    pz_status status = compile(&scratch, &inside, false, &regex, pattern, error);
    pz__arena_clear(&scratch);
    *out = regex;
    return status;
}

static void drop(void *regex)
{
    pz__regex_free(regex);
}

pz_status pz__regex_own(pz__arena *arena, const pz__regex **out, pz_str pattern,
                        pz__regex_error *error)
{
    pz__regex *regex;
    *out = NULL;
    pz_status status = pz__regex_compile(&arena->alloc, &regex, pattern, error);
    if (status != PZ_OK)
        return status;
    if (!pz__arena_own(arena, drop, regex))
        return PZ_ERR_NOMEM;
    *out = regex;
    return PZ_OK;
}

void pz__regex_free(pz__regex *regex)
{
    if (!regex)
        return;
    pz__regex_pcre_free(regex);
    pz_alloc alloc = regex->alloc;
    pz__mem_free(&alloc, regex, regex->size, 1);
}

uint32_t pz__regex_group_count(const pz__regex *regex)
{
    return regex->group_count;
}

/* Each character takes at most two looks at each instruction: one to reach it, one to leave it. */
static uint64_t greatest_work(const pz__regex *regex, size_t text_len)
{
    return 2 * (uint64_t)regex->ins_count * ((uint64_t)text_len + 1);
}

uint32_t pz__regex_cost(const pz__regex *regex, size_t text_len)
{
    if (text_len >= UINT32_MAX)
        return UINT32_MAX;
    uint64_t steps = 1 + greatest_work(regex, text_len) / 64;
    return steps < UINT32_MAX ? (uint32_t)steps : UINT32_MAX;
}

/* ---- scratch ---- */

void pz__regex_scratch_init(pz__regex_scratch *scratch, const pz_alloc *alloc)
{
    *scratch = (pz__regex_scratch){.alloc = pz__alloc_or_default(alloc)};
}

void pz__regex_scratch_in(pz__regex_scratch *scratch, pz__arena *arena)
{
    *scratch = (pz__regex_scratch){.alloc = alloc_in(arena)};
}

void pz__regex_scratch_clear(pz__regex_scratch *scratch)
{
    pz__regex_pcre_scratch_clear(scratch);
    pz__mem_free(&scratch->alloc, scratch->memory, scratch->memory_size, 1);
    scratch->memory = NULL;
    scratch->memory_size = 0;
}

/* ---- matching ---- */

pz_status pz__regex_matches(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                            bool *out)
{
    pz__regex_verdict verdict = PZ__RV_GAVE_UP;
    uint64_t steps;
    if (text.len <= PZ__REGEX_BACKTRACK_TEXT_MAX)
        verdict = pz__regex_pcre_match(regex, scratch, text, 0, NULL, 0);
    *out = verdict == PZ__RV_YES;
    if (verdict != PZ__RV_GAVE_UP)
        return PZ_OK;
    return pz__regex_nfa(regex, scratch, text, 0, NULL, 0, UINT64_MAX, &steps, out);
}

/* A text that PCRE2 may be asked about. What it takes is told beforehand. */
static pz_status find_in_short(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                               size_t from, pz__regex_span *spans, uint32_t span_count,
                               uint64_t *budget, bool *found)
{
    uint64_t work = greatest_work(regex, text.len - from);
    if (work > *budget)
        return PZ_ERR_LIMIT;
    *budget -= work;
    pz__regex_verdict verdict = PZ__RV_GAVE_UP;
    if (!regex->loops_on_empty)
        verdict = pz__regex_pcre_match(regex, scratch, text, from, spans, span_count);
    *found = verdict == PZ__RV_YES;
    if (verdict != PZ__RV_GAVE_UP)
        return PZ_OK;
    return pz__regex_nfa(regex, scratch, text, from, spans, span_count, UINT64_MAX, &work, found);
}

pz_status pz__regex_find(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                         size_t from, pz__regex_span *spans, uint32_t span_count, uint64_t *budget,
                         bool *found)
{
    *found = false;
    if (text.len <= PZ__REGEX_BACKTRACK_TEXT_MAX)
        return find_in_short(regex, scratch, text, from, spans, span_count, budget, found);
    uint64_t steps = 0;
    pz_status status =
        pz__regex_nfa(regex, scratch, text, from, spans, span_count, *budget, &steps, found);
    if (status == PZ_OK && steps > *budget)
        status = PZ_ERR_LIMIT;
    if (status != PZ_OK)
        *found = false;
    *budget -= steps < *budget ? steps : *budget;
    return status;
}

/* The next place to look at behind `at`, where an empty match was passed over. */
static size_t behind_character(pz_str text, size_t at)
{
    size_t len = 1;
    if (at < text.len)
        pz__utf8_decode(text.data + at, text.len - at, &len);
    return at + len;
}

pz_status pz__regex_next(const pz__regex *regex, pz__regex_scratch *scratch, pz_str text,
                         pz__regex_walk *walk, pz__regex_span *spans, uint32_t span_count,
                         bool *found)
{
    *found = false;
    while (walk->from <= text.len) {
        pz_status status = pz__regex_find(regex, scratch, text, walk->from, spans, span_count,
                                          &walk->budget, found);
        if (status != PZ_OK || !*found)
            return status;
        pz__regex_span match = spans[0];
        bool is_empty = match.start == match.end;
        bool is_passed_over = is_empty && match.start == walk->last_end;
        walk->last_end = match.end;
        walk->from = is_empty ? behind_character(text, match.end) : match.end;
        if (!is_passed_over)
            return PZ_OK;
    }
    *found = false;
    return PZ_OK;
}
