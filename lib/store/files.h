/*
 * files.h: what an embedded store asks of the file system. Private to the room.
 */
#ifndef PZ_STORE_FILES_H
#define PZ_STORE_FILES_H

#include <sys/stat.h>

#include "base/str.h"

/* Fill `err` for an errno: PZ_ERR_FULL, PZ_ERR_NOMEM or PZ_ERR_IO, with what was being done to
 * which path and the system's own text. */
pz_status pz__fail_errno(pz_error *err, int number, const char *doing, const char *path);

/* An existing directory, or one made with mode 0700. Its parent must exist. */
pz_status pz__make_directory(const char *path, pz_error *err);
/* Wait until names made in `path`, and the name `path` itself, are on the disk. */
pz_status pz__sync_directory(const char *path, pz_error *err);
/* `path` opened for reading and writing, made with mode 0600 if absent, and at least `size` bytes
 * long with every one of them on the disk's books, so that writing through a map cannot fault.
 * *made tells whether it was absent. */
pz_status pz__make_file(const char *path, size_t size, bool *made, struct stat *what,
                        pz_error *err);
/* Whether the file system of `path`, or the limit on the length of files, leaves next to no room for
 * the store that is there: LMDB reports a short write as EIO. */
bool pz__is_disk_full(const char *path);

/* directory/name in the caller's room; PZ_ERR_ARG if it does not fit. */
#define PZ__PATH_MAX 4096u
pz_status pz__join_path(char out[PZ__PATH_MAX], pz_str directory, const char *name, pz_error *err);

/* The files that LMDB keeps in the directory of a store. */
#define PZ__DATA_FILE "data.mdb"
#define PZ__LOCK_FILE "lock.mdb"
#define PZ__FILE_MODE 0600

/* The identity of a store's data file. Unless `read_only`, what is absent is made; else it is
 * PZ_ERR_NOT_FOUND, and *can_write tells whether the system would let us write. */
pz_status pz__find_store(const char *directory, bool read_only, struct stat *data, bool *can_write,
                         pz_error *err);
/* Empty the data file of a store again that was empty before and could not be made: what a failed
 * write left of its first two pages would never be a store to anybody. A whole one is left. */
void pz__empty_store(const char *directory);
/* LMDB writes its table of readers through a map: on a full disk a hole in it would be a SIGBUS, so
 * its `size` bytes are had before LMDB comes. Only while this process has the store closed: closing
 * a descriptor of the file drops the process's locks on it. */
pz_status pz__reserve_lock(const char *directory, size_t size, pz_error *err);

/* Copies are made under a name of their own and renamed when whole, so that no half of a store, and
 * no second store with the same writer id, ever has the name that was asked for. Where the place is
 * a directory already the copy is made within: it may be the root of a file system of its own,
 * which cannot be renamed to, and to which nothing can be renamed from beside it. */
pz_status pz__partial_path(char out[PZ__PATH_MAX], const char *path, pz_error *err);
/* PZ_ERR_STATE for a place where a store is, PZ_ERR_IO where something else is. */
pz_status pz__check_free(const char *path, pz_error *err);
/* Give a whole copy the name of its place, which is free; what is left of a partial name goes. */
pz_status pz__take_place(const char *partial, const char *path, pz_error *err);
/* Remove a store's two files and their directory; what else is in it, and failures, are left. */
void pz__remove_store(const char *path);
/* Remove what copies to this path, killed on the way, have left. Nobody may be making one. */
void pz__remove_partials(const char *path);

#endif
