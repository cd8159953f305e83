/*
 * records.h: what the files about decision records share. Private to the engine room.
 */
#ifndef PZ_ENGINE_RECORDS_H
#define PZ_ENGINE_RECORDS_H

#include <personalize/record.h>

#include "engine/engine.h"

/* A record, as far as the store has to know it. Texts borrow from the map. */
typedef struct pz__kept {
    int64_t at_ms;
    pz__digest id;
    pz_value subject; /* a text, or null */
    pz_value members; /* a list of texts, or null */
    pz_value map;
} pz__kept;

/* Check a map that is to be a record; what is made anew is in the arena. PZ_ERR_TYPE says what is
 * missing. */
pz_status pz__kept_read(pz__kept *out, pz__arena *arena, pz_value given, pz_error *err);
/* From the bytes of an entry, which have to stay. PZ_ERR_CORRUPT, PZ_ERR_VERSION. */
pz_status pz__kept_decode(pz__kept *out, pz__arena *arena, const void *bytes, size_t len,
                          pz_error *err);
/* Everybody whom a record is about; one may be named twice. */
uint32_t pz__kept_subject_count(const pz__kept *kept);
pz_str pz__kept_subject(const pz__kept *kept, uint32_t index);

/* Make a record findable by its decision and everybody it is about, or not any more. */
pz_status pz__kept_index(pz__store_txn *txn, const pz__kept *kept, uint64_t number, bool is_present,
                         pz_error *err);

/* 32 lower-case hexadecimal digits. */
bool pz__digest_read(pz_str text, pz__digest *out);

/* Names of the store, made on the stack. */
typedef struct pz__record_name {
    char bytes[16 + PZ__SUBJECT_MAX];
} pz__record_name;
pz_str pz__records_stream(void);
pz_str pz__records_of_subject(pz__record_name *room, pz_str subject);
pz_str pz__records_of_decision(pz__record_name *room, pz__digest id);
/* The next number of such a list; false at its end. */
bool pz__records_next(pz__cursor *from, uint64_t *number);

/* How records are kept. */
typedef struct pz__keep {
    int64_t now_ms;
    pz__durability durability;
    bool is_single; /* a record of somebody erased fails the call */
} pz__keep;
/* Append records, or hand them to the sink. */
pz_status pz__records_keep(pz_engine *engine, const pz__keep *how, const pz_value *records,
                           size_t count, uint64_t *numbers, pz_error *err);

#endif
