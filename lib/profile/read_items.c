/*
 * read_items.c: one claim, one cell, one counter out of the run of an attribute.
 *
 * Only what an operation could have stored is taken: times within the calendar, stamps within
 * their range, confidences and epochs on inferred claims alone, weights that are not 0. Flags that
 * spare octets must be set wherever they could be, so that there is one spelling. What a run holds
 * besides (order, no doubles) is the affair of whoever reads the whole run.
 */
#include "profile/codec.h"

#include <string.h>

/* ---- claims ---- */

static bool is_claim_sound(const pz__claim *c, unsigned head)
{
    if (c->slot == 0 || !pz__time_is_valid(c->at_ms) || !pz__time_is_valid(c->expires_ms))
        return false;
    if (c->stamp < PZ__TIME_MIN_MS || c->stamp > PZ__STAMP_MAX)
        return false;
    if ((head & PZ__CLAIM_EXPIRES) && c->expires_ms == 0)
        return false;
    if ((head & PZ__CLAIM_STAMP) && c->stamp == c->at_ms)
        return false;
    if ((head & PZ__CLAIM_PART) && c->part.len == 0)
        return false;
    return c->confidence <= (c->is_cleared ? 0.0 : 1.0);
}

static uint32_t read_u32(pz__cursor *in)
{
    const uint64_t n = pz__read_varint(in);
    in->bad = in->bad || n > UINT32_MAX;
    return (uint32_t)n;
}

/* Whole 65536ths, or the bits of what is not. */
static double read_confidence(pz__cursor *in)
{
    const uint32_t units = read_u32(in);
    if (units != PZ__CONFIDENCE_BITS) {
        in->bad = in->bad || units > PZ__CONFIDENCE_ONE;
        return units / (double)PZ__CONFIDENCE_ONE;
    }
    const uint64_t bits = pz__cursor_be64(in);
    double confidence;
    memcpy(&confidence, &bits, sizeof confidence);
    const double exact = confidence * (double)PZ__CONFIDENCE_ONE;
    const bool is_sound = confidence > 0.0 && confidence < 1.0 && exact != (double)(uint32_t)exact;
    in->bad = in->bad || !is_sound;
    return is_sound ? confidence : 0.0;
}

static pz__epoch read_epoch(pz__reader *r)
{
    const uint32_t counter = read_u32(&r->in);
    if (counter == 0)
        return (pz__epoch){{NULL, 0}, 0};
    return (pz__epoch){pz__read_name(r, PZ__WRITER_MAX, false), counter};
}

/* As pz__read_optional; a number of one octet and a short name are most of them. */
static inline pz_str read_optional(pz__reader *r, size_t max)
{
    if (!r->in.bad && !r->used && r->in.next < r->in.end && *r->in.next < 0x80) {
        const unsigned number = *r->in.next;
        const pz_str name =
            number ? pz__short_name(&r->body->names, number - 1) : (pz_str){NULL, 0};
        if (number == 0 || name.len > 0) {
            r->in.next++;
            return name;
        }
    }
    return pz__read_optional(r, max);
}

pz_status pz__read_claim(pz__reader *r, pz_str attribute, pz__claim *out)
{
    const unsigned head = pz__read_octet(&r->in);
    *out = (pz__claim){.attribute = attribute,
                       .slot = head & PZ__CLAIM_SLOT,
                       .is_cleared = (head & PZ__CLAIM_CLEARED) != 0,
                       .writer = r->writer};
    if (head & PZ__CLAIM_PART)
        out->part = pz__read_text(&r->in, PZ__CLAIM_VALUE_MAX);
    if (!r->in.bad && !out->is_cleared) {
        const pz_status status = pz__read_value(r, &out->value);
        if (status != PZ_OK)
            return status;
    }
    out->channel = read_optional(r, PZ__NAME_MAX);
    out->who = read_optional(r, PZ__WHO_MAX);
    out->at_ms = pz__read_time(&r->in);
    out->stamp = head & PZ__CLAIM_STAMP ? pz__read_difference(&r->in, out->at_ms) : out->at_ms;
    if (head & PZ__CLAIM_EXPIRES)
        out->expires_ms = pz__read_difference(&r->in, out->at_ms);
    if (out->slot == PZ__SLOT_INFERRED) {
        out->confidence = read_confidence(&r->in);
        out->epoch = read_epoch(r);
    }
    if (r->in.bad || !is_claim_sound(out, head))
        return pz__corrupt(r, "a claim is malformed");
    return PZ_OK;
}

/* ---- cells ---- */

static bool is_epoch_same(pz__epoch a, pz__epoch b)
{
    return a.counter == b.counter && pz__str_equal(a.writer, b.writer);
}

/* Is every flag set that could be, and nothing there that no event could have left? */
static bool is_cell_sound(const pz__cell *cell, const pz__cell *before, unsigned head)
{
    if ((head & ~PZ__CELL_HEAD) || cell->weight == 0 || cell->width > PZ__CELL_WIDTH_MAX)
        return false;
    if (!(head & PZ__CELL_SAME_VALUE) && pz_value_compare(before->value, cell->value) == 0)
        return false;
    if (!(head & PZ__CELL_SAME_CHANNEL) && pz__str_equal(before->channel, cell->channel))
        return false;
    if (!(head & PZ__CELL_SAME_WIDTH) && before->width == cell->width)
        return false;
    return (head & PZ__CELL_SAME_EPOCH) || !is_epoch_same(before->epoch, cell->epoch);
}

pz_status pz__read_cell(pz__reader *r, pz_str attribute, const pz__cell *before, pz__cell *out)
{
    const unsigned head = pz__read_octet(&r->in);
    *out = *before;
    out->attribute = attribute;
    out->side = head & PZ__CELL_AGAINST ? PZ__AGAINST : PZ__FOR;
    if (!r->in.bad && !(head & PZ__CELL_SAME_VALUE)) {
        const pz_status status = pz__read_value(r, &out->value);
        if (status != PZ_OK)
            return status;
    }
    if (!(head & PZ__CELL_SAME_CHANNEL))
        out->channel = pz__read_optional(r, PZ__NAME_MAX);
    if (!(head & PZ__CELL_SAME_WIDTH))
        out->width = pz__read_octet(&r->in);
    if (!(head & PZ__CELL_SAME_EPOCH))
        out->epoch = read_epoch(r);
    out->bucket = pz__read_difference(&r->in, head & PZ__CELL_SAME_VALUE ? before->bucket : 0);
    out->weight = pz__read_zigzag(&r->in);
    if (r->in.bad || !is_cell_sound(out, before, head))
        return pz__corrupt(r, "a cell is malformed");
    return PZ_OK;
}

/* ---- counters ---- */

bool pz__read_since(pz__cursor *in, int64_t *since_ms)
{
    const uint8_t has_since = pz__read_octet(in);
    *since_ms = has_since ? pz__read_zigzag(in) : INT64_MIN;
    return !in->bad && has_since <= 1 && (!has_since || pz__time_is_valid(*since_ms));
}
