/*
 * table.h: reference values from tests/data/base/NAME.tsv, line by line.
 *
 *     table t;
 *     table_open(&t, "beta");
 *     while (table_next(&t))
 *         ... table_number(&t, 0) ...
 */
#ifndef PZ_TESTS_BASE_TABLE_H
#define PZ_TESTS_BASE_TABLE_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TABLE_FIELDS 8

typedef struct table {
    FILE *file;
    char line[1024];
    const char *fields[TABLE_FIELDS];
    int count;  /* fields of this line */
    int number; /* of this line among those with content */
} table;

static inline void table_open(table *t, const char *name)
{
    char path[1024];
    snprintf(path, sizeof path, "%s/tests/data/base/%s.tsv", PZ_SOURCE_DIR, name);
    *t = (table){.file = fopen(path, "r")};
    assert_non_null(t->file);
}

/* False at the end, where the file is closed. Lines that begin with # say where the values are
 * from. */
static inline bool table_next(table *t)
{
    do {
        if (!fgets(t->line, sizeof t->line, t->file)) {
            fclose(t->file);
            return false;
        }
    } while (t->line[0] == '#' || t->line[0] == '\n');
    t->line[strcspn(t->line, "\n")] = '\0';
    t->count = 0;
    for (char *next = t->line; next && t->count < TABLE_FIELDS;) {
        char *tab = strchr(next, '\t');
        if (tab)
            *tab = '\0';
        t->fields[t->count++] = next;
        next = tab ? tab + 1 : NULL;
    }
    t->number++;
    return true;
}

static inline double table_number(const table *t, int field)
{
    assert_true(field < t->count);
    return strtod(t->fields[field], NULL);
}

#endif
