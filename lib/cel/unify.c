/*
 * unify.c: type variables.
 *
 * A generic overload, an empty list, an empty map: each brings fresh variables. `bound` says what a
 * variable stands for; every change is written to a trail, so that trying an overload that does not
 * fit leaves nothing behind. A variable may be rebound to something more general: [1, dyn(2)] first
 * makes its variable int and then dyn. It never stands for a type that contains it.
 *
 * Assignability is not symmetric in the language's prose but is here, but for wrappers: dyn goes
 * both ways, null fits what is nullable, wrapper(T) fits T. An error type fits everything, so that
 * one mistake is reported once. All recursion is over types, whose depth is bounded by the
 * expression.
 */
#include "cel/check.h"

static bool is_variable(const pz__type *type)
{
    return type->kind == PZ__T_PARAM && type->name.len == 0;
}

static bool is_anything(const pz__type *type)
{
    return type->kind == PZ__T_DYN || type->kind == PZ__T_ERROR;
}

static void *grown(pz__checker *ck, const void *old, uint32_t count, uint32_t *cap, size_t size)
{
    uint32_t wider = *cap ? *cap * 2 : 16;
    void *piece = pz__arena_array(ck->scratch, wider, size);
    if (!piece) {
        pz__issue_nomem(ck->sink);
        return NULL;
    }
    if (count)
        memcpy(piece, old, count * size);
    *cap = wider;
    return piece;
}

const pz__type *pz__fresh(pz__checker *ck)
{
    pz__type_vars *vars = &ck->vars;
    if (vars->count == vars->cap) {
        const pz__type **bound =
            grown(ck, vars->bound, vars->count, &vars->cap, sizeof(const pz__type *));
        if (!bound)
            return &pz__type_dyn;
        vars->bound = bound;
    }
    pz__type *type = pz__arena_zero(ck->scratch, 1, sizeof *type);
    if (!type) {
        pz__issue_nomem(ck->sink);
        return &pz__type_dyn;
    }
    type->kind = PZ__T_PARAM;
    type->arg_count = vars->count;
    vars->bound[vars->count++] = NULL;
    return type;
}

static bool bind(pz__checker *ck, const pz__type *variable, const pz__type *type)
{
    pz__type_vars *vars = &ck->vars;
    if (vars->trail_count == vars->trail_cap) {
        struct pz__rebinding *trail =
            grown(ck, vars->trail, vars->trail_count, &vars->trail_cap, sizeof *trail);
        if (!trail)
            return false;
        vars->trail = trail;
    }
    uint32_t number = variable->arg_count;
    vars->trail[vars->trail_count++] = (struct pz__rebinding){number, vars->bound[number]};
    vars->bound[number] = type;
    return true;
}

uint32_t pz__vars_mark(const pz__checker *ck)
{
    return ck->vars.trail_count;
}

void pz__vars_undo(pz__checker *ck, uint32_t mark)
{
    pz__type_vars *vars = &ck->vars;
    while (vars->trail_count > mark) {
        struct pz__rebinding last = vars->trail[--vars->trail_count];
        vars->bound[last.number] = last.before;
    }
}

const pz__type *pz__type_resolve(const pz__checker *ck, const pz__type *type)
{
    while (is_variable(type) && ck->vars.bound[type->arg_count])
        type = ck->vars.bound[type->arg_count];
    return type;
}

static bool has_args(const pz__type *type)
{
    return type->kind != PZ__T_PARAM && type->arg_count > 0;
}

static bool occurs(const pz__checker *ck, const pz__type *variable, const pz__type *type)
{
    type = pz__type_resolve(ck, type);
    if (type == variable)
        return true;
    for (uint32_t i = 0; has_args(type) && i < type->arg_count; i++)
        if (type->args[i] && occurs(ck, variable, type->args[i]))
            return true;
    return false;
}

/* ---- rebuilding types ---- */

typedef const pz__type *(*leaf_fn)(pz__checker *ck, const pz__type *type, void *payload);

/* Rebuild a type with every variable put through `leaf`; unchanged types are not copied. */
static const pz__type *rebuild(pz__checker *ck, const pz__type *type, leaf_fn leaf, void *payload)
{
    if (type->kind == PZ__T_PARAM)
        return leaf(ck, type, payload);
    if (type->arg_count == 0)
        return type;
    const pz__type **args = pz__arena_array(ck->scratch, type->arg_count, sizeof(const pz__type *));
    pz__type *copy = pz__arena_new(ck->scratch, sizeof *copy);
    if (!args || !copy) {
        pz__issue_nomem(ck->sink);
        return &pz__type_dyn;
    }
    bool changed = false;
    for (uint32_t i = 0; i < type->arg_count; i++) {
        args[i] = type->args[i] ? rebuild(ck, type->args[i], leaf, payload) : NULL;
        changed |= args[i] != type->args[i];
    }
    *copy = *type;
    copy->args = args;
    return changed ? copy : type;
}

static const pz__type *leaf_instance(pz__checker *ck, const pz__type *type, void *payload)
{
    pz__type_params *params = payload;
    if (is_variable(type))
        return type;
    uint32_t i = 0;
    while (i < params->count && !pz__str_equal(params->names[i], type->name))
        i++;
    if (i == PZ__TYPE_PARAMS_MAX)
        return &pz__type_dyn;
    if (i == params->count) {
        params->names[i] = type->name;
        params->vars[i] = pz__fresh(ck);
        params->count++;
    }
    return params->vars[i];
}

const pz__type *pz__instantiate(pz__checker *ck, const pz__type *type, pz__type_params *params)
{
    return rebuild(ck, type, leaf_instance, params);
}

static const pz__type *leaf_bound(pz__checker *ck, const pz__type *type, void *payload)
{
    const pz__type *resolved = pz__type_resolve(ck, type);
    if (resolved->kind == PZ__T_PARAM)
        return &pz__type_dyn;
    return rebuild(ck, resolved, leaf_bound, payload);
}

const pz__type *pz__substitute(pz__checker *ck, const pz__type *type)
{
    return rebuild(ck, type, leaf_bound, NULL);
}

/* ---- assignability ---- */

static bool nullable(const pz__type *type)
{
    return type->kind == PZ__T_WRAPPER || type->kind == PZ__T_OPAQUE ||
           type->kind == PZ__T_TIMESTAMP || type->kind == PZ__T_DURATION ||
           type->kind == PZ__T_NULL;
}

/* True if `a` is at least as general as `b`; both are known to fit each other. */
static bool at_least_as_general(pz__checker *ck, const pz__type *a, const pz__type *b)
{
    a = pz__type_resolve(ck, a);
    b = pz__type_resolve(ck, b);
    if (a == b || is_anything(a) || is_variable(a))
        return true;
    if (is_anything(b) || is_variable(b))
        return false;
    if (a->kind != b->kind) /* null is less than what is nullable, T less than wrapper(T) */
        return b->kind == PZ__T_NULL || a->kind == PZ__T_WRAPPER;
    if (a->kind == PZ__T_TYPE) /* no type of a type is above another */
        return pz__type_same(pz__substitute(ck, a), pz__substitute(ck, b));
    for (uint32_t i = 0; has_args(a) && i < a->arg_count && i < b->arg_count; i++)
        if (a->args[i] && b->args[i] && !at_least_as_general(ck, a->args[i], b->args[i]))
            return false;
    return true;
}

static bool bind_variable(pz__checker *ck, const pz__type *variable, const pz__type *type)
{
    const pz__type *target = pz__type_resolve(ck, type);
    return target == variable || (!occurs(ck, variable, target) && bind(ck, variable, target));
}

/* A variable that stands for `now` meets `type`: they must agree, and the more general stays. */
static bool widen_variable(pz__checker *ck, const pz__type *variable, const pz__type *now,
                           const pz__type *type)
{
    if (!pz__assignable(ck, now, type))
        return false;
    if (at_least_as_general(ck, now, type) || occurs(ck, variable, type))
        return true;
    return bind(ck, variable, type);
}

static bool assignable_args(pz__checker *ck, const pz__type *want, const pz__type *have)
{
    if (want->arg_count != have->arg_count || !pz__str_equal(want->name, have->name))
        return false;
    for (uint32_t i = 0; i < want->arg_count; i++)
        if (want->args[i] && have->args[i] && !pz__assignable(ck, want->args[i], have->args[i]))
            return false;
    return true;
}

/* The variable at the end of a chain of variables, and what it stands for (NULL: free). */
static const pz__type *last_variable(const pz__checker *ck, const pz__type *type,
                                     const pz__type **value)
{
    for (;;) {
        *value = ck->vars.bound[type->arg_count];
        if (!*value || !is_variable(*value))
            return type;
        type = *value;
    }
}

static bool assignable_variable(pz__checker *ck, const pz__type *variable, const pz__type *other)
{
    const pz__type *value;
    variable = last_variable(ck, variable, &value);
    if (value)
        return widen_variable(ck, variable, value, other);
    return bind_variable(ck, variable, other);
}

bool pz__assignable(pz__checker *ck, const pz__type *want, const pz__type *have)
{
    if (want == have || pz__type_resolve(ck, want) == pz__type_resolve(ck, have))
        return true;
    if (is_variable(want) && (!ck->vars.bound[want->arg_count] || !is_variable(have)))
        return assignable_variable(ck, want, have);
    if (is_variable(have))
        return assignable_variable(ck, have, want);
    if (is_anything(want) || is_anything(have))
        return true;
    if (want->kind == PZ__T_NULL || have->kind == PZ__T_NULL)
        return nullable(want->kind == PZ__T_NULL ? have : want);
    if (want->kind == PZ__T_WRAPPER && have->kind != PZ__T_WRAPPER)
        return pz__assignable(ck, want->args[0], have);
    if (have->kind == PZ__T_WRAPPER && want->kind != PZ__T_WRAPPER)
        return pz__assignable(ck, want, have->args[0]);
    if (want->kind == PZ__T_TYPE && have->kind == PZ__T_TYPE)
        return true; /* types are compared by name, whatever they are types of */
    return want->kind == have->kind && assignable_args(ck, want, have);
}

/* ---- joins ---- */

/* The least type that is at least as general as both, which fit each other. Where neither is, as
 * with map(int, dyn) and map(dyn, int), it is made of the joins of what they are over. */
static const pz__type *upper(pz__checker *ck, const pz__type *a, const pz__type *b)
{
    if (at_least_as_general(ck, a, b))
        return a;
    if (at_least_as_general(ck, b, a))
        return b;
    a = pz__type_resolve(ck, a);
    b = pz__type_resolve(ck, b);
    if (a->kind != b->kind || a->kind == PZ__T_TYPE || !has_args(a))
        return &pz__type_dyn;
    pz__type *joined = pz__arena_new(ck->scratch, sizeof *joined);
    const pz__type **args = pz__arena_array(ck->scratch, a->arg_count, sizeof(const pz__type *));
    if (!joined || !args) {
        pz__issue_nomem(ck->sink);
        return &pz__type_dyn;
    }
    for (uint32_t i = 0; i < a->arg_count; i++)
        args[i] = upper(ck, a->args[i], b->args[i]);
    *joined = *a;
    joined->args = args;
    return joined;
}

const pz__type *pz__join(pz__checker *ck, const pz__type *a, const pz__type *b)
{
    const pz__type *both[] = {a, b};
    return pz__join_all(ck, both, 2);
}

/* What a bound of several types is made of. */
typedef struct summary {
    const pz__type *base;    /* the first that is neither null nor a variable nor a wrapper */
    const pz__type *wrapper; /* the first wrapper */
    const pz__type *null;
    const pz__type *anything;
    const pz__type *variable; /* that stands for nothing yet */
    bool differs;             /* some have nothing in common */
} summary;

static bool is_like(pz__checker *ck, const pz__type *a, const pz__type *b)
{
    return a->kind == b->kind && a->arg_count == b->arg_count && pz__str_equal(a->name, b->name) &&
           (a->kind != PZ__T_TYPE || at_least_as_general(ck, a, b));
}

/* Read the types; false if no type but dyn is above them all. Wrappers count as what they wrap. */
static bool summarize(pz__checker *ck, summary *out, const pz__type *const *types, uint32_t count)
{
    *out = (summary){.differs = false};
    for (uint32_t i = 0; i < count; i++) {
        const pz__type *type = types[i] ? pz__type_resolve(ck, types[i]) : NULL;
        if (!type)
            continue;
        if (is_variable(type)) {
            out->variable = type;
        } else if (is_anything(type)) {
            out->anything = type;
        } else if (type->kind == PZ__T_NULL) {
            out->null = type;
        } else {
            if (type->kind == PZ__T_WRAPPER) {
                out->wrapper = type;
                type = pz__type_resolve(ck, type->args[0]);
            }
            if (!out->base)
                out->base = type;
            if (!is_like(ck, out->base, type))
                out->differs = true;
        }
    }
    return out->anything ||
           (!out->differs && (!out->null || !out->base || out->wrapper || nullable(out->base)));
}

/* The least type above all of them, NULL if that is dyn for want of anything in common. It asks for
 * all at once: 1 and null have nothing above them but for a wrapper beside them, maps with keys and
 * values of other types nothing but for those over dyn. */
static const pz__type *bound_of(pz__checker *ck, const pz__type *const *types, uint32_t count)
{
    summary all;
    if (!summarize(ck, &all, types, count))
        return NULL;
    if (all.anything || !all.base)
        return all.anything ? all.anything : all.null ? all.null : all.variable;
    if (all.wrapper || !has_args(all.base) || all.base->kind == PZ__T_TYPE)
        return all.wrapper ? all.wrapper : all.base;
    const pz__type **parts = pz__arena_array(ck->scratch, count, sizeof(const pz__type *));
    const pz__type **args =
        pz__arena_array(ck->scratch, all.base->arg_count, sizeof(const pz__type *));
    pz__type *bound = pz__arena_new(ck->scratch, sizeof *bound);
    if (!parts || !args || !bound) {
        pz__issue_nomem(ck->sink);
        return NULL;
    }
    for (uint32_t i = 0; i < all.base->arg_count; i++) {
        for (uint32_t j = 0; j < count; j++) {
            const pz__type *type = types[j] ? pz__type_resolve(ck, types[j]) : NULL;
            parts[j] = type && type->kind == all.base->kind ? type->args[i] : NULL;
        }
        args[i] = bound_of(ck, parts, count);
        if (!args[i])
            return NULL;
    }
    *bound = *all.base;
    bound->args = args;
    return bound;
}

/* The same for types that do not fit one after the other. */
static const pz__type *join_misfits(pz__checker *ck, const pz__type *const *types, uint32_t count)
{
    const pz__type *bound = bound_of(ck, types, count);
    for (uint32_t i = 0; bound && i < count; i++)
        if (!pz__assignable(ck, bound, types[i]))
            bound = NULL;
    return bound ? bound : &pz__type_dyn;
}

const pz__type *pz__join_all(pz__checker *ck, const pz__type *const *types, uint32_t count)
{
    const pz__type *joined = types[0];
    const uint32_t mark = pz__vars_mark(ck);
    for (uint32_t i = 1; i < count; i++) {
        if (!pz__assignable(ck, joined, types[i])) {
            pz__vars_undo(ck, mark);
            return join_misfits(ck, types, count);
        }
        joined = upper(ck, joined, types[i]);
    }
    return joined;
}
