/*
 * env_table.c: the one writable global of the library, and the lock that guards it.
 *
 * A list of what this process, or one it was forked from, has open. An entry of another process id
 * is what the parent had open at the fork. It is never closed, freed or even unlinked here: closing
 * it would clear the parent's slots in the shared table of readers, and closing its descriptors
 * would drop the record locks of what this process has since opened on the same file. A fork thus
 * costs the child one inherited mapping and three descriptors for each store that was in use, and
 * no more: an environment that nobody was using at the fork is not open (lmdb.c opens at first
 * use).
 *
 * The list is changed by single stores with its entries whole before and after, so a fork at any
 * instant of another thread's work leaves the child a list it can walk (lock.h).
 */
#include "store/env_table.h"

#include "store/lock.h"

static struct {
    pz__fork_lock lock;
    _Atomic(pz__shared *) first;
} table;

/* The first thread to come in a new process makes the mutex new; others wait those few stores. */
static void renew(pz__fork_lock *lock, pid_t self)
{
    pid_t before = atomic_load(&lock->claimed);
    if (before != self && atomic_compare_exchange_strong(&lock->claimed, &before, self)) {
        lock->mutex = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
        atomic_store(&lock->ready, self);
        return;
    }
    while (atomic_load(&lock->ready) != self)
        sched_yield();
}

void pz__fork_lock_take(pz__fork_lock *lock)
{
    pid_t self = getpid();
    if (atomic_load(&lock->ready) != self)
        renew(lock, self);
    pthread_mutex_lock(&lock->mutex);
}

void pz__fork_lock_give(pz__fork_lock *lock)
{
    pthread_mutex_unlock(&lock->mutex);
}

void pz__env_table_lock(void)
{
    pz__fork_lock_take(&table.lock);
}

void pz__env_table_unlock(void)
{
    pz__fork_lock_give(&table.lock);
}

pz__shared *pz__env_table_find(dev_t device, ino_t inode)
{
    pid_t self = getpid();
    for (pz__shared *e = atomic_load(&table.first); e; e = atomic_load(&e->next))
        if (e->device == device && e->inode == inode && e->process == self) {
            e->refs++;
            return e;
        }
    return NULL;
}

void pz__env_table_add(pz__shared *entry, dev_t device, ino_t inode)
{
    entry->device = device;
    entry->inode = inode;
    entry->process = getpid();
    entry->refs = 1;
    atomic_store(&entry->next, atomic_load(&table.first));
    atomic_store(&table.first, entry);
}

int pz__env_table_drop(pz__shared *entry)
{
    if (--entry->refs > 0)
        return 0;
    _Atomic(pz__shared *) *link = &table.first;
    while (atomic_load(link) != entry)
        link = &atomic_load(link)->next;
    atomic_store(link, atomic_load(&entry->next));
    return 1;
}
