/*
 * sealed.h: what the files of a sealed store share: its handle, names, and calls of the hooks. Private
 * to the room.
 */
#ifndef PZ_STORE_SEALED_H
#define PZ_STORE_SEALED_H

#include <personalize/ext/hooks.h>

#include "store/backend.h"

/* The greatest plain text, a record and its key; and sealed. */
#define PZ__PLAIN_MAX (PZ__STORE_RECORD_MAX + PZ__STORE_KEY_MAX + 2u)
#define PZ__SEALED_MAX (PZ__PLAIN_MAX + PZ_HOOKS_OVERHEAD_MAX)

typedef struct pz__sealed {
    pz__store base;
    pz__backend own; /* what there is to call depends on the inner backend */
    pz__store *inner;
    pz_store_hooks hooks;
    atomic_bool is_known;      /* the mark is there, and fits */
    _Atomic uint64_t known_in; /* the inner store's life in which writers have seen it */
} pz__sealed;

/* A short run of bytes made on the stack: names, and what pseudonyms are made of. */
typedef struct pz__bytes {
    char data[8 + PZ__STORE_IDENTIFIER_MAX + PZ__STORE_KEY_MAX];
    size_t len;
} pz__bytes;

typedef struct pz__pseudonym {
    char bytes[PZ_HOOKS_PSEUDONYM_BYTES];
} pz__pseudonym;

static inline void pz__bytes_add(pz__bytes *to, const void *data, size_t len)
{
    memcpy(to->data + to->len, data, len);
    to->len += len;
}

static inline pz__bytes pz__bytes_begin(char letter)
{
    pz__bytes made = {.data = {letter}, .len = 1};
    return made;
}

static inline pz_str pz__bytes_text(const pz__bytes *from)
{
    return (pz_str){from->data, from->len};
}

static inline pz_str pz__pseudonym_text(const pz__pseudonym *p)
{
    return (pz_str){p->bytes, sizeof p->bytes};
}

/* ---- hooks (seal.c) ---- */

/* The pseudonym of some bytes; of a letter and a name. PZ_ERR_IO, PZ_ERR_NOMEM, here and below. */
pz_status pz__hide(const pz__sealed *s, const pz__bytes *what, pz__pseudonym *out, pz_error *err);
pz_status pz__hide_name(const pz__sealed *s, char letter, pz_str name, pz__pseudonym *out,
                        pz_error *err);
/* Append what sealing makes of `plain` under a name; append what was sealed: PZ_ERR_CORRUPT. */
pz_status pz__seal(const pz__sealed *s, pz_str name, pz_str plain, pz__buf *out, pz_error *err);
pz_status pz__unseal(const pz__sealed *s, pz_str name, pz_str from, pz__buf *out, pz_error *err);
pz_status pz__sealed_no_memory(pz_error *err);

/* ---- mark and index (sealed_index.c) ---- */

/* Before reading: the mark fits, or there is nothing. PZ_ERR_STATE. */
pz_status pz__sealed_know(pz__sealed *s, pz_error *err);
/* The same at the beginning of a transaction that shares with no other, which writes the mark where
 * there is none: *marks. */
pz_status pz__sealed_know_in(pz__sealed *s, pz__store_txn *inner, bool *marks, pz_error *err);
/* Under an identifier, committed or (inner) as the transaction sees it. */
pz_status pz__sealed_find_keys(pz__sealed *s, pz__store_txn *inner, pz_str identifier,
                               pz__buf *keys, size_t *count, pz_error *err);
pz_status pz__sealed_set_key(pz__sealed *s, pz__store_txn *inner, pz_str identifier, pz_str key,
                             bool present, pz_error *err);

#endif
