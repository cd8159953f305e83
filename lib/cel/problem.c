/*
 * problem.c: the slow paths of evaluation: errors, unknowns, pending slots, values of unexpected
 * kind.
 *
 * An error says what failed and where; an unknown is the set of slots whose values are missing.
 * Both travel upward as values. The rules where they meet:
 *
 *      strict operations    an error wins over an unknown (as in cel-go); two unknowns unite
 *      && and ||            a deciding truth wins over both; else an unknown wins over an error,
 * for knowing it might still decide; two unknowns unite; of errors the first ? :                  a
 * problem of the condition is the result macros but all and exists   the first problem ends the
 * loop
 *
 * Two errors are fatal: out of memory and out of steps. Nothing absorbs them, or the answer would
 * depend on the machine; the loop of eval.c returns them at once.
 */
#include "cel/eval.h"
#include "cel/text.h"

bool pz__is_fatal(pz_value v)
{
    if (v.kind != PZ__V_ERROR)
        return false;
    const pz__cel_error *error = (const void *)v.as.text;
    return error->status == PZ_ERR_NOMEM || error->status == PZ_ERR_LIMIT;
}

void pz__vm_at(pz__vm *vm, const pz__ins *ins)
{
    vm->call.offset = vm->program->offsets[ins - vm->program->code];
}

pz_value pz__vm_slot(pz__vm *vm, uint32_t slot)
{
    pz__activation *activation = vm->activation;
    if (activation->slots[slot].kind == PZ__V_PENDING && activation->fetch)
        activation->fetch(activation->self, slot);
    if (activation->slots[slot].kind == PZ__V_PENDING)
        activation->slots[slot] = pz__cel_unknown(activation->arena, slot);
    return activation->slots[slot];
}

static uint32_t steps_taken(const pz__vm *vm)
{
    return vm->step_limit - (vm->steps == PZ__STEPS_SPENT ? 0 : vm->steps);
}

bool pz__vm_count(pz__vm *vm, const pz__ins *ins, const pz_value *registers)
{
    const pz__activation *activation = vm->activation;
    vm->cost += pz__cost_of(vm->program, ins, registers);
    *activation->cost = vm->cost + steps_taken(vm);
    return activation->cost_limit == 0 || *activation->cost <= activation->cost_limit;
}

/* ---- problems meeting ---- */

static pz_value unite_unknowns(pz__vm *vm, pz_value a, pz_value b)
{
    const pz__unknowns *x = (const void *)a.as.text, *y = (const void *)b.as.text;
    pz__unknowns *set = pz__arena_new(vm->call.arena, sizeof *set);
    uint32_t *slots = pz__arena_array(vm->call.arena, (size_t)x->count + y->count, sizeof *slots);
    if (!set || !slots)
        return pz__call_nomem();
    uint32_t count = 0;
    for (uint32_t i = 0, j = 0; i < x->count || j < y->count; count++) {
        bool left = j == y->count || (i < x->count && x->slots[i] <= y->slots[j]);
        uint32_t slot = left ? x->slots[i] : y->slots[j];
        i += i < x->count && x->slots[i] == slot;
        j += j < y->count && y->slots[j] == slot;
        slots[count] = slot;
    }
    *set = (pz__unknowns){count, slots};
    return (pz_value){.kind = PZ__V_UNKNOWN, .as.text = (const void *)set};
}

pz_value pz__vm_unite(pz__vm *vm, pz_value a, pz_value b)
{
    if (a.kind == PZ__V_ERROR || !pz__is_problem(b))
        return a;
    if (b.kind == PZ__V_ERROR || !pz__is_problem(a))
        return b;
    return unite_unknowns(vm, a, b);
}

pz_value pz__vm_absorb(pz__vm *vm, pz_value chain, pz_value problem)
{
    if (!pz__is_problem(problem)) /* a term that is no bool */
        problem = pz__call_fail(&vm->call, "'&&', '||' and conditions take only bool values");
    if (pz__is_fatal(problem) || !pz__is_problem(chain))
        return problem;
    if (chain.kind == PZ__V_UNKNOWN)
        return problem.kind == PZ__V_UNKNOWN ? unite_unknowns(vm, chain, problem) : chain;
    return problem.kind == PZ__V_UNKNOWN ? problem : chain;
}

pz_value pz__vm_strict(pz__vm *vm, const pz_value *args, uint32_t count)
{
    pz_value problem = pz_value_null();
    for (uint32_t i = 0; i < count; i++)
        if (pz__is_problem(args[i]))
            problem = pz__is_problem(problem) ? pz__vm_unite(vm, problem, args[i]) : args[i];
    return problem;
}

/* ---- names at run time ---- */

static bool ask(pz__vm *vm, pz_str name, pz_value *out)
{
    return vm->activation->name && vm->activation->name(vm->activation->self, name, out);
}

/* A.B.name, A.name, name for the container A.B. */
static bool ask_candidates(pz__vm *vm, pz_str name, bool absolute, pz_value *out)
{
    pz_str container = vm->program->container;
    while (container.len && !absolute) {
        char *text = pz__arena_new(vm->call.arena, container.len + 1 + name.len);
        if (!text) {
            *out = pz__call_nomem();
            return true;
        }
        memcpy(text, container.data, container.len);
        text[container.len] = '.';
        memcpy(text + container.len + 1, name.data, name.len);
        if (ask(vm, (pz_str){text, container.len + 1 + name.len}, out))
            return true;
        while (container.len && container.data[container.len - 1] != '.')
            container.len--;
        container.len -= container.len > 0;
    }
    return ask(vm, name, out);
}

static pz_value select_rest(pz__vm *vm, pz_value v, pz_str rest)
{
    while (rest.len && !pz__is_problem(v)) {
        rest.data++; /* the dot */
        rest.len--;
        const char *dot = memchr(rest.data, '.', rest.len);
        pz_str field = {rest.data, dot ? (size_t)(dot - rest.data) : rest.len};
        v = pz__cel_select(&vm->call, v, field);
        rest = (pz_str){rest.data + field.len, rest.len - field.len};
    }
    return v;
}

pz_value pz__vm_name(pz__vm *vm, pz_str name, bool absolute)
{
    pz_str prefix = name;
    pz_value v = pz_value_null();
    while (prefix.len) {
        if (ask_candidates(vm, prefix, absolute, &v))
            return select_rest(vm, v, (pz_str){name.data + prefix.len, name.len - prefix.len});
        while (prefix.len && prefix.data[prefix.len - 1] != '.')
            prefix.len--;
        prefix.len -= prefix.len > 0;
    }
    return pz__call_fail(&vm->call, "the name is declared nowhere");
}

/* ---- operations ---- */

static pz_value relate(pz__vm *vm, const pz__ins *ins, pz__relation relation, pz_value v)
{
    const pz__program *program = vm->program;
    if (relation == PZ__REL_IN)
        return pz__cel_in(&vm->call, v, program->sets[ins->a].list);
    pz_value args[2] = {v, program->consts[ins->a]};
    switch (relation) {
    case PZ__REL_EQ:
        return pz__fn_equal(&vm->call, args, 2);
    case PZ__REL_LT:
        return pz__fn_less(&vm->call, args, 2);
    case PZ__REL_LE:
        return pz__fn_less_equal(&vm->call, args, 2);
    case PZ__REL_GT:
        return pz__fn_greater(&vm->call, args, 2);
    case PZ__REL_GE:
        return pz__fn_greater_equal(&vm->call, args, 2);
    default:
        return pz__fn_starts_with(&vm->call, args, 2);
    }
}

pz_value pz__vm_test(pz__vm *vm, const pz__ins *ins, pz__relation relation, pz_value v)
{
    if (pz__is_problem(v))
        return v;
    pz__vm_at(vm, ins);
    if (relation != PZ__REL_TRUTH)
        return relate(vm, ins, relation, v);
    if (v.kind == PZ_BOOL)
        return v;
    return pz__call_fail(&vm->call, "'&&', '||', '!' and conditions take only bool values");
}

pz_value pz__vm_range(pz__vm *vm, pz_value range)
{
    if (pz__is_problem(range))
        return range;
    return pz__call_fail(&vm->call, "a macro walks over a list or a map only");
}

pz_value pz__vm_call(pz__vm *vm, const pz__ins *ins, pz_value *args)
{
    for (uint32_t i = 0; i < ins->b; i++)
        if (pz__is_problem(args[i]))
            return pz__vm_strict(vm, args, ins->b);
    pz__vm_at(vm, ins);
    return pz__functions[ins->x].impl(&vm->call, args, ins->b);
}

/* An error of the host's says where it happened only by the call it happened in. */
static pz_value placed(pz__vm *vm, pz_value v)
{
    if (v.kind != PZ__V_ERROR || pz__is_fatal(v))
        return v;
    const pz__cel_error *error = (const void *)v.as.text;
    v = pz__cel_fail(vm->call.arena, error->status, error->message);
    if (!pz__is_fatal(v))
        ((pz__cel_error *)(uintptr_t)v.as.text)->offset = vm->call.offset;
    return v;
}

/* The elements that tell whether a value is of a type are paid for: a value may hold one part many
 * times over. False if the steps do not suffice. */
static bool pay_for_parts(pz__vm *vm, const pz__type *type, pz_value v)
{
    const bool is_list = type->kind == PZ__T_LIST && v.kind == PZ_LIST;
    const bool is_map = type->kind == PZ__T_MAP && v.kind == PZ_MAP;
    if (!is_list && !is_map)
        return true;
    if (!pz__call_charge(&vm->call, v.len))
        return false;
    const pz__type *part = type->args[is_map];
    if (part->kind != PZ__T_LIST && part->kind != PZ__T_MAP)
        return true;
    for (uint32_t i = 0; i < v.len; i++)
        if (!pay_for_parts(vm, part, is_list ? v.as.items[i] : pz__map_entries(v)[i].value))
            return false;
    return true;
}

/* The same for all ways to call a function of the host. */
static bool pay_for_arguments(pz__vm *vm, const pz__host_function *host, const pz_value *args,
                              uint32_t count)
{
    for (uint32_t i = 0; i < host->overload_count; i++)
        for (uint32_t n = 0; host->overloads[i].param_count == count && n < count; n++)
            if (!pay_for_parts(vm, host->overloads[i].params[n], args[n]))
                return false;
    return true;
}

pz_value pz__vm_host(pz__vm *vm, const pz__ins *ins, const pz_value *args)
{
    for (uint32_t i = 0; i < ins->b; i++)
        if (pz__is_problem(args[i]))
            return pz__vm_strict(vm, args, ins->b);
    const pz__host_function *host = vm->program->hosts[ins->x];
    pz__vm_at(vm, ins);
    if (!host->call)
        return pz__call_fail(&vm->call, "the function is declared, but nobody has supplied it");
    if (!pay_for_arguments(vm, host, args, ins->b))
        return pz__call_spent();
    return placed(vm, host->call(host->self, vm->call.arena, args, ins->b));
}

pz_value pz__vm_held(pz__vm *vm, pz_value optional, bool open)
{
    if (pz__is_problem(optional))
        return optional;
    if (optional.kind != PZ__V_OPTIONAL)
        return pz__call_no_overload(&vm->call);
    return open ? pz__optional_value(optional) : optional;
}

pz_value pz__vm_list(pz__vm *vm, size_t room)
{
    pz_value *items = pz__arena_array(vm->call.arena, room, sizeof *items);
    return items ? pz__value_of_items(items, 0) : pz__call_nomem();
}

void pz__vm_put(pz__vm *vm, pz_value *list, pz_value item, uint32_t index)
{
    if (pz__is_problem(*list) || pz__is_problem(item)) {
        *list = pz__vm_unite(vm, *list, item);
        return;
    }
    ((pz_value *)(uintptr_t)list->as.items)[index] = item;
    list->len = index + 1;
}

void pz__vm_add(pz__vm *vm, pz_value *list, const pz_value *key, pz_value item, bool spread)
{
    if (spread)
        item = pz__vm_held(vm, item, false);
    if (key && pz__is_problem(*key))
        item = pz__vm_unite(vm, *key, item);
    if (spread && !pz__is_problem(item)) {
        if (!pz__optional_has(item))
            return;
        item = pz__optional_value(item);
    }
    if (key && !pz__is_problem(item))
        pz__vm_put(vm, list, *key, list->len);
    pz__vm_put(vm, list, item, list->len);
}

pz_value pz__vm_map(pz__vm *vm, pz_value list)
{
    _Static_assert(sizeof(pz_entry) == 2 * sizeof(pz_value), "an entry is two values in a row");
    if (pz__is_problem(list))
        return list;
    pz_entry *entries = (pz_entry *)(uintptr_t)list.as.items;
    pz_value map;
    uint64_t octets = 0;
    for (uint32_t i = 0; i < list.len / 2; i++)
        octets += entries[i].key.kind == PZ_STRING ? entries[i].key.len : 0;
    if (!pz__call_charge_bytes(&vm->call, octets))
        return pz__call_spent();
    switch (pz__value_of_entries(vm->call.arena, &map, entries, list.len / 2, PZ__DUP_REFUSE)) {
    case PZ_OK:
        return map;
    case PZ_ERR_NOMEM:
        return pz__call_nomem();
    case PZ_ERR_TYPE:
        return pz__call_fail(&vm->call, "a key of a map must be a string, int, uint or bool");
    default:
        return pz__call_fail(&vm->call, "a key stands twice in a map");
    }
}

/* All entries of a list of maps in one map. */
pz_value pz__vm_merge(pz__vm *vm, pz_value maps)
{
    uint64_t count = 0;
    if (pz__is_problem(maps))
        return maps;
    for (uint32_t i = 0; i < maps.len; i++) {
        if (maps.as.items[i].kind != PZ_MAP)
            return pz__call_fail(&vm->call, "transformMapEntry() makes its map of maps");
        count += maps.as.items[i].len;
    }
    if (count >= PZ__STEPS_SPENT || !pz__call_charge(&vm->call, (uint32_t)count))
        return pz__call_spent();
    pz_value *items = pz__arena_array(vm->call.arena, (size_t)count * 2, sizeof *items);
    if (!items)
        return pz__call_nomem();
    uint32_t at = 0;
    for (uint32_t i = 0; i < maps.len; i++)
        for (uint32_t j = 0; j < maps.as.items[i].len; j++) {
            items[at++] = pz__map_entries(maps.as.items[i])[j].key;
            items[at++] = pz__map_entries(maps.as.items[i])[j].value;
        }
    return pz__vm_map(vm, pz__value_of_items(items, at));
}

/* A field that was not found at once, or is of something other than a map. */
static pz_value field_of(pz__vm *vm, const pz__field *field, pz_value operand)
{
    if (pz__is_problem(operand))
        return operand;
    const pz_str name = pz_value_text(field->key);
    const pz_entry *found = pz__map_find_text(operand, name, field->hash);
    if (found)
        return found->value;
    vm->call.offset = field->at;
    return pz__cel_select(&vm->call, operand, name);
}

pz_value pz__vm_select(pz__vm *vm, const pz__ins *ins, pz_value operand)
{
    return field_of(vm, &vm->program->fields[ins->x], operand);
}

pz_value pz__vm_test_field(pz__vm *vm, const pz__ins *ins, pz__relation relation, pz_value operand)
{
    pz_value v = field_of(vm, &vm->program->fields[ins->x], operand);
    return pz__vm_test(vm, ins, relation, v);
}

pz_value pz__vm_has(pz__vm *vm, const pz__ins *ins, pz_value operand)
{
    if (pz__is_problem(operand))
        return operand;
    pz__vm_at(vm, ins);
    return pz__cel_has(&vm->call, operand, pz_value_text(vm->program->fields[ins->x].key));
}
