/*
 * events.c: taking an event, once.
 *
 * What a segment holds of its events is a function of the set of events it took, whatever their
 * order and however often each came:
 *
 *     cells     sums of the contributions, kept by sign (segment.c)
 *     sequence  one for each event
 *     events    the ids of those not older than the newest event less the horizon
 *     floor     one past the newest id that was forgotten
 *
 * So no stored byte of it depends on the clock. The clock only refuses: an event older than now (or
 * the newest event seen) less the horizon, or below the floor, is LATE. Such an event may have been
 * taken and forgotten, so it is LATE whether or not its id happens to be still here. The newest
 * event seen is the last of `events` or, when all were forgotten at once, the one below the floor.
 *
 *        floor                 newest - horizon                      newest
 *     ----|------ LATE ----------|--- e --- e -------- e ------ e -----|---> time
 *
 * An id is the 128-bit content hash of source and id. Looking one up scans the list at first, which
 * is cheaper than building an index for the one event that a store's transaction adds; a profile
 * that is kept open gets the index after a few events. Should memory for it be short, scanning goes
 * on.
 *
 * A segment full of ids forgets all of the oldest moment, because the floor cannot tell apart two
 * events of one moment.
 *
 * Everything that can fail comes first; until then new cells and names wait in arrays of the
 * profile that are kept for the next event.
 *
 * Not here: what contributions do to cells, and the names of counters (cells.c).
 */
#include "profile/state.h"

#include "base/hash.h"
#include "base/utf8.h"

#include <string.h>

/* An index pays when there are this many ids and this many lookups came before. */
#define INDEX_EVENTS_MIN 64u
#define INDEX_SCANS_MIN 4u
#define INDEX_CAP_MIN 256u

/* ---- identity ---- */

/* The length of the source goes first, so that no two pairs of texts make the same bytes. */
pz__digest pz__event_id(pz_str source, pz_str id)
{
    pz__blake2s state;
    uint8_t len[8];
    for (unsigned i = 0; i < sizeof len; i++)
        len[i] = (uint8_t)((uint64_t)source.len >> (8 * i));
    pz__blake2s_init(&state, NULL, 0);
    pz__blake2s_put(&state, len, sizeof len);
    if (source.len)
        pz__blake2s_put(&state, source.data, source.len);
    pz__blake2s_put(&state, id.data, id.len);
    return pz__blake2s_end(&state);
}

static bool is_same_id(const pz__digest *a, const pz__digest *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* No content hashes to zero (decoding refuses it), so zero marks a free slot. */
static bool is_free(const pz__digest *slot)
{
    static const pz__digest none;
    return is_same_id(slot, &none);
}

/* Ids are hashes already: any four octets will do. */
static uint32_t home_of(const pz__segment *segment, const pz__digest *id)
{
    uint32_t word;
    memcpy(&word, id->bytes, sizeof word);
    return word & (segment->index_cap - 1);
}

static uint32_t slot_of(const pz__segment *segment, const pz__digest *id)
{
    uint32_t i = home_of(segment, id);
    while (!is_free(&segment->index[i]) && !is_same_id(&segment->index[i], id))
        i = (i + 1) & (segment->index_cap - 1);
    return i;
}

static void drop_index(pz__segment *segment)
{
    pz__mem_free(&segment->alloc, segment->index, segment->index_cap, sizeof *segment->index);
    segment->index = NULL;
    segment->index_cap = 0;
}

/* Build the index with room to double; without memory there is none. */
static void build_index(pz__segment *segment)
{
    drop_index(segment);
    uint32_t cap = INDEX_CAP_MIN;
    while (cap < 4 * segment->event_count)
        cap *= 2;
    segment->index = pz__mem_zero(&segment->alloc, cap, sizeof *segment->index);
    if (!segment->index)
        return;
    segment->index_cap = cap;
    for (uint32_t i = 0; i < segment->event_count; i++) {
        const pz__digest *id = &segment->events[i].id;
        segment->index[slot_of(segment, id)] = *id;
    }
}

static bool is_known(pz__segment *segment, const pz__digest *id)
{
    if (!segment->index && segment->event_count >= INDEX_EVENTS_MIN &&
        ++segment->scan_count > INDEX_SCANS_MIN)
        build_index(segment);
    if (segment->index)
        return !is_free(&segment->index[slot_of(segment, id)]);
    for (uint32_t i = segment->event_count; i-- > 0;)
        if (is_same_id(&segment->events[i].id, id))
            return true;
    return false;
}

/* Somebody took the event back, perhaps before this writer heard of it. */
static bool is_taken_back(const pz__profile *profile, const pz__digest *id)
{
    for (uint32_t s = 0; s < profile->segment_count; s++)
        for (uint32_t i = 0; i < profile->segments[s]->retraction_count; i++)
            if (is_same_id(&profile->segments[s]->retractions[i].id, id))
                return true;
    return false;
}

static void index_add(pz__segment *segment, const pz__digest *id)
{
    if (!segment->index)
        return;
    if (2 * segment->event_count > segment->index_cap)
        build_index(segment); /* the id is among the events already */
    else
        segment->index[slot_of(segment, id)] = *id;
}

/* Take an id out and move those behind it up that could no longer be found. */
static void index_remove(pz__segment *segment, const pz__digest *id)
{
    if (!segment->index)
        return;
    uint32_t mask = segment->index_cap - 1, hole = slot_of(segment, id);
    if (is_free(&segment->index[hole]))
        return;
    for (uint32_t i = (hole + 1) & mask; !is_free(&segment->index[i]); i = (i + 1) & mask) {
        uint32_t home = home_of(segment, &segment->index[i]);
        if (((i - home) & mask) >= ((i - hole) & mask)) {
            segment->index[hole] = segment->index[i];
            hole = i;
        }
    }
    memset(&segment->index[hole], 0, sizeof *segment->index);
}

/* ---- the horizon ---- */

static int64_t horizon_before(int64_t moment, int64_t horizon_ms)
{
    int64_t all = PZ__TIME_MAX_MS - PZ__TIME_MIN_MS;
    return moment - (horizon_ms < all ? horizon_ms : all);
}

/* The newest event this segment has seen; the beginning of time if none. */
static int64_t newest_event(const pz__segment *segment)
{
    if (segment->event_count)
        return segment->events[segment->event_count - 1].time_ms;
    return segment->has_floor ? segment->floor_ms - 1 : PZ__TIME_MIN_MS;
}

static pz_status check_late(const pz__segment *segment, const pz__write *write,
                            const pz__observation *observation, pz_error *err)
{
    int64_t newest = newest_event(segment);
    int64_t moment = newest > write->now_ms ? newest : write->now_ms;
    if (observation->time_ms < horizon_before(write->now_ms, observation->horizon_ms))
        return pz__fail(err, PZ_ERR_LATE,
                        "the event is older than the horizon; history is taken in by a replay, "
                        "with the events' own times as the clock");
    if (observation->time_ms < horizon_before(moment, observation->horizon_ms))
        return pz__fail(err, PZ_ERR_LATE,
                        "the event is older than the horizon before the newest that this profile "
                        "has seen; give history in the order of time");
    if (segment->has_floor && observation->time_ms < segment->floor_ms)
        return pz__fail(err, PZ_ERR_LATE,
                        "the event is older than the ids this profile remembers, of the newest %u "
                        "events within the horizon: it could be a repeat",
                        PZ__SEGMENT_EVENTS_MAX);
    return PZ_OK;
}

/* Forget the first `count` ids. */
static void forget_events(pz__segment *segment, uint32_t count)
{
    if (count == 0)
        return;
    for (uint32_t i = 0; i < count; i++)
        index_remove(segment, &segment->events[i].id);
    segment->has_floor = true;
    segment->floor_ms = segment->events[count - 1].time_ms + 1;
    segment->event_count -= count;
    memmove(segment->events, segment->events + count,
            segment->event_count * sizeof *segment->events);
    segment->cost -= (size_t)count * PZ__EVENT_COST;
}

static void forget_old_events(pz__segment *segment, int64_t horizon_ms)
{
    int64_t oldest = horizon_before(newest_event(segment), horizon_ms);
    uint32_t count = 0;
    while (count < segment->event_count && segment->events[count].time_ms < oldest)
        count++;
    forget_events(segment, count);
    if (segment->event_count <= PZ__SEGMENT_EVENTS_MAX)
        return;
    int64_t first = segment->events[0].time_ms;
    for (count = 1; count < segment->event_count && segment->events[count].time_ms == first;)
        count++;
    forget_events(segment, count);
}

/* There is room, and the id is new. */
static void add_event(pz__segment *segment, int64_t time_ms, const pz__digest *id)
{
    pz__seen_event made = {time_ms, *id};
    uint32_t i = 0, high = segment->event_count;
    while (i < high) {
        uint32_t middle = i + (high - i) / 2;
        if (pz__event_compare(&segment->events[middle], &made) < 0)
            i = middle + 1;
        else
            high = middle;
    }
    memmove(&segment->events[i + 1], &segment->events[i],
            (segment->event_count - i) * sizeof *segment->events);
    segment->events[i] = made;
    segment->event_count++;
    segment->cost += PZ__EVENT_COST;
    index_add(segment, id);
}

/* ---- observe ---- */

/* A segment that has gathered nothing, whatever else was said in it, has missed nothing there was
 * to count. */
static int64_t counted_since(const pz__segment *segment, int64_t now_ms)
{
    return pz__segment_is_ungathered(segment) ? INT64_MIN : now_ms;
}

static pz_status check_contribution(const pz__contribution *c, pz_error *err)
{
    if (c->weight == 0 || c->width > PZ__CELL_WIDTH_MAX || c->side > PZ__AGAINST)
        return pz__fail(err, PZ_ERR_ARG, "a contribution's weight, width or side is out of range");
    if (c->attribute.len > PZ__NAME_MAX || c->channel.len > PZ__NAME_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "a name has more than %u bytes", PZ__NAME_MAX);
    if (!pz__utf8_valid(c->attribute.data, c->attribute.len) ||
        !pz__utf8_valid(c->channel.data, c->channel.len))
        return pz__fail(err, PZ_ERR_ARG, "a contribution's name is not UTF-8");
    return PZ_OK;
}

static pz_status check_observation(const pz__write *write, const pz__observation *o, pz_error *err)
{
    if (o->id.len == 0 || o->horizon_ms < 0 || write->skew_ms < 0)
        return pz__fail(err, PZ_ERR_ARG, "an event has an id, and no span is negative");
    if (!pz__time_is_valid(o->time_ms) || !pz__time_is_valid(write->now_ms))
        return pz__fail(err, PZ_ERR_TIME, "a time lies outside the years 1 to 9999");
    if (o->time_ms > write->now_ms && o->time_ms - write->now_ms > write->skew_ms)
        return pz__fail(err, PZ_ERR_TIME, "the event lies beyond now and the allowed skew");
    if (o->contribution_count > PZ__OBSERVATION_CONTRIBUTIONS_MAX)
        return pz__fail(err, PZ_ERR_LIMIT, "an event makes at most %u contributions",
                        PZ__OBSERVATION_CONTRIBUTIONS_MAX);
    for (uint32_t i = 0; i < o->contribution_count; i++) {
        pz_status status = check_contribution(&o->contributions[i], err);
        if (status != PZ_OK)
            return status;
    }
    return PZ_OK;
}

/* Cells come last: a sealed view borrows them, and nothing may fail once they have moved. */
static bool reserve(pz__segment *segment, uint32_t cell_count)
{
    void *events = segment->events, *cells = segment->cells;
    bool has_room = pz__reserve(&segment->alloc, &events, &segment->event_cap, segment->event_count,
                                1, sizeof *segment->events);
    segment->events = events;
    has_room = has_room && pz__reserve(&segment->alloc, &cells, &segment->cell_cap,
                                       segment->cell_count, cell_count, sizeof *segment->cells);
    segment->cells = cells;
    return has_room;
}

/* Everything that can fail. `ring`: room for the event's cells. */
static pz_status prepare(pz__profile *profile, pz__segment *segment, const pz__observation *o,
                         uint32_t *fresh_counters, pz__cell **ring, pz_error *err)
{
    size_t gain = 0;
    pz_status status = pz__cells_keep(profile, segment, o, &gain, err);
    if (status == PZ_OK)
        status =
            pz__counters_keep(profile, segment, o->counters, o->counter_count, fresh_counters, err);
    if (status != PZ_OK)
        return status;
    gain += 2 * PZ__EVENT_COST + *fresh_counters * (size_t)(PZ__COUNTER_COST + PZ__NAME_MAX);
    for (uint32_t i = 0; i < o->contribution_count; i++)
        gain += pz__cell_cost(&profile->waiting[i]);
    status = pz__edit_check_size(profile, gain, 0, false, err);
    if (status != PZ_OK)
        return status;
    if (!reserve(segment, o->contribution_count) ||
        !pz__ring_reserve(segment, o->contribution_count, ring))
        return pz__fail(err, PZ_ERR_NOMEM, "out of memory");
    return PZ_OK;
}

static pz_status observe(pz__profile *profile, pz__segment *segment, const pz__write *write,
                         const pz__observation *o, bool *is_new, pz_error *err)
{
    pz_status status = check_late(segment, write, o, err);
    if (status != PZ_OK)
        return status;
    pz__digest id = pz__event_id(o->source, o->id);
    if (is_known(segment, &id) || is_taken_back(profile, &id))
        return PZ_OK;

    pz__mark mark = pz__arena_mark(&segment->arena);
    size_t added = segment->added;
    uint32_t fresh_counters = 0;
    const int64_t since_ms = counted_since(segment, write->now_ms);
    pz__cell *ring;
    status = prepare(profile, segment, o, &fresh_counters, &ring, err);
    if (status != PZ_OK) {
        pz__arena_return(&segment->arena, mark);
        segment->added = added;
        return status;
    }
    pz__ring_event *event = pz__ring_add(segment, o->time_ms, &id, ring);
    for (uint32_t i = 0; i < o->contribution_count; i++)
        pz__cells_add(segment, &profile->waiting[i], event);
    const pz__noted_counters noted = {profile->names, o->counters, fresh_counters,
                                      o->counter_count};
    pz__counters_note(segment, &noted, since_ms);
    add_event(segment, o->time_ms, &id);
    forget_old_events(segment, o->horizon_ms);
    *is_new = true;
    return PZ_OK;
}

pz_status pz__profile_observe(pz__profile *profile, const pz__write *write,
                              const pz__observation *observation, bool *is_new, pz_error *err)
{
    *is_new = false;
    pz_status status = check_observation(write, observation, err);
    if (status != PZ_OK)
        return status;
    pz__edit edit;
    status = pz__edit_begin(profile, write->writer, false, &edit, err);
    if (status != PZ_OK)
        return status;
    status = observe(profile, edit.segment, write, observation, is_new, err);
    pz__edit_end(profile, &edit, *is_new, PZ__CHANGED_CELLS);
    return status;
}

pz_status pz__profile_keep_counters(pz__profile *profile, pz_str writer, const pz_str *counters,
                                    uint32_t count, int64_t now_ms, pz_error *err)
{
    if (!pz__time_is_valid(now_ms))
        return pz__fail(err, PZ_ERR_TIME, "a time lies outside the years 1 to 9999");
    pz__edit edit;
    pz_status status = pz__edit_begin(profile, writer, false, &edit, err);
    if (status != PZ_OK)
        return status;
    pz__segment *segment = edit.segment;
    uint32_t fresh = 0;
    pz__mark mark = pz__arena_mark(&segment->arena);
    size_t added = segment->added;
    status = pz__counters_keep(profile, segment, counters, count, &fresh, err);
    if (status == PZ_OK) {
        const pz__noted_counters noted = {profile->names, counters, fresh, count};
        pz__counters_note(segment, &noted, counted_since(segment, now_ms));
    } else {
        pz__arena_return(&segment->arena, mark);
        segment->added = added;
    }
    pz__edit_end(profile, &edit, status == PZ_OK && fresh > 0, 0);
    return status;
}
