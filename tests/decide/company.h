/*
 * company.h: generated catalogs with policies, customers with histories, and the bytes decided for
 * them: for the laws of the decide room.
 *
 * A company has six attributes, one of each sort, with random purposes, classes, defaults and
 * group priors, a few random policies (locks, bounds, masks) that read attributes, segments,
 * consents and context, and one decision with random rules. A customer is a history: a list of acts
 * from which a profile is made anew, so that a law can change, drop or add acts and ask again.
 */
#ifndef PZ_TESTS_DECIDE_COMPANY_H
#define PZ_TESTS_DECIDE_COMPANY_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "decide/decide.h"
#include "support/gen.h"

#define HOUR INT64_C(3600000)
#define DAY (24 * HOUR)
#define COMPANY_NOW INT64_C(1773100800000) /* 2026-03-10T00:00:00Z */

enum { LANGUAGE, TASTE, DISCOUNT, WAYS, ADDRESS, ADULT, ATTRIBUTES };
extern const char *const attribute_names[ATTRIBUTES];

typedef enum act {
    CHOOSE,
    REJECT,
    DECLARE,
    INFER,
    EVIDENCE, /* weight about a value, without a signal */
    VISIT,    /* one event that only counts */
    SET_MODE,
    SET_LEVEL,
    CONSENT
} act;

typedef struct deed {
    act act;
    uint32_t attribute;
    const char *text; /* value as JSON, mode, level, purpose */
    const char *channel;
    int64_t now, at;
    double confidence;
    int weight;
    bool grants;
} deed;

#define DEEDS_MAX 64u
typedef struct history {
    deed list[DEEDS_MAX];
    uint32_t count;
} history;

typedef struct company {
    char text[8192]; /* the catalog without its first brace */
    const pz__catalog *catalog;
    const char *purpose[ATTRIBUTES]; /* "" without */
    const char *class[ATTRIBUTES];
    bool has_group[ATTRIBUTES];
    bool is_read[ATTRIBUTES]; /* by a rule of the decision itself */
} company;

/* Circumstances of a decision. */
typedef struct question {
    const char *country, *mode;
    const char *level; /* the host's; NULL: none */
} question;

typedef struct wishes {
    uint32_t read;     /* an attribute that the first rule reads */
    const char *lines; /* further policies, each ending in a comma; "" for none */
    bool is_masking;   /* random policies may set masks */
} wishes;

void company_make(company *c, gen *g, const wishes *w);
/* The same document with members before all others, such as "\"level\": \"basic\", ". */
const pz__catalog *company_again(const company *c, const char *members);
void company_free(company *c);
question question_make(gen *g);

/* One deed about the attribute, of a random act among `acts` (bits), at a random time between the
 * last deed and the moment of asking. */
void history_add(history *h, gen *g, uint32_t attribute, uint32_t acts);
void history_consent(history *h, const char *purpose, bool grants);
/* Random deeds about everything. */
void history_fill(history *h, gen *g, uint32_t count);

/* A sealed profile; deeds for which `keeps` is false are left out (NULL: all are kept). */
pz__profile *history_profile(const history *h, const pz__catalog *catalog,
                             bool (*keeps)(const void *self, const deed *one), const void *self);

/* The bytes of a decision, its id blotted out; malloced. `request` is begun anew. */
char *decision_bytes(pz__request *request, const pz__catalog *catalog, const pz__profile *profile,
                     const question *q, size_t *len);
/* The same of a request that has been begun and bound. */
char *decision_bytes_now(pz__request *request, const pz_decision **decision, size_t *len);
void question_ask(pz__request *request, const pz__catalog *catalog, const pz__profile *profile,
                  const question *q);
/* Whether two profiles come to unlike bytes. */
bool decisions_differ(pz__request *request, const pz__catalog *catalog, const pz__profile *a,
                      const pz__profile *b, const question *q);

#endif
