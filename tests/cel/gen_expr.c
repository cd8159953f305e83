/* gen_expr.c: see gen_expr.h. A grammar of templates: '#' stands for a number, '&' for a truth, '$'
 * for a text, '@' for a list, '*' for anything; all else is copied. */
#include "cel/gen_expr.h"

#include <string.h>

static const char *const numbers[] = {"1",
                                      "-7",
                                      "0x2a",
                                      "profile.age",
                                      "(# + #)",
                                      "# - #",
                                      "-(#)",
                                      "- - #",
                                      "# * (#)",
                                      "(# - #) / #",
                                      "# % #",
                                      "size($)",
                                      "@.size()",
                                      "(& ? # : #)",
                                      "@[0]",
                                      "@.filter(x, &).size()",
                                      "-(3)",
                                      "#",
                                      "int($)",
                                      "(# + #) * #",
                                      "# - (# - #)",
                                      "profile.orders.size()",
                                      "cel.bind(z, #, z + #)"};
static const char *const truths[] = {"true",
                                     "profile.active",
                                     "# < #",
                                     "# == #",
                                     "& && &",
                                     "& || &",
                                     "(& || &) && &",
                                     "& && (& && &)",
                                     "!&",
                                     "!(&)",
                                     "!!&",
                                     "$ == $",
                                     "$.startsWith($)",
                                     "# in @",
                                     "@.all(x, &)",
                                     "@.exists(x, x == #)",
                                     "@.exists_one(x, &)",
                                     "has(profile.address.city)",
                                     "(& ? & : &)",
                                     "(& ? & : &) ? & : &",
                                     "@ == @",
                                     "$ in profile.tags",
                                     "!(# < #)",
                                     "profile.active",
                                     "profile.orders.exists(o, o.total > #)",
                                     "@.all(i, x, i <= #)"};
static const char *const texts[] = {"'a'",
                                    "\"it's\"",
                                    "'say \"x\"'",
                                    "r'\\d'",
                                    "'\\n\\x01\\u00e9'",
                                    "profile.language",
                                    "$ + $",
                                    "($ + $) + $",
                                    "$ + ($ + $)",
                                    "string(#)",
                                    "profile.address.city",
                                    "(& ? $ : $)",
                                    "'''q'q'''",
                                    "profile.tags[0]",
                                    "{'k': $}.k",
                                    "{'k': $}.`k`"};
static const char *const lists[] = {"[#, #]",
                                    "[]",
                                    "[#, #, #]",
                                    "@ + @",
                                    "@.map(x, #)",
                                    "@.filter(x, x > #)",
                                    "@.map(x, &, x)",
                                    "(& ? @ : @)",
                                    "[1, 2]",
                                    "@.transformList(i, x, i + x)",
                                    "[?optional.of(#), #]"};
static const char *const others[] = {"#",
                                     "&",
                                     "$",
                                     "@",
                                     "null",
                                     "1u",
                                     "1.5",
                                     "1e300",
                                     "-0.0",
                                     "b'\\xff\\'a'",
                                     "{'a': *, 'b': *}",
                                     "{1: *}",
                                     "[*, *]",
                                     "dyn(*)",
                                     "type(*)",
                                     "(* == *)",
                                     "profile.since",
                                     "anything.x",
                                     "other[*]",
                                     "duration('1h')",
                                     ".anything",
                                     "{'a': 1}.?b",
                                     "optional.none().or(optional.of(*))",
                                     "[*][?#]",
                                     "a.b.C{x: *, `y-z`: *}",
                                     "nosuch(*, *)",
                                     "*.nosuch(*)"};

#define PICK(g, list) (depth ? GEN_CHOICE(g, list) : (list)[0])

static void expand(gen *g, pz__buf *out, const char *text, unsigned depth)
{
    for (; *text; text++) {
        unsigned next = depth ? depth - 1 : 0;
        switch (*text) {
        case '#':
            expand(g, out, PICK(g, numbers), next);
            break;
        case '&':
            expand(g, out, PICK(g, truths), next);
            break;
        case '$':
            expand(g, out, PICK(g, texts), next);
            break;
        case '@':
            expand(g, out, depth ? GEN_CHOICE(g, lists) : "[]", next);
            break;
        case '*':
            /* "# * #" is a product: a star between blanks stays one. */
            if (text[1] == ' ' || text[1] == '(') {
                if (out->len && out->data[out->len - 1] == ' ' && text[1] == ' ' && out->len > 1 &&
                    out->data[out->len - 2] != ':' && out->data[out->len - 2] != ',') {
                    pz__buf_byte(out, '*');
                    break;
                }
            }
            expand(g, out, depth ? GEN_CHOICE(g, others) : "null", next);
            break;
        default:
            pz__buf_byte(out, (uint8_t)*text);
        }
    }
}

void gen_expr(gen *g, pz__buf *out, unsigned depth)
{
    static const char *const roots[] = {"#", "&", "$", "@", "*", "& ? * : *"};
    expand(g, out, GEN_CHOICE(g, roots), depth);
}
