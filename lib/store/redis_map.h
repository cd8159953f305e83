/*
 * redis_map.h: which servers there are, what they say of themselves, and who owns which slot.
 * Private to the Redis module; redis_client.c is its user.
 */
#ifndef PZ_STORE_REDIS_MAP_H
#define PZ_STORE_REDIS_MAP_H

#include "store/redis_client.h"

/* What an attempt came to, beside the answers. */
typedef struct pz__trouble {
    pz_status hard; /* no further attempt can help */
    bool must_wait;
    bool must_map;
    pz_error why;     /* the last reason, for the caller who runs out of time */
    int64_t until_ms; /* silence that only the deadline ended is no reason */
} pz__trouble;

/* `why` with the address of the server before it. */
pz_status pz__fail_node(const pz__session *session, uint16_t node, const pz_error *why,
                      pz_error *err);
/* Note a reason of the server's. */
void pz__trouble_note(pz__trouble *t, const pz__session *session, uint16_t node, pz_status status,
                      const char *text);
/* Close the connection to a node after a failure on it. */
void pz__node_lose(pz__session *session, uint16_t node, const pz_error *why, pz__trouble *t);
/* What a server said, fit for a message. */
void pz__redis_printable(char out[160], pz_str text);
bool pz__redis_begins(pz_str text, const char *with);

/* A connection to a node whose server has told lately who it is: made or greeted anew if need be. */
bool pz__node_reach(pz__session *session, uint16_t node, int64_t until_ms, pz__trouble *t);
/* Greet it anew in any case when it is reached next. */
void pz__node_doubt(pz__session *session, uint16_t node);
pz__patience pz__node_patience(const pz__session *session, int64_t until_ms);

/* The number of a server; PZ__NODE_NONE if it was never noted. */
uint16_t pz__client_find(const pz__client *client, pz_str host, uint16_t port);
/* Whether a node owns a slot, as far as is known. */
bool pz__node_is_master(const pz__client *client, uint16_t node);
/* Ask around for the map of slots. */
bool pz__map_renew(pz__session *session, int64_t until_ms, pz__trouble *t);

#endif
