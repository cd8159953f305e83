/*
 * redis_writer.h: under which writer id a store in Redis writes. Private to the Redis module.
 *
 * The store's own item, "meta", tells it:
 *
 *     format (1)  writer id (16)  histories of the masters it was made under (40 each, sorted)
 */
#ifndef PZ_STORE_REDIS_WRITER_H
#define PZ_STORE_REDIS_WRITER_H

#include "store/redis_item.h"

#define PZ__WRITER_LEN 16u

typedef struct pz__writer_known {
    uint8_t id[PZ__WRITER_LEN];
    uint64_t epoch;         /* of the client, for which it is right; 0: not known */
    char item[PZ__ITEM_ID]; /* of the transaction that wrote the item: another one, another id */
} pz__writer_known;

/* All zero at first. */
typedef struct pz__redis_writer {
    pz__fork_lock looking; /* guards what follows; whole at every instant */
    pz__writer_known known;
    uint64_t answers; /* that were remembered */
    int64_t asked_ms; /* when it was last seen to be so; 0: to be asked again */
} pz__redis_writer;

typedef struct pz__writer_asks {
    bool read_only; /* what is absent is PZ_ERR_NOT_FOUND, and new masters are passed over */
    bool is_lazy;   /* a new id waits for no replica */
} pz__writer_asks;

/* The writer id, made if there is none, and anew if there are masters that it was not made under. */
pz_status pz__redis_writer_know(pz__redis_writer *writer, pz__client *client, pz__writer_asks asks,
                                pz__writer_known *out, pz_error *err);
/* Ask again before the next use. */
void pz__redis_writer_doubt(pz__redis_writer *writer);
/* The whole name of the item. */
pz_str pz__redis_writer_item(char room[PZ__ITEM_NAME_MAX], const pz__client *client);

#endif
