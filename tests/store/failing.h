/*
 * failing.h: a store that fails on demand, around another store.
 *
 * The countdown names an operation of the backend (reads, writes, commits; not close and abort,
 * which cannot fail): when it reaches zero that operation and, until calmed, all after it give
 * `status`. A commit that fails aborts the inner transaction, as a backend must.
 */
#ifndef PZ_TESTS_STORE_FAILING_H
#define PZ_TESTS_STORE_FAILING_H

#include "store/backend.h"

/* "memory:" or "lmdb:PATH" as the address of the store within. Starts calm. */
pz_status failing_open(pz__store **out, const char *inner, const pz__store_options *options,
                       pz_error *err);
/* The nth operation from now on fails, and all after it unless `once`. 0 calms. */
void failing_arm(pz__store *store, size_t nth, bool once, pz_status status);
/* Operations asked for since the last arming. */
size_t failing_asked(const pz__store *store);

#endif
