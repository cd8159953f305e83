/*
 * questions.h: Beta distributions and thresholds to judge, drawn where a wrong verdict would show.
 *
 * Every other one lies at the 5 % quantile or a hair beside it; the rest are whole weights under a
 * weak prior, anything at all, and parameters and thresholds at the ends of their ranges. They are
 * drawn with the library's own arithmetic, so the same seed gives the same bits everywhere.
 */
#ifndef PZ_TESTS_RESOLVE_QUESTIONS_H
#define PZ_TESTS_RESOLVE_QUESTIONS_H

#include "support/gen.h"

typedef struct question {
    double a, b, threshold; /* not both 0; the threshold between 0 and 1 */
} question;

/* The number says of which sort. */
question question_draw(gen *g, uint64_t number);

#endif
