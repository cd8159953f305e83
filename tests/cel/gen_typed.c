/*
 * gen_typed.c: see gen_typed.h. A grammar of templates by type:
 *
 *      %i int  %u uint  %d double  %b bool  %s string  %l list of int  %g list of string
 *      %m map from string to int  %o optional int  %x anything
 *      ~yi     from here to the end of the template y is a variable of type i
 *
 * all else is copied. A leaf is a variable in sight, a literal, or a name; now and then a part is
 * of another type than it should be, or fails.
 */
#include "cel/gen_typed.h"

#include <stdio.h>
#include <string.h>

static const char types[] = "iudbslgmox";
#define TYPES (sizeof types - 1)

static const gen_typed_name variables[GEN_VARIABLES] = {
    {"p.i", "int", NULL},
    {"p.j", "int", NULL},
    {"p.u", "uint", NULL},
    {"p.d", "double", NULL},
    {"p.b", "bool", NULL},
    {"p.c", "bool", NULL},
    {"p.s", "string", NULL},
    {"p.l", "list<int>", NULL},
    {"p.g", "list<string>", NULL},
    {"p.m", "map<string, int>", NULL},
    {"p", "dyn", NULL},
    {"p.m.k", "int", NULL},
    {"y", "dyn", NULL},
    {"a", "dyn", NULL},
    {"q.r.s", "dyn", NULL},
    {"y.k", "int", NULL},
};
static const char variable_types[] = "iiudbbslgmxixxxi";

static const struct {
    char type;
    const char *text;
} literals[] = {
    {'i', "0"},
    {'i', "1"},
    {'i', "2"},
    {'i', "(-1)"},
    {'i', "7"},
    {'i', "9223372036854775807"},
    {'i', "(-9223372036854775808)"},
    {'i', "9007199254740993"},
    {'u', "0u"},
    {'u', "1u"},
    {'u', "3u"},
    {'u', "18446744073709551615u"},
    {'u', "9223372036854775808u"},
    {'d', "0.0"},
    {'d', "(-0.0)"},
    {'d', "1.0"},
    {'d', "1.5"},
    {'d', "(-2.5)"},
    {'d', "9223372036854775808.0"},
    {'d', "9007199254740992.0"},
    {'d', "1e300"},
    {'d', "18446744073709551616.0"},
    {'b', "true"},
    {'b', "false"},
    {'s', "''"},
    {'s', "'a'"},
    {'s', "'k'"},
    {'s', "'ab'"},
    {'s', "'\\u00e9\\U0001f600'"},
    {'s', "'12'"},
    {'s', "'-7'"},
    {'s', "'true'"},
    {'s', "'a longer text than the others'"},
    {'l', "[]"},
    {'l', "[1, 2]"},
    {'l', "[0, 1, 0]"},
    {'l', "[3, 1, 2, 1]"},
    {'g', "['a', 'ab']"},
    {'g', "['k', '', 'a', 'k']"},
    {'m', "{}"},
    {'m', "{'k': 1}"},
    {'m', "{'a': 1, 'b': 0, 'k': 2}"},
    {'o', "optional.none()"},
    {'o', "optional.of(1)"},
    {'x', "null"},
    {'x', "b'\\xff'"},
    {'x', "{1: 'a', 2u: 'b', true: 'c'}"},
    {'x', "[1, 'a', 1.0, null]"},
    {'x', "[[1], [1, 2]]"},
    {'x', "{'k': {'k': 1}, 'a': []}"},
    {'x', "optional.of({'k': 1})"},
    {'x', "duration('90s')"},
    {'x', "timestamp('2024-02-29T12:00:00Z')"},
};
#define LITERALS (sizeof literals / sizeof literals[0])
_Static_assert(LITERALS <= GEN_LITERALS, "a name for each literal");

static const char *const ints[] = {
    "(%i + %i)",
    "(%i - %i)",
    "(%i * %i)",
    "(%i / %i)",
    "(%i % %i)",
    "(-(%i))",
    "size(%s)",
    "%l.size()",
    "%m.size()",
    "%l[%i]",
    "%m.k",
    "%m['a']",
    "%m[%s]",
    "int(%u)",
    "int(%d)",
    "int(%s)",
    "(%b ? %i : %i)",
    "%o.orValue(%i)",
    "%o.value()",
    "cel.bind(z, %i, ~zi%i)",
    "cel.bind(z, %l, ~zl%i)",
    "%l.filter(y, ~yi%b).size()",
    "size(%g.filter(y, ~ys%b))",
    "cel.block([%i, cel.index(0) + %i], cel.index(1) + cel.index(0))",
    "p.m.k",
    "%m.?k.orValue(%i)",
    "%l[?%i].orValue(%i)",
    "%s.indexOf(%s)",
    "math.greatest(%i, %i)",
    "[%i, %i][%i]",
    "{'k': %i, %s: %i}.k",
    "(%i / 0)",
    "%l.filter(y, ~yi%b)[0]",
    "y.k",
    "cel.block([%i / %i, %i], %b ? cel.index(0) : cel.index(1))",
    "duration('90s').getMinutes()"};
static const char *const uints[] = {
    "(%u + %u)", "(%u - %u)", "(%u * %u)", "(%u / %u)",      "(%u % %u)",
    "uint(%i)",  "uint(%d)",  "uint(%s)",  "(%b ? %u : %u)", "cel.bind(z, %u, ~zu%u)"};
static const char *const doubles[] = {"(%d + %d)",      "(%d - %d)",  "(%d * %d)",
                                      "(%d / %d)",      "(-(%d))",    "double(%i)",
                                      "(%b ? %d : %d)", "double(%u)", "cel.bind(z, %d, ~zd%d)"};
static const char *const bools[] = {"(%b && %b)",
                                    "(%b || %b)",
                                    "(%b && %b && %b)",
                                    "(%b || %b || %b)",
                                    "(!(%b))",
                                    "(!!(%b))",
                                    "(%i == %i)",
                                    "(%i < %i)",
                                    "(%i <= %i)",
                                    "(%i > %i)",
                                    "(%i >= %i)",
                                    "(%i != %i)",
                                    "(%u < %u)",
                                    "(%d <= %d)",
                                    "(%d == %d)",
                                    "(%s == %s)",
                                    "(%s < %s)",
                                    "(%x == %x)",
                                    "(%x != %x)",
                                    "(dyn(%x) < dyn(%x))",
                                    "(dyn(%i) < dyn(%d))",
                                    "(dyn(%u) >= dyn(%d))",
                                    "(dyn(%d) == dyn(%i))",
                                    "[%i, %i, %i].exists(z, ~zidyn(z) == %d)",
                                    "(dyn(%i) > dyn(%u))",
                                    "(%i in %l)",
                                    "(%s in %m)",
                                    "(%s in %g)",
                                    "(%x in %x)",
                                    "(dyn(%d) in dyn(%l))",
                                    "%s.contains(%s)",
                                    "%s.startsWith(%s)",
                                    "%s.endsWith(%s)",
                                    "%l.all(y, ~yi%b)",
                                    "%l.exists(y, ~yi%b)",
                                    "%l.exists_one(y, ~yi%b)",
                                    "%g.all(z, ~zs%b)",
                                    "%m.exists(y, ~ys%b)",
                                    "%l.all(z, y, ~zi~yi%b)",
                                    "%g.exists(z, y, ~zi~ys%b)",
                                    "%m.all(z, y, ~zs~yi%b)",
                                    "%m.existsOne(z, y, ~zs~yi%b)",
                                    "(%b ? %b : %b)",
                                    "has(%m.k)",
                                    "has(p.m)",
                                    "has(p.i)",
                                    "has(p.s)",
                                    "has(dyn(%x).k)",
                                    "%o.hasValue()",
                                    "(%o == %o)",
                                    "(%l == %l)",
                                    "(%m == %m)",
                                    "cel.bind(z, %b, ~zb%b)",
                                    "cel.bind(z, %i, ~zi%b)",
                                    "bool(%s)",
                                    "has(%m.?k.a)",
                                    "(%b || %i / 0 == 1)",
                                    "(%b && [][0] == 1)",
                                    "has({'k': %x}.k)",
                                    "(%b == %b)",
                                    "(%s in ['a', 'k', 'ab'])",
                                    "(%i in [0, 1, 2, 7])",
                                    "(%x in [1, 2, 3])",
                                    "(type(%x) == int)",
                                    "(%i in [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])",
                                    "p.s.startsWith('a')",
                                    "(p.i == 1)",
                                    "(p.d < 1.5)",
                                    "(p.s in ['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h', 'k', ''])",
                                    "(p.i > 0 && p.s == 'a')",
                                    "(a == 1 || y > 2)",
                                    "[%b, %b].exists(z, ~zbz)",
                                    "[%i / %i, 1].exists(z, ~ziz == 1)",
                                    "%l.exists(y, ~yi%g.all(z, ~zs%b))",
                                    "(%b && dyn(%x))",
                                    "(dyn(%x) || %b)",
                                    "(p.k == 1)",
                                    "(p.a == 'a')",
                                    "(p.k < 2 && p.a >= 0)",
                                    "(p.k in [1, 2, 3])",
                                    "(p.a in ['a', 'k'])",
                                    "(q.r.s.k > 1 || q.r.s.a == 1.5)",
                                    "(y.a == 1.0 || y.k == 2)",
                                    "(p.b == true)",
                                    "p.k.startsWith('a')",
                                    "(p.m.a <= 1)",
                                    "(y.a && a.k)",
                                    "(p.k.k == 1)",
                                    "[%m, %m].exists_one(y, ~ymy.k > 1)",
                                    "[%x, {'k': %x}].exists(y, ~yxy.k == 1 || y.a in [1, 2])",
                                    "[%m, %m].filter(y, ~ym(y.k < 2 && y.a == 1)).size() == 1",
                                    "size([%m, %m].filter(z, ~zm%b)) < 2",
                                    "[{'k': %i}, {'a': %i}].all(z, ~zmhas(z.k) && z.k > %i)",
                                    "[%m, {'k': %i}].map(z, ~zmz.k > 0, z.k).size() == 2"};
static const char *const texts[] = {"(%s + %s)",
                                    "string(%i)",
                                    "string(%b)",
                                    "string(%u)",
                                    "%g[%i]",
                                    "(%b ? %s : %s)",
                                    "cel.bind(z, %s, ~zs%s)",
                                    "%g.join(%s)",
                                    "%s.substring(%i)",
                                    "%s.replace(%s, %s)",
                                    "%s.charAt(%i)",
                                    "%s.lowerAscii()",
                                    "string(%s)",
                                    "%g.filter(y, ~ys%b)[0]"};
static const char *const int_lists[] = {"[%i, %i]",
                                        "[%i]",
                                        "(%l + %l)",
                                        "%l.map(y, ~yi%i)",
                                        "%l.map(y, ~yi%b, %i)",
                                        "[0, %i, 2].map(y, ~yiy == 0 ? p.i : %i / y)",
                                        "[1, 0].map(y, ~yi(y == 1 ? p.j : 1 / y))",
                                        "%l.filter(y, ~yi%b)",
                                        "%m.map(y, ~ys%i)",
                                        "%l.transformList(z, y, ~zi~yi%i)",
                                        "%m.transformList(z, y, ~zs~yi%b, %i)",
                                        "[?%o, %i]",
                                        "[%i, ?%m.?k, ?%l[?%i]]",
                                        "(%b ? %l : %l)",
                                        "%g.map(z, ~zssize(z))",
                                        "cel.bind(z, %l, ~zl%l)",
                                        "%l.sortBy(y, ~yi%i)",
                                        "%l.map(y, ~yi%l.map(z, ~zi%i))[0]",
                                        "%l.reverse()",
                                        "optional.unwrap([%o, %o])",
                                        "[%o].unwrapOpt()"};
static const char *const text_lists[] = {
    "[%s, %s]",           "(%g + %g)",        "%g.map(y, ~ys%s)", "%g.filter(y, ~ys%b)",
    "%m.map(y, ~ys%s)",   "%l.map(y, ~yi%s)", "%s.split(%s)",     "(%b ? %g : %g)",
    "%m.filter(y, ~ys%b)"};
static const char *const maps[] = {"{'k': %i}",
                                   "{%s: %i, 'a': %i}",
                                   "{?'k': %o, 'a': %i}",
                                   "{?%s: %m.?k}",
                                   "%m.transformMap(z, y, ~zs~yi%i)",
                                   "%m.transformMap(z, y, ~zs~yi%b, %i)",
                                   "%m.transformMapEntry(z, y, ~zs~yi{%s: %i})",
                                   "(%b ? %m : %m)",
                                   "%g.transformMapEntry(z, y, ~zi~ys%b, {y: z})",
                                   "cel.bind(z, %m, ~zm%m)",
                                   "{'k': %m}.k"};
static const char *const optionals[] = {"optional.of(%i)",
                                        "%m.?k",
                                        "%m[?%s]",
                                        "%l[?%i]",
                                        "%o.or(%o)",
                                        "optional.ofNonZeroValue(%i)",
                                        "%o.optMap(y, ~yi%i)",
                                        "%o.optFlatMap(y, ~yi%o)",
                                        "(%b ? %o : %o)",
                                        "optional.of(%m).k",
                                        "optional.of(%l)[%i]",
                                        "{'k': %m}.?k.a",
                                        "%l.filter(y, ~yi%b).first()"};
static const char *const others[] = {"dyn(%i)",
                                     "dyn(%u)",
                                     "dyn(%d)",
                                     "dyn(%b)",
                                     "dyn(%s)",
                                     "dyn(%l)",
                                     "dyn(%g)",
                                     "dyn(%m)",
                                     "dyn(%o)",
                                     "type(%x)",
                                     "[%x, %x]",
                                     "{'k': %x}",
                                     "dyn(%x).k",
                                     "dyn(%x)[%x]",
                                     "dyn(%x).?k",
                                     "dyn(%x)[?%x]",
                                     "(%b ? dyn(%x) : dyn(%x))",
                                     "(dyn(%x) + dyn(%x))",
                                     "(dyn(%x) - dyn(%x))",
                                     "dyn(%x).map(y, ~yx%x)",
                                     "dyn(%x).filter(y, ~yx%b)",
                                     "dyn(%x).all(y, ~yx%b)",
                                     "dyn(%x).transformMap(z, y, ~zx~yx%x)",
                                     "dyn(%x).exists_one(y, ~yxy == %x)",
                                     "size(dyn(%x))",
                                     "dyn(%x).size()",
                                     "nosuch(%x)",
                                     "{%s: %x, 'k': %x}",
                                     "{dyn(%x): %x}",
                                     "[?dyn(%x)]",
                                     "cel.bind(z, %x, ~zx%x)",
                                     "cel.bind(y, %x, ~yx[y, y])",
                                     "dyn(%x).optMap(y, ~yx%x)",
                                     "dyn(%x).orValue(%x)",
                                     "dyn(%x).or(dyn(%x))",
                                     "int(dyn(%x))",
                                     "string(dyn(%b))",
                                     "(-dyn(%x))",
                                     "(!dyn(%x))",
                                     "p",
                                     "p.x.y",
                                     "q.r.s.k",
                                     "q.r",
                                     ".y",
                                     "has(q.r.s)",
                                     "has(p.m.k)",
                                     "int",
                                     "nowhere",
                                     "[[%x], %l].map(y, ~ylsize(y))",
                                     "{'k': optional.of(%x)}.k.k",
                                     "optional.of(%x)",
                                     "dyn(%x).transformMapEntry(z, y, ~zx~yx{z: %x})",
                                     "dyn(%x).hasValue()",
                                     "dyn(%x).value()"};

static const struct {
    const char *const *list;
    size_t count;
} grammar[] = {
#define RULES(name)                                                                                \
    {                                                                                              \
        name, sizeof name / sizeof name[0]                                                         \
    }
    RULES(ints),      RULES(uints),      RULES(doubles), RULES(bools),     RULES(texts),
    RULES(int_lists), RULES(text_lists), RULES(maps),    RULES(optionals), RULES(others)};

uint32_t gen_typed_count(void)
{
    return GEN_VARIABLES + (uint32_t)LITERALS;
}

gen_typed_name gen_typed_name_of(uint32_t number)
{
    static char name[GEN_LITERALS][16];
    if (number < GEN_VARIABLES)
        return variables[number];
    uint32_t i = number - GEN_VARIABLES;
    snprintf(name[i], sizeof name[i], "c%u", i);
    return (gen_typed_name){name[i], "dyn", literals[i].text};
}

/* The number of a literal of the type. */
static size_t literal_of(gen *g, char type)
{
    for (;;) {
        size_t i = gen_below(g, LITERALS);
        if (literals[i].type == type || (type == 'x' && gen_chance(g, 1, 4)))
            return i;
    }
}

const char *gen_typed_value(gen *g, uint32_t variable)
{
    return literals[literal_of(g, variable_types[variable])].text;
}

/* ---- writing ---- */

#define LOCALS_MAX 64

typedef struct writer {
    gen *g;
    gen_pair *out;
    uint32_t local_count;
    char locals[LOCALS_MAX][2]; /* name, type */
} writer;

static void put(writer *w, const char *text)
{
    pz__buf_put(&w->out->literal, text, strlen(text));
    pz__buf_put(&w->out->slots, text, strlen(text));
}

/* True if a variable of a macro with that type is in sight, and was written. */
static bool put_local(writer *w, char type)
{
    for (uint32_t tries = 0; tries < 2 && w->local_count; tries++) {
        const char *local = w->locals[gen_below(w->g, w->local_count)];
        if (local[1] == type || type == 'x') {
            put(w, (char[]){local[0], 0});
            return true;
        }
    }
    return false;
}

static void put_leaf(writer *w, char type)
{
    if (gen_chance(w->g, 1, 2) && put_local(w, type))
        return;
    size_t at = gen_below(w->g, GEN_VARIABLES);
    for (uint32_t tries = gen_below(w->g, 2) ? 12 : 0; tries; tries--) {
        if (variable_types[at] == type || type == 'x') {
            put(w, variables[at].name);
            return;
        }
        at = gen_below(w->g, GEN_VARIABLES);
    }
    at = literal_of(w->g, type);
    char name[16];
    snprintf(name, sizeof name, "c%u", (unsigned)at);
    pz__buf_put(&w->out->literal, literals[at].text, strlen(literals[at].text));
    pz__buf_put(&w->out->slots, name, strlen(name));
}

static void expand(writer *w, char type, unsigned depth)
{
    if (gen_chance(w->g, 1, 60))
        type = types[gen_below(w->g, TYPES)];
    if (depth == 0 || gen_chance(w->g, 1, 5)) {
        put_leaf(w, type);
        return;
    }
    size_t row = (size_t)(strchr(types, type) - types);
    uint32_t before = w->local_count;
    const char *text = grammar[row].list[gen_below(w->g, grammar[row].count)];
    for (; *text; text++) {
        if (*text == '~') {
            if (w->local_count < LOCALS_MAX)
                memcpy(w->locals[w->local_count++], text + 1, 2);
            text += 2;
        } else if (*text == '%' && text[1] && strchr(types, text[1])) {
            expand(w, *++text, depth - 1);
        } else {
            put(w, (char[]){*text, 0});
        }
    }
    w->local_count = before;
}

void gen_typed(gen *g, gen_pair *out, unsigned depth)
{
    writer w = {.g = g, .out = out};
    expand(&w, types[gen_below(g, TYPES)], depth);
}
