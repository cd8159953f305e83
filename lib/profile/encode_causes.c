/*
 * encode_causes.c: the sections that decide what others are worth: consents and links, forgettings,
 * retractions, the ring of recent events, and the customer's history.
 *
 * They are short, read as a whole and not looked up by attribute, so each is a count and its items
 * in order. A grant says in its first octet which of its two halves are there: what this writer
 * denied, and what it granted last, with the denials of every writer that this grant had seen.
 *
 * The ring spells its cells as the cell section does, each run of one attribute for itself; history
 * spells its claims as the claim section does. Both name their attributes by number, since the
 * directory speaks only of what is still claimed or gathered.
 */
#include "profile/codec.h"

#include <string.h>

/* ---- grants ---- */

static void write_denials(pz__encoder *e, pz__piece *p, const pz__own_grant *g)
{
    pz__add_varint(p, g->denials);
    pz__add_zigzag(p, g->denied_at_ms);
    pz__add_difference(p, g->denied_at_ms, g->denied_stamp);
    pz__add_optional(p, e, &e->channel, g->denied_channel);
    pz__add_optional(p, e, &e->who, g->denied_who);
}

static void write_given(pz__encoder *e, pz__buf *out, pz__piece *p, const pz__own_grant *g)
{
    pz__add_zigzag(p, g->at_ms);
    pz__add_difference(p, g->at_ms, g->stamp);
    if (g->expires_ms)
        pz__add_difference(p, g->at_ms, g->expires_ms);
    pz__add_optional(p, e, &e->channel, g->channel);
    pz__add_optional(p, e, &e->who, g->who);
    pz__add_varint(p, g->strength);
    pz__add_varint(p, g->seen_count);
    pz__write_piece(out, p);
    for (uint32_t i = 0; i < g->seen_count; i++) {
        pz__add_varint(p, pz__name_number(&e->names, &e->writer, g->seen[i].writer));
        pz__add_varint(p, g->seen[i].count);
        pz__write_piece(out, p);
    }
}

static void write_grant(pz__encoder *e, pz__buf *out, const pz__own_grant *g)
{
    unsigned head = g->kind;
    head |= g->has_grant ? PZ__GRANT_GIVEN : 0;
    head |= g->denials ? PZ__GRANT_DENIED : 0;
    head |= g->has_grant && g->expires_ms ? PZ__GRANT_EXPIRES : 0;
    pz__buf_byte(out, (uint8_t)head);
    pz__write_text(out, g->name);
    pz__piece p = {.len = 0};
    if (g->denials)
        write_denials(e, &p, g);
    pz__write_piece(out, &p);
    if (g->has_grant)
        write_given(e, out, &p, g);
}

void pz__write_grants(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    pz__buf *out = &e->sections[PZ__SECTION_GRANTS];
    if (s->grant_count)
        pz__buf_varint(out, s->grant_count);
    for (uint32_t i = 0; i < s->grant_count; i++)
        write_grant(e, out, &s->grants[i]);
}

/* ---- forgettings and retractions ---- */

static void write_forgetting(pz__buf *out, const pz__own_forgetting *f)
{
    unsigned head = f->what;
    head |= f->from_ms != INT64_MIN ? PZ__FORGET_FROM : 0;
    head |= f->to_ms != INT64_MAX ? PZ__FORGET_TO : 0;
    pz__buf_byte(out, (uint8_t)head);
    pz__write_text(out, f->attribute);
    pz__piece p = {.len = 0};
    if (head & PZ__FORGET_FROM)
        pz__add_zigzag(&p, f->from_ms);
    if (head & PZ__FORGET_TO)
        pz__add_zigzag(&p, f->to_ms);
    pz__add_varint(&p, f->counter);
    pz__add_zigzag(&p, f->at_ms);
    pz__add_difference(&p, f->at_ms, f->stamp);
    pz__write_piece(out, &p);
}

void pz__write_forgettings(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    pz__buf *out = &e->sections[PZ__SECTION_FORGETTINGS];
    if (s->forgetting_count)
        pz__buf_varint(out, s->forgetting_count);
    for (uint32_t i = 0; i < s->forgetting_count; i++)
        write_forgetting(out, &s->forgettings[i]);
}

static void add_event(pz__piece *p, int64_t before_ms, int64_t time_ms, const pz__digest *id)
{
    pz__add_difference(p, before_ms, time_ms);
    memcpy(p->bytes + p->len, id->bytes, sizeof id->bytes);
    p->len += sizeof id->bytes;
}

void pz__write_retractions(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    pz__buf *out = &e->sections[PZ__SECTION_RETRACTIONS];
    if (s->retraction_count)
        pz__buf_varint(out, s->retraction_count);
    int64_t time_ms = 0;
    for (uint32_t i = 0; i < s->retraction_count; i++) {
        pz__piece p = {.len = 0};
        add_event(&p, time_ms, s->retractions[i].time_ms, &s->retractions[i].id);
        pz__write_piece(out, &p);
        time_ms = s->retractions[i].time_ms;
    }
}

/* ---- the ring ---- */

static void write_ring_event(pz__encoder *e, pz__buf *out, const pz__ring_event *event,
                             int64_t before_ms)
{
    static const pz__cell nothing = {.weight = 0};
    pz__piece p = {.len = 0};
    add_event(&p, before_ms, event->time_ms, &event->id);
    pz__add_varint(&p, event->cell_count);
    pz__write_piece(out, &p);
    const pz__cell *before = &nothing;
    for (uint32_t i = 0; i < event->cell_count; i++) {
        const pz__cell *cell = &event->cells[i];
        if (i == 0 || !pz__str_equal(before->attribute, cell->attribute))
            before = &nothing;
        pz__add_optional(&p, e, &e->attribute, cell->attribute);
        pz__write_piece(out, &p);
        pz__write_cell(e, out, cell, before);
        before = cell;
    }
}

void pz__write_ring(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    pz__buf *out = &e->sections[PZ__SECTION_RING];
    if (s->ring_count)
        pz__buf_varint(out, s->ring_count);
    int64_t time_ms = 0;
    for (uint32_t i = 0; i < s->ring_count; i++) {
        write_ring_event(e, out, &s->ring[i], time_ms);
        time_ms = s->ring[i].time_ms;
    }
}

/* ---- history ---- */

static void write_entry(pz__encoder *e, pz__buf *out, const pz__history_entry *h)
{
    pz__write_text(out, h->verb);
    pz__piece p = {.len = 0};
    pz__add_zigzag(&p, h->at_ms);
    pz__add_difference(&p, h->at_ms, h->stamp);
    pz__add_optional(&p, e, &e->channel, h->channel);
    pz__add_optional(&p, e, &e->who, h->who);
    pz__add_optional(&p, e, &e->writer, h->undoes_writer);
    if (h->undoes_writer.len)
        pz__add_difference(&p, h->stamp, h->undoes_stamp);
    pz__add_varint(&p, h->before_count);
    pz__write_piece(out, &p);
    for (uint32_t i = 0; i < h->before_count; i++) {
        pz__claim old = h->before[i];
        old.channel = old.who = (pz_str){NULL, 0};
        pz__add_optional(&p, e, &e->attribute, old.attribute);
        pz__write_piece(out, &p);
        pz__write_claim(e, out, &old);
    }
}

void pz__write_history(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    pz__buf *out = &e->sections[PZ__SECTION_HISTORY];
    if (s->history_count)
        pz__buf_varint(out, s->history_count);
    for (uint32_t i = 0; i < s->history_count; i++)
        write_entry(e, out, &s->history[i]);
}
