/*
 * redis_scan.h: the names of all items of a kind in Redis, such as the keys of records. Private to the Redis module.
 */
#ifndef PZ_STORE_REDIS_SCAN_H
#define PZ_STORE_REDIS_SCAN_H

#include "store/redis_client.h"

typedef struct pz__redis_names {
    pz_alloc alloc;
    pz__buf text; /* varint length and octets of each, as they were found */
    pz_str *list; /* sorted, each once; into `text` */
    size_t count;
    size_t cap;
    bool any_lock; /* some may not be there yet, or no more */
} pz__redis_names;

/* Fill `out`, which need not be initialized, with the items of a kind (redis_item.h); nothing is left to clear after a failure. PZ_ERR_BUSY
 * while slots of a cluster are on the move, when a scan could miss records. */
pz_status pz__redis_gather(pz__client *client, char kind, pz__redis_names *out, pz_error *err);
void pz__redis_names_clear(pz__redis_names *names);

#endif
