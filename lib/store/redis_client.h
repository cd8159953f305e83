/*
 * redis_client.h: commands to the right servers of a Redis installation, tried again until they are
 * answered or time is up. Private to the Redis module.
 *
 * A round is a number of commands, each for a slot (or for one node), sent to all nodes at once and
 * answered in full. Whether the servers form a cluster is found out at first contact.
 *
 * Thread rule: a client may be used by any thread; a session belongs to the thread that took it.
 */
#ifndef PZ_STORE_REDIS_CLIENT_H
#define PZ_STORE_REDIS_CLIENT_H

#include <stdatomic.h>

#include "store/lock.h"
#include "store/redis_script.h"
#include "store/redis_wire.h"

/* Servers ever heard of through one handle: masters and replicas. */
#define PZ__NODES_MAX 256u
/* Sessions kept for reuse. */
#define PZ__SESSIONS_MAX 64u

#define PZ__ADDRESS_TEXT_MAX 128u
/* Bytes of what tells one history of a server from another (master_replid of INFO). */
#define PZ__HISTORY_LEN 40u
#define PZ__NONCE 16u
/* Room for a number in a command. */
#define PZ__DIGITS 21u

/* What an address says; see redis_address.c. */
typedef struct pz__redis_options {
    char user[PZ__ADDRESS_TEXT_MAX];
    char password[PZ__ADDRESS_TEXT_MAX];
    char prefix[32];
    uint32_t database;
    uint32_t wait_count; /* replicas that must confirm a write */
    int32_t wait_ms;
    int32_t timeout_ms;  /* silence that ends one attempt */
    int32_t deadline_ms; /* end of all attempts of one call */
} pz__redis_options;

typedef struct pz__node {
    char host[PZ__HOST_MAX];
    uint16_t port;
    _Atomic uint64_t history; /* hash of what was last met here; 0 for none yet */
    _Atomic uint64_t id; /* hash of the node id that a map of the cluster gives it; 0 for none yet */
    atomic_bool is_met;  /* and it has said so itself */
} pz__node;

typedef struct pz__client {
    pz_alloc alloc;
    pz__redis_options options;
    char shas[PZ__SCRIPT_COUNT][41];
    pz__fork_lock adding; /* of nodes: they are never removed, and whole once counted */
    atomic_uint node_count;
    pz__node nodes[PZ__NODES_MAX];
    atomic_bool is_mapped;
    atomic_bool is_cluster;
    atomic_uint start; /* where the next look for the map begins */
    _Atomic uint16_t owners[PZ__SLOTS];
    /* Counts up whenever a master appears that may lack what another had. */
    _Atomic uint64_t epoch;
    _Atomic(struct pz__session *) idle[PZ__SESSIONS_MAX];
} pz__client;

typedef struct pz__session {
    pz__client *client;
    pid_t process;
    pz__arena arena; /* commands and replies of what goes on */
    pz__buf out;
    uint64_t random;
    char nonce[PZ__NONCE]; /* what answers of this attempt end with */
    uint64_t fence; /* nothing is sent any more once the epoch is another; UINT64_MAX for none */
    int32_t deadline_ms; /* of each round */
    uint32_t wait_count; /* replicas that must confirm; of the options, or 0 for a lazy commit */
    pz__wire *wires[PZ__NODES_MAX];
    int64_t greeted_ms[PZ__NODES_MAX];
    bool is_identified[PZ__NODES_MAX]; /* who is at the other end of the wire */
    char histories[PZ__NODES_MAX][PZ__HISTORY_LEN];
} pz__session;

#define PZ__NODE_NONE UINT16_MAX

typedef struct pz__request {
    pz_str *args;
    uint32_t arg_count;
    uint16_t slot;
    uint16_t node;        /* a master; PZ__NODE_NONE: by slot */
    uint8_t script;       /* of an EVALSHA, else PZ__SCRIPT_COUNT */
    pz_str echo;          /* what a script's answer begins with: the id that was sent */
    bool must_replicate;  /* a write that wait_count replicas have to confirm */
    uint32_t again_arg;   /* becomes "1" when it is sent a second time; 0 for none */
    pz__reply *reply;     /* never NULL, never an error, after PZ_OK */
    /* The round's own. */
    uint16_t told; /* the node that a MOVED or ASK named; PZ__NODE_NONE */
    bool is_asking;
    bool was_sent;   /* and may have been carried out: no error says that it was not */
    bool was_lost;   /* in an earlier attempt: sent, and not answered or not confirmed */
    bool is_on_wire; /* in this attempt, and not answered yet */
    bool is_done;
    pz__reply *answer; /* read, and not yet believed */
    uint16_t target;
} pz__request;

void pz__client_init(pz__client *client, const pz_alloc *alloc);
void pz__client_clear(pz__client *client);
/* Note a server; its number, or PZ__NODE_NONE if there are too many. */
uint16_t pz__client_node(pz__client *client, pz_str host, uint16_t port);

/* A session with an empty arena. */
pz_status pz__session_take(pz__client *client, pz__session **out, pz_error *err);
void pz__session_give(pz__session *session);

/* Send all requests and wait for all answers. PZ_ERR_IO when time is up or a server refuses,
 * PZ_ERR_FULL when one is out of memory, PZ_ERR_BUSY when the fence is passed or the node of a
 * request is no master any more. After a failure `was_sent` tells of each request whether it may
 * have been carried out. Replies live until the session is given back. */
pz_status pz__round(pz__session *session, pz__request *requests, size_t count, pz_error *err);

/* The map of slots is known after this: the masters are all owners. */
pz_status pz__client_map(pz__session *session, pz_error *err);
/* The histories of all masters, sorted, appended to `out`; asks every one. */
pz_status pz__client_masters(pz__session *session, pz__buf *out, uint16_t nodes[PZ__NODES_MAX],
                             size_t *count, pz_error *err);

/* A request by slot. `args` are in the session's arena; NULL when memory ran out. */
pz_str *pz__args_new(pz__session *session, uint32_t count);
pz__request pz__request_new(uint16_t slot, pz_str *args, uint32_t count);
/* args[0..2] (name, sha, number of keys) are filled in; behind the keys stands the id. */
pz__request pz__request_script(pz__session *session, pz__script script, uint16_t slot, pz_str *args,
                               uint32_t count, uint32_t key_count);

#endif
