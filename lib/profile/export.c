/*
 * export.c: everything that is known, for the person it is about.
 *
 *     {"subject":   {"kind", "id"},
 *      "claims":    [{"attribute", "purpose", "slot", "part", "value" or "cleared", "inferred",
 *                     "confidence", "at", "expires", "stamp_ms", "channel", "who", "writer"}],
 *      "evidence":  [{"attribute", "purpose", "value", "side", "weight", "inferred", "from",
 *                     "seconds", "epoch", "channel", "writer"}],
 *      "counters":  [the same with "counter", "amount" and, of sums kept in fractions such as
 *                     cents, the "scale" to divide by for what is before "from"],
 *      "events":    [{"at", "writer", "added": [{"attribute", "value", "side", "weight",
 *                     "channel"}, {"counter", "amount", "scale", "channel"}]}], the newest,
 *      "consents":  [{"purpose", "granted", "denied", "statements": [{"granted_at", "expires",
 *                     "channel", "who", "denials", "denied_at", "denied_channel", "denied_who",
 *                     "writer"}]}],
 *      "links":     [the same with "subject" for the purpose; statements have a "strength"],
 *      "history":   [{"verb", "at", "stamp_ms", "undoes_ms", "channel", "who", "writer",
 *                     "registers": [{"attribute", "slot", "part", "before" or "was_set": false}]}],
 *      "forgotten": [{"at", "writer"}], that something was, not what
 *      "retracted": how many events were taken back,
 *      "writers":   [{"writer", "sequence", "claims", "cells", "events", "dropped", "kept_since",
 *                     "unknown_sections"}]}
 *
 * What an attribute is used for, and what the parts of its registers tell, only a catalog knows:
 * the rules of an export say so. Members that say nothing ("" or never) are left out. Claims stand
 * in the order of the sealed view, evidence by writer and then by attribute and value, so that each
 * number can be traced to the system that wrote it. What was forgotten or taken back is left out,
 * also where it still lies in the segment of a writer that has not heard of it. Weights are in
 * units, exact: 1024ths have at most ten decimals. Moments are RFC 3339 text, stamps plain
 * milliseconds, for they order and do not tell the time. Bytes that are no text (a writer's UUID)
 * are hexadecimal; an identifier is the text that was given, whatever is in it. A rejected value is
 * shown as the value it is.
 *
 * The document is built as a value in an arena and written by the value room, so that its JSON is
 * the library's JSON.
 */
#include "profile/state.h"

#include "base/utf8.h"

#include <string.h>

#define WEIGHT_ONE 1024.0
#define STRENGTH_ONE 65536.0
#define MEMBERS_MAX 16u
/* Octets of ids shown as hexadecimal are few; longer ones are parts. */
static const char hex_digits[] = "0123456789abcdef";

static const char *const slot_names[] = {
    [0] = "unknown",
    [PZ__SLOT_CHOICE] = "choice",
    [PZ__SLOT_REJECT] = "reject",
    [PZ__SLOT_MODE] = "mode",
    [PZ__SLOT_DECLARED] = "declared",
    [PZ__SLOT_INFERRED] = "inferred",
    [PZ__SLOT_EDIT_HIDDEN] = "hidden",
    [PZ__SLOT_EDIT_PLACE] = "place",
    [PZ__SLOT_LEVEL] = "level",
    [PZ__SLOT_IDENTIFIER] = "identifier",
    [PZ__SLOT_ACCOUNT] = "account",
    [PZ__SLOT_SWITCH] = "switch",
    [PZ__SLOT_LIFT] = "lift",
};

static const char *const kind_names[] = {
    [PZ__PERSON] = "person", [PZ__ACCOUNT] = "account", [PZ__DEVICE] = "device"};

/* An object that is being filled. A failure is remembered and shows in the end. */
typedef struct object {
    pz__arena *arena;
    pz_entry entries[MEMBERS_MAX];
    uint32_t count;
    bool is_failed;
} object;

static void add(object *o, const char *name, pz_value value)
{
    o->entries[o->count++] = (pz_entry){pz_value_str(name), value};
}

static pz_value end_object(object *o)
{
    pz_value made = pz_value_null();
    pz_entry *entries = pz__arena_array(o->arena, o->count, sizeof *entries);
    if (!entries) {
        o->is_failed = true;
        return made;
    }
    memcpy(entries, o->entries, o->count * sizeof *entries);
    if (pz__value_of_entries(o->arena, &made, entries, o->count, PZ__DUP_REFUSE) != PZ_OK)
        o->is_failed = true;
    return made;
}

static bool is_printable(pz_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if ((unsigned char)text.data[i] < ' ')
            return false;
    return pz__utf8_valid(text.data, text.len);
}

/* Text as it is, anything else as hexadecimal. */
static void add_text(object *o, const char *name, pz_str text)
{
    if (is_printable(text)) {
        add(o, name, pz__value_of_str(text));
        return;
    }
    char *hex = pz__arena_new(o->arena, 2 * text.len);
    if (!hex) {
        o->is_failed = true;
        return;
    }
    for (size_t i = 0; i < text.len; i++) {
        hex[2 * i] = hex_digits[(unsigned char)text.data[i] >> 4];
        hex[2 * i + 1] = hex_digits[(unsigned char)text.data[i] & 15];
    }
    add(o, name, pz_value_strn(hex, 2 * text.len));
}

static void add_text_if_any(object *o, const char *name, pz_str text)
{
    if (text.len)
        add_text(o, name, text);
}

/* A moment as text; milliseconds where the calendar has no name for it. */
static void add_time(object *o, const char *name, int64_t ms)
{
    char text[PZ__RFC3339_MAX];
    size_t len = pz__rfc3339_print_ms(ms, text);
    char *copy = len ? pz__arena_text(o->arena, text, len) : NULL;
    o->is_failed |= len && !copy;
    add(o, name, copy ? pz_value_strn(copy, len) : pz_value_int(ms));
}

static bool is_plain_part(const pz__claim *claim)
{
    return claim->slot != PZ__SLOT_CHOICE && claim->slot != PZ__SLOT_DECLARED &&
           claim->slot != PZ__SLOT_INFERRED;
}

static pz_str behind(pz_str text, size_t skip)
{
    return (pz_str){text.data + skip, text.len - skip};
}

pz_str pz__claim_member(const pz__claim *claim)
{
    pz_str name = claim->part;
    if (claim->slot == PZ__SLOT_INFERRED && name.len > 0) {
        const char *end = memchr(name.data, PZ__PART_SEPARATOR, name.len);
        name = behind(name, end ? (size_t)(end - name.data) + 1 : name.len);
    }
    return name.len > 0 && name.data[0] == PZ__PART_SEPARATOR ? behind(name, 1) : name;
}

/* The value whose canonical bytes the part is; the bytes where it is none. */
static void add_value_of_part(object *o, const pz__claim *claim)
{
    pz_value value;
    pz__cursor in;
    pz__cursor_init(&in, claim->part.data, claim->part.len);
    if (claim->part.len && pz__value_decode(o->arena, &in, &value) == PZ_OK &&
        pz__cursor_left(&in) == 0 && pz__value_has_json(value))
        add(o, "part", value);
    else
        add_text_if_any(o, "part", claim->part);
}

static void add_part(object *o, const pz__claim *claim, pz__part_kind kind)
{
    const bool is_plain = is_plain_part(claim) || kind == PZ__PART_PLAIN;
    const bool is_rejection = claim->slot == PZ__SLOT_REJECT;
    if (claim->slot == PZ__SLOT_LIFT)
        return; /* its value tells */
    if (claim->slot == PZ__SLOT_IDENTIFIER && pz__utf8_valid(claim->part.data, claim->part.len))
        add(o, "part", pz__value_of_str(claim->part)); /* also with a line end or a tab in it */
    else if (is_plain && !is_rejection)
        add_text_if_any(o, "part", claim->part);
    else if (kind == PZ__PART_MEMBER && !is_rejection && claim->part.len)
        add_text(o, "part", pz__claim_member(claim));
    else if (is_rejection || claim->is_cleared) /* cleared: there is no value that would tell it */
        add_value_of_part(o, claim);
}

static pz__export_about about(const pz__export_rules *rules, pz_str attribute)
{
    const pz__export_about nothing = {.part = PZ__PART_PLAIN};
    return rules->about ? rules->about(rules->self, attribute) : nothing;
}

static pz_value claim_value(pz__arena *arena, const pz__export_rules *rules, const pz__claim *claim,
                            bool *is_failed)
{
    object o = {.arena = arena};
    unsigned slot = claim->slot <= PZ__SLOT_LAST ? claim->slot : 0;
    const pz__export_about known = about(rules, claim->attribute);
    add_text(&o, "attribute", claim->attribute);
    add_text_if_any(&o, "purpose", known.purpose);
    add(&o, "slot", pz_value_str(slot_names[slot]));
    add_part(&o, claim, known.part);
    if (claim->is_cleared)
        add(&o, "cleared", pz_value_bool(true));
    else
        add(&o, "value", claim->value);
    add(&o, "inferred", pz_value_bool(claim->slot == PZ__SLOT_INFERRED));
    if (claim->slot == PZ__SLOT_INFERRED)
        add(&o, "confidence", pz_value_double(claim->confidence));
    add_time(&o, "at", claim->at_ms);
    if (claim->expires_ms)
        add_time(&o, "expires", claim->expires_ms);
    add(&o, "stamp_ms", pz_value_int(claim->stamp));
    add_text_if_any(&o, "channel", claim->channel);
    add_text_if_any(&o, "who", claim->who);
    add_text(&o, "writer", claim->writer);
    pz_value made = end_object(&o);
    *is_failed |= o.is_failed;
    return made;
}

/* What is counted, or what behaviour speaks for, and how much. */
static void add_amount(object *o, const pz__export_rules *rules, const pz__cell *cell)
{
    const pz__export_about known = about(rules, cell->attribute);
    if (cell->value.kind == PZ_NULL) {
        add_text(o, "counter", cell->attribute);
        add(o, "amount", pz_value_int(cell->weight));
        if (known.scale > 1)
            add(o, "scale", pz_value_int(known.scale));
        return;
    }
    add_text(o, "attribute", cell->attribute);
    add_text_if_any(o, "purpose", known.purpose);
    add(o, "value", cell->value);
    add(o, "side", pz_value_str(cell->side == PZ__FOR ? "for" : "against"));
    add(o, "weight", pz_value_double((double)cell->weight / WEIGHT_ONE));
    add(o, "inferred", pz_value_bool(true));
}

static pz_value cell_value(pz__arena *arena, const pz__export_rules *rules,
                           const pz__segment *segment, const pz__cell *cell, bool *is_failed)
{
    object o = {.arena = arena};
    add_amount(&o, rules, cell);
    int64_t start = 0;
    bool is_time = !__builtin_mul_overflow(cell->bucket, (int64_t)1000 << cell->width, &start);
    if (is_time && pz__time_is_valid(start))
        add_time(&o, "from", start);
    else
        add(&o, "bucket", pz_value_int(cell->bucket));
    add(&o, "seconds", pz_value_int((int64_t)1 << cell->width));
    if (cell->epoch.counter)
        add(&o, "epoch", pz_value_int(cell->epoch.counter));
    add_text_if_any(&o, "channel", cell->channel);
    add_text(&o, "writer", segment->writer);
    pz_value made = end_object(&o);
    *is_failed |= o.is_failed;
    return made;
}

static pz_value claims_list(pz__arena *arena, const pz__export_rules *rules,
                            const pz__profile *profile, bool *is_failed)
{
    pz__claims claims = pz__profile_all_claims(profile);
    pz_value *items = pz__arena_array(arena, claims.count, sizeof *items);
    *is_failed |= !items;
    for (uint32_t i = 0; i < claims.count && !*is_failed; i++)
        items[i] = claim_value(arena, rules, &claims.list[i], is_failed);
    return pz__value_of_items(items, claims.count);
}

/* The cells of a segment that count. */
static pz__cells standing_cells(pz__arena *arena, const pz__profile *profile,
                                const pz__segment *segment, bool *is_failed)
{
    pz__cell *list = pz__arena_array(arena, segment->cell_count, sizeof *list);
    *is_failed |= !list;
    if (!list || segment->cell_count == 0)
        return (pz__cells){NULL, 0};
    memcpy(list, segment->cells, segment->cell_count * sizeof *list);
    return (pz__cells){list, pz__cells_standing(profile, segment, list, segment->cell_count)};
}

/* Evidence has values, counters have none. */
static pz_value cells_list(pz__arena *arena, const pz__export_rules *rules,
                           const pz__profile *profile, bool are_counters, bool *is_failed)
{
    pz_value *items = pz__arena_array(arena, pz__profile_all_cells(profile).count, sizeof *items);
    *is_failed |= !items;
    uint32_t count = 0;
    for (uint32_t s = 0; s < profile->segment_count && !*is_failed; s++) {
        const pz__segment *segment = profile->segments[s];
        const pz__cells cells = standing_cells(arena, profile, segment, is_failed);
        for (uint32_t i = 0; i < cells.count && !*is_failed; i++)
            if ((cells.list[i].value.kind == PZ_NULL) == are_counters)
                items[count++] = cell_value(arena, rules, segment, &cells.list[i], is_failed);
    }
    return pz__value_of_items(items, count);
}

/* ---- events ---- */

/* One that added nothing, or nothing that is remembered, is left out: false. */
static bool event_value(pz__arena *arena, const pz__export_rules *rules, const pz__profile *profile,
                        const pz__segment *segment, const pz__ring_event *event, pz_value *out,
                        bool *is_failed)
{
    object o = {.arena = arena};
    uint32_t count = 0;
    pz_value *items = pz__arena_array(arena, event->cell_count, sizeof *items);
    *is_failed |= !items;
    for (uint32_t i = 0; i < event->cell_count && !*is_failed; i++) {
        const pz__cell *cell = &event->cells[i];
        object part = {.arena = arena};
        if (!pz__cell_stands(profile, cell))
            continue;
        add_amount(&part, rules, cell);
        add_text_if_any(&part, "channel", cell->channel);
        items[count++] = end_object(&part);
        *is_failed |= part.is_failed;
    }
    if (count == 0)
        return false;
    add_time(&o, "at", event->time_ms);
    add(&o, "added", pz__value_of_items(items, count));
    add_text(&o, "writer", segment->writer);
    *out = end_object(&o);
    *is_failed |= o.is_failed;
    return true;
}

/* Those that are kept whole, with the moment, which no bucket has. */
static pz_value events_list(pz__arena *arena, const pz__export_rules *rules,
                            const pz__profile *profile, bool *is_failed)
{
    uint32_t most = 0, count = 0;
    for (uint32_t s = 0; s < profile->segment_count; s++)
        most += profile->segments[s]->ring_count;
    pz_value *items = pz__arena_array(arena, most, sizeof *items);
    *is_failed |= !items;
    for (uint32_t s = 0; s < profile->segment_count && !*is_failed; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->ring_count && !*is_failed; i++)
            if (!pz__is_retracted(profile, segment->ring[i].time_ms, &segment->ring[i].id))
                count += event_value(arena, rules, profile, segment, &segment->ring[i],
                                     &items[count], is_failed);
    }
    return pz__value_of_items(items, count);
}

/* ---- consents and links ---- */

static pz_value statement(pz__arena *arena, const pz__segment *segment, const pz__own_grant *grant,
                          bool *is_failed)
{
    object o = {.arena = arena};
    if (grant->has_grant) {
        add_time(&o, "granted_at", grant->at_ms);
        if (grant->expires_ms)
            add_time(&o, "expires", grant->expires_ms);
        if (grant->strength)
            add(&o, "strength", pz_value_double(grant->strength / STRENGTH_ONE));
        add_text_if_any(&o, "channel", grant->channel);
        add_text_if_any(&o, "who", grant->who);
    }
    if (grant->denials) {
        add(&o, "denials", pz_value_int(grant->denials));
        add_time(&o, "denied_at", grant->denied_at_ms);
        add_text_if_any(&o, "denied_channel", grant->denied_channel);
        add_text_if_any(&o, "denied_who", grant->denied_who);
    }
    add_text(&o, "writer", segment->writer);
    pz_value made = end_object(&o);
    *is_failed |= o.is_failed;
    return made;
}

static const pz__own_grant *own_grant(const pz__segment *segment, const pz__grant *of)
{
    for (uint32_t i = 0; i < segment->grant_count; i++)
        if (segment->grants[i].kind == of->kind && pz__str_equal(segment->grants[i].name, of->name))
            return &segment->grants[i];
    return NULL;
}

static pz_value grant_value(pz__arena *arena, const pz__profile *profile, const pz__grant *grant,
                            bool *is_failed)
{
    object o = {.arena = arena};
    add_text(&o, grant->kind == PZ__GRANT_LINK ? "subject" : "purpose", grant->name);
    add(&o, "granted", pz_value_bool(grant->is_granted));
    add(&o, "denied", pz_value_bool(grant->is_denied));
    pz_value *items = pz__arena_array(arena, profile->segment_count, sizeof *items);
    *is_failed |= !items;
    uint32_t count = 0;
    for (uint32_t s = 0; s < profile->segment_count && !*is_failed; s++) {
        const pz__own_grant *own = own_grant(profile->segments[s], grant);
        if (own)
            items[count++] = statement(arena, profile->segments[s], own, is_failed);
    }
    add(&o, "statements", pz__value_of_items(items, count));
    pz_value made = end_object(&o);
    *is_failed |= o.is_failed;
    return made;
}

static pz_value grants_list(pz__arena *arena, const pz__profile *profile, pz__grant_kind kind,
                            bool *is_failed)
{
    const pz__grants grants = pz__profile_grants(profile, kind);
    pz_value *items = pz__arena_array(arena, grants.count, sizeof *items);
    *is_failed |= !items;
    for (uint32_t i = 0; i < grants.count && !*is_failed; i++)
        items[i] = grant_value(arena, profile, &grants.list[i], is_failed);
    return pz__value_of_items(items, grants.count);
}

/* ---- history and erasure ---- */

static pz_value register_value(pz__arena *arena, const pz__export_rules *rules,
                               const pz__profile *profile, const pz__claim *before, bool *is_failed)
{
    object o = {.arena = arena};
    add_text(&o, "attribute", before->attribute);
    add(&o, "slot", pz_value_str(slot_names[before->slot <= PZ__SLOT_LAST ? before->slot : 0]));
    add_part(&o, before, about(rules, before->attribute).part);
    if (before->is_cleared || !pz__claim_stands(profile, before))
        add(&o, "was_set", pz_value_bool(false));
    else
        add(&o, "before", before->value);
    pz_value made = end_object(&o);
    *is_failed |= o.is_failed;
    return made;
}

/* An entry of which nothing is remembered is left out: false. */
static bool entry_value(pz__arena *arena, const pz__export_rules *rules, const pz__profile *profile,
                        const pz__segment *segment, const pz__history_entry *entry, pz_value *out,
                        bool *is_failed)
{
    pz_value *items = pz__arena_array(arena, entry->before_count, sizeof *items);
    *is_failed |= !items;
    uint32_t count = 0;
    for (uint32_t i = 0; i < entry->before_count && !*is_failed; i++)
        if (pz__is_remembered(profile, entry, &entry->before[i]))
            items[count++] = register_value(arena, rules, profile, &entry->before[i], is_failed);
    if (count == 0 && entry->undoes_writer.len == 0)
        return false;
    object o = {.arena = arena};
    add_text(&o, "verb", entry->verb);
    add_time(&o, "at", entry->at_ms);
    add(&o, "stamp_ms", pz_value_int(entry->stamp));
    if (entry->undoes_writer.len)
        add(&o, "undoes_ms", pz_value_int(entry->undoes_stamp));
    add_text_if_any(&o, "channel", entry->channel);
    add_text_if_any(&o, "who", entry->who);
    add_text(&o, "writer", segment->writer);
    add(&o, "registers", pz__value_of_items(items, count));
    *out = end_object(&o);
    *is_failed |= o.is_failed;
    return true;
}

static pz_value history_list(pz__arena *arena, const pz__export_rules *rules,
                             const pz__profile *profile, bool *is_failed)
{
    uint32_t most = 0, count = 0;
    for (uint32_t s = 0; s < profile->segment_count; s++)
        most += profile->segments[s]->history_count;
    pz_value *items = pz__arena_array(arena, most, sizeof *items);
    *is_failed |= !items;
    for (uint32_t s = 0; s < profile->segment_count && !*is_failed; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->history_count && !*is_failed; i++)
            count += entry_value(arena, rules, profile, segment, &segment->history[i],
                                 &items[count], is_failed);
    }
    return pz__value_of_items(items, count);
}

static pz_value forgotten_list(pz__arena *arena, const pz__profile *profile, bool *is_failed)
{
    uint32_t most = 0, count = 0;
    for (uint32_t s = 0; s < profile->segment_count; s++)
        most += profile->segments[s]->forgetting_count;
    pz_value *items = pz__arena_array(arena, most, sizeof *items);
    *is_failed |= !items;
    for (uint32_t s = 0; s < profile->segment_count && !*is_failed; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->forgetting_count && !*is_failed; i++) {
            object o = {.arena = arena};
            add_time(&o, "at", segment->forgettings[i].at_ms);
            add_text(&o, "writer", segment->writer);
            items[count++] = end_object(&o);
            *is_failed |= o.is_failed;
        }
    }
    return pz__value_of_items(items, count);
}

static int64_t retracted_count(const pz__profile *profile)
{
    int64_t count = 0;
    for (uint32_t s = 0; s < profile->segment_count; s++)
        count += profile->segments[s]->retraction_count;
    return count;
}

/* ---- writers ---- */

/* Counter names with the moment since when each is kept: null for always. */
static pz_value kept_since(pz__arena *arena, const pz__segment *segment, bool *is_failed)
{
    pz_value made = pz_value_null();
    pz_entry *entries = pz__arena_array(arena, segment->counter_count, sizeof *entries);
    *is_failed |= !entries;
    for (uint32_t i = 0; i < segment->counter_count && entries; i++) {
        const pz__kept_counter *counter = &segment->counters[i];
        object time = {.arena = arena};
        if (counter->since_ms != INT64_MIN)
            add_time(&time, "since", counter->since_ms);
        *is_failed |= time.is_failed;
        entries[i] = (pz_entry){pz__value_of_str(counter->name), time.entries[0].value};
    }
    if (entries && pz__value_of_entries(arena, &made, entries, segment->counter_count,
                                        PZ__DUP_REFUSE) != PZ_OK)
        *is_failed = true;
    return made;
}

static pz_value writers_list(pz__arena *arena, const pz__profile *profile, bool *is_failed)
{
    pz_value *items = pz__arena_array(arena, profile->segment_count, sizeof *items);
    *is_failed |= !items;
    for (uint32_t i = 0; i < profile->segment_count && !*is_failed; i++) {
        const pz__segment *segment = profile->segments[i];
        object o = {.arena = arena};
        add_text(&o, "writer", segment->writer);
        add(&o, "sequence", pz_value_uint(segment->sequence));
        add(&o, "claims", pz_value_int(segment->claim_count));
        add(&o, "cells", pz_value_int(segment->cell_count));
        add(&o, "events", pz_value_int(segment->event_count));
        add(&o, "dropped", pz_value_uint(segment->dropped));
        if (segment->has_floor)
            add_time(&o, "events_from", segment->floor_ms);
        add(&o, "kept_since", kept_since(arena, segment, is_failed));
        if (segment->unknown_count)
            add(&o, "unknown_sections", pz_value_int(segment->unknown_count));
        items[i] = end_object(&o);
        *is_failed |= o.is_failed;
    }
    return pz__value_of_items(items, profile->segment_count);
}

static pz_value document(pz__arena *arena, const pz__export_rules *rules,
                         const pz__profile *profile, bool *is_failed)
{
    object subject = {.arena = arena}, o = {.arena = arena};
    add(&subject, "kind", pz_value_str(kind_names[profile->kind]));
    add_text(&subject, "id", pz__profile_subject(profile));
    add(&o, "subject", end_object(&subject));
    add(&o, "claims", claims_list(arena, rules, profile, is_failed));
    add(&o, "evidence", cells_list(arena, rules, profile, false, is_failed));
    add(&o, "counters", cells_list(arena, rules, profile, true, is_failed));
    add(&o, "events", events_list(arena, rules, profile, is_failed));
    add(&o, "consents", grants_list(arena, profile, PZ__GRANT_PURPOSE, is_failed));
    add(&o, "links", grants_list(arena, profile, PZ__GRANT_LINK, is_failed));
    add(&o, "history", history_list(arena, rules, profile, is_failed));
    add(&o, "forgotten", forgotten_list(arena, profile, is_failed));
    add(&o, "retracted", pz_value_int(retracted_count(profile)));
    add(&o, "writers", writers_list(arena, profile, is_failed));
    pz_value made = end_object(&o);
    *is_failed |= o.is_failed || subject.is_failed;
    return made;
}

static pz_status export_sealed(const pz__profile *profile, pz__buf *out,
                               const pz__export_rules *rules)
{
    size_t before = out->len;
    pz__arena arena;
    pz__arena_init(&arena, &profile->alloc, 0);
    bool is_failed = false;
    pz_value all = document(&arena, rules, profile, &is_failed);
    pz_status status = PZ_ERR_NOMEM;
    if (!is_failed)
        status = rules->write ? rules->write(rules->self, out, all)
                              : pz__json_write(out, all, rules->indent);
    if (status == PZ_OK)
        status = out->status;
    pz__arena_clear(&arena);
    if (status != PZ_OK)
        out->len = before;
    return status;
}

pz_status pz__profile_export_by(const pz__profile *profile, pz__buf *out,
                                const pz__export_rules *rules)
{
    if (!profile->bytes.data)
        return export_sealed(profile, out, rules);
    pz__profile *decoded;
    pz_status status = pz__peek_decode(&decoded, profile);
    if (status == PZ_OK)
        status = pz__profile_seal(decoded);
    if (status == PZ_OK)
        status = export_sealed(decoded, out, rules);
    pz__profile_free(decoded);
    return status;
}

pz_status pz__profile_export(const pz__profile *profile, pz__buf *out, uint32_t indent)
{
    const pz__export_rules rules = {.indent = indent};
    return pz__profile_export_by(profile, out, &rules);
}
