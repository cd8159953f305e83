/*
 * kit.h: a small customer for the tests of the rule language.
 *
 * The names below are declared; a test sets what is in the slots. `count(kind)` is a function of
 * the environment: each kind becomes a slot of its own. The functions of the host are tick(), which
 * counts in kit.ticks how often it was called and gives 1; twice(x) and x.twice(); geo.head(list);
 * broken(), which fails; and declared(x), which nobody supplies.
 */
#ifndef PZ_TESTS_CEL_KIT_H
#define PZ_TESTS_CEL_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "cel/cel.h"

#define KIT_NAMES(X)                                                                               \
    X(LANGUAGE, "profile.language", "string")                                                      \
    X(AGE, "profile.age", "int")                                                                   \
    X(SCORE, "profile.score", "double")                                                            \
    X(ACTIVE, "profile.active", "bool")                                                            \
    X(TAGS, "profile.tags", "list<string>")                                                        \
    X(ORDERS, "profile.orders", "list<map<string, dyn>>")                                          \
    X(ADDRESS, "profile.address", "map<string, string>")                                           \
    X(SINCE, "profile.since", "timestamp")                                                         \
    X(ANYTHING, "anything", "dyn")                                                                 \
    X(OTHER, "other", "dyn")

enum {
#define KIT_SLOT(name, text, type) SLOT_##name,
    KIT_NAMES(KIT_SLOT)
#undef KIT_SLOT
        SLOT_DERIVED, /* count("purchase"), then count("visit") */
    SLOT_COUNT = SLOT_DERIVED + 2
};

typedef struct kit {
    pz__arena arena;
    pz_value slots[SLOT_COUNT];
    uint32_t fetched[SLOT_COUNT];    /* how often each was asked for */
    pz_value fetch_with[SLOT_COUNT]; /* what a fetch puts in; PZ__V_PENDING: unknown */
    uint32_t steps;
    uint32_t ticks;
    pz__host_function tick;
    pz__cel_issues issues;
    pz_status status;
} kit;

void kit_open(kit *k, const pz_alloc *alloc);
void kit_close(kit *k);
pz__cel_env kit_env(kit *k);

/* NULL if it does not compile: see k->status and k->issues. */
const pz__program *kit_compile(kit *k, const char *source);
const pz__program *kit_compile_with(kit *k, pz_str source, const pz__cel_options *options);
pz_value kit_run(kit *k, const pz__program *program);
/* Compile and run; the source must compile. */
pz_value kit_eval(kit *k, const char *source);

/* The message of an error value; fails the test if it is none. */
const char *kit_error(pz_value v);
const pz__cel_error *kit_error_of(pz_value v);

#define assert_true_of(k, source) assert_int_equal(pz__cel_truth(kit_eval(k, source)), PZ__TRUE)
#define assert_false_of(k, source) assert_int_equal(pz__cel_truth(kit_eval(k, source)), PZ__FALSE)
#define assert_unknown_of(k, source) assert_int_equal(kit_eval(k, source).kind, PZ__V_UNKNOWN)
#define assert_error_of(k, source) assert_int_equal(kit_eval(k, source).kind, PZ__V_ERROR)

#endif
