/*
 * rules.c: the decision itself: the first rule that is TRUE gives the value.
 *
 * Rules are tried in the order of the catalog. One that is false, unknown or fails does not fire;
 * what an unknown one missed is collected, since it might have changed the decision, and what a
 * failing one said is kept. A rule whose value is an expression fires only if that gives a value.
 *
 * The slots that were read between the first rule and the last one tried are the grounds of the
 * decision, in the order in which they were read: deciding again with nothing else known gives the
 * same answer. Slots are settled before and after, so these grounds do not depend on what the
 * request was asked earlier.
 *
 * A decision is impure if a rule or segment that was tried names a function of the host, or the
 * catalog has policies that do: the same inputs need not give it again.
 */
#include "decide/decide.h"

static const char *const outcome_names[] = {
    [PZ__OUTCOME_MATCH] = "TARGETING_MATCH",
    [PZ__OUTCOME_DEFAULT] = "DEFAULT",
    [PZ__OUTCOME_STATIC] = "STATIC",
    [PZ__OUTCOME_ERROR] = "ERROR",
};

const char *pz__outcome_name(pz__outcome outcome)
{
    return outcome_names[outcome];
}

/* What trying the rules collects. Lists have room for the worst case. */
typedef struct trial {
    pz__request *request;
    pz_decision *decision;
    uint32_t *unknown;
    uint32_t unknown_count;
    pz__failure *failures;
    uint32_t failure_count;
} trial;

static void note_unknown(trial *t, const pz__unknowns *missing)
{
    for (uint32_t i = 0; i < missing->count; i++) {
        uint32_t k = 0;
        while (k < t->unknown_count && t->unknown[k] != missing->slots[i])
            k++;
        if (k == t->unknown_count)
            t->unknown[t->unknown_count++] = missing->slots[i];
    }
}

/* True if the result is TRUE; else what kept it from being so is noted. */
static bool is_usable(trial *t, const pz__rule *rule, pz_value result)
{
    if (result.kind == PZ__V_UNKNOWN) {
        note_unknown(t, (const pz__unknowns *)(const void *)result.as.text);
        return false;
    }
    if (result.kind == PZ__V_ERROR) {
        const pz__cel_error *error = (const pz__cel_error *)(const void *)result.as.text;
        pz__request_notice(t->request, result);
        t->failures[t->failure_count++] = (pz__failure){rule, error->message};
        return false;
    }
    return true;
}

/* Whether a host can hold the value: dyn() hides types, addresses and optionals from the catalog.
 */
static bool is_for_hosts(pz_value v)
{
    if (v.kind != PZ_LIST && v.kind != PZ_MAP)
        return v.kind <= PZ_MAP;
    for (uint32_t i = 0; i < v.len; i++) {
        const pz_value item = v.kind == PZ_LIST ? v.as.items[i] : pz_value_entry(v, i).value;
        if (!is_for_hosts(item))
            return false;
    }
    return true;
}

static bool calls_host(const pz__program *program)
{
    return program && pz__program_calls_host(program);
}

static bool fires(trial *t, const pz__rule *rule)
{
    t->decision->is_impure |= calls_host(rule->when) || calls_host(rule->expr);
    if (rule->when) {
        const pz_value when = pz__cel_eval(rule->when, &t->request->activation);
        if (!is_usable(t, rule, when) || pz__cel_truth(when) != PZ__TRUE)
            return false;
    }
    if (!rule->expr) {
        t->decision->value = rule->value;
        return true;
    }
    const pz_value value = pz__cel_eval(rule->expr, &t->request->activation);
    if (!is_usable(t, rule, value))
        return false;
    if (!is_for_hosts(value)) {
        t->failures[t->failure_count++] =
            (pz__failure){rule, "the value is of a kind that only rules can hold"};
        return false;
    }
    t->decision->value = value;
    return true;
}

static void try_rules(trial *t)
{
    const pz__decision_def *def = t->decision->def;
    for (uint32_t i = 0; i < def->rule_count; i++) {
        if (!fires(t, &def->rules[i]))
            continue;
        t->decision->rule = &def->rules[i];
        t->decision->outcome = PZ__OUTCOME_MATCH;
        return;
    }
    t->decision->value = def->default_value;
    if (def->rule_count == 0)
        t->decision->outcome = PZ__OUTCOME_STATIC;
    else
        t->decision->outcome = t->failure_count ? PZ__OUTCOME_ERROR : PZ__OUTCOME_DEFAULT;
}

static bool is_guess(const pz__slot_info *info)
{
    return info->use == PZ__USE_ATTRIBUTE || info->use == PZ__USE_CONFIDENCE ||
           info->use == PZ__USE_TIER;
}

/* The slots read, with what was in them, and the least confidence among the guesses. */
static pz_status note_uses(pz__request *request, pz_decision *decision)
{
    const uint32_t count = request->touched_count;
    pz__use *uses = pz__arena_array(&request->arena, count, sizeof *uses);
    if (!uses)
        return PZ_ERR_NOMEM;
    decision->confidence = 65536;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t slot = request->touched[i];
        const pz__slot_info *info = &request->catalog->slots[slot];
        uses[i] = (pz__use){slot, request->activation.slots[slot]};
        if (info->use == PZ__USE_SEGMENT)
            decision->is_impure |= calls_host(request->catalog->segments[info->index].program);
        if (!is_guess(info) || !request->answered[info->index])
            continue;
        const pz__resolution *answer = &request->answers[info->index];
        if (answer->has_confidence && answer->confidence < decision->confidence)
            decision->confidence = answer->confidence;
    }
    decision->uses = uses;
    decision->use_count = count;
    return PZ_OK;
}

/* Values borrow from profile and arena; the accessors hand texts out with a NUL behind them. */
static pz_status finish_texts(pz__request *request, pz_decision *decision)
{
    decision->rule_id = "";
    if (decision->rule) {
        const pz_str id = decision->rule->id;
        decision->rule_id = pz__arena_text(&request->arena, id.data, id.len);
        if (!decision->rule_id)
            return PZ_ERR_NOMEM;
    }
    if (decision->value.kind != PZ_STRING)
        return PZ_OK;
    decision->text = pz__arena_text(&request->arena, decision->value.as.text, decision->value.len);
    return decision->text ? PZ_OK : PZ_ERR_NOMEM;
}

pz_status pz__decide(pz__request *request, const pz__decision_def *def, const pz_decision **out)
{
    pz__arena *arena = &request->arena;
    *out = NULL;
    pz_decision *decision = pz__arena_zero(arena, 1, sizeof *decision);
    trial t = {.request = request, .decision = decision};
    t.unknown = pz__arena_array(arena, request->catalog->slot_count, sizeof *t.unknown);
    t.failures = pz__arena_array(arena, def->rule_count, sizeof *t.failures);
    if (!decision || !t.unknown || !t.failures)
        return PZ_ERR_NOMEM;
    decision->request = request;
    decision->def = def;
    decision->person = request->person;
    decision->accounts = request->accounts;
    decision->binding = request->binding;
    decision->serial = request->serial;
    decision->is_impure = request->catalog->has_impure_policies;
    request->status = PZ_OK;
    pz__request_settle(request);
    try_rules(&t);
    decision->unknown = t.unknown;
    decision->unknown_count = t.unknown_count;
    decision->failures = t.failures;
    decision->failure_count = t.failure_count;
    pz_status status = request->status;
    if (status == PZ_OK)
        status = note_uses(request, decision);
    if (status == PZ_OK)
        status = finish_texts(request, decision);
    pz__request_settle(request);
    if (status == PZ_OK)
        *out = decision;
    return status;
}
