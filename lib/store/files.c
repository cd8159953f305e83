/*
 * files.c: directories, files and errno for an embedded store.
 *
 * A store is a directory of mode 0700 with files of mode 0600, whatever the umask allows beyond
 * that: profiles are nobody else's to read. A name that was just made is only safe from a power
 * loss once the directory that holds it has been synced, and that directory's own name once its
 * parent has.
 *
 * Texts of errno come from strerror_r, which changes no state of the process.
 * Nothing here knows LMDB beyond the names of its two files.
 */
#include "store/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "base/error.h"
#include "base/uuid.h"

#define DIRECTORY_MODE 0700

/* Between the name of a store and the UUID of a copy that is being made. */
#define PARTIAL ".partial-"

/* A disk with fewer free blocks than this is full to a database that writes by the page. */
#define FULL_BLOCKS 64u
#define BLOCK_BYTES 4096u

/* No store of LMDB's is shorter than two pages of the least size. */
#define LEAST_STORE 8192

/* Which errnos mean something other than PZ_ERR_IO. */
static const struct {
    int number;
    pz_status status;
} meanings[] = {
    {ENOSPC, PZ_ERR_FULL},
    {EDQUOT, PZ_ERR_FULL},
    {EFBIG, PZ_ERR_FULL},
    {ENOMEM, PZ_ERR_NOMEM},
};

pz_status pz__fail_errno(pz_error *err, int number, const char *doing, const char *path)
{
    pz_status status = PZ_ERR_IO;
    for (size_t i = 0; i < sizeof meanings / sizeof meanings[0]; i++)
        if (meanings[i].number == number)
            status = meanings[i].status;
    char room[128];
    const char *text = strerror_r(number, room, sizeof room);
    return pz__fail(err, status, "cannot %s \"%s\": %s", doing, path, text);
}

pz_status pz__join_path(char out[PZ__PATH_MAX], pz_str directory, const char *name, pz_error *err)
{
    size_t name_len = strlen(name);
    if (directory.len + 1 + name_len + 1 > PZ__PATH_MAX)
        return pz__fail(err, PZ_ERR_ARG, "the path of the store is longer than %u bytes",
                        PZ__PATH_MAX - 1);
    memcpy(out, directory.data, directory.len);
    out[directory.len] = '/';
    memcpy(out + directory.len + 1, name, name_len + 1);
    return PZ_OK;
}

static pz_status sync_one(const char *path, pz_error *err)
{
    int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return pz__fail_errno(err, errno, "open the directory", path);
    /* Some file systems cannot sync a directory and say EINVAL: then there is nothing to wait for.
     */
    int failed = fsync(fd) != 0 && errno != EINVAL ? errno : 0;
    close(fd);
    return failed ? pz__fail_errno(err, failed, "sync the directory", path) : PZ_OK;
}

pz_status pz__sync_directory(const char *path, pz_error *err)
{
    char parent[PZ__PATH_MAX];
    pz_status status = sync_one(path, err);
    if (status == PZ_OK)
        status = pz__join_path(parent, pz_str_of(path), "..", err);
    /* A parent that may be passed through but not read cannot be synced by us. */
    if (status == PZ_OK && access(parent, R_OK) == 0)
        status = sync_one(parent, err);
    return status;
}

pz_status pz__make_directory(const char *path, pz_error *err)
{
    struct stat what;
    if (mkdir(path, DIRECTORY_MODE) == 0)
        return PZ_OK;
    int failed = errno;
    if (stat(path, &what) == 0) {
        if (S_ISDIR(what.st_mode))
            return PZ_OK;
        return pz__fail(err, PZ_ERR_IO, "\"%s\" is a file; a store is a directory", path);
    }
    return pz__fail_errno(err, failed, "make the directory", path);
}

static int open_or_make(const char *path, bool *made)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    *made = false;
    if (fd >= 0 || errno != ENOENT)
        return fd;
    *made = true;
    return open(path, O_RDWR | O_CREAT | O_CLOEXEC, PZ__FILE_MODE);
}

pz_status pz__make_file(const char *path, size_t size, bool *made, struct stat *what, pz_error *err)
{
    int fd = open_or_make(path, made);
    if (fd < 0)
        return pz__fail_errno(err, errno, "open", path);
    int failed = fstat(fd, what) != 0 ? errno : 0;
    if (!failed && (uint64_t)what->st_size < size)
        failed = posix_fallocate(fd, 0, (off_t)size);
    close(fd);
    return failed ? pz__fail_errno(err, failed, "make room in", path) : PZ_OK;
}

/* Whether the store's file is as long as files of this process may be. */
static bool is_at_limit(const char *path)
{
    char data[PZ__PATH_MAX];
    struct rlimit most;
    struct stat file;
    return getrlimit(RLIMIT_FSIZE, &most) == 0 && most.rlim_cur != RLIM_INFINITY &&
           pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, NULL) == PZ_OK &&
           stat(data, &file) == 0 &&
           (rlim_t)file.st_size + (rlim_t)FULL_BLOCKS * BLOCK_BYTES > most.rlim_cur;
}

bool pz__is_disk_full(const char *path)
{
    struct statvfs where;
    if (is_at_limit(path))
        return true;
    return statvfs(path, &where) == 0 && where.f_blocks > 0 && where.f_bavail < FULL_BLOCKS;
}

pz_status pz__find_store(const char *directory, bool read_only, struct stat *data, bool *can_write,
                         pz_error *err)
{
    char path[PZ__PATH_MAX];
    bool made;
    pz_status status = pz__join_path(path, pz_str_of(directory), PZ__DATA_FILE, err);
    if (status != PZ_OK)
        return status;
    *can_write = true;
    if (read_only) {
        const int failed = stat(path, data) != 0 ? errno : 0;
        /* One that may not be looked at is not known to be none: nobody shall restore over it. */
        if (failed && failed != ENOENT && failed != ENOTDIR)
            return pz__fail_errno(err, failed, "open", path);
        if (failed || data->st_size == 0)
            return pz__fail(err, PZ_ERR_NOT_FOUND, "there is no store in \"%s\"", directory);
        *can_write = access(path, W_OK) == 0 && access(directory, W_OK) == 0;
        return PZ_OK;
    }
    status = pz__make_directory(directory, err);
    if (status == PZ_OK)
        status = pz__make_file(path, 0, &made, data, err);
    if (status == PZ_OK && made)
        status = pz__sync_directory(directory, err);
    return status;
}

void pz__empty_store(const char *directory)
{
    char path[PZ__PATH_MAX];
    struct stat what;
    if (pz__join_path(path, pz_str_of(directory), PZ__DATA_FILE, NULL) != PZ_OK)
        return;
    const int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0)
        return;
    if (fstat(fd, &what) == 0 && what.st_size < LEAST_STORE && ftruncate(fd, 0) != 0)
        what.st_size = 0; /* then opening goes on to call it no store */
    close(fd);
}

pz_status pz__reserve_lock(const char *directory, size_t size, pz_error *err)
{
    char path[PZ__PATH_MAX];
    struct stat what;
    bool made;
    pz_status status = pz__join_path(path, pz_str_of(directory), PZ__LOCK_FILE, err);
    if (status != PZ_OK)
        return status;
    return pz__make_file(path, size, &made, &what, err);
}

/* Bytes of a path without the slashes at its end. */
static int bare_len(const char *path)
{
    size_t len = strlen(path);
    while (len > 1 && path[len - 1] == '/')
        len--;
    return (int)len;
}

pz_status pz__partial_path(char out[PZ__PATH_MAX], const char *path, pz_error *err)
{
    uint8_t id[16];
    char text[37];
    struct stat what;
    const bool is_within = stat(path, &what) == 0 && S_ISDIR(what.st_mode);
    pz__uuid_new(id);
    pz__uuid_print(id, text);
    int len = snprintf(out, PZ__PATH_MAX, "%.*s%s" PARTIAL "%s", bare_len(path), path,
                       is_within ? "/" : "", text);
    if (len < 0 || len >= (int)PZ__PATH_MAX)
        return pz__fail(err, PZ_ERR_ARG, "the path of the snapshot is too long");
    return PZ_OK;
}

/* Whether a copy is made within the place that it is for. */
static bool is_within_place(const char *partial)
{
    const char *slash = strrchr(partial, '/');
    return slash && strncmp(slash + 1, PARTIAL, sizeof PARTIAL - 1) == 0;
}

/* The only name of a file moved, and nobody else's replaced. Some file systems know no second name.
 */
static int move_file(const char *from, const char *to)
{
    if (link(from, to) == 0)
        return unlink(from) == 0 ? 0 : errno;
    const bool has_links = errno != EPERM && errno != EOPNOTSUPP && errno != ENOSYS;
    if (has_links || access(to, F_OK) == 0)
        return has_links ? errno : EEXIST;
    return rename(from, to) == 0 ? 0 : errno;
}

/* What a place may hold that is free: what a file system of its own has at its root, and what is
 * left of copies that were killed. */
static bool may_stay(const char *name)
{
    static const char *const known[] = {".", "..", "lost+found"};
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++)
        if (strcmp(name, known[i]) == 0)
            return true;
    return strncmp(name, PARTIAL, sizeof PARTIAL - 1) == 0;
}

pz_status pz__check_free(const char *path, pz_error *err)
{
    char data[PZ__PATH_MAX];
    struct stat what;
    bool is_free = true;
    const pz_status status = pz__join_path(data, pz_str_of(path), PZ__DATA_FILE, err);
    if (status != PZ_OK)
        return status;
    if (stat(data, &what) == 0 && what.st_size > 0)
        return pz__fail(err, PZ_ERR_STATE, "there is a store in \"%s\" already", path);
    if (lstat(path, &what) == 0 && stat(path, &what) != 0)
        return pz__fail_errno(err, errno, "follow the link", path);
    if (stat(path, &what) == 0 && !S_ISDIR(what.st_mode))
        return pz__fail(err, PZ_ERR_IO, "\"%s\" is a file; a store is a directory", path);
    DIR *names = opendir(path);
    for (const struct dirent *one = names ? readdir(names) : NULL; one; one = readdir(names))
        is_free = is_free && may_stay(one->d_name);
    if (names)
        closedir(names);
    if (is_free)
        return PZ_OK;
    return pz__fail(err, PZ_ERR_IO,
                    "the directory \"%s\" is not empty: name a place where nothing is", path);
}

pz_status pz__take_place(const char *partial, const char *path, pz_error *err)
{
    char from[PZ__PATH_MAX], to[PZ__PATH_MAX];
    pz_status status = PZ_OK;
    int failed = 0;
    if (is_within_place(partial)) {
        status = pz__join_path(from, pz_str_of(partial), PZ__DATA_FILE, err);
        if (status == PZ_OK)
            status = pz__join_path(to, pz_str_of(path), PZ__DATA_FILE, err);
        failed = status == PZ_OK ? move_file(from, to) : 0;
        if (status == PZ_OK && failed == 0)
            pz__remove_store(partial);
    } else if (rename(partial, path) != 0) {
        failed = errno;
    }
    if (failed == EEXIST || failed == ENOTEMPTY) /* somebody was faster */
        status = pz__check_free(path, err);
    if (status != PZ_OK)
        return status;
    return failed ? pz__fail_errno(err, failed, "rename the copy to", path) : PZ_OK;
}

void pz__remove_store(const char *path)
{
    char name[PZ__PATH_MAX];
    if (pz__join_path(name, pz_str_of(path), PZ__DATA_FILE, NULL) == PZ_OK)
        unlink(name);
    if (pz__join_path(name, pz_str_of(path), PZ__LOCK_FILE, NULL) == PZ_OK)
        unlink(name);
    rmdir(path);
}

/* The name of a partial copy: that of the store (of `len` bytes), the mark, and a UUID. */
static bool is_partial(const char *name, const char *store, size_t len)
{
    return strlen(name) == len + sizeof PARTIAL - 1 + 36 && memcmp(name, store, len) == 0 &&
           memcmp(name + len, PARTIAL, sizeof PARTIAL - 1) == 0;
}

static void remove_partials_in(const char *directory, const char *store, size_t len)
{
    char partial[PZ__PATH_MAX];
    DIR *names = opendir(directory);
    if (!names)
        return;
    for (const struct dirent *one = readdir(names); one; one = readdir(names))
        if (is_partial(one->d_name, store, len) &&
            pz__join_path(partial, pz_str_of(directory), one->d_name, NULL) == PZ_OK)
            pz__remove_store(partial);
    closedir(names);
}

void pz__remove_partials(const char *path)
{
    char parent[PZ__PATH_MAX];
    const int len = bare_len(path);
    int before = len;
    while (before > 0 && path[before - 1] != '/')
        before--;
    remove_partials_in(path, "", 0);
    if (snprintf(parent, sizeof parent, "%.*s", before, path) < (int)sizeof parent)
        remove_partials_in(before ? parent : ".", path + before, (size_t)(len - before));
}
