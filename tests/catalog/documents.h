/* documents.h: files of tests/data/catalog, read whole, in the order of their names. */
#ifndef PZ_TESTS_CATALOG_DOCUMENTS_H
#define PZ_TESTS_CATALOG_DOCUMENTS_H

#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <setjmp.h>
#include <cmocka.h>

#include "catalog/catalog.h"

/* The text of a file, NUL-terminated; the caller frees it. NULL if there is none. */
char *document_read(const char *path, size_t *len);

/* Calls `visit` for every "*.json" of a folder below tests/data/catalog, sorted; the number. */
size_t documents_visit(const char *folder,
                       void (*visit)(const char *path, const char *name, void *payload),
                       void *payload);

/* Compile text as "NAME"; the report may be NULL. */
pz_status document_compile(const pz__catalog **out, const char *name, const char *text,
                           pz_report *report);
/* Compile text that must be sound. */
const pz__catalog *document_sound(const char *text);
/* True if compiling the text reports an error with `message` in it. */
bool document_refuses(const char *text, const char *message);

#endif
