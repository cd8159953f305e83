/*
 * pages.h: whether the pages of an LMDB file hang together, found out without LMDB. Private to the
 * room.
 */
#ifndef PZ_STORE_PAGES_H
#define PZ_STORE_PAGES_H

#include "base/error.h"

/* What is looked at. */
typedef enum pz__pages_depth {
    PZ__PAGES_END,     /* that the file ends behind all pages that are in use */
    PZ__PAGES_OPENING, /* the same, and what is read to open the store: a few pages */
    PZ__PAGES_ALL      /* every page, and the list of free ones */
} pz__pages_depth;

/* Before LMDB opens the file: that its pages have a size, the same in the meta pages that LMDB believes. A file that is none of LMDB's, or of
 * another version, is left for LMDB to tell. PZ_ERR_CORRUPT. */
pz_status pz__pages_look(const char *path, pz_error *err);

/* The pages as one commit left them, which the caller keeps from being used again by a transaction
 * that reads it. PZ_ERR_CORRUPT names the page; PZ_ERR_BUSY: two commits later its root is gone, so
 * look at a newer one; PZ_ERR_IO, PZ_ERR_NOMEM. */
pz_status pz__pages_check(int fd, uint64_t commit, pz__pages_depth depth, const char *path,
                          pz_error *err);

#endif
