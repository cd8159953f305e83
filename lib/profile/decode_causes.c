/*
 * decode_causes.c: reading consents and links, forgettings, retractions, the ring and history.
 *
 * These sections are taken in whole, also when the rest of a profile is read where it lies: they
 * are short, and what they say holds for every attribute. Lists inside an item (denials seen, cells
 * of an event, claims of an entry) go into the segment's arena, the items into arrays of their own.
 *
 * Only the canonical spelling is accepted: items in order and no two alike, a grant that gives or
 * denies, seen denials by writer, cells of an event as the cell section orders them.
 */
#include "profile/codec.h"

#include "base/utf8.h"

#include <string.h>

#define STRENGTH_ONE 65536u
#define VERB_MAX 16u
/* Fewest octets of each, to hold counts against the bytes that are left. */
#define GRANT_LEN_MIN 7u
#define SEEN_LEN_MIN 2u
#define FORGETTING_LEN_MIN 5u
#define EVENT_LEN_MIN 17u
#define ENTRY_LEN_MIN 7u
#define RING_CELL_LEN_MIN 4u
#define OLD_CLAIM_LEN_MIN 5u

static uint32_t read_u32(pz__cursor *in)
{
    const uint64_t n = pz__cursor_varint(in);
    in->bad = in->bad || n > UINT32_MAX;
    return (uint32_t)n;
}

static bool is_stamp_valid(int64_t stamp)
{
    return stamp >= PZ__TIME_MIN_MS && stamp <= PZ__STAMP_MAX;
}

static bool is_text(pz_str text, size_t max)
{
    return text.len > 0 && text.len <= max && pz__utf8_valid(text.data, text.len);
}

/* How many follow in a list inside an item; it may be empty. */
static uint32_t read_some(pz__cursor *in, size_t least)
{
    const uint64_t count = pz__cursor_varint(in);
    if (count > pz__cursor_left(in) / least)
        in->bad = true;
    return in->bad ? 0 : (uint32_t)count;
}

/* The array of a section: `count` items of `size` octets. */
static pz_status make_list(pz__reader *r, pz__segment *s, size_t least, uint32_t max, size_t size,
                           void **list, uint32_t *count)
{
    pz_status status = pz__read_count(r, least, max, count);
    if (status != PZ_OK)
        return status;
    *list = pz__mem_new(&s->alloc, *count, size);
    return *list ? PZ_OK : pz__no_memory(r);
}

/* ---- grants ---- */

static pz_status read_seen(pz__reader *r, pz__own_grant *g)
{
    const uint32_t count = read_some(&r->in, SEEN_LEN_MIN);
    if (r->in.bad || count == 0)
        return PZ_OK;
    g->seen = pz__arena_array(r->arena, count, sizeof *g->seen);
    if (!g->seen)
        return pz__no_memory(r);
    g->seen_count = count;
    for (uint32_t i = 0; i < count && !r->in.bad; i++) {
        g->seen[i].writer = pz__read_name(r, PZ__WRITER_MAX, false);
        g->seen[i].count = read_u32(&r->in);
        if (g->seen[i].count == 0 ||
            (i > 0 && pz__str_compare(g->seen[i - 1].writer, g->seen[i].writer) >= 0))
            r->in.bad = true;
    }
    return PZ_OK;
}

static void read_denials(pz__reader *r, pz__own_grant *g)
{
    g->denials = read_u32(&r->in);
    g->denied_at_ms = pz__cursor_zigzag(&r->in);
    g->denied_stamp = pz__read_difference(&r->in, g->denied_at_ms);
    g->denied_channel = pz__read_optional(r, PZ__NAME_MAX);
    g->denied_who = pz__read_optional(r, PZ__WHO_MAX);
    if (g->denials == 0 || !pz__time_is_valid(g->denied_at_ms) || !is_stamp_valid(g->denied_stamp))
        r->in.bad = true;
}

static pz_status read_given(pz__reader *r, pz__own_grant *g, bool expires)
{
    g->has_grant = true;
    g->at_ms = pz__cursor_zigzag(&r->in);
    g->stamp = pz__read_difference(&r->in, g->at_ms);
    if (expires)
        g->expires_ms = pz__read_difference(&r->in, g->at_ms);
    g->channel = pz__read_optional(r, PZ__NAME_MAX);
    g->who = pz__read_optional(r, PZ__WHO_MAX);
    g->strength = read_u32(&r->in);
    if (!pz__time_is_valid(g->at_ms) || !is_stamp_valid(g->stamp) ||
        !pz__time_is_valid(g->expires_ms) || expires != (g->expires_ms != 0) ||
        g->strength > STRENGTH_ONE || (g->strength > 0) != (g->kind == PZ__GRANT_LINK))
        r->in.bad = true;
    return r->in.bad ? PZ_OK : read_seen(r, g);
}

static pz_status read_grant(pz__reader *r, pz__own_grant *g)
{
    const unsigned head = pz__cursor_byte(&r->in);
    *g = (pz__own_grant){.kind = head & PZ__GRANT_KIND};
    g->name = pz__read_text(&r->in, PZ__NAME_MAX);
    if ((head & ~PZ__GRANT_HEAD) || !(head & (PZ__GRANT_GIVEN | PZ__GRANT_DENIED)) ||
        ((head & PZ__GRANT_EXPIRES) && !(head & PZ__GRANT_GIVEN)) ||
        (g->kind != PZ__GRANT_PURPOSE && g->kind != PZ__GRANT_LINK))
        r->in.bad = true;
    /* The name of a link is a subject id, which is bytes. */
    if (g->name.len == 0 || (g->kind == PZ__GRANT_PURPOSE && !is_text(g->name, PZ__NAME_MAX)) ||
        (g->kind == PZ__GRANT_LINK && g->name.len > PZ__SUBJECT_MAX))
        r->in.bad = true;
    if (!r->in.bad && (head & PZ__GRANT_DENIED))
        read_denials(r, g);
    pz_status status = PZ_OK;
    if (!r->in.bad && (head & PZ__GRANT_GIVEN))
        status = read_given(r, g, (head & PZ__GRANT_EXPIRES) != 0);
    return status == PZ_OK && r->in.bad ? pz__corrupt(r, "a consent or link is malformed") : status;
}

static bool is_grant_after(const pz__own_grant *before, const pz__own_grant *g)
{
    return before->kind != g->kind ? before->kind < g->kind
                                   : pz__str_compare(before->name, g->name) < 0;
}

pz_status pz__read_grants(pz__reader *r, pz__segment *s)
{
    void *list = NULL;
    uint32_t count;
    pz_status status =
        make_list(r, s, GRANT_LEN_MIN, PZ__SEGMENT_GRANTS_MAX, sizeof *s->grants, &list, &count);
    s->grants = list;
    s->grant_cap = list ? count : 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        status = read_grant(r, &s->grants[i]);
        if (status == PZ_OK && i > 0 && !is_grant_after(&s->grants[i - 1], &s->grants[i]))
            status = pz__corrupt(r, "consents and links are not in order");
        s->grant_count = i + 1;
    }
    return status;
}

/* ---- forgettings ---- */

static pz_status read_forgetting(pz__reader *r, pz__own_forgetting *f)
{
    const unsigned head = pz__cursor_byte(&r->in);
    *f = (pz__own_forgetting){
        .what = head & PZ__FORGET_WHAT, .from_ms = INT64_MIN, .to_ms = INT64_MAX};
    f->attribute = pz__read_text(&r->in, PZ__NAME_MAX);
    if (head & PZ__FORGET_FROM)
        f->from_ms = pz__cursor_zigzag(&r->in);
    if (head & PZ__FORGET_TO)
        f->to_ms = pz__cursor_zigzag(&r->in);
    f->counter = read_u32(&r->in);
    f->at_ms = pz__cursor_zigzag(&r->in);
    f->stamp = pz__read_difference(&r->in, f->at_ms);
    if (r->in.bad || (head & ~PZ__FORGET_HEAD) || f->what == 0 || f->counter == 0 ||
        !is_text(f->attribute, PZ__NAME_MAX) || f->from_ms >= f->to_ms ||
        ((head & PZ__FORGET_FROM) && !pz__time_is_valid(f->from_ms)) ||
        ((head & PZ__FORGET_TO) && !pz__time_is_valid(f->to_ms)) || !pz__time_is_valid(f->at_ms) ||
        !is_stamp_valid(f->stamp))
        return pz__corrupt(r, "a forgetting is malformed");
    return PZ_OK;
}

static int order(int64_t a, int64_t b)
{
    return (a > b) - (a < b);
}

static int compare_forgettings(const pz__own_forgetting *a, const pz__own_forgetting *b)
{
    int by = pz__str_compare(a->attribute, b->attribute);
    if (by == 0)
        by = order(a->from_ms, b->from_ms);
    if (by == 0)
        by = order(a->to_ms, b->to_ms);
    return by ? by : order(a->what, b->what);
}

pz_status pz__read_forgettings(pz__reader *r, pz__segment *s)
{
    void *list = NULL;
    uint32_t count;
    pz_status status = make_list(r, s, FORGETTING_LEN_MIN, PZ__SEGMENT_FORGETTINGS_MAX,
                                 sizeof *s->forgettings, &list, &count);
    s->forgettings = list;
    s->forgetting_cap = list ? count : 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        status = read_forgetting(r, &s->forgettings[i]);
        if (status == PZ_OK && i > 0 &&
            compare_forgettings(&s->forgettings[i - 1], &s->forgettings[i]) >= 0)
            status = pz__corrupt(r, "forgettings are not in order");
        s->forgetting_count = i + 1;
    }
    return status;
}

/* ---- retractions and the ring ---- */

/* Time and id of an event that comes after (before_ms, before). */
static bool read_event(pz__reader *r, int64_t before_ms, const pz__digest *before, int64_t *time_ms,
                       pz__digest *id)
{
    static const pz__digest nobody;
    *time_ms = pz__read_difference(&r->in, before_ms);
    const uint8_t *bytes = pz__cursor_take(&r->in, sizeof id->bytes);
    if (!bytes || !pz__time_is_valid(*time_ms))
        return false;
    memcpy(id->bytes, bytes, sizeof id->bytes);
    if (memcmp(id->bytes, nobody.bytes, sizeof id->bytes) == 0)
        return false;
    return !before || *time_ms > before_ms ||
           (*time_ms == before_ms && memcmp(before->bytes, id->bytes, sizeof id->bytes) < 0);
}

pz_status pz__read_retractions(pz__reader *r, pz__segment *s)
{
    void *made = NULL;
    uint32_t count;
    pz_status status = make_list(r, s, EVENT_LEN_MIN, PZ__SEGMENT_RETRACTIONS_MAX,
                                 sizeof *s->retractions, &made, &count);
    pz__own_retraction *list = made;
    s->retractions = list;
    s->retraction_cap = list ? count : 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        if (!read_event(r, i ? list[i - 1].time_ms : 0, i ? &list[i - 1].id : NULL,
                        &list[i].time_ms, &list[i].id))
            status = pz__corrupt(r, "a retraction is malformed or out of order");
        s->retraction_count = i + 1;
    }
    return status;
}

static pz_status read_ring_cells(pz__reader *r, pz__ring_event *event)
{
    static const pz__cell nothing = {.weight = 0};
    const pz__cell *before = &nothing;
    for (uint32_t i = 0; i < event->cell_count; i++) {
        pz__cell *cell = &event->cells[i];
        const pz_str attribute = pz__read_optional(r, PZ__NAME_MAX);
        if (i == 0 || !pz__str_equal(before->attribute, attribute))
            before = &nothing;
        const pz_status status = pz__read_cell(r, attribute, before, cell);
        if (status != PZ_OK)
            return status;
        if (i > 0 && pz__cell_compare(&event->cells[i - 1], cell) >= 0)
            return pz__corrupt(r, "the cells of an event are not in order");
        before = cell;
    }
    return PZ_OK;
}

static pz_status read_ring_event(pz__reader *r, const pz__ring_event *before, pz__ring_event *event)
{
    *event = (pz__ring_event){.cells = NULL};
    if (!read_event(r, before ? before->time_ms : 0, before ? &before->id : NULL, &event->time_ms,
                    &event->id))
        return pz__corrupt(r, "an event of the ring is malformed or out of order");
    const uint32_t count = read_some(&r->in, RING_CELL_LEN_MIN);
    if (r->in.bad || count > PZ__OBSERVATION_CONTRIBUTIONS_MAX)
        return pz__corrupt(r, "an event of the ring has a malformed count");
    if (count == 0)
        return PZ_OK;
    event->cells = pz__arena_array(r->arena, count, sizeof *event->cells);
    if (!event->cells)
        return pz__no_memory(r);
    event->cell_count = count;
    return read_ring_cells(r, event);
}

pz_status pz__read_ring(pz__reader *r, pz__segment *s)
{
    void *list = NULL;
    uint32_t count;
    pz_status status =
        make_list(r, s, EVENT_LEN_MIN + 1, PZ__SEGMENT_RING_MAX, sizeof *s->ring, &list, &count);
    s->ring = list;
    s->ring_cap = list ? count : 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        status = read_ring_event(r, i ? &s->ring[i - 1] : NULL, &s->ring[i]);
        s->ring_count = i + 1;
    }
    return status;
}

/* ---- history ---- */

static pz_status read_before(pz__reader *r, pz__history_entry *h, uint32_t count)
{
    if (count == 0)
        return PZ_OK;
    h->before = pz__arena_array(r->arena, count, sizeof *h->before);
    if (!h->before)
        return pz__no_memory(r);
    h->before_count = count;
    for (uint32_t i = 0; i < count; i++) {
        const pz_str attribute = pz__read_optional(r, PZ__NAME_MAX);
        pz__claim *claim = &h->before[i];
        const pz_status status = pz__read_claim(r, attribute, claim);
        if (status != PZ_OK)
            return status;
        if (claim->slot == PZ__SLOT_INFERRED || claim->channel.len || claim->who.len)
            return pz__corrupt(r, "the history says more of a register than it may");
    }
    return PZ_OK;
}

static pz_status read_entry(pz__reader *r, pz__history_entry *h)
{
    *h = (pz__history_entry){.verb = pz__read_text(&r->in, VERB_MAX)};
    h->at_ms = pz__cursor_zigzag(&r->in);
    h->stamp = pz__read_difference(&r->in, h->at_ms);
    h->channel = pz__read_optional(r, PZ__NAME_MAX);
    h->who = pz__read_optional(r, PZ__WHO_MAX);
    const uint64_t undoes = pz__cursor_varint(&r->in);
    if (undoes) {
        h->undoes_writer = pz__use_name(r, undoes - 1, PZ__WRITER_MAX, false);
        h->undoes_stamp = pz__read_difference(&r->in, h->stamp);
    }
    const uint32_t count = read_some(&r->in, OLD_CLAIM_LEN_MIN);
    if (r->in.bad || !is_text(h->verb, VERB_MAX) || !pz__time_is_valid(h->at_ms) ||
        !is_stamp_valid(h->stamp) || !is_stamp_valid(h->undoes_stamp))
        return pz__corrupt(r, "an entry of the history is malformed");
    return read_before(r, h, count);
}

pz_status pz__read_history(pz__reader *r, pz__segment *s)
{
    void *list = NULL;
    uint32_t count;
    pz_status status =
        make_list(r, s, ENTRY_LEN_MIN, PZ__SEGMENT_HISTORY_MAX, sizeof *s->history, &list, &count);
    s->history = list;
    s->history_cap = list ? count : 0;
    for (uint32_t i = 0; i < count && status == PZ_OK; i++) {
        status = read_entry(r, &s->history[i]);
        if (status == PZ_OK && i > 0 && s->history[i - 1].stamp >= s->history[i].stamp)
            status = pz__corrupt(r, "the history is not in order");
        s->history_count = i + 1;
    }
    return status;
}
