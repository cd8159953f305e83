/*
 * redis_script.h: what runs inside the server, and where a key lives in a cluster. Private to the
 * Redis module.
 */
#ifndef PZ_STORE_REDIS_SCRIPT_H
#define PZ_STORE_REDIS_SCRIPT_H

#include "base/str.h"

/* In the order of the texts in redis_script.c, where each is explained. */
typedef enum pz__script {
    PZ__SCRIPT_COMMIT,
    PZ__SCRIPT_LOCK,
    PZ__SCRIPT_DECIDE,
    PZ__SCRIPT_APPLY,
    PZ__SCRIPT_UNDO,
    PZ__SCRIPT_STATUS,
    PZ__SCRIPT_COUNT
} pz__script;

pz_str pz__script_text(pz__script script);

/* SHA-1, by which a server knows a script: 40 lower-case hexadecimal digits and a NUL. */
void pz__script_sha(pz_str text, char out[41]);

#define PZ__SLOTS 16384u
/* The slot of a key: CRC16 (XMODEM) of the key, or of what stands in its first braces. */
uint16_t pz__redis_slot(pz_str key);

#endif
