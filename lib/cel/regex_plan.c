/*
 * regex_plan.c: a tree to the program of the second matcher.
 *
 *      x|y        SPLIT a, b   a: x  JUMP end   b: y   end:
 *      x?         SPLIT a, end   a: x   end:
 *      x+         a: x  SPLIT a, end   end:
 *      x*         a: SPLIT b, end   b: x   JUMP a   end:      or (x+)? where x can be empty
 *      x{2,4}     x x SPLIT a, end   a: x SPLIT b, end   b: x   end:
 *      x{2,}      x x+
 *      (x)        SAVE 2n  x  SAVE 2n+1
 *
 * The first target of SPLIT is tried first; a lazy repeat has them the other way round. An x that
 * can be empty needs a SPLIT of its own to enter x*: coming back to the one it entered by, a place
 * that has been visited, it would be lost, and the empty match come out behind others that RE2 (and
 * Perl) try later. These shapes are RE2's: where a loop takes nothing, they tell what groups hold.
 *
 * Repeats are written out, so the length of the program is bounded here and with it the time that
 * one character of text can take. Also found here: whether a match can only begin at the beginning
 * of the text, and which bytes it can begin with, so that most of a text can be skipped.
 */
#include "cel/regex_inner.h"

typedef struct planner {
    const pz__regex_tree *tree;
    pz__regex_ins *program;
    uint32_t count, cap;
    pz_status status;
} planner;

/* Append an instruction; its index. After a failure index 0 is overwritten, and nobody looks. */
static uint32_t emit(planner *pl, pz__regex_op op, uint32_t x, uint32_t y)
{
    if (pl->status != PZ_OK)
        return 0;
    if (pl->count == PZ__REGEX_PROGRAM_MAX) {
        pl->status = PZ_ERR_LIMIT;
        return 0;
    }
    if (pl->count == pl->cap) {
        uint32_t cap = pl->cap ? pl->cap * 2 : 64;
        pz__regex_ins *wider = pz__arena_array(pl->tree->arena, cap, sizeof *wider);
        if (!wider) {
            pl->status = PZ_ERR_NOMEM;
            return 0;
        }
        if (pl->count)
            memcpy(wider, pl->program, pl->count * sizeof *wider);
        pl->program = wider;
        pl->cap = cap;
    }
    pl->program[pl->count] = (pz__regex_ins){op, x, y};
    return pl->count++;
}

/* Let the SPLIT at `at` go to `body` first, or to `end` first if lazy. */
static void aim(planner *pl, uint32_t at, bool lazy, uint32_t body, uint32_t end)
{
    if (pl->status != PZ_OK)
        return;
    pl->program[at].x = lazy ? end : body;
    pl->program[at].y = lazy ? body : end;
}

static void plan_node(planner *pl, const pz__regex_node *node);

static void plan_either(planner *pl, const pz__regex_node *node)
{
    /* The jumps to the end are chained through their targets until the end is known. */
    uint32_t chain = UINT32_MAX;
    for (const pz__regex_node *child = node->first; child; child = child->next) {
        uint32_t split = child->next ? emit(pl, PZ__RI_SPLIT, 0, 0) : 0;
        plan_node(pl, child);
        if (!child->next)
            break;
        chain = emit(pl, PZ__RI_JUMP, chain, 0);
        aim(pl, split, false, split + 1, pl->count);
    }
    while (pl->status == PZ_OK && chain != UINT32_MAX) {
        uint32_t before = pl->program[chain].x;
        pl->program[chain].x = pl->count;
        chain = before;
    }
}

static void plan_plus(planner *pl, const pz__regex_node *repeat)
{
    uint32_t start = pl->count;
    plan_node(pl, repeat->first);
    uint32_t split = emit(pl, PZ__RI_SPLIT, 0, 0);
    aim(pl, split, repeat->lazy, start, split + 1);
}

static void plan_star(planner *pl, const pz__regex_node *repeat)
{
    uint32_t split = emit(pl, PZ__RI_SPLIT, 0, 0);
    if (repeat->first->may_be_empty) {
        plan_plus(pl, repeat);
    } else {
        plan_node(pl, repeat->first);
        emit(pl, PZ__RI_JUMP, split, 0);
    }
    aim(pl, split, repeat->lazy, split + 1, pl->count);
}

/* x? inside x? inside x?, all leaving to the same end. */
static void plan_options(planner *pl, const pz__regex_node *repeat, uint32_t count)
{
    uint32_t chain = UINT32_MAX;
    for (uint32_t i = 0; i < count && pl->status == PZ_OK; i++) {
        chain = emit(pl, PZ__RI_SPLIT, chain, 0);
        plan_node(pl, repeat->first);
    }
    while (pl->status == PZ_OK && chain != UINT32_MAX) {
        uint32_t before = pl->program[chain].x;
        aim(pl, chain, repeat->lazy, chain + 1, pl->count);
        chain = before;
    }
}

static void plan_repeat(planner *pl, const pz__regex_node *node)
{
    bool is_open = node->high == PZ__RE_NO_BOUND;
    if (is_open && node->low == 0) {
        plan_star(pl, node);
        return;
    }
    for (uint32_t i = is_open; i < node->low && pl->status == PZ_OK; i++)
        plan_node(pl, node->first);
    if (is_open)
        plan_plus(pl, node);
    else
        plan_options(pl, node, node->high - node->low);
}

static void plan_node(planner *pl, const pz__regex_node *node)
{
    if (pl->status != PZ_OK)
        return;
    switch ((pz__regex_kind)node->kind) {
    case PZ__RE_EMPTY:
        return;
    case PZ__RE_CHAR:
        emit(pl, PZ__RI_CHAR, node->low, 0);
        return;
    case PZ__RE_SET:
        emit(pl, PZ__RI_SET, node->low, 0);
        return;
    case PZ__RE_GROUP:
        emit(pl, PZ__RI_SAVE, 2 * node->low, 0);
        plan_node(pl, node->first);
        emit(pl, PZ__RI_SAVE, 2 * node->low + 1, 0);
        return;
    case PZ__RE_CONCAT:
        for (const pz__regex_node *child = node->first; child; child = child->next)
            plan_node(pl, child);
        return;
    case PZ__RE_EITHER:
        plan_either(pl, node);
        return;
    case PZ__RE_REPEAT:
        plan_repeat(pl, node);
        return;
    default:
        emit(pl, PZ__RI_ASSERT, node->kind, 0);
    }
}

/* ---- where a match can begin ---- */

/* True if whatever matches the node begins at the beginning of the text. */
static bool is_anchored(const pz__regex_node *node)
{
    switch ((pz__regex_kind)node->kind) {
    case PZ__RE_TEXT_START:
        return true;
    case PZ__RE_GROUP:
    case PZ__RE_CONCAT:
        return is_anchored(node->first);
    case PZ__RE_REPEAT:
        return node->low > 0 && is_anchored(node->first);
    case PZ__RE_EITHER:
        for (const pz__regex_node *child = node->first; child; child = child->next)
            if (!is_anchored(child))
                return false;
        return true;
    default:
        return false;
    }
}

static uint8_t lead_byte(uint32_t c)
{
    char bytes[4];
    pz__utf8_encode(c, bytes);
    return (uint8_t)bytes[0];
}

static void add_leads(uint64_t bytes[4], uint32_t first, uint32_t last)
{
    for (uint32_t lead = lead_byte(first); lead <= lead_byte(last); lead++)
        bytes[lead / 64] |= UINT64_C(1) << lead % 64;
    /* Bytes that are no UTF-8 read as U+FFFD; any byte above ASCII may be one. */
    if (first <= PZ__UTF8_REPLACEMENT && PZ__UTF8_REPLACEMENT <= last)
        bytes[2] = bytes[3] = UINT64_MAX;
}

static void add_first(const pz__regex_tree *tree, const pz__regex_node *node, uint64_t bytes[4])
{
    if (node->kind == PZ__RE_CHAR)
        add_leads(bytes, node->low, node->low);
    if (node->kind == PZ__RE_SET)
        for (uint32_t i = 0; i < tree->sets[node->low].count; i++) {
            pz__regex_range range = tree->ranges[tree->sets[node->low].start + i];
            add_leads(bytes, range.first, range.last);
        }
    for (const pz__regex_node *child = node->first; child; child = child->next) {
        add_first(tree, child, bytes);
        if (node->kind == PZ__RE_CONCAT && !child->may_be_empty)
            return;
    }
}

pz_status pz__regex_make_plan(const pz__regex_tree *tree, pz__regex_plan *plan)
{
    planner pl = {.tree = tree};
    *plan = (pz__regex_plan){0};
    plan_node(&pl, tree->root);
    emit(&pl, PZ__RI_MATCH, 0, 0);
    if (pl.status != PZ_OK)
        return pl.status;
    plan->program = pl.program;
    plan->ins_count = pl.count;
    plan->is_anchored = is_anchored(tree->root);
    add_first(tree, tree->root, plan->first_bytes);
    return PZ_OK;
}
