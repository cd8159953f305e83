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

#define PZ__TIME_MIN_MS (PZ__TIME_MIN_S * 1000)
#define PZ__TIME_MAX_MS (PZ__TIME_MAX_S * 1000 + 999)
/* Stamps grow by one with each claim, also beyond every calendar: enough for 2^61 of them. */
#define PZ__STAMP_MAX (INT64_MAX / 2)

/* Operations of one writer and cells it dropped: no real one comes near, hostile bytes might. */
#define PZ__SEQUENCE_MAX ((uint64_t)INT64_MAX)

/* The first four octets of an encoded profile, the last one the version of the format. */
#define PZ__FORMAT_MAGIC "PZp"
#define PZ__FORMAT_VERSION 1u

/* Sections of a segment. 12 and 13 are reserved: docs/format.md. */
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
    PZ__SECTION_LAST = PZ__SECTION_HISTORY
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
 * taken back or forgotten keeps its place without cells: which events are the newest does not
 * depend on it. */
typedef struct pz__ring_event {
    int64_t time_ms;
    pz__digest id;
    pz__cell *cells; /* as pz__cell_compare orders them, no two alike, no weight 0 */
    uint32_t cell_count;
} pz__ring_event;

/* One verb of the customer: what each register it set had held before. */
typedef struct pz__history_entry {
    pz_str verb;          /* "choose", "reject", "clear", "edit", "set_mode", "set_level", "undo" */
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

typedef struct pz__segment {
    pz_alloc alloc;
    char writer_bytes[PZ__WRITER_MAX];
    pz_str writer; /* of writer_bytes */
    uint64_t sequence;
    uint64_t dropped;

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

    size_t cost;       /* at least the encoded length; a function of the content alone */
    int64_t max_stamp; /* of claims, grants, denials, forgettings, history; INT64_MIN: none */
    uint64_t checked;  /* profile->erasures when nothing erased was found here; 0: not looked */
} pz__segment;

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

/* Between pz__profile_note_begin and _end. */
typedef struct pz__note {
    pz_str verb; /* borrowed; "" when nothing is being noted */
    pz_str undoes_writer;
    int64_t undoes_stamp;
    bool has_entry;                    /* a put made one, ... */
    int64_t stamp;                     /* ... which has this stamp, ... */
    char writer_bytes[PZ__WRITER_MAX]; /* ... in the segment of this writer */
    size_t writer_len;
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
    uint64_t erasures;        /* raised when something is forgotten, retracted or joined; from 1 */
    pz__note note;            /* the verb that is being noted */
    pz__digest_cache *digest; /* in the same block as the profile */
};

/* ---- profile.c ---- */

/* What a write changed, so that the view keeps the rest. */
enum { PZ__CHANGED_CLAIMS = 1, PZ__CHANGED_CELLS = 2 };
void pz__profile_changed(pz__profile *profile, unsigned what);
/* Where the writer's segment stands or would stand. */
bool pz__profile_find(const pz__profile *profile, pz_str writer, uint32_t *index);
/* Put a segment where it belongs. There is room. */
void pz__profile_insert(pz__profile *profile, uint32_t index, pz__segment *segment);
size_t pz__profile_cost(const pz__profile *profile);
/* The segment to write to: the writer's own or, with *is_fresh, a new one that the caller inserts
 * at *index when its write succeeds and frees otherwise. */
pz_status pz__profile_open_segment(pz__profile *profile, pz_str writer, pz__segment **out,
                                   uint32_t *index, bool *is_fresh, pz_error *err);
/* The end of every write: a failed or idle one leaves no trace, a done one is counted, its segment
 * inserted if fresh and compacted if it pays. */
void pz__profile_close_segment(pz__profile *profile, pz__segment *segment, uint32_t index,
                               bool is_fresh, bool is_changed, unsigned what);
bool pz__time_is_valid(int64_t ms);

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
#define PZ__SEGMENT_COST 128u
/* Cost and greatest stamp from scratch, after decoding. */
void pz__segment_measure(pz__segment *segment);

/* True unless NaN or an infinity is in it. */
bool pz__value_is_finite(pz_value v);
/* Copy a text into the segment; false if memory ran out. */
bool pz__segment_keep_text(pz__segment *segment, pz_str text, pz_str *out);
/* Copy a value in its canonical form; `scratch` is used and its limit is the greatest length. */
pz_status pz__segment_keep_value(pz__segment *segment, pz__buf *scratch, pz_value value,
                                 pz_value *out, pz_error *err);

/* ---- cells.c ---- */

/* Make the cells of all contributions in profile->waiting, own texts included, and say in *gain
 * what they cost at most. */
pz_status pz__cells_keep(pz__profile *profile, pz__segment *segment, const pz__observation *o,
                         size_t *gain, pz_error *err);
/* Add a waiting cell's weight. There is room for one more cell. */
void pz__cells_add(pz__segment *segment, const pz__cell *made);
/* Copy the names of those counters that are not noted yet into the segment, and make room for them.
 * They wait in profile->names, *fresh of them. */
pz_status pz__counters_keep(pz__profile *profile, pz__segment *segment, const pz_str *names,
                            uint32_t count, uint32_t *fresh, pz_error *err);
/* Put waiting counters where they belong. A name that was given twice is noted once. */
void pz__counters_note(pz__segment *segment, const pz_str *names, uint32_t count, int64_t since_ms);

/* ---- encode.c, decode.c ---- */

/* Append the body (all but writer and length). */
pz_status pz__segment_encode(const pz__segment *segment, pz__buf *out);
/* Make a segment of a body. `offset`: where the body begins, for messages. */
pz_status pz__segment_decode(pz__segment **out, const pz_alloc *alloc, pz_str writer,
                             const void *body, size_t len, size_t offset, pz_error *err);

#endif
