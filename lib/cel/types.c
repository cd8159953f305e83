/*
 * types.c: static types: constants, spelling, copying, and whether a value is of one.
 *
 * A type is a small immutable tree. The simple ones are constants of the library, so most
 * comparisons end at a pointer; parameterised ones live in whatever arena made them. The spelling
 * is the one that catalogs use, `map<string, list<int>>`, and is what diagnostics print.
 *
 * A type variable (PZ__T_PARAM) has either a name, in the declaration of a generic function, or no
 * name and its number in `arg_count`: the fresh variables of the checker, which alone knows what
 * they stand for. Printing shows a variable that nobody bound as dyn, which is what it becomes.
 *
 * pz__type_holds looks at every element: it guards the border where values come in, it is not part
 * of evaluation.
 */
#include "cel/types.h"

#include "base/error.h"

#define SIMPLE(id, kind_value) const pz__type pz__type_##id = {.kind = (kind_value)}
SIMPLE(dyn, PZ__T_DYN);
SIMPLE(null, PZ__T_NULL);
SIMPLE(bool, PZ__T_BOOL);
SIMPLE(int, PZ__T_INT);
SIMPLE(uint, PZ__T_UINT);
SIMPLE(double, PZ__T_DOUBLE);
SIMPLE(string, PZ__T_STRING);
SIMPLE(bytes, PZ__T_BYTES);
SIMPLE(timestamp, PZ__T_TIMESTAMP);
SIMPLE(duration, PZ__T_DURATION);
SIMPLE(error, PZ__T_ERROR);
#undef SIMPLE
const pz__type pz__type_ip = {.kind = PZ__T_OPAQUE, .name = {"net.IP", 6}};
const pz__type pz__type_cidr = {.kind = PZ__T_OPAQUE, .name = {"net.CIDR", 8}};

/* Spellings, the type each denotes, and how many arguments stand in the angle brackets. */
static const struct {
    const char *name;
    const pz__type *type; /* NULL for those with arguments */
    pz__type_kind kind;
    uint32_t arg_count;
} spellings[] = {
    {"dyn", &pz__type_dyn, PZ__T_DYN, 0},
    {"null", &pz__type_null, PZ__T_NULL, 0},
    {"bool", &pz__type_bool, PZ__T_BOOL, 0},
    {"int", &pz__type_int, PZ__T_INT, 0},
    {"uint", &pz__type_uint, PZ__T_UINT, 0},
    {"double", &pz__type_double, PZ__T_DOUBLE, 0},
    {"string", &pz__type_string, PZ__T_STRING, 0},
    {"bytes", &pz__type_bytes, PZ__T_BYTES, 0},
    {"timestamp", &pz__type_timestamp, PZ__T_TIMESTAMP, 0},
    {"duration", &pz__type_duration, PZ__T_DURATION, 0},
    {"list", NULL, PZ__T_LIST, 1},
    {"map", NULL, PZ__T_MAP, 2},
    {"type", NULL, PZ__T_TYPE, 1},
    {"wrapper", NULL, PZ__T_WRAPPER, 1},
    {"optional_type", NULL, PZ__T_OPAQUE, 1},
    {"any", &pz__type_dyn, PZ__T_DYN, 0}, /* what holds anything is checked like anything */
};
#define SPELLING_COUNT (sizeof spellings / sizeof spellings[0])

const pz__type *pz__type_make(pz__arena *arena, pz__type_kind kind, const pz__type *a,
                              const pz__type *b)
{
    uint32_t count = b ? 2 : a ? 1 : 0;
    pz__type *type = pz__arena_zero(arena, 1, sizeof *type);
    const pz__type **args = pz__arena_array(arena, count ? count : 1, sizeof *args);
    if (!type || !args)
        return NULL;
    args[0] = a;
    if (count == 2)
        args[1] = b;
    type->kind = kind;
    type->arg_count = count;
    type->args = args;
    return type;
}

const pz__type *pz__type_optional(pz__arena *arena, const pz__type *held)
{
    pz__type *type = pz__arena_zero(arena, 1, sizeof *type);
    const pz__type **args = pz__arena_array(arena, 1, sizeof *args);
    if (!type || !args)
        return NULL;
    args[0] = held;
    *type = (pz__type){
        .kind = PZ__T_OPAQUE, .arg_count = 1, .args = args, .name = PZ__STR("optional_type")};
    return type;
}

/* ---- reading ---- */

typedef struct reader {
    pz__arena *arena;
    pz_str text;
    size_t at;
    uint32_t depth;
    pz_error *err;
} reader;

static void skip_space(reader *r)
{
    while (r->at < r->text.len && r->text.data[r->at] == ' ')
        r->at++;
}

static bool take(reader *r, char c)
{
    skip_space(r);
    if (r->at >= r->text.len || r->text.data[r->at] != c)
        return false;
    r->at++;
    return true;
}

static pz_status expected(reader *r, const char *what)
{
    return pz__fail_at(r->err, PZ_ERR_PARSE, 1, (uint32_t)r->at + 1,
                       "the type '%.*s' needs %s at column %zu", PZ__STR_ARG(r->text), what,
                       r->at + 1);
}

static pz_status unknown_type(reader *r, pz_str name)
{
    pz_str names[SPELLING_COUNT];
    for (size_t i = 0; i < SPELLING_COUNT; i++)
        names[i] = pz_str_of(spellings[i].name);
    pz_str near = pz__nearest(name, names, SPELLING_COUNT);
    if (near.len)
        return pz__fail_at(r->err, PZ_ERR_PARSE, 1, (uint32_t)(r->at - name.len) + 1,
                           "there is no type '%.*s'; did you mean '%.*s'?", PZ__STR_ARG(name),
                           PZ__STR_ARG(near));
    return pz__fail_at(r->err, PZ_ERR_PARSE, 1, (uint32_t)(r->at - name.len) + 1,
                       "there is no type '%.*s'; types are bool, int, uint, double, string, bytes, "
                       "timestamp, duration, dyn, list<T> and map<K, V>",
                       PZ__STR_ARG(name));
}

static pz_str take_name(reader *r)
{
    skip_space(r);
    size_t start = r->at;
    while (r->at < r->text.len && ((r->text.data[r->at] >= 'a' && r->text.data[r->at] <= 'z') ||
                                   r->text.data[r->at] == '_'))
        r->at++;
    return (pz_str){r->text.data + start, r->at - start};
}

static pz_status read_type(reader *r, const pz__type **out);

static pz_status read_arguments(reader *r, size_t spelling, const pz__type **out)
{
    const pz__type *args[2] = {NULL, NULL};
    bool bare = !take(r, '<');
    for (uint32_t i = 0; i < spellings[spelling].arg_count; i++) {
        if (bare) { /* `list` alone is a list of anything */
            args[i] = &pz__type_dyn;
            continue;
        }
        if (i > 0 && !take(r, ','))
            return expected(r, "a comma");
        pz_status status = read_type(r, &args[i]);
        if (status != PZ_OK)
            return status;
    }
    if (!bare && !take(r, '>'))
        return expected(r, "a closing '>'");
    *out = spellings[spelling].kind == PZ__T_OPAQUE
               ? pz__type_optional(r->arena, args[0])
               : pz__type_make(r->arena, spellings[spelling].kind, args[0], args[1]);
    return *out ? PZ_OK : pz__fail(r->err, PZ_ERR_NOMEM, "out of memory");
}

static pz_status read_type(reader *r, const pz__type **out)
{
    if (++r->depth > PZ__TYPE_DEPTH_MAX)
        return pz__fail(r->err, PZ_ERR_LIMIT, "a type nests at most %u levels deep",
                        PZ__TYPE_DEPTH_MAX);
    pz_str name = take_name(r);
    if (name.len == 0)
        return expected(r, "a name");
    size_t i = 0;
    while (i < SPELLING_COUNT && !pz__str_equal(name, pz_str_of(spellings[i].name)))
        i++;
    if (i == SPELLING_COUNT)
        return unknown_type(r, name);
    pz_status status = PZ_OK;
    if (spellings[i].type)
        *out = spellings[i].type;
    else
        status = read_arguments(r, i, out);
    r->depth--;
    return status;
}

pz_status pz__type_parse(pz__arena *arena, const pz__type **out, pz_str text, pz_error *err)
{
    reader r = {.arena = arena, .text = text, .err = err};
    pz_status status = read_type(&r, out);
    if (status != PZ_OK)
        return status;
    skip_space(&r);
    return r.at == text.len ? PZ_OK : expected(&r, "to end");
}

/* ---- writing ---- */

static void print_arguments(pz__buf *out, const pz__type *type)
{
    for (uint32_t i = 0; i < type->arg_count; i++) {
        pz__buf_text(out, i ? ", " : "<");
        pz__type_print(out, type->args[i]);
    }
    if (type->arg_count)
        pz__buf_byte(out, '>');
}

static const char *spelling_of(pz__type_kind kind)
{
    size_t i = 0;
    while (i + 1 < SPELLING_COUNT && spellings[i].kind != kind)
        i++;
    return spellings[i].name;
}

void pz__type_print(pz__buf *out, const pz__type *type)
{
    if (!type) {
        pz__buf_text(out, "dyn");
        return;
    }
    switch (type->kind) {
    case PZ__T_PARAM:
        pz__buf_format(out, "%.*s", PZ__STR_ARG(type->name.len ? type->name : PZ__STR("dyn")));
        return;
    case PZ__T_ERROR:
        pz__buf_text(out, "error");
        return;
    case PZ__T_OPAQUE:
        pz__buf_put(out, type->name.data, type->name.len);
        print_arguments(out, type);
        return;
    default:
        pz__buf_text(out, spelling_of(type->kind));
        print_arguments(out, type);
    }
}

/* ---- copying and comparing ---- */

const pz__type *pz__type_copy(pz__arena *arena, const pz__type *type)
{
    if (!type)
        return &pz__type_dyn;
    if (type->kind == PZ__T_PARAM && type->name.len == 0)
        return &pz__type_dyn;
    for (size_t i = 0; i < SPELLING_COUNT; i++)
        if (spellings[i].type && spellings[i].kind == type->kind)
            return spellings[i].type;
    pz__type *copy = pz__arena_zero(arena, 1, sizeof *copy);
    const pz__type **args = pz__arena_array(arena, type->arg_count + 1, sizeof *args);
    if (!copy || !args)
        return NULL;
    *copy = *type;
    copy->args = args;
    if (type->name.len &&
        !(copy->name.data = pz__arena_text(arena, type->name.data, type->name.len)))
        return NULL;
    for (uint32_t i = 0; i < type->arg_count; i++)
        if (!(args[i] = pz__type_copy(arena, type->args[i])))
            return NULL;
    return copy;
}

bool pz__type_same(const pz__type *a, const pz__type *b)
{
    if (a == b)
        return true;
    if (!a || !b || a->kind != b->kind || a->arg_count != b->arg_count ||
        !pz__str_equal(a->name, b->name))
        return false;
    if (a->kind == PZ__T_PARAM)
        return true;
    for (uint32_t i = 0; i < a->arg_count; i++)
        if (!pz__type_same(a->args[i], b->args[i]))
            return false;
    return true;
}

/* ---- values of a type ---- */

static bool list_holds(const pz__type *item, pz_value v)
{
    for (uint32_t i = 0; i < v.len; i++)
        if (!pz__type_holds(item, v.as.items[i]))
            return false;
    return true;
}

static bool map_holds(const pz__type *key, const pz__type *value, pz_value v)
{
    const pz_entry *entries = pz__map_entries(v);
    for (uint32_t i = 0; i < v.len; i++)
        if (!pz__type_holds(key, entries[i].key) || !pz__type_holds(value, entries[i].value))
            return false;
    return true;
}

bool pz__type_holds(const pz__type *type, pz_value v)
{
    /* ORDER of pz__type_kind. */
    static const uint8_t kinds[] = {0,         PZ_NULL,   PZ_BOOL,  PZ_INT,       PZ_UINT,
                                    PZ_DOUBLE, PZ_STRING, PZ_BYTES, PZ_TIMESTAMP, PZ_DURATION};
    switch (type->kind) {
    case PZ__T_DYN:
    case PZ__T_PARAM:
        return v.kind <= PZ_MAP;
    case PZ__T_LIST:
        return v.kind == PZ_LIST && list_holds(type->args[0], v);
    case PZ__T_MAP:
        return v.kind == PZ_MAP && map_holds(type->args[0], type->args[1], v);
    case PZ__T_WRAPPER:
        return v.kind == PZ_NULL || pz__type_holds(type->args[0], v);
    case PZ__T_TYPE:
        return v.kind == PZ__V_TYPE;
    case PZ__T_OPAQUE:
        return pz__type_is_optional(type) && v.kind == PZ__V_OPTIONAL &&
               (v.len == 0 || pz__type_holds(type->args[0], v.as.items[0]));
    case PZ__T_ERROR:
        return false;
    default:
        return v.kind == kinds[type->kind];
    }
}
