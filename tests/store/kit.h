/*
 * kit.h: small tools of the store's tests: places to put a store, and short words for its calls.
 */
#ifndef PZ_TESTS_STORE_KIT_H
#define PZ_TESTS_STORE_KIT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "store/backend.h"
#include "store/store.h"

/* Assert a status and show the message where it is another. */
#define assert_status(expected, call)                                                              \
    kit_assert_status((expected), (call), #call, __FILE__, __LINE__)
#define assert_ok(call) assert_status(PZ_OK, call)
void kit_assert_status(pz_status expected, pz_status actual, const char *call, const char *file,
                       int line);

/* The error that the kit's own calls fill; a test may pass it too. */
extern pz_error kit_error;

/* A fresh directory under TMPDIR or /tmp; removed with all that is in it. */
void kit_make_directory(char out[256]);
void kit_remove_directory(const char *path);

/* Write `text` under `key`, remove it, read it. kit_get gives "" and PZ_ERR_NOT_FOUND for none. */
pz_status kit_set(pz__store *store, const char *key, const char *text);
pz_status kit_set_bytes(pz__store *store, pz_str key, pz_str bytes);
pz_status kit_unset(pz__store *store, const char *key);
pz_status kit_get(pz__store *store, const char *key, char *out, size_t out_size);
pz_status kit_txn_set(pz__store_txn *txn, const char *key, const char *text);
#define assert_record(store, key, expected)                                                        \
    kit_assert_record(store, key, expected, __FILE__, __LINE__)
#define assert_no_record(store, key) kit_assert_record(store, key, NULL, __FILE__, __LINE__)
void kit_assert_record(pz__store *store, const char *key, const char *expected, const char *file,
                       int line);

/* The keys under an identifier as "a b c". */
void kit_lookup(pz__store *store, const char *identifier, char out[256]);
/* The entries of a stream as "1=a 2=b". */
void kit_stream(pz__store *store, const char *stream, uint64_t from, char out[256]);

/* Add one to the decimal number under `key`. */
pz_status kit_increment(pz__store *store, const char *key);
uint64_t kit_number(pz__store *store, const char *key);

#endif
