/*
 * format_value.c: values as text, the way %s of format() shows them.
 *
 * Strings stand bare at every depth. A double is the shortest decimal that reads back to it, in
 * plain notation: 1e21 has twenty-one zeros. Bytes are text, each run that is no UTF-8 one U+FFFD.
 * The entries of a map come in the order of their keys as written here, so that maps which are
 * equal, with keys of equal types, read alike; keys that read alike keep their order.
 *
 * A value may hold one list many times over; the buffer's bound ends such a walk.
 */
#include "cel/format.h"

#include "base/number.h"
#include "base/str.h"
#include "base/time.h"
#include "base/utf8.h"
#include "cel/order.h"

/* ---- scalars ---- */

static void put_zeros(pz__buf *out, int64_t count)
{
    for (; count > 0 && out->status == PZ_OK; count--)
        pz__buf_byte(out, '0');
}

/* `digits` times 10^exponent, the digits in the shortest form "d" or "d.ddd". */
static void put_plain(pz__buf *out, const char *digits, size_t len, int64_t exponent)
{
    char text[PZ__DOUBLE_TEXT_MAX];
    size_t count = 0;
    for (size_t i = 0; i < len; i++)
        if (digits[i] != '.')
            text[count++] = digits[i];
    int64_t whole = exponent + 1; /* digits before the point */
    if (whole <= 0) {
        pz__buf_text(out, "0.");
        put_zeros(out, -whole);
        pz__buf_put(out, text, count);
        return;
    }
    size_t before = whole < (int64_t)count ? (size_t)whole : count;
    pz__buf_put(out, text, before);
    put_zeros(out, whole - (int64_t)count);
    if (before < count) {
        pz__buf_byte(out, '.');
        pz__buf_put(out, text + before, count - before);
    }
}

static void put_double(pz__buf *out, double d)
{
    char text[PZ__DOUBLE_TEXT_MAX];
    size_t len = pz__double_print(d, text);
    const char *mark = d - d == 0 ? memchr(text, 'e', len) : NULL;
    int64_t exponent;
    if (!mark || !pz__int_parse(mark + 1, len - (size_t)(mark + 1 - text), &exponent)) {
        pz__buf_put(out, text, len);
        return;
    }
    bool is_negative = text[0] == '-';
    if (is_negative)
        pz__buf_byte(out, '-');
    put_plain(out, text + is_negative, (size_t)(mark - text) - is_negative, exponent);
}

/* Octets at the beginning that are no UTF-8. */
static size_t bad_run(const char *text, size_t len)
{
    size_t run = 0;
    while (run < len && pz__utf8_first_bad(text + run, len - run < 4 ? len - run : 4) == 0)
        run++;
    return run;
}

static void put_bytes(pz__buf *out, pz_value v)
{
    char replacement[4];
    size_t width = pz__utf8_encode(PZ__UTF8_REPLACEMENT, replacement);
    for (size_t at = 0; at < v.len && out->status == PZ_OK;) {
        size_t good = pz__utf8_first_bad(v.as.text + at, v.len - at);
        pz__buf_put(out, v.as.text + at, good);
        at += good;
        if (at == v.len)
            break;
        pz__buf_put(out, replacement, width);
        at += bad_run(v.as.text + at, v.len - at);
    }
}

static bool put_scalar(pz__formatter *f, pz_value v)
{
    char text[64];
    switch (v.kind) {
    case PZ_NULL:
        pz__buf_text(&f->out, "null");
        return true;
    case PZ_BOOL:
        pz__buf_text(&f->out, v.as.b ? "true" : "false");
        return true;
    case PZ_INT:
        pz__buf_put(&f->out, text, pz__int_print(v.as.i, text));
        return true;
    case PZ_UINT:
        pz__buf_put(&f->out, text, pz__uint_print(v.as.u, text));
        return true;
    case PZ_DOUBLE:
        put_double(&f->out, v.as.d);
        return true;
    case PZ_STRING:
    case PZ__V_TYPE:
        pz__text_put(&f->out, v);
        return true;
    case PZ_BYTES:
        put_bytes(&f->out, v);
        return true;
    case PZ_TIMESTAMP:
        pz__buf_put(&f->out, text, pz__rfc3339_print(v.as.i, v.len, text));
        return true;
    case PZ_DURATION:
        pz__buf_put(&f->out, text, pz__duration_print(v.as.i, text));
        return true;
    default:
        f->problem = "a value of this type has no text for %s; convert it first";
        return false;
    }
}

/* ---- lists and maps ---- */

static bool put_list(pz__formatter *f, pz_value list, uint32_t depth)
{
    pz__buf_byte(&f->out, '[');
    for (uint32_t i = 0; i < list.len && f->out.status == PZ_OK; i++) {
        if (i > 0)
            pz__buf_text(&f->out, ", ");
        if (!pz__format_value(f, list.as.items[i], depth + 1))
            return false;
    }
    pz__buf_byte(&f->out, ']');
    return true;
}

/* Where each key's text stands in the buffer, while the order of the entries is found. */
typedef struct spans {
    const pz__buf *text;
    const size_t *starts; /* one more than there are keys */
} spans;

static bool key_comes_after(void *self, uint32_t a, uint32_t b)
{
    const spans *s = self;
    pz_str x = {s->text->data + s->starts[a], s->starts[a + 1] - s->starts[a]};
    pz_str y = {s->text->data + s->starts[b], s->starts[b + 1] - s->starts[b]};
    return pz__str_compare(x, y) > 0;
}

/* The positions of the entries in the order of their keys' texts. The texts are written behind what
 * is there already, compared, and taken back. */
static uint32_t *sorted_entries(pz__formatter *f, pz_value map)
{
    size_t mark = f->out.len;
    uint32_t *positions = pz__arena_array(f->call->arena, map.len, 2 * sizeof *positions);
    size_t *starts = pz__arena_array(f->call->arena, (size_t)map.len + 1, sizeof *starts);
    if (!positions || !starts) {
        f->out.status = PZ_ERR_NOMEM;
        return NULL;
    }
    for (uint32_t i = 0; i < map.len; i++) {
        positions[i] = i;
        starts[i] = f->out.len;
        put_scalar(f, pz__map_entries(map)[i].key);
    }
    starts[map.len] = f->out.len;
    if (f->out.status != PZ_OK)
        return NULL;
    spans s = {&f->out, starts};
    pz__sort_positions(positions, positions + map.len, map.len, key_comes_after, &s);
    f->out.len = mark;
    return positions;
}

static bool put_map(pz__formatter *f, pz_value map, uint32_t depth)
{
    if (!pz__call_charge(f->call, map.len)) {
        f->out.status = PZ_ERR_LIMIT;
        return false;
    }
    const uint32_t *positions = sorted_entries(f, map);
    pz__buf_byte(&f->out, '{');
    for (uint32_t i = 0; positions && i < map.len && f->out.status == PZ_OK; i++) {
        const pz_entry *entry = &pz__map_entries(map)[positions[i]];
        if (i > 0)
            pz__buf_text(&f->out, ", ");
        put_scalar(f, entry->key);
        pz__buf_text(&f->out, ": ");
        if (!pz__format_value(f, entry->value, depth + 1))
            return false;
    }
    pz__buf_byte(&f->out, '}');
    return true;
}

bool pz__format_value(pz__formatter *f, pz_value v, uint32_t depth)
{
    if (v.kind != PZ_LIST && v.kind != PZ_MAP)
        return put_scalar(f, v);
    if (depth >= PZ__FORMAT_DEPTH_MAX) {
        f->problem = "the value is nested too deep to be written";
        return false;
    }
    return v.kind == PZ_LIST ? put_list(f, v, depth) : put_map(f, v, depth);
}
