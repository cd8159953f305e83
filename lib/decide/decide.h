/*
 * decide.h: the door of the decide room: one request end to end.
 *
 * A request binds a catalog, a person (and account) and a context. It is the only implementer of
 * the activation: it answers what names in a rule mean, so that resolve and segment may call each
 * other through rules without knowing each other. Each attribute is resolved at most once for one
 * binding.
 *
 * The room changes nothing but profiles handed to its verbs, which check what is written against
 * the catalog. Pure: the moment is an argument.
 */
#ifndef PZ_DECIDE_ROOM_H
#define PZ_DECIDE_ROOM_H

#include <personalize/decide.h>

#include "catalog/catalog.h"
#include "learn/learn.h"
#include "resolve/resolve.h"
#include "segment/segment.h"

/* ---- requests ---- */

/* Which state of person and accounts an answer is about: numbers that change with every write to
 * any of their profiles. */
typedef struct pz__binding {
    uint64_t person;
    uint64_t account;
} pz__binding;

/* Most bytes one request may hold in answers and scratch. */
#define PZ__REQUEST_BYTES_MAX (64u << 20)

/*
 * Storage belongs to the enclosing struct. Everything else lives in `arena`, which begins anew with
 * each request; once its chunks are large enough nothing is allocated.
 */
typedef struct pz__request {
    pz__arena arena;
    const pz__catalog *catalog; /* borrowed; NULL before the first begin */
    pz__person person;          /* borrowed, the list too; no members: nobody */
    pz__person accounts;        /* nearest first */
    pz__binding binding;        /* of the answers held */
    int64_t now_ms;
    uint64_t serial; /* changes with every circumstance: older decisions are stale */
    pz__activation activation;
    pz_value *context;       /* by context key; PZ__V_PENDING: not said */
    pz__resolution *answers; /* by attribute; good where `answered` */
    bool *answered;
    pz_value *totals; /* by slot: what was counted for this binding; PZ__V_PENDING: not yet */
    pz_str channel;   /* of the circumstances, where `has_channel` */
    bool has_channel;
    pz_str level;             /* that the host set; "" if none */
    uint32_t level_masked;    /* what it leaves out */
    uint32_t masked;          /* source classes left out for this binding, where `has_masked` */
    bool has_masked;          /* worked out for this binding */
    pz__activation policies;  /* what policies read: slots of their own; none without policies */
    uint8_t *held;            /* by policy: 0 not evaluated yet, else one more than its truth */
    uint32_t *policy_touched; /* slots fetched for policies in this binding */
    uint32_t policy_touched_count;
    bool has_answers;  /* something is held that a new binding or circumstance makes void */
    uint32_t *touched; /* slots fetched since the last pz__request_settle */
    uint32_t touched_count;
    pz_status status; /* of the first fetch that failed since a question was begun */
} pz__request;

void pz__request_init(pz__request *request, const pz_alloc *alloc);
void pz__request_clear(pz__request *request);
/* Forget everything and begin anew. PZ_ERR_NOMEM leaves a request without a catalog. */
pz_status pz__request_begin(pz__request *request, const pz__catalog *catalog, int64_t now_ms);
/* Say (null: take back) a circumstance; copied. Codes as pz_context_set(). */
pz_status pz__request_set(pz__request *request, pz_str key, pz_value value, pz_error *err);
/* Set the host's level (without data: none) for what follows: PZ_ERR_NOT_FOUND for a name that is
 * none. */
pz_status pz__request_level(pz__request *request, pz_str level, pz_error *err);
/* Ask about these from now on. `binding` names their state: answers are kept while it stays. */
void pz__request_bind(pz__request *request, pz__person person, pz__person accounts,
                      pz__binding binding);
/* The circumstances are others than before: nothing answered holds any more. */
void pz__request_changed(pz__request *request);
/* What resolve reads. */
pz__view pz__request_view(pz__request *request);
/* The answer about an attribute, resolved now or before; NULL where that failed: see `status`. */
const pz__resolution *pz__request_answer(pz__request *request, uint32_t attribute);
/* Make every slot that was read pending again, so that the next evaluation tells what it reads. */
void pz__request_settle(pz__request *request);

/* If `result` failed for want of memory, the request has: what follows from it is no answer. */
void pz__request_notice(pz__request *request, pz_value result);
/* The names of all segments the person is in. PZ_ERR_NOMEM. */
pz_status pz__segments_list(pz__request *request, pz_value *out);

/* ---- decisions ---- */

/* One slot that a decision read, and what was in it. */
typedef struct pz__use {
    uint32_t slot;
    pz_value value; /* PZ__V_UNKNOWN or PZ__V_ERROR included */
} pz__use;

/* A rule that failed. */
typedef struct pz__failure {
    const pz__rule *rule;
    const char *message;
} pz__failure;

typedef enum pz__outcome {
    PZ__OUTCOME_MATCH,
    PZ__OUTCOME_DEFAULT,
    PZ__OUTCOME_STATIC,
    PZ__OUTCOME_ERROR
} pz__outcome;

/* Everything is in the request's arena, or borrowed from catalog and profiles. */
struct pz_decision {
    const pz__request *request; /* that it was made in: no other can tell about it */
    const pz__decision_def *def;
    pz__person person; /* about whom, in which state and circumstances */
    pz__person accounts;
    pz__binding binding;
    uint64_t serial;
    pz__outcome outcome;
    pz_value value;
    const char *text;     /* the value NUL-terminated, NULL if it is no string */
    const pz__rule *rule; /* NULL if none fired */
    const char *rule_id;  /* NUL-terminated; "" if none fired */
    uint32_t confidence;  /* of 65536: the least among the guesses used; 65536 without */
    const pz__use *uses;  /* in the order they were read */
    uint32_t use_count;
    const uint32_t *unknown; /* slots whose absence kept a rule from firing */
    uint32_t unknown_count;
    const pz__failure *failures;
    uint32_t failure_count;
    bool is_impure; /* a function of the host may have had a say */
};

/* Decide. PZ_ERR_NOMEM is the only failure. */
pz_status pz__decide(pz__request *request, const pz__decision_def *def, const pz_decision **out);
const char *pz__outcome_name(pz__outcome outcome);

/* The calls below go back to the person and circumstances of the decision. PZ_ERR_STATE if the
 * request has been told another circumstance since. */

/* Hash of the inputs: catalog, subject bytes, context, name of the decision. */
pz_status pz__decision_id(pz__request *request, const pz_decision *decision, pz__digest *out);
/* The members that pz_decision_map() documents. */
pz_status pz__decision_map(pz__request *request, const pz_decision *decision, pz_value *out);
/* How much of a decision is kept. */
typedef struct pz__keeping {
    bool is_without_value;
    bool is_anonymous;
    pz_str note; /* kept by pointer */
} pz__keeping;
/* The record of a decision, as personalize/record.h documents it. */
pz_status pz__decision_keep(pz__request *request, const pz_decision *decision,
                            const pz__keeping *how, pz_value *out);
/* The members that pz_explain() documents. */
pz_status pz__decision_explain(pz__request *request, const pz_decision *decision, pz_value *out);
pz_status pz__decision_sentences(pz__request *request, const pz_decision *decision, pz_str *out);

/* The layers as a list of maps, for inspections and explanations. Privileged: with those that masks
 * and missing consents hide. */
pz_status pz__layers_list(pz__request *request, const pz__attribute *attribute, bool is_privileged,
                          pz_value *out);

/* ---- verbs: checked writes ---- */

/*
 * Each verb checks its arguments against the catalog, notes the counters and writes. The profile
 * wants sealing afterwards. On failure it may be half written: callers hand in a copy, or bytes
 * just decoded, and drop it. Only OBSERVE happens as a whole or not at all.
 */
typedef enum pz__verb_kind {
    PZ__VERB_CHOOSE,
    PZ__VERB_REJECT,
    PZ__VERB_CLEAR,
    PZ__VERB_EDIT,
    PZ__VERB_SET_MODE,
    PZ__VERB_SET_LEVEL,
    PZ__VERB_UNDO,
    PZ__VERB_DECLARE,
    PZ__VERB_INFER,
    PZ__VERB_IDENTIFY,
    PZ__VERB_OBSERVE,
    PZ__VERB_CONSENT,
    PZ__VERB_LINK,
    PZ__VERB_UNLINK,
    PZ__VERB_SWITCH,
    PZ__VERB_SET_ACCOUNT,
    PZ__VERB_FORGET,
    PZ__VERB_RETRACT,
    PZ__VERB_CONSENT_TCF,
    PZ__VERB_CONSENT_GPC,
    PZ__VERB_EXPIRE
} pz__verb_kind;
#define PZ__VERB_COUNT ((unsigned)PZ__VERB_EXPIRE + 1)

typedef struct pz__verb {
    pz__verb_kind kind;
    pz_str name;            /* attribute ("" or "*": any, of UNDO, FORGET, RETRACT and EXPIRE), kind of
                             * identifier, level, purpose, or id of another subject */
    pz_value value;         /* value, identifier text, event, mode as text, what an edit does, or
                             * whether consent is given */
    pz_str part;            /* of EDIT the item, of CLEAR a record's member */
    pz_str source, id;      /* of RETRACT: one event; id "": by attribute and time */
    int64_t from_ms, to_ms; /* of FORGET and RETRACT: [from, to); equal: ever */
    double strength;        /* of LINK: above 0, at most 1 */
    const pz__event *event; /* of OBSERVE: `value` where the caller has read it; NULL: not yet */
    double confidence;      /* of INFER */
    bool is_of_member;      /* of CLEAR: `part` is cleared and nothing else, also where it is "" */
    bool is_replay;         /* of OBSERVE: the event's own time is the clock */
    pz__person person;      /* of OBSERVE and INFER: whom the profile is a member of, itself among
                             * them, sealed; nobody: it stands alone */
    pz__write write;
    bool is_new;    /* out, of OBSERVE */
    uint32_t count; /* out, of RETRACT events taken back, of CONSENT_* purposes changed, of EXPIRE
                     * attributes of which something was dropped */
} pz__verb;

/* `scratch` is used and returned to where it stood. */
pz_status pz__verb_apply(pz__verb *verb, const pz__catalog *catalog, pz__profile *profile,
                         pz__arena *scratch, pz_error *err);
/* Whether EXPIRE would drop something of any attribute now. */
bool pz__has_expired(const pz__catalog *catalog, pz__profile *profile, int64_t now_ms);
/* Bytes of an identifier's value; its kind has at most PZ__IDENTIFIER_KIND_MAX. */
#define PZ__IDENTIFIER_VALUE_MAX 320u
/* Stands between kind and value where an identifier is one text; no kind holds it, so no two
 * identifiers are put together to the same text. */
#define PZ__IDENTIFIER_SEPARATOR 0x1f
/* Kind and value of an identifier are UTF-8 text, of 1 to the greatest length. PZ_ERR_ARG. */
pz_status pz__identifier_check(pz_str kind, pz_str value, pz_error *err);
/* The same of one that is given to somebody: without NUL besides, or no C text would find it. */
pz_status pz__identifier_check_new(pz_str kind, pz_str value, pz_error *err);

/*
 * Read `[verb, argument…, meta]` into a verb; texts borrow from `operation`. `write` holds the
 * defaults and is completed from meta. PZ_ERR_TYPE with what is expected. "merge" is not read here.
 */
pz_status pz__verb_read(pz__verb *out, pz_value operation, const pz__write *defaults,
                        pz_error *err);

/* ---- consent strings ---- */

#define PZ__TCF_PURPOSES 24u /* bits of a TC string; 11 are defined by the policy of today */

/* The core segment of an IAB TCF v2 string, without its vendors. */
typedef struct pz__tcf {
    int64_t created_ms, updated_ms; /* whole tenths of a second */
    uint16_t cmp_id, cmp_version;   /* 12 bits */
    uint8_t screen;                 /* 6 bits */
    char language[2];               /* A to Z */
    uint16_t vendor_list_version;   /* 12 bits */
    uint8_t policy_version;         /* 6 bits */
    bool is_service_specific;
    uint32_t consents; /* purpose n: bit n - 1 */
    char publisher_country[2];
} pz__tcf;

/* What a TC string says of a person: consents and moments are filled in, the rest is the caller's.
 * PZ_ERR_NOT_FOUND if nobody ever said anything about a purpose that the catalog maps. */
pz_status pz__tcf_of_person(const pz__catalog *catalog, const pz__person *person, int64_t now_ms,
                            pz__tcf *tcf);
/* Append the TC string, which names no vendor. PZ_ERR_NOMEM. */
pz_status pz__tcf_write(const pz__tcf *tcf, pz__buf *out);

/* ---- exports ---- */

typedef enum pz__export_form { PZ__EXPORT_JSON, PZ__EXPORT_TEXT } pz__export_form;

/* Everything about a sealed profile with its provenance, and from the catalog (NULL: none) what it
 * is used for; as JSON, indented by `indent`, or as sentences for the person it is about. */
pz_status pz__export(const pz__catalog *catalog, const pz__profile *profile, pz__buf *out,
                     pz__export_form form, uint32_t indent);

/* ---- the catalog's own tests ---- */

/* Run them all; each failure becomes a diagnostic at its place. PZ_ERR_NOMEM is the only failure of
 * the call itself. */
pz_status pz__trials_run(const pz__catalog *catalog, const pz_alloc *alloc, pz_report *report,
                         uint32_t *passed, uint32_t *failed);

#endif
