/*
 * codec.h: what writes, reads and peeks at stored bytes have in common. Private to the profile
 * room; docs/format.md describes every octet.
 *
 *     body    sequence, dropped, directory of sections, sections
 *
 * A segment's body is made to be read where it lies. Its section directory says where each section
 * begins. Two tables inside have rows of fixed width: the names (channels, speakers, writers),
 * reached by number, and the attributes, found by binary search, whose rows tell where the claims,
 * the cells and the counter of one attribute begin and end. Everything in the run of one attribute
 * is spelled relative to that run alone, so a reader that wants one attribute touches three short
 * stretches of bytes.
 *
 * pz__body is that map of a body, made by both decode.c and peek.c. Making it checks what lengths
 * can be checked without a walk over the content; every row and every content read later is checked
 * against the bounds again, because the bytes may come from anywhere.
 */
#ifndef PZ_PROFILE_CODEC_H
#define PZ_PROFILE_CODEC_H

#include <string.h>

#include "profile/state.h"

/* First octet of a claim. */
#define PZ__CLAIM_SLOT 0x0fu
#define PZ__CLAIM_CLEARED 0x10u
#define PZ__CLAIM_EXPIRES 0x20u
#define PZ__CLAIM_STAMP 0x40u /* the stamp is not the claimed time */
#define PZ__CLAIM_PART 0x80u

/* First octet of a cell: what it shares with the one before. */
#define PZ__CELL_SAME_VALUE 0x01u
#define PZ__CELL_SAME_CHANNEL 0x02u
#define PZ__CELL_SAME_WIDTH 0x04u
#define PZ__CELL_SAME_EPOCH 0x08u
#define PZ__CELL_AGAINST 0x10u
#define PZ__CELL_HEAD 0x1fu

/* First octet of a grant. */
#define PZ__GRANT_KIND 0x03u
#define PZ__GRANT_GIVEN 0x04u
#define PZ__GRANT_DENIED 0x08u
#define PZ__GRANT_EXPIRES 0x10u
#define PZ__GRANT_HEAD 0x1fu

/* First octet of a forgetting. */
#define PZ__FORGET_WHAT 0x03u
#define PZ__FORGET_FROM 0x04u
#define PZ__FORGET_TO 0x08u
#define PZ__FORGET_HEAD 0x0fu

/* Fewest octets that one of each can take, to hold counts against the bytes that are left. */
#define PZ__CLAIM_LEN_MIN 4u
#define PZ__CELL_LEN_MIN 3u

/* Columns of a row of the attribute directory: where the run of this attribute ends. */
enum { PZ__COLUMN_NAME, PZ__COLUMN_CLAIMS, PZ__COLUMN_CELLS, PZ__COLUMN_COUNTER, PZ__COLUMN_COUNT };
#define PZ__COLUMN_WIDTH_MAX 3u

typedef struct pz__name_table {
    const uint8_t *ends;
    const char *texts;
    size_t texts_len;
    uint32_t count;
    uint8_t width;
} pz__name_table;

typedef struct pz__directory {
    const uint8_t *rows;
    uint32_t count;
    uint8_t width[PZ__COLUMN_COUNT]; /* octets of each column, 0 to 3 */
    uint8_t at[PZ__COLUMN_COUNT];    /* where it stands in a row */
    uint8_t row_len;
    pz_str runs[PZ__COLUMN_COUNT]; /* what the columns point into */
} pz__directory;

/* What one segment says of one name. */
typedef struct pz__row {
    pz_str runs[PZ__COLUMN_COUNT]; /* name, claims, cells, counter */
} pz__row;

/* Where a section lies in the payload of its body. */
typedef struct pz__part {
    uint32_t at, len;
} pz__part;

struct pz__body {
    pz_str bytes;
    uint64_t sequence, dropped;
    const char *payload;                   /* what is behind the section directory */
    uint32_t present;                      /* sections, by bit 1 << tag */
    pz__part parts[PZ__SECTION_LAST + 1];  /* by tag, where present */
    pz__unknown_section *unknown; /* the caller's room for as many as there may be; NULL: not wanted */
    uint32_t unknown_count;
    uint32_t claim_count, cell_count, counter_count;
    pz__name_table names;
    pz__directory directory;
};

/* {NULL, 0}: absent; none is empty. */
static inline pz_str pz__section_of(const pz__body *body, pz__section tag)
{
    if (!(body->present >> tag & 1))
        return (pz_str){NULL, 0};
    return (pz_str){body->payload + body->parts[tag].at, body->parts[tag].len};
}

/* Where one segment stands in a profile. */
typedef struct pz__segment_head {
    pz_str writer, body;
    size_t offset; /* of the body */
} pz__segment_head;

typedef struct pz__heads {
    pz__subject_kind kind;
    uint32_t count;
    pz_str subject;
    pz__segment_head list[PZ__PROFILE_WRITERS_MAX];
} pz__heads;

/* Reads one body. `used` holds an octet for each name while it is decoded, NULL while peeked at. */
typedef struct pz__reader {
    pz__cursor in; /* over what is being read */
    const pz__body *body;
    uint8_t *used;
    pz__arena *arena;
    pz_str writer;
    size_t offset; /* of the body in the input, for messages */
    pz_error *err;
} pz__reader;

#define PZ__NAME_USED 1u
#define PZ__NAME_NO_TEXT 2u /* not UTF-8: good for a writer only */

/* A confidence is spelled as a number of these; with one more than 1 has, its bits follow. */
#define PZ__CONFIDENCE_ONE 65536u
#define PZ__CONFIDENCE_BITS (PZ__CONFIDENCE_ONE + 1)

/* PZ_ERR_CORRUPT with the byte where the reader stands. */
pz_status pz__corrupt(const pz__reader *r, const char *what);
pz_status pz__no_memory(const pz__reader *r);

/* ---- read.c: the words of the format ---- */

/* A varint of several octets, looked at octet by octet up to the eighth or the end; what is longer,
 * cut off or spelled too long is the slow path's. */
static inline uint64_t pz__read_long_varint(pz__cursor *in)
{
    const uint8_t *at = in->next;
    const size_t left = (size_t)(in->end - at);
    const unsigned most = left < 8 ? (unsigned)left : 8;
    uint64_t n = 0;
    for (unsigned i = 0; !in->bad && i < most; i++) {
        n |= (uint64_t)(at[i] & 0x7f) << (7 * i);
        if (at[i] >= 0x80)
            continue;
        if (i > 0 && at[i] == 0)
            break;
        in->next = at + i + 1;
        return n;
    }
    return pz__cursor_varint(in);
}

/* A varint; most are one octet. */
static inline uint64_t pz__read_varint(pz__cursor *in)
{
    if (!in->bad && in->next < in->end && *in->next < 0x80)
        return *in->next++;
    return pz__read_long_varint(in);
}

static inline int64_t pz__read_zigzag(pz__cursor *in)
{
    const uint64_t n = pz__read_varint(in);
    return (int64_t)((n >> 1) ^ (~(n & 1) + 1));
}

/* Eight octets, least significant first. Put together from octets it would not always become the
 * one load that it is. */
static inline uint64_t pz__octets_at(const uint8_t *b)
{
    uint64_t n;
    memcpy(&n, b, sizeof n);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
    n = __builtin_bswap64(n);
#endif
    return n;
}

/* The bits that no eight octets of ASCII have. */
#define PZ__NO_ASCII UINT64_C(0x8080808080808080)

/* A zigzag of up to eight octets at once: times have six. Where fewer than eight are left, the last
 * eight of what is read are looked at: so many stand before any time in the body. */
static inline int64_t pz__read_time(pz__cursor *in)
{
    const size_t left = (size_t)(in->end - in->next);
    if (in->bad || left == 0)
        return pz__read_zigzag(in);
    uint64_t word =
        left >= 8 ? pz__octets_at(in->next) : pz__octets_at(in->end - 8) >> (64 - 8 * left);
    const uint64_t ends = ~word & PZ__NO_ASCII;
    const unsigned len = ends ? (unsigned)__builtin_ctzll(ends) / 8 + 1 : 9;
    if (len > 8 || len > left || (len > 1 && (word >> (8 * len - 8) & 0xff) == 0))
        return pz__read_zigzag(in);
    word &= UINT64_MAX >> (64 - 8 * len);
    word = (word & UINT64_C(0x7f007f007f007f00)) >> 1 | (word & UINT64_C(0x007f007f007f007f));
    word = (word & UINT64_C(0x3fff00003fff0000)) >> 2 | (word & UINT64_C(0x00003fff00003fff));
    word = (word & UINT64_C(0x0fffffff00000000)) >> 4 | (word & UINT64_C(0x000000000fffffff));
    in->next += len;
    return (int64_t)((word >> 1) ^ (~(word & 1) + 1));
}

static inline uint8_t pz__read_octet(pz__cursor *in)
{
    if (!in->bad && in->next < in->end)
        return *in->next++;
    in->bad = true;
    return 0;
}

/* The cursor over other bytes. */
static inline void pz__read_over(pz__cursor *in, pz_str bytes)
{
    in->next = (const uint8_t *)bytes.data;
    in->end = bytes.len ? in->next + bytes.len : in->next; /* there may be none at all */
    in->bad = false;
}

/* `width` octets, 0 to 3, least significant first, out of a table of fixed width: the four octets
 * that end where they end are read at once. They are there, since seven octets at least of the same
 * body stand before the first row of a table: three numbers, the section's entry, the widths and
 * the count. */
static inline size_t pz__read_fixed(const uint8_t *p, unsigned width)
{
    const uint8_t *four = p + width - 4;
    const uint32_t n = (uint32_t)four[0] | (uint32_t)four[1] << 8 | (uint32_t)four[2] << 16 |
                       (uint32_t)four[3] << 24;
    return (size_t)((uint64_t)n >> (32 - 8 * width));
}

/* Fewest octets, up to 4, that hold n; 0 for 0. */
static inline unsigned pz__fixed_width(size_t n)
{
    return (n > 0) + (n > 0xff) + (n > 0xffff) + (n > 0xffffff);
}

pz_str pz__read_text(pz__cursor *in, size_t max);
int64_t pz__read_difference(pz__cursor *in, int64_t from);
/* A name of the table by its number; a text is UTF-8 and neither is empty. Sets in.bad. */
pz_str pz__read_name(pz__reader *r, size_t max, bool is_text);
/* The name of a number that is read already. */
pz_str pz__use_name(pz__reader *r, uint64_t number, size_t max, bool is_text);
/* The name of a number when nobody keeps account of the names; "" where it is not one of 1 to 8
 * octets of ASCII, as most are: then it is the other functions' affair. */
static inline pz_str pz__short_name(const pz__name_table *names, unsigned number)
{
    if (number >= names->count)
        return (pz_str){NULL, 0};
    const uint8_t *row = names->ends + (size_t)number * names->width;
    const size_t start = number ? pz__read_fixed(row - names->width, names->width) : 0;
    const size_t end = pz__read_fixed(row, names->width);
    if (start >= end || end > names->texts_len || end - start > 8)
        return (pz_str){NULL, 0};
    const pz_str name = {names->texts + start, end - start};
    const uint64_t word = pz__octets_at((const uint8_t *)names->texts + end - 8);
    const bool is_ascii = (word >> (64 - 8 * name.len) & PZ__NO_ASCII) == 0;
    return is_ascii ? name : (pz_str){NULL, 0};
}
/* As pz__read_name for texts, with 0 for the empty one. */
pz_str pz__read_optional(pz__reader *r, size_t max);
pz_status pz__read_value(pz__reader *r, pz_value *out);
/* A count, at least 1, of things of at least `least` octets each. */
pz_status pz__read_count(pz__reader *r, size_t least, uint32_t max, uint32_t *out);

/* ---- map.c ---- */

/* What stands before and between the bodies of a profile. */
pz_status pz__heads_read(pz__heads *heads, const void *bytes, size_t len, pz_error *err);
/* Make the map of a body; body->unknown is set before, r->in and r->body by it. */
pz_status pz__body_open(pz__body *body, pz__reader *r, pz_str bytes);

/* ---- read.c: tables of fixed width ---- */

bool pz__name_at(const pz__name_table *names, uint64_t number, pz_str *out);
/* Row `index` < count; false if what it points to is out of bounds. */
bool pz__row_at(const pz__directory *directory, uint32_t index, pz__row *out);
/* One run of a row; false likewise. */
bool pz__run_at(const pz__directory *directory, uint32_t index, unsigned column, pz_str *out);
/* The row of a name, and the name as the bytes have it. PZ_ERR_NOT_FOUND, PZ_ERR_CORRUPT. */
pz_status pz__row_find(const pz__directory *directory, pz_str name, uint32_t *index, pz_str *found);

/* ---- read_items.c: one claim, one cell ---- */

pz_status pz__read_claim(pz__reader *r, pz_str attribute, pz__claim *out);
/* `before`: the cell before it of the same attribute, or one of zeros. */
pz_status pz__read_cell(pz__reader *r, pz_str attribute, const pz__cell *before, pz__cell *out);
/* Since when a counter is kept. */
bool pz__read_since(pz__cursor *in, int64_t *since_ms);

/* ---- decode_causes.c: sections of causes: what they say decides about other sections ---- */

pz_status pz__read_grants(pz__reader *r, pz__segment *s);
pz_status pz__read_forgettings(pz__reader *r, pz__segment *s);
pz_status pz__read_retractions(pz__reader *r, pz__segment *s);
pz_status pz__read_ring(pz__reader *r, pz__segment *s);
pz_status pz__read_history(pz__reader *r, pz__segment *s);

/* ---- encode_names.c ---- */

/* The names of a segment while it is encoded: sorted, no two alike. */
typedef struct pz__name_list {
    pz_alloc alloc;
    pz_str *list;
    uint32_t count, cap;
    bool is_short_of_memory;
} pz__name_list;

bool pz__names_gather(pz__name_list *names, const pz__segment *segment);
void pz__names_free(pz__name_list *names);
void pz__names_write(const pz__name_list *names, pz__buf *out);

/* Where the last search for a name of one role ended. */
typedef struct pz__role {
    pz_str text;
    uint32_t number;
} pz__role;
uint32_t pz__name_number(const pz__name_list *names, pz__role *last, pz_str name);

/* ---- encode_items.c, encode_causes.c ---- */

typedef struct pz__encoder {
    const pz__segment *segment;
    pz__name_list names;
    pz__role channel, who, writer, attribute;
    pz__buf sections[PZ__SECTION_LAST + 1];
} pz__encoder;

/* The octets around texts and values, gathered so that the buffer is asked for room once. */
typedef struct pz__piece {
    uint8_t bytes[80]; /* the longest, behind the value of a claim, has 59 */
    uint32_t len;
} pz__piece;

void pz__add_byte(pz__piece *p, unsigned byte);
void pz__add_varint(pz__piece *p, uint64_t n);
void pz__add_zigzag(pz__piece *p, int64_t n);
void pz__add_difference(pz__piece *p, int64_t from, int64_t to);
void pz__add_optional(pz__piece *p, pz__encoder *e, pz__role *last, pz_str name);
void pz__add_epoch(pz__piece *p, pz__encoder *e, pz__epoch epoch);
void pz__write_piece(pz__buf *out, pz__piece *p);
void pz__write_text(pz__buf *out, pz_str text);
/* `width` octets, least significant first. */
void pz__write_fixed(pz__buf *out, size_t n, unsigned width);

void pz__write_claim(pz__encoder *e, pz__buf *out, const pz__claim *claim);
void pz__write_cell(pz__encoder *e, pz__buf *out, const pz__cell *cell, const pz__cell *before);
/* Directory, claims, cells and counters at once. */
pz_status pz__write_items(pz__encoder *e);

void pz__write_grants(pz__encoder *e);
void pz__write_forgettings(pz__encoder *e);
void pz__write_retractions(pz__encoder *e);
void pz__write_ring(pz__encoder *e);
void pz__write_history(pz__encoder *e);

#endif
