/*
 * error.h: filling a caller's pz_error.
 */
#ifndef PZ_BASE_ERROR_H
#define PZ_BASE_ERROR_H

#include <personalize/base.h>

/* Fill `err` (NULL is allowed) and return `status`, so that failing reads as one line:
 *     return pz__fail(err, PZ_ERR_LATE, "the event of %s is older ...", ...);
 * The format obeys the rule of pz__buf_format. Line and column become 0. */
pz_status pz__fail(pz_error *err, pz_status status, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* The same with a place: 1-based, column in code points. */
pz_status pz__fail_at(pz_error *err, pz_status status, uint32_t line, uint32_t column,
                      const char *format, ...) __attribute__((format(printf, 5, 6)));

/* Line and column of byte `offset` in `text`, both 1-based, the column in code points. LF, CR and
 * CR LF end a line. */
void pz__locate(const char *text, size_t len, size_t offset, uint32_t *line, uint32_t *column);

#endif
