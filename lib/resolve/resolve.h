/*
 * resolve.h: the door of the resolve room: how one answer comes out of many claims.
 *
 * Strongest first: a lock, the person's choice, the account's choice, a recorded fact, an inference
 * that is certain enough, the group, the recommendation, the default. Each tier is a slot of its
 * own: clearing a choice reveals what stands beneath. A claim that is not in force (expired, in the
 * future) reveals the next tier, never its predecessor.
 *
 * An inference is asserted only if the Beta posterior of its node exceeds the attribute's threshold
 * with 95 % probability and the personal evidence reaches min_evidence: vague rather than wrong.
 *
 * Pure: everything a resolution depends on is in the view. A view is used by one thread; several
 * views may read one sealed profile and one catalog.
 */
#ifndef PZ_RESOLVE_ROOM_H
#define PZ_RESOLVE_ROOM_H

#include "catalog/catalog.h"

/* Strongest first. Numbers are stored in decision bytes. */
typedef enum pz__tier {
    PZ__TIER_NONE = 0, /* unresolved */
    PZ__TIER_LOCK = 1,
    PZ__TIER_CHOICE = 2,
    PZ__TIER_ACCOUNT_CHOICE = 3,
    PZ__TIER_DECLARED = 4,
    PZ__TIER_INFERRED = 5,
    PZ__TIER_GROUP = 6,
    PZ__TIER_RECOMMENDED = 7,
    PZ__TIER_DEFAULT = 8
} pz__tier;

/* Why an answer is what it is. Words follow OpenFeature where it has one. */
typedef enum pz__reason {
    PZ__REASON_UNRESOLVED = 0,
    PZ__REASON_LOCKED,
    PZ__REASON_EXPLICIT,
    PZ__REASON_DECLARED,
    PZ__REASON_INFERRED,
    PZ__REASON_GROUP,
    PZ__REASON_RECOMMENDED,
    PZ__REASON_DEFAULT,
    PZ__REASON_DISABLED,
    PZ__REASON_BOUNDED
} pz__reason;

/* What became of one layer. */
typedef enum pz__fate {
    PZ__FATE_USED = 0,
    PZ__FATE_SHADOWED,
    PZ__FATE_EXPIRED,
    PZ__FATE_FUTURE,
    PZ__FATE_UNCERTAIN,
    PZ__FATE_MODE,
    PZ__FATE_REJECTED,
    PZ__FATE_BOUNDED,
    PZ__FATE_MASKED, /* its source class may not be used: privileged inspections only */
    PZ__FATE_DENIED  /* its purpose is not granted: privileged inspections only */
} pz__fate;

/* "CHOICE", "EXPLICIT", "SHADOWED" ...; the texts are part of the API. */
const char *pz__tier_name(pz__tier tier);
const char *pz__reason_name(pz__reason reason);
const char *pz__fate_name(pz__fate fate);

/* What a resolution reads. Borrowed; made anew for each request. */
typedef struct pz__view {
    const pz__catalog *catalog;
    pz__person person;   /* nobody: no members */
    pz__person accounts; /* that the person belongs to, nearest first, each for itself */
    int64_t now_ms;
    pz_str channel;   /* of the context; "" if none */
    uint32_t masked;  /* source classes that may not be used, by bit 1 << pz__source_class */
    pz__arena *arena; /* scratch and results */
} pz__view;

/* What policies do to one attribute, here and now. All bounds that hold are intersected. */
typedef struct pz__force {
    bool has_lock;
    bool has_min, has_max;
    bool has_one_of;
    pz_value lock;
    pz_value min, max;
    const pz_value *one_of; /* may be empty: then nothing is answered */
    uint32_t one_of_count;
} pz__force;

/* Of a set or record: which tier an element or member of the answer comes from. */
typedef struct pz__member {
    pz_value key; /* the element; the member's name */
    pz__tier tier;
} pz__member;

/* One answer. Everything is borrowed from catalog, profile and arena. */
typedef struct pz__resolution {
    pz_value value; /* null where tier is NONE */
    pz__tier tier;
    pz__reason reason;
    bool has_confidence;
    uint32_t confidence; /* of 65536: the expected share a/(a+b), or what a host stated; rounded */
    pz_str channel;      /* of the claim that answered; "" if none */
    pz_str who;
    pz_str writer;
    int64_t at_ms;    /* of the claim that answered; 0 if none */
    int64_t evidence; /* personal weight for the answer, 1/1024ths, decayed; INFERRED only */
    const pz__member *members; /* of a set or record, in the order of the value; else NULL */
    uint32_t member_count;
} pz__resolution;

/* Resolve one attribute. `force` is NULL where no policy touches it. PZ_OK (unresolved included);
 * PZ_ERR_NOMEM. */
pz_status pz__resolve(const pz__view *view, const pz__attribute *attribute, const pz__force *force,
                      pz__resolution *out);

/* One layer of an inspection. */
typedef struct pz__layer {
    pz__resolution answer;
    pz_value key; /* the element, member or item that it is about; null: the whole attribute */
    pz__fate fate;
    bool is_removal; /* of a set: it says that the element is not in it */
} pz__layer;

/*
 * Every layer, strongest first, in the arena. Evidence that fails the test is no layer, nor is what
 * a mask or its purpose hides. Of a set or record the layers stand element by element (member by
 * member), in the order of the keys; of a layout come the edits, then the ranking, then the bases.
 * Values are as they were said: bounds of policies do not clamp them. Codes as pz__resolve; on
 * failure *out is NULL.
 */
pz_status pz__inspect(const pz__view *view, const pz__attribute *attribute, const pz__force *force,
                      const pz__layer **out, uint32_t *count);
/* The same with what masks and missing consents hide, as MASKED and DENIED. For operators alone: it
 * tells that data exists. */
pz_status pz__inspect_privileged(const pz__view *view, const pz__attribute *attribute,
                                 const pz__force *force, const pz__layer **out, uint32_t *count);

/* One question of a batch. */
typedef struct pz__question {
    const pz__attribute *attribute;
    const pz__force *force; /* NULL: none */
} pz__question;
/* Answer them all into `out`, one after the other; the first failure ends it. */
pz_status pz__resolve_all(const pz__view *view, const pz__question *questions, uint32_t count,
                          pz__resolution *out);
/* Inspect them all: lists[i] gets the layers of question i. */
typedef struct pz__layers {
    const pz__layer *list;
    uint32_t count;
} pz__layers;
pz_status pz__inspect_all(const pz__view *view, const pz__question *questions, uint32_t count,
                          pz__layers *lists);

/*
 * What the evidence says about each node of an inferred attribute: for explanations ("how far from
 * certain is it?"). Nodes in the domain's preorder, the root included.
 *
 * *out is an array in the arena, NULL for an attribute without a domain. PZ_ERR_NOMEM.
 */
typedef struct pz__posterior {
    double a, b;         /* of the Beta */
    double personal;     /* P: decayed weight for the subtree */
    double above;        /* P(Beta(a, b) > threshold) */
    uint32_t confidence; /* of 65536 */
    bool is_certain;     /* above >= 0.95 and personal >= min_evidence */
} pz__posterior;
pz_status pz__posteriors(const pz__view *view, const pz__attribute *attribute, pz__posterior **out);
/* What would stand against inferring each node, were it certain: fates[n] is MODE, REJECTED or
 * BOUNDED, else USED. As many as the domain has nodes, in the arena. PZ_ERR_NOMEM. */
pz_status pz__prospects(const pz__view *view, const pz__attribute *attribute,
                        const pz__force *force, pz__fate **out);

/*
 * The part of the register in which a claim about the attribute stands: docs/preferences.md has the
 * table. `key` is what the register is about (value, element, member or item; null for one that is
 * about the whole attribute: then the part is empty, for INFERRED the channel); of `write` the
 * channel and the times are read, where they are part of the name. In the arena. PZ_ERR_LIMIT if it
 * is longer than a part may be; PZ_ERR_NOMEM.
 */
pz_status pz__part_make(const pz__attribute *attribute, pz__claim_slot slot, pz_value key,
                        const pz__write *write, double confidence, pz__arena *arena, pz_str *out);

/* Whether the view leaves out what was gathered in a channel: cross-channel is masked, and the
 * channel is neither empty nor the context's. */
bool pz__is_channel_masked(const pz__view *view, pz_str channel);

/*
 * count(kind, window) and sum(kind, member, window): whole buckets, the current one included.
 * *known is false if the window reaches before the counter is kept. window_ms 0: since ever. The
 * sum is in stored units and saturates. Of nobody nothing is known. PZ_ERR_NOMEM.
 */
pz_status pz__counter_total(const pz__view *view, const pz__counter *counter, int64_t window_ms,
                            int64_t *total, bool *known);

/* ---- order ---- */

/* Negative, zero, positive, as for qsort. */
typedef int (*pz__order_fn)(const void *a, const void *b);

/*
 * Sort `count` elements of `size` bytes; equal ones keep their order. Costs one walk if they stand
 * in order already, else n log n and as much scratch from the arena again. PZ_ERR_NOMEM.
 */
pz_status pz__sort_stable(pz__arena *arena, void *base, size_t count, size_t size,
                          pz__order_fn order);

#endif
