/*
 * verbs.c: writes, checked against the catalog before they touch a profile.
 *
 * The profile room takes any name and any value; here an undeclared attribute is an error that
 * names the nearest right one, and a value outside type or domain is refused. Of a set, the value
 * may be one element or a list of them; of a record, the members given. Every verb also notes since
 * when the catalog's counters are kept, so that a window reaching further back is unknown and not
 * zero.
 *
 * A table says of each verb what it needs checked, whether it is the customer's own (and so an
 * entry of history), and which function carries it out:
 *
 *     verbs_choice.c   choose, reject, clear, edit, set_mode, set_level, undo
 *     verbs_fact.c     declare, infer, identify, observe
 *     verbs_care.c     consent, link, unlink, switch, set_account, forget, retract
 *     verbs_signal.c   consent_tcf, consent_gpc
 */
#include "decide/verbs.h"

/* What stands in verb->name, and whether verb->value is one of the attribute's. */
typedef enum subject {
    ABOUT_OTHER,     /* no attribute */
    ABOUT_ATTRIBUTE, /* one that is declared */
    ABOUT_VALUE,     /* and a value of it */
    ABOUT_ANY        /* one that is declared, or "*" */
} subject;

static const struct form {
    const char *name;
    subject about;
    bool is_own; /* the customer's own, noted in the history */
    pz__verb_fn carry_out;
} forms[PZ__VERB_COUNT] = {
    [PZ__VERB_CHOOSE] = {"choose", ABOUT_VALUE, true, pz__do_choose},
    [PZ__VERB_REJECT] = {"reject", ABOUT_VALUE, true, pz__do_reject},
    [PZ__VERB_CLEAR] = {"clear", ABOUT_ATTRIBUTE, true, pz__do_clear},
    [PZ__VERB_EDIT] = {"edit", ABOUT_ATTRIBUTE, true, pz__do_edit},
    [PZ__VERB_SET_MODE] = {"set_mode", ABOUT_ATTRIBUTE, true, pz__do_set_mode},
    [PZ__VERB_SET_LEVEL] = {"set_level", ABOUT_OTHER, true, pz__do_set_level},
    [PZ__VERB_UNDO] = {"undo", ABOUT_ANY, false, pz__do_undo},
    [PZ__VERB_DECLARE] = {"declare", ABOUT_VALUE, false, pz__do_declare},
    [PZ__VERB_INFER] = {"infer", ABOUT_VALUE, false, pz__do_infer},
    [PZ__VERB_IDENTIFY] = {"identify", ABOUT_OTHER, false, pz__do_identify},
    [PZ__VERB_OBSERVE] = {"observe", ABOUT_OTHER, false, pz__do_observe},
    [PZ__VERB_CONSENT] = {"consent", ABOUT_OTHER, false, pz__do_consent},
    [PZ__VERB_LINK] = {"link", ABOUT_OTHER, false, pz__do_link},
    [PZ__VERB_UNLINK] = {"unlink", ABOUT_OTHER, false, pz__do_unlink},
    [PZ__VERB_SWITCH] = {"switch", ABOUT_OTHER, false, pz__do_switch},
    [PZ__VERB_SET_ACCOUNT] = {"set_account", ABOUT_OTHER, false, pz__do_set_account},
    [PZ__VERB_FORGET] = {"forget", ABOUT_ANY, false, pz__do_forget},
    [PZ__VERB_RETRACT] = {"retract", ABOUT_ANY, false, pz__do_retract},
    [PZ__VERB_CONSENT_TCF] = {"consent_tcf", ABOUT_OTHER, false, pz__do_tcf},
    [PZ__VERB_CONSENT_GPC] = {"consent_gpc", ABOUT_OTHER, false, pz__do_gpc},
    [PZ__VERB_EXPIRE] = {"expire", ABOUT_ANY, false, pz__do_expire},
};

/* ---- registers ---- */

static pz_status put(pz__writer *w, pz__claim *claim)
{
    claim->attribute = w->attribute->name;
    return pz__profile_put(w->profile, w->write, claim, w->err);
}

pz_status pz__part(pz__writer *w, pz__claim_slot slot, pz_value key, double confidence, pz_str *out)
{
    const pz_status status =
        pz__part_make(w->attribute, slot, key, w->write, confidence, w->scratch, out);
    if (status == PZ_ERR_LIMIT)
        return pz__fail(w->err, status, "the value%s of '%.*s' is larger than %u bytes",
                        w->attribute->merge == PZ__MERGE_RECORD ? " or the name of a member" : "",
                        PZ__STR_ARG(w->attribute->name), PZ__CLAIM_VALUE_MAX);
    return status == PZ_OK ? PZ_OK : pz__fail(w->err, status, "%s", pz_status_text(status));
}

pz_status pz__put(pz__writer *w, pz__claim_slot slot, pz_value key, pz_value value,
                  double confidence)
{
    pz__claim claim = {.slot = (uint8_t)slot, .value = value, .confidence = confidence};
    const pz_status status = pz__part(w, slot, key, confidence, &claim.part);
    return status == PZ_OK ? put(w, &claim) : status;
}

pz_status pz__put_part(pz__writer *w, pz__claim_slot slot, pz_str part, pz_value value)
{
    pz__claim claim = {.slot = (uint8_t)slot, .part = part, .value = value};
    return put(w, &claim);
}

pz_status pz__put_cleared(pz__writer *w, pz__claim_slot slot, pz_str part)
{
    pz__claim claim = {.slot = (uint8_t)slot, .part = part, .is_cleared = true};
    return put(w, &claim);
}

pz_status pz__forget(pz__writer *w, const pz__forgetting *forgetting)
{
    w->has_forgotten = true;
    return pz__profile_forget(w->profile, w->write, forgetting, w->err);
}

static int compare_keys(const void *a, const void *b)
{
    return pz_value_compare(((const pz_entry *)a)->key, ((const pz_entry *)b)->key);
}

const pz_entry *pz__members(pz__writer *w, pz_value map)
{
    pz_entry *list = pz__arena_array(w->scratch, map.len, sizeof *list);
    for (uint32_t i = 0; list && i < map.len; i++)
        list[i] = pz_value_entry(map, i);
    if (!list || pz__sort_stable(w->scratch, list, map.len, sizeof *list, compare_keys) != PZ_OK)
        return NULL;
    return list;
}

/* ---- checks ---- */

static pz_status no_such_attribute(const pz__catalog *catalog, pz_str name, pz_error *err)
{
    const pz_str near = pz__catalog_nearest_attribute(catalog, name);
    if (near.data)
        return pz__fail(err, PZ_ERR_NOT_FOUND,
                        "the catalog declares no attribute '%.*s'; did you mean '%.*s'?",
                        PZ__STR_ARG(name), PZ__STR_ARG(near));
    return pz__fail(err, PZ_ERR_NOT_FOUND,
                    "the catalog declares no attribute '%.*s'; add it to \"attributes\"",
                    PZ__STR_ARG(name));
}

/* The value becomes one of the attribute's type where JSON could not say it: text that is a
 * timestamp, a whole number that is a double. One element of a set is checked as the list of one.
 */
static pz_status check_value(pz__writer *w, pz__verb *verb)
{
    const pz__attribute *attribute = w->attribute;
    if (verb->value.kind == PZ_NULL)
        return pz__attribute_check(attribute, verb->value, w->err);
    const bool is_element = attribute->type->kind == PZ__T_LIST && verb->value.kind != PZ_LIST;
    pz_value *alone = pz__arena_array(w->scratch, 1, sizeof *alone);
    if (!alone)
        return PZ_ERR_NOMEM;
    *alone = verb->value;
    const pz_value whole = is_element ? pz__value_of_items(alone, 1) : verb->value;
    pz_value fitted;
    const pz_status status = pz__value_fit(w->scratch, attribute->type, whole, &fitted);
    if (status == PZ_ERR_NOMEM)
        return status;
    if (status == PZ_OK)
        verb->value = is_element ? pz_value_item(fitted, 0) : fitted;
    return pz__attribute_check(attribute, status == PZ_OK ? fitted : whole, w->err);
}

static pz_status check(pz__writer *w, pz__verb *verb)
{
    const subject about = forms[verb->kind].about;
    /* A name that was lost on its way is not "everything": only what is retracted may go unnamed.
     */
    const bool is_unnamed = verb->name.len == 0 && verb->kind == PZ__VERB_RETRACT;
    const bool is_any = is_unnamed || pz__str_equal(verb->name, PZ__STR("*"));
    if (about == ABOUT_OTHER || (about == ABOUT_ANY && is_any))
        return PZ_OK;
    w->attribute = pz__catalog_attribute(w->catalog, verb->name);
    if (!w->attribute)
        return no_such_attribute(w->catalog, verb->name, w->err);
    return about == ABOUT_VALUE ? check_value(w, verb) : PZ_OK;
}

static pz_status carry_out(pz__writer *w, pz__verb *verb)
{
    const struct form *form = &forms[verb->kind];
    if (form->is_own)
        pz__profile_note_begin(w->profile, pz_str_of(form->name));
    const pz_status status = form->carry_out(w, verb);
    if (form->is_own)
        pz__profile_note_end(w->profile);
    return status;
}

pz_status pz__verb_apply(pz__verb *verb, const pz__catalog *catalog, pz__profile *profile,
                         pz__arena *scratch, pz_error *err)
{
    pz__writer w = {.profile = profile,
                    .catalog = catalog,
                    .scratch = scratch,
                    .write = &verb->write,
                    .person = verb->person,
                    .err = err};
    const pz__mark mark = pz__arena_mark(scratch);
    const pz_value given = verb->value;
    verb->is_new = false;
    verb->count = 0;
    pz_status status = check(&w, verb);
    /* An observation brings the names of its counters along, and what expires gathers nothing. */
    if (status == PZ_OK && verb->kind != PZ__VERB_OBSERVE && verb->kind != PZ__VERB_EXPIRE)
        status = pz__profile_keep_counters(profile, verb->write.writer, catalog->counter_names,
                                           catalog->counter_count, verb->write.now_ms, err);
    if (status == PZ_OK)
        status = carry_out(&w, verb);
    if (status == PZ_OK && w.has_forgotten)
        status = pz__profile_scrub(profile, err);
    if (status == PZ_ERR_NOMEM)
        pz__fail(err, status, "out of memory");
    /* The fitted value goes with the scratch; a transaction that is run again fits it again. */
    verb->value = given;
    pz__arena_return(scratch, mark);
    return status;
}
