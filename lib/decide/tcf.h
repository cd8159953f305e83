/*
 * tcf.h: IAB TCF v2 consent strings, as far as consent to purposes goes.
 */
#ifndef PZ_DECIDE_TCF_H
#define PZ_DECIDE_TCF_H

#include "base/buf.h"
#include "base/error.h"

#define PZ__TCF_PURPOSES 24u /* bits of a TC string; 11 are defined by the policy of today */

/* The core segment, without its vendors. */
typedef struct pz__tcf pz__tcf;
struct pz__tcf {
    int64_t created_ms, updated_ms; /* whole tenths of a second */
    uint16_t cmp_id, cmp_version;   /* 12 bits */
    uint8_t screen;                 /* 6 bits */
    char language[2];               /* A to Z */
    uint16_t vendor_list_version;   /* 12 bits */
    uint8_t policy_version;         /* 6 bits */
    bool is_service_specific;
    uint32_t consents; /* purpose n: bit n - 1 */
    char publisher_country[2];
};

/* Read a TC string: its core segment wholly (vendors are walked, not kept), further segments only
 * as far as their text is base64url. PZ_ERR_PARSE says at which character and what is expected. */
pz_status pz__tcf_read(pz__tcf *out, pz_str text, pz_error *err);
/* Append the TC string, which names no vendor. PZ_ERR_NOMEM. */
pz_status pz__tcf_write(const pz__tcf *tcf, pz__buf *out);

#endif
