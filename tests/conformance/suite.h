/*
 * suite.h: what a conformance suite gives to main.c.
 */
#ifndef PZ_TESTS_SUITE_H
#define PZ_TESTS_SUITE_H

#include <stddef.h>

typedef struct counts {
    size_t passed, failed, skipped;
} counts;

/* Run one file of published cases: add to `result`, and print one line with the id of each case
 * that fails. */
typedef void (*suite_fn)(const char *path, counts *result);

void suite_json(const char *path, counts *result);
void suite_cel(const char *path, counts *result);
void suite_cel_trip(const char *path, counts *result);
void suite_cel_oom(const char *path, counts *result);
void suite_authority(const char *path, counts *result);

/* Become the interpreter of a binding and run the suite there; returns only on failure, with the
 * program's exit code. */
int suite_via(const char *name, const char *suite, char **files, int count);

/* The bytes of a file, to be given to free(); NULL (and a line on stderr) if it cannot be read. */
char *suite_read_file(const char *path, size_t *len);

/* Calls `run` for each line of a file that is not empty. A file that cannot be read is a failure.
 */
void suite_lines(const char *path, void (*run)(const char *line, size_t len, counts *result),
                 counts *result);

#endif
