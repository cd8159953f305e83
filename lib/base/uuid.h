/*
 * uuid.h: fresh random identifiers. uuid.c is the only file that includes <uuid/uuid.h>.
 *
 * The one source of randomness in the library, and so not pure: only `store` (writer ids) and
 * `engine` (ids of new profiles) may call it.
 */
#ifndef PZ_BASE_UUID_H
#define PZ_BASE_UUID_H

#include <stdint.h>

/* A random (version 4) UUID. */
void pz__uuid_new(uint8_t out[16]);
/* 36 characters, lower case, and a NUL. */
void pz__uuid_print(const uint8_t id[16], char out[37]);

#endif
