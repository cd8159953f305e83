/**
 * @file personalize/report.h
 * Reports: every mistake of a catalog at its place, with the remedy.
 */
#ifndef PZ_REPORT_H
#define PZ_REPORT_H

#include <personalize/base.h>

PZ_BEGIN_DECLS

/** How grave a diagnostic is. A catalog with an error is refused; a warning only speaks. */
typedef enum pz_severity { PZ_WARNING = 1, PZ_ERROR = 2 } pz_severity;

/** One diagnostic. Texts are borrowed from the report and NUL-terminated, never NULL. */
typedef struct pz_diagnostic {
    uint32_t size; /**< sizeof(pz_diagnostic), set by the caller before the call. */
    pz_severity severity;
    const char *file; /**< Name of the document, as it was given. */
    uint32_t line;    /**< 1-based. */
    uint32_t column;  /**< 1-based, in characters. */
    uint32_t length;  /**< Characters to underline from there; at least 1. */
    const char *path; /**< Where in the document: "attributes.language.default"; "" at the root. */
    const char *message;    /**< What is wrong, and the remedy. */
    const char *suggestion; /**< The nearest right name; "" if there is none. */
    const char *source;     /**< The line of the document; a long one is cut around the place. */
} pz_diagnostic;

/** The diagnostics of one document, in the order of their places. Owned by whoever asked for it. */
typedef struct pz_report pz_report;

/** How many diagnostics there are. 0 for NULL. */
PZ_API uint32_t pz_report_count(const pz_report *report);
/**
 * Read diagnostic `index`.
 * @param out  Caller's struct with its size set; filled up to that size.
 * @return PZ_OK; PZ_ERR_NOT_FOUND beyond the last; PZ_ERR_ARG.
 */
PZ_API pz_status pz_report_get(const pz_report *report, uint32_t index, pz_diagnostic *out);
/**
 * The whole report as text for people: place, message, the line and a caret below it.
 * @param colour  True to mark with ANSI colours.
 * @return NUL-terminated text owned by the report, valid until the next call; NULL out of memory.
 */
PZ_API const char *pz_report_text(pz_report *report, bool colour);
/** NULL is allowed. */
PZ_API void pz_report_free(pz_report *report);

PZ_END_DECLS

#endif
