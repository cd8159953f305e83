/*
 * lmdb_shrink.c: the files of a store made smaller, in place.
 *
 * LMDB never gives pages back. So what is in use is copied within the store's directory, and the
 * copy renamed over data.mdb: whoever had the old file open would go on writing into a file that
 * has no name any more, and so nobody may have.
 *
 * Who has an environment open holds a shared lock on the first octet of lock.mdb; who opens one
 * asks for the exclusive one first. We take the exclusive one on a descriptor of our own, which
 * also makes whoever opens meanwhile wait, and keep it to the end. The record locks of a process
 * are one: what LMDB locks through its own descriptor does not collide with ours, and is dropped
 * with it.
 *
 * Whoever is killed on the way leaves a partial copy, which holds everybody who was in the store
 * then; the next one takes it away, under the lock, so that nobody is at work on it.
 *
 * The lock file remembers which of the two heads of the data is the newer, and that is of the old
 * data. Whoever opens an environment alone writes it anew; but who has waited for us is not alone
 * any more. So the new data is opened here once, alone, before the lock is let go. Who had looked
 * at the old file before waiting notices that he has not opened what he looked at (pz__env_is_at).
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "base/error.h"
#include "store/files.h"
#include "store/lmdb_env.h"

/* A copy of what is in use, put in place of the data. */
static pz_status replace_data(const char *path, pz_error *err)
{
    char partial[PZ__PATH_MAX], small[PZ__PATH_MAX], data[PZ__PATH_MAX];
    pz_status status = pz__partial_path(partial, path, err);
    if (status == PZ_OK)
        status = pz__join_path(small, pz_str_of(partial), PZ__DATA_FILE, err);
    if (status == PZ_OK)
        status = pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, err);
    if (status == PZ_OK)
        status = pz__make_directory(partial, err);
    if (status != PZ_OK)
        return status;
    int rc = pz__env_copy_alone(path, partial);
    if (rc == 0 && rename(small, data) != 0)
        rc = errno;
    pz__remove_store(partial);
    return rc ? pz__env_fail(err, rc, "shrink", path) : pz__sync_directory(path, err);
}

static pz_status lock_alone(const char *path, int *fd, pz_error *err)
{
    char name[PZ__PATH_MAX];
    struct flock all = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 0, .l_len = 1};
    const pz_status status = pz__join_path(name, pz_str_of(path), PZ__LOCK_FILE, err);
    if (status != PZ_OK)
        return status;
    *fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, PZ__FILE_MODE);
    if (*fd < 0)
        return pz__fail_errno(err, errno, "open", name);
    if (fcntl(*fd, F_SETLK, &all) == 0)
        return PZ_OK;
    const int rc = errno;
    close(*fd);
    if (rc != EACCES && rc != EAGAIN)
        return pz__fail_errno(err, rc, "lock", name);
    return pz__fail(err, PZ_ERR_BUSY,
                    "another process has \"%s\" open: its files can be made smaller when nobody "
                    "has; or back it up elsewhere, which needs no rest, and use the copy",
                    path);
}

pz_status pz__env_shrink(const pz__env_spec *spec, pz_error *err)
{
    int fd;
    pz__env *e;
    pz_status status = lock_alone(spec->path, &fd, err);
    if (status != PZ_OK)
        return status;
    pz__remove_partials(spec->path);
    status = replace_data(spec->path, err);
    if (status == PZ_OK)
        status = pz__env_new(&e, spec, true, err);
    if (status == PZ_OK)
        pz__env_free(e);
    close(fd);
    return status;
}
