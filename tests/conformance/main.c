/*
 * main.c: runs published conformance cases against the library.
 *
 *     conformance SUITE FILE...
 *
 * One line for each case that fails, beginning with its id; last the line
 * "N passed, M failed, K skipped". Ends with 1 if any case failed, 2 if it was called wrongly.
 * A suite is a row in the table below and a file of its own.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "suite.h"

static const struct {
    const char *name;
    suite_fn run;
} suites[] = {
    {"json", suite_json},           {"cel", suite_cel},
    {"celtrip", suite_cel_trip},    {"celoom", suite_cel_oom},
    {"authority", suite_authority},
};

#define SUITE_COUNT (sizeof suites / sizeof suites[0])
#define FILE_MAX (64u << 20)

char *suite_read_file(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file) {
        fprintf(stderr, "%s: cannot be opened\n", path);
        return NULL;
    }
    size_t cap = 4096;
    char *bytes = malloc(cap);
    *len = 0;
    while (bytes) {
        *len += fread(bytes + *len, 1, cap - *len, file);
        if (*len < cap || cap >= FILE_MAX)
            break;
        cap *= 2;
        char *grown = realloc(bytes, cap);
        if (!grown)
            free(bytes);
        bytes = grown;
    }
    fclose(file);
    return bytes;
}

void suite_lines(const char *path, void (*run)(const char *line, size_t len, counts *result),
                 counts *result)
{
    size_t len;
    char *text = suite_read_file(path, &len);
    if (!text) {
        result->failed++;
        return;
    }
    for (size_t at = 0; at < len;) {
        const char *end = memchr(text + at, '\n', len - at);
        size_t line = end ? (size_t)(end - text) - at : len - at;
        if (line > 1)
            run(text + at, line, result);
        at += line + 1;
    }
    free(text);
}

static int usage(void)
{
    fprintf(stderr, "usage: conformance SUITE FILE... [--via BINDING]\nsuites:");
    for (size_t i = 0; i < SUITE_COUNT; i++)
        fprintf(stderr, " %s", suites[i].name);
    fprintf(stderr, "\n");
    return 2;
}

int main(int argc, char **argv)
{
    suite_fn run = NULL;
    for (size_t i = 0; argc > 2 && i < SUITE_COUNT; i++)
        if (strcmp(argv[1], suites[i].name) == 0)
            run = suites[i].run;
    if (!run)
        return usage();
    for (int i = 2; i + 1 < argc; i++)
        if (strcmp(argv[i], "--via") == 0 && i + 2 == argc)
            return suite_via(argv[i + 1], argv[1], argv + 2, i - 2);
    counts result = {0};
    for (int i = 2; i < argc; i++)
        run(argv[i], &result);
    printf("%zu passed, %zu failed, %zu skipped\n", result.passed, result.failed, result.skipped);
    return result.failed > 0;
}
