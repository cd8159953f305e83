/*
 * explain.c: why, as structure: every rule with what it came to, every attribute with its layers.
 *
 * Nothing is collected while deciding, so explaining can change no answer and costs nothing when
 * nobody asks. The rules are evaluated again over the same activation; being pure they come to the
 * same. Functions of the host need not: what an impure decision's rules came to is told as they
 * come to it now, but for the one that fired.
 */
#include "decide/decide.h"

#include "decide/fields.h"
#include "decide/policies.h"

static const char *const truth_names[] = {
    [PZ__FALSE] = "FALSE",
    [PZ__TRUE] = "TRUE",
    [PZ__UNKNOWN] = "UNKNOWN",
    [PZ__ERROR] = "ERROR",
};

static pz_status layer_map(pz__request *request, const pz__layer *layer, pz_value *out)
{
    const pz__resolution *answer = &layer->answer;
    pz__fields fields;
    pz__fields_init(&fields, &request->arena);
    pz__fields_put(&fields, "tier", pz_value_str(pz__tier_name(answer->tier)));
    if (layer->key.kind != PZ_NULL)
        pz__fields_put(&fields, "key", layer->key);
    pz__fields_put(&fields, "value", answer->value);
    if (layer->is_removal)
        pz__fields_put(&fields, "removal", pz_value_bool(true));
    pz__fields_put(&fields, "why", pz_value_str(pz__fate_name(layer->fate)));
    if (answer->has_confidence)
        pz__fields_put(&fields, "confidence",
                       pz_value_double((double)answer->confidence / 65536.0));
    pz__fields_put_text(&fields, "channel", answer->channel);
    pz__fields_put_text(&fields, "who", answer->who);
    pz__fields_put_time(&fields, "at", answer->at_ms);
    return pz__fields_end(&fields, out);
}

pz_status pz__layers_list(pz__request *request, const pz__attribute *attribute, bool is_privileged,
                          pz_value *out)
{
    request->status = PZ_OK;
    const pz__view view = pz__request_view(request);
    const pz__layer *layers;
    uint32_t count;
    pz__force room;
    const pz__force *force;
    pz_status status = pz__request_force(request, attribute->index, &room, &force);
    if (status == PZ_OK)
        status = is_privileged ? pz__inspect_privileged(&view, attribute, force, &layers, &count)
                               : pz__inspect(&view, attribute, force, &layers, &count);
    if (status == PZ_OK)
        status = request->status;
    if (status != PZ_OK)
        return status;
    pz_value *items = pz__arena_array(&request->arena, count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < count; i++) {
        status = layer_map(request, &layers[i], &items[i]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, count);
    return PZ_OK;
}

static const char *rule_came_to(pz__request *request, const pz_decision *decision,
                                const pz__rule *rule)
{
    if (decision->rule && rule > decision->rule)
        return "NOT_REACHED";
    if (rule == decision->rule)
        return truth_names[PZ__TRUE];
    pz_value came_to = pz_value_bool(true);
    if (rule->when)
        came_to = pz__cel_eval(rule->when, &request->activation);
    pz__truth truth = pz__cel_truth(came_to);
    /* A rule that is TRUE and did not fire failed to give its value. */
    if (truth == PZ__TRUE && rule->expr) {
        came_to = pz__cel_eval(rule->expr, &request->activation);
        truth = pz__cel_truth(came_to) == PZ__UNKNOWN ? PZ__UNKNOWN : PZ__ERROR;
    }
    pz__request_notice(request, came_to);
    return truth_names[truth];
}

static pz_status rules_list(pz__request *request, const pz_decision *decision, pz_value *out)
{
    const pz__decision_def *def = decision->def;
    pz_value *items = pz__arena_array(&request->arena, def->rule_count, sizeof *items);
    if (!items)
        return PZ_ERR_NOMEM;
    for (uint32_t i = 0; i < def->rule_count; i++) {
        const pz__rule *rule = &def->rules[i];
        pz__fields fields;
        pz__fields_init(&fields, &request->arena);
        pz__fields_put_text(&fields, "rule", rule->id);
        if (rule->when)
            pz__fields_put_text(&fields, "when", pz__program_source(rule->when));
        pz__fields_put(&fields, "came_to", pz_value_str(rule_came_to(request, decision, rule)));
        const pz_status status = pz__fields_end(&fields, &items[i]);
        if (status != PZ_OK)
            return status;
    }
    *out = pz__value_of_items(items, def->rule_count);
    return PZ_OK;
}

/* The attribute whose answer a slot speaks of, or NULL. */
static const pz__attribute *attribute_of(const pz__catalog *catalog, uint32_t slot)
{
    const pz__slot_info *info = &catalog->slots[slot];
    const bool is_about = info->use == PZ__USE_ATTRIBUTE || info->use == PZ__USE_CONFIDENCE ||
                          info->use == PZ__USE_TIER;
    return is_about ? &catalog->attributes[info->index] : NULL;
}

static bool is_listed(const pz_entry *entries, uint32_t count, pz_str name)
{
    for (uint32_t i = 0; i < count; i++)
        if (pz__str_equal(pz_value_text(entries[i].key), name))
            return true;
    return false;
}

/* A map from the name of each attribute that was read to its layers. */
static pz_status layers_map(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz_entry *entries = pz__arena_array(&request->arena, decision->use_count, sizeof *entries);
    if (!entries)
        return PZ_ERR_NOMEM;
    uint32_t count = 0;
    for (uint32_t i = 0; i < decision->use_count; i++) {
        const pz__attribute *attribute = attribute_of(request->catalog, decision->uses[i].slot);
        if (!attribute || is_listed(entries, count, attribute->name))
            continue;
        entries[count].key = pz__value_of_str(attribute->name);
        const pz_status status =
            pz__layers_list(request, attribute, false, &entries[count++].value);
        if (status != PZ_OK)
            return status;
    }
    return pz__value_of_entries(&request->arena, out, entries, count, PZ__DUP_REFUSE);
}

pz_status pz__decision_explain(pz__request *request, const pz_decision *decision, pz_value *out)
{
    pz__fields fields;
    pz_value rules, layers, policies;
    pz_status status = pz__decision_fields(request, decision, &fields);
    request->status = PZ_OK;
    if (status == PZ_OK)
        status = rules_list(request, decision, &rules);
    if (status == PZ_OK)
        status = request->status;
    if (status == PZ_OK)
        status = layers_map(request, decision, &layers);
    if (status == PZ_OK)
        status = pz__policies_list(request, decision, &policies);
    pz__request_settle(request);
    if (status != PZ_OK)
        return status;
    pz__fields_put(&fields, "rules", rules);
    pz__fields_put(&fields, "layers", layers);
    if (policies.len)
        pz__fields_put(&fields, "policies", policies);
    return pz__fields_end(&fields, out);
}
