/*
 * order.h: a stable sort of positions, for whatever stands at them.
 */
#ifndef PZ_CEL_ORDER_H
#define PZ_CEL_ORDER_H

#include <stdbool.h>
#include <stdint.h>

/* True if what stands at position `a` must come after what stands at `b`. */
typedef bool pz__comes_after(void *self, uint32_t a, uint32_t b);

/* Sort `count` positions. `spare` has room for as many. Equal ones keep their order. */
void pz__sort_positions(uint32_t *positions, uint32_t *spare, uint32_t count,
                        pz__comes_after *comes_after, void *self);

#endif
