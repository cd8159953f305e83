/*
 * encode_items.c: claims, cells and counters, and the directory that leads to them.
 *
 * All three arrays are sorted by attribute, so one walk over the three at once meets every name in
 * order. Of each it writes the run of claims, the run of cells and the counter behind what the
 * sections hold already, and notes where they end:
 *
 *     directory   ... | name end | claims end | cells end | counter end | ...
 *
 * Only when all ends are known is it known how many octets a column needs, so the rows are kept
 * aside and written last. A section that is left out has ends of 0 only, and a column of no octets.
 *
 * Nothing in a run refers to what stands before the run: a claim's times begin at zero, the first
 * cell is compared with a cell of zeros. Later cells say only what differs from the one before.
 */
#include "profile/codec.h"

#include <string.h>

/* Ends of the runs of one name. */
typedef struct ends {
    pz_str name;
    size_t end[PZ__COLUMN_COUNT];
} ends;

/* ---- pieces ---- */

void pz__add_byte(pz__piece *p, unsigned byte)
{
    p->bytes[p->len++] = (uint8_t)byte;
}

void pz__add_varint(pz__piece *p, uint64_t n)
{
    while (n >= 0x80) {
        pz__add_byte(p, (unsigned)(n & 0x7f) | 0x80);
        n >>= 7;
    }
    pz__add_byte(p, (unsigned)n);
}

void pz__add_zigzag(pz__piece *p, int64_t n)
{
    pz__add_varint(p, ((uint64_t)n << 1) ^ (n < 0 ? UINT64_MAX : 0));
}

void pz__add_difference(pz__piece *p, int64_t from, int64_t to)
{
    pz__add_zigzag(p, (int64_t)((uint64_t)to - (uint64_t)from));
}

void pz__add_optional(pz__piece *p, pz__encoder *e, pz__role *last, pz_str name)
{
    pz__add_varint(p, name.len ? (uint64_t)pz__name_number(&e->names, last, name) + 1 : 0);
}

void pz__add_epoch(pz__piece *p, pz__encoder *e, pz__epoch epoch)
{
    pz__add_varint(p, epoch.counter);
    if (epoch.counter)
        pz__add_varint(p, pz__name_number(&e->names, &e->writer, epoch.writer));
}

void pz__write_piece(pz__buf *out, pz__piece *p)
{
    pz__buf_put(out, p->bytes, p->len);
    p->len = 0;
}

void pz__write_text(pz__buf *out, pz_str text)
{
    pz__buf_varint(out, text.len);
    pz__buf_put(out, text.data, text.len);
}

void pz__write_fixed(pz__buf *out, size_t n, unsigned width)
{
    uint8_t bytes[PZ__COLUMN_WIDTH_MAX];
    for (unsigned i = 0; i < width; i++)
        bytes[i] = (uint8_t)(n >> (8 * i));
    pz__buf_put(out, bytes, width);
}

/* ---- claims ---- */

static unsigned claim_head(const pz__claim *claim)
{
    unsigned head = claim->slot;
    head |= claim->is_cleared ? PZ__CLAIM_CLEARED : 0;
    head |= claim->expires_ms ? PZ__CLAIM_EXPIRES : 0;
    head |= claim->stamp != claim->at_ms ? PZ__CLAIM_STAMP : 0;
    return head | (claim->part.len ? PZ__CLAIM_PART : 0);
}

/* Whole 65536ths are short. The others come back to the bit: what is stated as 0.9 is held against
 * a threshold of 0.9. */
static void add_confidence(pz__piece *p, double confidence)
{
    const double units = confidence * (double)PZ__CONFIDENCE_ONE; /* exact */
    uint64_t bits;
    if (units == (double)(uint32_t)units) {
        pz__add_varint(p, (uint32_t)units);
        return;
    }
    pz__add_varint(p, PZ__CONFIDENCE_BITS);
    memcpy(&bits, &confidence, sizeof bits);
    for (unsigned shift = 64; shift > 0; shift -= 8)
        pz__add_byte(p, (uint8_t)(bits >> (shift - 8)));
}

void pz__write_claim(pz__encoder *e, pz__buf *out, const pz__claim *claim)
{
    const unsigned head = claim_head(claim);
    pz__piece p = {.len = 0};
    pz__add_byte(&p, head);
    pz__write_piece(out, &p);
    if (head & PZ__CLAIM_PART)
        pz__write_text(out, claim->part);
    if (!claim->is_cleared)
        pz__value_encode(out, claim->value);
    pz__add_optional(&p, e, &e->channel, claim->channel);
    pz__add_optional(&p, e, &e->who, claim->who);
    pz__add_zigzag(&p, claim->at_ms);
    if (head & PZ__CLAIM_STAMP)
        pz__add_difference(&p, claim->at_ms, claim->stamp);
    if (head & PZ__CLAIM_EXPIRES)
        pz__add_difference(&p, claim->at_ms, claim->expires_ms);
    if (claim->slot == PZ__SLOT_INFERRED) {
        add_confidence(&p, claim->confidence);
        pz__add_epoch(&p, e, claim->epoch);
    }
    pz__write_piece(out, &p);
}

/* ---- cells ---- */

static bool is_text_same(pz_str a, pz_str b)
{
    return a.len == b.len && (a.data == b.data || pz__str_equal(a, b));
}

static unsigned cell_head(const pz__cell *cell, const pz__cell *before)
{
    unsigned head = cell->side == PZ__AGAINST ? PZ__CELL_AGAINST : 0;
    if (pz_value_compare(before->value, cell->value) == 0)
        head |= PZ__CELL_SAME_VALUE;
    if (is_text_same(before->channel, cell->channel))
        head |= PZ__CELL_SAME_CHANNEL;
    if (before->width == cell->width)
        head |= PZ__CELL_SAME_WIDTH;
    if (before->epoch.counter == cell->epoch.counter &&
        is_text_same(before->epoch.writer, cell->epoch.writer))
        head |= PZ__CELL_SAME_EPOCH;
    return head;
}

void pz__write_cell(pz__encoder *e, pz__buf *out, const pz__cell *cell, const pz__cell *before)
{
    const unsigned head = cell_head(cell, before);
    pz__piece p = {.len = 0};
    pz__add_byte(&p, head);
    if (!(head & PZ__CELL_SAME_VALUE)) {
        pz__write_piece(out, &p);
        pz__value_encode(out, cell->value);
    }
    if (!(head & PZ__CELL_SAME_CHANNEL))
        pz__add_optional(&p, e, &e->channel, cell->channel);
    if (!(head & PZ__CELL_SAME_WIDTH))
        pz__add_byte(&p, cell->width);
    if (!(head & PZ__CELL_SAME_EPOCH))
        pz__add_epoch(&p, e, cell->epoch);
    pz__add_difference(&p, head & PZ__CELL_SAME_VALUE ? before->bucket : 0, cell->bucket);
    pz__add_zigzag(&p, cell->weight);
    pz__write_piece(out, &p);
}

/* ---- the walk ---- */

/* Where the walk stands in the three arrays. */
typedef struct walk {
    pz__encoder *e;
    uint32_t claim, cell, counter;
} walk;

/* The least name that the walk has not met, or false. */
static bool next_name(const walk *w, pz_str *out)
{
    const pz__segment *s = w->e->segment;
    pz_str least = {NULL, 0};
    bool is_any = false;
    if (w->claim < s->claim_count) {
        least = s->claims[w->claim].attribute;
        is_any = true;
    }
    if (w->cell < s->cell_count &&
        (!is_any || pz__str_compare(s->cells[w->cell].attribute, least) < 0)) {
        least = s->cells[w->cell].attribute;
        is_any = true;
    }
    if (w->counter < s->counter_count &&
        (!is_any || pz__str_compare(s->counters[w->counter].name, least) < 0)) {
        least = s->counters[w->counter].name;
        is_any = true;
    }
    *out = least;
    return is_any;
}

static void write_runs(walk *w, pz_str name)
{
    static const pz__cell nothing = {.weight = 0};
    const pz__segment *s = w->e->segment;
    pz__buf *sections = w->e->sections;
    for (; w->claim < s->claim_count && is_text_same(s->claims[w->claim].attribute, name);
         w->claim++)
        pz__write_claim(w->e, &sections[PZ__SECTION_CLAIMS], &s->claims[w->claim]);

    const pz__cell *before = &nothing;
    for (; w->cell < s->cell_count && is_text_same(s->cells[w->cell].attribute, name); w->cell++) {
        pz__write_cell(w->e, &sections[PZ__SECTION_CELLS], &s->cells[w->cell], before);
        before = &s->cells[w->cell];
    }

    if (w->counter == s->counter_count || !is_text_same(s->counters[w->counter].name, name))
        return;
    const int64_t since_ms = s->counters[w->counter++].since_ms;
    pz__buf *out = &sections[PZ__SECTION_COUNTERS];
    pz__buf_byte(out, since_ms == INT64_MIN ? 0 : 1);
    if (since_ms != INT64_MIN)
        pz__buf_zigzag(out, since_ms);
}

static void begin_section(pz__buf *out, uint32_t count)
{
    if (count)
        pz__buf_varint(out, count);
}

/* The directory of `count` names whose runs end at `list`. */
static void write_directory(pz__buf *out, const ends *list, uint32_t count)
{
    unsigned width[PZ__COLUMN_COUNT], widths = 0;
    for (unsigned c = 0; c < PZ__COLUMN_COUNT; c++) {
        width[c] = pz__fixed_width(list[count - 1].end[c]);
        if (width[c] > PZ__COLUMN_WIDTH_MAX)
            out->status = PZ_ERR_LIMIT;
        widths |= width[c] << (2 * c);
    }
    if (out->status != PZ_OK)
        return;
    pz__buf_byte(out, (uint8_t)widths);
    pz__buf_varint(out, count);
    for (uint32_t i = 0; i < count; i++)
        for (unsigned c = 0; c < PZ__COLUMN_COUNT; c++)
            pz__write_fixed(out, list[i].end[c], width[c]);
    for (uint32_t i = 0; i < count; i++)
        pz__buf_put(out, list[i].name.data, list[i].name.len);
}

static void walk_items(pz__encoder *e, ends *list, uint32_t *count)
{
    static const pz__section sections[PZ__COLUMN_COUNT] = {
        [PZ__COLUMN_CLAIMS] = PZ__SECTION_CLAIMS,
        [PZ__COLUMN_CELLS] = PZ__SECTION_CELLS,
        [PZ__COLUMN_COUNTER] = PZ__SECTION_COUNTERS,
    };
    size_t start[PZ__COLUMN_COUNT] = {0}, name_end = 0;
    for (unsigned c = PZ__COLUMN_CLAIMS; c < PZ__COLUMN_COUNT; c++)
        start[c] = e->sections[sections[c]].len;
    walk w = {.e = e};
    pz_str name;
    while (next_name(&w, &name)) {
        write_runs(&w, name);
        ends *made = &list[(*count)++];
        made->name = name;
        made->end[PZ__COLUMN_NAME] = name_end += name.len;
        for (unsigned c = PZ__COLUMN_CLAIMS; c < PZ__COLUMN_COUNT; c++)
            made->end[c] = e->sections[sections[c]].len - start[c];
    }
}

pz_status pz__write_items(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    const size_t most = (size_t)s->claim_count + s->cell_count + s->counter_count;
    if (most == 0)
        return PZ_OK;
    ends *list = pz__mem_new(&s->alloc, most, sizeof *list);
    if (!list)
        return PZ_ERR_NOMEM;
    begin_section(&e->sections[PZ__SECTION_CLAIMS], s->claim_count);
    begin_section(&e->sections[PZ__SECTION_CELLS], s->cell_count);
    begin_section(&e->sections[PZ__SECTION_COUNTERS], s->counter_count);
    uint32_t count = 0;
    walk_items(e, list, &count);
    write_directory(&e->sections[PZ__SECTION_DIRECTORY], list, count);
    pz__mem_free(&s->alloc, list, most, sizeof *list);
    return PZ_OK;
}
