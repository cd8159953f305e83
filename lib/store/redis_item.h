/*
 * redis_item.h: named bytes in Redis, read together and changed together. Private to the Redis
 * module.
 */
#ifndef PZ_STORE_REDIS_ITEM_H
#define PZ_STORE_REDIS_ITEM_H

#include "store/redis_client.h"

/* What an item is; the letter stands in its name. */
enum {
    PZ__ITEM_RECORD = 'r',
    PZ__ITEM_INDEX = 'i',  /* the keys under an identifier */
    PZ__ITEM_STREAM = 's', /* the number of a stream's newest entry */
    PZ__ITEM_ENTRY = 'e',
    PZ__ITEM_META = 'm'
};

#define PZ__ITEM_ID 8u
/* Prefix, kind, tag, name, and a number behind the name of a stream. */
#define PZ__ITEM_NAME_MAX 480u

typedef enum pz__item_action {
    PZ__ITEM_CHECK = 'r', /* has to be as it was read */
    PZ__ITEM_WRITE = 'w',
    PZ__ITEM_DELETE = 'd'
} pz__item_action;

/* All text is borrowed: from the session's arena until it is given back, or from the caller. */
typedef struct pz__item {
    pz_str name;           /* the whole Redis key */
    bool exists;           /* as it was read */
    char id[PZ__ITEM_ID];  /* of the transaction that wrote what was read */
    pz_str bytes;          /* what was read */
    pz__item_action action;
    pz_str new_bytes; /* to WRITE */
} pz__item;

/* The name of an item in the caller's room. Items of one `group` share a slot. */
pz_str pz__item_name(char room[PZ__ITEM_NAME_MAX], const pz__client *client, char kind,
                     pz_str group, const void *rest, size_t rest_len);
/* What stands behind kind and tag. */
pz_str pz__item_rest(const pz__client *client, pz_str name);

/* Read what is committed. Each item is whole; two of them may be of different moments. */
pz_status pz__items_read(pz__session *session, pz__item *items, size_t count, pz_error *err);

/* Carry out all actions, if every item still is as it was read, or none. PZ_ERR_BUSY: not so, or
 * the session's fence was passed; nothing was done. After PZ_ERR_IO the message tells whether it
 * may have been done. */
pz_status pz__items_commit(pz__session *session, pz__item *items, size_t count, pz_error *err);

/* The item that a lock's name belongs to; false if it is no lock of an item of that kind. */
bool pz__item_of_lock(const pz__client *client, char kind, pz_str lock,
                      char room[PZ__ITEM_NAME_MAX], pz_str *name);

#endif
