/*
 * history.c: what the customer set, in order, and taking it back.
 *
 * Between pz__profile_note_begin and _end the puts of one verb are noted as one entry: each
 * register they set, with what it had held before. What it held is what counted, over all writers'
 * segments: a choice that another device made, nothing where it had been cleared (by itself or with
 * the whole attribute) or forgotten. An entry lies in the segment of the writer that made it and
 * has the stamp of the first register it set.
 *
 * Undoing takes back the newest entry, by (stamp, writer), that no entry of an undo names yet. Undo
 * entries themselves are not undone, so undoing again goes on back. As segments keep only their
 * newest 64 entries, an undo entry may go before the one it names does in another segment; hence
 * nothing is undone that is older than all that a full segment still holds. A full segment stays
 * full when what its entries set is forgotten (purge.c).
 *
 * To take back is to write: puts with new stamps, which every replica orders alike. First the
 * registers that held nothing are cleared, then values return, oldest first. Two things would be
 * changed by that which the verb had not touched: a cleared choice clears the whole attribute, and
 * a value that returns becomes the newest. So whatever else is set of the attribute, and is newer
 * than what returns, is written anew in its old order, with its own time, channel and speaker.
 *
 * Not here: which registers a verb sets (decide).
 */
#include "profile/state.h"

#include <string.h>

#define UNDO "undo"
#define BEFORE_MIN 4u

static bool is_noted(unsigned slot)
{
    static const bool noted[] = {
        [PZ__SLOT_CHOICE] = true,      [PZ__SLOT_REJECT] = true,     [PZ__SLOT_MODE] = true,
        [PZ__SLOT_EDIT_HIDDEN] = true, [PZ__SLOT_EDIT_PLACE] = true, [PZ__SLOT_LEVEL] = true,
    };
    return slot < sizeof noted / sizeof noted[0] && noted[slot];
}

/* Slots that clearing the whole attribute empties. */
static bool is_emptied_whole(unsigned slot)
{
    return slot == PZ__SLOT_CHOICE || slot == PZ__SLOT_REJECT || slot == PZ__SLOT_EDIT_HIDDEN ||
           slot == PZ__SLOT_EDIT_PLACE;
}

/* ---- what a register holds ---- */

/* The claim that counts in a register, emptied or not; NULL if none. */
static const pz__claim *standing(const pz__profile *profile, const pz__claim *key)
{
    const pz__claim *newest = NULL;
    for (uint32_t i = 0; i < profile->segment_count; i++) {
        const pz__segment *segment = profile->segments[i];
        uint32_t index;
        if (!pz__segment_find_claim(segment, key, &index))
            continue;
        const pz__claim *claim = &segment->claims[index];
        if ((!newest || pz__claim_rank(claim, newest) > 0) && pz__claim_stands(profile, claim))
            newest = claim;
    }
    return newest;
}

/* The newest clearing of the whole attribute; NULL if it never was cleared. */
static const pz__claim *newest_clearing(const pz__profile *profile, pz_str attribute)
{
    static const uint8_t slots[] = {PZ__SLOT_CHOICE, PZ__SLOT_REJECT};
    const pz__claim *newest = NULL;
    for (size_t i = 0; i < sizeof slots; i++) {
        const pz__claim key = {.attribute = attribute, .slot = slots[i]};
        const pz__claim *claim = standing(profile, &key);
        if (claim && claim->is_cleared && (!newest || pz__claim_rank(claim, newest) > 0))
            newest = claim;
    }
    return newest;
}

/* What is set in a register, the whole having been cleared at `clearing` (or NULL); NULL if
 * nothing. */
static const pz__claim *set_since(const pz__profile *profile, const pz__claim *key,
                                  const pz__claim *clearing)
{
    const pz__claim *claim = standing(profile, key);
    if (!claim || claim->is_cleared)
        return NULL;
    if (clearing && is_emptied_whole(claim->slot) && pz__claim_rank(clearing, claim) > 0)
        return NULL;
    return claim;
}

static const pz__claim *set_in(const pz__profile *profile, const pz__claim *key)
{
    return set_since(profile, key, newest_clearing(profile, key->attribute));
}

/* ---- noting ---- */

void pz__profile_note_begin(pz__profile *profile, pz_str verb)
{
    profile->note = (pz__note){.verb = verb};
}

void pz__profile_note_end(pz__profile *profile)
{
    profile->note = (pz__note){.has_entry = false};
}

/* The entry that the verb has begun in this segment; its stamp makes it the last. */
static pz__history_entry *current_entry(const pz__profile *profile, const pz__segment *segment)
{
    const pz__note *note = &profile->note;
    const pz_str writer = {note->writer_bytes, note->writer_len};
    if (!note->has_entry || segment->history_count == 0 || !pz__str_equal(writer, segment->writer))
        return NULL;
    pz__history_entry *last = &segment->history[segment->history_count - 1];
    return last->stamp == note->stamp ? last : NULL;
}

/* What the register held before the verb, as the segment's own. Another register of the same verb
 * may have cleared the whole by now: what counts is how it stood when the verb began. */
static pz_status keep_before(pz__profile *profile, pz__segment *segment, const pz__claim *made,
                             pz__noting *noting, pz_error *err)
{
    const pz__note *note = &profile->note;
    const pz__claim then = {.stamp = note->cleared_stamp,
                            .writer = {note->cleared_writer, note->cleared_len}};
    const pz__claim *clearing = note->cleared_len > 0 ? &then : NULL;
    if (noting->is_new_entry) {
        clearing = newest_clearing(profile, made->attribute);
        noting->cleared_stamp = clearing ? clearing->stamp : 0;
        noting->cleared_writer = clearing ? clearing->writer : (pz_str){NULL, 0};
    }
    const pz__claim *was = set_since(profile, made, clearing);
    pz__claim *before = &noting->before;
    *before = (pz__claim){.attribute = made->attribute,
                          .part = made->part,
                          .slot = made->slot,
                          .is_cleared = was == NULL};
    if (!was)
        return PZ_OK;
    before->at_ms = was->at_ms;
    before->stamp = was->stamp;
    before->expires_ms = was->expires_ms;
    return pz__segment_keep_value(segment, &profile->scratch, was->value, &before->value, err);
}

/* Room for one register more, twice what there was. */
static bool grow(pz__profile *profile, pz__segment *segment, pz__history_entry *entry)
{
    pz__note *note = &profile->note;
    const bool has_cap = entry->before && note->before == entry->before;
    if (entry->before_count < (has_cap ? note->before_cap : 0))
        return true;
    const uint32_t cap = entry->before_count ? 2 * entry->before_count : BEFORE_MIN;
    pz__claim *list = pz__arena_array(&segment->arena, cap, sizeof *list);
    if (!list)
        return false;
    segment->added += cap * sizeof *list;
    if (entry->before_count)
        memcpy(list, entry->before, entry->before_count * sizeof *list);
    entry->before = list;
    note->before = list;
    note->before_cap = cap;
    return true;
}

static bool begin_entry(pz__profile *profile, pz__segment *segment, const pz__claim *made,
                        pz__history_entry *entry)
{
    *entry = (pz__history_entry){
        .at_ms = made->at_ms, .stamp = made->stamp, .channel = made->channel, .who = made->who};
    void *list = segment->history;
    const bool has_room = pz__reserve(&segment->alloc, &list, &segment->history_cap,
                                      segment->history_count, 1, sizeof *entry);
    segment->history = list;
    return has_room && pz__segment_keep_text(segment, profile->note.verb, &entry->verb);
}

static bool has_register(const pz__history_entry *entry, const pz__claim *key)
{
    for (uint32_t i = 0; i < entry->before_count; i++)
        if (pz__claim_compare(&entry->before[i], key) == 0)
            return true;
    return false;
}

pz_status pz__history_prepare(pz__profile *profile, pz__segment *segment, const pz__claim *made,
                              pz__noting *noting, pz_error *err)
{
    *noting = (pz__noting){.is_wanted = false};
    if (profile->note.verb.len == 0 || !is_noted(made->slot))
        return PZ_OK;
    const pz__history_entry *current = current_entry(profile, segment);
    if (current && has_register(current, made))
        return PZ_OK;
    noting->is_wanted = true;
    noting->is_new_entry = current == NULL;
    noting->is_new_register = true;
    if (current)
        noting->entry = *current;
    if ((!current && !begin_entry(profile, segment, made, &noting->entry)) ||
        !grow(profile, segment, &noting->entry))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    return keep_before(profile, segment, made, noting, err);
}

static void append(pz__segment *segment, const pz__history_entry *entry)
{
    if (segment->history_count == PZ__SEGMENT_HISTORY_MAX) {
        segment->cost -= pz__history_cost(&segment->history[0]);
        segment->history_count--;
        memmove(&segment->history[0], &segment->history[1], segment->history_count * sizeof *entry);
    }
    segment->history[segment->history_count++] = *entry;
    segment->cost += pz__history_cost(entry);
}

void pz__history_commit(pz__profile *profile, pz__segment *segment, const pz__noting *noting)
{
    if (!noting->is_wanted)
        return;
    pz__note *note = &profile->note;
    if (noting->is_new_entry) {
        append(segment, &noting->entry);
        note->has_entry = true;
        note->stamp = noting->entry.stamp;
        note->writer_len = segment->writer.len;
        memcpy(note->writer_bytes, segment->writer.data, segment->writer.len);
        note->cleared_stamp = noting->cleared_stamp;
        note->cleared_len = noting->cleared_writer.len;
        if (note->cleared_len)
            memcpy(note->cleared_writer, noting->cleared_writer.data, note->cleared_len);
    }
    pz__history_entry *entry = &segment->history[segment->history_count - 1];
    entry->before = noting->entry.before;
    entry->before[entry->before_count++] = noting->before;
    segment->cost += pz__claim_cost(&noting->before);
}

/* ---- which entry is to be undone ---- */

typedef struct found {
    const pz__history_entry *entry;
    pz_str writer;
} found;

static bool is_newer(const pz__history_entry *a, pz_str writer, const found *than)
{
    if (a->stamp != than->entry->stamp)
        return a->stamp > than->entry->stamp;
    return pz__str_compare(writer, than->writer) > 0;
}

static bool is_undo(const pz__history_entry *entry)
{
    return entry->undoes_writer.len > 0;
}

static bool is_undone(const pz__profile *profile, const found *which)
{
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = 0; i < segment->history_count; i++)
            if (segment->history[i].undoes_stamp == which->entry->stamp &&
                pz__str_equal(segment->history[i].undoes_writer, which->writer))
                return true;
    }
    return false;
}

/* Some segment is full and has dropped entries since: one of an undo of this may be among them. */
static bool is_out_of_reach(const pz__profile *profile, const found *which)
{
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        if (segment->history_count == PZ__SEGMENT_HISTORY_MAX &&
            is_newer(&segment->history[0], segment->writer, which))
            return true;
    }
    return false;
}

static bool is_about(const pz__profile *profile, const pz__history_entry *entry, pz_str attribute)
{
    for (uint32_t i = 0; i < entry->before_count; i++)
        if ((attribute.len == 0 || pz__str_equal(entry->before[i].attribute, attribute)) &&
            pz__is_remembered(profile, entry, &entry->before[i]))
            return true;
    return false;
}

static bool find_newest(const pz__profile *profile, pz_str attribute, found *out)
{
    out->entry = NULL;
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        for (uint32_t i = segment->history_count; i-- > 0;) {
            const found here = {&segment->history[i], segment->writer};
            if (out->entry && !is_newer(here.entry, here.writer, out))
                break;
            if (is_undo(here.entry) || !is_about(profile, here.entry, attribute) ||
                is_undone(profile, &here))
                continue;
            *out = here;
            break;
        }
    }
    return out->entry && !is_out_of_reach(profile, out);
}

/* ---- taking it back ---- */

/* A register to write: what it held, or another one that has to keep its rank. */
typedef struct step {
    pz__claim claim;
    bool is_kept;  /* with the claim's own time, channel and speaker */
    int64_t stamp; /* once it is written */
} step;

typedef struct plan {
    step *list;
    uint32_t count;
    uint32_t cleared_count; /* these come first */
} plan;

/* The cleared ones first, the others by stamp. */
static void add_step(plan *p, const pz__claim *claim, bool is_kept)
{
    uint32_t i = p->count++;
    const uint32_t first = claim->is_cleared ? 0 : p->cleared_count;
    for (; i > first && (claim->is_cleared || p->list[i - 1].claim.stamp > claim->stamp); i--)
        p->list[i] = p->list[i - 1];
    p->list[i] = (step){.claim = *claim, .is_kept = is_kept};
    p->cleared_count += claim->is_cleared;
}

static bool clears_whole(const pz__claim *claim)
{
    return claim->is_cleared && claim->part.len == 0 &&
           (claim->slot == PZ__SLOT_CHOICE || claim->slot == PZ__SLOT_REJECT);
}

/* Registers of the attribute in one segment. */
static void attribute_range(const pz__segment *segment, pz_str attribute, uint32_t *first,
                            uint32_t *end)
{
    const pz__claim key = {.attribute = attribute};
    pz__segment_find_claim(segment, &key, first);
    *end = *first;
    while (*end < segment->claim_count && pz__str_equal(segment->claims[*end].attribute, attribute))
        (*end)++;
}

/* Write anew what else is set of the attribute and newer than `after`. */
static void plan_others(const pz__profile *profile, const pz__history_entry *entry,
                        pz_str attribute, int64_t after, plan *p)
{
    for (uint32_t s = 0; s < profile->segment_count; s++) {
        const pz__segment *segment = profile->segments[s];
        uint32_t first, end;
        attribute_range(segment, attribute, &first, &end);
        for (uint32_t i = first; i < end; i++) {
            const pz__claim *claim = &segment->claims[i];
            if (claim->stamp > after && is_emptied_whole(claim->slot) &&
                set_in(profile, claim) == claim && !has_register(entry, claim))
                add_step(p, claim, true);
        }
    }
}

/* Everything of the attribute that is newer than what returns has to be written after it. */
static void plan_attribute(const pz__profile *profile, const pz__history_entry *entry,
                           pz_str attribute, plan *p)
{
    int64_t after = INT64_MAX;
    for (uint32_t i = 0; i < p->count; i++) {
        const pz__claim *claim = &p->list[i].claim;
        if (p->list[i].is_kept || !is_emptied_whole(claim->slot) ||
            !pz__str_equal(claim->attribute, attribute))
            continue;
        const int64_t stamp = clears_whole(claim) ? INT64_MIN : claim->stamp;
        if ((clears_whole(claim) || !claim->is_cleared) && stamp < after)
            after = stamp;
    }
    if (after != INT64_MAX)
        plan_others(profile, entry, attribute, after, p);
}

static void plan_entry(const pz__profile *profile, const pz__history_entry *entry, plan *p)
{
    for (uint32_t i = 0; i < entry->before_count; i++) {
        pz__claim before = entry->before[i];
        if (!pz__is_remembered(profile, entry, &before))
            continue;
        if (!before.is_cleared && !pz__claim_stands(profile, &before))
            before.is_cleared = true;
        if (!before.is_cleared || set_in(profile, &before))
            add_step(p, &before, false);
    }
    for (uint32_t i = 0; i < entry->before_count; i++) {
        bool is_first = true;
        for (uint32_t j = 0; j < i && is_first; j++)
            is_first = !pz__str_equal(entry->before[j].attribute, entry->before[i].attribute);
        if (is_first)
            plan_attribute(profile, entry, entry->before[i].attribute, p);
    }
}

static uint32_t claims_in_all(const pz__profile *profile)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < profile->segment_count; i++)
        count += profile->segments[i]->claim_count;
    return count;
}

/* The entry of the undo itself. */
static pz_status note_undo(pz__profile *profile, pz__segment *segment, const pz__write *write,
                           const found *which, pz_error *err)
{
    pz__history_entry made = {.at_ms = write->at_ms, .undoes_stamp = which->entry->stamp};
    pz_status status = pz__stamp_next(profile, write->now_ms, &made.stamp, err);
    if (status != PZ_OK)
        return status;
    void *list = segment->history;
    const bool has_room = pz__reserve(&segment->alloc, &list, &segment->history_cap,
                                      segment->history_count, 1, sizeof made);
    segment->history = list;
    if (!has_room || !pz__segment_keep_text(segment, PZ__STR(UNDO), &made.verb) ||
        !pz__segment_keep_text(segment, write->channel, &made.channel) ||
        !pz__segment_keep_text(segment, write->who, &made.who) ||
        !pz__segment_keep_text(segment, which->writer, &made.undoes_writer))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    append(segment, &made);
    return PZ_OK;
}

static pz_status put_step(pz__profile *profile, pz__segment *segment, const pz__write *write,
                          step *s, pz_error *err)
{
    uint32_t index;
    pz__write as = *write;
    as.expires_ms = s->claim.expires_ms;
    if (s->is_kept) {
        as.at_ms = s->claim.at_ms;
        as.channel = s->claim.channel;
        as.who = s->claim.who;
    }
    const pz_status status = pz__claim_put(profile, segment, &as, &s->claim, err);
    if (status == PZ_OK && pz__segment_find_claim(segment, &s->claim, &index))
        s->stamp = segment->claims[index].stamp;
    return status;
}

/* The stamp that keeps its place among what was written anew: that of the newest of these that it
 * was not older than. */
static int64_t moved_stamp(const plan *p, const pz__claim *before)
{
    int64_t stamp = before->stamp;
    for (uint32_t i = p->cleared_count; i < p->count; i++) {
        const step *s = &p->list[i];
        if (is_emptied_whole(s->claim.slot) && s->claim.stamp <= before->stamp &&
            pz__str_equal(s->claim.attribute, before->attribute))
            stamp = s->stamp;
    }
    return stamp;
}

/* What older entries hold has to return in the order it had among what was written anew. Those of
 * other writers are theirs to change: undone by this one, they may return as the newest. */
static void move_history(pz__segment *segment, const plan *p)
{
    for (uint32_t i = 0; i < segment->history_count; i++)
        for (uint32_t j = 0; j < segment->history[i].before_count; j++) {
            pz__claim *before = &segment->history[i].before[j];
            if (!before->is_cleared && is_emptied_whole(before->slot))
                before->stamp = moved_stamp(p, before);
        }
}

/* In a segment that is a copy: a failure leaves it to be thrown away. */
static pz_status undo(pz__profile *profile, pz__segment *segment, const pz__write *write,
                      const found *which, pz__arena *arena, pz_error *err)
{
    const size_t most = (size_t)which->entry->before_count + claims_in_all(profile);
    plan p = {.list = pz__arena_array(arena, most, sizeof *p.list)};
    if (!p.list)
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    plan_entry(profile, which->entry, &p);
    /* What is planned borrows from claims that the puts replace: only their places, not texts. */
    pz_status status = note_undo(profile, segment, write, which, err);
    for (uint32_t i = 0; i < p.count && status == PZ_OK; i++)
        status = put_step(profile, segment, write, &p.list[i], err);
    if (status == PZ_OK)
        move_history(segment, &p);
    if (status == PZ_OK && segment->history[segment->history_count - 1].stamp > segment->max_stamp)
        segment->max_stamp = segment->history[segment->history_count - 1].stamp;
    return status;
}

pz_status pz__profile_undo(pz__profile *profile, const pz__write *write, pz_str attribute,
                           pz_error *err)
{
    pz_status status = pz__write_check(write, err);
    if (status != PZ_OK)
        return status;
    found which;
    if (!find_newest(profile, attribute, &which))
        return pz__fail(err, PZ_ERR_NOT_FOUND, "there is nothing to undo");
    pz__edit edit;
    status = pz__edit_begin(profile, write->writer, true, &edit, err);
    if (status != PZ_OK)
        return status;
    const pz__note note = profile->note;
    pz__profile_note_end(profile);
    pz__arena arena;
    pz__arena_init(&arena, &profile->alloc, 0);
    status = undo(profile, edit.segment, write, &which, &arena, err);
    pz__arena_clear(&arena);
    profile->note = note;
    pz__edit_end(profile, &edit, status == PZ_OK, PZ__CHANGED_ALL);
    return status;
}
