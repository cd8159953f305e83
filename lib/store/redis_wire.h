/*
 * redis_wire.h: one connection to one Redis server: bytes out, replies in, each wait bounded.
 *
 * Private to the Redis module. A wire belongs to one thread at a time and to the process that
 * opened it. Once a call on it has failed nothing more can be learned from it: close it.
 */
#ifndef PZ_STORE_REDIS_WIRE_H
#define PZ_STORE_REDIS_WIRE_H

#include <sys/types.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/str.h"

/* Most bytes and most elements of one reply, whatever the server claims. */
#define PZ__REPLY_BYTES_MAX (96u << 20)
#define PZ__REPLY_ITEMS_MAX (1u << 20)

#define PZ__HOST_MAX 256u

typedef enum pz__reply_kind {
    PZ__REPLY_NIL,
    PZ__REPLY_TEXT,
    PZ__REPLY_STATUS,
    PZ__REPLY_ERROR,
    PZ__REPLY_INTEGER,
    PZ__REPLY_ARRAY
} pz__reply_kind;

/* Lives in the arena that the wire was opened with. */
typedef struct pz__reply {
    pz__reply_kind kind;
    int64_t integer;
    pz_str text; /* of TEXT, STATUS and ERROR */
    size_t count;
    struct pz__reply **items;
} pz__reply;

typedef struct pz__wire pz__wire;

/* When a wait ends: `until_ms` ends them all; `step_ms` without a byte ends one. On the clock of
 * pz__redis_now(). */
typedef struct pz__patience {
    int64_t until_ms;
    int32_t step_ms;
} pz__patience;

/* A clock that only goes forward, in milliseconds, and a sleep. */
int64_t pz__redis_now(void);
void pz__redis_sleep(int32_t ms);

/* Connect. `arena` is where replies are made; it must outlive the wire. */
pz_status pz__wire_open(pz__wire **out, const pz_alloc *alloc, pz__arena *arena, const char *host,
                        uint16_t port, pz__patience patience, pz_error *err);
/* NULL is allowed. In another process than the opener's only our copy of the descriptor goes. */
void pz__wire_close(pz__wire *wire);

pz_status pz__wire_send(pz__wire *wire, const void *bytes, size_t len, pz__patience patience,
                        pz_error *err);
/* The next reply, whatever it says. PZ_ERR_IO for silence, an end, or what is not Redis' protocol;
 * PZ_ERR_NOMEM. */
pz_status pz__wire_read(pz__wire *wire, pz__reply **out, pz__patience patience, pz_error *err);

/* Append a command to `out` in Redis' protocol. */
void pz__wire_command(pz__buf *out, const pz_str *args, size_t count);

#endif
