/*
 * fields.h: making maps out of named fields, for results that leave the library as values.
 *
 * Private to the room. A `pz__fields` collects up to FIELDS_MAX entries on the stack; the first
 * failure sticks, and the end tells.
 */
#ifndef PZ_DECIDE_FIELDS_H
#define PZ_DECIDE_FIELDS_H

#include "decide/decide.h"

#define PZ__FIELDS_MAX 24u

typedef struct pz__fields {
    pz__arena *arena;
    pz_entry entries[PZ__FIELDS_MAX];
    uint32_t count;
} pz__fields;

void pz__fields_init(pz__fields *fields, pz__arena *arena);
/* `name` is kept by pointer: a constant. */
void pz__fields_put(pz__fields *fields, const char *name, pz_value value);
/* The same, left out if the text is empty. */
void pz__fields_put_text(pz__fields *fields, const char *name, pz_str text);
/* A time as a timestamp, left out if it is 0. */
void pz__fields_put_time(pz__fields *fields, const char *name, int64_t ms);
/* The map of all that was put. */
pz_status pz__fields_end(pz__fields *fields, pz_value *out);

/* The members of pz__decision_map(), put but not ended: explanations add theirs. */
pz_status pz__decision_fields(pz__request *request, const pz_decision *decision,
                              pz__fields *fields);

/* A copy of a digest as 32 hexadecimal digits; null value out of memory. */
pz_value pz__hex_value(pz__arena *arena, pz__digest digest);

#endif
