/*
 * faults.c: see faults.h.
 *
 * A symbol of the program comes before those of its libraries, so liblmdb's calls arrive here, and
 * go on to the kernel. A sanitizer calls some of them before it is ready for code of its own, so
 * this file is built without. A call is looked at only if its descriptor is of a file under the
 * watched directory, which the kernel is asked for. The record of a file is a list of writes and
 * syncs; a write through a descriptor opened with O_DSYNC counts as synced itself, and nothing
 * else with it.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "store/faults.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

#define SECTOR 512u

typedef struct event {
    off_t at;
    size_t len;
    unsigned char *bytes; /* NULL: a sync */
    bool is_synced;
} event;

static struct {
    pthread_mutex_t lock;
    char directory[256];
    uint64_t counts[FAULT_KINDS];
    fault_kind kind;
    uint64_t nth; /* 0: none fails */
    int how;
    unsigned sync_us;
    bool lasts, hit, records, is_paused;
    event *events;
    size_t event_count, event_cap;
} disk = {.lock = PTHREAD_MUTEX_INITIALIZER};

/* ---- under the lock ---- */

static bool is_watched(int fd, char path[512])
{
    char link[64];
    if (!disk.directory[0] || disk.is_paused || fd < 0)
        return false;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    const ssize_t len = readlink(link, path, 511);
    if (len <= 0)
        return false;
    path[len] = '\0';
    if (strncmp(path, disk.directory, strlen(disk.directory)) == 0)
        return true;
    path[0] = '\0';
    return false;
}

static bool is_data(const char *path)
{
    const char *name = strrchr(path, '/');
    return name && strcmp(name, "/data.mdb") == 0;
}

static void note(off_t at, const void *bytes, size_t len, bool is_synced)
{
    if (disk.event_count == disk.event_cap) {
        disk.event_cap = disk.event_cap ? 2 * disk.event_cap : 1024;
        disk.events = realloc(disk.events, disk.event_cap * sizeof *disk.events);
    }
    event *e = &disk.events[disk.event_count++];
    *e = (event){.at = at, .len = len, .is_synced = is_synced};
    if (bytes) {
        e->bytes = malloc(len);
        memcpy(e->bytes, bytes, len);
    }
}

/* 0, or how this call is to fail. */
static int count_call(fault_kind kind)
{
    disk.counts[kind]++;
    if (!disk.nth || disk.kind != kind)
        return 0;
    if (disk.nth > 1) {
        disk.nth--;
        return 0;
    }
    disk.hit = true;
    if (!disk.lasts)
        disk.nth = 0;
    return disk.how;
}

/* What a call about `fd` meets; `path` is filled if the file is watched. */
static int meet(fault_kind kind, int fd, char path[512])
{
    const int before = errno;
    pthread_mutex_lock(&disk.lock);
    path[0] = '\0';
    const int how = is_watched(fd, path) ? count_call(kind) : 0;
    if (!how)
        errno = before;
    pthread_mutex_unlock(&disk.lock);
    return how;
}

static void remember(int fd, const char *path, off_t at, const struct iovec *parts, int count)
{
    if (!path[0] || !is_data(path))
        return;
    pthread_mutex_lock(&disk.lock);
    for (int i = 0; disk.records && i < count; i++) {
        note(at, parts[i].iov_base, parts[i].iov_len, fcntl(fd, F_GETFL) & O_DSYNC);
        at += (off_t)parts[i].iov_len;
    }
    pthread_mutex_unlock(&disk.lock);
}

/* ---- in the place of the C library's ---- */

/* Seen by the libraries, in a program that is built to show none of its symbols. */
#define IN_PLACE __attribute__((visibility("default")))

IN_PLACE ssize_t pwrite(int fd, const void *bytes, size_t len, off_t at)
{
    char path[512];
    const int how = meet(FAULT_WRITE, fd, path);
    if (how > 0) {
        errno = how;
        return -1;
    }
    len = how == FAULT_SHORT ? len / 2 : len;
    const ssize_t done = syscall(SYS_pwrite64, fd, bytes, len, at);
    if (done > 0)
        remember(fd, path, at, &(struct iovec){(void *)(uintptr_t)bytes, (size_t)done}, 1);
    return done;
}

IN_PLACE ssize_t write(int fd, const void *bytes, size_t len)
{
    char path[512];
    const int how = meet(FAULT_WRITE, fd, path);
    if (how > 0) {
        errno = how;
        return -1;
    }
    return syscall(SYS_write, fd, bytes, how == FAULT_SHORT ? len / 2 : len);
}

IN_PLACE ssize_t writev(int fd, const struct iovec *parts, int count)
{
    char path[512];
    const int how = meet(FAULT_WRITE, fd, path);
    if (how > 0) {
        errno = how;
        return -1;
    }
    const off_t at = path[0] ? lseek(fd, 0, SEEK_CUR) : 0;
    count = how == FAULT_SHORT ? count / 2 : count;
    const ssize_t done = syscall(SYS_writev, fd, parts, count);
    if (done > 0)
        remember(fd, path, at, parts, count);
    return done;
}

static int sync_file(int fd, long call)
{
    char path[512];
    const int how = meet(FAULT_SYNC, fd, path);
    if (how) {
        errno = how > 0 ? how : EIO;
        return -1;
    }
    const int rc = (int)syscall(call, fd);
    if (path[0])
        usleep(disk.sync_us);
    if (rc == 0 && is_data(path)) {
        pthread_mutex_lock(&disk.lock);
        if (disk.records)
            note(0, NULL, 0, true);
        pthread_mutex_unlock(&disk.lock);
    }
    return rc;
}

IN_PLACE int fsync(int fd)
{
    return sync_file(fd, SYS_fsync);
}

IN_PLACE int fdatasync(int fd)
{
    return sync_file(fd, SYS_fdatasync);
}

IN_PLACE int ftruncate(int fd, off_t len)
{
    char path[512];
    const int how = meet(FAULT_SIZE, fd, path);
    if (how) {
        errno = how > 0 ? how : EIO;
        return -1;
    }
    return (int)syscall(SYS_ftruncate, fd, len);
}

IN_PLACE int posix_fallocate(int fd, off_t from, off_t len)
{
    char path[512];
    const int how = meet(FAULT_SIZE, fd, path);
    if (how)
        return how > 0 ? how : EIO;
    return syscall(SYS_fallocate, fd, 0, from, len) == 0 ? 0 : errno;
}

IN_PLACE void *mmap(void *where, size_t len, int protection, int flags, int fd, off_t at)
{
    char path[512];
    const int how = fd >= 0 ? meet(FAULT_MAP, fd, path) : 0;
    if (how) {
        errno = how > 0 ? how : ENOMEM;
        return MAP_FAILED;
    }
#ifdef SYS_mmap2
    return (void *)syscall(SYS_mmap2, where, len, protection, flags, fd, at / 4096);
#else
    return (void *)syscall(SYS_mmap, where, len, protection, flags, fd, at);
#endif
}

/* ---- the test's side ---- */

void faults_watch(const char *directory)
{
    pthread_mutex_lock(&disk.lock);
    snprintf(disk.directory, sizeof disk.directory, "%s", directory ? directory : "");
    memset(disk.counts, 0, sizeof disk.counts);
    disk.nth = 0;
    pthread_mutex_unlock(&disk.lock);
}

void faults_arm(fault_kind kind, uint64_t nth, int how, bool lasts)
{
    pthread_mutex_lock(&disk.lock);
    disk.kind = kind;
    disk.nth = nth;
    disk.how = how;
    disk.lasts = lasts;
    disk.hit = false;
    pthread_mutex_unlock(&disk.lock);
}

void faults_disarm(void)
{
    pthread_mutex_lock(&disk.lock);
    disk.nth = 0;
    pthread_mutex_unlock(&disk.lock);
}

void faults_pause(bool is_paused)
{
    pthread_mutex_lock(&disk.lock);
    disk.is_paused = is_paused;
    pthread_mutex_unlock(&disk.lock);
}

void faults_slow_syncs(unsigned microseconds)
{
    disk.sync_us = microseconds;
}

bool faults_hit(void)
{
    pthread_mutex_lock(&disk.lock);
    const bool hit = disk.hit;
    pthread_mutex_unlock(&disk.lock);
    return hit;
}

uint64_t faults_count(fault_kind kind)
{
    pthread_mutex_lock(&disk.lock);
    const uint64_t count = disk.counts[kind];
    pthread_mutex_unlock(&disk.lock);
    return count;
}

void faults_record(void)
{
    faults_forget();
    pthread_mutex_lock(&disk.lock);
    disk.records = true;
    pthread_mutex_unlock(&disk.lock);
}

size_t faults_place(void)
{
    pthread_mutex_lock(&disk.lock);
    const size_t place = disk.event_count;
    pthread_mutex_unlock(&disk.lock);
    return place;
}

void faults_forget(void)
{
    pthread_mutex_lock(&disk.lock);
    for (size_t i = 0; i < disk.event_count; i++)
        free(disk.events[i].bytes);
    free(disk.events);
    disk.events = NULL;
    disk.event_count = disk.event_cap = 0;
    disk.records = false;
    pthread_mutex_unlock(&disk.lock);
}

/* splitmix64 */
static uint64_t draw(uint64_t *chance)
{
    uint64_t x = *chance += UINT64_C(0x9e3779b97f4a7c15);
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool put_pieces(FILE *file, const event *e, bool all, uint64_t *chance)
{
    for (size_t from = 0; from < e->len; from += SECTOR) {
        const size_t len = e->len - from < SECTOR ? e->len - from : SECTOR;
        if (!all && draw(chance) % 2)
            continue;
        if (fseek(file, (long)(e->at + (off_t)from), SEEK_SET) != 0 ||
            fwrite(e->bytes + from, 1, len, file) != len)
            return false;
    }
    return true;
}

bool faults_lose_power(size_t place, uint64_t *chance, const char *to)
{
    FILE *file = fopen(to, "w");
    size_t synced = 0;
    bool went_well = file != NULL;
    for (size_t i = 0; i < place; i++)
        if (!disk.events[i].bytes)
            synced = i + 1;
    /* In the order of time, so that a later write of a place stands over an earlier one. */
    for (size_t i = 0; went_well && i < place; i++)
        if (disk.events[i].bytes)
            went_well =
                put_pieces(file, &disk.events[i], i < synced || disk.events[i].is_synced, chance);
    return file && fclose(file) == 0 && went_well;
}
