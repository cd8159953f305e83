/*
 * profile.h: the door of the profile room: everything about one subject, as mergeable state.
 *
 * A profile is a map from writer to segment. A writer is a store (never a process or a channel) and
 * only it adds to its own segment; joining two replicas keeps, per writer, the segment with the
 * greater (sequence, erased, bytes). That makes joining commutative, associative and idempotent, byte for
 * byte, without a clock and without a catalog. Totals and winners are computed over the segments
 * when read.
 *
 *     profile
 *       subject   id (1..64 bytes) and kind
 *       segment   writer (1..16 bytes), sequence
 *         claims      registers: (attribute, slot, part) -> value, times, channel, who
 *         cells       (attribute, epoch, channel, value, side, width, bucket) -> weight
 *         counters    name -> since when it is kept
 *         events      recent event ids, for deduplication within the horizon
 *         sections this version does not know, kept as they are
 *
 * The room knows nothing of catalogs: attribute names are plain text here, types and domains are
 * checked by the callers above. Pure: no clock, no randomness; the moment is an argument.
 *
 * A profile has one owner. Sealed, it may be read by any number of threads. On any failure it is as
 * it was before the call.
 */
#ifndef PZ_PROFILE_ROOM_H
#define PZ_PROFILE_ROOM_H

#include "value/value.h"

/* Declared limits; each is tested at the limit and one beyond. */
#define PZ__SUBJECT_MAX 64u          /* bytes of a subject id */
#define PZ__WRITER_MAX 16u           /* bytes of a writer id */
#define PZ__PROFILE_WRITERS_MAX 64u  /* segments of a profile */
#define PZ__SEGMENT_CLAIMS_MAX 4096u /* registers of a segment: one more is PZ_ERR_LIMIT */
/* Of these and of a profile's bytes, kept free of what a company says, infers, observes and links:
 * however much it takes in, a customer can still choose, reject, switch off and deny. */
#define PZ__SEGMENT_CLAIMS_OF_CUSTOMER 512u
#define PZ__PROFILE_BYTES_OF_CUSTOMER (256u << 10)
/* Values chosen once, not known to have been rejected by another writer, that a writer remembers for
 * one attribute: one more drops the oldest. */
#define PZ__ATTRIBUTE_LIFTS_MAX 32u
#define PZ__SEGMENT_CELLS_MAX 16384u /* one more evicts the oldest bucket's least cell, counted */
/* Values of one attribute that have evidence in a segment: one more evicts the value that was
 * spoken of longest ago, its cells are counted as dropped. */
#define PZ__ATTRIBUTE_VALUES_MAX 1024u
#define PZ__SEGMENT_EVENTS_MAX 16384u  /* one more forgets the oldest id and raises the floor */
#define PZ__SEGMENT_COUNTERS_MAX 1024u /* one more is PZ_ERR_LIMIT */
#define PZ__SEGMENT_SECTIONS_MAX 64u   /* sections of a segment, unknown ones included */
#define PZ__OBSERVATION_CONTRIBUTIONS_MAX 1024u /* one more is PZ_ERR_LIMIT */
#define PZ__CELL_WIDTH_MAX 40u                  /* log2 of the seconds of the widest bucket */
#define PZ__SEGMENT_GRANTS_MAX                                                                     \
    512u /* causal registers (purposes, links): one more is PZ_ERR_LIMIT */
/* Of these, kept free of links: however many there are, a purpose can still be denied. */
#define PZ__SEGMENT_GRANTS_OF_PURPOSES 64u
#define PZ__SEGMENT_FORGETTINGS_MAX 1024u  /* one more is PZ_ERR_LIMIT: forget the whole instead */
/* Of these, kept free of what nobody asked for: however much has ended by itself, a customer can
 * still forget, deny and switch off. */
#define PZ__SEGMENT_FORGETTINGS_OF_CUSTOMER 64u
#define PZ__SEGMENT_RETRACTIONS_MAX 1024u /* one more is PZ_ERR_LIMIT */
#define PZ__SEGMENT_RING_MAX                                                                       \
    256u /* one more drops the oldest event, by (time, id), from the ring */
#define PZ__SEGMENT_HISTORY_MAX 64u /* one more drops the oldest entry */
#define PZ__PERSON_MEMBERS_MAX 32u  /* profiles that are seen as one person */
#define PZ__NAME_MAX 128u           /* bytes of an attribute, channel or counter name */
#define PZ__WHO_MAX 256u
#define PZ__CLAIM_VALUE_MAX 4096u /* canonical bytes of a claimed value */
#define PZ__PROFILE_BYTES_MAX (8u << 20)
#define PZ__SKEW_DEFAULT_MS 300000 /* five minutes */

typedef enum pz__subject_kind { PZ__PERSON = 0, PZ__ACCOUNT = 1, PZ__DEVICE = 2 } pz__subject_kind;

/* Which register a claim stands in. The numbers are stored bytes. */
typedef enum pz__claim_slot {
    PZ__SLOT_CHOICE = 1,      /* the person's (in an account's profile: the account's) own choice */
    PZ__SLOT_REJECT = 2,      /* part: canonical bytes of the value rejected */
    PZ__SLOT_MODE = 3,        /* AUTO, MANUAL, OFF as text */
    PZ__SLOT_DECLARED = 4,    /* a recorded fact: ranks by claimed time, then stamp */
    PZ__SLOT_INFERRED = 5,    /* part: the channel; a host's model, with confidence */
    PZ__SLOT_EDIT_HIDDEN = 6, /* part: layout item */
    PZ__SLOT_EDIT_PLACE = 7,  /* part: layout item */
    PZ__SLOT_LEVEL = 8,
    PZ__SLOT_IDENTIFIER = 9, /* attribute: the kind ("email"); part: the value */
    PZ__SLOT_ACCOUNT = 10,   /* the subject id of the account the person belongs to */
    PZ__SLOT_SWITCH = 11,    /* part: a subject that took over on this device; value: true */
    PZ__SLOT_LIFT = 12,      /* a value that was chosen once; part: its canonical bytes */
    PZ__SLOT_LAST = PZ__SLOT_LIFT
} pz__claim_slot;

/* The attribute of registers that are about the subject itself: LEVEL (value: a level's name) and
 * ACCOUNT (value: a subject id), both with an empty part; SWITCH (part: the other subject id). */
#define PZ__OF_SUBJECT PZ__STR("")

/* Which forgetting something was gathered after: greater counter, then greater writer (bytewise) is
 * later. {0, ""}: before any. */
typedef struct pz__epoch {
    pz_str writer;
    uint32_t counter;
} pz__epoch;

/* One register as it stands in one segment. Everything is borrowed from the profile. */
typedef struct pz__claim {
    pz_str attribute;
    pz_str part;    /* see pz__claim_slot; "" where the slot has none */
    pz_value value; /* null where is_cleared */
    pz_str channel; /* "" if none was named */
    pz_str who;     /* who said it; "" if not named */
    pz_str writer;
    int64_t at_ms;       /* when it happened, as claimed */
    int64_t stamp;       /* hybrid logical clock: order among claims only */
    int64_t expires_ms;  /* first moment it is no longer in force; 0: never */
    pz__epoch epoch;     /* INFERRED only: as of a cell */
    double confidence;   /* 0 to 1, as it was stated; INFERRED only, else 0 */
    uint8_t slot;        /* a pz__claim_slot */
    bool is_cleared;     /* the register was emptied: reveals weaker tiers, hides older claims */
    uint8_t member;      /* of several of a person: whose profile it stands in; else 0 */
} pz__claim;

/* A place in the order of writing. */
typedef struct pz__moment {
    int64_t stamp;
    pz_str writer;
    uint8_t member;
} pz__moment;

static inline pz__moment pz__moment_of(const pz__claim *claim)
{
    return (pz__moment){claim->stamp, claim->writer, claim->member};
}

/*
 * The one order of what the members of a person said, whatever registers it stands in: by stamp,
 * then writer, then profile id, which is what the places of the members stand for. Negative if `a`
 * was before `b`.
 */
static inline int pz__moment_order(pz__moment a, pz__moment b)
{
    if (a.stamp != b.stamp)
        return a.stamp < b.stamp ? -1 : 1;
    const bool is_same = a.writer.data == b.writer.data && a.writer.len == b.writer.len;
    const int by = is_same ? 0 : pz__str_compare(a.writer, b.writer);
    return by ? by : (a.member > b.member) - (a.member < b.member);
}

/* Sides of an evidence cell. Counters use PZ__FOR. */
typedef enum pz__side { PZ__FOR = 0, PZ__AGAINST = 1 } pz__side;

/* One cell of one segment. Borrowed from the profile. Weights of either sign are kept in cells of
 * their own, alike in all else, so that saturating sums come out the same in any order: readers add
 * up. No weight is 0. */
typedef struct pz__cell {
    pz_str attribute; /* or the counter's name, "count(purchase)", "sum(purchase.total)" */
    pz_str channel;
    pz_value value;  /* null for counters */
    int64_t weight;  /* units of 1/1024 for evidence; plain units for counters, may be negative */
    int64_t bucket;  /* number of the time bucket: floor(seconds / 2^width) */
    pz__epoch epoch; /* the greatest forgetting that covered the cell when it was gathered */
    uint8_t width;   /* log2 of the bucket's width in seconds */
    uint8_t side;
} pz__cell;

/* Who writes, and when. Borrowed for the call. */
typedef struct pz__write {
    pz_str writer;      /* 1 to 16 bytes */
    pz_str channel;     /* "" if none */
    pz_str who;         /* "" if not named */
    int64_t at_ms;      /* claimed time */
    int64_t now_ms;     /* the clock */
    int64_t expires_ms; /* 0: never */
    int64_t skew_ms;    /* allowed skew; at > now + skew is PZ_ERR_TIME */
} pz__write;

/* What one event adds, made by `learn` from the catalog's signals. */
typedef struct pz__contribution {
    pz_str attribute;
    pz_str channel;
    pz_value value;
    int64_t weight; /* not 0 */
    uint8_t width;  /* log2 seconds */
    uint8_t side;
} pz__contribution;

typedef struct pz__observation {
    pz_str source, id;  /* an event is the same event iff both are */
    int64_t time_ms;    /* when it happened */
    int64_t horizon_ms; /* events older than now (or the newest event seen) less this are LATE */
    const pz__contribution *contributions;
    uint32_t contribution_count;
    const pz_str *counters; /* names of all counters the catalog keeps, to note since when */
    uint32_t counter_count;
} pz__observation;

typedef struct pz__profile pz__profile;

/* An empty profile. PZ_ERR_ARG for an id of no or too many bytes. */
pz_status pz__profile_new(pz__profile **out, const pz_alloc *alloc, pz__subject_kind kind,
                          pz_str subject, pz_error *err);
pz_status pz__profile_copy(pz__profile **out, const pz__profile *profile);
/* Share a sealed profile, which nobody changes from then on; each who does frees it once. Of one
 * that is read in place, whose bytes are only borrowed, a sealed copy: PZ_ERR_NOMEM,
 * PZ_ERR_CORRUPT. */
pz_status pz__profile_share(pz__profile **out, pz__profile *profile);
bool pz__profile_is_peeked(const pz__profile *profile);
void pz__profile_free(pz__profile *profile);

/* True unless NaN, an infinity or a timestamp outside the years 1 to 9999 is in it. */
bool pz__value_has_json(pz_value v);

pz_str pz__profile_subject(const pz__profile *profile);
pz__subject_kind pz__profile_kind(const pz__profile *profile);

/*
 * Set a register (slot, attribute, part taken from `claim`; value or is_cleared; confidence), at
 * the times and under the writer of `write`; other members of `claim` are not read. The stamp is
 * the greater of now and one more than the greatest stamp in the profile. A DECLARED claim that
 * ranks below the one this writer holds (older claimed time) changes nothing but counts as an
 * operation. PZ_ERR_TIME, PZ_ERR_LIMIT, PZ_ERR_ARG; PZ_ERR_DOMAIN for a number that is not finite
 * and a timestamp outside the years 1 to 9999.
 */
pz_status pz__profile_put(pz__profile *profile, const pz__write *write, const pz__claim *claim,
                          pz_error *err);

/*
 * Note what the writer chose at claim->stamp, a moment that has been, before another choice makes it
 * forgotten: it lifts what rejected the value until then. `claim` is of slot LIFT. Changes nothing,
 * and is no operation, where the register holds something as new, or the writer holds no more
 * registers; of those of one attribute that lift nothing known of another writer the newest
 * PZ__ATTRIBUTE_LIFTS_MAX stay. Not noted in the history. Codes as pz__profile_put.
 */
pz_status pz__profile_put_lift(pz__profile *profile, const pz__write *write, const pz__claim *claim,
                               pz_error *err);

/*
 * Add an event. *is_new is false, and nothing changes, if it was seen within the horizon.
 * PZ_ERR_LATE, PZ_ERR_TIME, PZ_ERR_LIMIT. In any order and repetition of events within the horizon,
 * the same bytes. An event beyond the horizon is LATE also when its id is still known, so that the
 * answer does not depend on what was forgotten when. write->at_ms is not read.
 */
pz_status pz__profile_observe(pz__profile *profile, const pz__write *write,
                              const pz__observation *observation, bool *is_new, pz_error *err);

/* Note since when the counters are kept: since always for a segment that is being begun, since now
 * for a counter that is new to an older segment; where a segment is full, counters that are not among
 * these go. Called before every write by whoever has the
 * catalog; counts as an operation when it notes one, changes nothing when all are noted. */
pz_status pz__profile_keep_counters(pz__profile *profile, pz_str writer, const pz_str *counters,
                                    uint32_t count, int64_t now_ms, pz_error *err);

/* ---- consents and links: causal registers ---- */

/*
 * A grant (a purpose consented to, or a link to another subject) is a register that a denial beats
 * whatever the clocks say. Each segment holds, per kind and name, its own count of denials and its
 * newest grant, with the denials of all writers that this grant had seen. A grant *covers* iff it
 * has seen every denial that any segment holds; of those that cover the newest by (stamp, writer)
 * decides. So a grant that did not know of a denial never undoes it.
 */
typedef enum pz__grant_kind { PZ__GRANT_PURPOSE = 1, PZ__GRANT_LINK = 2 } pz__grant_kind;

/* What all segments of a profile together say about one name. Borrowed from the profile. */
typedef struct pz__grant {
    pz_str name;                 /* purpose, or subject id of the other profile */
    pz_str channel, who, writer; /* of the deciding grant */
    int64_t at_ms;               /* of the deciding grant */
    int64_t stamp;
    int64_t expires_ms;   /* 0: never */
    int64_t denied_at_ms; /* claimed time of the newest denial; 0 if there is none */
    uint32_t strength;    /* links: of 65536; purposes: 0 */
    uint8_t kind;         /* a pz__grant_kind */
    bool is_granted;      /* some grant covers every denial: at_ms and so on are its own */
    bool is_denied;       /* some denial is covered by no grant */
} pz__grant;

/* Grant (deny) under write's times. `strength` is of links: 1 to 65536. */
pz_status pz__profile_grant(pz__profile *profile, const pz__write *write, pz__grant_kind kind,
                            pz_str name, uint32_t strength, pz_error *err);
pz_status pz__profile_deny(pz__profile *profile, const pz__write *write, pz__grant_kind kind,
                           pz_str name, pz_error *err);

typedef struct pz__grants {
    const pz__grant *list;
    uint32_t count;
} pz__grants;
/* Sealed profiles: all of one kind by name; NULL if nobody ever said anything about the name. */
pz__grants pz__profile_grants(const pz__profile *profile, pz__grant_kind kind);
const pz__grant *pz__profile_find_grant(const pz__profile *profile, pz__grant_kind kind,
                                        pz_str name);
/* Whether anything was ever said about a link here. The profile need not be sealed. */
bool pz__profile_has_links(const pz__profile *profile);

/* ---- forgetting ---- */

/* What a forgetting takes. Each takes what the ones before it take. The numbers are stored bytes.
 */
typedef enum pz__forget_what {
    PZ__FORGET_GATHERED = 1, /* evidence and inferred claims: OFF */
    PZ__FORGET_FACTS = 2,    /* and recorded facts: a denial with on_deny */
    PZ__FORGET_ALL = 3       /* and choices, rejections, edits: "forget this" */
} pz__forget_what;

/*
 * Forget an attribute (or, with the name "*", everything: counters and event ids of the ring too),
 * or of it what happened in [from, to) (from INT64_MIN, to INT64_MAX: ever). Raises the epoch: what
 * was gathered elsewhere meanwhile does not come back. The writer's own data goes at once, that of
 * other writers with the next pz__profile_scrub(); until then no reader sees it. Modes, levels, grants,
 * identifiers and the account survive.
 */
typedef struct pz__forgetting {
    pz_str attribute;
    int64_t from_ms, to_ms;
    pz__forget_what what;
} pz__forgetting;
pz_status pz__profile_forget(pz__profile *profile, const pz__write *write,
                             const pz__forgetting *forgetting, pz_error *err);
/* Several in one operation, as many as there is room for: *made of them. `is_own`: the customer asked for
 * it; for what ends by itself less room is there. PZ_ERR_LIMIT with *made 0: for none. */
pz_status pz__profile_forget_many(pz__profile *profile, const pz__write *write,
                                  const pz__forgetting *list, uint32_t count, bool is_own,
                                  uint32_t *made, pz_error *err);

/* Drop what was erased from the writer's own segment now, not with its next write. One operation if
 * there was anything (*is_changed); else, and for a writer without a segment, nothing. */
pz_status pz__profile_clean(pz__profile *profile, pz_str writer, bool *is_changed, pz_error *err);

/* Drop from the segments of all writers what was forgotten and can never count again: after
 * something was forgotten or joined. Replicas that know the same hold the same bytes afterwards.
 * PZ_ERR_NOMEM: as before. */
pz_status pz__profile_scrub(pz__profile *profile, pz_error *err);

/* ---- retraction ---- */

/* "That event never happened": one event by source and id, or every event in the ring that spoke
 * about `attribute` ("" for any) in [from, to). *count: how many events were taken back.
 * PZ_ERR_NOT_FOUND if no ring holds such an event. Counts as one operation. */
typedef struct pz__retraction {
    pz_str source, id; /* of one event; id "": by attribute and time */
    pz_str attribute;
    int64_t from_ms, to_ms;
} pz__retraction;
pz_status pz__profile_retract(pz__profile *profile, const pz__write *write,
                              const pz__retraction *retraction, uint32_t *count, pz_error *err);

/* ---- history ---- */

/*
 * Between begin and end the puts of one customer's verb are noted as one entry of history, with
 * what each register held before; pz__profile_undo takes the newest entry about the attribute (""
 * for any) that is not undone yet back, by puts with new stamps. PZ_ERR_NOT_FOUND if there is none.
 * Only slots CHOICE, REJECT, MODE, EDIT_* and LEVEL are noted.
 */
void pz__profile_note_begin(pz__profile *profile, pz_str verb);
void pz__profile_note_end(pz__profile *profile);
pz_status pz__profile_undo(pz__profile *profile, const pz__write *write, pz_str attribute,
                           pz_error *err);

/* Join `other` into `profile`: per writer the segment with the greater (sequence, lost to scrubs,
 * bytes). PZ_ERR_SUBJECT for unlike ids or kinds; PZ_ERR_LIMIT. */
pz_status pz__profile_join(pz__profile *profile, const pz__profile *other, pz_error *err);

/* ---- reading ---- */

/* Make the view over all segments up to date: what is forgotten or retracted is not in it. Reading
 * below asserts that it is; afterwards, and
 * until the next change, any number of threads may read. PZ_ERR_NOMEM. */
pz_status pz__profile_seal(pz__profile *profile);

typedef struct pz__claims {
    const pz__claim *list;
    uint32_t count;
} pz__claims;
typedef struct pz__cells {
    const pz__cell *list;
    uint32_t count;
} pz__cells;

/*
 * The claims about an attribute over all segments, by (slot, part) and within one register the one
 * that ranks first first: DECLARED by (at, stamp, writer), the others by (stamp, writer), greatest
 * first. One binary search; borrowed until the profile changes.
 */
pz__claims pz__profile_claims(const pz__profile *profile, pz_str attribute);
/* The claim that ranks first in one register, emptied or not, whatever was forgotten since; NULL if
 * no writer ever set it. Needs no seal; borrowed until the profile changes. */
const pz__claim *pz__profile_newest(const pz__profile *profile, pz__claim_slot slot,
                                    pz_str attribute, pz_str part);
/* What one writer says there; NULL also where that was forgotten. */
const pz__claim *pz__profile_own(const pz__profile *profile, pz_str writer, pz__claim_slot slot,
                                 pz_str attribute, pz_str part);
/* The cells of an attribute or counter over all segments, by (value, side, bucket, channel, ...);
 * cells alike but for the segment stand side by side. */
pz__cells pz__profile_cells(const pz__profile *profile, pz_str attribute);
/* Since when every segment that has cells or events keeps the counter, in ms: INT64_MIN for always
 * (and for a profile without segments); INT64_MAX if some segment never did. */
int64_t pz__profile_counter_since(const pz__profile *profile, pz_str counter);
/* All claims and all cells, for exports: by attribute. */
pz__claims pz__profile_all_claims(const pz__profile *profile);
pz__cells pz__profile_all_cells(const pz__profile *profile);

typedef struct pz__segment_info {
    pz_str writer;
    uint64_t sequence;
    uint64_t dropped; /* cells evicted so far */
    uint32_t claim_count, cell_count, event_count;
    uint32_t grant_count, forgetting_count, retraction_count, ring_count, history_count;
    uint32_t unknown_count; /* sections of a newer version */
    bool has_floor;         /* ids of events before floor_ms were forgotten */
    int64_t floor_ms;
    size_t cost; /* at least the bytes it takes encoded */
} pz__segment_info;
uint32_t pz__profile_segment_count(const pz__profile *profile);
/* Segments stand in the order of their writers' bytes. */
pz__segment_info pz__profile_segment(const pz__profile *profile, uint32_t index);

/* The least moment, in ms, at which anything in any segment happened or was written, forgotten or
 * not: INT64_MAX for an empty profile, INT64_MIN where something cannot be read. */
int64_t pz__profile_oldest(const pz__profile *profile);
/* Whether a fact, a model's claim or evidence of an attribute that counts is from `until_ms` or
 * before: claims by their claimed time, evidence by the beginning of its bucket. Not of a profile
 * that is read in place. */
bool pz__profile_has_older(pz__profile *profile, pz_str attribute, int64_t until_ms);
/* The last moment, `until_ms` at most, up to which dropping such things bares nothing: guesses of one
 * register rank by their stamp, so the first of them may be about an earlier moment than one it
 * hides, said by another writer, and stays as long as that is from after `until_ms`. */
int64_t pz__profile_unbared_until(pz__profile *profile, pz_str attribute, int64_t until_ms);

/* ---- persons: several profiles seen as one, without copying ---- */

/* Borrowed, sealed, by subject id; nobody: count 0. */
typedef struct pz__person {
    const pz__profile *const *members;
    uint32_t count;
} pz__person;

/* As the calls of profiles, over all members; claims of one register are ordered by
 * pz__moment_order(), facts by the claimed time first. What is put together is in the arena; of one
 * member it is borrowed. PZ_ERR_NOMEM. */
pz_status pz__person_claims(const pz__person *person, pz_str attribute, pz__arena *arena,
                            pz__claims *out);
pz_status pz__person_cells(const pz__person *person, pz_str attribute, pz__arena *arena,
                           pz__cells *out);
int64_t pz__person_counter_since(const pz__person *person, pz_str counter);
/* A purpose is granted iff some member has a grant in force (at <= now < expires) and no member has
 * an uncovered denial. */
bool pz__person_grants(const pz__person *person, pz_str purpose, int64_t now_ms);

/* ---- bytes ---- */

/* Append the canonical bytes: equal content, equal bytes. Format: docs/format.md. */
pz_status pz__profile_encode(const pz__profile *profile, pz__buf *out);
/* PZ_ERR_CORRUPT with what is wrong at which byte; PZ_ERR_VERSION; PZ_ERR_LIMIT. The bytes are not
 * needed afterwards. */
pz_status pz__profile_decode(pz__profile **out, const pz_alloc *alloc, const void *bytes,
                             size_t len, pz_error *err);
/*
 * A profile read where it lies. The bytes stay with the caller, unchanged, as long as *out, which
 * lives in the arena and needs no freeing. It may be a member of a person, be copied (which decodes
 * it), joined into another and exported, and gives its subject, kind, grants, bytes and digest.
 * Claims and cells are read when a person is asked; the calls that lend them from a sealed profile
 * have none to lend, and it is not written to. Errors as of pz__profile_decode, but what is not read is not checked: damage to an
 * attribute shows when it is asked for, as PZ_ERR_CORRUPT.
 */
pz_status pz__profile_peek(const pz__profile **out, pz__arena *arena, const void *bytes, size_t len,
                           pz_error *err);
/* Of a profile that is read in place: whether anything may be said about the subject itself
 * (PZ__OF_SUBJECT). True for bytes that are malformed there. */
bool pz__profile_mentions_itself(const pz__profile *profile);
/* Content hash of the canonical bytes; kept until the profile changes. */
pz_status pz__profile_digest(const pz__profile *profile, pz__digest *out);

/*
 * In a part of INFERRED it stands between the channel and what follows; in that of a record's
 * member before a name that is empty or begins with it (resolve, part.c). The second gives the
 * member back that a CHOICE, DECLARED or INFERRED of a record is about; of a register of the whole
 * "".
 */
#define PZ__PART_SEPARATOR 0x1f
pz_str pz__claim_member(const pz__claim *claim);

/* ---- everything, for the person it is about ---- */

/* What the part of an attribute's registers tells the reader. Rejections and edits speak for
 * themselves. */
typedef enum pz__part_kind {
    PZ__PART_PLAIN,   /* not known: it is shown as it is */
    PZ__PART_MEMBER,  /* a record's member */
    PZ__PART_REPEATED /* what value and channel tell already */
} pz__part_kind;

/* What only a catalog knows of an attribute. */
typedef struct pz__export_about {
    pz_str purpose; /* "" if none */
    pz__part_kind part;
    int64_t scale; /* of a counter: of its units so many are one; 0: not known */
} pz__export_about;

typedef struct pz__export_rules {
    void *self;
    /* NULL: nothing is known of any attribute or counter. */
    pz__export_about (*about)(void *self, pz_str attribute);
    /* Write the document, which is gone afterwards; NULL: as JSON, indented by `indent`. */
    pz_status (*write)(void *self, pz__buf *out, pz_value document);
    uint32_t indent;
} pz__export_rules;

/* Everything with its provenance, as the document that export.c describes. Sealed profiles only. */
pz_status pz__profile_export_by(const pz__profile *profile, pz__buf *out,
                                const pz__export_rules *rules);
/* The same as JSON, without a catalog. */
pz_status pz__profile_export(const pz__profile *profile, pz__buf *out, uint32_t indent);

#endif
