/*
 * redis_address.h: what stands behind "redis:" in the address of a store. Private to the Redis
 * module.
 */
#ifndef PZ_STORE_REDIS_ADDRESS_H
#define PZ_STORE_REDIS_ADDRESS_H

#include "store/redis_client.h"

/* Fill the options and the first nodes of an initialized client. PZ_ERR_ARG, with a message that
 * never repeats a user or a password. */
pz_status pz__redis_address(pz__client *client, pz_str where, pz_error *err);

#endif
