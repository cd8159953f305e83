/*
 * match.h: patterns that are constants of a program.
 */
#ifndef PZ_CEL_MATCH_H
#define PZ_CEL_MATCH_H

#include "cel/check.h"

/* If the call searches with a pattern that is a constant, compile it now; it lives in the
 * program's arena from then on. A wrong one is a mistake. */
void pz__check_pattern(pz__checker *ck, pz__expr *call);

#endif
