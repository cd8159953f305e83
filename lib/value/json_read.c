/*
 * json_read.c: one strict pass over JSON text, with or without the place of every node.
 *
 * There is one grammar (RFC 8259) and no recursion. Finished values wait on a stack until the
 * container around them closes; then they are copied to the arena in one piece, for the stack lays
 * them out as a list's items, or as a map's entries (name, value, name, value), already.
 *
 *     text     {"a": [1, 2 ...          frames  [map, base 0] [list, base 1]
 *     values    "a" 1 2                          ^ name        ^ items so far
 *
 * With spans wanted, a second stack holds a node per value, the node of a container beneath those
 * of its children. `with_spans` is a constant in each of the two instances, so the plain one pays
 * nothing for it.
 *
 * Strings without escapes borrow from the text. Numbers without fraction and exponent are whole:
 * int, else uint, else the nearest double ("-0" is the int 0); all others doubles. Depth is bounded
 * by PZ_JSON_DEPTH_MAX frames, the stacks by the text: no value is shorter than one byte.
 *
 * A failure returns the arena to where it was. A repeated name is found when its object closes; the
 * plain reader, knowing no places, then reads again with spans to say where.
 *
 * Not here: the inside of strings (json_text.c), writing (json_write.c).
 */
#include <assert.h>

#include "base/error.h"
#include "base/number.h"
#include "base/utf8.h"
#include "value/json_text.h"
#include "value/map.h"

/* Values that wait on the C stack before the heap is asked: an ordinary event or profile. */
#define VALUES_AT_FIRST 128u
#define NODES_AT_FIRST 64u
/* Digits that a uint64_t always holds. */
#define DIGITS_HELD 19
/* Exponents are added up to here; beyond, more digits change nothing. */
#define EXPONENT_CEILING 1000000000
/* Letters of an unknown word that a message repeats. */
#define WORD_SHOWN 24

static_assert(sizeof(pz_entry) == 2 * sizeof(pz_value), "entries are pairs of values");

typedef struct frame {
    uint32_t base;  /* first of this container's values on the stack */
    uint32_t node;  /* its own node, beneath those of its children */
    uint32_t start; /* where it opened */
    bool is_map;
} frame;

typedef struct reader {
    pz__arena *arena;
    const char *text, *next, *end;
    uint32_t flags;
    uint32_t depth;
    pz_error *err;
    bool has_duplicate; /* failed because of a repeated name */
    pz_value *values;   /* first_values, or owned */
    size_t value_count, value_cap;
    pz__node *nodes; /* owned; NULL without spans */
    size_t node_count, node_cap;
    frame frames[PZ_JSON_DEPTH_MAX];
    pz_value first_values[VALUES_AT_FIRST];
} reader;

/* ---- saying what is wrong ---- */

static pz_status fail_at(reader *r, pz_status status, const char *at, const char *message)
{
    uint32_t line, column;
    pz__locate(r->text, (size_t)(r->end - r->text), (size_t)(at - r->text), &line, &column);
    return pz__fail_at(r->err, status, line, column, "%s", message);
}

static bool is_letter(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/* How many bytes at `at` to show: a word, a character, or none if it has no face. */
static int shown_len(const reader *r, const char *at)
{
    int len = 0;
    while (len < WORD_SHOWN && at + len < r->end && is_letter(at[len]))
        len++;
    if (len > 0)
        return len;
    if ((uint8_t)*at < 0x80)
        return (uint8_t)*at > 0x20 && *at != 0x7f;
    for (int bytes = 2; bytes <= 4 && bytes <= r->end - at; bytes++)
        if (pz__utf8_valid(at, (size_t)bytes))
            return bytes;
    return 0;
}

/* What usually helps against a character that is no ASCII: one that an editor or a word processor
 * puts in place of another, or the bytes of another encoding. */
static const char *remedy_beyond_ascii(const reader *r, const char *at)
{
    static const struct {
        char found[4];
        const char *remedy;
    } remedies[] = {
        {"\xef\xbb\xbf", "save the text as UTF-8 without a byte-order mark"},
        {"\xc2\xa0", "write an ordinary space in place of this one"},
        {"\xc2\xab", "write straight double quotes"},
        {"\xc2\xbb", "write straight double quotes"},
        {"\xef\xbc\x82", "write straight double quotes"},
    };
    if (shown_len(r, at) == 0)
        return "save the text as UTF-8";
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (strncmp(at, remedies[i].found, strlen(remedies[i].found)) == 0)
            return remedies[i].remedy;
    const bool is_curly = (uint8_t)at[0] == 0xe2 && (uint8_t)at[1] == 0x80 &&
                          (uint8_t)at[2] >= 0x98 && (uint8_t)at[2] <= 0x9f;
    return is_curly ? "write straight double quotes" : NULL;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* What usually helps against the character found. */
static const char *remedy_of(const reader *r, const char *at)
{
    static const struct {
        const char *found, *remedy;
    } remedies[] = {
        {"'`", "write text in double quotes"},
        {"+.", "write numbers as in -0.5 or 1e3"},
        {"\"{[", "separate the two by a comma, or a name from its value by a colon"},
    };
    if (at == r->end)
        return "the text was cut short";
    if (*at == '/' || *at == '#')
        return r->flags & PZ_JSON_RELAXED
                   ? "write comments as // or /* */"
                   : "remove the comment: this text is read without comments";
    if (*at == ']' || *at == '}')
        return r->depth == 0 ? "remove it: all that was opened is closed"
                             : "remove the comma before it, or add what is missing";
    for (size_t i = 0; i < sizeof remedies / sizeof remedies[0]; i++)
        if (*at && strchr(remedies[i].found, *at))
            return remedies[i].remedy;
    if (is_letter(*at))
        return "write text in double quotes; the only bare words are true, false and null";
    if (is_digit(*at) && at - r->text >= 2 && at[-1] == ',' && is_digit(at[-2]))
        return "write decimals with a point, as in 0.75";
    const char *remedy = (uint8_t)*at >= 0x80 ? remedy_beyond_ascii(r, at) : NULL;
    return remedy ? remedy : "remove it, or write what is expected before it";
}

static pz_status expected(reader *r, const char *at, const char *what)
{
    uint32_t line, column;
    pz__locate(r->text, (size_t)(r->end - r->text), (size_t)(at - r->text), &line, &column);
    const char *remedy = remedy_of(r, at);
    if (at == r->end)
        return pz__fail_at(r->err, PZ_ERR_PARSE, line, column,
                           "expected %s, found the end of the text; %s", what, remedy);
    int shown = shown_len(r, at);
    if (shown == 0)
        return pz__fail_at(r->err, PZ_ERR_PARSE, line, column,
                           "expected %s, found the byte %u, which has no face; %s", what,
                           (unsigned)(uint8_t)*at, remedy);
    return pz__fail_at(r->err, PZ_ERR_PARSE, line, column, "expected %s, found %.*s; %s", what,
                       shown, at, remedy);
}

static pz_status no_memory(reader *r)
{
    return pz__fail(r->err, PZ_ERR_NOMEM, "out of memory while reading JSON");
}

/* ---- the stacks ---- */

static bool grow_values(reader *r)
{
    const pz_alloc *alloc = &r->arena->alloc;
    bool is_first = r->values == r->first_values;
    pz_value *grown = pz__mem_resize(alloc, is_first ? NULL : r->values,
                                     is_first ? 0 : r->value_cap, r->value_cap * 2, sizeof *grown);
    if (!grown)
        return false;
    if (is_first)
        memcpy(grown, r->first_values, sizeof r->first_values);
    r->values = grown;
    r->value_cap *= 2;
    return true;
}

static inline bool push_value(reader *r, pz_value v)
{
    if (r->value_count == r->value_cap && !grow_values(r))
        return false;
    r->values[r->value_count++] = v;
    return true;
}

static bool push_node(reader *r, pz__node node)
{
    if (r->node_count == r->node_cap) {
        size_t cap = r->node_cap ? r->node_cap * 2 : NODES_AT_FIRST;
        pz__node *grown =
            pz__mem_resize(&r->arena->alloc, r->nodes, r->node_cap, cap, sizeof *grown);
        if (!grown)
            return false;
        r->nodes = grown;
        r->node_cap = cap;
    }
    r->nodes[r->node_count++] = node;
    return true;
}

static uint32_t offset_of(const reader *r, const char *at)
{
    return (uint32_t)(at - r->text);
}

/* A value begins. The node of a member was pushed with its name. */
static inline bool begin_node(reader *r, bool with_spans)
{
    if (!with_spans)
        return true;
    bool is_member = r->depth > 0 && r->frames[r->depth - 1].is_map;
    if (!is_member && !push_node(r, (pz__node){{0}}))
        return false;
    r->nodes[r->node_count - 1].start = offset_of(r, r->next);
    return true;
}

/* A value that holds no others is read. */
static inline pz_status end_scalar(reader *r, bool with_spans, pz_value v)
{
    if (!push_value(r, v))
        return no_memory(r);
    if (with_spans) {
        r->nodes[r->node_count - 1].value = v;
        r->nodes[r->node_count - 1].end = offset_of(r, r->next);
    }
    return PZ_OK;
}

/* ---- space and comments ---- */

static bool is_space(char c)
{
    return c == ' ' || c == '\n' || c == '\r' || c == '\t';
}

/* Step over the comment at `p`; `p` itself if there is none, NULL if it is not closed. */
static const char *skip_comment(const char *p, const char *end)
{
    if (end - p < 2 || p[0] != '/')
        return p;
    if (p[1] == '/') {
        while (p < end && *p != '\n' && *p != '\r')
            p++;
        return p;
    }
    if (p[1] != '*')
        return p;
    for (p += 2; end - p >= 2; p++)
        if (p[0] == '*' && p[1] == '/')
            return p + 2;
    return NULL;
}

/* Comments are text and have to be UTF-8 like all of it. */
static pz_status skip_relaxed(reader *r)
{
    while (r->next < r->end && *r->next == '/') {
        const char *start = r->next;
        const char *after = skip_comment(start, r->end);
        if (!after)
            return fail_at(r, PZ_ERR_PARSE, start, "the comment is not closed; end it with */");
        if (after == start)
            break;
        size_t bad = pz__utf8_first_bad(start, (size_t)(after - start));
        if (start + bad < after)
            return fail_at(r, PZ_ERR_PARSE, start + bad,
                           "the bytes here are not UTF-8; save the text as UTF-8");
        r->next = after;
        while (r->next < r->end && is_space(*r->next))
            r->next++;
    }
    return PZ_OK;
}

static inline pz_status skip_space(reader *r)
{
    const uint64_t spaces = UINT64_C(0x2020202020202020);
    const char *p = r->next;
    if (p < r->end && (uint8_t)*p > ' ' && *p != '/')
        return PZ_OK;
    while (p < r->end && is_space(*p)) {
        p++;
        while (r->end - p >= 8 && pz__load_eight(p) == spaces)
            p += 8;
    }
    r->next = p;
    return r->flags & PZ_JSON_RELAXED ? skip_relaxed(r) : PZ_OK;
}

/* ---- scalars ---- */

static inline pz_status read_string(reader *r, pz_value *out)
{
    const char *start = r->next + 1;
    const char *close = pz__json_plain_end(start, r->end);
    bool has_escapes = false;
    if (close == r->end || *close != '"') {
        pz__text_fault fault;
        /* What stands before `close` is plain; the check goes on from there. */
        close = pz__json_text_end(close, r->end, &has_escapes, &fault);
        if (!close)
            return fail_at(r, PZ_ERR_PARSE, fault.at, fault.message);
    }
    size_t len = (size_t)(close - start);
    r->next = close + 1;
    *out = (pz_value){.kind = PZ_STRING, .len = (uint32_t)len, .as.text = start};
    if (!has_escapes)
        return PZ_OK;
    char *resolved = pz__arena_new(r->arena, len);
    if (!resolved)
        return no_memory(r);
    out->len = (uint32_t)pz__json_unescape(resolved, start, len);
    out->as.text = resolved;
    return PZ_OK;
}

/* A number being taken apart: digits * 10^exponent, right while count <= DIGITS_HELD. */
typedef struct number {
    const char *start; /* behind the sign */
    uint64_t digits;
    int64_t exponent;
    size_t count; /* digits, leading zeros included */
    bool is_negative;
} number;

static inline const char *read_digits(number *n, const char *p, const char *end)
{
    const char *start = p;
    for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
        n->digits = n->digits * 10 + (unsigned char)(*p - '0');
    n->count += (size_t)(p - start);
    return p;
}

static const char *read_exponent(number *n, const char *p, const char *end)
{
    bool is_negative = p < end && *p == '-';
    int64_t exponent = 0;
    p += p < end && (*p == '-' || *p == '+');
    if (p == end || (unsigned char)(*p - '0') > 9)
        return NULL;
    for (; p < end && (unsigned char)(*p - '0') <= 9; p++)
        if (exponent < EXPONENT_CEILING)
            exponent = exponent * 10 + (*p - '0');
    n->exponent += is_negative ? -exponent : exponent;
    return p;
}

static pz_status end_double(reader *r, const number *n, pz_value *out)
{
    double d;
    bool is_read =
        n->count <= DIGITS_HELD && pz__double_of_digits(n->is_negative, n->digits, n->exponent, &d);
    const char *sign = n->start - n->is_negative;
    if (!is_read)
        pz__double_parse(sign, (size_t)(r->next - sign), &d);
    if (d - d != 0)
        return fail_at(r, PZ_ERR_PARSE, sign,
                       "the number is beyond the largest double, about 1.8e308; write it as text "
                       "or scale it");
    *out = pz_value_double(d);
    return PZ_OK;
}

static pz_status end_whole(reader *r, const number *n, pz_value *out)
{
    uint64_t magnitude = n->digits;
    if (n->count > DIGITS_HELD && !pz__uint_parse(n->start, n->count, &magnitude))
        return end_double(r, n, out);
    if (n->is_negative && magnitude > (uint64_t)INT64_MAX + 1)
        return end_double(r, n, out);
    if (n->is_negative)
        *out = pz_value_int((int64_t)(0 - magnitude));
    else if (magnitude <= INT64_MAX)
        *out = pz_value_int((int64_t)magnitude);
    else
        *out = pz_value_uint(magnitude);
    return PZ_OK;
}

static pz_status read_number(reader *r, pz_value *out)
{
    const char *end = r->end;
    number n = {.start = r->next, .is_negative = *r->next == '-'};
    n.start += n.is_negative;
    const char *p = read_digits(&n, n.start, end);
    if (p == n.start)
        return expected(r, p, "a digit");
    if (*n.start == '0' && n.count > 1)
        return fail_at(r, PZ_ERR_PARSE, n.start,
                       "a number begins with a zero; remove it, or write text in double quotes");
    bool is_whole = p == end || (*p != '.' && *p != 'e' && *p != 'E');
    if (!is_whole && *p == '.') {
        const char *fraction = p + 1;
        p = read_digits(&n, fraction, end);
        if (p == fraction)
            return expected(r, p, "a digit after the decimal point");
        n.exponent = fraction - p;
    }
    if (p < end && (*p == 'e' || *p == 'E')) {
        const char *exponent = p + 1;
        p = read_exponent(&n, exponent, end);
        if (!p)
            return expected(r,
                            exponent + (exponent < end && (*exponent == '-' || *exponent == '+')),
                            "a digit of the exponent");
    }
    r->next = p;
    return is_whole ? end_whole(r, &n, out) : end_double(r, &n, out);
}

static bool take_word(reader *r, const char *word, size_t len)
{
    if ((size_t)(r->end - r->next) < len || memcmp(r->next, word, len) != 0)
        return false;
    r->next += len;
    return true;
}

static pz_status read_word(reader *r, pz_value *out)
{
    if (take_word(r, "true", 4))
        *out = pz_value_bool(true);
    else if (take_word(r, "false", 5))
        *out = pz_value_bool(false);
    else if (take_word(r, "null", 4))
        *out = pz_value_null();
    else
        return expected(r, r->next, "a value");
    return PZ_OK;
}

/* ---- containers ---- */

static pz_status open_container(reader *r, bool with_spans, bool is_map)
{
    if (r->depth == PZ_JSON_DEPTH_MAX)
        return fail_at(r, PZ_ERR_LIMIT, r->next,
                       "lists and objects are nested more than 512 deep; flatten the text");
    r->frames[r->depth++] = (frame){
        .base = (uint32_t)r->value_count,
        .node = with_spans ? (uint32_t)(r->node_count - 1) : 0,
        .start = offset_of(r, r->next),
        .is_map = is_map,
    };
    r->next++;
    return PZ_OK;
}

/* The child of `node` whose name has stood there before; there is one, so NULL means no memory. */
static const pz__node *find_duplicate(reader *r, const pz__node *children, uint32_t count)
{
    pz_value first;
    pz_entry *entries = pz__arena_array(r->arena, count, sizeof *entries);
    if (!entries)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        entries[i] = (pz_entry){pz__value_of_str(children[i].key), pz_value_uint(i)};
    if (pz__value_of_entries(r->arena, &first, entries, count, PZ__DUP_FIRST) != PZ_OK)
        return NULL;
    for (uint32_t i = 0; i < count; i++)
        if (pz__map_find(first, pz__value_of_str(children[i].key))->value.as.u != i)
            return &children[i];
    return NULL;
}

static pz_status fail_duplicate(reader *r, const frame *f, bool with_spans)
{
    r->has_duplicate = true;
    if (!with_spans)
        return PZ_ERR_PARSE;
    uint32_t count = (uint32_t)(r->node_count - f->node - 1);
    const pz__node *again = find_duplicate(r, &r->nodes[f->node + 1], count);
    if (!again)
        return no_memory(r);
    uint32_t line, column;
    pz__locate(r->text, (size_t)(r->end - r->text), again->key_start, &line, &column);
    int shown = again->key.len > 64 ? 64 : (int)again->key.len;
    return pz__fail_at(r->err, PZ_ERR_PARSE, line, column,
                       "the name \"%.*s\" stands twice in one object; remove or rename one", shown,
                       again->key.data);
}

/* The object that stands before this one in the same list, or null. */
static pz_value sibling(const reader *r, const frame *f)
{
    const frame *parent = f - 1;
    if (r->depth < 2 || parent->is_map || f->base == parent->base)
        return pz_value_null();
    return r->values[f->base - 1];
}

static pz_status make_map(reader *r, const frame *f, bool with_spans, pz_value *out)
{
    size_t count = (r->value_count - f->base) / 2;
    pz_entry *entries = pz__arena_array(r->arena, count, sizeof *entries);
    if (!entries)
        return no_memory(r);
    memcpy(entries, r->values + f->base, count * sizeof *entries);
    bool refuse = r->flags & PZ_JSON_REFUSE_DUPLICATES;
    pz_status status = pz__value_of_entries(r->arena, out, entries, (uint32_t)count,
                                            refuse ? PZ__DUP_REFUSE : PZ__DUP_LAST);
    if (status == PZ_ERR_ARG)
        return fail_duplicate(r, f, with_spans);
    pz__map_share_keys(sibling(r, f), *out);
    return status == PZ_OK ? PZ_OK : no_memory(r);
}

static pz_status make_list(reader *r, const frame *f, pz_value *out)
{
    size_t count = r->value_count - f->base;
    pz_value *items = pz__arena_array(r->arena, count, sizeof *items);
    if (!items)
        return no_memory(r);
    memcpy(items, r->values + f->base, count * sizeof *items);
    *out = pz__value_of_items(items, (uint32_t)count);
    return PZ_OK;
}

/* The children of a closing container leave the stack for the arena. */
static pz_status end_node(reader *r, const frame *f, pz_value v)
{
    pz__node *node = &r->nodes[f->node];
    size_t count = r->node_count - f->node - 1;
    pz__node *children = pz__arena_array(r->arena, count, sizeof *children);
    if (!children)
        return no_memory(r);
    memcpy(children, node + 1, count * sizeof *children);
    node->value = v;
    node->end = offset_of(r, r->next);
    node->child_count = (uint32_t)count;
    node->children = children;
    r->node_count = f->node + (size_t)1;
    return PZ_OK;
}

static inline pz_status close_container(reader *r, bool with_spans)
{
    frame *f = &r->frames[r->depth - 1];
    pz_value v;
    r->next++;
    pz_status status = f->is_map ? make_map(r, f, with_spans, &v) : make_list(r, f, &v);
    if (status == PZ_OK && with_spans)
        status = end_node(r, f, v);
    if (status != PZ_OK)
        return status;
    r->value_count = f->base;
    r->depth--;
    return push_value(r, v) ? PZ_OK : no_memory(r);
}

/* The name of a member and its colon, up to where the value begins. */
static inline pz_status read_name(reader *r, bool with_spans)
{
    const char *start = r->next;
    pz_value name;
    if (start == r->end || *start != '"')
        return expected(r, start, "a member name in double quotes");
    pz_status status = read_string(r, &name);
    if (status != PZ_OK)
        return status;
    pz__node node = {.key = {name.as.text, name.len},
                     .key_start = offset_of(r, start),
                     .key_end = offset_of(r, r->next)};
    if (!push_value(r, name) || (with_spans && !push_node(r, node)))
        return no_memory(r);
    status = skip_space(r);
    if (status != PZ_OK)
        return status;
    if (r->next == r->end || *r->next != ':')
        return expected(r, r->next, "a colon after the member name");
    r->next++;
    return skip_space(r);
}

/* ---- the document ---- */

/* Read a value that holds no others, or open one that does. */
static inline pz_status read_value(reader *r, bool with_spans, bool *is_open)
{
    pz_value v = {0};
    pz_status status;
    *is_open = false;
    if (r->next == r->end)
        return expected(r, r->next, "a value");
    if (!begin_node(r, with_spans))
        return no_memory(r);
    char c = *r->next;
    if (c == '"') {
        status = read_string(r, &v);
    } else if (c == '{' || c == '[') {
        *is_open = true;
        return open_container(r, with_spans, c == '{');
    } else if (c == '-' || (unsigned char)(c - '0') <= 9) {
        status = read_number(r, &v);
    } else {
        status = read_word(r, &v);
    }
    return status == PZ_OK ? end_scalar(r, with_spans, v) : status;
}

/* Step over the separator behind a value. True: the container closes here. */
static inline pz_status read_separator(reader *r, const frame *f, bool is_fresh, bool *closes)
{
    char close = f->is_map ? '}' : ']';
    *closes = r->next < r->end && *r->next == close;
    if (*closes || is_fresh)
        return PZ_OK;
    if (r->next == r->end || *r->next != ',')
        return expected(r, r->next, f->is_map ? "a comma or }" : "a comma or ]");
    r->next++;
    pz_status status = skip_space(r);
    *closes = (r->flags & PZ_JSON_RELAXED) && r->next < r->end && *r->next == close;
    return status;
}

/* Go on behind a value, or inside a container just opened (`is_fresh`): close what closes here and
 * stop where the next value is due, or at the end of the document. */
static inline pz_status advance(reader *r, bool with_spans, bool is_fresh, bool *is_done)
{
    for (;;) {
        pz_status status = skip_space(r);
        *is_done = r->depth == 0;
        if (*is_done || status != PZ_OK)
            return status;
        const frame *f = &r->frames[r->depth - 1];
        bool closes;
        status = read_separator(r, f, is_fresh, &closes);
        if (status != PZ_OK)
            return status;
        if (!closes)
            return f->is_map ? read_name(r, with_spans) : PZ_OK;
        status = close_container(r, with_spans);
        if (status != PZ_OK)
            return status;
        is_fresh = false;
    }
}

__attribute__((always_inline)) static inline pz_status read_document(reader *r, bool with_spans)
{
    bool is_done = false;
    pz_status status = skip_space(r);
    while (status == PZ_OK && !is_done) {
        bool is_open;
        status = read_value(r, with_spans, &is_open);
        if (status == PZ_OK)
            status = advance(r, with_spans, is_open, &is_done);
    }
    if (status == PZ_OK && r->next != r->end)
        return expected(r, r->next, "the end of the text, for one value is complete");
    return status;
}

static pz_status read_plain(reader *r)
{
    return read_document(r, false);
}

static pz_status read_with_spans(reader *r)
{
    return read_document(r, true);
}

static pz_status start(reader *r, pz__arena *arena, const char *json, size_t len, uint32_t flags,
                       pz_error *err)
{
    if (len > PZ_JSON_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the text is longer than %u bytes; split it",
                        PZ_JSON_BYTES_MAX);
    /* The frames and first values are not cleared: a slot is written before it is read. */
    r->arena = arena;
    r->text = r->next = json ? json : "";
    r->end = r->text + len;
    r->flags = flags;
    r->depth = 0;
    r->err = err;
    r->has_duplicate = false;
    r->values = r->first_values;
    r->value_count = 0;
    r->value_cap = VALUES_AT_FIRST;
    r->nodes = NULL;
    r->node_count = r->node_cap = 0;
    return PZ_OK;
}

static void finish(reader *r)
{
    if (r->values != r->first_values)
        pz__mem_free(&r->arena->alloc, r->values, r->value_cap, sizeof *r->values);
    pz__mem_free(&r->arena->alloc, r->nodes, r->node_cap, sizeof *r->nodes);
}

pz_status pz__json_read_node(pz__arena *arena, pz__node *root, const char *json, size_t len,
                             uint32_t flags, pz_error *err)
{
    reader r;
    *root = (pz__node){{0}};
    pz_status status = start(&r, arena, json, len, flags, err);
    if (status != PZ_OK)
        return status;
    pz__mark before = pz__arena_mark(arena);
    status = read_with_spans(&r);
    if (status == PZ_OK)
        *root = r.nodes[0];
    else
        pz__arena_return(arena, before);
    finish(&r);
    return status;
}

pz_status pz__json_read(pz__arena *arena, pz_value *out, const char *json, size_t len,
                        uint32_t flags, pz_error *err)
{
    reader r;
    *out = pz_value_null();
    pz_status status = start(&r, arena, json, len, flags, err);
    if (status != PZ_OK)
        return status;
    pz__mark before = pz__arena_mark(arena);
    status = read_plain(&r);
    if (status == PZ_OK)
        *out = r.values[0];
    else
        pz__arena_return(arena, before);
    finish(&r);
    if (r.has_duplicate && status == PZ_ERR_PARSE) {
        pz__node again;
        status = pz__json_read_node(arena, &again, json, len, flags, err);
    }
    return status;
}

const pz__node *pz__node_get(const pz__node *object, const char *key)
{
    pz_str wanted = pz_str_of(key);
    /* The last of duplicate names counts, as in the value. */
    for (uint32_t i = object->child_count; i-- > 0;)
        if (object->value.kind == PZ_MAP && pz__str_equal(object->children[i].key, wanted))
            return &object->children[i];
    return NULL;
}

pz_status pz_value_parse(pz_pool *pool, pz_value *out, const char *json, size_t len, uint32_t flags,
                         pz_error *err)
{
    if (!out)
        return pz__fail(err, PZ_ERR_ARG, "the result pointer is NULL");
    *out = pz_value_null();
    if (!pool || (!json && len > 0))
        return pz__fail(err, PZ_ERR_ARG, "the pool or the text is NULL");
    if (flags & ~(uint32_t)(PZ_JSON_RELAXED | PZ_JSON_REFUSE_DUPLICATES))
        return pz__fail(err, PZ_ERR_ARG, "a flag is set that this version does not know");
    if (len > PZ_JSON_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "the text is longer than %u bytes; split it",
                        PZ_JSON_BYTES_MAX);
    pz__arena *arena = pz__pool_arena(pool);
    pz__mark before = pz__arena_mark(arena);
    /* Strings borrow from the text, so the pool has to own it. */
    char *owned = pz__arena_text(arena, json, len);
    if (!owned)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory while reading JSON");
    pz_status status = pz__json_read(arena, out, owned, len, flags, err);
    if (status != PZ_OK)
        pz__arena_return(arena, before);
    return status;
}
