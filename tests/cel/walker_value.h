/* walker_value.h: operations on values, shared by the two files of the walker. No argument is an
 * error or an unknown, unless said otherwise. */
#ifndef PZ_TESTS_CEL_WALKER_VALUE_H
#define PZ_TESTS_CEL_WALKER_VALUE_H

#include "cel/walker.h"

static const pz_value failed = {.kind = PZ__V_ERROR};

static inline bool walker_is_problem(pz_value v)
{
    return v.kind == PZ__V_ERROR || v.kind == PZ__V_UNKNOWN;
}

bool walker_equal(const walker *w, pz_value a, pz_value b);
/* `op` is one of + - * / %, `row` that of its function. */
pz_value walker_arithmetic(walker *w, uint32_t row, char op, pz_value a, pz_value b);
pz_value walker_negated(const walker *w, pz_value v);
/* `sign` is one of < <= > >=. */
pz_value walker_relation(const walker *w, const char *sign, pz_value a, pz_value b);
pz_value walker_in(const walker *w, pz_value x, pz_value all);
pz_value walker_optional_of(walker *w, pz_value v);
/* v[key], or v[?key]; v.key if the key is a text. */
pz_value walker_access(walker *w, pz_value v, pz_value key, bool optional);
pz_value walker_has(walker *w, pz_value v, pz_str field);
/* The type that a name stands for; false if it is none. */
bool walker_type_name(const char *text, pz_value *out);
/* Any function but an operator. */
pz_value walker_call(walker *w, uint32_t row, const pz_value *args, uint32_t count);
pz_value walker_by_table(walker *w, uint32_t row, const pz_value *args, uint32_t count);

#endif
