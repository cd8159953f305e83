/*
 * build.h: private to the catalog room: a catalog while it is being made.
 *
 * Sections are read one after another into the catalog's arena. A mistake is added to the report
 * and reading goes on; what was mistaken is left in a form that causes no second mistake (a type
 * that could not be read becomes dyn). Out of memory is remembered in `is_out_of_memory` and ends
 * the work at the next occasion.
 */
#ifndef PZ_CATALOG_BUILD_H
#define PZ_CATALOG_BUILD_H

#include "catalog/catalog.h"

/* A declared taxonomy, before an attribute takes it as its domain. */
typedef struct pz__taxonomy {
    pz_str name;
    const pz__node *node;
    const pz__domain *domain; /* shares not filled in; NULL if it has mistakes */
} pz__taxonomy;

/* What a catalog needs beside its public face; shared by all references. */
typedef struct pz__shared {
    pz_alloc alloc;
    pz__arena arena;
    uint32_t refs; /* atomic */
    pz__names attributes, decisions, context, segments, consents;
    pz__zone_set zones; /* that rules name; read by their programs */
} pz__shared;

typedef struct pz__owner {
    pz__catalog catalog; /* first: a catalog is its owner */
    pz__shared *shared;
} pz__owner;

typedef struct pz__build {
    pz_alloc alloc;
    pz__arena *arena;   /* the catalog's */
    pz__arena *scratch; /* of this compilation */
    pz__catalog *catalog;
    pz__shared *shared;
    pz_report *report;
    const pz__zone_source *zones; /* NULL for none */
    const pz__function_source *functions; /* NULL for none */
    bool has_all_zones;
    const pz__node *root;
    bool is_out_of_memory;
    uint32_t error_count, warning_count; /* of warnings, at most one more than are listed */

    pz__taxonomy *taxonomies;
    uint32_t taxonomy_count;
    bool has_events;
    pz__event_kind *events;
    uint32_t event_count;

    const pz__node *rule;      /* the one that is being compiled */
    pz__attribute *attributes; /* the catalog's, while they may change */
    bool *is_broken;           /* by attribute: has mistakes; nothing more is said about it */
    pz__segment_rule *segments;
    const pz__node **segment_nodes;

    pz__slot_info *slots; /* grow in scratch */
    uint32_t slot_count, slot_cap;
    pz__names slot_names;   /* derived calls by their spelling */
    uint32_t *slot_of_name; /* by number in slot_names */
    uint32_t slot_of_name_cap;
    pz__context_key *context; /* grow in scratch */
    uint32_t context_count, context_cap;
    pz__counter *counters;    /* grow in scratch; sorted at the end */
    int64_t *counter_windows; /* shortest window asked, in ms */
    uint32_t counter_count, counter_cap;
    pz__names counter_names;

    const pz__node *purposes;    /* the section, NULL without */
    const pz__node **rule_nodes; /* by policy: its "when", NULL without */
    uint32_t *input_slots;       /* by attribute; UINT32_MAX: none yet */
} pz__build;

/* Declared limits; each is tested at the limit and one beyond. */
#define PZ__ATTRIBUTES_MAX 4096u
#define PZ__CONTEXT_MAX 1024u
#define PZ__SEGMENTS_MAX 16384u
#define PZ__SIGNALS_MAX 16384u
#define PZ__DECISIONS_MAX 16384u
#define PZ__RULES_MAX 16384u /* of one decision */
#define PZ__COUNTERS_MAX 1024u /* as many as a profile notes of one store */
#define PZ__EVENTS_MAX 4096u
#define PZ__TESTS_MAX 16384u
#define PZ__POLICIES_MAX 4096u
#define PZ__PURPOSES_MAX 1024u
#define PZ__IDENTIFIERS_MAX 1024u
#define PZ__CONSENTS_MAX 1024u
#define PZ__DOMAIN_MAX 65536u     /* values of a domain, inner nodes included */
#define PZ__SEGMENT_CHAIN_MAX 64u /* segments and policies that read one another in a row */

/* ---- mistakes (mistakes.c) ---- */

/* Add an error (warning) about bytes [start, end) of the document. `nearest` may be empty. */
void pz__mistake(pz__build *build, uint32_t start, uint32_t end, pz_str nearest, const char *format,
                 ...) __attribute__((format(printf, 5, 6)));
void pz__warning(pz__build *build, uint32_t start, uint32_t end, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void pz__warning_near(pz__build *build, uint32_t start, uint32_t end, pz_str nearest,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Errors about the value of a node, or about its name. */
#define pz__mistake_at(build, node, ...)                                                           \
    pz__mistake((build), (node)->start, (node)->end, (pz_str){NULL, 0}, __VA_ARGS__)
#define pz__mistake_in_name(build, node, ...)                                                      \
    pz__mistake((build), (node)->key_start, (node)->key_end, (pz_str){NULL, 0}, __VA_ARGS__)
/* Text in quotes, escaped and cut, for a message; lives in scratch. */
const char *pz__quoted(pz__build *build, pz_str text);
/* A value as JSON, cut, for a message. */
const char *pz__shown(pz__build *build, pz_value value);
/* What stands there: "the text \"x\"", "the number 30", "a list". */
const char *pz__found(pz__build *build, pz_value value);
/* Out of memory, or more mistakes than are listed: loops over members end here. */
static inline bool pz__is_stopped(const pz__build *build)
{
    return build->is_out_of_memory || build->error_count > PZ__CATALOG_MISTAKES_MAX;
}
/* Nothing that is a warning only is told any more; looking for one is in vain. */
static inline bool pz__is_warned_enough(const pz__build *build)
{
    return build->warning_count > PZ__CATALOG_MISTAKES_MAX;
}

/* Memory of the catalog (of scratch), zeroed; remembers when there is none. Count 0 gives a valid
 * pointer. */
void *pz__keep(pz__build *build, size_t count, size_t size);
void *pz__work(pz__build *build, size_t count, size_t size);
/* A growable array in scratch: room for one more, doubling; false if there is no memory. */
bool pz__more(pz__build *build, void **list, uint32_t count, uint32_t *cap, size_t size);

/* Sort numbers stably by what they stand for. False out of memory. */
bool pz__sort_numbers(pz__build *build, uint32_t *list, uint32_t count,
                      int (*compare)(const void *self, uint32_t a, uint32_t b), const void *self);

/* ---- members of an object (reader.c) ---- */

/* Kinds of node that a member may have; bits. */
#define PZ__WANT(kind) (1u << (kind))
#define PZ__WANT_TEXT PZ__WANT(PZ_STRING)
#define PZ__WANT_BOOL PZ__WANT(PZ_BOOL)
#define PZ__WANT_INT (PZ__WANT(PZ_INT) | PZ__WANT(PZ_UINT))
#define PZ__WANT_NUMBER (PZ__WANT_INT | PZ__WANT(PZ_DOUBLE))
#define PZ__WANT_LIST PZ__WANT(PZ_LIST)
#define PZ__WANT_OBJECT PZ__WANT(PZ_MAP)
#define PZ__WANT_ANY (~0u)

typedef enum pz__need {
    PZ__OPTIONAL,
    PZ__REQUIRED,
    PZ__LATER /* designed, but this version does not know it */
} pz__need;

typedef void (*pz__read_fn)(pz__build *build, void *into, const pz__node *node);

/* One member of an object of the document. */
typedef struct pz__member {
    const char *name;
    pz__need need;
    uint32_t wants;
    pz__read_fn read;  /* NULL: only its kind is checked here */
    const char *form;  /* what it must be: "a span such as \"30d\"" */
    const char *about; /* what it means, one sentence */
} pz__member;

/* The members of one sort of object. */
typedef struct pz__members {
    const char *object; /* "attribute" */
    const pz__member *list;
    uint32_t count;
} pz__members;
#define PZ__MEMBERS(name, list)                                                                    \
    {                                                                                              \
        name, list, (uint32_t)(sizeof(list) / sizeof *(list))                                      \
    }

/* All sorts of object there are. */
const pz__members *const *pz__catalog_members(uint32_t *count);
extern const pz__members pz__document_members, pz__attribute_members, pz__prior_members,
    pz__context_members, pz__event_members, pz__signal_members, pz__segment_members,
    pz__decision_members, pz__rule_members, pz__test_members, pz__purpose_members,
    pz__identifier_members, pz__policy_members, pz__bound_members, pz__record_members;

/* Read an object: unknown, missing, repeated and mistaken members are reported, the others go to
 * their functions in the order of the table. */
void pz__read_members(pz__build *build, const pz__node *object, const pz__members *members,
                      void *into);
/* True if the node is of a wanted kind; else a mistake is added. */
bool pz__is_wanted(pz__build *build, const pz__node *node, const pz__member *member);
/* A name that rules can spell: an identifier or several with dots. Also refuses empty and long
 * ones. */
bool pz__name_check_identifier(pz__build *build, const pz__node *node, const char *what);
/* Any text of 1 to PZ__NAME_MAX bytes. */
bool pz__name_check(pz__build *build, pz_str name, uint32_t start, uint32_t end, const char *what);
/* "#1" for the first of a list: what a thing without a name is called by. */
pz_str pz__place_name(pz__build *build, uint32_t index);
/* More than `most` children: a mistake at the first that is too many. */
bool pz__check_count(pz__build *build, const pz__node *node, uint32_t most, const char *what);
/* A span of time from text; 0 and a mistake if it is none. */
int64_t pz__read_span(pz__build *build, const pz__node *node);
double pz__number_of(pz_value value);
/* Weight in 1/1024ths, rounded to nearest, half away from zero. False: not within +-limit. */
bool pz__weight_of(pz_value value, int64_t *out);
/* The type a text names; dyn and a mistake if it names none or one that no value can have. */
const pz__type *pz__read_type(pz__build *build, const pz__node *node);
/* A scalar type that min and max can be of. */
bool pz__is_ordered(const pz__type *type);
pz_str pz__nearest_in(const pz__names *names, pz_str name);

/* ---- levels (levels.c) ---- */

/* The source class that a text names; false after a mistake. */
bool pz__read_class(pz__build *build, const pz__node *node, pz__source_class *out);
/* The source classes that a level leaves out, or that a list names. */
uint32_t pz__read_level(pz__build *build, const pz__node *node);
uint32_t pz__read_mask(pz__build *build, const pz__node *node);

/* ---- typed values (fit.c) ---- */

/* The value a node spells for a type: JSON text becomes a timestamp or a duration, a whole number a
 * double or an uint. A mistake if it is none; `what` words the message: "the default". */
bool pz__fit(pz__build *build, const pz__node *node, const pz__type *type, const char *what,
             pz_value *out);
/* The same for what rules may see: its maps have their entries in the order of their keys, for the
 * catalog's hash does not tell in what order they are written. */
bool pz__fit_seen(pz__build *build, const pz__node *node, const pz__type *type, const char *what,
                  pz_value *out);
/* Check a value that stands at a node against an attribute (check.c). `what` begins the message. */
bool pz__check_own_value(pz__build *build, const pz__attribute *attribute, pz_value value,
                         const pz__node *node, const char *what);
/* The same for one element, item or value of a member of a composed attribute. */
bool pz__check_own_part(pz__build *build, const pz__attribute *attribute, pz_value part,
                        const pz__node *node, const char *what);
/* Warn where a rule compares an attribute with a value it never has, or with one that all its values
 * are on one side of. */
void pz__warn_of_comparison(pz__build *build, const pz__attribute *attribute,
                            const pz__compared *comparison, uint32_t start, uint32_t end);
/* Whether a tier has this name; else *nearest is the nearest that is one, without data if none is near. */
bool pz__is_tier(pz_str name, pz_str *nearest);
/* Warn where a rule compares tier() of an attribute with a name that no tier has. */
void pz__warn_of_tier(pz__build *build, const pz__compared *comparison, uint32_t start, uint32_t end);
/* Warn where a rule compares confidence() of an attribute with what lies outside 0 to 1. */
void pz__warn_of_confidence(pz__build *build, const pz__compared *comparison, uint32_t start,
                            uint32_t end);
const char *pz__type_text(pz__build *build, const pz__type *type);

/* Log2 of the bucket's width where nothing fades, where saturation counts by the day, and of
 * counters at most: 65,536 s. */
#define PZ__WIDTH_PLAIN 16u
/* The greatest n up to `most` for which 2^n seconds are at most `ms`; 0 below a second. */
uint8_t pz__width_of(int64_t ms, uint8_t most);

/* ---- domains (domain.c) ---- */

/* A tree of one level over `values`. NULL out of memory. */
pz__domain *pz__domain_flat(pz__build *build, const pz_value *values, uint32_t count);
/* The tree a node of nested objects describes. NULL after a mistake. */
pz__domain *pz__domain_tree(pz__build *build, const pz__node *node);
/* A copy with shares: `shares` an object of leaves, or NULL for equal shares. */
pz__domain *pz__domain_shared(pz__build *build, const pz__domain *domain, const pz__node *shares);
/* A copy for a set, whose elements are independent: each node has its own share, PZ__ELEMENT_SHARE
 * unless `shares` (which may be NULL) says otherwise. */
pz__domain *pz__domain_elements(pz__build *build, const pz__domain *domain, const pz__node *shares);
/* The allowed value nearest to a text; {NULL, 0} if none is near. */
pz_str pz__domain_nearest(const pz__domain *domain, pz_str text);

/* ---- rules (rules.c) ---- */

/* Compile the text of a node; NULL after mistakes, which stand at their places in the document. */
const pz__program *pz__read_rule(pz__build *build, const pz__node *node, const pz__cel_env *env,
                                 const pz__type *expect);
/* The byte of the document where byte `offset` of a node's text stands. */
uint32_t pz__place_in_text(const pz__build *build, const pz__node *node, uint32_t offset);

/* ---- time zones (zones.c) ---- */

/* Make a zone ready, or all of them for the empty name: what pz__cel_env.need_zone wants. */
pz_status pz__need_zone(pz__build *build, pz_str name);
/* Name the zones there are. */
void pz__suggest_zones(const pz__build *build, void (*put)(void *payload, pz_str name),
                       void *payload);
/* The digest of a catalog whose document has the given one: the same if its rules name no zone. */
pz__digest pz__digest_with_zones(const pz__shared *shared, pz__digest document);

/* ---- names in rules (env.c, calls.c) ---- */

/* The environment of segments and decisions. */
pz__cel_env pz__cel_env_of(pz__build *build);
/* The environment of policies that set masks. */
pz__cel_env pz__input_env_of(pz__build *build);
/* A slot for a use; the same one when asked again. UINT32_MAX out of memory. */
uint32_t pz__slot_new(pz__build *build, pz__slot_use use, uint32_t index, pz_str name,
                      const pz__type *type, int64_t window_ms);
pz_status pz__derive_call(void *self, pz_str name, const pz__call_arg *args, uint32_t count,
                          pz__slot *out, pz_error *err);
/* The same where masks are set: only consents may be asked for. */
pz_status pz__derive_input_call(void *self, pz_str name, const pz__call_arg *args, uint32_t count,
                                pz__slot *out, pz_error *err);
/* Put counters in the order of their names, work out their widths, and mend the slots. */
void pz__finish_counters(pz__build *build);

/* ---- sections; each takes the node of its section ---- */

void pz__read_taxonomies(pz__build *build, const pz__node *node);
void pz__read_context(pz__build *build, const pz__node *node);
void pz__read_events(pz__build *build, const pz__node *node);
void pz__read_attributes(pz__build *build, const pz__node *node);
void pz__read_signals(pz__build *build, const pz__node *node);
void pz__declare_segments(pz__build *build, const pz__node *node);
void pz__compile_segments(pz__build *build);
/* Circles among attributes, segments and policies. */
void pz__check_graph(pz__build *build);
void pz__read_purposes(pz__build *build, const pz__node *node);
/* Warn of purposes that no attribute has. */
void pz__check_purposes(pz__build *build);
void pz__read_identifiers(pz__build *build, const pz__node *node);
void pz__read_policies(pz__build *build, const pz__node *node);
void pz__read_records(pz__build *build, const pz__node *node);
void pz__read_decisions(pz__build *build, const pz__node *node);
void pz__check_tests(pz__build *build, const pz__node *node);

/* A context key by name; NULL if it is not declared. */
const pz__context_key *pz__context_key_of(const pz__build *build, pz_str name);
pz__context_key *pz__context_add(pz__build *build, pz_str name, const pz__type *type);
/* An event kind by name; NULL if there is none. */
const pz__event_kind *pz__event_kind_of(const pz__build *build, pz_str name);
/* The declared kind nearest to a name. */
pz_str pz__nearest_event_kind(const pz__build *build, pz_str name);
const pz__event_member *pz__event_member_of(const pz__event_kind *kind, pz_str name);
pz_str pz__nearest_event_member(const pz__build *build, const pz__event_kind *kind, pz_str name);
/* True if JSON has a value of the type as this kind; of types that are written as text, any kind. */
bool pz__type_may_be(const pz__type *type, pz_value value);

#endif
