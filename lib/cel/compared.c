/*
 * compared.c: comparisons with constants, as the environment is told of them.
 *
 * Whoever owns a name may know which values it can have. So each comparison of a slot with a
 * constant, by == != < <= > >= or `in`, is told while the expression is checked, with the span of
 * the constant; and so is one of an item of the list in a slot: x in slot, or the variable of a
 * macro that walks the slot. What to make of it is the environment's business: a comparison that
 * never holds is no mistake of the language.
 */
#include "cel/check.h"

/* What stands on the left and on the right of a constant; `relation` is that of the left. */
static const struct {
    const char *name;
    pz__relation_to relation, mirrored;
} relations[] = {
    {"_==_", PZ__TO_EQUAL, PZ__TO_EQUAL}, {"_!=_", PZ__TO_EQUAL, PZ__TO_EQUAL},
    {"_<_", PZ__TO_LESS, PZ__TO_GREATER}, {"_<=_", PZ__TO_AT_MOST, PZ__TO_AT_LEAST},
    {"_>_", PZ__TO_GREATER, PZ__TO_LESS}, {"_>=_", PZ__TO_AT_LEAST, PZ__TO_AT_MOST},
};

static bool is_slot(const pz__expr *expr)
{
    return expr->kind == PZ__E_SLOT && !expr->test_only;
}

/* The list whose items the variable takes; NULL if it is another variable. */
static const pz__expr *list_of(const pz__checker *ck, const pz__expr *local)
{
    const pz__scope *scope = ck->scope;
    while (scope && scope->number != local->index)
        scope = scope->up;
    return scope ? scope->items_of : NULL;
}

/* A slot, or the variable that takes the items of one. */
static bool find_subject(const pz__checker *ck, const pz__expr *expr, pz__compared *out)
{
    const pz__expr *slot = expr;
    if (expr->kind == PZ__E_LOCAL)
        slot = list_of(ck, expr);
    if (!slot || !is_slot(slot))
        return false;
    out->slot = slot->index;
    out->is_item = slot != expr;
    return true;
}

static void tell(const pz__checker *ck, pz__compared *comparison, pz_value constant,
                 const pz__expr *at)
{
    comparison->constant = constant;
    comparison->start = at->start;
    comparison->end = at->end;
    ck->env->compared(ck->env->self, comparison);
}

/* slot in [constants], or constant in slot. */
static void tell_in(const pz__checker *ck, const pz__expr *item, const pz__expr *list)
{
    pz__compared comparison = {.relation = PZ__TO_EQUAL};
    const pz_value v = list->constant;
    if (item->kind == PZ__E_CONST && is_slot(list)) {
        comparison.slot = list->index;
        comparison.is_item = true;
        tell(ck, &comparison, item->constant, item);
    } else if (list->kind == PZ__E_CONST && v.kind == PZ_LIST &&
               find_subject(ck, item, &comparison)) {
        /* The items of a list that is written out have places of their own. */
        const bool is_written = list->name.len == 0 && list->count == v.len;
        for (uint32_t i = 0; i < v.len; i++)
            tell(ck, &comparison, v.as.items[i], is_written ? list->args[i] : list);
    }
}

void pz__tell_compared(const pz__checker *ck, const pz__expr *call)
{
    if (!ck->env || !ck->env->compared || !call->is_operator || call->count != 2)
        return;
    if (pz__str_equal(call->name, PZ__STR("@in"))) {
        tell_in(ck, call->args[0], call->args[1]);
        return;
    }
    size_t row = 0;
    while (row < sizeof relations / sizeof *relations &&
           !pz__str_equal(call->name, pz_str_of(relations[row].name)))
        row++;
    if (row == sizeof relations / sizeof *relations)
        return;
    const bool swapped = call->args[0]->kind == PZ__E_CONST;
    pz__compared comparison = {.relation =
                                   swapped ? relations[row].mirrored : relations[row].relation};
    const pz__expr *constant = call->args[!swapped];
    if (constant->kind == PZ__E_CONST && find_subject(ck, call->args[swapped], &comparison))
        tell(ck, &comparison, constant->constant, constant);
}
