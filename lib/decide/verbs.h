/*
 * verbs.h: what the files that write share. Private to the decide room.
 *
 * A verb has been checked against the catalog when its function is called: the attribute exists,
 * the value fits. Its function puts registers. A verb of the customer is one entry of history.
 */
#ifndef PZ_DECIDE_VERBS_H
#define PZ_DECIDE_VERBS_H

#include "base/error.h"
#include "decide/decide.h"

typedef struct pz__writer {
    pz__profile *profile;
    const pz__catalog *catalog;
    const pz__attribute *attribute; /* NULL for verbs about no attribute */
    pz__arena *scratch;
    const pz__write *write;
    pz__person person; /* as of the verb */
    bool has_forgotten; /* something, so that the profile is to be scrubbed */
    pz_error *err;
} pz__writer;

typedef pz_status (*pz__verb_fn)(pz__writer *w, pz__verb *verb);

/* ---- verbs.c ---- */

/* Set a register of the writer's attribute; its part is made of `key`: the value, element, member
 * or item that the register is about, null where the law needs none. */
pz_status pz__put(pz__writer *w, pz__claim_slot slot, pz_value key, pz_value value,
                  double confidence);
/* The part alone, in the scratch arena; what is wrong with it is told. */
pz_status pz__part(pz__writer *w, pz__claim_slot slot, pz_value key, double confidence, pz_str *out);
/* Set a register whose part is known. */
pz_status pz__put_part(pz__writer *w, pz__claim_slot slot, pz_str part, pz_value value);
pz_status pz__put_cleared(pz__writer *w, pz__claim_slot slot, pz_str part);
pz_status pz__forget(pz__writer *w, const pz__forgetting *forgetting);
/* The members of a map in the order of their keys, in the scratch arena; NULL out of memory. What a
 * verb leaves behind must not depend on the order in which a host wrote a map down. */
const pz_entry *pz__members(pz__writer *w, pz_value map);

/* ---- verbs_choice.c: the customer's own ---- */

pz_status pz__do_choose(pz__writer *w, pz__verb *verb);
pz_status pz__do_reject(pz__writer *w, pz__verb *verb);
pz_status pz__do_clear(pz__writer *w, pz__verb *verb);
pz_status pz__do_edit(pz__writer *w, pz__verb *verb);
pz_status pz__do_set_mode(pz__writer *w, pz__verb *verb);
pz_status pz__do_set_level(pz__writer *w, pz__verb *verb);
pz_status pz__do_undo(pz__writer *w, pz__verb *verb);

/* ---- verbs_fact.c: what is recorded, guessed, observed ---- */

pz_status pz__do_declare(pz__writer *w, pz__verb *verb);
pz_status pz__do_infer(pz__writer *w, pz__verb *verb);
pz_status pz__do_identify(pz__writer *w, pz__verb *verb);
pz_status pz__do_observe(pz__writer *w, pz__verb *verb);

/* ---- verbs_care.c: consent, other people, forgetting ---- */

pz_status pz__do_consent(pz__writer *w, pz__verb *verb);
pz_status pz__do_link(pz__writer *w, pz__verb *verb);
pz_status pz__do_unlink(pz__writer *w, pz__verb *verb);
pz_status pz__do_switch(pz__writer *w, pz__verb *verb);
pz_status pz__do_set_account(pz__writer *w, pz__verb *verb);
pz_status pz__do_forget(pz__writer *w, pz__verb *verb);
pz_status pz__do_expire(pz__writer *w, pz__verb *verb);
pz_status pz__do_retract(pz__writer *w, pz__verb *verb);

/* ---- verbs_signal.c: consent as a signal ---- */

pz_status pz__do_tcf(pz__writer *w, pz__verb *verb);
pz_status pz__do_gpc(pz__writer *w, pz__verb *verb);

#endif
