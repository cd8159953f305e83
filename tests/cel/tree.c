/* tree.c: see tree.h. */
#include "cel/tree.h"

#include "cel/cel.h"

static bool same_constant(pz_value a, pz_value b)
{
    if (a.kind != b.kind)
        return false;
    if (a.kind == PZ_DOUBLE)
        return memcmp(&a.as.d, &b.as.d, sizeof a.as.d) == 0;
    return pz_value_equal(a, b);
}

static bool is_quoted(const pz__expr *e)
{
    return e->kind == PZ__E_SELECT && e->name_end - e->name_at != e->name.len;
}

static bool same_parts(const pz__expr *a, const pz__expr *b)
{
    if (!a->target != !b->target || (a->target && !tree_same(a->target, b->target)) ||
        a->count != b->count)
        return false;
    for (uint32_t i = 0; i < a->count; i++)
        if (!tree_same(a->args[i], b->args[i]))
            return false;
    return true;
}

bool tree_same(const pz__expr *a, const pz__expr *b)
{
    if (a->kind != b->kind || a->absolute != b->absolute || a->test_only != b->test_only ||
        a->is_operator != b->is_operator || a->optional != b->optional || a->spread != b->spread ||
        is_quoted(a) != is_quoted(b))
        return false;
    if (a->kind == PZ__E_CONST)
        return same_constant(a->constant, b->constant);
    if (a->kind == PZ__E_MACRO && (a->macro != b->macro || !pz__str_equal(a->second, b->second)))
        return false;
    return pz__str_equal(a->name, b->name) && same_parts(a, b);
}

static const pz__expr *parse(pz__arena *arena, pz_str source, bool no_macros)
{
    pz__issue_sink sink = {.arena = arena};
    const pz__parse_options options = {.no_macros = no_macros};
    return pz__parse(arena, arena, source, &options, &sink);
}

static bool prints_alike(pz_str text, bool no_macros)
{
    pz__buf again;
    pz__buf_init(&again, NULL, 1u << 20);
    bool alike = pz__cel_canonical(&again, text, no_macros) == PZ_OK && again.len == text.len &&
                 memcmp(again.data, text.data, text.len) == 0;
    pz__buf_clear(&again);
    return alike;
}

static tree_trip trip(pz__arena *arena, pz_str source, bool no_macros, pz__buf *out)
{
    const pz__expr *before = parse(arena, source, no_macros);
    if (!before)
        return TREE_UNREADABLE;
    if (pz__cel_canonical(out, source, no_macros) != PZ_OK)
        return TREE_REFUSED;
    const pz_str text = {out->data, out->len};
    const pz__expr *after = parse(arena, text, no_macros);
    if (!after)
        return TREE_REFUSED;
    if (!tree_same(before, after))
        return TREE_CHANGED;
    return prints_alike(text, no_macros) ? TREE_KEPT : TREE_UNSTEADY;
}

tree_trip tree_trip_of(pz_str source, bool no_macros, pz__buf *out)
{
    pz__arena arena;
    pz__arena_init(&arena, NULL, 0);
    tree_trip result = trip(&arena, source, no_macros, out);
    pz__arena_clear(&arena);
    return result;
}
