/*
 * documents.c: the catalogs that tests read.
 */
#include "catalog/documents.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>

#define DATA PZ_SOURCE_DIR "/tests/data/catalog/"
#define DOCUMENTS_MAX 1000

char *document_read(const char *path, size_t *len)
{
    FILE *file = fopen(path, "rb");
    if (!file)
        return NULL;
    size_t cap = 1 << 16, used = 0;
    char *text = malloc(cap + 1);
    assert_non_null(text);
    for (size_t got; (got = fread(text + used, 1, cap - used, file)) > 0;) {
        used += got;
        if (used == cap) {
            cap *= 2;
            text = realloc(text, cap + 1);
            assert_non_null(text);
        }
    }
    fclose(file);
    text[used] = '\0';
    *len = used;
    return text;
}

static int compare_names(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

size_t documents_visit(const char *folder,
                       void (*visit)(const char *path, const char *name, void *payload),
                       void *payload)
{
    char path[512];
    char *names[DOCUMENTS_MAX];
    size_t count = 0;
    snprintf(path, sizeof path, DATA "%s", folder);
    DIR *dir = opendir(path);
    assert_non_null(dir);
    for (struct dirent *entry; (entry = readdir(dir)) != NULL;) {
        size_t len = strlen(entry->d_name);
        if (len > 5 && strcmp(entry->d_name + len - 5, ".json") == 0) {
            assert_true(count < DOCUMENTS_MAX);
            names[count++] = strdup(entry->d_name);
        }
    }
    closedir(dir);
    qsort(names, count, sizeof *names, compare_names);
    for (size_t i = 0; i < count; i++) {
        snprintf(path, sizeof path, DATA "%s/%s", folder, names[i]);
        visit(path, names[i], payload);
        free(names[i]);
    }
    return count;
}

pz_status document_compile(const pz__catalog **out, const char *name, const char *text,
                           pz_report *report)
{
    return pz__catalog_compile(out, NULL, pz_str_of(name), pz_str_of(text), report, NULL);
}

const pz__catalog *document_sound(const char *text)
{
    pz_report *report;
    const pz__catalog *catalog;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    pz_status status = document_compile(&catalog, "sound.json", text, report);
    if (status)
        fprintf(stderr, "%s", pz_report_text(report, false));
    pz_report_free(report);
    assert_int_equal(status, PZ_OK);
    return catalog;
}

bool document_refuses(const char *text, const char *message)
{
    pz_report *report;
    const pz__catalog *catalog;
    assert_int_equal(pz__report_new(&report, NULL), PZ_OK);
    pz_status status = document_compile(&catalog, "bad.json", text, report);
    const char *shown = pz_report_text(report, false);
    bool is_refused = status == PZ_ERR_CATALOG && !catalog && shown && strstr(shown, message);
    if (!is_refused)
        fprintf(stderr, "status %d\n%s", (int)status, shown ? shown : "(nothing)\n");
    pz__catalog_unref(catalog);
    pz_report_free(report);
    return is_refused;
}
