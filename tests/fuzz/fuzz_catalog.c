/*
 * fuzz_catalog.c: any bytes as a catalog.
 *
 * A document compiles or is refused, and it is refused if and only if the report holds an error;
 * every diagnostic has a place, a message and a line. Compiling it again gives the same digest.
 */
#include <stdlib.h>
#include <string.h>

#include "catalog/catalog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static void check_report(pz_report *report, pz_status status)
{
    bool has_error = false;
    for (uint32_t i = 0; i < pz_report_count(report); i++) {
        pz_diagnostic one = {.size = sizeof one};
        require(pz_report_get(report, i, &one) == PZ_OK);
        require(one.line >= 1 && one.column >= 1 && one.length >= 1);
        require(one.message[0] && one.source && one.path && one.suggestion);
        has_error |= one.severity == PZ_ERROR;
    }
    require(has_error == (status == PZ_ERR_CATALOG));
    require(pz_report_text(report, false) != NULL);
}

static pz_status compile(const uint8_t *data, size_t size, const pz__catalog **out)
{
    pz_report *report;
    require(pz__report_new(&report, NULL) == PZ_OK);
    pz_status status = pz__catalog_compile(out, NULL, PZ__STR("fuzz.json"),
                                           (pz_str){(const char *)data, size}, report, NULL);
    require(status == PZ_OK || status == PZ_ERR_CATALOG);
    check_report(report, status);
    pz_report_free(report);
    return status;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const pz__catalog *first, *second;
    if (size > 64u << 10 || compile(data, size, &first))
        return 0;
    require(compile(data, size, &second) == PZ_OK);
    require(memcmp(&first->digest, &second->digest, sizeof first->digest) == 0);
    pz__catalog_unref(first);
    pz__catalog_unref(second);
    return 0;
}
