/*
 * uuid.c: random identifiers from libuuid, the only file that includes <uuid/uuid.h>.
 *
 * Version 4: 122 bits from the system's source of randomness. The time-based kinds are not used,
 * for they tell the machine and the moment, and may talk to a daemon. libuuid keeps no state that a
 * fork could double: each call asks the kernel.
 */
#include "base/uuid.h"

#include <uuid/uuid.h>

void pz__uuid_new(uint8_t out[16])
{
    uuid_generate_random(out);
}

void pz__uuid_print(const uint8_t id[16], char out[37])
{
    uuid_unparse_lower(id, out);
}
