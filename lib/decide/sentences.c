/*
 * sentences.c: why, in plain English, one sentence a line.
 *
 * First what was decided and which rule did it; then each thing the decision read, in the order it
 * was read, with where its value comes from, what that value overrode and what may not answer, and
 * why; then what was not known and what failed. A guess is always called a guess, with its
 * confidence; where evidence is too thin to say anything, the sentence says how thin.
 *
 * The sentences are made of the same resolutions and layers as the structure in explain.c.
 */
#include "decide/decide.h"

#include <inttypes.h>

#include "base/error.h"
#include "base/number.h"
#include "base/time.h"
#include "decide/fields.h"
#include "decide/policies.h"

/* Longest explanation; one decision reads a bounded number of slots. */
#define SENTENCES_MAX (1u << 20)

#define MINUTE_MS INT64_C(60000)
#define HOUR_MS (60 * MINUTE_MS)

typedef struct teller {
    pz__request *request;
    const pz_decision *decision;
    pz__buf out;
} teller;

/* Confidence and shares with two digits: more would promise more than is known. */
static void put_share(pz__buf *out, double share)
{
    const unsigned hundredths = (unsigned)(share * 100.0 + 0.5);
    pz__buf_format(out, "%u.%u%u", hundredths / 100, hundredths / 10 % 10, hundredths % 10);
}

static void put_day(pz__buf *out, int64_t ms)
{
    char text[PZ__RFC3339_MAX];
    const size_t len = pz__rfc3339_print_ms(ms, text);
    pz__buf_put(out, text, len < 10 ? len : 10);
}

static void put_value(pz__buf *out, pz_value value)
{
    if (pz__json_write(out, value, 0) == PZ_ERR_DOMAIN)
        pz__buf_text(out, "not a number");
}

/* " (on web, 2011-05-03, by agent:7)", as far as it is known. */
static void put_provenance(pz__buf *out, const pz__resolution *answer)
{
    const char *mark = " (";
    if (answer->channel.len) {
        pz__buf_format(out, "%son %.*s", mark, PZ__STR_ARG(answer->channel));
        mark = ", ";
    }
    if (answer->at_ms) {
        pz__buf_text(out, mark);
        put_day(out, answer->at_ms);
        mark = ", ";
    }
    if (answer->who.len) {
        pz__buf_format(out, "%sby %.*s", mark, PZ__STR_ARG(answer->who));
        mark = ", ";
    }
    if (mark[0] == ',')
        pz__buf_byte(out, ')');
}

static void tell_decision(teller *t)
{
    const pz_decision *decision = t->decision;
    const pz_str name = decision->def->name;
    pz__buf_format(&t->out, "%.*s is ", PZ__STR_ARG(name));
    put_value(&t->out, decision->value);
    if (!decision->rule) {
        pz__buf_text(&t->out, decision->outcome == PZ__OUTCOME_STATIC
                                  ? ": the decision has no rules.\n"
                                  : ": no rule matched, so the default stands.\n");
        return;
    }
    const pz_str id = decision->rule->id;
    pz__buf_format(&t->out, ": rule '%.*s' matched", PZ__STR_ARG(id));
    if (decision->rule->when) {
        const pz_str source = pz__program_source(decision->rule->when);
        pz__buf_format(&t->out, ", %.*s", PZ__STR_ARG(source));
    }
    pz__buf_text(&t->out, ".\n");
    if (decision->rule->because.len)
        pz__buf_format(&t->out, "The rule's author says: %.*s\n",
                       PZ__STR_ARG(decision->rule->because));
}

static const char *source_of(const pz__resolution *answer)
{
    switch (answer->tier) {
    case PZ__TIER_LOCK:
        return "a policy fixes it";
    case PZ__TIER_CHOICE:
        return "the customer chose it";
    case PZ__TIER_ACCOUNT_CHOICE:
        return "the customer's account chose it";
    case PZ__TIER_DECLARED:
        return "it was recorded";
    case PZ__TIER_INFERRED:
        return "inferred, not said by the customer";
    case PZ__TIER_GROUP:
        return "customers like this one suggest it";
    case PZ__TIER_RECOMMENDED:
        return "nothing is known, so the recommendation stands";
    case PZ__TIER_DEFAULT:
        return answer->reason == PZ__REASON_DISABLED
                   ? "the customer switched this off, so the default stands"
                   : "nothing is known, so the default stands";
    case PZ__TIER_NONE:
        break;
    }
    return "nobody can say";
}

/* ", which was inferred with confidence 0.91 (on web, 2011-05-03)" */
static void put_origin(teller *t, const pz__layer *layer)
{
    switch (layer->answer.tier) {
    case PZ__TIER_INFERRED:
    case PZ__TIER_GROUP:
        pz__buf_text(&t->out, ", which was inferred");
        break;
    case PZ__TIER_DECLARED:
        pz__buf_text(&t->out, ", which was recorded");
        break;
    case PZ__TIER_RECOMMENDED:
        pz__buf_text(&t->out, ", which is recommended");
        break;
    case PZ__TIER_DEFAULT:
        pz__buf_text(&t->out, ", which is the default");
        break;
    default:
        pz__buf_text(&t->out, ", which was chosen");
    }
    if (layer->answer.has_confidence) {
        pz__buf_text(&t->out, " with confidence ");
        put_share(&t->out, (double)layer->answer.confidence / 65536.0);
    }
    put_provenance(&t->out, &layer->answer);
}

/* A layer that a stronger one with another value covers. */
static void tell_overridden(teller *t, const pz__resolution *used, const pz__layer *layer)
{
    if (layer->fate != PZ__FATE_SHADOWED || layer->answer.tier > PZ__TIER_GROUP ||
        pz_value_equal(used->value, layer->answer.value))
        return;
    pz__buf_text(&t->out, "  That overrides ");
    put_value(&t->out, layer->answer.value);
    put_origin(t, layer);
    pz__buf_text(&t->out, ".\n");
}

/* Why a layer may not answer; NULL where it is told otherwise, or its being there says enough. */
static const char *objection(pz__fate fate)
{
    switch (fate) {
    case PZ__FATE_EXPIRED:
        return "its time is over";
    case PZ__FATE_FUTURE:
        return "its time is still to come";
    case PZ__FATE_UNCERTAIN:
        return "that is not certain enough";
    case PZ__FATE_MODE:
        return "the customer does not want it to count";
    case PZ__FATE_REJECTED:
        return "the customer ruled this value out";
    case PZ__FATE_BOUNDED:
        return "this value is not allowed";
    default:
        return NULL;
    }
}

/* A layer that may not answer at all; of a record, a member's. */
static void tell_set_aside(teller *t, const pz__layer *layer)
{
    const char *why = objection(layer->fate);
    if (!why || layer->is_removal)
        return;
    pz__buf_text(&t->out, "  Left out: ");
    if (layer->key.kind != PZ_NULL && !pz_value_equal(layer->key, layer->answer.value)) {
        put_value(&t->out, layer->key);
        pz__buf_text(&t->out, ": ");
    }
    put_value(&t->out, layer->answer.value);
    put_origin(t, layer);
    pz__buf_format(&t->out, ": %s.\n", why);
}

/* Of the nodes that behaviour speaks for, the one nearest to being asserted: of those that might
 * be, or of those that may not. */
static uint32_t leading_node(const pz__posterior *posteriors, const pz__fate *prospects,
                             uint32_t count, bool may_be)
{
    uint32_t best = PZ__NODE_NONE;
    for (uint32_t n = 1; n < count; n++)
        if (posteriors[n].personal > 0.0 && (prospects[n] == PZ__FATE_USED) == may_be &&
            (best == PZ__NODE_NONE || posteriors[n].above > posteriors[best].above))
            best = n;
    return best;
}

/* Evidence that is no layer, being too thin, and would not count if there were more. */
static void tell_unwanted(teller *t, pz_value value, pz__fate fate)
{
    pz__buf_text(&t->out, "  Left out: ");
    put_value(&t->out, value);
    pz__buf_format(&t->out, ", which behaviour speaks for: %s.\n", objection(fate));
}

/* The node that comes nearest to being asserted, and what it lacks. */
static pz_status tell_thin_evidence(teller *t, const pz__attribute *attribute,
                                    const pz__force *force)
{
    const pz__domain *domain = attribute->domain;
    if (!domain || attribute->threshold <= 0.0)
        return PZ_OK;
    const pz__view view = pz__request_view(t->request);
    pz__posterior *posteriors;
    pz__fate *prospects;
    pz_status status = pz__posteriors(&view, attribute, &posteriors);
    if (status == PZ_OK)
        status = pz__prospects(&view, attribute, force, &prospects);
    if (status != PZ_OK)
        return status;
    const uint32_t unwanted = leading_node(posteriors, prospects, domain->count, false);
    if (unwanted != PZ__NODE_NONE && !posteriors[unwanted].is_certain)
        tell_unwanted(t, domain->nodes[unwanted].value, prospects[unwanted]);
    const uint32_t best = leading_node(posteriors, prospects, domain->count, true);
    if (best == PZ__NODE_NONE || posteriors[best].is_certain)
        return PZ_OK;
    const pz__posterior *posterior = &posteriors[best];
    pz__buf_text(&t->out, "  The evidence does not suffice to say more: ");
    put_value(&t->out, domain->nodes[best].value);
    pz__buf_text(&t->out, " leads with a weight of ");
    put_share(&t->out, posterior->personal);
    pz__buf_text(&t->out, ", and the chance that its share exceeds ");
    put_share(&t->out, attribute->threshold);
    pz__buf_text(&t->out, " is ");
    put_share(&t->out, posterior->above);
    pz__buf_text(&t->out, " where 0.95 is asked for.\n");
    return PZ_OK;
}

static void put_list(pz__buf *out, pz_value list)
{
    for (uint32_t i = 0; i < list.len; i++) {
        const pz_str text = pz_value_text(list.as.items[i]);
        pz__buf_format(out, "%s%.*s", i ? ", " : "", PZ__STR_ARG(text));
    }
}

/* The policies that fix or limit an answer. */
static pz_status tell_policies(teller *t, const pz__attribute *attribute,
                               const pz__resolution *answer)
{
    const bool is_locked = answer->tier == PZ__TIER_LOCK;
    pz_value policies;
    if (!is_locked && answer->reason != PZ__REASON_BOUNDED)
        return PZ_OK;
    const pz_status status =
        pz__request_forcing(t->request, attribute->index, is_locked, &policies);
    if (status != PZ_OK)
        return status;
    pz__buf_text(&t->out, is_locked ? "  Fixed by policy " : "  Limited by policy ");
    put_list(&t->out, policies);
    pz__buf_text(&t->out, ".\n");
    return PZ_OK;
}

/* What may not be used: from catalog, consents and levels alone. */
static pz_status tell_withheld(teller *t, const pz__slot_info *info)
{
    pz_value withheld;
    const pz_status status = pz__request_withheld(t->request, info, &withheld);
    if (status != PZ_OK || withheld.len == 0)
        return status;
    pz__buf_text(&t->out, "  Not everything may be used: ");
    put_list(&t->out, withheld);
    pz__buf_text(&t->out, ".\n");
    return PZ_OK;
}

static pz_status tell_attribute(teller *t, const pz__attribute *attribute)
{
    const pz__resolution *answer = pz__request_answer(t->request, attribute->index);
    if (!answer)
        return t->request->status;
    if (answer->tier == PZ__TIER_NONE) {
        pz__buf_format(&t->out, "%.*s is not known.\n", PZ__STR_ARG(attribute->name));
    } else {
        pz__buf_format(&t->out, "%.*s is ", PZ__STR_ARG(attribute->name));
        put_value(&t->out, answer->value);
        pz__buf_format(&t->out, ": %s", source_of(answer));
        if (answer->has_confidence) {
            pz__buf_text(&t->out, ", confidence ");
            put_share(&t->out, (double)answer->confidence / 65536.0);
        }
        put_provenance(&t->out, answer);
        pz__buf_text(&t->out, ".\n");
    }
    pz_status status = tell_policies(t, attribute, answer);
    if (status != PZ_OK)
        return status;
    const pz__view view = pz__request_view(t->request);
    const pz__layer *layers;
    uint32_t count;
    pz__force room;
    const pz__force *force;
    status = pz__request_force(t->request, attribute->index, &room, &force);
    if (status == PZ_OK)
        status = pz__inspect(&view, attribute, force, &layers, &count);
    if (status != PZ_OK)
        return status;
    for (uint32_t i = 0; i < count; i++) {
        tell_overridden(t, answer, &layers[i]);
        tell_set_aside(t, &layers[i]);
    }
    if (answer->tier == PZ__TIER_NONE || answer->tier >= PZ__TIER_GROUP)
        return tell_thin_evidence(t, attribute, force);
    return PZ_OK;
}

/* The name of a slot as its author reads it: a window in hours or minutes, where it has whole ones.
 * Elsewhere names have one spelling, in seconds. */
static void put_name(pz__buf *out, const pz__slot_info *info)
{
    const pz_str name = info->name;
    const bool has_hours = info->window_ms % HOUR_MS == 0;
    size_t cut = name.len;
    if (info->window_ms == 0 || info->window_ms % MINUTE_MS != 0) {
        pz__buf_put(out, name.data, name.len);
        return;
    }
    for (uint32_t quotes = 0; cut > 0 && quotes < 2; cut--)
        quotes += name.data[cut - 1] == '\'';
    pz__buf_format(out, "%.*s'%" PRId64 "%s'))", (int)cut, name.data,
                   info->window_ms / (has_hours ? HOUR_MS : MINUTE_MS), has_hours ? "h" : "m");
}

static pz_status tell_use(teller *t, const pz__use *use)
{
    const pz__slot_info *info = &t->request->catalog->slots[use->slot];
    if (info->use == PZ__USE_ATTRIBUTE) {
        const pz_status status = tell_attribute(t, &t->request->catalog->attributes[info->index]);
        return status == PZ_OK ? tell_withheld(t, info) : status;
    }
    put_name(&t->out, info);
    pz__buf_text(&t->out, " is ");
    if (use->value.kind <= PZ_MAP)
        put_value(&t->out, use->value);
    else
        pz__buf_text(&t->out, "not known");
    pz__buf_text(&t->out, ".\n");
    return tell_withheld(t, info);
}

static void tell_rest(teller *t)
{
    const pz_decision *decision = t->decision;
    for (uint32_t i = 0; i < decision->unknown_count; i++) {
        pz__buf_text(&t->out, i ? ", " : "Knowing more might have changed this: ");
        put_name(&t->out, &t->request->catalog->slots[decision->unknown[i]]);
    }
    if (decision->unknown_count)
        pz__buf_text(&t->out, ".\n");
    for (uint32_t i = 0; i < decision->failure_count; i++) {
        const pz_str id = decision->failures[i].rule->id;
        pz__buf_format(&t->out, "Rule '%.*s' failed: %s.\n", PZ__STR_ARG(id),
                       decision->failures[i].message);
    }
    if (decision->is_impure)
        pz__buf_text(&t->out, "The host's own functions had a say: asked again, they may answer "
                              "otherwise.\n");
}

pz_status pz__decision_sentences(pz__request *request, const pz_decision *decision, pz_str *out)
{
    if (decision->serial != request->serial)
        return PZ_ERR_STATE;
    teller t = {.request = request, .decision = decision};
    pz__buf_init(&t.out, &request->arena.alloc, SENTENCES_MAX);
    pz__request_bind(request, decision->person, decision->accounts, decision->binding);
    request->status = PZ_OK;
    tell_decision(&t);
    pz_status status = PZ_OK;
    for (uint32_t i = 0; i < decision->use_count && status == PZ_OK; i++)
        status = tell_use(&t, &decision->uses[i]);
    tell_rest(&t);
    if (status == PZ_OK)
        status = t.out.status;
    if (status == PZ_OK) {
        const char *text = pz__arena_text(&request->arena, t.out.data, t.out.len);
        *out = (pz_str){text, t.out.len};
        status = text ? PZ_OK : PZ_ERR_NOMEM;
    }
    pz__buf_clear(&t.out);
    return status;
}
