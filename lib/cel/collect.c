/*
 * collect.c: lists and maps: membership, indexing, selection, size.
 *
 * A number finds a map key or list position of another numeric kind if it stands for the same whole
 * number: 3.0 finds 3u, 0.5 finds nothing. Looking in a map for a value that can be no key is false
 * for `in` and an error for indexing.
 *
 * Walking a list is charged by its length; a map is looked up by its index, which takes reading the
 * key once: that is charged by the key's length. A field is a constant, paid for by the turn of the
 * loop it stands in (pz__weigh_turns).
 */
#include "base/utf8.h"
#include "cel/text.h"

static bool is_key(pz_value v)
{
    return v.kind == PZ_BOOL || v.kind == PZ_INT || v.kind == PZ_UINT || v.kind == PZ_DOUBLE ||
           v.kind == PZ_STRING;
}

/* Pay for reading a key. */
static bool charge_key(const pz__call *call, pz_value key)
{
    return key.kind != PZ_STRING || pz__call_charge_bytes(call, key.len);
}

pz_value pz__cel_in(const pz__call *call, pz_value x, pz_value container)
{
    if (container.kind == PZ_MAP && !charge_key(call, x))
        return pz__call_spent();
    if (container.kind == PZ_MAP)
        return pz_value_bool(is_key(x) && pz__map_find(container, x) != NULL);
    if (container.kind != PZ_LIST)
        return pz__call_no_overload(call);
    if (!pz__call_charge(call, container.len))
        return pz__call_spent();
    bool found = false;
    for (uint32_t i = 0; i < container.len && !found; i++)
        found = pz__cel_equal(call, x, container.as.items[i]);
    return pz__call_is_spent(call) ? pz__call_spent() : pz_value_bool(found);
}

pz_value pz__fn_in(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return pz__cel_in(call, args[0], args[1]);
}

/* The position a number stands for; false if it is none. */
static bool position(pz_value index, uint32_t len, uint32_t *out)
{
    uint64_t n;
    if (index.kind == PZ_DOUBLE) {
        if (!(index.as.d >= 0 && index.as.d < (double)len))
            return false;
        n = (uint64_t)index.as.d;
        if ((double)n != index.as.d)
            return false;
    } else {
        n = index.as.u; /* a negative int is a very large uint */
    }
    *out = (uint32_t)n;
    return n < len;
}

static pz_value index_list(pz__call *call, pz_value list, pz_value index)
{
    if (index.kind != PZ_INT && index.kind != PZ_UINT && index.kind != PZ_DOUBLE)
        return pz__call_no_overload(call);
    uint32_t at;
    if (!position(index, list.len, &at))
        return pz__call_fail(call, "the index is out of range; compare it with size() first");
    return list.as.items[at];
}

/* What an operand has at a place, as an optional. Optionals are looked into. */
static pz_value look(const pz__call *call, pz_value operand, pz_value key)
{
    while (operand.kind == PZ__V_OPTIONAL) {
        if (!pz__optional_has(operand))
            return operand;
        operand = pz__optional_value(operand);
    }
    uint32_t at;
    if (operand.kind == PZ_MAP && is_key(key)) {
        const pz_entry *entry = pz__map_find(operand, key);
        return entry ? pz__optional_of(call->arena, entry->value) : pz__optional_none();
    }
    if (operand.kind != PZ_LIST || key.kind < PZ_INT || key.kind > PZ_DOUBLE)
        return pz__call_fail(call, "no such key: the value has no such parts");
    return position(key, operand.len, &at) ? pz__optional_of(call->arena, operand.as.items[at])
                                           : pz__optional_none();
}

pz_value pz__fn_look(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    return charge_key(call, args[1]) ? look(call, args[0], args[1]) : pz__call_spent();
}

pz_value pz__fn_index(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    if (args[0].kind == PZ_LIST)
        return index_list(call, args[0], args[1]);
    if (!charge_key(call, args[1]))
        return pz__call_spent();
    if (args[0].kind == PZ__V_OPTIONAL)
        return look(call, args[0], args[1]);
    if (args[0].kind != PZ_MAP || !is_key(args[1]))
        return pz__call_no_overload(call);
    const pz_entry *entry = pz__map_find(args[0], args[1]);
    return entry ? entry->value : pz__call_fail(call, "no such key; ask with `key in map` first");
}

pz_value pz__cel_select(const pz__call *call, pz_value operand, pz_str field)
{
    if (operand.kind == PZ__V_OPTIONAL)
        return look(call, operand, pz__value_of_str(field));
    if (operand.kind != PZ_MAP)
        return pz__call_fail(call, "no such field: only a map has fields");
    const pz_entry *entry = pz__map_find(operand, pz__value_of_str(field));
    return entry ? entry->value : pz__call_fail(call, "no such key; ask with has() first");
}

pz_value pz__cel_has(const pz__call *call, pz_value operand, pz_str field)
{
    while (operand.kind == PZ__V_OPTIONAL) {
        if (!pz__optional_has(operand))
            return pz_value_bool(false);
        operand = pz__optional_value(operand);
    }
    if (operand.kind != PZ_MAP)
        return pz__call_fail(call, "no such field: only a map has fields");
    return pz_value_bool(pz__map_find(operand, pz__value_of_str(field)) != NULL);
}

pz_value pz__fn_size(pz__call *call, const pz_value *args, uint32_t count)
{
    (void)count;
    switch (args[0].kind) {
    case PZ_STRING:
        if (!pz__call_charge_bytes(call, args[0].len))
            return pz__call_spent();
        return pz_value_int((int64_t)pz__utf8_count(args[0].as.text, args[0].len));
    case PZ_BYTES:
    case PZ_LIST:
    case PZ_MAP:
        return pz_value_int((int64_t)args[0].len);
    default:
        return pz__call_no_overload(call);
    }
}
