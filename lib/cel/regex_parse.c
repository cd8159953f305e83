/*
 * regex_parse.c: a pattern in RE2's syntax to a tree.
 *
 *      either  = concat { '|' concat }                    concat may be empty
 *      concat  = { atom [ repeat [ '?' ] ] | '(?' flags ')' | '\Q' text '\E' }
 *      repeat  = '*' | '+' | '?' | '{n}' | '{n,}' | '{n,m}'    another '{' is itself
 *      atom    = character | '.' | '^' | '$' | '[' class ']' | escape
 *              | '(' either ')' | '(?:' either ')' | '(?' flags ':' either ')'
 *              | '(?P<name>' either ')' | '(?<name>' either ')'
 *
 * Flags set inside a group hold to its end, over the bars in it as well.
 *
 * What other engines have and RE2 has not is refused by name, with what to write instead: a pattern
 * that means something else here than where it was copied from would be worse than an error. No
 * construct is taken whose matching could go beyond linear time.
 *
 * Counts inside each other multiply, so their product is bounded and not only each of them. Nodes
 * live in the tree's arena. Recursion is as deep as groups are nested, which is bounded.
 */
#include "cel/regex_parse.h"

#include <stdarg.h>
#include <stdio.h>

pz__regex_node *pz__regex_fail(pz__regex_parser *p, pz_status status, size_t offset,
                               const char *format, ...)
{
    if (p->status != PZ_OK)
        return NULL;
    p->status = status;
    if (!p->error)
        return NULL;
    va_list args;
    va_start(args, format);
    vsnprintf(p->error->message, sizeof p->error->message, format, args);
    va_end(args);
    p->error->offset = (uint32_t)offset;
    return NULL;
}

pz__regex_node *pz__regex_no_memory(pz__regex_parser *p)
{
    p->status = PZ_ERR_NOMEM;
    return NULL;
}

bool pz__regex_sees(const pz__regex_parser *p, const char *what)
{
    size_t len = strlen(what);
    return p->text.len - p->at >= len && memcmp(p->text.data + p->at, what, len) == 0;
}

static bool is_at(const pz__regex_parser *p, char c)
{
    return p->at < p->text.len && p->text.data[p->at] == c;
}

void *pz__regex_room(pz__arena *arena, void *items, uint32_t count, uint32_t *cap, size_t size)
{
    if (count < *cap)
        return items;
    uint32_t wider = *cap ? *cap * 2 : 16;
    char *copy = pz__arena_array(arena, wider, size);
    if (!copy)
        return NULL;
    if (count)
        memcpy(copy, items, count * size);
    *cap = wider;
    return copy;
}

/* ---- nodes ---- */

pz__regex_node *pz__regex_node_new(pz__regex_parser *p, pz__regex_kind kind, uint32_t low)
{
    pz__regex_node *node = pz__arena_zero(p->tree->arena, 1, sizeof *node);
    if (!node)
        return pz__regex_no_memory(p);
    node->kind = (uint8_t)kind;
    node->low = low;
    node->copies = 1;
    node->may_be_empty = kind != PZ__RE_CHAR && kind != PZ__RE_SET;
    node->has_group = kind == PZ__RE_GROUP;
    node->has_edge = kind >= PZ__RE_TEXT_START && kind <= PZ__RE_NO_WORD_EDGE;
    return node;
}

static void add_child(pz__regex_node *parent, pz__regex_node *child)
{
    bool is_first = !parent->first;
    parent->has_group |= child->has_group;
    parent->has_edge |= child->has_edge;
    if (is_first)
        parent->first = child;
    else
        parent->last->next = child;
    parent->last = child;
    if (child->copies > parent->copies)
        parent->copies = child->copies;
    if (is_first)
        parent->may_be_empty = child->may_be_empty;
    else if (parent->kind == PZ__RE_CONCAT)
        parent->may_be_empty &= child->may_be_empty;
    else
        parent->may_be_empty |= child->may_be_empty;
}

/* A list of one is its only child. */
static pz__regex_node *unwrap(pz__regex_parser *p, pz__regex_node *list)
{
    if (!list->first)
        return pz__regex_node_new(p, PZ__RE_EMPTY, 0);
    return list->first == list->last ? list->first : list;
}

/* ---- repeats ---- */

typedef struct repeat {
    uint32_t low, high;
} repeat;

/* A count without leading zeros; false if none stands here. Large ones stop at a million. */
static bool read_count(pz__regex_parser *p, uint32_t *out)
{
    size_t start = p->at;
    uint32_t n = 0;
    for (; p->at < p->text.len && p->text.data[p->at] >= '0' && p->text.data[p->at] <= '9'; p->at++)
        if (n < 1000000u)
            n = n * 10 + (uint32_t)(p->text.data[p->at] - '0');
    *out = n;
    return p->at > start && (p->at == start + 1 || p->text.data[start] != '0');
}

/* '{n}', '{n,}' or '{n,m}'; false, and nothing read, for anything else. */
static bool read_counts(pz__regex_parser *p, repeat *out)
{
    size_t start = p->at++;
    bool is_read = read_count(p, &out->low);
    out->high = out->low;
    if (is_read && is_at(p, ',')) {
        p->at++;
        out->high = PZ__RE_NO_BOUND;
        if (!is_at(p, '}'))
            is_read = read_count(p, &out->high);
    }
    if (is_read && is_at(p, '}')) {
        p->at++;
        return true;
    }
    p->at = start;
    return false;
}

/* True if a repeat stands here, and then it is read. */
static bool read_repeat(pz__regex_parser *p, repeat *out)
{
    if (p->at == p->text.len)
        return false;
    switch (p->text.data[p->at]) {
    case '*':
        *out = (repeat){0, PZ__RE_NO_BOUND};
        break;
    case '+':
        *out = (repeat){1, PZ__RE_NO_BOUND};
        break;
    case '?':
        *out = (repeat){0, 1};
        break;
    case '{':
        return read_counts(p, out);
    default:
        return false;
    }
    p->at++;
    return true;
}

static bool check_counts(pz__regex_parser *p, size_t start, repeat r)
{
    bool is_bounded = r.high != PZ__RE_NO_BOUND;
    if (r.low > PZ__REGEX_REPEAT_MAX || (is_bounded && r.high > PZ__REGEX_REPEAT_MAX))
        return pz__regex_fail(p, PZ_ERR_PARSE, start,
                              "a repeat may count to %u at most; use {n,} for \"n or more\"",
                              PZ__REGEX_REPEAT_MAX) != NULL;
    if (is_bounded && r.low > r.high)
        return pz__regex_fail(p, PZ_ERR_PARSE, start,
                              "the least count %u is above the greatest, %u; swap them", r.low,
                              r.high) != NULL;
    return true;
}

/* The message for a repeat right behind a repeat. */
static void fail_stacked(pz__regex_parser *p, size_t start)
{
    if (p->text.data[start] == '+')
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "possessive repeats such as a*+ are not supported; leave out the last +");
    else
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "a repeat cannot be repeated; write (?:...) around the first one");
}

static pz__regex_node *make_repeat(pz__regex_parser *p, size_t start, pz__regex_node *body,
                                   repeat r, bool lazy)
{
    if (r.high == 0) {
        p->tree->drops_group |= body->has_group;
        return pz__regex_node_new(p, PZ__RE_EMPTY, 0);
    }
    pz__regex_node *node = pz__regex_node_new(p, PZ__RE_REPEAT, r.low);
    if (!node)
        return NULL;
    add_child(node, body);
    node->high = r.high;
    node->lazy = lazy != ((p->flags & PZ__RF_LAZY_FIRST) != 0);
    node->may_be_empty = body->may_be_empty || r.low == 0;
    if (r.high == PZ__RE_NO_BOUND && body->may_be_empty)
        p->tree->loops_on_empty = true;
    /* As RE2 counts: x* and x? are no copies. */
    uint32_t copies = r.high != PZ__RE_NO_BOUND ? r.high : r.low;
    if (copies > 1)
        node->copies = copies * body->copies;
    if (node->copies > PZ__REGEX_REPEAT_MAX)
        return pz__regex_fail(
            p, PZ_ERR_PARSE, start,
            "counts inside each other multiply to more than %u; lower one of them",
            PZ__REGEX_REPEAT_MAX);
    return node;
}

/* ---- groups ---- */

typedef struct refusal {
    const char *start;
    const char *message;
} refusal;

/* What other engines put behind a parenthesis. The longer of two that begin alike stands first. */
static const refusal refused_groups[] = {
    {"(?=", "look-ahead is not supported; match the text itself, or use two conditions with &&"},
    {"(?!", "negative look-ahead is not supported; use a second condition with !...matches(...)"},
    {"(?<=", "look-behind is not supported; match what stands before and take a group"},
    {"(?<!", "negative look-behind is not supported; use a second condition with !...matches(...)"},
    {"(?>", "atomic groups are not supported; write (?:...), matching takes linear time anyway"},
    {"(?P=", "back-references are not supported; compare the extracted parts instead"},
    {"(?P>", "recursion is not supported; write the part out again"},
    {"(?R", "recursion is not supported; write the part out again"},
    {"(?&", "recursion is not supported; write the part out again"},
    {"(?(", "conditional groups are not supported; write both cases with |"},
    {"(?|", "branch reset is not supported; write (?:...|...)"},
    {"(?#", "comments are not supported inside a pattern; leave it out"},
    {"(?'", "write (?P<name>...) for a named group"},
    {"(*", "verbs such as (*UTF) are not supported; a star itself is \\*"},
};

static bool is_refused_group(pz__regex_parser *p)
{
    for (size_t i = 0; i < sizeof refused_groups / sizeof refused_groups[0]; i++) {
        if (!pz__regex_sees(p, refused_groups[i].start))
            continue;
        pz__regex_fail(p, PZ_ERR_PARSE, p->at, "%s", refused_groups[i].message);
        return true;
    }
    return false;
}

static bool is_word_char(char c)
{
    return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_';
}

static bool is_name_taken(const pz__regex_parser *p, pz_str name)
{
    for (uint32_t i = 0; i < p->tree->group_count; i++)
        if (pz__str_equal(p->group_names[i], name))
            return true;
    return false;
}

/* Behind '<'; the name and '>' are read. */
static bool read_group_name(pz__regex_parser *p, pz_str *name)
{
    size_t start = p->at;
    while (p->at < p->text.len && is_word_char(p->text.data[p->at]))
        p->at++;
    *name = (pz_str){p->text.data + start, p->at - start};
    if (name->len == 0 || !is_at(p, '>')) {
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "the name of a group is letters, digits and _, and ends with >");
        return false;
    }
    if (is_name_taken(p, *name)) {
        pz__regex_fail(p, PZ_ERR_PARSE, start, "two groups have the same name; rename one");
        return false;
    }
    p->at++;
    return true;
}

static uint32_t flag_of(char c)
{
    static const char letters[] = "imsU";
    static const uint32_t flags[] = {PZ__RF_FOLD, PZ__RF_LINES, PZ__RF_DOT_ALL, PZ__RF_LAZY_FIRST};
    const char *found = c ? strchr(letters, c) : NULL;
    return found ? flags[found - letters] : 0;
}

/* Behind '(?': flags up to ':' or ')', which is read and given back; 0 after a failure. */
static char read_flags(pz__regex_parser *p)
{
    size_t start = p->at - 2;
    bool is_off = false, any = true;
    for (; p->at < p->text.len; p->at++) {
        char c = p->text.data[p->at];
        uint32_t flag = flag_of(c);
        if (flag) {
            p->flags = is_off ? p->flags & ~flag : p->flags | flag;
            any = true;
        } else if (c == '-' && !is_off) {
            is_off = true;
            any = false;
        } else if ((c == ':' || c == ')') && any) {
            p->at++;
            return c;
        } else if (c == 'x') {
            pz__regex_fail(p, PZ_ERR_PARSE, p->at,
                           "the flag x is not supported; write the pattern without spaces");
            return 0;
        } else {
            break;
        }
    }
    pz__regex_fail(p, PZ_ERR_PARSE, start,
                   "(? begins no group known here; there are (?:...), (?P<name>...) and the flags "
                   "i m s U as in (?i) or (?i:...)");
    return 0;
}

static pz__regex_node *parse_either(pz__regex_parser *p);

/* What stands between the parentheses, and the closing one. */
static pz__regex_node *parse_inside(pz__regex_parser *p, size_t start)
{
    if (p->depth == PZ__REGEX_DEPTH_MAX)
        return pz__regex_fail(p, PZ_ERR_LIMIT, start,
                              "groups are nested deeper than %u; flatten the pattern",
                              PZ__REGEX_DEPTH_MAX);
    p->depth++;
    pz__regex_node *inside = parse_either(p);
    p->depth--;
    if (!inside)
        return NULL;
    if (!is_at(p, ')'))
        return pz__regex_fail(p, PZ_ERR_PARSE, start,
                              "this parenthesis is never closed; add ), or write \\( for itself");
    p->at++;
    return inside;
}

static pz__regex_node *parse_capture(pz__regex_parser *p, size_t start, pz_str name)
{
    pz__regex_tree *tree = p->tree;
    if (tree->group_count == PZ__REGEX_GROUPS_MAX)
        return pz__regex_fail(p, PZ_ERR_LIMIT, start,
                              "there are more than %u groups; write (?:...) where nothing is taken",
                              PZ__REGEX_GROUPS_MAX);
    pz_str *names = pz__regex_room(tree->arena, p->group_names, tree->group_count, &p->group_cap,
                                   sizeof *names);
    if (!names)
        return pz__regex_no_memory(p);
    p->group_names = names;
    names[tree->group_count++] = name.len ? name : (pz_str){" ", 1};
    pz__regex_node *group = pz__regex_node_new(p, PZ__RE_GROUP, tree->group_count);
    pz__regex_node *inside = group ? parse_inside(p, start) : NULL;
    if (!inside)
        return NULL;
    add_child(group, inside);
    return group;
}

/* At '('. *is_flags tells that only flags were set, which is no node. */
static pz__regex_node *parse_group(pz__regex_parser *p, bool *is_flags)
{
    size_t start = p->at;
    uint32_t flags = p->flags;
    pz_str name = {NULL, 0};
    pz__regex_node *group = NULL;
    *is_flags = false;
    if (is_refused_group(p))
        return NULL;
    if (!pz__regex_sees(p, "(?")) {
        p->at++;
        group = parse_capture(p, start, name);
    } else if (pz__regex_sees(p, "(?P<") || pz__regex_sees(p, "(?<")) {
        p->at += pz__regex_sees(p, "(?<") ? 3 : 4;
        group = read_group_name(p, &name) ? parse_capture(p, start, name) : NULL;
    } else {
        p->at += 2;
        char end = read_flags(p);
        *is_flags = end == ')';
        if (end != ':')
            return NULL;
        group = parse_inside(p, start);
    }
    p->flags = flags;
    return group;
}

/* ---- sequences ---- */

static pz__regex_node *parse_char(pz__regex_parser *p)
{
    size_t len;
    uint32_t c = pz__utf8_decode(p->text.data + p->at, p->text.len - p->at, &len);
    p->at += len;
    return pz__regex_char_node(p, c);
}

static pz__regex_node *parse_edge(pz__regex_parser *p, pz__regex_kind of_line,
                                  pz__regex_kind of_text)
{
    p->at++;
    return pz__regex_node_new(p, p->flags & PZ__RF_LINES ? of_line : of_text, 0);
}

/* NULL with *is_flags for a group that only sets flags. */
static pz__regex_node *parse_atom(pz__regex_parser *p, bool *is_flags)
{
    *is_flags = false;
    switch (p->text.data[p->at]) {
    case '(':
        return parse_group(p, is_flags);
    case '.':
        return pz__regex_dot(p);
    case '[':
        return pz__regex_bracket(p);
    case '\\':
        return pz__regex_escape(p);
    case '^':
        return parse_edge(p, PZ__RE_LINE_START, PZ__RE_TEXT_START);
    case '$':
        return parse_edge(p, PZ__RE_LINE_END, PZ__RE_TEXT_END);
    default:
        return parse_char(p);
    }
}

/* A sequence being read: its last part waits outside the list for a repeat. */
typedef struct sequence {
    pz__regex_node *list;
    pz__regex_node *waiting;
} sequence;

static void put_part(sequence *seq, pz__regex_node *part)
{
    if (seq->waiting)
        add_child(seq->list, seq->waiting);
    seq->waiting = part;
}

/* \Q...\E: every character is itself. */
static void parse_quoted(pz__regex_parser *p, sequence *seq)
{
    for (p->at += 2; p->at < p->text.len && p->status == PZ_OK;) {
        if (pz__regex_sees(p, "\\E")) {
            p->at += 2;
            return;
        }
        put_part(seq, parse_char(p));
    }
}

/* Put a repeat, which has just been read, around the part that waits. */
static void repeat_waiting(pz__regex_parser *p, sequence *seq, size_t start, repeat r)
{
    bool lazy = is_at(p, '?');
    p->at += lazy;
    if (!seq->waiting)
        pz__regex_fail(p, PZ_ERR_PARSE, start,
                       "there is nothing to repeat here; write \\%c for the character itself",
                       p->text.data[start]);
    else if (check_counts(p, start, r))
        seq->waiting = make_repeat(p, start, seq->waiting, r, lazy);
}

static void parse_part(pz__regex_parser *p, sequence *seq)
{
    bool is_flags;
    if (pz__regex_sees(p, "\\Q")) {
        parse_quoted(p, seq);
        return;
    }
    pz__regex_node *atom = parse_atom(p, &is_flags);
    if (atom)
        put_part(seq, atom);
}

static pz__regex_node *parse_concat(pz__regex_parser *p)
{
    sequence seq = {.list = pz__regex_node_new(p, PZ__RE_CONCAT, 0)};
    bool after_repeat = false;
    while (p->status == PZ_OK && p->at < p->text.len && !is_at(p, '|') && !is_at(p, ')')) {
        size_t start = p->at;
        repeat r;
        bool is_repeat = read_repeat(p, &r);
        if (is_repeat && after_repeat)
            fail_stacked(p, start);
        else if (is_repeat)
            repeat_waiting(p, &seq, start, r);
        else
            parse_part(p, &seq);
        after_repeat = is_repeat;
    }
    if (p->status != PZ_OK)
        return NULL;
    put_part(&seq, NULL);
    return unwrap(p, seq.list);
}

static pz__regex_node *parse_either(pz__regex_parser *p)
{
    pz__regex_node *list = pz__regex_node_new(p, PZ__RE_EITHER, 0);
    while (list && p->status == PZ_OK) {
        pz__regex_node *concat = parse_concat(p);
        if (!concat)
            return NULL;
        add_child(list, concat);
        if (!is_at(p, '|'))
            return unwrap(p, list);
        p->at++;
    }
    return NULL;
}

pz_status pz__regex_parse(pz__regex_tree *tree, pz_str pattern, pz__regex_error *error)
{
    pz__regex_parser p = {.tree = tree, .text = pattern, .error = error};
    size_t bad = pz__utf8_first_bad(pattern.data, pattern.len);
    if (pattern.len > PZ__REGEX_PATTERN_MAX)
        pz__regex_fail(&p, PZ_ERR_LIMIT, PZ__REGEX_PATTERN_MAX,
                       "the pattern is longer than %u bytes; split it", PZ__REGEX_PATTERN_MAX);
    else if (bad < pattern.len)
        pz__regex_fail(&p, PZ_ERR_PARSE, bad, "the pattern is not valid UTF-8 here");
    else
        tree->root = parse_either(&p);
    if (p.status == PZ_OK && p.at < pattern.len)
        pz__regex_fail(&p, PZ_ERR_PARSE, p.at,
                       "this parenthesis closes nothing; write \\) for itself");
    return p.status;
}
