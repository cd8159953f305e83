/*
 * slots.c: places to read from, taken and given back without a lock.
 *
 * A slot is free, taken or closed, one atomic word that changes by compare-and-swap; what it holds
 * belongs to whoever took it. A thread begins its search where its own number points, so that
 * threads rarely meet and each finds its slot, and the transaction in it, still in its cache.
 *
 * Closing waits for readers, which give back at once, and not for holders, which run code that we
 * know nothing of. Taking waits only while the slots are closed, for as long as a map takes to
 * move, or while more threads read than there are slots.
 */
#include "store/slots.h"

#include <pthread.h>
#include <sched.h>

bool pz__slots_close(pz__slot slots[PZ__SLOT_COUNT])
{
    for (size_t i = 0; i < PZ__SLOT_COUNT; i++) {
        int state = PZ__SLOT_FREE;
        while (!atomic_compare_exchange_weak(&slots[i].state, &state, PZ__SLOT_CLOSED)) {
            if (state == PZ__SLOT_HELD) {
                while (i-- > 0)
                    atomic_store(&slots[i].state, PZ__SLOT_FREE);
                return false;
            }
            if (state == PZ__SLOT_READING)
                sched_yield();
            state = PZ__SLOT_FREE;
        }
    }
    return true;
}

pz__slot *pz__slot_take(pz__slot slots[PZ__SLOT_COUNT], int state)
{
    size_t first = (size_t)pthread_self();
    first = (first >> 12) * 0x9e3779b1u >> 8;
    for (;;) {
        bool all_held = true;
        for (size_t i = 0; i < PZ__SLOT_COUNT; i++) {
            pz__slot *at = &slots[(first + i) % PZ__SLOT_COUNT];
            int was = PZ__SLOT_FREE;
            if (atomic_compare_exchange_strong(&at->state, &was, state))
                return at;
            all_held = all_held && was == PZ__SLOT_HELD;
        }
        if (all_held)
            return NULL;
        sched_yield();
    }
}

void pz__slot_give(pz__slot *at)
{
    atomic_store_explicit(&at->state, PZ__SLOT_FREE, memory_order_release);
}

void pz__slots_open(pz__slot slots[PZ__SLOT_COUNT])
{
    for (size_t i = 0; i < PZ__SLOT_COUNT; i++)
        atomic_store(&slots[i].state, PZ__SLOT_FREE);
}
