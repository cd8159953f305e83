/*
 * state.h: what a profile is made of. Private to the profile room.
 *
 *     pz__profile -> segments, sorted by writer -> claims, cells, counters, events, unknown
 * sections
 *
 * Ownership: a segment owns its arrays. The texts and values in them borrow from two places that
 * the segment owns too: `block`, the canonical bytes it was decoded from, and `arena`, what was
 * written since. Nothing in them is freed one by one; when what is dead outweighs what lives, the
 * segment is encoded and decoded again (pz__segment_compact), which leaves one block and an empty
 * arena.
 *
 * `raw` is the segment's canonical body while it is unchanged since it was decoded, else {NULL, 0}:
 * encoding, copying, comparing and joining then move bytes instead of content.
 */
#ifndef PZ_PROFILE_STATE_H
#define PZ_PROFILE_STATE_H

#include "base/error.h"
#include "base/time.h"
#include "profile/profile.h"

#include <stdatomic.h>

/* Stamps grow by one with each claim, also beyond every calendar: enough for 2^61 of them. */
#define PZ__STAMP_MAX (INT64_MAX / 2)

/* Operations of one writer and cells it dropped: no real one comes near, hostile bytes might. */
#define PZ__SEQUENCE_MAX ((uint64_t)INT64_MAX)

/* The first four octets of an encoded profile, the last one the version of the format. */
#define PZ__FORMAT_MAGIC "PZp"
#define PZ__FORMAT_VERSION 1u

/* Sections of a segment. 13 and 14 are reserved: docs/format.md. */
typedef enum pz__section {
    PZ__SECTION_NAMES = 1,     /* channels, speakers, writers */
    PZ__SECTION_DIRECTORY = 2, /* where the claims, cells and counter of an attribute stand */
    PZ__SECTION_CLAIMS = 3,
    PZ__SECTION_CELLS = 4,
    PZ__SECTION_COUNTERS = 5,
    PZ__SECTION_EVENTS = 6,
    PZ__SECTION_GRANTS = 7, /* both kinds */
    PZ__SECTION_FORGETTINGS = 8,
    PZ__SECTION_RETRACTIONS = 9,
    PZ__SECTION_RING = 10,
    PZ__SECTION_HISTORY = 11,
    PZ__SECTION_ERASED = 12,
    PZ__SECTION_LAST = PZ__SECTION_ERASED
} pz__section;

typedef struct pz__kept_counter {
    pz_str name;
    int64_t since_ms; /* INT64_MIN: always */
} pz__kept_counter;

/* One event of which only the identity is kept: content hash of source and id. */
typedef struct pz__seen_event {
    int64_t time_ms;
    pz__digest id;
} pz__seen_event;

/* How many denials of one writer a grant had seen; none of 0. */
typedef struct pz__seen_denials {
    pz_str writer;
    uint32_t count;
} pz__seen_denials;

/* One causal register as one segment holds it (profile.h, pz__grant). */
typedef struct pz__own_grant {
    pz_str name;
    uint8_t kind; /* a pz__grant_kind */
    bool has_grant;
    uint32_t denials;     /* of this writer so far */
    int64_t denied_at_ms; /* the newest denial's; 0 without */
    int64_t denied_stamp; /* likewise */
    pz_str denied_channel, denied_who;
    int64_t at_ms, stamp, expires_ms; /* of the newest grant; 0 without */
    pz_str channel, who;
    uint32_t strength;
    pz__seen_denials *seen; /* by writer; of the grant; in the segment's arena, as is all that an
                               item of a segment points to */
    uint32_t seen_count;
} pz__own_grant;

/* One forgetting; its epoch is (counter, the segment's writer). */
typedef struct pz__own_forgetting {
    pz_str attribute;       /* "*": everything */
    int64_t from_ms, to_ms; /* INT64_MIN, INT64_MAX: ever */
    int64_t at_ms, stamp;
    uint32_t counter; /* from 1 */
    uint8_t what;     /* a pz__forget_what */
} pz__own_forgetting;

typedef struct pz__own_retraction {
    int64_t time_ms; /* of the event */
    pz__digest id;
} pz__own_retraction;

/* One of the newest events with what it added, so that it can be taken back exactly. One that was
 * taken back keeps its place without cells: which events are the newest does not depend on it. */
typedef struct pz__ring_event {
    int64_t time_ms;
    pz__digest id;
    pz__cell *cells; /* as pz__cell_compare orders them, no two alike, no weight 0 */
    uint32_t cell_count;
} pz__ring_event;

/* One verb of the customer: what each register it set had held before. */
typedef struct pz__history_entry {
    pz_str verb;          /* "choose", "reject", "clear", "edit", "set_mode", "set_level", "undo"; or
                             "forgotten": what it was is not known any more (purge.c) */
    int64_t at_ms, stamp; /* of the first register it set */
    int64_t undoes_stamp; /* of an "undo": the stamp and writer of the entry it took back; else 0 */
    pz_str undoes_writer;
    pz_str channel, who;
    /* Attribute, slot and part of the register, no two alike, in the order they were set; value,
     * at, stamp and expiry of what was there; is_cleared and else 0 where nothing was. No other
     * member is used or stored. */
    pz__claim *before;
    uint32_t before_count; /* may be 0 */
} pz__history_entry;

typedef struct pz__unknown_section {
    uint64_t tag;
    pz_str bytes;
} pz__unknown_section;

typedef struct pz__body pz__body; /* codec.h */

typedef struct pz__segment {
    pz_alloc alloc;
    char writer_bytes[PZ__WRITER_MAX];
    pz_str writer; /* of writer_bytes */
    uint64_t sequence;
    uint64_t dropped;
    uint64_t erased; /* how much others have dropped since its writer wrote it (purge.c) */

    pz__claim *claims; /* by (attribute, slot, part), no two alike */
    uint32_t claim_count, claim_cap;
    pz__cell *cells; /* by pz__cell_compare, no two alike, no weight 0 */
    uint32_t cell_count, cell_cap;
    pz__kept_counter *counters; /* by name */
    uint32_t counter_count, counter_cap;
    pz__seen_event *events; /* by (time, id) */
    uint32_t event_count, event_cap;
    pz__own_grant *grants; /* by (kind, name) */
    uint32_t grant_count, grant_cap;
    pz__own_forgetting *forgettings; /* by (attribute, from, to, what) */
    uint32_t forgetting_count, forgetting_cap;
    pz__own_retraction *retractions; /* by (time, id) */
    uint32_t retraction_count, retraction_cap;
    pz__ring_event *ring; /* by (time, id) */
    uint32_t ring_count, ring_cap;
    pz__history_entry *history; /* by stamp */
    uint32_t history_count, history_cap;
    pz__unknown_section *unknown; /* by tag */
    uint32_t unknown_count;

    bool has_floor;   /* some event id was forgotten ... */
    int64_t floor_ms; /* ... and none whose event happened at or after this */

    pz__digest *index;  /* open addressing over the ids of events; NULL until it pays */
    uint32_t index_cap; /* a power of two, at most half full */
    uint32_t scan_count;

    char *block;
    size_t block_len;
    pz__arena arena;
    size_t added; /* bytes put into the arena */
    pz_str raw;
    const pz__body
        *body; /* of a profile that is read in place: where its content lies; else NULL */

    size_t cost;       /* at least the encoded length; a function of the content alone */
    int64_t max_stamp; /* of claims, grants, denials, forgettings, history; INT64_MIN: none */
    uint64_t checked;  /* profile->erasures when nothing erased was found here; 0: not looked */
} pz__segment;

/* True of a segment in which no event was ever seen, or all of that was forgotten: it has missed
 * nothing there was to count. */
static inline bool pz__segment_is_ungathered(const pz__segment *segment)
{
    return segment->cell_count == 0 && segment->event_count == 0 && !segment->has_floor;
}

/* Digest of the whole profile, filled by whoever asks first: threads may race for a sealed one. */
typedef struct pz__digest_cache {
    atomic_int state; /* 0 empty, 1 being written, 2 ready */
    pz__digest digest;
} pz__digest_cache;

/* A merged list over several segments. Both arrays have the same capacity. */
typedef struct pz__merged {
    void *list;
    void *spare;
    uint32_t cap;
} pz__merged;

typedef struct pz__sealed {
    pz__claims claims; /* of the one segment, or in merged_claims */
    pz__cells cells;
    pz__merged merged_claims, merged_cells;
    pz__grant *grants; /* by (kind, name) */
    uint32_t grant_count, grant_cap;
    bool has_claims, has_cells, has_grants; /* up to date */
} pz__sealed;

typedef struct pz__cover pz__cover;

/* Between pz__profile_note_begin and _end. */
typedef struct pz__note {
    pz_str verb;                       /* borrowed; "" when nothing is being noted */
    bool has_entry;                    /* a put made one, ... */
    int64_t stamp;                     /* ... which has this stamp, ... */
    char writer_bytes[PZ__WRITER_MAX]; /* ... in the segment of this writer, ... */
    size_t writer_len;
    const pz__claim *before; /* ... and room for this many registers here */
    uint32_t before_cap;
    /* When and by whom the attribute had been cleared as a whole; nobody: length 0. */
    int64_t cleared_stamp;
    char cleared_writer[PZ__WRITER_MAX];
    size_t cleared_len;
} pz__note;

struct pz__profile {
    pz_alloc alloc;
    atomic_uint refs; /* of those who share it */
    pz__subject_kind kind;
    char subject_bytes[PZ__SUBJECT_MAX];
    size_t subject_len;
    pz__segment *segments[PZ__PROFILE_WRITERS_MAX]; /* by writer */
    uint32_t segment_count;
    pz__buf scratch;   /* canonical bytes of a value that is being written */
    pz__cell *waiting; /* what one event adds, until nothing can fail any more */
    uint32_t waiting_cap;
    pz_str *names; /* counters likewise */
    uint32_t name_cap;
    pz__sealed sealed;
    uint64_t erasures;         /* raised when something is forgotten, retracted or joined; from 1 */
    pz__cover *cover;          /* what forgettings cover, laid out; NULL: it is not */
    pz__note note;             /* the verb that is being noted */
    pz__digest_cache *digest;  /* in the same block as the profile */
    pz_str bytes;              /* of a profile that is read in place (peek.c); else {NULL, 0} */
    uint32_t forgetting_count; /* likewise: of all segments */
    bool has_erasures;         /* likewise: something was forgotten or taken back */
};

/* ---- profile.c ---- */

/* What a write changed, so that the view keeps the rest. */
enum { PZ__CHANGED_CLAIMS = 1, PZ__CHANGED_CELLS = 2, PZ__CHANGED_GRANTS = 4, PZ__CHANGED_ALL = 7 };
void pz__profile_changed(pz__profile *profile, unsigned what);
/* Where the writer's segment stands or would stand. */
bool pz__profile_find(const pz__profile *profile, pz_str writer, uint32_t *index);
/* Put a segment where it belongs. There is room. */
void pz__profile_insert(pz__profile *profile, uint32_t index, pz__segment *segment);
size_t pz__profile_cost(const pz__profile *profile);

/* A write in progress. The segment written to stands in the profile from begin to end: a fresh one,
 * the writer's own, or a copy of it without what was erased since, with which nothing is lost if
 * the write is refused. */
typedef struct pz__edit {
    pz__segment *segment;
    pz__segment *original; /* what the copy stands in for; NULL where there is none */
    uint32_t index;
    bool is_fresh;
} pz__edit;
/* `is_whole`: work on a copy in any case, since the write has more than one step. */
pz_status pz__edit_begin(pz__profile *profile, pz_str writer, bool is_whole, pz__edit *edit,
                         pz_error *err);
/* The end of every write: a failed or idle one leaves no trace, a done one is counted and its
 * segment compacted if it pays. */
void pz__edit_end(pz__profile *profile, pz__edit *edit, bool is_changed, unsigned what);
/* How many bytes a profile with these segments takes, or a few less than this; PZ_ERR_LIMIT if that
 * is too many, PZ_ERR_NOMEM. */
pz_status pz__segments_size(pz__segment *const *list, uint32_t count, const pz_alloc *alloc,
                            size_t *size);
/* PZ_ERR_LIMIT if the profile would be too large with `gain` more and `loss` less. `is_own`: it is
 * the customer's own word, for which some room is kept. */
pz_status pz__edit_check_size(const pz__profile *profile, size_t gain, size_t loss, bool is_own,
                              pz_error *err);

/* ---- clock.c ---- */

pz_status pz__text_check(pz_str text, size_t max, const char *what, pz_error *err);
/* Channel, who and times of a write. */
pz_status pz__write_check(const pz__write *write, pz_error *err);
/* The next stamp of the hybrid logical clock. PZ_ERR_LIMIT when they are used up. */
pz_status pz__stamp_next(const pz__profile *profile, int64_t now_ms, int64_t *out, pz_error *err);

/* ---- claims.c ---- */

/* The steps of a put, without its frame: for what sets several registers at once. */
pz_status pz__claim_put(pz__profile *profile, pz__segment *segment, const pz__write *write,
                        const pz__claim *claim, pz_error *err);

/* ---- cover.c ---- */

/* Lay out what the forgettings cover, if they are many and memory is there; until it is dropped,
 * segments must not move, nor forgettings change. */
void pz__cover_make(pz__profile *profile);
void pz__cover_drop(pz__profile *profile);
/* Where it is laid out: the greatest epoch that touches a span of time; the greatest stamp of what
 * takes `what` (facts or all) at a moment, or at all times; INT64_MIN: none. */
pz__epoch pz__cover_epoch(const pz__profile *profile, pz_str attribute, bool is_counter,
                          int64_t first_ms, int64_t last_ms);
int64_t pz__cover_stamp(const pz__profile *profile, pz_str attribute, int64_t at_ms,
                        pz__forget_what what, bool is_whole);

/* ---- erase.c ---- */

/* Whether some forgetting covers a moment of an attribute that was written down at `stamp`, and
 * takes `what`. */
bool pz__is_forgotten(const pz__profile *profile, pz_str attribute, int64_t at_ms, int64_t stamp,
                      pz__forget_what what);
/* The greatest epoch that covers an attribute at a moment (a bucket in time; counters, which have
 * no value, only by forgetting everything). */
pz__epoch pz__claim_epoch(const pz__profile *profile, pz_str attribute, int64_t at_ms);
pz__epoch pz__cell_epoch(const pz__profile *profile, const pz__cell *cell);
bool pz__claim_stands(const pz__profile *profile, const pz__claim *claim);
bool pz__cell_stands(const pz__profile *profile, const pz__cell *cell);
/* Whether anybody took this event back. */
bool pz__is_retracted(const pz__profile *profile, int64_t time_ms, const pz__digest *id);
/* Whether everything of the event's time was forgotten, and that it happened with it. */
bool pz__is_wholly_forgotten(const pz__profile *profile, const pz__ring_event *event);
/* Whether the event is in the ring, as far as it was not taken back or forgotten. */
bool pz__ring_event_stands(const pz__profile *profile, const pz__ring_event *event);
/* Whether what a verb did to a register was not forgotten since. */
bool pz__is_remembered(const pz__profile *profile, const pz__history_entry *entry,
                       const pz__claim *before);
/* Keep of a list what counts; the number of those that do. */
uint32_t pz__claims_standing(const pz__profile *profile, pz__claim *list, uint32_t count);
/* `list`: the cells of the segment, or a copy of them. */
uint32_t pz__cells_standing(const pz__profile *profile, const pz__segment *segment, pz__cell *list,
                            uint32_t count);
/* Whether anything in the segment was erased since it was written. Remembers that nothing was. */
bool pz__segment_is_stale(const pz__profile *profile, pz__segment *segment);
/* Likewise of a verb. */
bool pz__entry_is_stale(const pz__profile *profile, const pz__history_entry *entry);
bool pz__has_forgettings(const pz__profile *profile);
/* Whether something does not count and never will, whatever else is heard of. */
bool pz__claim_has_fallen(const pz__profile *profile, const pz__claim *claim);
bool pz__cell_has_fallen(const pz__profile *profile, const pz__cell *cell);

/* ---- purge.c ---- */

/* Drop what was erased from a segment of one's own, and measure the rest. */
void pz__segment_purge(const pz__profile *profile, pz__segment *segment);

/* ---- ring.c ---- */

/* Room for one event more and `count` cells of it; they wait in *cells. */
bool pz__ring_reserve(pz__segment *segment, uint32_t count, pz__cell **cells);
/* Put an event where it belongs, without cells yet; NULL if 256 newer ones are there. */
pz__ring_event *pz__ring_add(pz__segment *segment, int64_t time_ms, const pz__digest *id,
                             pz__cell *cells);
/* Note what the event added to a cell that is the segment's own. */
void pz__ring_note(pz__segment *segment, pz__ring_event *event, const pz__cell *cell,
                   int64_t weight);
/* The cell was evicted: nobody can take anything back from it. */
void pz__ring_evict(pz__segment *segment, const pz__cell *cell);

/* ---- grants.c ---- */

/* What all segments say about one name. False: nothing. */
bool pz__grant_ask(const pz__profile *profile, pz__grant_kind kind, pz_str name, pz__grant *out);
/* Fill the sealed list. */
pz_status pz__grants_seal(pz__profile *profile);

/* ---- history.c ---- */

/* What a put is to note, prepared while it can still fail. */
typedef struct pz__noting {
    bool is_wanted, is_new_entry, is_new_register;
    pz__history_entry entry;
    pz__claim before;
    int64_t cleared_stamp;
    pz_str cleared_writer;
} pz__noting;
pz_status pz__history_prepare(pz__profile *profile, pz__segment *segment, const pz__claim *made,
                              pz__noting *noting, pz_error *err);
void pz__history_commit(pz__profile *profile, pz__segment *segment, const pz__noting *noting);

/* ---- segment.c ---- */

pz_status pz__segment_new(pz__segment **out, const pz_alloc *alloc, pz_str writer);
void pz__segment_free(pz__segment *segment);
/* A deep copy with its own allocator. */
pz_status pz__segment_copy(pz__segment **out, const pz_alloc *alloc, const pz__segment *segment);
/* Rebuild from canonical bytes if garbage outweighs content. Does nothing when memory is short. */
void pz__segment_compact(pz__segment *segment);
/* Room for `more` items beyond `count` in an array: what every growing array of the room calls. */
bool pz__reserve(const pz_alloc *alloc, void **list, uint32_t *cap, uint32_t count, uint32_t more,
                 size_t size);

int pz__claim_compare(const pz__claim *a, const pz__claim *b); /* by register */
int pz__claim_rank(const pz__claim *a, const pz__claim *b);    /* within one; writers included */
int pz__cell_compare(const pz__cell *a, const pz__cell *b);
int pz__event_compare(const pz__seen_event *a, const pz__seen_event *b);
bool pz__segment_find_claim(const pz__segment *segment, const pz__claim *key, uint32_t *index);
bool pz__segment_find_cell(const pz__segment *segment, const pz__cell *key, uint32_t *index);
bool pz__segment_find_counter(const pz__segment *segment, pz_str name, uint32_t *index);

/* Upper bounds of encoded lengths, by content alone. */
size_t pz__claim_cost(const pz__claim *claim);
size_t pz__cell_cost(const pz__cell *cell);
#define PZ__EVENT_COST 26u
#define PZ__COUNTER_COST 24u
#define PZ__RETRACTION_COST 26u
#define PZ__SEGMENT_COST 192u
size_t pz__grant_cost(const pz__own_grant *grant);
size_t pz__forgetting_cost(const pz__own_forgetting *forgetting);
size_t pz__ring_cost(const pz__ring_event *event);
size_t pz__history_cost(const pz__history_entry *entry);
/* Cost and greatest stamp from scratch, after decoding. */
void pz__segment_measure(pz__segment *segment);

/* Copy a text into the segment; false if memory ran out. */
bool pz__segment_keep_text(pz__segment *segment, pz_str text, pz_str *out);
/* Copy a value in its canonical form; `scratch` is used and its limit is the greatest length. */
pz_status pz__segment_keep_value(pz__segment *segment, pz__buf *scratch, pz_value value,
                                 pz_value *out, pz_error *err);

/* ---- events.c ---- */

/* Content hash of both. */
pz__digest pz__event_id(pz_str source, pz_str id);

/* ---- cells.c ---- */

/* Make the cells of all contributions in profile->waiting, own texts included, and say in *gain
 * what they cost at most. */
pz_status pz__cells_keep(pz__profile *profile, pz__segment *segment, const pz__observation *o,
                         size_t *gain, pz_error *err);
/* Add a waiting cell's weight, and note in `event` (or NULL) what is to be taken back. There is
 * room for one more cell. */
void pz__cells_add(pz__segment *segment, const pz__cell *made, pz__ring_event *event);
/* One text for the segment: what `like` (or NULL) holds already, or a copy. */
bool pz__segment_keep_shared(pz__segment *segment, pz_str text, const pz_str *like, pz_str *out);
/* Copy the names of those counters that are not noted yet into the segment, and make room for them.
 * They wait in profile->names, *fresh of them. PZ_ERR_LIMIT if these counters alone are too many. */
pz_status pz__counters_keep(pz__profile *profile, pz__segment *segment, const pz_str *names,
                            uint32_t count, uint32_t *fresh, pz_error *err);
/* Put waiting counters where they belong. A name that was given twice is noted once. Where there is no
 * place for them, those that are not among all that are kept now go. */
typedef struct pz__noted_counters {
    const pz_str *fresh, *all;
    uint32_t fresh_count, all_count;
} pz__noted_counters;
void pz__counters_note(pz__segment *segment, const pz__noted_counters *noted, int64_t since_ms);

/* ---- person.c ---- */

/* Merge sorted lists. One list is handed through, more are put together in the arena, claims with
 * the places of the members that said them (NULL: segments of one profile). */
pz_status pz__claims_merge(const pz__claims *runs, const uint8_t *members, uint32_t count,
                           pz__arena *arena, pz__claims *out);
pz_status pz__cells_merge(const pz__cells *runs, uint32_t count, pz__arena *arena, pz__cells *out);

/* ---- peek.c ---- */

/* The calls of persons for a profile that is read in place. */
pz_status pz__peek_claims(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                          pz__claims *out);
pz_status pz__peek_cells(const pz__profile *profile, pz_str attribute, pz__arena *arena,
                         pz__cells *out);
/* The whole of it, with an allocator of its own. */
pz_status pz__peek_decode(pz__profile **out, const pz__profile *peeked);
int64_t pz__peek_counter_since(const pz__profile *profile, pz_str counter);

/* ---- encode.c, decode.c ---- */

/* Append the body (all but writer and length). */
pz_status pz__segment_encode(const pz__segment *segment, pz__buf *out);
/* Make a segment of a body. `offset`: where the body begins, for messages. */
pz_status pz__segment_decode(pz__segment **out, const pz_alloc *alloc, pz_str writer,
                             const void *body, size_t len, size_t offset, pz_error *err);

#endif
