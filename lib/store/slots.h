/*
 * slots.h: a fixed number of read transactions for any number of threads. Private to the room.
 */
#ifndef PZ_STORE_SLOTS_H
#define PZ_STORE_SLOTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* Threads of one process that read at the same instant before one has to wait for another. */
#define PZ__SLOT_COUNT 64u

enum {
    PZ__SLOT_FREE,
    PZ__SLOT_READING, /* will be given back at once */
    PZ__SLOT_HELD,    /* while the caller's code runs */
    PZ__SLOT_CLOSED
};

/* All zero is free. One cache line each. */
typedef struct pz__slot {
    atomic_int state;
    struct MDB_txn *txn; /* NULL until first used; belongs to whoever took the slot */
    char apart[64 - 2 * sizeof(void *)];
} pz__slot;

/* Take a free slot as READING or HELD; NULL if every one is held. */
pz__slot *pz__slot_take(pz__slot slots[PZ__SLOT_COUNT], int state);
void pz__slot_give(pz__slot *at);

/* Close every slot; false, with none closed, if one is held. One thread at a time. */
bool pz__slots_close(pz__slot slots[PZ__SLOT_COUNT]);
void pz__slots_open(pz__slot slots[PZ__SLOT_COUNT]);

#endif
