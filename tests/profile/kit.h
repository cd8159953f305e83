/*
 * kit.h: short words for the tests of the profile room.
 */
#ifndef PZ_TESTS_PROFILE_KIT_H
#define PZ_TESTS_PROFILE_KIT_H

#include "profile/profile.h"
#include "support/gen.h"

/* 2026-03-01T00:00:00Z */
#define KIT_NOW INT64_C(1772323200000)
#define KIT_DAY INT64_C(86400000)

pz__profile *kit_new(const pz_alloc *alloc);
pz__write kit_write(const char *writer, int64_t at_ms);
/* Put a string value, or clear the register for NULL. */
pz_status kit_put(pz__profile *p, const char *writer, pz__claim_slot slot, const char *attribute,
                  const char *value, int64_t at_ms, int64_t now_ms);
/* Observe an event of one contribution of `weight` for `value`, at horizon `horizon_ms`. */
pz_status kit_observe(pz__profile *p, const char *writer, const char *id, const char *value,
                      int64_t weight, int64_t time_ms, int64_t now_ms, int64_t horizon_ms,
                      bool *is_new);
/* Some operation, drawn: most succeed. Returns its status. */
pz_status kit_random_write(gen *g, pz__profile *p, const char *writer);
pz_status kit_random_forget(gen *g, pz__profile *p, const char *writer);
/* Canonical bytes; the caller clears the buffer. Asserts success. */
pz__buf kit_bytes(const pz__profile *p);
bool kit_same(const pz__profile *a, const pz__profile *b);
pz__profile *kit_copy(const pz__profile *p);
/* Asserts that a and b have the same bytes. */
void kit_assert_same(const pz__profile *a, const pz__profile *b);
/* Asserts decode(encode(p)) is p, and that the view holds each claim in order. */
void kit_check(const pz__profile *p);

#endif
