/*
 * map.c: where everything lies in a profile and in one body, without looking into it.
 *
 * Opening is most of what an answer out of bytes costs, so it is one pass over the heads and one
 * over the section directory, with the place in a register, and the little that has to be known of
 * each table: its widths, its count, and that its last row ends where its sections do.
 *
 *     heads   magic, subject, and of each segment writer and body
 *     body    sequence, dropped, [tag, length]..., payload -> parts[tag] = place and length in it
 *
 * The rows themselves are not looked at: each is held against the bounds when it is read (read.c).
 * Everything here may come from anywhere. A length is compared with what is left before it is used,
 * and nothing of a body is believed that lies outside it.
 */
#include "profile/codec.h"

#include <string.h>

/* ---- words ---- */

typedef struct word {
    uint64_t n;
    const uint8_t *next; /* NULL: cut off, too long, or not in its shortest form */
} word;

static __attribute__((noinline)) word long_word(const uint8_t *at, const uint8_t *end)
{
    pz__cursor in = {at, end, false};
    const uint64_t n = pz__read_long_varint(&in);
    return (word){n, in.bad ? NULL : in.next};
}

/* A varint at `at`, which is not NULL; where the next word begins, or NULL. */
static inline const uint8_t *read_word(const uint8_t *at, const uint8_t *end, uint64_t *out)
{
    if (at < end && *at < 0x80) {
        *out = *at;
        return at + 1;
    }
    if (end - at >= 2 && at[1] > 0 && at[1] < 0x80) {
        *out = (uint64_t)(at[0] & 0x7f) | (uint64_t)at[1] << 7;
        return at + 2;
    }
    const word w = long_word(at, end);
    *out = w.n;
    return w.next;
}

/* ---- the map of a body ---- */

static pz_status corrupt_at(pz__reader *r, const uint8_t *at, const char *what)
{
    r->in.next = at;
    return pz__corrupt(r, what);
}

static pz_status too_many(const pz__reader *r, unsigned max)
{
    return pz__fail(r->err, PZ_ERR_LIMIT, "a section holds more than %u items", max);
}

/* A count at `at` of things of at least `least` octets each; 0 in *count where it does not fit. No
 * product overflows: a profile has 8 MiB. */
static inline const uint8_t *read_count(const uint8_t *at, const uint8_t *end, size_t least,
                                        uint32_t *count)
{
    uint64_t n;
    const uint8_t *next = read_word(at, end, &n);
    const size_t left = next ? (size_t)(end - next) : 0;
    *count = n <= left && n * least <= left ? (uint32_t)n : 0;
    return next;
}

/* Whether a column of the last row of a table ends at `len`, in no more octets than that takes. */
static inline bool is_closed(const uint8_t *column, unsigned width, size_t len)
{
    if (width == 0)
        return len == 0;
    return pz__read_fixed(column, width) == len && column[width - 1] != 0;
}

static inline pz_status open_names(pz__body *body, pz__reader *r)
{
    const pz_str section = pz__section_of(body, PZ__SECTION_NAMES);
    body->names.count = 0;
    if (!section.data)
        return PZ_OK;
    const uint8_t *at = (const uint8_t *)section.data, *end = at + section.len;
    const unsigned width = *at; /* no section is empty */
    uint32_t count;
    if (width == 0 || width > PZ__COLUMN_WIDTH_MAX)
        return corrupt_at(r, at, "the table of names has no such width");
    const uint8_t *ends = read_count(at + 1, end, width, &count);
    if (count == 0)
        return corrupt_at(r, at + 1, "a count does not fit its section");
    const uint8_t *texts = ends + (size_t)count * width;
    body->names = (pz__name_table){.ends = ends,
                                   .texts = (const char *)texts,
                                   .texts_len = (size_t)(end - texts),
                                   .count = count,
                                   .width = (uint8_t)width};
    if (!is_closed(texts - width, width, body->names.texts_len))
        return corrupt_at(r, texts, "the table of names does not end where it says");
    return PZ_OK;
}

/* The count at the head of a section that the directory points into, and what is behind it. */
static inline pz_status open_run(const pz__body *body, pz__reader *r, pz__section tag, uint32_t max,
                                 uint32_t *count, pz_str *run)
{
    const pz_str section = pz__section_of(body, tag);
    *count = 0;
    *run = (pz_str){NULL, 0};
    if (!section.data)
        return PZ_OK;
    const uint8_t *at = (const uint8_t *)section.data, *end = at + section.len;
    const uint8_t *next = read_count(at, end, 1, count);
    if (*count == 0)
        return corrupt_at(r, at, "a count does not fit its section");
    *run = (pz_str){(const char *)next, (size_t)(end - next)};
    return *count > max ? too_many(r, max) : PZ_OK;
}

static inline pz_status open_runs(pz__body *body, pz__reader *r)
{
    pz_str *runs = body->directory.runs;
    pz_status status = open_run(body, r, PZ__SECTION_CLAIMS, PZ__SEGMENT_CLAIMS_MAX,
                                &body->claim_count, &runs[PZ__COLUMN_CLAIMS]);
    if (status == PZ_OK)
        status = open_run(body, r, PZ__SECTION_CELLS, PZ__SEGMENT_CELLS_MAX, &body->cell_count,
                          &runs[PZ__COLUMN_CELLS]);
    if (status == PZ_OK)
        status = open_run(body, r, PZ__SECTION_COUNTERS, PZ__SEGMENT_COUNTERS_MAX,
                          &body->counter_count, &runs[PZ__COLUMN_COUNTER]);
    return status;
}

/* Does the last row end where the sections do? */
static inline bool are_closed(const pz__directory *d)
{
    const uint8_t *last = d->rows + (size_t)(d->count - 1) * d->row_len;
    return is_closed(last, d->width[PZ__COLUMN_NAME], d->runs[PZ__COLUMN_NAME].len) &&
           is_closed(last + d->at[PZ__COLUMN_CLAIMS], d->width[PZ__COLUMN_CLAIMS],
                     d->runs[PZ__COLUMN_CLAIMS].len) &&
           is_closed(last + d->at[PZ__COLUMN_CELLS], d->width[PZ__COLUMN_CELLS],
                     d->runs[PZ__COLUMN_CELLS].len) &&
           is_closed(last + d->at[PZ__COLUMN_COUNTER], d->width[PZ__COLUMN_COUNTER],
                     d->runs[PZ__COLUMN_COUNTER].len);
}

/* The four columns of a row, two bits of width each. */
static inline unsigned lay_out_columns(pz__directory *d, unsigned widths)
{
    const unsigned name = widths & 3, claims = widths >> 2 & 3, cells = widths >> 4 & 3;
    const unsigned counter = widths >> 6 & 3, row_len = name + claims + cells + counter;
    d->width[PZ__COLUMN_NAME] = (uint8_t)name;
    d->width[PZ__COLUMN_CLAIMS] = (uint8_t)claims;
    d->width[PZ__COLUMN_CELLS] = (uint8_t)cells;
    d->width[PZ__COLUMN_COUNTER] = (uint8_t)counter;
    d->at[PZ__COLUMN_NAME] = 0;
    d->at[PZ__COLUMN_CLAIMS] = (uint8_t)name;
    d->at[PZ__COLUMN_CELLS] = (uint8_t)(name + claims);
    d->at[PZ__COLUMN_COUNTER] = (uint8_t)(name + claims + cells);
    d->row_len = (uint8_t)row_len;
    return row_len;
}

static inline pz_status open_directory(pz__body *body, pz__reader *r)
{
    pz__directory *d = &body->directory;
    const pz_status status = open_runs(body, r);
    d->count = 0;
    if (status != PZ_OK)
        return status;
    const pz_str section = pz__section_of(body, PZ__SECTION_DIRECTORY);
    if (!section.data)
        return body->claim_count || body->cell_count || body->counter_count
                   ? corrupt_at(r, NULL, "the directory of attributes is missing")
                   : PZ_OK;
    const uint8_t *at = (const uint8_t *)section.data, *end = at + section.len;
    const unsigned row_len = lay_out_columns(d, *at);
    if (row_len == 0)
        return corrupt_at(r, at, "the directory of attributes has no columns");
    d->rows = read_count(at + 1, end, row_len, &d->count);
    if (d->count == 0)
        return corrupt_at(r, at + 1, "a count does not fit its section");
    const uint8_t *names = d->rows + (size_t)d->count * row_len;
    d->runs[PZ__COLUMN_NAME] = (pz_str){(const char *)names, (size_t)(end - names)};
    return are_closed(d) ? PZ_OK
                         : corrupt_at(r, names,
                                      "the directory of attributes does not end where its sections "
                                      "do");
}

/* Sections that this version does not know stand last, one behind the other. */
static void place_unknown(pz__body *body, size_t known_len)
{
    const char *at = body->payload + known_len;
    if (!body->unknown)
        return;
    for (uint32_t i = 0; i < body->unknown_count; i++) {
        body->unknown[i].bytes.data = at;
        at += body->unknown[i].bytes.len;
    }
}

/* The entries of the section directory, and what is behind them. */
static inline pz_status open_entries(pz__body *body, pz__reader *r, const uint8_t *at,
                                     uint64_t count)
{
    const uint8_t *end = (const uint8_t *)body->bytes.data + body->bytes.len;
    uint64_t last = 0;
    size_t len = 0, known_len = 0;
    uint32_t present = 0;
    for (uint64_t i = 0; i < count; i++) {
        uint64_t tag, part = 0;
        const uint8_t *next = read_word(at, end, &tag);
        if (next)
            next = read_word(next, end, &part);
        if (!next || tag <= last || (part == 0 && tag <= PZ__SECTION_LAST) ||
            part > body->bytes.len)
            return corrupt_at(r, at, "a section is cut off, empty or out of order");
        at = next;
        last = tag;
        if (tag <= PZ__SECTION_LAST) {
            body->parts[tag] = (pz__part){(uint32_t)len, (uint32_t)part};
            present |= 1u << tag;
            known_len = len + (size_t)part;
        } else {
            if (body->unknown)
                body->unknown[body->unknown_count] =
                    (pz__unknown_section){tag, {NULL, (size_t)part}};
            body->unknown_count++;
        }
        len += (size_t)part;
    }
    if (len != (size_t)(end - at))
        return corrupt_at(r, at, "the sections are not as long as their directory says");
    body->present = present;
    body->payload = (const char *)at;
    if (body->unknown_count)
        place_unknown(body, known_len);
    return PZ_OK;
}

static inline pz_status open_sections(pz__body *body, pz__reader *r)
{
    const uint8_t *at = (const uint8_t *)body->bytes.data, *end = at + body->bytes.len;
    uint64_t count = 0;
    const uint8_t *next = read_word(at, end, &body->sequence);
    if (next)
        next = read_word(next, end, &body->dropped);
    if (!next || body->sequence == 0 || body->sequence > PZ__SEQUENCE_MAX ||
        body->dropped > PZ__SEQUENCE_MAX)
        return corrupt_at(r, at, "a segment has no sequence or one out of range");
    at = next;
    next = read_word(at, end, &count);
    if (!next || count > (size_t)(end - next) / 2)
        return corrupt_at(r, at, "a count of sections does not fit its segment");
    if (count > PZ__SEGMENT_SECTIONS_MAX)
        return pz__fail(r->err, PZ_ERR_LIMIT, "more than %u sections", PZ__SEGMENT_SECTIONS_MAX);
    return open_entries(body, r, next, count);
}

pz_status pz__body_open(pz__body *body, pz__reader *r, pz_str bytes)
{
    body->bytes = bytes;
    body->unknown_count = 0;
    r->body = body;
    r->in.bad = false;
    pz_status status = open_sections(body, r);
    if (status == PZ_OK)
        status = open_names(body, r);
    if (status == PZ_OK)
        status = open_directory(body, r);
    return status;
}

/* ---- a profile's head, and where its segments stand ---- */

typedef struct profile_reader {
    const uint8_t *base, *end;
    pz_error *err;
} profile_reader;

static pz_status unlike(const profile_reader *r, const uint8_t *at, const char *what)
{
    return pz__fail(r->err, PZ_ERR_CORRUPT, "byte %zu: %s", (size_t)(at - r->base), what);
}

/* A text of 1 to `max` octets; NULL where there is none. */
static inline const uint8_t *read_text(const uint8_t *at, const uint8_t *end, size_t max,
                                       pz_str *out)
{
    uint64_t len;
    const uint8_t *next = read_word(at, end, &len);
    if (!next || len == 0 || len > max || len > (size_t)(end - next))
        return NULL;
    *out = (pz_str){(const char *)next, (size_t)len};
    return next + len;
}

#define MAGIC_LEN 3u
_Static_assert(sizeof PZ__FORMAT_MAGIC == MAGIC_LEN + 1, "the magic is three octets");

/* Up to the count of segments; NULL with *status where that is not one. */
static inline const uint8_t *read_head(pz__heads *heads, const profile_reader *r, pz_status *status)
{
    const uint8_t *at = r->base;
    uint64_t count;
    if (r->end - at < 5 || memcmp(at, PZ__FORMAT_MAGIC, MAGIC_LEN) != 0 || at[MAGIC_LEN] == 0) {
        *status = unlike(r, at, "this is no profile");
        return NULL;
    }
    const unsigned version = at[MAGIC_LEN], kind = at[MAGIC_LEN + 1];
    if (version > PZ__FORMAT_VERSION) {
        *status = pz__fail(r->err, PZ_ERR_VERSION,
                           "the profile has format %u, this library reads up to %u", version,
                           PZ__FORMAT_VERSION);
        return NULL;
    }
    heads->kind = (pz__subject_kind)kind;
    at += MAGIC_LEN + 2;
    const uint8_t *next = read_text(at, r->end, PZ__SUBJECT_MAX, &heads->subject);
    if (next)
        next = read_word(next, r->end, &count);
    if (!next || kind > PZ__DEVICE) {
        *status = unlike(r, at, "the subject is malformed");
        return NULL;
    }
    if (count > PZ__PROFILE_WRITERS_MAX) {
        *status = pz__fail(r->err, PZ_ERR_LIMIT, "the profile has segments of more than %u writers",
                           PZ__PROFILE_WRITERS_MAX);
        return NULL;
    }
    heads->count = (uint32_t)count;
    *status = PZ_OK;
    return next;
}

pz_status pz__heads_read(pz__heads *heads, const void *bytes, size_t len, pz_error *err)
{
    static const uint8_t nothing = 0;
    if (len > PZ__PROFILE_BYTES_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a profile has at most %u bytes", PZ__PROFILE_BYTES_MAX);
    const uint8_t *base = len ? bytes : &nothing;
    const profile_reader r = {base, base + len, err};
    pz_status status;
    const uint8_t *at = read_head(heads, &r, &status);
    if (!at)
        return status;
    for (uint32_t i = 0; i < heads->count; i++) {
        pz__segment_head *head = &heads->list[i];
        const uint8_t *next = read_text(at, r.end, PZ__WRITER_MAX, &head->writer);
        if (next)
            next = read_text(next, r.end, SIZE_MAX, &head->body);
        if (!next)
            return unlike(&r, at, "a segment is cut off or empty, or its writer malformed");
        if (i > 0 && pz__str_compare(heads->list[i - 1].writer, head->writer) >= 0)
            return unlike(&r, at, "segments are not in order");
        head->offset = (size_t)((const uint8_t *)head->body.data - r.base);
        at = next;
    }
    return at == r.end ? PZ_OK : unlike(&r, at, "bytes follow the last segment");
}
