/*
 * field.c: where the members of maps are looked for.
 *
 * A rule asks many maps for the same few names, and maps of one origin have their members in one
 * order mostly: customers read from one table, orders from one list. So each field of a program
 * remembers the place of the entry where it was found last, and the loop looks there first: one
 * comparison of the key that stands there tells, without the hash table. Any key stands in a map
 * once, hence what is found there is what a search would find; and what is not, is searched.
 *
 * The place is written by whichever thread found it elsewhere, without order, since it is no more
 * than a guess: any number is right, one beyond the entries included. It is written when it
 * changes only, and no more after a number of changes.
 */
#include "cel/eval.h"

void pz__field_stood(pz__field *field, uint32_t place)
{
    const uint16_t moves = atomic_load_explicit(&field->moves, memory_order_relaxed);
    if (moves >= PZ__FIELD_MOVES || place > UINT16_MAX)
        return;
    atomic_store_explicit(&field->moves, (uint16_t)(moves + 1), memory_order_relaxed);
    atomic_store_explicit(&field->place, (uint16_t)place, memory_order_relaxed);
}

const pz_value *pz__field_search(const pz_value *map, pz__field *field)
{
    const pz_value *value = pz__map_peek(map, &field->key, field->hash);
    if (value) {
        const pz_entry *entries = map->as.map->entries;
        const ptrdiff_t octets = (const char *)value - (const char *)&entries->value;
        pz__field_stood(field, (uint32_t)(octets / (ptrdiff_t)sizeof *entries));
    }
    return value;
}
