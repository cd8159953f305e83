/**
 * @file personalize/redis.h
 * The store on Redis: many processes on many machines. A library of its own, libpersonalize-redis.
 *
 * Link it beside libpersonalize, hand its module to pz_engine_open() and name the servers:
 *
 *     pz_engine_open(&shop, &(pz_engine_options){PZ_ENGINE_OPTIONS, .catalog = "shop.json",
 *         .store = "redis://crm:s%40fe@cache1:6379,cache2:6379?wait=1",
 *         .module = pz_redis_module()}, &err);
 *
 * The address is redis://[USER:PASSWORD@]HOST:PORT[,HOST:PORT...][/DATABASE][?OPTION=VALUE&...].
 * Any node of a cluster is a way in; a server that stands alone may be named with its replicas.
 * Options: `wait`, replicas that must confirm a write before it is acknowledged (0), `wait_ms`, how
 * long they may take (1000), `timeout_ms`, silence that ends one attempt (1000), `deadline_ms`, the
 * end of all attempts of one exchange (15000), `prefix`, what all keys begin with ("pz:").
 * docs/operations.md tells what each level promises. Opening contacts nobody: a server that cannot
 * be reached is PZ_ERR_IO at first use. No error repeats a user or a password.
 */
#ifndef PZ_REDIS_H
#define PZ_REDIS_H

#include <personalize/base.h>

PZ_BEGIN_DECLS

/** A kind of store that is a library of its own. Constant and never freed. */
typedef struct pz_store_module pz_store_module;

/**
 * The store for addresses that begin with "redis:". Its version has to be that of libpersonalize;
 * pz_engine_open() says PZ_ERR_VERSION if it is not. Any thread may call this at any time.
 */
PZ_API const pz_store_module *pz_redis_module(void);

PZ_END_DECLS

#endif
