/*
 * servers.h: real Redis servers for the store's tests: started on free ports of loopback, stopped
 * by process id. They die with the test, however it ends.
 */
#ifndef PZ_TESTS_STORE_SERVERS_H
#define PZ_TESTS_STORE_SERVERS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "store/kit.h"

#define SERVERS_MAX 6u

typedef struct server {
    pid_t process; /* 0 while it is down */
    uint16_t port;
    char directory[300];
    char id[41]; /* its node id in a cluster */
} server;

typedef struct servers {
    char directory[256];
    bool is_cluster;
    unsigned node_timeout_ms; /* silence after which a node counts as dead */
    uint32_t count;
    server list[SERVERS_MAX];
} servers;

/* False where there is no redis-server, and says so once. */
bool servers_are_there(void);

/* One server, or a cluster of three masters (0 to 2) and their three replicas (3 to 5), ready. */
void servers_start_one(servers *s);
void servers_start_cluster(servers *s, unsigned node_timeout_ms);
/* A cluster of one node that owns everything. */
void servers_start_hermit(servers *s);
void servers_stop(servers *s);

/* "redis://127.0.0.1:P,..." with `more` behind it ("?wait=1"). */
void servers_address(const servers *s, const char *more, char out[400]);

/* One server: killed (kill -9), started again on its port and its files, stopped and continued. */
void server_kill(server *one);
void server_restart(servers *s, uint32_t which);

/* Send a command line (words apart by spaces) and give the reply as text; false if there is none. A
 * bulk reply is given whole, an array one line for each element. */
bool server_ask(const server *one, const char *command, char *out, size_t out_size);
/* Wait until every node says that the cluster is well, all of them see the same owners of all slots,
 * and `replicated` of these have a live replica. */
bool servers_wait(const servers *s, uint32_t replicated, int seconds);
/* Which node owns a slot, according to the first that answers; `except` (SERVERS_MAX for none) is
 * not asked. -1 if nobody does. */
int servers_owner(const servers *s, uint16_t slot, uint32_t except);
/* Let one node be known to the others, and to clients, by another port of loopback; wait till it is. */
void servers_announce(const servers *s, uint32_t which, uint16_t port);
/* Tell all nodes how long a silent one is waited for. */
void servers_set_node_timeout(const servers *s, unsigned ms);
/* Move a slot by hand, with its keys, as redis-cli does, between masters of a cluster that is well. */
bool servers_move_slot(const servers *s, uint16_t slot, uint32_t from, uint32_t to);

#endif
