/*
 * env_table.h: what the process has open, by file and process. Private to the room.
 *
 * LMDB forbids opening an environment twice in one process: its record locks are the process's, and
 * closing either copy drops them all. Handles on the same file therefore share one environment
 * through this table.
 */
#ifndef PZ_STORE_ENV_TABLE_H
#define PZ_STORE_ENV_TABLE_H

#include <stdatomic.h>
#include <stddef.h>
#include <sys/types.h>

/* The head of a shared environment, embedded as its first member. */
typedef struct pz__shared {
    _Atomic(struct pz__shared *) next;
    dev_t device;
    ino_t inode;
    pid_t
        process; /* the one that opened it; in any other it must not be touched, closed or freed */
    size_t refs;
} pz__shared;

/* All four between lock and unlock; opening and closing an environment, too. */
void pz__env_table_lock(void);
void pz__env_table_unlock(void);
/* The entry of this process for a file with one more reference, or NULL. */
pz__shared *pz__env_table_find(dev_t device, ino_t inode);
/* Enter it, with one reference; fills in the whole head. */
void pz__env_table_add(pz__shared *entry, dev_t device, ino_t inode);
/* Drop a reference; true if it was the last: the entry has left the table and is to be closed. */
int pz__env_table_drop(pz__shared *entry);

#endif
