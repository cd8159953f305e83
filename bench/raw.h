/*
 * raw.h: LMDB without this library: what a get and a put of the same bytes cost by themselves.
 * Without LMDB in the build every call says so.
 */
#ifndef PZ_BENCH_RAW_H
#define PZ_BENCH_RAW_H

#include "bench.h"

typedef struct raw raw;

/* A store opened for reading, without a lock: nobody writes to it meanwhile. NULL if this build has
 * no LMDB. */
raw *raw_open(const char *path);
/* A copy of a store, opened for writing. */
raw *raw_open_copy(const char *path, bool is_lazy);
/* A new environment with `count` records of `len` bytes under the keys 0 to count - 1. */
raw *raw_new(const char *path, bool is_lazy, uint32_t count, size_t len);
void raw_close(raw *r);

/* Bytes under the key in the database of records, one read transaction; 0 if there is none. */
size_t raw_get(raw *r, pz_str key);
/* How long the key under an identifier is, one read transaction. */
size_t raw_lookup(raw *r, pz_str identifier);
/* The record found by an identifier: two gets in one read transaction. */
size_t raw_find(raw *r, pz_str identifier);
/* The bytes of all records, walked over in one read transaction. */
uint64_t raw_walk(raw *r);
/* One record under this key read, one byte of it changed, and written, in one transaction. */
void raw_rewrite(raw *r, pz_str key);
/* Each of these records read and written again, in one transaction. */
void raw_update(raw *r, const uint32_t *numbers, uint32_t count);

#endif
