/*
 * faults.h: a disk that fails when told to, and that remembers what it was given.
 *
 * The functions by which a store reaches its files (pwrite, writev, write, fsync, fdatasync,
 * ftruncate, posix_fallocate, mmap) are defined in faults.c and take the place of the C library's
 * in a test linked with it, LMDB's calls included. Only files under the watched directory matter.
 */
#ifndef PZ_TESTS_STORE_FAULTS_H
#define PZ_TESTS_STORE_FAULTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef enum fault_kind { FAULT_WRITE, FAULT_SYNC, FAULT_SIZE, FAULT_MAP, FAULT_KINDS } fault_kind;

/* What becomes of a call that fails. A short write writes half of what it was given. */
enum { FAULT_SHORT = -1 }; /* else an errno */

/* Watch the files under a directory (NULL: none). Calls are counted from now on. */
void faults_watch(const char *directory);
/* Let the `nth` call of the kind from now fail, and if it `lasts` all later ones; 0 for none. */
void faults_arm(fault_kind kind, uint64_t nth, int how, bool lasts);
void faults_disarm(void);
/* Look at no call, and later at them again. */
void faults_pause(bool is_paused);
/* Let every sync take so long besides. */
void faults_slow_syncs(unsigned microseconds);
/* Whether one has failed since faults_arm(). */
bool faults_hit(void);
/* Calls of a kind since faults_watch(). */
uint64_t faults_count(fault_kind kind);

/* ---- a power loss ---- */

/* Remember from now on every write to files named data.mdb, and every sync. */
void faults_record(void);
/* Where the record is now: what is acknowledged before this place must survive a loss after it. */
size_t faults_place(void);
/* The file as a disk may have it after power was lost at `place`: what was synced, and of what was
 * not, each piece of 512 bytes or not, by chance. */
bool faults_lose_power(size_t place, uint64_t *chance, const char *to);
void faults_forget(void);

#endif
