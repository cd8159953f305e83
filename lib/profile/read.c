/*
 * read.c: the words of the format, and its tables of fixed width.
 *
 * Everything here looks at bytes that may come from anywhere and is shared by the reader that takes
 * a whole profile in (decode.c) and the one that looks at a profile where it lies (peek.c). A word
 * that is cut off, too long or not in its shortest form sets `bad` on the cursor, which stays where
 * it was; the caller looks once, at the end of an item.
 *
 * Rows of a table are held against the bounds when they are read, which is what makes looking at
 * one attribute cheap and still safe. A row whose ends go backwards or beyond is refused, and a
 * search over rows that are not in order ends all the same, at some row or none.
 *
 * Not here: where the tables and sections of a body lie (map.c).
 */
#include "profile/codec.h"

#include "base/utf8.h"

#include <string.h>

/* ---- refusing ---- */

pz_status pz__corrupt(const pz__reader *r, const char *what)
{
    const uint8_t *base = (const uint8_t *)r->body->bytes.data;
    /* An absent section is read from elsewhere. */
    const bool is_inside = base && r->in.next >= base && r->in.next <= base + r->body->bytes.len;
    const size_t at = is_inside ? (size_t)(r->in.next - base) : 0;
    return pz__fail(r->err, PZ_ERR_CORRUPT, "byte %zu: %s", r->offset + at, what);
}

pz_status pz__no_memory(const pz__reader *r)
{
    return pz__fail(r->err, PZ_ERR_NOMEM, "out of memory");
}

/* ---- words ---- */

pz_str pz__read_text(pz__cursor *in, size_t max)
{
    const uint64_t len = pz__read_varint(in);
    if (len > max) {
        in->bad = true;
        return (pz_str){NULL, 0};
    }
    if (in->bad || len > (size_t)(in->end - in->next)) {
        in->bad = true;
        return (pz_str){NULL, 0};
    }
    const uint8_t *bytes = in->next;
    in->next += len;
    return (pz_str){(const char *)bytes, (size_t)len};
}

int64_t pz__read_difference(pz__cursor *in, int64_t from)
{
    return (int64_t)((uint64_t)from + (uint64_t)pz__read_zigzag(in));
}

/* No product overflows: a profile has 8 MiB. */
static inline pz_status read_count(pz__reader *r, size_t least, uint32_t max, uint32_t *out)
{
    const uint64_t count = pz__read_varint(&r->in);
    const size_t left = (size_t)(r->in.end - r->in.next);
    *out = 0;
    if (r->in.bad || count == 0 || count > left || count * least > left)
        return pz__corrupt(r, "a count does not fit its section");
    if (count > max)
        return pz__fail(r->err, PZ_ERR_LIMIT, "a section holds more than %u items", (unsigned)max);
    *out = (uint32_t)count;
    return PZ_OK;
}

pz_status pz__read_count(pz__reader *r, size_t least, uint32_t max, uint32_t *out)
{
    return read_count(r, least, max, out);
}

/* Eight octets at a time; the last eight, which may reach in front of the text, at the end: so many
 * stand before any text in a body. */
static inline bool is_ascii(pz_str text)
{
    const uint8_t *at = (const uint8_t *)text.data, *end = at + text.len;
    if (text.len == 0)
        return true;
    if (text.len < 8)
        return (pz__octets_at(end - 8) >> (64 - 8 * text.len) & PZ__NO_ASCII) == 0;
    uint64_t bits = pz__octets_at(end - 8);
    for (; end - at >= 8; at += 8)
        bits |= pz__octets_at(at);
    return (bits & PZ__NO_ASCII) == 0;
}

/* Most values are a short text. */
static bool read_short_text(pz__cursor *in, pz_value *out)
{
    const uint8_t *at = in->next;
    const size_t left = pz__cursor_left(in);
    if (in->bad || left < 2 || at[0] != PZ_STRING || at[1] >= 0x80 || left - 2 < at[1])
        return false;
    const pz_str text = {(const char *)at + 2, at[1]};
    if (!is_ascii(text))
        return false;
    *out = pz__value_of_str(text);
    in->next += 2 + text.len;
    return true;
}

pz_status pz__read_value(pz__reader *r, pz_value *out)
{
    if (read_short_text(&r->in, out))
        return PZ_OK;
    const uint8_t *start = r->in.next;
    const pz_status status = pz__value_decode(r->arena, &r->in, out);
    if (status == PZ_ERR_NOMEM)
        return pz__no_memory(r);
    if (status != PZ_OK || r->in.bad)
        return pz__corrupt(r, "a value is malformed");
    if ((size_t)(r->in.next - start) > PZ__CLAIM_VALUE_MAX || !pz__value_has_json(*out))
        return pz__corrupt(r, "a value is too long, or JSON has no word for it");
    return PZ_OK;
}

/* ---- tables of fixed width ---- */

static inline bool name_at(const pz__name_table *names, uint64_t number, pz_str *out)
{
    if (number >= names->count)
        return false;
    const uint8_t *row = names->ends + number * names->width;
    const size_t start = number ? pz__read_fixed(row - names->width, names->width) : 0;
    const size_t end = pz__read_fixed(row, names->width);
    if (start > end || end > names->texts_len)
        return false;
    *out = (pz_str){names->texts + start, end - start};
    return true;
}

bool pz__name_at(const pz__name_table *names, uint64_t number, pz_str *out)
{
    return name_at(names, number, out);
}

bool pz__run_at(const pz__directory *d, uint32_t index, unsigned column, pz_str *out)
{
    const uint8_t *end_at = d->rows + (size_t)index * d->row_len + d->at[column];
    const unsigned width = d->width[column];
    const size_t start = index ? pz__read_fixed(end_at - d->row_len, width) : 0;
    const size_t end = pz__read_fixed(end_at, width);
    if (start > end || end > d->runs[column].len)
        return false;
    *out = (pz_str){d->runs[column].data ? d->runs[column].data + start : NULL, end - start};
    return true;
}

bool pz__row_at(const pz__directory *directory, uint32_t index, pz__row *out)
{
    for (unsigned c = 0; c < PZ__COLUMN_COUNT; c++)
        if (!pz__run_at(directory, index, c, &out->runs[c]))
            return false;
    return true;
}

/* The first octets as a number that sorts as they do; `len` is at least 8. */
static inline uint64_t order_of(const char *at)
{
    return __builtin_bswap64(pz__octets_at((const uint8_t *)at));
}

/* As pz__str_compare, eight octets at once; the last eight may be compared twice. */
static inline int compare_names(pz_str a, pz_str b)
{
    const size_t shorter = a.len < b.len ? a.len : b.len;
    if (shorter < 8) {
        for (size_t i = 0; i < shorter; i++)
            if (a.data[i] != b.data[i])
                return (uint8_t)a.data[i] < (uint8_t)b.data[i] ? -1 : 1;
        return (a.len > b.len) - (a.len < b.len);
    }
    for (size_t i = 0;; i = shorter - i > 16 ? i + 8 : shorter - 8) {
        const uint64_t here = order_of(a.data + i), there = order_of(b.data + i);
        if (here != there)
            return here < there ? -1 : 1;
        if (i + 8 == shorter)
            return (a.len > b.len) - (a.len < b.len);
    }
}

/* The first eight octets likewise, zeros behind a shorter name. So many octets stand before it. */
static inline uint64_t order_in_body(pz_str name)
{
    if (name.len >= 8)
        return order_of(name.data);
    return name.len ? order_of(name.data + name.len - 8) << (64 - 8 * name.len) : 0;
}

/* What is looked for. */
typedef struct sought {
    pz_str name;
    uint64_t first, last; /* eight octets each; `last` of a name of 8 to 16 */
} sought;

static inline sought sought_of(pz_str name)
{
    char room[8] = {0};
    sought s = {.name = name};
    if (name.len < 8)
        memcpy(room, name.data, name.len);
    s.first = order_of(name.len < 8 ? room : name.data);
    s.last = name.len < 8 ? 0 : order_of(name.data + name.len - 8);
    return s;
}

/* Most names are told apart by one or two words. */
static inline int compare_to(const sought *s, pz_str here)
{
    const uint64_t first = order_in_body(here);
    if (first != s->first)
        return first < s->first ? -1 : 1;
    if (here.len == s->name.len && here.len <= 16) {
        const uint64_t last = here.len < 8 ? 0 : order_of(here.data + here.len - 8);
        return last < s->last ? -1 : last > s->last;
    }
    return compare_names(here, s->name);
}

pz_status pz__row_find(const pz__directory *d, pz_str name, uint32_t *index, pz_str *found)
{
    const sought s = sought_of(name);
    /* The empty name is less than any other. */
    uint32_t low = 0, high = name.len || d->count == 0 ? d->count : 1;
    const pz_str names = d->runs[PZ__COLUMN_NAME];
    const unsigned width = d->width[PZ__COLUMN_NAME], row_len = d->row_len;
    const uint8_t *rows = d->rows;
    while (low < high) {
        const uint32_t middle = (low + high) / 2; /* a body has no 2^31 rows */
        const uint8_t *end_at = rows + (size_t)middle * row_len;
        const size_t start = middle ? pz__read_fixed(end_at - row_len, width) : 0;
        const size_t end = pz__read_fixed(end_at, width);
        if (start > end || end > names.len)
            return PZ_ERR_CORRUPT;
        const pz_str here = {names.data + start, end - start};
        const int by = compare_to(&s, here);
        if (by < 0) {
            low = middle + 1;
        } else if (by > 0) {
            high = middle;
        } else {
            *found = here;
            *index = middle;
            return PZ_OK;
        }
    }
    return PZ_ERR_NOT_FOUND;
}

/* ---- names ---- */

/* Without a table of what was checked before, the text is checked each time: it is short. */
static inline bool is_name_text(const pz__reader *r, uint64_t number, pz_str name)
{
    if (r->used)
        return !(r->used[number] & PZ__NAME_NO_TEXT);
    return is_ascii(name) || pz__utf8_valid(name.data, name.len);
}

static inline pz_str use_name(pz__reader *r, uint64_t number, size_t max, bool is_text)
{
    pz_str name;
    if (r->in.bad || !name_at(&r->body->names, number, &name) || name.len == 0 || name.len > max ||
        (is_text && !is_name_text(r, number, name))) {
        r->in.bad = true;
        return (pz_str){NULL, 0};
    }
    if (r->used)
        r->used[number] |= PZ__NAME_USED;
    return name;
}

pz_str pz__use_name(pz__reader *r, uint64_t number, size_t max, bool is_text)
{
    return use_name(r, number, max, is_text);
}

pz_str pz__read_name(pz__reader *r, size_t max, bool is_text)
{
    return pz__use_name(r, pz__read_varint(&r->in), max, is_text);
}

pz_str pz__read_optional(pz__reader *r, size_t max)
{
    const uint64_t number = pz__read_varint(&r->in);
    return number ? use_name(r, number - 1, max, true) : (pz_str){NULL, 0};
}
