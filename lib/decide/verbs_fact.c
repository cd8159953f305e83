/*
 * verbs_fact.c: what is recorded, guessed and observed about a customer.
 *
 *     declare   a recorded fact; ranks by the time it is claimed for
 *     infer     a host's guess with its confidence, one register a channel
 *     identify  an identifier by which the profile is found
 *     observe   what the catalog's signals and counters make of an event
 *
 * Gathering is what consent and the mode OFF forbid: an event adds no evidence about an attribute
 * whose purpose is not granted here and now, or that the customer switched off; its counters, which
 * have no purpose, count. Both are asked of the whole person, as they are when an answer is read. A
 * guess about an attribute that is off is taken and dropped, so that a model need not know who
 * switched what off; what would be refused otherwise is refused all the same, so that a model's
 * mistakes do not show or hide with a customer's switch. Recorded facts and guesses whose purpose
 * is not granted are kept and not used: the day the customer agrees they count.
 */
#include "base/utf8.h"
#include "decide/verbs.h"

/* ---- facts and guesses ---- */

static pz_status declare_members(pz__writer *w, pz__claim_slot slot, pz_value value,
                                 double confidence)
{
    const pz_entry *members = pz__members(w, value);
    pz_status status = members ? PZ_OK : PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < value.len && status == PZ_OK; i++)
        status = pz__put(w, slot, members[i].key, members[i].value, confidence);
    return status;
}

/* By the merge law: one register, one for each element, or one for each member. */
static pz_status record(pz__writer *w, pz__claim_slot slot, pz_value value, double confidence)
{
    if (w->attribute->merge == PZ__MERGE_LAYOUT)
        return pz__fail(w->err, PZ_ERR_TYPE,
                        "'%.*s' is a layout: its base stands in the catalog, customers edit it; "
                        "nothing is recorded or guessed about it as a whole",
                        PZ__STR_ARG(w->attribute->name));
    if (w->attribute->merge == PZ__MERGE_RECORD)
        return declare_members(w, slot, value, confidence);
    if (w->attribute->merge != PZ__MERGE_SET || value.kind != PZ_LIST)
        return pz__put(w, slot, value, value, confidence);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < value.len && status == PZ_OK; i++)
        status = pz__put(w, slot, value.as.items[i], value.as.items[i], confidence);
    return status;
}

pz_status pz__do_declare(pz__writer *w, pz__verb *verb)
{
    return record(w, PZ__SLOT_DECLARED, verb->value, 0);
}

/* Later by stamp, then by writer; of two members' alike the one that comes later counts. */
static bool outranks(const pz__claim *claim, const pz__claim *other)
{
    if (!other || claim->stamp != other->stamp)
        return !other || claim->stamp > other->stamp;
    return pz__str_compare(claim->writer, other->writer) >= 0;
}

/* The newest word on the mode of an attribute, whichever member of the person has it. */
static const pz__claim *newest_mode(const pz__writer *w, pz_str attribute)
{
    const pz__claim *newest = NULL;
    if (w->person.count == 0)
        return pz__profile_newest(w->profile, PZ__SLOT_MODE, attribute, PZ__STR(""));
    for (uint32_t i = 0; i < w->person.count; i++) {
        const pz__claim *mode =
            pz__profile_newest(w->person.members[i], PZ__SLOT_MODE, attribute, PZ__STR(""));
        if (mode && outranks(mode, newest))
            newest = mode;
    }
    return newest;
}

/* As on reading: OFF counts also when its claimed time is still to come. */
static bool is_off(const pz__writer *w, const pz__attribute *attribute)
{
    const pz__claim *mode = newest_mode(w, attribute->name);
    const int64_t now = w->write->now_ms;
    return mode && !mode->is_cleared && (mode->expires_ms == 0 || now < mode->expires_ms) &&
           pz__str_equal(pz_value_text(mode->value), PZ__STR("OFF"));
}

static pz_status infer(pz__writer *w, const pz__verb *verb)
{
    const double confidence = verb->confidence > 0.0 ? verb->confidence : 0.0; /* there is a -0 */
    return record(w, PZ__SLOT_INFERRED, verb->value, confidence);
}

/* Write the guess into a profile that is thrown away: it is checked as any other, by the same code.
 */
static pz_status infer_nowhere(const pz__writer *w, const pz__verb *verb)
{
    pz__writer nowhere = *w;
    pz_status status =
        pz__profile_new(&nowhere.profile, &w->scratch->alloc, pz__profile_kind(w->profile),
                        pz__profile_subject(w->profile), w->err);
    if (status != PZ_OK)
        return status;
    status = infer(&nowhere, verb);
    pz__profile_free(nowhere.profile);
    return status;
}

pz_status pz__do_infer(pz__writer *w, pz__verb *verb)
{
    if (!(verb->confidence >= 0.0 && verb->confidence <= 1.0))
        return pz__fail(w->err, PZ_ERR_DOMAIN, "a confidence lies between 0 and 1");
    if (is_off(w, w->attribute))
        return infer_nowhere(w, verb);
    return infer(w, verb);
}

/* ---- identifiers ---- */

pz_status pz__identifier_check(pz_str kind, pz_str value, pz_error *err)
{
    if (!pz__utf8_valid(kind.data, kind.len) || !pz__utf8_valid(value.data, value.len))
        return pz__fail(err, PZ_ERR_ARG, "an identifier and its kind are UTF-8 text");
    if (kind.len > 0 && memchr(kind.data, PZ__IDENTIFIER_SEPARATOR, kind.len))
        return pz__fail(err, PZ_ERR_ARG,
                        "the kind of an identifier holds no control character 0x1f");
    if (kind.len == 0 || kind.len > PZ__IDENTIFIER_KIND_MAX)
        return pz__fail(err, PZ_ERR_ARG, "the kind of an identifier has 1 to %u bytes",
                        PZ__IDENTIFIER_KIND_MAX);
    if (value.len == 0 || value.len > PZ__IDENTIFIER_VALUE_MAX)
        return pz__fail(err, PZ_ERR_ARG, "an identifier has 1 to %u bytes",
                        PZ__IDENTIFIER_VALUE_MAX);
    return PZ_OK;
}

static bool has_nul(pz_str text)
{
    return text.len > 0 && memchr(text.data, '\0', text.len);
}

pz_status pz__identifier_check_new(pz_str kind, pz_str value, pz_error *err)
{
    if (has_nul(kind) || has_nul(value))
        return pz__fail(err, PZ_ERR_ARG, "an identifier and its kind hold no NUL");
    return pz__identifier_check(kind, value, err);
}

pz_status pz__do_identify(pz__writer *w, pz__verb *verb)
{
    if (verb->value.kind != PZ_STRING)
        return pz__fail(w->err, PZ_ERR_TYPE, "an identifier is text");
    const pz_str text = pz_value_text(verb->value);
    const pz_status status = pz__identifier_check_new(verb->name, text, w->err);
    if (status != PZ_OK)
        return status;
    const pz__claim claim = {.slot = PZ__SLOT_IDENTIFIER,
                             .attribute = verb->name,
                             .part = text,
                             .value = pz_value_bool(true)};
    return pz__profile_put(w->profile, w->write, &claim, w->err);
}

/* ---- events ---- */

/* What is asked of an attribute before an event adds evidence about it. */
typedef struct gathering {
    const pz__writer *writer;
    bool is_sealed;
    pz_status status;
} gathering;

static bool is_granted(gathering *g, pz_str purpose)
{
    const pz__writer *w = g->writer;
    if (!g->is_sealed)
        g->status = pz__profile_seal(w->profile);
    if (g->status != PZ_OK)
        return false;
    g->is_sealed = true;
    const pz__profile *members[1] = {w->profile};
    const pz__person alone = {members, 1};
    return pz__person_grants(w->person.count ? &w->person : &alone, purpose, w->write->now_ms);
}

static bool may_gather(void *self, const pz__attribute *attribute)
{
    gathering *g = self;
    if (is_off(g->writer, attribute))
        return false;
    return attribute->purpose.len == 0 || is_granted(g, attribute->purpose);
}

pz_status pz__do_observe(pz__writer *w, pz__verb *verb)
{
    pz__event read;
    pz__observation observation;
    const pz__event *event = verb->event ? verb->event : &read;
    pz_status status = PZ_OK;
    if (!verb->event)
        status = pz__event_read(w->scratch, &read, verb->value, w->err);
    if (status != PZ_OK)
        return status;
    pz__write write = *w->write;
    write.at_ms = event->time_ms;
    write.channel = event->channel;
    if (verb->is_replay)
        write.now_ms = event->time_ms;
    pz__writer at_event = *w;
    at_event.write = &write;
    gathering g = {.writer = &at_event};
    const pz__gathering rules = {&g, may_gather};
    status = pz__learn_event(w->scratch, w->catalog, event, &rules, &observation, w->err);
    if (status == PZ_OK && g.status != PZ_OK)
        status = pz__fail(w->err, g.status, "out of memory");
    if (status != PZ_OK)
        return status;
    return pz__profile_observe(w->profile, &write, &observation, &verb->is_new, w->err);
}
