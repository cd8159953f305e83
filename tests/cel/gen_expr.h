/*
 * gen_expr.h: expressions at random, as text. They parse; whether they check is left to chance, but
 * types are followed often enough that many do and evaluate.
 */
#ifndef PZ_TESTS_GEN_EXPR_H
#define PZ_TESTS_GEN_EXPR_H

#include "base/buf.h"
#include "support/gen.h"

/* Append an expression over the names of kit.h, nested at most `depth` deep. */
void gen_expr(gen *g, pz__buf *out, unsigned depth);

#endif
