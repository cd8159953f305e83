/*
 * kit.h: a small world of profiles for the tests of the identity room.
 */
#ifndef PZ_TESTS_IDENTITY_KIT_H
#define PZ_TESTS_IDENTITY_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/error.h"
#include "base/str.h"
#include "identity/identity.h"

#define DAY INT64_C(86400000)
#define T0 INT64_C(1767225600000) /* 2026-01-01 */

static inline pz__write write_at(const char *writer, int64_t at_ms)
{
    return (pz__write){.writer = pz_str_of(writer),
                       .at_ms = at_ms,
                       .now_ms = at_ms,
                       .skew_ms = PZ__SKEW_DEFAULT_MS};
}

static inline pz__profile *make(const char *id)
{
    pz__profile *made;
    assert_int_equal(pz__profile_new(&made, NULL, PZ__PERSON, pz_str_of(id), NULL), PZ_OK);
    return made;
}

static inline void link_to(pz__profile *from, const char *other, uint32_t strength,
                           pz__write write)
{
    assert_int_equal(
        pz__profile_grant(from, &write, PZ__GRANT_LINK, pz_str_of(other), strength, NULL), PZ_OK);
}

static inline void unlink_from(pz__profile *from, const char *other, pz__write write)
{
    assert_int_equal(pz__profile_deny(from, &write, PZ__GRANT_LINK, pz_str_of(other), NULL), PZ_OK);
}

static inline void identify(pz__profile *profile, const char *kind, const char *value,
                            pz__write write)
{
    const pz__claim claim = {.slot = PZ__SLOT_IDENTIFIER,
                             .attribute = pz_str_of(kind),
                             .part = pz_str_of(value),
                             .value = pz_value_bool(true)};
    assert_int_equal(pz__profile_put(profile, &write, &claim, NULL), PZ_OK);
}

/* Seal `count` profiles and put them in the order of their ids. */
static inline pz__person sealed(pz__profile **list, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_int_equal(pz__profile_seal(list[i]), PZ_OK);
        for (uint32_t k = i; k > 0 && pz__str_compare(pz__profile_subject(list[k - 1]),
                                                      pz__profile_subject(list[k])) > 0;
             k--) {
            pz__profile *kept = list[k];
            list[k] = list[k - 1];
            list[k - 1] = kept;
        }
    }
    return (pz__person){(const pz__profile *const *)list, count};
}

static inline uint32_t place_of(const pz__person *list, const char *id)
{
    uint32_t place;
    assert_true(pz__identity_find(list, pz_str_of(id), &place));
    return place;
}

#endif
