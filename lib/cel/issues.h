/*
 * issues.h: the mistakes of one compilation, gathered while it goes on.
 */
#ifndef PZ_CEL_ISSUES_H
#define PZ_CEL_ISSUES_H

#include "cel/cel.h"

typedef struct pz__issue_sink {
    pz__arena *arena; /* where the list and the suggestions live */
    pz__cel_issue *list;
    uint32_t count;
    pz_status status; /* of the first mistake, or NOMEM, which ends everything */
} pz__issue_sink;

/* Note a mistake with its span; the one just noted, to add a suggestion to, or NULL if it was not
 * kept (too many, or no memory). The format obeys the rule of pz__buf_format. */
pz__cel_issue *pz__issue(pz__issue_sink *sink, pz_status status, uint32_t start, uint32_t end,
                         const char *format, ...) __attribute__((format(printf, 5, 6)));
/* Memory ran out: nothing that follows counts. Returns PZ_ERR_NOMEM. */
pz_status pz__issue_nomem(pz__issue_sink *sink);
/* Copy `name` as the suggestion of `issue`, either may be absent. */
void pz__issue_suggest(pz__issue_sink *sink, pz__cel_issue *issue, pz_str name);

/* The operator that a word stands for in other languages: "&&" for `and`; NULL if for none. */
const char *pz__word_operator(pz_str word);

#endif
