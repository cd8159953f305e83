/*
 * lock.h: a mutex that a forked child can take.
 *
 * A mutex that another thread of the parent held at the fork stays locked in the child for ever:
 * the thread that would unlock it does not exist there. This one remembers the process it belongs
 * to and starts afresh in another. That is right only where what it guards is whole at every
 * instant, and so it is used for nothing else: a list changed by single stores, a reference counted
 * pointer. Zero-initialized is ready to use. A process id that comes back in a grandchild while its
 * first owner's memory is still inherited is not told apart.
 */
#ifndef PZ_STORE_LOCK_H
#define PZ_STORE_LOCK_H

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <sys/types.h>
#include <unistd.h>

typedef struct pz__fork_lock {
    _Atomic pid_t claimed; /* the process that makes, or made, `mutex` ready */
    _Atomic pid_t ready;   /* the process it is ready in */
    pthread_mutex_t mutex;
} pz__fork_lock;

/* The id of this process, as getpid() gives it, at the price of one load. */
pid_t pz__process(void);

void pz__fork_lock_take(pz__fork_lock *lock);
void pz__fork_lock_give(pz__fork_lock *lock);

#endif
