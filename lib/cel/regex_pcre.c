/*
 * regex_pcre.c: the matcher for short texts. The only file that includes pcre2.h.
 *
 * The tree is written out again as a pattern that means the same to PCRE2 in UTF mode whatever its
 * version and the Unicode tables it was built with: classes, properties and case are ranges by now,
 * $ without (?m) is \z, and options settle the rest:
 *
 *      MULTILINE, newline LF     ^ and $ are only written for (?m)
 *      ALT_CIRCUMFLEX            (?m)^ holds behind a final newline too, as in RE2
 *      DOTALL                    a dot is only written for the set of everything
 *
 * \b is the one thing left to PCRE2's own tables: without UCP it is ASCII, as in RE2.
 *
 * PCRE2 goes back, so its time is not bounded by the length of the text. It is therefore only a
 * faster way for what is usual: short texts, few steps from each beginning. Whatever is beyond,
 * and every other failure, is answered by giving up, and the other matcher takes over. A pattern
 * that PCRE2 will not compile (its code is at most 64 KiB) is no failure either. A group inside
 * {0}, whose number must be kept although it never takes part, is not translated at all:
 * PCRE2 10.42 lets an anchor in there count.
 *
 * Memory goes through a pz_alloc; blocks carry their size in front, for PCRE2 frees without one.
 * Machine code of the JIT is the exception: it lies in pages that PCRE2 maps by itself. The match
 * context is constant once made and shared by all threads; the match data belongs to the scratch.
 */
#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

#include "cel/regex_inner.h"

/* Steps from one beginning. A match that takes more is left to the other matcher. */
#define MATCH_LIMIT 5000u
#define HEAP_LIMIT_KIB 4096u
/* Longest translation worth trying; what is longer compiles to more than PCRE2 takes. */
#define TRANSLATION_MAX (128u << 10)

#define OPTIONS                                                                                    \
    (PCRE2_UTF | PCRE2_NO_UTF_CHECK | PCRE2_MULTILINE | PCRE2_ALT_CIRCUMFLEX | PCRE2_DOTALL |      \
     PCRE2_NEVER_BACKSLASH_C)

/* ---- memory ---- */

/* Stands before each block; keeps the alignment. */
typedef union header {
    size_t size;
    max_align_t align;
} header;

static void *take(PCRE2_SIZE size, void *payload)
{
    const pz_alloc *alloc = payload;
    size_t total;
    if (!pz__size_add(size, sizeof(header), &total))
        return NULL;
    header *block = pz__mem_new(alloc, 1, total);
    if (!block)
        return NULL;
    block->size = total;
    return block + 1;
}

static void give_back(void *ptr, void *payload)
{
    const pz_alloc *alloc = payload;
    if (!ptr)
        return;
    header *block = (header *)ptr - 1;
    pz__mem_free(alloc, block, block->size, 1);
}

/* ---- translation ---- */

/* A character that stands for itself, in a class or outside. */
static void put_char(pz__buf *out, uint32_t c)
{
    char bytes[4];
    bool is_alnum = (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
    if (c < 0x20 || c == 0x7f) {
        pz__buf_format(out, "\\x{%u%c}", c >> 4, "0123456789abcdef"[c & 15]);
        return;
    }
    if (c < 0x80 && !is_alnum)
        pz__buf_byte(out, '\\');
    pz__buf_put(out, bytes, pz__utf8_encode(c, bytes));
}

static void put_range(pz__buf *out, uint32_t first, uint32_t last)
{
    put_char(out, first);
    if (last == first)
        return;
    if (last > first + 1)
        pz__buf_byte(out, '-');
    put_char(out, last);
}

/* What is between the ranges; surrogates, which are never in a set, do not count. */
static void put_gaps(pz__buf *out, const pz__regex_range *ranges, uint32_t count)
{
    uint32_t next = 0;
    for (uint32_t i = 0; i < count; i++) {
        if (ranges[i].first > next && next != 0xd800)
            put_range(out, next, ranges[i].first - 1);
        next = ranges[i].last + 1;
    }
}

static bool is_everything(const pz__regex_range *ranges, uint32_t count)
{
    return count == 2 && ranges[0].first == 0 && ranges[0].last == 0xd7ff &&
           ranges[1].first == 0xe000 && ranges[1].last == PZ__CODE_POINT_MAX;
}

static void put_set(pz__buf *out, const pz__regex_tree *tree, const pz__regex_set *set)
{
    if (set->count == 0) {
        pz__buf_text(out, "(?!)");
        return;
    }
    const pz__regex_range *ranges = tree->ranges + set->start;
    if (is_everything(ranges, set->count)) {
        pz__buf_byte(out, '.');
        return;
    }
    bool is_negated = ranges[set->count - 1].last == PZ__CODE_POINT_MAX;
    pz__buf_text(out, is_negated ? "[^" : "[");
    if (is_negated)
        put_gaps(out, ranges, set->count);
    for (uint32_t i = 0; !is_negated && i < set->count; i++)
        put_range(out, ranges[i].first, ranges[i].last);
    pz__buf_byte(out, ']');
}

static void put_node(pz__buf *out, const pz__regex_tree *tree, const pz__regex_node *node);

/* The node as one item that a repeat or a sequence may hold. */
static void put_item(pz__buf *out, const pz__regex_tree *tree, const pz__regex_node *node)
{
    bool is_item = node->kind == PZ__RE_CHAR || node->kind == PZ__RE_GROUP ||
                   (node->kind == PZ__RE_SET && tree->sets[node->low].count > 0);
    pz__buf_text(out, is_item ? "" : "(?:");
    put_node(out, tree, node);
    pz__buf_text(out, is_item ? "" : ")");
}

static void put_repeat(pz__buf *out, const pz__regex_tree *tree, const pz__regex_node *node)
{
    put_item(out, tree, node->first);
    if (node->high == PZ__RE_NO_BOUND && node->low <= 1)
        pz__buf_byte(out, node->low ? '+' : '*');
    else if (node->high == PZ__RE_NO_BOUND)
        pz__buf_format(out, "{%u,}", node->low);
    else
        pz__buf_format(out, "{%u,%u}", node->low, node->high);
    if (node->lazy)
        pz__buf_byte(out, '?');
}

static void put_children(pz__buf *out, const pz__regex_tree *tree, const pz__regex_node *node)
{
    bool is_either = node->kind == PZ__RE_EITHER;
    for (const pz__regex_node *child = node->first; child; child = child->next) {
        bool is_wrapped = !is_either && child->kind == PZ__RE_EITHER;
        if (is_wrapped)
            put_item(out, tree, child);
        else
            put_node(out, tree, child);
        if (is_either && child->next)
            pz__buf_byte(out, '|');
    }
}

static void put_node(pz__buf *out, const pz__regex_tree *tree, const pz__regex_node *node)
{
    static const char *const edges[] = {
        [PZ__RE_TEXT_START] = "\\A", [PZ__RE_TEXT_END] = "\\z",  [PZ__RE_LINE_START] = "^",
        [PZ__RE_LINE_END] = "$",     [PZ__RE_WORD_EDGE] = "\\b", [PZ__RE_NO_WORD_EDGE] = "\\B"};
    switch ((pz__regex_kind)node->kind) {
    case PZ__RE_EMPTY:
        return;
    case PZ__RE_CHAR:
        put_char(out, node->low);
        return;
    case PZ__RE_SET:
        put_set(out, tree, &tree->sets[node->low]);
        return;
    case PZ__RE_GROUP:
        pz__buf_byte(out, '(');
        put_node(out, tree, node->first);
        pz__buf_byte(out, ')');
        return;
    case PZ__RE_CONCAT:
    case PZ__RE_EITHER:
        put_children(out, tree, node);
        return;
    case PZ__RE_REPEAT:
        put_repeat(out, tree, node);
        return;
    default:
        pz__buf_text(out, edges[node->kind]);
    }
}

void pz__regex_pcre_pattern(pz__buf *out, const pz__regex_tree *tree)
{
    put_node(out, tree, tree->root);
}

/* ---- compiling ---- */

/*
 * Where PCRE2 looks first for a place at which a match could begin, it forgets that an assertion
 * deep in a pattern may hold without taking a character: /(?:a|)\n*?(?:\A|\n)/ is not found in "b"
 * by the JIT of 10.42. Only patterns whose assertions all stand at the top are searched that way.
 */
static uint32_t options_for(const pz__regex_node *root)
{
    const pz__regex_node *child = root->kind == PZ__RE_CONCAT ? root->first : root;
    for (; child; child = child->next)
        if (child->has_edge && child->first)
            return OPTIONS | PCRE2_NO_START_OPTIMIZE;
    return OPTIONS;
}

/* PZ_ERR_NOMEM, or PZ_OK with or without code. */
static pz_status compile(pz__regex *regex, const pz__buf *pattern, uint32_t options,
                         pcre2_general_context *general)
{
    int code = 0;
    PCRE2_SIZE offset;
    pcre2_compile_context *context = pcre2_compile_context_create(general);
    if (!context)
        return PZ_ERR_NOMEM;
    pcre2_set_newline(context, PCRE2_NEWLINE_LF);
    pcre2_match_context *limits = pcre2_match_context_create(general);
    if (limits) {
        pcre2_set_match_limit(limits, MATCH_LIMIT);
        pcre2_set_heap_limit(limits, HEAP_LIMIT_KIB);
        regex->pcre_context = limits;
        regex->pcre = pcre2_compile((PCRE2_SPTR)(pattern->data ? pattern->data : ""), pattern->len,
                                    options, &code, &offset, context);
    }
    pcre2_compile_context_free(context);
    return !limits || (!regex->pcre && code == PCRE2_ERROR_HEAP_FAILED) ? PZ_ERR_NOMEM : PZ_OK;
}

pz_status pz__regex_pcre_compile(pz__regex *regex, const pz__regex_tree *tree, bool jit)
{
    pz__buf pattern;
    if (tree->drops_group)
        return PZ_OK;
    pz__buf_init(&pattern, &regex->alloc, TRANSLATION_MAX);
    pz__regex_pcre_pattern(&pattern, tree);
    pcre2_general_context *general = NULL;
    pz_status status = pattern.status == PZ_ERR_NOMEM ? PZ_ERR_NOMEM : PZ_OK;
    if (pattern.status != PZ_OK)
        goto done;
    general = pcre2_general_context_create(take, give_back, &regex->alloc);
    status = general ? compile(regex, &pattern, options_for(tree->root), general) : PZ_ERR_NOMEM;
    /* Without machine code, for want of memory or of permission, PCRE2 interprets. */
    if (status == PZ_OK && regex->pcre && jit)
        (void)pcre2_jit_compile(regex->pcre, PCRE2_JIT_COMPLETE);
done:
    pcre2_general_context_free(general);
    pz__buf_clear(&pattern);
    if (status != PZ_OK)
        pz__regex_pcre_free(regex);
    return status;
}

bool pz__regex_is_native(const pz__regex *regex)
{
    size_t size = 0;
    return regex->pcre && pcre2_pattern_info(regex->pcre, PCRE2_INFO_JITSIZE, &size) == 0 &&
           size > 0;
}

void pz__regex_pcre_free(pz__regex *regex)
{
    pcre2_code_free(regex->pcre);
    pcre2_match_context_free(regex->pcre_context);
    regex->pcre = regex->pcre_context = NULL;
}

/* ---- matching ---- */

static bool take_match_data(pz__regex_scratch *scratch, uint32_t pair_count)
{
    if (scratch->match_data && scratch->pair_count >= pair_count)
        return true;
    pz__regex_pcre_scratch_clear(scratch);
    pcre2_general_context *general = pcre2_general_context_create(take, give_back, &scratch->alloc);
    if (!general)
        return false;
    scratch->match_data = pcre2_match_data_create(pair_count, general);
    scratch->pair_count = pair_count;
    pcre2_general_context_free(general);
    return scratch->match_data != NULL;
}

void pz__regex_pcre_scratch_clear(pz__regex_scratch *scratch)
{
    pcre2_match_data_free(scratch->match_data);
    scratch->match_data = NULL;
    scratch->pair_count = 0;
}

pz__regex_verdict pz__regex_pcre_match(const pz__regex *regex, pz__regex_scratch *scratch,
                                       pz_str text, size_t from, pz__regex_span *spans,
                                       uint32_t span_count)
{
    if (!regex->pcre || !take_match_data(scratch, span_count ? span_count : 1))
        return PZ__RV_GAVE_UP;
    int rc = pcre2_match(regex->pcre, (PCRE2_SPTR)(text.data ? text.data : ""), text.len, from, 0,
                         scratch->match_data, regex->pcre_context);
    if (rc == PCRE2_ERROR_NOMATCH)
        return PZ__RV_NO;
    if (rc < 0)
        return PZ__RV_GAVE_UP;
    const PCRE2_SIZE *ends = pcre2_get_ovector_pointer(scratch->match_data);
    for (uint32_t i = 0; i < span_count; i++) {
        bool took_part = rc == 0 || i < (uint32_t)rc;
        spans[i].start = took_part ? ends[2 * i] : PZ__REGEX_NO_SPAN;
        spans[i].end = took_part ? ends[2 * i + 1] : PZ__REGEX_NO_SPAN;
    }
    return PZ__RV_YES;
}
