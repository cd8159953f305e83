/*
 * optional.c: optional values and the functions on them.
 *
 * An optional holds one value or none. It is a value of a kind of its own whose length is the
 * number of values it holds; the value held lives in the arena, and may be null or an optional
 * again. Two are equal if both hold nothing or both hold equal values.
 *
 * Access spreads: selecting or indexing on an optional looks inside and gives an optional, none
 * where there is nothing; the same on a plain value is asked for with `.?` and `[?]`. A value that
 * can have no parts fails either way.
 *
 * or() and orValue() are not here: they evaluate their argument only when it is needed, so the
 * planner lays them out as jumps. Their rows in functions.def serve the checker, and answer when
 * both operands happen to be constants.
 */
#include "cel/functions.h"

pz_value pz__optional_none(void)
{
    return (pz_value){.kind = PZ__V_OPTIONAL};
}

pz_value pz__optional_of(pz__arena *arena, pz_value v)
{
    pz_value *held = pz__arena_new(arena, sizeof *held);
    if (!held)
        return pz__call_nomem();
    *held = v;
    return (pz_value){.kind = PZ__V_OPTIONAL, .len = 1, .as.items = held};
}

/* True for what the language calls a zero value: null, false, 0, nothing in it. */
static bool is_zero(pz_value v)
{
    switch (v.kind) {
    case PZ_NULL:
        return true;
    case PZ_BOOL:
        return !v.as.b;
    case PZ_INT:
    case PZ_UINT:
    case PZ_DURATION:
        return v.as.u == 0;
    case PZ_DOUBLE:
        return v.as.d == 0;
    case PZ_TIMESTAMP:
        return v.as.i == 0 && v.len == 0;
    case PZ_STRING:
    case PZ_BYTES:
    case PZ_LIST:
    case PZ_MAP:
    case PZ__V_OPTIONAL:
        return v.len == 0;
    default:
        return false;
    }
}

pz_value pz__fn_optional_of(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return pz__optional_of(call->arena, args[0]);
}

pz_value pz__fn_optional_none(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)call;
    (void)args;
    (void)count;
    return pz__optional_none();
}

pz_value pz__fn_optional_of_non_zero(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return is_zero(args[0]) ? pz__optional_none() : pz__optional_of(call->arena, args[0]);
}

pz_value pz__fn_has_value(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ__V_OPTIONAL)
        return pz__call_no_overload(call);
    return pz_value_bool(pz__optional_has(args[0]));
}

pz_value pz__fn_value(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ__V_OPTIONAL)
        return pz__call_no_overload(call);
    if (!pz__optional_has(args[0]))
        return pz__call_fail(call, "the optional holds no value; ask with hasValue() first");
    return pz__optional_value(args[0]);
}

pz_value pz__fn_or(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ__V_OPTIONAL)
        return pz__call_no_overload(call);
    if (pz__optional_has(args[0]))
        return args[0];
    return args[1].kind == PZ__V_OPTIONAL ? args[1] : pz__call_no_overload(call);
}

pz_value pz__fn_or_value(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind != PZ__V_OPTIONAL)
        return pz__call_no_overload(call);
    return pz__optional_has(args[0]) ? pz__optional_value(args[0]) : args[1];
}

/* The values held by a list of optionals. */
pz_value pz__fn_unwrap(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    pz_value list = args[0];
    if (list.kind != PZ_LIST)
        return pz__call_no_overload(call);
    if (!pz__call_charge(call, list.len))
        return pz__call_spent();
    pz_value *items = pz__arena_array(call->arena, list.len, sizeof *items);
    if (!items)
        return pz__call_nomem();
    uint32_t kept = 0;
    for (uint32_t i = 0; i < list.len; i++) {
        if (list.as.items[i].kind != PZ__V_OPTIONAL)
            return pz__call_no_overload(call);
        if (pz__optional_has(list.as.items[i]))
            items[kept++] = pz__optional_value(list.as.items[i]);
    }
    return pz__value_of_items(items, kept);
}
