/*
 * fuzz_tcf.c: any bytes as a consent string of the IAB framework.
 *
 * Whatever is refused says why and leaves the result alone. Whatever is read and can be written is
 * read again as the same, and its core says the same to the octet from then on.
 */
#include <stdlib.h>
#include <string.h>

#include "decide/tcf.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool condition)
{
    if (!condition)
        abort();
}

static bool is_same(const pz__tcf *a, const pz__tcf *b)
{
    return a->created_ms == b->created_ms && a->updated_ms == b->updated_ms &&
           a->cmp_id == b->cmp_id && a->cmp_version == b->cmp_version && a->screen == b->screen &&
           memcmp(a->language, b->language, 2) == 0 &&
           a->vendor_list_version == b->vendor_list_version &&
           a->policy_version == b->policy_version &&
           a->is_service_specific == b->is_service_specific && a->consents == b->consents &&
           memcmp(a->publisher_country, b->publisher_country, 2) == 0;
}

static void check_round(const pz__tcf *read)
{
    pz__tcf again;
    pz__buf first, second;
    pz_error err = PZ_ERROR_INIT;
    pz__buf_init(&first, NULL, 4096);
    pz__buf_init(&second, NULL, 4096);
    require(pz__tcf_write(read, &first) == PZ_OK);
    require(pz__tcf_read(&again, (pz_str){first.data, first.len}, &err) == PZ_OK);
    require(is_same(read, &again));
    require(pz__tcf_write(&again, &second) == PZ_OK);
    require(first.len == second.len && memcmp(first.data, second.data, first.len) == 0);
    pz__buf_clear(&first);
    pz__buf_clear(&second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    pz__tcf tcf, untouched;
    pz_error err = PZ_ERROR_INIT;
    memset(&tcf, 0xa5, sizeof tcf);
    untouched = tcf;
    const pz_status status = pz__tcf_read(&tcf, (pz_str){(const char *)data, size}, &err);
    if (status == PZ_OK) {
        require(tcf.created_ms >= 0 && tcf.updated_ms >= 0);
        require(tcf.consents < 1u << PZ__TCF_PURPOSES);
        check_round(&tcf);
        return 0;
    }
    require(status == PZ_ERR_PARSE && err.message[0]);
    require(memcmp(&tcf, &untouched, sizeof tcf) == 0);
    return 0;
}
