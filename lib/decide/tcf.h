/*
 * tcf.h: reading IAB TCF v2 consent strings, as far as consent to purposes goes. Private to the
 * decide room; what the engine needs of them is in decide.h.
 */
#ifndef PZ_DECIDE_TCF_H
#define PZ_DECIDE_TCF_H

#include "base/buf.h"
#include "base/error.h"
#include "decide/decide.h"

/* Read a TC string: its core segment wholly (vendors are walked, not kept), further segments only
 * as far as their text is base64url. PZ_ERR_PARSE says at which character and what is expected. */
pz_status pz__tcf_read(pz__tcf *out, pz_str text, pz_error *err);

#endif
