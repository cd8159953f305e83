/*
 * encode.c: canonical bytes: equal content, equal bytes.
 *
 * docs/format.md describes every octet. In short:
 *
 *     profile   "PZp" version kind subject count { writer length body }*
 *     body      sequence dropped count { tag length }* { payload }*    tags ascending
 *
 * A body begins with the directory of its sections, so that a reader finds one without touching the
 * others. Each section is built in a buffer of its own: claims, cells, counters and the directory
 * that leads to them grow side by side (encode_items.c), the others one by one (encode_causes.c and
 * the events below). Names stand once in a table that is made first (encode_names.c).
 *
 * Times are written as differences where those are small. Differences wrap around modulo 2^64, so
 * there is exactly one for every pair of numbers.
 *
 * A segment that has not changed since it was decoded is copied as it came.
 */
#include "profile/codec.h"

#include <string.h>

static void write_events(pz__encoder *e)
{
    const pz__segment *s = e->segment;
    pz__buf *out = &e->sections[PZ__SECTION_EVENTS];
    if (s->event_count == 0 && !s->has_floor)
        return;
    pz__buf_varint(out, (uint64_t)s->event_count << 1 | (s->has_floor ? 1 : 0));
    int64_t time_ms = s->has_floor ? s->floor_ms : 0;
    if (s->has_floor)
        pz__buf_zigzag(out, s->floor_ms);
    for (uint32_t i = 0; i < s->event_count; i++) {
        pz__piece p = {.len = 0};
        pz__add_difference(&p, time_ms, s->events[i].time_ms);
        memcpy(p.bytes + p.len, s->events[i].id.bytes, sizeof s->events[i].id.bytes);
        p.len += sizeof s->events[i].id.bytes;
        pz__write_piece(out, &p);
        time_ms = s->events[i].time_ms;
    }
}

static pz_status write_sections(pz__encoder *e)
{
    pz__names_write(&e->names, &e->sections[PZ__SECTION_NAMES]);
    const pz_status status = pz__write_items(e);
    write_events(e);
    pz__write_grants(e);
    pz__write_forgettings(e);
    pz__write_retractions(e);
    pz__write_ring(e);
    pz__write_history(e);
    if (e->segment->erased)
        pz__buf_varint(&e->sections[PZ__SECTION_ERASED], e->segment->erased);
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++)
        if (e->sections[tag].status != PZ_OK)
            return e->sections[tag].status;
    return status;
}

/* The body: what was written into the sections, behind their directory. */
static void put_body(const pz__encoder *e, pz__buf *out)
{
    const pz__segment *s = e->segment;
    pz__buf_varint(out, s->sequence);
    pz__buf_varint(out, s->dropped);
    uint32_t count = s->unknown_count;
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++)
        count += e->sections[tag].len > 0;
    pz__buf_varint(out, count);
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++) {
        if (e->sections[tag].len == 0)
            continue;
        pz__buf_varint(out, tag);
        pz__buf_varint(out, e->sections[tag].len);
    }
    for (uint32_t i = 0; i < s->unknown_count; i++) {
        pz__buf_varint(out, s->unknown[i].tag);
        pz__buf_varint(out, s->unknown[i].bytes.len);
    }
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++)
        pz__buf_put(out, e->sections[tag].data, e->sections[tag].len);
    for (uint32_t i = 0; i < s->unknown_count; i++)
        pz__buf_put(out, s->unknown[i].bytes.data, s->unknown[i].bytes.len);
}

pz_status pz__segment_encode(const pz__segment *segment, pz__buf *out)
{
    if (segment->raw.data) {
        pz__buf_put(out, segment->raw.data, segment->raw.len);
        return out->status;
    }
    pz__encoder e = {.segment = segment};
    pz_status status = pz__names_gather(&e.names, segment) ? PZ_OK : PZ_ERR_NOMEM;
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++)
        pz__buf_init(&e.sections[tag], &segment->alloc, SIZE_MAX);
    if (status == PZ_OK)
        status = write_sections(&e);
    if (status == PZ_OK) {
        put_body(&e, out);
        status = out->status;
    }
    for (unsigned tag = 1; tag <= PZ__SECTION_LAST; tag++)
        pz__buf_clear(&e.sections[tag]);
    pz__names_free(&e.names);
    return status;
}

pz_status pz__profile_encode(const pz__profile *profile, pz__buf *out)
{
    const size_t before = out->len;
    if (profile->bytes.data) {
        pz__buf_put(out, profile->bytes.data, profile->bytes.len);
        return out->status;
    }
    pz__buf body;
    pz__buf_init(&body, &profile->alloc, SIZE_MAX);
    pz__buf_text(out, PZ__FORMAT_MAGIC);
    pz__buf_byte(out, PZ__FORMAT_VERSION);
    pz__buf_byte(out, (uint8_t)profile->kind);
    pz__write_text(out, pz__profile_subject(profile));
    pz__buf_varint(out, profile->segment_count);
    pz_status status = out->status;
    for (uint32_t i = 0; i < profile->segment_count && status == PZ_OK; i++) {
        const pz__segment *segment = profile->segments[i];
        pz__write_text(out, segment->writer);
        pz__buf_reset(&body);
        status = pz__segment_encode(segment, &body);
        if (status == PZ_OK)
            pz__write_text(out, (pz_str){body.data, body.len});
        if (status == PZ_OK)
            status = out->status;
    }
    pz__buf_clear(&body);
    if (status != PZ_OK)
        out->len = before;
    return status;
}
