/*
 * catalog.h: the door of the catalog room: the company's document, checked and compiled.
 *
 * The document is JSON with comments and trailing commas. Compiling it either gives a catalog, in
 * which every rule is a program over numbered slots and every name is resolved, or a report of all
 * mistakes, each at its line and column with the remedy. A compiled catalog never changes; any
 * number of threads may read it; references are counted.
 *
 * The catalog says what names mean (attributes, context keys, segments, counters) by giving each a
 * slot; it does not know how a slot gets its value. That is the activation's work, in `decide`.
 */
#ifndef PZ_CATALOG_ROOM_H
#define PZ_CATALOG_ROOM_H

#include <personalize/report.h>

#include "cel/cel.h"
#include "profile/profile.h"

/* ---- reports: include/personalize/report.h is the public face ---- */

pz_status pz__report_new(pz_report **out, const pz_alloc *alloc);
/* Add a diagnostic about bytes [start, end) of `text` (the text of `file`). Out of memory is kept
 * in the report and told by pz__report_status. */
void pz__report_add(pz_report *report, pz_severity severity, pz_str file, pz_str text,
                    uint32_t start, uint32_t end, pz_str path, const char *suggestion,
                    const char *format, ...) __attribute__((format(printf, 9, 10)));
/* PZ_OK, PZ_ERR_CATALOG if it holds an error, PZ_ERR_NOMEM. */
pz_status pz__report_status(const pz_report *report);

/* ---- what a catalog holds ---- */

typedef enum pz__merge_law {
    PZ__MERGE_REPLACE,
    PZ__MERGE_SET,
    PZ__MERGE_LAYOUT,
    PZ__MERGE_RECORD,
    PZ__MERGE_MAX,
    PZ__MERGE_MIN
} pz__merge_law;

typedef enum pz__source_class {
    PZ__CLASS_CONTEXT,
    PZ__CLASS_DECLARED,
    PZ__CLASS_PEERS,
    PZ__CLASS_CHOICE,
    PZ__CLASS_BEHAVIOUR,
    PZ__CLASS_CROSS_CHANNEL
} pz__source_class;

/*
 * The values an inference may answer, as a tree in preorder: the subtree of node n is [n, end).
 * Node 0 is the root, which is no answer. A flat domain (one_of, bool) is a tree of one level.
 */
typedef struct pz__domain_node {
    pz_value value;
    uint32_t parent; /* of the root: 0 */
    uint32_t end;    /* one past the last node of the subtree */
    uint32_t depth;  /* root 0 */
    double share;    /* prior share of the subtree; the root's is 1. Of a set: of the node alone */
} pz__domain_node;

typedef struct pz__domain {
    const pz__domain_node *nodes;
    uint32_t count;
    const uint32_t *by_value; /* node numbers other than the root, sorted by pz_value_compare */
} pz__domain;

#define PZ__NODE_NONE UINT32_MAX
/* Prior share of an element of a set of which nothing is declared. */
#define PZ__ELEMENT_SHARE 0.5
/* Most items of a list that is a value of a set or layout. */
#define PZ__ITEMS_MAX 4096u
/* The node of a value (matched with pz_value_equal), or PZ__NODE_NONE. */
uint32_t pz__domain_find(const pz__domain *domain, pz_value value);

typedef struct pz__attribute {
    pz_str name;
    uint32_t index; /* in the catalog's list */
    uint32_t slot;  /* of profile.NAME */
    const pz__type *type;
    pz__merge_law merge;
    pz__source_class source_class; /* of its inferences; BEHAVIOUR unless declared */
    pz_str purpose;                /* "" if none */
    const pz_value *one_of;        /* NULL if not declared; of a set: its elements */
    uint32_t one_of_count;
    const pz__domain *domain; /* one_of, bool or taxonomy; NULL if neither. Of a set: of elements */
    bool is_taxonomy;
    bool has_min, has_max;
    pz_value min, max;
    bool has_default, has_recommended;
    pz_value default_value, recommended;
    double threshold;     /* 0: asserts nothing inferred */
    int64_t min_evidence; /* 1/1024ths; default 1024 */
    double strength;      /* of the prior; default 1 */
    int64_t half_life_ms; /* 0: nothing fades */
    int64_t saturation;   /* 1/1024ths per UTC day, value and side; 0: none */
    int64_t retention_ms; /* 0: kept */
    uint8_t width;        /* log2 seconds of a bucket */
    bool is_group;        /* GROUP may answer */
    bool is_policy_input;
    bool is_ranked;
    uint32_t start, end; /* span of the declaration's name in its file */
} pz__attribute;

/* A member of an event kind that the "events" section declares. */
typedef struct pz__event_member {
    pz_str name;
    const pz__type *type;
    int64_t scale; /* 0: a double without one, which cannot be added up */
} pz__event_member;

typedef struct pz__event_kind {
    pz_str name;
    const pz__event_member *members;
    uint32_t member_count;
} pz__event_kind;

/* A signal turns an event of kind `on` into evidence about an attribute. */
typedef struct pz__signal {
    pz_str on;
    uint32_t attribute;
    const pz__program *when;  /* over the event environment; NULL: always */
    const pz__program *value; /* over the event environment */
    int64_t weight;           /* 1/1024ths; negative: against */
    bool sees_order;          /* a rule may walk through the event itself */
} pz__signal;

/* A counter the rules ask for: kept in cells named `name`. */
typedef struct pz__counter {
    pz_str name;   /* "count(purchase)" or "sum(purchase.total)" */
    pz_str kind;   /* event kind */
    pz_str member; /* of sums; "" for counts */
    int64_t scale; /* of sums: stored = round(value * scale) */
    uint8_t width; /* log2 seconds of a bucket: at most a sixteenth of the shortest window asked */
} pz__counter;

typedef struct pz__segment_rule {
    pz_str name;
    uint32_t slot;
    const pz__program *program;
} pz__segment_rule;

typedef struct pz__rule {
    pz_str id;               /* "id" in the document, or "#1", "#2" ... by place */
    const pz__program *when; /* NULL: always */
    bool has_value;
    pz_value value;          /* where has_value */
    const pz__program *expr; /* "expr": the value is computed; NULL where has_value */
    pz_str because;          /* the author's plain words, "" if none */
} pz__rule;

typedef struct pz__decision_def {
    pz_str name;
    uint32_t index;
    const pz__type *type; /* "type", or dyn */
    const pz__rule *rules;
    uint32_t rule_count;
    bool has_default;
    pz_value default_value; /* null where not declared */
} pz__decision_def;

/* "purposes": options of a purpose; a purpose that is not listed has none. */
typedef struct pz__purpose {
    pz_str name;
    bool erases_on_deny;   /* "on_deny": "erase" */
    bool is_denied_by_gpc; /* "gpc": true: the Global Privacy Control signal denies it */
    const uint8_t *tcf;    /* "tcf": purposes of IAB TCF v2, 1 to 11, all of which grant it */
    uint32_t tcf_count;
} pz__purpose;

/* What one policy does to one attribute. */
typedef struct pz__effect {
    uint32_t attribute;
    bool is_lock; /* else a bound */
    bool has_min, has_max, has_one_of;
    pz_value lock;
    pz_value min, max;
    const pz_value *one_of;
    uint32_t one_of_count;
} pz__effect;

/*
 * "policies", in the order of the document. The rule of a policy that sets a mask reads its names
 * as policy input (PZ__USE_INPUT), for what an attribute's answer is depends on masks.
 */
typedef struct pz__policy {
    pz_str id;               /* "id", or "#1", "#2" ... by place */
    const pz__program *when; /* NULL: always */
    bool sets_mask;          /* "level" or "mask" */
    uint32_t masked;         /* source classes it masks, by bit; 0: none */
    uint32_t mask_masked;    /* of these, those that "mask" names */
    pz_str level;            /* "level"; "" without */
    const pz__effect *effects;
    uint32_t effect_count;
} pz__policy;

/* What policies do to one attribute, in their order. */
typedef struct pz__attribute_effect {
    uint32_t policy;
    const pz__effect *effect;
} pz__attribute_effect;

typedef struct pz__attribute_effects {
    const pz__attribute_effect *list;
    uint32_t count;
} pz__attribute_effects;

/* What a slot stands for. */
typedef enum pz__slot_use {
    PZ__USE_ATTRIBUTE, /* profile.NAME: index of the attribute */
    PZ__USE_CONTEXT,   /* context.NAME: index of the context key */
    PZ__USE_SEGMENT,   /* segment.NAME: index of the segment */
    PZ__USE_NOW,       /* now: a timestamp */
    PZ__USE_COUNT,     /* count(kind, window): index of the counter */
    PZ__USE_SUM,       /* sum(kind, member, window): index of the counter */
    PZ__USE_LAST, /* last(kind): index of the counter; timestamp of the newest bucket's event */
    PZ__USE_CONFIDENCE, /* confidence(profile.NAME): index of the attribute; double, 0 to 1 */
    PZ__USE_TIER,       /* tier(profile.NAME): index of the attribute; string */
    PZ__USE_INPUT,      /* profile.NAME in a rule that sets a mask: index of the attribute */
    PZ__USE_CONSENT     /* consent(purpose): index in `consents`; bool */
} pz__slot_use;

typedef struct pz__slot_info {
    pz__slot_use use;
    uint32_t index;
    pz_str name; /* in one spelling: "profile.language", "count('purchase', duration('3600s'))" */
    const pz__type *type;
    int64_t window_ms; /* of count and sum; 0: since ever */
    /* The type of a sum is int where the counter's scale is 1, else double: total / scale. */
} pz__slot_info;

typedef struct pz__context_key {
    pz_str name;
    uint32_t slot;
    const pz__type *type; /* dyn if not declared */
    bool has_default;
    pz_value default_value;
} pz__context_key;

/* The compiled document. All lists are dense; names are found by the functions below. */
typedef struct pz__catalog {
    pz_str name;
    pz__digest digest;  /* content hash: of the document's value, whatever its layout, and
                         * of the time zones its rules name */
    int64_t horizon_ms; /* of deduplication; default 90 days */
    int64_t erasure_horizon_ms; /* how long an erased person is remembered; default 400 days */
    int64_t record_retention_ms; /* how long decision records are kept; 0: for good */
    bool context_is_closed;
    const pz__attribute *attributes;
    uint32_t attribute_count;
    const pz__context_key *context;
    uint32_t context_count;
    const pz__segment_rule *segments;
    uint32_t segment_count;
    const pz__event_kind *events; /* that the "events" section declares, by name */
    uint32_t event_count;
    const pz__signal *signals; /* sorted by kind, then by place */
    uint32_t signal_count;
    const pz__counter *counters; /* sorted by name */
    const pz_str *counter_names; /* the same order */
    uint32_t counter_count;
    const pz__decision_def *decisions;
    uint32_t decision_count;
    const pz__purpose *purposes; /* by name */
    uint32_t purpose_count;
    const pz__policy *policies;
    uint32_t policy_count;
    const pz__attribute_effects *effects; /* by attribute; NULL if no policy locks or bounds */
    bool has_mask_policies;
    bool has_impure_policies; /* a policy that locks or bounds asks a function of the host */
    uint32_t masked;        /* source classes that the catalog's own "level" and "mask" leave out */
    uint32_t mask_masked;   /* of these, those that "mask" names */
    pz_str level;           /* "level"; "" without */
    const pz_str *consents; /* purposes that rules ask for by consent() */
    uint32_t consent_count;
    const pz_str *unique_identifiers; /* kinds declared unique, by name */
    uint32_t unique_identifier_count;
    const pz__slot_info *slots;
    uint32_t slot_count;
    const pz__node *tests; /* the "tests" array, NULL if none; spans into `source` */
    pz_str file, source;
} pz__catalog;

/* ---- levels ---- */

/* The source classes that a preset ("basic", "demographic", "self-service", "deep") leaves out, by
 * bit; false if there is no such level. */
bool pz__level_find(pz_str name, uint32_t *masked);
/* The nearest level, for errors; {NULL, 0} if none is near. */
pz_str pz__level_nearest(pz_str name);
/* "behaviour" and so on, as catalogs spell it. */
pz_str pz__source_class_name(pz__source_class source_class);
#define PZ__CLASS_COUNT ((uint32_t)PZ__CLASS_CROSS_CHANNEL + 1)

/* Bytes of a kind of identifier. */
#define PZ__IDENTIFIER_KIND_MAX 64u

/* Greatest document, and how many mistakes are listed before the report stops. */
#define PZ__CATALOG_BYTES_MAX (16u << 20)
#define PZ__CATALOG_MISTAKES_MAX 100u
#define PZ__HORIZON_DEFAULT_MS (INT64_C(90) * 86400000)
#define PZ__ERASURE_HORIZON_DEFAULT_MS (INT64_C(400) * 86400000)

/* Most time zones of one catalog. */
#define PZ__CATALOG_ZONES_MAX 4096u

/*
 * Where the time zones of rules come from, while a catalog is compiled: this room reads no files.
 * The tables live in the catalog, and names and bytes of the zones are part of its digest, so that
 * two catalogs of the same digest decide alike. A rule that computes a zone's name may need any, so
 * it takes all that `list` names and that can be read.
 */
typedef struct pz__zone_source {
    void *self;
    /* Append the compiled file (TZif) of a zone, whose name has the form of one. PZ_ERR_NOT_FOUND:
     * there is no such zone; PZ_ERR_NOMEM; any other status: it cannot be read. */
    pz_status (*read)(void *self, pz_str name, pz__buf *out);
    /* Call `put` with the name of each zone, in any order; what is no zone is found out by reading.
     * PZ_OK, PZ_ERR_NOMEM. */
    pz_status (*list)(void *self, void (*put)(void *payload, pz_str name), void *payload);
} pz__zone_source;

/*
 * Compile. On PZ_OK *out is a new reference; warnings may stand in the report. PZ_ERR_CATALOG: the
 * report holds every mistake. `file` names the document in the report. `report` may be NULL.
 */
pz_status pz__catalog_compile(const pz__catalog **out, const pz_alloc *alloc, pz_str file,
                              pz_str source, pz_report *report, pz_error *err);

/* Functions of the host, which rules may call: those of segments, of decisions and of policies that
 * set no mask. What a mask reads is fixed, so its rule calls none; neither does a signal, for what
 * is stored must not depend on the host that stored it. The list must outlive the catalog. */
typedef struct pz__function_source {
    const pz__host_function *list;
    uint32_t count;
} pz__function_source;

/* What surrounds a catalog that is compiled. Each may be NULL: then rules know UTC and fixed
 * offsets only, and no functions but their own. */
typedef struct pz__surroundings {
    const pz__zone_source *zones;
    const pz__function_source *functions;
} pz__surroundings;
/* The same within surroundings. */
pz_status pz__catalog_compile_with(const pz__catalog **out, const pz_alloc *alloc, pz_str file,
                                   pz_str source, const pz__surroundings *around, pz_report *report,
                                   pz_error *err);
const pz__catalog *pz__catalog_ref(const pz__catalog *catalog);
void pz__catalog_unref(const pz__catalog *catalog);

/* Found by hash; NULL if there is none. */
const pz__attribute *pz__catalog_attribute(const pz__catalog *catalog, pz_str name);
const pz__decision_def *pz__catalog_decision(const pz__catalog *catalog, pz_str name);
const pz__context_key *pz__catalog_context(const pz__catalog *catalog, pz_str name);
const pz__segment_rule *pz__catalog_segment(const pz__catalog *catalog, pz_str name);
/* What the document declares of a kind of event; NULL: nothing. */
const pz__event_kind *pz__catalog_event(const pz__catalog *catalog, pz_str kind);
/* True of what every event has: its kind, source, id, time, channel and customer. */
bool pz__is_fixed_member(pz_str name);
/* The signals of an event kind. */
const pz__signal *pz__catalog_signals(const pz__catalog *catalog, pz_str kind, uint32_t *count);
/* The nearest attribute (decision) name, for errors; {NULL, 0} if none is near. */
pz_str pz__catalog_nearest_attribute(const pz__catalog *catalog, pz_str name);
pz_str pz__catalog_nearest_decision(const pz__catalog *catalog, pz_str name);

/* Check a value against an attribute: PZ_OK, PZ_ERR_TYPE, PZ_ERR_DOMAIN (and a message naming the
 * attribute, the value, what is allowed, and the nearest allowed value). */
pz_status pz__attribute_check(const pz__attribute *attribute, pz_value value, pz_error *err);
/* The same for what composes a value: one element of a set, one item of a layout, the value of one
 * member of a record. Of the other laws the whole value is meant. */
pz_status pz__attribute_check_part(const pz__attribute *attribute, pz_value part, pz_error *err);

/*
 * A value that came as JSON as one of a declared type: text becomes a timestamp (RFC 3339), a
 * duration ("1h30m", "30d") or bytes (base64) where one is declared, a whole number a double or an
 * uint; lists and maps item by item. What fits already is given back as it stands. New lists, maps
 * and bytes are in the arena. PZ_ERR_TYPE if it does not fit (null fits nothing); PZ_ERR_NOMEM.
 */
pz_status pz__value_fit(pz__arena *arena, const pz__type *type, pz_value value, pz_value *out);

/* The slot of "event" in the programs of signals: their activation has this one slot. */
#define PZ__EVENT_SLOT 0u

#endif
