/*
 * pin.c: one catalog in force, swapped while others decide, by atomic operations only.
 *
 * The state is one 64-bit word: in its low byte the place of the catalog in force, above it how
 * many pins were taken of it. Taking a pin is one fetch-and-add, which gives the place and counts
 * the taker in the same step, so that nobody can retire a catalog between a look and a count.
 *
 *     state   [ pins taken : 56 | place : 8 ]
 *     held    place -> catalog, balance
 *
 * Giving a pin back subtracts one from the balance of its place. While a catalog is in force its
 * balance is therefore never above zero. Retiring it exchanges the state, learns how many pins were
 * taken in all, and adds that number to the balance: from then on the balance is the number of pins
 * still out, and whoever brings it to zero, the swap or the last user, frees the catalog.
 *
 * A user who comes again and again keeps the pin as long as the state shows its place: then all
 * that threads share is read, not written, and their processors need not fight over it.
 */
#include "engine/engine.h"

#define PLACE_BITS 8u
#define PLACE_MASK 0xffu
#define PLACE_NONE 0xffu
#define ONE_PIN (UINT64_C(1) << PLACE_BITS)

_Static_assert(PZ__HELD_CATALOGS_MAX < PLACE_NONE, "a place fits into the low byte");

void pz__pins_init(pz__pins *pins)
{
    atomic_init(&pins->state, PLACE_NONE);
    for (uint32_t i = 0; i < PZ__HELD_CATALOGS_MAX; i++) {
        pins->held[i].catalog = NULL;
        atomic_init(&pins->held[i].balance, 0);
        atomic_init(&pins->held[i].is_taken, false);
    }
}

static void release(pz__held *held)
{
    pz__catalog_unref(held->catalog);
    held->catalog = NULL;
    atomic_store_explicit(&held->is_taken, false, memory_order_release);
}

pz__pin pz__pins_take(pz__pins *pins)
{
    const uint64_t state = atomic_fetch_add_explicit(&pins->state, ONE_PIN, memory_order_acquire);
    const uint32_t place = (uint32_t)(state & PLACE_MASK);
    if (place == PLACE_NONE)
        return (pz__pin){NULL, PLACE_NONE};
    return (pz__pin){pins->held[place].catalog, place};
}

void pz__pins_give(pz__pins *pins, pz__pin *pin)
{
    if (!pin->catalog)
        return;
    pz__held *held = &pins->held[pin->index];
    *pin = (pz__pin){NULL, PLACE_NONE};
    if (atomic_fetch_sub_explicit(&held->balance, 1, memory_order_acq_rel) == 1)
        release(held);
}

void pz__pins_renew(pz__pins *pins, pz__pin *pin)
{
    /* No other catalog can have come to the place of a pin that is still out. */
    const uint64_t state = atomic_load_explicit(&pins->state, memory_order_acquire);
    if (pin->catalog && (uint32_t)(state & PLACE_MASK) == pin->index)
        return;
    pz__pins_give(pins, pin);
    *pin = pz__pins_take(pins);
}

static uint32_t free_place(const pz__pins *pins)
{
    for (uint32_t i = 0; i < PZ__HELD_CATALOGS_MAX; i++)
        if (!atomic_load_explicit(&pins->held[i].is_taken, memory_order_acquire))
            return i;
    return PLACE_NONE;
}

pz_status pz__pins_swap(pz__pins *pins, const pz__catalog *catalog)
{
    uint32_t place = PLACE_NONE;
    if (catalog) {
        place = free_place(pins);
        if (place == PLACE_NONE)
            return PZ_ERR_BUSY;
        pins->held[place].catalog = catalog;
        atomic_store_explicit(&pins->held[place].balance, 0, memory_order_relaxed);
        atomic_store_explicit(&pins->held[place].is_taken, true, memory_order_relaxed);
    }
    const uint64_t old = atomic_exchange_explicit(&pins->state, place, memory_order_acq_rel);
    const uint32_t retired = (uint32_t)(old & PLACE_MASK);
    if (retired == PLACE_NONE)
        return PZ_OK;
    pz__held *held = &pins->held[retired];
    const int64_t taken = (int64_t)(old >> PLACE_BITS);
    if (atomic_fetch_add_explicit(&held->balance, taken, memory_order_acq_rel) + taken == 0)
        release(held);
    return PZ_OK;
}
