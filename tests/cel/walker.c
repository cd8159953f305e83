/*
 * walker.c: see walker.h. Written from the description of the language, not from the planner and
 * the evaluator, so that a mistake in those is not made here again. It works on the tree as the
 * parser made it: names are resolved here, scopes are a list of bindings, macros are loops in C, a
 * named value is computed by whoever asks for it first. Control flow, what becomes of errors and
 * unknowns, equality, order and sums of whole numbers are its own; other functions are called
 * through the table, with as many arguments as they take: they have tests of their own. Message
 * literals and functions of the environment are not known. Where the language leaves a choice the
 * manual's holds: a macro that gathers ends at its first problem and looks at the rest afterwards.
 */
#include "cel/functions.h"
#include "cel/walker.h"

typedef __int128 wide;

/* A variable in sight: a value, or an expression that gives it when asked. */
typedef struct scope {
    struct scope *up;
    pz_str name;
    pz_value value;
    const pz__expr *lazy; /* not computed yet; of the scope above */
} scope;

static const pz_value failed = {.kind = PZ__V_ERROR};

static pz_value eval(walker *w, const pz__expr *e, scope *s);
static bool equal(const walker *w, pz_value a, pz_value b);

static bool is_problem(pz_value v)
{
    return v.kind == PZ__V_ERROR || v.kind == PZ__V_UNKNOWN;
}

/* Two operands of something strict: what is wrong with them, null if nothing is. */
static pz_value unite(const walker *w, pz_value a, pz_value b)
{
    if (a.kind == PZ__V_ERROR || b.kind == PZ__V_ERROR)
        return failed;
    if (a.kind == PZ__V_UNKNOWN && b.kind == PZ__V_UNKNOWN && w->mistake != WALKER_ONE_UNKNOWN)
        a.as.u |= b.as.u;
    return a.kind == PZ__V_UNKNOWN ? a : b.kind == PZ__V_UNKNOWN ? b : pz_value_null();
}

static pz_value by_table(walker *w, uint32_t row, const pz_value *args, uint32_t count)
{
    uint32_t steps = 1000000;
    pz__call call = {.arena = w->arena, .steps = &steps};
    return pz__functions[row].impl(&call, args, count);
}

static bool is_number(pz_value v)
{
    return v.kind == PZ_INT || v.kind == PZ_UINT || v.kind == PZ_DOUBLE;
}

/* Whole part of a number that is one, and the sign of the rest. */
static wide whole_of(pz_value v, int *rest)
{
    *rest = 0;
    if (v.kind != PZ_DOUBLE)
        return v.kind == PZ_INT ? (wide)v.as.i : (wide)v.as.u;
    double d = v.as.d > 1e30 ? 1e30 : v.as.d < -1e30 ? -1e30 : v.as.d;
    *rest = (d > (double)(wide)d) - (d < (double)(wide)d);
    return (wide)d;
}

#define NO_ORDER 2 /* NaN */
#define NEVER 3    /* no such overload */

static int order_numbers(const walker *w, pz_value a, pz_value b)
{
    int p, q;
    if ((a.kind == PZ_DOUBLE && a.as.d != a.as.d) || (b.kind == PZ_DOUBLE && b.as.d != b.as.d))
        return NO_ORDER;
    if (a.kind == PZ_DOUBLE && b.kind == PZ_DOUBLE)
        return (a.as.d > b.as.d) - (a.as.d < b.as.d);
    wide x = whole_of(a, &p), y = whole_of(b, &q);
    if (w->mistake == WALKER_ROUNDS)
        return ((double)x > (double)y) - ((double)x < (double)y);
    return x != y ? (x > y) - (x < y) : (p > q) - (p < q);
}

static int order_text(pz_value a, pz_value b)
{
    for (uint32_t i = 0; i < a.len && i < b.len; i++)
        if (a.as.text[i] != b.as.text[i])
            return (unsigned char)a.as.text[i] < (unsigned char)b.as.text[i] ? -1 : 1;
    return (a.len > b.len) - (a.len < b.len);
}

static int order(const walker *w, pz_value a, pz_value b)
{
    if (is_number(a) && is_number(b))
        return order_numbers(w, a, b);
    if (a.kind != b.kind)
        return NEVER;
    if (a.kind == PZ_BOOL)
        return a.as.b - b.as.b;
    if (a.kind == PZ_STRING || a.kind == PZ_BYTES)
        return order_text(a, b);
    if (a.kind != PZ_TIMESTAMP && a.kind != PZ_DURATION)
        return NEVER;
    int before = (a.as.i > b.as.i) - (a.as.i < b.as.i);
    return before ? before : (a.len > b.len) - (a.len < b.len);
}

static const pz_value *find(const walker *w, pz_value map, pz_value key)
{
    for (uint32_t i = 0; i < map.len; i++)
        if (equal(w, pz__map_entries(map)[i].key, key))
            return &pz__map_entries(map)[i].value;
    return NULL;
}

static bool equal(const walker *w, pz_value a, pz_value b)
{
    if (order(w, a, b) != NEVER || a.kind != b.kind)
        return order(w, a, b) == 0;
    if (a.kind == PZ__V_TYPE)
        return order_text(a, b) == 0;
    bool is_map = a.kind == PZ_MAP, nests = is_map || a.kind == PZ_LIST || a.kind == PZ__V_OPTIONAL;
    bool same = a.kind == PZ_NULL || (a.len == b.len && (nests || a.as.i == b.as.i));
    for (uint32_t i = 0; nests && i < a.len && same; i++) {
        const pz_value *x = is_map ? &pz__map_entries(a)[i].value : &a.as.items[i];
        const pz_value *y = is_map ? find(w, b, pz__map_entries(a)[i].key) : &b.as.items[i];
        same = y && equal(w, *x, *y);
    }
    return same;
}

/* The one exception: in relations the greatest int ranks with the double that it rounds to. */
static bool at_the_top(pz_value a, pz_value b)
{
    return a.kind == PZ_INT && a.as.i == INT64_MAX && b.kind == PZ_DOUBLE && b.as.d == 0x1p63;
}

/* `sign` is one of < <= > >=. */
static pz_value relation(const walker *w, const char *sign, pz_value a, pz_value b)
{
    int o = at_the_top(a, b) || at_the_top(b, a) ? 0 : order(w, a, b);
    return o == NEVER ? failed
                      : pz_value_bool((sign[1] == '=' && o == 0) || o == (sign[0] == '<' ? -1 : 1));
}

static pz_value contains(const walker *w, pz_value x, pz_value all)
{
    bool is_in = all.kind == PZ_MAP && find(w, all, x);
    for (uint32_t i = 0; i < all.len && !is_in && all.kind == PZ_LIST; i++)
        is_in = equal(w, x, all.as.items[i]);
    return all.kind == PZ_LIST || all.kind == PZ_MAP ? pz_value_bool(is_in) : failed;
}

/* Whole numbers of one kind under + - * / %: exactly, and then compared with the range. */
static pz_value arithmetic(const walker *w, char op, pz_value x, pz_value y)
{
    int rest;
    wide a = whole_of(x, &rest), b = whole_of(y, &rest), n = op == '+' ? a + b : a - b;
    if (op == '*' && __builtin_mul_overflow(a, b, &n))
        return failed;
    if ((op == '/' || op == '%') && (b == 0 || (b == -1 && a == INT64_MIN)))
        return failed;
    if (op == '/' || op == '%')
        n = op == '/' ? a / b : a % b;
    if (op == '%' && w->mistake == WALKER_FLOORS && n != 0 && (n < 0) != (b < 0))
        n += b;
    if (x.kind == PZ_UINT)
        return n < 0 || n > (wide)UINT64_MAX ? failed : pz_value_uint((uint64_t)n);
    bool fits = (n >= INT64_MIN && n <= INT64_MAX) || w->mistake == WALKER_WRAPS;
    return fits ? pz_value_int((int64_t)(uint64_t)n) : failed;
}

static pz_value operate(walker *w, const pz__expr *e, uint32_t row, const pz_value *v)
{
    char op = e->count == 2 ? e->name.data[1] : 0;
    if (op == 'i') /* @in */
        return contains(w, v[0], v[1]);
    if (op == '=' || op == '!')
        return pz_value_bool(equal(w, v[0], v[1]) == (op == '='));
    if (op == '<' || op == '>')
        return relation(w, e->name.data + 1, v[0], v[1]);
    bool whole = v[0].kind == PZ_INT || v[0].kind == PZ_UINT;
    if (op && op != '[' && whole && v[0].kind == v[1].kind)
        return arithmetic(w, op, v[0], v[1]);
    return by_table(w, row, v, e->count);
}

/* ---- names ---- */

/* True if the expression is the name: a, a.b, or a.b() in front of the arguments. */
static bool spells(const pz__expr *e, pz_str name)
{
    size_t rest = name.len - e->name.len;
    const pz__expr *up = e->target;
    if (name.len < e->name.len || memcmp(name.data + rest, e->name.data, e->name.len) != 0)
        return false;
    if (!up || rest == 0)
        return !up && rest == 0;
    return name.data[rest - 1] == '.' && !e->optional && !up->test_only &&
           (up->kind == PZ__E_IDENT || up->kind == PZ__E_SELECT) &&
           spells(up, (pz_str){name.data, rest - 1});
}

/* The variable that a chain begins with; NULL if it begins with another name, or is no chain. */
static scope *root_of(scope *s, const pz__expr *e)
{
    while (e->kind == PZ__E_SELECT)
        e = e->target;
    while (s && (e->kind != PZ__E_IDENT || e->absolute || !pz__str_equal(s->name, e->name)))
        s = s->up;
    return s;
}

static const char types[] = "null_type\0bool\0int\0uint\0double\0string\0bytes\0list\0map\0type\0"
                            "optional_type\0net.IP\0net.CIDR\0google.protobuf.Timestamp\0"
                            "google.protobuf.Duration\0";

static pz_value eval_name(walker *w, const pz__expr *e, scope *s)
{
    scope *local = root_of(s, e);
    for (uint32_t i = 0; i < w->name_count && !local; i++) {
        bool unknown = w->slots[i].kind == PZ__V_PENDING;
        if (!spells(e, pz_str_of(w->names[i])))
            continue;
        if (e->test_only && w->slots[i].kind != PZ__V_ERROR)
            return pz_value_bool(!unknown);
        return unknown ? (pz_value){.kind = PZ__V_UNKNOWN, .as.u = UINT64_C(1) << i} : w->slots[i];
    }
    for (const char *t = types; *t && !local && !e->test_only; t += strlen(t) + 1)
        if (spells(e, pz_str_of(t)))
            return (pz_value){.kind = PZ__V_TYPE, .len = (uint32_t)strlen(t), .as.text = t};
    if (e->kind == PZ__E_IDENT && local && local->lazy) {
        local->value = eval(w, local->lazy, local->up);
        local->lazy = NULL;
    }
    if (e->kind == PZ__E_IDENT)
        return local ? local->value : failed;
    pz_value v = eval(w, e->target, s);
    pz_str how = e->optional || e->test_only ? PZ__STR("_[?_]") : PZ__STR("_[_]");
    if (is_problem(v))
        return v;
    v = by_table(w, pz__function_find(how), (pz_value[]){v, pz__value_of_str(e->name)}, 2);
    return e->test_only && v.kind == PZ__V_OPTIONAL ? pz_value_bool(v.len) : v;
}

static pz_value eval_call(walker *w, const pz__expr *e, scope *s)
{
    pz_value v[64], problem = pz_value_null();
    uint32_t count = 0, row = e->target && root_of(s, e->target) ? pz__function_count : 0;
    while (row < pz__function_count && !spells(e, pz__functions[row].name))
        row++;
    bool member = row == pz__function_count && e->target;
    row = member ? pz__function_find(e->name) : row;
    if (row == pz__function_count || e->count > 62)
        return failed;
    if (member)
        problem = v[count++] = eval(w, e->target, s);
    bool lazy = pz__str_equal(e->name, PZ__STR("or")) || pz__str_equal(e->name, PZ__STR("orValue"));
    if (lazy && (problem.kind != PZ__V_OPTIONAL || problem.len))
        return is_problem(problem) ? problem : by_table(w, row, (pz_value[]){v[0], v[0]}, 2);
    for (uint32_t i = 0; i < e->count; i++) {
        v[count] = eval(w, e->args[i], s);
        problem = unite(w, problem, v[count++]);
    }
    if (is_problem(problem))
        return problem;
    return e->is_operator ? operate(w, e, row, v) : by_table(w, row, v, count);
}

/* One more term of && (neutral: true) or || (neutral: false). True once it is decided. */
static bool next_term(walker *w, pz_value *so_far, pz_value term, bool neutral)
{
    uint32_t wins = w->mistake == WALKER_ERROR_FIRST ? PZ__V_ERROR : PZ__V_UNKNOWN;
    if (term.kind == PZ_BOOL && term.as.b == neutral)
        return false;
    if (w->mistake == WALKER_ERROR_STAYS && so_far->kind == PZ__V_ERROR)
        return true;
    if (term.kind != PZ_BOOL && term.kind != PZ__V_UNKNOWN)
        term = failed;
    if (term.kind == so_far->kind && is_problem(term))
        *so_far = unite(w, *so_far, term);
    else if (term.kind == PZ_BOOL || so_far->kind != wins)
        *so_far = term;
    return term.kind == PZ_BOOL;
}

static pz_value eval_logic(walker *w, const pz__expr *e, scope *s)
{
    pz_value v = pz_value_bool(e->kind == PZ__E_AND);
    for (uint32_t i = 0; i < e->count; i++)
        if (next_term(w, &v, eval(w, e->args[i], s), e->kind == PZ__E_AND))
            break;
    return v;
}

static pz_value truth_of(pz_value v)
{
    return v.kind == PZ_BOOL || is_problem(v) ? v : failed;
}

/* More values at the end of a list. */
static void add(walker *w, pz_value *list, const pz_value *more, uint32_t count)
{
    pz_value *items = pz__arena_array(w->arena, list->len + (size_t)count, sizeof *items);
    for (uint32_t i = 0; i < list->len + count; i++)
        items[i] = i < list->len ? list->as.items[i] : more[i - list->len];
    *list = pz__value_of_items(items, list->len + count);
}

/* The map of key, value, key ... */
static pz_value map_of(walker *w, pz_value list)
{
    pz_value map;
    uint32_t count = list.len / 2;
    pz_entry *entries = pz__arena_array(w->arena, count, sizeof *entries);
    for (uint32_t i = 0; i < count; i++) {
        entries[i] = (pz_entry){list.as.items[2 * i], list.as.items[2 * i + 1]};
        for (uint32_t j = 0; j < i; j++)
            if (equal(w, entries[j].key, entries[i].key))
                return failed;
    }
    pz_status status = pz__value_of_entries(w->arena, &map, entries, count, PZ__DUP_LAST);
    return status == PZ_OK ? map : failed;
}

/* The items, and behind a '?' what is held; `step` 2 for key and value. */
static pz_value gather(walker *w, const pz__expr *e, scope *s, uint32_t step)
{
    pz_value list = pz__value_of_items(NULL, 0), problem = pz_value_null();
    for (uint32_t i = 0; i < e->count; i += step) {
        bool spread = e->args[i]->spread;
        pz_value key = eval(w, e->args[i], s);
        pz_value v = step == 2 ? eval(w, e->args[i + 1], s) : key;
        problem = unite(w, problem, unite(w, key, v));
        if (spread && !is_problem(v) && v.kind != PZ__V_OPTIONAL)
            problem = failed;
        if (spread && v.kind == PZ__V_OPTIONAL && v.len == 0)
            continue;
        if (spread && v.kind == PZ__V_OPTIONAL)
            v = v.as.items[0];
        add(w, &list, (pz_value[]){step == 2 ? key : v, v}, step);
    }
    return is_problem(problem) ? problem : step == 2 ? map_of(w, list) : list;
}

/* ---- macros ---- */

/* The variables of one turn, the second behind the first. */
static scope *turn(const pz__expr *e, pz_value range, uint32_t i, scope *s, scope two[2])
{
    bool is_list = range.kind == PZ_LIST;
    pz_value key = is_list ? pz_value_int(i) : pz__map_entries(range)[i].key;
    pz_value value = is_list ? range.as.items[i] : pz__map_entries(range)[i].value;
    two[0] = (scope){s, e->name, e->second.len || !is_list ? key : value, NULL};
    two[1] = (scope){&two[0], e->second, value, NULL};
    return &two[e->second.len > 0];
}

static pz_value eval_gathering(walker *w, const pz__expr *e, pz_value range, scope *s)
{
    bool results = e->macro != PZ__MACRO_FILTER && e->macro != PZ__MACRO_EXISTS_ONE;
    bool merges = e->macro == PZ__MACRO_TRANSFORM_ENTRY, maps = e->macro == PZ__MACRO_TRANSFORM_MAP;
    bool makes_map = maps || merges;
    pz_value list = pz__value_of_items(NULL, 0), problem = pz_value_null();
    for (uint32_t i = 0; i < range.len; i++) {
        scope two[2], *here = turn(e, range, i, s, two);
        pz_value v = pz_value_bool(true);
        if (!results || e->count == 2)
            v = truth_of(eval(w, e->args[0], here));
        if (v.kind == PZ_BOOL && !v.as.b)
            continue;
        if (!is_problem(v))
            v = results ? eval(w, e->args[e->count - 1], here) : two[0].value;
        if (is_problem(v) && w->mistake != WALKER_KEEPS_GOING)
            return v;
        problem = unite(w, problem, v);
        if (merges && v.kind == PZ_MAP)
            add(w, &list, (const pz_value *)pz__map_entries(v), 2 * v.len);
        else /* what is no map to merge makes an entry that cannot be */
            add(w, &list,
                (pz_value[]){maps     ? two[0].value
                             : merges ? failed
                                      : v,
                             v},
                1 + makes_map);
    }
    if (is_problem(problem))
        return problem;
    if (e->macro == PZ__MACRO_EXISTS_ONE)
        return pz_value_bool(list.len == 1);
    if (e->macro == PZ__MACRO_SORT_BY)
        return by_table(w, pz__function_find(PZ__STR("@sortByKeys")), (pz_value[]){range, list}, 2);
    return makes_map ? map_of(w, list) : list;
}

static pz_value eval_macro(walker *w, const pz__expr *e, scope *s)
{
    pz_value range = eval(w, e->target, s), v = pz_value_bool(e->macro == PZ__MACRO_ALL);
    if (is_problem(range))
        return range;
    if (e->macro == PZ__MACRO_OPT_MAP || e->macro == PZ__MACRO_OPT_FLAT_MAP) {
        if (range.kind != PZ__V_OPTIONAL || range.len == 0)
            return range.kind == PZ__V_OPTIONAL ? range : failed;
        v = eval(w, e->args[0], &(scope){s, e->name, range.as.items[0], NULL});
        if (e->macro == PZ__MACRO_OPT_MAP && !is_problem(v))
            return by_table(w, pz__function_find(PZ__STR("optional.of")), &v, 1);
        return v.kind == PZ__V_OPTIONAL || is_problem(v) ? v : failed;
    }
    if (range.kind != PZ_LIST && range.kind != PZ_MAP)
        return failed;
    if (e->macro != PZ__MACRO_ALL && e->macro != PZ__MACRO_EXISTS)
        return eval_gathering(w, e, range, s);
    for (uint32_t i = 0; i < range.len; i++) {
        scope two[2], *here = turn(e, range, i, s, two);
        if (next_term(w, &v, eval(w, e->args[0], here), e->macro == PZ__MACRO_ALL))
            break;
    }
    return v;
}

/* cel.bind and cel.block. */
static pz_value eval_let(walker *w, const pz__expr *e, scope *s)
{
    for (uint32_t i = 0; i + 1 < e->count; i++) {
        scope *named = pz__arena_new(w->arena, sizeof *named);
        pz_str name = e->name.len ? e->name : pz__index_name(w->arena, i);
        *named = (scope){s, name, pz_value_null(), e->args[i]};
        if (w->mistake == WALKER_EAGER && is_problem(eval(w, e->args[i], s)))
            return failed;
        s = named;
    }
    return eval(w, e->args[e->count - 1], s);
}

static pz_value eval(walker *w, const pz__expr *e, scope *s)
{
    pz_value v;
    switch ((pz__expr_kind)e->kind) {
    case PZ__E_CONST:
        return e->constant;
    case PZ__E_IDENT:
    case PZ__E_SELECT:
        return eval_name(w, e, s);
    case PZ__E_CALL:
        return eval_call(w, e, s);
    case PZ__E_AND:
    case PZ__E_OR:
        return eval_logic(w, e, s);
    case PZ__E_COND:
        v = truth_of(eval(w, e->args[0], s));
        return is_problem(v) ? v : eval(w, e->args[v.as.b ? 1 : 2], s);
    case PZ__E_LIST:
    case PZ__E_MAP:
        return gather(w, e, s, e->kind == PZ__E_MAP ? 2 : 1);
    case PZ__E_MACRO:
        return eval_macro(w, e, s);
    case PZ__E_LET:
        return eval_let(w, e, s);
    default:
        return failed;
    }
}

pz_value walker_run(walker *w, const pz__expr *expr)
{
    return eval(w, expr, NULL);
}
