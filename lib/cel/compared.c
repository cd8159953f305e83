/*
 * compared.c: comparisons with constants, as the environment is told of them.
 *
 * Whoever owns a name may know which values it can have. So each comparison of a slot with a
 * constant, by == != < <= > >= or `in`, is told while the expression is checked, with the span of
 * the constant; and so is one of an item of the list in a slot (x in slot, or the variable of a
 * macro that walks the slot), and of a field of the map in a slot. What to make of it is the
 * environment's business: a comparison that never holds is no mistake of the language.
 *
 * It is told, too, of two terms of one run of && that no value meets both of (x == 'a' && x == 'b',
 * x < 18 && x > 60), and of two of a run of || one of which every value meets (x != 'a' || x !=
 * 'b', x > 18 || x < 60): the one operator was meant for the other, or a bound for another. A term
 * is held against the CLASH_REACH before it.
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

static bool is_field(const pz__expr *expr)
{
    return expr->kind == PZ__E_SELECT && !expr->test_only && !expr->optional;
}

/* A slot, a field of one, or the variable that takes the items of one. */
static bool find_subject(const pz__checker *ck, const pz__expr *expr, pz__compared *out)
{
    const pz__expr *slot = expr;
    if (expr->kind == PZ__E_LOCAL)
        slot = list_of(ck, expr);
    else if (is_field(expr))
        slot = expr->target;
    if (!slot || !is_slot(slot))
        return false;
    out->slot = slot->index;
    out->is_item = expr->kind == PZ__E_LOCAL;
    if (is_field(expr))
        out->field = expr->name;
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

/* ---- comparisons against each other ---- */

#define CLASH_REACH 64u

/* A comparison as the set of values it holds of: one, all but one, or all on one side. */
typedef struct term {
    const pz__expr *call, *constant;
    uint32_t slot;
    bool is_negated; /* != */
    pz__relation_to relation;
} term;

static bool read_term(const pz__expr *call, term *out)
{
    size_t row = 0;
    if (call->kind != PZ__E_CALL || !call->is_operator || call->count != 2)
        return false;
    while (row < sizeof relations / sizeof *relations &&
           !pz__str_equal(call->name, pz_str_of(relations[row].name)))
        row++;
    const bool swapped = call->args[0]->kind == PZ__E_CONST;
    const pz__expr *constant = call->args[!swapped], *slot = call->args[swapped];
    if (row == sizeof relations / sizeof *relations || constant->kind != PZ__E_CONST ||
        !is_slot(slot) || !pz_value_equal(constant->constant, constant->constant))
        return false; /* a NaN is in no order */
    *out = (term){.call = call,
                  .constant = constant,
                  .slot = slot->index,
                  .is_negated = pz__str_equal(call->name, PZ__STR("_!=_")),
                  .relation = swapped ? relations[row].mirrored : relations[row].relation};
    return true;
}

static bool goes_up(pz__relation_to relation)
{
    return relation == PZ__TO_GREATER || relation == PZ__TO_AT_LEAST;
}

/* The constant itself is not among what the term holds of. */
static bool is_strict(pz__relation_to relation)
{
    return relation == PZ__TO_GREATER || relation == PZ__TO_LESS;
}

/* The order that rules know, in which the two zeros are one. */
static int order_of(pz_value a, pz_value b)
{
    return pz_value_equal(a, b) ? 0 : pz_value_compare(a, b);
}

/* How the constant of b lies to that of a, seen along the way that a goes. */
static int beyond(const term *a, const term *b)
{
    const int order = order_of(b->constant->constant, a->constant->constant);
    return goes_up(a->relation) ? order : -order;
}

/* No value meets both. */
static bool excludes(const term *a, const term *b)
{
    const bool a_is_one = a->relation == PZ__TO_EQUAL, b_is_one = b->relation == PZ__TO_EQUAL;
    if (a->is_negated || b->is_negated)
        return false;
    if (a_is_one && b_is_one)
        return order_of(a->constant->constant, b->constant->constant) != 0;
    if (a_is_one)
        return excludes(b, a);
    const int by = beyond(a, b);
    if (b_is_one)
        return by < 0 || (by == 0 && is_strict(a->relation));
    return goes_up(a->relation) != goes_up(b->relation) &&
           (by < 0 || (by == 0 && (is_strict(a->relation) || is_strict(b->relation))));
}

/* Every value meets one of them. `x < 18 || x >= 18` may be a way to ask whether x is known. */
static bool covers(const term *a, const term *b)
{
    if (a->is_negated && b->is_negated)
        return order_of(a->constant->constant, b->constant->constant) != 0;
    return a->relation != PZ__TO_EQUAL && b->relation != PZ__TO_EQUAL &&
           goes_up(a->relation) != goes_up(b->relation) && beyond(a, b) > 0;
}

static bool clashes(const term *a, const term *b, bool is_or)
{
    if (a->slot != b->slot || a->constant->constant.kind != b->constant->constant.kind)
        return false;
    return is_or ? covers(a, b) : excludes(a, b);
}

void pz__tell_clashes(const pz__checker *ck, const pz__expr *logic)
{
    term kept[CLASH_REACH];
    uint32_t count = 0;
    for (uint32_t i = 0; ck->env && ck->env->clashed && i < logic->count; i++) {
        term *here = &kept[count % CLASH_REACH];
        term one;
        if (!read_term(logic->args[i], &one))
            continue;
        for (uint32_t j = count < CLASH_REACH ? 0 : count - CLASH_REACH; j < count; j++) {
            const term *first = &kept[j % CLASH_REACH];
            if (!clashes(first, &one, logic->kind == PZ__E_OR))
                continue;
            const pz__clash clash = {logic->kind == PZ__E_OR, one.constant->start,
                                     one.constant->end, first->call->start, first->call->end};
            ck->env->clashed(ck->env->self, &clash);
            break;
        }
        *here = one;
        count++;
    }
}
