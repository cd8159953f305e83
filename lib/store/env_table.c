/*
 * env_table.c: the one writable global of the library, and what guards it.
 *
 * A list of what this process, or one it was forked from, has open. An entry of another process id
 * is what the parent had open at the fork. It is never closed, freed or even unlinked here: closing
 * it would clear the parent's slots in the shared table of readers, and closing its descriptors
 * would drop the record locks of what this process has since opened on the same file. A fork thus
 * costs the child one inherited mapping and three descriptors for each store that was in use, and
 * no more: an environment that nobody was using at the fork is not open (lmdb.c opens at first
 * use).
 *
 * Which process this is must be known at every read of a store, and getpid() is a system call. So
 * the id is kept in a page that the kernel wipes in a forked child (MADV_WIPEONFORK, Linux 4.14):
 * zero there means to ask again. Where the kernel does not know that advice, or an emulator takes
 * any advice and does nothing, getpid() is asked each time.
 *
 * The list is changed by single stores with its entries whole before and after, so a fork at any
 * instant of another thread's work leaves the child a list it can walk (lock.h).
 */
#include "store/env_table.h"

#include <stdbool.h>
#include <sys/mman.h>

#include "store/lock.h"

/* Advice that no kernel knows: one that takes it cannot be believed about any other. */
#define NO_ADVICE (-1)

static struct {
    pz__fork_lock lock;
    _Atomic(pz__shared *) first;
    _Atomic(_Atomic(pid_t) *) process; /* the page, NULL while there is none */
    atomic_bool has_no_page;           /* and there never will be */
} table;

/* A page that a fork wipes, or NULL. Two threads may make one each; the second gives its own back.
 */
static _Atomic(pid_t) *make_page(void)
{
    size_t size = (size_t)sysconf(_SC_PAGESIZE);
    void *page = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (page == MAP_FAILED)
        return NULL;
    _Atomic(pid_t) *before = NULL;
    bool is_wiped =
        madvise(page, size, MADV_WIPEONFORK) == 0 && madvise(page, size, NO_ADVICE) != 0;
    if (!is_wiped)
        atomic_store(&table.has_no_page, true);
    if (is_wiped && atomic_compare_exchange_strong(&table.process, &before, page))
        return page;
    munmap(page, size);
    return before;
}

pid_t pz__process(void)
{
    _Atomic(pid_t) *page = atomic_load_explicit(&table.process, memory_order_acquire);
    pid_t known = page ? atomic_load_explicit(page, memory_order_relaxed) : 0;
    if (known)
        return known;
    if (!page && !atomic_load_explicit(&table.has_no_page, memory_order_relaxed))
        page = make_page();
    known = getpid();
    if (page)
        atomic_store_explicit(page, known, memory_order_relaxed);
    return known;
}

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
    pid_t self = pz__process();
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
    pid_t self = pz__process();
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
    entry->process = pz__process();
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
