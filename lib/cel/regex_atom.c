/*
 * regex_atom.c: what one character of a text is matched by: itself, a dot, a class, an escape.
 *
 *      class   = [ '^' ] item { item }                   a first ']' is itself
 *      item    = char | char '-' char | \d \D \s \S \w \W | \pN \p{..} \PN \P{..} | '[:name:]'
 *      escape  = \a \f \n \r \t \v | \xHH \x{H..} | \0oo \ooo | \ and punctuation
 *      outside of classes also \A \z \b \B, and the groups of characters above
 *
 * Under (?i) a character with another case becomes the set of its orbit, so that neither matcher
 * has to know about case. A negated class takes newlines, as in RE2.
 *
 * Escapes that other engines know and RE2 does not are refused with what to write instead.
 */
#include "cel/regex_parse.h"

/* ---- sets to nodes ---- */

/* How many of the sets made last are looked at for one that is the same. */
#define SETS_COMPARED 16u

static bool is_same_set(const pz__regex_tree *tree, const pz__regex_set *set,
                        const pz__ranges *ranges)
{
    return set->count == ranges->count &&
           (set->count == 0 || memcmp(tree->ranges + set->start, ranges->items,
                                      set->count * sizeof *ranges->items) == 0);
}

/* The number of a kept set with these ranges; the count of sets if there is none. */
static uint32_t find_set(const pz__regex_tree *tree, const pz__ranges *ranges)
{
    uint32_t oldest = tree->set_count > SETS_COMPARED ? tree->set_count - SETS_COMPARED : 0;
    for (uint32_t i = tree->set_count; i > oldest; i--)
        if (is_same_set(tree, &tree->sets[i - 1], ranges))
            return i - 1;
    return tree->set_count;
}

static bool keep_ranges(pz__regex_tree *tree, const pz__ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++) {
        pz__regex_range *room = pz__regex_room(tree->arena, tree->ranges, tree->range_count,
                                               &tree->range_cap, sizeof *room);
        if (!room)
            return false;
        tree->ranges = room;
        room[tree->range_count++] = ranges->items[i];
    }
    return true;
}

static void set_ascii(pz__regex_set *set, const pz__ranges *ranges)
{
    for (uint32_t i = 0; i < ranges->count; i++)
        for (uint32_t c = ranges->items[i].first; c <= ranges->items[i].last && c < 128; c++)
            set->ascii[c / 64] |= UINT64_C(1) << c % 64;
}

pz__regex_node *pz__regex_set_node(pz__regex_parser *p, pz__ranges *ranges, size_t offset)
{
    pz__regex_tree *tree = p->tree;
    pz__ranges_drop_surrogates(ranges);
    if (ranges->no_memory)
        return pz__regex_no_memory(p);
    uint32_t number = find_set(tree, ranges);
    if (number < tree->set_count)
        return pz__regex_node_new(p, PZ__RE_SET, number);
    if (ranges->count > PZ__REGEX_RANGES_MAX - tree->range_count)
        return pz__regex_fail(p, PZ_ERR_LIMIT, offset,
                              "the classes of the pattern have more than %u ranges together; use "
                              "fewer \\p{...}",
                              PZ__REGEX_RANGES_MAX);
    pz__regex_set *sets =
        pz__regex_room(tree->arena, tree->sets, tree->set_count, &tree->set_cap, sizeof *sets);
    if (!sets)
        return pz__regex_no_memory(p);
    tree->sets = sets;
    pz__regex_set set = {.start = tree->range_count, .count = ranges->count};
    if (!keep_ranges(tree, ranges))
        return pz__regex_no_memory(p);
    set_ascii(&set, ranges);
    sets[tree->set_count++] = set;
    return pz__regex_node_new(p, PZ__RE_SET, number);
}

pz__regex_node *pz__regex_char_node(pz__regex_parser *p, uint32_t c)
{
    pz__ranges set = {.arena = p->tree->arena};
    bool is_surrogate = c >= 0xd800 && c <= 0xdfff;
    if (!is_surrogate && !(p->flags & PZ__RF_FOLD))
        return pz__regex_node_new(p, PZ__RE_CHAR, c);
    pz__ranges_add(&set, c, c);
    if (p->flags & PZ__RF_FOLD)
        pz__ranges_fold(&set);
    bool has_no_case = !set.no_memory && set.count == 1 && set.items[0].first == set.items[0].last;
    if (has_no_case && !is_surrogate)
        return pz__regex_node_new(p, PZ__RE_CHAR, c);
    return pz__regex_set_node(p, &set, p->at);
}

pz__regex_node *pz__regex_dot(pz__regex_parser *p)
{
    pz__ranges set = {.arena = p->tree->arena};
    if (!(p->flags & PZ__RF_DOT_ALL))
        pz__ranges_add(&set, '\n', '\n');
    pz__ranges_negate(&set);
    p->at++;
    return pz__regex_set_node(p, &set, p->at - 1);
}

/* ---- escapes that are one character ---- */

typedef struct refused_escape {
    char letter;
    const char *message;
} refused_escape;

static const refused_escape refused_escapes[] = {
    {'C', "\\C, one byte, is not supported; a dot is one character, (?s:.) any at all"},
    {'Z', "\\Z is not supported; write \\z for the end of the text, or \\n?\\z"},
    {'G', "\\G is not supported; write \\A for the beginning of the text"},
    {'K', "\\K is not supported; put what you want to take into a group"},
    {'R', "\\R is not supported; write (?:\\r\\n|\\n|\\r)"},
    {'X', "\\X is not supported; a dot is one code point"},
    {'N', "\\N is not supported; write [^\\n]"},
    {'h', "\\h is not supported; write [ \\t]"},
    {'H', "\\H is not supported; write [^ \\t]"},
    {'V', "\\V is not supported; write [^\\n\\r]"},
    {'k', "back-references are not supported; compare the extracted parts instead"},
    {'g', "back-references are not supported; compare the extracted parts instead"},
    {'u', "\\u is not supported; write \\x{...} for a code point"},
    {'U', "\\U is not supported; write \\x{...} for a code point"},
    {'E', "\\E ends what \\Q begins, and there is no \\Q"},
    {'Q', "\\Q is not supported inside a class; escape the characters one by one"},
    {'b', "\\b is no edge inside a class; write \\x08 for a backspace"},
    {'e', "\\e is not supported; write \\x1b"},
};

static void refuse_escape(pz__regex_parser *p, size_t start, char letter)
{
    for (size_t i = 0; i < sizeof refused_escapes / sizeof refused_escapes[0]; i++) {
        if (refused_escapes[i].letter != letter)
            continue;
        pz__regex_fail(p, PZ_ERR_PARSE, start, "%s", refused_escapes[i].message);
        return;
    }
    if (letter >= '1' && letter <= '9')
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "back-references such as \\%c are not supported; compare the extracted "
                       "parts instead",
                       letter);
    else
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "there is no such escape; write \\\\ for a backslash itself");
}

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

/* Up to `most` digits; how many were read. The value stops growing beyond all code points. */
static size_t read_hex(pz__regex_parser *p, size_t most, uint32_t *c)
{
    size_t count = 0;
    *c = 0;
    for (; count < most && p->at < p->text.len; count++, p->at++) {
        int digit = hex_digit(p->text.data[p->at]);
        if (digit < 0)
            break;
        if (*c <= PZ__CODE_POINT_MAX)
            *c = *c * 16 + (uint32_t)digit;
    }
    return count;
}

/* Behind \x. */
static bool read_hex_escape(pz__regex_parser *p, size_t start, uint32_t *c)
{
    bool is_good;
    if (pz__regex_sees(p, "{")) {
        p->at++;
        is_good = read_hex(p, p->text.len, c) > 0 && pz__regex_sees(p, "}");
        p->at++;
    } else {
        is_good = read_hex(p, 2, c) == 2;
    }
    if (is_good && *c <= PZ__CODE_POINT_MAX)
        return true;
    pz__regex_fail(
        p, PZ_ERR_PARSE, start,
        "\\x wants two hexadecimal digits, or up to 10FFFF in braces: \\x41, \\x{1F600}");
    return false;
}

static bool is_octal(const pz__regex_parser *p)
{
    return p->at < p->text.len && p->text.data[p->at] >= '0' && p->text.data[p->at] <= '7';
}

/* At the first digit: \0 has up to two more, \1 to \7 must have at least one more. */
static bool read_octal_escape(pz__regex_parser *p, size_t start, uint32_t *c)
{
    char first = p->text.data[p->at++];
    if (first != '0' && !is_octal(p)) {
        refuse_escape(p, start, first);
        return false;
    }
    *c = (uint32_t)(first - '0');
    for (int i = 0; i < 2 && is_octal(p); i++)
        *c = *c * 8 + (uint32_t)(p->text.data[p->at++] - '0');
    return true;
}

/* At a backslash: an escape that stands for one character. */
static bool read_char_escape(pz__regex_parser *p, uint32_t *c)
{
    static const char letters[] = "afnrtv";
    static const char controls[] = "\a\f\n\r\t\v";
    size_t start = p->at++;
    if (p->at == p->text.len) {
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "the pattern ends in a backslash; write \\\\ for itself");
        return false;
    }
    char letter = p->text.data[p->at];
    if (letter >= '0' && letter <= '7')
        return read_octal_escape(p, start, c);
    p->at++;
    if (letter == 'x')
        return read_hex_escape(p, start, c);
    const char *control = letter ? strchr(letters, letter) : NULL;
    if (control) {
        *c = (uint32_t)controls[control - letters];
        return true;
    }
    bool is_alnum = hex_digit(letter) >= 0 || (letter >= 'g' && letter <= 'z') ||
                    (letter >= 'G' && letter <= 'Z');
    if ((unsigned char)letter >= 0x80 || is_alnum) {
        refuse_escape(p, start, letter);
        return false;
    }
    *c = (uint32_t)letter;
    return true;
}

/* ---- escapes that are many characters ---- */

/* Put `part` into `set` as the flags have it, negated if so wanted. */
static void add_part(pz__regex_parser *p, pz__ranges *set, pz__ranges *part, bool negated)
{
    if (p->flags & PZ__RF_FOLD)
        pz__ranges_fold(part);
    if (negated)
        pz__ranges_negate(part);
    pz__ranges_unite(set, part);
}

static void fail_property(pz__regex_parser *p, size_t start, pz_str name)
{
    pz_str nearest = pz__property_nearest(name);
    if (nearest.len)
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "there is no such script or category; is \\p{%.*s} "
                       "meant?",
                       PZ__STR_ARG(nearest));
    else
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "\\p wants a script or a general category: \\p{Greek}, \\p{Lu}, \\pN");
}

/* At \p or \P. */
static void read_property(pz__regex_parser *p, pz__ranges *set)
{
    size_t start = p->at, len = 1;
    bool negated = p->text.data[p->at + 1] == 'P';
    p->at += 2;
    pz_str name = {p->text.data + p->at, 0};
    if (pz__regex_sees(p, "{")) {
        const char *end = memchr(name.data, '}', p->text.len - p->at);
        name = (pz_str){name.data + 1, end ? (size_t)(end - name.data) - 1 : 0};
        len = name.len + 2;
    } else if (p->at < p->text.len) {
        pz__utf8_decode(name.data, p->text.len - p->at, &len);
        name.len = len;
    }
    if (name.len > 1 && name.data[0] == '^') {
        negated = !negated;
        name = (pz_str){name.data + 1, name.len - 1};
    }
    pz__ranges part = {.arena = p->tree->arena};
    if (name.len == 0 || !pz__ranges_add_property(&part, name)) {
        fail_property(p, start, name);
        return;
    }
    p->at += len;
    add_part(p, set, &part, negated);
}

/* At a backslash: \d \D \s \S \w \W \p \P are read into the set; false if it is none of them. */
static bool read_set_escape(pz__regex_parser *p, pz__ranges *set)
{
    char letter = p->at + 1 < p->text.len ? p->text.data[p->at + 1] : '\0';
    if (letter == 'p' || letter == 'P') {
        read_property(p, set);
        return true;
    }
    if (letter == '\0' || !strchr("dDsSwW", letter))
        return false;
    bool negated = letter < 'a';
    char name = negated ? (char)(letter + ('a' - 'A')) : letter;
    pz__ranges part = {.arena = p->tree->arena};
    pz__ranges_add_class(&part, (pz_str){&name, 1});
    add_part(p, set, &part, negated);
    p->at += 2;
    return true;
}

pz__regex_node *pz__regex_escape(pz__regex_parser *p)
{
    static const struct {
        char letter;
        pz__regex_kind kind;
    } edges[] = {{'A', PZ__RE_TEXT_START},
                 {'z', PZ__RE_TEXT_END},
                 {'b', PZ__RE_WORD_EDGE},
                 {'B', PZ__RE_NO_WORD_EDGE}};
    size_t start = p->at;
    char letter = start + 1 < p->text.len ? p->text.data[start + 1] : '\0';
    for (size_t i = 0; i < sizeof edges / sizeof edges[0]; i++) {
        if (edges[i].letter != letter)
            continue;
        p->at += 2;
        return pz__regex_node_new(p, edges[i].kind, 0);
    }
    pz__ranges set = {.arena = p->tree->arena};
    if (read_set_escape(p, &set))
        return p->status == PZ_OK ? pz__regex_set_node(p, &set, start) : NULL;
    uint32_t c;
    return read_char_escape(p, &c) ? pz__regex_char_node(p, c) : NULL;
}

/* ---- classes ---- */

/* At '[:': a named class is read into the set; false if none begins here. */
static bool read_named_class(pz__regex_parser *p, pz__ranges *set)
{
    size_t start = p->at;
    pz_str rest = {p->text.data + start + 2, p->text.len - start - 2};
    const char *end = memmem(rest.data, rest.len, ":]", 2);
    if (!end)
        return false;
    pz_str name = {rest.data, (size_t)(end - rest.data)};
    bool negated = name.len > 0 && name.data[0] == '^';
    if (negated)
        name = (pz_str){name.data + 1, name.len - 1};
    pz__ranges part = {.arena = p->tree->arena};
    if (name.len < 2 || !pz__ranges_add_class(&part, name)) {
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "there is no such class; there are alnum alpha ascii blank cntrl digit "
                       "graph lower print punct space upper word xdigit");
        return true;
    }
    add_part(p, set, &part, negated);
    p->at = start + 2 + (size_t)(end - rest.data) + 2;
    return true;
}

/* One character of a class; false after a failure. */
static bool read_class_char(pz__regex_parser *p, uint32_t *c)
{
    if (p->at == p->text.len)
        return false;
    if (p->text.data[p->at] == '\\')
        return read_char_escape(p, c);
    size_t len;
    *c = pz__utf8_decode(p->text.data + p->at, p->text.len - p->at, &len);
    p->at += len;
    return true;
}

static void read_class_range(pz__regex_parser *p, pz__ranges *set)
{
    size_t start = p->at;
    uint32_t first, last;
    if (!read_class_char(p, &first))
        return;
    last = first;
    bool is_range =
        p->text.len - p->at >= 2 && p->text.data[p->at] == '-' && p->text.data[p->at + 1] != ']';
    if (is_range) {
        p->at++;
        if (!read_class_char(p, &last))
            return;
    }
    if (last < first)
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "the range runs backwards; swap its ends, or put the - last");
    else
        pz__ranges_add(set, first, last);
}

static void read_class_item(pz__regex_parser *p, pz__ranges *set)
{
    if (pz__regex_sees(p, "[:") && read_named_class(p, set))
        return;
    if (pz__regex_sees(p, "\\") && read_set_escape(p, set))
        return;
    read_class_range(p, set);
}

pz__regex_node *pz__regex_bracket(pz__regex_parser *p)
{
    size_t start = p->at++;
    pz__ranges set = {.arena = p->tree->arena};
    bool negated = pz__regex_sees(p, "^");
    p->at += negated;
    for (bool first = true; p->status == PZ_OK && (first || !pz__regex_sees(p, "]"));
         first = false) {
        if (p->at == p->text.len)
            return pz__regex_fail(p, PZ_ERR_PARSE, start,
                                  "this bracket is never closed; add ], or write \\[ for itself");
        read_class_item(p, &set);
    }
    if (p->status != PZ_OK)
        return NULL;
    p->at++;
    if (p->flags & PZ__RF_FOLD)
        pz__ranges_fold(&set);
    if (negated)
        pz__ranges_negate(&set);
    return pz__regex_set_node(p, &set, start);
}
