/*
 * text.h: what the functions on texts share: positions, and texts under construction.
 *
 * Positions of the language count code points, texts are octets: pz__text_offset goes from one to
 * the other. A text is built in a pz__buf that cannot outgrow the steps that are left, so that no
 * function makes more than the budget pays for; closing it charges for it and moves it to the
 * arena.
 */
#ifndef PZ_CEL_TEXT_H
#define PZ_CEL_TEXT_H

#include "base/buf.h"
#include "cel/functions.h"

/* Octets that one step pays for. */
#define PZ__STEP_BYTES 16u

/* Charge for reading or making so many octets; false once the budget is used up. */
bool pz__call_charge_bytes(const pz__call *call, uint64_t bytes);

/* The part of a text between two octets, borrowed. */
pz_value pz__text_part(pz_value text, size_t start, size_t end);
/* The octet where the code point of that position begins, len for the position one past the last;
 * false if there is no such position. */
bool pz__text_offset(pz_value text, int64_t position, size_t *offset);
/* Octet of the first occurrence at or after octet `from`; SIZE_MAX if there is none. */
size_t pz__text_find(pz_value text, pz_value part, size_t from);

/* The code points in reverse order. */
pz_value pz__text_reverse(pz__call *call, pz_value text);

/* A text under construction; always to be closed. */
void pz__text_open(const pz__call *call, pz__buf *out);
/* The text as a value of that kind in the arena, or the error that building it came to. */
pz_value pz__text_close(pz__call *call, pz__buf *out, uint32_t kind);
/* The value's octets, appended. */
void pz__text_put(pz__buf *out, pz_value text);

#endif
