/*
 * names.c: what a dotted name means.
 *
 * A chain a.b.c is one name, or a name and selections on it, or (if `a` is the variable of a macro)
 * selections only. The longest prefix that the environment knows wins; within a prefix the
 * container is tried from the inside out. After the environment the names of types are asked.
 *
 * The found prefix becomes a SLOT (or a type constant) in place and the rest of the chain stays
 * selections. has(a.b) on a name the environment knows as a whole asks whether the slot is known.
 * A name found nowhere is a mistake with the nearest right name beside it; in an open or unchecked
 * environment it becomes a NAME that is looked for when it is evaluated.
 */
#include "cel/check.h"

static const struct {
    const char *name;
    const pz__type *type;
} type_names[] = {
    {"bool", &pz__type_bool},
    {"int", &pz__type_int},
    {"uint", &pz__type_uint},
    {"double", &pz__type_double},
    {"string", &pz__type_string},
    {"bytes", &pz__type_bytes},
    {"null_type", &pz__type_null},
    {"list", NULL},
    {"map", NULL},
    {"type", NULL},
    {"optional_type", NULL},
    {"net.IP", &pz__type_ip},
    {"net.CIDR", &pz__type_cidr},
    {"google.protobuf.Timestamp", &pz__type_timestamp},
    {"google.protobuf.Duration", &pz__type_duration},
};

/* ---- the text of a chain ---- */

static bool is_quoted(const pz__expr *expr)
{
    return expr->name_end - expr->name_at != expr->name.len;
}

/* The identifier a chain begins with; NULL if the node is no chain of plain selections. */
static const pz__expr *chain_root(const pz__expr *expr)
{
    while (expr->kind == PZ__E_SELECT && !expr->optional && !is_quoted(expr))
        expr = expr->target;
    return expr->kind == PZ__E_IDENT ? expr : NULL;
}

static size_t chain_len(const pz__expr *expr)
{
    size_t len = expr->name.len;
    for (; expr->kind == PZ__E_SELECT; len += expr->name.len + 1)
        expr = expr->target;
    return len;
}

/* The text of a chain without blanks, in the scratch arena. */
static pz_str chain_text(pz__checker *ck, const pz__expr *expr)
{
    size_t len = chain_len(expr), at = len;
    char *text = pz__arena_new(ck->scratch, len + 1);
    if (!text) {
        pz__issue_nomem(ck->sink);
        return (pz_str){NULL, 0};
    }
    for (;; expr = expr->target) {
        at -= expr->name.len;
        memcpy(text + at, expr->name.data, expr->name.len);
        if (expr->kind == PZ__E_IDENT)
            return (pz_str){text, len};
        text[--at] = '.';
    }
}

pz_str pz__chain_text(pz__checker *ck, const pz__expr *expr, bool *absolute)
{
    *absolute = chain_root(expr)->absolute;
    return chain_text(ck, expr);
}

bool pz__dotted_name(pz__checker *ck, const pz__expr *expr, pz_str *out, bool *absolute)
{
    const pz__expr *root = expr->test_only ? NULL : chain_root(expr);
    if (!root)
        return false;
    *out = chain_text(ck, expr);
    *absolute = root->absolute;
    return out->data != NULL;
}

bool pz__is_of_local(const pz__checker *ck, const pz__expr *expr)
{
    const pz__expr *root = chain_root(expr);
    return root && pz__find_local(ck, root);
}

const pz__scope *pz__find_local(const pz__checker *ck, const pz__expr *expr)
{
    if (expr->absolute)
        return NULL;
    const pz__scope *scope = ck->scope;
    while (scope && !pz__str_equal(scope->name, expr->name))
        scope = scope->up;
    return scope;
}

/* ---- looking up ---- */

static bool find_type_name(pz__checker *ck, pz_str name, pz__expr *expr)
{
    if (pz__str_equal(name, PZ__STR("google.protobuf.NullValue.NULL_VALUE"))) {
        expr->kind = PZ__E_CONST;
        expr->constant = pz_value_null();
        expr->type = &pz__type_null;
        return true;
    }
    for (size_t i = 0; i < sizeof type_names / sizeof type_names[0]; i++) {
        if (!pz__str_equal(name, pz_str_of(type_names[i].name)))
            continue;
        expr->kind = PZ__E_CONST;
        expr->constant = (pz_value){
            .kind = PZ__V_TYPE, .len = (uint32_t)name.len, .as.text = type_names[i].name};
        const pz__type *of = type_names[i].type ? type_names[i].type : &pz__type_dyn;
        expr->type = pz__type_make(ck->scratch, PZ__T_TYPE, of, NULL);
        if (!expr->type) {
            pz__issue_nomem(ck->sink);
            expr->type = &pz__type_error;
        }
        return true;
    }
    return false;
}

/* A for the container A.B. */
static pz_str outer(pz_str container)
{
    while (container.len && container.data[container.len - 1] != '.')
        container.len--;
    container.len -= container.len > 0;
    return container;
}

bool pz__each_candidate(pz__checker *ck, pz_str name, bool absolute, pz__try_fn attempt,
                        void *payload)
{
    pz_str container = ck->options ? ck->options->container : (pz_str){NULL, 0};
    while (container.len && !absolute) {
        char *text = pz__arena_new(ck->scratch, container.len + 1 + name.len);
        if (!text) {
            pz__issue_nomem(ck->sink);
            return false;
        }
        memcpy(text, container.data, container.len);
        text[container.len] = '.';
        memcpy(text + container.len + 1, name.data, name.len);
        if (attempt(payload, (pz_str){text, container.len + 1 + name.len}))
            return true;
        container = outer(container);
    }
    return attempt(payload, name);
}

/* A name while it is looked for; turns `expr` into what was found. */
typedef struct name_search {
    pz__checker *ck;
    pz__expr *expr;
} name_search;

static bool try_name(void *payload, pz_str name)
{
    const name_search *search = payload;
    const pz__cel_env *env = search->ck->env;
    pz__expr *expr = search->expr;
    pz__slot slot = {0};
    if (env && env->find && env->find(env->self, name, &slot) == PZ_OK) {
        expr->kind = PZ__E_SLOT;
        expr->index = slot.index;
        expr->type = slot.type ? slot.type : &pz__type_dyn;
        return true;
    }
    return !expr->test_only && find_type_name(search->ck, name, expr);
}

static bool try_candidates(pz__checker *ck, pz_str name, bool absolute, pz__expr *expr)
{
    name_search search = {ck, expr};
    return pz__each_candidate(ck, name, absolute, try_name, &search);
}

/* A function while its name is looked for. */
typedef struct function_search {
    pz__checker *ck;
    pz__expr *call;
    bool member; /* written value.f(...) */
} function_search;

static bool row_takes(const function_search *search, const pz__function *function)
{
    uint32_t arity = search->call->count + search->member;
    for (uint32_t i = 0; i < function->overload_count; i++)
        if (function->overloads[i].member == search->member &&
            pz__overload_arity(&function->overloads[i]) == arity)
            return true;
    return false;
}

/* Two functions may share a name and differ in how they are called: their rows stand together. The
 * first of the name where none is called like this. */
static bool find_standard(const function_search *search, pz_str name, bool *takes)
{
    const uint32_t first = pz__function_find(name);
    search->call->index = first;
    *takes = false;
    for (uint32_t i = first; i < pz__function_count && !*takes; i++) {
        if (!pz__str_equal(pz__functions[i].name, name))
            break;
        *takes = row_takes(search, &pz__functions[i]);
        search->call->index = *takes ? i : first;
    }
    return first < pz__function_count;
}

static bool try_function(void *payload, pz_str name)
{
    bool takes;
    const function_search *search = payload;
    const pz__cel_env *env = search->ck->env;
    const pz__host_function *host =
        env && env->function && !search->call->is_operator ? env->function(env->self, name) : NULL;
    const bool is_standard = find_standard(search, name, &takes);
    if (is_standard && (!host || takes))
        return true;
    search->call->host = host;
    return host != NULL;
}

/* `target.name` as one name, in the scratch arena. */
static pz_str joined(pz__checker *ck, pz_str target, pz_str name)
{
    char *text = pz__arena_new(ck->scratch, target.len + 1 + name.len);
    if (!text) {
        pz__issue_nomem(ck->sink);
        return (pz_str){NULL, 0};
    }
    memcpy(text, target.data, target.len);
    text[target.len] = '.';
    memcpy(text + target.len + 1, name.data, name.len);
    return (pz_str){text, target.len + 1 + name.len};
}

bool pz__find_function(pz__checker *ck, pz__expr *call)
{
    function_search search = {ck, call, false};
    pz_str target;
    bool absolute;
    if (call->is_operator)
        return try_function(&search, call->name);
    if (!call->target)
        return pz__each_candidate(ck, call->name, call->absolute, try_function, &search);
    if (pz__dotted_name(ck, call->target, &target, &absolute)) {
        pz_str whole = joined(ck, target, call->name);
        if (whole.data && pz__each_candidate(ck, whole, absolute, try_function, &search)) {
            call->target = NULL;
            call->name = whole;
            return true;
        }
    }
    search.member = true;
    return try_function(&search, call->name);
}

/* ---- suggestions ---- */

typedef struct names {
    pz__checker *ck;
    pz_str *list;
    uint32_t count, cap;
} names;

static void put_name(void *payload, pz_str name)
{
    names *n = payload;
    if (n->count == n->cap) {
        uint32_t cap = n->cap ? n->cap * 2 : 32;
        pz_str *list = pz__arena_array(n->ck->scratch, cap, sizeof *list);
        if (!list)
            return; /* a suggestion less; the mistake itself is told */
        if (n->count)
            memcpy(list, n->list, n->count * sizeof *list);
        n->list = list;
        n->cap = cap;
    }
    n->list[n->count++] = name;
}

static uint32_t dots(pz_str name)
{
    uint32_t count = 0;
    for (size_t i = 0; i < name.len; i++)
        count += name.data[i] == '.';
    return count;
}

/* The nearest name of as many parts as `meant`, which loses parts at its end until there is one. */
static pz_str nearest_of_parts(const names *n, pz_str *meant)
{
    while (meant->len) {
        pz_str near = pz__nearest(*meant, n->list, n->count);
        if (near.len && dots(near) == dots(*meant))
            return near;
        while (meant->len && meant->data[meant->len - 1] != '.')
            meant->len--;
        meant->len -= meant->len > 0;
    }
    return (pz_str){NULL, 0};
}

/* The nearest name, and which part of the chain it was probably meant by. */
static pz_str nearest_name(pz__checker *ck, pz_str text, pz_str *meant)
{
    names n = {.ck = ck};
    if (ck->env && ck->env->suggest)
        ck->env->suggest(ck->env->self, put_name, &n);
    for (const pz__scope *scope = ck->scope; scope; scope = scope->up)
        put_name(&n, scope->name);
    *meant = text;
    pz_str near = nearest_of_parts(&n, meant);
    if (near.len)
        return near;
    *meant = text;
    return pz__nearest(text, n.list, n.count);
}

static void unknown_name(pz__checker *ck, pz__expr *expr, const pz__expr *root, pz_str text)
{
    pz_str meant;
    pz_str near = nearest_name(ck, text, &meant);
    const bool is_word = expr == root && !near.len && meant.len <= 40;
    const char *remedy = near.len ? "" : "; it is declared nowhere";
    pz__cel_issue *issue = pz__issue(ck->sink, PZ_ERR_TYPE, root->start, expr->name_end,
                                     "unknown name '%.*s'%s%s%.*s%s", PZ__STR_ARG(meant), remedy,
                                     is_word ? ", and a text is written in quotes: '" : "",
                                     is_word ? (int)meant.len : 0, meant.data, is_word ? "'" : "");
    pz__issue_suggest(ck->sink, issue, near);
    if (issue)
        issue->is_unknown_name = true;
    expr->type = &pz__type_error;
}

/* ---- checking ---- */

/* The type of a field of a value of the type; NULL if it can have none. */
static const pz__type *field_type(pz__checker *ck, const pz__type *operand)
{
    switch (operand->kind) {
    case PZ__T_MAP:
        return operand->args[1];
    case PZ__T_PARAM:
        pz__assignable(ck, operand, &pz__type_dyn);
        return &pz__type_dyn;
    case PZ__T_DYN:
    case PZ__T_ERROR:
        return operand;
    default:
        return NULL;
    }
}

static void check_selection(pz__checker *ck, pz__expr *expr)
{
    pz__check_node(ck, expr->target);
    const pz__type *operand = pz__type_resolve(ck, expr->target->type);
    bool looks_inside = pz__type_is_optional(operand);
    const pz__type *inside = operand;
    if (looks_inside)
        inside = pz__type_resolve(ck, operand->args[0]);
    const pz__type *field = field_type(ck, inside);
    if (!field && !(ck->options && ck->options->unchecked)) {
        pz__issue(ck->sink, PZ_ERR_TYPE, expr->name_at, expr->name_end,
                  "'.%.*s' needs a map, this is %s", PZ__STR_ARG(expr->name),
                  pz__spell(ck, operand));
        field = &pz__type_error;
    } else if (!field) {
        field = &pz__type_dyn;
    }
    expr->type = field;
    if (field->kind == PZ__T_ERROR)
        return;
    if (expr->test_only)
        expr->type = &pz__type_bool;
    else if (expr->optional || looks_inside)
        expr->type = pz__optional_type(ck, field);
}

/* has() of a whole name: is the slot known? Otherwise has() of a selection. */
static bool known_as_a_whole(pz__checker *ck, pz__expr *expr, const pz__expr *root)
{
    pz_str text = chain_text(ck, expr);
    if (!text.data || !try_candidates(ck, text, root->absolute, expr))
        return false;
    expr->type = &pz__type_bool;
    return true;
}

static bool is_open(const pz__checker *ck)
{
    return (ck->options && ck->options->unchecked) || !ck->env || !ck->env->closed;
}

/* A variable, or what it is another word for. */
static void make_local(pz__expr *expr, const pz__scope *local)
{
    expr->kind = local->alias ? local->alias->kind : (uint8_t)PZ__E_LOCAL;
    expr->index = local->alias ? local->alias->index : local->number;
    expr->constant = local->alias ? local->alias->constant : pz_value_null();
    expr->type = local->type;
}

/* Find the longest known prefix and turn its node into what it means; false if there is none. */
static bool resolve_prefix(pz__checker *ck, pz__expr *expr, const pz__expr *root, pz_str text)
{
    for (pz__expr *prefix = expr;; prefix = prefix->target) {
        if (try_candidates(ck, text, root->absolute, prefix))
            return true;
        if (prefix->kind == PZ__E_IDENT || ck->sink->status == PZ_ERR_NOMEM)
            return false;
        text.len -= prefix->name.len + 1;
    }
}

/* True if has() asks for a name that nothing begins: then the whole of it is misspelt. */
static bool has_unknown(pz__checker *ck, pz__expr *expr, const pz__expr *root)
{
    if (is_open(ck))
        return false;
    pz_str text = chain_text(ck, expr), prefix = text;
    prefix.len -= text.data ? expr->name.len + 1 : 0;
    if (!text.data || resolve_prefix(ck, expr->target, root, prefix) ||
        ck->sink->status == PZ_ERR_NOMEM)
        return false;
    unknown_name(ck, expr, root, text);
    return true;
}

void pz__check_name(pz__checker *ck, pz__expr *expr)
{
    const pz__expr *root = chain_root(expr);
    const pz__scope *local = root ? pz__find_local(ck, root) : NULL;
    if (local && expr == root) {
        make_local(expr, local);
        return;
    }
    const bool is_part = root && !local && expr->test_only && !known_as_a_whole(ck, expr, root);
    if (is_part && has_unknown(ck, expr, root))
        return;
    if (!root || local || is_part) {
        check_selection(ck, expr);
        return;
    }
    if (expr->type)
        return; /* a known name was asked for with has() */
    pz_str text = chain_text(ck, expr);
    if (!text.data)
        return;
    if (resolve_prefix(ck, expr, root, text)) {
        if (!expr->type)
            check_selection(ck, expr);
        return;
    }
    if (!is_open(ck)) {
        unknown_name(ck, expr, root, text);
        return;
    }
    expr->kind = PZ__E_NAME;
    expr->absolute = root->absolute;
    expr->name = text;
    expr->type = &pz__type_dyn;
}
