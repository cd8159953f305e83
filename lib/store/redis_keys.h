/*
 * redis_keys.h: the list of keys under an identifier. Private to the Redis module.
 */
#ifndef PZ_STORE_REDIS_KEYS_H
#define PZ_STORE_REDIS_KEYS_H

#include "base/buf.h"
#include "base/str.h"

/* Give out a list of keys as it is stored, counted. */
pz_status pz__redis_keys_put(pz_str list, pz__buf *keys, size_t *count, pz_error *err);
/* `list` with `key` in its place, or without it, appended to `out`. */
void pz__redis_keys_change(pz__buf *out, pz_str list, pz_str key, bool present);

#endif
